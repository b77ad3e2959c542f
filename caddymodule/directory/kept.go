package directory

import (
	"maps"
	"slices"
)

// Keep takes what identity providers last said of the groups of people: by
// username, groups written PROVIDER/NAME. It takes the place of what an earlier
// call said, and makes a person seen by others as a member of these groups;
// to himself it gives nothing (see rules.Engine). What changes nothing makes no
// new generation.
func (d *Directory) Keep(kept map[string][]string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if maps.EqualFunc(kept, d.kept, slices.Equal) {
		return
	}
	d.kept = kept
	d.swap(d.current.Load().keep(kept))
}

// keep gives a generation in which people are members of these groups beside
// those that the wiki knows, and of none that an earlier call said. It must be
// called on the newest generation only.
func (g *Generation) keep(kept map[string][]string) *Generation {
	if len(kept) == 0 && len(g.kept) == 0 {
		return g
	}
	n := *g
	n.number = generations.Add(1)
	n.base = n.number // users are not as they were
	n.users = slices.Clone(g.users)
	for i, added := range g.kept {
		u := &n.users[i]
		u.Groups = slices.DeleteFunc(slices.Clone(u.Groups), func(s string) bool { return slices.Contains(added, s) })
	}
	n.kept = map[int][]string{}
	for name, groups := range kept {
		// A record that a look-up has replaced stands behind another one still;
		// names find the newest.
		i, ok := n.userName.find(name, -1)
		if !ok || n.users[i].Username != name {
			continue
		}
		u := &n.users[i]
		var added []string
		for _, s := range groups {
			// A group of the wiki's own by such a name is the wiki's to say.
			if _, wiki := n.FindGroup(wikiSource, s); !wiki && !slices.Contains(u.Groups, s) {
				added = append(added, s)
			}
		}
		if len(added) > 0 {
			u.Groups = union(u.Groups, added)
			n.kept[int(i)] = added
		}
	}
	return &n
}

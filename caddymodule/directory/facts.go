package directory

import (
	"maps"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/rules"
)

// Generation numbers this state; later ones have higher numbers.
func (g *Generation) Generation() uint64 { return g.number }

// Base numbers the sync or snapshot that this generation grew from: look-ups
// only append records, so ids of generations of one base agree.
func (g *Generation) Base() uint64 { return g.base }

// Users gives all users; the caller must not change them.
func (g *Generation) Users() []rules.UserRecord { return g.users }

// Groups gives all groups; the caller must not change them.
func (g *Generation) Groups() []rules.GroupRecord { return g.groups }

// Spaces gives all spaces; the caller must not change them.
func (g *Generation) Spaces() []rules.SpaceRecord { return g.spaces }

// Contents gives all content; the caller must not change it.
func (g *Generation) Contents() []rules.ContentRecord { return g.contents }

// FindUser resolves a user by any attribute but his full name.
func (g *Generation) FindUser(attr rules.Attr, value string) (rules.ID, bool) {
	switch attr {
	case rules.UserName:
		return g.userName.find(value, rules.NoID)
	case rules.UserKey:
		return g.userKey.find(value, rules.NoID)
	case rules.UserAccountID:
		return g.userAccount.find(value, rules.NoID)
	case rules.UserEmail:
		return g.userEmail.find(value, rules.NoID)
	case rules.UserAvatar:
		return g.userAvatar.find(value, rules.NoID)
	}
	return rules.NoID, false
}

// FindUsersByDisplay gives all users of that full name, without regard to case.
func (g *Generation) FindUsersByDisplay(name string) []rules.ID {
	at, ok := g.display.find(name, rules.NoID)
	if !ok {
		return nil
	}
	return g.bearers[at]
}

// FindGroup resolves a group of the wiki (source "" or "wiki") or a provider.
func (g *Generation) FindGroup(source, name string) (rules.ID, bool) {
	if source == "" {
		source = wikiSource
	}
	scope, ok := g.sources[source]
	if !ok {
		return rules.NoID, false
	}
	return g.groupName.find(name, scope)
}

// FindSpace resolves a space by key, id, or name; aliases count as names.
func (g *Generation) FindSpace(attr rules.Attr, value string) (rules.ID, bool) {
	switch attr {
	case rules.SpaceKey:
		return g.spaceKey.find(value, rules.NoID)
	case rules.SpaceID:
		return g.spaceID.find(value, rules.NoID)
	case rules.SpaceName:
		return g.spaceName.find(value, rules.NoID)
	}
	return rules.NoID, false
}

// FindSpaceByAnyName resolves a space by key, id, name or alias, in this order.
func (g *Generation) FindSpaceByAnyName(name string) (rules.ID, bool) {
	for _, l := range [...]*layers{&g.spaceKey, &g.spaceID, &g.spaceName} {
		if id, ok := l.find(name, rules.NoID); ok {
			return id, true
		}
	}
	return rules.NoID, false
}

// FindContent resolves content by its id or an alias of it, by a revision of
// it, or by its title in a space.
func (g *Generation) FindContent(attr rules.Attr, value string, space rules.ID) (rules.ID, bool) {
	switch attr {
	case rules.ContentID:
		return g.contentID.find(value, rules.NoID)
	case rules.RevisionID:
		return g.revision.find(value, rules.NoID)
	case rules.ContentTitle:
		if space != rules.NoID {
			return g.contentTitle.find(value, space)
		}
	}
	return rules.NoID, false
}

// Absent reports that the wiki was asked and has nothing of this spelling.
func (g *Generation) Absent(attr rules.Attr, value string, space rules.ID) bool {
	if len(g.absent) == 0 {
		return false
	}
	_, ok := g.absent[g.absence(attr, value, space)]
	return ok
}

func (g *Generation) absence(attr rules.Attr, value string, space rules.ID) absence {
	fold := FoldNone
	switch attr {
	case rules.UserName:
		fold = g.options.Users
	case rules.UserEmail:
		fold = FoldCase
	case rules.SpaceKey, rules.SpaceName:
		fold = g.options.Spaces
	case rules.ContentTitle:
		return absence{attr, foldString(g.options.Titles, value), space}
	}
	return absence{attr, foldString(fold, value), rules.NoID}
}

// find resolves any key, a title only with its space.
func (g *Generation) find(k rules.Key, space rules.ID) (rules.ID, bool) {
	switch k.Attr.Kind() {
	case rules.User:
		if k.Attr == rules.UserDisplay {
			l := g.FindUsersByDisplay(k.Value)
			return rules.NoID, len(l) > 0
		}
		return g.FindUser(k.Attr, k.Value)
	case rules.Group:
		return g.FindGroup("", k.Value)
	case rules.Space:
		return g.FindSpace(k.Attr, k.Value)
	case rules.Content:
		return g.FindContent(k.Attr, k.Value, space)
	}
	return rules.NoID, false
}

// with gives a new generation that also knows d, and that the given spellings
// are absent. Of records that were there before, the new one counts. It must
// be called on the newest generation only: the two share memory.
func (g *Generation) with(d rules.Directory, absent []absence, forget func(absence) bool) *Generation {
	n := *g
	n.number = generations.Add(1)
	n.addUsers(d.Users)
	n.addContent(d.Content, d.Aliases)
	n.absent = maps.Clone(g.absent)
	maps.DeleteFunc(n.absent, func(a absence, _ struct{}) bool { return forget != nil && forget(a) || n.knows(a) })
	for _, a := range absent {
		if !n.knows(a) {
			n.absent[a] = struct{}{}
		}
	}
	return &n
}

func (g *Generation) knows(a absence) bool {
	_, ok := g.find(rules.Key{Attr: a.attr, Value: a.value}, a.space)
	return ok
}

func (g *Generation) addUsers(users []rules.UserRecord) {
	if len(users) == 0 {
		return
	}
	from := len(g.users)
	g.users = slices.Clone(g.users)
	g.kept = maps.Clone(g.kept)
	for _, u := range users {
		if u.Username == "" {
			continue
		}
		if old, ok := g.userName.find(u.Username, rules.NoID); ok {
			complete(&u, &g.users[old])
			if added := g.kept[int(old)]; added != nil {
				g.kept[len(g.users)] = added
			}
		}
		g.addGroups(u.Groups)
		u.Groups = g.closed(u.Groups)
		g.users = append(g.users, u)
		g.added++
	}
	name, key, account, email, avatar := userEntries(g.users, from)
	g.userName = g.userName.with(name)
	g.userKey = g.userKey.with(key)
	g.userAccount = g.userAccount.with(account)
	g.userEmail = g.userEmail.with(email)
	g.userAvatar = g.userAvatar.with(avatar)
	g.indexDisplay()
}

// addGroups makes the wiki's groups that are not known yet; see mention.
func (g *Generation) addGroups(names []string) {
	for _, name := range names {
		if i, ok := g.FindGroup(wikiSource, name); name == "" || strings.Contains(name, "/") || ok && g.groups[i].Name == name {
			continue
		}
		scope, ok := g.sources[wikiSource]
		if !ok {
			scope = rules.ID(len(g.sources))
			g.sources = maps.Clone(g.sources)
			g.sources[wikiSource] = scope
		}
		id := rules.ID(len(g.groups))
		g.groups = append(slices.Clip(g.groups), rules.GroupRecord{Name: name, Source: wikiSource})
		g.groupName = g.groupName.with([]entry{{name, scope, id}})
	}
}

// closed gives the groups around the given ones.
func (g *Generation) closed(names []string) []string {
	have := map[string]bool{}
	for _, n := range names {
		have[n] = true
	}
	for again := true; again; {
		again = false
		for i := range g.groups {
			r := &g.groups[i]
			if r.Source == wikiSource && !have[r.Name] && slices.ContainsFunc(r.Groups, func(s string) bool { return have[s] }) {
				have[r.Name], again = true, true
			}
		}
	}
	return slices.Sorted(maps.Keys(have))
}

// complete takes over what a new record of a user does not say.
func complete(u, old *rules.UserRecord) {
	for _, f := range []struct {
		dst *string
		src string
	}{{&u.Key, old.Key}, {&u.AccountID, old.AccountID}, {&u.Email, old.Email}, {&u.DisplayName, old.DisplayName}} {
		if *f.dst == "" {
			*f.dst = f.src
		}
	}
	if u.Active == nil {
		u.Active = old.Active
	}
	if len(u.AvatarIDs) == 0 {
		u.AvatarIDs = old.AvatarIDs
	}
	if len(u.Identities) == 0 {
		u.Identities = old.Identities
	}
	u.Groups = union(u.Groups, old.Groups)
	if len(u.Attributes) == 0 {
		u.Attributes = old.Attributes
	}
}

func union(a, b []string) []string {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

func (g *Generation) addContent(content []rules.ContentRecord, aliases []rules.AliasRecord) {
	var ids, titles, revisions []entry
	for _, c := range content {
		space, ok := g.spaceKey.find(c.Space, rules.NoID)
		if c.ID == "" || !ok {
			continue // in a space that is not known: it stays unknown
		}
		id := rules.ID(len(g.contents))
		if old, ok := g.contentID.find(c.ID, rules.NoID); ok {
			// Renamed or moved since: the old title leads to the new record.
			o := &g.contents[old]
			if oldSpace, ok := g.spaceKey.find(o.Space, rules.NoID); ok && titled(o) {
				titles = put(titles, o.Title, oldSpace, id)
			}
		}
		ids = put(ids, c.ID, rules.NoID, id)
		if titled(&c) {
			titles = put(titles, c.Title, space, id)
		}
		g.contents = append(g.contents, c)
		g.added++
	}
	g.contentID = g.contentID.with(ids)
	g.contentTitle = g.contentTitle.with(dedupe(titles))
	ids = nil
	none := newTable(FoldNone, nil)
	for _, a := range aliases {
		of, ok := g.contentID.find(a.Of, rules.NoID)
		if !ok {
			continue
		}
		ids, revisions = putAlias(ids, revisions, a, of, none)
		g.aliases++
		g.added++
	}
	g.contentID = g.contentID.with(ids)
	g.revision = g.revision.with(revisions)
}

// dedupe keeps one entry for each thing that a name names here.
func dedupe(l []entry) []entry {
	seen := make(map[entry]bool, len(l))
	return slices.DeleteFunc(l, func(e entry) bool {
		was := seen[e]
		seen[e] = true
		return was
	})
}

package rules

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestPropertyNoninterference: what is hidden from a viewer, in every context,
// may be called otherwise, have other attributes, or not be there at all:
// nothing that he is told about the rest changes.
func TestPropertyNoninterference(t *testing.T) {
	t.Parallel()
	changed := 0
	eachWorld(t, 150, func(t *testing.T, d *dice, w *world, text string) {
		e := mustBind(t, w, w.p)
		for i := range w.viewers {
			who := w.viewers[i]
			self := e.View(who, w.now).SelfUser()
			before := sights(e, who, w.now)
			renamed, removed, n := hiddenOf(w, before, self)
			changed += n
			for what, other := range map[string]*Directory{"renaming": renamed, "removing": removed} {
				twin := *w
				twin.d = other
				after, before := sights(mustBind(t, &twin, w.p), who, w.now), maps.Clone(before)
				maps.DeleteFunc(before, func(name string, _ bool) bool { // nobody asks about a place that is not there
					_, in, ok := strings.Cut(name, " in ")
					return ok && !slices.ContainsFunc(other.Spaces, func(s SpaceRecord) bool { return s.Key == in })
				})
				if !maps.Equal(before, after) {
					more(t, before, after, what+" what is hidden", &who, text)
					more(t, after, before, what+" what is hidden, undone,", &who, text)
				}
			}
		}
	})
	t.Logf("%d hidden records changed", changed)
}

// hiddenOf gives the directory twice: with all that the viewer does not see
// called otherwise, and without it, as far as no rule names it and nothing that
// he sees hangs on it.
func hiddenOf(w *world, seen map[string]bool, self ID) (renamed, removed *Directory, n int) {
	renamed, removed = &Directory{Groups: w.d.Groups}, &Directory{Groups: w.d.Groups}
	sees := func(kind, name string) bool {
		return slices.ContainsFunc(slices.Collect(maps.Keys(seen)), func(s string) bool { return s == kind+" "+name || strings.HasPrefix(s, kind+" "+name+" in ") })
	}
	for i, u := range w.d.Users {
		if sees("user", u.Username) || sees("candidate", u.Username) || ID(i) == self {
			renamed.Users, removed.Users = append(renamed.Users, u), append(removed.Users, u)
			continue
		}
		n++
		if slices.ContainsFunc(w.d.Spaces, func(s SpaceRecord) bool { return s.Owner == u.Username }) {
			removed.Users = append(removed.Users, u) // his space may be hidden for other reasons, and is then not his
		}
		u.DisplayName, u.Key, u.AvatarIDs, u.AccountID = "Another", "k-"+u.Username, []string{"7"}, "acc-"+u.Username
		renamed.Users = append(renamed.Users, u)
	}
	named := map[string]bool{}
	for _, g := range w.p.Pages {
		named[g.Content] = true
	}
	for _, s := range w.p.Spaces {
		for _, id := range s.Hide.Subtrees {
			named[id] = true
		}
	}
	used := map[string]bool{}
	for _, c := range w.d.Content {
		for _, id := range append(slices.Clone(c.Includes), c.Redirect, c.Parent) {
			used[id] = true
		}
	}
	for _, c := range w.d.Content {
		if sees("content", c.ID) {
			renamed.Content, removed.Content = append(renamed.Content, c), append(removed.Content, c)
			continue
		}
		n++
		if named[c.ID] || used[c.ID] {
			removed.Content = append(removed.Content, c)
		}
		c.Date, c.Labels = "2020-02-02", append(slices.Clone(c.Labels), "another")
		if c.Title != "Secret" { // what a pattern hides stays under it
			c.Title = "Another"
		}
		renamed.Content = append(renamed.Content, c)
	}
	renamed.Spaces, removed.Spaces = slices.Clone(w.d.Spaces), slices.Clone(w.d.Spaces)
	for i := range renamed.Spaces {
		if s := &renamed.Spaces[i]; !seen["name of space "+s.Key] && !strings.HasPrefix(s.Name, "z") {
			n++
			s.Name, s.Aliases = "Another "+s.Key, []string{"another"}
		}
	}
	removed.Spaces = slices.DeleteFunc(removed.Spaces, func(s SpaceRecord) bool {
		rule := slices.ContainsFunc(w.p.Spaces, func(r SpaceRule) bool { return r.Name == s.Key || r.Name == s.ID })
		return !rule && !seen["name of space "+s.Key] && !slices.ContainsFunc(removed.Content, func(c ContentRecord) bool { return c.Space == s.Key })
	})
	return renamed, removed, n
}

package rules

import (
	"fmt"
	"strings"
	"testing"
)

// states of a page in TestEveryTree.
const (
	statePlain = iota
	stateLabelled
	stateTitled
	stateSubtree
	stateForUser
	stateForGroup
	stateForNobody // restricted_to that names nobody: not restricted
	stateDraft
	stateFiltered
	stateUntold // restricted, to whom is not known
	states
)

func (f *forest) page(id, parent, space string, state int) {
	c := ContentRecord{ID: id, Space: space, Title: "T" + id, Parent: parent, Attributes: map[string]string{"f": "no"}}
	switch state {
	case stateLabelled:
		c.Labels = []string{"other", "secret"}
	case stateTitled:
		c.Title = "Secret"
	case stateSubtree:
		f.subtrees = append(f.subtrees, fmt.Sprintf("%q", id))
	case stateForUser:
		c.RestrictedTo = &Restriction{Users: []string{"named"}}
	case stateForGroup:
		c.RestrictedTo = &Restriction{Groups: []string{"around"}}
	case stateForNobody:
		c.RestrictedTo = &Restriction{}
	case stateDraft:
		c.Status = "draft"
	case stateFiltered:
		delete(c.Attributes, "f") // the condition fails, and hides
	case stateUntold:
		c.RestrictedTo = &Restriction{Unknown: true}
	}
	f.d.Content = append(f.d.Content, c)
}

type forest struct {
	d        *Directory
	subtrees []string
}

// TestEveryTree: every chain of three pages, each in any state, hanging on
// nothing, on a page that is not known, or on its own leaf; a page grant on none
// or any one of the three, with and without its subtree; the space shared or
// not, open or not; a member, a grant's holder, both, neither, one whom
// restrictions name, an internal; every mode and identity.
func TestEveryTree(t *testing.T) {
	t.Parallel()
	profile := referenceProfile(t)
	var n tally
	product(func(i []int) {
		f := forest{d: smallWiki()}
		f.d.Content, f.d.Groups = nil, append(f.d.Groups, GroupRecord{Name: "around", Groups: []string{"inner"}})
		var grants []string
		for mid := range states {
			for leaf := range states {
				id := fmt.Sprintf("%d%d", mid, leaf)
				line := []string{id + "top", id + "mid", id + "leaf"}
				f.page(line[0], []string{"", "999", line[2]}[i[1]], "A", i[0])
				f.page(line[1], line[0], "A", mid)
				f.page(line[2], line[1], "A", leaf)
				if i[2] > 0 {
					grants = append(grants, fmt.Sprintf("{content: %q, members: [{group: wiki/g2, role: user}]%s}", line[(i[2]-1)/2], []string{"", ", with: subtree"}[(i[2]-1)%2]))
				}
			}
		}
		f.d.Users = append(f.d.Users,
			UserRecord{Username: "member", Groups: []string{"g1"}},
			UserRecord{Username: "holder", Groups: []string{"g2"}},
			UserRecord{Username: "both", Groups: []string{"g1", "g2"}},
			UserRecord{Username: "nobody"},
			UserRecord{Username: "named", Groups: []string{"g1"}},
			UserRecord{Username: "inside", Groups: []string{"g1", "inner"}},
			UserRecord{Username: "staff", Groups: []string{"staff"}},
		)
		base := referencePolicy(t, profile, `unsafe_service_identity: true
internal: {groups: [wiki/staff]}
spaces:
  A: {members: [{group: wiki/g1}], hide: {labels: [secret], titles: [secret], subtrees: [%s]}}
pages: [%s]
filters: [{name: "yes", hide: content, when: 'content.attributes.f == "yes"'}]
`, strings.Join(f.subtrees, ", "), strings.Join(grants, ", "))
		product(func(j []int) {
			n.policies.Add(1)
			w := world{d: f.d, now: tableTime, viewers: everybody(f.d), identity: allIdentities[j[1]], p: vary(base, func(p *Policy) {
				p.Internal.Mode, p.Spaces[0].OpenTo = allModes[j[0]], []string{"", "externals", "public"}[j[2]]
			})}
			w.run(t, &n)
		}, 2, 2, 3)
	}, states, 3, 7)
	n.log(t)
}

// TestEveryReach: every two pages, each of which includes any of both and a
// page that is not known and redirects to any or none of these; every three
// pages that include and redirect to any of the others; each page visible or
// not by itself.
func TestEveryReach(t *testing.T) {
	t.Parallel()
	profile := referenceProfile(t)
	p := referencePolicy(t, profile, "internal: {groups: [wiki/staff], mode: shared-spaces}\nspaces:\n  A: {members: [{group: wiki/g1}]}\n  C: {}\n")
	var n tally
	users := []UserRecord{{Username: "member", Groups: []string{"g1"}}, {Username: "staff", Groups: []string{"staff"}}, {Username: "nobody"}}
	run := func(content []ContentRecord) {
		d := smallWiki()
		d.Content, d.Users = content, users
		for _, id := range allIdentities {
			w := world{p: p, d: d, now: tableTime, viewers: everybody(d), identity: id}
			w.run(t, &n)
		}
	}
	n.policies.Add(1)
	product(func(first []int) {
		var pages []ContentRecord
		product(func(i []int) {
			id := fmt.Sprint(len(pages)/2, ".")
			for k, c := range [][]int{first, i[:2]} {
				to := []string{id + "0", id + "1", "999", ""}
				pages = append(pages, ContentRecord{ID: to[k], Space: []string{"A", "B"}[i[2+k]], Title: to[k], Includes: among(c[0], to[:3]...), Redirect: to[c[1]]})
			}
		}, 8, 4, 2, 2)
		run(pages)
	}, 8, 4)
	product(func(first []int) {
		var pages []ContentRecord
		product(func(i []int) {
			id := fmt.Sprint(len(pages)/3, ".")
			for k, c := range [][]int{first, i[:2], i[2:4]} {
				others := []string{id + fmt.Sprint((k+1)%3), id + fmt.Sprint((k+2)%3), ""}
				pages = append(pages, ContentRecord{ID: id + fmt.Sprint(k), Space: among(1<<i[4+k], "A", "B", "C")[0], Title: id + fmt.Sprint(k), Includes: among(c[0], others[:2]...), Redirect: others[c[1]]})
			}
		}, 4, 3, 4, 3, 2, 2, 2)
		run(pages)
	}, 4, 3)
	n.log(t)
}

// TestEverySpace: one space of every kind (global, or personal of the viewer, of
// a mate, of a stranger, of nobody known; current or archived; shared with g1,
// until yesterday, or not; open or not; filtered or not; in the policy or not)
// with a page of it, granted or not.
func TestEverySpace(t *testing.T) {
	t.Parallel()
	profile := referenceProfile(t)
	d := &Directory{Groups: []GroupRecord{{Name: "staff"}, {Name: "g1"}, {Name: "g2"}}, Users: []UserRecord{
		{Username: "ann", Groups: []string{"g1"}},
		{Username: "mate", Groups: []string{"g1"}},
		{Username: "stranger", Groups: []string{"g2"}},
		{Username: "nobody"},
		{Username: "staff", Groups: []string{"staff"}},
		{Username: "worker", Groups: []string{"staff", "g1"}},
	}}
	var rules, pages strings.Builder
	product(func(i []int) {
		key := fmt.Sprint("S", len(d.Spaces))
		s := SpaceRecord{Key: key, ID: "id" + key, Status: []string{"", "current", "archived"}[i[1]], Name: []string{"no" + key, "yes"}[i[4]]}
		if i[0] > 0 {
			s.Type, s.Owner = "personal", []string{"", "ann", "mate", "stranger", "ghost"}[i[0]]
		}
		d.Spaces = append(d.Spaces, s)
		d.Content = append(d.Content, ContentRecord{ID: key, Space: key, Title: "Home"})
		if i[2] < 3 {
			open := []string{"", ", open_to: externals", ", open_to: public"}[i[3]]
			fmt.Fprintf(&rules, "  %s: {members: [%s]%s}\n", []string{key, "id" + key}[i[1]%2], []string{"", "{group: wiki/g1}", "{group: wiki/g1, until: 2026-11-30}"}[i[2]], open)
		}
		if i[5] > 0 {
			fmt.Fprintf(&pages, "  - {content: %q, members: [{user: wiki/ann}]}\n", key)
		}
	}, 5, 3, 4, 3, 2, 2)
	base := referencePolicy(t, profile, "unsafe_service_identity: true\ninternal: {groups: [wiki/staff]}\nfilters: [{name: 'yes', hide: spaces, when: 'space.name == \"yes\"'}]\nspaces:\n%spages:\n%s", &rules, &pages)
	var n tally
	product(func(j []int) {
		n.policies.Add(1)
		w := world{d: d, now: tableTime, viewers: everybody(d), identity: allIdentities[j[3]], p: vary(base, func(p *Policy) {
			p.Internal.Mode, p.Extranet.UsersSee, p.Extranet.Archived = allModes[j[0]], allSees[j[1]], []string{"hidden", "visible"}[j[2]]
		})}
		w.run(t, &n)
	}, 2, 3, 2, 2)
	n.log(t)
}

// TestEveryAction: every role (and none written) of two rules that cover some
// people, one of them over or not; every default role; managers_assign,
// mentions, mode, identity and users_see; every role of a page grant; every
// action on every user in every space, every space and every page.
func TestEveryAction(t *testing.T) {
	t.Parallel()
	profile := referenceProfile(t)
	d := smallWiki()
	d.Content = append(d.Content, ContentRecord{ID: "11", Space: "A", Title: "Below", Parent: "1"})
	for i, groups := range [][]string{nil, {"g1"}, {"g2"}, {"g1", "g2"}, {"staff"}, {"staff", "g1"}, {"g3"}} {
		d.Users = append(d.Users, UserRecord{Username: fmt.Sprint("u", i), Groups: groups, Email: fmt.Sprintf("u%d@one.example", i)})
	}
	roles := []string{"", ", role: reader", ", role: commenter", ", role: user", ", role: manager"}
	var n tally
	product(func(i []int) {
		base := referencePolicy(t, profile, `unsafe_service_identity: true
internal: {groups: [wiki/staff]}
extranet: {default_role: %s}
spaces:
  A: {members: [{group: wiki/g1%s}, {group: wiki/g2%s}]}
  B: {open_to: externals, members: [{group: wiki/g1, role: user}]}
pages:
  - {content: "3", members: [{group: wiki/g3%s}]}
  - {content: "1", members: [{group: wiki/g3, role: user}, {group: wiki/g2, role: commenter}], with: subtree}
`, []string{"reader", "commenter", "user", "manager"}[i[0]], roles[i[1]], []string{", role: commenter", ", role: manager, until: 2026-11-30"}[i[2]], roles[i[1]])
		product(func(j []int) {
			n.policies.Add(1)
			w := world{d: d, now: tableTime, viewers: everybody(d), actions: true, identity: allIdentities[j[3]], p: vary(base, func(p *Policy) {
				p.Internal.Mode, p.Extranet.UsersSee = allModes[j[0]], allSees[j[1]]
				p.Extranet.ManagersAssign, p.Spaces[0].Mentions = []string{"everyone", "shared-space"}[j[2]], []string{"members", "nobody"}[j[4]]
			})}
			w.run(t, &n)
		}, 2, 3, 2, 2, 2)
	}, 4, 5, 2)
	n.log(t)
}

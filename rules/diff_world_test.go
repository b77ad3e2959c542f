package rules

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// diffWorld makes directories and policies at random, of a wiki of spaces or of
// one of namespaces.
type diffWorld struct {
	rnd    *rand.Rand
	titles string // what the profile says of titles
	d      Directory
	spaces []string // as policies name them
}

func newDiffWorld(rnd *rand.Rand) *diffWorld {
	w := &diffWorld{rnd: rnd}
	for i, name := range []string{"ada", "ben", "cyd", "dot", "eli", "fay"} {
		u := UserRecord{Username: name, Email: name + "@" + w.pick("one.example", "two.example", "corp.example"), Attributes: map[string]string{"shy": w.pick("yes", "no", "no")}}
		for _, g := range []string{"staff", "team", "inner", "idp/claims"} {
			if rnd.IntN(3) == 0 {
				u.Groups = append(u.Groups, g)
			}
		}
		if i > 2 {
			u.Identities = []string{"idp/" + fmt.Sprint(i)}
		}
		if rnd.IntN(8) == 0 {
			u.Active = new(bool)
		}
		w.d.Users = append(w.d.Users, u)
	}
	w.d.Groups = []GroupRecord{{Name: "staff"}, {Name: "team", Groups: []string{"inner"}}, {Name: "inner"}}
	if rnd.IntN(2) == 0 {
		w.wikiOfSpaces()
	} else {
		w.wikiOfNamespaces()
	}
	return w
}

// profile is a wiki of next to no routes.
func (w *diffWorld) profile(t *testing.T) *Profile {
	t.Helper()
	p, err := ParseProfile("profile.yaml", []byte(`profile: tables
versions: ">=1 <2"
routes:
  - {match: "GET /page/{id}", class: content, params: {id: content.id}, evidence: {content: "body:id"}}
`+w.titles+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w *diffWorld) pick(s ...string) string { return s[w.rnd.IntN(len(s))] }
func (w *diffWorld) one(n int) bool          { return w.rnd.IntN(n) == 0 }

func (w *diffWorld) wikiOfSpaces() {
	w.titles = ""
	w.spaces = []string{"A", "B", "C", "~ada", "~eli"}
	for i, s := range w.spaces {
		r := SpaceRecord{Key: s, ID: fmt.Sprint(100 + i)}
		if name, ok := strings.CutPrefix(s, "~"); ok {
			r.Type, r.Owner = "personal", name
		}
		if w.one(8) {
			r.Status = "archived"
		}
		w.d.Spaces = append(w.d.Spaces, r)
	}
	for i := range 25 {
		c := ContentRecord{ID: fmt.Sprint(i + 1), Space: w.spaces[i/5], Title: fmt.Sprint("T", i)}
		if i%5 > 0 && w.rnd.IntN(4) > 0 {
			c.Parent = fmt.Sprint(i)
		}
		if w.one(25) {
			c.Parent = w.pick("7", "999") // elsewhere, or unknown
		}
		if w.one(6) {
			c.Includes = []string{fmt.Sprint(1 + w.rnd.IntN(26))}
		}
		if w.one(10) {
			c.Redirect = fmt.Sprint(1 + w.rnd.IntN(25))
		}
		w.dress(&c)
	}
}

func (w *diffWorld) wikiOfNamespaces() {
	w.titles = `titles: {codec: mediawiki-title, none: "(Main)", talk: subject, follow: {User: user, File: usage, Template: usage, Category: members, Module: deny}}`
	w.spaces = []string{"(Main)", "User", "File", "Template", "Category", "Acme"}
	for _, s := range [][2]string{{"0", "(Main)"}, {"1", "Talk"}, {"2", "User"}, {"3", "User talk"}, {"6", "File"}, {"10", "Template"}, {"14", "Category"}, {"3000", "Acme"}, {"3001", "Acme talk"}} {
		w.d.Spaces = append(w.d.Spaces, SpaceRecord{Key: s[1], ID: s[0]})
	}
	id := 0
	for _, s := range w.d.Spaces {
		for i := range 4 {
			id++
			title := fmt.Sprint("T", i)
			if strings.HasPrefix(s.Key, "User") {
				title = []string{"ada", "ben", "ada/x", "nobody"}[i]
			}
			c := ContentRecord{ID: fmt.Sprint(id), Space: s.Key, Title: title}
			for w.one(3) {
				c.Includes = append(c.Includes, fmt.Sprint(1+w.rnd.IntN(37)))
			}
			if w.one(4) {
				c.UsedBy = []string{fmt.Sprint(1 + w.rnd.IntN(36))}
			}
			if w.one(12) {
				c.Redirect = fmt.Sprint(1 + w.rnd.IntN(36))
			}
			if w.one(4) {
				c.Labels = append(c.Labels, w.pick("T0", "T1"))
			}
			w.dress(&c)
		}
	}
	if w.one(2) { // something that very much uses
		for i := range 80 {
			w.d.Content = append(w.d.Content, ContentRecord{ID: fmt.Sprint(1000 + i), Space: w.pick("(Main)", "Acme", "User"), Title: fmt.Sprint("Many", i), Includes: []string{"21", "17"}})
		}
	}
}

// dress adds what any content may have.
func (w *diffWorld) dress(c *ContentRecord) {
	if w.one(4) {
		c.Labels = append(c.Labels, "secret")
	}
	if w.one(8) {
		c.RestrictedTo = &Restriction{Users: []string{w.pick("ada", "ben", "cyd", "eli")}}
	}
	if w.one(20) {
		c.RestrictedTo = &Restriction{Groups: []string{w.pick("team", "inner", "staff")}}
	}
	if w.one(15) {
		c.Status = w.pick("archived", "draft", "trashed")
	}
	w.d.Content = append(w.d.Content, *c)
}

func (w *diffWorld) member() string {
	m := w.pick("user: wiki/ada", "user: wiki/ben", "user: wiki/cyd", "user: wiki/ghost", "group: wiki/team", "group: idp/claims", "group: idp/other",
		"email_domain: one.example", "email_domain: two.example", "email_domain: three.example", "user: eli@corp.example", "user: zoe@one.example", "user: idp/4", "user: idp/77")
	return "{" + m + w.pick("", "", ", until: 2026-11-30", ", until: 2026-12-01", ", role: user", ", role: manager") + "}"
}

// policy makes a policy of the world.
func (w *diffWorld) policy() string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nwiki: tables\npreset: %s\nproviders: {idp: {internal: true, domains: [one.example, two.example, corp.example]}}\n", w.pick("recommended", "strict"))
	fmt.Fprintf(&b, "internal: {groups: [%s], mode: %s}\n", w.pick("wiki/staff", "wiki/staff", "idp/claims"), w.pick("unrestricted", "shared-spaces"))
	fmt.Fprintf(&b, "extranet: {users_see: %s, archived: %s}\nspaces:\n", w.pick("shared-space", "shared-space-or-internal", "shared-space-or-unassigned"), w.pick("hidden", "visible"))
	for _, s := range w.spaces {
		if w.one(2) {
			continue
		}
		fmt.Fprintf(&b, "  %q:\n    members: [%s, %s]\n", s, w.member(), w.member())
		if o := w.pick("", "", "", "externals", "public"); o != "" {
			fmt.Fprintf(&b, "    open_to: %s\n", o)
		}
		fmt.Fprintf(&b, "    hide: {labels: [%s], titles: [%q], subtrees: [%q]}\n", w.pick("secret", "other"), w.pick("T3", "T1*", "zz"), fmt.Sprint(1+w.rnd.IntN(25)))
	}
	fmt.Fprintf(&b, "  %q: {members: [%s]}\n", w.pick("nowhere", "elsewhere"), w.member())
	fmt.Fprintf(&b, "pages:\n")
	for range 3 {
		fmt.Fprintf(&b, "  - {content: %q, members: [%s]%s}\n", fmt.Sprint(1+w.rnd.IntN(30)), w.member(), w.pick("", ", with: subtree"))
	}
	fmt.Fprintf(&b, "filters:\n  - {name: none, hide: spaces, when: 'space.key == \"zz\"'}\n")
	if w.one(2) {
		fmt.Fprintf(&b, "  - {name: shy, hide: users, when: 'user.attributes.shy == \"yes\"'%s%s}\n", w.pick("", ", one_way: true"), w.pick("", ", contexts: [global]", ", contexts: [space]"))
	}
	if w.one(4) {
		fmt.Fprintf(&b, "  - {name: old, hide: content, when: 'content.id.endsWith(\"7\")'}\n")
	}
	if w.one(4) {
		fmt.Fprintf(&b, "  - {name: bees, hide: spaces, when: 'space.key == %q'}\n", w.pick(w.spaces...))
	}
	if w.one(3) {
		fmt.Fprintf(&b, "suspended: [{user: %s}]\n", w.pick("wiki/ada", "eli@corp.example", "mal@one.example"))
	}
	return b.String()
}

package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// naive answers the tables of the design in the plainest way, by walking over
// policy and records for every question. It knows users, spaces and content of
// a small language: members by wiki group, domain and name, until, open_to,
// page grants, labels, subtrees, restrictions, one filter.
type naive struct {
	p *Policy
	d Directory
}

func (n *naive) covers(m *Member, u *UserRecord) bool {
	switch {
	case m.EmailDomain != "":
		return strings.HasSuffix(u.Email, "@"+m.EmailDomain)
	case m.Group.Name != "":
		return slices.Contains(u.Groups, strings.TrimPrefix(m.Group.Name, "wiki/"))
	}
	return m.User.Name == "wiki/"+u.Username
}

func live(m *Member) bool { return m.Until == "" || m.Until >= tableTime.Format("2006-01-02") }

// shared gives what the user is assigned to: space keys, and page rules as
// "page N"; all says with ended rules.
func (n *naive) shared(u *UserRecord, all bool) map[string]bool {
	out := map[string]bool{}
	for i := range n.p.Spaces {
		for j := range n.p.Spaces[i].Members {
			if m := &n.p.Spaces[i].Members[j]; n.covers(m, u) && (all || live(m)) {
				out[n.p.Spaces[i].Name] = true
			}
		}
	}
	for i := range n.p.Pages {
		for j := range n.p.Pages[i].Members {
			if m := &n.p.Pages[i].Members[j]; n.covers(m, u) && (all || live(m)) {
				out[fmt.Sprint("page ", i)] = true
			}
		}
	}
	return out
}

func (n *naive) internal(u *UserRecord) bool { return slices.Contains(u.Groups, "staff") }

func (n *naive) kind(u *UserRecord) ViewerKind {
	switch {
	case n.internal(u):
		return Internal
	case len(n.shared(u, false)) > 0:
		return External
	}
	return None
}

func (n *naive) filtered(u *UserRecord) bool { return u.Attributes["shy"] == "yes" }

func meet(a, b map[string]bool) bool {
	for k := range a {
		if b[k] {
			return true
		}
	}
	return false
}

func (n *naive) user(v, u *UserRecord) bool {
	sv, su := n.shared(v, false), n.shared(u, false)
	unrestricted := n.p.Internal.Mode == "unrestricted"
	switch n.kind(v) {
	case Internal:
		return unrestricted || v == u || (n.internal(u) || meet(sv, su)) && !n.filtered(u)
	case External:
		if v == u {
			return true
		}
		ok := meet(sv, su)
		switch n.p.Extranet.UsersSee {
		case "shared-space-or-internal":
			ok = ok || n.internal(u) && len(su) == 0
		case "shared-space-or-unassigned":
			ok = ok || len(n.shared(u, true)) == 0
		}
		return ok && !n.filtered(u) && (n.internal(u) || !n.filtered(v))
	}
	return false
}

func (n *naive) space(v *UserRecord, key string) bool {
	if n.kind(v) == Internal {
		return true
	}
	if n.shared(v, false)[key] {
		return true
	}
	for i := range n.p.Spaces {
		if r := &n.p.Spaces[i]; r.Name == key {
			return r.OpenTo == "public" || r.OpenTo == "externals" && n.kind(v) == External
		}
	}
	return false
}

func (n *naive) rule(key string) *SpaceRule {
	for i := range n.p.Spaces {
		if n.p.Spaces[i].Name == key {
			return &n.p.Spaces[i]
		}
	}
	return &SpaceRule{}
}

func (n *naive) record(id string) *ContentRecord {
	for i := range n.d.Content {
		if n.d.Content[i].ID == id {
			return &n.d.Content[i]
		}
	}
	return nil
}

func (n *naive) content(v *UserRecord, c *ContentRecord) bool {
	if n.kind(v) == Internal {
		return true
	}
	r := n.rule(c.Space)
	if slices.Contains(c.Labels, "secret") && slices.Contains(r.Hide.Labels, "secret") {
		return false
	}
	grants := n.shared(v, false)
	granted, cut := false, false
	for at := c; at != nil; at = n.record(at.Parent) {
		if at.RestrictedTo != nil && !slices.Contains(at.RestrictedTo.Users, v.Username) {
			return false
		}
		for i := range n.p.Pages {
			g := &n.p.Pages[i]
			if g.Content == at.ID && grants[fmt.Sprint("page ", i)] && !cut && (at == c || g.With == "subtree") {
				granted = true
			}
		}
		cut = cut || slices.Contains(r.Hide.Subtrees, at.ID)
	}
	return granted || !cut && n.space(v, c.Space)
}

// TestEngineAgreesWithReference compares on many small random worlds.
func TestEngineAgreesWithReference(t *testing.T) {
	profile, err := ParseProfile("profile.yaml", tableFS(t, "../testdata/policy/users.txtar")["profile.yaml"].Data)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(400) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		text, d := randomWorld(rnd)
		p, err := ParsePolicy(map[string][]byte{"p.yaml": []byte(text)}, profile)
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		f := &tableFacts{d: d}
		n := &naive{p, d}
		e, err := Bind(p, f, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range d.Users {
			u := &d.Users[i]
			v := e.View(Viewer{WikiUser: u.Username, WikiVouches: true, Provider: "idp", Subject: u.Username, Email: u.Email, EmailVerified: true}, tableTime)
			check := func(what string, got Decision, want bool) {
				if (got.Verdict == Visible) != want {
					t.Errorf("seed %d: %s sees %s: engine says %s (%s), reference %v\n%s", seed, u.Username, what, got.Verdict, got.Reason.Text, want, text)
				}
			}
			if v.Kind() != n.kind(u) {
				t.Fatalf("seed %d: %s is %s, reference %s\n%s", seed, u.Username, v.Kind(), n.kind(u), text)
			}
			for j := range d.Users {
				check("user "+d.Users[j].Username, v.User(ID(j), Context{Space: NoID}), n.user(u, &d.Users[j]))
			}
			for j := range d.Spaces {
				check("space "+d.Spaces[j].Key, v.Space(ID(j)), n.space(u, d.Spaces[j].Key))
			}
			for j := range d.Content {
				check("content "+d.Content[j].ID, v.Content(ID(j)), n.content(u, &d.Content[j]))
			}
			if t.Failed() {
				return
			}
		}
	}
}

// randomWorld makes a policy text and a directory of a few of everything.
func randomWorld(rnd *rand.Rand) (string, Directory) {
	pick := func(s ...string) string { return s[rnd.IntN(len(s))] }
	var d Directory
	for _, name := range []string{"ada", "ben", "cyd", "dot", "eli"} {
		u := UserRecord{Username: name, Email: name + "@" + pick("one.example", "two.example", "corp.example"), Attributes: map[string]string{"shy": pick("yes", "no", "no")}}
		for _, g := range []string{"staff", "team"} {
			if rnd.IntN(3) == 0 {
				u.Groups = append(u.Groups, g)
			}
		}
		d.Users = append(d.Users, u)
	}
	d.Groups = []GroupRecord{{Name: "staff"}, {Name: "team"}}
	spaces := []string{"A", "B", "C"}
	for _, s := range spaces {
		d.Spaces = append(d.Spaces, SpaceRecord{Key: s})
	}
	for i := range 9 {
		c := ContentRecord{ID: fmt.Sprint(i + 1), Space: spaces[i/3], Title: fmt.Sprint("T", i)}
		if i%3 > 0 && rnd.IntN(4) > 0 {
			c.Parent = fmt.Sprint(i)
		}
		if rnd.IntN(4) == 0 {
			c.Labels = []string{"secret"}
		}
		if rnd.IntN(6) == 0 {
			c.RestrictedTo = &Restriction{Users: []string{pick("ada", "ben", "cyd")}}
		}
		d.Content = append(d.Content, c)
	}
	member := func() string {
		m := pick("user: wiki/ada", "user: wiki/ben", "user: wiki/cyd", "group: wiki/team", "email_domain: one.example", "email_domain: two.example")
		return "{" + m + pick("", ", until: 2026-11-30", ", until: 2026-12-01", ", role: user") + "}"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nwiki: tables\ninternal: {groups: [wiki/staff], mode: %s}\nextranet: {users_see: %s}\nspaces:\n",
		pick("unrestricted", "shared-spaces"), pick("shared-space", "shared-space-or-internal", "shared-space-or-unassigned"))
	for i, s := range spaces[:2] {
		fmt.Fprintf(&b, "  %s:\n    members: [%s, %s]\n", s, member(), member())
		if o := pick("", "", "externals", "public"); o != "" {
			fmt.Fprintf(&b, "    open_to: %s\n", o)
		}
		fmt.Fprintf(&b, "    hide: {labels: [%s], subtrees: [%q]}\n", pick("secret", "other"), fmt.Sprint(3*i+1+rnd.IntN(3)))
	}
	fmt.Fprintf(&b, "pages:\n")
	for range 2 {
		fmt.Fprintf(&b, "  - {content: %q, members: [%s]%s}\n", fmt.Sprint(1+rnd.IntN(9)), member(), pick("", ", with: subtree"))
	}
	if rnd.IntN(2) == 0 {
		fmt.Fprintf(&b, "filters: [{name: shy, hide: users, when: 'user.attributes.shy == \"yes\"'}]\n")
	} else {
		for i := range d.Users {
			d.Users[i].Attributes["shy"] = "no"
		}
	}
	return b.String(), d
}

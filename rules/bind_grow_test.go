package rules_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/rules"
)

// grown is a generation that says that it grew from another.
type grown struct{ rules.Facts }

func (grown) Base() uint64 { return 1 }

// growWorld makes a directory and a policy at random, in which pages hang below
// others that come later or never, and rules name pages that do.
func growWorld(r *rand.Rand) (rules.Directory, string) {
	pick := func(s ...string) string { return s[r.IntN(len(s))] }
	d := rules.Directory{Groups: []rules.GroupRecord{{Name: "g0"}, {Name: "g1", Groups: []string{"g2"}}, {Name: "g2"}}}
	for i := range 5 {
		d.Users = append(d.Users, rules.UserRecord{Username: fmt.Sprint("u", i), Groups: []string{fmt.Sprint("g", r.IntN(3))}})
	}
	for i := range 3 {
		d.Spaces = append(d.Spaces, rules.SpaceRecord{Key: fmt.Sprint("S", i)})
	}
	for i := range 24 {
		c := rules.ContentRecord{ID: fmt.Sprint(1000 + i), Space: fmt.Sprint("S", r.IntN(3)), Title: fmt.Sprint(pick("Page ", "Internal "), r.IntN(24))}
		switch r.IntN(8) {
		case 0, 1:
		case 2:
			c.Parent = fmt.Sprint(1000 + r.IntN(28))
		default:
			c.Parent = fmt.Sprint(1000 + r.IntN(i+1))
		}
		switch r.IntN(8) {
		case 0:
			c.Labels = []string{"secret"}
		case 1:
			c.RestrictedTo = &rules.Restriction{Users: []string{fmt.Sprint("u", r.IntN(5))}, Groups: []string{"g2"}}
		case 2:
			c.Includes = []string{fmt.Sprint(1000 + r.IntN(26))}
		case 3:
			c.Redirect = fmt.Sprint(1000 + r.IntN(26))
		}
		d.Content = append(d.Content, c)
	}
	var b strings.Builder
	b.WriteString("version: 1\nwiki: confluence-dc\nproviders: {idp: {internal: true}}\ninternal: {groups: [wiki/g0], mode: shared-spaces}\nspaces:\n")
	for i := range 2 {
		fmt.Fprintf(&b, "  S%d:\n    members: [{group: wiki/g%d}]\n", i, r.IntN(3))
		if r.IntN(2) == 0 {
			fmt.Fprintf(&b, "    hide: {labels: [secret], titles: ['Internal *'], subtrees: ['Page %d']}\n", r.IntN(24))
		}
	}
	if r.IntN(2) == 0 {
		fmt.Fprintf(&b, "pages: [{content: '%d', with: subtree, members: [{user: wiki/u%d, role: user}]}, {content: 'S2/Page %d', members: [{user: wiki/u1}]}]\n", 1000+r.IntN(24), r.IntN(5), r.IntN(24))
	}
	if r.IntN(2) == 0 {
		b.WriteString("filters: [{name: c, hide: content, when: 'content.title.endsWith(\"7\")'}]\n")
	}
	return d, b.String()
}

// sight is all that anybody sees, with reasons.
func sight(t *testing.T, e *rules.Engine) []string {
	t.Helper()
	var out []string
	for i := range e.Facts().Users() {
		who, err := rules.ViewerFor(e.Policy(), e.Facts(), fmt.Sprint("u", i))
		if err != nil {
			t.Fatal(err)
		}
		v := e.View(who, scaleTime)
		for id := range e.Facts().Contents() {
			d := v.Content(rules.ID(id))
			kid := hasChild(v, rules.ID(id))
			if got := v.HasChild(rules.ID(id)); got != kid {
				t.Fatalf("%s, content %d: child %t, want %t", who.WikiUser, id, got, kid)
			}
			out = append(out, fmt.Sprint(who.WikiUser, " ", id, " ", d.Verdict, " ", *d.Reason, kid))
		}
		for id := range e.Facts().Spaces() {
			out = append(out, fmt.Sprint(who.WikiUser, " space ", id, " ", *v.SpaceLabel(rules.ID(id)).Reason, v.ProseWritable(rules.ID(id))))
		}
	}
	return out
}

// hasChild looks for a child that is seen through everything.
func hasChild(v *rules.View, page rules.ID) bool {
	if v.Kind() == rules.Internal && v.Own() && !v.Suspended() {
		return true // the wiki has judged
	}
	for id, c := range v.Facts().Contents() {
		if up, ok := v.Facts().FindContent(rules.ContentID, c.Parent, rules.NoID); c.Parent != "" && ok && up == page && v.Content(rules.ID(id)).Verdict == rules.Visible {
			return true
		}
	}
	return false
}

// TestGrowIsBind: an engine that grew with its directory decides as one that
// was bound anew, however often it grew and whoever else grew from the same
// one, and those before it decide as before.
func TestGrowIsBind(t *testing.T) {
	grew, refused := 0, 0
	for seed := range uint64(120) {
		d, policy := growWorld(rand.New(rand.NewPCG(seed, 0)))
		p, err := rules.ParsePolicy(map[string][]byte{"p.yaml": []byte(policy)}, nil)
		if err != nil {
			t.Fatal(err, policy)
		}
		generation := func(n int) rules.Facts {
			part := d
			part.Content = d.Content[:n]
			g, err := directory.NewGeneration(part, directory.OptionsFor(p.Profile))
			if err != nil {
				t.Fatal(err)
			}
			return grown{g}
		}
		bind := func(f rules.Facts) *rules.Engine {
			e, err := rules.Bind(p, f, rules.Options{})
			if err != nil {
				t.Fatal(err)
			}
			return e
		}
		first := bind(generation(16))
		before := sight(t, first)
		check := func(from *rules.Engine, n int) *rules.Engine {
			f := generation(n)
			e, ok := from.WithFacts(f)
			if !ok {
				refused++
				return bind(f)
			}
			grew++
			if d := cmp.Diff(sight(t, bind(f)), sight(t, e)); d != "" {
				t.Fatalf("seed %d, from %d to %d:\n%s\n%s", seed, len(from.Facts().Contents()), n, policy, d)
			}
			return e
		}
		middle := check(first, 20)
		last := check(first, 24)
		check(middle, 22)
		check(middle, 24)
		check(last, 24)
		if d := cmp.Diff(before, sight(t, first)); d != "" {
			t.Fatalf("seed %d: the first engine has changed:\n%s", seed, d)
		}
	}
	if grew < 150 || refused < 30 {
		t.Errorf("%d grew, %d were bound anew: the worlds prove too little", grew, refused)
	}
}

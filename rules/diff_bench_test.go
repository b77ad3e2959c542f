package rules_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/rules"
)

// largeWorld is a site of many partners: every second user is of a partner's
// domain, and assigned by domain, by group, and to some spaces by name, so that
// hardly two viewers are alike.
type largeWorld struct {
	users, spaces, contents int
	rnd                     *rand.Rand
}

func (w *largeWorld) directory() rules.Directory {
	var d rules.Directory
	for i := range 200 {
		d.Groups = append(d.Groups, rules.GroupRecord{Name: fmt.Sprint("team", i)})
	}
	d.Groups = append(d.Groups, rules.GroupRecord{Name: "staff"})
	for i := range w.users {
		u := rules.UserRecord{Username: fmt.Sprint("u", i), Email: fmt.Sprintf("u%d@partner%d.example", i, i%500), Groups: []string{fmt.Sprint("team", w.rnd.IntN(200))}}
		if i%2 == 0 {
			u.Email, u.Groups = fmt.Sprintf("u%d@corp.example", i), append(u.Groups, "staff")
		}
		d.Users = append(d.Users, u)
	}
	for i := range w.spaces {
		d.Spaces = append(d.Spaces, rules.SpaceRecord{Key: fmt.Sprint("S", i), ID: fmt.Sprint(i)})
	}
	for i := range w.contents {
		c := rules.ContentRecord{ID: fmt.Sprint(i + 1), Space: fmt.Sprint("S", i%w.spaces), Title: fmt.Sprint("Page ", i)}
		if i >= w.spaces && i%3 > 0 {
			c.Parent = fmt.Sprint(i + 1 - w.spaces)
		}
		if i%7 == 0 {
			c.Labels = []string{"secret"}
		}
		if i%50 == 0 {
			c.RestrictedTo = &rules.Restriction{Users: []string{fmt.Sprint("u", w.rnd.IntN(w.users))}}
		}
		if i%40 == 0 {
			c.Includes = []string{fmt.Sprint(1 + w.rnd.IntN(w.contents))}
		}
		d.Content = append(d.Content, c)
	}
	return d
}

func (w *largeWorld) policy(usersSee string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nwiki: confluence-dc\ninternal: {groups: [wiki/staff], mode: shared-spaces}\nextranet: {users_see: %s}\nspaces:\n", usersSee)
	for i := range w.spaces {
		fmt.Fprintf(&b, "  S%d:\n    hide: {labels: [secret]}\n    members:\n      - {email_domain: partner%d.example}\n      - {group: wiki/team%d, role: user}\n", i, i%500, w.rnd.IntN(200))
		for range 15 {
			fmt.Fprintf(&b, "      - {user: wiki/u%d, role: commenter}\n", w.rnd.IntN(w.users))
		}
		if i%100 == 0 {
			fmt.Fprintf(&b, "    open_to: externals\n")
		}
	}
	fmt.Fprintf(&b, "pages:\n")
	for range 300 {
		fmt.Fprintf(&b, "  - {content: %q, with: subtree, members: [{user: wiki/u%d}, {email_domain: partner%d.example}]}\n", fmt.Sprint(1+w.rnd.IntN(w.contents)), w.rnd.IntN(w.users), w.rnd.IntN(500))
	}
	return b.String()
}

func (w *largeWorld) engines(tb testing.TB, see [2]string) [2]*rules.Engine {
	tb.Helper()
	d := w.directory()
	var out [2]*rules.Engine
	var f rules.Facts
	for i := range out {
		p, err := rules.ParsePolicy(map[string][]byte{"p.yaml": []byte(w.policy(see[i]))}, nil)
		if err != nil {
			tb.Fatal(err)
		}
		if f == nil {
			if f, err = directory.NewGeneration(d, directory.OptionsFor(p.Profile)); err != nil {
				tb.Fatal(err)
			}
		}
		if out[i], err = rules.Bind(p, f, rules.Options{}); err != nil {
			tb.Fatal(err)
		}
	}
	return out
}

// BenchmarkCompare compares two policies that have next to nothing in common,
// for 10,000 users, 2,000 spaces and 50,000 pages: the worst case.
func BenchmarkCompare(b *testing.B) {
	w := &largeWorld{users: 10_000, spaces: 2_000, contents: 50_000, rnd: rand.New(rand.NewPCG(1, 2))}
	e := w.engines(b, [2]string{"shared-space", "shared-space-or-unassigned"})
	b.ResetTimer()
	for b.Loop() {
		d, err := rules.Compare(e[0], e[1], time.Unix(1.8e9, 0), 20)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(d.Users.Gained.Pairs+d.Users.Lost.Pairs+d.Content.Gained.Pairs+d.Content.Lost.Pairs), "pairs")
	}
}

// BenchmarkAccess lists everybody, of 100,000 users.
func BenchmarkAccess(b *testing.B) {
	w := &largeWorld{users: 100_000, spaces: 2_000, contents: 10_000, rnd: rand.New(rand.NewPCG(1, 2))}
	e := w.engines(b, [2]string{"shared-space", "shared-space"})
	for b.Loop() {
		rows, err := e[0].Access(rules.AccessQuery{}, time.Unix(1.8e9, 0))
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for range rows {
			n++
		}
		b.ReportMetric(float64(n), "rows")
	}
}

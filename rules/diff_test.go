package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// pairs is a set of lines "WHO: WHAT".
type pairs map[string]bool

func (p pairs) sorted() []string {
	out := []string{}
	for s := range p {
		out = append(out, s)
	}
	slices.Sort(out)
	return out
}

// expand turns the groups of an unlimited list back into pairs.
func expand(l SightList) pairs {
	out := pairs{}
	for _, g := range l.Changes {
		for _, who := range g.Who {
			for _, what := range g.What {
				out[who+": "+what] = true
			}
		}
	}
	return out
}

// bruteForce asks every viewer's view about everything, under both policies.
type bruteForce struct {
	kinds, roles         pairs
	users, spaces, pages [2]pairs // gained, lost
	viewers              int
}

func compareByForce(from, to *Engine, now time.Time) *bruteForce {
	b := &bruteForce{kinds: pairs{}, roles: pairs{}}
	for i := range 2 {
		b.users[i], b.spaces[i], b.pages[i] = pairs{}, pairs{}, pairs{}
	}
	parties := append(from.userParties(), append(from.otherParties(), to.otherParties()...)...)
	seen := map[party]bool{}
	for _, p := range parties {
		x, ok := p.viewer(from.p, from.f)
		if y, ok2 := p.viewer(to.p, to.f); ok && ok2 && !seen[p] {
			seen[p] = true
			b.viewers++
			b.viewer(p.label(), from.View(x, now), to.View(y, now))
		}
	}
	return b
}

func (b *bruteForce) viewer(who string, x, y *View) {
	note := func(p *[2]pairs, what string, before, after Decision) {
		switch {
		case before.Verdict != Visible && after.Verdict == Visible:
			p[0][who+": "+what] = true
		case before.Verdict == Visible && after.Verdict != Visible:
			p[1][who+": "+what] = true
		}
	}
	if x.standing() != y.standing() {
		b.kinds[fmt.Sprintf("%s: %s -> %s", who, x.standing(), y.standing())] = true
	}
	f := x.e.f
	for i := range f.Users() {
		note(&b.users, f.Users()[i].Username, x.User(ID(i), Context{Space: NoID}), y.User(ID(i), Context{Space: NoID}))
	}
	for i := range f.Spaces() {
		note(&b.spaces, f.Spaces()[i].Key, x.Space(ID(i)), y.Space(ID(i)))
		if r, s := x.Role(ID(i)), y.Role(ID(i)); r != s && max(r, s) > Reader && x.e.spaces[i].subject == ID(i) {
			b.roles[fmt.Sprintf("%s: space %s %s -> %s", who, f.Spaces()[i].Key, r, s)] = true
		}
	}
	for i := range f.Contents() {
		note(&b.pages, x.e.contentLabel(ID(i)), x.Content(ID(i)), y.Content(ID(i)))
		held := func(v *View) bool {
			return slices.ContainsFunc(v.targets(), func(t int32) bool { return t < 0 && v.e.grants[-1-t].page == ID(i) })
		}
		if r, s := x.contentRole(ID(i)), y.contentRole(ID(i)); r != s && max(r, s) > Reader && (held(x) || held(y)) {
			b.roles[fmt.Sprintf("%s: page %s %s -> %s", who, x.e.contentLabel(ID(i)), r, s)] = true
		}
	}
}

func expandChanges(l ChangeList) pairs {
	out := pairs{}
	for _, c := range l.Changes {
		for _, who := range c.Who {
			out[strings.ReplaceAll(fmt.Sprintf("%s: %s %s -> %s", who, c.What, c.From, c.To), ":  ", ": ")] = true
		}
	}
	return out
}

// checkCounts holds the counts against the expanded pairs.
func checkCounts(t *testing.T, what string, l SightList) {
	t.Helper()
	who, about := map[string]bool{}, map[string]bool{}
	all := expand(l)
	for p := range all {
		a, b, _ := strings.Cut(p, ": ")
		who[a], about[b] = true, true
	}
	if l.Viewers != len(who) || l.Entities != len(about) || l.Pairs != int64(len(all)) || l.Groups != len(l.Changes) {
		t.Errorf("%s: counts say %d viewers, %d entities, %d pairs, %d groups; the lists say %d, %d, %d, %d",
			what, l.Viewers, l.Entities, l.Pairs, l.Groups, len(who), len(about), len(all), len(l.Changes))
	}
}

// TestCompareEqualsBruteForce compares random policies over random worlds of
// two wikis: every viewer, every user, space and piece of content.
func TestCompareEqualsBruteForce(t *testing.T) {
	seeds := uint64(300)
	if testing.Short() {
		seeds = 40
	}
	changes := 0
	for seed := range seeds {
		w := newDiffWorld(rand.New(rand.NewPCG(seed, 7)))
		f := &tableFacts{d: w.d}
		profile := w.profile(t)
		var engines [2]*Engine
		var texts [2]string
		for i := range engines {
			texts[i] = w.policy()
			p, err := ParsePolicy(map[string][]byte{"p.yaml": []byte(texts[i])}, profile)
			if err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, texts[i])
			}
			o := Options{}
			if w.rnd.IntN(3) == 0 && p.Internal.Mode == "shared-spaces" {
				o.Identity = map[ViewerKind]UpstreamIdentity{Internal: IdentityService}
			}
			if engines[i], err = Bind(p, f, o); err != nil {
				t.Fatalf("seed %d: %v\n%s", seed, err, texts[i])
			}
		}
		got, err := Compare(engines[0], engines[1], tableTime, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := compareByForce(engines[0], engines[1], tableTime)
		check := func(what string, got, want pairs) {
			if d := cmp.Diff(want.sorted(), got.sorted()); d != "" {
				t.Errorf("seed %d: %s (-brute force +Compare):\n%s\n--- old\n%s\n--- new\n%s", seed, what, d, texts[0], texts[1])
			}
			changes += len(want)
		}
		if got.Viewers != want.viewers {
			t.Errorf("seed %d: %d viewers, brute force %d", seed, got.Viewers, want.viewers)
		}
		check("kinds", expandChanges(got.Kinds), want.kinds)
		check("roles", expandChanges(got.Roles), want.roles)
		for i, l := range []SightChange{got.Users, got.Spaces, got.Content} {
			what := []string{"users", "spaces", "content"}[i]
			brute := [][2]pairs{want.users, want.spaces, want.pages}[i]
			check(what+" gained", expand(l.Gained), brute[0])
			check(what+" lost", expand(l.Lost), brute[1])
			checkCounts(t, what, l.Gained)
			checkCounts(t, what, l.Lost)
		}
		if t.Failed() {
			return
		}
	}
	if changes < int(seeds)*20 {
		t.Errorf("only %d changes in %d worlds: the worlds are too dull", changes, seeds)
	}
}

// diffEngines binds two policies to one directory.
func diffEngines(t *testing.T, d Directory, texts ...string) []*Engine {
	t.Helper()
	f := &tableFacts{d: d}
	var out []*Engine
	for _, text := range texts {
		p, err := policyOf(t, "version: 1\nwiki: tables\ninternal: {groups: [wiki/staff]}\n"+text)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Bind(p, f, Options{})
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// TestCompareCuts shows that a limit cuts names and no counts.
func TestCompareCuts(t *testing.T) {
	var d Directory
	for i := range 5 {
		d.Users = append(d.Users, UserRecord{Username: fmt.Sprint("u", i), Email: fmt.Sprintf("u%d@one.example", i)})
		d.Spaces = append(d.Spaces, SpaceRecord{Key: fmt.Sprint("S", i)})
		d.Content = append(d.Content, ContentRecord{ID: fmt.Sprint(i), Space: fmt.Sprint("S", i), Title: "Page"})
	}
	d.Users = append(d.Users, UserRecord{Username: "z", Email: "z@two.example"})
	e := diffEngines(t, d, "spaces: {S4: {members: [{user: wiki/z, role: manager}]}}",
		"spaces: {S0: {members: [{email_domain: one.example}]}, S1: {members: [{email_domain: one.example}]}, S2: {members: [{email_domain: one.example}, {user: wiki/u4, role: user}]}}\n"+
			"suspended: [{user: wiki/z}]")
	got, err := Compare(e[0], e[1], tableTime, 2)
	if err != nil {
		t.Fatal(err)
	}
	want := &Difference{
		At: tableTime, Viewers: 8,
		Kinds: ChangeList{Viewers: 7, Total: 2, Changes: []Change{
			{From: "external", To: "suspended", Viewers: 1, Who: []string{"z"}},
			{From: "none", To: "external", Viewers: 6, Who: []string{"u0", "u1"}},
		}},
		// Each of the five is himself to himself, and z no longer.
		Users: SightChange{
			Gained: SightList{Viewers: 6, Entities: 5, Pairs: 30, Groups: 1, Changes: []SightGroup{
				{Viewers: 6, Who: []string{"u0", "u1"}, Entities: 5, What: []string{"u0", "u1"}},
			}},
			Lost: SightList{Viewers: 1, Entities: 1, Pairs: 1, Groups: 1, Changes: []SightGroup{{Viewers: 1, Who: []string{"z"}, Entities: 1, What: []string{"z"}}}},
		},
		Spaces: SightChange{
			Gained: SightList{Viewers: 6, Entities: 3, Pairs: 18, Groups: 1, Changes: []SightGroup{
				{Viewers: 6, Who: []string{"u0", "u1"}, Entities: 3, What: []string{"S0", "S1"}},
			}},
			Lost: SightList{Viewers: 1, Entities: 1, Pairs: 1, Groups: 1, Changes: []SightGroup{{Viewers: 1, Who: []string{"z"}, Entities: 1, What: []string{"S4"}}}},
		},
		Content: SightChange{
			Gained: SightList{Viewers: 6, Entities: 3, Pairs: 18, Groups: 1, Changes: []SightGroup{
				{Viewers: 6, Who: []string{"u0", "u1"}, Entities: 3, What: []string{"0 S0/Page", "1 S1/Page"}},
			}},
			Lost: SightList{Viewers: 1, Entities: 1, Pairs: 1, Groups: 1, Changes: []SightGroup{{Viewers: 1, Who: []string{"z"}, Entities: 1, What: []string{"4 S4/Page"}}}},
		},
		Roles: ChangeList{Viewers: 2, Total: 2, Changes: []Change{
			{What: "space S2", From: "none", To: "user", Viewers: 1, Who: []string{"u4"}},
			{What: "space S4", From: "manager", To: "none", Viewers: 1, Who: []string{"z"}},
		}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	same, err := Compare(e[0], e[0], tableTime, 2)
	if err != nil || !same.Empty() {
		t.Errorf("a policy differs from itself: %+v, %v", same, err)
	}
}

// TestCompareWantsOneDirectory refuses engines whose ids mean different things.
func TestCompareWantsOneDirectory(t *testing.T) {
	a := diffEngines(t, Directory{Users: []UserRecord{{Username: "a"}}}, "")
	b := diffEngines(t, Directory{Users: []UserRecord{{Username: "b"}}}, "")
	if _, err := Compare(a[0], b[0], tableTime, 0); err == nil {
		t.Error("no error")
	}
}

// TestProviderIsGuessedOnce: what rules say of providers is gathered when they
// are loaded, and not for each of the viewers that a comparison makes.
func TestProviderIsGuessedOnce(t *testing.T) {
	p, err := policyOf(t, "version: 1\nwiki: tables\nspaces: {A: {members: [{group: some-idp/x}]}}")
	if err != nil {
		t.Fatal(err)
	}
	p.Spaces = nil
	if v, err := ViewerFor(p, &tableFacts{}, "x@one.example"); err != nil || v.Provider != "some-idp" {
		t.Errorf("ViewerFor gives %q, %v", v.Provider, err)
	}
}

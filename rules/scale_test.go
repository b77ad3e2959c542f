package rules_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/rules"
)

// scale is the size of a world.
type scale struct{ users, groups, spaces, content, members int }

var (
	large = scale{users: 100_000, groups: 2_000, spaces: 10_000, content: 1_000_000, members: 50_000}
	small = scale{users: 1_000, groups: 50, spaces: 200, content: 10_000, members: 1_000}
)

var scaleTime = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

// scaleRand is a source of its own for each world, so that every run has the
// same ones.
func scaleRand() *rand.Rand { return rand.New(rand.NewPCG(3, 7)) }

// world is a directory of the size: a tenth of the users are partners, pages
// hang below one another, some are labelled, restricted or archived.
func (s scale) world() rules.Directory {
	r := scaleRand()
	var d rules.Directory
	for i := range s.groups {
		d.Groups = append(d.Groups, rules.GroupRecord{Name: "group-" + strconv.Itoa(i)})
	}
	for i := range s.users {
		n := strconv.Itoa(i)
		u := rules.UserRecord{
			Username: "user" + n, Key: fmt.Sprintf("ff8080817d%022x", i), DisplayName: "Person " + n,
			Email: "user" + n + "@corp.example", Groups: []string{"group-" + strconv.Itoa(r.IntN(s.groups)), "everybody"},
		}
		if i%10 == 0 {
			u.Email = "user" + n + "@partner" + strconv.Itoa(i%500) + ".example"
		} else {
			u.Groups = append(u.Groups, "staff")
		}
		d.Users = append(d.Users, u)
	}
	for i := range s.spaces {
		n := strconv.Itoa(i)
		d.Spaces = append(d.Spaces, rules.SpaceRecord{Key: "SP" + n, ID: strconv.Itoa(1_000_000 + i), Name: "Space " + n, Type: "global"})
	}
	for i := range s.content {
		space := i % s.spaces
		c := rules.ContentRecord{
			ID: strconv.Itoa(66_000_000 + i), Type: "page", Space: "SP" + strconv.Itoa(space), Title: "Page " + strconv.Itoa(i),
		}
		if n := i / s.spaces; n > 0 { // a tree in each space, four children a page
			c.Parent = strconv.Itoa(66_000_000 + (n-1)/4*s.spaces + space)
		}
		switch r.IntN(50) {
		case 0:
			c.Labels = []string{"internal-only"}
		case 1:
			c.RestrictedTo = &rules.Restriction{Users: []string{"user" + strconv.Itoa(r.IntN(s.users))}}
		case 2:
			c.Status = "archived"
		}
		d.Content = append(d.Content, c)
	}
	return d
}

// policy shares every space with groups, domains and people, members in all,
// in files of spaces each.
func (s scale) policy(perFile int) map[string][]byte {
	files := map[string][]byte{"postern.yaml": []byte(`
version: 1
wiki: confluence-dc
providers:
  corp: {internal: true, domains: [corp.example]}
  partners: {domains: [` + strings.Join(partnerDomains(), ", ") + `]}
internal: {groups: [wiki/staff], mode: shared-spaces}
extranet: {users_see: shared-space, default_role: reader, archived: hidden}
`)}
	r := scaleRand()
	var b strings.Builder
	each := s.members / s.spaces
	for i := range s.spaces {
		if b.Len() == 0 {
			b.WriteString("spaces:\n")
		}
		fmt.Fprintf(&b, "  SP%d:\n    members:\n", i)
		for range each - 2 {
			fmt.Fprintf(&b, "      - {user: user%d@partner%d.example, role: commenter, until: 2027-%02d-01}\n", r.IntN(s.users/10)*10, r.IntN(50)*10, 1+r.IntN(12))
		}
		fmt.Fprintf(&b, "      - group: wiki/group-%d\n      - {email_domain: partner%d.example, role: user}\n", r.IntN(s.groups), r.IntN(50)*10)
		if i%5 == 0 {
			b.WriteString("    hide: {labels: [internal-only], titles: [\"Internal *\"]}\n")
		}
		if (i+1)%perFile == 0 || i == s.spaces-1 {
			files["spaces"+strconv.Itoa(i/perFile)+".yaml"] = []byte(b.String())
			b.Reset()
		}
	}
	return files
}

func partnerDomains() []string {
	var out []string
	for i := range 50 {
		out = append(out, "partner"+strconv.Itoa(i*10)+".example")
	}
	return out
}

// scaleWorld is a world of some size, bound.
type scaleWorld struct {
	policy *rules.Policy
	facts  *directory.Generation
	engine *rules.Engine
}

func (s scale) load(tb testing.TB) *scaleWorld {
	tb.Helper()
	p, err := rules.ParsePolicy(s.policy(500), nil)
	if err != nil {
		tb.Fatal(err)
	}
	g, err := directory.NewGeneration(s.world(), directory.OptionsFor(p.Profile))
	if err != nil {
		tb.Fatal(err)
	}
	e, err := rules.Bind(p, g, rules.Options{Providers: []string{"corp", "partners"}})
	if err != nil {
		tb.Fatal(err)
	}
	return &scaleWorld{p, g, e}
}

var loadedOnce = sync.OnceValue(func() *scaleWorld { return large.load(failFast{}) })

// failFast is a testing.TB for what is made once for several benchmarks.
type failFast struct{ testing.TB }

func (failFast) Helper()           {}
func (failFast) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// partner is an external of the world: members name him by e-mail, his domain
// and his group.
func (w *scaleWorld) partner() rules.Viewer {
	return rules.Viewer{Provider: "partners", Subject: "10", WikiUser: "user10", Email: "user10@partner10.example", EmailVerified: true}
}

var sink rules.Decision

// BenchmarkScale asks for verdicts in a world of 100,000 users, 10,000 spaces
// and 1,000,000 pieces of content, of each kind one after the other in memory
// ("near") and at random ("cold"), which no cache of a processor holds. The
// peers are what a look at one record of the same slice costs, and a map's.
func BenchmarkScale(b *testing.B) {
	w := loadedOnce()
	v := w.engine.View(w.partner(), scaleTime)
	r := scaleRand()
	order := make([]rules.ID, 1<<20)
	names := make([]string, len(order))
	for i := range order {
		order[i] = rules.ID(r.IntN(large.content))
		names[i] = w.facts.Contents()[order[i]].ID
	}
	global := rules.Context{Space: rules.NoID}
	run := func(name string, f func(i int)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				f(i)
			}
		})
	}
	mask := len(order) - 1
	run("user/near", func(i int) { sink = v.User(rules.ID(i%large.users), global) })
	run("user/cold", func(i int) { sink = v.User(order[i&mask]%rules.ID(large.users), global) })
	run("candidate/cold", func(i int) {
		sink = v.User(order[i&mask]%rules.ID(large.users), rules.Context{Space: order[i&mask] % rules.ID(large.spaces), Candidate: true})
	})
	run("space/near", func(i int) { sink = v.Space(rules.ID(i % large.spaces)) })
	run("space/cold", func(i int) { sink = v.Space(order[i&mask] % rules.ID(large.spaces)) })
	run("content/near", func(i int) { sink = v.Content(rules.ID(i % large.content)) })
	run("content/cold", func(i int) { sink = v.Content(order[i&mask]) })
	keys := make([]rules.Key, 1)
	ref := rules.Ref{Kind: rules.Content, Keys: keys}
	run("reference/cold", func(i int) {
		keys[0] = rules.Key{Attr: rules.ContentID, Value: names[i&mask]}
		sink = v.Entity(ref, global)
	})
	run("resolve/cold", func(i int) {
		if _, ok := w.facts.FindContent(rules.ContentID, names[i&mask], rules.NoID); !ok {
			b.Fatal("lost")
		}
	})
	n := 0
	run("peer/record/cold", func(i int) { n += len(w.facts.Contents()[order[i&mask]].Status) })
	byID := make(map[string]int32, large.content)
	for i := range w.facts.Contents() {
		byID[w.facts.Contents()[i].ID] = int32(i)
	}
	run("peer/map/cold", func(i int) { n += int(byID[names[i&mask]]) })
	_ = n
}

// TestScaleDoesNotAllocate: a verdict costs no allocation in any world.
func TestScaleDoesNotAllocate(t *testing.T) {
	w := small.load(t)
	v := w.engine.View(w.partner(), scaleTime)
	if got := v.Kind(); got != rules.External {
		t.Fatalf("the viewer is %s", got)
	}
	seen := map[rules.Verdict]int{}
	keys := make([]rules.Key, 1)
	ref := rules.Ref{Kind: rules.Content, Keys: keys}
	n := testing.AllocsPerRun(3, func() {
		for i := range w.facts.Users() {
			seen[v.User(rules.ID(i), rules.Context{Space: rules.NoID}).Verdict]++
			v.User(rules.ID(i), rules.Context{Space: rules.ID(i % small.spaces), Candidate: true})
		}
		for i := range w.facts.Spaces() {
			seen[v.Space(rules.ID(i)).Verdict]++
		}
		for i := range w.facts.Contents() {
			seen[v.Content(rules.ID(i)).Verdict]++
			keys[0] = rules.Key{Attr: rules.ContentID, Value: w.facts.Contents()[i].ID}
			v.Entity(ref, rules.Context{Space: rules.NoID})
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
	if seen[rules.Visible] == 0 || seen[rules.Hidden] == 0 {
		t.Errorf("the world proves nothing: %v", seen)
	}
}

// heap is what is reachable now.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkScaleBind binds a policy of 10,000 spaces and 50,000 members: to a
// directory without content, and to the large one, of which it tells what the
// engine and the directory hold in memory.
func BenchmarkScaleBind(b *testing.B) {
	files := large.policy(500)
	options := rules.Options{Providers: []string{"corp", "partners"}}
	var bytes int64
	for _, f := range files {
		bytes += int64(len(f))
	}
	b.Run("parse", func(b *testing.B) {
		b.SetBytes(bytes)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := rules.ParsePolicy(files, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	before := heap()
	w := loadedOnce()
	after := heap()
	b.Run("bind", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := rules.Bind(w.policy, w.facts, options); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(after-before)/(1<<20), "MiB-world")
	})
	b.Run("memory", func(b *testing.B) {
		for b.Loop() {
			before := heap()
			e, err := rules.Bind(w.policy, w.facts, options)
			if err != nil {
				b.Fatal(err)
			}
			engine := heap() - before
			runtime.KeepAlive(e)
			b.ReportMetric(float64(engine)/(1<<20), "MiB-engine")
			b.ReportMetric(float64(engine)/float64(large.content), "B/content")
		}
	})
	const learnt = 16
	older, err := rules.Bind(w.policy, without{w.facts, large.content - learnt}, options)
	if err != nil {
		b.Fatal(err)
	}
	// The first one writes behind the older engine's; all others take a copy.
	b.Run("grow-copying", func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, ok := older.WithFacts(w.facts); !ok {
				b.Fatal("bound anew")
			}
		}
	})
	few := large
	few.content = 0
	g, err := directory.NewGeneration(few.world(), directory.OptionsFor(w.policy.Profile))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("bind-without-content", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := rules.Bind(w.policy, g, options); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// without is a generation as it was before the last look-ups.
type without struct {
	*state
	content int
}

type state = directory.Generation // a name that is none of its methods

func (w without) Contents() []rules.ContentRecord { return w.state.Contents()[:w.content] }

func (w without) FindContent(attr rules.Attr, value string, space rules.ID) (rules.ID, bool) {
	id, ok := w.state.FindContent(attr, value, space)
	if !ok || int(id) >= w.content {
		return rules.NoID, false
	}
	return id, true
}

// BenchmarkScaleView makes the views of 1,000 people, one after the other.
func BenchmarkScaleView(b *testing.B) {
	w := loadedOnce()
	viewer := func(i int) rules.Viewer {
		n := i % 1000 * 10
		name := "user" + strconv.Itoa(n)
		return rules.Viewer{Provider: "partners", Subject: strconv.Itoa(n), WikiUser: name, Email: name + "@partner" + strconv.Itoa(n%500) + ".example", EmailVerified: true}
	}
	b.Run("make", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			w.engine.View(viewer(i), scaleTime)
		}
	})
	b.Run("spaces", func(b *testing.B) {
		v := w.engine.View(viewer(1), scaleTime)
		b.ReportAllocs()
		for b.Loop() {
			v.VisibleSpaces()
		}
	})
	b.Run("prose", func(b *testing.B) {
		v := w.engine.View(viewer(1), scaleTime)
		b.ReportAllocs()
		for i := range b.N {
			v.ProseWritable(rules.ID(i % large.spaces))
		}
	})
}

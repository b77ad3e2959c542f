package rules

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// The properties that the tables promise, over the worlds of
// reference_random_test.go.

// sights is everything that a viewer sees at a moment, by name: users in every
// context, candidates, groups, spaces, their names, content.
func sights(e *Engine, who Viewer, now time.Time) map[string]bool {
	v, out := e.View(who, now), map[string]bool{}
	f := e.Facts()
	see := func(d Decision, format string, args ...any) {
		if d.Verdict == Visible {
			out[fmt.Sprintf(format, args...)] = true
		}
	}
	for i := range f.Users() {
		name := f.Users()[i].Username
		see(v.User(ID(i), Context{Space: NoID}), "user %s", name)
		for s := range f.Spaces() {
			see(v.User(ID(i), Context{Space: ID(s)}), "user %s in %s", name, f.Spaces()[s].Key)
			see(v.User(ID(i), Context{Space: ID(s), Candidate: true}), "candidate %s in %s", name, f.Spaces()[s].Key)
		}
	}
	for i := range f.Groups() {
		see(v.Group(ID(i)), "group %s/%s", f.Groups()[i].Source, f.Groups()[i].Name)
	}
	for i := range f.Spaces() {
		see(v.Space(ID(i)), "space %s", f.Spaces()[i].Key)
		see(v.SpaceLabel(ID(i)), "name of space %s", f.Spaces()[i].Key)
	}
	for i := range f.Contents() {
		see(v.Content(ID(i)), "content %s", f.Contents()[i].ID)
	}
	return out
}

// eachWorld runs a property over random worlds, until so many were tried.
func eachWorld(t *testing.T, most int, property func(t *testing.T, d *dice, w *world, text string)) {
	t.Helper()
	profile, tried := referenceProfile(t), 0
	for i := uint64(1000); tried < most && !t.Failed() && i < 9000; i++ {
		d := newDice(seed(i))
		w, text, err := d.world(profile)
		if err != nil {
			continue
		}
		tried++
		property(t, d, w, text)
	}
	t.Logf("%d worlds", tried)
}

// alike gives all kinds of viewers the same upstream identity. Else the loss of
// an assignment may turn an external whom the policy alone holds off a
// restricted page into somebody whom the wiki itself holds off.
func (w *world) alike(d *dice) {
	w.identity = allIdentities[d.n(len(allIdentities))]
}

func mustBind(t *testing.T, w *world, p *Policy) *Engine {
	t.Helper()
	changed := *w
	changed.p = p
	e, err := changed.bind()
	if err != nil {
		t.Fatalf("%v\n%s", err, w)
	}
	return e
}

// more reports what is seen after a change and was not seen before.
func more(t *testing.T, before, after map[string]bool, what string, who *Viewer, text string) {
	t.Helper()
	for name := range after {
		if !before[name] {
			t.Errorf("%s shows %s to %+v\n%s", what, name, *who, text)
			return
		}
	}
}

// TestPropertySymmetry: between two externals, as the wiki and their claims
// know them alike, sight is mutual, without filters and under such as are not
// one_way, in the global context and in every space.
func TestPropertySymmetry(t *testing.T) {
	t.Parallel()
	pairs := 0
	eachWorld(t, 400, func(t *testing.T, d *dice, w *world, text string) {
		p := vary(w.p, func(p *Policy) {
			p.Providers = nil
			for i := range p.Filters {
				p.Filters[i].OneWay = false
			}
		})
		for i := range w.d.Users {
			u := &w.d.Users[i]
			u.Groups, u.Identities = slices.DeleteFunc(u.Groups, isClaim), []string{"idp/" + u.Username}
		}
		e := mustBind(t, w, p)
		views := make([]*View, len(w.d.Users))
		for i := range views {
			views[i] = e.View(linked(&w.d.Users[i]), w.now)
		}
		for i, a := range views {
			for j, b := range views {
				for s := NoID; int(s) < len(w.d.Spaces) && a.Kind() == External && b.Kind() == External; s++ {
					pairs++
					if ab, ba := a.User(ID(j), Context{Space: s}), b.User(ID(i), Context{Space: s}); ab.Verdict != ba.Verdict {
						t.Fatalf("u%d sees u%d in %d: %s (%s), and is seen: %s (%s)\n%s", i, j, s, ab.Verdict, ab.Reason.Text, ba.Verdict, ba.Reason.Text, text)
					}
				}
			}
		}
	})
	t.Logf("%d pairs", pairs)
}

// TestPropertyExpiry: time that passes an until reveals nothing to anybody.
func TestPropertyExpiry(t *testing.T) {
	t.Parallel()
	eachWorld(t, 400, func(t *testing.T, d *dice, w *world, text string) {
		w.alike(d)
		e := mustBind(t, w, w.p)
		moments := []time.Time{tableTime.AddDate(0, 0, -2), tableTime.Add(-time.Second), tableTime, tableTime.Add(time.Second), tableTime.AddDate(0, 0, 2)}
		for i := range w.viewers {
			before := sights(e, w.viewers[i], moments[0])
			for _, now := range moments[1:] {
				after := sights(e, w.viewers[i], now)
				more(t, before, after, "time", &w.viewers[i], text)
				before = after
			}
		}
	})
}

// TestPropertyRemoval: a member rule that is taken out reveals nothing. Set
// aside: shared-space-or-internal and shared-space-or-unassigned, since a file
// that no longer names somebody cannot say that it once did. A rule that ends
// instead of going is held to both.
func TestPropertyRemoval(t *testing.T) {
	t.Parallel()
	eachWorld(t, 250, func(t *testing.T, d *dice, w *world, text string) {
		w.alike(d)
		before, see := mustBind(t, w, w.p), w.p.Extranet.UsersSee
		for n := range membersOf(w.p) {
			for _, end := range []bool{false, true} {
				if !end && see != "shared-space" {
					continue
				}
				p := vary(w.p, func(p *Policy) { without(p, n, end) })
				after := mustBind(t, w, p)
				for i := range w.viewers {
					more(t, sights(before, w.viewers[i], w.now), sights(after, w.viewers[i], w.now), fmt.Sprintf("taking out member %d (ending it: %v)", n, end), &w.viewers[i], text)
				}
			}
		}
	})
}

func membersOf(p *Policy) (n int) {
	(&reference{p: p, lookups: lookups{keys: map[string]string{}}}).members(func(string, *Member) bool { n++; return true })
	return n
}

// without takes out the nth member rule, or lets it end long ago.
func without(p *Policy, n int, end bool) {
	p.Pages = slices.Clone(p.Pages)
	cut := func(members *[]Member) {
		if n >= 0 && n < len(*members) {
			*members = slices.Clone(*members)
			if end {
				(*members)[n].Until, (*members)[n].until = "2020-01-01", time.Date(2020, 1, 2, 0, 0, 0, 0, time.UTC)
			} else {
				*members = slices.Delete(*members, n, n+1)
				n++
			}
		}
		n -= len(*members)
	}
	for i := range p.Spaces {
		cut(&p.Spaces[i].Members)
	}
	for i := range p.Pages {
		cut(&p.Pages[i].Members)
	}
}

// TestPropertyHiding: a filter, a hidden label, title or subtree, or a
// suspension that is added reveals nothing.
func TestPropertyHiding(t *testing.T) {
	t.Parallel()
	profile := referenceProfile(t)
	additions := []string{
		"filters: [{name: new, hide: users, when: 'user.attributes.f == \"no\"'}]",
		"filters: [{name: new, hide: users, when: 'user.attributes.f != \"no\"', contexts: [global], one_way: true}]",
		"filters: [{name: new, hide: users, when: 'user.username < \"u3\"', contexts: [space]}]",
		"filters: [{name: new, hide: content, when: 'content.title == \"Plan\"'}]",
		"filters: [{name: new, hide: spaces, when: 'space.key == \"A\" || space.key == \"B\"'}]",
		"suspended: [{user: wiki/u1}, {user: idp/u2}]", "suspended: [{group: wiki/g1}]", "suspended: [{email_domain: one.example}]",
		"hide: labels", "hide: titles", "hide: subtrees",
	}
	eachWorld(t, 300, func(t *testing.T, d *dice, w *world, text string) {
		w.alike(d)
		before := mustBind(t, w, w.p)
		for _, add := range additions {
			p := vary(w.p, func(p *Policy) {
				for i := range p.Spaces {
					switch h := &p.Spaces[i].Hide; add {
					case "hide: labels":
						h.Labels = append(slices.Clone(h.Labels), "other")
					case "hide: subtrees":
						h.Subtrees = append(slices.Clone(h.Subtrees), "101", "102", "106")
					}
				}
			})
			if changed := text; !strings.HasPrefix(add, "hide: l") && !strings.HasPrefix(add, "hide: s") {
				files := map[string][]byte{"p.yaml": nil, "q.yaml": []byte("version: 1\n" + add + "\n")}
				if add == "hide: titles" {
					changed = strings.ReplaceAll(text, "titles: [none]", "titles: [none, plan*]")
					delete(files, "q.yaml")
				}
				files["p.yaml"] = []byte(changed)
				var err error
				if p, err = ParsePolicy(files, profile); err != nil {
					continue // it suspends the same as the world does
				}
			}
			after := mustBind(t, w, p)
			for i := range w.viewers {
				more(t, sights(before, w.viewers[i], w.now), sights(after, w.viewers[i], w.now), add, &w.viewers[i], text)
			}
		}
	})
}

// TestPropertyOrder: nothing depends on the order of spaces, members, pages,
// filters, suspensions, groups and records, nor on which file says what.
func TestPropertyOrder(t *testing.T) {
	t.Parallel()
	profile := referenceProfile(t)
	eachWorld(t, 300, func(t *testing.T, d *dice, w *world, text string) {
		e := mustBind(t, w, w.p)
		shuffled := *w
		shuffled.p = vary(w.p, func(p *Policy) {
			p.Pages, p.Suspended, p.Internal.Groups, p.Sources = shuffle(d, p.Pages), shuffle(d, p.Suspended), shuffle(d, p.Internal.Groups), shuffle(d, p.Sources)
			p.Spaces, p.Filters = shuffle(d, p.Spaces), shuffle(d, p.Filters)
			for i := range p.Spaces {
				p.Spaces[i].Members = shuffle(d, p.Spaces[i].Members)
			}
			for i := range p.Pages {
				p.Pages[i].Members = shuffle(d, p.Pages[i].Members)
			}
		})
		shuffled.d = &Directory{Users: shuffle(d, w.d.Users), Groups: shuffle(d, w.d.Groups), Spaces: shuffle(d, w.d.Spaces), Content: shuffle(d, w.d.Content)}
		split := *w
		var err error
		if split.p, err = ParsePolicy(splitFiles(d, text), profile); err != nil {
			t.Fatalf("split into files: %v\n%s", err, text)
		}
		for _, other := range []*world{&shuffled, &split} {
			o := mustBind(t, other, other.p)
			for i := range w.viewers {
				a, b := sights(e, w.viewers[i], w.now), sights(o, w.viewers[i], w.now)
				more(t, a, b, "another order", &w.viewers[i], text)
				more(t, b, a, "the first order", &w.viewers[i], text)
			}
		}
	})
}

func shuffle[T any](d *dice, s []T) []T {
	s = slices.Clone(s)
	rand.New(rand.NewPCG(uint64(d.n(1<<16)), 2)).Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
	return s
}

// splitFiles puts every part of a policy into a file of its own, under names of
// any order, each space as well.
func splitFiles(d *dice, text string) map[string][]byte {
	files, name, section := map[string][]byte{}, "", ""
	start := func(head string) {
		name = fmt.Sprintf("%05d-%d.yaml", d.n(1<<16), len(files))
		files[name] = []byte(head)
	}
	start("")
	for line := range strings.Lines(text) {
		switch key := strings.TrimSpace(line); {
		case key == "spaces:" || key == "pages:" || key == "filters:":
			section = key
			continue
		case strings.HasPrefix(line, "  \"") && section == "spaces:", strings.HasPrefix(line, "  - "):
			start("version: 1\n" + section + "\n")
		case strings.HasPrefix(line, "suspended:"):
			start("version: 1\n")
		}
		files[name] = append(files[name], line...)
	}
	return files
}

// TestPropertyNobody: the suspended see nothing, and who is not signed in, or
// neither internal nor assigned, sees no people.
func TestPropertyNobody(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	eachWorld(t, 600, func(t *testing.T, d *dice, w *world, text string) {
		e := mustBind(t, w, w.p)
		for i := range w.viewers {
			v := e.View(w.viewers[i], w.now)
			kind := v.Kind().String()
			if v.Suspended() {
				kind = "suspended"
			}
			for name := range sights(e, w.viewers[i], w.now) {
				seen[kind]++
				if people := strings.HasPrefix(name, "user") || strings.HasPrefix(name, "candidate"); v.Suspended() || people && (v.Kind() == Anonymous || v.Kind() == None) {
					t.Fatalf("%s %+v sees %s\n%s", kind, w.viewers[i], name, text)
				}
			}
		}
	})
	t.Logf("things seen: %v", seen)
}

package rules_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/rules"
)

// linkViews gives views of one engine.
func linkViews(tb testing.TB, names ...string) []*rules.View {
	tb.Helper()
	p, err := rules.ParseProfile("links.yaml", []byte(linkProfile))
	if err != nil {
		tb.Fatal(err)
	}
	pol, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(linkPolicy)}, p)
	if err != nil {
		tb.Fatal(err)
	}
	g, err := directory.NewGeneration(linkWorld(), directory.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	e, err := rules.Bind(pol, g, rules.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	var out []*rules.View
	for _, n := range names {
		out = append(out, e.View(rules.Viewer{Provider: "corp", Subject: n, WikiUser: n}, time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)))
	}
	return out
}

var sharedLinks = []string{
	"/display/ACME/Plan", "/display/HR/Salaries", "/page?id=11", "/page?id=22", "/page?id=33&src=nav", "/people/zq", "/people/bo", "/people/nobody", "/admin", "/edit?id=11", "/no/such",
	"Plan", "../HR/Salaries", "?id=22", "#x", "", "//extranet.example/page?id=22", "//evil.example/x", "https://extranet.example/display/HR/Salaries", "https://wiki.corp.example/page?id=11",
	"https:Plan", "https:/display/HR/Salaries", "http://extranet.example/page?id=22", "/\t/evil.example", "/%2e%2e/page?id=22", "mailto:zq@corp.example", "javascript:x", " /page?id=22 ",
}

// TestSharedLinks: what is kept of one answer changes nothing in another's, on
// whatever page, in whatever context and for whomever.
func TestSharedLinks(t *testing.T) {
	t.Parallel()
	site := linkSite(t)
	pages := []string{"https://extranet.example/display/ACME/Plan", "https://extranet.example/display/HR/x", "https://extranet.example/page?id=11", "http://other.example/display/ACME/Plan"}
	contexts := []rules.Context{{Space: rules.NoID}, {Space: 0}, {Space: 1}, {Space: 0, Candidate: true}}
	names := []string{"eva", "bo", "zq"}
	warm := linkViews(t, names...)
	for round := range 3 {
		for n, name := range names {
			for _, page := range pages {
				for _, ctx := range contexts {
					cold := rules.NewJudge(linkViews(t, name)[0], site, mustURL(t, page), ctx)
					kept := rules.NewJudge(warm[n], site, mustURL(t, page), ctx)
					for _, raw := range sharedLinks {
						want, got := fmt.Sprintf("%+v", shown(cold.URL(raw))), fmt.Sprintf("%+v", shown(kept.URL(raw)))
						if want != got {
							t.Errorf("round %d, %s on %s in %v: %q is %s, want %s", round, name, page, ctx, raw, got, want)
						}
					}
					if d := cmp.Diff(cold.Unknown(), kept.Unknown()); d != "" {
						t.Errorf("round %d, %s on %s in %v: unknown:\n%s", round, name, page, ctx, d)
					}
				}
			}
		}
	}
}

// shown is a verdict without pointers.
func shown(l rules.Link) any {
	rule := ""
	if l.Decision.Reason != nil {
		rule = l.Decision.Reason.Rule
	}
	return []any{l.Fate, l.Kind, l.URL, l.Foreign, l.Hidden, l.Subjects, l.Decision.Verdict, l.Decision.Absent, rule}
}

// TestSharedLinksOwn: a judge is lent what it is asked: neither a verdict that is
// kept nor what was unknown has a part of the memory that the URL was in.
func TestSharedLinksOwn(t *testing.T) {
	t.Parallel()
	site, page := linkSite(t), mustURL(t, "https://extranet.example/display/ACME/Plan")
	view := linkViews(t, "eva")[0]
	none := rules.Context{Space: rules.NoID}
	memory := make([]byte, 256)
	lend := func(s string) string { return unsafe.String(&memory[0], copy(memory, s)) }
	j := rules.NewJudge(view, site, page, none)
	for _, raw := range sharedLinks {
		for _, ask := range []func(string) rules.Link{
			j.URL, j.BelowBase, j.In(rules.Context{}).URL,
			func(s string) rules.Link { return j.URLFor(s, "/display/HR/") },
		} {
			_ = ask(lend(raw))
			clear(memory)
		}
	}
	_ = j.Entity(rules.Ref{Kind: rules.Content, Keys: []rules.Key{{Attr: rules.ContentID, Value: lend("4711")}}})
	clear(memory)
	cold := newJudge(t, site, page.String())
	for _, k := range []*rules.Judge{j, rules.NewJudge(view, site, page, none)} {
		for _, raw := range sharedLinks {
			if d := cmp.Diff(fmt.Sprintf("%+v", shown(cold.URL(raw))), fmt.Sprintf("%+v", shown(k.URL(raw)))); d != "" {
				t.Errorf("%q: %s", raw, d)
			}
		}
	}
	for _, r := range j.Unknown() {
		if strings.ContainsRune(r.Keys[0].Value+r.Keys[0].Space, 0) {
			t.Errorf("unknown: %q", r)
		}
	}
	if len(j.Unknown()) < 2 {
		t.Errorf("unknown: %q: the test looks at too little", j.Unknown())
	}
}

// TestSharedLinksRace: answers are judged at once, and more is judged than is kept.
func TestSharedLinksRace(t *testing.T) {
	t.Parallel()
	site := linkSite(t)
	views := linkViews(t, "eva", "bo")
	var wg sync.WaitGroup
	for n := range 4 {
		wg.Go(func() {
			j := rules.NewJudge(views[n%2], site, mustURL(t, "https://extranet.example/display/ACME/Plan"), rules.Context{Space: rules.NoID})
			for i := range 40_000 {
				if l := j.URL(fmt.Sprintf("/page?id=22#%d", i)); l.Fate != rules.FateHide {
					t.Errorf("fate %v", l.Fate)
					return
				}
				if l := j.URL("/page?id=11"); l.Fate != rules.FateKeep {
					t.Errorf("fate %v", l.Fate)
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestSharedLinksAllocs: a link that was judged before costs no memory.
func TestSharedLinksAllocs(t *testing.T) {
	site := linkSite(t)
	v := linkViews(t, "eva")[0]
	rules.NewJudge(v, site, mustURL(t, "https://extranet.example/"), rules.Context{Space: rules.NoID}).URL("/page?id=11")
	j := rules.NewJudge(v, site, mustURL(t, "https://extranet.example/x"), rules.Context{Space: rules.NoID})
	if n := testing.AllocsPerRun(100, func() { j.URL("/page?id=11") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

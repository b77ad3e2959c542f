package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/e2e/mwtest"
	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/caddymodule/upstream"
	"github.com/postern-gateway/postern/rules"
)

// twinSite is the address of both twins' gateways, twinServer what both wikis
// hold for their own.
const (
	twinSite   = "http://site.example"
	twinServer = "http://wiki.example"
)

// twin is a wiki that holds one of two worlds, and a gateway before it.
type twin struct {
	world *mwtest.Twin
	wiki  *mwtest.Wiki
	gw    *gateway.Gateway
	next  gateway.Next
}

// twinPolicy opens two spaces of the twins, one with rules of what is hidden in
// it. Words of hidden titles are cut from prose.
func twinPolicy(w *mwtest.Twin) string {
	titles, labels, subtrees := w.Rules()
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nwiki: mediawiki\ninternal: {groups: [], mode: shared-spaces}\nextranet: {users_see: shared-space}\ntripwire: {prose: redact}\nspaces:\n"+
		"  %q: {open_to: externals}\n  User: {open_to: externals}\n  %q:\n    hide: {titles: [%q], labels: [%q], subtrees: [%q]}\n    members:\n",
		mwtest.TwinBook, mwtest.TwinAcme, titles[0], labels[0], subtrees[0])
	for _, p := range w.Firm("acme") {
		fmt.Fprintf(&b, "      - user: %q\n", "wiki/"+p.Name)
	}
	return b.String()
}

// twinAt puts a gateway before a wiki of a twin.
func twinAt(t *testing.T, w *mwtest.Twin, wiki *mwtest.Wiki) *twin {
	t.Helper()
	p, err := rules.LoadProfile("mediawiki")
	if err != nil {
		t.Fatal(err)
	}
	policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(twinPolicy(w))}, p)
	if err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse(wiki.URL)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := directory.New(directory.Config{Profile: p, Upstream: upstream.New(upstream.Config{Base: base, RatePerSecond: 10000})})
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.SyncNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	site, _ := url.Parse(twinSite)
	server, _ := url.Parse(twinServer)
	tw := &twin{world: w, wiki: wiki}
	tw.gw, err = gateway.New(gateway.Config{
		Site: site, Wiki: base, Aliases: []*url.URL{server}, Policy: policy, Directory: dir, Refill: true, Key: []byte(strings.Repeat("twin key", 4)),
		Identity: map[rules.ViewerKind]gateway.Identity{rules.External: {Kind: "anonymous"}},
		As:       &rules.Viewer{Provider: "idp", Subject: "1", WikiUser: w.People[0].Name, DisplayName: w.People[0].Name},
	})
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(base); r.Out.Host = base.Host }}
	tw.next = func(rw http.ResponseWriter, r *http.Request) error { proxy.ServeHTTP(rw, r); return nil }
	return tw
}

// startTwins makes two wikis side by side. Those that POSTERN_E2E_TWINS names
// by their addresses, of sides 1 and 2, run already.
func startTwins(t *testing.T) (all [2]*twin) {
	t.Helper()
	if testing.Short() {
		t.Skip("installs and crawls two wikis; left out by -short")
	}
	var worlds [2]*mwtest.Twin
	var wikis [2]*mwtest.Wiki
	var failed [2]error
	var wg sync.WaitGroup
	at := strings.Fields(os.Getenv("POSTERN_E2E_TWINS"))
	for i := range worlds {
		worlds[i] = mwtest.NewTwin(uint64(i + 1))
		if len(at) == len(worlds) {
			wikis[i] = &mwtest.Wiki{URL: at[i]}
			continue
		}
		wg.Go(func() {
			wikis[i], failed[i] = mwtest.Start(context.WithoutCancel(t.Context()), mwtest.Options{World: worlds[i].World, Clock: mwtest.TwinClock, Server: twinServer})
		})
	}
	wg.Wait()
	for _, w := range wikis {
		if w != nil && w.Dir != "" {
			t.Cleanup(w.Close)
		}
	}
	if err := errors.Join(failed[:]...); err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i] = twinAt(t, worlds[i], wikis[i])
	}
	return all
}

func (tw *twin) get(target string) answer {
	r := httptest.NewRequest(http.MethodGet, twinSite+target, nil)
	r.Header.Set("Accept", "text/html,application/json,*/*")
	rec := httptest.NewRecorder()
	if err := tw.gw.ServeHTTP(rec, r, tw.next); err != nil {
		return answer{target, 599, rec.Header(), []byte(err.Error())}
	}
	return answer{target, rec.Code, rec.Header(), rec.Body.Bytes()}
}

// sealed are the places at which lists go on, in links of pages: they are
// sealed, and another wiki's place looks another way.
var sealed = regexp.MustCompile(`pc1\.[A-Za-z0-9_-]{20,}`)

// wire is all of an answer that a client sees.
func (a answer) wire() string {
	head := maps.Clone(a.header)
	delete(head, "Date")
	body := sealed.ReplaceAllStringFunc(string(a.body), func(s string) string { return "pc1" + strconv.Itoa(len(s)) })
	if body != string(a.body) {
		delete(head, "Etag")
	}
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(head)) {
		fmt.Fprintf(&b, "%s: %q\n", k, head[k])
	}
	return fmt.Sprintf("%d\n%s\n%s", a.status, body, b.String())
}

// TestTwins is noninterference before a real wiki: two that differ in nothing
// but what is hidden from the viewer are asked for the same, and answer the
// same, to the byte.
func TestTwins(t *testing.T) {
	twins := startTwins(t)
	bound := 700
	if n, err := strconv.Atoi(os.Getenv("POSTERN_E2E_BOUND")); err == nil {
		bound = n
	}
	o := &onlooker{scene: &scene{site: twinSite}}
	seen := map[string]bool{}
	var level []string
	push := func(us []string) {
		for _, u := range us {
			if !seen[u] && len(seen) < bound {
				seen[u] = true
				level = append(level, u)
			}
		}
	}
	push(twinPaths(twins))
	asked := len(level)
	statuses := map[int]int{}
	for len(level) > 0 {
		now := level
		level = nil
		found := make([][]string, len(now))
		var mu sync.Mutex
		each(now, func(i int, target string) {
			a, b := twins[0].get(target), twins[1].get(target)
			found[i] = append(o.links(a), o.links(b)...)
			x, y := a.wire(), b.wire()
			if x != y { // what both had to look up first may have come in other steps
				x, y = twins[0].get(target).wire(), twins[1].get(target).wire()
			}
			mu.Lock()
			defer mu.Unlock()
			statuses[a.status]++
			switch {
			case a.status >= 500:
				t.Errorf("FAILED %s: %d", target, a.status)
			case x != y:
				at := 0
				for at < len(x) && at < len(y) && x[at] == y[at] {
					at++
				}
				near := func(s string) string { return strconv.Quote(s[max(0, at-250):min(len(s), at+250)]) }
				t.Errorf("DIFFERS %s\n\t%s\n\t%s", target, near(x), near(y))
			}
		})
		for _, f := range found {
			push(f)
		}
	}
	t.Logf("%d addresses to begin with, %d in all: %v", asked, len(seen), statuses)
	if statuses[http.StatusOK] < 200 {
		t.Errorf("only %d answers", statuses[http.StatusOK])
	}
}

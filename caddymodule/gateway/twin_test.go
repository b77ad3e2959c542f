package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/gateway"
	syncing "github.com/postern-gateway/postern/caddymodule/upstream"
	"github.com/postern-gateway/postern/caddymodule/wikitest"
	"github.com/postern-gateway/postern/rules"
)

// twin is a generated world behind a whole gateway, with sync, look-ups and
// refill, as one viewer sees it.
type twin struct {
	gw    *gateway.Gateway
	next  gateway.Next
	event gateway.Event
}

func newTwin(t *testing.T, w *wikitest.World, as string) *twin {
	t.Helper()
	p, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		t.Fatal(err)
	}
	policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(twinPolicy)}, p)
	if err != nil {
		t.Fatal(err)
	}
	srv := wikitest.NewServer(w)
	t.Cleanup(srv.Close)
	base, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := directory.New(directory.Config{Profile: p, Upstream: syncing.New(syncing.Config{Base: base, Token: wikitest.DemoSyncToken, RatePerSecond: 10000})})
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.SyncNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	wiki, who, tw := wikitest.New(w), twinPerson(as), &twin{}
	tw.next = func(rw http.ResponseWriter, r *http.Request) error { wiki.ServeHTTP(rw, r); return nil }
	tw.gw, err = gateway.New(gateway.Config{
		Site: &url.URL{Scheme: "https", Host: "site.example"}, Wiki: &url.URL{Scheme: "http", Host: "wiki.corp.example"},
		Identity: map[rules.ViewerKind]gateway.Identity{rules.External: {Kind: "service", Value: wikitest.DemoReadToken}},
		Policy:   policy, Directory: dir, As: &who, Refill: true, Key: twinKey,
		Observe: func(e gateway.Event) { tw.event = e },
	})
	if err != nil {
		t.Fatal(err)
	}
	return tw
}

func (tw *twin) get(target string) *httptest.ResponseRecorder {
	tw.event = gateway.Event{}
	return ask(tw.gw, target, tw.next)
}

// twinSeeds is how many worlds are made; POSTERN_TWIN_SEEDS asks for more.
func twinSeeds() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("POSTERN_TWIN_SEEDS"), 10, 64); err == nil {
		return n
	}
	return 1
}

// forTwins makes worlds, and for each of them and each of two viewers says what
// the viewer sees.
func forTwins(t *testing.T, do func(t *testing.T, w *wikitest.World, s sight, seed uint64, as string)) {
	t.Helper()
	p, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		t.Fatal(err)
	}
	for seed := range twinSeeds() {
		w := newTwinWorld(t, seed)
		d := wikiDirectory(t, w)
		for _, as := range []string{"a1", "b0"} {
			t.Run(fmt.Sprintf("%d/%s", seed, as), func(t *testing.T) { do(t, w, sightOf(t, p, d, as), seed, as) })
		}
	}
}

// TestTwinScrambled is noninterference: of two worlds that differ in nothing
// that a viewer may see, in names, texts, numbers of things, neither tells him
// anything that the other does not, not by a byte.
func TestTwinScrambled(t *testing.T) {
	t.Parallel()
	forTwins(t, func(t *testing.T, w *wikitest.World, s sight, seed uint64, as string) {
		for _, bare := range []bool{false, true} {
			t.Run(fmt.Sprintf("bare=%t", bare), func(t *testing.T) {
				other := scrambled(t, w, s, seed, bare)
				compareTwins(t, newTwin(t, w, as), newTwin(t, other, as), slices.Concat(grownPaths, twinPaths(w, other)), strings.Clone)
			})
		}
	})
}

// compareTwins asks both for everything, and for where lists go on.
func compareTwins(t *testing.T, a, b *twin, paths []string, upTo func(string) string) {
	t.Helper()
	seen, ok := map[string]bool{}, 0
	for len(paths) > 0 {
		target := paths[0]
		if paths = paths[1:]; seen[target] {
			continue
		}
		seen[target] = true
		x, y := a.get(target), b.get(target)
		if x.Code == http.StatusBadGateway || y.Code == http.StatusBadGateway {
			t.Errorf("%s: failed closed: %s, %s", target, a.event.Reason, b.event.Reason)
			continue
		}
		left, right := upTo(shown(x)), upTo(shown(y))
		if left != right {
			t.Errorf("%s (%s: %s; %s: %s)\n%s", target, a.event.Rule, a.event.Reason, b.event.Rule, b.event.Reason, diff(left, right))
			continue
		}
		if x.Code == http.StatusOK {
			ok++
		}
		paths = append(paths, onward(x)...)
	}
	if ok < 100 {
		t.Errorf("only %d answers", ok)
	}
}

// shown is what a client gets to see, headers and all.
func shown(w *httptest.ResponseRecorder) string {
	head := w.Header().Clone()
	head.Del("X-Request-Id")
	head.Del("Traceparent")
	return w.Body.String() + "\n" + fmt.Sprint(w.Code, head)
}

// onward lists the address at which a JSON list says that it goes on.
func onward(w *httptest.ResponseRecorder) []string {
	var page struct {
		Links struct {
			Next string `json:"next"`
		} `json:"_links"`
	}
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") || json.Unmarshal(w.Body.Bytes(), &page) != nil || page.Links.Next == "" {
		return nil
	}
	return []string{strings.TrimPrefix(page.Links.Next, "https://site.example")}
}

// notFilledUp are lists that come out shorter for what is hidden, which the
// README tells, or that grownPaths has; twinPaths asks for them in pages that hold everything.
var notFilledUp = []string{"/dosearchsite", "/?", "/dashboard", "/rest/quicknav", "/rest/dashboardmacros", "/createrssfeed", "/plugins/recently-updated", "/rest/prototype"}

// grownPaths are lists in HTML, in feeds and in groups, in small pages. The
// wiki's own answers differ in what is always dropped, such as totals, and in
// the narrowed query that their links repeat.
var grownPaths = []string{
	"/rest/dashboardmacros/1.0/updates?maxResults=3", "/rest/dashboardmacros/1.0/updates.json", "/plugins/recently-updated/changes.action?theme=social&pageSize=2",
	"/plugins/recently-updated/changes.action?theme=concise&pageSize=3&startIndex=2&spaceKeys=ALPHA", "/createrssfeed.action?types=page&spaces=ALPHA&maxResults=2",
	"/createrssfeed.action?types=page&types=blogpost&spaces=conf_all&maxResults=5", "/dosearchsite.action?queryString=plan", "/dosearchsite.action?queryString=plan&startIndex=3",
}

// twinPaths are the requests of both worlds, with lists in small pages.
func twinPaths(worlds ...*wikitest.World) []string {
	out := []string{
		"/no/such/route", "/display/NOSUCH", "/display/ALPHA/No+such+page", "/pages/viewpage.action?pageId=1", "/rest/api/content/1", "/rest/api/user?username=nobody",
		"/rest/api/content?limit=3", "/rest/api/content?limit=2&expand=space,version,history,ancestors&type=page", "/rest/api/content?type=blogpost&limit=1", "/rest/api/space?limit=1",
		"/rest/api/search?cql=text+~+%22plan%22&limit=3", "/rest/api/search?cql=text+~+%22plan%22&limit=3&start=2&excerpt=none", "/rest/api/search?cql=type%3Dcomment&limit=5", "/rest/api/search?cql=type%3Dattachment",
		"/rest/api/search?cql=type%3Duser&limit=3", "/rest/api/search?cql=type%3Dspace", "/rest/api/search?cql=label%3Dplan+order+by+created+desc&limit=4", "/rest/api/search?cql=creator%3Dstaff3",
		"/rest/api/content/search?cql=title+~+%22plan%22&limit=2&expand=body.view,metadata.labels",
		"/rest/quicknav/1/search?query=plan&maxPerCategory=50", "/rest/quicknav/1/search?query=secret", "/rest/prototype/1/search/site?query=plan&max-results=50", "/rest/prototype/1/search/user?query=a", "/rest/prototype/1/search/user?query=staff&max-results=50",
		"/rest/dashboardmacros/1.0/updates?maxResults=100", "/plugins/recently-updated/changes.action?theme=social&pageSize=100", "/plugins/recently-updated/changes.action?theme=concise&pageSize=100&spaceKeys=ALPHA",
		"/createrssfeed.action?types=page&types=blogpost&spaces=ALPHA&maxResults=100", "/createrssfeed.action?types=page&spaces=conf_all&maxResults=100&showContent=false",
		"/rest/spacedirectory/1/search?pageSize=1", "/rest/spacedirectory/1/search?query=secret", "/label/ALPHA/plan", "/collector/pages.action?key=ALPHA&startIndex=2",
	}
	for _, w := range worlds {
		for _, p := range wikitest.Paths(w) {
			if p != "/" && !slices.ContainsFunc(notFilledUp, func(s string) bool { return strings.HasPrefix(p, s) }) {
				out = append(out, p)
			}
		}
		for i := range w.Pages {
			id := strconv.FormatInt(w.Pages[i].ID, 10)
			out = append(out, "/rest/api/content/"+id+"/child/page?limit=1", "/rest/api/content/"+id+"/descendant/page?expand=version", "/rest/api/content/"+id+"/child?expand=page,comment,attachment",
				"/rest/api/content/"+id+"/child/comment?limit=1&expand=version,history", "/pages/viewpage.action?pageId="+id+"&focusedCommentId="+id)
		}
	}
	return out
}

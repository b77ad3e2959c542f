package caddymodule

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/postern-gateway/postern/caddymodule/idptest"
	"github.com/postern-gateway/postern/caddymodule/wikitest"
)

// tappedWiki is the stand-in wiki behind something that sees and changes what passes.
type tappedWiki struct {
	wiki *wikitest.Server
	mu   sync.Mutex
	seen []*http.Request
	// before may answer in the wiki's place; after may add to what it answers.
	before func(w http.ResponseWriter, r *http.Request) bool
	after  func(h http.Header, r *http.Request)
}

func (t *tappedWiki) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t.mu.Lock()
	t.seen = append(t.seen, r)
	before, after := t.before, t.after
	t.mu.Unlock()
	if before != nil && before(w, r) {
		return
	}
	if after != nil {
		after(w.Header(), r)
	}
	t.wiki.Config.Handler.ServeHTTP(w, r)
}

func (t *tappedWiki) set(before func(http.ResponseWriter, *http.Request) bool, after func(http.Header, *http.Request)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen, t.before, t.after = nil, before, after
}

// cookies are those that came up for a path since set.
func (t *tappedWiki) cookies(path string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range t.seen {
		if strings.ReplaceAll(r.URL.Path, "+", " ") == path {
			return r.Header.Get("Cookie")
		}
	}
	return "(not asked)"
}

// passthroughServer is the demo, with externals known by the wiki's own session.
func passthroughServer(t *testing.T) (string, *tappedWiki) {
	t.Helper()
	addr := freeAddr(t)
	site := "http://" + addr
	policy := filepath.Join(t.TempDir(), "demo.yaml")
	if err := os.WriteFile(policy, wikitest.DemoPolicy, 0o600); err != nil {
		t.Fatal(err)
	}
	world := wikitest.DemoWorld()
	tap := &tappedWiki{wiki: wikitest.NewServer(world)}
	t.Cleanup(tap.wiki.Close)
	front := httptest.NewServer(tap)
	t.Cleanup(front.Close)
	idp := idptest.NewServer(demoIdP(site))
	t.Cleanup(idp.Close)
	config, err := demoConfig(demoSetup{
		site: site, wiki: front.URL, alias: world.Base, idp: idp.URL, policy: policy, listen: addr,
		external: &UpstreamIdentity{Identity: "passthrough"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Load(config, true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = caddy.Stop() })
	if err := awaitReady(context.Background(), site); err != nil {
		t.Fatal(err)
	}
	return site, tap
}

// passed is one answer, without following where it leads.
type passed struct {
	status   int
	location string
	header   http.Header
	body     string
}

func ask(t *testing.T, c *http.Client, method, target, body string, header ...string) passed {
	t.Helper()
	r, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	still := *c
	still.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := still.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return passed{resp.StatusCode, resp.Header.Get("Location"), resp.Header, string(b)}
}

func password(user string) string { return url.Values{"password": {wikitest.Password(user)}}.Encode() }

// TestPassthrough: a viewer gives the wiki's password on Postern's page; the
// wiki knows him from then on by cookies that he never sees, and by no others.
func TestPassthrough(t *testing.T) { //nolint:paralleltest // one Caddy a process
	site, tap := passthroughServer(t)
	ana := signIn(t, site, "ana", "acme-demo")
	navigate := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	same := []string{"Sec-Fetch-Site", "same-origin"}
	const page = "/display/ACME/ACME+Home"

	t.Log("without a session of the wiki's")
	if got := ask(t, ana, "GET", site+page, "", navigate...); got.status != 303 || got.location != "/.postern/wiki" {
		t.Fatalf("a navigation: %d %s", got.status, got.location)
	}
	if got := ask(t, ana, "GET", site+"/rest/api/content?spaceKey=ACME", "", "Sec-Fetch-Mode", "cors"); got.status != 401 {
		t.Errorf("a script: %d", got.status)
	}
	if got := ask(t, ana, "GET", site+"/display/ENG/Kestrel+Roadmap", "", navigate...); got.status != 404 {
		t.Errorf("a hidden page: %d", got.status)
	}
	if got := ask(t, ana, "GET", site+page, "", append([]string{"Cookie", "JSESSIONID=mine"}, navigate...)...); got.status == 200 {
		t.Errorf("with a cookie of one's own: %d", got.status)
	}
	if got := ask(t, http.DefaultClient, "GET", site+"/.postern/wiki", "", navigate...); got.status != 302 {
		t.Errorf("the form for nobody: %d", got.status)
	}
	form := ask(t, ana, "GET", site+"/.postern/wiki", "")
	if form.status != 200 || !strings.Contains(form.body, "<strong>ana</strong>") || !strings.Contains(form.body, `type="password"`) {
		t.Fatalf("the form: %d %s", form.status, form.body)
	}

	t.Log("passwords")
	for _, tt := range []struct {
		name, body string
		header     []string
		status     int
	}{
		{"from another site", password("ana"), []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"from nowhere", password("ana"), nil, 403},
		{"a wrong one", "password=wrong", same, 401},
		{"somebody else's", password("mia"), same, 401},
		{"two", password("ana") + "&password=x", same, 400},
		{"with a user's name", password("ana") + "&os_username=mia", same, 400},
		{"none", "password=", same, 400},
		{"in JSON", password("ana"), append([]string{"Content-Type", "application/json"}, same...), 400},
	} {
		if tt.name == "two" {
			// Beyond what one may try at once, however it ends.
			ana = signIn(t, site, "ana", "acme-demo")
		}
		got := ask(t, ana, "POST", site+"/.postern/wiki", tt.body, tt.header...)
		if got.status != tt.status && got.status != 429 {
			t.Errorf("%s: %d, want %d", tt.name, got.status, tt.status)
		}
		if strings.Contains(got.body, "wrong") {
			t.Errorf("%s: the password came back", tt.name)
		}
	}
	if got := ask(t, ana, "POST", site+"/.postern/wiki", password("ana"), same...); got.status != 429 || got.header.Get("Retry-After") == "" {
		t.Errorf("a sixth password: %d", got.status)
	}
	if n := tap.wiki.Sessions(); n != 0 {
		t.Fatalf("%d sessions with the wiki", n)
	}
}

// enter signs in on both sides.
func enter(t *testing.T, site, user, pass string) *http.Client {
	t.Helper()
	c := signIn(t, site, user, pass)
	if got := ask(t, c, "POST", site+"/.postern/wiki", password(user), "Sec-Fetch-Site", "same-origin"); got.status != 303 {
		t.Fatalf("signing in with the wiki: %d %s", got.status, got.body)
	}
	return c
}

// TestPassthroughSession goes through a session's life: used, rotated, swapped
// for somebody else's, expired, ended.
func TestPassthroughSession(t *testing.T) { //nolint:paralleltest // one Caddy a process
	site, tap := passthroughServer(t)
	navigate := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "none"}
	const page = "/display/ACME/ACME+Home"
	rotate := func(value string) func(http.Header, *http.Request) {
		return func(h http.Header, r *http.Request) {
			if strings.ReplaceAll(r.URL.Path, "+", " ") == "/display/ACME/ACME Home" {
				h.Add("Set-Cookie", value)
			}
		}
	}

	t.Log("the way back")
	ana := signIn(t, site, "ana", "acme-demo")
	if got := ask(t, ana, "GET", site+page+"?focusedCommentId=1", "", navigate...); got.status != 303 && got.status != 404 {
		t.Fatalf("a navigation: %d", got.status)
	}
	if got := ask(t, ana, "GET", site+page, "", navigate...); got.status != 303 {
		t.Fatalf("a navigation: %d", got.status)
	}
	if got := ask(t, ana, "POST", site+"/.postern/wiki", password("ana"), "Sec-Fetch-Site", "same-origin"); got.status != 303 || got.location != page || got.header.Get("Set-Cookie") != "" {
		t.Fatalf("signing in with the wiki: %d %s %v", got.status, got.location, got.header)
	}

	t.Log("use")
	tap.set(nil, nil)
	got := ask(t, ana, "GET", site+page, "", append([]string{"Cookie", "JSESSIONID=mine; seraph.confluence=mine"}, navigate...)...)
	up := tap.cookies("/display/ACME/ACME Home")
	if got.status != 200 && got.status != 302 || strings.Contains(up, "mine") {
		t.Errorf("with cookies of one's own: %d, up %q", got.status, up)
	}
	tap.set(nil, rotate("other=1; Path=/"))
	got = ask(t, ana, "GET", site+page, "", navigate...)
	up = tap.cookies("/display/ACME/ACME Home")
	if got.status != 200 || !strings.HasPrefix(up, "JSESSIONID=") || strings.Contains(up, ";") || got.header.Get("Set-Cookie") != "" {
		t.Fatalf("a page: %d, up %q, header %v", got.status, up, got.header)
	}
	write := ask(t, ana, "POST", site+"/rest/api/content", comment(t, tap, "ACME Home"), "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin")
	if write.status != 200 || !strings.Contains(write.body, `"username":"ana"`) {
		t.Errorf("a comment: %d %s", write.status, write.body)
	}

	t.Log("rotation")
	tap.set(nil, rotate("confluence.extra=x; Domain=wiki.corp.example; Path=/deep; Secure"))
	ask(t, ana, "GET", site+page, "", navigate...)
	tap.set(nil, nil)
	if got := ask(t, ana, "GET", site+page, "", navigate...); got.status != 200 || !strings.Contains(tap.cookies("/display/ACME/ACME Home"), "confluence.extra=x") {
		t.Errorf("after rotation: %d, up %q", got.status, tap.cookies("/display/ACME/ACME Home"))
	}
	if tap.cookies("/rest/api/user/current") == "(not asked)" {
		t.Error("nobody asked whose the rotated session is")
	}
	tap.set(nil, rotate("confluence.huge="+strings.Repeat("x", 8000)))
	ask(t, ana, "GET", site+page, "", navigate...)
	tap.set(nil, nil)
	if got := ask(t, ana, "GET", site+page, "", navigate...); got.status != 200 || strings.Contains(tap.cookies("/display/ACME/ACME Home"), "huge") {
		t.Errorf("after a huge cookie: %d", got.status)
	}

	t.Log("a wiki that can't say whose it is")
	for name, before := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"an error": func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/rest/api/user/current" {
				w.WriteHeader(500)
			}
			return r.URL.Path == "/rest/api/user/current"
		},
		"a page": func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/rest/api/user/current" {
				_, _ = io.WriteString(w, "<html>")
			}
			return r.URL.Path == "/rest/api/user/current"
		},
		"too much": func(w http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/rest/api/user/current" {
				_, _ = io.WriteString(w, `{"username":"ana","x":"`+strings.Repeat("x", 2<<20)+`"}`)
			}
			return r.URL.Path == "/rest/api/user/current"
		},
	} {
		tap.set(nil, rotate("confluence.n="+strings.ReplaceAll(name, " ", "-")))
		ask(t, ana, "GET", site+page, "", navigate...)
		tap.set(before, nil)
		if got := ask(t, ana, "GET", site+page, "", navigate...); got.status != 503 {
			t.Errorf("%s: %d", name, got.status)
		}
		tap.set(nil, nil)
		if got := ask(t, ana, "GET", site+page, "", navigate...); got.status != 200 {
			t.Errorf("%s, and back: %d", name, got.status)
		}
	}

	t.Log("swapped for somebody else's")
	mia := enter(t, site, "mia", "manager-demo")
	tap.set(nil, nil)
	ask(t, mia, "GET", site+page, "", navigate...)
	stolen, _, _ := strings.Cut(tap.cookies("/display/ACME/ACME Home"), ";")
	tap.set(nil, rotate(stolen+"; Path=/"))
	ask(t, ana, "GET", site+page, "", navigate...)
	tap.set(nil, nil)
	got = ask(t, ana, "GET", site+page, "", navigate...)
	if got.status != 302 || !strings.Contains(got.location, "/authorize") || strings.Contains(tap.cookies("/display/ACME/ACME Home"), "JSESSIONID") {
		t.Errorf("somebody else's: %d %s", got.status, got.location)
	}
	if got := ask(t, ana, "GET", site+"/rest/api/content?spaceKey=ACME", ""); got.status != 401 {
		t.Errorf("after that: %d", got.status)
	}

	t.Log("over on the wiki's side")
	ana = enter(t, site, "ana", "acme-demo")
	tap.set(nil, rotate("JSESSIONID=; Max-Age=0"))
	ask(t, ana, "GET", site+page, "", navigate...)
	tap.set(nil, nil)
	if got := ask(t, ana, "GET", site+page, "", navigate...); got.status != 303 || got.location != "/.postern/wiki" {
		t.Errorf("a session that is over: %d %s", got.status, got.location)
	}

	t.Log("sign-out")
	before := tap.wiki.Sessions()
	gus := enter(t, site, "gus", "globex-demo")
	if got := ask(t, gus, "POST", site+"/.postern/signout", "", "Sec-Fetch-Site", "same-origin"); got.status >= 400 {
		t.Errorf("sign-out: %d", got.status)
	}
	for end := time.Now().Add(10 * time.Second); tap.wiki.Sessions() > before && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	if n := tap.wiki.Sessions(); n > before {
		t.Errorf("%d sessions with the wiki, %d before", n, before)
	}
}

func comment(t *testing.T, tap *tappedWiki, title string) string {
	t.Helper()
	for _, p := range tap.wiki.World.Pages {
		if p.Title == title {
			return `{"type":"comment","container":{"id":"` + strconv.FormatInt(p.ID, 10) + `","type":"page"},"body":{"storage":{"value":"<p>Hello</p>","representation":"storage"}}}`
		}
	}
	t.Fatal("no such page")
	return ""
}

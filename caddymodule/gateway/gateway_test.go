package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sort"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/caddymodule/pages"
	"github.com/postern-gateway/postern/rules"
)

const testProfile = `
profile: test
versions: ">=1"
canon: {params: {sources: [query, form]}}
types: {id: digits}
show: {hidden_user: Somebody, hidden_page: Restricted page, avatar: /avatar.svg, image: /blank.png}
routes:
  - {match: "GET /page/{id}", class: content, params: {id: content.id}, evidence: {content: 'meta[name="id"]@content'}, response: {types: [html, redirect]}}
  - {match: "GET /api/page/{id}", class: content, params: {id: content.id}, evidence: {content: 'body:id'}, response: {types: [json]}}
  - {match: "GET /file/{id}", class: file, params: {id: content.id}, response: {types: [png]}}
  - {match: "POST /edit/{id}", class: write, action: write, params: {id: content.id, text: text}}
  - {match: "GET /poll/{id}", class: personal, params: {id: content.id}, response: {types: [json], empty: 200}}
fields: {id: plain, title: title}
shapes:
  - {entity: content, where: {has: [id, title]}, keys: {id: id}}
`

const testPolicy = `
version: 1
wiki: test
internal: {groups: [staff]}
spaces:
  OPEN:
    members: [{email_domain: acme.example}]
    hide: {titles: ["Internal*"]}
`

var testDirectory = rules.Directory{
	Users:  []rules.UserRecord{{Username: "eva", Email: "eva@acme.example"}, {Username: "zq", DisplayName: "Zelda Canary", Email: "zq@corp.example"}},
	Spaces: []rules.SpaceRecord{{Key: "OPEN", ID: "1", Name: "Open"}, {Key: "HR", ID: "2", Name: "Human Canary"}},
	Content: []rules.ContentRecord{
		{ID: "10", Space: "OPEN", Title: "Plan"}, {ID: "11", Space: "OPEN", Title: "Internal Canary"}, {ID: "20", Space: "HR", Title: "Salary Canary"},
	},
}

// newGateway serves as eva, an external of OPEN, or as who is given.
func newGateway(t *testing.T, as *rules.Viewer, observe func(gateway.Event), opts ...func(*gateway.Config)) *gateway.Gateway {
	t.Helper()
	profile, err := rules.ParseProfile("test.yaml", []byte(testProfile))
	if err != nil {
		t.Fatal(err)
	}
	policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(testPolicy)}, profile)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := directory.New(directory.Config{Profile: profile, Seed: testDirectory})
	if err != nil {
		t.Fatal(err)
	}
	if as == nil {
		as = &rules.Viewer{Provider: "idp", Subject: "s1", Email: "eva@acme.example", EmailVerified: true}
	}
	cfg := gateway.Config{
		Site: &url.URL{Scheme: "https", Host: "site.example"}, Wiki: &url.URL{Scheme: "http", Host: "wiki.internal"},
		Policy: policy, Directory: dir, As: as, Observe: observe,
	}
	for _, o := range opts {
		o(&cfg)
	}
	gw, err := gateway.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return gw
}

// upstream answers with one status, type and body.
func upstream(status int, contentType, body string) gateway.Next {
	return func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("X-Upstream", "canary")
		w.Header().Set("Set-Cookie", "canary=1")
		w.WriteHeader(status)
		_, err := io.WriteString(w, body)
		return err
	}
}

func page(id, text string) string {
	return `<!DOCTYPE html><html><head><meta name="id" content="` + id + `"><title>x</title></head><body><p>` + text + `</p></body></html>`
}

func serve(t *testing.T, gw *gateway.Gateway, method, target string, next gateway.Next, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, "https://site.example"+target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	if err := gw.ServeHTTP(w, r, next); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestStatus is the status order of design §1.3.
func TestStatus(t *testing.T) {
	t.Parallel()
	html := "text/html; charset=utf-8"
	tests := []struct {
		name, method, target string
		next                 gateway.Next
		header               []string
		status               int
		contains             string
	}{
		{name: "visible page", target: "/page/10", next: upstream(200, html, page("10", "hello")), status: 200, contains: "hello"},
		{name: "visible json", target: "/api/page/10", next: upstream(200, "application/json", `{"id":"10","title":"Plan"}`), status: 200, contains: `"title":"Plan"`},
		{name: "HEAD of a visible page", method: "HEAD", target: "/page/10", next: upstream(200, html, page("10", "hello")), status: 200},
		{name: "hidden space", target: "/page/20", next: upstream(200, html, page("20", "canary")), status: 404},
		{name: "hidden title", target: "/page/11", next: upstream(200, html, page("11", "canary")), status: 404},
		{name: "missing", target: "/page/999", next: upstream(200, html, page("999", "canary")), status: 404},
		{name: "no route", target: "/admin", next: upstream(200, html, "canary"), status: 404},
		{name: "unknown parameter", target: "/page/10?x=1", next: upstream(200, html, "canary"), status: 404},
		{name: "no single reading", target: "/page/%2e%2e/10", next: upstream(200, html, "canary"), status: 400},
		{name: "other answer than asked for", target: "/page/10", next: upstream(200, html, page("20", "canary")), status: 404},
		{name: "answer without evidence", target: "/page/10", next: upstream(200, html, "<p>canary"), status: 502},
		{name: "wrong type", target: "/page/10", next: upstream(200, "application/json", `{"canary":1}`), status: 502},
		{name: "malformed JSON", target: "/api/page/10", next: upstream(200, "application/json", `{"id":"10","title":"canary"`), status: 502},
		{name: "duplicate keys", target: "/api/page/10", next: upstream(200, "application/json", `{"id":"10","id":"20","title":"canary"}`), status: 502},
		{name: "unknown coding", target: "/page/10", next: func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Set("Content-Encoding", "br")
			return upstream(200, html, "canary")(w, r)
		}, status: 502},
		{name: "upstream forbids", target: "/page/10", next: upstream(403, html, "canary"), status: 404},
		{name: "upstream fails", target: "/page/10", next: upstream(500, html, "canary"), status: 502},
		{name: "upstream dies in mid-body", target: "/page/10", next: func(w http.ResponseWriter, r *http.Request) error {
			_ = upstream(200, html, "canary")(w, r)
			panic(http.ErrAbortHandler)
		}, status: 502},
		{name: "redirect to a hidden page", target: "/page/10", next: func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Location", "/page/20")
			w.WriteHeader(302)
			return nil
		}, status: 404},
		{name: "redirect to a visible page by the inner address", target: "/page/10", next: func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Location", "http://wiki.internal/page/10")
			w.WriteHeader(302)
			return nil
		}, status: 302},
		{name: "write by a reader", method: "POST", target: "/edit/10", header: []string{"Sec-Fetch-Site", "same-origin"}, status: 403},
		{name: "write to a hidden page", method: "POST", target: "/edit/20", header: []string{"Sec-Fetch-Site", "same-origin"}, status: 404},
		{name: "write from another site", method: "POST", target: "/edit/10", header: []string{"Sec-Fetch-Site", "cross-site"}, status: 403},
		{name: "blocked background call", target: "/poll/10", status: 200, contains: "{}"},
		{name: "switching protocols", target: "/page/10", next: func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(101)
			return nil
		}, status: 502},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var event gateway.Event
			gw := newGateway(t, nil, func(e gateway.Event) { event = e })
			next := tt.next
			if next == nil {
				next = func(http.ResponseWriter, *http.Request) error { t.Error("the wiki was asked"); return nil }
			}
			method := tt.method
			if method == "" {
				method = "GET"
			}
			w := serve(t, gw, method, tt.target, next, tt.header...)
			if w.Code != tt.status {
				t.Fatalf("status %d, want %d (%+v)\n%s", w.Code, tt.status, event, w.Body)
			}
			if !strings.Contains(w.Body.String(), tt.contains) {
				t.Errorf("body lacks %q:\n%s", tt.contains, w.Body)
			}
			all := fmt.Sprint(w.Header()) + w.Body.String()
			if strings.Contains(strings.ToLower(all), "canary") {
				t.Errorf("canary in the answer:\n%s", all)
			}
			if event.Status != tt.status {
				t.Errorf("event says %d", event.Status)
			}
		})
	}
}

// TestOneAnswer: hidden, blocked and missing can't be told apart, by body or
// by header, in any representation.
func TestOneAnswer(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, nil, nil)
	for _, header := range [][]string{
		nil, {"Accept", "application/json"}, {"Accept", "application/atom+xml"}, {"Sec-Fetch-Dest", "image"}, {"Accept", "text/html"}, {"Sec-Fetch-Dest", "document"},
	} {
		want := ""
		for _, target := range []string{"/page/20", "/page/11", "/page/999", "/admin", "/page/10?x=1", "/api/page/20", "/file/20", "/poll", "/page/12345678901234567890"} {
			w := serve(t, gw, "GET", target, upstream(200, "text/html", "canary"), header...)
			got := describe(w)
			if want == "" {
				want = got
			}
			if got != want || w.Code != 404 {
				t.Errorf("%v %s: differs\ngot  %s\nwant %s", header, target, got, want)
			}
		}
	}
}

func describe(w *httptest.ResponseRecorder) string {
	var lines []string
	for k, v := range w.Header() {
		lines = append(lines, fmt.Sprintf("%s: %s", k, v))
	}
	sort.Strings(lines)
	return fmt.Sprintf("%d %s %q", w.Code, lines, w.Body)
}

// TestUpstreamRequest: what reaches the wiki is built from the canonical values
// and the allow list, not from the client's bytes.
func TestUpstreamRequest(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, nil, nil)
	var got *http.Request
	serve(t, gw, "GET", "/p%61ge/10", func(w http.ResponseWriter, r *http.Request) error {
		got = r
		return upstream(200, "text/html", page("10", "x"))(w, r)
	},
		"X-Remote-User", "zq", "X_Remote_User", "zq", "Authorization", "Basic x", "Cookie", "JSESSIONID=1", "X-Forwarded-For", "1.2.3.4",
		"X-HTTP-Method-Override", "DELETE", "If-None-Match", `"x"`, "Range", "bytes=0-1", "Connection", "X-Foo", "Accept-Encoding", "br", "Accept", "application/json", "Accept-Language", "de")
	if got == nil {
		t.Fatal("the wiki was not asked")
	}
	want := http.Header{"User-Agent": {"Postern"}, "Accept": {"text/html"}, "Accept-Encoding": {"identity"}, "Accept-Language": {"de"}}
	if fmt.Sprint(got.Header) != fmt.Sprint(want) {
		t.Errorf("header fields up: %v\nwant %v", got.Header, want)
	}
	if got.URL.RequestURI() != "/page/10" || got.RequestURI != "/page/10" || got.Method != "GET" {
		t.Errorf("%s %s (%s) went up", got.Method, got.URL.RequestURI(), got.RequestURI)
	}
}

// TestConditional: the validator is the final bytes', and answers conditionals.
func TestConditional(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, nil, nil)
	next := upstream(200, "text/html; charset=utf-8", page("10", "hello"))
	first := serve(t, gw, "GET", "/page/10", next)
	tag := first.Header().Get("Etag")
	if tag == "" {
		t.Fatal("no validator")
	}
	second := serve(t, gw, "GET", "/page/10", next, "If-None-Match", tag)
	if second.Code != http.StatusNotModified || second.Body.Len() != 0 {
		t.Errorf("got %d with %d bytes, want 304", second.Code, second.Body.Len())
	}
}

// TestNotReady: without a directory every request gets 503.
func TestNotReady(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	gateway.NotReady(w, httptest.NewRequest("GET", "/", nil), pages.Default())
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d", w.Code)
	}
}

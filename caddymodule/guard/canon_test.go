package guard_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/rules"
)

const profile = `
profile: test
versions: ">=1"
canon: {params: {sources: [query, form]}}
routes:
  - {match: "GET /page/{id:content.id}", class: content, params: {q: text}, evidence: {content: 'meta[name=id]@content'}}
  - {match: "POST /search", class: search, read: true, params: {q: text}, page: {kind: none, items: results}, response: {types: [json]}}
`

func newGuard(t *testing.T, site string) *guard.Guard {
	t.Helper()
	p, err := rules.ParseProfile("test.yaml", []byte(profile))
	if err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse(site)
	if err != nil {
		t.Fatal(err)
	}
	return &guard.Guard{Profile: p, Site: &rules.Site{Base: base}, Wiki: &url.URL{Scheme: "http", Host: "wiki.internal", Path: "/ctx"}}
}

// TestCanon: what has no single reading is refused with 400, limits with their
// own statuses, and all else gets one form, whatever the spelling.
func TestCanon(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, method, target, host, contentType, body string
		header                                        http.Header
		status                                        int // 0: taken
	}{
		{name: "plain", target: "/page/1?q=a"},
		{name: "needless escapes", target: "/p%61ge/1"},
		{name: "dot segment", target: "/x/../page/1", status: 400},
		{name: "encoded dot segment", target: "/x/%2e%2e/page/1", status: 400},
		{name: "double slash", target: "//page/1", status: 400},
		{name: "encoded slash", target: "/page%2f1", status: 400},
		{name: "backslash", target: "/page%5c1", status: 400},
		{name: "path parameter", target: "/page;x=1/1", status: 400},
		{name: "encoded path parameter", target: "/page%3bx/1", status: 400},
		{name: "NUL", target: "/page/1%00", status: 400},
		{name: "overlong UTF-8", target: "/page/%c0%ae", status: 400},
		{name: "duplicate parameter", target: "/page/1?q=a&q=b", status: 400},
		{name: "semicolon in the query", target: "/page/1?q=a;id=2", status: 400},
		{name: "bad escape in the query", target: "/page/1?q=%zz", status: 400},
		{name: "other host", target: "/page/1", host: "other.example", status: 400},
		{name: "default port named", target: "/page/1", host: "site.example:443"},
		{name: "host in capitals", target: "/page/1", host: "SITE.example"},
		{name: "long target", target: "/page/1?q=" + strings.Repeat("a", 9000), status: 414},
		{name: "form", method: "POST", target: "/search", contentType: "application/x-www-form-urlencoded", body: "q=a"},
		{name: "form and query name one parameter twice", method: "POST", target: "/search?q=a", contentType: "application/x-www-form-urlencoded", body: "q=b", status: 400},
		{name: "form in another charset", method: "POST", target: "/search", contentType: "application/x-www-form-urlencoded; charset=utf-16", body: "q=a", status: 400},
		{name: "GET with a body", method: "GET", target: "/search", contentType: "application/x-www-form-urlencoded", body: "q=a", status: 400},
		{name: "coded body", method: "POST", target: "/search", contentType: "application/x-www-form-urlencoded", body: "q=a", header: http.Header{"Content-Encoding": {"gzip"}}, status: 400},
		{name: "large body", method: "POST", target: "/search", contentType: "application/x-www-form-urlencoded", body: "q=" + strings.Repeat("a", 2<<20), status: 413},
		{name: "JSON with duplicate keys", method: "POST", target: "/search", contentType: "application/json", body: `{"q":1,"Q":2}`, status: 400},
		{name: "JSON with trailing data", method: "POST", target: "/search", contentType: "application/json", body: `{} {}`, status: 400},
		{name: "JSON that is not UTF-8", method: "POST", target: "/search", contentType: "application/json", body: "\"\xff\"", status: 400},
		{name: "body without a type", method: "POST", target: "/search", body: "q=a", status: 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			method := tt.method
			if method == "" {
				method = "GET"
			}
			var body io.Reader
			if tt.body != "" {
				body = strings.NewReader(tt.body)
			}
			r := httptest.NewRequest(method, "https://site.example"+tt.target, body)
			if tt.host != "" {
				r.Host = tt.host
			}
			if tt.contentType != "" {
				r.Header.Set("Content-Type", tt.contentType)
			}
			for k, v := range tt.header {
				r.Header[k] = v
			}
			req, ref := newGuard(t, "https://site.example").Canon(r)
			got := 0
			if ref != nil {
				got = ref.Status
			}
			if got != tt.status {
				t.Fatalf("status %d (%v), want %d", got, ref, tt.status)
			}
			if ref == nil && req == nil {
				t.Fatal("neither a request nor a refusal")
			}
		})
	}
}

func TestCanonBelowAContextPath(t *testing.T) {
	t.Parallel()
	g := newGuard(t, "https://site.example/wiki")
	for target, status := range map[string]int{"/wiki/page/1": 0, "/page/1": 404, "/wikipage/1": 404, "/wiki": 404, "/x/%2e%2e/wiki/page/1": 400} {
		_, ref := g.Canon(httptest.NewRequest("GET", "https://site.example"+target, nil))
		got := 0
		if ref != nil {
			got = ref.Status
		}
		if got != status {
			t.Errorf("%s: status %d (%v), want %d", target, got, ref, status)
		}
	}
}

// TestHeaderSafe: a name that a reader could take for another, or for two.
func TestHeaderSafe(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"ines": true, "ines@corp.example": true, "": false, " ines": false, "a,b": false, "a\r\nX: y": false, "Zoë": false, `a"b`: false} {
		if got := guard.HeaderSafe(name); got != want {
			t.Errorf("HeaderSafe(%q) = %v, want %v", name, got, want)
		}
	}
}

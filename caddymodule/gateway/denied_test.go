package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/postern-gateway/postern/caddymodule/gateway"
)

const deniedPolicy = policyA + `
urls:
  block:
    - {match: "/api/{rest...}"}
`

// TestDenied: each kind of refusal is one line, with its reason and the line
// that would decide it.
func TestDenied(t *testing.T) {
	t.Parallel()
	r := newReloading(t)
	r.write("profile.yaml", strings.Replace(reloadProfile, "fields:", `  - {match: "GET /admin/{name}", class: admin}
  - {match: "GET /dump/{name}", class: export}
  - {match: "GET /mine", class: personal, response: {types: [json], empty: 200}}
fields:`, 1))
	r.load(deniedPolicy)
	html := func(body string) gateway.Next {
		return func(w http.ResponseWriter, _ *http.Request) error { return upstream200(w, "text/html", body) }
	}
	for _, q := range []struct {
		target, referrer string
		next             gateway.Next
	}{
		{"/secretword/12?canary=1&start=2", "https://site.example/page/10?canary=x", nil},
		{"/secretword/13?canary=2&start=4", "https://site.example/secretpath/canary", nil},
		{"/page/10?canary=1", "https://elsewhere.example/canary", nil},
		{"/page/10?limit=1", "", nil},
		{"/page/canary", "", nil},
		{"/admin/canary", "", nil},
		{"/dump/canary", "", nil},
		{"/mine", "", nil},
		{"/api/pages?limit=5", "", nil},
		{"/page/20", "", nil},
		{"/page/10", "", html("<p>canary without evidence")},
		{"/page/%2e%2e/canary", "", nil},
	} {
		req := httptest.NewRequest(http.MethodGet, "https://site.example"+q.target, nil)
		if q.referrer != "" {
			req.Header.Set("Referer", q.referrer)
		}
		if err := r.ServeHTTP(httptest.NewRecorder(), req, q.next); err != nil {
			t.Fatal(err)
		}
	}
	profile, policy := r.dir+"/profile.yaml", r.dir+"/policy.yaml"
	want := []gateway.Denied{
		{
			Pattern: "GET /{word}/{id}?start&{param}", Kind: "external", Status: 404, Rule: "no-route", Reason: "no route of the profile names it", Count: 2,
			Referrer: "GET /{word}/{word2}", Change: `- {match: "GET /WORD/{id}", class: admin, params: {"start": int}}`,
		},
		{
			Pattern: "GET /admin/{name}", Class: "admin", Kind: "external", Status: 404, Rule: "class", Reason: "the class of URL is closed to this kind of viewer", Count: 1,
			Decides: profile + ":16", Change: "none: class admin never opens to this kind of viewer (external)",
		},
		{
			Pattern: "GET /api/pages", Class: "search", Kind: "external", Status: 404, Rule: "urls.block", Reason: "a rule of the policy blocks it", Count: 1,
			Decides: policy + ":12", Change: "except_roles at the rule, or the rule taken out",
		},
		{
			Pattern: "GET /dump/{name}", Class: "export", Kind: "external", Status: 404, Rule: "class", Reason: "the class of URL is closed to this kind of viewer", Count: 1,
			Decides: profile + ":17", Change: "none: class export never opens to this kind of viewer (external)",
		},
		{
			Pattern: "GET /mine", Class: "personal", Kind: "external", Status: 200, Rule: "empty", Reason: "answered empty, as the profile says for what is closed or hidden here", Count: 1,
			Decides: profile + ":18", Change: `urls: {allow: [{match: "GET /mine"}]}`,
		},
		{Pattern: "GET /page/{id}", Class: "content", Kind: "external", Status: 502, Rule: "fail-closed", Reason: "answer withheld: evidence_missing", Count: 1, Decides: profile + ":8"},
		{Pattern: "GET /page/{id}", Class: "content", Kind: "external", Status: 404, Rule: "unknown", Reason: "something that it names is unknown, and so hidden", Count: 1, Decides: profile + ":8"},
		{
			Pattern: "GET /page/{id}", Kind: "external", Status: 404, Rule: "no-route", Reason: "parameter limit: the route does not name it", Count: 1, Decides: profile + ":8",
			Change: `- {match: "GET /page/{id}", params: {"limit": drop}}`,
		},
		{
			Pattern: "GET /page/{id}", Kind: "external", Status: 404, Rule: "no-route", Reason: "parameter {param}: the route does not name it", Count: 1, Referrer: "outside",
			Decides: profile + ":8", Change: `- {match: "GET /page/{id}", params: {"NAME": text}}`,
		},
		{Pattern: "GET /page/{id}", Class: "content", Kind: "external", Status: 404, Rule: "default", Reason: "something that it names is hidden or missing", Count: 1, Decides: profile + ":8"},
		{Pattern: "{unread}", Kind: "anonymous", Status: 400, Rule: "canon", Reason: "no single reading", Count: 1, Change: "none: no rule can let it through"},
	}
	report := r.Denied()
	byLine := cmpopts.SortSlices(func(a, b gateway.Denied) bool { return a.Pattern+a.Rule+a.Reason < b.Pattern+b.Rule+b.Reason })
	if diff := cmp.Diff(want, report.Denied, cmpopts.IgnoreFields(gateway.Denied{}, "First", "Last"), byLine); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if report.Denied[0].Count != 2 {
		t.Error("the most frequent is not first")
	}
	noNames(t, report)
	r.ClearDenied()
	if n := len(r.Denied().Denied); n != 0 {
		t.Errorf("%d lines after clearing", n)
	}
}

func noNames(t *testing.T, report gateway.DeniedReport) {
	t.Helper()
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"canary", "secret"} {
		if strings.Contains(strings.ToLower(string(text)), name) {
			t.Errorf("%s is in the list:\n%s", name, text)
		}
	}
}

// TestDeniedNames: no word of a request gets into the list, wherever it stands
// and however it is refused.
func TestDeniedNames(t *testing.T) {
	t.Parallel()
	for _, names := range []string{"canary", "Canary", "CANARY%20x", "c%C3%A1nary.canary", "canary.action", "canary-1", "1canary"} {
		r := newReloading(t)
		for _, target := range []string{
			"/%s", "/page/%s", "/page/10/%s", "/page/10?%s=1", "/page/10?x=%s", "/api/pages?spaces=%s", "/api/pages?limit=%s", "/api/pages?start=%s&%s=%s",
			"/file/%s", "/%s.json?%s", "/a/%s/b/c/d/e/f/g/h/%s", "/page/%s/%s?limit=%s", "//%s", "/page/10?x=%%zz%s",
		} {
			target = strings.ReplaceAll(strings.ReplaceAll(target, "%s", names), "%%", "%")
			for _, method := range []string{"GET", "POST", "CANARY"} {
				req, err := http.NewRequest(method, "https://site.example"+target, strings.NewReader("canary=canary"))
				if err != nil {
					continue
				}
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				req.Header.Set("Sec-Fetch-Site", "same-origin")
				req.Header.Set("Referer", "https://site.example"+target)
				if err := r.ServeHTTP(httptest.NewRecorder(), req, wiki); err != nil {
					t.Fatal(err)
				}
			}
		}
		report := r.Denied()
		if len(report.Denied) < 10 {
			t.Errorf("%d lines only", len(report.Denied))
		}
		noNames(t, report)
	}
}

// BenchmarkDenied is what a refused request costs more.
func BenchmarkDenied(b *testing.B) {
	gw := newGateway(&testing.T{}, nil, nil)
	reqs := make([]*http.Request, 64)
	for i := range reqs {
		reqs[i] = httptest.NewRequest(http.MethodGet, fmt.Sprintf("https://site.example/no/route/%d?x=1", i), nil)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_ = gw.ServeHTTP(httptest.NewRecorder(), reqs[i%len(reqs)], nil)
	}
}

package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/caddymodule/pages"
	"github.com/postern-gateway/postern/rules"
)

// TestHome: the start page lists what the view shows, with links where they are
// open, and asks the wiki nothing.
func TestHome(t *testing.T) {
	t.Parallel()
	const at = "/.postern/home"
	next := func(http.ResponseWriter, *http.Request) error {
		t.Error("the wiki was asked")
		return nil
	}
	linked := func(c *gateway.Config) {
		profile, err := rules.ParseProfile("test.yaml", []byte(strings.Replace(testProfile, "routes:\n", "space_url: \"/space/{key}\"\nroutes:\n  - {match: \"GET /space/{key}\", class: space, params: {key: space.key}, evidence: {space: 'meta[name=\"key\"]@content'}, response: {types: [html]}}\n", 1)))
		if err != nil {
			t.Fatal(err)
		}
		if c.Policy, err = rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(testPolicy)}, profile); err != nil {
			t.Fatal(err)
		}
	}
	var events []gateway.Event
	observe := func(e gateway.Event) { events = append(events, e) }
	stranger := &rules.Viewer{Provider: "idp", Subject: "s2"}
	for _, tt := range []struct {
		name string
		as   *rules.Viewer
		opts []func(*gateway.Config)
		want []string
	}{
		{"by name", nil, nil, []string{"<h1>Shared with you</h1>", "<li><span>Open</span></li>"}},
		{"with links", nil, []func(*gateway.Config){linked}, []string{`<li><a href="/space/OPEN">Open</a></li>`}},
		{"nothing", stranger, []func(*gateway.Config){linked}, []string{"<h1>Nothing is shared with you</h1>"}},
	} {
		gw := newGateway(t, tt.as, observe, tt.opts...)
		w := serve(t, gw, "GET", at, next, "Accept", "text/html")
		for _, s := range tt.want {
			if w.Code != 200 || !strings.Contains(w.Body.String(), s) {
				t.Errorf("%s: status %d, %q is missing:\n%s", tt.name, w.Code, s, w.Body)
			}
		}
		if strings.Contains(w.Body.String(), "Canary") || strings.Contains(w.Body.String(), "HR") {
			t.Errorf("%s: names what is hidden:\n%s", tt.name, w.Body)
		}
		if e := events[len(events)-1]; e.Verdict != "own" {
			t.Errorf("%s: told as %q", tt.name, e.Verdict)
		}
		head := serve(t, gw, "HEAD", at, next)
		if head.Code != 200 || head.Body.Len() > 0 {
			t.Errorf("%s: HEAD: %d, %d bytes", tt.name, head.Code, head.Body.Len())
		}
		missing := serve(t, gw, "GET", "/nothing", next, "Accept", "text/html").Body.String()
		for _, other := range []string{at + "/", at + "x", "/.postern/%68ome", "/.Postern/home", "/.postern"} {
			if w := serve(t, gw, "GET", other, next, "Accept", "text/html"); w.Code != 404 || w.Body.String() != missing {
				t.Errorf("%s: %s: status %d", tt.name, other, w.Code)
			}
		}
		if w := serve(t, gw, "POST", at, next, "Accept", "text/html", "Sec-Fetch-Site", "same-origin"); w.Code != 404 {
			t.Errorf("%s: POST: %d", tt.name, w.Code)
		}
	}
	// The one 404 leads there, whatever it is about.
	set, err := pages.New(pages.Options{Home: at, Title: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	gw := newGateway(t, nil, nil, func(c *gateway.Config) { c.Pages = set })
	want := serve(t, gw, "GET", "/nothing", next, "Accept", "text/html").Body.String()
	if !strings.Contains(want, `href="`+at+`"`) || !strings.Contains(want, "Acme") {
		t.Errorf("no way on:\n%s", want)
	}
	for _, hidden := range []string{"/", "/page/20", "/page/11", "/admin", "/page/10?x=1"} {
		if got := serve(t, gw, "GET", hidden, next, "Accept", "text/html").Body.String(); got != want {
			t.Errorf("%s: another 404:\n%s", hidden, got)
		}
	}
}

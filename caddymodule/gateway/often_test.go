package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/caddymodule/limit"
	"github.com/postern-gateway/postern/rules"
)

// TestOften: over the rate every request is answered alike, whatever it asks
// for, and told when to come again; what has no single reading stays a 400, and
// the load balancer is not limited.
func TestOften(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	var events []gateway.Event
	gw := newGateway(t, nil, func(e gateway.Event) { events = append(events, e) }, func(c *gateway.Config) {
		c.Often = &limit.Config{Rate: 0.5, Burst: 3}
		c.Now = func() time.Time { return now }
	})
	next := upstream(200, "text/html; charset=utf-8", page("10", "hello"))
	for i := range 3 {
		if w := serve(t, gw, "GET", "/page/10", next); w.Code != 200 {
			t.Fatalf("request %d: %d", i, w.Code)
		}
	}
	want := ""
	for _, target := range []string{"/page/10", "/page/20", "/page/11", "/page/999", "/admin", "/page/10?x=1", "/poll/20"} {
		for _, method := range []string{"GET", "POST"} {
			w := serve(t, gw, method, target, next)
			if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "2" {
				t.Errorf("%s %s: %d, Retry-After %q", method, target, w.Code, w.Header().Get("Retry-After"))
			}
			if got := w.Body.String(); want == "" {
				want = got
			} else if got != want {
				t.Errorf("%s %s is told something else:\n%s", method, target, got)
			}
		}
	}
	if e := events[len(events)-1]; e.Rule != "limit" || e.Status != 429 || e.Verdict != "denied" {
		t.Errorf("told of it: %+v", e)
	}
	if w := serve(t, gw, "GET", "/page/%2e%2e/10", next); w.Code != 400 {
		t.Errorf("no single reading: %d", w.Code)
	}
	if w := serve(t, gw, "GET", "/.postern/live", next); w.Code != 200 {
		t.Errorf("the probe: %d", w.Code)
	}
	now = now.Add(2 * time.Second)
	if w := serve(t, gw, "GET", "/page/10", next); w.Code != 200 {
		t.Errorf("after the wait: %d", w.Code)
	}
}

// TestOftenAtOnce: requests that are in work count until they are answered.
func TestOftenAtOnce(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, nil, nil, func(c *gateway.Config) { c.Often = &limit.Config{Rate: -1, Concurrent: 1} })
	inner := 0
	answer := upstream(200, "text/html; charset=utf-8", page("10", "hello"))
	next := func(w http.ResponseWriter, r *http.Request) error {
		inner = serve(t, gw, "GET", "/page/10", answer).Code
		return answer(w, r)
	}
	if w := serve(t, gw, "GET", "/page/10", next); w.Code != 200 || inner != 429 {
		t.Errorf("the first: %d, one beside it: %d", w.Code, inner)
	}
	if w := serve(t, gw, "GET", "/page/10", answer); w.Code != 200 {
		t.Errorf("after it: %d", w.Code)
	}
}

// TestOftenByAddress: where nobody is signed in, an address counts, as the host
// tells it.
func TestOftenByAddress(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, &rules.Viewer{Anonymous: true}, nil, func(c *gateway.Config) {
		c.Often = &limit.Config{Rate: 0.1, Burst: 1}
		c.ClientAddress = func(r *http.Request) string { return r.Header.Get("X-Test-Address") }
	})
	next := upstream(200, "text/html; charset=utf-8", "canary")
	ask := func(addr string) int { return serve(t, gw, "GET", "/page/10", next, "X-Test-Address", addr).Code }
	for _, tt := range []struct {
		addr string
		want int
	}{{"192.0.2.1", 401}, {"192.0.2.1", 429}, {"192.0.2.2", 401}, {"2001:db8::1", 401}, {"2001:db8::2", 429}} {
		if got := ask(tt.addr); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.addr, got, tt.want)
		}
	}
}

// TestSizes: each limit of design §1.3 on one request, and the default below it.
func TestSizes(t *testing.T) {
	t.Parallel()
	gw := newGateway(t, nil, nil, func(c *gateway.Config) {
		c.Limits = guard.Limits{Target: 100, Body: 50, Fields: 5, Params: 3}
	})
	next := upstream(200, "text/html; charset=utf-8", page("10", "hello"))
	const form = "application/x-www-form-urlencoded"
	for _, tt := range []struct {
		name, method, target, body string
		fields, status             int
	}{
		{"within", "GET", "/page/10", "", 5, 200},
		{"fields", "GET", "/page/10", "", 6, 431},
		{"target", "GET", "/page/10?x=" + strings.Repeat("a", 100), "", 0, 414},
		{"parameters", "GET", "/page/10?a=1&b=2&c=3&d=4", "", 0, 414},
		{"empty parameters", "GET", "/page/10?&&&", "", 0, 414},
		{"parameters beyond any reader", "GET", "/page/10?" + strings.Repeat("&", 80), "", 0, 414},
		{"form parameters", "POST", "/edit/10", "a=1&b=2&c=3&d=4", 0, 413},
		{"body", "POST", "/edit/10", strings.Repeat("a", 51), 0, 413},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tt.method, "https://site.example"+tt.target, strings.NewReader(tt.body))
			if tt.body != "" {
				r.Header.Set("Content-Type", form)
				r.Header.Set("Origin", "https://site.example")
			}
			for range tt.fields {
				r.Header.Add("X-A", "b")
			}
			w := httptest.NewRecorder()
			if err := gw.ServeHTTP(w, r, next); err != nil || w.Code != tt.status {
				t.Errorf("%d, want %d (%v)", w.Code, tt.status, err)
			}
		})
	}
}

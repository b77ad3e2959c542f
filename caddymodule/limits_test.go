package caddymodule

import (
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// TestLimits: what a limit may be, as it is read and as it is checked.
func TestLimits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		line string
		ok   bool
	}{
		{"rate 50/s", true},
		{"rate 0.5/s", true},
		{"rate 600/m", true},
		{"rate off", true},
		{"rate 5", false},
		{"rate 0/s", false},
		{"rate -1/s", false},
		{"rate NaN/s", false},
		{"rate Inf/s", false},
		{"rate 5/d", false},
		{"burst 1", true},
		{"burst 0", false},
		{"burst off", false},
		{"burst 99999999999", false},
		{"concurrent 1", true},
		{"concurrent off", true},
		{"concurrent -1", false},
		{"body 1MiB", true},
		{"body 2MiB", false}, // over what the reader of requests takes
		{"body 0", false},
		{"target 8KiB", true},
		{"target 9KiB", false},
		{"header_fields 10", true},
		{"header_fields 0", false},
		{"parameters 256", true},
		{"parameters 257", false},
		{"parameters 1 2", false},
		{"rate 1/s\nrate 2/s", false},
		{"colour red", false},
		{"", false},
	} {
		l := new(Limits)
		d := caddyfile.NewTestDispenser("limits {\n" + tt.line + "\n}")
		d.Next()
		err := l.parse(d)
		if err == nil {
			err = l.check()
		}
		if (err == nil) != tt.ok {
			t.Errorf("%q: %v", tt.line, err)
		}
	}
	if err := (&Limits{Rate: -1, Burst: 5}).check(); err == nil {
		t.Error("a burst without a rate is taken")
	}
}

// TestLimitsLive: a viewer's requests are counted through Caddy, each viewer's
// by themselves, and whoever is not signed in by what the trusted proxies say
// of his address.
func TestLimitsLive(t *testing.T) {
	s := newRawSiteOf(t, func(app map[string]any) { app["limits"] = map[string]any{"rate": 0.001, "burst": 20} })
	ana, ines := s.cookie(t, "ana", "acme-demo"), s.cookie(t, "ines", "internal-demo")
	const line = "GET /rest/api/space/HR"
	for i := range 20 { // signing in has led to a page or two
		if got := s.send(t, s.request(line, ana)); got.status != 404 && i < 15 {
			t.Fatalf("request %d: %d", i, got.status)
		}
	}
	got := s.send(t, s.request(line, ana))
	if got.status != 429 || got.header.Get("Retry-After") == "" {
		t.Errorf("over the limit: %d, Retry-After %q", got.status, got.header.Get("Retry-After"))
	}
	if got := s.send(t, s.request("GET /display/ACME/..", ana)); got.status != 400 {
		t.Errorf("no single reading, over the limit: %d", got.status)
	}
	if got := s.send(t, s.request("GET /display/ACME", ines)); got.status != 200 {
		t.Errorf("another viewer: %d", got.status)
	}
	last := 0
	for range 25 {
		// The proxies are not trusted: what the field says does not count.
		last = s.send(t, s.request(line, "", "X-Forwarded-For: 192.0.2.1")).status
	}
	if last != 429 {
		t.Errorf("without a session, and with made-up addresses: %d", last)
	}
}

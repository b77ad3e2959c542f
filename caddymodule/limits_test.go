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

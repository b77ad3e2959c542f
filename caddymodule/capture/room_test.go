package capture

import (
	"net/http"
	"testing"
)

// TestExpected: what the upstream says of a body's length is believed up to a
// bound, and only if it can be read.
func TestExpected(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]int{
		"": 0, "0": 0, "113000": 113000, "-1": 0, "+5": 0, "1e3": 0, "12, 12": 0,
		"99999999999": pooledLimit, "18446744073709551615": 0,
	} {
		w := &writer{header: http.Header{"Content-Length": {said}}, cfg: Config{Limit: DefaultLimit}}
		if got := w.expected(); got != want {
			t.Errorf("%q: room for %d bytes, want %d", said, got, want)
		}
		if w.cfg.Limit = 100; w.expected() > 100 {
			t.Errorf("%q: room for %d bytes over the limit", said, w.expected())
		}
	}
}

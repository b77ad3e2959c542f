package gateway_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/postern-gateway/postern/caddymodule/gateway"
)

// TestDenyFloor: refusals come at multiples of the step, whether or not the
// wiki was asked on the way, and answers at once.
func TestDenyFloor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const step = 50 * time.Millisecond
		gw := newGateway(t, nil, nil, func(c *gateway.Config) { c.DenyFloor = step })
		slow := func(status int) gateway.Next {
			return func(w http.ResponseWriter, r *http.Request) error {
				time.Sleep(step / 5)
				return upstream(status, "text/html; charset=utf-8", page("10", "hello"))(w, r)
			}
		}
		for target, want := range map[string]time.Duration{"/page/20": step, "/page/999": step, "/admin": step, "/page/10?x=1": step, "/poll/20": step} {
			began := time.Now()
			serve(t, gw, "GET", target, slow(200))
			if got := time.Since(began); got != want {
				t.Errorf("%s: %v, want %v", target, got, want)
			}
		}
		for status, want := range map[int]time.Duration{404: step, 403: step, 200: step / 5} {
			began := time.Now()
			serve(t, gw, "GET", "/page/10", slow(status))
			if got := time.Since(began); got != want {
				t.Errorf("the wiki answers %d: %v, want %v", status, got, want)
			}
		}
	})
}

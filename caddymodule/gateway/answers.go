package gateway

import (
	"net/http"
	"time"

	"github.com/postern-gateway/postern/caddymodule/pages"
)

// answer writes one of Postern's own answers in place of whatever the header
// held already. incident is shown beside a 502 and empty otherwise.
func (g *Gateway) answer(w http.ResponseWriter, r *http.Request, status int, incident string) {
	clear(w.Header())
	g.cfg.Pages.Answer(w, r, status, incident)
}

// tooMany answers 429, and says when to come again (RFC 6585, section 4; RFC
// 9110, section 10.2.3).
func (g *Gateway) tooMany(w http.ResponseWriter, r *http.Request, retry time.Duration) {
	clear(w.Header())
	w.Header().Set("Retry-After", itoa(int((retry+time.Second-1)/time.Second)))
	g.cfg.Pages.Answer(w, r, http.StatusTooManyRequests, "")
}

// NotReady answers 503, for the time before a gateway is there.
func NotReady(w http.ResponseWriter, r *http.Request, p *pages.Set) {
	clear(w.Header())
	p.Answer(w, r, http.StatusServiceUnavailable, "")
}

// BadRequest answers 400, for a request that has no single reading.
func BadRequest(w http.ResponseWriter, r *http.Request, p *pages.Set) {
	clear(w.Header())
	p.Answer(w, r, http.StatusBadRequest, "")
}

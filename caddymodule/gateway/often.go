package gateway

import (
	"net/http"

	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/caddymodule/limit"
)

// Who asks too often is told so before he is told anything else, before look-ups
// and the wiki. What has no single reading or is over a size counts as well, for
// the address that it comes from. Every request counts alike, those for the
// files of a page's dress too: each goes the same way and costs the wiki as
// much; a browser asks for them once.

// enter asks for this request to be answered, as the viewer's, or as its
// address's where nobody is signed in.
func (x *exchange) enter() bool {
	if x.viewer.Anonymous {
		return x.enterAs(x.g.addressKey(x.r))
	}
	return x.enterAs(limit.Key{Kind: "viewer", Name: x.viewer.Subject, Of: x.viewer.Provider})
}

// enterAs is enter for a client that is known by a key.
func (x *exchange) enterAs(key limit.Key) bool {
	if x.g.often == nil {
		return true
	}
	ticket, retry := x.g.often.Enter(key, x.start)
	if retry == 0 {
		x.ticket = ticket
		return true
	}
	x.refusal = overLimit
	x.rule, x.reason, x.status, x.verdict = overLimit.Rule, overLimit.Reason, overLimit.Status, "denied"
	x.g.tooMany(x.w, x.r, retry)
	return false
}

var overLimit = &guard.Refusal{Status: http.StatusTooManyRequests, Rule: "limit", Reason: "more requests than the limits allow"}

// enterOwn is enter for Postern's own pages, which begin sign-ins: they count
// for the address, whoever is signed in there.
func (g *Gateway) enterOwn(w http.ResponseWriter, r *http.Request) (limit.Ticket, bool) {
	if g.often == nil {
		return limit.Ticket{}, true
	}
	ticket, retry := g.often.Enter(g.addressKey(r), g.cfg.Now())
	if retry > 0 {
		g.cfg.Metrics.Denied(overLimit.Rule, itoa(overLimit.Status))
		g.tooMany(w, r, retry)
	}
	return ticket, retry == 0
}

func (g *Gateway) addressKey(r *http.Request) limit.Key {
	if g.cfg.ClientAddress != nil {
		return limit.Address(g.cfg.ClientAddress(r))
	}
	return limit.Address(r.RemoteAddr)
}

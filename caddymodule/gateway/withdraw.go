package gateway

import (
	"reflect"
	"time"

	"github.com/postern-gateway/postern/caddymodule/signin"
	"github.com/postern-gateway/postern/rules"
)

// judged is what a request was admitted by. While it holds, so does the
// admission.
type judged struct {
	state   *state
	session *signin.Session
	until   time.Time // when the view's verdicts may differ; zero: never
}

// cut says that a download under way must end: the viewer's session has, or a
// newer policy, directory or moment does not admit the request any more.
func (x *exchange) cut() bool {
	switch {
	case x.revoked():
		x.rule, x.reason = "session", "the session ended while the answer ran"
	case !x.stillAdmitted():
		x.rule, x.reason = "withdrawn", "not admitted any more while the answer ran"
	default:
		return false
	}
	x.verdict = "cut"
	return true
}

// revoked says that the viewer's session ended since the request began.
func (x *exchange) revoked() bool {
	if x.session == nil {
		return false
	}
	select {
	case <-x.session.Done():
		return true
	default:
		return false
	}
}

// stillAdmitted says that the request would be admitted now as well. What was
// made of it stays as it is: no request is judged half by one policy and half
// by another, but none is answered, or answered on, that the viewer may not
// make any more.
func (x *exchange) stillAdmitted() bool {
	now := judged{state: x.g.state.Load(), session: x.session}
	if x.session != nil {
		now.session = x.session.Current()
	}
	if now.state == x.judged.state && now.session == x.judged.session && (x.judged.until.IsZero() || x.g.cfg.Now().Before(x.judged.until)) {
		return true
	}
	if now.state == nil {
		return false
	}
	view := x.admittedBy(now)
	if view == nil {
		return false
	}
	now.until = view.Expires()
	x.judged = now
	return true
}

// admittedBy judges the request anew and gives the view that admits it, or nil.
func (x *exchange) admittedBy(now judged) *rules.View {
	g, viewer := x.g, x.viewer
	if now.session != nil {
		viewer = now.session.Viewer
		viewer.WikiVouches = x.viewer.WikiVouches
	}
	old, next := x.state.policy.Profile, now.state.policy.Profile
	if viewer.WikiUser != x.viewer.WikiUser || old != next && !reflect.DeepEqual(old.Canon, next.Canon) {
		return nil // the wiki answered somebody else, or something else was read
	}
	view := now.state.view(viewer, x.sessionKey(), g.cfg.Now())
	if g.cfg.Identity[view.Kind()] != g.cfg.Identity[x.view.Kind()] {
		return nil // the wiki answered to another account
	}
	res := resolver{g: g, state: now.state, viewer: viewer, session: x.sessionKey()}
	adm, refusal := now.state.guard.Admit(x.ctx, x.req, view, res, g.cfg.Log)
	if refusal != nil || adm.Empty || adm.Leads != "" {
		return nil
	}
	return adm.View
}

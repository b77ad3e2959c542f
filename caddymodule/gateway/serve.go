package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/caddymodule/limit"
	"github.com/postern-gateway/postern/caddymodule/rewrite"
	"github.com/postern-gateway/postern/caddymodule/signin"
	"github.com/postern-gateway/postern/caddymodule/wikisession"
	"github.com/postern-gateway/postern/rules"
)

// Next forwards a request to the wiki.
type Next func(http.ResponseWriter, *http.Request) error

// exchange is one request with what has been found out about it; each step
// adds to it and finish tells audit and metrics.
type exchange struct {
	g       *Gateway
	ctx     context.Context
	w       http.ResponseWriter
	r       *http.Request
	start   time.Time
	state   *state
	session *signin.Session
	viewer  rules.Viewer
	ticket  limit.Ticket
	wiki    *wikisession.Session // nil: none
	upload  int64                // bytes taken of the room for uploads
	view    *rules.View
	req     *rules.Request
	refusal *guard.Refusal
	adm     *guard.Admission
	judged  judged // by what it was admitted last
	report  *rewrite.Result

	status   int
	verdict  string
	rule     string
	reason   string
	incident string
}

// ServeHTTP answers one request: the steps of doc.go, in order. An error is
// returned only for faults of the host, never for a refusal.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request, next Next) error {
	x := &exchange{g: g, ctx: r.Context(), w: w, r: r, start: g.cfg.Now()}
	if g.ownPath(w, r) {
		return nil
	}
	x.state = g.state.Load()
	if x.state == nil {
		g.answer(w, r, http.StatusServiceUnavailable, "")
		return nil
	}
	defer x.finish()
	defer func() { x.ticket.Leave() }() // the one that identify has got

	if x.atWiki() {
		x.wikiSignIn()
		return nil
	}
	gd := x.state.guard
	req, refusal := gd.Canon(r)
	x.req = req
	if refusal != nil && refusal.Status != http.StatusNotFound {
		if !x.enterAs(x.g.addressKey(r)) { // nobody is looked for: it costs next to nothing, and can't be had for nothing
			return nil
		}
		return x.refuse(refusal)
	}
	if refusal == nil && bearerParameter(req) {
		x.refuseBearer(signin.ErrBearerParameter)
		return nil
	}
	if !x.identify() {
		return nil
	}
	if x.atHome() {
		return x.home()
	}
	if refusal == nil && !safe(r.Method) {
		refusal = x.sameOrigin()
	}
	if refusal == nil {
		refusal = x.admit(gd)
	}
	defer func() { g.uploads.Release(x.upload) }()
	if refusal == nil && safe(r.Method) && x.adm.Leads == "" && x.adm.Match.IsWrite {
		refusal = x.sameOrigin() // a write by GET
	}
	if refusal != nil {
		return x.refuse(refusal)
	}
	x.view = x.adm.View
	x.judged = judged{state: x.state, session: x.session, until: x.view.Expires()}
	if x.adm.Leads != "" {
		return x.lead()
	}
	if x.adm.Empty {
		return x.empty()
	}
	id, refusal := x.upstreamIdentity()
	if refusal != nil {
		return x.refuse(refusal)
	}
	if refusal = x.editable(gd, id, next); refusal != nil {
		return x.refuse(refusal)
	}
	return x.forward(gd, id, next)
}

// ownPath serves what lies below the prefix.
func (g *Gateway) ownPath(w http.ResponseWriter, r *http.Request) bool {
	p := r.URL.EscapedPath() // an escaped look-alike is none of ours
	if p != g.cfg.Prefix && !strings.HasPrefix(p, g.cfg.Prefix+"/") || path.Clean(p) != p {
		return false
	}
	if g.cfg.SignIn != nil && g.cfg.SignIn.Handles(p) {
		if !guard.SameHost(r.Host, g.cfg.Site) {
			g.answer(w, r, http.StatusBadRequest, "")
			return true
		}
		ticket, ok := g.enterOwn(w, r)
		if ok {
			defer ticket.Leave()
			g.cfg.SignIn.ServeHTTP(w, r)
		}
		return true
	}
	if p == g.cfg.Prefix+jwksPath && g.signsNames() {
		g.publish(w, r)
		return true
	}
	return g.probe(w, p)
}

// identify finds the viewer. Without a session the request goes on as the
// anonymous viewer's if something is public; refuse turns what he may not have
// into the way to sign in.
func (x *exchange) identify() bool {
	x.viewer = rules.Viewer{Anonymous: true}
	if x.g.cfg.As != nil {
		x.viewer = *x.g.cfg.As
	}
	if x.g.cfg.SignIn != nil {
		s, err := x.g.cfg.SignIn.Session(x.r)
		var refused *signin.BearerError
		if errors.As(err, &refused) {
			x.refuseBearer(refused)
			return false
		}
		if err != nil {
			if !x.enterAs(x.g.addressKey(x.r)) {
				return false
			}
			x.rule, x.reason, x.verdict, x.status = "session", err.Error(), "denied", http.StatusServiceUnavailable
			if errors.Is(err, signin.ErrAmbiguousCookie) {
				x.status = http.StatusBadRequest
			}
			x.g.answer(x.w, x.r, x.status, "")
			return false
		}
		if s != nil {
			x.session, x.viewer = s, s.Viewer
		}
	}
	if !x.enter() {
		return false
	}
	if !x.vouch() {
		return false
	}
	x.view = x.state.view(x.viewer, x.sessionKey(), x.g.cfg.Now())
	if x.viewer.Anonymous && !x.state.policy.HasPublic() {
		x.challenge()
		return false
	}
	return true
}

// refuseBearer answers an access token that is not taken. Such requests count
// for their address: nobody is known to have made them.
func (x *exchange) refuseBearer(e *signin.BearerError) {
	if !x.enterAs(x.g.addressKey(x.r)) {
		return
	}
	x.verdict, x.rule, x.reason, x.status = "denied", "bearer", e.Error(), e.Status
	signin.RefuseBearer(x.w, x.r, e)
}

// bearerParameter says whether a request brings an access token as a parameter
// (RFC 6750 2.2, 2.3), in any spelling that a wiki may take for the name: PHP
// makes underscores of dots and blanks.
func bearerParameter(req *rules.Request) bool {
	return slices.ContainsFunc(req.Query, namesToken) || slices.ContainsFunc(req.Form, namesToken)
}

func namesToken(p rules.Param) bool {
	const name = "access_token"
	return len(p.Name) == len(name) && strings.EqualFold(strings.NewReplacer(".", "_", " ", "_", "-", "_").Replace(p.Name), name)
}

func (x *exchange) challenge() {
	x.verdict, x.rule, x.status = "challenge", "sign-in", http.StatusUnauthorized
	if x.g.cfg.SignIn == nil {
		x.g.answer(x.w, x.r, http.StatusUnauthorized, "")
		return
	}
	x.g.cfg.SignIn.Challenge(x.w, x.r)
}

func (x *exchange) sessionKey() string {
	if x.session == nil {
		return ""
	}
	return x.session.ID
}

func (x *exchange) resolver() guard.Resolver {
	return resolver{g: x.g, state: x.state, viewer: x.viewer, session: x.sessionKey()}
}

// refuse answers a refusal; the anonymous viewer is sent to sign in instead,
// whatever the path, save for what has no single reading or is over a limit.
func (x *exchange) refuse(ref *guard.Refusal) error {
	x.refusal, x.rule, x.reason, x.status, x.verdict = ref, ref.Rule, ref.Reason, ref.Status, "denied"
	if ref.Status == http.StatusNotFound || ref.Status == http.StatusForbidden {
		x.pause()
	}
	if x.viewer.Anonymous && x.view != nil && (ref.Status == http.StatusNotFound || ref.Status == http.StatusForbidden) {
		x.challenge()
		return nil
	}
	if ref.Rule == "source" && ref.Status == http.StatusForbidden {
		clear(x.w.Header())
		x.g.cfg.Pages.NotEditable(x.w, x.r)
		return nil
	}
	if ref == errNoWikiSession {
		x.toWikiPage()
		return nil
	}
	if ref.Status == http.StatusTooManyRequests {
		x.g.tooMany(x.w, x.r, time.Second)
		return nil
	}
	x.g.answer(x.w, x.r, ref.Status, "")
	return nil
}

// pause waits for the next step of Config.DenyFloor.
func (x *exchange) pause() {
	step := x.g.cfg.DenyFloor
	if step <= 0 {
		return
	}
	t := time.NewTimer(step - x.g.cfg.Now().Sub(x.start)%step)
	defer t.Stop()
	select {
	case <-t.C:
	case <-x.ctx.Done():
	}
}

// lead sends the viewer to Postern's own page in place of the wiki's.
func (x *exchange) lead() error {
	x.verdict, x.rule, x.status = "own", "leads", http.StatusFound
	h := x.w.Header()
	h.Set("Location", x.g.cfg.Prefix+"/"+x.adm.Leads)
	h.Set("Cache-Control", "private, no-store")
	x.w.WriteHeader(x.status)
	return nil
}

// failClosed is the answer to everything that can't be shown safely.
func (x *exchange) failClosed(reason string) error {
	x.incident = rand.Text()
	x.verdict, x.rule, x.reason, x.status = "fail-closed", "fail-closed", reason, http.StatusBadGateway
	x.g.cfg.Metrics.FailClosed(failReason(reason))
	x.g.answer(x.w, x.r, http.StatusBadGateway, x.incident)
	return nil
}

// failReason is the closed-set label of a reason: its text up to a colon.
func failReason(reason string) string {
	label, _, _ := strings.Cut(reason, ":")
	if len(label) > 40 {
		return "other"
	}
	return label
}

// empty answers a blocked background call in the type that the wiki's own
// pages expect, so that they show no error.
func (x *exchange) empty() error {
	x.verdict, x.rule, x.status = "empty", "empty", http.StatusOK
	x.pause()
	var types []string
	if resp := x.adm.Match.Response; resp != nil {
		types = resp.Types
		if resp.Empty != 0 {
			x.status = resp.Empty
		}
	}
	h := x.w.Header()
	h.Set("Cache-Control", "private, no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	body := ""
	switch first(types) {
	case "json":
		h.Set("Content-Type", "application/json")
		body = "{}"
	case "js":
		h.Set("Content-Type", "text/javascript; charset=utf-8")
	case "css":
		h.Set("Content-Type", "text/css; charset=utf-8")
	default:
		h.Set("Content-Type", "text/html; charset=utf-8")
	}
	x.w.WriteHeader(x.status)
	if x.r.Method != http.MethodHead {
		_, _ = x.w.Write([]byte(body)) // the client is gone if this fails
	}
	return nil
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

// safe says that a method asks for nothing to be changed (RFC 9110 9.2.1), as
// far as the wiki keeps to that.
func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// sameOrigin refuses an unsafe request that another site could have caused. An
// access token is no such thing: browsers add none by themselves, and with one
// no cookie counts.
func (x *exchange) sameOrigin() *guard.Refusal {
	if x.session != nil && x.session.Bearer || signin.SameOrigin(x.r.Header, signin.Origin(x.g.cfg.Site)) {
		return nil
	}
	return &guard.Refusal{Status: http.StatusForbidden, Rule: "origin", Reason: "unsafe request that may be another site's: Sec-Fetch-Site or Origin does not say that it is of this one"}
}

// upstreamIdentity chooses how the wiki knows this viewer.
func (x *exchange) upstreamIdentity() (guard.Identity, *guard.Refusal) {
	conf := x.g.cfg.Identity[x.view.Kind()]
	id := guard.Identity{Kind: conf.Kind}
	switch conf.Kind {
	case "service":
		id.Value = conf.Value
	case "header":
		id.Header, id.Value = conf.Value, x.viewer.WikiUser
		if !guard.HeaderSafe(id.Value) {
			return id, &guard.Refusal{Status: http.StatusForbidden, Rule: "identity", Reason: "the viewer is linked to no user of the wiki that a header can name"}
		}
		if conf.Tokens != nil {
			token, err := conf.Tokens.token(id.Value)
			if err != nil {
				x.g.cfg.Log.ErrorContext(x.ctx, "request refused: the user's name can't be signed", "error", err)
				return id, &guard.Refusal{Status: http.StatusForbidden, Rule: "identity", Reason: "the user's name can't be signed"}
			}
			id.TokenHeader, id.Token = conf.Tokens.conf.Header, token
		}
	case "passthrough":
		return x.passthrough(id)
	}
	return id, nil
}

// finish tells audit and metrics, once per request.
func (x *exchange) finish() {
	e := x.event()
	x.count(e)
	x.deny(e)
	if x.g.cfg.Observe != nil {
		x.g.cfg.Observe(e)
	}
	if x.g.cfg.Audit != nil && x.g.cfg.Audit.Enabled(x.ctx, slog.LevelInfo) {
		x.audit(e)
	}
}

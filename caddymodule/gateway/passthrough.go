package gateway

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/caddymodule/limit"
	"github.com/postern-gateway/postern/caddymodule/pages"
	"github.com/postern-gateway/postern/caddymodule/signin"
	"github.com/postern-gateway/postern/caddymodule/wikisession"
	"github.com/postern-gateway/postern/rules"
)

// Passthrough: the wiki knows the viewer by a session of its own. He gives the
// wiki's password on a page of Postern's, and Postern signs in for him, holds
// the wiki's cookies, and ends its session with his.

// wikiPage is where one signs in with the wiki.
const wikiPage = "/wiki"

var (
	errNoWikiSession = &guard.Refusal{Status: http.StatusUnauthorized, Rule: "wiki-session", Reason: "the viewer has no session with the wiki"}
	errOtherUser     = &guard.Refusal{Status: http.StatusUnauthorized, Rule: "wiki-session", Reason: "the wiki takes the viewer's session for somebody else's; both were ended"}
	errNotLinked     = &guard.Refusal{Status: http.StatusForbidden, Rule: "identity", Reason: "the viewer is linked to no user of the wiki"}
)

// wikiViewer is the viewer as far as his session with the wiki goes.
func (x *exchange) wikiViewer() wikisession.Viewer {
	return wikisession.Viewer{ID: x.session.ID, User: x.viewer.WikiUser, Done: x.session.Done()}
}

// sameUser compares names as the wiki does: they are the same if they find the
// same user.
func (x *exchange) sameUser(a, b string) bool {
	if a == b {
		return a != ""
	}
	f := x.state.engine.Facts()
	one, ok := f.FindUser(rules.UserName, a)
	other, known := f.FindUser(rules.UserName, b)
	return ok && known && one == other
}

// vouch finds the session that the viewer has with the wiki: its groups count
// for him from then on. It answers the request itself, and returns false, where
// that can't be found out, or is somebody else's.
func (x *exchange) vouch() bool {
	m := x.g.cfg.WikiSessions
	if m == nil || x.session == nil || x.session.Bearer || x.viewer.WikiUser == "" {
		return true
	}
	s, err := m.Open(x.ctx, x.wikiViewer(), x.state.policy.Profile, x.sameUser)
	switch {
	case err == nil:
		x.wiki, x.viewer.WikiVouches = s, true
		return true
	case errors.Is(err, wikisession.ErrNone):
		return true
	case errors.Is(err, wikisession.ErrOther):
		x.endBoth()
		return false
	}
	x.g.cfg.Log.WarnContext(x.ctx, "the wiki can't be asked whose a session is", "error", err)
	x.rule, x.reason, x.verdict, x.status = "wiki-session", "the wiki can't be asked whose the session is", "denied", http.StatusServiceUnavailable
	x.g.answer(x.w, x.r, x.status, "")
	return false
}

// endBoth ends the viewer's session, as the wiki's has been, and sends him to
// sign in again.
func (x *exchange) endBoth() {
	if err := x.g.cfg.SignIn.End(x.ctx, x.session); err != nil {
		x.g.cfg.Log.ErrorContext(x.ctx, "session not ended", "error", err)
	}
	x.refusal, x.rule, x.reason = errOtherUser, errOtherUser.Rule, errOtherUser.Reason
	x.g.cfg.Metrics.Denied(errOtherUser.Rule, itoa(errOtherUser.Status))
	x.challenge()
	x.verdict, x.rule = "denied", errOtherUser.Rule
}

// passthrough is the identity of a viewer with a session of the wiki's.
func (x *exchange) passthrough(id guard.Identity) (guard.Identity, *guard.Refusal) {
	switch {
	case x.viewer.WikiUser == "" || x.session == nil || x.session.Bearer:
		return id, errNotLinked // an access token signs nobody in with the wiki
	case x.wiki == nil:
		return id, errNoWikiSession
	}
	id.Cookies = x.wiki.Cookies()
	return id, nil
}

// took hands on what an answer of the wiki's says of its session.
func (x *exchange) took(status int, h http.Header) {
	if x.wiki != nil {
		x.wiki.Took(status, h)
	}
}

// toWikiPage sends a navigation to sign in with the wiki; anything else gets
// 401.
func (x *exchange) toWikiPage() {
	if !signin.Navigation(x.r) {
		x.g.answer(x.w, x.r, http.StatusUnauthorized, "")
		return
	}
	if x.r.Method == http.MethodGet {
		x.g.returns.put(x.session.ID, signin.ReturnTarget(x.r, x.g.cfg.Prefix))
	}
	clear(x.w.Header())
	h := x.w.Header()
	h.Set("Location", x.g.cfg.Prefix+wikiPage)
	h.Set("Cache-Control", "private, no-store")
	x.status = http.StatusSeeOther
	x.w.WriteHeader(x.status)
}

// atWiki says whether the request asks for the page on which one signs in with
// the wiki.
func (x *exchange) atWiki() bool {
	return x.g.cfg.WikiSessions != nil && x.r.URL.EscapedPath() == x.g.cfg.Prefix+wikiPage
}

// wikiSignIn serves that page.
func (x *exchange) wikiSignIn() {
	if !guard.SameHost(x.r.Host, x.g.cfg.Site) {
		x.g.answer(x.w, x.r, http.StatusBadRequest, "")
		return
	}
	if !x.identify() {
		return
	}
	x.verdict, x.rule = "own", "wiki-session"
	switch {
	case x.session == nil || x.session.Bearer:
		x.challenge()
	case x.viewer.WikiUser == "":
		x.wikiForm(http.StatusForbidden, "")
	case x.r.Method == http.MethodGet || x.r.Method == http.MethodHead:
		x.wikiForm(http.StatusOK, "")
	case x.r.Method != http.MethodPost:
		x.status = http.StatusMethodNotAllowed
		x.w.Header().Set("Allow", "GET, HEAD, POST")
		x.w.WriteHeader(x.status)
	default:
		x.sendPassword()
	}
}

// wikiForm shows the form, with what went wrong before.
func (x *exchange) wikiForm(status int, message string) {
	x.status = status
	clear(x.w.Header())
	p := pages.Page{Kind: pages.Wiki, Status: status, Message: message, User: x.viewer.WikiUser, SignOut: x.g.cfg.SignIn.SignOutPath()}
	if p.User != "" {
		p.Action = x.g.cfg.Prefix + wikiPage
	}
	x.g.cfg.Pages.Render(x.w, x.r, p)
}

// maxPasswordForm bounds the form's body, in bytes.
const maxPasswordForm = 8 << 10

// sendPassword signs in with the wiki by what the form holds. The password goes
// to the wiki, and nowhere else.
func (x *exchange) sendPassword() {
	if ref := x.sameOrigin(); ref != nil {
		_ = x.refuse(ref)
		return
	}
	if _, retry := x.g.passwords.Enter(limit.Key{Kind: "password", Name: x.viewer.Subject, Of: x.viewer.Provider}, x.start); retry > 0 {
		x.verdict, x.status = "denied", http.StatusTooManyRequests
		x.g.tooMany(x.w, x.r, retry)
		return
	}
	password, ok := readPassword(x.w, x.r)
	if !ok {
		x.status = http.StatusBadRequest
		x.g.answer(x.w, x.r, x.status, "")
		return
	}
	err := x.g.cfg.WikiSessions.SignIn(x.ctx, x.wikiViewer(), x.state.policy.Profile, password, x.sameUser)
	result := "signed in"
	switch {
	case errors.Is(err, wikisession.ErrRefused):
		result = "refused"
		x.wikiForm(http.StatusUnauthorized, "The wiki did not take that password.")
	case errors.Is(err, wikisession.ErrOther):
		result = "somebody else"
		x.endBoth()
	case err != nil:
		result = "failed"
		x.wikiForm(http.StatusBadGateway, "The wiki could not be asked. Try again in a while.")
	default:
		clear(x.w.Header())
		h := x.w.Header()
		h.Set("Location", x.g.returns.take(x.session.ID, x.g.cfg.Prefix+"/home"))
		h.Set("Cache-Control", "private, no-store")
		x.status = http.StatusSeeOther
		x.w.WriteHeader(x.status)
	}
	attrs := []any{slog.String("session", x.session.ID), slog.String("result", result)}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	x.g.cfg.Log.InfoContext(x.ctx, "sign-in with the wiki", attrs...)
}

// readPassword reads the form: one field, once.
func readPassword(w http.ResponseWriter, r *http.Request) (string, bool) {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/x-www-form-urlencoded" {
		return "", false
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxPasswordForm)
	if r.ParseForm() != nil || len(r.PostForm) != 1 || len(r.PostForm["password"]) != 1 {
		return "", false
	}
	password := r.PostForm["password"][0]
	return password, password != ""
}

// tries is how often a viewer may give a password, and how often at once: those
// of the wiki are guessed at its own sign-in as well.
var tries = limit.Config{Rate: 1.0 / 20, Burst: 5}

// returns are the pages that viewers asked for before they were sent to sign in
// with the wiki: the last one of each, by session, for so many sessions.
type returns struct {
	mu  sync.Mutex
	lru *simplelru.LRU[string, string]
}

const maxReturns = 10_000

func newReturns() *returns {
	lru, _ := simplelru.NewLRU[string, string](maxReturns, nil) // fails on a size below one only
	return &returns{lru: lru}
}

func (t *returns) put(session, target string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lru.Add(session, target)
}

// take gives the page, once.
func (t *returns) take(session, otherwise string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	target, ok := t.lru.Get(session)
	if !ok {
		return otherwise
	}
	t.lru.Remove(session)
	return target
}

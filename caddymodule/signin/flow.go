package signin

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// flowAge is how long somebody may take to sign in.
const flowAge = 10 * time.Minute

// maxQuery bounds the query of our own paths, in bytes.
const maxQuery = 16 << 10

// begin sends a browser off to the identity provider, or to the page where one
// is chosen, with the way back kept here.
func (rp *RP) begin(w http.ResponseWriter, r *http.Request, target string) {
	if len(rp.idps) == 1 {
		rp.start(w, r, rp.idps[0], target)
		return
	}
	id, hash := newSecret()
	browser := rp.browser(w, r)
	now := rp.cfg.Now()
	err := rp.cfg.Store.PutFlow(r.Context(), FlowRecord{State: hash[:], Browser: browser[:], Target: target, Created: now, Expires: now.Add(flowAge)})
	if err != nil {
		rp.failed(w, r, nil, fail(storeFailed, "flow", err))
		return
	}
	redirect(w, r, rp.origin+rp.cfg.Prefix+"/choose?flow="+id)
}

// start sends a browser off to one provider.
func (rp *RP) start(w http.ResponseWriter, r *http.Request, p *idp, target string) {
	m, err := p.discover(r.Context())
	if err != nil {
		rp.failed(w, r, p, fail(idpError, "discovery", err))
		return
	}
	state, hash := newSecret()
	nonce, _ := newSecret()
	verifier := oauth2.GenerateVerifier()
	browser := rp.browser(w, r)
	now := rp.cfg.Now()
	err = rp.cfg.Store.PutFlow(r.Context(), FlowRecord{
		State: hash[:], Browser: browser[:], Provider: p.Name, Nonce: nonce, Verifier: verifier, Target: target,
		Created: now, Expires: now.Add(flowAge),
	})
	if err != nil {
		rp.failed(w, r, p, fail(storeFailed, "flow", err))
		return
	}
	opts := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(verifier), oidc.Nonce(nonce)}
	if p.FormPost {
		opts = append(opts, oauth2.SetAuthURLParam("response_mode", "form_post"))
	}
	redirect(w, r, m.oauth.AuthCodeURL(state, opts...))
}

// browser returns the hash of this browser's flow cookie and sets it (anew, so
// that it lives as long as the latest sign-in under way). All tabs share one.
func (rp *RP) browser(w http.ResponseWriter, r *http.Request) key {
	value, n := find(r.Header, rp.cookies.flow)
	if n != 1 || value == "" {
		value, _ = newSecret()
	}
	rp.cookies.set(w, rp.cookies.flow, value, flowAge)
	return hashSecret(value)
}

// sameBrowser says whether a request comes from the browser that began a flow.
func (rp *RP) sameBrowser(r *http.Request, f FlowRecord) bool {
	value, n := find(r.Header, rp.cookies.flow)
	if n != 1 || value == "" {
		return false
	}
	hash := hashSecret(value)
	return subtle.ConstantTimeCompare(hash[:], f.Browser) == 1
}

// signIn begins a sign-in on somebody's wish: GET signin?to=/path.
func (rp *RP) signIn(w http.ResponseWriter, r *http.Request) {
	q, ok := rp.query(w, r, http.MethodGet)
	if !ok {
		return
	}
	rp.begin(w, r, cleanTarget(q.Get("to"), rp.cfg.Prefix))
}

// signInWith begins a sign-in with the provider that was chosen.
func (rp *RP) signInWith(w http.ResponseWriter, r *http.Request, p *idp) {
	q, ok := rp.query(w, r, http.MethodGet)
	if !ok {
		return
	}
	target := cleanTarget(q.Get("to"), rp.cfg.Prefix)
	if f, ok := rp.pending(r, q.Get("flow")); ok {
		target = f.Target
	}
	rp.start(w, r, p, target)
}

// choose shows the providers.
func (rp *RP) choose(w http.ResponseWriter, r *http.Request) {
	q, ok := rp.query(w, r, http.MethodGet)
	if !ok {
		return
	}
	suffix := ""
	if _, ok := rp.pending(r, q.Get("flow")); ok {
		suffix = "?flow=" + q.Get("flow")
	}
	page := Page{Kind: PageChoose, Status: http.StatusOK}
	for _, p := range rp.idps {
		page.Links = append(page.Links, Link{Title: p.Title, URL: rp.cfg.Prefix + "/signin/" + p.Name + suffix})
	}
	rp.cfg.Pages.Render(w, r, page)
}

// pending finds the sign-in that waits for a provider to be chosen. It stays,
// so that people may go back and choose again.
func (rp *RP) pending(r *http.Request, id string) (FlowRecord, bool) {
	if !isSecret(id) {
		return FlowRecord{}, false
	}
	hash := hashSecret(id)
	f, ok, err := rp.cfg.Store.Flow(r.Context(), hash[:], rp.cfg.Now())
	return f, err == nil && ok && f.Provider == "" && rp.sameBrowser(r, f)
}

// query reads the query of one of our own paths strictly: each parameter once.
func (rp *RP) query(w http.ResponseWriter, r *http.Request, methods ...string) (url.Values, bool) {
	if !allow(w, r, methods...) {
		return nil, false
	}
	q, err := readQuery(r)
	if err != nil {
		rp.cfg.Pages.Render(w, r, Page{Kind: PageError, Status: http.StatusBadRequest, Message: "The address can't be read."})
		return nil, false
	}
	return q, true
}

func readQuery(r *http.Request) (url.Values, error) {
	if len(r.URL.RawQuery) > maxQuery {
		return nil, errors.New("query is too long")
	}
	return readParams(r.URL.RawQuery)
}

// readParams reads the parameters of a query or form, each of which stands
// there once.
func readParams(raw string) (url.Values, error) {
	q, err := url.ParseQuery(raw)
	if err != nil {
		return nil, errors.New("query can't be read")
	}
	for _, v := range q {
		if len(v) != 1 {
			return nil, errors.New("a parameter is there twice")
		}
	}
	return q, nil
}

// callback ends a sign-in: the provider has sent the browser back.
func (rp *RP) callback(w http.ResponseWriter, r *http.Request, p *idp) {
	if r.Method == http.MethodPost && p.FormPost {
		rp.posted(w, r, p)
		return
	}
	if !allow(w, r, http.MethodGet) {
		return
	}
	target, f := rp.finish(w, r, p)
	if f != nil {
		rp.failed(w, r, p, f)
		return
	}
	rp.cfg.Metrics.SignIn(p.Name, resultOK)
	redirect(w, r, rp.origin+target)
}

func (rp *RP) finish(w http.ResponseWriter, r *http.Request, p *idp) (target string, _ *failure) {
	ctx := r.Context()
	q, err := readQuery(r)
	if err != nil {
		return "", fail(badRequest, "query", err)
	}
	flow, f := rp.take(r, q.Get("state"), p)
	if f != nil {
		return "", f
	}
	m, err := p.discover(ctx)
	if err != nil {
		return "", fail(idpError, "discovery", err)
	}
	// RFC 9207: an answer of another provider, or of none that can be told.
	if iss, there := q["iss"]; there && iss[0] != p.Issuer || !there && m.issRequired {
		return "", fail(badRequest, "iss", errors.New("answer is not this provider's"))
	}
	if code := q.Get("error"); code != "" || q.Get("code") == "" {
		return "", fail(idpRefused, errorWord(code), errors.New("provider did not sign the viewer in"))
	}
	tok, f := p.redeem(ctx, m, url.Values{
		"grant_type": {"authorization_code"}, "code": {q.Get("code")},
		"redirect_uri": {p.redirectURI}, "code_verifier": {flow.Verifier},
	})
	if f != nil {
		if f.result == idpError {
			p.metrics.IDPError(p.Name, "token")
		}
		return "", f
	}
	if tok.id == "" {
		return "", fail(badToken, "missing", errors.New("no ID token in the answer"))
	}
	t, f := p.verifyIDToken(ctx, m, tok, q.Get("code"), flow.Nonce)
	if f != nil {
		return "", f
	}
	info, f := p.userinfo(ctx, m, tok, t.subject, t.claims)
	if f != nil {
		return "", f
	}
	id, f := p.Claims.identity(t.subject, t.claims, info)
	if f != nil {
		return "", f
	}
	if err := rp.cfg.Admit(rp.viewer(p.Name, id)); err != nil {
		return "", fail(notAdmitted, "admit", err)
	}
	return flow.Target, rp.establish(w, r, p, flow, tok, t, id)
}

// take finds the sign-in under way that a callback belongs to. Whoever shows
// its state uses it up.
func (rp *RP) take(r *http.Request, state string, p *idp) (FlowRecord, *failure) {
	if !isSecret(state) {
		return FlowRecord{}, fail(badRequest, "state", errors.New("state is missing, or not ours"))
	}
	hash := hashSecret(state)
	flow, ok, err := rp.cfg.Store.TakeFlow(r.Context(), hash[:], rp.cfg.Now())
	switch {
	case err != nil:
		return FlowRecord{}, fail(storeFailed, "flow", err)
	case !ok:
		return FlowRecord{}, fail(badFlow, "state", errors.New("state is unknown, used or too old"))
	case !rp.sameBrowser(r, flow):
		return FlowRecord{}, fail(badFlow, "browser", errors.New("sign-in was begun in another browser"))
	case flow.Provider != p.Name:
		return FlowRecord{}, fail(badFlow, "provider", errors.New("sign-in was begun with another provider"))
	}
	return flow, nil
}

// establish makes the session. It replaces the one that the browser had.
func (rp *RP) establish(w http.ResponseWriter, r *http.Request, p *idp, flow FlowRecord, tok *tokens, t *idToken, id Identity) *failure {
	ctx := r.Context()
	data, err := json.Marshal(id)
	if err != nil || len(data) > maxIdentity {
		return fail(badToken, "claims", errors.New("claims are too large"))
	}
	now := rp.cfg.Now()
	value, k := newSecret()
	rec := SessionRecord{
		ID: k[:], Provider: p.Name, Subject: id.Subject, SID: t.sid, Claims: data,
		RefreshToken: tok.refresh, IDToken: tok.id,
		Created: now, Seen: now, Expires: now.Add(rp.cfg.Absolute), RefreshAt: refreshAt(tok, now),
	}
	var replaces []byte
	old, _ := find(r.Header, rp.cookies.session)
	if old != "" {
		hash := hashSecret(old)
		replaces = hash[:]
	}
	ok, err := rp.cfg.Store.CreateSession(ctx, rec, flow.Created, replaces)
	if err != nil {
		return fail(storeFailed, "session", err)
	}
	if !ok {
		return fail(notAdmitted, "revoked", errors.New("viewer was revoked while he signed in"))
	}
	if replaces != nil {
		rp.cache.remove(key(replaces))
	}
	rp.remember(ctx, p.Name, id.Subject, data, now)
	rp.cookies.set(w, rp.cookies.session, value, 0)
	rp.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "signed in", slog.String("provider", p.Name), slog.String("session", k.String()))
	rp.audit(ctx, "sign-in", true, p.Name, auditUser(p.Name, id.Subject), slog.String("postern.session", k.String()))
	return nil
}

// errorWord is an OAuth error code as it may stand in a log: one of those that
// the standards name.
func errorWord(code string) string {
	switch code {
	case "access_denied", "invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope",
		"server_error", "temporarily_unavailable", "interaction_required", "login_required",
		"account_selection_required", "consent_required":
		return code
	case "":
		return "no_code"
	}
	return "other"
}

// redirect sends a browser elsewhere, without the library's HTML body.
func redirect(w http.ResponseWriter, r *http.Request, to string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", to)
	status := http.StatusFound
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		status = http.StatusSeeOther
	}
	w.WriteHeader(status)
}

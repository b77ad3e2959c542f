package signin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// logoutEvent is the event that makes a token a logout token.
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// jtiKeep is how long the id of a logout token is remembered beyond the moment
// from which on the token is too old: clocks are set back at times.
const jtiKeep = time.Hour

// backchannel takes a provider's word that somebody has signed out there
// (OpenID Connect Back-Channel Logout 1.0). It is called by the provider, not
// by browsers: there is no session and no cookie.
func (rp *RP) backchannel(w http.ResponseWriter, r *http.Request, p *idp) {
	if !allow(w, r, http.MethodPost) {
		return
	}
	if !p.backchannel.AllowN(rp.cfg.Now(), 1) {
		w.Header().Set("Retry-After", "1")
		logoutError(w, http.StatusTooManyRequests, "too many logout tokens at once")
		return
	}
	raw, err := readLogoutToken(w, r)
	if err != nil {
		logoutError(w, http.StatusBadRequest, err.Error())
		return
	}
	t, f := p.verifyLogoutToken(r.Context(), raw)
	if f != nil {
		rp.audit(r.Context(), "provider-sign-out", false, p.Name, auditReason(f))
		rp.cfg.Log.LogAttrs(r.Context(), slog.LevelWarn, "logout token refused", slog.String("provider", p.Name),
			slog.String("result", f.result), slog.String("reason", f.reason))
		if f.result == idpError {
			p.metrics.IDPError(p.Name, "backchannel")
			logoutError(w, http.StatusServiceUnavailable, "the token can't be checked now")
			return
		}
		logoutError(w, http.StatusBadRequest, "the token is not valid")
		return
	}
	now := rp.cfg.Now()
	fresh, ended, err := rp.cfg.Store.LogoutOnce(r.Context(), p.Name, t.jti, t.until.Add(jtiKeep), t.subject, t.sid, now)
	if err != nil {
		logoutError(w, http.StatusServiceUnavailable, "the sessions can't be ended now")
		return
	}
	if !fresh {
		rp.audit(r.Context(), "provider-sign-out", false, p.Name, auditReason(fail(badToken, "replay", nil)))
		logoutError(w, http.StatusBadRequest, "the token was used before")
		return
	}
	rp.cache.removeIf(func(e *entry) bool {
		return e.rec.Provider == p.Name && (t.subject == "" || e.rec.Subject == t.subject) && (t.sid == "" || e.rec.SID == t.sid)
	})
	rp.cfg.Log.LogAttrs(r.Context(), slog.LevelInfo, "signed out by the provider", slog.String("provider", p.Name), slog.Int("sessions", ended))
	rp.audit(r.Context(), "provider-sign-out", true, p.Name, slog.Int("postern.sessions", ended))
	w.WriteHeader(http.StatusOK)
}

func readLogoutToken(w http.ResponseWriter, r *http.Request) (string, error) {
	form, err := readForm(w, r, maxToken+4096)
	if err != nil {
		return "", err
	}
	if form.Get("logout_token") == "" {
		return "", errors.New("one logout_token is expected")
	}
	return form.Get("logout_token"), nil
}

type logoutToken struct {
	jti, subject, sid string
	until             time.Time // when it is too old to be taken
}

// verifyLogoutToken checks a logout token (2.6). It is a verifier of its own:
// no ID token passes it, and no logout token passes the other.
func (p *idp) verifyLogoutToken(ctx context.Context, raw string) (*logoutToken, *failure) {
	// "JWT" and none are what providers send that are older than the advice to
	// be explicit.
	if err := checkHeader(raw, "logout+jwt", "JWT"); err != nil {
		return nil, fail(badToken, "header", err)
	}
	m, err := p.discover(ctx)
	if err != nil {
		return nil, fail(idpError, "discovery", err)
	}
	call, cancel := p.context(ctx)
	defer cancel()
	t, err := m.logout.VerifyLogout(call, raw)
	if err != nil {
		return nil, verifyFailure(err)
	}
	var payload json.RawMessage
	if err := t.Claims(&payload); err != nil {
		return nil, fail(badToken, "claims", err)
	}
	c, err := readClaims(payload)
	if err != nil {
		return nil, fail(badToken, "claims", err)
	}
	subject, reason, err := p.checkClaims(c)
	if err != nil && !errors.Is(err, errNoSubject) {
		return nil, fail(badToken, reason, err)
	}
	if _, there := c["nonce"]; there {
		return nil, fail(badToken, "nonce", errors.New("a logout token has no nonce"))
	}
	events, err := readClaims(c["events"])
	if err != nil {
		return nil, fail(badToken, "events", err)
	}
	if _, err := readClaims(events[logoutEvent]); err != nil {
		return nil, fail(badToken, "events", err)
	}
	out := &logoutToken{subject: subject}
	var ok bool
	if _, there := c["sid"]; there {
		if out.sid, ok = c.text("sid"); !ok || out.sid == "" || !plainText(out.sid, maxSubject) {
			return nil, fail(badToken, "sid", errors.New("sid is not a short string"))
		}
	}
	if out.subject == "" && out.sid == "" {
		return nil, fail(badToken, "sub", errNoSubject)
	}
	if out.jti, ok = c.text("jti"); !ok || out.jti == "" || !plainText(out.jti, maxSubject) {
		return nil, fail(badToken, "jti", errors.New("jti is not a short string"))
	}
	// No token is taken that was issued longer ago, however late it ends.
	iat, _ := c.moment("iat")
	out.until = iat.Add(maxIATAge)
	return out, nil
}

// logoutError answers the provider as the specification says (2.8).
func logoutError(w http.ResponseWriter, status int, description string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": "invalid_request", "error_description": description})
}

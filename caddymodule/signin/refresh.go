package signin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/url"
	"time"
)

const (
	refreshMin   = 5 * time.Minute  // between two refreshes of one session
	refreshMax   = 30 * time.Minute // the same, at most
	refreshRetry = time.Minute      // after one that came to nothing
)

// refreshAt says when claims that came with a token are due again.
func refreshAt(t *tokens, now time.Time) time.Time {
	if t.refresh == "" {
		return time.Time{}
	}
	wait := refreshMax
	if !t.expiry.IsZero() {
		wait = min(max(t.expiry.Sub(now), refreshMin), refreshMax)
	}
	return now.Add(wait)
}

// refresh reads a viewer's claims again. A provider that says no ends the
// session, so does one that says something else than is allowed at sign-in;
// one that can't be reached changes nothing.
func (rp *RP) refresh(ctx context.Context, e *entry) {
	select {
	case rp.refreshes <- struct{}{}:
		defer func() { <-rp.refreshes }()
	case <-ctx.Done():
		return
	}
	p := rp.byName[e.rec.Provider]
	f := rp.refreshNow(ctx, p, e)
	if f == nil || ctx.Err() != nil {
		return
	}
	rp.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "refresh failed", slog.String("provider", p.Name), slog.String("session", e.key.String()),
		slog.String("result", f.result), slog.String("reason", f.reason))
	switch f.result {
	case idpError, storeFailed: // tried again after refreshRetry
		if f.result == idpError {
			p.metrics.IDPError(p.Name, "refresh")
		}
	default:
		rp.endInBackground(e, "refresh: "+f.reason)
	}
}

func (rp *RP) refreshNow(ctx context.Context, p *idp, e *entry) *failure {
	now := rp.cfg.Now()
	rec, ok, err := rp.cfg.Store.Session(ctx, e.key[:], now)
	if err != nil {
		return fail(storeFailed, "session", err)
	}
	if !ok || rec.RefreshToken == "" {
		return nil
	}
	if rec.RefreshAt.After(now) {
		e.refresh.Store(rec.RefreshAt.UnixMilli()) // another replica has done it
		return nil
	}
	m, err := p.discover(ctx)
	if err != nil {
		return fail(idpError, "discovery", err)
	}
	tok, f := p.redeem(ctx, m, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {rec.RefreshToken}})
	if f != nil {
		return f
	}
	if err := rp.rotated(ctx, e, &rec, tok, now); err != nil {
		return fail(storeFailed, "session", err)
	}
	token := claims{}
	if tok.id != "" {
		t, f := p.verifyIDToken(ctx, m, tok, "", "")
		if f != nil {
			return f
		}
		if t.subject != rec.Subject {
			return fail(badToken, "sub", errors.New("refreshed for another person"))
		}
		if !sameNonce(t.claims, rec.IDToken) {
			return fail(badToken, "nonce", errors.New("refreshed for another sign-in"))
		}
		token, rec.IDToken = t.claims, tok.id
	}
	info, f := p.userinfo(ctx, m, tok, rec.Subject, token)
	if f != nil {
		return f
	}
	if len(token) == 0 && info == nil {
		return nil // the provider has nothing to say
	}
	id, f := p.Claims.identity(rec.Subject, token, info)
	if f != nil {
		return f
	}
	v := rp.viewer(p.Name, id)
	if err := rp.cfg.Admit(v); err != nil {
		return fail(notAdmitted, "admit", err)
	}
	if rec.Claims, err = json.Marshal(id); err != nil {
		return fail(badToken, "claims", err)
	}
	tok.refresh = rec.RefreshToken // whether new or not
	rec.RefreshAt = refreshAt(tok, now)
	if ok, err = rp.cfg.Store.UpdateSession(ctx, rec); err != nil {
		return fail(storeFailed, "session", err)
	}
	if !ok {
		rp.cache.remove(e.key) // it has ended meanwhile
		return nil
	}
	rp.remember(ctx, p.Name, rec.Subject, rec.Claims, now)
	e.current.Store(e.session(v, id))
	e.refresh.Store(rec.RefreshAt.UnixMilli())
	return nil
}

// rotated keeps a refresh token that came in place of the last one, before
// anything else is asked or judged: the last one is spent, and to show it again
// is what a thief does (RFC 9700 4.14.2), whatever becomes of the claims.
func (rp *RP) rotated(ctx context.Context, e *entry, rec *SessionRecord, tok *tokens, now time.Time) error {
	if tok.refresh == "" || tok.refresh == rec.RefreshToken {
		return nil
	}
	rec.RefreshToken, rec.RefreshAt = tok.refresh, now.Add(refreshRetry)
	ok, err := rp.cfg.Store.UpdateSession(ctx, *rec)
	if err == nil && !ok {
		rp.cache.remove(e.key) // it has ended meanwhile; nothing will be written to it
	}
	return err //nolint:wrapcheck // wrapped by the caller
}

// sameNonce says whether a token that came with a refresh has the nonce of the
// one before, as far as both have one (OpenID Connect Core 12.2).
func sameNonce(c claims, before string) bool {
	got, there := c["nonce"]
	if !there || before == "" {
		return true
	}
	was, err := unverified(before)
	if err != nil {
		return false
	}
	first, had := was["nonce"]
	return !had || string(first) == string(got)
}

package signin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/oauth2"
)

const (
	refreshMin   = 5 * time.Minute  // between two refreshes of one session
	refreshMax   = 30 * time.Minute // the same, at most
	refreshRetry = time.Minute      // after one that came to nothing
)

// refreshAt says when claims that came with a token are due again.
func refreshAt(t *oauth2.Token, now time.Time) time.Time {
	if t.RefreshToken == "" {
		return time.Time{}
	}
	wait := refreshMax
	if !t.Expiry.IsZero() {
		wait = min(max(t.Expiry.Sub(now), refreshMin), refreshMax)
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
	call, cancel := p.context(ctx)
	defer cancel()
	tok, err := m.oauth.TokenSource(call, &oauth2.Token{RefreshToken: rec.RefreshToken}).Token()
	if err != nil {
		return tokenFailure(err)
	}
	token := claims{}
	if raw, _ := tok.Extra("id_token").(string); raw != "" {
		t, f := p.verifyIDToken(ctx, m, raw, tok.AccessToken, "")
		if f != nil {
			return f
		}
		if t.subject != rec.Subject {
			return fail(badToken, "sub", errors.New("refreshed for another person"))
		}
		token, rec.IDToken = t.claims, raw
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
	if tok.RefreshToken != "" {
		rec.RefreshToken = tok.RefreshToken // rotated, perhaps
	}
	rec.RefreshAt = refreshAt(&oauth2.Token{RefreshToken: rec.RefreshToken, Expiry: tok.Expiry}, now)
	if ok, err = rp.cfg.Store.UpdateSession(ctx, rec); err != nil {
		return fail(storeFailed, "session", err)
	}
	if !ok {
		rp.cache.remove(e.key) // it has ended meanwhile
		return nil
	}
	e.current.Store(e.session(v, id))
	e.refresh.Store(rec.RefreshAt.UnixMilli())
	return nil
}

// tokenFailure sorts a failed call to the token endpoint: refused, or not
// answered. The library's error text holds the answer's body, so it is not
// passed on.
func tokenFailure(err error) *failure {
	var re *oauth2.RetrieveError
	if errors.As(err, &re) && re.Response != nil {
		switch code := re.Response.StatusCode; {
		case re.ErrorCode == "invalid_client" || re.ErrorCode == "unauthorized_client":
			return fail(idpError, "client", errors.New("provider refuses our client id or secret"))
		case re.ErrorCode == "temporarily_unavailable" || re.ErrorCode == "server_error" || re.ErrorCode == "slow_down":
			return fail(idpError, "token", errors.New("token endpoint is out of order"))
		case code == http.StatusBadRequest || code == http.StatusUnauthorized || code == http.StatusForbidden:
			return fail(idpRefused, "grant", errors.New("token endpoint refuses the grant"))
		}
		return fail(idpError, "token", errors.New("token endpoint answered "+re.Response.Status))
	}
	return fail(idpError, "token", errors.New("token endpoint gave no answer that can be read"))
}

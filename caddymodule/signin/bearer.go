package signin

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxBearerAge bounds how long ago an access token may have been issued. It is
// less than the time for which a store remembers that a viewer was revoked: a
// token from before that stays refused.
const maxBearerAge = 12 * time.Hour

// BearerError is returned by Session for a request whose access token is
// refused. RefuseBearer answers it.
type BearerError struct {
	Status int    // 400, 401 or 403
	Code   string // of RFC 6750 3.1
	Scope  string // what the token would need, with insufficient_scope
	reason string // a word of a closed set, for the log
}

func (e *BearerError) Error() string { return "access token refused: " + e.Code + ": " + e.reason }

var errTwoCredentials = &BearerError{Status: http.StatusBadRequest, Code: "invalid_request", reason: "two_credentials"}

// ErrBearerParameter is for a request that brings an access token as a
// parameter, in its query or form (RFC 6750 2.2, 2.3): addresses are logged,
// kept and handed on, so that none is taken from there.
var ErrBearerParameter = &BearerError{Status: http.StatusBadRequest, Code: "invalid_request", reason: "parameter"}

func invalidToken(reason string) *BearerError {
	return &BearerError{Status: http.StatusUnauthorized, Code: "invalid_token", reason: reason}
}

// checkBearer says what is wrong with a provider's Bearer.
func (p *Provider) checkBearer() error {
	switch b := p.Bearer; {
	case b == nil:
	case b.Audience == "" || b.Audience == p.ClientID:
		return errors.New("bearer: an audience is needed that is not the client_id")
	case len(b.Scopes) == 0:
		return errors.New("bearer: a scope is needed, so that no other token of the provider's will do")
	case slices.ContainsFunc(b.Scopes, func(s string) bool {
		return s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\\' })
	}):
		return errors.New("bearer: a scope is a word of printable ASCII (RFC 6749 3.3)")
	}
	return nil
}

// bearerToken reads the access token of a request, if it brings one and any
// provider's are taken. Only the header counts (RFC 6750 2.1), never a form or
// a query.
func (rp *RP) bearerToken(r *http.Request) (string, *BearerError) {
	lines := r.Header["Authorization"]
	if !rp.takesBearer || len(lines) == 0 {
		return "", nil
	}
	if len(lines) > 1 {
		return "", errTwoCredentials
	}
	scheme, token, _ := strings.Cut(lines[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", nil
	}
	if token = strings.Trim(token, " "); token == "" || len(token) > maxToken {
		return "", &BearerError{Status: http.StatusBadRequest, Code: "invalid_request", reason: "form"}
	}
	return token, nil
}

// bearerSession finds the session of an access token. The first use of a token
// verifies it and makes a session of it, which lasts as long as the token: so
// all that ends a viewer's sessions ends those of his tokens, in every process
// that shares the store.
func (rp *RP) bearerSession(ctx context.Context, token string, now time.Time) (*Session, error) {
	k := rp.bearerKey(token)
	e := rp.cache.get(k)
	if e == nil || e.over(now, rp.cfg.Idle) {
		var err error
		if e, err = rp.admitBearer(ctx, k, token, now); err != nil {
			var refused *BearerError
			if errors.As(err, &refused) {
				rp.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "access token refused", slog.String("session", k.String()), slog.String("reason", refused.reason))
			}
			return nil, err
		}
	}
	e.use(rp, now)
	return e.current.Load(), nil
}

// bearerKey names a token's session. What tokens have to be like is in it: a
// change of the configuration forgets them all. No cookie can have such a key,
// as none is as long as what is hashed here.
func (rp *RP) bearerKey(token string) key {
	h := sha256.New()
	_, _ = h.Write(rp.bearerSalt[:]) // never fails
	_, _ = h.Write([]byte(token))
	return key(h.Sum(nil))
}

// admitBearer verifies a token, and keeps a session for it unless its viewer
// was revoked after it was issued.
func (rp *RP) admitBearer(ctx context.Context, k key, token string, now time.Time) (*entry, error) {
	p := rp.issuerOf(token)
	if p == nil {
		return nil, invalidToken("issuer")
	}
	t, err := p.verifyBearer(ctx, token)
	if err != nil {
		return nil, err
	}
	if e, err := rp.load(ctx, k, now); e != nil || err != nil {
		return e, err
	}
	data, err := json.Marshal(t.identity)
	if err != nil || len(data) > maxIdentity {
		return nil, invalidToken("claims")
	}
	v := rp.viewer(p.Name, t.identity)
	if err := rp.cfg.Admit(v); err != nil {
		return nil, invalidToken("not_admitted")
	}
	ok, err := rp.cfg.Store.CreateSession(ctx, SessionRecord{
		ID: k[:], Provider: p.Name, Subject: t.identity.Subject, Claims: data, Created: now, Seen: now, Expires: t.exp,
	}, t.iat.Add(-clockSkew), nil) // of a clock that may be ahead of the one that a revocation was timed by
	e, loadErr := rp.load(ctx, k, now) // another request with the token may have been first
	switch {
	case e != nil:
		return e, nil
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case loadErr != nil:
		return nil, loadErr
	case !ok:
		return nil, invalidToken("revoked")
	}
	return nil, invalidToken("ended")
}

// issuerOf finds the provider that a token says it is of, before anything of it
// is believed.
func (rp *RP) issuerOf(token string) *idp {
	if checkHeader(token, "at+jwt", "JWT") != nil {
		return nil
	}
	c, err := unverified(token)
	if err != nil {
		return nil
	}
	iss, _ := c.text("iss")
	for _, p := range rp.idps {
		if p.Bearer != nil && p.Issuer == iss {
			return p
		}
	}
	return nil
}

type accessToken struct {
	identity Identity
	iat, exp time.Time
}

// verifyBearer checks an access token (RFC 9068 4, RFC 8725). It is a verifier
// of its own: ID tokens and logout tokens do not pass it.
func (p *idp) verifyBearer(ctx context.Context, raw string) (*accessToken, error) {
	m, err := p.discover(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	call, cancel := p.context(ctx)
	defer cancel()
	payload, err := m.pushed.VerifySignature(call, raw)
	if err != nil {
		if verifyReason(err) == "keys" {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return nil, invalidToken("signature")
	}
	c, err := readClaims(payload)
	if err != nil {
		return nil, invalidToken("claims")
	}
	t, reason := p.checkBearerClaims(c)
	if reason != "" {
		return nil, invalidToken(reason)
	}
	granted := c.scopes()
	for _, s := range p.Bearer.Scopes {
		if !slices.Contains(granted, s) {
			return nil, &BearerError{
				Status: http.StatusForbidden, Code: "insufficient_scope", reason: "scope", Scope: strings.Join(p.Bearer.Scopes, " "),
			}
		}
	}
	var f *failure
	if t.identity, f = p.Claims.identity(t.identity.Subject, c, nil); f != nil {
		return nil, invalidToken(f.reason)
	}
	return t, nil
}

// checkBearerClaims returns what is the matter with a token's claims, "" for
// nothing.
func (p *idp) checkBearerClaims(c claims) (t *accessToken, reason string) {
	if iss, _ := c.text("iss"); iss != p.Issuer {
		return nil, "issuer"
	}
	if aud, _ := c.audience(); !slices.Contains(aud, p.Bearer.Audience) {
		return nil, "audience"
	}
	// What only ID tokens and security events have.
	for _, name := range []string{"nonce", "at_hash", "c_hash", "events"} {
		if _, there := c[name]; there {
			return nil, "kind"
		}
	}
	// Bound to a key of the client's (RFC 7800, 8705, 9449): in other hands it is
	// nothing, and whose hands these are a bearer does not show.
	if _, there := c["cnf"]; there {
		return nil, "bound"
	}
	if kind, ok := c.text("typ"); ok && !strings.EqualFold(kind, "Bearer") {
		return nil, "kind"
	}
	now := p.now()
	exp, hasExp := c.moment("exp")
	iat, hasIAT := c.moment("iat")
	subject, hasSubject := c.text("sub")
	switch {
	case !hasExp || !now.Before(exp):
		return nil, "expired"
	case !hasIAT || iat.Sub(now) > clockSkew || now.Sub(iat) > maxBearerAge:
		return nil, "iat"
	case !c.begun(now):
		return nil, "nbf"
	case !hasSubject || subject == "" || !plainText(subject, maxSubject):
		return nil, "sub"
	}
	if last := iat.Add(maxBearerAge); exp.After(last) {
		exp = last
	}
	return &accessToken{identity: Identity{Subject: subject}, iat: iat, exp: exp}, ""
}

// scopes returns what a token grants: scope, a string of words (RFC 8693 4.2),
// or scp, such a string or a list.
func (c claims) scopes() []string {
	if s, ok := c.text("scope"); ok {
		return strings.Fields(s)
	}
	if s, ok := c.text("scp"); ok {
		return strings.Fields(s)
	}
	list, _ := c.texts("scp")
	return list
}

// RefuseBearer answers a request whose access token is refused (RFC 6750 3, RFC
// 9457).
func RefuseBearer(w http.ResponseWriter, r *http.Request, e *BearerError) {
	challenge := `Bearer realm="postern", error="` + e.Code + `"`
	if e.Scope != "" {
		challenge += `, scope="` + e.Scope + `"`
	}
	detail := map[string]string{
		"invalid_request":    "Send one credential: a session cookie, or one access token in the field Authorization.",
		"insufficient_scope": "The access token does not grant what is needed here.",
		"invalid_token":      "The access token is not valid here.",
	}[e.Code]
	problem(w, r, e.Status, challenge, detail)
}

package signin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
)

const (
	maxToken   = 64 << 10         // of one JWT, in bytes
	maxIATAge  = 10 * time.Minute // of an ID token or logout token when it arrives
	clockSkew  = time.Minute      // that a provider's clock may be ahead: for iat and nbf; exp has no grace
	maxSubject = 255              // OpenID Connect Core 2
)

// claims are a token's or userinfo's members, by their exact names.
type claims map[string]json.RawMessage

// readClaims reads a JSON object that has one reading only: UTF-8, and no name
// twice. encoding/json alone would take the last of two, and match names by
// any case.
func readClaims(b []byte) (claims, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("claims are not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("claims are not an object")
	}
	out := claims{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("reading claims: %w", err)
		}
		name, _ := t.(string)
		if _, twice := out[name]; twice {
			return nil, errors.New("a claim is there twice")
		}
		var v json.RawMessage
		if err := dec.Decode(&v); err != nil {
			return nil, fmt.Errorf("reading claims: %w", err)
		}
		out[name] = v
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("reading claims: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("data after the claims")
	}
	return out, nil
}

// text returns a claim that is a string.
func (c claims) text(name string) (string, bool) {
	var s *string
	if raw, ok := c[name]; !ok || json.Unmarshal(raw, &s) != nil || s == nil {
		return "", false
	}
	return *s, true
}

// moment returns a claim that is a NumericDate.
func (c claims) moment(name string) (time.Time, bool) {
	var f *float64
	if raw, ok := c[name]; !ok || json.Unmarshal(raw, &f) != nil || f == nil || math.Abs(*f) > 1e12 {
		return time.Time{}, false
	}
	return time.Unix(int64(*f), 0), true
}

// audience returns aud, a string or a list of strings.
func (c claims) audience() ([]string, bool) {
	if s, ok := c.text("aud"); ok {
		return []string{s}, true
	}
	return c.texts("aud")
}

// texts returns a claim that is a list of strings and of nothing else.
func (c claims) texts(name string) ([]string, bool) { return textList(c[name]) }

func textList(raw json.RawMessage) ([]string, bool) {
	var list []*string
	if len(raw) == 0 || json.Unmarshal(raw, &list) != nil || list == nil {
		return nil, false
	}
	out := make([]string, len(list))
	for i, s := range list {
		if s == nil {
			return nil, false
		}
		out[i] = *s
	}
	return out, true
}

// idToken is a verified ID token.
type idToken struct {
	claims  claims
	subject string
	sid     string
}

// verifyIDToken checks an ID token that came from the token endpoint (OpenID
// Connect Core 3.1.3.7 and 3.1.3.8). From a refresh there is no code, and the
// nonce may be left out but can't be another; that it is the sign-in's is for
// the caller of a first token to ask, by a nonce that is not "".
func (p *idp) verifyIDToken(ctx context.Context, m *metadata, tok *tokens, code, nonce string) (*idToken, *failure) {
	raw := tok.id
	if err := checkHeader(raw, "JWT"); err != nil {
		return nil, fail(badToken, "header", err)
	}
	ctx, cancel := p.context(ctx)
	defer cancel()
	t, err := m.verifier.Verify(ctx, raw)
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
	if err != nil {
		return nil, fail(badToken, reason, err)
	}
	if _, ok := c["events"]; ok {
		return nil, fail(badToken, "kind", errors.New("a security event is no ID token"))
	}
	if nonce != "" {
		if got, _ := c.text("nonce"); subtle.ConstantTimeCompare([]byte(got), []byte(nonce)) != 1 {
			return nil, fail(badToken, "nonce", errors.New("nonce differs"))
		}
	}
	// Neither is needed here, but neither may be wrong.
	for name, value := range map[string]string{"at_hash": tok.access, "c_hash": code} {
		if _, there := c[name]; !there || value == "" {
			continue
		}
		if got, _ := c.text(name); got == "" || got != halfHash(raw, value) {
			return nil, fail(badToken, name, errors.New(name+" differs"))
		}
	}
	sid, _ := c.text("sid")
	return &idToken{claims: c, subject: subject, sid: sid}, nil
}

// checkClaims checks what ID tokens and logout tokens have in common, by exact
// names, on top of what the library has checked. A logout token may lack sub.
func (p *idp) checkClaims(c claims) (subject, reason string, err error) {
	if iss, _ := c.text("iss"); iss != p.Issuer {
		return "", "issuer", errors.New("issuer differs")
	}
	aud, ok := c.audience()
	if !ok || !slices.Contains(aud, p.ClientID) {
		return "", "audience", errors.New("not for us")
	}
	azp, hasAZP := c.text("azp")
	if _, there := c["azp"]; there && (!hasAZP || azp != p.ClientID) || len(aud) > 1 && !hasAZP {
		return "", "azp", errors.New("issued to another client")
	}
	now := p.now()
	if exp, ok := c.moment("exp"); !ok || !now.Before(exp) {
		return "", "expired", errors.New("expired, or exp is missing")
	}
	switch iat, ok := c.moment("iat"); {
	case !ok:
		return "", "iat", errors.New("iat is missing")
	case now.Sub(iat) > maxIATAge:
		return "", "iat", errors.New("issued too long ago")
	case iat.Sub(now) > clockSkew:
		return "", "iat", errors.New("issued in the future: check the clocks")
	}
	if !c.begun(now) {
		return "", "nbf", errors.New("not valid yet")
	}
	if _, there := c["sub"]; !there {
		return "", "sub", errNoSubject
	}
	subject, ok = c.text("sub")
	if !ok || !plainText(subject, maxSubject) || subject == "" {
		return "", "sub", errors.New("sub is not a short string")
	}
	return subject, "", nil
}

// begun says whether nbf, if it is there, is a moment that has come.
func (c claims) begun(now time.Time) bool {
	if _, there := c["nbf"]; !there {
		return true
	}
	nbf, ok := c.moment("nbf")
	return ok && nbf.Sub(now) <= clockSkew
}

// halfHash is what at_hash and c_hash hold of a value: the left half of its
// hash, by the hash function of the token's own algorithm (OpenID Connect Core
// 3.1.3.6). It is "" for an algorithm that we do not know.
func halfHash(token, value string) string {
	h, err := jwtHeader(token)
	if err != nil {
		return ""
	}
	alg, _ := h.text("alg")
	var sum []byte
	switch {
	case alg == oidc.EdDSA, strings.HasSuffix(alg, "512"):
		s := sha512.Sum512([]byte(value))
		sum = s[:]
	case strings.HasSuffix(alg, "384"):
		s := sha512.Sum384([]byte(value))
		sum = s[:]
	case strings.HasSuffix(alg, "256"):
		s := sha256.Sum256([]byte(value))
		sum = s[:]
	}
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

var errNoSubject = errors.New("sub is missing")

// plainText says whether s is at most n bytes of UTF-8 without control
// characters.
func plainText(s string, n int) bool {
	return len(s) <= n && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f && r <= 0x9f })
}

// checkHeader looks at a compact JWT before anything else does: its size and
// form, and that it is of a kind that belongs here (RFC 8725 3.11).
func checkHeader(raw string, types ...string) error {
	h, err := jwtHeader(raw)
	if err != nil {
		return err
	}
	// We understand no extension (RFC 7515 4.1.11), b64 of RFC 7797 included,
	// which no JWT may have.
	for _, name := range []string{"crit", "b64", "enc", "zip"} {
		if _, there := h[name]; there {
			return fmt.Errorf("header: %s is not understood", name)
		}
	}
	if _, there := h["typ"]; !there {
		return nil
	}
	typ, ok := h.text("typ")
	if ok {
		// A media type may go without its "application/" (RFC 7515 4.1.9).
		if len(typ) > 12 && strings.EqualFold(typ[:12], "application/") {
			typ = typ[12:]
		}
		for _, t := range types {
			if strings.EqualFold(typ, t) {
				return nil
			}
		}
	}
	return errors.New("token is of another kind")
}

// jwtHeader reads the header of a compact JWS.
func jwtHeader(raw string) (claims, error) {
	if len(raw) > maxToken {
		return nil, errors.New("token is too large")
	}
	if strings.Count(raw, ".") != 2 {
		return nil, errors.New("not a signed token in compact form")
	}
	head, _, _ := strings.Cut(raw, ".")
	b, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return nil, errors.New("header is not base64url")
	}
	h, err := readClaims(b)
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	return h, nil
}

// unverified reads the claims of a compact JWS without believing them.
func unverified(raw string) (claims, error) {
	_, rest, _ := strings.Cut(raw, ".")
	payload, _, _ := strings.Cut(rest, ".")
	b, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return nil, errors.New("claims are not base64url")
	}
	return readClaims(b)
}

// verifyFailure is a token that can't be verified: by its own fault, or because
// the provider's keys can't be had.
func verifyFailure(err error) *failure {
	reason := verifyReason(err)
	if reason == "keys" {
		return fail(idpError, reason, err)
	}
	return fail(badToken, reason, err)
}

// verifyReason sorts the library's errors, which have no types of their own.
func verifyReason(err error) string {
	var expired *oidc.TokenExpiredError
	msg := err.Error()
	switch {
	case errors.As(err, &expired):
		return "expired"
	case strings.Contains(msg, "malformed jwt"):
		return "algorithm" // or another fault of its form
	case strings.Contains(msg, "different provider"):
		return "issuer"
	case strings.Contains(msg, "audience"):
		return "audience"
	case strings.Contains(msg, "fetching keys"):
		return "keys"
	case strings.Contains(msg, "signature"):
		return "signature"
	case strings.Contains(msg, "before the nbf"):
		return "nbf"
	}
	return "claims"
}

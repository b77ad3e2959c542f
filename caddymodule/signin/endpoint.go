package signin

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// The ways in which we say who we are at the token endpoint (OpenID Connect
// Core 9).
const (
	authBasic      = "client_secret_basic"
	authPost       = "client_secret_post"
	authPrivateKey = "private_key_jwt"
	authNone       = "none"
)

// assertionLife is how long an assertion that authenticates us is good for.
const assertionLife = time.Minute

// tokens is what the token endpoint gives.
type tokens struct {
	access, refresh, id string
	expiry              time.Time // of the access token; zero: not said
}

// authMethod chooses how to authenticate: as configured, else by the key if
// there is one, else by the secret as the provider's metadata allow. One way
// only is ever tried, so that a code is sent once.
func (p *Provider) authMethod(supported []string) string {
	switch {
	case p.ClientAuth != "":
		return p.ClientAuth
	case p.ClientKey != nil:
		return authPrivateKey
	case p.ClientSecret == "":
		return authNone
	case len(supported) > 0 && !slices.Contains(supported, authBasic) && slices.Contains(supported, authPost):
		return authPost
	}
	return authBasic
}

// Check says what is wrong with how a provider is to know us, and with which of
// its access tokens are taken.
func (p *Provider) Check() error { return errors.Join(p.checkAuth(), p.checkBearer()) }

// checkAuth says what is wrong with how a provider is to know us.
func (p *Provider) checkAuth() error {
	if p.ClientKey != nil {
		if _, err := p.signer(); err != nil {
			return err
		}
	}
	switch p.ClientAuth {
	case "", authNone:
	case authBasic, authPost:
		if p.ClientSecret == "" {
			return fmt.Errorf("%s needs a client_secret", p.ClientAuth)
		}
	case authPrivateKey:
		if p.ClientKey == nil {
			return errors.New("private_key_jwt needs a client_key")
		}
	default:
		return fmt.Errorf("client_auth %q is not one of client_secret_basic, client_secret_post, private_key_jwt, none", p.ClientAuth)
	}
	return nil
}

// signer signs assertions by the algorithm that the key's type fixes.
func (p *Provider) signer() (jose.Signer, error) {
	var alg jose.SignatureAlgorithm
	switch k := p.ClientKey.(type) {
	case *rsa.PrivateKey:
		alg = jose.RS256
		if k.N.BitLen() < minRSABits {
			return nil, fmt.Errorf("client_key: an RSA key needs %d bits", minRSABits)
		}
	case *ecdsa.PrivateKey:
		alg = map[int]jose.SignatureAlgorithm{256: jose.ES256, 384: jose.ES384, 521: jose.ES512}[k.Curve.Params().BitSize]
	case ed25519.PrivateKey:
		alg = jose.EdDSA
	default:
		return nil, fmt.Errorf("client_key: a private key of RSA, ECDSA or Ed25519 is needed, not %T", p.ClientKey)
	}
	opts := (&jose.SignerOptions{}).WithType("JWT")
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: p.ClientKey, KeyID: p.ClientKeyID}}, opts)
	if err != nil {
		return nil, fmt.Errorf("client_key: %w", err)
	}
	return s, nil
}

// assertion makes a token that authenticates us (RFC 7523 3). Its one audience
// is the issuer, never an address that the provider's metadata name: else a
// provider could have us make one that is good at another's.
func (p *idp) assertion() (string, error) {
	s, err := p.signer()
	if err != nil {
		return "", err
	}
	now := p.now()
	payload, err := json.Marshal(map[string]any{
		"iss": p.ClientID, "sub": p.ClientID, "aud": p.Issuer, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(assertionLife).Unix(),
	})
	if err != nil {
		return "", fmt.Errorf("client assertion: %w", err)
	}
	jws, err := s.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("client assertion: %w", err)
	}
	return jws.CompactSerialize() //nolint:wrapcheck // fails for unsigned objects only
}

// redeem asks the token endpoint for tokens (RFC 6749 4.1.3 and 6). The answer
// is read strictly: JSON, each member once, a bearer token.
func (p *idp) redeem(ctx context.Context, m *metadata, form url.Values) (*tokens, *failure) {
	call, cancel := p.context(ctx)
	defer cancel()
	switch m.auth {
	case authPost:
		form.Set("client_secret", p.ClientSecret)
	case authPrivateKey:
		a, err := p.assertion()
		if err != nil {
			return nil, fail(idpError, "client", err)
		}
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", a)
	}
	if m.auth != authBasic {
		form.Set("client_id", p.ClientID)
	}
	req, err := http.NewRequestWithContext(call, http.MethodPost, m.oauth.Endpoint.TokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fail(idpError, "token", errors.New("token endpoint can't be asked"))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if m.auth == authBasic { // RFC 6749 2.3.1
		req.SetBasicAuth(url.QueryEscape(p.ClientID), url.QueryEscape(p.ClientSecret))
	}
	body, contentType, err := p.do(req, http.StatusOK)
	var status *statusError
	if err != nil && !errors.As(err, &status) {
		return nil, fail(idpError, "token", errors.New("token endpoint gave no answer that can be read"))
	}
	answer, readErr := readClaims(body)
	if status != nil {
		code, _ := answer.text("error")
		return nil, tokenFailure(status.status, code)
	}
	if media, _, err := mime.ParseMediaType(contentType); err != nil || media != "application/json" || readErr != nil {
		return nil, fail(idpError, "token", errors.New("token endpoint gave no answer that can be read"))
	}
	return p.readTokens(answer)
}

func (p *idp) readTokens(answer claims) (*tokens, *failure) {
	t := &tokens{}
	for name, into := range map[string]*string{"access_token": &t.access, "refresh_token": &t.refresh, "id_token": &t.id} {
		raw, there := answer[name]
		if !there || string(raw) == "null" {
			continue
		}
		var ok bool
		if *into, ok = answer.text(name); !ok || name != "id_token" && len(*into) > maxToken {
			return nil, fail(idpError, "token", errors.New("token endpoint gave a token that is no short string"))
		}
	}
	if t.access == "" {
		return nil, fail(idpError, "token", errors.New("token endpoint gave no access token"))
	}
	// OpenID Connect Core 3.1.3.3; the name has no case (RFC 6749 5.1).
	if kind, _ := answer.text("token_type"); !strings.EqualFold(kind, "Bearer") {
		return nil, fail(idpError, "token_type", errors.New("token endpoint gave another type of token than Bearer"))
	}
	if seconds, ok := answer.seconds("expires_in"); ok {
		t.expiry = p.now().Add(seconds)
	}
	return t, nil
}

// seconds returns a member that is a duration; some providers quote it.
func (c claims) seconds(name string) (time.Duration, bool) {
	raw := strings.Trim(string(c[name]), `"`)
	var n int64
	if json.Unmarshal([]byte(raw), &n) != nil || n <= 0 || n > 1<<31 {
		return 0, false
	}
	return time.Duration(n) * time.Second, true
}

// tokenFailure sorts a refusal of the token endpoint's: of the grant, or of
// something that is no fault of the viewer's. What the answer says in words of
// its own is not passed on.
func tokenFailure(status int, code string) *failure {
	switch {
	case code == "invalid_client" || code == "unauthorized_client":
		return fail(idpError, "client", errors.New("provider refuses our client id or secret"))
	case code == "temporarily_unavailable" || code == "server_error" || code == "slow_down":
		return fail(idpError, "token", errors.New("token endpoint is out of order"))
	case status == http.StatusBadRequest || status == http.StatusUnauthorized || status == http.StatusForbidden:
		return fail(idpRefused, "grant", errors.New("token endpoint refuses the grant"))
	}
	return fail(idpError, "token", fmt.Errorf("token endpoint answered %d", status))
}

// userinfo asks the provider for what the ID token does not have. It returns
// nil if nothing is missing, or the provider has no such endpoint.
func (p *idp) userinfo(ctx context.Context, m *metadata, tok *tokens, subject string, token claims) (claims, *failure) {
	from := m.provider.UserInfoEndpoint()
	if from == "" || !token.lacks(p.Claims) || overage(token, p.Claims.Groups) {
		return nil, nil
	}
	call, cancel := p.context(ctx)
	defer cancel()
	body, contentType, err := p.get(call, from, tok.access)
	if err != nil {
		p.metrics.IDPError(p.Name, "userinfo")
		return nil, fail(idpError, "userinfo", errors.New("userinfo endpoint gave no answer that can be read"))
	}
	media, _, _ := mime.ParseMediaType(contentType)
	c, err := p.readUserinfo(call, m, media, body)
	if err != nil {
		return nil, fail(badToken, "userinfo", err)
	}
	// OpenID Connect Core 5.3.2.
	if sub, ok := c.text("sub"); !ok || sub != subject {
		return nil, fail(badToken, "userinfo_sub", errors.New("userinfo is another person's"))
	}
	return c, nil
}

// readUserinfo reads an answer of the userinfo endpoint: JSON, or a signed JWT
// that names its issuer and us (OpenID Connect Core 5.3.2).
func (p *idp) readUserinfo(ctx context.Context, m *metadata, media string, body []byte) (claims, error) {
	switch media {
	case "application/json":
		return readClaims(body)
	case "application/jwt":
	default:
		return nil, errors.New("userinfo is neither JSON nor a JWT")
	}
	raw := strings.TrimSpace(string(body))
	if err := checkHeader(raw, "JWT"); err != nil {
		return nil, err
	}
	payload, err := m.keys.VerifySignature(ctx, raw)
	if err != nil {
		return nil, err
	}
	c, err := readClaims(payload)
	if err != nil {
		return nil, err
	}
	iss, _ := c.text("iss")
	if aud, _ := c.audience(); iss != p.Issuer || !slices.Contains(aud, p.ClientID) {
		return nil, errors.New("signed userinfo is another's")
	}
	if exp, ok := c.moment("exp"); ok && !p.now().Before(exp) {
		return nil, errors.New("signed userinfo has expired")
	}
	return c, nil
}

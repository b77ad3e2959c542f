package idptest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// maxPending bounds the sign-ins under way; beyond it, old ones go.
const maxPending = 1000

const requestAge = 15 * time.Minute

// storage is the provider's memory, in the shape that the library asks for.
type storage struct {
	key          signingKey
	life         time.Duration
	noUserClaims bool
	loginURL     func(id string) string

	mu       sync.Mutex
	accounts map[string]Account // by username
	clients  map[string]*client
	requests map[string]*request
	codes    map[string]string // code to request id
	tokens   map[string]*token
	refresh  map[string]*token
}

var (
	_ op.Storage                   = (*storage)(nil)
	_ op.CanSetUserinfoFromRequest = (*storage)(nil)
	_ op.Client                    = (*client)(nil)
	_ op.AuthRequest               = (*request)(nil)
	_ op.RefreshTokenRequest       = (*token)(nil)
)

func newStorage(key *rsa.PrivateKey, c Config) *storage {
	return &storage{
		key: signingKey{id: randomID(), private: key}, life: c.AccessTokenLife, noUserClaims: c.NoUserClaims,
		accounts: map[string]Account{}, clients: map[string]*client{}, requests: map[string]*request{},
		codes: map[string]string{}, tokens: map[string]*token{}, refresh: map[string]*token{},
	}
}

func randomID() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

func (s *storage) addAccount(a Account) error {
	if a.Username == "" || a.Password == "" {
		return errors.New("idptest: an account needs a username and a password")
	}
	if a.Sub == "" {
		a.Sub = a.Username
	}
	a.Groups = slices.Clone(a.Groups)
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, other := range s.accounts {
		if other.Sub == a.Sub && name != a.Username {
			return fmt.Errorf("idptest: accounts %q and %q share the sub %q", name, a.Username, a.Sub)
		}
	}
	s.accounts[a.Username] = a
	return nil
}

func (s *storage) removeAccount(username string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.accounts, username)
}

// bySub needs the lock.
func (s *storage) bySub(sub string) (Account, error) {
	for _, a := range s.accounts {
		if a.Sub == sub {
			return a, nil
		}
	}
	return Account{}, errors.New("no such account")
}

func (s *storage) addClient(c Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients[c.ID] = &client{Client: c, login: func(id string) string { return s.loginURL(id) }, userClaims: !s.noUserClaims}
}

// signOut removes a person's tokens and names the clients that had some.
func (s *storage) signOut(username string) (sub string, had []Client, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.accounts[username]
	if !ok {
		return "", nil, fmt.Errorf("idptest: no account %q", username)
	}
	ids := map[string]bool{}
	for _, m := range []map[string]*token{s.tokens, s.refresh} {
		maps.DeleteFunc(m, func(_ string, t *token) bool {
			if t.sub == a.Sub {
				ids[t.clientID] = true
			}
			return t.sub == a.Sub
		})
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		if c := s.clients[id]; c != nil {
			had = append(had, c.Client)
		}
	}
	return a.Sub, had, nil
}

// signIn ends the form's part of a sign-in. It returns what to tell the person
// if it does not come about, or "".
func (s *storage) signIn(id, username, password string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests[id]
	if r == nil || time.Since(r.created) >= requestAge {
		return "This sign-in has expired. Go back to where you came from and begin again."
	}
	a, ok := s.accounts[username]
	if subtle.ConstantTimeCompare([]byte(a.Password), []byte(password)) != 1 || !ok {
		return "The username or the password is wrong."
	}
	r.sub, r.done, r.authTime = a.Sub, true, time.Now()
	return ""
}

// request is one authorization request.
type request struct {
	id        string
	created   time.Time
	wire      oidc.AuthRequest
	sub       string
	done      bool
	authTime  time.Time
	challenge *oidc.CodeChallenge
}

func (r *request) GetID() string                         { return r.id }
func (r *request) GetACR() string                        { return "" }
func (r *request) GetAMR() []string                      { return []string{"pwd"} }
func (r *request) GetAudience() []string                 { return []string{r.wire.ClientID} }
func (r *request) GetAuthTime() time.Time                { return r.authTime }
func (r *request) GetClientID() string                   { return r.wire.ClientID }
func (r *request) GetCodeChallenge() *oidc.CodeChallenge { return r.challenge }
func (r *request) GetNonce() string                      { return r.wire.Nonce }
func (r *request) GetRedirectURI() string                { return r.wire.RedirectURI }
func (r *request) GetResponseType() oidc.ResponseType    { return r.wire.ResponseType }
func (r *request) GetResponseMode() oidc.ResponseMode    { return r.wire.ResponseMode }
func (r *request) GetScopes() []string                   { return r.wire.Scopes }
func (r *request) GetState() string                      { return r.wire.State }
func (r *request) GetSubject() string                    { return r.sub }
func (r *request) Done() bool                            { return r.done }

// CreateAuthRequest takes a request that the library has checked.
func (s *storage) CreateAuthRequest(_ context.Context, wire *oidc.AuthRequest, _ string) (op.AuthRequest, error) {
	if slices.Contains(wire.Prompt, oidc.PromptNone) {
		return nil, oidc.ErrLoginRequired() // no browser is remembered
	}
	r := &request{id: randomID(), created: time.Now(), wire: *wire}
	if wire.CodeChallenge != "" {
		r.challenge = &oidc.CodeChallenge{Challenge: wire.CodeChallenge, Method: wire.CodeChallengeMethod}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) >= maxPending {
		s.expire(requestAge)
	}
	if len(s.requests) >= maxPending {
		s.expire(0)
	}
	s.requests[r.id] = r
	return r, nil
}

// expire needs the lock.
func (s *storage) expire(age time.Duration) {
	now := time.Now()
	maps.DeleteFunc(s.requests, func(_ string, r *request) bool { return now.Sub(r.created) >= age })
	maps.DeleteFunc(s.codes, func(_, id string) bool { return s.requests[id] == nil })
	maps.DeleteFunc(s.tokens, func(_ string, t *token) bool { return now.After(t.expires) })
}

// AuthRequestByID finds a request that has not expired.
func (s *storage) AuthRequestByID(_ context.Context, id string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.request(id)
}

func (s *storage) request(id string) (op.AuthRequest, error) {
	r := s.requests[id]
	if r == nil || time.Since(r.created) >= requestAge {
		return nil, errors.New("no such request")
	}
	c := *r
	return &c, nil
}

// AuthRequestByCode finds a request by its code, once.
func (s *storage) AuthRequestByCode(_ context.Context, code string) (op.AuthRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id, ok := s.codes[code]
	if !ok {
		return nil, errors.New("no such code")
	}
	delete(s.codes, code)
	return s.request(id)
}

// SaveAuthCode keeps a request's code.
func (s *storage) SaveAuthCode(_ context.Context, id, code string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codes[code] = id
	return nil
}

// DeleteAuthRequest forgets a request.
func (s *storage) DeleteAuthRequest(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.requests, id)
	maps.DeleteFunc(s.codes, func(_, r string) bool { return r == id })
	return nil
}

// token is an access token, or a refresh token.
type token struct {
	id, clientID, sub string
	scopes            []string
	authTime, expires time.Time
}

func (t *token) GetAMR() []string            { return []string{"pwd"} }
func (t *token) GetAudience() []string       { return []string{t.clientID} }
func (t *token) GetAuthTime() time.Time      { return t.authTime }
func (t *token) GetClientID() string         { return t.clientID }
func (t *token) GetScopes() []string         { return t.scopes }
func (t *token) GetSubject() string          { return t.sub }
func (t *token) SetCurrentScopes(s []string) { t.scopes = s }

func (s *storage) newToken(r op.TokenRequest) *token {
	t := &token{id: randomID(), sub: r.GetSubject(), scopes: r.GetScopes(), expires: time.Now().Add(s.life)}
	if q, ok := r.(op.IDTokenRequest); ok {
		t.clientID, t.authTime = q.GetClientID(), q.GetAuthTime()
	}
	s.tokens[t.id] = t
	if len(s.tokens) > 4*maxPending {
		s.expire(requestAge)
	}
	return t
}

// CreateAccessToken makes an access token.
func (s *storage) CreateAccessToken(_ context.Context, r op.TokenRequest) (string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.newToken(r)
	return t.id, t.expires, nil
}

// CreateAccessAndRefreshTokens makes an access token, and a refresh token that
// replaces the one shown.
func (s *storage) CreateAccessAndRefreshTokens(_ context.Context, r op.TokenRequest, current string) (string, string, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if current != "" {
		if s.refresh[current] == nil {
			return "", "", time.Time{}, op.ErrInvalidRefreshToken
		}
		delete(s.refresh, current)
	}
	t := s.newToken(r)
	ref := *t
	ref.id, ref.expires = randomID(), time.Now().Add(24*time.Hour)
	s.refresh[ref.id] = &ref
	return t.id, ref.id, t.expires, nil
}

// TokenRequestByRefreshToken finds a refresh token whose account still exists.
func (s *storage) TokenRequestByRefreshToken(_ context.Context, id string) (op.RefreshTokenRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.refresh[id]
	if t == nil || time.Now().After(t.expires) {
		return nil, op.ErrInvalidRefreshToken
	}
	if _, err := s.bySub(t.sub); err != nil {
		return nil, op.ErrInvalidRefreshToken
	}
	c := *t
	return &c, nil
}

// TerminateSession removes a person's tokens for one client.
func (s *storage) TerminateSession(_ context.Context, sub, clientID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := func(_ string, t *token) bool { return t.sub == sub && t.clientID == clientID }
	maps.DeleteFunc(s.tokens, gone)
	maps.DeleteFunc(s.refresh, gone)
	return nil
}

// RevokeToken removes one token of a client's.
func (s *storage) RevokeToken(_ context.Context, id, _, clientID string) *oidc.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range []map[string]*token{s.tokens, s.refresh} {
		if t := m[id]; t != nil {
			if t.clientID != clientID {
				return oidc.ErrInvalidClient()
			}
			delete(m, id)
		}
	}
	return nil
}

// GetRefreshTokenInfo finds a refresh token.
func (s *storage) GetRefreshTokenInfo(_ context.Context, _, id string) (string, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.refresh[id]
	if t == nil {
		return "", "", op.ErrInvalidRefreshToken
	}
	return t.sub, t.id, nil
}

// signingKey is the one key of the provider.
type signingKey struct {
	id      string
	private *rsa.PrivateKey
}

func (k signingKey) ID() string                                  { return k.id }
func (k signingKey) Key() any                                    { return k.private }
func (k signingKey) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }

type publicKey struct{ signingKey }

func (k publicKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k publicKey) Use() string                        { return "sig" }
func (k publicKey) Key() any                           { return &k.private.PublicKey }

// SigningKey is what tokens are signed with.
func (s *storage) SigningKey(context.Context) (op.SigningKey, error) { return s.key, nil }

// SignatureAlgorithms lists the one that there is.
func (s *storage) SignatureAlgorithms(context.Context) ([]jose.SignatureAlgorithm, error) {
	return []jose.SignatureAlgorithm{jose.RS256}, nil
}

// KeySet is what tokens are checked with.
func (s *storage) KeySet(context.Context) ([]op.Key, error) { return []op.Key{publicKey{s.key}}, nil }

// GetClientByClientID finds a client.
func (s *storage) GetClientByClientID(_ context.Context, id string) (op.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clients[id]
	if c == nil {
		return nil, errors.New("no such client")
	}
	return c, nil
}

// AuthorizeClientIDSecret checks a client's secret.
func (s *storage) AuthorizeClientIDSecret(_ context.Context, id, secret string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.clients[id]
	if c == nil || c.Secret == "" || subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) != 1 {
		return errors.New("no such client, or another secret")
	}
	return nil
}

// SetUserinfoFromScopes does nothing: SetUserinfoFromRequest does it.
func (s *storage) SetUserinfoFromScopes(context.Context, *oidc.UserInfo, string, string, []string) error {
	return nil
}

// SetUserinfoFromRequest fills in an ID token.
func (s *storage) SetUserinfoFromRequest(_ context.Context, u *oidc.UserInfo, r op.IDTokenRequest, scopes []string) error {
	if s.noUserClaims {
		u.Subject = r.GetSubject()
		return nil
	}
	return s.fill(u, r.GetSubject(), scopes)
}

// SetUserinfoFromToken fills in the answer of the userinfo endpoint.
func (s *storage) SetUserinfoFromToken(_ context.Context, u *oidc.UserInfo, id, sub, _ string) error {
	s.mu.Lock()
	t := s.tokens[id]
	s.mu.Unlock()
	if t == nil || t.sub != sub || time.Now().After(t.expires) {
		return errors.New("no such token")
	}
	return s.fill(u, sub, t.scopes)
}

func (s *storage) fill(u *oidc.UserInfo, sub string, scopes []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.bySub(sub)
	if err != nil {
		return err
	}
	u.Subject = a.Sub
	if slices.Contains(scopes, oidc.ScopeEmail) && a.Email != "" {
		u.Email, u.EmailVerified = a.Email, oidc.Bool(a.EmailVerified)
	}
	if slices.Contains(scopes, oidc.ScopeProfile) {
		u.Name, u.PreferredUsername = a.Name, a.Username
	}
	if (slices.Contains(scopes, oidc.ScopeProfile) || slices.Contains(scopes, "groups")) && len(a.Groups) > 0 {
		u.AppendClaims("groups", slices.Clone(a.Groups))
	}
	return nil
}

// SetIntrospectionFromToken refuses: nobody here introspects.
func (s *storage) SetIntrospectionFromToken(context.Context, *oidc.IntrospectionResponse, string, string, string) error {
	return errors.New("introspection is not served")
}

// GetPrivateClaimsFromScopes has none: access tokens are opaque.
func (s *storage) GetPrivateClaimsFromScopes(context.Context, string, string, []string) (map[string]any, error) {
	return nil, nil
}

// GetKeyByIDAndClientID finds the key by which a client authenticates.
func (s *storage) GetKeyByIDAndClientID(_ context.Context, keyID, clientID string) (*jose.JSONWebKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.clients[clientID]; c != nil && c.Key != nil && c.Key.KeyID == keyID {
		return c.Key, nil
	}
	return nil, errors.New("no such key")
}

// ValidateJWTProfileScopes refuses: that grant is not served.
func (s *storage) ValidateJWTProfileScopes(context.Context, string, []string) ([]string, error) {
	return nil, errors.New("the grant is not served")
}

// Health is always well.
func (s *storage) Health(context.Context) error { return nil }

// client is a relying party in the library's shape.
type client struct {
	Client
	login      func(id string) string
	userClaims bool
}

func (c *client) GetID() string                       { return c.ID }
func (c *client) RedirectURIs() []string              { return c.Client.RedirectURIs }
func (c *client) PostLogoutRedirectURIs() []string    { return c.Client.PostLogoutRedirectURIs }
func (c *client) ApplicationType() op.ApplicationType { return op.ApplicationTypeWeb }
func (c *client) ResponseTypes() []oidc.ResponseType {
	return []oidc.ResponseType{oidc.ResponseTypeCode}
}

func (c *client) LoginURL(id string) string { return c.login(id) }

func (c *client) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeBearer }

func (c *client) IDTokenLifetime() time.Duration                               { return 10 * time.Minute }
func (c *client) DevMode() bool                                                { return true } // http redirect URIs
func (c *client) IDTokenUserinfoClaimsAssertion() bool                         { return c.userClaims }
func (c *client) ClockSkew() time.Duration                                     { return 0 }
func (c *client) IsScopeAllowed(scope string) bool                             { return scope == "groups" }
func (c *client) RestrictAdditionalIdTokenScopes() func([]string) []string     { return same }
func (c *client) RestrictAdditionalAccessTokenScopes() func([]string) []string { return same }

func (c *client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken}
}

func (c *client) AuthMethod() oidc.AuthMethod {
	switch {
	case c.Key != nil:
		return oidc.AuthMethodPrivateKeyJWT
	case c.Secret == "":
		return oidc.AuthMethodNone
	}
	return oidc.AuthMethodBasic
}

func same(s []string) []string { return s }

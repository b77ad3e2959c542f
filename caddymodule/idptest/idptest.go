// Package idptest is an OpenID provider in process, for the demo and for
// tests, in the manner of net/http/httptest: the protocol is zitadel/oidc's,
// with authorization code, PKCE, refresh, userinfo, and sign-out started by
// either side; the accounts are a fixed list, and the sign-in page is a form
// for username and password. It keeps everything in memory and has no globals:
// any number of providers can run side by side.
//
// The contract: an IdP is an http.Handler for its issuer's URL, which may be
// plain http on a loopback host. It remembers no browser, so each sign-in
// shows the form: whoever tries out several accounts wants just that.
//
// It is not for production: passwords are compared in clear, keys last as long
// as the process, and nothing slows down guessing.
//
// Start reading at New and NewServer.
package idptest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// Account is a person who can sign in.
type Account struct {
	Username, Password string
	Sub                string // empty: Username
	Email              string
	EmailVerified      bool
	Name               string
	Groups             []string
}

// Client is a relying party.
type Client struct {
	ID     string
	Secret string // empty: a public client, or one with a key
	// Key is the public key of a client that authenticates by private_key_jwt.
	Key                    *jose.JSONWebKey
	RedirectURIs           []string
	PostLogoutRedirectURIs []string
	BackChannelLogoutURI   string // empty: none
}

// Config says who can sign in, and where to.
type Config struct {
	// Issuer is the URL that the provider is served under: https, or http on
	// a loopback host. A path in it is taken off requests.
	Issuer string
	// Title is the heading of the sign-in page; empty: "Sign in".
	Title    string
	Accounts []Account
	Clients  []Client
	// Hint stands on the sign-in page below the form, such as which accounts
	// a demo has.
	Hint string
	// NoUserClaims leaves e-mail, name and groups out of ID tokens, so that
	// only userinfo has them, as some providers do.
	NoUserClaims bool
	// AccessTokenLife is how long access tokens last; 0: 5 minutes.
	AccessTokenLife time.Duration
	// HTTP is the client for back-channel calls; nil: one with a time limit.
	HTTP *http.Client
}

// IdP is an OpenID provider. All methods are safe for concurrent use.
type IdP struct {
	issuer  string
	prefix  string
	title   string
	hint    string
	storage *storage
	login   *template.Template
	mux     *http.ServeMux
	client  *http.Client
}

// New makes a provider for an issuer's URL.
func New(c Config) (*IdP, error) {
	u, err := url.Parse(c.Issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("idptest: issuer %q is not a URL that a provider can have", c.Issuer)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("idptest: making key: %w", err)
	}
	if c.AccessTokenLife == 0 {
		c.AccessTokenLife = 5 * time.Minute
	}
	i := &IdP{
		issuer: c.Issuer, prefix: strings.TrimSuffix(u.Path, "/"), title: c.Title, hint: c.Hint,
		storage: newStorage(key, c), client: c.HTTP,
	}
	if i.title == "" {
		i.title = "Sign in"
	}
	if i.client == nil {
		i.client = &http.Client{Timeout: 10 * time.Second}
	}
	for _, a := range c.Accounts {
		if err := i.storage.addAccount(a); err != nil {
			return nil, err
		}
	}
	for _, cl := range c.Clients {
		i.AddClient(cl)
	}
	cfg := &op.Config{
		CodeMethodS256: true, AuthMethodPost: true, AuthMethodPrivateKeyJWT: true, GrantTypeRefreshToken: true,
		DefaultLogoutRedirectURI:   i.prefix + "/signed-out",
		BackChannelLogoutSupported: true,
		SupportedScopes:            []string{"openid", "profile", "email", "groups", "offline_access"},
		SupportedClaims:            []string{"sub", "iss", "aud", "exp", "iat", "nonce", "name", "preferred_username", "email", "email_verified", "groups"},
	}
	if _, err := rand.Read(cfg.CryptoKey[:]); err != nil {
		return nil, fmt.Errorf("idptest: making key: %w", err)
	}
	var opts []op.Option
	if u.Scheme == "http" {
		opts = append(opts, op.WithAllowInsecure())
	}
	provider, err := op.NewProvider(cfg, i.storage, op.StaticIssuer(c.Issuer), opts...)
	if err != nil {
		return nil, fmt.Errorf("idptest: %w", err)
	}
	callback := op.AuthCallbackURL(provider)
	i.storage.loginURL = func(id string) string { return i.prefix + "/login?id=" + url.QueryEscape(id) }
	if i.login, err = template.New("login").Parse(loginSource); err != nil {
		return nil, fmt.Errorf("idptest: %w", err)
	}
	i.mux = http.NewServeMux()
	i.mux.HandleFunc("GET /login", func(w http.ResponseWriter, r *http.Request) { i.form(w, r.URL.Query().Get("id"), "", "") })
	i.mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		i.submit(w, r, func(id string) string { return callback(op.ContextWithIssuer(r.Context(), i.issuer), id) })
	})
	i.mux.HandleFunc("GET /signed-out", i.signedOut)
	i.mux.Handle("/", provider)
	return i, nil
}

// Issuer is the issuer's URL.
func (i *IdP) Issuer() string { return i.issuer }

// AddClient makes a relying party known, or replaces the one of that id. It
// serves those whose addresses are not known before the provider runs.
func (i *IdP) AddClient(c Client) { i.storage.addClient(c) }

// SetAccount adds or replaces an account, as when somebody joins a group.
func (i *IdP) SetAccount(a Account) error { return i.storage.addAccount(a) }

// RemoveAccount removes an account: its refresh tokens are refused from now on.
func (i *IdP) RemoveAccount(username string) { i.storage.removeAccount(username) }

// ServeHTTP serves the provider.
func (i *IdP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	http.StripPrefix(i.prefix, i.mux).ServeHTTP(w, r)
}

// LogOut tells all relying parties that a person has signed out here, by
// OpenID Connect Back-Channel Logout, and takes his tokens away.
func (i *IdP) LogOut(ctx context.Context, username string) error {
	sub, clients, err := i.storage.signOut(username)
	if err != nil {
		return err
	}
	var errs []error
	for _, c := range clients {
		if c.BackChannelLogoutURI == "" {
			continue
		}
		token, err := i.logoutToken(c.ID, sub)
		if err == nil {
			err = i.post(ctx, c.BackChannelLogoutURI, token)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("idptest: signing out at %s: %w", c.ID, err))
		}
	}
	return errors.Join(errs...)
}

func (i *IdP) logoutToken(clientID, sub string) (string, error) {
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: i.storage.key.private, KeyID: i.storage.key.id}},
		(&jose.SignerOptions{}).WithType("logout+jwt"))
	if err != nil {
		return "", err
	}
	jti := make([]byte, 16)
	_, _ = rand.Read(jti) // never fails
	now := time.Now()
	payload, err := json.Marshal(map[string]any{
		"iss": i.issuer, "aud": clientID, "sub": sub, "jti": base64.RawURLEncoding.EncodeToString(jti),
		"iat": now.Unix(), "exp": now.Add(2 * time.Minute).Unix(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	})
	if err != nil {
		return "", err
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return jws.CompactSerialize()
}

func (i *IdP) post(ctx context.Context, to, token string) error {
	body := bytes.NewBufferString(url.Values{"logout_token": {token}}.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, body)
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := i.client.Do(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("relying party answered %s", resp.Status)
	}
	return nil
}

// Server is a provider that listens on a port of its own.
type Server struct {
	*IdP
	*httptest.Server
}

// NewServer starts a provider on a free port of the loopback address; its
// issuer, whatever the configuration says, is the server's URL. It panics if
// the configuration is bad, as it is for tests.
func NewServer(c Config) *Server {
	s := &Server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.IdP.ServeHTTP(w, r) }))
	c.Issuer = s.URL
	var err error
	if s.IdP, err = New(c); err != nil {
		s.Close()
		panic(err)
	}
	return s
}

package signin

import (
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/postern-gateway/postern/caddymodule/pages"
	"github.com/postern-gateway/postern/rules"
)

// Defaults of Config.
const (
	DefaultPrefix   = "/.postern"
	DefaultIdle     = 8 * time.Hour
	DefaultAbsolute = 24 * time.Hour
)

// Config says how to sign viewers in. Site, Providers and Store are needed.
type Config struct {
	// Site is the public address, without a path: https, or http on a loopback
	// host if Insecure is set. Cookies and redirect URIs are made from it.
	Site *url.URL
	// Prefix is where the package's own paths live; empty: /.postern.
	Prefix string
	// Providers are the identity providers, in the order in which they are
	// offered. At least one; names are unique.
	Providers []Provider
	// Store keeps sessions and sign-ins under way.
	Store Store
	// Log takes one line per sign-in, sign-out and failure; nil: none.
	Log *slog.Logger
	// Audit takes one event for each sign-in, sign-out and end of a session, in
	// ECS field names; nil: none.
	Audit *slog.Logger
	// Now is the clock; nil: time.Now.
	Now func() time.Time
	// HTTP is the client for calls to providers. It is copied; redirects are
	// refused and bodies limited in any case. nil: one with a time limit.
	HTTP *http.Client
	// Insecure lets the site and the providers be http on loopback hosts, for
	// trial. Cookies then lose Secure and the __Host- prefix.
	Insecure bool
	// Pages renders what people get to see; nil: plain pages of our own.
	Pages Pages
	// Metrics counts; nil: nothing.
	Metrics Metrics
	// LinkUser names the wiki user that a person is, or "". It is asked at
	// each sign-in, when a session is loaded, and on Relink. nil: nobody.
	LinkUser func(provider string, id Identity) string
	// Admit may refuse a person at the end of a sign-in and at a refresh, such
	// as one whose wiki user is deactivated; nil: admits all.
	Admit func(v rules.Viewer) error
	// Idle and Absolute end a session after so long without a request, or
	// since sign-in; 0: 8 h and 24 h.
	Idle, Absolute time.Duration
}

// Provider is one identity provider.
type Provider struct {
	// Name stands in policies, redirect URIs and metrics: lower-case letters,
	// digits and hyphens.
	Name string
	// Title is what people choose by; empty: Name.
	Title string
	// Issuer is the issuer's URL, exactly as its tokens say it.
	Issuer string
	// ClientID and ClientSecret are ours; an empty secret makes a public
	// client, which PKCE allows.
	ClientID, ClientSecret string
	// ClientAuth is how the token endpoint is told who we are:
	// client_secret_basic, client_secret_post, private_key_jwt or none. Empty:
	// by ClientKey if there is one, else by ClientSecret in the way that the
	// provider's metadata name.
	ClientAuth string
	// ClientKey signs the assertions of private_key_jwt (RFC 7523):
	// *rsa.PrivateKey (RS256), *ecdsa.PrivateKey (ES256, ES384, ES512) or
	// ed25519.PrivateKey (EdDSA). ClientKeyID is the kid that the provider
	// knows it by, or empty.
	ClientKey   crypto.PrivateKey
	ClientKeyID string
	// FormPost asks for the answer as a form that is posted (OAuth 2.0 Form
	// Post Response Mode) in place of a query. The callback turns it into a
	// query of its own address: see formpost.go.
	FormPost bool
	// Bearer lets API clients show access tokens of this provider's; nil: none.
	Bearer *Bearer
	// Scopes are asked for; empty: openid, profile and email. "openid" is
	// added if missing. With offline_access, claims are refreshed while the
	// session lasts.
	Scopes []string
	// Claims says which claims hold what.
	Claims ClaimNames
}

// Bearer says which access tokens are taken as a viewer's word (RFC 6750): JWTs
// of the provider's (RFC 9068), by a verifier of their own.
type Bearer struct {
	// Audience must be among the token's. It is an identifier of this site as
	// an API, and never the client id, which is what ID tokens are for.
	Audience string
	// Scopes must all be granted by the token. At least one: ID tokens have
	// none.
	Scopes []string
}

// ClaimNames maps what a viewer consists of to a provider's claims. A value is
// the claim's name, or a path through nested objects with dots between, as in
// realm_access.roles. Empty ones have the names of OpenID Connect.
type ClaimNames struct {
	Email         string // email
	EmailVerified string // email_verified; beside Email, in the same token
	Groups        string // groups
	Username      string // preferred_username
	Name          string // name
}

// Identity is what a provider says of a person, after checking. It is stored
// with his session.
type Identity struct {
	Subject       string   `json:"sub"`
	Username      string   `json:"username,omitempty"`
	Name          string   `json:"name,omitempty"`
	Email         string   `json:"email,omitempty"`
	EmailVerified bool     `json:"email_verified,omitempty"`
	Groups        []string `json:"groups,omitempty"`
}

// Metrics takes counts. Providers are the configured names; results and calls
// are words of closed sets.
type Metrics interface {
	SignIn(provider, result string)
	Sessions(n int)
	IDPError(provider, call string)
}

type noMetrics struct{}

func (noMetrics) SignIn(string, string)   {}
func (noMetrics) Sessions(int)            {}
func (noMetrics) IDPError(string, string) {}

var providerName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// complete fills in the defaults and checks the rest; all faults at once.
func (c *Config) complete() error {
	var errs []error
	fault := func(format string, a ...any) { errs = append(errs, fmt.Errorf("signin: "+format, a...)) }
	switch {
	case c.Site == nil:
		fault("no site")
	case c.Site.Host == "" || c.Site.User != nil || strings.Trim(c.Site.Path, "/") != "" || c.Site.RawQuery != "" || c.Site.Fragment != "":
		fault("site %q must be scheme and host, without a path", c.Site.Redacted())
	case !secureURL(c.Site, c.Insecure):
		fault("site %q must be https (http works on loopback hosts only, for trial)", c.Site)
	}
	if c.Prefix == "" {
		c.Prefix = DefaultPrefix
	}
	c.Prefix = strings.TrimSuffix(c.Prefix, "/")
	if clean := (&url.URL{Path: c.Prefix}).EscapedPath(); clean != c.Prefix || !strings.HasPrefix(clean, "/") || strings.HasPrefix(clean, "//") {
		fault("prefix %q must be a plain path", c.Prefix)
	}
	if c.Store == nil {
		fault("no store")
	}
	if len(c.Providers) == 0 {
		fault("no provider")
	}
	c.Providers = append([]Provider(nil), c.Providers...)
	names := map[string]bool{}
	for i := range c.Providers {
		p := &c.Providers[i]
		if !providerName.MatchString(p.Name) {
			fault("provider %q: a name is lower-case letters, digits and hyphens, at most 32", p.Name)
		}
		if names[p.Name] {
			fault("provider %q is there twice", p.Name)
		}
		names[p.Name] = true
		if p.Name == "wiki" {
			fault("provider %q: the name stands for the wiki itself in policies", p.Name)
		}
		if p.ClientID == "" {
			fault("provider %q: no client_id", p.Name)
		}
		u, err := url.Parse(p.Issuer)
		if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || !secureURL(u, c.Insecure) {
			fault("provider %q: issuer %q must be an https URL without a query", p.Name, p.Issuer)
		}
		if err := p.Check(); err != nil {
			fault("provider %q: %w", p.Name, err)
		}
		p.complete()
	}
	if c.Idle < 0 || c.Absolute < 0 {
		fault("negative session limits")
	}
	if c.Idle == 0 {
		c.Idle = DefaultIdle
	}
	if c.Absolute == 0 {
		c.Absolute = DefaultAbsolute
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Pages == nil {
		c.Pages = pages.Default()
	}
	if c.Metrics == nil {
		c.Metrics = noMetrics{}
	}
	if c.LinkUser == nil {
		c.LinkUser = func(string, Identity) string { return "" }
	}
	if c.Admit == nil {
		c.Admit = func(rules.Viewer) error { return nil }
	}
	return errors.Join(errs...)
}

func (p *Provider) complete() {
	for _, f := range []struct {
		name *string
		def  string
	}{
		{&p.Title, p.Name},
		{&p.Claims.Email, "email"},
		{&p.Claims.EmailVerified, "email_verified"},
		{&p.Claims.Groups, "groups"},
		{&p.Claims.Username, "preferred_username"},
		{&p.Claims.Name, "name"},
	} {
		if *f.name == "" {
			*f.name = f.def
		}
	}
	scopes := []string{"openid"}
	if len(p.Scopes) == 0 {
		scopes = append(scopes, "profile", "email")
	}
	for _, s := range p.Scopes {
		if s != "openid" {
			scopes = append(scopes, s)
		}
	}
	p.Scopes = scopes
}

// secureURL says whether secrets may be sent to u: it is https, or http to
// this very host where insecure allows it.
func secureURL(u *url.URL, insecure bool) bool {
	return u.Scheme == "https" || insecure && u.Scheme == "http" && loopback(u.Hostname())
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

package caddymodule

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/rules"
)

// Wiki says where the wiki is and how to learn what it holds.
type Wiki struct {
	// URL is the wiki's address as the gateway reaches it, with its context
	// path, such as http://wiki.internal:8090/confluence. Required.
	URL string `json:"url"`
	// Aliases are all other bases that the wiki ever had; links to them are
	// judged as links to this wiki and lead to the site.
	Aliases []string `json:"aliases,omitempty"`
	// InternalHosts are globs of host names that are inside; links to them are
	// hidden.
	InternalHosts []string `json:"internal_hosts,omitempty"`
	// SyncToken is the bearer token of a read-only account, used for sync and
	// look-ups and for nothing else. Placeholders such as {env.NAME} are
	// filled in.
	SyncToken string `json:"sync_token,omitempty"`
	// SyncEvery is the time between two syncs; default 5m. 0 turns sync off if
	// a directory file is given.
	SyncEvery caddy.Duration `json:"sync_every,omitempty"`
	// Directory is a snapshot file (see "postern snapshot"): the directory
	// itself if SyncToken is empty, else its seed until the first sync.
	Directory string `json:"directory,omitempty"`
}

// Provider is an OpenID provider that signs viewers in.
type Provider struct {
	// Name is what rule files call it. Required, unique.
	Name string `json:"name"`
	// Title is what people choose by where there are several; default: Name.
	Title string `json:"title,omitempty"`
	// Issuer is compared byte for byte with the tokens'. Required.
	Issuer string `json:"issuer"`
	// ClientID and ClientSecret are this relying party's; placeholders are
	// filled in.
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"`
	// ClientAuth is how the provider's token endpoint is told who this relying
	// party is: client_secret_basic, client_secret_post, private_key_jwt or
	// none. Default: private_key_jwt with a client_key, else by the secret in
	// the way that the provider's metadata name.
	ClientAuth string `json:"client_auth,omitempty"`
	// ClientKey is a file with the private key (PEM: PKCS #8, PKCS #1 or SEC 1)
	// that signs for private_key_jwt; RSA, ECDSA or Ed25519. ClientKeyID is the
	// kid that the provider knows it by.
	ClientKey   string `json:"client_key,omitempty"`
	ClientKeyID string `json:"client_key_id,omitempty"`
	// ResponseMode is how the provider answers a sign-in: query (the default)
	// or form_post.
	ResponseMode string `json:"response_mode,omitempty"`
	// Bearer lets API clients show access tokens of this provider's in place
	// of a session cookie. Default: none are taken.
	Bearer *Bearer `json:"bearer,omitempty"`
	// Scopes asked for; default openid, profile, email, groups.
	Scopes []string `json:"scopes,omitempty"`
	// Claims names the claims to read.
	Claims Claims `json:"claims,omitzero"`
}

// Bearer says which access tokens are taken (JWTs, RFC 9068).
type Bearer struct {
	// Audience must be among the token's aud: what the provider calls this
	// site as an API. Required; never the client_id.
	Audience string `json:"audience"`
	// Scopes must all be granted by the token. Required.
	Scopes []string `json:"scopes"`
}

// Claims names the ID token's claims; a dot goes into nested objects.
type Claims struct {
	Email    string `json:"email,omitempty"`    // default "email"
	Groups   string `json:"groups,omitempty"`   // default "groups"
	Username string `json:"username,omitempty"` // default "preferred_username"
}

// UpstreamIdentity is how one kind of viewer is known to the wiki.
type UpstreamIdentity struct {
	// Identity is anonymous, service, header or passthrough.
	Identity string `json:"identity"`
	// Value is the service account's bearer token, or the header's name;
	// placeholders are filled in.
	Value string `json:"value,omitempty"`
	// JWT signs the user's name besides, under header. Default: not.
	JWT *UserJWT `json:"jwt,omitempty"`
}

var viewerKinds = map[string]rules.ViewerKind{
	"anonymous": rules.Anonymous, "none": rules.None, "external": rules.External, "internal": rules.Internal,
}

// identities resolves the configuration for each kind. What is not named takes
// the identity of externals, and that is anonymous if nothing is named: the
// least that there is.
func (a *App) identities(repl *caddy.Replacer) (map[rules.ViewerKind]gateway.Identity, error) {
	out := map[rules.ViewerKind]gateway.Identity{}
	for name, id := range a.UpstreamIdentity {
		if id == nil {
			return nil, fmt.Errorf("upstream_identity %s is empty", name)
		}
		value := repl.ReplaceAll(id.Value, "")
		switch id.Identity {
		case "anonymous", "passthrough":
			if value != "" {
				return nil, fmt.Errorf("upstream_identity %s: %s takes no value", name, id.Identity)
			}
		case "service":
			if value == "" {
				return nil, fmt.Errorf("upstream_identity %s: service needs the account's token (is the environment variable set?)", name)
			}
		case "header":
			if value == "" || strings.ContainsFunc(value, notHeaderName) {
				return nil, fmt.Errorf("upstream_identity %s: header needs a header's name of letters, digits and hyphens", name)
			}
			if name == "anonymous" {
				return nil, errors.New("upstream_identity anonymous: nobody's name can't be sent in a header")
			}
		default:
			return nil, fmt.Errorf("upstream_identity %s: %q is not one of anonymous, service, header, passthrough", name, id.Identity)
		}
		if id.JWT != nil && id.Identity != "header" {
			return nil, fmt.Errorf("upstream_identity %s: jwt goes with header alone", name)
		}
		if id.Identity == "passthrough" && name == "anonymous" {
			return nil, errors.New("upstream_identity anonymous: nobody has no session with the wiki")
		}
		got := gateway.Identity{Kind: rules.UpstreamIdentity(id.Identity), Value: value}
		if id.JWT != nil {
			var err error
			if got.Tokens, err = id.JWT.tokens(repl, a.site.String(), value); err != nil {
				return nil, fmt.Errorf("upstream_identity %s: jwt: %w", name, err)
			}
			a.signers = append(a.signers, signer{repl.ReplaceAll(id.JWT.Key, ""), got.Tokens})
		}
		if name == "" {
			for _, kind := range viewerKinds {
				if _, set := out[kind]; !set {
					out[kind] = got
				}
			}
			continue
		}
		kind, ok := viewerKinds[name]
		if !ok {
			return nil, fmt.Errorf("upstream_identity: %q is not one of internal, external, none, anonymous", name)
		}
		out[kind] = got
	}
	fallback, ok := out[rules.External]
	if !ok || fallback.Kind == "header" {
		fallback = gateway.Identity{Kind: "anonymous"}
	}
	for _, kind := range viewerKinds {
		if _, ok := out[kind]; !ok {
			out[kind] = fallback
		}
	}
	return out, nil
}

func notHeaderName(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-'
}

// parseBase reads an absolute http(s) address without query, fragment or user.
func parseBase(what, s string) (*url.URL, error) {
	if s == "" {
		return nil, fmt.Errorf("%s is missing", what)
	}
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("%s: %q is not an address like https://host/path", what, s)
	}
	return u, nil
}

// trial says that the site is plain http on loopback, where cookies can't be
// Secure; any other plain http site is refused.
func trial(site *url.URL) (bool, error) {
	if site.Scheme == "https" {
		return false, nil
	}
	host := site.Hostname()
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return true, nil
	}
	return false, fmt.Errorf("site %s: plain http is for trial on loopback only; use https", site)
}

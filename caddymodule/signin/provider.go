package signin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

const (
	callTimeout  = 10 * time.Second // for one call to a provider
	maxAnswer    = 1 << 20          // of one answer, in bytes
	maxHeader    = 64 << 10         // of its header
	metadataAge  = 12 * time.Hour   // after which metadata are read again
	firstBackoff = time.Second
	lastBackoff  = time.Minute
)

// allowedAlgs are the signature algorithms that we accept, ever: asymmetric
// ones. A provider's metadata may narrow them.
func allowedAlgs() []string {
	return []string{
		oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512,
		oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA,
	}
}

// idp is one provider with what is known of it so far.
type idp struct {
	Provider
	redirectURI string
	insecure    bool
	client      *http.Client
	now         func() time.Time
	metrics     Metrics
	backchannel *rate.Limiter

	flight singleflight.Group
	mu     sync.Mutex
	known  *metadata
	next   time.Time // when discovery may be tried again
	wait   time.Duration
	err    error // of the last try
}

// metadata is what discovery found.
type metadata struct {
	provider    *oidc.Provider
	verifier    *oidc.IDTokenVerifier // of ID tokens
	logout      *oidc.IDTokenVerifier // of logout tokens
	keys        keySource             // for what we asked the provider for
	pushed      keySource             // for what anybody can send
	auth        string                // how we say who we are at the token endpoint
	oauth       oauth2.Config
	endSession  *url.URL // nil: none
	issRequired bool     // RFC 9207 is advertised
	read        time.Time
}

func newIDP(p Provider, c *Config, origin string) *idp {
	return &idp{
		Provider: p, redirectURI: origin + c.Prefix + "/callback/" + p.Name,
		insecure: c.Insecure, client: limitedClient(c.HTTP), now: c.Now, metrics: c.Metrics,
		backchannel: rate.NewLimiter(20, 100),
	}
}

// context carries the HTTP client to the libraries, and a time limit.
func (p *idp) context(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(oidc.ClientContext(ctx, p.client), callTimeout)
}

// discover returns the provider's metadata, reading them at first use and then
// now and again. While a provider does not answer, it is asked ever more
// rarely, and what was known goes on being used.
func (p *idp) discover(ctx context.Context) (*metadata, error) {
	p.mu.Lock()
	known, now := p.known, p.now()
	fresh := known != nil && now.Sub(known.read) < metadataAge
	waiting, err := now.Before(p.next), p.err
	p.mu.Unlock()
	switch {
	case fresh:
		return known, nil
	case waiting && known != nil:
		return known, nil
	case waiting:
		return nil, fmt.Errorf("provider not asked again yet, last time: %w", err)
	}
	ch := p.flight.DoChan("", func() (any, error) {
		call, cancel := p.context(context.WithoutCancel(ctx))
		defer cancel()
		return p.readMetadata(call)
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case res := <-ch:
		if m, ok := res.Val.(*metadata); ok && m != nil {
			return m, nil
		}
		if known != nil {
			return known, nil
		}
		return nil, res.Err
	}
}

// cached returns the metadata if they are known, without a call.
func (p *idp) cached() *metadata {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known
}

func (p *idp) readMetadata(ctx context.Context) (*metadata, error) {
	m, err := p.discovery(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		p.wait = min(max(2*p.wait, firstBackoff), lastBackoff)
		p.next, p.err = p.now().Add(p.wait), err
		p.metrics.IDPError(p.Name, "discovery")
		return nil, err
	}
	p.known, p.next, p.wait, p.err = m, time.Time{}, 0, nil
	return m, nil
}

func (p *idp) discovery(ctx context.Context) (*metadata, error) {
	prov, err := oidc.NewProvider(ctx, p.Issuer)
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	if err := plainMetadata(prov); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	var doc struct {
		AuthMethods []string `json:"token_endpoint_auth_methods_supported"`
		Challenges  []string `json:"code_challenge_methods_supported"`
		Algs        []string `json:"id_token_signing_alg_values_supported"`
		JWKS        string   `json:"jwks_uri"`
		EndSession  string   `json:"end_session_endpoint"`
		Iss         bool     `json:"authorization_response_iss_parameter_supported"`
	}
	if err := prov.Claims(&doc); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	ep := prov.Endpoint()
	for _, raw := range []string{ep.AuthURL, ep.TokenURL, doc.JWKS} {
		if _, err := p.endpoint(raw); err != nil {
			return nil, fmt.Errorf("discovery: %w", err)
		}
	}
	if raw := prov.UserInfoEndpoint(); raw != "" {
		if _, err := p.endpoint(raw); err != nil {
			return nil, fmt.Errorf("discovery: %w", err)
		}
	}
	// RFC 9700 2.1.1: that the provider knows PKCE is the client's to make sure;
	// one that says nothing of it may.
	if doc.Challenges != nil && !slices.Contains(doc.Challenges, "S256") {
		return nil, errors.New("discovery: the provider knows PKCE (RFC 7636), but not its method S256")
	}
	algs := []string{oidc.RS256} // what OpenID Connect Core 15.1 has every provider do
	if len(doc.Algs) > 0 {
		algs = slices.DeleteFunc(allowedAlgs(), func(a string) bool { return !slices.Contains(doc.Algs, a) })
	}
	if len(algs) == 0 {
		return nil, fmt.Errorf("discovery: the provider signs by none of the algorithms that we accept")
	}
	set := &keySet{url: doc.JWKS, idp: p}
	for _, a := range algs {
		set.algs = append(set.algs, jose.SignatureAlgorithm(a))
	}
	m := &metadata{
		provider:    prov,
		keys:        set.asked(),
		pushed:      set.pushed(),
		auth:        p.authMethod(doc.AuthMethods),
		oauth:       oauth2.Config{ClientID: p.ClientID, Endpoint: ep, RedirectURL: p.redirectURI, Scopes: p.Scopes},
		issRequired: doc.Iss,
		read:        p.now(),
	}
	conf := &oidc.Config{ClientID: p.ClientID, SupportedSigningAlgs: algs, Now: p.now}
	m.verifier, m.logout = oidc.NewVerifier(p.Issuer, m.keys, conf), oidc.NewVerifier(p.Issuer, m.pushed, conf)
	if doc.EndSession != "" {
		if m.endSession, err = p.endpoint(doc.EndSession); err != nil {
			return nil, fmt.Errorf("discovery: %w", err)
		}
	}
	return m, nil
}

// plainMetadata refuses metadata in which a member is there twice, or twice but
// for its letters' case: the library would take the one that comes last.
func plainMetadata(prov *oidc.Provider) error {
	var raw json.RawMessage
	if err := prov.Claims(&raw); err != nil {
		return fmt.Errorf("metadata can't be read: %w", err)
	}
	members, err := readClaims(raw)
	if err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	for name := range members {
		if folded := strings.ToLower(strings.ToUpper(name)); folded != name { // as the library folds: K is also the Kelvin sign
			if _, twice := members[folded]; twice {
				return errors.New("metadata: a member is there twice, in two cases")
			}
		}
	}
	return nil
}

func (p *idp) endpoint(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || !secureURL(u, p.insecure) {
		return nil, errors.New("an endpoint is missing, or not an https URL")
	}
	return u, nil
}

// limitedClient copies a client so that it follows no redirect (a token
// request would take our secret along), takes no cookies, and reads bounded
// answers in bounded time.
func limitedClient(c *http.Client) *http.Client {
	out := http.Client{}
	if c != nil {
		out = *c
	}
	if out.Timeout == 0 {
		out.Timeout = callTimeout
	}
	out.Jar = nil
	out.CheckRedirect = func(*http.Request, []*http.Request) error { return errors.New("provider answered with a redirect") }
	base := out.Transport
	if base == nil {
		base = http.DefaultTransport
		if t, ok := base.(*http.Transport); ok {
			t = t.Clone()
			t.MaxResponseHeaderBytes = maxHeader
			base = t
		}
	}
	out.Transport = limitedTransport{base}
	return &out
}

type limitedTransport struct{ http.RoundTripper }

func (t limitedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = &limitedBody{ReadCloser: resp.Body, left: maxAnswer}
	}
	return resp, err
}

type limitedBody struct {
	io.ReadCloser
	left int64
}

func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("provider's answer is too large")
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}

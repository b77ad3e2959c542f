package idptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Hostile serves any number of providers, each below a path of its own, whose
// every word a test can bend. What is not bent is right. There is no sign-in
// page: Liar.Authorize does what a person and his browser would do there.
type Hostile struct {
	*httptest.Server
	RSA     *rsa.PrivateKey   // signs, by the kid "rsa"
	EC      *ecdsa.PrivateKey // in the key set by the kid "ec"
	Foreign *rsa.PrivateKey   // in no key set

	mu    sync.Mutex
	liars map[string]*Liar
}

// Lies are what a provider bends. The functions are called one at a time.
type Lies struct {
	Discovery func(doc map[string]any)
	Keys      func(keys []any) []any
	Claims    func(c map[string]any) // of ID tokens
	// Token makes the ID token of a payload, in place of Hostile.Sign.
	Token func(payload []byte) string
	// Answer is the token endpoint's, Userinfo the userinfo endpoint's.
	Answer, Userinfo func(a map[string]any)
	// Refresh is what a refresh answers besides Answer.
	Refresh func(a map[string]any)
	// Serve answers in place of an endpoint: discovery, keys, token, userinfo.
	Serve map[string]http.HandlerFunc
	// Now is the provider's clock; nil: time.Now.
	Now func() time.Time
}

// Liar is one provider of a Hostile's.
type Liar struct {
	h    *Hostile
	name string

	mu      sync.Mutex
	lies    Lies
	codes   map[string]grant
	refresh map[string]grant // by the token that is good now
	spent   map[string]bool
	log     []url.Values // forms that came to the token endpoint
}

// grant is what a code or refresh token stands for.
type grant struct{ nonce, challenge string }

// NewHostile starts the server. It panics if it can't, as it is for tests.
func NewHostile() *Hostile {
	h := &Hostile{liars: map[string]*Liar{}}
	var err error
	for _, k := range []**rsa.PrivateKey{&h.RSA, &h.Foreign} {
		if *k, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			panic(err)
		}
	}
	if h.EC, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		panic(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{idp}/.well-known/openid-configuration", h.to("discovery", (*Liar).discovery))
	mux.HandleFunc("GET /{idp}/keys", h.to("keys", (*Liar).keys))
	mux.HandleFunc("POST /{idp}/token", h.to("token", (*Liar).token))
	mux.HandleFunc("GET /{idp}/userinfo", h.to("userinfo", (*Liar).userinfo))
	h.Server = httptest.NewServer(mux)
	return h
}

// Provider adds a provider. The client is "postern" with the secret "s3cret/+ &".
func (h *Hostile) Provider(name string, lies Lies) *Liar {
	h.mu.Lock()
	defer h.mu.Unlock()
	l := &Liar{h: h, name: name, lies: lies, codes: map[string]grant{}, refresh: map[string]grant{}, spent: map[string]bool{}}
	h.liars[name] = l
	return l
}

// HostileSecret is the secret of the client "postern" at a Hostile's providers.
const HostileSecret = "s3cret/+ &"

func (h *Hostile) to(endpoint string, serve func(*Liar, http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		l := h.liars[r.PathValue("idp")]
		h.mu.Unlock()
		if l == nil {
			http.NotFound(w, r)
			return
		}
		_ = r.ParseForm() // what can't be read is a form of nothing
		l.mu.Lock()
		if endpoint == "token" {
			l.log = append(l.log, r.PostForm)
		}
		other := l.lies.Serve[endpoint]
		l.mu.Unlock()
		if other != nil {
			other(w, r)
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		serve(l, w, r)
	}
}

// Issuer is the provider's.
func (l *Liar) Issuer() string { return l.h.URL + "/" + l.name }

// Lie makes the provider bend other things from now on.
func (l *Liar) Lie(lies Lies) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lies = lies
}

// Asked gives the forms that came to the token endpoint, and forgets them.
func (l *Liar) Asked() []url.Values {
	l.mu.Lock()
	defer l.mu.Unlock()
	log := l.log
	l.log = nil
	return log
}

// Authorize takes a browser that was sent here, signs somebody in, and gives
// the parameters that the browser is sent back with.
func (l *Liar) Authorize(location string) (url.Values, error) {
	u, err := url.Parse(location)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	switch {
	case !strings.HasPrefix(location, l.Issuer()+"/authorize?"):
		return nil, fmt.Errorf("sent to %s", location)
	case q.Get("code_challenge_method") != "S256" || len(q.Get("code_challenge")) != 43:
		return nil, fmt.Errorf("no PKCE by S256 in %v", q)
	case q.Get("response_type") != "code" || len(q.Get("state")) < 43 || len(q.Get("nonce")) < 43:
		return nil, fmt.Errorf("not the code flow with state and nonce: %v", q)
	}
	code := rand.Text()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.codes[code] = grant{q.Get("nonce"), q.Get("code_challenge")}
	return url.Values{"state": {q.Get("state")}, "code": {code}}, nil
}

func (l *Liar) now() time.Time {
	if l.lies.Now != nil {
		return l.lies.Now()
	}
	return time.Now()
}

func (l *Liar) discovery(w http.ResponseWriter, _ *http.Request) {
	iss := l.Issuer()
	doc := map[string]any{
		"issuer": iss, "authorization_endpoint": iss + "/authorize", "token_endpoint": iss + "/token",
		"jwks_uri": iss + "/keys", "userinfo_endpoint": iss + "/userinfo", "end_session_endpoint": iss + "/out",
		"id_token_signing_alg_values_supported": []string{"RS256", "ES256", "HS256", "none"},
		"code_challenge_methods_supported":      []string{"plain", "S256"},
	}
	bend(l.lies.Discovery, doc)
	sendJSON(w, http.StatusOK, doc)
}

func (l *Liar) keys(w http.ResponseWriter, _ *http.Request) {
	keys := []any{
		jose.JSONWebKey{Key: l.h.RSA.Public(), KeyID: "rsa", Use: "sig"},
		jose.JSONWebKey{Key: l.h.EC.Public(), KeyID: "ec", Use: "sig"},
	}
	if l.lies.Keys != nil {
		keys = l.lies.Keys(keys)
	}
	sendJSON(w, http.StatusOK, map[string]any{"keys": keys})
}

func (l *Liar) token(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if _, byKey := r.PostForm["client_assertion"]; !byKey && (id != "postern" || secret != url.QueryEscape(HostileSecret)) {
		sendJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	g, ok := l.redeem(r.PostForm)
	if !ok {
		sendJSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": "<b>no</b>\r\nX-Evil: 1"})
		return
	}
	next := rand.Text()
	l.refresh[next] = g
	payload, _ := json.Marshal(l.payload(g.nonce))
	token := ""
	if l.lies.Token != nil {
		token = l.lies.Token(payload)
	} else {
		token = l.h.Sign(payload, "JWT")
	}
	a := map[string]any{"access_token": "at-" + rand.Text(), "token_type": "Bearer", "expires_in": 300, "id_token": token, "refresh_token": next}
	bend(l.lies.Answer, a)
	if r.PostForm.Get("grant_type") == "refresh_token" {
		bend(l.lies.Refresh, a)
	}
	sendJSON(w, http.StatusOK, a)
}

// redeem takes a code with its PKCE verifier, or a refresh token, once. A
// refresh token that comes a second time makes all others void.
func (l *Liar) redeem(form url.Values) (grant, bool) {
	switch form.Get("grant_type") {
	case "authorization_code":
		g, ok := l.codes[form.Get("code")]
		delete(l.codes, form.Get("code"))
		sum := sha256.Sum256([]byte(form.Get("code_verifier")))
		return g, ok && base64.RawURLEncoding.EncodeToString(sum[:]) == g.challenge
	case "refresh_token":
		had := form.Get("refresh_token")
		g, ok := l.refresh[had]
		if l.spent[had] {
			clear(l.refresh)
		}
		delete(l.refresh, had)
		l.spent[had] = true
		return g, ok
	}
	return grant{}, false
}

func (l *Liar) payload(nonce string) map[string]any {
	now := l.now().Unix()
	c := map[string]any{
		"iss": l.Issuer(), "aud": "postern", "sub": "sub-" + l.name, "nonce": nonce, "iat": now, "exp": now + 300, "sid": "sid-" + l.name,
		"email": "visitor@acme.example", "email_verified": true, "name": "Visitor", "preferred_username": "visitor", "groups": []string{"acme"},
	}
	bend(l.lies.Claims, c)
	return c
}

func (l *Liar) userinfo(w http.ResponseWriter, _ *http.Request) {
	a := map[string]any{"sub": "sub-" + l.name}
	bend(l.lies.Userinfo, a)
	sendJSON(w, http.StatusOK, a)
}

// AccessToken is a JWT for an audience (RFC 9068), signed by Hostile.Sign after
// it was bent.
func (l *Liar) AccessToken(audience string, bent func(c map[string]any)) string {
	return l.h.Sign(l.AccessClaims(audience, bent), "at+jwt")
}

// AccessClaims are the claims of AccessToken.
func (l *Liar) AccessClaims(audience string, bent func(c map[string]any)) []byte {
	now := time.Now().Unix()
	c := map[string]any{
		"iss": l.Issuer(), "aud": audience, "sub": "robot-" + l.name, "client_id": "robot", "iat": now, "exp": now + 300, "jti": rand.Text(),
		"scope": "wiki.read", "groups": []string{"acme"}, "email": "robot@acme.example", "email_verified": true,
	}
	bend(bent, c)
	payload, _ := json.Marshal(c)
	return payload
}

// LogoutToken is a logout token (OpenID Connect Back-Channel Logout 2.4), bent,
// signed as one.
func (l *Liar) LogoutToken(bent func(c map[string]any)) string {
	return l.h.Sign(l.LogoutClaims(bent), "logout+jwt")
}

// LogoutClaims are the claims of LogoutToken.
func (l *Liar) LogoutClaims(bent func(c map[string]any)) []byte {
	now := time.Now().Unix()
	c := map[string]any{
		"iss": l.Issuer(), "aud": "postern", "sub": "sub-" + l.name, "sid": "sid-" + l.name, "iat": now, "exp": now + 120, "jti": rand.Text(),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	bend(bent, c)
	payload, _ := json.Marshal(c)
	return payload
}

// Sign signs by the RSA key, RS256, for a typ.
func (h *Hostile) Sign(payload []byte, typ string) string {
	return SignJWT(payload, jose.RS256, h.RSA, "rsa", map[jose.HeaderKey]any{jose.HeaderType: typ})
}

// SignJWT signs anything by anything, with any further header. It panics if it
// can't.
func SignJWT(payload []byte, alg jose.SignatureAlgorithm, key any, kid string, header map[jose.HeaderKey]any) string {
	opts := &jose.SignerOptions{ExtraHeaders: header}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, opts)
	if err != nil {
		panic(err)
	}
	jws, err := s.Sign(payload)
	if err != nil {
		panic(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return raw
}

// Unsigned is a token with a header of one's own and no, or any, signature.
func Unsigned(header string, payload []byte, signature string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(header)) + "." + enc(payload) + "." + signature
}

func bend(by func(map[string]any), what map[string]any) {
	if by != nil {
		by(what)
	}
}

func sendJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

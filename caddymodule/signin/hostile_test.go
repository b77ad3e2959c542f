package signin_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-gateway/postern/caddymodule/signin"
)

// hostile is a provider that says what a test wants it to. Everything is right
// until a test bends it.
type hostile struct {
	*httptest.Server
	rsa     *rsa.PrivateKey
	ec      *ecdsa.PrivateKey
	ed      ed25519.PrivateKey
	foreign *rsa.PrivateKey // not in the key set

	mu        sync.Mutex
	clock     *clock // of the site under test; nil: none
	discovery func(doc map[string]any)
	keys      func(keys []any) []any
	claims    func(c map[string]any)
	token     func(payload []byte) string // in place of signing by the RSA key
	answer    func(a map[string]any)
	status    int // of the token endpoint
	userinfo  map[string]any
	nonce     string // of the sign-in under way
	challenge string
	exchanges int
	redeemed  bool
}

// testKeys are made once: they take their time.
var testKeys = sync.OnceValues(func() (keys [2]*rsa.PrivateKey, err error) {
	for i := range keys {
		if keys[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return keys, err
		}
	}
	return keys, nil
})

func newHostile(t testing.TB) *hostile {
	t.Helper()
	rsaKeys, err := testKeys()
	if err != nil {
		t.Fatal(err)
	}
	h := &hostile{rsa: rsaKeys[0], foreign: rsaKeys[1]}
	if h.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if _, h.ed, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", h.serveDiscovery)
	mux.HandleFunc("GET /keys", h.serveKeys)
	mux.HandleFunc("POST /token", h.serveToken)
	mux.HandleFunc("GET /userinfo", h.serveUserinfo)
	h.Server = httptest.NewServer(mux)
	t.Cleanup(h.Server.Close)
	return h
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

func (h *hostile) serveDiscovery(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	doc := map[string]any{
		"issuer": h.URL, "authorization_endpoint": h.URL + "/authorize", "token_endpoint": h.URL + "/token",
		"jwks_uri": h.URL + "/keys", "userinfo_endpoint": h.URL + "/userinfo",
		"id_token_signing_alg_values_supported": []string{"RS256", "ES256", "PS256", "EdDSA", "HS256", "none"},
	}
	if h.discovery != nil {
		h.discovery(doc)
	}
	reply(w, http.StatusOK, doc)
}

func (h *hostile) serveKeys(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	keys := []any{
		jose.JSONWebKey{Key: h.rsa.Public(), KeyID: "rsa", Use: "sig"},
		jose.JSONWebKey{Key: h.ec.Public(), KeyID: "ec", Use: "sig"},
		jose.JSONWebKey{Key: h.ed.Public(), KeyID: "ed", Use: "sig"},
	}
	if h.keys != nil {
		keys = h.keys(keys)
	}
	reply(w, http.StatusOK, map[string]any{"keys": keys})
}

func (h *hostile) serveToken(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.exchanges++
	id, secret, _ := r.BasicAuth()
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	switch {
	case h.status != 0:
		reply(w, h.status, map[string]any{"error": "invalid_grant", "error_description": "no"})
		return
	case id != "postern" || secret != url.QueryEscape("s3cret/+ &"),
		r.PostFormValue("code") != "the-code", r.PostFormValue("grant_type") != "authorization_code",
		base64.RawURLEncoding.EncodeToString(sum[:]) != h.challenge, h.redeemed:
		reply(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	h.redeemed = true
	payload, _ := json.Marshal(h.payload())
	token := ""
	if h.token != nil {
		token = h.token(payload)
	} else {
		token = sign(payload, jose.RS256, h.rsa, "rsa", "JWT")
	}
	a := map[string]any{"access_token": "the-access-token", "token_type": "Bearer", "expires_in": 300, "id_token": token}
	if h.answer != nil {
		h.answer(a)
	}
	reply(w, http.StatusOK, a)
}

// payload needs the lock.
func (h *hostile) payload() map[string]any {
	now := time.Now().Unix()
	if h.clock != nil {
		now = h.clock.Now().Unix()
	}
	c := map[string]any{
		"iss": h.URL, "aud": "postern", "sub": "sub-1", "nonce": h.nonce, "iat": now, "exp": now + 300, "sid": "sid-1",
		"email": "eva@acme.example", "email_verified": true, "name": "Eva A", "preferred_username": "eva", "groups": []string{"partners"},
	}
	if h.claims != nil {
		h.claims(c)
	}
	return c
}

func (h *hostile) serveUserinfo(w http.ResponseWriter, _ *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.userinfo == nil {
		reply(w, http.StatusInternalServerError, map[string]any{})
		return
	}
	reply(w, http.StatusOK, h.userinfo)
}

func sign(payload []byte, alg jose.SignatureAlgorithm, key any, kid, typ string) string {
	opts := &jose.SignerOptions{}
	if typ != "" {
		opts = opts.WithType(jose.ContentType(typ))
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, opts)
	if err != nil {
		panic(err)
	}
	jws, err := s.Sign(payload)
	if err != nil {
		panic(err)
	}
	out, err := jws.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return out
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func atHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// begin starts a sign-in and returns the state.
func (h *hostile) begin(t testing.TB, s *site, b browser, path string) string {
	t.Helper()
	p := b.get(s.URL + path)
	to, err := url.Parse(p.Header.Get("Location"))
	if err != nil || p.StatusCode != http.StatusFound || !strings.HasPrefix(to.String(), h.URL+"/authorize?") {
		t.Fatalf("sent to %s %q\n%s\n%s", p.Status, to, p.body, s.counts.logged())
	}
	q := to.Query()
	if q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" || q.Get("redirect_uri") != s.URL+"/.postern/callback/corp" {
		t.Errorf("authorization request %v", q)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock = s.clock
	h.nonce, h.challenge, h.redeemed = q.Get("nonce"), q.Get("code_challenge"), false
	return q.Get("state")
}

// TestRefusals is the list of what must not sign anybody in, one reason each.
func TestRefusals(t *testing.T) {
	type bend struct {
		idp      func(h *hostile)
		provider func(p *signin.Provider)
		callback func(h *hostile, q url.Values)
		result   string
		reason   string
	}
	claim := func(name string, v any) bend {
		return bend{idp: func(h *hostile) {
			h.claims = func(c map[string]any) {
				if v == nil {
					delete(c, name)
				} else {
					c[name] = v
				}
			}
		}, result: "bad_token"}
	}
	unknownGroups := func(v any) bend {
		b := claim("groups", v)
		b.result, b.reason = "overage", "groups"
		return b
	}
	because := func(b bend, reason string) bend { b.reason = reason; return b }
	token := func(f func(h *hostile, payload []byte) string, reason string) bend {
		return bend{idp: func(h *hostile) { h.token = func(p []byte) string { return f(h, p) } }, result: "bad_token", reason: reason}
	}
	query := func(f func(h *hostile, q url.Values), result, reason string) bend {
		return bend{callback: f, result: result, reason: reason}
	}
	now := time.Now().Unix()
	for name, tt := range map[string]bend{
		// The token's signature and form.
		"alg none": token(func(_ *hostile, p []byte) string {
			return b64(`{"alg":"none","typ":"JWT"}`) + "." + b64(string(p)) + "."
		}, "algorithm"),
		"alg HS256 with the client's secret": token(func(_ *hostile, p []byte) string {
			return sign(p, jose.HS256, []byte("s3cret/+ &"+strings.Repeat("\x00", 32)), "rsa", "JWT")
		}, "algorithm"),
		"alg HS256 with the public key": token(func(h *hostile, p []byte) string {
			return sign(p, jose.HS256, h.rsa.N.Bytes(), "rsa", "JWT")
		}, "algorithm"),
		"alg not advertised": token(func(h *hostile, p []byte) string { return sign(p, jose.RS512, h.rsa, "rsa", "JWT") }, "algorithm"),
		"key not in the set": token(func(h *hostile, p []byte) string { return sign(p, jose.RS256, h.foreign, "rsa", "JWT") }, "signature"),
		"key in the header": token(func(h *hostile, p []byte) string {
			s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: h.foreign}, &jose.SignerOptions{EmbedJWK: true})
			if err != nil {
				panic(err)
			}
			j, err := s.Sign(p)
			if err != nil {
				panic(err)
			}
			out, _ := j.CompactSerialize()
			return out
		}, "signature"),
		"payload changed": token(func(h *hostile, p []byte) string {
			parts := strings.Split(sign(p, jose.RS256, h.rsa, "rsa", "JWT"), ".")
			return parts[0] + "." + b64(strings.Replace(string(p), "sub-1", "sub-2", 1)) + "." + parts[2]
		}, "signature"),
		"a logout token": token(func(h *hostile, p []byte) string { return sign(p, jose.RS256, h.rsa, "rsa", "logout+jwt") }, "header"),
		"an access token": token(func(h *hostile, p []byte) string {
			return sign(p, jose.RS256, h.rsa, "rsa", "application/at+jwt")
		}, "header"),
		"encrypted, or five parts": token(func(*hostile, []byte) string { return "a.b.c.d.e" }, "header"),
		"JSON serialization": token(func(h *hostile, p []byte) string {
			s, _ := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: h.rsa}, nil)
			j, _ := s.Sign(p)
			return j.FullSerialize()
		}, "header"),
		"too large": token(func(h *hostile, p []byte) string {
			return sign(append(p, bytes.Repeat([]byte(" "), 80<<10)...), jose.RS256, h.rsa, "rsa", "JWT")
		}, "header"),
		"a claim twice": token(func(h *hostile, p []byte) string {
			p = append(bytes.TrimSuffix(p, []byte("}")), `,"sub":"sub-2"}`...)
			return sign(p, jose.RS256, h.rsa, "rsa", "JWT")
		}, "claims"),
		"claims not an object": token(func(h *hostile, _ []byte) string { return sign([]byte(`[]`), jose.RS256, h.rsa, "rsa", "JWT") }, "claims"),

		// Its claims.
		"other issuer":              because(claim("iss", "https://evil.example"), "issuer"),
		"other audience":            because(claim("aud", "somebody"), "audience"),
		"no audience":               because(claim("aud", nil), "audience"),
		"several audiences, no azp": because(claim("aud", []string{"postern", "other"}), "azp"),
		"azp of another":            because(claim("azp", "other"), "azp"),
		"azp not a string":          because(claim("azp", 7), "azp"),
		"expired":                   because(claim("exp", now-1), "expired"),
		"no exp":                    because(claim("exp", nil), "expired"),
		"issued long ago":           because(claim("iat", now-3600), "iat"),
		"issued in the future":      because(claim("iat", now+3600), "iat"),
		"no iat":                    because(claim("iat", nil), "iat"),
		"not valid yet":             because(claim("nbf", now+200), "nbf"),
		"other nonce":               because(claim("nonce", "other"), "nonce"),
		"no nonce":                  because(claim("nonce", nil), "nonce"),
		"no sub":                    because(claim("sub", nil), "sub"),
		"empty sub":                 because(claim("sub", ""), "sub"),
		"long sub":                  because(claim("sub", strings.Repeat("x", 256)), "sub"),
		"sub with a newline":        because(claim("sub", "a\nb"), "sub"),
		"sub a number":              because(claim("sub", 1), "claims"),
		"a security event":          because(claim("events", map[string]any{}), "kind"),
		"other at_hash":             because(claim("at_hash", atHash("another")), "at_hash"),
		"empty at_hash":             because(claim("at_hash", ""), "at_hash"),
		"iss by another case": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { c["ISS"] = c["iss"]; c["iss"] = "https://evil.example" }
		}, result: "bad_token", reason: "issuer"},

		// Groups that are unknown.
		"groups elsewhere": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) {
				delete(c, "groups")
				c["_claim_names"] = map[string]any{"groups": "src1"}
				c["_claim_sources"] = map[string]any{"src1": map[string]any{"endpoint": h.URL + "/graph"}}
			}
		}, result: "overage", reason: "groups"},
		"groups elsewhere by a path": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) {
				delete(c, "groups")
				c["_claim_names"] = map[string]any{"realm": "src1"}
				c["_claim_sources"] = map[string]any{"src1": map[string]any{"endpoint": h.URL + "/graph"}}
			}
		}, provider: func(p *signin.Provider) { p.Claims.Groups = "realm.roles" }, result: "overage", reason: "groups"},
		"hasgroups in place of groups": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { delete(c, "groups"); c["hasgroups"] = true }
			h.userinfo = map[string]any{"sub": "sub-1"}
		}, result: "overage", reason: "groups"},
		"more groups than can be": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { c["groups"] = strings.Split(strings.Repeat("g ", 5000), " ") }
		}, result: "overage", reason: "groups"},
		"groups a string":                  unknownGroups("staff"),
		"groups an object":                 unknownGroups(map[string]any{"staff": true}),
		"groups a number":                  unknownGroups(1),
		"groups a mixture":                 unknownGroups([]any{"staff", 1}),
		"groups with null":                 unknownGroups([]any{"staff", nil}),
		"a group with a control character": unknownGroups([]any{"staff", "a\nb"}),
		"a group's name too long":          unknownGroups([]any{"staff", strings.Repeat("x", 600)}),
		"groups below what is no object": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { c["realm"] = "roles" }
			h.userinfo = map[string]any{"sub": "sub-1"}
		}, provider: func(p *signin.Provider) { p.Claims.Groups = "realm.roles" }, result: "overage", reason: "groups"},
		"groups below an object with two readings": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { c["realm"] = json.RawMessage(`{"roles":["a"],"roles":[]}`) }
			h.userinfo = map[string]any{"sub": "sub-1"}
		}, provider: func(p *signin.Provider) { p.Claims.Groups = "realm.roles" }, result: "overage", reason: "groups"},

		// Userinfo.
		"userinfo of another person": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { delete(c, "groups") }
			h.userinfo = map[string]any{"sub": "sub-2", "groups": []string{"staff"}}
		}, result: "bad_token", reason: "userinfo_sub"},
		"userinfo fails": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { delete(c, "groups") }
		}, result: "idp_error", reason: "userinfo"},

		// The token endpoint.
		"code refused":        {idp: func(h *hostile) { h.status = http.StatusBadRequest }, result: "idp_refused", reason: "grant"},
		"token endpoint down": {idp: func(h *hostile) { h.status = http.StatusBadGateway }, result: "idp_error", reason: "token"},
		"no ID token":         {idp: func(h *hostile) { h.answer = func(a map[string]any) { delete(a, "id_token") } }, result: "bad_token", reason: "missing"},
		"no access token":     {idp: func(h *hostile) { h.answer = func(a map[string]any) { delete(a, "access_token") } }, result: "idp_error", reason: "token"},
		"huge answer":         {idp: func(h *hostile) { h.answer = func(a map[string]any) { a["x"] = strings.Repeat("x", 2<<20) } }, result: "idp_error", reason: "token"},
		"no keys":             {idp: func(h *hostile) { h.keys = func([]any) []any { return nil } }, result: "bad_token", reason: "signature"},
		"key set is nonsense": {idp: func(h *hostile) { h.keys = func([]any) []any { return []any{7} } }, result: "idp_error", reason: "keys"},

		// The callback.
		"no state":         query(func(_ *hostile, q url.Values) { q.Del("state") }, "bad_request", "state"),
		"odd state":        query(func(_ *hostile, q url.Values) { q.Set("state", "1' OR 1=1") }, "bad_request", "state"),
		"unknown state":    query(func(_ *hostile, q url.Values) { q.Set("state", strings.Repeat("A", 43)) }, "bad_flow", "state"),
		"state twice":      query(func(_ *hostile, q url.Values) { q.Add("state", q.Get("state")) }, "bad_request", "query"),
		"no code":          query(func(_ *hostile, q url.Values) { q.Del("code") }, "idp_refused", "no_code"),
		"code twice":       query(func(_ *hostile, q url.Values) { q.Add("code", "the-code") }, "bad_request", "query"),
		"other code":       query(func(_ *hostile, q url.Values) { q.Set("code", "another") }, "idp_refused", "grant"),
		"huge query":       query(func(_ *hostile, q url.Values) { q.Set("x", strings.Repeat("x", 20<<10)) }, "bad_request", "query"),
		"access denied":    query(func(_ *hostile, q url.Values) { q.Set("error", "access_denied") }, "idp_refused", "access_denied"),
		"error of its own": query(func(_ *hostile, q url.Values) { q.Set("error", "<script>\n") }, "idp_refused", "other"),
		"iss of another":   query(func(_ *hostile, q url.Values) { q.Set("iss", "https://evil.example") }, "bad_request", "iss"),
		"iss empty":        query(func(_ *hostile, q url.Values) { q.Set("iss", "") }, "bad_request", "iss"),
		"iss with a slash": query(func(h *hostile, q url.Values) { q.Set("iss", h.URL+"/") }, "bad_request", "iss"),
		"iss missing though advertised": {idp: func(h *hostile) {
			h.discovery = func(d map[string]any) { d["authorization_response_iss_parameter_supported"] = true }
		}, result: "bad_request", reason: "iss"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t)
			p := provider("corp", h.URL)
			if tt.provider != nil {
				tt.provider(&p)
			}
			if tt.idp != nil {
				tt.idp(h)
			}
			s := newSite(t, nil, p)
			b := newBrowser(t, false)
			q := url.Values{"state": {h.begin(t, s, b, "/x")}, "code": {"the-code"}}
			if tt.callback != nil {
				tt.callback(h, q)
			}
			pg := b.get(s.URL + "/.postern/callback/corp?" + q.Encode())
			if pg.StatusCode < 400 || b.cookie(s.URL, "postern") != "" {
				t.Errorf("answered %s", pg.Status)
			}
			if got, why := s.counts.last(), s.counts.reason(); got != tt.result || why != tt.reason {
				t.Errorf("refused as %s, %s, want %s, %s\n%s", got, why, tt.result, tt.reason, s.counts.logged())
			}
			for _, secret := range []string{"the-code", "the-access-token", "s3cret", "eva@acme", q.Get("state")} {
				if secret != "" && (strings.Contains(s.counts.logged(), secret) || strings.Contains(pg.body, secret)) {
					t.Errorf("%q stands in the log or the page", secret)
				}
			}
			// And nothing of it stays: the state is used up.
			n, err := s.store.CountSessions(t.Context(), time.Now())
			if n != 0 || err != nil {
				t.Errorf("%d sessions, %v", n, err)
			}
		})
	}
}

// TestAcceptances is the same machinery unbent, so that the refusals prove
// something, and the algorithms and shapes that must work.
func TestAcceptances(t *testing.T) {
	for name, tt := range map[string]struct {
		idp      func(h *hostile)
		provider func(p *signin.Provider)
		callback func(h *hostile, q url.Values)
		want     string // in what the site says of the viewer
		not      string
	}{
		"plain": {want: `"Email":"eva@acme.example","EmailVerified":true,"Groups":["partners"]`},
		"ES256": {idp: func(h *hostile) { h.token = func(p []byte) string { return sign(p, jose.ES256, h.ec, "ec", "JWT") } }},
		"EdDSA": {idp: func(h *hostile) { h.token = func(p []byte) string { return sign(p, jose.EdDSA, h.ed, "ed", "") } }},
		"PS256": {idp: func(h *hostile) { h.token = func(p []byte) string { return sign(p, jose.PS256, h.rsa, "rsa", "jwt") } }},
		"no kid": {idp: func(h *hostile) {
			h.token = func(p []byte) string { return sign(p, jose.RS256, h.rsa, "", "application/jwt") }
		}},
		"at_hash": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { c["at_hash"] = atHash("the-access-token") }
		}},
		"several audiences with azp": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { c["aud"], c["azp"] = []string{"other", "postern"}, "postern" }
		}},
		"iss in the callback": {callback: func(h *hostile, q url.Values) { q.Set("iss", h.URL) }},
		"keys of unknown kinds beside ours": {idp: func(h *hostile) {
			h.keys = func(k []any) []any {
				return append([]any{map[string]any{"kty": "OKP", "crv": "X448", "x": "AA", "kid": "rsa"}}, k...)
			}
		}},
		"email_verified a string": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { c["email_verified"] = "true" }
		}, want: `"EmailVerified":false`},
		"email_verified a number": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { c["email_verified"] = 1 }
		}, want: `"EmailVerified":false`},
		"email_verified missing": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { delete(c, "email_verified") }
		}, want: `"EmailVerified":false`},
		"email_verified of userinfo beside an address of the token": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { delete(c, "email_verified"); delete(c, "groups") }
			h.userinfo = map[string]any{"sub": "sub-1", "email": "ceo@corp.example", "email_verified": true}
		}, want: `"Email":"eva@acme.example","EmailVerified":false`},
		"two addresses in one": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { c["email"] = "eva@acme.example, ceo@corp.example" }
			h.userinfo = map[string]any{"sub": "sub-1"}
		}, want: `"Email":"","EmailVerified":false`},
		"address with two at signs": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { c["email"] = `"ceo@corp.example"@acme.example` }
		}, want: `"Email":"","EmailVerified":false`},
		"address with a name": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { c["email"] = `CEO <ceo@corp.example>` }
		}, want: `"Email":"","EmailVerified":false`},
		"groups missing": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { delete(c, "groups") }
			h.userinfo = map[string]any{"sub": "sub-1"}
		}, want: `"Groups":null`},
		"groups of userinfo": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { delete(c, "groups") }
			h.userinfo = map[string]any{"sub": "sub-1", "groups": []string{"pilots"}}
		}, want: `"Groups":["pilots"]`},
		"empty groups of the token win": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { c["groups"] = []string{}; delete(c, "name") }
			h.userinfo = map[string]any{"sub": "sub-1", "groups": []string{"staff"}}
		}, want: `"Groups":null`},
		"groups by a path": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { c["realm_access"] = map[string]any{"roles": []string{"nested"}} }
		}, provider: func(p *signin.Provider) { p.Claims.Groups = "realm_access.roles" }, want: `"Groups":["nested"]`},
		"a claim with dots in its name": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { c["https://acme.example/groups"] = []string{"dotted"} }
		}, provider: func(p *signin.Provider) { p.Claims.Groups = "https://acme.example/groups" }, want: `"Groups":["dotted"]`},
		"name with a control character": {idp: func(h *hostile) {
			h.claims = func(c map[string]any) { c["name"] = "Eva\r\nX-Evil: 1" }
			h.userinfo = map[string]any{"sub": "sub-1"}
		}, want: `"DisplayName":""`},
		"secret in the body": {idp: func(h *hostile) {
			h.discovery = func(d map[string]any) {
				d["token_endpoint_auth_methods_supported"] = []string{"client_secret_basic", "client_secret_post"}
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t)
			p := provider("corp", h.URL)
			if tt.provider != nil {
				tt.provider(&p)
			}
			if tt.idp != nil {
				tt.idp(h)
			}
			s := newSite(t, nil, p)
			b := newBrowser(t, false)
			q := url.Values{"state": {h.begin(t, s, b, "/x")}, "code": {"the-code"}}
			if tt.callback != nil {
				tt.callback(h, q)
			}
			pg := b.get(s.URL + "/.postern/callback/corp?" + q.Encode())
			if pg.StatusCode != http.StatusFound || pg.Header.Get("Location") != s.URL+"/x" {
				t.Fatalf("answered %s %s\n%s", pg.Status, pg.Header.Get("Location"), s.counts.logged())
			}
			pg = b.get(s.URL + "/x")
			if !strings.Contains(pg.body, tt.want) || !strings.Contains(pg.body, `"Subject":"sub-1"`) {
				t.Errorf("viewer is %s, want %s in it", pg.body, tt.want)
			}
		})
	}
}

func TestBadDiscovery(t *testing.T) {
	for name, bend := range map[string]func(d map[string]any){
		"other issuer":        func(d map[string]any) { d["issuer"] = "https://evil.example" },
		"issuer with a slash": func(d map[string]any) { d["issuer"] = d["issuer"].(string) + "/" },
		"no keys":             func(d map[string]any) { delete(d, "jwks_uri") },
		"no token endpoint":   func(d map[string]any) { delete(d, "token_endpoint") },
		"plain http endpoint": func(d map[string]any) { d["token_endpoint"] = "http://idp.example/token" },
		"script as endpoint":  func(d map[string]any) { d["authorization_endpoint"] = "javascript:alert(1)" },
		"only HMAC":           func(d map[string]any) { d["id_token_signing_alg_values_supported"] = []string{"HS256", "none"} },
		"plain http sign-out": func(d map[string]any) { d["end_session_endpoint"] = "http://idp.example/out" },
		"too large":           func(d map[string]any) { d["x"] = strings.Repeat("x", 2<<20) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t)
			h.discovery = bend
			s := newSite(t, nil, provider("corp", h.URL))
			b := newBrowser(t, false)
			p := b.get(s.URL + "/")
			if p.StatusCode != http.StatusServiceUnavailable || s.counts.reason() != "discovery" {
				t.Errorf("answered %s\n%s", p.Status, s.counts.logged())
			}
			// It recovers, though not at once.
			h.mu.Lock()
			h.discovery = nil
			h.mu.Unlock()
			if p := b.get(s.URL + "/"); p.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("the provider was asked again at once: %s", p.Status)
			}
			s.clock.Add(2 * time.Second)
			h.begin(t, s, b, "/")
		})
	}
}

func TestRedirectsOfTheProvider(t *testing.T) {
	h := newHostile(t)
	evil := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("our secret went to another host: %v", r.Header["Authorization"])
	}))
	defer evil.Close()
	away := httptest.NewServer(http.RedirectHandler(evil.URL, http.StatusTemporaryRedirect))
	defer away.Close()
	h.discovery = func(d map[string]any) { d["token_endpoint"] = away.URL }
	s := newSite(t, nil, provider("corp", h.URL))
	b := newBrowser(t, false)
	b.get(s.URL + "/.postern/callback/corp?code=the-code&state=" + h.begin(t, s, b, "/"))
	if s.counts.last() != "idp_error" {
		t.Errorf("counted %s", s.counts.last())
	}
}

package signin_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-gateway/postern/caddymodule/signin"
)

const apiAudience = "https://extranet.example/api"

func bearerProvider(h *hostile) signin.Provider {
	p := provider("corp", h.URL)
	p.Bearer = &signin.Bearer{Audience: apiAudience, Scopes: []string{"wiki.read"}}
	return p
}

// accessToken makes one that is right until change bends it.
func (h *hostile) accessToken(change func(c map[string]any), typ string) string {
	now := time.Now().Unix()
	c := map[string]any{
		"iss": h.URL, "aud": []string{"other", apiAudience}, "sub": "sub-1", "client_id": "robot", "iat": now, "exp": now + 300,
		"jti": "j", "scope": "openid wiki.read", "email": "eva@acme.example", "email_verified": true, "groups": []string{"partners"},
	}
	if change != nil {
		change(c)
	}
	payload, _ := json.Marshal(c)
	return sign(payload, jose.RS256, h.rsa, "rsa", typ)
}

func bearerGet(b browser, s *site, token string, header ...string) page {
	return b.get(s.URL+"/x", append([]string{"Authorization", "Bearer " + token}, header...)...)
}

// TestBearerRefusals is RFC 9068 section 4 and RFC 8725 section 3, item by item.
func TestBearerRefusals(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, bearerProvider(h))
	b := newBrowser(t, false)
	now := time.Now().Unix()
	set := func(name string, v any) func(c map[string]any) {
		return func(c map[string]any) {
			if v == nil {
				delete(c, name)
			} else {
				c[name] = v
			}
		}
	}
	resign := func(f func(payload []byte) string) string {
		parts := strings.Split(h.accessToken(nil, "at+jwt"), ".")
		return f(unb64(t, parts[1]))
	}
	for name, tt := range map[string]struct {
		claims func(c map[string]any)
		typ    string // empty: at+jwt
		token  string
		status int // 0: 401
		code   string
	}{
		"other issuer":            {claims: set("iss", "https://evil.example")},
		"issuer with a slash":     {claims: set("iss", h.URL+"/")},
		"no issuer":               {claims: set("iss", nil)},
		"other audience":          {claims: set("aud", "other")},
		"client id as audience":   {claims: set("aud", "postern")},
		"no audience":             {claims: set("aud", nil)},
		"audience with a number":  {claims: set("aud", []any{apiAudience, 1})},
		"expired":                 {claims: set("exp", now-1)},
		"no exp":                  {claims: set("exp", nil)},
		"exp a string":            {claims: set("exp", "9999999999")},
		"no iat":                  {claims: set("iat", nil)},
		"issued in the future":    {claims: set("iat", now+120)},
		"issued too long ago":     {claims: set("iat", now-13*3600)},
		"not valid yet":           {claims: set("nbf", now+120)},
		"nbf a string":            {claims: set("nbf", "1")},
		"no sub":                  {claims: set("sub", nil)},
		"sub a number":            {claims: set("sub", 1)},
		"sub with a NUL":          {claims: set("sub", "a\x00b")},
		"groups left out":         {claims: func(c map[string]any) { delete(c, "groups"); c["hasgroups"] = true }},
		"nonce of an ID token":    {claims: set("nonce", "n")},
		"at_hash of an ID token":  {claims: set("at_hash", "n")},
		"typ claim of an ID":      {claims: set("typ", "ID")},
		"a refresh token":         {claims: set("typ", "Refresh")},
		"events":                  {claims: set("events", map[string]any{})},
		"typ of a logout token":   {typ: "logout+jwt"},
		"typ unknown":             {typ: "dpop+jwt"},
		"no scope":                {claims: set("scope", nil), status: 403, code: "insufficient_scope"},
		"other scope":             {claims: set("scope", "wiki.readx openid"), status: 403, code: "insufficient_scope"},
		"scope a list":            {claims: set("scope", []string{"wiki.read"}), status: 403, code: "insufficient_scope"},
		"scope in another case":   {claims: set("scope", "WIKI.READ"), status: 403, code: "insufficient_scope"},
		"not a token":             {token: "abc"},
		"no signature":            {token: "a.b."},
		"key not in the set":      {token: resign(func(p []byte) string { return sign(p, jose.RS256, h.foreign, "rsa", "at+jwt") })},
		"HS256 by the public key": {token: resign(func(p []byte) string { return sign(p, jose.HS256, h.rsa.N.Bytes(), "rsa", "at+jwt") })},
		"alg none":                {token: resign(func(p []byte) string { return b64(`{"alg":"none","typ":"at+jwt"}`) + "." + b64(string(p)) + "." })},
		"a claim twice": {token: resign(func(p []byte) string {
			return sign(append(bytes.TrimSuffix(p, []byte("}")), `,"sub":"sub-2"}`...), jose.RS256, h.rsa, "rsa", "at+jwt")
		})},
		"too large": {token: strings.Repeat("a", 70<<10), status: 400, code: "invalid_request"},
		"empty":     {token: " ", status: 400, code: "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			token := tt.token
			if token == "" {
				token = h.accessToken(tt.claims, cmp.Or(tt.typ, "at+jwt"))
			}
			if tt.status == 0 {
				tt.status, tt.code = http.StatusUnauthorized, "invalid_token"
			}
			p := bearerGet(b, s, token, "Sec-Fetch-Mode", "navigate")
			if got := p.Header.Get("WWW-Authenticate"); p.StatusCode != tt.status || !strings.HasPrefix(got, `Bearer realm="postern", error="`+tt.code+`"`) ||
				p.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("answered %s, %s: %s\n%s", p.Status, got, p.body, s.counts.logged())
			}
			if n, err := s.store.CountSessions(t.Context(), time.Now()); n != 0 || err != nil {
				t.Errorf("%d sessions, %v", n, err)
			}
		})
	}
}

func TestBearer(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, bearerProvider(h))
	b := newBrowser(t, false)
	tokens := map[string]string{
		"at+jwt":             h.accessToken(nil, "at+jwt"),
		"application/at+jwt": h.accessToken(nil, "application/at+jwt"),
		"JWT, typ Bearer":    h.accessToken(func(c map[string]any) { c["typ"] = "Bearer" }, "JWT"),
		"one audience":       h.accessToken(func(c map[string]any) { c["aud"] = apiAudience }, ""),
		"scp a list":         h.accessToken(func(c map[string]any) { delete(c, "scope"); c["scp"] = []string{"wiki.read"} }, "at+jwt"),
	}
	for name, token := range tokens {
		for range 2 { // verified, and then from memory
			if p := bearerGet(b, s, token); p.StatusCode != http.StatusOK || !strings.Contains(p.body, `"Subject":"sub-1"`) || !strings.Contains(p.body, `"Groups":["partners"]`) {
				t.Fatalf("%s: %s %s\n%s", name, p.Status, p.body, s.counts.logged())
			}
		}
	}
	token := tokens["at+jwt"]
	if p := b.get(s.URL+"/x?access_token="+token, "Accept", "application/json"); p.StatusCode != http.StatusUnauthorized {
		t.Errorf("a token in the query: %s", p.Status)
	}
	if p := bearerGet(b, s, token, "Cookie", "postern="+strings.Repeat("A", 43)); p.StatusCode != http.StatusBadRequest {
		t.Errorf("a cookie beside the token: %s", p.Status)
	}
	// Revoked: at once, and for tokens from before.
	if err := s.rp.Revoke(t.Context(), "corp", "sub-1"); err != nil {
		t.Fatal(err)
	}
	for name, token := range tokens {
		if p := bearerGet(b, s, token); p.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s after the viewer was revoked: %s", name, p.Status)
		}
	}
	s.clock.Add(301 * time.Second)
	if p := bearerGet(b, s, h.accessToken(func(c map[string]any) { c["sub"] = "sub-2" }, "at+jwt")); p.StatusCode != http.StatusUnauthorized {
		t.Errorf("after its time: %s", p.Status)
	}
}

// TestBearerExpires shows that memory outlives no token.
func TestBearerExpires(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, bearerProvider(h))
	b := newBrowser(t, false)
	token := h.accessToken(nil, "at+jwt")
	for _, want := range []int{http.StatusOK, http.StatusUnauthorized} {
		if p := bearerGet(b, s, token); p.StatusCode != want {
			t.Fatalf("answered %s, want %d", p.Status, want)
		}
		s.clock.Add(301 * time.Second)
	}
}

// TestBearerNotTaken: without configuration no token opens anything, and ID
// tokens are none.
func TestBearerNotTaken(t *testing.T) {
	h := newHostile(t)
	plain := newSite(t, nil, provider("corp", h.URL))
	b := newBrowser(t, false)
	if p := bearerGet(b, plain, h.accessToken(nil, "at+jwt")); p.StatusCode != http.StatusUnauthorized {
		t.Errorf("answered %s", p.Status)
	}
	s := newSite(t, nil, bearerProvider(h))
	h.mu.Lock()
	payload, _ := json.Marshal(h.payload())
	h.mu.Unlock()
	if p := bearerGet(b, s, sign(payload, jose.RS256, h.rsa, "rsa", "JWT")); p.StatusCode != http.StatusUnauthorized {
		t.Errorf("an ID token opens the API: %s", p.Status)
	}
}

func TestBearerConfig(t *testing.T) {
	for name, bad := range map[string]*signin.Bearer{
		"no audience":        {Scopes: []string{"a"}},
		"the client as such": {Audience: "postern", Scopes: []string{"a"}},
		"no scope":           {Audience: "api"},
		"scope of two words": {Audience: "api", Scopes: []string{"a b"}},
		"scope with a quote": {Audience: "api", Scopes: []string{`a"`}},
	} {
		p := provider("corp", "https://idp.example")
		p.Bearer = bad
		if err := p.Check(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestKeyStorm: tokens that anybody can send, each naming another key, make us
// ask the provider a few times and no more, and do not keep a sign-in from
// finding new keys.
func TestKeyStorm(t *testing.T) {
	h := newHostile(t)
	var fetched int
	h.keys = func(k []any) []any { fetched++; return k }
	s := newSite(t, nil, bearerProvider(h))
	b := newBrowser(t, false)
	for i := range 200 {
		token := resignKid(h, "kid-"+strings.Repeat("x", i%50))
		if p := bearerGet(b, s, token); p.StatusCode != http.StatusUnauthorized && p.StatusCode != http.StatusServiceUnavailable {
			t.Fatalf("answered %s", p.Status)
		}
	}
	h.mu.Lock()
	if fetched > 5 {
		t.Errorf("the key set was read %d times", fetched)
	}
	// The keys rotate.
	h.keys = func(k []any) []any {
		return []any{jose.JSONWebKey{Key: h.foreign.Public(), KeyID: "new", Use: "sig"}}
	}
	h.token = func(p []byte) string { return sign(p, jose.RS256, h.foreign, "new", "JWT") }
	h.mu.Unlock()
	p := b.get(s.URL + "/.postern/callback/corp?code=the-code&state=" + h.begin(t, s, b, "/x"))
	if p.StatusCode != http.StatusFound || slices.Contains(s.counts.results, "bad_token") {
		t.Errorf("new keys are not found: %s\n%s", p.Status, s.counts.logged())
	}
}

func resignKid(h *hostile, kid string) string {
	payload, _ := json.Marshal(map[string]any{"iss": h.URL, "aud": apiAudience, "sub": "x"})
	return sign(payload, jose.RS256, h.foreign, kid, "at+jwt")
}

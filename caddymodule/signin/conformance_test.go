package signin_test

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-gateway/postern/caddymodule/signin"
)

// rawSign signs by the RSA key with any header.
func (h *hostile) rawSign(header map[string]any, payload []byte) string {
	opts := &jose.SignerOptions{ExtraHeaders: map[jose.HeaderKey]any{}}
	for k, v := range header {
		opts.ExtraHeaders[jose.HeaderKey(k)] = v
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: h.rsa}, opts)
	if err != nil {
		panic(err)
	}
	j, err := s.Sign(payload)
	if err != nil {
		panic(err)
	}
	out, err := j.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return out
}

func sha512Half(s string) string {
	sum := sha512.Sum512([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:32])
}

// TestConformance is the rest of what the OpenID relying party tests, RFC 8725
// and RFC 9700 ask for, by the names of their items; TestRefusals and
// TestAcceptances have what they do not name here. An empty want is a sign-in.
func TestConformance(t *testing.T) {
	claims := func(set map[string]any) func(h *hostile) {
		return func(h *hostile) {
			h.claims = func(c map[string]any) {
				for k, v := range set {
					c[k] = v
				}
			}
		}
	}
	header := func(header map[string]any) func(h *hostile) {
		return func(h *hostile) { h.token = func(p []byte) string { return h.rawSign(header, p) } }
	}
	keys := func(list func(h *hostile) []any) func(h *hostile) {
		return func(h *hostile) { h.keys = func([]any) []any { return list(h) } }
	}
	answer := func(name string, v any) func(h *hostile) {
		return func(h *hostile) { h.answer = func(a map[string]any) { a[name] = v } }
	}
	both := func(fs ...func(h *hostile)) func(h *hostile) {
		return func(h *hostile) {
			for _, f := range fs {
				f(h)
			}
		}
	}
	now := time.Now().Unix()
	for name, tt := range map[string]struct {
		idp  func(h *hostile)
		want string // result, reason
	}{
		"rp-id_token-kid-absent-single-jwks": {idp: both(header(nil), keys(func(h *hostile) []any {
			return []any{jose.JSONWebKey{Key: h.rsa.Public()}}
		}))},
		"rp-id_token-kid-absent-multiple-jwks": {idp: both(header(nil), keys(func(h *hostile) []any {
			return []any{jose.JSONWebKey{Key: h.rsa.Public(), KeyID: "a"}, jose.JSONWebKey{Key: h.foreign.Public(), KeyID: "b"}}
		})), want: "bad_token signature"},
		"kid of another key": {idp: header(map[string]any{"kid": "ec"}), want: "bad_token signature"},
		"kid unknown":        {idp: header(map[string]any{"kid": "x"}), want: "bad_token signature"},
		"kid a path":         {idp: header(map[string]any{"kid": "../../dev/null"}), want: "bad_token signature"},
		"key for encryption": {idp: keys(func(h *hostile) []any { return []any{jose.JSONWebKey{Key: h.rsa.Public(), KeyID: "rsa", Use: "enc"}} }), want: "bad_token signature"},
		"key of another algorithm": {idp: keys(func(h *hostile) []any {
			return []any{jose.JSONWebKey{Key: h.rsa.Public(), KeyID: "rsa", Algorithm: "PS256"}}
		}), want: "bad_token signature"},
		"private key in the set":        {idp: keys(func(h *hostile) []any { return []any{jose.JSONWebKey{Key: h.rsa, KeyID: "rsa"}} }), want: "bad_token signature"},
		"symmetric key in the set":      {idp: keys(func(*hostile) []any { return []any{jose.JSONWebKey{Key: []byte("secret"), KeyID: "rsa"}} }), want: "bad_token signature"},
		"many keys of one kid":          {idp: keys(func(h *hostile) []any { return repeat(jose.JSONWebKey{Key: h.foreign.Public(), KeyID: "rsa"}, 500) }), want: "bad_token signature"},
		"crit (RFC 7515 4.1.11)":        {idp: header(map[string]any{"kid": "rsa", "crit": []string{"exp"}, "exp": now}), want: "bad_token header"},
		"crit empty":                    {idp: header(map[string]any{"kid": "rsa", "crit": []string{}}), want: "bad_token header"},
		"zip":                           {idp: header(map[string]any{"kid": "rsa", "zip": "DEF"}), want: "bad_token header"},
		"jku, x5u ignored":              {idp: header(map[string]any{"kid": "rsa", "jku": "http://127.0.0.1:1/", "x5u": "http://127.0.0.1:1/"})},
		"typ at+jwt":                    {idp: header(map[string]any{"kid": "rsa", "typ": "at+jwt"}), want: "bad_token header"},
		"typ a number":                  {idp: header(map[string]any{"kid": "rsa", "typ": 1}), want: "bad_token header"},
		"rp-id_token-aud array of one":  {idp: claims(map[string]any{"aud": []string{"postern"}})},
		"aud empty list":                {idp: claims(map[string]any{"aud": []string{}}), want: "bad_token audience"},
		"aud a longer name":             {idp: claims(map[string]any{"aud": "postern2"}), want: "bad_token audience"},
		"aud in another case":           {idp: claims(map[string]any{"aud": "Postern"}), want: "bad_token audience"},
		"azp beside one audience":       {idp: claims(map[string]any{"azp": "postern"})},
		"nonce in another case":         {idp: func(h *hostile) { h.claims = func(c map[string]any) { c["nonce"] = strings.ToLower(h.nonce) + "A" } }, want: "bad_token nonce"},
		"nonce a list":                  {idp: func(h *hostile) { h.claims = func(c map[string]any) { c["nonce"] = []string{h.nonce} } }, want: "bad_token claims"},
		"exp a string":                  {idp: claims(map[string]any{"exp": "9999999999"}), want: "bad_token expired"},
		"exp beyond all time":           {idp: claims(map[string]any{"exp": 1e300}), want: "bad_token expired"},
		"iat a little ahead":            {idp: claims(map[string]any{"iat": now + 30})},
		"iat more than a minute ahead":  {idp: claims(map[string]any{"iat": now + 90}), want: "bad_token iat"},
		"nbf a string":                  {idp: claims(map[string]any{"nbf": "x"}), want: "bad_token claims"},
		"nbf null":                      {idp: claims(map[string]any{"nbf": nil}), want: "bad_token nbf"},
		"at_hash of another length":     {idp: claims(map[string]any{"at_hash": sha512Half("the-access-token")}), want: "bad_token at_hash"},
		"at_hash a number":              {idp: claims(map[string]any{"at_hash": 1}), want: "bad_token claims"},
		"c_hash right":                  {idp: claims(map[string]any{"c_hash": atHash("the-code")})},
		"c_hash wrong":                  {idp: claims(map[string]any{"c_hash": atHash("another")}), want: "bad_token c_hash"},
		"at_hash by the alg's own hash": {idp: both(claims(map[string]any{"at_hash": sha512Half("the-access-token")}), func(h *hostile) { h.token = func(p []byte) string { return sign(p, jose.EdDSA, h.ed, "ed", "JWT") } })},
		"at_hash by another hash":       {idp: both(claims(map[string]any{"at_hash": atHash("the-access-token")}), func(h *hostile) { h.token = func(p []byte) string { return sign(p, jose.EdDSA, h.ed, "ed", "JWT") } }), want: "bad_token at_hash"},
		"sub with a NUL":                {idp: claims(map[string]any{"sub": "a\x00b"}), want: "bad_token sub"},
		"token_type mac":                {idp: answer("token_type", "mac"), want: "idp_error token_type"},
		"token_type DPoP":               {idp: answer("token_type", "DPoP"), want: "idp_error token_type"},
		"token_type missing":            {idp: answer("token_type", nil), want: "idp_error token_type"},
		"token_type in another case":    {idp: answer("token_type", "bearer")},
		"access token a number":         {idp: answer("access_token", 7), want: "idp_error token"},
		"ID token a list":               {idp: answer("id_token", []string{"a"}), want: "idp_error token"},
		"ID token of many dots":         {idp: answer("id_token", strings.Repeat(".", 60<<10)), want: "bad_token header"},
		"refresh token huge":            {idp: answer("refresh_token", strings.Repeat("r", 100<<10)), want: "idp_error token"},
		"expires_in odd":                {idp: answer("expires_in", "soon")},
		"groups with a NUL and empty":   {idp: claims(map[string]any{"groups": []string{"a\x00b", "", "ok"}}), want: "overage groups"},
		"groups nested lists":           {idp: claims(map[string]any{"groups": []any{[]string{"staff"}}}), want: "overage groups"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHostile(t)
			tt.idp(h)
			s := newSite(t, nil, provider("corp", h.URL))
			b := newBrowser(t, false)
			b.get(s.URL + "/.postern/callback/corp?" + url.Values{"state": {h.begin(t, s, b, "/x")}, "code": {"the-code"}}.Encode())
			got := s.counts.last() + " " + s.counts.reason()
			if want := tt.want; want == "" && s.counts.last() != "ok" || want != "" && got != want {
				t.Errorf("got %s, want %q\n%s", got, want, s.counts.logged())
			}
		})
	}
}

func repeat(v any, n int) []any {
	out := make([]any, n)
	for i := range out {
		out[i] = v
	}
	return out
}

// TestUserinfoJWT: signed userinfo (OpenID Connect Core 5.3.2) is verified and
// must be ours.
func TestUserinfoJWT(t *testing.T) {
	for name, tt := range map[string]struct {
		bend func(h *hostile, c map[string]any) string
		ok   bool
	}{
		"right":          {bend: func(h *hostile, c map[string]any) string { return h.signMap(c) }, ok: true},
		"other audience": {bend: func(h *hostile, c map[string]any) string { c["aud"] = "x"; return h.signMap(c) }},
		"no issuer":      {bend: func(h *hostile, c map[string]any) string { delete(c, "iss"); return h.signMap(c) }},
		"other sub":      {bend: func(h *hostile, c map[string]any) string { c["sub"] = "sub-2"; return h.signMap(c) }},
		"other key": {bend: func(h *hostile, c map[string]any) string {
			p, _ := json.Marshal(c)
			return sign(p, jose.RS256, h.foreign, "rsa", "JWT")
		}},
		"none": {bend: func(_ *hostile, c map[string]any) string {
			p, _ := json.Marshal(c)
			return b64(`{"alg":"none"}`) + "." + b64(string(p)) + "."
		}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHostile(t)
			h.claims = func(c map[string]any) { delete(c, "groups") }
			ui := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/jwt")
				_, _ = w.Write([]byte(tt.bend(h, map[string]any{"iss": h.URL, "aud": "postern", "sub": "sub-1", "groups": []string{"g"}})))
			}))
			defer ui.Close()
			h.discovery = func(d map[string]any) { d["userinfo_endpoint"] = ui.URL }
			s := newSite(t, nil, provider("corp", h.URL))
			b := newBrowser(t, false)
			b.get(s.URL + "/.postern/callback/corp?code=the-code&state=" + h.begin(t, s, b, "/x"))
			if got := s.counts.last() == "ok"; got != tt.ok {
				t.Errorf("counted %s\n%s", s.counts.last(), s.counts.logged())
			}
		})
	}
}

func (h *hostile) signMap(c map[string]any) string {
	p, _ := json.Marshal(c)
	return sign(p, jose.RS256, h.rsa, "rsa", "JWT")
}

// TestSlowProvider: an endpoint that drips, or never ends, holds a request for
// no longer than the time limit, and leaves nothing running.
func TestSlowProvider(t *testing.T) {
	drip := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for {
			if _, err := fmt.Fprint(w, " "); err != nil {
				return
			}
			w.(http.Flusher).Flush()
			select {
			case <-r.Context().Done():
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}))
	defer drip.Close()
	for _, endpoint := range []string{"jwks_uri", "token_endpoint", "userinfo_endpoint"} {
		t.Run(endpoint, func(t *testing.T) {
			h := newHostile(t)
			h.claims = func(c map[string]any) { delete(c, "groups") }
			h.discovery = func(d map[string]any) { d[endpoint] = drip.URL }
			s := newSite(t, func(c *signin.Config) { c.HTTP = &http.Client{Timeout: 200 * time.Millisecond} }, provider("corp", h.URL))
			b := newBrowser(t, false)
			before := 0
			for i := range 6 {
				if i == 1 { // connections that are kept open are no leak
					before = runtime.NumGoroutine()
				}
				b.get(s.URL + "/.postern/callback/corp?code=the-code&state=" + h.begin(t, s, b, "/x"))
				if s.counts.last() != "idp_error" {
					t.Fatalf("counted %s\n%s", s.counts.last(), s.counts.logged())
				}
			}
			for deadline := time.Now().Add(3 * time.Second); runtime.NumGoroutine() > before+4; time.Sleep(20 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
				}
			}
		})
	}
}

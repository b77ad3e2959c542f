package caddymodule

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-gateway/postern/caddymodule/idptest"
)

// attempt is one sign-in at a provider that lies.
type attempt struct {
	lie
	answer func(q url.Values) // bends what comes back
	post   bool               // it comes back as a form
	// reason is why it fails, as the audit has it; empty: it does not.
	reason string
	// wiki is how the wiki is told who asks for the page then; default: by the
	// service, if at all. page is what becomes of the page; default 200.
	wiki string
	page int
}

const byService = "as the service"

func claim(name string, v any) func(c map[string]any) {
	return func(c map[string]any) {
		if v == nil {
			delete(c, name)
			return
		}
		c[name] = v
	}
}

func claims(v map[string]any) func(c map[string]any) {
	return func(c map[string]any) {
		for k, v := range v {
			claim(k, v)(c)
		}
	}
}

// asks is a token without the groups, so that userinfo is asked, which says a.
func asks(a map[string]any) idptest.Lies {
	return idptest.Lies{Claims: claim("groups", nil), Userinfo: func(u map[string]any) { maps.Copy(u, a) }}
}

func refusedClaim(name string, v any, reason string) func(h *idptest.Hostile) attempt {
	return func(*idptest.Hostile) attempt {
		return attempt{lie: lie{lies: idptest.Lies{Claims: claim(name, v)}}, reason: reason}
	}
}

func forged(reason string, token func(h *idptest.Hostile, payload []byte) string) func(h *idptest.Hostile) attempt {
	return func(h *idptest.Hostile) attempt {
		return attempt{lie: lie{lies: idptest.Lies{Token: func(p []byte) string { return token(h, p) }}}, reason: reason}
	}
}

func answered2(reason string, bend func(q url.Values)) func(h *idptest.Hostile) attempt {
	return func(*idptest.Hostile) attempt { return attempt{answer: bend, reason: reason} }
}

func lies(reason string, l idptest.Lies) func(h *idptest.Hostile) attempt {
	return func(*idptest.Hostile) attempt { return attempt{lie: lie{lies: l}, reason: reason} }
}

func discovery(bend func(d map[string]any)) func(h *idptest.Hostile) attempt {
	return lies("idp_error: discovery", idptest.Lies{Discovery: bend})
}

func serving(reason, endpoint string, f http.HandlerFunc) func(h *idptest.Hostile) attempt {
	return lies(reason, idptest.Lies{Serve: map[string]http.HandlerFunc{endpoint: f}, Claims: claim("groups", nil)})
}

func signInAttempts() map[string]func(h *idptest.Hostile) attempt {
	now := time.Now().Unix()
	header := func(raw string) func(h *idptest.Hostile, p []byte) string {
		return func(_ *idptest.Hostile, p []byte) string { return idptest.Unsigned(raw, p, "") }
	}
	extra := func(k string, v any) func(h *idptest.Hostile, p []byte) string {
		return func(h *idptest.Hostile, p []byte) string {
			return idptest.SignJWT(p, jose.RS256, h.Foreign, "rsa", map[jose.HeaderKey]any{jose.HeaderKey(k): v})
		}
	}
	appended := func(member string) func(h *idptest.Hostile, p []byte) string {
		return func(h *idptest.Hostile, p []byte) string {
			return h.Sign([]byte(strings.TrimSuffix(string(p), "}")+","+member+"}"), "JWT")
		}
	}
	return map[string]func(h *idptest.Hostile) attempt{
		"the truth": lies("", idptest.Lies{}),

		// Form and signature of the token.
		"alg none":    forged("bad_token: algorithm", header(`{"alg":"none"}`)),
		"alg None":    forged("bad_token: algorithm", header(`{"alg":"None","typ":"JWT"}`)),
		"alg empty":   forged("bad_token: algorithm", header(`{"alg":""}`)),
		"alg missing": forged("bad_token: algorithm", header(`{"typ":"JWT"}`)),
		"alg unknown": forged("bad_token: algorithm", header(`{"alg":"XS999"}`)),
		"alg twice":   forged("bad_token: header", header(`{"alg":"RS256","alg":"none"}`)),
		"alg a list":  forged("bad_token: algorithm", header(`{"alg":["RS256"]}`)),
		"HMAC by the client's secret": forged("bad_token: algorithm", func(_ *idptest.Hostile, p []byte) string {
			return idptest.SignJWT(p, jose.HS256, []byte(idptest.HostileSecret+strings.Repeat("\x00", 32)), "rsa", nil)
		}),
		"HMAC by the public key": forged("bad_token: algorithm", func(h *idptest.Hostile, p []byte) string {
			return idptest.SignJWT(p, jose.HS256, h.RSA.N.Bytes(), "rsa", nil)
		}),
		"alg not advertised": forged("bad_token: algorithm", func(h *idptest.Hostile, p []byte) string {
			return idptest.SignJWT(p, jose.PS512, h.RSA, "rsa", nil)
		}),
		"alg that is not the key's": forged("bad_token: signature", func(h *idptest.Hostile, p []byte) string {
			return idptest.SignJWT(p, jose.ES256, h.EC, "rsa", nil)
		}),
		"alg ES256": func(h *idptest.Hostile) attempt {
			return attempt{lie: lie{lies: idptest.Lies{Token: func(p []byte) string { return idptest.SignJWT(p, jose.ES256, h.EC, "ec", nil) }}}}
		},
		"key of nobody": forged("bad_token: signature", func(h *idptest.Hostile, p []byte) string {
			return idptest.SignJWT(p, jose.RS256, h.Foreign, "rsa", nil)
		}),
		"kid of nobody": forged("bad_token: signature", func(h *idptest.Hostile, p []byte) string {
			return idptest.SignJWT(p, jose.RS256, h.RSA, "../../rsa", nil)
		}),
		"jku":                     forged("bad_token: signature", extra("jku", "http://127.0.0.1:1/keys")),
		"x5u":                     forged("bad_token: signature", extra("x5u", "http://127.0.0.1:1/cert")),
		"crit":                    forged("bad_token: header", extra("crit", []string{"exp"})),
		"b64":                     forged("bad_token: header", extra("b64", false)),
		"no signature":            forged("bad_token: signature", header(`{"alg":"RS256","kid":"rsa"}`)),
		"two parts":               forged("bad_token: header", func(*idptest.Hostile, []byte) string { return "a.b" }),
		"five parts":              forged("bad_token: header", func(*idptest.Hostile, []byte) string { return "a.b.c.d.e" }),
		"a logout token":          forged("bad_token: header", func(h *idptest.Hostile, p []byte) string { return h.Sign(p, "logout+jwt") }),
		"an access token":         forged("bad_token: header", func(h *idptest.Hostile, p []byte) string { return h.Sign(p, "at+jwt") }),
		"too large":               refusedClaim("x", strings.Repeat("x", 80<<10), "bad_token: header"),
		"claims a list":           forged("bad_token: claims", func(h *idptest.Hostile, _ []byte) string { return h.Sign([]byte(`[]`), "JWT") }),
		"claims not UTF-8":        forged("bad_token: claims", appended("\"x\":\"\xff\"")),
		"sub twice":               forged("bad_token: claims", appended(`"sub":"sub-2"`)),
		"sub twice, once escaped": forged("bad_token: claims", appended(`"s\u0075b":"sub-2"`)),
		"iss twice":               forged("bad_token: issuer", appended(`"iss":"https://evil.example"`)),
		"sub by another case":     lies("bad_token: sub", idptest.Lies{Claims: func(c map[string]any) { c["SUB"] = c["sub"]; delete(c, "sub") }}),
		"aud by another case":     lies("bad_token: audience", idptest.Lies{Claims: func(c map[string]any) { c["Aud"] = c["aud"]; c["aud"] = "other" }}),
		"nonce by another case":   lies("bad_token: nonce", idptest.Lies{Claims: func(c map[string]any) { c["Nonce"] = c["nonce"]; delete(c, "nonce") }}),
		"exp by another case":     lies("bad_token: expired", idptest.Lies{Claims: func(c map[string]any) { c["EXP"] = c["exp"]; delete(c, "exp") }}),

		// Its claims.
		"issuer of another":       refusedClaim("iss", "https://evil.example", "bad_token: issuer"),
		"issuer with a slash":     lies("bad_token: issuer", idptest.Lies{Claims: func(c map[string]any) { c["iss"] = c["iss"].(string) + "/" }}),
		"issuer missing":          refusedClaim("iss", nil, "bad_token: issuer"),
		"audience of another":     refusedClaim("aud", "other", "bad_token: audience"),
		"audience in upper case":  refusedClaim("aud", "POSTERN", "bad_token: audience"),
		"audience a mixture":      refusedClaim("aud", []any{"postern", 1}, "bad_token: claims"),
		"audiences without azp":   refusedClaim("aud", []string{"postern", "other"}, "bad_token: azp"),
		"azp of another":          refusedClaim("azp", "other", "bad_token: azp"),
		"nonce of another":        refusedClaim("nonce", strings.Repeat("A", 43), "bad_token: nonce"),
		"nonce missing":           refusedClaim("nonce", nil, "bad_token: nonce"),
		"expired":                 refusedClaim("exp", now-1, "bad_token: expired"),
		"exp a string":            refusedClaim("exp", "9999999999", "bad_token: expired"),
		"exp missing":             refusedClaim("exp", nil, "bad_token: expired"),
		"exp without end":         refusedClaim("exp", 1e300, "bad_token: expired"),
		"iat long ago":            refusedClaim("iat", now-3600, "bad_token: iat"),
		"iat ahead":               refusedClaim("iat", now+120, "bad_token: iat"),
		"iat a little ahead":      refusedClaim("iat", now+20, ""),
		"iat missing":             refusedClaim("iat", nil, "bad_token: iat"),
		"nbf ahead":               refusedClaim("nbf", now+120, "bad_token: nbf"),
		"nbf a little ahead":      refusedClaim("nbf", now+20, ""),
		"nbf null":                refusedClaim("nbf", json.RawMessage("null"), "bad_token: nbf"),
		"at_hash of another":      refusedClaim("at_hash", "AAAAAAAAAAAAAAAAAAAAAA", "bad_token: at_hash"),
		"at_hash empty":           refusedClaim("at_hash", "", "bad_token: at_hash"),
		"c_hash of another":       refusedClaim("c_hash", "AAAAAAAAAAAAAAAAAAAAAA", "bad_token: c_hash"),
		"events":                  refusedClaim("events", map[string]any{}, "bad_token: kind"),
		"provider's clock ahead":  lies("bad_token: iat", idptest.Lies{Now: func() time.Time { return time.Now().Add(3 * time.Minute) }}),
		"provider's clock behind": lies("bad_token: expired", idptest.Lies{Now: func() time.Time { return time.Now().Add(-6 * time.Minute) }}),

		// The subject.
		"sub missing":      refusedClaim("sub", nil, "bad_token: sub"),
		"sub empty":        refusedClaim("sub", "", "bad_token: sub"),
		"sub a number":     refusedClaim("sub", 12345, "bad_token: claims"),
		"sub null":         refusedClaim("sub", json.RawMessage("null"), "bad_token: sub"),
		"sub with a NUL":   refusedClaim("sub", "a\x00b", "bad_token: sub"),
		"sub with a break": refusedClaim("sub", "a\r\nX-Remote-User: ines", "bad_token: sub"),
		"sub too long":     refusedClaim("sub", strings.Repeat("s", 256), "bad_token: sub"),
		"sub of blanks":    refusedClaim("sub", "  ", ""),

		// Groups: unknown is never empty.
		"groups a string":           refusedClaim("groups", "acme", "overage: groups"),
		"groups a mixture":          refusedClaim("groups", []any{"acme", 1}, "overage: groups"),
		"groups with null":          refusedClaim("groups", []any{"acme", nil}, "overage: groups"),
		"groups an object":          refusedClaim("groups", map[string]any{"acme": true}, "overage: groups"),
		"groups in groups":          refusedClaim("groups", []any{[]string{"acme"}}, "overage: groups"),
		"groups too many":           refusedClaim("groups", slices.Repeat([]string{"g"}, 5000), "overage: groups"),
		"groups elsewhere":          lies("overage: groups", idptest.Lies{Claims: claims(map[string]any{"groups": nil, "_claim_names": map[string]any{"groups": "s"}, "_claim_sources": elsewhere})}),
		"groups here and elsewhere": lies("overage: groups", idptest.Lies{Claims: claims(map[string]any{"_claim_names": map[string]any{"groups": "s"}, "_claim_sources": elsewhere})}),
		"groups nowhere, hasgroups": lies("overage: groups", idptest.Lies{Claims: claims(map[string]any{"groups": nil, "hasgroups": true})}),
		"groups missing": func(*idptest.Hostile) attempt {
			return attempt{lie: lie{lies: idptest.Lies{Claims: claim("groups", nil)}}, page: 404}
		},
		"groups nested": func(*idptest.Hostile) attempt {
			return attempt{lie: lie{
				lies: idptest.Lies{Claims: claims(map[string]any{"groups": nil, "realm": map[string]any{"roles": []string{"acme"}}})},
				conf: map[string]any{"claims": map[string]any{"groups": "realm.roles"}},
			}}
		},
		"groups below a string": func(*idptest.Hostile) attempt {
			return attempt{lie: lie{
				lies: idptest.Lies{Claims: claims(map[string]any{"groups": nil, "realm": "roles"})},
				conf: map[string]any{"claims": map[string]any{"groups": "realm.roles"}},
			}, reason: "overage: groups"}
		},
		"group in another case": func(*idptest.Hostile) attempt {
			return attempt{lie: lie{lies: idptest.Lies{Claims: claim("groups", []string{"ACME"})}}, page: 404}
		},
		"group that looks alike": func(*idptest.Hostile) attempt {
			return attempt{lie: lie{lies: idptest.Lies{Claims: claim("groups", []string{"аcme", "acme\u200b", "ａｃｍｅ", " acme"})}}, page: 404}
		},

		// Userinfo.
		"userinfo has the groups":     lies("", asks(map[string]any{"groups": []string{"acme"}})),
		"userinfo of another":         lies("bad_token: userinfo_sub", asks(map[string]any{"sub": "sub-2", "groups": []string{"acme"}})),
		"userinfo of nobody":          lies("bad_token: userinfo_sub", asks(map[string]any{"sub": nil})),
		"userinfo a string of groups": lies("overage: groups", asks(map[string]any{"groups": "acme"})),
		"userinfo fails":              serving("idp_error: userinfo", "userinfo", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }),
		"userinfo leads elsewhere":    serving("idp_error: userinfo", "userinfo", redirectAway),
		"userinfo twice":              serving("bad_token: userinfo", "userinfo", saysJSON(`{"sub":"sub-evil","sub":"sub-2"}`)),
		"userinfo is HTML":            serving("bad_token: userinfo", "userinfo", says("text/html", `{"sub":"x"}`)),
		"userinfo is a bomb":          serving("idp_error: userinfo", "userinfo", bomb),
		"userinfo without end":        serving("idp_error: userinfo", "userinfo", endless),

		// The token endpoint.
		"token endpoint leads elsewhere": serving("idp_error: token", "token", redirectAway),
		"token answer a bomb":            serving("idp_error: token", "token", bomb),
		"token answer without end":       serving("idp_error: token", "token", endless),
		"token answer HTML":              serving("idp_error: token", "token", says("text/html", "<h1>hello</h1>")),
		"token answer twice":             serving("idp_error: token", "token", saysJSON(`{"access_token":"a","access_token":"b","token_type":"Bearer"}`)),
		"token answer a list":            serving("idp_error: token", "token", saysJSON(`[]`)),
		"token endpoint cut off":         serving("idp_error: token", "token", cutOff),
		"token endpoint 500":             serving("idp_error: token", "token", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }),
		"token type DPoP":                lies("idp_error: token_type", idptest.Lies{Answer: claim("token_type", "DPoP")}),
		"no ID token":                    lies("bad_token: missing", idptest.Lies{Answer: claim("id_token", nil)}),
		"no access token":                lies("idp_error: token", idptest.Lies{Answer: claim("access_token", nil)}),

		// Keys and discovery.
		"keys lead elsewhere":                  serving("idp_error: keys", "keys", redirectAway),
		"keys are a bomb":                      serving("idp_error: keys", "keys", bomb),
		"keys without end":                     serving("idp_error: keys", "keys", endless),
		"keys twice":                           serving("idp_error: keys", "keys", saysJSON(`{"keys":[],"keys":[]}`)),
		"keys for encryption":                  lies("bad_token: signature", idptest.Lies{Keys: func(k []any) []any { return usedFor(k, "enc") }}),
		"no keys":                              lies("bad_token: signature", idptest.Lies{Keys: func([]any) []any { return nil }}),
		"metadata lead elsewhere":              serving("idp_error: discovery", "discovery", redirectAway),
		"metadata a bomb":                      serving("idp_error: discovery", "discovery", bomb),
		"metadata without end":                 serving("idp_error: discovery", "discovery", endless),
		"metadata of another":                  discovery(claim("issuer", "https://evil.example")),
		"metadata with a slash":                discovery(func(d map[string]any) { d["issuer"] = d["issuer"].(string) + "/" }),
		"metadata without keys":                discovery(claim("jwks_uri", nil)),
		"metadata with HMAC only":              discovery(claim("id_token_signing_alg_values_supported", []string{"HS256", "none"})),
		"metadata without S256":                discovery(claim("code_challenge_methods_supported", []string{"plain"})),
		"metadata with no PKCE":                discovery(claim("code_challenge_methods_supported", []string{})),
		"metadata in two cases":                discovery(func(d map[string]any) { d["Token_Endpoint"] = "http://127.0.0.1:1/token" }),
		"metadata in two cases, by the long s": discovery(func(d map[string]any) { d["i\u017fsuer"] = d["issuer"] }),
		"metadata lead to plain http":          discovery(claim("token_endpoint", "http://idp.example/token")),
		"metadata lead to a script":            discovery(claim("authorization_endpoint", "javascript:alert(1)")),
		"metadata sign out at plain http":      discovery(claim("end_session_endpoint", "http://idp.example/out")),

		// What comes back.
		"state missing":           answered2("bad_request: state", func(q url.Values) { q.Del("state") }),
		"state twice":             answered2("bad_request: query", func(q url.Values) { q.Add("state", q.Get("state")) }),
		"state of nobody":         answered2("bad_flow: state", func(q url.Values) { q.Set("state", strings.Repeat("A", 43)) }),
		"state odd":               answered2("bad_request: state", func(q url.Values) { q.Set("state", "' OR 1=1 --") }),
		"code missing":            answered2("idp_refused: no_code", func(q url.Values) { q.Del("code") }),
		"code twice":              answered2("bad_request: query", func(q url.Values) { q.Add("code", "x") }),
		"code of nobody":          answered2("idp_refused: grant", func(q url.Values) { q.Set("code", "x") }),
		"iss of another":          answered2("bad_request: iss", func(q url.Values) { q.Set("iss", "https://evil.example") }),
		"iss empty":               answered2("bad_request: iss", func(q url.Values) { q.Set("iss", "") }),
		"iss twice in the answer": answered2("bad_request: query", func(q url.Values) { q["iss"] = []string{"a", "b"} }),
		"iss missing":             lies("bad_request: iss", idptest.Lies{Discovery: claim("authorization_response_iss_parameter_supported", true)}),
		"error": answered2("idp_refused: access_denied", func(q url.Values) {
			q.Set("error", "access_denied")
			q.Set("error_description", reflected)
			q.Set("error_uri", "https://evil.example/"+reflected)
		}),
		"error beside no code": answered2("idp_refused: other", func(q url.Values) {
			q.Del("code")
			q.Set("error", reflected)
			q.Set("error_description", reflected)
		}),
		"query without end": answered2("bad_request: query", func(q url.Values) { q.Set("x", strings.Repeat("x", 20<<10)) }),
		"form_post": func(*idptest.Hostile) attempt {
			return attempt{lie: lie{conf: map[string]any{"response_mode": "form_post"}}, post: true}
		},
		"form_post of an error": func(*idptest.Hostile) attempt {
			return attempt{lie: lie{conf: map[string]any{"response_mode": "form_post"}}, post: true, reason: "idp_refused: access_denied", answer: func(q url.Values) {
				q.Set("error", "access_denied")
				q.Set("error_description", reflected)
			}}
		},
	}
}

var elsewhere = map[string]any{"s": map[string]any{"endpoint": "https://evil.example/groups"}}

const reflected = "<img src=x onerror=alert(1)>\r\nSet-Cookie: evil=1\r\n\r\nreflected"

// TestHostileSignIn plays sign-ins at providers that lie, through Caddy: who
// gets a session, what the audit says of it, and what arrives at the wiki.
func TestHostileSignIn(t *testing.T) {
	names, providers, attempts := map[string]string{}, map[string]func(*idptest.Hostile) lie{}, map[string]attempt{}
	all := signInAttempts()
	for i, name := range slices.Sorted(maps.Keys(all)) {
		id := fmt.Sprintf("p%d", i)
		names[id] = name
		providers[id] = func(h *idptest.Hostile) lie {
			attempts[id] = all[name](h)
			return attempts[id].lie
		}
	}
	s := newLying(t, providers)
	for id, name := range names {
		t.Run(name, func(t *testing.T) { s.attempt(t, id, attempts[id]) })
	}
	t.Log(len(all), "sign-ins")
}

func (s *lying) attempt(t *testing.T, provider string, a attempt) {
	p, from := s.person(t), s.size()
	s.tap.take()
	got := p.get("/.postern/signin/" + provider + "?to=" + url.QueryEscape(s.page))
	var q url.Values
	if got.StatusCode == http.StatusFound {
		var err error
		if q, err = s.liars[provider].Authorize(got.Header.Get("Location")); err != nil {
			t.Fatal(err)
		}
		if a.answer != nil {
			a.answer(q)
		}
		got = s.bringBack(p, provider, q, a.post)
	}
	if up := s.tap.take(); len(up) > 0 {
		t.Errorf("the sign-in arrives at the wiki: %q", up[0].raw)
	}
	e := s.event(from, "sign-in", provider)
	if a.reason != "" {
		s.isRefused(t, p, got, e, a.reason)
		return
	}
	if got.StatusCode != http.StatusFound || got.Header.Get("Location") != s.site+s.page || told(e) != "success <nil>" {
		t.Fatalf("answered %s to %q, audit %v\n%s", got.Status, got.Header.Get("Location"), e, s.tail(from))
	}
	page := p.get(s.page)
	up := s.tap.take()
	if want := cmp.Or(a.page, http.StatusOK); page.StatusCode != want || (want == http.StatusOK || a.wiki != "") && len(up) == 0 {
		t.Errorf("the page: %s, %d requests at the wiki, want %d\n%s", page.Status, len(up), want, s.tail(from))
	}
	if who := known(up); len(up) > 0 && who != cmp.Or(a.wiki, byService) {
		t.Errorf("the wiki is told %q, want %q", who, cmp.Or(a.wiki, byService))
	}
	for _, u := range up {
		for _, secret := range []string{p.session(), q.Get("code"), q.Get("state"), "at-", "eyJ"} {
			if strings.Contains(u.raw, secret) {
				t.Errorf("%q arrives at the wiki: %q", secret, u.raw)
			}
		}
	}
}

func (s *lying) bringBack(p person, provider string, q url.Values, post bool) seen {
	p.tb.Helper()
	if !post {
		return p.finish(provider, q)
	}
	bare := s.person(p.tb) // another site's form brings no cookies
	got := bare.do(http.MethodPost, "/.postern/callback/"+provider, q, "Origin", "null", "Sec-Fetch-Site", "cross-site")
	if got.StatusCode != http.StatusSeeOther || len(got.Cookies()) > 0 {
		p.tb.Fatalf("the form: %s, cookies %v", got.Status, got.Cookies())
	}
	return p.get(got.Header.Get("Location"))
}

func (s *lying) isRefused(t *testing.T, p person, got seen, e map[string]any, reason string) {
	t.Helper()
	if got.StatusCode < 400 || told(e) != "failure "+reason {
		t.Errorf("answered %s, the audit says %q, want %q", got.Status, told(e), reason)
	}
	if p.session() != "" {
		t.Error("there is a session")
	}
	if strings.Contains(got.body, "onerror") || strings.Contains(got.body, "evil") || got.Header.Get("Set-Cookie") != "" && strings.Contains(got.Header.Get("Set-Cookie"), "evil") {
		t.Errorf("reflected: %v\n%s", got.Header, got.body)
	}
	if csp := got.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || got.Header.Get("Cache-Control") == "" {
		t.Errorf("the page's header: %v", got.Header)
	}
	if page := p.get(s.page); page.StatusCode != http.StatusFound {
		t.Errorf("the page behind: %s", page.Status)
	}
	if up := s.tap.take(); len(up) > 0 {
		t.Errorf("arrives at the wiki: %q", up[0].raw)
	}
}

func says(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write([]byte(body))
	}
}

func saysJSON(body string) http.HandlerFunc { return says("application/json", body) }

func usedFor(keys []any, use string) []any {
	out := make([]any, len(keys))
	for i := range keys {
		k := keys[i].(jose.JSONWebKey)
		k.Use = use
		out[i] = k
	}
	return out
}

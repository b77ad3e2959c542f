package caddymodule

import (
	"crypto/ecdsa"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-gateway/postern/caddymodule/idptest"
)

// TestHostileRefresh: what becomes of a session when its claims are read again.
func TestHostileRefresh(t *testing.T) {
	clock := newShift(t)
	down := func(endpoint string) map[string]http.HandlerFunc {
		return map[string]http.HandlerFunc{endpoint: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }}
	}
	noUserinfo := claim("userinfo_endpoint", nil)
	key, file := signingKey(t)
	byKey := map[string]any{"client_secret": "", "client_auth": "private_key_jwt", "client_key": file, "client_key_id": "k1"}
	rows := map[string]struct {
		first idptest.Lies // at the sign-in
		then  idptest.Lies // at the refresh
		conf  map[string]any
		page  int    // after it: 200, 404 without the groups, 302 without a session
		end   string // why the session ended
		again bool   // a second refresh, by a provider that is honest again, works
		keyed bool
	}{
		"same":            {page: 200, again: true},
		"groups gone":     {then: idptest.Lies{Claims: claim("groups", []string{})}, page: 404},
		"groups unknown":  {then: idptest.Lies{Claims: claim("groups", "acme")}, page: 302, end: "refresh: groups"},
		"other subject":   {then: idptest.Lies{Claims: claim("sub", "sub-2")}, page: 302, end: "refresh: sub"},
		"other sign-in":   {then: idptest.Lies{Claims: claim("nonce", "n")}, page: 302, end: "refresh: nonce"},
		"without a nonce": {then: idptest.Lies{Claims: claim("nonce", nil)}, page: 200, again: true},
		"other audience":  {then: idptest.Lies{Claims: claim("aud", "other")}, page: 302, end: "refresh: audience"},
		"unsigned":        {then: idptest.Lies{Token: func(p []byte) string { return idptest.Unsigned(`{"alg":"none"}`, p, "") }}, page: 302, end: "refresh: algorithm"},
		"refused": {then: idptest.Lies{Serve: map[string]http.HandlerFunc{"token": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		}}}, page: 302, end: "refresh: grant"},
		"token endpoint down":           {then: idptest.Lies{Serve: down("token")}, page: 200, again: true},
		"userinfo down, token rotated":  {then: idptest.Lies{Serve: down("userinfo"), Claims: claim("groups", nil)}, page: 200, again: true},
		"nothing to say, token rotated": {first: idptest.Lies{Discovery: noUserinfo}, then: idptest.Lies{Discovery: noUserinfo, Refresh: claim("id_token", nil)}, page: 200, again: true},
		"no new token":                  {then: idptest.Lies{Refresh: claim("refresh_token", nil)}, page: 200},
		"by private_key_jwt":            {conf: byKey, page: 200, again: true, keyed: true},
	}
	providers := map[string]func(*idptest.Hostile) lie{}
	id := func(name string) string { return strings.NewReplacer(" ", "-", ",", "", "_", "-").Replace(name) }
	for name, row := range rows {
		row.first.Now = clock.Now
		providers[id(name)] = func(*idptest.Hostile) lie { return lie{lies: row.first, conf: row.conf} }
	}
	s := newLying(t, providers)
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			liar, p := s.liars[id(name)], s.person(t)
			p.signIn(id(name))
			p.isIn()
			first := liar.Asked()
			row.then.Now = clock.Now
			liar.Lie(row.then)
			from := s.size()
			clock.move(6 * time.Minute)
			p.becomes(row.page)
			if e := s.event(from, "session-end", id(name)); row.end != "" && told(e) != "success "+row.end {
				t.Errorf("the audit says %v, want %q", e, row.end)
			}
			if p.refreshed(liar, 1); !row.again {
				return
			}
			liar.Lie(idptest.Lies{Now: clock.Now, Discovery: row.first.Discovery})
			clock.move(40 * time.Minute)
			p.isIn()
			p.refreshed(liar, 1)
			p.isIn()
			if row.keyed {
				assertions(t, &key.PublicKey, liar.Issuer(), append(first, p.forms...))
			}
		})
	}
}

// becomes waits until the page is answered by a status.
func (p *person) becomes(status int) {
	p.tb.Helper()
	got := p.get(p.s.page)
	for deadline := time.Now().Add(10 * time.Second); got.StatusCode != status && time.Now().Before(deadline); got = p.get(p.s.page) {
		time.Sleep(10 * time.Millisecond)
	}
	if got.StatusCode != status {
		p.tb.Errorf("answered %s, want %d\n%s", got.Status, status, p.s.tail(0))
	}
}

// refreshed waits for n refreshes at the token endpoint, each by a token that
// was not shown before.
func (p *person) refreshed(liar *idptest.Liar, n int) {
	p.tb.Helper()
	had := len(p.forms)
	for deadline := time.Now().Add(10 * time.Second); len(p.forms) < had+n && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		for _, f := range liar.Asked() {
			if f.Get("grant_type") == "refresh_token" {
				p.forms = append(p.forms, f)
			}
		}
	}
	if len(p.forms) < had+n {
		p.tb.Errorf("%d refreshes, want %d\n%s", len(p.forms)-had, n, p.s.tail(0))
	}
}

// assertions checks how a client with a key says who it is, at each request
// (RFC 7523 3).
func assertions(t *testing.T, key *ecdsa.PublicKey, issuer string, forms []url.Values) {
	t.Helper()
	seen := map[string]bool{}
	for _, f := range forms {
		if f.Has("client_secret") || f.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
			t.Errorf("%s: sent %v", f.Get("grant_type"), f)
			continue
		}
		jws, err := jose.ParseSignedCompact(f.Get("client_assertion"), []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		payload, err := jws.Verify(key)
		if err != nil {
			t.Fatal(err)
		}
		var c struct {
			Iss, Sub, Aud, Jti string
			Iat, Exp           int64
		}
		if err := json.Unmarshal(payload, &c); err != nil {
			t.Fatal(err)
		}
		if c.Iss != "postern" || c.Sub != "postern" || c.Aud != issuer || seen[c.Jti] || c.Exp-c.Iat > 300 || jws.Signatures[0].Header.KeyID != "k1" {
			t.Errorf("%s: assertion %s", f.Get("grant_type"), payload)
		}
		seen[c.Jti] = true
	}
	if len(forms) != 3 {
		t.Errorf("%d requests, want a code and two refreshes", len(forms))
	}
}

// TestProviderDown: a provider that does not answer ends no session and admits
// nobody; when it is back, it is asked again.
func TestProviderDown(t *testing.T) {
	clock := newShift(t)
	gone := func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }
	all := map[string]http.HandlerFunc{"discovery": gone, "keys": gone, "token": gone, "userinfo": gone}
	s := newLying(t, map[string]func(*idptest.Hostile) lie{
		"corp":  func(*idptest.Hostile) lie { return lie{lies: idptest.Lies{Serve: all}} },
		"other": honest,
	})
	corp, p := s.liars["corp"], s.person(t)
	for range 3 { // at start
		if got := p.get("/.postern/signin/corp?to=/"); got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
			t.Errorf("down at start: %s", got.Status)
		}
	}
	up := idptest.Lies{Now: clock.Now}
	corp.Lie(up)
	clock.move(2 * time.Minute)
	p.signIn("corp")
	p.isIn()
	// At run time.
	late := s.person(t)
	q := late.begin("corp", s.page)
	corp.Lie(idptest.Lies{Serve: all})
	clock.move(10 * time.Minute / 2)
	for range 3 {
		p.isIn()
	}
	from := s.size()
	late.refused(late.finish("corp", q), from, "idp_error: token")
	late.isOut()
	clock.move(time.Hour)
	p.isIn()
	// And back.
	corp.Lie(up)
	clock.move(2 * time.Minute)
	late.signIn("corp")
	p.isIn()
	// The gateway's own clock, set back and forth.
	clock.move(-3 * time.Hour)
	p.isIn()
	clock.move(3*time.Hour + 7*time.Hour)
	p.isIn()
	clock.move(9 * time.Hour) // idle for too long
	p.isOut()
	late.isOut()
}

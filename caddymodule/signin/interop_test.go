package signin_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-gateway/postern/caddymodule/idptest"
	"github.com/postern-gateway/postern/caddymodule/signin"
)

var hiddenInput = regexp.MustCompile(`<input[^>]* name="([a-z_]+)"[^>]* value="([^"]*)"`)

// TestInterop signs in with a certified provider library over HTTP, in each way
// that the token endpoint may know us, and answered by query and by form; the
// claims are then refreshed, and the sign-out is the provider's as well.
func TestInterop(t *testing.T) {
	rsaKeys, err := testKeys()
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		provider func(p *signin.Provider)
		client   func(c *idptest.Client)
	}{
		"client_secret_basic": {provider: func(p *signin.Provider) { p.ClientAuth = "client_secret_basic" }},
		"public client": {
			provider: func(p *signin.Provider) { p.ClientSecret = "" },
			client:   func(c *idptest.Client) { c.Secret = "" },
		},
		"private_key_jwt by RSA": {
			provider: func(p *signin.Provider) { p.ClientKey, p.ClientKeyID = rsaKeys[0], "k1" },
			client:   func(c *idptest.Client) { c.Key = &jose.JSONWebKey{Key: rsaKeys[0].Public(), KeyID: "k1"} },
		},
		"private_key_jwt by ECDSA": {
			provider: func(p *signin.Provider) { p.ClientKey, p.ClientKeyID = ecKey, "k2" },
			client:   func(c *idptest.Client) { c.Key = &jose.JSONWebKey{Key: ecKey.Public(), KeyID: "k2"} },
		},
		"form_post": {provider: func(p *signin.Provider) { p.FormPost = true }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			idp := newIDP(t)
			p := provider("corp", idp.Issuer())
			p.Scopes = []string{"profile", "email", "groups", "offline_access"}
			if tt.provider != nil {
				tt.provider(&p)
			}
			s := newSite(t, nil, p)
			c := idptest.Client{
				ID: "postern", Secret: "s3cret/+ &", RedirectURIs: []string{s.rp.RedirectURI("corp")},
				PostLogoutRedirectURIs: []string{s.URL + "/.postern/signedout"},
			}
			if tt.client != nil {
				tt.client(&c)
			}
			idp.AddClient(c)
			b := newBrowser(t, true)
			pg := b.fill(b.get(s.URL+"/x?y=1"), "eva", "eva's password")
			if p.FormPost {
				pg = b.answerForm(pg)
			}
			if pg.StatusCode != http.StatusOK || !strings.Contains(pg.body, `"path":"/x?y=1"`) || !strings.Contains(pg.body, `"Groups":["partners","pilots"]`) {
				t.Fatalf("answered %s at %s: %s\n%s", pg.Status, pg.Request.URL, pg.body, s.counts.logged())
			}
			if p.ClientKey == nil { // whose assertions are of a clock that can't be moved
				refreshed(t, idp, s, b)
			}
			pg = b.do(http.MethodPost, s.URL+"/.postern/signout", url.Values{}, "Origin", s.URL)
			if pg.StatusCode != http.StatusOK || pg.Request.URL.String() != s.URL+"/.postern/signedout" {
				t.Errorf("signed out to %s: %s", pg.Request.URL, pg.Status)
			}
		})
	}
}

// refreshed changes what the provider says, and waits until the site says so
// too: the new claims replace the old, they are not added.
func refreshed(t *testing.T, idp *idptest.Server, s *site, b browser) {
	t.Helper()
	if err := idp.SetAccount(idptest.Account{Username: "eva", Password: "x", Sub: "sub-1", Email: "eva@acme.example", Groups: []string{"pilots"}}); err != nil {
		t.Fatal(err)
	}
	s.clock.Add(6 * time.Minute)
	deadline := time.Now().Add(5 * time.Second)
	for {
		pg := b.get(s.URL + "/x")
		if strings.Contains(pg.body, `"Groups":["pilots"]`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("not refreshed: %s %s\n%s", pg.Status, pg.body, s.counts.logged())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// answerForm sends the form that a provider answers with, as its page does by
// itself: from another site, so without cookies of ours.
func (b browser) answerForm(p page) page {
	b.t.Helper()
	m := regexp.MustCompile(`<form[^>]* action="([^"]+)"`).FindStringSubmatch(p.body)
	if m == nil {
		b.t.Fatalf("no form: %s %s", p.Status, p.body)
	}
	form := url.Values{}
	for _, in := range hiddenInput.FindAllStringSubmatch(p.body, -1) {
		form.Set(in[1], html.UnescapeString(in[2]))
	}
	bare := browser{b.t, &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	p = bare.do(http.MethodPost, html.UnescapeString(m[1]), form, "Origin", "https://idp.example", "Sec-Fetch-Site", "cross-site")
	if p.StatusCode != http.StatusSeeOther || len(p.Header["Set-Cookie"]) > 0 {
		b.t.Fatalf("the posted answer: %s %v\n%s", p.Status, p.Header, p.body)
	}
	return b.get(p.Header.Get("Location"))
}

func TestFormPost(t *testing.T) {
	h := newHostile(t)
	fp := provider("corp", h.URL)
	fp.FormPost = true
	s := newSite(t, nil, fp, provider("other", h.URL))
	b := newBrowser(t, false)
	callback := s.URL + "/.postern/callback/corp"
	state := strings.Repeat("A", 43)
	for name, tt := range map[string]struct {
		at     string
		form   url.Values
		header []string
		status int
	}{
		"not configured": {at: s.URL + "/.postern/callback/other", form: url.Values{"state": {state}}, status: http.StatusMethodNotAllowed},
		"no state":       {form: url.Values{"code": {"c"}}, status: http.StatusBadRequest},
		"state twice":    {form: url.Values{"state": {state, state}}, status: http.StatusBadRequest},
		"odd state":      {form: url.Values{"state": {"//evil.example"}}, status: http.StatusBadRequest},
		"too long":       {form: url.Values{"state": {state}, "code": {strings.Repeat("c", 20<<10)}}, status: http.StatusBadRequest},
		"multipart":      {form: url.Values{"state": {state}}, header: []string{"Content-Type", "multipart/form-data; boundary=x"}, status: http.StatusBadRequest},
		"more than it needs": {
			form: url.Values{"state": {state}, "error": {"<script>"}, "error_description": {"<script>"}, "x": {"\r\nX: y"}}, status: http.StatusSeeOther,
		},
	} {
		t.Run(name, func(t *testing.T) {
			at := tt.at
			if at == "" {
				at = callback
			}
			p := b.do(http.MethodPost, at, tt.form, tt.header...)
			if p.StatusCode != tt.status || strings.Contains(p.body, "<script>") {
				t.Fatalf("answered %s\n%s", p.Status, p.body)
			}
			if to := p.Header.Get("Location"); tt.status == http.StatusSeeOther && to != callback+"?error=%3Cscript%3E&state="+state {
				t.Errorf("sent to %s", to)
			}
		})
	}
}

func TestClientAuthConfig(t *testing.T) {
	for name, bend := range map[string]func(p *signin.Provider){
		"unknown method":        func(p *signin.Provider) { p.ClientAuth = "tls_client_auth" },
		"secret without one":    func(p *signin.Provider) { p.ClientAuth, p.ClientSecret = "client_secret_post", "" },
		"key without one":       func(p *signin.Provider) { p.ClientAuth = "private_key_jwt" },
		"a key of another kind": func(p *signin.Provider) { p.ClientKey = []byte("secret") },
	} {
		p := provider("corp", "https://idp.example")
		bend(&p)
		if err := p.Check(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

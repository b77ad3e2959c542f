package idptest_test

import (
	"context"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"github.com/postern-gateway/postern/caddymodule/idptest"
)

func config() idptest.Config {
	return idptest.Config{
		Title: "Acme <accounts>", Hint: "eva, password e",
		Accounts: []idptest.Account{
			{Username: "eva", Password: "e", Sub: "sub-1", Email: "eva@acme.example", EmailVerified: true, Name: "Eva A", Groups: []string{"partners"}},
			{Username: "bo", Password: "b", Email: "bo@acme.example"},
		},
	}
}

// rp is a relying party made of the libraries alone.
type rp struct {
	t        *testing.T
	provider *oidc.Provider
	oauth    oauth2.Config
	verifier string
	state    string
}

func newRP(t *testing.T, issuer, secret string) *rp {
	t.Helper()
	p, err := oidc.NewProvider(t.Context(), issuer)
	if err != nil {
		t.Fatal(err)
	}
	return &rp{t: t, provider: p, verifier: oauth2.GenerateVerifier(), state: "st", oauth: oauth2.Config{
		ClientID: "rp", ClientSecret: secret, Endpoint: p.Endpoint(), RedirectURL: "http://127.0.0.1:1/cb",
		Scopes: []string{"openid", "profile", "email", "offline_access"},
	}}
}

var input = regexp.MustCompile(`name="id" value="([^"]*)"`)

// code signs in and returns what the provider sends back.
func (r *rp) code(username, password string, opts ...oauth2.AuthCodeOption) (url.Values, string) {
	r.t.Helper()
	jar, _ := cookiejar.New(nil)
	c := &http.Client{Jar: jar, CheckRedirect: func(req *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(req.URL.String(), "http://127.0.0.1:1/") {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	resp, body := r.send(c, http.MethodGet, r.oauth.AuthCodeURL(r.state, append(opts, oauth2.S256ChallengeOption(r.verifier), oidc.Nonce("n"))...), nil)
	m := input.FindStringSubmatch(body)
	if m == nil {
		return nil, body
	}
	action := regexp.MustCompile(`action="([^"]*)"`).FindStringSubmatch(body)
	to, err := resp.Request.URL.Parse(html.UnescapeString(action[1]))
	if err != nil {
		r.t.Fatal(err)
	}
	resp, body = r.send(c, http.MethodPost, to.String(), url.Values{"id": {html.UnescapeString(m[1])}, "username": {username}, "password": {password}})
	if resp.StatusCode != http.StatusFound {
		return nil, body
	}
	u, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		r.t.Fatal(err)
	}
	return u.Query(), body
}

func (r *rp) send(c *http.Client, method, to string, form url.Values) (*http.Response, string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, to, strings.NewReader(form.Encode()))
	if err != nil {
		r.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := c.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp, string(b)
}

func (r *rp) exchange(q url.Values, verifier string) (*oauth2.Token, map[string]any, error) {
	tok, err := r.oauth.Exchange(r.t.Context(), q.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return nil, nil, err
	}
	raw, _ := tok.Extra("id_token").(string)
	id, err := r.provider.Verifier(&oidc.Config{ClientID: "rp"}).Verify(r.t.Context(), raw)
	if err != nil {
		return nil, nil, err
	}
	var c map[string]any
	return tok, c, id.Claims(&c)
}

func pick(c map[string]any) map[string]any {
	out := map[string]any{}
	for _, k := range []string{"sub", "email", "email_verified", "name", "preferred_username", "groups", "nonce"} {
		if v, ok := c[k]; ok {
			out[k] = v
		}
	}
	return out
}

func TestSignIn(t *testing.T) {
	s := idptest.NewServer(config())
	defer s.Close()
	for name, secret := range map[string]string{"confidential": "s+/ &", "public": ""} {
		t.Run(name, func(t *testing.T) {
			s.AddClient(idptest.Client{ID: "rp", Secret: secret, RedirectURIs: []string{"http://127.0.0.1:1/cb"}})
			r := newRP(t, s.Issuer(), secret)
			if _, body := r.code("eva", "b"); !strings.Contains(body, "password is wrong") || !strings.Contains(body, "Acme &lt;accounts&gt;") {
				t.Errorf("another's password: %s", body)
			}
			if _, body := r.code("nobody", ""); !strings.Contains(body, "password is wrong") {
				t.Errorf("nobody: %s", body)
			}
			q, body := r.code("eva", "e")
			if q.Get("state") != "st" {
				t.Fatalf("came back with %v\n%s", q, body)
			}
			if _, _, err := r.exchange(q, oauth2.GenerateVerifier()); err == nil {
				t.Error("another verifier was accepted")
			}
			q, _ = r.code("eva", "e")
			tok, claims, err := r.exchange(q, r.verifier)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]any{
				"sub": "sub-1", "email": "eva@acme.example", "email_verified": true, "name": "Eva A",
				"preferred_username": "eva", "groups": []any{"partners"}, "nonce": "n",
			}
			if d := cmp.Diff(want, pick(claims)); d != "" {
				t.Errorf("ID token (-want +got):\n%s", d)
			}
			info, err := r.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(tok))
			if err != nil {
				t.Fatal(err)
			}
			var c map[string]any
			if err := info.Claims(&c); err != nil {
				t.Fatal(err)
			}
			delete(want, "nonce")
			if d := cmp.Diff(want, pick(c)); d != "" {
				t.Errorf("userinfo (-want +got):\n%s", d)
			}
			if _, _, err := r.exchange(q, r.verifier); err == nil {
				t.Error("a code was good twice")
			}
			fresh, err := r.oauth.TokenSource(t.Context(), &oauth2.Token{RefreshToken: tok.RefreshToken}).Token()
			if err != nil || fresh.RefreshToken == tok.RefreshToken {
				t.Errorf("refresh: %v", err)
			}
			if _, err := r.oauth.TokenSource(t.Context(), &oauth2.Token{RefreshToken: tok.RefreshToken}).Token(); err == nil {
				t.Error("a refresh token was good twice")
			}
		})
	}
}

func TestUnverifiedAddress(t *testing.T) {
	s := idptest.NewServer(config())
	defer s.Close()
	s.AddClient(idptest.Client{ID: "rp", Secret: "x", RedirectURIs: []string{"http://127.0.0.1:1/cb"}})
	r := newRP(t, s.Issuer(), "x")
	q, _ := r.code("bo", "b")
	_, claims, err := r.exchange(q, r.verifier)
	if err != nil {
		t.Fatal(err)
	}
	if claims["email_verified"] == true || claims["groups"] != nil || claims["sub"] != "bo" {
		t.Errorf("claims %v", claims)
	}
}

func TestRefusals(t *testing.T) {
	s := idptest.NewServer(config())
	defer s.Close()
	s.AddClient(idptest.Client{ID: "rp", Secret: "x", RedirectURIs: []string{"http://127.0.0.1:1/cb"}})
	r := newRP(t, s.Issuer(), "x")
	r.oauth.RedirectURL = "http://127.0.0.1:1/other"
	if q, body := r.code("eva", "e"); q != nil {
		t.Errorf("a redirect URI that is not registered: %v %s", q, body)
	}
	r = newRP(t, s.Issuer(), "wrong")
	q, _ := r.code("eva", "e")
	if _, _, err := r.exchange(q, r.verifier); err == nil {
		t.Error("another secret was accepted")
	}
	for name, c := range map[string]idptest.Config{
		"issuer":     {Issuer: "idp"},
		"http":       {Issuer: "ftp://idp.example"},
		"no name":    {Issuer: "http://127.0.0.1:1", Accounts: []idptest.Account{{Password: "x"}}},
		"shared sub": {Issuer: "http://127.0.0.1:1", Accounts: []idptest.Account{{Username: "a", Password: "x", Sub: "1"}, {Username: "b", Password: "x", Sub: "1"}}},
	} {
		if _, err := idptest.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestUnderAPath serves a provider below a path, as beside something else on
// one port.
func TestUnderAPath(t *testing.T) {
	mux := http.NewServeMux()
	srv := httptest.NewServer(mux)
	defer srv.Close()
	c := config()
	c.Issuer = srv.URL + "/idp"
	c.Clients = []idptest.Client{{ID: "rp", Secret: "x", RedirectURIs: []string{"http://127.0.0.1:1/cb"}}}
	idp, err := idptest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/idp/", idp)
	r := newRP(t, srv.URL+"/idp", "x")
	q, body := r.code("eva", "e")
	if q.Get("code") == "" {
		t.Fatalf("no code: %s", body)
	}
	if _, _, err := r.exchange(q, r.verifier); err != nil {
		t.Error(err)
	}
}

func TestLogOut(t *testing.T) {
	got := make(chan string, 1)
	back := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.PostFormValue("logout_token") }))
	defer back.Close()
	s := idptest.NewServer(config())
	defer s.Close()
	s.AddClient(idptest.Client{ID: "rp", Secret: "x", RedirectURIs: []string{"http://127.0.0.1:1/cb"}, BackChannelLogoutURI: back.URL})
	r := newRP(t, s.Issuer(), "x")
	q, _ := r.code("eva", "e")
	tok, _, err := r.exchange(q, r.verifier)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.LogOut(context.Background(), "eva"); err != nil {
		t.Fatal(err)
	}
	lt, err := r.provider.Verifier(&oidc.Config{ClientID: "rp"}).VerifyLogout(t.Context(), <-got)
	if err != nil || lt.Subject != "sub-1" {
		t.Errorf("logout token: %+v, %v", lt, err)
	}
	if _, err := r.provider.UserInfo(t.Context(), oauth2.StaticTokenSource(tok)); err == nil {
		t.Error("the access token lives on")
	}
	if err := s.LogOut(t.Context(), "nobody"); err == nil {
		t.Error("nobody was signed out")
	}
}

func TestDiscovery(t *testing.T) {
	s := idptest.NewServer(config())
	defer s.Close()
	r := newRP(t, s.Issuer(), "")
	var doc map[string]json.RawMessage
	if err := r.provider.Claims(&doc); err != nil {
		t.Fatal(err)
	}
	for k, want := range map[string]string{
		"end_session_endpoint": s.Issuer() + "/end_session", "backchannel_logout_supported": "true", "code_challenge_methods_supported": "S256",
	} {
		if !strings.Contains(string(doc[k]), want) {
			t.Errorf("%s is %s, want %s", k, doc[k], want)
		}
	}
}

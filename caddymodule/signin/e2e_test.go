package signin_test

import (
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/caddymodule/idptest"
	"github.com/postern-gateway/postern/caddymodule/signin"
	"github.com/postern-gateway/postern/rules"
)

func newIDP(t testing.TB) *idptest.Server {
	t.Helper()
	idp := idptest.NewServer(idptest.Config{Accounts: []idptest.Account{
		{Username: "eva", Password: "eva's password", Sub: "sub-1", Email: "eva@acme.example", EmailVerified: true, Name: "Eva A", Groups: []string{"partners", "pilots"}},
		{Username: "bo", Password: "b", Email: "bo@acme.example"},
	}})
	t.Cleanup(idp.Close)
	return idp
}

func register(idp *idptest.Server, s *site, name string) {
	idp.AddClient(idptest.Client{
		ID: "postern", Secret: "s3cret/+ &", RedirectURIs: []string{s.rp.RedirectURI(name)},
		PostLogoutRedirectURIs: []string{s.URL + "/.postern/signedout"}, BackChannelLogoutURI: s.URL + "/.postern/backchannel/" + name,
	})
}

func provider(name, issuer string) signin.Provider {
	return signin.Provider{Name: name, Title: "The " + name, Issuer: issuer, ClientID: "postern", ClientSecret: "s3cret/+ &"}
}

var inputs = regexp.MustCompile(`<input[^>]* name="([a-z]+)"(?:[^>]* value="([^"]*)")?`)

// fill sends the sign-in form that a page holds.
func (b browser) fill(p page, username, password string) page {
	b.t.Helper()
	form := url.Values{}
	for _, m := range inputs.FindAllStringSubmatch(p.body, -1) {
		form.Set(m[1], html.UnescapeString(m[2]))
	}
	if !form.Has("username") || !form.Has("password") {
		b.t.Fatalf("no sign-in form at %s: %s\n%s", p.Request.URL, p.Status, p.body)
	}
	form.Set("username", username)
	form.Set("password", password)
	action, err := p.Request.URL.Parse("/login")
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(http.MethodPost, action.String(), form)
}

func TestEndToEnd(t *testing.T) {
	for name, c := range map[string]struct {
		idp   idptest.Config
		title string
	}{
		"claims in the ID token": {},
		"claims in userinfo":     {idp: idptest.Config{NoUserClaims: true}},
	} {
		t.Run(name, func(t *testing.T) {
			c.idp.Accounts = []idptest.Account{{
				Username: "eva", Password: "eva's password", Sub: "sub-1", Email: "eva@acme.example", EmailVerified: true,
				Name: "Eva A", Groups: []string{"partners", "pilots"},
			}}
			idp := idptest.NewServer(c.idp)
			defer idp.Close()
			s := newSite(t, nil, provider("corp", idp.Issuer()))
			register(idp, s, "corp")
			b := newBrowser(t, true)

			p := b.get(s.URL + "/display/ACME/Plan?x=1%202&y=%C3%A4")
			if !strings.HasPrefix(p.Request.URL.String(), idp.Issuer()+"/login") {
				t.Fatalf("ended at %s: %s", p.Request.URL, p.body)
			}
			p = b.fill(p, "eva", "wrong")
			if p.StatusCode != http.StatusUnauthorized || !strings.Contains(p.body, `role="alert"`) {
				t.Errorf("a wrong password: %s\n%s", p.Status, p.body)
			}
			p = b.fill(p, "eva", "eva's password")
			var got struct {
				Path, Username string
				Viewer         rules.Viewer
			}
			if err := json.Unmarshal([]byte(p.body), &got); err != nil {
				t.Fatalf("%s: %v\n%s\n%s", p.Request.URL, err, p.body, s.counts.logged())
			}
			want := rules.Viewer{
				Provider: "corp", Subject: "sub-1", DisplayName: "Eva A", Email: "eva@acme.example", EmailVerified: true,
				Groups: []string{"partners", "pilots"},
			}
			if d := cmp.Diff(want, got.Viewer); d != "" {
				t.Errorf("viewer differs (-want +got):\n%s", d)
			}
			if got.Path != "/display/ACME/Plan?x=1%202&y=%C3%A4" || got.Username != "eva" {
				t.Errorf("came back to %q as %q", got.Path, got.Username)
			}

			// Sign-out: a link from elsewhere asks, the form acts.
			p = b.get(s.URL + "/.postern/signout")
			if !strings.Contains(p.body, `<form method="post" action="/.postern/signout">`) {
				t.Errorf("no button to sign out: %s", p.body)
			}
			if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' "+idp.Issuer()) {
				t.Errorf("the form may not be redirected to the provider: %s", csp)
			}
			p = b.do(http.MethodPost, s.URL+"/.postern/signout", url.Values{}, "Sec-Fetch-Site", "cross-site")
			if p.StatusCode != http.StatusForbidden || b.cookie(s.URL, "postern") == "" {
				t.Errorf("another site signed the viewer out: %s", p.Status)
			}
			old := b.cookie(s.URL, "postern")
			p = b.do(http.MethodPost, s.URL+"/.postern/signout", url.Values{}, "Origin", s.URL)
			if p.Request.URL.String() != s.URL+"/.postern/signedout" || !strings.Contains(p.body, "You are signed out") {
				t.Errorf("after sign-out at %s: %s\n%s", p.Request.URL, p.Status, p.body)
			}
			if p.Request.Response == nil || !strings.HasPrefix(p.Request.Response.Request.URL.String(), idp.Issuer()+"/end_session?") {
				t.Error("sign-out did not go by way of the provider")
			}
			if b.cookie(s.URL, "postern") != "" {
				t.Error("the cookie is still there")
			}
			raw := newBrowser(t, false)
			if p := raw.get(s.URL+"/", "Cookie", "postern="+old); p.StatusCode != http.StatusFound {
				t.Errorf("the old cookie still opens: %s", p.Status)
			}
			if log := s.counts.logged(); strings.Contains(log, "eva") || strings.Contains(log, old) {
				t.Errorf("the log tells too much:\n%s", log)
			}
		})
	}
}

func TestChooseProvider(t *testing.T) {
	corp, acme := newIDP(t), newIDP(t)
	s := newSite(t, nil, provider("corp", corp.Issuer()), provider("acme", acme.Issuer()))
	register(corp, s, "corp")
	register(acme, s, "acme")
	b := newBrowser(t, true)
	p := b.get(s.URL + "/x?y=1")
	if p.Request.URL.Path != "/.postern/choose" || !strings.Contains(p.body, "The corp") || !strings.Contains(p.body, "The acme") {
		t.Fatalf("no choice at %s\n%s", p.Request.URL, p.body)
	}
	if csp := p.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") {
		t.Errorf("policy %q", csp)
	}
	link := regexp.MustCompile(`href="([^"]*/signin/acme[^"]*)"`).FindStringSubmatch(p.body)
	if link == nil {
		t.Fatal("no link to acme")
	}
	// Somebody else who has the link gets no further than the front page.
	other := newBrowser(t, true)
	p = other.fill(other.get(s.URL+html.UnescapeString(link[1])), "bo", "b")
	if !strings.Contains(p.body, `"path":"/"`) {
		t.Errorf("another browser got the way back: %s", p.body)
	}
	p = b.fill(b.get(s.URL+html.UnescapeString(link[1])), "bo", "b")
	if !strings.Contains(p.body, `"Provider":"acme"`) || !strings.Contains(p.body, `"path":"/x?y=1"`) {
		t.Errorf("signed in as %s", p.body)
	}
}

func TestBackChannelEndToEnd(t *testing.T) {
	idp := newIDP(t)
	s := newSite(t, nil, provider("corp", idp.Issuer()))
	register(idp, s, "corp")
	b := newBrowser(t, true)
	b.fill(b.get(s.URL+"/"), "eva", "eva's password")
	if p := b.get(s.URL + "/again"); !strings.Contains(p.body, "sub-1") {
		t.Fatalf("not signed in: %s", p.body)
	}
	if err := idp.LogOut(t.Context(), "eva"); err != nil {
		t.Fatal(err)
	}
	if p := b.get(s.URL + "/again"); strings.Contains(p.body, "sub-1") {
		t.Error("still signed in after the provider's word")
	}
}

func TestRefresh(t *testing.T) {
	idp := newIDP(t)
	p := provider("corp", idp.Issuer())
	p.Scopes = []string{"openid", "profile", "email", "offline_access"}
	s := newSite(t, nil, p)
	register(idp, s, "corp")
	b := newBrowser(t, true)
	b.fill(b.get(s.URL+"/"), "eva", "eva's password")
	eventually := func(want string) {
		t.Helper()
		for range 100 {
			if pg := b.get(s.URL+"/", "Accept", "application/json"); strings.Contains(pg.body, want) {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		t.Fatalf("never got %q\n%s", want, s.counts.logged())
	}
	eventually("pilots")
	if err := idp.SetAccount(idptest.Account{
		Username: "eva", Password: "x", Sub: "sub-1", Email: "eva@acme.example", EmailVerified: true, Groups: []string{"board"},
	}); err != nil {
		t.Fatal(err)
	}
	s.clock.Add(6 * time.Minute)
	eventually(`"Groups":["board"]`)
	idp.RemoveAccount("eva")
	s.clock.Add(6 * time.Minute)
	eventually("Unauthorized")
	if log := s.counts.logged(); !strings.Contains(log, "refresh") {
		t.Errorf("log says nothing of the refresh:\n%s", log)
	}
}

func TestRefreshOutage(t *testing.T) {
	idp := newIDP(t)
	p := provider("corp", idp.Issuer())
	p.Scopes = []string{"profile", "email", "offline_access"}
	s := newSite(t, nil, p)
	register(idp, s, "corp")
	b := newBrowser(t, true)
	b.fill(b.get(s.URL+"/"), "eva", "eva's password")
	idp.Close()
	s.clock.Add(time.Hour)
	for range 10 {
		if pg := b.get(s.URL+"/", "Accept", "application/json"); !strings.Contains(pg.body, "sub-1") {
			t.Fatalf("the outage ended the session: %s\n%s", pg.body, s.counts.logged())
		}
		time.Sleep(10 * time.Millisecond)
	}
	if b := newBrowser(t, true); b.cookie(s.URL, "postern") != "" {
		t.Error("somebody new was admitted")
	}
}

func TestProviderDownAtStart(t *testing.T) {
	idp := newIDP(t)
	issuer := idp.Issuer()
	idp.Close()
	s := newSite(t, nil, provider("corp", issuer))
	b := newBrowser(t, false)
	p := b.get(s.URL + "/")
	if p.StatusCode != http.StatusServiceUnavailable || p.Header.Get("Retry-After") == "" || !strings.Contains(p.body, "Try again") {
		t.Errorf("%s %v\n%s", p.Status, p.Header, p.body)
	}
	if s.counts.last() != "idp_error" || s.counts.reason() != "discovery" {
		t.Errorf("counted %s, %s", s.counts.last(), s.counts.reason())
	}
	if p := b.get(s.URL+"/", "Accept", "*/*"); p.StatusCode != http.StatusUnauthorized {
		t.Errorf("a script got %s", p.Status)
	}
}

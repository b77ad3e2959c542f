package caddymodule

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/idptest"
)

func honest(*idptest.Hostile) lie { return lie{} }

// newHonest has two providers that tell the truth until a test has them lie.
func newHonest(tb testing.TB, change ...func(app map[string]any)) *lying {
	tb.Helper()
	return newLying(tb, map[string]func(*idptest.Hostile) lie{"corp": honest, "other": honest}, change...)
}

// isIn and isOut say whether somebody gets the page, and that nothing arrives
// at the wiki if not.
func (p person) isIn() {
	p.tb.Helper()
	p.s.tap.take()
	if got := p.get(p.s.page); got.StatusCode != http.StatusOK || known(p.s.tap.take()) != byService {
		p.tb.Errorf("signed in, but answered %s\n%s", got.Status, p.s.tail(0))
	}
}

func (p person) isOut() {
	p.tb.Helper()
	p.s.tap.take()
	got := p.get(p.s.page)
	if up := p.s.tap.take(); got.StatusCode != http.StatusFound || len(up) > 0 {
		p.tb.Errorf("signed out, but answered %s, %d requests at the wiki", got.Status, len(up))
	}
}

// refused says that a callback makes no session, for a reason.
func (p person) refused(got seen, from int64, reason string) {
	p.tb.Helper()
	if e := p.s.event(from, "sign-in", ""); got.StatusCode < 400 || told(e) != "failure "+reason {
		p.tb.Errorf("answered %s, the audit says %q, want %q", got.Status, told(e), reason)
	}
}

func TestHostileFlows(t *testing.T) {
	s := newHonest(t)
	t.Run("mix-up", func(t *testing.T) {
		p, from := s.person(t), s.size()
		q := p.begin("corp", s.page)
		p.refused(p.finish("other", q), from, "bad_flow: provider")
		p.isOut()
		// And it is used up: the honest provider's callback comes too late.
		from = s.size()
		p.refused(p.finish("corp", q), from, "bad_flow: state")
		if asked := s.liars["other"].Asked(); len(asked) > 0 {
			t.Errorf("the other provider was shown %v", asked)
		}
	})
	t.Run("replay", func(t *testing.T) {
		p := s.person(t)
		q := p.begin("corp", s.page)
		p.finish("corp", q)
		had, from := p.session(), s.size()
		p.refused(p.finish("corp", q), from, "bad_flow: state") // the back button after sign-in
		if p.session() != had {
			t.Error("the session changed")
		}
		p.isIn()
		// A code that was redeemed, in another sign-in.
		again := p.begin("corp", s.page)
		again.Set("code", q.Get("code"))
		from = s.size()
		p.refused(p.finish("corp", again), from, "idp_refused: grant")
		p.isIn()
	})
	t.Run("login CSRF", func(t *testing.T) {
		attacker, victim, from := s.person(t), s.person(t), s.size()
		q := attacker.begin("corp", s.page)
		victim.refused(victim.finish("corp", q), from, "bad_flow: browser")
		victim.isOut()
		// With a sign-in of his own under way, too.
		q = attacker.begin("corp", s.page)
		mine := victim.begin("corp", s.page)
		from = s.size()
		victim.refused(victim.finish("corp", q), from, "bad_flow: browser")
		if got := victim.finish("corp", mine); got.StatusCode != http.StatusFound {
			t.Errorf("his own: %s", got.Status)
		}
	})
	t.Run("a stolen code in an own sign-in", func(t *testing.T) {
		victim, attacker := s.person(t), s.person(t)
		stolen := victim.begin("corp", s.page).Get("code")
		q := attacker.begin("corp", s.page)
		q.Set("code", stolen)
		from := s.size()
		attacker.refused(attacker.finish("corp", q), from, "idp_refused: grant") // by PKCE
		attacker.isOut()
	})
	t.Run("fixation", func(t *testing.T) {
		p := s.person(t)
		site, _ := url.Parse(s.site)
		planted := strings.Repeat("A", 43)
		p.Jar.SetCookies(site, []*http.Cookie{{Name: "postern", Value: planted, Path: "/"}})
		p.isOut()
		p.signIn("corp")
		first := p.session()
		if first == planted {
			t.Fatal("the planted session was adopted")
		}
		p.signIn("corp")
		if p.session() == first {
			t.Error("a new sign-in keeps the session's id")
		}
		old := s.person(t)
		old.Jar.SetCookies(site, []*http.Cookie{{Name: "postern", Value: first, Path: "/"}})
		old.isOut() // it was replaced
	})
	t.Run("fifty tabs", func(t *testing.T) {
		p := s.person(t)
		p.begin("corp", s.page) // the first one makes the browser's cookie
		var tabs sync.WaitGroup
		faults := make(chan string, 50)
		for i := range 50 {
			tabs.Go(func() {
				target := fmt.Sprintf("%s?src=sidebar&tab=%d", s.page, i)
				got, err := p.Get(s.site + "/.postern/signin/corp?to=" + url.QueryEscape(target))
				if err != nil {
					faults <- err.Error()
					return
				}
				got.Body.Close()
				q, err := s.liars["corp"].Authorize(got.Header.Get("Location"))
				if err != nil {
					faults <- err.Error()
					return
				}
				back, err := p.Get(s.site + "/.postern/callback/corp?" + q.Encode())
				if err != nil {
					faults <- err.Error()
					return
				}
				back.Body.Close()
				if to := back.Header.Get("Location"); to != s.site+target {
					faults <- fmt.Sprintf("tab %d: %s to %q", i, back.Status, to)
				}
			})
		}
		tabs.Wait()
		close(faults)
		for f := range faults {
			t.Error(f)
		}
		p.isIn()
	})
	t.Run("return targets", func(t *testing.T) {
		for _, to := range []string{
			"//evil.example/", "https://evil.example/", `/\evil.example/`, `\\evil.example`, "/%09/evil.example", "/\t/evil.example",
			"javascript:alert(1)", "/.postern/signout", "/.postern/../x", "/a/../../x", "//", "///evil.example", "/x\r\nSet-Cookie: evil=1",
			"http:evil.example", "/%2f%2fevil.example/..%2f", "@evil.example", "/@evil.example/..", "?x", "", "x", "/x#@evil.example", "/\u2044evil.example", "/" + strings.Repeat("x", 4000),
		} {
			p := s.person(t)
			got := p.finish("corp", p.begin("corp", to))
			u, err := url.Parse(got.Header.Get("Location"))
			if err != nil || got.StatusCode != http.StatusFound || u.Scheme+"://"+u.Host != s.site || strings.HasPrefix(u.Path, "//") || strings.HasPrefix(u.Path, "/.postern") || got.Header.Get("Set-Cookie") == "evil=1" {
				t.Errorf("%q: %s to %q", to, got.Status, got.Header.Get("Location"))
			}
		}
	})
	t.Run("sign-out", func(t *testing.T) {
		p := s.person(t)
		p.signIn("corp")
		had, from := p.session(), s.size()
		// Not by a link or form of another site.
		for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}, {"Origin", "null"}, {}} {
			if got := p.do(http.MethodPost, "/.postern/signout", url.Values{}, header...); got.StatusCode != http.StatusForbidden {
				t.Errorf("%v: %s", header, got.Status)
			}
			p.get("/.postern/signout", append(header, "Sec-Fetch-Mode", "navigate")...)
		}
		p.isIn()
		page := p.get(s.page)
		if cc := page.Header.Get("Cache-Control"); !strings.Contains(cc, "private") || !strings.Contains(cc, "no-cache") && !strings.Contains(cc, "no-store") {
			t.Errorf("the page's Cache-Control is %q", cc)
		}
		got := p.do(http.MethodPost, "/.postern/signout", url.Values{}, "Origin", s.site)
		to, err := url.Parse(got.Header.Get("Location"))
		if err != nil || !strings.HasPrefix(to.String(), s.liars["corp"].Issuer()+"/out?") || to.Query().Get("post_logout_redirect_uri") != s.site+"/.postern/signedout" || to.Query().Get("client_id") != "postern" || to.Query().Get("id_token_hint") == "" {
			t.Errorf("signed out by %s to %s", got.Status, to)
		}
		if got.Header.Get("Clear-Site-Data") != `"cache"` {
			t.Errorf("the back button shows the page from a cache: %v", got.Header)
		}
		if told(s.event(from, "sign-out", "corp")) != "success <nil>" {
			t.Errorf("the audit says nothing of it:\n%s", s.tail(from))
		}
		p.isOut()
		site, _ := url.Parse(s.site)
		p.Jar.SetCookies(site, []*http.Cookie{{Name: "postern", Value: had, Path: "/"}})
		p.isOut() // the back button, with the cookie of before
	})
	t.Run("revoked", func(t *testing.T) {
		p, other, from := s.person(t), s.person(t), s.size()
		p.signIn("corp")
		other.signIn("other")
		under := other.begin("corp", s.page) // a sign-in under way
		resp, err := http.Post("http://"+s.admin+"/postern/revoke", "application/json", bytes.NewBufferString(`{"provider":"corp","subject":"sub-corp"}`))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if e := s.event(from, "revoke", "corp"); resp.StatusCode != http.StatusNoContent || e["user.id"] != "corp/sub-corp" {
			t.Errorf("%s, audit %v", resp.Status, e)
		}
		p.isOut()
		other.isIn()
		from = s.size()
		other.refused(other.finish("corp", under), from, "not_admitted: revoked")
		other.isIn()
	})
}

// TestHostileLogout: tokens that end sessions, and such as must not.
func TestHostileLogout(t *testing.T) {
	s := newHonest(t)
	corp := s.liars["corp"]
	p := s.person(t)
	p.signIn("corp")
	post := func(token string, more ...string) seen {
		form := url.Values{"logout_token": {token}}
		for i := 0; i+1 < len(more); i += 2 {
			form.Add(more[i], more[i+1])
		}
		return s.person(t).do(http.MethodPost, "/.postern/backchannel/corp", form)
	}
	now := time.Now().Unix()
	for name, token := range map[string]string{
		"alg none":         idptest.Unsigned(`{"alg":"none","typ":"logout+jwt"}`, corp.LogoutClaims(nil), ""),
		"key of nobody":    idptest.SignJWT(corp.LogoutClaims(nil), "RS256", s.idp.Foreign, "rsa", nil),
		"HMAC":             idptest.SignJWT(corp.LogoutClaims(nil), "HS256", []byte(idptest.HostileSecret+strings.Repeat("\x00", 32)), "rsa", nil),
		"an ID token":      s.idp.Sign(corp.LogoutClaims(claim("events", nil)), "JWT"),
		"an access token":  s.idp.Sign(corp.LogoutClaims(nil), "at+jwt"),
		"with a nonce":     corp.LogoutToken(claim("nonce", "n")),
		"no events":        corp.LogoutToken(claim("events", nil)),
		"wrong events":     corp.LogoutToken(claim("events", map[string]any{"http://schemas.openid.net/event/other": map[string]any{}})),
		"events a list":    corp.LogoutToken(claim("events", []string{"http://schemas.openid.net/event/backchannel-logout"})),
		"event no object":  corp.LogoutToken(claim("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": true})),
		"no jti":           corp.LogoutToken(claim("jti", nil)),
		"huge jti":         corp.LogoutToken(claim("jti", strings.Repeat("j", 300))),
		"jti a number":     corp.LogoutToken(claim("jti", 1)),
		"nobody":           corp.LogoutToken(claims(map[string]any{"sub": nil, "sid": nil})),
		"sid a number":     corp.LogoutToken(claim("sid", 1)),
		"expired":          corp.LogoutToken(claim("exp", now-1)),
		"no exp":           corp.LogoutToken(claim("exp", nil)),
		"issued long ago":  corp.LogoutToken(claim("iat", now-3600)),
		"issued ahead":     corp.LogoutToken(claim("iat", now+3600)),
		"other audience":   corp.LogoutToken(claim("aud", "other")),
		"other issuer":     corp.LogoutToken(claim("iss", "https://evil.example")),
		"other provider's": s.liars["other"].LogoutToken(claims(map[string]any{"sub": "sub-corp", "sid": "sid-corp"})),
		"not a token":      "abc",
		"empty":            "",
	} {
		from := s.size()
		if got := post(token); got.StatusCode != http.StatusBadRequest || strings.Contains(got.body, "evil") {
			t.Errorf("%s: %s %s", name, got.Status, got.body)
		}
		if e := s.event(from, "provider-sign-out", "corp"); token != "" && e["event.outcome"] != "failure" {
			t.Errorf("%s: audit %v", name, e)
		}
	}
	if got := post(corp.LogoutToken(nil), "logout_token", "x"); got.StatusCode != http.StatusBadRequest {
		t.Errorf("two tokens: %s", got.Status)
	}
	p.isIn()
	// A token is good once; one of the right person's ends his sessions.
	token := corp.LogoutToken(nil)
	from := s.size()
	if got := post(token); got.StatusCode != http.StatusOK || told(s.event(from, "provider-sign-out", "corp")) != "success <nil>" {
		t.Errorf("the right one: %s\n%s", got.Status, s.tail(from))
	}
	p.isOut()
	p.signIn("corp")
	from = s.size()
	if got := post(token); got.StatusCode != http.StatusBadRequest || told(s.event(from, "provider-sign-out", "corp")) != "failure bad_token: replay" {
		t.Errorf("the replay: %s", got.Status)
	}
	p.isIn()
}

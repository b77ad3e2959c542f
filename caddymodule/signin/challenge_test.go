package signin_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/signin"
)

func TestChallenge(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, provider("corp", h.URL))
	for name, tt := range map[string]struct {
		method string
		header []string
		want   int
	}{
		"browser":                {"GET", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 302},
		"frame":                  {"GET", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 302},
		"form":                   {"POST", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 303},
		"old browser":            {"GET", []string{"Accept", "text/html, */*;q=0.1"}, 302},
		"old browser's form":     {"POST", []string{"Accept", "text/html"}, 401},
		"script":                 {"GET", []string{"Sec-Fetch-Mode", "cors", "Accept", "text/html"}, 401},
		"old script":             {"GET", []string{"Accept", "text/html", "X-Requested-With", "XMLHttpRequest"}, 401},
		"picture":                {"GET", []string{"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, 401},
		"embedded object":        {"GET", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "object"}, 401},
		"prefetch":               {"GET", []string{"Sec-Fetch-Mode", "navigate", "Sec-Purpose", "prefetch"}, 401},
		"command line":           {"GET", []string{"Accept", "*/*"}, 401},
		"no accept":              {"GET", nil, 401},
		"head":                   {"HEAD", []string{"Accept", "text/html"}, 401},
		"options":                {"OPTIONS", nil, 401},
		"bearer":                 {"GET", []string{"Accept", "text/html", "Authorization", "Bearer x"}, 401},
		"put":                    {"PUT", []string{"Sec-Fetch-Mode", "navigate"}, 401},
		"html by another's name": {"GET", []string{"Accept", "text/html5"}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(tt.method, s.URL+"/x", nil)
			for i := 0; i < len(tt.header); i += 2 {
				r.Header.Set(tt.header[i], tt.header[i+1])
			}
			s.rp.Challenge(w, r)
			if w.Code != tt.want {
				t.Errorf("got %d, want %d", w.Code, tt.want)
			}
			if w.Header().Get("Cache-Control") != "no-store" {
				t.Error("the answer may be cached")
			}
			if tt.want != 401 {
				return
			}
			if !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), `Bearer realm="postern"`) || len(w.Result().Cookies()) != 0 {
				t.Errorf("headers %v", w.Header())
			}
			if (name == "bearer") != strings.Contains(w.Header().Get("WWW-Authenticate"), "invalid_token") {
				t.Errorf("WWW-Authenticate: %s", w.Header().Get("WWW-Authenticate"))
			}
			if (w.Body.Len() == 0) != (tt.method == "HEAD") || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("body %q", w.Body)
			}
		})
	}
}

func TestOwnPaths(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, provider("corp", h.URL))
	for path, want := range map[string]bool{
		"/.postern/choose": true, "/.postern/signin": true, "/.postern/signout": true, "/.postern/signedout": true,
		"/.postern/signin/corp": true, "/.postern/callback/corp": true, "/.postern/backchannel/corp": true,
		"/.postern": false, "/.postern/": false, "/.postern/callback": false, "/.postern/callback/": false, "/.postern/callback/acme": false,
		"/.postern/callback/corp/": false, "/.postern/live": false, "/": false, "/x/.postern/signin": false, "/.POSTERN/signin": false,
	} {
		if got := s.rp.Handles(path); got != want {
			t.Errorf("Handles(%q) = %v", path, got)
		}
	}
	b := newBrowser(t, false)
	for _, tt := range []struct {
		method, path string
		want         int
	}{
		{"POST", "/.postern/callback/corp", 405},
		{"HEAD", "/.postern/callback/corp", 405},
		{"GET", "/.postern/backchannel/corp", 405},
		{"PUT", "/.postern/signout", 405},
		{"POST", "/.postern/signin", 405},
		{"GET", "/.postern/signin?%zz", 400},
		{"GET", "/.postern/signedout", 200},
		{"HEAD", "/.postern/signedout", 200},
	} {
		p := b.do(tt.method, s.URL+tt.path, nil)
		if p.StatusCode != tt.want || p.Header.Get("Cache-Control") != "no-store" || p.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s %s: %s %v", tt.method, tt.path, p.Status, p.Header)
		}
	}
}

func TestSignOut(t *testing.T) {
	h := newHostile(t)
	for name, tt := range map[string]struct {
		method string
		header []string
		want   int
		out    bool
	}{
		"form":                    {"POST", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate"}, 303, true},
		"form of an old browser":  {"POST", []string{"Origin", "SITE"}, 303, true},
		"link on a page":          {"GET", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 302, true},
		"link elsewhere":          {"GET", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200, false},
		"typed":                   {"GET", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200, false},
		"picture on a page":       {"GET", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, 200, false},
		"prefetch":                {"GET", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Purpose", "prefetch"}, 200, false},
		"old browser's link":      {"GET", nil, 200, false},
		"form elsewhere":          {"POST", []string{"Sec-Fetch-Site", "cross-site", "Origin", "SITE"}, 403, false},
		"form of a sister domain": {"POST", []string{"Sec-Fetch-Site", "same-site"}, 403, false},
		"form, origin hidden":     {"POST", []string{"Origin", "null"}, 403, false},
		"form, nothing said":      {"POST", nil, 403, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil, provider("corp", h.URL))
			b := signedIn(t, h, s)
			header := append([]string(nil), tt.header...)
			for i := range header {
				header[i] = strings.Replace(header[i], "SITE", s.URL, 1)
			}
			p := b.do(tt.method, s.URL+"/.postern/signout", nil, header...)
			if p.StatusCode != tt.want || s.isIn(b) == tt.out {
				t.Errorf("%s, in: %v", p.Status, s.isIn(b))
			}
			if tt.out && p.Header.Get("Location") != s.URL+"/.postern/signedout" {
				t.Errorf("sent to %s", p.Header.Get("Location"))
			}
		})
	}
}

func TestConfig(t *testing.T) {
	good := func() signin.Config {
		return signin.Config{
			Site: &url.URL{Scheme: "https", Host: "extranet.acme.example"}, Store: &failingStore{},
			Providers: []signin.Provider{{Name: "corp", Issuer: "https://idp.example", ClientID: "postern"}},
		}
	}
	for name, tt := range map[string]struct {
		bend func(c *signin.Config)
		want string
	}{
		"no site":              {func(c *signin.Config) { c.Site = nil }, "no site"},
		"site with a path":     {func(c *signin.Config) { c.Site.Path = "/wiki" }, "without a path"},
		"plain http site":      {func(c *signin.Config) { c.Site.Scheme = "http" }, "must be https"},
		"plain http elsewhere": {func(c *signin.Config) { c.Site.Scheme, c.Insecure = "http", true }, "must be https"},
		"no store":             {func(c *signin.Config) { c.Store = nil }, "no store"},
		"no provider":          {func(c *signin.Config) { c.Providers = nil }, "no provider"},
		"provider twice":       {func(c *signin.Config) { c.Providers = append(c.Providers, c.Providers[0]) }, "twice"},
		"provider called wiki": {func(c *signin.Config) { c.Providers[0].Name = "wiki" }, "the wiki itself"},
		"provider's name":      {func(c *signin.Config) { c.Providers[0].Name = "Corp/../x" }, "lower-case"},
		"plain http issuer":    {func(c *signin.Config) { c.Providers[0].Issuer = "http://idp.example" }, "https URL"},
		"loopback issuer":      {func(c *signin.Config) { c.Providers[0].Issuer = "http://127.0.0.1:1" }, "https URL"},
		"issuer with a query":  {func(c *signin.Config) { c.Providers[0].Issuer += "/?x=1" }, "https URL"},
		"no client id":         {func(c *signin.Config) { c.Providers[0].ClientID = "" }, "client_id"},
		"prefix":               {func(c *signin.Config) { c.Prefix = "postern" }, "plain path"},
	} {
		c := good()
		tt.bend(&c)
		rp, err := signin.New(c)
		if err == nil {
			rp.Close()
			t.Errorf("%s: accepted", name)
		} else if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", name, err, tt.want)
		}
	}
	c := good()
	c.Site, c.Store = nil, nil
	if _, err := signin.New(c); err == nil || !strings.Contains(err.Error(), "no site") || !strings.Contains(err.Error(), "no store") {
		t.Errorf("not all faults are told: %v", err)
	}
}

func TestNotFoundPage(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, provider("corp", h.URL))
	w := httptest.NewRecorder()
	s.rp.ServeHTTP(w, httptest.NewRequest(http.MethodGet, s.URL+"/.postern/nothing", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("got %d", w.Code)
	}
}

package signin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/signin"
	"github.com/postern-gateway/postern/caddymodule/store"
	"github.com/postern-gateway/postern/rules"
)

// signedIn signs a browser in through a scripted provider.
func signedIn(t testing.TB, h *hostile, s *site) browser {
	t.Helper()
	b := newBrowser(t, false)
	p := b.get(s.URL + "/.postern/callback/corp?code=the-code&state=" + h.begin(t, s, b, "/x"))
	if p.StatusCode != http.StatusFound || b.cookie(s.URL, "postern") == "" {
		t.Fatalf("not signed in: %s\n%s", p.Status, s.counts.logged())
	}
	return b
}

func (s *site) isIn(b browser) bool {
	return strings.Contains(b.get(s.URL+"/y").body, "sub-1")
}

// request makes a request with a browser's cookies, for RP.Session.
func (s *site) request(b browser) *http.Request {
	r := httptest.NewRequest(http.MethodGet, s.URL+"/y", nil)
	r.Header.Set("Cookie", "a=b; postern="+b.cookie(s.URL, "postern"))
	return r
}

func TestLoginCSRF(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, provider("corp", h.URL))
	attacker, victim := newBrowser(t, false), newBrowser(t, false)
	callback := s.URL + "/.postern/callback/corp?code=the-code&state=" + h.begin(t, s, attacker, "/")
	// Once with nothing of the victim's under way, once with.
	if p := victim.get(callback); p.StatusCode != http.StatusBadRequest || s.counts.reason() != "browser" {
		t.Errorf("a state from another browser: %s, %s", p.Status, s.counts.reason())
	}
	callback = s.URL + "/.postern/callback/corp?code=the-code&state=" + h.begin(t, s, attacker, "/")
	h.begin(t, s, victim, "/")
	if p := victim.get(callback); p.StatusCode != http.StatusBadRequest || s.counts.reason() != "browser" {
		t.Errorf("a state from another browser: %s, %s", p.Status, s.counts.reason())
	}
	// Used up: not even the attacker can go on.
	if attacker.get(callback); s.counts.reason() != "state" {
		t.Errorf("the state lives on: %s", s.counts.reason())
	}
	if h.exchanges != 0 {
		t.Error("the code was sent on")
	}
}

func TestReplay(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, provider("corp", h.URL))
	b := newBrowser(t, false)
	callback := s.URL + "/.postern/callback/corp?code=the-code&state=" + h.begin(t, s, b, "/")
	var wg sync.WaitGroup
	var mu sync.Mutex
	var codes []int
	for range 6 {
		wg.Go(func() {
			p := b.get(callback)
			mu.Lock()
			defer mu.Unlock()
			codes = append(codes, p.StatusCode)
		})
	}
	wg.Wait()
	slices.Sort(codes)
	if codes[0] != http.StatusFound || codes[1] != http.StatusBadRequest || h.exchanges != 1 {
		t.Errorf("answers %v, %d exchanges", codes, h.exchanges)
	}
	// A flow ends by itself, too.
	callback = s.URL + "/.postern/callback/corp?code=the-code&state=" + h.begin(t, s, newBrowser(t, false), "/")
	s.clock.Add(11 * time.Minute)
	if b.get(callback); s.counts.reason() != "state" {
		t.Errorf("an old state: %s", s.counts.reason())
	}
}

func TestOtherProvidersCallback(t *testing.T) {
	h, evil := newHostile(t), newHostile(t)
	s := newSite(t, nil, provider("corp", h.URL), provider("evil", evil.URL))
	b := newBrowser(t, false)
	p := b.get(s.URL + "/.postern/signin/corp")
	u, err := url.Parse(p.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	b.get(s.URL + "/.postern/callback/evil?code=the-code&state=" + u.Query().Get("state"))
	if s.counts.reason() != "provider" || evil.exchanges != 0 {
		t.Errorf("reason %s, %d codes leaked", s.counts.reason(), evil.exchanges)
	}
}

func TestTabs(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, provider("corp", h.URL))
	b := newBrowser(t, false)
	type tab struct{ path, state, nonce, challenge string }
	var tabs []tab
	for _, path := range []string{"/a", "/b", "/c"} {
		state := h.begin(t, s, b, path)
		tabs = append(tabs, tab{path, state, h.nonce, h.challenge})
	}
	slices.Reverse(tabs)
	var cookies []string
	for _, tab := range tabs {
		h.mu.Lock()
		h.nonce, h.challenge, h.redeemed = tab.nonce, tab.challenge, false
		h.mu.Unlock()
		p := b.get(s.URL + "/.postern/callback/corp?code=the-code&state=" + tab.state)
		if p.StatusCode != http.StatusFound || p.Header.Get("Location") != s.URL+tab.path {
			t.Errorf("%s came back to %s %s", tab.path, p.Status, p.Header.Get("Location"))
		}
		cookies = append(cookies, b.cookie(s.URL, "postern"))
	}
	if !s.isIn(b) {
		t.Error("not signed in after three tabs")
	}
	// Each sign-in made a new session and ended the one before.
	for _, old := range cookies[:2] {
		if p := newBrowser(t, false).get(s.URL+"/", "Cookie", "postern="+old); p.StatusCode != http.StatusFound {
			t.Errorf("a replaced session still opens: %s", p.Status)
		}
	}
}

func TestFixation(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, provider("corp", h.URL))
	planted := strings.Repeat("A", 43)
	b := newBrowser(t, false)
	u, _ := url.Parse(s.URL)
	b.Jar.SetCookies(u, []*http.Cookie{{Name: "postern", Value: planted, Path: "/"}, {Name: "postern-flow", Value: "planted", Path: "/"}})
	state := h.begin(t, s, b, "/")
	if v := b.cookie(s.URL, "postern-flow"); v == "planted" {
		t.Error("a planted flow cookie of another form was adopted")
	}
	b.get(s.URL + "/.postern/callback/corp?code=the-code&state=" + state)
	if v := b.cookie(s.URL, "postern"); v == planted || v == "" {
		t.Errorf("session cookie is %q", v)
	}
	if p := newBrowser(t, false).get(s.URL+"/", "Cookie", "postern="+planted); p.StatusCode != http.StatusFound {
		t.Errorf("the planted id opens: %s", p.Status)
	}
}

func TestCookies(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, provider("corp", h.URL))
	b := signedIn(t, h, s)
	v := b.cookie(s.URL, "postern")
	raw := newBrowser(t, false)
	for name, tt := range map[string]struct {
		cookie string
		want   int
	}{
		"good":                {"postern=" + v, http.StatusOK},
		"among others":        {"a=b; postern=" + v + "; c=d", http.StatusOK},
		"twice the same":      {"postern=" + v + "; postern=" + v, http.StatusBadRequest},
		"with a damaged one":  {"postern=x; postern=" + v, http.StatusBadRequest},
		"with an empty one":   {"postern=" + v + "; postern=", http.StatusBadRequest},
		"and one without =":   {"postern=" + v + "; postern", http.StatusBadRequest},
		"damaged":             {"postern=" + v[1:], http.StatusFound},
		"longer":              {"postern=" + v + "A", http.StatusFound},
		"quoted":              {`postern="` + v + `"`, http.StatusFound},
		"unknown":             {"postern=" + strings.Repeat("B", 43), http.StatusFound},
		"another name's case": {"Postern=" + v, http.StatusFound},
		"huge":                {"postern=" + strings.Repeat("x", 8000), http.StatusFound},
		"none":                {"a=b", http.StatusFound},
	} {
		if p := raw.get(s.URL+"/", "Cookie", tt.cookie); p.StatusCode != tt.want {
			t.Errorf("%s: %s, want %d", name, p.Status, tt.want)
		}
	}
	r := s.request(b)
	r.Header.Add("Cookie", "postern="+v)
	if _, err := s.rp.Session(r); !errors.Is(err, signin.ErrAmbiguousCookie) {
		t.Errorf("a second header line: %v", err)
	}
}

// TestCookieAttributes looks at a site that is https, as all are in earnest.
func TestCookieAttributes(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, func(c *signin.Config) { c.Site = &url.URL{Scheme: "https", Host: "extranet.acme.example"} }, provider("corp", h.URL))
	h.mu.Lock()
	h.redeemed = false
	h.mu.Unlock()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "https://extranet.acme.example/x", nil)
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	s.rp.Challenge(w, r)
	to, err := url.Parse(w.Header().Get("Location"))
	if err != nil || to.Query().Get("redirect_uri") != "https://extranet.acme.example/.postern/callback/corp" {
		t.Fatalf("sent to %s", to)
	}
	flow := w.Result().Cookies()[0]
	h.mu.Lock()
	h.nonce, h.challenge = to.Query().Get("nonce"), to.Query().Get("code_challenge")
	h.mu.Unlock()
	w = httptest.NewRecorder()
	r = httptest.NewRequest(http.MethodGet, "https://extranet.acme.example/.postern/callback/corp?code=the-code&state="+to.Query().Get("state"), nil)
	r.AddCookie(flow)
	s.rp.ServeHTTP(w, r)
	if w.Code != http.StatusFound || w.Header().Get("Location") != "https://extranet.acme.example/x" {
		t.Fatalf("%d %v\n%s", w.Code, w.Header(), s.counts.logged())
	}
	session := w.Result().Cookies()[0]
	size := 0
	for name, c := range map[string]*http.Cookie{"__Host-postern": session, "__Host-postern-flow": flow} {
		if c.Name != name || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			t.Errorf("%s is %+v", name, c)
		}
		size += len(c.Name) + 1 + len(c.Value) + 2
	}
	if size >= 200 {
		t.Errorf("own cookies take %d bytes", size)
	}
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Error("the answer may be cached")
	}
}

func TestReturnTargets(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, provider("corp", h.URL))
	for _, tt := range []struct{ to, want string }{
		{"/display/ACME/Plan", "/display/ACME/Plan"},
		{"/a%20b?q=%26&x=1", "/a%20b?q=%26&x=1"},
		{"/a%2Fb", "/a%2Fb"},
		{"/?next=https://evil.example", "/?next=https://evil.example"},
		{"", "/"},
		{"x", "/"},
		{"https://evil.example/", "/"},
		{"//evil.example/", "/"},
		{"///evil.example/", "/"},
		{`/\evil.example`, "/"},
		{`\\evil.example`, "/"},
		{`/%5Cevil.example`, "/"},
		{`/%2Fevil.example`, "/"},
		{"/\t/evil.example", "/"},
		{"/ /evil.example", "/"},
		{"\n/evil", "/"},
		{"/x\r\nSet-Cookie: a=b", "/"},
		{"/%0d%0aSet-Cookie:a=b", "/"},
		{"/../evil", "/"},
		{"/a/%2e%2e/b", "/"},
		{"/a/./b", "/"},
		{"/x#//evil.example", "/"},
		{"/%zz", "/"},
		{"javascript:alert(1)", "/"},
		{"/.postern/signout", "/"},
		{"/.postern", "/"},
		{"/%2epostern/signout", "/"},
		{"/ünicode", "/"},
		{"/" + strings.Repeat("x", 3000), "/"},
	} {
		b := newBrowser(t, false)
		state := h.begin(t, s, b, "/.postern/signin?to="+url.QueryEscape(tt.to))
		p := b.get(s.URL + "/.postern/callback/corp?code=the-code&state=" + state)
		if got := p.Header.Get("Location"); got != s.URL+tt.want {
			t.Errorf("%q came back to %q, want %q", tt.to, got, s.URL+tt.want)
		}
	}
	b := newBrowser(t, false)
	if p := b.get(s.URL + "/.postern/signin?to=/a&to=/b"); p.StatusCode != http.StatusBadRequest {
		t.Errorf("two targets: %s", p.Status)
	}
}

func TestLimits(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, func(c *signin.Config) { c.Idle, c.Absolute = time.Hour, 150*time.Minute }, provider("corp", h.URL))
	b := signedIn(t, h, s)
	for range 3 {
		s.clock.Add(40 * time.Minute)
		if !s.isIn(b) {
			t.Fatal("a session in use ended")
		}
	}
	s.clock.Add(40 * time.Minute)
	if s.isIn(b) {
		t.Error("a session outlived its absolute limit")
	}
	b = signedIn(t, h, s)
	s.clock.Add(61 * time.Minute)
	if s.isIn(b) {
		t.Error("an idle session lives on")
	}
	if n, err := s.store.CountSessions(t.Context(), s.clock.Now().Add(-time.Hour)); err != nil || n > 1 {
		t.Errorf("%d sessions left, %v", n, err)
	}
}

func TestRevoke(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, provider("corp", h.URL))
	b := signedIn(t, h, s)
	sess, err := s.rp.Session(s.request(b))
	if err != nil || sess == nil {
		t.Fatal(sess, err)
	}
	other := newBrowser(t, false)
	state := h.begin(t, s, other, "/")
	if err := s.rp.Revoke(t.Context(), "corp", "sub-2"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-sess.Done():
		t.Fatal("somebody else's revocation ended the session")
	default:
	}
	if err := s.rp.Revoke(t.Context(), "corp", "sub-1"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-sess.Done():
	default:
		t.Error("what is under way goes on")
	}
	if s.isIn(b) {
		t.Error("still signed in")
	}
	if other.get(s.URL + "/.postern/callback/corp?code=the-code&state=" + state); s.counts.reason() != "revoked" {
		t.Errorf("a sign-in begun before the revocation: %s", s.counts.reason())
	}
}

// TestEndedElsewhere ends a session behind the relying party's back, as
// another replica would.
func TestEndedElsewhere(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, provider("corp", h.URL))
	b := signedIn(t, h, s)
	sess, err := s.rp.Session(s.request(b))
	if err != nil || sess == nil {
		t.Fatal(sess, err)
	}
	if _, err := s.store.Revoke(t.Context(), "corp", "sub-1", time.Now()); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	select {
	case <-sess.Done():
	case <-time.After(5 * time.Second):
	}
	// A second is the promise; the other is for a busy machine.
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("what was under way went on for %v", took)
	}
	if s.isIn(b) {
		t.Error("still signed in")
	}
}

// TestClockSetBack ends a session elsewhere after the clock was set back.
func TestClockSetBack(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, provider("corp", h.URL))
	b := signedIn(t, h, s)
	if !s.isIn(b) {
		t.Fatal("not signed in")
	}
	s.clock.Add(-time.Hour)
	if !s.isIn(b) {
		t.Error("a clock set back ended the session")
	}
	if _, err := s.store.Revoke(t.Context(), "corp", "sub-1", s.clock.Now()); err != nil {
		t.Fatal(err)
	}
	s.clock.Add(time.Second)
	if s.isIn(b) {
		t.Error("still signed in")
	}
}

// TestRestart is what a new process knows of the old one's sessions.
func TestRestart(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, provider("corp", h.URL))
	b := signedIn(t, h, s)
	u, _ := url.Parse(s.URL)
	for name, tt := range map[string]struct {
		config signin.Config
		in     bool
	}{
		"same":             {signin.Config{Providers: []signin.Provider{provider("corp", h.URL)}}, true},
		"provider is gone": {signin.Config{Providers: []signin.Provider{provider("acme", h.URL)}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			tt.config.Site, tt.config.Store, tt.config.Insecure = u, s.store, true
			rp, err := signin.New(tt.config)
			if err != nil {
				t.Fatal(err)
			}
			defer rp.Close()
			got, err := rp.Session(s.request(b))
			if err != nil || (got != nil) != tt.in {
				t.Errorf("Session = %v, %v", got, err)
			}
		})
	}
}

func TestAdmitAndLink(t *testing.T) {
	h := newHostile(t)
	var mu sync.Mutex
	linked, deactivated := "", false
	s := newSite(t, func(c *signin.Config) {
		c.LinkUser = func(p string, id signin.Identity) string {
			mu.Lock()
			defer mu.Unlock()
			if p != "corp" || id.Username != "eva" || !id.EmailVerified {
				t.Errorf("asked to link %s %+v", p, id)
			}
			return linked
		}
		c.Admit = func(v rules.Viewer) error {
			mu.Lock()
			defer mu.Unlock()
			if deactivated {
				return errors.New("deactivated in the wiki")
			}
			return nil
		}
	}, provider("corp", h.URL))
	b := signedIn(t, h, s)
	if got := b.get(s.URL + "/").body; !strings.Contains(got, `"WikiUser":""`) {
		t.Error(got)
	}
	mu.Lock()
	linked = "eva.a"
	mu.Unlock()
	s.rp.Relink()
	if got := b.get(s.URL + "/").body; !strings.Contains(got, `"WikiUser":"eva.a"`) {
		t.Error(got)
	}
	mu.Lock()
	deactivated = true
	mu.Unlock()
	s.rp.Relink()
	if s.isIn(b) {
		t.Error("a deactivated viewer stays")
	}
	b = newBrowser(t, false)
	b.get(s.URL + "/.postern/callback/corp?code=the-code&state=" + h.begin(t, s, b, "/"))
	if s.counts.last() != "not_admitted" {
		t.Errorf("counted %s", s.counts.last())
	}
}

// failingStore fails when told to.
type failingStore struct {
	*store.Store
	mu   sync.Mutex
	fail bool
}

func (f *failingStore) set(fail bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

func (f *failingStore) err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fail {
		return errors.New("disk is gone")
	}
	return nil
}

func (f *failingStore) SessionChanges(ctx context.Context, since int64) ([][]byte, int64, bool, error) {
	if err := f.err(); err != nil {
		return nil, 0, false, err
	}
	return f.Store.SessionChanges(ctx, since)
}

func (f *failingStore) Session(ctx context.Context, id []byte, now time.Time) (signin.SessionRecord, bool, error) {
	if err := f.err(); err != nil {
		return signin.SessionRecord{}, false, err
	}
	return f.Store.Session(ctx, id, now)
}

func (f *failingStore) PutFlow(ctx context.Context, r signin.FlowRecord) error {
	if err := f.err(); err != nil {
		return err
	}
	return f.Store.PutFlow(ctx, r)
}

func TestStoreOutage(t *testing.T) {
	h := newHostile(t)
	fs := &failingStore{}
	s := newSite(t, func(c *signin.Config) {
		fs.Store, _ = c.Store.(*store.Store)
		c.Store = fs
	}, provider("corp", h.URL))
	b := signedIn(t, h, s)
	if !s.isIn(b) {
		t.Fatal("not signed in")
	}
	fs.set(true)
	s.clock.Add(10 * time.Second)
	if !s.isIn(b) {
		t.Error("a known session ended within the grace")
	}
	if p := newBrowser(t, false).get(s.URL + "/"); p.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a new sign-in got %s", p.Status)
	}
	if p := newBrowser(t, false).get(s.URL+"/", "Cookie", "postern="+strings.Repeat("C", 43)); p.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("an unknown session got %s", p.Status)
	}
	s.clock.Add(25 * time.Second)
	if p := b.get(s.URL + "/"); p.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a known session beyond the grace got %s", p.Status)
	}
	if p := b.do(http.MethodPost, s.URL+"/.postern/signout", url.Values{}, "Origin", s.URL); p.StatusCode != http.StatusServiceUnavailable || b.cookie(s.URL, "postern") == "" {
		t.Errorf("sign-out pretends: %s", p.Status)
	}
	fs.set(false)
	if !s.isIn(b) {
		t.Error("the session did not come back")
	}
}

func TestConcurrentSessions(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, provider("corp", h.URL))
	b := signedIn(t, h, s)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				sess, err := s.rp.Session(s.request(b))
				if err != nil || sess != nil && sess.Viewer.Subject != "sub-1" {
					t.Errorf("Session = %v, %v", sess, err)
				}
				s.clock.Add(time.Second)
				s.rp.Relink()
			}
		})
	}
	wg.Go(func() {
		time.Sleep(5 * time.Millisecond)
		if err := s.rp.Revoke(context.Background(), "corp", "sub-1"); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	if s.isIn(b) {
		t.Error("a revoked session came back")
	}
}

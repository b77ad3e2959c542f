package signin_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/signin"
	"github.com/postern-gateway/postern/caddymodule/store"
)

var _ signin.Store = (*store.Store)(nil)

// clock is a clock that tests move. It runs on beside that.
type clock struct {
	mu  sync.Mutex
	add time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.add)
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add += d
}

// counts records what was counted and logged.
type counts struct {
	mu      sync.Mutex
	results []string
	log     strings.Builder
}

func (c *counts) SignIn(_, result string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.results = append(c.results, result)
}
func (c *counts) Sessions(int)            {}
func (c *counts) IDPError(string, string) {}

func (c *counts) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.Write(p)
}

func (c *counts) last() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.results) == 0 {
		return ""
	}
	return c.results[len(c.results)-1]
}

// reason is the last line's reason.
func (c *counts) reason() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(c.log.String()), "\n")
	var line struct{ Reason string }
	if json.Unmarshal([]byte(lines[len(lines)-1]), &line) != nil {
		return ""
	}
	return line.Reason
}

func (c *counts) logged() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.log.String()
}

// site is a gateway of nothing: it says who the viewer is.
type site struct {
	*httptest.Server
	rp     *signin.RP
	store  *store.Store
	clock  *clock
	counts *counts
}

func newSite(t testing.TB, change func(c *signin.Config), providers ...signin.Provider) *site {
	t.Helper()
	s := &site{clock: &clock{}, counts: &counts{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Server.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	if s.store, err = store.Open(t.Context(), "sqlite::memory:", store.Options{SweepEvery: -1, Now: s.clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() })
	c := signin.Config{
		Site: u, Providers: providers, Store: s.store, Insecure: true, Now: s.clock.Now, Metrics: s.counts,
		Log: slog.New(slog.NewJSONHandler(s.counts, nil)),
	}
	if change != nil {
		change(&c)
	}
	if s.rp, err = signin.New(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.rp.Close)
	return s
}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	if s.rp.Handles(r.URL.Path) {
		s.rp.ServeHTTP(w, r)
		return
	}
	sess, err := s.rp.Session(r)
	var refused *signin.BearerError
	switch {
	case errors.As(err, &refused):
		signin.RefuseBearer(w, r, refused)
	case errors.Is(err, signin.ErrAmbiguousCookie):
		http.Error(w, "ambiguous", http.StatusBadRequest)
	case err != nil:
		http.Error(w, "unavailable", http.StatusServiceUnavailable)
	case sess == nil:
		s.rp.Challenge(w, r)
	default:
		_ = json.NewEncoder(w).Encode(map[string]any{"path": r.URL.RequestURI(), "viewer": sess.Viewer, "username": sess.Username})
	}
}

// browser is a client with cookies that behaves as one.
type browser struct {
	t testing.TB
	*http.Client
}

func newBrowser(t testing.TB, follow bool) browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Timeout: 20 * time.Second}
	if !follow {
		c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return browser{t, c}
}

type page struct {
	*http.Response
	body string
}

func (b browser) do(method, to string, form url.Values, header ...string) page {
	b.t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, to, body)
	if err != nil {
		b.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Accept", "text/html,*/*;q=0.8")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := b.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{resp, string(data)}
}

func (b browser) get(to string, header ...string) page {
	b.t.Helper()
	return b.do(http.MethodGet, to, nil, header...)
}

// cookie finds one in the jar.
func (b browser) cookie(at, name string) string {
	u, _ := url.Parse(at)
	for _, c := range b.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func unb64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

package caddymodule

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/idptest"
	"github.com/postern-gateway/postern/caddymodule/wikitest"
)

// lying is the demo's wiki behind Caddy, with providers that lie in place of the
// demo's, and a tap that shows what arrives at the wiki.
type lying struct {
	*rawSite
	idp   *idptest.Hostile
	liars map[string]*idptest.Liar
	page  string // that people want
}

// lie is one provider: what it lies about, how it is configured, and what the
// policy thinks of it.
type lie struct {
	lies  idptest.Lies
	conf  map[string]any // of the app's provider, besides the usual
	trust string         // what the policy's providers say of it; empty: nothing
}

const planPage = "/display/ACME/Project+Plan"

func newLying(tb testing.TB, providers map[string]func(h *idptest.Hostile) lie, change ...func(app map[string]any)) *lying {
	tb.Helper()
	s := &lying{page: planPage, idp: idptest.NewHostile(), liars: map[string]*idptest.Liar{}}
	tb.Cleanup(s.idp.Close)
	var conf []any
	policy := string(wikitest.DemoPolicy) + "\nproviders:\n"
	names := []string{"nobody-else"}
	for name := range providers {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		one := lie{}
		if f := providers[name]; f != nil {
			one = f(s.idp)
		}
		s.liars[name] = s.idp.Provider(name, one.lies)
		p := map[string]any{"name": name, "issuer": s.liars[name].Issuer(), "client_id": "postern", "client_secret": idptest.HostileSecret}
		for k, v := range one.conf {
			p[k] = v
		}
		conf = append(conf, p)
		policy += "  " + name + ": {" + one.trust + "}\n"
	}
	policy += "sources: [" + strings.Join(names, ", ") + "]\n"
	file := filepath.Join(tb.TempDir(), "policy.yaml")
	if err := os.WriteFile(file, []byte(policy), 0o600); err != nil {
		tb.Fatal(err)
	}
	s.rawSite = newRawSiteOf(tb, func(app map[string]any) {
		app["providers"], app["rules"] = conf, []string{file}
		for _, f := range change {
			f(app)
		}
	})
	return s
}

// shift moves the clocks of the gateway and of the providers, which run on.
type shift struct{ ns atomic.Int64 }

func (c *shift) Now() time.Time        { return time.Now().Add(time.Duration(c.ns.Load())) }
func (c *shift) move(by time.Duration) { c.ns.Add(int64(by)) }

// newShift makes it the clock of what is loaded from now on.
func newShift(tb testing.TB) *shift {
	tb.Helper()
	c := new(shift)
	was := now
	now = c.Now
	tb.Cleanup(func() { now = was })
	return c
}

// person is somebody at a browser that follows nothing by itself.
type person struct {
	tb testing.TB
	s  *lying
	*http.Client
	forms []url.Values // that came with refreshes
}

func (s *lying) person(tb testing.TB) person {
	tb.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	return person{tb: tb, s: s, Client: &http.Client{
		Jar: jar, Timeout: 30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

type seen struct {
	*http.Response
	body string
}

func (p person) do(method, path string, form url.Values, header ...string) seen {
	p.tb.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	if !strings.HasPrefix(path, "http") {
		path = p.s.site + path
	}
	req, err := http.NewRequestWithContext(p.tb.Context(), method, path, body)
	if err != nil {
		p.tb.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Accept", "text/html")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	resp, err := p.Do(req)
	if err != nil {
		p.tb.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		p.tb.Fatal(err)
	}
	return seen{resp, string(data)}
}

func (p person) get(path string, header ...string) seen {
	p.tb.Helper()
	return p.do(http.MethodGet, path, nil, header...)
}

// begin begins a sign-in and lets the provider answer.
func (p person) begin(provider, target string) url.Values {
	p.tb.Helper()
	got := p.get("/.postern/signin/" + provider + "?to=" + url.QueryEscape(target))
	q, err := p.s.liars[provider].Authorize(got.Header.Get("Location"))
	if err != nil || got.StatusCode != http.StatusFound {
		p.tb.Fatalf("sign-in at %s did not begin: %s, %v\n%s", provider, got.Status, err, p.s.tail(0))
	}
	return q
}

// finish brings the provider's answer back.
func (p person) finish(provider string, q url.Values) seen {
	p.tb.Helper()
	return p.get("/.postern/callback/" + provider + "?" + q.Encode())
}

// signIn signs in at a provider that tells the truth, or enough of it.
func (p person) signIn(provider string) {
	p.tb.Helper()
	if got := p.finish(provider, p.begin(provider, p.s.page)); got.StatusCode != http.StatusFound || got.Header.Get("Location") != p.s.site+p.s.page {
		p.tb.Fatalf("not signed in at %s: %s to %q\n%s", provider, got.Status, got.Header.Get("Location"), p.s.tail(0))
	}
}

// session is the value of the session cookie, or "".
func (p person) session() string {
	u, _ := url.Parse(p.s.site)
	for _, c := range p.Jar.Cookies(u) {
		if c.Name == "postern" {
			return c.Value
		}
	}
	return ""
}

// size and tail read the log, the audit's events among it.
func (s *lying) size() int64 {
	info, err := os.Stat(s.logs)
	if err != nil {
		return 0
	}
	return info.Size()
}

func (s *lying) tail(from int64) string {
	b, _ := os.ReadFile(s.logs)
	return string(b[min(from, int64(len(b))):])
}

// event is the last event of the audit with that action since a place in the
// log; provider is empty for any.
func (s *lying) event(from int64, action, provider string) map[string]any {
	var last map[string]any
	for line := range strings.Lines(s.tail(from)) {
		var e map[string]any
		if json.Unmarshal([]byte(line), &e) == nil && e["event.action"] == action && (provider == "" || e["postern.provider"] == provider) {
			last = e
		}
	}
	return last
}

// told is what an event says in one line.
func told(e map[string]any) string {
	return strings.TrimSpace(fmt.Sprintf("%v %v", e["event.outcome"], e["event.reason"]))
}

// known is how the wiki was told who asks, in what arrived there.
func known(got []tapped) string {
	var out []string
	for _, g := range got {
		who := g.req.Header.Get("X-Remote-User")
		if a := g.req.Header.Get("Authorization"); a != "" {
			who += " as the service"
			if a != "Bearer "+wikitest.DemoReadToken {
				who += " with something else"
			}
		}
		if who = strings.TrimSpace(who); !slices.Contains(out, who) {
			out = append(out, who)
		}
	}
	return strings.Join(out, ", ")
}

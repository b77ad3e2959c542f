package caddymodule

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/postern-gateway/postern/caddymodule/idptest"
	"github.com/postern-gateway/postern/caddymodule/wikitest"
)

// tap stands before the wiki and keeps the bytes of every request that comes,
// as they came. It hands them on, or gives an answer of its own.
type tap struct {
	l      net.Listener
	wiki   string
	mu     sync.Mutex
	got    []tapped
	answer func(r *http.Request) *http.Response // nil, or a nil answer: the wiki's
	bytes  string                               // if set, the answer as it stands on the wire; the connection ends behind it
}

type tapped struct {
	raw  string // request line, header fields and body, as on the wire
	body string
	req  *http.Request
}

func newTap(tb testing.TB, wiki string) *tap {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &tap{l: l, wiki: strings.TrimPrefix(wiki, "http://")}
	tb.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

func (p *tap) url() string { return "http://" + p.l.Addr().String() }

func (p *tap) serve(c net.Conn) {
	defer c.Close()
	var raw bytes.Buffer
	br := bufio.NewReader(io.TeeReader(c, &raw))
	for {
		raw.Reset()
		req, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		sync := req.Header.Get("Authorization") == "Bearer "+wikitest.DemoSyncToken
		var resp *http.Response
		p.mu.Lock()
		if !sync {
			p.got = append(p.got, tapped{raw.String(), string(body), req})
			if p.answer != nil {
				resp = p.answer(req)
			}
			if p.bytes != "" {
				_, _ = io.WriteString(c, p.bytes) // the gateway may have had enough
				p.mu.Unlock()
				return
			}
		}
		p.mu.Unlock()
		if resp == nil {
			up, err := http.NewRequest(req.Method, "http://"+p.wiki+req.RequestURI, bytes.NewReader(body))
			if err != nil {
				return
			}
			up.Header, up.Host = req.Header, req.Host
			if resp, err = http.DefaultTransport.RoundTrip(up); err != nil {
				return
			}
		}
		err = resp.Write(c)
		_ = resp.Body.Close()
		if err != nil {
			return
		}
	}
}

// take gives what came since the last call.
func (p *tap) take() []tapped {
	p.mu.Lock()
	defer p.mu.Unlock()
	got := p.got
	p.got = nil
	return got
}

// answerBytes makes raw the answer to everything; "" makes it the wiki's again.
func (p *tap) answerBytes(raw string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bytes = raw
}

func (p *tap) answerWith(f func(*http.Request) *http.Response) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answer = f
}

// rawSite is the demo behind a tap, with access logs and the admin API.
type rawSite struct {
	tap               *tap
	site, host, admin string
	logs              string
}

func freeAddress(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func newRawSite(tb testing.TB) *rawSite {
	tb.Helper()
	return newRawSiteOf(tb, nil)
}

// newRawSiteOf is newRawSite with another configuration of the app.
func newRawSiteOf(tb testing.TB, change func(app map[string]any)) *rawSite {
	tb.Helper()
	addr, admin := freeAddress(tb), freeAddress(tb)
	site := "http://" + addr
	dir := tb.TempDir()
	policy, logs := filepath.Join(dir, "demo.yaml"), filepath.Join(dir, "access.log")
	if err := os.WriteFile(policy, wikitest.DemoPolicy, 0o600); err != nil {
		tb.Fatal(err)
	}
	world := wikitest.DemoWorld()
	w := wikitest.NewServer(world)
	tb.Cleanup(w.Close)
	idp := idptest.NewServer(demoIdP(site))
	tb.Cleanup(idp.Close)
	p := newTap(tb, w.URL)
	config, err := demoConfig(demoSetup{site: site, wiki: p.url(), alias: world.Base, idp: idp.URL, policy: policy, listen: addr})
	if err != nil {
		tb.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(config, &all); err != nil {
		tb.Fatal(err)
	}
	all["admin"] = map[string]any{"listen": admin, "config": map[string]any{"persist": false}}
	all["logging"] = map[string]any{"logs": map[string]any{"default": map[string]any{
		"level": "DEBUG", "writer": map[string]any{"output": "file", "filename": logs},
	}}}
	apps := all["apps"].(map[string]any)
	server := apps["http"].(map[string]any)["servers"].(map[string]any)["demo"].(map[string]any)
	server["logs"], server["protocols"] = map[string]any{}, []string{"h1", "h2c"}
	app := apps["postern"].(map[string]any)
	app["deny_floor"] = -1
	if change != nil {
		change(app)
	}
	config, err = json.Marshal(all)
	if err != nil {
		tb.Fatal(err)
	}
	if err := caddy.Load(config, true); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = caddy.Stop() })
	if err := awaitReady(tb.Context(), site); err != nil {
		tb.Fatal(err)
	}
	return &rawSite{tap: p, site: site, host: addr, admin: admin, logs: logs}
}

// cookie signs in and gives the session cookie's pair.
func (s *rawSite) cookie(tb testing.TB, user, password string) string {
	tb.Helper()
	c := signIn(tb, s.site, user, password)
	u, err := url.Parse(s.site)
	if err != nil {
		tb.Fatal(err)
	}
	for _, k := range c.Jar.Cookies(u) {
		if k.Name == "postern" {
			s.tap.take()
			return k.Name + "=" + k.Value
		}
	}
	tb.Fatal("no session cookie")
	return ""
}

// send writes bytes to the gateway and reads one answer.
func (s *rawSite) send(tb testing.TB, raw string) answered {
	tb.Helper()
	c, err := net.DialTimeout("tcp", s.host, 5*time.Second)
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, raw); err != nil {
		tb.Fatal(err)
	}
	method, _, _ := strings.Cut(raw, " ")
	br := bufio.NewReader(c)
	var interim []int
	for {
		resp, err := http.ReadResponse(br, &http.Request{Method: method})
		if err != nil {
			return answered{failed: err}
		}
		if resp.StatusCode < 200 && resp.StatusCode != 101 {
			interim = append(interim, resp.StatusCode)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			tb.Fatal(err)
		}
		return answered{status: resp.StatusCode, header: resp.Header, body: string(body), interim: interim}
	}
}

type answered struct {
	status  int
	header  http.Header
	body    string
	interim []int
	failed  error
}

// String is the answer without what each answer has for itself.
func (a answered) String() string {
	var lines []string
	for k, v := range a.header {
		if k != "Date" {
			lines = append(lines, fmt.Sprintf("%s: %q", k, v))
		}
	}
	slices.Sort(lines)
	return fmt.Sprintf("%d\n%s\n\n%s", a.status, strings.Join(lines, "\n"), a.body)
}

// request writes an HTTP/1.1 request; lines are header fields as they are to
// stand on the wire.
func (s *rawSite) request(line, cookie string, lines ...string) string {
	var b strings.Builder
	b.WriteString(line + " HTTP/1.1\r\n")
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(strings.ToLower(l), "host:") }) {
		b.WriteString("Host: " + s.host + "\r\n")
	}
	if cookie != "" {
		b.WriteString("Cookie: " + cookie + "\r\n")
	}
	for _, l := range lines {
		b.WriteString(l + "\r\n")
	}
	b.WriteString("Connection: close\r\n\r\n")
	return b.String()
}

// lines are a tapped request's line and header fields, sorted.
func (g tapped) lines() []string {
	head, _, _ := strings.Cut(g.raw, "\r\n\r\n")
	all := strings.Split(head, "\r\n")
	slices.Sort(all[1:])
	return all
}

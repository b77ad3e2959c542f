package caddymodule

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"golang.org/x/net/html"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/postern-gateway/postern/caddymodule/idptest"
	"github.com/postern-gateway/postern/caddymodule/wikitest"
)

// demoServer runs the demo's configuration through Caddy and gives its address
// and that of the wiki behind it.
func demoServer(tb testing.TB) (site, wiki string) {
	tb.Helper()
	addr := freeAddr(tb)
	site = "http://" + addr
	policy := filepath.Join(tb.TempDir(), "demo.yaml")
	if err := os.WriteFile(policy, wikitest.DemoPolicy, 0o600); err != nil {
		tb.Fatal(err)
	}
	world := wikitest.DemoWorld()
	w := wikitest.NewServer(world)
	tb.Cleanup(w.Close)
	idp := idptest.NewServer(demoIdP(site))
	tb.Cleanup(idp.Close)
	config, err := demoConfig(demoSetup{site: site, wiki: w.URL, alias: world.Base, idp: idp.URL, policy: policy, listen: addr})
	if err != nil {
		tb.Fatal(err)
	}
	if err := caddy.Load(config, true); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = caddy.Stop() })
	if err := awaitReady(context.Background(), site); err != nil {
		tb.Fatal(err)
	}
	return site, w.URL
}

// freeAddr finds a loopback address that nobody listens on.
func freeAddr(tb testing.TB) string {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// signIn goes through the IdP's form and gives a client with the session.
func signIn(tb testing.TB, site, user, password string) *http.Client {
	tb.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	c := &http.Client{Jar: jar}
	resp, body := get(tb, c, site+"/display/HANDBOOK", "Sec-Fetch-Mode", "navigate")
	action, values := form(tb, resp.Request.URL, body)
	values.Set("username", user)
	values.Set("password", password)
	post, err := c.PostForm(action, values)
	if err != nil {
		tb.Fatal(err)
	}
	defer post.Body.Close()
	if post.Request.URL.Host != strings.TrimPrefix(site, "http://") {
		b, _ := io.ReadAll(post.Body)
		tb.Fatalf("sign-in of %s ended at %s: %s\n%s", user, post.Request.URL, post.Status, b)
	}
	return c
}

func get(tb testing.TB, c *http.Client, target string, header ...string) (*http.Response, string) {
	tb.Helper()
	req, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Accept", "text/html")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		tb.Fatal(err)
	}
	return resp, string(body)
}

// form reads the one form of a page.
func form(tb testing.TB, base *url.URL, page string) (action string, values url.Values) {
	tb.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		tb.Fatal(err)
	}
	values = url.Values{}
	found := false
	for n := range doc.Descendants() {
		attr := map[string]string{}
		for _, a := range n.Attr {
			attr[a.Key] = a.Val
		}
		switch n.Data {
		case "form":
			u, err := base.Parse(attr["action"])
			if err != nil {
				tb.Fatal(err)
			}
			action, found = u.String(), true
		case "input":
			values.Set(attr["name"], attr["value"])
		}
	}
	if !found {
		tb.Fatalf("no form in the page at %s:\n%s", base, page)
	}
	return action, values
}

// TestDemo signs each of the demo's accounts in and looks at what they get.
func TestDemo(t *testing.T) {
	site, _ := demoServer(t)
	pages := []string{"/", "/display/ACME", "/display/GLOBEX", "/display/HANDBOOK", "/display/HR", "/display/ENG", "/dosearchsite.action?queryString=plan", "/rest/api/search?cql=text~plan", "/rest/api/space", "/createrssfeed.action?types=page&spaces=conf_all"}
	for _, a := range wikitest.DemoAccounts() {
		c := signIn(t, site, a.Username, a.Password)
		seen := map[string]int{}
		for _, p := range pages {
			resp, body := get(t, c, site+p)
			seen[p] = resp.StatusCode
			if resp.StatusCode >= 500 {
				t.Errorf("%s: %s: %d %s", a.Username, p, resp.StatusCode, body)
			}
		}
		t.Log(a.Username, fmt.Sprint(seen))
		if a.Username != "ines" && (seen["/display/HR"] != 404 || seen["/display/ENG"] != 404) {
			t.Errorf("%s reaches a hidden space: %v", a.Username, seen)
		}
	}
	if resp, _ := get(t, http.DefaultClient, site+"/rest/api/space", "Accept", "application/json"); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a session: %d", resp.StatusCode)
	}
}

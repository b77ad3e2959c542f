// Package e2e runs the whole gateway, by a Caddyfile as an operator writes it,
// in front of a real wiki: the MediaWiki that Debian ships, unmodified, filled
// with a generated world (package mwtest), and looks at it as an external who
// signed in at a stand-in provider (package idptest), with an HTTP client and
// with a browser.
//
// Every hidden thing of the world bears a word of its own. No answer may hold
// one, in any form; and every visible page must still be there with its text.
package e2e

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/postern-gateway/postern/caddymodule"
	"github.com/postern-gateway/postern/caddymodule/e2e/mwtest"
	"github.com/postern-gateway/postern/caddymodule/idptest"
)

// scene is a wiki, a provider and a gateway, and who looks.
type scene struct {
	world *mwtest.World
	wiki  *mwtest.Wiki
	idp   *idptest.Server
	site  string
	sight mwtest.Sight
	// me is the wiki user whom the viewer is; his password at the provider is
	// "secret".
	me   mwtest.Person
	scan *mwtest.Scanner
	dir  string
	// role is the viewer's in his space, if not the default one; identity how
	// externals are known to the wiki, if not as nobody.
	role, identity string
}

const password = "correct horse"

var shared struct {
	once  sync.Once
	scene *scene
	err   error
}

// active is the scene whose gateway was loaded last.
var active *scene

// theScene gives the one scene that all tests look at.
func theScene(t *testing.T) *scene {
	t.Helper()
	if testing.Short() {
		t.Skip("installs and crawls a wiki; left out by -short")
	}
	shared.once.Do(func() { shared.scene, shared.err = newScene() })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	if active != shared.scene { // another test's gateway was loaded since
		if err := shared.scene.load(strings.TrimPrefix(shared.scene.site, "http://")); err != nil {
			t.Fatal(err)
		}
	}
	return shared.scene
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.scene != nil {
		shared.scene.close()
	}
	os.Exit(code)
}

func newScene() (_ *scene, err error) {
	seed := uint64(1)
	if n, err := strconv.ParseUint(os.Getenv("POSTERN_E2E_SEED"), 10, 64); err == nil {
		seed = n
	}
	s := &scene{world: mwtest.NewWorld(seed, time.Now().Unix())}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "postern-e2e-"); err != nil {
		return nil, err
	}
	// A wiki that runs already can be looked at again and again, for work on
	// the profile: its world must be of the same seed.
	if at := os.Getenv("POSTERN_E2E_WIKI"); at != "" {
		s.wiki = &mwtest.Wiki{URL: at, World: s.world}
	} else if s.wiki, err = mwtest.Start(context.Background(), mwtest.Options{World: s.world, Settings: os.Getenv("POSTERN_E2E_SETTINGS")}); err != nil {
		return nil, err
	}
	open := []string{"ACME Portal", "Handbook"}
	if !asWriter() {
		open = append(open, "")
	}
	acme := s.world.Firm("acme")
	s.me = acme[0]
	s.sight = mwtest.Sight{
		Space: func(n string) bool { return slices.Contains(open, n) },
		Person: func(n string) bool {
			return slices.ContainsFunc(acme, func(p mwtest.Person) bool { return p.Name == n })
		},
	}
	s.scan = mwtest.NewScanner(s.world.Secrets(s.sight))
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	s.site = "http://" + addr
	return s, s.serve(addr, acme)
}

// asWriter says that the viewer may write in his space, and that the main
// namespace is closed to him: another sight of the same world, chosen by
// POSTERN_E2E_AS=writer.
func asWriter() bool { return os.Getenv("POSTERN_E2E_AS") == "writer" }

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("finding a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// serve starts provider and gateway.
func (s *scene) serve(addr string, acme []mwtest.Person) error {
	s.idp = idptest.NewServer(idptest.Config{
		Accounts: []idptest.Account{{Username: s.me.Name, Password: password, Sub: "7", Name: s.me.Name, Email: "visitor@acme.example", EmailVerified: true, Groups: []string{"partners"}}},
		Clients:  []idptest.Client{{ID: "postern", Secret: "client-secret", RedirectURIs: []string{s.site + "/.postern/callback/acme-idp"}}},
	})
	var policy strings.Builder
	policy.WriteString(`version: 1
wiki: mediawiki
preset: recommended
internal:
  groups: [acme-idp/staff]
  mode: shared-spaces
extranet:
  users_see: shared-space
spaces:
  Handbook: {open_to: externals}
  ACME Portal:
    members:
      - group: acme-idp/partners
`)
	for _, p := range acme {
		fmt.Fprintf(&policy, "      - user: wiki/%s\n", p.Name)
	}
	if asWriter() && s.role == "" {
		s.role = "user"
	}
	if s.role != "" {
		fmt.Fprintf(&policy, "      - {user: wiki/%s, role: %s}\n", s.me.Name, s.role)
	} else {
		policy.WriteString("  \"(Main)\": {open_to: externals}\n")
	}
	if err := os.WriteFile(filepath.Join(s.dir, "policy.yaml"), []byte(policy.String()), 0o600); err != nil {
		return err
	}
	return s.load(addr)
}

// load puts the gateway in front of the wiki, with the policy in the scene's
// folder. There is one gateway in a process: the last one that was loaded.
func (s *scene) load(addr string) error {
	config := fmt.Sprintf(`{
	admin off
	auto_https off
	postern {
		site   %[1]s
		rules  %[2]s/policy.yaml
		wiki   %[3]s
		store  sqlite://%[2]s/postern.db
		provider acme-idp {
			issuer         %[4]s
			client_id      postern
			client_secret  client-secret
		}
		upstream_identity %[5]s
	}
}
%[1]s {
	encode zstd gzip
	postern
	reverse_proxy %[3]s
}
`, s.site, s.dir, s.wiki.URL, s.idp.URL, cmp.Or(s.identity, "anonymous"))
	active = s
	body, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(config), nil)
	if err != nil {
		return fmt.Errorf("adapting the Caddyfile: %w (%v)", err, warnings)
	}
	if err := caddy.Load(body, true); err != nil {
		return fmt.Errorf("loading the Caddyfile: %w", err)
	}
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		res, err := http.Get(s.site + "/.postern/ready")
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(res.Status)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waiting for the gateway: %w", err)
		}
	}
}

func (s *scene) close() {
	_ = caddy.Stop()
	if s.idp != nil {
		s.idp.Close()
	}
	if s.wiki != nil && s.wiki.Dir != "" {
		s.wiki.Close()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

var (
	formAction = regexp.MustCompile(`<form method="post" action="([^"]*)"`)
	formID     = regexp.MustCompile(`name="id" value="([^"]*)"`)
)

// signIn gives a client with the viewer's session. Redirects of the wiki are
// not followed by it: they are answers to be looked at.
func (s *scene) signIn(t *testing.T) *http.Client {
	t.Helper()
	return s.signInAt(t, "/wiki/ACME_Portal:Home")
}

// signInAt signs in where a page is asked for.
func (s *scene) signInAt(t *testing.T, page string) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Timeout: 60 * time.Second}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, s.site+page, nil)
	req.Header.Set("Accept", "text/html")
	req.Header.Set("Sec-Fetch-Mode", "navigate")
	req.Header.Set("Sec-Fetch-Dest", "document")
	res, err := c.Do(req)
	if err != nil {
		t.Fatalf("being sent to sign in: %v", err)
	}
	form, _ := io.ReadAll(res.Body)
	res.Body.Close()
	action, id := formAction.FindSubmatch(form), formID.FindSubmatch(form)
	if action == nil || id == nil {
		t.Fatalf("no sign-in form at %s (%s):\n%s", res.Request.URL, res.Status, form)
	}
	to, err := res.Request.URL.Parse(string(action[1]))
	if err != nil {
		t.Fatal(err)
	}
	res, err = c.PostForm(to.String(), url.Values{"id": {string(id[1])}, "username": {s.me.Name}, "password": {password}})
	if err != nil {
		t.Fatalf("signing in: %v", err)
	}
	body, _ := io.ReadAll(res.Body)
	res.Body.Close()
	if res.Request.URL.Path != page {
		t.Fatalf("after signing in: %s at %s\n%s", res.Status, res.Request.URL, body)
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return c
}

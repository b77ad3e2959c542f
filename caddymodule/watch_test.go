package caddymodule

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/postern-gateway/postern/caddymodule/idptest"
	"github.com/postern-gateway/postern/caddymodule/wikitest"
)

// ruled is the demo behind Caddy, with its rule file and admin API at hand.
type ruled struct {
	tb                  testing.TB
	site, policy, admin string
	config              []byte
}

func newRuled(tb testing.TB, rules []byte, change ...func(app map[string]any)) *ruled {
	tb.Helper()
	addr := freeAddr(tb)
	r := &ruled{tb: tb, site: "http://" + addr, policy: filepath.Join(tb.TempDir(), "demo.yaml"), admin: freeAddr(tb)}
	r.write(rules)
	world := wikitest.DemoWorld()
	wiki := wikitest.NewServer(world)
	tb.Cleanup(wiki.Close)
	idp := idptest.NewServer(demoIdP(r.site))
	tb.Cleanup(idp.Close)
	config, err := demoConfig(demoSetup{site: r.site, wiki: wiki.URL, alias: world.Base, idp: idp.URL, policy: r.policy, listen: addr})
	if err != nil {
		tb.Fatal(err)
	}
	var tree map[string]any
	if err := json.Unmarshal(config, &tree); err != nil {
		tb.Fatal(err)
	}
	tree["admin"] = map[string]any{"listen": r.admin, "config": map[string]any{"persist": false}}
	for _, f := range change {
		f(tree["apps"].(map[string]any)["postern"].(map[string]any))
	}
	if r.config, err = json.Marshal(tree); err != nil {
		tb.Fatal(err)
	}
	r.start()
	tb.Cleanup(func() { _ = caddy.Stop() })
	return r
}

func (r *ruled) start() {
	r.tb.Helper()
	if err := caddy.Load(r.config, true); err != nil {
		r.tb.Fatal(err)
	}
	if err := awaitReady(context.Background(), r.site); err != nil {
		r.tb.Fatal(err)
	}
}

func (r *ruled) write(rules []byte) {
	r.tb.Helper()
	tmp := r.policy + ".new"
	if err := os.WriteFile(tmp, rules, 0o600); err != nil {
		r.tb.Fatal(err)
	}
	if err := os.Rename(tmp, r.policy); err != nil {
		r.tb.Fatal(err)
	}
}

type ruledStatus struct {
	PolicyDigest string `json:"policy_digest"`
	Directory    string `json:"directory_file_error"`
	LastReload   struct {
		Result, Before, After, Refused, Error string
	} `json:"last_reload"`
}

func (r *ruled) status() (s ruledStatus) {
	r.tb.Helper()
	resp, body := get(r.tb, http.DefaultClient, "http://"+r.admin+"/postern/status")
	if resp.StatusCode != http.StatusOK {
		r.tb.Fatalf("status: %d %s", resp.StatusCode, body)
	}
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		r.tb.Fatal(err)
	}
	return s
}

// soon waits for something that the watcher is to bring about.
func (r *ruled) soon(what string, f func() bool) {
	r.tb.Helper()
	began := time.Now()
	for !f() {
		if time.Since(began) > 5*time.Second {
			r.tb.Fatalf("%s: not within 5 s; status %+v", what, r.status())
		}
		time.Sleep(20 * time.Millisecond)
	}
	r.tb.Logf("%s after %v", what, time.Since(began).Round(10*time.Millisecond))
}

// closedPolicy is the demo's without the space that is open to all partners.
func closedPolicy(t testing.TB) []byte {
	t.Helper()
	closed := bytes.Replace(wikitest.DemoPolicy, []byte("open_to: externals"), []byte("members: []"), 1)
	if bytes.Equal(closed, wikitest.DemoPolicy) {
		t.Fatal("the demo's policy opens no space to externals")
	}
	return closed
}

// TestRulesWatched: a rule file that is changed is in force without a word to
// anybody; one that is broken changes nothing and is told of.
func TestRulesWatched(t *testing.T) {
	r := newRuled(t, wikitest.DemoPolicy)
	ana := signIn(t, r.site, "ana", "acme-demo")
	page := r.site + "/display/HANDBOOK/Handbook+Home"
	seen := func(want int) func() bool {
		return func() bool { resp, _ := get(t, ana, page); return resp.StatusCode == want }
	}
	if !seen(http.StatusOK)() {
		t.Fatal("the page is not open at first")
	}
	first := r.status()
	if first.LastReload.Result != "success" || first.LastReload.After != first.PolicyDigest {
		t.Errorf("at the start: %+v", first)
	}
	r.write(closedPolicy(t))
	r.soon("the new rules", seen(http.StatusNotFound))
	second := r.status()
	if second.PolicyDigest == first.PolicyDigest || second.LastReload.Before != first.PolicyDigest {
		t.Errorf("after the change: %+v", second)
	}
	r.write([]byte("version: 1\nwiki: confluence-dc\ninternol: {}\n"))
	r.soon("the refusal", func() bool { return r.status().LastReload.Result == "failure" })
	third := r.status()
	if third.PolicyDigest != second.PolicyDigest || third.LastReload.Refused == "" || !strings.Contains(third.LastReload.Error, "demo.yaml:3:1: ") {
		t.Errorf("after the fault: %+v", third)
	}
	if !seen(http.StatusNotFound)() {
		t.Error("the last good rules are not in force")
	}
	resp, err := http.Post("http://"+r.admin+"/postern/reload", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("reload by hand: %d", resp.StatusCode)
	}
	r.write(wikitest.DemoPolicy)
	r.soon("the first rules again", seen(http.StatusOK))
	if s := r.status(); s.PolicyDigest != first.PolicyDigest || s.LastReload.Error != "" {
		t.Errorf("in the end: %+v", s)
	}
}

// TestSuspendByFile: a viewer whom the rule file suspends is out within a second
// of the settled file, while he downloads as well.
func TestSuspendByFile(t *testing.T) {
	r := newRuled(t, wikitest.DemoPolicy)
	ana := signIn(t, r.site, "ana", "acme-demo")
	if resp, _ := get(t, ana, r.site+"/display/ACME"); resp.StatusCode != http.StatusOK {
		t.Fatal("ana does not see her space")
	}
	email := ""
	for _, a := range wikitest.DemoAccounts() {
		if a.Username == "ana" {
			email = a.Email
		}
	}
	r.write(append(bytes.Clone(wikitest.DemoPolicy), []byte("\nsuspended: [{user: "+email+"}]\n")...))
	r.soon("suspended", func() bool {
		resp, _ := get(t, ana, r.site+"/display/ACME")
		return resp.StatusCode == http.StatusNotFound
	})
}

// TestDirectoryFileWatched: the snapshot that is the directory is read again
// when it changes, unless it is faulty.
func TestDirectoryFileWatched(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "directory.json")
	write := func(text string) {
		if err := os.WriteFile(dir, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const (
		some = `{"spaces": [{"key": "ACME"}, {"key": "GLOBEX"}, {"key": "HANDBOOK"}], "groups": [{"name": "staff"}, {"name": "acme"}, {"name": "globex"}],
			"users": [{"username": "ana"}, {"username": "mia"}, {"username": "ines"}`
		one  = some + `]}`
		more = some + `, {"username": "bo"}]}`
	)
	write(one)
	r := newRuled(t, wikitest.DemoPolicy, func(app map[string]any) {
		wiki := app["wiki"].(map[string]any)
		delete(wiki, "sync_token")
		wiki["directory"] = dir
	})
	users := func() string {
		_, body := get(t, http.DefaultClient, "http://"+r.admin+"/postern/status")
		var s struct {
			Entities map[string]int `json:"directory_entities"`
		}
		if err := json.Unmarshal([]byte(body), &s); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(s.Entities["user"])
	}
	if users() != "3" {
		t.Fatalf("%s users at first", users())
	}
	write(more)
	r.soon("the new directory", func() bool { return users() == "4" })
	write(one[:30])
	r.soon("the refusal", func() bool { return r.status().Directory != "" })
	if users() != "4" {
		t.Errorf("a faulty file left %s users", users())
	}
	write(one)
	r.soon("the first directory again", func() bool { return users() == "3" && r.status().Directory == "" })
}

// TestReloadUnderLoad swaps two rule files while several viewers ask, and loads
// the configuration itself anew now and then: no request is lost, and each sees
// what one of the policies shows him.
func TestReloadUnderLoad(t *testing.T) {
	r := newRuled(t, wikitest.DemoPolicy)
	policies := [][]byte{closedPolicy(t), wikitest.DemoPolicy}
	viewers := map[string]*http.Client{}
	for _, a := range wikitest.DemoAccounts() {
		viewers[a.Username] = signIn(t, r.site, a.Username, a.Password)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var served, open, gone atomic.Int64
	for name, c := range viewers {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for path, want := range map[string][]int{"/display/HANDBOOK/Handbook+Home": {200, 404}, "/rest/api/space": {200}, "/display/ACME": {200, 404}} {
					resp, body := get(t, c, r.site+path)
					ok := false
					for _, w := range want {
						ok = ok || resp.StatusCode == w
					}
					if !ok {
						t.Errorf("%s: %s: %d %.200s", name, path, resp.StatusCode, body)
						return
					}
					served.Add(1)
					if strings.Contains(path, "HANDBOOK") && name == "ana" {
						if resp.StatusCode == 200 {
							open.Add(1)
						} else {
							gone.Add(1)
						}
					}
				}
			}
		})
	}
	for i := range 12 {
		r.write(policies[i%2])
		resp, err := http.Post("http://"+r.admin+"/postern/reload", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("reload: %d", resp.StatusCode)
		}
		time.Sleep(100 * time.Millisecond)
	}
	close(stop)
	wg.Wait()
	t.Logf("%d requests; the handbook was open in %d and gone in %d", served.Load(), open.Load(), gone.Load())
	if open.Load() == 0 || gone.Load() == 0 {
		t.Error("only one of the policies was seen")
	}
}

// TestDeniedCommand asks the running gateway what it denied.
func TestDeniedCommand(t *testing.T) {
	r := newRuled(t, wikitest.DemoPolicy)
	ana := signIn(t, r.site, "ana", "acme-demo")
	for _, path := range []string{"/rest/canary/1.0/4711?canary=1", "/rest/canary/1.0/4712", "/admin/console.action", "/display/HR", "/pages/viewpage.action?pageId=1&canary=2"} {
		get(t, ana, r.site+path, "Referer", r.site+"/display/ACME?canary=3")
	}
	run := func(args ...string) string {
		t.Helper()
		var out bytes.Buffer
		cmd := deniedCommand()
		cmd.SetArgs(append([]string{"--admin", r.admin}, args...))
		cmd.SetOut(&out)
		cmd.SetErr(&out)
		if err := cmd.Execute(); err != nil {
			t.Fatalf("%v: %s", err, &out)
		}
		return out.String()
	}
	table := run()
	for _, want := range []string{
		"GET /rest/{word}/{word2}/{id}", `change: - {match: "GET /rest/WORD/WORD2/{id}", class: admin`, "GET /pages/viewpage.action", "parameter {param}: the route does not name it",
		"decided by: profiles/confluence-dc.yaml:", "from: GET /display/{",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("%q is not in the table:\n%s", want, table)
		}
	}
	if strings.Contains(table, "canary") || strings.Contains(table, "HR") {
		t.Errorf("a name is in the table:\n%s", table)
	}
	if out := run("--limit", "1"); strings.Count(out, "why: ") != 1 || !strings.Contains(out, "more; --limit 0 prints all") {
		t.Errorf("--limit 1 prints\n%s", out)
	}
	var report struct{ Denied []map[string]any }
	if err := json.Unmarshal([]byte(run("--json")), &report); err != nil || len(report.Denied) < 4 {
		t.Errorf("--json: %v, %d lines", err, len(report.Denied))
	}
	// Another site's page can't read it: Caddy checks the host and the origin.
	for _, header := range []string{"Host", "Origin"} {
		req := httptest.NewRequest(http.MethodPost, "http://"+r.admin+"/postern/denied/clear", nil)
		req.RequestURI = ""
		if header == "Host" {
			req.Host = "evil.example"
		} else {
			req.Header.Set("Origin", "https://evil.example")
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Errorf("foreign %s: %d, want 403", header, resp.StatusCode)
		}
	}
	resp, err := http.Post("http://"+r.admin+"/postern/denied/clear", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if out := run(); !strings.HasPrefix(out, "nothing was denied since ") {
		t.Errorf("after clearing:\n%s", out)
	}
	cmd := deniedCommand()
	cmd.SetArgs([]string{"--admin", freeAddr(t)})
	cmd.SetOut(new(bytes.Buffer))
	cmd.SetErr(new(bytes.Buffer))
	if err := cmd.Execute(); err == nil {
		t.Error("no error where no gateway runs")
	}
}

// TestNoGoroutineLeft: configurations that come and go leave no watcher behind.
func TestNoGoroutineLeft(t *testing.T) {
	r := newRuled(t, wikitest.DemoPolicy)
	watchers := func() int {
		buf := make([]byte, 4<<20)
		return strings.Count(string(buf[:runtime.Stack(buf, true)]), "watch.(*Watcher).Run")
	}
	for range 5 {
		r.start()
	}
	deadline := time.Now().Add(10 * time.Second)
	for watchers() != 1 {
		if time.Now().After(deadline) {
			t.Fatalf("%d watchers run", watchers())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestStartRefusesUnknownNames: rules that name what the directory file does
// not know do not start (G42), and the message says where.
func TestStartRefusesUnknownNames(t *testing.T) {
	dir := t.TempDir()
	rules, snapshot := filepath.Join(dir, "p.yaml"), filepath.Join(dir, "d.json")
	for name, text := range map[string]string{
		rules:    "version: 1\nwiki: confluence-dc\ninternal: {groups: [], mode: shared-spaces}\nspaces:\n  ACMEE: {open_to: public}\n",
		snapshot: `{"spaces": [{"key": "ACME"}]}`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	app := &App{Site: "http://127.0.0.1:1", Rules: []string{rules}, Wiki: &Wiki{URL: "http://127.0.0.1:2", Directory: snapshot}}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	defer cancel()
	err := app.Provision(ctx)
	if err == nil || !strings.Contains(err.Error(), "p.yaml:5:3: ") || !strings.Contains(err.Error(), `"ACME"`) {
		t.Errorf("provision says %v", err)
	}
}

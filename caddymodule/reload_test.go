package caddymodule

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/postern-gateway/postern/caddymodule/idptest"
	"github.com/postern-gateway/postern/caddymodule/wikitest"
)

// TestMetricsSurviveReloads: the collectors fit a pedantic registry, twice, and
// counters go on where they were.
func TestMetricsSurviveReloads(t *testing.T) {
	m, err := registerMetrics(prometheus.NewPedanticRegistry())
	if err != nil {
		t.Fatal(err)
	}
	before := testutil.ToFloat64(m.unclassified)
	m.Unclassified()
	reg := prometheus.NewPedanticRegistry()
	again, err := registerMetrics(reg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := registerMetrics(reg); err != nil {
		t.Errorf("two sites on one registry: %v", err)
	}
	if got := testutil.ToFloat64(again.unclassified); got != before+1 {
		t.Errorf("the counter stands at %v after a reload, want %v", got, before+1)
	}
	m.Request("content", "external", "visible")
	m.SignIn("corp", "ok")
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, f := range families {
		names[f.GetName()] = true
		if !strings.HasPrefix(f.GetName(), "postern_") {
			t.Errorf("%s has not our prefix", f.GetName())
		}
	}
	for _, want := range []string{"postern_build_info", "postern_requests_total", "postern_signins_total", "postern_unclassified_requests_total"} {
		if !names[want] {
			t.Errorf("%s is missing", want)
		}
	}
}

// TestReload loads another configuration while a viewer is signed in: he stays
// signed in, and the new rules hold for him at once.
func TestReload(t *testing.T) {
	addr := freeAddr(t)
	site := "http://" + addr
	world := wikitest.DemoWorld()
	wiki := wikitest.NewServer(world)
	t.Cleanup(wiki.Close)
	idp := idptest.NewServer(demoIdP(site))
	t.Cleanup(idp.Close)
	policy := filepath.Join(t.TempDir(), "demo.yaml")
	load := func(rules []byte) {
		t.Helper()
		if err := os.WriteFile(policy, rules, 0o600); err != nil {
			t.Fatal(err)
		}
		config, err := demoConfig(demoSetup{site: site, wiki: wiki.URL, alias: world.Base, idp: idp.URL, policy: policy, listen: addr})
		if err != nil {
			t.Fatal(err)
		}
		if err := caddy.Load(config, true); err != nil {
			t.Fatal(err)
		}
		if err := awaitReady(context.Background(), site); err != nil {
			t.Fatal(err)
		}
	}
	load(wikitest.DemoPolicy)
	t.Cleanup(func() { _ = caddy.Stop() })
	ana := signIn(t, site, "ana", "acme-demo")
	page := site + "/display/HANDBOOK/Handbook+Home"
	if resp, body := get(t, ana, page); resp.StatusCode != http.StatusOK {
		t.Fatalf("before: %d\n%s", resp.StatusCode, body)
	}
	closed := bytes.Replace(wikitest.DemoPolicy, []byte("open_to: externals"), []byte("members: []"), 1)
	if bytes.Equal(closed, wikitest.DemoPolicy) {
		t.Fatal("the demo's policy opens no space to externals")
	}
	load(closed)
	if resp, _ := get(t, ana, page); resp.StatusCode != http.StatusNotFound {
		t.Errorf("after the space was closed: %d, want 404", resp.StatusCode)
	}
	if resp, _ := get(t, ana, site+"/display/ACME"); resp.StatusCode != http.StatusOK {
		t.Errorf("the session did not outlive the reload: %d", resp.StatusCode)
	}
}

// TestRevoke: a revoked viewer is out within a second.
func TestRevoke(t *testing.T) {
	site, _ := demoServer(t)
	ana := signIn(t, site, "ana", "acme-demo")
	if resp, _ := get(t, ana, site+"/display/ACME"); resp.StatusCode != http.StatusOK {
		t.Fatalf("before: %d", resp.StatusCode)
	}
	rec := httptest.NewRecorder()
	for _, route := range (adminAPI{}).Routes() {
		if route.Pattern != "/postern/revoke" {
			continue
		}
		req := httptest.NewRequest(http.MethodPost, route.Pattern, strings.NewReader(`{"provider": "demo-idp", "subject": "demo-ana"}`))
		if err := route.Handler.ServeHTTP(rec, req); err != nil {
			t.Fatal(err)
		}
	}
	if rec.Code != http.StatusNoContent {
		t.Fatalf("revoke answered %d %s", rec.Code, rec.Body)
	}
	deadline := time.Now().Add(time.Second)
	for {
		resp, _ := get(t, ana, site+"/rest/api/space", "Accept", "application/json")
		if resp.StatusCode == http.StatusUnauthorized {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still %d a second after", resp.StatusCode)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

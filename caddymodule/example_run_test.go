package caddymodule

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/postern-gateway/postern/caddymodule/idptest"
	"github.com/postern-gateway/postern/caddymodule/wikitest"
)

// TestExampleRuns runs Caddyfile.example with nothing changed but the places
// that it names: site, wiki, provider, store and rules.
func TestExampleRuns(t *testing.T) {
	example, err := os.ReadFile("../Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	site := "http://" + addr
	world := wikitest.DemoWorld()
	wiki := wikitest.NewServer(world)
	t.Cleanup(wiki.Close)
	conf := demoIdP(site)
	conf.Clients[0].RedirectURIs = []string{site + "/.postern/callback/corp"}
	idp := idptest.NewServer(conf)
	t.Cleanup(idp.Close)
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, wikitest.DemoPolicy, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("WIKI_SYNC_TOKEN", wikitest.DemoSyncToken)
	t.Setenv("WIKI_READ_TOKEN", wikitest.DemoReadToken)
	t.Setenv("OIDC_SECRET", "demo-client-secret")
	text := string(example)
	for _, r := range [][2]string{
		{"{\n\tpostern {", "{\n\tadmin off\n\tauto_https off\n\tpostern {"},
		{"https://extranet.example.com", site},
		{"\nextranet.example.com {", "\n" + site + " {"},
		{"http://wiki.internal:8090", wiki.URL},
		{"reverse_proxy wiki.internal:8090", "reverse_proxy " + strings.TrimPrefix(wiki.URL, "http://")},
		{"https://idp.example", idp.URL},
		{"/var/lib/postern/postern.db", filepath.Join(t.TempDir(), "postern.db")},
		{"rules/examples/one-partner.yaml", policy},
	} {
		if !strings.Contains(text, r[0]) {
			t.Fatalf("Caddyfile.example has no %q", r[0])
		}
		text = strings.ReplaceAll(text, r[0], r[1])
	}
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range warnings {
		t.Logf("warning: %s", w)
	}
	if err := caddy.Load(config, true); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = caddy.Stop() })
	if err := awaitReady(context.Background(), site); err != nil {
		t.Fatal(err)
	}
	ana := signIn(t, site, "ana", "acme-demo")
	if resp, body := get(t, ana, site+"/display/ACME"); resp.StatusCode != http.StatusOK || !strings.Contains(body, "ACME Home") {
		t.Errorf("%d\n%s", resp.StatusCode, body)
	}
	if resp, _ := get(t, ana, site+"/display/HR"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("hidden space: %d", resp.StatusCode)
	}
}

package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/postern-gateway/postern/caddymodule/idptest"
	"github.com/postern-gateway/postern/caddymodule/wikitest"
)

// BenchmarkRequest sends whole requests for a page of about 100 KB through
// Caddy, once through Postern with a signed-in viewer and once through plain
// reverse_proxy, to the same upstream in the same process.
func BenchmarkRequest(b *testing.B) {
	addrs := [2]string{freeAddr(b), freeAddr(b)}
	site := "http://" + addrs[0]
	policy := filepath.Join(b.TempDir(), "demo.yaml")
	if err := os.WriteFile(policy, wikitest.DemoPolicy, 0o600); err != nil {
		b.Fatal(err)
	}
	world := wikitest.DemoWorld()
	for i := range world.Pages {
		if p := &world.Pages[i]; p.Space == "HANDBOOK" {
			p.Body = strings.Repeat(`<p>Some <strong>ordinary</strong> text with a <a href="/display/HANDBOOK/House+Rules">link to the rules</a>, a <a href="/display/HR/Salaries">link that goes</a> and a list:</p><ul><li>one</li><li>two</li></ul>`+"\n", 400)
			for v := range p.Versions {
				p.Versions[v].Body = p.Body
			}
		}
	}
	wiki := wikitest.NewServer(world)
	b.Cleanup(wiki.Close)
	idp := idptest.NewServer(demoIdP(site))
	b.Cleanup(idp.Close)
	raw, err := demoConfig(demoSetup{site: site, wiki: wiki.URL, idp: idp.URL, policy: policy, listen: addrs[0]})
	if err != nil {
		b.Fatal(err)
	}
	var config map[string]any
	if err := json.Unmarshal(raw, &config); err != nil {
		b.Fatal(err)
	}
	servers := config["apps"].(map[string]any)["http"].(map[string]any)["servers"].(map[string]any)
	servers["plain"] = map[string]any{
		"listen": []string{addrs[1]}, "automatic_https": map[string]any{"disable": true},
		"routes": []any{map[string]any{"handle": []any{map[string]any{"handler": "reverse_proxy", "upstreams": []any{map[string]any{"dial": strings.TrimPrefix(wiki.URL, "http://")}}}}}},
	}
	config["logging"] = map[string]any{"logs": map[string]any{"default": map[string]any{"level": "ERROR"}}}
	if raw, err = json.Marshal(config); err != nil {
		b.Fatal(err)
	}
	if err := caddy.Load(raw, true); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = caddy.Stop() })
	if err := awaitReady(context.Background(), site); err != nil {
		b.Fatal(err)
	}
	signedIn := signIn(b, site, "ana", "acme-demo")
	for _, bb := range []struct {
		name, base, token string
		client            *http.Client
	}{
		{"postern", site, "", signedIn},
		{"reverse_proxy", "http://" + addrs[1], wikitest.DemoReadToken, http.DefaultClient},
	} {
		b.Run(bb.name, func(b *testing.B) {
			size := 0
			for b.Loop() {
				req, err := http.NewRequest(http.MethodGet, bb.base+"/display/HANDBOOK/Handbook+Home", nil)
				if err != nil {
					b.Fatal(err)
				}
				if bb.token != "" {
					req.Header.Set("Authorization", "Bearer "+bb.token)
				}
				resp, err := bb.client.Do(req)
				if err != nil {
					b.Fatal(err)
				}
				n, err := io.Copy(io.Discard, resp.Body)
				_ = resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Fatal(fmt.Errorf("%s: %w", resp.Status, err))
				}
				size = int(n)
			}
			b.SetBytes(int64(size))
			b.ReportMetric(float64(size)/1024, "KB/page")
		})
	}
}

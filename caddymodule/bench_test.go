package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/postern-gateway/postern/caddymodule/idptest"
	"github.com/postern-gateway/postern/caddymodule/wikitest"
)

// benchPath is the page that BenchmarkRequest asks for, of about 100 KB.
const benchPath = "/display/ACME/Delivery+Plan"

// BenchmarkRequest sends whole requests for a page of about 100 KB through
// Caddy over 16 connections, once through Postern as a partner and once through
// plain reverse_proxy, to the same upstream in the same process. The upstream
// answers from memory, so that what is measured is the two ways, and the client.
func BenchmarkRequest(b *testing.B) {
	s := newBenchSite(b)
	for _, way := range []struct {
		name, base, cookie, token string
	}{
		{"postern", s.guarded, s.cookie, ""},
		{"reverse_proxy", s.plain, "", wikitest.DemoReadToken},
	} {
		b.Run(way.name, func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 16, MaxIdleConnsPerHost: 16, DisableCompression: true}}
			defer client.CloseIdleConnections()
			b.SetParallelism(8) // for each of two cores
			size := 0
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					req, err := http.NewRequest(http.MethodGet, way.base+benchPath, nil)
					if err != nil {
						b.Error(err)
						return
					}
					if way.cookie != "" {
						req.Header.Set("Cookie", way.cookie)
					} else {
						req.Header.Set("Authorization", "Bearer "+way.token)
					}
					resp, err := client.Do(req)
					if err != nil {
						b.Error(err)
						return
					}
					n, err := io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
					if err != nil || resp.StatusCode != http.StatusOK {
						b.Error(fmt.Errorf("%s: %w", resp.Status, err))
						return
					}
					if n < 50_000 {
						b.Errorf("%d bytes", n)
						return
					}
					if size == 0 {
						size = int(n)
					}
				}
			})
			b.SetBytes(int64(size))
			b.ReportMetric(float64(size)/1024, "KB/page")
		})
	}
}

// benchSite is the demo over a larger world, guarded and plain.
type benchSite struct{ guarded, plain, cookie string }

func newBenchSite(b *testing.B) benchSite {
	b.Helper()
	addrs := [2]string{freeAddr(b), freeAddr(b)}
	s := benchSite{guarded: "http://" + addrs[0], plain: "http://" + addrs[1]}
	policy := filepath.Join(b.TempDir(), "demo.yaml")
	if err := os.WriteFile(policy, wikitest.DemoPolicy, 0o600); err != nil {
		b.Fatal(err)
	}
	world := benchWorld()
	if err := world.Prepare(); err != nil {
		b.Fatal(err)
	}
	wiki := httptest.NewServer(fromMemory(wikitest.New(world)))
	b.Cleanup(wiki.Close)
	idp := idptest.NewServer(demoIdP(s.guarded))
	b.Cleanup(idp.Close)
	raw, err := demoConfig(demoSetup{site: s.guarded, wiki: wiki.URL, alias: world.Base, idp: idp.URL, policy: policy, listen: addrs[0]})
	if err != nil {
		b.Fatal(err)
	}
	type object = map[string]any
	var config object
	if err := json.Unmarshal(raw, &config); err != nil {
		b.Fatal(err)
	}
	servers := config["apps"].(object)["http"].(object)["servers"].(object)
	servers["plain"] = object{
		"listen": []string{addrs[1]}, "automatic_https": object{"disable": true},
		"routes": []any{object{"handle": []any{object{"handler": "reverse_proxy", "upstreams": []any{object{"dial": strings.TrimPrefix(wiki.URL, "http://")}}}}}},
	}
	config["logging"] = object{"logs": object{"default": object{"level": "ERROR"}}}
	if raw, err = json.Marshal(config); err != nil {
		b.Fatal(err)
	}
	if err := caddy.Load(raw, true); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = caddy.Stop() })
	if err := awaitReady(context.Background(), s.guarded); err != nil {
		b.Fatal(err)
	}
	site, err := url.Parse(s.guarded)
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range signIn(b, s.guarded, "ana", "acme-demo").Jar.Cookies(site) {
		if c.Name == "postern" {
			s.cookie = c.Name + "=" + c.Value
		}
	}
	return s
}

// fromMemory answers benchPath with the bytes that h gave for it first.
func fromMemory(h http.Handler) http.Handler {
	r := httptest.NewRequest(http.MethodGet, benchPath, nil)
	r.Header.Set("Authorization", "Bearer "+wikitest.DemoReadToken)
	first := httptest.NewRecorder()
	h.ServeHTTP(first, r)
	body := first.Body.Bytes()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RequestURI() != benchPath {
			h.ServeHTTP(w, r)
			return
		}
		for k, v := range first.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(first.Code)
		_, _ = w.Write(body) // the client is gone if this fails
	})
}

// benchWorld is the demo's world with 5,000 pages and 500 people more, most of
// them hidden from partners, and one page of about 100 KB.
func benchWorld() *wikitest.World {
	r := rand.New(rand.NewPCG(4, 7))
	words := strings.Fields("amber basin cedar delta ember fable gravel harbor inlet juniper keystone lattice meadow nickel orchard pewter quartz ripple summit timber upland vessel walnut yonder zephyr")
	name := func() string {
		w := words[r.IntN(len(words))]
		return strings.ToUpper(w[:1]) + w[1:]
	}
	w := wikitest.DemoWorld()
	for i := range 500 {
		n := name()
		w.Users = append(w.Users, wikitest.User{
			Name: fmt.Sprintf("%s%03d", strings.ToLower(n), i), Display: fmt.Sprintf("%s %sson%d", n, name(), i),
			Email: fmt.Sprintf("%s%03d@corp.example", strings.ToLower(n), i), Groups: []string{"staff", "confluence-users"},
		})
	}
	for i := range 50 {
		key := fmt.Sprintf("DEPT%02d", i)
		w.Spaces = append(w.Spaces, wikitest.Space{Key: key, Name: fmt.Sprintf("%s Department %d", name(), i), Readers: []string{"group:staff"}})
		for j := range 96 {
			w.Pages = append(w.Pages, wikitest.Page{
				Space: key, Title: fmt.Sprintf("%s %s %s %d", name(), name(), name(), i*100+j), Author: w.Users[len(w.Users)-1-j].Name, Body: "<p>Some text.</p>",
			})
		}
	}
	for i := range 200 {
		w.Pages = append(w.Pages, wikitest.Page{Space: "ACME", Title: fmt.Sprintf("Work Package %d", i), Author: "ana", Body: "<p>Some text.</p>"})
	}
	w.Pages = append(w.Pages, wikitest.Page{Space: "ACME", Title: "Delivery Plan", Author: "ines", Body: benchBody(r, words)})
	return w
}

// benchBody is the markup of a long page: text, headings, lists, pictures and
// tables, with links of which one in ten leads to what is hidden.
func benchBody(r *rand.Rand, words []string) string {
	var b strings.Builder
	text := func(n int) {
		for i := range n {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(words[r.IntN(len(words))])
		}
	}
	link := func(i int) {
		switch {
		case i%10 == 9:
			b.WriteString("{{page:ENG:Kestrel Roadmap}}")
		case i%3 == 0:
			b.WriteString("{{user:" + []string{"ana", "mia", "ines", "nils.nightjar"}[i%4] + "}}")
		default:
			fmt.Fprintf(&b, "{{page:ACME:Work Package %d}}", i%200)
		}
	}
	for i := 0; i < 110; i++ {
		fmt.Fprintf(&b, "<h2 id=\"DeliveryPlan-Section%d\">Section %d</h2>\n<p>", i, i)
		text(30)
		b.WriteString(" <strong>")
		text(3)
		b.WriteString("</strong> ")
		link(2 * i)
		b.WriteByte(' ')
		text(20)
		b.WriteString(".</p>\n<ul>")
		for range 3 {
			b.WriteString("<li>")
			text(4)
			b.WriteString("</li>")
		}
		b.WriteString(`</ul><table class="confluenceTable"><tbody><tr><td class="confluenceTd">`)
		text(5)
		b.WriteString(`</td><td class="confluenceTd">`)
		link(2*i + 1)
		b.WriteString("</td></tr></tbody></table>\n")
	}
	return b.String()
}

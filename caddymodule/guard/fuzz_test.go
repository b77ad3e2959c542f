package guard_test

import (
	"bufio"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/guard"
)

// FuzzGuard: what goes up reads, asked for itself, as the same request, and holds
// no hidden name that was not typed as free text.
func FuzzGuard(f *testing.F) {
	worlds := []*urlWorld{newURLWorld(f, "../../testdata/url/confluence-dc"), newURLWorld(f, "../../testdata/url/mediawiki")}
	files, err := filepath.Glob("../../testdata/url/*/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for i, line := range strings.Split(string(data), "\n") {
			if target, _, ok := strings.Cut(line, "\t"); ok && i%7 == 0 && len(target) < 300 {
				f.Add(target, strings.Contains(file, "mediawiki"))
			}
		}
	}
	f.Fuzz(func(t *testing.T, line string, mediawiki bool) {
		w := worlds[0]
		if mediawiki {
			w = worlds[1]
		}
		got := w.ask(line)
		if strings.HasPrefix(got, "refuse") || strings.HasPrefix(got, "leads") || got == "empty" {
			return
		}
		path, _, _ := strings.Cut(strings.TrimPrefix(got, "POST "), "?")
		if strings.Contains(path, "//") || strings.Contains(path, `\`) || strings.Contains(path, "/../") || strings.Contains(path, "/./") {
			t.Fatalf("%q becomes %q", line, got)
		}
		if strings.Contains(got, "cql=") || strings.Contains(got, " form ") && strings.Contains(got, "cql") {
			return // and-ed once more each time
		}
		if second := w.ask(got); second != got {
			t.Fatalf("%q becomes %q, which becomes %q when it is asked for itself", line, got, second)
		}
	})
}

// asked is a mix of what browsers ask a Confluence for.
var asked = []string{
	"/display/ACME/Plan",
	"/display/ACME",
	"/pages/viewpage.action?pageId=1002",
	"/pages/viewpage.action?spaceKey=ACME&title=Plan&src=contextnavpagetreemode",
	"/s/d41d8cd98f00b204e9800998ecf8427e-CDN/en_GB/8804/1cc5gx/b3a1d1e4e5c8e2f6a7b8c9d0e1f2a3b4/_/download/contextbatch/css/_super/batch.css",
	"/s/en_GB/8804/1cc5gx/5.0.1/_/download/batch/com.atlassian.auiplugin:aui-core/com.atlassian.auiplugin:aui-core.js?locale=en-GB",
	"/download/attachments/1002/interface%20specification.pdf?version=3&modificationDate=1700000000000&api=v2",
	"/rest/api/content/1002?expand=body.view,version,space,ancestors",
	"/rest/api/content/1002/child/page?limit=25&start=25&expand=version",
	"/rest/api/content?spaceKey=ACME&title=Plan",
	"/rest/prototype/1/search/user.json?max-results=10&query=jan",
}

// BenchmarkGuard is all that becomes of a request before the wiki is asked:
// read, judged, and built anew. The peer is what an ordinary server does with
// it: http.ServeMux finds a handler, and the query is parsed.
func BenchmarkGuard(b *testing.B) {
	w := newURLWorld(b, "../../testdata/url/confluence-dc")
	log := slog.New(slog.DiscardHandler)
	var requests []*http.Request
	for _, target := range asked {
		raw := "GET " + target + " HTTP/1.1\r\nHost: site.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n" +
			"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n" +
			"Cookie: __Host-postern=0123456789abcdef0123456789abcdef\r\nSec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\n\r\n"
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			b.Fatal(err)
		}
		requests = append(requests, r.WithContext(context.Background()))
		if got := w.ask(target); strings.HasPrefix(got, "refuse") {
			b.Fatalf("%s: %s", target, got)
		}
	}
	b.Run("guard", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			r := requests[i%len(requests)]
			req, ref := w.guard.Canon(r)
			if ref != nil {
				b.Fatal(ref)
			}
			adm, ref := w.guard.Admit(r.Context(), req, w.view, nil, log)
			if ref != nil {
				b.Fatal(ref)
			}
			if w.guard.Request(r, adm, guard.Identity{Kind: "service", Value: "token"}) == nil {
				b.Fatal("nothing goes up")
			}
		}
	})
	b.Run("ServeMux", func(b *testing.B) {
		mux := http.NewServeMux()
		for _, pattern := range []string{
			"GET /display/{key}/{title}", "GET /display/{key}", "GET /pages/viewpage.action", "GET /s/{rest...}", "GET /download/attachments/{id}/{name}",
			"GET /rest/api/content/{id}", "GET /rest/api/content/{id}/child/{type}", "GET /rest/api/content", "GET /rest/prototype/1/search/user.json",
		} {
			mux.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
		}
		b.ReportAllocs()
		for i := range b.N {
			r := requests[i%len(requests)]
			if _, pattern := mux.Handler(r); pattern == "" {
				b.Fatal(r.URL)
			}
			if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
				b.Fatal(err)
			}
		}
	})
}

package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/upstream"
	"github.com/postern-gateway/postern/rules"
)

// fixtures are the answers that testdata/mediawiki keeps, as the wiki gave
// them, by file name.
var fixtures = map[string]string{
	"view.html":          "/wiki/ACME_Portal:Home",
	"history.html":       "/w/index.php?title=ACME_Portal:Home&action=history",
	"diff.html":          "/w/index.php?title=ACME_Portal:Home&diff=prev&oldid=",
	"info.html":          "/w/index.php?title=ACME_Portal:Home&action=info",
	"raw.txt":            "/w/index.php?title=ACME_Portal:Home&action=raw",
	"recentchanges.html": "/wiki/Special:RecentChanges?enhanced=0&limit=30&days=30",
	"whatlinkshere.html": "/wiki/Special:WhatLinksHere/ACME_Portal:Home",
	"allpages.html":      "/w/index.php?title=Special:AllPages&namespace=3000",
	"search.html":        "/w/index.php?title=Special:Search&profile=all&fulltext=1&limit=10&search=roadmap",
	"listusers.html":     "/wiki/Special:ListUsers",
	"recentchanges.atom": "/w/api.php?action=feedrecentchanges&feedformat=atom&limit=5",
	"history.rss":        "/w/index.php?title=ACME_Portal:Home&action=history&feed=rss",
	"allpages.json":      "/w/api.php?action=query&list=allpages&apnamespace=3000&format=json",
	"recentchanges.json": "/w/api.php?action=query&list=recentchanges&rcprop=title|ids|user|comment|timestamp&rclimit=20&format=json",
	"revisions.json":     "/w/api.php?action=query&prop=revisions&titles=ACME_Portal:Home&rvprop=ids|user|comment|content&rvslots=main&format=json",
	"revisions.v2.json":  "/w/api.php?action=query&prop=revisions&titles=ACME_Portal:Home&rvprop=ids|user|comment|content&rvslots=main&format=json&formatversion=2",
	"backlinks.json":     "/w/api.php?action=query&list=backlinks&bltitle=ACME_Portal:Home&format=json",
	"search.json":        "/w/api.php?action=query&list=search&srsearch=roadmap&srwhat=text&srnamespace=*&format=json",
	"siteinfo.json":      "/w/api.php?action=query&meta=siteinfo&siprop=general|namespaces|namespacealiases&format=json",
	"parse.json":         "/w/api.php?action=parse&page=ACME_Portal:Home&format=json",
	"opensearch.json":    "/w/api.php?action=opensearch&search=S&namespace=*&format=json",
	"rest-page.json":     "/w/rest.php/v1/page/ACME_Portal:Home",
	"load-widgets.js":    "/w/load.php?lang=en&modules=mediawiki.widgets&skin=vector&only=scripts",
}

// TestWriteFixtures fetches the fixtures anew from the wiki of our own world,
// with its directory, if POSTERN_WRITE_FIXTURES is set. The wiki's address
// becomes http://wiki.example in them.
func TestWriteFixtures(t *testing.T) {
	if os.Getenv("POSTERN_WRITE_FIXTURES") == "" {
		t.Skip("writes files; asked for by POSTERN_WRITE_FIXTURES=1")
	}
	s := theScene(t)
	dir := filepath.Join("..", "..", "testdata", "mediawiki")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, path := range fixtures {
		res, err := http.Get(s.wiki.URL + strings.ReplaceAll(path, "|", url.QueryEscape("|")))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", path, res.Status, err)
		}
		text := strings.ReplaceAll(string(body), s.wiki.URL, "http://wiki.example")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	base, err := url.Parse(s.wiki.URL)
	if err != nil {
		t.Fatal(err)
	}
	p, err := rules.LoadProfile("mediawiki")
	if err != nil {
		t.Fatal(err)
	}
	d, err := upstream.New(upstream.Config{Base: base}).Snapshot(t.Context(), p, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "directory.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := directory.WriteSnapshot(f, d); err != nil {
		t.Fatal(err)
	}
	var list strings.Builder
	for name, path := range fixtures {
		fmt.Fprintf(&list, "%s\t%s\n", name, path)
	}
	t.Log(list.String())
}

package rules

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// browsed is what a browser asks a Confluence for: pages in their spellings,
// what a page loads beside itself, its background calls, lists and pickers.
var browsed = []string{
	"/display/ACME/Weekly+report+2026-31",
	"/display/ACME",
	"/pages/viewpage.action?pageId=66600123",
	"/pages/viewpage.action?spaceKey=ACME&title=Interface+specification&src=contextnavpagetreemode",
	"/spaces/ACME/pages/66600123/Interface+specification",
	"/x/oRIV",
	"/s/d41d8cd98f00b204e9800998ecf8427e-CDN/en_GB/8804/1cc5gx/b3a1d1e4e5c8e2f6a7b8c9d0e1f2a3b4/_/download/contextbatch/css/_super/batch.css",
	"/s/en_GB/8804/1cc5gx/5.0.1/_/download/batch/com.atlassian.auiplugin:aui-core/com.atlassian.auiplugin:aui-core.js?locale=en-GB",
	"/images/icons/profilepics/default.svg",
	"/download/attachments/66600123/interface%20specification.pdf?version=3&modificationDate=1700000000000&api=v2",
	"/download/thumbnails/66600123/diagram.png?version=1&modificationDate=1700000000000&api=v2",
	"/rest/api/content/66600123?expand=body.view,version,space,ancestors",
	"/rest/api/content/66600123/child/page?limit=25&start=25&expand=version",
	"/rest/api/content?spaceKey=ACME&title=Interface+specification",
	"/rest/api/search?cql=type%3Dpage+and+space%3DACME+and+text~%22interface%22&limit=20&expand=content.space",
	"/dosearchsite.action?queryString=interface",
	"/pages/children.action?spaceKey=ACME&node=66600123&_=1700000000000",
	"/plugins/pagetree/naturalchildren.action?decorator=none&excerpt=false&sort=position&reverse=false&disableLinks=false&expandCurrent=true&hasRoot=true&pageId=66600123&treeId=0&startDepth=0&mobile=false&ancestors=66600100&treePageId=66600123",
	"/rest/likes/1.0/content/66600123/likes?commentLikes=true&max=16",
	"/rest/mywork/latest/status/notification/count?_=1700000000000",
	"/display/~jdoe",
	"/rest/prototype/1/search/user.json?max-results=10&query=jan",
}

// BenchmarkRead is what becomes of a URL before anybody is asked whether it is
// visible: ReadTarget, Match, and both, over a mix of URLs, one after the other.
// The peer is http.ServeMux with the same paths, and url.ParseQuery.
func BenchmarkRead(b *testing.B) {
	p, err := LoadProfile("confluence-dc")
	if err != nil {
		b.Fatal(err)
	}
	type target struct{ path, query string }
	var targets []target
	var reqs []*Request
	for _, s := range browsed {
		path, query, _ := strings.Cut(s, "?")
		req, err := p.ReadTarget(path, query)
		if err != nil {
			b.Fatalf("%s: %v", s, err)
		}
		if _, r := p.Match(req, nil); r != nil {
			b.Logf("%s is refused: %v", s, r)
		}
		targets = append(targets, target{path, query})
		reqs = append(reqs, req)
	}
	b.Run("target", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			t := &targets[i%len(targets)]
			if _, err := p.ReadTarget(t.path, t.query); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("match", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			p.Match(reqs[i%len(reqs)], nil)
		}
	})
	// As links in answers are matched: the same Match again and again.
	b.Run("link", func(b *testing.B) {
		var m Match
		b.ReportAllocs()
		for i := range b.N {
			m = Match{Subjects: m.Subjects[:0], values: m.values[:0], Deny: m.Deny[:0], keys: m.keys[:0]}
			p.table.match(&m, reqs[i%len(reqs)], nil, true)
		}
	})
	b.Run("both", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			t := &targets[i%len(targets)]
			req, err := p.ReadTarget(t.path, t.query)
			if err != nil {
				b.Fatal(err)
			}
			p.Match(req, nil)
		}
	})
	b.Run("ServeMux+ParseQuery", func(b *testing.B) {
		mux := peerMux(p)
		b.ReportAllocs()
		for i := range b.N {
			t := &targets[i%len(targets)]
			// What net/http does for each request: the target is parsed, a
			// pattern found, the query parsed when it is asked for.
			u, err := url.ParseRequestURI(t.path)
			if err != nil {
				b.Fatal(err)
			}
			u.RawQuery = t.query
			mux.Handler(&http.Request{Method: "GET", URL: u, Host: "wiki.example"})
			if _, err := url.ParseQuery(t.query); err != nil {
				b.Fatal(err)
			}
		}
	})
	for i, s := range browsed {
		b.Run("each"+strings.ReplaceAll(s[:min(len(s), 60)], "/", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				req, err := p.ReadTarget(targets[i].path, targets[i].query)
				if err != nil {
					b.Fatal(err)
				}
				p.Match(req, nil)
			}
		})
	}
}

// TestReadAllocatesTwice: a plain URL costs one allocation to read and one to
// match, whatever it names.
func TestReadAllocatesTwice(t *testing.T) {
	p, err := LoadProfile("confluence-dc")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, query string }{
		{"/display/ACME", ""},
		{"/display/~jdoe", ""},
		{"/pages/viewpage.action", "pageId=66600123&src=search"},
		{"/rest/api/content/66600123", "expand=version"},
		{"/rest/api/content", "spaceKey=ACME&title=Plan"},
		{"/download/thumbnails/66600123/diagram.png", "version=1&api=v2"},
	} {
		req, err := p.ReadTarget(c.path, c.query)
		if err != nil {
			t.Fatal(err)
		}
		if _, r := p.Match(req, nil); r != nil {
			t.Fatalf("%s?%s: %v", c.path, c.query, r)
		}
		if n := testing.AllocsPerRun(50, func() { _, _ = p.ReadTarget(c.path, c.query) }); n > 1 {
			t.Errorf("%s?%s: reading allocates %v times", c.path, c.query, n)
		}
		lists := strings.Contains(c.query, "expand") // the values of a list are kept apart
		if n := testing.AllocsPerRun(50, func() { _, _ = p.Match(req, nil) }); n > 1 && !lists {
			t.Errorf("%s?%s: matching allocates %v times", c.path, c.query, n)
		}
	}
}

// peerMux registers a profile's patterns with net/http, as far as it can say
// them; what it can't, it takes as a plain wildcard.
func peerMux(p *Profile) *http.ServeMux {
	mux := http.NewServeMux()
	add := func(pattern string) {
		defer func() { _ = recover() }() // two that net/http can't tell apart
		mux.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
	}
	for _, rt := range p.table.routes {
		for _, pat := range rt.patterns {
			var path strings.Builder
			for i, s := range pat.segs {
				path.WriteByte('/')
				switch s.kind {
				case segLiteral:
					path.WriteString(s.lit)
				case segRest:
					path.WriteString("{rest...}")
				default:
					path.WriteString("{s" + strings.Repeat("x", i) + "}")
				}
			}
			for _, m := range pat.methods {
				add(m + " " + path.String())
			}
		}
	}
	return mux
}

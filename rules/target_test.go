package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func targetProfile(t testing.TB, canon string) *Profile {
	return mustProfile(t, "profile: t\ncanon: "+canon+"\nroutes:\n  - {match: \"GET /{all...}\", class: static, params: {\"*\": drop}}\n")
}

func TestReadTarget(t *testing.T) {
	p := targetProfile(t, "{drop_params: [_], plus_is_space: [/display]}")
	for _, c := range []struct {
		path, query string
		segs        []string
		params      []Param
	}{
		{path: "/"},
		{path: "/a/b%20c/%C3%A9", segs: []string{"a", "b c", "é"}},
		{path: "/a/é", segs: []string{"a", "é"}},
		{path: "/a/", segs: []string{"a", ""}},
		{path: "/100%25%20sure", segs: []string{"100% sure"}},
		{path: "/a+b", segs: []string{"a+b"}},
		{path: "/display/A/b+c%2Bd", segs: []string{"display", "A", "b c+d"}},
		{path: "/a", query: "x=1+2&y=%26&_=3&&z", segs: []string{"a"}, params: []Param{{"x", "1 2"}, {"y", "&"}, {"z", ""}}},
		{path: "/...", segs: []string{"..."}},
	} {
		req, err := p.ReadTarget(c.path, c.query)
		if err != nil {
			t.Errorf("%s?%s: %v", c.path, c.query, err)
			continue
		}
		if d := cmp.Diff(&Request{Method: "GET", Segments: c.segs, Query: c.params}, req); d != "" {
			t.Errorf("%s?%s: %s", c.path, c.query, d)
		}
	}
}

func TestReadTargetRefuses(t *testing.T) {
	p := targetProfile(t, "{refuse_params: [os_password]}")
	for _, c := range []struct{ path, query string }{
		{path: ""},
		{path: "a"},
		{path: "//a"},
		{path: "/a//b"},
		{path: "/a/../b"},
		{path: "/a/%2e%2E/b"},
		{path: "/a/.%2e"},
		{path: "/."},
		{path: "/a;b"},
		{path: "/a%3Bb"},
		{path: `/a\b`},
		{path: "/a%5cb"},
		{path: "/a%2fb"},
		{path: "/a%2Fb"},
		{path: "/a%00"},
		{path: "/a%0a"},
		{path: "/a\x01"},
		{path: "/a%7f"},
		{path: "/a%"},
		{path: "/a%2"},
		{path: "/a%zz"},
		{path: "/%ff"},
		{path: "/%c0%af"},
		{path: "/\xff"},
		{path: "/a%252fb"},
		{path: "/%252e%252e/a"},
		{path: "/%25%32%65"},
		{path: "/a%255c"},
		{path: "/a%2500"},
		{path: "/a?b"},
		{path: "/a#b"},
		{path: "/" + strings.Repeat("a", maxPath)},
		{path: strings.Repeat("/a", maxSegments+1)},
		{"/a", "x=%zz"},
		{"/a", "x=%"},
		{"/a", "x=1;y=2"},
		{"/a", "x=%00"},
		{"/a", "x=%01"},
		{"/a", "x=\x01"},
		{"/a", "x=%ff"},
		{"/a", "x=1&x=2"},
		{"/a", "x[]=1"},
		{"/a", "x%5b%5d=1"},
		{"/a", "x%00y=1"},
		{"/a", "=1"},
		{"/a", "x%20y=1"},
		{"/a", "os_password=1"},
		{"/a", "os%5fpassword=1"},
		{"/a", strings.Repeat("&", maxParams+1)},
		{"/a", strings.Repeat("n", maxName+1) + "=1"},
		{"/a", "x=#"},
		{"/a", "x=" + strings.Repeat("a", maxQuery)},
	} {
		req, err := p.ReadTarget(c.path, c.query)
		if err == nil {
			t.Errorf("%.80s?%.80s was read: %v", c.path, c.query, req)
			continue
		}
		if r, ok := err.(*Refusal); !ok || r.Status != 400 {
			t.Errorf("%.80s?%.80s: %v, want a refusal with status 400", c.path, c.query, err)
		}
	}
}

func TestAddForm(t *testing.T) {
	p := targetProfile(t, "{}")
	req, err := p.ReadTarget("/a", "x=1")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.AddForm(req, "y=a%0d%0ab"); err != nil {
		t.Error(err)
	}
	if d := cmp.Diff([]Param{{"y", "a\r\nb"}}, req.Form); d != "" {
		t.Error(d)
	}
	for _, body := range []string{"x=2", "z=1&z=2", "z[]=1", "z=%zz"} {
		if err := p.AddForm(req, body); err == nil {
			t.Errorf("%q was read", body)
		}
	}
}

// FuzzReadTarget: what was read and written anew is read as the same, and is
// written as the same bytes.
func FuzzReadTarget(f *testing.F) {
	f.Add("/a/b%20c/%C3%A9", "x=1+2&y=%26;")
	f.Add("/display/A/b+c%2Bd;x", "_=1&a%2eb=c")
	f.Add("/a%2Fb//c", "a=%1fb%1fc")
	profiles := []*Profile{
		targetProfile(f, "{}"),
		targetProfile(f, "{plus_is_space: [/display, /a/b]}"),
		targetProfile(f, `{refuse: ['\', '%00'], params: {duplicate: list}}`),
		targetProfile(f, `{refuse: ['//', '%2f', '%3b', '%5c']}`),
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		for _, p := range profiles {
			req, err := p.ReadTarget(path, query)
			if err != nil {
				continue
			}
			for _, s := range req.Segments {
				if s == "." || s == ".." || strings.ContainsAny(s, "\\\x00\r\n") {
					t.Fatalf("segment %q", s)
				}
			}
			c := p.table.canon
			p2, q2 := string(c.appendPath(nil, req.Segments)), string(appendPairs(nil, req.Query))
			again, err := p.ReadTarget(p2, q2)
			if err != nil {
				t.Fatalf("%q?%q becomes %q?%q: %v", path, query, p2, q2, err)
			}
			if d := cmp.Diff(req.Segments, again.Segments); d != "" {
				t.Fatalf("%q becomes %q: %s", path, p2, d)
			}
			p3, q3 := string(c.appendPath(nil, again.Segments)), string(appendPairs(nil, again.Query))
			if p3 != p2 || q3 != q2 {
				t.Fatalf("%q?%q, then %q?%q", p2, q2, p3, q3)
			}
		}
	})
}

// FuzzMatch: no panic; what is sent upstream is taken by the same route with
// the same subjects.
func FuzzMatch(f *testing.F) {
	p := mustProfile(f, routesProfile)
	for _, s := range []string{"/pages/viewpage.action?pageId=1&preview=/1/2/x", "/rest/api/search?cql=a&expand=content.space&spaces=A,B&cqlcontext={}", "/display/~a", "/x/oRIV", "/s/a/_/download/batch/x"} {
		path, query, _ := strings.Cut(s, "?")
		f.Add(path, query)
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		req, err := p.ReadTarget(path, query)
		if err != nil {
			return
		}
		m, r := p.Match(req, nil)
		if r != nil {
			return
		}
		p2, q2, _ := m.Upstream()
		again, err := p.ReadTarget(p2, q2)
		if err != nil {
			t.Fatalf("%q?%q becomes %q?%q: %v", path, query, p2, q2, err)
		}
		m2, r := p.Match(again, nil)
		if r != nil {
			t.Fatalf("%q?%q becomes %q?%q: %v", path, query, p2, q2, r)
		}
		if m2.Pattern != m.Pattern || m2.Class != m.Class {
			t.Fatalf("%q, then %q", m.Pattern, m2.Pattern)
		}
		// The order may differ: the query is written by name.
		count := map[string]int{}
		for _, s := range subjectTexts(m) {
			count[s]++
		}
		for _, s := range subjectTexts(m2) {
			count[s]--
		}
		for s, n := range count {
			if n != 0 {
				t.Fatalf("%q?%q becomes %q?%q: subject %q %+d", path, query, p2, q2, s, n)
			}
		}
		if p3, q3, _ := m2.Upstream(); p3 != p2 || q3 != q2 {
			t.Fatalf("%q?%q, then %q?%q", p2, q2, p3, q3)
		}
	})
}

package rules_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/rules"
)

const cursorProfile = `
profile: cursors
titles: {codec: mediawiki-title, none: "(Main)"}
types: {stamp: "[0-9]{14}"}
routes:
  - match: "GET /list"
    also: ["GET /other/list"]
    class: search
    params: {from: cursor, at: "cursor|stamp", typed: "cursor|text", q: text, limit: int<=50, start: int, junk: drop, format: text}
    force: {format: json}
    page: {kind: cursor, start: start, limit: limit, items: items}
  - match: "GET /api"
    class: search
    params: {go: cursor}
    parts: {list: "|"}
    part:
      list=a: {prefix: a, params: {from: cursor, limit: int}, page: {kind: cursor, limit: limit, items: items}}
      list=b: {prefix: b, params: {from: cursor}, page: {kind: none}}
    page: {kind: cursor, next: go}
  - match: "GET /wiki/{title:mediawiki-title...}"
    class: content
    params: {title: content.title}
    specials: title
    evidence: {content: "meta@content"}
specials:
  Allpages: {class: search, params: {from: "cursor|text", hide: flag}, page: {kind: none}}
`

func cursorMatch(t *testing.T, p *rules.Profile, target string) *rules.Match {
	t.Helper()
	path, query, _ := strings.Cut(target, "?")
	req, err := p.ReadTarget(path, query)
	if err != nil {
		t.Fatal(err)
	}
	m, refusal := p.Match(req, nil)
	if refusal != nil {
		t.Fatalf("%s: %v", target, refusal)
	}
	return m
}

// TestCursorContext: a token is bound to the query, and not to how much of the
// list is asked for, nor to what changes nothing.
func TestCursorContext(t *testing.T) {
	t.Parallel()
	p, err := rules.ParseProfile("cursors.yaml", []byte(cursorProfile))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		one, other string
		same       bool
	}{
		{"/list?q=a", "/list?limit=3&q=a&start=7&junk=1", true},
		{"/list?q=a", "/list?q=a&from=x&at=20260101000000&format=json", true},
		{"/list?q=a", "/other/list?q=a", true},
		{"/list?q=a", "/list?q=b", false},
		{"/list?q=a", "/list", false},
		{"/list", "/list?q=", false},
		{"/api?list=a&alimit=4", "/api?list=a&afrom=x&go=y", true},
		{"/api?list=a", "/api?list=b", false},
		{"/api?list=a", "/api?list=a|b", false},
		{"/wiki/Special:AllPages", "/wiki/Special:AllPages?from=x", true},
		{"/wiki/Special:AllPages", "/wiki/Special:AllPages?hide=1", false},
	} {
		a, b := cursorMatch(t, p, tt.one), cursorMatch(t, p, tt.other)
		if got := a.CursorContext("from") == b.CursorContext("from"); got != tt.same {
			t.Errorf("%s and %s: one context: %v", tt.one, tt.other, got)
		}
		if a.CursorContext("from") == a.CursorContext("at") {
			t.Errorf("%s: two parameters have one context", tt.one)
		}
	}
	m := cursorMatch(t, p, "/list?from=x&at=20260101000000&typed=y&q=z")
	var names []string
	for _, c := range m.Cursors() {
		names = append(names, c.Name+"="+c.Value)
	}
	if diff := cmp.Diff([]string{"from=x", "at=20260101000000", "typed=y"}, names); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]bool{"from": false, "at": true, "typed": true, "q": false, "none": false} {
		if got := m.Plain(name, "20260101000000"); got != want {
			t.Errorf("%s may be typed: %v", name, got)
		}
	}
	if m.Plain("at", "pc1.x") {
		t.Error("a token is taken for a stamp")
	}
}

func TestCursorTypes(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"list(cursor)", "path(digits, cursor)", "json(a: cursor)", "cursor|content.id"} {
		src := "profile: x\nroutes:\n  - {match: GET /x, class: static, params: {a: \"" + typ + "\"}}\n"
		if _, err := rules.ParseProfile("x.yaml", []byte(src)); err == nil {
			t.Errorf("%s was taken", typ)
		}
	}
	for _, src := range []string{
		"profile: x\nroutes:\n  - {match: \"GET /x/{a:cursor}\", class: static}\n",
		"profile: x\nroutes:\n  - {match: \"GET /x/{a}\", class: static, params: {a: cursor}}\n",
		"profile: x\nroutes:\n  - {match: \"GET /x\", class: static, params: {\"a{digits}\": cursor}}\n",
	} {
		if _, err := rules.ParseProfile("x.yaml", []byte(src)); err == nil {
			t.Errorf("%s was taken", src)
		}
	}
}

// TestJudgeSeals: cursor parameters of links are sealed, whatever the link's
// spelling, and the rest of it stays as it was.
func TestJudgeSeals(t *testing.T) {
	t.Parallel()
	p, err := rules.ParseProfile("cursors.yaml", []byte(cursorProfile))
	if err != nil {
		t.Fatal(err)
	}
	pol, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(strings.Replace(linkPolicy, "wiki: links", "wiki: cursors", 1))}, p)
	if err != nil {
		t.Fatal(err)
	}
	g, err := directory.NewGeneration(linkWorld(), directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := rules.NewView(pol, g, rules.Viewer{Provider: "corp", Subject: "1", WikiUser: "eva"}, time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	site := &rules.Site{Base: mustURL(t, "https://site.example/ctx"), Aliases: []*url.URL{mustURL(t, "http://wiki.internal:8090/w")}}
	judge := func(sealed bool) *rules.Judge {
		j := rules.NewJudge(v, site, mustURL(t, "https://site.example/ctx/list?q=a"), rules.Context{Space: rules.NoID})
		if sealed {
			j.SealCursor = func(_ *rules.Match, param, value string) string {
				switch value {
				case "long":
					return ""
				case "kept":
					return value
				}
				return "SEALED-" + param
			}
		}
		return j
	}
	for _, tt := range []struct {
		raw, want string
		fate      rules.Fate
	}{
		{raw: "/ctx/list?q=a&from=Hid+den%C3%A9&limit=2#x", want: "/ctx/list?q=a&from=SEALED-from&limit=2#x"},
		{raw: "?from=x&q=%61", want: "?from=SEALED-from&q=%61"},
		{raw: "list?fr%6fm=x", want: "list?fr%6fm=SEALED-from"},
		{raw: "https://site.example/ctx/list?from=x", want: "https://site.example/ctx/list?from=SEALED-from"},
		{raw: "//site.example/ctx/list?from=x", want: "//site.example/ctx/list?from=SEALED-from"},
		{raw: "http://wiki.internal:8090/w/list?q=1&from=x#y", want: "https://site.example/ctx/list?q=1&from=SEALED-from#y"},
		{raw: "/ctx/list?from=&q=a"},
		{raw: "/ctx/list?q=a"},
		{raw: "/ctx/api?list=a&afrom=x", want: "/ctx/api?list=a&afrom=SEALED-afrom"},
		{raw: "/ctx/api?list=a|b"},
		{raw: "/ctx/list?typed=kept&q=a"},
		{raw: "/ctx/list?typed=kept&from=x", want: "/ctx/list?typed=kept&from=SEALED-from"},
		{raw: "/ctx/list?from=long", fate: rules.FateUnwrap},
		{raw: "/ctx/wiki/Special:AllPages?from=X", want: "/ctx/wiki/Special:AllPages?from=SEALED-from"},
		{raw: "https://elsewhere.example/list?from=x"},
	} {
		got := judge(true).URL(tt.raw)
		if got.Fate != tt.fate || got.URL != tt.want {
			t.Errorf("%s: %v %q, want %v %q", tt.raw, got.Fate, got.URL, tt.fate, tt.want)
		}
	}
	if got := judge(false).URL("/ctx/list?from=x"); got.Fate != rules.FateUnwrap {
		t.Errorf("without a seal: %v %q", got.Fate, got.URL)
	}
}

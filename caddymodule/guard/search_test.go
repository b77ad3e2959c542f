package guard_test

import (
	"log/slog"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/rules"
)

const searchProfile = `
profile: searched
versions: ">=1"
canon: {params: {sources: [query, form]}}
titles: {codec: mediawiki-title, none: "(Main)"}
routes:
  - match: "GET /search"
    class: search
    params: {q: mediawiki-search}
    narrow: {q: {to: query, fields: {intitle: text, like: content.title, about: 'content.title in "ACME:"', sort: "enum(date,size)"}, none: nothing}}
    page: {kind: none}
    response: {types: [json]}
`

// TestSearch: a search goes up with the operators that are listed, and finds
// nothing where one names what is hidden or missing, which is the same.
func TestSearch(t *testing.T) {
	t.Parallel()
	profile, err := rules.ParseProfile("searched.yaml", []byte(searchProfile))
	if err != nil {
		t.Fatal(err)
	}
	policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte("version: 1\nwiki: searched\nspaces: {ACME: {members: [{email_domain: acme.example}]}}\n")}, profile)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := directory.NewGeneration(rules.Directory{
		Spaces:  []rules.SpaceRecord{{Key: "(Main)", ID: "0"}, {Key: "ACME", ID: "3000", Name: "ACME"}, {Key: "HR", ID: "3010", Name: "HR"}},
		Content: []rules.ContentRecord{{ID: "1", Space: "ACME", Title: "Plan"}, {ID: "2", Space: "ACME", Title: "Other plan"}, {ID: "3", Space: "HR", Title: "Salaries"}},
	}, directory.OptionsFor(profile))
	if err != nil {
		t.Fatal(err)
	}
	view, err := rules.NewView(policy, facts, rules.Viewer{Provider: "idp", Subject: "eva", Email: "eva@acme.example", EmailVerified: true}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	g := &guard.Guard{Profile: profile, Site: &rules.Site{Base: &url.URL{Scheme: "https", Host: "site.example"}}, Wiki: &url.URL{Scheme: "http", Host: "wiki"}}
	for _, tt := range []struct{ given, want string }{
		{`plan "next year" -draft`, `plan "next year" -draft`},
		{"plan OR budget*", "plan OR budget*"},
		{"intitle:plan", "intitle:plan"},
		{"like:ACME:Plan", `like:"ACME:Plan"`},
		{"about:Plan x", "about:Plan x"},
		{`about:"other plan"`, `about:"other plan"`},
		{"about:Plan|Nosuch", "nothing"},
		{"about:Nosuch", "nothing"},
		{"-about:Nosuch", "nothing"},
		{"x OR about:Nosuch", "nothing"},
		{"like:HR:Salaries", "nothing"},
		{"-like:HR:Salaries", "nothing"},
		{`like:"HR:Salaries"`, "nothing"},
		{"like:|", "nothing"},
		{"sort:date", "sort:date"},
		{"sort:secret", "nothing"},
		{"HR: x", "HR x"},
		{"all:x", "all x"},
		{"insource:/x/", "insource x"},
	} {
		r := httptest.NewRequest("GET", "https://site.example/search?q="+url.QueryEscape(tt.given), nil)
		req, ref := g.Canon(r)
		if ref != nil {
			t.Fatal(ref)
		}
		adm, ref := g.Admit(t.Context(), req, view, nil, slog.New(slog.DiscardHandler))
		if ref != nil {
			t.Errorf("%s: %v", tt.given, ref)
			continue
		}
		if got := g.Request(r, adm, guard.Identity{}).URL.Query().Get("q"); got != tt.want {
			t.Errorf("%s went up as %s, want %s", tt.given, got, tt.want)
		}
	}
}

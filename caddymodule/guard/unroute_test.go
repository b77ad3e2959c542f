package guard_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/rules"
)

const titledProfile = `
profile: titled
versions: ">=1"
canon: {params: {sources: [query, form]}}
titles: {codec: mediawiki-title, none: "(Main)"}
routes:
  - match: "GET /wiki/{title:mediawiki-title...}"
    class: content
    params: {title: content.title}
    specials: title
    evidence: {content: 'meta[name="id"]@content'}
    response: {types: [html]}
specials:
  Search: {class: search, response: {types: [html]}, page: {kind: none}}
`

type learns struct{ view *rules.View }

func (l learns) Resolve(context.Context, []rules.Ref) (*rules.View, error) { return l.view, nil }

// TestNewerFactsUnroute: what a look-up learns may say that the request is
// another than it seemed, which no route names. It is refused then, and never
// admitted by what it was taken for at first.
func TestNewerFactsUnroute(t *testing.T) {
	t.Parallel()
	profile, err := rules.ParseProfile("titled.yaml", []byte(titledProfile))
	if err != nil {
		t.Fatal(err)
	}
	policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte("version: 1\nwiki: titled\nspaces: {\"(Main)\": {open_to: externals}, ACME: {members: [{email_domain: acme.example}]}}\n")}, profile)
	if err != nil {
		t.Fatal(err)
	}
	view := func(d rules.Directory) *rules.View {
		facts, err := directory.NewGeneration(d, directory.OptionsFor(profile))
		if err != nil {
			t.Fatal(err)
		}
		v, err := rules.NewView(policy, facts, rules.Viewer{Provider: "idp", Subject: "eva", Email: "eva@acme.example", EmailVerified: true}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	spaces := []rules.SpaceRecord{{Key: "(Main)", ID: "0"}, {Key: "ACME", ID: "3000", Name: "ACME"}}
	before := view(rules.Directory{Spaces: spaces})
	// The wiki's own word for its special pages, and a page by the title that
	// the request was taken to name.
	after := view(rules.Directory{
		Spaces:  append(spaces, rules.SpaceRecord{Key: "Special", ID: "-1", Name: "Spezial"}),
		Content: []rules.ContentRecord{{ID: "1", Space: "(Main)", Title: "Spezial:Exportieren"}},
	})
	g := &guard.Guard{Profile: profile, Site: &rules.Site{Base: &url.URL{Scheme: "https", Host: "site.example"}}, Wiki: &url.URL{Scheme: "http", Host: "wiki"}}
	req, refusal := g.Canon(httptest.NewRequest(http.MethodGet, "https://site.example/wiki/Spezial:Exportieren", nil))
	if refusal != nil {
		t.Fatal(refusal)
	}
	m, why := profile.Match(req, before.Facts())
	if why != nil || before.Admit(m).Verdict != rules.Unknown || after.Admit(m).Verdict != rules.Visible {
		t.Fatalf("the request is not what the test is about: %v", why)
	}
	adm, refusal := g.Admit(t.Context(), req, before, learns{after}, slog.New(slog.DiscardHandler))
	if refusal == nil || refusal.Status != http.StatusNotFound {
		t.Fatalf("admitted by the older reading: %+v %v", adm.Match, refusal)
	}
	// A page that is there now, and stays one, is admitted.
	known := view(rules.Directory{Spaces: spaces, Content: []rules.ContentRecord{{ID: "1", Space: "(Main)", Title: "Spezial:Exportieren"}}})
	if _, refusal = g.Admit(t.Context(), req, before, learns{known}, slog.New(slog.DiscardHandler)); refusal != nil {
		t.Errorf("a page that the look-up found: %v", refusal)
	}
}

package guard_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/rules"
)

// confluence is a guard with the shipped profile and the view of an external
// of ACME and LAB, where HR is hidden.
func confluence(t *testing.T) (*guard.Guard, *rules.View) {
	t.Helper()
	policy, err := rules.ParsePolicy(map[string][]byte{"p.yaml": []byte(`
version: 1
wiki: confluence-dc
internal: {groups: [staff]}
spaces:
  LAB:  {members: [{email_domain: acme.example}]}
  ACME: {members: [{email_domain: acme.example}], hide: {titles: ["Internal *"]}}
`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := directory.NewGeneration(rules.Directory{
		Users:   []rules.UserRecord{{Username: "eva", Email: "eva@acme.example"}, {Username: "zq", Email: "zq@corp.example"}},
		Spaces:  []rules.SpaceRecord{{Key: "LAB", ID: "3", Name: "Lab"}, {Key: "ACME", ID: "1", Name: "Acme"}, {Key: "HR", ID: "2", Name: "HR"}},
		Content: []rules.ContentRecord{{ID: "10", Space: "ACME", Title: "Plan"}, {ID: "11", Space: "ACME", Title: "Internal notes"}, {ID: "20", Space: "HR", Title: "Salaries"}},
	}, directory.OptionsFor(policy.Profile))
	if err != nil {
		t.Fatal(err)
	}
	view, err := rules.NewView(policy, facts, rules.Viewer{Provider: "idp", Subject: "1", Email: "eva@acme.example", EmailVerified: true}, time.Unix(1800000000, 0))
	if err != nil {
		t.Fatal(err)
	}
	return &guard.Guard{
		Profile: policy.Profile, Site: &rules.Site{Base: &url.URL{Scheme: "https", Host: "site.example"}}, Wiki: &url.URL{Scheme: "http", Host: "wiki.internal"},
	}, view
}

// TestNarrowCQL: what goes up is printed anew, with the visible spaces and-ed
// in; what names something hidden has no hits; what is not allowed is refused.
func TestNarrowCQL(t *testing.T) {
	t.Parallel()
	const none, spaces = "type = page and type = blogpost", `space in ("ACME", "LAB")`
	tests := []struct{ cql, want string }{
		{`text ~ "plan"`, `text ~ "plan" and ` + spaces},
		{`text ~ plan or title ~ plan`, `(text ~ "plan" or title ~ "plan") and ` + spaces},
		{`text ~ "a\") or space = HR or (text ~ \"b"`, `text ~ "a\") or space = HR or (text ~ \"b" and ` + spaces},
		{`space = ACME order by created desc`, `space = "ACME" and ` + spaces + ` order by created desc`},
		{`SPACE = acme`, `space = "acme" and ` + spaces},
		{`space = HR`, none},
		{`space != HR`, none},
		{`not space in (ACME, HR)`, none},
		{`creator = zq`, none},
		{`creator = eva`, `creator = "eva" and ` + spaces},
		{`ancestor = 20`, none},
		{`ancestor = 11`, none},
		{`ancestor = 10`, `ancestor = 10 and ` + spaces},
		{`id = 999`, none},
		{`creator = currentUser()`, "refused"},
		{`watcher = eva`, "refused"},
		{`user.fullname ~ "zelda"`, "refused"},
		{`space.type = personal`, "refused"},
		{`macro = include`, "refused"},
		{`text ~ plan order by creator`, "refused"},
		{`text ~ "plan`, "refused"},
		{`text ~ plan)`, "refused"},
	}
	for _, tt := range tests {
		t.Run(tt.cql, func(t *testing.T) {
			t.Parallel()
			g, view := confluence(t)
			r := httptest.NewRequest("GET", "https://site.example/rest/api/search?cql="+url.QueryEscape(tt.cql), nil)
			req, ref := g.Canon(r)
			if ref != nil {
				t.Fatal(ref)
			}
			adm, ref := g.Admit(t.Context(), req, view, nil, slog.New(slog.DiscardHandler))
			if ref != nil {
				if tt.want != "refused" || ref.Status != http.StatusNotFound {
					t.Fatalf("refused: %v", ref)
				}
				return
			}
			up := g.Request(r, adm, guard.Identity{Kind: "service", Value: "tok"})
			got := strings.ReplaceAll(up.URL.Query().Get("cql"), "( ", "(")
			if got != tt.want {
				t.Errorf("went up as %s\nwant        %s", got, tt.want)
			}
		})
	}
}

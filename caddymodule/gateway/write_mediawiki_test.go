package gateway_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/rules"
)

// TestMediaWikiEdit: an edit is a form, judged field by field; talk is where
// commenters write.
func TestMediaWikiEdit(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../testdata/url/mediawiki/directory.json")
	if err != nil {
		t.Fatal(err)
	}
	var seed rules.Directory
	if err := json.Unmarshal(raw, &seed); err != nil {
		t.Fatal(err)
	}
	p, err := rules.LoadProfile("mediawiki")
	if err != nil {
		t.Fatal(err)
	}
	policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(`
version: 1
wiki: mediawiki
internal: {groups: [], mode: shared-spaces}
providers: {acme: {domains: [acme.example]}}
spaces:
  ACME:
    members: [{user: mo@acme.example, role: manager}, {user: eva@acme.example, role: user}, {user: bo@acme.example, role: commenter}, {user: cy@acme.example}]
    hide: {titles: ["Internal*"]}
`)}, p)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, as, target, form string
		source                 string // "" is a harmless one
		status                 int
		up                     string // a part of what reaches the wiki
	}{
		{name: "a user", form: "action=edit&title=ACME:Plan&text=x%0A[[ACME:Home]]&baserevid=7&token=a%2B%5C&format=json", status: 200, up: "text=x%0A%5B%5BACME%3AHome%5D%5D"},
		{name: "by id", form: "action=edit&pageid=1002&appendtext=x&token=a%2B%5C&format=json", status: 200, up: "pageid=1002"},
		{name: "a commenter", as: "bo", form: "action=edit&title=ACME:Plan&appendtext=x&token=a", status: 403},
		{name: "a commenter on a talk page", as: "bo", form: "action=edit&title=ACME_talk:Plan&appendtext=x&token=a", status: 200, up: "appendtext=x"},
		{name: "a reader on a talk page", as: "cy", form: "action=edit&title=ACME_talk:Plan&appendtext=x&token=a", status: 403},
		{name: "a reader with a body that is wrong as well", as: "cy", form: "action=edit&title=ACME:Plan&appendtext={{:HR:Salaries}}&wrong=1&token=a", status: 403},
		{name: "a hidden page", form: "action=edit&title=HR:Salaries&appendtext=x&token=a", status: 404},
		{name: "a hidden title", form: "action=edit&title=ACME:Internal+notes&appendtext=x&token=a", status: 404},
		{name: "a hidden title, to a reader", as: "cy", form: "action=edit&title=ACME:Internal+notes&appendtext=x&token=a", status: 404},
		{name: "a title that is not there, to a reader, is as a hidden one", as: "cy", form: "action=edit&title=ACME:No+such+page&appendtext=x&createonly=1&token=a", status: 404},
		{name: "a link to a hidden page", form: "action=edit&title=ACME:Plan&appendtext=[[HR:Salaries]]&token=a", status: 404},
		{name: "a link to nothing in a hidden space", form: "action=edit&title=ACME:Plan&appendtext=[[HR:Nothing]]&token=a", status: 404},
		{name: "a hidden page taken in", form: "action=edit&title=ACME:Plan&appendtext={{:HR:Salaries}}&token=a", status: 404},
		{name: "a hidden page taken in, in two halves", form: "action=edit&title=ACME:Plan&appendtext={{:HR:Sal<!--+-->aries}}&token=a", status: 404},
		{name: "a link in the summary", form: "action=edit&title=ACME:Plan&appendtext=x&summary=[[HR:Salaries]]&token=a", status: 404},
		{name: "a function that nobody knows", form: "action=edit&title=ACME:Plan&appendtext={{%23invoke:x}}&token=a", status: 404},
		{name: "a computed name", form: "action=edit&title=ACME:Plan&appendtext={{:HR:{{lc:S}}alaries}}&token=a", status: 404},
		{name: "somebody hidden", form: "action=edit&title=ACME:Plan&appendtext=[[User:Zq]]&token=a", status: 404},
		{name: "a URL of a hidden page", form: "action=edit&title=ACME:Plan&appendtext=[https://site.example/wiki/HR:Salaries+x]&token=a", status: 404},
		{name: "a URL of elsewhere", form: "action=edit&title=ACME:Plan&appendtext=[https://elsewhere.example/+x]&token=a", status: 200},
		{name: "a hidden redirect", form: "action=edit&title=ACME:Plan&text=%23REDIRECT+[[HR:Salaries]]&baserevid=7&token=a", status: 404},
		{name: "undo", form: "action=edit&title=ACME:Plan&undo=1902&token=a", status: 404},
		{name: "all of it without a base", form: "action=edit&title=ACME:Plan&text=x&token=a", status: 404},
		{name: "another base", form: "action=edit&title=ACME:Plan&text=x&baserevid=6&token=a", status: 409},
		{name: "without a token", form: "action=edit&title=ACME:Plan&appendtext=x", status: 404},
		{name: "a hidden reference in the source", form: "action=edit&title=ACME:Plan&appendtext=x&token=a", source: "see [[HR:Salaries]]", status: 403},
		{name: "a function in the source that nobody knows", form: "action=edit&title=ACME:Plan&appendtext=x&token=a", source: "{{#invoke:x}}", status: 403},
		{name: "a move", as: "mo", form: "action=move&from=ACME:Plan&to=ACME:Home&reason=x&token=a", status: 200, up: "to=ACME%3AHome"},
		{name: "a move by a user", form: "action=move&from=ACME:Plan&to=ACME:Home&token=a", status: 403},
		{name: "a move by a reader", as: "cy", form: "action=move&from=ACME:Plan&to=ACME:Home&token=a", status: 403},
		{name: "a move to another space", as: "mo", form: "action=move&from=ACME:Plan&to=HR:Plan&token=a", status: 404},
		{name: "a move out of all spaces", as: "mo", form: "action=move&from=ACME:Plan&to=Plan&token=a", status: 404},
		{name: "a move to a hidden title", as: "mo", form: "action=move&from=ACME:Plan&to=ACME:Internal+plan&token=a", status: 404},
		{name: "a move of a hidden page", as: "mo", form: "action=move&from=HR:Salaries&to=ACME:Home&token=a", status: 404},
		{name: "a move of what names a hidden page", as: "mo", form: "action=move&from=ACME:Plan&to=ACME:Home&token=a", source: "[[HR:Salaries]]", status: 403},
		{name: "a move with all below it", as: "mo", form: "action=move&from=ACME:Plan&to=ACME:Home&movesubpages=1&token=a", status: 404},
		{name: "a move for a reason that names a hidden page", as: "mo", form: "action=move&from=ACME:Plan&to=ACME:Home&reason=[[HR:Salaries]]&token=a", status: 404},
		{name: "a page taken away", as: "mo", form: "action=delete&title=ACME:Plan&reason=x&token=a", status: 200, up: "reason=x"},
		{name: "a page taken away by a user", form: "action=delete&title=ACME:Plan&reason=x&token=a", status: 403},
		{name: "a hidden page taken away", as: "mo", form: "action=delete&title=HR:Salaries&token=a", status: 404},
		{name: "the form", target: "GET /w/index.php?title=ACME:Plan&action=edit", status: 200},
		{name: "the form of a source with a hidden reference", target: "GET /w/index.php?title=ACME:Plan&action=edit", source: "[[HR:Salaries]]", status: 403},
		{name: "the form, undoing", target: "GET /w/index.php?title=ACME:Plan&action=edit&undo=1902", status: 404},
		{name: "the form of an old version", target: "GET /w/index.php?title=ACME:Plan&action=edit&oldid=1902", status: 404},
		{name: "the form for a reader", as: "cy", target: "GET /w/index.php?title=ACME:Plan&action=edit", status: 403},
		{name: "the form of what got a hidden reference meanwhile", target: "GET /w/index.php?title=ACME:Plan&action=edit&section=1", status: 404},
		{name: "what the form sends", target: "POST /w/index.php?title=ACME:Plan&action=submit", form: "wpTextbox1=x%0D%0Ay&wpSummary=z&editRevId=7&wpEditToken=a%2B%5C&wpSave=Save", status: 302, up: "wpTextbox1=x%0D%0Ay"},
		{name: "what the form sends for a preview", target: "POST /w/index.php?title=ACME:Plan&action=submit", form: "wpTextbox1=x&editRevId=7&wpEditToken=a&wpPreview=1", status: 404},
	}
	for _, tt := range tests {
		who := tt.as
		if who == "" {
			who = "eva"
		}
		dir, err := directory.New(directory.Config{Profile: p, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		var event gateway.Event
		gw, err := gateway.New(gateway.Config{
			Site: &url.URL{Scheme: "https", Host: "site.example"}, Wiki: &url.URL{Scheme: "http", Host: "wiki.internal"},
			Identity: map[rules.ViewerKind]gateway.Identity{rules.External: {Kind: "header", Value: "X-Remote-User"}},
			Policy:   policy, Directory: dir, Observe: func(e gateway.Event) { event = e },
			As: &rules.Viewer{Provider: "acme", Subject: who, WikiUser: strings.ToUpper(who[:1]) + who[1:], Email: who + "@acme.example", EmailVerified: true},
		})
		if err != nil {
			t.Fatal(err)
		}
		method, target, ok := strings.Cut(tt.target, " ")
		if !ok {
			method, target = "POST", "/w/api.php"
		}
		r := httptest.NewRequest(method, "https://site.example"+target, strings.NewReader(tt.form))
		if tt.form == "" {
			r.Body, r.ContentLength = http.NoBody, 0
		} else {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		rec, up := httptest.NewRecorder(), ""
		if err := gw.ServeHTTP(rec, r, func(w http.ResponseWriter, r *http.Request) error {
			if strings.Contains(r.URL.RawQuery, "prop=revisions") {
				source, _ := json.Marshal("plain text " + tt.source)
				return upstream(200, "application/json", `{"query":{"pages":[{"pageid":1002,"revisions":[{"revid":7,"slots":{"main":{"content":`+string(source)+`}}}]}]}}`)(w, r)
			}
			b, _ := io.ReadAll(r.Body)
			up = r.URL.RequestURI() + " " + string(b)
			switch {
			case r.Method == "GET" && strings.Contains(r.URL.RawQuery, "section=1"):
				up = ""
				return upstream(200, "text/html; charset=UTF-8", `<!DOCTYPE html><html><head><title>x</title></head><body><textarea id="wpTextbox1">[[HR:Salaries]]</textarea></body></html>`)(w, r)
			case r.Method == "GET":
				return upstream(200, "text/html; charset=UTF-8", `<!DOCTYPE html><html><head><title>x</title></head><body><form method="post" action="/w/index.php?title=ACME:Plan&amp;action=submit"><textarea id="wpTextbox1" name="wpTextbox1">x</textarea><input type="hidden" name="wpEditToken" value="secret-of-eva+\"></form></body></html>`)(w, r)
			case strings.HasPrefix(r.URL.Path, "/w/index.php"):
				w.Header().Set("Location", "http://wiki.internal/wiki/ACME:Plan")
				w.WriteHeader(302)
				return nil
			}
			return upstream(200, "application/json", `{"edit":{"result":"Success","pageid":1002,"title":"ACME:Plan","contentmodel":"wikitext"}}`)(w, r)
		}); err != nil {
			t.Fatal(err)
		}
		if rec.Code != tt.status || !strings.Contains(up, tt.up) || tt.status >= 400 && up != "" {
			t.Errorf("%s: %d, want %d; up %q\n%+v\n%s", tt.name, rec.Code, tt.status, up, event, rec.Body)
		}
		if tt.name == "the form" && !strings.Contains(rec.Body.String(), "secret-of-eva") {
			t.Errorf("the form has lost its token:\n%s", rec.Body)
		}
	}
}

package gateway_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/gateway"
	wikiclient "github.com/postern-gateway/postern/caddymodule/upstream"
	"github.com/postern-gateway/postern/caddymodule/wikitest"
	"github.com/postern-gateway/postern/rules"
)

// writers is the stand-in wiki behind gateways that tell it by a header who
// asks.
type writers struct {
	t      *testing.T
	dir    *directory.Directory
	policy *rules.Policy
	wiki   *wikitest.Server
	seen   *http.Request // by the wiki, last
	body   string
}

func newWriters(t *testing.T) *writers {
	t.Helper()
	wiki := wikitest.NewServer(wikitest.DemoWorld())
	t.Cleanup(wiki.Close)
	p, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		t.Fatal(err)
	}
	policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": bytes.Replace(wikitest.DemoPolicy, []byte("{group: globex}"), []byte("{group: globex, role: user}"), 1)}, p)
	if err != nil {
		t.Fatal(err)
	}
	base, _ := url.Parse(wiki.URL)
	client := wikiclient.New(wikiclient.Config{Base: base, Token: wikitest.DemoSyncToken, RatePerSecond: 1000})
	dir, err := directory.New(directory.Config{Profile: p, Upstream: client})
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.SyncNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &writers{t: t, dir: dir, policy: policy, wiki: wiki}
}

// as makes the gateway of one of the demo's accounts.
func (w *writers) as(name string, kind rules.UpstreamIdentity) *gateway.Gateway {
	w.t.Helper()
	var v rules.Viewer
	for _, a := range wikitest.DemoAccounts() {
		if a.Username == name {
			v = rules.Viewer{Provider: "demo-idp", Subject: "demo-" + name, WikiUser: name, DisplayName: a.Display, Email: a.Email, EmailVerified: true, Groups: a.Groups}
		}
	}
	id := gateway.Identity{Kind: kind, Value: "X-Remote-User"}
	if kind == "service" {
		id.Value = wikitest.DemoReadToken
	}
	base, _ := url.Parse(w.wiki.World.Base)
	gw, err := gateway.New(gateway.Config{
		Site: &url.URL{Scheme: "https", Host: "site.example"}, Wiki: base,
		Identity: map[rules.ViewerKind]gateway.Identity{rules.External: id, rules.Internal: {Kind: "header", Value: "X-Remote-User"}},
		Policy:   w.policy, Directory: w.dir, As: &v, Refill: true, Key: bytes.Repeat([]byte("k"), 32),
		Observe: func(e gateway.Event) { w.t.Logf("%+v", e) },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return gw
}

// do sends a request of a page of the site's own.
func (w *writers) do(gw *gateway.Gateway, method, target, body string, header ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(method, "https://site.example"+target, strings.NewReader(body))
	if body == "" {
		r.Body, r.ContentLength = http.NoBody, 0
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	handler := w.wiki.Config.Handler
	err := gw.ServeHTTP(rec, r, func(rw http.ResponseWriter, up *http.Request) error {
		b := new(bytes.Buffer)
		_, _ = b.ReadFrom(up.Body)
		w.seen, w.body = up, b.String()
		up = up.Clone(up.Context())
		up.Body = http.NoBody
		if b.Len() > 0 {
			up.Body = httptest.NewRequest("POST", "/", b).Body
		}
		handler.ServeHTTP(rw, up)
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return rec
}

// id finds a page's.
func (w *writers) id(space, title string) string {
	w.t.Helper()
	for _, p := range w.wiki.World.Pages {
		if p.Space == space && p.Title == title {
			return fmt.Sprint(p.ID)
		}
	}
	w.t.Fatalf("no page %s in %s", title, space)
	return ""
}

func comment(page, markup string, more ...string) string {
	return fmt.Sprintf(`{"type":"comment","container":{"id":"%s","type":"page"},"body":{"storage":{"value":%q,"representation":"storage"}}%s}`, page, markup, strings.Join(more, ""))
}

// TestComment is design §5's line on comments, end to end: who may, what it may
// carry, and in what order it is refused.
func TestComment(t *testing.T) {
	t.Parallel()
	w := newWriters(t)
	plan, home, price := w.id("ACME", "Project Plan"), w.id("ACME", "ACME Home"), w.id("GLOBEX", "Price List")
	secret, hidden := w.id("ENG", "Kestrel Roadmap"), w.id("ACME", "Negotiation Strategy")
	ana := w.as("ana", "header")
	const missing = "99999999"
	notThere := w.do(ana, "POST", "/rest/api/content", comment(missing, "<p>x</p>"))
	if notThere.Code != 404 {
		t.Fatalf("a comment on nothing: %d", notThere.Code)
	}
	page := func(space, title string) string {
		return `<ac:link><ri:page ri:space-key="` + space + `" ri:content-title="` + title + `"/></ac:link>`
	}
	user := func(name string) string { return `<ac:link><ri:user ri:username="` + name + `"/></ac:link>` }
	macro := func(name, inner string) string {
		return `<ac:structured-macro ac:name="` + name + `">` + inner + `</ac:structured-macro>`
	}
	tests := []struct {
		name, as, body string
		kind           rules.UpstreamIdentity
		status         int
	}{
		{name: "a commenter", body: comment(home, "<p>Hello &amp; welcome</p>"), status: 200},
		{name: "the id as a number", body: strings.Replace(comment(home, "<p>n</p>"), `"`+home+`"`, home, 1), status: 200},
		{name: "a manager", as: "mia", body: comment(home, "<p>Hello</p>"), status: 200},
		{name: "on a page with hidden references", body: comment(plan, "<p>Hello</p>"), status: 200},
		{name: "an internal, as the wiki says", as: "ines", body: comment(secret, "<p>Hello</p>"), status: 200},
		{name: "an internal who is a reader here", as: "ines", body: comment(home, "<p>Hello</p>"), status: 403},
		{name: "a reader of an open space", body: comment(w.id("HANDBOOK", "House Rules"), "<p>x</p>"), status: 403},
		{name: "a reader, with a body that is wrong as well", body: comment(w.id("HANDBOOK", "House Rules"), user("hetty.harrier"), `,"x":1`), status: 403},
		{name: "a service identity", kind: "service", body: comment(home, "<p>x</p>"), status: 403},
		{name: "on a page of another partner", body: comment(price, "<p>x</p>"), status: 404},
		{name: "on a page of a secret space", body: comment(secret, "<p>x</p>"), status: 404},
		{name: "on a hidden page", body: comment(hidden, "<p>x</p>"), status: 404},
		{name: "names a page", body: comment(home, "<p>"+page("ACME", "Project Plan")+"</p>"), status: 200},
		{name: "names a page of its own space", body: comment(home, `<p><ac:link><ri:page ri:content-title="Project Plan"/></ac:link></p>`), status: 200},
		{name: "names a page that is not there yet", body: comment(home, "<p>"+page("ACME", "To be written")+"</p>"), status: 200},
		{name: "names a page of a secret space", body: comment(home, "<p>"+page("ENG", "Kestrel Roadmap")+"</p>"), status: 404},
		{name: "names nothing in a secret space", body: comment(home, "<p>"+page("ENG", "To be written")+"</p>"), status: 404},
		{name: "names a title that is hidden", body: comment(home, "<p>"+page("ACME", "Internal anything")+"</p>"), status: 404},
		{name: "names a space that is not there", body: comment(home, "<p>"+page("NOPE", "X")+"</p>"), status: 404},
		{name: "mentions a member", body: comment(home, "<p>"+user("mia")+"</p>"), status: 200},
		{name: "mentions a colleague who is assigned", body: comment(home, "<p>"+user("ines")+"</p>"), status: 200},
		{name: "mentions somebody hidden", body: comment(home, "<p>"+user("hetty.harrier")+"</p>"), status: 404},
		{name: "mentions somebody of another partner", body: comment(home, "<p>"+user("gina")+"</p>"), status: 404},
		{name: "mentions nobody", body: comment(home, "<p>"+user("nobody.at.all")+"</p>"), status: 404},
		{name: "links by URL", body: comment(home, `<p><a href="/display/ACME/Project+Plan">x</a> <a href="https://elsewhere.example/">y</a></p>`), status: 200},
		{name: "links by URL to a secret page", body: comment(home, `<p><a href="/pages/viewpage.action?pageId=`+secret+`">x</a></p>`), status: 404},
		{name: "links by the wiki's own address", body: comment(home, `<p><a href="http://wiki.corp.example/display/ENG/Kestrel+Roadmap">x</a></p>`), status: 404},
		{name: "shows an image of a secret page", body: comment(home, `<p><ac:image><ri:attachment ri:filename="a.png"><ri:page ri:space-key="ENG" ri:content-title="Kestrel Roadmap"/></ri:attachment></ac:image></p>`), status: 404},
		{name: "calls a box", body: comment(home, macro("info", `<ac:parameter ac:name="title">Note</ac:parameter><ac:rich-text-body><p>x</p></ac:rich-text-body>`)), status: 200},
		{name: "calls code", body: comment(home, macro("code", `<ac:parameter ac:name="language">go</ac:parameter><ac:plain-text-body><![CDATA[<ri:user ri:username="x"/>]]></ac:plain-text-body>`)), status: 200},
		{name: "calls a macro that nobody knows", body: comment(home, macro("sql-query", "")), status: 404},
		{name: "calls a parameter that nobody knows", body: comment(home, macro("info", `<ac:parameter ac:name="source">x</ac:parameter>`)), status: 404},
		{name: "calls a parameter that is empty and that nobody knows", body: comment(home, macro("info", `<ac:parameter ac:name="source"></ac:parameter>`)), status: 404},
		{name: "includes a page", body: comment(home, macro("include", `<ac:parameter ac:name="">`+page("ACME", "Project Plan")+`</ac:parameter>`)), status: 200},
		{name: "includes a secret page", body: comment(home, macro("include", `<ac:parameter ac:name="">`+page("ENG", "Kestrel Roadmap")+`</ac:parameter>`)), status: 404},
		{name: "includes a secret page in text", body: comment(home, macro("include", `<ac:parameter ac:name="">ENG:Kestrel Roadmap</ac:parameter>`)), status: 404},
		{name: "has an element that nobody knows", body: comment(home, `<p><iframe src="/x"></iframe></p>`), status: 404},
		{name: "has a comment in its source", body: comment(home, `<p><!-- x --></p>`), status: 404},
		{name: "is not well-formed", body: comment(home, `<p>`), status: 404},
		{name: "has a field that nobody knows", body: comment(home, "<p>x</p>", `,"restrictions":{}`), status: 404},
		{name: "has a field inside one", body: strings.Replace(comment(home, "<p>x</p>"), `"type":"page"`, `"type":"page","space":{"key":"ENG"}`, 1), status: 404},
		{name: "is in another language", body: strings.Replace(comment(home, "<p>x</p>"), `"storage":{`, `"wiki":{`, 1), status: 404},
		{name: "says that it is in another language", body: strings.Replace(comment(home, "<p>x</p>"), `"representation":"storage"`, `"representation":"wiki"`, 1), status: 404},
		{name: "says nothing of its language", body: strings.Replace(comment(home, "<p>x</p>"), `,"representation":"storage"`, ``, 1), status: 404},
		{name: "has a key twice", body: strings.Replace(comment(home, "<p>x</p>"), `"type":"comment"`, `"type":"comment","type":"comment"`, 1), status: 400},
		{name: "has a key twice, in another case", body: strings.Replace(comment(home, "<p>x</p>"), `"type":"comment"`, `"type":"comment","TYPE":"page"`, 1), status: 400},
		{name: "is of a type that nobody knows", body: strings.Replace(comment(home, "<p>x</p>"), `"type":"comment"`, `"type":"com.example:thing"`, 1), status: 404},
		{name: "answers a comment", body: comment(plan, "<p>x</p>", `,"ancestors":[{"id":"`+w.firstComment("Project Plan")+`"}]`), status: 200},
		{name: "answers a comment of another page", body: comment(home, "<p>x</p>", `,"ancestors":[{"id":"`+w.firstComment("Project Plan")+`"}]`), status: 404},
		{name: "is a draft", body: comment(home, "<p>x</p>", `,"status":"draft"`), status: 404},
	}
	for _, tt := range tests {
		who, kind := tt.as, tt.kind
		if who == "" {
			who = "ana"
		}
		if kind == "" {
			kind = "header"
		}
		gw := w.as(who, kind)
		w.seen = nil
		rec := w.do(gw, "POST", "/rest/api/content", tt.body)
		if rec.Code != tt.status {
			t.Errorf("%s: %d, want %d\n%s\n%s", tt.name, rec.Code, tt.status, tt.body, rec.Body)
			continue
		}
		if tt.status == 404 && describe(rec) != describe(notThere) {
			t.Errorf("%s: not the answer for what is missing:\n%s", tt.name, describe(rec))
		}
		if tt.status == 200 {
			if got := gjson.Get(rec.Body.String(), "type").Str; got != "comment" {
				t.Errorf("%s: %s", tt.name, rec.Body)
			}
			if w.seen.Header.Get("X-Atlassian-Token") != "no-check" || w.seen.Header.Get("X-Remote-User") != who || w.seen.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: header %v", tt.name, w.seen.Header)
			}
		} else if w.seen != nil {
			t.Errorf("%s: the wiki was asked", tt.name)
		}
	}
	// It is there, and shown.
	rec := w.do(ana, "GET", "/rest/api/content/"+home+"/child/comment?expand=body.view", "")
	if !strings.Contains(rec.Body.String(), "Hello &amp; welcome") {
		t.Errorf("the comment is not among the page's:\n%s", rec.Body)
	}
}

func (w *writers) firstComment(title string) string {
	for _, p := range w.wiki.World.Pages {
		if p.Title == title && len(p.Comments) > 0 {
			return fmt.Sprint(p.Comments[0].ID)
		}
	}
	w.t.Fatal("no comment")
	return ""
}

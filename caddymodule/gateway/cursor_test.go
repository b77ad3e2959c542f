package gateway_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/rules"
)

const listProfile = `
profile: lists
versions: ">=1"
canon: {params: {sources: [query, form]}}
types: {id: digits}
show: {hidden_user: Somebody, hidden_page: Restricted page, avatar: /avatar.svg, image: /blank.png}
routes:
  - {match: "GET /page/{id}", class: content, params: {id: content.id}, evidence: {content: 'meta[name="id"]@content'}, response: {types: [html]}}
  - match: "GET /api/titles"
    class: search
    params: {from: cursor, go: cursor, limit: int<=100, prefix: text}
    page: {kind: cursor, limit: limit, items: items, next: continue}
    response: {types: [json]}
  - match: "GET /api/token"
    class: search
    params: {from: cursor, limit: int<=100}
    page: {kind: cursor, start: from, limit: limit, items: items, next: next}
    response: {types: [json]}
  - match: "GET /titles"
    also: ["GET /list"]
    class: search
    params: {from: "cursor|text", limit: int<=100, prefix: text}
    page: {kind: none}
    response: {types: [html]}
  - match: "GET /api/more"
    class: search
    params: {from: cursor, go: cursor, limit: int<=100, prefix: text}
    page: {kind: cursor, limit: limit, items: items, next: continue, scan: 60}
    response: {types: [json]}
  - match: "GET /api/rows"
    class: search
    params: {start: int, limit: int<=100, prefix: text}
    page: {kind: offset, start: start, limit: limit, items: items, size: size, next: links.next, prev: links.prev, scan: 60}
    response: {types: [json], fields: {start: plain, limit: plain, links: walk}}
fields: {id: plain, title: title}
shapes:
  - {entity: content, where: {has: [id, title]}, keys: {id: id}}
html:
  - {select: "li", subject: [{url: "a@href"}], hidden: {remove: self}}
`

// titles are in the wiki's order; every other one is hidden, so that the next
// page often begins with one that is.
func titles() (visible, all []string, records []rules.ContentRecord) {
	for i := range 24 {
		title := fmt.Sprintf("T%02d open", i)
		if i%2 == 1 || i > 20 {
			title = fmt.Sprintf("T%02d canary/of?some length %s", i, strings.Repeat("x", i))
		}
		rec := rules.ContentRecord{ID: strconv.Itoa(100 + i), Space: "OPEN", Title: title}
		if strings.Contains(title, "canary") {
			rec.Space = "HR"
		} else {
			visible = append(visible, title)
		}
		all = append(all, title)
		records = append(records, rec)
	}
	return visible, all, records
}

type listWiki struct {
	all []string
	// asked are the targets that reached the wiki.
	asked []string
}

// slice reads a list's window: from names the title that it begins with.
func (l *listWiki) slice(q url.Values) (page []int, next string) {
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil {
		limit = 5
	}
	for i, title := range l.all {
		if title < q.Get("from") {
			continue
		}
		if len(page) == limit {
			return page, title
		}
		page = append(page, i)
	}
	return page, ""
}

func (l *listWiki) serve(w http.ResponseWriter, r *http.Request) error {
	l.asked = append(l.asked, r.URL.String())
	page, next := l.slice(r.URL.Query())
	if strings.HasPrefix(r.URL.Path, "/api/") {
		var items []map[string]string
		for _, i := range page {
			items = append(items, map[string]string{"id": strconv.Itoa(100 + i), "title": l.all[i]})
		}
		out := map[string]any{"items": items}
		switch {
		case next == "":
		case r.URL.Path == "/api/token":
			out["next"] = next
		default:
			out["continue"] = map[string]string{"from": next, "go": "-||"}
		}
		w.Header().Set("Content-Type", "application/json")
		return json.NewEncoder(w).Encode(out)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprint(w, "<!DOCTYPE html><html><head><title>List</title></head><body><ul>")
	for _, i := range page {
		_, _ = fmt.Fprintf(w, `<li><a href="/page/%d">%s</a></li>`, 100+i, html.EscapeString(l.all[i]))
	}
	_, _ = fmt.Fprint(w, "</ul>")
	if next != "" {
		q := r.URL.Query()
		_, _ = fmt.Fprintf(w, `<a id="self" href="/list?%s">here</a>`, html.EscapeString(q.Encode()))
		q.Set("from", next)
		_, _ = fmt.Fprintf(w, `<a id="next" href="http://wiki.internal/titles?%s#top">more</a>`, html.EscapeString(q.Encode()))
		_, _ = fmt.Fprintf(w, `<a id="rel" href="?%s">more</a>`, html.EscapeString(q.Encode()))
	}
	_, err := fmt.Fprint(w, "</body></html>")
	return err
}

var listKey = []byte("0123456789abcdef0123456789abcdef")

func newListGateway(t *testing.T, subject string) (*gateway.Gateway, *listWiki, []string) {
	t.Helper()
	visible, all, records := titles()
	return listGateway(t, subject, records, false), &listWiki{all: all}, visible
}

func listGateway(t *testing.T, subject string, records []rules.ContentRecord, refill bool) *gateway.Gateway {
	t.Helper()
	return profileGateway(t, listProfile, subject, records, refill)
}

func profileGateway(t *testing.T, text, subject string, records []rules.ContentRecord, refill bool) *gateway.Gateway {
	t.Helper()
	profile, err := rules.ParseProfile("lists.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(strings.Replace(testPolicy, "wiki: test", "wiki: lists", 1))}, profile)
	if err != nil {
		t.Fatal(err)
	}
	seed := testDirectory
	seed.Content = records
	dir, err := directory.New(directory.Config{Profile: profile, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	gw, err := gateway.New(gateway.Config{
		Site: &url.URL{Scheme: "https", Host: "site.example"}, Wiki: &url.URL{Scheme: "http", Host: "wiki.internal"}, Key: listKey, Refill: refill,
		Policy: policy, Directory: dir, As: &rules.Viewer{Provider: "idp", Subject: subject, Email: "eva@acme.example", EmailVerified: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	return gw
}

// get asks for a list and checks that nothing hidden is in the answer.
func get(t *testing.T, gw *gateway.Gateway, wiki *listWiki, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := serve(t, gw, "GET", target, wiki.serve)
	if all := fmt.Sprint(w.Header()) + w.Body.String(); strings.Contains(strings.ToLower(all), "canary") {
		t.Errorf("%s: canary in the answer:\n%s", target, all)
	}
	return w
}

var listTitle = regexp.MustCompile(`T\d\d open`)

// nextOf reads where the answer says that the list goes on: the parameters to
// add.
func nextOf(t *testing.T, target string, body string) string {
	t.Helper()
	path, _, _ := strings.Cut(target, "?")
	if path == "/titles" || path == "/list" {
		m := regexp.MustCompile(`id="(?:next|rel)" href="([^"]*)"`).FindAllStringSubmatch(body, -1)
		if m == nil {
			return ""
		}
		a, b := html.UnescapeString(m[0][1]), html.UnescapeString(m[1][1])
		if !strings.HasPrefix(a, "https://site.example/titles?") || !strings.HasSuffix(a, "#top") || !strings.HasPrefix(b, "?") {
			t.Fatalf("links are %q and %q", a, b)
		}
		ua, errA := url.Parse(a)
		ub, errB := url.Parse(b)
		if errA != nil || errB != nil || ua.Query().Get("from") != ub.Query().Get("from") {
			t.Fatalf("%q and %q go on at different places", a, b)
		}
		return path + b
	}
	var answer struct {
		Next     string
		Continue map[string]string
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	switch {
	case answer.Next != "":
		q.Set("from", answer.Next)
	case len(answer.Continue) > 0:
		for k, v := range answer.Continue {
			q.Set(k, v)
		}
	default:
		return ""
	}
	return path + "?" + q.Encode()
}

// TestPaging: tokens lead to every visible item once, and neither they nor
// anything else of the answers names what is hidden.
func TestPaging(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"/api/titles?limit=3&prefix=T", "/api/token?limit=2", "/titles?limit=3", "/list?prefix=T&limit=5"} {
		t.Run(first, func(t *testing.T) {
			t.Parallel()
			gw, wiki, visible := newListGateway(t, "s1")
			var got []string
			lengths := map[int]bool{}
			pages := 0
			for target := first; target != ""; pages++ {
				w := get(t, gw, wiki, target)
				if w.Code != 200 || pages > 30 {
					t.Fatalf("page %d: %s: status %d", pages, target, w.Code)
				}
				if again := get(t, gw, wiki, target); again.Body.String() != w.Body.String() {
					t.Errorf("%s: two answers to one request", target)
				}
				got = append(got, listTitle.FindAllString(w.Body.String(), -1)...)
				if target = nextOf(t, target, w.Body.String()); target != "" {
					lengths[len(target)] = true
				}
			}
			if diff := cmp.Diff(visible, got); diff != "" {
				t.Errorf("items (-want +got):\n%s", diff)
			}
			if pages < 3 || len(lengths) != 1 {
				t.Errorf("%d pages, tokens of %d lengths", pages, len(lengths))
			}
			if !slices.ContainsFunc(wiki.asked, func(s string) bool { return strings.Contains(s, "canary") }) {
				t.Error("no page began with something hidden: nothing was tested")
			}
		})
	}
}

// TestForeignToken: a token of another viewer or query, a changed one, and a
// place in clear are all the one 404, and the wiki is not asked.
func TestForeignToken(t *testing.T) {
	t.Parallel()
	gw, wiki, _ := newListGateway(t, "s1")
	first := "/api/titles?limit=3&prefix=T"
	next := nextOf(t, first, get(t, gw, wiki, first).Body.String())
	u, err := url.Parse(next)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	with := func(path string, pairs ...string) string {
		out := url.Values{}
		for k, v := range q {
			out[k] = v
		}
		for i := 0; i < len(pairs); i += 2 {
			if out.Del(pairs[i]); pairs[i+1] != "" {
				out.Set(pairs[i], pairs[i+1])
			}
		}
		return path + "?" + out.Encode()
	}
	token := q.Get("from")
	other, otherWiki, _ := newListGateway(t, "s2")
	want := describe(get(t, gw, wiki, "/nowhere"))
	tests := []struct {
		name, target string
		gw           *gateway.Gateway
		ok           bool
	}{
		{name: "own", target: next, gw: gw, ok: true},
		{name: "other limit", target: with("/api/titles", "limit", "2"), gw: gw, ok: true},
		{name: "another viewer", target: next, gw: other},
		{name: "another query", target: with("/api/titles", "prefix", "U"), gw: gw},
		{name: "no query", target: with("/api/titles", "prefix", ""), gw: gw},
		{name: "another route", target: with("/api/token", "go", "", "prefix", ""), gw: gw},
		{name: "another parameter", target: with("/api/titles", "from", q.Get("go"), "go", token), gw: gw},
		{name: "a page's token where text may stand", target: with("/titles", "go", ""), gw: gw},
		{name: "changed", target: with("/api/titles", "from", token[:len(token)-1]+"_"), gw: gw},
		{name: "in clear", target: with("/api/titles", "from", "T03"), gw: gw},
		{name: "empty", target: with("/api/titles") + "&x", gw: gw},
	}
	for _, tt := range tests {
		at := wiki
		if tt.gw == other {
			at = otherWiki
		}
		n := len(at.asked)
		w := get(t, tt.gw, at, tt.target)
		if tt.ok {
			if w.Code != 200 {
				t.Errorf("%s: status %d", tt.name, w.Code)
			}
			continue
		}
		if got := describe(w); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, want)
		}
		if len(at.asked) != n {
			t.Errorf("%s: the wiki was asked for %s", tt.name, at.asked[n])
		}
	}
}

// TestTypedPlace: where people type too, what they typed goes up as it is, and
// comes back as it is; a token of a text of one's own choice is not to be had.
func TestTypedPlace(t *testing.T) {
	t.Parallel()
	gw, wiki, _ := newListGateway(t, "s1")
	w := get(t, gw, wiki, "/titles?from=T03&limit=2")
	if w.Code != 200 || len(wiki.asked) != 1 || !strings.HasSuffix(wiki.asked[0], "/titles?from=T03&limit=2") {
		t.Fatalf("status %d, asked %q", w.Code, wiki.asked)
	}
	if body := html.UnescapeString(w.Body.String()); !strings.Contains(body, `href="/list?from=T03&limit=2"`) {
		t.Errorf("what was typed does not come back:\n%s", body)
	}
}

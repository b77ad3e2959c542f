package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const routesProfile = `
profile: test
canon:
  strip: [{prefix: "/s/{**}/_", then: [static]}]
  drop_params: [_, os_username]
  refuse_params: [os_password]
  plus_is_space: [/display]
  params: {list_separator: ","}
types: {vkey: "[a-z]{2}[0-9]+"}
routes:
  - {match: "GET /download/{kind:enum(batch,contextbatch)}/{file...}", class: static, response: {types: [css, js]}}
  - {match: "GET /x/{id:tiny}", class: content, params: {id: content.id}, response: {types: [redirect]}}
  - match: GET /pages/viewpage.action
    class: content
    params: {pageId: content.id, spaceKey: space.key, title: content.title in spaceKey, focusedCommentId: content.id,
             preview: "path(content.id, content.id, text)", pageVersion: int, noRedirect: flag, decorator: enum(printable), src: drop}
    need: [[pageId], [spaceKey, title]]
    agree: content
    deny: [{pageVersion: present, below: user}]
    evidence: {content: 'meta[name="ajs-page-id"]@content', space: 'meta[name="ajs-space-key"]@content'}
    response: {types: [html, redirect]}
  - {match: "GET /display/~{user}", class: user, params: {user: user.name}, evidence: {user: "body:username"}}
  - {match: "GET /display/{key}", class: space, params: {key: space.key}, evidence: {space: "body:key"}}
  - match: "GET /display/{key}/{title}"
    class: content
    params: {key: space.key, title: content.title in key}
    evidence: {content: 'meta[name="ajs-page-id"]@content'}
  - {match: "GET /rest/api/{kind}.json", class: search, params: {kind: "enum(a,b)", q: plain}, page: {kind: none}}
  - {match: "GET /rest/api/{kind}", class: search, params: {kind: vkey}, page: {kind: none}}
  - match: GET /rest/api/search
    class: search
    params: {cql: cql, cqlcontext: "json(spaceKey: space.key, contentId: content.id)", expand: "words(content.space,content.version)",
             start: int, limit: int<=100, spaces: list(space.key)}
    narrow: {cql: {and: {space: visible}}, spaces: visible}
    page: {kind: offset, start: start, limit: limit}
  - {match: "GET,POST /rest/updates", class: feed, read: true, params: {users: list(user.name), max: int<=50}, page: {kind: none}, force: {format: json}}
  - {match: "POST /rest/like/{id}", class: write, action: comment, params: {id: content.id}}
`

func mustProfile(t testing.TB, src string) *Profile {
	t.Helper()
	p, err := ParseProfile("test.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// refText spells a reference as the examples of profiles do.
func subjectTexts(m *Match) []string {
	var out []string
	for _, s := range m.Subjects {
		out = append(out, subjectText(s.Ref.Keys[0]))
	}
	return out
}

func readRequest(p *Profile, line string) (*Request, error) { return p.readExample(line) }

func TestMatch(t *testing.T) {
	p := mustProfile(t, routesProfile)
	for _, c := range []struct {
		req      string
		pattern  string
		subjects string
		upstream string
		refused  string
	}{
		{req: "GET /download/batch/a/b.css", pattern: "GET /download/{kind:enum(batch,contextbatch)}/{file...}", upstream: "/download/batch/a/b.css"},
		{req: "GET /s/en_GB/1/_/download/batch/b.css", pattern: "GET /download/{kind:enum(batch,contextbatch)}/{file...}", upstream: "/download/batch/b.css"},
		{req: "GET /s/en_GB/_/x/oRIV", refused: "prefix"},
		{req: "GET /download/other/b.css", refused: "no route"},
		{req: "GET /x/oRIV", pattern: "GET /x/{id:tiny}", subjects: "content.id=1381025", upstream: "/x/oRIV"},
		{req: "GET /pages/viewpage.action?pageId=12&src=x&_=1&os_username=a", pattern: "GET /pages/viewpage.action", subjects: "content.id=12", upstream: "/pages/viewpage.action?pageId=12"},
		{req: "GET /pages/viewpage.action?title=A+B&spaceKey=ACME", pattern: "GET /pages/viewpage.action", subjects: "content.title=A B in ACME,space.key=ACME", upstream: "/pages/viewpage.action?spaceKey=ACME&title=A+B"},
		{req: "GET /pages/viewpage.action?pageId=12&spaceKey=ACME", refused: "selectors"},
		{req: "GET /pages/viewpage.action?title=A", refused: "selectors"},
		{req: "GET /pages/viewpage.action?pageId=12&preview=/12/34/a/b.png", pattern: "GET /pages/viewpage.action", subjects: "content.id=12,content.id=12,content.id=34", upstream: "/pages/viewpage.action?pageId=12&preview=%2F12%2F34%2Fa%2Fb.png"},
		{req: "GET /pages/viewpage.action?pageId=12&draftId=3", refused: "draftId"},
		{req: "GET /pages/viewpage.action?pageId=12&decorator=none", refused: "decorator"},
		{req: "GET /pages/viewpage.action?pageId=12&pageId=13", refused: "twice"},
		{req: "GET /pages/viewpage.action?pageId=12&os_password=x", refused: "os_password"},
		{req: "GET /pages/viewpage.action?pageId=1&focusedCommentId=", pattern: "GET /pages/viewpage.action", subjects: "content.id=1", upstream: "/pages/viewpage.action?pageId=1"},
		{req: "GET /display/~jdoe", pattern: "GET /display/~{user}", subjects: "user.name=jdoe", upstream: "/display/~jdoe"},
		{req: "GET /display/ACME", pattern: "GET /display/{key}", subjects: "space.key=ACME", upstream: "/display/ACME"},
		{req: "GET /display/ACME/A+B%2B%20c", pattern: "GET /display/{key}/{title}", subjects: "space.key=ACME,content.title=A B+ c in ACME", upstream: "/display/ACME/A+B%2B+c"},
		{req: "GET /display/ACME/", refused: "no route"},
		{req: "GET /rest/api/a.json?q=big+%22secret%22+-x", pattern: "GET /rest/api/{kind}.json", upstream: "/rest/api/a.json?q=big+secret+x"},
		{req: "GET /rest/api/c.json", refused: "kind"},
		{req: "GET /rest/api/ab12", pattern: "GET /rest/api/{kind}", upstream: "/rest/api/ab12"},
		{req: "GET /rest/api/AB12", refused: "kind"},
		{req: "GET /rest/api/search?cql=type%3Dpage&limit=5000&expand=content.version", pattern: "GET /rest/api/search", upstream: "/rest/api/search?cql=type%3Dpage&expand=content.version&limit=100"},
		{req: "GET /rest/api/search?limit=-1", refused: "limit"},
		{req: "GET /rest/api/search?cqlcontext=%7B%22contentId%22:12,+%22spaceKey%22:%22A%22%7D", pattern: "GET /rest/api/search", subjects: "space.key=A,content.id=12", upstream: `/rest/api/search?cqlcontext=%7B%22spaceKey%22%3A%22A%22%2C%22contentId%22%3A12%7D`},
		{req: "GET /rest/api/search?cqlcontext=%7B%22x%22:12%7D", refused: "cqlcontext"},
		{req: "GET /rest/api/search?cqlcontext=%7B%22contentId%22:12,%22contentId%22:13%7D", refused: "cqlcontext"},
		{req: "GET /rest/api/search?spaces=A,B", pattern: "GET /rest/api/search", subjects: "space.key=A,space.key=B", upstream: "/rest/api/search?spaces=A%2CB"},
		{req: "GET /rest/api/search?expand=content.secret", refused: "expand"},
		{req: "POST /rest/updates users=a,b&max=9", pattern: "GET,POST /rest/updates", subjects: "user.name=a,user.name=b", upstream: "/rest/updates?format=json max=9&users=a%2Cb"},
		{req: "GET /rest/updates?format=json", pattern: "GET,POST /rest/updates", upstream: "/rest/updates?format=json"},
		{req: "GET /rest/updates?format=xml", refused: "format"},
		{req: "DELETE /rest/updates", refused: "no route"},
		{req: "POST /rest/updates?max=1 max=2", refused: "query and form"},
		{req: "HEAD /display/ACME", pattern: "GET /display/{key}", subjects: "space.key=ACME", upstream: "/display/ACME"},
		{req: "POST /rest/like/7 token=x", pattern: "POST /rest/like/{id}", subjects: "content.id=7", upstream: "/rest/like/7"},
	} {
		t.Run(c.req, func(t *testing.T) {
			req, err := readRequest(p, c.req)
			var m *Match
			if err == nil {
				var r *Refusal
				if m, r = p.Match(req, nil); r != nil {
					err = r
				}
			}
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("got error %v, want one with %q", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			path, query, form := m.Upstream()
			up := path
			if query != "" {
				up += "?" + query
			}
			if form != "" {
				up += " " + form
			}
			got := []string{m.Pattern, strings.Join(subjectTexts(m), ","), up}
			if d := cmp.Diff([]string{c.pattern, c.subjects, c.upstream}, got); d != "" {
				t.Error(d)
			}
		})
	}
}

package rules

import (
	"fmt"
	"strings"
	"testing"
)

const bodyProfile = `
profile: t
types: {id: digits}
routes:
  - match: "POST /content"
    class: write
    by: {param: "body:type"}
    variants:
      comment:
        action: comment
        body:
          type: json
          fields: {type: enum(comment), page.id: content.id, "to.#.name": user.name, title: "content.title in page.space?", page.space: space.key, n: int, on: flag, at: date, tags: drop, note: prose, text: markup(xhtml-storage)}
          need: [[page.id, text]]
          targets: [page.id]
  - {match: "POST /list", class: write, body: {type: json, fields: {"#.name": text, "#.on": flag}, need: [["#.name"]]}}
  - {match: "POST /form/{id:content.id}", class: write, params: {space: space.key}, body: {type: form, fields: {text: markup(wikitext), who: user.name, n: int<=5, token: token}, need: [[text, token]]}}
  - {match: "DELETE /content/{id:content.id}", class: write, body: none}
  - {match: "POST /files/{id:content.id}", class: write, body: {type: multipart, fields: {file: file, note: prose, up: content.id}, need: [[file]], targets: [up], actions: {up: restrict}}}
`

// TestBody: each rule on what a body may hold, and what goes to the wiki of it.
func TestBody(t *testing.T) {
	p := mustProfile(t, bodyProfile)
	const ok = `"type":"comment","page":{"id":"1"},"text":"<p/>"`
	for _, c := range []struct {
		req   string
		fault string // of the body; "route": no route
		names string // targets, and behind a bar what the rest names
		up    string // "": as it came
	}{
		{req: `POST /content {` + ok + `}`, names: "content.id=1|"},
		{req: `POST /content {"text":"<p/>","page":{"id":1},"type":"comment"}`, names: "content.id=1|"},
		{req: `POST /content { ` + ok + `, "note" : "a\nb" , "n":-3, "on":true, "at":"2026-01-31" }`, names: "content.id=1|", up: `{` + ok + `,"note":"a\nb","n":-3,"on":true,"at":"2026-01-31"}`},
		{req: `POST /content {` + ok + `,"to":[{"name":"a"},{"name":"b"}]}`, names: "content.id=1|user.name=a user.name=b"},
		{req: `POST /content {` + ok + `,"title":"X","page":{}}`, fault: "route"}, // page twice
		{req: `POST /content {"type":"comment","title":"X","text":"<p/>","page":{"id":"1","space":"S"}}`, names: "content.id=1|content.title=X in S space.key=S"},
		{req: `POST /content {` + ok + `,"tags":{"deep":[{"x":1}]},"n":null,"to":null}`, names: "content.id=1|", up: `{` + ok + `}`},
		{req: `POST /content {` + ok + `,"to":[null,{}]}`, names: "content.id=1|", up: `{` + ok + `,"to":[{}]}`},
		{req: `POST /content {` + ok + `,"unknown":1}`, fault: whyUnnamed},
		{req: `POST /content {` + ok + `,"Text":"x"}`, fault: whyUnnamed},
		{req: `POST /content {` + ok + `,"unknown":{}}`, fault: whyUnnamed},
		{req: `POST /content {` + ok + `,"unknown":[]}`, fault: whyUnnamed},
		{req: `POST /content {` + ok + `,"to":"a"}`, fault: whyUnnamed},
		{req: `POST /content {` + ok + `,"to":{"#":{"name":"a"}}}`, fault: "no route has"},
		{req: `POST /content {` + ok + `,"to":{"name":"a"}}`, fault: whyUnnamed},
		{req: `POST /content {` + ok + `,"page.id":"2"}`, fault: "no route has"},
		{req: `POST /content {` + ok + `,"note":{"a":1}}`, fault: whyUnnamed},
		{req: `POST /content {` + ok + `,"n":"3"}`, fault: "kind"},
		{req: `POST /content {` + ok + `,"n":3.0}`, fault: "kind"},
		{req: `POST /content {` + ok + `,"n":1e3}`, fault: "kind"},
		{req: `POST /content {` + ok + `,"n":-0}`, fault: "kind", names: "content.id=1|"},
		{req: `POST /content {` + ok + `,"on":"true"}`, fault: "kind"},
		{req: `POST /content {` + ok + `,"on":1}`, fault: "kind"},
		{req: `POST /content {` + ok + `,"note":true}`, fault: "kind"},
		{req: `POST /content {` + ok + `,"note":7}`, fault: "kind"},
		{req: `POST /content {` + ok + `,"note":"a\u0000b"}`, fault: "plain text"},
		{req: `POST /content {"type":"comment","page":{"id":1.5},"text":"<p/>"}`, fault: "kind"},
		{req: `POST /content {"type":"comment","page":{"id":"1"}}`, fault: "needed"},
		{req: `POST /content {"type":"comment","page":{"id":""},"text":"<p/>"}`, fault: "needed"},
		{req: `POST /content {"type":"page","page":{"id":"1"},"text":"<p/>"}`, fault: "route"},
		{req: `POST /content {"page":{"id":"1"},"text":"<p/>"}`, fault: "route"},
		{req: `POST /content [` + ok + `]`, fault: "route"},
		{req: `POST /content?body:type=comment {"type":"page"}`, fault: "route"},
		{req: `POST /content body:type=comment&page.id=1`, fault: "route"},
		{req: `POST /content`, fault: "route"},
		{req: `POST /list [{"name":"a","on":false},{"name":"b"}]`, names: "|"},
		{req: `POST /list [["a"]]`, fault: whyUnnamed},
		{req: `POST /list {"name":"a"}`, fault: whyUnnamed},
		{req: `POST /list ["a"]`, fault: whyUnnamed},
		{req: `POST /list name=a`, fault: "takes no form"},
		{req: `POST /form/1 text=a%0D%0Ab&who=eva&token=x%2B%5C&n=9`, names: "content.id=1|user.name=eva", up: "n=5&text=a%0D%0Ab&token=x%2B%5C&who=eva"},
		{req: `POST /form/1 text=a&token=x&space=S`, names: "content.id=1 space.key=S|", up: "space=S&text=a&token=x"},
		{req: `POST /form/1 text=a&token=x&other=1`, fault: whyUnnamed},
		{req: `POST /form/1 text=a&token=x+y`, fault: "no token"},
		{req: `POST /form/1 text=a`, fault: "needed"},
		{req: `POST /form/1 {"text":"a"}`, fault: "no such body"},
		{req: `POST /form/1?text=a token=x`, fault: "route"},
		{req: `POST /files/1 multipart:file=@a.txt&note=a b&up=2`, names: "content.id=1 content.id=2|", up: "note=a+b&up=2 a.txt"},
		{req: `POST /files/1 multipart:file=@a.txt&file=@b.txt`, names: "content.id=1|", up: " a.txt b.txt"},
		{req: `POST /files/1 multipart:note=x`, fault: "needed"},
		{req: `POST /files/1 multipart:file=x`, fault: whyUnnamed},
		{req: `POST /files/1 multipart:file=@a.txt&note=@b.txt`, fault: whyUnnamed},
		{req: `POST /files/1 multipart:file=@a.txt&other=@b.txt`, fault: whyUnnamed},
		{req: `POST /files/1 multipart:file=@a.txt&other=x`, fault: whyUnnamed},
		{req: `POST /files/1 multipart:file=@../a.txt`, fault: "name"},
		{req: `POST /files/1 multipart:file=@..`, fault: "name"},
		{req: `POST /files/1 multipart:file=@C:\a.txt`, fault: "name"},
		{req: "POST /files/1 multipart:file=@a\u202etxt.exe", fault: "name"},
		{req: "POST /files/1 multipart:file=@a.txt\x00.png", fault: "name"},
		{req: `POST /files/1 multipart:file=@`, fault: "name"},
		{req: `POST /files/1 note=x`, fault: "another kind"},
		{req: `POST /files/1 {"file":"x"}`, fault: "no such body"},
		{req: `POST /form/1 multipart:text=a&token=x`, fault: "another kind"},
		{req: `POST /content multipart:type=comment`, fault: "route"},
		{req: `POST /list multipart:name=a`, fault: "takes no form"},
		{req: `DELETE /content/1 multipart:id=2`, fault: "route"},
		{req: `DELETE /content/1`, names: "content.id=1|"},
		{req: `DELETE /content/1 {"id":2}`, fault: "no such body"},
		{req: `DELETE /content/1 id=2`, fault: "route"},
		{req: `DELETE /content/1 x=2`, fault: "takes no form"},
	} {
		req, err := p.readExample(c.req)
		if err != nil {
			t.Errorf("%s: %v", c.req, err)
			continue
		}
		m, r := p.Match(req, nil)
		switch {
		case m == nil:
			if c.fault != "route" {
				t.Errorf("%s: no route: %v", c.req, r)
			}
			continue
		case m.Body == nil:
			t.Errorf("%s: no body", c.req)
			continue
		case (m.Body.Fault == "") != (c.fault == "") || !strings.Contains(m.Body.Fault, c.fault):
			t.Errorf("%s: fault %q of %q, want %q", c.req, m.Body.Fault, m.Body.Param, c.fault)
			continue
		case c.fault != "":
			continue
		}
		if got := named(m.Subjects) + "|" + named(m.Body.Subjects); got != c.names {
			t.Errorf("%s: names %q, want %q", c.req, got, c.names)
		}
		want := c.up
		if f := strings.SplitN(c.req, " ", 3); want == "" && len(f) == 3 {
			want = f[2]
		}
		got := string(m.Body.JSON()) + m.formUp()
		for _, f := range m.Body.Files {
			got += " " + f.Name
		}
		if got != want {
			t.Errorf("%s: goes up as %s, want %s", c.req, got, want)
		}
	}
}

func (m *Match) formUp() string { _, _, form := m.Upstream(); return form }

func named(subjects []Subject) string {
	var out []string
	for _, s := range subjects {
		out = append(out, subjectText(s.Ref.Keys[0]))
	}
	return strings.Join(out, " ")
}

// FuzzBody: what goes to the wiki is read as what was judged, and going once
// more changes nothing.
func FuzzBody(f *testing.F) {
	for _, s := range []string{
		`{"type":"comment","page":{"id":"1","space":"S"},"title":"T","text":"<p>x</p>","to":[{"name":"a"}],"n":3,"on":true}`,
		`{"type":"comment","page":{"id":1},"text":"\ud800","tags":[1]}`, `[{"name":"a"}]`, `{"type":"comment","page":{"id":null}}`,
		`{"type":"comment","type":"comment"}`, `{"type":"comment","page":{"id":"1"},"text":"<\u2028>&"}`,
	} {
		f.Add("/content", s)
		f.Add("/list", s)
	}
	p := mustProfile(f, bodyProfile)
	f.Fuzz(func(t *testing.T, path, src string) {
		if path != "/content" && path != "/list" {
			return
		}
		read := func(src []byte) *Match {
			req, err := p.ReadTarget(path, "")
			if err != nil {
				t.Fatal(err)
			}
			req.Method, req.JSON = "POST", src
			m, _ := p.Match(req, nil)
			return m
		}
		first := read([]byte(src))
		if first == nil || first.Body == nil || first.Body.Fault != "" {
			return
		}
		up := first.Body.JSON()
		again := read(up)
		if again == nil || again.Body.Fault != "" {
			t.Fatalf("%s goes up as %s, which is refused", src, up)
		}
		if got := again.Body.JSON(); string(got) != string(up) {
			t.Errorf("%s goes up as %s, and then as %s", src, up, got)
		}
		judged := func(m *Match) string {
			return named(m.Subjects) + "|" + named(m.Body.Subjects) + "|" + fmt.Sprint(m.Body.Markup)
		}
		if a, b := judged(first), judged(again); a != b {
			t.Errorf("%s: judged %q, goes up as %s: %q", src, a, up, b)
		}
	})
}

package gateway_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/postern-gateway/postern/caddymodule/gateway"
)

// Answers in which hidden things are planted, as templates: each is filled with
// several hidden worlds, asked for by several viewers, and must come out byte
// for byte the same, fields and validator included. What hiding left is thus
// no function of what was hidden. Filled with visible things it must come
// through as it was.
//
// Each section of testdata/planted/*.txtar is a template: lines "key: value",
// an empty line, the body. In body and fields [[name]] is a value of the world
// (see planted.value), [[name:spelling]] one spelled in some way, escaped for
// the language it stands in, or not after ":raw". Keys:
//
//	wiki    mediawiki, if it is not the other
//	url     what is asked for
//	type    the answer's type; by the first byte if left out
//	header  a field of the answer
//	in      holders that the body, a piece of HTML, is put into; see holders
//	status  what is wanted: 200 if left out, or any
//	upstream the wiki's status
//	words   names stand in free text, where ordinary words and names that the
//	        directory does not know stay
//	known   names count that the directory knows: what it does not is looked up
//	changes why visible things do not come through as they were
//	keep    a text that is to be there
//	each    a line that stands in turn for each {{each}} of the body
type template struct {
	file, name, url, typ, changes, status string
	header                                [][2]string
	upstream                              int
	words, known, titles                  bool
	keep                                  []string
	body                                  string
	escape                                func(string) string
	wrap                                  func(string) string
}

var escapes = map[string]func(string) string{
	"html": html.EscapeString,
	"json": func(s string) string {
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(s); err != nil {
			panic(err) // strings can be encoded
		}
		return b.String()[1 : b.Len()-2]
	},
	"none": func(s string) string { return s },
}

// holder is an answer that a piece of HTML may stand in.
type holder struct {
	url, typ, body string
	escape         func(string) string
}

const plantedHead = `<!DOCTYPE html><html><head><meta charset="utf-8"><title>Plan - Acme Project - Wiki</title><meta name="ajs-page-id" content="70001002"><meta name="ajs-space-key" content="ACME">`

var holders = map[string]holder{
	"page":    {"/display/ACME/Plan", "text/html;charset=UTF-8", plantedHead + `</head><body><div id="main-content" class="wiki-content"><p>kept</p>{{}}<p>left</p></div></body></html>`, nil},
	"chrome":  {"/display/ACME/Plan", "text/html;charset=UTF-8", plantedHead + `</head><body><div id="sidebar"><p>kept</p>{{}}<p>left</p></div></body></html>`, nil},
	"head":    {"/display/ACME/Plan", "text/html;charset=UTF-8", plantedHead + `{{}}</head><body><p>kept</p></body></html>`, nil},
	"view":    {"/rest/api/content/70001002?expand=body.view", "application/json", `{"id":"70001002","type":"page","title":"Plan","body":{"view":{"value":"<p>kept</p>{{}}","representation":"view"}}}`, escapes["json"]},
	"excerpt": {"/rest/api/search?cql=text~a", "application/json", `{"results":[{"content":{"id":"70001002","type":"page","title":"Plan"},"title":"Plan","excerpt":"kept {{}}","url":"/display/ACME/Plan","entityType":"content"}],"start":0,"limit":25,"size":1}`, escapes["json"]},
	"feed":    {"/createrssfeed.action?types=page&spaces=ACME", "application/atom+xml;charset=UTF-8", `<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Feed</title><id>https://site.example/</id><updated>2026-01-01T00:00:00Z</updated><entry><title>Plan</title><link href="https://site.example/display/ACME/Plan"/><id>tag:site.example,2009:page-70001002-3</id><updated>2026-01-01T00:00:00Z</updated><summary type="html">kept {{}}</summary></entry></feed>`, html.EscapeString},
	"inline":  {"/rest/inlinecomments/1.0/comments?containerId=70001002", "application/json", `[{"id":70005001,"containerId":70001002,"authorDisplayName":"Bo Bright","authorUserName":"bo","body":"<p>kept</p>{{}}","originalSelection":"x"}]`, escapes["json"]},
	"message": {"/rest/api/content/70001002?expand=version", "application/json", `{"id":"70001002","type":"page","title":"Plan","version":{"number":3,"message":"kept {{}}"}}`, escapes["json"]},
}

func readPlanted(t testing.TB) []template {
	t.Helper()
	files, err := filepath.Glob("testdata/planted/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no templates: ", err)
	}
	var out []template
	for _, f := range files {
		a, err := txtar.ParseFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range a.Files {
			c := template{file: filepath.Base(f), name: s.Name, upstream: 200, status: "200", url: "/display/ACME/Plan", wrap: escapes["none"]}
			head, body, _ := strings.Cut(string(s.Data), "\n\n")
			var in, lines []string
			for line := range strings.SplitSeq(head, "\n") {
				k, v, _ := strings.Cut(line, ":")
				switch v = strings.TrimSpace(v); k {
				case "url":
					c.url = v
				case "wiki":
					c.titles = v == "mediawiki"
				case "type":
					c.typ = v
				case "header":
					n, val, _ := strings.Cut(v, ":")
					c.header = append(c.header, [2]string{n, strings.TrimSpace(val)})
				case "in":
					in = strings.Fields(v)
				case "status":
					c.status = v
				case "upstream":
					c.upstream, _ = strconv.Atoi(v)
				case "words":
					c.words = true
				case "known":
					c.known = true
				case "changes":
					c.changes = v + " "
				case "keep":
					c.keep = append(c.keep, v)
				case "each":
					lines = append(lines, v)
				default:
					t.Fatalf("%s: %s: unknown key %q", f, s.Name, k)
				}
			}
			c.body = strings.TrimSuffix(body, "\n")
			out = append(out, c.carried(t, in, lines)...)
		}
	}
	return out
}

// carried gives the template once for each line and in each holder.
func (c template) carried(t testing.TB, in, lines []string) []template {
	t.Helper()
	var out []template
	if len(lines) == 0 {
		lines = []string{""}
	}
	for i, line := range lines {
		v := c
		v.body, v.typ = strings.ReplaceAll(c.body, "{{each}}", line), strings.ReplaceAll(c.typ, "{{each}}", line)
		if line != "" {
			v.name = fmt.Sprintf("%s/%d", c.name, i+1)
		}
		for _, n := range in {
			k, ok := holders[n]
			if !ok {
				t.Fatalf("%s: no holder %q", c.name, n)
			}
			w := v
			w.name, w.url, w.typ, w.escape = v.name+"/"+n, k.url, k.typ, escapes["html"]
			w.wrap = func(s string) string {
				if k.escape != nil {
					s = k.escape(s)
				}
				return strings.Replace(k.body, "{{}}", s, 1)
			}
			w.keep = append(slices.Clone(v.keep), "kept")
			out = append(out, w)
		}
		if len(in) == 0 {
			switch b := strings.TrimSpace(v.body); {
			case v.typ == "" && (strings.HasPrefix(b, "{") || strings.HasPrefix(b, "[")):
				v.typ = "application/json"
			case v.typ == "" && strings.HasPrefix(b, "<?xml"):
				v.typ = "application/atom+xml;charset=UTF-8"
			case v.typ == "":
				v.typ = "text/html;charset=UTF-8"
			}
			if v.escape = escapes["html"]; strings.Contains(v.typ, "json") {
				v.escape = escapes["json"]
			}
			out = append(out, v)
		}
	}
	return out
}

// answer is what a viewer gets for the template in a world, in one text: status,
// fields and body. A refusal's body has a random incident.
func (c *template) answer(t testing.TB, gw *gateway.Gateway, p *planted) (string, *httptest.ResponseRecorder, string) {
	t.Helper()
	body := c.wrap(p.fill(t, c.body, c.escape))
	// What a case is asked with stands for nothing hidden.
	next := corpusCase{typ: p.fill(t, c.typ, escapes["none"]), upstream: c.upstream, body: body}
	for _, h := range c.header {
		next.header = append(next.header, [2]string{h[0], p.fill(t, h[1], escapes["none"])})
	}
	r := httptest.NewRequest("GET", "https://site.example"+c.url, nil)
	r.Header.Set("Accept", "*/*")
	w := httptest.NewRecorder()
	if err := gw.ServeHTTP(w, r, next.next()); err != nil {
		t.Fatal(err)
	}
	if w.Code >= 500 {
		return strconv.Itoa(w.Code), w, body
	}
	var head bytes.Buffer
	for _, k := range slices.Sorted(maps.Keys(w.Header())) {
		fmt.Fprintf(&head, "%s: %q\n", k, w.Header()[k])
	}
	return fmt.Sprintf("%d\n%s\n%s", w.Code, w.Body.String(), head.String()), w, body
}

func TestPlanted(t *testing.T) {
	t.Parallel()
	var event gateway.Event
	observe := func(e gateway.Event) { event = e }
	viewers := []string{"eva", "mo"}
	worlds := map[string][]*gateway.Gateway{}
	for i := range plantedWorlds {
		for _, as := range viewers {
			worlds[as] = append(worlds[as], plantedWorlds[i].gateway(t, as, observe))
		}
	}
	for i := range plantedTitles {
		worlds["titles"] = append(worlds["titles"], plantedTitles[i].titles(t, observe))
	}
	for _, c := range readPlanted(t) {
		t.Run(c.file+"/"+c.name, func(t *testing.T) {
			if c.titles {
				c.twins(t, "eva", plantedTitles, worlds["titles"], &event)
				c.visible(t, &plantedTitle, worlds["titles"][0], &event)
				return
			}
			for _, as := range viewers {
				if c.words && as == "mo" { // may write there: what the tripwire finds in prose is only counted
					continue
				}
				c.twins(t, as, plantedWorlds, worlds[as], &event)
			}
			c.visible(t, &plantedSeen, worlds["eva"][0], &event)
		})
	}
}

// twins compares what comes of the worlds.
func (c *template) twins(t *testing.T, as string, all []planted, worlds []*gateway.Gateway, event *gateway.Event) {
	t.Helper()
	first, base := "", ""
	for i := range all {
		p := &all[i]
		if c.words && p.common || c.known && !p.known {
			continue
		}
		got, w, body := c.answer(t, worlds[i], p)
		switch {
		case c.status != "any" && c.status != strconv.Itoa(w.Code):
			t.Errorf("%s, %s: status %d (%s: %s), want %s\n%s", as, p.name, w.Code, event.Rule, event.Reason, c.status, body)
		case w.Code == 200:
			for _, k := range c.keep {
				if !strings.Contains(w.Body.String(), k) {
					t.Errorf("%s, %s: lost %q\n%s", as, p.name, k, w.Body.String())
				}
			}
			read := decodings(got)
			for _, s := range p.secrets() {
				if at := find(read, strings.ToLower(s)); at != "" {
					t.Errorf("%s, %s: leak of %q: %s", as, p.name, s, at)
				}
			}
		}
		if i == 0 {
			first, base = got, body
		} else if got != first {
			t.Errorf("%s: %s tells itself from the first:\n%s\nbody %s", as, p.name, diff(first, got), base)
			return
		}
	}
}

// visible holds that nothing is taken that is to be seen.
func (c *template) visible(t *testing.T, seen *planted, gw *gateway.Gateway, event *gateway.Event) {
	t.Helper()
	if c.changes != "" || c.status != "200" {
		return
	}
	if _, w, body := c.answer(t, gw, seen); w.Code != 200 {
		t.Errorf("visible: status %d (%s: %s)", w.Code, event.Rule, event.Reason)
	} else if w.Body.String() != body {
		t.Errorf("visible: changed:\n%s", diff(body, w.Body.String()))
	}
}

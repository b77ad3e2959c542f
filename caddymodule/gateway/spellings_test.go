package gateway_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
)

// spelling is a line of testdata/spellings.txt.
type spelling struct{ whose, url, want string }

func readSpellings(t *testing.T) []spelling {
	t.Helper()
	f, err := os.Open("testdata/spellings.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []spelling
	for sc := bufio.NewScanner(f); sc.Scan(); {
		whose, rest, ok := strings.Cut(sc.Text(), " ")
		if whose == "#" || !ok {
			continue
		}
		q, err := strconv.QuotedPrefix(rest)
		if err != nil {
			t.Fatalf("%s: %v", sc.Text(), err)
		}
		s := spelling{whose: whose}
		s.url, _ = strconv.Unquote(q)
		s.want = s.url
		if rest = strings.TrimSpace(rest[len(q):]); rest != "" {
			s.want, _ = strconv.Unquote(rest)
		}
		out = append(out, s)
	}
	return out
}

// numeric spells every character as a numeric reference.
func numeric(s string) string {
	var b strings.Builder
	for i, r := range s {
		if i%2 == 0 {
			fmt.Fprintf(&b, "&#x%X;", r)
		} else {
			fmt.Fprintf(&b, "&#%07d;", r)
		}
	}
	return b.String()
}

// jsonText is a JSON string's inside, in which markup is escaped too.
func jsonText(s string) string {
	b, _ := json.Marshal(s)
	return string(b[1 : len(b)-1])
}

// carriers are the places of an HTML page that hold a URL. The verb takes the
// URL, escaped.
var carriers = []struct {
	name, markup string
	escape       func(string) string
	hidden       bool // for hidden URLs alone: an untouched one may come out in another escaping
}{
	{"href", `<a href="%s">osprey</a>`, html.EscapeString, false},
	{"href in numbers", `<a href="%s">osprey</a>`, numeric, true},
	{"href in upper case, late", `<A CLASS=x TITLE='' HREF='%s'>osprey</A >`, html.EscapeString, false},
	{"area", `<map name=m><area href="%s" alt=osprey></map>`, html.EscapeString, false},
	{"src", `<img alt="" src="%s">`, html.EscapeString, false},
	{"srcset", `<img alt="" srcset="%s 2x">`, func(s string) string { return html.EscapeString(strings.ReplaceAll(s, " ", "%20")) }, true},
	{"data-*", `<i data-anything="%s">x</i>`, html.EscapeString, true},
	{"poster", `<video poster="%s"></video>`, html.EscapeString, false},
	{"cite", `<q cite="%s">x</q>`, html.EscapeString, false},
	{"longdesc", `<img src="/images/x.png" longdesc="%s">`, html.EscapeString, false},
	{"itemid", `<i itemscope itemid="%s">x</i>`, html.EscapeString, false},
	{"ping", `<a href="/display/ACME/Plan" ping="%s">x</a>`, func(s string) string { return html.EscapeString(strings.ReplaceAll(s, " ", "%20")) }, true},
	{"action", `<form method=post action="%s"><input></form>`, html.EscapeString, true},
	{"formaction", `<form><button formaction="%s">x</button></form>`, html.EscapeString, true},
	{"object", `<object data="%s">x</object>`, html.EscapeString, false},
	{"iframe", `<iframe src="%s"></iframe>`, html.EscapeString, false},
	{"svg", `<svg><a xlink:href="%s"><text>osprey</text></a><image href="%[1]s"/></svg>`, html.EscapeString, false},
	{"style", `<i style='background:URL( "%s" )'>x</i>`, cssText, true},
	{"srcdoc", `<iframe srcdoc="%s"></iframe>`, func(s string) string { return html.EscapeString(`<a href="` + html.EscapeString(s) + `">osprey</a>`) }, true},
	{"noscript", `<noscript><a href="%s">osprey</a></noscript>`, html.EscapeString, false},
	{"template", `<template><a href="%s">osprey</a></template>`, html.EscapeString, false},
	{"plugin data", `<script>WRM._unparsedData["com.x:y"]="%s";</script>`, func(s string) string { return jsonText(`{"url":"` + jsonText(s) + `"}`) }, true},
	{"comment", `<!--[if IE]><a href="%s">osprey</a><![endif]-->x`, html.EscapeString, true},
}

func cssText(s string) string {
	return html.EscapeString(strings.NewReplacer(`\`, `\\`, `"`, `\22 `, "\n", `\a `, "\x0c", `\c `).Replace(s))
}

// jsonCarriers are answers of the REST API that hold a URL.
var jsonCarriers = []struct{ name, url, body string }{
	{"webui", "/rest/api/content/70001002", `{"id":"70001002","type":"page","title":"Plan","_links":{"webui":"%s"}}`},
	{"hit", "/rest/api/search?cql=text~plan", `{"results":[{"title":"osprey","excerpt":"x","url":"%s","entityType":"content"}],"start":0,"limit":25,"size":1}`},
	{"body", "/rest/api/content/70001002?expand=body.view", `{"id":"70001002","type":"page","title":"Plan","body":{"view":{"value":"<p>` + "%s" + `</p>","representation":"view"}}}`},
}

// TestSpellings puts every spelling into every carrier. Without the tripwire,
// so that it is the judgement of URLs that is tested: a hidden URL must give the
// very bytes that any other gives.
func TestSpellings(t *testing.T) {
	t.Parallel()
	gw := corpusGateway(t, "eva", "tripwire: {structure: report, prose: report}", "", nil)
	page := readWrap(t, "page")
	get := func(t *testing.T, target, typ, body string) string {
		t.Helper()
		w := serve(t, gw, "GET", target, func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Type", typ)
			_, err := io.WriteString(w, body)
			return err
		}, "Accept", "*/*")
		return fmt.Sprint(w.Code, " ", middle(w.Body.String()))
	}
	all := readSpellings(t)
	// what becomes of the plainest spelling of each sort
	plainest := func(ask func(string) string) map[string]string {
		return map[string]string{
			"hidden": ask("/display/HR/Salaryx+Bands"), "person": ask("/display/~zqx"),
			"nowhere": ask("/nobody/knows/this"), "scheme": ask("vbscript:x"),
		}
	}
	for _, c := range carriers {
		t.Run(c.name, func(t *testing.T) {
			body := func(s string) string { return fmt.Sprintf(c.markup, c.escape(s)) }
			ask := func(s string) string {
				return get(t, "/display/ACME/Plan", "text/html;charset=UTF-8", strings.Replace(page, "{{body}}", body(s), 1))
			}
			gone := plainest(ask)
			for _, s := range all {
				if c.name == "data-*" && (s.whose == "scheme" || s.url == "Internal+Secretx") {
					continue // no browser follows it, and nothing says that it is a URL
				}
				check(t, s, c.hidden, gone, ask(s.url), "200 "+body(s.want))
			}
		})
	}
	for _, c := range jsonCarriers {
		t.Run(c.name, func(t *testing.T) {
			body := func(s string) string {
				if c.name == "body" {
					s = `<a href="` + html.EscapeString(s) + `">osprey</a>`
				}
				return fmt.Sprintf(c.body, jsonText(s))
			}
			ask := func(s string) string { return get(t, c.url, "application/json", body(s)) }
			gone := plainest(ask)
			for _, s := range all {
				if strings.HasPrefix(s.url, ".") || s.url == "Internal+Secretx" {
					continue // relative to the page, which this is not
				}
				check(t, s, true, gone, ask(s.url), "200 "+body(s.want))
			}
		})
	}
}

func check(t *testing.T, s spelling, hiddenOnly bool, gone map[string]string, got, want string) {
	t.Helper()
	switch {
	case gone[s.whose] != "":
		if got != gone[s.whose] {
			t.Errorf("%s %q\ngot  %s\nwant %s", s.whose, s.url, got, gone[s.whose])
		}
	case s.want == "-" || hiddenOnly:
	case got != want:
		t.Errorf("%s %q\ngot  %s\nwant %s", s.whose, s.url, got, want)
	}
}

package htmlrewrite

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
	"golang.org/x/net/html"
)

// seeds are markup in which tokenizers and tree builders are known to differ.
var seeds = []string{
	`<img srC dAtA =seCret>`, `<ifrAme href=seCret>0<`, `<math><li class=row data-title=secret></li><iframe><a href=secret>x</a></iframe>`,
	`<select><style></select><a href=secret>x</a></style>`, `<li><a href=secret>x</li>y</a>`, `a</>b`,
	`<a href="/x/secret">t</a>`, `<a href=/secret/x title='a>b'>t</a> tail`, `<a/href=/secret/b/c>`,
	`<p>a<p>b<ul><li>x<li><a href=secret>y</a></ul>`, `<b><p><a href=secret>x</b>y</a>`,
	`<div><a href=secret>x</div>y</a>z`, `<table><tr><td><a href=secret>x<tr><td>y</table>`,
	`<svg><style><a href=secret></style></svg>`, `<svg><title><a href="secret">x</a></title></svg>`,
	`<math><mtext><a href=secret>x</a></mtext></math>`, `<svg><![CDATA[<a href=secret>]]></svg>`,
	`<![CDATA[ > <a href=secret>x</a> ]]>`, `<!-- a --!> <a href=secret>b</a> -->`, `<!--><a href=secret>b</a>-->`,
	`<!---><a href=secret>`, `<script><!-- <script> </script> --></script><a href=secret>x</a>`,
	`<noscript><img src="secret"></noscript>`, `<noscript><!-- </noscript> --><a href=secret>x</a>`,
	`<textarea></textarea x><a href=secret>x</a>`, `<title>a<b></title>`, `<style>a{background:url(secret.png)}</style>`,
	`<<a href=closed>b href=secret>`, `&am<a href=closed></a>p;`, `<img src=secret srcset="a 1x, secret 2x"alt="x">`,
	`<img src="/a" data-src="/secret">`, `<iframe><a href=secret>x</a></iframe>`, `<iframe srcdoc="&lt;a href=secret&gt;x">`,
	`<a onclick=1 =secret>x</a>`, `<a href onclick=1 =secret>x</a>`, `<a href="1" href="secret">`, `</a href="secret">`,
	`<form action=closed><input name=a value=b></form>`, `<select><option value="/secret">a<option>b</select>`,
	`<ul class=menu><li><a href=closed>x</a><li><a href=a>y</a></ul>`,
	`<h4>d</h4><ul class=day><li class=row data-title=secret>x</ul>`, `<a class=user><bdi>secret</bdi></a> <span class=tools>t</span>`,
	`<tr><td><span class=cell>secret</span></tr>`, `<div class="a ns3-secret b">x</div>`,
	`<script>CONF={"page":"secret","id":"1"};</script>`, `<template><a href=secret>x</a></template>`,
	`<meta http-equiv=refresh content="0;url=secret">`, `<base href="/w/"><a href=secret>x</a>`,
	`<div style="background:u\72l(secret)">x</div>`, `<a href="secret"><table><tr><td>x</a>y</table>`,
	`<image src=secret>`, `<svg><a xlink:href=secret>x</a><b>y`, `<a href=a>x<a href=secret>y</a>z</a>`, `<p class=refuse><b>secret</b>`,
	`<object data=secret><a href=closed></a></object>`, `<form action=a><div></form><a href=secret>x</div>`, "<a href=\"se\ncret\">x</a>",
	`<frameset><frame src=secret></frameset>`, `<meta charset=latin1>`, `<a`, `<a href="`, `x<`, `</`, `<!doctype html><html><body>`,
}

// testVoc is a vocabulary for tapes without a program.
var testVoc = newVocabulary()

func okError(err error) bool {
	return errors.Is(err, edit.ErrMalformed) || errors.Is(err, edit.ErrAmbiguous) || errors.Is(err, edit.ErrTooLarge)
}

func mustCompile(t testing.TB) *Program {
	t.Helper()
	p, err := Compile(fakeProfile())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func rewriteOnce(p *Program, s string, in Input) (string, run, error) {
	r := newRun(p, &in, len(s))
	defer r.release()
	out, err := r.document(nil, []byte(s), s)
	return string(out), *r, err
}

// hiddenURL gives the first URL for which j hides something in the tree that
// x/net/html makes of s.
func hiddenURL(t *testing.T, s string, scripting bool) string {
	doc, err := html.ParseWithOptions(strings.NewReader(s), html.ParseOptionEnableScripting(scripting))
	if err != nil {
		return ""
	}
	j := fakeJudge{hide: true}
	found := ""
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		for _, a := range n.Attr {
			switch a.Key {
			case "href", "src", "action", "formaction", "poster", "data", "cite", "background":
				if l := j.URL(a.Val); l.Fate == rules.FateHide {
					found = a.Key + "=" + a.Val
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(doc)
	return found
}

func FuzzRewrite(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	p := mustCompile(f)
	f.Fuzz(func(t *testing.T, s string) { checkInvariants(t, p, s) })
}

// checkInvariants holds what must be true of every document.
func checkInvariants(t *testing.T, p *Program, s string) {
	t.Helper()
	out, r, err := rewriteOnce(p, s, fakeInput(false))
	if err == nil && r.always == 0 && out != s {
		t.Fatalf("all visible: %q became %q", s, out)
	}
	out, r, err = rewriteOnce(p, s, fakeInput(true))
	if err != nil {
		if !okError(err) {
			t.Fatalf("%q: %v", s, err)
		}
		return
	}
	for _, sp := range r.rep.Prose {
		if sp.Start > sp.End || sp.End > len(out) {
			t.Fatalf("%q: prose %v of %d", s, sp, len(out))
		}
	}
	if r.rep.RootHidden {
		return
	}
	for _, scripting := range []bool{false, true} {
		if u := hiddenURL(t, out, scripting); u != "" {
			t.Fatalf("%q became %q, where a parser sees %s", s, out, u)
		}
	}
	again, _, err := rewriteOnce(p, out, fakeInput(true))
	if err != nil && !okError(err) { // a cut may move an implied end into a noscript
		t.Fatalf("%q became %q, then: %v", s, out, err)
	}
	if err == nil && again != out {
		t.Fatalf("%q became %q, then %q", s, out, again)
	}
}

// FuzzTokens holds the tokenizer against that of x/net/html.
func FuzzTokens(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if needsTree(s) {
			return
		}
		tp, err := newTape(s, testVoc)
		if err != nil {
			return
		}
		defer tp.release()
		got := ours(tp)
		want := theirs(s)
		for i := 0; i < len(got) || i < len(want); i++ {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Fatalf("%q:\n ours  %q\n theirs %q", s, got, want)
			}
		}
	})
}

// needsTree reports whether a tokenizer without a tree reads s in its own way.
func needsTree(s string) bool {
	l := strings.ToLower(s)
	for _, w := range []string{"<svg", "<math", "<plaintext", "<noscript", "<image", "\r"} {
		if strings.Contains(l, w) {
			return true
		}
	}
	return false
}

// FuzzAttributes holds that every attribute of the tree that x/net/html makes,
// with scripts and without, is on the tape, with the value that it has there.
func FuzzAttributes(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	for _, g := range stateCases {
		for _, c := range g.cases {
			f.Add(c[0])
		}
	}
	f.Fuzz(checkAttributes)
}

func checkAttributes(t *testing.T, s string) {
	tp, err := newTape(s, testVoc)
	if err != nil {
		return
	}
	defer tp.release()
	seen := map[string]bool{}
	for i := range tp.nodes {
		n := &tp.nodes[i]
		for k := n.attr; k < n.attrEnd; k++ {
			if a := &tp.attrs[k]; !a.dup {
				name := tp.attrName(a)
				seen[name[strings.IndexByte(name, ':')+1:]+"="+tp.value(a)] = true
			}
		}
	}
	for _, scripting := range []bool{false, true} {
		doc, err := html.ParseWithOptions(strings.NewReader(s), html.ParseOptionEnableScripting(scripting))
		if err != nil {
			return
		}
		for n := range doc.Descendants() {
			for _, a := range n.Attr {
				name := lower(a.Key)
				if at := name[strings.IndexByte(name, ':')+1:] + "=" + a.Val; n.Type == html.ElementNode && !seen[at] {
					t.Fatalf("%q: a parser sees %s", s, at)
				}
			}
		}
	}
}

func ours(t *tape) []string {
	var out []string
	text := func(s string) {
		if n := len(out); n > 0 && strings.HasPrefix(out[n-1], "#") {
			out[n-1] += s
		} else {
			out = append(out, "#"+s)
		}
	}
	t.inOrder(func(p piece) {
		switch p.kind {
		case kText:
			text(unescapeText(t.s[p.start:p.end]))
		case kRaw, kCode:
			text(t.s[p.start:p.end])
		case kComment:
			out = append(out, "!")
		}
	}, func(n *node) {
		e := "<" + t.tagName(n)
		for k := n.attr; k < n.attrEnd; k++ {
			if t.attrs[k].dup {
				continue
			}
			e += " " + t.attrName(&t.attrs[k]) + "=" + t.value(&t.attrs[k])
		}
		out = append(out, e)
	})
	return out
}

// inOrder gives the pieces and the elements of a tape in the order of the source.
func (t *tape) inOrder(piece func(piece), element func(*node)) {
	texts, comments := t.texts, t.comments
	upTo := func(pos int32) {
		for {
			ps := &texts
			if len(texts) == 0 || len(comments) > 0 && comments[0].start < texts[0].start {
				ps = &comments
			}
			if len(*ps) == 0 || (*ps)[0].start >= pos {
				return
			}
			piece((*ps)[0])
			*ps = (*ps)[1:]
		}
	}
	for i := range t.nodes {
		upTo(t.nodes[i].start)
		element(&t.nodes[i])
	}
	upTo(int32(len(t.s)) + 1)
}

func theirs(s string) []string {
	var out []string
	z := html.NewTokenizer(bytes.NewReader([]byte(s)))
	for {
		tt := z.Next()
		switch tt {
		case html.ErrorToken:
			return out
		case html.TextToken:
			v := string(z.Text())
			if v == "" {
				continue
			}
			if n := len(out); n > 0 && strings.HasPrefix(out[n-1], "#") {
				out[n-1] += v
			} else {
				out = append(out, "#"+v)
			}
		case html.CommentToken:
			out = append(out, "!")
		case html.StartTagToken, html.SelfClosingTagToken:
			name, more := z.TagName()
			e := "<" + string(name)
			for more {
				var k, v []byte
				k, v, more = z.TagAttr()
				e += " " + string(k) + "=" + string(v)
			}
			out = append(out, e)
		}
	}
}

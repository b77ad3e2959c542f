package htmlrewrite

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/rules"
	"golang.org/x/net/html"
)

// bigPage is a page of about 100 KB: head, menus, text with links, tables,
// pictures, comments by people; every tenth reference is hidden.
func bigPage() []byte {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Plan - Wiki</title>`)
	for i := range 40 {
		fmt.Fprintf(&b, `<meta name="ajs-setting-%d" content="value %d"><link rel="stylesheet" href="/download/batch/m%d/m.css?v=%d&amp;l=en" media="all">`+"\n", i, i, i, i)
	}
	b.WriteString(`</head><body id="com" class="theme-default aui-layout"><ul class="menu">`)
	for i := range 30 {
		fmt.Fprintf(&b, `<li class="item nav-%d"><a href="/pages/%d" class="aui-nav-item" title="Go to %d"><span>Item %d</span></a></li>`, i, i, i, i)
	}
	b.WriteString(`</ul><div id="content" class="wiki-content">`)
	for i := 0; b.Len() < 100_000; i++ {
		name, user := "plan", "eva"
		if i%10 == 0 {
			name, user = "secret", "secret"
		}
		fmt.Fprintf(&b, `<h2 id="Plan-Heading%d">Heading %d</h2><p>Lorem ipsum dolor sit amet, <a href="/display/ACME/%s-%d">%s %d</a>, consectetur `+
			`<strong>adipiscing</strong> elit, sed do <a href="/display/~%s" class="confluence-userlink user-mention" data-username="%s">%s</a> eiusmod &amp; tempor.</p>`,
			i, i, name, i, name, i, user, user, user)
		fmt.Fprintf(&b, `<div class="table-wrap"><table class="wrapped confluenceTable"><tbody><tr><td class="confluenceTd">%d</td><td class="confluenceTd"><div class="content-wrapper">`+
			`<p style="text-align: center;"><img class="confluence-embedded-image" src="/download/attachments/%d/%s.png?api=v2" data-linked-resource-id="%d"></p></div></td></tr></tbody></table></div>`+
			`<ul><li class="row" data-title="%s">one</li><li class="row" data-title="plan">two<ul><li>three</li></ul></li></ul><!-- %d -->`+"\n", i, i, name, i, name, i)
	}
	b.WriteString(`</div></body></html>`)
	return []byte(b.String())
}

func BenchmarkRewrite(b *testing.B) {
	p, src := mustCompile(b), bigPage()
	dst := make([]byte, 0, 2*len(src))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := p.Rewrite(dst, src, fakeInput(true)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkShipped is the same with the rules of a shipped profile.
func BenchmarkShipped(b *testing.B) {
	prof, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		b.Skip(err)
	}
	p, err := Compile(prof)
	if err != nil {
		b.Fatal(err)
	}
	src := bigPage()
	dst := make([]byte, 0, 2*len(src))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := p.Rewrite(dst, src, fakeInput(true)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTape(b *testing.B) {
	src := string(bigPage())
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		t, err := newTape(src)
		if err != nil {
			b.Fatal(err)
		}
		t.release()
	}
}

// BenchmarkNetHTML is the natural peer: the tokenizer of x/net/html alone, with
// attributes read, and nothing judged.
func BenchmarkNetHTML(b *testing.B) {
	src := bigPage()
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		z := html.NewTokenizer(bytes.NewReader(src))
		for {
			tt := z.Next()
			if tt == html.ErrorToken {
				break
			}
			if tt == html.StartTagToken || tt == html.SelfClosingTagToken {
				_, more := z.TagName()
				for more {
					_, _, more = z.TagAttr()
				}
			}
		}
	}
}

// pieces are what TestRandomMarkup builds documents of.
var pieces = strings.Fields(`<a href=secret> <a href=closed> <a href=/ok> </a> <b> </b> <i> </i> <p> </p> <div> </div> <li> </li> <ul> </ul>
<ul_class=menu> <li_class=row_data-title=secret> <table> </table> <tr> </tr> <td> </td> <caption> <svg> </svg> <math> </math> <mtext> <foreignObject> <desc> <annotation-xml_encoding=text/html> <xmp> </xmp> <frameset> <object> <title> </title>
<style> </style> <script> </script> <noscript> </noscript> <template> </template> <select> <option> </select> <option_value="/secret"> <form_action=closed>
<form_action=/ok> </form> <button> </button> <!--x--> <!-- --> <![CDATA[ ]]> <img_src=secret> <img_src=/ok_alt=x> <iframe> </iframe> <textarea> </textarea> <span_class=cell>
</span> secret text < & <br> </br> <h2> </h2> <h3> <object_data=secret> </object> <a_class=user> <bdi> </bdi> <span_class=tools> <nobr> </nobr> <font_color=a> <dl> <dt> <dd>
<p_class=ns1-secret> <body> <html> <head> </head> <base_href=/w/> <input_name=a_value=b> <h4> <ul_class=day> <code> </code> <em> </em> <ruby> <rt> <rp> </ruby> " ' = > </ />`)

// TestRandomMarkup holds the fuzz target's invariants on documents put together
// from whole tags, which random bytes seldom make.
func TestRandomMarkup(t *testing.T) {
	t.Parallel()
	p := mustCompile(t)
	r := rand.New(rand.NewPCG(1, 2))
	for n := range 10_000 {
		var b strings.Builder
		for range 1 + r.IntN(14) {
			b.WriteString(strings.ReplaceAll(pieces[r.IntN(len(pieces))], "_", " "))
			if r.IntN(4) == 0 {
				b.WriteByte(' ')
			}
		}
		if testing.Short() && n > 3000 {
			break
		}
		checkInvariants(t, p, b.String())
	}
}

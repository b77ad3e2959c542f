package htmlrewrite

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// stateCases go through the tokenizer's states of the HTML standard (section
// 13.2.5) by the tokens that they make: "#text", "<name attr=value" for start
// tags as a browser reads them, "!source" for comments, "?source" for doctypes
// and "~source" for what no browser reads. "refuse" is a document that is not
// let through.
var stateCases = []struct {
	state string
	cases [][2]string // input, tokens
}{
	{"data", [][2]string{
		{``, ``},
		{`a`, `#a`},
		{`<`, `#<`},
		{`</`, `#</`},
		{`< a>`, `#< a>`},
		{`<1>`, `#<1>`},
		{`<=>`, `#<=>`},
		{`<>`, `#<>`},
		{`a<b`, `#a|~<b`},
		{`a</b`, `#a|~</b`},
		{`<<a>`, `#<|<a`},
		{`<a><`, `<a|#<`},
		{"a\x00b", `refuse`},
		{"<a b=\x00>", `refuse`},
		{"<!--\x00-->", `refuse`},
		{"a\xffb", `refuse`},
		{"\ufeffa", "#\ufeffa"},
		{"a\r\nb\rc", "#a\nb\nc"},
		{`a>b`, `#a>b`},
		{`a"b'c`, `#a"b'c`},
	}},
	{"tag open and name", [][2]string{
		{`<a>`, `<a`},
		{`<A>`, `<a`},
		{`<aB1->`, `<ab1-`},
		{`<a:b>`, `<a:b`},
		{`<a<b>`, `<a<b`},
		{`<a"b>`, `<a"b`},
		{`<a=b>`, `<a=b`},
		{"<a\tb>", `<a b=`},
		{"<a\nb>", `<a b=`},
		{"<a\fb>", `<a b=`},
		{"<a\r\nb>", `<a b=`},
		{"<a\vb>", "<a\vb"},
		{`<é>`, `#<é>`},
		{`<aé>`, `<aé`},
		{"<\u212a>", "#<\u212a>"}, // the Kelvin sign is no letter here
		{"<a\u212a>", "<a\u212a"}, // nor is it folded
		{`<a/>`, `<a`},
		{`<a/ >`, `<a`},
		{`<a//>`, `<a`},
		{`<a/`, `~<a/`},
		{`<a `, `~<a `},
		{`<a>x</a>`, `<a|#x`},
		{`<a>x</A >y`, `<a|#x|#y`},
		{`</a b=c>x`, `~ b=c|#x`},
		{`</a/>x`, `~/|#x`},
		{`</a "b>c">x`, `~ "b|#c">x`},
		{`</a b=">">x`, `~ b=">"|#x`},
		{`</ a>x`, `!</ a>|#x`},
		{`</>x`, `!</>|#x`},
		{`</1>x`, `!</1>|#x`},
		{`</"a">x`, `!</"a">|#x`},
		{`</a`, `~</a`},
		{`</a b="`, `~</a b="`},
		{`</!-- a --><b>`, `!</!-- a -->|<b`},
	}},
	{"attribute name", [][2]string{
		{`<a b>`, `<a b=`},
		{`<a B>`, `<a b=`},
		{`<a b c>`, `<a b= c=`},
		{`<a b/c>`, `<a b= c=`},
		{`<a/b=c>`, `<a b=c`},
		{`<a/b/c=d/e>`, `<a b= c=d/e`},
		{`<a / b>`, `<a b=`},
		{`<a =>`, `<a ==`},
		{`<a =b>`, `<a =b=`},
		{`<a =b=c>`, `<a =b=c`},
		{`<a ==>`, `<a ==`},
		{`<a b"c>`, `<a b"c=`},
		{`<a "b">`, `<a "b"=`},
		{`<a 'b=c'>`, `<a 'b=c'`},
		{`<a <b>`, `<a <b=`},
		{`<a<b c>`, `<a<b c=`},
		{`<a b = c>`, `<a b=c`},
		{"<a b\n=\tc>", `<a b=c`},
		{`<a b =c>`, `<a b=c`},
		{`<a b= c>`, `<a b=c`},
		{`<a b =>`, `<a b=`},
		{`<a b = >`, `<a b=`},
		{`<a b c=d>`, `<a b= c=d`},
		{`<a b=c b=d>`, `<a b=c`},
		{`<a b=c B=d>`, `<a b=c`},
		{`<a b b=d>`, `<a b=`},
		{`<a b=c d=e b=f d=g>`, `<a b=c d=e`},
		{`<a x:y=z>`, `<a x:y=z`},
		{`<a [b]=c>`, `<a [b]=c`},
		{`<a @b=c>`, `<a @b=c`},
		{`<a é=c É=d>`, `<a é=c É=d`},
		{"<a \u212a=b k=c>", "<a \u212a=b k=c"},
		{`<a b`, `~<a b`},
		{`<a b=`, `~<a b=`},
		{`<a b =`, `~<a b =`},
		{`<a b="c"`, `~<a b="c"`},
		{`<a b="c" d`, `~<a b="c" d`},
	}},
	{"attribute value", [][2]string{
		{`<a b="c">`, `<a b=c`},
		{`<a b='c'>`, `<a b=c`},
		{`<a b="">`, `<a b=`},
		{`<a b=''>`, `<a b=`},
		{`<a b="c'd">`, `<a b=c'd`},
		{`<a b='c"d'>`, `<a b=c"d`},
		{`<a b="c>d">`, `<a b=c>d`},
		{`<a b="<c>">`, `<a b=<c>`},
		{`<a b="c"d="e">`, `<a b=c d=e`},
		{`<a b='c'd='e'>`, `<a b=c d=e`},
		{`<a b="c"d>`, `<a b=c d=`},
		{`<a b="c"/d>`, `<a b=c d=`},
		{`<a b="c"/>`, `<a b=c`},
		{`<a b="c"">`, `<a b=c "=`},
		{`<a b="c"=d>`, `<a b=c =d=`},
		{`<a b=c"d>`, `<a b=c"d`},
		{`<a b=c'd'>`, `<a b=c'd'`},
		{`<a b==c>`, `<a b==c`},
		{`<a b=<c>`, `<a b=<c`},
		{"<a b=`c d`>", "<a b=`c d`="},
		{`<a b=c/>`, `<a b=c/`},
		{`<a b=c/ d>`, `<a b=c/ d=`},
		{`<a b=/>`, `<a b=/`},
		{"<a b=c\nd=e>", `<a b=c d=e`},
		{"<a b=c\fd=e>", `<a b=c d=e`},
		{"<a b=c\vd=e>", "<a b=c\vd=e"},
		{"<a b=c\u00a0d>", "<a b=c\u00a0d"},
		{"<a b=\"c\nd\">", "<a b=c\nd"},
		{"<a b=\"c\r\nd\re\">", "<a b=c\nd\ne"},
		{`<a b="c`, `~<a b="c`},
		{`<a b='c">`, `~<a b='c">`},
		{`<a b="c>x</a>`, `~<a b="c>x</a>`},
		{`<a b="c" 'd="e>f">`, `<a b=c 'd=e>f`},
		{`<a b=">x<c d=">y`, `<a b=>x<c d=|#y`},
	}},
	{"character references in text", [][2]string{
		{`&amp;`, `#&`},
		{`&amp`, `#&`},
		{`&AMP`, `#&`},
		{`&ampx`, `#&x`},
		{`&amp=x`, `#&=x`},
		{`&copy=1`, `#©=1`},
		{`&notit;`, `#¬it;`},
		{`&notin;`, `#∉`},
		{`&no;`, `#&no;`},
		{`&`, `#&`},
		{`& amp;`, `#& amp;`},
		{`&#`, `#&#`},
		{`&#;`, `#&#;`},
		{`&#x`, `#&#x`},
		{`&#x;`, `#&#x;`},
		{`&#65`, `#A`},
		{`&#65;`, `#A`},
		{`&#65B`, `#AB`},
		{`&#x41;`, `#A`},
		{`&#X41g`, `#Ag`},
		{`&#0;`, "#\ufffd"},
		{`&#128;`, `#€`},
		{`&#x9f;`, `#Ÿ`},
		{`&#129;`, "#\u0081"},
		{`&#xd800;`, "#\ufffd"},
		{`&#xdfff;`, "#\ufffd"},
		{`&#x10ffff;`, "#\U0010ffff"},
		{`&#x110000;`, "#\ufffd"},
		{`&#99999999999999999999;`, "#\ufffd"},
		{`&#x0000000000041;`, `#A`},
		{`&NotEqualTilde;`, "#≂̸"},
		{`&lt;a&gt;`, `#<a>`},
		{`&lt`, `#<`},
		{`&amp;lt;`, `#&lt;`},
		{`&nLt;x`, "#\u226a\u20d2x"},
		{`a&<b>`, `#a&|<b`},
		{`a&am<b>p;`, `#a&am|<b|#p;`},
	}},
	{"character references in attributes", [][2]string{
		{`<a b="&amp;">`, `<a b=&`},
		{`<a b="&amp">`, `<a b=&`},
		{`<a b="&ampx">`, `<a b=&ampx`},
		{`<a b="&amp=x">`, `<a b=&amp=x`},
		{`<a b="&amp1">`, `<a b=&amp1`},
		{`<a b="&amp x">`, `<a b=& x`},
		{`<a b="&amp;x">`, `<a b=&x`},
		{`<a b="?x=1&copy=2">`, `<a b=?x=1&copy=2`},
		{`<a b="?x=1&copy">`, `<a b=?x=1©`},
		{`<a b="&notit;">`, `<a b=&notit;`},
		{`<a b="&notin;">`, `<a b=∉`},
		{`<a b=&lt;>`, `<a b=<`},
		{`<a b=&lt>`, `<a b=<`},
		{`<a b=&>`, `<a b=&`},
		{`<a b="&#115;ecret">`, `<a b=secret`},
		{`<a b="&#115ecret">`, `<a b=secret`},
		{`<a b="&#x73;ecret">`, `<a b=secret`},
		{`<a b="&#0000000115;ecret">`, `<a b=secret`},
		{`<a b="&#x110000;">`, "<a b=\ufffd"},
		{`<a b="&quot;&#39;&apos;">`, `<a b="''`},
		{`<a b="&amp;amp;">`, `<a b=&amp;`},
		{`<a b="&nGt">`, `<a b=&nGt`},
		{`<a b="&nGt;&nGt;">`, `<a b=≫⃒≫⃒`},
		{`<a &amp;="b">`, `<a &amp;=b`},
	}},
	{"comments", [][2]string{
		{`<!---->`, `!<!---->`},
		{`<!--a-->b`, `!<!--a-->|#b`},
		{`<!-->b`, `!<!-->|#b`},
		{`<!--->b`, `!<!--->|#b`},
		{`<!----->b`, `!<!----->|#b`},
		{`<!--a--!>b`, `!<!--a--!>|#b`},
		{`<!----!>b`, `!<!----!>|#b`},
		{`<!--a--!b-->c`, `!<!--a--!b-->|#c`},
		{`<!--a--!-->c`, `!<!--a--!-->|#c`},
		{`<!--a--->b`, `!<!--a--->|#b`},
		{`<!--a-- >b-->c`, `!<!--a-- >b-->|#c`},
		{`<!--a->b-->c`, `!<!--a->b-->|#c`},
		{`<!--a<!--b-->c-->`, `!<!--a<!--b-->|#c-->`},
		{`<!--<!-->a`, `!<!--<!-->|#a`},
		{`<!--<!--->a`, `!<!--<!--->|#a`},
		{`<!--a`, `!<!--a`},
		{`<!--a-`, `!<!--a-`},
		{`<!--a--`, `!<!--a--`},
		{`<!--a--!`, `!<!--a--!`},
		{`<!--`, `!<!--`},
		{`<!--<a>-->`, `!<!--<a>-->`},
		{`<!-a>b`, `!<!-a>|#b`},
		{`<!a>b`, `!<!a>|#b`},
		{`<!>b`, `!<!>|#b`},
		{`<!`, `!<!`},
		{`<!-`, `!<!-`},
		{`<?a?>b`, `!<?a?>|#b`},
		{`<?xml version="1.0">b`, `!<?xml version="1.0">|#b`},
		{`<?a`, `!<?a`},
		{`<!-- --><a b="-->">`, `!<!-- -->|<a b=-->`},
		{`<!--[if IE]><a><![endif]-->`, `!<!--[if IE]><a><![endif]-->`},
		{`<![if !IE]><a><![endif]>`, `!<![if !IE]>|<a|!<![endif]>`},
		{`<!--[if !IE]><!--><a><!--<![endif]-->`, `!<!--[if !IE]><!-->|<a|!<!--<![endif]-->`},
	}},
	{"doctype", [][2]string{
		{`<!DOCTYPE html>a`, `?<!DOCTYPE html>|#a`},
		{`<!doctype>a`, `?<!doctype>|#a`},
		{`<!DocTypehtml>a`, `?<!DocTypehtml>|#a`},
		{`<!DOCTYPE html PUBLIC "a>b">c`, `?<!DOCTYPE html PUBLIC "a>|#b">c`},
		{`<!DOCTYPE html`, `~<!DOCTYPE html`},
		{`<!DOCTYP html>a`, `!<!DOCTYP html>|#a`},
	}},
	{"CDATA", [][2]string{
		{`<![CDATA[a]]>b`, `!<![CDATA[a]]>|#b`},
		{`<![CDATA[a>b]]>`, `!<![CDATA[a>|#b]]>`},
		{`<![cdata[a]]>`, `!<![cdata[a]]>`},
		{`<svg><![CDATA[a]]></svg>b`, `<svg|#a|#b`},
		{`<svg><![CDATA[a&amp;]]></svg>`, `<svg|#a&amp;`},
		{`<svg><![CDATA[]]></svg>`, `<svg|#`},
		{`<svg><![CDATA[a]>]]></svg>`, `<svg|!<![CDATA[a]>]]>`},
		{`<svg><![CDATA[<a>]]></svg>`, `<svg|!<![CDATA[<a>]]>`},
		{`<svg><foreignObject><p><![CDATA[<a>]]></foreignObject></svg>`, `refuse`},
		{`<svg><![CDATA[a`, `refuse`},
		{`<math><![CDATA[a]]></math>`, `<math|#a`},
		{`<svg></svg><![CDATA[a]]>`, `<svg|!<![CDATA[a]]>`},
		{`<svg><desc><![CDATA[a]]></desc></svg>`, `<svg|<desc|#a`},
	}},
	{"RCDATA", [][2]string{
		{`<title>a<b>c</title>d`, `<title|#a<b>c|#d`},
		{`<title>a&amp;b</title>`, `<title|#a&b`},
		{`<title></titles></title>a`, `<title|#</titles>|#a`},
		{`<title></TITLE>a`, `<title|#a`},
		{`<title></title >a`, `<title|#a`},
		{`<title></title/>a`, `<title|~/|#a`},
		{`<title></title x="></title>">a`, `<title|~ x="></title>"|#a`},
		{`<title>a`, `<title|#a`},
		{`<title>a</`, `<title|#a</`},
		{`<title>a</title`, `<title|#a</title`},
		{`<title>a</title `, `<title|#a|~</title `},
		{`<title><!--</title>-->`, `<title|#<!--|#-->`},
		{`<textarea><a></textarea>b`, `<textarea|#<a>|#b`},
		{`<textarea></title></textarea>`, `<textarea|#</title>`},
		{`<title/>a</title>b`, `<title|#a|#b`},
	}},
	{"raw text", [][2]string{
		{`<style>a<b>c</style>d`, `<style|#a<b>c|#d`},
		{`<style>a&amp;b</style>`, `<style|#a&amp;b`},
		{`<style><!--</style>-->`, `<style|#<!--|#-->`},
		{`<style></styl></style>a`, `<style|#</styl>|#a`},
		{`<style></style`, `<style|#</style`},
		{"<style></style\n>a", `<style|#a`},
		{`<xmp><a></xmp>b`, `<xmp|#<a>|#b`},
		{`<iframe><a></iframe>b`, `<iframe|#<a>|#b`},
		{`<noembed><a></noembed>b`, `<noembed|#<a>|#b`},
		{`<noframes><a></noframes>b`, `<noframes|#<a>|#b`},
		{`<style/>a</style>b`, `<style|#a|#b`},
		{`<plaintext>a`, `<plaintext|#a`},
		{`<plaintext>a</p></body>`, `<plaintext|#a</p></body>`},
		{`<plaintext>a<p title=b>`, `refuse`},
		{`<plaintext>a<!--b-->`, `refuse`},
		{`<plaintext>a&amp;b`, `refuse`},
		{`<table><plaintext>a`, `refuse`},
		{`<select><plaintext>a`, `refuse`},
		{`<noscript><a></noscript>b`, `<noscript|<a|#b`},
		{`<noscript><!--</noscript>--></noscript>`, `refuse`},
		{`<noscript><b a="</noscript>"></noscript>`, `refuse`},
	}},
	{"script data", [][2]string{
		{`<script>a<b>c</script>d`, `<script|#a<b>c|#d`},
		{`<script>a&amp;b</script>`, `<script|#a&amp;b`},
		{`<script></scripts></script>a`, `<script|#</scripts>|#a`},
		{`<script></SCRIPT>a`, `<script|#a`},
		{`<script><!--</script>a`, `<script|#<!--|#a`},
		{`<script><!--a--></script>b`, `<script|#<!--a-->|#b`},
		{`<script><!--<script></script>a--></script>b`, `<script|#<!--<script></script>a-->|#b`},
		{`<script><!--<script>a</script></script>b`, `<script|#<!--<script>a</script>|#b`},
		{`<script><!--<script>--></script>a`, `<script|#<!--<script>-->|#a`},
		{`<script><!--<script--></script>a`, `<script|#<!--<script-->|#a`},
		{`<script><!--<script >a</script >b</script>c`, `<script|#<!--<script >a</script >b|#c`},
		{`<script><!--<scriptx></script>a`, `<script|#<!--<scriptx>|#a`},
		{`<script><!--></script>a`, `<script|#<!-->|#a`},
		{`<script><!---></script>a`, `<script|#<!--->|#a`},
		{`<script><!--><script></script>a`, `<script|#<!--><script>|#a`},
		{`<script><!-<script></script>a`, `<script|#<!-<script>|#a`},
		{`<script><!--<script/></script>a</script>b`, `<script|#<!--<script/></script>a|#b`},
		{`<script><!--<script></scriptx></script></script>a`, `<script|#<!--<script></scriptx></script>|#a`},
		{`<script><!--<script></script><script></script>a</script>b`, `<script|#<!--<script></script><script></script>a|#b`},
		{`<script><!--<script>a`, `<script|#<!--<script>a`},
		{`<script>a`, `<script|#a`},
		{`<script>a</script`, `<script|#a</script`},
		{`<script>'<!-- <script'</script>a`, `<script|#'<!-- <script'|#a`},
		{`<script>'<!-- <script>'</script>a`, `<script|#'<!-- <script>'</script>a`},
		{`<script/>a</script>b`, `<script|#a|#b`},
		{`<svg><script>a</script></svg>`, `<svg|<script|#a`},
		{`<svg><script><a></script></svg>`, `refuse`},
		{`<svg><script/><a></svg>`, `<svg|<script|<a`},
	}},
	{"tree that the tokenizer asks", [][2]string{
		{`<svg><title>a</title></svg>`, `<svg|<title|#a`},
		{`<svg><title><a></title></svg>`, `refuse`},
		{`<svg><style>a</style></svg>`, `<svg|<style|#a`},
		{`<svg><style><!--a--></style></svg>`, `refuse`},
		{`<svg><p><style><a></style>`, `<svg|<p|<style|#<a>`},
		{`<math><mtext><style><a></style>`, `<math|<mtext|<style|#<a>`},
		{`<math><annotation-xml encoding="text/html"><style><a></style>`, `<math|<annotation-xml encoding=text/html|<style|#<a>`},
		{`<math><annotation-xml><style><a></style>`, `refuse`},
		{`<svg><foreignObject><title><a></title>`, `<svg|<foreignobject|<title|#<a>`},
		{`<select><style><a></style></select>`, `refuse`},
		{`<template><title><a></title></template>`, `<template|<title|#<a>`},
		{`<frameset><a>`, `refuse`},
	}},
}

func TestStates(t *testing.T) {
	t.Parallel()
	n := 0
	for _, group := range stateCases {
		t.Run(group.state, func(t *testing.T) {
			for _, c := range group.cases {
				n++
				tp, err := newTape(c[0], testVoc)
				if err != nil {
					if !errors.Is(err, edit.ErrAmbiguous) && !errors.Is(err, edit.ErrMalformed) || c[1] != "refuse" {
						t.Errorf("%q: %v, want %q", c[0], err, c[1])
					}
					continue
				}
				if diff := cmp.Diff(c[1], tokens(tp)); diff != "" {
					t.Errorf("%q (-want +got)\n%s", c[0], diff)
				}
				if !needsTree(c[0]) {
					if diff := cmp.Diff(theirs(c[0]), ours(tp)); diff != "" {
						t.Errorf("%q (-x/net/html +ours)\n%s", c[0], diff)
					}
				}
				tp.release()
			}
		})
	}
	if n < 150 {
		t.Errorf("%d cases only", n)
	}
}

// tokens writes a tape as stateCases does.
func tokens(t *tape) string {
	var out []string
	junk := t.junk
	flush := func(until int32) {
		for len(junk) > 0 && junk[0].Start < int(until) {
			out = append(out, "~"+t.s[junk[0].Start:junk[0].End])
			junk = junk[1:]
		}
	}
	t.inOrder(func(p piece) {
		flush(p.start)
		src := t.s[p.start:p.end]
		switch p.kind {
		case kText:
			out = append(out, "#"+unescapeText(t.lines(src)))
		case kRaw, kCode:
			out = append(out, "#"+t.lines(src))
		case kComment:
			out = append(out, "!"+src)
		case kDoctype:
			out = append(out, "?"+src)
		}
	}, func(n *node) {
		flush(n.start)
		e := "<" + t.tagName(n)
		for k := n.attr; k < n.attrEnd; k++ {
			if a := &t.attrs[k]; !a.dup {
				e += " " + t.attrName(a) + "=" + t.value(a)
			}
		}
		out = append(out, e)
	})
	flush(int32(len(t.s)) + 1)
	return strings.Join(out, "|")
}

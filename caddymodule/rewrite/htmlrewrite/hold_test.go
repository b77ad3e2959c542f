package htmlrewrite

import (
	"fmt"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/rules"
)

// borrower is a judge that notes what it is lent.
type borrower struct{ lent *int }

func (b borrower) URL(raw string) rules.Link {
	*b.lent++
	return fakeJudge{hide: true}.URL(raw)
}

func (b borrower) Entity(ref rules.Ref) rules.Decision {
	*b.lent += len(ref.Keys)
	return fakeJudge{hide: true}.Entity(ref)
}

// TestNothingHeld holds that neither what comes out nor a report changes when the
// caller uses the page's memory for something else, and that the next page is not
// judged by what was there.
func TestNothingHeld(t *testing.T) {
	t.Parallel()
	const doc = `<base href="/w/"><meta name="page-id" content="12"><link rel=canonical href="/x"><h1>Head</h1>` +
		`<li class=row data-title=Plan><a class=t href="/a?b&amp;c">x</a></li><div class="a ns3-plan b" data-user=eva style="background:url(/s)">` +
		`<img src=/i srcset="/j 1x" data-src="/k"><form action=/f><input type=hidden name=q value=v></form>` +
		`<script>CONF={"page":"p","id":"34"}</script><iframe srcdoc="&lt;a href=/inner>"></iframe><a class=user><bdi>max</bdi></a>` +
		`<odd-name odd-attr=/o>x</odd-name>`
	p := mustCompile(t)
	lent := 0
	in := fakeInput(true)
	in.Judge = borrower{&lent}
	for at := range p.probes {
		in.Evidence = append(in.Evidence, at)
	}
	src := []byte(doc)
	out, rep, err := p.Rewrite(nil, src, in)
	if err != nil {
		t.Fatal(err)
	}
	was, evidence := string(out), fmt.Sprint(rep.Evidence)
	for i := range src {
		src[i] = '#'
	}
	if lent < 6 || len(rep.Evidence) < 4 {
		t.Fatalf("lent %d, evidence %v: the test looks at too little", lent, rep.Evidence)
	}
	if string(out) != was || fmt.Sprint(rep.Evidence) != evidence {
		t.Errorf("became %q, %v", out, rep.Evidence)
	}
	copy(src, doc)
	if again, _, err := p.Rewrite(nil, src, in); err != nil || string(again) != was {
		t.Errorf("the second time: %v, %q", err, again)
	}
}

// TestUnseenMarkup holds that markup which only some readers see is read as well,
// or goes, or is refused.
func TestUnseenMarkup(t *testing.T) {
	t.Parallel()
	p := mustCompile(t)
	for _, doc := range []string{
		`<template><a href=/secret>mark1.</a></template>`,
		`<template><template><img src=/secret></template></template>`,
		`<template><li data-title=secret class=row><a href=/secret>x</a></template>`,
		`<table><template><tr><td><a href=/secret>x</a></template></table>`,
		`<select><template><a href=/secret>x</a></template></select>`,
		`<noscript><img src=/secret></noscript>`,
		`<head><noscript><link rel=stylesheet href=/secret></noscript></head>`,
		`<noscript><style>a{background:url(/secret)}</style></noscript>`,
		`<noscript><a href=/secret>x</noscript>y</a>`,
		`<iframe srcdoc="<a href=/secret>x</a>"></iframe>`,
		`<iframe srcdoc="&lt;a href=/secret&gt;x"></iframe>`,
		`<iframe srcdoc='<iframe srcdoc="&lt;img src=/secret>"></iframe>'></iframe>`,
		`<IFRAME SRCDOC=<img/src=/secret>></IFRAME>`,
		`<iframe><a href=/secret>x</a></iframe>`,
		`<noembed><a href=/secret>x</a></noembed>`,
		`<noframes><a href=/secret>x</a></noframes>`,
		`<!--[if IE]><a href=/secret>x</a><![endif]-->`,
		`<!--[if gte mso 9]><xml><o:p>secret</o:p></xml><![endif]-->`,
		`<!--[if !IE]><!--><a href=/secret>x</a><!--<![endif]-->`,
		`<![if !IE]><a href=/secret>x</a><![endif]>`,
		`<!--[if IE]><![if true]><a href=/secret>x<![endif]><![endif]-->`,
		`<xmp><a href=/secret>x</a></xmp>`,
		`<textarea><a href=/secret>x</a></textarea>`,
		`<svg><a xlink:href=/secret>x</a></svg>`,
		`<svg><foreignObject><a href=/secret>x</a></foreignObject></svg>`,
		`<math><annotation-xml encoding=text/html><a href=/secret>x</a></annotation-xml></math>`,
		`<object data=/secret><a href=/secret>x</a></object>`,
		`<?xml-stylesheet href="/secret"?>`,
		`<div shadowrootmode=open><template shadowrootmode=open><a href=/secret>x</a></template></div>`,
	} {
		out, r, err := rewriteOnce(p, doc, fakeInput(true))
		if err != nil {
			if !okError(err) {
				t.Errorf("%s: %v", doc, err)
			}
			continue
		}
		// In a text area and in xmp markup is text, which is for the tripwire.
		if !r.rep.RootHidden && strings.Contains(out, "secret") && !strings.Contains(doc, "<xmp") && !strings.Contains(doc, "<textarea") {
			t.Errorf("%s became\n%s", doc, out)
		}
	}
}

// TestRunsOfCuts holds that what goes in a row goes as a whole, and nothing beside
// it.
func TestRunsOfCuts(t *testing.T) {
	t.Parallel()
	p := mustCompile(t)
	for in, want := range map[string]string{
		`a<!--x--><!--y-->b`:                       `ab`,
		`a<!--x--> <!--y--><!--z-->b<!--u-->`:      `a b`,
		`&am<!--x--><!--y-->p;`:                    `&am<!---->p;`,
		`<p b=1 b=2 b=3 c=4 b>x`:                   `<p b=1 c=4>x`,
		`<p b=1 b=2 onclick=x b=3>x</p y><!--z-->`: `<p b=1>x</p>`,
		`<p><!--x--><a href=/ok>y</a>`:             `<p><a href=/ok>y</a>`,
	} {
		out, _, err := rewriteOnce(p, in, fakeInput(true))
		if err != nil || out != want {
			t.Errorf("%s became %s, %v; want %s", in, out, err, want)
		}
	}
}

// TestOneDigitReference holds that a link is judged as a browser reads it where a
// reference of one digit has no semicolon.
func TestOneDigitReference(t *testing.T) {
	t.Parallel()
	p := mustCompile(t)
	in := fakeInput(true)
	var asked []string
	in.Judge = recorder{&asked}
	if _, _, err := rewriteOnce(p, `<a href="/sec&#9ret">x</a>`, in); err != nil {
		t.Fatal(err)
	}
	if want := "/sec\tret"; len(asked) != 1 || asked[0] != want {
		t.Errorf("asked about %q, want %q", asked, want)
	}
}

type recorder struct{ asked *[]string }

func (r recorder) URL(raw string) rules.Link {
	*r.asked = append(*r.asked, raw)
	return rules.Link{}
}

func (r recorder) Entity(rules.Ref) rules.Decision { return rules.Decision{Verdict: rules.Visible} }

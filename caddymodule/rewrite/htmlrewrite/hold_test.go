package htmlrewrite

import (
	"strings"
	"testing"

	"github.com/postern-gateway/postern/rules"
)

// holder is a judge that holds on to all that it is given, as one with a cache
// does.
type holder struct{ held, copied *[]string }

func (h holder) keep(s string) {
	*h.held = append(*h.held, s)
	*h.copied = append(*h.copied, strings.Clone(s))
}

func (h holder) URL(raw string) rules.Link {
	h.keep(raw)
	return fakeJudge{hide: true}.URL(raw)
}

func (h holder) Entity(ref rules.Ref) rules.Decision {
	for _, k := range ref.Keys {
		h.keep(k.Value)
		h.keep(k.Space)
	}
	return fakeJudge{hide: true}.Entity(ref)
}

// TestNothingHeld holds that what a judge or a report was given does not change
// when the caller uses the page's memory for something else.
func TestNothingHeld(t *testing.T) {
	t.Parallel()
	const doc = `<base href="/w/"><meta name="page-id" content="12"><link rel=canonical href="/x"><h1>Head</h1>` +
		`<li class=row data-title=Plan><a class=t href="/a?b&amp;c">x</a></li><div class="a ns3-plan b" data-user=eva style="background:url(/s)">` +
		`<img src=/i srcset="/j 1x" data-src="/k"><form action=/f><input type=hidden name=q value=v></form>` +
		`<script>CONF={"page":"p","id":"34"}</script><iframe srcdoc="&lt;a href=/inner>"></iframe><a class=user><bdi>max</bdi></a>`
	p := mustCompile(t)
	var held, copied []string
	in := fakeInput(true)
	in.Judge = holder{&held, &copied}
	in.Title = func(raw string) (rules.Key, bool) {
		in.Judge.(holder).keep(raw)
		return rules.Key{Attr: rules.ContentTitle, Value: raw}, true
	}
	for at := range p.probes {
		in.Evidence = append(in.Evidence, at)
	}
	src := []byte(doc)
	_, rep, err := p.Rewrite(nil, src, in)
	if err != nil {
		t.Fatal(err)
	}
	for i := range src {
		src[i] = '#'
	}
	if len(held) < 12 || len(rep.Evidence) < 4 {
		t.Fatalf("%d strings, evidence %v: the test looks at too little", len(held), rep.Evidence)
	}
	for i := range held {
		if held[i] != copied[i] {
			t.Errorf("%q became %q", copied[i], held[i])
		}
	}
	for at, vs := range rep.Evidence {
		for _, v := range vs {
			if v == "" || strings.Contains(v, "#") {
				t.Errorf("%s = %q", at, v)
			}
		}
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

package htmlrewrite

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/rules"
	"golang.org/x/net/html"
)

// prose is what people write, for pages of a natural density of tags.
const prose = `The migration is planned for the second week of the quarter. Before that, every team moves its ` +
	`own pages; what nobody claims is archived. Please read the checklist first, since some macros behave in ` +
	`another way after the upgrade &amp; can't be converted by a script. `

// page is a page as a wiki makes it, of about the given size: head, menus, a page
// tree, text with headings, links, tables and pictures, comments by people; every
// tenth reference is hidden.
func page(size int) []byte {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Plan - Wiki</title>\n")
	for i := range min(60, size/1000) {
		fmt.Fprintf(&b, "<meta name=\"ajs-setting-%d\" content=\"value %d\">\n", i, i)
		if i%3 == 0 {
			fmt.Fprintf(&b, `<link type="text/css" rel="stylesheet" href="/s/d41d8cd98f00b204e9800998ecf8427e-CDN/en_GB/8703/download/batch/m%d/m.css?locale=en-GB&amp;v=%d" media="all">`+"\n", i, i)
			fmt.Fprintf(&b, `<script type="text/javascript" src="/s/d41d8cd98f00b204e9800998ecf8427e-CDN/en_GB/8703/download/batch/m%d/m.js?locale=en-GB"></script>`+"\n", i)
		}
	}
	b.WriteString("</head>\n<body id=\"com-atlassian-confluence\" class=\"theme-default aui-layout aui-theme-default\">\n<ul class=\"aui-nav\">\n")
	for i := range min(30, size/2000) {
		fmt.Fprintf(&b, "<li class=\"item nav-%d\"><a href=\"/pages/%d\" class=\"aui-nav-item\" title=\"Go to item %d\"><span>Item %d</span></a></li>\n", i, i, i, i)
	}
	b.WriteString("</ul>\n<div id=\"main-content\" class=\"wiki-content\">\n")
	for i := 0; b.Len() < size; i++ {
		name, user := "plan", "eva"
		if i%10 == 0 {
			name, user = "secret", "secret"
		}
		fmt.Fprintf(&b, "<h2 id=\"Plan-Heading%d\">Heading %d</h2>\n<p>%s<a href=\"/display/ACME/%s-%d\">%s %d</a> %s</p>\n", i, i, prose, name, i, name, i, prose)
		fmt.Fprintf(&b, "<p>%s <strong>Owner</strong>: <a href=\"/display/~%s\" class=\"confluence-userlink user-mention\" data-username=\"%s\">%s</a></p>\n", prose, user, user, user)
		fmt.Fprintf(&b, "<ul>\n<li>one more thing to do</li>\n<li><a href=\"/pages/viewpage.action?pageId=%d&amp;src=list\">another</a> with a link</li>\n</ul>\n", i)
		if i%3 == 0 {
			b.WriteString("<div class=\"table-wrap\"><table class=\"wrapped confluenceTable\"><tbody>\n<tr><th class=\"confluenceTh\">Step</th><th class=\"confluenceTh\">State</th></tr>\n")
			for k := range 4 {
				fmt.Fprintf(&b, "<tr><td class=\"confluenceTd\">Step %d of the plan, in a few words</td><td class=\"confluenceTd\">done by the end of the month</td></tr>\n", k)
			}
			b.WriteString("</tbody></table></div>\n")
		}
		if i%4 == 0 {
			fmt.Fprintf(&b, "<p><img class=\"confluence-embedded-image\" src=\"/download/attachments/%d/%s.png?api=v2\" data-image-src=\"/download/attachments/%d/%s.png?api=v2\" data-linked-resource-id=\"%d\" data-linked-resource-type=\"attachment\"></p><!-- %d -->\n", i, name, i, name, i, i)
		}
	}
	b.WriteString("</div>\n</body>\n</html>\n")
	return []byte(b.String())
}

// quickJudge hides what has "secret" in it and costs next to nothing: what is
// measured is the rewriter.
type quickJudge struct{}

func (quickJudge) URL(raw string) rules.Link {
	if strings.Contains(raw, "secret") {
		return rules.Link{Fate: rules.FateHide, Kind: rules.Content}
	}
	return rules.Link{}
}

func (quickJudge) Entity(ref rules.Ref) rules.Decision {
	if strings.Contains(ref.Keys[0].Value, "secret") {
		return rules.Decision{Verdict: rules.Hidden}
	}
	return rules.Decision{Verdict: rules.Visible}
}

// shipped compiles the profile of a wiki that is shipped.
func shipped(tb testing.TB) *Program {
	tb.Helper()
	prof, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		tb.Fatal(err)
	}
	p, err := Compile(prof)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

var sizes = []struct {
	name  string
	bytes int
}{{"10KB", 10_000}, {"100KB", 100_000}, {"1MB", 1_000_000}, {"10MB", 10_000_000}}

// BenchmarkShipped rewrites pages by all the rules of a shipped profile. To be
// compared with BenchmarkNetHTML in one run.
func BenchmarkShipped(b *testing.B) {
	p := shipped(b)
	for _, size := range sizes {
		src := page(size.bytes)
		b.Run(size.name, func(b *testing.B) { benchRewrite(b, p, src) })
	}
}

func benchRewrite(b *testing.B, p *Program, src []byte) {
	b.Helper()
	in := Input{Judge: quickJudge{}, Texts: fakeTexts}
	dst := make([]byte, 0, 2*len(src))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := p.Rewrite(dst, src, in); err != nil {
			b.Skip(err) // a bound was reached
		}
	}
}

// BenchmarkTape reads the page and builds the tree alone.
func BenchmarkTape(b *testing.B) {
	src, voc := string(page(100_000)), newVocabulary()
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		t, err := newTape(src, voc)
		if err != nil {
			b.Fatal(err)
		}
		t.release()
	}
}

// BenchmarkNetHTML is the natural peer: the tokenizer of x/net/html alone, with
// attributes read, and nothing judged.
func BenchmarkNetHTML(b *testing.B) {
	for _, size := range sizes {
		src := page(size.bytes)
		b.Run(size.name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				readTokens(src)
			}
		})
	}
}

func readTokens(src []byte) {
	z := html.NewTokenizer(bytes.NewReader(src))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			_, more := z.TagName()
			for more {
				_, _, more = z.TagAttr()
			}
		}
	}
}

// hostile are kinds of markup that make careless parsers slow; each gives about
// n bytes of it that are not refused.
var hostile = []struct {
	name string
	make func(n int) string
}{
	{"deep", func(n int) string {
		one := strings.Repeat("<b>", 500) + strings.Repeat("</b>", 500)
		return strings.Repeat(one, n/len(one)+1)
	}},
	{"attributes", func(n int) string { return "<a " + strings.Repeat("b=1 class=x ", min(n/12, maxAttrs/2-1)) + ">" }},
	{"tags", func(n int) string { return strings.Repeat("<i>", 1) + strings.Repeat("<br>", min(n/4, maxNodes/2)) }},
	{"names", func(n int) string {
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			fmt.Fprintf(&b, "<a x%d y%d>k</a>", i, i)
		}
		return b.String()
	}},
	{"quotes", func(n int) string { return "<a href=" + strings.Repeat(`"`, n) + ">" }},
	{"open quote", func(n int) string { return strings.Repeat(`<a b="x" c='`, n/12) }},
	{"ampersands", func(n int) string { return `<a class="` + strings.Repeat("& ", n/2) + `">` + strings.Repeat("&", n/10) }},
	{"references", func(n int) string { return `<a href="` + strings.Repeat("&notit;&amp;", n/12) + `">` }},
	{"classes", func(n int) string { return `<a class="` + strings.Repeat("comment ", n/8) + `">` }},
	{"less-than", func(n int) string { return strings.Repeat("<", n) }},
	{"end tags", func(n int) string { return "<p>" + strings.Repeat("</b></p>", n/8) }},
	{"open items", func(n int) string { return "<ul>" + strings.Repeat("<li><p>x", n/8) }},
	{"comments", func(n int) string { return strings.Repeat("<!-->", n/5) }},
	{"dashes", func(n int) string { return "<!--" + strings.Repeat("-", n) }},
	{"script dashes", func(n int) string { return "<script><!--" + strings.Repeat("-<", n/2) + "</script>" }},
	{"script in comment", func(n int) string { return strings.Repeat("<script><!--<script>", n/20) }},
	{"hidden", func(n int) string { return strings.Repeat("<li><a href=/secret>x</a>\n", n/25) }},
	{"closed rows", func(n int) string {
		return "<table>" + strings.Repeat("<tr class=search-result><td><a href=/secret>x</a>\n", n/49)
	}},
	{"people", func(n int) string { return strings.Repeat("<a data-username=secret>x</a>", n/29) }},
	{"styles", func(n int) string { return "<style>" + strings.Repeat("url(/a)", n/7) + "</style>" }},
	{"srcset", func(n int) string { return `<img srcset="` + strings.Repeat("/a 1x,", n/6) + `">` }},
}

// BenchmarkHostile shows in B/s that hostile markup costs linear time.
func BenchmarkHostile(b *testing.B) {
	p := shipped(b)
	for _, h := range hostile {
		for _, size := range sizes {
			src := []byte(h.make(size.bytes))
			b.Run(strings.ReplaceAll(h.name, " ", "-")+"/"+size.name, func(b *testing.B) { benchRewrite(b, p, src) })
		}
	}
}

// TestAllocations holds that the number of allocations does not grow with the
// page.
func TestAllocations(t *testing.T) {
	if testing.Short() {
		t.Skip("reads large pages")
	}
	p := shipped(t)
	in := Input{Judge: quickJudge{}, Texts: fakeTexts}
	count := func(size int) float64 {
		src := page(size)
		dst := make([]byte, 0, 2*len(src))
		return testing.AllocsPerRun(20, func() {
			if _, _, err := p.Rewrite(dst, src, in); err != nil {
				t.Fatal(err)
			}
		})
	}
	small, large := count(10_000), count(1_000_000)
	if large > small+40 {
		t.Errorf("%v allocations for 10 KB, %v for 1 MB", small, large)
	}
}

// TestHostileGrowth holds that four times as much hostile markup takes about four
// times as much memory, which is counted, unlike time, without the machine's
// other work.
func TestHostileGrowth(t *testing.T) {
	p := shipped(t)
	in := Input{Judge: quickJudge{}, Texts: fakeTexts}
	taken := func(src []byte) uint64 {
		runtime.GC()
		runtime.GC() // the pools are empty after the second
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, _, err := p.Rewrite(nil, src, in); err != nil && !okError(err) {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	for _, h := range hostile {
		small, large := taken([]byte(h.make(100_000))), taken([]byte(h.make(400_000)))
		if large > 8*small+1<<20 {
			t.Errorf("%s: %d bytes for 100 KB, %d for 400 KB", h.name, small, large)
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
		checkAttributes(t, b.String())
	}
}

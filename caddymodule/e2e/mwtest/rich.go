package mwtest

import (
	"fmt"
	"strings"
)

// richForms are wikitext of every kind that pages are made of, with nothing in
// it that anybody might not see. @P@ is the page, @Q@ another one, @F@ and @G@
// are files, @C@ is a category, @T@ a template, @U@ a person.
var richForms = []string{
	"'''Bold''', ''italic'', '''''both''''', <s>struck</s>, <u>under</u>, H<sub>2</sub>O, x<sup>2</sup>, <small>small</small>, <big>big</big>, <kbd>key</kbd>, <tt>tt</tt>, <del>del</del> <ins>ins</ins>.\n\nA second\nparagraph &mdash; &nbsp; &#9731; &lt;b&gt; &amp;amp; \u00ad soft, caf\u00e9 cafe\u0301.\n----\n<br/><br clear=all>",
	"* one\n** two\n*** three\n# first\n## second\n#* mixed\n; term : meaning\n: indented\n:: twice\n\n== Heading [[@Q@|with a link]] ==\ntext\n=== Same ===\na\n=== Same ===\nb\n==== Deep <i>er</i> & \"quoted\" ====\n",
	"{| class=\"wikitable sortable\" style=\"width:50%; background: url(/w/resources/assets/wiki.png)\"\n|+ A caption with [[@Q@]]\n! scope=col | Head !! Another\n|-\n| a || [[@Q@|cell]]\n|- style=\"color:#333\"\n| colspan=2 | {{{!}} inner {{!}}}\n|}\n\n{|\n|-\n|\n{| class=\"wikitable\"\n| nested\n|}\n|}",
	"[[@F@|thumb|100px|left|A caption with [[@Q@|a link]] and '''bold''']] [[@F@|60px|alt=words|link=@Q@]] [[@G@|frame|framed]] [[@G@|80px|link=|baseline]] [[@F@|frameless|upright=0.5]] [[:@F@]] [[Media:@FN@|the file itself]]",
	"<gallery mode=\"packed\" caption=\"Some\" widths=80>\n@FN@|One [[@Q@]]\n@GN@|Two|alt=two\n</gallery>\n<gallery>\n@FN@\n</gallery>",
	"A claim.<ref>See [[@Q@]], [https://example.org/ there].</ref> Again.<ref name=\"n\">Named</ref> And.<ref name=\"n\" /> Group.<ref group=\"g\">In a group</ref>\n<references/>\n<references group=\"g\"/>",
	"{{@T@|one|name=two [[@Q@]]|'''three'''}} {{@T@}} {{#if:x|yes|no}} {{#expr:2*3}} {{#switch:b|a=1|b=2}} {{lc:ABC}} {{PAGENAME}} {{FULLPAGENAME}} {{NAMESPACE}} {{#titleparts:a/b/c|1}} {{formatnum:123456}} {{padleft:7|3|0}} {{plural:2|one|many}}",
	"[[@Q@]] [[@Q@|label]] [[@Q@#Part|part]] [[#Same]] [[/Below]] [[@Q@]]s [[:@C@]] [[User:@U@]] [[User talk:@U@|talk]] [[Special:Contributions/@U@]] [[ACME Portal:Not made yet]] [[Help:Contents]] [[Project:About]] [[Template:@T@]] [[Talk:Main Page]] [[acme Portal:home]] [[Main Page]]",
	"[https://example.org/a?b=c&d=%20e labelled] [https://example.org/] https://example.com/x_(y) //example.net/ [//example.net/z rel] [mailto:info@example.org mail] mailto:info@example.org ftp://example.org/f irc://example.org/c news:comp.lang news://example.org/x [tel:+123 call] http://user@example.org:8080/",
	"[[wikipedia:Extranet]] [[mw:Help:Links|help]] [[wikipedia:de:Wiki]] ISBN 978-3-16-148410-0 RFC 2616 PMID 12345 [[Special:BookSources/9783161484100]]",
	"<pre>\npre [[@Q@]] <b>x</b>\n  kept\n</pre>\n line with a space [[@Q@]]\n<nowiki>[[@Q@]] {{x}} '''</nowiki> <code>code</code> <!-- a comment with [[@Q@]] --> <syntaxhighlight lang=go>x := 1</syntaxhighlight> <poem>a\nb</poem>",
	"<div dir=\"rtl\" lang=\"he\">\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd [[@Q@|\u05e7\u05d9\u05e9\u05d5\u05e8]] \u202b\u05e2\u202c \u200f</div> <bdi>\u0645\u0631\u062d\u0628\u0627</bdi> \U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 \u65e5\u672c\u8a9e \u200bzero\u200bwidth \u00df \u0130stanbul \ufb01n",
	"<div class=\"box\" id=\"my-box\" title=\"A title's &quot;quotes&quot;\" data-x=\"1\" style=\"float:right; border:1px solid\">Box <span class=\"a b c\" lang=\"fr\">mot</span> <abbr title=\"World\">W</abbr> <blockquote>quoted</blockquote> <ruby>a<rt>b</rt></ruby> <time datetime=\"2026-01-01\">now</time></div>",
	"{{DISPLAYTITLE:<i>{{FULLPAGENAME}}</i>}}{{DEFAULTSORT:zzz}} __FORCETOC__ __NEWSECTIONLINK__ {{#tag:ref|by tag}}\n<references/>\n[[@C@|key]]",
	"Ordinary words on a project plan, the board, people and the team: budget, delivery, interface, roadmap. Meeting at 10:30, 5 < 6 & 7 > 3, a@b, ~user, 4028828c8a1b2c3d018a1b2c3d4e0001, 550e8400-e29b-41d4-a716-446655440000, C:\\dir\\file, {\"json\": [1, 2]}, http://localhost/x, javascript:alert(1).",
	"<categorytree mode=\"pages\">@CN@</categorytree>",
	"<includeonly>not here</includeonly><noinclude>here</noinclude><onlyinclude></onlyinclude> <span id=\"anchor\"></span> <center>centre</center> <font color=red>font</font> <table><tr><td>html</td><td>cells</table>",
}

// Rich gives the pages that show every kind of markup, with what they use; a
// viewer of the first shared namespace sees all of it.
func (w *World) Rich() []*Page { return w.richPages }

// rich makes pages of every kind of markup in the first shared namespace, a
// long one, and one that has it all.
func (w *World) rich() {
	ns := w.Namespaces[0].Name
	q := w.Page(ns + ":Home")
	f, g, c := w.nth("File", ns, 0), w.nth("File", ns, 1), w.nth("Category", ns, 0)
	sub := w.newPage("Category", " deeper")
	sub.Member = []string{c.Title}
	w.edit(sub, w.Firm("acme")[0].Name, "Below. "+w.textToken(sub)+" [["+c.Title+"]]", "below")
	tpl := w.newPage("Template", " with arguments")
	fill := strings.NewReplacer("@Q@", q.Title, "@F@", f.Title, "@G@", g.Title, "@FN@", local(f.Title), "@GN@", local(g.Title),
		"@C@", c.Title, "@CN@", local(c.Title), "@T@", local(tpl.Title), "@U@", w.Firm("acme")[0].Name)
	w.edit(tpl, w.Firm("acme")[1].Name, w.textToken(tpl)+" ({{{1|none}}}, {{{name|unnamed}}}) <noinclude>[["+c.Title+"]]</noinclude>", "template")
	page := func(rest, text string) *Page {
		p := w.newPage(ns, rest)
		p.Uses, p.Member, p.Links = []string{f.Title, g.Title, tpl.Title}, []string{c.Title, sub.Title}, nil
		who := w.Firm("acme")[len(w.Pages)%len(w.Firm("acme"))].Name
		w.richPages = append(w.richPages, p)
		w.edit(p, who, fill.Replace("Begun with less.\n\n"+text[:len(text)/3]), "/* Same */ begun, see [["+q.Title+"|home]]")
		w.edit(p, who, w.textToken(p)+" "+fill.Replace(text)+"\n{{"+local(tpl.Title)+"}} [["+c.Title+"]] [["+sub.Title+"]] [["+f.Title+"|40px]] [["+g.Title+"|40px]]", "written, [https://example.org/ here] & so on")
		return p
	}
	for i, form := range richForms {
		page([]string{" plain", " \u05e2\u05d1\u05e8\u05d9\u05ea", " \U0001f600 & co.", " (it's \"so\")?", " 100%"}[i%5], form)
	}
	page(" all of it", strings.Join(richForms, "\n\n"))
	var long strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&long, "== Section %d ==\n%s\n* [[@Q@|link %d]], [https://example.org/%d out], [[User:@U@]] and [[:@C@]]\n\n", i, strings.Repeat("Some words of an ordinary text. ", 6), i, i)
	}
	page(" long", long.String())
	talk := w.talk(w.last(ns))
	w.richPages = append(w.richPages, sub, tpl, q, f, talk)
	w.edit(talk, w.Firm("acme")[0].Name, "== Topic ==\n"+w.textToken(talk)+" hello ~~~~\n: an answer [[User:"+w.Firm("acme")[1].Name+"]] ~~~~~\n", "/* Topic */ new section")
}

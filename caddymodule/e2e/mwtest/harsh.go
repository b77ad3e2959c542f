package mwtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Titles that a wiki allows and a filter may stumble over. %s is the page's own
// word.
var awkward = []string{
	"%s", "%s & sons", `The "%s" affair`, "%s + plus", "100% of %s", "Why %s?", "%s's guide", "%s (draft)", "%s: the colon", "Caf\u00e9 %s", "Caf\u00e9 at %s",
	"\u05e9\u05dc\u05d5\u05dd %s", "\u4f1a\u8b70%s", "\U0001f98a %s", "A very long title, with a great many words in it, of which nobody will ever remember more than the first few, about %s",
	"%s, comma; semi", "%s = equals", "%s*star", "%s!", "$%s", "%s \u2013 dash", ".%s", "%s and so", "%s and so on", "~ %s", "%s\u2019s quote", "\u00dcber %s", "%s@home", "%s \u00df \u0130",
}

// harsh makes a world of the awkward. See NewHarsh.
type harsh struct {
	*World
	hidden []*Page // hidden from everybody who is not internal
	n      int
}

// Shared namespaces of the harsh world.
const (
	HarshAcme   = "ACME Portal"
	HarshGlobex = "Globex+Co"
	HarshBook   = "Handbuch \u00c4rger"
	HarshNews   = "News"
)

// NewHarsh makes another world from a seed: fewer pages, each with something
// awkward in its title, its text or its history. HarshAcme is one firm's,
// HarshGlobex another's, HarshBook is every external's, HarshNews everybody's;
// some pages of HarshAcme are meant to be hidden by rules (see [World.Rules]).
func NewHarsh(seed uint64, now int64) *World {
	w := &World{
		c: newCoiner(seed ^ 0x48415253), r: rand.New(rand.NewPCG(seed, 3)), byT: map[string]*Page{}, files: map[string][]byte{},
		Common: []string{"minutes", "figures"},
	}
	h := &harsh{World: w}
	w.clock = now - 60 - 3*24*3600
	t := func() string { return w.c.word() }
	a, b, c := t(), t(), t()
	w.Namespaces = []Namespace{
		{ID: 3000, Name: HarshAcme, Alias: "ACMEP"},
		{ID: 3002, Name: HarshGlobex, Alias: "GX"},
		{ID: 3004, Name: HarshBook},
		{ID: 3006, Name: HarshNews},
		{ID: 3010, Name: "HR " + title(a), Alias: "P" + t(), Token: a},
		{ID: 3012, Name: "R&D \u00dc" + b, Alias: "X" + t(), Token: b},
		{ID: 3014, Name: "ACME"},
		{ID: 3016, Name: "ACME Portal Internal"},
		{ID: 3018, Name: title(c) + "'s", Alias: "Y" + t(), Token: c},
	}
	h.accounts()
	h.pages()
	h.texts()
	h.shared()
	h.history()
	h.chrome()
	w.acts = append(w.acts, w.log...)
	w.shuffleClock(now - 60)
	return w
}

// Rules are what a policy hides in HarshAcme.
func (w *World) Rules() (titles, labels, subtrees []string) {
	return []string{"Internal *", "*(secret)"}, []string{"Not for partners"}, []string{"Vault"}
}

// RuledOut says whether the rules hide a page of HarshAcme.
func (w *World) RuledOut(p *Page) bool {
	if p.Subject() != HarshAcme {
		return false
	}
	_, l, _ := strings.Cut(p.Title, ":")
	if s := w.Page(HarshAcme + ":" + l); s != nil && s != p {
		return w.RuledOut(s)
	}
	if strings.HasPrefix(l, "Internal ") || strings.HasSuffix(l, "(secret)") || l == "Vault" || strings.HasPrefix(l, "Vault/") {
		return true
	}
	for _, m := range p.Member {
		if m == "Category:Not for partners" {
			return true
		}
	}
	return false
}

func (h *harsh) accounts() {
	g := h.c.word()
	h.Groups = []Token{{Word: g, Kind: TokenGroup, Where: g}}
	add := func(firm, form string, groups ...string) {
		n, rn, em := h.c.word(), h.c.word(), h.c.word()
		name := form
		if strings.Contains(form, "%s") {
			name = fmt.Sprintf(form, title(n))
		} else {
			// A name of ordinary words is a secret where it stands as a name.
			n = "user:" + strings.ToLower(strings.ReplaceAll(name, " ", "_"))
		}
		p := Person{
			Name: name, RealName: title(rn) + " Person", Email: em + "@" + firm + ".example", Firm: firm, Groups: groups,
			Tokens: []Token{{n, TokenUser, name}, {rn, TokenRealName, name}, {em, TokenEmail, name}},
		}
		if !strings.Contains(form, "%s") {
			low := strings.ToLower(name)
			p.Tokens = append(p.Tokens, Token{"user:" + low, TokenUser, name}, Token{"contributions/" + strings.ReplaceAll(low, " ", "_"), TokenUser, name},
				Token{"<bdi>" + low + "<", TokenUser, name}, Token{`"user":"` + low + `"`, TokenUser, name}, Token{`"name":"` + low + `"`, TokenUser, name})
		}
		h.People = append(h.People, p)
	}
	for _, f := range []string{"acme", "globex", "staff"} {
		for _, form := range []string{"%s", "%s Van der Berg", "J.%s", "\u00c9milie %s", "O'%s", "%s & Co", "\u674e%s", "%s-7"} {
			add(f, form)
		}
	}
	add("acme", "Mark")
	add("globex", "Hope")
	add("staff", "Will")
	add("staff", "Page Editor", g)
	add("staff", "\u0410\u043d\u043d\u0430 %s", g)
	add("staff", "Boss %s", "sysop")
}

// page makes a page with a word of its own in title and text.
func (h *harsh) page(ns, form string) *Page {
	h.n++
	word := h.c.word()
	if h.n%3 == 1 {
		word += fmt.Sprint(h.n + 10)
	}
	var name string
	var tokens []Token
	if strings.Contains(form, "%s") {
		name = strings.Replace(form, "%s", title(word), 1)
		tokens = []Token{{word, TokenTitle, form}}
	} else {
		name = form
	}
	if ns != "" {
		name = ns + ":" + name
	}
	if h.byT[name] != nil {
		panic("mwtest: title made twice: " + name)
	}
	return h.addPage(ns, name, tokens...)
}

func (h *harsh) who(firm string) string {
	all := h.Firm(firm)
	return all[h.r.IntN(len(all))].Name
}

func (h *harsh) say(p *Page, text string) {
	h.edit(p, h.someone(), text, "written")
}

// pages makes the hidden pages, with their final text.
func (h *harsh) pages() {
	spaces := []string{h.Namespaces[4].Name, h.Namespaces[5].Name, "ACME", "ACME Portal Internal", h.Namespaces[8].Name, HarshAcme}
	for i, f := range awkward {
		ns := spaces[i%5]
		if i%7 == 6 {
			ns, f = HarshAcme, "Internal "+f
		}
		p := h.page(ns, f)
		h.hidden = append(h.hidden, p)
		h.say(p, "Nobody's business: "+h.textToken(p)+" [[User:"+h.who("staff")+"]]")
	}
	for _, x := range [][2]string{
		{"ACME", "Salary"},
		{"ACME", "Plan"},
		{h.Namespaces[4].Name, "Home"},
		{"ACME Portal Internal", "Minutes/2026"},
		{HarshAcme, "Vault"},
		{HarshAcme, "Vault/%s"},
		{HarshAcme, "Vault/%s/deep"},
		{HarshAcme, "Plan %s (secret)"},
		{HarshAcme, "%s by label"},
		{HarshAcme, "Internal Plan"},
	} {
		p := h.page(x[0], x[1])
		if !strings.Contains(x[1], "%s") && x[0] != HarshAcme {
			p.Tokens = append(p.Tokens, Token{strings.ToLower(p.Title), TokenTitle, p.Title}, Token{strings.ToLower(strings.ReplaceAll(p.Title, " ", "_")), TokenTitle, p.Title})
		}
		text := "Nobody's business: " + h.textToken(p)
		if strings.HasSuffix(x[1], "by label") {
			p.Member = []string{"Category:Not for partners"}
			text += "\n[[Category:Not for partners]]"
		}
		h.hidden = append(h.hidden, p)
		h.say(p, text)
		tk := h.talk(p)
		h.say(tk, "== About "+h.textToken(tk)+" ==\nHm. --[[User:"+h.who("staff")+"]] 12:00, 1 May 2026 (UTC)")
	}
}

// texts makes the visible pages. Each says something awkward about a hidden one
// between two words that must be there.
func (h *harsh) texts() {
	tpl := h.page("Template", "%s note")
	h.say(tpl, "''See [[{{{1}}}|{{{2|{{{1}}}}}}]] ("+h.textToken(tpl)+")''")
	file := h.file("Plan %s (1).png")
	secret := h.file("Secret %s.png")
	both := h.file("Both \u00fc %s.png")
	h.file("Unused %s.png")
	h.say(h.hidden[0], "[["+secret.Title+"|thumb]] [["+both.Title+"]] {{"+local(tpl.Title)+"|"+h.hidden[1].Title+"}} "+h.textToken(h.hidden[0]))
	cat := h.page("Category", "%s mixed")
	h.say(cat, "Of all sorts, "+h.textToken(cat))
	hcat := h.page("Category", "%s only hidden")
	h.say(hcat, "Of hidden sorts, "+h.textToken(hcat)+" [[Category:"+local(cat.Title)+"]]")
	h.say(h.hidden[3], "In both. "+h.textToken(h.hidden[3])+" [["+cat.Title+"]] [["+hcat.Title+"]]")

	var first *Page
	for i, form := range constructs {
		ns := []string{HarshAcme, HarshAcme, HarshGlobex, HarshBook, "", HarshNews}[i%6]
		f := awkward[(i*5+3)%len(awkward)]
		p := h.page(ns, f)
		q := h.hidden[(i*3+1)%len(h.hidden)]
		for !strings.Contains(q.Title, ":") || len(q.Tokens) == 0 || q.Tokens[0].Kind != TokenTitle || strings.Contains(q.Title, "|") || strings.Contains(q.Tokens[0].Word, ":") {
			q = h.hidden[(i*3+2+h.r.IntN(20))%len(h.hidden)]
		}
		r := strings.NewReplacer("@H@", q.Title, "@L@", local(q.Title), "@T@", title(q.Tokens[0].Word), "@NS@", q.Space, "@U@", h.who("staff"), "@TPL@", local(tpl.Title),
			"@F@", file.Title, "@FB@", both.Title, "@FN@", local(file.Title), "@C@", cat.Title, "@CN@", local(cat.Title), "@_@", strings.ReplaceAll(q.Title, " ", "_"))
		before := h.textToken(p)
		text := "Opening " + before + ".\n\n" + r.Replace(form) + "\n\nClosing " + h.textToken(p) + ".\n"
		if strings.Contains(form, "@TPL@") {
			p.Uses = append(p.Uses, tpl.Title)
		}
		// What is said of another page's versions counts as including it.
		if strings.Contains(form, "{{:@H@") || strings.Contains(form, "{{REVISIONID:@H@") || strings.Contains(form, "{{@H@") {
			p.Uses = append(p.Uses, q.Title)
		}
		if strings.Contains(form, "@F@") || strings.Contains(form, "@FN@") {
			p.Uses = append(p.Uses, file.Title)
		}
		if strings.Contains(form, "@FB@") {
			p.Uses = append(p.Uses, both.Title)
		}
		if i%4 == 0 {
			p.Member = append(p.Member, cat.Title)
			text += "[[" + cat.Title + "]]\n"
		}
		h.edit(p, h.someone(), text, "/* "+q.Title+" */ about [["+q.Title+"]] and [[User:"+h.who("staff")+"|him]], "+r.Replace("[[@H@|@L@]]")+":")
		p.Tokens = p.Tokens[:len(p.Tokens):len(p.Tokens)]
		if first == nil {
			first = p
		}
		if i%5 == 0 {
			tk := h.talk(p)
			h.say(tk, "== "+h.textToken(tk)+" ==\nWhat of [["+q.Title+"]]? --[[User:"+h.who("staff")+"]] ([[User talk:"+h.who("staff")+"|talk]]) 12:00, 1 May 2026 (UTC)\n:Nothing. --[[User:"+h.who("acme")+"]]")
		}
	}
	// Subpages of visible and of hidden parents, and titles that begin others.
	sub := h.addPage(HarshAcme, first.Title+"/Sub", Token{})
	sub.Tokens = nil
	h.say(sub, "Below, "+h.textToken(sub)+" [[../]] [[/deeper]]")
	for _, q := range []*Page{first, sub} {
		x := h.addPage(HarshAcme, q.Title+" and more")
		h.say(x, "Begins alike, "+h.textToken(x))
	}
	for _, n := range []string{"Salary", "Plan", "Home", "lower case first"} {
		x := h.addPage(HarshAcme, HarshAcme+":"+strings.ToUpper(n[:1])+n[1:])
		h.say(x, "An ordinary word, "+h.textToken(x)+" [["+HarshAcme+":"+n+"]] [[acme portal:"+n+"]]")
	}
	for _, n := range []string{"ISO 9001: figures", "Note:well", "AC/DC", "C++ style", "Was ist los?"} {
		x := h.addPage("", n)
		h.say(x, "In the main namespace, "+h.textToken(x)+" [[ACME:Salary]] and [[ACME:salary|"+"pay]]")
	}
}

func (h *harsh) file(form string) *Page {
	p := h.page("File", form)
	s, b := h.c.word(), h.c.word()
	p.Tokens = append(p.Tokens, Token{s, TokenSummary, p.Title}, Token{b, TokenBytes, p.Title})
	who := h.who("staff")
	p.Authors = []string{who}
	h.files[p.Title] = picture(h.n, b)
	h.acts = append(h.acts, act{Act: "upload", User: who, Title: p.Title, Summary: "drawn " + s, Text: "A drawing, " + h.textToken(p), Path: p.Title})
	return p
}

// constructs are pieces of wikitext. @H@ is a hidden page, @L@ its title
// without the namespace @NS@, @T@ the word in it, @U@ a hidden user, @F@ a
// visible file, @FB@ one that hidden pages use as well, @C@ a category of both.
var constructs = []string{
	"[[@H@]]",
	"[[@H@|the @T@ page]], [[:@H@#Part of @T@|a part]], [[@_@|@L@]]",
	"[[@H@/below]] [[Talk:@L@]] [[@NS@:Not yet @T@]] [[@NS@ talk:@L@]] [[@NS@:]]",
	"__TOC__\n== About @L@ ==\nx\n=== [[@H@]] ===\ny\n== Another ==\nz\n== [[User:@U@|@U@]] ==\n",
	"<nowiki>[[@H@]]</nowiki> and <code>@H@</code> and <pre>\n[[@H@|@L@]]\n</pre>\n [[@H@]] in a line with a space\n",
	"<!-- @H@ @T@ --> {{#ifexist:@H@|yes|no}} {{#if:1|[[@H@]]|}} {{#switch:a|a=[[@H@|@T@]]}}",
	"{{FULLPAGENAME}} {{PAGENAMEE}} {{FULLPAGENAMEE:@H@}} {{TALKPAGENAME:@H@}} {{ns:3010}} {{SUBJECTSPACE:@H@}}",
	"A claim.<ref>See [[@H@]].</ref> Another.<ref name=\"@L@\">As @L@ has it.</ref>\n<references/>",
	"<gallery>\n@FN@|A caption with [[@H@|@L@]]\n</gallery>\n[[@F@|thumb|100px|[[@H@|@T@]] as seen|alt=@L@|link=@H@]]",
	"[[@FB@|frame|x]] [[File:Wanted one.png]] [[:File:Wanted one.png]] [[Media:Wanted one.png]]",
	"[{{fullurl:@H@}} the page] [{{canonicalurl:@H@|action=edit}} edit @L@] {{localurl:@H@}} {{fullurl:@H@|action=history}} {{urlencode:@H@}}",
	"{{@TPL@|@H@}} {{@TPL@|@H@|@L@}}",
	"{| class=\"wikitable\" title=\"@L@\"\n! [[@H@]] !! @L@\n|-\n| id=\"@L@\" | @L@ || [[@H@|<b>@T@</b> '''x''']]\n|}\n<span title=\"@L@\" id=\"@L@\" class=\"@L@\">hm</span> <div lang=en style=\"color:red\" data-x=\"@L@\">d</div>",
	"[[User:@U@]] [[User talk:@U@|talk to him]] [[Special:Contributions/@U@]] [[Special:Contributions/@U@|@U@]] [[Special:EmailUser/@U@]] {{GENDER:@U@|he|she}}",
	"{{Special:PrefixIndex/@NS@:}}",
	"{{Special:RecentChanges/50}}",
	"{{Special:AllPages/@NS@:}} {{Special:NewPages/50}}",
	"{{PAGESINCATEGORY:@CN@}} {{NUMBEROFPAGES}} {{NUMBEROFUSERS}} [[:@C@]] {{REVISIONUSER}} {{REVISIONID:@H@}} {{PROTECTIONLEVEL:edit|@H@}}",
	"<categorytree mode=\"pages\" depth=2>@CN@</categorytree>",
	"{{:@H@}}",
	"{{@NS@:Not made @T@}} [[@NS@:Not made @T@]]",
	"[[wikipedia:@L@]] [[Special:Search/@L@]] [[Special:WhatLinksHere/@H@]] [[Special:PermanentLink/1]] [[Special:Diff/1]] [[Special:MovePage/@H@]]",
	"* [[@H@]]\n* [[User:@U@|@U@]] did ''[[@H@|@T@]]''\n*# x '''[[@H@|'''bold''' @T@]]'''\n; [[@H@]] : @L@\n: [[@H@]]\n",
	"{{DISPLAYTITLE:{{FULLPAGENAME}}}} {{DEFAULTSORT:@L@}} plain mention of @L@ in words, @H@ in full",
	"<poem>\n[[@H@]]\n@L@\n</poem>\n<imagemap>\n@F@|200px|alt\nrect 0 0 50 50 [[@H@|@L@]]\ncircle 10 10 5 [[User:@U@]]\n</imagemap>",
	"<span class=\"plainlinks\">[{{SERVER}}/wiki/@_@ x] [{{SERVER}}/w/index.php?title=@_@&action=history y] {{SERVER}}/wiki/@_@ and http://127.0.0.1/wiki/@_@</span> [[#@L@]] [[@H@{{!}}@T@]]",
	"{{anchorencode:@L@}} {{#titleparts:@H@|1|-1}} {{lc:@L@}} {{uc:@L@}} {{ucfirst:@L@}} ",
	"<math>x</math> <syntaxhighlight lang=text>[[@H@]]</syntaxhighlight> <templatestyles src=\"@H@\"/> <hiero>x</hiero>",
	"#[[@H@]]\n#:[[@H@|@T@ &amp; co]]\n[[@H@|&#9731; @L@]] [[@H@|<nowiki>@L@</nowiki>]]",
	"See [[@H@|a label over\ntwo lines, of @T@ and twinned words]] and [[@H@|a label that is much longer than what a list of search results shows around one of its words, such as trellised, or else " +
		"in the very middle of it, still long before the brackets close, the secret of @T@ itself, with some more padding behind it so that nothing shows of the end]].",
	"{{#tag:ref|tagged [[@H@]] @L@|group=n}} <references group=n />",
}

// shared makes categories' and templates' other sides.
func (h *harsh) shared() {
	lab := h.addPage("Category", "Category:Not for partners")
	h.say(lab, "Kept inside: "+h.textToken(lab))
	t := h.page("Template", "%s inside")
	h.say(t, "For hidden pages only: "+h.textToken(t))
	h.say(h.hidden[5], "{{"+local(t.Title)+"}} "+h.textToken(h.hidden[5]))
	for _, p := range []Person{h.Firm("acme")[1], h.Firm("staff")[1], h.Firm("globex")[2], h.Firm("staff")[8]} {
		u := h.addPage("User", "User:"+p.Name)
		h.edit(u, p.Name, "I am me: "+h.textToken(u)+" [["+h.hidden[2].Title+"]]", "me")
		k := h.addPage("User talk", "User talk:"+p.Name)
		h.say(k, "Hello "+h.textToken(k)+" [["+h.hidden[4].Title+"]]")
	}
}

// history makes what only old versions and logs know.
func (h *harsh) history() {
	q, boss := h.hidden, h.People[len(h.People)-1].Name
	late := func(a act) { h.log = append(h.log, a) }
	// An old version that showed a hidden page, and none does now.
	p := h.page(HarshAcme, "%s once")
	h.say(p, "Once it said {{:"+q[1].Title+"}}")
	h.say(p, "Now it says "+h.textToken(p)+".")
	p = h.page(HarshBook, "%s went by")
	h.edit(p, h.who("staff"), "It said [["+q[2].Title+"|"+local(q[2].Title)+"]] and "+local(q[2].Title), "Created page with \"[["+q[2].Title+"]]\"")
	h.edit(p, h.who("acme"), "It says "+h.textToken(p), "Undid revision 12 by [[Special:Contributions/"+h.who("staff")+"|him]] ([[User talk:"+h.who("staff")+"|talk]])")
	h.edit(p, h.who("staff"), "Nonsense", "nonsense")
	late(act{Act: "rollback", User: boss, Title: p.Title, To: h.log2(p)})

	redirect := func(ns, form string, to *Page) *Page {
		r := h.page(ns, form)
		r.Redirect = to.Title
		h.edit(r, h.someone(), "#REDIRECT [["+to.Title+"]]", "shortcut to [["+to.Title+"]]")
		return r
	}
	vis := h.inSpace(HarshAcme)
	h1 := redirect("ACME", "%s into sight", vis[1])
	redirect(HarshAcme, "%s out of sight", q[0])
	redirect(HarshAcme, "%s twice", h1)
	redirect(HarshAcme, "%s short cut", vis[1])
	redirect(HarshBook, "%s to a person", &Page{Title: "User:" + h.Firm("staff")[1].Name})
	redirect("", "%s to acme", vis[2])

	for i, x := range [][2]string{{"ACME", HarshAcme}, {HarshAcme, "ACME"}, {HarshAcme, HarshAcme}, {h.Namespaces[5].Name, HarshBook}} {
		p := h.page(x[0], "%s was here")
		old := p.Title
		h.say(p, "Moved about, "+h.textToken(p))
		word := h.c.word()
		now := x[1] + ":" + title(word) + " is here"
		r := h.reason([]string{old, now}, "move")
		first := p.Tokens[0]
		p.Title, p.Space, p.Tokens = now, x[1], append([]Token{{word, TokenTitle, now}}, p.Tokens[1:]...)
		delete(h.byT, old)
		h.byT[now] = p
		back := h.addPage(x[0], old, first)
		back.Redirect, back.Deleted = now, i%2 == 1
		late(act{Act: "move", User: r.User, Title: old, To: now, Summary: r.Token.Word, Redirect: i%2 == 0})
	}
	for i, ns := range []string{HarshAcme, "ACME", HarshBook} {
		p := h.page(ns, "%s gone")
		h.say(p, "Deleted, "+h.textToken(p))
		r := h.reason([]string{p.Title}, "delete")
		late(act{Act: "delete", User: r.User, Title: p.Title, Summary: r.Token.Word})
		if i == 2 {
			late(act{Act: "undelete", User: r.User, Title: p.Title, Summary: r.Token.Word})
		} else {
			p.Deleted = true
		}
	}
	for _, p := range []*Page{vis[0], q[4]} {
		r := h.reason([]string{p.Title}, "protect")
		late(act{Act: "protect", User: r.User, Title: p.Title, Summary: r.Token.Word + " see [[" + q[6].Title + "]]"})
	}
	for _, who := range []Person{h.Firm("staff")[1], h.Firm("globex")[2]} {
		r := h.reason([]string{"User:" + who.Name}, "block")
		late(act{Act: "block", User: r.User, Title: "User:" + who.Name, Summary: r.Token.Word + " for [[" + q[7].Title + "]]"})
	}
}

func (h *harsh) log2(p *Page) string { return p.Authors[len(p.Authors)-1] }

func (h *harsh) inSpace(ns string) []*Page {
	var out []*Page
	for _, p := range h.content(ns) {
		if !h.RuledOut(p) {
			out = append(out, p)
		}
	}
	return out
}

func (h *harsh) chrome() {
	q := h.hidden
	mp := h.addPage("", "Main Page")
	text := "Welcome. " + h.textToken(mp) + "\n"
	for _, p := range h.Pages {
		if p.Space != "MediaWiki" && p != mp && !p.Deleted {
			mp.Links = append(mp.Links, p.Title)
			text += "* " + link(p.Title, "") + "\n"
		}
	}
	h.edit(mp, h.sysop(), text, "start")
	for _, m := range [][2]string{
		{"Sidebar", "* navigation\n** mainpage|mainpage-description\n** recentchanges-url|recentchanges\n** " + q[1].Title + "|" + local(q[1].Title) + "\n* " + local(q[2].Title) + " menu\n** " + q[2].Title + "|" + local(q[2].Title) + "\n* SEARCH\n* TOOLBOX\n"},
		{"Sitenotice", "Mind [[" + q[3].Title + "]] and [[" + q[3].Title + "|" + local(q[3].Title) + "]], by [[User:" + h.who("staff") + "]]."},
		{"Common.js", "/* for " + local(q[4].Title) + " */ var page = '" + strings.ReplaceAll(local(q[4].Title), "'", `\'`) + "';"},
		{"Common.css", "/* " + local(q[6].Title) + " */ .page-" + strings.ReplaceAll(q[6].Title, " ", "_") + " { color: red }"},
		{"Copyright", "Of [[" + q[5].Title + "]]"},
		{"Tagline", "From " + local(q[7].Title)},
		{"Disclaimerpage", q[8].Title},
		{"Recentchangestext", "See [[" + q[9].Title + "]]"},
		{"Searchmenu-new", "Look at [[" + q[9].Title + "|" + local(q[9].Title) + "]]"},
		{"Histlegend", "As [[" + q[10].Title + "]] says"},
		{"Noarticletext", "Nothing here but [[" + q[10].Title + "]]"},
		{"Revision-info", "Old, see [[" + q[10].Title + "]]"},
		{"Allpages-summary", "Not [[" + q[10].Title + "]]"},
		{"Pageinfo-footer", "Ask [[User:" + h.who("staff") + "]]"},
		{"Categorytree-x", "x"},
		{"Vector.js", "// nothing"},
		{"Anonnotice", "Strangers, see [[" + q[11].Title + "]]"},
		{"Pagetitle", "$1 - of " + local(q[12].Title)},
		{"Opensearch-desc", "Search " + local(q[12].Title)},
		{"Watchlist-summary", "x"},
		{"Contributions-summary", "Also [[" + q[13].Title + "]]"},
	} {
		p := h.addPage("MediaWiki", "MediaWiki:"+m[0])
		h.edit(p, h.sysop(), m[1], "set")
	}
}

package mwtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"sort"
	"strings"
)

// revise gives each ordinary page its real text: links within the space, to a
// shared one and to hidden ones, a category, a template, sometimes a picture.
func (w *World) revise() {
	for _, ns := range append([]string{""}, names(w.Namespaces)...) {
		pages := w.content(ns)
		for i, p := range pages {
			if p.Title == "Main Page" {
				continue
			}
			var b strings.Builder
			fmt.Fprintf(&b, "This page is about %s and the %s.\n\n", w.textToken(p), p.Shown[0])
			to := func(q *Page, label string) {
				p.Links = append(p.Links, q.Title)
				fmt.Fprintf(&b, "* See %s for more.\n", link(q.Title, label))
			}
			to(pages[(i+1)%len(pages)], "")
			to(pages[(i+4)%len(pages)], "the other page")
			a := w.content(w.Namespaces[i%2].Name)
			to(a[(i+3)%len(a)], "")
			h := w.content(w.hiddenNS(i))
			if i%3 != 0 {
				q := h[(i+2)%len(h)]
				to(q, "")
				to(q, strings.Fields(local(q.Title))[0]+" notes") // a label that names it
			}
			if i%4 == 2 {
				// A page that was never made, in a hidden namespace.
				ghost := w.hiddenNS(i) + ":" + title(w.c.word()) + " draft"
				w.ghost(ghost)
				fmt.Fprintf(&b, "* To be written: %s.\n", link(ghost, ""))
			}
			if i%4 == 3 {
				// A person named in the text as people do on such wikis.
				fmt.Fprintf(&b, "* Ask [[User:%s]].\n", w.someone())
			}
			if i%6 == 5 {
				// Names in plain words, no link.
				fmt.Fprintf(&b, "* We spoke with %s about %s.\n", w.someone(), h[(i+3)%len(h)].Title)
			}
			fmt.Fprintf(&b, "\n== Section of %s ==\nMore words on the %s.<ref>A note by %s.</ref>\n", w.textToken(p), p.Shown[0], w.textToken(p))
			t := w.nth("Template", ns, i)
			p.Uses = append(p.Uses, t.Title)
			fmt.Fprintf(&b, "{{%s}}\n", strings.TrimPrefix(t.Title, "Template:"))
			if i%3 == 0 {
				f := w.nth("File", ns, i)
				p.Uses = append(p.Uses, f.Title)
				fmt.Fprintf(&b, "[[%s|thumb|120px|A caption]]\n", f.Title)
			}
			c := w.nth("Category", ns, i)
			p.Member = append(p.Member, c.Title)
			fmt.Fprintf(&b, "\n[[%s]]\n", c.Title)
			w.edit(p, w.someone(), b.String(), "written out")
			if i%2 == 0 {
				w.edit(p, w.someone(), b.String()+"\nA last line.\n", "/* Section */ amended")
			}
		}
	}
}

func local(t string) string {
	if _, l, ok := strings.Cut(t, ":"); ok {
		return l
	}
	return t
}

// ghost notes a title that no page has; its token is of that space.
func (w *World) ghost(t string) {
	word := strings.ToLower(strings.Fields(local(t))[0])
	p := w.addPage(t[:strings.Index(t, ":")], t, Token{word, TokenTitle, t})
	p.Deleted = true
}

// special makes the cases: redirects both ways, transclusion of hidden pages,
// moves across spaces, deletions, protections, blocks, user pages.
func (w *World) special() {
	shared, hidden := w.Namespaces[0].Name, w.hiddenNS(0)
	before := len(w.Pages)
	sp, hp := w.content(shared), w.content(hidden)
	redirect := func(from string, to *Page) {
		p := w.newPage(from, " shortcut")
		p.Redirect = to.Title
		w.edit(p, w.someone(), "#REDIRECT [["+to.Title+"]]", "shortcut")
	}
	redirect(shared, sp[2])
	redirect(shared, hp[2])
	redirect(hidden, sp[3])
	redirect(hidden, hp[3])

	inc := w.newPage(shared, " collage")
	inc.Uses = []string{hp[1].Title}
	w.edit(inc, w.someone(), "What they say: "+w.textToken(inc)+" {{"+hp[1].Title+"}}", "collage")
	inc2 := w.newPage(shared, " second collage")
	inc2.Uses = []string{sp[1].Title}
	w.edit(inc2, w.someone(), "What we say: "+w.textToken(inc2)+" {{"+sp[1].Title+"}}", "collage")

	for i, from := range []string{shared, hidden, shared, hidden} {
		to := []string{shared, shared, hidden, hidden}[i]
		p := w.newPage(from, " moved")
		old := p.Title
		w.edit(p, w.someone(), "Moved later, "+w.textToken(p), "made")
		word := w.c.word()
		t := Token{word, TokenTitle, to}
		now := to + ":" + title(word) + " new place"
		r := w.reason([]string{old, now}, "move")
		// The world knows the page by its last name. The old one stays behind
		// as a redirect, of every other page.
		p.Title, p.Space = now, to
		t.Where = now
		first := p.Tokens[0]
		p.Tokens = append([]Token{t}, p.Tokens[1:]...)
		delete(w.byT, old)
		w.byT[now] = p
		back := w.addPage(from, old, first)
		back.Redirect, back.Deleted = now, i%2 == 1
		w.log = append(w.log, act{Act: "move", User: r.User, Title: old, To: now, Summary: r.Token.Word, Redirect: i%2 == 0})
	}
	for _, ns := range []string{shared, hidden, w.hiddenNS(1)} {
		p := w.newPage(ns, " gone")
		w.edit(p, w.someone(), "Deleted later, "+w.textToken(p), "made")
		p.Deleted = true
		r := w.reason([]string{p.Title}, "delete")
		w.log = append(w.log, act{Act: "delete", User: r.User, Title: p.Title, Summary: r.Token.Word})
	}
	for _, p := range []*Page{sp[4], hp[4]} {
		r := w.reason([]string{p.Title}, "protect")
		w.log = append(w.log, act{Act: "protect", User: r.User, Title: p.Title, Summary: r.Token.Word})
	}
	for _, f := range []string{"acme", "staff", "globex"} {
		who := w.Firm(f)[1]
		p := w.addPage("User", "User:"+who.Name)
		w.edit(p, who.Name, "I am "+who.Name+", "+w.textToken(p)+". My work: "+link(hp[5].Title, "")+" "+link(sp[5].Title, ""), "about me")
		tk := w.addPage("User talk", "User talk:"+who.Name)
		w.edit(tk, w.someone(), "Hello, "+w.textToken(tk)+" ~~~~", "hello")
	}
	for _, f := range []string{"staff", "globex"} {
		who := w.Firm(f)[2]
		r := w.reason([]string{"User:" + who.Name}, "block")
		w.log = append(w.log, act{Act: "block", User: r.User, Title: "User:" + who.Name, Summary: r.Token.Word})
	}
	hub := w.newPage(shared, " overview")
	text := "All of it, " + w.textToken(hub) + ":\n"
	for _, p := range w.Pages[before : len(w.Pages)-1] {
		hub.Links = append(hub.Links, p.Title)
		text += "* " + link(p.Title, "") + "\n"
	}
	w.edit(hub, w.someone(), text, "overview")
	// The sidebar stands on every page and links to hidden ones.
	bar := w.addPage("MediaWiki", "MediaWiki:Sidebar")
	w.edit(bar, w.sysop(), "* navigation\n** mainpage|mainpage-description\n** recentchanges-url|recentchanges\n** "+
		sp[0].Title+"|Partner home\n** "+hp[0].Title+"|"+local(hp[1].Title)+"\n* SEARCH\n* TOOLBOX\n", "menu")
}

func (w *World) reason(titles []string, typ string) LogEntry {
	e := LogEntry{Type: typ, Titles: titles, User: w.sysop(), Token: Token{w.c.word(), TokenReason, strings.Join(titles, " → ")}}
	w.Log = append(w.Log, e)
	return e
}

// shuffleClock spreads the acts over three days, in order.
func (w *World) shuffleClock(end int64) {
	step := (end - w.clock) / int64(len(w.acts)+1)
	if step < 1 {
		step = 1
	}
	for i := range w.acts {
		w.acts[i].At = w.clock + step*int64(i+1)
	}
}

// Sight says what one viewer is meant to see of a world.
type Sight struct {
	Space  func(name string) bool // by namespace name, "" for the main one
	Person func(name string) bool
	// Hides says which pages of visible spaces are hidden; nil: none.
	Hides func(*Page) bool
}

// Visible says whether a page is meant to be seen: its space is shared, it
// transcludes nothing hidden and redirects to nothing hidden. Templates and
// files follow usage, categories their members.
func (w *World) Visible(p *Page, s Sight) bool { return w.visible(p, s, 0) }

func (w *World) visible(p *Page, s Sight, depth int) bool {
	if p == nil || depth > 8 {
		return false
	}
	if s.Hides != nil && s.Hides(p) {
		return false
	}
	if p.Subject() == "User" {
		// As the person, and a grant for the space.
		name := strings.TrimPrefix(strings.TrimPrefix(p.Title, "User:"), "User talk:")
		return s.Space("User") && s.Person(name)
	}
	if !s.Space(p.Subject()) {
		switch p.Space {
		case "File", "Template":
			return w.usedBy(p, s, depth, func(q *Page) []string { return q.Uses })
		case "Category":
			return w.usedBy(p, s, depth, func(q *Page) []string { return q.Member })
		}
		return false
	}
	if p.Redirect != "" && !w.visible(w.byT[p.Redirect], s, depth+1) {
		return false
	}
	for _, u := range p.Uses {
		q := w.byT[u]
		if q != nil && (q.Space == "Template" || q.Space == "File") {
			continue // usage makes it visible
		}
		if !w.visible(q, s, depth+1) {
			return false
		}
	}
	return true
}

func (w *World) usedBy(p *Page, s Sight, depth int, of func(*Page) []string) bool {
	for _, q := range w.Pages {
		if q.Deleted {
			continue
		}
		for _, u := range of(q) {
			if u == p.Title && w.visible(q, s, depth+1) {
				return true
			}
		}
	}
	return false
}

// Secrets lists the tokens that a viewer must never meet, in any form.
func (w *World) Secrets(s Sight) []Token {
	var out []Token
	for _, n := range w.Namespaces {
		if n.Token != "" && !s.Space(n.Name) {
			out = append(out, Token{n.Token, TokenSpace, n.Name}, Token{strings.ToLower(n.Alias), TokenSpace, n.Name})
		}
	}
	for _, p := range w.People {
		if !s.Person(p.Name) {
			out = append(out, p.Tokens...)
		} else {
			out = append(out, p.Tokens[2]) // nobody's address
		}
	}
	for _, p := range w.Pages {
		if !w.Visible(p, s) {
			out = append(out, p.Tokens...)
		}
	}
	for _, e := range w.Log {
		// What was said of a move stands in the history of the page that it led
		// to, and goes with that one.
		hidden, about := false, e.Titles[len(e.Titles)-1:]
		for _, t := range about {
			if name, ok := strings.CutPrefix(t, "User:"); ok {
				hidden = hidden || !s.Person(name)
				continue
			}
			hidden = hidden || !w.Visible(w.byT[t], s)
		}
		if hidden {
			out = append(out, e.Token)
		}
	}
	out = append(out, w.Groups...)
	sort.Slice(out, func(i, j int) bool { return out[i].Word < out[j].Word })
	return out
}

// withText puts a text chunk behind a PNG's header.
func withText(b []byte, key, text string) []byte {
	const head = 8 + 25 // signature and IHDR
	data := append([]byte("tEXt"+key+"\x00"), text...)
	var c bytes.Buffer
	c.Write(b[:head])
	_ = binary.Write(&c, binary.BigEndian, uint32(len(data)-4))
	c.Write(data)
	_ = binary.Write(&c, binary.BigEndian, crc32.ChecksumIEEE(data))
	c.Write(b[head:])
	return c.Bytes()
}

package mwtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// TwinClock is the moment at which the clocks of twins stand still, and in
// which their last act lies a minute back: one for all of them, so that two
// wikis that are made one after another tell the same time.
const TwinClock = 1_780_000_000

// Spaces of twins that are meant to be shared.
const (
	TwinAcme = "ACME Portal"
	TwinBook = "Handbook"
)

// Twin is one of several worlds that differ in nothing but what is meant to be
// hidden: in names, texts and bytes of hidden pages, files, categories and
// spaces, in who wrote them, in what they link to, embed and belong to, in
// which hidden people there are and which of them wrote what in visible pages.
// All was made by as many acts, at the same moments, so that ids and times,
// which a wiki hands out in sequence, are the same.
//
// Hidden names that stand in the source of visible pages are of one length in
// all twins, as such pages show the size of their source.
type Twin struct {
	*World
	// Seen are the titles of visible pages, Unseen and UnseenPeople what is
	// hidden, Words the made-up words in its names, Private words that stand in
	// texts of hidden pages only.
	Seen, Unseen, UnseenPeople, Words, Private []string

	h      *coiner // of hidden words
	n      int
	hidden []*Page
	ours   []*Page
}

// NewTwin makes the twin of a side.
func NewTwin(side uint64) *Twin {
	t := &Twin{
		World: &World{c: newCoiner(0x7477696e), r: rand.New(rand.NewPCG(side, 9)), byT: map[string]*Page{}, files: map[string][]byte{}},
		h:     newCoiner(0x68696464 + side),
	}
	t.clock = TwinClock - 60 - 3*24*3600
	t.Namespaces = []Namespace{
		{ID: 3000, Name: TwinAcme, Alias: "ACMEP"},
		{ID: 3002, Name: TwinBook},
		{ID: 3004, Name: "Board " + title(t.secret()), Alias: title(t.secret())},
		{ID: 3006, Name: title(t.secret())},
	}
	t.accounts()
	mp := t.addPage("", "Main Page")
	t.by(mp, t.staff(), "Nobody's: "+title(t.secret()))
	for i := range 12 {
		t.unseen(i)
	}
	vault := t.addPage(TwinAcme, TwinAcme+":Vault")
	t.by(vault, t.anybody(), "Nobody's: "+t.h.word())
	t.things()
	t.visible()
	t.unseenTexts()
	t.history()
	t.acts = append(t.acts, t.log...)
	t.shuffleClock(TwinClock - 60)
	return t
}

// Rules are what a policy hides in TwinAcme.
func (t *Twin) Rules() (titles, labels, subtrees []string) {
	return []string{"Internal *"}, []string{"Not for partners"}, []string{"Vault"}
}

// secret makes a word of what is hidden.
func (t *Twin) secret() string {
	for {
		if w := t.h.word(); len(w) == 11 {
			t.Words = append(t.Words, w)
			return w
		}
	}
}

func (t *Twin) accounts() {
	for i := range 9 {
		p := Person{Firm: "acme", Name: title(t.c.word())}
		if i >= 3 {
			w := t.secret()
			p = Person{Firm: "staff", Name: title(w)}
			t.UnseenPeople = append(t.UnseenPeople, p.Name)
		}
		if i == 8 {
			p.Groups = []string{"sysop"}
		}
		p.RealName, p.Email = title(t.h.word())+" Person", t.h.word()+"@"+p.Firm+".example"
		t.People = append(t.People, p)
	}
}

// staff is somebody hidden, another one in each twin; firm is somebody visible,
// the same one.
func (t *Twin) staff() string { return t.UnseenPeople[t.r.IntN(len(t.UnseenPeople)-1)] }
func (t *Twin) firm() string  { t.n++; return t.People[t.n%3].Name }

// anybody may have written what is hidden.
func (t *Twin) anybody() string { return t.People[t.r.IntN(len(t.People)-1)].Name }

func (t *Twin) by(p *Page, user, text string) { t.say(p, user, text, "written") }

func (t *Twin) say(p *Page, user, text, summary string) {
	t.acts = append(t.acts, act{Act: "edit", User: user, Title: p.Title, Text: text, Summary: summary})
}

// unseen makes a page that is hidden by its space, or by a rule.
func (t *Twin) unseen(i int) {
	space, form := t.Namespaces[2+i%2].Name, "%s"
	switch i % 6 {
	case 1:
		form = "%s budget"
	case 2:
		space, form = TwinAcme, "Internal %s"
	case 3:
		space, form = TwinAcme, "%s by label"
	case 4:
		space, form = TwinAcme, "Vault/%s"
	}
	p := t.addPage(space, space+":"+fmt.Sprintf(form, title(t.secret())))
	t.hidden = append(t.hidden, p)
	t.Unseen = append(t.Unseen, p.Title)
	text := "Nobody's business: " + t.h.word()
	if i%6 == 3 {
		text += "\n[[Category:Not for partners]]"
	}
	t.by(p, t.anybody(), text)
}

// things makes templates, categories and files, visible and hidden ones. A
// hidden file has the bytes of a visible one, in the first twin.
func (t *Twin) things() {
	for _, kind := range []string{"Template", "Category"} {
		for _, hidden := range []bool{false, true} {
			word, who := t.c.word(), t.staff()
			if hidden {
				word = t.secret()
			}
			p := t.addPage(kind, kind+":"+title(word)+" thing")
			t.by(p, who, "Of "+kind+" {{{1|}}} [["+t.hidden[0].Title+"]]")
			t.note(p, hidden)
		}
	}
	for i := range 3 {
		word, bytes := t.c.word(), t.c.word()
		if i == 2 {
			word = t.secret()
			if t.r.IntN(2) == 0 {
				bytes = "as before"
			}
		}
		if i == 1 {
			bytes = "as before"
		}
		p := t.addPage("File", "File:"+title(word)+".png")
		t.files[p.Title] = picture(min(i, 1), bytes)
		t.acts = append(t.acts, act{Act: "upload", User: t.staff(), Title: p.Title, Summary: "drawn for [[" + t.hidden[1].Title + "]]", Text: "A drawing"})
		t.note(p, i == 2)
	}
}

func (t *Twin) note(p *Page, hidden bool) {
	if hidden {
		t.hidden, t.Unseen = append(t.hidden, p), append(t.Unseen, p.Title)
		return
	}
	t.ours, t.Seen = append(t.ours, p), append(t.Seen, p.Title)
}

// of gives what is visible, or hidden, of a kind.
func of(all []*Page, kind string) *Page {
	for _, p := range all {
		if p.Space == kind {
			return p
		}
	}
	return nil
}

// visible makes the visible pages, each with one of the awkward pieces of
// wikitext about something hidden.
func (t *Twin) visible() {
	tpl, cat, file := of(t.ours, "Template"), of(t.ours, "Category"), of(t.ours, "File")
	home := t.addPage(TwinAcme, TwinAcme+":Home")
	t.note(home, false)
	t.say(home, t.firm(), "Home of all.", "made")
	var index strings.Builder
	for i, form := range constructs {
		if strings.Contains(form, "PAGESINCATEGORY") || strings.Contains(form, "CategoryTree") {
			continue // a count in the text itself
		}
		space := []string{TwinAcme, TwinAcme, TwinBook}[i%3]
		p := t.addPage(space, space+":"+title(t.c.word())+[]string{"", " guide", "/Sub"}[i%3])
		q := t.hidden[i%12]
		if strings.Contains(form, "@NS@") {
			q = t.hidden[i%2] // by its space: any name in it is hidden
		}
		word := t.Words[i%12]
		for _, w := range t.Words {
			if strings.Contains(strings.ToLower(q.Title), w) {
				word = w // the last: the title's own, not its space's
			}
		}
		r := strings.NewReplacer("@H@", q.Title, "@L@", local(q.Title), "@T@", title(word), "@NS@", q.Space, "@U@", t.staff(), "@TPL@", local(tpl.Title),
			"@FB@", file.Title, "@FN@", local(file.Title), "@F@", file.Title, "@C@", cat.Title, "@CN@", local(cat.Title), "@_@", strings.ReplaceAll(q.Title, " ", "_"))
		text := "Opening.\n\n" + r.Replace(form) + "\n\nClosing " + t.c.word() + ".\n"
		if i%4 == 0 {
			text += "[[:" + t.ours[3].Title + "]] [[" + t.ours[3].Title + "]] [[" + cat.Title + "]] [[:" + of(t.hidden, "Category").Title + "]]\n"
		}
		who := t.firm()
		if i%2 == 1 {
			who = t.staff()
		}
		t.say(p, who, text, "/* "+local(q.Title)+" */ about [["+q.Title+"]] and [[User:"+t.staff()+"|him]]")
		t.note(p, false)
		fmt.Fprintf(&index, "* [[%s]] [[%s talk:%s]]\n", p.Title, space, local(p.Title))
		if i%5 == 0 {
			tk := t.talk(p)
			t.by(tk, t.staff(), "== What of it ==\n[["+q.Title+"]]? --[[User:"+t.staff()+"]] 12:00, 1 May 2026 (UTC)")
			t.note(tk, false)
		}
	}
	t.say(home, t.firm(), "Home of all.\n"+index.String(), "an index")
}

// unseenTexts gives the hidden pages what they say of visible things: more or
// less, of these or of those.
func (t *Twin) unseenTexts() {
	for i, p := range t.hidden[:12] {
		var b strings.Builder
		b.WriteString("Nobody's business.\n")
		for range t.r.IntN(6) {
			q := t.ours[t.r.IntN(len(t.ours))]
			form := []string{"[[%s]] ", "[[:%s]] ", "{{:%s}} ", "[[%s|" + t.h.word() + "]] "}[t.r.IntN(4)]
			if q.Space == "Template" {
				form = "{{%s}} "
			}
			fmt.Fprintf(&b, form, q.Title)
		}
		if i%6 == 3 {
			b.WriteString("[[Category:Not for partners]]")
		}
		if i%2 == 0 {
			b.WriteString("[[" + of(t.hidden, "Category").Title + "]]")
		}
		t.Private = append(t.Private, t.h.word())
		t.say(p, t.anybody(), b.String()+t.Private[i], "amended, "+t.h.word())
	}
}

// history makes what changes of visible and hidden things leave behind.
func (t *Twin) history() {
	many := t.addPage(TwinAcme, TwinAcme+":Often changed")
	t.note(many, false)
	t.say(many, t.firm(), "Beginning.", "begun")
	for i := range 4 {
		t.say(many, t.staff(), fmt.Sprintf("Version %d, [[%s]].", i, t.hidden[i].Title), "again, "+t.hidden[i].Title)
	}
	t.say(many, t.firm(), "At last.", "done")
	boss := t.UnseenPeople[len(t.UnseenPeople)-1]
	move := func(from, to *Page, leave bool) {
		t.log = append(t.log, act{Act: "move", User: boss, Title: from.Title, To: to.Title, Summary: "it went the way of [[" + t.hidden[3].Title + "]]", Redirect: leave})
	}
	for i := range 4 {
		from, to := t.changing(i&1 != 0), t.changing(i&2 != 0)
		t.by(from, t.staff(), fmt.Sprintf("It will go, version %d.", i))
		move(from, to, i%3 != 1)
	}
	for _, hidden := range []bool{false, true} {
		gone := t.changing(hidden)
		t.by(gone, t.staff(), "It will be gone.")
		t.log = append(t.log, act{Act: "delete", User: boss, Title: gone.Title, Summary: "as [[" + t.hidden[2].Title + "]] says"})
		short := t.changing(hidden)
		t.by(short, t.staff(), "#REDIRECT [["+t.ours[len(t.ours)-3].Title+"]]")
		astray := t.changing(hidden)
		t.by(astray, t.staff(), "#REDIRECT [["+t.hidden[0].Title+"]]")
	}
	for _, p := range []*Page{many, t.hidden[0]} {
		t.log = append(t.log, act{Act: "protect", User: boss, Title: p.Title, Summary: "because of [[" + t.hidden[1].Title + "]]"})
	}
	t.log = append(t.log, act{Act: "block", User: boss, Title: "User:" + t.UnseenPeople[1], Summary: "gone"})
	// One of the hidden people has a page of his own.
	who := t.staff()
	own := t.addPage("User", "User:"+who)
	t.by(own, who, "I am "+who)
	t.note(own, true)
	me := t.addPage("User", "User:"+t.People[0].Name)
	t.by(me, t.People[0].Name, "I am who looks. [["+own.Title+"]] [["+t.hidden[0].Title+"]]")
	t.note(me, false)
}

// changing makes a page that something will happen to.
func (t *Twin) changing(hidden bool) *Page {
	space, word := TwinAcme, t.c.word()
	if hidden {
		space, word = t.Namespaces[2].Name, t.secret()
	}
	p := t.addPage(space, space+":"+title(word))
	t.note(p, hidden)
	return p
}

package mwtest

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math/rand/v2"
	"strings"
)

// Namespace is one custom namespace; its talk namespace has the next id.
type Namespace struct {
	ID    int
	Name  string
	Alias string
	// Token is the made-up word in the name; empty in namespaces that are
	// meant to be shared.
	Token string
}

// Person is one account of the wiki.
type Person struct {
	Name, RealName, Email string
	Groups                []string
	// Firm is who he works for: "acme", "globex" or "staff".
	Firm   string
	Tokens []Token
}

// Page is one page of the world, as it is in the end.
type Page struct {
	Title string // with prefix
	Space string // the namespace's name, "" for the main one
	// Redirect is the title that it redirects to, or empty.
	Redirect string
	// Uses lists the titles that it transcludes or embeds; Member the
	// categories that it is in; Links what it links to.
	Uses, Member, Links []string
	// Deleted pages are not there any more.
	Deleted bool
	// Tokens are those of its title, of its current text and of its
	// revisions' summaries.
	Tokens []Token
	// Shown are words that a reader of the page must find in it.
	Shown []string
	// Authors of all its revisions.
	Authors []string
}

// LogEntry is a row of the wiki's logs.
type LogEntry struct {
	Type   string
	Titles []string
	User   string
	Token  Token
}

// World is what a wiki is filled with.
type World struct {
	Namespaces []Namespace
	People     []Person
	Pages      []*Page
	Log        []LogEntry
	// Groups are custom user groups, by name, each with its token.
	Groups []Token
	// Common are words in titles and texts of pages of all spaces, to search
	// for.
	Common []string

	acts      []act
	log       []act // acts that come last
	files     map[string][]byte
	byT       map[string]*Page
	richPages []*Page
	c         *coiner
	r         *rand.Rand
	clock     int64
}

// act is one line of the script that the maintenance program plays.
type act struct {
	Act      string `json:"act"`
	At       int64  `json:"at"`
	User     string `json:"user"`
	Title    string `json:"title"`
	To       string `json:"to,omitempty"`
	Text     string `json:"text,omitempty"`
	Summary  string `json:"summary"`
	Path     string `json:"path,omitempty"`
	Minor    bool   `json:"minor,omitempty"`
	Redirect bool   `json:"redirect,omitempty"`
}

// Page gives the page of a title, nil if the world has none.
func (w *World) Page(title string) *Page { return w.byT[title] }

// NewWorld makes the world of a seed: the same one for the same seed and
// moment. Its newest act lies a minute before now (in Unix seconds), so that
// recent changes show it.
func NewWorld(seed uint64, now int64) *World {
	c := newCoiner(seed)
	w := &World{
		c: c, r: rand.New(rand.NewPCG(seed, 2)), byT: map[string]*Page{}, files: map[string][]byte{},
		Common: []string{"roadmap", "interface", "delivery", "budget"},
	}
	shared := []string{"ACME Portal", "Handbook"}
	id := 3000
	for i, n := range shared {
		w.Namespaces = append(w.Namespaces, Namespace{ID: id, Name: n, Alias: []string{"ACMEP", ""}[i]})
		id += 2
	}
	for _, n := range []string{"People", "Board", "Globex", "Legal", "Lab", ""} {
		t := c.word()
		name := strings.TrimSpace(n + " " + title(t))
		w.Namespaces = append(w.Namespaces, Namespace{ID: id, Name: name, Alias: "A" + c.word(), Token: t})
		id += 2
	}
	w.people()
	w.clock = now - 60 - 3*24*3600
	w.chrome()
	w.shared()
	for _, ns := range append([]string{""}, names(w.Namespaces)...) {
		for i := range 15 {
			w.page(ns, i)
		}
	}
	w.revise()
	w.special()
	w.rich()
	w.acts = append(w.acts, w.log...)
	w.shuffleClock(now - 60)
	return w
}

func names(ns []Namespace) []string {
	var out []string
	for _, n := range ns {
		out = append(out, n.Name)
	}
	return out
}

func (w *World) people() {
	g := w.c.word()
	w.Groups = []Token{{Word: g, Kind: TokenGroup, Where: g}}
	for i := range 32 {
		p := Person{Firm: "staff"}
		switch {
		case i < 6:
			p.Firm = "acme"
		case i < 11:
			p.Firm = "globex"
		}
		n, rn, em := w.c.word(), w.c.word(), w.c.word()
		p.Name = title(n)
		if i%3 == 0 {
			p.Name += " of " + map[string]string{"acme": "Acme", "globex": "Globex", "staff": "Corp"}[p.Firm]
		}
		p.RealName = title(rn) + " Person"
		dom := map[string]string{"acme": "acme.example", "globex": "globex.example", "staff": "corp.example"}[p.Firm]
		p.Email = em + "@" + dom
		if i > 28 {
			p.Groups = []string{"sysop"}
		} else if i > 20 {
			p.Groups = []string{g}
		}
		p.Tokens = []Token{{n, TokenUser, p.Name}, {rn, TokenRealName, p.Name}, {em, TokenEmail, p.Name}}
		w.People = append(w.People, p)
	}
}

// Firm lists the people of a firm.
func (w *World) Firm(firm string) []Person {
	var out []Person
	for _, p := range w.People {
		if p.Firm == firm {
			out = append(out, p)
		}
	}
	return out
}

func (w *World) someone() string { return w.People[w.r.IntN(len(w.People))].Name }
func (w *World) sysop() string   { return w.People[len(w.People)-1].Name }

// title makes a title in a namespace, and the page.
func (w *World) newPage(ns, rest string) *Page {
	t := w.c.word()
	name := title(t) + rest
	if ns != "" {
		name = ns + ":" + name
	}
	return w.addPage(ns, name, Token{t, TokenTitle, name})
}

func (w *World) addPage(ns, name string, tokens ...Token) *Page {
	p := &Page{Title: name, Space: ns, Tokens: tokens}
	w.Pages = append(w.Pages, p)
	w.byT[name] = p
	return p
}

// edit adds a revision; text may hold "%T", which becomes a new token that the
// page's current text shows.
func (w *World) edit(p *Page, user, text, summary string) {
	s := w.c.word()
	p.Tokens = append(p.Tokens, Token{s, TokenSummary, p.Title})
	p.Authors = append(p.Authors, user)
	w.acts = append(w.acts, act{Act: "edit", User: user, Title: p.Title, Text: text, Summary: summary + " " + s})
}

func (w *World) textToken(p *Page) string {
	t := w.c.word()
	p.Tokens = append(p.Tokens, Token{t, TokenText, p.Title})
	p.Shown = append(p.Shown, t)
	return t
}

// chrome makes what stands on every page.
func (w *World) chrome() {
	mp := w.addPage("", "Main Page")
	w.edit(mp, w.sysop(), "Welcome to the wiki. "+title(w.textToken(mp)), "start")
}

// shared makes templates, categories and files: two of each for what is
// shared, the rest for what is not. Who uses them decides.
func (w *World) shared() {
	for _, ns := range []string{"Template", "Category"} {
		for range 6 {
			p := w.newPage(ns, " common")
			p.Uses = nil
			body := "Shared text " + w.textToken(p) + "."
			w.edit(p, w.someone(), body, "set up")
		}
	}
	for i := range 6 {
		t := w.c.word()
		name := "File:" + title(t) + " drawing.png"
		p := w.addPage("File", name, Token{t, TokenTitle, name})
		s, b := w.c.word(), w.c.word()
		p.Tokens = append(p.Tokens, Token{s, TokenSummary, name}, Token{b, TokenBytes, name})
		p.Authors = []string{w.someone()}
		w.files[name] = picture(i, b)
		w.acts = append(w.acts, act{
			Act: "upload", User: p.Authors[0], Title: name, Summary: "drawn " + s,
			Text: "A drawing, " + w.textToken(p), Path: name,
		})
	}
}

// picture makes a small PNG whose text chunk holds a token.
func picture(i int, token string) []byte {
	m := image.NewNRGBA(image.Rect(0, 0, 320, 200))
	for x := range 320 {
		for y := range 200 {
			m.Set(x, y, color.NRGBA{uint8(x), uint8(y), uint8(40 * i), 255})
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic("mwtest: encoding a picture: " + err.Error())
	}
	return withText(b.Bytes(), "Comment", token)
}

// nth gives the i-th shared thing of a namespace for pages of space ns: things
// 0 and 1 are used by shared spaces, the others by the others.
func (w *World) nth(kind, ns string, i int) *Page {
	var all []*Page
	for _, p := range w.Pages {
		if p.Space == kind {
			all = append(all, p)
		}
	}
	if ns == "ACME Portal" || ns == "Handbook" {
		return all[i%2]
	}
	if ns == "" {
		return all[2]
	}
	return all[3+i%(len(all)-3)]
}

// page makes the i-th page of a namespace.
func (w *World) page(ns string, i int) {
	rest := " " + w.Common[i%len(w.Common)]
	var p *Page
	switch {
	case i == 0 && ns != "":
		p = w.addPage(ns, ns+":Home")
	case i%5 == 4:
		parent := w.last(ns)
		t := w.c.word()
		name := parent.Title + "/" + title(t)
		p = w.addPage(ns, name, Token{t, TokenTitle, name})
	default:
		p = w.newPage(ns, rest)
	}
	p.Shown = append(p.Shown, w.Common[i%len(w.Common)])
	old := w.c.word() // in an old version only
	p.Tokens = append(p.Tokens, Token{old, TokenText, p.Title})
	w.edit(p, w.someone(), "First words "+old, "begun")
	if i%4 == 1 {
		talk := w.talk(p)
		w.edit(talk, w.someone(), "== Question "+w.textToken(talk)+" ==\nWhat of it? ~~~~", "asked")
	}
}

func (w *World) talk(p *Page) *Page {
	ns, local, ok := strings.Cut(p.Title, ":")
	name, space := "Talk:"+p.Title, "Talk"
	if ok && p.Space != "" {
		name, space = ns+" talk:"+local, ns+" talk"
	}
	return w.addPage(space, name)
}

func (w *World) last(ns string) *Page {
	for i := len(w.Pages) - 1; i >= 0; i-- {
		if w.Pages[i].Space == ns && !strings.Contains(w.Pages[i].Title, "/") {
			return w.Pages[i]
		}
	}
	return w.Pages[0]
}

// Subject gives the space that decides over a page: that of its subject page.
func (p *Page) Subject() string {
	if p.Space == "Talk" {
		return ""
	}
	return strings.TrimSuffix(p.Space, " talk")
}

func (w *World) content(ns string) []*Page {
	var out []*Page
	for _, p := range w.Pages {
		if p.Space == ns && p.Redirect == "" && !p.Deleted {
			out = append(out, p)
		}
	}
	return out
}

func (w *World) hiddenNS(i int) string {
	return w.Namespaces[2+i%(len(w.Namespaces)-2)].Name
}

func link(t, label string) string {
	if strings.HasPrefix(t, "Category:") || strings.HasPrefix(t, "File:") {
		t = ":" + t
	}
	if label == "" {
		return "[[" + t + "]]"
	}
	return fmt.Sprintf("[[%s|%s]]", t, label)
}

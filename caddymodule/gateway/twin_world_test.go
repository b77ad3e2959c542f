package gateway_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/wikitest"
	"github.com/postern-gateway/postern/rules"
)

// twinPolicy goes with every generated world: three spaces that firm a may
// read, one of another firm, and what is not named.
const twinPolicy = `
version: 1
wiki: confluence-dc
preset: recommended
internal: {groups: [staff], mode: unrestricted}
extranet: {users_see: shared-space, default_role: reader}
spaces:
  ALPHA:
    members: [{group: firm-a}, {user: staff0}, {user: a1, role: commenter}]
    hide: {labels: [internal-only], titles: ["Internal *"]}
  BOTH:
    members: [{group: firm-a}, {group: firm-b}]
    hide: {labels: [internal-only]}
  BETA: {members: [{group: firm-b}, {user: staff1}]}
  OPEN: {open_to: externals}
tripwire: {prose: redact}
`

// twinWorld is a world made by chance.
type twinWorld struct {
	*rand.Rand
	w *wikitest.World
	n int
}

func newTwinWorld(t *testing.T, seed uint64) *wikitest.World {
	t.Helper()
	g := &twinWorld{Rand: rand.New(rand.NewPCG(seed, 1)), w: &wikitest.World{
		Site: "Twin Wiki", Base: "http://wiki.corp.example", Tokens: map[string]string{wikitest.DemoReadToken: "reader", wikitest.DemoSyncToken: "syncer"},
	}}
	g.people()
	g.spaces()
	for i := range g.w.Spaces {
		g.pages(&g.w.Spaces[i])
	}
	g.write()
	if err := g.w.Prepare(); err != nil {
		t.Fatal(err)
	}
	return g.w
}

// word is one that stands nowhere else.
func (g *twinWorld) word() string {
	const c, v = "bdfgklmnprstvz", "aeiou"
	g.n++
	var b strings.Builder
	for range 3 {
		b.WriteByte(c[g.IntN(len(c))])
		b.WriteByte(v[g.IntN(len(v))])
	}
	for n := g.n; n > 0; n /= len(c) {
		b.WriteByte(c[n%len(c)])
		b.WriteByte('o')
	}
	return b.String() + "x"
}

func (g *twinWorld) name() string { w := g.word(); return strings.ToUpper(w[:1]) + w[1:] }

func oneOf[T any](g *rand.Rand, list ...T) T { return list[g.IntN(len(list))] }

func (g *twinWorld) people() {
	add := func(name string, groups ...string) {
		display := g.name() + " " + g.name()
		g.w.Users = append(g.w.Users, wikitest.User{
			Name: name, Display: display, Email: strings.ToLower(strings.ReplaceAll(display, " ", ".")) + "@" + oneOf(g.Rand, "corp", "mail") + ".example",
			Groups: append(groups, "users"), Picture: g.IntN(2) == 0, Attributes: map[string]string{"department": g.name()},
		})
	}
	for _, n := range []string{"reader", "syncer"} {
		g.w.Users = append(g.w.Users, wikitest.User{Name: n, Display: "Technical " + n, Groups: []string{"users"}, SeesAll: true})
	}
	for i := range 5 {
		add(fmt.Sprint("staff", i), "staff")
	}
	for i := range 3 {
		add(fmt.Sprint("a", i), "firm-a")
		add(fmt.Sprint("b", i), "firm-b")
	}
	for _, n := range []string{"staff", "firm-a", "firm-b", "users", "secret-" + g.word()} {
		g.w.Groups = append(g.w.Groups, wikitest.Group{Name: n})
	}
}

func (g *twinWorld) spaces() {
	add := func(key, name string) {
		g.w.Spaces = append(g.w.Spaces, wikitest.Space{Key: key, Name: name, Description: "About " + g.word(), Readers: []string{"group:users"}, Labels: []string{g.word()}})
	}
	add("ALPHA", "Alpha "+g.name())
	add("SX"+strings.ToUpper(g.word()[:4]), "Secret "+g.name())
	add("BOTH", "Both "+g.name())
	add("BETA", "Beta "+g.name())
	add("OPEN", "Open "+g.name())
	add("SY"+strings.ToUpper(g.word()[:4]), "Secret "+g.name())
	g.w.Spaces = append(g.w.Spaces, wikitest.Space{Key: "~staff2", Name: g.w.Users[4].Display, Type: "personal", Owner: "staff2", Readers: []string{"group:users"}})
}

func (g *twinWorld) author() string { return g.w.Users[2+g.IntN(len(g.w.Users)-2)].Name }

func (g *twinWorld) pages(s *wikitest.Space) {
	var titles []string
	for i := range 4 + g.IntN(5) {
		p := wikitest.Page{Space: s.Key, Title: g.name() + " plan", Author: g.author(), Labels: []string{"plan", g.word()}}
		switch {
		case i == 0:
			p.Title = s.Name + " home"
		case g.IntN(5) == 0:
			p.Type, p.Date = "blogpost", fmt.Sprintf("2026/0%d/1%d", 1+g.IntN(9), g.IntN(10))
		default:
			p.Parent = oneOf(g.Rand, titles...)
		}
		if i > 0 {
			switch g.IntN(9) {
			case 0:
				p.Labels = append(p.Labels, "internal-only")
			case 1:
				p.Title = "Internal " + g.name()
			case 2:
				p.Restricted = []string{"staff0", "group:staff"}
			case 3:
				p.Title += ": what? & why/how"
			}
		}
		if p.Type == "" {
			titles = append(titles, p.Title)
		}
		g.w.Pages = append(g.w.Pages, p)
	}
}

// write gives the pages what hangs on them, once all are there to be named.
func (g *twinWorld) write() {
	for i := range g.w.Pages {
		p := &g.w.Pages[i]
		for range g.IntN(3) {
			p.Attachments = append(p.Attachments, wikitest.Attachment{Name: g.word() + oneOf(g.Rand, ".png", ".csv"), By: g.author(), Comment: g.word()})
		}
		p.Body = g.body(p)
		for range g.IntN(3) {
			p.Versions = append(p.Versions, wikitest.Version{By: g.author(), Message: g.word(), Body: g.body(p)})
		}
		for j := range g.IntN(4) {
			c := wikitest.Comment{By: g.author(), Body: g.body(p), ReplyTo: g.IntN(j + 1), Likes: g.likers()}
			if g.IntN(4) == 0 {
				c.Selection, c.ReplyTo = "plan", 0
			}
			p.Comments = append(p.Comments, c)
		}
		p.Likes = g.likers()
	}
}

func (g *twinWorld) likers() []string {
	var out []string
	for range g.IntN(4) {
		if a := g.author(); !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

// body is a text with marks of all kinds. A text that a search would show an
// extract of begins with words of its own.
func (g *twinWorld) body(p *wikitest.Page) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<p>A plan about %s.</p>", g.word())
	for range 1 + g.IntN(4) {
		q := &g.w.Pages[g.IntN(len(g.w.Pages))]
		ref := q.Space + ":" + q.Title
		if strings.ContainsAny(ref, "{}|") {
			continue
		}
		var s string
		switch g.IntN(12) {
		case 0, 1:
			s = "{{page:" + ref + "}}"
		case 2:
			s = "{{page:" + ref + "|see " + g.word() + "}}"
		case 3:
			s = "{{" + oneOf(g.Rand, "tiny", "abs", "id") + ":" + ref + "}}"
		case 4, 5:
			s = "{{user:" + g.author() + "}}"
		case 6:
			s = "{{" + oneOf(g.Rand, "mail", "avatar", "profile") + ":" + g.author() + "}}"
		case 7:
			s = oneOf(g.Rand, "{{children}}", "{{contributors}}") // a list of the ten newest is not filled up, see the README
		case 8:
			s = "{{include:" + ref + "}}"
		case 9:
			s = "{{info|" + g.word() + "}}"
		default:
			if len(q.Attachments) > 0 && q.Type == "" { // blog posts are not found by their titles
				s = "{{" + oneOf(g.Rand, "image", "file") + ":" + ref + "!" + q.Attachments[0].Name + "}}"
			}
		}
		fmt.Fprintf(&b, oneOf(g.Rand, "<p>%s</p>", "<ul><li>%s</li><li>other</li></ul>", "<table><tbody><tr><td>%s</td></tr></tbody></table>"), s)
	}
	return b.String()
}

// sight says what somebody sees of a world: the rules decide, not this test.
type sight struct {
	space, user map[string]bool
	page        map[int64]bool
}

func twinPerson(as string) rules.Viewer {
	return rules.Viewer{Provider: "idp", Subject: as, WikiUser: as, Email: as + "@firm.example", EmailVerified: true, Groups: []string{map[byte]string{'a': "firm-a", 'b': "firm-b"}[as[0]]}}
}

func sightOf(t *testing.T, p *rules.Profile, d rules.Directory, as string) sight {
	t.Helper()
	policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(twinPolicy)}, p)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := directory.NewGeneration(d, directory.OptionsFor(p))
	if err != nil {
		t.Fatal(err)
	}
	v, err := rules.NewView(policy, facts, twinPerson(as), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s := sight{map[string]bool{}, map[string]bool{}, map[int64]bool{}}
	for i, r := range facts.Users() {
		s.user[r.Username] = v.User(rules.ID(i), rules.Context{Space: rules.NoID}).Verdict == rules.Visible
	}
	for i, r := range facts.Spaces() {
		s.space[r.Key] = v.Space(rules.ID(i)).Verdict == rules.Visible
	}
	for i, r := range facts.Contents() {
		var id int64
		fmt.Sscan(r.ID, &id) //nolint:errcheck // the stand-in has numbers
		s.page[id] = v.Content(rules.ID(i)).Verdict == rules.Visible
	}
	return s
}

var twinMark = regexp.MustCompile(`\{\{([a-z-]+):([^{}|]*)((?:\|[^{}]*)?)\}\}`)

// scrambled is the world with everything that somebody does not see changed by
// chance: named otherwise, written anew, more of it and less of it. Or, if bare,
// without any of it, save what is named in what he sees.
func scrambled(t *testing.T, w *wikitest.World, s sight, seed uint64, bare bool) *wikitest.World {
	t.Helper()
	g := &twinWorld{Rand: rand.New(rand.NewPCG(seed, 2)), n: 10000}
	c := *w
	g.w = &c
	c.Users, c.Spaces = slices.Clone(w.Users), slices.Clone(w.Spaces)
	names, keys, titles, files := map[string]string{}, map[string]string{}, map[string]string{}, map[string]string{}
	for i := range c.Users {
		u := &c.Users[i]
		if s.user[u.Name] || u.SeesAll {
			continue
		}
		names[u.Name] = "h" + g.word()
		u.Name, u.Key, u.Display, u.Picture = names[u.Name], "", g.name()+" "+g.name(), g.IntN(2) == 0
		u.Email = g.word() + "@corp.example"
		u.AvatarID += 700
		u.Attributes = map[string]string{"department": g.name()}
	}
	name := func(n string) string {
		if m, ok := names[n]; ok {
			return m
		}
		return n
	}
	for i := range c.Spaces {
		sp := &c.Spaces[i]
		if sp.Owner = name(sp.Owner); s.space[sp.Key] {
			continue
		}
		key := "Z" + strings.ToUpper(g.word())
		if sp.Owner != "" {
			key = "~" + sp.Owner
		}
		keys[sp.Key] = key
		sp.Key, sp.Name, sp.Description, sp.Labels = key, g.name(), g.word(), nil
	}
	for i := range w.Pages {
		if p := &w.Pages[i]; !s.page[p.ID] {
			titles[p.Space+":"+p.Title] = g.name() + " other"
			if strings.HasPrefix(p.Title, "Internal ") {
				titles[p.Space+":"+p.Title] = "Internal " + g.name()
			}
			for _, a := range p.Attachments {
				files[a.Name] = g.word() + a.Name[len(a.Name)-4:]
			}
		}
	}
	ref := func(at string) string {
		space, title, _ := strings.Cut(at, ":")
		file := ""
		if i := strings.LastIndexByte(title, '!'); i > 0 {
			title, file = title[:i], title[i:]
			if n, ok := files[file[1:]]; ok {
				file = "!" + n
			}
		}
		if n, ok := titles[space+":"+title]; ok {
			title = n
		}
		if k, ok := keys[space]; ok {
			space = k
		}
		return space + ":" + title + file
	}
	body := func(b string) string {
		return twinMark.ReplaceAllStringFunc(b, func(m string) string {
			x := twinMark.FindStringSubmatch(m)
			switch x[1] {
			case "user", "mail", "avatar", "profile":
				return "{{" + x[1] + ":" + name(x[2]) + x[3] + "}}"
			}
			return "{{" + x[1] + ":" + ref(x[2]) + x[3] + "}}"
		})
	}
	hiddenNames := slices.Sorted(maps.Values(names))
	likes := func(in []string) []string {
		var out []string
		for _, n := range in {
			if _, hidden := names[n]; !hidden {
				out = append(out, n)
			}
		}
		for _, n := range hiddenNames {
			if !bare && g.IntN(3) == 0 {
				out = append(out, n)
			}
		}
		return out
	}
	c.Pages = nil
	for _, p := range w.Pages {
		seen := s.page[p.ID]
		if !seen && (bare || g.IntN(4) == 0) && !named(w, &p) {
			continue // less of it
		}
		p.Parent = strings.TrimPrefix(ref(p.Space+":"+p.Parent), strings.TrimSuffix(ref(p.Space+":x"), "x"))
		p.Title = strings.TrimPrefix(ref(p.Space+":"+p.Title), strings.TrimSuffix(ref(p.Space+":x"), "x"))
		if k, ok := keys[p.Space]; ok {
			p.Space = k
		}
		p.Author, p.Likes = name(p.Author), likes(p.Likes)
		p.Body = body(p.Body)
		p.Versions = slices.Clone(p.Versions)
		for j := range p.Versions {
			v := &p.Versions[j]
			v.By, v.Body = name(v.By), body(v.Body)
			if !seen {
				v.Body, v.Message = "<p>A plan about "+g.word()+"</p>", g.word()
			}
		}
		p.Comments = slices.Clone(p.Comments)
		for j := range p.Comments {
			m := &p.Comments[j]
			m.By, m.Body, m.Likes = name(m.By), body(m.Body), likes(m.Likes)
		}
		p.Attachments = slices.Clone(p.Attachments)
		for j := range p.Attachments {
			p.Attachments[j].By = name(p.Attachments[j].By)
			if !seen {
				p.Attachments[j].Name, p.Attachments[j].Comment = files[p.Attachments[j].Name], g.word()
			}
		}
		c.Pages = append(c.Pages, p)
	}
	start := time.Date(2026, 3, 2, 9, 10, 0, 0, time.UTC)
	for i := range c.Spaces { // more of it
		for range g.IntN(4) {
			if bare {
				break
			}
			c.Pages = append(c.Pages, wikitest.Page{
				Space: c.Spaces[i].Key, Title: "Internal " + g.name() + " plan", Author: g.author(), Labels: []string{"plan", "internal-only"}, Created: start.Add(time.Duration(g.IntN(9000)) * time.Minute),
				Body: "<p>A plan about " + g.word() + "</p>", Parent: c.Spaces[i].Home, Restricted: []string{"group:staff"},
			})
		}
	}
	for i := range c.Spaces {
		if _, ok := keys[w.Spaces[i].Key]; ok {
			c.Spaces[i].Home = ""
		}
	}
	if err := c.Prepare(); err != nil {
		t.Fatal(err)
	}
	return &c
}

// named says that something is below a page, or names it.
func named(w *wikitest.World, p *wikitest.Page) bool {
	ref := ":" + p.Space + ":" + p.Title
	return slices.ContainsFunc(w.Pages, func(q wikitest.Page) bool {
		return q.Space == p.Space && q.Parent == p.Title || strings.Contains(q.Body, ref) ||
			slices.ContainsFunc(q.Versions, func(v wikitest.Version) bool { return strings.Contains(v.Body, ref) }) ||
			slices.ContainsFunc(q.Comments, func(c wikitest.Comment) bool { return strings.Contains(c.Body, ref) })
	})
}

var twinKey = bytes.Repeat([]byte("t"), 32)

package rules

import (
	"slices"
	"time"
)

// maxWorld bounds how much content a flip's small world holds.
const maxWorld = 5000

// flipWorld is what a question hangs on: the policy and the facts, or a small
// part of both in which a try is cheap; and who asks what.
type flipWorld struct {
	p     *Policy
	f     Facts
	o     Options
	who   Viewer
	now   time.Time
	q     Question
	match *Match
	full  *flipWorld // of a small one: the whole
}

// newFlipWorld makes the small world of a question. It holds all spaces and
// groups, the people and the content that the verdict can hang on, and of the
// member rules those that cover one of these people. What it shows is verified
// on the whole before it is told.
func newFlipWorld(a *ask) *flipWorld {
	e := a.v.e
	whole := &flipWorld{p: e.p, f: e.f, who: a.v.viewer, now: a.v.now, q: a.q, match: a.match, o: Options{Identity: map[ViewerKind]UpstreamIdentity{}}}
	for k, id := range e.identity {
		whole.o.Identity[ViewerKind(k)] = id
	}
	small := *whole
	small.full = whole
	c := worldPicker{e: e, contents: map[ID]bool{}, users: map[ID]bool{}, spaces: map[ID]bool{}}
	c.pick(a)
	small.f = c.facts()
	small.p = c.policy(a.rulesInvolved())
	return &small
}

func (w *flipWorld) whole() *flipWorld {
	if w.full == nil {
		return w
	}
	return w.full
}

// eitherWay reports settings under which an assignment can hide, or its end
// reveal. For internals either can be: a space that no rule names is the wiki's
// to decide about.
func (w *flipWorld) eitherWay() bool { return w.p.Extranet.UsersSee != "shared-space" }

// decide asks the question of the policy with changes made.
func (w *flipWorld) decide(cs []flipChange) (Decision, bool) { return w.decideBy(w.p.changed(cs)) }

func (w *flipWorld) decideBy(p *Policy) (Decision, bool) {
	e, err := Bind(p, w.f, w.o)
	if err != nil {
		return Decision{}, false
	}
	v := e.View(w.who, w.now)
	a := &ask{v: v, q: w.q, in: NoID, id: NoID, match: w.match}
	if w.q.In != "" {
		a.in, _ = w.f.FindSpaceByAnyName(w.q.In)
	}
	if w.q.URL == "" {
		a.resolve()
	} else if w.match == nil {
		return Decision{}, false
	}
	d, _ := a.decide()
	return d, true
}

// openWould reports whether opening the space in question to the public would
// show what nobody can be assigned to.
func (w *flipWorld) openWould(d Decision) (string, bool) {
	if d.Verdict == Visible || !w.who.Anonymous {
		return "", false
	}
	full := w.whole()
	e, err := Bind(full.p, full.f, full.o)
	if err != nil {
		return "", false
	}
	a := &ask{v: e.View(full.who, full.now), q: full.q, in: NoID, id: NoID, match: full.match}
	a.resolve()
	for _, id := range a.spaces() {
		p := full.p.changed(nil)
		list := e.listOfSpace(id)
		p.membersOf(&list, true)
		for i := range p.Spaces {
			r := &p.Spaces[i]
			if list.src == (Source{r.File, r.Pos.Line, r.Pos.Col}) || list.src.File == "" && r.File == "" && r.Name == list.name {
				r.OpenTo = "public"
			}
		}
		if got, ok := full.decideBy(p); ok && got.Verdict == Visible {
			return list.name, true
		}
	}
	return "", false
}

// worldPicker gathers what a verdict can hang on.
type worldPicker struct {
	e                       *Engine
	contents, users, spaces map[ID]bool
	todo                    []ID
}

func (c *worldPicker) pick(a *ask) {
	e := c.e
	c.user(a.v.linked)
	c.user(a.v.self)
	for _, id := range a.people() {
		c.user(id)
	}
	for _, name := range []string{a.q.User} {
		for _, id := range e.f.FindUsersByDisplay(name) {
			c.user(id)
		}
	}
	for _, id := range a.spaces() {
		c.space(id)
	}
	for _, id := range a.contents() {
		c.content(id)
	}
	for _, rules := range a.rulesInvolved() {
		for _, r := range rules {
			if r.target < 0 && int(-1-r.target) < len(e.grants) {
				c.content(e.grants[-1-r.target].page)
			}
			c.space(e.ruleSpace(r))
		}
	}
	for _, pl := range append(a.anySpace(), a.elsewhere()...) {
		if pl.list.page {
			c.content(e.findPage(pl.list.name))
			continue
		}
		if id, ok := e.f.FindSpaceByAnyName(pl.list.name); ok {
			c.space(id)
		}
	}
	for i := range e.spaces {
		if e.spaces[i].open != nil && e.spaces[i].rule.OpenTo == "public" {
			c.space(ID(i)) // one is enough to open classes of URLs
			break
		}
	}
	for len(c.todo) > 0 {
		id := c.todo[len(c.todo)-1]
		c.todo = c.todo[:len(c.todo)-1]
		c.around(id)
	}
}

func (c *worldPicker) user(id ID) {
	if id != NoID {
		c.users[id] = true
	}
}

func (c *worldPicker) space(id ID) {
	if id == NoID || c.spaces[id] {
		return
	}
	c.spaces[id] = true
	c.user(c.e.spaces[id].owner)
	c.space(c.e.spaces[id].subject)
}

func (c *worldPicker) content(id ID) {
	if id == NoID || c.contents[id] || len(c.contents) >= maxWorld {
		return
	}
	c.contents[id] = true
	c.todo = append(c.todo, id)
}

// around adds what a page's verdict can hang on: what is above it, what it
// shows or leads to, and what uses it.
func (c *worldPicker) around(id ID) {
	e := c.e
	rec, b := &e.f.Contents()[id], &e.contents[id]
	c.content(b.parent)
	c.content(b.subject)
	c.space(b.space)
	for _, ref := range append([]string{rec.Redirect}, rec.Includes...) {
		if to, ok := e.f.FindContent(ContentID, ref, NoID); ok && ref != "" {
			c.content(to)
		}
	}
	for _, by := range e.usedBy[id] {
		c.content(by)
	}
	if u, ok := e.f.FindUser(UserName, firstSegment(rec.Title)); ok {
		c.user(u)
	}
}

func sortedIDs(m map[ID]bool) []ID {
	out := make([]ID, 0, len(m))
	for id := range m {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// facts are those of the engine's directory that were picked.
func (c *worldPicker) facts() Facts {
	f := &fewFacts{Facts: c.e.f, userOf: map[ID]ID{}, contentOf: map[ID]ID{}}
	for _, id := range sortedIDs(c.users) {
		f.userOf[id] = ID(len(f.users))
		f.users = append(f.users, c.e.f.Users()[id])
	}
	for _, id := range sortedIDs(c.contents) {
		f.contentOf[id] = ID(len(f.contents))
		f.contents = append(f.contents, c.e.f.Contents()[id])
	}
	return f
}

// policy is the engine's with the rules of other spaces, and the members that
// cover nobody in question, left out.
func (c *worldPicker) policy(involved [][]*boundRule) *Policy {
	keep := map[Source]bool{}
	for _, rules := range involved {
		for _, r := range rules {
			keep[r.src] = true
		}
	}
	few := func(ms []Member) []Member {
		var out []Member
		for i := range ms {
			if keep[Source{ms[i].File, ms[i].Pos.Line, ms[i].Pos.Col}] {
				out = append(out, ms[i])
			}
		}
		return out
	}
	p := *c.e.p
	p.Spaces, p.Pages = nil, slices.Clone(p.Pages)
	for _, r := range c.e.p.Spaces {
		if id, ok := c.e.f.FindSpaceByAnyName(r.Name); ok && c.spaces[id] {
			r.Members = few(r.Members)
			p.Spaces = append(p.Spaces, r)
		}
	}
	for i := range p.Pages {
		p.Pages[i].Members = few(p.Pages[i].Members)
	}
	return &p
}

// fewFacts are some users and contents of a directory, with all else that it
// holds.
type fewFacts struct {
	Facts
	users             []UserRecord
	contents          []ContentRecord
	userOf, contentOf map[ID]ID
}

func (f *fewFacts) Users() []UserRecord       { return f.users }
func (f *fewFacts) Contents() []ContentRecord { return f.contents }

func (f *fewFacts) FindUser(a Attr, value string) (ID, bool) {
	id, ok := f.Facts.FindUser(a, value)
	return someID(f.userOf, id, ok)
}

func (f *fewFacts) FindUsersByDisplay(name string) []ID {
	var out []ID
	for _, id := range f.Facts.FindUsersByDisplay(name) {
		if few, ok := f.userOf[id]; ok {
			out = append(out, few)
		}
	}
	return out
}

func (f *fewFacts) FindContent(a Attr, value string, space ID) (ID, bool) {
	id, ok := f.Facts.FindContent(a, value, space)
	return someID(f.contentOf, id, ok)
}

func someID(few map[ID]ID, id ID, ok bool) (ID, bool) {
	if !ok {
		return NoID, false
	}
	if id, ok = few[id]; !ok {
		return NoID, false
	}
	return id, true
}

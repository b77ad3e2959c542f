package rules

import (
	"encoding/binary"
	"iter"
	"slices"
)

const (
	// maxScope bounds how much content one piece may depend on and still be
	// judged by its spaces; beyond it, all that the viewer has counts.
	maxScope = 64
	// standingBytes bounds the tables that are kept by all that a viewer has.
	standingBytes = 32 << 20
)

// pageSide is the part of a side that is about content. Most content depends on
// its own space alone, and is plain. Odd content depends on several spaces or
// on a person: it includes, redirects to, talks about or follows the use of
// other content, or is of somebody's. What depends on very much is wild.
type pageSide struct {
	e     *Engine
	order *entityOrder

	tables   sightTables
	ordinary bitset     // all that is not wild
	plain    bitset     // all that is neither odd nor wild
	spans    [][2]int32 // by space: from which rank to below which its content is
	odd      []oddPage
	oddIn    map[ID][]int32 // by space: the odd content that depends on it
	oddEver  []int32        // odd content whose person matters to who is not assigned to it, too
	wild     bitset
	// standings are tables for viewers who have just the same: of wild content,
	// and of what they stand to in a way of their own.
	standings map[string]*sightTable
	ownWay    map[ID]bool // users who may see what others of the same standing do not

	// Content that a page grant, or a restriction that names a user or group,
	// speaks of: at itself, or above it, or at what it depends on.
	byGrant [][]int32
	byUser  map[ID][]int32
	byGroup map[string][]int32

	// Room for one viewer: what is asked of which table, and what of that of
	// his standing; and his relations to spaces.
	ask        *questions
	rest, seen bitset
	relationTo []relation
	touched    []ID // the spaces to which there is one
}

// oddPage is content and what its verdict depends on besides itself.
type oddPage struct {
	rank   int32
	spaces []ID
	people []personIn
}

// personIn is a person who is looked at in a space.
type personIn struct{ user, space ID }

func newPageSide(e *Engine, o *entityOrder) *pageSide {
	n := len(o.contents)
	p := &pageSide{
		e: e, order: o, tables: newSightTables(n), ordinary: newBitset(n), plain: newBitset(n), spans: make([][2]int32, len(e.spaces)),
		oddIn: map[ID][]int32{}, standings: map[string]*sightTable{}, ownWay: map[ID]bool{},
		byGrant: make([][]int32, len(e.grants)), byUser: map[ID][]int32{}, byGroup: map[string][]int32{},
		ask: newQuestions(n), wild: newBitset(n), rest: newBitset(n), seen: newBitset(n), relationTo: make([]relation, len(e.spaces)),
	}
	for r, id := range o.contents {
		p.place(int32(r), id)
	}
	return p
}

// place finds what the content depends on.
func (p *pageSide) place(r int32, id ID) {
	e := p.e
	if s := e.contents[id].space; s != NoID {
		if p.spans[s][1] == 0 {
			p.spans[s][0] = r
		}
		p.spans[s][1] = r + 1
	}
	on, ok := e.dependsOn(id)
	odd := oddPage{rank: r}
	odd.add(e, id)
	if e.contents[id].anchor >= 0 || slices.ContainsFunc(odd.people, e.mayHangOn) {
		for _, in := range odd.people {
			p.ownWay[in.user] = true
		}
	}
	if !ok {
		p.wild.set(int(r))
		p.exceptions(r, id)
		return
	}
	p.ordinary.set(int(r))
	for _, c := range on {
		odd.add(e, c)
		p.exceptions(r, c)
	}
	if len(odd.spaces) < 2 && len(odd.people) == 0 {
		p.plain.set(int(r))
		return
	}
	at := int32(len(p.odd))
	p.odd = append(p.odd, odd)
	for _, s := range odd.spaces {
		p.oddIn[s] = append(p.oddIn[s], at)
	}
	if slices.ContainsFunc(odd.people, e.mayHangOn) {
		p.oddEver = append(p.oddEver, at)
	}
}

// mayHangOn reports that the person may matter even to viewers who are not
// assigned to the space in which he is looked at.
func (e *Engine) mayHangOn(in personIn) bool {
	return e.spaces[e.spaces[in.space].subject].rule != nil
}

// dependsOn is the content itself and all that its verdict may depend on;
// false says that there is more.
func (e *Engine) dependsOn(id ID) ([]ID, bool) {
	on := []ID{id}
	for i := 0; i < len(on); i++ {
		for c := range e.leadsTo(on[i]) {
			if slices.Contains(on, c) {
				continue
			}
			if len(on) == maxScope {
				return on, false
			}
			on = append(on, c)
		}
	}
	return on, true
}

// leadsTo gives the content on which the verdict about this may hang: what it
// includes, redirects to and talks about; and what uses it, if it is of a
// shared kind. What is of a shared kind follows the pages that use it, and
// never the other way.
func (e *Engine) leadsTo(id ID) iter.Seq[ID] {
	return func(yield func(ID) bool) {
		c, rec := &e.contents[id], &e.f.Contents()[id]
		if c.flags&flagRedirect != 0 {
			if to, ok := e.f.FindContent(ContentID, rec.Redirect, NoID); ok && !yield(to) {
				return
			}
		}
		if c.flags&flagIncludes != 0 {
			for _, name := range rec.Includes {
				to, ok := e.f.FindContent(ContentID, name, NoID)
				if !ok {
					continue
				}
				if s := e.contents[to].space; s != NoID && e.spaces[s].follow != "" {
					continue
				}
				if !yield(to) {
					return
				}
			}
		}
		if c.subject != NoID && !yield(c.subject) {
			return
		}
		for _, by := range e.usedBy[id] {
			if !yield(by) {
				return
			}
		}
	}
}

// add takes in the space and the person that a piece of content depends on.
func (o *oddPage) add(e *Engine, c ID) {
	space := e.contents[c].space
	if space == NoID {
		return
	}
	if !slices.Contains(o.spaces, space) {
		o.spaces = append(o.spaces, space)
	}
	person := func(user, in ID) {
		if p := (personIn{user, in}); !slices.Contains(o.people, p) {
			o.people = append(o.people, p)
		}
	}
	subject := e.spaces[space].subject
	s := &e.spaces[subject]
	if s.personal && s.owner != NoID {
		person(s.owner, subject)
	}
	if s.follow == "user" {
		if u, ok := e.f.FindUser(UserName, firstSegment(e.f.Contents()[c].Title)); ok {
			person(u, subject)
		}
	}
}

// exceptions notes on whose account the verdict about content r depends on who
// he is: who holds a grant on it or above it, or is named by a restriction
// there. Names are taken in every way in which they may be meant.
func (p *pageSide) exceptions(r int32, id ID) {
	e := p.e
	for at := e.contents[id].anchor; at >= 0; at = e.anchors[at].above {
		a := &e.anchors[at]
		for _, g := range a.grants {
			p.byGrant[g] = append(p.byGrant[g], r)
		}
		if a.restr != nil {
			p.restricted(r, a.restr)
		}
	}
}

func (p *pageSide) restricted(r int32, to *Restriction) {
	for _, name := range to.Users {
		for _, attr := range []Attr{UserName, UserKey, UserAccountID, UserEmail} {
			if u, ok := p.e.f.FindUser(attr, name); ok {
				p.byUser[u] = append(p.byUser[u], r)
				p.ownWay[u] = true
			}
		}
	}
	for _, name := range to.Groups {
		p.byGroup[name] = append(p.byGroup[name], r)
		if own := p.e.wikiGroup(name); own != name {
			p.byGroup[own] = append(p.byGroup[own], r)
		}
	}
}

// sight is what one viewer sees of content.
func (p *pageSide) sight(s *viewerSight) bitset {
	p.relate(s)
	p.ask.reset(p.ordinary)
	copy(p.rest, p.wild)
	for _, space := range p.touched {
		span := p.spans[space]
		p.ask.in(p.relationTo[space]).move(int(span[0]), int(span[1]), p.plain, p.ask.in(0))
		for _, at := range p.oddIn[space] {
			p.askOdd(s, &p.odd[at])
		}
	}
	for _, at := range p.oddEver {
		p.askOdd(s, &p.odd[at])
	}
	p.askExceptions(s)
	ask := func(i int) bool { return s.v.Content(p.order.contents[i]).Verdict == Visible }
	p.ask.answer(s.base, &p.tables, p.seen, ask)
	p.ofStanding(s).fill(p.rest, p.seen, ask)
	return p.seen
}

// relate finds the viewer's relations to spaces.
func (p *pageSide) relate(s *viewerSight) {
	for _, space := range p.touched {
		p.relationTo[space] = 0
	}
	p.touched = p.touched[:0]
	note := func(space ID, rel relation) {
		if p.relationTo[space] == 0 {
			p.touched = append(p.touched, space)
		}
		p.relationTo[space] |= rel
	}
	for _, t := range s.targets {
		if t < 0 {
			continue
		}
		for _, id := range s.spaces.following[t] {
			note(id, relation(s.v.memberRole(id)))
		}
	}
	for space, ok := range s.v.named {
		if ok {
			note(space, isNamed)
		}
	}
}

// askOdd finds the table for odd content: there is one if the viewer stands to
// all spaces in the same relation, and one person at most is concerned.
func (p *pageSide) askOdd(s *viewerSight, o *oddPage) {
	r := int(o.rank)
	p.ask.in(0).unset(r)
	rel := p.relationTo[o.spaces[0]]
	if len(o.people) > 1 || slices.ContainsFunc(o.spaces, func(space ID) bool { return p.relationTo[space] != rel }) {
		p.rest.set(r)
		return
	}
	if len(o.people) == 1 && s.v.User(o.people[0].user, Context{Space: o.people[0].space}).Verdict == Visible {
		rel |= seesPerson
	}
	p.ask.in(rel).set(r)
}

// askExceptions puts aside what the viewer is given, or kept from, by name.
func (p *pageSide) askExceptions(s *viewerSight) {
	except := func(ranks []int32) {
		for _, r := range ranks {
			for rel, used := range p.ask.used {
				if used {
					p.ask.by[rel].unset(int(r))
				}
			}
			p.rest.set(int(r))
		}
	}
	for _, t := range s.targets {
		if t < 0 {
			except(p.byGrant[-1-t])
		}
	}
	for _, u := range []ID{s.v.self, s.v.linked} {
		if u != NoID {
			except(p.byUser[u])
		}
	}
	for g := range s.v.wiki {
		except(p.byGroup[g])
	}
}

// ofStanding gives the table of all viewers who have just what this one has: a
// fresh one if he may go his own way, or if there are too many.
func (p *pageSide) ofStanding(s *viewerSight) *sightTable {
	n := len(p.order.contents)
	who := s.v.self
	if who != NoID && (p.ownWay[who] || s.v.inAny(p.byGroup)) {
		return newSightTable(n)
	}
	key := s.standing()
	t := p.standings[key]
	if t == nil {
		t = newSightTable(n)
		if (len(p.standings)+1)*(n/4+1) <= standingBytes {
			p.standings[key] = t
		}
	}
	return t
}

// standing is what the viewer is and has, as a key.
func (s *viewerSight) standing() string {
	b := &s.base
	key := []byte{byte(b.kind), b.self, 0}
	for i, is := range []bool{b.suspended, b.own, b.hasSelf} {
		if is {
			key[2] |= 1 << i
		}
	}
	for _, t := range s.targets {
		key = binary.LittleEndian.AppendUint32(key, uint32(t))
		key = append(key, byte(s.v.ruleRole(s.v.held.rule(t))))
	}
	return string(key)
}

// inAny reports whether the viewer is in one of the groups.
func (v *View) inAny(groups map[string][]int32) bool {
	for g := range v.wiki {
		if _, ok := groups[g]; ok {
			return true
		}
	}
	return false
}

package rules

// A policy's half of a comparison asks its views as little as it can. A verdict
// of View.User, View.Space or View.Content is a function of
//
//   - the entity;
//   - what the viewer is anyway (viewerBase);
//   - the viewer's relation to the entity: for a user, whether both are assigned
//     to some same space or page; for a space, his role in it by assignment, and
//     whether he sees the person whose it is; for content, the same of all
//     spaces that it depends on, and whether he knows them by name.
//
// So for each base and relation there is a table of verdicts, over all
// entities, filled in by asking the first viewer's view who needs an entry. What
// is not decided by that — the viewer himself; pages that a grant or a
// restriction of the wiki gives to him, pages whose spaces he stands to in
// different relations — is asked of his own view, once for all viewers who are
// assigned to the very same.
//
// That this is the truth is what TestCompareEqualsBruteForce tests.

// viewerBase is what of a viewer matters to every verdict.
type viewerBase struct {
	kind           ViewerKind
	suspended, own bool
	hasSelf        bool
	self           uint8 // what the rules say of his own wiki user: filters that hide a pair
}

// relation is the viewer's to an entity: to a user, whether there is one; to a
// space or to content, the role that he is assigned there, and more.
type relation uint8

const (
	isRelated  relation = 1        // to a user
	roleMask   relation = 1<<3 - 1 // his role by assignment
	isNamed    relation = 1 << 3   // knows the space by name, through a page grant
	seesPerson relation = 1 << 4   // sees the person whose page, or whose space's page, it is
	relations           = 1 << 5
)

// sightTable keeps the verdicts of one kind of entity for one base and
// relation, as far as they have been asked for.
type sightTable struct{ known, visible bitset }

func newSightTable(n int) *sightTable { return &sightTable{known: newBitset(n), visible: newBitset(n)} }

// fill gives the verdicts of the entities of among to out, asking for those
// that are new.
func (t *sightTable) fill(among, out bitset, ask func(i int) bool) {
	for w, m := range among {
		if m == 0 {
			continue
		}
		if fresh := m &^ t.known[w]; fresh != 0 {
			todo := bitset{fresh}
			for i := range todo.each {
				t.visible.put(w<<6+i, ask(w<<6+i))
			}
			t.known[w] |= fresh
		}
		out[w] |= m & t.visible[w]
	}
}

type tableKey struct {
	base viewerBase
	rel  relation
}

// sightTables are the tables of one kind of entity.
type sightTables struct {
	n  int
	of map[tableKey]*sightTable
}

func newSightTables(n int) sightTables { return sightTables{n, map[tableKey]*sightTable{}} }

func (t *sightTables) get(base viewerBase, rel relation) *sightTable {
	k := tableKey{base, rel}
	s := t.of[k]
	if s == nil {
		s = newSightTable(t.n)
		t.of[k] = s
	}
	return s
}

// side is one policy's half of a comparison.
type side struct {
	e     *Engine
	order *entityOrder

	userTables sightTables
	assignees  map[int32]*rankSet // who is assigned to what now
	seen       bitset             // room for one viewer's answers,
	near, far  bitset             // and for whom to ask of which table

	spaces spaceSide
	pages  *pageSide
}

// rankSet is a set of ranks: a list, or a bitset where that is smaller.
type rankSet struct {
	list []int32
	bits bitset
}

func (s *rankSet) addTo(b bitset) {
	b.or(s.bits)
	for _, r := range s.list {
		b.set(int(r))
	}
}

func newSide(e *Engine, o *entityOrder, now int64) *side {
	n := len(o.users)
	s := &side{
		e: e, order: o, userTables: newSightTables(n), assignees: map[int32]*rankSet{},
		seen: newBitset(n), near: newBitset(n), far: newBitset(n),
		spaces: newSpaceSide(e, o), pages: newPageSide(e, o),
	}
	for id := range e.users {
		for _, a := range e.asg[e.asgStart[id]:e.asgStart[id+1]] {
			if !e.rules[a.rule].live(now) {
				continue
			}
			of := s.assignees[a.target]
			if of == nil {
				of = &rankSet{}
				s.assignees[a.target] = of
			}
			of.list = append(of.list, o.userRank[id])
		}
	}
	for _, of := range s.assignees {
		if len(of.list) > 2*len(s.seen) {
			of.bits = newBitset(n)
			for _, r := range of.list {
				of.bits.set(int(r))
			}
			of.list = nil
		}
	}
	return s
}

// viewerSight is one viewer's, under one policy. The sets that its methods give are
// good until the next viewer's.
type viewerSight struct {
	*side
	v       *View
	base    viewerBase
	targets []int32
}

func (s *side) sight(v *View) *viewerSight {
	base := viewerBase{kind: v.kind, suspended: v.suspended != nil, own: v.own}
	if v.self != NoID {
		base.hasSelf, base.self = true, s.e.users[v.self].bits
	}
	return &viewerSight{side: s, v: v, base: base, targets: v.targets()}
}

// users is whom the viewer sees in the global context.
func (s *viewerSight) users() bitset {
	ask := func(i int) bool { return s.v.User(s.order.users[i], Context{Space: NoID}).Verdict == Visible }
	clear(s.near)
	for _, t := range s.targets {
		if of := s.assignees[t]; of != nil {
			of.addTo(s.near)
		}
	}
	s.far.not(s.near, len(s.order.users))
	self := -1
	if s.v.self != NoID {
		self = int(s.order.userRank[s.v.self])
		s.near.unset(self)
		s.far.unset(self)
	}
	clear(s.seen)
	s.userTables.get(s.base, isRelated).fill(s.near, s.seen, ask)
	s.userTables.get(s.base, 0).fill(s.far, s.seen, ask)
	if self >= 0 {
		s.seen.put(self, ask(self))
	}
	return s.seen
}

// questions are entities sorted by the table that answers for them, while one
// viewer is looked at.
type questions struct {
	by   [relations]bitset
	used [relations]bool
}

// reset makes room; entities of all stand in no relation until they are moved.
func (q *questions) reset(all bitset) {
	for rel := range q.by {
		if q.used[rel] {
			clear(q.by[rel])
			q.used[rel] = false
		}
	}
	copy(q.in(0), all)
}

// in gives the entities in a relation.
func (q *questions) in(rel relation) bitset {
	q.used[rel] = true
	return q.by[rel]
}

func newQuestions(n int) *questions {
	q := &questions{}
	for rel := range q.by {
		q.by[rel] = newBitset(n)
	}
	return q
}

// answer fills seen from the tables.
func (q *questions) answer(base viewerBase, tables *sightTables, seen bitset, ask func(int) bool) {
	clear(seen)
	for rel := range q.by {
		if q.used[rel] {
			tables.get(base, relation(rel)).fill(q.by[rel], seen, ask)
		}
	}
}

// spaceSide is the part of a side that is about spaces.
type spaceSide struct {
	e      *Engine
	order  *entityOrder
	tables sightTables
	all    bitset
	// following are the spaces that follow the rules of a space: itself, and a
	// talk space. owned are personal spaces that a rule names.
	following [][]ID
	owned     []ID
	ask       *questions
	seen      bitset
}

func newSpaceSide(e *Engine, o *entityOrder) spaceSide {
	n := len(o.spaces)
	s := spaceSide{
		e: e, order: o, tables: newSightTables(n), all: newBitset(n), following: make([][]ID, n), ask: newQuestions(n), seen: newBitset(n),
	}
	s.all.not(s.seen, n)
	for i := range e.spaces {
		id, subject := ID(i), e.spaces[i].subject
		s.following[subject] = append(s.following[subject], id)
		if b := &e.spaces[subject]; b.personal && b.rule != nil {
			s.owned = append(s.owned, id)
		}
	}
	return s
}

// sight is what the viewer sees of spaces themselves.
func (p *spaceSide) sight(s *viewerSight) bitset {
	p.ask.reset(p.all)
	place := func(id ID) {
		rel, subject := relation(s.v.memberRole(id)), p.e.spaces[id].subject
		if b := &p.e.spaces[subject]; b.personal && s.v.User(b.owner, Context{Space: subject}).Verdict == Visible {
			rel |= seesPerson
		}
		r := int(p.order.spaceRank[id])
		p.ask.in(0).unset(r)
		p.ask.in(rel).set(r)
	}
	for _, t := range s.targets {
		if t >= 0 {
			for _, id := range p.following[t] {
				place(id)
			}
		}
	}
	for _, id := range p.owned {
		place(id)
	}
	p.ask.answer(s.base, &p.tables, p.seen, func(i int) bool { return s.v.Space(p.order.spaces[i]).Verdict == Visible })
	return p.seen
}

package htmlrewrite

import (
	"slices"
	"strings"
)

// matches is what a selSet found in one tape: for each group the nodes, in
// order.
type matches struct {
	set    *selSet
	t      *tape
	groups [][]int32
	inner  [][]int32 // the same of the set's inner one
	hits   []hit
	// rows are bit sets of states, w words each; row 0 is empty. For each node
	// + 1, 0 being the root above all, anc is the row of the states that hold
	// at it or an ancestor, self of those that hold at it, and sib of those
	// that hold at its children seen so far. Most nodes share their parent's.
	rows           []uint64
	w              int
	anc, self, sib []int32
	prev           []int32 // by node + 1: its last child seen so far, + 1
	parents        [][]int32
	asked          []int32 // by list: the last node, + 1, that asked for it
	memo           [memoSize]classMemo
	memoLists      []int32
}

// classMemo remembers what a class attribute asked for: wikis write the same few
// over and over.
type classMemo struct {
	start, end int32 // of the value, in the source
	from, to   int32 // in memoLists
}

const memoSize = 256

// hit says that states of a list may hold at a node.
type hit struct{ node, list int32 }

var matchPool = pool[matches]{fresh: func() *matches { return new(matches) }}

// begin makes ready to look at the elements of a tape as they are read.
func (s *selSet) begin(t *tape) *matches {
	m := matchPool.get(len(t.s))
	m.set, m.t, m.w = s, t, (s.bits+63)/64
	m.groups = emptied(m.groups, s.groups)
	m.inner = emptied(m.inner, s.inner.groups)
	m.parents = emptied(m.parents, s.inner.groups)
	m.asked = zeroed(m.asked, len(s.index.lists))
	clear(m.memo[:])
	m.hits, m.memoLists = m.hits[:0], m.memoLists[:0]
	return m
}

func (m *matches) release() {
	size := len(m.t.s)
	m.t = nil
	if cap(m.anc) > maxPooled || cap(m.hits) > maxPooled || cap(m.rows) > maxPooled {
		return
	}
	matchPool.put(size, m)
}

// emptied gives n empty slices, with the memory that they had.
func emptied(g [][]int32, n int) [][]int32 {
	if cap(g) < n {
		g = make([][]int32, n)
	}
	g = g[:n]
	for i := range g {
		g[i] = g[i][:0]
	}
	return g
}

func zeroed[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// look notes which lists of the index an element asks for. It is called as soon
// as the element's tag was read, while that is at hand.
func (m *matches) look(i int32, e *node) {
	ix, t := m.set.index, m.t
	m.ask(i, e, ix.anywhere)
	if int(e.tag) < len(ix.tags) {
		m.ask(i, e, ix.tags[e.tag])
	}
	for k := e.attr; k < e.attrEnd; k++ {
		a := &t.attrs[k]
		if int(a.id) >= len(ix.attrs) || !ix.attrs[a.id].asked || a.dup {
			continue
		}
		x := &ix.attrs[a.id]
		switch a.id {
		case aClass:
			m.classes(i, e, a)
		case aID:
			m.ask(i, e, ix.ids.get(t.value(a)))
		}
		m.ask(i, e, x.any)
		if x.values != nil {
			m.ask(i, e, x.values.get(t.value(a)))
		}
	}
}

// classes asks for the lists of a class attribute's tokens.
func (m *matches) classes(i int32, e *node, a *attribute) {
	raw := m.t.raw(a)
	c := &m.memo[hashName(raw)%memoSize]
	if c.end > 0 && m.t.s[c.start:c.end] == raw {
		for _, l := range m.memoLists[c.from:c.to] {
			m.ask(i, e, l)
		}
		return
	}
	v := raw
	if strings.IndexByte(v, '&') >= 0 { // what it stands for may be white space
		v = m.t.value(a)
	}
	from := int32(len(m.memoLists))
	for k := 0; k < len(v); {
		for k < len(v) && isSpace(v[k]) {
			k++
		}
		start := k
		for k < len(v) && !isSpace(v[k]) {
			k++
		}
		l := m.set.index.classes.get(v[start:k])
		if l == 0 || m.asked[l] == i+1 { // one token may stand there a million times
			continue
		}
		m.ask(i, e, l)
		m.memoLists = append(m.memoLists, l)
	}
	*c = classMemo{start: a.vs, end: a.ve, from: from, to: int32(len(m.memoLists))}
}

// ask notes that an element asks for a list, once. What is in :has is tried at
// once, since the rest can't be before all of that is known.
func (m *matches) ask(i int32, e *node, at int32) {
	if at == 0 || m.asked[at] == i+1 {
		return
	}
	m.asked[at] = i + 1
	l := &m.set.index.lists[at]
	for _, si := range l.inner {
		if st := &m.set.inner.states[si]; m.holds(&st.comp, i, e) {
			appendOnce(&m.inner[st.group], i)
		}
	}
	if len(l.sure)+len(l.free)+len(l.bound) > 0 {
		room(&m.hits)
		m.hits = append(m.hits, hit{i, at})
	}
}

func appendOnce(g *[]int32, i int32) {
	if n := len(*g); n == 0 || (*g)[n-1] != i {
		*g = append(*g, i)
	}
}

// resolve tries the states of all hits in the order of the tape, once it is read.
func (m *matches) resolve() {
	t, w := m.t, m.w
	n := len(t.nodes) + 1
	m.anc, m.self, m.sib = zeroed(m.anc, n), zeroed(m.self, n), zeroed(m.sib, n)
	if m.set.aside {
		m.prev = zeroed(m.prev, n)
	}
	m.rows = append(m.rows[:0], make([]uint64, w)...)
	k := 0
	for i := range t.nodes {
		e := &t.nodes[i]
		up := int(e.parent + 1)
		for ; k < len(m.hits) && int(m.hits[k].node) == i; k++ {
			m.tryList(&m.set.index.lists[m.hits[k].list], int32(i), e)
		}
		m.anc[i+1] = m.anc[up]
		if own := m.self[i+1]; own > 0 {
			m.anc[i+1] = m.union(m.anc[up], own)
			m.sib[up] = m.union(m.sib[up], own)
		}
		if m.set.aside {
			m.prev[up] = int32(i) + 1
		}
	}
}

// union gives the row of what is in a or b.
func (m *matches) union(a, b int32) int32 {
	if a == 0 || a == b {
		return b
	}
	if b == 0 {
		return a
	}
	onlyA, onlyB := false, false
	for k := range m.w {
		x, y := m.rows[int(a)*m.w+k], m.rows[int(b)*m.w+k]
		onlyA, onlyB = onlyA || x&^y != 0, onlyB || y&^x != 0
	}
	switch {
	case !onlyB:
		return a
	case !onlyA:
		return b
	}
	r := m.newRow()
	for k := range m.w {
		m.rows[int(r)*m.w+k] = m.rows[int(a)*m.w+k] | m.rows[int(b)*m.w+k]
	}
	return r
}

func (m *matches) newRow() int32 {
	r := int32(len(m.rows) / m.w)
	for range m.w {
		room(&m.rows)
		m.rows = append(m.rows, 0)
	}
	return r
}

// tryList tests the states of a list at one element.
func (m *matches) tryList(l *list, i int32, e *node) {
	for _, g := range l.sure {
		appendOnce(&m.groups[g], i)
	}
	for _, si := range l.free {
		m.try(si, i, e)
	}
	if len(l.bound) == 0 {
		return
	}
	anc, sib := int(m.anc[e.parent+1])*m.w, int(m.sib[e.parent+1])*m.w
	for k, mask := range l.mask {
		if (m.rows[anc+k]|m.rows[sib+k])&mask != 0 {
			for k := range l.bound {
				if b := &l.bound[k]; m.reached(b, e) {
					m.try(b.state, i, e)
				}
			}
			return
		}
	}
}

// try tests one state at one element, at which the state before it was reached.
func (m *matches) try(si, i int32, e *node) {
	st := &m.set.states[si]
	if !m.holds(&st.comp, i, e) {
		return
	}
	if st.group >= 0 {
		appendOnce(&m.groups[st.group], i)
		return
	}
	if m.self[i+1] == 0 {
		m.self[i+1] = m.newRow()
	}
	m.rows[int(m.self[i+1])*m.w+st.bit/64] |= 1 << (st.bit % 64)
}

// reached reports whether the state before holds where the combinator asks.
func (m *matches) reached(b *bound, e *node) bool {
	var row int32
	switch b.comb {
	case ' ':
		row = m.anc[e.parent+1]
	case '>':
		row = m.self[e.parent+1]
	case '~':
		row = m.sib[e.parent+1]
	default: // '+'
		if p := m.prev[e.parent+1]; p > 0 {
			row = m.self[p]
		}
	}
	return m.rows[int(row)*m.w+b.word]&b.bit != 0
}

// holds tests a compound at one element.
func (m *matches) holds(c *compound, i int32, e *node) bool {
	t := m.t
	if c.tag != tNone && e.tag != c.tag {
		return false
	}
	if c.id != "" {
		if v, ok := t.attrValue(e, aID); !ok || v != c.id {
			return false
		}
	}
	if len(c.classes) > 0 {
		v, ok := t.attrValue(e, aClass)
		if !ok {
			return false
		}
		for _, cl := range c.classes {
			if !hasToken(v, cl) {
				return false
			}
		}
	}
	for k := range c.attrs {
		x := &c.attrs[k]
		a := t.attribute(e, x.name)
		if a == nil || x.op != 0 && (x.fails(t.raw(a)) || !x.holds(t.value(a))) {
			return false
		}
	}
	for k := range c.not {
		if m.holds(&c.not[k], i, e) {
			return false
		}
	}
	for _, h := range c.has {
		if !m.has(h, i) {
			return false
		}
	}
	return true
}

// has tests a :has(…); all of the inner set is known by then.
func (m *matches) has(h hasTest, i int32) bool {
	found := m.inner[h.group]
	if len(found) == 0 {
		return false
	}
	if !h.child {
		return len(between(found, i+1, m.t.nodes[i].last)) > 0
	}
	if len(m.parents[h.group]) == 0 {
		for _, j := range found {
			m.parents[h.group] = append(m.parents[h.group], m.t.nodes[j].parent)
		}
		slices.Sort(m.parents[h.group])
	}
	_, ok := slices.BinarySearch(m.parents[h.group], i)
	return ok
}

// between gives the part of g, which is sorted, in [from,to).
func between(g []int32, from, to int32) []int32 {
	if len(g) == 0 || g[len(g)-1] < from {
		return nil
	}
	a, _ := slices.BinarySearch(g, from)
	b, _ := slices.BinarySearch(g[a:], to)
	return g[a : a+b]
}

// within gives the group's matches among the nodes [from,to).
func (m *matches) within(group int, from, to int32) []int32 {
	return between(m.groups[group], from, to)
}

// is reports whether node i is a match of the group.
func (m *matches) is(group int, i int32) bool {
	_, ok := slices.BinarySearch(m.groups[group], i)
	return ok
}

// hasToken reports whether the white-space separated list v holds w.
func hasToken(v, w string) bool {
	for from := 0; ; {
		i := strings.Index(v[from:], w)
		if i < 0 || w == "" {
			return false
		}
		i += from
		end := i + len(w)
		if (i == 0 || isSpace(v[i-1])) && (end == len(v) || isSpace(v[end])) {
			return true
		}
		from = i + 1
	}
}

package htmlrewrite

import (
	"sort"
	"strings"
	"sync"
)

// selSet is a set of compiled selector lists, each a group.
type selSet struct {
	states  []state
	bits    int
	groups  int
	byText  map[string]int
	byTag   map[string][]int32
	byID    map[string][]int32
	byClass map[string][]int32
	byAttr  map[string][]int32
	any     []int32
	inner   *selSet // arguments of :has
}

func newSelSet(inner *selSet) *selSet {
	return &selSet{
		inner: inner, byText: map[string]int{}, byTag: map[string][]int32{}, byID: map[string][]int32{},
		byClass: map[string][]int32{}, byAttr: map[string][]int32{},
	}
}

// add compiles a selector list and returns its group.
func (s *selSet) add(list string) (int, error) {
	list = strings.TrimSpace(list)
	if g, ok := s.byText[list]; ok {
		return g, nil
	}
	p := parser{s: list, inner: s.inner}
	sel, err := p.list()
	if err != nil {
		return 0, err
	}
	g := s.addSteps(sel)
	s.byText[list] = g
	return g, nil
}

func (s *selSet) addSteps(list [][]step) int {
	g := s.groups
	s.groups++
	for _, steps := range list {
		prev := -1
		for i, st := range steps {
			n := state{comp: st.comp, comb: st.comb, prev: prev, bit: -1, group: -1}
			if i < len(steps)-1 {
				n.bit = s.bits
				s.bits++
			} else {
				n.group = g
			}
			prev = len(s.states)
			s.states = append(s.states, n)
			s.index(int32(prev), &n.comp)
		}
	}
	return g
}

// index files a state under the rarest thing that its compound asks for.
func (s *selSet) index(i int32, c *compound) {
	switch {
	case c.id != "":
		s.byID[c.id] = append(s.byID[c.id], i)
	case len(c.classes) > 0:
		s.byClass[c.classes[0]] = append(s.byClass[c.classes[0]], i)
	case len(c.attrs) > 0 && c.tag == "":
		s.byAttr[c.attrs[0].name] = append(s.byAttr[c.attrs[0].name], i)
	case c.tag != "" && c.tag != "*":
		s.byTag[c.tag] = append(s.byTag[c.tag], i)
	case len(c.attrs) > 0:
		s.byAttr[c.attrs[0].name] = append(s.byAttr[c.attrs[0].name], i)
	default:
		s.any = append(s.any, i)
	}
}

// matches is what a selSet found in one tape: for each group the nodes, in
// order.
type matches struct {
	set    *selSet
	t      *tape
	groups [][]int32
	inner  *matches
	// self and anc are bit sets a node: the states that hold at it, at it or
	// an ancestor; sib collects those of a node's children seen so far.
	self, anc, sib []uint64
	prev           []int32 // by node + 1: its last child seen so far, + 1
	kids           map[int]map[int32]bool
	cands          []int32
	stamp          []int32 // by state: the last node, + 1, at which it was tried
}

var matchPool = sync.Pool{New: func() any { return new(matches) }}

// match runs all selectors of the set over the tape.
func (s *selSet) match(t *tape) *matches {
	m := matchPool.Get().(*matches)
	m.set, m.t = s, t
	if cap(m.groups) < s.groups {
		m.groups = make([][]int32, s.groups)
	}
	m.groups = m.groups[:s.groups]
	for i := range m.groups {
		m.groups[i] = m.groups[i][:0]
	}
	if s.inner != nil && s.inner.groups > 0 {
		m.inner = s.inner.match(t)
	}
	m.run()
	return m
}

func (m *matches) release() {
	if m.inner != nil {
		m.inner.release()
	}
	m.inner, m.t, m.kids = nil, nil, nil
	if cap(m.self) <= 1<<18 {
		matchPool.Put(m)
	}
}

func zeroed[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

func (m *matches) run() {
	t, w := m.t, (m.set.bits+63)/64
	n := len(t.nodes)
	// Row 0 is the root above all nodes; node i has row i+1.
	m.self = zeroed(m.self, (n+1)*w)
	m.anc = zeroed(m.anc, (n+1)*w)
	m.sib = zeroed(m.sib, (n+1)*w)
	m.prev = zeroed(m.prev, n+1)
	m.stamp = zeroed(m.stamp, len(m.set.states))
	for i := range t.nodes {
		e := &t.nodes[i]
		if e.kind != kElement {
			continue
		}
		row, up := (i+1)*w, int(e.parent+1)*w
		m.candidates(e)
		for _, si := range m.cands {
			if m.stamp[si] == int32(i)+1 {
				continue // "class" may hold one token a million times
			}
			m.stamp[si] = int32(i) + 1
			st := &m.set.states[si]
			if !m.reached(st, e, up, w) || !m.holds(&st.comp, int32(i), e) {
				continue
			}
			if st.bit >= 0 {
				m.self[row+st.bit/64] |= 1 << (st.bit % 64)
			} else if g := m.groups[st.group]; len(g) == 0 || g[len(g)-1] != int32(i) {
				m.groups[st.group] = append(g, int32(i))
			}
		}
		for k := range w {
			m.anc[row+k] = m.anc[up+k] | m.self[row+k]
			m.sib[up+k] |= m.self[row+k]
		}
		m.prev[e.parent+1] = int32(i) + 1
	}
}

// candidates gathers the states that may hold at e, by what it bears.
func (m *matches) candidates(e *node) {
	s, t := m.set, m.t
	m.cands = append(append(m.cands[:0], s.any...), s.byTag[t.tagName(e)]...)
	for i := e.attr; i < e.attrEnd; i++ {
		a := &t.attrs[i]
		if a.dup {
			continue
		}
		switch a.name {
		case "class":
			v := t.value(a)
			for k := 0; k < len(v); {
				for k < len(v) && isSpace(v[k]) {
					k++
				}
				from := k
				for k < len(v) && !isSpace(v[k]) {
					k++
				}
				m.cands = append(m.cands, s.byClass[v[from:k]]...)
			}
		case "id":
			m.cands = append(m.cands, s.byID[t.value(a)]...)
		}
		m.cands = append(m.cands, s.byAttr[a.name]...)
	}
}

// reached reports whether the state before st holds where st's combinator asks.
func (m *matches) reached(st *state, e *node, up, w int) bool {
	if st.prev < 0 {
		return true
	}
	bit := m.set.states[st.prev].bit
	k, mask := bit/64, uint64(1)<<(bit%64)
	switch st.comb {
	case ' ':
		return m.anc[up+k]&mask != 0
	case '>':
		return m.self[up+k]&mask != 0
	case '~':
		return m.sib[up+k]&mask != 0
	default: // '+'
		p := m.prev[e.parent+1]
		return p > 0 && m.self[int(p)*w+k]&mask != 0
	}
}

// holds tests a compound at one element.
func (m *matches) holds(c *compound, i int32, e *node) bool {
	t := m.t
	if c.tag != "" && c.tag != "*" && t.tagName(e) != c.tag {
		return false
	}
	if c.id != "" {
		if v, ok := t.attrValue(e, "id"); !ok || v != c.id {
			return false
		}
	}
	if len(c.classes) > 0 {
		v, ok := t.attrValue(e, "class")
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
		v, ok := t.attrValue(e, c.attrs[k].name)
		if !ok || !c.attrs[k].holds(v) {
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

func (m *matches) has(h hasTest, i int32) bool {
	if !h.child {
		return m.inner.first(h.group, i+1, m.t.nodes[i].last) >= 0
	}
	if m.kids == nil {
		m.kids = map[int]map[int32]bool{}
	}
	set := m.kids[h.group]
	if set == nil {
		set = map[int32]bool{}
		for _, j := range m.inner.groups[h.group] {
			set[m.t.nodes[j].parent] = true
		}
		m.kids[h.group] = set
	}
	return set[i]
}

// within gives the group's matches among the nodes [from,to).
func (m *matches) within(group int, from, to int32) []int32 {
	g := m.groups[group]
	a := sort.Search(len(g), func(k int) bool { return g[k] >= from })
	b := a + sort.Search(len(g)-a, func(k int) bool { return g[a+k] >= to })
	return g[a:b]
}

// first gives the group's first match among the nodes [from,to), or -1.
func (m *matches) first(group int, from, to int32) int32 {
	if g := m.within(group, from, to); len(g) > 0 {
		return g[0]
	}
	return -1
}

// is reports whether node i is a match of the group.
func (m *matches) is(group int, i int32) bool { return m.first(group, i, i+1) >= 0 }

package htmlrewrite

import (
	"slices"
	"strings"
)

// selSet is a set of compiled selector lists, each a group.
type selSet struct {
	voc    *vocabulary
	states []state
	bits   int
	groups int
	byText map[string]int
	index  *index
	inner  *selSet // arguments of :has, which share the index; nil there
	nested bool    // is such a set
	aside  bool    // has + or ~
}

func newSelSet(voc *vocabulary) *selSet {
	ix := &index{voc: voc, lists: make([]list, 2)}
	ix.attr(aClass)
	ix.attr(aID)
	return &selSet{
		voc: voc, byText: map[string]int{}, index: ix,
		inner: &selSet{voc: voc, index: ix, nested: true},
	}
}

// add compiles a selector list and returns its group.
func (s *selSet) add(text string) (int, error) {
	text = strings.TrimSpace(text)
	if g, ok := s.byText[text]; ok {
		return g, nil
	}
	p := parser{s: text, voc: s.voc, inner: s.inner}
	sel, err := p.list()
	if err != nil {
		return 0, err
	}
	g := s.addSteps(sel)
	s.byText[text] = g
	return g, nil
}

func (s *selSet) addSteps(sel [][]step) int {
	g := s.groups
	s.groups++
	for _, steps := range sel {
		prev := -1
		for i, st := range steps {
			n := state{comp: st.comp, comb: st.comb, prev: prev, bit: -1, group: -1}
			if i < len(steps)-1 {
				n.bit = s.bits
				s.bits++
			} else {
				n.group = g
			}
			s.aside = s.aside || st.comb == '+' || st.comb == '~'
			prev = len(s.states)
			s.states = append(s.states, n)
			s.file(int32(prev))
		}
	}
	return g
}

// file puts a state into the index, and leaves of its compound what the place
// there does not say already.
func (s *selSet) file(i int32) {
	st := &s.states[i]
	var at int32
	at, st.comp = s.index.place(st.comp)
	l := &s.index.lists[at]
	switch {
	case s.nested:
		l.inner = append(l.inner, i)
	case st.prev >= 0:
		bit := s.states[st.prev].bit
		for len(l.mask) <= bit/64 {
			l.mask = append(l.mask, 0)
		}
		l.mask[bit/64] |= 1 << (bit % 64)
		l.bound = append(l.bound, bound{state: i, comb: st.comb, word: bit / 64, bit: 1 << (bit % 64)})
	case st.group >= 0 && st.comp.empty():
		l.sure = append(l.sure, int32(st.group))
	default:
		l.free = append(l.free, i)
	}
}

// index says which states may hold at an element, by what it bears: each is
// filed, once, under the rarest thing that its compound asks for.
type index struct {
	voc      *vocabulary
	lists    []list // 0 is nothing, 1 what may hold anywhere
	anywhere int32  // 1 if anything is there
	tags     []int32
	attrs    []attrIndex
	classes  keyed
	ids      keyed
}

// list are the states that are filed together.
type list struct {
	sure  []int32 // groups that nothing else is asked for
	free  []int32
	bound []bound
	mask  []uint64 // the bits that those in bound ask for
	inner []int32  // arguments of :has
}

// bound is a state that follows another one.
type bound struct {
	state int32
	comb  byte
	word  int // of a row: where the bit of that other one is
	bit   uint64
}

// attrIndex is what the index holds for one attribute.
type attrIndex struct {
	any    int32
	values *keyed
	asked  bool // any of these, or it is class or id
}

// keyed are lists by string.
type keyed struct {
	nameTable
	lists []int32
}

func (k *keyed) list(s string) *int32 {
	id := k.add(s)
	for len(k.lists) <= id {
		k.lists = append(k.lists, 0)
	}
	return &k.lists[id]
}

func (k *keyed) get(s string) int32 {
	if id := k.find(s); id > 0 {
		return k.lists[id]
	}
	return 0
}

// widespread are attributes whose presence says little.
var widespread = words("href src class id name type value title style rel alt content")

func (ix *index) attr(id attrID) *attrIndex {
	for len(ix.attrs) <= int(id) {
		ix.attrs = append(ix.attrs, attrIndex{})
	}
	ix.attrs[id].asked = true
	return &ix.attrs[id]
}

// place gives the list in which a compound is to be found, and what is left to
// ask of an element that asks for that list.
func (ix *index) place(c compound) (int32, compound) {
	at, rest := ix.slot(c)
	if *at == 0 {
		*at = int32(len(ix.lists))
		ix.lists = append(ix.lists, list{})
	}
	return *at, rest
}

func (ix *index) slot(c compound) (*int32, compound) {
	switch {
	case c.id != "":
		at := ix.ids.list(c.id)
		c.id = ""
		return at, c
	case len(c.classes) > 0:
		at := ix.classes.list(c.classes[0])
		c.classes = c.classes[1:]
		return at, c
	}
	for k, a := range c.attrs {
		if a.op == '=' && !a.fold && a.value != "" {
			x := ix.attr(a.name)
			if x.values == nil {
				x.values = &keyed{}
			}
			c.attrs = slices.Delete(slices.Clone(c.attrs), k, k+1)
			return x.values.list(a.value), c
		}
	}
	for k, a := range c.attrs {
		if c.tag == tNone || !widespread[ix.voc.attrs.names[a.name]] {
			if a.op == 0 {
				c.attrs = slices.Delete(slices.Clone(c.attrs), k, k+1)
			}
			return &ix.attr(a.name).any, c
		}
	}
	if c.tag != tNone {
		for len(ix.tags) <= int(c.tag) {
			ix.tags = append(ix.tags, 0)
		}
		at := &ix.tags[c.tag]
		c.tag = tNone
		return at, c
	}
	ix.anywhere = 1
	return &ix.anywhere, c
}

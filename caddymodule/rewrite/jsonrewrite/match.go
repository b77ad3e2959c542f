package jsonrewrite

import (
	"fmt"
	"math/bits"
)

// setWords and maxShapes bound what a profile's shapes may look for.
const (
	setWords  = 4
	maxShapes = 64
)

// keySet is a set of the names that shapes look for, by bit.
type keySet [setWords]uint64

// add takes in a name; bit counts from 1.
func (s *keySet) add(bit uint16) { s[(bit-1)>>6&(setWords-1)] |= 1 << ((bit - 1) & 63) }

// holds reports whether all of o is in s.
func (s *keySet) holds(o *keySet) bool {
	return o[0]&^s[0]|o[1]&^s[1]|o[2]&^s[2]|o[3]&^s[3] == 0
}

// meets reports whether any of o is in s.
func (s *keySet) meets(o *keySet) bool {
	return o[0]&s[0]|o[1]&s[1]|o[2]&s[2]|o[3]&s[3] != 0
}

// bitsOfShapes numbers the names that shapes look for.
func (p *Program) bitsOfShapes() error {
	p.bits = make([]uint16, len(p.names)+1)
	used := uint16(0)
	for _, s := range p.shapes {
		for _, l := range [...]struct {
			set *keySet
			ids []int32
		}{{&s.has, s.looks.has}, {&s.any, s.looks.any}, {&s.lacks, s.looks.lacks}} {
			for _, id := range l.ids {
				if p.bits[id] == 0 {
					used++
					p.bits[id] = used
				}
				if used > setWords*64 {
					return fmt.Errorf("shapes look for more than %d names", setWords*64)
				}
				l.set.add(p.bits[id])
			}
		}
	}
	return nil
}

// setCache remembers which shapes may take an object that has a set of names:
// there are few sets in one wiki's answers. It forgets by overwriting.
type setCache [64]struct {
	set    keySet
	shapes uint64 // by bit
	known  bool
}

// candidates gives the shapes, by bit, whose has, any and lacks an object of
// these names fulfils.
func (t *tape) candidates(set *keySet) uint64 {
	h := (set[0] ^ bits.RotateLeft64(set[1], 17) ^ bits.RotateLeft64(set[2], 31) ^ bits.RotateLeft64(set[3], 47)) * 0x9e3779b97f4a7c15
	e := &t.sets[h>>58]
	if e.known && e.set == *set {
		return e.shapes
	}
	e.set, e.shapes, e.known = *set, 0, true
	for i, s := range t.p.shapes {
		if set.holds(&s.has) && !set.meets(&s.lacks) && (len(s.looks.any) == 0 || set.meets(&s.any)) {
			e.shapes |= 1 << i
		}
	}
	return e.shapes
}

// shapeOf finds the first shape that recognises an object: 1 + its index, or 0.
// The numbers of the object's names have just been noted.
func (t *tape) shapeOf(n int32, set *keySet) uint16 {
	for c := t.candidates(set); c != 0; c &= c - 1 {
		i := bits.TrailingZeros64(c)
		if s := t.p.shapes[i]; t.fits(n, s) {
			return uint16(i + 1)
		}
	}
	return 0
}

// fits reports whether an object that may be of shape s is of it.
func (t *tape) fits(n int32, s *shape) bool {
	for i := range s.is {
		if c := &s.is[i]; !t.oneOf(t.names.seen[c.id], c.values) {
			return false
		}
	}
	return len(s.under) == 0 || t.under(n, s.under)
}

func (t *tape) oneOf(n int32, values []nameEntry) bool {
	if t.nodes[n].kind <= array {
		return false
	}
	v := t.text(n)
	head, tail := ends(v)
	for i := range values {
		if values[i].is(head, tail, v) {
			return true
		}
	}
	return false
}

// under reports whether the nearest member name above is one of names.
func (t *tape) under(n int32, names []int32) bool {
	for ; n >= 0; n = t.nodes[n].parent {
		if t.nodes[n].klen < 0 {
			continue
		}
		for _, w := range names {
			if t.nodes[n].id == w {
				return true
			}
		}
		return false
	}
	return false
}

// shape gives the shape that takes an object, or nil.
func (t *tape) shape(n int32) *shape {
	if i := t.nodes[n].shape; i > 0 {
		return t.p.shapes[i-1]
	}
	return nil
}

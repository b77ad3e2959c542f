package jsonrewrite

import (
	"fmt"
	"hash/maphash"
	"math/bits"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// members finds names that stand twice in an object. Names that the program
// knows are told apart by their number; others, where there are many, by a hash
// table whose seed no document knows: the work grows with the members alone.
type members struct {
	epoch int32
	at    []int32 // by number of a name: the epoch in which it was seen
	seen  []int32 // by number of a name: the node
	slots []memberSlot
	steps int // through slots, for tests
}

type memberSlot struct {
	epoch int32
	hash  uint32
	node  int32
}

// fewMembers is how many unknown names are compared each with each.
const fewMembers = 6

var seed = maphash.MakeSeed()

func (m *members) size(names int) {
	if len(m.at) < names {
		m.at, m.seen = make([]int32, names), make([]int32, names)
	}
}

// close checks the names of an object that has been read, and finds its shape.
func (t *tape) close(self int32) error {
	m := &t.names
	if m.epoch++; m.epoch < 0 { // wrapped around
		m.epoch = 1
		clear(m.at)
		clear(m.slots)
	}
	var set keySet
	unknown := 0
	end := t.nodes[self].next
	for c := self + 1; c < end; c = t.nodes[c].next {
		id := t.nodes[c].id
		if id == 0 {
			unknown++
			continue
		}
		if m.at[id] == m.epoch {
			return twice(&t.nodes[c])
		}
		m.at[id], m.seen[id] = m.epoch, c
		if bit := t.p.bits[id]; bit != 0 && !t.isNull(c) {
			set.add(bit)
		}
	}
	if unknown > 1 {
		if err := t.unknownNames(self, unknown); err != nil {
			return err
		}
	}
	t.nodes[self].shape = t.shapeOf(self, &set)
	return nil
}

func twice(n *node) error {
	return fmt.Errorf("json at byte %d: member name stands twice: %w", n.key, edit.ErrAmbiguous)
}

// unknownNames looks for the same name twice among those that the program does
// not know.
func (t *tape) unknownNames(self int32, count int) error {
	if count > fewMembers {
		return t.manyNames(self, count)
	}
	var few [fewMembers]int32
	n, end := 0, t.nodes[self].next
	for c := self + 1; c < end; c = t.nodes[c].next {
		nc := &t.nodes[c]
		if nc.id != 0 {
			continue
		}
		for _, o := range few[:n] {
			no := &t.nodes[o]
			if (nc.is|no.is)&kescaped == 0 && nc.klen != no.klen {
				continue
			}
			if t.nameOf(c) == t.nameOf(o) {
				return twice(nc)
			}
		}
		few[n] = c
		n++
	}
	return nil
}

func (t *tape) manyNames(self int32, count int) error {
	m := &t.names
	if size := 1 << bits.Len(uint(2*count)); len(m.slots) < size {
		m.slots = make([]memberSlot, size)
	}
	mask := uint32(len(m.slots) - 1)
	end := t.nodes[self].next
	for c := self + 1; c < end; c = t.nodes[c].next {
		if t.nodes[c].id != 0 {
			continue
		}
		name := t.nameOf(c)
		h := maphash.String(seed, name)
		at, tag := uint32(h)&mask, uint32(h>>32)
		for m.slots[at].epoch == m.epoch {
			if m.steps++; m.slots[at].hash == tag && t.nameOf(m.slots[at].node) == name {
				return twice(&t.nodes[c])
			}
			at = (at + 1) & mask
		}
		m.slots[at] = memberSlot{m.epoch, tag, c}
	}
	return nil
}

// release forgets the document.
func (t *tape) release() { t.src, t.s, t.kept = nil, "", arena{} }

// size is about the number of bytes of memory that the tape keeps.
func (t *tape) size() int { return 36*cap(t.nodes) + 12*len(t.names.slots) + cap(t.buf) }

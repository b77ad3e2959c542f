package jsonrewrite

import (
	"math/bits"
	"strings"
)

// nameTable finds the number of a member's name from its bytes. Names have
// numbers from 1 on; 0 is a name that the program does not know. It is built
// once, so that how long a look-up takes is the profile's matter alone: no
// document can fill a chain.
type nameTable struct {
	entries []nameEntry // by number; entries[0] is nobody's
	index   []uint16    // open addressing: numbers by hash, a power of two
	shift   uint
}

type nameEntry struct {
	head, tail uint64
	name       string
}

func entriesOf(names []string) []nameEntry {
	out := make([]nameEntry, len(names))
	for i, name := range names {
		head, tail := ends(name)
		out[i] = nameEntry{head, tail, name}
	}
	return out
}

// maxNames is how many names a profile may speak of.
const maxNames = 1 << 15

func newNameTable(names map[string]int32) nameTable {
	size := max(64, 1<<bits.Len(uint(4*len(names))))
	t := nameTable{
		entries: make([]nameEntry, len(names)+1),
		index:   make([]uint16, size),
		shift:   uint(64 - bits.Len(uint(size-1))),
	}
	for name, id := range names {
		head, tail := ends(name)
		t.entries[id] = nameEntry{head, tail, name}
	}
	for id := 1; id < len(t.entries); id++ { // in the order of numbers, so that each build is the same
		e := &t.entries[id]
		i := t.slot(e.head, e.tail, len(e.name))
		for t.index[i] != 0 {
			i = (i + 1) & (len(t.index) - 1)
		}
		t.index[i] = uint16(id)
	}
	return t
}

func (t *nameTable) slot(head, tail uint64, n int) int {
	return int((head ^ bits.RotateLeft64(tail, 29) ^ uint64(n)) * 0x9e3779b97f4a7c15 >> t.shift)
}

// find gives a name's number.
func (t *nameTable) find(name string) int32 {
	head, tail := ends(name)
	for i := t.slot(head, tail, len(name)); ; i = (i + 1) & (len(t.index) - 1) {
		id := t.index[i]
		if id == 0 {
			return 0
		}
		if t.entries[id].is(head, tail, name) {
			return int32(id)
		}
	}
}

// is reports whether the entry is of this name, which has these ends. Up to 16
// bytes they are all there is.
func (e *nameEntry) is(head, tail uint64, name string) bool {
	return e.head == head && e.tail == tail && len(e.name) == len(name) && (len(name) <= 16 || e.name == name)
}

// ends gives the first and the last eight bytes of a name; of a shorter one
// all of it, twice.
func ends(name string) (head, tail uint64) {
	n := len(name)
	if n >= 8 {
		return load(name), load(name[n-8:])
	}
	for i := n - 1; i >= 0; i-- {
		head = head<<8 | uint64(name[i])
	}
	return head, head
}

// load gives the first eight bytes of s as one number.
func load(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// arena keeps many small strings in few pieces of memory, which the collector
// frees when none of them is held any more.
type arena struct{ b strings.Builder }

// keep makes a string of b.
func (a *arena) keep(b []byte) string {
	if have := a.b.Cap(); have-a.b.Len() < len(b) {
		a.b.Reset()
		a.b.Grow(max(2*have, len(b), 256))
	}
	n := a.b.Len()
	a.b.Write(b)
	return a.b.String()[n:]
}

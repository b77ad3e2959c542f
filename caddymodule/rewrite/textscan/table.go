package textscan

import "math/bits"

// table is an open-addressed hash table from a hash to the place of a record
// that holds the hash itself. A slot is 0 or one more than a place, beside the
// upper half of the hash: records of other hashes need not be looked at.
type table struct{ slots []uint64 }

// newTable makes a table for at most n records.
func newTable(n int) table { return table{make([]uint64, power(n+n/3+8))} }

func power(n int) int { return 1 << bits.Len(uint(n-1)) }

// halves of a slot.
const (
	tagMask   = 0xffffffff << 32
	placeMask = 0xffffffff
)

// first is the slot that a hash has if nothing is in its way.
func (t *table) first(h uint64) int { return int(h>>10) & (len(t.slots) - 1) }

// slot gives the slot of a hash, taken or empty.
func (t *table) slot(h uint64, hash func(int32) uint64) *uint64 {
	i := t.first(h)
	for {
		s := &t.slots[i]
		if *s == 0 || *s&tagMask == h&tagMask && hash(int32(*s&placeMask)-1) == h {
			return s
		}
		i = (i + 1) & (len(t.slots) - 1)
	}
}

// find gives the record of a hash, or -1.
func (t *table) find(h uint64, hash func(int32) uint64) int32 {
	if len(t.slots) == 0 {
		return -1
	}
	return int32(*t.slot(h, hash)&placeMask) - 1
}

// set puts a record into a slot.
func (t *table) set(s *uint64, h uint64, place int) { *s = h&tagMask | uint64(place+1) }

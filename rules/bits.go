package rules

import (
	"encoding/binary"
	"math/bits"
)

// bitset is a set of small numbers below a bound that is fixed when it is made.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (b bitset) set(i int)      { b[i>>6] |= 1 << (i & 63) }
func (b bitset) unset(i int)    { b[i>>6] &^= 1 << (i & 63) }
func (b bitset) has(i int) bool { return b[i>>6]&(1<<(i&63)) != 0 }

// put makes i a member, or not.
func (b bitset) put(i int, in bool) {
	if in {
		b.set(i)
	} else {
		b.unset(i)
	}
}

func (b bitset) or(c bitset) {
	for i, w := range c {
		b[i] |= w
	}
}

// not makes the set the numbers below n that are not in c.
func (b bitset) not(c bitset, n int) {
	for i, w := range c {
		b[i] = ^w
	}
	if n&63 != 0 {
		b[len(b)-1] &= 1<<(n&63) - 1
	}
}

// move takes the members of all from from to below to out of other, and puts
// them in b.
func (b bitset) move(from, to int, all, other bitset) {
	for w := from >> 6; w<<6 < to; w++ {
		m := all[w]
		if lo := from - w<<6; lo > 0 {
			m &= ^uint64(0) << lo
		}
		if hi := to - w<<6; hi < 64 {
			m &= 1<<hi - 1
		}
		b[w] |= m
		other[w] &^= m
	}
}

func (b bitset) count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}

// each gives the members in order, until yield says enough.
func (b bitset) each(yield func(i int) bool) {
	for i, w := range b {
		for ; w != 0; w &= w - 1 {
			if !yield(i<<6 + bits.TrailingZeros64(w)) {
				return
			}
		}
	}
}

// appendKey writes the set so that equal sets, and no others, read equal:
// the words that are not zero, each after its number.
func (b bitset) appendKey(key []byte) []byte {
	for i, w := range b {
		if w != 0 {
			key = binary.AppendUvarint(key, uint64(i))
			key = binary.LittleEndian.AppendUint64(key, w)
		}
	}
	return key
}

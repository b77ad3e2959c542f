package textscan

import "math/bits"

// table is an open-addressed hash table from a hash to the place of a record
// that holds the hash itself.
type table struct{ at []int32 } // one more than the place; 0: empty

// newTable makes a table for at most n records.
func newTable(n int) table { return table{make([]int32, power(n+n/2+8))} }

func power(n int) int { return 1 << bits.Len(uint(n-1)) }

// slot gives the slot of a hash, taken or empty.
func (t *table) slot(h uint64, hash func(int32) uint64) *int {
	mask := len(t.at) - 1
	i := int(h>>20) & mask
	for t.at[i] != 0 && hash(t.at[i]-1) != h {
		i = (i + 1) & mask
	}
	return &i
}

// find gives the record of a hash, or -1.
func (t *table) find(h uint64, hash func(int32) uint64) int32 {
	if len(t.at) == 0 {
		return -1
	}
	return t.at[*t.slot(h, hash)] - 1
}

// filter says of a word's hash, and of that of a pair of words, whether a name
// may be anchored there. It is a Bloom filter in blocks of one cache line
// (Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom Filters,
// 2007). What is asked about a word and its neighbours stands in the blocks of
// these words: a text has far fewer words than pairs, so that the blocks which
// it needs stay in a near cache. A pair stands in the block of its rarer word.
// Pairs of common words would fill their blocks, and stand in wide.
type filter struct {
	blocks    []block
	shift     uint
	wide      []uint64
	wideShift uint
}

type block [8]uint64

// newFilter makes a filter for about n names.
func newFilter(n int) filter {
	size := power(max(n/24, 16))
	wide := power(max(n/16, 64))
	return filter{make([]block, size), uint(64 - bits.Len(uint(size-1))), make([]uint64, wide), uint(64 - bits.Len(uint(wide-1)))}
}

func twoBits(h uint64) uint64    { return 1<<(h&63) | 1<<(h>>6&63) }
func firstBits(h uint64) uint64  { return 1<<(h>>12&63) | 1<<(h>>18&63) }
func secondBits(h uint64) uint64 { return 1<<(h>>24&63) | 1<<(h>>30&63) }

// place gives the word of a block in which a pair stands; the first is kept for
// what is said of single words.
func place(pair uint64) uint64 { return 1 + pair>>32*7>>32 }

func (f *filter) block(h uint64) *block { return &f.blocks[h>>f.shift] }

// add notes a name of one word.
func (f *filter) add(h uint64) { f.block(h)[0] |= twoBits(h) }

// addPair notes a name anchored at two words, in the block of the first or the
// second, or, both being common, in wide.
func (f *filter) addPair(first, second uint64, inFirst, common bool) {
	pair := mix(first, second)
	switch {
	case common:
		f.block(first)[0] |= firstBits(first)
		f.block(second)[0] |= secondBits(second)
		f.wide[pair>>f.wideShift] |= twoBits(pair)
	case inFirst:
		f.block(first)[place(pair)] |= twoBits(pair)
	default:
		f.block(second)[place(pair)] |= twoBits(pair)
	}
}

// single reports whether a word may be a name; b is its block.
func single(b *block, h uint64) bool {
	bits := twoBits(h)
	return b[0]&bits == bits
}

// pair reports whether a name may be anchored at two words, whose blocks are a
// and b.
func (f *filter) pair(a, b *block, first, second uint64) bool {
	pair := mix(first, second)
	bits, at := twoBits(pair), place(pair)&7
	if a[at]&bits == bits || b[at]&bits == bits {
		return true
	}
	begin, end := firstBits(first), secondBits(second)
	return a[0]&begin == begin && b[0]&end == end && f.wide[pair>>f.wideShift]&bits == bits
}

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

// filter says of a word, or of two that stand together, whether a name may be
// anchored there. It is a Bloom filter in blocks of one cache line (Putze,
// Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom Filters, 2007). A
// pair stands in the block of its rarer word: a text has far fewer words than
// pairs, so that the blocks which it needs stay in a near cache. What would fill
// its block, pairs of common words, stands in wide, and so do the threes of
// which a pair is only a part.
type filter struct {
	blocks    []block
	shift     uint
	wide      []uint64
	wideShift uint
}

// block holds the words that are names in its first word, in the second those
// that may begin and end a pair of common words, and pairs in the others.
type block [8]uint64

// newFilter makes a filter for about n names.
func newFilter(n int) filter {
	size := power(max(n/24, 16))
	wide := power(max(n/8, 64))
	return filter{make([]block, size), uint(64 - bits.Len(uint(size-1))), make([]uint64, wide), uint(64 - bits.Len(uint(wide-1)))}
}

func bitsAt(h uint64) uint64 { return 1<<(h&63) | 1<<(h>>6&63) }

// pairBits are a pair's in its place of a block: where it is a name, or part of
// three.
func pairBits(key uint64) (whole, part uint64, place int) {
	return bitsAt(key), bitsAt(key >> 12), int(2 + key>>32*6>>32)
}

func (f *filter) block(h uint64) *block { return &f.blocks[h>>f.shift] }

func (f *filter) addName(h uint64) { f.block(h)[0] |= bitsAt(h) }

// addPair notes an anchor of two words, or (three) two words of one of three.
func (f *filter) addPair(a, b uint64, three, inFirst, common bool) {
	key := mix(mix(0, a), b)
	whole, part, place := pairBits(key)
	if three {
		whole = part
	}
	switch {
	case common:
		f.block(a)[1] |= bitsAt(a)
		f.block(b)[1] |= bitsAt(b >> 12)
		f.wide[key>>f.wideShift] |= whole
	case inFirst:
		f.block(a)[place] |= whole
	default:
		f.block(b)[place] |= whole
	}
}

// addThree notes an anchor of three words, two of which addPair was told of.
func (f *filter) addThree(key uint64) { f.wide[key>>f.wideShift] |= bitsAt(key >> 24) }

func (f *filter) three(key uint64) bool {
	m := bitsAt(key >> 24)
	return f.wide[key>>f.wideShift]&m == m
}

// near is the last word of a text: its hash, that of it as the first of
// several, and its block.
type near struct {
	hash, begun uint64
	block       *block
}

// What may be anchored at a word and the one before it.
const (
	isName  uint8 = 1 << iota // the word
	isPair                    // the two
	isThree                   // three, of which they are a part
)

// push takes the next word and says what may be anchored at it.
func (f *filter) push(t *near, h uint64) (anchors uint8) {
	b, last := f.block(h), *t
	t.hash, t.begun, t.block = h, mix(0, h), b
	if m := bitsAt(h); b[0]&m == m {
		anchors = isName
	}
	if last.block == nil {
		return anchors
	}
	key := mix(last.begun, h)
	whole, part, place := pairBits(key)
	place &= 7
	x, y := last.block[place], b[place]
	if x&whole == whole || y&whole == whole {
		anchors |= isPair
	}
	if x&part == part || y&part == part {
		anchors |= isThree
	}
	if begin, end := bitsAt(last.hash), bitsAt(h>>12); last.block[1]&begin == begin && b[1]&end == end {
		w := f.wide[key>>f.wideShift]
		if w&whole == whole {
			anchors |= isPair
		}
		if w&part == part {
			anchors |= isThree
		}
	}
	return anchors
}

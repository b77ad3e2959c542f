package textscan

import (
	"cmp"
	"math/bits"
	"runtime"
	"slices"
)

// filter says of a word, or of two that stand together, whether a name may be
// anchored there. It is made of Bloom filters in blocks (Putze, Sanders,
// Singler: Cache-, Hash- and Space-Efficient Bloom Filters, 2007), so laid out
// that a text looks at little memory. A pair stands in the block, one cache
// line, of its rarer word: a text has far fewer words than pairs. What would fill
// its block, pairs of common words, stands in common, which is small, for such
// pairs recur. The threes of which a pair is only a part stand in threes, and
// words that are names in single, which is asked about words of their lengths
// alone: most words are shorter.
type filter struct {
	blocks                 []block
	blockShift             uint
	common, threes, single bloom
	lengths                uint64 // of the names of one word, as the hasher counts them
	commons                []mark // while it is built, what common is to hold
}

// mark is bits of a filter.
type mark struct{ key, bits uint64 }

// block holds pairs, each in one of its words.
type block [8]uint64

// bloom is a filter of which one word is looked at.
type bloom struct {
	words []uint64
	shift uint
}

// newBloom makes a filter for about n hashes.
func newBloom(n int) bloom {
	n = power(max(n/4, 64))
	return bloom{make([]uint64, n), shiftFor(n)}
}

func (f *bloom) add(h, mark uint64) { f.words[h>>f.shift] |= mark }

func (f *bloom) at(h uint64) uint64 { return f.words[h>>(f.shift&63)] }

func (f *bloom) has(h, mark uint64) bool { return mark&^f.at(h) == 0 }

// newFilter makes a filter for about so many names of one word, and of several.
func newFilter(single, several int) filter {
	blocks := power(max(several/16, 16))
	return filter{blocks: make([]block, blocks), blockShift: shiftFor(blocks), threes: newBloom(several), single: newBloom(single)}
}

// shiftFor gives how far to shift a hash for a place of n, a power of two.
func shiftFor(n int) uint { return uint(64 - bits.Len(uint(n-1))) }

// bitsAt gives three bits of a word by 18 bits of a hash.
func bitsAt(h uint64) uint64 { return 1<<(h&63) | 1<<(h>>6&63) | 1<<(h>>12&63) }

// pairBits are a pair's in its place of a block: where it is a name, or part of
// three.
func pairBits(key uint64) (whole, part uint64, place int) {
	whole = bitsAt(key)
	return whole, bits.RotateLeft64(whole, 23), int(key >> 20 & 7)
}

// wordBits are a word's.
func wordBits(h uint64) uint64 { return bitsAt(h >> lengthBits) }

func (f *filter) block(h uint64) *block { return &f.blocks[h>>f.blockShift] }

func (f *filter) addName(h uint64) {
	f.single.add(h, wordBits(h))
	f.lengths |= 1 << (h & maxLength)
}

// addPair notes an anchor of two words, or (three) two words of one of three.
func (f *filter) addPair(a, b uint64, three, inFirst, common bool) {
	key := mix(mix(0, a), b)
	whole, part, place := pairBits(key)
	if three {
		whole = part
	}
	switch {
	case common:
		f.commons = append(f.commons, mark{key, whole})
	case inFirst:
		f.block(a)[place] |= whole
	default:
		f.block(b)[place] |= whole
	}
}

// addThree notes an anchor of three words, two of which addPair was told of.
func (f *filter) addThree(key uint64) { f.threes.add(key, bitsAt(key)) }

func (f *filter) three(key uint64) bool { return f.threes.has(key, bitsAt(key)) }

// seal ends the building.
func (f *filter) seal() {
	slices.SortFunc(f.commons, func(a, b mark) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.bits, b.bits)) })
	f.commons = slices.Compact(f.commons)
	f.common = newBloom(len(f.commons))
	for _, c := range f.commons {
		f.common.add(c.key, c.bits)
	}
	f.commons = nil
}

// spotting is what may be anchored at a word and the one before it.
type spotting struct {
	at   int
	what uint8
}

// What may be anchored there.
const (
	isName  uint8 = 1 << iota // the word
	isPair                    // the two
	isThree                   // three, of which they are a part
	mayName                   // ask single
)

// chunk is how many words are looked at together.
const chunk = 256

// spot gives where among words something may be anchored. Its loops are short
// and without branches that nobody could foresee, so that many of their looks at
// memory are under way at once.
func (f *filter) spot(words []uint64, out []spotting) []spotting {
	out = slices.Grow(out[:0], len(words))[:len(words)]
	n, last := 0, near{block: &nothing}
	for from := 0; from < len(words); from += chunk {
		some, touched := words[from:min(from+chunk, len(words))], uint64(0)
		for _, h := range some {
			touched += f.block(h)[0]
		}
		runtime.KeepAlive(touched)
		k := f.near(&last, some, out[n:])
		for _, p := range out[n : n+k] {
			if p.what&mayName != 0 {
				p.what &^= mayName
				if h := some[p.at]; f.single.has(h, wordBits(h)) {
					p.what |= isName
				}
			}
			if p.what != 0 {
				out[n] = spotting{p.at + from, p.what}
				n++
			}
		}
	}
	return out[:n]
}

// near is the last word, and what is known of it as the first of several.
type near struct {
	begun uint64
	block *block
}

// nothing is anchored at the first word and one before it.
var nothing block

// near asks about some of the words all that is not asked of single. It begins
// out with its answers and gives how many they are.
func (f *filter) near(t *near, some []uint64, out []spotting) int {
	n, begun, last := 0, t.begun, t.block
	out = out[:len(some)]
	blocks, shift, lengths := f.blocks, f.blockShift, f.lengths
	for i, h := range some {
		b := &blocks[h>>(shift&63)]
		key := mix(begun, h)
		whole, part, place := pairBits(key)
		x, y, z := last[place&7], b[place&7], f.common.at(key)
		what := oneHas(whole, x, y, z)*isPair | oneHas(part, x, y, z)*isThree | uint8(lengths>>(h&maxLength)&1)*mayName
		out[n] = spotting{i, what}
		if what != 0 {
			n++
		}
		begun, last = mix(0, h), b
	}
	t.begun, t.block = begun, last
	return n
}

// oneHas is 1 if one of the three has all bits of a mark, else 0. Comparisons
// would become branches.
func oneHas(mark, x, y, z uint64) uint8 { return 1 ^ lacks(mark, x)&lacks(mark, y)&lacks(mark, z) }

func lacks(mark, x uint64) uint8 {
	x = mark &^ x
	return uint8((x | -x) >> 63)
}

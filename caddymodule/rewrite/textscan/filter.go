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
// that a text looks at little memory, at one place for each pair: a pair stands
// in the block, one cache line, of a word of it that is not common, for a text
// has far fewer words than pairs. What would fill its block, pairs of common
// words, stands in a part for themselves, which is small, for such pairs recur.
// The threes of which a pair is only a part stand in threes, and words that are
// names in single, which is asked about words of their lengths alone: most words
// are shorter.
type filter struct {
	pairs          []uint64 // the blocks, and behind them what is of common words
	blocks         int
	shift          uint // for the block of a word
	commonShift    uint // for the place of a pair of common words
	common         [1 << (commonBits - 6)]uint64
	threes, single bloom
	lengths        uint64 // of the names of one word, as the hasher counts them
	commons        []mark // while it is built, what common words are to hold
}

// commonBits are how many bits of a hash say whether the word is common.
const commonBits = 16

// mark is bits of a filter.
type mark struct{ key, bits uint64 }

// lineSize is of how many words, each for some pairs, a block is.
const lineSize = 8

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
	n := power(max(several/16, 16))
	return filter{pairs: make([]uint64, n*lineSize), blocks: n, shift: shiftFor(n), threes: newBloom(several), single: newBloom(single)}
}

// shiftFor gives how far to shift a hash for a place of n, a power of two.
func shiftFor(n int) uint { return uint(64 - bits.Len(uint(n-1))) }

// bitsAt gives three bits of a word by 18 bits of a hash.
func bitsAt(h uint64) uint64 { return 1<<(h&63) | 1<<(h>>6&63) | 1<<(h>>12&63) }

// pairBits are a pair's: where it is a name, or part of three.
func pairBits(key uint64) (whole, part uint64) {
	whole = bitsAt(key)
	return whole, bits.RotateLeft64(whole, 23)
}

// wordBits are a word's.
func wordBits(h uint64) uint64 { return bitsAt(h >> lengthBits) }

// setCommon says that a word is common, which goes for all words of a few bits
// of its hash. It must be said before pairs are added.
func (f *filter) setCommon(h uint64) {
	f.common[h>>(70-commonBits)] |= 1 << (h >> (64 - commonBits) & 63)
}

func (f *filter) isCommon(h uint64) bool {
	return f.common[h>>(70-commonBits)]>>(h>>(64-commonBits)&63)&1 != 0
}

// place is where a pair stands in pairs, given the word in whose block it is.
func (f *filter) place(h, key uint64) uint64 { return h>>(f.shift&63)*lineSize + key>>20%lineSize }

func (f *filter) addName(h uint64) {
	f.single.add(h, wordBits(h))
	f.lengths |= 1 << (h & maxLength)
}

// addPair notes an anchor of two words, or (three) two words of one of three.
func (f *filter) addPair(a, b uint64, three bool) {
	key := mix(mix(0, a), b)
	bits, part := pairBits(key)
	if three {
		bits = part
	}
	switch {
	case !f.isCommon(b):
		f.pairs[f.place(b, key)] |= bits
	case !f.isCommon(a):
		f.pairs[f.place(a, key)] |= bits
	default:
		f.commons = append(f.commons, mark{key, bits})
	}
}

// addThree notes an anchor of three words, two of which addPair was told of.
func (f *filter) addThree(key uint64) { f.threes.add(key, bitsAt(key)) }

func (f *filter) three(key uint64) bool { return f.threes.has(key, bitsAt(key)) }

// seal ends the building.
func (f *filter) seal() {
	slices.SortFunc(f.commons, func(a, b mark) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.bits, b.bits)) })
	f.commons = slices.Compact(f.commons)
	n := power(max(len(f.commons)/4, 64))
	f.commonShift = shiftFor(n)
	f.pairs = append(f.pairs, make([]uint64, n)...)
	for _, c := range f.commons {
		f.pairs[f.commonPlace(c.key)] |= c.bits
	}
	f.commons = nil
}

// commonPlace is where a pair of common words stands in pairs.
func (f *filter) commonPlace(key uint64) uint64 {
	return uint64(f.blocks*lineSize) + key>>(f.commonShift&63)
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
)

// chunk is how many words are looked at together.
const chunk = 256

// pairAt is a pair and its place in the filter.
type pairAt struct{ key, place uint64 }

// spot gives where among words something may be anchored. Its loops are short
// and without branches that nobody could foresee, so that many of their looks at
// memory are under way at once.
func (f *filter) spot(words []uint64, out []spotting) []spotting {
	var at [chunk]pairAt
	out, last := out[:0], uint64(0)
	for from := 0; from < len(words); from += chunk {
		some := words[from:min(from+chunk, len(words))]
		f.places(last, some, &at)
		last = some[len(some)-1]
		pairs, lengths := f.pairs, f.lengths
		for i, h := range some {
			p := &at[i&(chunk-1)]
			x := pairs[p.place]
			whole, part := pairBits(p.key)
			if whole, part = whole&^x, part&^x; int64((whole-1)&^whole|(part-1)&^part|lengths<<(63-h&maxLength)) >= 0 {
				continue // neither is 0, and no name is so long
			}
			if what := f.anchors(h, whole == 0, part == 0); what != 0 {
				out = append(out, spotting{from + i, what})
			}
		}
	}
	return out
}

// places gives where to look for the pairs of some words, the first with the
// last word before them.
func (f *filter) places(last uint64, some []uint64, at *[chunk]pairAt) {
	touched, begun, before := uint64(0), mix(0, last), f.isCommon(last)
	for i, h := range some {
		key, common := mix(begun, h), f.isCommon(h)
		p := f.commonPlace(key)
		if !before {
			p = f.place(last, key)
		}
		if !common {
			p = f.place(h, key)
		}
		touched += f.pairs[p]
		at[i&(chunk-1)] = pairAt{key, p}
		last, begun, before = h, mix(0, h), common
	}
	runtime.KeepAlive(touched)
}

func (f *filter) anchors(h uint64, pair, three bool) (what uint8) {
	if pair {
		what |= isPair
	}
	if three {
		what |= isThree
	}
	if f.lengths>>(h&maxLength)&1 != 0 && f.single.has(h, wordBits(h)) {
		what |= isName
	}
	return what
}

package textscan

import (
	"math/bits"
	"slices"
)

// What is indexed at one time.
const (
	indexed = 2048
	reach   = indexed + 64 // a word is loaded in 16 bytes wherever it begins
	windows = indexed / 64
)

// index says of a block of the source where its words of ASCII are, and where
// what is neither word nor blank. It is made once for all texts in the block, and
// without branches that depend on what is read: those cost most of the time in a
// reading byte by byte. It follows Langdale, Lemire: Parsing Gigabytes of JSON
// per Second, 2019, with words of eight bytes in place of vector registers.
type index struct {
	from, to int          // the block, which begins and ends between words
	broken   bool         // it does not, for it is all one word
	b        *[reach]byte // what is indexed, and what follows
	window   [windows + 1]window
	tail     [reach]byte
}

// window has a bit for each of 64 bytes.
type window struct{ words, starts, rest uint64 }

// has reports whether the text that begins at src[i] is indexed, and indexes it
// if it is not; an index goes only on.
func (x *index) has(src []byte, i int) bool {
	if i >= x.to {
		x.load(src, i)
	}
	return i >= x.from && !x.broken
}

// load indexes the block of src that begins at i.
func (x *index) load(src []byte, i int) {
	size := min(len(src)-i, indexed)
	if len(src)-i >= reach {
		x.b = (*[reach]byte)(src[i:])
	} else {
		x.b = &x.tail
		clear(x.b[copy(x.b[:], src[i:]):])
	}
	n, before, gap := (size+63)/64, uint64(0), -1
	for k := range n {
		w := &x.window[k]
		w.words, w.rest = classes((*[64]byte)(x.b[k*64:]))
		w.starts = w.words &^ (w.words<<1 | before>>63)
		before = w.words
		if before != ^uint64(0) {
			gap = k*64 + 63 - bits.LeadingZeros64(^before)
		}
	}
	x.window[n] = window{}
	x.from, x.to, x.broken = i, i+size, false
	if i+size < len(src) { // up to the last word, which may go on
		x.broken = gap < 0
		if !x.broken {
			x.to = i + gap + 1
		}
	}
}

// hash appends the hashes of the words of window k that are among starts, and
// gives the length of the longest of them.
func (x *index) hash(to []uint64, k uint, starts uint64) ([]uint64, uint) {
	to = slices.Grow(to, 32)
	out := (*[32]uint64)(to[len(to):][:32])
	n, longest := uint(0), uint(0)
	w, more, b := x.window[k].words, x.window[k+1].words, (*[128]byte)(x.b[k*64:])
	for ; starts != 0; starts &= starts - 1 {
		at := uint(bits.TrailingZeros64(starts)) & 63
		size := uint(bits.TrailingZeros64(^(w>>at | more<<1<<(63-at))))
		longest = max(longest, size)
		if size >= uint(len(wordMasks)) {
			out[n%32] = long(x.b[k*64+at:])
		} else {
			m := &wordMasks[size]
			out[n%32] = scramble((load(b[at:at+8])|fold)&m.lo, (load(b[at+8:at+16])|fold)&m.hi)&^maxLength | uint64(size)
		}
		n++
	}
	return to[:uint(len(to))+n], longest
}

// long is the hash of the letters and digits that b begins with.
func long(b []byte) uint64 {
	var h hasher
	for _, c := range b {
		if class[c] != isWord {
			break
		}
		h.add(c | fold&0xff)
	}
	return h.sum()
}

// classes gives which of 64 bytes are ASCII letters and digits, and which are
// neither such nor blank.
func classes(b *[64]byte) (words, rest uint64) {
	for at := 0; at < 64; at += 8 {
		x := load(b[at:])
		low := x &^ high
		lower := low | fold
		letter := (lower + (0x80-'a')*each) &^ (lower + (0x80-'z'-1)*each)
		digit := (low + (0x80-'0')*each) &^ (low + (0x80-'9'-1)*each)
		word := (letter | digit) &^ x
		words |= gather(word) << at
		rest |= gather((low+(0x80-'!')*each|x)&^word) << at
	}
	return words, rest
}

// wordMasks keep the first bytes of 16.
var wordMasks = func() (t [16]struct{ lo, hi uint64 }) {
	for n := range uint(len(t)) {
		t[n].lo, t[n].hi = ones(8*min(n, 8)), ones(8*max(n, 8)-64)
	}
	return t
}()

// ones are the n lowest bits.
func ones(n uint) uint64 { return 1<<n - 1 } // a shift by 64 gives 0

// gather makes a number of the high bits of eight bytes.
func gather(x uint64) uint64 { return (x & high >> 7) * 0x0102040810204080 >> 56 }

// same sets the high bit of each byte of x that is c.
func same(x uint64, c byte) uint64 {
	x ^= each * uint64(c)
	return ^(x&^high + (high - each) | x) & high
}

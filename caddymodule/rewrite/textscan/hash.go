package textscan

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// hasher hashes the folded bytes of one word, eight at a time, so that a word
// of ASCII can be hashed straight from where it stands.
type hasher struct {
	h, acc uint64
	n      uint // bytes in acc
	size   int  // bytes in all
}

func (h *hasher) add(c byte) {
	h.acc |= uint64(c) << (8 * h.n)
	h.size++
	if h.n++; h.n == 8 {
		h.h, h.acc, h.n = scramble(h.h, h.acc), 0, 0
	}
}

// word appends n ≤ 8 bytes, the rest of w being zero.
func (h *hasher) word(w uint64, n uint) {
	h.acc |= w << (8 * h.n)
	h.size += int(n)
	if h.n+n < 8 {
		h.n += n
		return
	}
	h.h = scramble(h.h, h.acc)
	h.acc = w >> (8 * (8 - h.n)) // a shift by 64 gives 0
	h.n = h.n + n - 8
}

func (h *hasher) rune(r rune) {
	if r < utf8.RuneSelf {
		h.add(byte(r))
		return
	}
	var b [utf8.UTFMax]byte
	for _, c := range b[:utf8.EncodeRune(b[:], r)] {
		h.add(c)
	}
}

// A hash tells the length of its word in its last bits.
const (
	lengthBits = 5
	maxLength  = 1<<lengthBits - 1
)

// sum is the word's hash; the hasher is as new afterwards.
func (h *hasher) sum() uint64 {
	s := sized(scramble(h.h, h.acc), h.size)
	*h = hasher{}
	return s
}

func sized(h uint64, size int) uint64 { return h&^maxLength | uint64(min(size, maxLength)) }

func scramble(h, w uint64) uint64 {
	hi, lo := bits.Mul64(h^w^0x9e3779b97f4a7c15, 0xd6e8feb86659fd93)
	return hi ^ lo
}

// mix makes one hash of a sequence of words.
func mix(h, w uint64) uint64 { return scramble(h+0x632be59bd9b4e019, w) }

const (
	each = 0x0101010101010101 // times a byte: that byte in all eight
	high = 0x80 * each
	fold = 0x20 * each
)

// outside sets the high bit of each byte of x that is no ASCII letter or digit.
func outside(x uint64) uint64 {
	low := x &^ high
	lower := low | fold
	letter := (lower + (0x80-'a')*each) &^ (lower + (0x80-'z'-1)*each)
	digit := (low + (0x80-'0')*each) &^ (low + (0x80-'9'-1)*each)
	return ^(letter|digit)&high | x&high
}

func load(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// loadEnd is load of fewer than eight bytes; the others are zero.
func loadEnd(b []byte) (x uint64) {
	for i, c := range b {
		x |= uint64(c) << (8 * i)
	}
	return x
}

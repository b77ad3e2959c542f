package textscan

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// hasher hashes the folded bytes of one word, sixteen at a time, so that a word
// of ASCII can be hashed straight from where it stands, mostly in one step.
type hasher struct {
	h, lo, hi uint64
	n         uint // bytes in lo and hi
	size      int  // bytes in all
}

func (h *hasher) add(c byte) {
	if h.n < 8 {
		h.lo |= uint64(c) << (8 * h.n)
	} else {
		h.hi |= uint64(c) << (8*h.n - 64)
	}
	h.size++
	if h.n++; h.n == 16 {
		h.h, h.lo, h.hi, h.n = scramble(h.h^h.lo, h.hi), 0, 0, 0
	}
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
	s := scramble(h.h^h.lo, h.hi)&^maxLength | uint64(min(h.size, maxLength))
	*h = hasher{}
	return s
}

// scramble multiplies two numbers to 128 bits and folds the product, as wyhash
// does.
func scramble(x, y uint64) uint64 {
	hi, lo := bits.Mul64(x^0x9e3779b97f4a7c15, y^0xd6e8feb86659fd93)
	return hi ^ lo
}

// mix makes one hash of a sequence of words.
func mix(h, w uint64) uint64 { return scramble((h+0x632be59bd9b4e019)^w, 0) }

const (
	each = 0x0101010101010101 // times a byte: that byte in all eight
	high = 0x80 * each
	fold = 0x20 * each
)

func load(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

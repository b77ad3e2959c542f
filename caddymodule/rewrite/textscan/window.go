package textscan

import "math/bits"

// What is read at one time of the plain text that most of a text is.
const (
	windowSize  = 64
	windowReach = windowSize + 16 // a word is loaded in two pieces of eight bytes
	worthWindow = 16
)

// window reads the words of b[:n] up to what is more than letters and digits of
// ASCII, blanks and common punctuation, and to the last word, of which there may
// be more. It gives how much it has read. No word is open. It does what feed
// does with less that one step has to wait for in the one before: first it finds
// where all words are, then it hashes them.
func (q *quick) window(b []byte, n int) int {
	b = b[:windowReach]
	var words, blanks uint64
	for at := 0; at < n; at += 8 {
		x := load(b[at:])
		words |= gather(^outside(x)) << at
		blanks |= gather(same(x, ' ')) << at
	}
	for other := ^(words | blanks) & ones(n); other != 0; other &= other - 1 {
		at := bits.TrailingZeros64(other)
		if c := b[at]; class[c] == isOther && c != '.' {
			q.see(c)
		} else if class[c] != isBlank && (c != '.' || q.dots) {
			n = at
			break
		} else if c == '.' {
			q.see(c)
		}
	}
	words &= ones(n)
	n -= bits.LeadingZeros64(^(words << (windowSize - n)))
	for words &= ones(max(n, 0)); words != 0; {
		at := bits.TrailingZeros64(words)
		size := bits.TrailingZeros64(^(words >> at))
		words &= words + 1<<at
		q.hashed(b[at:], uint(size))
	}
	return n
}

// hashed takes a whole word of ASCII, that b, of 16 bytes or more, begins with.
func (q *quick) hashed(b []byte, size uint) {
	q.longest = max(q.longest, int(size))
	if q.machine && size >= minID && size <= maxID && digits(b[:size]) {
		q.doubt = true
	}
	if size >= 16 {
		for i := uint(0); i < size; i++ {
			q.h.add(b[i] | fold&0xff)
		}
		q.words = append(q.words, q.h.sum())
		return
	}
	lo, hi := load(b)|fold, load(b[8:])|fold
	short := scramble(0, lo&ones(int(size)*8))
	sum := scramble(scramble(0, lo), hi&ones(int(size)*8-64))
	if size < 8 {
		sum = short
	}
	q.words = append(q.words, sized(sum, int(size)))
}

func digits(b []byte) bool {
	for _, c := range b {
		if c > '9' {
			return false
		}
	}
	return true
}

// ones are the n lowest bits; none for less than one.
func ones(n int) uint64 {
	if n >= 64 {
		return ^uint64(0)
	}
	return 1<<uint(max(n, 0)) - 1
}

// same sets the high bit of each byte of x that is c.
func same(x uint64, c byte) uint64 {
	x ^= each * uint64(c)
	return ^(x&^high + (high - each) | x) & high
}

// gather makes a number of the high bits of eight bytes.
func gather(x uint64) uint64 { return (x & high >> 7) * 0x0102040810204080 >> 56 }

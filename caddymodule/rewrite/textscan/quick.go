package textscan

import (
	"bytes"
	"math/bits"
	"slices"
	"unicode/utf8"
)

// quick passes over what holds nothing: it reads a piece of the source as the
// careful reading in unit does, without writing down what it decodes, and says
// whether that could find anything. It may be wrong one way only. Whatever it
// can't read in one step, a rare escape or character, makes it say yes.
type quick struct {
	s     *scan
	words []uint64 // hashes of the words so far, those of this piece last
	from  int      // the first word of this piece
	h     hasher
	// last ends with the open word if that has been taken from the index: its
	// hash is among words.
	last []byte
	piece
}

// piece is what quick notes of a piece.
type piece struct {
	// in is set while a word is open: more of it may follow behind a tag.
	in      bool
	doubt   bool      // to be read with care
	dots    bool      // old anchors' escapes are read in it
	machine bool      // ids are looked for in it
	value   bool      // it is one text by itself, for machines
	digits  int       // of the open word, the last ones
	number  bool      // the open word has as many as an id
	escaped bool      // what is decoded is not what stands there
	seen    [2]uint64 // ASCII other than letters and digits
	longest int       // bytes of the longest word
}

func (q *quick) reset(s *scan) {
	q.s, q.words = s, q.words[:0]
	q.begin()
}

// begin begins a piece.
func (q *quick) begin() { q.from, q.h, q.last, q.piece = len(q.words), hasher{}, nil, piece{} }

// between stands between the words of two pieces: it is no word's hash.
const between = 0x6a09e667f3bcc908 &^ maxLength

// part parts the words of a piece from those to come.
func (q *quick) part() {
	q.words = append(q.words, between)
	q.begin()
}

// drop forgets the words of the pieces before this one.
func (q *quick) drop() {
	if q.from > 0 {
		q.words = append(q.words[:0], q.words[q.from:]...)
		q.from = 0
	}
}

// feed reads src[i:j], which follows what it read last without a gap.
func (q *quick) feed(x *index, src []byte, i, j int) {
	split := i < j && j < len(src) && class[src[j-1]] == isWord && class[src[j]] == isWord
	for i < j && !q.doubt {
		inside := class[src[i]] == isWord && (q.in || i > 0 && class[src[i-1]] == isWord)
		if !inside && !split && x.has(src, i) {
			if to := q.take(x, i, min(j, x.to), nil); to > i {
				if i = to; class[src[i-1]] == isWord {
					q.in, q.last = true, src[:i]
				}
				continue
			}
		}
		i = q.step(src[:j], i)
	}
}

// take takes the words from i up to j, or to what the index can't read, and
// gives where that is. In a run of text it goes over tags that do nothing but part
// what does not touch.
func (q *quick) take(x *index, i, j int, run *reading) int {
	want := isStop | isMark
	if q.dots {
		want |= isDot
	}
	for begun := i; i < j; {
		k := uint(i-x.from) / 64
		w, base := &x.window[k&(2*windows-1)], x.from+int(k*64)
		here := ones(uint(min(j-base, 64))) &^ ones(uint(i-base))
		i = base + 64 // or behind a tag
		for m := w.rest & here; m != 0; m &= m - 1 {
			at := uint(bits.TrailingZeros64(m))
			b := x.b[k*64+at:]
			c := b[0]
			kind := q.s.kinds[c] & want
			if kind == 0 {
				continue
			}
			if kind&isMark != 0 {
				q.seen[c>>6&1] |= 1 << (c & 63)
			}
			if kind&isDot != 0 && upperHex[b[1]] && upperHex[b[2]] {
				q.doubt = true
			}
			if kind&isStop == 0 {
				continue
			}
			n := 0
			switch {
			case c == '&':
				n = q.reference(b)
			case c == '<' && run != nil && (base+int(at) > begun || !q.in):
				n = run.parting(base+int(at), b)
			}
			if n == 0 || base+int(at)+n >= j {
				j = base + int(at)
				here &= ones(at)
				break
			}
			if c == '<' {
				run.over(base+int(at), n)
			}
			past := ones(uint(n)) << at
			m, here, i = m&^past|1<<at, here&^past, max(i, base+int(at)+n)
		}
		if j == begun {
			break
		}
		q.end() // only a word of before is open
		var longest uint
		q.words, longest = x.hash(q.words, k, w.starts&here)
		q.longest = max(q.longest, int(longest))
		if q.machine && longest >= minID {
			q.ids(x, k, w.starts&here)
		}
	}
	return j
}

// reference gives the length of the character reference that b begins with if
// it is a common one that parts words and can't be part of another escape.
func (q *quick) reference(b []byte) int {
	for i := range commonRefs {
		r := &commonRefs[i]
		if !bytes.HasPrefix(b, r.name) {
			continue
		}
		if r.is == '<' || r.is == '&' && class[b[len(r.name)]] != isBlank {
			break
		}
		q.escaped = true
		q.seen[r.is>>6] |= 1 << (r.is & 63)
		return len(r.name)
	}
	return 0
}

// ids looks for ids among words of a window.
func (q *quick) ids(x *index, k uint, starts uint64) {
	for ; starts != 0; starts &= starts - 1 {
		b, size := x.b[k*64+uint(bits.TrailingZeros64(starts)):], 0
		for size < len(b) && class[b[size]] == isWord {
			size++
		}
		if from, to := number(b[:size]); from < to {
			q.doubt = true
		}
	}
}

// resume is called before more of the open word.
func (q *quick) resume() {
	if q.last == nil {
		return
	}
	q.words = q.words[:len(q.words)-1]
	i := len(q.last)
	for i > 0 && class[q.last[i-1]] == isWord {
		i--
	}
	for _, c := range q.last[i:] {
		q.letter(c)
	}
	q.last = nil
}

// step reads what begins at b[i], character by character, and gives where it
// ends.
func (q *quick) step(b []byte, i int) int {
	switch c := b[i]; class[c] {
	case isWord:
		q.resume()
		q.in = true
		for ; i < len(b) && class[b[i]] == isWord; i++ {
			q.letter(b[i])
		}
		return i
	case isBlank:
		q.end()
	case isOther:
		q.see(c)
		if c == '.' && q.dots && i+2 < len(b) && upperHex[b[i+1]] && upperHex[b[i+2]] {
			q.doubt = true // perhaps an old anchor's escape
		}
	case isEscape:
		q.resume()
		return i + q.escape(b[i:])
	default:
		q.resume()
		r, n := utf8.DecodeRune(b[i:])
		q.rune(r)
		return i + n
	}
	return i + 1
}

// see ends a word at an ASCII character that is part of none.
func (q *quick) see(c byte) {
	q.end()
	q.seen[c>>6&1] |= 1 << (c & 63)
	if c == '<' {
		q.doubt = true
	}
}

// put takes one decoded ASCII character.
func (q *quick) put(c byte) {
	q.escaped = true
	switch {
	case class[c] == isWord:
		q.in = true
		q.letter(c)
		return
	case c == '.' && q.dots:
		q.doubt = true
	}
	q.see(c)
}

func (q *quick) letter(c byte) {
	q.h.add(c | 0x20)
	if c > '9' {
		q.digits = 0
	} else if q.digits++; q.digits >= minID {
		q.number = true
	}
}

// escape reads what raw may decode, at the start of b.
func (q *quick) escape(b []byte) int {
	switch b[0] {
	case '%':
		if len(b) >= 3 {
			if v, ok := hexByte(b[1:3]); ok {
				if v >= utf8.RuneSelf {
					q.doubt = true
					return 3
				}
				return q.undone(v, b, 3)
			}
		}
	case '&':
		for i := range commonRefs {
			if r := &commonRefs[i]; bytes.HasPrefix(b, r.name) {
				return q.undone(r.is, b, len(r.name))
			}
		}
		if len(b) > 1 && (b[1] == '#' || class[b[1]] == isWord) {
			q.doubt = true
		}
	case '\\':
		if len(b) > 1 {
			switch b[1] {
			case 'n', 'r', 't', 'b', 'f', 'v':
				q.put(' ')
				return 2
			case '/', '\\', '"', '\'':
				return q.undone(b[1], b, 2)
			case 'u', 'x':
				q.doubt = true
			}
		}
	}
	q.see(b[0])
	return 1
}

type commonRef struct {
	name []byte
	is   byte
}

// undone takes c, which the first n bytes of b stand for, and gives how many it
// has read: with what follows, c may be an escape again.
func (q *quick) undone(c byte, b []byte, n int) int {
	for c == '&' {
		more := slices.IndexFunc(commonRefs, func(r commonRef) bool { return bytes.HasPrefix(b[n:], r.name[1:]) })
		if more < 0 {
			break
		}
		c, n = commonRefs[more].is, n+len(commonRefs[more].name)-1
	}
	switch rest := b[n:]; {
	case len(rest) == 0:
	case c == '&' && (rest[0] == '#' || bytes.IndexByte(rest[:min(len(rest), 32)], ';') > 0),
		c == '%' && len(rest) > 1 && class[rest[0]] == isWord && class[rest[1]] == isWord,
		c == '\\' && (rest[0] == 'u' || rest[0] == 'x'):
		q.doubt = true
	}
	q.put(c)
	return n
}

// commonRefs are the character references that texts are full of.
var commonRefs = []commonRef{
	{[]byte("&amp;"), '&'},
	{[]byte("&nbsp;"), ' '},
	{[]byte("&quot;"), '"'},
	{[]byte("&#39;"), '\''},
	{[]byte("&gt;"), '>'},
	{[]byte("&lt;"), '<'},
}

// rune takes a character beyond ASCII.
func (q *quick) rune(r rune) {
	if r >= 1<<16 || r == utf8.RuneError {
		q.doubt = true
		return
	}
	t := folds()
	switch f := t.to[r]; f {
	case foldDoubt:
		q.doubt = true
	case foldBlank:
		q.end()
	default:
		q.digits = 0
		single := t.alone[f>>6]&(1<<(f&63)) != 0
		if single {
			q.end()
		}
		q.in = true
		q.h.rune(rune(f))
		if single {
			q.end()
		}
	}
}

// end ends the open word.
func (q *quick) end() {
	if !q.in {
		return
	}
	q.in = false
	if q.last != nil {
		q.last = nil
		return
	}
	q.longest = max(q.longest, q.h.size)
	if q.machine && q.number {
		q.doubt = true // perhaps an id
	}
	q.digits, q.number = 0, false
	q.words = append(q.words, q.h.sum())
}

// finish ends the piece and says whether it must be read with care whatever its
// words are; raw is all of it, if it stands in one place. Its words are
// forgotten if nothing is to be asked about them.
func (q *quick) finish(raw []byte) bool {
	q.end()
	care := q.doubt || q.s.o.careful ||
		q.linked(raw) ||
		(q.longest >= q.s.run || q.seen[0]&q.s.ascii[0]|q.seen[1]&q.s.ascii[1] != 0) && q.shaped(raw)
	if care || q.s.d == nil {
		q.words = q.words[:q.from]
	}
	return care
}

// linked reports whether a URL of the wiki may be written in the unit.
func (q *quick) linked(raw []byte) bool {
	shape := q.s.o.URLs
	if shape == nil || !q.saw('/') && !q.saw('?') {
		return false
	}
	return shape.among(q.words[q.from:], q.escaped || !q.value || !isPath(raw))
}

// shaped reports whether an identity or a mark may stand in the unit.
func (q *quick) shaped(raw []byte) bool {
	for _, m := range q.s.o.Marks {
		if m != "" && (q.saw(m[0]) || class[m[0]] != isOther) {
			return true
		}
	}
	for i := range q.s.o.Identities {
		if p := &q.s.o.Identities[i].pre; q.longest >= p.run && q.seen[0]&p.ascii[0] == p.ascii[0] && q.seen[1]&p.ascii[1] == p.ascii[1] &&
			(q.escaped || raw == nil || p.admits(raw)) {
			return true
		}
	}
	return false
}

func (q *quick) saw(c byte) bool { return q.seen[c>>6&1]&(1<<(c&63)) != 0 }

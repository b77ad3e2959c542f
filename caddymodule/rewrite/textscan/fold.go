package textscan

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// word is one word of a decoded text: its hash after folding, and its place.
type word struct {
	hash       uint64
	start, end int // bytes of the decoded text
}

// invisible are characters that are not seen and part no words.
func invisible(r rune) bool {
	switch r {
	case 0xad, 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180e, 0xfeff:
		return true
	}
	return r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2060 && r <= 0x206f ||
		r >= 0x180b && r <= 0x180f || r >= 0xfe00 && r <= 0xfe0f || r >= 0xe0000 && r <= 0xe0fff
}

// marked reports whether what follows a letter is a mark upon it.
func marked(b []byte) bool {
	if len(b) < 2 || b[0] < 0xcc {
		return false
	}
	r, _ := utf8.DecodeRune(b)
	return unicode.Is(unicode.M, r) && !invisible(r)
}

// alone are the characters of scripts that put no blanks between words: each
// is a word of its own.
func alone(r rune) bool {
	return r >= 0x2e80 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

// lower folds the case of a character (Unicode, CaseFolding.txt). twice: it
// folds to that character two times over.
func lower(q rune) (_ rune, twice bool) {
	switch q {
	case 'ß', 'ẞ':
		return 's', true
	case 'ς': // the same letter at the end of a word
		return 'σ', false
	}
	return unicode.ToLower(q), false
}

// split appends the words of b to dst. If text is not nil, each word's hash and
// folded text are passed to it.
func split(dst []word, b []byte, text func(uint64, []rune)) []word {
	var h hasher
	from, last := -1, 0
	var runes []rune
	end := func() {
		if from >= 0 {
			w := word{h.sum(), from, last}
			dst = append(dst, w)
			if text != nil {
				text(w.hash, runes)
				runes = runes[:0]
			}
		}
		from = -1
	}
	add := func(r rune, at, next int) {
		if from < 0 {
			from = at
		}
		h.rune(r)
		last = next
		if text != nil {
			runes = append(runes, r)
		}
	}
	for i := 0; i < len(b); {
		c := b[i]
		if c < utf8.RuneSelf && !marked(b[i+1:]) {
			switch {
			case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
				add(rune(c), i, i+1)
			case c >= 'A' && c <= 'Z':
				add(rune(c)+32, i, i+1)
			default:
				end()
			}
			i++
			continue
		}
		r, n := utf8.DecodeRune(b[i:])
		if invisible(r) {
			i += n
			continue
		}
		// One normalisation segment: the character with its marks.
		seg := n
		for seg < 64 && i+seg < len(b) {
			m, k := utf8.DecodeRune(b[i+seg:])
			if !unicode.Is(unicode.M, m) || invisible(m) {
				break
			}
			seg += k
		}
		for _, q := range string(norm.NFKC.Bytes(b[i : i+seg])) {
			q, twice := lower(q)
			if twice {
				add(q, i, i+seg)
			}
			switch {
			case invisible(q):
			case alone(q):
				end()
				add(q, i, i+seg)
				end()
			case unicode.IsLetter(q) || unicode.IsNumber(q) || unicode.Is(unicode.M, q):
				add(q, i, i+seg)
			default:
				end()
			}
		}
		i += seg
	}
	end()
	return dst
}

package jsonrewrite

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// Eight bytes at a time: the same byte in each.
const (
	ones    = 0x0101010101010101
	highs   = 0x80 * ones
	quotes  = '"' * ones
	slashes = '\\' * ones
	spaces  = ' ' * ones
)

// special marks, by its high bit, the first byte of x that is a quote, a
// backslash or a control character. Marks behind the first one say nothing.
func special(x uint64) uint64 {
	return (((x ^ quotes) - ones) | ((x ^ slashes) - ones) | (x - spaces)) &^ x & highs
}

// scan reads the string that begins at p, and tells whether it has escapes. what
// is wrong with it, if anything, stands at end.
func scan(src []byte, p int) (end int, esc bool, wrong string) {
	q := p + 1
	var high uint64 // has a high bit if any byte had one
	for {
		if q+8 <= len(src) {
			x := binary.LittleEndian.Uint64(src[q:])
			m := special(x)
			if m == 0 {
				high |= x
				q += 8
				continue
			}
			n := bits.TrailingZeros64(m) >> 3
			high |= x & (1<<(8*n) - 1)
			q += n
		} else {
			for q < len(src) && src[q] != '"' && src[q] != '\\' && src[q] >= ' ' {
				high |= uint64(src[q])
				q++
			}
			if q == len(src) {
				return p, esc, "string not closed"
			}
		}
		switch src[q] {
		case '"':
			if high&highs != 0 && !utf8.Valid(src[p+1:q]) {
				return p, esc, "string is not utf-8"
			}
			return q + 1, esc, ""
		case '\\':
			esc = true
			n, ok := escapeLen(src[q:])
			if !ok {
				return q, esc, "bad escape"
			}
			q += n
		default:
			return q, esc, "control character in a string"
		}
	}
}

// escapeLen gives the length of the escape at the start of s: a surrogate pair
// counts as one, half a pair is none.
func escapeLen(s []byte) (int, bool) {
	if len(s) < 2 {
		return 0, false
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2, true
	case 'u':
		r, ok := hex4(s[2:])
		if !ok || r >= 0xdc00 && r <= 0xdfff {
			return 0, false
		}
		if !utf16.IsSurrogate(r) {
			return 6, true
		}
		if len(s) < 12 || s[6] != '\\' || s[7] != 'u' {
			return 0, false
		}
		lo, ok := hex4(s[8:])
		return 12, ok && lo >= 0xdc00 && lo <= 0xdfff
	}
	return 0, false
}

func hex4(s []byte) (rune, bool) {
	if len(s) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range s[:4] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// number reads the number that begins at p, by the grammar of RFC 8259 §6.
func number(src []byte, p int) (end int, ok bool) {
	if src[p] == '-' {
		p++
	}
	from := p
	if p = digits(src, p); p == from || p > from+1 && src[from] == '0' {
		return p, false
	}
	if p < len(src) && src[p] == '.' {
		from = p + 1
		if p = digits(src, from); p == from {
			return p, false
		}
	}
	if p < len(src) && src[p]|0x20 == 'e' {
		if p++; p < len(src) && (src[p] == '+' || src[p] == '-') {
			p++
		}
		from = p
		if p = digits(src, from); p == from {
			return p, false
		}
	}
	return p, true
}

func digits(src []byte, p int) int {
	for p < len(src) && src[p]-'0' <= 9 {
		p++
	}
	return p
}

// literal reads true, false or null.
func literal(src []byte, p int) (end int, ok bool) {
	rest := src[p:]
	switch {
	case len(rest) >= 4 && (string(rest[:4]) == "true" || string(rest[:4]) == "null"):
		return p + 4, true
	case len(rest) >= 5 && string(rest[:5]) == "false":
		return p + 5, true
	}
	return p, false
}

// appendUnescaped appends the inside of a string that scan has accepted, its
// escapes undone, to dst.
func appendUnescaped(dst, s []byte) []byte {
	for {
		if len(s) == 0 || s[0] != '\\' { // else one escape follows another
			i := bytes.IndexByte(s, '\\')
			if i < 0 {
				return append(dst, s...)
			}
			dst, s = append(dst, s[:i]...), s[i:]
		}
		n, ok := escapeLen(s)
		if !ok { // not reached after scan
			return dst
		}
		switch c := s[1]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, _ := hex4(s[2:])
			if n == 12 {
				lo, _ := hex4(s[8:])
				r = utf16.DecodeRune(r, lo)
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, c)
		}
		s = s[n:]
	}
}

package textscan

import (
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Classes of bytes.
const (
	isOther  uint8 = iota
	isWord         // ASCII letters and digits
	isBlank        // also what controls; parts words, and is part of no pattern
	isEscape       // & % and backslash
	isBeyond       // ASCII
)

var class = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= utf8.RuneSelf:
			t[c] = isBeyond
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9':
			t[c] = isWord
		case c <= ' ':
			t[c] = isBlank
		case c == '&' || c == '%' || c == '\\':
			t[c] = isEscape
		}
	}
	return t
}()

// What a reading from the index asks of a character that is no letter, digit or
// blank.
const (
	isStop uint8 = 1 << iota // it is not read there
	isMark                   // it is part of a pattern
	isDot
)

// kinds says so of all that is no scan's own.
var kinds = func() (t [256]uint8) {
	for c := range t {
		if class[c] == isEscape || class[c] == isBeyond || c == '<' {
			t[c] = isStop
		}
	}
	t['.'] = isDot
	return t
}()

// upperHex are the bytes that may be, or escape, a digit of an old anchor's
// escape.
var upperHex = func() (t [256]bool) {
	for _, c := range []byte("0123456789ABCDEF&%\\") {
		t[c] = true
	}
	return t
}()

// What a character of the basic plane folds to, other than a letter.
const (
	foldDoubt = 0 // more than one character, or something that is not seen
	foldBlank = 1 // parts words
)

// foldTable says for each character of the basic plane for which one character
// split takes it.
type foldTable struct {
	to    [1 << 16]uint16
	alone [1 << 10]uint64 // bits: what it folds to is a word of its own
}

var folds = sync.OnceValue(func() *foldTable {
	t := new(foldTable)
	var b [utf8.UTFMax]byte
	for r := rune(utf8.RuneSelf); r < 1<<16; r++ {
		if !utf8.ValidRune(r) || invisible(r) || unicode.Is(unicode.M, r) {
			continue
		}
		out := []rune(string(norm.NFKC.Bytes(b[:utf8.EncodeRune(b[:], r)])))
		blank := true
		for _, q := range out {
			blank = blank && !invisible(q) && !unicode.IsLetter(q) && !unicode.IsNumber(q) && !unicode.Is(unicode.M, q)
		}
		switch q, twice := lower(out[0]); {
		case twice: // left to the careful reading
		case blank:
			t.to[r] = foldBlank
		case len(out) == 1 && q < 1<<16 && !invisible(q) && (unicode.IsLetter(q) || unicode.IsNumber(q)):
			t.to[r] = uint16(q)
			if alone(q) {
				t.alone[q>>6] |= 1 << (q & 63)
			}
		}
	}
	return t
})

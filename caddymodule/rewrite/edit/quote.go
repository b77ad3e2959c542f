package edit

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// spelling is how a string spells its characters. What is left of a string in
// which something was cut is spelt as it was: another spelling would tell that
// something was cut, also where no placeholder stands.
type spelling struct {
	of     [utf8.RuneSelf]form
	closer form // of a slash behind a <
	wide   form // beyond ASCII
}

// form is one way to spell a character.
type form uint8

const (
	asUnknown form = iota
	asIs
	asShort // a backslash and a letter or the character
	asLower // \u with lower-case digits
	asUpper
)

// learn takes the first spelling of each character of raw, which is what stands
// between the quotes of a valid string.
func (s *spelling) learn(raw []byte) {
	for i, last := 0, byte(0); i < len(raw); {
		c, f, n := raw[i], asIs, 1
		switch {
		case c != '\\':
			if c >= utf8.RuneSelf {
				note(&s.wide, asIs)
				last = c
				i++
				continue
			}
		case raw[i+1] != 'u':
			c, f, n = unescaped[raw[i+1]], asShort, 2
		default:
			f, n = asLower, 6
			if bytes.ContainsAny(raw[i+2:i+6], "ABCDEF") {
				f = asUpper
			}
			r, _ := strconv.ParseUint(string(raw[i+2:i+6]), 16, 16) // it was read before
			if r >= utf8.RuneSelf {
				note(&s.wide, f)
				last = 0xff
				i += n
				continue
			}
			c = byte(r)
		}
		if c == '/' && last == '<' {
			note(&s.closer, f)
		} else {
			note(&s.of[c], f)
		}
		last = c
		i += n
	}
}

func note(f *form, as form) {
	if *f == asUnknown {
		*f = as
	}
}

var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

var shortFor = [utf8.RuneSelf]byte{'"': '"', '\\': '\\', '/': '/', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}

// append appends v as a string in this spelling; what has none is spelt as
// AppendQuoted does.
func (s *spelling) append(dst, v []byte) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(v); {
		r, n := utf8.DecodeRune(v[i:])
		f := s.wide
		switch {
		case r >= utf8.RuneSelf:
			if r == 0x2028 || r == 0x2029 {
				f = max(f, asLower)
			}
		case r == '/' && i > 0 && v[i-1] == '<' && s.closer != asUnknown:
			f = s.closer
		default:
			f = s.of[r]
			if f == asUnknown && !plainByte[r] {
				f = asLower
				if shortFor[r] != 0 {
					f = asShort
				}
			}
		}
		switch {
		case f == asShort:
			dst = append(dst, '\\', shortFor[r])
		case f == asLower || f == asUpper:
			dst = appendUnicode(dst, r, f == asUpper)
		default:
			dst = append(dst, v[i:i+n]...)
		}
		i += n
	}
	return append(dst, '"')
}

func appendUnicode(dst []byte, r rune, capital bool) []byte {
	digits := "0123456789abcdef"
	if capital {
		digits = "0123456789ABCDEF"
	}
	if hi, lo := utf16.EncodeRune(r); hi != utf8.RuneError {
		return appendUnicode(appendUnicode(dst, hi, capital), lo, capital)
	}
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// Requote appends v as a string spelt as raw is, which it takes the place of; raw
// is without its quotes.
func Requote(dst, raw, v []byte) []byte {
	var s spelling
	s.learn(raw)
	from := len(dst)
	dst = s.append(dst, v)
	// The string may stand in a script, which must not end or turn otherwise
	// where it did not before.
	for _, bad := range []string{"</script", "<script", "<!--"} {
		if containsFold(dst[from:], bad) && !containsFold(raw, bad) {
			return AppendQuoted(dst[:from], v)
		}
	}
	return dst
}

// containsFold is bytes.Contains without regard to the case of ASCII; part is
// in lower case and begins with a <.
func containsFold(b []byte, part string) bool {
	for {
		i := bytes.IndexByte(b, '<')
		if i < 0 || len(b)-i < len(part) {
			return false
		}
		if bytes.EqualFold(b[i:i+len(part)], []byte(part)) {
			return true
		}
		b = b[i+1:]
	}
}

// plainByte marks what stands for itself in a quoted string.
var plainByte = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= ' ' && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&' && c != 0x7f && c != 0xe2
	}
	return t
}()

// AppendQuoted appends s as a JSON string that may also stand in a script: <,
// >, &, and the line separators of JavaScript are escaped.
func AppendQuoted[T string | []byte](dst []byte, s T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0 // of what stands for itself
	for i := 0; i < len(s); i++ {
		c := s[i]
		if plainByte[c] || c == 0xe2 && !(i+2 < len(s) && s[i+1] == 0x80 && s[i+2]&^1 == 0xa8) {
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case 0xe2:
			dst = append(dst, '\\', 'u', '2', '0', '2', hex[s[i+2]&15])
			i += 2
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		from = i + 1
	}
	return append(append(dst, s[from:]...), '"')
}

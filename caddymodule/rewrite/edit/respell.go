package edit

import (
	"bytes"
	"html"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Escapes are the character references that a place in markup needs.
type Escapes struct {
	Must   map[byte]string // never as itself
	Rather map[byte]string // as itself only where the place had it so
}

// Respell appends v, in which something was cut of what raw stands for, with
// the character references that raw has: another spelling of what is left would
// tell that something was cut, also where no placeholder stands.
func Respell(dst []byte, raw, v string, esc *Escapes) []byte {
	var refs spellings
	refs.learn(raw)
	for i, r := range v {
		n := utf8.RuneLen(r)
		switch ref, plain := refs.of(r); {
		case ref != "":
			dst = append(dst, ref...)
		case r >= utf8.RuneSelf || r == utf8.RuneError:
			if n = max(n, 1); r == utf8.RuneError {
				_, n = utf8.DecodeRuneInString(v[i:])
			}
			dst = append(dst, v[i:i+n]...)
		case esc.Must[byte(r)] != "":
			dst = append(dst, esc.Must[byte(r)]...)
		case esc.Rather[byte(r)] != "" && (!plain || r == '>' && bytes.HasSuffix(dst, []byte("]]"))):
			dst = append(dst, esc.Rather[byte(r)]...)
		default:
			dst = append(dst, byte(r))
		}
	}
	return dst
}

// spellings are the references by which a text spells characters, the first of
// each; the empty one for a character that stood as itself first.
type spellings struct {
	ascii [utf8.RuneSelf]string
	seen  [utf8.RuneSelf]bool
	wide  map[rune]string
}

// maxRef is longer than the longest named reference of HTML.
const maxRef = 40

func (s *spellings) learn(raw string) {
	for i := 0; i < len(raw); {
		if raw[i] == '&' {
			if ref, r := reference(raw[i:]); ref != "" {
				s.note(r, ref)
				i += len(ref)
				continue
			}
		}
		if c := raw[i]; c < utf8.RuneSelf {
			s.seen[c] = true
		}
		i++
	}
}

// reference reads a reference with its semicolon that stands for one character.
func reference(s string) (string, rune) {
	end := strings.IndexByte(s[:min(len(s), maxRef)], ';')
	if end < 0 {
		return "", 0
	}
	ref := s[:end+1]
	v := html.UnescapeString(ref)
	r, n := utf8.DecodeRuneInString(v)
	if v == ref || n != len(v) {
		return "", 0
	}
	if digits, ok := strings.CutPrefix(ref[1:end], "#"); ok {
		// Some numbers are other characters in HTML than in XML.
		base := 10
		if strings.HasPrefix(strings.ToLower(digits), "x") {
			digits, base = digits[1:], 16
		}
		if n, err := strconv.ParseInt(digits, base, 32); err != nil || rune(n) != r {
			return "", 0
		}
	}
	return ref, r
}

func (s *spellings) note(r rune, ref string) {
	switch {
	case r >= utf8.RuneSelf:
		if s.wide == nil {
			s.wide = map[rune]string{}
		}
		if s.wide[r] == "" {
			s.wide[r] = ref
		}
	case !s.seen[r]:
		s.seen[r], s.ascii[r] = true, ref
	}
}

// of gives the reference for a character, and whether it stood as itself.
func (s *spellings) of(r rune) (ref string, plain bool) {
	if r >= utf8.RuneSelf {
		return s.wide[r], false
	}
	return s.ascii[r], s.seen[r] && s.ascii[r] == ""
}

package xmlrewrite

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// checkChars refuses what is no XML character.
func checkChars(s string) error {
	for i := 0; i < len(s); {
		if i+8 <= len(s) && plainBytes(s[i:i+8]) {
			i += 8
			continue
		}
		c := s[i]
		if c < utf8.RuneSelf {
			if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
				return malformed(i, "a control character")
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			return malformed(i, "not UTF-8")
		}
		if !isChar(r) {
			return malformed(i, "not a character")
		}
		i += n
	}
	return nil
}

// plainBytes reports whether none of eight bytes is a control character or part
// of a longer one.
func plainBytes(s string) bool {
	_ = s[7]
	x := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
	const ones = 0x0101010101010101
	return (x|(x-' '*ones))&(0x80*ones) == 0
}

func isChar(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD ||
		r >= 0x10000 && r <= 0x10FFFF
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// checkRefs refuses references other than XML's own five and characters.
func checkRefs(v string, at int) error {
	for i := 0; ; {
		j := strings.IndexByte(v[i:], '&')
		if j < 0 {
			return nil
		}
		i += j
		end := strings.IndexByte(v[i:min(len(v), i+12)], ';')
		if end < 0 {
			return malformed(at+i, "an ampersand that stands for itself")
		}
		switch ref := v[i+1 : i+end]; ref {
		case "amp", "lt", "gt", "quot", "apos":
		default:
			num, ok := strings.CutPrefix(ref, "#")
			base := 10
			if hex, isHex := strings.CutPrefix(num, "x"); isHex {
				num, base = hex, 16
			}
			n, err := strconv.ParseUint(num, base, 32)
			if !ok || err != nil || num[0] == '+' || !isChar(rune(n)) || n > utf8.MaxRune {
				return malformed(at+i, "an entity that XML does not know")
			}
		}
		i += end
	}
}

// unescape decodes references that checkRefs let pass.
func (t *tape) unescape(s string) string {
	if strings.IndexByte(s, '&') < 0 {
		return s
	}
	t.buf = appendUnescaped(t.buf[:0], s)
	return t.keep(t.buf)
}

// keep makes a string of b.
func (t *tape) keep(b []byte) string {
	if have := t.kept.Cap(); have-t.kept.Len() < len(b) {
		t.kept.Reset()
		t.kept.Grow(max(2*have, len(b), 256))
	}
	n := t.kept.Len()
	t.kept.Write(b)
	return t.kept.String()[n:]
}

// escape makes a string of s as e writes it.
func (t *tape) escape(e *strings.Replacer, s string) string {
	t.buf = t.buf[:0]
	_, _ = e.WriteString((*appender)(&t.buf), s) // appending does not fail
	return t.keep(t.buf)
}

// respell escapes what is left of the text between two places as it was.
func (t *tape) respell(from, to int32, s string, e *edit.Escapes) string {
	t.buf = edit.Respell(t.buf[:0], t.s[from:to], s, e)
	return t.keep(t.buf)
}

var (
	textEscapes = edit.Escapes{Must: map[byte]string{'&': "&amp;", '<': "&lt;"}, Rather: map[byte]string{'>': "&gt;", '\r': "&#13;"}}
	attrEscapes = edit.Escapes{
		Must: map[byte]string{'&': "&amp;", '<': "&lt;", '"': "&quot;", '\'': "&#39;", '\r': "&#13;", '\n': "&#10;", '\t': "&#9;"},
	}
)

// appender is a slice that is written to.
type appender []byte

func (a *appender) Write(b []byte) (int, error) {
	*a = append(*a, b...)
	return len(b), nil
}

func (a *appender) WriteString(s string) (int, error) {
	*a = append(*a, s...)
	return len(s), nil
}

// appendUnescaped appends s, its references decoded. HTML reads a few numbers
// in its own way; they are decoded here as XML has them.
func appendUnescaped(dst []byte, s string) []byte {
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		end := i + strings.IndexByte(s[i:], ';')
		switch ref := s[i+1 : end]; ref {
		case "amp":
			dst = append(dst, '&')
		case "lt":
			dst = append(dst, '<')
		case "gt":
			dst = append(dst, '>')
		case "quot":
			dst = append(dst, '"')
		case "apos":
			dst = append(dst, '\'')
		default:
			num, base := ref[1:], 10
			if num[0] == 'x' {
				num, base = num[1:], 16
			}
			n, _ := strconv.ParseUint(num, base, 32)
			dst = utf8.AppendRune(dst, rune(n))
		}
		s = s[end+1:]
	}
}

var (
	textEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "\r", "&#13;")
	attrEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", `"`, "&quot;", "'", "&#39;", "\r", "&#13;", "\n", "&#10;", "\t", "&#9;")
)

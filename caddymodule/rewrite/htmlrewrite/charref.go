package htmlrewrite

import (
	"html"
	"strings"
	"unicode/utf8"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// unescapeText decodes character references as they are read in text.
func unescapeText(s string) string { return unescape(s, false) }

// unescapeAttr decodes character references as they are read in attribute
// values, where "&copy=1" stays what it is (HTML standard, named character
// reference state).
func unescapeAttr(s string) string { return unescape(s, true) }

func unescape(s string, attr bool) string {
	i := strings.IndexByte(s, '&')
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	writeDecoded(&b, s, i, attr)
	return b.String()
}

// writeDecoded writes s, whose first ampersand is at i, with its references
// decoded.
func writeDecoded(b *strings.Builder, s string, i int, attr bool) {
	for i >= 0 {
		b.WriteString(s[:i])
		s = s[i:]
		if c, n := commonRef(s); n > 0 {
			b.WriteByte(c)
			s = s[n:]
		} else if n := refLen(s, attr); n > 0 {
			b.WriteString(decodeRef(s[:n]))
			s = s[n:]
		} else {
			b.WriteByte('&')
			s = s[1:]
		}
		i = strings.IndexByte(s, '&')
	}
	b.WriteString(s)
}

// decodeRef decodes one reference. The standard library leaves the two that are
// longer than their names, and those of one digit without a semicolon, of which a
// browser reads "&#9" as a tab (HTML standard, decimal character reference state).
func decodeRef(s string) string {
	if len(s) == 3 && s[1] == '#' {
		s += ";"
	}
	switch s {
	case "&nGt;":
		return "\u226b\u20d2"
	case "&nLt;":
		return "\u226a\u20d2"
	}
	return html.UnescapeString(s)
}

// commonRef decodes the references that writers of HTML use to escape.
func commonRef(s string) (byte, int) {
	switch {
	case strings.HasPrefix(s, "&amp;"):
		return '&', 5
	case strings.HasPrefix(s, "&quot;"):
		return '"', 6
	case strings.HasPrefix(s, "&lt;"):
		return '<', 4
	case strings.HasPrefix(s, "&gt;"):
		return '>', 4
	case strings.HasPrefix(s, "&#39;"):
		return '\'', 5
	}
	return 0, 0
}

// arena is where the decoded values of one document are put, so that they cost
// a fixed number of allocations. Its memory is not used again: others may hold
// on to what they were given.
type arena struct {
	b     strings.Builder
	chunk int
}

// minChunk is the size of the arena's pieces for a short document.
const minChunk = 512

// room makes sure that n bytes fit into the piece in use.
func (m *arena) room(n int) {
	if m.b.Cap()-m.b.Len() < n {
		m.b.Reset()
		m.b.Grow(max(m.chunk, minChunk, n))
	}
}

// attr decodes an attribute's value whose first ampersand is at i.
func (m *arena) attr(s string, i int) string {
	m.room(len(s))
	from := m.b.Len()
	writeDecoded(&m.b, s, i, true)
	return m.b.String()[from:]
}

// maxName is longer than the longest named reference.
const maxName = 40

// refLen gives the length of the reference at the start of s, 0 if the
// ampersand there stands for itself. In text what follows a legacy name without
// its semicolon may be counted in.
func refLen(s string, attr bool) int {
	if len(s) < 2 {
		return 0
	}
	if s[1] == '#' {
		i, ok := 2, isDigit
		if i < len(s) && (s[i] == 'x' || s[i] == 'X') {
			i, ok = 3, isHex
		}
		first := i
		for i < len(s) && ok(s[i]) {
			i++
		}
		if i == first {
			return 0
		}
		if i < len(s) && s[i] == ';' {
			i++
		}
		return i
	}
	i := 1
	for i < len(s) && i < maxName && isAlnum(s[i]) {
		i++
	}
	switch {
	case i == 1:
		return 0
	case !attr && i < len(s) && s[i] == ';':
		return i + 1
	case !attr:
		return i
	}
	if i < len(s) && s[i] == ';' {
		if d := decodeRef(s[:i+1]); d != s[:i+1] && (d == ";" || !strings.HasSuffix(d, ";")) {
			return i + 1
		}
		return 0 // a legacy prefix would be followed by a letter
	}
	if i < len(s) && s[i] == '=' {
		return 0
	}
	if d := html.UnescapeString(s[:i]); d != s[:i] && utf8.RuneCountInString(d) == 1 {
		return i
	}
	return 0
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isHex(c byte) bool   { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isAlnum(c byte) bool { return isDigit(c) || isAlpha(c) }
func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' }

// escapeAttr writes a value for a place between quotes of the given sort.
func escapeAttr(v string, quote byte) string {
	if quote == '\'' {
		return strings.NewReplacer("&", "&amp;", "'", "&#39;").Replace(v)
	}
	return attrEscaper.Replace(v)
}

// attrEscapes are what a value that was changed needs between double quotes,
// and (true) between single ones.
var attrEscapes = map[bool]*edit.Escapes{
	false: {Must: map[byte]string{'&': "&amp;", '"': "&quot;"}},
	true:  {Must: map[byte]string{'&': "&amp;", '\'': "&#39;"}},
}

var (
	attrEscaper = strings.NewReplacer("&", "&amp;", `"`, "&quot;")
	textEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
)

// lower is strings.ToLower for ASCII alone, as HTML folds names.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] |= 0x20
				}
			}
			return string(b)
		}
	}
	return s
}

package htmlrewrite

import (
	"html"
	"strings"
	"unicode/utf8"
)

// unescapeText decodes character references as they are read in text.
func unescapeText(s string) string {
	if strings.IndexByte(s, '&') < 0 {
		return s
	}
	return html.UnescapeString(s)
}

// unescapeAttr decodes character references as they are read in attribute
// values, where "&copy=1" stays what it is (HTML standard, named character
// reference state).
func unescapeAttr(s string) string {
	i := strings.IndexByte(s, '&')
	if i < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i >= 0 {
		b.WriteString(s[:i])
		s = s[i:]
		n := refLen(s)
		if n == 0 {
			b.WriteByte('&')
			s = s[1:]
		} else {
			b.WriteString(html.UnescapeString(s[:n]))
			s = s[n:]
		}
		i = strings.IndexByte(s, '&')
	}
	b.WriteString(s)
	return b.String()
}

// maxName is longer than the longest named reference.
const maxName = 40

// refLen gives the length of the reference at the start of s, 0 if the
// ampersand there stands for itself.
func refLen(s string) int {
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
	if i == 1 {
		return 0
	}
	if i < len(s) && s[i] == ';' {
		if d := html.UnescapeString(s[:i+1]); d != s[:i+1] && (d == ";" || !strings.HasSuffix(d, ";")) {
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

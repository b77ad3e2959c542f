package htmlrewrite

import (
	"strings"
	"unicode/utf8"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// css gives a style sheet, or a list of declarations, with every URL judged:
// those in url(…), src(…), image(…) and image-set(…), and behind @import. One
// that is not for the viewer becomes "none".
func (r *run) css(s string) string {
	var b strings.Builder
	last := 0 // what is before it is in b
	put := func(from, to int, with string) {
		b.WriteString(s[last:from])
		b.WriteString(with)
		last = to
	}
	judge := func(from, to int, v string) {
		l := r.link(v)
		switch {
		case l.Fate != rules.FateKeep:
			r.rep.Hide(l.Kind, edit.Removed)
			put(from, to, "none")
		case l.URL != "" && l.URL != v:
			put(from, to, `url("`+cssEscaper.Replace(l.URL)+`")`)
		}
	}
	importing := false
	sets := 0 // open brackets, once inside image-set( and the like
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == '/' && strings.HasPrefix(s[i:], "/*"):
			j := strings.Index(s[i+2:], "*/")
			if j < 0 {
				i = len(s)
			} else {
				i += j + 4
			}
		case c == '"' || c == '\'':
			v, end := cssString(s, i)
			if importing || sets > 0 {
				judge(i, end, v)
			}
			i, importing = end, false
		case c == '@':
			name, end := cssIdent(s, i+1)
			importing = strings.EqualFold(name, "import")
			i = max(end, i+1)
		case c == ';' || c == '{' || c == '}':
			importing, sets = false, 0
			i++
		case c == '(':
			if sets > 0 {
				sets++
			}
			i++
		case c == ')':
			sets = max(0, sets-1)
			i++
		case isAlpha(c) || c == '\\' || c == '_' || c == '-' || c >= 0x80:
			name, end := cssIdent(s, i)
			if end == i {
				i++
				continue
			}
			if open := pastComments(s, end); open < len(s) && s[open] == '(' { // no browser reads on behind a comment, but somebody might
				end = open
				switch lower(name) {
				case "url", "src", "url-prefix":
					v, stop := cssURL(s, end+1)
					judge(i, stop, v)
					i, importing = stop, false
					continue
				case "image", "image-set", "-webkit-image-set", "cross-fade", "-webkit-cross-fade":
					sets = max(1, sets+1)
					end++
				}
			}
			i = end
		default:
			i++
		}
	}
	if last == 0 {
		return s
	}
	b.WriteString(s[last:])
	return b.String()
}

var cssEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\22 `, "\n", `\a `, "<", `\3c `)

// pastComments gives the place behind the comments that begin at i.
func pastComments(s string, i int) int {
	for strings.HasPrefix(s[i:], "/*") {
		j := strings.Index(s[i+2:], "*/")
		if j < 0 {
			return len(s)
		}
		i += j + 4
	}
	return i
}

// cssIdent reads an identifier with its escapes.
func cssIdent(s string, i int) (string, int) {
	from := i
	var b strings.Builder
	for i < len(s) {
		c := s[i]
		switch {
		case isAlnum(c) || c == '-' || c == '_' || c >= 0x80:
			b.WriteByte(c)
			i++
		case c == '\\' && i+1 < len(s) && s[i+1] != '\n':
			r, n := cssEscape(s, i)
			b.WriteString(r)
			i += n
		default:
			return b.String(), i
		}
	}
	if i == from {
		return "", i
	}
	return b.String(), i
}

// cssEscape decodes the escape at s[i:] and gives its length.
func cssEscape(s string, i int) (string, int) {
	j := i + 1
	if j >= len(s) {
		return "\ufffd", 1
	}
	if !isHex(s[j]) {
		_, n := utf8.DecodeRuneInString(s[j:])
		return s[j : j+n], 1 + n
	}
	v := rune(0)
	for j < len(s) && j < i+7 && isHex(s[j]) {
		d := rune(s[j])
		switch {
		case d <= '9':
			d -= '0'
		default:
			d = d&^0x20 - 'A' + 10
		}
		v = v<<4 | d
		j++
	}
	if strings.HasPrefix(s[j:], "\r\n") {
		j += 2
	} else if j < len(s) && isSpace(s[j]) {
		j++
	}
	return string(v), j - i
}

// cssString reads the string that opens at i.
func cssString(s string, i int) (string, int) {
	q := s[i]
	var b strings.Builder
	for i++; i < len(s); {
		switch c := s[i]; {
		case c == q:
			return b.String(), i + 1
		case c == '\n': // a bad string ends here
			return b.String(), i
		case c == '\\' && i+1 < len(s) && s[i+1] == '\n':
			i += 2
		case c == '\\':
			r, n := cssEscape(s, i)
			b.WriteString(r)
			i += n
		default:
			b.WriteByte(c)
			i++
		}
	}
	return b.String(), i
}

// cssURL reads what stands in url(…), up to and with the bracket.
func cssURL(s string, i int) (string, int) {
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	if i < len(s) && (s[i] == '"' || s[i] == '\'') {
		v, end := cssString(s, i)
		if j := strings.IndexByte(s[end:], ')'); j >= 0 {
			return v, end + j + 1
		}
		return v, len(s)
	}
	var b strings.Builder
	for i < len(s) && s[i] != ')' {
		if s[i] == '\\' {
			r, n := cssEscape(s, i)
			b.WriteString(r)
			i += n
			continue
		}
		b.WriteByte(s[i])
		i++
	}
	return strings.TrimSpace(b.String()), min(i+1, len(s))
}

// styleSheet rewrites a <style> element.
func (r *run) styleSheet(i int32) {
	n := &r.t.nodes[i]
	v := r.t.s[n.open:n.close]
	if n.flags&nForeign != 0 {
		v = unescapeText(v)
	}
	if !strings.ContainsAny(v, "(\\@") {
		return
	}
	w := r.css(v)
	if w == v {
		return
	}
	if n.flags&nForeign != 0 {
		w = textEscaper.Replace(w)
	}
	r.empty(i, w)
}

package xmlrewrite

import (
	"fmt"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// declaration reads <?xml …?>.
func (t *tape) declaration(i int) (int, error) {
	s := t.s
	j := strings.Index(s[i:], "?>")
	if j < 0 {
		return 0, malformed(i, "the XML declaration is open")
	}
	end := i + j
	for p := i + 5; ; {
		for p < end && isSpace(s[p]) {
			p++
		}
		if p >= end {
			return end + 2, nil
		}
		from := p
		for p < end && isName(s[p]) {
			p++
		}
		name := s[from:p]
		for p < end && isSpace(s[p]) {
			p++
		}
		if p >= end || s[p] != '=' {
			return 0, malformed(p, "the XML declaration")
		}
		for p++; p < end && isSpace(s[p]); p++ {
		}
		if p >= end || s[p] != '"' && s[p] != '\'' {
			return 0, malformed(p, "the XML declaration")
		}
		q := strings.IndexByte(s[p+1:end], s[p])
		if q < 0 {
			return 0, malformed(p, "the XML declaration")
		}
		v := edit.Span{Start: p + 1, End: p + 1 + q}
		switch val := s[v.Start:v.End]; {
		case name == "version" && (val == "1.0" || val == "1.1"):
		case name == "encoding" && t.encoding.End == 0:
			t.encoding = v
		case name == "standalone" && (val == "yes" || val == "no"):
		default:
			return 0, malformed(p, "the XML declaration")
		}
		p = v.End + 1
	}
}

func (t *tape) startTag(i int) (int, error) {
	s := t.s
	p := i + 1
	if p >= len(s) || !isNameStart(s[p]) {
		return 0, malformed(i, "a tag's name")
	}
	for p < len(s) && isName(s[p]) {
		p++
	}
	first := len(t.attrs)
	n := node{kind: kElement, known: t.p.names[s[i+1:p]], nameLen: int32(p - i - 1), start: int32(i), attr: int32(first)}
	for {
		from := p
		for p < len(s) && isSpace(s[p]) {
			p++
		}
		if p >= len(s) {
			return 0, malformed(i, "a tag is open")
		}
		empty := strings.HasPrefix(s[p:], "/>")
		if s[p] == '>' || empty {
			p++
			if empty {
				p++
			}
			n.open, n.close, n.end, n.attrEnd = int32(p), int32(p), int32(p), int32(len(t.attrs))
			e := t.add(n)
			if empty {
				return p, nil
			}
			if len(t.stack) >= maxDepth {
				return 0, fmt.Errorf("xml: %w: nested too deep", edit.ErrTooLarge)
			}
			t.stack = append(t.stack, e)
			return p, nil
		}
		if p == from || !isNameStart(s[p]) {
			return 0, malformed(p, "an attribute")
		}
		from = p
		for p < len(s) && isName(s[p]) {
			p++
		}
		name := s[from:p]
		for p < len(s) && isSpace(s[p]) {
			p++
		}
		if p >= len(s) || s[p] != '=' {
			return 0, malformed(p, "an attribute without a value")
		}
		for p++; p < len(s) && isSpace(s[p]); p++ {
		}
		if p >= len(s) || s[p] != '"' && s[p] != '\'' {
			return 0, malformed(p, "an attribute's value")
		}
		j := strings.IndexByte(s[p+1:], s[p])
		if j < 0 {
			return 0, malformed(p, "an attribute is open")
		}
		at := p + 1
		v := s[at : at+j]
		if strings.IndexByte(v, '<') >= 0 {
			return 0, malformed(p, "< in an attribute")
		}
		if err := checkRefs(v, at); err != nil {
			return 0, err
		}
		p = at + j + 1
		for k := range t.attrs[first:] {
			if t.attrName(&t.attrs[first+k]) == name {
				return 0, malformed(from, "an attribute twice")
			}
		}
		a := attribute{nameLen: int32(len(name)), start: int32(from), end: int32(p), vs: int32(at), ve: int32(at + j)}
		if t.attrs = append(t.attrs, a); len(t.attrs)-first > maxAttrs {
			return 0, fmt.Errorf("xml: %w: attributes", edit.ErrTooLarge)
		}
	}
}

func (t *tape) endTag(i int) (int, error) {
	s := t.s
	p := i + 2
	for p < len(s) && isName(s[p]) {
		p++
	}
	name := s[i+2 : p]
	for p < len(s) && isSpace(s[p]) {
		p++
	}
	if p >= len(s) || s[p] != '>' {
		return 0, malformed(i, "an end tag")
	}
	k := len(t.stack) - 1
	if k < 0 || t.name(t.stack[k]) != name {
		return 0, malformed(i, "an end tag of something else")
	}
	n := &t.nodes[t.stack[k]]
	n.close, n.end, n.last = int32(i), int32(p+1), int32(len(t.nodes))
	t.stack = t.stack[:k]
	return p + 1, nil
}

func isNameStart(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c >= 0x80
}

func isName(c byte) bool {
	return isNameStart(c) || '0' <= c && c <= '9' || c == '-' || c == '.' || c == ':'
}

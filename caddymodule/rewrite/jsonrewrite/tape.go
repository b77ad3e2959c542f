package jsonrewrite

import (
	"bytes"
	"fmt"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// Bounds of one document.
const (
	maxDepth = 128
	maxNodes = 1 << 20
	maxBytes = 1 << 30 // offsets are int32
)

type kind uint8

const (
	object kind = iota
	array
	str
	num
	lit // true, false, null
)

// node is one value of the tape. Children follow their parent; next is the
// index after the whole subtree, which is the next sibling if there is one.
type node struct {
	start, end int32 // of the value, quotes and brackets included
	key, klen  int32 // offset and length of the member name without quotes; klen -1: no member
	parent     int32
	next       int32
	id         int32 // interned member name; 0: no name that the program knows
	kind       kind
	esc, kesc  bool // the value, the name, has escapes
}

// tape is a document read once: flat nodes over the original bytes.
type tape struct {
	src   []byte
	nodes []node
	names map[string]int32
	depth int
	dup   map[string]struct{}
}

var tapes = sync.Pool{New: func() any { return new(tape) }}

func (t *tape) release() {
	if cap(t.nodes) > 1<<17 {
		return
	}
	t.src, t.names, t.nodes = nil, nil, t.nodes[:0]
	clear(t.dup)
	tapes.Put(t)
}

// read parses src strictly: RFC 8259, UTF-8 without a BOM, no duplicate names,
// no unpaired surrogates, nothing after the value. names interns member names.
func (t *tape) read(src []byte, names map[string]int32) error {
	t.src, t.names, t.nodes, t.depth = src, names, t.nodes[:0], 0
	if len(src) > maxBytes {
		return fmt.Errorf("json of %d bytes: %w", len(src), edit.ErrTooLarge)
	}
	if bytes.HasPrefix(src, []byte("\xef\xbb\xbf")) {
		return fmt.Errorf("json with a byte order mark: %w", edit.ErrAmbiguous)
	}
	if !utf8.Valid(src) {
		return fmt.Errorf("json is not utf-8: %w", edit.ErrMalformed)
	}
	p, err := t.value(t.space(0), -1, 0, -1, false)
	if err != nil {
		return err
	}
	if p = t.space(p); p != len(src) {
		return t.bad(p, "data after the value")
	}
	return nil
}

func (t *tape) bad(p int, what string) error {
	return fmt.Errorf("json at byte %d: %s: %w", p, what, edit.ErrMalformed)
}

func (t *tape) space(p int) int {
	for p < len(t.src) {
		switch t.src[p] {
		case ' ', '\t', '\n', '\r':
			p++
		default:
			return p
		}
	}
	return p
}

func (t *tape) value(p int, parent int32, key, klen int32, kesc bool) (int, error) {
	if p >= len(t.src) {
		return p, t.bad(p, "value missing")
	}
	if len(t.nodes) >= maxNodes {
		return p, fmt.Errorf("json of more than %d values: %w", maxNodes, edit.ErrTooLarge)
	}
	i := int32(len(t.nodes))
	n := node{start: int32(p), key: key, klen: klen, kesc: kesc, parent: parent}
	if klen >= 0 {
		if kesc {
			n.id = t.names[string(unescape(t.src[key:key+klen]))]
		} else {
			n.id = t.names[string(t.src[key:key+klen])]
		}
	}
	var err error
	switch c := t.src[p]; {
	case c == '{' || c == '[':
		if t.depth++; t.depth > maxDepth {
			return p, fmt.Errorf("json deeper than %d: %w", maxDepth, edit.ErrTooLarge)
		}
		if n.kind = object; c == '[' {
			n.kind = array
		}
		t.nodes = append(t.nodes, n)
		if c == '{' {
			p, err = t.members(p+1, i)
		} else {
			p, err = t.elements(p+1, i)
		}
		t.depth--
		if err != nil {
			return p, err
		}
		t.nodes[i].end, t.nodes[i].next = int32(p), int32(len(t.nodes))
		return p, nil
	case c == '"':
		n.kind = str
		p, n.esc, err = t.str(p)
	case c == '-' || c >= '0' && c <= '9':
		n.kind = num
		p, err = t.num(p)
	default:
		n.kind = lit
		p, err = t.lit(p)
	}
	if err != nil {
		return p, err
	}
	n.end, n.next = int32(p), i+1
	t.nodes = append(t.nodes, n)
	return p, nil
}

func (t *tape) members(p int, self int32) (int, error) {
	if p = t.space(p); p < len(t.src) && t.src[p] == '}' {
		return p + 1, nil
	}
	count := 0
	for {
		if p >= len(t.src) || t.src[p] != '"' {
			return p, t.bad(p, "member name missing")
		}
		key := p + 1
		q, esc, err := t.str(p)
		if err != nil {
			return q, err
		}
		if p = t.space(q); p >= len(t.src) || t.src[p] != ':' {
			return p, t.bad(p, "colon missing")
		}
		if p, err = t.value(t.space(p+1), self, int32(key), int32(q-1-key), esc); err != nil {
			return p, err
		}
		count++
		if p = t.space(p); p >= len(t.src) {
			return p, t.bad(p, "object not closed")
		}
		switch t.src[p] {
		case '}':
			return p + 1, t.unique(self, count)
		case ',':
			p = t.space(p + 1)
		default:
			return p, t.bad(p, "comma or brace missing")
		}
	}
}

func (t *tape) elements(p int, self int32) (int, error) {
	if p = t.space(p); p < len(t.src) && t.src[p] == ']' {
		return p + 1, nil
	}
	for {
		var err error
		if p, err = t.value(p, self, 0, -1, false); err != nil {
			return p, err
		}
		if p = t.space(p); p >= len(t.src) {
			return p, t.bad(p, "array not closed")
		}
		switch t.src[p] {
		case ']':
			return p + 1, nil
		case ',':
			p = t.space(p + 1)
		default:
			return p, t.bad(p, "comma or bracket missing")
		}
	}
}

// unique refuses an object in which a name stands twice, escapes undone.
func (t *tape) unique(self int32, count int) error {
	end := int32(len(t.nodes))
	if count <= 12 {
		for a := self + 1; a < end; a = t.nodes[a].next {
			for b := t.nodes[a].next; b < end; b = t.nodes[b].next {
				na, nb := &t.nodes[a], &t.nodes[b]
				if na.id != nb.id || !na.kesc && !nb.kesc && na.klen != nb.klen {
					continue
				}
				if bytes.Equal(t.name(a), t.name(b)) {
					return fmt.Errorf("json at byte %d: member name stands twice: %w", nb.key, edit.ErrAmbiguous)
				}
			}
		}
		return nil
	}
	if t.dup == nil {
		t.dup = make(map[string]struct{}, 64)
	}
	clear(t.dup)
	for a := self + 1; a < end; a = t.nodes[a].next {
		k := string(t.name(a))
		if _, twice := t.dup[k]; twice {
			return fmt.Errorf("json at byte %d: member name stands twice: %w", t.nodes[a].key, edit.ErrAmbiguous)
		}
		t.dup[k] = struct{}{}
	}
	return nil
}

// str reads a string and tells whether it has escapes.
func (t *tape) str(p int) (end int, esc bool, err error) {
	for q := p + 1; q < len(t.src); {
		switch c := t.src[q]; {
		case c == '"':
			return q + 1, esc, nil
		case c < 0x20:
			return q, esc, t.bad(q, "control character in a string")
		case c != '\\':
			q++
		default:
			esc = true
			n, ok := escapeLen(t.src[q:])
			if !ok {
				return q, esc, t.bad(q, "bad escape")
			}
			q += n
		}
	}
	return len(t.src), esc, t.bad(p, "string not closed")
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

func (t *tape) num(p int) (int, error) {
	start := p
	digits := func() bool {
		from := p
		for p < len(t.src) && t.src[p] >= '0' && t.src[p] <= '9' {
			p++
		}
		return p > from
	}
	if t.src[p] == '-' {
		p++
	}
	if p < len(t.src) && t.src[p] == '0' {
		p++
	} else if !digits() {
		return p, t.bad(start, "bad number")
	}
	if p < len(t.src) && t.src[p] == '.' {
		if p++; !digits() {
			return p, t.bad(start, "bad number")
		}
	}
	if p < len(t.src) && (t.src[p] == 'e' || t.src[p] == 'E') {
		if p++; p < len(t.src) && (t.src[p] == '+' || t.src[p] == '-') {
			p++
		}
		if !digits() {
			return p, t.bad(start, "bad number")
		}
	}
	return p, nil
}

func (t *tape) lit(p int) (int, error) {
	for _, w := range [...]string{"true", "false", "null"} {
		if len(t.src)-p >= len(w) && string(t.src[p:p+len(w)]) == w {
			return p + len(w), nil
		}
	}
	return p, t.bad(p, "no value")
}

// name gives a member's name, escapes undone.
func (t *tape) name(i int32) []byte {
	n := &t.nodes[i]
	if n.klen < 0 {
		return nil
	}
	if k := t.src[n.key : n.key+n.klen]; !n.kesc {
		return k
	} else {
		return unescape(k)
	}
}

// text gives a string's value, escapes undone, or a number's or literal's text.
func (t *tape) text(i int32) []byte {
	n := &t.nodes[i]
	switch {
	case n.kind != str:
		return t.src[n.start:n.end]
	case !n.esc:
		return t.src[n.start+1 : n.end-1]
	}
	return unescape(t.src[n.start+1 : n.end-1])
}

// outer is where a node begins with its member name, if it has one.
func (t *tape) outer(i int32) int {
	if n := &t.nodes[i]; n.klen >= 0 {
		return int(n.key) - 1
	}
	return int(t.nodes[i].start)
}

// unescape undoes the escapes of a string's inside that str has accepted.
func unescape(s []byte) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' {
			out = append(out, s[i])
			i++
			continue
		}
		n, ok := escapeLen(s[i:])
		if !ok { // not reached after str
			return out
		}
		switch c := s[i+1]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, _ := hex4(s[i+2:])
			if n == 12 {
				lo, _ := hex4(s[i+8:])
				r = utf16.DecodeRune(r, lo)
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, c)
		}
		i += n
	}
	return out
}

// quote writes s as a JSON string that may also stand in a script: <, >, &, and
// the line separators of JavaScript are escaped.
func quote(s string) string {
	const hex = "0123456789abcdef"
	out := make([]byte, 0, len(s)+2)
	out = append(out, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c == '\n':
			out = append(out, '\\', 'n')
		case c == '\r':
			out = append(out, '\\', 'r')
		case c == '\t':
			out = append(out, '\\', 't')
		case c < 0x20 || c == '<' || c == '>' || c == '&' || c == 0x7f:
			out = append(out, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		case c == 0xe2 && i+2 < len(s) && s[i+1] == 0x80 && s[i+2]&^1 == 0xa8:
			out = append(out, '\\', 'u', '2', '0', '2', hex[s[i+2]&15])
			i += 2
		default:
			out = append(out, c)
		}
	}
	return string(append(out, '"'))
}

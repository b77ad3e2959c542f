package xmlrewrite

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// Bounds of one document.
const (
	maxDepth = 128
	maxNodes = 1_000_000
	maxAttrs = 256 // of one element
	maxSize  = 1 << 30
)

type kind uint8

const (
	kElement kind = iota
	kText
	kCDATA
	kUnread // comments and processing instructions
)

// node is one entry of the tape, in the order of the nodes' start.
type node struct {
	kind    kind
	cleared bool   // of a person's element: what it said of him is gone
	name    string // of elements, with its prefix
	// [start,open) is the start tag, [open,close) the content and [close,end)
	// the end tag; of other kinds [start,end) is all, [open,close) the text.
	start, open, close, end int
	parent, last            int // last: one past the last node of the subtree
	attr, attrEnd           int
}

type attribute struct {
	name       string
	start, end int // name through closing quote
	vs, ve     int // raw value
}

type tape struct {
	s     string
	nodes []node
	attrs []attribute
	stack []int
	prose []edit.Span
	buf   []byte
	kept  strings.Builder // decoded strings, many in one piece of memory
	// encoding is the place of the declared encoding's name, if any.
	encoding edit.Span
}

var tapes = sync.Pool{New: func() any { return new(tape) }}

func newTape(s string) (*tape, error) {
	t := tapes.Get().(*tape)
	t.s = s
	if err := t.parse(); err != nil {
		t.release()
		return nil, err
	}
	return t, nil
}

func (t *tape) release() {
	if cap(t.nodes) > 1<<16 || cap(t.attrs) > 1<<16 || cap(t.buf) > 1<<20 {
		return
	}
	clear(t.nodes)
	clear(t.attrs)
	*t = tape{nodes: t.nodes[:0], attrs: t.attrs[:0], stack: t.stack[:0], buf: t.buf[:0], prose: t.prose[:0]}
	tapes.Put(t)
}

func malformed(i int, what string) error {
	return fmt.Errorf("xml: at byte %d: %w: %s", i, edit.ErrMalformed, what)
}

func (t *tape) parse() error {
	s := t.s
	if len(s) > maxSize {
		return fmt.Errorf("xml: %w", edit.ErrTooLarge)
	}
	if err := checkChars(s); err != nil {
		return err
	}
	i := len(s) - len(strings.TrimPrefix(s, "\ufeff"))
	if strings.HasPrefix(s[i:], "<?xml") && i+5 < len(s) && isSpace(s[i+5]) {
		n, err := t.declaration(i)
		if err != nil {
			return err
		}
		i = n
	}
	root := false
	for i < len(s) {
		j := strings.IndexByte(s[i:], '<')
		if j < 0 {
			j = len(s) - i
		}
		if j > 0 {
			if err := t.text(i, i+j); err != nil {
				return err
			}
			if i += j; i >= len(s) {
				break
			}
		}
		var err error
		switch rest := s[i:]; {
		case strings.HasPrefix(rest, "<!--"):
			i, err = t.comment(i)
		case strings.HasPrefix(rest, "<![CDATA["):
			i, err = t.cdata(i)
		case strings.HasPrefix(rest, "<!"):
			return malformed(i, "document types and declarations are refused")
		case strings.HasPrefix(rest, "<?"):
			i, err = t.instruction(i)
		case strings.HasPrefix(rest, "</"):
			i, err = t.endTag(i)
		default:
			if len(t.stack) == 0 {
				if root {
					return malformed(i, "a second root")
				}
				root = true
			}
			i, err = t.startTag(i)
		}
		if err != nil {
			return err
		}
		if len(t.nodes) > maxNodes {
			return fmt.Errorf("xml: %w: nodes", edit.ErrTooLarge)
		}
	}
	if len(t.stack) > 0 || !root {
		return malformed(len(s), "the document ends early")
	}
	return nil
}

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

func (t *tape) add(n node) int {
	n.parent = -1
	if k := len(t.stack); k > 0 {
		n.parent = t.stack[k-1]
	}
	n.last = len(t.nodes) + 1
	if k := len(t.nodes); k == cap(t.nodes) {
		// Room for as many as the document will have if it goes on as it began.
		more := min(k*len(t.s)/(n.start+1), 8*k)
		t.nodes = slices.Grow(t.nodes, min(max(more, 2*k, 256), maxNodes+1)-k)
	}
	t.nodes = append(t.nodes, n)
	return n.last - 1
}

func (t *tape) text(from, to int) error {
	v := t.s[from:to]
	if len(t.stack) == 0 {
		if strings.Trim(v, " \t\r\n") != "" {
			return malformed(from, "text outside the root")
		}
		return nil
	}
	if strings.Contains(v, "]]>") {
		return malformed(from, "]]> in text")
	}
	if err := checkRefs(v, from); err != nil {
		return err
	}
	t.add(node{kind: kText, start: from, open: from, close: to, end: to})
	return nil
}

func (t *tape) comment(i int) (int, error) {
	j := strings.Index(t.s[i+4:], "--")
	if j < 0 || !strings.HasPrefix(t.s[i+4+j:], "-->") {
		return 0, malformed(i, "a comment")
	}
	end := i + 4 + j + 3
	t.add(node{kind: kUnread, start: i, open: i, close: end, end: end})
	return end, nil
}

func (t *tape) cdata(i int) (int, error) {
	j := strings.Index(t.s[i+9:], "]]>")
	if j < 0 || len(t.stack) == 0 {
		return 0, malformed(i, "a CDATA section")
	}
	end := i + 9 + j + 3
	t.add(node{kind: kCDATA, start: i, open: i + 9, close: end - 3, end: end})
	return end, nil
}

func (t *tape) instruction(i int) (int, error) {
	j := strings.Index(t.s[i:], "?>")
	if j < 0 || i+2 >= len(t.s) || !isNameStart(t.s[i+2]) ||
		len(t.s) > i+5 && strings.EqualFold(t.s[i+2:i+5], "xml") && !isName(t.s[i+5]) {
		return 0, malformed(i, "a processing instruction")
	}
	end := i + j + 2
	t.add(node{kind: kUnread, start: i, open: i, close: end, end: end})
	return end, nil
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
	n := node{kind: kElement, name: s[i+1 : p], start: i, attr: len(t.attrs)}
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
			n.open, n.close, n.end, n.attrEnd = p, p, p, len(t.attrs)
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
		a := attribute{start: p}
		for p < len(s) && isName(s[p]) {
			p++
		}
		a.name = s[a.start:p]
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
		a.vs, a.ve = p+1, p+1+j
		v := s[a.vs:a.ve]
		if strings.IndexByte(v, '<') >= 0 {
			return 0, malformed(p, "< in an attribute")
		}
		if err := checkRefs(v, a.vs); err != nil {
			return 0, err
		}
		p = a.ve + 1
		a.end = p
		for _, o := range t.attrs[n.attr:] {
			if o.name == a.name {
				return 0, malformed(a.start, "an attribute twice")
			}
		}
		if t.attrs = append(t.attrs, a); len(t.attrs)-n.attr > maxAttrs {
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
	if k < 0 || t.nodes[t.stack[k]].name != name {
		return 0, malformed(i, "an end tag of something else")
	}
	n := &t.nodes[t.stack[k]]
	n.close, n.end, n.last = i, p+1, len(t.nodes)
	t.stack = t.stack[:k]
	return p + 1, nil
}

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
func (t *tape) respell(from, to int, s string, e *edit.Escapes) string {
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

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

func isNameStart(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_' || c >= 0x80
}

func isName(c byte) bool {
	return isNameStart(c) || '0' <= c && c <= '9' || c == '-' || c == '.' || c == ':'
}

// value gives an element's text: what stands in it directly, decoded.
func (t *tape) value(i int) string {
	parts, last := 0, 0
	n := &t.nodes[i]
	for j := i + 1; j < n.last; j = t.nodes[j].last {
		if k := t.nodes[j].kind; k == kText || k == kCDATA {
			parts++
			last = j
		}
	}
	switch parts {
	case 0:
		return ""
	case 1:
		c := &t.nodes[last]
		if c.kind == kCDATA {
			return t.s[c.open:c.close]
		}
		return t.unescape(t.s[c.open:c.close])
	}
	t.buf = t.buf[:0]
	for j := i + 1; j < n.last; j = t.nodes[j].last {
		switch c := &t.nodes[j]; c.kind {
		case kText:
			t.buf = appendUnescaped(t.buf, t.s[c.open:c.close])
		case kCDATA:
			t.buf = append(t.buf, t.s[c.open:c.close]...)
		}
	}
	return t.keep(t.buf)
}

func (t *tape) attribute(n *node, name string) *attribute {
	for k := n.attr; k < n.attrEnd; k++ {
		if t.attrs[k].name == name {
			return &t.attrs[k]
		}
	}
	return nil
}

func (t *tape) attrValue(n *node, name string) (string, bool) {
	if a := t.attribute(n, name); a != nil {
		return t.unescape(t.s[a.vs:a.ve]), true
	}
	return "", false
}

// hasElements reports whether element i has elements in it.
func (t *tape) hasElements(i int) bool {
	for j := i + 1; j < t.nodes[i].last; j = t.nodes[j].last {
		if t.nodes[j].kind == kElement {
			return true
		}
	}
	return false
}

package xmlrewrite

import (
	"fmt"
	"html"
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
	kind kind
	name string // of elements, with its prefix
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
	if cap(t.nodes) > 1<<16 || cap(t.attrs) > 1<<16 {
		return
	}
	clear(t.nodes)
	clear(t.attrs)
	*t = tape{nodes: t.nodes[:0], attrs: t.attrs[:0], stack: t.stack[:0]}
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

// unescape decodes references that checkRefs let pass. HTML reads a few
// numbers in its own way; they are decoded here as XML has them.
func unescape(s string) string {
	if strings.IndexByte(s, '&') < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for {
		i := strings.IndexByte(s, '&')
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:i])
		end := i + strings.IndexByte(s[i:], ';') + 1
		ref := s[i:end]
		if ref[1] != '#' {
			b.WriteString(html.UnescapeString(ref))
		} else {
			num, base := ref[2:len(ref)-1], 10
			if num[0] == 'x' {
				num, base = num[1:], 16
			}
			n, _ := strconv.ParseUint(num, base, 32)
			b.WriteRune(rune(n))
		}
		s = s[end:]
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
	n := &t.nodes[i]
	one := ""
	var b strings.Builder
	for j := i + 1; j < n.last; j++ {
		c := &t.nodes[j]
		if c.parent != i || c.kind != kText && c.kind != kCDATA {
			continue
		}
		v := t.s[c.open:c.close]
		if c.kind == kText {
			v = unescape(v)
		}
		if one == "" && b.Len() == 0 {
			one = v
			continue
		}
		if b.Len() == 0 {
			b.WriteString(one)
		}
		b.WriteString(v)
	}
	if b.Len() > 0 {
		return b.String()
	}
	return one
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
		return unescape(t.s[a.vs:a.ve]), true
	}
	return "", false
}

// hasElements reports whether element i has elements in it.
func (t *tape) hasElements(i int) bool {
	for j := i + 1; j < t.nodes[i].last; j++ {
		if t.nodes[j].kind == kElement {
			return true
		}
	}
	return false
}

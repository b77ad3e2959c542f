package xmlrewrite

import (
	"fmt"
	"slices"
	"strings"

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
	known   uint16 // the number of what is known of elements of its name
	nameLen int32  // of elements, with its prefix
	// [start,open) is the start tag, [open,close) the content and [close,end)
	// the end tag; of other kinds [start,end) is all, [open,close) the text.
	start, open, close, end int32
	parent, last            int32 // last: one past the last node of the subtree
	attr, attrEnd           int32
}

type attribute struct {
	nameLen    int32
	start, end int32 // name through closing quote
	vs, ve     int32 // raw value
}

type tape struct {
	s     string
	p     *Program
	nodes []node
	attrs []attribute
	stack []int32
	prose []edit.Span
	list  edit.List
	buf   []byte
	kept  strings.Builder // decoded strings, many in one piece of memory
	// encoding is the place of the declared encoding's name, if any.
	encoding edit.Span
}

var tapes edit.Pool[tape]

func newTape(s string, p *Program) (*tape, error) {
	t := tapes.Get(len(s))
	if t == nil {
		t = new(tape)
	}
	t.s, t.p = s, p
	if err := t.parse(); err != nil {
		t.release()
		return nil, err
	}
	return t, nil
}

// release forgets the document and gives the tape back.
func (t *tape) release() {
	n := len(t.s)
	t.list.Reset()
	*t = tape{nodes: t.nodes[:0], attrs: t.attrs[:0], stack: t.stack[:0], buf: t.buf[:0], prose: t.prose[:0], list: t.list}
	tapes.Put(t, n, 44*cap(t.nodes)+20*cap(t.attrs)+16*cap(t.prose)+cap(t.buf)+t.list.Size())
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

func (t *tape) add(n node) int32 {
	n.parent = -1
	if k := len(t.stack); k > 0 {
		n.parent = t.stack[k-1]
	}
	n.last = int32(len(t.nodes) + 1)
	if k := len(t.nodes); k == cap(t.nodes) {
		// Room for as many as the document will have if it goes on as it began.
		more := min(k*len(t.s)/(int(n.start)+1), 8*k)
		t.nodes = slices.Grow(t.nodes, min(max(more, 2*k, 256), maxNodes+1)-k)
	}
	t.nodes = append(t.nodes, n)
	return n.last - 1
}

// piece adds what is no element.
func (t *tape) piece(k kind, start, open, close, end int) {
	t.add(node{kind: k, start: int32(start), open: int32(open), close: int32(close), end: int32(end)})
}

// name gives an element's name, with its prefix.
func (t *tape) name(i int32) string {
	n := &t.nodes[i]
	return t.s[n.start+1 : n.start+1+n.nameLen]
}

// attrName gives an attribute's name.
func (t *tape) attrName(a *attribute) string { return t.s[a.start : a.start+a.nameLen] }

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
	t.piece(kText, from, from, to, to)
	return nil
}

func (t *tape) comment(i int) (int, error) {
	j := strings.Index(t.s[i+4:], "--")
	if j < 0 || !strings.HasPrefix(t.s[i+4+j:], "-->") {
		return 0, malformed(i, "a comment")
	}
	end := i + 4 + j + 3
	t.piece(kUnread, i, i, end, end)
	return end, nil
}

func (t *tape) cdata(i int) (int, error) {
	j := strings.Index(t.s[i+9:], "]]>")
	if j < 0 || len(t.stack) == 0 {
		return 0, malformed(i, "a CDATA section")
	}
	end := i + 9 + j + 3
	t.piece(kCDATA, i, i+9, end-3, end)
	return end, nil
}

func (t *tape) instruction(i int) (int, error) {
	j := strings.Index(t.s[i:], "?>")
	if j < 0 || i+2 >= len(t.s) || !isNameStart(t.s[i+2]) ||
		len(t.s) > i+5 && strings.EqualFold(t.s[i+2:i+5], "xml") && !isName(t.s[i+5]) {
		return 0, malformed(i, "a processing instruction")
	}
	end := i + j + 2
	t.piece(kUnread, i, i, end, end)
	return end, nil
}

func (t *tape) attribute(n *node, name string) *attribute {
	for k := n.attr; k < n.attrEnd; k++ {
		if t.attrName(&t.attrs[k]) == name {
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
func (t *tape) hasElements(i int32) bool {
	for j := i + 1; j < t.nodes[i].last; j = t.nodes[j].last {
		if t.nodes[j].kind == kElement {
			return true
		}
	}
	return false
}

// value gives an element's text: what stands in it directly, decoded.
func (t *tape) value(i int32) string {
	n := &t.nodes[i]
	if n.last == i+2 { // of one part, which stands in the document as it is
		switch c := &t.nodes[i+1]; c.kind {
		case kCDATA:
			return t.s[c.open:c.close]
		case kText:
			return t.unescape(t.s[c.open:c.close])
		}
	}
	if t.buf = t.appendValue(t.buf[:0], i); len(t.buf) == 0 {
		return ""
	}
	return t.keep(t.buf)
}

// appendValue appends an element's text to dst.
func (t *tape) appendValue(dst []byte, i int32) []byte {
	for j := i + 1; j < t.nodes[i].last; j = t.nodes[j].last {
		switch c := &t.nodes[j]; c.kind {
		case kText:
			dst = appendUnescaped(dst, t.s[c.open:c.close])
		case kCDATA:
			dst = append(dst, t.s[c.open:c.close]...)
		}
	}
	return dst
}

package jsonrewrite

import (
	"bytes"
	"fmt"
	"slices"

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
	id         int32 // number of the member name; 0: no name that the program knows
	kind       kind
	is         flags
	shape      uint16 // of an object: 1 + the index of the shape that takes it
}

// flags is what is known of a node.
type flags uint8

const (
	escaped  flags = 1 << iota // the value has escapes
	kescaped                   // its name has
	gone                       // it leaves its container
	told                       // the route says by its path what it is
	shown                      // judged by its shape: visible
	hidden                     // or not
	listed                     // an array of the route's first list, not judged yet
	joined                     // what it holds goes to the group before it
)

// tape is a document read once: flat nodes over the original bytes.
type tape struct {
	p     *Program
	src   []byte
	s     string // src again: what is cut from it needs no memory of its own
	nodes []node
	open  int32 // the container that is being read, or -1
	depth int

	names members
	sets  setCache
	kept  arena
	buf   []byte
}

// read parses src strictly: RFC 8259 and I-JSON (RFC 7493): UTF-8 without a
// byte order mark, no duplicate names, no unpaired surrogates, nothing after
// the value.
func (t *tape) read(src []byte) error {
	t.src, t.s, t.nodes, t.open, t.depth = src, "", t.nodes[:0], -1, 0
	if len(src) > maxBytes {
		return fmt.Errorf("json of %d bytes: %w", len(src), edit.ErrTooLarge)
	}
	if bytes.HasPrefix(src, []byte("\xef\xbb\xbf")) {
		return fmt.Errorf("json with a byte order mark: %w", edit.ErrAmbiguous)
	}
	t.s = edit.Text(src)
	t.names.size(len(t.p.table.entries))
	return t.values()
}

func bad(p int, what string) error {
	return fmt.Errorf("json at byte %d: %s: %w", p, what, edit.ErrMalformed)
}

func (t *tape) space(p int) int {
	for p < len(t.src) && t.src[p] <= ' ' {
		switch t.src[p] {
		case ' ', '\t', '\n', '\r':
			p++
		default:
			return p
		}
	}
	return p
}

// values reads the whole document, without recursion.
func (t *tape) values() (err error) {
	src := t.src
	n := node{klen: -1}
	for p := t.space(0); ; {
		// A value begins at p; n has its name.
		if p >= len(src) {
			return bad(p, "value missing")
		}
		if len(t.nodes) == cap(t.nodes) {
			if err := t.grow(p); err != nil {
				return err
			}
		}
		i := int32(len(t.nodes))
		n.start, n.parent, n.next = int32(p), t.open, i+1
		switch c := src[p]; {
		case c == '"':
			end, esc, wrong := scan(src, p)
			if wrong != "" {
				return bad(end, wrong)
			}
			if esc {
				n.is |= escaped
			}
			n.kind = str
			p = end
		case c == '{' || c == '[':
			if t.depth++; t.depth > maxDepth {
				return fmt.Errorf("json deeper than %d: %w", maxDepth, edit.ErrTooLarge)
			}
			if n.kind = object; c == '[' {
				n.kind = array
			}
			t.nodes = append(t.nodes, n)
			p = t.space(p + 1)
			if p < len(src) && src[p] == c+2 {
				// the brackets' closing forms are two further on in ASCII
				t.nodes[i].end = int32(p + 1)
				t.depth--
				p++
				if c == '{' {
					if err := t.close(i); err != nil {
						return err
					}
				}
				break
			}
			t.open = i
			if p, err = t.name(&n, p); err != nil {
				return err
			}
			continue
		case c == '-' || c-'0' <= 9:
			end, ok := number(src, p)
			if !ok {
				return bad(p, "bad number")
			}
			n.kind, p = num, end
		default:
			end, ok := literal(src, p)
			if !ok {
				return bad(p, "no value")
			}
			n.kind, p = lit, end
		}
		if n.kind > array {
			n.end = int32(p)
			t.nodes = append(t.nodes, n)
		}
		if p, err = t.after(p); err != nil {
			return err
		}
		if t.open < 0 {
			return nil
		}
		if p, err = t.name(&n, p); err != nil {
			return err
		}
	}
}

// grow makes room for more nodes, at byte p: for as many as the document will
// have if it goes on as it began, within bounds.
func (t *tape) grow(p int) error {
	n := len(t.nodes)
	if n >= maxNodes {
		return fmt.Errorf("json of more than %d values: %w", maxNodes, edit.ErrTooLarge)
	}
	more := min(int(int64(n)*int64(len(t.src))/int64(p+1)), 8*n)
	t.nodes = slices.Grow(t.nodes, min(max(more, 2*n, 512), maxNodes)-n)
	t.nodes = t.nodes[:n:min(cap(t.nodes), maxNodes)]
	return nil
}

// after closes the containers that end at p. It gives where the next element or
// member begins; once nothing is open, the document was read to its end.
func (t *tape) after(p int) (int, error) {
	for {
		p = t.space(p)
		if t.open < 0 {
			if p != len(t.src) {
				return p, bad(p, "data after the value")
			}
			return p, nil
		}
		if p >= len(t.src) {
			return p, bad(p, "object or array not closed")
		}
		n := &t.nodes[t.open]
		switch c := t.src[p]; {
		case c == ',':
			return t.space(p + 1), nil
		case c == '}' && n.kind == object:
			n.end, n.next = int32(p+1), int32(len(t.nodes))
			if err := t.close(t.open); err != nil {
				return p, err
			}
		case c == ']' && n.kind == array:
			n.end, n.next = int32(p+1), int32(len(t.nodes))
		default:
			return p, bad(p, "comma or bracket missing")
		}
		t.open = n.parent
		t.depth--
		p++
	}
}

// name reads a member's name and colon into n, and gives where the value
// begins; in an array there is none to read.
func (t *tape) name(n *node, p int) (int, error) {
	*n = node{klen: -1}
	if t.nodes[t.open].kind == array {
		return p, nil
	}
	if p >= len(t.src) || t.src[p] != '"' {
		return p, bad(p, "member name missing")
	}
	end, esc, wrong := scan(t.src, p)
	if wrong != "" {
		return p, bad(end, wrong)
	}
	n.key, n.klen = int32(p+1), int32(end-p-2)
	if esc {
		n.is = kescaped
		t.buf = appendUnescaped(t.buf[:0], t.src[p+1:end-1])
		n.id = t.p.table.find(t.kept.keep(t.buf))
	} else {
		n.id = t.p.table.find(t.s[p+1 : end-1])
	}
	if p = t.space(end); p >= len(t.src) || t.src[p] != ':' {
		return p, bad(p, "colon missing")
	}
	return t.space(p + 1), nil
}

// nameOf gives a member's name, escapes undone.
func (t *tape) nameOf(i int32) string {
	n := &t.nodes[i]
	switch {
	case n.klen < 0:
		return ""
	case n.is&kescaped == 0:
		return t.s[n.key : n.key+n.klen]
	}
	return t.unescaped(n.key, n.key+n.klen)
}

// text gives a string's value, escapes undone, or a number's or literal's text.
func (t *tape) text(i int32) string {
	n := &t.nodes[i]
	switch {
	case n.kind != str:
		return t.s[n.start:n.end]
	case n.is&escaped == 0:
		return t.s[n.start+1 : n.end-1]
	}
	return t.unescaped(n.start+1, n.end-1)
}

func (t *tape) unescaped(from, to int32) string {
	t.buf = appendUnescaped(t.buf[:0], t.src[from:to])
	return t.kept.keep(t.buf)
}

// isNull reports whether the node is null, which is as good as absent.
func (t *tape) isNull(i int32) bool { return t.nodes[i].kind == lit && t.src[t.nodes[i].start] == 'n' }

// outer is where a node begins with its member name, if it has one.
func (t *tape) outer(i int32) int {
	if n := &t.nodes[i]; n.klen >= 0 {
		return int(n.key) - 1
	}
	return int(t.nodes[i].start)
}

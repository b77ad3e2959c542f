package htmlrewrite

import (
	"strings"
	"sync"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// Bounds of one document. Browsers flatten trees deeper than maxDepth, each in
// its own way, so that such markup has more than one reading.
const (
	maxDepth = 512
	maxAttrs = 1_000_000
	maxNodes = 2_000_000
	maxSize  = 1 << 30
)

type kind uint8

const (
	kElement kind = iota
	kText         // character references are decoded
	kRaw          // raw text: as it stands
	kComment
	kDoctype
)

type nodeFlags uint8

const (
	nSVG nodeFlags = 1 << iota
	nMath
	nIntegration // HTML is read inside, although the element is foreign
	nSloppy      // a formatting element whose reach in the tree is not its span
	nHasEnd      // has an end tag of its own
	nBreakout    // its start tag ended foreign content
)

const nForeign = nSVG | nMath

// node is one entry of the tape: nodes in the order of their start, each with
// its span and its place in the tree.
type node struct {
	kind  kind
	flags nodeFlags
	tag   tagID
	// [start,open) is the start tag, [open,close) the content and [close,end)
	// the end tag; for other kinds [start,end) alone counts.
	start, open, close, end int32
	parent, last            int32 // last: one past the last node of the subtree
	attr, attrEnd           int32
	next                    int32 // next element sibling, -1: none
}

// attribute is one attribute of a start tag; offsets are into the source.
type attribute struct {
	name       string // lower case
	start, end int32  // name through closing quote
	vs, ve     int32  // the raw value without quotes
	quote      byte   // '"', '\'', '=' unquoted, 0 no value
	dup        bool   // a browser reads an earlier one of that name
	gone       bool   // a rule took it
}

// tape is one parsed document.
type tape struct {
	s     string
	nodes []node
	attrs []attribute
	// junk are bytes that no browser reads: attributes of end tags, what is
	// left of a tag at the end of the text.
	junk []edit.Span

	stack    []int32
	open     []int32 // by tag: how many are on the stack
	lastKid  []int32 // by node, while building: its last element child
	names    []string
	ids      map[string]tagID
	rawEnds  []int32 // where open noscripts end if scripts run
	torn     bool    // a noscript ends elsewhere without
	sawHead  bool
	sawBody  bool
	foreigns int // open foreign elements
}

var tapes = sync.Pool{New: func() any { return new(tape) }}

// newTape parses s.
func newTape(s string) (*tape, error) {
	t := tapes.Get().(*tape)
	t.s = s
	t.names = append(t.names[:0], knownNames...)
	t.open = append(t.open[:0], make([]int32, len(t.names))...)
	if err := t.parse(); err != nil {
		t.release()
		return nil, err
	}
	return t, nil
}

// release gives the tape back to the pool.
func (t *tape) release() {
	if cap(t.nodes) > 1<<17 || cap(t.attrs) > 1<<17 {
		return
	}
	clear(t.attrs)
	clear(t.names)
	*t = tape{
		nodes: t.nodes[:0], attrs: t.attrs[:0], junk: t.junk[:0], stack: t.stack[:0], open: t.open[:0],
		lastKid: t.lastKid[:0], names: t.names[:0], rawEnds: t.rawEnds[:0],
	}
	tapes.Put(t)
}

// tagFor interns a lower-case tag name.
func (t *tape) tagFor(name string) (tagID, bool) {
	if id, ok := knownTags[name]; ok {
		return id, true
	}
	if id, ok := t.ids[name]; ok {
		return id, true
	}
	if len(t.names) >= maxTags {
		return 0, false
	}
	if t.ids == nil {
		t.ids = make(map[string]tagID)
	}
	id := tagID(len(t.names))
	t.ids[name] = id
	t.names = append(t.names, name)
	t.open = append(t.open, 0)
	return id, true
}

func (t *tape) flagsOf(id tagID) flags {
	if int(id) < len(knownFlags) {
		return knownFlags[id]
	}
	return 0
}

// nodeFlags gives the flags of an element in its place: those of its name mean
// nothing in foreign content.
func (t *tape) nodeFlags(n *node) flags {
	switch {
	case n.flags&nForeign == 0:
		return t.flagsOf(n.tag)
	case n.flags&nIntegration != 0:
		return fSpecial | fScope
	}
	return 0
}

func (t *tape) tagName(n *node) string { return t.names[n.tag] }

// attribute gives an attribute of n, as a browser reads it; nil if absent.
func (t *tape) attribute(n *node, name string) *attribute {
	for i := n.attr; i < n.attrEnd; i++ {
		if a := &t.attrs[i]; a.name == name && !a.dup {
			return a
		}
	}
	return nil
}

// value gives the decoded value of an attribute.
func (t *tape) value(a *attribute) string { return unescapeAttr(t.s[a.vs:a.ve]) }

// attrValue gives the decoded value of an attribute of n.
func (t *tape) attrValue(n *node, name string) (string, bool) {
	if a := t.attribute(n, name); a != nil {
		return t.value(a), true
	}
	return "", false
}

// text gives the decoded text inside node i, without scripts and styles.
func (t *tape) text(i int32) string {
	var b strings.Builder
	one := ""
	for j := i + 1; j < t.nodes[i].last; j++ {
		n := &t.nodes[j]
		var s string
		switch n.kind {
		case kText:
			s = unescapeText(t.s[n.start:n.end])
		case kRaw:
			if p := t.nodes[n.parent].tag; p == tScript || p == tStyle {
				continue
			}
			s = t.s[n.start:n.end]
		default:
			continue
		}
		if one == "" && b.Len() == 0 {
			one = s
			continue
		}
		if b.Len() == 0 {
			b.WriteString(one)
		}
		b.WriteString(s)
	}
	if b.Len() > 0 {
		return b.String()
	}
	return one
}

// hasText reports whether there is anything but white space inside node i.
func (t *tape) hasText(i int32) bool {
	for j := i + 1; j < t.nodes[i].last; j++ {
		n := &t.nodes[j]
		if n.kind == kText && strings.TrimSpace(strings.ReplaceAll(unescapeText(t.s[n.start:n.end]), "\u00a0", " ")) != "" {
			return true
		}
	}
	return false
}

func words(s string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

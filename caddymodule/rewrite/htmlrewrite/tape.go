package htmlrewrite

import (
	"slices"
	"strings"

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
	kText kind = iota // character references are decoded
	kRaw              // raw text: as it stands
	kCode             // raw text that nobody reads: of a script or a style sheet
	kComment
	kDoctype
)

// piece is a part of the source that is no element.
type piece struct {
	start, end int32
	kind       kind
}

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

// node is one element, with its span and its place in the tree.
type node struct {
	tag   tagID
	flags nodeFlags
	// [start,open) is the start tag, [open,close) the content and [close,end)
	// the end tag.
	start, open, close, end int32
	parent, last            int32 // last: one past the last node of the subtree
	attr, attrEnd           int32
}

// attribute is one attribute of a start tag; offsets are into the source.
type attribute struct {
	start, nameEnd int32
	vs, ve         int32 // the raw value without quotes
	end            int32 // behind the closing quote
	id             attrID
	quote          byte // '"', '\'', '=' unquoted, 0 no value
	dup            bool // a browser reads an earlier one of that name
	gone           bool // a rule took it
}

// tape is one parsed document.
type tape struct {
	s     string
	voc   *vocabulary
	found *matches // is shown every element; nil if nobody asks
	nodes []node   // in the order of their start
	attrs []attribute
	// What is between the tags, in the order of the source: text, and comments
	// with doctypes.
	texts, comments []piece
	// junk are bytes that no browser reads: attributes of end tags, what is
	// left of a tag at the end of the text. odd are attributes that always go.
	junk []edit.Span
	odd  []int32
	// Nodes of which there are few and that are looked for apart.
	scripts, bases []int32

	stack    []int32
	open     []int32 // by tag: how many are on the stack
	names    []string
	ids      map[string]tagID // of tags that the vocabulary does not know
	rawEnds  []int32          // where open noscripts end if scripts run
	hashed   []int32          // scratch of markDups
	siblings []int32          // by node: its next element sibling, -1; see next
	lastKid  []int32          // scratch of next
	decoded  arena
	tag      tag // the one that is read
	sawHead  bool
	sawBody  bool
	torn     bool // a noscript ends elsewhere without
	sloppy   bool // some element's reach is not its span
	hasCR    bool
	foreigns int // open foreign elements
}

var tapes = pool[tape]{fresh: func() *tape { return new(tape) }}

// emptyTape makes a tape for s that tells apart the names in voc.
func emptyTape(s string, voc *vocabulary) *tape {
	t := tapes.get(len(s))
	t.s, t.voc = s, voc
	t.open = zeroed(t.open, len(voc.tags.names))
	t.decoded.chunk = len(s) / 16
	return t
}

// read parses s and runs all selectors of the set over it. Both must be released,
// the matches first.
func (set *selSet) read(s string) (*tape, *matches, error) {
	t := emptyTape(s, set.voc)
	t.found = set.begin(t)
	m := t.found
	if err := t.parse(); err != nil {
		m.release()
		t.release()
		return nil, nil, err
	}
	m.resolve()
	return t, m, nil
}

// maxPooledIDs bounds the names that a tape keeps room for.
const maxPooledIDs = 256

// release gives the tape back to the pool.
func (t *tape) release() {
	if cap(t.nodes) > maxPooled || cap(t.attrs) > maxPooled || cap(t.texts)+cap(t.comments) > maxPooled {
		return
	}
	if len(t.ids) > maxPooledIDs {
		t.ids = nil
	}
	clear(t.ids)
	clear(t.names)
	size := len(t.s)
	*t = tape{
		nodes: t.nodes[:0], attrs: t.attrs[:0], junk: t.junk[:0], odd: t.odd[:0], texts: t.texts[:0], comments: t.comments[:0],
		scripts: t.scripts[:0], bases: t.bases[:0], stack: t.stack[:0], open: t.open[:0], names: t.names[:0],
		ids: t.ids, rawEnds: t.rawEnds[:0], hashed: t.hashed[:0], siblings: t.siblings[:0], lastKid: t.lastKid[:0],
	}
	tapes.put(size, t)
}

// tagFor gives the number of a tag's name as it is written.
func (t *tape) tagFor(name string) (tagID, bool) {
	if id := t.voc.tags.findFold(name); id > 0 {
		return tagID(id), true
	}
	name = lower(name)
	if id, ok := t.ids[name]; ok {
		return id, true
	}
	known := len(t.voc.tags.names)
	if len(t.names) >= maxTags {
		return 0, false
	}
	if t.ids == nil {
		t.ids = make(map[string]tagID)
	}
	id := tagID(known + len(t.names))
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

func (t *tape) tagName(n *node) string { return t.nameOf(n.tag) }

func (t *tape) nameOf(id tagID) string {
	if known := t.voc.tags.names; int(id) < len(known) {
		return known[id]
	}
	return t.names[int(id)-len(t.voc.tags.names)]
}

// attribute gives an attribute of n, as a browser reads it; nil if absent. The
// name must be one of the vocabulary.
func (t *tape) attribute(n *node, id attrID) *attribute {
	for i := n.attr; i < n.attrEnd; i++ {
		if a := &t.attrs[i]; a.id == id && !a.dup {
			return a
		}
	}
	return nil
}

// attrName gives an attribute's name in lower case.
func (t *tape) attrName(a *attribute) string {
	if a.id != aNone {
		return t.voc.attrs.names[a.id]
	}
	return lower(t.s[a.start:a.nameEnd])
}

// raw gives the value of an attribute as it stands.
func (t *tape) raw(a *attribute) string { return t.s[a.vs:a.ve] }

// value gives the decoded value of an attribute.
func (t *tape) value(a *attribute) string {
	v := t.lines(t.s[a.vs:a.ve])
	i := strings.IndexByte(v, '&')
	if i < 0 {
		return v
	}
	return t.decoded.attr(v, i)
}

// newlines is what the standard does to line ends before all else.
var newlines = strings.NewReplacer("\r\n", "\n", "\r", "\n")

// lines gives a piece of the source with its line ends as a browser reads them.
func (t *tape) lines(s string) string {
	if t.hasCR && strings.IndexByte(s, '\r') >= 0 {
		return newlines.Replace(s)
	}
	return s
}

// attrValue gives the decoded value of an attribute of n.
func (t *tape) attrValue(n *node, id attrID) (string, bool) {
	if a := t.attribute(n, id); a != nil {
		return t.value(a), true
	}
	return "", false
}

// textsIn gives the pieces of text inside node i.
func (t *tape) textsIn(i int32) []piece {
	n := &t.nodes[i]
	from := firstFrom(t.texts, n.open)
	return t.texts[from : from+firstFrom(t.texts[from:], n.close)]
}

// firstFrom gives the index of the first piece that begins at pos or behind it.
func firstFrom(ps []piece, pos int32) int {
	i, _ := slices.BinarySearchFunc(ps, pos, func(p piece, pos int32) int { return int(p.start - pos) })
	return i
}

// textOf gives the decoded text inside node i, without scripts and styles.
func (t *tape) textOf(i int32) string {
	var b strings.Builder
	one := ""
	for _, p := range t.textsIn(i) {
		if p.kind == kCode {
			continue
		}
		s := t.lines(t.s[p.start:p.end])
		if p.kind == kText {
			s = unescapeText(s)
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
	for _, p := range t.textsIn(i) {
		if p.kind == kText && strings.TrimSpace(strings.ReplaceAll(unescapeText(t.s[p.start:p.end]), "\u00a0", " ")) != "" {
			return true
		}
	}
	return false
}

// next gives the next element sibling of node i, -1 if there is none.
func (t *tape) next(i int32) int32 {
	if len(t.siblings) != len(t.nodes) {
		t.linkSiblings()
	}
	return t.siblings[i]
}

func (t *tape) linkSiblings() {
	t.siblings = append(t.siblings[:0], make([]int32, len(t.nodes))...)
	t.lastKid = zeroed(t.lastKid, len(t.nodes)+1)
	for i := range t.nodes {
		n := &t.nodes[i]
		t.siblings[i] = -1
		// lastKid[0] is that of the root; 0 means none, so indexes are one up.
		if prev := t.lastKid[n.parent+1]; prev > 0 {
			t.siblings[prev-1] = int32(i)
		}
		t.lastKid[n.parent+1] = int32(i) + 1
	}
}

func words(s string) map[string]bool {
	m := make(map[string]bool)
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

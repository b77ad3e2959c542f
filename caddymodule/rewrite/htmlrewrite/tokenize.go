package htmlrewrite

import (
	"fmt"
	"hash/maphash"
	"strings"
	"unicode/utf8"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// parse reads the whole source into the tape. It follows the tokenizer states
// of the HTML standard; comments name the state where a branch needs it.
func (t *tape) parse() error {
	s := t.s
	if len(s) > maxSize {
		return fmt.Errorf("html: %w", edit.ErrTooLarge)
	}
	if strings.IndexByte(s, 0) >= 0 {
		// A browser drops it here, replaces it there.
		return fmt.Errorf("html: %w: NUL", edit.ErrMalformed)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("html: %w: not UTF-8", edit.ErrMalformed)
	}
	t.hasCR = strings.IndexByte(s, '\r') >= 0
	i, text := 0, 0 // text: where the pending run of text began
	for i < len(s) {
		if s[i] != '<' { // tags often touch
			j := strings.IndexByte(s[i:], '<')
			if j < 0 {
				break
			}
			i += j
		}
		if i+1 >= len(s) {
			break
		}
		c := s[i+1]
		switch {
		case isAlpha(c), c == '!', c == '?', c == '/' && i+2 < len(s):
			t.addText(text, i)
		default:
			i++
			continue
		}
		var next int
		var err error
		switch {
		case c == '!':
			next, err = t.markupDeclaration(i)
		case c == '?':
			next = t.bogus(i)
		case c != '/':
			next, err = t.startTag(i)
		case isAlpha(s[i+2]):
			next, err = t.endTag(i)
		case s[i+2] == '>': // missing end tag name
			t.comment(i, i+3)
			next = i + 3
		default:
			next = t.bogus(i)
		}
		if err != nil {
			return fmt.Errorf("html: at byte %d: %w", i, err)
		}
		if t.torn {
			return errTorn
		}
		if len(t.nodes) > maxNodes || len(t.attrs) > maxAttrs {
			return fmt.Errorf("html: %w: too many nodes or attributes", edit.ErrTooLarge)
		}
		i, text = next, next
	}
	t.addText(text, len(s))
	return t.finish()
}

var errTorn = fmt.Errorf("html: %w: noscript that ends elsewhere when scripts run", edit.ErrAmbiguous)

// addText records the text s[from:to].
func (t *tape) addText(from, to int) {
	if from < to {
		t.add(kText, 0, int32(from), int32(to))
	}
}

// add appends a node below the current one and returns its index. Fields are set
// one by one: to build a node elsewhere and copy it takes twice as long.
func (t *tape) add(k kind, f nodeFlags, start, end int32) int32 {
	i := len(t.nodes)
	if i < cap(t.nodes) {
		t.nodes = t.nodes[:i+1]
	} else {
		t.nodes = append(t.nodes, node{})
	}
	n := &t.nodes[i]
	n.kind, n.flags, n.tag = k, f, tNone
	n.start, n.open, n.close, n.end = start, end, end, end
	n.attr, n.attrEnd = 0, 0
	n.parent, n.last = -1, int32(i)+1
	if k := len(t.stack); k > 0 {
		n.parent = t.stack[k-1]
	}
	return int32(i)
}

// addElement appends the element that a start tag makes.
func (t *tape) addElement(g *tag, f nodeFlags) int32 {
	i := t.add(kElement, f, int32(g.start-1), int32(g.end))
	n := &t.nodes[i]
	n.tag, n.attr, n.attrEnd = g.id, g.attr, g.attrEnd
	return i
}

// bogus reads a bogus comment and gives the offset behind it.
func (t *tape) bogus(i int) int {
	end := len(t.s)
	if j := strings.IndexByte(t.s[i:], '>'); j >= 0 {
		end = i + j + 1
	}
	t.comment(i, end)
	return end
}

func (t *tape) comment(from, to int) {
	t.comments = append(t.comments, t.add(kComment, 0, int32(from), int32(to)))
}

func (t *tape) markupDeclaration(i int) (int, error) {
	s := t.s
	rest := s[i+2:]
	switch {
	case strings.HasPrefix(rest, "--"):
		end := commentEnd(s, i+4)
		t.comment(i, end)
		return end, nil
	case hasPrefixFold(rest, "doctype"):
		j := strings.IndexByte(rest, '>')
		if j < 0 {
			t.junk = append(t.junk, edit.Span{Start: i, End: len(s)})
			return len(s), nil
		}
		end := i + 2 + j + 1
		t.add(kDoctype, 0, int32(i), int32(end))
		return end, nil
	case strings.HasPrefix(rest, "[CDATA["):
		return t.cdata(i)
	}
	return t.bogus(i), nil
}

// cdata reads "<![CDATA[": text in foreign content, a bogus comment in HTML.
func (t *tape) cdata(i int) (int, error) {
	if t.foreigns == 0 {
		return t.bogus(i), nil
	}
	body := t.s[i+9:]
	j := strings.Index(body, "]]>")
	if j < 0 || strings.ContainsAny(body[:j], "<>") {
		return 0, fmt.Errorf("%w: CDATA section that can be read as a comment", edit.ErrAmbiguous)
	}
	end := i + 9 + j + 3
	if k := len(t.stack); k > 0 && t.nodes[t.stack[k-1]].flags&nForeign != 0 {
		t.add(kRaw, 0, int32(i+9), int32(end-3))
	} else {
		t.comment(i, end)
	}
	return end, nil
}

// commentEnd gives the offset behind the comment whose text begins at i.
func commentEnd(s string, i int) int {
	// Comment start and comment start dash states: "<!-->" and "<!--->".
	if strings.HasPrefix(s[i:], ">") {
		return i + 1
	}
	if strings.HasPrefix(s[i:], "->") {
		return i + 2
	}
	for {
		j := strings.Index(s[i:], "--")
		if j < 0 {
			return len(s)
		}
		i += j + 2
		if strings.HasPrefix(s[i:], ">") {
			return i + 1
		}
		if strings.HasPrefix(s[i:], "!>") {
			return i + 2
		}
		i-- // the second dash may be the first of the next pair
	}
}

// tag is what a start or end tag's text says.
type tag struct {
	id            tagID
	selfClosing   bool
	start         int // of the name
	nameEnd       int
	end           int // behind the ">"
	attr, attrEnd int32
}

// readTag reads the tag whose name begins at i into t.tag. It is not ok if the
// text ends within the tag.
func (t *tape) readTag(i int) (ok bool, err error) {
	s := t.s
	g := &t.tag
	g.start = i
	key := uint64(0)
	for i < len(s) {
		c := tagByte[s[i]]
		if c == 0 {
			break
		}
		key = key<<8 | uint64(c)
		i++
	}
	g.nameEnd, g.selfClosing = i, false
	id := uint16(0)
	if i-g.start <= 8 {
		id = t.voc.tags.findKey(key)
	}
	g.id = tagID(id)
	if id == 0 {
		if g.id, ok = t.tagFor(s[g.start:i]); !ok {
			return false, fmt.Errorf("%w: tag names", edit.ErrTooLarge)
		}
	}
	g.attr = int32(len(t.attrs))
	for i < len(s) && s[i] != '>' {
		// Before attribute name state.
		for i < len(s) && (isSpace(s[i]) || s[i] == '/') {
			if s[i] == '/' && i+1 < len(s) && s[i+1] == '>' {
				g.selfClosing = true
			}
			i++
		}
		if i >= len(s) || s[i] == '>' {
			break
		}
		if i, ok = t.readAttr(i); !ok {
			return false, nil
		}
		if len(t.attrs) > maxAttrs {
			return false, fmt.Errorf("%w: attributes", edit.ErrTooLarge)
		}
	}
	g.attrEnd = int32(len(t.attrs))
	g.end = i + 1
	return i < len(s), nil
}

// readAttr reads the attribute that begins at i and gives the offset behind it.
func (t *tape) readAttr(i int) (int, bool) {
	s := t.s
	from := i
	key := uint64(foldByte(s[i]))
	folded := foldByte(s[i]) ^ s[i]
	i++ // whatever it is, even "=", it begins a name
	for i < len(s) {
		c := attrByte[s[i]]
		if c == 0 {
			break
		}
		folded |= c ^ s[i]
		key = key<<8 | uint64(c)
		i++
	}
	id := uint16(0)
	switch {
	case i-from <= 8:
		id = t.voc.attrs.findKey(key)
	case folded == 0:
		id = uint16(t.voc.attrs.find(s[from:i]))
	default:
		id = uint16(t.voc.attrs.findFold(s[from:i]))
	}
	a := t.addAttr()
	a.start, a.nameEnd, a.vs, a.ve, a.end = int32(from), int32(i), int32(i), int32(i), int32(i)
	a.id, a.quote, a.dup, a.gone = attrID(id), 0, false, false
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	if i >= len(s) || s[i] != '=' {
		return i, true
	}
	i++
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	if i >= len(s) {
		return i, false
	}
	switch c := s[i]; c {
	case '"', '\'':
		j := strings.IndexByte(s[i+1:], c)
		if j < 0 {
			return i, false
		}
		a.quote, a.vs, a.ve = c, int32(i+1), int32(i+1+j)
		i += j + 2
	case '>': // missing attribute value
		a.quote, a.vs, a.ve = '=', int32(i), int32(i)
	default:
		a.quote, a.vs = '=', int32(i)
		for i < len(s) && s[i] != '>' && !isSpace(s[i]) {
			i++
		}
		a.ve = int32(i)
	}
	a.end = int32(i)
	return i, true
}

// addAttr appends an attribute, all of whose fields are then to be set.
func (t *tape) addAttr() *attribute {
	i := len(t.attrs)
	if i < cap(t.attrs) {
		t.attrs = t.attrs[:i+1]
	} else {
		t.attrs = append(t.attrs, attribute{})
	}
	return &t.attrs[i]
}

// markOdd marks the attributes that a browser drops, and notes those that go
// whoever looks: these, event handlers, and names that begin with "=", which
// would become the value of the attribute before, if what is between them went.
func (t *tape) markOdd(from, to int32) {
	if to-from > 16 {
		t.markDups(t.attrs[from:to])
	}
	for i := from; i < to; i++ {
		a := &t.attrs[i]
		if to-from <= 16 {
			for j := from; j < i; j++ {
				if b := &t.attrs[j]; a.id == b.id && (a.id != aNone || t.attrName(a) == t.attrName(b)) {
					a.dup = true
					break
				}
			}
		}
		if c := t.s[a.start]; a.dup || c == '=' || a.ve > a.vs && c|0x20 == 'o' && hasPrefixFold(t.s[a.start:a.nameEnd], "on") {
			t.odd = append(t.odd, i)
		}
	}
}

var hashSeed = maphash.MakeSeed()

// markDups is the marking of duplicates for tags with many attributes: a hash
// table that whoever writes the page can't foresee.
func (t *tape) markDups(as []attribute) {
	size := 64
	for size < 2*len(as) {
		size *= 2
	}
	t.hashed = zeroed(t.hashed, size)
	for i := range as {
		name := t.attrName(&as[i])
		h := int(maphash.String(hashSeed, name)) & (size - 1)
		for ; t.hashed[h] != 0; h = (h + 1) & (size - 1) {
			if t.attrName(&as[t.hashed[h]-1]) == name {
				as[i].dup = true
				break
			}
		}
		if !as[i].dup {
			t.hashed[h] = int32(i) + 1
		}
	}
}

func (t *tape) startTag(i int) (int, error) {
	ok, err := t.readTag(i + 1)
	if err != nil {
		return 0, err
	}
	g := &t.tag
	if !ok { // a browser drops a tag that the text's end cuts off
		t.cutOff(i)
		return len(t.s), nil
	}
	if g.attrEnd > g.attr {
		t.markOdd(g.attr, g.attrEnd)
	}
	return t.open1(g)
}

// cutOff notes a tag, begun at i, that the text's end cuts off.
func (t *tape) cutOff(i int) {
	t.attrs = t.attrs[:t.tag.attr]
	t.junk = append(t.junk, edit.Span{Start: i, End: len(t.s)})
}

func (t *tape) endTag(i int) (int, error) {
	ok, err := t.readTag(i + 2)
	if err != nil {
		return 0, err
	}
	if !ok {
		t.cutOff(i)
		return len(t.s), nil
	}
	g := &t.tag
	t.endJunk(g)
	return g.end, t.closeTag(g.id, int32(i), int32(g.end))
}

// endJunk notes what stands in an end tag beside its name.
func (t *tape) endJunk(g *tag) {
	t.attrs = t.attrs[:g.attr]
	for _, c := range []byte(t.s[g.nameEnd : g.end-1]) {
		if !isSpace(c) {
			t.junk = append(t.junk, edit.Span{Start: g.nameEnd, End: g.end - 1})
			return
		}
	}
}

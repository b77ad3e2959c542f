package htmlrewrite

import (
	"fmt"
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
	i, text := 0, 0 // text: where the pending run of text began
	for i < len(s) {
		j := strings.IndexByte(s[i:], '<')
		if j < 0 {
			break
		}
		i += j
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
			t.add(node{kind: kComment, start: int32(i), end: int32(i + 3)})
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
		t.add(node{kind: kText, start: int32(from), end: int32(to)})
	}
}

// add appends a node below the current one and returns its index.
func (t *tape) add(n node) int32 {
	n.parent = -1
	if k := len(t.stack); k > 0 {
		n.parent = t.stack[k-1]
	}
	i := int32(len(t.nodes))
	n.last, n.next = i+1, -1
	t.nodes = append(t.nodes, n)
	return i
}

// bogus reads a bogus comment and gives the offset behind it.
func (t *tape) bogus(i int) int {
	end := len(t.s)
	if j := strings.IndexByte(t.s[i:], '>'); j >= 0 {
		end = i + j + 1
	}
	t.add(node{kind: kComment, start: int32(i), end: int32(end)})
	return end
}

func (t *tape) markupDeclaration(i int) (int, error) {
	s := t.s
	rest := s[i+2:]
	switch {
	case strings.HasPrefix(rest, "--"):
		end := commentEnd(s, i+4)
		t.add(node{kind: kComment, start: int32(i), end: int32(end)})
		return end, nil
	case hasPrefixFold(rest, "doctype"):
		j := strings.IndexByte(rest, '>')
		if j < 0 {
			t.junk = append(t.junk, edit.Span{Start: i, End: len(s)})
			return len(s), nil
		}
		end := i + 2 + j + 1
		t.add(node{kind: kDoctype, start: int32(i), end: int32(end)})
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
		t.add(node{kind: kRaw, start: int32(i + 9), end: int32(end - 3)})
	} else {
		t.add(node{kind: kComment, start: int32(i), end: int32(end)})
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
	name          string
	nameEnd       int
	attr, attrEnd int32
	selfClosing   bool
	end           int
}

// readTag reads the tag whose name begins at i. It is not ok if the text ends
// within the tag.
func (t *tape) readTag(i int) (g tag, ok bool, err error) {
	s := t.s
	from := i
	for i < len(s) && !isSpace(s[i]) && s[i] != '/' && s[i] != '>' {
		i++
	}
	g.name, g.nameEnd = lower(s[from:i]), i
	g.attr = int32(len(t.attrs))
	for {
		// Before attribute name state.
		for i < len(s) && (isSpace(s[i]) || s[i] == '/') {
			if s[i] == '/' && i+1 < len(s) && s[i+1] == '>' {
				g.selfClosing = true
			}
			i++
		}
		if i >= len(s) {
			return g, false, nil
		}
		if s[i] == '>' {
			break
		}
		a := attribute{start: int32(i)}
		i++ // whatever it is, even "=", it begins a name
		for i < len(s) && !isSpace(s[i]) && s[i] != '/' && s[i] != '>' && s[i] != '=' {
			i++
		}
		a.name = lower(s[a.start:i])
		a.vs, a.ve, a.end = int32(i), int32(i), int32(i)
		for i < len(s) && isSpace(s[i]) {
			i++
		}
		if i < len(s) && s[i] == '=' {
			i++
			for i < len(s) && isSpace(s[i]) {
				i++
			}
			if i >= len(s) {
				return g, false, nil
			}
			switch c := s[i]; c {
			case '"', '\'':
				j := strings.IndexByte(s[i+1:], c)
				if j < 0 {
					return g, false, nil
				}
				a.quote, a.vs, a.ve = c, int32(i+1), int32(i+1+j)
				i += j + 2
			case '>': // missing attribute value
				a.quote, a.vs, a.ve = '=', int32(i), int32(i)
			default:
				a.quote, a.vs = '=', int32(i)
				for i < len(s) && !isSpace(s[i]) && s[i] != '>' {
					i++
				}
				a.ve = int32(i)
			}
			a.end = int32(i)
		}
		t.attrs = append(t.attrs, a)
		if len(t.attrs) > maxAttrs {
			return g, false, fmt.Errorf("%w: attributes", edit.ErrTooLarge)
		}
	}
	g.attrEnd = int32(len(t.attrs))
	g.end = i + 1
	t.markDups(t.attrs[g.attr:g.attrEnd])
	return g, true, nil
}

// markDups marks the attributes that a browser drops.
func (t *tape) markDups(as []attribute) {
	if len(as) > 16 {
		seen := make(map[string]bool, len(as))
		for i := range as {
			as[i].dup = seen[as[i].name]
			seen[as[i].name] = true
		}
		return
	}
	for i := range as {
		for j := range i {
			if as[j].name == as[i].name {
				as[i].dup = true
				break
			}
		}
	}
}

func (t *tape) startTag(i int) (int, error) {
	g, ok, err := t.readTag(i + 1)
	if err != nil {
		return 0, err
	}
	if !ok { // a browser drops a tag that the text's end cuts off
		t.attrs = t.attrs[:g.attr]
		t.junk = append(t.junk, edit.Span{Start: i, End: len(t.s)})
		return len(t.s), nil
	}
	id, ok := t.tagFor(g.name)
	if !ok {
		return 0, fmt.Errorf("%w: tag names", edit.ErrTooLarge)
	}
	n := node{
		kind: kElement, tag: id, start: int32(i), open: int32(g.end), close: int32(g.end), end: int32(g.end),
		attr: g.attr, attrEnd: g.attrEnd,
	}
	return t.open1(n, g)
}

func (t *tape) endTag(i int) (int, error) {
	g, ok, err := t.readTag(i + 2)
	if err != nil {
		return 0, err
	}
	t.attrs = t.attrs[:g.attr]
	if !ok {
		t.junk = append(t.junk, edit.Span{Start: i, End: len(t.s)})
		return len(t.s), nil
	}
	t.endJunk(g)
	id, ok := t.tagFor(g.name)
	if !ok {
		return 0, fmt.Errorf("%w: tag names", edit.ErrTooLarge)
	}
	return g.end, t.closeTag(id, int32(i), int32(g.end))
}

// endJunk notes what stands in an end tag beside its name.
func (t *tape) endJunk(g tag) {
	if strings.TrimLeft(t.s[g.nameEnd:g.end-1], " \n\t\r\f") != "" {
		t.junk = append(t.junk, edit.Span{Start: g.nameEnd, End: g.end - 1})
	}
}

// rawEnd gives the offset of the end tag </name> at or behind i, or len(s).
func rawEnd(s, name string, i int) int {
	for {
		j := strings.Index(s[i:], "</")
		if j < 0 {
			return len(s)
		}
		i += j
		if isEndTag(s, name, i) {
			return i
		}
		i += 2
	}
}

// isEndTag reports whether "</name" and a delimiter stand at s[i:].
func isEndTag(s, name string, i int) bool {
	return strings.HasPrefix(s[i:], "</") && isNamed(s, name, i+2)
}

// isNamed reports whether name and a delimiter stand at s[i:].
func isNamed(s, name string, i int) bool {
	if !hasPrefixFold(s[i:], name) || i+len(name) >= len(s) {
		return false
	}
	c := s[i+len(name)]
	return isSpace(c) || c == '/' || c == '>'
}

// scriptEnd gives the offset of the end tag of the script whose text begins at
// i: the script data states, with what <!-- and <script> inside do to it.
func scriptEnd(s string, i int) int {
	const (
		plain = iota
		escaped
		doubly
	)
	state := plain
	for {
		j := strings.IndexAny(s[i:], "<-")
		if j < 0 {
			return len(s)
		}
		i += j
		switch {
		case s[i] == '-':
			if state != plain && strings.HasPrefix(s[i:], "-->") {
				state, i = plain, i+3
				continue
			}
			i++
		case state != doubly && isEndTag(s, "script", i):
			return i
		case state == doubly && isEndTag(s, "script", i):
			state, i = escaped, i+2
		case state == plain && strings.HasPrefix(s[i:], "<!--"):
			state, i = escaped, i+2 // its dashes may be those of "-->"
		case state == escaped && isNamed(s, "script", i+1):
			state, i = doubly, i+1
		default:
			i++
		}
	}
}

func hasPrefixFold(s, lowerPrefix string) bool {
	return len(s) >= len(lowerPrefix) && strings.EqualFold(s[:len(lowerPrefix)], lowerPrefix)
}

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
	if err := t.checkBytes(); err != nil {
		return err
	}
	i, text := 0, 0 // text: where the pending run of text began
	for i < len(s) {
		if s[i] != '<' { // tags often touch
			if i+1 < len(s) && s[i+1] == '<' { // or have a line end between them
				i++
				continue
			}
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
		if len(t.nodes)+len(t.texts)+len(t.comments) > maxNodes || len(t.attrs) > maxAttrs {
			return fmt.Errorf("html: %w: too many nodes or attributes", edit.ErrTooLarge)
		}
		i, text = next, next
	}
	t.addText(text, len(s))
	return t.finish()
}

// checkBytes refuses what is no text, and looks for carriage returns. It goes by
// pieces that stay in the processor's cache for all that is asked of them.
func (t *tape) checkBytes() error {
	const piece = 16 << 10
	for s := t.s; s != ""; {
		n := min(piece, len(s))
		for n < len(s) && n > piece-utf8.UTFMax && !utf8.RuneStart(s[n]) {
			n--
		}
		if strings.IndexByte(s[:n], 0) >= 0 {
			// A browser drops it here, replaces it there.
			return fmt.Errorf("html: %w: NUL", edit.ErrMalformed)
		}
		if !utf8.ValidString(s[:n]) {
			return fmt.Errorf("html: %w: not UTF-8", edit.ErrMalformed)
		}
		t.hasCR = t.hasCR || strings.IndexByte(s[:n], '\r') >= 0
		s = s[n:]
	}
	return nil
}

var errTorn = fmt.Errorf("html: %w: noscript that ends elsewhere when scripts run", edit.ErrAmbiguous)

// addText records the text s[from:to].
func (t *tape) addText(from, to int) {
	if from < to {
		room(&t.texts)
		t.texts = append(t.texts, piece{int32(from), int32(to), kText})
	}
}

// addElement appends the element that a start tag makes, below the current one,
// and returns its index. Fields are set one by one: to build a node elsewhere and
// copy it takes twice as long.
func (t *tape) addElement(g *tag, f nodeFlags) int32 {
	i := len(t.nodes)
	room(&t.nodes)
	t.nodes = t.nodes[:i+1]
	n := &t.nodes[i]
	end := int32(g.end)
	n.tag, n.flags, n.attr, n.attrEnd = g.id, f, g.attr, g.attrEnd
	n.start, n.open, n.close, n.end = int32(g.start-1), end, end, end
	n.parent, n.last = -1, int32(i)+1
	if k := len(t.stack); k > 0 {
		n.parent = t.stack[k-1]
	}
	if t.found != nil {
		t.found.look(int32(i), n)
	}
	return int32(i)
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
	room(&t.comments)
	t.comments = append(t.comments, piece{int32(from), int32(to), kComment})
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
		t.comments = append(t.comments, piece{int32(i), int32(end), kDoctype})
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
	k := len(t.stack)
	foreign := k > 0 && t.nodes[t.stack[k-1]].flags&nForeign != 0
	tags := j >= 0 && strings.ContainsAny(body[:j], "<>")
	if j < 0 || tags && !foreign {
		return 0, fmt.Errorf("%w: CDATA section that can be read as a comment", edit.ErrAmbiguous)
	}
	end := i + 9 + j + 3
	// Text by the standard. With tags in it others would read markup, so that it
	// goes like a comment.
	if foreign && !tags {
		t.texts = append(t.texts, piece{int32(i + 9), int32(end - 3), kRaw})
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

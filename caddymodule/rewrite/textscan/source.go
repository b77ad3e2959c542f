package textscan

import (
	"bytes"
	"html"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxNesting bounds markup in markup: escaped HTML in a feed in a string.
const maxNesting = 3

// source is text to read, with the place of each byte in what was scanned.
type source struct {
	b        []byte
	pos, end []int32 // nil: the bytes themselves
	attr     bool    // within an attribute or script
}

func (s *source) at(i int) (from, to int32) {
	if s.pos == nil {
		return int32(i), int32(i + 1)
	}
	return s.pos[i], s.end[i]
}

// unit is a decoded piece of text in one run, and where each byte came from.
type unit struct {
	dec      []byte
	pos, end []int32
}

func (u *unit) reset() { u.dec, u.pos, u.end = u.dec[:0], u.pos[:0], u.end[:0] }

// put appends what the source's bytes [i:j] decode to.
func (u *unit) put(s *source, i, j int, dec ...byte) {
	from, _ := s.at(i)
	_, to := s.at(j - 1)
	for _, c := range dec {
		u.dec = append(u.dec, c)
		u.pos = append(u.pos, from)
		u.end = append(u.end, to)
	}
}

// dots undoes the escapes of old anchors, which are percent escapes with a dot
// in place of the percent sign: "Caf.C3.A9". It reports false if there is none.
func (u *unit) dots() bool {
	n, undone := 0, false
	for i := 0; i < len(u.dec); n++ {
		c, w := u.dec[i], 1
		if c == '.' && i+3 <= len(u.dec) && !bytes.ContainsAny(u.dec[i+1:i+3], "abcdef") {
			if v, ok := hexByte(u.dec[i+1 : i+3]); ok {
				c, w, undone = v, 3, true
			}
		}
		u.dec[n], u.pos[n], u.end[n] = c, u.pos[i], u.end[i+w-1]
		i += w
	}
	u.dec, u.pos, u.end = u.dec[:n], u.pos[:n], u.end[:n]
	return undone
}

// dotted looks through a piece once more, read as an old anchor.
func (s *scan) dotted(u *unit, depth int, attr bool) {
	if s.d != nil && s.err == nil && bytes.IndexByte(u.dec, '.') >= 0 && u.dots() {
		s.unit(u, depth, attr)
	}
}

// without takes every occurrence of a mark out.
func (u *unit) without(mark string) {
	if mark == "" {
		return
	}
	i := bytes.Index(u.dec, []byte(mark))
	if i < 0 {
		return
	}
	n := i
	for i < len(u.dec) {
		if bytes.HasPrefix(u.dec[i:], []byte(mark)) {
			i += len(mark)
			continue
		}
		u.dec[n], u.pos[n], u.end[n] = u.dec[i], u.pos[i], u.end[i]
		n, i = n+1, i+1
	}
	u.dec, u.pos, u.end = u.dec[:n], u.pos[:n], u.end[:n]
}

// level says which escapes are those of a place, so that what is decoded of it
// is what stands there: more decoded, a quote in an attribute of markup within
// would end the attribute.
type level uint8

const (
	references  level = 1 << iota // character references
	percents                      // of URLs
	backslashes                   // of JSON and JavaScript
	verbatim    level = 0
)

// raw decodes s.b[i:j] as far as anything can be: entities, percent and
// backslash escapes.
func (u *unit) raw(s source, i, j int) { u.decode(&s, i, j, references|percents|backslashes) }

// decode decodes s.b[i:j] of the given escapes.
func (u *unit) decode(s *source, i, j int, of level) {
	for i < j {
		switch c := s.b[i]; {
		case c == '&' && of&references != 0:
			if n, dec := entity(s.b[i:j]); n > 0 {
				u.put(s, i, i+n, dec...)
				i += n
				continue
			}
		case c == '%' && of&percents != 0:
			if j-i >= 3 {
				if v, ok := hexByte(s.b[i+1 : i+3]); ok {
					u.put(s, i, i+3, v)
					i += 3
					continue
				}
			}
		case c == '\\' && of&backslashes != 0:
			if n, dec := escape(s.b[i:j]); n > 0 {
				u.put(s, i, i+n, dec...)
				i += n
				continue
			}
		}
		n := i + 1
		for n < j && s.b[n] != '&' && s.b[n] != '%' && s.b[n] != '\\' {
			n++
		}
		u.plain(s, i, n)
		i = n
	}
}

// plain appends bytes that stand for themselves.
func (u *unit) plain(s *source, i, j int) {
	u.dec = append(u.dec, s.b[i:j]...)
	if s.pos != nil {
		u.pos = append(u.pos, s.pos[i:j]...)
		u.end = append(u.end, s.end[i:j]...)
		return
	}
	n := len(u.pos)
	u.pos = slices.Grow(u.pos, j-i)[:n+j-i]
	u.end = slices.Grow(u.end, j-i)[:n+j-i]
	for k := range j - i {
		u.pos[n+k], u.end[n+k] = int32(i+k), int32(i+k+1)
	}
}

// entity reads one character reference.
func entity(b []byte) (n int, dec []byte) {
	n = 1
	for n < len(b) && n < 34 && (b[n] == '#' && n == 1 || b[n]|0x20 >= 'a' && b[n]|0x20 <= 'z' || b[n] >= '0' && b[n] <= '9') {
		n++
	}
	if n == 1 {
		return 0, nil
	}
	if n < len(b) && b[n] == ';' {
		n++
	}
	tok := string(b[:n])
	if out := html.UnescapeString(tok); out != tok {
		return n, []byte(out)
	}
	return 0, nil
}

func hexByte(b []byte) (byte, bool) {
	var v byte
	for _, c := range b {
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
		v = v<<4 | c
	}
	return v, true
}

// escape reads one backslash escape of JSON or JavaScript.
func escape(b []byte) (n int, dec []byte) {
	if len(b) < 2 {
		return 0, nil
	}
	switch b[1] {
	case 'n', 'r', 't', 'b', 'f', 'v':
		return 2, []byte{' '}
	case '/', '\\', '"', '\'':
		return 2, b[1:2]
	case 'x':
		if len(b) >= 4 {
			if v, ok := hexByte(b[2:4]); ok {
				return 4, utf8.AppendRune(nil, rune(v))
			}
		}
	case 'u':
		r, ok := u16(b)
		if !ok {
			return 0, nil
		}
		if utf16.IsSurrogate(r) {
			if lo, ok := u16(b[6:]); ok {
				return 12, utf8.AppendRune(nil, utf16.DecodeRune(r, lo))
			}
		}
		return 6, utf8.AppendRune(nil, r)
	}
	return 0, nil
}

func u16(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	hi, ok1 := hexByte(b[2:4])
	lo, ok2 := hexByte(b[4:6])
	return rune(hi)<<8 | rune(lo), ok1 && ok2
}

// json looks through every string, names of members as well.
func (s *scan) json(src source) {
	for i := 0; i < len(src.b) && s.err == nil; {
		open := bytes.IndexByte(src.b[i:], '"')
		if open < 0 {
			return
		}
		i += open + 1
		j := i
		for {
			n := bytes.IndexByte(src.b[j:], '"')
			if n < 0 {
				j = len(src.b)
				break
			}
			j += n
			slashes := 0
			for j-1-slashes >= i && src.b[j-1-slashes] == '\\' {
				slashes++
			}
			if slashes%2 == 0 {
				break
			}
			j++
		}
		s.piece(&src, i, j, 0, false, backslashes)
		i = j + 1
	}
}

// piece looks through src.b[i:j], which is one text by itself: a string, or
// (attr) an attribute's value, a comment, a script.
func (s *scan) piece(src *source, i, j, depth int, attr bool, of level) {
	if i >= j {
		return
	}
	q := &s.quick
	q.reset()
	q.dots = true
	q.feed(src.b, i, j)
	if !q.suspicious(src.b[i:j]) {
		return
	}
	if s.within(src, []textPiece{{i, j}}, depth, attr, of) {
		return
	}
	u := s.units.get()
	u.reset()
	u.raw(*src, i, j)
	s.unit(u, depth, attr)
	s.dotted(u, depth, attr)
	s.units.put(u)
}

// within looks through markup within a text, if that is what it is once its
// own escapes are undone, and no others.
func (s *scan) within(src *source, pieces []textPiece, depth int, attr bool, of level) bool {
	if depth >= maxNesting {
		return false
	}
	u := s.units.get()
	defer s.units.put(u)
	u.reset()
	for _, p := range pieces {
		u.decode(src, p.from, p.to, of)
	}
	if !nested(u.dec) {
		return false
	}
	s.markup(source{b: slices.Clone(u.dec), pos: slices.Clone(u.pos), end: slices.Clone(u.end), attr: attr}, depth+1, false)
	return true
}

// text is a run of text with inline tags in it, which is read as one.
type text struct {
	s      *scan
	src    *source
	depth  int
	of     level
	quick  quick
	pieces []textPiece
}

// textPiece is src.b[from:to] of a run; a break of the line is empty.
type textPiece struct{ from, to int }

func (t *text) add(i, j int) {
	if i >= j {
		return
	}
	t.pieces = append(t.pieces, textPiece{i, j})
	t.quick.feed(t.src.b, i, j)
}

// part parts words, but not what is read as one text.
func (t *text) part(i int) {
	t.pieces = append(t.pieces, textPiece{i, i})
	t.quick.end()
}

// flush ends the run, and looks through it.
func (t *text) flush() {
	if len(t.pieces) == 0 {
		return
	}
	var one []byte
	if p := t.pieces[0]; len(t.pieces) == 1 {
		one = t.src.b[p.from:p.to]
	}
	if t.quick.suspicious(one) && !t.s.within(t.src, t.pieces, t.depth, t.src.attr, t.of) {
		u := t.s.units.get()
		u.reset()
		for _, p := range t.pieces {
			if p.from < p.to {
				u.raw(*t.src, p.from, p.to)
				continue
			}
			from, _ := t.src.at(p.from)
			u.dec, u.pos, u.end = append(u.dec, ' '), append(u.pos, from), append(u.end, from)
		}
		t.s.unit(u, t.depth, t.src.attr)
		t.s.units.put(u)
	}
	t.pieces = t.pieces[:0]
	t.quick.reset()
}

// markup looks through text, attributes, comments and scripts. It knows just
// enough of markup to tell them apart; what it takes wrongly for one or the
// other is looked through all the same.
func (s *scan) markup(src source, depth int, xml bool) {
	run := s.texts.get()
	run.s, run.src, run.depth, run.of, run.quick.s = s, &src, depth, references, s
	run.pieces = run.pieces[:0]
	run.quick.reset()
	defer s.texts.put(run)
	b := src.b
	for i := 0; i < len(b) && s.err == nil; {
		lt := bytes.IndexByte(b[i:], '<')
		if lt < 0 {
			run.add(i, len(b))
			break
		}
		run.add(i, i+lt)
		i += lt
		switch rest := b[i:]; {
		case bytes.HasPrefix(rest, []byte("<!--")):
			n := until(rest, 4, "-->")
			s.piece(&src, i+4, i+n, depth, true, verbatim)
			i += n
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			n := until(rest, 9, "]]>")
			run.flush()
			run.of = verbatim
			run.add(i+9, max(i+9, i+n-3))
			run.flush()
			run.of = references
			i += n
		case len(rest) > 1 && (rest[1] == '!' || rest[1] == '?'):
			n := until(rest, 2, ">")
			s.piece(&src, i+2, i+n, depth, true, verbatim)
			i += n
		case len(rest) > 1 && (rest[1] == '/' || rest[1]|0x20 >= 'a' && rest[1]|0x20 <= 'z'):
			kind, n := s.tag(&src, i, depth)
			switch kind {
			case breakTag:
				run.part(i)
			case inlineTag:
			default:
				run.flush()
			}
			i += n
			if !xml && (kind == scriptTag || kind == styleTag) && rest[1] != '/' {
				end := closing(b[i:], kind)
				s.piece(&src, i, i+end, depth, true, backslashes)
				i += end
			}
		default: // a lone one, which may be more than that to others
			run.add(i, i+1)
			i++
		}
	}
	run.flush()
}

// closing gives the offset of a raw text element's end tag.
func closing(b []byte, kind tagKind) int {
	name := "script"
	if kind == styleTag {
		name = "style"
	}
	for i := 0; i < len(b); {
		j := bytes.Index(b[i:], []byte("</"))
		if j < 0 {
			break
		}
		i += j
		if len(b)-i-2 >= len(name) && strings.EqualFold(string(b[i+2:i+2+len(name)]), name) {
			return i
		}
		i += 2
	}
	return len(b)
}

func until(b []byte, from int, end string) int {
	if i := bytes.Index(b[min(from, len(b)):], []byte(end)); i >= 0 {
		return from + i + len(end)
	}
	return len(b)
}

func blank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' && c != '\v' }

var idAttrs = bytes.Fields([]byte("id class for name headers value content list form aria-controls aria-labelledby aria-describedby aria-owns"))

// machine reports whether an attribute of this name holds ids rather than text.
func machine(name []byte) bool {
	if len(name) > 5 && bytes.EqualFold(name[:5], []byte("data-")) {
		return true
	}
	for _, n := range idAttrs {
		if len(n) == len(name) && bytes.EqualFold(name, n) {
			return true
		}
	}
	return false
}

// tagKind says what a tag does to the text around it.
type tagKind uint8

const (
	blockTag  tagKind = iota // ends a run of text
	inlineTag                // parts no words
	breakTag                 // parts words, but not what is read as one text
	scriptTag
	styleTag
)

func kindOf(name []byte) tagKind {
	var low [8]byte
	if len(name) > len(low) {
		return blockTag
	}
	for i, c := range name {
		if low[i] = c; c >= 'A' && c <= 'Z' {
			low[i] |= 0x20
		}
	}
	switch string(low[:len(name)]) {
	case "a", "abbr", "acronym", "b", "bdi", "bdo", "big", "cite", "code", "data", "del", "dfn", "em", "font", "i", "ins", "kbd", "mark", "q", "rp", "rt",
		"ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var", "wbr":
		return inlineTag
	case "br":
		return breakTag
	case "script":
		return scriptTag
	case "style":
		return styleTag
	}
	return blockTag
}

// tag reads the tag at src.b[at], looks through its attributes' values and
// names, and gives its kind and length.
func (s *scan) tag(src *source, at, depth int) (tagKind, int) {
	b := src.b[at:]
	value := func(i, j int, name []byte) {
		if i < j {
			s.machine = machine(name)
			s.piece(src, at+i, at+j, depth, true, references)
			s.machine = false
		}
	}
	i := 1
	if i < len(b) && b[i] == '/' {
		i++
	}
	from := i
	for i < len(b) && b[i] != '/' && b[i] != '>' && !blank(b[i]) {
		i++
	}
	kind := kindOf(b[from:i])
	var attr []byte
	for i < len(b) {
		switch c := b[i]; {
		case c == '>':
			return kind, i + 1
		case c == '=':
			i++
			for i < len(b) && blank(b[i]) {
				i++
			}
			if i >= len(b) {
				break
			}
			if q := b[i]; q == '"' || q == '\'' {
				n := bytes.IndexByte(b[i+1:], q)
				if n < 0 {
					n = len(b) - i - 1
				}
				value(i+1, i+1+n, attr)
				i = min(i+n+2, len(b))
				continue
			}
			a := i
			for i < len(b) && b[i] != '>' && !blank(b[i]) {
				i++
			}
			value(a, i, attr)
		default:
			a := i
			i, attr = attribute(b, i)
			if !plainAttr(attr) || i-a > len(attr)+1 {
				value(a, i, nil) // names of attributes may hold things as well
			}
		}
	}
	return kind, len(b)
}

// attribute reads names of attributes up to a value or the end of the tag, and
// gives where that is and the last name, which the value is of.
func attribute(b []byte, i int) (int, []byte) {
	from, to := i, i
	for ; i < len(b) && b[i] != '=' && b[i] != '>'; i++ {
		if blank(b[i]) || b[i] == '/' {
			continue
		}
		if to != i {
			from = i
		}
		to = i + 1
	}
	return i, b[from:to]
}

// plainAttr reports whether the name of an attribute is one of the usual ones,
// which are nobody's name.
func plainAttr(name []byte) bool {
	switch string(name) {
	case "class", "id", "href", "src", "title", "alt", "style", "rel", "type", "name", "value", "content", "width", "height", "colspan", "rowspan",
		"media", "action", "method", "for", "role", "tabindex", "target", "lang", "dir", "aria-label", "aria-hidden", "data-type", "align", "border", "":
		return true
	}
	return false
}

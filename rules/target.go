package rules

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds on one request's target and form.
const (
	maxPath     = 8 << 10
	maxQuery    = 64 << 10
	maxForm     = 1 << 20
	maxSegments = 64
	maxParams   = 256
	maxName     = 64
)

// Refusal is why a request has no reading or no route. Status is 400 where the
// request has no single reading, 404 where nothing is there for it. Reason is
// for logs and explanations: it holds names of parameters, never their values.
type Refusal struct {
	Status int
	Reason string
	// Pattern, File and Line are those of the route that the path belongs to,
	// and Param the parameter at fault, as the request spells it. They are empty
	// where there is no route, and for links.
	Pattern string
	File    string
	Line    int
	Param   string
}

// Error gives the reason.
func (r *Refusal) Error() string { return r.Reason }

func badRequest(reason string) *Refusal { return &Refusal{Status: 400, Reason: reason} }

func notFound(reason string) *Refusal { return &Refusal{Status: 404, Reason: reason} }

// ReadTarget reads a request's path and query strictly, in the one way in
// which the wiki reads them too, or refuses. The path is as it stood on the
// wire, without the site's context path. Errors are *Refusal.
func (p *Profile) ReadTarget(rawPath, rawQuery string) (*Request, error) {
	// Room for what most requests hold, so that reading one allocates once.
	room := &struct {
		Request
		segs  [6]string
		query [4]Param
	}{}
	req := &room.Request
	req.Method, req.Segments = "GET", room.segs[:0]
	if r := p.routes().canon.readPath(req, rawPath); r != nil {
		return nil, r
	}
	if len(req.Segments) == 0 {
		req.Segments = nil
	}
	if rawQuery == "" {
		return req, nil
	}
	if len(rawQuery) > maxQuery {
		return nil, badRequest("the query is too long")
	}
	req.Query = room.query[:0]
	if r := p.routes().canon.readPairs(&req.Query, nil, rawQuery); r != nil {
		return nil, r
	}
	if len(req.Query) == 0 {
		req.Query = nil
	}
	return req, nil
}

// AddForm reads an urlencoded body as strictly into req. A name that stands in
// the query as well is refused: two wikis would read two different values.
func (p *Profile) AddForm(req *Request, body string) error {
	if len(body) > maxForm {
		return badRequest("the form is too long")
	}
	if r := p.routes().canon.readPairs(&req.Form, req.Query, body); r != nil {
		return r
	}
	return nil
}

// AddPart reads one field of a multipart form into req, as strictly as AddForm
// does.
func (p *Profile) AddPart(req *Request, name, value string) error {
	switch {
	case !goodName(name):
		return badRequest("a field has a name that no wiki page sends")
	case !utf8.ValidString(value):
		return badRequest("field " + name + " is not UTF-8")
	case len(req.Form) >= maxParams:
		return badRequest("too many parameters")
	case strings.ContainsFunc(value, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' && r != 0x1f || r == 0x7f
	}):
		return badRequest("field " + name + " has a control character")
	}
	keep, r := p.routes().canon.takes(req.Form, req.Query, name)
	if r != nil {
		return r
	}
	if keep {
		req.Form = append(req.Form, Param{name, value})
	}
	return nil
}

func (c *canon) readPath(req *Request, raw string) *Refusal {
	switch {
	case raw == "" || raw[0] != '/':
		return badRequest("the path does not start with a slash")
	case len(raw) > maxPath:
		return badRequest("the path is too long")
	case raw == "/":
		return nil
	}
	if len(c.more) > 0 {
		low := strings.ToLower(raw)
		for _, s := range c.more {
			if strings.Contains(low, s) {
				return badRequest("the path contains what canon.refuse names")
			}
		}
	}
	n, marks := 0, uint8(0)
	for i := 0; i < len(raw); i++ {
		marks |= byteMarks[raw[i]]
		if raw[i] == '/' {
			n++
		}
	}
	if n > maxSegments {
		return badRequest("the path has too many segments")
	} else if cap(req.Segments) < n {
		req.Segments = make([]string, 0, n)
	}
	plain := marks&notPlainPath == 0
	rest := raw[1:]
	for i := 0; ; i++ {
		seg, after, more := rest, "", false
		if j := strings.IndexByte(rest, '/'); j >= 0 {
			seg, after, more = rest[:j], rest[j+1:], true
		}
		if seg == "" && more && (i == 0 || !c.doubleSlash) {
			return badRequest("the path has an empty segment")
		}
		if !plain || seg != "" && seg[0] == '.' {
			var r *Refusal
			if seg, r = c.segment(seg); r != nil {
				return r
			}
		}
		req.Segments = append(req.Segments, seg)
		if !more {
			break
		}
		rest = after
	}
	if marks&markPlus != 0 {
		c.plusToSpace(req.Segments, raw)
	}
	return nil
}

// Marks of bytes: what a reader of targets has to look at twice.
const (
	markEscape uint8 = 1 << iota // percent
	markPlus
	markName   // may stand in the name of a parameter
	markHigh   // not ASCII, or a space
	markOdd    // control characters, backslash, ?, #, semicolon
	markEquals // ends a name
	markAnd    // ends a pair

	notPlainPath  = markEscape | markHigh | markOdd
	notPlainQuery = markEscape | markPlus | markHigh | markOdd
)

var byteMarks = func() (marks [256]uint8) {
	for i := range marks {
		b := byte(i)
		switch {
		case b < 0x20 || b == 0x7f || b == '\\' || b == '?' || b == '#' || b == ';':
			marks[i] = markOdd
		case b == ' ' || b >= utf8.RuneSelf:
			marks[i] = markHigh
		case isWordByte(b) || b == ':' || b == '~' || b == '$':
			marks[i] = markName
		}
	}
	marks['%'], marks['+'], marks['='], marks['&'] = markEscape, markPlus, markEquals, markAnd
	return marks
}()

// segment decodes one path segment.
func (c *canon) segment(seg string) (string, *Refusal) {
	clean, ascii := true, true
	for i := 0; i < len(seg); i++ {
		switch b := seg[i]; {
		case b < 0x20 || b == 0x7f:
			return "", badRequest("the path has a control character")
		case b == '\\' || b == '?' || b == '#':
			return "", badRequest("the path has a character that is not one")
		case b == ';' && !c.semicolon:
			return "", badRequest("the path has a semicolon")
		case b == '%':
			clean = false
		case b >= utf8.RuneSelf:
			ascii = false
		}
	}
	dec := seg
	if !clean {
		b := make([]byte, 0, len(seg))
		for i := 0; i < len(seg); i++ {
			if seg[i] != '%' {
				b = append(b, seg[i])
				continue
			}
			v, ok := unhex(seg, i)
			switch {
			case !ok:
				return "", badRequest("the path has a bad escape")
			case v < 0x20 || v == 0x7f:
				return "", badRequest("the path has an escaped control character")
			case v == '/' && !c.encSlash, v == '\\', v == ';' && !c.encSemi:
				return "", badRequest("the path has an escaped separator")
			case v >= utf8.RuneSelf:
				ascii = false
			}
			b = append(b, v)
			i += 2
		}
		dec = string(b)
		if again(dec) {
			return "", badRequest("the path is escaped twice")
		}
	}
	if !ascii && !utf8.ValidString(dec) {
		return "", badRequest("the path is not UTF-8")
	}
	if dotSegment(dec) {
		return "", badRequest("the path has a dot segment")
	}
	return dec, nil
}

// dotSegment reports . and .., also where an escaped slash hides them, and what
// servers take for them that trim blanks, take parameters off segments, or fold
// wide characters.
func dotSegment(s string) bool {
	if s == "." || s == ".." {
		return true
	}
	for part := range strings.SplitSeq(s, "/") {
		part, _, _ = strings.Cut(part, ";")
		part = strings.TrimSpace(part)
		if len(part) > 2*utf8.UTFMax {
			continue
		}
		if part = likeDots.Replace(part); part == "." || part == ".." {
			return true
		}
	}
	return false
}

var likeDots = strings.NewReplacer("\uff0e", ".", "\u2024", ".", "\u2025", "..")

// again reports that a decoded segment still holds an escape that would change
// the path's structure for who decodes twice.
func again(s string) bool {
	for i := strings.IndexByte(s, '%'); i >= 0 && i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		if v, ok := unhex(s, i); ok && (v < 0x20 || v == 0x7f || v == '%' || v == '/' || v == '\\' || v == ';' || v == '.') {
			return true
		}
	}
	return false
}

func unhex(s string, i int) (byte, bool) {
	if i+2 >= len(s) {
		return 0, false
	}
	h, ok1 := hexDigit(s[i+1])
	l, ok2 := hexDigit(s[i+2])
	return h<<4 | l, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// plusToSpace reads "+" as a space where the wiki does.
func (c *canon) plusToSpace(segs []string, raw string) {
	n := c.plusFrom(segs)
	if n < 0 || strings.IndexByte(raw, '+') < 0 {
		return
	}
	rest := raw[1:]
	for i := range segs {
		seg, after, _ := strings.Cut(rest, "/")
		rest = after
		if i >= n && strings.IndexByte(seg, '+') >= 0 {
			// Decoded again, so that an escaped plus stays one.
			dec, r := c.segment(strings.ReplaceAll(seg, "+", "%20"))
			if r == nil {
				segs[i] = dec
			}
		}
	}
}

// plusFrom gives the first segment in which "+" is a space, or -1.
func (c *canon) plusFrom(segs []string) int {
	for _, pre := range c.plus {
		if len(segs) > len(pre) && slices.Equal(segs[:len(pre)], pre) {
			return len(pre)
		}
	}
	return -1
}

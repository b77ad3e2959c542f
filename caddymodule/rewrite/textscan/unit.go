package textscan

import (
	"bytes"
	"html"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

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
	var buf [16]byte
	for i < j {
		switch c := s.b[i]; {
		case c == '&' && of&references != 0:
			if n, dec := entity(buf[:0], s.b[i:j]); n > 0 {
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
			if n, dec := escape(buf[:0], s.b[i:j]); n > 0 {
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

// entity reads one character reference and appends what it stands for.
func entity(dst, b []byte) (n int, dec []byte) {
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
	for i := range commonRefs {
		if r := &commonRefs[i]; r.is != ' ' && bytes.Equal(b[:n], r.name) {
			return n, append(dst, r.is)
		}
	}
	tok := string(b[:n])
	if n > 2 && tok[1] == '#' && tok[2] >= '0' && tok[2] <= '9' && (n == 3 || tok[3] < '0' || tok[3] > '9') && !strings.HasPrefix(tok[3:], ";") {
		// Of one digit without a semicolon, which UnescapeString leaves alone
		// (HTML standard, decimal character reference state).
		return 3, append(dst, html.UnescapeString(tok[:3]+";")...)
	}
	if out := html.UnescapeString(tok); out != tok {
		return n, append(dst, out...)
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

// escape reads one backslash escape of JSON or JavaScript and appends what it
// stands for.
func escape(dst, b []byte) (n int, dec []byte) {
	if len(b) < 2 {
		return 0, nil
	}
	switch b[1] {
	case 'n', 'r', 't', 'b', 'f', 'v':
		return 2, append(dst, ' ')
	case '/', '\\', '"', '\'':
		return 2, append(dst, b[1])
	case 'x':
		if len(b) >= 4 {
			if v, ok := hexByte(b[2:4]); ok {
				return 4, utf8.AppendRune(dst, rune(v))
			}
		}
	case 'u':
		r, ok := u16(b)
		if !ok {
			return 0, nil
		}
		if utf16.IsSurrogate(r) {
			if lo, ok := u16(b[6:]); ok {
				return 12, utf8.AppendRune(dst, utf16.DecodeRune(r, lo))
			}
		}
		return 6, utf8.AppendRune(dst, r)
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

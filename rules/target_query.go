package rules

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// readPairs reads name=value pairs into out. The names in others count as
// given already.
func (c *canon) readPairs(out *[]Param, others []Param, raw string) *Refusal {
	for count := 0; raw != ""; {
		if count++; count > maxParams {
			return badRequest("too many parameters")
		}
		if raw[0] == '&' {
			raw = raw[1:]
			continue
		}
		var p Param
		var r *Refusal
		if p, raw, r = c.pair(raw); r != nil {
			return r
		}
		keep, r := c.takes(*out, others, p.Name)
		if r != nil {
			return r
		}
		if !keep {
			continue
		}
		if len(*out) == cap(*out) {
			*out = slices.Grow(*out, 1+min(strings.Count(raw, "&")+1, maxParams))
		}
		*out = append(*out, p)
	}
	return nil
}

// takes says whether a pair of that name is kept beside those that are there.
func (c *canon) takes(have, others []Param, name string) (bool, *Refusal) {
	fate := nameKept
	if len(c.names) > 0 {
		fate = c.names[name]
	}
	switch {
	case fate == nameDropped:
		return false, nil
	case fate == nameRefused:
		return false, badRequest("parameter " + name + ": refused on every route")
	case len(others) > 0 && hasParam(others, name):
		return false, badRequest("parameter " + name + " stands in query and form")
	case !(c.duplicates && c.repeats[name]) && hasParam(have, name):
		return false, badRequest("parameter " + name + " stands there twice")
	}
	return true, nil
}

// pair reads the first pair of raw, and gives what stands behind it.
func (c *canon) pair(raw string) (p Param, rest string, r *Refusal) {
	i, marks := 0, uint8(0)
	for i < len(raw) && byteMarks[raw[i]]&(markEquals|markAnd) == 0 {
		marks |= byteMarks[raw[i]] ^ markName
		i++
	}
	name, good := raw[:i], marks == 0 && i > 0 && i <= maxName
	marks = 0
	if i < len(raw) && raw[i] == '=' {
		i++
	}
	start := i
	for i < len(raw) && raw[i] != '&' {
		marks |= byteMarks[raw[i]]
		i++
	}
	value := raw[start:i]
	if i < len(raw) {
		i++
	}
	if !good {
		if name, r = c.pairText(name); r != nil {
			return p, "", r
		}
		if !goodName(name) {
			return p, "", badRequest("a parameter has a name that no wiki page sends")
		}
	}
	if marks&notPlainQuery != 0 {
		if value, r = c.pairText(value); r != nil {
			return p, "", r
		}
	}
	return Param{name, value}, raw[i:], nil
}

func hasParam(ps []Param, name string) bool {
	for i := range ps {
		if ps[i].Name == name {
			return true
		}
	}
	return false
}

// goodName refuses array syntax and all that a server might fold into another
// name.
func goodName(s string) bool {
	if s == "" || len(s) > maxName {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; !isWordByte(c) && c != ':' && c != '~' && c != '$' {
			return false
		}
	}
	return true
}

// pairText decodes one half of a pair.
func (c *canon) pairText(s string) (string, *Refusal) {
	clean, ascii := true, true
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b < 0x20 || b == 0x7f || b == '#':
			return "", badRequest("the query has a control character")
		case b == ';' && !c.semicolon:
			return "", badRequest("the query has a semicolon")
		case b == '%' || b == '+':
			clean = false
		case b >= utf8.RuneSelf:
			ascii = false
		}
	}
	if !clean {
		b := make([]byte, 0, len(s))
		for i := 0; i < len(s); i++ {
			switch s[i] {
			case '+':
				b = append(b, ' ')
			case '%':
				v, ok := unhex(s, i)
				if !ok {
					return "", badRequest("the query has a bad escape")
				}
				if v < 0x20 && v != '\t' && v != '\n' && v != '\r' && v != 0x1f || v == 0x7f {
					return "", badRequest("the query has an escaped control character")
				}
				ascii = ascii && v < utf8.RuneSelf
				b = append(b, v)
				i += 2
			default:
				b = append(b, s[i])
			}
		}
		s = string(b)
	}
	if !ascii && !utf8.ValidString(s) {
		return "", badRequest("the query is not UTF-8")
	}
	return s, nil
}

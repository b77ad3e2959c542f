// Package jsjson finds JSON values that stand in JavaScript behind a known
// name: an assignment (name={…}), an argument (name({…})) or a member
// (name:{…}, "name":{…}). It reads the value and touches nothing else, so that
// data in a page's scripts can be rewritten in place.
//
// It does not parse JavaScript. Every occurrence of the name is looked at, in
// strings and comments as well; where one is followed by something that is
// data but not plain JSON, the script is ambiguous and must not be passed on.
package jsjson

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrAmbiguous says that the script carries data under the name that can't be
// read in exactly one way.
var ErrAmbiguous = errors.New("script can be read in several ways")

// Literal is the place of one JSON value in a script: script[Start:End].
type Literal struct{ Start, End int }

// maxDepth bounds the nesting of a value.
const maxDepth = 512

// Find gives the place of the one JSON value behind key. It is not ok when the
// key has no value, several, or an ambiguous one: who must tell those cases
// apart, because he passes the script on, uses FindAll.
func Find(script []byte, key string) (start, end int, ok bool) {
	all, err := FindAll(script, key)
	if err != nil || len(all) != 1 {
		return 0, 0, false
	}
	return all[0].Start, all[0].End, true
}

// FindAll gives the places of all JSON values behind key, in order, none inside
// another. The key is a name or a dotted path ("mw.user.tokens.set"); "window."
// before it makes no difference, and an index in brackets behind it
// (key["x"]={…}) is skipped. Values that are plainly no data (a variable, a
// function) are passed over; an error wraps ErrAmbiguous.
func FindAll(script []byte, key string) ([]Literal, error) {
	if key == "" {
		return nil, nil
	}
	var out []Literal
	k := []byte(key)
	for from := 0; ; {
		i := bytes.Index(script[from:], k)
		if i < 0 {
			return out, nil
		}
		i += from
		from = i + len(k)
		if !starts(script, i) || from < len(script) && isName(script[from]) {
			continue
		}
		lit, found, err := value(script, i, from)
		if err != nil {
			return nil, fmt.Errorf("%w: %q at byte %d: %s", ErrAmbiguous, key, i, err.Error())
		}
		if found {
			out = append(out, lit)
			from = lit.End
		}
	}
}

// starts says whether a name may begin at i: not in the middle of another one,
// nor as a member of something else than window.
func starts(s []byte, i int) bool {
	if i == 0 {
		return true
	}
	c := s[i-1]
	if c != '.' {
		return !isName(c)
	}
	w := bytes.TrimSuffix(s[:i-1], []byte("?"))
	for _, owner := range []string{"window", "self", "globalThis"} {
		if bytes.HasSuffix(w, []byte(owner)) && (len(w) == len(owner) || !isName(w[len(w)-len(owner)-1]) && w[len(w)-len(owner)-1] != '.') {
			return true
		}
	}
	return false
}

func isName(c byte) bool {
	return c == '_' || c == '$' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c >= utf8.RuneSelf
}

// value reads what follows the name that stands at script[at:p].
func value(s []byte, at, p int) (Literal, bool, error) {
	quoted := byte(0)
	if at > 0 && (s[at-1] == '"' || s[at-1] == '\'') {
		quoted = s[at-1]
		switch {
		case p < len(s) && s[p] == quoted:
			p++
		case p < len(s) && s[p] == '\\':
			return Literal{}, false, errors.New("the name stands in an escaped string")
		}
	}
	p, err := space(s, p)
	if err != nil {
		return Literal{}, false, err
	}
	if at > 1 && s[at-1] == '"' && s[at-2] == '\\' {
		return Literal{}, false, errors.New("the name stands in an escaped string")
	}
	if p < len(s) && s[p] == ']' && quoted != 0 {
		// x["name"]=…
		if p, err = space(s, p+1); err != nil {
			return Literal{}, false, err
		}
	} else if p < len(s) && s[p] == '[' {
		q, ok := index(s, p)
		if !ok {
			return Literal{}, false, nil
		}
		if p, err = space(s, q); err != nil {
			return Literal{}, false, err
		}
	}
	if p >= len(s) {
		return Literal{}, false, nil
	}
	switch s[p] {
	case '=':
		if p+1 < len(s) && (s[p+1] == '=' || s[p+1] == '>') {
			return Literal{}, false, nil
		}
	case ':', '(':
	default:
		return Literal{}, false, nil
	}
	if p, err = space(s, p+1); err != nil {
		return Literal{}, false, err
	}
	return literal(s, p)
}

// literal reads the value at p.
func literal(s []byte, p int) (Literal, bool, error) {
	if p >= len(s) {
		return Literal{}, false, nil
	}
	switch c := s[p]; {
	case c == '{', c == '[', c == '"':
	case c == '\'', c == '`', c == '(':
		return Literal{}, false, errors.New("data that is not JSON")
	case bytes.HasPrefix(s[p:], []byte("JSON")), bytes.HasPrefix(s[p:], []byte("Object.")), bytes.HasPrefix(s[p:], []byte("atob")):
		return Literal{}, false, errors.New("data made by a call")
	default:
		return Literal{}, false, nil
	}
	end, err := jsonEnd(s, p)
	if err != nil {
		return Literal{}, false, err
	}
	next, err := space(s, end)
	if err != nil {
		return Literal{}, false, err
	}
	if next < len(s) {
		newline := bytes.IndexByte(s[end:next], '\n') >= 0
		switch c := s[next]; {
		case c == ';', c == ',', c == ')', c == '}', c == ']':
		case newline && (isName(c) || c == '<' || c == '"'):
		default:
			return Literal{}, false, fmt.Errorf("the value goes on with %q", c)
		}
	}
	return Literal{Start: p, End: end}, true, nil
}

// index skips ["…"] and gives the place behind it.
func index(s []byte, p int) (int, bool) {
	p++
	if p >= len(s) || s[p] != '"' && s[p] != '\'' {
		return 0, false
	}
	q := s[p]
	for p++; p < len(s) && s[p] != q; p++ {
		if s[p] == '\\' || s[p] == '\n' {
			return 0, false
		}
	}
	if p+1 >= len(s) || s[p+1] != ']' {
		return 0, false
	}
	return p + 2, true
}

// space skips white space and comments.
func space(s []byte, p int) (int, error) {
	for p < len(s) {
		switch {
		case s[p] == ' ', s[p] == '\t', s[p] == '\n', s[p] == '\r':
			p++
		case bytes.HasPrefix(s[p:], []byte("/*")):
			i := bytes.Index(s[p+2:], []byte("*/"))
			if i < 0 {
				return 0, errors.New("a comment without end")
			}
			p += 2 + i + 2
		case bytes.HasPrefix(s[p:], []byte("//")):
			i := bytes.IndexByte(s[p:], '\n')
			if i < 0 {
				return len(s), nil
			}
			p += i
		default:
			return p, nil
		}
	}
	return p, nil
}

package jsonrewrite

import (
	"fmt"
	"strconv"
	"strings"
)

// A path leads from one value to others: member names divided by dots, "#" for
// every element of an array, a number for one element, "*" for every member or
// element. "\." is a dot within a name, "\*" and
// "\#" are members of that name. "." or nothing is the value itself.
type path []step

type step struct {
	name  string
	id    int32 // number of the name; 0: one that the program does not know
	index int   // of an array's element, if the step is a number; else -1
	all   bool
}

// parsePath reads a path.
func (p *Program) parsePath(s string) (path, error) {
	if s == "" || s == "." {
		return nil, nil
	}
	var out path
	var part strings.Builder
	escaped := false
	end := func() error {
		name, lit := part.String(), escaped
		part.Reset()
		escaped = false
		if name == "" {
			return fmt.Errorf("json path %q: empty step", s)
		}
		st := step{name: name, id: p.id(name), index: -1, all: !lit && (name == "#" || name == "*")}
		if n, err := strconv.Atoi(name); err == nil && n >= 0 {
			st.index = n
		}
		out = append(out, st)
		return nil
	}
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			escaped = true
			part.WriteByte(s[i])
		case s[i] == '.':
			if err := end(); err != nil {
				return nil, err
			}
		default:
			part.WriteByte(s[i])
		}
	}
	return out, end()
}

// each calls f for every node that p leads to from n, in document order, until
// f returns false.
func (t *tape) each(n int32, p path, f func(int32) bool) bool {
	if len(p) == 0 {
		return f(n)
	}
	if !p[0].all {
		c := t.step(n, &p[0])
		return c < 0 || t.each(c, p[1:], f)
	}
	nd := &t.nodes[n]
	if nd.kind > array {
		return true
	}
	for c := n + 1; c < nd.next; c = t.nodes[c].next {
		if !t.each(c, p[1:], f) {
			return false
		}
	}
	return true
}

// step gives the member or element of n that st names, or -1; there is one at
// most.
func (t *tape) step(n int32, st *step) int32 {
	nd := &t.nodes[n]
	switch nd.kind {
	case object:
		for c := n + 1; c < nd.next; c = t.nodes[c].next {
			if t.nodes[c].id == st.id && (st.id != 0 || t.nameOf(c) == st.name) {
				return c
			}
		}
	case array:
		i := 0
		for c := n + 1; c < nd.next && st.index >= i; c = t.nodes[c].next {
			if i == st.index {
				return c
			}
			i++
		}
	}
	return -1
}

// first gives the first node that p leads to from n, or -1.
func (t *tape) first(n int32, p path) int32 {
	for i := range p {
		if p[i].all {
			found := int32(-1)
			t.each(n, p[i:], func(c int32) bool { found = c; return false })
			return found
		}
		if n = t.step(n, &p[i]); n < 0 {
			return -1
		}
	}
	return n
}

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
	index int // of an array's element, if the step is a number; else -1
	all   bool
}

func parsePath(s string) (path, error) {
	if s == "" || s == "." {
		return nil, nil
	}
	var p path
	var part strings.Builder
	escaped := false
	end := func() error {
		name, lit := part.String(), escaped
		part.Reset()
		escaped = false
		if name == "" {
			return fmt.Errorf("json path %q: empty step", s)
		}
		st := step{name: name, index: -1, all: !lit && (name == "#" || name == "*")}
		if n, err := strconv.Atoi(name); err == nil && n >= 0 {
			st.index = n
		}
		p = append(p, st)
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
	return p, end()
}

// each calls f for every node that p leads to from n, in document order, until
// f returns false.
func (t *tape) each(n int32, p path, f func(int32) bool) bool {
	if len(p) == 0 {
		return f(n)
	}
	st, nd := &p[0], &t.nodes[n]
	if nd.kind != object && nd.kind != array {
		return true
	}
	i := 0
	for c := n + 1; c < nd.next; c = t.nodes[c].next {
		hit := st.all
		switch {
		case hit:
		case nd.kind == array:
			hit = st.index == i
		default:
			hit = string(t.name(c)) == st.name
		}
		i++
		if !hit {
			continue
		}
		if !t.each(c, p[1:], f) {
			return false
		}
		if !st.all {
			return true // names and indices are unique
		}
	}
	return true
}

// first gives the first node that p leads to from n, or -1.
func (t *tape) first(n int32, p path) int32 {
	found := int32(-1)
	t.each(n, p, func(c int32) bool { found = c; return false })
	return found
}

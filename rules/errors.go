package rules

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// Pos is a place in a rule file, counted from one. The zero value is no place.
// A struct field named Pos of this type, tagged `yaml:"-"`, receives the place
// of the YAML node that the struct was read from.
type Pos struct{ Line, Col int }

// Error is one fault in a rule file.
type Error struct {
	File      string
	Line, Col int
	Msg       string
}

// Error gives file:line:col: msg, or file: msg where no place is known.
func (e *Error) Error() string {
	if e.Line == 0 {
		if e.File == "" {
			return e.Msg
		}
		return e.File + ": " + e.Msg
	}
	col := max(e.Col, 1)
	return e.File + ":" + strconv.Itoa(e.Line) + ":" + strconv.Itoa(col) + ": " + e.Msg
}

// Errors is every fault that was found in one go. It is an error itself, with
// one fault a line.
type Errors []*Error

// Error gives one fault a line.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap lets errors.As find the single faults.
func (es Errors) Unwrap() []error {
	out := make([]error, len(es))
	for i, e := range es {
		out[i] = e
	}
	return out
}

// maxErrors bounds how many faults are told at once.
const maxErrors = 50

// err gives es as an error, sorted by place, or nil if there are none.
func (es Errors) err() error {
	if len(es) == 0 {
		return nil
	}
	es.sort()
	return es
}

func (es Errors) sort() {
	slices.SortStableFunc(es, func(a, b *Error) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
	})
}

// add appends err, unfolding Errors and giving faults without a file this one.
func (es *Errors) add(file string, at Pos, err error) {
	var many Errors
	var one *Error
	switch {
	case errors.As(err, &many):
		for _, e := range many {
			es.push(file, e)
		}
	case errors.As(err, &one):
		es.push(file, one)
	default:
		es.push(file, &Error{Line: at.Line, Col: at.Col, Msg: err.Error()})
	}
}

func (es *Errors) push(file string, e *Error) {
	if len(*es) >= maxErrors {
		return
	}
	c := *e
	if c.File == "" {
		c.File = file
	}
	*es = append(*es, &c)
}

// suggest gives `; did you mean "x"?` for the word nearest to got, or nothing
// where none is near.
func suggest(got string, words []string) string {
	if len(got) > 64 {
		return ""
	}
	best, bestDist := "", len(got)/3+2
	for _, w := range words {
		if d := distance(strings.ToLower(got), strings.ToLower(w)); d < bestDist || d == bestDist && best != "" && w < best {
			best, bestDist = w, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + strconv.Quote(best) + "?"
}

// distance is the number of single-letter edits and swaps of neighbours
// between two short words.
func distance(a, b string) int {
	if len(b) > 64 {
		return 64
	}
	prev2, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}

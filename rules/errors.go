package rules

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Pos is a place in a rule file, counted from one. The zero value is no place.
// A struct field named Pos of this type, tagged `yaml:"-"`, receives the place
// of the YAML node that the struct was read from.
type Pos struct{ Line, Col int }

// Severity says how bad a fault is. The zero value is the worse one.
type Severity uint8

// The severities. A warning is about rules that hold, and do less or more than
// whoever wrote them may think.
const (
	SeverityError Severity = iota
	SeverityWarning
)

// String gives error or warning.
func (s Severity) String() string {
	if s == SeverityWarning {
		return "warning"
	}
	return "error"
}

// MarshalText gives the word, for JSON.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Error is one fault in a rule file. Its text is one line.
type Error struct {
	File     string   `json:"file,omitempty"`
	Line     int      `json:"line,omitempty"` // from 1; 0: the file as a whole
	Col      int      `json:"col,omitempty"`  // in characters, from 1
	Severity Severity `json:"severity"`
	Msg      string   `json:"message"`
}

// Error gives file:line:col: msg, or file: msg where no place is known. A
// warning says so before its message.
func (e *Error) Error() string {
	msg := e.Msg
	if e.Severity == SeverityWarning {
		msg = "warning: " + msg
	}
	if e.Line == 0 {
		if e.File == "" {
			return msg
		}
		return e.File + ": " + msg
	}
	col := max(e.Col, 1)
	return e.File + ":" + strconv.Itoa(e.Line) + ":" + strconv.Itoa(col) + ": " + msg
}

// Errors is every fault that was found in one go. It is an error itself, with
// one fault a line.
type Errors []*Error

// Failed reports whether any fault is more than a warning.
func (es Errors) Failed() bool {
	return slices.ContainsFunc(es, func(e *Error) bool { return e.Severity == SeverityError })
}

// Faults are those that are more than warnings, as an error; nil if there is
// none.
func (es Errors) Faults() error {
	return slices.DeleteFunc(slices.Clone(es), func(e *Error) bool { return e.Severity == SeverityWarning }).err()
}

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

// maxErrors bounds how many faults are told at once, and warnings beside them.
const maxErrors = 50

// MaxErrors is how many faults are told at once, and warnings beside them.
const MaxErrors = maxErrors

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
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col), cmp.Compare(a.Severity, b.Severity))
	})
}

// Sorted joins faults of several sources in the order of their places.
func Sorted(lists ...Errors) Errors {
	es := slices.Concat(lists...)
	es.sort()
	return es
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

// push appends e once: an alias is read wherever it stands, and its faults are
// faults of the one place that it means.
func (es *Errors) push(file string, e *Error) {
	c := *e
	if c.File == "" {
		c.File = file
	}
	if strings.ContainsFunc(c.Msg, unicode.IsControl) {
		c.Msg = strings.Join(strings.FieldsFunc(c.Msg, unicode.IsControl), " ")
	}
	n := 0
	for _, have := range *es {
		if *have == c {
			return
		}
		if have.Severity == c.Severity {
			n++
		}
	}
	if n < maxErrors {
		*es = append(*es, &c)
	}
}

// within reports whether there is a fault at one of the places in a file.
func (es Errors) within(file string, places []Pos) bool {
	return slices.ContainsFunc(es, func(e *Error) bool {
		return e.File == file && (e.Line == 0 || slices.Contains(places, Pos{e.Line, e.Col}))
	})
}

// suggest gives `; did you mean "x"?` for the word nearest to got, or nothing
// where none is near.
func suggest(got string, words []string) string {
	if len(got) > 64 {
		return ""
	}
	best, bestDist := "", len(got)/3+2
	for _, w := range words {
		if max(len(w)-len(got), len(got)-len(w)) > bestDist {
			continue
		}
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

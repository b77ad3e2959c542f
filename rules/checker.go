package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

var roleWords = []string{"reader", "commenter", "user", "manager"}

// checker gathers faults. File and places are those of the rule that is being
// looked at.
type checker struct {
	p    *Policy
	errs *Errors
	file string

	text      map[string][]byte  // of the files, for places
	places    map[string]*places // made when a fault is told
	providers map[string]string  // provider -> file
	unread    bool               // a file could not be read at all
	severity  Severity
}

func (c *checker) fail(at Pos, format string, args ...any) {
	c.errs.push(c.file, &Error{Line: at.Line, Col: at.Col, Severity: c.severity, Msg: fmt.Sprintf(format, args...)})
}

// warn is fail for what holds all the same.
func (c *checker) warn(at Pos, format string, args ...any) {
	c.errs.push(c.file, &Error{Line: at.Line, Col: at.Col, Severity: SeverityWarning, Msg: fmt.Sprintf(format, args...)})
}

func (c *checker) failErr(at Pos, err error) {
	var unknown unknownSource
	if errors.As(err, &unknown) && c.unread {
		return // it may stand in the file that can't be read
	}
	c.errs.add(c.file, at, err)
}

func (c *checker) place(file string) *places {
	if c.places == nil {
		c.places = map[string]*places{}
	}
	if c.places[file] == nil {
		c.places[file] = newPlaces(file, c.text[file])
	}
	return c.places[file]
}

// at gives the place of what stands under a path in the mapping that begins at
// a place; without one, that place.
func (c *checker) at(at Pos, path ...any) Pos {
	if c.text == nil {
		return at
	}
	if n := c.place(c.file).node(at, path...); n != nil {
		return Pos{n.Line, n.Column}
	}
	return at
}

// top is at for the file's own mapping.
func (c *checker) top(path ...any) Pos {
	if n := c.place(c.file).top(path...); n != nil {
		return Pos{n.Line, n.Column}
	}
	return Pos{1, 1}
}

// key is top for the key itself, where the fault is in its name.
func (c *checker) key(path ...any) Pos {
	if n := c.place(c.file).key(path...); n != nil {
		return Pos{n.Line, n.Column}
	}
	return c.top(path...)
}

// missing tells that a mapping lacks something, unless a fault is known in the
// mapping itself: a misspelt or misshapen key is not missing as well.
func (c *checker) missing(at Pos, format string, args ...any) {
	if len(*c.errs) > 0 && c.text != nil && c.errs.within(c.file, c.place(c.file).direct(at)) {
		return
	}
	c.fail(at, format, args...)
}

// word checks one of a few words; empty is fine.
func (c *checker) word(at Pos, key, got string, words ...string) {
	c.wordAt(at, key, got, words, key)
}

func (c *checker) wordAt(at Pos, key, got string, words []string, path ...any) {
	if got == "" || slices.Contains(words, got) {
		return
	}
	c.fail(c.at(at, path...), "%s: %q is none of %s%s", key, got, strings.Join(words, ", "), suggest(got, words))
}

package edit

import (
	"bytes"
	"strings"

	"github.com/postern-gateway/postern/rules"
)

// Judge is all that a leaf knows of policy: what becomes of a URL, and whether
// the viewer may see what a reference names. [*rules.Judge] is one. A URL and a
// reference's keys are lent for the call, as pieces of the body: whoever keeps
// them copies them.
type Judge interface {
	URL(raw string) rules.Link
	Entity(ref rules.Ref) rules.Decision
}

// In gives the judge for another context, if j knows contexts; else j itself.
func In(j Judge, ctx rules.Context) Judge {
	switch t := j.(type) {
	case *rules.Judge:
		return t.In(ctx)
	case interface{ In(rules.Context) Judge }:
		return t.In(ctx)
	}
	return j
}

// Candidates gives the judge for people who may be chosen in the space where j
// judges: those of a picker, not those of a byline.
func Candidates(j Judge) Judge {
	if t, ok := j.(*rules.Judge); ok {
		return t.Candidates()
	}
	return In(j, rules.Context{Space: rules.NoID, Candidate: true})
}

// HasChild reports whether the viewer may see anything that stands directly
// below what ref names. A judge that does not know of such says that there is
// nothing.
func HasChild(j Judge, ref rules.Ref) bool {
	t, ok := j.(interface{ HasChild(rules.Ref) bool })
	return ok && t.HasChild(ref)
}

// Action says what became of a hidden thing.
type Action uint8

// The actions, for counters and metric labels.
const (
	Removed   Action = iota // the element, member or attribute went
	Replaced                // a placeholder stands in its place
	Unwrapped               // the link went, its text stayed
	Dropped                 // a field or element that nobody knows how to read, or that the profile drops
	numActions
)

// String gives the metric label.
func (a Action) String() string {
	switch a {
	case Removed:
		return "removed"
	case Replaced:
		return "replaced"
	case Unwrapped:
		return "unwrapped"
	}
	return "dropped"
}

const numKinds = int(rules.Content) + 1

// Report is what a leaf tells of one body.
type Report struct {
	// Checked counts the references judged, by kind; URLs whose subjects are
	// not known count under rules.NoEntity.
	Checked [numKinds]int
	// Hidden counts what was cut, by kind and [Action].
	Hidden [numKinds][numActions]int
	// UnknownFields counts members, scripts or elements that the profile does
	// not name and that were dropped for it.
	UnknownFields int
	// Prose are the spans of the OUTPUT that hold what people wrote.
	Prose []Span
	// Evidence holds, for each probe asked for that was there, the values
	// found, as they stood before any edit.
	Evidence map[string][]string
	// Items are those of the route's list, as the wiki gave them, with their
	// places in the SOURCE. A window does not count.
	Items []Item
	// List is the span of the SOURCE that holds the list: of JSON the array, or
	// what the page's list names. Empty where there is no such thing.
	List Span
	// Next and Prev are the links that lead on and back, where the page says
	// which they are: the addresses in the SOURCE, empty for one without.
	Next, Prev []Span
	// RootHidden: what the answer as a whole is about is hidden: the 404.
	RootHidden bool
}

// Item is one item of a list.
type Item struct {
	Span
	Seen bool // it may be
}

// Window is the part of a list that an answer is to hold, counted in items that
// may be seen: the answer was put together from more than was asked for.
type Window struct {
	Skip, Take int
	// More: there is something behind the window. Without it, where the answer
	// says how the list goes on is cut.
	More bool
	// Back: the list is read from its end, so that what is behind the window
	// stands before it.
	Back bool
	// Keyed: links on and back name rows, so that none stays without a row.
	Keyed bool
}

// Holds reports whether the window holds the n-th item that may be seen,
// counted from 0.
func (w *Window) Holds(n int) bool { return n >= w.Skip && n-w.Skip < w.Take }

// Check counts a reference that was judged.
func (r *Report) Check(k rules.EntityKind) { r.Checked[kindIndex(k)]++ }

// Hide counts something that was cut.
func (r *Report) Hide(k rules.EntityKind, a Action) {
	if a < numActions {
		r.Hidden[kindIndex(k)][a]++
	}
}

// Found records a value found at an evidence probe. The value may be a part of
// the body, which the report outlives.
func (r *Report) Found(probe, value string) {
	if r.Evidence == nil {
		r.Evidence = make(map[string][]string)
	}
	r.Evidence[probe] = append(r.Evidence[probe], strings.Clone(value))
}

// Edits is the number of things cut.
func (r *Report) Edits() int {
	n := 0
	for _, k := range r.Hidden {
		for _, a := range k {
			n += a
		}
	}
	return n
}

// Names reports whether anything was cut because of what it named.
func (r *Report) Names() bool {
	for k := 1; k < numKinds; k++ {
		for a := range Unwrapped {
			if r.Hidden[k][a] > 0 {
				return true
			}
		}
	}
	return false
}

// MayBeMarkup reports whether a text has anything in it that a reader of HTML
// would take for a tag: "<" before a letter, "/" or "!". See the HTML standard,
// 13.2.5.6, tag open state.
func MayBeMarkup(s []byte) bool {
	for {
		i := bytes.IndexByte(s, '<')
		if i < 0 || i+1 == len(s) {
			return false
		}
		switch c := s[i+1]; {
		case c == '/' || c == '!' || c == '?' || c|0x20 >= 'a' && c|0x20 <= 'z':
			return true
		}
		s = s[i+1:]
	}
}

// Add counts in what an inner document's report says. Prose spans, which are
// in the inner output, are left out.
func (r *Report) Add(in Report) {
	for k := range in.Checked {
		r.Checked[k] += in.Checked[k]
		for a := range in.Hidden[k] {
			r.Hidden[k][a] += in.Hidden[k][a]
		}
	}
	r.UnknownFields += in.UnknownFields
	for p, vs := range in.Evidence {
		for _, v := range vs {
			r.Found(p, v)
		}
	}
}

func kindIndex(k rules.EntityKind) int {
	if int(k) >= numKinds {
		return 0
	}
	return int(k)
}

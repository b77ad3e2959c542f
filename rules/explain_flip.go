package rules

import (
	"fmt"
	"strconv"
	"strings"
)

// Flip is the smallest change of assignments that turns a verdict: what is not
// visible becomes visible, what is visible no longer is. It was tried on a
// changed policy before it was proposed.
type Flip struct {
	Change      string           `json:"change"`      // add, remove, or none where no assignment can
	Assignments []FlipAssignment `json:"assignments"` // all of them together
	// Alternatives are other changes of the same kind and size.
	Alternatives [][]FlipAssignment `json:"alternatives,omitempty"`
	To           string             `json:"to,omitempty"` // the verdict then
	// Exact: nothing smaller turns the verdict. Else the search was cut off,
	// and only no part of this change does.
	Exact bool   `json:"exact"`
	Text  string `json:"text"`
}

// FlipAssignment is one member rule to add or to take away.
type FlipAssignment struct {
	Member string  `json:"member"`          // as a rule file writes it
	Space  string  `json:"space,omitempty"` // where it stands, or
	Page   string  `json:"page,omitempty"`
	Role   string  `json:"role"`
	Rule   *Source `json:"rule,omitempty"` // the rule itself; of one to add, the rule whose members it joins
}

// Bounds on the search for a flip. Each try binds a small policy.
const (
	maxFlipTries        = 3000
	maxFlipSize         = 3
	maxFlipAlternatives = 3
)

// flip finds the smallest change of assignments that turns the verdict.
func (a *ask) flip() *Flip {
	d, _ := a.decide()
	w := newFlipWorld(a)
	s := flipSearch{w: w, was: d.Verdict}
	adds, removes := a.additions(), a.removals()
	first, second, kind := adds, removes, "add"
	if d.Verdict == Visible {
		first, second, kind = removes, adds, "remove"
	}
	if !w.eitherWay() && a.v.kind != Internal {
		second = nil
	}
	if a.match == nil && a.q.URL != "" || a.v.suspended != nil {
		first, second = nil, nil // decided before any assignment is looked at
	}
	for size := 1; size <= maxFlipSize; size++ {
		if f := s.ofSize(size, first, kind); f != nil {
			return a.verified(f, w)
		}
		if f := s.ofSize(size, second, otherKind(kind)); f != nil {
			return a.verified(f, w)
		}
	}
	if f := s.greedy(first, kind); f != nil {
		return a.verified(f, w)
	}
	return a.noFlip(d, w, adds)
}

func otherKind(kind string) string {
	if kind == "add" {
		return "remove"
	}
	return "add"
}

// found is a set of changes that turn the verdict, and others of the same size.
type found struct {
	kind    string
	changes []flipChange
	others  [][]flipChange
	exact   bool
}

// flipSearch tries changes on a small world.
type flipSearch struct {
	w     *flipWorld
	was   Verdict
	tries int
}

func (s *flipSearch) turns(cs []flipChange) bool {
	s.tries++
	d, ok := s.w.decide(cs)
	return ok && turned(s.was, d.Verdict)
}

func turned(was, is Verdict) bool { return (was == Visible) != (is == Visible) }

// ofSize tries every set of so many changes.
func (s *flipSearch) ofSize(size int, from []flipChange, kind string) *found {
	if len(from) < size {
		return nil
	}
	var out *found
	pick := make([]int, size)
	set := make([]flipChange, size)
	for i := range pick {
		pick[i] = i
	}
	for s.tries < maxFlipTries {
		for i, n := range pick {
			set[i] = from[n]
		}
		if sensible(set) && s.turns(set) {
			if out == nil {
				out = &found{kind: kind, changes: append([]flipChange(nil), set...), exact: true}
			} else if !repeats(out, set) {
				out.others = append(out.others, append([]flipChange(nil), set...))
			}
			if len(out.others) == maxFlipAlternatives {
				break
			}
		}
		if !nextSet(pick, len(from)) {
			break
		}
	}
	return out
}

// nextSet advances to the next set of indexes below n, and reports whether
// there is one.
func nextSet(pick []int, n int) bool {
	for i := len(pick) - 1; i >= 0; i-- {
		if pick[i] < n-len(pick)+i {
			pick[i]++
			for j := i + 1; j < len(pick); j++ {
				pick[j] = pick[j-1] + 1
			}
			return true
		}
	}
	return false
}

// sensible refuses sets that give one person two roles in one place.
func sensible(set []flipChange) bool {
	for i := range set {
		for j := range i {
			if set[i].sameBut(&set[j]) {
				return false
			}
		}
	}
	return true
}

// repeats reports a set that differs from a found one in a higher role only.
func repeats(f *found, set []flipChange) bool {
	same := func(have []flipChange) bool {
		for i := range have {
			if !have[i].sameBut(&set[i]) {
				return false
			}
		}
		return true
	}
	if same(f.changes) {
		return true
	}
	for _, o := range f.others {
		if same(o) {
			return true
		}
	}
	return false
}

// greedy makes all changes and takes back those that are not needed. What is
// left is no smaller than any part of it, but perhaps not the smallest.
func (s *flipSearch) greedy(from []flipChange, kind string) *found {
	if len(from) <= maxFlipSize && s.tries < maxFlipTries || len(from) > maxTold*4 || !s.turns(from) {
		return nil
	}
	set := append([]flipChange(nil), from...)
	for i := len(set) - 1; i >= 0; i-- {
		less := append(append([]flipChange(nil), set[:i]...), set[i+1:]...)
		if s.turns(less) {
			set = less
		}
	}
	return &found{kind: kind, changes: set, exact: len(set) == maxFlipSize+1 && s.tries < maxFlipTries}
}

// verified asks the question again of the whole policy with the change made,
// and of every alternative, and tells what it came to.
func (a *ask) verified(f *found, w *flipWorld) *Flip {
	was, _ := a.decide()
	out := &Flip{Change: f.kind, Exact: f.exact}
	for _, cs := range append([][]flipChange{f.changes}, f.others...) {
		d, ok := w.whole().decide(cs)
		if !ok || !turned(was.Verdict, d.Verdict) {
			continue
		}
		told := a.tellChanges(cs)
		if out.Assignments == nil {
			out.Assignments, out.To = told, d.Verdict.String()
		} else {
			out.Alternatives = append(out.Alternatives, told)
		}
	}
	if out.Assignments == nil {
		return &Flip{Change: "none", Assignments: []FlipAssignment{}, Text: "no change of assignments was found that turns it"}
	}
	out.Text = flipText(out)
	return out
}

func (a *ask) tellChanges(cs []flipChange) []FlipAssignment {
	out := make([]FlipAssignment, len(cs))
	for i := range cs {
		out[i] = cs[i].tell()
	}
	return out
}

func flipText(f *Flip) string {
	var b strings.Builder
	b.WriteString(f.Change + " " + joinAssignments(f.Change, f.Assignments))
	for _, alt := range f.Alternatives {
		b.WriteString("; or " + joinAssignments(f.Change, alt))
	}
	if !f.Exact {
		b.WriteString("; perhaps less would do")
	}
	return b.String()
}

func joinAssignments(change string, as []FlipAssignment) string {
	texts := make([]string, len(as))
	for i, m := range as {
		where := "the space " + m.Space
		if m.Page != "" {
			where = "the page " + m.Page
		}
		word := " to "
		if change == "remove" {
			word = " from "
		}
		texts[i] = m.Member + word + where
		if m.Rule != nil {
			texts[i] += " (" + m.Rule.File + ":" + strconv.Itoa(m.Rule.Line) + ")"
		}
	}
	return strings.Join(texts, " and ")
}

// noFlip says why no assignment turns the verdict: what decides once everything
// that could be assigned is.
func (a *ask) noFlip(d Decision, w *flipWorld, adds []flipChange) *Flip {
	f := &Flip{Change: "none", Assignments: []FlipAssignment{}, Exact: true}
	why, even := d, ""
	if d.Verdict != Visible && a.v.suspended == nil && (a.q.URL == "" || a.match != nil) {
		if best, ok := w.decide(highest(adds)); ok && best.Verdict != Visible && best.Reason.Text != d.Reason.Text {
			why, even = best, "even with every assignment that could help, "
		}
	}
	f.Text = "no assignment can: " + even + why.Reason.Text
	if _, ok := a.v.asMember(); !ok && !a.v.viewer.Anonymous && a.v.suspended == nil {
		f.Text = "no assignment can: nothing that is known of the viewer counts, so no rule can name him; " + why.Reason.Text
	}
	if d.Verdict == Visible {
		f.Text = "no assignment decides it: " + why.Reason.Text
	}
	if s := sourceOf(why.Reason); s != nil {
		f.Text += fmt.Sprintf(" (%s:%d)", s.File, s.Line)
	}
	if space, ok := w.openWould(d); ok {
		f.Text += "; open_to: public for the space " + space + " would"
	}
	return f
}

// highest keeps of additions that differ in role only the last one.
func highest(adds []flipChange) []flipChange {
	var out []flipChange
	for i := range adds {
		if i+1 == len(adds) || !adds[i].sameBut(&adds[i+1]) {
			out = append(out, adds[i])
		}
	}
	return out
}

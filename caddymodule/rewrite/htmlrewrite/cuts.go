package htmlrewrite

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// cut is one edit wanted; normalise makes them disjoint.
type cut struct {
	start, end int
	with       string
	markup     bool // [start,end) are whole tags or elements, not parts of one
	row        bool // an element that stands in a line of its own, see closeGaps
	prio       int
}

// unread takes out what no browser reads, whoever looks.
func (r *run) unread() {
	t := r.t
	for _, j := range t.junk {
		r.drop(j.Start, j.End)
	}
	for _, p := range t.comments {
		if p.kind == kComment && t.s[p.start:p.end] != emptyComment {
			r.drop(int(p.start), int(p.end))
		}
	}
	for _, k := range t.odd {
		r.always++
		r.cutAttr(&t.attrs[k])
		r.joinLast()
	}
	if k := len(t.s) - 1; r.in.Fragment && k >= 0 && t.s[k] == '<' {
		r.always++
		r.cuts = append(r.cuts, cut{start: k, end: k + 1, with: "&lt;", markup: true})
	}
}

// drop deletes bytes between or after tags, without anybody being asked.
func (r *run) drop(start, end int) {
	r.always++
	r.cuts = append(r.cuts, cut{start: start, end: end, markup: true, prio: -1})
	r.joinLast()
}

// joinLast makes one of the last two cuts if the second goes on where the first
// ends: a million comments, or second attributes of a name, in a row are one cut.
// Nothing is ever put between two of these.
func (r *run) joinLast() {
	k := len(r.cuts) - 1
	if k < 1 {
		return
	}
	if a, b := &r.cuts[k-1], &r.cuts[k]; a.end == b.start && a.with == "" && b.with == "" && a.markup == b.markup && a.prio == b.prio {
		a.end = b.end
		r.cuts = r.cuts[:k]
	}
}

// cutAttr deletes an attribute.
func (r *run) cutAttr(a *attribute) {
	a.gone = true
	s := r.t.s
	start, end := int(a.start), int(a.end)
	with := ""
	switch {
	case s[start-1] == '/':
		with = " " // the slash must not come to stand before ">"
	case isSpace(s[end]) || s[end] == '>':
		for isSpace(s[start-1]) {
			start--
		}
		if (s[start-1] == '/' || s[start-1] == '=') && start < int(a.start) {
			start++ // a stray slash, or an unquoted value's end, needs its space
		}
	case s[end] != '/' && !isSpace(s[start-1]):
		with = " "
	}
	r.cuts = append(r.cuts, cut{start: start, end: end, with: with})
}

// setAttr gives an attribute another value; nothing if it has it already.
func (r *run) setAttr(a *attribute, v string) {
	if r.t.value(a) == v {
		return
	}
	switch a.quote {
	case 0:
		r.cuts = append(r.cuts, cut{start: int(a.end), end: int(a.end), with: `="` + escapeAttr(v, '"') + `"`})
	case '=':
		r.cuts = append(r.cuts, cut{start: int(a.vs), end: int(a.ve), with: `"` + escapeAttr(v, '"') + `"`})
	default:
		with := ""
		if was := r.t.s[a.vs:a.ve]; strings.IndexByte(was, '&') < 0 {
			with = escapeAttr(v, a.quote) // nothing to imitate
		} else {
			with = string(edit.Respell(nil, was, v, attrEscapes[a.quote == '\'']))
		}
		r.cuts = append(r.cuts, cut{start: int(a.vs), end: int(a.ve), with: with})
	}
}

// kill puts with, which is markup, in the place of the elements i to j, which
// are siblings.
func (r *run) kill(i, j int32, with string) {
	a, b := &r.t.nodes[i], &r.t.nodes[j]
	if (a.flags|b.flags)&nSloppy != 0 {
		r.fail(fmt.Errorf("html: %w: a misnested %s would have to go", edit.ErrAmbiguous, r.t.tagName(a)))
		return
	}
	if a.flags&nBreakout != 0 { // without it, what follows would be read as SVG
		r.fail(fmt.Errorf("html: %w: a %s that ends foreign content would have to go", edit.ErrAmbiguous, r.t.tagName(a)))
		return
	}
	sp := edit.Span{Start: int(a.start), End: int(max(a.end, b.end))}
	r.killed = append(r.killed, sp)
	r.cuts = append(r.cuts, cut{start: sp.Start, end: sp.End, with: with, markup: true, row: with == "" && rowTags[r.t.tagName(a)]})
}

// empty puts with, which is markup, in the place of element i's content.
func (r *run) empty(i int32, with string) {
	n := &r.t.nodes[i]
	if n.flags&nSloppy != 0 {
		r.fail(fmt.Errorf("html: %w: a misnested %s would have to be emptied", edit.ErrAmbiguous, r.t.tagName(n)))
		return
	}
	if r.t.s[n.open:n.close] == with {
		return
	}
	r.killed = append(r.killed, edit.Span{Start: int(n.open), End: int(n.close)})
	r.cuts = append(r.cuts, cut{start: int(n.open), end: int(n.close), with: with, markup: true})
}

// sortKilled makes the killed spans disjoint and sorted.
func (r *run) sortKilled() {
	k := r.killed
	slices.SortFunc(k, byStart)
	out := k[:0]
	for _, s := range k {
		if n := len(out); n > 0 && s.Start < out[n-1].End {
			out[n-1].End = max(out[n-1].End, s.End)
			continue
		}
		out = append(out, s)
	}
	r.killed = out
}

func byStart(a, b edit.Span) int { return a.Start - b.Start }

// gone reports whether the byte at pos is in an element that goes. sortKilled
// must have been called.
func (r *run) gone(pos int32) bool {
	i, _ := slices.BinarySearchFunc(r.killed, int(pos), func(s edit.Span, pos int) int {
		if s.End > pos {
			return 1
		}
		return -1
	})
	return i < len(r.killed) && r.killed[i].Start <= int(pos)
}

const emptyComment = "<!---->"

// normalise sorts the cuts, drops those inside others, joins those that overlap
// or touch, and sees to it that no text before a cut grows into markup with the
// text behind it.
func (r *run) normalise() {
	c, order := r.cuts, r.order[:0]
	for i := range c {
		order = append(order, int32(i))
	}
	slices.SortFunc(order, func(i, j int32) int {
		if d := byPlace(&c[i], &c[j]); d != 0 {
			return d
		}
		return int(i - j)
	})
	out := r.joined[:0]
	for _, i := range order {
		x := c[i]
		n := len(out) - 1
		switch {
		case n < 0 || x.start > out[n].end || out[n].start == out[n].end:
		case x.start < out[n].end:
			// The outer, or the earlier, says what stands there.
			if x.end > out[n].end {
				out[n].end = x.end
			}
			continue
		case x.markup && out[n].markup && x.with == "" && x.end > x.start:
			out[n].end = x.end
			continue
		case x.start == x.end: // an insertion at the end of a range
		}
		out = append(out, x)
	}
	for i := range out {
		if x := &out[i]; x.markup && x.with == "" && tailGrows(r.t.s[:x.start]) {
			x.with = emptyComment
		}
	}
	r.joined, r.order = out, order
}

// byPlace sorts cuts by their start; at one start insertions first, then the
// longest.
func byPlace(a, b *cut) int {
	ai, bi := a.start == a.end, b.start == b.end
	switch {
	case a.start != b.start:
		return a.start - b.start
	case ai != bi:
		if ai {
			return -1
		}
		return 1
	case a.end != b.end:
		return b.end - a.end
	}
	return b.prio - a.prio
}

// tailGrows reports whether text that ends like this could become a tag or a
// character reference with what follows.
func tailGrows(s string) bool {
	if s == "" {
		return false
	}
	if s[len(s)-1] == '<' {
		return true
	}
	for i := len(s) - 1; i >= 0 && i > len(s)-maxName; i-- {
		switch c := s[i]; {
		case c == '&':
			return true
		case !isAlnum(c) && c != '#':
			return false
		}
	}
	return false
}

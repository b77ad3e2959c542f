package htmlrewrite

import (
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// run is one document's way through a program.
type run struct {
	p     *Program
	in    *Input
	judge edit.Judge
	t     *tape
	m     *matches
	rep   edit.Report
	size  int
	base  string // the document's own base URL, "" for none
	// form and choice are the form and the select that began last.
	form, choice int32

	scratch
	always int              // edits that were made without asking anybody
	held   map[nearKey]bool // lists in which a placeholder stands
	err    error
}

// scratch is a run's memory, which the next one uses again.
type scratch struct {
	known   map[string]int32 // index in links, by the URL as it stands
	links   []rules.Link
	cuts    []cut
	joined  []cut // what normalise makes of them
	order   []int32
	killed  []edit.Span // whole elements that go, for skipping what is inside
	near    map[nearKey]int32
	vals    []string
	texts   []made // of rules
	holders []made
	keys    []rules.Key // of the reference that is judged
	acted   []int32
	nexts   []int32
	seen    map[int32]int32
	rows    []int
	zones   []edit.Span
}

var scratches = pool[scratch]{fresh: func() *scratch {
	return &scratch{known: map[string]int32{}, near: map[nearKey]int32{}, seen: map[int32]int32{}}
}}

// newRun makes a run for a document of size bytes.
func newRun(p *Program, in *Input, size int) *run {
	return &run{p: p, in: in, judge: in.Judge, size: size, scratch: *scratches.get(size)}
}

// release gives the run's memory back. Its report stays.
func (r *run) release() {
	x := r.scratch
	r.scratch = scratch{}
	if cap(x.cuts) > maxPooled || len(x.near)+len(x.seen) > maxPooled>>4 {
		return
	}
	clear(x.known)
	clear(x.links)
	clear(x.near)
	clear(x.seen)
	clear(x.cuts)
	clear(x.joined)
	clear(x.vals[:cap(x.vals)])
	clear(x.keys)
	x.texts, x.holders, x.keys = x.texts[:0], x.holders[:0], x.keys[:0]
	x.links, x.cuts, x.killed, x.zones = x.links[:0], x.cuts[:0], x.killed[:0], x.zones[:0]
	x.joined, x.order = x.joined[:0], x.order[:0]
	x.acted, x.nexts, x.rows = x.acted[:0], x.nexts[:0], x.rows[:0]
	scratches.put(r.size, &x)
}

// cut is one edit wanted; normalise makes them disjoint.
type cut struct {
	start, end int
	with       string
	markup     bool // [start,end) are whole tags or elements, not parts of one
	row        bool // an element that stands in a line of its own, see closeGaps
	prio       int
}

type nearKey struct {
	group int
	node  int32
}

// maxLinks bounds the links remembered for one document.
const maxLinks = 1 << 15

// Rewrite appends src with everything cut that the viewer may not see to dst.
// dst and src must not share memory. On error dst is returned unchanged, and
// nothing of src may leave.
//
// src is read in place: nobody may write to it until Rewrite returns. From then
// on it may be used again, since no report holds a part of it and a judge is only
// lent what it is asked about, see [edit.Judge].
func (p *Program) Rewrite(dst, src []byte, in Input) ([]byte, edit.Report, error) {
	r := newRun(p, &in, len(src))
	defer r.release()
	// A copy for the string's sake would cost as much as all judging.
	out, err := r.document(dst, src, unsafe.String(unsafe.SliceData(src), len(src)))
	if err != nil {
		return dst, edit.Report{}, err
	}
	return out, r.rep, nil
}

// document rewrites src, of which s is the same as a string.
func (r *run) document(dst, src []byte, s string) ([]byte, error) {
	t, err := newTape(s, r.p.voc)
	if err != nil {
		return dst, err
	}
	defer t.release()
	r.t = t
	r.m = r.p.set.match(t)
	defer r.m.release()

	r.evidence()
	r.findBase()
	r.unread()
	r.strayLinks()
	r.applyRules()
	r.sortKilled()
	r.list()
	r.elements()
	if r.err != nil {
		return dst, r.err
	}

	list := edit.Get()
	defer edit.Put(list)
	r.closeGaps()
	r.normalise()
	for i := range r.joined {
		c := &r.joined[i]
		list.Replace(c.start, c.end, c.with)
	}
	out, err := list.Apply(dst, src)
	if err != nil {
		return dst, fmt.Errorf("html: %w", err)
	}
	r.proseZones(list)
	return out, nil
}

// fail keeps the first error.
func (r *run) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// unread takes out what no browser reads, whoever looks.
func (r *run) unread() {
	t := r.t
	r.cuts = slices.Grow(r.cuts, len(t.junk)+len(t.comments)+len(t.odd))
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

// proseZones maps the profile's prose elements to the output.
func (r *run) proseZones(list *edit.List) {
	spans := r.zones[:0]
	for _, g := range r.p.prose {
		for _, i := range r.m.groups[g] {
			if n := &r.t.nodes[i]; !r.gone(n.start) && n.close > n.open {
				spans = append(spans, edit.Span{Start: int(n.open), End: int(n.close)})
			}
		}
	}
	slices.SortFunc(spans, byStart)
	r.zones = spans
	for _, s := range spans {
		o := list.MapSpan(s)
		if n := len(r.rep.Prose); n > 0 && o.Start <= r.rep.Prose[n-1].End {
			r.rep.Prose[n-1].End = max(r.rep.Prose[n-1].End, o.End)
			continue
		}
		if o.Len() > 0 {
			r.rep.Prose = append(r.rep.Prose, o)
		}
	}
}

// expand fills in $name from the texts.
func (r *run) expand(s string) string {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], '$')
		if i < 0 {
			return s
		}
		i += from
		j := i + 1
		for j < len(s) && (isAlnum(s[j]) || s[j] == '_') {
			j++
		}
		if j == i+1 {
			from = j
			continue
		}
		v := r.in.Texts[s[i+1:j]]
		s = s[:i] + v + s[j:]
		from = i + len(v)
	}
}

// shown reports whether a thing so judged may be named.
func shown(d rules.Decision) bool {
	return d.Verdict == rules.Visible || d.Verdict == rules.Forbidden || d.Absent
}

// key makes the key of a value found on the page.
func (r *run) key(a rules.Attr, v string) rules.Key {
	if a == rules.ContentTitle && r.in.Title != nil {
		if k, ok := r.in.Title(v); ok {
			return k
		}
	}
	return rules.Key{Attr: a, Value: v}
}

func (r *run) entity(j edit.Judge, k rules.Key) rules.Decision {
	if r.toFill(k.Value) {
		return rules.Decision{Verdict: rules.Visible}
	}
	r.rep.Check(k.Attr.Kind())
	r.keys = append(r.keys[:0], k) // lent, see edit.Judge
	return j.Entity(rules.Ref{Kind: k.Attr.Kind(), Keys: r.keys})
}

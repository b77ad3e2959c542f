package htmlrewrite

import (
	"fmt"
	"slices"
	"strings"
	"sync"

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
	base  string // the document's own base URL, "" for none

	scratch
	always int // edits that were made without asking anybody
	err    error
}

// scratch is a run's memory, which the next one uses again.
type scratch struct {
	known   map[string]int32 // index in links, by the URL as it stands
	links   []rules.Link
	cuts    []cut
	killed  []edit.Span // whole elements that go, for skipping what is inside
	near    map[nearKey]int32
	vals    []string
	texts   []made // of rules
	holders []made
	keys    []rules.Key
	acted   []int32
	nexts   []int32
	seen    map[int32]int32
	rows    []int
	zones   []edit.Span
}

var scratches = sync.Pool{New: func() any {
	return &scratch{known: map[string]int32{}, near: map[nearKey]int32{}, seen: map[int32]int32{}}
}}

func newRun(p *Program, in *Input) *run {
	return &run{p: p, in: in, judge: in.Judge, scratch: *scratches.Get().(*scratch)}
}

// release gives the run's memory back. Its report stays.
func (r *run) release() {
	x := r.scratch
	r.scratch = scratch{}
	if cap(x.cuts) > maxPooled || len(x.known) > maxPooled>>4 || len(x.near)+len(x.seen) > maxPooled>>4 {
		return
	}
	clear(x.known)
	clear(x.links)
	clear(x.near)
	clear(x.seen)
	clear(x.cuts)
	clear(x.vals[:cap(x.vals)])
	x.texts, x.holders, x.keys = x.texts[:0], x.holders[:0], nil
	x.links, x.cuts, x.killed, x.zones = x.links[:0], x.cuts[:0], x.killed[:0], x.zones[:0]
	x.acted, x.nexts, x.rows = x.acted[:0], x.nexts[:0], x.rows[:0]
	scratches.Put(&x)
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
func (p *Program) Rewrite(dst, src []byte, in Input) ([]byte, edit.Report, error) {
	r := newRun(p, &in)
	defer r.release()
	out, err := r.document(dst, src, string(src))
	if err != nil {
		return dst, edit.Report{}, err
	}
	return out, r.rep, nil
}

// own gives a copy of a piece of the page, to be handed out: who holds on to a
// link shall not hold on to the whole page.
func (r *run) own(s string) string { return r.t.decoded.copy(s) }

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
	r.elements()
	if r.err != nil {
		return dst, r.err
	}

	list := edit.Get()
	defer edit.Put(list)
	r.closeGaps()
	r.normalise()
	for _, c := range r.cuts {
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
	for _, j := range t.junk {
		r.drop(j.Start, j.End)
	}
	for _, i := range t.comments {
		if n := &t.nodes[i]; t.s[n.start:n.end] != emptyComment {
			r.drop(int(n.start), int(n.end))
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
	c := r.cuts
	slices.SortStableFunc(c, byPlace)
	out := c[:0]
	for _, x := range c {
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
	r.cuts = out
}

// byPlace sorts cuts by their start; at one start insertions first, then the
// longest.
func byPlace(a, b cut) int {
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
	v = r.own(v)
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
	return j.Entity(rules.Ref{Kind: k.Attr.Kind(), Keys: r.refKeys(k)})
}

// refKeys makes the keys of a reference. The judge may hold on to them; they are
// cut from ever larger pieces, so that many references cost few allocations.
func (r *run) refKeys(k rules.Key) []rules.Key {
	if len(r.keys) == cap(r.keys) {
		r.keys = make([]rules.Key, 0, max(8, 2*cap(r.keys)))
	}
	n := len(r.keys)
	r.keys = append(r.keys, k)
	return r.keys[n : n+1 : n+1]
}

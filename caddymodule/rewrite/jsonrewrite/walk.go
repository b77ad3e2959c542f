package jsonrewrite

import (
	"fmt"
	"strconv"
	"sync"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// maxNested bounds JSON in strings of JSON.
const maxNested = 8

// run is one document on its way through.
type run struct {
	p    *Program
	in   *Input
	rt   *route
	t    *tape
	list *edit.List
	rep  edit.Report
	err  error

	gone  []bool          // by node: it leaves its container
	memo  []int8          // by node: 1 visible, 2 hidden, as its shape was judged
	over  map[int32]field // what the route says of a node by its path
	prose []edit.Span
	items int32    // the array of the route's first list, or -1
	fill  []string // by shape: its placeholder

	epoch int32
	at    []int32 // by interned name: the epoch in which it was seen
	seen  []int32 // by interned name: the node
}

var runs = sync.Pool{New: func() any { return &run{over: make(map[int32]field)} }}

// Rewrite appends src, without what in.Judge hides, to dst. src must be one JSON
// value in UTF-8, with no name twice in an object, no unpaired surrogate and
// nothing behind it; anything else is an error that wraps [edit.ErrMalformed],
// [edit.ErrAmbiguous] or [edit.ErrTooLarge], and dst is returned as it was. So
// it is if the report says RootHidden.
func (p *Program) Rewrite(dst, src []byte, in Input) ([]byte, edit.Report, error) {
	rt, err := p.compileRoute(&in)
	if err != nil {
		return dst, edit.Report{}, err
	}
	return p.rewrite(dst, src, &in, rt)
}

// Island rewrites JSON that stands within another document, such as an object
// in a script or an attribute: fields come before the profile's, and in's
// Response, Page and Evidence are not looked at.
func (p *Program) Island(dst, src []byte, in Input, fields map[string]rules.FieldSpec) ([]byte, edit.Report, error) {
	rt, err := newRoute(&rules.ResponseSpec{Fields: fields})
	if err != nil {
		return dst, edit.Report{}, fmt.Errorf("island: %w", err)
	}
	in.Evidence = nil
	return p.rewrite(dst, src, &in, rt)
}

func (p *Program) rewrite(dst, src []byte, in *Input, rt *route) ([]byte, edit.Report, error) {
	t := tapes.Get().(*tape)
	defer t.release()
	if err := t.read(src, p.names); err != nil {
		return dst, edit.Report{}, err
	}
	r := runs.Get().(*run)
	defer r.release()
	r.p, r.in, r.rt, r.t = p, in, rt, t
	r.list = edit.Get()
	defer edit.Put(r.list)
	r.size(len(t.nodes), len(p.names)+1)

	r.items = -1
	if len(rt.lists) > 0 {
		r.items = t.first(0, rt.lists[0])
	}
	r.evidence()
	r.mark()
	r.parallel()
	hidden := r.root()
	if r.err != nil {
		return dst, edit.Report{}, r.err
	}
	if hidden {
		r.rep.RootHidden = true
		return dst, r.rep, nil
	}
	r.totals()
	out, err := r.list.Apply(dst, src)
	if err != nil {
		return dst, edit.Report{}, fmt.Errorf("json: %w", err)
	}
	for _, s := range r.prose {
		if m := r.list.MapSpan(s); m.Len() > 0 {
			r.rep.Prose = append(r.rep.Prose, m)
		}
	}
	return out, r.rep, nil
}

func (r *run) size(nodes, names int) {
	r.gone = zeroed(r.gone, nodes)
	r.memo = zeroed(r.memo, nodes)
	r.at = zeroed(r.at, names)
	r.seen = zeroed(r.seen, names)
}

func zeroed[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

func (r *run) release() {
	if cap(r.gone) > 1<<17 {
		return
	}
	clear(r.over)
	*r = run{over: r.over, gone: r.gone, memo: r.memo, at: r.at, seen: r.seen, prose: r.prose[:0]}
	runs.Put(r)
}

func (r *run) keepUnknown() bool { return r.rt.keepUnknown || r.in.Keep }

// root judges the whole; a root that matches no shape is walked.
func (r *run) root() bool {
	f := field{op: walk}
	if o, ok := r.over[0]; ok {
		f = o
	} else if k := r.t.nodes[0].kind; k == str || k == num {
		f.op = unknown
	}
	return r.value(0, f, r.in.Judge, nil)
}

// held remembers, for one array, of which shapes a placeholder stands in it.
type held struct{ shapes []int }

func (h *held) once(s int) bool {
	for _, x := range h.shapes {
		if x == s {
			return false
		}
	}
	h.shapes = append(h.shapes, s)
	return true
}

// value judges one value and reports whether it must leave its container.
func (r *run) value(n int32, f field, j edit.Judge, lst *held) bool {
	if r.gone[n] {
		return true
	}
	if o, ok := r.over[n]; ok {
		f = o
	}
	k := r.t.nodes[n].kind
	switch f.op {
	case next:
		if w := r.in.Window; w != nil && !w.More && !f.back {
			return true // nothing that may be seen comes after this
		}
	case drop:
		r.rep.Hide(rules.NoEntity, edit.Dropped)
		return true
	case self:
		return r.replaced(n, "self_name")
	case text:
		return r.replaced(n, f.text)
	}
	switch k {
	case object:
		return r.object(n, f, j, lst)
	case array:
		return r.array(n, f, j)
	}
	return r.scalar(n, f, j)
}

// replaced puts one of the view's texts in the place of a string.
func (r *run) replaced(n int32, name string) bool {
	switch nd := &r.t.nodes[n]; nd.kind {
	case lit:
		return false
	case str:
		r.set(n, r.in.Texts[name])
		return false
	}
	r.rep.Hide(rules.NoEntity, edit.Dropped)
	return true
}

// set makes a string of value s of the node, unless it is one already.
func (r *run) set(n int32, s string) {
	nd := &r.t.nodes[n]
	if nd.kind != str || string(r.t.text(n)) != s {
		r.list.Replace(int(nd.start), int(nd.end), quote(s))
	}
}

func (r *run) object(n int32, f field, j edit.Judge, lst *held) bool {
	switch f.op {
	case dict:
		r.dict(n, f, j)
		return false
	case dictValue:
		r.members(n, nil, &field{op: attrOf, attr: f.attr}, j)
		return false
	case next:
		return r.nextObject(n)
	}
	if s := r.match(n); s != nil {
		inner := r.context(n, s, j)
		if !r.decide(n, s, inner) {
			return r.hide(n, s, lst)
		}
		emptied := r.members(n, s, nil, inner)
		if emptied {
			r.rep.Hide(s.kind, edit.Removed)
		}
		return emptied
	}
	if r.ours(n) {
		return false
	}
	if f.op == unknown && !r.keepUnknown() {
		r.rep.UnknownFields++
		return true
	}
	r.members(n, nil, nil, j)
	return false
}

// filled gives a shape's placeholder with this view's texts.
func (r *run) filled(s *shape) string {
	if r.fill == nil {
		r.fill = make([]string, len(r.p.shapes))
	}
	if r.fill[s.index] == "" {
		r.fill[s.index] = fill(s.placeholder, r.in.Texts)
	}
	return r.fill[s.index]
}

// ours reports whether an object that no shape takes is a placeholder as this
// program writes it: an answer that went through once goes through again.
func (r *run) ours(n int32) bool {
	nd := &r.t.nodes[n]
	for _, s := range r.p.shapes {
		if s.hold && r.filled(s) == string(r.t.src[nd.start:nd.end]) {
			return true
		}
	}
	return false
}

// hide removes a hidden object, or puts its shape's placeholder in its place.
func (r *run) hide(n int32, s *shape, lst *held) bool {
	stay := s.hold && n != 0
	if stay && lst != nil {
		stay = s.inList != "remove" && (s.inList != "once" || lst.once(s.index))
	}
	if !stay {
		r.rep.Hide(s.kind, edit.Removed)
		return true
	}
	nd := &r.t.nodes[n]
	if with := r.filled(s); with != string(r.t.src[nd.start:nd.end]) {
		r.list.Replace(int(nd.start), int(nd.end), with)
	}
	r.rep.Hide(s.kind, edit.Replaced)
	return false
}

// members walks an object. It reports whether the shape's drop_if_empty member
// has lost all that was in it.
func (r *run) members(n int32, s *shape, all *field, j edit.Judge) (emptied bool) {
	counts := false
	end := r.t.nodes[n].next
	for c := n + 1; c < end; c = r.t.nodes[c].next {
		f := field{}
		if all != nil {
			f = *all
		} else {
			f = r.fieldOf(c, s)
		}
		counts = counts || f.op == count
		r.gone[c] = r.value(c, f, j, nil)
	}
	if counts {
		r.counts(n, s)
	}
	r.emit(n)
	if s != nil && s.ifEmpty != 0 {
		for c := n + 1; c < end; c = r.t.nodes[c].next {
			if r.t.nodes[c].id == s.ifEmpty {
				had, left := r.tally(c)
				emptied = r.gone[c] || had > 0 && left == 0
			}
		}
	}
	return emptied
}

// fieldOf says what a member is: the shape, the route, the profile, in this
// order.
func (r *run) fieldOf(c int32, s *shape) field {
	id := r.t.nodes[c].id
	if s != nil && id != 0 {
		if f, ok := s.fields[id]; ok {
			return f
		}
	}
	if r.rt.fields != nil {
		if f, ok := r.rt.fields[string(r.t.name(c))]; ok {
			return f
		}
	}
	if r.in.fields != nil {
		if f, ok := r.in.fields[string(r.t.name(c))]; ok {
			return f
		}
	}
	if id != 0 && int(id) < len(r.p.fields) {
		return r.p.fields[id]
	}
	return field{}
}

// dict judges an object whose names name entities.
func (r *run) dict(n int32, f field, j edit.Judge) {
	end, made := r.t.nodes[n].next, 0
	for c := n + 1; c < end; c = r.t.nodes[c].next {
		name := r.t.name(c)
		switch {
		case f.neg && len(name) > 1 && name[0] == '-':
			// a made-up number: the value must say what it is
			if r.t.nodes[c].kind != object || r.match(c) == nil {
				r.gone[c] = true
				r.rep.UnknownFields++
				continue
			}
		case !r.visible(f.attr, string(name), j):
			r.gone[c] = true
			r.rep.Hide(f.attr.Kind(), edit.Removed)
			continue
		}
		r.gone[c] = r.value(c, field{op: walk}, j, nil)
		if nd := &r.t.nodes[c]; f.neg && !r.gone[c] && name[0] == '-' {
			made++
			if want := strconv.Itoa(-made); want != string(name) {
				r.list.Replace(int(nd.key), int(nd.key+nd.klen), want)
			}
		}
	}
	r.emit(n)
}

func (r *run) array(n int32, f field, j edit.Judge) bool {
	nd := &r.t.nodes[n]
	strict := f.op == unknown && !r.keepUnknown()
	if strict {
		for c := n + 1; c < nd.next; c = r.t.nodes[c].next {
			if r.t.nodes[c].kind != object || r.match(c) == nil {
				r.rep.UnknownFields++
				return true
			}
		}
	}
	if f.op == next || f.op == count {
		r.rep.UnknownFields++
		return true
	}
	if f.op == dict {
		f = field{op: walk} // the same place as a list: its elements say who they are
	}
	var lst held
	left, groups := 0, r.groups(n)
	for c := n + 1; c < nd.next; c = r.t.nodes[c].next {
		if r.gone[c] = r.value(c, f, j, &lst); groups && !r.gone[c] {
			had, stay := r.tally(c)
			r.gone[c] = had > 0 && stay == 0
		}
		if !r.gone[c] {
			left++
		}
	}
	if n == r.items {
		r.window(n)
	}
	if strict && left == 0 {
		// empty or emptied, an array that nobody names is the same: nothing
		return true
	}
	r.emit(n)
	return false
}

// groups says that an array is a list of lists and of nothing else: a group
// that has lost all its members leaves, since an empty one would tell that there
// were some.
func (r *run) groups(n int32) bool {
	end := r.t.nodes[n].next
	for c := n + 1; c < end; c = r.t.nodes[c].next {
		if r.t.nodes[c].kind != array {
			return false
		}
	}
	return end > n+1
}

// emit deletes the children that are gone, with the commas that go with them.
func (r *run) emit(n int32) {
	end := r.t.nodes[n].next
	kept := int32(-1) // the last child that stays
	for c := n + 1; c < end; {
		if !r.gone[c] {
			kept, c = c, r.t.nodes[c].next
			continue
		}
		from, last := c, c
		for c < end && r.gone[c] {
			last, c = c, r.t.nodes[c].next
		}
		switch {
		case kept >= 0:
			r.list.Delete(int(r.t.nodes[kept].end), int(r.t.nodes[last].end))
		case c < end:
			r.list.Delete(r.t.outer(from), r.t.outer(c))
		default:
			r.list.Delete(r.t.outer(from), int(r.t.nodes[last].end))
		}
	}
}

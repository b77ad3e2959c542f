package jsonrewrite

import (
	"strconv"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

func (r *run) keepUnknown() bool { return r.rt.keepUnknown || r.in.Keep }

// root judges the whole; a root that matches no shape is walked.
func (r *run) root() bool {
	f := &walkField
	if k := r.t.nodes[0].kind; k == str || k == num {
		f = &unknownField
	}
	return r.value(0, f, r.in.Judge, nil)
}

// held remembers, for one array, of which shapes a placeholder stands in it, by
// bit.
type held uint64

func (h *held) once(s int) bool {
	first := *h>>s&1 == 0
	*h |= 1 << s
	return first
}

// value judges one value and reports whether it must leave its container.
func (r *run) value(n int32, f *field, j edit.Judge, lst *held) bool {
	nd := &r.t.nodes[n]
	if nd.is&(gone|told) != 0 {
		if nd.is&gone != 0 {
			return true
		}
		f = r.told(n, f)
	}
	switch f.op {
	case next:
		if w := r.in.Window; w != nil && !w.More && !f.back {
			return true // nothing that may be seen comes after this
		}
	case drop:
		r.rep.Hide(rules.NoEntity, edit.Dropped)
		return true
	case token:
		if r.in.Own && r.t.nodes[n].kind == str {
			return false
		}
		r.rep.Hide(rules.NoEntity, edit.Dropped)
		return true
	case self:
		return r.replaced(n, "self_name")
	case text:
		return r.replaced(n, f.text)
	}
	switch nd.kind {
	case object:
		return r.object(n, f, j, lst)
	case array:
		return r.array(n, f, j)
	}
	return r.scalar(n, f, j)
}

// told gives what the route says of a value by its path, or else f.
func (r *run) told(n int32, f *field) *field {
	if r.t.nodes[n].is&told != 0 {
		return r.over[n]
	}
	return f
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

func (r *run) object(n int32, f *field, j edit.Judge, lst *held) bool {
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
	if s := r.t.shape(n); s != nil {
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
	if r.fill[s.index] == "" {
		r.t.buf = fill(r.t.buf[:0], s.placeholder, r.in.Texts)
		r.fill[s.index] = r.t.kept.keep(r.t.buf)
	}
	return r.fill[s.index]
}

// ours reports whether an object that no shape takes is a placeholder as this
// program writes it: an answer that went through once goes through again.
func (r *run) ours(n int32) bool {
	nd := &r.t.nodes[n]
	v := r.t.s[nd.start:nd.end]
	for _, s := range r.p.held {
		if strings.HasPrefix(v, s.placeholder[0].lit) && v == r.filled(s) {
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
	if with := r.filled(s); with != r.t.s[nd.start:nd.end] {
		r.list.Replace(int(nd.start), int(nd.end), with)
	}
	r.rep.Hide(s.kind, edit.Replaced)
	return false
}

// members walks an object. It reports whether the shape's drop_if_empty member
// has lost all that was in it.
func (r *run) members(n int32, s *shape, all *field, j edit.Judge) (emptied bool) {
	counts := false
	cut := r.cutting()
	end := r.t.nodes[n].next
	for c := n + 1; c < end; c = r.t.nodes[c].next {
		f := all
		if f == nil {
			f = r.told(c, r.fieldOf(c, s))
		}
		cut.before(c)
		leaves := r.value(c, f, j, nil) || r.full(c, f) && r.emptied(c)
		if f.op == count && !leaves {
			if leaves = !r.counted(n, f.path); leaves {
				r.rep.Hide(rules.NoEntity, edit.Dropped)
			}
			counts = true
		}
		cut.after(c, leaves)
	}
	cut.end()
	if counts {
		r.counts(n, s)
	}
	if s != nil && s.ifEmpty != 0 {
		for c := n + 1; c < end; c = r.t.nodes[c].next {
			if r.t.nodes[c].id == s.ifEmpty {
				emptied = r.t.nodes[c].is&gone != 0 || r.emptied(c)
			}
		}
	}
	return emptied
}

// full says that a container leaves with the last of what it held. Of one whose
// names are judged the route says how; its own name says this.
func (r *run) full(n int32, f *field) bool {
	if f.op == dict {
		f = r.p.fields[r.t.nodes[n].id]
	}
	return f != nil && f.full
}

// emptied says that hiding has left nothing of what a container held.
func (r *run) emptied(n int32) bool {
	had, left := r.tally(n)
	return had > 0 && left == 0
}

// fieldOf says what a member is: the shape, the route, the profile, in this
// order.
func (r *run) fieldOf(c int32, s *shape) *field {
	id := r.t.nodes[c].id
	if s != nil {
		if f := s.fields[id]; f != nil {
			return f
		}
	}
	if f := r.rt.said(&r.t, c); f != nil {
		return f
	}
	if r.in.outer != nil {
		if f := r.in.outer.said(&r.t, c); f != nil {
			return f
		}
	}
	return r.p.fields[id]
}

// dict judges an object whose names name entities.
func (r *run) dict(n int32, f *field, j edit.Judge) {
	made := 0
	cut := r.cutting()
	end := r.t.nodes[n].next
	for c := n + 1; c < end; c = r.t.nodes[c].next {
		cut.before(c)
		leaves := r.entry(c, f, j)
		cut.after(c, leaves)
		if nd := &r.t.nodes[c]; f.neg && !leaves && strings.HasPrefix(r.t.nameOf(c), "-") {
			made++
			r.t.buf = strconv.AppendInt(r.t.buf[:0], int64(-made), 10)
			if string(r.t.buf) != r.t.s[nd.key:nd.key+nd.klen] {
				r.list.Replace(int(nd.key), int(nd.key+nd.klen), r.t.kept.keep(r.t.buf))
			}
		}
	}
	cut.end()
}

// entry judges one member of an object whose names name entities.
func (r *run) entry(c int32, f *field, j edit.Judge) bool {
	name := r.t.nameOf(c)
	switch {
	case f.neg && len(name) > 1 && name[0] == '-':
		// a made-up number: the value must say what it is
		if r.t.nodes[c].shape == 0 {
			r.rep.UnknownFields++
			return true
		}
	case !r.visible(f.attr, name, j):
		r.rep.Hide(f.attr.Kind(), edit.Removed)
		return true
	}
	if r.value(c, &walkField, j, nil) {
		return true
	}
	if r.t.nodes[c].kind != array {
		return false
	}
	// A member that is there for what its list holds goes with the last of it.
	return r.emptied(c)
}

func (r *run) array(n int32, f *field, j edit.Judge) bool {
	end := r.t.nodes[n].next
	strict := f.op == unknown && !r.keepUnknown()
	if strict {
		for c := n + 1; c < end; c = r.t.nodes[c].next {
			if r.t.nodes[c].shape == 0 {
				r.rep.UnknownFields++
				return true
			}
		}
	}
	switch f.op {
	case next, count:
		r.rep.UnknownFields++
		return true
	case dict:
		f = &walkField // the same place as a list: its elements say who they are
	}
	var lst held
	listed := r.visit(n)
	left, groups := 0, r.groups(n)
	cut := r.cutting()
	before := int32(-1)
	for c := n + 1; c < end; c = r.t.nodes[c].next {
		cut.before(c)
		leaves := r.value(c, f, j, &lst)
		if groups && !leaves {
			leaves = r.emptied(c)
		}
		if listed {
			leaves = r.item(c, leaves)
		}
		cut.after(c, leaves)
		if !leaves {
			left++
			r.join(before, c)
			before = c
		}
	}
	cut.end()
	// empty or emptied, an array that nobody names is the same: nothing
	return strict && left == 0
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

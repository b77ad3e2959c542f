package jsonrewrite

import (
	"fmt"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// join makes one group of two that stay in an array, where nothing that stays
// is between them: a wiki that groups what follows upon another by its author
// would tell, by two groups of one author, that something was cut between them,
// or by two of nobody in particular, that they are two people.
//
// From behind the last element of the former's list to the first of the
// latter's a comma is left, so that the end of the latter closes both. That
// needs the list to be the last member that stays in each; an answer in which
// it is not is refused.
func (r *run) join(a, b int32) {
	if a < 0 || r.t.nodes[a].shape == 0 || r.t.nodes[a].shape != r.t.nodes[b].shape {
		return
	}
	s := r.p.shapes[r.t.nodes[a].shape-1]
	if s.join == 0 || !r.same(r.member(a, s.join), r.member(b, s.join)) {
		return
	}
	la, lb := r.member(a, s.ifEmpty), r.member(b, s.ifEmpty)
	if !r.closes(la) || !r.closes(lb) {
		r.fail(fmt.Errorf("json at byte %d: groups that can't be joined: %w", r.t.nodes[b].start, edit.ErrAmbiguous))
		return
	}
	r.t.nodes[b].is |= joined
	_, last := r.ends(la)
	first, _ := r.ends(lb)
	from, to, with := r.t.nodes[la].end-1, r.t.nodes[lb].end-1, ""
	if last >= 0 {
		from = r.t.nodes[last].end
	}
	if first >= 0 {
		to = r.t.nodes[first].start
	}
	if first >= 0 && last >= 0 {
		with = ","
	}
	r.list.Replace(int(from), int(to), with)
}

// member gives the member of object n with the numbered name, if it stays, or
// -1.
func (r *run) member(n, id int32) int32 {
	for c := n + 1; c < r.t.nodes[n].next; c = r.t.nodes[c].next {
		if nd := &r.t.nodes[c]; nd.id == id && nd.is&gone == 0 {
			return c
		}
	}
	return -1
}

// same reports whether two members come out the same: written alike, or both
// with the placeholder of their shape. Of members that went, so did what tells
// them apart.
func (r *run) same(a, b int32) bool {
	if a < 0 || b < 0 {
		return a == b
	}
	return r.written(a) == r.written(b)
}

func (r *run) written(n int32) string {
	nd := &r.t.nodes[n]
	if nd.kind == object && nd.is&hidden != 0 {
		return r.filled(r.p.shapes[nd.shape-1])
	}
	return r.t.s[nd.start:nd.end]
}

// closes reports whether n is a list behind which nothing stays in its object.
func (r *run) closes(n int32) bool {
	if n < 0 || r.t.nodes[n].kind != array {
		return false
	}
	for c := r.t.nodes[n].next; c < r.t.nodes[r.t.nodes[n].parent].next; c = r.t.nodes[c].next {
		if r.t.nodes[c].is&gone == 0 {
			return false
		}
	}
	return true
}

// ends gives the first and the last element that stay, or -1.
func (r *run) ends(n int32) (first, last int32) {
	first, last = -1, -1
	for c := n + 1; c < r.t.nodes[n].next; c = r.t.nodes[c].next {
		if r.t.nodes[c].is&gone != 0 {
			continue
		}
		if first < 0 {
			first = c
		}
		last = c
	}
	return first, last
}

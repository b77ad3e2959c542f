package jsonrewrite

import "github.com/postern-gateway/postern/caddymodule/rewrite/edit"

// markLists marks the arrays of the route's first list. There are several where
// the list comes in groups: changeSets.#.updates.
func (r *run) markLists() {
	if len(r.rt.lists) == 0 {
		return
	}
	span := func(n int32) edit.Span {
		nd := &r.t.nodes[n]
		return edit.Span{Start: int(nd.start), End: int(nd.end)}
	}
	had := 0
	r.t.each(0, r.rt.lists[0], func(n int32) bool {
		if nd := &r.t.nodes[n]; nd.kind == array {
			nd.is |= listed
			children, _ := r.tally(n)
			had += children
			r.rep.List = span(n)
		}
		return true
	})
	if len(r.rt.whole) > 0 {
		r.rep.List = edit.Span{}
		if n := r.t.first(0, r.rt.whole); n >= 0 {
			r.rep.List = span(n)
		}
	}
	r.rep.Items = make([]edit.Item, 0, had)
}

// visit reports whether array n is one of the list, and notes that its items
// are judged.
func (r *run) visit(n int32) bool {
	nd := &r.t.nodes[n]
	is := nd.is&listed != 0
	nd.is &^= listed
	return is
}

// unseen notes the items of arrays that went unread, with what they stood in.
func (r *run) unseen() {
	if len(r.rt.lists) == 0 {
		return
	}
	r.t.each(0, r.rt.lists[0], func(n int32) bool {
		if r.visit(n) {
			for c := n + 1; c < r.t.nodes[n].next; c = r.t.nodes[c].next {
				r.note(c, true)
			}
		}
		return true
	})
}

// note adds item c to the report.
func (r *run) note(c int32, leaves bool) {
	nd := &r.t.nodes[c]
	r.rep.Items = append(r.rep.Items, edit.Item{Span: edit.Span{Start: int(nd.start), End: int(nd.end)}, Seen: !leaves})
}

// item notes whether an item of the list may be seen, and takes it out as well
// if it lies outside the window.
func (r *run) item(c int32, leaves bool) bool {
	r.note(c, leaves)
	if w := r.in.Window; w != nil && !leaves {
		leaves = !w.Holds(r.visibles)
		r.visibles++
	}
	return leaves
}

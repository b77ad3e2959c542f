package jsonrewrite

import "github.com/postern-gateway/postern/caddymodule/rewrite/edit"

// cutter deletes the children of one container that are gone, with the commas
// that go with them. Its edits come in the order of the source: a deletion is
// recorded before the child behind it is judged, and again, longer, if that
// child goes as well. Edits within a child that goes are forgotten.
type cutter struct {
	r    *run
	kept int32 // the last child that stays, or -1
	from int32 // the first of those since that are gone, or -1
	last int32 // the last of them
	mark edit.Mark
}

func (r *run) cutting() cutter { return cutter{r: r, kept: -1, from: -1} }

// before is called before child c is judged.
func (k *cutter) before(c int32) {
	switch {
	case k.from < 0:
		k.mark = k.r.list.Mark()
	case k.kept < 0: // with the comma before c
		k.delete(k.r.t.outer(k.from), k.r.t.outer(c))
	default:
		k.delete(int(k.r.t.nodes[k.kept].end), int(k.r.t.nodes[k.last].end))
	}
}

// after is called when child c has been judged.
func (k *cutter) after(c int32, leaves bool) {
	if !leaves {
		k.kept, k.from = c, -1
		return
	}
	k.r.t.nodes[c].is |= gone
	if k.from < 0 {
		k.from = c
	}
	k.last = c
}

// end is called when there is no other child.
func (k *cutter) end() {
	switch {
	case k.from < 0:
	case k.kept < 0: // all of it, the white space as well
		in := &k.r.t.nodes[k.r.t.nodes[k.from].parent]
		k.delete(int(in.start)+1, int(in.end)-1)
	default:
		k.delete(int(k.r.t.nodes[k.kept].end), int(k.r.t.nodes[k.last].end))
	}
}

func (k *cutter) delete(from, to int) {
	k.r.list.Rewind(k.mark)
	k.r.list.Delete(from, to)
}

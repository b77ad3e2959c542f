package rules

import "sync"

// childIndex is the way down: which content stands below which. It is made when
// somebody asks first, of what the directory listed; what look-ups add is few
// and is gone through.
type childIndex struct {
	once  sync.Once
	start []int32 // len(contents)+1, into below
	below []ID
}

// children gives the index. What its base is bound to never changes, so that
// whichever engine of the base makes it, it is the same.
func (e *Engine) children() *childIndex {
	x := e.kids
	x.once.Do(func() {
		bound := e.contents[:e.listed]
		x.start = make([]int32, len(bound)+1)
		for i := range bound {
			if p := bound[i].parent; p >= 0 && int(p) < len(bound) {
				x.start[p+1]++
			}
		}
		for i := range bound {
			x.start[i+1] += x.start[i]
		}
		x.below = make([]ID, x.start[len(bound)])
		next := append([]int32(nil), x.start[:len(bound)]...)
		for i := range bound {
			if p := bound[i].parent; p >= 0 && int(p) < len(bound) {
				x.below[next[p]] = ID(i)
				next[p]++
			}
		}
	})
	return x
}

// HasChild reports whether the viewer sees anything that stands directly below
// the content. It costs one verdict for each child until one is visible. Of a
// page whose children the wiki itself has judged for the viewer, it says that it
// has one: what the wiki shows is right.
func (v *View) HasChild(id ID) bool {
	e := v.e
	if v.kind == Internal && v.own && v.suspended == nil {
		return true
	}
	if id < 0 || int(id) >= len(e.contents) {
		return false
	}
	if int(id) < e.listed {
		x := e.children()
		for _, kid := range x.below[x.start[id]:x.start[id+1]] {
			if v.Content(kid).Verdict == Visible {
				return true
			}
		}
	}
	for i := e.listed; i < len(e.contents); i++ {
		if e.contents[i].parent == id && v.Content(ID(i)).Verdict == Visible {
			return true
		}
	}
	return false
}

// HasChild reports whether the viewer sees anything that stands directly below
// what a reference names. Of what nobody knows, nothing is seen.
func (j *Judge) HasChild(ref Ref) bool {
	r := j.view.resolve(&ref, j.ctx)
	if ref.Kind != Content || r.doubt != nil {
		r.id = NoID
	}
	return j.view.HasChild(r.id)
}

package rules

import (
	"cmp"
	"slices"
)

// held is what is assigned to a viewer: of each space and page grant, the live
// rule that gives him the highest role. It takes a bit for each of them and a
// few bytes for those that he holds, since there are many viewers.
type held struct {
	spaces int // as many
	in     bitset
	places []int32 // of what he holds, in order
	rules  []int32 // for each of them
}

// place is where a target stands: spaces by id, then page grants.
func (h *held) place(target int32) int32 {
	if target < 0 {
		return int32(h.spaces) - 1 - target
	}
	return target
}

// has reports whether the viewer holds a target.
func (h *held) has(target int32) bool {
	p := uint(h.place(target))
	return p>>6 < uint(len(h.in)) && h.in[p>>6]&(1<<(p&63)) != 0
}

// hold gathers the targets of rules, which are live and in order. Of two rules
// of one role, the first counts.
func (e *Engine) hold(rules []int32) held {
	h := held{spaces: len(e.spaces)}
	if len(rules) == 0 {
		return h
	}
	h.in = newBitset(len(e.spaces) + len(e.grants))
	slices.SortStableFunc(rules, func(a, b int32) int {
		r, s := &e.rules[a], &e.rules[b]
		return cmp.Or(cmp.Compare(h.place(r.target), h.place(s.target)), cmp.Compare(s.role, r.role))
	})
	for _, n := range rules {
		if p := h.place(e.rules[n].target); !h.in.has(int(p)) {
			h.in.set(int(p))
			h.places, h.rules = append(h.places, p), append(h.rules, n)
		}
	}
	return h
}

// rule gives the rule by which the viewer holds a target, or -1.
func (h *held) rule(target int32) int32 {
	if !h.has(target) {
		return -1
	}
	i, _ := slices.BinarySearch(h.places, h.place(target))
	return h.rules[i]
}

// targets lists what the viewer holds.
func (h *held) targets() []int32 {
	out := make([]int32, len(h.places))
	for i, p := range h.places {
		if out[i] = p; int(p) >= h.spaces {
			out[i] = int32(h.spaces) - 1 - p
		}
	}
	return out
}

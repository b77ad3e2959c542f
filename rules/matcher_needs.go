package rules

import "slices"

// imply adds what the wiki takes to be there, so that it is judged.
func (x *matcher) imply(rt *route) {
	for i := range rt.implied {
		if p := &rt.implied[i]; !x.given(p.Name) {
			x.m.values = append(x.m.values, *p)
			x.param(p, false, true)
		}
	}
}

// needs checks which selectors are given.
func (x *matcher) needs() {
	x.need(x.rt)
	for _, p := range x.parts {
		x.need(p)
	}
}

func (x *matcher) need(rt *route) {
	if len(rt.need) > 0 && !oneComplete(rt.need, rt.selectors, x.given) {
		x.refuse("", "no set of selectors is complete, or one of another set stands beside it")
	}
	if len(rt.needAny) > 0 && !slices.ContainsFunc(rt.needAny, x.selects) {
		x.refuse("", "no selector is given")
	}
}

// oneComplete says that one of the sets is given wholly, and nothing of another.
func oneComplete(sets [][]string, all []string, given func(string) bool) bool {
	n := 0
	for _, s := range all {
		if given(s) {
			n++
		}
	}
	return slices.ContainsFunc(sets, func(set []string) bool {
		return len(set) == n && !slices.ContainsFunc(set, func(s string) bool { return !given(s) })
	})
}

func (x *matcher) given(name string) bool {
	v, ok := x.m.Value(name)
	return ok && v != ""
}

// selects says that a parameter that may name something does: diff=prev alone
// names nothing, and the wiki would fall back on a page of its own choice.
func (x *matcher) selects(name string) bool {
	if !x.given(name) {
		return false
	}
	t := x.rt.params[name]
	return t == nil || !t.entity() || slices.ContainsFunc(x.m.Subjects, func(s Subject) bool { return s.Param == name })
}

package rules

import (
	"strings"
)

// paramSlot is all that a route says of one parameter.
type paramSlot struct {
	typ     *paramType
	control bool
	forced  bool
	force   string // the only value that it may have, where forced is set
}

// repeats says that a name of this type may stand in a request more than once.
func (t *paramType) repeats() bool { return t.kind == tList || t.kind == tDrop }

// finish prepares a route and those that it hands on to, below top, and tells
// the reader of requests which names may be repeated.
func (rt *route) finish(top *route, c *canon) {
	if rt.names != nil {
		return
	}
	rt.names = make(map[string]paramSlot, len(rt.params))
	for name, t := range rt.params {
		rt.names[name] = paramSlot{typ: t}
		if t.repeats() {
			c.repeats[name] = true
		}
	}
	for name := range rt.control {
		s := rt.names[name]
		s.control = true
		rt.names[name] = s
	}
	for name, v := range rt.force.Params {
		s := rt.names[name]
		s.forced, s.force = true, v
		rt.names[name] = s
	}
	rt.partNames = sortedKeys(rt.parts)
	if rt.page != nil {
		rt.pages = []*PageSpec{rt.page}
	}
	for _, pat := range top.patterns {
		rt.spelled = append(rt.spelled, pat.src+strings.TrimPrefix(rt.pattern, top.pattern))
	}
	if rt.by != nil {
		for _, to := range rt.by.variants {
			to.finish(top, c)
		}
	}
	for _, to := range rt.specialRoutes {
		to.finish(top, c)
	}
	for _, to := range rt.part {
		to.finish(top, c)
	}
}

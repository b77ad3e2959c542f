package rules

import (
	"slices"
	"strings"
)

// findGroup resolves a group by NAME of the wiki or SOURCE/NAME. A provider's
// group need not be in the directory: claims come with people.
func (a *ask) findGroup() (source, name string, id ID) {
	v := a.v
	if id, ok := v.e.f.FindGroup(wikiSource, a.q.Group); ok {
		return wikiSource, a.q.Group, id
	}
	source, name, ok := strings.Cut(a.q.Group, "/")
	if !ok {
		return wikiSource, a.q.Group, NoID
	}
	if id, ok := v.e.f.FindGroup(source, name); ok {
		return source, name, id
	}
	return source, name, NoID
}

func (a *ask) decideGroup() Decision {
	v := a.v
	source, name, id := a.findGroup()
	switch {
	case id != NoID:
		return v.Group(id)
	case source == wikiSource:
		return unknown(reasonUnknown) // the wiki's own groups are all in the directory
	case v.unrestricted():
		return visible(reasonGroupAllowed)
	case v.inGroup(source, name):
		return visible(reasonGroupMember)
	}
	rules := v.e.rulesFor(source, name)
	for _, r := range rules {
		if r.live(v.nano) && v.holds(r) {
			return visible(r.why.group)
		}
	}
	if len(rules) == 0 && !v.e.groupKnown(source, name) {
		return unknown(reasonUnknown)
	}
	return hidden(reasonGroupHidden)
}

// rulesFor are the rules that assign a group to anything.
func (e *Engine) rulesFor(source, name string) []*boundRule {
	var out []*boundRule
	for i := range e.rules {
		if r := &e.rules[i]; r.assigns() && r.principal.isGroup(source, name) {
			out = append(out, r)
		}
	}
	return out
}

// groupKnown reports a group that the policy speaks of in any place.
func (e *Engine) groupKnown(source, name string) bool {
	return slices.ContainsFunc(e.rules, func(r boundRule) bool { return r.principal.isGroup(source, name) })
}

func (pr *principal) isGroup(source, name string) bool {
	return pr.kind == byGroup && pr.name == name && pr.from(source)
}

func (a *ask) tellGroup() []Part {
	v := a.v
	source, name, id := a.findGroup()
	p := note("group", "%s/%s", source, name)
	if id == NoID {
		p.Reason += ", not in the directory"
	}
	if v.inGroup(source, name) {
		p.Reason += ", the viewer is a member"
	}
	parts := []Part{p}
	for i, r := range v.e.rulesFor(source, name) {
		if i == maxTold {
			break
		}
		p := v.tellAssignment("assignment of the group", r)
		if v.holds(r) && r.live(v.nano) {
			p.Reason += "; shared with the viewer"
		}
		parts = append(parts, p)
	}
	return append(parts, v.tellAssignments(NoID)...)
}

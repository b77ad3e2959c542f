package rules

import (
	"slices"
	"strconv"
	"strings"
)

// tell gives the steps between who looks and the verdict.
func (a *ask) tell(space ID) []Part {
	v := a.v
	switch {
	case a.q.URL != "":
		return a.tellURL(space)
	case v.suspended != nil:
		return v.tellAssignments(NoID)
	case a.q.User != "":
		return a.tellUser()
	case a.q.Group != "":
		return a.tellGroup()
	case a.q.Space != "":
		return append(v.tellAssignments(a.id), a.tellSpace()...)
	}
	if space == NoID {
		return []Part{note("content", "the directory knows nothing by this id or title")}
	}
	return append(v.tellAssignments(space), v.tellContent(a.id)...)
}

func (a *ask) tellUser() []Part {
	v := a.v
	if a.id == NoID {
		return []Part{note("user", "the directory knows nobody by this name, address or key")}
	}
	parts := append([]Part{v.tellPerson(a.id)}, v.tellAssignments(NoID)...)
	for i, r := range v.e.rulesOn(a.id) {
		if i == maxTold {
			break
		}
		p := v.tellAssignment("assignment of the user", r)
		if v.holds(r) && r.live(v.nano) {
			p.Reason += "; shared with the viewer"
		}
		parts = append(parts, p)
	}
	ctx := a.context()
	parts = append(parts, a.tellContext(ctx))
	if v.kind == External {
		parts = append(parts, note("setting", "users_see: %s", v.e.p.Extranet.UsersSee))
	} else if v.kind == Internal {
		parts = append(parts, note("setting", "internal mode: %s", v.modeText()))
	}
	return append(parts, v.tellFilters(a.id, ctx.Space)...)
}

func (v *View) modeText() string {
	if v.e.unrestricted {
		return "unrestricted"
	}
	return "shared-spaces"
}

// holds reports whether the viewer is assigned, now, to what the rule shares.
func (v *View) holds(r *boundRule) bool {
	return slices.ContainsFunc(v.rulesOver(), func(own *boundRule) bool { return own.target == r.target && own.live(v.nano) })
}

// tellPerson says what of a person matters to others.
func (v *View) tellPerson(id ID) Part {
	u := &v.e.f.Users()[id]
	p := note("user", "%s", strconv.Quote(u.Username))
	if id == v.self {
		p.Reason += ", the viewer himself"
	}
	if !isActive(u) {
		p.Reason += ", deactivated in the wiki"
	}
	internal := false
	for _, n := range v.e.rulesCovering(id) {
		r := &v.e.rules[n]
		switch {
		case r.target == targetInternal && !internal:
			internal = true
			p.Reason += ", internal by " + r.principal.text()
			p.Rule, p.ID = sourcePtr(r.src), idInternal
		case r.target == targetSuspended:
			p.Parts = append(p.Parts, Part{What: "suspended", Reason: "suspended by " + r.principal.text() + ": his assignments do not count", Rule: sourcePtr(r.src), ID: "suspended"})
		}
	}
	if !internal {
		p.Reason += ", not internal"
	}
	return p
}

func (a *ask) tellContext(ctx Context) Part {
	v := a.v
	switch {
	case ctx.Space == NoID && ctx.Candidate:
		return note("context", "to be chosen, in no space")
	case ctx.Space == NoID:
		return note("context", "global")
	}
	p := note("context", "space %s", v.e.f.Spaces()[ctx.Space].Key)
	if ctx.Candidate {
		p.Reason += ", to be chosen there"
		if r := v.e.spaces[v.e.spaces[ctx.Space].subject].rule; r != nil {
			p.Reason += " (mentions: " + r.Mentions + ")"
		}
	}
	return p
}

// tellFilters lists the filters of users that speak of this one, those that do
// not hold here too.
func (v *View) tellFilters(id, space ID) []Part {
	var parts []Part
	for i := range v.e.p.Filters {
		f := &v.e.p.Filters[i]
		if f.Hide != "users" || f.program == nil || len(parts) == maxTold {
			continue
		}
		who := "the user"
		hides, _ := f.program.hides(userVars{&v.e.f.Users()[id]})
		if !hides && !f.OneWay && v.self != NoID && v.kind == External {
			hides, _ = f.program.hides(userVars{&v.e.f.Users()[v.self]})
			who = "the viewer, and so the pair"
		}
		if !hides {
			continue
		}
		p := Part{What: "filter", Reason: strconv.Quote(f.Name) + " speaks of " + who, Rule: sourceOf(v.e.filters[i]), ID: "filter"}
		_, here := v.shares(id, space)
		switch {
		case v.unrestricted():
			p.Reason += ", but does not hold for unrestricted internals"
		case space == NoID && !f.global:
			p.Reason += ", but in spaces only"
		case space != NoID && !f.space && here:
			p.Reason += ", but in the global context only, and he is assigned to the space"
		}
		parts = append(parts, p)
	}
	return parts
}

func (a *ask) tellSpace() []Part {
	v := a.v
	if a.id == NoID {
		return []Part{note("space", "the directory knows no space by this name")}
	}
	d := v.Space(a.id)
	parts := []Part{v.tellSpaceRecord(a.id), part("sight of the space", d)}
	if label := v.SpaceLabel(a.id); label.Verdict != d.Verdict {
		parts = append(parts, part("its name alone", label))
	}
	return parts
}

func (v *View) tellSpaceRecord(id ID) Part {
	s, b := &v.e.f.Spaces()[id], &v.e.spaces[v.e.spaces[id].subject]
	p := note("space", "%s", s.Key)
	if s.Name != "" && s.Name != s.Key {
		p.Reason += " " + strconv.Quote(s.Name)
	}
	if s.Status != "" && s.Status != "current" {
		p.Reason += ", " + s.Status
	}
	if s.Type != "" && s.Type != "global" {
		p.Reason += ", " + s.Type
	}
	if b.rule == nil {
		p.Reason += ", named by no rule"
		return p
	}
	p.Rule, p.ID = sourcePtr(b.src), "space"
	if b.rule.OpenTo != "" {
		p.Reason += ", open to " + b.rule.OpenTo
	}
	return p
}

// tellContent lists the steps of a piece of content's verdict in their order:
// itself, what hides it for all, the way up with restrictions, grants and
// hidden subtrees, its space, and what it hangs on.
func (v *View) tellContent(id ID) []Part {
	if id == NoID {
		return []Part{note("content", "no such page in the directory; judged by its space and title")}
	}
	e := v.e
	rec, c := &e.f.Contents()[id], &e.contents[id]
	p := note("content", "%s %s in space %s", rec.ID, strconv.Quote(rec.Title), rec.Space)
	if len(rec.Labels) > 0 {
		p.Reason += ", labels " + strings.Join(clip(rec.Labels), ", ")
	}
	if rec.Status != "" && rec.Status != "current" {
		p.Reason += ", " + rec.Status
	}
	parts := []Part{p}
	if v.kind == Internal && v.own {
		return append(parts, part("wiki", visible(reasonWikiSays)))
	}
	if c.filter >= 0 {
		p := part("filter", hidden(e.filters[c.filter]))
		if v.unrestricted() {
			p.Verdict, p.Reason = "", p.Reason+", but not from unrestricted internals"
		}
		parts = append(parts, p)
	}
	if c.hidden >= 0 {
		p := part("hide", hidden(e.reasons[c.hidden]))
		if v.kind == Internal {
			p.Verdict, p.Reason = "", p.Reason+", but not from internals"
		}
		parts = append(parts, p)
	}
	parts = append(parts, v.tellWayUp(id)...)
	if c.space != NoID {
		d := v.Space(c.space)
		parts = append(parts, part("its space", d))
		if label := v.SpaceLabel(c.space); label.Verdict != d.Verdict {
			parts = append(parts, part("its space's name", label))
		}
	}
	parts = append(parts, v.tellDependencies(id)...)
	return append(parts, part("the page", v.Content(id)))
}

// tellWayUp lists what is said at the page and at the pages above it.
func (v *View) tellWayUp(id ID) []Part {
	e := v.e
	var parts []Part
	for i, steps := e.contents[id].anchor, 0; i >= 0 && steps < maxTold; i, steps = e.anchors[i].above, steps+1 {
		n := &e.anchors[i]
		at := n.page
		where := "at the page itself"
		if at != id {
			where = "at " + e.f.Contents()[at].ID + " " + strconv.Quote(e.f.Contents()[at].Title) + " above it"
		}
		if n.restr != nil {
			p := note("restriction", "the wiki restricts it %s to %s", where, restrictionText(n.restr))
			if v.namedBy(n) {
				p.Reason += "; the viewer is named"
			} else {
				p.Verdict, p.ID = Hidden.String(), reasonRestricted.Rule
			}
			parts = append(parts, p)
		}
		for _, g := range n.grants {
			p := note("page grant", "%s", where)
			p.Rule, p.ID = sourcePtr(e.grants[g].src), "page"
			switch held := v.held.rule(grantTarget(int(g))) >= 0; {
			case at != id && !e.grants[g].subtree:
				p.Reason += ", without what is below"
			case held:
				p.Reason += ", held by the viewer"
			default:
				p.Reason += ", not held by the viewer"
			}
			parts = append(parts, p)
		}
		if n.subtree != nil {
			p := part("subtree", hidden(n.subtree))
			p.Reason += " (" + where + ")"
			parts = append(parts, p)
		}
	}
	return parts
}

func restrictionText(r *Restriction) string {
	var names []string
	for _, u := range r.Users {
		names = append(names, "user "+u)
	}
	for _, g := range r.Groups {
		names = append(names, "group "+g)
	}
	return strings.Join(clip(names), ", ")
}

// tellDependencies lists the hidden ones among what the page includes, or where
// it leads.
func (v *View) tellDependencies(id ID) []Part {
	rec := &v.e.f.Contents()[id]
	var parts []Part
	judge := func(what, ref string) {
		if len(parts) == maxTold {
			return
		}
		to, ok := v.e.f.FindContent(ContentID, ref, NoID)
		if !ok {
			parts = append(parts, part(what+" "+ref, unknown(reasonUnknown)))
		} else if d := v.Content(to); d.Verdict != Visible && to != id {
			parts = append(parts, part(what+" "+ref, d))
		}
	}
	if rec.Redirect != "" {
		judge("redirects to", rec.Redirect)
	}
	for _, inc := range rec.Includes {
		judge("includes", inc)
	}
	return parts
}

// tellAction says what the action needs and what the viewer has.
func (a *ask) tellAction(d Decision, space ID) (Part, bool) {
	act := a.q.Action
	if a.match != nil {
		act = a.match.Action
	}
	need, ok := needs[act]
	if !ok || need == NoRole {
		return Part{}, false
	}
	role := a.v.Role(space)
	switch {
	case a.match != nil:
		role = a.v.requestRole(a.match)
	case a.q.Content != "" && a.id != NoID:
		role = a.v.contentRole(a.id)
	}
	p := Part{What: "action " + string(act), Verdict: d.Verdict.String(), Rule: nil}
	p.Reason = "needs the role " + need.String() + "; the viewer's is " + role.String()
	if a.v.kind == Internal && a.v.own && act != ActAssign {
		p.Reason = "as the wiki says, for internals under their own name"
	}
	return p, true
}

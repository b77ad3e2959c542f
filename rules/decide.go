package rules

// User decides whether the viewer sees a person, in the global tables or in a
// space's, or may choose him there (Context.Candidate).
func (v *View) User(id ID, ctx Context) Decision {
	if id < 0 || int(id) >= len(v.e.users) {
		return unknown(reasonUnknown)
	}
	if v.suspended != nil {
		return hidden(v.suspended)
	}
	if ctx.Space >= 0 && int(ctx.Space) < len(v.e.spaces) {
		ctx.Space = v.e.spaces[ctx.Space].subject
	} else {
		ctx.Space = NoID
	}
	if v.kind != Internal && v.kind != External {
		return hidden(reasonNobody)
	}
	if ctx.Candidate {
		return v.candidate(id, ctx.Space)
	}
	return v.person(id, ctx.Space)
}

// person is the table for people who are looked at, not chosen; space is NoID
// in the global context.
func (v *View) person(id, space ID) Decision {
	if id == v.self {
		return visible(reasonSelf)
	}
	if v.unrestricted() {
		return visible(reasonUnrestricted)
	}
	u := &v.e.users[id]
	internals := v.kind == Internal && u.bits&bitInternal != 0
	why := v.shares(id, space)
	switch {
	case why != nil:
	case internals:
		why = reasonInternals
	case v.kind != External:
	case v.e.p.Extranet.UsersSee == "shared-space-or-internal" && u.bits&bitInternal != 0 && !v.assigned(id):
		why = reasonOrInternal
	case v.e.p.Extranet.UsersSee == "shared-space-or-unassigned" && u.bits&bitEver == 0:
		why = reasonOrUnassigned
	}
	if why == nil {
		return hidden(reasonNoSharedSpace)
	}
	// Between internals filters are about lists and search, not about bylines.
	if internals && space != NoID {
		return visible(why)
	}
	if f := v.filtered(u, space); f != nil {
		return hidden(f)
	}
	return visible(why)
}

// shares gives the reason why viewer and user belong together: a space or page
// grant that both are assigned to, or the user's assignment to the very space
// in question where the viewer belongs to it too.
func (v *View) shares(id, space ID) *Reason {
	e := v.e
	if e.users[id].bits&bitSuspended != 0 {
		return nil
	}
	for _, a := range e.asg[e.asgStart[id]:e.asgStart[id+1]] {
		if !e.rules[a.rule].live(v.nano) {
			continue
		}
		switch {
		case a.target < 0:
			if v.granted[-1-a.target] > 0 {
				return reasonSharedPage
			}
		case v.member[a.target] > 0:
			return reasonSharedSpace
		case v.kind == Internal && ID(a.target) == space:
			return reasonNamedHere
		}
	}
	return nil
}

// assigned reports a live assignment to any extranet space or page.
func (v *View) assigned(id ID) bool {
	e := v.e
	for _, a := range e.asg[e.asgStart[id]:e.asgStart[id+1]] {
		if e.rules[a.rule].live(v.nano) {
			return true
		}
	}
	return false
}

// filtered gives the filter that hides the user from this viewer.
func (v *View) filtered(u *boundUser, space ID) *Reason {
	n, pair := u.filterGlobal, bitPairGlobal
	if space != NoID {
		n, pair = u.filterSpace, bitPairSpace
	}
	if n >= 0 {
		return v.e.filters[n]
	}
	if v.kind == External && u.bits&bitInternal == 0 && v.self != NoID && v.e.users[v.self].bits&pair != 0 {
		return reasonPairFiltered
	}
	return nil
}

// candidate is the table for mentions, pickers and restrictions in a space.
func (v *View) candidate(id, space ID) Decision {
	if space == NoID {
		return hidden(reasonNoContext)
	}
	e := v.e
	rule := e.spaces[space].rule
	if v.kind == Internal && rule == nil {
		if d := v.person(id, space); d.Verdict != Visible {
			return d
		}
		if e.users[id].bits&bitInactive != 0 {
			return hidden(reasonInactive)
		}
		return visible(reasonWikiPicks)
	}
	if !v.unrestricted() && !v.isMember(space) {
		return hidden(reasonNotMember)
	}
	if v.kind == External && rule != nil && rule.Mentions == "nobody" {
		return hidden(reasonMentionsNobody)
	}
	if e.users[id].bits&(bitInactive|bitSuspended) != 0 {
		return hidden(reasonInactive)
	}
	if id == v.self && v.isMember(space) {
		return visible(reasonSelf)
	}
	for _, a := range e.asg[e.asgStart[id]:e.asgStart[id+1]] {
		if ID(a.target) == space && e.rules[a.rule].live(v.nano) {
			if d := v.person(id, space); d.Verdict != Visible {
				return d
			}
			return Decision{Verdict: Visible, Reason: reasonCandidate}
		}
	}
	return hidden(reasonNoCandidate)
}

// Group decides whether the viewer sees a group.
func (v *View) Group(id ID) Decision {
	if id < 0 || int(id) >= len(v.e.f.Groups()) {
		return unknown(reasonUnknown)
	}
	if v.suspended != nil {
		return hidden(v.suspended)
	}
	if v.unrestricted() {
		return visible(reasonGroupAllowed)
	}
	g := &v.e.f.Groups()[id]
	if v.inGroup(g.Source, g.Name) {
		return visible(reasonGroupMember)
	}
	for _, n := range v.e.groupRules[id] {
		r := &v.e.rules[n]
		if !r.live(v.nano) {
			continue
		}
		if r.target >= 0 && r.target < maxSpaceTarget && v.member[r.target] > 0 || r.target < 0 && v.granted[-1-r.target] > 0 {
			return visible(reasonGroupShared)
		}
	}
	return hidden(reasonGroupHidden)
}

// Space decides whether the viewer really sees a space: its home, tree, lists
// and search. SpaceLabel decides about its name.
func (v *View) Space(id ID) Decision {
	if id < 0 || int(id) >= len(v.e.spaces) {
		return unknown(reasonUnknown)
	}
	if v.suspended != nil {
		return hidden(v.suspended)
	}
	e := v.e
	b := &e.spaces[e.spaces[id].subject]
	if b.filter >= 0 && !v.unrestricted() && !(v.kind == Internal && v.own) {
		return hidden(e.filters[b.filter])
	}
	if v.kind == Internal {
		switch {
		case v.own:
			return visible(reasonWikiSays)
		case b.rule != nil:
			return visible(b.named)
		}
		return hidden(reasonSpaceUnnamed)
	}
	if (b.archived || e.spaces[id].archived) && !e.p.showArchived() {
		return hidden(reasonSpaceArchived)
	}
	if n := v.member[b.subject]; n > 0 {
		return visible(e.rules[n-1].reason)
	}
	if b.open != nil && (v.kind == External || b.rule.OpenTo == "public") {
		return visible(b.open)
	}
	return hidden(reasonSpaceUnshared)
}

// SpaceLabel decides whether the viewer may know a space's key and name: he
// sees the space, or a page of it is shared with him, or what the space holds
// follows its usage.
func (v *View) SpaceLabel(id ID) Decision {
	d := v.Space(id)
	if d.Verdict != Hidden || v.suspended != nil {
		return d
	}
	b := &v.e.spaces[id]
	if (b.archived || v.e.spaces[b.subject].archived) && !v.e.p.showArchived() && v.kind != Internal {
		return d
	}
	switch {
	case v.named[id] && (b.filter < 0 || v.unrestricted()):
		return visible(reasonSpaceLabel)
	case v.e.spaces[b.subject].known && v.seesSomething():
		return visible(reasonSpaceFollow)
	}
	return d
}

// seesSomething reports whether there may be content that the viewer sees.
func (v *View) seesSomething() bool {
	return v.suspended == nil && (v.kind == External || v.kind == Internal || v.e.anyPublic)
}

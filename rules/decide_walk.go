package rules

// What the tables of decide.go ask of assignments, filters, roles and names.

func (u *boundUser) is(bit uint8) bool     { return u.bits&bit != 0 }
func (c *boundContent) is(flag uint8) bool { return c.flags&flag != 0 }

// subjectOf is the space whose rules hold in a space: itself, or what a talk
// space is about; NoID for what is no space.
func (v *View) subjectOf(space ID) ID {
	if space < 0 || int(space) >= len(v.e.spaces) {
		return NoID
	}
	return v.e.spaces[space].subject
}

// assignmentsOf are the rules that cover a user of the directory, live or not.
func (e *Engine) assignmentsOf(id ID) []assignment { return e.asg[e.asgStart[id]:e.asgStart[id+1]] }

// shares gives the reason why viewer and user belong together: a space or page
// grant that both are assigned to, or, for internals, the user's assignment to
// the very space in question. here says that it is that space.
func (v *View) shares(id, space ID) (why *Reason, here bool) {
	e := v.e
	for _, a := range e.assignmentsOf(id) {
		mine := v.held.has(a.target)
		here = a.target >= 0 && ID(a.target) == space
		switch {
		case !mine && !here || !e.live(a.rule, v.nano):
			continue
		case mine && (why == nil || here):
			why = &e.rules[v.held.rule(a.target)].why.shares
		case v.kind == Internal && here:
			why = &e.rules[a.rule].why.named
		default:
			continue
		}
		if here || space == NoID {
			return why, here
		}
	}
	return why, false
}

// assignedTo gives the live rule that assigns the user to a space, or nil.
func (v *View) assignedTo(id, space ID) *Reason {
	for _, a := range v.e.assignmentsOf(id) {
		if r := &v.e.rules[a.rule]; ID(a.target) == space && r.live(v.nano) {
			return &r.why.named
		}
	}
	return nil
}

// filtered gives the filter that hides the user from this viewer. In a space
// where he is not assigned, he must be visible in the global table first.
func (v *View) filtered(u *boundUser, space ID, here bool) *Reason {
	if space != NoID {
		if why := v.filteredBy(u, u.filterSpace, bitPairSpace); why != nil || here {
			return why
		}
	}
	return v.filteredBy(u, u.filterGlobal, bitPairGlobal)
}

// filteredBy is the filter that hides the user, or, between two externals, the
// viewer himself.
func (v *View) filteredBy(u *boundUser, filter int16, pair uint8) *Reason {
	if filter >= 0 {
		return v.e.filters[filter]
	}
	if v.kind == External && !u.is(bitInternal) && v.self != NoID && v.e.users[v.self].is(pair) {
		return reasonPairFiltered
	}
	return nil
}

// sharesGroup gives the live rule that assigns the group to a space or page of
// the viewer's, or nil.
func (v *View) sharesGroup(id ID) *Reason {
	for _, n := range v.e.groupRules[id] {
		r := &v.e.rules[n]
		if r.live(v.nano) && r.target < maxSpaceTarget && v.held.rule(r.target) >= 0 {
			return r.why.group
		}
	}
	return nil
}

// memberRole is the viewer's role in a space by assignment.
func (v *View) memberRole(space ID) Role {
	if space = v.subjectOf(space); space == NoID {
		return NoRole
	}
	return v.ruleRole(v.held.rule(int32(space)))
}

// ruleRole is the role that a rule gives; that of no rule (-1) is none.
func (v *View) ruleRole(rule int32) Role {
	if rule < 0 {
		return NoRole
	}
	return v.e.rules[rule].role
}

// wikiDecides reports that what the viewer may do there is the wiki's to say:
// it knows him, he is internal, and no rule gives him a role in the space.
func (v *View) wikiDecides(space ID) bool {
	return v.kind == Internal && v.own && !v.isMember(space)
}

// roleReason names the rule that gives the viewer his role in a space.
func (v *View) roleReason(space ID, role Role, allows bool) *Reason {
	if v.isMember(space) && v.memberRole(space) == role {
		why := v.e.rules[v.held.rule(int32(v.subjectOf(space)))].why
		if allows {
			return &why.allows
		}
		return &why.lacks
	}
	if allows {
		return reasonRoleAllows
	}
	return reasonRoleLacks
}

// contentRole is the viewer's role on a piece of content: that in its space,
// or that of a page grant, whichever is higher.
func (v *View) contentRole(id ID) Role {
	if id < 0 || int(id) >= len(v.e.contents) {
		return NoRole
	}
	c := &v.e.contents[id]
	role := v.Role(c.space)
	if v.kind == Internal && v.own && c.space != NoID && !c.is(flagCycle) { // seen in any case, but a grant may give more
		_, grant := v.reach(id)
		return max(role, v.ruleRole(grant))
	}
	visits := maxVisits
	if d, grant := v.content(id, walk{visits: &visits}); d.Verdict == Visible {
		role = max(role, v.ruleRole(grant))
	}
	return role
}

// unshared reports that a space is hidden for want of a rule, and for nothing
// else: what is known by other ways than the space may be visible.
func unshared(d Decision) bool {
	return d.Reason == reasonSpaceUnshared || d.Reason == reasonSpaceUnnamed
}

// seesSomething reports whether there may be content that the viewer sees.
func (v *View) seesSomething() bool {
	return v.suspended == nil && (v.kind == External || v.kind == Internal || v.e.anyPublic)
}

// SpaceLabel decides whether the viewer may know a space's key and name: he
// sees the space, or, where nothing but the want of a rule hides it, a page of
// it is shared with him, or what it holds follows its usage.
func (v *View) SpaceLabel(id ID) Decision {
	d := v.Space(id)
	switch {
	case d.Verdict == Visible || !unshared(d):
		return d
	case v.named[id]:
		return visible(reasonSpaceLabel)
	case v.e.spaces[v.e.spaces[id].subject].known && v.seesSomething():
		return visible(reasonSpaceFollow)
	}
	return d
}

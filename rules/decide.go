package rules

// This file is the whole decision about what a viewer sees and may do, in the
// order of the tables: people, candidates, groups, spaces, content, actions.
// Each function is one table, read from the top; the first line that holds
// decides. What the lines ask of the compiled policy, and the walks over trees
// of pages, is in decide_walk.go; URLs and their classes are in admit.go.

// User decides whether the viewer sees a person: in the global context, in a
// space's (bylines, comments, revisions), or as somebody whom he may choose
// there (Context.Candidate).
func (v *View) User(id ID, ctx Context) Decision {
	switch {
	case id < 0 || int(id) >= len(v.e.users):
		return unknown(reasonUnknown)
	case v.suspended != nil:
		return hidden(v.suspended)
	case v.kind != Internal && v.kind != External:
		return hidden(reasonNobody)
	case ctx.Candidate:
		return v.candidate(id, v.subjectOf(ctx.Space))
	}
	return v.person(id, v.subjectOf(ctx.Space))
}

// person is the table of people who are looked at, not chosen; space is NoID in
// the global context. In a space, who is visible in the global table is named,
// and who is assigned to that very space.
func (v *View) person(id, space ID) Decision {
	u := &v.e.users[id]
	colleagues := v.kind == Internal && u.is(bitInternal)
	why, here := v.shares(id, space)
	switch see := v.e.p.Extranet.UsersSee; {
	case id == v.self:
		return visible(reasonSelf)
	case v.unrestricted():
		return visible(reasonUnrestricted)
	case u.is(bitSuspended):
		return hidden(reasonUserSuspended)
	case why != nil:
	case colleagues:
		why = reasonInternals
	case v.kind == External && see == "shared-space-or-internal" && u.is(bitInternal) && !u.is(bitEver): // an end reveals nobody
		why = reasonOrInternal
	case v.kind == External && see == "shared-space-or-unassigned" && !u.is(bitEver) && !u.is(bitUnsure):
		why = reasonOrUnassigned
	default:
		return hidden(reasonNoSharedSpace)
	}
	// Between internals filters are about lists and search, not about bylines.
	if f := v.filtered(u, space, here); f != nil && !(colleagues && space != NoID) {
		return hidden(f)
	}
	return visible(why)
}

// candidate is the table of people who may be chosen in a space: mentions,
// pickers, restrictions. Without a space there are none.
func (v *View) candidate(id, space ID) Decision {
	if space == NoID {
		return hidden(reasonNoContext)
	}
	u, rule := &v.e.users[id], v.e.spaces[space].rule
	here, sees := v.assignedTo(id, space), v.Space(space)
	switch {
	case sees.Verdict != Visible:
		return sees
	case u.is(bitInactive) || u.is(bitSuspended):
		return hidden(reasonInactive)
	case v.unrestricted() && rule == nil:
		return visible(reasonWikiPicks)
	case !v.unrestricted() && !v.isMember(space):
		return hidden(reasonNotMember)
	case v.kind == External && rule != nil && rule.Mentions == "nobody":
		return hidden(reasonMentionsNobody)
	case id == v.self && v.isMember(space):
		return visible(reasonSelf)
	case here == nil:
		return hidden(reasonNoCandidate)
	}
	if d := v.person(id, space); d.Verdict != Visible {
		return d
	}
	// Whom one chooses from is a list: filters hold between internals too.
	if f := v.filtered(u, space, true); f != nil && !v.unrestricted() {
		return hidden(f)
	}
	return visible(here)
}

// assignee decides whom the viewer may make a member of a space
// (managers_assign), apart from whether he manages it.
func (v *View) assignee(id, space ID) Decision {
	d := v.User(id, Context{Space: NoID})
	if d.Verdict == Unknown || v.suspended != nil || v.memberRole(space) < Manager {
		return d
	}
	why, _ := v.shares(id, NoID)
	switch everyone := v.e.p.Extranet.ManagersAssign == "everyone"; {
	case everyone && d.Verdict == Hidden:
		return visible(reasonAssignAll)
	case !everyone && why == nil:
		return hidden(reasonNoSharedSpace)
	}
	return d
}

// Group decides whether the viewer sees a group: its members do, those who
// share a space with it, and unrestricted internals.
func (v *View) Group(id ID) Decision {
	if id < 0 || int(id) >= len(v.e.f.Groups()) {
		return unknown(reasonUnknown)
	}
	g, why := &v.e.f.Groups()[id], v.sharesGroup(id)
	switch {
	case v.suspended != nil:
		return hidden(v.suspended)
	case v.unrestricted():
		return visible(reasonGroupAllowed)
	case v.inGroup(g.Source, g.Name):
		return visible(reasonGroupMember)
	case why != nil:
		return visible(why)
	}
	return hidden(reasonGroupHidden)
}

// Space decides whether the viewer really sees a space: its home, tree, lists
// and search. SpaceLabel decides about its name.
func (v *View) Space(id ID) Decision {
	if id < 0 || int(id) >= len(v.e.spaces) {
		return unknown(reasonUnknown)
	}
	e := v.e
	s := &e.spaces[e.spaces[id].subject]
	switch {
	case v.suspended != nil:
		return hidden(v.suspended)
	case v.kind == Internal && v.own:
		return visible(reasonWikiSays)
	case s.filter >= 0 && !v.unrestricted():
		return hidden(e.filters[s.filter])
	case s.personal && v.User(s.owner, Context{Space: s.subject}).Verdict != Visible:
		return hidden(reasonOwnerHidden)
	case v.kind == Internal && s.rule != nil:
		return visible(s.named)
	case v.kind == Internal:
		return hidden(reasonSpaceUnnamed)
	case (s.archived || e.spaces[id].archived) && !e.p.showArchived():
		return hidden(reasonSpaceArchived)
	case v.held.rule(int32(s.subject)) >= 0:
		return visible(e.rules[v.held.rule(int32(s.subject))].reason)
	case s.open != nil && !s.personal && (v.kind == External || s.rule.OpenTo == "public"):
		return visible(s.open)
	}
	return hidden(reasonSpaceUnshared)
}

// alone decides what can be said of a page, blog post, file, template or
// category without a look at other content; it also gives the rule of the page
// grant that carries the verdict, or -1.
func (v *View) alone(id ID) (Decision, int32) {
	e, c := v.e, &v.e.contents[id]
	switch {
	case v.suspended != nil:
		return hidden(v.suspended), -1
	case v.kind == Internal && v.own:
		return visible(reasonWikiSays), -1
	case c.space == NoID:
		return hidden(reasonUnknown), -1
	case c.is(flagCycle):
		return hidden(reasonParentCycle), -1
	case c.is(flagOrphan) && (!v.own || v.hidesSubtrees(c.space)):
		return hidden(reasonOrphan), -1
	case c.is(flagNotCurrent) || c.is(flagArchived) && v.kind != Internal && !e.p.showArchived():
		return hidden(reasonStatus), -1
	case c.filter >= 0 && !v.unrestricted():
		return hidden(e.filters[c.filter]), -1
	case c.hidden >= 0 && v.kind != Internal:
		return hidden(e.reasons[c.hidden]), -1
	}
	why, grant := v.reach(id) // its space or a page grant; restrictions and hidden subtrees
	switch {
	case why.Verdict != Visible:
		return why, -1
	case c.is(flagTemplate) && v.kind != Internal && max(v.memberRole(c.space), v.ruleRole(grant)) < Writer:
		return hidden(reasonTemplate), -1
	}
	if d := v.followPerson(id); d != nil {
		return hidden(d), -1
	}
	return why, grant
}

// content is alone, and what the other content around it says: the shared kinds
// live in nobody's space and follow what uses them; what a page includes, where
// it redirects and what it talks about must be visible as well.
func (v *View) content(id ID, w walk) (Decision, int32) {
	d, grant := v.alone(id)
	if unshared(d) {
		d = v.follow(id, d, w)
	}
	if d.Verdict == Visible {
		if why := v.hangsOn(id, w); why != nil {
			return hidden(why), -1
		}
	}
	return d, grant
}

// needs is the least role that each action needs. What a user may do on his
// own pages alone needs a manager: the directory knows no authors.
var needs = map[Action]Role{
	"": NoRole, ActView: NoRole, ActSearch: NoRole,
	ActComment: Commenter, ActMention: Commenter,
	ActWrite:    Writer,
	ActRestrict: Manager, ActAssign: Manager,
}

// act is the table of actions, for something that was found visible in a space.
func (v *View) act(a Action, space ID, role Role, d Decision) Decision {
	need, known := needs[a]
	switch {
	case d.Verdict != Visible || known && need == NoRole:
		return d
	case space == NoID && role == NoRole:
		return forbidden(reasonRoleNeeded)
	case known && a != ActAssign && v.wikiDecides(space):
		return visible(reasonWikiSays)
	case !known || role < need || a == ActAssign && v.memberRole(space) < need:
		return forbidden(v.roleReason(space, role, false))
	}
	return visible(v.roleReason(space, role, true))
}

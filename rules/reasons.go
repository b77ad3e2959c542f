package rules

// Reasons that no rule of a file gives. Every decision points at one of these
// or at a reason that Bind made for a rule, so that deciding allocates nothing.
var (
	reasonSuspended      = &Reason{Rule: "suspended", Text: "the viewer is suspended"}
	reasonInactiveViewer = &Reason{Rule: "suspended", Text: "the viewer's account in the wiki is deactivated"}
	reasonUnknown        = &Reason{Rule: "unknown", Text: "the directory does not know it"}
	reasonOutside        = &Reason{Rule: "absent", Text: "the address is of nobody that the wiki knows"}
	reasonAbsent         = &Reason{Rule: "absent", Text: "there is no such thing, in a place that the viewer may see"}
	reasonConflict       = &Reason{Rule: "conflict", Text: "the keys of the reference name different things"}
	reasonNoKey          = &Reason{Rule: "unknown", Text: "the reference carries no key"}
	reasonNoKind         = &Reason{Rule: "unknown", Text: "the reference is of no kind"}
	reasonStale          = &Reason{Rule: "unknown", Text: "the directory knows it under another name than the reference gives"}
	reasonSomeBearer     = &Reason{Rule: "user.display", Text: "somebody who bears this name is hidden"}

	reasonNobody         = &Reason{Rule: "default", Text: "no rule shows people to viewers who are neither internal nor assigned to anything"}
	reasonUnrestricted   = &Reason{Rule: "internal.mode", Text: "internals see everybody (mode unrestricted)"}
	reasonInternals      = &Reason{Rule: "internal.mode", Text: "internals see each other"}
	reasonSelf           = &Reason{Rule: "self", Text: "the viewer himself"}
	reasonUserSuspended  = &Reason{Rule: "suspended", Text: "the user is suspended"}
	reasonNoSharedSpace  = &Reason{Rule: "users_see", Text: "no shared space"}
	reasonOrInternal     = &Reason{Rule: "users_see", Text: "an internal in no extranet space (users_see: shared-space-or-internal)"}
	reasonOrUnassigned   = &Reason{Rule: "users_see", Text: "never assigned to any extranet space (users_see: shared-space-or-unassigned)"}
	reasonPairFiltered   = &Reason{Rule: "filter", Text: "a filter hides the viewer, and so hides this pair of externals from each other"}
	reasonAssignAll      = &Reason{Rule: "managers_assign", Text: "managers may assign everybody (managers_assign: everyone)"}
	reasonNoCandidate    = &Reason{Rule: "candidate", Text: "not assigned to the space"}
	reasonNoContext      = &Reason{Rule: "candidate", Text: "no space is named whose candidates could be meant"}
	reasonNotMember      = &Reason{Rule: "candidate", Text: "the viewer is not assigned to the space"}
	reasonInactive       = &Reason{Rule: "candidate", Text: "the user is deactivated or suspended"}
	reasonMentionsNobody = &Reason{Rule: "space.mentions", Text: "partners may mention nobody in the space (mentions: nobody)"}
	reasonWikiPicks      = &Reason{Rule: "candidate", Text: "outside of the extranet the wiki says who may be chosen"}

	reasonGroupMember  = &Reason{Rule: "group.member", Text: "the viewer is a member of the group"}
	reasonGroupHidden  = &Reason{Rule: "default", Text: "the viewer is no member of the group and shares no space with it"}
	reasonGroupAllowed = &Reason{Rule: "internal.mode", Text: "internals see every group (mode unrestricted)"}

	reasonWikiSays      = &Reason{Rule: "internal", Text: "internals see what the wiki shows them"}
	reasonSpaceUnshared = &Reason{Rule: "default", Text: "the space is not shared with the viewer"}
	reasonSpaceUnnamed  = &Reason{Rule: "service", Text: "no rule names the space, and the viewer reaches the wiki through a shared account"}
	reasonSpaceArchived = &Reason{Rule: "extranet.archived", Text: "the space is archived"}
	reasonSpaceLabel    = &Reason{Rule: "page", Text: "the name alone: a page of the space is shared with the viewer"}
	reasonSpaceFollow   = &Reason{Rule: "follow", Text: "the name alone: what the space holds follows its usage"}
	reasonTitleAsked    = &Reason{Rule: "asked", Text: "the special page that the request asks for"}
	reasonTitleClass    = &Reason{Rule: "class", Text: "a class that a visible title shares"}
	reasonStatus        = &Reason{Rule: "status", Text: "not current: archived, trashed, a draft or an old version"}
	reasonRestricted    = &Reason{Rule: "restricted", Text: "the wiki restricts it, or a page above it, to others"}
	reasonUntold        = &Reason{Rule: "unknown", Text: "the directory does not know whom the wiki restricts it, or a page above it, to"}
	reasonTemplate      = &Reason{Rule: "template", Text: "page templates of a space need the role user"}
	reasonOrphan        = &Reason{Rule: "unknown", Text: "the directory does not know the pages above it, nor whom those are restricted to"}
	reasonParentCycle   = &Reason{Rule: "unknown", Text: "the pages above it form a circle"}
	reasonRedirect      = &Reason{Rule: "redirect", Text: "what it redirects to is hidden or unknown"}
	reasonIncludes      = &Reason{Rule: "includes", Text: "it includes something hidden or unknown"}
	reasonFollowDeny    = &Reason{Rule: "follow", Text: "pages of this space are never shown (follow: deny)"}
	reasonFollowUsed    = &Reason{Rule: "follow", Text: "something visible uses it (follow: usage)"}
	reasonFollowMember  = &Reason{Rule: "follow", Text: "it has a visible member (follow: members)"}
	reasonFollowUnused  = &Reason{Rule: "follow", Text: "nothing visible uses it"}
	reasonFollowPerson  = &Reason{Rule: "follow", Text: "the person whose page it is is hidden (follow: user)"}
	reasonOwnerHidden   = &Reason{Rule: "personal", Text: "the owner of the personal space is hidden"}
	reasonTalkSubject   = &Reason{Rule: "talk", Text: "it follows its subject page, which is hidden"}

	reasonUnrouted     = &Reason{Rule: "route.none", Text: "no route of the profile names this request"}
	reasonClassClosed  = &Reason{Rule: "class", Text: "this class of URL is closed to the viewer"}
	reasonClassUnnamed = &Reason{Rule: "class", Text: "the route is of no known class"}
	reasonAdmitted     = &Reason{Rule: "class", Text: "the class of URL is open to the viewer, and all that it names is visible"}
	reasonDisagree     = &Reason{Rule: "agree", Text: "the parameters name different pages"}
	reasonProfileDeny  = &Reason{Rule: "route.deny", Text: "the profile denies this request although its route matches"}

	reasonRoleAllows    = &Reason{Rule: "role", Text: "the viewer's role allows it"}
	reasonRoleLacks     = &Reason{Rule: "role", Text: "the viewer's role does not allow it"}
	reasonRoleNeeded    = &Reason{Rule: "role", Text: "the action needs a role in a space, and none is named"}
	reasonWriteClosed   = &Reason{Rule: "write.closed", Text: "the profile does not say what this write may carry"}
	reasonWriteIdentity = &Reason{Rule: "write.identity", Text: "the wiki does not know this viewer, so nothing is written for him"}
	reasonWriteApart    = &Reason{Rule: "write.apart", Text: "what is written to is in several spaces"}
	reasonBodyUnread    = &Reason{Rule: "body.unread", Text: "the body is none that the route takes"}
	reasonBodyMarkup    = &Reason{Rule: "body.markup", Text: "the source in the body can't be read in one way only"}
	reasonBodyMacro     = &Reason{Rule: "body.macro", Text: "the source calls a macro, function or parameter that the profile does not name"}
	reasonBodyVisible   = &Reason{Rule: "body", Text: "all that the body names is visible"}
)

func hidden(r *Reason) Decision    { return Decision{Verdict: Hidden, Reason: r} }
func visible(r *Reason) Decision   { return Decision{Verdict: Visible, Reason: r} }
func forbidden(r *Reason) Decision { return Decision{Verdict: Forbidden, Reason: r} }
func unknown(r *Reason) Decision   { return Decision{Verdict: Unknown, Reason: r} }

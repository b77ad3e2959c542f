package rules

import "slices"

// Bounds on the search behind one verdict over what includes or uses it.
const (
	maxFollow = 6
	maxVisits = 20_000
)

// Content decides whether the viewer sees a page, blog post, file, template or
// category. Comments, attachments and old versions are aliases of these.
func (v *View) Content(id ID) Decision {
	if id < 0 || int(id) >= len(v.e.contents) {
		return unknown(reasonUnknown)
	}
	if !v.searches(id) {
		d, _ := v.content(id, nil, 0)
		return d
	}
	if d, ok := v.memo.Load(id); ok {
		return d.(Decision)
	}
	visits := maxVisits
	d, _ := v.content(id, &visits, 0)
	v.memo.Store(id, d)
	return d
}

// searches reports whether deciding needs to look at other content.
func (v *View) searches(id ID) bool {
	c := &v.e.contents[id]
	return c.flags&(flagIncludes|flagRedirect) != 0 || c.subject != NoID || c.space != NoID && v.e.spaces[v.e.spaces[c.space].subject].follow != ""
}

// content is Content with a bound on visits and depth; it also gives the rule
// of the page grant that carries the verdict, or -1.
func (v *View) content(id ID, visits *int, depth int) (Decision, int32) {
	e := v.e
	c := &e.contents[id]
	if v.suspended != nil {
		return hidden(v.suspended), -1
	}
	if c.space == NoID {
		return hidden(reasonUnknown), -1
	}
	if v.kind == Internal && v.own {
		return visible(reasonWikiSays), -1
	}
	switch {
	case c.flags&flagCycle != 0:
		return hidden(reasonParentCycle), -1
	case c.flags&flagOrphan != 0 && v.kind != Internal && v.hidesSubtrees(c.space):
		return hidden(reasonOrphan), -1
	case c.flags&flagNotCurrent != 0:
		return hidden(reasonStatus), -1
	case c.flags&flagArchived != 0 && !e.p.showArchived() && v.kind != Internal:
		return hidden(reasonStatus), -1
	case c.hidden >= 0 && v.kind != Internal:
		return hidden(e.reasons[c.hidden]), -1
	}
	why, grant := v.reach(id)
	if why.Verdict != Visible && grant < 0 {
		followed := v.follow(id, why, visits, depth)
		if followed.Verdict != Visible {
			return followed, -1
		}
		why = followed
	} else if d := v.followPerson(id); d != nil {
		return hidden(d), -1
	}
	if s := &e.spaces[c.space]; s.personal && s.owner != NoID && v.User(s.owner, Context{Space: c.space}).Verdict != Visible {
		return hidden(reasonOwnerHidden), -1
	}
	if c.subject != NoID {
		if d := v.other(c.subject, visits, depth); d.Verdict != Visible {
			return hidden(reasonTalkSubject), -1
		}
	}
	if c.flags&(flagIncludes|flagRedirect) != 0 {
		if d := v.dependencies(id, visits, depth); d != nil {
			return hidden(d), -1
		}
	}
	return why, grant
}

// hidesSubtrees reports whether the space's rule hides any subtree, so that a
// page of unknown ancestors may be in it.
func (v *View) hidesSubtrees(space ID) bool {
	r := v.e.spaces[v.e.spaces[space].subject].rule
	return r != nil && len(r.Hide.Subtrees) > 0
}

// reach walks from the page up to its space: restrictions on the way hide it,
// a page grant carries it, a hidden subtree keeps it from what is above. A
// grant wins over a hidden subtree for the granted page alone; nothing wins
// over a restriction.
func (v *View) reach(id ID) (Decision, int32) {
	e := v.e
	c := &e.contents[id]
	grant, cut := int32(-1), (*Reason)(nil)
	for at := c.anchor; at != NoID; {
		a := e.anchors[at]
		if a.restr != nil && !v.own && !v.namedBy(a.restr) {
			return hidden(reasonRestricted), -1
		}
		if cut == nil && grant < 0 {
			for _, g := range a.grants {
				if n := v.granted[g]; n > 0 && (at == id || e.grants[g].subtree) && (grant < 0 || e.rules[grant].role < e.rules[n-1].role) {
					grant = n - 1
				}
			}
		}
		if a.subtree != nil && cut == nil && v.kind != Internal {
			cut = a.subtree
		}
		if at = e.contents[at].parent; at != NoID {
			at = e.contents[at].anchor
		}
	}
	space := v.Space(c.space)
	switch {
	case cut == nil && space.Verdict == Visible:
		return space, grant
	case grant >= 0 && v.SpaceLabel(c.space).Verdict == Visible:
		return visible(e.rules[grant].reason), grant
	case cut != nil:
		return hidden(cut), -1
	}
	return space, -1
}

// namedBy reports whether a restriction names the viewer's linked wiki user.
func (v *View) namedBy(r *Restriction) bool {
	if v.linked == NoID {
		return false
	}
	name := v.e.f.Users()[v.linked].Username
	return slices.Contains(r.Users, name) || slices.ContainsFunc(r.Groups, func(g string) bool { return v.wiki[v.e.wikiGroup(g)] })
}

// follow decides the shared kinds that live in nobody's space, after their own
// space turned out not to be shared.
func (v *View) follow(id ID, own Decision, visits *int, depth int) Decision {
	e := v.e
	c := &e.contents[id]
	s := &e.spaces[e.spaces[c.space].subject]
	if e.spaces[c.space].subject != c.space {
		// A talk page of a shared kind goes where its subject goes.
		if c.subject == NoID || s.follow == "" {
			return own
		}
		if d := v.other(c.subject, visits, depth); d.Verdict != Visible {
			return hidden(reasonTalkSubject)
		}
		return visible(reasonFollowUsed)
	}
	why := reasonFollowUsed
	switch s.follow {
	case "usage":
	case "members":
		why = reasonFollowMember
	case "deny":
		return hidden(reasonFollowDeny)
	default:
		return own
	}
	if own.Reason != reasonSpaceUnshared && own.Reason != reasonSpaceUnnamed || !v.seesSomething() {
		return own // hidden for a reason of its own
	}
	if visits == nil || depth >= maxFollow {
		return hidden(reasonFollowUnused)
	}
	for _, by := range e.usedBy[id] {
		if *visits--; *visits < 0 {
			break
		}
		if by != id && v.other(by, visits, depth).Verdict == Visible {
			return visible(why)
		}
	}
	return hidden(reasonFollowUnused)
}

// followPerson hides a page that belongs to a person (follow: user) who is
// hidden.
func (v *View) followPerson(id ID) *Reason {
	e := v.e
	c := &e.contents[id]
	s := e.spaces[c.space].subject
	switch e.spaces[s].follow {
	case "deny":
		return reasonFollowDeny
	case "user":
		if u, ok := e.f.FindUser(UserName, firstSegment(e.f.Contents()[id].Title)); ok && v.User(u, Context{Space: s}).Verdict == Visible {
			return nil
		}
		return reasonFollowPerson
	}
	return nil
}

func firstSegment(title string) string {
	for i := range len(title) {
		if title[i] == '/' {
			return title[:i]
		}
	}
	return title
}

// dependencies gives the reason why something that the page shows, or leads
// to, hides it. What is of a shared kind is not counted: it follows the page.
func (v *View) dependencies(id ID, visits *int, depth int) *Reason {
	e := v.e
	rec := &e.f.Contents()[id]
	if rec.Redirect != "" {
		to, ok := e.f.FindContent(ContentID, rec.Redirect, NoID)
		if !ok || to == id || v.other(to, visits, depth).Verdict != Visible {
			return reasonRedirect
		}
	}
	for _, inc := range rec.Includes {
		to, ok := e.f.FindContent(ContentID, inc, NoID)
		if !ok {
			return reasonIncludes
		}
		if s := e.contents[to].space; to == id || s != NoID && e.spaces[s].follow != "" {
			continue
		}
		if v.other(to, visits, depth).Verdict != Visible {
			return reasonIncludes
		}
	}
	return nil
}

// other decides content that this verdict hangs on; out of bounds is hidden.
func (v *View) other(id ID, visits *int, depth int) Decision {
	if visits == nil {
		n := maxVisits
		visits = &n
	}
	if *visits--; *visits < 0 || depth >= maxFollow {
		return hidden(reasonIncludes)
	}
	if v.searches(id) {
		if d, ok := v.memo.Load(id); ok {
			return d.(Decision)
		}
	}
	d, _ := v.content(id, visits, depth+1)
	return d
}

// contentRole is the viewer's role on a piece of content: that in its space,
// or that of a page grant, whichever is higher.
func (v *View) contentRole(id ID) Role {
	if id < 0 || int(id) >= len(v.e.contents) {
		return NoRole
	}
	role := v.Role(v.e.contents[id].space)
	visits := maxVisits
	if d, grant := v.content(id, &visits, 0); d.Verdict == Visible && grant >= 0 {
		role = max(role, v.e.rules[grant].role)
	}
	return role
}

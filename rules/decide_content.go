package rules

import (
	"iter"
	"slices"
)

// The walks behind a verdict on content: over the pages above it, what it
// includes and redirects to, and what uses it.

// hidesSubtrees reports whether the space's rule hides any subtree, so that a
// page of unknown ancestors may be in it.
func (v *View) hidesSubtrees(space ID) bool {
	r := v.e.spaces[v.e.spaces[space].subject].rule
	return r != nil && len(r.Hide.Subtrees) > 0
}

// reach walks from the page up to its space: a restriction on the way hides it,
// a page grant carries it, a hidden subtree keeps it from what is above. A
// grant wins over hidden subtrees for the granted page alone; nothing wins over
// a restriction.
func (v *View) reach(id ID) (Decision, int32) {
	e := v.e
	c := &e.contents[id]
	direct, above, cut := int32(-1), int32(-1), (*Reason)(nil)
	for at := c.anchor; at >= 0; {
		a := &e.anchors[at]
		if a.restr != nil && !v.own && !v.namedBy(a) {
			if a.restr.Unknown {
				return hidden(reasonUntold), -1
			}
			return hidden(reasonRestricted), -1
		}
		for _, g := range a.grants {
			switch n := v.held.rule(grantTarget(int(g))); {
			case n < 0:
			case a.page == id:
				direct = v.higher(direct, n)
			case e.grants[g].subtree:
				above = v.higher(above, n)
			}
		}
		if a.subtree != nil && cut == nil && v.kind != Internal {
			cut = a.subtree
		}
		at = a.above
	}
	grant := direct
	if cut == nil {
		grant = v.higher(grant, above)
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

// higher is the rule of the two that gives the higher role.
func (v *View) higher(a, b int32) int32 {
	if v.ruleRole(b) > v.ruleRole(a) {
		return b
	}
	return a
}

// namedBy reports whether a restriction names the viewer's linked wiki user.
func (v *View) namedBy(a *anchor) bool {
	return v.linked != NoID && (slices.Contains(a.users, v.linked) ||
		slices.ContainsFunc(a.restr.Groups, func(g string) bool { return v.wiki[v.e.wikiGroup(g)] }))
}

// Bounds on the search behind one verdict over what includes or uses it.
const (
	maxFollow = 6
	maxVisits = 20_000
)

// walk bounds the search behind one verdict.
type walk struct {
	visits *int // left
	depth  int
}

// Content decides whether the viewer sees a page, blog post, file, template or
// category. Comments, attachments and old versions are aliases of these.
func (v *View) Content(id ID) Decision {
	if id < 0 || int(id) >= len(v.e.contents) {
		return unknown(reasonUnknown)
	}
	if !v.searches(id) {
		d, _ := v.alone(id)
		return d
	}
	if d, ok := v.memo.Load(id); ok {
		return d.(Decision)
	}
	visits := maxVisits
	d, _ := v.content(id, walk{visits: &visits})
	v.memo.Store(id, d)
	return d
}

// searches reports whether deciding needs to look at other content.
func (v *View) searches(id ID) bool {
	c := &v.e.contents[id]
	return c.is(flagIncludes|flagRedirect) || c.subject != NoID || c.space != NoID && v.e.spaces[v.e.spaces[c.space].subject].follow != ""
}

// other decides content that this verdict hangs on; out of bounds is hidden.
func (v *View) other(id ID, w walk) Decision {
	if *w.visits--; *w.visits < 0 || w.depth >= maxFollow {
		return hidden(reasonIncludes)
	}
	if d, ok := v.memo.Load(id); ok {
		return d.(Decision)
	}
	w.depth++
	d, _ := v.content(id, w)
	return d
}

// followKind is how content follows others once its own space is not shared:
// usage or members, talk for the talk page of such; empty: not at all.
func (v *View) followKind(id ID) string {
	c := &v.e.contents[id]
	if c.space == NoID {
		return ""
	}
	subject := v.e.spaces[c.space].subject
	switch how := v.e.spaces[subject].follow; {
	case how != "usage" && how != "members":
		return ""
	case subject != c.space && c.subject == NoID:
		return ""
	case subject != c.space:
		return "talk"
	default:
		return how
	}
}

// follow decides the shared kinds, after their own space turned out not to be
// shared: visible is what something visible uses, perhaps by way of others of
// these kinds, and the talk page of such.
func (v *View) follow(id ID, own Decision, w walk) Decision {
	e := v.e
	kind := v.followKind(id)
	switch {
	case e.spaces[e.spaces[e.contents[id].space].subject].follow == "deny":
		return hidden(reasonFollowDeny)
	case kind == "" || !v.seesSomething():
		return own
	}
	seen, todo := map[ID]bool{id: true}, []ID{id}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		users := e.usedBy[at]
		if s := e.contents[at].subject; s != NoID {
			users = []ID{s}
		}
		for _, by := range users {
			if *w.visits--; *w.visits < 0 {
				return hidden(reasonFollowUnused)
			}
			if seen[by] {
				continue
			}
			seen[by] = true
			if v.followKind(by) != "" {
				if d, _ := v.alone(by); unshared(d) {
					if v.hangsOn(by, w) == nil {
						todo = append(todo, by)
					}
					continue
				}
			}
			if v.other(by, w).Verdict == Visible {
				if kind == "members" {
					return visible(reasonFollowMember)
				}
				return visible(reasonFollowUsed)
			}
		}
	}
	if kind == "talk" {
		return hidden(reasonTalkSubject)
	}
	return hidden(reasonFollowUnused)
}

// followPerson gives the reason that hides a page of a person (follow: user)
// who is hidden, and what is never shown (follow: deny).
func (v *View) followPerson(id ID) *Reason {
	e := v.e
	s := e.spaces[e.contents[id].space].subject
	switch e.spaces[s].follow {
	case "deny":
		return reasonFollowDeny
	case "user":
		u, ok := e.f.FindUser(UserName, firstSegment(e.f.Contents()[id].Title))
		if !ok || v.User(u, Context{Space: s}).Verdict != Visible {
			return reasonFollowPerson
		}
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

// hangsOn gives the reason why something that the content shows, leads to or
// talks about, directly or by way of others, hides it. What is included of a
// shared kind is not counted: it follows the page.
func (v *View) hangsOn(id ID, w walk) *Reason {
	if !v.searches(id) || v.kind == Internal && v.own {
		return nil
	}
	seen, todo := map[ID]bool{id: true}, []ID{id}
	for len(todo) > 0 {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for to, why := range v.links(at) {
			if to == NoID {
				return why
			}
			if seen[to] {
				continue
			}
			if *w.visits--; *w.visits < 0 || w.depth >= maxFollow {
				return why
			}
			seen[to] = true
			d, _ := v.alone(to)
			if unshared(d) && v.followKind(to) != "" {
				d = v.follow(to, d, walk{w.visits, w.depth + 1})
			}
			if d.Verdict != Visible {
				return why
			}
			todo = append(todo, to)
		}
	}
	return nil
}

// links gives what content shows, leads to and talks about, with the reason why
// it is hidden if that is; NoID where it is not known.
func (v *View) links(id ID) iter.Seq2[ID, *Reason] {
	return func(yield func(ID, *Reason) bool) {
		e := v.e
		c, rec := &e.contents[id], &e.f.Contents()[id]
		if c.subject != NoID && !yield(c.subject, reasonTalkSubject) {
			return
		}
		if rec.Redirect != "" {
			to, ok := e.f.FindContent(ContentID, rec.Redirect, NoID)
			if !ok {
				to = NoID
			}
			if !yield(to, reasonRedirect) {
				return
			}
		}
		for _, inc := range rec.Includes {
			to, ok := e.f.FindContent(ContentID, inc, NoID)
			if !ok {
				to = NoID
			} else if s := e.contents[to].space; s != NoID && e.spaces[s].follow != "" {
				continue
			}
			if !yield(to, reasonIncludes) {
				return
			}
		}
	}
}

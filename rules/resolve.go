package rules

import (
	"slices"
	"strings"
)

// Resolve finds the one entity that all keys of a reference name. It fails
// where none resolves, where they disagree, and for names that several bear.
func (v *View) Resolve(ref Ref) (ID, bool) {
	r := v.resolve(&ref, Context{Space: NoID})
	return r.id, r.id != NoID && r.doubt == nil
}

// resolution is what the keys of a reference come to.
type resolution struct {
	id ID
	// doubt is set where the keys don't agree, or where one of them names
	// something that the entity, as the directory knows it, is not.
	doubt   *Reason
	verdict Verdict // with doubt: Hidden or Unknown
}

func (r *resolution) conflict() { r.doubt, r.verdict = reasonConflict, Hidden }
func (r *resolution) stale()    { r.doubt, r.verdict = reasonStale, Unknown }

func (v *View) resolve(ref *Ref, ctx Context) resolution {
	r := resolution{id: NoID}
	for i := range ref.Keys {
		k := &ref.Keys[i]
		if k.Attr.Kind() != ref.Kind {
			r.conflict()
			return r
		}
		if k.Attr == UserDisplay {
			continue
		}
		id, ok := v.find(k, ctx)
		if !ok {
			continue
		}
		if r.id != NoID && r.id != id {
			r.conflict()
			return r
		}
		r.id = id
	}
	if r.id == NoID || len(ref.Keys) == 1 {
		return r
	}
	for i := range ref.Keys {
		if k := &ref.Keys[i]; k.Attr == UserDisplay || !v.finds(k, ctx, r.id) {
			v.doubt(k, ctx, &r)
			if r.verdict == Hidden && r.doubt != nil {
				return r
			}
		}
	}
	return r
}

func (v *View) finds(k *Key, ctx Context, id ID) bool {
	got, ok := v.find(k, ctx)
	return ok && got == id
}

// find resolves one key.
func (v *View) find(k *Key, ctx Context) (ID, bool) {
	f := v.e.f
	if k.Value == "" {
		return NoID, false
	}
	switch k.Attr.Kind() {
	case User:
		return f.FindUser(k.Attr, k.Value)
	case Group:
		return f.FindGroup(wikiSource, k.Value)
	case Space:
		return f.FindSpace(k.Attr, k.Value)
	case Content:
		if k.Attr != ContentTitle {
			return f.FindContent(k.Attr, k.Value, NoID)
		}
		title, space, ok := v.titleOf(k, ctx)
		if !ok {
			return NoID, false
		}
		return f.FindContent(ContentTitle, title, space)
	}
	return NoID, false
}

// titleOf splits a title key into the title proper and its space.
func (v *View) titleOf(k *Key, ctx Context) (title string, space ID, ok bool) {
	key := *k
	if p := v.e.p.Profile; key.Space == "" && p != nil && p.Titles != nil {
		if key, ok = p.TitleKey(v.e.f, k.Value); !ok {
			return "", NoID, false
		}
	}
	if key.Space == "" {
		return key.Value, ctx.Space, ctx.Space != NoID
	}
	space, ok = v.e.f.FindSpaceByAnyName(key.Space)
	return key.Value, space, ok
}

// doubt weighs a key that does not resolve, beside others that do. What the
// directory holds no value for can't contradict it, save an account id; what it
// holds another value for is out of date or a trick, and unknown until looked
// up.
func (v *View) doubt(k *Key, ctx Context, r *resolution) {
	f := v.e.f
	have := ""
	switch k.Attr {
	case UserName:
		have = f.Users()[r.id].Username
	case UserKey:
		have = f.Users()[r.id].Key
	case UserAccountID:
		// Where a wiki has these, they are what it knows people by: one that
		// the directory knows nobody by may be anybody's.
		if k.Value != "" {
			r.stale()
		}
		return
	case UserEmail:
		have = f.Users()[r.id].Email
	case UserDisplay:
		if bearers := f.FindUsersByDisplay(k.Value); len(bearers) > 0 && !slices.Contains(bearers, r.id) {
			r.conflict()
		}
		return
	case GroupName:
		have = f.Groups()[r.id].Name
	case SpaceKey:
		have = f.Spaces()[r.id].Key
	case SpaceID:
		have = f.Spaces()[r.id].ID
	case SpaceName:
		have = f.Spaces()[r.id].Name
	case ContentTitle:
		// A page that was moved or renamed, or a comment with a title of its
		// own: the place that the answer names must be visible as well.
		title, space, ok := v.titleOf(k, ctx)
		if !ok {
			if k.Space != "" {
				r.stale()
			}
			return
		}
		if d := v.SpaceLabel(space); d.Verdict != Visible || v.hidesTitle(title, space) != nil {
			r.conflict()
		}
		return
	case ContentID:
		r.stale()
		return
	}
	if have != "" && k.Value != "" {
		r.stale()
	}
}

// Entity resolves a reference and judges it. Keys that disagree are Hidden;
// where none resolves it is Unknown, save that a title in a hidden space or
// under a hidden pattern is Hidden whether or not there is such a page. A
// display name alone is hidden if anybody who bears it is. In the context of a
// space, that space's own name is visible to those who see a page of it.
func (v *View) Entity(ref Ref, ctx Context) Decision {
	return v.entity(&ref, ctx, ref.Kind == Space)
}

func (v *View) entity(ref *Ref, ctx Context, label bool) Decision {
	if v.suspended != nil {
		return hidden(v.suspended)
	}
	if ref.Kind == NoEntity || ref.Kind > Content {
		return unknown(reasonNoKind)
	}
	if len(ref.Keys) == 0 {
		return unknown(reasonNoKey)
	}
	r := v.resolve(ref, ctx)
	if r.id == NoID && r.doubt == nil {
		return v.unresolved(ref, ctx)
	}
	if r.id == NoID {
		return Decision{Verdict: r.verdict, Reason: r.doubt}
	}
	d := v.byID(ref.Kind, r.id, ctx, label)
	if r.doubt != nil && d.Verdict == Visible {
		return Decision{Verdict: r.verdict, Reason: r.doubt}
	}
	return d
}

func (v *View) byID(kind EntityKind, id ID, ctx Context, label bool) Decision {
	switch kind {
	case User:
		return v.User(id, ctx)
	case Group:
		return v.Group(id)
	case Space:
		if label && (ctx.Space == id || v.e.spaces[v.e.spaces[id].subject].known) {
			return v.SpaceLabel(id)
		}
		return v.Space(id)
	case Content:
		return v.Content(id)
	}
	return unknown(reasonNoKind)
}

// unresolved judges a reference of which no key resolves.
func (v *View) unresolved(ref *Ref, ctx Context) Decision {
	for i := range ref.Keys {
		switch k := &ref.Keys[i]; k.Attr {
		case UserDisplay:
			return v.display(k.Value, ctx)
		case UserEmail:
			if len(ref.Keys) == 1 && v.e.outside(k.Value) {
				return Decision{Verdict: Unknown, Reason: reasonOutside, Absent: true}
			}
		case ContentTitle:
			if len(ref.Keys) == 1 {
				return v.title(k, ctx)
			}
			if d := v.title(k, ctx); d.Verdict == Hidden {
				return d
			}
		}
	}
	return unknown(reasonUnknown)
}

// outside reports whether an e-mail address that no user bears is nobody's of
// the wiki: the directory knows the address of every user, and the domain is
// none that the policy trusts a provider for.
func (e *Engine) outside(address string) bool {
	domain, ok := emailDomain(address)
	if !ok || !e.allMail {
		return false
	}
	for _, pr := range e.p.Providers {
		for _, d := range pr.Domains {
			if strings.EqualFold(strings.TrimSpace(d), domain) {
				return false
			}
		}
	}
	return true
}

// display judges a full name, which several people may bear.
func (v *View) display(name string, ctx Context) Decision {
	bearers := v.e.f.FindUsersByDisplay(name)
	if len(bearers) == 0 {
		return unknown(reasonUnknown)
	}
	var last Decision
	for _, id := range bearers {
		d := v.User(id, ctx)
		if d.Verdict != Visible {
			if len(bearers) > 1 {
				return hidden(reasonSomeBearer)
			}
			return d
		}
		last = d
	}
	return last
}

// title judges a title that names no page of the directory.
func (v *View) title(k *Key, ctx Context) Decision {
	title, space, ok := v.titleOf(k, ctx)
	if !ok {
		return unknown(reasonUnknown)
	}
	if d := v.Space(space); d.Verdict != Visible && !v.bears(title, space, d) {
		return d
	}
	if why := v.hidesTitle(title, space); why != nil {
		return hidden(why)
	}
	if v.e.f.Absent(ContentTitle, title, space) {
		return Decision{Verdict: Unknown, Reason: reasonAbsent, Absent: true}
	}
	return unknown(reasonUnknown)
}

// maxBearers bounds how many pieces of content are asked whether they show a
// label.
const maxBearers = 64

// bears reports whether a title is a label, in a space whose pages stand for
// labels and follow who bears them, that something visible bears: it is shown
// there, whether or not it has a page.
func (v *View) bears(title string, space ID, own Decision) bool {
	e := v.e
	if e.spaces[space].follow != "members" || own.Reason != reasonSpaceUnshared && own.Reason != reasonSpaceUnnamed {
		return false
	}
	for i, id := range e.labelled[title] {
		if i == maxBearers {
			break
		}
		if v.Content(id).Verdict == Visible {
			return true
		}
	}
	return false
}

// hidesTitle gives the pattern or kind of space that hides any page of this
// title, existing or not.
func (v *View) hidesTitle(title string, space ID) *Reason {
	if v.kind == Internal {
		return nil
	}
	b := &v.e.spaces[v.e.spaces[space].subject]
	if b.titles.match(title) {
		return b.hide[hideTitle]
	}
	switch b.follow {
	case "deny":
		return reasonFollowDeny
	case "user":
		if u, ok := v.e.f.FindUser(UserName, firstSegment(strings.TrimSpace(title))); !ok || v.User(u, Context{Space: b.subject}).Verdict != Visible {
			return reasonFollowPerson
		}
	}
	return nil
}

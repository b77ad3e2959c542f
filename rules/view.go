package rules

import (
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// View is one viewer's answer machine over one policy, one generation of facts
// and one moment. It is safe for use by many goroutines, and good until
// Expires.
type View struct {
	e         *Engine
	viewer    Viewer
	now       time.Time
	nano      int64
	salt      uint64 // by which what is remembered of its links is told from others'
	kind      ViewerKind
	suspended *Reason
	own       bool // the wiki knows who looks
	linked    ID   // his wiki user by sign-in's link
	self      ID   // his wiki user in any way: linked, by identity, by trusted e-mail

	held   held        // what is assigned to him, by which rules
	named  map[ID]bool // spaces known by name through a page grant
	groups map[string]bool
	wiki   map[string]bool // wiki groups of the linked user, outer ones too

	// memo keeps verdicts that took a search: content that includes others,
	// and shared kinds. Bounded by the content there is.
	memo sync.Map // ID -> Decision

	spaces struct {
		once    sync.Once
		visible []ID
	}
	texts struct {
		once sync.Once
		of   map[string]string
	}
}

// NewView binds the policy and makes one view, for commands and tests. What
// serves binds once a generation.
func NewView(p *Policy, f Facts, v Viewer, now time.Time) (*View, error) {
	e, err := Bind(p, f, Options{})
	if err != nil {
		return nil, err
	}
	return e.View(v, now), nil
}

// View makes the viewer's view at a moment.
func (e *Engine) View(who Viewer, now time.Time) *View {
	v := &View{e: e, viewer: who, now: now, nano: unixNano(now), salt: e.links.salt(), linked: NoID, self: NoID}
	if who.Anonymous {
		v.viewer = Viewer{Anonymous: true}
		v.kind = Anonymous
		v.own = e.identity[Anonymous].Own()
		return v
	}
	v.link()
	v.kind = None
	internal, live := false, []int32(nil)
	for _, n := range e.rulesOfViewer(&v.viewer, v.linked) {
		r := &e.rules[n]
		switch t := r.target; {
		case t == targetSuspended:
			v.suspended = r.reason
		case t == targetInternal:
			internal = true
		case !r.live(v.nano):
		default:
			live = append(live, n)
		}
	}
	if v.self != NoID && e.users[v.self].bits&bitSuspended != 0 && v.suspended == nil {
		v.suspended = reasonSuspended
	}
	if v.linked != NoID && e.users[v.linked].bits&bitInactive != 0 {
		v.suspended = reasonInactiveViewer // G23: he can't sign in
	}
	switch {
	case v.suspended != nil:
		live = nil
	case internal:
		v.kind = Internal
	case len(live) > 0:
		v.kind = External
	}
	v.held = e.hold(live)
	v.own = e.identity[v.kind].Own()
	for _, t := range v.held.targets() {
		if t >= 0 || e.grants[-1-t].page == NoID {
			continue
		}
		if s := e.contents[e.grants[-1-t].page].space; s != NoID {
			if v.named == nil {
				v.named = map[ID]bool{}
			}
			v.named[s] = true
		}
	}
	return v
}

// link finds the viewer's wiki user. Only the link that sign-in made lets wiki
// groups and names count for him; the other ways only say who is "himself".
func (v *View) link() {
	e, who := v.e, &v.viewer
	if who.WikiUser != "" {
		if id, ok := e.f.FindUser(UserName, who.WikiUser); ok {
			v.linked, v.self = id, id
			v.wiki = map[string]bool{}
			for _, g := range e.f.Users()[id].Groups {
				for name := range closure(e.wikiGroup(g), e.outer) {
					v.wiki[name] = true
				}
			}
		}
	}
	if len(who.Groups) > 0 {
		v.groups = make(map[string]bool, len(who.Groups))
		for _, g := range who.Groups {
			v.groups[g] = true
		}
	}
	if v.self != NoID || who.WikiUser != "" {
		return
	}
	if who.Provider != "" && who.Subject != "" {
		if id, _ := e.subs.bearer(e.f, who.Provider, who.Subject); id != NoID {
			v.self = id
			return
		}
	}
	if e.p.trustsEmail(who) {
		if id, ok := e.f.FindUser(UserEmail, who.Email); ok {
			v.self = id
		}
	}
}

// Kind is what the viewer is to this site. A suspended viewer is None.
func (v *View) Kind() ViewerKind { return v.kind }

// Suspended reports that the viewer sees nothing because a rule suspends him
// or the wiki has deactivated him.
func (v *View) Suspended() bool { return v.suspended != nil }

// Viewer is who looks.
func (v *View) Viewer() Viewer { return v.viewer }

// Facts is the generation looked at.
func (v *View) Facts() Facts { return v.e.f }

// Policy is the policy that decides.
func (v *View) Policy() *Policy { return v.e.p }

// Engine is what made the view.
func (v *View) Engine() *Engine { return v.e }

// Identity is how the viewer is known to the wiki.
func (v *View) Identity() UpstreamIdentity { return v.e.identity[v.kind] }

// Own reports that the wiki knows who looks.
func (v *View) Own() bool { return v.own }

// SelfUser is the viewer's wiki user, or NoID.
func (v *View) SelfUser() ID { return v.self }

// Expires is when the next assignment of anybody ends, after which verdicts
// may differ; zero if none does.
func (v *View) Expires() time.Time {
	u := v.e.untils
	i := sort.Search(len(u), func(i int) bool { return u[i] > v.nano })
	if i == len(u) {
		return time.Time{}
	}
	return time.Unix(0, u[i]).UTC()
}

// Role is the viewer's role in a space: as assigned; else reader of what is
// open to him, and of everything visible if he is internal.
func (v *View) Role(space ID) Role {
	if space < 0 || int(space) >= len(v.e.spaces) {
		return NoRole
	}
	space = v.e.spaces[space].subject
	if n := v.held.rule(int32(space)); n >= 0 {
		return v.e.rules[n].role
	}
	if v.Space(space).Verdict == Visible {
		return Reader
	}
	return NoRole
}

// isMember reports an assignment to the space itself, open spaces and page
// grants aside.
func (v *View) isMember(space ID) bool {
	return space >= 0 && int(space) < len(v.e.spaces) && v.held.rule(int32(v.e.spaces[space].subject)) >= 0
}

// unrestricted reports an internal whom filters and blocks do not hold.
func (v *View) unrestricted() bool {
	return v.kind == Internal && v.e.unrestricted
}

// inGroup reports the viewer's own membership, by claim or linked user.
func (v *View) inGroup(source, name string) bool {
	if source == "" || source == wikiSource {
		return v.wiki[name]
	}
	return source == v.viewer.Provider && v.groups[name]
}

// VisibleSpaces lists the spaces that the viewer really sees, not by name only,
// for narrowing queries to them. The list is worked out when it is first asked
// for, and the caller must not change it.
func (v *View) VisibleSpaces() []ID {
	v.spaces.once.Do(func() {
		for i := range v.e.spaces {
			if v.Space(ID(i)).Verdict == Visible {
				v.spaces.visible = append(v.spaces.visible, ID(i))
			}
		}
	})
	return slices.Clip(v.spaces.visible)
}

// Marked reports that pages of the space carry the zone banner.
func (v *View) Marked(space ID) bool {
	if space < 0 || int(space) >= len(v.e.spaces) {
		return false
	}
	r := v.e.spaces[v.e.spaces[space].subject].rule
	return r != nil && r.Mark
}

// Public reports that anybody may see the space, signed in or not.
func (v *View) Public(space ID) bool {
	if space < 0 || int(space) >= len(v.e.spaces) {
		return false
	}
	r := v.e.spaces[v.e.spaces[space].subject].rule
	return r != nil && r.OpenTo == "public"
}

// ProseWritable reports whether some external may write text in the space now,
// so that what is cut from its prose could answer his questions. Nobody writes
// where the wiki does not know externals by name.
func (v *View) ProseWritable(space ID) bool {
	if !v.e.identity[External].Own() || space < 0 || int(space) >= len(v.e.spaces) {
		return false
	}
	s := &v.e.spaces[space]
	return v.nano < max(v.e.spaces[s.subject].writable, s.pageWritable)
}

// Texts are what stands where something was: the policy's, over the profile's,
// over plain words; and what the viewer is called (self_…), empty where the
// wiki does not know him.
//
// The map is shared: it must not be written to.
func (v *View) Texts() map[string]string {
	v.texts.once.Do(func() { v.texts.of = v.makeTexts() })
	return v.texts.of
}

func (v *View) makeTexts() map[string]string {
	var show Show
	if v.e.p.Profile != nil {
		show = v.e.p.Profile.Show
	}
	own := v.e.p.Show
	t := map[string]string{
		"hidden_user":  firstOf(own.HiddenUser, show.HiddenUser, "Hidden user"),
		"hidden_page":  firstOf(own.HiddenPage, show.HiddenPage, "Hidden page"),
		"hidden_space": firstOf(own.HiddenSpace, show.HiddenSpace, "Hidden space"),
		"avatar":       firstOf(own.Avatar, show.Avatar),
		"image":        firstOf(own.Image, show.Image),
		"self_name":    "", "self_key": "", "self_account_id": "", "self_email": "", "self_display": "",
	}
	if v.self != NoID {
		u := &v.e.f.Users()[v.self]
		t["self_name"], t["self_key"], t["self_account_id"] = u.Username, u.Key, u.AccountID
		t["self_email"], t["self_display"] = u.Email, firstOf(u.DisplayName, u.Username)
	}
	return t
}

func firstOf(words ...string) string {
	for _, w := range words {
		if strings.TrimSpace(w) != "" {
			return w
		}
	}
	return ""
}

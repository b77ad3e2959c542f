package rules

import "strings"

// access says to whom a class of URL is open before the policy's own urls:.
type access uint8

const (
	closed   access = iota // to nobody of this kind
	opened                 // as far as what the URL names is visible
	ifPublic               // where some space is open to the public
	ifPeople               // where the policy says people: filtered
	ifOwn                  // where the wiki knows who looks
)

// classTable is the engine's default, by kind of viewer. The package's
// documentation prints it.
var classTable = map[Class][Internal + 1]access{
	//             anonymous, none, external, internal
	ClassStatic:   {ifPublic, ifPublic, opened, opened},
	ClassContent:  {ifPublic, ifPublic, opened, opened},
	ClassSpace:    {ifPublic, ifPublic, opened, opened},
	ClassUser:     {closed, closed, opened, opened},
	ClassGroup:    {closed, closed, opened, opened},
	ClassSearch:   {ifPublic, ifPublic, opened, opened},
	ClassPeople:   {closed, closed, ifPeople, opened},
	ClassPicker:   {closed, closed, opened, opened},
	ClassFeed:     {ifPublic, ifPublic, opened, opened},
	ClassFile:     {ifPublic, ifPublic, opened, opened},
	ClassExport:   {closed, closed, closed, closed},
	ClassSession:  {closed, closed, closed, closed},
	ClassWrite:    {closed, closed, opened, opened},
	ClassPersonal: {closed, closed, ifOwn, ifOwn},
	ClassAdmin:    {closed, closed, closed, closed},
}

// mayOpen says which kinds the policy's urls: allow can open a class to:
// administration, export and the wiki's sign-in never to externals.
func mayOpen(c Class, k ViewerKind) bool {
	switch c {
	case ClassSession:
		return false
	case ClassAdmin, ClassExport:
		return k == Internal
	}
	return k == External || k == Internal
}

// ClassOpen decides whether a class is open to the viewer by default.
func (v *View) ClassOpen(c Class) bool {
	row, ok := classTable[c]
	if !ok || v.suspended != nil {
		return false
	}
	switch row[v.kind] {
	case opened:
		return true
	case ifPublic:
		return v.e.anyPublic
	case ifPeople:
		return v.e.p.Extranet.People == "filtered"
	case ifOwn:
		return v.own
	}
	return false
}

// Admit decides whether a request, or a link that would be one, is open to the
// viewer: its class and the policy's urls:, everything that it names, the
// profile's denials, and the role that its action needs, in this order. It is
// Unknown where the directory must be asked first.
func (v *View) Admit(m *Match) Decision {
	if m == nil {
		return hidden(reasonUnrouted)
	}
	if v.suspended != nil {
		return hidden(v.suspended)
	}
	space := v.contextSpace(m)
	if d := v.classAndURLs(m, space); d.Verdict != Visible {
		return d
	}
	d := v.subjects(m, space, nil)
	if d.Verdict != Visible {
		return d
	}
	if denied := v.Denied(m); denied != nil {
		return hidden(reasonProfileDeny)
	}
	if m.Class == ClassWrite && v.apart(m) {
		return hidden(reasonWriteApart)
	}
	d = v.admitAction(m, space)
	if d.Verdict != Visible && m.Class == ClassWrite {
		if absent, ok := v.pageToBe(m, space); ok {
			return absent // to who may not make it a missing page is as a hidden one
		}
	}
	return d
}

// pageToBe finds the subject that names a page which is not there yet.
func (v *View) pageToBe(m *Match, space ID) (Decision, bool) {
	for i := range m.Subjects {
		if s := &m.Subjects[i]; s.Loose && s.Ref.Kind == Content {
			if d := v.entity(&s.Ref, Context{Space: space}, false); d.Absent {
				return d, true
			}
		}
	}
	return Decision{}, false
}

// contextSpace is the space that the request is about, or NoID.
func (v *View) contextSpace(m *Match) ID {
	if len(m.ContextSpace.Keys) == 0 {
		return NoID
	}
	r := v.resolve(&m.ContextSpace, Context{Space: NoID})
	switch {
	case r.id == NoID && m.Class == ClassWrite:
		return v.spaceToBe(&m.ContextSpace)
	case r.id == NoID || r.doubt != nil:
		return NoID
	case m.ContextSpace.Kind == Space:
		return r.id
	case m.ContextSpace.Kind == Content:
		return v.e.contents[r.id].space
	}
	return NoID
}

// spaceToBe is the space in which a page would be that a title names.
func (v *View) spaceToBe(ref *Ref) ID {
	if k := &ref.Keys[0]; k.Attr == ContentTitle {
		if _, space, ok := v.titleOf(k, Context{Space: NoID}); ok {
			return space
		}
	}
	return NoID
}

// ContextOf is the context in which people are judged in the answer.
func (v *View) ContextOf(m *Match) Context {
	if m == nil || m.Global {
		return Context{Space: NoID}
	}
	return Context{Space: v.contextSpace(m)}
}

func (v *View) classAndURLs(m *Match, space ID) Decision {
	if _, ok := classTable[m.Class]; !ok {
		return hidden(reasonClassUnnamed)
	}
	urls := &v.e.p.URLs
	fold := v.e.p.Profile != nil && v.e.p.Profile.Canon.FoldPath
	if !v.unrestricted() {
		for i := range urls.Block {
			u := &urls.Block[i]
			if u.pattern.match(m.Method, m.Segments, fold) && !v.excepted(u, m, space) {
				return hidden(v.e.blocks[i])
			}
		}
	}
	if v.ClassOpen(m.Class) {
		return visible(reasonAdmitted)
	}
	if mayOpen(m.Class, v.kind) {
		for i := range urls.Allow {
			if urls.Allow[i].pattern.match(m.Method, m.Segments, fold) {
				return visible(v.e.allows[i])
			}
		}
	}
	return hidden(reasonClassClosed)
}

// excepted reports whether the viewer's role in the URL's space lifts a block.
func (v *View) excepted(u *URLRule, m *Match, space ID) bool {
	if n := u.pattern.space; n >= 0 && n < len(m.Segments) {
		seg := &u.pattern.segments[n]
		value := m.Segments[n][len(seg.prefix) : len(m.Segments[n])-len(seg.suffix)]
		id, ok := v.e.f.FindSpace(u.pattern.attr, value)
		if !ok {
			return false
		}
		space = id
	}
	if space == NoID || !v.isMember(space) {
		return false
	}
	role := v.Role(space)
	return u.except[role] || v.kind == Internal && role == Manager
}

// subjects judges all that the request names; each hears of every one of them.
func (v *View) subjects(m *Match, space ID, each func(*Subject, Decision)) Decision {
	ctx := Context{Space: space}
	if m.Global {
		ctx.Space = NoID
	}
	switch m.Action {
	case ActMention, ActRestrict:
		ctx.Candidate = true
	}
	worst := visible(reasonAdmitted)
	page := NoID
	hasContent := false
	for i := range m.Subjects {
		hasContent = hasContent || m.Subjects[i].Ref.Kind == Content
	}
	// A request for one page may name the page's space, of which the viewer
	// perhaps knows the name only.
	label := m.Class == ClassStatic || hasContent && (m.Class == ClassContent || m.Class == ClassFile || m.Class == ClassWrite)
	for i := range m.Subjects {
		s := &m.Subjects[i]
		var d Decision
		switch {
		case s.Ref.Kind == Space && label:
			d = v.spaceSubject(&s.Ref)
		case s.Ref.Kind == User && m.Action == ActAssign:
			d = v.assigneeSubject(&s.Ref, space)
		default:
			d = v.entity(&s.Ref, Context{Space: ctx.Space, Candidate: ctx.Candidate && s.Ref.Kind == User}, false)
		}
		if each != nil {
			each(s, d)
		}
		switch {
		case d.Verdict == Visible:
		case s.Optional && d.Verdict == Unknown, s.Loose && d.Absent && m.Class == ClassWrite: // a page to be
			continue
		case s.List && m.Mixed == "missing":
			continue // the guard takes the member out of the request
		case badness(d) > badness(worst):
			worst = d
		}
		if m.Agree && s.Ref.Kind == Content && d.Verdict == Visible && worst.Verdict == Visible {
			if r := v.resolve(&s.Ref, Context{Space: NoID}); page != NoID && r.id != page {
				worst = hidden(reasonDisagree)
			} else {
				page = r.id
			}
		}
	}
	return worst
}

// badness orders the verdicts of several subjects: hidden counts before
// unknown, unknown before what is known not to exist.
func badness(d Decision) int {
	switch {
	case d.Verdict == Visible:
		return 0
	case d.Verdict == Unknown && d.Absent:
		return 1
	case d.Verdict == Unknown:
		return 2
	}
	return 3
}

func (v *View) spaceSubject(ref *Ref) Decision {
	r := v.resolve(ref, Context{Space: NoID})
	if r.id == NoID || r.doubt != nil {
		return v.entity(ref, Context{Space: NoID}, false)
	}
	return v.SpaceLabel(r.id)
}

func (v *View) assigneeSubject(ref *Ref, space ID) Decision {
	r := v.resolve(ref, Context{Space: NoID})
	if r.id == NoID || r.doubt != nil {
		return v.entity(ref, Context{Space: NoID}, false)
	}
	return v.assignee(r.id, space)
}

// Denied gives the profile's denial that holds for this viewer, or nil. The
// conditions on parameters were checked when the route was matched.
func (v *View) Denied(m *Match) *DenySpec {
	for i := range m.Deny {
		d := &m.Deny[i]
		if d.Identity != "" && !strings.EqualFold(d.Identity, string(v.Identity())) {
			continue
		}
		if d.Below != "" {
			need, ok := ParseRole(d.Below)
			if ok && (v.wikiDecides(v.contextSpace(m)) || v.requestRole(m) >= need) {
				continue
			}
		}
		return d
	}
	return nil
}

// requestRole is the viewer's role on what the request is about: the lowest of
// those on its pages, or that in its space.
func (v *View) requestRole(m *Match) Role {
	role, pages := Manager, 0
	for i := range m.Subjects {
		s := &m.Subjects[i]
		if s.Ref.Kind != Content {
			continue
		}
		if r := v.resolve(&s.Ref, Context{Space: NoID}); r.id != NoID && r.doubt == nil {
			role = min(role, v.contentRole(r.id))
			pages++
		}
	}
	if pages > 0 {
		return role
	}
	return v.Role(v.contextSpace(m))
}

func (v *View) admitAction(m *Match, space ID) Decision {
	write := m.IsWrite || m.Class == ClassWrite
	action := m.Action
	if m.route != nil && m.route.partAction != "" && v.hangs(m) {
		action = m.route.partAction
	}
	switch view := action == "" || action == ActView || action == ActSearch; {
	case view && write:
		action = ActWrite
	case view && m.Class == ClassPicker && space != NoID:
		action = ActMention // without a space nobody is a candidate, and the list is empty
	}
	d := v.act(action, space, v.requestRole(m), visible(reasonAdmitted))
	switch {
	case d.Verdict != Visible || !write:
		return d
	case m.route == nil || m.route.body == nil:
		return forbidden(reasonWriteClosed)
	case !v.own:
		return forbidden(reasonWriteIdentity)
	case m.Body == nil:
		return d
	}
	for _, also := range m.Body.Actions {
		if d := v.act(also, space, v.requestRole(m), d); d.Verdict != Visible {
			return d
		}
	}
	return d
}

// hangs reports that all content that the request names hangs on a page, as a
// comment does, and is none of its own.
func (v *View) hangs(m *Match) bool {
	n := 0
	for i := range m.Subjects {
		s := &m.Subjects[i]
		if s.Ref.Kind != Content {
			continue
		}
		if !v.hangsOnPage(&s.Ref) {
			return false
		}
		n++
	}
	return n > 0
}

// hangsOnPage says that a reference is an alias of a page, as the id of a
// comment is, or names a page of talk.
func (v *View) hangsOnPage(ref *Ref) bool {
	k := &ref.Keys[0]
	r := v.resolve(ref, Context{Space: NoID})
	if r.id != NoID && k.Attr == ContentID && v.e.f.Contents()[r.id].ID != k.Value {
		return true
	}
	space := v.spaceToBe(ref)
	if r.id != NoID {
		space = v.e.contents[r.id].space
	}
	return space != NoID && v.e.spaces[space].subject != space
}

// apart reports that what a write is about is in several spaces.
func (v *View) apart(m *Match) bool {
	in := NoID
	for i := range m.Subjects {
		s := &m.Subjects[i]
		r := v.resolve(&s.Ref, Context{Space: NoID})
		space := r.id
		switch {
		case s.Ref.Kind == Content && r.id == NoID:
			space = v.spaceToBe(&s.Ref)
		case r.id == NoID || s.Ref.Kind != Space && s.Ref.Kind != Content:
			continue
		case s.Ref.Kind == Content:
			space = v.e.contents[r.id].space
		}
		if in != NoID && space != in {
			return true
		}
		in = space
	}
	return false
}

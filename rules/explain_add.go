package rules

import "slices"

// maxFlipPlaces bounds the spaces and pages to which somebody might be added.
const maxFlipPlaces = 10

// flipPlace is a list that a person could be added to, with the roles that could
// help there, from low to high.
type flipPlace struct {
	list  listRef
	roles []Role
}

// additions are the member rules that could make the viewer see: himself
// assigned to what is asked about or to what the others share, the others to
// what he shares.
func (a *ask) additions() []flipChange {
	var out []flipChange
	add := func(m Member, ok bool, places []flipPlace) {
		for _, pl := range places {
			for _, role := range pl.roles {
				if ok {
					m.role = role
					out = append(out, flipChange{add: true, member: m, list: pl.list})
				}
			}
		}
	}
	me, ok := a.v.asMember()
	own, others := a.placesForViewer(), a.placesForOthers()
	if len(own) == 0 && len(others) == 0 && len(a.people()) > 0 {
		// Nobody shares anything yet: any space will do.
		own = a.anySpace()
		others = own
	}
	add(me, ok, own)
	if a.q.Group != "" {
		g, ok := a.groupMember()
		add(g, ok, others)
	}
	for _, id := range a.people() {
		if id != a.v.self {
			u := Member{User: Principal{Name: usernameRule(a.v.e.f.Users()[id].Username)}}
			u.principal = principal{kind: byWikiUser, name: a.v.e.f.Users()[id].Username}
			add(u, true, others)
		}
	}
	return out
}

// asMember is the rule that names this viewer: by the wiki user that he is
// linked to, by an address that counts, by his identity, or by a group of his.
func (v *View) asMember() (Member, bool) {
	w, p := &v.viewer, v.e.p
	var name string
	switch {
	case w.Anonymous:
		return Member{}, false
	case v.linked != NoID:
		user := v.e.f.Users()[v.linked].Username
		return Member{User: Principal{Name: usernameRule(user)}, principal: principal{kind: byWikiUser, name: user}}, true
	case p.trustsEmail(w):
		name = w.Email
	case w.Provider != "" && w.Subject != "" && p.knowsSource(w.Provider):
		name = w.Provider + "/" + w.Subject
	case w.Provider != "" && len(w.Groups) > 0 && p.knowsSource(w.Provider):
		g := w.Provider + "/" + w.Groups[0]
		pr, err := p.parseGroup(g)
		return Member{Group: Principal{Name: g}, principal: pr}, err == nil
	default:
		return Member{}, false
	}
	pr, err := p.parseUser(name)
	return Member{User: Principal{Name: name}, principal: pr}, err == nil
}

// usernameRule writes a username so that it can't be taken for an address or an
// identity.
func usernameRule(name string) string {
	for i := range len(name) {
		if name[i] == '/' || name[i] == '@' {
			return wikiSource + "/" + name
		}
	}
	return name
}

func (a *ask) groupMember() (Member, bool) {
	source, name, _ := a.findGroup()
	text := source + "/" + name
	pr, err := a.v.e.p.parseGroup(text)
	return Member{Group: Principal{Name: text}, principal: pr}, err == nil
}

// roles are those that could help the viewer in what is asked about: the lowest
// that the action needs; of a URL any, since its route and the policy's blocks
// may ask for more.
func (a *ask) roles() []Role {
	if a.q.URL != "" {
		return []Role{Reader, Commenter, Writer, Manager}
	}
	// To an internal a rule may also give less than the wiki would: then the
	// lowest is what turns a visible thing.
	if need := needs[a.q.Action]; need > Reader && !a.sees() {
		return []Role{need}
	}
	return []Role{Reader}
}

func (a *ask) sees() bool {
	d, _ := a.decide()
	return d.Verdict == Visible
}

// placesForViewer are the page and the spaces asked about, and what the people
// asked about are assigned to.
func (a *ask) placesForViewer() []flipPlace {
	e := a.v.e
	var out placeList
	for _, id := range a.contents() {
		out.page(e, id, a.roles())
	}
	for _, id := range a.spaces() {
		out.add(e.listOfSpace(id), a.roles())
	}
	for _, id := range a.contents() {
		for to := range a.v.links(id) {
			if to != NoID && e.contents[to].space != NoID {
				out.add(e.listOfSpace(e.contents[to].space), []Role{Reader})
				out.page(e, to, []Role{Reader})
			}
		}
		for _, by := range e.usedBy[id] {
			if e.contents[by].space != NoID {
				out.add(e.listOfSpace(e.contents[by].space), []Role{Reader})
			}
		}
	}
	roles := []Role{Reader}
	if a.q.URL == "" {
		roles = a.roles()
	}
	for _, rules := range a.rulesInvolved()[1:] {
		for _, r := range rules {
			if list, ok := e.listOfTarget(r.target); ok && r.live(a.v.nano) {
				out.add(list, roles)
			}
		}
	}
	return out
}

// placesForOthers are what the viewer is assigned to, and the space in question.
func (a *ask) placesForOthers() []flipPlace {
	var out placeList
	if a.in != NoID {
		out.add(a.v.e.listOfSpace(a.in), []Role{Reader})
	}
	for _, r := range a.v.rulesOver() {
		if list, ok := a.v.e.listOfTarget(r.target); ok && r.live(a.v.nano) {
			out.add(list, []Role{Reader})
		}
	}
	if a.v.e.p.Extranet.UsersSee != "shared-space" && a.sees() {
		out = append(out, a.elsewhere()...) // assigned there, they no longer count as free of assignments
	}
	return out
}

// elsewhere is something that the viewer is not assigned to.
func (a *ask) elsewhere() []flipPlace {
	e := a.v.e
	roles := []Role{Reader}
	for id := range e.spaces {
		if e.spaces[id].subject == ID(id) && !a.v.isMember(ID(id)) {
			return []flipPlace{{e.listOfSpace(ID(id)), roles}}
		}
	}
	for id := range e.contents {
		page := listRef{page: true, name: e.pageName(ID(id))}
		if !slices.ContainsFunc(e.grants, func(g boundGrant) bool { return g.page == ID(id) }) {
			return []flipPlace{{page, roles}}
		}
	}
	return nil
}

func (a *ask) anySpace() []flipPlace {
	var out placeList
	e := a.v.e
	for id := range e.spaces {
		if e.spaces[id].rule != nil && e.spaces[id].subject == ID(id) {
			out.add(e.listOfSpace(ID(id)), a.roles())
			return out
		}
	}
	if len(e.spaces) > 0 {
		out.add(e.listOfSpace(0), a.roles())
	}
	return out
}

type placeList []flipPlace

func (l *placeList) add(list listRef, roles []Role) {
	if len(*l) < maxFlipPlaces && !slices.ContainsFunc(*l, func(p flipPlace) bool { return p.list == list }) {
		*l = append(*l, flipPlace{list, roles})
	}
}

// page adds the grants that cover a page, and the grant of this one page if
// there is none for it yet.
func (l *placeList) page(e *Engine, id ID, roles []Role) {
	own := false
	for g := range e.grants {
		if page := e.grants[g].page; page == id || e.grants[g].subtree && e.isAbove(page, id) {
			if list, ok := e.listOfTarget(grantTarget(g)); ok {
				l.add(list, roles)
				own = own || page == id
			}
		}
	}
	if !own {
		l.add(listRef{page: true, name: e.pageName(id)}, roles)
	}
}

// pageName names a page as a page rule may: SPACE/Title, or its id where that
// would be another's.
func (e *Engine) pageName(id ID) string {
	c := &e.f.Contents()[id]
	if name := c.Space + "/" + c.Title; e.findPage(name) == id {
		return name
	}
	return c.ID
}

// isAbove reports whether a page is an ancestor of another.
func (e *Engine) isAbove(page, id ID) bool {
	for steps := 0; id != NoID && steps < 1000; steps++ {
		if id = e.contents[id].parent; id == page && id != NoID {
			return true
		}
	}
	return false
}

// contents are the pieces of content asked about.
func (a *ask) contents() []ID { return a.subjects(Content, a.q.Content != "") }

// spaces are the spaces asked about, those of the content and the context
// included.
func (a *ask) spaces() []ID {
	out := a.subjects(Space, a.q.Space != "")
	add := func(id ID) {
		if id != NoID && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	for _, id := range a.contents() {
		add(a.v.e.contents[id].space)
	}
	if k, ok := a.titleKey(); a.q.Content != "" && a.id == NoID && ok {
		if _, id, ok := a.v.titleOf(&k, Context{Space: a.in}); ok {
			add(id)
		}
	}
	add(a.in)
	if a.match != nil {
		add(a.v.contextSpace(a.match))
	}
	return out
}

// subjects are the entities of one kind that the question resolves to.
func (a *ask) subjects(kind EntityKind, asked bool) []ID {
	var out []ID
	if asked && a.id != NoID {
		out = append(out, a.id)
	}
	if a.match == nil {
		return out
	}
	for i := range a.match.Subjects {
		ref := &a.match.Subjects[i].Ref
		if ref.Kind != kind {
			continue
		}
		if r := a.v.resolve(ref, Context{Space: NoID}); r.id != NoID && !slices.Contains(out, r.id) {
			out = append(out, r.id)
		}
	}
	return out
}

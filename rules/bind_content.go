package rules

import (
	"strconv"
	"strings"
)

// boundSpace is what the policy and the profile say of one space.
type boundSpace struct {
	rule     *SpaceRule // nil: no rule names it
	src      Source
	subject  ID // the space whose rules hold: itself, or a talk space's subject
	owner    ID // of a personal space, or NoID
	personal bool
	archived bool
	follow   string // user, usage, members, deny
	known    bool   // every wiki has this space: its name says nothing
	labels   map[string]bool
	titles   titleGlobs
	filter   int // index of the filter that hides it, or -1
	open     *Reason
	named    *Reason
	hide     [3]*Reason // by label, title, subtree
}

const (
	hideLabel = iota
	hideTitle
	hideSubtree
)

// boundGrant is a page rule with its page resolved; page is NoID while the
// directory does not know it.
type boundGrant struct {
	page    ID
	subtree bool
	src     Source
}

const (
	flagIncludes uint8 = 1 << iota // includes something outside of follow spaces
	flagRedirect
	flagNotCurrent
	flagArchived
	flagCycle
	flagOrphan // a parent is named that the directory does not know
)

// boundContent is what of a piece of content a verdict needs.
type boundContent struct {
	space   ID
	parent  ID
	anchor  ID    // the nearest of itself and its ancestors at which something is said
	subject ID    // talk: the subject page, or NoID
	hidden  int32 // index into reasons, or -1
	flags   uint8
}

// anchor is what is said at one page: grants, hidden subtrees, restrictions.
type anchor struct {
	grants  []int32
	subtree *Reason
	restr   *Restriction
}

func (e *Engine) bindSpaces(errs *Errors) {
	spaces := e.f.Spaces()
	e.spaces = make([]boundSpace, len(spaces))
	for i := range spaces {
		s, b := &spaces[i], &e.spaces[i]
		b.subject, b.owner, b.filter = ID(i), NoID, -1
		b.archived = s.Status == "archived"
		b.personal = s.Type == "personal"
		if s.Owner != "" {
			if id, ok := e.f.FindUser(UserName, s.Owner); ok {
				b.owner = id
			}
		}
		for n := range e.p.Filters {
			f := &e.p.Filters[n]
			if f.Hide != "spaces" || f.program == nil {
				continue
			}
			hide, failed := f.program.hides(spaceVars{s})
			if failed {
				e.failed++
			}
			if hide && b.filter < 0 {
				b.filter = n
			}
		}
	}
	e.bindTitles()
	for i := range e.p.Spaces {
		r := &e.p.Spaces[i]
		id, ok := e.f.FindSpaceByAnyName(r.Name)
		if !ok {
			continue
		}
		b := &e.spaces[id]
		if b.rule != nil {
			errs.push(r.File, &Error{
				Line: r.Pos.Line, Col: r.Pos.Col,
				Msg: "the space " + strconv.Quote(r.Name) + " is the same as " + strconv.Quote(b.rule.Name) + " at " + b.src.File + ":" + strconv.Itoa(b.src.Line),
			})
			continue
		}
		e.bindSpace(b, id, r)
	}
}

func (e *Engine) bindSpace(b *boundSpace, id ID, r *SpaceRule) {
	b.rule, b.src = r, Source{File: r.File, Line: r.Pos.Line, Col: r.Pos.Col}
	b.named = &Reason{Rule: "space", Text: "the policy names the space", Source: b.src}
	switch r.OpenTo {
	case "externals":
		b.open = &Reason{Rule: "space.open_to", Text: "the space is open to every external", Source: b.src}
	case "public":
		b.open = &Reason{Rule: "space.open_to", Text: "the space is open to everybody", Source: b.src}
		e.anyPublic = true
	}
	at := Source{File: r.File, Line: r.Hide.Pos.Line, Col: r.Hide.Pos.Col}
	b.hide = [...]*Reason{
		hideLabel:   {Rule: "space.hide.labels", Text: "one of its labels hides it", Source: at},
		hideTitle:   {Rule: "space.hide.titles", Text: "its title falls under a hidden pattern", Source: at},
		hideSubtree: {Rule: "space.hide.subtrees", Text: "it is in a hidden subtree", Source: at},
	}
	for _, l := range r.Hide.Labels {
		if b.labels == nil {
			b.labels = map[string]bool{}
		}
		b.labels[strings.ToLower(l)] = true
	}
	for _, t := range r.Hide.Titles {
		b.titles = append(b.titles, foldGlob(t))
	}
	for _, t := range r.Hide.Subtrees {
		page, ok := e.f.FindContent(ContentTitle, t, id)
		if !ok {
			if page, ok = e.f.FindContent(ContentID, t, NoID); ok && e.f.Contents()[page].Space != e.f.Spaces()[id].Key {
				ok = false
			}
		}
		if ok {
			e.anchorAt(page).subtree = b.hide[hideSubtree]
		}
	}
	for j := range r.Members {
		e.addMember(&r.Members[j], int32(id), "the space "+strconv.Quote(r.Name))
	}
}

// bindTitles applies what the profile says of talk and shared spaces.
func (e *Engine) bindTitles() {
	if e.p.Profile == nil || e.p.Profile.Titles == nil {
		return
	}
	t := e.p.Profile.Titles
	if t.Talk == "subject" {
		for i, s := range e.f.Spaces() {
			n, err := strconv.Atoi(s.ID)
			if err != nil || n < 1 || n%2 == 0 {
				continue
			}
			if id, ok := e.f.FindSpace(SpaceID, strconv.Itoa(n-1)); ok {
				e.spaces[i].subject = id
			}
		}
	}
	for name, how := range t.Follow {
		if id, ok := e.f.FindSpaceByAnyName(name); ok {
			e.spaces[id].known = true
			if how != "name" {
				e.spaces[id].follow = how
			}
		}
	}
}

func (e *Engine) anchorAt(id ID) *anchor {
	a := e.anchors[id]
	if a == nil {
		a = &anchor{}
		e.anchors[id] = a
	}
	return a
}

func (e *Engine) bindGrants() {
	for i := range e.p.Pages {
		r := &e.p.Pages[i]
		g := boundGrant{page: e.findPage(r.Content), subtree: r.With == "subtree", src: Source{File: r.File, Line: r.Pos.Line, Col: r.Pos.Col}}
		e.grants = append(e.grants, g)
		if g.page != NoID {
			a := e.anchorAt(g.page)
			a.grants = append(a.grants, int32(i))
		}
		for j := range r.Members {
			e.addMember(&r.Members[j], grantTarget(i), "the page "+strconv.Quote(r.Content))
		}
	}
}

// findPage resolves a page rule's page: an id, or SPACE/Title. Space names may
// hold slashes themselves, so each is tried; more than one answer is none.
func (e *Engine) findPage(s string) ID {
	if id, ok := e.f.FindContent(ContentID, s, NoID); ok {
		return id
	}
	found := NoID
	for i := range len(s) {
		if s[i] != '/' {
			continue
		}
		space, ok := e.f.FindSpaceByAnyName(s[:i])
		if !ok {
			continue
		}
		if id, ok := e.f.FindContent(ContentTitle, s[i+1:], space); ok {
			if found != NoID && found != id {
				return NoID
			}
			found = id
		}
	}
	return found
}

func (e *Engine) bindContents() {
	contents := e.f.Contents()
	e.contents = make([]boundContent, len(contents))
	index := map[*Reason]int32{}
	keys := make(map[string]ID, len(e.spaces))
	for i, s := range e.f.Spaces() {
		keys[s.Key] = ID(i)
	}
	for i := range contents {
		c, b := &contents[i], &e.contents[i]
		*b = boundContent{space: NoID, parent: NoID, anchor: NoID, subject: NoID, hidden: -1}
		if id, ok := keys[c.Space]; ok {
			b.space = id
		} else if id, ok := e.f.FindSpaceByAnyName(c.Space); ok {
			b.space = id
		}
		switch c.Status {
		case "", "current":
		case "archived":
			b.flags |= flagArchived
		default:
			b.flags |= flagNotCurrent
		}
		if c.Parent != "" {
			id, ok := e.f.FindContent(ContentID, c.Parent, NoID)
			switch {
			case !ok:
				b.flags |= flagOrphan
			case id == ID(i):
				b.flags |= flagCycle
			default:
				b.parent = id
			}
		}
		if c.Redirect != "" {
			b.flags |= flagRedirect
		}
		if c.RestrictedTo != nil && len(c.RestrictedTo.Users)+len(c.RestrictedTo.Groups) > 0 {
			e.anchorAt(ID(i)).restr = c.RestrictedTo
		}
		if why := e.hiddenBy(c, b); why != nil {
			n, ok := index[why]
			if !ok {
				n = int32(len(e.reasons))
				e.reasons = append(e.reasons, why)
				index[why] = n
			}
			b.hidden = n
		}
	}
	e.bindAnchors()
	e.bindUsage()
}

// hiddenBy gives the rule that hides the content whoever looks (internals
// aside): a label, a title pattern, a condition.
func (e *Engine) hiddenBy(c *ContentRecord, b *boundContent) *Reason {
	if b.space != NoID {
		s := &e.spaces[e.spaces[b.space].subject]
		if e.spaces[b.space].subject != b.space {
			if id, ok := e.f.FindContent(ContentTitle, c.Title, e.spaces[b.space].subject); ok {
				b.subject = id
			}
		}
		for _, l := range c.Labels {
			if s.labels[strings.ToLower(l)] {
				return s.hide[hideLabel]
			}
		}
		if s.titles.match(c.Title) {
			return s.hide[hideTitle]
		}
	}
	var why *Reason
	for n := range e.p.Filters {
		f := &e.p.Filters[n]
		if f.Hide != "content" || f.program == nil {
			continue
		}
		hide, failed := f.program.hides(contentVars{c})
		if failed {
			e.failed++
		}
		if hide && why == nil {
			why = e.filters[n]
		}
	}
	return why
}

// bindAnchors finds for each content the nearest anchor on its way up, each
// page once. Pages on a circle are marked, and hidden.
func (e *Engine) bindAnchors() {
	const (
		fresh, open, done = 0, 1, 2
	)
	state := make([]uint8, len(e.contents))
	var path []ID
	for i := range e.contents {
		path = path[:0]
		id := ID(i)
		for id != NoID && state[id] == fresh {
			state[id] = open
			path = append(path, id)
			id = e.contents[id].parent
		}
		above, cycle, orphan := NoID, false, false
		switch {
		case id == NoID:
		case state[id] == open:
			cycle = true
		default:
			above, cycle, orphan = e.contents[id].anchor, e.contents[id].flags&flagCycle != 0, e.contents[id].flags&flagOrphan != 0
		}
		for n := len(path) - 1; n >= 0; n-- {
			c := &e.contents[path[n]]
			state[path[n]] = done
			cycle, orphan = cycle || c.flags&flagCycle != 0, orphan || c.flags&flagOrphan != 0
			if cycle {
				c.flags |= flagCycle
				c.parent = NoID
			}
			if orphan {
				c.flags |= flagOrphan
			}
			if e.anchors[path[n]] != nil {
				above = path[n]
			}
			c.anchor = above
		}
	}
}

// bindUsage notes what uses the shared kinds, and which pages include
// something that is not of a shared kind.
func (e *Engine) bindUsage() {
	contents := e.f.Contents()
	follows := func(id ID) bool {
		s := e.contents[id].space
		return s != NoID && e.spaces[s].follow != ""
	}
	// Where a label has a page of its own, who bears it is its member.
	var members []ID
	e.labelled = map[string][]ID{}
	for i := range e.spaces {
		if e.spaces[i].follow == "members" {
			members = append(members, ID(i))
		}
	}
	for i := range contents {
		c := &contents[i]
		for _, inc := range c.Includes {
			id, ok := e.f.FindContent(ContentID, inc, NoID)
			if !ok || !follows(id) {
				e.contents[i].flags |= flagIncludes
				continue
			}
			e.usedBy[id] = append(e.usedBy[id], ID(i))
		}
		for _, label := range c.Labels {
			if len(members) > 0 {
				e.labelled[label] = append(e.labelled[label], ID(i))
			}
			for _, in := range members {
				if id, ok := e.f.FindContent(ContentTitle, label, in); ok {
					e.usedBy[id] = append(e.usedBy[id], ID(i))
				}
			}
		}
		if !follows(ID(i)) {
			continue
		}
		for _, by := range c.UsedBy {
			if id, ok := e.f.FindContent(ContentID, by, NoID); ok {
				e.usedBy[ID(i)] = append(e.usedBy[ID(i)], id)
			}
		}
	}
}

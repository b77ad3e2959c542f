package rules

import (
	"strings"
)

const (
	hideLabel = iota
	hideTitle
	hideSubtree
)

const (
	flagIncludes uint8 = 1 << iota // includes something outside of follow spaces
	flagRedirect
	flagNotCurrent
	flagArchived
	flagCycle
	flagOrphan   // a parent is named that the directory does not know
	flagTemplate // a page template or blueprint: needs the role user
	flagAnchor   // something is said at it
)

// boundContent is what of a piece of content a verdict needs.
type boundContent struct {
	space   ID
	parent  ID
	anchor  int32 // index into anchors of the nearest of itself and its ancestors at which something is said, or -1
	subject ID    // talk: the subject page, or NoID
	hidden  int32 // by label or title: index into reasons, or -1
	filter  int16 // index of the filter that hides it, or -1
	flags   uint8
}

// anchor is what is said at one page: grants, hidden subtrees, restrictions.
// Anchors point upwards, so that a verdict looks at no page in between.
type anchor struct {
	page    ID
	above   int32 // index of the next anchor on the way up, or -1
	grants  []int32
	subtree *Reason
	restr   *Restriction
	users   []ID // whom restr names
}

// anchorAt gives the anchor at a page, which may be a new one; it is valid until
// the next call.
func (e *Engine) anchorAt(id ID) *anchor {
	n, ok := e.anchorOf[id]
	if !ok {
		n = int32(len(e.anchors))
		e.anchorOf[id] = n
		e.anchors = append(e.anchors, anchor{page: id, above: -1})
	}
	return &e.anchors[n]
}

func (e *Engine) bindContents() {
	n := len(e.f.Contents())
	// Room for what look-ups add.
	e.contents, e.tail = make([]boundContent, n, n+n/64+1024), newTail(n)
	e.listed = n
	e.spaceKeys = make(map[string]ID, len(e.spaces))
	e.plain = true
	for i, s := range e.f.Spaces() {
		e.spaceKeys[s.Key] = ID(i)
		e.plain = e.plain && e.spaces[i].follow == "" && e.spaces[i].subject == ID(i)
	}
	e.bindContentFrom(0)
	e.bindUsage()
}

// bindContentFrom binds the content at and behind an index.
func (e *Engine) bindContentFrom(first int) {
	index := make(map[*Reason]int32, len(e.reasons))
	for i, why := range e.reasons {
		index[why] = int32(i)
	}
	for i := first; i < len(e.contents); i++ {
		c, b := &e.f.Contents()[i], &e.contents[i]
		e.bindContent(ID(i), c, b)
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
	e.bindAnchors(first)
	e.anchorOf = nil
}

// bindContent works out what follows from a record alone.
func (e *Engine) bindContent(id ID, c *ContentRecord, b *boundContent) {
	*b = boundContent{space: NoID, parent: NoID, anchor: -1, subject: NoID, hidden: -1, filter: -1}
	if space, ok := e.spaceKeys[c.Space]; ok {
		b.space = space
	} else if space, ok := e.f.FindSpaceByAnyName(c.Space); ok {
		b.space = space
	}
	switch c.Status {
	case "", "current":
	case "archived":
		b.flags |= flagArchived
	default:
		b.flags |= flagNotCurrent
	}
	if c.Parent != "" {
		switch parent, ok := e.f.FindContent(ContentID, c.Parent, NoID); {
		case !ok:
			b.flags |= flagOrphan
			e.missing[c.Parent] = true
		case parent == id:
			b.flags |= flagCycle
		default:
			b.parent = parent
		}
	}
	if c.Redirect != "" {
		b.flags |= flagRedirect
	}
	if (c.Type == "template" || c.Type == "blueprint") && (b.space == NoID || e.spaces[e.spaces[b.space].subject].follow == "") {
		b.flags |= flagTemplate
	}
	if rt := c.RestrictedTo; rt != nil && (rt.Unknown || len(rt.Users)+len(rt.Groups) > 0) {
		a := e.anchorAt(id)
		a.restr, a.users = rt, e.usersNamed(rt.Users)
	}
	b.filter = e.filterContent(c)
}

// usersNamed finds users by their names as the wiki spells them, and by no other.
func (e *Engine) usersNamed(names []string) []ID {
	var ids []ID
	for _, name := range names {
		if id, ok := e.f.FindUser(UserName, name); ok && e.f.Users()[id].Username == name {
			ids = append(ids, id)
		}
	}
	return ids
}

// hiddenBy gives the rule that hides the content whoever looks (internals
// aside): a label or a title pattern.
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
	return nil
}

// filterContent gives the first filter that hides the content, or -1.
func (e *Engine) filterContent(c *ContentRecord) int16 {
	by := int16(-1)
	for n := range e.p.Filters {
		f := &e.p.Filters[n]
		if f.Hide != "content" || f.program == nil {
			continue
		}
		hide, failed := f.program.hides(contentVars{c})
		if failed {
			e.failed++
		}
		if hide && by < 0 {
			by = int16(n)
		}
	}
	return by
}

// bindAnchors finds for each content at and behind an index the nearest anchor
// on its way up, each page once. Pages on a circle are marked, and hidden.
func (e *Engine) bindAnchors(first int) {
	const (
		fresh, open, done = 0, 1, 2
	)
	state := make([]uint8, len(e.contents)-first)
	for page := range e.anchorOf {
		e.contents[page].flags |= flagAnchor
	}
	var path []ID
	for i := first; i < len(e.contents); i++ {
		path = path[:0]
		id := ID(i)
		for int(id) >= first && state[int(id)-first] == fresh {
			state[int(id)-first] = open
			path = append(path, id)
			id = e.contents[id].parent
		}
		above, cycle, orphan := int32(-1), false, false
		switch {
		case id == NoID:
		case int(id) >= first && state[int(id)-first] == open:
			cycle = true
		default:
			above, cycle, orphan = e.contents[id].anchor, e.contents[id].flags&flagCycle != 0, e.contents[id].flags&flagOrphan != 0
		}
		for n := len(path) - 1; n >= 0; n-- {
			c := &e.contents[path[n]]
			state[int(path[n])-first] = done
			cycle, orphan = cycle || c.flags&flagCycle != 0, orphan || c.flags&flagOrphan != 0
			if cycle {
				c.flags |= flagCycle
				c.parent = NoID
			}
			if orphan {
				c.flags |= flagOrphan
			}
			if c.flags&flagAnchor != 0 {
				at := e.anchorOf[path[n]]
				e.anchors[at].above, above = above, at
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

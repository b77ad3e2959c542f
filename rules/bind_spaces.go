package rules

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// boundSpace is what the policy and the profile say of one space.
type boundSpace struct {
	subject  ID    // the space whose rules hold: itself, or a talk space's subject
	owner    ID    // of a personal space, or NoID
	filter   int32 // index of the filter that hides it, or -1
	personal bool
	archived bool
	known    bool       // every wiki has this space: its name says nothing
	follow   string     // user, usage, members, deny
	rule     *SpaceRule // nil: no rule names it
	open     *Reason
	named    *Reason
	// What few verdicts look at is kept apart, so that the rest of a space is
	// one line of a processor's cache.
	*spaceDetail
}

type spaceDetail struct {
	src    Source
	labels map[string]bool
	titles titleGlobs
	// Until when some external may write text: in the space, as whose subject
	// it is, and on a page that is granted to him.
	writable, pageWritable int64
	hide                   [3]*Reason // by label, title, subtree
}

// boundGrant is a page rule with its page resolved; page is NoID while the
// directory does not know it.
type boundGrant struct {
	page    ID
	subtree bool
	src     Source
}

func (e *Engine) bindSpaces(errs *Errors) {
	spaces := e.f.Spaces()
	e.spaces = make([]boundSpace, len(spaces))
	details := make([]spaceDetail, len(spaces))
	for i := range spaces {
		s, b := &spaces[i], &e.spaces[i]
		b.subject, b.owner, b.filter, b.spaceDetail = ID(i), NoID, -1, &details[i]
		b.writable, b.pageWritable = math.MinInt64, math.MinInt64
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
				b.filter = int32(n)
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

// bindWriters notes until when externals may write, by space.
func (e *Engine) bindWriters() {
	for i := range e.rules {
		r := &e.rules[i]
		switch {
		case r.role < Commenter || r.internal || r.target >= maxSpaceTarget:
		case r.target >= 0:
			s := &e.spaces[r.target]
			s.writable = max(s.writable, r.until)
		case e.grants[-1-r.target].page != NoID:
			if id := e.contents[e.grants[-1-r.target].page].space; id != NoID {
				s := &e.spaces[id]
				s.pageWritable = max(s.pageWritable, r.until)
			}
		}
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
	b.titles = r.Hide.globs
	for _, t := range r.Hide.Subtrees {
		page := e.findSubtree(id, t)
		e.subtrees = append(e.subtrees, boundSubtree{id, t, page})
		if page != NoID {
			e.anchorAt(page).subtree = b.hide[hideSubtree]
			continue
		}
		// Nothing is known there yet, or any more. Where titles make the tree, what
		// would be below stands there all the same.
		title := foldTitle(t)
		b.titles = append(slices.Clip(b.titles), &titleGlob{parts: []string{title}}, &titleGlob{parts: []string{title + "/", ""}})
	}
	for j := range r.Members {
		e.addMember(&r.Members[j], int32(id), "the space "+strconv.Quote(r.Name))
	}
}

// boundSubtree is a subtree that a rule hides; page is NoID while the directory
// does not know it.
type boundSubtree struct {
	space ID
	name  string
	page  ID
}

// findSubtree resolves a hidden subtree's page: a title, or an id, in the space.
func (e *Engine) findSubtree(space ID, name string) ID {
	if page, ok := e.f.FindContent(ContentTitle, name, space); ok {
		return page
	}
	if page, ok := e.f.FindContent(ContentID, name, NoID); ok && e.f.Contents()[page].Space == e.f.Spaces()[space].Key {
		return page
	}
	return NoID
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

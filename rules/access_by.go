package rules

import (
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// inSpace gives the rows of a space: who is assigned to it or to a page of it,
// who else sees it, and what of it is hidden from all but internals.
func (a *accessList) inSpace(yield func(AccessRow) bool) {
	a.counts, a.sees = [Internal + 1]int{}, [Internal + 1]Decision{}
	if !a.everybody(yield) {
		return
	}
	for _, row := range append(a.summaries(), a.hiding()...) {
		if !yield(row) {
			return
		}
	}
}

// summaries say who sees the space without being assigned to it.
func (a *accessList) summaries() []AccessRow {
	e := a.e
	s := &e.spaces[a.space]
	base := AccessRow{What: "space", Space: e.f.Spaces()[a.space].Key, Effective: true}
	var rows []AccessRow
	add := func(name string, kind ViewerKind, row AccessRow) {
		row.Person, row.Kind, row.Count = name, kind.String(), a.counts[kind]
		if d := a.sees[kind]; d.Reason != nil {
			row.see(d)
		}
		rows = append(rows, row)
	}
	if a.sees[Internal].Reason != nil {
		row := base
		row.Why, row.Note = "internal", e.internalNote()
		if s.rule != nil {
			row.Rule = sourcePtr(s.src)
		}
		add("every internal", Internal, row)
	}
	if s.open != nil {
		row := base
		row.Role, row.Why, row.By, row.Rule = Reader.String(), "open_to", s.rule.OpenTo, sourceOf(s.open)
		add("every external", External, row)
		if s.rule.OpenTo == "public" {
			a.counts[Anonymous] = 0 // nobody in particular
			add("anybody", Anonymous, row)
		}
	}
	return rows
}

// hiding counts what of the space is hidden, by each line that hides. A page
// that two lines hide is counted by both.
func (a *accessList) hiding() []AccessRow {
	e := a.e
	s := &e.spaces[a.space]
	h := newHiding(e, a.space)
	for id := range e.contents {
		if e.rulingSpace(ID(id)) == a.space {
			h.count(ID(id))
		}
	}
	base := AccessRow{What: "hidden", Space: e.f.Spaces()[a.space].Key, Sees: "hidden"}
	var rows []AccessRow
	add := func(why, by string, n int, at *Source) {
		row := base
		row.Why, row.By, row.Count, row.Rule = why, by, n, at
		rows = append(rows, row)
	}
	if s.rule != nil {
		at := &Source{File: s.rule.File, Line: s.rule.Hide.Pos.Line, Col: s.rule.Hide.Pos.Col}
		for i, l := range s.rule.Hide.Labels {
			add("label", l, h.labels[i], at)
		}
		for i, t := range s.rule.Hide.Titles {
			add("title", t, h.titles[i], at)
		}
		for i, t := range s.rule.Hide.Subtrees {
			add("subtree", t, h.subtrees[i], at)
		}
	}
	for n, count := range h.filters {
		if count > 0 {
			add("filter", e.p.Filters[n].Name, count, sourceOf(e.filters[n]))
		}
	}
	if h.restricted > 0 {
		add("restriction", "of the wiki", h.restricted, nil)
	}
	if h.status > 0 {
		add("status", "not current", h.status, nil)
	}
	return rows
}

// hiding counts the pages under each line that hides.
type hiding struct {
	e                        *Engine
	rule                     *SpaceRule
	roots                    []ID // of hidden subtrees
	globs                    []titleGlobs
	labels, titles, subtrees []int
	filters                  []int
	restricted, status       int
}

func newHiding(e *Engine, space ID) *hiding {
	h := &hiding{e: e, rule: &SpaceRule{}, filters: make([]int, len(e.p.Filters))}
	if r := e.spaces[space].rule; r != nil {
		h.rule = r
	}
	hide := &h.rule.Hide
	h.labels, h.titles, h.subtrees = make([]int, len(hide.Labels)), make([]int, len(hide.Titles)), make([]int, len(hide.Subtrees))
	for _, t := range hide.Titles {
		h.globs = append(h.globs, titleGlobs{foldGlob(t)})
	}
	for _, t := range hide.Subtrees {
		root, ok := e.f.FindContent(ContentTitle, t, space)
		if !ok {
			if root, ok = e.f.FindContent(ContentID, t, NoID); !ok || e.contents[root].space != space {
				root = NoID
			}
		}
		h.roots = append(h.roots, root)
	}
	return h
}

func (h *hiding) count(id ID) {
	c, b := &h.e.f.Contents()[id], &h.e.contents[id]
	for i, l := range h.rule.Hide.Labels {
		if slices.ContainsFunc(c.Labels, func(has string) bool { return strings.EqualFold(has, l) }) {
			h.labels[i]++
		}
	}
	for i, g := range h.globs {
		if g.match(c.Title) {
			h.titles[i]++
		}
	}
	if b.filter >= 0 {
		h.filters[b.filter]++
	}
	if b.is(flagNotCurrent | flagArchived) {
		h.status++
	}
	restricted := false
	for at := b.anchor; at >= 0; at = h.e.anchors[at].above {
		anchor := &h.e.anchors[at]
		if i := slices.Index(h.roots, anchor.page); i >= 0 {
			h.subtrees[i]++
		}
		restricted = restricted || anchor.restr != nil
	}
	if restricted {
		h.restricted++
	}
}

// group gives the rows of a group: what it is assigned to, and who of the
// directory is in it.
func (a *accessList) group(name string) (iter.Seq[AccessRow], error) {
	e := a.e
	source, bare, ok := e.findGroup(name)
	if !ok {
		return nil, fmt.Errorf("neither the directory nor a rule knows the group %s", strconv.Quote(name))
	}
	return func(yield func(AccessRow) bool) {
		label := source + "/" + bare
		for _, n := range e.rulesOfGroup(source, bare) {
			r := &e.rules[n]
			row, ok := a.target(AccessRow{Person: "group " + label, Effective: true}, r)
			if r.target == targetSuspended {
				row.What, row.State, row.Role, row.Why, ok = "nothing", "suspended", "", "suspended", true
			}
			if ok && !yield(row) {
				return
			}
		}
		users := e.f.Users()
		for _, p := range e.userParties() {
			id, ok := e.f.FindUser(UserName, p.name)
			if !ok || !e.inGroup(&users[id], source, bare) {
				continue
			}
			who, _ := p.viewer(e.p, e.f)
			v := e.View(who, a.now)
			row := AccessRow{Person: p.name, Kind: v.kind.String(), What: "member", Why: "group", By: label}
			switch v.suspended {
			case nil:
			case reasonInactiveViewer:
				row.State = "inactive"
			default:
				row.State = "suspended"
			}
			if !yield(row) {
				return
			}
		}
	}, nil
}

// findGroup reads a group's name: of the wiki, or SOURCE/NAME of the directory
// or of a rule.
func (e *Engine) findGroup(name string) (source, bare string, ok bool) {
	if id, ok := e.f.FindGroup(wikiSource, name); ok {
		return wikiSource, e.f.Groups()[id].Name, true
	}
	source, bare, ok = strings.Cut(name, "/")
	if !ok {
		source, bare = "", name
	}
	if id, ok := e.f.FindGroup(source, bare); ok {
		return source, e.f.Groups()[id].Name, true
	}
	for i := range e.rules {
		pr := &e.rules[i].principal
		if pr.kind != byGroup || pr.name != bare {
			continue
		}
		if source == "" && len(pr.sources) > 0 {
			return pr.sources[0], bare, true
		}
		if source == "" {
			source, _ = e.p.guessProvider("", nil)
			return source, bare, true
		}
		if pr.from(source) {
			return source, bare, true
		}
	}
	return "", "", false
}

// rulesOfGroup are the rules that cover whoever is in the group, by it.
func (e *Engine) rulesOfGroup(source, name string) []int32 {
	if source == wikiSource {
		return e.byWiki[name]
	}
	return slices.DeleteFunc(slices.Clone(e.byIdP[name]), func(n int32) bool { return !e.rules[n].principal.from(source) })
}

// inGroup reports whether a user of the directory is in a group, by the wiki or
// by claims that were kept.
func (e *Engine) inGroup(u *UserRecord, source, name string) bool {
	return slices.ContainsFunc(u.Groups, func(g string) bool {
		if source != wikiSource {
			return g == source+"/"+name
		}
		return closure(e.wikiGroup(g), e.outer)[name]
	})
}

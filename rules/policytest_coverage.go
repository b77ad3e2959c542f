package rules

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
)

// Coverage is what policy tests reach: which rules decided something or were
// live for somebody, and which routes of the profile a URL went to. The zero
// value is ready for use; a nil one learns nothing.
type Coverage struct {
	rules  map[coverKey]*CoveredRule
	routes map[coverKey]*CoveredRoute
}

type coverKey struct {
	file      string
	line, col int
	id        string
}

// CoveredRule is one rule of a policy.
type CoveredRule struct {
	Source
	What    string `json:"what"`
	Decided int    `json:"decided"` // cases whose verdict it gave
	Live    int    `json:"live"`    // cases in whose chain it stood and held
}

// CoveredRoute is one row of a profile's route table.
type CoveredRoute struct {
	Source
	Route string `json:"route"`
	Class Class  `json:"class"`
	Cases int    `json:"cases"`
}

// Rules lists what the policies of the run hold, in order of their place.
func (c *Coverage) Rules() []CoveredRule {
	return sortedCover(c.rules, func(r *CoveredRule) Source { return r.Source })
}

// Routes lists the routes of the profiles of the run.
func (c *Coverage) Routes() []CoveredRoute {
	return sortedCover(c.routes, func(r *CoveredRoute) Source { return r.Source })
}

func sortedCover[T any](m map[coverKey]*T, at func(*T) Source) []T {
	out := make([]T, 0, len(m))
	keys := make([]coverKey, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b coverKey) int {
		x, y := at(m[a]), at(m[b])
		return cmp.Or(strings.Compare(x.File, y.File), cmp.Compare(x.Line, y.Line), cmp.Compare(x.Col, y.Col), strings.Compare(a.id, b.id))
	})
	for _, k := range keys {
		out = append(out, *m[k])
	}
	return out
}

// Percent is the share of rules that decided or were live in some case; all of
// them where there is none.
func (c *Coverage) Percent() float64 {
	n := 0
	for _, r := range c.rules {
		if r.Decided+r.Live > 0 {
			n++
		}
	}
	return percent(n, len(c.rules))
}

// RoutePercent is the share of routes to which some URL went.
func (c *Coverage) RoutePercent() float64 {
	n := 0
	for _, r := range c.routes {
		if r.Cases > 0 {
			n++
		}
	}
	return percent(n, len(c.routes))
}

func percent(n, of int) float64 {
	if of == 0 {
		return 100
	}
	return 100 * float64(n) / float64(of)
}

// knows notes all that a policy holds that could be reached.
func (c *Coverage) knows(p *Policy) {
	if c == nil {
		return
	}
	if c.rules == nil {
		c.rules, c.routes = map[coverKey]*CoveredRule{}, map[coverKey]*CoveredRoute{}
	}
	for i := range p.Spaces {
		r := &p.Spaces[i]
		c.members(r.Members, "space "+r.Name)
		if r.OpenTo != "" {
			c.rule(r.File, r.Pos, "space.open_to", "space "+r.Name+" open_to: "+r.OpenTo)
		}
		for id, list := range map[string][]string{"space.hide.labels": r.Hide.Labels, "space.hide.titles": r.Hide.Titles, "space.hide.subtrees": r.Hide.Subtrees} {
			if len(list) > 0 {
				c.rule(r.File, r.Hide.Pos, id, "space "+r.Name+" hide "+id[len("space.hide."):]+" "+strings.Join(clip(list), ", "))
			}
		}
	}
	for i := range p.Pages {
		c.members(p.Pages[i].Members, "page "+p.Pages[i].Content)
	}
	for i := range p.Filters {
		c.rule(p.Filters[i].File, p.Filters[i].Pos, "filter", "filter "+strconv.Quote(p.Filters[i].Name))
	}
	for i := range p.URLs.Block {
		c.rule(p.URLs.Block[i].File, p.URLs.Block[i].Pos, "urls.block", "urls block "+p.URLs.Block[i].Match)
	}
	for i := range p.URLs.Allow {
		c.rule(p.URLs.Allow[i].File, p.URLs.Allow[i].Pos, "urls.allow", "urls allow "+p.URLs.Allow[i].Match)
	}
	for i := range p.Suspended {
		c.rule(p.Suspended[i].File, p.Suspended[i].Pos, "suspended", "suspended "+p.Suspended[i].principal.text())
	}
	for _, g := range p.Internal.Groups {
		c.rule(g.File, g.Pos, idInternal, "internal group "+g.Name)
	}
	for _, info := range p.Profile.RouteTable() {
		key := coverKey{file: p.Profile.Name, id: info.Pattern}
		if c.routes[key] == nil {
			c.routes[key] = &CoveredRoute{Source: Source{File: orDefault(info.File, p.Profile.Name), Line: info.Line}, Route: info.Pattern, Class: info.Class}
		}
	}
}

func (c *Coverage) members(ms []Member, of string) {
	for i := range ms {
		c.rule(ms[i].File, ms[i].Pos, "", of+" member "+ms[i].principal.text())
	}
}

func (c *Coverage) rule(file string, at Pos, id, what string) {
	key := coverKey{file, at.Line, at.Col, id}
	if c.rules[key] == nil {
		c.rules[key] = &CoveredRule{Source: Source{File: file, Line: at.Line, Col: at.Col}, What: what}
	}
}

// find gives the rule at a place. Of several in one place, such as the three
// ways to hide, the id tells which; members are alone in theirs.
func (c *Coverage) find(at *Source, id string) *CoveredRule {
	if at == nil {
		return nil
	}
	if r := c.rules[coverKey{at.File, at.Line, at.Col, id}]; r != nil {
		return r
	}
	return c.rules[coverKey{at.File, at.Line, at.Col, ""}]
}

// saw notes what the explanation of a case rests on.
func (c *Coverage) saw(p *Policy, x *Explanation) {
	if c == nil || x == nil {
		return
	}
	if r := c.find(x.Rule, x.ID); r != nil {
		r.Decided++
	}
	seen := map[*CoveredRule]bool{}
	x.Walk(func(part *Part) {
		r := c.find(part.Rule, part.ID)
		if r == nil || seen[r] || part.State == "ended" || part.What == whatNotInternal {
			return
		}
		seen[r] = true
		r.Live++
	})
	if u := x.URL; u != nil && u.Route != "" {
		for _, row := range append([]string{u.row}, u.partRows()...) {
			if r := c.routes[coverKey{file: p.Profile.Name, id: row}]; r != nil {
				r.Cases++
			}
		}
	}
}

// partRows are the rows of the route table that a request of several parts
// goes to besides its own.
func (u *URLReading) partRows() []string {
	rows := make([]string, len(u.Parts))
	for i, part := range u.Parts {
		rows[i] = u.row + " " + part
	}
	return rows
}

package rules

import (
	"slices"
	"strings"
)

// index sorts the rules by what a person must have to fall under them.
func (e *Engine) index() {
	e.byWiki, e.byIdP, e.byMail, e.bySub = map[string][]int32{}, map[string][]int32{}, map[string][]int32{}, map[string][]int32{}
	e.byUser = map[ID][]int32{}
	inner := map[string][]string{}
	e.outer = map[string][]string{}
	for _, g := range e.f.Groups() {
		if g.Source != "" && g.Source != wikiSource {
			continue
		}
		for _, in := range g.Groups {
			in = e.wikiGroup(in)
			inner[g.Name] = append(inner[g.Name], in)
			e.outer[in] = append(e.outer[in], g.Name)
		}
	}
	internal, groups := map[string]bool{}, e.groupsByName()
	for i := range e.rules {
		r := &e.rules[i]
		n := int32(i)
		switch pr := &r.principal; pr.kind {
		case byGroup:
			if pr.from(wikiSource) {
				for name := range closure(e.wikiGroup(pr.name), inner) {
					e.byWiki[name] = append(e.byWiki[name], n)
				}
			}
			if pr.sources == nil || slices.ContainsFunc(pr.sources, func(s string) bool { return s != wikiSource }) {
				e.byIdP[pr.name] = append(e.byIdP[pr.name], n)
			}
			if r.target == targetInternal {
				internal[pr.key()] = true
			} else {
				e.indexGroup(n, pr, groups)
			}
		case byDomain, byEmail:
			e.byMail[pr.name] = append(e.byMail[pr.name], n)
		case byIdentity:
			key := pr.sources[0] + "/" + pr.name
			e.bySub[key] = append(e.bySub[key], n)
		case byWikiUser:
			if id, ok := e.f.FindUser(UserName, pr.name); ok {
				e.byUser[id] = append(e.byUser[id], n)
			}
		}
		if r.until != forever {
			e.untils = append(e.untils, r.until)
		}
	}
	e.ends = make([]int64, len(e.rules))
	for i := range e.rules {
		pr := &e.rules[i].principal
		e.ends[i] = e.rules[i].until
		e.rules[i].internal = pr.kind == byGroup && internal[pr.key()]
	}
	slices.Sort(e.untils)
	e.untils = slices.Compact(e.untils)
}

func (pr *principal) key() string { return strings.Join(pr.sources, ",") + "/" + pr.name }

func (e *Engine) groupsByName() map[string][]ID {
	groups := e.f.Groups()
	byName := make(map[string][]ID, len(groups))
	for i := range groups {
		byName[groups[i].Name] = append(byName[groups[i].Name], ID(i))
	}
	return byName
}

// indexGroup notes which groups of the directory the rule shares a space with.
func (e *Engine) indexGroup(rule int32, pr *principal, byName map[string][]ID) {
	if e.rules[rule].target == targetSuspended {
		return
	}
	note := func(name string, of func(source string) bool) {
		for _, id := range byName[name] {
			if source := orDefault(e.f.Groups()[id].Source, wikiSource); of(source) && pr.from(source) {
				e.groupRules[id] = append(e.groupRules[id], rule)
			}
		}
	}
	note(pr.name, func(string) bool { return true })
	if spelled := e.wikiGroup(pr.name); spelled != pr.name {
		note(spelled, func(source string) bool { return source == wikiSource })
	}
}

// wikiGroup gives the group's name as the wiki spells it.
func (e *Engine) wikiGroup(name string) string {
	if id, ok := e.f.FindGroup(wikiSource, name); ok {
		return e.f.Groups()[id].Name
	}
	return name
}

// closure is everything that can be reached from a name; circles are harmless.
func closure(from string, next map[string][]string) map[string]bool {
	seen := map[string]bool{from: true}
	todo := []string{from}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, m := range next[n] {
			if !seen[m] {
				seen[m] = true
				todo = append(todo, m)
			}
		}
	}
	return seen
}

package rules

import (
	"slices"
)

// bindUsers notes for every user of the directory which rules cover him, as
// others see it: by the wiki's groups, by kept claims (groups written
// PROVIDER/NAME), by his e-mail field, identities and name.
func (e *Engine) bindUsers() {
	users := e.f.Users()
	e.users = make([]boundUser, len(users))
	e.asgStart = make([]int32, len(users)+1)
	e.allMail = len(users) > 0
	var hit []int32
	groups, unsure := map[string][]int32{}, e.newUnsure()
	for i := range users {
		u := &users[i]
		e.allMail = e.allMail && u.Email != ""
		hit = e.rulesOfRecord(hit[:0], ID(i), u, groups)
		b := boundUser{filterGlobal: -1, filterSpace: -1}
		if !isActive(u) {
			b.bits |= bitInactive
		}
		if unsure.of(e.p, u) {
			b.bits |= bitUnsure
		}
		for _, n := range hit {
			switch t := e.rules[n].target; t {
			case targetInternal:
				b.bits |= bitInternal
			case targetSuspended:
				b.bits |= bitSuspended
			default:
				b.bits |= bitEver
				e.asg = append(e.asg, assignment{n, t})
			}
		}
		e.filterUser(u, &b)
		e.users[i] = b
		e.asgStart[i+1] = int32(len(e.asg))
	}
}

// rulesOfRecord appends the rules that cover a user, as others see him, to hit.
// Those of a group are worked out once, and kept in groups.
func (e *Engine) rulesOfRecord(hit []int32, id ID, u *UserRecord, groups map[string][]int32) []int32 {
	for _, g := range u.Groups {
		of, known := groups[g]
		if !known {
			of = e.groupRulesOf(g)
			groups[g] = of
		}
		hit = append(hit, of...)
	}
	if u.Email != "" {
		if address, domain, ok := canonAddress(u.Email); ok {
			hit = append(append(hit, e.byMail[address]...), e.byMail[domain]...)
		}
	}
	for _, s := range u.Identities {
		hit = append(hit, e.bySub[s]...)
	}
	hit = append(hit, e.byUser[id]...)
	slices.Sort(hit)
	return slices.Compact(hit)
}

// groupRulesOf gives the rules that cover the members of a group, as a record
// names it.
func (e *Engine) groupRulesOf(g string) []int32 {
	hit := slices.Clip(e.byWiki[e.wikiGroup(g)])
	if _, isWiki := e.f.FindGroup(wikiSource, g); isWiki {
		return hit
	}
	if source, name, ok := e.p.qualifier(g); ok {
		trusted := e.p.trustsInternal(&Viewer{Provider: source})
		for _, n := range e.byIdP[name] {
			// Who is internal only a provider trusted for it says.
			if r := &e.rules[n]; r.principal.from(source) && (r.target != targetInternal || trusted) {
				hit = append(hit, n)
			}
		}
	}
	return hit
}

func (e *Engine) filterUser(u *UserRecord, b *boundUser) {
	for i := range e.p.Filters {
		f := &e.p.Filters[i]
		if f.Hide != "users" || f.program == nil {
			continue
		}
		hide, failed := f.program.hides(userVars{u})
		if failed {
			e.failed++
		}
		if !hide {
			continue
		}
		if f.global {
			if b.filterGlobal < 0 {
				b.filterGlobal = int16(i)
			}
			if !f.OneWay {
				b.bits |= bitPairGlobal
			}
		}
		if f.space {
			if b.filterSpace < 0 {
				b.filterSpace = int16(i)
			}
			if !f.OneWay {
				b.bits |= bitPairSpace
			}
		}
	}
}

// rulesOfViewer gives the rules that cover a viewer by what sign-in
// established; linked is his wiki user, or NoID.
func (e *Engine) rulesOfViewer(v *Viewer, linked ID) []int32 {
	var hit []int32
	add := func(rules []int32, ok func(r *boundRule) bool) {
		for _, n := range rules {
			if ok(&e.rules[n]) {
				hit = append(hit, n)
			}
		}
	}
	trustsInternal, trustsMail := e.p.trustsInternal(v), e.p.trustsEmail(v)
	if linked != NoID {
		for _, g := range e.f.Users()[linked].Groups {
			if source, _, ok := e.p.qualifier(g); ok && source != wikiSource {
				if _, isWiki := e.f.FindGroup(wikiSource, g); !isWiki {
					continue // kept claims are for others' views; his own come with him
				}
			}
			add(e.byWiki[e.wikiGroup(g)], func(r *boundRule) bool { return r.target != targetInternal || v.WikiVouches })
		}
		add(e.byUser[linked], func(r *boundRule) bool { return r.target != targetInternal })
	}
	if v.Provider != "" && v.Provider != wikiSource {
		for _, g := range v.Groups {
			add(e.byIdP[g], func(r *boundRule) bool {
				return r.principal.from(v.Provider) && (r.target != targetInternal || trustsInternal)
			})
		}
		add(e.bySub[v.Provider+"/"+v.Subject], func(*boundRule) bool { return true })
	}
	if address, domain, ok := canonAddress(v.Email); ok {
		// Suspension needs no trust: whoever says that he is the suspended one
		// is treated so.
		ok := func(r *boundRule) bool { return trustsMail || r.target == targetSuspended }
		add(e.byMail[address], ok)
		add(e.byMail[domain], ok)
	}
	slices.Sort(hit)
	return slices.Compact(hit)
}

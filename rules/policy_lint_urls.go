package rules

import (
	"slices"
	"strings"
)

// urls compares the policy's patterns with one another and with the profile's
// routes. A block wins over an allow, and refuses what no route names anyway.
func (l *linter) urls() {
	blocks, allows := l.p.URLs.Block, l.p.URLs.Allow
	for i := range blocks {
		b := &blocks[i]
		l.file = b.File
		for j := range blocks {
			// Of two that are alike, the later is one too many.
			o := &blocks[j]
			if i == j || !sameExcept(b, o) && len(o.ExceptRoles) > 0 || !o.pattern.covers(b.pattern) || i < j && b.pattern.covers(o.pattern) {
				continue
			}
			if b.pattern.covers(o.pattern) {
				if !sameExcept(b, o) {
					l.error(b.Pos, "the pattern %q stands twice with other roles, first at %s:%d; both hold", b.Match, o.File, o.Pos.Line)
				} else {
					l.error(b.Pos, "the pattern %q stands twice, first at %s:%d", b.Match, o.File, o.Pos.Line)
				}
			} else {
				l.warn(b.Pos, "%q is blocked already, by %q at %s:%d", b.Match, o.Match, o.File, o.Pos.Line)
			}
			break
		}
		l.block(b)
	}
	for i := range allows {
		a := &allows[i]
		l.file = a.File
		for j := range i {
			if o := &allows[j]; o.pattern.covers(a.pattern) {
				l.error(a.Pos, "%q is allowed already, by %q at %s:%d", a.Match, o.Match, o.File, o.Pos.Line)
				break
			}
		}
		for j := range blocks {
			if b := &blocks[j]; len(b.ExceptRoles) == 0 && b.pattern.covers(a.pattern) {
				l.error(a.Pos, "%q is blocked by %q at %s:%d, and a block wins; the rules contradict each other", a.Match, b.Match, b.File, b.Pos.Line)
				break
			}
		}
		l.allow(a)
	}
}

func sameExcept(a, b *URLRule) bool { return a.except == b.except }

func (l *linter) block(b *URLRule) {
	routes := l.p.Profile.meet(b.pattern)
	if len(routes) == 0 {
		l.warn(b.Pos, "%q matches no route of the profile %s: it is refused without this rule", b.Match, l.p.Profile.Name)
	}
	if len(b.ExceptRoles) == 0 || b.pattern.space >= 0 {
		return
	}
	named := false
	for _, rt := range routes {
		rt.each(map[*route]bool{}, func(r *route) {
			for _, t := range r.params {
				named = named || t.entity()
			}
		})
	}
	if !named {
		l.error(l.at(b.Pos, "except_roles"), "except_roles needs a space in the URL, such as {key:space.key}: nobody has a role here")
	}
}

func (l *linter) allow(a *URLRule) {
	classes := map[Class]bool{}
	for _, rt := range l.p.Profile.meet(a.pattern) {
		rt.each(map[*route]bool{}, func(r *route) {
			if r.by == nil && !r.closed && r.class != "" {
				classes[r.class] = true
			}
		})
	}
	has := func(ok func(Class) bool) bool { return slices.ContainsFunc(sortedClasses(classes), ok) }
	switch {
	case len(classes) == 0:
		l.error(a.Pos, "%q matches no route of the profile %s, and what no route names is refused; add the route to a profile of your own (extends:)", a.Match, l.p.Profile.Name)
	case !has(func(c Class) bool { return mayOpen(c, Internal) }):
		l.error(a.Pos, "%q is of a class that nothing opens: %s", a.Match, strings.Join(words(sortedClasses(classes)), ", "))
	case !has(func(c Class) bool { return mayOpen(c, External) }):
		l.warn(a.Pos, "%q opens to internals only: its class %s never opens to externals", a.Match, strings.Join(words(sortedClasses(classes)), ", "))
	case !has(func(c Class) bool { return classTable[c][External] != opened || classTable[c][Internal] != opened }):
		l.warn(a.Pos, "%q is open without this rule", a.Match)
	}
}

func sortedClasses(set map[Class]bool) []Class {
	var out []Class
	for _, c := range classes {
		if set[c] {
			out = append(out, c)
		}
	}
	return out
}

// each visits a route and all that it hands on to: variants, parts, special
// pages.
func (rt *route) each(seen map[*route]bool, f func(*route)) {
	if seen[rt] {
		return
	}
	seen[rt] = true
	f(rt)
	if rt.by != nil {
		for _, r := range rt.by.variants {
			r.each(seen, f)
		}
	}
	for _, r := range rt.part {
		r.each(seen, f)
	}
	for _, r := range rt.specialRoutes {
		r.each(seen, f)
	}
}

// covers reports whether every request of o is one of p. Types of wildcards are
// compared only where both have the same.
func (p *urlPattern) covers(o *urlPattern) bool {
	if p == nil || o == nil {
		return false
	}
	for _, m := range o.methodsOr(httpMethods) {
		if !slices.Contains(p.methodsOr(httpMethods), m) {
			return false
		}
	}
	if len(o.segments) < len(p.segments) || !p.rest && (o.rest || len(o.segments) != len(p.segments)) {
		return false
	}
	for i := range p.segments {
		if !p.segments[i].covers(&o.segments[i]) {
			return false
		}
	}
	return true
}

func (p *urlPattern) methodsOr(all []string) []string {
	if p.methods == nil {
		return all
	}
	return p.methods
}

func (s *urlSegment) covers(o *urlSegment) bool {
	switch {
	case !s.wild:
		return !o.wild && s.prefix == o.prefix
	case !o.wild:
		return s.match(o.prefix, false)
	}
	return strings.HasPrefix(o.prefix, s.prefix) && strings.HasSuffix(o.suffix, s.suffix) &&
		(s.enum == nil || o.enum != nil && !slices.ContainsFunc(o.enum, func(v string) bool { return !slices.Contains(s.enum, v) })) &&
		(!s.digits || o.digits)
}

// meet gives the routes that a request of the pattern may take.
func (p *Profile) meet(u *urlPattern) []*route {
	if p == nil || u == nil {
		return nil
	}
	var out []*route
	for _, rt := range p.routes().routes {
		if slices.ContainsFunc(rt.patterns, func(pat *pattern) bool { return u.meets(pat, p.Canon.FoldPath) }) {
			out = append(out, rt)
		}
	}
	return out
}

// meets reports whether a request may match both; where that is hard to say, it
// says so.
func (p *urlPattern) meets(pat *pattern, fold bool) bool {
	if p.methods != nil && !slices.ContainsFunc(pat.methods, func(m string) bool { return slices.Contains(p.methods, m) }) {
		return false
	}
	own := trimSlash(p.segments, func(s urlSegment) bool { return !s.wild && s.prefix == "" })
	other := trimSlash(pat.segs, func(s patSeg) bool { return s.kind == segLiteral && s.lit == "" })
	for i := 0; ; i++ {
		switch {
		case i < len(other) && other[i].kind == segRest:
			return true
		case i == len(own):
			return p.rest || i == len(other)
		case i == len(other):
			return false
		case !own[i].meets(&other[i], fold):
			return false
		}
	}
}

func (s *urlSegment) meets(o *patSeg, fold bool) bool {
	lower := func(s string) string {
		if fold {
			return strings.ToLower(s)
		}
		return s
	}
	if o.kind == segLiteral {
		return s.match(o.lit, fold)
	}
	if values, ok := strings.CutPrefix(o.typ, "enum("); ok {
		return slices.ContainsFunc(strings.Split(strings.TrimSuffix(values, ")"), ","), func(v string) bool {
			return s.match(o.prefix+strings.TrimSpace(v)+o.suffix, fold)
		})
	}
	if !s.wild {
		lit := lower(s.prefix)
		return strings.HasPrefix(lit, lower(o.prefix)) && strings.HasSuffix(lit, lower(o.suffix)) && len(lit) > len(o.prefix)+len(o.suffix)
	}
	a, b := lower(s.prefix), lower(o.prefix)
	c, d := lower(s.suffix), lower(o.suffix)
	return (strings.HasPrefix(a, b) || strings.HasPrefix(b, a)) && (strings.HasSuffix(c, d) || strings.HasSuffix(d, c))
}

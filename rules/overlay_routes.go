package rules

import (
	"slices"
	"strings"
)

// routes lays the overlay's routes over the ones below. One with the pattern of
// a route below adds to it, or closes it; any other must not take requests that
// a route below judges, so that none is judged by less.
func (o *overlay) routes() {
	p := o.base
	below := len(p.Routes)
	shipped := make([][]*pattern, below)
	for i := range p.Routes {
		shipped[i] = patternsOf(&p.Routes[i])
	}
	for i := range o.over.profile.Routes {
		r := &o.over.profile.Routes[i]
		path := []any{"routes", i}
		at := slices.IndexFunc(p.Routes[:below], func(b RouteSpec) bool { return samePattern(b.Match, r.Match) })
		switch {
		case at >= 0:
			o.addTo(&p.Routes[at], r, path)
			from := &o.layers.lists["routes"][at]
			from.more = &origin{src: o.over, index: i, more: from.more}
		case r.Closed:
			o.fail(path, "closed: the profile below has no route %s%s", r.Match, suggest(r.Match, matches(p.Routes)))
		default:
			o.apart(r, path, p.Routes[:below], shipped)
			p.Routes = append(p.Routes, *r)
			o.layers.lists["routes"] = append(o.layers.lists["routes"], origin{src: o.over, index: i})
		}
	}
}

func (o *overlay) specials() {
	if o.layers.keys["specials"] == nil {
		o.layers.keys["specials"] = map[string]*origin{}
	}
	from := o.layers.keys["specials"]
	for _, name := range sortedKeys(o.over.profile.Specials) {
		s := o.over.profile.Specials[name]
		path := []any{"specials", name}
		old, ok := o.base.Specials[name]
		switch {
		case ok:
			o.addTo(&old, &s, path)
			copyInto(&o.base.Specials, map[string]RouteSpec{name: old})
			from[name].more = &origin{src: o.over, more: from[name].more}
		case s.Closed:
			o.fail(path, "closed: the profile below has no special page %s%s", name, suggest(name, sortedKeys(o.base.Specials)))
		default:
			copyInto(&o.base.Specials, map[string]RouteSpec{name: s})
			from[name] = &origin{src: o.over}
		}
	}
}

// addTo adds to a route below what can't loosen it: parameters, variants and
// parts that it has not, denials, members to drop. All else stays as it is.
func (o *overlay) addTo(to, add *RouteSpec, path []any) {
	if add.Closed {
		to.Closed = true
		return
	}
	at := func(key ...any) []any { return append(slices.Clone(path), key...) }
	switch {
	case add.Class != "" && add.Class != to.Class:
		o.fail(at("class"), "the route below is of class %s; an overlay cannot change it", to.Class)
	case add.Response != nil && !onlyDrops(add.Response):
		o.fail(at("response"), "an overlay can only drop members of an answer to a route below")
	}
	for _, k := range []struct {
		key  string
		said bool
	}{
		{"also", len(add.Also) > 0},
		{"action", add.Action != "" && add.Action != to.Action},
		{"methods", add.Methods != nil},
		{"read", add.Read && !to.Read},
		{"need", add.Need != nil},
		{"need_any", add.NeedAny != nil},
		{"agree", add.Agree != "" && add.Agree != to.Agree},
		{"force", len(add.Force.Params)+len(add.Force.Headers) > 0},
		{"narrow", add.Narrow != nil},
		{"page", add.Page != nil},
		{"evidence", add.Evidence != nil},
		{"mixed", add.Mixed != ""},
		{"leads", add.Leads != ""},
		{"context", add.Context != ""},
		{"subpage", add.Subpage != ""},
		{"specials", add.Specials != ""},
		{"by", add.By != nil},
		{"parts", add.Parts != nil},
		{"prefix", add.Prefix != "" && add.Prefix != to.Prefix},
	} {
		if k.said {
			o.fail(at(k.key), "an overlay cannot change %s of a route below; it can add params, variants, parts and denials, and close", k.key)
		}
	}
	o.addParams(to, add, path)
	to.Deny = append(slices.Clone(to.Deny), add.Deny...)
	if add.Response != nil && onlyDrops(add.Response) {
		resp := ResponseSpec{}
		if to.Response != nil {
			resp = *to.Response
		}
		resp.Drop = append(slices.Clone(resp.Drop), add.Response.Drop...)
		to.Response = &resp
	}
	o.addSub(&to.Variants, add.Variants, at("variants"), "|")
	o.addSub(&to.Part, add.Part, at("part"), "")
}

func (o *overlay) addParams(to, add *RouteSpec, path []any) {
	for _, name := range sortedKeys(add.Params) {
		typ := add.Params[name]
		old, ok := to.Params[name]
		if name == "*" && !ok {
			old, ok = "refuse", true
		}
		if ok && old != typ && typ != "refuse" {
			o.fail(append(slices.Clone(path), "params", name), "the route below has %q as %s; an overlay can only refuse it", name, old)
			continue
		}
		if name != "*" || ok && typ == "refuse" {
			copyInto(&to.Params, map[string]string{name: typ})
		}
	}
}

// addSub adds variants (whose keys may be "a|b") or parts.
func (o *overlay) addSub(to *map[string]RouteSpec, add map[string]RouteSpec, path []any, sep string) {
	values := map[string]bool{}
	for have := range *to {
		for v := range strings.SplitSeq(have, sep) {
			values[v] = sep != ""
		}
	}
	for _, key := range sortedKeys(add) {
		sub := add[key]
		at := append(slices.Clone(path), key)
		if old, ok := (*to)[key]; ok {
			o.addTo(&old, &sub, at)
			copyInto(to, map[string]RouteSpec{key: old})
			continue
		}
		taken := slices.ContainsFunc(strings.Split(key, sep), func(v string) bool { return values[v] })
		switch {
		case taken:
			o.fail(at, "%q takes a value of a variant below; name that variant as it is written there", key)
		case sub.Closed:
			o.fail(at, "closed: there is no %q below%s", key, suggest(key, sortedKeys(*to)))
		default:
			copyInto(to, map[string]RouteSpec{key: sub})
		}
	}
}

func onlyDrops(r *ResponseSpec) bool {
	bare := *r
	bare.Drop = nil
	return bare.Types == nil && bare.Dict == nil && bare.Parallel == nil && bare.Subject == nil && bare.Fields == nil && bare.JSJSON == nil && bare.Also == nil &&
		bare.Unknown == "" && bare.Codec == "" && bare.Empty == 0 && !bare.Fragment && bare.Renumber == "" && bare.Cache == ""
}

// apart refuses a route that takes requests which one below judges, closed ones
// included: being more particular, it would win.
func (o *overlay) apart(r *RouteSpec, path []any, below []RouteSpec, shipped [][]*pattern) {
	for _, mine := range patternsOf(r) {
		for i, theirs := range shipped {
			for _, pat := range theirs {
				if mine.overlaps(pat, o.base.Canon.FoldPath) {
					o.fail(path, "%q takes requests that the route below %q judges; add to that one, or close it", mine.src, below[i].Match)
					return
				}
			}
		}
	}
}

func patternsOf(r *RouteSpec) []*pattern {
	var out []*pattern
	for _, src := range append([]string{r.Match}, r.Also...) {
		if pat, err := parsePattern(src); err == nil {
			out = append(out, pat)
		}
	}
	return out
}

// samePattern: blanks and a GET that is left out make no other pattern.
func samePattern(a, b string) bool {
	x, err1 := parsePattern(a)
	y, err2 := parsePattern(b)
	return err1 == nil && err2 == nil && slices.Equal(x.methods, y.methods) && slices.Equal(x.segs, y.segs)
}

// overlaps says that some request is taken by both patterns. Captures of a
// closed set count as the literals that they are.
func (p *pattern) overlaps(q *pattern, fold bool) bool {
	if !slices.ContainsFunc(p.methods, func(m string) bool { return slices.Contains(q.methods, m) }) {
		return false
	}
	for i := 0; ; i++ {
		switch {
		case i >= len(p.segs) || i >= len(q.segs):
			return i >= len(p.segs) && i >= len(q.segs)
		case p.segs[i].kind == segRest || q.segs[i].kind == segRest:
			return true
		case !p.segs[i].meets(&q.segs[i], fold):
			return false
		}
	}
}

// meets says that some segment is taken by both.
func (s *patSeg) meets(t *patSeg, fold bool) bool {
	for _, a := range s.literals() {
		for _, b := range t.literals() {
			switch {
			case a == nil && b == nil:
				if affixesMeet(s, t) {
					return true
				}
			case a == nil && s.takes(*b), b == nil && t.takes(*a):
				return true
			case a != nil && b != nil && (*a == *b || fold && strings.EqualFold(*a, *b)):
				return true
			}
		}
	}
	return false
}

// literals are the texts that a segment stands for; nil stands for any.
func (s *patSeg) literals() []*string {
	if s.kind == segLiteral {
		return []*string{&s.lit}
	}
	inner, ok := strings.CutPrefix(s.typ, "enum(")
	if !ok || !strings.HasSuffix(inner, ")") {
		return []*string{nil}
	}
	var out []*string
	for w := range strings.SplitSeq(strings.TrimSuffix(inner, ")"), ",") {
		lit := s.prefix + strings.TrimSpace(w) + s.suffix
		out = append(out, &lit)
	}
	return out
}

func (s *patSeg) takes(lit string) bool {
	return lit != "" && len(lit) > len(s.prefix)+len(s.suffix)-1 && strings.HasPrefix(lit, s.prefix) && strings.HasSuffix(lit, s.suffix)
}

func affixesMeet(s, t *patSeg) bool {
	return (strings.HasPrefix(s.prefix, t.prefix) || strings.HasPrefix(t.prefix, s.prefix)) &&
		(strings.HasSuffix(s.suffix, t.suffix) || strings.HasSuffix(t.suffix, s.suffix))
}

func matches(rs []RouteSpec) []string {
	out := make([]string, len(rs))
	for i := range rs {
		out[i] = rs[i].Match
	}
	return out
}

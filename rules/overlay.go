package rules

import (
	"maps"
	"slices"
)

// overlay lays a site's profile over a shipped one: it adds routes, fields and
// selectors and closes some, but loosens nothing that the shipped one denies.
func (c *profileCheck) overlay(base, over *source) *Profile {
	p, o := base.profile, over.profile
	p.Extends = o.Extends
	if o.Name != "" {
		p.Name = o.Name
	}
	if o.Versions != "" {
		p.Versions = o.Versions
	}
	c.overlayRoutes(base, over)
	c.overlayFields(p, o)
	p.Canon.Refuse = addRefuse(p.Canon.Refuse, o.Canon.Refuse)
	p.Canon.Strip = append(p.Canon.Strip, o.Canon.Strip...)
	p.Canon.DropParams = append(p.Canon.DropParams, o.Canon.DropParams...)
	p.Canon.RefuseParams = append(p.Canon.RefuseParams, o.Canon.RefuseParams...)
	if o.Canon.FoldPath || o.Canon.Params.Duplicate != "" || o.Canon.Params.ListSeparator != "" || o.Canon.PlusIsSpace != nil {
		c.fail([]any{"canon"}, "an overlay cannot change how the wiki reads paths and parameters")
	}
	if o.Titles != nil {
		c.fail([]any{"titles"}, "an overlay cannot change how the wiki spells titles")
	}
	copyInto(&p.Types, o.Types)
	p.Shapes = append(o.Shapes, p.Shapes...)
	p.HTML = append(p.HTML, o.HTML...)
	p.Scripts = append(p.Scripts, o.Scripts...)
	p.Feeds = append(p.Feeds, o.Feeds...)
	p.Prose = append(p.Prose, o.Prose...)
	p.Identities = append(p.Identities, o.Identities...)
	p.Self = append(p.Self, o.Self...)
	for _, s := range []struct{ to, from *string }{
		{&p.Show.HiddenUser, &o.Show.HiddenUser},
		{&p.Show.HiddenPage, &o.Show.HiddenPage},
		{&p.Show.HiddenSpace, &o.Show.HiddenSpace},
		{&p.Show.Avatar, &o.Show.Avatar},
		{&p.Show.Image, &o.Show.Image},
	} {
		if *s.from != "" {
			*s.to = *s.from
		}
	}
	p.Headers.Response = append(p.Headers.Response, o.Headers.Response...)
	p.Headers.Cookies = append(p.Headers.Cookies, o.Headers.Cookies...)
	if o.Sync != nil {
		p.Sync = o.Sync
	}
	p.Lookup = append(p.Lookup, o.Lookup...)
	if o.WhoAmI != nil {
		p.WhoAmI = o.WhoAmI
	}
	p.Examples = o.Examples
	return p
}

func addRefuse(base, over []string) []string {
	if over == nil {
		return base
	}
	if base == nil {
		base = defaultRefuse
	}
	return append(slices.Clone(base), over...)
}

// overlayRoutes adds the overlay's routes. One with the pattern of a shipped
// route takes its place and keeps its conditions of denial; one that is closed
// takes it out.
func (c *profileCheck) overlayRoutes(base, over *source) {
	p, o := base.profile, over.profile
	for i := range p.Routes {
		c.routeFrom = append(c.routeFrom, origin{base, i})
	}
	for i := range o.Routes {
		r := o.Routes[i]
		at := slices.IndexFunc(p.Routes, func(b RouteSpec) bool { return b.Match == r.Match })
		switch {
		case at < 0 && r.Closed:
			c.errs.push(over.file, &Error{
				Line: over.find([]any{"routes", i}).Line, Col: 1,
				Msg: "closed: the shipped profile has no route " + r.Match + suggest(r.Match, matches(p.Routes)),
			})
		case at < 0:
			p.Routes = append(p.Routes, r)
			c.routeFrom = append(c.routeFrom, origin{over, i})
		case r.Closed:
			p.Routes[at].Closed = true
		default:
			r.Deny = append(slices.Clone(p.Routes[at].Deny), r.Deny...)
			if len(p.Routes[at].Variants) > 0 || len(p.Routes[at].Part) > 0 {
				c.errs.push(over.file, &Error{
					Line: over.find([]any{"routes", i}).Line, Col: 1,
					Msg: "a shipped route with variants or parts can only be closed: " + r.Match,
				})
				continue
			}
			p.Routes[at] = r
			c.routeFrom[at] = origin{over, i}
		}
	}
	c.specialFrom = map[string]*source{}
	for name := range p.Specials {
		c.specialFrom[name] = base
	}
	for name, s := range o.Specials {
		if old, ok := p.Specials[name]; ok {
			if s.Closed {
				old.Closed = true
				p.Specials[name] = old
				continue
			}
			s.Deny = append(slices.Clone(old.Deny), s.Deny...)
		}
		copyInto(&p.Specials, map[string]RouteSpec{name: s})
		c.specialFrom[name] = over
	}
}

func matches(rs []RouteSpec) []string {
	out := make([]string, len(rs))
	for i := range rs {
		out[i] = rs[i].Match
	}
	return out
}

// overlayFields adds fields; what the shipped profile reads can only be dropped.
func (c *profileCheck) overlayFields(p, o *Profile) {
	fields := maps.Clone(p.Fields)
	for _, key := range sortedKeys(o.Fields) {
		if old, ok := fields[key]; ok && old != o.Fields[key] && o.Fields[key] != "drop" {
			c.fail([]any{"fields", key}, "the shipped profile reads %q as %s; an overlay can only drop it", key, old)
			continue
		}
		copyInto(&fields, map[string]FieldSpec{key: o.Fields[key]})
	}
	p.Fields = fields
}

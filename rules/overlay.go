package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// overlay lays a site's profile over another: it adds routes, fields and
// selectors and closes some, but loosens nothing that the one below denies.
// What it adds is asked last: what the one below recognises is judged as it
// says.
type overlay struct {
	base   *Profile // becomes the result
	over   *source
	layers *layers // of base; the overlay's places are added
	errs   Errors
}

func (o *overlay) fail(path []any, format string, args ...any) {
	n, _ := o.over.find(path)
	o.errs.push(o.over.file, &Error{Line: n.Line, Col: n.Column, Msg: fmt.Sprintf(format, args...)})
}

func (o *overlay) apply() (*Profile, error) {
	p, over := o.base, o.over.profile
	o.routes()
	o.specials()
	o.fields()
	o.types()
	o.canon()
	o.directory()
	// The places of what is added below; routes and special pages have theirs.
	routes, specials := o.layers.lists["routes"], o.layers.keys["specials"]
	o.layers.add(o.over)
	o.layers.lists["routes"], o.layers.keys["specials"] = routes, specials
	o.layers.src = o.over

	p.Extends = over.Extends
	for _, s := range []struct{ to, from *string }{
		{&p.Name, &over.Name},
		{&p.Versions, &over.Versions},
		{&p.SpaceURL, &over.SpaceURL},
		{&p.Show.HiddenUser, &over.Show.HiddenUser},
		{&p.Show.HiddenPage, &over.Show.HiddenPage},
		{&p.Show.HiddenSpace, &over.Show.HiddenSpace},
		{&p.Show.Avatar, &over.Show.Avatar},
		{&p.Show.Image, &over.Show.Image},
	} {
		if *s.from != "" {
			*s.to = *s.from
		}
	}
	p.Shapes = append(p.Shapes, over.Shapes...)
	p.HTML = append(p.HTML, over.HTML...)
	p.Scripts = append(p.Scripts, over.Scripts...)
	p.Feeds = append(p.Feeds, over.Feeds...)
	p.Prose = append(p.Prose, over.Prose...)
	p.Identities = append(p.Identities, over.Identities...)
	p.TextPaths = append(p.TextPaths, over.TextPaths...)
	p.LinkNames = append(p.LinkNames, over.LinkNames...)
	p.Self = append(p.Self, over.Self...)
	p.Lookup = append(p.Lookup, over.Lookup...)
	p.Headers.Response = append(p.Headers.Response, over.Headers.Response...)
	p.Headers.Cookies = append(p.Headers.Cookies, over.Headers.Cookies...)
	p.Examples = over.Examples
	return p, o.errs.err()
}

// canon: paths and parameters are read as below, only more of them refused or
// dropped.
func (o *overlay) canon() {
	to, from := &o.base.Canon, &o.over.profile.Canon
	to.Refuse = addRefuse(to.Refuse, from.Refuse)
	to.Strip = append(to.Strip, from.Strip...)
	to.DropParams = append(to.DropParams, from.DropParams...)
	to.RefuseParams = append(to.RefuseParams, from.RefuseParams...)
	for i, name := range from.DropParams {
		if slices.Contains(to.RefuseParams, name) {
			o.fail([]any{"canon", "drop_params", i}, "%q is refused on every route; an overlay cannot drop it instead", name)
		}
	}
	for _, name := range sortedKeys(from.LinkParams) {
		if to.LinkParams[name] != "" || slices.Contains(to.DropParams, name) || slices.Contains(to.RefuseParams, name) {
			o.fail([]any{"canon", "link_params", name}, "%q is read below; an overlay cannot change it", name)
		}
	}
	if len(from.LinkParams) > 0 {
		links := maps.Clone(to.LinkParams)
		copyInto(&links, from.LinkParams)
		to.LinkParams = links
	}
	if from.FoldPath || from.Params.Duplicate != "" || from.Params.ListSeparator != "" || from.PlusIsSpace != nil {
		o.fail([]any{"canon"}, "an overlay cannot change how the wiki reads paths and parameters")
	}
	if o.over.profile.Titles != nil {
		o.fail([]any{"titles"}, "an overlay cannot change how the wiki spells titles")
	}
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

// fields adds fields; what is read below can only be dropped.
func (o *overlay) fields() {
	fields := maps.Clone(o.base.Fields)
	for _, key := range sortedKeys(o.over.profile.Fields) {
		word := o.over.profile.Fields[key]
		if old, ok := fields[key]; ok && old != word && word != "drop" {
			o.fail([]any{"fields", key}, "the profile below reads %q as %s; an overlay can only drop it", key, old)
			continue
		}
		copyInto(&fields, map[string]FieldSpec{key: word})
	}
	o.base.Fields = fields
}

func (o *overlay) types() {
	for _, name := range sortedKeys(o.over.profile.Types) {
		src := o.over.profile.Types[name]
		if old, ok := o.base.Types[name]; ok && old != src {
			o.fail([]any{"types", name}, "the profile below has a type %q; an overlay cannot change what it takes", name)
			continue
		}
		copyInto(&o.base.Types, map[string]string{name: src})
	}
}

// directory: a site may list its wiki in another way, but nothing of what
// decides who sees a thing may get lost on it.
func (o *overlay) directory() {
	p, over := o.base, o.over.profile
	if over.WhoAmI != nil {
		if p.WhoAmI != nil {
			o.fail([]any{"who_am_i"}, "an overlay cannot change whom a session is taken for")
		}
		p.WhoAmI = over.WhoAmI
	}
	if over.Login != nil {
		p.Login = over.Login
	}
	if over.Sync == nil {
		return
	}
	if p.Sync != nil {
		have := recordFields(over.Sync)
		for _, f := range slices.Sorted(maps.Keys(recordFields(p.Sync))) {
			if !have[f] {
				o.fail([]any{"sync"}, "the profile below lists %s, on which verdicts hang; this sync: no longer does", f)
			}
		}
	}
	p.Sync = over.Sync
}

// recordFields are what the records of a listing hold, as "content.labels":
// what narrows who may see them.
func recordFields(s *Sync) map[string]bool {
	out := map[string]bool{}
	for i := range s.Steps {
		for f := range s.Steps[i].Record {
			switch f, _, _ := strings.Cut(f, "."); f {
			case "restricted_to", "labels", "status", "parent", "owner", "includes", "used_by", "groups":
				out[s.Steps[i].Into+"."+f] = true
			}
		}
	}
	return out
}

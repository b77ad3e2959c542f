package jsonrewrite

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/rules"
)

// route is a compiled response and page.
type route struct {
	keepUnknown bool
	fields      []*field          // by number of the name; nil: the route says nothing
	others      map[string]*field // of names without a number
	paths       []pathField       // by path from the root
	parallel    []path
	subject     []place
	lists       []path // of the pages' items
	whole       path   // of the first list, groups and all
	negative    bool
}

type pathField struct {
	path  path
	field *field
}

// compileRoute reads a route's response and page, once.
func (p *Program) compileRoute(in *Input) (*route, error) {
	if len(in.Pages) > 0 {
		pages := in.Pages
		if in.Page != nil && !slices.Contains(pages, in.Page) {
			pages = append([]*rules.PageSpec{in.Page}, pages...)
		}
		r, err := p.newRoute(in.Response, pages...)
		if err != nil {
			return nil, fmt.Errorf("response: %w", err)
		}
		return r, nil
	}
	key := routeKey{in.Response, in.Page}
	if r, ok := p.routes.Load(key); ok {
		return r.(*route), nil
	}
	r, err := p.newRoute(in.Response, in.Page)
	if err != nil {
		return nil, fmt.Errorf("response: %w", err)
	}
	p.routes.Store(key, r)
	return r, nil
}

func (p *Program) newRoute(rs *rules.ResponseSpec, pages ...*rules.PageSpec) (*route, error) {
	r := &route{}
	add := func(at string, f field) error {
		if at == "" {
			return nil
		}
		pa, err := p.parsePath(at)
		r.paths = append(r.paths, pathField{pa, &f})
		return err
	}
	if rs != nil {
		r.keepUnknown = rs.Unknown == "keep"
		r.negative = rs.Renumber == "negative"
		if err := p.addFields(r, rs.Fields, add); err != nil {
			return nil, err
		}
		for _, at := range slices.Sorted(maps.Keys(rs.Dict)) {
			attr := rs.Dict[at]
			a, ok := rules.ParseAttr(attr)
			if !ok {
				return nil, fmt.Errorf("dict %q: unknown attribute %q", at, attr)
			}
			// The wiki makes up numbers for pages that it has not; whatever else
			// has a negative number bears it.
			if err := add(at, field{op: dict, attr: a, neg: r.negative && a.Kind() == rules.Content}); err != nil {
				return nil, err
			}
		}
		for _, at := range rs.Parallel {
			pa, err := p.parsePath(at)
			if err != nil {
				return nil, err
			}
			r.parallel = append(r.parallel, pa)
		}
		for _, as := range slices.Sorted(maps.Keys(rs.Subject)) {
			at := rs.Subject[as]
			pa, err := p.parsePath(at)
			if err != nil {
				return nil, err
			}
			pl := place{path: pa, url: as == "url"}
			if !pl.url {
				a, ok := rules.ParseAttr(as)
				if !ok {
					return nil, fmt.Errorf("subject: unknown attribute %q", as)
				}
				pl.as = a
			}
			r.subject = append(r.subject, pl)
		}
		for _, at := range rs.Drop {
			if err := add(at, field{op: drop}); err != nil {
				return nil, err
			}
		}
	}
	if len(r.parallel) > 0 && len(r.subject) == 0 {
		return nil, fmt.Errorf("parallel arrays without a subject")
	}
	for _, ps := range pages {
		if ps == nil || strings.ContainsAny(ps.Items, " >[:") {
			continue // a selector: the page of another format of this route
		}
		if err := p.addPage(r, ps, add); err != nil {
			return nil, fmt.Errorf("page: %w", err)
		}
	}
	return r, nil
}

func (p *Program) addPage(r *route, ps *rules.PageSpec, add func(string, field) error) error {
	items, err := p.parsePath(ps.Items)
	if err != nil {
		return err
	}
	list := len(r.lists)
	if ps.Items != "" {
		r.lists = append(r.lists, items)
	}
	if ps.List != "" && list == 0 {
		if r.whole, err = p.parsePath(ps.List); err != nil {
			return err
		}
	}
	if err := add(ps.Size, field{op: size, list: list}); err != nil {
		return err
	}
	if ps.Total != nil {
		f := field{op: drop}
		switch ps.Total.Rule {
		case "count":
			f = field{op: total, list: list}
		case "exact":
			f.op = plain
		}
		if err := add(ps.Total.At, f); err != nil {
			return err
		}
	}
	if err := add(ps.Next, field{op: next, text: ps.Start}); err != nil {
		return err
	}
	return add(ps.Prev, field{op: next, text: ps.Start, back: true})
}

// say notes what a route says of a name.
func (p *Program) say(r *route, name string, f *field) {
	id := p.id(name)
	if id == 0 {
		if r.others == nil {
			r.others = make(map[string]*field)
		}
		r.others[name] = f
		return
	}
	for int(id) >= len(r.fields) {
		r.fields = append(r.fields, nil)
	}
	r.fields[id] = f
}

// said gives what the route says of member c, or nil.
func (r *route) said(t *tape, c int32) *field {
	switch id := t.nodes[c].id; {
	case int(id) >= len(r.fields):
	case id != 0:
		return r.fields[id]
	case len(r.others) > 0:
		return r.others[t.nameOf(c)]
	}
	return nil
}

var pathLike = regexp.MustCompile(`^[0-9]+$|[.#*]`)

func (p *Program) addFields(r *route, in map[string]rules.FieldSpec, add func(string, field) error) error {
	for _, k := range slices.Sorted(maps.Keys(in)) {
		v := in[k]
		if k == "*" {
			r.keepUnknown = r.keepUnknown || v == "keep"
			continue
		}
		f, err := p.parseField(v)
		if err != nil {
			return fmt.Errorf("field %q: %w", k, err)
		}
		if pathLike.MatchString(k) {
			if err := add(k, f); err != nil {
				return err
			}
			continue
		}
		p.say(r, k, &f)
	}
	return nil
}

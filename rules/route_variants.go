package rules

import (
	"cmp"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/rules/codec/mwtitle"
)

// variants compiles `by` and what it chooses from.
func (c *compiler) variants(rt *route, spec *RouteSpec, path []any) {
	if spec.By == nil {
		if len(spec.Variants) > 0 {
			c.fail(append(slices.Clone(path), "variants"), "variants without by:")
		}
		return
	}
	if len(path) >= 2+2*maxVariantDepth {
		c.fail(path, "variants within variants are nested too deeply")
		return
	}
	by := &variants{param: spec.By.Param, def: spec.By.Default, variants: map[string]*route{}}
	at := append(slices.Clone(path), "by")
	switch {
	case !goodName(strings.TrimPrefix(by.param, bodyPrefix)):
		c.fail(at, "by: wants a parameter, or a field of the body such as body:type")
		return
	case len(spec.Variants) == 0:
		c.fail(at, "by: without variants")
		return
	case by.def == "" && !takesValue(spec.Variants, "") && !strings.HasPrefix(by.param, bodyPrefix):
		c.fail(at, "by: wants a default: what the wiki takes a request for that has no %s (if that is no variant, the request is refused)", by.param)
	case by.def != "" && !takesValue(spec.Variants, by.def) && suggest(by.def, sortedKeys(spec.Variants)) != "":
		c.fail(at, "the default %q is no variant%s", by.def, suggest(by.def, sortedKeys(spec.Variants)))
	case rt.params[by.param] != nil:
		c.fail(at, "%q chooses a variant, so that it cannot have a type as well", by.param)
	}
	if path, ok := strings.CutPrefix(by.param, bodyPrefix); ok {
		by.field = path
	} else {
		rt.control[by.param] = true
	}
	rt.by = by
	for _, value := range defaultFirst(spec.Variants, by.def) {
		v := spec.Variants[value]
		child := append(slices.Clone(path), "variants", value)
		if v.Match != "" || len(v.Also) > 0 {
			c.fail(child, "a variant has no pattern of its own")
		}
		// A key such as "a|b" is one variant under several values.
		made := c.route(&v, rt, child, rt.pattern+" "+by.param+"="+value, nil)
		for name := range strings.SplitSeq(value, "|") {
			if by.variants[name] != nil {
				c.fail(child, "the value %q has two variants", name)
			}
			by.variants[name] = made
			if name == by.def {
				rt.witness = made.evidence
			}
		}
	}
	rt.witness = nil
}

func takesValue(variants map[string]RouteSpec, value string) bool {
	for key := range variants {
		if slices.Contains(strings.Split(key, "|"), value) {
			return true
		}
	}
	return false
}

// defaultFirst lists the variants in order, the one that takes def in front.
func defaultFirst(variants map[string]RouteSpec, def string) []string {
	keys := sortedKeys(variants)
	slices.SortStableFunc(keys, func(a, b string) int {
		return cmp.Compare(btoi(slices.Contains(strings.Split(b, "|"), def)), btoi(slices.Contains(strings.Split(a, "|"), def)))
	})
	return keys
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func hasKey[V any](m map[string]V, k string) bool { _, ok := m[k]; return ok }

// parts compiles the sub-routes of parameters with several values at once.
func (c *compiler) parts(rt *route, spec *RouteSpec, path []any) {
	if len(spec.Parts) == 0 {
		if len(spec.Part) > 0 {
			c.fail(append(slices.Clone(path), "part"), "part: without parts:")
		}
		return
	}
	rt.parts = map[string]string{}
	for name, sep := range spec.Parts {
		if sep == "one" {
			sep = ""
		}
		rt.parts[name] = sep
		rt.control[name] = true
		if !slices.ContainsFunc(sortedKeys(spec.Part), func(key string) bool { return strings.HasPrefix(key, name+"=") }) {
			c.fail(append(slices.Clone(path), "parts", name), "parts: %q has no part: it wants %s=VALUE under part:", name, name)
		}
	}
	rt.part = map[string]*route{}
	for _, key := range sortedKeys(spec.Part) {
		ps := spec.Part[key]
		at := append(slices.Clone(path), "part", key)
		param, _, ok := strings.Cut(key, "=")
		if _, named := rt.parts[param]; !ok || !named {
			c.fail(at, "%q: want one of the parameters under parts:, and a value (list=search)", key)
			continue
		}
		if ps.Match != "" || ps.By != nil || len(ps.Parts) > 0 {
			c.fail(at, "a part has no pattern, variants or parts of its own")
			continue
		}
		part := &route{spec: &ps, line: c.line(at), pattern: key, params: map[string]*paramType{}, control: map[string]bool{}}
		part.class = ps.Class
		c.checkClass(&ps, at)
		c.params(part, &ps, at)
		c.overrides(part, &ps, at)
		c.checkPart(part, rt, at)
		rt.part[key] = part
	}
}

// specials compiles the special pages that a title parameter dispatches to.
// They inherit nothing that names an entity: an id beside the title would win.
func (c *compiler) specials(rt *route, spec *RouteSpec, path []any) {
	if spec.Specials == "" {
		return
	}
	if !c.t.titles {
		c.fail(append(slices.Clone(path), "specials"), "specials: wants titles: with a codec")
		return
	}
	base := &route{
		params: map[string]*paramType{}, control: map[string]bool{spec.Specials: true}, methods: []string{"GET"},
		force: rt.force, deny: rt.deny, read: rt.read,
	}
	if rt.read {
		base.methods = rt.methods
	}
	for name, t := range rt.params {
		if t.kind == tDrop || t.kind == tRefuse {
			base.params[name] = t
		}
	}
	if spec.By != nil && spec.By.Default != "" {
		base.params[spec.By.Param] = &paramType{kind: tEnum, words: []string{spec.By.Default}, src: "enum(" + spec.By.Default + ")"}
	}
	base.titleParam = spec.Specials
	rt.specialRoutes = map[string]*route{}
	for _, name := range sortedKeys(c.p.Specials) {
		s := c.p.Specials[name]
		at := []any{"specials", name}
		if s.Match != "" {
			c.fail(at, "a special page has no pattern of its own")
		}
		made := c.route(&s, base, at, rt.pattern+" special:"+name, nil)
		for _, alias := range append([]string{name}, s.Also...) {
			key := mwtitle.Fold(alias)
			if other := rt.specialRoutes[key]; other != nil && other != made {
				c.fail(at, "%q names two special pages", alias)
			}
			rt.specialRoutes[key] = made
		}
	}
}

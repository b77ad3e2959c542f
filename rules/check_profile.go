package rules

import (
	"slices"
	"strings"
)

// Checks of a profile at load, beyond what its grammar says.

func (c *profileCheck) canon(cn *Canon) {
	want := func(key, got string, among ...string) {
		if got != "" && !slices.Contains(among, got) {
			c.fail([]any{"canon", "params", key}, "%s: %q is none of %s", key, got, strings.Join(among, ", "))
		}
	}
	want("conflict", cn.Params.Conflict, "refuse")
	want("duplicate", cn.Params.Duplicate, "refuse", "list")
	want("separators", cn.Params.Separators, "&")
	for _, s := range cn.Params.Sources {
		want("sources", s, "query", "form")
	}
	for i, s := range cn.Strip {
		for _, class := range s.Then {
			if !slices.Contains(classes, class) {
				c.fail([]any{"canon", "strip", i}, "unknown class %q%s", class, suggest(string(class), words(classes)))
			}
		}
	}
}

var fieldWords = []string{"plain", "prose", "html", "xhtml", "wikitext", "title", "url", "base_url", "json", "walk", "drop", "self"}

// fields checks the words of field specs. Words that no format knows are left
// to be entities of shapes.
func (c *profileCheck) fields(path []any, fields map[string]FieldSpec) {
	for _, key := range sortedKeys(fields) {
		s := string(fields[key])
		at := append(slices.Clone(path), key)
		inner, isList := strings.CutPrefix(s, "[")
		inner = strings.TrimSuffix(inner, "]")
		switch {
		case slices.Contains(fieldWords, s), strings.HasPrefix(s, "$") && len(s) > 1:
		case strings.HasPrefix(s, "count(") && strings.HasSuffix(s, ")"):
		case strings.HasPrefix(s, "dict(") || strings.HasPrefix(s, "dict_value("):
			_, attr, _ := strings.Cut(strings.TrimSuffix(s, ")"), "(")
			if _, ok := ParseAttr(attr); !ok {
				c.fail(at, "%q: %q is no attribute%s", s, attr, suggest(attr, attrWords()))
			}
		default:
			if _, ok := ParseAttr(inner); !ok {
				_ = isList
				c.fail(at, "unknown field type %q%s", s, suggest(inner, append(attrWords(), fieldWords...)))
			}
		}
	}
}

// shapes checks that no member which identifies the object is called harmless.
func (c *profileCheck) shapes(p *Profile) {
	for i := range p.Shapes {
		s := &p.Shapes[i]
		if p.Extends == "" {
			c.fields([]any{"shapes", i, "fields"}, s.Fields)
		}
		for _, key := range sortedKeys(s.Keys) {
			if f := s.Fields[s.Keys[key]]; f == "plain" || f == "prose" {
				c.fail([]any{"shapes", i, "fields", s.Keys[key]}, "%q names the %s, so that it cannot be %s", s.Keys[key], s.Entity, f)
			}
		}
	}
}

var (
	pageKinds  = []string{"offset", "cursor", "grow", "none"}
	totalRules = []string{"drop", "count", "exact"}
	typeWords  = []string{
		"html", "json", "xml", "rss", "atom", "opensearch", "css", "js", "text", "redirect", "binary", "file", "empty", "none", "any",
		"png", "jpeg", "jpg", "gif", "svg", "webp", "avif", "bmp", "ico", "woff", "woff2", "ttf", "otf", "eot", "pdf", "map", "image", "font",
	}
)

// check looks at one route with everything that it inherits.
func (c *compiler) check(rt *route, path []any, pats []*pattern) {
	at := func(key ...any) []any { return append(slices.Clone(path), key...) }
	if rt.closed {
		return
	}
	if rt.class == "" {
		c.fail(path, "the route has no class; without one it would be refused")
		return
	}
	known := c.knownNames(rt, path)
	c.checkTypes(rt, rt.params, known, path)
	for _, set := range append(slices.Clone(rt.need), rt.needAny) {
		for _, name := range set {
			if _, ok := known[name]; !ok {
				c.fail(at("need"), "%q is no parameter of this route%s", name, suggest(name, sortedKeys(known)))
			}
		}
	}
	for i, d := range rt.spec.Deny {
		if _, ok := known[d.Param]; d.Param != "" && !ok {
			c.fail(at("deny", i), "%q is no parameter of this route%s", d.Param, suggest(d.Param, sortedKeys(known)))
		}
	}
	c.checkPage(rt, path, known)
	c.checkEvidence(rt, path)
	if r := rt.spec.Response; r != nil {
		c.checkResponse(r, at("response"))
	}
}

func (c *compiler) checkPart(rt *route, path []any) {
	known := map[string]*paramType{}
	for name, t := range rt.params {
		known[name] = t
	}
	c.checkTypes(rt, rt.params, known, path)
	c.checkPage(rt, path, known)
	if r := rt.spec.Response; r != nil {
		c.checkResponse(r, append(slices.Clone(path), "response"))
	}
}

// knownNames gathers what the route may refer to: parameters, captures and
// discriminators.
func (c *compiler) knownNames(rt *route, path []any) map[string]*paramType {
	known := map[string]*paramType{}
	if i, ok := path[1].(int); ok && path[0] == "routes" {
		spec := &c.p.Routes[i]
		for _, src := range append([]string{spec.Match}, spec.Also...) {
			pat, err := parsePattern(src)
			if err != nil {
				continue
			}
			for _, s := range pat.segs {
				if s.name == "" {
					continue
				}
				known[s.name] = nil
				if t, err := c.env.parseType(s.typ); s.typ != "" && err == nil {
					known[s.name] = t
				}
				if known[s.name].cursor() || rt.params[s.name].cursor() {
					c.fail(path, "%q: a cursor stands in a parameter, never in the path", s.name)
				}
			}
		}
	}
	for name := range rt.control {
		known[name] = nil
	}
	for name, t := range rt.params {
		known[name] = t
	}
	if rt.subpage != nil {
		known["subpage"] = rt.subpage
	}
	return known
}

// checkTypes looks at what types refer to, and that queries are narrowed.
func (c *compiler) checkTypes(rt *route, params, known map[string]*paramType, path []any) {
	for _, name := range sortedKeys(params) {
		at := append(slices.Clone(path), "params", name)
		params[name].each(func(t *paramType) {
			if t.in != "" {
				if space, ok := known[t.in]; !ok {
					c.fail(at, "content.title in %s: there is no such parameter%s", t.in, suggest(t.in, sortedKeys(known)))
				} else if t.inPrefix == "" && space != nil && !slices.ContainsFunc(space.attrs(), func(a Attr) bool { return a.Kind() == Space }) {
					c.fail(at, "content.title in %s: %s names no space", t.in, space.src)
				}
			}
			if t.kind == tQuery && rt.narrow[name].To != "query" {
				c.fail(at, "a %s parameter must be narrowed: narrow: {%s: {and: {space: visible}, …}}", t.src, name)
			}
		})
	}
	for _, name := range sortedKeys(rt.narrow) {
		t, ok := params[name]
		at := append(slices.Clone(path), "narrow", name)
		switch n := rt.narrow[name]; {
		case !ok && n.To == "visible" && slices.ContainsFunc(rt.affixed, func(a affixedParam) bool {
			return name == a.prefix+"{"+a.name.src+"}" && (a.name.attr == SpaceID || a.name.attr == SpaceKey)
		}):
		case !ok:
			c.fail(at, "%q is no parameter of this route%s", name, suggest(name, sortedKeys(params)))
		case n.To == "query" && t.kind != tQuery:
			c.fail(at, "%q is no query but %s", name, t.src)
		case n.To == "visible" && !slices.ContainsFunc(t.attrs(), func(a Attr) bool { return a == SpaceID || a == SpaceKey }):
			c.fail(at, "%q is %s; only a parameter of space.id or space.key can be narrowed to the visible spaces", name, t.src)
		}
	}
}

func (c *compiler) checkPage(rt *route, path []any, known map[string]*paramType) {
	p := rt.page
	if p == nil {
		switch rt.class {
		case ClassSearch, ClassFeed, ClassPeople, ClassPicker:
			if len(rt.parts) == 0 && len(rt.pattern) > 0 && len(path) > 0 && path[len(path)-2] != "part" {
				c.fail(path, "a route of class %s gives a list: it wants page: (page: {kind: none} where it is never paged)", rt.class)
			}
		}
		return
	}
	at := append(slices.Clone(path), "page")
	if !slices.Contains(pageKinds, p.Kind) {
		c.fail(at, "page: kind %q is none of %s", p.Kind, strings.Join(pageKinds, ", "))
	}
	for _, name := range []string{p.Start, p.Limit} {
		if _, ok := known[name]; name != "" && !ok {
			c.fail(at, "page: %q is no parameter of this route%s", name, suggest(name, sortedKeys(known)))
		}
	}
	if p.Total == nil {
		return
	}
	if !slices.Contains(totalRules, p.Total.Rule) {
		c.fail(at, "page: the total's rule %q is none of %s", p.Total.Rule, strings.Join(totalRules, ", "))
	}
	if p.Total.Rule == "exact" && len(rt.narrow) == 0 {
		c.fail(at, "page: a total cannot be exact where nothing narrows the list")
	}
}

// checkEvidence: a page that is asked for must say which one it is.
func (c *compiler) checkEvidence(rt *route, path []any) {
	for _, kind := range sortedKeys(rt.evidence) {
		switch kind {
		case "content", "space", "user", "group", "includes":
		default:
			c.fail(append(slices.Clone(path), "evidence", kind), "evidence of %q; want content, space, user, group or includes", kind)
		}
	}
	if rt.class != ClassContent || len(rt.evidence["content"]) > 0 || len(rt.parts) > 0 {
		return
	}
	if r := rt.response; r != nil && (r.Codec != "" || len(r.Types) > 0 && !slices.ContainsFunc(r.Types, func(t string) bool {
		return t == "html" || t == "json" || t == "xml" || t == "any" || strings.HasPrefix(t, "text/html")
	})) {
		return
	}
	if rt.mixed != "" {
		return
	}
	c.fail(path, "a route of class content wants evidence: {content: …}, the place where the answer says which page it is")
}

func (c *compiler) checkResponse(r *ResponseSpec, path []any) {
	for i, t := range r.Types {
		if !strings.Contains(t, "/") && !slices.Contains(typeWords, t) {
			c.fail(append(slices.Clone(path), "types", i), "unknown response type %q%s", t, suggest(t, typeWords))
		}
	}
	for _, p := range sortedKeys(r.Dict) {
		if _, ok := ParseAttr(r.Dict[p]); !ok {
			c.fail(append(slices.Clone(path), "dict", p), "%q is no attribute%s", r.Dict[p], suggest(r.Dict[p], attrWords()))
		}
	}
	if r.Unknown != "" && r.Unknown != "drop" && r.Unknown != "keep" {
		c.fail(append(slices.Clone(path), "unknown"), "unknown: is drop or keep, not %q", r.Unknown)
	}
	for i, s := range r.Also {
		if s < 400 || s > 499 {
			c.fail(append(slices.Clone(path), "also", i), "also: wants statuses from 400 to 499, not %d", s)
		}
	}
	if r.Empty != 0 && r.Empty != 200 && r.Empty != 204 {
		c.fail(append(slices.Clone(path), "empty"), "empty: is 200 or 204, not %d", r.Empty)
	}
}

package rules

import (
	"slices"
	"strings"
)

// Checks of how a route lists things, and of what its answer says of itself.

// checkNarrow looks at what is narrowed, and fills in what the parameter's type
// says: how its values are separated, and by what they name spaces.
func (c *compiler) checkNarrow(rt *route, path []any) {
	if len(rt.narrow) == 0 {
		return
	}
	out := make(map[string]NarrowSpec, len(rt.narrow))
	for _, name := range sortedKeys(rt.narrow) {
		n, t := rt.narrow[name], rt.params[name]
		at := sub(path, "narrow", strings.TrimPrefix(name, rt.spec.Prefix))
		switch {
		case t == nil && n.To == "visible" && slices.ContainsFunc(rt.affixed, func(a affixedParam) bool {
			return name == a.prefix+"{"+a.name.src+"}" && (a.name.attr == SpaceID || a.name.attr == SpaceKey)
		}):
		case t == nil:
			c.fail(at, "%q is no parameter of this route%s", name, suggest(name, sortedKeys(rt.params)))
		case n.To == "query" && t.kind != tQuery:
			c.fail(at, "%q is no query but %s", name, t.src)
		case n.To == "query":
			if n.Codec == "" {
				n.Codec = t.codec
			}
			c.checkQuery(&n, t, at)
		case !slices.ContainsFunc(t.attrs(), func(a Attr) bool { return a == SpaceID || a == SpaceKey }):
			c.fail(at, "%q is %s; only a parameter of space.id or space.key can be narrowed to the visible spaces", name, t.src)
		default:
			n.fill(t)
		}
		out[name] = n
	}
	rt.narrow = out
}

// fill takes from a list's type what the narrowing does not say.
func (n *NarrowSpec) fill(t *paramType) {
	t.each(func(e *paramType) {
		if e.kind == tList && n.Separator == "" {
			n.Separator = e.sep
		}
	})
	if n.And == nil && slices.Contains(t.attrs(), SpaceKey) {
		n.And = map[string]string{"by": SpaceKey.String()}
	}
}

var queryTypes = []string{"text", "date", "user", "space", "group"}

func (c *compiler) checkQuery(n *NarrowSpec, t *paramType, at []any) {
	if n.Codec != t.codec {
		c.fail(at, "codec: %q does not read %s", n.Codec, t.src)
	}
	for _, field := range sortedKeys(n.Fields) {
		typ := n.Fields[field]
		_, attr := ParseAttr(typ)
		if _, _, title := PrefixedTitle(typ); title {
			attr = c.t.titles
		}
		if !attr && !slices.Contains([]string{"text", "date"}, typ) && !(strings.HasPrefix(typ, "enum(") && strings.HasSuffix(typ, ")")) {
			c.fail(sub(at, "fields", field), "unknown type %q%s", typ, suggest(typ, append(attrWords(), queryTypes...)))
		}
		if a, ok := namedAttr(field); ok && typ == "text" {
			c.fail(sub(at, "fields", field), "%q is text, but its name says that it holds %s", field, a)
		}
	}
	switch {
	case n.Codec == "mediawiki-search":
		// What it looks in is another parameter's to say.
		if n.None == "" {
			c.fail(at, "none: wants a search without hits, for one that names something hidden")
		}
		if len(n.And) > 0 || len(n.Functions) > 0 || len(n.OrderBy) > 0 || n.Else != nil {
			c.fail(at, "a search has fields: and none: only")
		}
	case len(n.And) == 0:
		c.fail(at, "the query is not narrowed: it wants and: {FIELD: visible}")
	}
	for _, field := range sortedKeys(n.And) {
		if n.And[field] != "visible" {
			c.fail(sub(at, "and", field), "and: %q is none of visible", n.And[field])
		}
	}
	if n.Other != "" && n.Other != "refuse" {
		c.fail(sub(at, "other"), "other: what is not listed can only be refused, not %q", n.Other)
	}
	if n.Else != nil && n.Else.Over < 1 {
		c.fail(sub(at, "else"), "else: wants over:, the number of spaces in one list")
	}
	if n.None == "" && n.Codec == "cql" {
		n.None = noHitsCQL
	}
}

// PrefixedTitle reads a query's type of titles that stand without their prefix,
// such as content.title in "Category:".
func PrefixedTitle(typ string) (attr Attr, prefix string, ok bool) {
	rest, ok := strings.CutPrefix(typ, ContentTitle.String()+` in "`)
	prefix, closed := strings.CutSuffix(rest, `"`)
	return ContentTitle, prefix, ok && closed && prefix != "" && !strings.Contains(prefix, `"`)
}

// noHitsCQL is a query that nothing can meet.
const noHitsCQL = "type = page and type = blogpost"

// checkPage: a route that lists things says how the list is paged.
func (c *compiler) checkPage(rt, whole *route, path []any, known map[string]*paramType) {
	p := rt.page
	if p == nil {
		if whole == nil || whole.page == nil {
			c.wantPage(rt, whole != nil, path)
		}
		return
	}
	at := sub(path, "page")
	fail := func(format string, args ...any) { c.fail(at, "page: "+format, args...) }
	if !slices.Contains(pageKinds, p.Kind) {
		fail("kind %q is none of %s%s", p.Kind, strings.Join(pageKinds, ", "), suggest(p.Kind, pageKinds))
	}
	for _, name := range []string{p.Start, p.Limit, p.Back} {
		if _, ok := known[name]; name != "" && !ok {
			fail("%q is no parameter of this route%s", name, suggest(name, sortedKeys(known)))
		}
	}
	if kinds := []string{"content", "space", "user", "group"}; p.Of != "" && !slices.Contains(kinds, p.Of) {
		fail("of: %q is none of %s%s", p.Of, strings.Join(kinds, ", "), suggest(p.Of, kinds))
	}
	switch {
	case p.Scan < 0 || p.Scan > maxScan:
		fail("scan: wants a number up to %d", maxScan)
	case p.Scan > 0 && p.Items == "":
		fail("scan: wants items:, the list that is filled up")
	case p.Kind == "grow" && (p.Limit == "" || p.Items == ""):
		fail("a list that grows wants limit: and items:")
	case p.Off != "" && p.Off != "span" && p.Off != "b" && p.Off != "strong":
		fail("off: %q is none of span, b, strong", p.Off)
	case len(p.Stripes) == 1:
		fail("stripes: wants two tokens or more, which items bear by turns")
	case p.Why != "" && p.Kind != "none":
		fail("why: is for kind none")
	}
	c.checkTotal(rt, p, at)
}

// maxScan bounds how many of the wiki's items one page may look through.
const maxScan = 100_000

// checkTotal: a count is exact only where narrowing says the whole verdict. It
// says so of spaces. Single pages can be hidden in a visible space, by label,
// title, restriction or the policy.
func (c *compiler) checkTotal(rt *route, p *PageSpec, at []any) {
	if p.Total == nil {
		return
	}
	if !slices.Contains(totalRules, p.Total.Rule) {
		c.fail(at, "page: the total's rule %q is none of %s%s", p.Total.Rule, strings.Join(totalRules, ", "), suggest(p.Total.Rule, totalRules))
	}
	if p.Total.At == "" {
		c.fail(at, "page: total: wants at:, where the wiki counts")
	}
	if p.Total.Rule != "exact" {
		return
	}
	switch {
	case len(rt.narrow) == 0:
		c.fail(at, "page: a total cannot be exact where nothing narrows the list")
	case p.Of != "space":
		c.fail(at, "page: a total can be exact only of spaces (of: space); of other things, narrowing to the visible spaces does not say the whole verdict")
	}
}

// wantPage: routes of these classes give lists, and so does what has a cursor.
func (c *compiler) wantPage(rt *route, part bool, path []any) {
	if len(rt.parts) > 0 {
		return // they have pages of their own
	}
	for _, name := range sortedKeys(rt.params) {
		if rt.params[name].kind == tCursor {
			c.fail(path, "%q says where a list goes on: the route wants page:", name)
			return
		}
	}
	switch rt.class {
	case ClassSearch, ClassFeed, ClassPeople, ClassPicker:
		if !part {
			c.fail(path, "a route of class %s gives a list: it wants page: (page: {kind: none} where it is never paged)", rt.class)
		}
	}
}

// checkEvidence: what is asked for must say in the answer which one it is.
func (c *compiler) checkEvidence(rt *route, path []any) {
	kinds := []string{"content", "space", "user", "group", "includes", "also"}
	for _, kind := range sortedKeys(rt.spec.Evidence) {
		if !slices.Contains(kinds, kind) {
			c.fail(sub(path, "evidence", kind), "evidence of %q; want content, space, user, group, includes or also%s", kind, suggest(kind, kinds))
		}
		for _, place := range rt.spec.Evidence[kind] {
			if place.Attr == "url" && kind != "also" {
				c.fail(sub(path, "evidence", kind), "a URL is evidence under also: alone")
			}
			if place.At == "" {
				c.fail(sub(path, "evidence", kind), "evidence wants a place")
			}
		}
	}
	kind := map[Class]string{ClassContent: "content", ClassSpace: "space", ClassUser: "user"}[rt.class]
	if kind == "" || len(rt.evidence[kind]) > 0 || len(rt.parts) > 0 || rt.mixed != "" || !rt.saysWhat() {
		return
	}
	if len(rt.witness[kind]) > 0 {
		rt.evidence = merged(rt.evidence, rt.witness)
		return
	}
	c.fail(path, "a route of class %s wants evidence: {%s: …}, the place where the answer says which %s it is", rt.class, kind,
		map[string]string{"content": "page", "space": "space", "user": "person"}[kind])
}

// saysWhat says that the answer can be of a type in which something can say
// what it is.
func (rt *route) saysWhat() bool {
	r := rt.response
	return r == nil || r.Codec == "" && (len(r.Types) == 0 || slices.ContainsFunc(r.Types, func(t string) bool {
		return t == "html" || t == "json" || t == "xml" || t == "any" || strings.HasPrefix(t, "text/html") || strings.Contains(t, "json") || strings.Contains(t, "xml")
	}))
}

package rules

import (
	"slices"
	"strings"
)

// Checks of one route with everything that it inherits.

var (
	pageKinds  = []string{"offset", "cursor", "grow", "none"}
	totalRules = []string{"drop", "count", "exact"}
	typeWords  = []string{
		"html", "json", "xml", "rss", "atom", "opensearch", "css", "js", "text", "redirect", "binary", "file", "empty", "none", "any",
		"png", "jpeg", "jpg", "gif", "svg", "webp", "avif", "bmp", "ico", "woff", "woff2", "ttf", "otf", "eot", "pdf", "map", "image", "font",
	}
	// readTypes are answers that must be read before they leave, so that no
	// file may be of them.
	readTypes = []string{"html", "json", "xml", "rss", "atom", "opensearch", "css", "js", "any"}
)

// maxLeaves bounds what all patterns make with their enums written out.
const maxLeaves = 100_000

func (c *compiler) countLeaves(pats []*pattern, path []any) bool {
	for _, pat := range pats {
		if len(pat.segs) > maxSegments {
			c.fail(path, "the pattern has more than %d segments, so that no path is of it", maxSegments)
			return false
		}
		n := 1
		for i := range pat.segs {
			n *= len(pat.segs[i].literals())
			if n > maxLeaves {
				break
			}
		}
		c.leaves += n
	}
	if c.leaves > maxLeaves {
		c.fail(path, "the patterns make more than %d, with their enums written out", maxLeaves)
		return false
	}
	return true
}

// check looks at one route with everything that it inherits.
func (c *compiler) check(rt *route, path []any) {
	if rt.closed {
		return
	}
	if rt.class == "" {
		c.fail(path, "the route has no class; without one it would be refused")
		return
	}
	if rt.leads != "" && rt.class != ClassSession {
		c.fail(sub(path, "leads"), "leads: only routes of class session lead to Postern's own pages")
	}
	known := c.knownNames(rt, path)
	c.checkTypes(rt, rt.params, known, path)
	c.checkNeed(rt, known, path)
	c.checkDeny(rt, known, path)
	c.checkForce(rt, path)
	c.checkWrite(rt, known, path)
	c.checkNarrow(rt, path)
	c.checkPage(rt, nil, path, known)
	c.checkEvidence(rt, path)
	if r := rt.spec.Response; r != nil {
		c.checkResponse(rt, r, sub(path, "response"))
	}
}

func (c *compiler) checkPart(rt, whole *route, path []any) {
	known := map[string]*paramType{}
	for name, t := range rt.params {
		known[name] = t
	}
	c.checkTypes(rt, rt.params, known, path)
	c.checkNeed(rt, known, path)
	c.checkDeny(rt, known, path)
	c.checkForce(rt, path)
	c.checkNarrow(rt, path)
	c.checkPage(rt, whole, path, known)
	if r := rt.spec.Response; r != nil {
		c.checkResponse(rt, r, sub(path, "response"))
	}
}

// shortForms: what is short for a part's page and response says nothing
// elsewhere.
func (c *compiler) shortForms(spec *RouteSpec, path []any) {
	for _, s := range []struct {
		key, long string
		said      bool
	}{
		{"items", "page: {items: …}", spec.Items != ""},
		{"cursor", "page: {kind: cursor, next: …}", spec.Cursor != ""},
		{"total", "page: {total: …}", spec.Total != nil},
		{"drop", "response: {drop: …}", spec.Drop != nil},
		{"dict", "response: {dict: …}", spec.Dict != nil},
		{"prefix", "params", spec.Prefix != ""},
	} {
		if s.said {
			c.fail(sub(path, s.key), "%s: is a short form of parts; here it is written %s", s.key, s.long)
		}
	}
}

// knownNames gathers what the route may refer to: parameters, captures and
// discriminators.
func (c *compiler) knownNames(rt *route, path []any) map[string]*paramType {
	known := map[string]*paramType{}
	if i, ok := path[1].(int); ok && path[0] == "routes" {
		for _, pat := range patternsOf(&c.p.Routes[i]) {
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

// checkTypes looks at what types refer to, that queries are narrowed, and that
// what names an entity by its name has a type that says so.
func (c *compiler) checkTypes(rt *route, params, known map[string]*paramType, path []any) {
	for _, name := range sortedKeys(params) {
		at := sub(path, "params", name)
		params[name].each(func(t *paramType) {
			if t.in != "" {
				if space, ok := known[t.in]; !ok {
					c.fail(at, "content.title in %s: there is no such parameter%s", t.in, suggest(t.in, sortedKeys(known)))
				} else if t.inPrefix == "" && space != nil && !namesAny(space, Space) {
					c.fail(at, "content.title in %s: %s names no space", t.in, space.src)
				}
			}
			if t.kind == tQuery && rt.narrow[name].To != "query" {
				c.fail(at, "a %s parameter must be narrowed: narrow: {%s: {and: {space: visible}, …}}", t.src, name)
			}
		})
		own := strings.TrimPrefix(name, rt.spec.Prefix)
		if attr, ok := namedAttr(own); ok && params[name].unjudged() && hasKey(rt.spec.Params, own) {
			c.fail(at, "%q is %s, but its name says that it holds %s; what is not sent on can be drop", name, params[name].src, attr)
		}
		if t := params[name]; t.kind != tDrop && t.kind != tRefuse && hasKey(rt.spec.Params, own) &&
			c.t.canon.names[name] != nameKept {
			c.fail(at, "%q never comes here: canon takes it off, or refuses it", name)
		}
	}
}

// unjudged says that a value of this type may be anything that people write. A
// type of the profile's own is meant.
func (t *paramType) unjudged() bool {
	switch t.kind {
	case tText, tPlain, tInt, tDigits, tCursor:
		return true
	case tList, tUnion:
		return !t.entity() && slices.ContainsFunc(t.elems, (*paramType).unjudged)
	}
	return false
}

func namesAny(t *paramType, kind EntityKind) bool {
	return slices.ContainsFunc(t.attrs(), func(a Attr) bool { return a.Kind() == kind })
}

// checkNeed looks at the selectors.
func (c *compiler) checkNeed(rt *route, known map[string]*paramType, path []any) {
	for i, set := range rt.need {
		sorted := slices.Sorted(slices.Values(set))
		switch {
		case len(set) == 0:
			c.fail(sub(path, "need"), "need: an empty set of selectors")
		case len(slices.Compact(slices.Clone(sorted))) != len(set):
			c.fail(sub(path, "need"), "need: a selector stands twice in one set")
		}
		for _, other := range rt.need[:i] {
			if slices.Equal(sorted, slices.Sorted(slices.Values(other))) {
				c.fail(sub(path, "need"), "need: two sets are the same: %s", strings.Join(set, ", "))
			}
		}
	}
	for _, s := range []struct {
		key   string
		names []string
	}{{"need", slices.Concat(rt.need...)}, {"need_any", rt.needAny}} {
		for _, name := range s.names {
			if t, ok := known[name]; !ok {
				c.fail(sub(path, s.key), "%q is no parameter of this route%s", name, suggest(name, sortedKeys(known)))
			} else if t != nil && (t.kind == tDrop || t.kind == tRefuse) {
				c.fail(sub(path, s.key), "%q selects nothing: it is %s", name, t.src)
			}
		}
	}
	content := false
	lists := false
	for _, t := range known {
		content = content || t != nil && namesAny(t, Content)
		lists = lists || t != nil && t.kind == tList && namesAny(t, Content)
	}
	if rt.body != nil {
		for name := range rt.body.targets {
			content = content || namesAny(rt.body.fields[name], Content)
		}
	}
	lists = lists || slices.ContainsFunc(sortedKeys(rt.params), func(name string) bool { return rt.params[name].kind == tList && rt.params[name].entity() })
	if rt.spec.Agree == "content" && !content {
		c.fail(sub(path, "agree"), "agree: content, but no parameter names content")
	}
	if rt.spec.Mixed != "" && !lists {
		c.fail(sub(path, "mixed"), "mixed: wants a parameter that lists content: list(content.id)")
	}
}

var identities = []string{"anonymous", "service", "header", "passthrough"}

func (c *compiler) checkDeny(rt *route, known map[string]*paramType, path []any) {
	for i, d := range rt.spec.Deny {
		at := sub(path, "deny", i)
		name := d.Param
		if name != "" {
			name = rt.spec.Prefix + name
		}
		t, ok := known[name]
		switch {
		case d.Param == "" && d.Below == "" && d.Identity == "":
			c.fail(at, "a denial without a condition; closed: true takes the route out")
		case d.Param != "" && !ok:
			c.fail(at, "%q is no parameter of this route%s", d.Param, suggest(d.Param, sortedKeys(known)))
		case d.Value != "" && t != nil && (t.kind == tEnum || t.kind == tWords):
			for v := range strings.SplitSeq(d.Value, "|") {
				if !slices.Contains(t.words, v) {
					c.fail(at, "never holds: %q is none of %s%s", v, t.src, suggest(v, t.words))
				}
			}
		}
		if d.Identity != "" && !slices.Contains(identities, d.Identity) {
			c.fail(at, "identity: %q is none of %s%s", d.Identity, strings.Join(identities, ", "), suggest(d.Identity, identities))
		}
	}
}

// ownHeaders are what Postern says of a request itself; no route forces them.
var ownHeaders = []string{
	"host", "cookie", "authorization", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "accept-encoding",
	"if-none-match", "if-modified-since", "if-match", "if-unmodified-since", "range", "if-range", "content-type", "origin", "referer", "forwarded",
}

// checkForce holds what Postern sets against what the client may say.
func (c *compiler) checkForce(rt *route, path []any) {
	for _, name := range sortedKeys(rt.spec.Force.Params) {
		at := sub(path, "force", name)
		t, v := rt.params[name], rt.force.Params[name]
		switch {
		case rt.control[name]:
			c.fail(at, "force: %q chooses a variant or part, so that it cannot be forced", name)
		case slices.Contains(rt.selectors, name) || slices.Contains(rt.needAny, name):
			c.fail(at, "force: %q selects what the request is about, so that it cannot be forced", name)
		case t == nil || t.kind == tDrop:
		case t.entity():
			c.fail(at, "force: %q names an entity, which nobody would judge", name)
		case t.kind == tRefuse:
			c.fail(at, "force: %q is refused by params", name)
		default:
			x := matcher{t: c.t, m: &Match{}, req: &Request{}}
			if _, _, why := x.read(t, name, v, false); why != "" {
				c.fail(at, "force: %q contradicts params, which has it as %s", name+": "+v, t.src)
			}
		}
	}
	for _, name := range sortedKeys(rt.spec.Force.Headers) {
		low := strings.ToLower(name)
		if slices.Contains(ownHeaders, low) || strings.HasPrefix(low, "x-forwarded") || strings.ContainsAny(name, " :\r\n") || strings.ContainsAny(rt.spec.Force.Headers[name], "\r\n") {
			c.fail(sub(path, "force"), "force: the header %s is Postern's own", name)
		}
	}
}

// checkResponse looks at what the answer may be.
func (c *compiler) checkResponse(rt *route, r *ResponseSpec, path []any) {
	word := func(key, got string, among ...string) {
		if got != "" && !slices.Contains(among, got) {
			c.fail(sub(path, key), "%s: is %s, not %q%s", key, strings.Join(among, " or "), got, suggest(got, among))
		}
	}
	for i, t := range r.Types {
		if !strings.Contains(t, "/") && !slices.Contains(typeWords, t) {
			c.fail(sub(path, "types", i), "unknown response type %q%s", t, suggest(t, typeWords))
		}
		if rt.class == ClassFile && (slices.Contains(readTypes, t) || slices.Contains([]string{"text/html", "application/xhtml+xml", "text/javascript", "application/javascript"}, t)) {
			c.fail(sub(path, "types", i), "a file cannot be %s: files pass unread, and this would run, or name what is hidden", t)
		}
	}
	for _, p := range sortedKeys(r.Dict) {
		if _, ok := ParseAttr(r.Dict[p]); !ok {
			c.fail(sub(path, "dict", p), "%q is no attribute%s", r.Dict[p], suggest(r.Dict[p], attrWords()))
		}
	}
	word("unknown", r.Unknown, "drop", "keep")
	word("codec", r.Codec, "wikitext", "xhtml")
	word("renumber", r.Renumber, "negative")
	word("cache", r.Cache, "private")
	if len(r.Parallel) > 0 && len(r.Subject) == 0 {
		c.fail(sub(path, "parallel"), "parallel: wants a subject: which array decides, as {url: \"3\"}")
	}
	for i, s := range r.Also {
		if s < 400 || s > 499 {
			c.fail(sub(path, "also", i), "also: wants statuses from 400 to 499, not %d", s)
		}
	}
	if r.Empty != 0 && r.Empty != 200 && r.Empty != 204 {
		c.fail(sub(path, "empty"), "empty: is 200 or 204, not %d", r.Empty)
	}
	c.pc.fields(sub(path, "fields"), r.Fields, c.p.Fields, nil)
}

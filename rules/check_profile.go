package rules

import (
	"errors"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// Checks of a profile at load, beyond what its grammar says: the parts that
// are not routes.

func (c *profileCheck) check(p *Profile, env *typeEnv) {
	c.titles(p.Titles)
	c.types(p, env)
	c.fields([]any{"fields"}, p.Fields, nil, nil)
	c.shapes(p)
	c.markup(p)
	c.headers(&p.Headers)
	c.identities(p.Identities)
	c.textPaths(p.TextPaths)
	c.directory(p)
	c.specialPages(p)
}

// oneOf tells of a word that is none of those that are known here.
func (c *profileCheck) oneOf(path []any, key, got string, among ...string) {
	if got != "" && !slices.Contains(among, got) {
		c.fail(sub(path, key), "%s: %q is none of %s%s", key, got, strings.Join(among, ", "), suggest(got, among))
	}
}

func sub(path []any, more ...any) []any { return append(slices.Clone(path), more...) }

func (c *profileCheck) canon(cn *Canon) {
	at := []any{"canon", "params"}
	c.oneOf(at, "conflict", cn.Params.Conflict, "refuse")
	c.oneOf(at, "duplicate", cn.Params.Duplicate, "refuse", "list")
	c.oneOf(at, "separators", cn.Params.Separators, "&")
	for _, s := range cn.Params.Sources {
		c.oneOf(at, "sources", s, "query", "form")
	}
	for i, s := range cn.Strip {
		for _, class := range s.Then {
			if !slices.Contains(classes, class) {
				c.fail([]any{"canon", "strip", i}, "unknown class %q%s", class, suggest(string(class), words(classes)))
			}
		}
	}
	for i, name := range cn.DropParams {
		if slices.Contains(cn.RefuseParams, name) {
			c.fail([]any{"canon", "drop_params", i}, "%q cannot be dropped and refused", name)
		}
	}
}

func (c *profileCheck) titles(t *Titles) {
	if t == nil {
		return
	}
	at := []any{"titles"}
	if t.Codec == "" {
		c.fail(at, "titles: wants a codec")
	}
	c.oneOf(at, "codec", t.Codec, "mediawiki-title")
	c.oneOf(at, "talk", t.Talk, "subject")
	if t.URL != "" && (!strings.HasPrefix(t.URL, "/") || strings.Count(t.URL, "{title}") != 1) {
		c.fail([]any{"titles", "url"}, "titles: url: %q is no path of the wiki's with {title} in it", t.URL)
	}
	if from, _, _ := strings.Cut(t.Namespaces, "."); from != "sync" && from != "" {
		c.oneOf(at, "namespaces", from, "sync")
	}
	for _, name := range sortedKeys(t.Follow) {
		if how := t.Follow[name]; !slices.Contains(followWords, how) {
			c.fail(sub(at, "follow", name), "follow: %q is none of %s%s", how, strings.Join(followWords, ", "), suggest(how, followWords))
		}
	}
}

// regexps checks that the profile's own types compile, and are not too large.
func (c *profileCheck) regexps(p *Profile) bool {
	ok := true
	for _, name := range sortedKeys(p.Types) {
		if err := boundedRegexp(p.Types[name]); err != nil {
			c.fail([]any{"types", name}, "type %q: %v", name, err)
			ok = false
		}
	}
	return ok
}

var followWords = []string{"user", "usage", "members", "deny", "name"}

// types refuses those that hide a built-in one, and those that nothing uses.
func (c *profileCheck) types(p *Profile, env *typeEnv) {
	for _, name := range sortedKeys(p.Types) {
		at := []any{"types", name}
		_, attr := ParseAttr(name)
		switch {
		case attr, hasKey(simpleTypes, name), slices.Contains(typeMakers, name):
			c.fail(at, "%q is a type of the language; a profile cannot change what it takes", name)
		case len(p.Routes) > 0 && !env.used[name] && !hasKey(simpleTypes, p.Types[name]): // id: digits is but another word
			c.fail(at, "nothing uses the type %q", name)
		}
	}
}

var fieldWords = []string{"plain", "prose", "html", "xhtml", "wikitext", "title", "url", "base_url", "json", "walk", "filled", "drop", "self", "token", "user", "group", "space", "content"}

// fields checks the words of field specs. typed are those that say more
// generally what members of a name are, decided the kinds of entity that are
// judged already where these stand.
func (c *profileCheck) fields(path []any, fields, typed map[string]FieldSpec, decided []EntityKind) {
	for _, key := range sortedKeys(fields) {
		spec := string(fields[key])
		at := sub(path, key)
		inner := strings.TrimSuffix(strings.TrimPrefix(spec, "["), "]")
		switch {
		case spec == "plain" || spec == "prose":
			c.harmless(at, key, spec, typed[key], decided)
		case slices.Contains(fieldWords, spec), strings.HasPrefix(spec, "$") && len(spec) > 1:
		case spec == "keep" && key == "*":
		case strings.HasPrefix(spec, "count(") && strings.HasSuffix(spec, ")"):
		case strings.HasPrefix(spec, "dict(") || strings.HasPrefix(spec, "dict_value("):
			_, attr, _ := strings.Cut(strings.TrimSuffix(spec, ")"), "(")
			if _, ok := ParseAttr(attr); !ok {
				c.fail(at, "%q: %q is no attribute%s", spec, attr, suggest(attr, attrWords()))
			}
		default:
			if _, ok := ParseAttr(inner); !ok {
				c.fail(at, "unknown field type %q%s", spec, suggest(inner, append(attrWords(), fieldWords...)))
			}
		}
	}
}

// harmless tells of a member that is called harmless although its name, or what
// the profile says of it elsewhere, tells that it names an entity.
func (c *profileCheck) harmless(at []any, key, spec string, typed FieldSpec, decided []EntityKind) {
	attr, ok := namedAttr(key)
	if ok && attr != RevisionID && !slices.Contains(decided, attr.Kind()) {
		c.fail(at, "%q is %s, but its name says that it holds %s; if it does not, say drop or title", key, spec, attr)
		return
	}
	if _, ok := ParseAttr(string(typed)); ok && len(decided) == 0 {
		c.fail(at, "%q is %s here and %s elsewhere; what names an entity is judged everywhere", key, spec, typed)
	}
}

// shapes checks that no member which identifies the object is called harmless,
// and that each shape can be reached.
func (c *profileCheck) shapes(p *Profile) {
	for i := range p.Shapes {
		s := &p.Shapes[i]
		at := []any{"shapes", i}
		c.fields(sub(at, "fields"), s.Fields, p.Fields, s.decides())
		for _, key := range sortedKeys(s.Keys) {
			if f := s.Fields[s.Keys[key]]; f == "plain" || f == "prose" {
				c.fail(sub(at, "fields", s.Keys[key]), "%q names the %s, so that it cannot be %s", s.Keys[key], s.Entity, f)
			}
		}
		c.oneOf(at, "hidden", s.Hidden, "remove", "placeholder")
		c.oneOf(at, "in_list", s.InList, "each", "once", "remove")
		if s.Hidden == "placeholder" && s.Placeholder == "" {
			c.fail(at, "hidden: placeholder, but no placeholder is given")
		}
		if s.Hidden != "placeholder" && s.Placeholder != "" {
			c.fail(sub(at, "placeholder"), "a placeholder that nothing puts in: it wants hidden: placeholder")
		}
		c.joins(sub(at, "join"), s)
		for j := range i {
			if p.Shapes[j].Where.takesAll(&s.Where) {
				src, n := c.layers.place([]any{"shapes", j})
				c.fail(at, "never reached: the shape at %s:%d takes every object that this one would", src.file, n.Line)
				break
			}
		}
	}
}

// joins checks that groups are joined by what is there in each, and judged.
func (c *profileCheck) joins(at []any, s *Shape) {
	switch f := s.Fields[s.Join]; {
	case s.Join == "":
	case s.DropIfEmpty == "" || s.DropIfEmpty == s.Join:
		c.fail(at, "joins what drop_if_empty lists, which has to be another member")
	case !slices.Contains(s.Where.Has, s.Join) || !slices.Contains(s.Where.Has, s.DropIfEmpty):
		c.fail(at, "%q and %q have to be in where: has, so that all groups have both", s.Join, s.DropIfEmpty)
	case f != "" && f != "walk" && f != "user":
		c.fail(at, "%q is %s, but groups are joined by an object that a shape judges", s.Join, f)
	}
}

// decides lists the kinds of entity that are judged before the object's other
// members are looked at: they are its own then. A page's space is its own.
func (s *Shape) decides() []EntityKind {
	var out []EntityKind
	if len(s.Keys) > 0 {
		for _, k := range []EntityKind{User, Group, Space, Content} {
			if k.String() == s.Entity {
				out = append(out, k)
			}
		}
	}
	for _, p := range s.DecidedBy {
		if a, ok := ParseAttr(p.As); ok {
			out = append(out, a.Kind())
		}
	}
	if slices.Contains(out, Content) {
		out = append(out, Space)
	}
	return out
}

// takesAll says that every object which v recognises, w does too.
func (w *Where) takesAll(v *Where) bool {
	there := append(slices.Collect(maps.Keys(v.Is)), v.Has...) // members that v's objects surely have
	subset := func(a, b []string) bool {
		return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
	}
	if !subset(w.Has, there) || !subset(w.Lacks, v.Lacks) || len(w.Under) > 0 && (len(v.Under) == 0 || !subset(v.Under, w.Under)) {
		return false
	}
	if len(w.Any) > 0 && !slices.ContainsFunc(w.Any, func(s string) bool { return slices.Contains(there, s) }) &&
		(len(v.Any) == 0 || !subset(v.Any, w.Any)) {
		return false
	}
	for member, values := range w.Is {
		if is, ok := v.Is[member]; !ok || !subset(strings.Split(is, "|"), strings.Split(values, "|")) {
			return false
		}
	}
	return len(w.Has)+len(w.Any)+len(w.Is)+len(w.Under) > 0
}

// markup checks what can be checked of rules for HTML and feeds without
// reading their selectors, which the rewriters do.
func (c *profileCheck) markup(p *Profile) {
	for section, rules := range map[string][]HTMLRule{"html": p.HTML, "self": p.Self} {
		for i := range rules {
			at := []any{section, i}
			c.oneOf(at, "undecided", rules[i].Undecided, "keep", "hide")
			c.oneOf(at, "context", rules[i].Context, "candidate")
			if rules[i].Select == "" {
				c.fail(at, "the rule has no select:")
			}
			for _, class := range rules[i].Only {
				c.oneOf(at, "only", string(class), words(classes)...)
			}
			for _, id := range rules[i].Identity {
				c.oneOf(at, "identity", string(id), identities...)
			}
			if section == "html" && !rules[i].Always && !rules[i].Menu && rules[i].Tokens == "" && len(rules[i].Subject)+len(rules[i].Childless) == 0 {
				c.fail(at, "the rule hides nothing: it wants subject:, childless:, tokens:, menu: or always:")
			}
			c.wikiMarkup(sub(at, "hidden"), &rules[i].Hidden)
			for k, pl := range rules[i].Childless {
				if a, ok := ParseAttr(pl.As); !ok || a.Kind() != Content {
					c.fail(sub(at, "childless", k), "%q is no attribute of a page, and only pages have children", pl.As)
				}
			}
		}
	}
	for i := range p.Scripts {
		if _, err := regexp.Compile(p.Scripts[i].Match); err != nil {
			c.fail([]any{"scripts", i, "match"}, "%v", err)
		}
		for _, name := range sortedKeys(p.Scripts[i].JSON) {
			c.fields([]any{"scripts", i, "json", name}, p.Scripts[i].JSON[name], nil, nil)
		}
	}
	for i := range p.Feeds {
		at := []any{"feeds", i}
		c.oneOf(at, "undecided", p.Feeds[i].Undecided, "drop", "keep")
		if p.Feeds[i].Entry == "" {
			c.fail(at, "the rule has no entry:")
		}
	}
	for i, sel := range p.Prose {
		for one := range strings.SplitSeq(sel, ",") {
			if slices.Contains([]string{"*", "html", "body", "head", "body *", "html *"}, strings.TrimSpace(one)) {
				c.fail([]any{"prose", i}, "%q is the whole page; prose is what people wrote, the rest is scanned as structure", one)
			}
		}
	}
}

// unsafeHeaders would tell more than the answer does; the engine makes its own.
var unsafeHeaders = []string{
	"set-cookie", "set-cookie2", "etag", "last-modified", "location", "content-location", "link", "refresh", "content-length", "content-encoding",
	"transfer-encoding", "content-disposition", "www-authenticate", "server", "via", "age", "vary", "content-range", "accept-ranges", "x-powered-by",
}

func (c *profileCheck) headers(h *Headers) {
	for i, name := range h.Response {
		if slices.Contains(unsafeHeaders, strings.ToLower(name)) || strings.ContainsAny(name, "*?[ :") {
			c.fail([]any{"headers", "response", i}, "the wiki's %s never passes as it is", name)
		}
	}
	for i, glob := range h.Cookies {
		if strings.Trim(glob, "*?") == "" {
			c.fail([]any{"headers", "cookies", i}, "%q takes every cookie, Postern's own among them", glob)
		}
	}
}

// maxProgram bounds what a profile's regular expression may compile to.
const maxProgram = 20_000

// boundedRegexp refuses a regular expression that is too large to keep, or not
// one at all.
func boundedRegexp(src string) error {
	if len(src) > maxText {
		return errors.New("the regular expression is too long")
	}
	tree, err := syntax.Parse(src, syntax.Perl)
	if err != nil {
		return err //nolint:wrapcheck // the caller says what it is for
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return err //nolint:wrapcheck // as above
	}
	if len(prog.Inst) > maxProgram {
		return errors.New("the regular expression is too large once its repeats are written out")
	}
	return nil
}

func (c *profileCheck) identities(ids []IdentityPattern) {
	for i := range ids {
		at := []any{"identities", i}
		if err := boundedRegexp(ids[i].Match); err != nil {
			c.fail(sub(at, "match"), "match: %v", err)
			continue
		}
		re, err := regexp.Compile(ids[i].Match)
		switch {
		case err != nil:
			c.fail(sub(at, "match"), "match: %v", err)
		case re.NumSubexp() < 1:
			c.fail(sub(at, "match"), "match: wants a group, whose text is the value")
		case re.MatchString(""):
			c.fail(sub(at, "match"), "match: takes the empty text, so that it is everywhere")
		}
		if a, ok := ParseAttr(ids[i].Attr); !ok || a.Kind() != User {
			c.fail(sub(at, "attr"), "attr: %q is no attribute of a user", ids[i].Attr)
		}
	}
}

func (c *profileCheck) textPaths(paths []string) {
	for i, p := range paths {
		if len(p) < 3 || p[0] != '/' || strings.ContainsAny(p, " ?#{}*") {
			c.fail([]any{"text_paths", i}, "%q: wants how a path begins, such as /display/", p)
		}
	}
}

var records = []string{"users", "groups", "spaces", "content", "aliases"}

func (c *profileCheck) directory(p *Profile) {
	if p.Sync != nil {
		for i := range p.Sync.Steps {
			s := &p.Sync.Steps[i]
			at := []any{"sync", "steps", i}
			c.oneOf(at, "into", s.Into, records...)
			c.oneOf(at, "each", s.Each, "spaces", "groups")
			c.oneOf(sub(at, "page"), "kind", s.Page.Kind, "offset", "cursor", "none")
			if s.Into == "" || !strings.HasPrefix(s.URL, "/") {
				c.fail(at, "a step wants into: and a url: that begins with a slash")
			}
		}
	}
	for i := range p.Lookup {
		l := &p.Lookup[i]
		at := []any{"lookup", i}
		c.oneOf(at, "into", l.Into, records...)
		if len(l.Attr) == 0 || !strings.HasPrefix(l.URL, "/") {
			c.fail(at, "a look-up wants attr: and a url: that begins with a slash")
		}
		for _, a := range l.Attr {
			if _, ok := ParseAttr(a); !ok {
				c.fail(sub(at, "attr"), "%q is no attribute%s", a, suggest(a, attrWords()))
			}
		}
	}
	if p.SpaceURL != "" && !spaceURL.MatchString(p.SpaceURL) {
		c.fail([]any{"space_url"}, "space_url: %q is no path of the wiki's with {key}, {id} or {name} in it", p.SpaceURL)
	}
	if p.WhoAmI != nil && !strings.HasPrefix(p.WhoAmI.URL, "/") {
		c.fail([]any{"who_am_i"}, "who_am_i wants a url: that begins with a slash")
	}
	c.login(p)
}

// specialPages: what no route leads to is never asked for.
func (c *profileCheck) specialPages(p *Profile) {
	if len(p.Specials) == 0 || slices.ContainsFunc(p.Routes, func(r RouteSpec) bool { return r.dispatches() }) {
		return
	}
	c.fail([]any{"specials"}, "no route leads to special pages: one wants specials: PARAMETER")
}

func (r *RouteSpec) dispatches() bool {
	if r.Specials != "" {
		return true
	}
	for _, v := range r.Variants {
		if v.dispatches() {
			return true
		}
	}
	return false
}

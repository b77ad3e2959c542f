package rules

import (
	"errors"
	"maps"
	"slices"
	"strings"
)

// maxVariantDepth bounds variants within variants.
const maxVariantDepth = 4

// routeTable is a profile's routes, compiled.
type routeTable struct {
	canon     *canon
	trie      *trie
	routes    []*route // with their variants, special pages and parts inside
	titles    bool     // titles carry their space in themselves
	none      string   // the key of the space of titles without a prefix
	names     namespaceCache
	macros    map[string]macros // by codec
	linkNames linkNames
}

// noRoutes is the table of a profile that was not loaded: nothing is named.
var noRoutes = func() *routeTable {
	c, _ := newCanon(&Canon{})
	return &routeTable{canon: c, trie: newTrie(false)}
}()

func (p *Profile) routes() *routeTable {
	if p == nil || p.table == nil {
		return noRoutes
	}
	return p.table
}

// route is a RouteSpec, compiled, with what it inherits filled in. A route with
// variants hands on to one of them; so the last one says everything.
type route struct {
	spec      *RouteSpec
	file      string
	line      int
	pattern   string
	patterns  []*pattern // of the routes at the top
	class     Class
	action    Action
	methods   []string
	read      bool
	closed    bool
	params    map[string]*paramType
	affixed   []affixedParam
	implied   []Param // what stands there if nothing does
	starDrop  bool
	need      [][]string
	selectors []string // all that need names
	needAny   []string
	agree     bool
	by        *variants
	parts     map[string]string // parameter -> separator, "" for one value
	part      map[string]*route // by "param=value"
	control   map[string]bool   // discriminators on the way here
	force     ForceSpec
	narrow    map[string]NarrowSpec
	page      *PageSpec
	deny      []DenySpec
	evidence  map[string]EvidenceSpec
	mixed     string
	leads     string // signin, signout
	response  *ResponseSpec
	global    bool
	body      *body // what a write carries
	source    *sourceRoute
	// partAction is the action where what is asked for hangs on a page.
	partAction Action

	specials      string            // the title parameter whose special pages dispatch
	specialRoutes map[string]*route // by folded name
	titleParam    string            // of a special page: the parameter that names it
	subpage       *paramType
	// witness is the evidence of the default variant, for those beside it of
	// the same class that name none.
	witness map[string]EvidenceSpec

	// What finish works out of the above, so that matching need not.
	names     map[string]paramSlot
	partNames []string    // of parts, sorted
	pages     []*PageSpec // the one of page, if there is one
	spelled   []string    // pattern, for each of the patterns at the top
}

// affixedParam is a parameter whose name ends in a value: "ns{space.id}".
type affixedParam struct {
	prefix      string
	name, value *paramType
}

type variants struct {
	param, def string
	field      string // of the body, in place of a parameter
	variants   map[string]*route
}

// compiler turns a profile's specs into a routeTable, gathering every fault.
type compiler struct {
	p    *Profile
	pc   *profileCheck
	env  *typeEnv
	t    *routeTable
	fail func(path []any, format string, args ...any)
	line func(path []any) int
	// leaves counts what the patterns make with their enums written out.
	leaves int
}

func (c *compiler) table() {
	for i := range c.p.Routes {
		spec := &c.p.Routes[i]
		path := []any{"routes", i}
		if spec.Match == "" {
			c.fail(path, "the route has no match:")
			continue
		}
		pats := make([]*pattern, 0, 1+len(spec.Also))
		for j, src := range append([]string{spec.Match}, spec.Also...) {
			pat, err := parsePattern(src)
			if err != nil {
				at := append(slices.Clone(path), "match")
				if j > 0 {
					at = append(slices.Clone(path), "also", j-1)
				}
				c.fail(at, "%v", err)
				continue
			}
			pats = append(pats, pat)
		}
		if len(pats) == 0 || spec.Closed {
			continue
		}
		if !c.countLeaves(pats, path) {
			return
		}
		rt := c.route(spec, nil, path, spec.Match, pats)
		rt.patterns = pats
		c.t.routes = append(c.t.routes, rt)
		rt.finish(rt, c.t.canon)
		for i, pat := range pats {
			pat.n = i
			if err := c.t.trie.add(pat, rt, c.env); err != nil {
				at := sub(path, "match")
				if i > 0 {
					at = sub(path, "also", i-1)
				}
				c.fail(at, "%v", err)
			}
		}
	}
}

// route compiles one spec on top of what it inherits.
func (c *compiler) route(spec *RouteSpec, parent *route, path []any, pattern string, pats []*pattern) *route {
	rt := &route{spec: spec, file: c.pc.file(path), line: c.line(path), pattern: pattern, closed: spec.Closed}
	if parent != nil {
		inherited := *parent
		inherited.spec, inherited.file, inherited.line, inherited.pattern, inherited.by = rt.spec, rt.file, rt.line, rt.pattern, nil
		inherited.closed = parent.closed || spec.Closed
		inherited.methods = c.variantMethods(spec, parent)
		rt = &inherited
	}
	rt.params = maps.Clone(rt.params)
	rt.control = maps.Clone(rt.control)
	if rt.params == nil {
		rt.params, rt.control = map[string]*paramType{}, map[string]bool{}
	}
	rt.read = rt.read || spec.Read
	if spec.Class != "" {
		rt.class = spec.Class
	}
	c.checkClass(spec, path)
	switch spec.Leads {
	case "":
	case "signin", "signout":
		rt.leads = spec.Leads
	default:
		c.fail(append(slices.Clone(path), "leads"), "%q; want signin or signout", spec.Leads)
	}
	for _, m := range spec.Methods {
		if !goodMethod(m) {
			c.fail(append(slices.Clone(path), "methods"), "%q is no method here (HEAD goes with GET)", m)
		}
	}
	if len(spec.Methods) > 0 {
		rt.methods = spec.Methods
	} else if parent == nil {
		for _, p := range pats {
			for _, m := range p.methods {
				if !slices.Contains(rt.methods, m) {
					rt.methods = append(rt.methods, m)
				}
			}
		}
	}
	c.params(rt, spec, path)
	c.overrides(rt, spec, path)
	if parent == nil || len(path) == 2 {
		c.shortForms(spec, path)
	}
	switch {
	case spec.Action != "":
		rt.action = spec.Action
	case parent == nil || spec.Class != "":
		rt.action = defaultAction(rt.class)
	}
	c.body(rt, spec, path)
	c.parts(rt, spec, path)
	c.specials(rt, spec, path)
	c.variants(rt, spec, path)
	if rt.by == nil {
		c.check(rt, path)
	}
	return rt
}

// variantMethods: a variant takes the pattern's methods if they only read, else
// GET alone, unless it says so.
func (c *compiler) variantMethods(spec *RouteSpec, parent *route) []string {
	if len(spec.Methods) > 0 {
		return spec.Methods
	}
	if parent.read || spec.Read || !slices.Contains(parent.methods, "GET") {
		return parent.methods
	}
	return []string{"GET"}
}

func defaultAction(class Class) Action {
	switch class {
	case ClassSearch, ClassPicker:
		return ActSearch
	case ClassWrite:
		return ActWrite
	}
	return ActView
}

var classes = []Class{
	ClassStatic, ClassContent, ClassSpace, ClassUser, ClassGroup, ClassSearch, ClassPeople, ClassPicker,
	ClassFeed, ClassFile, ClassExport, ClassSession, ClassWrite, ClassPersonal, ClassAdmin,
}

var actions = []Action{ActView, ActSearch, ActComment, ActMention, ActWrite, ActRestrict, ActAssign}

func words[T ~string](in []T) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = string(s)
	}
	return out
}

func (c *compiler) checkClass(spec *RouteSpec, path []any) {
	if spec.Class != "" && !slices.Contains(classes, spec.Class) {
		c.fail(append(slices.Clone(path), "class"), "unknown class %q%s", spec.Class, suggest(string(spec.Class), words(classes)))
	}
	for key, a := range map[string]Action{"action": spec.Action, "part_action": spec.PartAction} {
		if a != "" && !slices.Contains(actions, a) {
			c.fail(append(slices.Clone(path), key), "unknown action %q%s", a, suggest(string(a), words(actions)))
		}
	}
}

// params compiles the spec's own parameters into rt.
func (c *compiler) params(rt *route, spec *RouteSpec, path []any) {
	at := append(slices.Clone(path), "params")
	for _, name := range sortedKeys(spec.Params) {
		src := spec.Params[name]
		if name == "*" {
			switch src {
			case "drop", "refuse":
				rt.starDrop = src == "drop"
			default:
				c.fail(append(slices.Clone(at), name), `"*" is drop or refuse, not %q`, src)
			}
			continue
		}
		prefix, inner, isAffixed := strings.Cut(strings.TrimSuffix(name, "}"), "{")
		if isAffixed && strings.HasSuffix(name, "}") && goodName(prefix) {
			nt, err1 := c.env.parseType(inner)
			vt, err2 := c.env.parseType(src)
			if err := errors.Join(err1, err2); err != nil {
				c.fail(append(slices.Clone(at), name), "%v", err)
				continue
			}
			if vt.cursor() {
				c.fail(append(slices.Clone(at), name), "a cursor wants a parameter with a name of its own")
				continue
			}
			rt.affixed = append(slices.Clone(rt.affixed), affixedParam{spec.Prefix + prefix, nt, vt})
			continue
		}
		if !goodName(name) {
			c.fail(append(slices.Clone(at), name), "%q is no parameter name", name)
			continue
		}
		t, err := c.env.parseType(src)
		if err != nil {
			c.fail(append(slices.Clone(at), name), "%v", err)
			continue
		}
		rt.params[spec.Prefix+name] = t
		if t.def != "" {
			rt.implied = append(slices.Clone(rt.implied), Param{spec.Prefix + name, t.def})
		}
	}
	if spec.Subpage != "" {
		t, err := c.env.parseType(spec.Subpage)
		if err != nil {
			c.fail(append(slices.Clone(path), "subpage"), "%v", err)
		}
		if t.cursor() {
			c.fail(append(slices.Clone(path), "subpage"), "a cursor stands in a parameter, never in the path")
		}
		rt.subpage = t
	}
}

// overrides puts the rest of what the spec says over what is inherited.
func (c *compiler) overrides(rt *route, spec *RouteSpec, path []any) {
	if spec.Need != nil {
		rt.need, rt.selectors = spec.Need, nil
		for _, set := range spec.Need {
			for _, s := range set {
				if !slices.Contains(rt.selectors, s) {
					rt.selectors = append(rt.selectors, s)
				}
			}
		}
	}
	if spec.NeedAny != nil {
		rt.needAny = spec.NeedAny
	}
	if spec.Agree != "" {
		rt.agree = spec.Agree == "content"
		if !rt.agree {
			c.fail(append(slices.Clone(path), "agree"), "agree: can only be content, not %q", spec.Agree)
		}
	}
	rt.force = ForceSpec{Params: merged(rt.force.Params, spec.Force.Params), Headers: merged(rt.force.Headers, spec.Force.Headers)}
	narrow := make(map[string]NarrowSpec, len(spec.Narrow))
	for name, n := range spec.Narrow {
		narrow[spec.Prefix+name] = n
	}
	rt.narrow = merged(rt.narrow, narrow)
	if spec.Page != nil {
		page := *spec.Page
		if spec.Prefix != "" {
			for _, s := range []*string{&page.Start, &page.Limit} {
				if *s != "" {
					*s = spec.Prefix + *s
				}
			}
		}
		rt.page = &page
	}
	deny := slices.Clone(spec.Deny)
	for i := range deny {
		if deny[i].Param != "" {
			deny[i].Param = spec.Prefix + deny[i].Param
		}
	}
	rt.deny = append(slices.Clone(rt.deny), deny...)
	rt.evidence = merged(rt.evidence, spec.Evidence)
	switch spec.Mixed {
	case "":
	case "missing", "refuse":
		rt.mixed = spec.Mixed
	default:
		c.fail(append(slices.Clone(path), "mixed"), "mixed: is missing or refuse, not %q", spec.Mixed)
	}
	if spec.Response != nil {
		rt.response = spec.Response
	}
	switch spec.Context {
	case "":
	case "global":
		rt.global = true
	default:
		c.fail(append(slices.Clone(path), "context"), "context: can only be global, not %q", spec.Context)
	}
	if spec.Specials != "" {
		rt.specials = spec.Specials
	}
}

func merged[V any](base, over map[string]V) map[string]V {
	if len(over) == 0 {
		return base
	}
	out := maps.Clone(base)
	if out == nil {
		return over
	}
	maps.Copy(out, over)
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	if len(m) == 0 {
		return nil // most often, and then it costs nothing
	}
	return slices.Sorted(maps.Keys(m))
}

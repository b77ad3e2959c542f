package rules

import (
	"slices"
	"strings"
)

var refuseNoRoute = notFound("no route")

// matcher is one run of the route table. Where light is set, for links, only
// what admission asks is worked out, and refusals say less.
type matcher struct {
	t     *routeTable
	m     *Match
	f     Facts
	req   *Request
	light bool
	lf    *leaf
	segs  []string
	rt    *route
	parts []*route
	why   *Refusal // the first refusal
	ns    *namespaces
	last  title
	tree  *bodyNode // of a JSON body, once it was asked for
	// fields is set while the body is read: its own fields are known by name.
	fields bool
}

// match fills m. On a refusal m still holds the subjects that could be read,
// for the caller who must know whether the thing that could not be asked for is
// hidden besides.
func (t *routeTable) match(m *Match, req *Request, f Facts, light bool) *Refusal {
	x := matcher{t: t, m: m, f: f, req: req, light: light, segs: req.Segments}
	method := req.Method
	if method == "HEAD" || method == "" {
		method = "GET"
	}
	m.Method, m.canon = method, t.canon
	then := x.strip()
	x.lf = t.trie.find(x.segs, method)
	if x.lf == nil {
		return refuseNoRoute
	}
	x.collect()
	x.dispatch()
	x.captures()
	x.params()
	x.body()
	x.needs()
	rt := x.rt
	m.Class, m.Action, m.File, m.Line, m.Agree = rt.class, rt.action, rt.file, rt.line, rt.agree
	x.joinParts()
	switch {
	case x.why != nil:
	case rt.closed:
		x.why = refuseNoRoute
	case !slices.Contains(rt.methods, method) && !(light && rt.body != nil): // a form's action is sent otherwise than a link
		x.why = notFound("the route does not take this method")
	case then != nil && !slices.Contains(then, m.Class):
		x.why = notFound("the class of the route is not open behind this prefix")
	case m.Class == "":
		x.why = notFound("the route has no class")
	}
	m.route, m.parts = rt, x.parts
	m.Read, m.Leads = rt.read, rt.leads
	m.IsWrite = m.Class == ClassWrite || method != "GET" && !rt.read
	if (req.JSON != nil || req.Multipart) && !m.IsWrite {
		x.refuse("", "a body of this type is not read here")
	}
	m.Segments, m.Agree, m.Mixed = x.segs, rt.agree, rt.mixed
	x.context()
	x.deny()
	if !light {
		x.finish()
		x.blame()
	}
	return x.why
}

// whyUnnamed is why a parameter is refused of which the profile says nothing.
const whyUnnamed = "the route does not name it"

// blame tells the refusal which route it is about.
func (x *matcher) blame() {
	if x.why == nil {
		return
	}
	told := *x.why // some are shared
	told.Pattern, told.File, told.Line = x.m.Pattern, x.m.File, x.m.Line
	x.why = &told
}

func (x *matcher) refuse(param, why string) {
	if x.why != nil {
		return
	}
	if x.light {
		x.why = refuseNoRoute
		return
	}
	if param != "" {
		why = "parameter " + param + ": " + why
	}
	x.why = notFound(why)
	x.why.Param = param
}

// twice refuses a name that stands there more than once where one value is
// wanted: which of them counts is each reader's own. That comes before all other
// reasons.
func (x *matcher) twice(param string) {
	if x.light || x.why != nil && x.why.Status == 400 {
		x.refuse(param, "stands there twice")
		return
	}
	x.why = badRequest("parameter " + param + ": stands there twice")
	x.why.Param = param
}

// strip takes a prefix off that canon names, once, and gives the classes that
// the rest may be of.
func (x *matcher) strip() []Class {
	for i := range x.t.canon.strip {
		s := &x.t.canon.strip[i]
		if len(x.segs) <= len(s.before)+len(s.after) || !slices.Equal(x.segs[:len(s.before)], s.before) {
			continue
		}
		// Something is behind it: the prefix by itself is a path like others.
		for j := len(s.before) + 1; j+len(s.after) < len(x.segs); j++ {
			if slices.Equal(x.segs[j:j+len(s.after)], s.after) {
				x.segs = x.segs[j+len(s.after):]
				return s.then
			}
		}
	}
	return nil
}

// collect gathers captures and parameters as they came.
func (x *matcher) collect() {
	m := x.m
	m.values = m.values[:0]
	for i := range x.lf.captures {
		c := &x.lf.captures[i]
		m.values = append(m.values, Param{c.name, c.value(x.segs)})
	}
	m.values = append(m.values, x.req.Query...)
	m.values = append(m.values, x.req.Form...)
}

func (c *capture) value(segs []string) string {
	if c.rest {
		if len(segs) == c.seg+1 {
			return segs[c.seg]
		}
		return strings.Join(segs[c.seg:], "/")
	}
	s := segs[c.seg]
	return s[c.prefix : len(s)-c.suffix]
}

// dispatch goes from the pattern's route to the special page's or the
// variant's.
func (x *matcher) dispatch() {
	x.rt = x.lf.route
	for range maxVariantDepth {
		if x.rt.specials != "" {
			if to, ok := x.special(); ok {
				if to == nil {
					x.refuse("", "no such special page here")
					return
				}
				x.rt = to
				continue
			}
		}
		by := x.rt.by
		if by == nil {
			return
		}
		v, given := x.m.Value(by.param)
		if by.field != "" {
			v, given = x.bodyTree().text(by.field)
		}
		if !given {
			v = by.def
		}
		to := by.variants[v]
		if to == nil {
			x.refuse(by.param, "a value that the route does not name")
			return
		}
		x.rt = to
	}
	if x.rt.by != nil {
		x.refuse(x.rt.by.param, "variants within variants are nested too deeply")
	}
}

// special looks at the title parameter; ok says that it names a special page.
func (x *matcher) special() (to *route, ok bool) {
	v, given := x.m.Value(x.rt.specials)
	if !given {
		return nil, false
	}
	name, sub, ok := x.title(v).special()
	if !ok {
		return nil, false
	}
	to = x.rt.specialRoutes[name]
	if to == nil {
		return nil, true
	}
	switch {
	case sub == "":
	case to.subpage == nil:
		x.refuse("subpage", "the special page takes none")
	default:
		if out, _, why := x.read(to.subpage, "subpage", sub, false); why != "" {
			x.refuse("subpage", why)
		} else if out != sub {
			x.refuse("subpage", "not in its canonical spelling, and the path goes up as it is")
		}
		x.m.values = append(x.m.values, Param{"subpage", sub})
	}
	return to, true
}

func (x *matcher) captures() {
	for i := range x.lf.captures {
		c := &x.lf.captures[i]
		if hasParam(x.req.Query, c.name) || hasParam(x.req.Form, c.name) {
			x.refuse(c.name, "stands in path and query")
		}
		v := x.m.values[i].Value
		if c.name == x.rt.titleParam {
			continue // the title is the special page's own
		}
		pt := x.rt.names[c.name].typ
		ct := c.typ
		if ct != nil && pt != nil && (ct.kind == tTiny || ct.kind == tAttr) {
			pt = nil // the capture says how the value is spelt
		}
		for _, t := range [...]*paramType{ct, pt} {
			if t == nil {
				continue
			}
			if out, send, why := x.read(t, c.name, v, false); why != "" {
				x.refuse(c.name, why)
			} else if !send {
				x.refuse(c.name, "empty")
			} else if out != v {
				x.refuse(c.name, "not in its canonical spelling, and the path goes up as it is")
			}
		}
		if ct == nil && pt == nil && !goodText(v) {
			x.refuse(c.name, "not plain text")
		}
	}
}

// params reads query and form.
func (x *matcher) params() {
	x.findParts()
	m := x.m
	nq := len(x.req.Query)
	if n := nq + len(x.req.Form); !x.light && n > cap(m.Params) {
		m.Params = make([]Param, 0, n)
	}
	write := x.rt.class == ClassWrite || m.Method != "GET" && !x.rt.read
	for i := range x.req.Query {
		q := &x.req.Query[i]
		x.param(q, hasParam(x.req.Query[:i], q.Name), true)
	}
	x.imply(x.rt)
	for _, p := range x.parts {
		x.imply(p)
	}
	m.form = len(m.Params)
	for i := range x.req.Form {
		q := &x.req.Form[i]
		repeated := hasParam(x.req.Form[:i], q.Name)
		if x.formField(q, repeated) {
			continue
		}
		x.param(q, repeated, !write)
	}
}

// param reads one pair. strict is unset for the fields of a write's form, which
// its body's reader takes.
func (x *matcher) param(q *Param, repeated, strict bool) {
	rt := x.rt
	slot := rt.names[q.Name]
	t := slot.typ
	for i := 0; t == nil && i < len(x.parts); i++ {
		t = x.parts[i].names[q.Name].typ
	}
	if t == nil {
		t = x.affixed(q)
	}
	if t == nil && x.light && rt.body != nil { // a field of a form that is sent there
		if t = rt.body.fields[q.Name]; t != nil && t.bodyOnly() {
			return
		}
	}
	if t == nil {
		switch {
		case slot.control: // a discriminator, judged by dispatch
			if !repeated {
				x.send(*q)
				return
			}
		case x.forced(&slot, q):
			return
		case rt.starDrop || !strict:
			x.m.unread = true
			return
		}
		x.refuse(q.Name, whyUnnamed)
		return
	}
	if repeated && !t.repeats() {
		if x.light {
			_, _, _ = x.read(t, q.Name, q.Value, false) // for what it names
		}
		x.twice(q.Name)
		return
	}
	if slot.forced {
		if t.kind != tDrop && slot.force != q.Value {
			x.refuse(q.Name, "another value than the route forces")
		}
		return
	}
	v, send, why := x.read(t, q.Name, q.Value, false)
	if why != "" {
		x.refuse(q.Name, why)
		return
	}
	if send {
		x.send(Param{q.Name, v})
	}
}

// affixed finds the type of a parameter whose name ends in a value, such as
// ns3000 under "ns{space.id}". What the name holds is judged like a value.
func (x *matcher) affixed(q *Param) *paramType {
	for i := range x.rt.affixed {
		a := &x.rt.affixed[i]
		rest, ok := strings.CutPrefix(q.Name, a.prefix)
		if !ok || rest == "" {
			continue
		}
		if _, _, why := x.read(a.name, q.Name, rest, false); why == "" {
			return a.value
		}
	}
	return nil
}

func (x *matcher) send(q Param) {
	if !x.light {
		x.m.Params = append(x.m.Params, q)
	}
}

// forced reports that the parameter is one that the route sets itself, to this
// very value.
func (x *matcher) forced(slot *paramSlot, q *Param) bool {
	ok, v := slot.forced, slot.force
	for i := 0; !ok && i < len(x.parts); i++ {
		s := x.parts[i].names[q.Name]
		ok, v = s.forced, s.force
	}
	return ok && v == q.Value
}

// context finds the space in which people are judged.
func (x *matcher) context() {
	m := x.m
	m.Global = true
	if x.rt.global {
		return
	}
	for _, want := range [...]EntityKind{Space, Content} {
		for i := range m.Subjects {
			if s := &m.Subjects[i]; s.Ref.Kind == want && !s.List {
				m.ContextSpace, m.Global = s.Ref, false
				return
			}
		}
	}
}

// deny keeps the conditions whose parameters hold.
func (x *matcher) deny() {
	for i := range x.rt.deny {
		x.denyIf(x.rt, &x.rt.deny[i])
	}
	for _, p := range x.parts {
		for i := range p.deny {
			x.denyIf(p, &p.deny[i])
		}
	}
}

func (x *matcher) denyIf(rt *route, d *DenySpec) {
	if d.Param != "" {
		v, ok := x.m.Value(d.Param)
		if !ok || d.Value != "" && !valueHits(rt.params[d.Param], v, d.Value) {
			return
		}
	}
	x.m.Deny = append(x.m.Deny, *d)
}

// valueHits reports that one of a parameter's values is one of "a|b".
func valueHits(t *paramType, value, among string) bool {
	values := []string{value}
	if t != nil {
		switch t.kind {
		case tList, tWords:
			values = splitList(value, t.sep)
		case tModules:
			values = unpackModules(value)
		}
	}
	for w := range strings.SplitSeq(among, "|") {
		if slices.Contains(values, w) {
			return true
		}
	}
	return false
}

// finish fills in what only requests need.
func (x *matcher) finish() {
	m, rt := x.m, x.rt
	m.Pattern = rt.spelled[x.lf.pat.n]
	m.Segments = x.segs
	if x.t.trie.fold {
		m.Segments = slices.Clone(x.segs)
		for i, lit := range x.lf.literals {
			if lit != "" && i < len(m.Segments) {
				m.Segments[i] = lit
			}
		}
	}
	m.Force, m.Response, m.Page = rt.force, rt.response, rt.page
	m.Narrow, m.Evidence, m.Pages = rt.narrow, rt.evidence, slices.Clip(rt.pages)
	x.mergeParts()
}

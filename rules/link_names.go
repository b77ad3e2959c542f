package rules

import "strings"

// Bounds of what is read of a URL that is not for the viewer.
const (
	maxLinkNames = 64 // segments of a path, and parameters
	maxLinkDepth = 3  // of URLs in parameters of URLs
)

// linkNames is Profile.LinkNames, compiled.
type linkNames struct {
	params map[string]*paramType
	any    *paramType // of parameters that have no type of their own
	paths  []namedPath
}

// namedPath is a run of segments, wherever in a path it stands.
type namedPath []namedSegment

type namedSegment struct {
	lit, name string
	typ       *paramType // nil: the segment is lit
}

// linkNames compiles what links name beyond what their routes read.
func (c *compiler) linkNames() {
	n := &c.t.linkNames
	for i := range c.p.LinkNames {
		at, spec := []any{"link_names", i}, &c.p.LinkNames[i]
		if (spec.Path == "") == (len(spec.Params) == 0) {
			c.fail(at, "wants a path: or params:")
			continue
		}
		for _, name := range sortedKeys(spec.Params) {
			t, err := c.env.parseType(spec.Params[name])
			switch {
			case err != nil:
				c.fail(sub(at, "params", name), "%v", err)
			case !t.entity():
				c.fail(sub(at, "params", name), "a value of type %s names nothing", t.src)
			case name == "*":
				n.any = t
			case n.params[name] != nil:
				c.fail(sub(at, "params", name), "%s has a type already", name)
			case n.params == nil:
				n.params = map[string]*paramType{name: t}
			default:
				n.params[name] = t
			}
		}
		if spec.Path != "" {
			c.namedPath(sub(at, "path"), spec.Path)
		}
	}
}

func (c *compiler) namedPath(at []any, src string) {
	pat, err := parsePattern(src)
	if err != nil {
		c.fail(at, "%v", err)
		return
	}
	var out namedPath
	names := false
	for _, s := range pat.segs {
		seg := namedSegment{lit: s.lit, name: s.name}
		if s.kind != segLiteral {
			t, err := c.env.parseType(s.typ)
			switch {
			case s.kind != segWild || s.typ == "":
				c.fail(at, "pattern %q: wants whole segments, {name:type}", src)
				return
			case err != nil:
				c.fail(at, "pattern %q: %v", src, err)
				return
			}
			seg.typ = t
			names = names || t.entity()
		}
		out = append(out, seg)
	}
	if !names {
		c.fail(at, "pattern %q names nothing", src)
		return
	}
	c.t.linkNames.paths = append(c.t.linkNames.paths, out)
}

// readLinkNames adds to m what a link's path and parameters name that no route
// reads. It reports false if there is more of them than is read.
func (t *routeTable) readLinkNames(m *Match, req *Request, f Facts) bool {
	n := &t.linkNames
	x := matcher{t: t, m: m, f: f, req: req, light: true, segs: req.Segments}
	m.canon = t.canon
	for i := range x.segs {
		if i >= maxLinkNames {
			return false
		}
		for _, p := range n.paths {
			x.readNamedPath(p, x.segs[i:])
		}
	}
	m.values = append(m.values[:0], req.Query...)
	for i := range req.Query {
		q := &req.Query[i]
		typ := n.params[q.Name]
		if typ == nil {
			typ = n.any
		}
		if typ == nil || q.Value == "" {
			continue
		}
		if i >= maxLinkNames {
			return false
		}
		_, _, _ = x.read(typ, q.Name, q.Value, false) // for what it names
	}
	return true
}

func (x *matcher) readNamedPath(p namedPath, segs []string) {
	m := x.m
	if len(p) > len(segs) {
		return
	}
	for i := range p {
		if p[i].typ == nil && p[i].lit != segs[i] {
			return
		}
	}
	m.values = m.values[:0]
	for i := range p {
		if p[i].typ != nil {
			m.values = append(m.values, Param{p[i].name, segs[i]})
		}
	}
	before := len(m.Subjects)
	for i := range p {
		if s := &p[i]; s.typ != nil {
			if _, _, why := x.read(s.typ, s.name, segs[i], false); why != "" {
				m.Subjects = m.Subjects[:before]
				return
			}
		}
	}
}

// beyond judges what a link names besides what its route read, where the route
// did not read all of it: a link to something hidden goes with its text,
// whether or not anybody can follow it.
func (j *Judge) beyond(l *Link, unread bool) {
	t, m := j.profile.routes(), &j.match
	n := &t.linkNames
	if !unread || n.any == nil && n.params == nil && n.paths == nil {
		return
	}
	read := len(m.Subjects)
	defer func() { m.Subjects = m.Subjects[:read] }() // the route's own are judged as the route says
	if !t.readLinkNames(m, &j.req, j.facts) {
		l.Fate, l.Kind, l.Decision = FateHide, Content, unreadableLink.Decision
		return
	}
	ctx := j.ctx
	for i := range m.Subjects[read:] {
		s := &m.Subjects[read+i]
		d := j.view.Entity(s.Ref, ctx)
		if d.Verdict == Unknown && !d.Absent {
			j.miss(s.Ref)
		}
		if d.Verdict == Hidden || d.Verdict == Unknown && !d.Absent && !s.Loose {
			l.Fate, l.Kind, l.Decision = FateHide, s.Ref.Kind, d
			return
		}
	}
	j.within(l)
}

// within judges the URLs of the wiki that stand in parameters of a link, as
// where to go on to.
func (j *Judge) within(l *Link) {
	for i := range j.req.Query {
		v := j.req.Query[i].Value
		if !strings.HasPrefix(v, "/") && !strings.Contains(v, "://") {
			continue
		}
		if j.nested >= maxLinkDepth {
			l.Fate, l.Kind, l.Decision = FateHide, Content, unreadableLink.Decision
			return
		}
		inner := *j
		inner.nested, inner.cache, inner.links, inner.match, inner.req = j.nested+1, nil, nil, Match{}, Request{}
		if in := inner.judge(v, &j.page); in.Fate == FateHide {
			j.own = j.own || inner.own
			l.Fate, l.Kind, l.Decision = FateHide, in.Kind, in.Decision
			return
		}
		j.own = j.own || inner.own
	}
}

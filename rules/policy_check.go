package rules

import (
	"fmt"
	"strings"
	"time"
	"unicode"
)

// Bounds on rules, beyond those on files.
const (
	maxFilters  = 200
	maxURLRules = 1000
	maxTitles   = 200 // patterns of one space
)

// policy checks what the types can't, parses principals, times, patterns and
// conditions, and fills in the preset's defaults.
func (l *loading) policy() {
	p := l.p
	l.version()
	p.applyPreset()
	l.zone()
	l.sources()
	for i := range p.Internal.Groups {
		g := &p.Internal.Groups[i]
		l.file = g.File
		if _, err := p.parseGroup(g.Name); err != nil {
			l.failErr(g.Pos, err)
		}
	}
	l.spaces()
	l.pages()
	l.filters()
	l.urls(p.URLs.Block, true)
	l.urls(p.URLs.Allow, false)
	for i := range p.Suspended {
		m := &p.Suspended[i]
		l.file = m.File
		if m.Role != "" || m.Until != "" {
			l.fail(m.Pos, "suspended: role and until have no meaning here")
		}
		l.member(m)
	}
}

func (l *loading) version() {
	p := l.p
	l.file = p.file
	empty := true
	for _, q := range l.parts {
		empty = empty && q.root == nil
		// What is misspelt at the top of any file may be what is missed here.
		if l.unread || len(*l.errs) > 0 && l.errs.within(q.file, l.place(q.file).direct(q.Pos)) {
			return
		}
	}
	switch {
	case empty:
		l.fail(p.Pos, "the file is empty; a policy begins with version: 1")
		return
	case p.Version == 0:
		l.fail(p.Pos, "say version: 1")
	}
	if p.Wiki == "" {
		l.fail(p.Pos, "say which profile the wiki speaks, such as wiki: confluence-dc")
	}
}

func (l *loading) zone() {
	l.p.location = time.UTC
	for _, q := range l.parts {
		zone, ok := topLevel(q.root, "zone")
		if !ok || zone == "" {
			continue
		}
		l.file = q.file
		if l.errs.within(l.file, []Pos{l.top("zone")}) {
			continue
		}
		loc, err := time.LoadLocation(zone)
		if err != nil || zone == "Local" || len(zone) > 64 {
			l.fail(l.top("zone"), "zone: %q is no time zone, such as Europe/Berlin", clipText(zone))
			continue
		}
		l.p.location = loc
	}
}

// clipText keeps a text of a file short enough for a message.
func clipText(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}

func (l *loading) sources() {
	for _, q := range l.parts {
		l.file = q.file
		n := follow(q.root, []any{"sources"})
		for i := 0; n != nil && i < len(n.Content); i++ {
			if s := n.Content[i].Value; !l.p.knowsSource(s) && !l.unread {
				l.fail(l.top("sources", i), "sources: %q is no provider of this policy%s", s, suggest(s, l.p.sourceNames()))
			}
		}
	}
}

func notPrinted(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }

func (c *checker) spaces() {
	seen := make(map[string]*SpaceRule, len(c.p.Spaces))
	for i := range c.p.Spaces {
		r := &c.p.Spaces[i]
		c.file = r.File
		if first, ok := seen[r.Name]; ok {
			c.fail(r.Pos, "the space %q stands twice, first at %s:%d", r.Name, first.File, first.Pos.Line)
			continue
		}
		seen[r.Name] = r
		switch {
		case strings.TrimSpace(r.Name) == "":
			c.fail(r.Pos, "a space needs a name")
		case len(r.Name) > maxWord || strings.ContainsFunc(r.Name, notPrinted):
			c.fail(r.Pos, "%q is no name of a space", clipText(r.Name))
		case strings.Trim(r.Name, "*") == "":
			c.fail(r.Pos, "%q: there are no wildcards; name each space", r.Name)
		}
		c.word(r.Pos, "mentions", r.Mentions, "members", "nobody")
		c.word(r.Pos, "open_to", r.OpenTo, "externals", "public")
		c.hide(&r.Hide)
		c.members(r.Members)
	}
}

func (c *checker) hide(h *HideSpec) {
	h.globs = nil
	if len(h.Titles) > maxTitles {
		c.fail(c.at(h.Pos, "titles", maxTitles), "titles: more than %d patterns; use labels or subtrees", maxTitles)
		return
	}
	for i, s := range h.Titles {
		g, err := compileGlob(s)
		if err != nil {
			c.fail(c.at(h.Pos, "titles", i), "titles: the pattern %q is malformed: %v", clipText(s), err)
			continue
		}
		h.globs = append(h.globs, g)
	}
	for _, list := range []struct {
		key   string
		words []string
	}{{"labels", h.Labels}, {"titles", h.Titles}, {"subtrees", h.Subtrees}} {
		for i, w := range list.words {
			switch {
			case strings.TrimSpace(w) == "":
				c.fail(c.at(h.Pos, list.key, i), "%s: an empty text hides nothing", list.key)
			case len(w) > maxWord:
				c.fail(c.at(h.Pos, list.key, i), "%s: longer than %d bytes", list.key, maxWord)
			}
		}
	}
}

func (c *checker) pages() {
	for i := range c.p.Pages {
		r := &c.p.Pages[i]
		c.file = r.File
		space, title, hasSlash := strings.Cut(r.Content, "/")
		switch {
		case r.Content == "":
			c.missing(r.Pos, "say which page: content: SPACE/Title, or its id")
		case hasSlash && (strings.TrimSpace(space) == "" || strings.TrimSpace(title) == "") || len(r.Content) > 2*maxWord:
			c.fail(c.at(r.Pos, "content"), "content: %q is neither SPACE/Title nor an id", clipText(r.Content))
		}
		c.word(r.Pos, "with", r.With, "subtree")
		if len(r.Members) == 0 {
			c.missing(r.Pos, "a page without members is shared with nobody")
		}
		c.members(r.Members)
	}
}

func (c *checker) members(ms []Member) {
	for i := range ms {
		c.member(&ms[i])
	}
}

// member parses one member.
func (c *checker) member(m *Member) {
	n := 0
	at := m.Pos
	var err error
	if m.Group.Name != "" || m.Group.Pos.Line > 0 {
		n++
		at = m.Group.Pos
		m.principal, err = c.p.parseGroup(m.Group.Name)
	}
	if m.EmailDomain != "" {
		n++
		if m.principal, err = parseDomain(m.EmailDomain); err != nil {
			at = c.at(m.Pos, "email_domain")
		}
	}
	if m.User.Name != "" || m.User.Pos.Line > 0 {
		n++
		at = m.User.Pos
		m.principal, err = c.p.parseUser(m.User.Name)
	}
	switch {
	case n != 1:
		c.missing(m.Pos, "a member is one of group, email_domain and user")
	case err != nil:
		c.failErr(at, err)
	}
	c.word(m.Pos, "role", m.Role, roleWords...)
	m.role, _ = ParseRole(orDefault(m.Role, c.p.Extranet.DefaultRole))
	if m.Until != "" {
		if m.until, err = parseUntil(m.Until, c.p.location); err != nil {
			c.failErr(c.at(m.Pos, "until"), err)
		}
	}
}

func (c *checker) filters() {
	names := map[string]*Filter{}
	for i := range c.p.Filters {
		f := &c.p.Filters[i]
		c.file = f.File
		if i == maxFilters {
			c.fail(f.Pos, "more than %d filters", maxFilters)
			return
		}
		switch first := names[f.Name]; {
		case f.Name == "":
			c.missing(f.Pos, "a filter needs a name")
		case first != nil:
			c.fail(c.at(f.Pos, "name"), "two filters are called %q, the first at %s:%d", f.Name, first.File, first.Pos.Line)
		}
		names[f.Name] = f
		c.filter(f)
	}
}

func (c *checker) filter(f *Filter) {
	if f.When == "" {
		c.missing(f.Pos, "when: a condition is missing")
	}
	if f.Hide == "" {
		c.missing(f.Pos, "hide: users, content or spaces")
		return
	}
	c.word(f.Pos, "hide", f.Hide, "users", "content", "spaces")
	if _, ok := celVars[f.Hide]; !ok {
		return
	}
	if f.Hide != "users" && (len(f.Contexts) > 0 || f.OneWay) {
		c.fail(f.Pos, "contexts and one_way are for filters of users")
	}
	f.global, f.space = len(f.Contexts) == 0, len(f.Contexts) == 0
	for i, w := range f.Contexts {
		c.wordAt(f.Pos, "contexts", w, []string{"global", "space"}, "contexts", i)
		f.global = f.global || w == "global"
		f.space = f.space || w == "space"
	}
	if f.When == "" {
		return
	}
	var faults []celFault
	if f.program, faults = compileCondition(f.Hide, f.When); len(faults) > 0 {
		c.conditionFaults(f, faults)
	}
}

// conditionFaults tells where in the scalar each fault is; where the YAML does
// not show the condition as it is, its own line and column are said.
func (c *checker) conditionFaults(f *Filter, faults []celFault) {
	at := c.at(f.Pos, "when")
	for _, e := range faults {
		pos, exact := at, false
		if c.text != nil && e.line > 0 {
			if n := c.place(c.file).node(f.Pos, "when"); n != nil {
				if n.Alias != nil {
					n = n.Alias
				}
				pos, exact = c.place(c.file).inText(n, e.line, e.col)
			}
		}
		where := ""
		if !exact && e.line > 0 {
			where = fmt.Sprintf("the condition, at its line %d, column %d: ", e.line, e.col+1)
		}
		c.fail(pos, "when: %s%s", where, e.msg)
	}
}

func (c *checker) urls(rules []URLRule, block bool) {
	for i := range rules {
		u := &rules[i]
		c.file = u.File
		if i == maxURLRules {
			c.fail(u.Pos, "more than %d rules about URLs", maxURLRules)
			return
		}
		c.url(u, block)
	}
}

func (c *checker) url(u *URLRule, block bool) {
	if u.Match == "" {
		c.missing(u.Pos, "match: a pattern is missing")
		return
	}
	var err error
	if u.pattern, err = parseURLPattern(u.Match); err != nil {
		c.failErr(c.at(u.Pos, "match"), fmt.Errorf("match: %w", err))
	}
	for i, w := range u.ExceptRoles {
		c.wordAt(u.Pos, "except_roles", w, roleWords, "except_roles", i)
		r, _ := ParseRole(w)
		u.except[r] = true
	}
	u.except[NoRole] = false
	if len(u.ExceptRoles) > 0 && !block {
		c.fail(c.at(u.Pos, "except_roles"), "except_roles is for block")
	}
}

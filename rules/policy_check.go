package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// validate checks what the types can't, parses principals, times, patterns and
// conditions, and fills in the preset's defaults.
func (p *Policy) validate(errs *Errors) {
	c := checker{p: p, errs: errs, file: p.file}
	if p.Version != 1 {
		if p.Version == 0 {
			c.fail(p.Pos, "say version: 1")
		} else {
			c.fail(p.Pos, "version %d is not understood; this program knows version 1", p.Version)
		}
	}
	if p.Wiki == "" {
		c.fail(p.Pos, "say which profile the wiki speaks, such as wiki: confluence-dc")
	}
	c.word(p.Pos, "preset", p.Preset, "recommended", "strict")
	if _, ok := presets[p.Preset]; !ok {
		if p.Preset != "" {
			return
		}
	}
	p.applyPreset()
	c.word(p.Internal.Pos, "mode", p.Internal.Mode, "unrestricted", "shared-spaces")
	c.word(p.Internal.Pos, "unrouted", p.Internal.Unrouted, "refuse", "pass")
	x := &p.Extranet
	c.word(x.Pos, "users_see", x.UsersSee, "shared-space", "shared-space-or-internal", "shared-space-or-unassigned")
	c.word(x.Pos, "managers_assign", x.ManagersAssign, "everyone", "shared-space")
	c.word(x.Pos, "people", x.People, "none", "filtered")
	c.word(x.Pos, "default_role", x.DefaultRole, roleWords...)
	c.word(x.Pos, "archived", x.Archived, "hidden", "visible")
	c.word(p.Tripwire.Pos, "structure", p.Tripwire.Structure, "redact", "refuse", "report")
	c.word(p.Tripwire.Pos, "prose", p.Tripwire.Prose, "auto", "redact", "report")
	c.zone()
	c.providers()
	for i := range p.Internal.Groups {
		g := &p.Internal.Groups[i]
		if _, err := p.parseGroup(g.Name); err != nil {
			c.errs.add(g.File, g.Pos, err)
		}
	}
	c.spaces()
	c.pages()
	c.filters()
	for i := range p.URLs.Block {
		c.url(&p.URLs.Block[i], true)
	}
	for i := range p.URLs.Allow {
		c.url(&p.URLs.Allow[i], false)
	}
	for i := range p.Suspended {
		m := &p.Suspended[i]
		c.file = m.File
		if m.Role != "" || m.Until != "" {
			c.fail(m.Pos, "suspended: role and until have no meaning here")
		}
		c.member(m)
	}
}

var roleWords = []string{"reader", "commenter", "user", "manager"}

type checker struct {
	p    *Policy
	errs *Errors
	file string
}

func (c *checker) fail(at Pos, format string, args ...any) {
	c.errs.push(c.file, &Error{Line: at.Line, Col: at.Col, Msg: fmt.Sprintf(format, args...)})
}

// word checks one of a few words; empty is fine.
func (c *checker) word(at Pos, key, got string, words ...string) {
	if got == "" || slices.Contains(words, got) {
		return
	}
	c.fail(at, "%s: %q is none of %s%s", key, got, strings.Join(words, ", "), suggest(got, words))
}

func (c *checker) zone() {
	c.p.location = time.UTC
	if c.p.Zone == "" {
		return
	}
	loc, err := time.LoadLocation(c.p.Zone)
	if err != nil || c.p.Zone == "Local" {
		c.fail(c.p.Pos, "zone: %q is no time zone, such as Europe/Berlin", c.p.Zone)
		return
	}
	c.p.location = loc
}

func (c *checker) providers() {
	for name, pr := range c.p.Providers {
		if name == "" || name == wikiSource || strings.ContainsAny(name, "/@ ") {
			c.fail(pr.Pos, "%q can't be a provider's name", name)
		}
		for _, d := range pr.Domains {
			if _, err := parseDomain(d); err != nil {
				c.errs.add(c.file, pr.Pos, err)
			}
		}
	}
	for _, s := range c.p.Sources {
		if !c.p.knowsSource(s) {
			c.fail(c.p.Pos, "sources: %q is no provider of this policy%s", s, suggest(s, c.p.sourceNames()))
		}
	}
}

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
		c.word(r.Pos, "mentions", r.Mentions, "members", "nobody")
		c.word(r.Pos, "open_to", r.OpenTo, "externals", "public")
		for _, g := range r.Hide.Titles {
			if !doublestar.ValidatePattern(foldGlob(g)) {
				c.fail(r.Hide.Pos, "titles: the pattern %q is malformed", g)
			}
		}
		c.nonEmpty(r.Hide.Pos, "labels", r.Hide.Labels)
		c.nonEmpty(r.Hide.Pos, "titles", r.Hide.Titles)
		c.nonEmpty(r.Hide.Pos, "subtrees", r.Hide.Subtrees)
		for j := range r.Members {
			c.member(&r.Members[j])
		}
	}
}

func (c *checker) nonEmpty(at Pos, key string, list []string) {
	if slices.Contains(list, "") {
		c.fail(at, "%s: an empty text hides nothing", key)
	}
}

func (c *checker) pages() {
	for i := range c.p.Pages {
		r := &c.p.Pages[i]
		c.file = r.File
		if r.Content == "" {
			c.fail(r.Pos, "say which page: content: SPACE/Title, or its id")
		}
		c.word(r.Pos, "with", r.With, "subtree")
		if len(r.Members) == 0 {
			c.fail(r.Pos, "a page without members is shared with nobody")
		}
		for j := range r.Members {
			c.member(&r.Members[j])
		}
	}
}

func (c *checker) member(m *Member) {
	n := 0
	var err error
	if m.Group.Name != "" || m.Group.Pos.Line > 0 {
		n++
		m.principal, err = c.p.parseGroup(m.Group.Name)
	}
	if m.EmailDomain != "" {
		n++
		m.principal, err = parseDomain(m.EmailDomain)
	}
	if m.User.Name != "" || m.User.Pos.Line > 0 {
		n++
		m.principal, err = c.p.parseUser(m.User.Name)
	}
	switch {
	case n != 1:
		c.fail(m.Pos, "a member is one of group, email_domain and user")
		return
	case err != nil:
		c.errs.add(c.file, m.Pos, err)
		return
	}
	c.word(m.Pos, "role", m.Role, roleWords...)
	m.role, _ = ParseRole(orDefault(m.Role, c.p.Extranet.DefaultRole))
	if m.Until == "" {
		return
	}
	if m.until, err = parseUntil(m.Until, c.p.location); err != nil {
		c.errs.add(c.file, m.Pos, err)
	}
}

// parseUntil gives the first instant at which an assignment no longer holds.
func parseUntil(s string, loc *time.Location) (time.Time, error) {
	if d, err := time.ParseInLocation(time.DateOnly, s, loc); err == nil {
		return d.AddDate(0, 0, 1), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("until: %q is neither a date such as 2027-01-31 nor a time such as 2027-01-31T18:00:00Z", s)
	}
	return t, nil
}

func (c *checker) filters() {
	names := map[string]bool{}
	for i := range c.p.Filters {
		f := &c.p.Filters[i]
		c.file = f.File
		switch {
		case f.Name == "":
			c.fail(f.Pos, "a filter needs a name")
		case names[f.Name]:
			c.fail(f.Pos, "two filters are called %q", f.Name)
		}
		names[f.Name] = true
		if f.Hide == "" {
			c.fail(f.Pos, "hide: users, content or spaces")
			continue
		}
		c.word(f.Pos, "hide", f.Hide, "users", "content", "spaces")
		if _, ok := celVars[f.Hide]; !ok {
			continue
		}
		if f.Hide != "users" && (len(f.Contexts) > 0 || f.OneWay) {
			c.fail(f.Pos, "contexts and one_way are for filters of users")
		}
		f.global, f.space = len(f.Contexts) == 0, len(f.Contexts) == 0
		for _, w := range f.Contexts {
			c.word(f.Pos, "contexts", w, "global", "space")
			f.global = f.global || w == "global"
			f.space = f.space || w == "space"
		}
		if f.When == "" {
			c.fail(f.Pos, "when: a condition is missing")
			continue
		}
		var err error
		if f.program, err = compileCondition(f.Hide, f.When); err != nil {
			c.errs.add(c.file, f.Pos, fmt.Errorf("when: %w", err))
		}
	}
}

func (c *checker) url(u *URLRule, block bool) {
	c.file = u.File
	var err error
	if u.pattern, err = parseURLPattern(u.Match); err != nil {
		c.errs.add(c.file, u.Pos, fmt.Errorf("match: %w", err))
		return
	}
	for _, w := range u.ExceptRoles {
		c.word(u.Pos, "except_roles", w, roleWords...)
		r, _ := ParseRole(w)
		u.except[r] = true
	}
	u.except[NoRole] = false
	if len(u.ExceptRoles) > 0 && !block {
		c.fail(u.Pos, "except_roles is for block")
	}
}

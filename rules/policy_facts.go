package rules

import (
	"fmt"
	"strconv"
)

// maxNamed bounds how many people a warning names.
const maxNamed = 10

// Check compares the policy with a directory: rules that name what the
// directory does not know are inert, and people who are in no class at all may
// have been forgotten. What it finds are warnings; at first start a caller may
// take those about unknown names for errors.
func (p *Policy) Check(f Facts) (warnings Errors) {
	c := checker{p: p, errs: &warnings, file: p.file}
	c.groupsAndUsers(f)
	c.namedSpaces(f)
	e, err := Bind(p, f, Options{Identity: map[ViewerKind]UpstreamIdentity{Internal: IdentityHeader}})
	if err != nil {
		warnings.add(p.file, Pos{}, err)
		return warnings
	}
	c.file = p.file
	if e.failed > 0 {
		c.fail(p.Pos, "conditions of filters failed %d times, hiding what they were about; guard absent attributes with has()", e.failed)
	}
	c.classless(e)
	warnings.sort()
	return warnings
}

func (c *checker) groupsAndUsers(f Facts) {
	check := func(pr principal, at Pos, file string) {
		c.file = file
		switch pr.kind {
		case byGroup:
			// Only the wiki's groups are all known; claims come with people.
			if len(pr.sources) != 1 || pr.sources[0] != wikiSource {
				return
			}
			if _, ok := f.FindGroup(wikiSource, pr.name); !ok && !anyUserIn(f, pr.name) {
				c.fail(at, "the directory knows no wiki group %q; the rule is inert", pr.name)
			}
		case byWikiUser:
			if _, ok := f.FindUser(UserName, pr.name); !ok {
				c.fail(at, "the directory knows no user %q; the rule is inert", pr.name)
			}
		}
	}
	for _, g := range c.p.Internal.Groups {
		if pr, err := c.p.parseGroup(g.Name); err == nil {
			check(pr, g.Pos, g.File)
		}
	}
	members := func(ms []Member) {
		for i := range ms {
			check(ms[i].principal, ms[i].Pos, ms[i].File)
		}
	}
	for i := range c.p.Spaces {
		members(c.p.Spaces[i].Members)
	}
	for i := range c.p.Pages {
		members(c.p.Pages[i].Members)
	}
	members(c.p.Suspended)
}

func anyUserIn(f Facts, group string) bool {
	for i := range f.Users() {
		for _, g := range f.Users()[i].Groups {
			if g == group {
				return true
			}
		}
	}
	return false
}

func (c *checker) namedSpaces(f Facts) {
	var names []string
	for _, s := range f.Spaces() {
		names = append(names, s.Key)
	}
	for i := range c.p.Spaces {
		r := &c.p.Spaces[i]
		c.file = r.File
		id, ok := f.FindSpaceByAnyName(r.Name)
		if !ok {
			c.fail(r.Pos, "the directory knows no space %q; the rule is inert%s", r.Name, suggest(r.Name, names))
			continue
		}
		for _, t := range r.Hide.Subtrees {
			if _, ok := f.FindContent(ContentTitle, t, id); ok {
				continue
			}
			if _, ok := f.FindContent(ContentID, t, NoID); !ok {
				c.fail(r.Hide.Pos, "the directory knows no page %q in the space %q; what is below it is not hidden", t, r.Name)
			}
		}
	}
	e := Engine{f: f}
	for i := range c.p.Pages {
		r := &c.p.Pages[i]
		c.file = r.File
		if e.findPage(r.Content) == NoID {
			c.fail(r.Pos, "the directory knows no page %q; the rule is inert", r.Content)
		}
	}
}

// classless tells of active people who are neither internal nor assigned.
func (c *checker) classless(e *Engine) {
	n, text := 0, ""
	for i := range e.users {
		if e.users[i].bits&(bitInternal|bitEver|bitSuspended|bitInactive) != 0 {
			continue
		}
		if n++; n <= maxNamed {
			text += " " + strconv.Quote(e.f.Users()[i].Username)
		}
	}
	if n == 0 {
		return
	}
	if n > maxNamed {
		text += fmt.Sprintf(" and %d more", n-maxNamed)
	}
	c.fail(c.p.Pos, "%d people are neither internal nor assigned to anything:%s", n, text)
}

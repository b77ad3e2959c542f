package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxNamed bounds how many people a warning names.
const maxNamed = 20

// maxNear bounds among how many names the nearest is looked for.
const maxNear = 20_000

// Check compares the policy with a directory. A rule that names what the
// directory does not know is inert, never a wildcard, and an error here: at
// first start a caller refuses it, at a reload he may take [Errors] for
// warnings. People who are in no class at all, and what only looks forgotten,
// are warnings. A group of a provider, and an address, may be known to the
// provider alone; these are told of only where the directory has one that is
// spelt nearly so.
//
// The upstream identity of internals is taken to be their own; see CheckWith.
func (p *Policy) Check(f Facts) Errors {
	return p.CheckWith(f, Options{Identity: map[ViewerKind]UpstreamIdentity{Internal: IdentityHeader}})
}

// CheckWith is Check under a configuration.
func (p *Policy) CheckWith(f Facts, o Options) Errors {
	var errs Errors
	c := factsChecker{checker: checker{p: p, errs: &errs, file: p.file, text: p.text}, f: f}
	e, err := Bind(p, f, o)
	if err != nil {
		errs.add(p.file, c.top("wiki"), err)
	}
	c.principals()
	c.spaces()
	c.pages()
	c.filters()
	if e != nil {
		c.classless(e)
	}
	errs.sort()
	return errs
}

// factsChecker is a checker with a directory.
type factsChecker struct {
	checker
	f Facts

	users, emails, domains, spaceNames []string // for suggestions; made when needed
	groups                             map[string][]string
}

func (c *factsChecker) principals() {
	for _, g := range c.p.Internal.Groups {
		if pr, err := c.p.parseGroup(g.Name); err == nil {
			c.principal(pr, g.Pos, g.File)
		}
	}
	members := func(ms []Member) {
		for i := range ms {
			m := &ms[i]
			at := m.Pos
			for _, p := range []Pos{m.Group.Pos, m.User.Pos} {
				if p.Line > 0 {
					at = p
				}
			}
			c.principal(m.principal, at, m.File)
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

func (c *factsChecker) principal(pr principal, at Pos, file string) {
	c.file = file
	switch pr.kind {
	case byGroup:
		c.group(pr, at)
	case byWikiUser:
		if _, ok := c.f.FindUser(UserName, pr.name); !ok {
			c.fail(at, "the directory knows no user %q; the rule is inert%s", pr.name, c.near(pr.name, &c.users, func(u *UserRecord) string { return u.Username }))
		}
	case byEmail:
		if _, ok := c.f.FindUser(UserEmail, pr.name); !ok {
			hint := c.near(pr.name, &c.emails, func(u *UserRecord) string { return u.Email })
			if local, _, _ := strings.Cut(pr.name, "@"); hint != "" && !(len(local) < 5 && strings.Contains(hint, strings.TrimPrefix(pr.name, local))) {
				c.warn(at, "the directory knows nobody with the address %q%s", pr.name, hint)
			}
		}
	case byDomain:
		hint := c.near(pr.name, &c.domains, func(u *UserRecord) string { d, _ := emailDomain(u.Email); return d })
		if hint != "" && !slices.Contains(c.domains, pr.name) {
			c.warn(at, "the directory knows nobody with an address at %q%s", pr.name, hint)
		}
	}
}

// group looks a group up where it may come from. Only the wiki's groups are
// all known; claims come with people.
func (c *factsChecker) group(pr principal, at Pos) {
	known := c.groupNames()
	var near []string
	sources := pr.sources
	if sources == nil {
		sources = sortedKeys(known)
	}
	for _, s := range sources {
		if slices.Contains(known[s], pr.name) {
			return
		}
		near = append(near, known[s]...)
	}
	if slices.Contains(pr.sources, wikiSource) || pr.sources == nil {
		if _, ok := c.f.FindGroup(wikiSource, pr.name); ok {
			return
		}
	}
	hint := suggestNear(pr.name, near)
	switch {
	case len(pr.sources) == 1 && pr.sources[0] == wikiSource:
		c.fail(at, "the directory knows no wiki group %q; the rule is inert%s", pr.name, hint)
	case hint != "":
		c.warn(at, "the directory knows no group %q; it counts only if a provider's claims name it%s", pr.name, hint)
	}
}

// groupNames are the groups of the directory by source, with those that only
// people's records name.
func (c *factsChecker) groupNames() map[string][]string {
	if c.groups != nil {
		return c.groups
	}
	set := map[string]map[string]bool{}
	add := func(source, name string) {
		if set[source] == nil {
			set[source] = map[string]bool{}
		}
		set[source][name] = true
	}
	for _, g := range c.f.Groups() {
		add(orDefault(g.Source, wikiSource), g.Name)
		for _, in := range g.Groups {
			add(orDefault(g.Source, wikiSource), in)
		}
	}
	users := c.f.Users()
	for i := range users {
		for _, g := range users[i].Groups {
			add(wikiSource, g)
			if source, name, ok := c.p.qualifier(g); ok {
				add(source, name)
			}
		}
	}
	c.groups = map[string][]string{}
	for source, names := range set {
		c.groups[source] = slices.Sorted(maps.Keys(names))
	}
	return c.groups
}

// near suggests a user's name, made by of, that is spelt nearly as what is
// looked for.
func (c *factsChecker) near(name string, list *[]string, of func(*UserRecord) string) string {
	if *list == nil {
		*list = []string{}
		set := map[string]bool{}
		users := c.f.Users()
		for i := range users[:min(len(users), maxNear)] {
			if s := of(&users[i]); s != "" && !set[s] {
				set[s] = true
				*list = append(*list, s)
			}
		}
		slices.Sort(*list)
	}
	return suggestNear(name, *list)
}

// suggestNear is suggest for long lists of names: only what is one or two
// letters away, and something else.
func suggestNear(name string, list []string) string {
	limit := min(2, len(name)/4+1)
	near := make([]string, 0, 4)
	for _, s := range list[:min(len(list), maxNear)] {
		if s != name && max(len(s)-len(name), len(name)-len(s)) <= limit && len(s) <= 64 && distance(strings.ToLower(name), strings.ToLower(s)) <= limit {
			near = append(near, s)
		}
	}
	return suggest(name, near)
}

func (c *factsChecker) spaces() {
	content := c.contentBySpace()
	for i := range c.p.Spaces {
		r := &c.p.Spaces[i]
		c.file = r.File
		id, ok := c.f.FindSpaceByAnyName(r.Name)
		if !ok {
			if c.spaceNames == nil {
				for _, s := range c.f.Spaces() {
					c.spaceNames = append(c.spaceNames, s.Key)
				}
			}
			c.fail(r.Pos, "the directory knows no space %q; the rule is inert%s", r.Name, suggest(r.Name, c.spaceNames[:min(len(c.spaceNames), maxNear)]))
			continue
		}
		c.hide(r, id, content[c.f.Spaces()[id].Key])
	}
}

// contentBySpace lists the content of the spaces that hide some of it.
func (c *factsChecker) contentBySpace() map[string][]*ContentRecord {
	wanted := map[string]bool{}
	for i := range c.p.Spaces {
		h := &c.p.Spaces[i].Hide
		if id, ok := c.f.FindSpaceByAnyName(c.p.Spaces[i].Name); ok && len(h.Labels)+len(h.Titles)+len(h.Subtrees) > 0 {
			wanted[c.f.Spaces()[id].Key] = true
		}
	}
	out := map[string][]*ContentRecord{}
	all := c.f.Contents()
	for i := range all {
		if wanted[all[i].Space] {
			out[all[i].Space] = append(out[all[i].Space], &all[i])
		}
	}
	return out
}

// hide tells of subtrees that are not there, and of labels and patterns that
// hide nothing now.
func (c *factsChecker) hide(r *SpaceRule, id ID, content []*ContentRecord) {
	for i, t := range r.Hide.Subtrees {
		if _, ok := c.f.FindContent(ContentTitle, t, id); ok {
			continue
		}
		at := c.at(r.Hide.Pos, "subtrees", i)
		page, ok := c.f.FindContent(ContentID, t, NoID)
		switch {
		case !ok:
			var titles []string
			for _, p := range content[:min(len(content), maxNear)] {
				titles = append(titles, p.Title)
			}
			c.fail(at, "the directory knows no page %q in the space %q; what is below it is not hidden%s", t, r.Name, suggestNear(t, titles))
		case c.f.Contents()[page].Space != c.f.Spaces()[id].Key:
			c.fail(at, "the page %q is in another space, %q; what is below it is not hidden", t, c.f.Contents()[page].Space)
		}
	}
	if len(r.Hide.Labels)+len(r.Hide.globs) == 0 {
		return
	}
	labels := map[string]bool{}
	hits := make([]bool, len(r.Hide.globs))
	for _, p := range content {
		for _, l := range p.Labels {
			labels[strings.ToLower(l)] = true
		}
		title := foldTitle(p.Title)
		for i, g := range r.Hide.globs {
			hits[i] = hits[i] || g.match(title)
		}
	}
	for i, l := range r.Hide.Labels {
		if !labels[strings.ToLower(l)] {
			c.warn(c.at(r.Hide.Pos, "labels", i), "labels: no page of the space %q bears %q now%s", r.Name, l, suggestNear(l, slices.Sorted(maps.Keys(labels))))
		}
	}
	for i, hit := range hits {
		if !hit {
			c.warn(c.at(r.Hide.Pos, "titles", i), "titles: no page of the space %q falls under %q now", r.Name, r.Hide.Titles[i])
		}
	}
}

func (c *factsChecker) pages() {
	e := Engine{f: c.f}
	seen := map[ID]*PageRule{}
	for i := range c.p.Pages {
		r := &c.p.Pages[i]
		c.file = r.File
		at := c.at(r.Pos, "content")
		id := e.findPage(r.Content)
		if id == NoID {
			c.fail(at, "the directory knows no page %q; the rule is inert%s", r.Content, c.nearPage(r.Content))
			continue
		}
		if first := seen[id]; first != nil && first.Content != r.Content {
			c.warn(at, "the page %q is the same as %q at %s:%d; each rule holds by itself", r.Content, first.Content, first.File, first.Pos.Line)
		} else {
			seen[id] = r
		}
	}
}

func (c *factsChecker) nearPage(name string) string {
	space, title, ok := strings.Cut(name, "/")
	if !ok {
		return ""
	}
	id, ok := c.f.FindSpaceByAnyName(space)
	if !ok {
		var keys []string
		for _, s := range c.f.Spaces() {
			keys = append(keys, s.Key)
		}
		return "; nor a space " + fmt.Sprintf("%q", space) + suggestNear(space, keys)
	}
	var titles []string
	all := c.f.Contents()
	for i := range all {
		if all[i].Space == c.f.Spaces()[id].Key && len(titles) < maxNear {
			titles = append(titles, all[i].Title)
		}
	}
	return suggestNear(title, titles)
}

// filters tells of conditions that fail, and of those that hide all or nothing.
func (c *factsChecker) filters() {
	for i := range c.p.Filters {
		f := &c.p.Filters[i]
		if f.program == nil || f.program.constant != nil {
			continue
		}
		n, hit, failed := c.evaluate(f)
		if n == 0 {
			continue
		}
		c.file = f.File
		at := c.at(f.Pos, "when")
		switch {
		case failed > 0:
			c.warn(at, "when: the condition of %q fails for %d of %d %s, and hides them; guard attributes with has()", f.Name, failed, n, f.Hide)
		case hit == 0:
			c.warn(at, "when: the filter %q hides none of the %d %s now", f.Name, n, f.Hide)
		case hit == n:
			c.warn(at, "when: the filter %q hides all %d %s", f.Name, n, f.Hide)
		}
	}
}

func (c *factsChecker) evaluate(f *Filter) (n, hit, failed int) {
	count := func(hide, bad bool) {
		n++
		switch {
		case bad:
			failed++
		case hide:
			hit++
		}
	}
	switch f.Hide {
	case "users":
		for i := range c.f.Users() {
			count(f.program.hides(userVars{&c.f.Users()[i]}))
		}
	case "content":
		for i := range c.f.Contents() {
			count(f.program.hides(contentVars{&c.f.Contents()[i]}))
		}
	case "spaces":
		for i := range c.f.Spaces() {
			count(f.program.hides(spaceVars{&c.f.Spaces()[i]}))
		}
	}
	return n, hit, failed
}

// classless tells of active people who are neither internal nor assigned.
func (c *factsChecker) classless(e *Engine) {
	c.file = c.p.file
	var names []string
	for i := range e.users {
		if e.users[i].bits&(bitInternal|bitEver|bitSuspended|bitInactive) == 0 {
			names = append(names, e.f.Users()[i].Username)
		}
	}
	switch {
	case len(names) == 1:
		c.warn(c.p.Pos, "1 person is neither internal nor assigned to anything:%s", some(names))
	case len(names) > 1:
		c.warn(c.p.Pos, "%d people are neither internal nor assigned to anything:%s", len(names), some(names))
	}
}

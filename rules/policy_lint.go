package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Lint tells of rules that hold and do not do what whoever wrote them is likely
// to mean: that contradict one another, can never match, are over at a time, or
// open more than is safe. It asks no directory. What can't be meant so is an
// error, the rest warnings; neither keeps a policy from being loaded.
func (p *Policy) Lint(now time.Time) Errors {
	var errs Errors
	l := linter{checker: checker{p: p, errs: &errs, file: p.file, text: p.text}, now: now}
	l.trust()
	l.internals()
	l.unsafe()
	l.suspended = map[string]*Member{}
	for i := range p.Suspended {
		l.suspended[p.Suspended[i].principal.id()] = &p.Suspended[i]
	}
	l.spaces()
	l.pages()
	for i := range p.Filters {
		l.filter(&p.Filters[i])
	}
	l.urls()
	for _, t := range p.missingTests {
		l.test(t)
	}
	errs.sort()
	return errs
}

type linter struct {
	checker
	now       time.Time
	suspended map[string]*Member
}

func (l *linter) error(at Pos, format string, args ...any) { l.fail(at, format, args...) }

// inFile calls f with each file's own place for a path that it has.
func (l *linter) inFiles(f func(at Pos), path ...any) {
	for _, file := range sortedKeys(l.text) {
		if n := l.place(file).top(path...); n != nil {
			l.file = file
			f(Pos{n.Line, n.Column})
		}
	}
}

// trust looks at what providers are believed.
func (l *linter) trust() {
	trusted := map[string]string{}
	for _, name := range sortedKeys(l.p.Providers) {
		for i, d := range l.p.Providers[name].Domains {
			l.inFiles(func(at Pos) {
				if slices.Contains(publicMail, d) {
					l.warn(at, "anybody has an address at %s: whoever has one counts as verified by %s", d, name)
				}
				if other, ok := trusted[d]; ok && other != name {
					l.warn(at, "two providers are trusted for %s, %s and %s: each can name people of the other", d, other, name)
				} else if ok {
					l.warn(at, "the domain %q stands here twice", d)
				}
			}, "providers", name, "domains", i)
			if trusted[d] == "" {
				trusted[d] = name
			}
		}
	}
}

func (l *linter) trusts(domain string) bool {
	if len(l.p.Providers) == 0 {
		return true
	}
	for _, pr := range l.p.Providers {
		if slices.Contains(pr.Domains, domain) {
			return true
		}
	}
	return false
}

// internals looks for groups that can make nobody internal.
func (l *linter) internals() {
	for i := range l.p.Internal.Groups {
		g := &l.p.Internal.Groups[i]
		l.file = g.File
		pr, err := l.p.parseGroup(g.Name)
		if err != nil || len(l.p.Providers) == 0 {
			continue
		}
		if !slices.ContainsFunc(pr.sources, func(s string) bool { return s == wikiSource || l.p.Providers[s].Internal }) {
			l.error(g.Pos, "the group %q makes nobody internal: its provider is not marked internal: true", g.Name)
		}
	}
}

// unsafe names the settings that show more than the promise does.
func (l *linter) unsafe() {
	p := l.p
	if p.UnsafeServiceIdentity && p.Internal.Mode == "unrestricted" {
		l.inFiles(func(at Pos) {
			l.warn(at, "unsafe: internals see everything that a shared account of the wiki sees, restricted pages too")
		}, "unsafe_service_identity")
	}
	if p.Internal.Unrouted == "pass" {
		l.inFiles(func(at Pos) {
			switch {
			case len(p.Internal.Groups) == 0:
				l.error(at, "unrouted: pass is for internals, and no group is internal")
			case p.Internal.Mode == "shared-spaces":
				l.error(at, "unrouted: pass contradicts mode: shared-spaces: what no route names is not filtered")
			default:
				l.warn(at, "unsafe: what no route names reaches internals unread; it needs an upstream identity of their own")
			}
		}, "internal", "unrouted")
	}
	if p.Tripwire.Structure == "report" {
		l.inFiles(func(at Pos) {
			l.warn(at, "unsafe: what the profile misses is counted and shown")
		}, "tripwire", "structure")
	}
	if p.Tripwire.Prose == "report" {
		l.inFiles(func(at Pos) {
			l.warn(at, "unsafe: hidden names that stand in texts are counted and shown")
		}, "tripwire", "prose")
	}
	if p.Extranet.DefaultRole == "manager" {
		l.inFiles(func(at Pos) {
			l.warn(at, "unsafe: every member without a role of his own manages the space, and may assign people")
		}, "extranet", "default_role")
	}
}

func (l *linter) spaces() {
	folded := map[string]*SpaceRule{}
	for i := range l.p.Spaces {
		r := &l.p.Spaces[i]
		l.file = r.File
		if first := folded[strings.ToLower(r.Name)]; first != nil {
			l.warn(r.Pos, "the space %q may be the same as %q at %s:%d; a directory tells", r.Name, first.Name, first.File, first.Pos.Line)
		} else {
			folded[strings.ToLower(r.Name)] = r
		}
		for j, g := range r.Hide.globs {
			if g.matchesAll() {
				l.warn(l.at(r.Hide.Pos, "titles", j), "titles: the pattern %q hides every page of the space", r.Hide.Titles[j])
			}
		}
		l.twice(r.Hide.Pos, "labels", r.Hide.Labels)
		l.twice(r.Hide.Pos, "titles", r.Hide.Titles)
		l.twice(r.Hide.Pos, "subtrees", r.Hide.Subtrees)
		l.members(r.Members)
	}
}

func (l *linter) twice(at Pos, key string, words []string) {
	first := make(map[string]int, len(words))
	for i, w := range words {
		if j, ok := first[w]; ok {
			l.warn(l.at(at, key, i), "%s: %q stands here twice, first as number %d", key, w, j+1)
			continue
		}
		first[w] = i
	}
}

func (l *linter) pages() {
	seen := map[string]*PageRule{}
	for i := range l.p.Pages {
		r := &l.p.Pages[i]
		l.file = r.File
		if first := seen[r.Content]; first != nil {
			l.warn(l.at(r.Pos, "content"), "the page %q stands twice, first at %s:%d; each rule holds by itself", r.Content, first.File, first.Pos.Line)
		} else {
			seen[r.Content] = r
		}
		l.members(r.Members)
	}
}

// members looks at the members of one space or page.
func (l *linter) members(ms []Member) {
	first := make(map[string]*Member, len(ms))
	for i := range ms {
		m := &ms[i]
		id := m.principal.id()
		switch f := first[id]; {
		case f == nil:
			first[id] = m
		case f.role == m.role && f.until.Equal(m.until):
			l.error(m.Pos, "%s stands here twice, first in line %d", m.describe(), f.Pos.Line)
		default:
			l.warn(m.Pos, "%s stands here twice, first in line %d; the highest role that is not over counts", m.describe(), f.Pos.Line)
		}
		if !m.until.IsZero() && !l.now.Before(m.until) {
			l.warn(l.at(m.Pos, "until"), "until: %s is over; the rule shares nothing any more", m.Until)
		}
		if s := l.suspended[id]; s != nil {
			l.warn(m.Pos, "%s is suspended at %s:%d, which wins", m.describe(), s.File, s.Pos.Line)
		}
		l.grants(m)
	}
}

// grants tells of members by e-mail whom no provider can vouch for.
func (l *linter) grants(m *Member) {
	switch pr := &m.principal; pr.kind {
	case byDomain:
		if !l.trusts(pr.name) {
			l.warn(l.at(m.Pos, "email_domain"), "no provider is trusted for the domain %q: the rule shares with nobody (name it under providers: domains)", pr.name)
		} else if slices.Contains(publicMail, pr.name) {
			l.warn(l.at(m.Pos, "email_domain"), "anybody can get an address at %s", pr.name)
		} else if !strings.Contains(pr.name, ".") {
			l.warn(l.at(m.Pos, "email_domain"), "the domain %q has no dot; addresses at domains below it do not count", pr.name)
		}
	case byEmail:
		if domain, ok := emailDomain(pr.name); ok && !l.trusts(domain) {
			l.warn(m.User.Pos, "no provider is trusted for the domain %q: the rule shares with nobody (name it under providers: domains)", domain)
		}
	}
}

func (l *linter) filter(f *Filter) {
	l.file = f.File
	if f.program == nil || f.program.constant == nil {
		return
	}
	at := l.at(f.Pos, "when")
	if *f.program.constant {
		l.warn(at, "when: the condition is always true: the filter %q hides all %s", f.Name, f.Hide)
		return
	}
	l.error(at, "when: the condition is never true: the filter %q hides nothing", f.Name)
}

func (l *linter) test(name string) {
	for _, file := range sortedKeys(l.text) {
		l.file = file
		list := l.place(file).top("tests")
		for i := 0; list != nil && i < len(list.Content); i++ {
			if strings.HasSuffix(name, "/"+list.Content[i].Value) || name == list.Content[i].Value {
				l.error(l.top("tests", i), "tests: there is no file %q", name)
				return
			}
		}
	}
}

// Fault gives an error of the policy as a whole the place of one of its own
// keys, in the file that names the wiki.
func (p *Policy) Fault(key string, err error) *Error {
	c := checker{file: p.file, text: p.text}
	at := c.top(key)
	return &Error{File: p.file, Line: at.Line, Col: at.Col, Msg: err.Error()}
}

// Counts says how much a policy holds, in words: "2 files, 14 spaces, …".
func (p *Policy) Counts() string {
	members := 0
	for i := range p.Spaces {
		members += len(p.Spaces[i].Members)
	}
	for i := range p.Pages {
		members += len(p.Pages[i].Members)
	}
	var out []string
	for _, c := range []struct {
		n    int
		what string
	}{
		{len(p.text), "file"},
		{len(p.Spaces), "space"},
		{len(p.Pages), "page"},
		{members, "member"},
		{len(p.Filters), "filter"},
		{len(p.URLs.Block) + len(p.URLs.Allow), "URL rule"},
		{len(p.Suspended), "suspension"},
	} {
		if c.n > 0 {
			out = append(out, plural(c.n, c.what))
		}
	}
	return strings.Join(out, ", ")
}

// some names the first of many.
func some(names []string) string {
	text := ""
	for i, n := range names {
		if i == maxNamed {
			return text + fmt.Sprintf(" and %d more", len(names)-maxNamed)
		}
		text += " " + strconv.Quote(n)
	}
	return text
}

package rules

import (
	"slices"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// setting is one value that a policy has once, however many files it has.
type setting struct {
	path  string // of keys, with dots
	of    func(*Policy) *string
	words []string // what it may be; nil: any text
}

// settings are all of them but the version. The schema's enumerations are
// checked against their words.
var settings = []setting{
	{"wiki", func(p *Policy) *string { return &p.Wiki }, nil},
	{"preset", func(p *Policy) *string { return &p.Preset }, []string{"recommended", "strict"}},
	{"zone", func(p *Policy) *string { return &p.Zone }, nil},
	{"internal.mode", func(p *Policy) *string { return &p.Internal.Mode }, []string{"unrestricted", "shared-spaces"}},
	{"internal.unrouted", func(p *Policy) *string { return &p.Internal.Unrouted }, []string{"refuse", "pass"}},
	{"extranet.users_see", func(p *Policy) *string { return &p.Extranet.UsersSee }, []string{"shared-space", "shared-space-or-internal", "shared-space-or-unassigned"}},
	{"extranet.managers_assign", func(p *Policy) *string { return &p.Extranet.ManagersAssign }, []string{"everyone", "shared-space"}},
	{"extranet.people", func(p *Policy) *string { return &p.Extranet.People }, []string{"none", "filtered"}},
	{"extranet.default_role", func(p *Policy) *string { return &p.Extranet.DefaultRole }, roleWords},
	{"extranet.archived", func(p *Policy) *string { return &p.Extranet.Archived }, []string{"hidden", "visible"}},
	{"tripwire.structure", func(p *Policy) *string { return &p.Tripwire.Structure }, []string{"redact", "refuse", "report"}},
	{"tripwire.prose", func(p *Policy) *string { return &p.Tripwire.Prose }, []string{"auto", "redact", "report"}},
	{"show.hidden_user", func(p *Policy) *string { return &p.Show.HiddenUser }, nil},
	{"show.hidden_page", func(p *Policy) *string { return &p.Show.HiddenPage }, nil},
	{"show.hidden_space", func(p *Policy) *string { return &p.Show.HiddenSpace }, nil},
	{"show.avatar", func(p *Policy) *string { return &p.Show.Avatar }, nil},
	{"show.image", func(p *Policy) *string { return &p.Show.Image }, nil},
}

func (s *setting) steps() []any {
	var out []any
	for step := range strings.SplitSeq(s.path, ".") {
		out = append(out, step)
	}
	return out
}

// merge makes one policy of the files. Lists are joined; what is said once must
// be said alike by all files that say it, and a provider stands in one.
func (l *loading) merge() *Policy {
	for i := range l.parts {
		l.partSettings(&l.parts[i])
	}
	p := l.parts[0].Policy
	for i := range settings {
		l.sayAlike(settings[i].path, settings[i].steps()...)
	}
	l.sayAlike("unsafe_service_identity", "unsafe_service_identity")
	l.sayAlike("tripwire.letters", "tripwire", "letters")
	l.providers = map[string]string{}
	for i, q := range l.parts {
		l.file = q.file
		for _, name := range sortedKeys(q.Providers) {
			if first, ok := l.providers[name]; ok {
				l.fail(l.key("providers", name), "the provider %q stands in two files, first in %s", name, first)
				continue
			}
			l.providers[name] = q.file
			if p.Providers == nil {
				p.Providers = map[string]Provider{}
			}
			p.Providers[name] = q.Providers[name]
		}
		if i == 0 {
			continue
		}
		for _, s := range settings {
			if to, v := s.of(p), *s.of(q.Policy); *to == "" && v != "" {
				*to = v
				if s.path == "wiki" {
					p.file, p.Pos = q.file, q.Pos
				}
			}
		}
		if p.Version == 0 {
			p.Version = q.Version
		}
		if p.Tripwire.Letters == 0 {
			p.Tripwire.Letters = q.Tripwire.Letters
		}
		p.Tripwire.Ordinary = append(p.Tripwire.Ordinary, q.Tripwire.Ordinary...)
		p.Tripwire.Distinctive = append(p.Tripwire.Distinctive, q.Tripwire.Distinctive...)
		p.UnsafeServiceIdentity = p.UnsafeServiceIdentity || q.UnsafeServiceIdentity
		p.Sources = append(p.Sources, q.Sources...)
		p.Internal.Groups = append(p.Internal.Groups, q.Internal.Groups...)
		p.Spaces = append(p.Spaces, q.Spaces...)
		p.Pages = append(p.Pages, q.Pages...)
		p.Filters = append(p.Filters, q.Filters...)
		p.URLs.Block = append(p.URLs.Block, q.URLs.Block...)
		p.URLs.Allow = append(p.URLs.Allow, q.URLs.Allow...)
		p.Suspended = append(p.Suspended, q.Suspended...)
		p.Tests = append(p.Tests, q.Tests...)
	}
	return p
}

// sayAlike tells of a setting that two files say differently.
func (l *loading) sayAlike(name string, steps ...any) {
	var first *yaml.Node
	firstFile := ""
	for _, q := range l.parts {
		n := follow(q.root, steps)
		switch {
		case n == nil || n.Kind != yaml.ScalarNode || isNull(n):
		case first == nil:
			first, firstFile = n, q.file
		case n.Value != first.Value:
			l.file = q.file
			l.fail(Pos{n.Line, n.Column}, "%s is %q here and %q at %s:%d", name, n.Value, first.Value, firstFile, first.Line)
		}
	}
}

// partSettings checks what each file says of its own: words, zone, version,
// texts, and the domains of providers, which it brings into canonical form.
func (l *loading) partSettings(q *policyPart) {
	l.file = q.file
	if q.Version != 0 && q.Version != 1 {
		l.fail(l.at(q.Pos, "version"), "version %d is not understood; this program knows version 1", q.Version)
	}
	for _, s := range settings {
		v := s.of(q.Policy)
		n := follow(q.root, s.steps())
		switch {
		case s.words != nil && *v == "" && n != nil && n.Kind == yaml.ScalarNode && n.Value == "" && !isNull(n):
			l.fail(Pos{n.Line, n.Column}, "%s: an empty text is none of %s", s.path, strings.Join(s.words, ", "))
		case s.words != nil && *v != "" && !slices.Contains(s.words, *v):
			key := s.path[strings.LastIndexByte(s.path, '.')+1:]
			l.fail(l.top(s.steps()...), "%s: %q is none of %s%s", key, *v, strings.Join(s.words, ", "), suggest(*v, s.words))
			*v = ""
		case strings.HasPrefix(s.path, "show.") && (len(*v) > maxShow || strings.ContainsFunc(*v, notPrinted)):
			l.fail(l.top(s.steps()...), "%s: want one line of at most %d bytes", s.path, maxShow)
		}
	}
	for _, name := range sortedKeys(q.Providers) {
		l.provider(name, q.Providers[name])
	}
	l.tripwire(q)
	for i, t := range q.Tests {
		if strings.HasSuffix(t, "/") || t == "" {
			l.fail(l.top("tests", i), "tests: want the name of a policy test file")
		}
	}
}

// tripwire checks which names the last scan looks for. Below four letters it
// would cut syllables, and above forty nothing.
func (l *loading) tripwire(q *policyPart) {
	t := &q.Tripwire
	if n := follow(q.root, []any{"tripwire", "letters"}); n != nil && !isNull(n) && (t.Letters < 4 || t.Letters > 40) {
		l.fail(Pos{n.Line, n.Column}, "letters: want a number from 4 to 40")
	}
	for i, w := range t.Ordinary {
		if w == "" || len(w) > maxWord || strings.ContainsFunc(w, notLetterOrDigit) {
			l.fail(l.top("tripwire", "ordinary", i), "ordinary: want one word of letters and digits, not %q", w)
		}
	}
	for i, w := range t.Distinctive {
		if len(w) > maxWord || strings.ContainsFunc(w, notPrinted) || strings.IndexFunc(w, letterOrDigit) < 0 {
			l.fail(l.top("tripwire", "distinctive", i), "distinctive: want a word, or some, not %q", w)
		}
	}
}

func letterOrDigit(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

func notLetterOrDigit(r rune) bool { return !letterOrDigit(r) && !unicode.IsMark(r) }

// maxShow bounds the placeholders: they stand in every byline.
const maxShow = 8192

func (l *loading) provider(name string, pr Provider) {
	if name == "" || name == wikiSource || len(name) > maxWord || strings.ContainsAny(name, "/@ ") || strings.ContainsFunc(name, notPrinted) {
		l.fail(l.key("providers", name), "%q can't be a provider's name", name)
	}
	for i, d := range pr.Domains {
		parsed, err := parseDomain(d)
		if err != nil {
			l.errs.add(l.file, l.top("providers", name, "domains", i), err)
			continue
		}
		pr.Domains[i] = parsed.name
	}
}

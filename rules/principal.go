package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// wikiSource is the source of the wiki's own groups and users.
const wikiSource = "wiki"

type principalKind uint8

const (
	byGroup principalKind = iota + 1
	byDomain
	byEmail
	byWikiUser // wiki/NAME or a plain username
	byIdentity // PROVIDER/SUB
)

// principal is a parsed group or user of a rule file.
type principal struct {
	kind principalKind
	// sources is what the group may come from; nil: the wiki or any provider.
	sources []string
	name    string // group, domain (lower case), e-mail (lower case), username, or sub
}

// qualifier splits "SOURCE/NAME". Where providers are declared, only they and
// "wiki" are sources; else anything before the first slash is one.
func (p *Policy) qualifier(s string) (source, name string, ok bool) {
	source, name, ok = strings.Cut(s, "/")
	if !ok || source == "" || name == "" {
		return "", s, false
	}
	return source, name, true
}

func (p *Policy) knowsSource(s string) bool {
	if s == wikiSource || len(p.Providers) == 0 {
		return true
	}
	_, ok := p.Providers[s]
	return ok
}

func (p *Policy) sourceNames() []string {
	return append(slices.Sorted(maps.Keys(p.Providers)), wikiSource)
}

func (p *Policy) parseGroup(s string) (principal, error) {
	if s == "" {
		return principal{}, fmt.Errorf("a group needs a name")
	}
	if source, name, ok := p.qualifier(s); ok {
		if !p.knowsSource(source) {
			return principal{}, fmt.Errorf("the group %q is of no provider of this policy%s", s, suggest(source, p.sourceNames()))
		}
		return principal{kind: byGroup, sources: []string{source}, name: name}, nil
	}
	switch {
	case len(p.Sources) > 0:
		return principal{kind: byGroup, sources: p.Sources, name: s}, nil
	case len(p.Providers) > 1:
		return principal{}, fmt.Errorf("the group %q could be of several providers: write PROVIDER/%s or wiki/%s, or name the sources under sources", s, s, s)
	case len(p.Providers) == 1:
		return principal{kind: byGroup, sources: p.sourceNames(), name: s}, nil
	}
	return principal{kind: byGroup, name: s}, nil
}

func (p *Policy) parseUser(s string) (principal, error) {
	if s == "" {
		return principal{}, fmt.Errorf("a user needs a name")
	}
	at := strings.LastIndexByte(s, '@')
	if source, name, ok := p.qualifier(s); ok && (at < len(source) || source == wikiSource || len(p.Providers) == 0 || p.knowsSource(source)) {
		switch {
		case source == wikiSource:
			return principal{kind: byWikiUser, name: name}, nil
		case !p.knowsSource(source):
			return principal{}, fmt.Errorf("the user %q is of no provider of this policy%s", s, suggest(source, p.sourceNames()))
		}
		return principal{kind: byIdentity, sources: []string{source}, name: name}, nil
	}
	if at >= 0 {
		if _, ok := emailDomain(s); !ok {
			return principal{}, fmt.Errorf("%q is no e-mail address", s)
		}
		return principal{kind: byEmail, name: strings.ToLower(s)}, nil
	}
	return principal{kind: byWikiUser, name: s}, nil
}

func parseDomain(s string) (principal, error) {
	d := strings.ToLower(strings.TrimPrefix(s, "@"))
	if d == "" || strings.ContainsAny(d, "@/ *") || strings.HasPrefix(d, ".") {
		return principal{}, fmt.Errorf("%q is no e-mail domain", s)
	}
	return principal{kind: byDomain, name: d}, nil
}

// emailDomain gives what stands behind the only @, in lower case.
func emailDomain(s string) (string, bool) {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || domain == "" || strings.ContainsAny(domain, "@ ") {
		return "", false
	}
	return strings.ToLower(domain), true
}

// trustsEmail reports whether the viewer's e-mail counts: verified, and by a
// provider that vouches for its domain.
func (p *Policy) trustsEmail(v *Viewer) bool {
	domain, ok := emailDomain(v.Email)
	if !ok || !v.EmailVerified || v.Provider == "" {
		return false
	}
	if len(p.Providers) == 0 {
		return true
	}
	return slices.ContainsFunc(p.Providers[v.Provider].Domains, func(d string) bool {
		return strings.EqualFold(strings.TrimPrefix(d, "@"), domain)
	})
}

// trustsInternal reports whether the viewer's provider may say who is internal.
func (p *Policy) trustsInternal(v *Viewer) bool {
	if v.Provider == "" {
		return false
	}
	if len(p.Providers) == 0 {
		return true
	}
	return p.Providers[v.Provider].Internal
}

// from reports whether a group principal covers a source.
func (pr *principal) from(source string) bool {
	return pr.sources == nil || slices.Contains(pr.sources, source)
}

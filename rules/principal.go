package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
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
	name    string // group, domain or e-mail (in canonical form), username, or sub
}

// id spells a principal so that equal ones are equal.
func (pr *principal) id() string {
	return string('0'+rune(pr.kind)) + strings.Join(pr.sources, ",") + "/" + pr.name
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
	if err := plainName("group", s); err != nil {
		return principal{}, err
	}
	if source, name, ok := p.qualifier(s); ok {
		if !p.knowsSource(source) {
			return principal{}, unknownSource{fmt.Errorf("the group %q is of no provider of this policy%s", s, suggest(source, p.sourceNames()))}
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
	if err := plainName("user", s); err != nil {
		return principal{}, err
	}
	at := strings.LastIndexByte(s, '@')
	if source, name, ok := p.qualifier(s); ok && (at < len(source) || source == wikiSource || len(p.Providers) == 0 || p.knowsSource(source)) {
		switch {
		case source == wikiSource:
			return principal{kind: byWikiUser, name: name}, nil
		case !p.knowsSource(source):
			return principal{}, unknownSource{fmt.Errorf("the user %q is of no provider of this policy%s", s, suggest(source, p.sourceNames()))}
		}
		return principal{kind: byIdentity, sources: []string{source}, name: name}, nil
	}
	if at >= 0 {
		address, _, ok := canonAddress(s)
		if !ok {
			return principal{}, fmt.Errorf("%q is no e-mail address%s", s, addressHint(s))
		}
		return principal{kind: byEmail, name: address}, nil
	}
	return principal{kind: byWikiUser, name: s}, nil
}

// unknownSource is a qualifier that no file declares; it says nothing while
// another file can't be read.
type unknownSource struct{ error }

// plainName refuses what is meant as a wildcard, and what nobody is called.
func plainName(what, s string) error {
	switch source, name, ok := strings.Cut(s, "/"); {
	case strings.Trim(name, "*") == "" && name != "" || strings.Trim(s, "*") == "":
		return fmt.Errorf("%q: there are no wildcards; name each %s, or open the space with open_to", s, what)
	case ok && (source == "" || name == ""):
		return fmt.Errorf("the %s %q lacks a name on one side of its slash", what, s)
	case len(s) > maxWord:
		return fmt.Errorf("the name of a %s is longer than %d bytes", what, maxWord)
	case strings.ContainsFunc(s, unicode.IsControl):
		return fmt.Errorf("the %s %q holds a control character", what, s)
	case strings.TrimSpace(s) != s:
		return fmt.Errorf("the %s %q has blanks around it", what, s)
	}
	return nil
}

// maxWord bounds the names of people, groups, spaces, pages and labels.
const maxWord = 1024

func addressHint(s string) string {
	switch _, domain, _ := strings.Cut(s, "@"); {
	case strings.Count(s, "@") > 1:
		return ": it has more than one @"
	case strings.HasPrefix(s, "@"):
		return "; all of a domain are " + `email_domain: "` + domain + `"`
	default:
		if _, err := canonDomain(domain); err != nil {
			return ", its domain: " + err.Error()
		}
		return ""
	}
}

func parseDomain(s string) (principal, error) {
	d, err := canonDomain(strings.TrimPrefix(s, "@"))
	switch {
	case err == nil:
		return principal{kind: byDomain, name: d}, nil
	case strings.ContainsRune(s, '*'):
		err = fmt.Errorf("there are no patterns; name each domain")
	case strings.ContainsRune(strings.TrimPrefix(s, "@"), '@'):
		err = fmt.Errorf("it is an address; write user: %s", s)
	}
	return principal{}, fmt.Errorf("%q is no e-mail domain: %w", s, err)
}

// trustsEmail reports whether the viewer's e-mail counts: verified, and by a
// provider that vouches for its domain.
func (p *Policy) trustsEmail(v *Viewer) bool {
	domain, ok := emailDomain(v.Email)
	if !ok || !v.EmailVerified || v.Provider == "" {
		return false
	}
	return len(p.Providers) == 0 || slices.Contains(p.Providers[v.Provider].Domains, domain)
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

package textscan

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/postern-gateway/postern/rules"
)

// Identity is a compiled form that identities take.
type Identity struct {
	attr rules.Attr
	re   *regexp.Regexp
	pre  prefilter
}

// CompileIdentities compiles a profile's patterns.
func CompileIdentities(in []rules.IdentityPattern) ([]Identity, error) {
	var out []Identity
	for _, p := range in {
		re, err := regexp.Compile(p.Match)
		if err != nil {
			return nil, fmt.Errorf("identity %q: %w", p.Name, err)
		}
		a, ok := rules.ParseAttr(p.Attr)
		if !ok || a.Kind() != rules.User {
			return nil, fmt.Errorf("identity %q: %q is no attribute of a user", p.Name, p.Attr)
		}
		pre, err := newPrefilter(p.Match)
		if err != nil {
			return nil, fmt.Errorf("identity %q: %w", p.Name, err)
		}
		out = append(out, Identity{a, re, pre})
	}
	return out, nil
}

// AtDomains is the form of e-mail addresses at domains; not ok for none.
func AtDomains(domains []string) (Identity, bool) {
	var alt []string
	for _, d := range domains {
		if d = strings.ToLower(strings.TrimSpace(d)); d != "" {
			alt = append(alt, regexp.QuoteMeta(d))
		}
	}
	if len(alt) == 0 {
		return Identity{}, false
	}
	match := `(?i)\b([a-z0-9](?:[a-z0-9._%+'-]{0,62}[a-z0-9_+-])?@(?:` + strings.Join(alt, "|") + `))\b`
	re, err := regexp.Compile(match)
	if err != nil {
		return Identity{}, false
	}
	pre, err := newPrefilter(match)
	return Identity{rules.UserEmail, re, pre}, err == nil
}

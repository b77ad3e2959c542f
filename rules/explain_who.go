package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// ViewerFor makes the viewer that offline commands mean by WHO: "anonymous"; a
// username or e-mail of the directory (whose e-mail and groups then count as
// verified claims); PROVIDER/SUB or wiki/NAME; claims as policy tests write them,
// in braces; or any other e-mail address.
func ViewerFor(p *Policy, f Facts, who string) (Viewer, error) {
	if who == "anonymous" {
		return Viewer{Anonymous: true}, nil
	}
	if strings.HasPrefix(who, "{") {
		var claims TestWho
		if err := decodeYAML("as", []byte(who), &claims); err != nil {
			return Viewer{}, err
		}
		return claims.viewer(p, f)
	}
	for _, a := range []Attr{UserName, UserEmail, UserKey, UserAccountID} {
		if id, ok := f.FindUser(a, who); ok {
			return p.viewerOf(&f.Users()[id]), nil
		}
	}
	if source, name, ok := p.qualifier(who); ok && p.knowsSource(source) {
		if v, ok := p.viewerBySub(f, source, name); ok {
			return v, nil
		}
	}
	if _, ok := emailDomain(who); ok {
		v := Viewer{Email: who, EmailVerified: true}
		v.Provider, v.Subject = p.guessProvider(who, nil)
		return v, nil
	}
	return Viewer{}, fmt.Errorf("the directory knows no user %q, and it is neither an e-mail address nor PROVIDER/SUB of a provider of the policy", who)
}

// viewerOf is a person of the directory, signed in.
func (p *Policy) viewerOf(u *UserRecord) Viewer {
	v := Viewer{WikiUser: u.Username, WikiVouches: true, DisplayName: u.DisplayName, Email: u.Email, EmailVerified: true}
	v.Provider, v.Subject = p.guessProvider(u.Email, u.Identities)
	p.claimGroups(&v, u.Groups)
	return v
}

// claimGroups gives the viewer a record's groups as claims, the provider's own
// by their bare names.
func (p *Policy) claimGroups(v *Viewer, groups []string) {
	for _, g := range groups {
		if source, name, ok := p.qualifier(g); ok && source == v.Provider {
			g = name
		}
		v.Groups = append(v.Groups, g)
	}
}

// viewerBySub is who signs in by a provider as sub: the person of the directory
// who bears this identity, or somebody whom the wiki does not know.
func (p *Policy) viewerBySub(f Facts, source, sub string) (Viewer, bool) {
	if source == wikiSource {
		id, ok := f.FindUser(UserName, sub)
		if !ok {
			return Viewer{}, false
		}
		return p.viewerOf(&f.Users()[id]), true
	}
	users := f.Users()
	for i := range users {
		if slices.Contains(users[i].Identities, source+"/"+sub) {
			v := p.viewerOf(&users[i])
			v.Provider, v.Subject, v.Groups = source, sub, nil
			p.claimGroups(&v, users[i].Groups)
			return v, true
		}
	}
	// Without a providers block anything could be a provider; an address is
	// none.
	return Viewer{Provider: source, Subject: sub}, !strings.Contains(source, "@")
}

// guessProvider says by whom a person of the directory signs in: the provider
// of an identity of his, else the one that vouches for his e-mail, else the
// only one there is or that rules speak of.
func (p *Policy) guessProvider(email string, identities []string) (provider, subject string) {
	for _, s := range identities {
		if source, sub, ok := p.qualifier(s); ok && source != wikiSource && p.knowsSource(source) {
			return source, sub
		}
	}
	names := slices.Sorted(maps.Keys(p.Providers))
	for _, n := range names {
		v := Viewer{Provider: n, Email: email, EmailVerified: true}
		if p.trustsEmail(&v) {
			return n, ""
		}
	}
	if len(names) == 0 {
		names = p.mentioned
	}
	if len(names) == 1 {
		return names[0], ""
	}
	if len(p.Providers) == 0 {
		return "idp", ""
	}
	return "", ""
}

func (p *Policy) mentionedProviders() []string {
	seen := map[string]bool{}
	note := func(pr principal) {
		if pr.kind == byGroup || pr.kind == byIdentity {
			for _, s := range pr.sources {
				seen[s] = true
			}
		}
	}
	for _, g := range p.Internal.Groups {
		if pr, err := p.parseGroup(g.Name); err == nil {
			note(pr)
		}
	}
	for i := range p.Spaces {
		for j := range p.Spaces[i].Members {
			note(p.Spaces[i].Members[j].principal)
		}
	}
	delete(seen, wikiSource)
	return slices.Sorted(maps.Keys(seen))
}

// Location is the zone of the policy's dates.
func (p *Policy) Location() *time.Location {
	if p.location == nil {
		return time.UTC
	}
	return p.location
}

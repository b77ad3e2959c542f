package rules

import (
	"cmp"
	"slices"
	"strings"
)

// partyKind says how a party is known.
type partyKind uint8

const (
	partyUser      partyKind = iota // a user of the directory
	partyAnonymous                  // nobody in particular
	partyEmail                      // an e-mail address that a rule names
	partyIdentity                   // a PROVIDER/SUB that a rule names
	partyDomain                     // whoever has an address of a domain
	partyGroup                      // whoever a provider says is in a group
	partyMissing                    // a wiki user or wiki group that the wiki does not have
)

// party is somebody who may come and look: the users of a directory, and those
// whom the rules cover although the directory does not know them. It means the
// same under every policy, so that two policies can be compared by it.
type party struct {
	kind partyKind
	// source is the provider of a group or identity; empty: any provider.
	source string
	name   string
}

// anonymousName is what ViewerFor calls a viewer who is not signed in.
const anonymousName = "anonymous"

// label names the party for people.
func (p party) label() string {
	name := p.name
	if p.source != "" {
		name = p.source + "/" + p.name
	}
	switch p.kind {
	case partyDomain, partyGroup:
		return "anybody of " + name
	}
	return name
}

// viewer makes the viewer that the party is under a policy; false where it is
// nobody at all. Whoever is only known by a domain or a group has nothing
// besides: no address or name that another rule could mean.
func (p party) viewer(policy *Policy, f Facts) (Viewer, bool) {
	switch p.kind {
	case partyAnonymous:
		return Viewer{Anonymous: true}, true
	case partyUser:
		id, ok := f.FindUser(UserName, p.name)
		if !ok {
			return Viewer{}, false
		}
		return policy.viewerOf(&f.Users()[id]), true
	case partyEmail:
		v, err := ViewerFor(policy, f, p.name)
		return v, err == nil
	case partyDomain:
		v, err := ViewerFor(policy, f, "*@"+p.name)
		return v, err == nil
	case partyIdentity:
		return Viewer{Provider: p.source, Subject: p.name}, true
	case partyGroup:
		v := Viewer{Provider: p.source, Groups: []string{p.name}}
		if v.Provider == "" {
			v.Provider, _ = policy.guessProvider("", nil)
		}
		return v, true
	}
	return Viewer{}, false
}

// compareParties puts the users first, by name, and the others by kind.
func compareParties(a, b party) int {
	return cmp.Or(cmp.Compare(a.kind, b.kind), strings.Compare(a.source, b.source), strings.Compare(a.name, b.name))
}

// userParties are the users of the directory, by name.
func (e *Engine) userParties() []party {
	users := e.f.Users()
	out := make([]party, len(users))
	for i := range users {
		out[i] = party{kind: partyUser, name: users[i].Username}
	}
	slices.SortFunc(out, compareParties)
	return out
}

// otherParties are all others: the anonymous viewer, and whom the rules cover
// without the directory's knowing. Of a domain and of a provider's group there
// is always one, for people who have not come yet.
func (e *Engine) otherParties() []party {
	out := []party{{kind: partyAnonymous, name: anonymousName}}
	for i := range e.rules {
		out = e.partiesOf(out, &e.rules[i].principal)
	}
	slices.SortFunc(out, compareParties)
	return slices.Compact(out)
}

// partiesOf adds the parties that a rule's principal stands for.
func (e *Engine) partiesOf(out []party, pr *principal) []party {
	switch pr.kind {
	case byDomain:
		return append(out, party{kind: partyDomain, name: pr.name})
	case byEmail:
		if _, ok := e.f.FindUser(UserEmail, pr.name); !ok {
			out = append(out, party{kind: partyEmail, name: pr.name})
		}
	case byIdentity:
		if !e.signsInAs(pr.sources[0], pr.name) {
			out = append(out, party{kind: partyIdentity, source: pr.sources[0], name: pr.name})
		}
	case byWikiUser:
		if _, ok := e.f.FindUser(UserName, pr.name); !ok {
			out = append(out, party{kind: partyMissing, source: wikiSource, name: pr.name})
		}
	case byGroup:
		if pr.sources == nil {
			out = append(out, party{kind: partyGroup, name: pr.name})
		}
		for _, s := range pr.sources {
			if s != wikiSource {
				out = append(out, party{kind: partyGroup, source: s, name: pr.name})
			} else if _, ok := e.f.FindGroup(wikiSource, pr.name); !ok && len(pr.sources) == 1 {
				out = append(out, party{kind: partyMissing, source: wikiSource, name: pr.name})
			}
		}
	}
	return out
}

// signsInAs reports whether a user of the directory is taken to sign in with
// this very identity, so that he stands for it.
func (e *Engine) signsInAs(provider, subject string) bool {
	id, _ := e.subs.bearer(e.f, provider, subject)
	if id == NoID {
		return false
	}
	v := e.p.viewerOf(&e.f.Users()[id])
	return v.Provider == provider && v.Subject == subject
}

package rules

import "strings"

// unsure finds whom users_see: shared-space-or-unassigned must not take for
// unassigned, because the directory does not know all that rules ask about: the
// address of somebody whom a rule by domain or address may cover, and the
// claims of somebody who never signed in at the provider of a group.
type unsure struct {
	mail    bool     // a rule asks for an address
	sources []string // providers whose groups rules ask for; "": whichever there is
}

func (e *Engine) newUnsure() *unsure {
	if e.p.Extranet.UsersSee != "shared-space-or-unassigned" {
		return nil
	}
	u := &unsure{}
	for i := range e.rules {
		r := &e.rules[i]
		switch pr := &r.principal; {
		case r.why == nil: // no member rule
		case pr.kind == byDomain || pr.kind == byEmail:
			u.mail = true
		case pr.kind != byGroup:
		case pr.sources == nil:
			if _, ok := e.f.FindGroup(wikiSource, pr.name); !ok {
				u.add("")
			}
		default:
			for _, s := range pr.sources {
				if _, ok := e.f.FindGroup(wikiSource, pr.name); s != wikiSource && (len(pr.sources) == 1 || !ok) {
					u.add(s)
				}
			}
		}
	}
	return u
}

func (u *unsure) add(source string) {
	for _, s := range u.sources {
		if s == source {
			return
		}
	}
	u.sources = append(u.sources, source)
}

// of reports whether more may be true of a user than the directory knows.
func (u *unsure) of(p *Policy, rec *UserRecord) bool {
	if u == nil {
		return false
	}
	_, known := emailDomain(rec.Email)
	if u.mail && !known {
		return true
	}
	for _, s := range u.sources {
		may := !known || s == "" || len(p.Providers[s].Domains) == 0 || p.trustsEmail(&Viewer{Provider: s, Email: rec.Email, EmailVerified: true})
		if may && !signedIn(rec, s) {
			return true
		}
	}
	return false
}

// signedIn reports that claims of the provider were kept for the user.
func signedIn(rec *UserRecord, source string) bool {
	for _, list := range [...][]string{rec.Groups, rec.Identities} {
		for _, s := range list {
			if from, _, ok := strings.Cut(s, "/"); ok && (from == source || source == "") {
				return true
			}
		}
	}
	return false
}

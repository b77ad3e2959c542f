package rules

// LinkUser names the wiki user that a person who signs in is, if that can be
// told: the one whose record bears his identity (PROVIDER/SUB); else the one
// that has the provider's name for him, if the provider may say who is
// internal; else the one user with his verified e-mail address, in a domain
// that the provider is trusted for. An inactive or ambiguous user is linked
// as well: the view then keeps him out (G23).
func (p *Policy) LinkUser(f Facts, who Viewer, username string) (string, bool) {
	if who.Provider == "" || who.Subject == "" {
		return "", false
	}
	identity := who.Provider + "/" + who.Subject
	found := NoID
	for i := range f.Users() {
		for _, have := range f.Users()[i].Identities {
			if have != identity {
				continue
			}
			if found != NoID && found != ID(i) {
				return "", false
			}
			found = ID(i)
		}
	}
	if found == NoID && username != "" && p.trustsInternal(&who) {
		if id, ok := f.FindUser(UserName, username); ok {
			found = id
		}
	}
	if found == NoID && p.trustsEmail(&who) {
		// The directory folds addresses more than canonAddress does.
		address, _, _ := canonAddress(who.Email)
		for _, spelling := range []string{who.Email, address} {
			if id, ok := f.FindUser(UserEmail, spelling); ok {
				if have, _, ok := canonAddress(f.Users()[id].Email); ok && have == address {
					found = id
				}
			}
		}
	}
	if found == NoID {
		return "", false
	}
	return f.Users()[found].Username, true
}

// HasPublic reports whether anything is open to people who are not signed in.
func (p *Policy) HasPublic() bool {
	for i := range p.Spaces {
		if p.Spaces[i].OpenTo == "public" {
			return true
		}
	}
	return false
}

package rules

import (
	"slices"
	"strings"
	"sync/atomic"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Linker tells which user of the wiki a person is who signs in. It indexes the
// users' identities once for each state of the directory's users, when first
// asked. The zero value is ready, and safe for concurrent use.
type Linker struct {
	last atomic.Pointer[subjects]
}

// subjects maps PROVIDER/SUB to the one user who bears it; NoID if several
// do. It is immutable.
type subjects struct {
	users []UserRecord // that it was made of
	of    map[string]ID
}

func newSubjects(f Facts) *subjects {
	users := f.Users()
	of := map[string]ID{}
	for i := range users {
		if len(users[i].Identities) == 0 {
			continue
		}
		if id, ok := f.FindUser(UserName, users[i].Username); ok && id != ID(i) && users[id].Username == users[i].Username {
			continue // a later record of this user's counts
		}
		for _, s := range users[i].Identities {
			if have, ok := of[s]; ok && have != ID(i) {
				of[s] = NoID
				continue
			}
			of[s] = ID(i)
		}
	}
	return &subjects{users: users, of: of}
}

// bearer finds the user who bears an identity: NoID, and known, if several do.
// The index that was made last serves as long as the users are the same.
func (l *Linker) bearer(f Facts, provider, subject string) (id ID, known bool) {
	last := l.last.Load()
	if last == nil || !sameUsers(last.users, f.Users()) {
		last = newSubjects(f)
		l.last.Store(last)
	}
	if id, known = last.of[provider+"/"+subject]; !known {
		return NoID, false
	}
	return id, true
}

// sameUsers says whether two lists of users are one: the lists of a directory
// are never changed in place.
func sameUsers(a, b []UserRecord) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// User names the wiki user that a person who signs in is, if that can be
// told: the one whose record bears his identity (PROVIDER/SUB); else the one
// that has the provider's name for him, if the provider may say who is
// internal; else the one user with his verified e-mail address, in a domain
// that the provider is trusted for. So several identities, of one provider or
// of many, are one user only by claims that the policy lets each provider make
// (G27). An inactive user is linked as well: the view then keeps him out (G23).
func (l *Linker) User(p *Policy, f Facts, who Viewer, username string) (string, bool) {
	if who.Provider == "" || who.Subject == "" {
		return "", false
	}
	found, known := l.bearer(f, who.Provider, who.Subject)
	if !known {
		found = p.claimed(f, &who, username)
	}
	if found == NoID {
		return "", false
	}
	return f.Users()[found].Username, true
}

// claimed is the user that the provider's claims name, as far as it is trusted
// to make them.
func (p *Policy) claimed(f Facts, who *Viewer, username string) ID {
	if username != "" && p.trustsInternal(who) {
		if id, ok := f.FindUser(UserName, username); ok && sameUsername(username, f.Users()[id].Username) {
			return id
		}
	}
	if p.trustsEmail(who) {
		return userByAddress(f, who.Email)
	}
	return NoID
}

// sameUsername says whether a provider's name for a person is a wiki user's, in
// any case that both might write it in. Directories fold names for look-ups,
// where nothing is lost by finding too much; here, whoever chooses a name at the
// provider would choose whom he is taken for: what only folding makes ASCII (the
// Kelvin sign, the long s, the dotless and the dotted i of Turkish), what normal
// form C would change, and what can't be seen make another name.
func sameUsername(claimed, name string) bool {
	if !norm.NFC.IsNormalString(claimed) || strings.ContainsFunc(claimed, invisible) {
		return false
	}
	a, b := []rune(strings.ReplaceAll(claimed, "_", " ")), []rune(strings.ReplaceAll(norm.NFC.String(name), "_", " "))
	return slices.EqualFunc(a, b, func(a, b rune) bool {
		switch {
		case a == b:
			return true
		case a < utf8Self || b < utf8Self:
			return asciiLower(a) == asciiLower(b) && a < utf8Self && b < utf8Self
		}
		return unicode.ToLower(a) == unicode.ToLower(b)
	})
}

func invisible(r rune) bool { return r >= utf8Self && badLocal(r) }

// userByAddress finds the user who has an address. The directory folds
// addresses more than canonAddress does.
func userByAddress(f Facts, email string) ID {
	address, _, ok := canonAddress(email)
	if !ok {
		return NoID
	}
	found := NoID
	for _, spelling := range []string{email, address} {
		if id, ok := f.FindUser(UserEmail, spelling); ok {
			if have, _, ok := canonAddress(f.Users()[id].Email); ok && have == address {
				found = id
			}
		}
	}
	return found
}

// Contested names the wiki user whom a person's provider says he is, by a
// verified address, without being trusted to say so; "" for none. Such a person
// is not linked; where another identity is already, he is to be refused (G27).
// A name alone contests nothing: names are the provider's own.
func (p *Policy) Contested(f Facts, who Viewer) (user string, recorded bool) {
	if who.WikiUser != "" || !who.EmailVerified || p.trustsEmail(&who) {
		return "", false
	}
	id := userByAddress(f, who.Email)
	if id == NoID {
		return "", false
	}
	u := &f.Users()[id]
	return u.Username, len(u.Identities) > 0
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

package signin

import (
	"encoding/json"
	"errors"
	"net/mail"
	"strings"

	"github.com/postern-gateway/postern/rules"
)

const (
	maxGroups   = 4096
	maxGroup    = 512 // bytes of one group's name
	maxName     = 512 // bytes of a display name or username
	maxAddress  = 254 // RFC 5321 4.5.3.1.3
	maxIdentity = 256 << 10
)

// lookup finds a claim by name, or by a path with dots between. A claim whose
// own name has dots in it comes first.
func (c claims) lookup(path string) (json.RawMessage, bool) {
	if v, ok := c[path]; ok {
		return v, string(v) != "null"
	}
	first, rest, nested := strings.Cut(path, ".")
	if !nested {
		return nil, false
	}
	inner, err := readClaims(c[first])
	if err != nil {
		return nil, false
	}
	return inner.lookup(rest)
}

func (c claims) lookupText(path string, limit int) string {
	var s *string
	if raw, ok := c.lookup(path); !ok || json.Unmarshal(raw, &s) != nil || s == nil || !plainText(*s, limit) {
		return ""
	}
	return *s
}

// lacks says whether something that the mapping names is not there, so that
// userinfo is worth asking.
func (c claims) lacks(n ClaimNames) bool {
	for _, path := range []string{n.Email, n.Groups, n.Username, n.Name} {
		if _, ok := c.lookup(path); !ok {
			return true
		}
	}
	return false
}

// identity maps the claims of the ID token, and of userinfo (nil: not asked)
// for what the token does not have. An address and its being verified always
// come from the same of the two.
func (n ClaimNames) identity(subject string, token, info claims) (Identity, *failure) {
	id := Identity{Subject: subject}
	both := []claims{token, info}
	for _, c := range both {
		if overage(c, n.Groups) {
			return Identity{}, fail(overageResult, "groups", errors.New("the provider left the groups out because they are too many"))
		}
	}
	for _, c := range both {
		if id.Username == "" {
			id.Username = c.lookupText(n.Username, maxName)
		}
		if id.Name == "" {
			id.Name = c.lookupText(n.Name, maxName)
		}
		if id.Email == "" {
			if id.Email = address(c.lookupText(n.Email, maxAddress)); id.Email != "" {
				raw, _ := c.lookup(n.EmailVerified)
				id.EmailVerified = string(raw) == "true" // the boolean, nothing that looks like it
			}
		}
	}
	for _, c := range both {
		groups, there, err := c.groups(n.Groups)
		if err != nil {
			return Identity{}, fail(overageResult, "groups", err)
		}
		if there {
			id.Groups = groups
			break
		}
	}
	return id, nil
}

// groups reads the groups at a path. Groups that are there and can't be read
// are an error, never no groups: what a rule says of a group would not reach
// its members.
func (c claims) groups(path string) (groups []string, there bool, err error) {
	raw, there := c.lookup(path)
	if !there {
		if c.obscured(path) {
			return nil, false, errors.New("the groups' claim is no object that can be read; does claims name it rightly?")
		}
		return nil, false, nil
	}
	list, ok := textList(raw)
	switch {
	case !ok:
		return nil, true, errors.New("the groups are not a list of strings")
	case len(list) > maxGroups:
		return nil, true, errors.New("too many groups")
	}
	for _, g := range list {
		if !plainText(g, maxGroup) {
			return nil, true, errors.New("a group's name is too long, or holds control characters")
		}
		if g != "" {
			groups = append(groups, g)
		}
	}
	return groups, true, nil
}

// obscured says that a path leads through something that is there and is no
// object with one reading, so that nothing can be told of what it leads to.
func (c claims) obscured(path string) bool {
	first, rest, nested := strings.Cut(path, ".")
	raw, there := c[first]
	if !nested || !there || string(raw) == "null" {
		return false
	}
	inner, err := readClaims(raw)
	return err != nil || inner.obscured(rest)
}

// overage says whether the claims mark the groups as left out: by a reference
// to elsewhere (OpenID Connect Core 5.6.2), or by the flag that one provider
// sets in their place.
func overage(c claims, path string) bool {
	names, err := readClaims(c["_claim_names"])
	if err == nil {
		first, _, _ := strings.Cut(path, ".")
		for _, n := range []string{path, first} {
			if _, ok := names[n]; ok {
				return true
			}
		}
	} else if _, there := c["_claim_names"]; there {
		return true
	}
	if _, ok := c.lookup(path); ok {
		return false
	}
	flag, there := c["hasgroups"]
	return there && string(flag) != "false"
}

// address returns s if it is one plain e-mail address, and "" otherwise.
func address(s string) string {
	a, err := mail.ParseAddress(s)
	if err != nil || a.Name != "" || a.Address != s || strings.Count(s, "@") != 1 || strings.ContainsAny(s, " \"<>(),:;[]\\") {
		return ""
	}
	return s
}

// viewer makes of an identity what the rules know people by.
func (rp *RP) viewer(provider string, id Identity) rules.Viewer {
	return rules.Viewer{
		Provider: provider, Subject: id.Subject, WikiUser: rp.cfg.LinkUser(provider, id),
		DisplayName: id.Name, Email: id.Email, EmailVerified: id.EmailVerified, Groups: id.Groups,
	}
}

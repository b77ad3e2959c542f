package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

var (
	allModes = []string{"unrestricted", "shared-spaces"}
	allSees  = []string{"shared-space", "shared-space-or-internal", "shared-space-or-unassigned"}
	// Everybody known to the wiki, or nobody; the second needs the policy's word.
	allIdentities = []map[ViewerKind]UpstreamIdentity{
		{Anonymous: IdentityAnonymous, None: IdentityHeader, External: IdentityPassthrough, Internal: IdentityHeader},
		{Anonymous: IdentityService, None: IdentityService, External: IdentityService, Internal: IdentityService},
	}
)

// linked is the viewer whom the wiki and the one provider know alike.
func linked(u *UserRecord) Viewer {
	return Viewer{Provider: "idp", Subject: u.Username, WikiUser: u.Username, WikiVouches: true, Email: u.Email, EmailVerified: true}
}

// everybody of a directory looks, and somebody who did not sign in.
func everybody(d *Directory) []Viewer {
	out := []Viewer{{Anonymous: true}}
	for i := range d.Users {
		out = append(out, linked(&d.Users[i]))
	}
	return out
}

// among gives the words whose bits are set.
func among(bits int, words ...string) (out []string) {
	for i, w := range words {
		if bits>>i&1 == 1 {
			out = append(out, w)
		}
	}
	return out
}

// vary is a copy of a policy whose settings may be changed.
func vary(p *Policy, change func(*Policy)) *Policy {
	c := *p
	c.Spaces, c.Filters = slices.Clone(p.Spaces), slices.Clone(p.Filters)
	change(&c)
	return &c
}

// TestEveryWorldOfThree: three people, each in any of the internal group, g1
// and g2 (people are alike but for their groups, so every multiset of three);
// three spaces, of which the policy shares A and B each with nobody, g1, g1
// until yesterday, or g2; every internal mode, users_see, and open_to of A,
// every upstream identity.
func TestEveryWorldOfThree(t *testing.T) {
	t.Parallel()
	profile := referenceProfile(t)
	var n tally
	members := []string{"", "{group: wiki/g1}", "{group: wiki/g1, until: 2026-11-30}", "{group: wiki/g2}"}
	product(func(i []int) {
		base := referencePolicy(t, profile, "unsafe_service_identity: true\ninternal: {groups: [wiki/staff]}\nspaces:\n  A: {members: [%s]}\n  B: {members: [%s]}\n", members[i[0]], members[i[1]])
		product(func(j []int) {
			n.policies.Add(1)
			p := vary(base, func(p *Policy) {
				p.Internal.Mode, p.Extranet.UsersSee, p.Spaces[0].OpenTo = allModes[j[0]], allSees[j[1]], []string{"", "externals", "public"}[j[2]]
			})
			for a := range 8 {
				for b := a; b < 8; b++ {
					for c := b; c < 8; c++ {
						d := smallWiki()
						for _, in := range []int{a, b, c} {
							name := fmt.Sprint("u", len(d.Users))
							d.Users = append(d.Users, UserRecord{Username: name, Email: name + "@one.example", Groups: among(in, "staff", "g1", "g2")})
						}
						w := world{p: p, d: d, now: tableTime, viewers: everybody(d), identity: allIdentities[j[3]]}
						w.run(t, &n)
					}
				}
			}
		}, 2, 3, 3, 2)
	}, 4, 4)
	n.log(t)
}

func smallWiki() *Directory {
	return &Directory{
		Groups:  []GroupRecord{{Name: "staff"}, {Name: "g1"}, {Name: "g2"}},
		Spaces:  []SpaceRecord{{Key: "A"}, {Key: "B"}, {Key: "C"}},
		Content: []ContentRecord{{ID: "1", Space: "A", Title: "One"}, {ID: "2", Space: "B", Title: "Two"}, {ID: "3", Space: "C", Title: "Three"}},
	}
}

// product calls do with every choice of one index below each size.
func product(do func([]int), sizes ...int) {
	at := make([]int, len(sizes))
	for {
		do(at)
		i := 0
		for ; i < len(at); i++ {
			if at[i]++; at[i] < sizes[i] {
				break
			}
			at[i] = 0
		}
		if i == len(at) {
			return
		}
	}
}

// TestEveryPair puts one person of every kind into one wiki (in any of the
// internal group, g1, g2; plain, filtered, suspended, deactivated) and lets each
// look at each, in every context, under every filter of users and mentions.
func TestEveryPair(t *testing.T) {
	t.Parallel()
	profile := referenceProfile(t)
	d := smallWiki()
	d.Content = nil
	var suspended []string
	for state := range 4 {
		for in := range 8 {
			name := fmt.Sprintf("u%d%d", state, in)
			u := UserRecord{Username: name, Email: name + "@one.example", Groups: among(in, "staff", "g1", "g2"), Attributes: map[string]string{"f": "no"}}
			switch state {
			case 1:
				u.Attributes["f"] = "yes"
			case 2:
				suspended = append(suspended, "{user: wiki/"+name+"}")
			case 3:
				u.Active = new(bool)
			}
			d.Users = append(d.Users, u)
		}
	}
	var n tally
	filters := []string{"", "contexts: [global]", "contexts: [space]", "contexts: [global, space]", "one_way: true", "contexts: [global], one_way: true", "contexts: [space], one_way: true"}
	product(func(i []int) {
		filter := ""
		if filters[i[0]] != "" {
			filter = "filters: [{name: 'yes', hide: users, when: 'user.attributes.f == \"yes\"', " + filters[i[0]] + "}]\n"
		}
		base := referencePolicy(t, profile, "unsafe_service_identity: true\ninternal: {groups: [wiki/staff]}\nsuspended: [%s]\nspaces:\n  A: {members: [%s]}\n  B: {members: [%s]}\n%s", strings.Join(suspended, ", "),
			[]string{"", "{group: wiki/g1}", "{group: wiki/g1, until: 2026-11-30}"}[i[1]], []string{"", "{group: wiki/g2}"}[i[2]], filter)
		product(func(j []int) {
			n.policies.Add(1)
			w := world{d: d, now: tableTime, viewers: everybody(d), identity: allIdentities[j[4]], p: vary(base, func(p *Policy) {
				p.Internal.Mode, p.Extranet.UsersSee = allModes[j[0]], allSees[j[1]]
				p.Spaces[0].OpenTo, p.Spaces[0].Mentions = []string{"", "public"}[j[2]], []string{"members", "nobody"}[j[3]]
			})}
			w.run(t, &n)
		}, 2, 3, 2, 2, 2)
	}, len(filters), 3, 2)
	n.log(t)
}

// TestEveryPrincipal: every way of naming a member, an internal group and a
// suspended person, under every providers block, against every viewer that
// sign-in may establish; and how the users of the wiki look to them.
func TestEveryPrincipal(t *testing.T) {
	t.Parallel()
	profile := referenceProfile(t)
	d := smallWiki()
	d.Groups = append(d.Groups, GroupRecord{Name: "around", Groups: []string{"g1"}}, GroupRecord{Name: "g1", Source: "idp"}, GroupRecord{Name: "g2", Source: "corp"})
	d.Users = []UserRecord{
		{Username: "u1", Groups: []string{"g1"}, Email: "u1@two.example"},
		{Username: "u2", Groups: []string{"staff"}},
		{Username: "u3", Email: "x@one.example"},
		{Username: "u4", Identities: []string{"idp/s"}, Groups: []string{"idp/g1"}, Email: "x@corp.example"},
		{Username: "u5", Identities: []string{"corp/s"}, Groups: []string{"corp/staff", "corp/g1"}, Email: "y@one.example"},
	}
	viewers := []Viewer{{Anonymous: true}}
	product(func(i []int) {
		v := Viewer{
			Provider: []string{"", "corp", "idp"}[i[0]], Email: []string{"", "x@one.example", "x@corp.example"}[i[1]], EmailVerified: i[2] == 1,
			WikiUser: []string{"", "u1", "u2", "u4"}[i[3]], WikiVouches: i[4] == 1,
		}
		if v.Provider != "" {
			v.Subject, v.Groups = "s", among(i[5], "g1", "staff")
		} else if i[5] > 0 || i[1] > 0 {
			return // the wiki's own session makes no claims
		}
		if v.Email != "" || i[2] == 0 {
			viewers = append(viewers, v)
		}
	}, 3, 3, 2, 4, 2, 4)
	members := []string{
		"{group: g1}", "{group: wiki/g1}", "{group: wiki/around}", "{group: idp/g1}", "{group: corp/g1}", "{email_domain: one.example}",
		"{user: x@one.example}", "{user: wiki/u1}", "{user: u1}", "{user: idp/s}",
	}
	providers := []string{
		"", "providers: {idp: {internal: true, domains: [one.example, corp.example]}}", "providers: {idp: {}}",
		"providers: {corp: {internal: true, domains: [corp.example]}, idp: {domains: [one.example]}}",
		"providers: {corp: {internal: true, domains: [corp.example]}, idp: {domains: [one.example]}}\nsources: [idp, wiki]",
		"providers: {corp: {internal: true, domains: [corp.example]}, idp: {domains: [one.example]}}\nsources: [corp]",
	}
	internals := []string{"staff", "wiki/staff", "corp/staff", "idp/staff"}
	suspended := []string{"", "{user: x@one.example}", "{group: wiki/around}", "{user: idp/s}"}
	var n tally
	product(func(i []int) {
		text := fmt.Sprintf("version: 1\nwiki: tables\n%s\ninternal: {groups: [%s]}\nsuspended: [%s]\nspaces:\n  A: {members: [%s], open_to: externals}\n  B: {members: [{user: wiki/u2}, %s]}\n",
			providers[i[0]], internals[i[1]], suspended[i[2]], members[i[3]], strings.Replace(members[i[3]], "}", ", until: 2026-11-30}", 1))
		p, err := ParsePolicy(map[string][]byte{"p.yaml": []byte(text)}, profile)
		if err != nil {
			return // a bare name of several providers, or a provider that is not declared
		}
		n.policies.Add(1)
		for s, see := range allSees {
			w := world{d: d, now: tableTime, viewers: viewers, p: vary(p, func(p *Policy) { p.Extranet.UsersSee, p.Internal.Mode = see, allModes[(s+i[2])%2] })}
			w.run(t, &n)
		}
	}, len(providers), len(internals), len(suspended), len(members))
	n.log(t)
}

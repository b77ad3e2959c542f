package rules

import "testing"

// TestLinkUser: who may be taken for a user of the wiki, by one identity or by
// several (G27).
func TestLinkUser(t *testing.T) {
	t.Parallel()
	p, err := ParsePolicy(map[string][]byte{"policy.yaml": []byte(`
version: 1
wiki: confluence-dc
providers:
  corp: {internal: true, domains: [corp.example]}
  acme: {domains: [acme.example]}
  other: {}
internal: {groups: [corp/staff]}
`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f := &tableFacts{d: Directory{Users: []UserRecord{
		{Username: "zq", Email: "zq@corp.example", Identities: []string{"corp/z", "acme/z"}},
		{Username: "bo", Email: "bo@acme.example"},
		{Username: "twin1", Identities: []string{"acme/twin"}},
		{Username: "twin2", Email: "twin@acme.example", Identities: []string{"acme/twin"}},
	}}}
	var l Linker
	for name, tt := range map[string]struct {
		provider, subject, username, email string
		verified                           bool
		user, contested                    string
		recorded                           bool
	}{
		"recorded":                           {provider: "corp", subject: "z", user: "zq"},
		"recorded at another provider":       {provider: "acme", subject: "z", user: "zq"},
		"another's subject":                  {provider: "other", subject: "z"},
		"name, by a provider of internals":   {provider: "corp", subject: "b", username: "bo", user: "bo"},
		"name, by another":                   {provider: "acme", subject: "x", username: "bo"},
		"address":                            {provider: "acme", subject: "b", email: "bo@acme.example", verified: true, user: "bo"},
		"the same address, another subject":  {provider: "acme", subject: "b2", email: "bo@acme.example", verified: true, user: "bo"},
		"address not verified":               {provider: "acme", subject: "b", email: "bo@acme.example"},
		"address of another's domain":        {provider: "acme", subject: "m", email: "zq@corp.example", verified: true, contested: "zq", recorded: true},
		"address, by one trusted for none":   {provider: "other", subject: "m", email: "bo@acme.example", verified: true, contested: "bo"},
		"address of nobody":                  {provider: "other", subject: "m", email: "no@acme.example", verified: true},
		"identity of two, with good address": {provider: "acme", subject: "twin", email: "twin@acme.example", verified: true},
		"no subject":                         {provider: "acme", email: "bo@acme.example", verified: true},
	} {
		who := Viewer{Provider: tt.provider, Subject: tt.subject, Email: tt.email, EmailVerified: tt.verified}
		user, ok := l.User(p, f, who, tt.username)
		if user != tt.user || ok != (tt.user != "") {
			t.Errorf("%s: linked to %q, %v; want %q", name, user, ok, tt.user)
		}
		who.WikiUser = user
		if contested, recorded := p.Contested(f, who); contested != tt.contested || recorded != tt.recorded {
			t.Errorf("%s: contests %q, %v; want %q, %v", name, contested, recorded, tt.contested, tt.recorded)
		}
	}
}

// TestLinkerIndex: the index is made once for one list of users, and anew for
// another.
func TestLinkerIndex(t *testing.T) {
	t.Parallel()
	f := &tableFacts{d: Directory{Users: []UserRecord{{Username: "a", Identities: []string{"p/1"}}}}}
	var l Linker
	who := Viewer{Provider: "p", Subject: "1"}
	p := &Policy{}
	if user, _ := l.User(p, f, who, ""); user != "a" {
		t.Errorf("linked to %q", user)
	}
	first := l.last.Load()
	if l.User(p, f, who, ""); l.last.Load() != first {
		t.Error("indexed again")
	}
	f = &tableFacts{d: Directory{Users: []UserRecord{{Username: "b", Identities: []string{"p/1"}}}}}
	if user, _ := l.User(p, f, who, ""); user != "b" {
		t.Errorf("linked to %q after a sync", user)
	}
}

// grownFacts finds of two records of one user the later, as a directory does
// that a look-up has added to.
type grownFacts struct{ *tableFacts }

func (f grownFacts) FindUser(a Attr, v string) (found ID, ok bool) {
	found = NoID
	for i, u := range f.d.Users {
		if a == UserName && u.Username == v {
			found, ok = ID(i), true
		}
	}
	return found, ok
}

// TestLinkerLaterRecord: a user whom a look-up has found anew is one user still.
func TestLinkerLaterRecord(t *testing.T) {
	t.Parallel()
	f := grownFacts{&tableFacts{d: Directory{Users: []UserRecord{
		{Username: "a", Identities: []string{"p/1", "p/2"}}, {Username: "b"}, {Username: "a", Identities: []string{"p/1"}},
	}}}}
	for subject, want := range map[string]string{"1": "a", "2": "", "3": ""} {
		if got, _ := new(Linker).User(&Policy{}, f, Viewer{Provider: "p", Subject: subject}, ""); got != want {
			t.Errorf("%s: linked to %q, want %q", subject, got, want)
		}
	}
}

// TestSameUsername: which of the names that a directory folds into one are one
// person's.
func TestSameUsername(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		claimed, name string
		same          bool
	}{
		{"ines", "ines", true},
		{"INES", "ines", true},
		{"\u00c9va", "\u00e9va", true},
		{"Nils Nightjar", "nils_nightjar", true},
		{"\u0131nes", "ines", false},     // dotless i
		{"\u0130nes", "ines", false},     // dotted I
		{"ine\u017f", "ines", false},     // long s
		{"\u212aai", "kai", false},       // Kelvin sign
		{"e\u0301va", "\u00e9va", false}, // not in normal form C
		{"ines\u200b", "ines", false},    // zero width
		{"\u03c3", "\u03c2", false},      // sigma and final sigma
		{"ines", "ine", false},
	} {
		if got := sameUsername(tt.claimed, tt.name); got != tt.same {
			t.Errorf("%q and %q: %v, want %v", tt.claimed, tt.name, got, tt.same)
		}
	}
}

package caddymodule

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/signin"
	"github.com/postern-gateway/postern/caddymodule/store"
	"github.com/postern-gateway/postern/rules"
)

// TestKeptClaims: policy case G26. Who has signed in is seen by others as a
// member of his provider's groups, for claims_keep and no longer; he himself
// gets nothing by it, and nobody by a provider that is not trusted.
func TestKeptClaims(t *testing.T) {
	t.Parallel()
	policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(`
version: 1
wiki: confluence-dc
providers:
  corp: {internal: true, domains: [corp.example]}
  acme: {domains: [acme.example]}
internal: {groups: [corp/staff], mode: shared-spaces}
extranet: {users_see: shared-space-or-internal}
spaces:
  ACME: {members: [{group: acme/partners}, {user: eva@acme.example}]}
  OTHER: {members: [{group: acme/others}]}
`)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	seed := rules.Directory{
		Users: []rules.UserRecord{
			{Username: "eva", Email: "eva@acme.example"},
			{Username: "bo", Email: "bo@acme.example"},
			{Username: "zq", Email: "zq@corp.example"},
			{Username: "mal", Email: "mal@acme.example"},
		},
		Spaces: []rules.SpaceRecord{{Key: "ACME"}, {Key: "OTHER"}},
	}
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	eva := rules.Viewer{Provider: "acme", Subject: "e", WikiUser: "eva", Email: "eva@acme.example", EmailVerified: true}
	bo := rules.Viewer{Provider: "acme", Subject: "b", WikiUser: "bo", Email: "bo@acme.example", EmailVerified: true}
	type claims struct {
		provider string
		id       signin.Identity
		seen     time.Time
	}
	partner := claims{"acme", signin.Identity{Subject: "b", Email: "bo@acme.example", EmailVerified: true, Groups: []string{"partners"}}, noon}
	for _, tt := range []struct {
		name   string
		keep   time.Duration
		claims []claims
		viewer rules.Viewer
		user   string
		want   rules.Verdict
	}{
		{"never signed in", 0, nil, eva, "bo", rules.Hidden},
		{"signed in", 0, []claims{partner}, eva, "bo", rules.Visible},
		{"29 days ago", 0, []claims{{"acme", partner.id, noon.Add(-29 * 24 * time.Hour)}}, eva, "bo", rules.Visible},
		{"31 days ago", 0, []claims{{"acme", partner.id, noon.Add(-31 * 24 * time.Hour)}}, eva, "bo", rules.Hidden},
		{"kept for an hour, two hours ago", time.Hour, []claims{{"acme", partner.id, noon.Add(-2 * time.Hour)}}, eva, "bo", rules.Hidden},
		{"not kept", -1, []claims{partner}, eva, "bo", rules.Hidden},
		{"in another group since", 0, []claims{partner, {"acme", signin.Identity{Subject: "b", Email: "bo@acme.example", EmailVerified: true, Groups: []string{"others"}}, noon}}, eva, "bo", rules.Hidden},
		{"address not verified", 0, []claims{{"acme", signin.Identity{Subject: "b", Email: "bo@acme.example", Groups: []string{"partners"}}, noon}}, eva, "bo", rules.Hidden},
		{"another provider's group of the name", 0, []claims{{"corp", signin.Identity{Subject: "b", Email: "zq@corp.example", EmailVerified: true, Groups: []string{"partners"}}, noon}}, eva, "zq", rules.Hidden},
		{"internal by a provider trusted for it", 0, []claims{{"corp", signin.Identity{Subject: "z", Username: "zq", Groups: []string{"staff"}}, noon}}, eva, "zq", rules.Visible},
		{"internal by one that is not", 0, []claims{{"acme", signin.Identity{Subject: "m", Email: "mal@acme.example", EmailVerified: true, Groups: []string{"staff"}}, noon}}, eva, "mal", rules.Hidden},
		{"another's view of the viewer gives him nothing", 0, []claims{partner}, bo, "eva", rules.Hidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st, err := store.Open(t.Context(), "sqlite::memory:", store.Options{SweepEvery: -1})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = st.Close() }()
			st.KeepClaims(tt.keep)
			for _, c := range tt.claims {
				data, _ := json.Marshal(c.id)
				if err := st.RememberClaims(t.Context(), store.ClaimsRecord{Provider: c.provider, Subject: c.id.Subject, Claims: data, Seen: c.seen}); err != nil {
					t.Fatal(err)
				}
			}
			dir, err := directory.New(directory.Config{Profile: policy.Profile, Seed: seed})
			if err != nil {
				t.Fatal(err)
			}
			link := func(provider string, id signin.Identity) string {
				user, _ := new(rules.Linker).User(policy, dir.Facts(), rules.Viewer{Provider: provider, Subject: id.Subject, Email: id.Email, EmailVerified: id.EmailVerified}, id.Username)
				return user
			}
			kept, _, err := keptGroups(t.Context(), st, link, noon)
			if err != nil {
				t.Fatal(err)
			}
			dir.Keep(kept)
			v, err := rules.NewView(policy, dir.Facts(), tt.viewer, noon)
			if err != nil {
				t.Fatal(err)
			}
			id, _ := dir.Facts().FindUser(rules.UserName, tt.user)
			if got := v.User(id, rules.Context{}); got.Verdict != tt.want {
				t.Errorf("%s is %v (%v), want %v", tt.user, got.Verdict, got.Reason, tt.want)
			}
			acme, _ := dir.Facts().FindSpace(rules.SpaceKey, "ACME")
			if tt.viewer.WikiUser == "bo" && (v.Space(acme).Verdict == rules.Visible || v.Kind() != rules.None) {
				t.Errorf("kept claims let their bearer in: %v", v.Kind())
			}
		})
	}
}

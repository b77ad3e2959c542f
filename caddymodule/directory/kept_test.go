package directory

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/rules"
)

func groupsOf(t *testing.T, f rules.Facts, name string) []string {
	t.Helper()
	id, ok := f.FindUser(rules.UserName, name)
	if !ok {
		t.Fatalf("no user %s", name)
	}
	return f.Users()[id].Groups
}

// TestKeep: kept claims come and go, beside what the wiki says, through reseeds
// and look-ups; a group of the wiki's own is never one.
func TestKeep(t *testing.T) {
	seed := rules.Directory{
		Users:  []rules.UserRecord{{Username: "eva", Groups: []string{"staff", "idp/old"}}, {Username: "bo"}},
		Groups: []rules.GroupRecord{{Name: "staff"}, {Name: "idp/wiki-own"}},
		Spaces: []rules.SpaceRecord{{Key: "ACME"}},
	}
	d, err := New(Config{Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	swaps := 0
	d.OnSwap(func(rules.Facts) { swaps++ })
	check := func(step string, want map[string][]string, wantSwaps int) {
		t.Helper()
		for name, groups := range want {
			if diff := cmp.Diff(groups, groupsOf(t, d.Facts(), name)); diff != "" {
				t.Errorf("%s: %s: %s", step, name, diff)
			}
		}
		if swaps != wantSwaps {
			t.Errorf("%s: %d swaps, want %d", step, swaps, wantSwaps)
		}
	}
	plain := d.Facts()
	d.Keep(nil)
	check("nothing", map[string][]string{"eva": {"staff", "idp/old"}}, 0)
	d.Keep(map[string][]string{"eva": {"idp/old", "idp/partners", "idp/wiki-own"}, "bo": {"idp/partners"}, "nobody": {"idp/x"}, "EVA": {"idp/y"}})
	check("kept", map[string][]string{"eva": {"idp/old", "idp/partners", "staff"}, "bo": {"idp/partners"}}, 1)
	if groupsOf(t, plain, "bo") != nil {
		t.Error("an older generation has changed")
	}
	if d.Facts().(*Generation).Base() == plain.(*Generation).Base() {
		t.Error("a policy bound to the older generation would be taken over")
	}
	d.Keep(map[string][]string{"eva": {"idp/old", "idp/partners", "idp/wiki-own"}, "bo": {"idp/partners"}, "nobody": {"idp/x"}, "EVA": {"idp/y"}})
	check("the same again", nil, 1)
	if err := d.Reseed(seed); err != nil {
		t.Fatal(err)
	}
	check("reseeded", map[string][]string{"bo": {"idp/partners"}}, 2)
	d.mu.Lock()
	d.swap(d.current.Load().with(rules.Directory{Users: []rules.UserRecord{{Username: "bo", Groups: []string{"staff"}}}}, nil, nil))
	d.mu.Unlock()
	check("looked up", map[string][]string{"bo": {"idp/partners", "staff"}}, 3)
	d.Keep(map[string][]string{"bo": {"idp/others"}})
	check("replaced", map[string][]string{"eva": {"idp/old", "staff"}, "bo": {"idp/others", "staff"}}, 4)
	if err := d.Reseed(seed); err != nil {
		t.Fatal(err)
	}
	d.Keep(nil)
	check("gone", map[string][]string{"eva": {"staff", "idp/old"}, "bo": {}}, 6)
}

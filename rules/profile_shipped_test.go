package rules

import (
	"strings"
	"testing"
)

// TestShippedProfiles loads every shipped profile and runs its own examples.
func TestShippedProfiles(t *testing.T) {
	for _, name := range ShippedProfiles() {
		t.Run(name, func(t *testing.T) {
			p, err := LoadProfile(name)
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Examples) == 0 {
				t.Error("the profile has no examples")
			}
			for i := range p.Examples {
				e := &p.Examples[i]
				if wrong := p.CheckExample(e); wrong != "" {
					t.Errorf("example %q: %s", e.Request, wrong)
				}
			}
		})
	}
}

// TestReadmeExamples loads every block of the language's reference.
func TestReadmeExamples(t *testing.T) {
	data, err := shipped.ReadFile("profiles/README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(data), "```yaml\n")[1:]
	if len(blocks) < 8 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for _, b := range blocks {
		b, _, _ = strings.Cut(b, "```")
		first, _, _ := strings.Cut(b, "\n")
		if !strings.HasPrefix(b, "profile:") {
			b = "profile: example\n" + b
		}
		t.Run(first, func(t *testing.T) {
			p, err := ParseProfile("README.md", []byte(b))
			if err != nil {
				t.Fatal(err)
			}
			for i := range p.Examples {
				if wrong := p.CheckExample(&p.Examples[i]); wrong != "" {
					t.Errorf("example %q: %s", p.Examples[i].Request, wrong)
				}
			}
		})
	}
}

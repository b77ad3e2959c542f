package rules

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// section gives the reference's text under a heading.
func section(t *testing.T, doc, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(doc, "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("the reference has no section %q", heading)
	}
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}

// TestReferenceHasEveryKey holds the language reference and the schema
// together, both ways: a row for each key, and no row for what is not there.
func TestReferenceHasEveryKey(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(data)
	var schema struct {
		Properties map[string]any
		Defs       map[string]struct {
			Properties map[string]any
			OneOf      []struct{ Properties map[string]any }
		} `json:"$defs"`
	}
	if err := json.Unmarshal(PolicySchema(), &schema); err != nil {
		t.Fatal(err)
	}
	for def, where := range map[string]string{
		"": "The whole file", "provider": "People", "internal": "People", "extranet": "People", "space": "Spaces", "member": "Spaces",
		"hide": "Spaces", "page": "Pages", "filter": "Filters", "urls": "URLs", "url": "URLs", "show": "Words", "tripwire": "Words",
	} {
		keys := schema.Properties
		if def != "" {
			keys = schema.Defs[def].Properties
			for _, alt := range schema.Defs[def].OneOf {
				if keys == nil {
					keys = alt.Properties
				}
			}
		}
		if len(keys) == 0 {
			t.Errorf("the schema has no keys for %q", def)
		}
		text := section(t, doc, where)
		for key := range keys {
			if !strings.Contains(text, "| `"+key+"` |") {
				t.Errorf("%s: no row for the key %s of %q", where, key, def)
			}
		}
	}
	known := map[string]bool{"view`, `search": true, "comment": true, "mention": true, "write": true, "restrict": true, "assign": true}
	for key := range schema.Properties {
		known[key] = true
	}
	for _, def := range schema.Defs {
		for key := range def.Properties {
			known[key] = true
		}
		for _, alt := range def.OneOf {
			for key := range alt.Properties {
				known[key] = true
			}
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^|]*)` \\|").FindAllStringSubmatch(doc, -1) {
		if !known[row[1]] && !strings.Contains(row[1], ".") {
			t.Errorf("the reference speaks of %q, which the schema does not know", row[1])
		}
	}
}

// TestReferenceExamplesLoad reads every policy in the reference.
func TestReferenceExamplesLoad(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(data), -1)
	if len(blocks) < 6 {
		t.Fatalf("only %d examples found", len(blocks))
	}
	for i, b := range blocks {
		if _, err := ParsePolicy(map[string][]byte{fmt.Sprintf("block%d.yaml", i+1): []byte(b[1])}, nil); err != nil {
			t.Errorf("block %d: %v\n%s", i+1, err, b[1])
		}
	}
}

// TestReferenceNamesConditions holds the reference and the conditions'
// variables together.
func TestReferenceNamesConditions(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	text := section(t, string(data), "Filters")
	for over, vars := range celVars {
		for name := range vars {
			_, field, _ := strings.Cut(name, ".")
			if !strings.Contains(text, "`"+name+"`") && !strings.Contains(text, "`."+field+"`") {
				t.Errorf("%s: %s is not in the reference", over, name)
			}
		}
	}
}

// TestReferencePresets holds the table of presets to what they do.
func TestReferencePresets(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([a-z_.*]+)` \\| (\\S+) \\| (\\S+) \\|$").FindAllStringSubmatch(section(t, string(data), "Presets"), -1)
	if want := reflect.TypeFor[preset]().NumField(); len(rows) != want {
		t.Fatalf("%d rows, want %d", len(rows), want)
	}
	for _, row := range rows {
		for i, name := range []string{"recommended", "strict"} {
			p, err := ParsePolicy(map[string][]byte{"p.yaml": []byte("version: 1\nwiki: confluence-dc\npreset: " + name + "\nspaces: {A: {open_to: public}}\n")}, nil)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{
				"internal.mode": p.Internal.Mode, "extranet.users_see": p.Extranet.UsersSee, "extranet.managers_assign": p.Extranet.ManagersAssign,
				"extranet.people": p.Extranet.People, "extranet.default_role": p.Extranet.DefaultRole, "extranet.archived": p.Extranet.Archived,
				"spaces.*.mentions": p.Spaces[0].Mentions, "tripwire.structure": p.Tripwire.Structure, "tripwire.prose": p.Tripwire.Prose,
			}[row[1]]
			if got != row[2+i] {
				t.Errorf("%s: %s is %q in %s, the reference says %q", name, row[1], got, name, row[2+i])
			}
		}
	}
}

package rules

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPresetsAreDocumented compares the package documentation's table with what
// a policy that leaves everything out means.
func TestPresetsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(doc), "//\tsetting                    recommended    strict\n")
	if !ok {
		t.Fatal("no table of presets in doc.go")
	}
	table, _, _ = strings.Cut(table, "//\n")
	want := map[string][]string{}
	for line := range strings.Lines(table) {
		f := strings.Fields(strings.TrimPrefix(line, "//"))
		want[f[0]] = f[1:]
	}
	got := map[string][]string{}
	for _, name := range []string{"recommended", "strict"} {
		p, err := policyOf(t, "version: 1\nwiki: tables\npreset: "+name+"\nspaces: {A: {}}\n")
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range settings {
			if v := *s.of(p); v != "" && s.path != "wiki" && s.path != "preset" {
				got[s.path] = append(got[s.path], v)
			}
		}
		got["spaces.*.mentions"] = append(got["spaces.*.mentions"], p.Spaces[0].Mentions)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("doc.go (-), presets (+)\n%s", d)
	}
}

// TestSettingsFollowSchema holds the words of settings and the schema's
// enumerations together.
func TestSettingsFollowSchema(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal(PolicySchema(), &doc); err != nil {
		t.Fatal(err)
	}
	deref := func(m map[string]any) map[string]any {
		ref, ok := m["$ref"].(string)
		if !ok {
			return m
		}
		return doc["$defs"].(map[string]any)[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	for _, s := range settings {
		m := doc
		for step := range strings.SplitSeq(s.path, ".") {
			m = deref(m["properties"].(map[string]any)[step].(map[string]any))
		}
		var got []string
		if enum, ok := m["enum"].([]any); ok {
			for _, w := range enum {
				got = append(got, w.(string))
			}
		}
		if d := cmp.Diff(s.words, got); d != "" {
			t.Errorf("%s: settings (-), schema (+)\n%s", s.path, d)
		}
	}
}

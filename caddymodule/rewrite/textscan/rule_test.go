package textscan_test

import (
	"strconv"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/rewrite/textscan"
	"github.com/postern-gateway/postern/rules"
)

func TestRule(t *testing.T) {
	t.Parallel()
	var d rules.Directory
	for _, title := range []string{"Falcon", "EMU", "Project Plan", "Project Emu Plan", "Meridian Meeting Notes", "Harbourlight", "Ab9x", "Straße", "Σίσυφος"} {
		d.Content = append(d.Content, rules.ContentRecord{ID: "7000" + strconv.Itoa(len(d.Content)), Type: "page", Space: "S", Title: title})
	}
	d.Spaces = []rules.SpaceRecord{{Key: "S", ID: "1", Name: "S"}}
	f, err := directory.NewGeneration(d, directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name       string
		rule       textscan.Rule
		text, want string
	}{
		{"the default", textscan.Rule{}, "Falcon, EMU, Project Plan, Harbourlight", "Falcon, EMU, Project Plan, […]"},
		{"a word", textscan.Rule{Distinctive: []string{"falcon"}}, "FALCON and falcons", "[…] and falcons"},
		{"a short word", textscan.Rule{Distinctive: []string{"emu"}}, "the Emu", "the […]"},
		{"a word in a longer name", textscan.Rule{Distinctive: []string{"emu"}}, "project emu plan", "[…]"},
		{"ordinary words in a row", textscan.Rule{Distinctive: []string{"Project Plan"}}, "the project plan, a plan, project emu plans", "the […], a plan, project emu plans"},
		{"a word in another spelling", textscan.Rule{Distinctive: []string{"STRASSE"}}, "Straße", "[…]"},
		{"a final sigma", textscan.Rule{Distinctive: []string{"Σίσυφος"}}, "ΣΊΣΥΦΟΣ σίσυφος", "[…] […]"},
		{"fewer letters", textscan.Rule{Letters: 4}, "Falcon Ab9x EMU", "[…] […] EMU"},
		{"more letters", textscan.Rule{Letters: 20}, "Harbourlight", "Harbourlight"},
		{"nothing ordinary", textscan.Rule{}, "Meridian Meeting Notes", "[…]"},
		{"an ordinary word", textscan.Rule{Ordinary: []string{"MERIDIAN"}}, "Meridian Meeting Notes", "Meridian Meeting Notes"},
		{"ordinary and distinctive", textscan.Rule{Ordinary: []string{"falcon"}, Distinctive: []string{"falcon"}}, "Falcon", "[…]"},
	} {
		dict := textscan.Build(f, tt.rule)
		got, _, err := dict.Scan([]byte("<p>"+tt.text+"</p>"), textscan.HTML, textscan.Options{Visible: func(rules.EntityKind, rules.ID) bool { return false }})
		if err != nil || string(got) != "<p>"+tt.want+"</p>" {
			t.Errorf("%s: %s, %v; want %s", tt.name, got, err, tt.want)
		}
	}
}

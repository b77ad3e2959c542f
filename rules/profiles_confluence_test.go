package rules_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/rules"
)

// The profile's own examples hold.
func TestConfluenceExamples(t *testing.T) {
	t.Parallel()
	p, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Examples) < 20 {
		t.Errorf("only %d examples", len(p.Examples))
	}
	for _, ex := range p.Examples {
		if strings.Count(ex.Request, " ") > 1 {
			continue // a body: TestShippedProfiles reads it
		}
		t.Run(ex.Request, func(t *testing.T) {
			method, target, _ := strings.Cut(ex.Request, " ")
			path, query, _ := strings.Cut(target, "?")
			req, err := p.ReadTarget(path, query)
			var m *rules.Match
			why := ""
			if err != nil {
				why = err.Error()
			} else {
				req.Method = method
				var r *rules.Refusal
				if m, r = p.Match(req, nil); r != nil {
					why = r.Reason
				}
			}
			if (ex.Refused == "") != (why == "") || !strings.Contains(why, ex.Refused) {
				t.Fatalf("refused: %q, want %q", why, ex.Refused)
			}
			if m == nil {
				return
			}
			if m.Class != ex.Class {
				t.Errorf("class %s, want %s", m.Class, ex.Class)
			}
			var got []string
			for _, s := range m.Subjects {
				for _, k := range s.Ref.Keys {
					got = append(got, fmt.Sprintf("%s=%s", k.Attr, k.Value))
				}
			}
			want := slices.Clone(ex.Subjects)
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("subjects %q, want %q", got, want)
			}
		})
	}
}

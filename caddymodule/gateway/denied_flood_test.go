package gateway

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/postern-gateway/postern/rules"
)

// TestDeniedFlood: a million made-up requests of one viewer push out nothing
// that others came upon, nor what he came upon more than once, and take no more
// room than the list has.
func TestDeniedFlood(t *testing.T) {
	t.Parallel()
	p, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		t.Fatal(err)
	}
	outlines := p.Outlines()
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	table := newDeniedTable(now)
	add := func(pattern, who string) {
		key := deniedKey{pattern: pattern, kind: "external", rule: "no-route", status: 404}
		table.add(key, viewKey{"idp", who, ""}, "", now, func() Denied { return Denied{Pattern: pattern} })
	}
	var real []string
	for i := range 50 {
		real = append(real, fmt.Sprintf("GET /rest/real/%d", i))
		add(real[i], fmt.Sprintf("viewer %d", i%7))
	}
	for range 2 {
		add("GET /often", "flood")
	}
	// Paths of the profile's own words make the most outlines.
	words := []string{"rest", "api", "content", "pages", "display", "plugins", "spaces", "download", "label", "search", "user", "12", "xyz", "a.b", "x.action", "%"}
	rnd := rand.New(rand.NewPCG(1, 2))
	distinct := map[string]bool{}
	for i := range 1_000_000 {
		req := &rules.Request{Method: "GET"}
		for range 3 + rnd.IntN(6) {
			req.Segments = append(req.Segments, words[rnd.IntN(len(words))])
		}
		pattern := outlines.Of(req).String()
		if len(distinct) < 100_000 {
			distinct[pattern] = true
		}
		add(pattern, "flood")
		if i == 500_000 {
			add("GET /late", "viewer 3")
		}
	}
	report := table.report()
	if len(report.Denied) != maxDenied || len(distinct) < 50*maxDenied {
		t.Fatalf("%d lines of %d outlines", len(report.Denied), len(distinct))
	}
	have := map[string]bool{}
	for i := range report.Denied {
		have[report.Denied[i].Pattern] = true
	}
	for _, want := range append(real, "GET /often", "GET /late") {
		if !have[want] {
			t.Errorf("%s was pushed out", want)
		}
	}
	if report.Dropped == 0 {
		t.Error("nothing is said of what was dropped")
	}
}

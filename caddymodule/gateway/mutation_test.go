package gateway_test

import (
	"bytes"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/rules"
)

// The mutation campaign: every rewriting rule of a shipped profile is switched
// off in turn, and all answers that are at hand go through the gateway again.
// Somebody has to notice: the profile doesn't load, a word that must not leave
// leaves (or the tripwire cuts what the rule cut before), a text that must
// stay is lost, or the answer is another one than it was. What nobody notices
// is a rule without a test, or without a use.
//
//	POSTERN_MUTATE=1 go test ./caddymodule/gateway -run TestMutation -v -timeout 20m
//
// runs all of it and writes testdata/mutation/RESULTS.md; otherwise a sample is
// run, of rules that were noticed.

// trial is one answer on its way to one viewer.
type trial struct {
	name, as string
	serve    func(*gateway.Gateway) *httptest.ResponseRecorder
	// faults says what is wrong with an answer, if somebody wrote that down.
	faults func(*httptest.ResponseRecorder, gateway.Event) []string
}

// outcome is what came of it, as far as it may not change.
type outcome struct {
	status   int
	text     string // headers and body
	tripwire int
	faults   func() int // asked where something differs
}

// stage is a shipped profile with what there is to try it on.
type stage struct {
	profile string
	open    func(p *rules.Profile, as string, observe func(gateway.Event)) (*gateway.Gateway, error)
	trials  []*trial
}

// gateways are those of one mutant, by viewer.
type gateways struct {
	s     *stage
	p     *rules.Profile
	open  map[string]*gateway.Gateway
	event gateway.Event
}

func (g *gateways) try(t *trial) (outcome, error) {
	gw := g.open[t.as]
	if gw == nil {
		var err error
		if gw, err = g.s.open(g.p, t.as, func(e gateway.Event) { g.event = e }); err != nil {
			return outcome{}, err
		}
		g.open[t.as] = gw
	}
	g.event = gateway.Event{}
	w := t.serve(gw)
	o := outcome{status: w.Code, tripwire: g.event.Tripwire}
	if w.Code < 500 { // a 502 has an incident number
		head := w.Header().Clone()
		head.Del("Etag")
		head.Del("X-Request-Id")
		head.Del("Traceparent")
		head.Del("Content-Length")
		o.text = fmt.Sprint(head) + "\n" + w.Body.String()
	}
	event := g.event
	o.faults = func() int {
		if t.faults == nil {
			return 0
		}
		return len(t.faults(w, event))
	}
	return o, nil
}

// How a mutant was noticed, from the surest way to none.
const (
	refused  = "refused to load"
	expected = "against an expectation"
	tripped  = "tripwire"
	differs  = "answer differs"
	survived = "SURVIVED"
)

var noticings = []string{refused, expected, tripped, differs, survived}

// campaign runs mutants of one profile.
type campaign struct {
	*stage
	doc    *yaml.Node
	all    []mutant
	before map[*trial]outcome
}

func newCampaign(t *testing.T, s *stage) *campaign {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("..", "..", "rules", "profiles", s.profile+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	c := &campaign{stage: s, doc: &yaml.Node{}, before: map[*trial]outcome{}}
	if err := yaml.Unmarshal(src, c.doc); err != nil {
		t.Fatal(err)
	}
	c.all = mutants(c.doc.Content[0])
	for range 2 { // twice: what differs by itself is no measure
		g, err := c.gateways()
		if err != nil {
			t.Fatal(err)
		}
		for _, tr := range s.trials {
			o, err := g.try(tr)
			if err != nil {
				t.Fatal(err)
			}
			if was, ok := c.before[tr]; ok && was.text != o.text {
				t.Errorf("%s: two answers of one profile differ: %s", tr.name, diff(was.text, o.text))
			}
			c.before[tr] = o
		}
	}
	return c
}

// gateways loads the profile as it stands now.
func (c *campaign) gateways() (*gateways, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	if err := enc.Encode(inlined(c.doc)); err != nil {
		return nil, err
	}
	p, err := rules.ParseProfile("profile.yaml", b.Bytes())
	if err != nil {
		return nil, err
	}
	return &gateways{s: c.stage, p: p, open: map[string]*gateway.Gateway{}}, nil
}

// run says how a mutant is noticed, and by which trial.
func (c *campaign) run(m *mutant) (how, by string) {
	defer m.mutate()()
	g, err := c.gateways()
	if err != nil {
		return refused, ""
	}
	how = survived
	for i, tr := range c.trials {
		o, err := g.try(tr)
		if err != nil {
			return refused, ""
		}
		before := c.before[tr]
		switch {
		case o.status == before.status && o.text == before.text && o.tripwire == before.tripwire:
			continue
		case o.faults() > before.faults():
			// Who noticed this one may notice its neighbours.
			copy(c.trials[1:i+1], c.trials[:i])
			c.trials[0] = tr
			return expected, tr.name
		case o.tripwire > before.tripwire:
			how, by = tripped, tr.name
		case how == survived:
			how, by = differs, tr.name
		}
	}
	return how, by
}

var resultsFile = filepath.Join("..", "..", "testdata", "mutation", "RESULTS.md")

func TestMutation(t *testing.T) {
	full := os.Getenv("POSTERN_MUTATE") != ""
	if testing.Short() && !full {
		t.Skip("left out by -short")
	}
	results, err := os.ReadFile(resultsFile)
	if err != nil && !full {
		t.Fatal(err)
	}
	why := reasonsToSurvive(t)
	var b strings.Builder
	b.WriteString(resultsHead)
	for _, s := range []*stage{confluenceStage(t), mediawikiStage(t)} {
		t.Run(s.profile, func(t *testing.T) {
			c := newCampaign(t, s)
			count, rest := map[string]int{}, []string(nil)
			for i := range c.all {
				m := &c.all[i]
				if !full && i%sampleEach != 0 {
					continue
				}
				how, by := c.run(m)
				count[how]++
				if full {
					t.Logf("%s.yaml:%d: %s: %s: %s %s", s.profile, m.Line, m.Path, m.What, how, by)
				}
				if how != survived {
					continue
				}
				row := m.row()
				if !full && !strings.Contains(string(results), row) {
					t.Errorf("%s.yaml:%d: nobody notices that %s is %s: add a case to testdata/corpus, or see what \"make mutate\" says", s.profile, m.Line, m.Path, m.What)
				}
				reason := why(s.profile, m)
				if reason == "" {
					count["untested"]++
				}
				rest = append(rest, fmt.Sprintf("| %4d | %s %s |\n", m.Line, row, reason))
			}
			t.Log(len(c.all), "mutants,", len(c.trials), "answers:", count)
			fmt.Fprintf(&b, "\n## %s\n\n%d rules switched off, %d answers.\n\n", s.profile, len(c.all), len(c.trials))
			for _, how := range noticings {
				fmt.Fprintf(&b, "- %s: %d\n", how, count[how])
			}
			fmt.Fprintf(&b, "\nOf those that nobody noticed, %d have no reason beside them: no answer here tries them.\n\n| line | rule | | | why nobody notices |\n|---|---|---|---|---|\n", count["untested"])
			slices.Sort(rest)
			b.WriteString(strings.Join(rest, ""))
		})
	}
	if !full || t.Failed() {
		return
	}
	if err := os.WriteFile(resultsFile, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}

// row is the mutant's line in the results, without what moves when a profile is
// worked on: lines and numbers.
func (m *mutant) row() string {
	rule := []rune(strings.ReplaceAll(m.Rule, "|", "¦"))
	return fmt.Sprintf("%s | %s | `%s` |", stem(m.Path), m.What, string(rule[:min(len(rule), 90)]))
}

// sampleEach: of so many mutants one is run where not all are asked for.
const sampleEach = 29

const resultsHead = `# Mutation campaign

Every rewriting rule of the profiles that ship, switched off in turn: taken out,
or, where what is not named goes anyway, loosened to "plain". For each of these
the answers of the corpus, of the stand-in wiki and of a real MediaWiki, and
made ones (testdata/mediawiki/made.txtar), go through the gateway, and it is noted who notices.

Written by "make mutate" (caddymodule/gateway/mutation_test.go).
`

// stem is a path without the numbers in it.
func stem(path string) string {
	return regexp.MustCompile(`\[\d+\]`).ReplaceAllString(path, "[]")
}

// reasonsToSurvive reads testdata/mutation/equivalent.txt: lines of a regular
// expression over "profile path what: rule", a tab, and why such a mutant can't
// be told from the profile as it is.
func reasonsToSurvive(t *testing.T) func(profile string, m *mutant) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(filepath.Dir(resultsFile), "equivalent.txt"))
	if err != nil {
		t.Fatal(err)
	}
	type reason struct {
		of  *regexp.Regexp
		why string
	}
	var all []reason
	for line := range strings.Lines(string(data)) {
		if of, why, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && !strings.HasPrefix(line, "#") {
			all = append(all, reason{regexp.MustCompile("^(?:" + of + ")"), strings.TrimSpace(why)})
		}
	}
	return func(profile string, m *mutant) string {
		name := fmt.Sprintf("%s %s %s: %s", profile, stem(m.Path), m.What, m.Rule)
		for _, r := range all {
			if r.of.MatchString(name) {
				return r.why
			}
		}
		return ""
	}
}

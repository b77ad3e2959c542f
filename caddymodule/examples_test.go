package caddymodule

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/rules"
)

// TestExamples checks every example policy against the examples' directory,
// and runs the tests that it names.
func TestExamples(t *testing.T) {
	const root = "../rules/examples"
	sets := map[string][]string{}
	found, err := filepath.Glob(root + "/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if !strings.HasSuffix(f, "_test.yaml") {
			sets[filepath.Base(f)] = []string{f}
		}
	}
	sets["many-partners"] = []string{root + "/many-partners/site.yaml", root + "/many-partners/partner-*.yaml"}
	if len(sets) < 7 {
		t.Fatalf("only %d examples found", len(sets))
	}
	for name, files := range sets {
		t.Run(name, func(t *testing.T) {
			for _, f := range files {
				names, _ := filepath.Glob(f)
				for _, f := range names {
					data, err := os.ReadFile(f)
					if err != nil {
						t.Fatal(err)
					}
					line, _, _ := bytes.Cut(data, []byte("\n"))
					schema, ok := strings.CutPrefix(string(line), "# yaml-language-server: $schema=")
					if _, err := os.Stat(filepath.Join(filepath.Dir(f), schema)); !ok || err != nil {
						t.Errorf("%s: the first line names no schema for editors (%v)", f, err)
					}
				}
			}
			p, err := rules.LoadPolicy(files...)
			if err != nil {
				t.Fatal(err)
			}
			if name == "demo.yaml" || name == "mediawiki.yaml" {
				return // of other directories; the demo's and the real wiki's own tests run them
			}
			facts, err := factsFrom(root+"/directory.json", p)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range p.Check(facts) {
				if !strings.Contains(w.Error(), "neither internal nor assigned") { // the directory is shared with the other examples
					t.Errorf("check: %v", w)
				}
			}
			if len(p.Tests) == 0 {
				t.Error("it names no tests")
			}
			for _, file := range p.Tests {
				results, err := rules.RunTestFile(file, directory.FactsOf, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				for i := range results {
					if !results[i].OK {
						t.Error(results[i].String())
					}
				}
			}
		})
	}
}

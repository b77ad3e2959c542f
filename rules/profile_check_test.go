package rules

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var updateBroken = flag.Bool("update-broken-profile", false, "write the wanted errors of testdata/broken-profile anew")

// TestBrokenProfiles loads each NAME.yaml of testdata/broken-profile and holds
// every fault, with its place, against NAME.want. What is named …-is-fine has
// none, and nothing else loads.
func TestBrokenProfiles(t *testing.T) {
	files, err := filepath.Glob("../testdata/broken-profile/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			out := &txtar.Archive{Comment: a.Comment}
			in := map[string][]byte{}
			for _, f := range a.Files {
				in[f.Name] = f.Data
			}
			for _, f := range a.Files {
				name, isCase := strings.CutSuffix(f.Name, ".yaml")
				if strings.HasSuffix(f.Name, ".want") {
					continue
				}
				out.Files = append(out.Files, f)
				if !isCase {
					continue
				}
				got := brokenErrors(f.Name, in)
				fine := strings.HasSuffix(name, "fine") || name == "deny"
				if fine != (len(got) == 0) {
					t.Errorf("%s: %s", name, got)
				}
				if !fine {
					out.Files = append(out.Files, txtar.File{Name: name + ".want", Data: got})
				}
				if d := cmp.Diff(string(in[name+".want"]), string(got)); d != "" && !*updateBroken {
					t.Errorf("%s: %s", name, d)
				}
			}
			if *updateBroken {
				if err := os.WriteFile(file, txtar.Format(out), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func brokenErrors(file string, files map[string][]byte) []byte {
	_, err := parseProfile(file, files[file], func(name string) ([]byte, error) {
		data, ok := files[name]
		if !ok {
			return nil, fmt.Errorf("open %s: %w", name, os.ErrNotExist)
		}
		return data, nil
	})
	if err == nil {
		return nil
	}
	return []byte(err.Error() + "\n")
}

// Hostile profiles are refused, or loaded, within bounds of time.
func TestHostileProfiles(t *testing.T) {
	const head = "profile: t\nroutes:\n"
	words := "w0" + strings.Join(make([]string, 15), ",w") // not distinct; refused as such
	var distinct, routes, variants strings.Builder
	for i := range 16 {
		fmt.Fprintf(&distinct, "w%d,", i)
	}
	for i := range 500 {
		fmt.Fprintf(&routes, "  - {match: \"GET /%d/{x:enum(%[2]s)}/{y:enum(%[2]s)}\", class: static}\n", i, strings.TrimSuffix(distinct.String(), ","))
	}
	variants.WriteString(head + "  - match: GET /a\n    by: {param: x, default: v0}\n    variants:\n")
	for i := range 20_000 {
		fmt.Fprintf(&variants, "      v%d: {class: static}\n", i)
	}
	wild := strings.Repeat("  - {match: \"GET /"+strings.Repeat("{a}/", 60)+"\", class: static}\n", 50)
	for _, c := range []struct {
		name, src, want string
	}{
		{"100 MB", "profile: t\nprose: [" + strings.Repeat("x", 100<<20) + "]\n", "larger than"},
		{"enums", head + routes.String(), "the patterns make more than"},
		{"words", head + "  - {match: \"GET /{x:enum(" + words + ")}\", class: static}\n", "twice"},
		{"many variants", variants.String(), ""},
		{"wild", head + wild, "twice"},
		{"long regexp", "profile: t\ntypes: {v: '" + strings.Repeat("a", 3000) + "'}\n", "too long"},
		{"long pattern", head + "  - {match: \"GET /" + strings.Repeat("a/", 100_000) + "b\", class: static}\n", "segments, so that"},
		{"NUL", "profile: t\x00\n", "t.yaml:1"},
		{"not UTF-8", "profile: \xff\n", "not valid UTF-8"},
		{"many faults", head + strings.Repeat("  - {match: GET /a, class: nope}\n", 10_000), "unknown class"},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			_, err := ParseProfile("t.yaml", []byte(c.src))
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %v", took)
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%.500v, want %q", err, c.want)
			}
			if err != nil && strings.Count(err.Error(), "\n") > 2*maxErrors {
				t.Errorf("%d lines of errors", strings.Count(err.Error(), "\n"))
			}
		})
	}
}

// TestReferenceNamesEveryKey holds the language's reference to the schema: what
// a profile can say is explained there.
func TestReferenceNamesEveryKey(t *testing.T) {
	readme, err := shipped.ReadFile("profiles/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range schemaKeys(t) {
		found := false
		for _, form := range []string{"`" + key + "`", "`" + key + ":", key + ":", "`" + key + " "} {
			found = found || bytes.Contains(readme, []byte(form))
		}
		if !found {
			t.Errorf("profiles/README.md does not name %q", key)
		}
	}
}

// TestRoutesHaveExamples: every route of a shipped profile has an example that
// it takes, each variant, special page and part included.
func TestRoutesHaveExamples(t *testing.T) {
	for _, name := range ShippedProfiles() {
		t.Run(name, func(t *testing.T) {
			p, err := LoadProfile(name)
			if err != nil {
				t.Fatal(err)
			}
			taken := map[string]bool{}
			for i := range p.Examples {
				req, err := readRequest(p, p.Examples[i].Request)
				if err != nil {
					continue
				}
				m, _ := p.Match(req, nil)
				if m == nil {
					continue
				}
				taken[m.route.pattern] = true
				for _, part := range m.parts {
					taken[m.route.pattern+" "+part.pattern] = true
				}
			}
			bare := 0
			for _, r := range p.RouteTable() {
				if !taken[r.Pattern] {
					bare++
					t.Errorf("line %d: no example of %s", r.Line, r.Pattern)
				}
			}
			if bare > 0 {
				t.Errorf("%d routes without an example", bare)
			}
		})
	}
}

package rules

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var updateBrokenPolicies = flag.Bool("update-broken-policies", false, "write what is wanted of testdata/broken anew")

// TestBrokenPolicies holds the faults that are told of each case in
// testdata/broken, with their places.
func TestBrokenPolicies(t *testing.T) {
	archives, err := filepath.Glob("../testdata/broken/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	profile := tableFS(t, "../testdata/policy/users.txtar")["profile.yaml"].Data
	n := 0
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		out := &txtar.Archive{Comment: a.Comment}
		for len(a.Files) > 0 {
			n++
			dir, _, _ := strings.Cut(a.Files[0].Name, "/")
			files, want := map[string][]byte{"profile.yaml": profile}, ""
			for len(a.Files) > 0 && strings.HasPrefix(a.Files[0].Name, dir+"/") {
				f := a.Files[0]
				a.Files = a.Files[1:]
				if f.Name == dir+"/want" {
					want = string(f.Data)
					continue
				}
				files[strings.TrimPrefix(f.Name, dir+"/")] = f.Data
				out.Files = append(out.Files, f)
			}
			got := brokenPolicy(t, files)
			out.Files = append(out.Files, txtar.File{Name: dir + "/want", Data: []byte(got)})
			if d := cmp.Diff(want, got); d != "" && !*updateBrokenPolicies {
				t.Errorf("%s: %s: want (-), got (+)\n%s", filepath.Base(name), dir, d)
			}
		}
		if *updateBrokenPolicies {
			if err := os.WriteFile(name, txtar.Format(out), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n < 120 {
		t.Errorf("only %d cases", n)
	}
}

// brokenPolicy gives what check says of files, and of their directory if there
// is one.
func brokenPolicy(t *testing.T, files map[string][]byte) string {
	t.Helper()
	snapshot, withDirectory := files["directory.json"]
	delete(files, "directory.json")
	p, err := ParsePolicy(files, nil)
	var faults Errors
	switch {
	case errors.As(err, &faults):
	case err != nil:
		return err.Error() + "\n"
	default:
		faults = p.Lint(tableTime)
		if withDirectory {
			f, err := newTableFacts(snapshot)
			if err != nil {
				t.Fatal(err)
			}
			faults = Sorted(faults, p.Check(f))
		}
	}
	var b strings.Builder
	for _, e := range faults {
		fmt.Fprintln(&b, e)
		if why := misplaced(e, files); why != "" {
			t.Errorf("%v: %s", e, why)
		}
	}
	return b.String()
}

// misplaced says what is wrong with a fault's place.
func misplaced(e *Error, files map[string][]byte) string {
	data, ok := files[e.File]
	switch {
	case !ok && strings.HasPrefix(e.File, "profiles/"):
		return ""
	case !ok:
		return "no such file"
	case strings.ContainsAny(e.Msg, "\n\r"):
		return "more than one line"
	case e.Line == 0:
		return ""
	}
	lines := lineEnd.Split(string(bytes.TrimPrefix(data, []byte("\ufeff"))), -1)
	if e.Line > len(lines) || e.Col < 1 || e.Col > utf8.RuneCountInString(lines[e.Line-1])+1 {
		return "the place is not in the file"
	}
	return ""
}

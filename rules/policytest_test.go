package rules

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/tools/txtar"
)

// tableTime is what the tables mean by now.
var tableTime = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// tableFS is an archive's files over those that the tables share.
func tableFS(t testing.TB, archive string) fstest.MapFS {
	t.Helper()
	out := fstest.MapFS{}
	for _, name := range []string{filepath.Join(filepath.Dir(archive), "shared.txtar"), archive} {
		a, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range a.Files {
			out[f.Name] = &fstest.MapFile{Data: f.Data, Mode: fs.ModePerm}
		}
	}
	return out
}

func tableFactsOf(data []byte, _ *Profile) (Facts, error) { return newTableFacts(data) }

func TestPolicyTables(t *testing.T) {
	archives, err := filepath.Glob("../testdata/policy/*.txtar")
	if err != nil || len(archives) < 4 {
		t.Fatalf("tables are missing: %v, %v", archives, err)
	}
	for _, a := range archives {
		if filepath.Base(a) == "shared.txtar" {
			continue
		}
		t.Run(filepath.Base(a), func(t *testing.T) {
			results, err := RunTests("cases.yaml", tableFS(t, a), tableFactsOf, tableTime)
			if err != nil {
				t.Fatal(err)
			}
			if len(results) == 0 {
				t.Fatal("no cases")
			}
			for i := range results {
				if !results[i].OK {
					t.Error(results[i].String())
				}
			}
		})
	}
}

func TestRunTestFile(t *testing.T) {
	dir := t.TempDir()
	fsys := tableFS(t, "../testdata/policy/users.txtar")
	write := func(name string, data []byte) {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("policy.yaml", fsys["policy.yaml"].Data)
	write("profile.yaml", fsys["profile.yaml"].Data)
	write("directory.json", fsys["directory.json"].Data)
	const head = "policy: [../p*.yaml]\ndirectory: ../directory.json\n"
	write("tests/t.yaml", []byte(head+"cases:\n- {as: eva, see: {user: bo}, want: visible, because: share a space}\n- {as: eva, see: {user: bo}, want: hidden}\n"+
		"- {as: eva, see: {user: bo}, want: visible, because: another reason}\n- {as: who, see: {user: bo}, want: hidden}\n- {as: eva, see: {}, want: hidden}\n- {as: eva, see: {user: bo}, in: NOWHERE, want: visible}\n"))
	results, err := RunTestFile(filepath.Join(dir, "tests", "t.yaml"), tableFactsOf, tableTime)
	if err != nil {
		t.Fatal(err)
	}
	want := []bool{true, false, false, false, false, false}
	for i, r := range results {
		if r.OK != want[i] || r.Line != 4+i || r.File != filepath.Join(dir, "tests", "t.yaml") {
			t.Error(r.String())
		}
	}
	for text, msg := range map[string]string{
		head + "casse: []\n": `unknown key "casse"; did you mean "cases"?`,
		head + "cases: [{as: eva, see: {user: bo}, want: seen}]\n":       `want: "seen" is none of visible`,
		head + "cases: [{as: eva, see: {user: bo}}]\n":                   `want: say which verdict is expected`,
		head + "cases: [{as: eva, see: {page: x}, want: hidden}]\n":      `unknown key "page"`,
		head + "cases: [{as: eva, at: noon, want: hidden}]\n":            `at: "noon" is no time`,
		"policy: [gone.yaml]\ndirectory: ../directory.json\ncases: []\n": `policy "gone.yaml"`,
		"policy: ['../p*.yaml']\ndirectory: gone.json\ncases: []\n":      `directory:`,
		"cases: []\n": `policy: name the rule files`,
	} {
		write("tests/bad.yaml", []byte(text))
		if _, err := RunTestFile(filepath.Join(dir, "tests", "bad.yaml"), tableFactsOf, tableTime); err == nil || !strings.Contains(err.Error(), msg) {
			t.Errorf("got %v, want %s", err, msg)
		}
	}
}

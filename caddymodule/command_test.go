package caddymodule

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/wikitest"
)

// TestSnapshot reads the stand-in wiki's directory and explains by it.
func TestSnapshot(t *testing.T) {
	wiki := wikitest.NewServer(wikitest.DemoWorld())
	t.Cleanup(wiki.Close)
	t.Setenv("POSTERN_SYNC_TOKEN", wikitest.DemoSyncToken)
	policy := filepath.Join(t.TempDir(), "demo.yaml")
	if err := os.WriteFile(policy, wikitest.DemoPolicy, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, progress bytes.Buffer
	cmd := snapshotCommand()
	cmd.SetArgs([]string{"--rules", policy, "--wiki", wiki.URL})
	cmd.SetOut(&out)
	cmd.SetErr(&progress)
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	if progress.Len() == 0 {
		t.Error("no progress on standard error")
	}
	d, err := directory.ReadSnapshot(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Users) == 0 || len(d.Spaces) == 0 || len(d.Content) == 0 {
		t.Fatalf("snapshot has %d users, %d spaces, %d pages", len(d.Users), len(d.Spaces), len(d.Content))
	}
	file := filepath.Join(t.TempDir(), "directory.json")
	if err := os.WriteFile(file, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out.Reset()
	cmd = explainCommand()
	cmd.SetArgs([]string{"--rules", policy, "--directory", file, "--as", "gus@globex.example", "--space", "ACME"})
	cmd.SetOut(&out)
	if err := cmd.ExecuteContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "hidden: ") {
		t.Errorf("explain says\n%s", &out)
	}
}

// TestArgs: in our own binary the word postern may be left out before its
// commands, and before no other.
func TestArgs(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"postern check --rules x": "postern postern check --rules x",
		"postern demo":            "postern postern demo",
		"postern run":             "postern run",
		"postern validate":        "postern validate",
		"postern postern check":   "postern postern check",
		"postern":                 "postern",
	} {
		if got := Args(strings.Fields(in)); !slices.Equal(got, strings.Fields(want)) {
			t.Errorf("%s became %v", in, got)
		}
	}
}

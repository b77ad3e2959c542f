package caddymodule

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const archivedTest = `An archive of policy, directory and tests.

-- site/extranet.yaml --
version: 1
wiki: confluence-dc
spaces: {ACME: {members: [{email_domain: acme.example}]}}
-- site/directory.json --
{"users": [{"username": "eva", "email": "eva@acme.example"}], "spaces": [{"key": "ACME", "id": "1"}]}
-- tests/one.yaml --
policy: [../site/*.yaml]
directory: ../site/directory.json
cases:
  - {as: eva, see: {space: ACME}, want: visible}
-- tests/two.yaml --
cases: # neither policy nor directory: the archive's own
  - {as: eva, see: {space: ACME}, want: hidden}
`

// TestArchives: each test of an archive runs, and what one of them names or
// leaves out is the archive's.
func TestArchives(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "all.txtar")
	if err := os.WriteFile(file, []byte(archivedTest), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errOut bytes.Buffer
	cmd := testCommand()
	cmd.SetArgs([]string{filepath.Dir(file)})
	cmd.SetOut(&out)
	cmd.SetErr(&errOut)
	if err := cmd.ExecuteContext(t.Context()); err == nil {
		t.Error("a failed case is no failure")
	}
	if s := out.String(); !strings.HasSuffix(s, "1 passed, 1 failed\n") || !strings.Contains(s, "FAIL tests/two.yaml:2: eva sees space ACME\n  - want hidden\n  + got  visible: ") {
		t.Errorf("got %s\n%s", s, &errOut)
	}
}

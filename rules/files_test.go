package rules_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/rules"
)

// TestFiles: what is read at once, its digest, and what it refers to.
func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := func(names ...string) []string {
		for i := range names {
			names[i] = filepath.Join(dir, names[i])
		}
		return names
	}
	write("policy.rules", "version: 1\nwiki: ./site.profile.yaml # ours\ntests: [test.yaml, gone.yaml]\n")
	write("site.profile.yaml", "profile: site\nextends: confluence-dc\n")
	write("test.yaml", "policy: ['*.rules']\ndirectory: sub/directory.json\ncases: []\n")
	files, err := rules.ReadFiles(filepath.Join(dir, "*.rules"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 || files[filepath.Join(dir, "site.profile.yaml")] == nil {
		t.Fatalf("read %d files, want the policy and its profile", len(files))
	}
	want := in("*.rules", "gone.yaml", "site.profile.yaml", "sub/directory.json", "test.yaml")
	if diff := cmp.Diff(want, rules.RelatedFiles(files)); diff != "" {
		t.Errorf("related: (-want +got)\n%s", diff)
	}
	p, err := rules.ParsePolicy(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.Digest() != rules.DigestFiles(files) {
		t.Errorf("the policy's digest is %s, the files' %s", p.Digest(), rules.DigestFiles(files))
	}
	write("site.profile.yaml", "profile: site\nextends: confluence-dc\n# changed\n")
	again, err := rules.LoadPolicy(filepath.Join(dir, "*.rules"))
	if err != nil {
		t.Fatal(err)
	}
	if again.Digest() == p.Digest() {
		t.Error("another profile beside the policy has the same digest")
	}
	// Faulty files refer to something all the same.
	write("policy.rules", "version: one\nwiki: ./site.profile.yaml\ntests: [test.yaml]\nnonsense: true\n")
	files, err = rules.ReadFiles(filepath.Join(dir, "*.rules"))
	if err != nil {
		t.Fatal(err)
	}
	if got := rules.RelatedFiles(files); len(got) != 4 {
		t.Errorf("related to a faulty policy: %v", got)
	}
}

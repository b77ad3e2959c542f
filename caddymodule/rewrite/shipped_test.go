package rewrite_test

import (
	"testing"

	"github.com/postern-gateway/postern/caddymodule/rewrite"
	"github.com/postern-gateway/postern/rules"
)

// TestShippedProfiles compiles the response side of the profiles that ship.
func TestShippedProfiles(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"confluence-dc", "mediawiki"} {
		p, err := rules.LoadProfile(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := rewrite.New(p, rewrite.Options{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

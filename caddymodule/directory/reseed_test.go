package directory_test

import (
	"errors"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/rules"
)

// TestReseed: another directory file is the next generation; one that can't be
// a directory, or holds no space, changes nothing.
func TestReseed(t *testing.T) {
	t.Parallel()
	d, err := directory.New(directory.Config{Profile: &rules.Profile{}, Seed: rules.Directory{Spaces: []rules.SpaceRecord{{Key: "A"}}}})
	if err != nil {
		t.Fatal(err)
	}
	swaps := 0
	d.OnSwap(func(rules.Facts) { swaps++ })
	before := d.Facts()
	if err := d.Reseed(rules.Directory{}); !errors.Is(err, directory.ErrEmptySeed) {
		t.Errorf("an empty file: %v", err)
	}
	if err := d.Reseed(rules.Directory{Spaces: []rules.SpaceRecord{{Key: "A"}, {Key: "A"}}}); err == nil {
		t.Error("two spaces of one key are taken")
	}
	if d.Facts() != before || swaps != 0 {
		t.Error("a faulty file changed the directory")
	}
	if err := d.Reseed(rules.Directory{Spaces: []rules.SpaceRecord{{Key: "B"}}}); err != nil {
		t.Fatal(err)
	}
	_, gone := d.Facts().FindSpace(rules.SpaceKey, "A")
	_, there := d.Facts().FindSpace(rules.SpaceKey, "B")
	if gone || !there || swaps != 1 {
		t.Errorf("A known: %v, B known: %v, %d swaps", gone, there, swaps)
	}
}

package caddymodule

import (
	"errors"

	"github.com/postern-gateway/postern/caddymodule/rewrite"
	"github.com/postern-gateway/postern/rules"
)

// checkProfile compiles what of a profile the rewriters read: selectors, places
// and placeholders, whose grammar is theirs.
func checkProfile(p *rules.Profile) error {
	_, err := rewrite.New(p, rewrite.Options{})
	if at := (*rules.Error)(nil); errors.As(err, &at) {
		return at
	}
	return err //nolint:wrapcheck // says what it was compiling
}

// Package examples holds policy files to read and to start from. They are
// embedded so that the demo needs no file.
package examples

import _ "embed"

// Demo is the policy of the demo: two partners, a handbook for both, and
// spaces that neither may see.
//
//go:embed demo.yaml
var Demo []byte

package rules

import _ "embed"

//go:embed policy.schema.json
var policySchema []byte

// PolicySchema is the published JSON Schema of policy files.
func PolicySchema() []byte { return append([]byte(nil), policySchema...) }

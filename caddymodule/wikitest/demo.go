package wikitest

import (
	_ "embed"
	"slices"

	"github.com/postern-gateway/postern/rules/examples"
)

//go:embed demo/world.yaml
var demoWorld []byte

// DemoPolicy is the policy that goes with [DemoWorld].
var DemoPolicy = slices.Clone(examples.Demo)

// The bearer tokens of the demo world's technical accounts.
const (
	DemoReadToken = "demo-read-token" // serves those who have no account of their own upstream
	DemoSyncToken = "demo-sync-token" // fills the directory
)

// DemoWorld makes a fresh copy of the demo's world.
func DemoWorld() *World {
	w, err := ParseWorld(demoWorld)
	if err != nil {
		panic(err) // embedded, and covered by a test
	}
	return w
}

// Account is somebody to sign in as at the demo.
type Account struct {
	Username, Password string
	Display, Email     string
	Groups             []string // at the identity provider
	Role               string   // what to expect of him, in a few words
}

// DemoAccounts lists the demo's accounts.
func DemoAccounts() []Account {
	return []Account{
		{"ines", "internal-demo", "Ines (internal, partner manager)", "ines@corp.example", []string{"staff"}, "internal: sees what the wiki lets her see, under her own name"},
		{"ana", "acme-demo", "Ana (ACME partner)", "ana@acme.example", []string{"acme"}, "external of ACME, role commenter; reads the handbook too"},
		{"mia", "manager-demo", "Mia (ACME manager)", "mia@acme.example", []string{"acme"}, "external manager of ACME"},
		{"gus", "globex-demo", "Gus (GLOBEX guest)", "gus@globex.example", []string{"globex"}, "read-only guest of GLOBEX"},
	}
}

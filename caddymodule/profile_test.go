package caddymodule

import (
	"strings"
	"testing"

	"github.com/postern-gateway/postern/rules"
)

// What only the rewriters can read is told with its place in the profile too.
func TestCheckProfile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ src, want string }{
		{"html:\n  - {select: 'a[href', always: true, hidden: remove}\n", "p.yaml:3:5: html: "},
		{"html:\n  - {select: a, always: true, hidden: remove}\n  - {select: a, always: true, hidden: {remove: sel}}\n", "p.yaml:4:5: html: "},
		{"prose: ['.a', '.b >']\n", "p.yaml:2:15: prose: "},
		{"shapes:\n  - {entity: user, where: {has: [a]}, keys: {name: a}, hidden: placeholder, placeholder: '{'}\n", "p.yaml:3:5: shapes: "},
		{"feeds:\n  - {entry: 'item <'}\n", "p.yaml:3:5: feeds: "},
		{"scripts:\n  - {select: 'script >', keep: true}\n", "p.yaml:3:5: scripts: "},
	} {
		p, err := rules.ParseProfile("p.yaml", []byte("profile: t\n"+c.src))
		if err != nil {
			t.Errorf("%s: %v", c.src, err)
			continue
		}
		if err := checkProfile(p); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.src, err, c.want)
		}
	}
}

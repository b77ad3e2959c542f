package rewrite_test

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/postern-gateway/postern/caddymodule/rewrite"
)

const besideWorld = `
-- profile.yaml --
profile: beside
versions: ">=1 <2"
routes:
  - match: "GET /page"
    class: content
    params: {id: content.id}
    evidence:
      content: "json:CONF.id"
      also: [{attr: content.id, at: "json:CONF.shown"}, {attr: space.key, at: 'meta[name="space"]@content'}, 'link[rel=canonical]@href']
    response: {types: [html]}
scripts:
  - has: "CONF="
    json: {CONF: {id: plain, shown: plain}}
-- policy.yaml --
version: 1
wiki: profile.yaml
internal: {groups: [wiki/staff], mode: shared-spaces}
spaces:
  ACME:
    members: [{user: wiki/eva}]
-- directory.json --
{"users": [{"username": "eva", "key": "k1"}],
 "spaces": [{"key": "ACME", "id": "1"}, {"key": "HR", "id": "2"}],
 "content": [{"id": "11", "type": "page", "space": "ACME", "title": "Plan"}, {"id": "12", "type": "page", "space": "ACME", "title": "Part"}, {"id": "21", "type": "page", "space": "HR", "title": "Pay"}]}
`

// TestEvidenceBeside: an answer need not say in a further place what it is, but
// what it says there has to be visible.
func TestEvidenceBeside(t *testing.T) {
	t.Parallel()
	w := worldOf(t, txtar.Parse([]byte(besideWorld)))
	for _, tt := range []struct {
		name, head, script string
		gone               bool
	}{
		{"silent", ``, ``, false},
		{"empty", `<meta name="space" content="">`, `,"shown":""`, false},
		{"visible", `<meta name="space" content="ACME">`, `,"shown":12`, false},
		{"hidden page", ``, `,"shown":21`, true},
		{"unknown page", ``, `,"shown":99`, true},
		{"hidden space", `<meta name="space" content="HR">`, ``, true},
		{"unknown space", `<meta name="space" content="NOSUCH">`, ``, true},
		{"visible, then hidden", `<meta name="space" content="ACME"><meta name="space" content="HR">`, `,"shown":12`, true},
		{"address of a visible page", `<link rel="canonical" href="/page?id=12">`, ``, false},
		{"address of a hidden page", `<link rel="canonical" href="/page?id=21">`, ``, true},
		{"address that no route names", `<link rel="canonical" href="/elsewhere">`, ``, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			body := `<html><head>` + tt.head + `</head><body><script>CONF={"id":11` + tt.script + `};</script><p>x</p></body></html>`
			_, err := w.rewriter.Rewrite(context.Background(), w.ask(t, "/page?id=11", "text/html; charset=utf-8", []byte(body)))
			if gone := errors.Is(err, rewrite.ErrNotFound); gone != tt.gone || err != nil && !gone {
				t.Errorf("error %v, want it gone: %v", err, tt.gone)
			}
		})
	}
}

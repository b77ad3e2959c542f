package rewrite_test

import (
	"context"
	"errors"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/postern-gateway/postern/caddymodule/rewrite"
)

const includesWorld = `
-- profile.yaml --
profile: versions
versions: ">=1 <2"
routes:
  - match: "GET /page"
    class: content
    params: {id: content.id, rev: revision.id}
    need_any: [id, rev]
    agree: content
    evidence:
      content: "json:CONF.id"
      includes: {attr: content.id, at: "json:REPORT.shows", match: '^[0-9]+x (.*)$', max: 4}
    response: {types: [html]}
scripts:
  - has: "CONF="
    json: {CONF: {id: plain}, REPORT: {shows: drop}}
-- policy.yaml --
version: 1
wiki: profile.yaml
internal: {groups: [wiki/staff], mode: shared-spaces}
spaces:
  ACME:
    members: [{user: wiki/eva}]
  HR:
    members: [{user: wiki/zoe}]
-- directory.json --
{"users": [{"username": "eva", "key": "k1"}, {"username": "zoe", "key": "k2"}],
 "spaces": [{"key": "ACME", "id": "1"}, {"key": "HR", "id": "2"}],
 "content": [{"id": "11", "type": "page", "space": "ACME", "title": "Plan"}, {"id": "12", "type": "page", "space": "ACME", "title": "Part"}, {"id": "21", "type": "page", "space": "HR", "title": "Pay"}],
 "aliases": [{"id": "900", "of": "11", "kind": "revision"}]}
`

// TestIncludes: what an old version shows of other pages only the answer says.
func TestIncludes(t *testing.T) {
	t.Parallel()
	w := worldOf(t, txtar.Parse([]byte(includesWorld)))
	for _, tt := range []struct {
		name, target, report string
		gone                 bool
	}{
		{"newest, silent", "/page?id=11", ``, false},
		{"newest, visible", "/page?id=11", `"shows":["1x 12"]`, false},
		{"newest, hidden since the last sync", "/page?id=11", `"shows":["1x 12","2x 21"]`, true},
		{"newest, something new that nobody knows", "/page?id=11", `"shows":["1x 77"]`, false},
		{"newest, long list", "/page?id=11", `"shows":["1x 12","1x 12","1x 12"]`, false},
		{"old, nothing", "/page?rev=900", `"shows":[]`, false},
		{"old, nothing that is a name", "/page?rev=900", `"shows":["all 12"]`, false},
		{"old, visible", "/page?rev=900", `"shows":["1x 12"]`, false},
		{"old, references read", "/page?rev=900", `"shows":["1x &#50;1"]`, true},
		{"old, hidden", "/page?rev=900", `"shows":["1x 12","2x 21"]`, true},
		{"old, unknown", "/page?rev=900", `"shows":["1x 77"]`, true},
		{"old, silent", "/page?rev=900", ``, true},
		{"old, perhaps not all", "/page?rev=900", `"shows":["1x 12","1x 12","1x 12"]`, true},
		{"old and by id", "/page?id=11&rev=900", `"shows":["2x 21"]`, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			body := `<html><script>CONF={"id":11};REPORT={` + tt.report + `};</script><p>x</p></html>`
			_, err := w.rewriter.Rewrite(context.Background(), w.ask(t, tt.target, "text/html; charset=utf-8", []byte(body)))
			if gone := errors.Is(err, rewrite.ErrNotFound); gone != tt.gone || err != nil && !gone {
				t.Errorf("error %v, want it gone: %v", err, tt.gone)
			}
		})
	}
}

package guard_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestJSONBodies: a body with more than one reading is refused before anything
// is asked about the route.
func TestJSONBodies(t *testing.T) {
	t.Parallel()
	w := newURLWorld(t, "../../testdata/url/confluence-dc")
	for _, tt := range []struct {
		body string
		ok   bool
	}{
		{`{"a":1,"b":[{"a":2},{"a":3}]}`, true},
		{`{"space":{"key":"ACME"},"title":"Kelvin \u212a"}`, true},
		{` [1, 2.5e3, null, true, "x"] `, true},
		{`{"größe":1,"GRÖSSE":2}`, true}, // no reader folds one letter to two
		{`{"a":1,"a":1}`, false},
		{`{"a":1,"\u0061":2}`, false},
		{`{"a":1,"A":2}`, false},
		{"{\"key\":1,\"\u212aey\":2}", false},
		{`{"key":1,"\u212aEY":2}`, false},
		{"{\"space\":1,\"\u017fpace\":2}", false},
		{`{"spaces":1,"\u017fpace\u017f":2}`, false},
		{"{\"id\":1,\"\u0131d\":2}", false},
		{"{\"ID\":1,\"\u0130D\":2}", false},
		{"{\"größe\":1,\"GRÖßE\":2}", false},
		{"{\"σ\":1,\"ς\":2}", false},
		{`{"x":{"y":[{"z":1,"Z":1}]}}`, false},
		{`{"a":1} {}`, false},
		{`{"a":1,}`, false},
		{`{"a":NaN}`, false},
		{`{"a":01}`, false},
		{`{'a':1}`, false},
		{"\ufeff{}", false},
		{"{\"a\":\"\x00\"}", false},
		{"{}\x00", false},
		{"{\"\xff\":1}", false},
		{strings.Repeat("[", 100) + strings.Repeat("]", 100), false},
		{strings.Repeat("[", 60) + strings.Repeat("]", 60), true},
	} {
		r := httptest.NewRequest(http.MethodPost, "https://site.example/rest/api/content", strings.NewReader(tt.body))
		r.Header.Set("Content-Type", "application/json")
		_, ref := w.guard.Canon(r)
		if (ref == nil) != tt.ok || ref != nil && ref.Status != http.StatusBadRequest {
			t.Errorf("%.60s: %v", tt.body, ref)
		}
	}
}

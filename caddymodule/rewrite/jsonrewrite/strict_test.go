package jsonrewrite_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// refused is what JSON in strings of JSON may not be either; for all else see
// the list of package rewrite, testdata/refused.txt.
var refused = []struct {
	name, src string
	err       error
}{
	{"a name twice in a string's JSON", `{"data":"{\"a\":1,\"a\":2}"}`, edit.ErrAmbiguous},
	{"JSON cut off in a string", `{"data":"{"}`, edit.ErrMalformed},
	{"JSON in a string with a byte order mark", `{"data":"\ufeff{}"}`, edit.ErrAmbiguous},
}

func TestRefused(t *testing.T) {
	t.Parallel()
	p := compiled(t)
	for _, tt := range refused {
		got, _, err := p.Rewrite([]byte("dst"), []byte(tt.src), input(false))
		if !errors.Is(err, tt.err) || string(got) != "dst" {
			t.Errorf("%s: err = %v, want %v; got %.40q", tt.name, err, tt.err, got)
		}
	}
}

// TestTaken: what looks like the above and has one reading alone.
func TestTaken(t *testing.T) {
	t.Parallel()
	p := compiled(t)
	for name, src := range map[string]string{
		"names that differ in case":  `{"start":1,"Start":true}`, // no wiki that we know folds them
		"a name again, further down": `{"limit":1,"body":{"limit":1}}`,
		"numbers as they are":        `{"start":-0,"limit":1E400,"number":0.10e-7}`,
		"a huge number":              `{"start":` + strings.Repeat("9", 5000) + `}`,
		"a pair":                     `{"excerpt":"\ud83d\ude00"}`,
		"DEL and line separators":    "{\"excerpt\":\"\x7f\u2028\"}",
		"an escaped NUL":             `{"excerpt":"\u0000"}`,
		"every escape":               `{"excerpt":"\"\\\/\b\f\n\r\t"}`,
		"as deep as can be":          strings.Repeat("[", 128) + strings.Repeat("]", 128),
		"a literal":                  "null",
	} {
		got, _, err := p.Rewrite(nil, []byte(src), input(true))
		if err != nil || string(got) != src {
			t.Errorf("%s: %v, %.80q", name, err, got)
		}
	}
}

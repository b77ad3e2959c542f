package guard

import (
	"testing"

	"github.com/postern-gateway/postern/rules"
	"github.com/postern-gateway/postern/rules/codec/cql"
)

// Very many visible spaces make several lists, or no hits.
func TestOneOf(t *testing.T) {
	t.Parallel()
	names := []string{"A", "B", "C"}
	for _, c := range []struct {
		bound *rules.NarrowElse
		want  string
	}{
		{nil, `space in ("A", "B", "C")`},
		{&rules.NarrowElse{Over: 3}, `space in ("A", "B", "C")`},
		{&rules.NarrowElse{Over: 2, Split: true}, `space in ("A", "B") or space in ("C")`},
		{&rules.NarrowElse{Over: 2}, ""},
	} {
		got := ""
		if e := oneOf("space", names, c.bound); e != nil {
			got = cql.Narrow(&cql.Query{}, e).String()
		}
		if got != c.want {
			t.Errorf("%+v: %s, want %s", c.bound, got, c.want)
		}
	}
}

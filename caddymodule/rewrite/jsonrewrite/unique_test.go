package jsonrewrite

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// TestManyNames: a name that stands twice is found in about as many steps as
// there are members, wherever it stands, and however often memory is used.
func TestManyNames(t *testing.T) {
	t.Parallel()
	tp := tape{p: &Program{table: newNameTable(nil), bits: []uint16{0}}}
	for _, n := range []int{7, 1_000, 100_000, 300, 8} {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"member%d":[]`, i)
		}
		all := "{" + b.String()[1:]
		tp.names.steps = 0
		if err := tp.read([]byte(all + "}")); err != nil {
			t.Fatal(err)
		}
		if tp.names.steps > 2*n {
			t.Errorf("%d steps for %d members", tp.names.steps, n)
		}
		for _, last := range []string{`"member0":1}`, `"m\u0065mber1":1}`, fmt.Sprintf(`"member%d":1}`, n-1)} {
			if err := tp.read([]byte(all + "," + last)); !errors.Is(err, edit.ErrAmbiguous) {
				t.Errorf("%d members and %s: %v", n, last, err)
			}
		}
		// Another object's names are other names.
		if err := tp.read([]byte("[" + all + "}," + all + "}]")); err != nil {
			t.Error(err)
		}
	}
	tp.names.epoch = 1<<31 - 1 // wraps around
	if err := tp.read([]byte(`[{"a":1,"b":2},{"a":1,"b":2}]`)); err != nil {
		t.Error(err)
	}
}

package xmlrewrite

import (
	"errors"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// refused is what no base of links may be; for all else see the list of package
// rewrite, testdata/refused.txt.
var refused = []struct {
	name, src string
	err       error
}{
	{"a base that is hidden", "<feed xml:base='/secret/'><entry><link href='a'/></entry></feed>", edit.ErrAmbiguous},
	{"an entry's base that is hidden", "<feed><entry xml:base='/secret/'><link href='a'/></entry></feed>", edit.ErrAmbiguous},
	{"an entry's base that is closed", "<feed><entry xml:base='/closed/'><link href='a'/></entry></feed>", edit.ErrAmbiguous},
	{"a base of an entry's link", "<feed><entry><link xml:base='/x' href='/a'/></entry></feed>", edit.ErrAmbiguous},
}

func TestRefused(t *testing.T) {
	t.Parallel()
	p := fakeProgram(t)
	for _, tt := range refused {
		out, _, err := p.Rewrite([]byte("dst"), []byte(tt.src), fakeInput(true))
		if !errors.Is(err, tt.err) || string(out) != "dst" {
			t.Errorf("%s: err = %v, want %v; got %.40q", tt.name, err, tt.err, out)
		}
	}
}

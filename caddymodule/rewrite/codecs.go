package rewrite

import (
	"fmt"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// hiddenRefs reports whether source text in a codec's language refers to
// anything that the viewer may not see.
func (w *work) hiddenRefs(codec string, src []byte) (bool, error) {
	return false, fmt.Errorf("no codec reads %s: %w", codec, edit.ErrAmbiguous)
}

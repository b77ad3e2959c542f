package rewrite

import "github.com/postern-gateway/postern/caddymodule/rewrite/edit"

// buffer holds what a leaf writes.
type buffer struct {
	b     []byte
	asked int // bytes
}

var buffers edit.Pool[buffer]

// getBuffer gives an empty buffer with room for n bytes.
func getBuffer(n int) *buffer {
	b := buffers.Get(n)
	if b == nil {
		b = new(buffer)
	}
	if b.asked = n; cap(b.b) < n {
		b.b = make([]byte, 0, n)
	}
	return b
}

func (b *buffer) release() {
	if b != nil {
		b.b = b.b[:0]
		buffers.Put(b, b.asked, cap(b.b))
	}
}

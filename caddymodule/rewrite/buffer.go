package rewrite

import "sync"

// pooledLimit caps what goes back to the pool, so that one large answer does
// not keep its memory for good.
const pooledLimit = 1 << 20

// buffer holds what a leaf writes.
type buffer struct{ b []byte }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// getBuffer gives an empty buffer with room for n bytes.
func getBuffer(n int) *buffer {
	b := buffers.Get().(*buffer)
	if cap(b.b) < n {
		b.b = make([]byte, 0, n)
	}
	return b
}

func (b *buffer) release() {
	if b != nil && cap(b.b) <= pooledLimit {
		b.b = b.b[:0]
		buffers.Put(b)
	}
}

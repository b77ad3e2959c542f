package edit

import (
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// Bounds of what pools keep of large documents.
const (
	smallScratch = 1 << 20  // bytes; more is large
	maxIdle      = 64 << 20 // bytes, of all pools together, that lie idle
)

// idle counts the bytes of large scratch memory that lie in pools.
var idle atomic.Int64

// Pool keeps scratch memory for use again, by its size: what a large document
// needed goes to large ones, so that small ones neither wait for it nor hold on
// to it. Large memory is kept up to a bound, and until the collector takes it.
// The zero value is ready.
type Pool[T any] struct {
	classes [16]sync.Pool // of *T, by size; those of large memory of *parked[T]
}

// parked is large memory that lies idle.
type parked[T any] struct {
	of     *T
	bytes  int64
	forget runtime.Cleanup
}

// class gives the number of a size: each is four times the one before.
func (p *Pool[T]) class(bytes int) int {
	return min((bits.Len(uint(bytes)>>12)+1)/2, len(p.classes)-1)
}

// Get gives memory for about so many bytes, or nil if there is none.
func (p *Pool[T]) Get(bytes int) *T {
	switch x := p.classes[p.class(bytes)].Get().(type) {
	case *T:
		return x
	case *parked[T]:
		x.forget.Stop()
		idle.Add(-x.bytes)
		return x.of
	}
	return nil
}

// Put gives memory back that was got for so many bytes and takes up size bytes.
func (p *Pool[T]) Put(x *T, bytes, size int) {
	to := &p.classes[p.class(bytes)]
	if size <= smallScratch {
		to.Put(x)
		return
	}
	if idle.Add(int64(size)) > maxIdle {
		idle.Add(-int64(size))
		return
	}
	k := &parked[T]{of: x, bytes: int64(size)}
	// What the collector takes out of the pool is idle no more.
	k.forget = runtime.AddCleanup(k, func(n int64) { idle.Add(-n) }, k.bytes)
	to.Put(k)
}

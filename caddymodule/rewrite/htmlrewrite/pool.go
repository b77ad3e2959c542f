package htmlrewrite

import (
	"math/bits"
	"slices"
	"sync"
)

// pool keeps what the reading of documents needed for later ones. There is one
// store for each class of size, a power of two: a short document does not clear
// what a long one needed, and a long one does not begin with what was enough for
// a short one. What nobody takes for a while is the garbage collector's, as
// sync.Pool has it.
type pool[T any] struct {
	fresh   func() *T
	classes [sizeClasses]sync.Pool
}

// The classes are those of documents of up to 64 KiB, 128 KiB and so on; the last
// one has no end.
const (
	firstClass  = 16 // bits
	sizeClasses = 10
)

// maxPooled is the number of entries of one sort above which the memory of a
// document is not kept, whatever its class.
const maxPooled = 1 << 20

func classOf(size int) int {
	return min(bits.Len(uint(size)>>firstClass), sizeClasses-1)
}

// get gives what is kept for documents of a size.
func (p *pool[T]) get(size int) *T {
	if x, ok := p.classes[classOf(size)].Get().(*T); ok {
		return x
	}
	return p.fresh()
}

// put keeps what a document of a size needed.
func (p *pool[T]) put(size int, x *T) { p.classes[classOf(size)].Put(x) }

// room makes room in s for one more. It doubles what there is: append grows long
// slices by so little that a dense document would be copied over and over. It
// takes the slice's place, since to store a slice anew, for every entry, costs a
// write barrier each while the garbage collector is at work.
func room[T any](s *[]T) {
	if len(*s) == cap(*s) {
		*s = slices.Grow(*s, max(len(*s), 64))
	}
}

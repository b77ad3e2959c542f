package edit

import (
	"runtime"
	"testing"
	"time"
)

// TestPool: memory comes back to documents of its size; of large memory no more
// is kept than the bound, and none once the collector has taken it.
func TestPool(t *testing.T) {
	var p Pool[[]byte]
	if p.Get(1<<20) != nil {
		t.Error("an empty pool gives something")
	}
	large := make([]byte, 4<<20)
	p.Put(&large, 1<<20, len(large))
	if p.Get(10<<10) != nil {
		t.Error("a small document gets what a large one needed")
	}
	if got := p.Get(1 << 20); got != nil && len(*got) != len(large) {
		t.Error("another's memory")
	}
	runtime.GC()
	runtime.GC()
	for range 100 {
		b := make([]byte, 1)
		p.Put(&b, 16<<20, 8<<20)
	}
	if n := idle.Load(); n > maxIdle {
		t.Errorf("%d bytes lie idle", n)
	}
	for range 100 { // cleanups run in their own time
		runtime.GC()
		if idle.Load() == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d bytes are counted that nobody has", idle.Load())
}

package signin

import (
	"sync"
	"sync/atomic"
	"time"
)

// maxCached bounds the sessions in memory; beyond it, one that was not used
// for long gives way. It lives on in the store, but what was under way for it
// is cut off. One takes about 1 KiB.
const maxCached = 50_000

// entry is a session in memory.
type entry struct {
	key     key
	rec     SessionRecord           // without id, claims and tokens; Seen is not kept up
	current atomic.Pointer[Session] // replaced when the claims are
	seen    atomic.Int64            // last use, Unix milliseconds
	stored  atomic.Int64            // the last use that the store knows of
	refresh atomic.Int64            // when a refresh is due, Unix milliseconds; 0: never
	done    chan struct{}
	once    sync.Once
}

// over says whether the session has ended by age or idleness.
func (e *entry) over(now time.Time, idle time.Duration) bool {
	return !now.Before(e.rec.Expires) || now.UnixMilli()-e.seen.Load() >= idle.Milliseconds()
}

func (e *entry) close() { e.once.Do(func() { close(e.done) }) }

// cache holds sessions in memory. gen changes with each removal, so that a
// session read from the store before one is not kept after it.
type cache struct {
	mu      sync.RWMutex
	entries map[key]*entry
	gen     uint64
	closed  bool

	syncMu sync.Mutex
	next   int64        // change of the store to ask from; negative: never asked
	synced atomic.Int64 // when the store was last asked with success, Unix milliseconds
}

func (c *cache) init() {
	c.entries = map[key]*entry{}
	c.next = -1
}

// unsynced is how long ago the store was last asked; a clock that was set back
// counts like one that went on, so that it hides nothing.
func (c *cache) unsynced(now time.Time) time.Duration {
	return (time.Duration(now.UnixMilli()-c.synced.Load()) * time.Millisecond).Abs()
}

func (c *cache) get(k key) *entry {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.entries[k]
}

func (c *cache) generation() uint64 {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.gen
}

// add keeps an entry unless something was removed since gen; if the session is
// there already, the one that is there stays and is returned.
func (c *cache) add(e *entry, gen uint64) (*entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.gen != gen {
		return nil, false
	}
	if old := c.entries[e.key]; old != nil {
		return old, true
	}
	if len(c.entries) >= maxCached {
		c.evict()
	}
	c.entries[e.key] = e
	return e, true
}

// evict removes the least recently used of a few. Go's maps are walked in
// random order.
func (c *cache) evict() {
	var oldest *entry
	n := 0
	for _, e := range c.entries {
		if oldest == nil || e.seen.Load() < oldest.seen.Load() {
			oldest = e
		}
		if n++; n == 16 {
			break
		}
	}
	if oldest != nil {
		delete(c.entries, oldest.key)
		oldest.close()
	}
}

// remove forgets a session and cuts off what is under way for it.
func (c *cache) remove(k key) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen++
	if e := c.entries[k]; e != nil {
		delete(c.entries, k)
		e.close()
	}
}

// removeIf forgets the sessions that f picks, and makes loads under way start
// again: one of them may be such a session's.
func (c *cache) removeIf(f func(*entry) bool) {
	c.bump()
	c.expire(f)
}

// expire forgets the sessions that f picks.
func (c *cache) expire(f func(*entry) bool) {
	var gone []*entry
	c.mu.RLock()
	for _, e := range c.entries {
		if f(e) {
			gone = append(gone, e)
		}
	}
	c.mu.RUnlock()
	if len(gone) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range gone {
		if c.entries[e.key] == e {
			delete(c.entries, e.key)
		}
		e.close()
	}
}

// bump makes loads that are under way start again.
func (c *cache) bump() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.gen++
}

func (c *cache) all() []*entry {
	c.mu.RLock()
	defer c.mu.RUnlock()
	out := make([]*entry, 0, len(c.entries))
	for _, e := range c.entries {
		out = append(out, e)
	}
	return out
}

// clear forgets everything for good.
func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.gen++
	for k, e := range c.entries {
		delete(c.entries, k)
		e.close()
	}
}

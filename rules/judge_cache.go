package rules

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
)

// Bounds of what one engine remembers of links: 2 × 64 × 512 verdicts, some
// 30 MB when full.
const (
	linkShards   = 64
	linksPerHalf = 512
	maxSharedURL = 512
)

// linkCache remembers what became of links, for all answers under one engine.
// A view's verdicts never change, so neither does what is kept of them; a newer
// policy, directory or moment comes with other views. Kept is only what
// depends on nothing of the answer: not where a relative reference leads, not a
// sealed cursor, and nothing unknown, which each answer is to ask for.
//
// Each shard has two halves: what was asked for lately, and what was before.
// When the first is full it becomes the second, whose rest is forgotten.
type linkCache struct {
	seed   maphash.Seed
	at     atomic.Pointer[linkPlace]
	shards [linkShards]linkShard
}

// linkPlace is what links of the first answer were relative to. Answers of
// other sites, which one engine serves in tests alone, share nothing.
type linkPlace struct {
	site               *siteIndex
	scheme, host, port string
}

type linkShard struct {
	mu         sync.RWMutex
	young, old map[linkKey]Link
}

type linkKey struct {
	view *View
	ctx  Context
	raw  string
}

func newLinkCache() *linkCache { return &linkCache{seed: maphash.MakeSeed()} }

// serves reports whether answers at this place may share what is kept.
func (c *linkCache) serves(p linkPlace) bool {
	if c == nil {
		return false
	}
	first := c.at.Load()
	if first == nil {
		c.at.CompareAndSwap(nil, &p)
		first = c.at.Load()
	}
	return *first == p
}

func (c *linkCache) shard(raw string) *linkShard {
	return &c.shards[maphash.String(c.seed, raw)%linkShards]
}

func (c *linkCache) get(k linkKey) (Link, bool) {
	s := c.shard(k.raw)
	s.mu.RLock()
	l, ok := s.young[k]
	if ok {
		s.mu.RUnlock()
		return l, true
	}
	l, ok = s.old[k]
	s.mu.RUnlock()
	if ok {
		s.put(k, l) // in use
	}
	return l, ok
}

func (c *linkCache) put(k linkKey, l Link) { c.shard(k.raw).put(k, l) }

func (s *linkShard) put(k linkKey, l Link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.young) >= linksPerHalf {
		s.young, s.old = nil, s.young
	}
	if s.young == nil {
		s.young = make(map[linkKey]Link)
	}
	s.young[k] = l
}

// shareable reports whether a URL leads to the same place from every page of
// the site: it begins with a slash, or with a scheme and a host.
func shareable(raw string) bool {
	return raw != "" && len(raw) <= maxSharedURL &&
		(raw[0] == '/' || strings.HasPrefix(raw, "https://") || strings.HasPrefix(raw, "http://"))
}

// shared judges a URL by what is kept, or keeps the verdict.
func (j *Judge) shared(raw string) Link {
	k := linkKey{j.view, j.ctx, raw}
	if l, ok := j.cache.get(k); ok {
		return l
	}
	if l, ok := j.links[raw]; ok {
		return l
	}
	// The verdict names parts of the URL, and the URL may be a part of an
	// answer whose memory is used again.
	k.raw = strings.Clone(raw)
	j.own = false
	l := j.judge(k.raw, &j.page)
	if j.own {
		j.remember(k.raw, l)
	} else {
		j.cache.put(k, l)
	}
	return l
}

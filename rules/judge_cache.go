package rules

import (
	"hash/maphash"
	"strings"
	"sync/atomic"
)

// Bounds of what one engine remembers of links: 64 × 512 verdicts, some 15 MB
// when full.
const (
	linkPages    = 64
	linksPerPage = 512
	linkPlaces   = 4 // of one verdict
	maxSharedURL = 512
)

// linkCache remembers what became of links, for all answers under one engine.
// A view's verdicts never change, so neither does what is kept of them; a newer
// policy, directory or moment comes with other views. Kept is only what
// depends on nothing of the answer: not where a relative reference leads, not a
// sealed cursor, and nothing unknown, which each answer is to ask for.
//
// It is a table with a few places for each verdict, by hash, without a lock.
// Pages of it are made when they are first written to. Where all places are
// taken, what is new takes the first of them.
type linkCache struct {
	seed  maphash.Seed
	at    atomic.Pointer[linkPlace]
	views atomic.Uint64
	pages [linkPages]atomic.Pointer[linkPage]
}

type linkPage [linksPerPage]atomic.Pointer[linkEntry]

// linkPlace is what links of the first answer were relative to. Answers of
// other sites, which one engine serves in tests alone, share nothing.
type linkPlace struct {
	site               *siteIndex
	scheme, host, port string
}

type linkEntry struct {
	linkKey
	link Link
}

type linkKey struct {
	view  *View
	ctx   Context
	below bool // judged by BelowBase
	raw   string
}

func newLinkCache() *linkCache { return &linkCache{seed: maphash.MakeSeed()} }

// salt gives a view its number among those of one engine, by which the places
// of its links differ from another's.
func (c *linkCache) salt() uint64 { return c.views.Add(1) }

// serves reports whether answers at this place may share what is kept.
func (c *linkCache) serves(p linkPlace) bool {
	if c == nil {
		return false
	}
	if c.at.Load() == nil {
		c.at.CompareAndSwap(nil, &linkPlace{p.site, p.scheme, p.host, p.port})
	}
	return *c.at.Load() == p
}

// where gives the page of a key and its first place there; the others are its
// neighbours.
func (c *linkCache) where(k *linkKey) (*atomic.Pointer[linkPage], uint64) {
	h := k.view.salt<<32 ^ uint64(uint32(k.ctx.Space))<<2
	if k.ctx.Candidate {
		h |= 1
	}
	if k.below {
		h |= 2
	}
	h = (maphash.String(c.seed, k.raw) ^ h) * 0x9e3779b97f4a7c15
	return &c.pages[h>>58], h >> 40 % linksPerPage
}

func (c *linkCache) get(k *linkKey) *Link {
	at, i := c.where(k)
	page := at.Load()
	if page == nil {
		return nil
	}
	for n := range uint64(linkPlaces) {
		if e := page[i^n].Load(); e != nil && e.linkKey == *k {
			return &e.link
		}
	}
	return nil
}

func (c *linkCache) put(k *linkKey, l Link) {
	at, i := c.where(k)
	page := at.Load()
	if page == nil {
		at.CompareAndSwap(nil, new(linkPage))
		page = at.Load()
	}
	e := &linkEntry{*k, l}
	for n := range uint64(linkPlaces) {
		if page[i^n].CompareAndSwap(nil, e) {
			return
		}
	}
	page[i].Store(e)
}

// shareable reports whether a URL leads to the same place from every page of
// the site: it begins with a slash, or with a scheme and a host.
func shareable(raw string) bool {
	return raw != "" && len(raw) <= maxSharedURL &&
		(raw[0] == '/' || strings.HasPrefix(raw, "https://") || strings.HasPrefix(raw, "http://"))
}

// shared judges a URL by what is kept, or keeps the verdict; below: as
// BelowBase does.
func (j *Judge) shared(raw string, below bool) Link {
	k := linkKey{j.view, j.ctx, below, raw}
	if l := j.cache.get(&k); l != nil {
		j.own = false
		return *l
	}
	if !below {
		if l, ok := j.links[raw]; ok {
			j.own = true
			return l
		}
	}
	// The verdict names parts of the URL, and the URL may be a part of an
	// answer whose memory is used again.
	k.raw = strings.Clone(raw)
	j.own = false
	var l Link
	if below {
		l = j.below(k.raw)
	} else {
		l = j.judge(k.raw, &j.page)
	}
	switch {
	case !j.own:
		j.cache.put(&k, l)
	case !below:
		j.remember(k.raw, l)
	}
	return l
}

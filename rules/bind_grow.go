package rules

import (
	"slices"
	"sync/atomic"
)

// maxMissing bounds how many parents that are not known grow asks about.
const maxMissing = 10_000

// grow binds the content that e's generation has beyond the older one that e
// was made for. It reports false where the newer content changes what is bound
// already, so that everything has to be bound anew: a page that a rule or
// another page names and nobody knew, another record of known content, or a
// wiki in which titles and usage decide.
func (e *Engine) grow(older Facts) bool {
	first, contents := len(e.contents), e.f.Contents()
	if !e.plain || len(e.missing) > maxMissing || e.namesNew() {
		return false
	}
	for i := first; i < len(contents); i++ {
		if _, known := older.FindContent(ContentID, contents[i].ID, NoID); known {
			return false
		}
	}
	missing := e.missing
	e.missing, e.anchorOf = make(map[string]bool, len(missing)), map[ID]int32{}
	for id := range missing {
		e.missing[id] = true
	}
	// Engines of one base share what they have in common. Whoever grows first
	// may write behind it; another one takes a copy.
	if !e.tail.CompareAndSwap(int64(first), int64(len(contents))) {
		e.contents, e.anchors = slices.Clone(e.contents), slices.Clone(e.anchors)
		e.tail = newTail(len(contents))
	}
	e.contents = slices.Grow(e.contents, len(contents)-first)[:len(contents)]
	e.reasons = slices.Clip(e.reasons)
	e.bindContentFrom(first)
	for i := first; i < len(contents); i++ {
		if len(contents[i].Includes) > 0 {
			e.contents[i].flags |= flagIncludes
		}
	}
	return true
}

func newTail(n int) *atomic.Int64 {
	var t atomic.Int64
	t.Store(int64(n))
	return &t
}

// namesNew reports that a page which a rule or another page names is another
// one now, or is known now.
func (e *Engine) namesNew() bool {
	for id := range e.missing {
		if _, ok := e.f.FindContent(ContentID, id, NoID); ok {
			return true
		}
	}
	for i := range e.grants {
		if e.findPage(e.p.Pages[i].Content) != e.grants[i].page {
			return true
		}
	}
	for _, s := range e.subtrees {
		if e.findSubtree(s.space, s.name) != s.page {
			return true
		}
	}
	return false
}

// Package edit is what the rewriter's leaves share: the splice list, the judge
// that they ask, the report that they give, and the errors with which they
// refuse a body.
//
// A leaf reads a body once, asks the [Judge] about the references in it, and
// records edits on the original bytes in a [List]. Nothing is rendered anew:
// what no edit names leaves as it came, byte for byte. Start reading at
// [List.Apply].
package edit

import (
	"errors"
	"fmt"
	"slices"
	"sort"
	"sync"
)

// The errors with which a leaf refuses a body. The dispatcher fails closed on
// any error; these say why, for logs and metrics.
var (
	// ErrMalformed: the body is not what its type says.
	ErrMalformed = errors.New("malformed")
	// ErrTooLarge: a bound on size, depth or number of parts was reached.
	ErrTooLarge = errors.New("too large")
	// ErrAmbiguous: the body can be read in two ways.
	ErrAmbiguous = errors.New("ambiguous")
	// ErrOverlap: two edits overlap in part. It is a fault of the leaf or of
	// the profile, never of the body alone.
	ErrOverlap = errors.New("edits overlap")
	// ErrRange: an edit lies outside the source.
	ErrRange = errors.New("edit out of range")
)

// Span is a half-open range of byte offsets.
type Span struct{ Start, End int }

// Len is the number of bytes in the span.
func (s Span) Len() int { return s.End - s.Start }

// Contains reports whether o lies wholly within s.
func (s Span) Contains(o Span) bool { return s.Start <= o.Start && o.End <= s.End }

// List is a set of edits on one source. Edits may be recorded in any order; a
// list is fastest where they come in the order of the source. The zero value is
// empty and ready. A List is not safe for concurrent use.
type List struct {
	edits   []one // in order
	late    []one // recorded behind one that comes after them
	applied []done
	near    int // of applied: where MapPos looked last
}

type one struct {
	start, end int
	seq        int
	with       string
}

// done is an edit as it was applied, for MapPos.
type done struct{ start, end, outStart, outEnd int }

// Replace records that src[start:end] becomes with. An empty range is an
// insertion.
func (l *List) Replace(start, end int, with string) {
	e := one{start, end, l.Len(), with}
	if n := len(l.edits); n > 0 && order(&l.edits[n-1], &e) > 0 {
		l.late = append(l.late, e)
		return
	}
	l.edits = append(l.edits, e)
}

// Delete records that src[start:end] goes.
func (l *List) Delete(start, end int) {
	if start != end {
		l.Replace(start, end, "")
	}
}

// Insert records that s is put before the byte at offset at.
func (l *List) Insert(at int, s string) {
	if s != "" {
		l.Replace(at, at, s)
	}
}

// Len is the number of edits recorded.
func (l *List) Len() int { return len(l.edits) + len(l.late) }

// Mark is a state of a list.
type Mark struct{ edits, late int }

// Mark notes the state that the list is in, for [List.Rewind].
func (l *List) Mark() Mark { return Mark{len(l.edits), len(l.late)} }

// Rewind forgets the edits that were recorded after the mark was made, as
// where the whole that they are parts of goes. Marks made since are void.
func (l *List) Rewind(m Mark) {
	clear(l.edits[m.edits:]) // drop the strings
	clear(l.late[m.late:])
	l.edits, l.late = l.edits[:m.edits], l.late[:m.late]
}

// Reset empties the list and keeps its memory.
func (l *List) Reset() {
	l.Rewind(Mark{})
	l.applied, l.near = l.applied[:0], 0
}

// Apply appends src with all edits done to dst and returns the result. dst and
// src must not share memory.
//
// An edit inside a range that another edit replaces or deletes is dropped: the
// outer one decides. An insertion at either end of such a range is outside of
// it and is kept. Insertions at one place come in the order in which they were
// recorded. Of two edits of the same range a deletion wins, else the later
// recorded one. Ranges that overlap in part are [ErrOverlap]; offsets outside
// src or in the wrong order are [ErrRange]. On error dst is returned unchanged.
func (l *List) Apply(dst, src []byte) ([]byte, error) {
	l.applied, l.near = l.applied[:0], 0
	if l.Len() == 0 {
		return append(dst, src...), nil
	}
	// What is left of the source and what is put in: no less than comes out.
	size, pos := len(src), 0
	for _, es := range [...][]one{l.edits, l.late} {
		for i := range es {
			e := &es[i]
			if e.start < 0 || e.end < e.start || e.end > len(src) {
				return dst, fmt.Errorf("%w: [%d:%d] of %d bytes", ErrRange, e.start, e.end, len(src))
			}
			size += len(e.with)
			if e.start >= pos {
				size -= e.end - e.start
				pos = e.end
			}
		}
	}
	slices.SortFunc(l.late, func(a, b one) int { return order(&a, &b) })
	out := slices.Grow(dst, size)
	s := splice{l: l, src: src, out: out, base: len(dst)}
	edits, late := l.edits, l.late
	for len(edits)+len(late) > 0 {
		var e *one
		if len(late) == 0 || len(edits) > 0 && order(&edits[0], &late[0]) < 0 {
			e, edits = &edits[0], edits[1:]
		} else {
			e, late = &late[0], late[1:]
		}
		if err := s.do(e); err != nil {
			return dst, err
		}
	}
	return append(s.out, src[s.pos:]...), nil
}

// splice is a source on its way through Apply.
type splice struct {
	l        *List
	src, out []byte
	base     int // where out began
	pos      int // of src: what is done
}

// do takes the next edit in order.
func (s *splice) do(e *one) error {
	if e.start < s.pos {
		if e.end <= s.pos {
			return nil // inside, or a second edit of the same range
		}
		return fmt.Errorf("%w: [%d:%d] begins before %d", ErrOverlap, e.start, e.end, s.pos)
	}
	s.out = append(s.out, s.src[s.pos:e.start]...)
	from := len(s.out) - s.base
	s.out = append(s.out, e.with...)
	s.l.applied = append(s.l.applied, done{e.start, e.end, from, len(s.out) - s.base})
	s.pos = e.end
	return nil
}

// order sorts by start; at one start insertions first, as recorded, then the
// longest range, and of equal ranges the winner.
func order(a, b *one) int {
	if a.start != b.start {
		return a.start - b.start
	}
	ai, bi := a.end == a.start, b.end == b.start
	switch {
	case ai && bi:
		return a.seq - b.seq
	case ai:
		return -1
	case bi:
		return 1
	case a.end != b.end:
		return b.end - a.end
	case (a.with == "") != (b.with == ""):
		if a.with == "" {
			return -1
		}
		return 1
	}
	return b.seq - a.seq
}

// MapPos gives the offset in the output of the last Apply, counted from where
// it began to append, that corresponds to offset pos of its source. The start
// of a replaced range maps to the start of its replacement, a place within it
// to the replacement's end, and a place where something was inserted to the
// byte after it.
func (l *List) MapPos(pos int) int {
	i := l.last(pos)
	if i < 0 {
		return pos
	}
	d := &l.applied[i]
	switch {
	case d.start == d.end || pos >= d.end:
		return d.outEnd + pos - d.end
	case pos == d.start:
		return d.outStart
	}
	return d.outEnd
}

// last gives the last applied edit that begins at pos or before it, or -1. Most
// who ask do so in order: the next few edits are looked at before a search.
func (l *List) last(pos int) int {
	from := l.near
	if from < len(l.applied) && l.applied[from].start <= pos {
		for i := from + 1; i <= from+4; i++ {
			if i == len(l.applied) || l.applied[i].start > pos {
				l.near = i - 1
				return i - 1
			}
		}
	}
	i := sort.Search(len(l.applied), func(i int) bool { return l.applied[i].start > pos }) - 1
	l.near = max(i, 0)
	return i
}

// MapSpan maps both ends of a span, see [List.MapPos].
func (l *List) MapSpan(s Span) Span {
	return Span{l.MapPos(s.Start), l.MapPos(s.End)}
}

// Size is about the number of bytes of memory that the list holds.
func (l *List) Size() int { return 48 * (cap(l.edits) + cap(l.late) + cap(l.applied)) }

// maxPooled is the number of edits above which a list is not kept.
const maxPooled = 1 << 18

var lists = sync.Pool{New: func() any { return new(List) }}

// Get takes an empty list from the pool.
func Get() *List { return lists.Get().(*List) }

// Put gives a list back. It must not be used afterwards.
func Put(l *List) {
	if cap(l.edits) > maxPooled || cap(l.late) > maxPooled {
		return
	}
	l.Reset()
	lists.Put(l)
}

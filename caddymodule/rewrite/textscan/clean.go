package textscan

import (
	"bytes"
	"hash/maphash"
)

// clean are pieces of the source that were read with care and in which nothing
// was found, so that one that is spelled and read the same way holds nothing
// either: the links of a page say the same addresses, people and ids again and
// again. A place is taken over by what comes last. Pieces within what was decoded
// are not among them, for what was judged around them counts there.
type clean [512]cleaned

// cleaned is src[from:to], if it isn't empty.
type cleaned struct {
	from, to      int
	of            level
	attr, machine bool
}

var cleanSeed = maphash.MakeSeed()

// once reads what waited with care, unless the same was read before.
func (r *reading) once(w *waiting) {
	s := r.s
	outermost := r.depth == 0 && r.src.pos == nil
	if outermost && w.joint == joined {
		clear(s.judged) // which were of another piece
	}
	if !outermost || w.run {
		r.careful(w)
		return
	}
	b := r.src.b[w.from:w.to]
	if s.clean == nil {
		s.clean = new(clean)
	}
	e := &s.clean[maphash.Bytes(cleanSeed, b)%uint64(len(s.clean))]
	is := cleaned{w.from, w.to, w.of, w.attr, w.machine}
	if was := (cleaned{e.from, e.to, w.of, w.attr, w.machine}); *e == was && bytes.Equal(r.src.b[e.from:e.to], b) {
		return
	}
	struck := s.struck
	r.careful(w)
	if s.struck == struck && s.err == nil {
		*e = is
	}
}

package textscan

import (
	"bytes"
	"strings"

	"github.com/postern-gateway/postern/rules"
)

// maxBoth is of how many bytes a text is at most that looks like markup and is
// read as what it says as well: a title may have angle brackets in it.
const maxBoth = 2048

// maxNesting bounds markup in markup: escaped HTML in a feed in a string.
const maxNesting = 3

// reading is one pass over a source, which knows what is a text by itself. Each
// text, or piece, is passed over by quick; whether the words of many of them
// are names is asked together, and what may hold something is then read with
// care, in order.
type reading struct {
	s     *scan
	src   source
	index index // of src
	depth int
	// text is the run of text that is open, with inline tags in it, which is
	// read as one; parts are its pieces, behind those of the runs that wait.
	text  quick
	parts []part
	open  int     // where the part begins that is being read
	of    level   // the text's
	from  int     // its first part
	glued [2]bool // words of it touch: at a tag, at the edge of a link
	piece quick
	wait  []waiting
}

// part is src.b[from:to] of a run of text; a break of the line is empty, and so
// is the edge of a link.
type part struct {
	from, to int
	edge     bool
}

// joint says how the parts of a run of text that touch are read: what stands
// beside an inline tag may go on with the word before it, or begin another.
type joint uint8

const (
	joined joint = iota
	parted       // at each tag
	linked       // at the edges of links
)

// parts reports whether a word that is open ends before a part: what follows the
// one before without a tag between is the same text, read in two steps.
func (j joint) parts(all []part, i int) bool {
	p := all[i]
	if p.from == p.to {
		return !p.edge || j != joined
	}
	return j == parted && i > 0 && all[i-1].to < p.from
}

// waiting is a text or a piece whose words are still to be asked about.
type waiting struct {
	from, to int // the piece's bytes, or the run's parts
	words    int // of its quick, the first
	of       level
	run      bool // a run of text
	joint    joint
	attr     bool // an attribute's value, a comment, a script
	machine  bool // the value of an attribute for ids
	care     bool // to be read with care
}

// Bounds of what waits.
const (
	maxWait  = 512
	maxAsked = 4096
)

// read gives a reading of a source; done ends it.
func (s *scan) read(src source, depth int) *reading {
	r := s.readings.get()
	r.s, r.src, r.depth, r.of, r.from = s, src, depth, references, 0
	r.parts, r.wait = r.parts[:0], r.wait[:0]
	r.index.from, r.index.to = 0, 0
	r.text.reset(s)
	r.piece.reset(s)
	return r
}

func (r *reading) done() {
	r.close()
	r.settle()
	r.src = source{}
	r.s.readings.put(r)
}

// one looks through src.b[i:j], which is one text by itself: a string, or
// (attr) an attribute's value, a comment, a script.
func (r *reading) one(i, j int, attr, machine bool, of level) {
	if i >= j {
		return
	}
	q := &r.piece // which has begun
	q.dots, q.machine, q.value = true, machine, attr
	q.feed(&r.index, r.src.b, i, j)
	care := q.finish(r.src.b[i:j])
	if !care && q.from == len(q.words) {
		q.begin()
		return
	}
	r.wait = append(r.wait, waiting{from: i, to: j, words: q.from, of: of, attr: attr, machine: machine, care: care})
	q.part()
	if len(r.wait) >= maxWait || len(q.words) >= maxAsked {
		r.settle()
	}
}

// add adds src.b[i:j] to the run of text.
func (r *reading) add(i, j int) {
	if i >= j {
		return
	}
	r.touch(i)
	r.parts = append(r.parts, part{i, j, false})
	r.text.feed(&r.index, r.src.b, i, j)
}

// touch notes whether what begins at i goes on with a word before a tag.
func (r *reading) touch(i int) {
	if len(r.parts) == r.from || !ofWord(r.src.b[i]) {
		return
	}
	edge := false
	for n := len(r.parts) - 1; n >= r.from && (r.parts[n].edge || r.parts[n].from < r.parts[n].to); n-- {
		if p := r.parts[n]; p.edge {
			edge = true
		} else {
			if p.to < i && ofWord(r.src.b[p.to-1]) {
				r.glued[at(edge)] = true
			}
			break
		}
	}
}

// at is 1 at the edge of a link.
func at(edge bool) int {
	if edge {
		return 1
	}
	return 0
}

// ofWord reports whether a byte may be of a word, or of an escape of a letter.
func ofWord(c byte) bool {
	return c == ';' || class[c] == isWord || class[c] == isBeyond || class[c] == isEscape
}

// lineBreak parts words, but not what is read as one text.
func (r *reading) lineBreak(i int) {
	r.parts = append(r.parts, part{i, i, false})
	r.text.end()
}

// edge notes the edge of a link within a run of text.
func (r *reading) edge(i int) {
	if len(r.parts) > r.from {
		r.parts = append(r.parts, part{i, i, true})
	}
}

// close ends the run of text.
func (r *reading) close() {
	for n := len(r.parts) - 1; n >= r.from && r.parts[n].edge; n-- {
		r.parts = r.parts[:n]
	}
	if len(r.parts) == r.from {
		return
	}
	var raw []byte
	if p := r.parts[r.from]; len(r.parts) == r.from+1 {
		raw = r.src.b[p.from:p.to]
	}
	q := &r.text
	waits := r.finish(raw, joined)
	if r.glued[0] || r.glued[1] {
		waits = r.again(parted) || waits
	}
	if r.glued[0] && r.glued[1] {
		waits = r.again(linked) || waits
	}
	r.glued = [2]bool{}
	if !waits {
		r.parts = r.parts[:r.from]
	}
	q.begin()
	r.from = len(r.parts)
	if len(r.wait) >= maxWait || len(q.words) >= maxAsked {
		r.settle()
	}
}

// again passes over the run of text once more, with words that touch at a tag
// read as several.
func (r *reading) again(j joint) bool {
	q := &r.text
	q.begin()
	parts := r.parts[r.from:]
	for i, p := range parts {
		if j.parts(parts, i) {
			q.end()
		}
		q.feed(&r.index, r.src.b, p.from, p.to)
	}
	return r.finish(nil, j)
}

// finish ends a pass over the run of text, and says whether it waits.
func (r *reading) finish(raw []byte, j joint) bool {
	q := &r.text
	care := q.finish(raw)
	if !care && q.from == len(q.words) {
		return false
	}
	r.wait = append(r.wait, waiting{from: r.from, to: len(r.parts), words: q.from, of: r.of, run: true, joint: j, attr: r.src.attr, care: care})
	q.part()
	return true
}

// settle asks about the words of what waits, and reads with care what may hold
// something.
func (r *reading) settle() {
	r.ask(&r.text, true)
	r.ask(&r.piece, false)
	for i := range r.wait {
		if w := &r.wait[i]; w.care && r.s.err == nil {
			r.once(w)
		}
	}
	r.wait = r.wait[:0]
	if r.from > 0 {
		r.parts = append(r.parts[:0], r.parts[r.from:]...)
		r.from = 0
	}
}

// ask marks what the words of one quick say is to be read with care, and
// forgets them.
func (r *reading) ask(q *quick, run bool) {
	if s := r.s; s.d != nil && q.from > 0 {
		s.look(q.words[:q.from])
		i := 0
		for _, f := range s.found {
			if f.hidden == rules.NoEntity {
				continue
			}
			last := i
			for ; i < len(r.wait) && (r.wait[i].run != run || r.wait[i].words <= f.from); i++ {
				if r.wait[i].run == run {
					last = i
				}
			}
			r.wait[last].care = true
			i = last
		}
	}
	q.drop()
}

// careful reads what waited with care.
func (r *reading) careful(w *waiting) {
	s := r.s
	parts := []part{{w.from, w.to, false}}
	if w.run {
		parts = r.parts[w.from:w.to]
	}
	before := s.twice
	s.machine, s.twice = w.machine, before || w.joint != joined
	depth := r.depth
	if s.within(&r.src, parts, depth, w.attr, w.of) {
		depth = maxNesting
	} else {
		s.urls(&r.src, parts, w.of, w.attr)
	}
	if depth < maxNesting || parts[len(parts)-1].to-parts[0].from <= maxBoth {
		u := s.units.get()
		u.reset()
		for i, p := range parts {
			if w.joint.parts(parts, i) {
				u.blank(&r.src, p.from)
			}
			u.raw(r.src, p.from, p.to)
		}
		s.deepest(u)
		s.unit(u, depth, w.attr)
		if !w.run {
			s.dotted(u, depth, w.attr)
		}
		s.units.put(u)
	}
	s.machine, s.twice = false, before
}

// within looks through markup within a text, if that is what it is once its
// own escapes are undone, and no others.
func (s *scan) within(src *source, pieces []part, depth int, attr bool, of level) bool {
	if depth >= maxNesting {
		return false
	}
	u := s.units.get()
	defer s.units.put(u)
	u.reset()
	for _, p := range pieces {
		u.decode(src, p.from, p.to, of)
	}
	if !nested(u.dec) {
		return false
	}
	s.markup(source{b: u.dec, pos: u.pos, end: u.end, attr: attr}, depth+1, false)
	return true
}

// deepest undoes the escapes of what undoing escapes has left: those of a name
// that was escaped for markup, in a string that was escaped for scripts.
func (s *scan) deepest(u *unit) {
	v := s.units.get()
	for range maxNesting {
		if bytes.IndexByte(u.dec, '&') < 0 && bytes.IndexByte(u.dec, '%') < 0 && bytes.IndexByte(u.dec, '\\') < 0 {
			break
		}
		v.reset()
		v.raw(source{b: u.dec, pos: u.pos, end: u.end}, 0, len(u.dec))
		*u, *v = *v, *u
		if len(u.dec) == len(v.dec) {
			break
		}
	}
	s.units.put(v)
}

// deepest is how a name is read in a text: with what looks like escapes undone.
func deepest(name string) string {
	for n := 0; n < maxNesting && strings.ContainsAny(name, `&%\`); n++ {
		var u unit
		u.raw(source{b: []byte(name)}, 0, len(name))
		name = string(u.dec)
	}
	return name
}

// dotted looks through a piece once more, read as an old anchor.
func (s *scan) dotted(u *unit, depth int, attr bool) {
	if s.d != nil && s.err == nil && bytes.IndexByte(u.dec, '.') >= 0 && u.dots() {
		s.unit(u, depth, attr)
	}
}

func nested(b []byte) bool {
	for i := bytes.IndexByte(b, '<'); i >= 0 && i+1 < len(b); {
		if c := b[i+1] | 0x20; c >= 'a' && c <= 'z' || b[i+1] == '/' || b[i+1] == '!' {
			return true
		}
		j := bytes.IndexByte(b[i+1:], '<')
		if j < 0 {
			break
		}
		i += j + 1
	}
	return false
}

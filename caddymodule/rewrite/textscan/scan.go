package textscan

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// ErrRefused: there was a hit, and the policy refuses the answer for it.
var ErrRefused = errors.New("tripwire")

// Format says how the bytes are read.
type Format uint8

// The formats.
const (
	Text Format = iota
	HTML
	XML
	JSON
)

// Mode says what a hit does.
type Mode uint8

// The modes.
const (
	Redact Mode = iota // cut it, count it
	Report             // count it
	Refuse             // refuse the whole answer
)

// Placeholder stands where something was cut.
const Placeholder = "[…]"

// Options say for whom is scanned, and what hits do.
type Options struct {
	// Visible asks the viewer's view. The texts that the questions here are asked
	// with are as [edit.Text] makes them, good until they are answered.
	Visible func(k rules.EntityKind, id rules.ID) bool
	// Identities are looked for everywhere; VisibleIdentity says whether one
	// belongs to somebody whom the viewer may see.
	Identities      []Identity
	VisibleIdentity func(a rules.Attr, value string) bool
	// URLs are looked for everywhere; VisibleURL says of one, absolute or a path,
	// whether the viewer may see all that it leads to and names.
	URLs       *URLShape
	VisibleURL func(url string) bool
	// Prose are the spans of what people wrote; all else is structure.
	Prose []edit.Span
	// Echo are values of this request, decoded.
	Echo []string
	// Marks are highlight marks to read over.
	Marks []string
	// KeysOnly leaves titles and names in words out: for the wiki's own style
	// sheets and scripts, which are full of words.
	KeysOnly             bool
	Structure, ProseMode Mode

	careful bool // read everything with care: what quick may save, tests compare
}

// Hit is one thing found. It names nobody.
type Hit struct {
	Kind  rules.EntityKind
	Zone  string // structure, prose, shape
	Cut   bool
	Start int // in the bytes scanned
}

// maxHits bounds the list of hits; further ones are cut all the same.
const maxHits = 1000

// scan is one pass.
type scan struct {
	d      *Dictionary
	o      *Options
	src    []byte
	hits   []Hit
	cuts   []edit.Span
	first  map[int]bool // starts of cuts that get the placeholder
	echo   [][]uint64
	gone   []edit.Span // what is cut as one: URLs, names with tags in them
	prose  []edit.Span
	struck int // how often something was found that must not leave
	// ascii and run are what a unit has, one of those characters or so long a
	// word, if an identity or a mark may stand in it.
	ascii [2]uint64
	kinds [256]uint8 // as kinds, with the marks of patterns
	run   int
	err   error
	// machine: what is looked through is the value of an attribute for ids
	machine bool
	// twice: it was looked through before, with its words joined otherwise
	twice bool
	scratch
}

// scratch is memory that one pass leaves to the next.
type scratch struct {
	words    []word
	hash     []uint64 // of words
	found    []found
	spotted  []spotting
	units    pool[unit]
	readings pool[reading]
	memo     map[int32]rules.EntityKind // name -> kind hidden, or NoEntity
	// judged are the places of URLs, by a byte of each that it is found by.
	judged  map[int32]bool
	low     []byte // a text in lower case
	url     []byte // one that is judged
	urlWord []word
	urlHash []uint64 // of urlWord
	clean   *clean   // nil before anything is
}

var scans = sync.Pool{New: func() any { return new(scan) }}

// release gives back what s worked with; not that of a source that took a lot, so
// that its memory isn't kept for good.
func (s *scan) release() {
	if len(s.src) <= maxSource && cap(s.words) <= maxRead && cap(s.low) <= maxText {
		s.forget()
		*s = scan{scratch: s.scratch}
		scans.Put(s)
	}
}

// Bounds of a source and of the longest text of it that was read with care,
// within which the memory for it is kept.
const (
	maxSource = 4 << 20
	maxText   = 1 << 20
	maxRead   = 1 << 18
)

// maxKept bounds the maps that are kept: to clear one takes as long as it was
// large.
const maxKept = 1024

// forget takes what was found out in this pass out of what is kept of it.
func (s *scan) forget() {
	if len(s.memo) > maxKept || len(s.judged) > maxKept {
		s.memo, s.judged = nil, nil
	}
	clear(s.memo)
	clear(s.judged)
	if s.clean != nil {
		*s.clean = clean{}
	}
}

// Scan looks through out and returns it with what must not leave cut out; out
// itself if nothing was cut. A nil Dictionary looks for identities alone.
func (d *Dictionary) Scan(out []byte, f Format, o Options) ([]byte, []Hit, error) {
	if d != nil && len(d.names) == 0 {
		d = nil
	}
	s := scans.Get().(*scan)
	defer s.release()
	s.d, s.o, s.src = d, &o, out
	if s.memo == nil {
		s.memo, s.judged = map[int32]rules.EntityKind{}, map[int32]bool{}
	}
	s.prepare()
	s.prose = merged(o.Prose)
	for _, e := range o.Echo {
		var seq []uint64
		for _, w := range split(nil, []byte(e), nil) {
			seq = append(seq, w.hash)
		}
		if len(seq) > 0 && len(seq) <= 32 && len(s.echo) < 64 {
			s.echo = append(s.echo, seq)
		}
	}
	whole := source{b: out}
	switch f {
	case JSON:
		s.json(whole)
	case HTML, XML:
		s.markup(whole, 0, f == XML)
	default:
		s.plain(whole)
	}
	if s.err != nil {
		return nil, s.hits, s.err
	}
	if len(s.cuts) == 0 {
		return out, s.hits, nil
	}
	return s.cut(), s.hits, nil
}

// prepare notes what most units lack of what identities and marks are made of.
func (s *scan) prepare() {
	s.run = math.MaxInt
	for i := range s.o.Identities {
		p := &s.o.Identities[i].pre
		if p.ascii != ([2]uint64{}) {
			s.ascii[0] |= p.ascii[0]
			s.ascii[1] |= p.ascii[1]
		} else {
			s.run = min(s.run, p.run)
		}
	}
	for _, m := range s.o.Marks {
		if m == "" {
			continue
		}
		if c := m[0]; class[c] == isOther {
			s.ascii[c>>6] |= 1 << (c & 63)
		} else {
			s.run = 0
		}
	}
	s.kinds = kinds
	for c := range utf8.RuneSelf {
		if s.ascii[c>>6]>>(c&63)&1 != 0 || s.o.URLs != nil && (c == '/' || c == '?') {
			s.kinds[c] |= isMark
		}
	}
}

// plain looks through text without markup.
func (s *scan) plain(src source) {
	q := &quick{s: s}
	q.begin()
	q.feed(new(index), src.b, 0, len(src.b))
	care := q.finish(src.b)
	if !care && s.d != nil {
		s.look(q.words)
		care = slices.ContainsFunc(s.found, func(f found) bool { return f.hidden != rules.NoEntity })
	}
	if care {
		s.urls(&src, []part{{0, len(src.b), false}}, verbatim, false)
		var u unit
		u.raw(src, 0, len(src.b))
		s.unit(&u, 2, false)
	}
}

// json looks through every string, names of members as well.
func (s *scan) json(src source) {
	r := s.read(src, 0)
	defer r.done()
	for i := 0; i < len(src.b) && s.err == nil; {
		open := bytes.IndexByte(src.b[i:], '"')
		if open < 0 {
			return
		}
		i += open + 1
		j := i
		for {
			n := bytes.IndexByte(src.b[j:], '"')
			if n < 0 {
				j = len(src.b)
				break
			}
			j += n
			slashes := 0
			for j-1-slashes >= i && src.b[j-1-slashes] == '\\' {
				slashes++
			}
			if slashes%2 == 0 {
				break
			}
			j++
		}
		r.one(i, j, false, false, backslashes)
		i = j + 1
	}
}

// pool keeps what a scan uses again and again; markup within markup takes more
// than one at a time.
type pool[T any] struct{ free []*T }

func (p *pool[T]) get() *T {
	if n := len(p.free); n > 0 {
		x := p.free[n-1]
		p.free = p.free[:n-1]
		return x
	}
	return new(T)
}

func (p *pool[T]) put(x *T) { p.free = append(p.free, x) }

// unit looks through one decoded piece of text. attr: it is an attribute's
// value or a script, structure wherever it stands.
func (s *scan) unit(u *unit, depth int, attr bool) {
	if len(u.dec) == 0 || s.err != nil {
		return
	}
	for _, m := range s.o.Marks {
		u.without(m)
	}
	tags, machine := nested(u.dec), s.machine
	if depth < maxNesting && tags {
		s.markup(source{b: u.dec, pos: u.pos, end: u.end, attr: attr}, depth+1, false)
		if len(u.dec) > maxBoth {
			return
		}
	}
	again := tags && depth < maxNesting
	if !again {
		s.shapes(u)
	}
	if s.d == nil {
		return
	}
	s.words = split(s.words[:0], u.dec, nil)
	if machine {
		s.ids(u)
	}
	s.hash = s.hash[:0]
	for _, w := range s.words {
		s.hash = append(s.hash, w.hash)
	}
	s.look(s.hash)
	if len(s.found) == 0 {
		return
	}
	for i := range s.found {
		f := &s.found[i]
		if f.hidden == rules.NoEntity || s.covered(i) || s.echoed(f) {
			continue
		}
		a, b := s.words[f.from].start, s.words[f.to-1].end
		if tags && !inText(u.dec, a, b, again) {
			continue
		}
		zone, mode := "structure", s.o.Structure
		if !attr && s.inProse(int(u.pos[a])) {
			zone, mode = "prose", s.o.ProseMode
		}
		s.hit(u, a, b, f.hidden, zone, mode)
	}
}

// minID and maxID are how many digits an id has that is looked for as such:
// shorter numbers are of everything.
const (
	minID = 6
	maxID = 19
)

// ids looks for ids of hidden content among the words of u.
func (s *scan) ids(u *unit) {
	if s.d.facts == nil || s.o.KeysOnly {
		return
	}
	for _, w := range s.words {
		from, to := number(u.dec[w.start:w.end])
		if from == to {
			continue
		}
		b := u.dec[w.start+from : w.start+to]
		id, ok := s.d.facts.FindContent(rules.ContentID, edit.Text(b), rules.NoID)
		if !ok || s.o.Visible == nil || s.o.Visible(rules.Content, id) || slices.Contains(s.o.Echo, string(b)) {
			continue
		}
		s.hit(u, w.start+from, w.start+to, rules.Content, "structure", s.o.Structure)
	}
}

// number gives where in a word an id may be: its only digits, which letters may
// be glued to, as in "node70002002". Digits here and there are of a hash.
func number(word []byte) (from, to int) {
	for i, c := range word {
		switch {
		case c < '0' || c > '9':
		case from == to:
			from, to = i, i+1
		case to == i:
			to++
		default:
			return 0, 0
		}
	}
	if n := to - from; n < minID || n > maxID {
		return 0, 0
	}
	return from, to
}

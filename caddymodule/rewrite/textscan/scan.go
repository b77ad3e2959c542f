package textscan

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"sort"
	"strings"

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

// Identity is a compiled form that identities take.
type Identity struct {
	attr rules.Attr
	re   *regexp.Regexp
	pre  prefilter
}

// CompileIdentities compiles a profile's patterns.
func CompileIdentities(in []rules.IdentityPattern) ([]Identity, error) {
	var out []Identity
	for _, p := range in {
		re, err := regexp.Compile(p.Match)
		if err != nil {
			return nil, fmt.Errorf("identity %q: %w", p.Name, err)
		}
		a, ok := rules.ParseAttr(p.Attr)
		if !ok || a.Kind() != rules.User {
			return nil, fmt.Errorf("identity %q: %q is no attribute of a user", p.Name, p.Attr)
		}
		pre, err := newPrefilter(p.Match)
		if err != nil {
			return nil, fmt.Errorf("identity %q: %w", p.Name, err)
		}
		out = append(out, Identity{a, re, pre})
	}
	return out, nil
}

// AtDomains is the form of e-mail addresses at domains; not ok for none.
func AtDomains(domains []string) (Identity, bool) {
	var alt []string
	for _, d := range domains {
		if d = strings.ToLower(strings.TrimSpace(d)); d != "" {
			alt = append(alt, regexp.QuoteMeta(d))
		}
	}
	if len(alt) == 0 {
		return Identity{}, false
	}
	match := `(?i)\b([a-z0-9](?:[a-z0-9._%+'-]{0,62}[a-z0-9_+-])?@(?:` + strings.Join(alt, "|") + `))\b`
	re, err := regexp.Compile(match)
	if err != nil {
		return Identity{}, false
	}
	pre, err := newPrefilter(match)
	return Identity{rules.UserEmail, re, pre}, err == nil
}

// Options say for whom is scanned, and what hits do.
type Options struct {
	// Visible asks the viewer's view.
	Visible func(k rules.EntityKind, id rules.ID) bool
	// Identities are looked for everywhere; VisibleIdentity says whether one
	// belongs to somebody whom the viewer may see.
	Identities      []Identity
	VisibleIdentity func(a rules.Attr, value string) bool
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
	d     *Dictionary
	o     *Options
	src   []byte
	hits  []Hit
	cuts  []edit.Span
	first map[int]bool // starts of cuts that get the placeholder
	echo  [][]uint64
	memo  map[int32]rules.EntityKind // name -> kind hidden, or NoEntity
	prose []edit.Span
	words []word
	hash  []uint64 // of words
	found []found
	quick quick
	// ascii and run are what a unit has, one of those characters or so long a
	// word, if an identity or a mark may stand in it.
	ascii [2]uint64
	run   int
	units pool[unit]
	texts pool[text]
	err   error
	// machine: what is looked through is the value of an attribute for ids
	machine bool
}

// found is a name in a text, from word from to before word to.
type found struct {
	from, to int
	hidden   rules.EntityKind
}

// Scan looks through out and returns it with what must not leave cut out; out
// itself if nothing was cut. A nil Dictionary looks for identities alone.
func (d *Dictionary) Scan(out []byte, f Format, o Options) ([]byte, []Hit, error) {
	if d != nil && len(d.names) == 0 {
		d = nil
	}
	s := &scan{d: d, o: &o, src: out}
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
	s.quick.s = s
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
}

// plain looks through text without markup.
func (s *scan) plain(src source) {
	s.quick.reset()
	s.quick.feed(src.b, 0, len(src.b))
	if s.quick.suspicious(src.b) {
		var u unit
		u.raw(src, 0, len(src.b))
		s.unit(&u, 2, false)
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

// cut splices the placeholder in. Overlapping cuts become one.
func (s *scan) cut() []byte {
	slices.SortFunc(s.cuts, func(a, b edit.Span) int { return a.Start - b.Start })
	var list edit.List
	for i := 0; i < len(s.cuts); {
		c, mark := s.cuts[i], s.first[s.cuts[i].Start]
		for i++; i < len(s.cuts) && s.cuts[i].Start < c.End; i++ {
			c.End = max(c.End, s.cuts[i].End)
			mark = mark || s.first[s.cuts[i].Start]
		}
		if mark {
			list.Replace(c.Start, c.End, Placeholder)
		} else {
			list.Delete(c.Start, c.End)
		}
	}
	out, err := list.Apply(make([]byte, 0, len(s.src)), s.src)
	if err != nil { // cuts are disjoint and in range by construction
		s.err = err
	}
	return out
}

// merged sorts spans and joins those that touch.
func merged(in []edit.Span) []edit.Span {
	if len(in) == 0 {
		return nil
	}
	in = slices.Clone(in)
	slices.SortFunc(in, func(a, b edit.Span) int { return a.Start - b.Start })
	out := in[:1]
	for _, s := range in[1:] {
		if last := &out[len(out)-1]; s.Start <= last.End {
			last.End = max(last.End, s.End)
		} else {
			out = append(out, s)
		}
	}
	return out
}

// inProse reports whether an offset of the source lies in prose.
func (s *scan) inProse(at int) bool {
	i := sort.Search(len(s.prose), func(i int) bool { return s.prose[i].Start > at })
	return i > 0 && at < s.prose[i-1].End
}

// unit looks through one decoded piece of text. attr: it is an attribute's
// value or a script, structure wherever it stands.
func (s *scan) unit(u *unit, depth int, attr bool) {
	if len(u.dec) == 0 || s.err != nil {
		return
	}
	for _, m := range s.o.Marks {
		u.without(m)
	}
	if depth < maxNesting && nested(u.dec) {
		inner := source{b: slices.Clone(u.dec), pos: slices.Clone(u.pos), end: slices.Clone(u.end), attr: attr}
		s.markup(inner, depth+1, false)
		return
	}
	s.shapes(u)
	if s.d == nil {
		return
	}
	s.words = split(s.words[:0], u.dec, nil)
	if s.machine {
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
		zone, mode := "structure", s.o.Structure
		if !attr && s.inProse(int(u.pos[a])) {
			zone, mode = "prose", s.o.ProseMode
		}
		s.hit(u, a, b, f.hidden, zone, mode)
	}
}

// look finds the names among words, in their order. Nothing but the filter is
// asked about nearly all of them, in a loop short enough for several of its
// looks at memory to be under way at once.
func (s *scan) look(words []uint64) {
	s.found = s.found[:0]
	var t near
	for i, h := range words {
		if anchors := s.d.filter.push(&t, h); anchors != 0 {
			s.anchors(words, i, anchors)
		}
	}
	if len(s.found) < 2 {
		return
	}
	slices.SortFunc(s.found, func(a, b found) int {
		if a.from != b.from {
			return a.from - b.from
		}
		return a.to - b.to
	})
	s.found = slices.Compact(s.found) // a three may be met twice, by either pair of it
}

// anchors appends the names that may be anchored at a word and those around it
// to found.
func (s *scan) anchors(words []uint64, last int, anchors uint8) {
	if anchors&isName != 0 {
		s.anchored(words, last, 1)
	}
	if anchors&isPair != 0 && last > 0 {
		s.anchored(words, last-1, 2)
	}
	if anchors&isThree != 0 { // the word before the two, or after them
		for at := max(0, last-2); at < last && at+3 <= len(words); at++ {
			if s.d.filter.three(sequence(words[at : at+3])) {
				s.anchored(words, at, 3)
			}
		}
	}
}

// anchored appends the names that are anchored at so many words.
func (s *scan) anchored(words []uint64, at, size int) {
	for n := s.d.anchor(sequence(words[at : at+size])); n >= 0; n = s.d.spots[n].next {
		from := at - int(s.d.spots[n].off)
		to := from + int(s.d.spots[n].n)
		if from < 0 || to > len(words) {
			continue
		}
		if name := s.d.name(sequence(words[from:to])); name >= 0 {
			s.found = append(s.found, found{from, to, s.hidden(name)})
		}
	}
}

// sequence makes one hash of words.
func sequence(words []uint64) uint64 {
	h := uint64(0)
	for _, w := range words {
		h = mix(h, w)
	}
	return h
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
		b := u.dec[w.start:w.end]
		if len(b) < minID || len(b) > maxID || bytes.ContainsFunc(b, func(r rune) bool { return r < '0' || r > '9' }) {
			continue
		}
		id, ok := s.d.facts.FindContent(rules.ContentID, string(b), rules.NoID)
		if !ok || s.o.Visible == nil || s.o.Visible(rules.Content, id) || slices.Contains(s.o.Echo, string(b)) {
			continue
		}
		s.hit(u, w.start, w.end, rules.Content, "structure", s.o.Structure)
	}
}

// hidden says which kind of thing bears the name if nobody visible does.
func (s *scan) hidden(n int32) rules.EntityKind {
	if k, ok := s.memo[n]; ok {
		return k
	}
	k := rules.NoEntity
	for i := n; i >= 0; i = s.d.names[i].next {
		b := &s.d.names[i]
		if s.o.Visible != nil && s.o.Visible(b.kind, b.id) {
			k = rules.NoEntity
			break
		}
		if s.o.KeysOnly && b.weak {
			continue
		}
		k = b.kind
	}
	if s.memo == nil {
		s.memo = map[int32]rules.EntityKind{}
	}
	s.memo[n] = k
	return k
}

// covered reports whether a hit lies within the name of something visible.
func (s *scan) covered(i int) bool {
	f := s.found[i]
	for j := i - 1; j >= 0 && s.found[j].from > f.from-maxWords; j-- {
		if g := s.found[j]; g.hidden == rules.NoEntity && g.to >= f.to {
			return true
		}
	}
	for j := i + 1; j < len(s.found) && s.found[j].from == f.from; j++ {
		if g := s.found[j]; g.hidden == rules.NoEntity && g.to >= f.to {
			return true
		}
	}
	return false
}

// echoed reports whether a hit lies within a value that the viewer sent.
func (s *scan) echoed(f *found) bool {
	for _, e := range s.echo {
		for off := range e {
			from := f.from - off
			if from < 0 || off+f.to-f.from > len(e) || from+len(e) > len(s.words) {
				continue
			}
			same := true
			for k := 0; k < len(e) && same; k++ {
				same = s.words[from+k].hash == e[k]
			}
			if same {
				return true
			}
		}
	}
	return false
}

// shapes cuts what looks like an identity and belongs to nobody visible.
func (s *scan) shapes(u *unit) {
	for i := range s.o.Identities {
		p := &s.o.Identities[i]
		if !p.pre.admits(u.dec) {
			continue
		}
		for _, m := range p.re.FindAllSubmatchIndex(u.dec, -1) {
			a, b := m[0], m[1]
			if len(m) > 3 && m[2] >= 0 {
				a, b = m[2], m[3]
			}
			if a == b {
				continue
			}
			v := string(u.dec[a:b])
			if s.o.VisibleIdentity != nil && s.o.VisibleIdentity(p.attr, v) || slices.Contains(s.o.Echo, v) || v == Placeholder {
				continue
			}
			s.hit(u, a, b, rules.User, "shape", Redact)
		}
	}
}

// hit records a hit on u.dec[a:b] and cuts it if it must go.
func (s *scan) hit(u *unit, a, b int, k rules.EntityKind, zone string, mode Mode) {
	if len(s.hits) < maxHits {
		s.hits = append(s.hits, Hit{Kind: k, Zone: zone, Cut: mode == Redact, Start: int(u.pos[a])})
	}
	switch mode {
	case Refuse:
		if s.err == nil {
			s.err = fmt.Errorf("%w: a %s in %s", ErrRefused, k, zone)
		}
		return
	case Report:
		return
	}
	if s.first == nil {
		s.first = map[int]bool{}
	}
	s.first[int(u.pos[a])] = true
	for i := a; i < b; {
		from, to := u.pos[i], u.end[i]
		for i++; i < b && (u.pos[i] == to || u.pos[i] == u.pos[i-1]); i++ {
			to = u.end[i]
		}
		s.cuts = append(s.cuts, edit.Span{Start: int(from), End: int(to)})
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

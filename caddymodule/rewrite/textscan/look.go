package textscan

import (
	"slices"

	"github.com/postern-gateway/postern/rules"
)

// found is a name in a text, from word from to before word to.
type found struct {
	from, to int
	hidden   rules.EntityKind
}

// look finds the names among words, in their order. Nothing but the filter is
// asked about nearly all of them.
func (s *scan) look(words []uint64) {
	s.found = s.found[:0]
	s.spotted = s.d.filter.spot(words, s.spotted)
	for _, p := range s.spotted {
		s.anchors(words, p.at, p.what)
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
		s.named(words, last, last+1)
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
		s.named(words, from, to)
	}
}

// named appends words to found if they are a name.
func (s *scan) named(words []uint64, from, to int) {
	if name := s.d.name(sequence(words[from:to])); name >= 0 {
		s.found = append(s.found, found{from, to, s.hidden(name)})
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

package textscan

import (
	"github.com/postern-gateway/postern/rules"
)

// Bounds of a dictionary.
const (
	maxWords = 12      // of one name; a longer one is looked for by these
	maxNames = 8 << 20 // beyond, no more titles are taken in
	common   = 80      // a word is common that stands in as many names
	// countShift leaves the bits of a hash that words are counted by.
	countShift = 42
	// maxAnchor is of how many words an anchor is at most.
	maxAnchor = 3
)

// Dictionary holds the distinctive names of one directory generation. It is
// immutable and safe for concurrent use.
//
// A text is full of words and of few names, so each name is found by its anchor:
// its only word, its only two, or the rarest three that stand together. The
// filter says of nearly every place in a text that no name is anchored there,
// looking where it has looked for the words before. Where one of several words
// may be, spots say which words around it to take together, and names whether
// they are one.
type Dictionary struct {
	filter filter
	spots  []spot
	spotAt table
	names  []name
	nameAt table
	facts  rules.Facts
	// Truncated: there were more names than fit.
	Truncated bool
}

// spot is a place of an anchor in names: they begin off words before it, and
// are n words long.
type spot struct {
	key    uint64 // of the anchor
	next   int32  // another spot of the same anchor, or -1
	off, n uint8
}

// name is who bears a name, which is the hash of its words.
type name struct {
	hash uint64
	id   rules.ID
	next int32 // another bearer, or -1
	kind rules.EntityKind
	weak bool // a title or name in words, not a key or address
}

// strength says by which rule a name is judged distinctive.
type strength uint8

const (
	always strength = iota
	ident           // user names, space keys
	person          // display names
	phrase          // titles and names
)

// Build makes the dictionary of a generation under a rule. It takes seconds for a million
// titles: build it off the path of requests.
func Build(f rules.Facts, r Rule) *Dictionary {
	b := &builder{judge: newJudge(r), d: &Dictionary{facts: f}, count: make([]uint32, 1<<(64-countShift))}
	folds()
	single, several := 0, 0
	b.each(f, func(ws []word, _ name) {
		if len(ws) == 1 {
			single++
		} else {
			several++
		}
		for _, w := range ws {
			b.count[w.hash>>countShift]++
		}
	})
	d := b.d
	d.filter = newFilter(single, several)
	for h, n := range b.count {
		if n >= common {
			d.filter.setCommon(uint64(h) << countShift)
		}
	}
	d.names = make([]name, 0, single+several)
	d.nameAt, d.spotAt = newTable(single+several), newTable(several)
	b.each(f, b.add)
	d.filter.seal()
	return d
}

// builder makes a dictionary in two passes over the directory: the first
// counts in how many names a word stands.
type builder struct {
	d     *Dictionary
	judge judge
	count []uint32 // by the upper bits of a word's hash, countShift not among them
	words []word
	one   []word
	whole []rune
}

// each gives the words of every distinctive name.
func (b *builder) each(f rules.Facts, take func([]word, name)) {
	n := 0
	give := func(text string, k rules.EntityKind, id rules.ID, st strength) {
		if text == "" {
			return
		}
		text = deepest(text)
		if n > maxNames {
			b.d.Truncated = true
			return
		}
		who := name{id: id, kind: k, weak: st == phrase || st == person}
		if ws, letters := b.distinctive(text, st); len(ws) > 0 {
			n++
			take(ws, who)
			if len(ws) > 1 && letters >= 10 {
				b.one = split(b.one[:0], []byte(string(b.whole)), nil)
				if len(b.one) == 1 {
					n++
					take(b.one, who)
				}
			}
		}
	}
	for i, u := range f.Users() {
		id := rules.ID(i)
		give(u.Key, rules.User, id, always)
		give(u.AccountID, rules.User, id, always)
		give(u.Email, rules.User, id, always)
		give(u.Username, rules.User, id, ident)
		give(u.DisplayName, rules.User, id, person)
	}
	for i, s := range f.Spaces() {
		id := rules.ID(i)
		give(s.Key, rules.Space, id, ident)
		give(s.Name, rules.Space, id, phrase)
		for _, a := range s.Aliases {
			give(a, rules.Space, id, phrase)
		}
	}
	for i, g := range f.Groups() {
		give(g.Name, rules.Group, rules.ID(i), phrase)
	}
	for i := range f.Contents() {
		give(f.Contents()[i].Title, rules.Content, rules.ID(i), phrase)
	}
}

// add takes one name in.
func (b *builder) add(ws []word, who name) {
	d := b.d
	for _, w := range ws {
		who.hash = mix(who.hash, w.hash)
	}
	slot := d.nameAt.slot(who.hash, func(i int32) uint64 { return d.names[i].hash })
	who.next = -1
	known := *slot != 0
	if known {
		who.next = int32(*slot&placeMask) - 1
		if head := d.names[who.next]; head.id == who.id && head.kind == who.kind {
			return
		}
	}
	d.nameAt.set(slot, who.hash, len(d.names))
	d.names = append(d.names, who)
	if !known {
		b.anchor(ws)
	}
}

// anchor notes by which words a name is found.
func (b *builder) anchor(ws []word) {
	if len(ws) == 1 {
		b.d.filter.addName(ws[0].hash)
		return
	}
	d, at, size := b.d, 0, min(len(ws), maxAnchor)
	for i := range ws[:len(ws)-size+1] {
		if b.rarity(ws[i:i+size]) < b.rarity(ws[at:at+size]) {
			at = i
		}
	}
	key := uint64(0)
	for _, w := range ws[at : at+size] {
		key = mix(key, w.hash)
	}
	if size == 2 {
		b.pair(ws, false)
	} else { // the rarer two of the three
		d.filter.addThree(key)
		two := ws[at : at+2]
		if b.rarity(two) > b.rarity(ws[at+1:at+3]) {
			two = ws[at+1 : at+3]
		}
		b.pair(two, true)
	}
	s := spot{key: key, next: -1, off: uint8(at), n: uint8(len(ws))}
	slot := d.spotAt.slot(key, func(i int32) uint64 { return d.spots[i].key })
	if *slot != 0 {
		first := int32(*slot&placeMask) - 1
		for i := first; i >= 0; i = d.spots[i].next {
			if d.spots[i].off == s.off && d.spots[i].n == s.n {
				return
			}
		}
		s.next = first
	}
	d.spotAt.set(slot, key, len(d.spots))
	d.spots = append(d.spots, s)
}

func (b *builder) pair(ws []word, three bool) {
	b.d.filter.addPair(ws[0].hash, ws[1].hash, three)
}

// names is in how many names a word stands.
func (b *builder) names(w word) int { return int(b.count[w.hash>>countShift]) }

// rarity is the smaller the rarer words are.
func (b *builder) rarity(ws []word) int {
	n := 1
	for _, w := range ws {
		n *= b.names(w)
	}
	return n
}

// anchor gives the first spot of an anchor, or -1.
func (d *Dictionary) anchor(key uint64) int32 {
	return d.spotAt.find(key, func(i int32) uint64 { return d.spots[i].key })
}

// name gives the first bearer of a name, or -1.
func (d *Dictionary) name(hash uint64) int32 {
	return d.nameAt.find(hash, func(i int32) uint64 { return d.names[i].hash })
}

// Len is the number of names held.
func (d *Dictionary) Len() int { return len(d.names) }

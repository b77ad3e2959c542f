package textscan

import (
	"strings"
	"unicode"

	"github.com/postern-gateway/postern/rules"
)

// Bounds of a dictionary.
const (
	maxWords    = 12      // of one name; a longer one is looked for by these
	maxPrefixes = 8 << 20 // nodes; beyond, no more titles are taken in
)

// Dictionary holds the distinctive names of one directory generation. It is
// immutable and safe for concurrent use.
type Dictionary struct {
	// An open-addressed table from the hash of a name's first words to a node.
	keys []uint64
	vals []int32 // index into bearers, or inner
	used int
	// bearers are chained by next: what bears the name.
	bearers []bearer
	scratch []word // while building
	facts   rules.Facts
	// Truncated: there were more names than fit.
	Truncated bool
}

const inner = -1 // a prefix that is no whole name

type bearer struct {
	id   rules.ID
	next int32 // another bearer of the same name, or -1
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

// Build makes the dictionary of a generation. It takes a second or two for a
// million titles: build it off the path of requests.
func Build(f rules.Facts) *Dictionary {
	d := &Dictionary{facts: f}
	d.grow(1 << 10)
	for i, u := range f.Users() {
		id := rules.ID(i)
		d.add(u.Key, rules.User, id, always)
		d.add(u.AccountID, rules.User, id, always)
		d.add(u.Email, rules.User, id, always)
		d.add(u.Username, rules.User, id, ident)
		d.add(u.DisplayName, rules.User, id, person)
	}
	for i, s := range f.Spaces() {
		id := rules.ID(i)
		d.add(s.Key, rules.Space, id, ident)
		d.add(s.Name, rules.Space, id, phrase)
		for _, a := range s.Aliases {
			d.add(a, rules.Space, id, phrase)
		}
	}
	for i, g := range f.Groups() {
		d.add(g.Name, rules.Group, rules.ID(i), phrase)
	}
	for i, c := range f.Contents() {
		if d.used > maxPrefixes {
			d.Truncated = true
			break
		}
		d.add(c.Title, rules.Content, rules.ID(i), phrase)
	}
	d.scratch = nil
	return d
}

func (d *Dictionary) add(name string, k rules.EntityKind, id rules.ID, st strength) {
	if name == "" {
		return
	}
	letters, common, mixed := 0, true, false
	var whole []rune
	ws := split(d.scratch[:0], []byte(name), func(w []rune) {
		hasLetter, hasDigit := false, false
		for _, r := range w {
			hasDigit = hasDigit || unicode.IsDigit(r)
			hasLetter = hasLetter || !unicode.IsDigit(r)
		}
		letters += len(w)
		if len(w) == 1 && alone(w[0]) {
			letters++ // says as much as two letters, or more
		}
		mixed = mixed || hasLetter && hasDigit
		common = common && (!hasLetter || ordinary[string(w)] || len(w) == 1 && w[0] < 0x80)
		whole = append(whole, w...)
	})
	d.scratch = ws
	if len(ws) == 0 || !distinctive(st, len(ws), letters, common, mixed, strings.ContainsAny(name, "0123456789")) {
		return
	}
	b := bearer{id: id, kind: k, weak: st == phrase || st == person}
	h := uint64(0)
	for i, w := range ws[:min(len(ws), maxWords)] {
		h = mix(h, w.hash)
		d.node(h, i == min(len(ws), maxWords)-1, b)
	}
	if len(ws) > 1 && letters >= 10 {
		one := split(nil, []byte(string(whole)), nil)
		if len(one) == 1 {
			d.node(mix(0, one[0].hash), true, b)
		}
	}
}

func distinctive(st strength, words, letters int, common, mixed, digit bool) bool {
	switch st {
	case always:
		return letters >= 4
	case ident:
		return letters >= 4 && (digit || words > 1 || letters >= 8) && !common
	case person:
		return !common && (words > 1 && letters >= 4 || letters >= 8)
	}
	return !common && (letters >= 8 || mixed && letters >= 5)
}

// node finds or makes the node for a hash; whole: a name ends there.
func (d *Dictionary) node(h uint64, whole bool, b bearer) {
	if d.used*4 >= len(d.keys)*3 {
		d.grow(2 * len(d.keys))
	}
	i := d.slot(h)
	if d.keys[i] == 0 {
		d.keys[i], d.vals[i] = nonzero(h), inner
		d.used++
	}
	if !whole {
		return
	}
	b.next = d.vals[i] // inner is -1, the end of the chain
	if b.next >= 0 && d.bearers[b.next].id == b.id && d.bearers[b.next].kind == b.kind {
		return
	}
	d.vals[i] = int32(len(d.bearers))
	d.bearers = append(d.bearers, b)
}

func nonzero(h uint64) uint64 {
	if h == 0 {
		return 1
	}
	return h
}

func (d *Dictionary) slot(h uint64) int {
	h = nonzero(h)
	mask := len(d.keys) - 1
	i := int(h>>17) & mask
	for d.keys[i] != 0 && d.keys[i] != h {
		i = (i + 1) & mask
	}
	return i
}

func (d *Dictionary) grow(n int) {
	keys, vals := d.keys, d.vals
	d.keys, d.vals = make([]uint64, n), make([]int32, n)
	for i, k := range keys {
		if k != 0 {
			j := d.slot(k)
			d.keys[j], d.vals[j] = k, vals[i]
		}
	}
}

// find gives the node for a hash: whether there is one, and its bearers.
func (d *Dictionary) find(h uint64) (first int32, ok bool) {
	if len(d.keys) == 0 {
		return inner, false
	}
	i := d.slot(h)
	if d.keys[i] == 0 {
		return inner, false
	}
	return d.vals[i], true
}

// Len is the number of names held.
func (d *Dictionary) Len() int { return len(d.bearers) }

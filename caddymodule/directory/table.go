package directory

import (
	"hash/maphash"
	"math/bits"
	"unicode"
	"unicode/utf8"

	"github.com/postern-gateway/postern/rules"
	"golang.org/x/text/unicode/norm"
)

// Fold says which spellings of a name are the same to the wiki.
type Fold uint8

// The ways to fold. All of them compare in normal form C.
const (
	// FoldNone compares exactly.
	FoldNone Fold = iota
	// FoldCase compares without regard to case.
	FoldCase
	// FoldName compares without regard to case, and underscores as spaces.
	FoldName
	// FoldFirst compares exactly but for the case of the first letter, and
	// underscores as spaces.
	FoldFirst
)

// rune folds the rune that stands at byte i of a name.
func (f Fold) rune(r rune, i int) rune {
	switch f {
	case FoldCase, FoldName:
		if f == FoldName && r == '_' {
			return ' '
		}
		if r < utf8.RuneSelf {
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			return r
		}
		return unicode.ToLower(unicode.ToUpper(r))
	case FoldFirst:
		switch {
		case r == '_':
			return ' '
		case i > 0:
			return r
		}
		return unicode.ToUpper(r)
	}
	return r
}

// equal says whether two names are one under the fold.
func (f Fold) equal(a, b string) bool {
	if a == b {
		return true
	}
	if f == FoldNone {
		return false
	}
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		r, n := utf8.DecodeRuneInString(a[i:])
		s, m := utf8.DecodeRuneInString(b[j:])
		if r != s && f.rune(r, i) != f.rune(s, j) {
			return false
		}
		i, j = i+n, j+m
	}
	return i == len(a) && j == len(b)
}

// seed is one for the process: tables never leave it.
var seed = maphash.MakeSeed()

// hash hashes a name under the fold, without making the folded name.
func (f Fold) hash(key string, scope rules.ID) uint64 {
	mix := uint64(uint32(scope)) * 0x9e3779b97f4a7c15
	if f == FoldNone {
		return maphash.String(seed, key) ^ mix
	}
	var buf [64]byte
	n := 0
	if len(key) <= len(buf) {
		for n < len(key) && key[n] < utf8.RuneSelf {
			buf[n] = byte(f.rune(rune(key[n]), n))
			n++
		}
		if n == len(key) {
			return maphash.Bytes(seed, buf[:n]) ^ mix
		}
	}
	var h maphash.Hash
	h.SetSeed(seed)
	n = 0
	for i, r := range key {
		if n > len(buf)-utf8.UTFMax {
			_, _ = h.Write(buf[:n]) // never fails
			n = 0
		}
		n += utf8.EncodeRune(buf[n:], f.rune(r, i))
	}
	_, _ = h.Write(buf[:n])
	return h.Sum64() ^ mix
}

// entry is a name, the scope that it is a name in (the space of a title), and
// what it names.
type entry struct {
	key   string
	scope rules.ID
	id    rules.ID
}

// table finds entities by name. It keeps the names as they are and folds while
// hashing, so that finding allocates nothing. It is immutable once built.
type table struct {
	fold    Fold
	entries []entry
	slots   []uint32 // index of an entry plus one, below some bits of its hash; zero is empty
	shift   uint8    // bits of the index
}

// slot is what stands for an entry, and tells most others apart without a look
// at them.
func (t *table) slot(hash uint64, n uint32) uint32 { return uint32(hash>>32)>>t.shift<<t.shift | n }

// newTable builds a table of the entries that have a name.
func newTable(fold Fold, entries []entry) *table {
	t := &table{fold: fold, entries: entries}
	size := 8
	for size < 2*len(entries) {
		size *= 2
	}
	t.slots, t.shift = make([]uint32, size), uint8(bits.Len(uint(len(entries))))
	for i := range entries {
		e := &entries[i]
		e.key = normal(e.key)
		hash := fold.hash(e.key, e.scope)
		at := hash & uint64(size-1)
		for t.slots[at] != 0 {
			at = (at + 1) & uint64(size-1)
		}
		t.slots[at] = t.slot(hash, uint32(i+1))
	}
	return t
}

// normal gives the normal form; a name that has it already is not copied.
func normal(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			if norm.NFC.QuickSpanString(s) == len(s) {
				return s
			}
			return norm.NFC.String(s)
		}
	}
	return s
}

// find resolves a name. A name that is exactly one entity's is that entity;
// one that several share under the fold, and none exactly, is nobody's: who
// can't be told apart is not known. The second result says that at least one
// entry bore the name.
func (t *table) find(key string, scope rules.ID) (id rules.ID, found bool) {
	if t == nil || len(t.entries) == 0 || key == "" {
		return rules.NoID, false
	}
	key = normal(key)
	id = rules.NoID
	exact := rules.NoID
	mask, hash := uint64(len(t.slots)-1), t.fold.hash(key, scope)
	mark := t.slot(hash, 0)
	for at := hash & mask; t.slots[at] != 0; at = (at + 1) & mask {
		n := t.slots[at] ^ mark
		if n>>t.shift != 0 {
			continue // another hash
		}
		e := &t.entries[n-1]
		if e.scope != scope || !t.fold.equal(e.key, key) {
			continue
		}
		if e.key == key {
			if exact != rules.NoID && exact != e.id {
				return rules.NoID, true
			}
			exact = e.id
		}
		switch {
		case !found:
			id, found = e.id, true
		case id != e.id:
			id = rules.NoID
		}
	}
	if exact != rules.NoID {
		return exact, true
	}
	return id, found
}

// layers is a table with a small one over it, of what look-ups added.
type layers struct{ base, over *table }

func (l layers) find(key string, scope rules.ID) (rules.ID, bool) {
	if l.over != nil {
		if id, found := l.over.find(key, scope); found {
			return id, id != rules.NoID
		}
	}
	id, found := l.base.find(key, scope)
	return id, found && id != rules.NoID
}

// with gives the layers with more entries in the upper table; later entries
// win over earlier ones of the same name.
func (l layers) with(more []entry) layers {
	if len(more) == 0 {
		return l
	}
	all := make([]entry, 0, len(more)+8)
	all = append(all, more...)
	if l.over != nil {
		fresh := newTable(l.base.fold, more)
		for _, e := range l.over.entries {
			if _, found := fresh.find(e.key, e.scope); !found {
				all = append(all, e)
			}
		}
	}
	return layers{base: l.base, over: newTable(l.base.fold, all)}
}

package htmlrewrite

import (
	"hash/maphash"
	"strings"
)

// readAttr reads the attribute that begins at i and gives the offset behind it.
func (t *tape) readAttr(i int) (int, bool) {
	s := t.s
	from := i
	key := uint64(foldByte(s[i]))
	folded := foldByte(s[i]) ^ s[i]
	i++ // whatever it is, even "=", it begins a name
	for i < len(s) {
		c := attrByte[s[i]]
		if c == 0 {
			break
		}
		folded |= c ^ s[i]
		key = key<<8 | uint64(c)
		i++
	}
	id := uint16(0)
	switch {
	case i-from <= 8:
		id = t.voc.attrs.findKey(key)
	case folded == 0:
		id = uint16(t.voc.attrs.find(s[from:i]))
	default:
		id = uint16(t.voc.attrs.findFold(s[from:i]))
	}
	a := t.addAttr()
	a.start, a.nameEnd, a.vs, a.ve, a.end = int32(from), int32(i), int32(i), int32(i), int32(i)
	a.id, a.quote, a.dup, a.gone = attrID(id), 0, false, false
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	if i >= len(s) || s[i] != '=' {
		return i, true
	}
	i++
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	if i >= len(s) {
		return i, false
	}
	switch c := s[i]; c {
	case '"', '\'':
		j := strings.IndexByte(s[i+1:], c)
		if j < 0 {
			return i, false
		}
		a.quote, a.vs, a.ve = c, int32(i+1), int32(i+1+j)
		i += j + 2
	case '>': // missing attribute value
		a.quote, a.vs, a.ve = '=', int32(i), int32(i)
	default:
		a.quote, a.vs = '=', int32(i)
		for i < len(s) && s[i] != '>' && !isSpace(s[i]) {
			i++
		}
		a.ve = int32(i)
	}
	a.end = int32(i)
	return i, true
}

// addAttr appends an attribute, all of whose fields are then to be set.
func (t *tape) addAttr() *attribute {
	i := len(t.attrs)
	room(&t.attrs)
	t.attrs = t.attrs[:i+1]
	return &t.attrs[i]
}

// markOdd marks the attributes that a browser drops, and notes those that go
// whoever looks: these, event handlers, and names that begin with "=", which
// would become the value of the attribute before, if what is between them went.
func (t *tape) markOdd(from, to int32) {
	if to-from > 16 {
		t.markDups(t.attrs[from:to])
	}
	for i := from; i < to; i++ {
		a := &t.attrs[i]
		if to-from <= 16 {
			for j := from; j < i; j++ {
				if b := &t.attrs[j]; a.id == b.id && (a.id != aNone || t.attrName(a) == t.attrName(b)) {
					a.dup = true
					break
				}
			}
		}
		if c := t.s[a.start]; a.dup || c == '=' || a.ve > a.vs && c|0x20 == 'o' && hasPrefixFold(t.s[a.start:a.nameEnd], "on") {
			t.odd = append(t.odd, i)
		}
	}
}

var hashSeed = maphash.MakeSeed()

// markDups is the marking of duplicates for tags with many attributes: a hash
// table that whoever writes the page can't foresee.
func (t *tape) markDups(as []attribute) {
	size := 64
	for size < 2*len(as) {
		size *= 2
	}
	t.hashed = zeroed(t.hashed, size)
	for i := range as {
		name := t.attrName(&as[i])
		h := int(maphash.String(hashSeed, name)) & (size - 1)
		for ; t.hashed[h] != 0; h = (h + 1) & (size - 1) {
			if t.attrName(&as[t.hashed[h]-1]) == name {
				as[i].dup = true
				break
			}
		}
		if !as[i].dup {
			t.hashed[h] = int32(i) + 1
		}
	}
}

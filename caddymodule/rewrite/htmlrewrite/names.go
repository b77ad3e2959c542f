package htmlrewrite

// nameTable numbers a fixed set of strings, from one up; 0 is none of them. It
// is a hash table with open addressing whose hash reads no more than sixteen
// bytes: a page asks it some ten thousand times. What a page says never gets in,
// so that nobody outside can make its chains long.
type nameTable struct {
	names []string
	slots []uint16 // numbers; a power of two of them, at most a quarter taken
	// short holds the names of up to eight bytes by their bytes, the last one
	// lowest.
	short []shortName
}

type shortName struct {
	key uint64
	id  uint16
}

// maxNamed is the number of strings that a table can hold.
const maxNamed = 1 << 14

// add gives the number of a string, which it takes in if it is new.
func (nt *nameTable) add(s string) int {
	if id := nt.find(s); id > 0 || s == "" {
		return id
	}
	if len(nt.names) == 0 {
		nt.names = append(nt.names, "")
	}
	if len(nt.names) > maxNamed {
		return 0
	}
	nt.names = append(nt.names, s)
	if n := len(nt.slots); 4*len(nt.names) > n {
		nt.slots = make([]uint16, max(16, 2*n))
		nt.short = make([]shortName, max(16, 2*n))
		for id := 1; id < len(nt.names); id++ {
			nt.put(id)
		}
	} else {
		nt.put(len(nt.names) - 1)
	}
	return len(nt.names) - 1
}

func (nt *nameTable) put(id int) {
	mask := uint32(len(nt.slots) - 1)
	h := hashName(nt.names[id]) & mask
	for nt.slots[h] != 0 {
		h = (h + 1) & mask
	}
	nt.slots[h] = uint16(id)
	if len(nt.names[id]) > 8 {
		return
	}
	key := uint64(0)
	for i := range len(nt.names[id]) {
		key = key<<8 | uint64(nt.names[id][i])
	}
	h = hashKey(key) & mask
	for nt.short[h].id != 0 {
		h = (h + 1) & mask
	}
	nt.short[h] = shortName{key, uint16(id)}
}

// findKey is find for a name of at most eight bytes.
func (nt *nameTable) findKey(key uint64) uint16 {
	mask := uint32(len(nt.short) - 1)
	for h := hashKey(key) & mask; ; h = (h + 1) & mask {
		if e := &nt.short[h&uint32(len(nt.short)-1)]; e.key == key || e.id == 0 {
			return e.id
		}
	}
}

func hashKey(key uint64) uint32 { return uint32(key * 0x9e3779b97f4a7c15 >> 40) }

// find gives the number of a string, 0 if it is not in the table.
func (nt *nameTable) find(s string) int {
	if len(nt.slots) == 0 {
		return 0
	}
	mask := uint32(len(nt.slots) - 1)
	for h := hashName(s) & mask; ; h = (h + 1) & mask {
		id := nt.slots[h]
		if id == 0 || nt.names[id] == s {
			return int(id)
		}
	}
}

// findFold is find for a name in any ASCII case; the table's are lower case.
func (nt *nameTable) findFold(s string) int {
	var buf [32]byte // a string made of so few bytes stays on the stack
	if len(s) > len(buf) {
		return nt.find(lower(s))
	}
	for i := range len(s) {
		buf[i] = foldByte(s[i])
	}
	return nt.find(string(buf[:len(s)]))
}

func foldByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// hashName mixes a string's length, beginning and end.
func hashName(s string) uint32 {
	n := len(s)
	var a, b uint64
	switch {
	case n >= 8:
		a, b = load8(s), load8(s[n-8:])
	case n >= 4:
		a, b = uint64(load4(s)), uint64(load4(s[n-4:]))
	case n > 0:
		a = uint64(s[0])<<16 | uint64(s[n>>1])<<8 | uint64(s[n-1])
	}
	h := (a ^ uint64(n)<<56) * 0x9e3779b97f4a7c15
	h ^= (b ^ h>>29) * 0xc2b2ae3d27d4eb4f
	return uint32(h >> 32)
}

func load8(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func load4(s string) uint32 {
	_ = s[3]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// vocabulary numbers the names of tags and attributes that a program tells
// apart: those that the code names, and those in the profile's selectors. It is
// not changed once the program is compiled.
type vocabulary struct {
	tags  nameTable
	attrs nameTable
	info  []attrInfo // by attribute
}

// attrInfo is what is known of an attribute by its name.
type attrInfo struct {
	use     urlUse
	text    bool        // for people, see textAttrs
	picture bool        // see imageAttrs
	json    *scriptRule // of JSON in attributes of that name
}

func describe(name string) attrInfo {
	return attrInfo{use: urlAttrs[name], text: textAttrs[name], picture: imageAttrs[name]}
}

func newVocabulary() *vocabulary {
	v := &vocabulary{info: make([]attrInfo, 1)}
	for _, n := range knownNames[1:] {
		v.tags.add(n)
	}
	for _, n := range attrNames[1:] {
		v.attr(n)
	}
	return v
}

// tag gives the number of a lower-case tag name.
func (v *vocabulary) tag(name string) tagID { return tagID(v.tags.add(name)) }

// attr gives the number of a lower-case attribute name.
func (v *vocabulary) attr(name string) attrID {
	id := v.attrs.add(name)
	if id == len(v.info) {
		v.info = append(v.info, describe(name))
	}
	return attrID(id)
}

// attrID numbers attribute names; 0 is every name that is not in the vocabulary.
type attrID uint16

// The attributes that the code names. The order is that of attrNames.
const (
	aNone attrID = iota
	aClass
	aID
	aHref
	aSrc
	aXlinkHref
	aName
	aType
	aValue
	aData
	aAction
	aFormaction
	aMethod
	aContent
	aCharset
	aHTTPEquiv
	aEncoding
	aColor
	aFace
	aSize
	aAttributeName
	aTo
	aFrom
	aBy
	aValues
	aAlt
	aTitle
)

// attrNames are the constants' names, and after them all of which something is
// known.
var attrNames = func() []string {
	out := []string{
		"", "class", "id", "href", "src", "xlink:href", "name", "type", "value", "data", "action", "formaction",
		"method", "content", "charset", "http-equiv", "encoding", "color", "face", "size", "attributename",
		"to", "from", "by", "values", "alt", "title", "media",
	}
	for _, m := range []map[string]bool{textAttrs, imageAttrs} {
		for n := range m {
			out = append(out, n)
		}
	}
	for n := range urlAttrs {
		out = append(out, n)
	}
	return out
}()

// What a byte does in a name: zero ends it, else it is the byte in lower case.
var tagByte, attrByte = func() (tag, attr [256]uint8) {
	for c := range tag {
		if !isSpace(byte(c)) && c != '/' && c != '>' {
			tag[c] = foldByte(byte(c))
		}
		if c != '=' {
			attr[c] = tag[c]
		}
	}
	return tag, attr
}()

package textscan

import (
	"bytes"
	"strings"
)

// What a byte is in a tag.
const (
	isSpace   uint8 = 1 << iota
	endsName        // of an element
	endsNames       // of attributes
)

var inTag = func() (t [256]uint8) {
	for _, c := range []byte(" \t\n\f\r") {
		t[c] = isSpace | endsName
	}
	t['/'] = endsName
	t['>'] = endsName | endsNames
	t['='] = endsNames
	return t
}()

// nameTable says what names of ASCII letters and hyphens in any case
// stand for, if they are of 16 bytes at most: 0 for all others.
type nameTable[T ~uint8] [256]struct {
	lo, hi uint64
	is     T
}

// set gives names, parted by blanks, a further meaning.
func (t *nameTable[T]) set(names string, is T) {
	for name := range strings.FieldsSeq(names) {
		lo, hi := folded([]byte(name))
		i := scramble(lo, hi) % uint64(len(t))
		for t[i].is != 0 && (t[i].lo != lo || t[i].hi != hi) {
			i = (i + 1) % uint64(len(t))
		}
		t[i].lo, t[i].hi, t[i].is = lo, hi, t[i].is|is
	}
}

func (t *nameTable[T]) of(name []byte) T {
	if len(name) > 16 {
		return 0
	}
	return t.find(folded(name))
}

// find is of for a folded name.
func (t *nameTable[T]) find(lo, hi uint64) T {
	for i := scramble(lo, hi) % uint64(len(t)); t[i].is != 0; i = (i + 1) % uint64(len(t)) {
		if t[i].lo == lo && t[i].hi == hi {
			return t[i].is
		}
	}
	return 0
}

// folded is a name of 16 bytes at most in lower case. What is no letter
// or hyphen becomes none.
func folded(name []byte) (lo, hi uint64) {
	if n := uint(len(name)); cap(name) >= 16 {
		b := name[:16]
		return (load(b) | fold) & ones(8*min(n, 8)), (load(b[8:]) | fold) & ones(8*max(n, 8)-64)
	}
	var b [16]byte
	n := copy(b[:], name)
	return folded(b[:n])
}

var tagKinds = func() *nameTable[tagKind] {
	t := new(nameTable[tagKind])
	t.set("a", linkTag)
	t.set("abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd mark q rp rt "+
		"ruby s samp small span strike strong sub sup time tt u var wbr", inlineTag)
	t.set("br", breakTag)
	t.set("script", scriptTag)
	t.set("style", styleTag)
	return t
}()

// attrKind says what an attribute is.
type attrKind uint8

const (
	machineAttr attrKind = 1 << iota // it holds ids rather than text
	targetAttr                       // what stands behind # in it is an id
	plainAttr                        // its name is one of the usual ones, which are nobody's name
)

var attrKinds = func() *nameTable[attrKind] {
	t := new(nameTable[attrKind])
	t.set("id class for name headers value content list form slot part usemap itemid itemref "+
		"popovertarget commandfor clip-path mask filter marker-start marker-mid marker-end", machineAttr)
	t.set("href xlink:href src", targetAttr)
	t.set("class id href src title alt style rel type name value content width height colspan rowspan "+
		"media action method for role tabindex target lang dir aria-label aria-hidden data-type align border", plainAttr)
	return t
}()

func kindOfAttr(name []byte) attrKind {
	if len(name) == 0 {
		return plainAttr
	}
	is := attrKinds.of(name)
	if len(name) > 5 && bytes.EqualFold(name[:5], []byte("data-")) {
		is |= machineAttr
	}
	if len(name) > 5 && bytes.EqualFold(name[:5], []byte("aria-")) && is&plainAttr == 0 {
		is |= machineAttr
	}
	return is
}

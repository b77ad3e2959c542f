package textscan

import (
	"bytes"
	"strings"

	"golang.org/x/net/html/atom"
)

// markup looks through text, attributes, comments and scripts. It knows just
// enough of markup to tell them apart; what it takes wrongly for one or the
// other is looked through all the same.
func (s *scan) markup(src source, depth int, xml bool) {
	r := s.read(src, depth)
	defer r.done()
	b := src.b
	for i := 0; i < len(b) && s.err == nil; {
		if i = r.run(i); i == len(b) {
			break
		}
		lt := bytes.IndexByte(b[i:], '<')
		if lt < 0 {
			r.add(i, len(b))
			break
		}
		r.add(i, i+lt)
		i += lt
		switch rest := b[i:]; {
		case len(rest) > 1 && (class[rest[1]] == isWord && rest[1] > '9' || rest[1] == '/'):
			kind, n := r.tag(i)
			switch kind {
			case breakTag:
				r.lineBreak(i)
			case linkTag:
				r.edge(i)
			case inlineTag:
			default:
				r.close()
			}
			i += n
			if !xml && (kind == scriptTag || kind == styleTag) && rest[1] != '/' {
				end := closing(b[i:], kind)
				r.one(i, i+end, true, false, backslashes)
				i += end
			}
		case len(rest) == 1 || rest[1] != '!' && rest[1] != '?': // a lone one, which may be more than that to others
			r.add(i, i+1)
			i++
		case bytes.HasPrefix(rest, []byte("<!--")):
			n := until(rest, 4, "-->")
			r.one(i+4, i+n, true, false, verbatim)
			i += n
		case bytes.HasPrefix(rest, []byte("<![CDATA[")):
			n := until(rest, 9, "]]>")
			r.close()
			r.of = verbatim
			r.add(i+9, max(i+9, i+n-3))
			r.close()
			r.of = references
			i += n
		default:
			n := until(rest, 2, ">")
			r.one(i+2, i+n, true, false, verbatim)
			i += n
		}
	}
}

// closing gives the offset of a raw text element's end tag.
func closing(b []byte, kind tagKind) int {
	name := "script"
	if kind == styleTag {
		name = "style"
	}
	for i := 0; i < len(b); {
		j := bytes.Index(b[i:], []byte("</"))
		if j < 0 {
			break
		}
		i += j
		if len(b)-i-2 >= len(name) && strings.EqualFold(string(b[i+2:i+2+len(name)]), name) {
			return i
		}
		i += 2
	}
	return len(b)
}

func until(b []byte, from int, end string) int {
	if i := bytes.Index(b[min(from, len(b)):], []byte(end)); i >= 0 {
		return from + i + len(end)
	}
	return len(b)
}

// tagKind says what a tag does to the text around it.
type tagKind uint8

const (
	blockTag  tagKind = iota // ends a run of text
	inlineTag                // parts no words
	linkTag                  // an inline one around a link
	breakTag                 // parts words, but not what is read as one text
	scriptTag
	styleTag
)

// tag reads the tag at src.b[at], looks through its attributes' values and
// names, and gives its kind and length.
func (r *reading) tag(at int) (tagKind, int) {
	b := r.src.b[at:]
	value := func(i, j int, name attrKind) {
		r.one(at+i, at+j, true, name&machineAttr != 0, references)
		if name&targetAttr != 0 {
			if k := target(b[i:j]); k >= 0 {
				r.one(at+i+k, at+j, true, true, references)
			}
		}
	}
	i := 1
	if i < len(b) && b[i] == '/' {
		i++
	}
	from := i
	for i < len(b) && inTag[b[i]]&endsName == 0 {
		i++
	}
	kind := tagKinds.of(b[from:i])
	if kind == blockTag && bytes.IndexByte(b[from:i], '@') > 0 {
		r.one(at+from, at+i, true, false, references) // an address between angle brackets
	}
	attr := plainAttr
	for i < len(b) {
		switch c := b[i]; {
		case c == '>':
			return kind, i + 1
		case c == '=':
			i++
			for i < len(b) && inTag[b[i]]&isSpace != 0 {
				i++
			}
			if i >= len(b) {
				break
			}
			if q := b[i]; q == '"' || q == '\'' {
				n := bytes.IndexByte(b[i+1:], q)
				if n < 0 {
					n = len(b) - i - 1
				}
				value(i+1, i+1+n, attr)
				i = min(i+n+2, len(b))
				continue
			}
			a := i
			for i < len(b) && b[i] != '>' && inTag[b[i]]&isSpace == 0 {
				i++
			}
			value(a, i, attr)
		default:
			a := i
			var name []byte
			i, name = attribute(b, i)
			attr = kindOfAttr(name)
			if attr&plainAttr == 0 || i-a > len(name)+1 {
				value(a, i, plainAttr) // names of attributes may hold things as well
			}
		}
	}
	return kind, len(b)
}

// target gives where in a link that leads nowhere else, to another host, its
// fragment begins, or -1.
func target(link []byte) int {
	i := bytes.IndexByte(link, '#')
	if i > 0 && bytes.Contains(link[:i], []byte("//")) {
		return -1
	}
	return i
}

// attribute reads names of attributes up to a value or the end of the tag, and
// gives where that is and the last name, which the value is of.
func attribute(b []byte, i int) (int, []byte) {
	from, to := i, i
	for ; i < len(b) && inTag[b[i]]&endsNames == 0; i++ {
		if inTag[b[i]] != 0 {
			continue
		}
		if to != i {
			from = i
		}
		to = i + 1
	}
	return i, b[from:to]
}

// inText reports whether b[from:to], of a text with what looks like tags in it,
// may be somebody's name as it stands: each tag that it holds or touches is
// whole, of an element that is ended in it or that nobody knows. touch: it holds
// or touches one, so that nobody has read it as markup.
func inText(b []byte, from, to int, touch bool) bool {
	if from > 0 && b[from-1] == '<' {
		from--
	}
	if to < len(b) && b[to] == '>' {
		to++
	}
	if touch && !bytes.ContainsAny(b[from:to], "<>") {
		return false
	}
	open := 0
	for b = b[from:to]; ; {
		i := bytes.IndexByte(b, '<')
		if i < 0 {
			return open == 0 && bytes.IndexByte(b, '>') < 0
		}
		n := bytes.IndexByte(b[i:], '>')
		if n < 0 || bytes.IndexByte(b[:i], '>') >= 0 {
			return false
		}
		name, ends := bytes.CutPrefix(b[i+1:i+n], []byte("/"))
		name, _, _ = bytes.Cut(name, []byte(" "))
		if atom.Lookup(bytes.ToLower(name)) != 0 {
			if open++; ends {
				open -= 2
			}
		}
		if open < 0 {
			return false
		}
		b = b[i+n+1:]
	}
}

package htmlrewrite

import "strings"

// rawEnd gives the offset of the end tag </name> at or behind i, or len(s).
func rawEnd(s, name string, i int) int {
	for {
		j := strings.Index(s[i:], "</")
		if j < 0 {
			return len(s)
		}
		i += j
		if isEndTag(s, name, i) {
			return i
		}
		i += 2
	}
}

// isEndTag reports whether "</name" and a delimiter stand at s[i:].
func isEndTag(s, name string, i int) bool {
	return strings.HasPrefix(s[i:], "</") && isNamed(s, name, i+2)
}

// isNamed reports whether name and a delimiter stand at s[i:].
func isNamed(s, name string, i int) bool {
	if !hasPrefixFold(s[i:], name) || i+len(name) >= len(s) {
		return false
	}
	c := s[i+len(name)]
	return isSpace(c) || c == '/' || c == '>'
}

// scriptEnd gives the offset of the end tag of the script whose text begins at
// i: the script data states, with what <!-- and <script> inside do to it.
func scriptEnd(s string, i int) int {
	const (
		plain = iota
		escaped
		doubly
	)
	state := plain
	for {
		j := -1
		if state == plain { // dashes say nothing there
			j = strings.IndexByte(s[i:], '<')
		} else {
			j = strings.IndexAny(s[i:], "<-")
		}
		if j < 0 {
			return len(s)
		}
		i += j
		switch {
		case s[i] == '-':
			if strings.HasPrefix(s[i:], "-->") {
				state, i = plain, i+3
				continue
			}
			i++
		case isEndTag(s, "script", i):
			if state != doubly {
				return i
			}
			state, i = escaped, i+2
		case state == plain && strings.HasPrefix(s[i:], "<!--"):
			state, i = escaped, i+2 // its dashes may be those of "-->"
		case state == escaped && isNamed(s, "script", i+1):
			state, i = doubly, i+1
		default:
			i++
		}
	}
}

// hasPrefixFold reports whether s begins with an ASCII prefix, in any case.
func hasPrefixFold(s, lowerPrefix string) bool {
	if len(s) < len(lowerPrefix) {
		return false
	}
	for i := range len(lowerPrefix) {
		if foldByte(s[i]) != lowerPrefix[i] {
			return false
		}
	}
	return true
}

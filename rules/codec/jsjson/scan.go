package jsjson

import (
	"errors"
	"unicode/utf8"
)

var errJSON = errors.New("data that is not JSON")

// jsonEnd reads the strict JSON value at s[p:] and gives the place behind it.
// It keeps its own stack, bounded by maxDepth.
func jsonEnd(s []byte, p int) (int, error) {
	var stack [maxDepth]byte // '{' or '['
	depth := 0
	p = blank(s, p)
	for {
		// A value begins at p.
		if p >= len(s) {
			return 0, errJSON
		}
		var err error
		switch s[p] {
		case '{', '[':
			if depth == maxDepth {
				return 0, errors.New("data nested too deep")
			}
			stack[depth] = s[p]
			depth++
			open := s[p]
			p = blank(s, p+1)
			if p < len(s) && s[p] == open+2 { // '{'+2 == '}', '['+2 == ']'
				depth--
				p++
				break
			}
			if open == '{' {
				if p, err = member(s, p); err != nil {
					return 0, err
				}
			}
			continue
		case '"':
			p, err = stringEnd(s, p)
		case 't':
			p, err = word(s, p, "true")
		case 'f':
			p, err = word(s, p, "false")
		case 'n':
			p, err = word(s, p, "null")
		default:
			p, err = number(s, p)
		}
		if err != nil {
			return 0, err
		}
		// A value ended at p.
		for {
			if depth == 0 {
				return p, nil
			}
			p = blank(s, p)
			if p >= len(s) {
				return 0, errJSON
			}
			open := stack[depth-1]
			if s[p] == open+2 {
				depth--
				p++
				continue
			}
			if s[p] != ',' {
				return 0, errJSON
			}
			p = blank(s, p+1)
			if open == '{' {
				if p, err = member(s, p); err != nil {
					return 0, err
				}
			}
			break
		}
	}
}

// member skips a member's name and colon.
func member(s []byte, p int) (int, error) {
	p, err := stringEnd(s, p)
	if err != nil {
		return 0, err
	}
	if p = blank(s, p); p >= len(s) || s[p] != ':' {
		return 0, errJSON
	}
	return blank(s, p+1), nil
}

func blank(s []byte, p int) int {
	for p < len(s) && (s[p] == ' ' || s[p] == '\t' || s[p] == '\n' || s[p] == '\r') {
		p++
	}
	return p
}

func stringEnd(s []byte, p int) (int, error) {
	if p >= len(s) || s[p] != '"' {
		return 0, errJSON
	}
	for p++; p < len(s); {
		switch c := s[p]; {
		case c == '"':
			return p + 1, nil
		case c == '\\':
			if p+1 >= len(s) {
				return 0, errJSON
			}
			switch s[p+1] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
				p += 2
			case 'u':
				if p+6 > len(s) {
					return 0, errJSON
				}
				for _, h := range s[p+2 : p+6] {
					if !('0' <= h && h <= '9' || 'a' <= h && h <= 'f' || 'A' <= h && h <= 'F') {
						return 0, errJSON
					}
				}
				p += 6
			default:
				return 0, errJSON
			}
		case c < 0x20:
			return 0, errJSON
		case c < utf8.RuneSelf:
			p++
		default:
			r, size := utf8.DecodeRune(s[p:])
			if r == utf8.RuneError && size == 1 {
				return 0, errors.New("invalid UTF-8")
			}
			p += size
		}
	}
	return 0, errJSON
}

func word(s []byte, p int, w string) (int, error) {
	if len(s)-p < len(w) || string(s[p:p+len(w)]) != w {
		return 0, errJSON
	}
	return p + len(w), nil
}

func number(s []byte, p int) (int, error) {
	if p < len(s) && s[p] == '-' {
		p++
	}
	digits := func() bool {
		from := p
		for p < len(s) && '0' <= s[p] && s[p] <= '9' {
			p++
		}
		return p > from
	}
	if p < len(s) && s[p] == '0' {
		p++
	} else if !digits() {
		return 0, errJSON
	}
	if p < len(s) && s[p] == '.' {
		p++
		if !digits() {
			return 0, errJSON
		}
	}
	if p < len(s) && (s[p] == 'e' || s[p] == 'E') {
		p++
		if p < len(s) && (s[p] == '+' || s[p] == '-') {
			p++
		}
		if !digits() {
			return 0, errJSON
		}
	}
	return p, nil
}

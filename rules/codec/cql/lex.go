package cql

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// kind is a kind of token.
type kind uint8

const (
	end kind = iota
	word
	text // in quotes
	symbol
)

type token struct {
	kind kind
	text string // decoded
	at   int
}

func (t token) String() string {
	switch t.kind {
	case end:
		return "the end"
	case text:
		return "a text"
	}
	return strconv.Quote(t.text)
}

func syntax(at int, format string, args ...any) error {
	return fmt.Errorf("%w: byte %d: %s", ErrSyntax, at, fmt.Sprintf(format, args...))
}

// lex splits a query into tokens, the last of kind end.
func lex(s string) ([]token, error) {
	switch {
	case len(s) > maxLen:
		return nil, syntax(maxLen, "too long")
	case !utf8.ValidString(s):
		return nil, syntax(0, "invalid UTF-8")
	}
	var out []token
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case c == '"' || c == '\'':
			t, next, err := quoted(s, i)
			if err != nil {
				return nil, err
			}
			out = append(out, token{text, t, i})
			i = next
		case strings.IndexByte("()=,", c) >= 0:
			out = append(out, token{symbol, s[i : i+1], i})
			i++
		case c == '~':
			out = append(out, token{symbol, "~", i})
			i++
		case c == '!' && i+1 < len(s) && (s[i+1] == '=' || s[i+1] == '~'):
			out = append(out, token{symbol, s[i : i+2], i})
			i += 2
		case c == '<' || c == '>':
			n := 1
			if i+1 < len(s) && s[i+1] == '=' {
				n = 2
			}
			out = append(out, token{symbol, s[i : i+n], i})
			i += n
		default:
			n := wordLen(s[i:])
			if n == 0 {
				r, _ := utf8.DecodeRuneInString(s[i:])
				return nil, syntax(i, "the character %q", r)
			}
			out = append(out, token{word, s[i : i+n], i})
			i += n
		}
		if len(out) > 8*maxNodes {
			return nil, syntax(i, "too many words")
		}
	}
	return append(out, token{kind: end, at: len(s)}), nil
}

// wordLen gives the length of the word that s begins with. Words are what needs
// no quotes: letters, digits, and '_', '-', '.' within.
func wordLen(s string) int {
	for i, r := range s {
		switch {
		case r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
		case (r == '-' || r == '.') && (i > 0 || r == '-'):
		default:
			return i
		}
	}
	return len(s)
}

// quoted reads the text in quotes at s[i].
func quoted(s string, i int) (decoded string, next int, err error) {
	q := s[i]
	var b strings.Builder
	for j := i + 1; j < len(s); {
		switch c := s[j]; {
		case c == q:
			return b.String(), j + 1, nil
		case c < 0x20 && c != '\t':
			return "", 0, syntax(j, "a control character")
		case c != '\\':
			b.WriteByte(c)
			j++
		default:
			if j+1 >= len(s) {
				return "", 0, syntax(j, "an escape without end")
			}
			switch e := s[j+1]; e {
			case '"', '\'', '\\', ' ':
				b.WriteByte(e)
				j += 2
			case 't':
				b.WriteByte('\t')
				j += 2
			case 'u':
				if j+6 > len(s) {
					return "", 0, syntax(j, "an escape without end")
				}
				n, err := strconv.ParseUint(s[j+2:j+6], 16, 16)
				if err != nil || n < 0x20 || n >= 0xd800 && n < 0xe000 {
					return "", 0, syntax(j, "the escape %q", s[j:j+6])
				}
				b.WriteRune(rune(n))
				j += 6
			default:
				return "", 0, syntax(j, "the escape %q", s[j:j+2])
			}
		}
	}
	return "", 0, syntax(i, "a text without end")
}

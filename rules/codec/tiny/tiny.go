// Package tiny reads and writes the short form of a number that some wikis use
// as the last segment of a page's short URL: the number's bytes, least
// significant first and without leading zeros, in base64 with '-' for '/' and
// '_' for '+', without padding and without the 'A's that zeros leave behind.
//
// A short URL is thus a page id in disguise: reading it needs no look-up.
// Only the canonical spelling is read, so that one number has one form.
package tiny

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// ErrSyntax is wrapped by every error of Decode.
var ErrSyntax = errors.New("not a short id")

// maxLen is the length of the largest 64-bit number: eight bytes in base64
// without padding.
const maxLen = 11

var (
	encoding = base64.RawStdEncoding.Strict()
	toShort  = strings.NewReplacer("/", "-", "+", "_")
)

// Encode gives the short form of id. Zero has the empty form.
func Encode(id uint64) string {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], id)
	s := encoding.EncodeToString(b[:])
	return toShort.Replace(strings.TrimRight(s, "A"))
}

// Decode reads what Encode writes, and nothing else: a form with padding,
// with trailing 'A's, or of a number above 64 bits is an error.
func Decode(s string) (uint64, error) {
	if s == "" || len(s) > maxLen {
		return 0, fmt.Errorf("%w: length %d", ErrSyntax, len(s))
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return 0, fmt.Errorf("%w: byte %q", ErrSyntax, c)
		}
	}
	if s[len(s)-1] == 'A' {
		return 0, fmt.Errorf("%w: not the canonical spelling", ErrSyntax)
	}
	var padded [maxLen]byte
	for i := range padded {
		switch {
		case i >= len(s):
			padded[i] = 'A'
		case s[i] == '-':
			padded[i] = '/'
		case s[i] == '_':
			padded[i] = '+'
		default:
			padded[i] = s[i]
		}
	}
	var b [8]byte
	if _, err := encoding.Decode(b[:], padded[:]); err != nil {
		return 0, fmt.Errorf("%w: %w", ErrSyntax, err)
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}

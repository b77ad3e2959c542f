// Package cursor seals the places at which lists go on. A wiki says "go on
// from the page of this name" or "from row 40"; both tell what lies beyond what
// a viewer may see. What he gets instead is a token that only this gateway can
// read, that is good for nobody else and for no other query, and whose length
// does not tell the length of what is in it.
//
// Sealing is deterministic: the same place in the same list is the same token,
// so that an answer does not change from one request to the next. The
// construction is that of SIV (RFC 5297) over the standard library: the
// initial vector is an HMAC-SHA-256 of context and padded text under one key,
// the text is encrypted by AES-256-CTR under another, and both are derived
// from the one that is given by HKDF.
package cursor

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Prefix begins every token; the number is the version of the format.
const Prefix = "pc1."

// MinKey is the least length of a key, in bytes.
const MinKey = 32

// MaxText is the length of the longest text that can be sealed, in bytes.
const MaxText = 1023

const ivSize = aes.BlockSize

// sizes are the lengths to which texts are padded, the mark at their end
// included. Two of them: which one a token has tells a name from a long one,
// and no more.
var sizes = [...]int{192, MaxText + 1}

// ErrForeign is what Open says of a token that was not sealed with this key
// under this context, whatever else it may be.
var ErrForeign = errors.New("the token is none of this list's")

// Sealer seals and opens tokens under one key. It is safe for concurrent use.
type Sealer struct {
	mac   []byte
	block cipher.Block
}

// New makes a Sealer. Gateways that share the key, which is to be random and at
// least MinKey bytes long, read each other's tokens. Without a key a random one
// is made, and tokens last as long as the Sealer.
func New(key []byte) (*Sealer, error) {
	if len(key) == 0 {
		key = make([]byte, MinKey)
		_, _ = rand.Read(key) // never fails
	}
	if len(key) < MinKey {
		return nil, fmt.Errorf("the key for list tokens has %d bytes, %d are needed", len(key), MinKey)
	}
	mac, err := hkdf.Key(sha256.New, key, nil, "postern cursor 1 mac", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("deriving the keys for list tokens: %w", err)
	}
	enc, err := hkdf.Key(sha256.New, key, nil, "postern cursor 1 encrypt", 32)
	if err != nil {
		return nil, fmt.Errorf("deriving the keys for list tokens: %w", err)
	}
	block, err := aes.NewCipher(enc)
	if err != nil {
		return nil, fmt.Errorf("making the cipher for list tokens: %w", err)
	}
	return &Sealer{mac: mac, block: block}, nil
}

// Context joins what a token is bound to. No two lists of parts give the same
// context.
func Context(parts ...string) string {
	n := 0
	for _, p := range parts {
		n += len(p) + binary.MaxVarintLen64
	}
	b := make([]byte, 0, n)
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	return string(b)
}

// Seal makes the token of a text under a context. ok is false for a text over
// MaxText bytes, of which there is no token.
func (s *Sealer) Seal(context, text string) (token string, ok bool) {
	padded := pad(text)
	if padded == nil {
		return "", false
	}
	raw := make([]byte, ivSize+len(padded))
	copy(raw, s.iv(context, padded))
	cipher.NewCTR(s.block, raw[:ivSize]).XORKeyStream(raw[ivSize:], padded)
	return Prefix + base64.RawURLEncoding.EncodeToString(raw), true
}

// Open gives the text of a token. Its error is always ErrForeign.
func (s *Sealer) Open(context, token string) (string, error) {
	raw := decode(token)
	if raw == nil {
		return "", ErrForeign
	}
	padded := make([]byte, len(raw)-ivSize)
	cipher.NewCTR(s.block, raw[:ivSize]).XORKeyStream(padded, raw[ivSize:])
	if !hmac.Equal(s.iv(context, padded), raw[:ivSize]) { // in constant time
		return "", ErrForeign
	}
	text, ok := unpad(padded)
	if !ok {
		return "", ErrForeign // can't be: nobody else has the key
	}
	return text, nil
}

// Is reports whether s has the form of a token, whosoever made it.
func Is(s string) bool { return decode(s) != nil }

// decode takes a token apart, as far as that goes without the key.
func decode(token string) []byte {
	text, ok := strings.CutPrefix(token, Prefix)
	if !ok {
		return nil
	}
	for _, size := range sizes {
		if len(text) != base64.RawURLEncoding.EncodedLen(ivSize+size) || strings.ContainsAny(text, "\r\n") {
			continue // the decoder would skip line ends
		}
		raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil {
			return nil
		}
		return raw
	}
	return nil
}

// iv is the synthetic initial vector, which is the authenticator too.
func (s *Sealer) iv(context string, padded []byte) []byte {
	h := hmac.New(sha256.New, s.mac)
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(context)))
	h.Write(n[:])
	h.Write([]byte(context))
	h.Write(padded)
	return h.Sum(nil)[:ivSize]
}

// pad puts a mark behind the text and fills it up with zeros to the least size
// that takes it.
func pad(text string) []byte {
	for _, size := range sizes {
		if len(text) < size {
			b := make([]byte, size)
			copy(b, text)
			b[len(text)] = 0x80
			return b
		}
	}
	return nil
}

func unpad(b []byte) (string, bool) {
	for i := len(b) - 1; i >= 0; i-- {
		switch b[i] {
		case 0:
		case 0x80:
			return string(b[:i]), true
		default:
			return "", false
		}
	}
	return "", false
}

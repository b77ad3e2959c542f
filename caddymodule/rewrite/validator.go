package rewrite

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"sync"
)

// validator makes validators: an HMAC of a body's type and of a keyed hash of
// its bytes. The hash is GHASH (NIST SP 800-38D, section 6.4), which processors
// make several times as fast as SHA-256: two bodies share one with a chance of
// no more than a body's blocks in 2^128, for all who do not know its key. The
// HMAC makes of it what tells nothing of that key, which GHASH alone would. So
// the result is stable for as long as the key is, and can't be made by others.
type validator struct {
	hash cipher.AEAD // nil: the HMAC reads the body
	macs sync.Pool   // of *mac
}

// mac is an HMAC with room for what goes in and comes out.
type mac struct {
	hash.Hash
	in    []byte
	nonce [12]byte // all zero: nothing is encrypted, and no tag of it leaves
	out   [sha256.Size]byte
}

// validatorBytes is how much of the HMAC a validator says.
const validatorBytes = 18

func newValidator(key []byte) (*validator, error) {
	var err error
	derived := func(info string, n int) (b []byte) {
		if err == nil {
			b, err = hkdf.Key(sha256.New, key, nil, info, n)
		}
		return b
	}
	outer, inner := derived("postern validator 1 mac", sha256.Size), derived("postern validator 1 hash", 32)
	if err != nil {
		return nil, fmt.Errorf("deriving the validators' keys: %w", err)
	}
	block, err := aes.NewCipher(inner)
	if err != nil {
		return nil, fmt.Errorf("making the validators' hash: %w", err)
	}
	v := &validator{macs: sync.Pool{New: func() any { return &mac{Hash: hmac.New(sha256.New, outer)} }}}
	// Where the host allows nothing but FIPS 140 modes there is no such hash:
	// the error is the normal state of things then.
	v.hash, _ = cipher.NewGCM(block)
	return v, nil
}

// of gives the validator of a body of a type, as an ETag (RFC 9110, section
// 8.8.3).
func (v *validator) of(contentType string, body []byte) string {
	m := v.macs.Get().(*mac)
	defer v.macs.Put(m)
	m.Reset()
	m.in = append(append(m.in[:0], contentType...), 0)
	if v.hash != nil {
		m.in = v.hash.Seal(m.in, m.nonce[:], nil, body)
		body = nil
	}
	m.Write(m.in)
	m.Write(body)
	var tag [2 + validatorBytes*4/3]byte
	tag[0], tag[len(tag)-1] = '"', '"'
	base64.RawURLEncoding.Encode(tag[1:], m.Sum(m.out[:0])[:validatorBytes])
	return string(tag[:])
}

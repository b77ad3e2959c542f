package gateway

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// maxUserTokens bounds the tokens that are kept; one takes less than 1 KiB.
	maxUserTokens = 4096
	minRSABits    = 2048
)

// UserToken is what a UserTokens is made of.
type UserToken struct {
	// Header is the field that the token goes up in.
	Header string
	// Key signs: *rsa.PrivateKey (RS256), *ecdsa.PrivateKey (ES256, ES384,
	// ES512) or ed25519.PrivateKey (EdDSA).
	Key crypto.PrivateKey
	// Issuer is this site's address, Audience the wiki as it calls itself.
	Issuer, Audience string
	Lifetime         time.Duration
	Now              func() time.Time // nil: time.Now
}

// UserTokens signs the name that goes up in a trusted header, so that the wiki
// need not believe whoever can reach it: a JWT (RFC 7519) with iss, aud, sub,
// iat, exp and jti, whose kid is the key's thumbprint (RFC 7638). A user's token
// serves for half its life. It is safe for concurrent use.
type UserTokens struct {
	conf UserToken
	by   atomic.Pointer[userSigner]

	mu  sync.Mutex // serialises changes of key
	old []oldKey
}

// userSigner is one key with the tokens that it has signed.
type userSigner struct {
	public jose.JSONWebKey
	signer jose.Signer
	kept   *lru.Cache[string, userToken]
}

// oldKey is a key that signs no more, while tokens of its may be good.
type oldKey struct {
	public jose.JSONWebKey
	until  time.Time
}

type userToken struct {
	raw    string
	signed time.Time
}

// NewUserTokens checks what it is given; it signs nothing yet.
func NewUserTokens(conf UserToken) (*UserTokens, error) {
	if conf.Audience == "" {
		return nil, errors.New("an audience is needed: what the wiki calls itself")
	}
	if conf.Now == nil {
		conf.Now = time.Now
	}
	s, err := newUserSigner(conf.Key)
	if err != nil {
		return nil, err
	}
	t := &UserTokens{conf: conf}
	t.by.Store(s)
	return t, nil
}

func newUserSigner(private crypto.PrivateKey) (*userSigner, error) {
	alg, err := algorithm(private)
	if err != nil {
		return nil, err
	}
	key := jose.JSONWebKey{Key: private, Algorithm: string(alg), Use: "sig"}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	key.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	kept, err := lru.New[string, userToken](maxUserTokens)
	if err != nil {
		return nil, fmt.Errorf("keeping tokens: %w", err)
	}
	return &userSigner{public: key.Public(), signer: signer, kept: kept}, nil
}

// keyGrace is how long a key that was replaced stays published beyond the end
// of its last token: clocks differ.
const keyGrace = time.Minute

// Rekey makes another key sign from now on, and reports whether it is another.
// The one before stays among PublicKeys until its tokens have expired.
func (t *UserTokens) Rekey(private crypto.PrivateKey) (bool, error) {
	next, err := newUserSigner(private)
	if err != nil {
		return false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	last := t.by.Load()
	if last.public.KeyID == next.public.KeyID {
		return false, nil
	}
	now := t.conf.Now()
	t.old = slices.DeleteFunc(t.old, func(o oldKey) bool { return !now.Before(o.until) || o.public.KeyID == next.public.KeyID })
	if len(t.old) == maxOldKeys {
		t.old = t.old[1:]
	}
	t.old = append(t.old, oldKey{last.public, now.Add(t.conf.Lifetime + keyGrace)})
	t.by.Store(next)
	return true, nil
}

// maxOldKeys bounds what is published of keys that come and go quickly.
const maxOldKeys = 8

// PublicKeys are those that verify every token that is good now.
func (t *UserTokens) PublicKeys() []jose.JSONWebKey {
	t.mu.Lock()
	defer t.mu.Unlock()
	keys, now := []jose.JSONWebKey{t.by.Load().public}, t.conf.Now()
	for _, o := range t.old {
		if now.Before(o.until) {
			keys = append(keys, o.public)
		}
	}
	return keys
}

// algorithm is the one that the key's type fixes (RFC 7518 3.1, RFC 8037).
func algorithm(key crypto.PrivateKey) (jose.SignatureAlgorithm, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < minRSABits {
			return "", fmt.Errorf("key: an RSA key needs %d bits at least", minRSABits)
		}
		return jose.RS256, nil
	case *ecdsa.PrivateKey:
		alg, ok := map[int]jose.SignatureAlgorithm{256: jose.ES256, 384: jose.ES384, 521: jose.ES512}[k.Curve.Params().BitSize]
		if !ok {
			return "", fmt.Errorf("key: the curve %s signs nothing here; use P-256, P-384 or P-521", k.Curve.Params().Name)
		}
		return alg, nil
	case ed25519.PrivateKey:
		return jose.EdDSA, nil
	}
	return "", fmt.Errorf("key: a private key of RSA, ECDSA or Ed25519 is needed, not %T", key)
}

// token gives a token of the user's that has half its life before it at least.
func (t *UserTokens) token(user string) (string, error) {
	now, by := t.conf.Now(), t.by.Load()
	if had, ok := by.kept.Get(user); ok && now.Sub(had.signed).Abs() < t.conf.Lifetime/2 {
		return had.raw, nil
	}
	payload, err := json.Marshal(map[string]any{
		"iss": t.conf.Issuer, "aud": t.conf.Audience, "sub": user, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(t.conf.Lifetime).Unix(),
	})
	if err != nil {
		return "", fmt.Errorf("writing the user's token: %w", err)
	}
	jws, err := by.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing the user's token: %w", err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("writing the user's token: %w", err)
	}
	by.kept.Add(user, userToken{raw, now})
	return raw, nil
}

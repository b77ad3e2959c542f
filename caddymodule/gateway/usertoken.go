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
	conf   UserToken
	signer jose.Signer
	kept   *lru.Cache[string, userToken]
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
	alg, err := algorithm(conf.Key)
	if err != nil {
		return nil, err
	}
	key := jose.JSONWebKey{Key: conf.Key}
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
	if conf.Now == nil {
		conf.Now = time.Now
	}
	return &UserTokens{conf: conf, signer: signer, kept: kept}, nil
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
	now := t.conf.Now()
	if had, ok := t.kept.Get(user); ok && now.Sub(had.signed).Abs() < t.conf.Lifetime/2 {
		return had.raw, nil
	}
	payload, err := json.Marshal(map[string]any{
		"iss": t.conf.Issuer, "aud": t.conf.Audience, "sub": user, "jti": rand.Text(),
		"iat": now.Unix(), "exp": now.Add(t.conf.Lifetime).Unix(),
	})
	if err != nil {
		return "", fmt.Errorf("writing the user's token: %w", err)
	}
	jws, err := t.signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing the user's token: %w", err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("writing the user's token: %w", err)
	}
	t.kept.Add(user, userToken{raw, now})
	return raw, nil
}

package signin

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

const (
	keysAge    = time.Hour // after which a key set is read again: withdrawn keys go
	minRSABits = 2048      // RFC 7518 3.3
	maxFitting = 4         // keys of one kid that are tried
)

// keySet is a provider's key set (RFC 7517), read at first use. A token that no
// known key fits makes it be read again, as OpenID Connect Core 10.1.1 has it
// for rotated keys, but not as often as whoever sends tokens likes: each kind
// of source has an allowance of its own, so that tokens which anybody can send
// us neither make us storm the provider nor keep us from seeing new keys at a
// sign-in.
type keySet struct {
	url    string
	algs   []jose.SignatureAlgorithm
	idp    *idp
	flight singleflight.Group

	mu   sync.Mutex
	keys []jose.JSONWebKey
	read time.Time // zero: never
}

// keySource is a key set as one kind of source sees it. It is an oidc.KeySet.
type keySource struct {
	*keySet
	again *rate.Limiter
}

// asked is for tokens that we fetched from the provider ourselves, pushed for
// those that anybody can send.
func (s *keySet) asked() keySource { return keySource{s, rate.NewLimiter(rate.Every(time.Second), 10)} }

func (s *keySet) pushed() keySource {
	return keySource{s, rate.NewLimiter(rate.Every(10*time.Second), 3)}
}

// VerifySignature returns the payload of a compact JWS that is signed by one of
// our algorithms with a key of the set. Keys that the token itself brings or
// refers to (jwk, jku, x5c, x5u) count for nothing.
func (s keySource) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(raw, s.algs)
	if err != nil {
		return nil, fmt.Errorf("malformed jwt: %w", err)
	}
	now := s.idp.now()
	keys, read := s.known()
	fetched := false
	if read.IsZero() || now.Sub(read).Abs() > keysAge {
		fresh, err := s.fetch(ctx, read)
		switch {
		case err == nil:
			keys, fetched = fresh, true
		case read.IsZero():
			return nil, fmt.Errorf("fetching keys: %w", err)
		}
	}
	payload, err := verifyWith(jws, keys)
	if err == nil || fetched {
		return payload, err
	}
	fresh, fetchErr := s.fetch(ctx, read)
	switch {
	case errors.Is(fetchErr, errTooOften):
		return payload, err
	case fetchErr != nil:
		return nil, fmt.Errorf("fetching keys: %w", fetchErr)
	}
	return verifyWith(jws, fresh)
}

var errTooOften = errors.New("asked for too often")

func (s *keySet) known() ([]jose.JSONWebKey, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys, s.read
}

// fetch reads the set, unless that was done since the caller looked. Callers at
// the same time share one call, and pay for it once: a crowd that signs in as
// the keys are first needed, or new, is one asker.
func (s keySource) fetch(ctx context.Context, looked time.Time) ([]jose.JSONWebKey, error) {
	ch := s.flight.DoChan(fmt.Sprintf("%p", s.again), func() (any, error) {
		if keys, read := s.known(); read.After(looked) {
			return keys, nil
		}
		if !s.again.AllowN(s.idp.now(), 1) {
			return nil, errTooOften
		}
		call, cancel := s.idp.context(context.WithoutCancel(ctx))
		defer cancel()
		body, _, err := s.idp.get(call, s.url, "")
		if err != nil {
			return nil, err
		}
		keys, err := readKeys(body)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.keys, s.read = keys, s.idp.now()
		return keys, nil
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case res := <-ch:
		if res.Err != nil {
			if !errors.Is(res.Err, errTooOften) {
				s.idp.metrics.IDPError(s.idp.Name, "keys")
			}
			return nil, res.Err
		}
		keys, _ := res.Val.([]jose.JSONWebKey)
		return keys, nil
	}
}

// readKeys reads a key set. Keys of kinds that we do not know are left out (RFC
// 7517 5), and so is what could not be a provider's signing key.
func readKeys(body []byte) ([]jose.JSONWebKey, error) {
	set, err := readClaims(body)
	if err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(set["keys"], &list); err != nil {
		return nil, errors.New("key set: keys is not a list of objects")
	}
	var keys []jose.JSONWebKey
	for _, raw := range list {
		b, err := json.Marshal(raw)
		if err != nil {
			return nil, fmt.Errorf("key set: %w", err)
		}
		var k jose.JSONWebKey
		if k.UnmarshalJSON(b) == nil && k.Valid() && k.IsPublic() && (k.Use == "" || k.Use == "sig") {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// verifyWith tries the keys that fit. A token that names none must leave no
// choice (OpenID Connect Core 10.1: kid is needed where the set has several).
func verifyWith(jws *jose.JSONWebSignature, keys []jose.JSONWebKey) ([]byte, error) {
	h := jws.Signatures[0].Protected
	var fit []*jose.JSONWebKey
	for i := range keys {
		if k := &keys[i]; (h.KeyID == "" || k.KeyID == h.KeyID) && fits(k, h.Algorithm) {
			fit = append(fit, k)
		}
	}
	switch {
	case len(fit) == 0:
		return nil, errors.New("no key for the signature")
	case h.KeyID == "" && len(fit) > 1, len(fit) > maxFitting:
		return nil, errors.New("several keys may be the signature's")
	}
	for _, k := range fit {
		if payload, err := jws.Verify(k.Key); err == nil {
			return payload, nil
		}
	}
	return nil, errors.New("signature is wrong")
}

// fits says whether a key is for an algorithm: of its type, curve and strength
// (RFC 8725 3.1).
func fits(k *jose.JSONWebKey, alg string) bool {
	if k.Algorithm != "" && k.Algorithm != alg {
		return false
	}
	switch pub := k.Key.(type) {
	case *rsa.PublicKey:
		return (strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")) && pub.N.BitLen() >= minRSABits
	case *ecdsa.PublicKey:
		bits := map[string]int{"ES256": 256, "ES384": 384, "ES512": 521}[alg]
		return pub.Curve.Params().BitSize == bits
	case ed25519.PublicKey:
		return alg == "EdDSA"
	}
	return false
}

// get reads an answer of the provider's whole, with its media type. The client
// bounds it in size and time.
func (p *idp) get(ctx context.Context, from, accessToken string) (body []byte, contentType string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, "", fmt.Errorf("asking the provider: %w", err)
	}
	if accessToken != "" {
		req.Header.Set("Authorization", "Bearer "+accessToken)
	}
	return p.do(req, http.StatusOK)
}

// do sends a request to the provider and reads the answer whole.
func (p *idp) do(req *http.Request, statuses ...int) (body []byte, contentType string, err error) {
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, "", fmt.Errorf("asking the provider: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if body, err = io.ReadAll(resp.Body); err != nil {
		return nil, "", fmt.Errorf("reading the provider's answer: %w", err)
	}
	if !slices.Contains(statuses, resp.StatusCode) {
		err = &statusError{resp.StatusCode}
	}
	return body, resp.Header.Get("Content-Type"), err
}

// statusError is an answer that came with another status than expected.
type statusError struct{ status int }

func (e *statusError) Error() string { return fmt.Sprintf("provider answered %d", e.status) }

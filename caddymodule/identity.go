package caddymodule

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/postern-gateway/postern/caddymodule/gateway"
)

// UserJWT says how the name in a trusted header is signed besides, so that the
// wiki can tell that it comes from this site.
type UserJWT struct {
	// Header is the field that the JWT goes up in. Required.
	Header string `json:"header"`
	// Key is a PEM file with the private key that signs (Ed25519, ECDSA or
	// RSA); its type fixes the algorithm. Required.
	Key string `json:"key"`
	// Audience is the token's aud: what the wiki calls itself. Required.
	Audience string `json:"audience"`
	// Lifetime is how long a token is good: 10s to 10m, 60s by default. A token
	// serves for several requests, for half of it.
	Lifetime caddy.Duration `json:"lifetime,omitempty"`
}

const (
	userJWTLife    = time.Minute
	userJWTLifeMin = 10 * time.Second
	userJWTLifeMax = 10 * time.Minute
)

// tokens makes what signs, for the identity header named beside.
func (j *UserJWT) tokens(repl *caddy.Replacer, site, beside string) (*gateway.UserTokens, error) {
	life := time.Duration(j.Lifetime)
	if life == 0 {
		life = userJWTLife
	}
	switch {
	case j.Header == "" || strings.ContainsFunc(j.Header, notHeaderName):
		return nil, errors.New("a header's name of letters, digits and hyphens is needed")
	case strings.EqualFold(j.Header, beside):
		return nil, fmt.Errorf("%s is the name's header already", j.Header)
	case ownHeader(j.Header):
		return nil, fmt.Errorf("%s has a meaning of its own in HTTP; use a name such as X-Postern-Jwt", j.Header)
	case life < userJWTLifeMin || life > userJWTLifeMax:
		return nil, fmt.Errorf("lifetime %s is not between %s and %s", life, userJWTLifeMin, userJWTLifeMax)
	}
	file := repl.ReplaceAll(j.Key, "")
	if file == "" {
		return nil, errors.New("key is missing: name a PEM file with a private key")
	}
	key, err := readPrivateKey(file)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	return gateway.NewUserTokens(gateway.UserToken{ //nolint:wrapcheck // wrapped by the caller
		Header: j.Header, Key: key, Issuer: site, Audience: repl.ReplaceAll(j.Audience, ""), Lifetime: life,
	})
}

// ownHeader says that a field is one that HTTP or this gateway sets.
func ownHeader(name string) bool {
	switch strings.ToLower(name) {
	case "host", "connection", "te", "trailer", "upgrade", "transfer-encoding", "cookie", "authorization", "range", "origin", "user-agent", "via", "forwarded":
		return true
	}
	name = strings.ToLower(name)
	return strings.HasPrefix(name, "content-") || strings.HasPrefix(name, "accept") || strings.HasPrefix(name, "x-forwarded-")
}

// parse reads { jwt HEADER; key FILE; audience NAME; lifetime DURATION }.
func (j *UserJWT) parse(d *caddyfile.Dispenser) error {
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		switch name := d.Val(); name {
		case "jwt":
			err = one(d, &j.Header)
		case "key":
			err = one(d, &j.Key)
		case "audience":
			err = one(d, &j.Audience)
		case "lifetime":
			var s string
			if err = one(d, &s); err == nil {
				var life time.Duration
				if life, err = caddy.ParseDuration(s); err != nil {
					err = d.Errf("lifetime: %q is not a duration such as 60s", s)
				}
				j.Lifetime = caddy.Duration(life)
			}
		default:
			err = d.Errf("unknown option %q of upstream_identity; known: jwt, key, audience, lifetime", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

package caddymodule

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/postern-gateway/postern/caddymodule/signin"
)

// credentials fills in how the provider is to know this site, how it is to
// answer, and which of its access tokens are taken.
func (p *Provider) credentials(repl *caddy.Replacer, out *signin.Provider) error {
	out.ClientAuth, out.ClientKeyID = p.ClientAuth, p.ClientKeyID
	if file := repl.ReplaceAll(p.ClientKey, ""); file != "" {
		key, err := readPrivateKey(file)
		if err != nil {
			return fmt.Errorf("client_key: %w", err)
		}
		out.ClientKey = key
	}
	switch p.ResponseMode {
	case "", "query":
	case "form_post":
		out.FormPost = true
	default:
		return fmt.Errorf("response_mode %q is not one of query, form_post", p.ResponseMode)
	}
	if p.Bearer != nil {
		out.Bearer = &signin.Bearer{Audience: p.Bearer.Audience, Scopes: p.Bearer.Scopes}
	}
	return out.Check() //nolint:wrapcheck // wrapped by the caller, with the provider's name
}

// readPrivateKey reads the one private key of a PEM file.
func readPrivateKey(file string) (crypto.PrivateKey, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err //nolint:wrapcheck // names the file
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block", file)
	}
	if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	return nil, errors.New(file + " holds no private key in clear; PKCS #8, PKCS #1 and SEC 1 can be read")
}

// parse reads bearer { audience NAME; scopes WORD... }.
func (b *Bearer) parse(d *caddyfile.Dispenser) error {
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		switch name := d.Val(); name {
		case "audience":
			err = one(d, &b.Audience)
		case "scopes":
			err = many(d, &b.Scopes)
		default:
			err = d.Errf("unknown option %q of bearer; known: audience, scopes", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

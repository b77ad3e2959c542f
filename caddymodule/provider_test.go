package caddymodule

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/postern-gateway/postern/caddymodule/signin"
)

func TestClientKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, kind string, der []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ed, err := x509.MarshalPKCS8PrivateKey(edKey)
	edFile := write("ed", "PRIVATE KEY", ed, err)
	ec, err := x509.MarshalECPrivateKey(ecKey)
	ecFile := write("ec", "EC PRIVATE KEY", ec, err)
	pub, err := x509.MarshalPKIXPublicKey(public)
	pubFile := write("pub", "PUBLIC KEY", pub, err)
	for name, tt := range map[string]struct {
		p     Provider
		fault string
	}{
		"PKCS #1":      {p: Provider{ClientKey: write("rsa", "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey), nil)}},
		"PKCS #8":      {p: Provider{ClientKey: edFile, ResponseMode: "form_post"}},
		"SEC 1":        {p: Provider{ClientKey: ecFile, ClientAuth: "private_key_jwt", ResponseMode: "query"}},
		"public key":   {p: Provider{ClientKey: pubFile}, fault: "no private key"},
		"no file":      {p: Provider{ClientKey: filepath.Join(dir, "none")}, fault: "none"},
		"no key":       {p: Provider{ClientAuth: "private_key_jwt"}, fault: "client_key"},
		"other mode":   {p: Provider{ResponseMode: "fragment"}, fault: "response_mode"},
		"empty bearer": {p: Provider{Bearer: &Bearer{}}, fault: "audience"},
		"no scopes":    {p: Provider{Bearer: &Bearer{Audience: "api"}}, fault: "scope"},
		"bearer":       {p: Provider{Bearer: &Bearer{Audience: "api", Scopes: []string{"read"}}}},
	} {
		err := tt.p.credentials(caddy.NewReplacer(), &signin.Provider{ClientID: "postern"})
		if tt.fault == "" && err != nil || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
			t.Errorf("%s: %v, want %q in it", name, err, tt.fault)
		}
	}
}

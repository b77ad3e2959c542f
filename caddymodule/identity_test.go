package caddymodule

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/go-jose/go-jose/v4"

	"github.com/postern-gateway/postern/rules"
)

// signingKey writes a new key to a file.
func signingKey(t *testing.T) (*ecdsa.PrivateKey, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return key, file
}

// TestSignedName verifies at the wiki what vouches for a name, and that no
// client can send such a thing.
func TestSignedName(t *testing.T) {
	key, file := signingKey(t)
	s := newRawSiteOf(t, func(app map[string]any) {
		app["upstream_identity"].(map[string]any)["internal"].(map[string]any)["jwt"] = map[string]any{
			"header": "X-Postern-Jwt", "key": file, "audience": "wiki.internal",
		}
	})
	ana, ines := s.cookie(t, "ana", "acme-demo"), s.cookie(t, "ines", "internal-demo")
	for name, tt := range map[string]struct {
		cookie string
		header []string
		signed bool
	}{
		"internal":              {cookie: ines, signed: true},
		"internal, spoofed":     {cookie: ines, header: []string{"X-Postern-Jwt: a.b.c", "x-postern-jwt: a.b.c", "X_Postern_Jwt: a.b.c"}, signed: true},
		"internal, hop by hop":  {cookie: ines, header: []string{"Connection: X-Postern-Jwt, X-Remote-User"}, signed: true},
		"external":              {cookie: ana},
		"external, spoofed":     {cookie: ana, header: []string{"X-Postern-Jwt: a.b.c", "X-Remote-User: ines"}},
		"external, other cases": {cookie: ana, header: []string{"X_Postern_Jwt: a.b.c", "X.Postern.Jwt: a.b.c", "x-postern-jwt: a.b.c"}},
	} {
		s.tap.take()
		got := s.send(t, s.request("GET /display/ACME/Project+Plan", tt.cookie, tt.header...))
		up := s.tap.take()
		if got.status != 200 || len(up) == 0 {
			t.Fatalf("%s: status %d, %d requests at the wiki", name, got.status, len(up))
		}
		if strings.Contains(up[0].raw, "a.b.c") {
			t.Errorf("%s: the client's own went up: %q", name, up[0].raw)
		}
		tokens := up[0].req.Header.Values("X-Postern-Jwt")
		if !tt.signed {
			if len(tokens) > 0 {
				t.Errorf("%s: sent %q", name, tokens)
			}
			continue
		}
		if len(tokens) != 1 || up[0].req.Header.Get("X-Remote-User") != "ines" {
			t.Fatalf("%s: tokens %q in %q", name, tokens, up[0].raw)
		}
		jws, err := jose.ParseSignedCompact(tokens[0], []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		payload, err := jws.Verify(&key.PublicKey)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var c struct {
			Iss, Aud, Sub, Jti string
			Iat, Exp           int64
		}
		if err := json.Unmarshal(payload, &c); err != nil {
			t.Fatal(err)
		}
		if c.Iss != s.site || c.Aud != "wiki.internal" || c.Sub != "ines" || c.Jti == "" || c.Exp-c.Iat != 60 {
			t.Errorf("%s: claims %s", name, payload)
		}
	}
}

func TestIdentities(t *testing.T) {
	t.Parallel()
	_, file := signingKey(t)
	site, err := parseBase("site", "https://extranet.example")
	if err != nil {
		t.Fatal(err)
	}
	good := UserJWT{Header: "X-Postern-Jwt", Key: file, Audience: "wiki"}
	with := func(change func(*UserJWT)) *UserJWT { j := good; change(&j); return &j }
	for name, tt := range map[string]struct {
		identity string
		jwt      *UserJWT
		fault    string
	}{
		"good":           {jwt: &good},
		"long":           {jwt: with(func(j *UserJWT) { j.Lifetime = caddy.Duration(10 * time.Minute) })},
		"not signed":     {},
		"service":        {identity: "service", jwt: &good, fault: "header alone"},
		"no header":      {jwt: with(func(j *UserJWT) { j.Header = "" }), fault: "header's name"},
		"odd header":     {jwt: with(func(j *UserJWT) { j.Header = "X Jwt" }), fault: "header's name"},
		"same header":    {jwt: with(func(j *UserJWT) { j.Header = "x-remote-user" }), fault: "already"},
		"header of HTTP": {jwt: with(func(j *UserJWT) { j.Header = "Content-Length" }), fault: "meaning of its own"},
		"no key":         {jwt: with(func(j *UserJWT) { j.Key = "" }), fault: "key is missing"},
		"no such file":   {jwt: with(func(j *UserJWT) { j.Key += "x" }), fault: "key.pemx"},
		"no audience":    {jwt: with(func(j *UserJWT) { j.Audience = "" }), fault: "audience"},
		"too short":      {jwt: with(func(j *UserJWT) { j.Lifetime = 1 }), fault: "lifetime"},
	} {
		id := &UpstreamIdentity{Identity: tt.identity, Value: "X-Remote-User", JWT: tt.jwt}
		if id.Identity == "" {
			id.Identity = "header"
		}
		a := &App{site: site, UpstreamIdentity: map[string]*UpstreamIdentity{"internal": id}}
		got, err := a.identities(caddy.NewReplacer())
		if tt.fault == "" && err != nil || tt.fault != "" && (err == nil || !strings.Contains(err.Error(), tt.fault)) {
			t.Errorf("%s: %v, want %q in it", name, err, tt.fault)
		}
		if err == nil && (got[rules.Internal].Tokens != nil) != (tt.jwt != nil) {
			t.Errorf("%s: %+v", name, got[rules.Internal])
		}
	}
}

package caddymodule

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// keySet fetches the published keys, as the wiki would.
func (s *rawSite) keySet(t *testing.T) (set jose.JSONWebKeySet, raw string) {
	t.Helper()
	resp, err := http.Get(s.site + "/.postern/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/jwk-set+json" {
		t.Fatalf("%s, %v: %s", resp.Status, err, body)
	}
	if err := json.Unmarshal(body, &set); err != nil {
		t.Fatal(err)
	}
	return set, string(body)
}

// signedBy gives the kid of the token that goes up, which must verify by the
// published keys.
func (s *rawSite) signedBy(t *testing.T, cookie string) string {
	t.Helper()
	s.tap.take()
	s.send(t, s.request("GET "+planPage, cookie))
	up := s.tap.take()
	if len(up) == 0 {
		t.Fatal("nothing at the wiki")
	}
	jws, err := jose.ParseSignedCompact(up[0].req.Header.Get("X-Postern-Jwt"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	set, _ := s.keySet(t)
	kid := jws.Signatures[0].Header.KeyID
	keys := set.Key(kid)
	if len(keys) != 1 {
		t.Fatalf("%d keys are published by the kid %s", len(keys), kid)
	}
	if _, err := jws.Verify(keys[0].Key); err != nil {
		t.Fatal(err)
	}
	return kid
}

// TestKeysPublished: what verifies the signed names is published, and a file
// with another key takes effect without a reload, with no token in between that
// nothing published verifies.
func TestKeysPublished(t *testing.T) {
	_, file := signingKey(t)
	s := newRawSiteOf(t, func(app map[string]any) {
		app["upstream_identity"].(map[string]any)["internal"].(map[string]any)["jwt"] = map[string]any{
			"header": "X-Postern-Jwt", "key": file, "audience": "wiki.internal",
		}
	})
	ines := s.cookie(t, "ines", "internal-demo")
	first := s.signedBy(t, ines)
	set, raw := s.keySet(t)
	if len(set.Keys) != 1 || !set.Keys[0].IsPublic() || set.Keys[0].Use != "sig" || set.Keys[0].Algorithm != "ES256" || strings.Contains(raw, `"d"`) {
		t.Errorf("published: %s", raw)
	}
	if got := s.send(t, s.request("POST /.postern/jwks.json", ines, "Content-Length: 0")); got.status != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", got.status)
	}
	for _, path := range []string{"/.postern/JWKS.json", "/.postern/jwks.json/", "/.postern/%6awks.json", "/.postern/jwks.json/x"} {
		if got := s.send(t, s.request("GET "+path, ines)); got.status == http.StatusOK {
			t.Errorf("%s: %d", path, got.status)
		}
	}
	_, other := signingKey(t)
	rename := func(from string) {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file+".new", data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	rename(other)
	second := first
	for deadline := time.Now().Add(20 * time.Second); second == first && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		second = s.signedBy(t, ines)
	}
	if set, _ := s.keySet(t); second == first || len(set.Key(first)) != 1 {
		t.Fatalf("after the change %s signs (before: %s), published: %v", second, first, set)
	}
	// What is no key changes nothing; the admin who asks is told.
	if err := os.WriteFile(file, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post("http://"+s.admin+"/postern/reload", "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusUnprocessableEntity || s.signedBy(t, ines) != second {
		t.Errorf("a faulty key: %s", resp.Status)
	}
}

// TestNoKeysPublished: where no name is signed there is no such page.
func TestNoKeysPublished(t *testing.T) {
	s := newRawSite(t)
	if got := s.send(t, s.request("GET /.postern/jwks.json", "")); got.status == http.StatusOK {
		t.Errorf("status %d", got.status)
	}
}

package gateway

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// TestUserTokens verifies what is signed, by each kind of key, and when it is
// signed anew.
func TestUserTokens(t *testing.T) {
	t.Parallel()
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	ecKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	for alg, key := range map[jose.SignatureAlgorithm]crypto.Signer{jose.RS256: rsaKey, jose.ES256: ecKey, jose.EdDSA: edKey} {
		now := time.Unix(1_800_000_000, 0)
		tokens, err := NewUserTokens(UserToken{
			Header: "X-Token", Key: key, Issuer: "https://site.example", Audience: "wiki", Lifetime: time.Minute, Now: func() time.Time { return now },
		})
		if err != nil {
			t.Fatal(err)
		}
		read := func(user string) (raw string, jti any) {
			raw, err := tokens.token(user)
			if err != nil {
				t.Fatal(err)
			}
			jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{alg})
			if err != nil {
				t.Fatal(err)
			}
			payload, err := jws.Verify(key.Public())
			if err != nil {
				t.Fatal(err)
			}
			var got map[string]any
			if err := json.Unmarshal(payload, &got); err != nil {
				t.Fatal(err)
			}
			jti = got["jti"]
			delete(got, "jti")
			if len(jws.Signatures[0].Header.KeyID) != 43 {
				t.Errorf("%s: kid %q", alg, jws.Signatures[0].Header.KeyID)
			}
			want := fmt.Sprintf("map[aud:wiki exp:%.6g iat:%.6g iss:https://site.example sub:%s]", got["exp"], got["iat"], user)
			if s := fmt.Sprintf("map[aud:%v exp:%.6g iat:%.6g iss:%v sub:%v]", got["aud"], got["exp"], got["iat"], got["iss"], got["sub"]); s != want || len(got) != 5 || got["exp"].(float64)-got["iat"].(float64) != 60 {
				t.Errorf("%s: claims %v", alg, got)
			}
			return raw, jti
		}
		first, jti := read("ana")
		now = now.Add(29 * time.Second)
		if again, _ := read("ana"); again != first {
			t.Errorf("%s: signed anew before half its life", alg)
		}
		if other, _ := read("bo"); other == first {
			t.Errorf("%s: another's token", alg)
		}
		now = now.Add(time.Second)
		if later, other := read("ana"); later == first || other == jti {
			t.Errorf("%s: not signed anew at half its life", alg)
		}
	}
}

func TestUserTokensRefused(t *testing.T) {
	t.Parallel()
	weak, _ := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	ok, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	for name, conf := range map[string]UserToken{
		"no key": {Audience: "wiki"}, "curve": {Audience: "wiki", Key: weak}, "no audience": {Key: ok},
	} {
		if _, err := NewUserTokens(conf); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

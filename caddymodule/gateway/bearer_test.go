package gateway

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/signin"
)

// TestOriginOfBearer: a write by access token needs no Origin, for no other
// site can have caused it; a write by cookie does.
func TestOriginOfBearer(t *testing.T) {
	g := &Gateway{cfg: Config{Site: &url.URL{Scheme: "https", Host: "extranet.example"}}}
	for name, tt := range map[string]struct {
		session *signin.Session
		refused bool
	}{
		"nobody":       {refused: true},
		"cookie":       {session: &signin.Session{}, refused: true},
		"access token": {session: &signin.Session{Bearer: true}},
	} {
		x := &exchange{g: g, r: httptest.NewRequest(http.MethodPost, "https://extranet.example/x", nil), session: tt.session}
		if got := x.sameOrigin() != nil; got != tt.refused {
			t.Errorf("%s: refused %v, want %v", name, got, tt.refused)
		}
	}
}

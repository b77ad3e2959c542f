package signin_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

func (h *hostile) logoutClaims(jti string) map[string]any {
	now := time.Now().Unix()
	return map[string]any{
		"iss": h.URL, "aud": "postern", "sub": "sub-1", "iat": now, "exp": now + 120, "jti": jti,
		"events": map[string]any{logoutEvent: map[string]any{}},
	}
}

func TestBackChannel(t *testing.T) {
	h := newHostile(t)
	set := func(name string, v any) func(c map[string]any) {
		return func(c map[string]any) {
			if v == nil {
				delete(c, name)
			} else {
				c[name] = v
			}
		}
	}
	for name, tt := range map[string]struct {
		claims func(c map[string]any)
		token  func(p []byte) string
		out    bool
	}{
		"by sub":              {out: true},
		"by sid":              {claims: func(c map[string]any) { delete(c, "sub"); c["sid"] = "sid-1" }, out: true},
		"by both":             {claims: set("sid", "sid-1"), out: true},
		"typ JWT":             {token: func(p []byte) string { return sign(p, jose.RS256, h.rsa, "rsa", "JWT") }, out: true},
		"no typ":              {token: func(p []byte) string { return sign(p, jose.RS256, h.rsa, "rsa", "") }, out: true},
		"other sub":           {claims: set("sub", "sub-2")},
		"other sid":           {claims: set("sid", "sid-2")},
		"neither sub nor sid": {claims: set("sub", nil)},
		"sid a number":        {claims: set("sid", 1)},
		"empty sid":           {claims: set("sid", "")},
		"with a nonce":        {claims: set("nonce", "")},
		"no events":           {claims: set("events", nil)},
		"events a string":     {claims: set("events", logoutEvent)},
		"other event":         {claims: set("events", map[string]any{"urn:x": map[string]any{}})},
		"event not an object": {claims: set("events", map[string]any{logoutEvent: true})},
		"no jti":              {claims: set("jti", nil)},
		"no iat":              {claims: set("iat", nil)},
		"old":                 {claims: set("iat", time.Now().Unix()-3600)},
		"no exp":              {claims: set("exp", nil)},
		"expired":             {claims: set("exp", time.Now().Unix()-1)},
		"other audience":      {claims: set("aud", "other")},
		"other issuer":        {claims: set("iss", "https://evil.example")},
		"an ID token": {token: func([]byte) string {
			h.mu.Lock()
			defer h.mu.Unlock()
			p, _ := json.Marshal(h.payload())
			return sign(p, jose.RS256, h.rsa, "rsa", "JWT")
		}},
		"an access token": {token: func(p []byte) string { return sign(p, jose.RS256, h.rsa, "rsa", "at+jwt") }},
		"foreign key":     {token: func(p []byte) string { return sign(p, jose.RS256, h.foreign, "rsa", "logout+jwt") }},
		"alg none":        {token: func(p []byte) string { return b64(`{"alg":"none"}`) + "." + b64(string(p)) + "." }},
		"no token":        {token: func([]byte) string { return "" }},
		"garbage":         {token: func([]byte) string { return "a.b.c" }},
		"too large":       {token: func([]byte) string { return strings.Repeat("a", 90<<10) }},
		"a claim twice": {token: func(p []byte) string {
			return sign([]byte(strings.TrimSuffix(string(p), "}")+`,"sub":"sub-1"}`), jose.RS256, h.rsa, "rsa", "logout+jwt")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil, provider("corp", h.URL))
			b := signedIn(t, h, s)
			sess, err := s.rp.Session(s.request(b))
			if err != nil || sess == nil {
				t.Fatal(err)
			}
			c := h.logoutClaims("jti-1")
			if tt.claims != nil {
				tt.claims(c)
			}
			p, _ := json.Marshal(c)
			token := sign(p, jose.RS256, h.rsa, "rsa", "logout+jwt")
			if tt.token != nil {
				token = tt.token(p)
			}
			op := newBrowser(t, false)
			resp := op.do(http.MethodPost, s.URL+"/.postern/backchannel/corp", url.Values{"logout_token": {token}})
			ok := resp.StatusCode == http.StatusOK
			if s.isIn(b) == tt.out || tt.out && !ok {
				t.Errorf("%s, in: %v\n%s", resp.Status, s.isIn(b), resp.body)
			}
			if other := strings.HasPrefix(name, "other s"); !tt.out && ok != other {
				t.Errorf("%s %s", resp.Status, resp.body)
			}
			if !ok && !strings.Contains(resp.body, `"error":"invalid_request"`) {
				t.Errorf("body %s", resp.body)
			}
			select {
			case <-sess.Done():
				if !tt.out {
					t.Error("what is under way was cut off")
				}
			default:
				if tt.out {
					t.Error("what is under way goes on")
				}
			}
		})
	}
}

func TestBackChannelReplay(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, provider("corp", h.URL))
	p, _ := json.Marshal(h.logoutClaims("jti-1"))
	form := url.Values{"logout_token": {sign(p, jose.RS256, h.rsa, "rsa", "logout+jwt")}}
	op := newBrowser(t, false)
	if r := op.do(http.MethodPost, s.URL+"/.postern/backchannel/corp", form); r.StatusCode != http.StatusOK {
		t.Errorf("nobody to sign out: %s %s", r.Status, r.body)
	}
	time.Sleep(2 * time.Millisecond) // a sign-in of the same millisecond counts as begun before
	b := signedIn(t, h, s)
	if r := op.do(http.MethodPost, s.URL+"/.postern/backchannel/corp", form); r.StatusCode != http.StatusBadRequest || !s.isIn(b) {
		t.Errorf("replayed: %s, in: %v", r.Status, s.isIn(b))
	}
	if r := op.do(http.MethodPost, s.URL+"/.postern/backchannel/corp", nil); r.StatusCode != http.StatusBadRequest {
		t.Errorf("no form: %s", r.Status)
	}
	form.Add("logout_token", "x")
	if r := op.do(http.MethodPost, s.URL+"/.postern/backchannel/corp", form); r.StatusCode != http.StatusBadRequest {
		t.Errorf("two tokens: %s", r.Status)
	}
	limited := false
	for range 150 {
		limited = limited || op.do(http.MethodPost, s.URL+"/.postern/backchannel/corp", url.Values{}).StatusCode == http.StatusTooManyRequests
	}
	if !limited {
		t.Error("nothing slows down a flood")
	}
}

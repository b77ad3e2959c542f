package caddymodule

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-gateway/postern/caddymodule/idptest"
)

const apiName = "https://extranet.example/api"

func newAPI(t *testing.T) *lying {
	t.Helper()
	taken := map[string]any{"bearer": map[string]any{"audience": apiName, "scopes": []string{"wiki.read"}}}
	return newLying(t, map[string]func(*idptest.Hostile) lie{
		"corp":  func(*idptest.Hostile) lie { return lie{conf: taken} },
		"other": honest,
	})
}

// TestHostileBearer: which access tokens are taken, through Caddy; what is said
// to those that are not; and that none arrives at the wiki.
func TestHostileBearer(t *testing.T) {
	s := newAPI(t)
	corp, now := s.liars["corp"], time.Now().Unix()
	token := func(name string, v any) string { return corp.AccessToken(apiName, claim(name, v)) }
	headed := func(key any, header map[jose.HeaderKey]any) string {
		h := map[jose.HeaderKey]any{"typ": "at+jwt"}
		for k, v := range header {
			h[k] = v
		}
		return idptest.SignJWT(corp.AccessClaims(apiName, nil), jose.RS256, key, "rsa", h)
	}
	claimsOf := corp.AccessClaims(apiName, nil)
	for name, tt := range map[string]struct {
		token  string
		status int // 0: 401, invalid_token
		code   string
	}{
		"other audience":         {token: corp.AccessToken("https://evil.example", nil)},
		"the client as audience": {token: corp.AccessToken("postern", nil)},
		"no audience":            {token: token("aud", nil)},
		"audience in two cases":  {token: corp.AccessToken("x", claim("AUD", apiName))},
		"expired":                {token: token("exp", now-1)},
		"no exp":                 {token: token("exp", nil)},
		"exp a string":           {token: token("exp", "9999999999")},
		"no iat":                 {token: token("iat", nil)},
		"iat ahead":              {token: token("iat", now+3600)},
		"iat too old":            {token: token("iat", now-13*3600)},
		"nbf ahead":              {token: token("nbf", now+3600)},
		"sub with a NUL":         {token: token("sub", "a\x00")},
		"no sub":                 {token: token("sub", nil)},
		"other issuer":           {token: token("iss", "https://evil.example")},
		"a provider without":     {token: s.liars["other"].AccessToken(apiName, nil)},
		"no scope":               {token: token("scope", nil), status: 403, code: "insufficient_scope"},
		"other scope":            {token: token("scope", "wiki.readall"), status: 403, code: "insufficient_scope"},
		"bound to a key":         {token: token("cnf", map[string]any{"jkt": "x"})},
		"bound to a certificate": {token: token("cnf", map[string]any{"x5t#S256": "x"})},
		"groups unknown":         {token: token("groups", "acme")},
		"groups left out":        {token: corp.AccessToken(apiName, claims(map[string]any{"groups": nil, "hasgroups": true}))},
		"an ID token":            {token: s.idp.Sign(corp.AccessClaims(apiName, claim("nonce", "n")), "JWT")},
		"typ of a logout token":  {token: s.idp.Sign(claimsOf, "logout+jwt")},
		"typ of DPoP":            {token: s.idp.Sign(claimsOf, "dpop+jwt")},
		"a refresh token":        {token: token("typ", "Refresh")},
		"alg none":               {token: idptest.Unsigned(`{"alg":"none","typ":"at+jwt"}`, claimsOf, "")},
		"alg HMAC":               {token: idptest.SignJWT(claimsOf, jose.HS256, s.idp.RSA.N.Bytes(), "rsa", nil)},
		"key of nobody":          {token: headed(s.idp.Foreign, nil)},
		"jku":                    {token: headed(s.idp.Foreign, map[jose.HeaderKey]any{"jku": s.idp.URL + "/keys"})},
		"x5u":                    {token: headed(s.idp.Foreign, map[jose.HeaderKey]any{"x5u": s.idp.URL + "/cert"})},
		"jwk":                    {token: headed(s.idp.Foreign, map[jose.HeaderKey]any{"jwk": jose.JSONWebKey{Key: s.idp.Foreign.Public()}})},
		"crit":                   {token: headed(s.idp.RSA, map[jose.HeaderKey]any{"crit": []string{"exp"}})},
		"b64":                    {token: headed(s.idp.RSA, map[jose.HeaderKey]any{"b64": false})},
		"sub twice":              {token: s.idp.Sign(append(bytes.TrimSuffix(claimsOf, []byte("}")), `,"sub":"x"}`...), "at+jwt")},
		"words":                  {token: "let me in"},
		"dots":                   {token: strings.Repeat(".", 5000)},
		"huge":                   {token: strings.Repeat("a", 10<<10)},
		"empty":                  {token: "", status: 400, code: "invalid_request"},
	} {
		got := s.send(t, s.request("GET "+planPage, "", "Authorization: Bearer "+tt.token))
		if tt.status == 0 {
			tt.status, tt.code = http.StatusUnauthorized, "invalid_token"
		}
		s.isProblem(t, name, got, tt.status, tt.code)
	}
	good := corp.AccessToken(apiName, nil)
	for name, tt := range map[string]struct {
		line   string
		header []string
		body   string
	}{
		"two fields":        {header: []string{"Authorization: Bearer " + good, "Authorization: Bearer " + good}},
		"query":             {line: "GET " + planPage + "?access_token=" + good},
		"query, escaped":    {line: "GET " + planPage + "?access%5Ftoken=" + good},
		"query, upper case": {line: "GET " + planPage + "?ACCESS_TOKEN=" + good},
		"query, a dot":      {line: "GET " + planPage + "?access.token=" + good},
		"query, empty":      {line: "GET " + planPage + "?access_token="},
		"query and header":  {line: "GET " + planPage + "?access_token=" + good, header: []string{"Authorization: Bearer " + good}},
		"form":              {line: "POST /rest/likes/1.0/content/66600101/likes", body: "access_token=" + good},
		"form and header":   {line: "POST /rest/likes/1.0/content/66600101/likes", body: "x=1&access_token=" + good, header: []string{"Authorization: Bearer " + good}},
	} {
		line := tt.line
		if line == "" {
			line = "GET " + planPage
		}
		raw := s.request(line, "", append(tt.header, formFields(tt.body)...)...) + tt.body
		s.isProblem(t, name, s.send(t, raw), http.StatusBadRequest, "invalid_request")
	}
	p := s.person(t)
	p.signIn("corp")
	s.isProblem(t, "cookie as well", s.send(t, s.request("GET "+planPage, "postern="+p.session(), "Authorization: Bearer "+good)), http.StatusBadRequest, "invalid_request")
}

func formFields(body string) []string {
	if body == "" {
		return nil
	}
	return []string{"Content-Type: application/x-www-form-urlencoded", "Content-Length: " + strconv.Itoa(len(body))}
}

// isProblem says that an access token is refused as RFC 6750 and RFC 9457 have
// it, and that nothing arrives at the wiki.
func (s *lying) isProblem(t *testing.T, name string, got answered, status int, code string) {
	t.Helper()
	var p struct {
		Type, Title, Detail string
		Status              int
	}
	err := json.Unmarshal([]byte(got.body), &p)
	challenge := got.header.Get("WWW-Authenticate")
	if got.status != status || !strings.HasPrefix(challenge, `Bearer realm="postern", error="`+code+`"`) || len(got.header.Values("Set-Cookie")) > 0 {
		t.Errorf("%s: %d, %q, want %d %s", name, got.status, challenge, status, code)
	}
	if err != nil || p.Status != status || p.Type != "about:blank" || p.Title != http.StatusText(status) || got.header.Get("Content-Type") != "application/problem+json" || got.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: no problem details: %v %s", name, got.header, got.body)
	}
	if strings.Contains(challenge, "scope=") != (code == "insufficient_scope") {
		t.Errorf("%s: %q", name, challenge)
	}
	if up := s.tap.take(); len(up) > 0 {
		t.Errorf("%s: arrives at the wiki: %q", name, up[0].raw)
	}
}

// TestBearerThroughCaddy: a token that is good shows what its viewer may see,
// no more, and stays here, under whatever name the client sends it besides.
func TestBearerThroughCaddy(t *testing.T) {
	s := newAPI(t)
	corp := s.liars["corp"]
	token := corp.AccessToken(apiName, nil)
	auth := "Authorization: Bearer " + token
	for name, lines := range map[string][]string{
		"alone":        nil,
		"lower case":   {"authorization-x: " + token},
		"other fields": {"X-Authorization: Bearer " + token, "Proxy-Authorization: Bearer " + token, "X-Access-Token: " + token, "X-Auth-Token: " + token, "X-Forwarded-Access-Token: " + token, "X-Original-Authorization: Bearer " + token, "Authorization_: Bearer " + token, "X-Remote-User: ines"},
		"cookies":      {"Cookie: access_token=" + token + "; JSESSIONID=" + token + "; seraph.confluence=" + token},
		"hop by hop":   {"Connection: Authorization, X-Remote-User"},
		"trailer":      {"TE: trailers", "Trailer: Authorization"},
		"elsewhere":    {"Referer: " + s.site + "/?t=" + token, "User-Agent: " + token, "Accept-Language: " + token, "X-Request-Id: " + token, "traceparent: " + token, "If-None-Match: \"" + token + "\""},
	} {
		s.tap.take()
		got := s.send(t, s.request("GET "+planPage, "", append([]string{auth, "Accept: text/html"}, lines...)...))
		up := s.tap.take()
		if got.status != http.StatusOK || len(up) == 0 || known(up) != byService {
			t.Errorf("%s: %d, the wiki is told %q", name, got.status, known(up))
			continue
		}
		for _, u := range up {
			if strings.Contains(u.raw, token) || strings.Contains(u.raw, token[:30]) || strings.Contains(u.raw, "ines") {
				t.Errorf("%s: arrives at the wiki: %q", name, u.raw)
			}
		}
		if low := strings.ToLower(got.body); !strings.Contains(low, "milestone") || strings.Contains(low, "kestrel") || strings.Contains(low, "osprey") || strings.Contains(got.body, token) {
			t.Errorf("%s: the page is not what its viewer may see", name)
		}
		if len(got.header.Values("Set-Cookie")) > 0 {
			t.Errorf("%s: cookies %q", name, got.header.Values("Set-Cookie"))
		}
	}
	// The same viewer by cookie sees the same.
	p := s.person(t)
	corp.Lie(idptest.Lies{Claims: claims(map[string]any{"sub": "robot-corp", "email": "robot@acme.example"})})
	p.signIn("corp")
	if a, b := p.get("/rest/api/space").body, s.send(t, s.request("GET /rest/api/space", "", auth)).body; a != b || a == "" {
		t.Errorf("by cookie and by token:\n%s\n%s", a, b)
	}
	if got := s.send(t, s.request("GET /display/HR", "", auth)); got.status != http.StatusNotFound {
		t.Errorf("a hidden space: %d", got.status)
	}
	// Revoked, the token is refused, in whatever it says of itself.
	resp, err := http.Post("http://"+s.admin+"/postern/revoke", "application/json", strings.NewReader(`{"provider":"corp","subject":"robot-corp"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	s.tap.take()
	s.isProblem(t, "revoked", s.send(t, s.request("GET "+planPage, "", auth)), http.StatusUnauthorized, "invalid_token")
	p.isOut()
}

// TestOriginOfWrites: an unsafe request counts only if its browser says that it
// is of this site. Whether it is let through is seen by what it is refused for.
func TestOriginOfWrites(t *testing.T) {
	s := newHonest(t)
	p := s.person(t)
	p.signIn("corp")
	other, err := url.Parse(s.site)
	if err != nil {
		t.Fatal(err)
	}
	host := other.Hostname()
	for name, tt := range map[string]struct {
		header []string
		ours   bool
	}{
		"nothing":                       {},
		"our origin":                    {header: []string{"Origin: " + s.site}, ours: true},
		"our origin, twice":             {header: []string{"Origin: " + s.site, "Origin: " + s.site}},
		"our origin and another":        {header: []string{"Origin: " + s.site, "Origin: https://evil.example"}},
		"our origin in a list":          {header: []string{"Origin: " + s.site + ", https://evil.example"}},
		"our origin, a slash":           {header: []string{"Origin: " + s.site + "/"}},
		"our origin, a path":            {header: []string{"Origin: " + s.site + "/x"}},
		"our origin, a query":           {header: []string{"Origin: " + s.site + "?x"}},
		"our origin, a user":            {header: []string{"Origin: http://x@" + s.host}},
		"our origin, upper case scheme": {header: []string{"Origin: HTTP://" + s.host}},
		"our origin, a dot behind":      {header: []string{"Origin: http://" + host + ".:" + other.Port()}},
		"our origin, other port":        {header: []string{"Origin: http://" + host + ":1"}},
		"our origin, no port":           {header: []string{"Origin: http://" + host}},
		"our origin, other scheme":      {header: []string{"Origin: https://" + s.host}},
		"our origin by another name":    {header: []string{"Origin: http://localhost:" + other.Port()}},
		"our origin, blanks":            {header: []string{"Origin: " + s.site + " x"}},
		"origin null":                   {header: []string{"Origin: null"}},
		"origin empty":                  {header: []string{"Origin: "}},
		"origin that begins alike":      {header: []string{"Origin: " + s.site + ".evil.example"}},
		"referer only":                  {header: []string{"Referer: " + s.site + "/"}},
		"same-origin":                   {header: []string{"Sec-Fetch-Site: same-origin"}, ours: true},
		"same-origin, twice":            {header: []string{"Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: same-origin"}},
		"same-origin and cross-site":    {header: []string{"Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"}},
		"same-origin in a list":         {header: []string{"Sec-Fetch-Site: same-origin, cross-site"}},
		"same-origin, upper case":       {header: []string{"Sec-Fetch-Site: Same-Origin"}},
		"same-origin, quoted":           {header: []string{`Sec-Fetch-Site: "same-origin"`}},
		"same-site":                     {header: []string{"Sec-Fetch-Site: same-site"}},
		"same-site, our origin":         {header: []string{"Sec-Fetch-Site: same-site", "Origin: " + s.site}},
		"cross-site":                    {header: []string{"Sec-Fetch-Site: cross-site"}},
		"cross-site, our origin":        {header: []string{"Sec-Fetch-Site: cross-site", "Origin: " + s.site}},
		"none":                          {header: []string{"Sec-Fetch-Site: none"}},
		"none, our origin":              {header: []string{"Sec-Fetch-Site: none", "Origin: " + s.site}},
		"empty":                         {header: []string{"Sec-Fetch-Site: "}},
		"empty, our origin":             {header: []string{"Sec-Fetch-Site: ", "Origin: " + s.site}},
		"same-origin, our origin":       {header: []string{"Sec-Fetch-Site: same-origin", "Origin: " + s.site}, ours: true},
		"same-origin, origin null":      {header: []string{"Sec-Fetch-Site: same-origin", "Origin: null"}, ours: true}, // by a page without referrers
		"same-origin, other origin":     {header: []string{"Sec-Fetch-Site: same-origin", "Origin: https://evil.example"}},
		"same-origin, two origins":      {header: []string{"Sec-Fetch-Site: same-origin", "Origin: null", "Origin: null"}},
		"other spellings":               {header: []string{"Sec_Fetch_Site: same-origin", "X-Sec-Fetch-Site: same-origin", "X-Origin: " + s.site}},
	} {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
			from := s.size()
			got := s.send(t, s.request(method+" /rest/api/content/66600101", "postern="+p.session(), append(tt.header, "Content-Length: 0")...))
			e := s.event(from, "decision", "")
			if refused := e["rule.id"] == "origin"; refused == tt.ours || refused && got.status != http.StatusForbidden {
				t.Errorf("%s, %s: %d by %v", method, name, got.status, e["rule.id"])
			}
		}
		from := s.size()
		got := s.send(t, s.request("POST /.postern/signout", "", append(tt.header, "Content-Length: 0")...))
		if out := got.status == http.StatusSeeOther; out != tt.ours {
			t.Errorf("sign-out, %s: %d\n%s", name, got.status, s.tail(from))
		}
	}
	if up := s.tap.take(); len(up) > 0 {
		t.Errorf("arrives at the wiki: %q", up[0].raw)
	}
}

// TestRefusalsCount: what has no single reading, is over a size or brings a bad
// credential uses up an address's allowance like all else.
func TestRefusalsCount(t *testing.T) {
	for name, tt := range map[string]struct {
		line   string
		header []string
		status int
	}{
		"no reading":  {line: "GET /display/%2e%2e/x", status: 400},
		"other host":  {line: "GET /display/ACME", header: []string{"Host: evil.example"}, status: 400},
		"target":      {line: "GET /display/ACME?x=" + strings.Repeat("x", 3000), status: 414},
		"fields":      {line: "GET /display/ACME", header: repeated("X-A: b", 150), status: 431},
		"body":        {line: "POST /rest/api/content", header: []string{"Content-Length: 5000000"}, status: 413},
		"two cookies": {line: "GET /display/ACME", header: []string{"Cookie: postern=" + strings.Repeat("A", 43), "Cookie: postern=" + strings.Repeat("B", 43)}, status: 400},
		"two tokens":  {line: "GET /display/ACME?access_token=x", status: 400},
	} {
		t.Run(name, func(t *testing.T) {
			s := newHonest(t, func(app map[string]any) {
				app["limits"] = map[string]any{"rate": 0.01, "burst": 5, "target": 2048}
			})
			statuses := map[int]int{}
			for range 8 {
				statuses[s.send(t, s.request(tt.line, "", tt.header...)).status]++
			}
			if statuses[tt.status] != 5 || statuses[http.StatusTooManyRequests] != 3 {
				t.Errorf("answered %v, want 5 times %d and then 429", statuses, tt.status)
			}
		})
	}
}

func repeated(line string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = line
	}
	return out
}

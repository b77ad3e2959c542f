package caddymodule

import (
	"bytes"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const sameOrigin = "Sec-Fetch-Site: same-origin"

// TestRequests plays tricks on the wire and compares, byte for byte, what the
// wiki gets to see: the request that was judged, and nothing else.
func TestRequests(t *testing.T) {
	s := newRawSite(t)
	ana := s.cookie(t, "ana", "acme-demo")
	ines := s.cookie(t, "ines", "internal-demo")
	base := []string{
		"Accept-Encoding: identity", "Accept: text/html", "Authorization: Bearer demo-read-token", "Host: " + s.host, "User-Agent: Postern",
		"Via: 1.1 Caddy", "X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: " + s.host, "X-Forwarded-Proto: http",
	}
	with := func(line string, more ...string) []string {
		all := slices.Concat(base, more)
		for _, m := range more {
			name, _, _ := strings.Cut(m, ":")
			all = slices.DeleteFunc(all, func(l string) bool { return strings.HasPrefix(l, name+":") && l != m })
		}
		slices.Sort(all)
		return append([]string{line + " HTTP/1.1"}, all...)
	}
	const page = "/display/ACME/Project+Plan"
	plain := with("GET " + page)
	const form = "Content-Type: application/x-www-form-urlencoded"
	const updates = "POST /rest/dashboardmacros/1.0/updates"
	const json = "Accept: application/json"
	type check struct {
		name, line string
		cookie     string // ana's if empty
		header     []string
		body       string
		status     int
		up         []string // nil: the wiki sees nothing
		upBody     string
	}
	tests := []check{
		{name: "plain", line: "GET " + page, status: 200, up: plain},
		{name: "internals go up by name", line: "GET " + page, cookie: ines, status: 200, up: slices.DeleteFunc(with("GET "+page, "X-Remote-User: ines"), func(l string) bool { return strings.HasPrefix(l, "Authorization") })},
		{name: "connection names what we set", line: "GET " + page, header: []string{"Connection: X-Remote-User, Authorization, Accept, Host, X-Foo", "X-Foo: 1"}, status: 200, up: plain},
		{name: "websocket", line: "GET " + page, header: []string{"Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"}, status: 200, up: plain},
		{name: "h2c", line: "GET " + page, header: []string{"Upgrade: h2c", "Connection: Upgrade, HTTP2-Settings", "HTTP2-Settings: AAMAAABkAAQAAP__"}, status: 200, up: plain},
		{name: "language of the reader", line: "GET " + page, header: []string{"Accept-Language: de"}, status: 200, up: with("GET "+page, "Accept-Language: de")},
		{name: "two languages fields", line: "GET " + page, header: []string{"Accept-Language: de", "Accept-Language: en"}, status: 200, up: plain},
		{name: "script", line: "GET " + page, header: []string{"X-Requested-With: XMLHttpRequest"}, status: 200, up: with("GET "+page, "X-Requested-With: XMLHttpRequest")},
		{name: "not a script", line: "GET " + page, header: []string{"X-Requested-With: ines"}, status: 200, up: plain},
		{name: "HEAD is made of the body", line: "HEAD " + page, status: 200, up: plain},
		{name: "needless escapes", line: "GET /%64isplay/%41CME/Project%20Plan", status: 200, up: plain},
		{name: "query credentials", line: "GET " + page + "?os_username=ines&os_password=hunter2&os_authType=basic", status: 400},
		{name: "how to sign in", line: "GET " + page + "?os_authType=basic", status: 200, up: plain},
		{name: "range and conditions on a page", line: "GET " + page, header: []string{"Range: bytes=0-1", `If-Range: "x"`, `If-Match: "x"`, "If-Modified-Since: Mon, 02 Jan 2006 15:04:05 GMT", "If-Unmodified-Since: Mon, 02 Jan 2006 15:04:05 GMT"}, status: 200, up: plain},

		{name: "host of somebody else", line: "GET " + page, header: []string{"Host: evil.example"}, status: 400},
		{name: "two hosts", line: "GET " + page, header: []string{"Host: " + s.host, "Host: evil.example"}, status: 400},
		{name: "the same host twice", line: "GET " + page, header: []string{"Host: " + s.host, "Host: " + s.host}, status: 400},
		{name: "host with a dot", line: "GET " + page, header: []string{"Host: 127.0.0.1.:" + port(s.host)}, status: 400},
		{name: "host without the port", line: "GET " + page, header: []string{"Host: 127.0.0.1"}, status: 400},
		{name: "host with another port", line: "GET " + page, header: []string{"Host: 127.0.0.1:1"}, status: 400},
		{name: "host with a user", line: "GET " + page, header: []string{"Host: ines@" + s.host}, status: 400},
		{name: "empty host", line: "GET " + page, header: []string{"Host: "}, status: 400},
		{name: "absolute form, host of somebody else", line: "GET http://evil.example" + page, status: 400},
		{name: "absolute form, two hosts", line: "GET http://" + s.host + page, header: []string{"Host: evil.example"}, status: 400},
		{name: "absolute form, other scheme", line: "GET ftp://" + s.host + page, status: 400},
		{name: "authority form", line: "CONNECT " + s.host, status: 400},
		{name: "a path to CONNECT", line: "CONNECT " + page, status: 400},
		{name: "fragment", line: "GET " + page + "#x", status: 400},
		{name: "two slashes", line: "GET //evil.example" + page, status: 400},
		{name: "backslash", line: `GET /display\HR\x`, status: 400},
		{name: "bare line feed in the target", line: "GET " + page + "%0aX-Remote-User:%20ines", status: 400},

		{name: "TRACE", line: "TRACE " + page, status: 403},
		{name: "TRACE from here", line: "TRACE " + page, header: []string{sameOrigin}, status: 404},
		{name: "OPTIONS", line: "OPTIONS " + page, status: 404},
		{name: "PROPFIND", line: "PROPFIND " + page, header: []string{sameOrigin}, status: 404},
		{name: "lower-case method", line: "get " + page, header: []string{sameOrigin}, status: 404},
		{name: "method overrides", line: "POST " + page, header: []string{sameOrigin, "X-HTTP-Method-Override: GET", "X-HTTP-Method: GET", "X-Method-Override: GET"}, status: 404},
		{name: "method override in the query", line: "POST " + page + "?_method=GET", header: []string{sameOrigin}, status: 404},
		{name: "other URLs in the header", line: "GET /display/HR", header: []string{"X-Original-URL: " + page, "X-Rewrite-URL: " + page, "X-Original-URI: " + page, "X-Forwarded-Uri: " + page, "X-Forwarded-Prefix: /display/ACME"}, status: 404},

		{name: "form", line: updates, header: []string{sameOrigin, form, "Content-Length: 12"}, body: "maxResults=5", status: 200, up: with(updates, json, "Content-Length: 12", form), upBody: "maxResults=5"},
		{name: "form with Expect", line: updates, header: []string{sameOrigin, form, "Content-Length: 12", "Expect: 100-continue"}, body: "maxResults=5", status: 200, up: with(updates, json, "Content-Length: 12", form), upBody: "maxResults=5"},
		{name: "chunks with trailers and extensions", line: updates, header: []string{sameOrigin, form, "Transfer-Encoding: chunked", "Trailer: X-Remote-User"}, body: "b;x=1\r\nmaxResults=\r\n1\r\n5\r\n0\r\nX-Remote-User: ines\r\n\r\n", status: 200, up: with(updates, json, "Content-Length: 12", form), upBody: "maxResults=5"},
		{name: "length and chunks: the chunks count", line: updates, header: []string{sameOrigin, form, "Transfer-Encoding: chunked", "Content-Length: 3"}, body: "c\r\nmaxResults=5\r\n0\r\n\r\n", status: 200, up: with(updates, json, "Content-Length: 12", form), upBody: "maxResults=5"},
		{name: "two lengths", line: updates, header: []string{sameOrigin, form, "Content-Length: 12", "Content-Length: 13"}, body: "maxResults=5", status: 400},
		{name: "two codings", line: updates, header: []string{sameOrigin, form, "Transfer-Encoding: gzip, chunked"}, body: "0\r\n\r\n", status: 501},
		{name: "odd coding", line: updates, header: []string{sameOrigin, form, "Transfer-Encoding: xchunked"}, body: "maxResults=5", status: 501},
		{name: "empty form", line: updates, header: []string{sameOrigin, "Content-Length: 0"}, status: 200, up: with(updates, json, "Content-Length: 0")},
		{name: "one name in query and form", line: updates + "?maxResults=3", header: []string{sameOrigin, form, "Content-Length: 12"}, body: "maxResults=5", status: 400},
		{name: "form on a GET", line: "GET " + page, header: []string{form, "Content-Length: 12"}, body: "maxResults=5", status: 400},
		{name: "form in a coding", line: updates, header: []string{sameOrigin, form, "Content-Encoding: gzip", "Content-Length: 12"}, body: "maxResults=5", status: 400},
		{name: "form of two types", line: updates, header: []string{sameOrigin, form, form, "Content-Length: 12"}, body: "maxResults=5", status: 400},
		{name: "form from another site", line: updates, header: []string{"Sec-Fetch-Site: same-site", form, "Content-Length: 12"}, body: "maxResults=5", status: 403},
		{name: "form from nowhere", line: updates, header: []string{form, "Content-Length: 12"}, body: "maxResults=5", status: 403},
		{name: "form from two places", line: updates, header: []string{sameOrigin, "Sec-Fetch-Site: cross-site", form, "Content-Length: 12"}, body: "maxResults=5", status: 403},
		{name: "form of a null origin", line: updates, header: []string{"Origin: null", form, "Content-Length: 12"}, body: "maxResults=5", status: 403},
		{name: "form of our origin", line: updates, header: []string{"Origin: " + s.site, form, "Content-Length: 12"}, body: "maxResults=5", status: 200, up: with(updates, json, "Content-Length: 12", form), upBody: "maxResults=5"},

		{name: "session twice", line: "GET " + page, header: []string{"Cookie: " + ana}, status: 400},
		{name: "folded line", line: "GET " + page, header: []string{"X-A: b", "\tX-Remote-User: ines"}, status: 200, up: plain},
		{name: "blank before the colon", line: "GET " + page, header: []string{"X-Remote-User : ines"}, status: 400},
		{name: "bare carriage return", line: "GET " + page, header: []string{"X-A: b\rX-Remote-User: ines"}, status: 400},
		{name: "NUL", line: "GET " + page, header: []string{"X-A: b\x00"}, status: 400},
		{name: "many fields", line: "GET " + page, header: slices.Repeat([]string{"X-A: b"}, 200), status: 431},
		{name: "long target", line: "GET " + page + "?desktop=" + strings.Repeat("a", 9000), status: 414},
		{name: "large form", line: updates, header: []string{sameOrigin, form, "Content-Length: 2000000"}, body: strings.Repeat("a", 2000000), status: 413},
	}
	for _, name := range []string{
		"X-Remote-User", "x-remote-user", "X_Remote_User", "X.Remote.User", "X-Remote_User", "Remote-User", "X-Forwarded-User", "X-Forwarded-For", "X-Forwarded-Host",
		"X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server", "X-Forwarded-Prefix", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Access-Token", "Forwarded", "Via",
		"X-Real-IP", "Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP", "X-Cluster-Client-IP", "X-Originating-IP", "X-Remote-Addr", "X-Host", "X-Original-Host", "X-Original-URL",
		"X-Rewrite-URL", "X-Original-URI", "X-HTTP-Method-Override", "Authorization", "Proxy-Authorization", "X-Seraph-LoginReason", "X-Atlassian-Token", "X-AUSERNAME", "SM_USER", "X-WEBAUTH-USER",
		"X-Auth-Request-User", "X-SSL-Client-S-DN", "SSL_CLIENT_CERT", "Referer", "Origin", "DNT", "Cache-Control", "Pragma", "TE", "Keep-Alive", "Proxy-Connection", "Early-Data", "Priority",
		"traceparent", "tracestate", "baggage", "User-Agent", "Accept", "Accept-Encoding", "Accept-Charset", "Content-Type", "From", "Max-Forwards", "Proxy", "Save-Data", "Sec-Fetch-User",
		"Sec-CH-UA", "If-None-Match", "If-Modified-Since", "If-Range", "Range", "Cookie2", "Link", "X-CSRF-Token", "Api-User-Agent", "MediaWiki-API-Error", "X-Wikimedia-Debug",
	} {
		tests = append(tests,
			check{name: "spoofed " + name, line: "GET " + page, header: []string{name + ": ines"}, status: 200, up: plain},
			check{
				name: "spoofed twice " + name, line: "GET " + page, cookie: ines, header: []string{name + ": nils.nightjar", name + ": hetty.harrier"}, status: 200,
				up: slices.DeleteFunc(with("GET "+page, "X-Remote-User: ines"), func(l string) bool { return strings.HasPrefix(l, "Authorization") }),
			})
	}
	for _, cookie := range []string{"JSESSIONID=1", "seraph.confluence=1", "a=b; JSESSIONID=\"x\"", "$Version=1; JSESSIONID=1", "=x", "; ;", strings.Repeat("a=b; ", 500)} {
		tests = append(tests, check{name: "cookie " + cookie, line: "GET " + page, cookie: ana + "; " + cookie, status: 200, up: plain})
	}
	for _, tt := range tests {
		t.Run(tt.name[:min(len(tt.name), 40)], func(t *testing.T) {
			cookie := tt.cookie
			if cookie == "" {
				cookie = ana
			}
			s.tap.take()
			got := s.send(t, s.request(tt.line, cookie, tt.header...)+tt.body)
			if got.failed != nil || got.status != tt.status {
				t.Errorf("status %d (%v), want %d\n%s", got.status, got.failed, tt.status, got.body)
			}
			up := s.tap.take()
			if tt.up == nil {
				for _, u := range up {
					t.Errorf("the wiki sees %q", u.raw)
				}
				return
			}
			if len(up) == 0 {
				t.Fatal("the wiki sees nothing")
			}
			for _, more := range up[1:] {
				// A list that came out short is asked on, for more of the same.
				if more.req.URL.Path != up[0].req.URL.Path || more.req.Method != http.MethodPost {
					t.Errorf("the wiki sees besides %q", more.raw)
				}
			}
			if d := cmp.Diff(tt.up, up[0].lines()); d != "" {
				t.Errorf("what the wiki sees (-want +got):\n%s", d)
			}
			if up[0].body != tt.upBody {
				t.Errorf("the wiki sees the body %q, want %q", up[0].body, tt.upBody)
			}
		})
	}
	logs, err := os.ReadFile(s.logs)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{strings.TrimPrefix(ana, "postern="), "demo-read-token", "demo-sync-token", "demo-client-secret"} {
		if bytes.Contains(logs, []byte(secret)) {
			t.Errorf("the logs hold the secret %q", secret)
		}
	}
}

func port(host string) string {
	_, p, _ := net.SplitHostPort(host)
	return p
}

// TestRanges: one range of a file goes up, and nothing that depends on a
// validator that the wiki does not know.
func TestRanges(t *testing.T) {
	s := newRawSite(t)
	ana := s.cookie(t, "ana", "acme-demo")
	file := ""
	body := s.send(t, s.request("GET /rest/api/content/66600101/child/attachment", ana)).body
	for part := range strings.SplitSeq(body, `"`) {
		if strings.HasPrefix(part, "/download/attachments/") {
			file = part
			break
		}
	}
	if file == "" {
		t.Skip("the demo has no attachment to ask for")
	}
	file, _, _ = strings.Cut(file, "?")
	for header, want := range map[string]string{
		"Range: bytes=0-3": "Range: bytes=0-3", "Range: bytes=-4": "Range: bytes=-4", "Range: bytes=4-": "Range: bytes=4-",
		"Range: bytes=0-1,4-5": "", "Range: lines=1-2": "", "Range: bytes=0-1\r\nRange: bytes=4-5": "", "Range: bytes=0-3\r\nIf-Range: \"x\"": "", "If-None-Match: \"x\"": "", "If-Modified-Since: x": "",
	} {
		s.tap.take()
		s.send(t, s.request("GET "+file, ana, header))
		up := s.tap.take()
		if len(up) != 1 {
			t.Fatalf("%s: the wiki sees %d requests", header, len(up))
		}
		got := ""
		for _, l := range up[0].lines() {
			if strings.HasPrefix(l, "Range") || strings.HasPrefix(l, "If-") {
				got += l
			}
		}
		if got != want {
			t.Errorf("%q: the wiki sees %q, want %q", header, got, want)
		}
	}
}

// TestOneDenial: hidden, blocked, missing, unknown and malformed-by-type are
// one answer, for every method and representation; and none of them asks the
// wiki, save for a look-up of what may be missing.
func TestOneDenial(t *testing.T) {
	s := newRawSite(t)
	ana := s.cookie(t, "ana", "acme-demo")
	targets := []string{
		"/display/HR", "/display/HR/Osprey+Redundancy+Plan", "/display/HR/No+such+page", "/display/NOSUCH", "/display/NOSUCH/x", "/display/ACME/Negotiation+Strategy", "/display/ACME/Internal+x",
		"/display/ACME/No+such+page", "/display/~hetty.harrier", "/display/~nobody", "/display/~nils.nightjar/x", "/pages/viewpage.action?pageId=99999999", "/pages/viewpage.action?pageId=abc",
		"/pages/viewpage.action", "/pages/viewpage.action?pageId=66600101&nosuch=1", "/pages/viewinfo.action?pageId=66600101", "/admin/console.action", "/no/such/route", "/rest/api/space/HR",
		"/rest/api/space/NOSUCH", "/rest/api/content/1", "/rest/api/content/1.json", "/rest/api/user?username=hetty.harrier", "/rest/api/user?username=nobody", "/download/attachments/1/x.png",
		"/x/AAAA", "/x/zzzz", "/exportword?pageId=66600101", "/.posternx", "/%2epostern/signin", "/.postern", "/.postern/nothing", "/rest/api/search?cql=nosuch=1", "/rest/api/user/current",
		"/display/ACME/Project+Plan?pageVersion=x", "/s/x/_/display/ACME", "/login.actionx", "/users/viewmyprofile.action",
	}
	s.oneDenial(t, ana, targets)
}

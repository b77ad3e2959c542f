package caddymodule

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/wikitest"
)

// hidden stands in every answer of TestWire where nothing may leave from.
const hidden = "Zaunkoenigin"

// page is the demo's page as the wiki gives it.
func (s *rawSite) page(tb testing.TB, target string) string {
	tb.Helper()
	req, err := http.NewRequest(http.MethodGet, "http://"+s.tap.wiki+target, nil)
	if err != nil {
		tb.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+wikitest.DemoReadToken)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		tb.Fatalf("%s: %s, %v", target, resp.Status, err)
	}
	return string(b)
}

// bytes gives everything that the gateway sends for a request.
func (s *rawSite) bytes(tb testing.TB, raw string) string {
	tb.Helper()
	c, err := net.DialTimeout("tcp", s.host, 5*time.Second)
	if err != nil {
		tb.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, raw); err != nil {
		tb.Fatal(err)
	}
	b, err := io.ReadAll(c)
	if err != nil {
		tb.Fatalf("reading the answer: %v: %.200s", err, b)
	}
	return string(b)
}

func zipped(s string) string {
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	_, _ = io.WriteString(zw, s)
	_ = zw.Close()
	return b.String()
}

// chunked codes a body in pieces of random length.
func chunked(body string, r *rand.Rand, most int) string {
	var b strings.Builder
	for len(body) > 0 {
		n := min(len(body), 1+r.IntN(most))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	return b.String() + "0\r\n"
}

// TestWire is the table of what a server's answer can be, as bytes on the
// wire, and what of it comes out of Caddy, with access logs on.
func TestWire(t *testing.T) {
	s := newRawSite(t)
	ana := s.cookie(t, "ana", "acme-demo")
	const target, file = "/display/ACME/Project+Plan", "/download/attachments/66600101/phases.bin"
	page := s.page(t, target)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	answer := func(status string, header []string, body string) string {
		return "HTTP/1.1 " + status + "\r\n" + strings.Join(append(header, "", body), "\r\n")
	}
	const html, closes = "Content-Type: text/html;charset=UTF-8", "Connection: close"
	length := func(body string) string { return "Content-Length: " + strconv.Itoa(len(body)) }
	whole := answer("200 OK", []string{html, length(page)}, page)
	trailed := answer("200 OK", []string{html, "Transfer-Encoding: chunked", "Trailer: X-Late"}, chunked(page, r, 5000)+"X-Late: "+hidden+"\r\n\r\n")
	want := s.send(t, s.request("GET "+target, ana))
	if want.status != http.StatusOK || !strings.Contains(want.body, "three milestones") {
		t.Fatalf("the page itself: %d", want.status)
	}
	tests := []struct {
		name, line string
		header     []string
		answer     string
		status     int
		body       string   // that it must have; "=" for that of the page
		fields     []string // that it must have
		absent     []string // names of fields that it must not have
	}{
		{name: "page", answer: whole, status: 200, body: "=", fields: []string{"Content-Length: " + strconv.Itoa(len(want.body)), "Cache-Control: private, no-cache"}, absent: []string{"Last-Modified", "Expires"}},
		{name: "in chunks", answer: answer("200 OK", []string{html, "Transfer-Encoding: chunked"}, chunked(page, r, 3000)+"\r\n"), status: 200, body: "="},
		{name: "byte by byte", answer: answer("200 OK", []string{html, "Transfer-Encoding: chunked"}, chunked(page, r, 1)+"\r\n"), status: 200, body: "="},
		{name: "until the connection ends", answer: answer("200 OK", []string{html, closes}, page), status: 200, body: "="},
		{name: "HTTP/1.0", answer: strings.Replace(whole, "HTTP/1.1", "HTTP/1.0", 1), status: 200, body: "="},
		{name: "gzip", answer: answer("200 OK", []string{html, "Content-Encoding: gzip", length(zipped(page))}, zipped(page)), status: 200, body: "=", absent: []string{"Content-Encoding"}},
		{name: "gzip, cut", answer: answer("200 OK", []string{html, "Content-Encoding: gzip", closes}, zipped(page)[:500]), status: 502},
		{name: "unknown coding", answer: answer("200 OK", []string{html, "Content-Encoding: br", length(page)}, page), status: 502},
		{name: "HEAD", line: "HEAD " + target, answer: whole, status: 200, fields: []string{"Content-Length: " + strconv.Itoa(len(want.body))}},
		{name: "no content", answer: answer("204 No Content", []string{"X-A: " + hidden}, ""), status: 204, absent: []string{"Content-Length", "X-A"}},
		{name: "no content, and some", answer: answer("204 No Content", []string{closes}, hidden), status: 204},
		{name: "reset content", answer: answer("205 Reset Content", []string{"Content-Length: 0"}, ""), status: 205},
		{name: "partial, unasked", answer: answer("206 Partial Content", []string{html, "Content-Range: bytes 0-3/9", "Content-Length: 4"}, "abcd"), status: 502},
		{name: "partial file, unasked", line: "GET " + file, answer: answer("206 Partial Content", []string{"Content-Type: application/octet-stream", "Content-Range: bytes 0-3/9", "Content-Length: 4"}, "abcd"), status: 502},
		{name: "partial file", line: "GET " + file, header: []string{"Range: bytes=0-3"}, answer: answer("206 Partial Content", []string{"Content-Type: application/octet-stream", "Content-Range: bytes 0-3/9", "Content-Length: 4"}, "abcd"), status: 206, body: "abcd", fields: []string{"Content-Range: bytes 0-3/9", "Content-Length: 4"}},
		{name: "other part of a file", line: "GET " + file, header: []string{"Range: bytes=0-3"}, answer: answer("206 Partial Content", []string{"Content-Type: application/octet-stream", "Content-Range: bytes 4-7/9", "Content-Length: 4"}, "abcd"), status: 502},
		{name: "parts of a file", line: "GET " + file, header: []string{"Range: bytes=0-3"}, answer: answer("206 Partial Content", []string{"Content-Type: multipart/byteranges; boundary=x", closes}, "--x\r\n\r\nabcd--x--"), status: 502},
		{name: "no such part", line: "GET " + file, header: []string{"Range: bytes=20-"}, answer: answer("416 Range Not Satisfiable", []string{"Content-Range: bytes */9", "Content-Type: text/html", closes}, hidden), status: 416, fields: []string{"Content-Range: bytes */9"}},
		{name: "file", line: "GET " + file, answer: answer("200 OK", []string{"Content-Type: application/octet-stream", "Accept-Ranges: bytes", `Content-Disposition: attachment; filename*=UTF-8''phases.bin; filename="x"`, "Content-Length: 4"}, "abcd"), status: 200, body: "abcd", fields: []string{"Content-Disposition: attachment; filename=phases.bin", "Accept-Ranges: bytes", "Content-Length: 4"}},
		{name: "large file", line: "GET " + file, answer: answer("200 OK", []string{"Content-Type: application/octet-stream", "Content-Length: 2000000"}, strings.Repeat("x", 2_000_000)), status: 200, fields: []string{"Content-Length: 2000000"}, absent: []string{"Etag"}},
		{name: "HEAD of a large file", line: "HEAD " + file, answer: answer("200 OK", []string{"Content-Type: application/octet-stream", "Content-Length: 2000000"}, strings.Repeat("x", 2_000_000)), status: 200, fields: []string{"Content-Length: 2000000"}},
		{name: "not modified, unasked", answer: answer("304 Not Modified", []string{`ETag: "` + hidden + `"`}, ""), status: 502},
		{name: "asked by the wiki's validator", header: []string{`If-None-Match: "` + hidden + `"`, "If-Modified-Since: Mon, 02 Mar 2036 09:00:00 GMT"}, answer: strings.Replace(whole, html, html+"\r\nETag: \""+hidden+"\"", 1), status: 200, body: "="},
		{name: "asked by our validator", header: []string{"If-None-Match: W/\"x\", " + want.header.Get("Etag")}, answer: whole, status: 304, fields: []string{"Etag: " + want.header.Get("Etag"), "Cache-Control: private, no-cache"}, absent: []string{"Content-Type", "Content-Length"}},
		{name: "early hints", answer: "HTTP/1.1 103 Early Hints\r\nLink: </" + hidden + ">; rel=preload\r\n\r\n" + whole, status: 200, body: "="},
		{name: "processing", answer: "HTTP/1.1 102 Processing\r\nX-A: " + hidden + "\r\n\r\n" + whole, status: 200, body: "="},
		{name: "trailers", answer: trailed, status: 200, body: "=", absent: []string{"Trailer"}},
		{name: "trailers unannounced", answer: strings.Replace(trailed, "Trailer: X-Late\r\n", "", 1), status: 200, body: "="},
		{name: "events", answer: answer("200 OK", []string{"Content-Type: text/event-stream", "Transfer-Encoding: chunked"}, "1a\r\ndata: "+hidden+"xxxxxxxx\r\n"), status: 502},
		{name: "switching protocols", header: []string{"Connection: Upgrade", "Upgrade: websocket"}, answer: answer("101 Switching Protocols", []string{"Upgrade: websocket", "Connection: Upgrade"}, hidden), status: 502},
		{name: "nothing", answer: "\r\n", status: 502},
		{name: "cut in the body", answer: whole[:len(whole)-200], status: 502},
		{name: "cut in a chunk", answer: answer("200 OK", []string{html, "Transfer-Encoding: chunked"}, "ffff\r\n"+page), status: 502},
		{name: "no type", answer: answer("200 OK", []string{length(page)}, page), status: 502},
		{name: "false type", answer: answer("200 OK", []string{"Content-Type: image/png", length(page)}, page), status: 502},
		{name: "two types", answer: answer("200 OK", []string{html, "Content-Type: text/plain", length(page)}, page), status: 502},
		{name: "over the cap", answer: answer("200 OK", []string{html, closes}, page+strings.Repeat(" ", 17<<20)), status: 502},
		{name: "server error", answer: answer("500 Internal Server Error", []string{html, closes}, hidden), status: 502},
		{name: "unavailable", answer: answer("503 Service Unavailable", []string{html, "Retry-After: 120", closes}, hidden), status: 502},
		{name: "not found", answer: answer("404 "+hidden, []string{html, closes}, hidden), status: 404},
		{name: "forbidden", answer: answer("403 Forbidden", []string{html, closes}, hidden), status: 404},
		{name: "sign in", answer: answer("401 Unauthorized", []string{"WWW-Authenticate: Basic realm=" + hidden, closes}, hidden), status: 404, absent: []string{"Www-Authenticate"}},
		{name: "redirect", answer: answer("302 Found", []string{"Location: /display/ACME", closes}, hidden), status: 302, fields: []string{"Location: /display/ACME"}},
		{name: "redirect to what is hidden", answer: answer("302 Found", []string{"Location: /display/HR/" + hidden, closes}, hidden), status: 404, absent: []string{"Location"}},
		{name: "reason phrase", answer: strings.Replace(whole, "200 OK", "200 "+hidden, 1), status: 200, body: "="},
		{name: "fields", answer: strings.Replace(whole, html, html+"\r\nSet-Cookie: JSESSIONID="+hidden+"\r\nX-A: "+hidden+"\r\nServer: "+hidden+"\r\nVary: "+hidden+"\r\nAlt-Svc: h3=\""+hidden+":1\"\r\nClear-Site-Data: \"*\"\r\nServer-Timing: a;desc="+hidden+"\r\nContent-Location: /"+hidden+"\r\nWarning: 199 - \""+hidden+"\"\r\nAge: 7", 1), status: 200, body: "=", absent: []string{"Set-Cookie", "Alt-Svc", "Clear-Site-Data", "Age"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.line == "" {
				tt.line = "GET " + target
			}
			s.tap.answerBytes(tt.answer)
			defer s.tap.answerBytes("")
			raw := s.bytes(t, s.request(tt.line, ana, tt.header...))
			if strings.Contains(raw, hidden) || strings.Contains(raw, "HTTP/1.1 1") {
				t.Errorf("what is hidden gets out:\n%.2000s", raw)
			}
			method, _, _ := strings.Cut(tt.line, " ")
			resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(raw)), &http.Request{Method: method})
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != tt.status {
				t.Fatalf("%s, want %d (%v)", resp.Status, tt.status, err)
			}
			if tt.body == "=" && string(body) != want.body || tt.body != "=" && !strings.Contains(string(body), tt.body) {
				t.Errorf("body: %.500q", body)
			}
			if (method == "HEAD" || tt.status == 204 || tt.status == 205 || tt.status == 304) && !strings.HasSuffix(raw, "\r\n\r\n") {
				t.Errorf("a body where there is none: %.2000q", raw)
			}
			for _, f := range tt.fields {
				if n, v, _ := strings.Cut(f, ": "); resp.Header.Get(n) != v {
					t.Errorf("%s: %q, want %q", n, resp.Header.Get(n), v)
				}
			}
			for _, n := range tt.absent {
				if v := resp.Header.Values(n); len(v) > 0 {
					t.Errorf("%s: %q", n, v)
				}
			}
			if len(resp.Trailer) > 0 || len(resp.TransferEncoding) > 0 && tt.body == "=" {
				t.Errorf("trailers %v, codings %v", resp.Trailer, resp.TransferEncoding)
			}
		})
	}
	log, err := os.ReadFile(s.logs)
	if err != nil {
		t.Fatal(err)
	}
	for l := range strings.Lines(string(log)) {
		if strings.Contains(l, hidden) && strings.Contains(l, `"http.log.access`) && !strings.Contains(l, "If-None-Match") { // which the viewer sent
			t.Errorf("the access log: %s", l)
		}
	}
}

// TestWireAbort: what passes unread and ends early is cut, so that nobody takes
// the part for the whole.
func TestWireAbort(t *testing.T) {
	s := newRawSite(t)
	ana := s.cookie(t, "ana", "acme-demo")
	for name, answer := range map[string]string{
		"length": "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: 3000000\r\n\r\n" + strings.Repeat("x", 2_000_000),
		"chunks": "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n1e8480\r\n" + strings.Repeat("x", 2_000_000) + "\r\n",
	} {
		s.tap.answerBytes(answer)
		raw := s.bytes(t, s.request("GET /download/attachments/66600101/phases.bin", ana))
		resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(raw)), nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Errorf("%s: %d bytes look whole", name, n)
		}
		_ = resp.Body.Close()
	}
}

// TestHeadIsGet: the header of a HEAD's answer is that of a GET's, as it is and
// encoded.
func TestHeadIsGet(t *testing.T) {
	s := newRawSite(t)
	ana := s.cookie(t, "ana", "acme-demo")
	for _, target := range []string{
		"/display/ACME/Project+Plan", "/rest/api/content/66600101", "/createrssfeed.action?types=page&spaces=conf_all", "/display/HR", "/login.action", "/.postern/live",
		"/download/attachments/66600101/phases.png", "/display/ACME/No+such+page", "/images/icons/profilepics/default.png", "/s/nosuch",
	} {
		for _, header := range [][]string{nil, {"Accept-Encoding: gzip"}, {"Accept: text/html"}, {"If-None-Match: *"}} {
			get := s.send(t, s.request("GET "+target, ana, header...))
			head := s.send(t, s.request("HEAD "+target, ana, header...))
			get.body = ""
			if head.header.Get("Content-Length") == "" {
				get.header.Del("Content-Length") // what net/http adds to what is short, as RFC 9110, 9.3.2 lets it
			}
			if g, h := get.String(), head.String(); g != h {
				t.Errorf("%s %v:\nGET  %s\nHEAD %s", target, header, g, h)
			}
		}
	}
}

package gateway_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/gateway"
)

const wirePage = `<!DOCTYPE html><html><head><title>Plan</title><meta charset="UTF-8"><meta name="ajs-page-id" content="70001002"><meta name="ajs-space-key" content="ACME"></head><body><p>fine <a href="/display/HR/Salaryx+Bands">Salaryx Bands</a></p></body></html>`

func gzipped(s string) string {
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	_, _ = io.WriteString(zw, s)
	_ = zw.Close()
	return b.String()
}

// TestWire is the corpus of what is wrong with an answer below its body: over a
// real connection and through the reverse proxy of the standard library.
func TestWire(t *testing.T) {
	t.Parallel()
	html := "text/html;charset=UTF-8"
	body := func(contentType, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Add(header[i], header[i+1])
			}
			_, _ = io.WriteString(w, body)
		}
	}
	redirect := func(status int, to ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for _, l := range to {
				w.Header().Add("Location", l)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `<a href="/display/HR/Salaryx+Bands">Salaryx Bands</a>`)
		}
	}
	raw := func(answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, answer)
			_ = c.Close()
		}
	}
	gz := gzipped(wirePage)
	tests := []struct {
		name     string
		target   string
		answer   http.HandlerFunc
		status   int
		location string
		contains string
		gone     []string
	}{
		{name: "plain", answer: body(html, wirePage), status: 200, contains: "fine"},
		{name: "gzip", answer: body(html, gz, "Content-Encoding", "gzip"), status: 200, contains: "fine"},
		{name: "gzip in two members", answer: body(html, gzipped(wirePage[:100])+gzipped(wirePage[100:]), "Content-Encoding", "gzip"), status: 200, contains: "fine"},
		{name: "truncated gzip", answer: body(html, gz[:len(gz)-9], "Content-Encoding", "gzip"), status: 502},
		{name: "gzip with a bad checksum", answer: body(html, gz[:len(gz)-5]+"abcde", "Content-Encoding", "gzip"), status: 502},
		{name: "gzip and more", answer: body(html, gz+"Salaryx", "Content-Encoding", "gzip"), status: 502},
		{name: "not gzip", answer: body(html, wirePage, "Content-Encoding", "gzip"), status: 502},
		{name: "gzip bomb", answer: body(html, gzipped(wirePage+strings.Repeat(" ", 64<<20)), "Content-Encoding", "gzip"), status: 502},
		{name: "unlabelled gzip", answer: body(html, gz), status: 502},
		{name: "brotli", answer: body(html, wirePage, "Content-Encoding", "br"), status: 502},
		{name: "stacked codings", answer: body(html, gzipped(gz), "Content-Encoding", "gzip, gzip"), status: 502},
		{name: "two coding fields", answer: body(html, gz, "Content-Encoding", "gzip", "Content-Encoding", "identity"), status: 502},
		{name: "too large", answer: body(html, wirePage+strings.Repeat("x", 5<<20)), status: 502},
		{name: "charset disagrees", answer: body("text/html;charset=ISO-8859-1", wirePage), status: 502},
		{name: "utf-16", answer: body("text/html;charset=UTF-16", "\xff\xfeS\x00a\x00l\x00a\x00r\x00y\x00x\x00"), status: 502},
		{name: "utf-7", answer: body("text/html;charset=UTF-7", "+AFM-alaryx"), status: 502},
		{name: "legacy charset", answer: body("text/html;charset=windows-1252", strings.Replace(strings.Replace(wirePage, "UTF-8", "windows-1252", 1), "fine", "fine \xe9t\xe9", 1)), status: 200, contains: "fine été"},
		{name: "not utf-8", answer: body(html, strings.Replace(wirePage, "fine", "fine \xff\xfe", 1)), status: 502},
		{name: "byte order mark", answer: body(html, "\xef\xbb\xbf"+wirePage), status: 200, contains: "fine"},
		{name: "byte order mark of another charset", answer: body(html, "\xfe\xff"+wirePage), status: 502},
		{name: "no type", answer: raw("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + wirePage), status: 502},
		{name: "two types", answer: raw("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Type: image/png\r\nConnection: close\r\n\r\n" + wirePage), status: 502},
		{name: "picture of a page", answer: body("image/png", wirePage), status: 502},
		{name: "short body", answer: raw("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5000\r\n\r\n" + wirePage), status: 502},
		{name: "cut chunks", answer: raw("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n" + wirePage[:32] + "\r\n"), status: 502},
		{name: "trailers", answer: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-Zelda")
			body(html, wirePage)(w, r)
			w.Header().Set("X-Zelda", "Salaryx Bands")
			w.Header().Set(http.TrailerPrefix+"X-Late", "Salaryx Bands")
		}, status: 200, contains: "fine"},
		{name: "early hints", answer: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</display/HR/Salaryx+Bands>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Del("Link")
			body(html, wirePage)(w, r)
		}, status: 200, contains: "fine"},
		{name: "header fields", answer: body(html, wirePage,
			"X-Confluence-Request-Time", "zqx", "X-AUSERNAME", "zqx", "X-Seraph-LoginReason", "OK", "X-Asen", "SEN-zqx", "Set-Cookie", "JSESSIONID=salaryx", "Link", `</display/HR/Salaryx+Bands>; rel="next"; title="Salaryx Bands", </display/ACME/Plan>; rel="canonical"; title="Zelda Quimbly"`,
			"Content-Location", "/display/HR/Salaryx+Bands", "Refresh", "0; url=/display/HR/Salaryx+Bands", "Content-Disposition", `inline; filename="Salaryx Bands.html"`, "ETag", `"zqx"`, "Last-Modified", "Mon, 02 Mar 2026 09:00:00 GMT",
			"Content-Language", "en-GB", "X-Frame-Options", "SAMEORIGIN", "Content-Security-Policy", "frame-ancestors 'self' https://wiki.corp.example; report-uri /salaryx", "Server-Timing", `db;desc="Zelda Quimbly"`, "Warning", `199 - "Salaryx"`,
			"Server", "wiki.corp.example", "Via", "1.1 wiki.corp.example", "Access-Control-Allow-Origin", "https://wiki.corp.example", "SourceMap", "/display/HR/Salaryx", "Vary", "Cookie"), status: 200, contains: "fine"},
		{name: "two refreshes", answer: body(html, wirePage, "Refresh", "0; url=/display/ACME/Plan", "Refresh", "0; url=/display/HR/Salaryx+Bands"), status: 200, contains: "fine"},
		{name: "redirect to what is visible", answer: redirect(302, "/display/ACME/Meeting+notes"), status: 302, location: "/display/ACME/Meeting+notes"},
		{name: "redirect by an alias", answer: redirect(302, "https://wiki.corp.example/display/ACME/Meeting+notes#x"), status: 302, location: "https://site.example/display/ACME/Meeting+notes#x"},
		{name: "redirect by an old context path", answer: redirect(301, "https://old.corp.example/wiki/display/ACME/Meeting+notes"), status: 301, location: "https://site.example/display/ACME/Meeting+notes"},
		{name: "redirect to what is hidden", answer: redirect(302, "/display/HR/Salaryx+Bands"), status: 404},
		{name: "redirect to a hidden id", answer: redirect(302, "/pages/viewpage.action?pageId=70002002"), status: 404},
		{name: "redirect to a closed screen", answer: redirect(302, "/pages/viewinfo.action?pageId=70001002"), status: 404},
		{name: "redirect inside", answer: redirect(302, "https://build.corp.example/salaryx"), status: 404},
		{name: "redirect to a script", answer: redirect(302, "javascript:zqx"), status: 404},
		{name: "redirect to two places", answer: redirect(302, "/display/ACME/Plan", "/display/HR/Salaryx+Bands"), status: 502},
		{name: "redirect nowhere", answer: redirect(302), status: 502},
		{name: "redirect with a bad place", answer: raw("HTTP/1.1 302 Found\r\nLocation: /display//HR/Salaryx\r\nContent-Length: 0\r\n\r\n"), status: 404},
		{name: "short URL", target: "/x/aiEsB", answer: redirect(302, "/display/ACME/Plan"), status: 302, location: "/display/ACME/Plan"},
		{name: "short URL elsewhere", target: "/x/aiEsB", answer: redirect(302, "/display/HR/Salaryx+Bands"), status: 404},
		{name: "part", answer: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Range", "bytes 0-10/100")
			w.Header().Set("Content-Type", html)
			w.WriteHeader(206)
			_, _ = io.WriteString(w, wirePage)
		}, status: 502},
		{name: "not modified unasked", answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, status: 502},
		{name: "empty page", answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, status: 204},
		{name: "teapot", answer: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(418)
			_, _ = io.WriteString(w, "Salaryx Bands")
		}, status: 502},
		{name: "sign-in page in its place", answer: body(html, `<!DOCTYPE html><html><head><title>Log In</title></head><body><p>Salaryx Bands</p></body></html>`), status: 502},
		{name: "redirect to sign in", answer: redirect(302, "/login.action?os_destination=%2Fdisplay%2FHR%2FSalaryx%2BBands&permissionViolation=true"), status: 404},
		{name: "another page in its place", answer: body(html, strings.Replace(wirePage, "70001002", "70001003", 1)), status: 404},
		{name: "hidden page in its place", answer: body(html, strings.Replace(wirePage, "70001002", "70002002", 1)), status: 404},
		{name: "hidden space in its place", answer: body(html, strings.Replace(wirePage, `content="ACME"`, `content="HR"`, 1)), status: 404},
		{name: "two identities", answer: body(html, strings.Replace(wirePage, `<title>`, `<meta name="ajs-page-id" content="70002002"><title>`, 1)), status: 404},
		{name: "file", target: "/download/attachments/70001002/phases.png", answer: body("image/png", "\x89PNG\r\n", "Content-Disposition", `inline; filename="phases.png"`), status: 200, contains: "PNG"},
		{name: "active file", target: "/download/attachments/70001002/a.html", answer: body("text/html", "<script>1</script>", "Content-Disposition", `inline; filename="a.html"`), status: 200, contains: "script"},
		{name: "file that is a redirect", target: "/download/attachments/70001002/a.png", answer: redirect(302, "/download/attachments/70002002/fileleakx.png"), status: 404},
		{name: "file that is missing", target: "/download/attachments/70001002/a.png", answer: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			_, _ = io.WriteString(w, "Salaryx Bands")
		}, status: 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			up := httptest.NewServer(tt.answer)
			defer up.Close()
			upURL, err := url.Parse(up.URL)
			if err != nil {
				t.Fatal(err)
			}
			var event gateway.Event
			gw := corpusGateway(t, "eva", "", "", func(e gateway.Event) { event = e })
			proxy := &httputil.ReverseProxy{
				Transport: &http.Transport{DisableCompression: true},
				Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(upURL) },
				ErrorLog:  log.New(io.Discard, "", 0), ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(502) },
			}
			front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.Host = "site.example"
				_ = gw.ServeHTTP(w, r, func(w http.ResponseWriter, r *http.Request) (err error) {
					defer func() {
						if v := recover(); v != nil && v != http.ErrAbortHandler {
							panic(v)
						} else if v != nil {
							err = fmt.Errorf("aborted")
						}
					}()
					proxy.ServeHTTP(w, r)
					return nil
				})
			}))
			defer front.Close()
			target := tt.target
			if target == "" {
				target = "/display/ACME/Plan"
			}
			req, err := http.NewRequest("GET", front.URL+target, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept-Encoding", "identity")
			client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Transport: &http.Transport{DisableCompression: true}}
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			got, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != tt.status {
				t.Errorf("status %d, want %d (%s: %s)", res.StatusCode, tt.status, event.Rule, event.Reason)
			}
			if l := res.Header.Get("Location"); l != tt.location {
				t.Errorf("Location %q, want %q", l, tt.location)
			}
			if !strings.Contains(string(got), tt.contains) {
				t.Errorf("lacks %q: %s", tt.contains, got)
			}
			h := res.Header.Clone()
			h.Del("Etag")
			all := decodings(string(got) + fmt.Sprint(h, res.Trailer))
			for _, n := range canaries {
				if at := find(all, n); at != "" {
					t.Errorf("leak of %q: %s", n, at)
				}
			}
			if testing.Verbose() {
				t.Log(res.Status, h)
			}
		})
	}
}

package caddymodule

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestStatusOrder: what has no reading or is over a limit is said before
// sign-in, and after it everything else is sign-in's.
func TestStatusOrder(t *testing.T) {
	s := newRawSite(t)
	tests := []struct {
		line   string
		header []string
		status int
	}{
		{"GET /display/HR/../x", nil, 400},
		{"GET /a?b=1&b=%zz", nil, 400},
		{"GET /" + strings.Repeat("a", 9000), nil, 414},
		{"GET /", slices.Repeat([]string{"X-A: b"}, 200), 431},
		{"POST /", []string{"Content-Type: application/json", "Content-Length: 2000000"}, 413},
		{"GET /", []string{"Cookie: postern=a; postern=b"}, 400},
	}
	for _, path := range []string{"/", "/display/ACME", "/display/HR", "/no/such", "/%2epostern/signin", "/.posternx", "/.postern/nothing", "/.Postern/live", "/rest/api/space", "/x/zzzz", "/login.action"} {
		for _, c := range []struct {
			method string
			header []string
			status int
		}{
			{"GET", []string{"Accept: text/html"}, 302},
			{"GET", []string{"Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"}, 302},
			{"GET", nil, 401},
			{"HEAD", nil, 401},
			{"GET", []string{"Sec-Fetch-Dest: image", "Sec-Fetch-Mode: no-cors", "Accept: image/*"}, 401},
			{"GET", []string{"Accept: text/html", "X-Requested-With: XMLHttpRequest"}, 401},
			{"GET", []string{"Accept: application/json"}, 401},
			{"POST", []string{"Content-Length: 0"}, 401},
			{"POST", []string{"Content-Length: 0", sameOrigin}, 401},
			{"DELETE", nil, 401},
			{"OPTIONS", nil, 401},
			{"GET", []string{"Accept: text/html", "Cookie: postern=" + strings.Repeat("A", 43)}, 302},
			{"GET", []string{"Cookie: postern=" + strings.Repeat("A", 4000)}, 401},
			{"GET", []string{"Authorization: Bearer demo-read-token"}, 401},
			{"GET", []string{"Authorization: Basic aW5lczppbnRlcm5hbC1kZW1v", "Accept: text/html"}, 401},
			{"POST", []string{"Content-Length: 0", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", sameOrigin}, 303},
		} {
			tests = append(tests, struct {
				line   string
				header []string
				status int
			}{c.method + " " + path, c.header, c.status})
		}
	}
	seen := map[string]string{}
	for _, tt := range tests {
		got := s.send(t, s.request(tt.line, "", tt.header...))
		if got.failed != nil || got.status != tt.status {
			t.Errorf("%.60s %.60v: status %d (%v), want %d", tt.line, tt.header, got.status, got.failed, tt.status)
		}
		if got.status == 401 { // the same for every path
			method, _, _ := strings.Cut(tt.line, " ")
			key := fmt.Sprintf("%s %v", method, tt.header)
			if want, ok := seen[key]; ok && want != got.String() {
				t.Errorf("%s %v: differs\n%s\n%s", tt.line, tt.header, got, want)
			}
			seen[key] = got.String()
		}
		if loc := got.header.Get("Location"); loc != "" && (!strings.Contains(loc, "/authorize?") || strings.Contains(loc, "display") || strings.Contains(loc, "evil")) {
			t.Errorf("%s: leads to %s", tt.line, loc)
		}
	}
	if up := s.tap.take(); len(up) > 0 {
		t.Errorf("the wiki sees %q", up[0].raw)
	}
}

// TestReturnTargets: nothing that a client says leads off the site.
func TestReturnTargets(t *testing.T) {
	s := newRawSite(t)
	for _, to := range []string{
		"//evil.example", "///evil.example", `/\evil.example`, `\\evil.example`, "https://evil.example", "https:evil.example", "/%2fevil.example", "/%5cevil.example", "/.postern/../../evil", "javascript:alert(1)",
		"/%09/evil.example", "/%0d%0aLocation:%20https://evil.example", "%2f%2fevil.example", "/;@evil.example", "@evil.example", "/.postern/signout", "/./.postern/signout", "http://" + s.host + "@evil.example", "?to=//evil.example", strings.Repeat("/a", 3000),
	} {
		for _, path := range []string{"/.postern/signin?to=", "/.postern/signin?return=", "/.postern/signin/demo-idp?to=", "/.postern/signout?to=", "/.postern/signedout?to="} {
			got := s.send(t, s.request("GET "+path+to, "", "Accept: text/html", "Sec-Fetch-Mode: navigate"))
			all := fmt.Sprint(got.header) + got.body
			if got.failed != nil || got.status >= 500 || strings.Contains(strings.ToLower(all), "evil") {
				t.Errorf("%.80s: %d %v %.300s", path+to, got.status, got.failed, all)
			}
		}
	}
	for _, path := range []string{
		"/.postern/callback/demo-idp", "/.postern/callback/demo-idp?code=a", "/.postern/callback/demo-idp?code=a&state=b", "/.postern/callback/demo-idp?code=a&state=b&state=c", "/.postern/callback/demo-idp?error=access_denied&state=b",
		"/.postern/callback/demo-idp?code=a&state=" + strings.Repeat("A", 43), "/.postern/callback/demo-idp/?code=a&state=b", "/.postern/callback/nosuch?code=a&state=b", "/.postern/callback/DEMO-IDP?code=a&state=b",
	} {
		got := s.send(t, s.request("GET "+path, ""))
		if got.failed != nil || got.status < 400 || got.status >= 500 || strings.Contains(fmt.Sprint(got.header["Set-Cookie"]), "postern=") && !strings.Contains(fmt.Sprint(got.header["Set-Cookie"]), "Max-Age=0") {
			t.Errorf("%s: %d %v %v", path, got.status, got.failed, got.header)
		}
	}
	for _, host := range []string{"evil.example", "127.0.0.1:1"} {
		for _, path := range []string{"/.postern/signin", "/.postern/callback/demo-idp?code=a&state=b", "/.postern/signout", "/.postern/backchannel/demo-idp"} {
			if got := s.send(t, s.request("GET "+path, "", "Host: "+host)); got.status != http.StatusBadRequest {
				t.Errorf("%s at %s: %d", path, host, got.status)
			}
		}
	}
}

// TestRevokeCutsDownloads: a revoked viewer is out within a second, in the middle of a
// download too, and of a download that stands still.
func TestRevokeCutsDownloads(t *testing.T) {
	s := newRawSite(t)
	for _, stalled := range []bool{false, true} {
		ana := s.cookie(t, "ana", "acme-demo")
		stop := make(chan struct{})
		s.tap.answerWith(func(r *http.Request) *http.Response {
			if !strings.HasPrefix(r.URL.Path, "/download/attachments/") {
				return nil
			}
			pr, pw := io.Pipe()
			go func() {
				defer pw.Close()
				block := make([]byte, 64<<10)
				for i := 0; ; i++ {
					if stalled && i == 4 {
						<-stop
						return
					}
					select {
					case <-stop:
						return
					default:
					}
					if _, err := pw.Write(block); err != nil {
						return
					}
					time.Sleep(5 * time.Millisecond)
				}
			}()
			return &http.Response{
				StatusCode: 200, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: 1 << 30, Body: pr, Request: r,
				Header: http.Header{"Content-Type": {"application/octet-stream"}},
			}
		})
		c, err := net.Dial("tcp", s.host)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(c, s.request("GET /download/attachments/66600101/phases.bin", ana)); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		first := make([]byte, 128<<10)
		if _, err := io.ReadFull(c, first); err != nil {
			t.Fatalf("the download does not begin: %v: %.300s", err, first)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.admin+"/postern/revoke", strings.NewReader(`{"provider": "demo-idp", "subject": "demo-ana"}`))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		cancel()
		if resp.StatusCode != http.StatusNoContent {
			t.Fatalf("revoke: %s", resp.Status)
		}
		began := time.Now()
		if got := s.send(t, s.request("GET /display/ACME", ana)); got.status != http.StatusUnauthorized {
			t.Errorf("after the revocation: %d", got.status)
		}
		if _, err := io.Copy(io.Discard, c); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("stalled %v: the download goes on", stalled)
		}
		if d := time.Since(began); d > time.Second {
			t.Errorf("stalled %v: the download went on for %v", stalled, d)
		}
		_ = c.Close()
		close(stop)
		s.tap.answerWith(nil)
	}
}

// TestSearchTellsNothing: a word that stands in hidden pages alone finds what a
// word finds that stands nowhere.
func TestSearchTellsNothing(t *testing.T) {
	s := newRawSite(t)
	ana := s.cookie(t, "ana", "acme-demo")
	for _, target := range []string{
		"/dosearchsite.action?queryString=WORD", "/dosearchsite.action?queryString=WORD&where=conf_all", "/rest/api/search?cql=text~WORD", "/rest/api/content/search?cql=title~WORD", "/rest/quicknav/1/search?query=WORD",
		"/rest/prototype/1/search.json?query=WORD", "/rest/prototype/1/search/user.json?query=WORD", "/rest/spacedirectory/1/search.json?query=WORD", "/createrssfeed.action?types=page&spaces=conf_all&labelString=WORD",
		"/rest/api/space?label=WORD", "/rest/api/search?cql=label=WORD", "/plugins/recently-updated/changes.action?labels=WORD",
	} {
		for hidden, nowhere := range map[string]string{"merlin": "merlix", "skunkworks": "skunkworkx", "moonshot": "moonshox", "negotiation": "negotiatiox"} {
			a := s.send(t, s.request("GET "+strings.ReplaceAll(target, "WORD", hidden), ana)).String()
			b := s.send(t, s.request("GET "+strings.ReplaceAll(target, "WORD", nowhere), ana)).String()
			if d := cmp.Diff(noTags(strings.ReplaceAll(b, nowhere, hidden)), noTags(a)); d != "" {
				t.Errorf("%s: %s and %s differ:\n%s", target, nowhere, hidden, d)
			}
		}
	}
}

// noTags takes the validator out, which is over the echo of the word too.
func noTags(answer string) string {
	var out []string
	for l := range strings.SplitSeq(answer, "\n") {
		if !strings.HasPrefix(l, "Etag:") {
			out = append(out, l)
		}
	}
	return strings.Join(out, "\n")
}

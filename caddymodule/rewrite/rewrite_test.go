package rewrite_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/postern-gateway/postern/caddymodule/rewrite"
	"github.com/postern-gateway/postern/rules"
)

const pageBody = `{"id":"11","type":"page","title":"Plan","space":{"key":"ACME"}}`

// ask makes an exchange as Eva.
func (w *world) ask(tb testing.TB, target, contentType string, body []byte) rewrite.Exchange {
	tb.Helper()
	u, err := url.Parse("https://extranet.example.com" + target)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := w.profile.ReadTarget(u.EscapedPath(), u.RawQuery)
	if err != nil {
		tb.Fatal(err)
	}
	r.Method = http.MethodGet
	m, refusal := w.profile.Match(r, w.facts)
	if m == nil {
		tb.Fatalf("%s: %v", target, refusal)
	}
	h := http.Header{}
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	return rewrite.Exchange{
		Match: m, View: w.view("eva"), Site: w.site,
		Request:  rewrite.Request{Method: http.MethodGet, URL: u, Header: http.Header{}},
		Response: rewrite.Response{Status: 200, Header: h, Body: body},
	}
}

func zip(tb testing.TB, parts ...string) []byte {
	tb.Helper()
	var b bytes.Buffer
	for _, p := range parts {
		zw := gzip.NewWriter(&b)
		if _, err := zw.Write([]byte(p)); err != nil {
			tb.Fatal(err)
		}
		if err := zw.Close(); err != nil {
			tb.Fatal(err)
		}
	}
	return b.Bytes()
}

func reason(err error) string {
	var f *rewrite.FailClosed
	if errors.As(err, &f) {
		return f.Reason
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestCodings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	whole := zip(t, pageBody)
	tests := []struct {
		name, coding string
		body         []byte
		want         string
	}{
		{"none", "", []byte(pageBody), ""},
		{"identity", "identity", []byte(pageBody), ""},
		{"gzip", "gzip", whole, ""},
		{"several members", "GZIP", zip(t, pageBody[:20], pageBody[20:]), ""},
		{"truncated", "gzip", whole[:len(whole)-5], rewrite.ReasonCoding},
		{"checksum", "gzip", append(append([]byte{}, whole[:len(whole)-8]...), 0, 0, 0, 0, 0, 0, 0, 0), rewrite.ReasonCoding},
		{"garbage behind", "gzip", append(append([]byte{}, whole...), "xx"...), rewrite.ReasonCoding},
		{"not gzip", "gzip", []byte(pageBody), rewrite.ReasonCoding},
		{"bomb", "gzip", zip(t, strings.Repeat(" ", 32<<20)), rewrite.ReasonTooLarge},
		{"stacked", "gzip, gzip", whole, rewrite.ReasonCoding},
		{"deflate", "deflate", whole, rewrite.ReasonCoding},
		{"too large", "", bytes.Repeat([]byte(" "), 17<<20), rewrite.ReasonTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ex := w.ask(t, "/page?id=11", "application/json", tt.body)
			if tt.coding != "" {
				ex.Response.Header.Set("Content-Encoding", tt.coding)
			}
			res, err := w.rewriter.Rewrite(context.Background(), ex)
			if reason(err) != tt.want {
				t.Fatalf("err = %v, want %q", err, tt.want)
			}
			if err == nil && string(res.Body) != pageBody || err != nil && res.Body != nil {
				t.Errorf("body = %q", res.Body)
			}
		})
	}
}

func TestCharsets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const page = `<html><head>META<meta name="page-id" content="11"><title>x</title></head><body>Z` + "\xfc" + `rich</body></html>`
	plain := strings.ReplaceAll(page, "\xfc", "ü")
	with := func(s, meta string) string { return strings.Replace(s, "META", meta, 1) }
	tests := []struct {
		name, typ, in, want string // want "": refused for its charset
	}{
		{"utf-8", "text/html; charset=UTF-8", with(plain, ""), with(plain, "")},
		{"nothing said", "text/html", with(plain, ""), with(plain, "")},
		{"meta agrees", "text/html; charset=utf-8", with(plain, `<meta charset="utf-8">`), with(plain, `<meta charset="utf-8">`)},
		{"byte order mark", "text/html", "\xef\xbb\xbf" + with(plain, ""), "\xef\xbb\xbf" + with(plain, "")},
		{"latin-1 by header", "text/html; charset=ISO-8859-1", with(page, ""), with(plain, "")},
		{"latin-1 by meta", "text/html", with(page, `<meta charset=iso-8859-1>`), with(plain, `<meta charset=utf-8>`)},
		{"latin-1 by both", "text/html; charset=windows-1252", with(page, `<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">`), with(plain, `<meta http-equiv="Content-Type" content="text/html; charset=utf-8">`)},
		{"nothing said, not utf-8", "text/html", with(page, ""), ""},
		{"header and meta disagree", "text/html; charset=utf-8", with(plain, `<meta charset="iso-8859-1">`), ""},
		{"header and mark disagree", "text/html; charset=iso-8859-1", "\xef\xbb\xbf" + with(plain, ""), ""},
		{"two metas disagree", "text/html", with(plain, `<meta charset="utf-8"><meta charset="iso-8859-1">`), ""},
		{"utf-16", "text/html; charset=utf-16", with(plain, ""), ""},
		{"utf-16 by mark", "text/html", "\xff\xfe<\x00", ""},
		{"utf-7", "text/html; charset=utf-7", with(plain, ""), ""},
		{"shifting", "text/html; charset=iso-2022-jp", with(plain, ""), ""},
		{"ascii that is none", "text/html; charset=us-ascii", with(plain, ""), ""},
		{"unknown", "text/html; charset=klingon", with(plain, ""), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			res, err := w.rewriter.Rewrite(context.Background(), w.ask(t, "/view?id=11", tt.typ, []byte(tt.in)))
			if tt.want == "" {
				if reason(err) != rewrite.ReasonCharset {
					t.Errorf("err = %v", err)
				}
				return
			}
			if err != nil || string(res.Body) != tt.want {
				t.Errorf("err = %v, body = %q", err, res.Body)
			}
			if ct := res.Header.Get("Content-Type"); ct != "text/html; charset=utf-8" {
				t.Errorf("type = %q", ct)
			}
		})
	}
}

func TestConditional(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ex := w.ask(t, "/page?id=11", "application/json", []byte(pageBody))
	res, err := w.rewriter.Rewrite(context.Background(), ex)
	if err != nil {
		t.Fatal(err)
	}
	etag := res.Header.Get("Etag")
	ex.Request.Header.Set("If-None-Match", `"x", W/`+etag)
	if res, err = w.rewriter.Rewrite(context.Background(), ex); err != nil || res.Status != http.StatusNotModified || len(res.Body) != 0 || res.Header.Get("Etag") != etag {
		t.Errorf("%v, %d, %v", err, res.Status, res.Header)
	}
	// What is hidden does not move the validator.
	ex = w.ask(t, "/page?id=11", "application/json", []byte(strings.Replace(pageBody, `"title"`, `"by":{"type":"known","username":"nightjarz"},"watchers":["nightjarz"],"title"`, 1)))
	a, err := w.rewriter.Rewrite(context.Background(), ex)
	if err != nil {
		t.Fatal(err)
	}
	ex.Response.Body = bytes.ReplaceAll(ex.Response.Body, []byte("nightjarz"), []byte("somebody-else"))
	b, err := w.rewriter.Rewrite(context.Background(), ex)
	if err != nil || a.Header.Get("Etag") != b.Header.Get("Etag") {
		t.Errorf("%v: %q and %q", err, a.Body, b.Body)
	}
}

func TestPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ex := w.ask(t, "/file/11/a.svg", "image/svg+xml", nil)
	res, pass, err := w.rewriter.Pass(ex)
	if err != nil || !pass || !strings.HasPrefix(res.Header.Get("Content-Disposition"), "attachment") || res.Header.Get("Etag") != "" {
		t.Errorf("%v, %v, %v", pass, err, res.Header)
	}
	ex.Response.Status, ex.Response.Header = 206, http.Header{"Content-Type": {"image/png"}, "Content-Range": {"bytes 0-1/5"}}
	ex.Request.Range = "bytes=0-1"
	if res, pass, err = w.rewriter.Pass(ex); err != nil || !pass || res.Header.Get("Content-Range") != "bytes 0-1/5" {
		t.Errorf("%v, %v, %v", pass, err, res.Header)
	}
	if _, pass, err = w.rewriter.Pass(w.ask(t, "/page?id=11", "application/json", nil)); pass || err != nil {
		t.Errorf("a page passed unread: %v", err)
	}
}

// TestSecondPass: what the first pass did not know is asked for once.
func TestSecondPass(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ex := w.ask(t, "/page?id=11", "application/json", []byte(strings.Replace(pageBody, `"title"`, `"watchers":["newcomer","bo"],"title"`, 1)))
	calls := 0
	ex.Resolve = func(_ context.Context, refs []rules.Ref) (*rules.View, error) {
		calls++
		if len(refs) != 1 || refs[0].Keys[0].Value != "newcomer" {
			t.Errorf("refs = %v", refs)
		}
		return w.view("zoe"), nil // stands for a view that knows more
	}
	res, err := w.rewriter.Rewrite(context.Background(), ex)
	if err != nil || calls != 1 || !strings.Contains(string(res.Body), `"watchers":["bo"]`) {
		t.Errorf("%v, %d calls, %s", err, calls, res.Body)
	}
	ex.Resolve = func(context.Context, []rules.Ref) (*rules.View, error) { return nil, errors.New("down") }
	if res, err = w.rewriter.Rewrite(context.Background(), ex); err != nil || strings.Contains(string(res.Body), "newcomer") {
		t.Errorf("%v, %s", err, res.Body)
	}
}

func FuzzRewrite(f *testing.F) {
	w := newWorld(f)
	targets := []struct{ target, typ string }{
		{"/page?id=11", "application/json"},
		{"/view?id=11", "text/html"},
		{"/search?q=x", "application/json; charset=utf-8"},
		{"/static/a.css", "text/css"},
		{"/static/a.js", "text/javascript"},
		{"/suggest?q=x", "application/json"},
		{"/view?id=11", "text/html; charset=iso-8859-1"},
	}
	f.Add([]byte(pageBody), uint8(0), "", "")
	f.Add([]byte(`<meta name="page-id" content="11"><a href="/view?id=22">x</a>`), uint8(1), "Link", `</view?id=22>; rel="x"`)
	f.Add([]byte(`.a{background:url( '/file/22/\6e ightjar.png' )}`), uint8(3), "Content-Language", "en")
	f.Add([]byte(`mw({spaceNames:{"ACME":"x","NIGHTJAR1":"y"}})`), uint8(4), "Refresh", "5;url=/view?id=22")
	f.Add([]byte(`["q",["a"],[""],["/view?id=12"]]`), uint8(5), "Content-Security-Policy", "default-src x.corp.example")
	f.Fuzz(func(t *testing.T, body []byte, n uint8, name, value string) {
		tg := targets[int(n)%len(targets)]
		ex := w.ask(t, tg.target, tg.typ, body)
		if name != "" {
			ex.Response.Header[http.CanonicalHeaderKey(name)] = []string{value}
		}
		res, err := w.rewriter.Rewrite(context.Background(), ex)
		if err != nil {
			if res.Body != nil || res.Header != nil {
				t.Fatal("an error, and something to send")
			}
			return
		}
		if !utf8.Valid(res.Body) {
			t.Fatal("not utf-8")
		}
		if res.Format == "json" && res.Status == 200 && !json.Valid(res.Body) {
			t.Fatalf("not json: %q", res.Body)
		}
		for n, vs := range res.Header {
			for _, v := range vs {
				if strings.ContainsAny(v, "\r\n\x00") {
					t.Fatalf("%s: %q", n, v)
				}
			}
			switch n {
			case "Set-Cookie", "Server", "Last-Modified", "Content-Length", "Transfer-Encoding", "Connection":
				t.Fatalf("%s got out", n)
			}
		}
	})
}

func BenchmarkRewritePage(b *testing.B) {
	w := newWorld(b)
	var body strings.Builder
	body.WriteString(`{"results":[`)
	for i := range 400 {
		if i > 0 {
			body.WriteByte(',')
		}
		id, who := "11", "bo"
		if i%3 == 0 {
			id, who = "12", "nightjarz"
		}
		body.WriteString(`{"entityType":"content","content":{"id":"` + id + `","type":"page","title":"Plan","space":{"key":"ACME"},"by":{"type":"known","username":"` + who + `"}},"excerpt":"lorem ipsum dolor sit amet, consectetur adipiscing elit sed do eiusmod","_links":{"webui":"/view?id=` + id + `"}}`)
	}
	body.WriteString(`],"size":400}`)
	ex := w.ask(b, "/search?q=plan", "application/json", []byte(body.String()))
	b.SetBytes(int64(body.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.rewriter.Rewrite(context.Background(), ex); err != nil {
			b.Fatal(err)
		}
	}
}

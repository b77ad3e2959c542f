package rewrite_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/caddymodule/rewrite"
)

// TestFields: what of the wiki's header fields leaves, beginning with nothing.
// A field that is left out of a row leaves in no form.
func TestFields(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tests := []struct {
		name string
		in   []string
		want string // "" for: it does not leave
	}{
		// As they are, if they are what they should be.
		{"Content-Language", []string{"en-GB, de"}, "en-GB, de"},
		{"Content-Language", []string{"nightjarz@corp.example"}, ""},
		{"Content-Language", []string{"en; q=1"}, ""},
		{"X-Frame-Options", []string{"SAMEORIGIN"}, "SAMEORIGIN"},
		{"X-Frame-Options", []string{"deny"}, "deny"},
		{"X-Frame-Options", []string{"ALLOW-FROM https://build.corp.example"}, "SAMEORIGIN"},
		{"Cross-Origin-Opener-Policy", []string{`same-origin; report-to="nightjar"`}, "same-origin"},
		{"Cross-Origin-Opener-Policy", []string{"nightjar"}, ""},
		{"Cross-Origin-Resource-Policy", []string{"same-origin"}, "same-origin"},
		{"Cross-Origin-Embedder-Policy", []string{"require-corp"}, "require-corp"},
		{"Permissions-Policy", []string{`camera=(), geolocation=(self "https://maps.example" "https://build.corp.example" "http://wiki.internal:8090"), nightjar=x, Über=*`}, `camera=(), geolocation=(self "https://maps.example" self)`},

		// Rebased, and made stricter.
		{"Content-Security-Policy", []string{"default-src 'self' https://cdn.example https://build.corp.example http://wiki.internal:8090; report-uri /nightjar; report-to nightjar"}, "default-src 'self' https://cdn.example"},
		{"Content-Security-Policy", []string{"frame-ancestors 'none', default-src *"}, "frame-ancestors 'none', default-src *"},
		{"Content-Security-Policy", []string{"script-src 'nonce-YWJj' 'sha256-YWJj' 'strict-dynamic' 'nightjar' nightjar https://intranet data: x:"}, "script-src 'nonce-YWJj' 'sha256-YWJj' 'strict-dynamic' data:"},
		{"Content-Security-Policy", []string{"img-src *.corp.example *.internal:* *.cdn.example; sandbox allow-scripts; nightjar-src x; upgrade-insecure-requests"}, "img-src 'self' *.cdn.example; sandbox allow-scripts; upgrade-insecure-requests"},
		{"Content-Security-Policy-Report-Only", []string{"default-src 'self'"}, ""},

		// Judged.
		{"Link", []string{`</view?id=22>; rel="next"; title="Nightjar plan", </view?id=33>; rel="prev"; title="x"`}, `</view?id=33>; rel="prev"`},
		{"Link", []string{`</view?id=33>;rel=canonical`}, `</view?id=33>; rel="canonical"`},
		{"Link", []string{`</view?id=33>; title="a, <b>; rel=\"x\""; rel=next`}, `</view?id=33>; rel="next"`},
		{"Link", []string{`</view?id=33>; rel=next; anchor="/view?id=22"`}, ""},
		{"Link", []string{`</view?id=33>; title="open`}, ""},
		{"Link", []string{`</view?id=33>`}, ""},
		{"Link", []string{`/view?id=33; rel=next`}, ""},
		{"Link", []string{`<http://wiki.internal:8090/view?id=33>; rel=next`}, `<https://extranet.example.com/view?id=33>; rel="next"`},
		{"Link", []string{`<https://build.corp.example/x>; rel=next`}, ""},
		{"Refresh", []string{"5; url=/view?id=33"}, "5;url=/view?id=33"},
		{"Refresh", []string{"5; URL='/view?id=33'"}, "5;url=/view?id=33"},
		{"Refresh", []string{"5"}, "5"},
		{"Refresh", []string{"5; url=/view?id=22"}, ""},
		{"Refresh", []string{"5, /view?id=33"}, ""},
		{"Refresh", []string{"0; url=javascript:x"}, ""},
		{"Refresh", []string{"0; url=/view?id=33", "0; url=/view?id=11"}, ""},
		{"Retry-After", []string{"120"}, "120"},
		{"Retry-After", []string{"Mon, 02 Mar 2026 09:00:00 GMT"}, ""},

		// Made here, whatever the wiki says.
		{"Cache-Control", []string{"public, max-age=31536000"}, "private, no-cache"},
		{"Referrer-Policy", []string{"unsafe-url"}, "same-origin"},
		{"X-Content-Type-Options", []string{"none"}, "nosniff"},
		{"X-Robots-Tag", []string{"all"}, "noindex"},

		// Never.
		{"Set-Cookie", []string{"JSESSIONID=1; Path=/"}, ""},
		{"Content-Location", []string{"/view?id=33"}, ""},
		{"Location", []string{"/view?id=33"}, ""},
		{"Content-Disposition", []string{`inline; filename="plan.html"`}, ""}, // of files alone
		{"Last-Modified", []string{"Mon, 02 Mar 2026 09:00:00 GMT"}, ""},
		{"Expires", []string{"0"}, ""},
		{"Pragma", []string{"no-cache"}, ""},
		{"Age", []string{"17"}, ""},
		{"Vary", []string{"Cookie"}, ""},
		{"Via", []string{"1.1 wiki.internal"}, ""},
		{"Server", []string{"Apache-Coyote/1.1"}, ""},
		{"Date", []string{"Mon, 02 Mar 2026 09:00:00 GMT"}, ""},
		{"Warning", []string{`199 - "nightjar"`}, ""},
		{"Server-Timing", []string{`db;dur=5;desc="nightjar"`}, ""},
		{"Timing-Allow-Origin", []string{"*"}, ""},
		{"Clear-Site-Data", []string{`"cookies"`}, ""},
		{"Alt-Svc", []string{`h3="wiki.internal:443"`}, ""},
		{"Sourcemap", []string{"/static/a.map"}, ""},
		{"X-Sourcemap", []string{"/static/a.map"}, ""},
		{"Report-To", []string{`{"group":"nightjar"}`}, ""},
		{"Reporting-Endpoints", []string{`a="/nightjar"`}, ""},
		{"Nel", []string{"{}"}, ""},
		{"Access-Control-Allow-Origin", []string{"*"}, ""},
		{"Access-Control-Allow-Credentials", []string{"true"}, ""},
		{"Access-Control-Expose-Headers", []string{"X-A"}, ""},
		{"Www-Authenticate", []string{"Basic"}, ""},
		{"Strict-Transport-Security", []string{"max-age=1"}, ""},
		{"Content-Md5", []string{"x"}, ""},
		{"Content-Digest", []string{"sha-256=:x:"}, ""},
		{"Repr-Digest", []string{"sha-256=:x:"}, ""},
		{"Digest", []string{"x"}, ""},
		{"Accept-Ranges", []string{"bytes"}, ""}, // of files alone
		{"Trailer", []string{"X-A"}, ""},
		{"Upgrade", []string{"h2c"}, ""},
		{"Connection", []string{"X-A"}, ""},
		{"Transfer-Encoding", []string{"chunked"}, ""},
		{"X-Ausername", []string{"nightjarz"}, ""},
		{"X-Powered-By", []string{"x"}, ""},
		{"X-Request-Id", []string{"1"}, ""},
		{"X-Ua-Compatible", []string{"IE=edge"}, ""},
		{"X-Xss-Protection", []string{"1"}, ""},
		{"P3p", []string{"x"}, ""},
		{"Feature-Policy", []string{"camera 'self'"}, ""},
		{"Critical-Ch", []string{"x"}, ""},
		{"Accept-Ch", []string{"x"}, ""},
		{"Origin-Trial", []string{"x"}, ""},
		{"Nosuchfield", []string{"x"}, ""},
	}
	for _, tt := range tests {
		ex := w.ask(t, "/page?id=11", "application/json", []byte(pageBody))
		ex.Response.Header[tt.name] = tt.in
		res, err := w.rewriter.Rewrite(t.Context(), ex)
		if err != nil {
			t.Errorf("%s: %q: %v", tt.name, tt.in, err)
			continue
		}
		if got := strings.Join(res.Header.Values(tt.name), "\n"); got != tt.want {
			t.Errorf("%s: %q leaves as %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

// TestDisposition: a file's name leaves in one spelling, in whichever the wiki
// gives it (RFC 6266, RFC 8187), or not at all.
func TestDisposition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for in, want := range map[string]string{
		`attachment; filename="plan.png"`:                                       `attachment; filename=plan.png`,
		`attachment; filename=plan.png`:                                         `attachment; filename=plan.png`,
		`ATTACHMENT; FILENAME="plan.png"`:                                       `attachment; filename=plan.png`,
		`inline; filename="the plan.png"`:                                       `inline; filename="the plan.png"`,
		`inline`:                                                                `inline`,
		`form-data; name="x"; filename="plan.png"`:                              `attachment; filename=plan.png`,
		`attachment; filename*=UTF-8''caf%C3%A9.png`:                            `attachment; filename*=utf-8''caf%C3%A9.png`,
		`attachment; filename*=utf-8'en'plan.png`:                               `attachment; filename=plan.png`,
		`attachment; filename="caf_.png"; filename*=UTF-8''caf%C3%A9.png`:       `attachment; filename*=utf-8''caf%C3%A9.png`,
		`attachment; filename*=UTF-8''plan.png; filename="nightjarz.png"`:       `attachment; filename=plan.png`,
		`attachment; filename="plan.png"; filename*=UTF-8''nightjarz%2Epng`:     `attachment`,
		`attachment; filename*=ISO-8859-1''caf%E9.png; filename="cafe.png"`:     `attachment; filename=cafe.png`,
		`attachment; filename*0="pl"; filename*1="an.png"`:                      `attachment; filename=plan.png`,
		`attachment; filename*0*=UTF-8''night; filename*1*=%6Aarz.png`:          `attachment`,
		`attachment; filename="a\"b.png"`:                                       `attachment; filename="a\"b.png"`,
		`attachment; filename="night\jarz.png"`:                                 `attachment; filename=jarz.png`, // a path, to who wrote it
		`attachment; filename="=?UTF-8?B?bmlnaHRqYXJ6LnBuZw==?="`:               `attachment`,
		`attachment; filename="=?UTF-8?Q?caf=C3=A9.png?="`:                      `attachment; filename*=utf-8''caf%C3%A9.png`,
		`attachment; filename="n%69ghtjarz.png"`:                                `attachment`,
		`attachment; filename="../../plan.png"`:                                 `attachment; filename=plan.png`,
		`attachment; filename="C:\\nightjar\\plan.png"`:                         `attachment; filename=plan.png`,
		`attachment; filename=".."`:                                             `attachment`,
		`attachment; filename="a.png"; filename="nightjarz.png"`:                `attachment`,
		`attachment; filename="a` + "\xe9" + `.png"`:                            `attachment`,
		`attachment; filename*=UTF-8''a%E9.png`:                                 `attachment`,
		`attachment; filename*=UTF-8''a%0D%0Ab.png`:                             `attachment`,
		`attachment; filename="café.png"`:                                       `attachment; filename*=utf-8''caf%C3%A9.png`,
		`attachment; filename="plan.png"; creation-date="x"; modification=x`:    `attachment; filename=plan.png`,
		`attachment; filename`:                                                  `attachment`,
		`=x`:                                                                    `attachment`,
		`filename="nightjarz.png"`:                                              `attachment`,
		`attachment; filename="nightjarz.png"`:                                  `attachment`,
		`attachment; filename="NIGHTJARZ.png"`:                                  `attachment`,
		`attachment; filename*=UTF-8''n%C2%ADightjarz.png; filename="plan.png"`: `attachment`,
	} {
		ex := w.ask(t, "/file/11/a.png", "image/png", []byte("\x89PNG"))
		ex.Response.Header.Set("Content-Disposition", in)
		res, err := w.rewriter.Rewrite(t.Context(), ex)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if got := res.Header.Get("Content-Disposition"); got != want {
			t.Errorf("%q leaves as %q, want %q", in, got, want)
		}
	}
}

// TestNoneMatch: lists, weak comparison and the star of If-None-Match; nothing
// else makes an answer conditional.
func TestNoneMatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	res, err := w.rewriter.Rewrite(t.Context(), w.ask(t, "/page?id=11", "application/json", []byte(pageBody)))
	if err != nil {
		t.Fatal(err)
	}
	tag := res.Header.Get("Etag")
	for _, tt := range []struct {
		method, name string
		values       []string
		status       int
	}{
		{"GET", "If-None-Match", []string{tag}, 304},
		{"HEAD", "If-None-Match", []string{tag}, 304},
		{"POST", "If-None-Match", []string{tag}, 200},
		{"GET", "If-None-Match", []string{"W/" + tag}, 304},
		{"GET", "If-None-Match", []string{`"a", W/"b" ,` + tag}, 304},
		{"GET", "If-None-Match", []string{`"a"`, tag}, 304},
		{"GET", "If-None-Match", []string{"*"}, 304},
		{"GET", "If-None-Match", []string{`"a", *`}, 200},
		{"GET", "If-None-Match", []string{`"a"`}, 200},
		{"GET", "If-None-Match", []string{strings.Trim(tag, `"`)}, 200},
		{"GET", "If-None-Match", []string{"w/" + tag}, 200},
		{"GET", "If-None-Match", []string{""}, 200},
		{"GET", "If-Match", []string{`"a"`}, 200},
		{"GET", "If-Modified-Since", []string{"Mon, 02 Mar 2026 09:00:00 GMT"}, 200},
		{"GET", "If-Unmodified-Since", []string{"Mon, 02 Mar 1996 09:00:00 GMT"}, 200},
	} {
		ex := w.ask(t, "/page?id=11", "application/json", []byte(pageBody))
		ex.Request.Method = tt.method
		ex.Request.Header[tt.name] = tt.values
		got, err := w.rewriter.Rewrite(t.Context(), ex)
		if err != nil || got.Status != tt.status || tt.status == 304 && (len(got.Body) > 0 || got.Header.Get("Etag") != tag || got.Header.Get("Content-Type") != "") {
			t.Errorf("%s %s %q: %d, want %d (%v) %v", tt.method, tt.name, tt.values, got.Status, tt.status, err, got.Header)
		}
	}
}

// TestValidator: the validator is of the bytes that leave and of their type,
// and of nothing else that the wiki says or that the viewer is.
func TestValidator(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tag := func(change func(*rewrite.Exchange)) string {
		ex := w.ask(t, "/page?id=11", "application/json", []byte(pageBody))
		change(&ex)
		res, err := w.rewriter.Rewrite(t.Context(), ex)
		if err != nil {
			t.Fatal(err)
		}
		return res.Header.Get("Etag")
	}
	want := tag(func(*rewrite.Exchange) {})
	for name, change := range map[string]func(*rewrite.Exchange){
		"validator of the wiki": func(ex *rewrite.Exchange) { ex.Response.Header.Set("Etag", `"nightjar"`) },
		"date of the wiki":      func(ex *rewrite.Exchange) { ex.Response.Header.Set("Last-Modified", "x") },
		"another viewer":        func(ex *rewrite.Exchange) { ex.View = w.view("zoe") },
		"gzip": func(ex *rewrite.Exchange) {
			ex.Response.Header.Set("Content-Encoding", "gzip")
			ex.Response.Body = zip(t, pageBody)
		},
		"HEAD":         func(ex *rewrite.Exchange) { ex.Request.Method = http.MethodHead },
		"other fields": func(ex *rewrite.Exchange) { ex.Response.Header.Set("Content-Language", "de") },
	} {
		if got := tag(change); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if got := tag(func(ex *rewrite.Exchange) { ex.Response.Body = []byte(strings.Replace(pageBody, "Plan", "Plan 2", 1)) }); got == want {
		t.Error("another body has the same validator")
	}
	if got := tag(func(ex *rewrite.Exchange) { ex.Response.Header.Set("Content-Type", "application/hal+json") }); got == want {
		t.Error("another type has the same validator")
	}
}

// TestParts: a part of a file leaves where it is the one that was asked for.
func TestParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct {
		asked, field string
		status       int
		body         string
		want         string
	}{
		{"bytes=0-3", "bytes 0-3/10", 206, "abcd", "206 bytes 0-3/10"},
		{"bytes=0-3", "bytes 0-3/*", 206, "abcd", "206 bytes 0-3/*"},
		{"bytes=0-99", "bytes 0-9/10", 206, "abcdefghij", "206 bytes 0-9/10"},
		{"bytes=4-", "bytes 4-9/10", 206, "efghij", "206 bytes 4-9/10"},
		{"bytes=-4", "bytes 6-9/10", 206, "ghij", "206 bytes 6-9/10"},
		{"bytes=-40", "bytes 0-9/10", 206, "abcdefghij", "206 bytes 0-9/10"},
		{"", "bytes 0-3/10", 206, "abcd", rewrite.ReasonPartial},          // unasked
		{"bytes=0-3", "", 206, "abcd", rewrite.ReasonPartial},             // which part?
		{"bytes=0-3", "bytes 4-7/10", 206, "efgh", rewrite.ReasonPartial}, // another one
		{"bytes=0-3", "bytes 0-5/10", 206, "abcdef", rewrite.ReasonPartial},
		{"bytes=0-3", "bytes 3-0/10", 206, "abcd", rewrite.ReasonPartial},
		{"bytes=0-3", "bytes 0-3/2", 206, "abcd", rewrite.ReasonPartial},
		{"bytes=0-3", "bytes 0-3/10", 206, "abcdef", rewrite.ReasonPartial}, // longer than it says
		{"bytes=0-3", "nightjar 0-3/10", 206, "abcd", rewrite.ReasonPartial},
		{"bytes=-4", "bytes 0-3/10", 206, "abcd", rewrite.ReasonPartial},
		{"bytes=0-3", "", 200, "abcdefghij", "200 "}, // the whole is always right
		{"bytes=0-3", "bytes 0-3/10", 200, "abcdefghij", "200 "},
		{"bytes=20-", "bytes */10", 416, "nightjar", "416 bytes */10"},
		{"bytes=20-", "nightjar", 416, "nightjar", "416 "},
		{"", "bytes */10", 416, "nightjar", rewrite.ReasonStatus},
		{"", "", 304, "", rewrite.ReasonStatus}, // we ask no conditions
	} {
		ex := w.ask(t, "/file/11/a.png", "image/png", []byte(tt.body))
		ex.Request.Range = tt.asked
		ex.Response.Status = tt.status
		if tt.field != "" {
			ex.Response.Header.Set("Content-Range", tt.field)
		}
		res, err := w.rewriter.Rewrite(t.Context(), ex)
		got := reason(err)
		if err == nil {
			got = strconv.Itoa(res.Status) + " " + res.Header.Get("Content-Range")
			if strings.Contains(string(res.Body), "nightjar") {
				t.Errorf("%v: the body of an error leaves", tt)
			}
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("asked %q, got %d %q:\n%s", tt.asked, tt.status, tt.field, d)
		}
	}
	ex := w.ask(t, "/page?id=11", "application/json", []byte(pageBody))
	ex.Request.Range, ex.Response.Status = "bytes=0-3", 206
	if _, err := w.rewriter.Rewrite(t.Context(), ex); reason(err) != rewrite.ReasonPartial {
		t.Errorf("a part of a page: %v", err)
	}
}

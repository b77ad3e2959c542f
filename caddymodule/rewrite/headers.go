package rewrite

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/textscan"
	"github.com/postern-gateway/postern/rules"
)

// finish makes the result: headers from an empty map, the validator, and the
// answer to a conditional request.
func (w *work) finish(format, contentType string, body []byte) (Result, error) {
	res := Result{Status: w.ex.Response.Status, Header: w.header(), Body: body, Report: w.report, Format: format}
	h := res.Header
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	res.Tripwire = w.hits
	if format == "redirect" || format == "empty" {
		return res, nil
	}
	h.Set("Cache-Control", w.cacheControl())
	w.validate(&res)
	return res, nil
}

// validate gives a whole body its validator, and answers a conditional
// request (RFC 9110, section 13.1.2). If-Modified-Since is not
// looked at: nothing that leaves says when it was modified.
func (w *work) validate(res *Result) {
	h := res.Header
	if m := w.ex.Request.Method; res.Status == http.StatusOK && (m == http.MethodGet || m == http.MethodHead) {
		etag := w.r.validator.of(h.Get("Content-Type"), res.Body)
		h.Set("Etag", etag)
		if noneMatch(w.ex.Request.Header.Values("If-None-Match"), etag) {
			res.Status, res.Body = http.StatusNotModified, nil
			for _, n := range []string{"Content-Type", "Content-Language", "Content-Disposition"} {
				h.Del(n)
			}
		}
	}
}

// noneMatch is If-None-Match's weak comparison. Our validators hold no comma.
func noneMatch(fields []string, etag string) bool {
	for _, f := range fields {
		for t := range strings.SplitSeq(f, ",") {
			if strings.TrimPrefix(strings.Trim(t, " \t"), "W/") == etag {
				return true
			}
		}
	}
	return len(fields) == 1 && strings.Trim(fields[0], " \t") == "*"
}

// header makes the outgoing headers but for type, validator and caching.
func (w *work) header() http.Header {
	in, h := w.ex.Response.Header, make(http.Header, 16)
	for _, f := range fields {
		for _, v := range in[f.name] {
			if v = f.read(w, v); v != "" && (f.closed || w.clean(v)) {
				h.Add(f.name, v)
			}
		}
	}
	for _, n := range w.r.profile.Headers.Response {
		n = textproto.CanonicalMIMEHeaderKey(n)
		for _, v := range in.Values(n) {
			if !neverPass(n) && w.clean(v) {
				h.Add(n, v)
			}
		}
	}
	if v := in.Values("Refresh"); len(v) == 1 {
		if r, ok := w.refresh(v[0]); ok && w.clean(r) {
			h.Set("Refresh", r)
		}
	}
	if v := in.Get("Retry-After"); v != "" && strings.Trim(v, "0123456789") == "" {
		h.Set("Retry-After", v)
	}
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	if w.space == rules.NoID || !w.view.Public(w.space) {
		h.Set("X-Robots-Tag", "noindex")
	}
	h.Set("Cache-Control", "private, no-cache")
	return h
}

// neverPass holds what no profile may let through: framing, validators, what is
// judged or made here, and what names software or machines.
func neverPass(n string) bool {
	switch n {
	case "Set-Cookie", "Etag", "Last-Modified", "Location", "Content-Location", "Link", "Refresh", "Content-Disposition",
		"Content-Type", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Trailer", "Connection", "Upgrade",
		"Cache-Control", "Expires", "Age", "Via", "Server", "Date", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest",
		"Www-Authenticate", "Proxy-Authenticate", "Accept-Ranges", "Content-Range", "Strict-Transport-Security",
		"Referrer-Policy", "X-Content-Type-Options", "X-Robots-Tag", "Content-Security-Policy", "Sourcemap", "X-Sourcemap",
		"X-Frame-Options", "Permissions-Policy", "Content-Language", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Cross-Origin-Embedder-Policy",
		"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Clear-Site-Data", "Alt-Svc", "Server-Timing", "Warning", "Vary",
		"Report-To", "Reporting-Endpoints", "Nel", "Content-Security-Policy-Report-Only":
		return true
	}
	return false
}

// controls reports whether a value holds what no field value may, and what a
// browser's reading of a URL passes over.
func controls(v string) bool {
	return strings.ContainsFunc(v, func(r rune) bool { return r < 0x20 || r == 0x7f })
}

// clean reports whether a header's value is plain text in which the tripwire
// finds nothing.
func (w *work) clean(v string) bool {
	for i := 0; i < len(v); i++ {
		if v[i] < 0x20 && v[i] != '\t' || v[i] >= 0x7f {
			return false
		}
	}
	return w.silent(v)
}

// silent reports whether the tripwire finds nothing in a text.
func (w *work) silent(v string) bool {
	_, hits, err := w.r.dictionary(w.view.Facts()).Scan([]byte(v), textscan.Text, w.scanOptions(false))
	w.hits = append(w.hits, hits...)
	return err == nil && len(hits) == 0
}

func (w *work) refresh(v string) (string, bool) {
	sec, rest, ok := strings.Cut(v, ";")
	sec = strings.TrimSpace(sec)
	if sec == "" || strings.Trim(sec, "0123456789.") != "" {
		return "", false
	}
	if !ok {
		return sec, true
	}
	rest = strings.TrimSpace(rest)
	if len(rest) < 4 || !strings.EqualFold(rest[:4], "url=") {
		return "", false
	}
	raw := strings.Trim(strings.TrimSpace(rest[4:]), `"'`)
	l := w.j.URL(raw)
	if l.Fate != rules.FateKeep || controls(raw) {
		return "", false
	}
	if l.URL != "" {
		raw = l.URL
	}
	return sec + ";url=" + raw, true
}

// cacheControl: what a viewer gets is his own. Static answers may be kept for
// as long as the wiki says.
func (w *work) cacheControl() string {
	if w.ex.Match.Class == rules.ClassStatic {
		for _, v := range w.ex.Response.Header.Values("Cache-Control") {
			for d := range strings.SplitSeq(v, ",") {
				n, age, _ := strings.Cut(strings.TrimSpace(strings.ToLower(d)), "=")
				if s, err := strconv.ParseUint(strings.Trim(age, `"`), 10, 31); err == nil && n == "max-age" && s > 0 {
					return "private, max-age=" + strconv.FormatUint(s, 10)
				}
			}
		}
	}
	return "private, no-cache"
}

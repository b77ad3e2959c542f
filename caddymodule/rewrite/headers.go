package rewrite

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"mime"
	"net/http"
	"net/textproto"
	"path"
	"strconv"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/caddymodule/rewrite/textscan"
	"github.com/postern-gateway/postern/rules"
)

// passing are the wiki's headers that leave as they are. Everything else that
// leaves is judged, or made here.
var passing = []string{
	"Content-Language", "X-Frame-Options", "Permissions-Policy",
	"Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Cross-Origin-Embedder-Policy",
}

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
	if m := w.ex.Request.Method; res.Status == http.StatusOK && (m == http.MethodGet || m == http.MethodHead) {
		etag := w.r.etag(contentType, body)
		h.Set("Etag", etag)
		if matches(w.ex.Request.Header.Values("If-None-Match"), etag) {
			res.Status, res.Body = http.StatusNotModified, nil
			for _, n := range []string{"Content-Type", "Content-Language", "Content-Disposition"} {
				h.Del(n)
			}
		}
	}
	if w.ex.Request.Method == http.MethodHead {
		res.Body = nil
	}
	return res, nil
}

// etag is a validator of the bytes that leave and of their type, and of
// nothing else.
func (r *Rewriter) etag(contentType string, body []byte) string {
	m := hmac.New(sha256.New, r.key)
	m.Write([]byte(contentType))
	m.Write([]byte{0})
	m.Write(body)
	return `"` + base64.RawURLEncoding.EncodeToString(m.Sum(nil)[:18]) + `"`
}

// matches is If-None-Match's weak comparison.
func matches(fields []string, etag string) bool {
	for _, f := range fields {
		for t := range strings.SplitSeq(f, ",") {
			t = strings.TrimSpace(t)
			if t == "*" || strings.TrimPrefix(t, "W/") == etag {
				return true
			}
		}
	}
	return false
}

// header makes the outgoing headers but for type, validator and caching.
func (w *work) header() http.Header {
	in, h := w.ex.Response.Header, make(http.Header, 16)
	for _, n := range append(passing[:len(passing):len(passing)], w.r.profile.Headers.Response...) {
		n = textproto.CanonicalMIMEHeaderKey(n)
		for _, v := range in.Values(n) {
			if !neverPass(n) && w.clean(v) {
				h.Add(n, v)
			}
		}
	}
	for _, v := range in.Values("Content-Security-Policy") {
		h.Add("Content-Security-Policy", w.policy(v))
	}
	for _, v := range in.Values("Link") {
		if l := w.links(v); l != "" {
			h.Add("Link", l)
		}
	}
	if v := in.Values("Refresh"); len(v) == 1 {
		if r, ok := w.refresh(v[0]); ok {
			h.Set("Refresh", r)
		}
	}
	if v := in.Get("Retry-After"); v != "" && strings.Trim(v, "0123456789") == "" {
		h.Set("Retry-After", v)
	}
	if w.ex.Passthrough {
		w.cookies(h)
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
		"Referrer-Policy", "X-Content-Type-Options", "X-Robots-Tag", "Content-Security-Policy", "Sourcemap", "X-Sourcemap":
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
	_, hits, err := w.r.dictionary(w.view.Facts()).Scan([]byte(v), textscan.Text, w.scanOptions(false))
	w.hits = append(w.hits, hits...)
	return err == nil && len(hits) == 0
}

// policy rebases a content security policy on the site and takes internal
// hosts out of it.
func (w *work) policy(v string) string {
	var out []string
	for d := range strings.SplitSeq(v, ";") {
		f := strings.Fields(d)
		if len(f) == 0 {
			continue
		}
		switch strings.ToLower(f[0]) {
		case "report-uri", "report-to":
			continue
		}
		keep := f[:1]
		for _, src := range f[1:] {
			if strings.HasPrefix(src, "'") || strings.HasSuffix(src, ":") || !strings.Contains(src, ".") && !strings.Contains(src, "://") {
				keep = append(keep, src)
				continue
			}
			u := src
			if !strings.Contains(u, "://") {
				u = "https://" + u
			}
			l := w.j.URL(u)
			switch {
			case l.Foreign && l.Fate == rules.FateKeep:
				keep = append(keep, src)
			case w.ours(u):
				keep = append(keep, "'self'")
			}
		}
		out = append(out, strings.Join(keep, " "))
	}
	return strings.Join(out, "; ")
}

// ours reports whether a source expression is the site or one of its aliases.
func (w *work) ours(u string) bool {
	for _, b := range append(w.ex.Site.Aliases[:len(w.ex.Site.Aliases):len(w.ex.Site.Aliases)], w.ex.Site.Base) {
		if b != nil && (strings.HasPrefix(u, b.Scheme+"://"+b.Host) || strings.HasPrefix(u, "https://"+b.Host)) {
			return true
		}
	}
	return false
}

// links keeps those targets of a Link header that may be seen, with nothing
// but their relation.
func (w *work) links(v string) string {
	var out []string
	for {
		i := strings.IndexByte(v, '<')
		if i < 0 {
			break
		}
		j := strings.IndexByte(v[i:], '>')
		if j < 0 {
			break
		}
		raw := v[i+1 : i+j]
		v = v[i+j+1:]
		params := v
		if k := strings.Index(v, "<"); k >= 0 {
			params = v[:k]
		}
		l := w.j.URL(raw)
		if l.Fate != rules.FateKeep {
			w.report.Hide(l.Kind, edit.Removed)
			continue
		}
		if l.URL != "" {
			raw = l.URL
		}
		link := "<" + raw + ">"
		for p := range strings.SplitSeq(params, ";") {
			n, val, ok := strings.Cut(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(p), ",")), "=")
			val = strings.Trim(val, `"`)
			switch strings.ToLower(n) {
			case "rel", "as", "type", "crossorigin":
				if ok && strings.Trim(val, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-+/. ") == "" {
					link += "; " + strings.ToLower(n) + `="` + val + `"`
				}
			}
		}
		out = append(out, link)
	}
	return strings.Join(out, ", ")
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

// cookies lets through those of the wiki's cookies that the profile lists.
func (w *work) cookies(h http.Header) {
	for _, c := range (&http.Response{Header: w.ex.Response.Header}).Cookies() {
		for _, glob := range w.r.profile.Headers.Cookies {
			if ok, err := path.Match(glob, c.Name); err == nil && ok {
				c.Domain = "" // this host, and no other
				if s := c.String(); s != "" {
					h.Add("Set-Cookie", s)
				}
				break
			}
		}
	}
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

// disposition keeps a file's name, and makes a download of what a browser
// would run.
func (w *work) disposition(h http.Header, mimeType string) {
	d, params := "", map[string]string(nil)
	if v := w.ex.Response.Header.Values("Content-Disposition"); len(v) == 1 {
		var err error
		if d, params, err = mime.ParseMediaType(v[0]); err != nil {
			d, params = "attachment", nil
		}
	} else if len(v) > 1 {
		d = "attachment"
	}
	if d != "inline" && d != "" || w.ex.Match.Class == rules.ClassFile && active(mimeType) {
		d = "attachment"
	}
	if d == "" {
		return
	}
	out := map[string]string{}
	if name := params["filename"]; name != "" {
		out["filename"] = path.Base(strings.ReplaceAll(name, `\`, "/"))
	}
	h.Set("Content-Disposition", mime.FormatMediaType(d, out))
}

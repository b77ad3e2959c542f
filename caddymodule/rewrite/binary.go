package rewrite

import (
	"net/http"
	"strconv"

	"github.com/postern-gateway/postern/rules"
)

// Pass says whether an answer is a file whose body need not be read, judging
// by status and headers alone (ex.Response.Body is not looked at). If it is, the
// body may be copied to the viewer behind the result's status and headers. If
// not, hold the body and call [Rewriter.Rewrite].
func (r *Rewriter) Pass(ex Exchange) (res Result, pass bool, err error) {
	if err := r.status(&ex); err != nil {
		return Result{}, false, err
	}
	if s := ex.Response.Status; s != http.StatusOK && s != http.StatusPartialContent {
		return Result{}, false, nil
	}
	k, err := r.kindOf(&ex)
	if err != nil {
		return Result{}, false, err
	}
	if ce := ex.Response.Header.Values("Content-Encoding"); k.format != "binary" || len(ce) > 0 && ce[0] != "identity" && ce[0] != "" {
		return Result{}, false, nil
	}
	w := &work{r: r, ex: &ex, view: ex.View}
	w.judge()
	ex.Response.Body = nil
	res, err = w.binary(k)
	return res, err == nil, err
}

// binary passes a file as it is, coded as it is, with the type that the route
// expects; what a browser would run as a document leaves as a download.
func (w *work) binary(k kind) (Result, error) {
	if k.format != "binary" || w.ex.Match.Class != rules.ClassFile && w.ex.Match.Class != rules.ClassStatic {
		// pictures and the like on other classes are read by nobody
		return Result{}, fail(ReasonType, nil)
	}
	if ce := w.ex.Response.Header.Values("Content-Encoding"); len(ce) > 0 && (len(ce) > 1 || ce[0] != "identity" && ce[0] != "") {
		body, err := w.r.uncode(w.ex)
		if err != nil || w.ex.Response.Body == nil || w.ex.Response.Status == http.StatusPartialContent {
			return Result{}, fail(ReasonCoding, err) // a coded file can't be passed unread
		}
		w.ex.Response.Body = body
	}
	res := Result{Status: w.ex.Response.Status, Body: w.ex.Response.Body, Header: w.header(), Format: "binary", Tripwire: w.hits}
	h := res.Header
	typ := k.mime
	if runnable(typ) {
		typ = "application/octet-stream" // never a page, script or style of this site
	}
	h.Set("Content-Type", typ)
	w.disposition(h, k.mime)
	if k.mime == "image/svg+xml" {
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	}
	h.Set("Cache-Control", w.cacheControl())
	if w.ex.Match.Class == rules.ClassFile {
		if v := w.ex.Response.Header.Values("Accept-Ranges"); len(v) == 1 && (v[0] == "bytes" || v[0] == "none") {
			h.Set("Accept-Ranges", v[0])
		}
	}
	if res.Status == http.StatusPartialContent {
		p, ok := readPart(w.ex.Response.Header.Values("Content-Range"))
		if !ok || !p.answers(w.ex.Request.Range) || res.Body != nil && int64(len(res.Body)) != p.last-p.first+1 {
			return Result{}, fail(ReasonPartial, nil)
		}
		h.Set("Content-Range", p.String())
	}
	switch {
	case res.Body != nil:
		w.validate(&res)
	case len(w.ex.Response.Header.Values("Content-Length")) == 1: // passed unread: the wiki knows its length
		if n, err := strconv.ParseUint(w.ex.Response.Header.Get("Content-Length"), 10, 63); err == nil {
			h.Set("Content-Length", strconv.FormatUint(n, 10))
		}
	}
	return res, nil
}

// unsatisfiable says that a file has no such part, and how long it is.
func (w *work) unsatisfiable() (Result, error) {
	res := Result{Status: http.StatusRequestedRangeNotSatisfiable, Header: w.header(), Format: "empty"}
	if v := w.ex.Response.Header.Values("Content-Range"); len(v) == 1 && noPart.MatchString(v[0]) {
		res.Header.Set("Content-Range", v[0])
	}
	return res, nil
}

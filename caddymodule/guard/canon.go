// Package guard is the enforcement point on the request's side. It turns an
// HTTP request into the one canonical form that policy and wiki both read, or
// refuses it; asks the view whether the viewer may have what is asked for; and
// builds the request that goes upstream anew, from the canonical values and an
// allow list of header fields. It enforces and never decides.
//
// Start reading at Guard.Canon, then Guard.Admit, then Admission.Request.
package guard

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/cursor"
	"github.com/postern-gateway/postern/rules"
)

// Refusal is why a request goes no further: the HTTP status of design §1.3 and
// a reason for the audit log and the admin, never for the viewer.
type Refusal struct {
	Status int
	Rule   string // closed set, for metrics
	Reason string
	// Route is set where the route table refused: which route it is about.
	Route *rules.Refusal
}

// Error makes a Refusal usable as an error.
func (r *Refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.Status, r.Rule, r.Reason) }

func refuse(status int, rule, format string, args ...any) *Refusal {
	return &Refusal{Status: status, Rule: rule, Reason: fmt.Sprintf(format, args...)}
}

// Limits bound what a request may carry. The zero value takes the defaults.
type Limits struct {
	Target int   // bytes of path and query; 8 KiB
	Body   int64 // bytes of a form or JSON body; 1 MiB
	Fields int   // header fields; 128
	Params int   // parameters of a query, and of a form; 200
	Upload int64 // bytes of a multipart body; 10 MiB
}

func (l Limits) withDefaults() Limits {
	if l.Target == 0 {
		l.Target = 8 << 10
	}
	if l.Body == 0 {
		l.Body = 1 << 20
	}
	if l.Fields == 0 {
		l.Fields = 128
	}
	if l.Params == 0 {
		l.Params = 200
	}
	if l.Upload == 0 {
		l.Upload = 10 << 20
	}
	return l
}

// Guard reads requests the way one wiki does.
type Guard struct {
	Profile *rules.Profile
	Site    *rules.Site
	// Wiki is the upstream's address, whose path is its context path.
	Wiki   *url.URL
	Limits Limits
	// Cursors opens and seals what says where a list goes on; nil: requests
	// that go on with a list are refused.
	Cursors *cursor.Sealer
}

// Canon makes the canonical form of a request, or refuses it with 400 where it
// has no single reading, 404 outside the site's context path, and 413, 414 or
// 431 over a limit. It consumes the body of a form or JSON request; a multipart
// one is left to ReadUpload.
func (g *Guard) Canon(r *http.Request) (*rules.Request, *Refusal) {
	limits := g.Limits.withDefaults()
	other := func(host string) bool { return !SameHost(host, g.Site.Base) }
	if other(r.Host) || slices.ContainsFunc(r.Header["Host"], other) { // HTTP/2 lets both be there
		return nil, refuse(http.StatusBadRequest, "host", "request is for another host than the site's")
	}
	if r.URL.Opaque != "" || r.URL.Fragment != "" || r.URL.User != nil || r.Method == http.MethodConnect {
		return nil, refuse(http.StatusBadRequest, "target", "request target is not a plain path")
	}
	raw, ok := rawPath(r.URL)
	if !ok || strings.ContainsAny(r.RequestURI, " #") {
		return nil, refuse(http.StatusBadRequest, "target", "request target is not a plain path")
	}
	if len(raw)+len(r.URL.RawQuery) > limits.Target {
		return nil, refuse(http.StatusRequestURITooLong, "limit", "request target is over %d bytes", limits.Target)
	}
	fields := 0
	for _, v := range r.Header {
		fields += len(v)
	}
	if fields > limits.Fields {
		return nil, refuse(http.StatusRequestHeaderFieldsTooLarge, "limit", "request has over %d header fields", limits.Fields)
	}
	path, ok := belowContext(raw, g.Site.Base.EscapedPath())
	if !ok {
		// Read it all the same: a target without a single reading is a 400
		// wherever it stands.
		if _, err := g.Profile.ReadTarget(raw, r.URL.RawQuery); err != nil {
			return nil, fromRules(err)
		}
		return nil, refuse(http.StatusNotFound, "context-path", "path is outside the site's context path")
	}
	req, err := g.Profile.ReadTarget(path, r.URL.RawQuery)
	if err != nil {
		return nil, fromRules(err)
	}
	req.Method = r.Method
	if pairs(r.URL.RawQuery) > limits.Params {
		return nil, refuse(http.StatusRequestURITooLong, "limit", "query has over %d parameters", limits.Params)
	}
	if ref := g.readBody(r, req, limits); ref != nil {
		return nil, ref
	}
	return req, nil
}

// readBody reads a form into req.Form and JSON into req.JSON. Other bodies have
// no reading that a route could name.
func (g *Guard) readBody(r *http.Request, req *rules.Request, limits Limits) *Refusal {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 && len(r.TransferEncoding) == 0 {
		return nil
	}
	if r.Header.Get("Content-Encoding") != "" {
		return refuse(http.StatusBadRequest, "body", "request body has a content coding")
	}
	if len(r.Header.Values("Content-Type")) > 1 {
		return refuse(http.StatusBadRequest, "body", "request has several content types")
	}
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && kind == multipartForm && r.Method == http.MethodPost {
		return announced(r, req, limits)
	}
	if r.ContentLength > limits.Body {
		return refuse(http.StatusRequestEntityTooLarge, "limit", "request body is over %d bytes", limits.Body)
	}
	body, unread := io.ReadAll(io.LimitReader(r.Body, limits.Body+1))
	if unread != nil {
		return refuse(http.StatusBadRequest, "body", "request body can't be read")
	}
	if int64(len(body)) > limits.Body {
		return refuse(http.StatusRequestEntityTooLarge, "limit", "request body is over %d bytes", limits.Body)
	}
	if len(body) == 0 {
		return nil
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return refuse(http.StatusBadRequest, "body", "%s request carries a body", r.Method)
	}
	if err != nil {
		return refuse(http.StatusBadRequest, "body", "content type of the request can't be read")
	}
	if cs, ok := params["charset"]; ok && !strings.EqualFold(cs, "utf-8") {
		return refuse(http.StatusBadRequest, "body", "request body is not declared as UTF-8")
	}
	switch kind {
	case "application/x-www-form-urlencoded":
		if err := g.Profile.AddForm(req, string(body)); err != nil {
			return fromRules(err)
		}
		if pairs(string(body)) > limits.Params {
			return refuse(http.StatusRequestEntityTooLarge, "limit", "form has over %d parameters", limits.Params)
		}
	case "application/json":
		if err := strictJSON(body); err != nil {
			return refuse(http.StatusBadRequest, "body", "request body has no single reading: %v", err)
		}
		req.JSON = body
	default:
		// Kept as a body that no read route takes, so that the status order (404
		// for no route, 403 for a write) holds.
		req.JSON = opaqueBody
	}
	return nil
}

// pairs counts the parameters of a query or form as servers with a limit of
// their own do, empty ones among them. What is beyond that of rules.ReadTarget
// has no single reading: each server cuts elsewhere.
func pairs(raw string) int { return strings.Count(raw, "&") + 1 }

// opaqueBody stands for a request body that nothing can read: not JSON, so that
// no route that takes a body can take it for one.
var opaqueBody = []byte{0}

func fromRules(err error) *Refusal {
	var ref *rules.Refusal
	if errors.As(err, &ref) {
		status := ref.Status
		if status == 0 {
			status = http.StatusBadRequest
		}
		return refuse(status, "canon", "%s", ref.Reason)
	}
	return refuse(http.StatusBadRequest, "canon", "%v", err)
}

// rawPath gives the path as it stood on the wire. URL.EscapedPath would escape
// a decoded one anew where the wire had a character that wants escaping, and
// so make separators of escaped ones.
func rawPath(u *url.URL) (string, bool) {
	if u.RawPath == "" {
		return u.EscapedPath(), true
	}
	decoded, err := url.PathUnescape(u.RawPath)
	return u.RawPath, err == nil && decoded == u.Path
}

// belowContext takes the site's context path off a raw path. The context path
// itself, without a slash, is not below it.
func belowContext(raw, context string) (string, bool) {
	context = strings.TrimSuffix(context, "/")
	if context == "" {
		return raw, true
	}
	rest, ok := strings.CutPrefix(raw, context)
	if !ok || rest == "" || rest[0] != '/' {
		return "", false
	}
	return rest, true
}

// SameHost compares a Host field with the site's, default ports apart.
func SameHost(host string, site *url.URL) bool {
	if site == nil {
		return false
	}
	return host == site.Host || strings.EqualFold(withPort(host, site.Scheme), withPort(site.Host, site.Scheme))
}

func withPort(host, scheme string) string {
	if strings.LastIndexByte(host, ':') > strings.LastIndexByte(host, ']') {
		return host
	}
	if scheme == "https" {
		return host + ":443"
	}
	return host + ":80"
}

// Link reads an absolute URL of the site's as the request that it would be; nil
// for one of another site, and for what has no single reading.
func (g *Guard) Link(u *url.URL) *rules.Request {
	if u.Scheme != g.Site.Base.Scheme || !SameHost(u.Host, g.Site.Base) {
		return nil
	}
	raw, ok := rawPath(u)
	if !ok {
		return nil
	}
	path, ok := belowContext(raw, g.Site.Base.EscapedPath())
	if !ok {
		return nil
	}
	req, err := g.Profile.ReadTarget(path, u.RawQuery)
	if err != nil {
		return nil
	}
	return req
}

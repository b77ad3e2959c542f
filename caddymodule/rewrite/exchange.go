package rewrite

import (
	"context"
	"net/http"
	"net/url"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/caddymodule/rewrite/textscan"
	"github.com/postern-gateway/postern/rules"
)

// Request is what the leaves and headers need to know of a request.
type Request struct {
	Method string
	// URL is the request's public URL: what relative references are based on.
	URL *url.URL
	// Header is read for If-None-Match alone.
	Header http.Header
	// Range is the Range field that went to the wiki, of one range, or empty. A
	// part that nobody asked for is refused.
	Range string
	// Echo are the decoded values that the viewer himself sent.
	Echo []string
}

// Response is the wiki's answer. For a HEAD request, ask the wiki with GET: the
// answer is judged as a whole and its body left out.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Exchange is one request with its answer.
type Exchange struct {
	Match    *rules.Match
	View     *rules.View
	Site     *rules.Site
	Request  Request
	Response Response
	// Resolve looks up, in one call, what the first pass did not know, and
	// gives the view over what is known then. Nil: no second pass.
	Resolve func(context.Context, []rules.Ref) (*rules.View, error)
	// Seal gives the token that stands for a value of a cursor parameter of m,
	// the request or a link, as rules.Judge.SealCursor. Nil: what says where a
	// list goes on is cut, save numbers and times.
	Seal func(m *rules.Match, param, value string) string
	// Window, if set, cuts the answer's list to a part.
	Window *edit.Window
}

// Result is what may leave.
type Result struct {
	Status int
	Header http.Header
	// Body is valid until Release. It is there for a HEAD request too: what
	// encodes it on its way makes its headers by it, and net/http leaves it out.
	Body     []byte
	Report   edit.Report
	Tripwire []textscan.Hit
	Format   string // html, json, xml, css, js, text, binary, redirect, empty: for metrics

	buf *buffer
}

// Release gives the memory of Body back, once it was sent. A result that is
// never released costs memory and nothing else.
func (r *Result) Release() {
	r.buf.release()
	r.buf, r.Body = nil, nil
}

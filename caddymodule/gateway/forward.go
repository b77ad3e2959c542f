package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/postern-gateway/postern/caddymodule/capture"
	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/caddymodule/rewrite"
	"github.com/postern-gateway/postern/rules"
)

// smallFile is the size up to which a file is held although it could pass.
const smallFile = 1 << 20

// forward sends the rebuilt request up, and what may leave down.
func (x *exchange) forward(gd *guard.Guard, id guard.Identity, next Next) error {
	rw := x.state.rewriter
	ex := rewrite.Exchange{
		Match: x.adm.Match, View: x.view, Site: x.g.site,
		Request: rewrite.Request{Method: x.r.Method, URL: x.publicURL(), Header: x.r.Header, Echo: echoes(x.adm.Match)},
		Resolve: func(ctx context.Context, refs []rules.Ref) (*rules.View, error) {
			return x.resolver().Resolve(ctx, refs)
		},
		Seal: func(m *rules.Match, param, value string) string {
			return gd.Seal(x.adm, m, param, value)
		},
	}
	up := gd.Request(x.r, x.adm, id)
	ex.Request.Range = up.Header.Get("Range")
	var refused error // at the header
	out, err := capture.Run(x.w, up, capture.Config{
		Head:  x.r.Method == http.MethodHead,
		Limit: x.g.cfg.HeldLimit,
		Held:  &x.g.Held,
		Cut:   x.cut,
		Decide: func(status int, h http.Header) (capture.Mode, http.Header) {
			x.took(status, h)
			if n, err := strconv.ParseInt(h.Get("Content-Length"), 10, 64); err == nil && n <= smallFile {
				return capture.Hold, nil // small enough for a validator of its bytes
			}
			ex.Response = rewrite.Response{Status: status, Header: h}
			res, pass, err := rw.Pass(ex)
			if fail := new(rewrite.FailClosed); errors.As(err, &fail) && fail.Reason == rewrite.ReasonType {
				refused = err
				return capture.Refuse, nil // nobody knows its length: a stream of events never ends
			}
			if err != nil || !pass {
				return capture.Hold, nil // Rewrite says why not
			}
			x.verdict, x.status = "visible", status
			return capture.Pass, res.Header
		},
	}, next)
	if out == nil {
		return fmt.Errorf("running the upstream: %w", err)
	}
	defer out.Release()
	if out.Passed {
		if x.verdict == "cut" {
			panic(http.ErrAbortHandler) // so that nobody takes the part for the whole
		}
		return nil
	}
	if refused != nil {
		return x.refuseAnswer(refused)
	}
	if err != nil {
		x.g.cfg.Log.WarnContext(x.ctx, "upstream failed", "error", err)
		return x.failClosed("upstream")
	}
	if out.Err != nil {
		return x.failClosed(out.Err.Error())
	}
	if x.adm.Match.IsWrite && out.Status < 400 && x.g.cfg.Directory != nil {
		x.g.cfg.Directory.Forget(written(x.adm.Match))
		x.g.cfg.Directory.SyncSoon() // a title, a label, a place may be another one now
	}
	if x.adm.Match.IsWrite && (out.Status == http.StatusBadRequest || out.Status == http.StatusConflict || out.Status == http.StatusPreconditionFailed) {
		return x.refuse(&guard.Refusal{Status: http.StatusConflict, Rule: "conflict", Reason: "the wiki did not take the change"})
	}
	ex.Response = rewrite.Response{Status: out.Status, Header: out.Header, Body: out.Body}
	began := x.g.cfg.Now()
	res, err := x.rewrite(gd, id, next, &ex)
	defer res.Release()
	x.report = &res
	if err != nil {
		return x.refuseAnswer(err)
	}
	if x.revoked() {
		x.challenge()
		return nil
	}
	if !x.stillAdmitted() {
		return x.refuse(&guard.Refusal{Status: http.StatusNotFound, Rule: "withdrawn", Reason: "not admitted any more when the wiki's answer came"})
	}
	x.g.cfg.Metrics.Rewrite(res.Format, x.g.cfg.Now().Sub(began), len(out.Body), len(res.Body))
	x.verdict, x.status = "visible", res.Status
	h := x.w.Header()
	clear(h)
	for k, v := range res.Header {
		h[k] = v
	}
	if res.Status == http.StatusOK || len(res.Body) > 0 {
		h.Set("Content-Length", strconv.Itoa(len(res.Body)))
	}
	x.w.WriteHeader(res.Status)
	if len(res.Body) > 0 { // for HEAD too, see rewrite.Result
		_, _ = x.w.Write(res.Body) // the client is gone if this fails
	}
	return nil
}

// written are the references that a write names, some of which may be there only
// since.
func written(m *rules.Match) []rules.Ref {
	var out []rules.Ref
	for i := range m.Subjects {
		out = append(out, m.Subjects[i].Ref)
	}
	if m.Body != nil {
		for i := range m.Body.Subjects {
			out = append(out, m.Body.Subjects[i].Ref)
		}
	}
	return out
}

// refuseAnswer is what an answer gets that may not leave.
func (x *exchange) refuseAnswer(err error) error {
	var fail *rewrite.FailClosed
	switch {
	case errors.Is(err, rewrite.ErrNotFound):
		return x.refuse(&guard.Refusal{Status: http.StatusNotFound, Rule: "answer", Reason: err.Error()})
	case errors.As(err, &fail):
		return x.failClosed(fail.Reason)
	case errors.Is(err, errRefill):
		return x.failClosed("refill: " + err.Error())
	}
	return x.failClosed("rewrite: " + err.Error())
}

func (x *exchange) publicURL() *url.URL {
	u := *x.r.URL
	u.Scheme, u.Host = x.g.cfg.Site.Scheme, x.g.cfg.Site.Host
	return &u
}

// echoes lists the values of the request that an answer may repeat: those that
// go to the wiki. What is taken out of the request can't come back, and would
// only tell the last scan what not to look for.
func echoes(m *rules.Match) []string {
	out := make([]string, 0, len(m.Params))
	for _, p := range m.Params {
		if sent, ok := m.Value(p.Name); ok && sent != p.Value && m.IsCursor(p.Name) {
			continue // what a token held, which the viewer does not know
		}
		out = append(out, p.Value)
	}
	return out
}

package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"regexp"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/postern-gateway/postern/caddymodule/capture"
	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/caddymodule/rewrite"
	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// A list of which something is hidden is filled up: the wiki is asked on until
// the asked-for number of items that may be seen is there and, where the answer
// leads on, one more, which says that it does; or the wiki has no more, or a
// bound is reached. The wiki's answer to the very request is kept as it is, and
// only its list is put together anew, from the bytes of the items. Each answer
// is judged as any other, and so is what is put together.

// errRefill: the wiki's further answers can't be put together with the first.
var errRefill = errors.New("the rest of the list does not fit")

// errApart: something stands between the items, so that those of several
// answers can't be put side by side. Such a list stays as short as it is.
var errApart = errors.New("the items do not stand side by side")

// maxFetches bounds how often the wiki is asked for one request, one after the
// other.
const maxFetches = 60

// refiller fills up one list.
type refiller struct {
	x      *exchange
	gd     *guard.Guard
	id     guard.Identity
	next   Next
	ex     *rewrite.Exchange
	page   rules.PageSpec
	format string // json, html, xml: the first answer's
	back   bool   // the list is read from its end

	items   []string // raw, in the wiki's order
	sep     string   // what the wiki puts between them
	apart   bool     // in some answer, there is more between them
	scanned int
	seen    int // of items, how many may be seen
	fetched int
	size    int64
}

var plainPath = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)

// refillable gives the one list of a request that can be filled up.
func refillable(m *rules.Match, format string) (page rules.PageSpec, ok bool) {
	if len(m.Parts) > 1 || m.IsWrite {
		return page, false
	}
	next, lists := "", 0
	for _, p := range m.Pages {
		if p.Next != "" {
			next = p.Next
		}
		if p.Items != "" {
			page = *p
			lists++
		}
	}
	if page.Next == "" {
		page.Next = next
	}
	if lists != 1 {
		return page, false
	}
	numbers := page.Start != "" && !m.IsCursor(page.Start)
	switch page.Kind {
	case "grow":
		if page.Scan == 0 {
			page.Scan = defaultScan
		}
		return page, page.Limit != ""
	case "offset":
		if format == "json" {
			return page, numbers && page.Scan > 0 && page.Limit != "" && leadsOn(&page)
		}
		// Without a number to ask for, only the way on says when it is over.
		return page, numbers && page.Scan > 0 && (page.Limit != "" || page.Next != "")
	case "cursor":
		return page, format == "json" && page.Scan > 0 && page.Limit != "" && leadsOn(&page)
	}
	return page, false
}

// leadsOn says that a JSON list says in one place how it goes on.
func leadsOn(p *rules.PageSpec) bool {
	return plainPath.MatchString(p.Items) && p.Next != "" && plainPath.MatchString(p.Next)
}

// rewrite judges the wiki's answer, with a whole page of its list if the route
// has one that can be filled up.
func (x *exchange) rewrite(gd *guard.Guard, id guard.Identity, next Next, ex *rewrite.Exchange) (rewrite.Result, error) {
	format := formatOf(ex.Response.Header)
	page, ok := refillable(x.adm.Match, format)
	if !ok || !x.g.cfg.Refill || ex.Response.Status != http.StatusOK || format == "" {
		return x.state.rewriter.Rewrite(x.ctx, *ex) //nolint:wrapcheck // one of rewrite's own
	}
	f := &refiller{x: x, gd: gd, id: id, next: next, ex: ex, page: page, format: format}
	if v, ok := x.adm.Match.Value(page.Back); ok && v != "" {
		f.back = true
	}
	resolve := ex.Resolve
	ex.Resolve = func(ctx context.Context, refs []rules.Ref) (*rules.View, error) {
		v, err := resolve(ctx, refs)
		if v != nil {
			ex.View = v // what one answer taught holds for the next
		}
		return v, err
	}
	start, err := f.start()
	if err != nil {
		return rewrite.Result{}, err
	}
	// The first answer must be one that may leave at all.
	first, res, err := f.read(ex.Response.Body)
	if err != nil || f.complete(&first, start) {
		return res, err
	}
	switch err = f.fill(first, start); {
	case errors.Is(err, errApart):
		x.g.cfg.Log.LogAttrs(x.ctx, slog.LevelWarn, "a list stays short", slog.String("route", x.adm.Match.Pattern), slog.Any("error", err))
		return res, nil
	case err != nil:
		res.Release()
		return rewrite.Result{}, err
	}
	res.Release()
	return x.state.rewriter.Rewrite(x.ctx, *ex) //nolint:wrapcheck // one of rewrite's own
}

// complete says that there is nothing to be filled up: the whole list is here,
// or none, or one of another shape.
func (f *refiller) complete(first *part, start int) bool {
	if len(first.items) == 0 && (f.format != "json" || first.list.Len() == 0) {
		return true
	}
	return start == 0 && !first.leads && (f.page.Kind != "grow" || first.whole())
}

// fill fills the list up by its kind.
func (f *refiller) fill(first part, start int) error {
	switch p := &f.page; {
	case p.Kind == "cursor":
		return f.cursor(first)
	case p.Kind == "grow" && (p.Start == "" || p.List != "" || f.x.adm.Match.IsCursor(p.Start)):
		return f.grow(first, start)
	}
	return f.offset(first, start)
}

// formatOf gives the format of an answer whose bytes can be put together with
// others', or "".
func formatOf(h http.Header) string {
	t, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if c := strings.ToLower(params["charset"]); err != nil || h.Get("Content-Encoding") != "" || c != "" && c != "utf-8" {
		return ""
	}
	switch {
	case strings.Contains(t, "json"):
		return "json"
	case t == "text/html":
		return "html"
	case strings.Contains(t, "xml"):
		return "xml"
	}
	return ""
}

// part is one answer of the wiki's.
type part struct {
	body  []byte
	items []edit.Item
	list  edit.Span // see edit.Report
	count int       // of items that may be seen
	leads bool
	next  []edit.Span // see edit.Report
	prev  []edit.Span
}

// whole says that nothing of the part is hidden.
func (p *part) whole() bool { return p.count == len(p.items) }

// read judges an answer, and learns from that where its items are.
func (f *refiller) read(body []byte) (p part, res rewrite.Result, err error) {
	ex := *f.ex
	ex.Response.Body = body
	res, err = f.x.state.rewriter.Rewrite(f.x.ctx, ex)
	if err != nil {
		return p, res, err //nolint:wrapcheck // one of rewrite's own
	}
	rep := &res.Report
	p = part{body: body, items: rep.Items, list: rep.List, next: rep.Next, prev: rep.Prev, leads: len(rep.Next) > 0}
	if f.back {
		p.leads = len(rep.Prev) > 0
	}
	if f.format == "json" {
		p.leads = f.page.Next != "" && gjson.GetBytes(body, f.page.Next).Exists()
	}
	for i, it := range p.items {
		if it.Seen {
			p.count++
		}
		if i == 0 {
			continue
		}
		between := string(body[p.items[i-1].End:it.Start])
		if f.sep == "" {
			f.sep = between
		}
		f.apart = f.apart || strings.Trim(between, " \t\r\n,") != ""
	}
	f.scanned += len(p.items)
	if f.size += int64(len(body)); f.size > f.limit() {
		res.Release()
		return p, rewrite.Result{}, fmt.Errorf("%w: over %d bytes", errRefill, f.limit())
	}
	return p, res, nil
}

// add puts a part's first n items behind the others.
func (f *refiller) add(p part, n int) {
	for _, it := range p.items[:n] {
		f.items = append(f.items, string(p.body[it.Start:it.End]))
		if it.Seen {
			f.seen++
		}
	}
}

func (f *refiller) limit() int64 {
	if n := f.x.g.cfg.HeldLimit; n > 0 {
		return n
	}
	return rewrite.DefaultMaxBytes
}

// fetch asks the wiki for another part of the list, as the viewer's request was
// sent, and reads its answer.
func (f *refiller) fetch(m *rules.Match) (p part, err error) {
	f.fetched++
	adm := *f.x.adm
	adm.Match = m
	out, err := capture.Run(nowhere{}, f.gd.Request(f.x.r, &adm, f.id), capture.Config{
		Limit: f.x.g.cfg.HeldLimit, Held: &f.x.g.Held, Cut: f.x.revoked,
		Decide: func(status int, h http.Header) (capture.Mode, http.Header) {
			f.x.took(status, h)
			return capture.Hold, nil
		},
	}, f.next)
	if out == nil {
		return p, fmt.Errorf("%w: %w", errRefill, err)
	}
	defer out.Release()
	switch {
	case err != nil:
		return p, fmt.Errorf("%w: %w", errRefill, err)
	case out.Err != nil:
		return p, fmt.Errorf("%w: %w", errRefill, out.Err)
	case out.Status != http.StatusOK || formatOf(out.Header) != f.format:
		return p, fmt.Errorf("%w: status %d, type %q", errRefill, out.Status, out.Header.Get("Content-Type"))
	}
	p, res, err := f.read(bytes.Clone(out.Body))
	res.Release()
	return p, err
}

// more says that the bounds let the wiki be asked once more.
func (f *refiller) more() bool { return f.scanned < f.page.Scan && f.fetched < maxFetches }

// put makes the answer: the first one, with all items.
func (f *refiller) put(edits *edit.List, first part, w *edit.Window) error {
	if len(f.items) != len(first.items) {
		if f.apart {
			return errApart
		}
		if at, with, ok := f.side(first); ok {
			edits.Replace(at.Start, at.End, with)
		}
	}
	return f.apply(edits, first.body, w)
}

// side puts the items side by side, in the place of those of the first answer.
func (f *refiller) side(first part) (at edit.Span, with string, ok bool) {
	if f.format == "json" {
		if f.sep == "" {
			f.sep = ","
		}
		return first.list, "[" + strings.Join(f.items, f.sep) + "]", true
	}
	if len(first.items) == 0 {
		return at, "", false // there is no place for one, and none to be seen
	}
	at = edit.Span{Start: first.items[0].Start, End: first.items[len(first.items)-1].End}
	return at, strings.Join(f.items, f.sep), true
}

// apply makes the response.
func (f *refiller) apply(edits *edit.List, body []byte, w *edit.Window) error {
	out, err := edits.Apply(nil, body)
	if err != nil {
		return fmt.Errorf("%w: %w", errRefill, err)
	}
	f.ex.Window = w
	f.ex.Response.Body = out
	return nil
}

// nowhere takes what is not to leave.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}

package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/postern-gateway/postern/caddymodule/capture"
	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/caddymodule/rewrite"
	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// A list of which something is hidden is filled up: the wiki is asked on until
// the asked-for number of items that may be seen is there and one more, which
// says that the list goes on; or the wiki has no more, or the profile's scan
// bound is reached. The wiki's answer to the very request is kept as it is, and
// only its list is put together anew, from the bytes of the items. Each answer
// is judged as any other, and so is what is put together.

// errRefill: the wiki's further answers can't be put together with the first.
var errRefill = errors.New("the rest of the list does not fit")

// refiller fills up one list.
type refiller struct {
	x    *exchange
	gd   *guard.Guard
	id   guard.Identity
	next Next
	ex   *rewrite.Exchange
	page rules.PageSpec

	items   [][]byte // raw, in the wiki's order
	scanned int
	seen    int // of items, how many may be seen
	size    int64
}

// chunk is how many items the wiki is asked for at a time.
const chunk = 100

var plainPath = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)

// refillable gives the one list of a request that can be filled up: the
// profile bounds how far to look, and the answer is JSON.
func refillable(m *rules.Match) (page rules.PageSpec, ok bool) {
	pages := m.Pages
	if len(m.Parts) > 1 || m.IsWrite {
		return page, false
	}
	next, lists := "", 0
	for _, p := range pages {
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
	switch {
	case lists != 1 || page.Scan <= 0 || page.Limit == "" || !plainPath.MatchString(page.Items) || page.Next == "" || !plainPath.MatchString(page.Next):
		return page, false
	case page.Kind == "offset":
		return page, page.Start != "" && !m.IsCursor(page.Start)
	case page.Kind == "cursor":
		return page, true
	}
	return page, false
}

// refill puts a whole page into ex's response, if the route has a list that
// can be filled up.
func (x *exchange) refill(gd *guard.Guard, id guard.Identity, next Next, ex *rewrite.Exchange) error {
	page, ok := refillable(x.adm.Match)
	if !ok || !x.g.cfg.Refill || ex.Response.Status != http.StatusOK || !plainJSON(ex.Response) {
		return nil
	}
	f := &refiller{x: x, gd: gd, id: id, next: next, ex: ex, page: page}
	if list := gjson.GetBytes(ex.Response.Body, page.Items); !list.IsArray() || list.Index == 0 {
		return nil // an error, or a list of another shape; judged as it is
	}
	resolve := ex.Resolve
	ex.Resolve = func(ctx context.Context, refs []rules.Ref) (*rules.View, error) {
		v, err := resolve(ctx, refs)
		if v != nil {
			ex.View = v // what one answer taught holds for the next
		}
		return v, err
	}
	// The first answer must be one that may leave at all.
	first := ex.Response.Body
	if err := f.take(first); err != nil {
		return err
	}
	if page.Kind == "offset" {
		return f.offset(first)
	}
	return f.cursor(first)
}

// plainJSON says that the body's bytes can be put together with others'.
func plainJSON(r rewrite.Response) bool {
	t := strings.ToLower(r.Header.Get("Content-Type"))
	return r.Header.Get("Content-Encoding") == "" && strings.Contains(t, "json") && (!strings.Contains(t, "charset") || strings.Contains(t, "utf-8"))
}

// take judges an answer and adds the items of its list.
func (f *refiller) take(body []byte) error {
	ex := *f.ex
	ex.Response.Body = body
	res, err := f.x.state.rewriter.Rewrite(f.x.ctx, ex)
	if err != nil {
		return err //nolint:wrapcheck // one of rewrite's own
	}
	f.seen += res.Report.Items
	gjson.GetBytes(body, f.page.Items).ForEach(func(_, v gjson.Result) bool {
		f.items = append(f.items, []byte(v.Raw))
		f.scanned++
		return true
	})
	if f.size += int64(len(body)); f.size > f.limit() {
		return fmt.Errorf("%w: over %d bytes", errRefill, f.limit())
	}
	return nil
}

func (f *refiller) limit() int64 {
	if n := f.x.g.cfg.HeldLimit; n > 0 {
		return n
	}
	return rewrite.DefaultMaxBytes
}

// reset forgets the items.
func (f *refiller) reset() { f.items, f.scanned, f.seen = nil, 0, 0 }

// offset fills a list whose places are numbers. They count what may be seen,
// so that the list is read from its beginning.
func (f *refiller) offset(first []byte) error {
	m := f.x.adm.Match
	start := 0
	if v, ok := m.Value(f.page.Start); ok && v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return fmt.Errorf("%w: place %q", errRefill, f.page.Start)
		}
		start = n
	}
	had := len(f.items)
	end, more := f.follows(first, start, had)
	want := end - start
	pos := end
	if start > 0 {
		f.reset()
		pos, more = 0, true
	}
	for more && f.seen <= start+want && f.scanned < f.page.Scan {
		n := *m
		n.Restrict(f.page.Start, strconv.Itoa(pos))
		n.Restrict(f.page.Limit, strconv.Itoa(chunk))
		body, err := f.fetch(&n)
		if err != nil {
			return err
		}
		before := len(f.items)
		if err := f.take(body); err != nil {
			return err
		}
		var end int
		if end, more = f.follows(body, pos, len(f.items)-before); end <= pos {
			break // no way on: what was not seen is not there
		}
		pos = end
	}
	return f.put(first, nil, &edit.Window{Skip: start, Take: want, More: f.seen > start+want})
}

// follows says at which place an answer says that the list goes on, and
// whether it does.
func (f *refiller) follows(body []byte, pos, had int) (end int, more bool) {
	next := gjson.GetBytes(body, f.page.Next)
	if !next.Exists() || next.Type == gjson.Null || next.Raw == `""` {
		return pos + had, false
	}
	text := next.String()
	if next.IsObject() {
		text = next.Get(f.page.Start).String()
	} else if _, query, ok := strings.Cut(text, "?"); ok {
		if q, err := url.ParseQuery(query); err == nil {
			text = q.Get(f.page.Start)
		}
	}
	if n, err := strconv.Atoi(text); err == nil && n > pos {
		return n, true
	}
	return pos + had, true
}

// cursor fills a list whose places are the wiki's own words. As many items as
// are missing are asked for, so that the wiki's last word stands behind the
// last of them.
func (f *refiller) cursor(first []byte) error {
	m := f.x.adm.Match
	want := len(f.items)
	last, more := first, true
	asked := map[string]bool{}
	step := func(limit int) (on bool, err error) {
		n := *m
		if !f.goOn(&n, gjson.GetBytes(last, f.page.Next)) {
			return false, nil
		}
		n.Restrict(f.page.Limit, strconv.Itoa(limit))
		_, query, form := n.Upstream()
		if asked[query+" "+form] {
			return false, nil // in a circle
		}
		asked[query+" "+form] = true
		body, err := f.fetch(&n)
		if err != nil {
			return false, err
		}
		last = body
		return true, f.take(body)
	}
	var err error
	for more && f.seen < want && f.scanned < f.page.Scan {
		if more, err = step(want - f.seen); err != nil {
			return err
		}
	}
	// Where the page ends, and is there anything behind it?
	items, end := len(f.items), last
	for more && f.seen <= want && f.scanned < f.page.Scan {
		if more, err = step(chunk); err != nil {
			return err
		}
	}
	on := f.seen > want
	f.items = f.items[:items]
	return f.put(first, end, &edit.Window{Take: want, More: on})
}

// goOn adds to a request what the wiki wants to be sent to go on.
func (f *refiller) goOn(m *rules.Match, next gjson.Result) bool {
	switch {
	case next.IsObject():
		ok := true
		next.ForEach(func(name, v gjson.Result) bool {
			if ok = m.IsCursor(name.String()) && !v.IsObject() && !v.IsArray(); ok {
				m.Restrict(name.String(), v.String())
			}
			return ok
		})
		return ok && len(next.Raw) > 2
	case next.Type != gjson.String && next.Type != gjson.Number || next.String() == "" || !m.IsCursor(f.page.Start):
		return false
	}
	text := next.String()
	if text[0] == '/' || text[0] == '?' || strings.Contains(text, "://") {
		_, query, _ := strings.Cut(text, "?")
		q, err := url.ParseQuery(query)
		if err != nil || q.Get(f.page.Start) == "" {
			return false
		}
		text = q.Get(f.page.Start)
	}
	m.Restrict(f.page.Start, text)
	return true
}

// fetch asks the wiki for another part of the list, as the viewer's request was
// sent, and gives the bytes of its answer.
func (f *refiller) fetch(m *rules.Match) ([]byte, error) {
	adm := *f.x.adm
	adm.Match = m
	out, err := capture.Run(nowhere{}, f.gd.Request(f.x.r, &adm, f.id), capture.Config{
		Limit: f.x.g.cfg.HeldLimit, Held: &f.x.g.Held, Cut: f.x.revoked,
		Decide: func(int, http.Header) (capture.Mode, http.Header) { return capture.Hold, nil },
	}, f.next)
	if out == nil {
		return nil, fmt.Errorf("%w: %w", errRefill, err)
	}
	defer out.Release()
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errRefill, err)
	case out.Err != nil:
		return nil, fmt.Errorf("%w: %w", errRefill, out.Err)
	case out.Status != http.StatusOK || !plainJSON(rewrite.Response{Header: out.Header}):
		return nil, fmt.Errorf("%w: status %d, type %q", errRefill, out.Status, out.Header.Get("Content-Type"))
	}
	return bytes.Clone(out.Body), nil
}

// put makes the answer: the first one, with the list of all items and, if end
// is given, that one's word on how the list goes on.
func (f *refiller) put(first, end []byte, w *edit.Window) error {
	list := gjson.GetBytes(first, f.page.Items)
	type splice struct {
		at, until int
		with      []byte
	}
	var items []byte
	items = append(items, '[')
	items = append(items, bytes.Join(f.items, []byte{','})...)
	items = append(items, ']')
	edits := []splice{{list.Index, list.Index + len(list.Raw), items}}
	if len(f.items) == list.Get("#").Int2() {
		edits = nil // nothing came to it: the bytes stay as they are
	}
	if end != nil {
		old, now := gjson.GetBytes(first, f.page.Next), gjson.GetBytes(end, f.page.Next)
		if old.Exists() && now.Exists() && old.Raw != now.Raw {
			edits = append(edits, splice{old.Index, old.Index + len(old.Raw), []byte(now.Raw)})
		}
	}
	_ = edits
	f.ex.Window = w
	return nil
}

// nowhere takes what is not to leave.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}

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

	items   []string // raw, in the wiki's order
	sep     string   // what the wiki puts between them
	scanned int
	seen    int // of items, how many may be seen
	size    int64
}

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
	first := ex.Response.Body
	if v, given := x.adm.Match.Value(page.Start); (!given || v == "" || v == "0" || page.Kind == "cursor") && !gjson.GetBytes(first, page.Next).Exists() {
		return nil // the whole list is here
	}
	// The first answer must be one that may leave at all.
	p, err := f.read(first)
	if err != nil {
		return err
	}
	if page.Kind == "offset" {
		return f.offset(p)
	}
	return f.cursor(p)
}

// plainJSON says that the body's bytes can be put together with others'.
func plainJSON(r rewrite.Response) bool {
	t := strings.ToLower(r.Header.Get("Content-Type"))
	return r.Header.Get("Content-Encoding") == "" && strings.Contains(t, "json") && (!strings.Contains(t, "charset") || strings.Contains(t, "utf-8"))
}

// part is one answer of the wiki's.
type part struct {
	body  []byte
	items []string
	seen  []bool // by item
	count int    // of seen
}

// read judges an answer, and reads the items of its list.
func (f *refiller) read(body []byte) (p part, err error) {
	ex := *f.ex
	ex.Response.Body = body
	res, err := f.x.state.rewriter.Rewrite(f.x.ctx, ex)
	if err != nil {
		return p, err //nolint:wrapcheck // one of rewrite's own
	}
	p = part{body: body, seen: res.Report.Items}
	end := 0
	gjson.GetBytes(body, f.page.Items).ForEach(func(_, v gjson.Result) bool {
		if end > 0 && v.Index > end && f.sep == "" {
			f.sep = string(body[end:v.Index])
		}
		end = v.Index + len(v.Raw)
		p.items = append(p.items, v.Raw)
		return true
	})
	if len(p.items) != len(p.seen) {
		return p, fmt.Errorf("%w: its items can't be told apart", errRefill)
	}
	for _, seen := range p.seen {
		if seen {
			p.count++
		}
	}
	f.scanned += len(p.items)
	if f.size += int64(len(body)); f.size > f.limit() {
		return p, fmt.Errorf("%w: over %d bytes", errRefill, f.limit())
	}
	return p, nil
}

// add puts a part's first n items behind the others.
func (f *refiller) add(p part, n int) {
	f.items = append(f.items, p.items[:n]...)
	for _, seen := range p.seen[:n] {
		if seen {
			f.seen++
		}
	}
}

// chunk is how many items the wiki is asked for at a time: as many as the route
// lets anybody ask for, up to 100.
func (f *refiller) chunk() string {
	n := int64(100)
	if most := f.x.adm.Match.Most(f.page.Limit); most > 0 {
		n = min(n, most)
	}
	return strconv.FormatInt(n, 10)
}

func (f *refiller) limit() int64 {
	if n := f.x.g.cfg.HeldLimit; n > 0 {
		return n
	}
	return rewrite.DefaultMaxBytes
}

// offset fills a list whose places are numbers. They count what may be seen,
// so that the list is read from its beginning.
func (f *refiller) offset(first part) error {
	m := f.x.adm.Match
	start := 0
	if v, ok := m.Value(f.page.Start); ok && v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 0 {
			return fmt.Errorf("%w: place %q", errRefill, f.page.Start)
		}
		start = n
	}
	end, more := f.follows(first, start)
	want, pos := end-start, 0
	if start == 0 {
		f.add(first, len(first.items))
		pos = end
	} else {
		f.scanned, more = 0, true
	}
	for more && f.seen <= start+want && f.scanned < f.page.Scan {
		n := *m
		n.Restrict(f.page.Start, strconv.Itoa(pos))
		n.Restrict(f.page.Limit, f.chunk())
		p, err := f.fetch(&n)
		if err != nil {
			return err
		}
		f.add(p, len(p.items))
		end, on := f.follows(p, pos)
		if end <= pos {
			break // no way on: what was not seen is not there
		}
		pos, more = end, on
	}
	return f.put(first.body, nil, &edit.Window{Skip: start, Take: want, More: f.seen > start+want})
}

// follows says at which place an answer says that the list goes on, and
// whether it does.
func (f *refiller) follows(p part, pos int) (end int, more bool) {
	next, had := gjson.GetBytes(p.body, f.page.Next), len(p.items)
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

// cursor fills a list whose places are the wiki's own words. Where the page
// ends, the wiki is asked for just as many items as stand before the next one
// that may be seen: the word that it has then is the one that it would have if
// nothing else were there.
func (f *refiller) cursor(first part) error {
	m, want := f.x.adm.Match, len(first.items)
	f.add(first, want)
	last := first
	been := map[string]bool{}
	for f.scanned < f.page.Scan {
		n := *m
		if !f.goOn(&n, gjson.GetBytes(last.body, f.page.Next)) {
			break
		}
		n.Restrict(f.page.Limit, f.chunk())
		if _, query, form := n.Upstream(); been[query+" "+form] {
			break // in a circle
		} else {
			been[query+" "+form] = true
		}
		p, err := f.fetch(&n)
		if err != nil {
			return err
		}
		if f.seen+p.count <= want {
			f.add(p, len(p.items))
			last = p
			continue
		}
		before := p.before(want - f.seen)
		f.add(p, before)
		if before > 0 {
			n.Restrict(f.page.Limit, strconv.Itoa(before))
			if last, err = f.fetch(&n); err != nil {
				return err
			}
		}
		return f.put(first.body, last.body, &edit.Window{Take: want, More: true})
	}
	return f.put(first.body, nil, &edit.Window{Take: want})
}

// before counts the items that stand before the one that comes after n that
// may be seen.
func (p part) before(n int) int {
	for i, seen := range p.seen {
		if seen {
			if n == 0 {
				return i
			}
			n--
		}
	}
	return len(p.items)
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
// sent, and reads its answer.
func (f *refiller) fetch(m *rules.Match) (p part, err error) {
	adm := *f.x.adm
	adm.Match = m
	out, err := capture.Run(nowhere{}, f.gd.Request(f.x.r, &adm, f.id), capture.Config{
		Limit: f.x.g.cfg.HeldLimit, Held: &f.x.g.Held, Cut: f.x.revoked,
		Decide: func(int, http.Header) (capture.Mode, http.Header) { return capture.Hold, nil },
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
	case out.Status != http.StatusOK || !plainJSON(rewrite.Response{Header: out.Header}):
		return p, fmt.Errorf("%w: status %d, type %q", errRefill, out.Status, out.Header.Get("Content-Type"))
	}
	return f.read(bytes.Clone(out.Body))
}

// put makes the answer: the first one, with the list of all items and, if end
// is given, that one's word on how the list goes on.
func (f *refiller) put(first, end []byte, w *edit.Window) error {
	f.ex.Window = w
	list := gjson.GetBytes(first, f.page.Items)
	var edits edit.List
	if int64(len(f.items)) != list.Get("#").Int() {
		if f.sep == "" {
			f.sep = ","
		}
		edits.Replace(list.Index, list.Index+len(list.Raw), "["+strings.Join(f.items, f.sep)+"]")
	}
	if end != nil {
		old, now := gjson.GetBytes(first, f.page.Next), gjson.GetBytes(end, f.page.Next)
		if w.More && (old.Index == 0 || !now.Exists()) {
			return fmt.Errorf("%w: it goes on nowhere", errRefill)
		}
		if w.More && old.Raw != now.Raw {
			edits.Replace(old.Index, old.Index+len(old.Raw), now.Raw)
		}
	}
	body, err := edits.Apply(nil, first)
	if err != nil {
		return fmt.Errorf("%w: %w", errRefill, err)
	}
	f.ex.Response.Body = body
	return nil
}

// nowhere takes what is not to leave.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) WriteHeader(int)             {}

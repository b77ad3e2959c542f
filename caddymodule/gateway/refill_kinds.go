package gateway

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// The kinds of a page: places that are numbers, places that are the wiki's own
// words, and lists that can only be asked for at a greater length.

// defaultScan bounds how far a list that grows is looked through, where the
// profile does not say.
const defaultScan = 500

// start reads the place that was asked for, where places are numbers.
func (f *refiller) start() (int, error) {
	m := f.x.adm.Match
	v, ok := m.Value(f.page.Start)
	if !ok || v == "" || f.page.Kind == "cursor" || m.IsCursor(f.page.Start) {
		return 0, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%w: place %q", errRefill, f.page.Start)
	}
	return n, nil
}

// most is how many items the route lets anybody ask for at a time, or 0.
func (f *refiller) most() int {
	return int(min(f.x.adm.Match.Most(f.page.Limit), maxLimit))
}

// maxLimit bounds a number that a profile allows.
const maxLimit = 1 << 20

// chunk is how many items the wiki is asked for at a time: as many as the route
// lets anybody ask for, up to 100.
func (f *refiller) chunk() int {
	if n := f.most(); n > 0 {
		return min(n, 100)
	}
	return 100
}

// offset fills a list whose places are numbers. They count what may be seen,
// so that the list is read from its beginning.
func (f *refiller) offset(first part, start int) error {
	m := f.x.adm.Match
	end, more := f.follows(first, start, 0)
	want, pos := len(first.items), 0
	if f.format == "json" {
		want = end - start
	}
	if start == 0 {
		f.add(first, len(first.items))
		pos = end
	} else {
		f.scanned, more = 0, true
	}
	for more && f.seen <= start+want && f.more() {
		n, asked := *m, 0
		n.Restrict(f.page.Start, strconv.Itoa(pos))
		if f.page.Limit != "" {
			asked = f.chunk()
			n.Restrict(f.page.Limit, strconv.Itoa(asked))
		}
		p, err := f.fetch(&n)
		if err != nil {
			return err
		}
		f.add(p, len(p.items))
		end, on := f.follows(p, pos, asked)
		if end <= pos {
			break // no way on: what was not seen is not there
		}
		pos, more = end, on
	}
	return f.put(new(edit.List), first, &edit.Window{Skip: start, Take: want, More: f.seen > start+want})
}

// follows says at which place an answer says that the list goes on, and
// whether it does; asked is how many items were asked for, if it was said.
func (f *refiller) follows(p part, pos, asked int) (end int, more bool) {
	had := len(p.items)
	if f.page.Next == "" {
		return pos + had, had > 0 && had >= asked
	}
	if f.format != "json" {
		return pos + had, p.leads
	}
	next := gjson.GetBytes(p.body, f.page.Next)
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
	for f.more() {
		n := *m
		if !f.goOn(&n, gjson.GetBytes(last.body, f.page.Next)) {
			break
		}
		n.Restrict(f.page.Limit, strconv.Itoa(f.chunk()))
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
		return f.putOn(first, last.body, &edit.Window{Take: want, More: true})
	}
	return f.put(new(edit.List), first, &edit.Window{Take: want})
}

// putOn makes the answer of the first one, with the word of another on how the
// list goes on.
func (f *refiller) putOn(first part, on []byte, w *edit.Window) error {
	old, now := gjson.GetBytes(first.body, f.page.Next), gjson.GetBytes(on, f.page.Next)
	if old.Index == 0 || !now.Exists() {
		return fmt.Errorf("%w: it goes on nowhere", errRefill)
	}
	var edits edit.List
	if old.Raw != now.Raw {
		edits.Replace(old.Index, old.Index+len(old.Raw), now.Raw)
	}
	return f.put(&edits, first, w)
}

// before counts the items that stand before the one that comes after n that
// may be seen.
func (p part) before(n int) int {
	for i, it := range p.items {
		if it.Seen {
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

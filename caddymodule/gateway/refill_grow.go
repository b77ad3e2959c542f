package gateway

import (
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strconv"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
)

// grow fills a list that can only be asked for at a greater length: twice as
// long, and again, until enough of it may be seen, or it gets no longer. What
// holds the list is taken whole from the longest answer, headings and all.
func (f *refiller) grow(first part, start int) error {
	want := len(first.items)
	need := start + want
	if first.leads {
		need++ // and one that says that it does
	}
	most := f.page.Scan
	if n := f.most(); n > 0 {
		most = min(most, n)
	}
	last, asked := first, need
	enough := start == 0 && first.count >= need
	for !enough && asked < most && f.fetched < maxFetches {
		asked = min(2*asked, most)
		p, err := f.ask(asked, start > 0)
		if err != nil {
			return err
		}
		last = p
		enough = p.count >= need || len(p.items) < asked
	}
	w := &edit.Window{Skip: start, Take: want, More: last.count > start+want, Back: f.back, Keyed: f.keyed()}
	if f.back {
		w.Skip = max(0, last.count-want)
	}
	var edits edit.List
	if err := f.relink(&edits, first, last, w); err != nil {
		return err
	}
	return f.take(&edits, first, last, w)
}

// keyed says that the places of the list are the wiki's own words for rows.
func (f *refiller) keyed() bool {
	return f.page.Start != "" && f.format == "html" && f.x.adm.Match.IsCursor(f.page.Start)
}

// ask asks for so many items.
func (f *refiller) ask(n int, fromStart bool) (part, error) {
	m := *f.x.adm.Match
	if fromStart {
		m.Restrict(f.page.Start, "0")
	}
	m.Restrict(f.page.Limit, strconv.Itoa(n))
	return f.fetch(&m)
}

// take puts the list of the last answer in the place of the first one's.
func (f *refiller) take(edits *edit.List, first, last part, w *edit.Window) error {
	switch {
	case f.page.List == "":
		f.add(last, len(last.items))
		return f.put(edits, first, w)
	case first.list.Len() == 0 || last.list.Len() == 0:
		return fmt.Errorf("%w: nothing at %q", errApart, f.page.List)
	}
	edits.Replace(first.list.Start, first.list.End, string(last.body[last.list.Start:last.list.End]))
	return f.apply(edits, first.body, w)
}

// relink sets where the links of the first answer lead, if places are the
// wiki's own words: a page goes on behind its last row, and back before its
// first. Were these hidden, the words are those of the rows that are shown.
func (f *refiller) relink(edits *edit.List, first, last part, w *edit.Window) error {
	if !w.Keyed {
		return nil
	}
	rows := shownRows(last.items, w)
	if len(rows) == 0 {
		return nil // without rows, no link stays
	}
	head, tail := rows[0], len(last.items)-1-rows[len(rows)-1]
	on, back := first.next, first.prev
	far, near := rows[len(rows)-1], head // in the order in which the list is read
	if f.back {
		on, back = first.prev, first.next
		far, near = len(last.items)-1-head, tail
	}
	if w.More && far != len(first.items)-1 && len(on) > 0 {
		p, err := f.ask(far+1, false)
		if err != nil {
			return err
		}
		if err = f.lead(edits, first, on, p, f.onward(&p)); err != nil {
			return err
		}
	}
	if near == 0 || len(back) == 0 {
		return nil
	}
	// The first row is the last of none: what leads back to it is the answer
	// that goes on where the row before it ends.
	p, err := f.ask(near, false)
	if err != nil {
		return err
	}
	word, ok := f.word(p.body, f.onward(&p))
	if !ok {
		return fmt.Errorf("%w: nothing leads on from an item", errApart)
	}
	m := *f.x.adm.Match
	m.Restrict(f.page.Start, word)
	m.Restrict(f.page.Limit, strconv.Itoa(len(first.items)))
	if p, err = f.fetch(&m); err != nil {
		return err
	}
	if f.back {
		return f.lead(edits, first, back, p, p.next)
	}
	return f.lead(edits, first, back, p, p.prev)
}

// onward gives the links of a part to where the list goes on.
func (f *refiller) onward(p *part) []edit.Span {
	if f.back {
		return p.prev
	}
	return p.next
}

// shownRows gives the indices of the first and the last item in the window.
func shownRows(items []edit.Item, w *edit.Window) (rows []int) {
	n := 0
	for i, it := range items {
		if !it.Seen {
			continue
		}
		if w.Holds(n) {
			rows = append(rows, i)
		}
		n++
	}
	return rows
}

// lead lets links lead to where those of another answer do.
func (f *refiller) lead(edits *edit.List, first part, links []edit.Span, p part, to []edit.Span) error {
	now, done := f.written(p.body, to), false
	re := f.place()
	for _, at := range links {
		if old := re.FindSubmatchIndex(first.body[at.Start:at.End]); old != nil && now != "" {
			edits.Replace(at.Start+old[2], at.Start+old[3], now)
			done = true
		}
	}
	if !done {
		return fmt.Errorf("%w: no link says %q", errApart, f.page.Start)
	}
	return nil
}

// word reads the place to which links lead.
func (f *refiller) word(body []byte, links []edit.Span) (string, bool) {
	word, err := url.QueryUnescape(html.UnescapeString(f.written(body, links)))
	return word, err == nil && word != ""
}

// written gives the place to which links lead, as the first says it that does:
// there may be some to the very end.
func (f *refiller) written(body []byte, links []edit.Span) string {
	re := f.place()
	for _, at := range links {
		if m := re.FindSubmatch(body[at.Start:at.End]); m != nil && len(m[1]) > 0 {
			return string(m[1])
		}
	}
	return ""
}

// place finds a link's place, as the address is written in an attribute.
func (f *refiller) place() *regexp.Regexp {
	return regexp.MustCompile(`(?:^|[?&;])` + regexp.QuoteMeta(f.page.Start) + `=([^&#]*)`)
}

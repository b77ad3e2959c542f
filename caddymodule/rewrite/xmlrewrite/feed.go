package xmlrewrite

import (
	"fmt"
	"strings"
	"time"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// run is one document's way through a program.
type run struct {
	in     *Input
	judge  edit.Judge
	t      *tape
	f      *feed
	std    map[string]use
	base   string
	list   *edit.List
	rep    edit.Report
	values []string    // of one subject
	keys   []rules.Key // of one reference
	text   []byte      // of one element
	layout int         // of dates: that of the last one
	newest time.Time
	stamp  string // the newest date as it is written
	always int    // edits made without asking anybody
	err    error
}

// Rewrite appends src with everything cut that the viewer may not see to dst.
// dst and src must not share memory. On error dst is returned unchanged, and
// nothing of src may leave.
func (p *Program) Rewrite(dst, src []byte, in Input) ([]byte, edit.Report, error) {
	r := run{in: &in, judge: in.Judge}
	out, err := r.document(p, dst, src)
	if err != nil {
		return dst, edit.Report{}, err
	}
	return out, r.rep, nil
}

func (r *run) document(p *Program, dst, src []byte) ([]byte, error) {
	t, err := newTape(string(src))
	if err != nil {
		return dst, err
	}
	defer t.release()
	r.t = t
	r.list = edit.Get()
	defer edit.Put(r.list)
	if err := r.choose(p); err != nil {
		return dst, err
	}
	if err := r.encoding(); err != nil {
		return dst, err
	}
	r.evidence()
	r.walk()
	r.dates()
	if r.err != nil {
		return dst, r.err
	}
	out, err := r.list.Apply(dst, src)
	if err != nil {
		return dst, fmt.Errorf("xml: %w", err)
	}
	if len(t.prose) > 0 {
		r.rep.Prose = make([]edit.Span, 0, len(t.prose))
	}
	for _, sp := range t.prose {
		if o := r.list.MapSpan(sp); o.Len() > 0 {
			r.rep.Prose = append(r.rep.Prose, o)
		}
	}
	return out, nil
}

// choose finds the rule for this document: the first that finds an entry, or,
// in a feed without any, the first one.
func (r *run) choose(p *Program) error {
	t := r.t
	root := 0
	for t.nodes[root].kind != kElement {
		root++
	}
	r.std = standard
	name := t.nodes[root].name
	if name == "OpenSearchDescription" {
		r.std, r.f = openSearch, &feed{}
		return nil
	}
	for k := range p.feeds {
		for i := range t.nodes {
			if t.nodes[i].kind == kElement && p.feeds[k].isEntry(t, i) {
				r.f = &p.feeds[k]
				return nil
			}
		}
	}
	if len(p.feeds) > 0 && standard[name] == container {
		r.f = &p.feeds[0]
		return nil
	}
	return fmt.Errorf("xml: %w: no feed rule takes this document", edit.ErrMalformed)
}

func (f *feed) isEntry(t *tape, i int) bool {
	for _, p := range f.entry {
		if p.matches(t, i) {
			return true
		}
	}
	return false
}

// encoding checks the declared encoding: the document is UTF-8 by now.
func (r *run) encoding() error {
	e := r.t.encoding
	switch v := strings.ToLower(r.t.s[e.Start:e.End]); v {
	case "", "utf-8", "utf8", "us-ascii", "ascii":
	case r.in.Charset:
		r.always++
		r.list.Replace(e.Start, e.End, "UTF-8")
	default:
		return fmt.Errorf("xml: %w: the declaration names another charset", edit.ErrAmbiguous)
	}
	return nil
}

func (r *run) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// walk judges all elements, entries first.
func (r *run) walk() {
	t := r.t
	for i := 0; i < len(t.nodes) && r.err == nil; {
		n := &t.nodes[i]
		switch n.kind {
		case kUnread:
			r.always++
			r.list.Delete(n.start, n.end)
			i++
		case kElement:
			if r.f.isEntry(t, i) {
				if kind, hidden := r.entry(i); hidden {
					r.rep.Hide(kind, edit.Removed)
					r.remove(i)
					i = n.last
					continue
				}
				r.noteDate(i)
			}
			i = r.element(i)
		default: // text between elements
			if n.kind == kCDATA || strings.Trim(t.s[n.open:n.close], " \t\r\n") != "" {
				r.always++
				r.rep.UnknownFields++
				r.list.Delete(n.start, n.end)
			}
			i++
		}
	}
}

// entry says whether an entry is hidden, and by which kind of entity.
func (r *run) entry(i int) (rules.EntityKind, bool) {
	decided := false
	for k := range r.f.subjects {
		su := &r.f.subjects[k]
		for _, v := range r.subjectValues(su, i) {
			if su.url && su.key == rules.NoAttr {
				switch l := r.link(v); {
				case l.Fate == rules.FateHide:
					return l.Kind, true
				case l.Fate == rules.FateKeep && !l.Foreign:
					decided = true
				}
				continue
			}
			decided = true
			r.rep.Check(su.key.Kind())
			key := rules.Key{Attr: su.key, Value: v}
			if su.key == rules.ContentTitle && r.in.Title != nil {
				if t, ok := r.in.Title(v); ok {
					key = t
				}
			}
			if !shown(r.entity(key)) {
				return su.key.Kind(), true
			}
		}
	}
	if !decided && !r.f.keep {
		r.always++
		return rules.NoEntity, true
	}
	return rules.NoEntity, false
}

// subjectValues gives what stands at a subject's places in entry i.
func (r *run) subjectValues(su *subject, i int) []string {
	t := r.t
	out := r.values[:0]
	for j := i; j < t.nodes[i].last; j++ {
		n := &t.nodes[j]
		if n.kind != kElement || !su.matches(t, j) {
			continue
		}
		if j > i && n.parent != i && su.parent == "" {
			continue // of something inside the entry
		}
		v := ""
		switch {
		case su.attr != "":
			v, _ = t.attrValue(n, su.attr)
		default:
			v = strings.TrimSpace(t.value(j))
			if rel, ok := t.attrValue(n, "rel"); v == "" && su.url && (!ok || rel == "alternate") {
				v, _ = t.attrValue(n, "href") // Atom's link
			}
		}
		if su.url && v != "" && su.name == "guid" && !looksLikeURL(v) {
			continue
		}
		if _, _, ok := r.tagOf(v); !ok {
			continue // it goes, and would decide nothing the next time
		}
		if su.re != nil {
			m := su.re.FindStringSubmatch(v)
			if m == nil {
				continue
			}
			v = m[len(m)-1]
		}
		if v != "" {
			out = append(out, v)
		}
	}
	r.values = out
	return out
}

func looksLikeURL(v string) bool {
	v = strings.TrimSpace(v)
	if strings.HasPrefix(v, "/") {
		return true
	}
	if len(v) < 7 {
		return false
	}
	l := strings.ToLower(v[:7])
	return strings.HasPrefix(l, "http:") || strings.HasPrefix(l, "https:") || l == "mailto:"
}

// remove takes out element i and the white space before it.
func (r *run) remove(i int) {
	n := &r.t.nodes[i]
	if n.parent < 0 {
		r.fail(fmt.Errorf("xml: %w: the root would have to go", edit.ErrMalformed))
		return
	}
	start := n.start
	for start > 0 && isSpace(r.t.s[start-1]) {
		start--
	}
	if start > 0 && r.t.s[start-1] != '>' {
		start = n.start
	}
	r.list.Delete(start, n.end)
}

// unknownGoes takes out an element that nobody knows how to read.
func (r *run) unknownGoes(i int) {
	r.always++
	r.rep.UnknownFields++
	r.remove(i)
}

// entity judges one key. The judge keeps nothing of what it is given.
func (r *run) entity(k rules.Key) rules.Decision {
	r.keys = append(r.keys[:0], k)
	return r.judge.Entity(rules.Ref{Kind: k.Attr.Kind(), Keys: r.keys})
}

func shown(d rules.Decision) bool {
	return d.Verdict == rules.Visible || d.Verdict == rules.Forbidden || d.Absent
}

func (r *run) link(raw string) rules.Link {
	var l rules.Link
	if r.base != "" {
		if j, ok := r.judge.(interface {
			URLFor(raw, base string) rules.Link
		}); ok {
			l = j.URLFor(raw, r.base)
		} else {
			l = rules.Link{Fate: rules.FateDrop}
		}
	} else {
		l = r.judge.URL(raw)
	}
	if len(l.Subjects) == 0 && !l.Foreign {
		r.rep.Check(rules.NoEntity)
	}
	for _, s := range l.Subjects {
		r.rep.Check(s.Kind)
	}
	return l
}

// layouts are the ways in which feeds write dates.
var layouts = []string{
	time.RFC3339, time.RFC3339Nano, time.RFC1123, time.RFC1123Z, "Mon, 2 Jan 2006 15:04:05 MST",
	"Mon, 2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 MST", "2 Jan 2006 15:04:05 -0700",
	time.RFC822, time.RFC822Z, "Mon, 2 Jan 06 15:04:05 -0700",
}

// parseDate reads a date. A feed writes all of its dates alike: the form of the
// last one is tried first.
func (r *run) parseDate(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if utc, ok := strings.CutSuffix(s, " GMT"); ok { // what most write, without a zone to be made up
		if t, err := time.Parse("Mon, 02 Jan 2006 15:04:05", utc); err == nil {
			return t, true
		}
	}
	if t, err := time.Parse(layouts[r.layout], s); err == nil {
		return t, true
	}
	for i, l := range layouts {
		if t, err := time.Parse(l, s); err == nil {
			r.layout = i
			return t, true
		}
	}
	return time.Time{}, false
}

func isRFC3339(s string) bool {
	_, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(s))
	return err == nil
}

var dateElements = map[string]bool{
	"pubDate": true, "updated": true, "published": true, "dc:date": true, "atom:updated": true, "dcterms:modified": true,
}

// noteDate remembers the newest date of the entries that stay.
func (r *run) noteDate(i int) {
	t := r.t
	for j := i + 1; j < t.nodes[i].last; j = t.nodes[j].last {
		if n := &t.nodes[j]; n.kind == kElement && dateElements[n.name] {
			v := strings.TrimSpace(t.value(j))
			if d, ok := r.parseDate(v); ok && d.After(r.newest) {
				r.newest, r.stamp = d, v
			}
		}
	}
}

// dates sets the feed's own dates to the newest entry's, or takes them out.
// They are set whether or not anything was cut: else they would tell.
func (r *run) dates() {
	t := r.t
	for i := 0; i < len(t.nodes); i++ {
		n := &t.nodes[i]
		if n.kind != kElement {
			continue
		}
		if r.f.isEntry(t, i) {
			i = n.last - 1
			continue
		}
		for _, p := range r.f.newest {
			if !p.matches(t, i) || n.close == n.open {
				continue
			}
			v := strings.TrimSpace(t.value(i))
			with := r.stamp
			switch {
			case with == "":
				r.always++
				r.remove(i)
			case v == with:
			default:
				if rfc := isRFC3339(v); rfc != isRFC3339(with) {
					with = r.newest.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
					if rfc {
						with = r.newest.UTC().Format("2006-01-02T15:04:05Z")
					}
				}
				if with != v {
					r.always++
					r.list.Replace(n.open, n.close, t.escape(textEscaper, with))
				}
			}
			break
		}
	}
}

// evidence records what probes of the form "xml:PLACE" find.
func (r *run) evidence() {
	t := r.t
	for _, at := range r.in.Evidence {
		rest, ok := strings.CutPrefix(at, "xml:")
		if !ok {
			continue
		}
		p, err := parsePattern(rest)
		if err != nil {
			continue
		}
		for i := range t.nodes {
			if t.nodes[i].kind != kElement || !p.matches(t, i) || len(r.rep.Evidence[at]) >= 16 {
				continue
			}
			v := strings.TrimSpace(t.value(i))
			if p.attr != "" {
				v, ok = t.attrValue(&t.nodes[i], p.attr)
			}
			if ok && v != "" {
				r.rep.Found(at, v)
			}
		}
	}
}

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
	in         *Input
	judge      edit.Judge
	t          *tape
	f          *feed
	openSearch bool   // the document is a description of a search
	base       string // the xml:base in force
	bases      []outerBase
	list       *edit.List
	rep        edit.Report
	seen       int         // entries that may be
	values     []string    // of one subject
	keys       []rules.Key // of one reference
	text       []byte      // of one element
	layout     int         // of dates: that of the last one
	newest     time.Time
	stamp      string // the newest date as it is written
	always     int    // edits made without asking anybody
	err        error
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
	t, err := newTape(edit.Text(src), p)
	if err != nil {
		return dst, err
	}
	defer t.release()
	r.t = t
	r.list = &t.list
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
	root := int32(0)
	for t.nodes[root].kind != kElement {
		root++
	}
	name := t.name(root)
	if name == "OpenSearchDescription" {
		r.openSearch, r.f = true, &feed{}
		return nil
	}
	for k := range p.feeds {
		for i := range int32(len(t.nodes)) {
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
	for i := int32(0); int(i) < len(t.nodes) && r.err == nil; {
		n := &t.nodes[i]
		switch n.kind {
		case kUnread:
			r.always++
			r.list.Delete(int(n.start), int(n.end))
			i++
		case kElement:
			r.enter(i)
			if r.f.isEntry(t, i) {
				kind, hidden := r.entry(i)
				if hidden {
					r.rep.Hide(kind, edit.Removed)
				}
				if r.item(n, hidden) {
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
				r.list.Delete(int(n.start), int(n.end))
			}
			i++
		}
	}
}

// item notes an entry, and says whether it goes: it is hidden, or lies outside
// the window.
func (r *run) item(n *node, hidden bool) bool {
	if r.rep.Items == nil {
		r.rep.Items = make([]edit.Item, 0, len(r.t.nodes)/8+1) // few entries have fewer parts
	}
	r.rep.Items = append(r.rep.Items, edit.Item{Span: edit.Span{Start: int(n.start), End: int(n.end)}, Seen: !hidden})
	if hidden {
		return true
	}
	r.seen++
	return r.in.Window != nil && !r.in.Window.Holds(r.seen-1)
}

// entry says whether an entry is hidden, and by which kind of entity.
func (r *run) entry(i int32) (rules.EntityKind, bool) {
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
func (r *run) subjectValues(su *subject, i int32) []string {
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
		if j > i && su.url && t.attribute(n, "xml:base") != nil {
			r.fail(fmt.Errorf("xml: %w: an entry's link with a base of its own", edit.ErrAmbiguous))
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
func (r *run) remove(i int32) {
	n := &r.t.nodes[i]
	if n.parent < 0 {
		r.fail(fmt.Errorf("xml: %w: the root would have to go", edit.ErrMalformed))
		return
	}
	start := n.start
	if before := &r.t.nodes[i-1]; before.kind == kText && strings.Trim(r.t.s[before.start:before.end], " \t\r\n") == "" {
		start = before.start // white space up to the tag before it
	}
	r.list.Delete(int(start), int(n.end))
}

// unknownGoes takes out an element that nobody knows how to read.
func (r *run) unknownGoes(i int32) {
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
		for i := range int32(len(t.nodes)) {
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

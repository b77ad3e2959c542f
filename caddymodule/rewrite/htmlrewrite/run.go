package htmlrewrite

import (
	"fmt"
	"slices"
	"strings"
	"unsafe"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// run is one document's way through a program.
type run struct {
	p     *Program
	in    *Input
	judge edit.Judge
	t     *tape
	m     *matches
	rep   edit.Report
	size  int
	base  string // the document's own base URL, "" for none
	// form and choice are the form and the select that began last.
	form, choice int32

	scratch
	always int              // edits that were made without asking anybody
	held   map[nearKey]bool // lists in which a placeholder stands
	err    error
}

// scratch is a run's memory, which the next one uses again.
type scratch struct {
	known   map[string]int32 // index in links, by the URL as it stands
	links   []rules.Link
	cuts    []cut
	joined  []cut // what normalise makes of them
	order   []int32
	killed  []edit.Span // whole elements that go, for skipping what is inside
	near    map[nearKey]int32
	vals    []string
	texts   []made // of rules
	holders []made
	keys    []rules.Key // of the reference that is judged
	acted   []int32
	nexts   []int32
	seen    map[int32]int32
	rows    []int
	zones   []edit.Span
}

var scratches = pool[scratch]{fresh: func() *scratch {
	return &scratch{known: map[string]int32{}, near: map[nearKey]int32{}, seen: map[int32]int32{}}
}}

// newRun makes a run for a document of size bytes.
func newRun(p *Program, in *Input, size int) *run {
	return &run{p: p, in: in, judge: in.Judge, size: size, scratch: *scratches.get(size)}
}

// release gives the run's memory back. Its report stays.
func (r *run) release() {
	x := r.scratch
	r.scratch = scratch{}
	if cap(x.cuts) > maxPooled || len(x.near)+len(x.seen) > maxPooled>>4 {
		return
	}
	clear(x.known)
	clear(x.links)
	clear(x.near)
	clear(x.seen)
	clear(x.cuts)
	clear(x.joined)
	clear(x.vals[:cap(x.vals)])
	clear(x.keys)
	x.texts, x.holders, x.keys = x.texts[:0], x.holders[:0], x.keys[:0]
	x.links, x.cuts, x.killed, x.zones = x.links[:0], x.cuts[:0], x.killed[:0], x.zones[:0]
	x.joined, x.order = x.joined[:0], x.order[:0]
	x.acted, x.nexts, x.rows = x.acted[:0], x.nexts[:0], x.rows[:0]
	scratches.put(r.size, &x)
}

type nearKey struct {
	group int
	node  int32
}

// maxLinks bounds the links remembered for one document.
const maxLinks = 1 << 15

// Rewrite appends src with everything cut that the viewer may not see to dst.
// dst and src must not share memory. On error dst is returned unchanged, and
// nothing of src may leave.
//
// src is read in place: nobody may write to it until Rewrite returns. From then
// on it may be used again, since no report holds a part of it and a judge is only
// lent what it is asked about, see [edit.Judge].
func (p *Program) Rewrite(dst, src []byte, in Input) ([]byte, edit.Report, error) {
	r := newRun(p, &in, len(src))
	defer r.release()
	// A copy for the string's sake would cost as much as all judging.
	out, err := r.document(dst, src, unsafe.String(unsafe.SliceData(src), len(src)))
	if err != nil {
		return dst, edit.Report{}, err
	}
	return out, r.rep, nil
}

// document rewrites src, of which s is the same as a string.
func (r *run) document(dst, src []byte, s string) ([]byte, error) {
	t, m, err := r.p.set.read(s)
	if err != nil {
		return dst, err
	}
	defer t.release()
	defer m.release()
	r.t, r.m = t, m

	r.evidence()
	r.findBase()
	r.unread()
	r.strayLinks()
	r.applyRules()
	r.sortKilled()
	r.list()
	r.elements()
	if r.err != nil {
		return dst, r.err
	}

	list := edit.Get()
	defer edit.Put(list)
	r.closeGaps()
	r.normalise()
	for i := range r.joined {
		c := &r.joined[i]
		list.Replace(c.start, c.end, c.with)
	}
	out, err := list.Apply(dst, src)
	if err != nil {
		return dst, fmt.Errorf("html: %w", err)
	}
	r.proseZones(list)
	return out, nil
}

// fail keeps the first error.
func (r *run) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// proseZones maps the profile's prose elements to the output.
func (r *run) proseZones(list *edit.List) {
	spans := r.zones[:0]
	for _, g := range r.p.prose {
		for _, i := range r.m.groups[g] {
			if n := &r.t.nodes[i]; !r.gone(n.start) && n.close > n.open {
				spans = append(spans, edit.Span{Start: int(n.open), End: int(n.close)})
			}
		}
	}
	slices.SortFunc(spans, byStart)
	r.zones = spans
	for _, s := range spans {
		o := list.MapSpan(s)
		if n := len(r.rep.Prose); n > 0 && o.Start <= r.rep.Prose[n-1].End {
			r.rep.Prose[n-1].End = max(r.rep.Prose[n-1].End, o.End)
			continue
		}
		if o.Len() > 0 {
			r.rep.Prose = append(r.rep.Prose, o)
		}
	}
}

// expand fills in $name from the texts.
func (r *run) expand(s string) string {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], '$')
		if i < 0 {
			return s
		}
		i += from
		j := i + 1
		for j < len(s) && (isAlnum(s[j]) || s[j] == '_') {
			j++
		}
		if j == i+1 {
			from = j
			continue
		}
		v := r.in.Texts[s[i+1:j]]
		s = s[:i] + v + s[j:]
		from = i + len(v)
	}
}

// shown reports whether a thing so judged may be named.
func shown(d rules.Decision) bool {
	return d.Verdict == rules.Visible || d.Verdict == rules.Forbidden || d.Absent
}

// key makes the key of a value found on the page.
func (r *run) key(a rules.Attr, v string) rules.Key {
	if a == rules.ContentTitle && r.in.Title != nil {
		if k, ok := r.in.Title(v); ok {
			return k
		}
	}
	return rules.Key{Attr: a, Value: v}
}

func (r *run) entity(j edit.Judge, k rules.Key) rules.Decision {
	if r.toFill(k.Value) {
		return rules.Decision{Verdict: rules.Visible}
	}
	r.rep.Check(k.Attr.Kind())
	r.keys = append(r.keys[:0], k) // lent, see edit.Judge
	return j.Entity(rules.Ref{Kind: k.Attr.Kind(), Keys: r.keys})
}

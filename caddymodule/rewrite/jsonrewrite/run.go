package jsonrewrite

import (
	"fmt"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// maxOver bounds how many places a route's paths may have led to for their map to
// be kept.
const maxOver = 1 << 15

// maxNested bounds JSON in strings of JSON.
const maxNested = 8

// run is one document on its way through. Runs are used over and over, each by
// the program that made it.
type run struct {
	p    *Program
	in   *Input
	rt   *route
	t    tape
	list edit.List
	rep  edit.Report
	err  error

	over     map[int32]*field // what the route says of a node by its path: those with told set
	keys     []rules.Key      // of references that are being judged
	prose    []edit.Span
	visibles int      // of the route's first list, so far
	fill     []string // by shape: its placeholder, once it is needed
	text     []byte   // a string's value
	out      []byte   // the result of JSON in a string
}

func newRun(p *Program) *run {
	return &run{p: p, t: tape{p: p}, over: make(map[int32]*field), fill: make([]string, len(p.shapes))}
}

// Rewrite appends src, without what in.Judge hides, to dst. src must be one JSON
// value in UTF-8, with no name twice in an object, no unpaired surrogate and
// nothing behind it; anything else is an error that wraps [edit.ErrMalformed],
// [edit.ErrAmbiguous] or [edit.ErrTooLarge], and dst is returned as it was. So
// it is if the report says RootHidden.
func (p *Program) Rewrite(dst, src []byte, in Input) ([]byte, edit.Report, error) {
	rt, err := p.compileRoute(&in)
	if err != nil {
		return dst, edit.Report{}, err
	}
	return p.rewrite(dst, src, &in, rt)
}

// Island rewrites JSON that stands within another document, such as an object
// in a script or an attribute: fields come before the profile's, and in's
// Response, Page and Evidence are not looked at.
func (p *Program) Island(dst, src []byte, in Input, fields map[string]rules.FieldSpec) ([]byte, edit.Report, error) {
	rt, err := p.newRoute(&rules.ResponseSpec{Fields: fields})
	if err != nil {
		return dst, edit.Report{}, fmt.Errorf("island: %w", err)
	}
	in.Evidence = nil
	return p.rewrite(dst, src, &in, rt)
}

func (p *Program) rewrite(dst, src []byte, in *Input, rt *route) ([]byte, edit.Report, error) {
	r := p.runs.Get(len(src))
	if r == nil {
		r = newRun(p)
	}
	defer r.release(len(src))
	r.in, r.rt = in, rt
	t := &r.t
	if err := t.read(src); err != nil {
		return dst, edit.Report{}, err
	}

	r.markLists()
	r.evidence()
	r.mark()
	r.parallel()
	leaves := r.root()
	if r.err != nil {
		return dst, edit.Report{}, r.err
	}
	if leaves {
		r.rep.RootHidden = true
		return dst, r.rep, nil
	}
	r.unseen()
	r.totals()
	out, err := r.list.Apply(dst, src)
	if err != nil {
		return dst, edit.Report{}, fmt.Errorf("json: %w", err)
	}
	if len(r.prose) > 0 {
		r.rep.Prose = make([]edit.Span, 0, len(r.prose))
	}
	for _, s := range r.prose {
		if m := r.list.MapSpan(s); m.Len() > 0 {
			r.rep.Prose = append(r.rep.Prose, m)
		}
	}
	return out, r.rep, nil
}

// release forgets the document, of so many bytes, and gives the run back.
func (r *run) release(bytes int) {
	r.t.release()
	r.list.Reset()
	if len(r.over) > maxOver {
		r.over = make(map[int32]*field)
	}
	clear(r.over)
	clear(r.fill)
	clear(r.keys[:cap(r.keys)])
	*r = run{
		p: r.p, t: r.t, list: r.list, over: r.over, fill: r.fill,
		keys: r.keys[:0], prose: r.prose[:0], text: r.text[:0], out: r.out[:0],
	}
	r.p.runs.Put(r, bytes, r.t.size()+r.list.Size()+16*cap(r.prose)+cap(r.text)+cap(r.out))
}

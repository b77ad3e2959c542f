package jsonrewrite

import (
	"bytes"
	"fmt"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// scalar judges a string, number or literal.
func (r *run) scalar(n int32, f *field, j edit.Judge) bool {
	nd := &r.t.nodes[n]
	if nd.kind == lit {
		return false
	}
	switch f.op {
	case plain, title, keep:
		return false
	case size, total, count:
		if nd.kind != num { // nobody would set it
			r.rep.UnknownFields++
			return true
		}
		return false
	case prose:
		r.prose = append(r.prose, edit.Span{Start: int(nd.start), End: int(nd.end)})
		if nd.kind == str {
			r.passage(n)
		}
		return false
	case attrOf:
		return r.attr(n, f.attr, j)
	case next:
		return r.nextScalar(n, f.text, j)
	case unknown, walk, dict, dictValue:
		if r.keepUnknown() {
			return false
		}
		r.rep.UnknownFields++
		return true
	}
	if nd.kind == num { // a number where markup or a URL is said to be
		r.rep.UnknownFields++
		return true
	}
	switch f.op {
	case url:
		return r.url(n, j, false)
	case baseURL:
		return r.url(n, j, true)
	case html, xhtml, wikitext:
		return r.markup(n, f.op)
	case inJSON:
		return r.inner(n, j)
	}
	return true
}

func (r *run) attr(n int32, a rules.Attr, j edit.Judge) bool {
	v := r.t.text(n)
	if v == "" || r.visible(a, v, j) {
		return false
	}
	if a == rules.UserDisplay {
		r.set(n, r.in.Texts["hidden_user"])
		r.rep.Hide(rules.User, edit.Replaced)
		return false
	}
	r.rep.Hide(a.Kind(), edit.Removed)
	return true
}

// visible judges one key. What is known not to exist, in a place that the
// viewer may see, may be named.
func (r *run) visible(a rules.Attr, v string, j edit.Judge) bool {
	r.rep.Check(a.Kind())
	k := rules.Key{Attr: a, Value: v}
	if a == rules.ContentTitle {
		k = r.title(v)
	}
	at := len(r.keys)
	r.keys = append(r.keys, k)
	d := j.Entity(rules.Ref{Kind: a.Kind(), Keys: r.keys[at:]})
	r.keys = r.keys[:at]
	return sees(d)
}

func sees(d rules.Decision) bool {
	return d.Verdict == rules.Visible || d.Verdict == rules.Unknown && d.Absent
}

// url judges a URL; below: one that may leave the context path out.
func (r *run) url(n int32, j edit.Judge, below bool) bool {
	v := r.t.text(n)
	if v == "" {
		return false
	}
	var l rules.Link
	if below {
		l = judgeURL(j, v)
	} else {
		l = j.URL(v)
	}
	r.rep.Check(linkKind(l))
	switch l.Fate {
	case rules.FateKeep:
		if l.URL != "" {
			r.set(n, l.URL)
		}
		return false
	case rules.FateHide:
		r.rep.Hide(l.Kind, edit.Removed)
	default:
		r.rep.Hide(l.Kind, edit.Unwrapped)
	}
	return true
}

func linkKind(l rules.Link) rules.EntityKind {
	if len(l.Subjects) > 0 {
		return l.Subjects[0].Kind
	}
	return l.Kind
}

// inside gives what stands in a string, escapes undone, until the next call.
func (r *run) inside(n int32) []byte {
	nd := &r.t.nodes[n]
	in := r.t.src[nd.start+1 : nd.end-1 : nd.end-1]
	if nd.is&escaped == 0 {
		return in
	}
	r.text = appendUnescaped(r.text[:0], in)
	return r.text
}

var codecs = map[op]string{html: "html", xhtml: "xhtml", wikitext: "wikitext"}

// markup rewrites a document in a string.
func (r *run) markup(n int32, o op) bool {
	nd := &r.t.nodes[n]
	src := r.inside(n)
	if len(src) == 0 {
		return false
	}
	if r.in.Inner == nil {
		r.rep.UnknownFields++
		return true
	}
	out, err := r.in.Inner(codecs[o], src)
	if err != nil {
		r.fail(fmt.Errorf("in the string at byte %d: %w", nd.start, err))
		return true
	}
	if !bytes.Equal(out, src) {
		r.quoted(n, out)
	}
	r.prose = append(r.prose, edit.Span{Start: int(nd.start), End: int(nd.end)})
	return false
}

// passage reads what people wrote as markup too, where it may be some: nobody
// says whether the reader will take it for that. It stays as it is unless it
// names something hidden so.
func (r *run) passage(n int32) {
	src := r.inside(n)
	if r.in.Inner == nil || !edit.MayBeMarkup(src) {
		return
	}
	out, err := r.in.Inner("prose", src)
	if err != nil {
		r.fail(fmt.Errorf("in the string at byte %d: %w", r.t.nodes[n].start, err))
		return
	}
	if !bytes.Equal(out, src) {
		r.quoted(n, out)
	}
}

// inner rewrites JSON in a string.
func (r *run) inner(n int32, j edit.Judge) bool {
	nd := &r.t.nodes[n]
	src := r.inside(n)
	if len(src) == 0 {
		return false
	}
	if r.in.depth >= maxNested {
		r.fail(fmt.Errorf("json in strings deeper than %d: %w", maxNested, edit.ErrTooLarge))
		return true
	}
	in := *r.in
	in.depth, in.Judge, in.Evidence, in.Keep = in.depth+1, j, nil, r.keepUnknown()
	if r.rt.fields != nil || r.rt.others != nil {
		in.outer = r.rt
	}
	out, rep, err := r.p.rewrite(r.out[:0], src, &in, &noRoute)
	if err != nil {
		r.fail(fmt.Errorf("in the string at byte %d: %w", nd.start, err))
		return true
	}
	r.out = out
	r.rep.Add(rep)
	if rep.RootHidden {
		return true
	}
	if !bytes.Equal(out, src) {
		r.quoted(n, out)
	}
	return false
}

var noRoute route

// quoted puts a string of value v, part of what the node's was, in its place.
func (r *run) quoted(n int32, v []byte) {
	nd := &r.t.nodes[n]
	r.t.buf = edit.Requote(r.t.buf[:0], r.t.src[nd.start+1:nd.end-1], v)
	r.list.Replace(int(nd.start), int(nd.end), r.t.kept.keep(r.t.buf))
}

// set makes a string of value v of the node, unless it is one already.
func (r *run) set(n int32, v string) {
	nd := &r.t.nodes[n]
	if nd.kind == str && r.t.text(n) == v {
		return
	}
	r.t.buf = edit.AppendQuoted(r.t.buf[:0], v)
	r.list.Replace(int(nd.start), int(nd.end), r.t.kept.keep(r.t.buf))
}

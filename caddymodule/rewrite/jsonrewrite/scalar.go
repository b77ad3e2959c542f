package jsonrewrite

import (
	"bytes"
	"fmt"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// scalar judges a string, number or literal.
func (r *run) scalar(n int32, f field, j edit.Judge) bool {
	nd := &r.t.nodes[n]
	if nd.kind == lit {
		return false
	}
	switch f.op {
	case plain, title, keep, size, total:
		return false
	case count:
		return false
	case prose:
		r.prose = append(r.prose, edit.Span{Start: int(nd.start), End: int(nd.end)})
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
		return r.url(n, j.URL)
	case baseURL:
		if b, ok := j.(interface{ BelowBase(string) rules.Link }); ok {
			return r.url(n, b.BelowBase)
		}
		return r.url(n, j.URL)
	case html, xhtml, wikitext:
		return r.markup(n, f.op)
	case inJSON:
		return r.inner(n, j)
	}
	return true
}

func (r *run) attr(n int32, a rules.Attr, j edit.Judge) bool {
	v := string(r.t.text(n))
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
	return sees(j.Entity(rules.Ref{Kind: a.Kind(), Keys: []rules.Key{k}}))
}

func sees(d rules.Decision) bool {
	return d.Verdict == rules.Visible || d.Verdict == rules.Unknown && d.Absent
}

func (r *run) url(n int32, judge func(string) rules.Link) bool {
	v := string(r.t.text(n))
	if v == "" {
		return false
	}
	l := judge(v)
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

// markup rewrites a document in a string.
func (r *run) markup(n int32, o op) bool {
	nd := &r.t.nodes[n]
	src := r.t.text(n)
	if len(src) == 0 {
		return false
	}
	if r.in.Inner == nil {
		r.rep.UnknownFields++
		return true
	}
	out, err := r.in.Inner(map[op]string{html: "html", xhtml: "xhtml", wikitext: "wikitext"}[o], src)
	if err != nil {
		if r.err == nil {
			r.err = fmt.Errorf("in the string at byte %d: %w", nd.start, err)
		}
		return true
	}
	if !bytes.Equal(out, src) {
		r.list.Replace(int(nd.start), int(nd.end), quote(string(out)))
	}
	r.prose = append(r.prose, edit.Span{Start: int(nd.start), End: int(nd.end)})
	return false
}

// inner rewrites JSON in a string.
func (r *run) inner(n int32, j edit.Judge) bool {
	nd := &r.t.nodes[n]
	src := r.t.text(n)
	if len(src) == 0 {
		return false
	}
	if r.in.depth >= maxNested {
		r.err = fmt.Errorf("json in strings deeper than %d: %w", maxNested, edit.ErrTooLarge)
		return true
	}
	in := *r.in
	in.depth, in.Judge, in.Evidence, in.Keep = in.depth+1, j, nil, r.keepUnknown()
	if r.rt.fields != nil {
		in.fields = r.rt.fields
	}
	out, rep, err := r.p.rewrite(nil, src, &in, &route{})
	if err != nil {
		if r.err == nil {
			r.err = fmt.Errorf("in the string at byte %d: %w", nd.start, err)
		}
		return true
	}
	r.rep.Add(rep)
	if rep.RootHidden {
		return true
	}
	if !bytes.Equal(out, src) {
		r.list.Replace(int(nd.start), int(nd.end), quote(string(out)))
	}
	return false
}

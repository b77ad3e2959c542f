package jsonrewrite

import (
	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// match finds the first shape that recognises the object.
func (r *run) match(n int32) *shape {
	if len(r.p.shapes) == 0 {
		return nil
	}
	r.epoch++
	end := r.t.nodes[n].next
	for c := n + 1; c < end; c = r.t.nodes[c].next {
		nd := &r.t.nodes[c]
		if nd.id != 0 && (nd.kind != lit || r.t.src[nd.start] != 'n') { // null is absent
			r.at[nd.id], r.seen[nd.id] = r.epoch, c
		}
	}
	for _, s := range r.p.shapes {
		if r.fits(n, s) {
			return s
		}
	}
	return nil
}

func (r *run) fits(n int32, s *shape) bool {
	for _, id := range s.has {
		if r.at[id] != r.epoch {
			return false
		}
	}
	for _, id := range s.lacks {
		if r.at[id] == r.epoch {
			return false
		}
	}
	for i := range s.is {
		c := &s.is[i]
		if r.at[c.id] != r.epoch || !r.oneOf(r.seen[c.id], c.values) {
			return false
		}
	}
	ok := len(s.any) == 0
	for _, id := range s.any {
		ok = ok || r.at[id] == r.epoch
	}
	return ok && (len(s.under) == 0 || r.under(n, s.under))
}

func (r *run) oneOf(n int32, values []string) bool {
	if k := r.t.nodes[n].kind; k == object || k == array {
		return false
	}
	v := r.t.text(n)
	for _, w := range values {
		if string(v) == w {
			return true
		}
	}
	return false
}

// under reports whether the nearest member name above is one of names.
func (r *run) under(n int32, names []string) bool {
	for ; n >= 0; n = r.t.nodes[n].parent {
		if r.t.nodes[n].klen < 0 {
			continue
		}
		k := r.t.name(n)
		for _, w := range names {
			if string(k) == w {
				return true
			}
		}
		return false
	}
	return false
}

// context gives the judge for what is inside of the object.
func (r *run) context(n int32, s *shape, j edit.Judge) edit.Judge {
	switch s.context {
	case "global":
		return edit.In(j, rules.Context{Space: rules.NoID})
	case "space":
		if c := r.t.first(n, s.space); c >= 0 && r.t.nodes[c].kind == str && r.in.Space != nil {
			if id, ok := r.in.Space(string(r.t.text(c))); ok {
				return edit.In(j, rules.Context{Space: id})
			}
		}
		return edit.In(j, rules.Context{Space: rules.NoID})
	}
	return j
}

// decide judges an object by its shape, once.
func (r *run) decide(n int32, s *shape, j edit.Judge) bool {
	if r.memo[n] == 0 {
		r.memo[n] = 2
		if r.judge(n, s, j) {
			r.memo[n] = 1
		}
	}
	return r.memo[n] == 1
}

func (r *run) judge(n int32, s *shape, j edit.Judge) bool {
	ref := rules.Ref{Kind: s.kind}
	space, found := "", false
	for i := range s.keys {
		k := &s.keys[i]
		v := r.scalarAt(n, k.path)
		if v == "" {
			continue
		}
		switch {
		case k.url:
			l := judgeURL(j, v)
			if l.Foreign && l.Fate == rules.FateKeep {
				continue
			}
			r.rep.Check(linkKind(l))
			if l.Fate != rules.FateKeep {
				return false
			}
			for _, sub := range l.Subjects {
				if sub.Kind == s.kind {
					ref.Keys = append(ref.Keys, sub.Keys...)
					found = true
				}
			}
		case k.attr.Kind() == s.kind && !k.qualifies:
			ref.Keys = append(ref.Keys, rules.Key{Attr: k.attr, Value: v})
			found = true
		default:
			if !r.visible(k.attr, v, j) {
				return false
			}
			if k.qualifies && space == "" {
				space = v
			}
			found = found || s.kind == rules.NoEntity
		}
	}
	if len(ref.Keys) > 0 {
		for i := range ref.Keys {
			if k := &ref.Keys[i]; k.Attr == rules.ContentTitle && k.Space == "" {
				if space == "" {
					*k = r.title(k.Value)
				} else {
					k.Space = space
				}
			}
		}
		r.rep.Check(s.kind)
		if !sees(j.Entity(ref)) {
			return false
		}
	}
	for i := range s.decided {
		present, ok := r.place(n, &s.decided[i], j)
		if !ok {
			return false
		}
		found = found || present
	}
	if s.decides && !found {
		return false // undecided
	}
	for i := range s.also {
		if _, ok := r.place(n, &s.also[i], j); !ok {
			return false
		}
	}
	return true
}

// title makes a key of a bare title.
func (r *run) title(raw string) rules.Key {
	if r.in.Title != nil {
		if k, ok := r.in.Title(raw); ok {
			return k
		}
	}
	return rules.Key{Attr: rules.ContentTitle, Value: raw}
}

// scalarAt gives the text of the string or number at p, or "".
func (r *run) scalarAt(n int32, p path) string {
	c := r.t.first(n, p)
	if c < 0 {
		return ""
	}
	if k := r.t.nodes[c].kind; k != str && k != num {
		return ""
	}
	return string(r.t.text(c))
}

// place judges what stands at a place: whether there is anything, and whether
// all of it may be seen.
func (r *run) place(n int32, pl *place, j edit.Judge) (present, ok bool) {
	ok = true
	r.t.each(n, pl.path, func(c int32) bool {
		nd := &r.t.nodes[c]
		switch {
		case nd.kind == lit:
		case nd.kind == object && pl.as == rules.NoAttr && !pl.url:
			if s := r.match(c); s != nil && s.decides {
				present = true
				ok = r.decide(c, s, r.context(c, s, j))
			}
		case nd.kind == object || nd.kind == array:
		case pl.url && nd.kind == str:
			v := string(r.t.text(c))
			if v == "" {
				return true
			}
			l := judgeURL(j, v)
			if l.Foreign && l.Fate == rules.FateKeep {
				return true
			}
			r.rep.Check(linkKind(l))
			present, ok = true, l.Fate == rules.FateKeep
		case pl.as != rules.NoAttr:
			if v := string(r.t.text(c)); v != "" {
				present, ok = true, r.visible(pl.as, v, j)
			}
		}
		return ok
	})
	return present, ok
}

// judgeURL judges a URL of a shape, which may leave the context path out.
func judgeURL(j edit.Judge, v string) rules.Link {
	if b, ok := j.(interface{ BelowBase(string) rules.Link }); ok {
		return b.BelowBase(v)
	}
	return j.URL(v)
}

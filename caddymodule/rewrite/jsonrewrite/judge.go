package jsonrewrite

import (
	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// context gives the judge for what is inside of the object.
func (r *run) context(n int32, s *shape, j edit.Judge) edit.Judge {
	switch s.context {
	case "global":
		return edit.In(j, rules.Context{Space: rules.NoID})
	case "space":
		if c := r.t.first(n, s.space); c >= 0 && r.t.nodes[c].kind == str && r.in.Space != nil {
			if id, ok := r.in.Space(r.t.text(c)); ok {
				return edit.In(j, rules.Context{Space: id})
			}
		}
		return edit.In(j, rules.Context{Space: rules.NoID})
	}
	return j
}

// decide judges an object by its shape, once.
func (r *run) decide(n int32, s *shape, j edit.Judge) bool {
	nd := &r.t.nodes[n]
	if nd.is&(shown|hidden) == 0 {
		nd.is |= hidden // while it is judged
		if r.judge(n, s, j) {
			nd.is ^= shown | hidden
		}
	}
	return nd.is&shown != 0
}

func (r *run) judge(n int32, s *shape, j edit.Judge) bool {
	// Below this object others are judged meanwhile: each has its own part of
	// the keys.
	mine := len(r.keys)
	ok := r.judgeKeys(n, s, j, mine)
	r.keys = r.keys[:mine]
	return ok
}

func (r *run) judgeKeys(n int32, s *shape, j edit.Judge, mine int) bool {
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
					r.keys = append(r.keys, sub.Keys...)
					found = true
				}
			}
		case k.attr.Kind() == s.kind && !k.qualifies:
			r.keys = append(r.keys, rules.Key{Attr: k.attr, Value: v})
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
	if keys := r.keys[mine:]; len(keys) > 0 {
		for i := range keys {
			if k := &keys[i]; k.Attr == rules.ContentTitle && k.Space == "" {
				if space == "" {
					*k = r.title(k.Value)
				} else {
					k.Space = space
				}
			}
		}
		r.rep.Check(s.kind)
		if !sees(j.Entity(rules.Ref{Kind: s.kind, Keys: keys})) {
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
	return r.t.text(c)
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
			if s := r.t.shape(c); s != nil && s.decides {
				present = true
				ok = r.decide(c, s, r.context(c, s, j))
			}
		case nd.kind == object || nd.kind == array:
		case pl.url && nd.kind == str:
			v := r.t.text(c)
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
			if v := r.t.text(c); v != "" {
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

package htmlrewrite

import (
	"strings"

	"github.com/postern-gateway/postern/rules"
)

// allToFill reports whether a script fills in all that a URL of a template is
// about.
func (r *run) allToFill(raw string, l rules.Link) bool {
	if r.toFill(raw) {
		return true
	}
	if len(l.Subjects) == 0 {
		return l.Fate == rules.FateUnwrap && fillIn.MatchString(raw)
	}
	for _, s := range l.Subjects {
		for _, k := range s.Keys {
			if !r.toFill(k.Value) || k.Space != "" && !r.toFill(k.Space) {
				return false
			}
		}
	}
	return true
}

// plainLinks are what is remembered of URLs that stay as they are: those of the
// wiki, and foreign ones.
var plainLinks = [...]rules.Link{{}, {Foreign: true}}

// link judges a URL of the page. What it gives is not to be changed.
func (r *run) link(raw string) *rules.Link {
	v := strings.TrimSpace(raw)
	if v == "" || v[0] == '#' && r.base == "" {
		return &plainLinks[0]
	}
	if k, ok := r.known[raw]; ok {
		if int(k) < len(plainLinks) {
			return &plainLinks[k]
		}
		return &r.links[int(k)-len(plainLinks)]
	}
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
	if l.Fate != rules.FateKeep && r.in.template && strings.Contains(raw, "{") && r.allToFill(raw, l) {
		l = rules.Link{}
	}
	if len(l.Subjects) == 0 && !l.Foreign {
		r.rep.Check(rules.NoEntity)
	}
	for _, s := range l.Subjects {
		r.rep.Check(s.Kind)
	}
	if len(r.known) < maxLinks {
		if l.Fate == rules.FateKeep && l.URL == "" && !l.Hidden { // nothing to be done
			k := int32(0)
			if l.Foreign {
				k = 1
			}
			r.known[raw] = k
			return &plainLinks[k]
		}
		r.known[raw] = int32(len(r.links) + len(plainLinks))
		r.links = append(r.links, l)
		return &r.links[len(r.links)-1]
	}
	apart := l
	return &apart
}

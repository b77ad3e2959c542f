package htmlrewrite

import (
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// imageAttrs are what else tells of the picture that stood there.
var imageAttrs = words("sizes width height id name")

// image puts the neutral picture in the place of a hidden one.
func (r *run) image(i int32, l *rules.Link) {
	t := r.t
	n := &t.nodes[i]
	with := r.in.Texts["image"]
	if l.Kind == rules.User && r.in.Texts["avatar"] != "" {
		with = r.in.Texts["avatar"]
	}
	src := t.attribute(n, aSrc)
	if src != nil && with != "" && t.value(src) == with {
		return
	}
	if with == "" || src == nil {
		r.rep.Hide(l.Kind, edit.Removed)
		r.kill(i, i, "")
		return
	}
	r.rep.Hide(l.Kind, edit.Replaced)
	r.setAttr(src, with)
	for k := n.attr; k < n.attrEnd; k++ {
		a := &t.attrs[k]
		switch {
		case a.dup || a == src:
		case a.id == aAlt || a.id == aTitle:
			r.setAttr(a, "")
		case r.aboutPicture(a), r.info(a).use != uNone && r.info(a).use != uPlain, looksLikeURL(r.info(a).text, t.value(a)):
			r.cutAttr(a)
		}
	}
}

// aboutPicture reports whether an attribute tells of the picture at which it
// stands.
func (r *run) aboutPicture(a *attribute) bool {
	name := r.t.s[a.start:a.nameEnd]
	return r.info(a).picture || hasPrefixFold(name, "data-") || hasPrefixFold(name, "aria-")
}

func (r *run) urlList(a *attribute) {
	v := r.t.value(a)
	fields := strings.FieldsFunc(v, func(c rune) bool { return c < 0x80 && isSpace(byte(c)) })
	out := fields[:0]
	changed := false
	for _, u := range fields {
		l := r.link(u)
		switch {
		case l.Fate != rules.FateKeep:
			r.rep.Hide(l.Kind, edit.Removed)
			changed = true
			continue
		case l.URL != "" && l.URL != u:
			u, changed = l.URL, true
		}
		out = append(out, u)
	}
	if !changed {
		return
	}
	if len(out) == 0 {
		r.cutAttr(a)
		return
	}
	r.setAttr(a, strings.Join(out, " "))
}

// candidate is one URL of a srcset with its descriptors.
type candidate struct{ url, rest string }

// parseSrcset follows the HTML standard's "parse a srcset attribute".
func parseSrcset(v string) []candidate {
	var out []candidate
	for i := 0; ; {
		for i < len(v) && (isSpace(v[i]) || v[i] == ',') {
			i++
		}
		if i >= len(v) {
			return out
		}
		from := i
		for i < len(v) && !isSpace(v[i]) {
			i++
		}
		u := v[from:i]
		if t := strings.TrimRight(u, ","); t != u {
			out = append(out, candidate{t, ""})
			continue
		}
		from = i
		for depth := 0; i < len(v) && (v[i] != ',' || depth > 0); i++ {
			switch v[i] {
			case '(':
				depth++
			case ')':
				depth = max(0, depth-1)
			}
		}
		out = append(out, candidate{u, strings.TrimSpace(v[from:i])})
	}
}

func (r *run) srcset(a *attribute) {
	changed := false
	var out []string
	for _, c := range parseSrcset(r.t.value(a)) {
		l := r.link(c.url)
		switch {
		case l.Fate != rules.FateKeep:
			r.rep.Hide(l.Kind, edit.Removed)
			changed = true
			continue
		case l.URL != "" && l.URL != c.url:
			c.url, changed = l.URL, true
		}
		out = append(out, strings.TrimSpace(c.url+" "+c.rest))
	}
	switch {
	case !changed:
	case len(out) == 0:
		r.cutAttr(a)
	default:
		r.setAttr(a, strings.Join(out, ", "))
	}
}

package htmlrewrite

import (
	"net/url"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// maxFields bounds the inputs of a form that are read.
const maxFields = 64

// formAction judges where a form, or one of its buttons, is sent to. A form
// that is sent by GET is judged with its hidden inputs, for they may be what
// names the page. It reports that the element goes.
func (r *run) formAction(i int32, a *attribute) bool {
	t := r.t
	n := &t.nodes[i]
	v := t.value(a)
	l := r.link(v)
	if n.tag == tForm && l.Fate != rules.FateHide && !l.Foreign {
		if m, ok := t.attrValue(n, aMethod); !ok || !strings.EqualFold(strings.TrimSpace(m), "post") {
			l = r.getForm(i, v, l)
		}
	}
	if l.Fate == rules.FateKeep {
		if l.URL != "" {
			r.setAttr(a, l.URL)
		}
		return false
	}
	r.rep.Hide(l.Kind, edit.Removed)
	r.kill(i, i, "")
	return true
}

// getForm judges the URL that a GET form makes: its action with the hidden
// inputs as they are, and, if that is no whole request, with the others left
// empty.
func (r *run) getForm(i int32, action string, plain *rules.Link) *rules.Link {
	t := r.t
	base := action
	if j := strings.IndexAny(base, "?#"); j >= 0 {
		base = base[:j] // replaced by the form's own data
	}
	var hidden, empty []string
	for j := i + 1; j < t.nodes[i].last && len(hidden)+len(empty) < maxFields; j++ {
		n := &t.nodes[j]
		if n.tag != tInput && n.tag != tSelect && n.tag != tTextarea {
			continue
		}
		name, _ := t.attrValue(n, aName)
		if name == "" {
			continue
		}
		typ, _ := t.attrValue(n, aType)
		value, _ := t.attrValue(n, aValue)
		switch lower(strings.TrimSpace(typ)) {
		case "hidden":
			hidden = append(hidden, url.QueryEscape(name)+"="+url.QueryEscape(value))
		case "", "text", "search":
			if n.tag == tInput {
				empty = append(empty, url.QueryEscape(name)+"=")
			}
		}
	}
	if len(hidden)+len(empty) == 0 {
		return plain
	}
	best := *plain
	for k, q := range [][]string{hidden, append(hidden[:len(hidden):len(hidden)], empty...)} {
		if len(q) == 0 {
			continue
		}
		switch l := r.link(base + "?" + strings.Join(q, "&")); l.Fate {
		case rules.FateHide:
			if k == 0 || len(l.Subjects) > 0 { // a field left empty, with a name that no request has, hides nothing
				return l
			}
		case rules.FateKeep:
			best.Fate = rules.FateKeep
		}
	}
	return &best
}

package htmlrewrite

import (
	"net/url"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// maxValue bounds the values of fields that are judged: no name is longer.
const maxValue = 1024

// field judges the value of an input, a button or an option by the route that
// its form is sent to: what a parameter names in a request, it names here. An
// option of something hidden goes, another field is left without its value. A
// field outside any form is taken for one that is sent to the page itself.
func (r *run) field(i int32) {
	t := r.t
	n := &t.nodes[i]
	holder := n
	if n.tag == tOption {
		if holder = &t.nodes[r.choice]; holder.tag != tSelect || i >= holder.last {
			return
		}
	}
	name, _ := t.attrValue(holder, aName)
	a := t.attribute(n, aValue)
	if name == "" || a == nil && n.tag != tOption {
		return
	}
	value := ""
	if a != nil {
		value = t.value(a)
	} else {
		value = t.textOf(i)
	}
	if value = strings.TrimSpace(value); value == "" || len(value) > maxValue {
		return
	}
	action := ""
	if f := &t.nodes[r.form]; f.tag == tForm && i < f.last {
		action, _ = t.attrValue(f, aAction)
		if j := strings.IndexAny(action, "?#"); j >= 0 {
			action = action[:j]
		}
	}
	l := r.link(action + "?" + url.QueryEscape(name) + "=" + url.QueryEscape(value))
	if l.Fate != rules.FateHide || len(l.Subjects) == 0 { // without any, it can't be read as a request
		return
	}
	r.rep.Hide(l.Kind, edit.Removed)
	if n.tag == tOption {
		r.kill(i, i, "")
		return
	}
	r.setAttr(a, "")
}

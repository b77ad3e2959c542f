package htmlrewrite

import (
	"fmt"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// meta judges a <meta>; it reports that the element is done with.
func (r *run) meta(i int32) bool {
	t := r.t
	n := &t.nodes[i]
	if a := t.attribute(n, aCharset); a != nil {
		r.charset(a, t.value(a), "utf-8")
	}
	c := t.attribute(n, aContent)
	equiv, ok := t.attrValue(n, aHTTPEquiv)
	if c == nil || !ok {
		return false
	}
	v := t.value(c)
	switch lower(strings.TrimSpace(equiv)) {
	case "content-type":
		if j := strings.Index(lower(v), "charset="); j >= 0 {
			r.charset(c, strings.Trim(v[j+len("charset="):], " \t\"'"), v[:j]+"charset=utf-8")
		}
		return true
	case "link", "content-location", "location", "set-cookie": // browsers no longer take them from here
		r.always++
		r.kill(i, i, "")
		return true
	case "refresh":
		u, from, ok := refreshURL(v)
		if !ok {
			return true
		}
		switch l := r.link(u); {
		case l.Fate != rules.FateKeep:
			r.rep.Hide(l.Kind, edit.Removed)
			r.kill(i, i, "")
		case l.URL != "":
			r.setAttr(c, v[:from]+l.URL)
		}
		return true
	}
	return false
}

// refreshURL finds the URL in the content of a refresh, and where it begins.
func refreshURL(v string) (u string, from int, ok bool) {
	i := 0
	for i < len(v) && (isSpace(v[i]) || isDigit(v[i]) || v[i] == '.') {
		i++
	}
	for i < len(v) && (isSpace(v[i]) || v[i] == ';' || v[i] == ',') {
		i++
	}
	if i >= len(v) {
		return "", 0, false
	}
	if hasPrefixFold(v[i:], "url") {
		j := i + 3
		for j < len(v) && isSpace(v[j]) {
			j++
		}
		if j < len(v) && v[j] == '=' {
			i = j + 1
		}
	}
	for i < len(v) && isSpace(v[i]) {
		i++
	}
	u = v[i:]
	if len(u) > 0 && (u[0] == '"' || u[0] == '\'') {
		from = i
		q := u[:1]
		u = u[1:]
		if j := strings.Index(u, q); j >= 0 {
			u = u[:j]
		}
		return u, from, true
	}
	return u, i, true
}

// charset checks a charset that the document names: it is UTF-8 by now.
func (r *run) charset(a *attribute, v, with string) {
	switch v = lower(strings.TrimSpace(v)); {
	case v == "utf-8" || v == "utf8" || v == "us-ascii" || v == "ascii" || v == "":
	case v == r.in.Charset:
		r.always++
		r.setAttr(a, with)
	default:
		r.fail(fmt.Errorf("html: %w: a meta element names another charset", edit.ErrAmbiguous))
	}
}

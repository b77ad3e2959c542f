package xmlrewrite

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// element judges one element and gives the index of the node to go on with:
// its first child, or what is behind it.
func (r *run) element(i int32) int32 {
	t := r.t
	n, name := &t.nodes[i], t.name(i)
	u := r.useOf(i)
	if u == container && !t.hasElements(i) && strings.TrimSpace(t.value(i)) != "" {
		u = r.leaf(name)
	}
	switch {
	case u == unknown:
		r.unknownGoes(i)
		return n.last
	case u == container && name == "source":
		r.unknownGoes(i) // of Atom: the feed that the entry was taken from
		return n.last
	case u == drop:
		r.always++
		r.remove(i)
		return n.last
	case u != container && t.hasElements(i):
		// Markup where a text was expected.
		if r.isXHTML(i, u) {
			if r.attributes(i) {
				r.xhtml(i)
			}
			return n.last
		}
		r.unknownGoes(i)
		return n.last
	}
	if !r.attributes(i) {
		return n.last
	}
	if u == container {
		return i + 1
	}
	for j := i + 1; j < n.last; j++ {
		if c := &t.nodes[j]; c.kind == kUnread {
			r.always++
			r.list.Delete(int(c.start), int(c.end))
		}
	}
	switch u {
	case prose, plain:
		if typ, ok := t.attrValue(n, "type"); ok && u == prose && (typ == "html" || typ == "text/html") {
			r.markup(i)
			break
		}
		if u == prose {
			r.t.prose = append(r.t.prose, edit.Span{Start: int(n.open), End: int(n.close)})
		}
	case markup:
		r.markup(i)
	case link:
		r.url(i)
	case user:
		r.user(i)
	case title:
		r.title(i)
	}
	return n.last
}

// title leaves the title of a visible page alone. What else stands there is
// not known to be anything that may be read.
func (r *run) title(i int32) {
	v := strings.TrimSpace(r.t.value(i))
	if v == "" || v == "…" {
		return
	}
	r.rep.Check(rules.Content)
	key, ok := rules.Key{Attr: rules.ContentTitle, Value: v}, true
	if r.in.Title != nil {
		key, ok = r.in.Title(v)
	}
	if ok && r.entity(key).Verdict == rules.Visible {
		return
	}
	n := &r.t.nodes[i]
	r.rep.Hide(rules.Content, edit.Replaced)
	r.list.Replace(int(n.open), int(n.close), "…")
}

// leaf says what an element is that may be a container and holds text alone.
func (r *run) leaf(name string) use {
	switch name {
	case "author", "contributor": // RSS: "mail (name)"
		return user
	case "source":
		return prose
	}
	return unknown
}

// attributes judges the attributes of element i; not ok: the element went.
func (r *run) attributes(i int32) bool {
	t := r.t
	n := &t.nodes[i]
	for k := n.attr; k < n.attrEnd; k++ {
		a := &t.attrs[k]
		name := t.attrName(a)
		v := t.unescape(t.s[a.vs:a.ve])
		if name == "xml:base" {
			continue // see enter
		}
		u := r.attrUseOf(i, name)
		if u == link && (name == "domain" || name == "scheme") && !looksLikeURL(v) {
			u = prose
		}
		switch u {
		case link:
			if !r.attrURL(i, a, v) {
				return false
			}
		case plain:
		case prose:
			if looksLikeURL(v) && !r.attrURL(i, a, v) {
				return false
			}
		case user:
			r.rep.Check(rules.User)
			if !shown(r.entity(r.userKey(v))) {
				r.rep.Hide(rules.User, edit.Replaced)
				r.list.Replace(int(a.vs), int(a.ve), r.t.escape(attrEscaper, r.in.Texts["hidden_user"]))
			}
		default:
			r.always++
			r.rep.UnknownFields++
			r.list.Delete(int(a.start-1), int(a.end)) // with one of the spaces before it
		}
	}
	return true
}

// attrURL judges a URL in an attribute; not ok: the element went with it.
func (r *run) attrURL(i int32, a *attribute, v string) bool {
	if strings.TrimSpace(v) == "" {
		return true
	}
	if r.t.attrName(a) == "template" {
		return r.template(i, a, v)
	}
	l := r.link(v)
	switch {
	case l.Fate != rules.FateKeep:
		r.rep.Hide(l.Kind, edit.Removed)
		r.remove(i)
		return false
	case l.URL != "" && l.URL != v:
		r.list.Replace(int(a.vs), int(a.ve), r.t.escape(attrEscaper, l.URL))
	}
	return true
}

var templateVar = regexp.MustCompile(`\{[^{}]*\}`)

// template judges a URL template of OpenSearch, its variables filled with
// numbers that can be found again in the re-based URL.
func (r *run) template(i int32, a *attribute, v string) bool {
	vars := templateVar.FindAllString(v, -1)
	k := 0
	mark := func(j int) string { return "9" + strconv.Itoa(10071+j) }
	filled := templateVar.ReplaceAllStringFunc(v, func(string) string {
		k++
		return mark(k - 1)
	})
	l := r.link(filled)
	if l.Fate == rules.FateUnwrap || l.Fate == rules.FateDrop { // a number out of bounds?
		if l2 := r.link(templateVar.ReplaceAllString(v, "1")); l2.Fate == rules.FateKeep && l2.URL == "" {
			return true
		}
	}
	out := l.URL
	for j, name := range vars {
		if out != "" && strings.Count(out, mark(j)) != 1 {
			l.Fate = rules.FateDrop
		}
		out = strings.Replace(out, mark(j), name, 1)
	}
	switch {
	case l.Fate != rules.FateKeep:
		r.rep.Hide(l.Kind, edit.Removed)
		r.remove(i)
		return false
	case out != "" && out != v:
		r.list.Replace(int(a.vs), int(a.ve), r.t.respell(a.vs, a.ve, out, &attrEscapes))
	}
	return true
}

// url judges an element whose text is a URL. An id that is none is not known
// to be harmless, but for the forms that ids have.
func (r *run) url(i int32) {
	t := r.t
	n := &t.nodes[i]
	v := strings.TrimSpace(t.value(i))
	if v == "" {
		return
	}
	if name := t.name(i); (name == "id" || name == "guid") && !looksLikeURL(v) {
		if r.harmlessID(i, v) && r.tagHost(i, v) {
			return
		}
		r.unknownGoes(i)
		return
	}
	switch l := r.link(v); {
	case l.Fate != rules.FateKeep:
		r.rep.Hide(l.Kind, edit.Removed)
		r.remove(i)
	case l.URL != "" && l.URL != v:
		r.list.Replace(int(n.open), int(n.close), r.t.escape(textEscaper, l.URL))
	}
}

// harmlessID reports whether an id that is no URL may stay: it is a UUID, or
// was read as the entry's subject.
func (r *run) harmlessID(i int32, v string) bool {
	if strings.HasPrefix(strings.ToLower(v), "urn:uuid:") {
		return true
	}
	for k := range r.f.subjects {
		if su := &r.f.subjects[k]; su.re != nil && su.matches(r.t, i) && su.re.MatchString(v) {
			return true
		}
	}
	return false
}

// tagHost sees to the host in a tag: URI (RFC 4151): one of the wiki's own is
// set to the site's; false: it is inside, and must not stay.
func (r *run) tagHost(i int32, v string) bool {
	host, to, ok := r.tagOf(v)
	if !ok || to == "" {
		return ok
	}
	n := &r.t.nodes[i]
	at := strings.Index(r.t.s[n.open:n.close], host)
	if at < 0 {
		return false
	}
	from := int(n.open) + at
	r.list.Replace(from, from+len(host), to)
	return true
}

// tagOf gives the host in a tag: URI and the one to put in its place, if any.
// Not ok: such a URI must not stay, nor is it the name of anything.
func (r *run) tagOf(v string) (host, to string, ok bool) {
	rest, tag := strings.CutPrefix(v, "tag:")
	if !tag {
		return "", "", true
	}
	host, _, ok = strings.Cut(rest, ",")
	if !ok || host == "" || strings.ContainsAny(host, "/@?#") {
		return "", "", false
	}
	j, knows := r.judge.(interface {
		Host(name string) (spelled string, ok bool)
	})
	if !knows {
		return "", "", false
	}
	if to, ok = j.Host(host); !ok {
		return "", "", false
	}
	if to != host {
		return host, to, true
	}
	return host, "", true
}

// userKey makes a key of a person's name as a feed spells it.
func (r *run) userKey(v string) rules.Key {
	a := r.f.userAttr
	if r.f.userAttr == rules.NoAttr {
		a = rules.UserName
	}
	if strings.Contains(v, "@") && !strings.ContainsAny(v, " ") && a != rules.UserName {
		a = rules.UserEmail
	}
	return rules.Key{Attr: a, Value: v}
}

// user judges an element that holds a person's name. If he is hidden, what else
// his parent element says of him goes.
func (r *run) user(i int32) {
	t := r.t
	n := &t.nodes[i]
	v := strings.TrimSpace(t.value(i))
	if v == "" {
		return
	}
	key := r.userKey(v)
	email := t.name(i) == "email"
	if email {
		key.Attr = rules.UserEmail
	}
	hidden := r.in.Texts["hidden_user"]
	if v == hidden && hidden != "" {
		return
	}
	r.rep.Check(rules.User)
	if shown(r.entity(key)) {
		return
	}
	if hidden == "" || email {
		r.rep.Hide(rules.User, edit.Removed)
		r.remove(i)
	} else {
		r.rep.Hide(rules.User, edit.Replaced)
		r.list.Replace(int(n.open), int(n.close), r.t.escape(textEscaper, hidden))
	}
	if p := n.parent; p >= 0 && (t.name(p) == "author" || t.name(p) == "contributor") {
		r.person(p, i)
	}
}

// person takes out what element p says of a hidden person beside his names and
// element i, once.
func (r *run) person(p, i int32) {
	t := r.t
	if t.nodes[p].cleared {
		return
	}
	t.nodes[p].cleared = true
	for j := p + 1; j < t.nodes[p].last; j = t.nodes[j].last {
		if c := &t.nodes[j]; j != i && c.kind == kElement && t.name(j) != "name" {
			r.remove(j)
		}
	}
}

// markup rewrites the HTML in an element's text.
func (r *run) markup(i int32) {
	t := r.t
	n := &t.nodes[i]
	if typ, ok := t.attrValue(n, "type"); ok && typ == "text" {
		r.t.prose = append(r.t.prose, edit.Span{Start: int(n.open), End: int(n.close)})
		return
	}
	r.text = t.appendValue(r.text[:0], i)
	if len(bytes.TrimSpace(r.text)) == 0 {
		return
	}
	if typ, ok := t.attrValue(n, "type"); r.in.Inner == nil || ok && typ != "html" && typ != "text/html" {
		r.unknownGoes(i)
		return
	}
	b, ok := r.html(i)
	if !ok {
		return
	}
	r.t.prose = append(r.t.prose, edit.Span{Start: int(n.open), End: int(n.close)})
	if bytes.Equal(b, r.text) {
		return
	}
	out := string(b)
	if checkChars(out) != nil {
		r.unknownGoes(i)
		return
	}
	if c := r.onlyCDATA(i); c >= 0 {
		r.list.Replace(int(t.nodes[c].open), int(t.nodes[c].close), strings.ReplaceAll(out, "]]>", "]]]]><![CDATA[>"))
		return
	}
	r.list.Replace(int(n.open), int(n.close), r.t.respell(n.open, n.close, out, &textEscapes))
}

// onlyCDATA gives the one CDATA section that is all of element i's content, or
// -1.
func (r *run) onlyCDATA(i int32) int32 {
	n := &r.t.nodes[i]
	if n.last == i+2 && r.t.nodes[i+1].kind == kCDATA {
		return i + 1
	}
	return -1
}

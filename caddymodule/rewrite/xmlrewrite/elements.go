package xmlrewrite

import (
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// useOf says what element i, or its attribute of the given name, is.
func (r *run) useOf(i int, attr string) use {
	for k := range r.f.uses {
		if u := &r.f.uses[k]; u.attr == attr && u.matches(r.t, i) {
			return u.use
		}
	}
	if attr != "" {
		if isNamespace(attr) {
			return plain
		}
		return attrUse[attr]
	}
	if r.f.isEntry(r.t, i) {
		return container
	}
	return r.std[r.t.nodes[i].name]
}

// element judges one element and gives the index of the node to go on with:
// its first child, or what is behind it.
func (r *run) element(i int) int {
	t := r.t
	n := &t.nodes[i]
	u := r.useOf(i, "")
	if u == container && !t.hasElements(i) && strings.TrimSpace(t.value(i)) != "" {
		u = r.leaf(n.name)
	}
	switch {
	case u == unknown:
		r.unknownGoes(i)
		return n.last
	case u == container && n.name == "source":
		r.unknownGoes(i) // of Atom: the feed that the entry was taken from
		return n.last
	case u == drop:
		r.always++
		r.remove(i)
		return n.last
	case u != container && t.hasElements(i):
		// Markup where a text was expected; XHTML in Atom is of that sort.
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
			r.list.Delete(c.start, c.end)
		}
	}
	switch u {
	case prose, plain:
		if typ, ok := t.attrValue(n, "type"); ok && u == prose && (typ == "html" || typ == "text/html") {
			r.markup(i)
			break
		}
		if u == prose {
			r.t.prose = append(r.t.prose, edit.Span{Start: n.open, End: n.close})
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
func (r *run) title(i int) {
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
	r.list.Replace(n.open, n.close, "…")
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
func (r *run) attributes(i int) bool {
	t := r.t
	n := &t.nodes[i]
	for k := n.attr; k < n.attrEnd; k++ {
		a := &t.attrs[k]
		v := t.unescape(t.s[a.vs:a.ve])
		if a.name == "xml:base" {
			r.setBase(n, a, v)
			continue
		}
		u := r.useOf(i, a.name)
		if u == link && (a.name == "domain" || a.name == "scheme") && !looksLikeURL(v) {
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
				r.list.Replace(a.vs, a.ve, r.t.escape(attrEscaper, r.in.Texts["hidden_user"]))
			}
		default:
			r.always++
			r.rep.UnknownFields++
			r.list.Delete(a.start-1, a.end) // with one of the spaces before it
		}
	}
	return true
}

// setBase takes the root's xml:base; elsewhere, or twice, it is refused.
func (r *run) setBase(n *node, a *attribute, v string) {
	if n.parent >= 0 {
		r.fail(fmt.Errorf("xml: %w: xml:base below the root", edit.ErrAmbiguous))
		return
	}
	l := r.judge.URL(v)
	if l.Fate != rules.FateKeep {
		r.rep.Hide(l.Kind, edit.Removed)
		r.list.Delete(a.start-1, a.end)
		return
	}
	r.base = v
	if l.URL != "" {
		r.base = l.URL
		r.list.Replace(a.vs, a.ve, r.t.escape(attrEscaper, l.URL))
	}
}

// attrURL judges a URL in an attribute; not ok: the element went with it.
func (r *run) attrURL(i int, a *attribute, v string) bool {
	if strings.TrimSpace(v) == "" {
		return true
	}
	if a.name == "template" {
		return r.template(i, a, v)
	}
	l := r.link(v)
	switch {
	case l.Fate != rules.FateKeep:
		r.rep.Hide(l.Kind, edit.Removed)
		r.remove(i)
		return false
	case l.URL != "" && l.URL != v:
		r.list.Replace(a.vs, a.ve, r.t.escape(attrEscaper, l.URL))
	}
	return true
}

var templateVar = regexp.MustCompile(`\{[^{}]*\}`)

// template judges a URL template of OpenSearch, its variables filled with
// numbers that can be found again in the re-based URL.
func (r *run) template(i int, a *attribute, v string) bool {
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
		r.list.Replace(a.vs, a.ve, r.t.respell(a.vs, a.ve, out, &attrEscapes))
	}
	return true
}

// url judges an element whose text is a URL. An id that is none is not known
// to be harmless, but for the forms that ids have.
func (r *run) url(i int) {
	t := r.t
	n := &t.nodes[i]
	v := strings.TrimSpace(t.value(i))
	if v == "" {
		return
	}
	if (n.name == "id" || n.name == "guid") && !looksLikeURL(v) {
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
		r.list.Replace(n.open, n.close, r.t.escape(textEscaper, l.URL))
	}
}

// harmlessID reports whether an id that is no URL may stay: it is a UUID, or
// was read as the entry's subject.
func (r *run) harmlessID(i int, v string) bool {
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
func (r *run) tagHost(i int, v string) bool {
	host, to, ok := r.tagOf(v)
	if !ok || to == "" {
		return ok
	}
	n := &r.t.nodes[i]
	at := strings.Index(r.t.s[n.open:n.close], host)
	if at < 0 {
		return false
	}
	r.list.Replace(n.open+at, n.open+at+len(host), to)
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
	for _, scheme := range [...]string{"https", "http"} {
		l := r.link(scheme + "://" + host + "/")
		if l.Foreign {
			continue
		}
		if l.Fate != rules.FateKeep {
			return "", "", false
		}
		if u, err := url.Parse(l.URL); err == nil && u.Hostname() != host {
			return host, u.Hostname(), true
		}
		break
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
func (r *run) user(i int) {
	t := r.t
	n := &t.nodes[i]
	v := strings.TrimSpace(t.value(i))
	if v == "" {
		return
	}
	key := r.userKey(v)
	if n.name == "email" {
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
	if hidden == "" || n.name == "email" {
		r.rep.Hide(rules.User, edit.Removed)
		r.remove(i)
	} else {
		r.rep.Hide(rules.User, edit.Replaced)
		r.list.Replace(n.open, n.close, r.t.escape(textEscaper, hidden))
	}
	if p := n.parent; p >= 0 && (t.nodes[p].name == "author" || t.nodes[p].name == "contributor") {
		r.person(p, i)
	}
}

// person takes out what element p says of a hidden person beside his names and
// element i, once.
func (r *run) person(p, i int) {
	t := r.t
	if t.nodes[p].cleared {
		return
	}
	t.nodes[p].cleared = true
	for j := p + 1; j < t.nodes[p].last; j = t.nodes[j].last {
		if c := &t.nodes[j]; j != i && c.kind == kElement && c.name != "name" {
			r.remove(j)
		}
	}
}

// markup rewrites the HTML in an element's text.
func (r *run) markup(i int) {
	t := r.t
	n := &t.nodes[i]
	if typ, ok := t.attrValue(n, "type"); ok && typ == "text" {
		r.t.prose = append(r.t.prose, edit.Span{Start: n.open, End: n.close})
		return
	}
	v := t.value(i)
	if strings.TrimSpace(v) == "" {
		return
	}
	if typ, ok := t.attrValue(n, "type"); r.in.Inner == nil || ok && typ != "html" && typ != "text/html" {
		r.unknownGoes(i)
		return
	}
	r.text = append(r.text[:0], v...)
	b, err := r.in.Inner("html", r.text)
	if err != nil {
		r.fail(fmt.Errorf("xml: %s: %w", n.name, err))
		return
	}
	r.t.prose = append(r.t.prose, edit.Span{Start: n.open, End: n.close})
	if string(b) == v {
		return
	}
	out := string(b)
	if checkChars(out) != nil {
		r.unknownGoes(i)
		return
	}
	if c := r.onlyCDATA(i); c >= 0 {
		r.list.Replace(t.nodes[c].open, t.nodes[c].close, strings.ReplaceAll(out, "]]>", "]]]]><![CDATA[>"))
		return
	}
	r.list.Replace(n.open, n.close, r.t.respell(n.open, n.close, out, &textEscapes))
}

// onlyCDATA gives the one CDATA section that is all of element i's content, or
// -1.
func (r *run) onlyCDATA(i int) int {
	n := &r.t.nodes[i]
	if n.last == i+2 && r.t.nodes[i+1].kind == kCDATA {
		return i + 1
	}
	return -1
}

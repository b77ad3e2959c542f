package xmlrewrite

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// isXHTML reports that element i is a text construct of Atom with markup inline
// (RFC 4287, 3.1.1.3 and 4.1.3.3).
func (r *run) isXHTML(i int32, u use) bool {
	typ, _ := r.t.attrValue(&r.t.nodes[i], "type")
	return (u == prose || u == markup) && (typ == "xhtml" || typ == "application/xhtml+xml") && r.in.Inner != nil
}

// xhtml rewrites inline XHTML as the HTML that it is, too. What HTML would read
// as another tree goes whole, and so does what is no XML afterwards.
func (r *run) xhtml(i int32) {
	t := r.t
	n := &t.nodes[i]
	if !r.sameInHTML(i) {
		r.unknownGoes(i)
		return
	}
	src := t.s[n.open:n.close]
	r.text = append(r.text[:0], src...)
	out, ok := r.html(i)
	if !ok {
		return
	}
	if string(out) != src {
		u, err := newTape("<div>"+string(out)+"</div>", t.p)
		if err != nil {
			r.unknownGoes(i)
			return
		}
		u.release()
		r.list.Replace(int(n.open), int(n.close), string(out))
	}
	t.prose = append(t.prose, edit.Span{Start: int(n.open), End: int(n.close)})
}

// html rewrites the HTML in r.text, element i's. What is relative in it is so
// to the xml:base in force, as if it said so itself.
func (r *run) html(i int32) (out []byte, ok bool) {
	base := ""
	if r.base != "" {
		base = `<base href="` + attrEscaper.Replace(r.base) + `">`
		r.text = slices.Insert(r.text, 0, []byte(base)...)
	}
	b, err := r.in.Inner("html", r.text)
	if err != nil {
		r.fail(fmt.Errorf("xml: %s: %w", r.t.name(i), err))
		return nil, false
	}
	if out, ok = bytes.CutPrefix(b, r.text[:len(base)]); !ok {
		r.fail(fmt.Errorf("xml: %s: %w: relative to what may not be seen", r.t.name(i), edit.ErrAmbiguous))
	}
	r.text = r.text[len(base):]
	return out, ok
}

const xhtmlNamespace = "http://www.w3.org/1999/xhtml"

var (
	xhtmlVoid = setOf("br hr img col wbr area input")
	xhtmlText = setOf(`a abbr b bdi bdo blockquote caption cite code colgroup dd del details dfn div dl dt em figcaption figure h1 h2 h3 h4 h5 h6
		i ins kbd li mark ol p pre q s samp section small span strong sub summary sup table tbody td tfoot th thead time tr u ul var`)
)

func setOf(words string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		m[w] = true
	}
	return m
}

// sameInHTML reports whether HTML reads the same elements in element i as XML:
// they are of its namespace and among those that hold text, empty are those
// alone that HTML says are, and nothing is there that HTML reads otherwise.
func (r *run) sameInHTML(i int32) bool {
	t := r.t
	for j := i + 1; j < t.nodes[i].last; j++ {
		n := &t.nodes[j]
		if n.kind == kCDATA || n.kind == kUnread {
			return false
		}
		if n.kind != kElement {
			continue
		}
		name := t.name(j)
		closed := strings.HasSuffix(t.s[n.start:n.open], "/>")
		if closed != xhtmlVoid[name] || !closed && !xhtmlText[name] {
			return false
		}
		for k := n.attr; k < n.attrEnd; k++ {
			a := &t.attrs[k]
			switch name := t.attrName(a); {
			case name == "xmlns":
				if t.s[a.vs:a.ve] != xhtmlNamespace {
					return false
				}
			case strings.Contains(name, ":") && name != "xml:lang" || strings.ContainsAny(t.s[a.vs:a.ve], "<>"):
				return false
			}
		}
	}
	return true
}

// enter sees to the xml:base of element i (XML Base, 4): what is inside is
// relative to it, as it is to the one around.
func (r *run) enter(i int32) {
	t := r.t
	for k := len(r.bases); k > 0 && i >= r.bases[k-1].end; k = len(r.bases) {
		r.base, r.bases = r.bases[k-1].outer, r.bases[:k-1]
	}
	n := &t.nodes[i]
	a := t.attribute(n, "xml:base")
	if a == nil {
		return
	}
	v := t.unescape(t.s[a.vs:a.ve])
	l := r.link(v)
	if l.Fate != rules.FateKeep { // what is relative to it can't be judged apart from it
		r.fail(fmt.Errorf("xml: %w: xml:base that is not open", edit.ErrAmbiguous))
		return
	}
	r.bases = append(r.bases, outerBase{n.last, r.base})
	to := v
	if l.URL != "" {
		to = l.URL
		r.list.Replace(int(a.vs), int(a.ve), t.escape(attrEscaper, to))
	}
	if r.base != "" {
		b, err := url.Parse(r.base)
		if err == nil {
			b, err = b.Parse(to)
		}
		if err != nil {
			r.fail(fmt.Errorf("xml: %w: xml:base", edit.ErrAmbiguous))
			return
		}
		to = b.String()
	}
	r.base = to
}

// outerBase is the base that holds again from node end on.
type outerBase struct {
	end   int32
	outer string
}

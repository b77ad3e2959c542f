package htmlrewrite

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/postern-gateway/postern/rules"
)

// place is where, in or below an element, a reference stands.
type place struct {
	url   bool
	codec string // the value is source of this language
	key   rules.Attr
	all   bool
	group int    // of descendants; -1: the element itself
	attr  attrID // aNone is the text
	// re, if set, must match the value; its first group is the value then.
	re *regexp.Regexp
}

// shortAttrs are the words for an entity's usual attribute.
var shortAttrs = map[string]rules.Attr{
	"user": rules.UserName, "group": rules.GroupName, "space": rules.SpaceKey,
}

func (pr *Program) compilePlace(p rules.Place) (place, error) {
	pl := place{group: -1}
	at := strings.TrimSpace(p.At)
	if i := strings.Index(at, "|^"); i >= 0 { // "@id|^page-(\d+)$"
		re, err := regexp.Compile(at[i+1:])
		if err != nil {
			return pl, fmt.Errorf("subject %q: %w", p.At, err)
		}
		pl.re, at = re, at[:i]
	}
	sel, name := splitAttr(at)
	sel = strings.TrimSpace(sel)
	if rest, ok := strings.CutPrefix(sel, "all "); ok {
		pl.all, sel = true, strings.TrimSpace(rest)
	}
	pl.attr = pr.voc.attr(name)
	if sel != "" && sel != "." {
		g, err := pr.set.add(sel)
		if err != nil {
			return pl, err
		}
		pl.group = g
	}
	switch a, ok := rules.ParseAttr(p.As); {
	case ok:
		pl.key = a
	case p.As == "url", p.As == "" && urlAttrs[name] != uNone:
		pl.url = true
	case p.As == "wikitext" || p.As == "xhtml":
		pl.codec = p.As
	case p.As == "content":
		pl.key = rules.ContentTitle
	case shortAttrs[p.As] != rules.NoAttr:
		pl.key = shortAttrs[p.As]
	default:
		return pl, fmt.Errorf("subject %q: %q is no attribute of an entity", p.At, p.As)
	}
	return pl, nil
}

// values gives what stands at the place, decoded, for element i.
func (r *run) values(pl *place, i int32) []string {
	out := r.vals[:0]
	defer func() { r.vals = out }()
	get := func(j int32) {
		n := &r.t.nodes[j]
		var v string
		if pl.attr == aNone {
			v = strings.TrimSpace(r.t.textOf(j))
		} else if s, ok := r.t.attrValue(n, pl.attr); ok {
			v = s
		}
		if pl.re != nil {
			m := pl.re.FindStringSubmatch(v)
			switch len(m) {
			case 0:
				return
			case 1:
				v = m[0]
			default:
				v = m[1]
			}
		}
		if v != "" {
			out = append(out, v)
		}
	}
	if pl.group < 0 {
		get(i)
		return out
	}
	in := r.m.within(pl.group, i+1, r.t.nodes[i].last)
	if pl.attr == aNone && len(in) > maxTexts {
		in = in[:maxTexts]
	}
	for _, j := range in {
		if !pl.all && len(out) > 0 {
			break
		}
		get(j)
	}
	return out
}

// maxTexts bounds how many descendants' texts one place reads.
const maxTexts = 1000

// tokenPattern recognises tokens, such as class names, that name entities.
type tokenPattern struct {
	// prefix is what every token of the pattern begins with: most do not.
	prefix string
	re     *regexp.Regexp
	attrs  []rules.Attr
	css    []bool
}

var tokenVar = regexp.MustCompile(`\{([a-z_.]+)(:css)?\}`)

func compileTokens(s string) (*tokenPattern, error) {
	tp := &tokenPattern{}
	var b strings.Builder
	b.WriteString("^")
	last := 0
	for _, m := range tokenVar.FindAllStringSubmatchIndex(s, -1) {
		b.WriteString(regexp.QuoteMeta(s[last:m[0]]))
		if last == 0 {
			tp.prefix = s[:m[0]]
		}
		a, ok := rules.ParseAttr(s[m[2]:m[3]])
		if !ok {
			return nil, fmt.Errorf("tokens %q: %q is no attribute of an entity", s, s[m[2]:m[3]])
		}
		switch {
		case a == rules.SpaceID || a == rules.ContentID || a == rules.RevisionID:
			b.WriteString(`(-?[0-9]+)`)
		case m[1] == len(s):
			b.WriteString(`(.+)`)
		default:
			b.WriteString(`(.+?)`)
		}
		tp.attrs = append(tp.attrs, a)
		tp.css = append(tp.css, m[4] >= 0)
		last = m[1]
	}
	if len(tp.attrs) == 0 {
		return nil, fmt.Errorf("tokens %q: no {attribute} in it", s)
	}
	b.WriteString(regexp.QuoteMeta(s[last:]) + "$")
	var err error
	tp.re, err = regexp.Compile(b.String())
	return tp, err
}

// hidden judges one token; not ok if it is not of this pattern.
func (r *run) tokenHidden(tp *tokenPattern, tok string) (kind rules.EntityKind, hidden, ok bool) {
	if !strings.HasPrefix(tok, tp.prefix) {
		return 0, false, false
	}
	m := tp.re.FindStringSubmatch(tok)
	if m == nil {
		return 0, false, false
	}
	space := ""
	for i, a := range tp.attrs {
		if a.Kind() == rules.Space {
			space = m[i+1]
		}
	}
	for i, a := range tp.attrs {
		var d rules.Decision
		switch {
		case tp.css[i] && r.in.CSSTitle != nil:
			r.rep.Check(a.Kind())
			d = r.in.CSSTitle(space, m[i+1])
		case a == rules.ContentTitle && space != "":
			d = r.entity(r.judge, rules.Key{Attr: a, Value: strings.ReplaceAll(m[i+1], "_", " "), Space: space})
		default:
			d = r.entity(r.judge, r.key(a, m[i+1]))
		}
		// A class can't be read back: that nothing is called so says nothing.
		if !shown(d) || tp.css[i] && d.Verdict != rules.Visible {
			return a.Kind(), true, true
		}
	}
	return 0, false, true
}

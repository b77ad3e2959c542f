package htmlrewrite

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// Program is a profile's HTML rules, compiled. It is immutable and safe for
// concurrent use.
type Program struct {
	set     *selSet
	rules   []rule
	scripts []scriptRule
	voc     *vocabulary
	prose   []int // groups
	probes  map[string]probe
	lists   map[string]listPlace // what pages name, by how they write it
}

// Input is what one document is rewritten with.
type Input struct {
	// Judge decides about URLs and references. Titles in references are raw, as
	// they stand on the page: the judge's view resolves them by the profile's
	// title codec, unless Title does it here.
	Judge edit.Judge
	// Title makes a key of a raw title that carries its space in itself
	// (rules.Profile.TitleKey); nil: the raw title is the key's value.
	Title func(raw string) (rules.Key, bool)
	// CSSTitle judges a title as written in a CSS class, where it can't be read
	// back; nil: it is judged as a title.
	CSSTitle func(space, class string) rules.Decision
	// Class is the route's, for rules with `only:`.
	Class rules.Class
	// Identity is how the wiki knows the viewer, for rules with `identity:`.
	Identity rules.UpstreamIdentity
	// Page says where the document has its list; Window cuts it to a part.
	Page   *rules.PageSpec
	Window *edit.Window
	// Fragment: the text stands inside some other document's element.
	Fragment bool
	// Texts are what $name in the profile stands for (rules.View.Texts).
	Texts map[string]string
	// Evidence are the probes to look for.
	Evidence []string
	// InnerJSON rewrites JSON in scripts and attributes by the given fields.
	// Without it such data goes.
	InnerJSON func(src []byte, fields map[string]rules.FieldSpec) ([]byte, error)
	// Source reports whether source text in a codec's language, or a piece of
	// it, refers to anything hidden. Without it all source is taken to.
	Source func(codec, text string) bool
	// Charset is the legacy charset that the document was converted from, in
	// lower case; empty for UTF-8. A <meta> that says so is set to utf-8, one
	// that says otherwise is refused.
	Charset string

	depth    int  // of documents in documents
	template bool // a script fills in what stands in braces
}

// maxInner bounds documents in documents.
const maxInner = 4

// Compile makes a program of the profile. Errors name the rule.
func Compile(p *rules.Profile) (*Program, error) {
	voc := newVocabulary()
	pr := &Program{voc: voc, set: newSelSet(voc), probes: map[string]probe{}, lists: map[string]listPlace{}}
	for i := range p.HTML {
		r, err := pr.compileRule(&p.HTML[i])
		if err != nil {
			return nil, p.Fault("html", i, err) //nolint:wrapcheck // has its place
		}
		pr.rules = append(pr.rules, r)
	}
	for i := range p.Self {
		r, err := pr.compileRule(&p.Self[i])
		if err != nil {
			return nil, p.Fault("self", i, err) //nolint:wrapcheck // has its place
		}
		if len(r.subjects) == 0 && r.tokens == nil && !r.menu {
			r.always = true
		}
		pr.rules = append(pr.rules, r)
	}
	for i := range p.Scripts {
		if err := pr.compileScript(&p.Scripts[i]); err != nil {
			return nil, p.Fault("scripts", i, err) //nolint:wrapcheck // has its place
		}
	}
	for i, sel := range p.Prose {
		g, err := pr.set.add(sel)
		if err != nil {
			return nil, p.Fault("prose", i, err) //nolint:wrapcheck // has its place
		}
		pr.prose = append(pr.prose, g)
	}
	for _, at := range evidencePlaces(p) {
		b, err := pr.compileProbe(at)
		if err != nil {
			return nil, fmt.Errorf("evidence %q: %w", at, err)
		}
		pr.probes[at] = b
	}
	if err := pr.compilePages(p); err != nil {
		return nil, err
	}
	return pr, nil
}

// evidencePlaces lists the places in HTML that the profile's routes name.
func evidencePlaces(p *rules.Profile) []string {
	seen := map[string]bool{}
	eachRoute(p, func(r *rules.RouteSpec, _ []string) {
		for _, spec := range r.Evidence {
			for _, pl := range spec {
				if !strings.HasPrefix(pl.At, "body:") && pl.At != "" {
					seen[pl.At] = true
				}
			}
		}
	})
	return slices.Sorted(maps.Keys(seen))
}

// eachRoute calls f with all route specs of the profile, parents first, and the
// types of their answers, as far as they say so.
func eachRoute(p *rules.Profile, f func(r *rules.RouteSpec, types []string)) {
	var walk func(r *rules.RouteSpec, types []string)
	walk = func(r *rules.RouteSpec, types []string) {
		if r.Response != nil && len(r.Response.Types) > 0 {
			types = r.Response.Types
		}
		f(r, types)
		for _, sub := range []map[string]rules.RouteSpec{r.Variants, r.Part} {
			for _, s := range sub {
				walk(&s, types)
			}
		}
	}
	for i := range p.Routes {
		walk(&p.Routes[i], nil)
	}
	for _, s := range p.Specials {
		walk(&s, nil)
	}
}

// rule is one compiled HTMLRule.
type rule struct {
	group     int
	attr      attrID // of "@name" selectors: the attribute
	subjects  []place
	childless []place
	tokens    *tokenPattern
	menu      bool
	identity  []rules.UpstreamIdentity
	always    bool
	undecided bool // hide
	candidate bool
	only      map[rules.Class]bool
	act       action
}

// action is one compiled HTMLAction.
type action struct {
	remove, replace rangeSpec
	with            string
	markup          string // in place of with, as it stands
	set             []setAttr
	empties         []int
	once            int    // group of the lists, -1 for none
	none            string // markup, where none is left
	refuse          bool
}

type setAttr struct {
	id          attrID
	name, value string
}

// rangeSpec says which bytes an action takes.
type rangeSpec struct {
	what  what
	group int    // of next and closest
	attr  attrID // of attr
}

type what uint8

const (
	nothing what = iota
	self
	content
	token
	attr
	upTo    // self..+SELECTOR
	closest // closest:SELECTOR
)

func (pr *Program) compileRule(h *rules.HTMLRule) (rule, error) {
	r := rule{
		menu: h.Menu, always: h.Always, undecided: h.Undecided == "hide", candidate: h.Context == "candidate", identity: h.Identity,
	}
	switch h.Undecided {
	case "", "keep", "hide":
	default:
		return r, fmt.Errorf("undecided: %q is neither keep nor hide", h.Undecided)
	}
	sel, name, err := attrSelect(h.Select)
	if err != nil {
		return r, err
	}
	r.attr = pr.voc.attr(name)
	if r.group, err = pr.set.add(sel); err != nil {
		return r, err
	}
	for _, p := range h.Subject {
		pl, err := pr.compilePlace(p)
		if err != nil {
			return r, err
		}
		r.subjects = append(r.subjects, pl)
	}
	for _, p := range h.Childless {
		pl, err := pr.compilePlace(p)
		if err != nil {
			return r, err
		}
		r.childless = append(r.childless, pl)
	}
	if h.Tokens != "" {
		if r.attr == aNone {
			return r, fmt.Errorf("tokens: select has no attribute")
		}
		if r.tokens, err = compileTokens(h.Tokens); err != nil {
			return r, err
		}
	}
	if len(h.Only) > 0 {
		r.only = map[rules.Class]bool{}
		for _, c := range h.Only {
			r.only[c] = true
		}
	}
	r.act, err = pr.compileAction(&h.Hidden, &r)
	return r, err
}

func (pr *Program) compileAction(h *rules.HTMLAction, r *rule) (a action, err error) {
	a.with, a.markup, a.none, a.refuse, a.once = h.With, h.Markup, h.None, h.Refuse, -1
	if h.Once != "" {
		if a.once, err = pr.set.add(h.Once); err != nil {
			return a, err
		}
	}
	if a.remove, err = pr.compileRange(h.Remove, r); err != nil {
		return a, err
	}
	if a.replace, err = pr.compileRange(h.Replace, r); err != nil {
		return a, err
	}
	for _, name := range slices.Sorted(maps.Keys(h.Set)) {
		set := setAttr{name: lower(strings.TrimPrefix(name, "@")), value: h.Set[name]}
		set.id = pr.voc.attr(set.name)
		a.set = append(a.set, set)
	}
	for _, e := range h.Empties {
		g, err := pr.set.add(e)
		if err != nil {
			return a, err
		}
		a.empties = append(a.empties, g)
	}
	if a.remove.what == nothing && a.replace.what == nothing && len(a.set) == 0 && !a.refuse {
		switch { // nothing was said: the most is taken
		case r.tokens != nil:
			a.remove.what = token
		case r.attr != aNone:
			a.remove = rangeSpec{what: attr, attr: r.attr}
		default:
			a.remove.what = self
		}
	}
	return a, nil
}

func (pr *Program) compileRange(s string, r *rule) (rs rangeSpec, err error) {
	switch {
	case s == "":
	case s == "self":
		rs.what = self
	case s == "content", s == "text":
		rs.what = content
	case s == "token":
		rs.what = token
		if r.tokens == nil {
			return rs, fmt.Errorf("%q without tokens", s)
		}
	case s == "attr" && r.attr != aNone:
		rs = rangeSpec{what: attr, attr: r.attr}
	case strings.HasPrefix(s, "attr:"):
		rs = rangeSpec{what: attr, attr: pr.voc.attr(lower(s[len("attr:"):]))}
	case strings.HasPrefix(s, "self..+"):
		rs.what = upTo
		rs.group, err = pr.set.add(s[len("self..+"):])
	case strings.HasPrefix(s, "closest:"):
		rs.what = closest
		rs.group, err = pr.set.add(s[len("closest:"):])
	default:
		return rs, fmt.Errorf("unknown range %q", s)
	}
	return rs, err
}

// attrSelect reads a selector list whose items may end in "@name", all in the
// same: the elements that bear the attribute.
func attrSelect(list string) (sel, name string, err error) {
	var items []string
	for i, item := range splitList(list) {
		base, n := splitAttr(item)
		if i > 0 && n != name {
			return "", "", fmt.Errorf("selector %q: not all of it is about one attribute", list)
		}
		if name = n; n != "" {
			base += "[" + n + "]"
		}
		items = append(items, base)
	}
	return strings.Join(items, ", "), name, nil
}

// splitList splits a selector list at the commas outside of brackets and
// quotes.
func splitList(s string) []string {
	var out []string
	depth, quote, from := 0, byte(0), 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[' || c == '(':
			depth++
		case c == ']' || c == ')':
			depth--
		case c == ',' && depth == 0:
			out = append(out, strings.TrimSpace(s[from:i]))
			from = i + 1
		}
	}
	return append(out, strings.TrimSpace(s[from:]))
}

// splitAttr splits "SELECTOR@name", the "@" outside of brackets and quotes.
func splitAttr(s string) (sel, name string) {
	depth, quote := 0, byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '[' || c == '(':
			depth++
		case c == ']' || c == ')':
			depth--
		case c == '@' && depth == 0:
			return strings.TrimSpace(s[:i]), lower(strings.TrimSpace(s[i+1:]))
		}
	}
	return s, ""
}

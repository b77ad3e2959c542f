package rules

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Outliner tells the outlines of requests that no route names, without a word that
// the profile does not know: what a path or a parameter is called may be the
// name of something hidden.
type Outliner struct {
	words, endings map[string]bool
	params         map[string]string // name -> a type that fits it anywhere
	patterns       []*pattern        // of all routes
	fold           bool
}

// maxOutline is how many segments of a path an outline spells out.
const maxOutline = 8

// Outlines makes an Outliner of the words of the profile's routes.
func (p *Profile) Outlines() *Outliner {
	o := &Outliner{words: map[string]bool{}, endings: map[string]bool{}, params: map[string]string{}}
	if p == nil {
		return o
	}
	o.fold = p.Canon.FoldPath
	for i := range p.Canon.Strip {
		o.segments(strings.TrimPrefix(p.Canon.Strip[i].Prefix, "/"))
	}
	for _, name := range slices.Concat(p.Canon.DropParams, p.Canon.RefuseParams, sortedKeys(p.Canon.LinkParams)) {
		o.param(name, "drop")
	}
	for i := range p.Routes {
		o.patterns = append(o.patterns, patternsOf(&p.Routes[i])...)
		o.route(&p.Routes[i], "")
	}
	for name := range p.Specials {
		spec := p.Specials[name]
		o.route(&spec, "")
	}
	return o
}

func (o *Outliner) route(r *RouteSpec, prefix string) {
	for _, src := range append([]string{r.Match}, r.Also...) {
		if _, pathPart, ok := strings.Cut(src, "/"); ok {
			o.segments(pathPart)
		}
	}
	prefix += r.Prefix
	for name, typ := range r.Params {
		if !strings.ContainsAny(name, "{*") {
			o.param(prefix+name, typ)
		}
	}
	for name := range r.Parts {
		o.param(prefix+name, "drop")
	}
	if r.By != nil {
		o.param(prefix+r.By.Param, "drop")
	}
	for _, group := range []map[string]RouteSpec{r.Variants, r.Part} {
		for _, sub := range group {
			o.route(&sub, prefix)
		}
	}
}

// param notes a parameter with its type. Where routes read it in two ways, or in
// one that refers to other parameters, the type that fits is drop.
func (o *Outliner) param(name, typ string) {
	if old, ok := o.params[name]; ok && old != typ || strings.Trim(typ, "abcdefghijklmnopqrstuvwxyz_.") != "" || typ == "refuse" {
		typ = "drop"
	}
	o.params[name] = typ
}

// typeOf is the type that a proposal gives a parameter.
func (o *Outliner) typeOf(name string) string {
	if typ, ok := o.params[name]; ok {
		return typ
	}
	if a, ok := namedAttr(name); ok {
		return a.String()
	}
	return "text"
}

// segments takes the literals of a pattern's path, the closed sets of its
// wildcards, and the endings that both have.
func (o *Outliner) segments(pattern string) {
	for _, seg := range splitPattern(pattern) {
		before, inner, wild := strings.Cut(seg, "{")
		inner, after, _ := strings.Cut(inner, "}")
		if !wild {
			o.word(seg)
			continue
		}
		if ext := path.Ext(after); ext == after && ext != "" {
			o.endings[ext] = true
		}
		if _, list, ok := strings.Cut(inner, ":enum("); ok {
			for w := range strings.SplitSeq(strings.TrimSuffix(list, ")"), ",") {
				o.word(before + strings.TrimSpace(w) + after)
			}
		}
	}
}

func (o *Outliner) word(w string) {
	if w == "" || !goodText(w) {
		return
	}
	o.words[w] = true
	if ext := path.Ext(w); ext != w && len(ext) > 1 && strings.Trim(ext[1:], "0123456789") != "" {
		o.endings[ext] = true
	}
}

// Outline is what a request looks like: its method, its path, in which only
// words of the profile stand and everything else is a type ({id}, {word},
// {text}, {rest...}), and the names of its parameters, of which those that the
// profile does not know are {param}.
type Outline struct {
	Method, Path string
	Params       []string
}

// Of gives a request's outline.
func (o *Outliner) Of(req *Request) Outline {
	sh := Outline{Method: req.Method}
	switch {
	case sh.Method == "HEAD" || sh.Method == "":
		sh.Method = "GET"
	case !goodMethod(sh.Method):
		sh.Method = "{method}"
	}
	var b strings.Builder
	count := map[string]int{}
	for i, seg := range req.Segments {
		b.WriteByte('/')
		if i == maxOutline {
			b.WriteString("{rest...}")
			break
		}
		b.WriteString(o.segment(seg, count))
	}
	if len(req.Segments) == 0 {
		b.WriteByte('/')
	}
	sh.Path = b.String()
	names := map[string]bool{}
	for _, p := range slices.Concat(req.Query, req.Form) {
		names[o.Param(p.Name)] = true
	}
	sh.Params = slices.Sorted(maps.Keys(names))
	return sh
}

// Param gives the name of a parameter if the profile knows it, and {param} if
// not.
func (o *Outliner) Param(name string) string {
	if _, ok := o.params[name]; ok {
		return name
	}
	return "{param}"
}

func (o *Outliner) segment(seg string, count map[string]int) string {
	if seg == "" || o.words[seg] {
		return seg
	}
	ext := path.Ext(seg)
	if !o.endings[ext] || ext == seg {
		ext = ""
	}
	kind := "text"
	switch stem := strings.TrimSuffix(seg, ext); {
	case strings.Trim(stem, "0123456789") == "":
		kind = "id"
	case strings.IndexFunc(stem, func(r rune) bool { return r > 0x7e || !isWordByte(byte(r)) && r != '-' }) < 0:
		kind = "word"
	}
	count[kind]++
	if n := count[kind]; n > 1 {
		kind += strconv.Itoa(n)
	}
	return "{" + kind + "}" + ext
}

// String is the outline on one line.
func (s Outline) String() string {
	out := s.Method + " " + s.Path
	if len(s.Params) > 0 {
		out += "?" + strings.Join(s.Params, "&")
	}
	return out
}

// Overlay is the route that an overlay of the profile would add for requests of
// this outline, as one line of YAML, and empty where a route can't take them.
// Its class opens to nobody, and WORD stands for a segment that the profile does
// not know: which class and which words are right is for people to say.
func (o *Outliner) Overlay(s Outline) string {
	var params []string
	for _, name := range s.Params {
		if name != "{param}" {
			params = append(params, strconv.Quote(name)+": "+o.typeOf(name))
		}
	}
	with := ""
	if len(params) > 0 {
		with = ", params: {" + strings.Join(params, ", ") + "}"
	}
	// Ids may well be wild, unless that takes requests of other routes.
	for _, wild := range []bool{true, false} {
		match := s.Method + " " + spell(s.Path, wild)
		if pat, err := parsePattern(match); err == nil && !slices.ContainsFunc(o.patterns, func(q *pattern) bool { return pat.overlaps(q, o.fold) }) {
			return "- {match: " + strconv.Quote(match) + ", class: admin" + with + "}"
		}
	}
	return ""
}

// spell makes words of an outline's types, save of ids and the rest if these
// may be wild.
func spell(path string, wild bool) string {
	var b strings.Builder
	for path != "" {
		before, rest, ok := strings.Cut(path, "{")
		b.WriteString(before)
		if !ok {
			break
		}
		name, after, _ := strings.Cut(rest, "}")
		if wild && (strings.HasPrefix(name, "id") || strings.HasSuffix(name, "...")) {
			b.WriteString("{" + name + "}")
		} else {
			b.WriteString(strings.ToUpper(strings.TrimSuffix(name, "...")))
		}
		path = after
	}
	return b.String()
}

// Extend is the entry of an overlay that lets a route take a parameter, as one
// line of YAML, and empty where an overlay has none: for a variant or a part,
// and for a parameter that the route reads already.
func (o *Outliner) Extend(r *Refusal, name string) string {
	unnamed := strings.HasSuffix(r.Reason, ": "+whyUnnamed)
	if !unnamed || !slices.ContainsFunc(o.patterns, func(q *pattern) bool { return q.src == r.Pattern }) {
		return ""
	}
	return "- {match: " + strconv.Quote(r.Pattern) + ", params: {" + strconv.Quote(name) + ": " + o.typeOf(name) + "}}"
}

// MayOpen reports whether a policy's urls: allow can open a class of URL to a
// kind of viewer at all.
func MayOpen(c Class, k ViewerKind) bool { return mayOpen(c, k) }

// AllowLine is the entry under a policy's urls: allow that would open the
// request's route to those to whom its class is closed, as YAML; empty where
// policies have no pattern for it.
func (m *Match) AllowLine() string {
	method, src, ok := strings.Cut(m.Pattern, " ")
	if !ok {
		return ""
	}
	// Behind the path stand the variant, the special page and the parts.
	depth, end := 0, len(src)
	for i := range len(src) {
		switch src[i] {
		case '{':
			depth++
		case '}':
			depth--
		case ' ':
			if depth == 0 {
				end = min(end, i)
			}
		}
	}
	for _, pat := range []string{method + " " + src[:end], method + " " + untyped(src[:end])} {
		if p, err := parseURLPattern(pat); err == nil && p.match(m.Method, m.Segments, false) {
			return "{match: " + strconv.Quote(pat) + "}"
		}
	}
	return ""
}

// untyped takes the types out of a path's wildcards.
func untyped(src string) string {
	var b strings.Builder
	for src != "" {
		before, rest, ok := strings.Cut(src, "{")
		b.WriteString(before)
		if !ok {
			break
		}
		inner, after, _ := strings.Cut(rest, "}")
		name, _, typed := strings.Cut(inner, ":")
		if typed && strings.HasSuffix(inner, "...") {
			name += "..."
		}
		b.WriteString("{" + name + "}")
		src = after
	}
	return b.String()
}

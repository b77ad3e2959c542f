// Package jsonrewrite cuts from a JSON answer what its viewer may not see.
//
// A document is read once into a strict tape (see [Program.Rewrite] for what is
// refused). Objects are judged by the profile's shapes, wherever they stand;
// scalars by what the profile says of the member's name: the shape's own
// fields, then the route's, then the profile's. What nothing names goes, save
// booleans and null. All cuts are edits on the original bytes: what stays,
// stays byte for byte, key order, spacing and the spelling of numbers included.
//
// The rules for what nobody names: a string or number goes; an object that
// matches a shape is judged and walked; an array that holds only such objects
// is walked, and goes if it is left or was empty; any other container goes. A
// field that is said to be a scalar and holds an object or array is walked as
// if it were marked walk, so that a mark on a string never lets an object pass.
package jsonrewrite

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// Program is a profile's fields and shapes, compiled. It is immutable but for
// a cache of compiled routes, and safe for concurrent use.
type Program struct {
	names  map[string]int32 // member names that fields and shapes speak of
	fields []field          // by interned name; op unknown where nothing is said
	shapes []*shape
	routes sync.Map // routeKey -> *route, of routes that do not change
}

type routeKey struct {
	r *rules.ResponseSpec
	p *rules.PageSpec
}

type op uint8

const (
	unknown op = iota
	attrOf     // a scalar, or an array of scalars, that names an entity
	plain
	prose
	title
	html
	xhtml
	wikitext
	inJSON
	url
	baseURL // relative to the wiki's base, context path left out
	walk
	dict
	dictValue
	drop
	self
	text
	count
	next  // page: URL or token of the next page
	total // page: number of visible items
	size  // page: number of items here
	keep  // judged elsewhere: an entity's own key, a discriminator
)

type field struct {
	op   op
	attr rules.Attr
	text string
	path path
	list int  // size, total: of which of the route's lists
	neg  bool // dict: negative names are made up and numbered anew
	back bool // next: to the page before
}

// shape is a compiled rules.Shape.
type shape struct {
	index           int
	kind            rules.EntityKind
	has, any, lacks []int32
	is              []isCond
	under           []string
	keys            []keyPlace
	decided, also   []place
	fields          map[int32]field
	hold            bool // hidden: placeholder
	inList          string
	placeholder     []piece
	ifEmpty         int32
	context         string
	space           path
	decides         bool
}

type isCond struct {
	id     int32
	values []string
}

type place struct {
	as   rules.Attr // NoAttr: a member, or a URL
	url  bool
	path path
}

// keyPlace is one of a shape's keys.
type keyPlace struct {
	attr      rules.Attr
	url       bool
	qualifies bool // a space's key beside a title
	path      path
}

// piece is a part of a placeholder: literal, or the name of a text.
type piece struct{ lit, name string }

// route is a compiled response and page.
type route struct {
	keepUnknown bool
	fields      map[string]field
	paths       []pathField // by path from the root
	parallel    []path
	subject     []place
	lists       []path // of the pages' items
	negative    bool
}

type pathField struct {
	path  path
	field field
}

// Compile reads a profile's fields and shapes.
func Compile(p *rules.Profile) (*Program, error) {
	pr := &Program{names: make(map[string]int32)}
	for k, v := range p.Fields {
		f, err := parseField(v)
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", k, err)
		}
		id := pr.intern(k)
		for int(id) >= len(pr.fields) {
			pr.fields = append(pr.fields, field{})
		}
		pr.fields[id] = f
	}
	for i := range p.Shapes {
		s, err := pr.shape(&p.Shapes[i])
		if err != nil {
			return nil, p.Fault("shapes", i, err) //nolint:wrapcheck // has its place
		}
		s.index = i
		pr.shapes = append(pr.shapes, s)
	}
	for len(pr.fields) <= len(pr.names) {
		pr.fields = append(pr.fields, field{})
	}
	return pr, nil
}

func (p *Program) intern(name string) int32 {
	if id, ok := p.names[name]; ok {
		return id
	}
	id := int32(len(p.names) + 1)
	p.names[name] = id
	return id
}

var words = map[string]op{
	"plain": plain, "prose": prose, "title": title, "html": html, "xhtml": xhtml,
	"wikitext": wikitext, "json": inJSON, "url": url, "base_url": baseURL, "walk": walk, "drop": drop, "self": self,
	// an object of a shape with that entity
	"user": walk, "group": walk, "space": walk, "content": walk,
}

func parseField(s rules.FieldSpec) (field, error) {
	w := strings.TrimSpace(string(s))
	if o, ok := words[w]; ok {
		return field{op: o}, nil
	}
	if strings.HasPrefix(w, "$") && len(w) > 1 {
		return field{op: text, text: w[1:]}, nil
	}
	if in, ok := strings.CutPrefix(w, "["); ok {
		w = strings.TrimSuffix(in, "]")
	}
	if a, ok := rules.ParseAttr(w); ok {
		return field{op: attrOf, attr: a}, nil
	}
	name, arg, ok := strings.Cut(strings.TrimSuffix(w, ")"), "(")
	if !ok || !strings.HasSuffix(w, ")") {
		return field{}, fmt.Errorf("unknown kind of field %q", s)
	}
	switch name {
	case "dict", "dict_value":
		a, ok := rules.ParseAttr(arg)
		if !ok {
			return field{}, fmt.Errorf("unknown attribute %q in %q", arg, s)
		}
		f := field{op: dict, attr: a}
		if name == "dict_value" {
			f.op = dictValue
		}
		return f, nil
	case "count":
		p, err := parsePath(arg)
		return field{op: count, path: p}, err
	}
	return field{}, fmt.Errorf("unknown kind of field %q", s)
}

func (p *Program) shape(in *rules.Shape) (*shape, error) {
	s := &shape{inList: in.InList, under: in.Where.Under}
	switch in.Entity {
	case "user":
		s.kind = rules.User
	case "group":
		s.kind = rules.Group
	case "space":
		s.kind = rules.Space
	case "content":
		s.kind = rules.Content
	}
	for _, k := range in.Where.Has {
		s.has = append(s.has, p.intern(k))
	}
	for _, k := range in.Where.Any {
		s.any = append(s.any, p.intern(k))
	}
	for _, k := range in.Where.Lacks {
		s.lacks = append(s.lacks, p.intern(k))
	}
	implied := map[int32]field{}
	for k, v := range in.Where.Is {
		id := p.intern(k)
		s.is = append(s.is, isCond{id, strings.Split(v, "|")})
		implied[id] = field{op: keep}
	}
	if len(s.has)+len(s.any)+len(s.is)+len(s.under) == 0 {
		return nil, fmt.Errorf("where: needs has, any, is or under")
	}
	for k, v := range in.Keys {
		kp, err := keyOf(s.kind, k, v)
		if err != nil {
			return nil, err
		}
		s.keys = append(s.keys, kp)
		if len(kp.path) == 1 {
			f := field{op: keep}
			if kp.url {
				f.op = url
			}
			implied[p.intern(kp.path[0].name)] = f
		} else if len(kp.path) > 1 {
			if id := p.intern(kp.path[0].name); implied[id].op == unknown {
				implied[id] = field{op: walk}
			}
		}
	}
	var err error
	if s.decided, err = p.places(in.DecidedBy, implied); err != nil {
		return nil, fmt.Errorf("decided_by: %w", err)
	}
	if s.also, err = p.places(in.Also, implied); err != nil {
		return nil, fmt.Errorf("also: %w", err)
	}
	s.decides = len(s.keys)+len(s.decided) > 0
	if in.DropIfEmpty != "" {
		s.ifEmpty = p.intern(in.DropIfEmpty)
		implied[s.ifEmpty] = field{op: walk}
	}
	for k, v := range in.Fields {
		f, err := parseField(v)
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", k, err)
		}
		implied[p.intern(k)] = f
	}
	s.fields = implied
	switch in.Hidden {
	case "", "remove":
	case "placeholder":
		s.hold = true
		if s.placeholder, err = parsePlaceholder(in.Placeholder); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("hidden: %q is neither remove nor placeholder", in.Hidden)
	}
	switch in.InList {
	case "", "each", "once", "remove":
	default:
		return nil, fmt.Errorf("in_list: %q is not each, once or remove", in.InList)
	}
	switch ctx, where, _ := strings.Cut(in.Context, ":"); strings.TrimSpace(ctx) {
	case "", "global":
		s.context = in.Context
	case "space":
		s.context = "space"
		if s.space, err = parsePath(strings.TrimSpace(where)); err != nil {
			return nil, fmt.Errorf("context: %w", err)
		}
	default:
		return nil, fmt.Errorf("context: %q is neither global nor space: PATH", in.Context)
	}
	return s, nil
}

// keyOf reads one entry of a shape's keys.
func keyOf(k rules.EntityKind, name, where string) (keyPlace, error) {
	p, err := parsePath(where)
	if err != nil {
		return keyPlace{}, fmt.Errorf("keys: %w", err)
	}
	kp := keyPlace{path: p}
	switch {
	case name == "url" || strings.HasSuffix(name, "_url"):
		kp.url = true
		return kp, nil
	case name == "revision":
		kp.attr = rules.RevisionID
	case k == rules.Content && (name == "space" || name == "space_key"):
		kp.attr, kp.qualifies = rules.SpaceKey, true
	case k == rules.Content && name == "space_id":
		kp.attr, kp.qualifies = rules.SpaceID, true
	case k == rules.Content && name == "space_name":
		kp.attr, kp.qualifies = rules.SpaceName, true
	default:
		a, ok := rules.ParseAttr(name)
		if !ok {
			a, ok = rules.ParseAttr(k.String() + "." + name)
		}
		if !ok {
			return kp, fmt.Errorf("keys: %q is no attribute of %s", name, k)
		}
		kp.attr = a
	}
	return kp, nil
}

func (p *Program) places(in []rules.Place, implied map[int32]field) ([]place, error) {
	var out []place
	for _, pl := range in {
		at, err := parsePath(pl.At)
		if err != nil {
			return nil, err
		}
		o := place{path: at}
		f := field{op: walk}
		switch pl.As {
		case "":
		case "url":
			o.url, f.op = true, url
		default:
			a, ok := rules.ParseAttr(pl.As)
			if !ok {
				return nil, fmt.Errorf("%q is no attribute", pl.As)
			}
			o.as, f.op = a, keep
		}
		out = append(out, o)
		if len(at) == 0 {
			continue
		}
		if len(at) > 1 {
			f.op = walk
		}
		if id := p.intern(at[0].name); implied[id].op == unknown {
			implied[id] = f
		}
	}
	return out, nil
}

var textName = regexp.MustCompile(`\$[a-z_]+`)

// parsePlaceholder splits the JSON text at its $names and checks that what
// comes of it is JSON.
func parsePlaceholder(s string) ([]piece, error) {
	if s == "" {
		return nil, fmt.Errorf("hidden: placeholder, but no placeholder is given")
	}
	var out []piece
	at := 0
	for _, m := range textName.FindAllStringIndex(s, -1) {
		out = append(out, piece{lit: s[at:m[0]]}, piece{name: s[m[0]+1 : m[1]]})
		at = m[1]
	}
	out = append(out, piece{lit: s[at:]})
	var t tape
	if err := t.read([]byte(fill(out, nil)), nil); err != nil {
		return nil, fmt.Errorf("placeholder: %w", err)
	}
	return out, nil
}

// fill puts texts, escaped for use within a JSON string, into a placeholder.
func fill(ps []piece, texts map[string]string) string {
	var b strings.Builder
	for _, p := range ps {
		if p.name == "" {
			b.WriteString(p.lit)
			continue
		}
		q := quote(texts[p.name])
		b.WriteString(q[1 : len(q)-1])
	}
	return b.String()
}

// compileRoute reads a route's response and page, once.
func (p *Program) compileRoute(in *Input) (*route, error) {
	if len(in.Pages) > 0 {
		pages := in.Pages
		if in.Page != nil && !slices.Contains(pages, in.Page) {
			pages = append([]*rules.PageSpec{in.Page}, pages...)
		}
		r, err := newRoute(in.Response, pages...)
		if err != nil {
			return nil, fmt.Errorf("response: %w", err)
		}
		return r, nil
	}
	key := routeKey{in.Response, in.Page}
	if r, ok := p.routes.Load(key); ok {
		return r.(*route), nil
	}
	r, err := newRoute(in.Response, in.Page)
	if err != nil {
		return nil, fmt.Errorf("response: %w", err)
	}
	p.routes.Store(key, r)
	return r, nil
}

func newRoute(rs *rules.ResponseSpec, pages ...*rules.PageSpec) (*route, error) {
	r := &route{}
	add := func(at string, f field) error {
		if at == "" {
			return nil
		}
		pa, err := parsePath(at)
		r.paths = append(r.paths, pathField{pa, f})
		return err
	}
	if rs != nil {
		r.keepUnknown = rs.Unknown == "keep"
		r.negative = rs.Renumber == "negative"
		if err := r.addFields(rs.Fields, add); err != nil {
			return nil, err
		}
		for at, attr := range rs.Dict {
			a, ok := rules.ParseAttr(attr)
			if !ok {
				return nil, fmt.Errorf("dict %q: unknown attribute %q", at, attr)
			}
			if err := add(at, field{op: dict, attr: a, neg: r.negative}); err != nil {
				return nil, err
			}
		}
		for _, at := range rs.Parallel {
			pa, err := parsePath(at)
			if err != nil {
				return nil, err
			}
			r.parallel = append(r.parallel, pa)
		}
		for as, at := range rs.Subject {
			pa, err := parsePath(at)
			if err != nil {
				return nil, err
			}
			pl := place{path: pa, url: as == "url"}
			if !pl.url {
				a, ok := rules.ParseAttr(as)
				if !ok {
					return nil, fmt.Errorf("subject: unknown attribute %q", as)
				}
				pl.as = a
			}
			r.subject = append(r.subject, pl)
		}
		for _, at := range rs.Drop {
			if err := add(at, field{op: drop}); err != nil {
				return nil, err
			}
		}
	}
	if len(r.parallel) > 0 && len(r.subject) == 0 {
		return nil, fmt.Errorf("parallel arrays without a subject")
	}
	for _, ps := range pages {
		if ps == nil || strings.ContainsAny(ps.Items, " >[:") {
			continue // a selector: the page of another format of this route
		}
		if err := r.addPage(ps, add); err != nil {
			return nil, fmt.Errorf("page: %w", err)
		}
	}
	return r, nil
}

func (r *route) addPage(ps *rules.PageSpec, add func(string, field) error) error {
	items, err := parsePath(ps.Items)
	if err != nil {
		return err
	}
	list := len(r.lists)
	if ps.Items != "" {
		r.lists = append(r.lists, items)
	}
	if err := add(ps.Size, field{op: size, list: list}); err != nil {
		return err
	}
	if ps.Total != nil {
		f := field{op: drop}
		switch ps.Total.Rule {
		case "count":
			f = field{op: total, list: list}
		case "exact":
			f.op = plain
		}
		if err := add(ps.Total.At, f); err != nil {
			return err
		}
	}
	if err := add(ps.Next, field{op: next, text: ps.Start}); err != nil {
		return err
	}
	return add(ps.Prev, field{op: next, text: ps.Start, back: true})
}

var pathLike = regexp.MustCompile(`^[0-9]+$|[.#*]`)

func (r *route) addFields(in map[string]rules.FieldSpec, add func(string, field) error) error {
	for k, v := range in {
		if k == "*" {
			r.keepUnknown = r.keepUnknown || v == "keep"
			continue
		}
		f, err := parseField(v)
		if err != nil {
			return fmt.Errorf("field %q: %w", k, err)
		}
		if pathLike.MatchString(k) {
			if err := add(k, f); err != nil {
				return err
			}
			continue
		}
		if r.fields == nil {
			r.fields = make(map[string]field, len(in))
		}
		r.fields[k] = f
	}
	return nil
}

// Input is what one document is judged with.
type Input struct {
	Judge    edit.Judge
	Response *rules.ResponseSpec
	Page     *rules.PageSpec
	// Pages are the pages of an answer to a request of several parts; Response
	// and Pages are then taken to be made for this request alone.
	Pages []*rules.PageSpec
	// Texts are the view's: hidden_user, self_name and so on.
	Texts map[string]string
	// Evidence lists the probes to look for; those not beginning with "body:"
	// are another leaf's.
	Evidence []string
	// Inner rewrites what strings hold: html, xhtml, wikitext. It returns its
	// argument's bytes unchanged if there was nothing to cut, and an empty
	// result if the whole must go. Without it such strings go.
	Inner func(codec string, src []byte) ([]byte, error)
	// Space resolves a space's key for shapes with a context of their own.
	Space func(key string) (rules.ID, bool)
	// Title makes a key of a title that carries its space in itself; nil, or
	// not ok: the title is the key's value as it stands.
	Title func(raw string) (rules.Key, bool)
	// Seal gives the token for what the wiki wants to be sent, in a parameter,
	// to go on with the list; "" if there is none. ok is unset for parameters
	// that do not say where a list goes on. Nil: tokens that could name
	// something go.
	Seal func(param, value string) (token string, ok bool)
	// Window, if set, cuts the page's list to a part.
	Window *edit.Window
	// Keep lets members that nothing names stay, as Response.Unknown "keep".
	Keep bool

	depth  int
	fields map[string]field // of the outer document, or of a script island
}

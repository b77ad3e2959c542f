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
	"maps"
	"slices"
	"sync"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// Program is a profile's fields and shapes, compiled. It is immutable but for
// caches and scratch memory, and safe for concurrent use.
type Program struct {
	names  map[string]int32 // member names that fields, shapes and routes speak of, numbered from 1
	table  nameTable        // the same, for bytes of a document; empty while compiling
	bits   []uint16         // by number: 1 + the bit in a keySet, of names that shapes look for
	fields []*field         // by number; unknown where nothing is said
	shapes []*shape
	held   []*shape // those with a placeholder

	routes sync.Map // routeKey -> *route, of routes that do not change
	probes sync.Map // evidence -> path
	runs   edit.Pool[run]
}

type routeKey struct {
	r *rules.ResponseSpec
	p *rules.PageSpec
}

// Compile reads a profile's fields and shapes.
func Compile(p *rules.Profile) (*Program, error) {
	pr := &Program{names: make(map[string]int32)}
	said := make(map[int32]*field, len(p.Fields))
	for _, k := range slices.Sorted(maps.Keys(p.Fields)) {
		f, err := pr.parseField(p.Fields[k])
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", k, err)
		}
		said[pr.id(k)] = &f
	}
	for i := range p.Shapes {
		s, err := pr.shape(&p.Shapes[i])
		if err != nil {
			return nil, p.Fault("shapes", i, err) //nolint:wrapcheck // has its place
		}
		s.index = i
		pr.shapes = append(pr.shapes, s)
		if s.hold {
			pr.held = append(pr.held, s)
		}
	}
	for i := range p.Routes {
		pr.nameRoute(&p.Routes[i])
	}
	for i := range p.Scripts {
		for _, k := range slices.Sorted(maps.Keys(p.Scripts[i].JSON)) {
			_, _ = pr.newRoute(&rules.ResponseSpec{Fields: p.Scripts[i].JSON[k]})
		}
	}
	if len(pr.names) > maxNames || len(pr.shapes) > maxShapes {
		return nil, fmt.Errorf("more than %d names of members, or more than %d shapes", maxNames, maxShapes)
	}
	pr.table = newNameTable(pr.names)
	pr.fields = byNumber(said, len(pr.names), &unknownField)
	for _, s := range pr.shapes {
		s.fields = byNumber(s.said, len(pr.names), nil)
	}
	if err := pr.bitsOfShapes(); err != nil {
		return nil, err
	}
	return pr, nil
}

// id gives a name's number. While the program is compiled, it gives it one.
func (p *Program) id(name string) int32 {
	id, ok := p.names[name]
	if !ok && p.table.entries == nil {
		id = int32(len(p.names) + 1)
		p.names[name] = id
	}
	return id
}

// nameRoute numbers the names that a route speaks of: they are then found as
// fast as the profile's. What is wrong with the route is said when it is used.
func (p *Program) nameRoute(r *rules.RouteSpec) {
	if r.Response != nil || r.Page != nil {
		_, _ = p.newRoute(r.Response, r.Page)
	}
	for _, in := range [...]map[string]rules.RouteSpec{r.Variants, r.Part} {
		for _, k := range slices.Sorted(maps.Keys(in)) {
			sub := in[k]
			p.nameRoute(&sub)
		}
	}
}

// byNumber makes a table of what is said of names; of others, rest.
func byNumber(said map[int32]*field, names int, rest *field) []*field {
	t := make([]*field, names+1)
	for i := range t {
		t[i] = rest
	}
	for id, f := range said {
		t[id] = f
	}
	return t
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
	// Own: the wiki knows who looks, so that its tokens are his.
	Own bool
	// Keep lets members that nothing names stay, as Response.Unknown "keep".
	Keep bool

	depth int
	outer *route // of the document in whose string this one stands
}

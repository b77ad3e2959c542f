package jsonrewrite

import (
	"fmt"
	"strings"

	"github.com/postern-gateway/postern/rules"
)

// op is what is done with a member.
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
	token
	text
	count
	next  // page: URL or token of the next page
	total // page: number of visible items
	size  // page: number of items here
	keep  // judged elsewhere: an entity's own key, a discriminator
)

// field is what a member is.
type field struct {
	op   op
	attr rules.Attr
	text string
	path path
	list int  // size, total: of which of the route's lists
	neg  bool // dict: negative names are made up and numbered anew
	back bool // next: to the page before
	full bool // a container that leaves with the last of what it held
}

// Fields that are not of a profile.
var (
	unknownField = field{}
	walkField    = field{op: walk}
	titleField   = field{op: title}
	urlField     = field{op: url}
)

var words = map[string]op{
	"plain": plain, "prose": prose, "title": title, "html": html, "xhtml": xhtml,
	"wikitext": wikitext, "json": inJSON, "url": url, "base_url": baseURL, "walk": walk, "drop": drop, "self": self, "token": token,
	// an object of a shape with that entity
	"user": walk, "group": walk, "space": walk, "content": walk,
}

// parseField reads what a profile says that a member is.
func (p *Program) parseField(s rules.FieldSpec) (field, error) {
	w := strings.TrimSpace(string(s))
	if o, ok := words[w]; ok {
		return field{op: o}, nil
	}
	if w == "filled" {
		return field{op: walk, full: true}, nil
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
		at, err := p.parsePath(arg)
		return field{op: count, path: at}, err
	}
	return field{}, fmt.Errorf("unknown kind of field %q", s)
}

package rules

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The types of a profile that have a short form in YAML read it here.

// UnmarshalNode reads a place: a bare string (a member, a selector), or a
// mapping of one pair whose key says what the place holds ("url", a markup or
// an attribute).
func (p *Place) UnmarshalNode(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return decodeNode(n, &p.At)
	}
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 {
		return at(n, "want a place: a text, or one pair such as {url: …} or {content.id: …}")
	}
	as := n.Content[0].Value
	if a, ok := usualAttrs[as]; ok {
		as = a.String()
	}
	if as != "url" && as != "wikitext" && as != "xhtml" {
		if _, ok := ParseAttr(as); !ok {
			return at(n.Content[0], "%q is neither url, wikitext or xhtml nor an attribute%s", as, suggest(as, attrWords()))
		}
	}
	p.As = as
	return decodeNode(n.Content[1], &p.At)
}

// usualAttrs are what an entity's bare name stands for where a place or a
// query's field says what it holds.
var usualAttrs = map[string]Attr{"content": ContentTitle, "space": SpaceKey, "user": UserName, "group": GroupName}

// UnmarshalNode reads one place or a list of places.
func (s *EvidenceSpec) UnmarshalNode(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		return decodeNode(n, (*[]EvidencePlace)(s))
	}
	var one EvidencePlace
	if err := decodeNode(n, &one); err != nil {
		return err
	}
	*s = EvidenceSpec{one}
	return nil
}

// UnmarshalNode reads a bare place, {at: …, attr: …}, or one pair whose key is
// the attribute, or url: {content.title: …}.
func (e *EvidencePlace) UnmarshalNode(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return decodeNode(n, &e.At)
	}
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 {
		if _, ok := ParseAttr(n.Content[0].Value); ok || n.Content[0].Value == "url" {
			e.Attr = n.Content[0].Value
			return decodeNode(n.Content[1], &e.At)
		}
	}
	type plain EvidencePlace
	if err := decodeNode(n, (*plain)(e)); err != nil {
		return err
	}
	if _, ok := ParseAttr(e.Attr); e.Attr != "" && e.Attr != "url" && !ok {
		return at(n, "%q is no attribute%s", e.Attr, suggest(e.Attr, attrWords()))
	}
	if e.Match == "" {
		return nil
	}
	re, err := regexp.Compile(e.Match)
	if err != nil || re.NumSubexp() < 1 {
		return at(n, "match: want a regular expression with a group, not %q", e.Match)
	}
	e.re = re
	return nil
}

// UnmarshalNode reads {param: P, value: V, below: …} and the short form
// {P: V, below: …}, where V is a value, a list of values, or "present".
func (d *DenySpec) UnmarshalNode(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return at(n, "want a mapping such as {below: user} or {pageVersion: present, below: user}")
	}
	rest := yaml.Node{Kind: n.Kind, Tag: n.Tag, Line: n.Line, Column: n.Column}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		switch key.Value {
		case "param", "value", "below", "identity", "answer":
			rest.Content = append(rest.Content, key, val)
			continue
		}
		if d.Param != "" {
			return at(key, "one parameter a condition; %q is a second one", key.Value)
		}
		d.Param = key.Value
		var many []string
		if val.Kind == yaml.SequenceNode {
			if err := decodeNode(val, &many); err != nil {
				return err
			}
			d.Value = strings.Join(many, "|")
		} else if err := decodeNode(val, &d.Value); err != nil {
			return err
		}
		if d.Value == "present" {
			d.Value = ""
		}
	}
	type plain DenySpec
	if err := decodeNode(&rest, (*plain)(d)); err != nil {
		return err
	}
	if _, ok := ParseRole(d.Below); d.Below != "" && !ok {
		return at(n, "%q is no role; want reader, commenter, user or manager", d.Below)
	}
	if d.Answer != "" && d.Answer != "empty" {
		return at(n, "the answer can only be empty, not %q", d.Answer)
	}
	return nil
}

// UnmarshalNode reads {params: …, headers: …}, or the parameters alone.
func (f *ForceSpec) UnmarshalNode(n *yaml.Node) error {
	long := false
	for i := 0; i+1 < len(n.Content); i += 2 {
		long = long || n.Kind == yaml.MappingNode && slices.Contains([]string{"params", "headers"}, n.Content[i].Value) &&
			n.Content[i+1].Kind != yaml.ScalarNode
	}
	if !long {
		return decodeNode(n, &f.Params)
	}
	type plain ForceSpec
	return decodeNode(n, (*plain)(f))
}

// UnmarshalNode reads a body, the word none, or the short form of one that is a
// form with markup in it.
func (b *BodySpec) UnmarshalNode(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		if n.Value != "none" {
			return at(n, "%q is no body; want none, or a mapping with type: json or form", n.Value)
		}
		b.Type = n.Value
		return nil
	}
	type plain BodySpec
	if err := decodeNode(n, (*plain)(b)); err != nil {
		return err
	}
	if b.Markup == "" {
		if b.Codec != "" || b.Text != "" || len(b.Tokens) > 0 {
			return at(n, "codec, text and tokens are short forms beside markup: FIELD")
		}
		return nil
	}
	if b.Type != "" && b.Type != "form" {
		return at(n, "markup: is short for a form's fields")
	}
	b.Type = "form"
	short := map[string]string{b.Markup: "markup(" + b.Codec + ")"}
	if b.Text != "" {
		short[b.Text] = short[b.Markup]
	}
	for _, name := range b.Tokens {
		short[name] = "token"
	}
	for name, typ := range short {
		if _, twice := b.Fields[name]; twice {
			return at(n, "%q stands under fields as well", name)
		}
		copyInto(&b.Fields, map[string]string{name: typ})
	}
	return nil
}

// UnmarshalNode reads a narrowing, or the word visible alone.
func (s *NarrowSpec) UnmarshalNode(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		if err := decodeNode(n, &s.To); err != nil {
			return err
		}
	} else {
		type plain NarrowSpec
		if err := decodeNode(n, (*plain)(s)); err != nil {
			return err
		}
	}
	if s.To == "" {
		s.To = "visible"
		if s.Codec != "" || len(s.And)+len(s.Fields) > 0 {
			s.To = "query"
		}
	}
	if s.To != "visible" && s.To != "query" {
		return at(n, "narrowed to %q; want visible or query", s.To)
	}
	return nil
}

// UnmarshalNode reads an action, or one of the words remove (the element
// itself) and refuse.
func (a *HTMLAction) UnmarshalNode(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		switch n.Value {
		case "remove":
			a.Remove = "self"
		case "refuse":
			a.Refuse = true
		default:
			return at(n, "%q is no action; want remove, refuse, or a mapping such as {remove: self}", n.Value)
		}
		return nil
	}
	type plain HTMLAction
	return decodeNode(n, (*plain)(a))
}

// UnmarshalNode reads a rule; `entity: {user: {name: PLACE}}` is another way to
// write `subject: [{user.name: PLACE}]`.
func (r *HTMLRule) UnmarshalNode(n *yaml.Node) error {
	type plain HTMLRule
	rest := *n
	rest.Content = nil
	var entity *yaml.Node
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "entity" {
			entity = n.Content[i+1]
			continue
		}
		rest.Content = append(rest.Content, n.Content[i], n.Content[i+1])
	}
	if err := decodeNode(&rest, (*plain)(r)); err != nil {
		return err
	}
	if entity == nil {
		return nil
	}
	var kinds map[string]map[string]string
	if err := decodeNode(entity, &kinds); err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		for _, part := range slices.Sorted(maps.Keys(kinds[kind])) {
			as := kind + "." + part
			if _, ok := ParseAttr(as); !ok {
				return at(entity, "%q is no attribute%s", as, suggest(as, attrWords()))
			}
			r.Subject = append(r.Subject, Place{As: as, At: kinds[kind][part]})
		}
	}
	return nil
}

// at makes an error with a node's place.
func at(n *yaml.Node, format string, args ...any) error {
	return &Error{Line: n.Line, Col: n.Column, Msg: fmt.Sprintf(format, args...)}
}

func attrWords() []string { return slices.Sorted(maps.Keys(attrsByName)) }

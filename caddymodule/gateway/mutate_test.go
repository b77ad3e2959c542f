package gateway_test

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// mutant is a profile with one rule less: taken out, or, where the profile's
// default is as strict as the rule, loosened to "plain".
type mutant struct {
	Line   int    // of the rule in the profile's file
	Path   string // html[12].subject[1]
	What   string // "removed", or "plain"
	Rule   string // the rule itself, on one line
	mutate func() (undo func())
}

// mutants lists what can be switched off in a profile's rewriting: shapes,
// fields, selectors, scripts, feeds, prose, identities, headers, and of each
// route its evidence, its response, what it narrows and what it says of
// totals. root is the profile's document; a mutant changes it in place.
func mutants(root *yaml.Node) []mutant {
	m := &mutator{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		name, v := root.Content[i].Value, root.Content[i+1]
		switch name {
		case "fields":
			m.fields(name, v)
		case "shapes":
			m.items(name, v, m.shape)
		case "html", "self":
			m.items(name, v, m.selector)
		case "scripts":
			m.items(name, v, func(path string, n *yaml.Node) {
				if values := member(n, "json"); values != nil {
					m.members(path+".json", values, func(path string, _, v *yaml.Node) { m.fields(path, v) })
				}
			})
		case "feeds":
			m.items(name, v, func(path string, n *yaml.Node) {
				m.keys(path, n, "user_attr", "undecided")
				m.lists(path, n, "subject", "user", "html", "url", "plain", "titles", "drop", "newest")
			})
		case "prose", "identities":
			m.items(name, v, nil)
		case "headers":
			m.lists(name, v, "response", "cookies")
		case "routes", "specials":
			m.route(name, v)
		}
	}
	return m.out
}

type mutator struct{ out []mutant }

func (m *mutator) add(path, what string, n *yaml.Node, mutate func() func()) {
	rule, _ := yaml.Marshal(n)
	text := strings.Trim(strings.Join(strings.Fields(string(rule)), " "), "'")
	m.out = append(m.out, mutant{Line: n.Line, Path: path, What: what, Rule: text, mutate: mutate})
}

// without takes n nodes out of a parent.
func without(parent *yaml.Node, at, n int) func() func() {
	return func() func() {
		was := parent.Content
		parent.Content = slices.Delete(slices.Clone(was), at, at+n)
		return func() { parent.Content = was }
	}
}

func member(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// items makes a mutant of each element of a list, and goes into it.
func (m *mutator) items(path string, list *yaml.Node, into func(string, *yaml.Node)) {
	if list.Kind != yaml.SequenceNode {
		return
	}
	for i, n := range list.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		m.add(at, "removed", n, without(list, i, 1))
		if into != nil {
			into(at, n)
		}
	}
}

func (m *mutator) members(path string, n *yaml.Node, into func(path string, key, v *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		into(path+"."+n.Content[i].Value, n.Content[i], n.Content[i+1])
	}
}

// keys makes a mutant of each of the named members that is there.
func (m *mutator) keys(path string, n *yaml.Node, names ...string) {
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if k := n.Content[i]; slices.Contains(names, k.Value) {
			m.add(path+"."+k.Value, "removed", k, without(n, i, 2))
		}
	}
}

// lists makes mutants of the elements of the named members.
func (m *mutator) lists(path string, n *yaml.Node, names ...string) {
	for _, name := range names {
		if v := member(n, name); v != nil {
			m.items(path+"."+name, v, nil)
		}
	}
}

// fields: what is kept is taken out, and what is judged or goes is kept.
func (m *mutator) fields(path string, fields *yaml.Node) {
	if fields.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(fields.Content); i += 2 {
		k, v := fields.Content[i], fields.Content[i+1]
		switch at := path + "." + k.Value; {
		case v.Kind != yaml.ScalarNode:
		case v.Value == "plain", v.Value == "walk", v.Value == "keep", strings.HasPrefix(v.Value, "count("):
			m.add(at, "removed", k, without(fields, i, 2))
		default:
			m.add(at, "plain", &yaml.Node{Kind: yaml.ScalarNode, Value: k.Value + ": " + v.Value, Line: k.Line}, func() func() {
				was := v.Value
				v.Value = "plain"
				return func() { v.Value = was }
			})
		}
	}
}

func (m *mutator) shape(path string, n *yaml.Node) {
	if v := member(n, "fields"); v != nil {
		m.fields(path+".fields", v)
	}
	if v := member(n, "keys"); v != nil {
		m.members(path+".keys", v, func(at string, k, _ *yaml.Node) { m.keys(strings.TrimSuffix(at, "."+k.Value), v, k.Value) })
	}
	m.keys(path, n, "hidden", "in_list", "drop_if_empty", "join")
	m.lists(path, n, "decided_by", "also", "marks", "prose")
}

// selector makes a mutant of each alternative of a rule, of each subject, and
// of what else it says.
func (m *mutator) selector(path string, n *yaml.Node) {
	if sel := member(n, "select"); sel != nil {
		if parts := splitSelectors(sel.Value); len(parts) > 1 {
			for i, p := range parts {
				m.add(fmt.Sprintf("%s.select[%d]", path, i), "removed", &yaml.Node{Kind: yaml.ScalarNode, Value: p, Line: sel.Line}, func() func() {
					was := sel.Value
					sel.Value = strings.Join(slices.Delete(slices.Clone(parts), i, i+1), ", ")
					return func() { sel.Value = was }
				})
			}
		}
	}
	if s := member(n, "subject"); s != nil && len(s.Content) > 1 {
		m.items(path+".subject", s, nil)
	}
	m.keys(path, n, "undecided", "only")
	if h := member(n, "hidden"); h != nil {
		m.lists(path+".hidden", h, "empties")
		if set := member(h, "set"); set != nil && len(set.Content) > 2 {
			m.members(path+".hidden.set", set, func(at string, k, _ *yaml.Node) { m.keys(strings.TrimSuffix(at, "."+k.Value), set, k.Value) })
		}
	}
}

// splitSelectors splits a selector list at the commas that stand in no bracket.
func splitSelectors(list string) []string {
	var out []string
	depth, quote, from := 0, rune(0), 0
	for i, r := range list {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '"' || r == '\'':
			quote = r
		case r == '(' || r == '[':
			depth++
		case r == ')' || r == ']':
			depth--
		case r == ',' && depth == 0:
			out = append(out, strings.TrimSpace(list[from:i]))
			from = i + 1
		}
	}
	return append(out, strings.TrimSpace(list[from:]))
}

// route looks for what routes, variants, parts and special pages say of answers.
func (m *mutator) route(path string, n *yaml.Node) {
	switch n.Kind {
	case yaml.SequenceNode:
		for i, c := range n.Content {
			m.route(fmt.Sprintf("%s[%d]", path, i), c)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			k, v := n.Content[i], n.Content[i+1]
			switch at := path + "." + k.Value; k.Value {
			case "params", "by", "need", "need_any":
			case "evidence":
				m.keys(path, n, k.Value)
				m.members(at, v, func(at string, k, places *yaml.Node) {
					m.keys(strings.TrimSuffix(at, "."+k.Value), v, k.Value)
					if places.Kind == yaml.SequenceNode && len(places.Content) > 1 {
						m.items(at, places, nil)
					}
				})
			case "narrow", "deny":
				m.keys(path, n, k.Value)
			case "page":
				m.keys(at, v, "total", "next", "prev", "size")
			case "response":
				m.keys(at, v, "dict", "parallel", "subject", "renumber", "codec", "also", "js_json", "empty")
				m.lists(at, v, "drop")
				for _, name := range []string{"fields", "js_json"} {
					if f := member(v, name); f != nil {
						m.fields(at+"."+name, f)
					}
				}
			default:
				m.route(at, v)
			}
		}
	}
}

// inlined is the document with its aliases written out, so that a mutant may
// take away what an alias points to.
func inlined(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return inlined(n.Alias)
	}
	c := *n
	c.Anchor, c.Content = "", make([]*yaml.Node, len(n.Content))
	c.HeadComment, c.LineComment, c.FootComment = "", "", ""
	for i := range n.Content {
		c.Content[i] = inlined(n.Content[i])
	}
	return &c
}

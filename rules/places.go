package rules

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// places finds, for a file's faults, where a key or an entry stands. It is made
// of the file's text when a first fault is told, so that a policy without
// faults keeps neither nodes nor places of single words.
type places struct {
	data     []byte
	root     *yaml.Node
	mappings map[Pos]*yaml.Node // by where they begin
	values   map[Pos]*yaml.Node // by where their key stands
}

func newPlaces(file string, data []byte) *places {
	p := &places{data: data, mappings: map[Pos]*yaml.Node{}, values: map[Pos]*yaml.Node{}}
	if root, err := parseYAML(file, data); err == nil && root != nil {
		p.root = root
		p.walk(root)
	}
	return p
}

func (p *places) walk(n *yaml.Node) {
	if n.Kind == yaml.MappingNode {
		p.mappings[Pos{n.Line, n.Column}] = n
		for i := 0; i+1 < len(n.Content); i += 2 {
			p.values[Pos{n.Content[i].Line, n.Content[i].Column}] = n.Content[i+1]
		}
	}
	for _, c := range n.Content {
		p.walk(c)
	}
}

// node gives what stands under a path of keys and indexes in the mapping that
// begins at a place, or that is the value of the key there; else nil.
func (p *places) node(at Pos, path ...any) *yaml.Node {
	if n := follow(p.mappings[at], path); n != nil {
		return n
	}
	return follow(p.values[at], path)
}

// top is node for the document's own mapping.
func (p *places) top(path ...any) *yaml.Node { return follow(p.root, path) }

// key gives the key at the end of a path from the top.
func (p *places) key(path ...any) *yaml.Node {
	n := p.top(path[:len(path)-1]...)
	if n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	for i := 0; n != nil && n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == path[len(path)-1] {
			return n.Content[i]
		}
	}
	return nil
}

func follow(n *yaml.Node, path []any) *yaml.Node {
	for _, step := range path {
		if n != nil && n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		if n == nil {
			return nil
		}
		var next *yaml.Node
		switch step := step.(type) {
		case int:
			if n.Kind == yaml.SequenceNode && step < len(n.Content) {
				next = n.Content[step]
			}
		case string:
			for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == step {
					next = n.Content[i+1]
					break
				}
			}
		}
		n = next
	}
	return n
}

// direct are the places of a mapping itself, its keys and their values.
func (p *places) direct(at Pos) []Pos {
	out := []Pos{at}
	for _, n := range []*yaml.Node{p.mappings[at], p.values[at]} {
		if n == nil || n.Kind != yaml.MappingNode {
			continue
		}
		out = append(out, Pos{n.Line, n.Column})
		for _, c := range n.Content {
			out = append(out, Pos{c.Line, c.Column})
		}
		break
	}
	return out
}

// inText gives the place of a character of a scalar's value, counted by line
// from 1 and column from 0. Where the value is folded or escaped, that is the
// scalar's own place, and false.
func (p *places) inText(n *yaml.Node, line, col int) (Pos, bool) {
	at := Pos{n.Line, n.Column}
	switch {
	case n.Style&yaml.LiteralStyle != 0:
		first := p.line(n.Line + 1)
		for i := n.Line + 2; len(bytes.TrimSpace(first)) == 0 && i < n.Line+line; i++ {
			first = p.line(i)
		}
		indent := len(first) - len(bytes.TrimLeft(first, " "))
		if col += indent; col > utf8.RuneCount(p.line(n.Line+line)) {
			return at, false // behind the text's last line
		}
		return Pos{n.Line + line, col + 1}, true
	case n.Style&yaml.FoldedStyle != 0 || line != 1:
		return at, false
	}
	text := p.line(n.Line)
	for range n.Column - 1 {
		_, size := utf8.DecodeRune(text)
		text = text[size:]
	}
	quote := 0
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 && len(text) > 0 {
		text, quote = text[1:], 1
	}
	// The value stands there as it is, up to the place that is asked for.
	head := n.Value
	if runes := []rune(head); col < len(runes) {
		head = string(runes[:col])
	}
	if !strings.HasPrefix(string(text), head) {
		return at, false
	}
	return Pos{n.Line, n.Column + quote + col}, true
}

func (p *places) line(n int) []byte {
	rest := p.data
	for i := 1; ; i++ {
		end := bytes.IndexAny(rest, "\r\n")
		if i == n {
			if end >= 0 {
				rest = rest[:end]
			}
			return bytes.TrimPrefix(rest, []byte("\ufeff"))
		}
		if end < 0 {
			return nil
		}
		if rest[end] == '\r' && end+1 < len(rest) && rest[end+1] == '\n' {
			end++
		}
		rest = rest[end+1:]
	}
}

package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// jsonKind is what a JSON value is.
type jsonKind uint8

const (
	jsonNull jsonKind = iota
	jsonObject
	jsonArray
	jsonString
	jsonNumber
	jsonBool
)

// Bounds of a JSON body.
const (
	maxBodyDepth = 32
	maxBodyNodes = 10_000
)

// bodyNode is one value of a JSON body.
type bodyNode struct {
	kind     jsonKind
	value    string   // of a string, decoded; of a number or boolean, as it stands
	names    []string // of an object's members
	children []*bodyNode
}

// parseBody reads a JSON object or array of which no member's name stands
// twice. (RFC 8259; who reads bodies for guard has refused what else could be
// read in two ways.)
func parseBody(src []byte) (*bodyNode, error) {
	p := bodyParser{dec: json.NewDecoder(bytes.NewReader(src))}
	p.dec.UseNumber()
	n, err := p.value(0)
	if err != nil {
		return nil, err
	}
	if _, err := p.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something stands behind the body's value")
	}
	if n.kind != jsonObject && n.kind != jsonArray {
		return nil, errors.New("the body is neither an object nor an array")
	}
	return n, nil
}

type bodyParser struct {
	dec   *json.Decoder
	count int
}

func (p *bodyParser) value(depth int) (*bodyNode, error) {
	if p.count++; p.count > maxBodyNodes || depth > maxBodyDepth {
		return nil, errors.New("the body has too many values, or is nested too deeply")
	}
	tok, err := p.dec.Token()
	if err != nil {
		return nil, fmt.Errorf("reading a value of the body: %w", err)
	}
	switch tok := tok.(type) {
	case json.Delim:
		return p.members(tok, depth)
	case string:
		return &bodyNode{kind: jsonString, value: tok}, nil
	case json.Number:
		return &bodyNode{kind: jsonNumber, value: tok.String()}, nil
	case bool:
		if tok {
			return &bodyNode{kind: jsonBool, value: "true"}, nil
		}
		return &bodyNode{kind: jsonBool, value: "false"}, nil
	}
	return &bodyNode{}, nil
}

func (p *bodyParser) members(open json.Delim, depth int) (*bodyNode, error) {
	n := &bodyNode{kind: jsonArray}
	if open == '{' {
		n.kind = jsonObject
	}
	seen := map[string]bool{}
	for p.dec.More() {
		if n.kind == jsonObject {
			tok, err := p.dec.Token()
			name, ok := tok.(string)
			if err != nil || !ok || seen[name] {
				return nil, errors.New("the body has a member that can't be read, or is there twice")
			}
			seen[name] = true
			n.names = append(n.names, name)
		}
		child, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		n.children = append(n.children, child)
	}
	if _, err := p.dec.Token(); err != nil {
		return nil, fmt.Errorf("reading the end of an object or array: %w", err)
	}
	return n, nil
}

// at gives the first value under a path, in which "#" is every element.
func (n *bodyNode) at(path string) *bodyNode {
	if n == nil || path == "" {
		return n
	}
	name, rest, _ := strings.Cut(path, ".")
	for i, child := range n.children {
		if n.kind == jsonArray && name == "#" || n.kind == jsonObject && n.names[i] == name {
			if found := child.at(rest); found != nil {
				return found
			}
		}
	}
	return nil
}

// text gives the string, number or boolean under a path.
func (n *bodyNode) text(path string) (string, bool) {
	got := n.at(path)
	if got == nil || got.kind != jsonString && got.kind != jsonNumber && got.kind != jsonBool {
		return "", false
	}
	return got.value, true
}

// has says that something stands under a path.
func (n *bodyNode) has(path string) bool {
	got := n.at(path)
	return got != nil && got.kind != jsonNull && (got.kind != jsonString || got.value != "")
}

// append prints the value.
func (n *bodyNode) append(b []byte) []byte {
	switch n.kind {
	case jsonObject, jsonArray:
		marks := "[]"
		if n.kind == jsonObject {
			marks = "{}"
		}
		b = append(b, marks[0])
		for i, child := range n.children {
			if i > 0 {
				b = append(b, ',')
			}
			if n.kind == jsonObject {
				b = append(appendString(b, n.names[i]), ':')
			}
			b = child.append(b)
		}
		return append(b, marks[1])
	case jsonString:
		return appendString(b, n.value)
	case jsonNumber, jsonBool:
		return append(b, n.value...)
	}
	return append(b, "null"...)
}

func appendString(b []byte, s string) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string can always be written
	return append(b, bytes.TrimSuffix(out.Bytes(), []byte("\n"))...)
}

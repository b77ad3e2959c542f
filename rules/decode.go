package rules

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// nodeUnmarshaler is implemented by types that have short forms: a bare string
// where a mapping is meant, and so on. An implementation falls back on
// decodeNode. The errors that it returns need no file name.
type nodeUnmarshaler interface {
	UnmarshalNode(n *yaml.Node) error
}

// decodeYAML reads one YAML document strictly into out, a pointer: unknown and
// duplicate keys, wrong types, foreign tags, merge keys, further documents,
// invalid UTF-8, and whatever is over the bounds are errors with their place.
// Several faults are told at once, as Errors. An empty file leaves out alone.
//
// Struct fields go by their yaml tag, or by their name in lower case; ",inline"
// takes a struct's fields, or in a map every key that nothing else takes.
func decodeYAML(file string, data []byte, out any) error {
	root, err := parseYAML(file, data)
	if err != nil {
		return err
	}
	return decodeRoot(file, root, out)
}

// decodeRoot is decodeYAML for a document that parseYAML has read; nil is the
// empty one.
func decodeRoot(file string, root *yaml.Node, out any) error {
	if root == nil {
		return nil
	}
	d := decoder{file: file}
	d.value(root, reflect.ValueOf(out).Elem())
	return d.errs.err()
}

// decodeNode is decodeYAML for a part of a document; for use in UnmarshalNode.
func decodeNode(n *yaml.Node, out any) error {
	var d decoder
	d.value(n, reflect.ValueOf(out).Elem())
	return d.errs.err()
}

type decoder struct {
	file string
	errs Errors
}

func (d *decoder) fail(n *yaml.Node, format string, args ...any) {
	d.errs.push(d.file, &Error{Line: n.Line, Col: n.Column, Msg: fmt.Sprintf(format, args...)})
}

// value reads n into v, which is settable.
func (d *decoder) value(n *yaml.Node, v reflect.Value) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if v.CanAddr() {
		if u, ok := v.Addr().Interface().(nodeUnmarshaler); ok {
			if err := u.UnmarshalNode(n); err != nil {
				d.errs.add(d.file, Pos{n.Line, n.Column}, err)
			}
			return
		}
	}
	if n.Tag != "" && !plainTag(n.ShortTag()) {
		d.fail(n, "the tag %s is not understood here", n.Tag)
		return
	}
	if v.Kind() == reflect.Pointer {
		if isNull(n) {
			return
		}
		p := reflect.New(v.Type().Elem())
		d.value(n, p.Elem())
		v.Set(p)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v)
	case reflect.Map:
		d.mapping(n, v)
	case reflect.Slice:
		d.sequence(n, v)
	case reflect.Interface:
		if x := d.anything(n); x != nil {
			v.Set(reflect.ValueOf(x))
		}
	default:
		d.scalar(n, v)
	}
}

func plainTag(t string) bool {
	switch t {
	case "!!str", "!!int", "!!float", "!!bool", "!!null", "!!map", "!!seq", "!!timestamp", "!!merge":
		return true
	}
	return false
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// pairs calls f for every key of a mapping, after checking that keys are plain
// and stand once only.
func (d *decoder) pairs(n *yaml.Node, f func(key, val *yaml.Node)) {
	lines := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		switch {
		case key.Kind != yaml.ScalarNode:
			d.fail(key, "a key must be plain text")
			continue
		case key.ShortTag() == "!!merge":
			d.fail(key, "merge keys (<<) are not understood here; write the keys out")
			continue
		}
		if line, ok := lines[key.Value]; ok {
			d.fail(key, "the key %q stands here twice, first in line %d", key.Value, line)
			continue
		}
		lines[key.Value] = key.Line
		f(key, val)
	}
}

func (d *decoder) structure(n *yaml.Node, v reflect.Value) {
	info := structInfoOf(v.Type())
	if info.pos != nil {
		v.FieldByIndex(info.pos).Set(reflect.ValueOf(Pos{n.Line, n.Column}))
	}
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fail(n, "want a mapping (%s), got %s", wordList(info.names), describe(n))
		return
	}
	d.pairs(n, func(key, val *yaml.Node) {
		if index, ok := info.fields[key.Value]; ok {
			d.value(val, v.FieldByIndex(index))
			return
		}
		if info.rest == nil {
			d.fail(key, "unknown key %q%s", key.Value, suggest(key.Value, info.names))
			return
		}
		rest := v.FieldByIndex(info.rest)
		if rest.IsNil() {
			rest.Set(reflect.MakeMap(rest.Type()))
		}
		d.member(key, val, rest)
	})
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.fail(n, "want a mapping, got %s", describe(n))
		return
	}
	v.Set(reflect.MakeMapWithSize(v.Type(), len(n.Content)/2))
	d.pairs(n, func(key, val *yaml.Node) { d.member(key, val, v) })
}

func (d *decoder) member(key, val *yaml.Node, m reflect.Value) {
	elem := reflect.New(m.Type().Elem()).Elem()
	d.value(val, elem)
	m.SetMapIndex(reflect.ValueOf(key.Value).Convert(m.Type().Key()), elem)
}

// sequence reads a list. A single scalar or mapping is no short form of a list
// unless the type says so in UnmarshalNode.
func (d *decoder) sequence(n *yaml.Node, v reflect.Value) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.fail(n, "want a list, got %s", describe(n))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, c := range n.Content {
		d.value(c, out.Index(i))
	}
	v.Set(out)
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.ScalarNode {
		d.fail(n, "want %s, got %s", typeWord(v.Type()), describe(n))
		return
	}
	switch v.Kind() {
	case reflect.String:
		if isNull(n) {
			d.fail(n, "want text, got nothing (write \"\" for the empty text)")
			return
		}
		v.SetString(n.Value)
		return
	case reflect.Bool:
		if n.ShortTag() == "!!bool" {
			v.SetBool(strings.EqualFold(n.Value, "true"))
			return
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		if n.ShortTag() == "!!int" {
			if i, err := strconv.ParseInt(n.Value, 10, 64); err == nil && !v.OverflowInt(i) {
				v.SetInt(i)
				return
			}
		}
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if n.ShortTag() == "!!int" {
			if i, err := strconv.ParseUint(n.Value, 10, 64); err == nil && !v.OverflowUint(i) {
				v.SetUint(i)
				return
			}
		}
	case reflect.Float32, reflect.Float64:
		if t := n.ShortTag(); t == "!!int" || t == "!!float" {
			if f, err := strconv.ParseFloat(n.Value, 64); err == nil {
				v.SetFloat(f)
				return
			}
		}
	}
	hint := ""
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		hint = "; quotes make it a text"
	}
	d.fail(n, "want %s, got %s%s", typeWord(v.Type()), describe(n), hint)
}

// anything reads a node into plain Go values: map[string]any, []any, string,
// int64, float64, bool or nil.
func (d *decoder) anything(n *yaml.Node) any {
	switch n.Kind {
	case yaml.AliasNode:
		return d.anything(n.Alias)
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		d.pairs(n, func(key, val *yaml.Node) { m[key.Value] = d.anything(val) })
		return m
	case yaml.SequenceNode:
		s := make([]any, len(n.Content))
		for i, c := range n.Content {
			s[i] = d.anything(c)
		}
		return s
	}
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int":
		if i, err := strconv.ParseInt(n.Value, 10, 64); err == nil {
			return i
		}
	case "!!float":
		if f, err := strconv.ParseFloat(n.Value, 64); err == nil {
			return f
		}
	}
	return n.Value
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return describe(n.Alias)
	}
	switch {
	case isNull(n):
		return "nothing"
	case len(n.Value) > 40:
		return "a long text"
	}
	return strconv.Quote(n.Value)
}

func typeWord(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a whole number"
}

func wordList(words []string) string {
	if len(words) > 6 {
		return strings.Join(words[:6], ", ") + ", …"
	}
	return strings.Join(words, ", ")
}

package rules

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Bounds on rule files. They are far above what people write and low enough
// that no file can make loading slow.
const (
	maxFileSize = 1 << 20
	maxDepth    = 64
	maxNodes    = 400_000 // after expansion of aliases
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
	if err != nil || root == nil {
		return err
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

// parseYAML gives the document's root node, with aliases counted and bounded;
// nil for an empty document.
func parseYAML(file string, data []byte) (*yaml.Node, error) {
	fail := func(line, col int, format string, args ...any) (*yaml.Node, error) {
		return nil, Errors{{File: file, Line: line, Col: col, Msg: fmt.Sprintf(format, args...)}}
	}
	if len(data) > maxFileSize {
		return fail(0, 0, "the file is larger than %d bytes", maxFileSize)
	}
	if i := invalidUTF8(data); i >= 0 {
		line, col := place(data, i)
		return fail(line, col, "not valid UTF-8")
	}
	dec := yaml.NewDecoder(strings.NewReader(string(data)))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if err.Error() == "EOF" {
			return nil, nil
		}
		line, msg := syntaxError(data, err)
		return fail(line, 1, "%s", msg)
	}
	var second yaml.Node
	if err := dec.Decode(&second); err == nil {
		return fail(second.Line, second.Column, "a second document in the file; write one file for each")
	} else if err.Error() != "EOF" {
		line, msg := syntaxError(data, err)
		return fail(line, 1, "%s", msg)
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil, nil
	}
	m := measure{seen: map[*yaml.Node]int{}}
	if n, msg := m.count(doc.Content[0], 0); msg != "" {
		return fail(n.Line, n.Column, "%s", msg)
	}
	return doc.Content[0], nil
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}

func place(data []byte, off int) (line, col int) {
	before := string(data[:off])
	line = 1 + strings.Count(before, "\n")
	return line, 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
}

var syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntaxError reads place and text out of the parser's error, and says so where
// a tab is the likely cause.
func syntaxError(data []byte, err error) (int, string) {
	text := err.Error()
	m := syntaxLine.FindStringSubmatch(text)
	line := 1
	if m != nil {
		text = text[len(m[0]):]
		if m[1] != "" {
			line, _ = strconv.Atoi(m[1])
		}
	}
	lines := strings.Split(string(data), "\n")
	for _, i := range []int{line - 1, line} {
		if i < 0 || i >= len(lines) {
			continue
		}
		indent := lines[i][:len(lines[i])-len(strings.TrimLeft(lines[i], " \t"))]
		if strings.Contains(indent, "\t") {
			return i + 1, "a tab indents this line; YAML wants spaces"
		}
	}
	return line, "not YAML: " + text
}

// measure counts nodes with aliases expanded, without expanding them.
type measure struct{ seen map[*yaml.Node]int }

func (m *measure) count(n *yaml.Node, depth int) (at *yaml.Node, msg string) {
	size, at, msg := m.size(n, depth)
	if msg == "" && size > maxNodes {
		return n, "the file is too large once its aliases are expanded"
	}
	return at, msg
}

func (m *measure) size(n *yaml.Node, depth int) (int, *yaml.Node, string) {
	if depth > maxDepth {
		return 0, n, fmt.Sprintf("nested deeper than %d levels", maxDepth)
	}
	if n.Kind == yaml.AliasNode {
		if size, ok := m.seen[n.Alias]; ok && size < 0 {
			return 0, n, fmt.Sprintf("the alias %q contains itself", n.Value)
		}
		return m.size(n.Alias, depth+1)
	}
	m.seen[n] = -1
	total := 1
	for _, c := range n.Content {
		size, at, msg := m.size(c, depth+1)
		if msg != "" {
			return 0, at, msg
		}
		if total += size; total > maxNodes {
			return 0, c, "the file is too large once its aliases are expanded"
		}
	}
	m.seen[n] = total
	return total, nil, ""
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
	d.fail(n, "want %s, got %s", typeWord(v.Type()), describe(n))
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

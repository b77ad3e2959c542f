package rules

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Bounds on rule files. They are far above what people write, leave room for
// what programs write (10,000 spaces with 50,000 members in one file), and are
// low enough that no file can make loading slow: a file is never read further
// than maxFileSize, and the parser, which needs a hundred times a value's
// bytes, is not given what could hold more than maxNodes values.
const (
	maxFileSize = 8 << 20
	maxTotal    = 64 << 20  // of all rule files of a site
	maxNodes    = 1_000_000 // after expansion of aliases
	maxDepth    = 64
)

// parseYAML gives the document's root node, with aliases counted and bounded;
// nil for an empty document.
func parseYAML(file string, data []byte) (*yaml.Node, error) {
	fail := func(line, col int, format string, args ...any) (*yaml.Node, error) {
		return nil, Errors{{File: file, Line: line, Col: col, Msg: fmt.Sprintf(format, args...)}}
	}
	if len(data) > maxFileSize {
		return fail(0, 0, "the file is larger than %d bytes", maxFileSize)
	}
	if off, why := badText(data); why != "" {
		line, col := place(data, off)
		return fail(line, col, "%s", why)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc, second yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if err.Error() == "EOF" {
			return nil, nil
		}
		at, msg := syntaxError(data, err)
		return fail(at.Line, at.Col, "%s", msg)
	}
	if err := dec.Decode(&second); err == nil {
		return fail(second.Line, max(second.Column, 1), "a second document in the file; write one file for each")
	} else if err.Error() != "EOF" {
		at, msg := syntaxError(data, err)
		return fail(at.Line, at.Col, "%s", msg)
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 || isNull(doc.Content[0]) {
		return nil, nil
	}
	m := measure{inside: map[*yaml.Node]bool{}}
	if n, msg := m.count(doc.Content[0], 0); msg != "" {
		return fail(n.Line, n.Column, "%s", msg)
	}
	return doc.Content[0], nil
}

// badText finds what no rule file holds, before the parser sees it: invalid
// UTF-8, control characters, and more entries than a file may have.
func badText(data []byte) (off int, why string) {
	marks := 0
	for i := 0; i < len(data); {
		switch c := data[i]; {
		case c == '\n' || c == ',' || c == ':' || c == '[' || c == '{':
			if marks++; marks > maxNodes { // each value but the first stands behind one
				return i, fmt.Sprintf("the file is too large: it could hold more than %d values", maxNodes)
			}
		case c < ' ' && c != '\t' && c != '\r' || c == 0x7f:
			return i, fmt.Sprintf("a control character stands here (U+%04X)", c)
		case c >= utf8.RuneSelf:
			r, n := utf8.DecodeRune(data[i:])
			switch {
			case r == utf8.RuneError && n == 1 && i < 2 && (c == 0xff || c == 0xfe):
				return i, "not valid UTF-8 (UTF-16, it seems: save the file as UTF-8)"
			case r == utf8.RuneError && n == 1:
				return i, "not valid UTF-8"
			case r < 0xa0 && r != 0x85 || r == 0xfffe || r == 0xffff:
				return i, fmt.Sprintf("a control character stands here (U+%04X)", r)
			}
			i += n
			continue
		}
		i++
	}
	return 0, ""
}

// place gives line and column of a byte; lines end as YAML's do.
func place(data []byte, off int) (line, col int) {
	line, start := 1, 0
	for i := range off {
		if data[i] == '\n' || data[i] == '\r' && (i+1 == len(data) || data[i+1] != '\n') {
			line, start = line+1, i+1
		}
	}
	return line, 1 + utf8.RuneCount(bytes.TrimPrefix(data[start:off], []byte("\ufeff")))
}

var (
	syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)
	// fromParser are those of the library's errors that count lines from 0; its
	// scanner's count from 1.
	fromParser    = regexp.MustCompile(`^(did not find expected (<document|node|'-'|key|',')|found (incompatible|duplicate|undefined))`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
	lineEnd       = regexp.MustCompile("\r\n|\n|\r")
)

// hints say what is most often behind an error of the parser.
var hints = []struct{ has, hint string }{
	{"cannot start any token", "; quote a text that begins with @, `, % or a tab"},
	{"alphabetic or numeric", "; quote a text that begins with * or &"},
	{"mapping values are not allowed", "; quote a text with a colon and a blank in it"},
	{"',' or '}'", "; close the brace, and quote a text with braces in it"},
	{"',' or ']'", "; close the bracket, and quote a text with brackets in it"},
	{"did not find expected key", "; is it indented as the lines above?"},
	{"did not find expected '-'", "; is it indented as the lines above?"},
	{"could not find expected ':'", "; a key wants a colon and a blank"},
	{"unexpected end of stream", "; a quote is not closed"},
}

// syntaxError reads place and text out of the parser's error, and says what is
// likely behind it.
func syntaxError(data []byte, err error) (Pos, string) {
	text := err.Error()
	m := syntaxLine.FindStringSubmatch(text)
	line := 1
	if m != nil {
		text = text[len(m[0]):]
		if m[1] != "" {
			line, _ = strconv.Atoi(m[1])
			if fromParser.MatchString(text) {
				line++
			}
		}
	}
	if strings.Contains(text, "exceeded max depth") {
		return Pos{line, 1}, fmt.Sprintf("nested deeper than %d levels", maxDepth)
	}
	if m := unknownAnchor.FindStringSubmatch(text); m != nil {
		return aliasPlace(data, m[1]), fmt.Sprintf("no anchor &%s stands above; quote a text that begins with *", m[1])
	}
	lines := lineEnd.Split(strings.TrimPrefix(string(data), "\ufeff"), -1)
	for len(lines) > 1 && strings.TrimSpace(lines[len(lines)-1]) == "" {
		lines = lines[:len(lines)-1]
	}
	line = min(max(line, 1), len(lines))
	indent := func(i int) string { return lines[i][:len(lines[i])-len(strings.TrimLeft(lines[i], " \t"))] }
	for _, i := range []int{line - 1, line} {
		if i < len(lines) && strings.Contains(indent(i), "\t") {
			return Pos{i + 1, 1 + strings.IndexByte(lines[i], '\t')}, "a tab indents this line; YAML wants spaces"
		}
	}
	for _, h := range hints {
		if strings.Contains(text, h.has) {
			text += h.hint
			break
		}
	}
	return Pos{line, len(indent(line-1)) + 1}, "not YAML: " + text
}

// aliasPlace finds where an alias is first used.
func aliasPlace(data []byte, name string) Pos {
	want := []byte("*" + name)
	for from := 0; ; {
		i := bytes.Index(data[from:], want)
		if i < 0 {
			return Pos{1, 1}
		}
		if i += from; i > 0 && bytes.IndexByte([]byte(" \t\n\r[{,"), data[i-1]) >= 0 {
			line, col := place(data, i)
			return Pos{line, col}
		}
		from = i + 1
	}
}

// measure counts nodes with aliases expanded, without expanding them. It
// remembers which nodes with an anchor it is inside of.
type measure struct{ inside map[*yaml.Node]bool }

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
		if m.inside[n.Alias] {
			return 0, n, fmt.Sprintf("the alias %q contains itself", n.Value)
		}
		return m.size(n.Alias, depth+1)
	}
	if n.Anchor != "" {
		m.inside[n] = true
		defer delete(m.inside, n)
	}
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
	return total, nil, ""
}

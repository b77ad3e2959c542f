package rules

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

type decodeSample struct {
	Pos     Pos                     `yaml:"-"`
	Name    string                  `yaml:"name"`
	Count   int                     `yaml:"count"`
	On      *bool                   `yaml:"on"`
	List    []decodeShort           `yaml:"list"`
	By      map[string]decodeShort  `yaml:"by"`
	Nested  map[string]decodeSample `yaml:"nested"`
	Any     map[string]any          `yaml:"any"`
	Members []string                `yaml:"members"`
}

type decodeShort struct {
	Pos  Pos    `yaml:"-"`
	To   string `yaml:"to"`
	Over int    `yaml:"over"`
}

func (s *decodeShort) UnmarshalNode(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		s.To, s.Pos = n.Value, Pos{n.Line, n.Column}
		return nil
	}
	type plain decodeShort
	return decodeNode(n, (*plain)(s))
}

func TestDecodeYAML(t *testing.T) {
	var got decodeSample
	err := decodeYAML("a.yaml", []byte(`name: x
count: 3
on: false
list:
  - visible
  - {to: query, over: 2}
by: {a: one}
nested:
  deep:
    name: 12
any: {a: [1, true, null, 2.5, x]}
members: &m [p, q]
`), &got)
	if err != nil {
		t.Fatal(err)
	}
	off := false
	want := decodeSample{
		Pos: Pos{1, 1}, Name: "x", Count: 3, On: &off,
		List:    []decodeShort{{Pos: Pos{5, 5}, To: "visible"}, {Pos: Pos{6, 5}, To: "query", Over: 2}},
		By:      map[string]decodeShort{"a": {Pos: Pos{7, 9}, To: "one"}},
		Nested:  map[string]decodeSample{"deep": {Pos: Pos{10, 5}, Name: "12"}},
		Any:     map[string]any{"a": []any{int64(1), true, nil, 2.5, "x"}},
		Members: []string{"p", "q"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestDecodeYAMLErrors(t *testing.T) {
	bomb := "any:\n  a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 9; i++ {
		bomb += fmt.Sprintf("  a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 10), ","))
	}
	for _, tc := range []struct{ name, in, want string }{
		{"unknown key", "name: x\nmembrs: []\n", `a.yaml:2:1: unknown key "membrs"; did you mean "members"?`},
		{"unknown key, far", "zzzzzz: 1\n", `a.yaml:1:1: unknown key "zzzzzz"`},
		{"in a short form's long form", "list:\n- {to: x, ovr: 2}\n", `a.yaml:2:11: unknown key "ovr"; did you mean "over"?`},
		{"duplicate key", "name: x\nname: y\n", `a.yaml:2:1: the key "name" stands here twice, first in line 1`},
		{"duplicate key in a map", "by: {a: x, a: y}\n", `a.yaml:1:12: the key "a" stands here twice, first in line 1`},
		{"wrong type", "count: many\n", `a.yaml:1:8: want a whole number, got "many"`},
		{"wrong bool", "on: yes\n", `a.yaml:1:5: want true or false, got "yes"`},
		{"list for text", "name: [x]\n", `a.yaml:1:7: want text, got a list`},
		{"nothing for text", "name:\n", `a.yaml:1:6: want text, got nothing (write "" for the empty text)`},
		{"text for list", "members: x\n", `a.yaml:1:10: want a list, got "x"`},
		{"two faults", "count: x\nlist:\n- [a]\n", "a.yaml:1:8: want a whole number, got \"x\"\na.yaml:3:3: want a mapping (over, to), got a list"},
		{"tab", "nested:\n\ta: {}\n", `a.yaml:2:1: a tab indents this line; YAML wants spaces`},
		{"not YAML", "name: [x\n", `a.yaml:1:1: not YAML: did not find expected ',' or ']'`},
		{"invalid UTF-8", "name: x\ncount: \xff\n", `a.yaml:2:8: not valid UTF-8`},
		{"second document", "name: x\n---\nname: y\n", `a.yaml:2:1: a second document in the file; write one file for each`},
		{"merge key", "by: &b {a: x}\nany: {<<: *b}\n", `a.yaml:2:7: merge keys (<<) are not understood here; write the keys out`},
		{"foreign tag", "any: {a: 1}\nname: !!binary eA==\n", `a.yaml:2:7: the tag !!binary is not understood here`},
		{"own tag", "name: !secret x\n", `a.yaml:1:7: the tag !secret is not understood here`},
		{"self alias", "any: &x {a: *x}\n", `a.yaml:1:13: the alias "x" contains itself`},
		{"alias bomb", bomb, `the file is too large once its aliases are expanded`},
		{"deep", "any: {a: " + strings.Repeat("[", 80) + strings.Repeat("]", 80) + "}\n", `nested deeper than 64 levels`},
		{"large", "name: " + strings.Repeat("x", maxFileSize), `a.yaml: the file is larger than 8388608 bytes`},
		{"key is a list", "by: {[a]: x}\n", `a.yaml:1:6: a key must be plain text`},
		{"overflow", "count: 99999999999999999999\n", `want a whole number`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out decodeSample
			err := decodeYAML("a.yaml", []byte(tc.in), &out)
			if err == nil {
				t.Fatal("no error")
			}
			var es Errors
			if !errors.As(err, &es) {
				t.Fatalf("not Errors: %T", err)
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got  %s\nwant %s", err, tc.want)
			}
		})
	}
}

func FuzzDecodeYAML(f *testing.F) {
	f.Add([]byte("name: x\nlist: [a, {to: b}]\nnested: {a: {name: y}}"))
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("any: {x: !!float 1, y: 2027-01-01}\n\t"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var out decodeSample
		err := decodeYAML("f", data, &out)
		var es Errors
		if err != nil && (!errors.As(err, &es) || len(es) == 0 || len(es) > maxErrors) {
			t.Fatalf("error is no bounded Errors: %v", err)
		}
		for _, e := range es {
			if e.File != "f" || strings.Contains(e.Msg, "panic") {
				t.Fatalf("bad error %#v", e)
			}
		}
	})
}

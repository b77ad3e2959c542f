package rules

import (
	"bytes"
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

var updateProfileSchema = flag.Bool("update-profile-schema", false, "write profile.schema.json anew from the Go types")

// TestProfileSchema holds profile.schema.json to the Go types, short forms
// included.
func TestProfileSchema(t *testing.T) {
	g := schemaGenerator{docs: fieldDocs(t), defs: map[string]any{}}
	root := g.object(reflect.TypeFor[Profile]())
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "Postern profile"
	root["description"] = "A wiki's dialect as data. The language: profiles/README.md."
	root["required"] = []string{"profile"}
	root["$defs"] = g.defs
	want, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if *updateProfileSchema {
		if err := os.WriteFile("profile.schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("profile.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("profile.schema.json is out of date: go test -run TestProfileSchema -update-profile-schema ./rules")
	}
}

// TestShippedProfilesSchema validates the shipped profiles against the
// published schema.
func TestShippedProfilesSchema(t *testing.T) {
	schema := profileSchema(t)
	files, err := fs.Glob(shipped, "profiles/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := shipped.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(yamlAsJSON(t, data)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestProfileSchemaRefuses: what the loader does not know, the schema refuses.
func TestProfileSchemaRefuses(t *testing.T) {
	schema := profileSchema(t)
	for _, src := range []string{
		"profile: t\nroute: []\n", "routes: []\n", "profile: t\nroutes: [{match: GET /, class: nope}]\n", "profile: t\nroutes: [{macth: GET /}]\n",
		"profile: t\nhtml: [{select: a, hidden: gone}]\n", "profile: t\nroutes: [{match: GET /, deny: [{below: [x]}]}]\n",
	} {
		if err := schema.Validate(yamlAsJSON(t, []byte(src))); err == nil {
			t.Errorf("%q is valid", src)
		}
	}
}

func profileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	f, err := os.Open("profile.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("profile.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("profile.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func yamlAsJSON(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	js, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(js))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// fieldDocs reads the comments of the profile's types: "Type.Field".
func fieldDocs(t *testing.T) map[string]string {
	t.Helper()
	docs := map[string]string{}
	for _, name := range []string{"profile.go", "profile_rewrite.go", "profile_directory.go"} {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.TypeSpec); ok {
				if st, ok := spec.Type.(*ast.StructType); ok {
					addDocs(docs, spec.Name.Name, st)
				}
			}
			return true
		})
	}
	return docs
}

func addDocs(docs map[string]string, typ string, st *ast.StructType) {
	for _, f := range st.Fields.List {
		for _, name := range f.Names {
			text := f.Doc.Text()
			if text == "" {
				text = f.Comment.Text()
			}
			docs[typ+"."+name.Name] = strings.Join(strings.Fields(text), " ")
		}
	}
}

type schemaGenerator struct {
	docs map[string]string
	defs map[string]any
}

type obj = map[string]any

func (g *schemaGenerator) object(t reflect.Type) obj {
	props := obj{}
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("yaml")
		if !f.IsExported() || name == "-" {
			continue
		}
		if name == "" {
			name = strings.ToLower(f.Name)
		}
		s := g.of(f.Type)
		if d := g.docs[t.Name()+"."+f.Name]; d != "" {
			with := obj{"description": d}
			for k, v := range s {
				with[k] = v
			}
			s = with
		}
		props[name] = s
	}
	return obj{"type": "object", "properties": props, "additionalProperties": false}
}

func (g *schemaGenerator) ref(t reflect.Type, make func() obj) obj {
	if _, ok := g.defs[t.Name()]; !ok {
		g.defs[t.Name()] = obj{} // against endless recursion
		g.defs[t.Name()] = make()
	}
	return obj{"$ref": "#/$defs/" + t.Name()}
}

func enum[T ~string](words []T) obj { return obj{"type": "string", "enum": words} }

func (g *schemaGenerator) of(t reflect.Type) obj {
	text := obj{"type": []string{"string", "number", "boolean"}}
	either := func(forms ...obj) obj { return obj{"anyOf": forms} }
	list := func(of obj) obj { return obj{"type": "array", "items": of} }
	switch t {
	case reflect.TypeFor[Class]():
		return g.ref(t, func() obj { return enum(classes) })
	case reflect.TypeFor[Action]():
		return g.ref(t, func() obj { return enum(actions) })
	case reflect.TypeFor[Place]():
		return g.ref(t, func() obj {
			return either(text, obj{
				"type": "object", "minProperties": 1, "maxProperties": 1,
				"propertyNames": obj{"enum": append([]string{"url", "wikitext", "xhtml", "content", "space", "user", "group"}, attrWords()...)}, "additionalProperties": text,
			})
		})
	case reflect.TypeFor[EvidencePlace]():
		return g.ref(t, func() obj {
			return either(text, g.object(t), obj{
				"type": "object", "minProperties": 1, "maxProperties": 1,
				"propertyNames": obj{"enum": append([]string{"url"}, attrWords()...)}, "additionalProperties": text,
			})
		})
	case reflect.TypeFor[EvidenceSpec]():
		return g.ref(t, func() obj {
			one := g.of(reflect.TypeFor[EvidencePlace]())
			return either(one, list(one))
		})
	case reflect.TypeFor[DenySpec]():
		return g.ref(t, func() obj {
			o := g.object(t)
			o["additionalProperties"] = either(text, list(text))
			return o
		})
	case reflect.TypeFor[ForceSpec]():
		return g.ref(t, func() obj { return either(g.object(t), obj{"type": "object", "additionalProperties": text}) })
	case reflect.TypeFor[BodySpec]():
		return g.ref(t, func() obj { return either(obj{"const": "none"}, g.object(t)) })
	case reflect.TypeFor[NarrowSpec]():
		return g.ref(t, func() obj { return either(obj{"const": "visible"}, g.object(t)) })
	case reflect.TypeFor[HTMLAction]():
		return g.ref(t, func() obj { return either(enum([]string{"remove", "refuse"}), g.object(t)) })
	case reflect.TypeFor[HTMLRule]():
		return g.ref(t, func() obj {
			o := g.object(t)
			o["properties"].(obj)["entity"] = obj{"type": "object", "additionalProperties": obj{"type": "object", "additionalProperties": text}}
			return o
		})
	}
	switch t.Kind() {
	case reflect.Pointer:
		return g.of(t.Elem())
	case reflect.Struct:
		if t.Name() == "" {
			return g.object(t)
		}
		return g.ref(t, func() obj { return g.object(t) })
	case reflect.Slice:
		return list(g.of(t.Elem()))
	case reflect.Map:
		return obj{"type": "object", "additionalProperties": g.of(t.Elem())}
	case reflect.Bool:
		return obj{"type": "boolean"}
	case reflect.Int:
		return obj{"type": "integer"}
	case reflect.Interface:
		return obj{}
	}
	return text
}

// schemaKeys lists every key that the published schema knows.
func schemaKeys(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("profile.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if props, ok := v["properties"].(map[string]any); ok {
				for k := range props {
					keys[k] = true
				}
			}
			for _, sub := range v {
				walk(sub)
			}
		case []any:
			for _, sub := range v {
				walk(sub)
			}
		}
	}
	walk(doc)
	return sortedKeys(keys)
}

// TestProfileEditorComment: the first line of a shipped profile tells editors
// where its schema is.
func TestProfileEditorComment(t *testing.T) {
	for _, name := range ShippedProfiles() {
		data, err := readShipped(name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(data), "# yaml-language-server: $schema=../profile.schema.json\n") {
			t.Errorf("%s: no editor comment", name)
		}
	}
}

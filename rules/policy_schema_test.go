package rules

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"
)

// TestPolicySchemaKeys holds the schema's keys and the structs' tags together.
func TestPolicySchemaKeys(t *testing.T) {
	var doc struct {
		Properties map[string]any
		Defs       map[string]map[string]any `json:"$defs"`
	}
	if err := json.Unmarshal(PolicySchema(), &doc); err != nil {
		t.Fatal(err)
	}
	keys := func(name string) []string {
		if name == "" {
			return slices.Sorted(maps.Keys(doc.Properties))
		}
		def := doc.Defs[name]
		if alt, ok := def["oneOf"].([]any); ok && def["properties"] == nil {
			def = alt[len(alt)-1].(map[string]any)
		}
		return slices.Sorted(maps.Keys(def["properties"].(map[string]any)))
	}
	for name, typ := range map[string]reflect.Type{
		"": reflect.TypeFor[Policy](), "provider": reflect.TypeFor[Provider](), "internal": reflect.TypeFor[InternalSpec](),
		"extranet": reflect.TypeFor[ExtranetSpec](), "space": reflect.TypeFor[SpaceRule](), "hide": reflect.TypeFor[HideSpec](),
		"member": reflect.TypeFor[Member](), "page": reflect.TypeFor[PageRule](), "filter": reflect.TypeFor[Filter](),
		"urls": reflect.TypeFor[URLRules](), "url": reflect.TypeFor[URLRule](), "show": reflect.TypeFor[Show](),
		"tripwire": reflect.TypeFor[TripwireSpec](),
	} {
		if d := cmp.Diff(structInfoOf(typ).names, keys(name)); d != "" {
			t.Errorf("%s: struct (-), schema (+)\n%s", typ, d)
		}
	}
}

// TestPoliciesFollowSchema validates every policy of the repository.
func TestPoliciesFollowSchema(t *testing.T) {
	schema := compileSchema(t)
	n := 0
	check := func(name string, data []byte) {
		var root yaml.Node
		if yaml.Unmarshal(data, &root) != nil || len(root.Content) != 1 {
			return
		}
		if _, ok := topLevel(root.Content[0], "version"); !ok {
			return
		}
		if _, ok := topLevel(root.Content[0], "profile"); ok {
			return
		}
		if _, ok := topLevel(root.Content[0], "wiki"); !ok {
			return
		}
		n++
		if err := schema.Validate(schemaValue(t, data)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return filepath.SkipDir
		}
		switch filepath.Ext(path) {
		case ".yaml":
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			check(path, data)
		case ".txtar":
			a, err := txtar.ParseFile(path)
			if err != nil {
				return err
			}
			for _, f := range a.Files {
				// Archives of faulty files show what is refused.
				if filepath.Ext(f.Name) == ".yaml" && !strings.Contains(path, "bad") && !strings.Contains(path, "broken") && !bytes.Contains(a.Comment, []byte("exit 1")) && !bytes.Contains(a.Comment, []byte("! ")) {
					check(path+":"+f.Name, f.Data)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n < 5 {
		t.Errorf("only %d policies found", n)
	}
}

func compileSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(PolicySchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("policy.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("policy.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// schemaValue reads YAML as an editor's schema check does: dates are texts.
func schemaValue(t testing.TB, data []byte) any {
	root, err := parseYAML("policy", data)
	if err != nil {
		t.Fatal(err)
	}
	var d decoder
	js, err := json.Marshal(d.anything(root))
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(js))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

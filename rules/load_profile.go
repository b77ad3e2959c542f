package rules

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// shipped holds the dialects that come with Postern, and their language's
// reference.
//
//go:embed profiles
var shipped embed.FS

// ShippedProfiles lists the names of the profiles that come with Postern.
func ShippedProfiles() []string {
	files, _ := fs.Glob(shipped, "profiles/*.yaml")
	for i, f := range files {
		files[i] = strings.TrimSuffix(strings.TrimPrefix(f, "profiles/"), ".yaml")
	}
	return files
}

// LoadProfile loads a shipped profile by its name, or one from a file (a name
// with a slash or ending in .yaml or .yml), checks it, and compiles its routes.
func LoadProfile(nameOrPath string) (*Profile, error) {
	if !strings.ContainsAny(nameOrPath, `/\`) && !isYAMLFile(nameOrPath) {
		data, err := readShipped(nameOrPath)
		if err != nil {
			return nil, err
		}
		return ParseProfile("profiles/"+nameOrPath+".yaml", data)
	}
	data, err := readBounded(nameOrPath)
	if err != nil {
		return nil, fmt.Errorf("loading profile: %w", err)
	}
	return ParseProfile(nameOrPath, data)
}

func isYAMLFile(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".yaml" || ext == ".yml"
}

func readShipped(name string) ([]byte, error) {
	data, err := shipped.ReadFile("profiles/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("unknown profile %q%s", name, suggest(name, ShippedProfiles()))
	}
	return data, nil
}

// ParseProfile reads, checks and compiles a profile. A profile that extends a
// shipped one is laid over it. Errors are Errors, each with its place.
func ParseProfile(file string, data []byte) (*Profile, error) {
	src, err := parseSource(file, data)
	if err != nil {
		return nil, err
	}
	p := src.profile
	c := &profileCheck{src: src}
	if p.Extends != "" {
		base, err := readShipped(p.Extends)
		if err != nil {
			c.fail([]any{"extends"}, "%v", err)
			return nil, c.errs.err()
		}
		bsrc, err := parseSource("profiles/"+p.Extends+".yaml", base)
		if err != nil {
			return nil, err
		}
		if bsrc.profile.Extends != "" {
			c.fail([]any{"extends"}, "%q extends a profile itself; extend the one that it extends", p.Extends)
			return nil, c.errs.err()
		}
		p = c.overlay(bsrc, src)
	}
	c.compile(p)
	if err := c.errs.err(); err != nil {
		return nil, err
	}
	return p, nil
}

// source is one profile file as read: its struct, and its nodes for places.
type source struct {
	file    string
	root    *yaml.Node
	profile *Profile
}

func parseSource(file string, data []byte) (*source, error) {
	root, err := parseYAML(file, data)
	if err != nil {
		return nil, err
	}
	p := &Profile{}
	if err := decodeYAML(file, data, p); err != nil {
		return nil, err
	}
	if root == nil {
		return nil, Errors{{File: file, Msg: "the file is empty"}}
	}
	return &source{file, root, p}, nil
}

// find gives the place of a path of keys and indexes, or of as much of it as
// there is.
func (s *source) find(path []any) *yaml.Node {
	n, at := s.root, s.root
	for _, step := range path {
		for n.Kind == yaml.AliasNode {
			n = n.Alias
		}
		var next *yaml.Node
		switch step := step.(type) {
		case int:
			if n.Kind == yaml.SequenceNode && step < len(n.Content) {
				next = n.Content[step]
				at = next
			}
		case string:
			for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
				if n.Content[i].Value == step {
					next, at = n.Content[i+1], n.Content[i]
					break
				}
			}
		}
		if next == nil {
			break
		}
		n = next
	}
	return at
}

// origin is where a route of an overlaid profile came from.
type origin struct {
	src   *source
	index int
}

// profileCheck gathers the faults of a profile. Paths go through routeFrom and
// specialFrom, since an overlay's routes are counted on from the base's.
type profileCheck struct {
	src         *source
	routeFrom   []origin
	specialFrom map[string]*source
	errs        Errors
}

func (c *profileCheck) place(path []any) (*source, *yaml.Node) {
	src := c.src
	if len(path) >= 2 && c.routeFrom != nil {
		switch path[0] {
		case "routes":
			o := c.routeFrom[path[1].(int)]
			src = o.src
			path = slices.Clone(path)
			path[1] = o.index
		case "specials":
			if s := c.specialFrom[path[1].(string)]; s != nil {
				src = s
			}
		}
	}
	return src, src.find(path)
}

func (c *profileCheck) fail(path []any, format string, args ...any) {
	src, n := c.place(path)
	c.errs.push(src.file, &Error{Line: n.Line, Col: n.Column, Msg: fmt.Sprintf(format, args...)})
}

func (c *profileCheck) line(path []any) int {
	_, n := c.place(path)
	return n.Line
}

// compile checks p and makes its route table.
func (c *profileCheck) compile(p *Profile) {
	if p.Name == "" {
		c.fail(nil, "profile: wants a name")
	}
	can, err := newCanon(&p.Canon)
	if err != nil {
		c.failErr([]any{"canon"}, err)
		return
	}
	c.canon(&p.Canon)
	env, err := p.typeEnv()
	if err != nil {
		c.failErr([]any{"types"}, err)
		return
	}
	t := &routeTable{canon: can, trie: newTrie(can.fold)}
	if p.Titles != nil {
		t.titles, t.none = p.Titles.Codec == "mediawiki-title", p.Titles.None
		if !t.titles {
			c.fail([]any{"titles", "codec"}, "unknown codec %q%s", p.Titles.Codec, suggest(p.Titles.Codec, []string{"mediawiki-title"}))
		}
		if t.none == "" {
			t.none = "(Main)"
		}
	}
	comp := &compiler{p: p, env: env, t: t, fail: c.fail, line: c.line}
	comp.table()
	c.fields([]any{"fields"}, p.Fields)
	c.shapes(p)
	p.table = t
}

func (c *profileCheck) failErr(path []any, err error) {
	var e *Error
	if errors.As(err, &e) {
		c.fail(path, "%s", e.Msg)
		return
	}
	c.fail(path, "%v", err)
}

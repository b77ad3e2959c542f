package rules

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// shipped holds the dialects that come with Postern, and their language's
// reference.
//
//go:embed profiles
var shipped embed.FS

// maxLayers bounds overlays of overlays.
const maxLayers = 8

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
	if !isProfilePath(nameOrPath) {
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

func isProfilePath(name string) bool {
	ext := filepath.Ext(name)
	return strings.ContainsAny(name, `/\`) || ext == ".yaml" || ext == ".yml"
}

func readShipped(name string) ([]byte, error) {
	data, err := shipped.ReadFile("profiles/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("unknown profile %q%s", name, suggest(name, ShippedProfiles()))
	}
	return data, nil
}

// ParseProfile reads, checks and compiles a profile. A profile that extends
// another is laid over it; what it extends by a path is looked for beside it.
// Errors are Errors, each with its place.
func ParseProfile(file string, data []byte) (*Profile, error) {
	return parseProfile(file, data, readBounded)
}

// parseProfile is ParseProfile with another way to read the file that a profile
// extends.
func parseProfile(file string, data []byte, read func(string) ([]byte, error)) (*Profile, error) {
	l := profileLoader{read: read}
	p, from, err := l.load(file, data)
	if err != nil {
		return nil, err
	}
	c := &profileCheck{layers: from}
	c.compile(p)
	if err := c.errs.err(); err != nil {
		return nil, err
	}
	p.places = from.index(p)
	return p, nil
}

// readAmong reads profiles from files in memory first, by their names.
func readAmong(files map[string][]byte) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if data, ok := files[name]; ok {
			return data, nil
		}
		return readBounded(name)
	}
}

// profileLoader reads a profile and the ones that it lies over.
type profileLoader struct {
	read func(string) ([]byte, error)
	seen []string // files, from the topmost down
}

func (l *profileLoader) load(file string, data []byte) (*Profile, *layers, error) {
	src, err := parseSource(file, data)
	if err != nil {
		return nil, nil, err
	}
	from := newLayers(src)
	if src.profile.Extends == "" {
		return src.profile, from, nil
	}
	c := &profileCheck{layers: from}
	l.seen = append(l.seen, filepath.Clean(file))
	name, base, err := l.base(file, src.profile.Extends)
	if err != nil {
		c.fail([]any{"extends"}, "%v", err)
		return nil, nil, c.errs.err()
	}
	p, below, err := l.load(name, base)
	if err != nil {
		return nil, nil, err
	}
	o := &overlay{base: p, over: src, layers: below}
	p, err = o.apply()
	return p, below, err
}

// base reads what a profile extends.
func (l *profileLoader) base(file, extends string) (name string, data []byte, err error) {
	if len(l.seen) > maxLayers {
		return "", nil, fmt.Errorf("more than %d profiles lie over each other", maxLayers)
	}
	if !isProfilePath(extends) {
		data, err = readShipped(extends)
		return "profiles/" + extends + ".yaml", data, err
	}
	name = extends
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(file), name)
	}
	if slices.Contains(l.seen, filepath.Clean(name)) {
		return "", nil, fmt.Errorf("the profile extends itself, by way of %s", extends)
	}
	if data, err = l.read(name); err != nil {
		return "", nil, fmt.Errorf("reading what it extends: %w", err)
	}
	return name, data, nil
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
	src := &source{file: file, root: root, profile: p}
	if err := src.language(); err != nil {
		return nil, err
	}
	return src, p.writeOut()
}

// profileCheck gathers the faults of a profile.
type profileCheck struct {
	layers *layers
	errs   Errors
}

func (c *profileCheck) fail(path []any, format string, args ...any) {
	src, n := c.layers.place(path)
	c.errs.push(src.file, &Error{Line: n.Line, Col: n.Column, Msg: fmt.Sprintf(format, args...)})
}

func (c *profileCheck) file(path []any) string {
	src, _ := c.layers.place(path)
	return src.file
}

func (c *profileCheck) line(path []any) int {
	_, n := c.layers.place(path)
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
	if !c.regexps(p) {
		return
	}
	env, err := p.typeEnv()
	if err != nil {
		c.failErr([]any{"types"}, err)
		return
	}
	can.typeLinks(&p.Canon, env, c.fail)
	t := &routeTable{canon: can, trie: newTrie(can.fold)}
	if p.Titles != nil {
		t.titles, t.none = p.Titles.Codec == "mediawiki-title", p.Titles.None
		if t.none == "" {
			t.none = "(Main)"
		}
	}
	comp := &compiler{p: p, pc: c, env: env, t: t, fail: c.fail, line: c.line}
	comp.table()
	comp.linkNames()
	comp.macros()
	c.check(p, env)
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

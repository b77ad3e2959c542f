package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/bmatcuk/doublestar/v4"
	"go.yaml.in/yaml/v3"
)

// maxFiles bounds how many rule files the globs may name.
const maxFiles = 1000

// ReadFiles reads the rule files that the globs name (** crosses folders, and a
// folder stands for its *.yaml and *.yml), and the profile that their `wiki:`
// names by its path: everything but the shipped profiles that ParsePolicy makes
// a policy of. What it returns is one state of the files, which can be parsed,
// tested and compared without reading again.
func ReadFiles(globs ...string) (map[string][]byte, error) {
	files := make(map[string][]byte)
	real, total := make(map[string]bool), 0 // real: by what links lead to
	for _, g := range globs {
		names, err := ruleFiles(g)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			to, err := filepath.EvalSymlinks(name)
			if err == nil {
				to, err = filepath.Abs(to)
			}
			if err != nil {
				return nil, fmt.Errorf("reading rule files: %w", err)
			}
			if real[to] {
				continue
			}
			real[to] = true
			if len(files) == maxFiles {
				return nil, fmt.Errorf("more than %d rule files", maxFiles)
			}
			if files[name], err = readBounded(name); err != nil {
				return nil, fmt.Errorf("reading rule files: %w", err)
			}
			if total += len(files[name]); total > maxTotal {
				return nil, fmt.Errorf("the rule files are larger than %d bytes together", maxTotal)
			}
		}
	}
	for _, name := range namedProfiles(files) {
		if _, ok := files[name]; ok {
			continue
		}
		if data, err := readBounded(name); err == nil { // parsing says what is wrong, and where
			files[name] = data
		}
	}
	return files, nil
}

// ruleFiles gives the files that a glob, a folder or a name stands for.
func ruleFiles(g string) ([]string, error) {
	if st, err := os.Stat(g); err == nil {
		if !st.IsDir() {
			return []string{g}, nil
		}
		g = filepath.Join(g, "*.{yaml,yml}")
	}
	names, err := doublestar.FilepathGlob(g, doublestar.WithFilesOnly(), doublestar.WithFailOnIOErrors())
	if err != nil {
		return nil, fmt.Errorf("reading rule files %q: %w", g, err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no rule file matches %q", g)
	}
	return names, nil
}

// DigestFiles names a state of rule files: Policy.Digest of what they make.
func DigestFiles(files map[string][]byte) string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(sum, "%s %d\n", filepath.Base(name), len(files[name]))
		sum.Write(files[name])
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// RelatedFiles lists what the rule files refer to, as paths and globs: the
// profile, the policy tests, and what these name. It reads faulty files as far
// as they can be read, so that whoever watches files hears of the one that was
// missing.
func RelatedFiles(files map[string][]byte) []string {
	out := namedProfiles(files)
	tests := map[string][]byte{}
	for name, data := range files {
		root, err := parseYAML(name, data)
		if err != nil {
			continue
		}
		if _, ok := topLevel(root, "cases"); ok {
			tests[name] = data
		}
		for _, t := range scalars(root, "tests") {
			t = besidePath(name, t)
			out = append(out, t)
			if data, err := readBounded(t); err == nil {
				tests[t] = data
			}
		}
	}
	for name, data := range tests {
		root, err := parseYAML(name, data)
		if err != nil {
			continue
		}
		for _, key := range []string{"policy", "directory"} {
			for _, f := range scalars(root, key) {
				out = append(out, besidePath(name, f))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// wikiLine is where a policy names its profile. Reading the one line spares
// parsing large files twice; a profile that is named in another way is read by
// ParsePolicy.
var wikiLine = regexp.MustCompile(`(?m)^wiki:[ \t]+["']?([^"'#\s]+)`)

// namedProfiles lists the paths of profiles that the files' `wiki:` names.
func namedProfiles(files map[string][]byte) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if m := wikiLine.FindSubmatch(files[name]); m != nil && isProfilePath(string(m[1])) {
			out = append(out, besidePath(name, string(m[1])))
		}
	}
	return out
}

// besidePath is beside for paths of the operating system.
func besidePath(file, name string) string {
	return filepath.FromSlash(beside(filepath.ToSlash(file), path.Clean(filepath.ToSlash(name))))
}

// scalars gives the scalar, or the sequence's scalars, under a key of the
// document's own mapping.
func scalars(root *yaml.Node, key string) []string {
	if root == nil || root.Kind != yaml.MappingNode {
		return nil
	}
	var out []string
	for i := 0; i+1 < len(root.Content); i += 2 {
		v := root.Content[i+1]
		switch {
		case root.Content[i].Value != key:
		case v.Kind == yaml.ScalarNode:
			out = append(out, v.Value)
		case v.Kind == yaml.SequenceNode:
			for _, c := range v.Content {
				if c.Kind == yaml.ScalarNode {
					out = append(out, c.Value)
				}
			}
		}
	}
	return out
}

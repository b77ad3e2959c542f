package rules

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"go.yaml.in/yaml/v3"
)

// LoadPolicy reads the rule files that the globs name (** crosses folders; a
// folder stands for its *.yaml and *.yml) and merges them into one policy.
// Among them may be profiles of this site, which `wiki:` then finds by their
// name, and policy tests, which are left alone. The error is Errors, every
// fault with its place, where the files are at fault.
func LoadPolicy(globs ...string) (*Policy, error) {
	files, err := ReadFiles(globs...)
	if err != nil {
		return nil, err
	}
	p, err := parsePolicy(files, nil, LoadProfile)
	if err != nil {
		return nil, err
	}
	for _, t := range p.Tests {
		if _, err := os.Stat(filepath.FromSlash(t)); err != nil {
			p.missingTests = append(p.missingTests, t)
		}
	}
	return p, nil
}

// readBounded reads one byte more than a rule file may have at most, so that
// the decoder tells of a file that is too large. What is no regular file is not
// opened at all: a pipe would wait for its other end.
func readBounded(name string) ([]byte, error) {
	st, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !st.Mode().IsRegular():
		return nil, fmt.Errorf("%s: not a regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFileSize+1))
}

// ParsePolicy makes a policy of files in memory, by name. A nil profile is
// looked for among the files and the shipped ones.
func ParsePolicy(files map[string][]byte, profile *Profile) (*Policy, error) {
	return parsePolicy(files, profile, LoadProfile)
}

// policyPart is one policy file as read.
type policyPart struct {
	*Policy
	root *yaml.Node
}

// loading gathers what the files say, and every fault in them.
type loading struct {
	checker
	files    map[string][]byte
	parts    []policyPart
	profiles map[string]string // name in the file -> file
}

func parsePolicy(files map[string][]byte, profile *Profile, load func(string) (*Profile, error)) (*Policy, error) {
	var errs Errors
	l := loading{files: files, profiles: map[string]string{}, checker: checker{errs: &errs, text: files}}
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		l.read(name, files[name])
	}
	if len(l.parts) == 0 {
		if err := errs.err(); err != nil {
			return nil, err
		}
		return nil, errors.New("no rule file says version: 1; there is no policy")
	}
	p := l.merge()
	p.digest = DigestFiles(files)
	p.text = policyText(files, l.parts)
	l.p = p
	l.policy()
	p.mentioned = p.mentionedProviders()
	p.Profile = profile
	if profile == nil && p.Wiki != "" {
		l.findProfile(load)
	}
	if err := errs.err(); err != nil {
		return nil, err
	}
	return p, nil
}

// policyText keeps the text of the policy's own files, to find places in.
func policyText(files map[string][]byte, parts []policyPart) map[string][]byte {
	text := make(map[string][]byte, len(parts))
	for _, q := range parts {
		text[q.file] = files[q.file]
	}
	return text
}

// read sorts a file in by what it is. A policy with faults is kept as far as it
// could be read, so that its other faults are told as well.
func (l *loading) read(name string, data []byte) {
	root, err := parseYAML(name, data)
	if err != nil {
		l.errs.add(name, Pos{}, err)
		l.unread = true
		return
	}
	l.file = name
	if profile, ok := topLevel(root, "profile"); ok && !policyLike(root) {
		if first, twice := l.profiles[profile]; twice {
			l.fail(l.top("profile"), "the profile %q stands in two files, first in %s", profile, first)
		}
		l.profiles[profile] = name
		return
	}
	if _, ok := topLevel(root, "cases"); ok && !policyLike(root) {
		return
	}
	p := &Policy{file: name, Pos: Pos{1, 1}}
	if err := decodeRoot(name, root, p); err != nil {
		l.errs.add(name, Pos{}, err)
	}
	p.setFile(name)
	l.parts = append(l.parts, policyPart{p, root})
}

// policyLike reports keys that only policies have.
func policyLike(root *yaml.Node) bool {
	return slices.ContainsFunc([]string{"wiki", "spaces", "extranet", "internal", "pages", "filters", "suspended", "providers"}, func(key string) bool {
		_, ok := topLevel(root, key)
		return ok
	})
}

// findProfile resolves `wiki:`: a profile among the files, a path beside the
// policy, or a shipped name.
func (l *loading) findProfile(load func(string) (*Profile, error)) {
	p := l.p
	l.file = p.file
	file, ok := l.profiles[p.Wiki]
	if !ok && isProfilePath(p.Wiki) {
		file = besidePath(p.file, p.Wiki)
		_, ok = l.files[file]
	}
	var err error
	switch {
	case ok:
		p.Profile, err = parseProfile(file, l.files[file], readAmong(l.files))
	case file != "":
		p.Profile, err = load(file)
	default:
		p.Profile, err = load(p.Wiki)
	}
	if err == nil {
		return
	}
	var many Errors
	if !errors.As(err, &many) {
		err = fmt.Errorf("wiki %q: %w", p.Wiki, err)
	}
	l.errs.add(l.file, l.at(p.Pos, "wiki"), err)
}

// topLevel gives the scalar under a key of the document's own mapping.
func topLevel(root *yaml.Node, key string) (string, bool) {
	if root == nil || root.Kind != yaml.MappingNode {
		return "", false
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if root.Content[i].Value == key {
			return root.Content[i+1].Value, true
		}
	}
	return "", false
}

// setFile notes the file in everything that reasons point at.
func (p *Policy) setFile(file string) {
	p.Spaces = append(p.Spaces, p.Extranet.Spaces...)
	p.Extranet.Spaces = nil
	for i := range p.Spaces {
		p.Spaces[i].File = file
		setMemberFiles(p.Spaces[i].Members, file)
	}
	for i := range p.Pages {
		p.Pages[i].File = file
		setMemberFiles(p.Pages[i].Members, file)
	}
	for i := range p.Internal.Groups {
		p.Internal.Groups[i].File = file
	}
	for i := range p.Filters {
		p.Filters[i].File = file
	}
	for _, rs := range [][]URLRule{p.URLs.Block, p.URLs.Allow} {
		for i := range rs {
			rs[i].File = file
		}
	}
	setMemberFiles(p.Suspended, file)
	for i, t := range p.Tests {
		p.Tests[i] = path.Join(filepath.ToSlash(filepath.Dir(file)), t)
	}
}

func setMemberFiles(ms []Member, file string) {
	for i := range ms {
		ms[i].File = file
	}
}

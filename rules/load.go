package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"go.yaml.in/yaml/v3"
)

// maxFiles bounds how many rule files the globs may name.
const maxFiles = 1000

// LoadPolicy reads the rule files that the globs name (** crosses folders) and
// merges them into one policy. Among them may be profiles of this site, which
// `wiki:` then finds by their name, and policy tests, which are left alone. The
// error is Errors, every fault with its place, where the files are at fault.
func LoadPolicy(globs ...string) (*Policy, error) {
	files := make(map[string][]byte)
	for _, g := range globs {
		names, err := doublestar.FilepathGlob(g, doublestar.WithFilesOnly(), doublestar.WithFailOnIOErrors())
		if err != nil {
			return nil, fmt.Errorf("reading rule files %q: %w", g, err)
		}
		if len(names) == 0 {
			return nil, fmt.Errorf("no rule file matches %q", g)
		}
		for _, name := range names {
			if _, ok := files[name]; ok {
				continue
			}
			if len(files) == maxFiles {
				return nil, fmt.Errorf("more than %d rule files", maxFiles)
			}
			data, err := readBounded(name)
			if err != nil {
				return nil, fmt.Errorf("reading rule files: %w", err)
			}
			files[name] = data
		}
	}
	return parsePolicy(files, nil, func(name string) (*Profile, error) { return LoadProfile(name) })
}

// readBounded reads one byte more than a rule file may have at most, so that
// the decoder tells of a file that is too large.
func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data := make([]byte, 0, 4096)
	buf := make([]byte, 32<<10)
	for len(data) <= maxFileSize {
		n, err := f.Read(buf)
		data = append(data, buf[:n]...)
		if err != nil {
			if err.Error() == "EOF" {
				break
			}
			return nil, err
		}
	}
	return data, nil
}

// ParsePolicy makes a policy of files in memory, by name. A nil profile is
// looked for among the files and the shipped ones.
func ParsePolicy(files map[string][]byte, profile *Profile) (*Policy, error) {
	return parsePolicy(files, profile, func(name string) (*Profile, error) { return LoadProfile(name) })
}

func parsePolicy(files map[string][]byte, profile *Profile, load func(string) (*Profile, error)) (*Policy, error) {
	names := slices.Sorted(maps.Keys(files))
	profiles := map[string]string{} // name in the file -> file
	var errs Errors
	var parts []*Policy
	sum := sha256.New()
	for _, name := range names {
		data := files[name]
		fmt.Fprintf(sum, "%s %d\n", filepath.Base(name), len(data))
		sum.Write(data)
		root, err := parseYAML(name, data)
		if err != nil {
			errs.add(name, Pos{}, err)
			continue
		}
		if profileName, ok := topLevel(root, "profile"); ok {
			profiles[profileName] = name
			continue
		}
		if _, ok := topLevel(root, "cases"); ok {
			continue
		}
		part := &Policy{file: name}
		if err := decodeYAML(name, data, part); err != nil {
			errs.add(name, Pos{}, err)
			continue
		}
		part.setFile(name)
		parts = append(parts, part)
	}
	if len(parts) == 0 && len(errs) == 0 {
		return nil, errors.New("no rule file says version: 1; there is no policy")
	}
	p := merge(parts, &errs)
	p.digest = hex.EncodeToString(sum.Sum(nil)[:8])
	p.validate(&errs)
	p.Profile = profile
	if profile == nil && p.Wiki != "" {
		var err error
		if p.Profile, err = findProfile(p, files, profiles, load); err != nil {
			at := p.wikiPlace(parts)
			var many Errors
			if !errors.As(err, &many) {
				err = fmt.Errorf("wiki %q: %w", p.Wiki, err)
			}
			errs.add(at.File, Pos{at.Line, at.Col}, err)
		}
	}
	if err := errs.err(); err != nil {
		return nil, err
	}
	return p, nil
}

// findProfile resolves `wiki:`: a profile among the files, a path beside the
// policy, or a shipped name.
func findProfile(p *Policy, files map[string][]byte, profiles map[string]string, load func(string) (*Profile, error)) (*Profile, error) {
	if file, ok := profiles[p.Wiki]; ok {
		return ParseProfile(file, files[file])
	}
	if strings.HasSuffix(p.Wiki, ".yaml") || strings.ContainsRune(p.Wiki, '/') {
		file := p.Wiki
		if !filepath.IsAbs(file) {
			file = filepath.Join(filepath.Dir(p.file), file)
		}
		if data, ok := files[file]; ok {
			return ParseProfile(file, data)
		}
		return load(file)
	}
	return load(p.Wiki)
}

func (p *Policy) wikiPlace(parts []*Policy) Source {
	for _, part := range parts {
		if part.Wiki != "" {
			return Source{File: part.file, Line: part.Pos.Line, Col: part.Pos.Col}
		}
	}
	return Source{}
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

// merge makes one policy of several files. Lists are joined; of a setting, all
// files that have it must say the same; a space may stand once only.
func merge(parts []*Policy, errs *Errors) *Policy {
	if len(parts) == 0 {
		return &Policy{}
	}
	p := parts[0]
	for _, q := range parts[1:] {
		m := merger{errs: errs, from: q}
		m.number(&p.Version, q.Version, "version")
		if m.text(&p.Wiki, q.Wiki, "wiki"); p.Wiki == q.Wiki && q.Wiki != "" {
			p.file = q.file
		}
		m.text(&p.Preset, q.Preset, "preset")
		m.text(&p.Zone, q.Zone, "zone")
		m.text(&p.Internal.Mode, q.Internal.Mode, "internal.mode")
		m.text(&p.Internal.Unrouted, q.Internal.Unrouted, "internal.unrouted")
		m.text(&p.Extranet.UsersSee, q.Extranet.UsersSee, "extranet.users_see")
		m.text(&p.Extranet.ManagersAssign, q.Extranet.ManagersAssign, "extranet.managers_assign")
		m.text(&p.Extranet.People, q.Extranet.People, "extranet.people")
		m.text(&p.Extranet.DefaultRole, q.Extranet.DefaultRole, "extranet.default_role")
		m.text(&p.Extranet.Archived, q.Extranet.Archived, "extranet.archived")
		m.text(&p.Show.HiddenUser, q.Show.HiddenUser, "show.hidden_user")
		m.text(&p.Show.HiddenPage, q.Show.HiddenPage, "show.hidden_page")
		m.text(&p.Show.HiddenSpace, q.Show.HiddenSpace, "show.hidden_space")
		m.text(&p.Show.Avatar, q.Show.Avatar, "show.avatar")
		m.text(&p.Show.Image, q.Show.Image, "show.image")
		m.text(&p.Tripwire.Structure, q.Tripwire.Structure, "tripwire.structure")
		m.text(&p.Tripwire.Prose, q.Tripwire.Prose, "tripwire.prose")
		p.UnsafeServiceIdentity = p.UnsafeServiceIdentity || q.UnsafeServiceIdentity
		for name, v := range q.Providers {
			if _, ok := p.Providers[name]; ok {
				m.fail(v.Pos, "the provider %q stands in two files", name)
				continue
			}
			if p.Providers == nil {
				p.Providers = map[string]Provider{}
			}
			p.Providers[name] = v
		}
		p.Sources = append(p.Sources, q.Sources...)
		p.Internal.Groups = append(p.Internal.Groups, q.Internal.Groups...)
		p.Spaces = append(p.Spaces, q.Spaces...)
		p.Pages = append(p.Pages, q.Pages...)
		p.Filters = append(p.Filters, q.Filters...)
		p.URLs.Block = append(p.URLs.Block, q.URLs.Block...)
		p.URLs.Allow = append(p.URLs.Allow, q.URLs.Allow...)
		p.Suspended = append(p.Suspended, q.Suspended...)
		p.Tests = append(p.Tests, q.Tests...)
	}
	return p
}

type merger struct {
	errs *Errors
	from *Policy
}

func (m *merger) fail(at Pos, format string, args ...any) {
	m.errs.push(m.from.file, &Error{Line: at.Line, Col: at.Col, Msg: fmt.Sprintf(format, args...)})
}

func (m *merger) text(to *string, v, key string) {
	switch {
	case v == "" || v == *to:
	case *to == "":
		*to = v
	default:
		m.fail(m.from.Pos, "%s is %q here and %q in another file", key, v, *to)
	}
}

func (m *merger) number(to *int, v int, key string) {
	switch {
	case v == 0 || v == *to:
	case *to == 0:
		*to = v
	default:
		m.fail(m.from.Pos, "%s is %d here and %d in another file", key, v, *to)
	}
}

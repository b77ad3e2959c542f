package rules

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// source is one profile file as read: its struct, and its nodes for places.
type source struct {
	file    string
	root    *yaml.Node
	profile *Profile
	keys    map[*yaml.Node]map[string]int // of mappings that were looked into
}

// key gives the index of a key in a mapping's nodes, or -1.
func (s *source) key(n *yaml.Node, name string) int {
	keys, ok := s.keys[n]
	if !ok {
		keys = make(map[string]int, len(n.Content)/2)
		for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
			keys[n.Content[i].Value] = i
		}
		if s.keys == nil {
			s.keys = map[*yaml.Node]map[string]int{}
		}
		s.keys[n] = keys
	}
	if i, ok := keys[name]; ok {
		return i
	}
	return -1
}

// find gives the place of a path of keys and indexes, or of as much of it as
// there is; whole says that all of it is.
func (s *source) find(path []any) (at *yaml.Node, whole bool) {
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
			if i := s.key(n, step); i >= 0 {
				next, at = n.Content[i+1], n.Content[i]
			}
		}
		if next == nil {
			return at, false
		}
		n = next
	}
	return at, true
}

// origin is where an element of a profile in layers was written.
type origin struct {
	src   *source
	index int     // in the lists of src
	more  *origin // what an overlay adds to it
}

// layers says of a profile in layers which file each part came from: elements
// of lists by section and index, those of mappings by section and key. What is
// not there stands in src, the topmost file.
type layers struct {
	src   *source
	lists map[string][]origin
	keys  map[string]map[string]*origin
}

// listed are the sections that an overlay adds to, by how a profile counts them.
var listed = map[string]func(*Profile) int{
	"routes":     func(p *Profile) int { return len(p.Routes) },
	"shapes":     func(p *Profile) int { return len(p.Shapes) },
	"html":       func(p *Profile) int { return len(p.HTML) },
	"scripts":    func(p *Profile) int { return len(p.Scripts) },
	"feeds":      func(p *Profile) int { return len(p.Feeds) },
	"prose":      func(p *Profile) int { return len(p.Prose) },
	"identities": func(p *Profile) int { return len(p.Identities) },
	"text_paths": func(p *Profile) int { return len(p.TextPaths) },
	"link_names": func(p *Profile) int { return len(p.LinkNames) },
	"self":       func(p *Profile) int { return len(p.Self) },
	"lookup":     func(p *Profile) int { return len(p.Lookup) },
}

// newLayers gives every element of a profile in one file its place there.
func newLayers(src *source) *layers {
	l := &layers{src: src, lists: map[string][]origin{}, keys: map[string]map[string]*origin{}}
	l.add(src)
	return l
}

// add puts the elements of one more file behind those that are there.
func (l *layers) add(src *source) {
	for section, count := range listed {
		for i := range count(src.profile) {
			l.lists[section] = append(l.lists[section], origin{src: src, index: i})
		}
	}
	p := src.profile
	for section, names := range map[string][]string{"specials": sortedKeys(p.Specials), "fields": sortedKeys(p.Fields), "types": sortedKeys(p.Types)} {
		if l.keys[section] == nil {
			l.keys[section] = map[string]*origin{}
		}
		for _, name := range names {
			if l.keys[section][name] == nil {
				l.keys[section][name] = &origin{src: src}
			}
		}
	}
}

// place finds a path of the profile in the file that says it.
func (l *layers) place(path []any) (*source, *yaml.Node) {
	src := l.src
	if len(path) >= 2 {
		section, _ := path[0].(string)
		switch step := path[1].(type) {
		case int:
			if from := l.lists[section]; step < len(from) {
				return from[step].find(path)
			}
		case string:
			if o := l.keys[section][step]; o != nil {
				return o.find(path)
			}
		}
	}
	n, _ := src.find(path)
	return src, n
}

func (o *origin) find(path []any) (*source, *yaml.Node) {
	own := slices.Clone(path)
	if _, ok := own[1].(int); ok {
		own[1] = o.index
	}
	n, whole := o.src.find(own)
	if o.more != nil && !whole {
		if src, n := o.more.find(path); n != nil {
			return src, n
		}
	}
	return o.src, n
}

// placeIndex keeps where the parts of a profile stand that others compile.
type placeIndex map[string][]Error

// index forgets the files and keeps the places.
func (l *layers) index(p *Profile) placeIndex {
	out := placeIndex{}
	for section, count := range listed {
		for i := range count(p) {
			src, n := l.place([]any{section, i})
			out[section] = append(out[section], Error{File: src.file, Line: n.Line, Col: n.Column})
		}
	}
	return out
}

// Fault gives a fault that was found in an element of one of the profile's
// lists ("html", 3) the place where it is written.
func (p *Profile) Fault(section string, index int, err error) error {
	if at := p.places[section]; index < len(at) {
		e := at[index]
		e.Msg = fmt.Sprintf("%s: %v", section, err)
		return &e
	}
	return fmt.Errorf("%s %d: %w", section, index+1, err)
}

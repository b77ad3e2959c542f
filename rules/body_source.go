package rules

import (
	"net/url"
	"strings"
)

// WriteSource is where the wiki gives the source of what a write changes; see
// SourceSpec.
type WriteSource struct {
	// Path and Query are those of a GET request of the wiki's, below its context
	// path.
	Path, Query string
	*SourceSpec
	// Names is the version that the client changes, where he names one.
	Names string
}

// Source gives the source of what a write changes, or nil where it changes
// nothing that has one.
func (m *Match) Source() *WriteSource {
	if m.route == nil || m.route.source == nil {
		return nil
	}
	spec := m.route.source.spec
	s := &WriteSource{SourceSpec: spec}
	path, query, _ := strings.Cut(spec.Get, "?")
	s.Path, _ = m.fill(path, url.PathEscape)
	var pairs []string
	for pair := range strings.SplitSeq(query, "&") {
		if filled, whole := m.fill(pair, url.QueryEscape); whole && filled != "" {
			pairs = append(pairs, filled) // one for a parameter that the request does not have goes
		}
	}
	s.Query = strings.Join(pairs, "&")
	if field, ok := strings.CutPrefix(spec.Is, bodyPrefix); ok && m.Body != nil && m.Body.tree != nil {
		s.Names, _ = m.Body.tree.text(field)
	} else {
		s.Names = m.canonical(strings.TrimPrefix(spec.Is, bodyPrefix))
	}
	return s
}

// fill puts values in the place of names in braces; whole says that there was
// one for each.
func (m *Match) fill(s string, escape func(string) string) (filled string, whole bool) {
	whole = true
	filled = braced.ReplaceAllStringFunc(s, func(name string) string {
		v := m.canonical(name[1 : len(name)-1])
		whole = whole && v != ""
		return escape(v)
	})
	return filled, whole
}

// canonical is a parameter's value as it goes to the wiki, or a capture's.
func (m *Match) canonical(name string) string {
	for i := range m.Params {
		if m.Params[i].Name == name {
			return m.Params[i].Value
		}
	}
	v, _ := m.Value(name)
	return v
}

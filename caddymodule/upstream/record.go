package upstream

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/tidwall/gjson"
)

// vars are what {space.key} and the like stand for.
type vars map[string]string

// expand fills {name} in a literal.
func (v vars) expand(s string, escape func(string) string) (string, error) {
	if !strings.Contains(s, "{") {
		return s, nil
	}
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "{")
		b.WriteString(before)
		if !ok {
			return b.String(), nil
		}
		name, after, ok := strings.Cut(rest, "}")
		val, known := v[name]
		if !ok || !known {
			return "", fmt.Errorf("%w: {%s} stands for nothing here", ErrMalformed, name)
		}
		b.WriteString(escape(val))
		s = after
	}
}

// expandURL fills {name} in a path and query, escaping by place.
func (v vars) expandURL(s string) (string, error) {
	path, query, has := strings.Cut(s, "?")
	path, err := v.expand(path, url.PathEscape)
	if err != nil || !has {
		return path, err
	}
	query, err = v.expand(query, url.QueryEscape)
	return path + "?" + query, err
}

// alternative is one way to find a field's value.
type alternative struct {
	literal bool
	text    string // the literal, or a gjson path
	re      *regexp.Regexp
}

// field finds the values of one record field in an item.
type field []alternative

// compileField reads the mapping language of SyncStep.Record.
func compileField(spec string) (field, error) {
	var f field
	for part := range strings.SplitSeq(spec, " || ") {
		part = strings.TrimSpace(part)
		if lit, ok := strings.CutPrefix(part, "="); ok {
			f = append(f, alternative{literal: true, text: lit})
			continue
		}
		path, expr, ok := strings.Cut(part, " ~ ")
		a := alternative{text: strings.TrimSpace(path)}
		if ok {
			re, err := regexp.Compile(strings.TrimSpace(expr))
			if err != nil {
				return nil, fmt.Errorf("%w: %q: %w", ErrMalformed, spec, err)
			}
			if re.NumSubexp() < 1 {
				return nil, fmt.Errorf("%w: %q has no group", ErrMalformed, spec)
			}
			a.re = re
		}
		f = append(f, a)
	}
	return f, nil
}

// maxList bounds the values of one list field in one item.
const maxList = 100_000

// list gives all values, none of them empty.
func (f field) list(item gjson.Result, v vars) ([]string, error) {
	for _, a := range f {
		var out []string
		if a.literal {
			s, err := v.expand(a.text, func(s string) string { return s })
			if err != nil {
				return nil, err
			}
			if s != "" {
				out = append(out, s)
			}
		} else if a.text != "" {
			if err := flatten(item.Get(a.text), a.re, 0, &out); err != nil {
				return nil, err
			}
		}
		if len(out) > 0 {
			return out, nil
		}
	}
	return nil, nil
}

// one gives the first value, or "".
func (f field) one(item gjson.Result, v vars) (string, error) {
	l, err := f.list(item, v)
	if err != nil || len(l) == 0 {
		return "", err
	}
	return l[0], nil
}

// flatten collects the scalars of a value and of the arrays in it.
func flatten(r gjson.Result, re *regexp.Regexp, depth int, out *[]string) error {
	if r.IsArray() {
		if depth > 8 {
			return fmt.Errorf("%w: arrays nested too deep", ErrMalformed)
		}
		var err error
		r.ForEach(func(_, v gjson.Result) bool {
			err = flatten(v, re, depth+1, out)
			return err == nil
		})
		return err
	}
	if !r.Exists() || r.Type == gjson.Null || r.IsObject() {
		return nil
	}
	s := r.String()
	if re != nil {
		m := re.FindStringSubmatch(s)
		if m == nil {
			return nil
		}
		s = m[1]
	}
	if s == "" {
		return nil
	}
	if len(*out) >= maxList {
		return fmt.Errorf("%w: a list of more than %d values", ErrLimit, maxList)
	}
	*out = append(*out, s)
	return nil
}

// mapping is a compiled Record (or Alias): field name to values.
type mapping map[string]field

// recordFields says which fields each kind of record has.
var recordFields = map[string][]string{
	"users":   {"username", "key", "account_id", "email", "display_name", "active", "avatar_ids", "identities", "groups"},
	"groups":  {"name", "source", "groups"},
	"spaces":  {"key", "id", "name", "type", "status", "owner", "aliases", "home"},
	"aliases": {"id", "of", "kind"},
	"content": {
		"id", "type", "space", "title", "title.full", "parent", "parent.title", "parent.path", "labels", "status", "date",
		"restricted_to.users", "restricted_to.groups", "includes", "includes.title", "used_by", "used_by.title",
		"redirect", "redirect.title", "redirected_from",
	},
}

// compileRecord compiles a mapping for the given kind of record.
func compileRecord(into string, spec map[string]string) (mapping, error) {
	fields, ok := recordFields[into]
	if !ok {
		return nil, fmt.Errorf("%w: into: %q is no kind of record", ErrMalformed, into)
	}
	known := make(map[string]bool, len(fields))
	for _, f := range fields {
		known[f] = true
	}
	m := make(mapping, len(spec))
	for name, text := range spec {
		attribute := strings.HasPrefix(name, "attributes.") && (into == "users" || into == "content")
		if !known[name] && !attribute {
			return nil, fmt.Errorf("%w: records of %s have no field %q", ErrMalformed, into, name)
		}
		f, err := compileField(text)
		if err != nil {
			return nil, err
		}
		m[name] = f
	}
	return m, nil
}

// row is an item seen through a mapping; the first error sticks.
type row struct {
	m    mapping
	item gjson.Result
	v    vars
	err  error
}

func (r *row) one(name string) string {
	f, ok := r.m[name]
	if !ok || r.err != nil {
		return ""
	}
	s, err := f.one(r.item, r.v)
	r.err = err
	return s
}

func (r *row) list(name string) []string {
	f, ok := r.m[name]
	if !ok || r.err != nil {
		return nil
	}
	l, err := f.list(r.item, r.v)
	r.err = err
	return l
}

// attributes gives the attributes.NAME fields that have a value.
func (r *row) attributes() map[string]string {
	var out map[string]string
	for name := range r.m {
		key, ok := strings.CutPrefix(name, "attributes.")
		if !ok {
			continue
		}
		if s := r.one(name); s != "" {
			if out == nil {
				out = make(map[string]string)
			}
			out[key] = s
		}
	}
	return out
}

// active reads the several ways in which wikis say that an account lives.
func (r *row) active() *bool {
	s := r.one("active")
	if s == "" {
		return nil
	}
	v := false
	switch strings.ToLower(s) {
	case "true", "1", "yes", "active", "current":
		v = true
	}
	return &v
}

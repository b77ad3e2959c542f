package rules

import (
	"fmt"
	"slices"
	"strings"
)

// urlPattern is a policy's own pattern over methods and path segments. It is a
// small cousin of the profile's route patterns: literals, {name}, {name:type},
// a literal prefix or suffix around one of them, and a last {name...}.
type urlPattern struct {
	methods  []string // nil: all
	segments []urlSegment
	rest     bool // a last {name...}
	space    int  // the segment that names a space, or -1
	attr     Attr
}

type urlSegment struct {
	prefix, suffix string
	wild           bool
	enum           []string // values that the wildcard may have; nil: any
	digits         bool
}

func parseURLPattern(s string) (*urlPattern, error) {
	p := &urlPattern{space: -1}
	if methods, path, ok := strings.Cut(s, " "); ok {
		for _, m := range strings.Split(methods, ",") {
			if m == "" || strings.ToUpper(m) != m {
				return nil, fmt.Errorf("%q is no method", m)
			}
			p.methods = append(p.methods, m)
		}
		s = strings.TrimSpace(path)
	}
	if !strings.HasPrefix(s, "/") {
		return nil, fmt.Errorf("a pattern begins with a slash, or with methods, a space and a slash")
	}
	if strings.ContainsAny(s, "?#") {
		return nil, fmt.Errorf("a pattern is about the path; it can't name parameters")
	}
	parts := splitPattern(s[1:])
	for i, part := range parts {
		seg, err := p.segment(part, i, i == len(parts)-1)
		if err != nil {
			return nil, err
		}
		if p.rest {
			break
		}
		p.segments = append(p.segments, seg)
	}
	return p, nil
}

// splitPattern splits at slashes outside of braces.
func splitPattern(s string) []string {
	var parts []string
	depth, start := 0, 0
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		case '/':
			if depth <= 0 {
				parts = append(parts, s[start:i])
				start = i + 1
			}
		}
	}
	return append(parts, s[start:])
}

func (p *urlPattern) segment(s string, i int, last bool) (urlSegment, error) {
	open, end := strings.IndexByte(s, '{'), strings.LastIndexByte(s, '}')
	if open < 0 && end < 0 {
		if strings.ContainsRune(s, '*') {
			return urlSegment{}, fmt.Errorf("%q: write {name} for one segment and {name...} for the rest", s)
		}
		return urlSegment{prefix: s}, nil
	}
	if open < 0 || end < open || strings.ContainsAny(s[open+1:end], "{}") {
		return urlSegment{}, fmt.Errorf("the braces of %q don't match, or stand twice in one segment", s)
	}
	seg := urlSegment{prefix: s[:open], suffix: s[end+1:], wild: true}
	name, typ, typed := strings.Cut(s[open+1:end], ":")
	if rest, ok := strings.CutSuffix(s[open+1:end], "..."); ok {
		if !last || seg.prefix != "" || seg.suffix != "" || rest == "" {
			return seg, fmt.Errorf("{name...} stands alone and last, not as %q", s)
		}
		p.rest = true
		return seg, nil
	}
	if name == "" {
		return seg, fmt.Errorf("%q lacks a name", s)
	}
	if !typed {
		return seg, nil
	}
	switch attr, ok := ParseAttr(typ); {
	case ok:
		if attr.Kind() == Space {
			if p.space >= 0 {
				return seg, fmt.Errorf("two segments name a space")
			}
			p.space, p.attr = i, attr
		}
	case typ == "text":
	case typ == "digits" || typ == "int":
		seg.digits = true
	case strings.HasPrefix(typ, "enum(") && strings.HasSuffix(typ, ")"):
		for _, v := range strings.Split(typ[5:len(typ)-1], ",") {
			seg.enum = append(seg.enum, strings.TrimSpace(v))
		}
	default:
		return seg, fmt.Errorf("the type %q is not understood in a policy's pattern", typ)
	}
	return seg, nil
}

// match reports whether the pattern takes the request. A trailing slash makes
// no difference, HEAD is GET, and fold compares literals without regard to case.
func (p *urlPattern) match(method string, segs []string, fold bool) bool {
	if method == "HEAD" {
		method = "GET"
	}
	if p.methods != nil && !slices.Contains(p.methods, method) {
		return false
	}
	want := trimSlash(p.segments, func(s urlSegment) bool { return !s.wild && s.prefix == "" })
	if !p.rest {
		segs = trimSlash(segs, func(s string) bool { return s == "" })
	}
	if len(segs) < len(want) || len(segs) > len(want) && !p.rest {
		return false
	}
	for i := range want {
		if !want[i].match(segs[i], fold) {
			return false
		}
	}
	return true
}

func trimSlash[T any](s []T, empty func(T) bool) []T {
	if len(s) > 0 && empty(s[len(s)-1]) {
		return s[:len(s)-1]
	}
	return s
}

func (s *urlSegment) match(got string, fold bool) bool {
	if !s.wild {
		return got == s.prefix || fold && strings.EqualFold(got, s.prefix)
	}
	if len(got) < len(s.prefix)+len(s.suffix) {
		return false
	}
	head, tail := got[:len(s.prefix)], got[len(got)-len(s.suffix):]
	if head != s.prefix && !(fold && strings.EqualFold(head, s.prefix)) || tail != s.suffix && !(fold && strings.EqualFold(tail, s.suffix)) {
		return false
	}
	mid := got[len(s.prefix) : len(got)-len(s.suffix)]
	switch {
	case mid == "":
		return false
	case s.enum != nil:
		return slices.ContainsFunc(s.enum, func(e string) bool { return e == mid || fold && strings.EqualFold(e, mid) })
	case s.digits:
		return strings.Trim(mid, "0123456789") == ""
	}
	return true
}

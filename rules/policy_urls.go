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
	name           string
	enum           []string // values that the wildcard may have; nil: any
	digits         bool
}

// maxPattern bounds a pattern's length.
const maxPattern = 2048

var httpMethods = []string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"}

func parseURLPattern(s string) (*urlPattern, error) {
	p := &urlPattern{space: -1}
	if len(s) > maxPattern || strings.ContainsFunc(s, notPrinted) {
		return nil, fmt.Errorf("a pattern is one line of at most %d bytes", maxPattern)
	}
	if methods, path, ok := strings.Cut(s, " "); ok && !strings.HasPrefix(s, "/") {
		if err := p.takeMethods(methods); err != nil {
			return nil, err
		}
		s = strings.TrimSpace(path)
	}
	switch {
	case strings.Contains(s, "://"):
		return nil, fmt.Errorf("a pattern is about the path alone: leave the site's address out")
	case !strings.HasPrefix(s, "/"):
		return nil, fmt.Errorf("a pattern begins with a slash, or with methods, a space and a slash")
	case strings.ContainsAny(s, "?#"):
		return nil, fmt.Errorf("a pattern is about the path; it can't name parameters")
	}
	parts := splitPattern(s[1:])
	names := map[string]bool{}
	for i, part := range parts {
		seg, err := p.segment(part, i, i == len(parts)-1)
		if err != nil {
			return nil, err
		}
		if seg.name != "" && names[seg.name] {
			return nil, fmt.Errorf("{%s} stands there twice", seg.name)
		}
		names[seg.name] = true
		if p.rest {
			break
		}
		if err := reachable(seg, i == len(parts)-1); err != nil {
			return nil, err
		}
		p.segments = append(p.segments, seg)
	}
	return p, nil
}

func (p *urlPattern) takeMethods(methods string) error {
	for m := range strings.SplitSeq(methods, ",") {
		switch {
		case m == "HEAD":
			return fmt.Errorf("HEAD goes with GET")
		case m == "" || !goodMethod(m):
			return fmt.Errorf("%q is no method%s", m, suggest(strings.ToUpper(m), httpMethods))
		case slices.Contains(p.methods, m):
			return fmt.Errorf("the method %s stands there twice", m)
		}
		p.methods = append(p.methods, m)
	}
	return nil
}

// reachable refuses literals that no canonical path holds: the pattern would
// never match, and a block would be none.
func reachable(seg urlSegment, last bool) error {
	for _, lit := range []string{seg.prefix, seg.suffix} {
		if i := strings.IndexByte(lit, '%'); i >= 0 && len(lit) >= i+3 && isHex(lit[i+1]) && isHex(lit[i+2]) {
			return fmt.Errorf("%q: write characters as they are, not percent-encoded", lit)
		}
	}
	switch {
	case seg.wild:
	case seg.prefix == "." || seg.prefix == "..":
		return fmt.Errorf("%q: a path is judged without dot segments", seg.prefix)
	case seg.prefix == "" && !last:
		return fmt.Errorf("an empty segment: a path is judged without doubled slashes")
	}
	return nil
}

func isHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }

// urlTypes are the types of a pattern's segments, enum(a,b) aside.
var urlTypes = append(sortedKeys(attrsByName), "digits", "enum(a,b)", "int", "text")

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
	if !goodName(name) {
		return seg, fmt.Errorf("%q lacks a name", s)
	}
	seg.name = name
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
		for v := range strings.SplitSeq(typ[5:len(typ)-1], ",") {
			if v = strings.TrimSpace(v); v == "" {
				return seg, fmt.Errorf("%q: an empty value", typ)
			}
			seg.enum = append(seg.enum, v)
		}
	default:
		return seg, fmt.Errorf("the type %q is not understood in a policy's pattern%s", typ, suggest(typ, urlTypes))
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

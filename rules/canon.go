package rules

import (
	"slices"
	"strings"
)

// canon is Canon, compiled.
type canon struct {
	doubleSlash, semicolon bool // permitted
	encSlash, encSemi      bool // permitted as %2f, %3b
	more                   []string
	strip                  []stripRule
	duplicates             bool                  // repeated names are the values of a list
	repeats                map[string]bool       // names that some route takes so
	names                  map[string]nameFate   // of parameters that no route is asked about
	links                  map[string]*paramType // of those, what may stay in links
	fold                   bool
	plus                   [][]string
}

// nameFate is what becomes of a parameter on every route.
type nameFate uint8

const (
	nameKept nameFate = iota
	nameRefused
	nameDropped
)

type stripRule struct {
	before, after []string
	then          []Class
}

// defaultRefuse is what no path may contain unless a profile says otherwise.
// Dot segments, backslashes, NUL and control characters are always refused.
var defaultRefuse = []string{";", "//", `\`, "%2f", "%5c", "%3b", "%00", "dot-segments"}

func newCanon(c *Canon) (*canon, error) {
	list := c.Refuse
	if list == nil {
		list = defaultRefuse
	}
	has := func(s string) bool { return slices.Contains(list, s) }
	out := &canon{
		doubleSlash: !has("//"), semicolon: !has(";"),
		encSlash: !has("%2f"), encSemi: !has("%3b"),
		duplicates: c.Params.Duplicate == "list",
		names:      map[string]nameFate{}, repeats: map[string]bool{}, fold: c.FoldPath,
	}
	for _, s := range list {
		if s = strings.ToLower(s); !slices.Contains(defaultRefuse, s) {
			if s == "" {
				return nil, &Error{Msg: "canon.refuse: an empty text"}
			}
			out.more = append(out.more, s)
		}
	}
	for _, s := range c.RefuseParams {
		out.names[s] = nameRefused
	}
	for _, s := range c.DropParams {
		out.names[s] = nameDropped
	}
	for s := range c.LinkParams {
		out.names[s] = nameDropped
	}
	for _, s := range c.Strip {
		before, after, ok := strings.Cut(strings.TrimPrefix(s.Prefix, "/"), "{**}")
		if !ok || !strings.HasPrefix(s.Prefix, "/") || strings.Contains(after, "{") {
			return nil, &Error{Msg: "canon.strip: want a prefix such as /s/{**}/_"}
		}
		if len(s.Then) == 0 {
			return nil, &Error{Msg: "canon.strip: then: wants the classes that the rest may be of"}
		}
		out.strip = append(out.strip, stripRule{splitPlain(before), splitPlain(after), s.Then})
	}
	for _, s := range c.PlusIsSpace {
		out.plus = append(out.plus, splitPlain(s))
	}
	return out, nil
}

// typeLinks reads the types of the parameters that links may keep. None may take
// what names an entity, or what people write: nobody judges the values.
func (c *canon) typeLinks(spec *Canon, env *typeEnv, fail func(path []any, format string, args ...any)) {
	c.links = make(map[string]*paramType, len(spec.LinkParams))
	for _, name := range sortedKeys(spec.LinkParams) {
		at := []any{"canon", "link_params", name}
		t, err := env.parseType(spec.LinkParams[name])
		switch {
		case err != nil:
			fail(at, "%v", err)
		case t.kind != tEnum && t.kind != tPattern && t.kind != tFlag && t.kind != tInt:
			fail(at, "%q: want an enum, a flag, an int or a type of the profile's own, not %s", name, t.src)
		case slices.Contains(spec.DropParams, name) || slices.Contains(spec.RefuseParams, name):
			fail(at, "%q cannot be dropped or refused as well", name)
		default:
			c.links[name] = t
		}
	}
}

// staysInLinks reports that a parameter which never goes to the wiki may stay in
// a link with this value.
func (c *canon) staysInLinks(name, value string) bool {
	t := c.links[name]
	if t == nil {
		return false
	}
	x := matcher{m: &Match{}, light: true}
	out, send, why := x.read(t, name, value, false)
	return why == "" && send && out == value
}

func splitPlain(s string) []string {
	if s = strings.Trim(s, "/"); s == "" {
		return nil
	}
	return strings.Split(s, "/")
}

const upperHex = "0123456789ABCDEF"

// appendPath writes segments as a path that readPath reads as the same
// segments.
func (c *canon) appendPath(dst []byte, segs []string) []byte {
	if len(segs) == 0 {
		return append(dst, '/')
	}
	plus := c.plusFrom(segs)
	for i, seg := range segs {
		dst = append(dst, '/')
		for j := 0; j < len(seg); j++ {
			b := seg[j]
			switch {
			case b == ' ' && plus >= 0 && i >= plus:
				dst = append(dst, '+')
			case b == '+' && plus >= 0 && i >= plus:
				dst = append(dst, "%2B"...)
			case b == ';' && c.semicolon && !c.encSemi:
				dst = append(dst, ';')
			case isWordByte(b) || strings.IndexByte("~!$&'()*+,=:@", b) >= 0:
				dst = append(dst, b)
			default:
				dst = append(dst, '%', upperHex[b>>4], upperHex[b&15])
			}
		}
	}
	return dst
}

// appendPairs writes pairs by name, those of one name in their order, as
// readPairs reads them.
func appendPairs(dst []byte, ps []Param) []byte {
	if len(ps) > 1 {
		ps = slices.Clone(ps)
		slices.SortStableFunc(ps, func(a, b Param) int { return strings.Compare(a.Name, b.Name) })
	}
	for i, p := range ps {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = appendQueryText(dst, p.Name)
		dst = append(dst, '=')
		dst = appendQueryText(dst, p.Value)
	}
	return dst
}

func appendQueryText(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b == ' ':
			dst = append(dst, '+')
		case isWordByte(b) || b == '~':
			dst = append(dst, b)
		default:
			dst = append(dst, '%', upperHex[b>>4], upperHex[b&15])
		}
	}
	return dst
}

package rules

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// pattern is one compiled path pattern: "GET,POST /a/{x}/{y:type}/{rest...}".
type pattern struct {
	src     string
	methods []string
	segs    []patSeg
	n       int // among the patterns of its route
}

type segKind uint8

const (
	segLiteral segKind = iota
	segAffixed
	segWild
	segRest
)

type patSeg struct {
	kind           segKind
	lit            string // literal
	prefix, suffix string // affixed
	name, typ      string
}

// capture says where a leaf finds the value of a wildcard.
type capture struct {
	name           string
	seg            int
	prefix, suffix int // bytes taken off the segment
	rest           bool
	typ            *paramType // nil: untyped
}

// parsePattern reads a pattern. A pattern without a method is for GET.
func parsePattern(src string) (*pattern, error) {
	p := &pattern{src: src, methods: []string{"GET"}}
	path := strings.TrimSpace(src)
	if !strings.HasPrefix(path, "/") {
		m, rest, ok := strings.Cut(path, " ")
		if !ok || !strings.HasPrefix(strings.TrimSpace(rest), "/") {
			return nil, fmt.Errorf("pattern %q: want METHOD /path", src)
		}
		p.methods = strings.Split(m, ",")
		path = strings.TrimSpace(rest)
	}
	for i, m := range p.methods {
		if !goodMethod(m) || slices.Contains(p.methods[:i], m) {
			return nil, fmt.Errorf("pattern %q: %q is no method here (HEAD goes with GET)", src, m)
		}
	}
	names := map[string]bool{}
	if path == "/" {
		return p, nil
	}
	parts, err := splitSegments(path[1:])
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", src, err)
	}
	for i, part := range parts {
		seg, err := parseSegment(part)
		switch {
		case err != nil:
			return nil, fmt.Errorf("pattern %q: %w", src, err)
		case seg.kind == segRest && i != len(parts)-1:
			return nil, fmt.Errorf("pattern %q: {%s...} is not the last segment", src, seg.name)
		case seg.kind == segLiteral && seg.lit == "" && i != len(parts)-1:
			return nil, fmt.Errorf("pattern %q: an empty segment", src)
		case seg.name != "" && names[seg.name]:
			return nil, fmt.Errorf("pattern %q: {%s} stands there twice", src, seg.name)
		}
		names[seg.name] = true
		p.segs = append(p.segs, seg)
	}
	return p, nil
}

func goodMethod(m string) bool {
	switch m {
	case "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND":
		return true
	}
	return false
}

// splitSegments splits at slashes outside of braces.
func splitSegments(s string) ([]string, error) {
	var out []string
	depth, start := 0, 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			depth++
		case '}':
			depth--
		case '/':
			if depth == 0 {
				out = append(out, s[start:i])
				start = i + 1
			}
		case '%', '\\', ';', '?', '#':
			if depth == 0 {
				return nil, fmt.Errorf("the character %q", s[i])
			}
		}
		if depth < 0 || depth > 1 {
			return nil, fmt.Errorf("braces do not pair")
		}
	}
	if depth != 0 {
		return nil, fmt.Errorf("braces do not pair")
	}
	return append(out, s[start:]), nil
}

func parseSegment(s string) (patSeg, error) {
	open := strings.IndexByte(s, '{')
	if open < 0 {
		if s == "." || s == ".." {
			return patSeg{}, fmt.Errorf("a dot segment")
		}
		return patSeg{lit: s}, nil
	}
	end := strings.IndexByte(s, '}')
	if strings.IndexByte(s[end+1:], '{') >= 0 {
		return patSeg{}, fmt.Errorf("two wildcards in the segment %q", s)
	}
	inner := s[open+1 : end]
	seg := patSeg{kind: segWild, prefix: s[:open], suffix: s[end+1:]}
	if rest, ok := strings.CutSuffix(inner, "..."); ok {
		inner, seg.kind = rest, segRest
	}
	seg.name, seg.typ, _ = strings.Cut(inner, ":")
	if seg.name == "" || !goodName(seg.name) {
		return patSeg{}, fmt.Errorf("a wildcard wants a name: {name} or {name:type}")
	}
	if seg.prefix != "" || seg.suffix != "" {
		if seg.kind == segRest {
			return patSeg{}, fmt.Errorf("{%s...} has something beside it", seg.name)
		}
		seg.kind = segAffixed
	}
	return seg, nil
}

// trie is the route table's path matcher. What is more particular comes first:
// literal, then affixed, then wildcard, then rest.
type trie struct {
	root *trieNode
	fold bool
}

type trieNode struct {
	lit     map[string]*trieNode
	affixed []affixEdge // longest affixes first
	wild    *trieNode
	rest    []*leaf
	ends    []*leaf
}

type affixEdge struct {
	prefix, suffix string
	to             *trieNode
}

// leaf is where a pattern ends.
type leaf struct {
	pat      *pattern
	route    *route
	captures []capture
	literals []string // the segments as the pattern spells them, "" for wildcards
}

func newTrie(fold bool) *trie { return &trie{root: &trieNode{}, fold: fold} }

// maxExpansions bounds what enum captures make of one pattern.
const maxExpansions = 256

// add puts a pattern in. Captures of a closed set become literals, so that they
// rank as such.
func (t *trie) add(pat *pattern, rt *route, env *typeEnv) error {
	proto := &leaf{pat: pat, route: rt, literals: make([]string, len(pat.segs))}
	enums := make([]*paramType, len(pat.segs))
	total := 1
	for i, s := range pat.segs {
		if s.kind == segLiteral {
			proto.literals[i] = s.lit
			continue
		}
		c := capture{name: s.name, seg: i, prefix: len(s.prefix), suffix: len(s.suffix), rest: s.kind == segRest}
		if s.typ != "" {
			typ, err := env.parseType(s.typ)
			if err != nil {
				return fmt.Errorf("pattern %q: {%s}: %w", pat.src, s.name, err)
			}
			switch typ.kind {
			case tDrop, tRefuse, tQuery, tFlag, tJSON:
				return fmt.Errorf("pattern %q: {%s}: a path cannot hold %s", pat.src, s.name, typ.src)
			}
			c.typ = typ
			if typ.kind == tEnum && s.kind != segRest {
				enums[i] = typ
				if total *= len(typ.words); total > maxExpansions {
					return fmt.Errorf("pattern %q: too many combinations of its enums", pat.src)
				}
			}
		}
		proto.captures = append(proto.captures, c)
	}
	return t.insert(t.root, proto, enums, 0, slices.Clone(proto.literals))
}

func (t *trie) insert(n *trieNode, proto *leaf, enums []*paramType, i int, lits []string) error {
	if i == len(proto.pat.segs) {
		l := *proto
		l.literals = slices.Clone(lits)
		return addLeaf(&n.ends, &l)
	}
	s := proto.pat.segs[i]
	if enums[i] != nil {
		for _, w := range enums[i].words {
			lits[i] = s.prefix + w + s.suffix
			if err := t.insert(n.literal(lits[i], t.fold), proto, enums, i+1, lits); err != nil {
				return err
			}
		}
		lits[i] = ""
		return nil
	}
	switch s.kind {
	case segLiteral:
		return t.insert(n.literal(s.lit, t.fold), proto, enums, i+1, lits)
	case segAffixed:
		to, err := n.affix(s)
		if err != nil {
			return fmt.Errorf("pattern %q: %w", proto.pat.src, err)
		}
		return t.insert(to, proto, enums, i+1, lits)
	case segWild:
		if n.wild == nil {
			n.wild = &trieNode{}
		}
		return t.insert(n.wild, proto, enums, i+1, lits)
	}
	l := *proto
	l.literals = slices.Clone(lits)
	return addLeaf(&n.rest, &l)
}

func addLeaf(to *[]*leaf, l *leaf) error {
	for _, other := range *to {
		for _, m := range l.pat.methods {
			if slices.Contains(other.pat.methods, m) {
				return &tieError{l, other}
			}
		}
	}
	*to = append(*to, l)
	return nil
}

// tieError is two patterns that take the same requests.
type tieError struct{ a, b *leaf }

func (e *tieError) Error() string {
	return fmt.Sprintf("%q and %q (line %d) take the same requests", e.a.pat.src, e.b.pat.src, e.b.route.line)
}

func (n *trieNode) literal(s string, fold bool) *trieNode {
	if fold {
		s = strings.ToLower(s)
	}
	if n.lit == nil {
		n.lit = map[string]*trieNode{}
	}
	to := n.lit[s]
	if to == nil {
		to = &trieNode{}
		n.lit[s] = to
	}
	return to
}

func (n *trieNode) affix(s patSeg) (*trieNode, error) {
	for _, e := range n.affixed {
		if e.prefix == s.prefix && e.suffix == s.suffix {
			return e.to, nil
		}
		if len(e.prefix)+len(e.suffix) == len(s.prefix)+len(s.suffix) &&
			(strings.HasPrefix(e.prefix, s.prefix) || strings.HasPrefix(s.prefix, e.prefix)) &&
			(strings.HasSuffix(e.suffix, s.suffix) || strings.HasSuffix(s.suffix, e.suffix)) {
			return nil, fmt.Errorf("%s{…}%s and %s{…}%s take the same segments", s.prefix, s.suffix, e.prefix, e.suffix)
		}
	}
	e := affixEdge{s.prefix, s.suffix, &trieNode{}}
	n.affixed = append(n.affixed, e)
	slices.SortStableFunc(n.affixed, func(a, b affixEdge) int {
		return cmp.Or(cmp.Compare(len(b.prefix)+len(b.suffix), len(a.prefix)+len(a.suffix)), cmp.Compare(len(b.prefix), len(a.prefix)))
	})
	return e.to, nil
}

// find gives the leaf that takes the segments. Every node is looked at once at
// most, so that no path is slow.
func (t *trie) find(segs []string, method string) *leaf { return t.walk(t.root, segs, 0, method) }

func (t *trie) walk(n *trieNode, segs []string, i int, method string) *leaf {
	if i == len(segs) {
		return pickLeaf(n.ends, method)
	}
	s := segs[i]
	if n.lit != nil {
		key := s
		if t.fold {
			key = strings.ToLower(s)
		}
		if to := n.lit[key]; to != nil {
			if l := t.walk(to, segs, i+1, method); l != nil {
				return l
			}
		}
	}
	if s != "" {
		for _, e := range n.affixed {
			if len(s) > len(e.prefix)+len(e.suffix) && strings.HasPrefix(s, e.prefix) && strings.HasSuffix(s, e.suffix) {
				if l := t.walk(e.to, segs, i+1, method); l != nil {
					return l
				}
			}
		}
		if n.wild != nil {
			if l := t.walk(n.wild, segs, i+1, method); l != nil {
				return l
			}
		}
	}
	return pickLeaf(n.rest, method)
}

func pickLeaf(ls []*leaf, method string) *leaf {
	for _, l := range ls {
		if slices.Contains(l.pat.methods, method) {
			return l
		}
	}
	return nil
}

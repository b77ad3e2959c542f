package rules

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// typeKind is what a parameter's type is, see paramType.
type typeKind uint8

const (
	tText    typeKind = iota // free text, one line
	tPlain                   // text without query operators
	tAttr                    // names an entity
	tTiny                    // a short form of a content id
	tList                    // several values of a type
	tWords                   // several of a closed set
	tEnum                    // one of a closed set
	tInt                     // a whole number
	tFlag                    // present, true, false, 1, 0 …
	tDate                    // 2026-01-31, 2026/01/31
	tTime                    // ISO 8601, 14 digits, seconds
	tCursor                  // where a list goes on
	tDigits                  // ASCII digits
	tPath                    // values between slashes
	tJSON                    // a JSON object of typed members
	tUnion                   // the first type that takes the value
	tAll                     // every type must take the value
	tDrop                    // taken, never sent
	tRefuse                  // refused, as what nothing names
	tQuery                   // a query language, narrowed before it is sent
	tModules                 // MediaWiki's packed list of modules
	tPattern                 // a regular expression of Profile.Types
	tStart                   // how a title begins
	tProse                   // lines that people write; in bodies
	tMarkup                  // source in the language of a codec; in bodies
	tToken                   // a secret of the wiki's own, told to this viewer; in bodies
	tFile                    // a file; in multipart bodies
)

// paramType is a compiled ParamType: the grammar in which profiles say what a
// parameter's value is. profiles/README.md is its reference.
type paramType struct {
	kind typeKind
	src  string // as written
	attr Attr
	// in names the parameter that holds a title's space; inPrefix is put
	// before that parameter's value.
	in, inPrefix string
	def          string       // "space.id=0": what stands there if nothing does
	loose        bool         // "content.id?": a link can do without it
	before       string       // put before a title that does not carry its space
	elems        []*paramType // list, path, json, union, all
	names        []string     // json: member names, by elems
	words        []string     // enum, words; sorted
	max          int64        // int: the largest value, 0 for none
	sep          string       // list, words
	codec        string       // query, markup
	text         *textType    // pattern
}

var simpleTypes = map[string]typeKind{
	"text": tText, "plain": tPlain, "int": tInt, "flag": tFlag, "date": tDate, "time": tTime,
	"cursor": tCursor, "digits": tDigits, "tiny": tTiny, "drop": tDrop, "self": tDrop, "refuse": tRefuse,
	"title-start": tStart, "prose": tProse, "token": tToken, "file": tFile, "cql": tQuery, "mediawiki-search": tQuery, "mediawiki-modules": tModules, "mediawiki-title": tAttr,
}

// typeParser reads types; a recursive descent over one short line.
type typeParser struct {
	src   string
	pos   int
	depth int
	env   *typeEnv
}

// typeEnv is what types may refer to.
type typeEnv struct {
	named map[string]*textType
	sep   string          // of lists that name none
	used  map[string]bool // of named
}

func (p *Profile) typeEnv() (*typeEnv, error) {
	env := &typeEnv{used: map[string]bool{}, named: make(map[string]*textType, len(p.Types)), sep: p.Canon.Params.ListSeparator}
	if env.sep == "" {
		env.sep = "|"
	}
	for name, src := range p.Types {
		if k, ok := simpleTypes[src]; ok && k == tDigits {
			src = `[0-9]+`
		}
		t, err := newTextType(src)
		if err != nil {
			return nil, fmt.Errorf("type %q: %w", name, err)
		}
		env.named[name] = t
	}
	return env, nil
}

// parseType reads one type to its end.
func (env *typeEnv) parseType(src string) (*paramType, error) {
	ps := typeParser{src: src, env: env}
	t, err := ps.union()
	if err != nil {
		return nil, fmt.Errorf("type %q: %w", src, err)
	}
	ps.blank()
	if ps.pos != len(src) {
		return nil, fmt.Errorf("type %q: unexpected %q", src, src[ps.pos:])
	}
	t.src = src
	return t, nil
}

func (ps *typeParser) blank() {
	for ps.pos < len(ps.src) && ps.src[ps.pos] == ' ' {
		ps.pos++
	}
}

func (ps *typeParser) eat(s string) bool {
	ps.blank()
	if strings.HasPrefix(ps.src[ps.pos:], s) {
		ps.pos += len(s)
		return true
	}
	return false
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}

func (ps *typeParser) word() string {
	ps.blank()
	start := ps.pos
	for ps.pos < len(ps.src) && isWordByte(ps.src[ps.pos]) {
		ps.pos++
	}
	return ps.src[start:ps.pos]
}

func (ps *typeParser) union() (*paramType, error) {
	if ps.depth++; ps.depth > 8 {
		return nil, fmt.Errorf("nested too deeply")
	}
	defer func() { ps.depth-- }()
	first, err := ps.term()
	if err != nil {
		return nil, err
	}
	alts := []*paramType{first}
	for ps.eat("|") {
		t, err := ps.term()
		if err != nil {
			return nil, err
		}
		alts = append(alts, t)
	}
	if len(alts) == 1 {
		return first, nil
	}
	for _, t := range alts {
		if t.kind == tDrop || t.kind == tRefuse || t.kind == tQuery || t.bodyOnly() {
			return nil, fmt.Errorf("%s cannot be one of several", t.src)
		}
		if t.kind == tText || t.kind == tPlain || t.kind == tCursor {
			for _, u := range alts {
				if u.entity() {
					return nil, fmt.Errorf("any text would do, so that nothing would be judged")
				}
			}
		}
	}
	// What names an entity takes nearly any value: it comes last.
	slices.SortStableFunc(alts, func(a, b *paramType) int { return rank(a) - rank(b) })
	return &paramType{kind: tUnion, elems: alts}, nil
}

func rank(t *paramType) int {
	switch {
	case t.entity() || t.kind == tStart:
		return 1
	case t.kind == tText || t.kind == tPlain || t.kind == tCursor:
		return 2
	}
	return 0
}

func (ps *typeParser) term() (*paramType, error) {
	start := ps.pos
	name := ps.word()
	if name == "" {
		return nil, fmt.Errorf("a type is missing")
	}
	t, err := ps.named(name)
	if err != nil {
		return nil, err
	}
	t.src = strings.TrimSpace(ps.src[start:ps.pos])
	return t, nil
}

func (ps *typeParser) named(name string) (*paramType, error) {
	if a, ok := ParseAttr(name); ok {
		t, err := ps.attribute(a)
		if err == nil {
			t.loose = ps.eat("?")
			if ps.eat("=") {
				if t.def = ps.word(); t.def == "" {
					return nil, fmt.Errorf("%s= wants a value", name)
				}
			}
		}
		return t, err
	}
	if text, ok := ps.env.named[name]; ok {
		ps.env.used[name] = true
		return &paramType{kind: tPattern, text: text}, nil
	}
	if k, ok := simpleTypes[name]; ok {
		t := &paramType{kind: k}
		switch {
		case name == "int" && ps.eat("<="):
			n, err := strconv.ParseInt(ps.word(), 10, 64)
			if err != nil || n <= 0 {
				return nil, fmt.Errorf("int<= wants a number")
			}
			t.max = n
		case k == tQuery:
			t.codec = name
		case name == "tiny":
			t.attr = ContentID
		case name == "mediawiki-title":
			t.attr = ContentTitle
		}
		return t, nil
	}
	switch name {
	case "list", "words", "enum", "path", "json", "all", "markup": // typeMakers
		if !ps.eat("(") {
			return nil, fmt.Errorf("%s wants brackets: %s(…)", name, name)
		}
	default:
		return nil, fmt.Errorf("unknown type %q%s", name, suggest(name, ps.env.words()))
	}
	switch name {
	case "words", "enum":
		return ps.closedSet(name)
	case "json":
		return ps.object()
	case "markup":
		return ps.markup()
	}
	return ps.sequence(name)
}

// typeMakers are the types that are made of others, or of words.
var typeMakers = []string{"list", "words", "enum", "path", "json", "all", "markup"}

func (env *typeEnv) words() []string {
	out := append(attrWords(), typeMakers...)
	out = slices.AppendSeq(out, maps.Keys(simpleTypes))
	return slices.AppendSeq(out, maps.Keys(env.named))
}

// attribute reads what may follow an attribute: "in spaceKey", "in ~user".
func (ps *typeParser) attribute(a Attr) (*paramType, error) {
	t := &paramType{kind: tAttr, attr: a}
	if a != ContentTitle {
		return t, nil
	}
	mark := ps.pos
	if ps.word() != "in" {
		ps.pos = mark
		return t, nil
	}
	ps.blank()
	if ps.eat(`"`) {
		end := strings.IndexByte(ps.src[ps.pos:], '"')
		if end < 1 {
			return nil, fmt.Errorf(`content.title in "…" wants what stands before the title, such as "File:"`)
		}
		t.before = ps.src[ps.pos : ps.pos+end]
		ps.pos += end + 1
		return t, nil
	}
	start := ps.pos
	for ps.pos < len(ps.src) && strings.IndexByte("~@!$", ps.src[ps.pos]) >= 0 {
		ps.pos++
	}
	t.inPrefix = ps.src[start:ps.pos]
	if t.in = ps.word(); t.in == "" {
		return nil, fmt.Errorf("content.title in … wants a parameter")
	}
	return t, nil
}

func (ps *typeParser) closedSet(name string) (*paramType, error) {
	t := &paramType{kind: tEnum, sep: ps.env.sep}
	if name == "words" {
		t.kind = tWords
	}
	end := strings.IndexByte(ps.src[ps.pos:], ')')
	if end < 0 {
		return nil, fmt.Errorf("the bracket of %s( is not closed", name)
	}
	for _, w := range strings.Split(ps.src[ps.pos:ps.pos+end], ",") {
		w = strings.TrimSpace(w)
		if w == `""` {
			w = ""
		} else if w == "" {
			return nil, fmt.Errorf(`an empty word in %s(…); write "" for the empty value`, name)
		}
		t.words = append(t.words, w)
	}
	ps.pos += end + 1
	slices.Sort(t.words)
	if n := len(t.words); len(slices.Compact(t.words)) != n {
		return nil, fmt.Errorf("a word stands twice in %s(…)", name)
	}
	return t, nil
}

func (ps *typeParser) object() (*paramType, error) {
	t := &paramType{kind: tJSON}
	for {
		name := ps.word()
		if name == "" || !ps.eat(":") {
			return nil, fmt.Errorf("json(…) wants pairs such as spaceKey: space.key")
		}
		elem, err := ps.union()
		if err != nil {
			return nil, err
		}
		if slices.Contains(t.names, name) {
			return nil, fmt.Errorf("%q stands twice in json(…)", name)
		}
		if elem.cursor() {
			return nil, fmt.Errorf("%s cannot stand inside json(…)", elem.src)
		}
		t.names, t.elems = append(t.names, name), append(t.elems, elem)
		if ps.eat(")") {
			return t, nil
		}
		if !ps.eat(",") {
			return nil, fmt.Errorf("json(…) is not closed")
		}
	}
}

// markup reads the codec of markup(…).
func (ps *typeParser) markup() (*paramType, error) {
	t := &paramType{kind: tMarkup, codec: ps.word()}
	if !slices.Contains(markupCodecs, t.codec) {
		return nil, fmt.Errorf("markup(…) wants a codec, one of %s%s", strings.Join(markupCodecs, ", "), suggest(t.codec, markupCodecs))
	}
	if !ps.eat(")") {
		return nil, fmt.Errorf("markup(…) is not closed")
	}
	return t, nil
}

// bodyOnly says that such a value stands in a body, never in a URL.
func (t *paramType) bodyOnly() bool {
	return t.kind == tProse || t.kind == tMarkup || t.kind == tToken || t.kind == tFile
}

// sequence reads list(type), list(type, "sep"), path(type, …) and all(type, …).
func (ps *typeParser) sequence(name string) (*paramType, error) {
	t := &paramType{kind: map[string]typeKind{"list": tList, "path": tPath, "all": tAll}[name], sep: ps.env.sep}
	for {
		if name == "list" && ps.eat(`"`) {
			end := strings.IndexByte(ps.src[ps.pos:], '"')
			if end < 1 {
				return nil, fmt.Errorf("the separator of list(…) is not closed")
			}
			t.sep = ps.src[ps.pos : ps.pos+end]
			ps.pos += end + 1
		} else {
			elem, err := ps.union()
			if err != nil {
				return nil, err
			}
			t.elems = append(t.elems, elem)
		}
		if ps.eat(")") {
			break
		}
		if !ps.eat(",") {
			return nil, fmt.Errorf("%s(…) is not closed", name)
		}
	}
	if len(t.elems) == 0 || name == "list" && len(t.elems) != 1 {
		return nil, fmt.Errorf("%s(…) wants a type", name)
	}
	for _, e := range t.elems {
		switch e.kind {
		case tList, tWords, tPath, tJSON, tDrop, tRefuse, tQuery, tProse, tMarkup, tToken, tFile:
			return nil, fmt.Errorf("%s cannot stand inside %s(…)", e.src, name)
		}
		if e.cursor() {
			return nil, fmt.Errorf("%s cannot stand inside %s(…)", e.src, name)
		}
	}
	return t, nil
}

// entity says whether a value of this type may name an entity.
func (t *paramType) entity() bool {
	if t == nil {
		return false
	}
	return t.kind == tAttr || t.kind == tTiny || slices.ContainsFunc(t.elems, (*paramType).entity)
}

// attrs lists the attributes that values of this type may name.
func (t *paramType) attrs() []Attr {
	if t.attr != NoAttr {
		return []Attr{t.attr}
	}
	var out []Attr
	for _, e := range t.elems {
		out = append(out, e.attrs()...)
	}
	return out
}

// each calls f for t and the types in it.
func (t *paramType) each(f func(*paramType)) {
	f(t)
	for _, e := range t.elems {
		e.each(f)
	}
}

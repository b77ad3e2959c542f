package jsonrewrite

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// shape is a compiled rules.Shape.
type shape struct {
	index           int
	kind            rules.EntityKind
	has, any, lacks keySet // of members that are not null
	is              []isCond
	under           []int32
	looks           looks
	keys            []keyPlace
	decided, also   []place
	said            map[int32]*field
	fields          []*field // by number of the name; nil: not said
	hold            bool     // hidden: placeholder
	inList          string
	placeholder     []piece
	ifEmpty         int32
	join            int32 // the member that groups of one array have in common when they become one, or 0
	context         string
	space           path
	decides         bool
}

// looks are the numbers of the names that has, any, lacks and is speak of.
type looks struct{ has, any, lacks []int32 }

type isCond struct {
	id     int32
	values []nameEntry
}

type place struct {
	as   rules.Attr // NoAttr: a member, or a URL
	url  bool
	path path
}

// keyPlace is one of a shape's keys.
type keyPlace struct {
	attr      rules.Attr
	url       bool
	qualifies bool // a space's key beside a title
	path      path
}

// piece is a part of a placeholder: literal, or the name of a text.
type piece struct{ lit, name string }

func (p *Program) shape(in *rules.Shape) (*shape, error) {
	s := &shape{inList: in.InList}
	for _, k := range in.Where.Under {
		s.under = append(s.under, p.id(k))
	}
	switch in.Entity {
	case "user":
		s.kind = rules.User
	case "group":
		s.kind = rules.Group
	case "space":
		s.kind = rules.Space
	case "content":
		s.kind = rules.Content
	}
	for _, k := range in.Where.Has {
		s.looks.has = append(s.looks.has, p.id(k))
	}
	for _, k := range in.Where.Any {
		s.looks.any = append(s.looks.any, p.id(k))
	}
	for _, k := range in.Where.Lacks {
		s.looks.lacks = append(s.looks.lacks, p.id(k))
	}
	implied := map[int32]field{}
	for _, k := range slices.Sorted(maps.Keys(in.Where.Is)) {
		id := p.id(k)
		s.is = append(s.is, isCond{id, entriesOf(strings.Split(in.Where.Is[k], "|"))})
		s.looks.has = append(s.looks.has, id)
		implied[id] = field{op: keep}
	}
	if len(s.looks.has)+len(s.looks.any)+len(s.under) == 0 {
		return nil, fmt.Errorf("where: needs has, any, is or under")
	}
	for _, k := range slices.Sorted(maps.Keys(in.Keys)) {
		kp, err := p.keyOf(s.kind, k, in.Keys[k])
		if err != nil {
			return nil, err
		}
		s.keys = append(s.keys, kp)
		if len(kp.path) == 1 {
			f := field{op: keep}
			if kp.url {
				f.op = baseURL // as judgeURL reads it
			}
			implied[kp.path[0].id] = f
		} else if len(kp.path) > 1 {
			if id := kp.path[0].id; implied[id].op == unknown {
				implied[id] = field{op: walk}
			}
		}
	}
	var err error
	if s.decided, err = p.places(in.DecidedBy, implied); err != nil {
		return nil, fmt.Errorf("decided_by: %w", err)
	}
	if s.also, err = p.places(in.Also, implied); err != nil {
		return nil, fmt.Errorf("also: %w", err)
	}
	s.decides = len(s.keys)+len(s.decided) > 0
	if in.DropIfEmpty != "" {
		s.ifEmpty = p.id(in.DropIfEmpty)
		implied[s.ifEmpty] = field{op: walk}
	}
	if in.Join != "" {
		s.join = p.id(in.Join)
	}
	for k, v := range in.Fields {
		f, err := p.parseField(v)
		if err != nil {
			return nil, fmt.Errorf("field %q: %w", k, err)
		}
		implied[p.id(k)] = f
	}
	s.said = make(map[int32]*field, len(implied))
	for id, f := range implied {
		s.said[id] = &f
	}
	switch in.Hidden {
	case "", "remove":
	case "placeholder":
		s.hold = true
		if s.placeholder, err = parsePlaceholder(in.Placeholder); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("hidden: %q is neither remove nor placeholder", in.Hidden)
	}
	switch in.InList {
	case "", "each", "once", "remove":
	default:
		return nil, fmt.Errorf("in_list: %q is not each, once or remove", in.InList)
	}
	switch ctx, where, _ := strings.Cut(in.Context, ":"); strings.TrimSpace(ctx) {
	case "", "global":
		s.context = in.Context
	case "space":
		s.context = "space"
		if s.space, err = p.parsePath(strings.TrimSpace(where)); err != nil {
			return nil, fmt.Errorf("context: %w", err)
		}
	default:
		return nil, fmt.Errorf("context: %q is neither global nor space: PATH", in.Context)
	}
	return s, nil
}

// keyOf reads one entry of a shape's keys.
func (p *Program) keyOf(k rules.EntityKind, name, where string) (keyPlace, error) {
	at, err := p.parsePath(where)
	if err != nil {
		return keyPlace{}, fmt.Errorf("keys: %w", err)
	}
	kp := keyPlace{path: at}
	switch {
	case name == "url" || strings.HasSuffix(name, "_url"):
		kp.url = true
		return kp, nil
	case name == "revision":
		kp.attr = rules.RevisionID
	case k == rules.Content && (name == "space" || name == "space_key"):
		kp.attr, kp.qualifies = rules.SpaceKey, true
	case k == rules.Content && name == "space_id":
		kp.attr, kp.qualifies = rules.SpaceID, true
	case k == rules.Content && name == "space_name":
		kp.attr, kp.qualifies = rules.SpaceName, true
	default:
		a, ok := rules.ParseAttr(name)
		if !ok {
			a, ok = rules.ParseAttr(k.String() + "." + name)
		}
		if !ok {
			return kp, fmt.Errorf("keys: %q is no attribute of %s", name, k)
		}
		kp.attr = a
	}
	return kp, nil
}

func (p *Program) places(in []rules.Place, implied map[int32]field) ([]place, error) {
	var out []place
	for _, pl := range in {
		at, err := p.parsePath(pl.At)
		if err != nil {
			return nil, err
		}
		o := place{path: at}
		f := field{op: walk}
		switch pl.As {
		case "":
		case "url":
			o.url, f.op = true, baseURL // as judgeURL reads it
		default:
			a, ok := rules.ParseAttr(pl.As)
			if !ok {
				return nil, fmt.Errorf("%q is no attribute", pl.As)
			}
			o.as, f.op = a, keep
		}
		out = append(out, o)
		if len(at) == 0 {
			continue
		}
		if len(at) > 1 {
			f.op = walk
		}
		if id := at[0].id; implied[id].op == unknown {
			implied[id] = f
		}
	}
	return out, nil
}

var textName = regexp.MustCompile(`\$[a-z_]+`)

// parsePlaceholder splits the JSON text at its $names and checks that what
// comes of it is JSON.
func parsePlaceholder(s string) ([]piece, error) {
	if s == "" {
		return nil, fmt.Errorf("hidden: placeholder, but no placeholder is given")
	}
	var out []piece
	at := 0
	for _, m := range textName.FindAllStringIndex(s, -1) {
		out = append(out, piece{lit: s[at:m[0]]}, piece{name: s[m[0]+1 : m[1]]})
		at = m[1]
	}
	out = append(out, piece{lit: s[at:]})
	t := tape{p: &Program{table: newNameTable(nil)}}
	if err := t.read(fill(nil, out, nil)); err != nil {
		return nil, fmt.Errorf("placeholder: %w", err)
	}
	return out, nil
}

// fill appends a placeholder with texts, escaped for use within a JSON string.
func fill(dst []byte, ps []piece, texts map[string]string) []byte {
	for _, p := range ps {
		if p.name == "" {
			dst = append(dst, p.lit...)
			continue
		}
		from := len(dst)
		dst = edit.AppendQuoted(dst, texts[p.name])
		copy(dst[from:], dst[from+1:]) // without the quotes
		dst = dst[:len(dst)-2]
	}
	return dst
}

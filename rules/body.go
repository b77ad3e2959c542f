package rules

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// bodyPrefix marks, where a parameter is named, a field of the body.
const bodyPrefix = "body:"

// Bounds of what people write into one field.
const (
	maxProse  = 64 << 10
	maxMarkup = 1 << 20
	maxToken  = 256
)

// Body is what a write carries, as far as its route could read it. Targets are
// among the match's own subjects.
type Body struct {
	// Type is json, form, multipart or none.
	Type string
	// Subjects are what the fields name, Markup what they hold of source.
	Subjects []Subject
	Markup   []Markup
	// Fault is why the body is none that the route takes, and Param the field at
	// fault. It counts once the role has been judged.
	Fault, Param string
	// Actions are what the viewer must be allowed besides the match's own.
	Actions []Action
	// Files go to the wiki as they came, under names that were looked at.
	Files []File
	// Unread: it is a multipart form that nobody has read yet.
	Unread bool

	spec *body
	tree *bodyNode // of JSON, as it goes to the wiki
}

// Markup is a piece of source in the language of a codec.
type Markup struct {
	Param, Codec, Text string
}

// JSON gives a JSON body printed anew from what was judged, or nil.
func (b *Body) JSON() []byte {
	if b == nil || b.tree == nil {
		return nil
	}
	return b.tree.append(nil)
}

func (b *Body) fail(param, why string) {
	if b.Fault == "" {
		b.Fault, b.Param = why, param
	}
}

// body is a BodySpec, compiled.
type body struct {
	typ       string
	fields    map[string]*paramType
	inner     map[string]bool // paths of objects and arrays that hold fields
	need      [][]string
	selectors []string
	targets   map[string]bool
	actions   map[string]Action
}

// isForm says that fields are pairs of names and values.
func (b *body) isForm() bool { return b.typ == "form" || b.typ == "multipart" }

// bodyTree parses a JSON body, once.
func (x *matcher) bodyTree() *bodyNode {
	if x.tree == nil && x.req.JSON != nil && !x.light {
		x.tree, _ = parseBody(x.req.JSON)
	}
	return x.tree
}

// body reads what a write carries. Its targets become subjects of the request;
// for the rest there is time until the role has been judged.
func (x *matcher) body() {
	spec := x.rt.body
	if spec == nil || x.light {
		return
	}
	b := x.theBody()
	switch {
	case spec.typ != "json" && x.req.JSON != nil:
		b.fail("", "the route takes no such body")
	case !spec.isForm() && (len(x.req.Form) > 0 || x.req.Multipart):
		b.fail("", "the route takes no form")
	case spec.isForm() && x.req.Multipart != (spec.typ == "multipart"):
		b.fail("", "the route takes a form of another kind")
	case spec.typ == "multipart":
		if b.Unread = x.req.Unread; b.Unread {
			return
		}
		x.files(b)
	case spec.typ != "json":
	case x.bodyTree() == nil:
		b.fail("", "the route takes a JSON object")
	default:
		x.fields = true
		b.tree = x.node(b, x.tree, "")
		x.fields = false
	}
	if len(spec.need) > 0 && !oneComplete(spec.need, spec.selectors, x.givenField) {
		b.fail("", "no set of needed fields is complete, or one of another set stands beside it")
	}
}

// theBody is the match's, made where the first of it is read.
func (x *matcher) theBody() *Body {
	if x.m.Body == nil {
		x.m.Body = &Body{Type: x.rt.body.typ, spec: x.rt.body}
	}
	return x.m.Body
}

func (x *matcher) givenField(name string) bool {
	switch {
	case x.rt.body.typ == "json":
		return x.tree.has(name)
	case x.rt.body.fields[name].kind == tFile:
		return slices.ContainsFunc(x.req.Files, func(f File) bool { return f.Field == name })
	}
	return x.given(name)
}

// files reads the files of a multipart form. Their names are text that the
// viewer writes; what is in them is the wiki's to read.
func (x *matcher) files(b *Body) {
	for _, f := range x.req.Files {
		switch t := b.spec.fields[f.Field]; {
		case t == nil || t.kind != tFile:
			b.fail(f.Field, whyUnnamed)
		case !goodFileName(f.Name):
			b.fail(f.Field, "the file's name is none that every system reads alike")
		default:
			b.Files = append(b.Files, f)
		}
	}
}

// maxFileName is what file systems and wikis take.
const maxFileName = 255

// goodFileName refuses paths, and what hides the end of a name.
func goodFileName(s string) bool {
	if s == "" || len(s) > maxFileName || !utf8.ValidString(s) || strings.TrimSpace(s) != s || strings.Trim(s, ".") == "" {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return strings.ContainsRune(`/\<>:"|?*`, r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
	})
}

// node reads one value of a JSON body, and gives it as it goes to the wiki, or
// nil where it does not.
func (x *matcher) node(b *Body, n *bodyNode, path string) *bodyNode {
	t := b.spec.fields[path]
	switch {
	case n.kind == jsonNull || t != nil && t.kind == tDrop:
		return nil // as if it were not there
	case n.kind == jsonObject || n.kind == jsonArray:
		return x.inner(b, n, path)
	case t == nil:
		b.fail(bodyPrefix+path, whyUnnamed)
		return nil
	case !takesJSON(t, n):
		b.fail(bodyPrefix+path, "a value of another kind than the route takes")
		return nil
	}
	v, send := x.field(b, t, path, n.value)
	if !send {
		return nil
	}
	return &bodyNode{kind: n.kind, value: v}
}

// inner reads an object or an array.
func (x *matcher) inner(b *Body, n *bodyNode, path string) *bodyNode {
	if !b.spec.inner[path] {
		b.fail(bodyPrefix+path, whyUnnamed)
		return nil
	}
	out := &bodyNode{kind: n.kind}
	for i, child := range n.children {
		below := "#"
		if n.kind == jsonObject {
			below = n.names[i]
			if strings.ContainsAny(below, ".#") {
				b.fail(bodyPrefix+path, "a member with a name that no route has")
				continue
			}
		}
		if path != "" {
			below = path + "." + below
		}
		c := x.node(b, child, below)
		if c == nil {
			continue
		}
		out.children = append(out.children, c)
		if n.kind == jsonObject {
			out.names = append(out.names, n.names[i])
		}
	}
	return out
}

// formField reads one pair of a write's form that its body names.
func (x *matcher) formField(q *Param, repeated bool) bool {
	spec := x.rt.body
	if spec == nil || !spec.isForm() || x.light {
		return false
	}
	t, b := spec.fields[q.Name], x.theBody()
	switch slot, known := x.rt.names[q.Name]; {
	case t == nil && known && (slot.typ != nil || slot.control || slot.forced):
		return false // a parameter, that stands here
	case t == nil || t.kind == tFile:
		b.fail(q.Name, whyUnnamed)
	case repeated:
		b.fail(q.Name, "stands there twice")
	default:
		if v, send := x.field(b, t, q.Name, q.Value); send {
			x.send(Param{q.Name, v})
		}
	}
	return true
}

// field reads one value. What it names is the body's own, or the request's
// where the field is a target.
func (x *matcher) field(b *Body, t *paramType, path, value string) (string, bool) {
	from := len(x.m.Subjects)
	lists := len(x.m.Lists)
	v, send, why := x.read(t, bodyPrefix+path, value, false)
	x.m.Lists = x.m.Lists[:lists]
	if why != "" {
		b.fail(bodyPrefix+path, why)
	}
	if a, ok := b.spec.actions[path]; ok && send && !slices.Contains(b.Actions, a) {
		b.Actions = append(b.Actions, a)
	}
	if !b.spec.targets[path] {
		b.Subjects = append(b.Subjects, x.m.Subjects[from:]...)
		x.m.Subjects = x.m.Subjects[:from]
	}
	return v, send && why == ""
}

// valueBeside is the value of the parameter or field that another one's type
// refers to.
func (x *matcher) valueBeside(name string) string {
	if x.fields {
		v, _ := x.tree.text(name)
		return v
	}
	v, _ := x.m.Value(name)
	return v
}

// readWritten reads what only bodies hold.
func (x *matcher) readWritten(t *paramType, name, v string) (string, bool, string) {
	switch {
	case t.kind == tToken:
		return v, v != "", whyNot(goodToken(v), "no token")
	case t.kind == tProse:
		return v, true, whyNot(len(v) <= maxProse && goodLines(v), "not plain text")
	case len(v) > maxMarkup || !goodLines(v):
		return "", false, "not plain text"
	}
	if v != "" && x.m.Body != nil {
		x.m.Body.Markup = append(x.m.Body.Markup, Markup{name, t.codec, v})
	}
	return v, true, ""
}

// goodToken takes what wikis make tokens of.
func goodToken(s string) bool {
	return len(s) <= maxToken && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '<' || r == '>' })
}

// takesJSON says that a type takes a value of this kind. Numbers are whole, and
// spelled as one would.
func takesJSON(t *paramType, n *bodyNode) bool {
	switch n.kind {
	case jsonString:
		return t.kind != tFlag && t.kind != tInt
	case jsonBool:
		return t.kind == tFlag
	case jsonNumber:
		digits := strings.TrimPrefix(n.value, "-")
		plain := len(digits) <= 18 && allDigits(digits) && digits != "" && (digits[0] != '0' || n.value == "0")
		return plain && (t.kind == tInt || t.kind == tDigits || t.kind == tAttr && slices.Contains([]Attr{ContentID, RevisionID, SpaceID}, t.attr))
	}
	return false
}

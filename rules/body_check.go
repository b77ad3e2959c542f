package rules

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// body compiles what a write carries, and where the source of what it changes
// is.
func (c *compiler) body(rt *route, spec *RouteSpec, path []any) {
	if spec.PartAction != "" {
		rt.partAction = spec.PartAction
	}
	if spec.Source != nil {
		rt.source = c.source(spec.Source, sub(path, "source"))
	}
	if spec.Body == nil {
		return
	}
	at := sub(path, "body")
	c.pc.oneOf(at, "type", spec.Body.Type, "json", "form", "multipart", "none")
	b := &body{typ: spec.Body.Type, fields: map[string]*paramType{}, inner: map[string]bool{"": true}, need: spec.Body.Need, targets: map[string]bool{}, actions: spec.Body.Actions}
	if b.typ == "" {
		c.fail(at, "body: wants a type: json, form or multipart, or the word none")
		return
	}
	if b.typ == "none" && len(spec.Body.Fields)+len(spec.Body.Need)+len(spec.Body.Targets) > 0 {
		c.fail(at, "body: none has no fields")
	}
	for _, name := range sortedKeys(spec.Body.Fields) {
		t, err := c.env.parseType(spec.Body.Fields[name])
		switch {
		case err != nil:
			c.fail(sub(at, "fields", name), "%v", err)
			continue
		case t.kind == tQuery || t.kind == tModules || t.cursor():
			c.fail(sub(at, "fields", name), "%s stands in a URL, never in a body", t.src)
		case t.kind == tFile && b.typ != "multipart":
			c.fail(sub(at, "fields", name), "a file stands in a body of type multipart")
		case b.isForm() && !goodName(name), b.typ == "json" && !goodPath(name):
			c.fail(sub(at, "fields", name), "%q is no field of a %s body", name, b.typ)
		}
		if attr, ok := namedAttr(name[strings.LastIndexByte(name, '.')+1:]); ok && t.unjudged() {
			c.fail(sub(at, "fields", name), "%q is %s, but its name says that it holds %s; what is not sent on can be drop", name, t.src, attr)
		}
		b.fields[name] = t
		for up := name; b.typ == "json" && strings.Contains(up, "."); {
			up = up[:strings.LastIndexByte(up, '.')]
			b.inner[up] = true
		}
	}
	c.bodyNames(b, spec.Body, at)
	rt.body = b
}

// bodyNames looks at what the rest of a body's spec refers to.
func (c *compiler) bodyNames(b *body, spec *BodySpec, at []any) {
	names := sortedKeys(b.fields)
	for _, name := range names {
		t := b.fields[name]
		if b.inner[name] && t.kind != tDrop {
			c.fail(sub(at, "fields", name), "%q holds other fields, so that it is no value", name)
		}
		t.each(func(t *paramType) {
			if t.in != "" && b.typ == "json" && b.fields[t.in] == nil {
				c.fail(sub(at, "fields", name), "content.title in %s: there is no such field%s", t.in, suggest(t.in, names))
			}
		})
	}
	for _, set := range spec.Need {
		for _, name := range set {
			if b.fields[name] == nil {
				c.fail(sub(at, "need"), "%q is no field of this body%s", name, suggest(name, names))
			}
			if !slices.Contains(b.selectors, name) {
				b.selectors = append(b.selectors, name)
			}
		}
	}
	for i, name := range spec.Targets {
		switch t := b.fields[name]; {
		case t == nil:
			c.fail(sub(at, "targets", i), "%q is no field of this body%s", name, suggest(name, names))
		case !t.entity():
			c.fail(sub(at, "targets", i), "a target is a field that names an entity, and %q is %s", name, t.src)
		}
		b.targets[name] = true
	}
	for _, name := range sortedKeys(spec.Actions) {
		if b.fields[name] == nil {
			c.fail(sub(at, "actions", name), "%q is no field of this body%s", name, suggest(name, names))
		}
		c.pc.oneOf(sub(at, "actions"), name, string(spec.Actions[name]), "comment", "mention", "write", "restrict", "assign")
	}
}

var fieldPath = regexp.MustCompile(`^(?:#|[A-Za-z_][A-Za-z0-9_-]*)(?:\.(?:#|[A-Za-z_][A-Za-z0-9_-]*))*$`)

func goodPath(s string) bool { return len(s) <= 256 && fieldPath.MatchString(s) }

// checkWrite looks at a whole route that writes, or should not.
func (c *compiler) checkWrite(rt *route, known map[string]*paramType, path []any) {
	for _, name := range sortedKeys(rt.params) {
		if rt.params[name].bodyOnly() && !(rt.params[name].kind == tToken && rt.class == ClassWrite) {
			c.fail(sub(path, "params", name), "%s stands in a body, never in a URL", rt.params[name].src)
		}
	}
	if rt.body == nil {
		if rt.source != nil {
			c.fail(sub(path, "source"), "source: is of what a write changes, and the route has no body:")
		}
		return
	}
	switch {
	case rt.class != ClassWrite:
		c.fail(sub(path, "body"), "body: only routes of class write have one; this one is %s", rt.class)
	case rt.body.typ != "none" && slices.Contains(rt.methods, "GET"):
		c.fail(sub(path, "body"), "body: a GET request has none")
	case rt.body.isForm():
		for _, name := range sortedKeys(rt.body.fields) {
			if rt.params[name] != nil || rt.control[name] {
				c.fail(sub(path, "body", "fields", name), "%q is a parameter as well", name)
			}
		}
	}
	if rt.source == nil {
		return
	}
	for _, name := range rt.source.names {
		if _, ok := known[name]; !ok && !hasKey(rt.control, name) {
			c.fail(sub(path, "source", "get"), "{%s}: there is no such parameter%s", name, suggest(name, sortedKeys(known)))
		}
	}
	field, ofBody := strings.CutPrefix(rt.source.spec.Is, bodyPrefix)
	if _, ok := known[field]; field != "" && rt.body.fields[field] == nil && (ofBody || !ok) {
		c.fail(sub(path, "source", "is"), "%q is neither a parameter nor a field of the body", rt.source.spec.Is)
	}
}

// sourceRoute is a SourceSpec, compiled.
type sourceRoute struct {
	spec  *SourceSpec
	names []string // what stands in braces
}

var braced = regexp.MustCompile(`\{([A-Za-z0-9_.-]+)\}`)

func (c *compiler) source(spec *SourceSpec, at []any) *sourceRoute {
	s := &sourceRoute{spec: spec}
	for _, m := range braced.FindAllStringSubmatch(spec.Get, -1) {
		s.names = append(s.names, m[1])
	}
	if u, err := url.Parse(braced.ReplaceAllString(spec.Get, "x")); err != nil || !strings.HasPrefix(spec.Get, "/") || u.Fragment != "" || u.Host != "" {
		c.fail(sub(at, "get"), "get: wants a path and query of the wiki's, with {name} for what the request names, not %q", spec.Get)
	}
	if spec.At == "" {
		c.fail(at, "source: wants at: the JSON path of the source")
	}
	if !slices.Contains(markupCodecs, spec.Codec) {
		c.fail(sub(at, "codec"), "codec: %q is none of %s%s", spec.Codec, strings.Join(markupCodecs, ", "), suggest(spec.Codec, markupCodecs))
	}
	if (spec.Revision == "") != (spec.Is == "") {
		c.fail(at, "source: revision and is go together: which version it is, and which one the client names")
	}
	return s
}

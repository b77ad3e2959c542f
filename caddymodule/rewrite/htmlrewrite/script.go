package htmlrewrite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
	"github.com/postern-gateway/postern/rules/codec/jsjson"
)

// scriptRule is one compiled ScriptRule.
type scriptRule struct {
	group    int
	has      string
	match    *regexp.Regexp
	keep     bool
	template bool
	remove   bool
	strict   bool
	keys     []string
	json     map[string]map[string]rules.FieldSpec
}

func (pr *Program) compileScript(s *rules.ScriptRule) error {
	sr := scriptRule{has: s.Has, keep: s.Keep, template: s.Template, remove: s.Remove, strict: s.Strict, json: s.JSON}
	sr.keys = slices.Sorted(maps.Keys(s.JSON))
	if !sr.keep && !sr.template && !sr.remove && len(sr.keys) == 0 {
		return fmt.Errorf("none of keep, json, template, remove is given")
	}
	if s.Match != "" {
		re, err := regexp.Compile(`^\s*(?:` + s.Match + `)\s*$`)
		if err != nil {
			return fmt.Errorf("match: %w", err)
		}
		sr.match = re
	}
	sel := strings.TrimSpace(s.Select)
	if name, ok := strings.CutPrefix(sel, "@"); ok { // JSON in attributes of that name
		pr.voc.info[pr.voc.attr(lower(name))].json = &sr
		return nil
	}
	if sel == "" {
		sel = "script"
	}
	g, err := pr.set.add(sel)
	sr.group = g
	pr.scripts = append(pr.scripts, sr)
	return err
}

// script judges a <script>: its src by the route table, its text by the first
// rule that takes it. What no rule takes goes.
func (r *run) script(i int32) {
	t := r.t
	n := &t.nodes[i]
	for _, name := range [...]attrID{aSrc, aHref, aXlinkHref} {
		a := t.attribute(n, name)
		if a == nil {
			continue
		}
		if l := r.link(t.value(a)); l.Fate != rules.FateKeep {
			r.rep.Hide(l.Kind, edit.Removed)
			r.kill(i, i, "")
			return
		}
		if n.close > n.open { // a browser does not run it
			r.always++
			r.empty(i, "")
		}
		return
	}
	text := t.s[n.open:n.close]
	if strings.TrimSpace(text) == "" {
		return
	}
	if n.flags&nForeign == 0 {
		for k := range r.p.scripts {
			sr := &r.p.scripts[k]
			if !r.m.is(sr.group, i) || sr.has != "" && !strings.Contains(text, sr.has) || sr.match != nil && !sr.match.MatchString(text) {
				continue
			}
			if out, ok := r.scriptText(sr, text); ok {
				if out != text {
					r.empty(i, out)
				}
				return
			}
			break
		}
	}
	r.always++
	r.rep.UnknownFields++
	r.kill(i, i, "")
}

// scriptText rewrites a script's text; not ok: the script goes.
func (r *run) scriptText(sr *scriptRule, text string) (string, bool) {
	switch {
	case sr.remove:
		return "", false
	case sr.template:
		out, ok := r.innerTemplate(text)
		return out, ok && (out == text || scriptSafe(out))
	case sr.keep && len(sr.keys) == 0:
		return text, true
	}
	if r.in.InnerJSON == nil {
		return "", false
	}
	var list, rest edit.List
	found := false
	for _, key := range sr.keys {
		var at []jsjson.Literal
		if key == "" || key == "." { // the whole script is JSON
			at = []jsjson.Literal{{Start: 0, End: len(text)}}
		} else {
			var err error
			if at, err = jsjson.FindAll([]byte(text), key); err != nil {
				return "", false
			}
		}
		for _, l := range at {
			found = true
			rest.Replace(l.Start, l.End, "0")
			v, ok := r.literal(text[l.Start:l.End], sr.json[key])
			if !ok {
				return "", false
			}
			if v != text[l.Start:l.End] {
				list.Replace(l.Start, l.End, v)
			}
		}
	}
	if !found && !sr.keep {
		return "", false
	}
	if sr.strict {
		code, err := rest.Apply(nil, []byte(text))
		if err != nil || bytes.ContainsAny(indexName.ReplaceAll(code, nil), "\"'`") || bytes.Contains(code, []byte("//")) || bytes.Contains(code, []byte("/*")) {
			return "", false
		}
	}
	out, err := list.Apply(nil, []byte(text))
	if err != nil {
		r.fail(err)
		return "", false
	}
	return string(out), string(out) == text || scriptSafe(string(out))
}

// indexName is a name in brackets, such as a plugin's.
var indexName = regexp.MustCompile(`\["[A-Za-z0-9_.:@/-]*"\]`)

// literal rewrites one JSON value that stands in a script. JSON inside a
// string is rewritten there.
func (r *run) literal(v string, fields map[string]rules.FieldSpec) (string, bool) {
	body := strings.TrimSpace(v)
	if strings.HasPrefix(body, `"`) {
		var inner string
		if json.Unmarshal([]byte(body), &inner) != nil {
			return "", false
		}
		var scalar string
		if strings.HasPrefix(inner, `"`) && json.Unmarshal([]byte(inner), &scalar) == nil {
			// JSON in a string, and that a string again.
			out, ok := r.loneString(inner, scalar, fields)
			if !ok || out == inner {
				return v, ok
			}
			return requote(body, out), true
		}
		if looksLikeScalar(inner) {
			return v, true
		}
		if !looksLikeJSON(inner) {
			// A lone string: read as the value of a field called "".
			return r.loneString(v, inner, fields)
		}
		out, err := r.in.InnerJSON([]byte(inner), fields)
		if err != nil {
			return "", false
		}
		if string(out) == inner {
			return v, true
		}
		return requote(v, string(out)), true
	}
	out, err := r.in.InnerJSON([]byte(v), fields)
	if err != nil {
		return "", false
	}
	if string(out) == v {
		return v, true
	}
	return escapeJSON(string(out)), true
}

// looksLikeScalar: such JSON in a string says nothing.
func looksLikeScalar(s string) bool { return s == "true" || s == "false" || s == "null" }

// loneString rewrites a string through an object with the one member "".
func (r *run) loneString(raw, v string, fields map[string]rules.FieldSpec) (string, bool) {
	if v == "" {
		return raw, true
	}
	out, err := r.in.InnerJSON([]byte(`{"":`+quoteJSON(v)+`}`), fields)
	if err != nil {
		return "", false
	}
	var m map[string]string
	if json.Unmarshal(out, &m) != nil {
		return "", false
	}
	if m[""] == v {
		return raw, true
	}
	if m[""] == "" && !strings.HasPrefix(raw, `"`) {
		return "", false
	}
	return requote(raw, m[""]), true
}

// requote gives s as a string spelt as raw is, whose value it was cut from.
func requote(raw, s string) string {
	if len(raw) < 2 || raw[0] != '"' || !json.Valid([]byte(raw)) {
		return quoteJSON(s)
	}
	return string(edit.Requote(nil, []byte(raw[1:len(raw)-1]), []byte(s)))
}

func quoteJSON(s string) string {
	b, _ := json.Marshal(s) // escapes <, > and & as well; a string can't fail
	return string(b)
}

// escapeJSON makes changed JSON safe inside a script: "<" can stand in strings
// only, where it may be escaped.
func escapeJSON(s string) string {
	if scriptSafe(s) {
		return s
	}
	return strings.ReplaceAll(s, "<", `\u003c`)
}

// scriptSafe reports whether a text, put into a script, leaves the script's end
// where it is.
func scriptSafe(s string) bool {
	if strings.IndexByte(s, '<') < 0 {
		return true
	}
	l := lower(s)
	return !strings.Contains(l, "</script") && !strings.Contains(l, "<!--") && !strings.Contains(l, "<script") &&
		!strings.HasSuffix(l, "<")
}

// anyJSON is for data of which no rule of the profile says anything.
var anyJSON scriptRule

// attrJSON rewrites JSON in an attribute.
func (r *run) attrJSON(sr *scriptRule, a *attribute, v string) {
	if sr.keep && len(sr.keys) == 0 {
		return
	}
	var fields map[string]rules.FieldSpec
	for _, f := range sr.json {
		fields = f
	}
	if r.in.InnerJSON != nil && !sr.remove {
		if out, err := r.in.InnerJSON([]byte(v), fields); err == nil {
			if !bytes.Equal(out, []byte(v)) {
				r.setAttr(a, string(out))
			}
			return
		}
	}
	r.always++
	r.rep.UnknownFields++
	r.cutAttr(a)
}

// innerTemplate rewrites a template for scripts, in which values that are still
// to be filled in stand in braces.
func (r *run) innerTemplate(s string) (string, bool) {
	own := r.in
	in := *own
	in.template = true
	r.in = &in
	out, ok := r.inner(s, true)
	r.in = own
	return out, ok
}

// toFill reports whether a value is one that a script fills in: in a template,
// with nothing but punctuation beside the braces.
func (r *run) toFill(v string) bool {
	if !r.in.template || !strings.Contains(v, "{") {
		return false
	}
	rest := fillIn.ReplaceAllString(v, "")
	return rest != v && !strings.ContainsFunc(rest, func(c rune) bool { return c == '{' || c == '}' || c >= 0x80 || isAlnum(byte(c)) })
}

var fillIn = regexp.MustCompile(`\{[A-Za-z0-9_.]{1,40}\}`)

// inner rewrites a document inside this one; not ok: it must go.
func (r *run) inner(s string, fragment bool) (string, bool) {
	if r.in.depth >= maxInner {
		r.fail(fmt.Errorf("html: %w: documents nested more than %d deep", edit.ErrAmbiguous, maxInner))
		return "", false
	}
	in := *r.in
	in.depth++
	in.Fragment = fragment
	in.Evidence = nil
	q := newRun(r.p, &in, len(s))
	defer q.release()
	q.judge, q.base = r.judge, r.base
	out, err := q.document(nil, []byte(s), s)
	if err != nil {
		r.fail(err)
		return "", false
	}
	r.rep.Add(q.rep)
	r.always += q.always
	r.rep.RootHidden = r.rep.RootHidden || q.rep.RootHidden
	return string(out), true
}

func (r *run) srcdoc(a *attribute) {
	v := r.t.value(a)
	if out, ok := r.inner(v, false); ok && out != v {
		r.setAttr(a, out)
	}
}

// innerText rewrites markup in an element whose content browsers skip.
func (r *run) innerText(i int32) {
	n := &r.t.nodes[i]
	v := r.t.s[n.open:n.close]
	out, ok := r.inner(v, true)
	switch {
	case !ok || out == v:
	case rawEnd(out, r.t.tagName(n), 0) < len(out) || strings.HasSuffix(out, "<"):
		r.empty(i, "")
	default:
		r.empty(i, out)
	}
}

// animation takes the values from an SVG animation that sets a URL.
func (r *run) animation(n *node) {
	v, _ := r.t.attrValue(n, aAttributeName)
	if v = lower(strings.TrimSpace(v)); v != "href" && v != "xlink:href" && v != "src" {
		return
	}
	for _, name := range [...]attrID{aTo, aFrom, aBy, aValues} {
		if a := r.t.attribute(n, name); a != nil {
			r.always++
			r.cutAttr(a)
		}
	}
}

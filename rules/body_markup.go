package rules

import (
	"regexp"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/rules/codec/storage"
	"github.com/postern-gateway/postern/rules/codec/wikitext"
)

// markupCodecs are the languages of source that can be read for what it names.
var markupCodecs = []string{"wikitext", "xhtml-storage"}

// macros are what source of one codec may call: name, parameter, type.
type macros map[string]map[string]*paramType

// macros compiles what written source may call.
func (c *compiler) macros() {
	for _, codec := range sortedKeys(c.p.Macros) {
		at := []any{"macros", codec}
		c.pc.oneOf(at, "codec", codec, "xhtml-storage") // wikitext has no macros, and its functions are the codec's
		for _, name := range sortedKeys(c.p.Macros[codec]) {
			params := map[string]*paramType{}
			for _, param := range sortedKeys(c.p.Macros[codec][name]) {
				t, err := c.env.parseType(c.p.Macros[codec][name][param])
				switch {
				case err != nil:
					c.fail(sub(at, name, param), "%v", err)
				case t.kind == tMarkup || t.kind == tToken || t.kind == tQuery || t.in != "":
					c.fail(sub(at, name, param), "%s cannot be a parameter of a macro", t.src)
				default:
					params[param] = t
				}
			}
			if c.t.macros == nil {
				c.t.macros = map[string]macros{}
			}
			if c.t.macros[codec] == nil {
				c.t.macros[codec] = macros{}
			}
			c.t.macros[codec][name] = params
		}
	}
}

// Body judges what a write carries, once the request itself was admitted: what
// its fields name, and all that stands in its source. People in it are chosen,
// and so candidates. A title that names nothing, in a place that the viewer may
// see, may be written; what the directory does not know yet is unknown, and
// among Unknown.
func (j *Judge) Body(m *Match) Decision {
	b := m.Body
	switch {
	case b == nil:
		return visible(reasonBodyVisible)
	case b.Fault != "" || b.Unread:
		return hidden(reasonBodyUnread)
	}
	worst := visible(reasonBodyVisible)
	for i := range b.Subjects {
		s := &b.Subjects[i]
		worst = worse(worst, j.written(s.Ref, s.Loose))
	}
	for i := range b.Markup {
		worst = worse(worst, j.Written(m, b.Markup[i].Codec, []byte(b.Markup[i].Text)))
	}
	return worst
}

func worse(a, b Decision) Decision {
	if badness(b) > badness(a) {
		return b
	}
	return a
}

// written judges something that a body names.
func (j *Judge) written(ref Ref, mayMiss bool) Decision {
	on := j
	if ref.Kind == User {
		on = j.Candidates()
	}
	d := on.Entity(ref)
	if mayMiss && d.Verdict == Unknown && d.Absent {
		return visible(d.Reason)
	}
	return d
}

// Written judges source that the viewer writes: all that it names is judged as
// a link would be, people as candidates, and what it calls must be among the
// profile's macros.
func (j *Judge) Written(m *Match, codec string, src []byte) Decision {
	return j.markup(m, codec, src, true)
}

// Source judges source that stands in the wiki: whether it names anything that
// the viewer may not see.
func (j *Judge) Source(m *Match, codec string, src []byte) Decision {
	return j.markup(m, codec, src, false)
}

func (j *Judge) markup(m *Match, codec string, src []byte, written bool) Decision {
	worst := visible(reasonBodyVisible)
	switch codec {
	case "wikitext":
		refs, err := wikitext.Refs(src)
		if err != nil {
			return hidden(reasonBodyMarkup)
		}
		for _, r := range refs {
			worst = worse(worst, j.wikitext(m, r, written))
		}
	case "xhtml-storage":
		read := storage.Refs
		if written {
			read = storage.Written
		}
		refs, err := read(src)
		if err != nil {
			return hidden(reasonBodyMarkup)
		}
		for _, r := range refs {
			worst = worse(worst, j.storage(r, written))
		}
	default:
		return hidden(reasonBodyMarkup)
	}
	return worst
}

func (j *Judge) key(attr Attr, value, space string, written bool) Decision {
	ref := Ref{Kind: attr.Kind(), Keys: []Key{{Attr: attr, Value: value, Space: space}}}
	if !written && attr.Kind() == User {
		d := j.Entity(ref)
		return d
	}
	return j.written(ref, true)
}

// link judges a URL in source. One that leads to what is closed names nothing.
func (j *Judge) link(raw string) Decision {
	switch l := j.URL(raw); l.Fate {
	case FateKeep, FateUnwrap:
		return visible(reasonBodyVisible)
	default:
		if l.Decision.Verdict == Visible {
			return hidden(whyUnreadable)
		}
		return l.Decision
	}
}

// storage judges one thing that xhtml-storage names.
func (j *Judge) storage(r storage.Ref, written bool) Decision {
	switch r.Kind {
	case storage.User:
		if a, ok := ParseAttr("user." + r.Attr); ok {
			return j.key(a, r.Value, "", written)
		}
	case storage.Page, storage.BlogPost:
		return j.key(ContentTitle, r.Value, r.Space, written)
	case storage.Content:
		return j.key(ContentID, r.Value, "", written)
	case storage.Space:
		return j.spaceName(r.Value)
	case storage.URL:
		return j.link(r.Value)
	case storage.Attachment:
		return visible(reasonBodyVisible) // of the page that it stands on, or of the one named beside it
	case storage.Macro, storage.MacroParam, storage.MacroBody:
		if written {
			return j.macro(r)
		}
		if r.Kind != storage.MacroParam || harmlessParam.MatchString(r.Value) {
			return visible(reasonBodyVisible)
		}
	}
	return hidden(reasonBodyMacro)
}

// harmlessParam is a macro's parameter that can name nothing.
var harmlessParam = regexp.MustCompile(`^(?:[0-9]+(?:\.[0-9]+)?(?:px|em|%)?|true|false|none|left|right|center|top|bottom|)$`)

// spaceName judges the key of a space beside a page of it.
func (j *Judge) spaceName(key string) Decision {
	ref := Ref{Kind: Space, Keys: []Key{{Attr: SpaceKey, Value: key}}}
	d := j.view.spaceSubject(&ref)
	if d.Verdict == Unknown && !d.Absent {
		j.miss(ref)
	}
	return d
}

// macro judges a macro, a parameter of one, or its text.
func (j *Judge) macro(r storage.Ref) Decision {
	t := j.profile.routes()
	all, name := t.macros["xhtml-storage"], r.Macro
	if r.Kind == storage.Macro {
		name = r.Value
	}
	params, ok := all[name]
	if !ok {
		return hidden(reasonBodyMacro)
	}
	if r.Kind != storage.MacroParam {
		return visible(reasonBodyVisible)
	}
	typ, ok := params[r.Attr]
	if !ok {
		return hidden(reasonBodyMacro)
	}
	x := matcher{t: t, m: &Match{}, f: j.facts, req: &Request{}}
	if out, send, why := x.read(typ, r.Attr, r.Value, false); why != "" || send && out != r.Value {
		return hidden(reasonBodyMacro) // source goes up as it is
	}
	worst := visible(reasonBodyVisible)
	for i := range x.m.Subjects {
		worst = worse(worst, j.written(x.m.Subjects[i].Ref, true))
	}
	return worst
}

// defaultSpace is the space in which a title without a prefix is meant, by the
// codec's own name for it.
var defaultSpace = map[wikitext.Kind]string{
	wikitext.Template: "Template:", wikitext.File: "File:", wikitext.Category: "Category:",
}

// wikitext judges one thing that wikitext names.
func (j *Judge) wikitext(m *Match, r wikitext.Ref, written bool) Decision {
	switch r.Kind {
	case wikitext.URL:
		return j.link(r.Target)
	case wikitext.Link, wikitext.Redirect:
		return j.titled(r.Target, written)
	case wikitext.Template, wikitext.File, wikitext.Category:
		if strings.Contains(r.Target, ":") {
			return j.titled(r.Target, written)
		}
		return j.titled(defaultSpace[r.Kind]+r.Target, written)
	case wikitext.Relative:
		if page := j.view.about(m); page != nil {
			if sub, ok := strings.CutPrefix(r.Target, "/"); ok {
				return j.key(ContentTitle, page.Title+"/"+strings.TrimSuffix(sub, "/"), page.Space, written)
			}
		}
	}
	return hidden(reasonBodyMacro)
}

// titled judges a full title. That of a person's own page notifies the person.
func (j *Judge) titled(raw string, written bool) Decision {
	k, ok := j.profile.TitleKey(j.facts, raw)
	if !ok {
		if d, ok := j.SpecialTitle(raw); ok && !written {
			return d
		}
		return hidden(reasonBodyMarkup)
	}
	d := j.key(ContentTitle, k.Value, k.Space, written)
	if space, ok := j.facts.FindSpaceByAnyName(k.Space); ok && written && j.view.e.spaces[j.view.e.spaces[space].subject].follow == "user" {
		d = worse(d, j.written(Ref{Kind: User, Keys: []Key{{Attr: UserName, Value: firstSegment(strings.TrimSpace(k.Value))}}}, false))
	}
	return d
}

// about is the first page that a request is about, or nil.
func (v *View) about(m *Match) *ContentRecord {
	i := slices.IndexFunc(m.Subjects, func(s Subject) bool { return s.Ref.Kind == Content })
	if i < 0 {
		return nil
	}
	r := v.resolve(&m.Subjects[i].Ref, Context{Space: NoID})
	if r.id == NoID || r.doubt != nil {
		return nil
	}
	return &v.e.f.Contents()[r.id]
}

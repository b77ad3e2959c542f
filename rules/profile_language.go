package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// profileLanguage is the version of the profile language that this code reads.
const profileLanguage = 1

// language checks which language the file is written in, and for which
// versions of the wiki, before anything else in it is understood.
func (s *source) language() error {
	p := s.profile
	var errs Errors
	fail := func(key, format string, args ...any) {
		n, _ := s.find([]any{key})
		errs.push(s.file, &Error{Line: n.Line, Col: n.Column, Msg: fmt.Sprintf(format, args...)})
	}
	if _, said := s.find([]any{"language"}); said && p.Language != profileLanguage {
		fail("language", "language: version %d of the profile language is not known here; this Postern reads version %d", p.Language, profileLanguage)
	}
	if p.Versions != "" {
		if _, err := semver.NewConstraint(p.Versions); err != nil {
			fail("versions", "versions: %q is no range of versions; want one such as \">=7.19 <10\"", p.Versions)
		}
	}
	return errs.err()
}

// Supports says whether the profile was tested on this version of the wiki;
// what is no version is not supported.
func (p *Profile) Supports(version string) bool {
	v, err := semver.NewVersion(version)
	if err != nil {
		return false
	}
	if p.Versions == "" {
		return true
	}
	c, err := semver.NewConstraint(p.Versions)
	return err == nil && c.Check(v)
}

// writeOut writes short forms out in full, so that all that follows knows one
// way to say a thing.
func (p *Profile) writeOut() error {
	for i := range p.Routes {
		p.Routes[i].writeOut()
	}
	for name, s := range p.Specials {
		s.writeOut()
		p.Specials[name] = s
	}
	for i := range p.Shapes {
		s := &p.Shapes[i]
		for _, name := range s.Prose {
			if !hasKey(s.Fields, name) {
				copyInto(&s.Fields, map[string]FieldSpec{name: "prose"})
			}
		}
	}
	for i := range p.Feeds {
		if c := p.Feeds[i].Channel; c != nil {
			p.Feeds[i].Newest = append(p.Feeds[i].Newest, c.Newest...)
		}
	}
	return nil
}

func (r *RouteSpec) writeOut() {
	for name, n := range r.Narrow {
		n.writeOut()
		r.Narrow[name] = n
	}
	if also, ok := r.Evidence["also"]; ok {
		also.writeOut()
	}
	for value, v := range r.Variants {
		v.writeOut()
		r.Variants[value] = v
	}
	for key, part := range r.Part {
		part.writeOut()
		part.writePart()
		r.Part[key] = part
	}
	if r.Page == nil && r.unpaged() {
		r.Page = &PageSpec{Kind: "none", Why: "the answer is one whole"}
	}
}

// unpaged says that the answer shows by its own form that there is no next page
// to go to: a feed, or arrays side by side.
func (r *RouteSpec) unpaged() bool {
	if r.Response == nil || len(r.Parts)+len(r.Variants) > 0 {
		return false
	}
	feed := len(r.Response.Types) > 0 && !slices.ContainsFunc(r.Response.Types, func(t string) bool { return t != "rss" && t != "atom" })
	return feed || len(r.Response.Parallel) > 0
}

// writePart makes page and response of a part's short forms.
func (r *RouteSpec) writePart() {
	if r.Items != "" || r.Cursor != "" || r.Total != nil {
		page := PageSpec{Kind: "none"}
		if r.Page != nil {
			page = *r.Page
		}
		if r.Items != "" {
			page.Items = r.Items
		}
		if r.Total != nil {
			page.Total = r.Total
		}
		if _, ok := r.Params["limit"]; ok && page.Limit == "" {
			page.Limit = "limit"
		}
		r.writeCursor(&page)
		r.Page = &page
	}
	if len(r.Drop)+len(r.Dict) > 0 {
		resp := ResponseSpec{}
		if r.Response != nil {
			resp = *r.Response
		}
		resp.Drop = append(slices.Clone(resp.Drop), r.Drop...)
		resp.Dict = merged(resp.Dict, r.Dict)
		r.Response = &resp
	}
}

// writeCursor reads "continue.rccontinue": the object that says how the list
// goes on, and the parameter in it. Where nothing is said, the part's own cursor
// parameter is it.
func (r *RouteSpec) writeCursor(page *PageSpec) {
	if r.Cursor != "" {
		at, param, ok := cutLast(r.Cursor, '.')
		if !ok {
			at, param = "", r.Cursor
		}
		page.Kind, page.Next = "cursor", at
		if name, ok := strings.CutPrefix(param, r.Prefix); ok && name != "" && !hasKey(r.Params, name) {
			copyInto(&r.Params, map[string]string{name: "cursor"})
		}
		return
	}
	for _, name := range sortedKeys(r.Params) {
		if r.Params[name] == "cursor" && page.Kind == "none" {
			page.Kind, page.Start = "cursor", name
		}
	}
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+1:], true
}

// writeOut spells the entities of a query's fields by their usual attributes.
func (n *NarrowSpec) writeOut() {
	for field, typ := range n.Fields {
		if a, ok := usualAttrs[typ]; ok && a != ContentTitle {
			n.Fields[field] = a.String()
		}
	}
}

var urlAttrPlace = regexp.MustCompile(`@(?:href|src|action)$`)

// writeOut says of bare places under "also" what stands there: URLs in
// attributes that hold such, else content by its usual attribute.
func (s EvidenceSpec) writeOut() {
	for i := range s {
		switch {
		case s[i].Attr != "":
		case urlAttrPlace.MatchString(s[i].At):
			s[i].Attr = "url"
		default:
			s[i].Attr = ContentTitle.String()
		}
	}
}

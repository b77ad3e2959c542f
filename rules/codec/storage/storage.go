// Package storage finds what a body in Confluence's storage format names:
// users, pages, spaces, attachments, URLs, macros with their parameters, and
// whatever it can't read.
//
// The format is XHTML with elements of its own (ac:, ri:, at:) and HTML's named
// entities. The package reads strictly: what is not well-formed, or says one
// thing twice, is an error, and whoever asks then passes nothing on.
package storage

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// ErrMalformed says that the body can't be read in one way only, ErrTooLarge
// that it is over a bound.
var (
	ErrMalformed = errors.New("not storage format")
	ErrTooLarge  = errors.New("body too large")
)

// The bounds of a body.
const (
	maxLen   = 8 << 20
	maxRefs  = 20_000
	maxDepth = 256
)

// Kind says what is named.
type Kind uint8

// The kinds of reference.
const (
	Unknown    Kind = iota // an element or text that may name anything; Value says which
	User                   // by what Attr says: key, name or account_id
	Page                   // a page's title, in Space
	BlogPost               // a blog post's title, in Space, of Date
	Content                // a content id
	Space                  // a space key
	Attachment             // a file name; whose, says the Page beside it, or else it is this page's
	URL                    // a URL
	Macro                  // a macro's name: what it shows is its own affair
	MacroParam             // a parameter of the macro Macro, called Attr
	MacroBody              // the plain text body of the macro Macro
)

// String gives the kind's name, for reasons and tests.
func (k Kind) String() string {
	return [...]string{"unknown", "user", "page", "blogpost", "content", "space", "attachment", "url", "macro", "macro_param", "macro_body"}[k]
}

// Ref is one thing that a body names.
type Ref struct {
	Kind  Kind
	Value string
	// Attr says which attribute of a user Value is, or the name of a macro's
	// parameter.
	Attr string
	// Space is the key of a page's space; empty, it is the body's own.
	Space string
	// Date is a blog post's day, as written.
	Date string
	// Macro is the macro that a parameter or body belongs to.
	Macro string
}

// Refs gives everything that the body names, each thing once, in order. Of
// macros' parameters, those that only say how a text looks are left out.
func Refs(src []byte) ([]Ref, error) { return refs(src, false) }

// Written is Refs for a body that somebody writes: every parameter of every
// macro is told, also one that is empty.
func Written(src []byte) ([]Ref, error) { return refs(src, true) }

func refs(src []byte, written bool) ([]Ref, error) {
	switch {
	case len(src) > maxLen:
		return nil, ErrTooLarge
	case !utf8.Valid(src):
		return nil, fmt.Errorf("%w: invalid UTF-8", ErrMalformed)
	}
	s := &scan{seen: map[Ref]bool{}, written: written}
	dec := xml.NewDecoder(bytes.NewReader(src))
	dec.Entity = xml.HTMLEntity
	for {
		t, err := dec.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = s.token(t)
		}
		switch {
		case errors.Is(err, ErrTooLarge):
			return nil, err
		case err != nil:
			return nil, fmt.Errorf("%w: byte %d: %w", ErrMalformed, dec.InputOffset(), err)
		}
	}
	if len(s.open) > 0 {
		return nil, fmt.Errorf("%w: %s is not closed", ErrMalformed, s.open[len(s.open)-1].name)
	}
	return s.refs, nil
}

// element is an open element.
type element struct {
	name  string
	macro string           // the macro that this element is, or belongs to
	param string           // the name of the macro parameter that this is
	text  *strings.Builder // if what stands in it counts
}

type scan struct {
	open []element
	refs []Ref
	seen map[Ref]bool
	// written: parameters are told that need not be for reading.
	written bool
}

func (s *scan) add(r Ref) error {
	if r.Value == "" && !(s.written && r.Kind == MacroParam) || s.seen[r] {
		return nil
	}
	if len(s.refs) >= maxRefs {
		return ErrTooLarge
	}
	s.seen[r] = true
	s.refs = append(s.refs, r)
	return nil
}

func fullName(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

func (s *scan) token(t xml.Token) error {
	switch t := t.(type) {
	case xml.StartElement:
		return s.start(t)
	case xml.EndElement:
		return s.end(fullName(t.Name))
	case xml.CharData:
		for i := len(s.open) - 1; i >= 0; i-- {
			if s.open[i].text != nil {
				s.open[i].text.Write(t)
				break
			}
		}
		return nil
	case xml.Comment:
		// Who reads the source reads its comments.
		return s.add(Ref{Kind: Unknown, Value: "comment"})
	}
	return errors.New("a directive or instruction")
}

// attributes reads an element's attributes, each once.
func attributes(t xml.StartElement) (map[string]string, error) {
	m := make(map[string]string, len(t.Attr))
	for _, a := range t.Attr {
		name := fullName(a.Name)
		if _, dup := m[name]; dup {
			return nil, fmt.Errorf("attribute %s is there twice", name)
		}
		m[name] = a.Value
	}
	return m, nil
}

func (s *scan) start(t xml.StartElement) error {
	if len(s.open) >= maxDepth {
		return ErrTooLarge
	}
	attrs, err := attributes(t)
	if err != nil {
		return err
	}
	e := element{name: fullName(t.Name)}
	if n := len(s.open); n > 0 {
		e.macro = s.open[n-1].macro
	}
	switch prefix, local, _ := strings.Cut(e.name, ":"); prefix {
	case "ri":
		err = s.resource(local, attrs)
	case "ac":
		err = s.acElement(local, attrs, &e)
	default:
		err = s.html(e.name, attrs)
	}
	s.open = append(s.open, e)
	return err
}

func (s *scan) end(name string) error {
	n := len(s.open)
	if n == 0 || s.open[n-1].name != name {
		return fmt.Errorf("%s closes nothing", name)
	}
	e := s.open[n-1]
	s.open = s.open[:n-1]
	if e.text == nil {
		return nil
	}
	text := strings.TrimSpace(e.text.String())
	if e.name == "ac:parameter" {
		if !s.written && shown[e.macro][e.param] || e.param == "atlassian-macro-output-type" {
			return nil
		}
		return s.add(Ref{Kind: MacroParam, Value: text, Attr: e.param, Macro: e.macro})
	}
	return s.add(Ref{Kind: MacroBody, Value: text, Macro: e.macro})
}

// resource reads one of the ri: elements, which name things.
func (s *scan) resource(local string, a map[string]string) error {
	n := len(s.refs)
	known := map[string]bool{}
	take := func(name string, r Ref) error {
		known[name] = true
		r.Value = a[name]
		return s.add(r)
	}
	var err error
	switch local {
	case "user":
		err = errors.Join(take("ri:userkey", Ref{Kind: User, Attr: "key"}), take("ri:username", Ref{Kind: User, Attr: "name"}),
			take("ri:account-id", Ref{Kind: User, Attr: "account_id"}), take("ri:local-id", Ref{Kind: Unknown}))
	case "page":
		err = errors.Join(take("ri:content-title", Ref{Kind: Page, Space: a["ri:space-key"]}), take("ri:space-key", Ref{Kind: Space}))
	case "blog-post":
		err = errors.Join(take("ri:content-title", Ref{Kind: BlogPost, Space: a["ri:space-key"], Date: a["ri:posting-day"]}), take("ri:space-key", Ref{Kind: Space}))
		known["ri:posting-day"] = true
	case "space":
		err = take("ri:space-key", Ref{Kind: Space})
	case "attachment":
		err = take("ri:filename", Ref{Kind: Attachment})
	case "content-entity":
		err = take("ri:content-id", Ref{Kind: Content})
	case "url":
		err = take("ri:value", Ref{Kind: URL})
	default:
		return s.add(Ref{Kind: Unknown, Value: "ri:" + local})
	}
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(a)) {
		if !known[name] && !harmless[name] {
			err = errors.Join(err, s.add(Ref{Kind: Unknown, Value: "ri:" + local + "@" + name}))
		}
	}
	if len(s.refs) == n && len(a) == 0 {
		err = errors.Join(err, s.add(Ref{Kind: Unknown, Value: "ri:" + local + " without name"}))
	}
	return err
}

// harmless attributes say how a resource is kept, not which.
var harmless = map[string]bool{"ri:version-at-save": true}

// shown are parameters of macros that only say how a text looks, or are text
// that stands on the page like any other.
var shown = func() map[string]map[string]bool {
	m := map[string]map[string]bool{}
	for macros, params := range map[string]string{
		"code noformat":               "language title theme linenumbers firstline collapse nopanel",
		"info note tip warning panel": "title icon bgColor titleBGColor titleColor borderColor borderStyle borderWidth",
		"status":                      "title colour color subtle",
		"expand":                      "title",
		"toc toc-zone":                "type style outline indent minLevel maxLevel class separator location printable absoluteUrl include exclude",
		"anchor":                      "",
		"section column":              "width border",
		"jira":                        "key server serverId columns maximumIssues showSummary",
		"drawio gliffy":               "diagramName diagramDisplayName name displayName revision width height border zoom lbox simple hiResPreview pagePin aspect tbstyle tempPreview pageCount contentVer size align",
		"excerpt details":             "name id hidden",
		"view-file viewpdf viewdoc viewxls viewppt multimedia": "width height page slide autostart autoplay grid sheet col row",
		"children":    "all depth sort reverse style excerpt excerptType first",
		"attachments": "sortBy sortOrder old upload preview",
		"gallery":     "title columns sort reverse",
	} {
		set := map[string]bool{}
		for _, p := range strings.Fields(params) {
			set[p] = true
		}
		for _, name := range strings.Fields(macros) {
			m[name] = set
		}
	}
	m["anchor"][""] = true
	return m
}()

// plain are the ac: elements that only hold others.
var plain = map[string]bool{
	"link": true, "link-body": true, "image": true, "caption": true, "layout": true, "layout-section": true, "layout-cell": true,
	"task-list": true, "task": true, "task-id": true, "task-uuid": true, "task-status": true, "task-body": true, "emoticon": true,
	"rich-text-body": true, "inline-comment-marker": true, "placeholder": true,
}

// acElement reads one of the ac: elements, which do things.
func (s *scan) acElement(local string, a map[string]string, e *element) error {
	switch local {
	case "structured-macro", "macro":
		e.macro = a["ac:name"]
		if e.macro == "" {
			return s.add(Ref{Kind: Unknown, Value: "ac:" + local + " without name"})
		}
		return s.add(Ref{Kind: Macro, Value: e.macro})
	case "parameter":
		e.param, e.text = a["ac:name"], &strings.Builder{}
		return nil
	case "plain-text-body":
		e.text = &strings.Builder{}
		return nil
	case "plain-text-link-body":
		return nil
	}
	if !plain[local] {
		return s.add(Ref{Kind: Unknown, Value: "ac:" + local})
	}
	for _, name := range []string{"ac:href", "ac:src", "ac:thumbnail-url"} {
		if err := s.add(Ref{Kind: URL, Value: a[name]}); err != nil {
			return err
		}
	}
	return nil
}

// urls are the attributes of HTML that hold one.
var urls = []string{"href", "src", "cite", "action", "formaction", "poster", "background", "longdesc", "data", "usemap", "xlink:href"}

// inert are the HTML elements that a body is made of.
var inert = func() map[string]bool {
	m := map[string]bool{}
	for _, n := range strings.Fields(`a abbr acronym address b bdi bdo big blockquote br caption cite code col colgroup dd del dfn div dl dt em
		font h1 h2 h3 h4 h5 h6 hr i img ins kbd li ol p pre q s samp section small span strike strong sub sup table tbody td tfoot th
		thead time tr tt u ul var wbr`) {
		m[n] = true
	}
	return m
}()

func (s *scan) html(name string, a map[string]string) error {
	if !inert[name] {
		return s.add(Ref{Kind: Unknown, Value: name})
	}
	for _, u := range urls {
		if err := s.add(Ref{Kind: URL, Value: strings.TrimSpace(a[u])}); err != nil {
			return err
		}
	}
	for _, set := range []string{"srcset", "style"} {
		if v := a[set]; set == "srcset" && v != "" || strings.Contains(strings.ToLower(v), "url") {
			if err := s.add(Ref{Kind: Unknown, Value: name + "@" + set}); err != nil {
				return err
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(a)) {
		if strings.HasPrefix(k, "data-") && k != "data-type" && k != "data-layout" && k != "data-width" {
			if err := s.add(Ref{Kind: Unknown, Value: name + "@" + k}); err != nil {
				return err
			}
		}
	}
	return nil
}

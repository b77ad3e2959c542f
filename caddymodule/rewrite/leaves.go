package rewrite

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
	"github.com/postern-gateway/postern/rules/codec/jsjson"
)

// leaf is a markup rewriter. fragment: the text stands in another document.
type leaf func(dst, src []byte, w *work, fragment bool) ([]byte, edit.Report, error)

// inner rewrites a document that stands in another one's string.
func (w *work) inner(codec string, src []byte) ([]byte, error) {
	done, err := w.nest()
	if err != nil {
		return nil, err
	}
	defer done()
	switch codec {
	case "html":
		out, rep, err := w.r.html(nil, src, w, true)
		rep.Prose = nil
		w.report.Add(rep)
		if rep.RootHidden {
			w.report.RootHidden = true
		}
		return out, err
	case "prose":
		return w.prose(src), nil
	case "xhtml", "wikitext":
		if !w.hidesSource(codec, w.unmarked(src)) {
			return src, nil
		}
		w.report.Hide(rules.Content, edit.Replaced)
		return nil, nil
	}
	return nil, fmt.Errorf("no codec %q: %w", codec, edit.ErrMalformed)
}

// prose reads a text that may be markup, with highlight marks in it or without.
// Only a reading in which something is hidden changes it; of one that can't be
// rewritten nothing is left, and the rest of the answer stands.
func (w *work) prose(src []byte) []byte {
	out := w.proseAs(w.unbroken(src))
	if plain := w.unmarked(out); len(plain) < len(out) {
		if p := w.proseAs([]byte(plain)); string(p) != plain {
			return p
		}
	}
	return out
}

// unbroken cuts off a tag in which an excerpt ends, if it names something hidden.
// No browser shows one, but whoever reads the answer does.
func (w *work) unbroken(src []byte) []byte {
	i := bytes.LastIndexByte(src, '<')
	if i < 0 || !edit.MayBeMarkup(src[i:]) || bytes.IndexByte(src[i:], '>') >= 0 {
		return src
	}
	for _, end := range []string{">", `">`, "'>"} {
		tag := append(slices.Clone(src[i:]), end...)
		if string(w.proseAs(tag)) != string(tag) {
			return src[:i]
		}
	}
	return src
}

func (w *work) proseAs(src []byte) []byte {
	out, rep, err := w.r.html(nil, src, w, true)
	switch {
	case err != nil || rep.RootHidden:
		w.report.Hide(rules.Content, edit.Removed)
		return nil
	case !rep.Names():
		return src
	}
	rep.Prose, rep.Evidence = nil, nil
	w.report.Add(rep)
	return out
}

// innerJSON rewrites JSON in scripts and attributes.
func (w *work) innerJSON(src []byte, fields map[string]rules.FieldSpec) ([]byte, error) {
	done, err := w.nest()
	if err != nil {
		return nil, err
	}
	defer done()
	out, rep, err := w.r.json.Island(nil, src, w.jsonInput(), fields)
	if err != nil {
		return nil, err
	}
	rep.Prose = nil
	w.report.Add(rep)
	if rep.RootHidden {
		return []byte("null"), nil
	}
	return out, nil
}

// text answers in a language that can't be cut: any hidden reference makes it
// the 404. Without a codec nobody can read it.
func (w *work) text(dst, src []byte) ([]byte, edit.Report, error) {
	var rep edit.Report
	rs := w.ex.Match.Response
	if rs == nil || rs.Codec == "" {
		return dst, rep, fmt.Errorf("plain text without a codec: %w", edit.ErrAmbiguous)
	}
	hidden, err := w.hiddenRefs(rs.Codec, src)
	if err != nil {
		return dst, rep, err
	}
	if hidden {
		return dst, rep, ErrNotFound
	}
	out := append(dst, src...)
	rep.Prose = []edit.Span{{Start: len(dst), End: len(out)}}
	return out, rep, nil
}

var (
	cssURL    = regexp.MustCompile(`(?i)url\(\s*("[^"\n]*"|'[^'\n]*'|[^"'()\s]*)\s*\)`)
	cssImport = regexp.MustCompile(`(?i)@import\s+("[^"\n]*"|'[^'\n]*')`)
	sourceMap = regexp.MustCompile(`(?m)(?:/\*|//)[#@]\s*sourceMappingURL=[^\s*]*(?:\s*\*/)?`)
	cssEscape = regexp.MustCompile(`\\([0-9a-fA-F]{1,6})\s?|\\([^0-9a-fA-F\n])`)
)

// css judges the URLs of a style sheet. What is hidden becomes an empty
// picture; a URL of no route stays, since it can't be asked for and static
// style sheets are full of them.
func (w *work) css(dst, src []byte) ([]byte, edit.Report, error) {
	var rep edit.Report
	list := edit.Get()
	defer edit.Put(list)
	for _, re := range []*regexp.Regexp{cssURL, cssImport} {
		for _, m := range re.FindAllSubmatchIndex(src, -1) {
			raw := string(src[m[2]:m[3]])
			if len(raw) >= 2 && (raw[0] == '"' || raw[0] == '\'') {
				raw = raw[1 : len(raw)-1]
			}
			l := w.j.URL(cssEscape.ReplaceAllStringFunc(raw, cssUnescape))
			rep.Check(l.Kind)
			switch l.Fate {
			case rules.FateHide, rules.FateDrop:
				rep.Hide(l.Kind, edit.Replaced)
				list.Replace(m[2], m[3], `"data:,"`)
			case rules.FateKeep:
				if l.URL != "" {
					list.Replace(m[2], m[3], `"`+strings.NewReplacer(`"`, "%22", `\`, "%5C", "\n", "", "<", "%3C").Replace(l.URL)+`"`)
				}
			}
		}
	}
	for _, m := range sourceMap.FindAllIndex(src, -1) {
		list.Delete(m[0], m[1])
	}
	out, err := list.Apply(dst, src)
	return out, rep, err
}

func cssUnescape(s string) string {
	var r rune
	if _, err := fmt.Sscanf(strings.TrimSpace(s[1:]), "%x", &r); err == nil && r > 0 {
		return string(r)
	}
	return s[1:]
}

// js rewrites the JSON values that the route names; the rest is the wiki's own
// code.
func (w *work) js(dst, src []byte) ([]byte, edit.Report, error) {
	var rep edit.Report
	list := edit.Get()
	defer edit.Put(list)
	if rs := w.ex.Match.Response; rs != nil {
		for key, spec := range rs.JSJSON {
			all, err := jsjson.FindAll(src, key)
			if err != nil {
				return dst, rep, fmt.Errorf("script value %q: %w: %w", key, edit.ErrAmbiguous, err)
			}
			for _, lit := range all {
				in := w.jsonInput()
				in.Evidence, in.Page, in.Keep = nil, nil, true
				in.Response = nil
				old := src[lit.Start:lit.End]
				out, r, err := w.r.json.Island(nil, old, in, map[string]rules.FieldSpec{".": rules.FieldSpec(spec), "*": "keep"})
				if err != nil {
					return dst, rep, fmt.Errorf("script value %q: %w", key, err)
				}
				rep.Add(r)
				if !bytes.Equal(out, old) {
					list.Replace(lit.Start, lit.End, string(out))
				}
			}
		}
	}
	for _, m := range sourceMap.FindAllIndex(src, -1) {
		list.Delete(m[0], m[1])
	}
	out, err := list.Apply(dst, src)
	return out, rep, err
}

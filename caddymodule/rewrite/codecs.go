package rewrite

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
	"github.com/postern-gateway/postern/rules/codec/storage"
	"github.com/postern-gateway/postern/rules/codec/wikitext"
)

// hiddenRefs reports whether source text in a codec's language refers to
// anything that the viewer may not see. What can't be resolved counts.
func (w *work) hiddenRefs(codec string, src []byte) (bool, error) {
	switch codec {
	case "wikitext":
		refs, err := wikitext.Refs(src)
		if err != nil {
			return true, fmt.Errorf("reading %s: %w: %w", codec, edit.ErrMalformed, err)
		}
		for _, r := range refs {
			if !w.seesWikitext(r) {
				return true, nil
			}
		}
		return false, nil
	case "xhtml", "xhtml-storage":
		refs, err := storage.Refs(src)
		if err != nil {
			return true, fmt.Errorf("reading %s: %w: %w", codec, edit.ErrMalformed, err)
		}
		for _, r := range refs {
			if !w.seesStorage(r) {
				return true, nil
			}
		}
		return false, nil
	}
	return true, fmt.Errorf("no codec reads %s: %w", codec, edit.ErrAmbiguous)
}

// hidesSource reports whether a piece of source text names something hidden,
// or is cut in the middle of a name, so that nobody can tell.
func (w *work) hidesSource(codec, text string) bool {
	if codec == "wikitext" {
		for _, pair := range [...][2]string{{"[[", "]]"}, {"{{", "}}"}} {
			if strings.Count(text, pair[0]) != strings.Count(text, pair[1]) {
				return true
			}
		}
	}
	hidden, err := w.hiddenRefs(codec, []byte(text))
	return hidden || err != nil
}

// unmarked takes highlight marks, which stand within words, out of an extract.
func (w *work) unmarked(src []byte) string {
	s := string(src)
	for _, m := range w.r.marks {
		s = strings.ReplaceAll(s, m, "")
	}
	return s
}

// sees judges one key. What is known not to exist, where the viewer may look,
// may be named.
func (w *work) sees(k rules.Key) bool {
	w.report.Check(k.Attr.Kind())
	d := w.j.Entity(rules.Ref{Kind: k.Attr.Kind(), Keys: []rules.Key{k}})
	return d.Verdict == rules.Visible || d.Verdict == rules.Unknown && d.Absent
}

func (w *work) seesLink(raw string) bool {
	f := w.j.URL(raw).Fate
	return f == rules.FateKeep || f == rules.FateUnwrap
}

// defaultSpace is the space, by the codec's own name for it, in which a title
// without a prefix is meant.
var defaultSpace = map[wikitext.Kind]string{
	wikitext.Template: "Template", wikitext.File: "File", wikitext.Category: "Category",
}

func (w *work) seesWikitext(r wikitext.Ref) bool {
	switch r.Kind {
	case wikitext.Link, wikitext.Redirect:
		k, ok := w.title(r.Target)
		if !ok && r.Kind == wikitext.Link {
			d, special := w.j.SpecialTitle(r.Target)
			return special && d.Verdict == rules.Visible
		}
		return ok && w.sees(k)
	case wikitext.Template, wikitext.File, wikitext.Category:
		if strings.Contains(r.Target, ":") {
			k, ok := w.title(r.Target)
			return ok && w.sees(k)
		}
		k, ok := w.title(defaultSpace[r.Kind] + ":" + r.Target)
		return ok && w.sees(k)
	case wikitext.Relative:
		sub, ok := strings.CutPrefix(r.Target, "/")
		asked := w.asked(rules.Content)
		if !ok || len(asked) == 0 {
			return false
		}
		all := w.view.Facts().Contents()
		if int(asked[0]) >= len(all) {
			return false
		}
		c := &all[asked[0]]
		return w.sees(rules.Key{Attr: rules.ContentTitle, Value: c.Title + "/" + strings.TrimSuffix(sub, "/"), Space: c.Space})
	case wikitext.URL:
		return w.seesLink(r.Target)
	}
	return false
}

// harmlessParam is a macro's parameter that can name nothing.
var harmlessParam = regexp.MustCompile(`^(?:[0-9]+(?:\.[0-9]+)?(?:px|em|%)?|true|false|none|left|right|center|top|bottom|)$`)

func (w *work) seesStorage(r storage.Ref) bool {
	switch r.Kind {
	case storage.User:
		a, ok := rules.ParseAttr("user." + r.Attr)
		return ok && w.sees(rules.Key{Attr: a, Value: r.Value})
	case storage.Page, storage.BlogPost:
		space := r.Space
		if all := w.view.Facts().Spaces(); space == "" && w.space >= 0 && int(w.space) < len(all) {
			space = all[w.space].Key
		}
		return space != "" && w.sees(rules.Key{Attr: rules.ContentTitle, Value: r.Value, Space: space})
	case storage.Content:
		return w.sees(rules.Key{Attr: rules.ContentID, Value: r.Value})
	case storage.Space:
		return w.sees(rules.Key{Attr: rules.SpaceKey, Value: r.Value})
	case storage.URL:
		return w.seesLink(r.Value)
	case storage.Attachment, storage.Macro, storage.MacroBody:
		return true // a file's name, a macro's, and text: the page they stand on is visible
	case storage.MacroParam:
		return harmlessParam.MatchString(r.Value)
	}
	return false
}

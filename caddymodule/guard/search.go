package guard

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/rules"
	"github.com/postern-gateway/postern/rules/codec/mwsearch"
)

// narrowSearch prints a client's search anew, with the keywords that the profile
// types and no others. One that names something hidden or missing becomes the
// profile's search without hits: what is to be left out is no exception, since
// that would tell the two apart from what is not there.
func (g *Guard) narrowSearch(given string, spec rules.NarrowSpec, view *rules.View) (string, error) {
	q, err := mwsearch.Parse(given, canonicalIn(keys(spec.Fields)))
	if err != nil {
		return "", fmt.Errorf("reading the search: %w", err)
	}
	for i := range q.Terms {
		if t := &q.Terms[i]; t.Key != "" && !g.mayName(t.Text, spec.Fields[t.Key], view) {
			return noHits(spec)
		}
	}
	return q.String(), nil
}

// mayName says whether a keyword's value, one name or several between bars, is
// of its type, and all that it names can be seen.
func (g *Guard) mayName(value, typ string, view *rules.View) bool {
	if typ == "text" {
		return true
	}
	attr, entity := rules.ParseAttr(typ)
	_, prefix, titled := rules.PrefixedTitle(typ)
	allowed, enum := strings.CutPrefix(strings.TrimSuffix(typ, ")"), "enum(")
	for name := range strings.SplitSeq(value, "|") {
		key := rules.Key{Attr: attr, Value: name}
		switch {
		case enum:
			if !slices.Contains(strings.Split(allowed, ","), name) {
				return false
			}
			continue
		case titled:
			var ok bool
			if key, ok = g.Profile.TitleKey(view.Facts(), prefix+name); !ok {
				return false
			}
		case !entity:
			return false
		}
		ref := rules.Ref{Kind: key.Attr.Kind(), Keys: []rules.Key{key}}
		if view.Entity(ref, rules.Context{Space: rules.NoID}).Verdict != rules.Visible {
			return false
		}
	}
	return true
}

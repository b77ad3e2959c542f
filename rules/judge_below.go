package rules

import "strings"

// BelowBase judges a URL that is relative to the wiki's base, context path and
// all, as some answers spell their links: "/display/X" where the page is
// /wiki/display/X. A URL with the context path, or with a host, is judged as by
// URL.
func (j *Judge) BelowBase(raw string) Link {
	switch {
	case j.site.bases[0].context == "":
		return j.URL(raw)
	case j.cache != nil && shareable(raw):
		return j.shared(raw, true)
	}
	return j.below(raw)
}

func (j *Judge) below(raw string) Link {
	context := j.site.bases[0].context
	s := cleanURL(raw)
	if !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") || strings.HasPrefix(s, `/\`) || under(s, context) {
		return j.URL(raw)
	}
	l := j.URL(context + s)
	if l.URL != "" {
		l.URL = strings.TrimPrefix(l.URL, context)
	}
	return l
}

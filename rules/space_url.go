package rules

import (
	"net/url"
	"regexp"
	"strings"
)

var spaceURL = regexp.MustCompile(`^/([^/{}][^{}]*)?(\{(key|id|name)\}[^{}]*)+$`)

// URLOfSpace is where the wiki shows a space, as a path below its context path,
// or "" where the profile or the record does not say. It is to be judged like
// any other URL before somebody gets to see it.
func (p *Profile) URLOfSpace(s *SpaceRecord) string {
	u := p.SpaceURL
	for _, part := range [...]struct{ name, value string }{{"{key}", s.Key}, {"{id}", s.ID}, {"{name}", s.Name}} {
		for {
			before, after, found := strings.Cut(u, part.name)
			if !found {
				break
			}
			if part.value == "" {
				return ""
			}
			escape := url.PathEscape
			if strings.Contains(before, "?") {
				escape = url.QueryEscape
			}
			u = before + escape(part.value) + after
		}
	}
	return u
}

package signin

import (
	"net/url"
	"strings"
)

// maxTarget bounds the way back, in bytes.
const maxTarget = 2048

// cleanTarget reads a way back as a path of the site and writes it anew. What
// is not one for certain becomes the front page: another scheme or host in any
// spelling, dot segments, control or odd characters, our own paths save that of
// the start page.
func cleanTarget(raw, prefix string) string {
	const home = "/"
	if len(raw) > maxTarget || !strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "//") {
		return home
	}
	for i := range len(raw) {
		if c := raw[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\\\"<>^`{|}#", c) >= 0 {
			return home
		}
	}
	u, err := url.ParseRequestURI(raw)
	if err != nil || u.Scheme != "" || u.Opaque != "" || u.Host != "" || u.User != nil {
		return home
	}
	for _, seg := range strings.Split(u.Path, "/") {
		if seg == "." || seg == ".." {
			return home
		}
	}
	if strings.HasPrefix(u.Path, "//") || strings.HasPrefix(u.Path, `/\`) || strings.ContainsFunc(u.Path, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return home
	}
	if raw == prefix+"/home" {
		return raw
	}
	if u.Path == prefix || strings.HasPrefix(u.Path, prefix+"/") {
		return home
	}
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
}

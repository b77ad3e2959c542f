package signin

import (
	"net/http"
	"net/url"
	"strings"
)

// Origin is the origin of an address as browsers write it (HTML standard,
// "serialization of an origin"): in lower case, without the scheme's own port.
func Origin(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	if port := map[string]string{"http": ":80", "https": ":443"}[scheme]; port != "" {
		host = strings.TrimSuffix(host, port)
	}
	return scheme + "://" + host
}

// SameOrigin says whether a request comes from the pages of an origin, as its
// browser tells: by Sec-Fetch-Site (Fetch Metadata), which no page can set, and
// by Origin (RFC 6454 7), which every browser sends with an unsafe request. One
// of them must be there, each once, and none may say anything else. An Origin
// of "null" says nothing: pages that are told to send no referrer send it to
// their own site, too (Fetch standard, "append a request Origin header").
func SameOrigin(h http.Header, origin string) bool {
	site, from := h["Sec-Fetch-Site"], h["Origin"]
	if len(site) > 1 || len(from) > 1 || len(site) == 1 && site[0] != "same-origin" {
		return false
	}
	if len(from) == 1 && from[0] == origin {
		return true
	}
	return len(site) == 1 && (len(from) == 0 || from[0] == "null")
}

package guard

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/rules"
)

// Identity is how the viewer is known to the wiki, for one request.
type Identity struct {
	Kind rules.UpstreamIdentity
	// Header and Value: the trusted header and the user's name (header
	// identity), or the service account's token (Value only).
	Header, Value string
	// TokenHeader and Token: the field, and the signed token in it, that vouch
	// for the name (header identity); empty: none.
	TokenHeader, Token string
	// Cookies are those of the session that the viewer has with the wiki
	// (passthrough). None is the client's.
	Cookies []*http.Cookie
}

// languages says whether a field's value can be a list of languages (RFC 9110
// 12.5.4): words of eight letters and digits at most, between few signs. It
// goes up as it is, being harmless to what the answer discloses; nothing else
// that a client could write there does, a token of his least of all.
func languages(s string) bool {
	if len(s) > maxLanguages {
		return false
	}
	word := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			if word++; word > 8 {
				return false
			}
		case strings.IndexByte(" ,;=.*-", c) >= 0:
			word = 0
		default:
			return false
		}
	}
	return s != ""
}

const maxLanguages = 256

// oneRange is a Range field that asks for one range of bytes: answers of
// several parts have no reading here.
var oneRange = regexp.MustCompile(`^bytes=(?:[0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})$`)

// acceptFor maps the profile's words for answers to Accept values, so that the
// route, not the client, chooses the representation.
var acceptFor = map[string]string{
	"html": "text/html", "json": "application/json", "xml": "application/xml",
	"rss": "application/rss+xml", "atom": "application/atom+xml",
}

// Request builds the upstream request: method, target and body from the
// canonical values, header fields from an empty map. r gives only its context
// and the few allow-listed fields.
func (g *Guard) Request(r *http.Request, adm *Admission, id Identity) *http.Request {
	path, query, form := adm.Match.Upstream()
	up := g.blank(r, adm.Match.Method, path, query)
	up.Header.Set("Accept", accept(adm.Match.Response))
	if adm.Match.Class == rules.ClassFile {
		// If-Range names our validator, which the wiki does not know: the whole
		// file is always a right answer. A HEAD has no ranges (RFC 9110, 14.2).
		if v := r.Header.Values("Range"); len(v) == 1 && oneRange.MatchString(v[0]) && len(r.Header.Values("If-Range")) == 0 && r.Method == http.MethodGet {
			up.Header.Set("Range", v[0])
		}
	}
	if body := adm.Match.Body.JSON(); body != nil {
		carry(up, body, "application/json")
	} else if b := adm.Match.Body; b != nil && b.Type == "multipart" {
		form, contentType := formBody(adm.Match)
		carry(up, form, contentType)
	} else if form != "" {
		carry(up, []byte(form), "application/x-www-form-urlencoded")
	} else if adm.Match.IsWrite && adm.Match.Method == http.MethodPost {
		up.Body = io.NopCloser(bytes.NewReader(nil))
	}
	for name, v := range adm.Match.Force.Headers {
		up.Header.Set(name, v)
	}
	id.set(up)
	return up
}

// Ask builds a request of Postern's own, in the name of the viewer: a GET for
// JSON below the wiki's context path.
func (g *Guard) Ask(r *http.Request, path, query string, id Identity) *http.Request {
	up := g.blank(r, http.MethodGet, path, query)
	up.Header.Set("Accept", "application/json")
	id.set(up)
	return up
}

func carry(up *http.Request, body []byte, contentType string) {
	up.Body, up.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	up.Header.Set("Content-Type", contentType)
}

// blank makes a request without a body, with the header fields that all have.
func (g *Guard) blank(r *http.Request, method, path, query string) *http.Request {
	up := r.WithContext(r.Context()) // shallow: all that could be shared is set below
	up.Method = method
	if up.Method == http.MethodHead {
		// What a HEAD would say of the body can only be said of the body as it
		// leaves, so that body has to be made.
		up.Method = http.MethodGet
	}
	raw := strings.TrimSuffix(g.Wiki.EscapedPath(), "/") + path
	decoded, err := url.PathUnescape(raw)
	if err != nil {
		decoded = raw // can't be: Upstream escapes; a wrong target is a 404 there
	}
	up.URL = &url.URL{Scheme: r.URL.Scheme, Host: r.URL.Host, Path: decoded, RawPath: raw, RawQuery: query}
	if up.RequestURI = raw; query != "" {
		up.RequestURI += "?" + query
	}
	up.Host = g.Site.Base.Host // as configured, not as the client spells it
	up.Form, up.PostForm, up.MultipartForm, up.Trailer, up.TransferEncoding = nil, nil, nil, nil, nil
	up.Header = make(http.Header, 8)
	if v := r.Header.Values("Accept-Language"); len(v) == 1 && languages(v[0]) {
		up.Header.Set("Accept-Language", v[0])
	}
	if v := r.Header.Values("X-Requested-With"); len(v) == 1 && v[0] == "XMLHttpRequest" {
		up.Header.Set("X-Requested-With", v[0])
	}
	up.Header.Set("User-Agent", "Postern")
	up.Header.Set("Accept-Encoding", "identity")
	up.Body, up.ContentLength, up.GetBody = http.NoBody, 0, nil
	return up
}

// set tells the wiki who asks.
func (id Identity) set(up *http.Request) {
	switch id.Kind {
	case "service":
		if id.Value != "" {
			up.Header.Set("Authorization", "Bearer "+id.Value)
		}
	case "header":
		if id.Header != "" && id.Value != "" && plain(id.Value) {
			up.Header.Set(id.Header, id.Value)
			if id.Token != "" {
				up.Header.Set(id.TokenHeader, id.Token)
			}
		}
	case "passthrough":
		for _, c := range id.Cookies {
			up.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
	}
}

// accept lists what the route expects; a route without a word of its own is a
// page.
func accept(resp *rules.ResponseSpec) string {
	if resp == nil || len(resp.Types) == 0 || len(resp.Types) == 1 && resp.Types[0] == "html" {
		return "text/html"
	}
	var out []string
	for _, t := range resp.Types {
		v := acceptFor[t]
		if strings.Contains(t, "/") {
			v = t
		}
		if v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	if len(out) == 0 {
		return "*/*"
	}
	return strings.Join(out, ", ")
}

// plain says that a field value has nothing that a reader behind us could take
// for more than one value or line.
func plain(v string) bool {
	if len(v) > 256 {
		return false
	}
	for i := range len(v) {
		if v[i] < 0x20 || v[i] >= 0x7f {
			return false
		}
	}
	return true
}

// HeaderSafe says that a user's name can be sent in an identity header: not
// empty, and readable in one way only.
func HeaderSafe(name string) bool {
	return name != "" && plain(name) && strings.TrimSpace(name) == name && !strings.ContainsAny(name, ",;\"")
}

package pages

import (
	"encoding/json"
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
)

// representation is the form of an answer, chosen by the request alone, never
// by route or upstream: the same request gets the same bytes whether a thing is
// hidden, blocked or missing.
type representation uint8

const (
	asHTML representation = iota
	asJSON
	asXML
	asEmpty // images, styles, scripts, media: a body would be of no use
)

// represent reads Sec-Fetch-Dest (Fetch Metadata) and then Accept.
func represent(r *http.Request) representation {
	switch r.Header.Get("Sec-Fetch-Dest") {
	case "image", "style", "script", "font", "audio", "video", "track", "object", "embed":
		return asEmpty
	case "document", "iframe", "frame":
		return asHTML
	}
	accept := r.Header.Get("Accept")
	first, choice := len(accept), asHTML
	for _, known := range accepted {
		if i := strings.Index(accept, known.word); i >= 0 && i < first {
			first, choice = i, known.as
		}
	}
	return choice
}

// accepted are the words of Accept that say what a client reads. XHTML, which
// is a page to a browser, is none of the XML ones.
var accepted = []struct {
	word string
	as   representation
}{
	{"text/html", asHTML},
	{"json", asJSON},
	{"application/xml", asXML},
	{"text/xml", asXML},
	{"application/rss+xml", asXML},
	{"application/atom+xml", asXML},
	{"image/", asEmpty},
}

// texts are what a person reads, by status. 404 is the one answer for hidden,
// blocked and missing; none names anything of the request.
var texts = map[int][2]string{
	http.StatusBadRequest:                  {"Bad request", "This request can't be read in one way only, so it was not passed on."},
	http.StatusUnauthorized:                {"Not signed in", "Sign in to see this page."},
	http.StatusForbidden:                   {"Not allowed", "Your role here does not include this action."},
	http.StatusNotFound:                    {"Not found", "There is no such page here, or it is not shared with you."},
	http.StatusConflict:                    {"Not changed", "The wiki did not take the change: somebody else changed this meanwhile, or its name is taken."},
	http.StatusRequestEntityTooLarge:       {"Too large", "The request's body is larger than this site takes."},
	http.StatusRequestURITooLong:           {"Address too long", "The address is longer than this site takes."},
	http.StatusRequestHeaderFieldsTooLarge: {"Too many header fields", "The request has more header fields than this site takes."},
	http.StatusTooManyRequests:             {"Too many requests", "Please wait a moment and try again."},
	http.StatusBadGateway:                  {"Answer withheld", "The wiki's answer could not be shown safely. Please tell the administrator the incident number."},
	http.StatusServiceUnavailable:          {"Not ready", "This site is starting. Please try again in a moment."},
}

// Answer answers a status in the representation that the request asks for: a
// page, problem details (RFC 9457), or nothing but the header. incident is
// shown where it is not empty. What stands in the header already goes out too.
func (s *Set) Answer(w http.ResponseWriter, r *http.Request, status int, incident string) {
	text, ok := texts[status]
	if !ok {
		text = [2]string{http.StatusText(status), ""}
	}
	s.say(w, r, status, text, incident)
}

// NotEditable answers 403 where not the role is missing, but the source refers
// to something that is hidden.
func (s *Set) NotEditable(w http.ResponseWriter, r *http.Request) {
	s.say(w, r, http.StatusForbidden, [2]string{"Not editable here", "The source of this refers to something that is not shared with you, so it can't be changed from here."}, "")
}

func (s *Set) say(w http.ResponseWriter, r *http.Request, status int, text [2]string, incident string) {
	if represent(r) == asHTML {
		s.Render(w, r, Page{Kind: Answer, Status: status, Title: text[0], Message: text[1], Incident: incident})
		return
	}
	s.Problem(w, r, status, text[0], text[1], incident)
}

// Problem answers a status to a program: problem details in JSON or XML (RFC
// 9457), or nothing but the header.
func (s *Set) Problem(w http.ResponseWriter, r *http.Request, status int, title, detail, incident string) {
	h := w.Header()
	h.Set("Cache-Control", "private, no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Referrer-Policy", "same-origin")
	p := problem{Type: "about:blank", Title: title, Status: status, Detail: detail}
	if incident != "" {
		p.Instance = "urn:incident:" + incident
	}
	var body []byte
	switch represent(r) {
	case asXML:
		h.Set("Content-Type", "application/problem+xml")
		body, _ = xml.Marshal(p) // numbers and texts always can be
		body = append([]byte(xml.Header), body...)
	case asEmpty:
		if incident != "" {
			h.Set("X-Incident", incident)
		}
	default:
		h.Set("Content-Type", "application/problem+json")
		body, _ = json.Marshal(p)
	}
	if len(body) > 0 {
		body = append(body, '\n')
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the client is gone if this fails
	}
}

// problem is RFC 9457's object; appendix B gives its XML.
type problem struct {
	XMLName  xml.Name `json:"-" xml:"urn:ietf:rfc:7807 problem"`
	Type     string   `json:"type" xml:"type"`
	Title    string   `json:"title" xml:"title"`
	Status   int      `json:"status" xml:"status"`
	Detail   string   `json:"detail,omitempty" xml:"detail,omitempty"`
	Instance string   `json:"instance,omitempty" xml:"instance,omitempty"`
}

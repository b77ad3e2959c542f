package gateway

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"strings"
	"time"
)

// representation is the form of Postern's own answers, chosen by the request
// alone, never by route or upstream: the same request gets the same bytes
// whether a thing is hidden, blocked or missing.
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
	first := len(accept)
	choice := asHTML
	for word, rep := range map[string]representation{"text/html": asHTML, "json": asJSON, "xml": asXML, "image/": asEmpty} {
		i := strings.Index(accept, word)
		if word == "xml" {
			i = indexXML(accept)
		}
		if i >= 0 && i < first {
			first, choice = i, rep
		}
	}
	return choice
}

// indexXML finds an XML type other than XHTML, which is a page to a browser.
func indexXML(accept string) int {
	for _, t := range []string{"application/xml", "text/xml", "application/rss+xml", "application/atom+xml"} {
		if i := strings.Index(accept, t); i >= 0 {
			return i
		}
	}
	return -1
}

//go:embed answer.html
var answerPage string

var answerTemplate = template.Must(template.New("answer").Parse(answerPage))

// texts are what a person reads, by status. 404 is the one answer for hidden,
// blocked and missing; none names anything of the request.
var texts = map[int][2]string{
	http.StatusBadRequest:                  {"Bad request", "This request can't be read in one way only, so it was not passed on."},
	http.StatusForbidden:                   {"Not allowed", "Your role here does not include this action."},
	http.StatusNotFound:                    {"Not found", "There is no such page here, or it is not shared with you."},
	http.StatusRequestEntityTooLarge:       {"Too large", "The request's body is larger than this site takes."},
	http.StatusRequestURITooLong:           {"Address too long", "The address is longer than this site takes."},
	http.StatusRequestHeaderFieldsTooLarge: {"Too many header fields", "The request has more header fields than this site takes."},
	http.StatusTooManyRequests:             {"Too many requests", "Please wait a moment and try again."},
	http.StatusBadGateway:                  {"Answer withheld", "The wiki's answer could not be shown safely. Please tell the administrator the incident number."},
	http.StatusServiceUnavailable:          {"Not ready", "This site is starting. Please try again in a moment."},
}

// answer writes one of Postern's own answers. incident is shown beside a 502
// and empty otherwise.
func answer(w http.ResponseWriter, r *http.Request, status int, incident string) {
	clear(w.Header())
	writeAnswer(w, r, status, incident)
}

// tooMany answers 429, and says when to come again (RFC 6585, section 4; RFC
// 9110, section 10.2.3).
func tooMany(w http.ResponseWriter, r *http.Request, retry time.Duration) {
	clear(w.Header())
	w.Header().Set("Retry-After", itoa(int((retry+time.Second-1)/time.Second)))
	writeAnswer(w, r, http.StatusTooManyRequests, "")
}

func writeAnswer(w http.ResponseWriter, r *http.Request, status int, incident string) {
	text, ok := texts[status]
	if !ok {
		text = [2]string{http.StatusText(status), ""}
	}
	h := w.Header()
	h.Set("Cache-Control", "private, no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
	h.Set("Referrer-Policy", "same-origin")
	var body bytes.Buffer
	switch represent(r) {
	case asHTML:
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'sha256-"+answerStyleHash+"'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		_ = answerTemplate.Execute(&body, map[string]any{"Status": status, "Title": text[0], "Text": text[1], "Incident": incident}) // a bytes.Buffer takes all
	case asJSON:
		h.Set("Content-Type", "application/problem+json")
		body.WriteString(`{"type":"about:blank","title":"` + text[0] + `","status":` + itoa(status))
		if incident != "" {
			body.WriteString(`,"instance":"urn:incident:` + incident + `"`)
		}
		body.WriteString("}\n")
	case asXML:
		h.Set("Content-Type", "application/problem+xml")
		body.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<problem xmlns="urn:ietf:rfc:7807"><title>` + text[0] + `</title><status>` + itoa(status) + `</status>`)
		if incident != "" {
			body.WriteString(`<instance>urn:incident:` + incident + `</instance>`)
		}
		body.WriteString("</problem>\n")
	case asEmpty:
		if incident != "" {
			h.Set("X-Incident", incident)
		}
	}
	h.Set("Content-Length", itoa(body.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body.Bytes()) // the client is gone if this fails
	}
}

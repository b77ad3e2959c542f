// Package pages renders Postern's own pages: the choice of provider, sign-in
// errors, sign-out, the start page, and the answers to what is refused or can't
// be shown. One layout serves them all, and a site may put its own templates,
// style, name, logo and colour in their place.
//
// What holds for every page, a site's own templates included: html/template
// escapes what it is given; the Content-Security-Policy lets no script run and
// nothing load from elsewhere, and names the one style by its hash; no frame
// may hold the page; nothing in it comes from the request. An answer's bytes
// depend on its status, its incident and the configuration alone.
//
// Start reading at New; a page's data is Page, what a template sees is View.
package pages

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

// Kind says what a page is for. Its template is the file of that name, with
// .html behind it.
type Kind string

// The kinds of page.
const (
	Choose    Kind = "choose"     // Links lists the providers
	Confirm   Kind = "confirm"    // a form posts to Action
	SignedOut Kind = "signed-out" //
	Failed    Kind = "error"      // a sign-in came to nothing: Message says why
	Answer    Kind = "answer"     // a refusal, or what can't be shown: Title and Message
	Home      Kind = "home"       // Links lists the spaces that the viewer sees
	Wiki      Kind = "wiki"       // a form for the wiki's password of User posts to Action; without a User there is none
)

var kinds = []Kind{Choose, Confirm, SignedOut, Failed, Answer, Home, Wiki}

// Page is what a page has to say. Nothing in it comes from the client.
type Page struct {
	Kind     Kind
	Status   int
	Title    string // the heading; empty: the template's own
	Message  string
	Incident string // names the log line, for errors of ours; may be empty
	Links    []Link
	Action   string // where the form posts to
	// FormTargets are the origins that the form may be redirected to.
	FormTargets []string
	Home        string // where the way on leads; empty: the start page
	SignIn      string // where one signs in, on the start page of nobody; or empty
	SignOut     string // where one signs out; or empty
	User        string // whom the viewer is linked to in the wiki; or empty
}

// Link is a link on a page, or, without a URL, a name.
type Link struct{ Title, URL string }

// View is what a template sees.
type View struct {
	Page
	Brand Brand
	Style template.CSS // for the layout's one style element
}

// Brand is what a site says of itself.
type Brand struct {
	Title   string       // its name; may be empty
	Logo    template.URL // a data URL; may be empty
	Support template.URL // mailto: or https: address for help; may be empty
}

// Set renders pages. It is immutable and safe for concurrent use.
type Set struct {
	brand     Brand
	templates map[Kind]*template.Template
	style     template.CSS
	policy    string // Content-Security-Policy without form-action
	home      string
}

// Render writes a page. HEAD gets the header alone.
func (s *Set) Render(w http.ResponseWriter, r *http.Request, p Page) {
	if p.Home == "" {
		p.Home = s.home
	}
	var b bytes.Buffer
	if err := s.execute(&b, p); err != nil {
		http.Error(w, "page can't be shown", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	s.protect(h, p)
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes()) // the client may be gone
	}
}

// protect sets the header fields that keep a page to itself.
func (s *Set) protect(h http.Header, p Page) {
	form := "'none'"
	if p.Action != "" {
		form = strings.Join(append([]string{"'self'"}, p.FormTargets...), " ")
	}
	h.Set("Content-Security-Policy", s.policy+"; form-action "+form)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "private, no-store")
	}
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", permissions)
	// Not no-referrer: browsers would then send "Origin: null" with the
	// sign-out form.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex")
}

// permissions takes from the pages what they never use (Permissions Policy,
// section 6.1).
const permissions = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"

func (s *Set) execute(b *bytes.Buffer, p Page) error {
	return s.templates[p.Kind].ExecuteTemplate(b, layoutName, View{Page: p, Brand: s.brand, Style: s.style})
}

// policyFor is the Content-Security-Policy under which a style and data: images
// alone may be.
func policyFor(style string) string {
	sum := sha256.Sum256([]byte(style))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; img-src data:; base-uri 'none'; frame-ancestors 'none'"
}

package signin

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"encoding/hex"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
)

// PageKind says what a page is for.
type PageKind string

// The kinds of page.
const (
	PageChoose    PageKind = "choose"     // Links lists the providers
	PageConfirm   PageKind = "confirm"    // a form posts to Action
	PageSignedOut PageKind = "signed-out" //
	PageError     PageKind = "error"      // Message says what is the matter
)

// Page is what a page has to say. Nothing in it comes from the client.
type Page struct {
	Kind     PageKind
	Status   int
	Message  string
	Incident string // names the log line, for errors of ours; may be empty
	Links    []Link
	Action   string // where the form posts to
	// FormTargets are the origins that the form may be redirected to.
	FormTargets []string
	Home        string
}

// Link is a link on a page.
type Link struct{ Title, URL string }

// Pages renders pages. An implementation writes header, status and body; the
// headers that keep pages out of caches and frames' reach are set before.
type Pages interface {
	Render(w http.ResponseWriter, r *http.Request, p Page)
}

//go:embed page.html
var pageSource string

type defaultPages struct{ t *template.Template }

// DefaultPages returns plain pages: no script, no picture, nothing from
// elsewhere, light and dark.
func DefaultPages() Pages {
	return defaultPages{template.Must(template.New("page").Parse(pageSource))}
}

func (d defaultPages) Render(w http.ResponseWriter, r *http.Request, p Page) {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	data := struct {
		Page
		Nonce string
	}{p, hex.EncodeToString(nonce[:])}
	var b bytes.Buffer
	if err := d.t.Execute(&b, data); err != nil {
		http.Error(w, "page can't be shown", http.StatusInternalServerError)
		return
	}
	form := "'none'"
	if p.Action != "" {
		form = strings.Join(append([]string{"'self'"}, p.FormTargets...), " ")
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+data.Nonce+"'; form-action "+form+"; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes()) // the client may be gone
	}
}

// failed counts and logs why a sign-in did not come about, and says to its
// viewer no more than he needs. p is nil before a provider is chosen.
func (rp *RP) failed(w http.ResponseWriter, r *http.Request, p *idp, f *failure) {
	name := "none"
	if p != nil {
		name = p.Name
	}
	rp.cfg.Metrics.SignIn(name, f.result)
	id := make([]byte, 6)
	_, _ = rand.Read(id) // never fails
	incident := hex.EncodeToString(id)
	level := slog.LevelWarn
	if f.result == storeFailed || f.result == idpError {
		level = slog.LevelError
	}
	rp.cfg.Log.LogAttrs(r.Context(), level, "sign-in failed", slog.String("provider", name), slog.String("result", f.result),
		slog.String("reason", f.reason), slog.String("error", f.err.Error()), slog.String("incident", incident))
	page := Page{Kind: PageError, Status: http.StatusBadRequest, Incident: incident, Home: "/"}
	switch f.result {
	case badFlow, badRequest:
		page.Message = "This sign-in was used already, took too long, or was begun in another browser. Begin again from the front page."
	case idpRefused:
		page.Status, page.Message = http.StatusForbidden, "The identity provider did not sign you in."
	case notAdmitted:
		page.Status, page.Message = http.StatusForbidden, "This account may not sign in here."
	case overageResult:
		page.Status, page.Message = http.StatusForbidden, "Your groups could not be determined, so you can't be signed in. Tell whoever gave you the address of this site."
	case idpError, storeFailed:
		page.Status, page.Message = http.StatusServiceUnavailable, "Signing in does not work at the moment. Try again in a minute."
		w.Header().Set("Retry-After", "30")
	default:
		page.Status, page.Message = http.StatusForbidden, "The identity provider's answer was not valid."
	}
	rp.cfg.Pages.Render(w, r, page)
}

package signin

import (
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"

	"github.com/postern-gateway/postern/caddymodule/pages"
)

// Page is what one of the package's pages has to say, Link a link on it.
type (
	Page = pages.Page
	Link = pages.Link
)

// The kinds of page that the package renders.
const (
	PageChoose    = pages.Choose
	PageConfirm   = pages.Confirm
	PageSignedOut = pages.SignedOut
	PageError     = pages.Failed
)

// Pages renders pages; *pages.Set is one. An implementation writes header,
// status and body; what keeps pages out of caches is set before.
type Pages interface {
	Render(w http.ResponseWriter, r *http.Request, p Page)
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
	rp.audit(r.Context(), "sign-in", false, name, auditReason(f), slog.String("postern.incident", incident))
	page := Page{Kind: PageError, Status: http.StatusBadRequest, Incident: incident}
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

package signin

import (
	"log/slog"
	"net/http"
	"net/url"
)

// maxHint bounds the ID token that is sent along as a hint at sign-out, in
// bytes: URLs have limits.
const maxHint = 4096

// signOut ends the viewer's session. Only a request of this site's own pages
// does: a form sent, or a link followed. Any other GET gets a page with a
// button.
func (rp *RP) signOut(w http.ResponseWriter, r *http.Request) {
	if !allow(w, r, http.MethodGet, http.MethodPost) {
		return
	}
	if r.Method == http.MethodGet && !sameOriginNavigation(r) {
		rp.cfg.Pages.Render(w, r, Page{
			Kind: PageConfirm, Status: http.StatusOK,
			Action: rp.SignOutPath(), FormTargets: rp.endSessionOrigins(),
		})
		return
	}
	if r.Method == http.MethodPost && !SameOrigin(r.Header, Origin(rp.cfg.Site)) {
		rp.cfg.Pages.Render(w, r, Page{Kind: PageError, Status: http.StatusForbidden, Message: "The request did not come from this site."})
		return
	}
	next, err := rp.endPresented(r)
	if err != nil {
		rp.failed(w, r, nil, fail(storeFailed, "session", err))
		return
	}
	// What was seen is not to come back by the back button: the wiki's pages are
	// kept by browsers, to be asked for again (Clear Site Data 3.1).
	w.Header().Set("Clear-Site-Data", `"cache"`)
	rp.cookies.clear(w, rp.cookies.session)
	rp.cookies.clear(w, rp.cookies.flow)
	redirect(w, r, next)
}

// endPresented ends the session whose cookie the request brings, and returns
// where to go next: the provider's own sign-out if it has one.
func (rp *RP) endPresented(r *http.Request) (next string, err error) {
	next = rp.origin + rp.cfg.Prefix + "/signedout"
	value, _ := find(r.Header, rp.cookies.session)
	if value == "" {
		return next, nil
	}
	k := hashSecret(value)
	rec, found, err := rp.cfg.Store.Session(r.Context(), k[:], rp.cfg.Now())
	if err != nil {
		return "", err
	}
	if err := rp.cfg.Store.EndSession(r.Context(), k[:]); err != nil {
		return "", err
	}
	rp.cache.remove(k)
	if !found {
		return next, nil
	}
	rp.cfg.Log.LogAttrs(r.Context(), slog.LevelInfo, "signed out", slog.String("provider", rec.Provider), slog.String("session", k.String()))
	rp.audit(r.Context(), "sign-out", true, rec.Provider, auditUser(rec.Provider, rec.Subject), slog.String("postern.session", k.String()))
	p := rp.byName[rec.Provider]
	if p == nil {
		return next, nil
	}
	m, err := p.discover(r.Context())
	if err != nil || m.endSession == nil {
		return next, nil // we are done; the provider is on its own
	}
	// OpenID Connect RP-Initiated Logout 1.0.
	u := *m.endSession
	q := u.Query()
	q.Set("client_id", p.ClientID)
	q.Set("post_logout_redirect_uri", next)
	if rec.IDToken != "" && len(rec.IDToken) <= maxHint {
		q.Set("id_token_hint", rec.IDToken)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

func (rp *RP) signedOut(w http.ResponseWriter, r *http.Request) {
	if !allow(w, r, http.MethodGet, http.MethodHead) {
		return
	}
	rp.cfg.Pages.Render(w, r, Page{Kind: PageSignedOut, Status: http.StatusOK})
}

// sameOriginNavigation says whether somebody followed a link on this site.
func sameOriginNavigation(r *http.Request) bool {
	h := r.Header
	return h.Get("Sec-Fetch-Site") == "same-origin" && h.Get("Sec-Fetch-Mode") == "navigate" &&
		h.Get("Sec-Fetch-Dest") == "document" && h.Get("Sec-Purpose") == "" && h.Get("Purpose") == ""
}

// endSessionOrigins lists where the sign-out form may be redirected to, for
// the page's policy: browsers apply form-action to redirects too.
func (rp *RP) endSessionOrigins() []string {
	var out []string
	for _, p := range rp.idps {
		if m := p.cached(); m != nil && m.endSession != nil {
			out = append(out, (&url.URL{Scheme: m.endSession.Scheme, Host: m.endSession.Host}).String())
		}
	}
	return out
}

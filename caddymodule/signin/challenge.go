package signin

import (
	"encoding/json"
	"net/http"
	"strings"
)

// Challenge answers a request of somebody who is not signed in. A navigation
// is sent to the identity provider (or to the choice of one) and comes back to
// where it wanted to go; anything else gets 401, so that no script or picture
// ends up with a sign-in page.
func (rp *RP) Challenge(w http.ResponseWriter, r *http.Request) {
	if !Navigation(r) {
		rp.unauthorized(w, r)
		return
	}
	rp.begin(w, r, ReturnTarget(r, rp.cfg.Prefix))
}

// ReturnTarget is where a request's viewer comes back to once he has signed in:
// a path of this site, read and written anew.
func ReturnTarget(r *http.Request, prefix string) string {
	if r.Method != http.MethodGet {
		return "/" // a form that was sent: nothing can send it again
	}
	raw := r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		raw += "?" + r.URL.RawQuery
	}
	return cleanTarget(raw, prefix)
}

// Navigation says whether a person is looking at where the answer goes.
func Navigation(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return false
	}
	// Prefetched pages are for nobody yet.
	if r.Header.Get("Sec-Purpose") != "" || r.Header.Get("Purpose") != "" || r.Header.Get("Authorization") != "" {
		return false
	}
	if mode := r.Header.Get("Sec-Fetch-Mode"); mode != "" {
		dest := r.Header.Get("Sec-Fetch-Dest")
		return mode == "navigate" && (dest == "" || dest == "document" || dest == "iframe" || dest == "frame")
	}
	if r.Method != http.MethodGet || r.Header.Get("X-Requested-With") != "" {
		return false
	}
	for _, accept := range r.Header["Accept"] {
		for part := range strings.SplitSeq(accept, ",") {
			media, _, _ := strings.Cut(part, ";")
			if m := strings.TrimSpace(media); strings.EqualFold(m, "text/html") || strings.EqualFold(m, "application/xhtml+xml") {
				return true
			}
		}
	}
	return false
}

// unauthorized is the answer to scripts (RFC 6750 3, RFC 9457).
func (rp *RP) unauthorized(w http.ResponseWriter, r *http.Request) {
	challenge := `Bearer realm="postern"`
	if scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		challenge += `, error="invalid_token"`
	}
	problem(w, r, http.StatusUnauthorized, challenge, "Sign in at "+rp.origin+rp.SignInPath())
}

// problem answers a script that may not have what it asks for (RFC 9457).
func problem(w http.ResponseWriter, r *http.Request, status int, challenge, detail string) {
	h := w.Header()
	h.Set("WWW-Authenticate", challenge)
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	_ = json.NewEncoder(w).Encode(struct { // the client may be gone
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"about:blank", http.StatusText(status), status, detail})
}

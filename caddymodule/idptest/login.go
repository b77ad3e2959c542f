package idptest

import (
	"bytes"
	_ "embed"
	"net/http"
)

//go:embed login.html
var loginSource string

type loginData struct {
	Title, Hint, ID, Username, Error string
	SignedOut                        bool
	Action                           string
}

// form shows the sign-in page, with what went wrong the last time.
func (i *IdP) form(w http.ResponseWriter, id, username, fault string) {
	status := http.StatusOK
	if fault != "" {
		status = http.StatusUnauthorized
	}
	i.page(w, status, loginData{Title: i.title, Hint: i.hint, ID: id, Username: username, Error: fault, Action: i.prefix + "/login"})
}

func (i *IdP) signedOut(w http.ResponseWriter, _ *http.Request) {
	i.page(w, http.StatusOK, loginData{Title: "You are signed out", SignedOut: true})
}

func (i *IdP) page(w http.ResponseWriter, status int, d loginData) {
	var b bytes.Buffer
	if err := i.login.Execute(&b, d); err != nil {
		http.Error(w, "page can't be shown", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	// No form-action: browsers apply it to the redirect back as well.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // the client may be gone
}

// submit takes the form and sends the browser on.
func (i *IdP) submit(w http.ResponseWriter, r *http.Request, next func(id string) string) {
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	if err := r.ParseForm(); err != nil {
		i.form(w, "", "", "The form can't be read.")
		return
	}
	id, username := r.PostForm.Get("id"), r.PostForm.Get("username")
	if fault := i.storage.signIn(id, username, r.PostForm.Get("password")); fault != "" {
		i.form(w, id, username, fault)
		return
	}
	http.Redirect(w, r, next(id), http.StatusSeeOther)
}

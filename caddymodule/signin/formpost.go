package signin

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
)

// An answer that a provider's page posts (OAuth 2.0 Form Post Response Mode)
// comes from another site, so it comes without our cookies, which are
// SameSite=Lax: nothing tells whether this browser began the sign-in, and
// nothing may be done yet. Weaker cookies for the sake of such providers would
// be one way. The other, taken here, is to send the browser to the same address
// by GET, which is a navigation that brings the cookies along. What it then
// asks for is what a provider that answers by query has it ask for, and is
// judged by the same code; the code in it is good once, with our PKCE verifier,
// in this browser.

// posted turns an answer that was posted into one by query. It looks at nothing
// but its form, uses nothing up and sets nothing.
func (rp *RP) posted(w http.ResponseWriter, r *http.Request, p *idp) {
	form, err := readForm(w, r, maxQuery)
	if err != nil {
		rp.failed(w, r, p, fail(badRequest, "form", err))
		return
	}
	answer := url.Values{}
	for _, name := range []string{"state", "code", "iss", "error"} {
		if v, there := form[name]; there {
			answer[name] = v
		}
	}
	if !isSecret(answer.Get("state")) {
		rp.failed(w, r, p, fail(badRequest, "state", errors.New("state is missing, or not ours")))
		return
	}
	redirect(w, r, p.redirectURI+"?"+answer.Encode())
}

// readForm reads a form that was posted, each field once.
func readForm(w http.ResponseWriter, r *http.Request, limit int64) (url.Values, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" || len(r.Header["Content-Type"]) != 1 {
		return nil, errors.New("a form is expected")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return nil, errors.New("the form can't be read")
	}
	return readParams(string(body))
}

package gateway

import (
	"encoding/json"
	"net/http"

	"github.com/go-jose/go-jose/v4"
)

// jwksPath is where, below the prefix, the keys are published that verify the
// signed names which go up to the wiki.
const jwksPath = "/jwks.json"

// userKeys are the public keys of all kinds of viewers, each once.
func (g *Gateway) userKeys() []jose.JSONWebKey {
	var keys []jose.JSONWebKey
	seen := map[string]bool{}
	for _, id := range g.cfg.Identity {
		if id.Tokens == nil {
			continue
		}
		for _, k := range id.Tokens.PublicKeys() {
			if !seen[k.KeyID] {
				seen[k.KeyID] = true
				keys = append(keys, k)
			}
		}
	}
	return keys
}

// publish serves the key set (RFC 7517 5, 8.5.2) to whoever asks: it holds
// public keys only, and the wiki that asks may know the gateway by another name
// than people do. Without a key that signs there is none.
func (g *Gateway) publish(w http.ResponseWriter, r *http.Request) {
	ticket, ok := g.enterOwn(w, r)
	if !ok {
		return
	}
	defer ticket.Leave()
	h := w.Header()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		plainAnswer(w, http.StatusMethodNotAllowed, "method not allowed\n")
		return
	}
	body, err := json.Marshal(jose.JSONWebKeySet{Keys: g.userKeys()})
	if err != nil {
		g.cfg.Log.ErrorContext(r.Context(), "the keys that sign names can't be published", "error", err)
		g.answer(w, r, http.StatusInternalServerError, "")
		return
	}
	h.Set("Content-Type", "application/jwk-set+json")
	// Less than the time for which a key that was replaced stays published.
	h.Set("Cache-Control", "public, max-age=60")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // the client is gone if this fails
	}
}

// signsNames says whether a name goes up signed for any kind of viewer.
func (g *Gateway) signsNames() bool {
	for _, id := range g.cfg.Identity {
		if id.Tokens != nil {
			return true
		}
	}
	return false
}

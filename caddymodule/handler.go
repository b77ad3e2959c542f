package caddymodule

import (
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/postern-gateway/postern/caddymodule/gateway"
)

func init() {
	caddy.RegisterModule(Handler{})
}

// Handler guards what stands behind it in the route: put it before
// reverse_proxy, after encode.
type Handler struct {
	app *App
}

// CaddyModule describes the handler to Caddy.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.postern", New: func() caddy.Module { return new(Handler) }}
}

// Provision finds the app that this handler serves.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := ctx.App("postern")
	if err != nil {
		return fmt.Errorf("the postern directive needs the global option postern: %w", err)
	}
	h.app = app.(*App)
	return nil
}

// ServeHTTP answers one request; see the package's documentation for its way.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if r.URL.Scheme != "" || r.URL.Host != "" {
		// An absolute target may name another host than the Host field, which
		// net/http drops then: nobody can tell any more.
		gateway.BadRequest(w, r, h.app.pages)
		return nil
	}
	return h.app.serve(w, r, next.ServeHTTP)
}

var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)

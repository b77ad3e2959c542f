package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2"
)

func init() {
	caddy.RegisterModule(adminAPI{})
}

// adminAPI is Postern's part of Caddy's admin API. It holds no state: the app
// is looked up for each request.
//
//	GET  /postern/status         policy digest, what became of the last reload, readiness, directory
//	POST /postern/reload         reads the rule files again; the last good ones stay if they are faulty
//	POST /postern/revoke         {"provider": …, "subject": …}: ends that viewer's sessions at once
//	GET  /postern/denied         what was denied, by pattern, and the line that would decide it
//	POST /postern/denied/clear   begins that list anew
type adminAPI struct{}

// CaddyModule describes the API to Caddy.
func (adminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "admin.api.postern", New: func() caddy.Module { return new(adminAPI) }}
}

// Routes implements caddy.AdminRouter.
func (adminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: "/postern/status", Handler: adminMethod(http.MethodGet, adminStatus)},
		{Pattern: "/postern/reload", Handler: adminMethod(http.MethodPost, adminReload)},
		{Pattern: "/postern/revoke", Handler: adminMethod(http.MethodPost, adminRevoke)},
		{Pattern: "/postern/denied", Handler: adminMethod(http.MethodGet, adminDenied)},
		{Pattern: "/postern/denied/clear", Handler: adminMethod(http.MethodPost, adminClearDenied)},
	}
}

func adminMethod(method string, serve func(*App, http.ResponseWriter, *http.Request) error) caddy.AdminHandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if r.Method != method {
			return caddy.APIError{HTTPStatus: http.StatusMethodNotAllowed, Err: fmt.Errorf("use %s", method)}
		}
		got, err := caddy.ActiveContext().AppIfConfigured("postern")
		if err != nil || got == nil {
			return caddy.APIError{HTTPStatus: http.StatusNotFound, Err: errors.New("postern is not configured")}
		}
		app := got.(*App)
		if app.gateway == nil {
			return caddy.APIError{HTTPStatus: http.StatusServiceUnavailable, Err: errors.New("postern is starting")}
		}
		return serve(app, w, r)
	}
}

func adminStatus(app *App, w http.ResponseWriter, _ *http.Request) error {
	s := app.dir.Stats()
	status := map[string]any{
		"policy_digest":        app.gateway.Policy().Digest(),
		"last_reload":          app.gateway.LastReload(),
		"ready":                app.gateway.Ready(),
		"directory_generation": s.Generation,
		"directory_entities":   entities(s),
		"directory_last_sync":  s.LastSync,
	}
	if fault := app.reloads.directoryFault(); fault != "" {
		status["directory_file_error"] = fault
	}
	return writeJSON(w, status)
}

func adminReload(app *App, w http.ResponseWriter, r *http.Request) error {
	got, err := app.reload(r.Context())
	if err != nil {
		return caddy.APIError{HTTPStatus: http.StatusUnprocessableEntity, Err: err}
	}
	return writeJSON(w, got)
}

func adminDenied(app *App, w http.ResponseWriter, _ *http.Request) error {
	return writeJSON(w, app.gateway.Denied())
}

func adminClearDenied(app *App, w http.ResponseWriter, _ *http.Request) error {
	app.gateway.ClearDenied()
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func adminRevoke(app *App, w http.ResponseWriter, r *http.Request) error {
	var in struct{ Provider, Subject string }
	dec := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil || in.Provider == "" || in.Subject == "" {
		return caddy.APIError{HTTPStatus: http.StatusBadRequest, Err: errors.New(`send {"provider": …, "subject": …}`)}
	}
	if app.rp == nil {
		return caddy.APIError{HTTPStatus: http.StatusConflict, Err: errors.New("no provider is configured")}
	}
	if err := app.rp.Revoke(r.Context(), in.Provider, in.Subject); err != nil {
		return caddy.APIError{HTTPStatus: http.StatusInternalServerError, Err: err}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v) //nolint:wrapcheck // the admin endpoint reports it
}

var _ caddy.AdminRouter = adminAPI{}

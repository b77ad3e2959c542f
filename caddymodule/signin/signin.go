package signin

import (
	"context"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// RP is the relying party: it signs viewers in and knows their sessions. Make
// one with New and Close it. All methods are safe for concurrent use.
type RP struct {
	cfg     Config
	origin  string // of the site: scheme and host
	idps    []*idp
	byName  map[string]*idp
	cookies cookies
	cache   cache

	takesBearer bool     // some provider has Bearer
	bearerSalt  [64]byte // of the keys of access tokens' sessions

	stop context.CancelFunc
	run  context.Context // ends with Close
	wg   sync.WaitGroup
	// refreshes bounds the refreshes that are under way at once.
	refreshes chan struct{}
}

// New checks the configuration, reporting all faults at once, and makes a
// relying party. It touches no network: providers are asked when first needed,
// and again when they did not answer.
func New(c Config) (*RP, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	rp := &RP{
		cfg:       c,
		origin:    c.Site.Scheme + "://" + c.Site.Host,
		byName:    map[string]*idp{},
		cookies:   newCookies(c.Site.Scheme == "https"),
		refreshes: make(chan struct{}, 8),
	}
	rp.cache.init()
	rp.takesBearer = slices.ContainsFunc(c.Providers, func(p Provider) bool { return p.Bearer != nil })
	for i := range c.Providers {
		p := &c.Providers[i]
		salt, _ := json.Marshal([]any{rp.bearerSalt[:], p.Name, p.Issuer, p.ClientID, p.Claims, p.Bearer}) // strings only: never fails
		rp.bearerSalt = sha512.Sum512(salt)
	}
	for _, p := range c.Providers {
		i := newIDP(p, &rp.cfg, rp.origin)
		rp.idps = append(rp.idps, i)
		rp.byName[p.Name] = i
	}
	if !rp.cookies.secure {
		c.Log.Warn("site is plain http, for trial only: cookies are sent unprotected")
	}
	rp.run, rp.stop = context.WithCancel(context.Background())
	rp.wg.Go(rp.watch)
	return rp, nil
}

// Close ends what the relying party does in the background. Sessions stay in
// the store; the Done channels of those in memory are closed.
func (rp *RP) Close() {
	rp.stop()
	rp.wg.Wait()
	rp.cache.clear()
}

// RedirectURI is the one redirect URI of a provider, as it must be registered
// there.
func (rp *RP) RedirectURI(provider string) string {
	return rp.origin + rp.cfg.Prefix + "/callback/" + provider
}

// SignInPath is where a link leads that lets people sign in, SignOutPath where
// one leads that signs them out.
func (rp *RP) SignInPath() string { return rp.cfg.Prefix + "/signin" }

// SignOutPath is the path of the sign-out.
func (rp *RP) SignOutPath() string { return rp.cfg.Prefix + "/signout" }

// Handles says whether a path (decoded) is served by ServeHTTP.
func (rp *RP) Handles(path string) bool {
	return rp.route(path) != nil
}

type handler func(w http.ResponseWriter, r *http.Request)

// route finds the handler of one of our own paths.
func (rp *RP) route(path string) handler {
	rest, ok := strings.CutPrefix(path, rp.cfg.Prefix+"/")
	if !ok {
		return nil
	}
	name, provider, more := strings.Cut(rest, "/")
	if more {
		p := rp.byName[provider]
		if p == nil {
			return nil
		}
		switch name {
		case "signin":
			return func(w http.ResponseWriter, r *http.Request) { rp.signInWith(w, r, p) }
		case "callback":
			return func(w http.ResponseWriter, r *http.Request) { rp.callback(w, r, p) }
		case "backchannel":
			return func(w http.ResponseWriter, r *http.Request) { rp.backchannel(w, r, p) }
		}
		return nil
	}
	switch name {
	case "choose":
		return rp.choose
	case "signin":
		return rp.signIn
	case "signout":
		return rp.signOut
	case "signedout":
		return rp.signedOut
	}
	return nil
}

// ServeHTTP serves the package's own paths and answers 404 to others.
func (rp *RP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
	// Not no-referrer: browsers would then send "Origin: null" with the
	// sign-out form.
	h.Set("Referrer-Policy", "same-origin")
	serve := rp.route(r.URL.Path)
	if serve == nil {
		rp.cfg.Pages.Render(w, r, Page{Kind: PageError, Status: http.StatusNotFound, Message: "There is nothing here."})
		return
	}
	serve(w, r)
}

// allow answers 405 unless the method is one of those named.
func allow(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	for _, m := range methods {
		if r.Method == m {
			return true
		}
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	return false
}

// End ends one session at once.
func (rp *RP) End(ctx context.Context, s *Session) error {
	k := s.entry.key
	if err := rp.cfg.Store.EndSession(ctx, k[:]); err != nil {
		return fmt.Errorf("ending a session: %w", err)
	}
	rp.cache.remove(k)
	return nil
}

// Revoke ends all sessions of a viewer at once, and sign-ins of his that have
// begun.
func (rp *RP) Revoke(ctx context.Context, provider, subject string) error {
	ended, err := rp.cfg.Store.Revoke(ctx, provider, subject, rp.cfg.Now())
	if err != nil {
		return fmt.Errorf("revoking sessions: %w", err)
	}
	rp.audit(ctx, "revoke", true, provider, auditUser(provider, subject), slog.Int("postern.sessions", ended))
	rp.cache.removeIf(func(e *entry) bool { return e.rec.Provider == provider && e.rec.Subject == subject })
	return nil
}

// Relink asks Config.LinkUser and Config.Admit anew for the sessions in
// memory, as is needed when the directory has changed. Whoever is no longer
// admitted loses his session.
func (rp *RP) Relink() {
	for _, e := range rp.cache.all() {
		s := e.current.Load()
		v := rp.viewer(e.rec.Provider, s.identity)
		if err := rp.cfg.Admit(v); err != nil {
			rp.endInBackground(e, "not admitted any more")
			continue
		}
		if v.WikiUser != s.Viewer.WikiUser {
			next := *s
			next.Viewer = v
			e.current.CompareAndSwap(s, &next)
		}
	}
}

// watchEvery is how often sessions in memory are compared with the store's:
// what bounds how long a session lives that another process has ended.
const watchEvery = 500 * time.Millisecond

// watch keeps the sessions in memory honest while nobody asks for them.
func (rp *RP) watch() {
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	for n := 0; ; n++ {
		select {
		case <-rp.run.Done():
			return
		case <-t.C:
		}
		now := rp.cfg.Now()
		rp.sync(rp.run, now)
		rp.cache.expire(func(e *entry) bool { return e.over(now, rp.cfg.Idle) })
		if n%30 == 0 {
			if count, err := rp.cfg.Store.CountSessions(rp.run, now); err == nil {
				rp.cfg.Metrics.Sessions(count)
			}
		}
	}
}

// Package gateway is one request's way through Postern, without Caddy: who is
// it (signin), what is asked (guard), the wiki's answer (capture), what may
// leave (rewrite), audit and metrics. It owns the state that requests share,
// a policy bound to a directory generation, and swaps it whole.
//
// Start reading at Gateway.ServeHTTP.
package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"golang.org/x/sync/semaphore"

	"github.com/postern-gateway/postern/caddymodule/cursor"
	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/caddymodule/limit"
	"github.com/postern-gateway/postern/caddymodule/pages"
	"github.com/postern-gateway/postern/caddymodule/signin"
	"github.com/postern-gateway/postern/caddymodule/wikisession"
	"github.com/postern-gateway/postern/rules"
)

// Config is everything a gateway needs; New checks it.
type Config struct {
	// Site is the public address, Wiki the upstream's; the path of each is its
	// context path.
	Site, Wiki *url.URL
	// Aliases are all other bases that the wiki ever had.
	Aliases []*url.URL
	// InternalHosts are globs of what else is inside.
	InternalHosts []string
	// Prefix of our own paths; "/.postern" if empty.
	Prefix string
	// Rules are globs of policy files. What they hold is put in force by New and
	// Reload, once the policy tests that they name pass.
	Rules []string
	// Policy, if set, is used in place of Rules.
	Policy *rules.Policy
	// Providers names the configured OpenID providers.
	Providers []string
	// Identity says how each kind of viewer is known upstream.
	Identity map[rules.ViewerKind]Identity
	// HeldLimit is the most bytes held of one response; 0: 16 MiB.
	HeldLimit int64
	Limits    guard.Limits
	// Often bounds how often a viewer may ask, or an address where nobody is
	// signed in; nil: not at all (offline use).
	Often *limit.Config
	// ClientAddress gives the address of a request's client, behind the proxies
	// that the host trusts; nil: the connection's.
	ClientAddress func(*http.Request) string
	// DenyFloor is the step of time in which refusals are answered: each waits
	// for the next multiple of it. What is hidden is refused without a word to
	// the wiki, and what may be missing after a look-up; the step hides which.
	// 0: no waiting.
	DenyFloor time.Duration
	// Key is the secret, at least 32 random bytes, under which the places at
	// which lists go on are sealed and validators made. Gateways that serve one
	// site side by side share it. Empty: random, for the life of this Gateway.
	Key []byte

	// Refill asks the wiki on where something was hidden from a list, as far as
	// the profile's scan bounds go, so that a page holds as many items as were
	// asked for and says rightly whether there are more. It wants a Next that
	// answers any request of the wiki's.
	Refill bool

	// Pages renders Postern's own pages; nil: plain ones.
	Pages *pages.Set

	// WikiSessions holds the sessions that viewers have with the wiki itself,
	// where a kind of viewer is known to it by one (passthrough); else nil.
	WikiSessions *wikisession.Member

	Directory *directory.Directory
	SignIn    *signin.RP // nil: nobody can sign in (offline use)
	// As, if set, is the viewer of every request (offline use).
	As      *rules.Viewer
	Metrics Metrics
	// Observe, if set, is told of every decision.
	Observe func(Event)
	Log     *slog.Logger // operations
	Audit   *slog.Logger // one event a decision; nil: none
	Now     func() time.Time
}

// Identity is the upstream identity of one kind of viewer.
type Identity struct {
	Kind rules.UpstreamIdentity
	// Value is the service token, or the trusted header's name.
	Value string
	// Tokens sign the name in the trusted header; nil: it is not signed.
	Tokens *UserTokens
}

// Gateway serves one site.
type Gateway struct {
	cfg     Config
	site    *rules.Site
	cursors *cursor.Sealer
	state   atomic.Pointer[state]
	// Held counts bytes of responses held at the moment.
	Held atomic.Int64

	mu     sync.Mutex // serialises changes of state
	policy *rules.Policy
	older  weak.Pointer[state] // of the policy before, while requests of its time run

	reloading sync.Mutex // one at a time
	reloaded  atomic.Pointer[Reloaded]
	denied    *deniedTable
	often     *limit.Limiter // nil: not limited
	uploads   *semaphore.Weighted
	passwords *limit.Limiter // of the wiki's, given on Postern's page
	returns   *returns
}

// ErrNotReady is returned by what needs rules and directory before both are there.
var ErrNotReady = errors.New("rules or directory are not loaded yet")

// New makes a gateway and loads its rules. The directory may still be empty:
// until it is ready every request gets 503.
func New(cfg Config) (*Gateway, error) {
	if cfg.Site == nil || cfg.Wiki == nil {
		return nil, errors.New("site and wiki addresses are needed")
	}
	if cfg.Prefix == "" {
		cfg.Prefix = "/.postern"
	}
	if cfg.Metrics == nil {
		cfg.Metrics = NopMetrics{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Pages == nil {
		cfg.Pages = pages.Default()
	}
	if len(cfg.Key) == 0 {
		cfg.Key = make([]byte, cursor.MinKey)
		_, _ = rand.Read(cfg.Key) // never fails
	}
	cursors, err := cursor.New(cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("setting up list tokens: %w", err)
	}
	g := &Gateway{cfg: cfg, cursors: cursors, denied: newDeniedTable(cfg.Now()), uploads: semaphore.NewWeighted(maxUploads), passwords: limit.New(tries), returns: newReturns()}
	if cfg.Often != nil {
		g.often = limit.New(*cfg.Often)
	}
	g.site = &rules.Site{Base: cfg.Site, Aliases: append([]*url.URL{cfg.Wiki}, cfg.Aliases...), InternalHosts: cfg.InternalHosts}
	if cfg.SignIn != nil {
		g.site.Own = cfg.Prefix
	}
	if _, err := g.Reload(context.Background()); err != nil {
		return nil, err
	}
	if cfg.Directory != nil {
		cfg.Directory.OnSwap(func(rules.Facts) {
			if err := g.rebind(); err != nil {
				g.cfg.Log.Error("binding policy to a new directory generation failed; the old one stays", "error", err)
			}
		})
	}
	return g, nil
}

// Policy is the policy in force.
func (g *Gateway) Policy() *rules.Policy {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.policy
}

// Site is the wiki's address from outside and inside.
func (g *Gateway) Site() *rules.Site { return g.site }

// Ready says whether rules and directory are there.
func (g *Gateway) Ready() bool { return g.state.Load() != nil }

func itoa(n int) string { return strconv.Itoa(n) }

// probe answers what load balancers ask, under the two paths for it.
func (g *Gateway) probe(w http.ResponseWriter, path string) bool {
	switch path {
	case g.cfg.Prefix + "/live":
		plainAnswer(w, http.StatusOK, "live\n")
	case g.cfg.Prefix + "/ready":
		if g.Ready() {
			plainAnswer(w, http.StatusOK, "ready\n")
		} else {
			plainAnswer(w, http.StatusServiceUnavailable, "not ready\n")
		}
	default:
		return false
	}
	return true
}

func plainAnswer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client is gone if this fails
}

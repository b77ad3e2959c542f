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
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postern-gateway/postern/caddymodule/cursor"
	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/caddymodule/rewrite"
	"github.com/postern-gateway/postern/caddymodule/signin"
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
	// Rules are globs of policy files.
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
}

// state is what one request sees from beginning to end.
type state struct {
	policy   *rules.Policy
	engine   *rules.Engine
	guard    *guard.Guard
	rewriter *rewrite.Rewriter
	views    sync.Map // viewKey -> *rules.View
	count    atomic.Int32
}

// maxViews bounds the cache of views of one state; past it, views are made
// anew for each request.
const maxViews = 10_000

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
	if len(cfg.Key) == 0 {
		cfg.Key = make([]byte, cursor.MinKey)
		_, _ = rand.Read(cfg.Key) // never fails
	}
	cursors, err := cursor.New(cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("setting up list tokens: %w", err)
	}
	g := &Gateway{cfg: cfg, cursors: cursors}
	g.site = &rules.Site{Base: cfg.Site, Aliases: append([]*url.URL{cfg.Wiki}, cfg.Aliases...), InternalHosts: cfg.InternalHosts}
	if cfg.SignIn != nil {
		g.site.Own = cfg.Prefix
	}
	if err := g.Reload(context.Background()); err != nil {
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

// Reload reads the rule files and, if they are valid, puts them in force. The
// last good policy stays when they are not.
func (g *Gateway) Reload(ctx context.Context) error {
	g.mu.Lock()
	p := g.cfg.Policy
	var err error
	if p == nil {
		p, err = rules.LoadPolicy(g.cfg.Rules...)
	}
	if err == nil && g.policy != nil && p.Profile.Name != g.policy.Profile.Name {
		err = fmt.Errorf("the rules name another wiki, %q: restart the gateway for that", p.Profile.Name)
	}
	if err == nil {
		old := g.policy
		g.policy = p
		if err = g.bindLocked(); err != nil {
			g.policy = old
		}
	}
	g.mu.Unlock()
	if err != nil {
		g.cfg.Metrics.Reload("failure", "", g.cfg.Now())
		return fmt.Errorf("loading rules: %w", err)
	}
	g.cfg.Metrics.Reload("success", p.Digest(), g.cfg.Now())
	g.cfg.Log.InfoContext(ctx, "rules loaded", "digest", p.Digest())
	return nil
}

func (g *Gateway) rebind() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.bindLocked()
}

// bindLocked compiles the policy against the directory's current generation.
func (g *Gateway) bindLocked() error {
	opts := bindOptions(g.cfg.Identity, g.cfg.Providers)
	var facts rules.Facts
	if g.cfg.Directory != nil && g.cfg.Directory.Ready() {
		facts = g.cfg.Directory.Facts()
	}
	if facts == nil {
		return CheckPolicy(g.policy, g.cfg.Identity, g.cfg.Providers)
	}
	next := &state{policy: g.policy}
	old := g.state.Load()
	same := old != nil && old.policy == g.policy
	if same {
		next.engine, _ = old.engine.WithFacts(facts)
	}
	var err error
	if next.engine == nil {
		if next.engine, err = rules.Bind(g.policy, facts, opts); err != nil {
			return fmt.Errorf("compiling the policy: %w", err)
		}
	}
	if same {
		next.rewriter, next.guard = old.rewriter, old.guard
	} else {
		next.rewriter, err = rewrite.New(g.policy.Profile, rewrite.Options{MaxBytes: g.cfg.HeldLimit, Log: g.cfg.Log, Key: g.cfg.Key})
		if err != nil {
			return fmt.Errorf("compiling the profile's rewriting rules: %w", err)
		}
		next.guard = &guard.Guard{Profile: g.policy.Profile, Site: g.site, Wiki: g.cfg.Wiki, Limits: g.cfg.Limits, Cursors: g.cursors}
	}
	g.state.Store(next)
	go next.rewriter.Prepare(facts) // off the path of requests
	return nil
}

func bindOptions(identity map[rules.ViewerKind]Identity, providers []string) rules.Options {
	opts := rules.Options{Identity: map[rules.ViewerKind]rules.UpstreamIdentity{}, Providers: providers}
	for kind, id := range identity {
		opts.Identity[kind] = id.Kind
	}
	return opts
}

// CheckPolicy says whether a policy can hold under this configuration, whatever
// the directory will say.
func CheckPolicy(p *rules.Policy, identity map[rules.ViewerKind]Identity, providers []string) error {
	empty, err := directory.NewGeneration(rules.Directory{}, directory.OptionsFor(p.Profile))
	if err != nil {
		return fmt.Errorf("making an empty directory: %w", err)
	}
	if _, err := rules.Bind(p, empty, bindOptions(identity, providers)); err != nil {
		return fmt.Errorf("compiling the policy: %w", err)
	}
	return nil
}

// Ready says whether rules and directory are there.
func (g *Gateway) Ready() bool { return g.state.Load() != nil }

// viewKey identifies a viewer within one state.
type viewKey struct{ provider, subject, session string }

// view makes or finds the viewer's view in a state.
func (s *state) view(v rules.Viewer, session string, now time.Time) *rules.View {
	key := viewKey{v.Provider, v.Subject, session}
	if got, ok := s.views.Load(key); ok {
		view := got.(*rules.View)
		if exp := view.Expires(); exp.IsZero() || now.Before(exp) {
			return view
		}
		s.views.Delete(key)
		s.count.Add(-1)
	}
	view := s.engine.View(v, now)
	if s.count.Load() < maxViews {
		if _, loaded := s.views.LoadOrStore(key, view); !loaded {
			s.count.Add(1)
		}
	}
	return view
}

// resolver asks the directory for what a request or response names and the
// current generation does not know.
type resolver struct {
	policy  *rules.Policy
	g       *Gateway
	viewer  rules.Viewer
	session string
}

// Resolve implements guard.Resolver.
func (r resolver) Resolve(ctx context.Context, refs []rules.Ref) (*rules.View, error) {
	if r.g.cfg.Directory == nil {
		return nil, nil //nolint:nilnil // "nothing learnt" is an answer
	}
	changed, err := r.g.cfg.Directory.Resolve(ctx, refs)
	if err != nil || !changed {
		return nil, err //nolint:wrapcheck // the directory names the call
	}
	// The swap hook has bound the newer generation by now. A policy that was
	// loaded meanwhile is for the next request: this one keeps what it began with.
	s := r.g.state.Load()
	if s.policy != r.policy {
		return nil, nil //nolint:nilnil // as above
	}
	return s.view(r.viewer, r.session, r.g.cfg.Now()), nil
}

func itoa(n int) string { return strconv.Itoa(n) }

var answerStyleHash = func() string {
	_, rest, _ := strings.Cut(answerPage, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	sum := sha256.Sum256([]byte(style))
	return base64.StdEncoding.EncodeToString(sum[:])
}()

// NotReady answers 503, for the time before a gateway is there.
func NotReady(w http.ResponseWriter, r *http.Request) {
	answer(w, r, http.StatusServiceUnavailable, "")
}

// BadRequest answers 400, for a request that has no single reading.
func BadRequest(w http.ResponseWriter, r *http.Request) {
	answer(w, r, http.StatusBadRequest, "")
}

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

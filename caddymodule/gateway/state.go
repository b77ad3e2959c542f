package gateway

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/caddymodule/rewrite"
	"github.com/postern-gateway/postern/rules"
)

// state is what one request sees from beginning to end.
type state struct {
	policy   *rules.Policy
	facts    rules.Facts
	engine   *rules.Engine
	guard    *guard.Guard
	rewriter *rewrite.Rewriter
	outlines func() *rules.Outliner
	views    sync.Map // viewKey -> *rules.View
	count    atomic.Int32
}

// maxViews bounds the cache of views of one state; past it, views are made
// anew for each request.
const maxViews = 10_000

// facts gives the directory's newest generation, or nil before there is one.
func (g *Gateway) facts() rules.Facts {
	if g.cfg.Directory == nil || !g.cfg.Directory.Ready() {
		return nil
	}
	return g.cfg.Directory.Facts()
}

// newState compiles a policy against a generation of facts. What like has of
// the same policy is taken over.
func (g *Gateway) newState(p *rules.Policy, facts rules.Facts, like *state) (*state, error) {
	next := &state{policy: p, facts: facts}
	same := like != nil && like.policy == p
	if same {
		next.engine, _ = like.engine.WithFacts(facts)
	}
	var err error
	if next.engine == nil {
		if next.engine, err = rules.Bind(p, facts, bindOptions(g.cfg.Identity, g.cfg.Providers)); err != nil {
			return nil, fmt.Errorf("compiling the policy: %w", err)
		}
	}
	if same {
		next.rewriter, next.guard, next.outlines = like.rewriter, like.guard, like.outlines
		return next, nil
	}
	next.rewriter, err = rewrite.New(p.Profile, rewrite.Options{
		MaxBytes: g.cfg.HeldLimit, Log: g.cfg.Log, Key: g.cfg.Key,
		Tripwire: p.Tripwire,
	})
	if err != nil {
		return nil, fmt.Errorf("compiling the profile's rewriting rules: %w", err)
	}
	next.guard = &guard.Guard{Profile: p.Profile, Site: g.site, Wiki: g.cfg.Wiki, Limits: g.cfg.Limits, Cursors: g.cursors}
	next.outlines = sync.OnceValue(p.Profile.Outlines)
	return next, nil
}

// rebind compiles the policy in force against a new generation of facts.
func (g *Gateway) rebind() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	facts := g.facts()
	if facts == nil {
		return nil
	}
	old := g.state.Load()
	next, err := g.newState(g.policy, facts, old)
	if err != nil {
		return err
	}
	g.put(next)
	if old == nil { // the directory has just become ready
		go g.warn(context.Background(), g.policy, facts)
	}
	return nil
}

// put makes a state that of the requests to come; g.mu is held.
func (g *Gateway) put(next *state) {
	if old := g.state.Swap(next); old != nil && old.policy != next.policy {
		g.older = weak.Make(old)
	}
	go next.rewriter.Prepare(next.facts) // off the path of requests
}

// under gives the newest facts under the policy that a request began with,
// which may have been replaced meanwhile: what a look-up has learnt is judged by
// it, and by nothing of the next one.
func (g *Gateway) under(began *state) *state {
	s := g.state.Load()
	if s.policy == began.policy {
		return s
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	facts := g.facts()
	if old := g.older.Value(); old != nil && old.policy == began.policy && old.facts == facts {
		return old
	}
	if facts == nil {
		return began
	}
	next, err := g.newState(began.policy, facts, began)
	if err != nil {
		g.cfg.Log.Error("binding the policy before to newer facts failed", "error", err)
		return began
	}
	g.older = weak.Make(next)
	return next
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
	for _, id := range identity {
		if id.Kind == rules.IdentityPassthrough && p.Profile.Login == nil {
			return fmt.Errorf("upstream identity passthrough: profile %s does not say how one signs in with the wiki (login:)", p.Profile.Name)
		}
	}
	empty, err := directory.NewGeneration(rules.Directory{}, directory.OptionsFor(p.Profile))
	if err != nil {
		return fmt.Errorf("making an empty directory: %w", err)
	}
	if _, err := rules.Bind(p, empty, bindOptions(identity, providers)); err != nil {
		return fmt.Errorf("compiling the policy: %w", err)
	}
	return nil
}

// viewKey identifies a viewer within one state.
type viewKey struct{ provider, subject, session string }

// view makes or finds the viewer's view in a state.
func (s *state) view(v rules.Viewer, session string, now time.Time) *rules.View {
	key := viewKey{v.Provider, v.Subject, session}
	if got, ok := s.views.Load(key); ok {
		view := got.(*rules.View)
		if exp := view.Expires(); (exp.IsZero() || now.Before(exp)) && sameViewer(view.Viewer(), v) {
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

// sameViewer says that nothing was learnt of a viewer since: his claims may
// change while his session goes on.
func sameViewer(a, b rules.Viewer) bool {
	return a.Anonymous == b.Anonymous && a.Provider == b.Provider && a.Subject == b.Subject &&
		a.WikiUser == b.WikiUser && a.WikiVouches == b.WikiVouches && a.DisplayName == b.DisplayName &&
		a.Email == b.Email && a.EmailVerified == b.EmailVerified && slices.Equal(a.Groups, b.Groups)
}

// resolver asks the directory for what a request or response names and the
// current generation does not know.
type resolver struct {
	g       *Gateway
	state   *state // that the request began with
	viewer  rules.Viewer
	session string
}

// Resolve implements guard.Resolver.
func (r resolver) Resolve(ctx context.Context, refs []rules.Ref) (*rules.View, error) {
	if r.g.cfg.Directory == nil {
		return nil, nil //nolint:nilnil // "nothing learnt" is an answer
	}
	changed, err := r.g.cfg.Directory.Resolve(ctx, refs)
	if err != nil {
		return nil, err //nolint:wrapcheck // the directory names the call
	}
	// The swap hook has bound the newer generation by now. It may be that of
	// another request's look-up, which asked about the same and came back
	// between this request's judging and its asking: then there is nothing left
	// to ask, and all the same something new to judge by.
	now := r.g.under(r.state)
	if !changed && now == r.state {
		return nil, nil //nolint:nilnil // "nothing learnt" is an answer
	}
	return now.view(r.viewer, r.session, r.g.cfg.Now()), nil
}

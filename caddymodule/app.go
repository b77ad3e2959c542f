package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"
	"go.uber.org/zap/exp/zapslog"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/caddymodule/pages"
	"github.com/postern-gateway/postern/caddymodule/signin"
	"github.com/postern-gateway/postern/caddymodule/store"
	"github.com/postern-gateway/postern/caddymodule/upstream"
	"github.com/postern-gateway/postern/caddymodule/watch"
	"github.com/postern-gateway/postern/caddymodule/wikisession"
	"github.com/postern-gateway/postern/rules"
)

func init() {
	caddy.RegisterModule(App{})
}

// App is Postern's state for one site: policy, directory, sign-in and store.
// Handlers ("postern" in a site block) serve it.
type App struct {
	// Site is the public address, such as https://extranet.example.com, with
	// the wiki's context path if it has one. Required. Plain http works on
	// loopback only, for trial.
	Site string `json:"site"`
	// Rules are globs of policy files (YAML); together they are one policy.
	// Required.
	Rules []string `json:"rules"`
	// Wiki is the wiki behind this site. Required.
	Wiki *Wiki `json:"wiki"`
	// Store is where sessions and other durable things live:
	// sqlite:///path/to/file, or sqlite::memory: for trial (the default on
	// loopback sites; elsewhere a store is required).
	Store string `json:"store,omitempty"`
	// Providers are the OpenID providers; with several, viewers choose.
	Providers []*Provider `json:"providers,omitempty"`
	// UpstreamIdentity says, per kind of viewer (internal, external, none,
	// anonymous; "" for all others), how the wiki knows him. Default:
	// anonymous.
	UpstreamIdentity map[string]*UpstreamIdentity `json:"upstream_identity,omitempty"`
	// Prefix of Postern's own paths; default /.postern.
	Prefix string `json:"prefix,omitempty"`
	// Hold is how many bytes of one response are held for rewriting at most;
	// an answer over it is refused with 502. Default 16 MiB.
	Hold int64 `json:"hold,omitempty"`
	// Limits bound what one request may carry, and how often a viewer may ask.
	Limits *Limits `json:"limits,omitempty"`
	// ClaimsKeep is how long the groups that a provider named at a person's last
	// sign-in make him visible to others by rules on such groups. They never
	// give him anything himself. Default 30 days; negative: not at all.
	ClaimsKeep caddy.Duration `json:"claims_keep,omitempty"`
	// Pages brand Postern's own pages.
	Pages *Pages `json:"pages,omitempty"`
	// DenyFloor is the step of time in which refusals are answered: each waits
	// for the next multiple of it, so that how long it took does not tell
	// whether the wiki was asked. Default 50ms; negative: no waiting.
	DenyFloor caddy.Duration `json:"deny_floor,omitempty"`

	log       *slog.Logger
	audit     *slog.Logger
	site      *url.URL
	wiki      *url.URL
	aliases   []*url.URL
	identity  map[rules.ViewerKind]gateway.Identity
	policy    *rules.Policy
	seed      rules.Directory
	token     string
	providers []signin.Provider
	insecure  bool
	metrics   *metrics
	pages     *pages.Set

	storeDSN     string
	gateway      *gateway.Gateway
	ready        chan struct{}
	cancel       context.CancelFunc
	synced       chan struct{} // closed when the directory's goroutine has ended
	rp           *signin.RP
	wikiSessions *wikisession.Member
	dir          *directory.Directory
	reloads      *reloads
	links        *links
	signers      []signer      // of the names that go up
	rekeyed      chan struct{} // closed when the signers' files are watched no more
	watcher      *watch.Watcher
	kept         chan struct{} // closed when kept claims are fed no more
	watched      chan struct{} // closed when the files are watched no more
}

// CaddyModule describes the app to Caddy.
func (App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "postern", New: func() caddy.Module { return new(App) }}
}

// Provision reads the configuration, the rules and the directory file. It
// touches no network and opens no store, so that validation can run anywhere.
func (a *App) Provision(ctx caddy.Context) error {
	a.log = slog.New(zapslog.NewHandler(ctx.Logger().Core(), zapslog.AddStacktraceAt(slog.LevelError+1))) // a faulty rule file is no crash
	a.audit = slog.New(zapslog.NewHandler(ctx.Logger().Named("audit").WithOptions(zap.WithCaller(false)).Core()))
	a.ready, a.links = make(chan struct{}), new(links)
	repl := caddy.NewReplacer()
	var err error
	if a.site, err = parseBase("site", repl.ReplaceAll(a.Site, "")); err != nil {
		return err
	}
	if a.insecure, err = trial(a.site); err != nil {
		return err
	}
	if a.Wiki == nil {
		return errors.New("wiki is missing")
	}
	if a.wiki, err = parseBase("wiki", repl.ReplaceAll(a.Wiki.URL, "")); err != nil {
		return err
	}
	for _, s := range a.Wiki.Aliases {
		u, err := parseBase("alias", repl.ReplaceAll(s, ""))
		if err != nil {
			return err
		}
		a.aliases = append(a.aliases, u)
	}
	if a.identity, err = a.identities(repl); err != nil {
		return err
	}
	if len(a.Rules) == 0 {
		return errors.New("rules are missing: name at least one policy file")
	}
	a.reloads = new(reloads)
	a.watchFiles() // as they are before anything is read
	if a.policy, _, err = gateway.ReadRules(ctx, a.Rules, time.Now()); err != nil {
		return fmt.Errorf("loading rules:\n%w", err)
	}
	if a.Wiki.Directory != "" {
		if a.seed, a.reloads.sum, err = sumDirectory(a.Wiki.Directory); err != nil {
			return err
		}
	}
	a.token = repl.ReplaceAll(a.Wiki.SyncToken, "")
	if a.storeDSN = a.Store; a.storeDSN == "" {
		if !a.insecure {
			return errors.New("store is missing: name one, such as sqlite:///var/lib/postern/postern.db")
		}
		a.storeDSN = "sqlite::memory:"
	}
	if err := a.Limits.check(); err != nil {
		return err
	}
	if a.pages, err = a.Pages.set(a.prefix(), repl); err != nil {
		return fmt.Errorf("pages: %w", err)
	}
	if err := a.provisionProviders(repl); err != nil {
		return err
	}
	if err := gateway.CheckPolicy(a.policy, a.identity, a.providerNames()); err != nil {
		return err //nolint:wrapcheck // says what failed
	}
	if err := a.checkNames(); err != nil {
		return err
	}
	if a.metrics, err = registerMetrics(ctx.GetMetricsRegistry()); err != nil {
		return fmt.Errorf("registering metrics: %w", err)
	}
	if a.insecure {
		a.log.Warn("plain http on loopback: cookies are not Secure and lack the __Host- prefix; for trial only", "site", a.site.String())
	}
	return nil
}

func (a *App) provisionProviders(repl *caddy.Replacer) error {
	seen := map[string]bool{}
	for _, p := range a.Providers {
		if p == nil || p.Name == "" || seen[p.Name] {
			return errors.New("every provider needs a name of its own")
		}
		seen[p.Name] = true
		if _, err := parseBase("provider "+p.Name+": issuer", p.Issuer); err != nil {
			return err
		}
		id := repl.ReplaceAll(p.ClientID, "")
		if id == "" {
			return fmt.Errorf("provider %s: client_id is missing", p.Name)
		}
		out := signin.Provider{
			Name: p.Name, Title: p.Title, Issuer: p.Issuer, ClientID: id, ClientSecret: repl.ReplaceAll(p.ClientSecret, ""), Scopes: p.Scopes,
			Claims: signin.ClaimNames{Email: p.Claims.Email, Groups: p.Claims.Groups, Username: p.Claims.Username},
		}
		if err := p.credentials(repl, &out); err != nil {
			return fmt.Errorf("provider %s: %w", p.Name, err)
		}
		a.providers = append(a.providers, out)
	}
	return nil
}

// checkNames refuses rules that name what the directory file does not know. A
// wiki that is synced is another matter: what it holds changes while the rules
// stay, and they are inert where it no longer has what they name.
func (a *App) checkNames() error {
	if a.Wiki.Directory == "" || a.token != "" {
		return nil
	}
	facts, err := directory.NewGeneration(a.seed, directory.OptionsFor(a.policy.Profile))
	if err != nil {
		return fmt.Errorf("reading the directory file %s: %w", a.Wiki.Directory, err)
	}
	if err := a.policy.Check(facts).Faults(); err != nil {
		return fmt.Errorf("rules that name what the directory file %s does not know:\n%w", a.Wiki.Directory, err)
	}
	return nil
}

func readDirectory(path string) (rules.Directory, error) {
	d, _, err := sumDirectory(path)
	return d, err
}

// now is the clock of sign-in, decisions and the store; tests set it forth and
// back.
var now = time.Now

// stores are shared by the configurations that name the same one, so that a
// reload ends no session.
var stores = caddy.NewUsagePool()

type pooledStore struct{ *store.Store }

// Destruct closes the store when the last configuration lets go of it.
func (s pooledStore) Destruct() error { return s.Close() } //nolint:wrapcheck // transparent

// Start opens the store, begins to sync, and makes the gateway.
func (a *App) Start() error {
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	got, _, err := stores.LoadOrNew(a.storeDSN, func() (caddy.Destructor, error) {
		s, err := store.Open(ctx, a.storeDSN, store.Options{Log: a.log, OnError: a.metrics.storeError, Now: now})
		return pooledStore{s}, err //nolint:wrapcheck // wrapped below
	})
	if err != nil {
		return fmt.Errorf("opening the store: %w", err)
	}
	st := got.(pooledStore).Store
	st.KeepClaims(time.Duration(a.ClaimsKeep))
	came := make(chan struct{}, 1)

	dir, err := a.directory()
	if err != nil {
		return err
	}
	a.dir = dir
	var rp *signin.RP
	if len(a.providers) > 0 {
		rp, err = signin.New(signin.Config{
			Site: &url.URL{Scheme: a.site.Scheme, Host: a.site.Host}, Prefix: a.prefix(), Providers: a.providers, Store: claimsStore{st, came}, Log: a.log, Audit: a.audit, Insecure: a.insecure,
			Now:   now,
			Pages: a.pages, Metrics: a.metrics, LinkUser: a.linker(dir), Admit: a.admit(dir),
		})
		if err != nil {
			return fmt.Errorf("setting up sign-in: %w", err)
		}
	}
	a.rp = rp
	key, err := st.Key(ctx, "gateway", time.Now())
	if err != nil {
		return fmt.Errorf("reading the store's keys: %w", err)
	}
	if err := a.keepWikiSessions(); err != nil {
		return err
	}
	gw, err := gateway.New(gateway.Config{
		WikiSessions: a.wikiSessions,
		Key:          key,
		Site:         a.site, Wiki: a.wiki, Aliases: a.aliases, InternalHosts: a.Wiki.InternalHosts, Prefix: a.prefix(),
		Rules: a.Rules, Providers: a.providerNames(), Identity: a.identity, HeldLimit: a.Hold, Directory: dir, SignIn: rp, Refill: true, Pages: a.pages,
		Metrics: a.metrics, Log: a.log, Audit: a.audit, DenyFloor: a.denyFloor(),
		Now:    now,
		Limits: a.Limits.requests(), Often: a.Limits.often(), ClientAddress: clientAddress,
	})
	if err != nil {
		return err //nolint:wrapcheck // says what failed
	}
	a.gateway = gw
	if rp != nil {
		// Who a person is in the wiki may have changed with the directory.
		dir.OnSwap(func(rules.Facts) { go rp.Relink() })
		dir.OnSwap(onNewBase(came))
	}
	a.metrics.watch(gw, dir)
	close(a.ready)
	a.synced = make(chan struct{})
	go func() {
		defer close(a.synced)
		dir.Run(ctx)
	}()
	a.kept = make(chan struct{})
	go func() {
		defer close(a.kept)
		a.keepClaims(ctx, st, dir, came)
	}()
	a.rekeyed = make(chan struct{})
	go func() {
		defer close(a.rekeyed)
		a.watchKeys(ctx)
	}()
	a.watched = make(chan struct{})
	go func() {
		defer close(a.watched)
		a.watcher.Run(ctx)
	}()
	return nil
}

func (a *App) providerNames() []string {
	names := make([]string, len(a.providers))
	for i := range a.providers {
		names[i] = a.providers[i].Name
	}
	return names
}

func (a *App) prefix() string {
	if a.Prefix == "" {
		return "/.postern"
	}
	return a.Prefix
}

// defaultDenyFloor is a little over what a look-up in a wiki near by takes.
const defaultDenyFloor = 50 * time.Millisecond

func (a *App) denyFloor() time.Duration {
	if a.DenyFloor == 0 {
		return defaultDenyFloor
	}
	return max(0, time.Duration(a.DenyFloor))
}

func (a *App) directory() (*directory.Directory, error) {
	conf := directory.Config{Profile: a.policy.Profile, Seed: a.seed, Log: a.log, Every: time.Duration(a.Wiki.SyncEvery)}
	if a.token != "" || a.Wiki.Directory == "" {
		conf.Upstream = upstream.New(upstream.Config{Base: a.wiki, Token: a.token, Log: a.log})
	}
	dir, err := directory.New(conf)
	if err != nil {
		return nil, fmt.Errorf("loading the directory: %w", err)
	}
	return dir, nil
}

// Stop ends sync, the keeping of claims and the watching of files, and gives the store back. Requests that still run keep what
// they have.
func (a *App) Stop() error {
	if a.cancel != nil {
		a.cancel()
	}
	for _, done := range []chan struct{}{a.synced, a.kept, a.watched, a.rekeyed} {
		if done != nil {
			<-done
		}
	}
	a.leaveWikiSessions() // before sign-in closes: what ends there goes on in the next configuration
	if a.rp != nil {
		a.rp.Close()
	}
	_, err := stores.Delete(a.storeDSN)
	if err != nil {
		return fmt.Errorf("closing the store: %w", err)
	}
	return nil
}

// serve answers one request, with 503 until Start is through.
func (a *App) serve(w http.ResponseWriter, r *http.Request, next gateway.Next) error {
	select {
	case <-a.ready:
		return a.gateway.ServeHTTP(w, r, next) //nolint:wrapcheck // faults of the host
	default:
		gateway.NotReady(w, r, a.pages)
		return nil
	}
}

var (
	_ caddy.Provisioner = (*App)(nil)
	_ caddy.App         = (*App)(nil)
)

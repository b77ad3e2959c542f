package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/postern-gateway/postern/caddymodule/upstream"
	"github.com/postern-gateway/postern/rules"
)

// Upstream is what a Directory asks the wiki through; *upstream.Client is one.
type Upstream interface {
	Snapshot(ctx context.Context, p *rules.Profile, progress io.Writer) (rules.Directory, error)
	Lookup(ctx context.Context, p *rules.Profile, keys []rules.Key) (upstream.LookupResult, error)
}

// Config says what a Directory is filled from. Only Profile is needed.
type Config struct {
	// Profile says how the wiki compares names, and how it is asked.
	Profile *rules.Profile
	// Seed is what is known before the first sync, or, without Upstream, all
	// that ever is. What a sync does not tell of a user (identities, e-mail,
	// attributes, other sources' groups) is kept from the seed.
	Seed rules.Directory
	// Upstream is asked; nil means never.
	Upstream Upstream
	// Every is the time between syncs; default one minute.
	Every time.Duration
	// Forget is how long it is remembered that the wiki had no answer about a
	// spelling; default 30 seconds.
	Forget time.Duration
	// LookupTimeout bounds one Resolve; default 3 seconds.
	LookupTimeout time.Duration
	// MaxLookup bounds the spellings that one Resolve asks about; default 200.
	MaxLookup int
	// Log gets syncs and their failures; nil logs nothing.
	Log *slog.Logger
	// Now is the clock; nil means the system's.
	Now func() time.Time
}

// The bounds of what look-ups may add between two syncs.
const (
	maxAdded  = 50_000
	maxMisses = 100_000
	// soonest is the least time between the end of a sync and one that a
	// look-up asked for.
	soonest = 5 * time.Second
)

// Directory keeps the newest generation. It is safe for concurrent use.
type Directory struct {
	c       Config
	options Options
	current atomic.Pointer[Generation]
	ready   atomic.Bool
	kick    chan struct{}
	syncing sync.Mutex // held during a sync

	mu       sync.Mutex // guards swaps and what follows
	hooks    []func(rules.Facts)
	kept     map[string][]string   // see Keep
	misses   map[absence]time.Time // spelling to when it may be asked about again
	inflight map[absence]chan struct{}
	stats    Stats
}

// New makes a directory of its seed. It does not touch the network: Run does.
func New(c Config) (*Directory, error) {
	if c.Every <= 0 {
		c.Every = time.Minute
	}
	if c.Forget <= 0 {
		c.Forget = 30 * time.Second
	}
	if c.LookupTimeout <= 0 {
		c.LookupTimeout = 3 * time.Second
	}
	if c.MaxLookup <= 0 {
		c.MaxLookup = 200
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	d := &Directory{
		c: c, options: OptionsFor(c.Profile), kick: make(chan struct{}, 1),
		misses: map[absence]time.Time{}, inflight: map[absence]chan struct{}{}, stats: newStats(),
	}
	g, err := NewGeneration(c.Seed, d.options)
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	d.current.Store(g)
	d.ready.Store(c.Upstream == nil || c.Profile == nil || c.Profile.Sync == nil ||
		len(c.Seed.Users)+len(c.Seed.Spaces)+len(c.Seed.Content) > 0)
	return d, nil
}

// Facts gives the newest generation.
func (d *Directory) Facts() rules.Facts { return d.current.Load() }

// Ready says whether there is something to judge by: a seed, or a sync.
func (d *Directory) Ready() bool { return d.ready.Load() }

// OnSwap registers a function that is called with every new generation, one at
// a time, before the next may follow. It must not call back into d.
func (d *Directory) OnSwap(f func(rules.Facts)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hooks = append(d.hooks, f)
}

// swap makes g the newest generation; d.mu is held.
func (d *Directory) swap(g *Generation) {
	d.current.Store(g)
	for _, f := range d.hooks {
		f(g)
	}
}

// Run syncs now and then, until ctx ends: about every Every, sooner where a
// look-up found something that only a sync can tell, later while the wiki
// fails. It returns at once if there is nothing to sync from.
func (d *Directory) Run(ctx context.Context) {
	if d.c.Upstream == nil || d.c.Profile == nil || d.c.Profile.Sync == nil {
		return
	}
	for failures := 0; ; {
		wait := d.c.Every
		if err := d.SyncNow(ctx); err != nil {
			if ctx.Err() != nil {
				return
			}
			failures++
			wait = backoff(failures, d.c.Every)
			d.c.Log.ErrorContext(ctx, "directory sync failed", "error", err, "again_in", wait)
		} else {
			failures = 0
		}
		if !d.pause(ctx, jitter(wait)) {
			return
		}
	}
}

// backoff grows from five seconds to ten minutes or the regular time,
// whichever is more.
func backoff(failures int, every time.Duration) time.Duration {
	return min(5*time.Second<<min(failures-1, 10), max(every, 10*time.Minute))
}

// jitter spreads the syncs of several gateways by a tenth either way.
func jitter(d time.Duration) time.Duration {
	return d + time.Duration((rand.Float64()*2-1)*float64(d)/10)
}

// pause waits; a kick ends it early, though not at once.
func (d *Directory) pause(ctx context.Context, wait time.Duration) bool {
	early := time.NewTimer(min(soonest, wait))
	defer early.Stop()
	full := time.NewTimer(wait)
	defer full.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-early.C:
	}
	select {
	case <-ctx.Done():
		return false
	case <-full.C:
	case <-d.kick:
	}
	return true
}

// Reseed takes another seed in place of the one that New was given. Without a
// wiki to sync from, or before the first sync, it is the directory at once; else
// the next sync, which is asked for, adds what only the seed knows. A seed that
// cannot be a directory, or in which there is no space, changes nothing.
func (d *Directory) Reseed(seed rules.Directory) error {
	g, err := NewGeneration(seed, d.options)
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	if len(seed.Spaces) == 0 && len(g.spaces) == 0 {
		return fmt.Errorf("directory: %w", ErrEmptySeed)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.c.Seed = seed
	d.SyncSoon()
	if d.stats.Syncs > 0 {
		return nil
	}
	clear(d.misses)
	d.ready.Store(true)
	d.swap(g.keep(d.kept))
	d.c.Log.Info("directory file read", "generation", g.number, "users", len(g.users), "groups", len(g.groups), "spaces", len(g.spaces), "content", len(g.contents))
	return nil
}

// SyncSoon asks Run for a sync before its time.
func (d *Directory) SyncSoon() {
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

// ErrEmptySync says that a sync saw no space at all, which means that the
// account that asks can't read: what was known stays.
var ErrEmptySync = errors.New("sync found no space: its account can't read the wiki")

// ErrEmptySeed says that a directory file names no space: it was cut off, or is
// another wiki's.
var ErrEmptySeed = errors.New("the directory file holds no space")

// SyncNow reads everything from the wiki and swaps it in. While one runs,
// another waits and then syncs again.
func (d *Directory) SyncNow(ctx context.Context) error {
	if d.c.Upstream == nil {
		return errors.New("directory: there is no wiki to sync from")
	}
	d.syncing.Lock()
	defer d.syncing.Unlock()
	select {
	case <-d.kick: // this sync is the one that was asked for
	default:
	}
	started := d.c.Now()
	g, err := d.fetch(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.stats.SyncErrors[reason(err)]++
		return err
	}
	clear(d.misses)
	d.ready.Store(true) // before the hooks, which ask
	d.swap(g.keep(d.kept))
	d.stats.LastSync = d.c.Now()
	d.stats.Syncs++
	d.c.Log.InfoContext(ctx, "directory synced", "generation", g.number, "users", len(g.users), "groups", len(g.groups),
		"spaces", len(g.spaces), "content", len(g.contents), "took", d.stats.LastSync.Sub(started))
	return nil
}

func (d *Directory) fetch(ctx context.Context) (*Generation, error) {
	snap, err := d.c.Upstream.Snapshot(ctx, d.c.Profile, nil)
	if err != nil {
		return nil, fmt.Errorf("directory: %w", err)
	}
	if len(snap.Spaces) == 0 {
		return nil, fmt.Errorf("directory: %w", ErrEmptySync)
	}
	d.addSeed(&snap)
	g, err := NewGeneration(snap, d.options)
	if err != nil {
		return nil, fmt.Errorf("directory: synced records: %w", err)
	}
	return g, nil
}

// addSeed adds to a sync what only the seed knows.
func (d *Directory) addSeed(snap *rules.Directory) {
	d.mu.Lock()
	own := d.c.Seed
	d.mu.Unlock()
	seed := make(map[string]*rules.UserRecord, len(own.Users))
	for i := range own.Users {
		seed[own.Users[i].Username] = &own.Users[i]
	}
	if len(seed) > 0 {
		for i := range snap.Users {
			u := &snap.Users[i]
			if old, ok := seed[u.Username]; ok {
				groups := u.Groups
				complete(u, old)
				u.Groups = groups // memberships are the wiki's to say
			}
		}
	}
	for _, r := range own.Groups {
		if r.Source != "" && r.Source != wikiSource {
			snap.Groups = append(snap.Groups, r)
		}
	}
}

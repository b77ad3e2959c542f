package signin

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"
	"unique"

	"github.com/postern-gateway/postern/rules"
)

var (
	// ErrAmbiguousCookie is returned by Session for a request that brings the
	// session cookie more than once: it has no single reading.
	ErrAmbiguousCookie = errors.New("session cookie is there more than once")
	// ErrUnavailable is returned by Session when the store can't be asked, and
	// has not answered for longer than the grace.
	ErrUnavailable = errors.New("sessions can't be checked")
)

const (
	syncAge    = 750 * time.Millisecond // of the comparison with the store, before a request makes one itself
	storeGrace = 30 * time.Second       // that known sessions go on while the store does not answer
	touchEvery = time.Minute            // between two notes of a session's use in the store
)

// Session is a viewer's session, as it was when asked for: an immutable value.
type Session struct {
	// ID is a hash that names the session in logs; it opens nothing.
	ID string
	// Viewer is who it is.
	Viewer rules.Viewer
	// Username is the provider's name for him, for display and for identity
	// headers; not unique across providers.
	Username string
	// Created is when he signed in, Expires when the session ends at the latest.
	Created, Expires time.Time
	// Bearer says that the request brought an access token, which no browser
	// adds by itself: another site can't have caused it.
	Bearer bool

	identity Identity
	entry    *entry
}

// Done is closed when the session ends, in whatever way: who is sending
// something for it stops.
func (s *Session) Done() <-chan struct{} { return s.entry.done }

// Current is the session as it is now: the viewer's claims, and who he is in
// the wiki, may have changed since it was asked for.
func (s *Session) Current() *Session { return s.entry.current.Load() }

// Session finds the session of a request. It returns nil without an error if
// the request has none: no cookie, one that is damaged, unknown or expired.
// With an error nothing may be served: ErrAmbiguousCookie and *BearerError are
// the client's fault, ErrUnavailable ours.
func (rp *RP) Session(r *http.Request) (*Session, error) {
	value, n := find(r.Header, rp.cookies.session)
	if n > 1 {
		return nil, ErrAmbiguousCookie
	}
	bearer, refused := rp.bearerToken(r)
	switch {
	case refused != nil:
		return nil, refused
	case bearer != "" && n > 0:
		return nil, errTwoCredentials // RFC 6750 2: one at most
	case bearer == "" && value == "":
		return nil, nil
	}
	now := rp.cfg.Now()
	if rp.cache.unsynced(now) > syncAge && !rp.sync(r.Context(), now) && rp.cache.unsynced(now) > storeGrace {
		return nil, ErrUnavailable
	}
	if bearer != "" {
		s, err := rp.bearerSession(r.Context(), bearer, now)
		if s == nil {
			return nil, err
		}
		api := *s
		api.Bearer = true
		return &api, nil
	}
	k := hashSecret(value)
	e := rp.cache.get(k)
	if e == nil || e.over(now, rp.cfg.Idle) {
		var err error
		if e, err = rp.load(r.Context(), k, now); e == nil {
			return nil, err
		}
	}
	e.use(rp, now)
	return e.current.Load(), nil
}

// load reads a session from the store and keeps it in memory.
func (rp *RP) load(ctx context.Context, k key, now time.Time) (*entry, error) {
	rp.cache.dropIfOver(k, now, rp.cfg.Idle)
	for range 4 {
		gen := rp.cache.generation()
		rec, ok, err := rp.cfg.Store.Session(ctx, k[:], now)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		if !ok {
			return nil, nil
		}
		e, err := rp.newEntry(k, rec)
		switch {
		case errors.Is(err, errNotAdmitted):
			rp.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "session ended", slog.String("session", k.String()), slog.String("reason", "not admitted any more"))
			return nil, rp.cfg.Store.EndSession(ctx, k[:])
		case err != nil:
			rp.cfg.Log.LogAttrs(ctx, slog.LevelError, "stored session is unreadable", slog.String("session", k.String()))
			return nil, nil
		case e == nil: // it waits for its provider to be configured again
			return nil, nil
		case e.over(now, rp.cfg.Idle):
			if err := rp.cfg.Store.EndSession(ctx, k[:]); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
			}
			return nil, nil
		}
		if kept, ok := rp.cache.add(e, gen); ok {
			return kept, nil
		}
	}
	return nil, fmt.Errorf("%w: too many sessions end at once", ErrUnavailable)
}

var errNotAdmitted = errors.New("not admitted")

// newEntry makes a session's entry from its record. It returns none if the
// provider is not configured, and errNotAdmitted if Config.Admit says no.
func (rp *RP) newEntry(k key, rec SessionRecord) (*entry, error) {
	var id Identity
	if err := json.Unmarshal(rec.Claims, &id); err != nil || id.Subject != rec.Subject {
		return nil, errors.New("stored claims do not fit the session")
	}
	if rp.byName[rec.Provider] == nil {
		return nil, nil
	}
	e := &entry{key: k, rec: rec, done: make(chan struct{})}
	e.rec.RefreshToken, e.rec.IDToken, e.rec.Claims, e.rec.ID = "", "", nil, nil
	for i, g := range id.Groups {
		id.Groups[i] = unique.Make(g).Value() // many sessions have the same few
	}
	e.seen.Store(rec.Seen.UnixMilli())
	e.stored.Store(rec.Seen.UnixMilli())
	if !rec.RefreshAt.IsZero() {
		e.refresh.Store(rec.RefreshAt.UnixMilli())
	}
	v := rp.viewer(rec.Provider, id)
	if err := rp.cfg.Admit(v); err != nil {
		return nil, fmt.Errorf("%w: %w", errNotAdmitted, err)
	}
	e.current.Store(e.session(v, id))
	return e, nil
}

func (e *entry) session(v rules.Viewer, id Identity) *Session {
	return &Session{
		ID: e.key.String(), Viewer: v, Username: id.Username,
		Created: e.rec.Created, Expires: e.rec.Expires, identity: id, entry: e,
	}
}

// use notes that the session is in use, in the store as well now and then, and
// begins a refresh when one is due.
func (e *entry) use(rp *RP, now time.Time) {
	ms := now.UnixMilli()
	e.seen.Store(ms)
	if last := e.stored.Load(); ms-last >= rp.touchEvery().Milliseconds() && e.stored.CompareAndSwap(last, ms) {
		rp.background(func(ctx context.Context) {
			if err := rp.cfg.Store.TouchSession(ctx, e.key[:], now); err != nil {
				rp.cfg.Log.LogAttrs(ctx, slog.LevelError, "session not touched", slog.String("reason", err.Error()))
			}
		})
	}
	if due := e.refresh.Load(); due != 0 && ms >= due && e.refresh.CompareAndSwap(due, ms+refreshRetry.Milliseconds()) {
		rp.background(func(ctx context.Context) { rp.refresh(ctx, e) })
	}
}

func (rp *RP) touchEvery() time.Duration { return min(touchEvery, rp.cfg.Idle/4) }

// background runs f with a context that ends with Close.
func (rp *RP) background(f func(ctx context.Context)) {
	if rp.run.Err() != nil {
		return
	}
	rp.wg.Go(func() { f(rp.run) })
}

// sync drops from memory what has changed in the store. It returns false if
// the store did not answer.
func (rp *RP) sync(ctx context.Context, now time.Time) bool {
	c := &rp.cache
	c.syncMu.Lock()
	defer c.syncMu.Unlock()
	if c.unsynced(now) < watchEvery/2 && c.next >= 0 {
		return true // another request has just done it
	}
	first := c.next < 0
	ids, next, all, err := rp.cfg.Store.SessionChanges(context.WithoutCancel(ctx), c.next)
	if err != nil {
		if rp.run.Err() == nil {
			rp.cfg.Log.LogAttrs(ctx, slog.LevelError, "sessions not compared with the store", slog.String("reason", err.Error()))
		}
		return false
	}
	c.next = next
	c.synced.Store(now.UnixMilli())
	switch {
	case first:
	case !all:
		c.bump()
		rp.recheck(ctx, now)
	default:
		for _, id := range ids {
			if len(id) == len(key{}) {
				rp.recheckOne(ctx, key(id), now)
			}
		}
	}
	return true
}

// recheckOne reads one session again: it ends in memory if it has in the
// store, and gets its new claims if it has some.
func (rp *RP) recheckOne(ctx context.Context, k key, now time.Time) {
	e := rp.cache.get(k)
	if e == nil {
		rp.cache.bump() // it may be on its way in
		return
	}
	rec, ok, err := rp.cfg.Store.Session(context.WithoutCancel(ctx), k[:], now)
	if err != nil || !ok {
		rp.cache.remove(k) // after an error too: the next request reads it again
		return
	}
	fresh, err := rp.newEntry(k, rec)
	if err != nil || fresh == nil {
		rp.cache.remove(k)
		return
	}
	id := fresh.current.Load()
	e.current.Store(e.session(id.Viewer, id.identity))
}

func (rp *RP) recheck(ctx context.Context, now time.Time) {
	for _, e := range rp.cache.all() {
		rp.recheckOne(ctx, e.key, now)
	}
}

// endInBackground ends a session of which we have just learned that it must
// not go on: in memory at once, in the store as soon as that can be.
func (rp *RP) endInBackground(e *entry, reason string) {
	rp.cache.remove(e.key)
	rp.audit(rp.run, "session-end", true, e.rec.Provider, auditUser(e.rec.Provider, e.rec.Subject),
		slog.String("postern.session", e.key.String()), slog.String("event.reason", reason))
	rp.background(func(ctx context.Context) {
		rp.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "session ended", slog.String("session", e.key.String()), slog.String("reason", reason))
		if err := rp.cfg.Store.EndSession(ctx, e.key[:]); err != nil {
			rp.cfg.Log.LogAttrs(ctx, slog.LevelError, "session not ended in the store", slog.String("reason", err.Error()))
		}
	})
}

// String names a session in logs: a part of the hash, which opens nothing.
func (k key) String() string { return hex.EncodeToString(k[:12]) }

func (c *cache) dropIfOver(k key, now time.Time, idle time.Duration) {
	if e := c.get(k); e != nil && e.over(now, idle) {
		c.remove(k)
	}
}

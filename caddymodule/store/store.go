package store

import (
	"context"
	"crypto/cipher"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the database/sql driver "sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrUnsupported is returned by Open for a DSN of a database that this version
// has no driver for.
var ErrUnsupported = errors.New("unsupported database")

// ClaimsKeep is how long claims seen at sign-in are kept for others' views,
// unless KeepClaims says otherwise.
const ClaimsKeep = 30 * 24 * time.Hour

// revocationsKeep is how long a revocation is remembered: longer than any
// sign-in that was under way at the time can take.
const revocationsKeep = 24 * time.Hour

// maxFlows bounds the sign-ins under way, which anybody can begin; beyond it
// the oldest give way.
const maxFlows = 50_000

// Options adjusts Open. The zero value is ready for use.
type Options struct {
	// Log takes the sweeper's failures and one line per migration; nil: none.
	Log *slog.Logger
	// Now is the sweeper's clock; nil: time.Now.
	Now func() time.Time
	// SweepEvery is the time between two runs of the sweeper; 0: a minute,
	// negative: no sweeper.
	SweepEvery time.Duration
	// OnError is called with the name of each operation that failed, for
	// metrics; nil: nothing.
	OnError func(op string)
}

// Store is an open database. Make one with Open and Close it.
type Store struct {
	w, r    *sql.DB // one writer; readers, or the same for a database in memory
	seal    cipher.AEAD
	log     *slog.Logger
	onError func(string)

	flowMu  sync.Mutex
	flowPut int // flows put since the last count

	keep atomic.Int64 // see KeepClaims; 0: ClaimsKeep

	keyMu sync.Mutex
	keys  map[string][]byte

	stop context.CancelFunc
	done chan struct{}
}

// Open opens the database that the DSN names, makes it if it is not there, and
// brings its tables up to date. A DSN is sqlite:///absolute/path or
// sqlite::memory:. A database that a newer version has written is refused.
func Open(ctx context.Context, dsn string, o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.OnError == nil {
		o.OnError = func(string) {}
	}
	path, err := parseDSN(dsn)
	if err != nil {
		return nil, err
	}
	s := &Store{log: o.Log, onError: o.OnError, keys: map[string][]byte{}}
	if err := s.connect(path); err != nil {
		return nil, fmt.Errorf("opening store: %w", err)
	}
	if err := s.migrate(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening store: %w", err), s.closeDBs())
	}
	if s.seal, err = s.openSeal(ctx, o.Now()); err != nil {
		return nil, errors.Join(fmt.Errorf("opening store: %w", err), s.closeDBs())
	}
	if o.SweepEvery >= 0 {
		if o.SweepEvery == 0 {
			o.SweepEvery = time.Minute
		}
		var run context.Context
		run, s.stop = context.WithCancel(context.WithoutCancel(ctx))
		s.done = make(chan struct{})
		go s.sweep(run, o.SweepEvery, o.Now)
	}
	return s, nil
}

// CheckDSN says whether Open would understand the DSN, without opening
// anything.
func CheckDSN(dsn string) error {
	_, err := parseDSN(dsn)
	return err
}

// parseDSN returns the database's path, or "" for one in memory.
func parseDSN(dsn string) (string, error) {
	if dsn == "sqlite::memory:" {
		return "", nil
	}
	scheme, _, ok := strings.Cut(dsn, ":")
	if !ok {
		return "", errors.New("store: a DSN is sqlite::memory: or sqlite:///absolute/path")
	}
	switch scheme {
	case "sqlite":
	case "postgres", "postgresql":
		return "", fmt.Errorf("store: %w: PostgreSQL is not built in yet, use sqlite:///absolute/path", ErrUnsupported)
	default:
		return "", fmt.Errorf("store: %w %q: use sqlite:///absolute/path", ErrUnsupported, scheme)
	}
	u, err := url.Parse(dsn)
	switch {
	case err != nil:
		return "", errors.New("store: the DSN is not a URL")
	case u.Host != "" || u.User != nil || !strings.HasPrefix(dsn, "sqlite:///"):
		return "", errors.New("store: the path in the DSN must be absolute, as in sqlite:///var/lib/postern/postern.db")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("store: the DSN takes no parameters")
	case strings.HasSuffix(u.Path, "/") || strings.ContainsRune(u.Path, 0):
		return "", errors.New("store: the DSN names no file")
	}
	return filepath.Clean(u.Path), nil
}

// connect opens the pools. The file is made before SQLite makes it, because
// SQLite gives its journal the mode of the file.
func (s *Store) connect(path string) error {
	query := url.Values{"_pragma": {
		"busy_timeout(10000)", "foreign_keys(1)", "synchronous(NORMAL)", "secure_delete(1)", "trusted_schema(0)",
	}, "_txlock": {"immediate"}}
	if path == "" {
		db, err := sql.Open("sqlite", "file::memory:?"+query.Encode())
		if err != nil {
			return err
		}
		// The database lives as long as its one connection.
		db.SetMaxOpenConns(1)
		db.SetMaxIdleConns(1)
		s.w, s.r = db, db
		return nil
	}
	if err := makeFile(path); err != nil {
		return err
	}
	query.Add("_pragma", "journal_mode(WAL)")
	dsn := (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
	w, err := sql.Open("sqlite", dsn)
	if err != nil {
		return err
	}
	w.SetMaxOpenConns(1)
	w.SetMaxIdleConns(1)
	query.Add("_pragma", "query_only(1)")
	query.Del("_txlock")
	dsn = (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
	r, err := sql.Open("sqlite", dsn)
	if err != nil {
		return errors.Join(err, w.Close())
	}
	r.SetMaxOpenConns(4)
	r.SetMaxIdleConns(4)
	s.w, s.r = w, r
	return nil
}

// makeFile makes the file and its folder, readable by the owner alone, and
// narrows the mode of one that is there.
func makeFile(path string) error {
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := f.Chmod(0o600); err != nil {
			return fmt.Errorf("others may read %s, and its mode can't be changed: %w", path, err)
		}
	}
	return nil
}

func (s *Store) migrate(ctx context.Context) error {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.w, sub,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return err
	}
	have, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("reading the database's version: %w", err)
	}
	sources := p.ListSources()
	if want := sources[len(sources)-1].Version; have > want {
		return fmt.Errorf("the database is of version %d, this program knows up to %d: it was written by a newer one", have, want)
	}
	results, err := p.Up(ctx)
	if err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	for _, r := range results {
		s.log.LogAttrs(ctx, slog.LevelInfo, "store migrated", slog.Int64("version", r.Source.Version))
	}
	return nil
}

// Close stops the sweeper and closes the database.
func (s *Store) Close() error {
	if s.stop != nil {
		s.stop()
		<-s.done
	}
	return s.closeDBs()
}

func (s *Store) closeDBs() error {
	if s.r == s.w {
		return s.w.Close()
	}
	return errors.Join(s.r.Close(), s.w.Close())
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error { return s.fail("ping", s.r.PingContext(ctx)) }

// fail counts and wraps an operation's error.
func (s *Store) fail(op string, err error) error {
	if err == nil {
		return nil
	}
	if !errors.Is(err, context.Canceled) {
		s.onError(op)
	}
	return fmt.Errorf("store: %s: %w", strings.ReplaceAll(op, "_", " "), err)
}

// update runs f in the one writing transaction.
func (s *Store) update(ctx context.Context, op string, f func(tx *sql.Tx) error) error {
	tx, err := s.w.BeginTx(ctx, nil)
	if err != nil {
		return s.fail(op, err)
	}
	if err := f(tx); err != nil {
		_ = tx.Rollback() // the first error is the one that counts
		return s.fail(op, err)
	}
	return s.fail(op, tx.Commit())
}

// sweepStep is the LIMIT of the statements of Sweep: how much one of them removes
// at most, while other writers wait.
const sweepStep = 200

// Sweep removes everything whose time is over, in bounded steps so that no
// reader waits for long.
func (s *Store) Sweep(ctx context.Context, now time.Time) error {
	ms := now.UnixMilli()
	for _, q := range []struct {
		query string
		limit int64
	}{
		{`DELETE FROM flows WHERE state IN (SELECT state FROM flows WHERE expires <= ? LIMIT 200)`, ms},
		{`DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires <= ? LIMIT 200)`, ms},
		{`DELETE FROM logout_tokens WHERE (provider, jti) IN (SELECT provider, jti FROM logout_tokens WHERE expires <= ? LIMIT 200)`, ms},
		{`DELETE FROM session_changes WHERE seq <= (SELECT max(seq) FROM session_changes) - ?`, maxChanges},
		{`DELETE FROM revocations WHERE at <= ?`, now.Add(-revocationsKeep).UnixMilli()},
		{`DELETE FROM seen_claims WHERE (provider, subject) IN (SELECT provider, subject FROM seen_claims WHERE seen <= ? LIMIT 200)`, now.Add(-s.claimsKeep()).UnixMilli()},
	} {
		for {
			res, err := s.w.ExecContext(ctx, q.query, q.limit)
			if err != nil {
				return s.fail("sweep", err)
			}
			if n, err := res.RowsAffected(); err != nil || n < sweepStep {
				break
			}
		}
	}
	return nil
}

func (s *Store) sweep(ctx context.Context, every time.Duration, now func() time.Time) {
	defer close(s.done)
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := s.Sweep(ctx, now()); err != nil && ctx.Err() == nil {
				s.log.LogAttrs(ctx, slog.LevelError, "store sweep failed", slog.String("reason", err.Error()))
			}
		}
	}
}

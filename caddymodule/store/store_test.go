package store_test

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/caddymodule/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func open(t testing.TB, dsn string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), dsn, store.Options{SweepEvery: -1, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatalf("Open(%q): %v", dsn, err)
	}
	return s
}

// each runs a test on a database in a file and on one in memory.
func each(t *testing.T, f func(t *testing.T, s *store.Store)) {
	t.Helper()
	for name, dsn := range map[string]string{
		"file":   "sqlite://" + filepath.Join(t.TempDir(), "postern.db"),
		"memory": "sqlite::memory:",
	} {
		t.Run(name, func(t *testing.T) {
			s := open(t, dsn)
			defer func() {
				if err := s.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			}()
			f(t, s)
		})
	}
}

func hash(s string) []byte { h := sha256.Sum256([]byte(s)); return h[:] }

func session(id, provider, sub, sid string) store.SessionRecord {
	return store.SessionRecord{
		ID: hash(id), Provider: provider, Subject: sub, SID: sid, Claims: []byte(`{"email":"x@acme.example"}`),
		RefreshToken: "refresh-" + id, IDToken: "id-" + id,
		Created: noon, Seen: noon, Expires: noon.Add(time.Hour), RefreshAt: noon.Add(time.Minute),
	}
}

func create(t testing.TB, s *store.Store, r store.SessionRecord, started time.Time, replaces []byte) bool {
	t.Helper()
	ok, err := s.CreateSession(t.Context(), r, started, replaces)
	if err != nil {
		t.Fatalf("CreateSession: %v", err)
	}
	return ok
}

func has(t testing.TB, s *store.Store, id string, now time.Time) bool {
	t.Helper()
	_, ok, err := s.Session(t.Context(), hash(id), now)
	if err != nil {
		t.Fatalf("Session: %v", err)
	}
	return ok
}

func TestDSN(t *testing.T) {
	for _, tt := range []struct {
		dsn, want string
		unsup     bool
	}{
		{dsn: "sqlite::memory:"},
		{dsn: "sqlite:///var/lib/postern/postern.db"},
		{dsn: "", want: "a DSN is"},
		{dsn: "/var/lib/postern.db", want: "a DSN is"},
		{dsn: "sqlite://postern.db", want: "absolute"},
		{dsn: "sqlite:postern.db", want: "absolute"},
		{dsn: "sqlite:///", want: "no file"},
		{dsn: "sqlite:///x.db?mode=ro", want: "no parameters"},
		{dsn: "sqlite:///x.db#a", want: "no parameters"},
		{dsn: "sqlite:///x%zz", want: "not a URL"},
		{dsn: "postgres://u:secret@db/postern", want: "not built in yet", unsup: true},
		{dsn: "mysql://u:secret@db/postern", want: `"mysql"`, unsup: true},
	} {
		err := store.CheckDSN(tt.dsn)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("CheckDSN(%q): %v", tt.dsn, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("CheckDSN(%q) = %v, want %q in it", tt.dsn, err, tt.want)
		case errors.Is(err, store.ErrUnsupported) != tt.unsup:
			t.Errorf("CheckDSN(%q) = %v, unsupported should be %v", tt.dsn, err, tt.unsup)
		case err != nil && strings.Contains(err.Error(), "secret"):
			t.Errorf("CheckDSN(%q) = %v tells the password", tt.dsn, err)
		}
	}
}

func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "postern.db")
	dsn := "sqlite://" + path
	s := open(t, dsn)
	key, err := s.Key(t.Context(), "cursor", noon)
	if err != nil {
		t.Fatal(err)
	}
	want := session("a", "corp", "1", "sid")
	if !create(t, s, want, noon, nil) {
		t.Fatal("session was refused")
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o600 {
			t.Errorf("mode of %q is %o", filepath.Base(path)+suffix, got)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"refresh-a", "id-a"} {
		if strings.Contains(string(raw), secret) {
			t.Errorf("%q stands in the file in clear", secret)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}

	s = open(t, dsn)
	defer func() { _ = s.Close() }()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode was not narrowed: %v, %v", info.Mode(), err)
	}
	got, ok, err := s.Session(t.Context(), want.ID, noon)
	if err != nil || !ok {
		t.Fatalf("Session = %v, %v", ok, err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("session differs (-want +got):\n%s", d)
	}
	again, err := s.Key(t.Context(), "cursor", noon)
	if err != nil || !cmp.Equal(key, again) {
		t.Errorf("key changed: %v", err)
	}
	other, err := s.Key(t.Context(), "etag", noon)
	if err != nil || cmp.Equal(key, other) {
		t.Errorf("two names share a key: %v", err)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage.db")
	if err := os.WriteFile(garbage, []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := filepath.Join(dir, "newer.db")
	s := open(t, "sqlite://"+newer)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", newer)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, 1)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ path, want string }{
		"garbage":   {garbage, "not a database"},
		"newer":     {newer, "written by a newer one"},
		"folder":    {dir, "is a directory"},
		"no folder": {filepath.Join(dir, "a", "b", "c.db"), "no such file"},
	} {
		s, err := store.Open(t.Context(), "sqlite://"+tt.path, store.Options{SweepEvery: -1})
		if err == nil {
			_ = s.Close()
			t.Errorf("%s: opened", name)
		} else if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q in it", name, err, tt.want)
		}
	}
}

func TestSessions(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		_, next, _, err := s.SessionChanges(ctx, -1)
		if err != nil {
			t.Fatal(err)
		}
		changed := func(want ...string) {
			t.Helper()
			ids, n, all, err := s.SessionChanges(ctx, next)
			if !all || err != nil {
				t.Fatalf("SessionChanges = %v, %v", all, err)
			}
			next = n
			var hashes [][]byte
			for _, w := range want {
				hashes = append(hashes, hash(w))
			}
			if d := cmp.Diff(hashes, ids); d != "" {
				t.Errorf("changes differ (-want +got):\n%s", d)
			}
		}
		create(t, s, session("a", "corp", "1", "s1"), noon, nil)
		create(t, s, session("b", "corp", "1", "s2"), noon, nil)
		create(t, s, session("c", "acme", "1", "s1"), noon, nil)
		if has(t, s, "a", noon.Add(time.Hour)) {
			t.Error("an expired session was found")
		}

		changed()
		create(t, s, session("d", "corp", "2", ""), noon, hash("a"))
		if has(t, s, "a", noon) || !has(t, s, "d", noon) {
			t.Error("the replaced session lives on, or the new one is not there")
		}
		changed("a")

		if err := s.TouchSession(ctx, hash("b"), noon.Add(time.Minute)); err != nil {
			t.Error(err)
		}
		if err := s.TouchSession(ctx, hash("b"), noon); err != nil {
			t.Error(err)
		}
		b, _, err := s.Session(ctx, hash("b"), noon)
		if err != nil || !b.Seen.Equal(noon.Add(time.Minute)) {
			t.Errorf("seen = %v, %v", b.Seen, err)
		}

		changed()
		b.Claims, b.RefreshToken, b.RefreshAt = []byte(`{}`), "new", time.Time{}
		if ok, err := s.UpdateSession(ctx, b); !ok || err != nil {
			t.Errorf("UpdateSession = %v, %v", ok, err)
		}
		changed("b")
		got, _, err := s.Session(ctx, hash("b"), noon)
		if d := cmp.Diff(b, got); d != "" || err != nil {
			t.Errorf("updated session differs: %v\n%s", err, d)
		}

		if n, err := s.Revoke(ctx, "corp", "1", noon.Add(time.Minute)); n != 1 || err != nil {
			t.Errorf("Revoke = %d, %v", n, err)
		}
		if has(t, s, "b", noon) || !has(t, s, "c", noon) || !has(t, s, "d", noon) {
			t.Error("Revoke ended the wrong sessions")
		}
		if create(t, s, session("e", "corp", "1", ""), noon, nil) {
			t.Error("a sign-in begun before the revocation made a session")
		}
		if !create(t, s, session("e", "corp", "1", ""), noon.Add(2*time.Minute), nil) {
			t.Error("a sign-in begun after the revocation was refused")
		}
		if ok, err := s.UpdateSession(ctx, b); ok || err != nil {
			t.Errorf("UpdateSession of an ended session = %v, %v", ok, err)
		}
		if n, err := s.CountSessions(ctx, noon); n != 3 || err != nil {
			t.Errorf("CountSessions = %d, %v", n, err)
		}
		if err := s.EndSession(ctx, hash("e")); err != nil {
			t.Error(err)
		}
		if err := s.EndSession(ctx, hash("e")); err != nil {
			t.Error(err)
		}
	})
}

func TestLogoutOnce(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		until := noon.Add(time.Hour)
		for _, r := range []store.SessionRecord{
			session("a", "corp", "1", "s1"), session("b", "corp", "1", "s2"), session("c", "acme", "1", "s1"), session("d", "corp", "2", "s3"),
		} {
			create(t, s, r, noon, nil)
		}
		for _, tt := range []struct {
			provider, jti, sub, sid string
			fresh                   bool
			ended                   int
		}{
			{"corp", "j1", "1", "s1", true, 1},
			{"corp", "j1", "1", "", false, 0},  // replayed: nothing happens
			{"acme", "j1", "", "s1", true, 1},  // another provider's token of the same id
			{"corp", "j2", "1", "s9", true, 0}, // unknown session
			{"corp", "j3", "1", "", true, 1},   // all that are left
			{"corp", "j4", "", "s3", true, 1},  // by session id alone
		} {
			fresh, n, err := s.LogoutOnce(t.Context(), tt.provider, tt.jti, until, tt.sub, tt.sid, noon)
			if fresh != tt.fresh || n != tt.ended || err != nil {
				t.Errorf("LogoutOnce(%s %s %s %s) = %v, %d, %v", tt.provider, tt.jti, tt.sub, tt.sid, fresh, n, err)
			}
		}
		if _, _, err := s.LogoutOnce(t.Context(), "corp", "j5", until, "", "", noon); err == nil {
			t.Error("a logout of everybody was accepted")
		}
	})
}

func TestFlows(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		f := store.FlowRecord{
			State: hash("s"), Browser: hash("b"), Provider: "corp", Nonce: "n", Verifier: "v", Target: "/x",
			Created: noon, Expires: noon.Add(time.Minute),
		}
		if err := s.PutFlow(t.Context(), f); err != nil {
			t.Fatal(err)
		}
		if err := s.PutFlow(t.Context(), f); err == nil {
			t.Error("the same state was stored twice")
		}
		if _, ok, _ := s.Flow(t.Context(), hash("s"), noon.Add(time.Minute)); ok {
			t.Error("an expired flow was found")
		}
		got, ok, err := s.Flow(t.Context(), hash("s"), noon)
		if d := cmp.Diff(f, got); !ok || err != nil || d != "" {
			t.Errorf("Flow = %v, %v\n%s", ok, err, d)
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for range 8 {
			wg.Go(func() {
				_, ok, err := s.TakeFlow(context.Background(), hash("s"), noon)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				if ok {
					won++
				}
			})
		}
		wg.Wait()
		if won != 1 {
			t.Errorf("%d callers took one flow", won)
		}
	})
}

func TestClaimsTombstonesActs(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		for i, r := range []store.ClaimsRecord{
			{Provider: "corp", Subject: "1", Claims: []byte(`1`), Seen: noon.Add(-store.ClaimsKeep)},
			{Provider: "corp", Subject: "2", Claims: []byte(`2`), Seen: noon.Add(-time.Hour)},
			{Provider: "corp", Subject: "2", Claims: []byte(`3`), Seen: noon},
		} {
			if err := s.RememberClaims(ctx, r); err != nil {
				t.Fatalf("%d: %v", i, err)
			}
		}
		var seen []string
		err := s.SeenClaims(ctx, noon, func(r store.ClaimsRecord) error {
			seen = append(seen, r.Provider+"/"+r.Subject+"="+string(r.Claims))
			return nil
		})
		if d := cmp.Diff([]string{"corp/2=3"}, seen); d != "" || err != nil {
			t.Errorf("SeenClaims: %v\n%s", err, d)
		}

		if err := s.MarkAssigned(ctx, []string{"wiki/zq", "corp/8"}, noon); err != nil {
			t.Fatal(err)
		}
		if err := s.MarkAssigned(ctx, []string{"corp/8", "acme/1"}, noon); err != nil {
			t.Fatal(err)
		}
		got, err := s.EverAssigned(ctx)
		if d := cmp.Diff([]string{"acme/1", "corp/8", "wiki/zq"}, got); d != "" || err != nil {
			t.Errorf("EverAssigned: %v\n%s", err, d)
		}

		for i := range 3 {
			if err := s.RecordAct(ctx, store.Act{At: noon, Actor: "corp/1", Act: "revoke", Object: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.RecordAct(ctx, store.Act{At: noon}); err == nil {
			t.Error("an act without an actor was recorded")
		}
		acts, err := s.Acts(ctx, 0, 2)
		if err != nil || len(acts) != 2 || acts[0].Object != "2" {
			t.Fatalf("Acts = %v, %v", acts, err)
		}
		acts, err = s.Acts(ctx, acts[1].ID, 9)
		if err != nil || len(acts) != 1 || acts[0].Object != "0" {
			t.Errorf("Acts = %v, %v", acts, err)
		}
	})
}

func TestSweep(t *testing.T) {
	each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		create(t, s, session("a", "corp", "1", ""), noon, nil)
		if _, err := s.Revoke(ctx, "corp", "9", noon); err != nil {
			t.Fatal(err)
		}
		later := noon.Add(48 * time.Hour)
		if err := s.Sweep(ctx, later); err != nil {
			t.Fatal(err)
		}
		if has(t, s, "a", noon) {
			t.Error("an expired session was kept")
		}
		if !create(t, s, session("z", "corp", "9", ""), noon, nil) {
			t.Error("an old revocation was kept")
		}
	})
}

// TestManyChanges has more changes than are kept or listed.
func TestManyChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "postern.db")
	s := open(t, "sqlite://"+path)
	defer func() { _ = s.Close() }()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 12000)
		INSERT INTO session_changes (id) SELECT x'00' FROM n`); err != nil {
		t.Fatal(err)
	}
	if ids, next, all, err := s.SessionChanges(t.Context(), 0); all || len(ids) != 0 || next != 12000 || err != nil {
		t.Errorf("from too far back: %d ids, %d, %v, %v", len(ids), next, all, err)
	}
	if ids, next, all, err := s.SessionChanges(t.Context(), 2000); !all || len(ids) != 10000 || next != 12000 || err != nil {
		t.Errorf("from just near enough: %d ids, %d, %v, %v", len(ids), next, all, err)
	}
	if err := s.Sweep(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	if ids, next, all, err := s.SessionChanges(t.Context(), 1999); all || len(ids) != 0 || next != 12000 || err != nil {
		t.Errorf("over a gap: %d ids, %d, %v, %v", len(ids), next, all, err)
	}
	if ids, next, all, err := s.SessionChanges(t.Context(), 11998); !all || len(ids) != 2 || next != 12000 || err != nil {
		t.Errorf("after a sweep: %d ids, %d, %v, %v", len(ids), next, all, err)
	}
}

func TestConcurrentUse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "postern.db")
	one, two := open(t, "sqlite://"+path), open(t, "sqlite://"+path)
	defer func() { _, _ = one.Close(), two.Close() }()
	ctx := context.Background()
	var wg sync.WaitGroup
	for i := range 8 {
		s := []*store.Store{one, two}[i%2]
		wg.Go(func() {
			for j := range 20 {
				id := fmt.Sprintf("%d-%d", i, j)
				if ok, err := s.CreateSession(ctx, session(id, "corp", id, ""), noon, nil); !ok || err != nil {
					t.Errorf("CreateSession: %v, %v", ok, err)
				}
				if _, ok, err := s.Session(ctx, hash(id), noon); !ok || err != nil {
					t.Errorf("Session: %v, %v", ok, err)
				}
				if err := s.TouchSession(ctx, hash(id), noon.Add(time.Second)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n, err := two.CountSessions(ctx, noon); n != 160 || err != nil {
		t.Errorf("CountSessions = %d, %v", n, err)
	}
	a, errA := one.Key(ctx, "k", noon)
	b, errB := two.Key(ctx, "k", noon)
	if errA != nil || errB != nil || !cmp.Equal(a, b) {
		t.Errorf("two users of one database have different keys: %v, %v", errA, errB)
	}
}

func TestOnError(t *testing.T) {
	var ops []string
	s, err := store.Open(t.Context(), "sqlite::memory:", store.Options{SweepEvery: -1, OnError: func(op string) { ops = append(ops, op) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.EverAssigned(t.Context()); err == nil {
		t.Error("a closed store answered")
	}
	if d := cmp.Diff([]string{"ever_assigned"}, ops); d != "" {
		t.Error(d)
	}
}

package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// ClaimsRecord is what a provider last said of a person.
type ClaimsRecord = struct {
	Provider, Subject string
	Claims            []byte // JSON, read by sign-in alone
	Seen              time.Time
}

// KeepClaims says how long claims seen at sign-in are kept for others' views
// from now on; the sweeper removes what is older. 0: ClaimsKeep; negative: not
// at all.
func (s *Store) KeepClaims(d time.Duration) { s.keep.Store(int64(d)) }

func (s *Store) claimsKeep() time.Duration {
	if d := time.Duration(s.keep.Load()); d != 0 {
		return max(d, 0)
	}
	return ClaimsKeep
}

// RememberClaims keeps a person's claims for others' views: see
// KeepClaims.
func (s *Store) RememberClaims(ctx context.Context, r ClaimsRecord) error {
	_, err := s.w.ExecContext(ctx, `INSERT INTO seen_claims (provider, subject, claims, seen) VALUES (?, ?, ?, ?)
		ON CONFLICT DO UPDATE SET claims = excluded.claims, seen = excluded.seen`,
		r.Provider, r.Subject, r.Claims, r.Seen.UnixMilli())
	return s.fail("remember_claims", err)
}

// SeenClaims calls f with everybody's claims that are not too old, in order of
// provider and subject, until f returns an error.
func (s *Store) SeenClaims(ctx context.Context, now time.Time, f func(ClaimsRecord) error) error {
	rows, err := s.r.QueryContext(ctx, `SELECT provider, subject, claims, seen FROM seen_claims WHERE seen > ? ORDER BY provider, subject`,
		now.Add(-s.claimsKeep()).UnixMilli())
	if err != nil {
		return s.fail("seen_claims", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var r ClaimsRecord
		var seen int64
		if err := rows.Scan(&r.Provider, &r.Subject, &r.Claims, &seen); err != nil {
			return s.fail("seen_claims", err)
		}
		r.Seen = moment(seen)
		if err := f(r); err != nil {
			return err
		}
	}
	return s.fail("seen_claims", rows.Err())
}

// MarkAssigned notes that these principals (PROVIDER/SUB or wiki/NAME) have
// been assigned to an extranet space. The note is never removed: whoever was
// assigned once is never "unassigned" again.
func (s *Store) MarkAssigned(ctx context.Context, principals []string, at time.Time) error {
	if len(principals) == 0 {
		return nil
	}
	return s.update(ctx, "mark_assigned", func(tx *sql.Tx) error {
		stmt, err := tx.PrepareContext(ctx, `INSERT INTO ever_assigned (principal, first) VALUES (?, ?) ON CONFLICT DO NOTHING`)
		if err != nil {
			return err
		}
		defer func() { _ = stmt.Close() }()
		for _, p := range principals {
			if _, err := stmt.ExecContext(ctx, p, at.UnixMilli()); err != nil {
				return err
			}
		}
		return nil
	})
}

// EverAssigned lists all principals that MarkAssigned was told of, sorted.
func (s *Store) EverAssigned(ctx context.Context) ([]string, error) {
	rows, err := s.r.QueryContext(ctx, `SELECT principal FROM ever_assigned ORDER BY principal`)
	if err != nil {
		return nil, s.fail("ever_assigned", err)
	}
	defer func() { _ = rows.Close() }()
	var all []string
	for rows.Next() {
		var p string
		if err := rows.Scan(&p); err != nil {
			return nil, s.fail("ever_assigned", err)
		}
		all = append(all, p)
	}
	return all, s.fail("ever_assigned", rows.Err())
}

// Act is one administrative act, for the record.
type Act = struct {
	ID     int64 // set by the store
	At     time.Time
	Actor  string // PROVIDER/SUB, or the name of an admin interface
	Act    string // what was done, a word of a closed set
	Object string // to whom or what
	Detail []byte // JSON; may be empty
}

// RecordAct appends an act to the record.
func (s *Store) RecordAct(ctx context.Context, a Act) error {
	if a.Actor == "" || a.Act == "" {
		return s.fail("record_act", fmt.Errorf("an act needs an actor and a name"))
	}
	if a.Detail == nil {
		a.Detail = []byte("{}")
	}
	_, err := s.w.ExecContext(ctx, `INSERT INTO acts (at, actor, act, object, detail) VALUES (?, ?, ?, ?, ?)`,
		a.At.UnixMilli(), a.Actor, a.Act, a.Object, a.Detail)
	return s.fail("record_act", err)
}

// Acts lists up to limit acts before the one of that id (0: the latest),
// newest first.
func (s *Store) Acts(ctx context.Context, before int64, limit int) ([]Act, error) {
	rows, err := s.r.QueryContext(ctx, `SELECT id, at, actor, act, object, detail FROM acts
		WHERE ?1 = 0 OR id < ?1 ORDER BY id DESC LIMIT ?2`, before, min(max(limit, 0), 1000))
	if err != nil {
		return nil, s.fail("acts", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Act
	for rows.Next() {
		var a Act
		var at int64
		if err := rows.Scan(&a.ID, &at, &a.Actor, &a.Act, &a.Object, &a.Detail); err != nil {
			return nil, s.fail("acts", err)
		}
		a.At = moment(at)
		all = append(all, a)
	}
	return all, s.fail("acts", rows.Err())
}

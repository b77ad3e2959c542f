package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// FlowRecord is one sign-in under way.
type FlowRecord = struct {
	State            []byte // SHA-256 of the state parameter
	Browser          []byte // SHA-256 of the flow cookie
	Provider         string // empty: not chosen yet
	Nonce, Verifier  string
	Target           string // a path of the site
	Created, Expires time.Time
}

// PutFlow stores a sign-in under way. There is room for a bounded number; when
// it is reached, the oldest give way.
func (s *Store) PutFlow(ctx context.Context, f FlowRecord) error {
	s.flowMu.Lock()
	s.flowPut++
	check := s.flowPut >= 512
	if check {
		s.flowPut = 0
	}
	s.flowMu.Unlock()
	return s.update(ctx, "put_flow", func(tx *sql.Tx) error {
		if check {
			_, err := tx.ExecContext(ctx, `DELETE FROM flows WHERE state IN (
				SELECT state FROM flows ORDER BY expires LIMIT max(0, (SELECT count(*) FROM flows) - ?))`, maxFlows)
			if err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO flows (state, browser, provider, nonce, verifier, target, created, expires)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			f.State, f.Browser, f.Provider, f.Nonce, f.Verifier, f.Target, f.Created.UnixMilli(), f.Expires.UnixMilli())
		return err
	})
}

// Flow finds a sign-in under way and leaves it there.
func (s *Store) Flow(ctx context.Context, state []byte, now time.Time) (FlowRecord, bool, error) {
	return s.scanFlow("flow", s.r.QueryRowContext(ctx, `SELECT state, browser, provider, nonce, verifier, target, created, expires
		FROM flows WHERE state = ? AND expires > ?`, state, now.UnixMilli()))
}

// TakeFlow finds a sign-in under way and removes it: of any number of callers
// one at most gets it.
func (s *Store) TakeFlow(ctx context.Context, state []byte, now time.Time) (FlowRecord, bool, error) {
	return s.scanFlow("take_flow", s.w.QueryRowContext(ctx, `DELETE FROM flows WHERE state = ? AND expires > ?
		RETURNING state, browser, provider, nonce, verifier, target, created, expires`, state, now.UnixMilli()))
}

func (s *Store) scanFlow(op string, row *sql.Row) (FlowRecord, bool, error) {
	var f FlowRecord
	var created, expires int64
	err := row.Scan(&f.State, &f.Browser, &f.Provider, &f.Nonce, &f.Verifier, &f.Target, &created, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return FlowRecord{}, false, nil
	}
	if err != nil {
		return FlowRecord{}, false, s.fail(op, err)
	}
	f.Created, f.Expires = moment(created), moment(expires)
	return f, true, nil
}

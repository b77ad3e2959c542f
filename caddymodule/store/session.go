package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// maxChanges bounds the changes that are kept for, and listed to, caches.
const maxChanges = 10_000

// SessionRecord is one viewer's session.
type SessionRecord = struct {
	ID                     []byte // SHA-256 of the cookie's value
	Provider, Subject      string
	SID                    string // the provider's own session id, or empty
	Claims                 []byte // JSON, read by sign-in alone
	RefreshToken, IDToken  string // sealed at rest; may be empty
	Created, Seen, Expires time.Time
	RefreshAt              time.Time // zero: never
}

// CreateSession stores a session and ends the one that it replaces (nil:
// none). It returns false, and stores nothing, if the viewer was revoked after
// his sign-in had started.
func (s *Store) CreateSession(ctx context.Context, r SessionRecord, started time.Time, replaces []byte) (bool, error) {
	ok := false
	err := s.update(ctx, "create_session", func(tx *sql.Tx) error {
		var n int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM revocations WHERE provider = ? AND subject = ? AND at >= ?`,
			r.Provider, r.Subject, started.UnixMilli()).Scan(&n)
		if err != nil || n > 0 {
			return err
		}
		if len(replaces) > 0 {
			if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE id = ?`, replaces); err != nil {
				return err
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO sessions
			(id, provider, subject, sid, claims, refresh_token, id_token, created, seen, refresh_at, expires)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			r.ID, r.Provider, r.Subject, r.SID, r.Claims,
			s.sealed(r.RefreshToken, "refresh_token", r.ID), s.sealed(r.IDToken, "id_token", r.ID),
			r.Created.UnixMilli(), r.Seen.UnixMilli(), millis(r.RefreshAt), r.Expires.UnixMilli())
		ok = err == nil
		return err
	})
	return ok && err == nil, err
}

// Session finds a session by the hash of its id.
func (s *Store) Session(ctx context.Context, id []byte, now time.Time) (SessionRecord, bool, error) {
	row := s.r.QueryRowContext(ctx, `SELECT provider, subject, sid, claims, refresh_token, id_token, created, seen, refresh_at, expires
		FROM sessions WHERE id = ? AND expires > ?`, id, now.UnixMilli())
	r := SessionRecord{ID: id}
	var refresh, idToken []byte
	var created, seen, refreshAt, expires int64
	err := row.Scan(&r.Provider, &r.Subject, &r.SID, &r.Claims, &refresh, &idToken, &created, &seen, &refreshAt, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return SessionRecord{}, false, nil
	}
	if err == nil {
		r.RefreshToken, err = s.unsealed(refresh, "refresh_token", id)
	}
	if err == nil {
		r.IDToken, err = s.unsealed(idToken, "id_token", id)
	}
	if err != nil {
		return SessionRecord{}, false, s.fail("session", err)
	}
	r.Created, r.Seen, r.RefreshAt, r.Expires = moment(created), moment(seen), moment(refreshAt), moment(expires)
	return r, true, nil
}

// TouchSession notes when the session was last used; never backwards.
func (s *Store) TouchSession(ctx context.Context, id []byte, seen time.Time) error {
	_, err := s.w.ExecContext(ctx, `UPDATE sessions SET seen = ?1 WHERE id = ?2 AND seen < ?1`, seen.UnixMilli(), id)
	return s.fail("touch_session", err)
}

// UpdateSession replaces the claims and tokens of a session after a refresh
// and sets when the next one is due. It returns false if the session has ended
// meanwhile.
func (s *Store) UpdateSession(ctx context.Context, r SessionRecord) (bool, error) {
	res, err := s.w.ExecContext(ctx, `UPDATE sessions SET claims = ?, refresh_token = ?, id_token = ?, refresh_at = ? WHERE id = ?`,
		r.Claims, s.sealed(r.RefreshToken, "refresh_token", r.ID), s.sealed(r.IDToken, "id_token", r.ID), millis(r.RefreshAt), r.ID)
	if err != nil {
		return false, s.fail("update_session", err)
	}
	n, err := res.RowsAffected()
	return n == 1, s.fail("update_session", err)
}

// EndSession ends one session. Ending one that is not there is no error.
func (s *Store) EndSession(ctx context.Context, id []byte) error {
	_, err := s.w.ExecContext(ctx, `DELETE FROM sessions WHERE id = ?`, id)
	return s.fail("end_session", err)
}

// Revoke ends all sessions of a viewer, and any sign-in of his that has
// started by then, and returns how many sessions it ended.
func (s *Store) Revoke(ctx context.Context, provider, subject string, at time.Time) (int, error) {
	var n int
	err := s.update(ctx, "revoke", func(tx *sql.Tx) (err error) {
		n, err = endSessions(ctx, tx, provider, subject, "", at)
		return err
	})
	return n, err
}

// LogoutOnce does what a back-channel logout token says, once: it ends the
// provider's sessions of that subject, of that session id, or of both
// together. A token seen before changes nothing and returns false.
func (s *Store) LogoutOnce(ctx context.Context, provider, jti string, until time.Time, subject, sid string, at time.Time) (fresh bool, ended int, err error) {
	if subject == "" && sid == "" {
		return false, 0, s.fail("logout", errors.New("neither subject nor session id given"))
	}
	sum := sha256.Sum256([]byte(jti))
	err = s.update(ctx, "logout", func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `INSERT INTO logout_tokens (provider, jti, expires) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
			provider, sum[:], until.UnixMilli())
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		fresh = true
		ended, err = endSessions(ctx, tx, provider, subject, sid, at)
		return err
	})
	if err != nil {
		return false, 0, err
	}
	return fresh, ended, nil
}

func endSessions(ctx context.Context, tx *sql.Tx, provider, subject, sid string, at time.Time) (int, error) {
	query, args := `DELETE FROM sessions WHERE provider = ?`, []any{provider}
	if subject != "" {
		query, args = query+` AND subject = ?`, append(args, subject)
	}
	if sid != "" {
		query, args = query+` AND sid = ?`, append(args, sid)
	}
	res, err := tx.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fmt.Errorf("ending sessions: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, err
	}
	if subject != "" && sid == "" {
		_, err = tx.ExecContext(ctx, `INSERT INTO revocations (provider, subject, at) VALUES (?, ?, ?)
			ON CONFLICT DO UPDATE SET at = max(at, excluded.at)`, provider, subject, at.UnixMilli())
	}
	return int(n), err
}

// SessionChanges tells a cache of sessions what has changed: the hashed ids of
// all sessions that ended or got other claims after the change numbered since,
// by whatever hand, and the number to ask from next. With a negative since it
// lists nothing. It returns all as false if the changes reach back too far to
// be listed: then nothing in the cache can be relied on.
func (s *Store) SessionChanges(ctx context.Context, since int64) (ids [][]byte, next int64, all bool, err error) {
	if since < 0 {
		err = s.r.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM session_changes`).Scan(&next)
		return nil, next, true, s.fail("session_changes", err)
	}
	rows, err := s.r.QueryContext(ctx, `SELECT seq, id FROM session_changes WHERE seq > ? ORDER BY seq LIMIT ?`, since, maxChanges+1)
	if err != nil {
		return nil, since, false, s.fail("session_changes", err)
	}
	defer func() { _ = rows.Close() }()
	next = since
	all = true
	for rows.Next() {
		var seq int64
		var id []byte
		if err := rows.Scan(&seq, &id); err != nil {
			return nil, since, false, s.fail("session_changes", err)
		}
		all = all && seq == next+1
		next, ids = seq, append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, since, false, s.fail("session_changes", err)
	}
	if all && len(ids) <= maxChanges {
		return ids, next, true, nil
	}
	err = s.r.QueryRowContext(ctx, `SELECT max(seq) FROM session_changes`).Scan(&next)
	return nil, next, false, s.fail("session_changes", err)
}

// CountSessions counts the sessions that have not expired.
func (s *Store) CountSessions(ctx context.Context, now time.Time) (int, error) {
	var n int
	err := s.r.QueryRowContext(ctx, `SELECT count(*) FROM sessions WHERE expires > ?`, now.UnixMilli()).Scan(&n)
	return n, s.fail("count_sessions", err)
}

// millis is how times are kept; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

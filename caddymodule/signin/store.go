package signin

import (
	"context"
	"time"
)

// SessionRecord is a session as it is stored. It is an alias of a plain
// struct, so that a store need not import this package.
type SessionRecord = struct {
	ID                     []byte // SHA-256 of the cookie's value
	Provider, Subject      string
	SID                    string // the provider's own session id, or empty
	Claims                 []byte // JSON, read by sign-in alone
	RefreshToken, IDToken  string // sealed at rest; may be empty
	Created, Seen, Expires time.Time
	RefreshAt              time.Time // zero: never
}

// FlowRecord is a sign-in under way as it is stored.
type FlowRecord = struct {
	State            []byte // SHA-256 of the state parameter
	Browser          []byte // SHA-256 of the flow cookie
	Provider         string // empty: not chosen yet
	Nonce, Verifier  string
	Target           string // a path of the site
	Created, Expires time.Time
}

// ClaimsRecord is what a provider last said of a person.
type ClaimsRecord = struct {
	Provider, Subject string
	Claims            []byte // JSON of an Identity
	Seen              time.Time
}

// Store is what sign-in needs to have kept. Each method is one transaction,
// safe for concurrent use, and returns nothing that has expired by now; store.Store
// is one.
type Store interface {
	// PutFlow keeps a sign-in under way, Flow finds it, TakeFlow finds and
	// removes it: of any number of callers one at most gets it.
	PutFlow(ctx context.Context, f FlowRecord) error
	Flow(ctx context.Context, state []byte, now time.Time) (FlowRecord, bool, error)
	TakeFlow(ctx context.Context, state []byte, now time.Time) (FlowRecord, bool, error)

	// CreateSession keeps a session and ends the one that it replaces (nil:
	// none), unless the viewer was revoked after started.
	CreateSession(ctx context.Context, r SessionRecord, started time.Time, replaces []byte) (bool, error)
	Session(ctx context.Context, id []byte, now time.Time) (SessionRecord, bool, error)
	// TouchSession notes the last use, UpdateSession new claims and tokens.
	TouchSession(ctx context.Context, id []byte, seen time.Time) error
	UpdateSession(ctx context.Context, r SessionRecord) (bool, error)
	EndSession(ctx context.Context, id []byte) error
	// Revoke ends all sessions of a viewer, and sign-ins of his under way.
	Revoke(ctx context.Context, provider, subject string, at time.Time) (int, error)
	// LogoutOnce ends a provider's sessions of a subject, of a session id, or
	// of both together, unless it has seen the token before.
	LogoutOnce(ctx context.Context, provider, jti string, until time.Time, subject, sid string, at time.Time) (fresh bool, ended int, err error)
	// SessionChanges lists the ids of sessions that ended or changed since a
	// number that an earlier call gave (negative: none), and the next number;
	// all is false if it can't list them all.
	SessionChanges(ctx context.Context, since int64) (ids [][]byte, next int64, all bool, err error)
	CountSessions(ctx context.Context, now time.Time) (int, error)

	// RememberClaims keeps a person's claims for others' views.
	RememberClaims(ctx context.Context, r ClaimsRecord) error
}

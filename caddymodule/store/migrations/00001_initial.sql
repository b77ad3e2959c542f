-- +goose Up
CREATE TABLE keys (
    name    TEXT PRIMARY KEY,
    secret  BLOB NOT NULL,
    created INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE flows (
    state    BLOB PRIMARY KEY,      -- SHA-256 of the state parameter
    browser  BLOB NOT NULL,         -- SHA-256 of the flow cookie
    provider TEXT NOT NULL,         -- empty: not chosen yet
    nonce    TEXT NOT NULL,
    verifier TEXT NOT NULL,
    target   TEXT NOT NULL,         -- a path of the site
    created  INTEGER NOT NULL,
    expires  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX flows_expires ON flows (expires);

CREATE TABLE sessions (
    id            BLOB PRIMARY KEY, -- SHA-256 of the cookie's value
    provider      TEXT NOT NULL,
    subject       TEXT NOT NULL,
    sid           TEXT NOT NULL,
    claims        BLOB NOT NULL,
    refresh_token BLOB,             -- sealed
    id_token      BLOB,             -- sealed
    created       INTEGER NOT NULL,
    seen          INTEGER NOT NULL,
    refresh_at    INTEGER NOT NULL, -- 0: never
    expires       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_identity ON sessions (provider, subject);
CREATE INDEX sessions_expires ON sessions (expires);

CREATE TABLE revocations (
    provider TEXT NOT NULL,
    subject  TEXT NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (provider, subject)
) STRICT, WITHOUT ROWID;

CREATE TABLE logout_tokens (
    provider TEXT NOT NULL,
    jti      BLOB NOT NULL,         -- SHA-256
    expires  INTEGER NOT NULL,
    PRIMARY KEY (provider, jti)
) STRICT, WITHOUT ROWID;

CREATE TABLE seen_claims (
    provider TEXT NOT NULL,
    subject  TEXT NOT NULL,
    claims   BLOB NOT NULL,
    seen     INTEGER NOT NULL,
    PRIMARY KEY (provider, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX seen_claims_seen ON seen_claims (seen);

CREATE TABLE ever_assigned (
    principal TEXT PRIMARY KEY,     -- PROVIDER/SUB or wiki/NAME
    first     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE acts (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    act     TEXT NOT NULL,
    object  TEXT NOT NULL,
    detail  BLOB NOT NULL
) STRICT;

-- One row for each session that ended or changed, by whatever hand, so that
-- caches of sessions need to ask for nothing else.
CREATE TABLE session_changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id  BLOB NOT NULL
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER sessions_ended AFTER DELETE ON sessions BEGIN
    INSERT INTO session_changes (id) VALUES (OLD.id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER sessions_changed AFTER UPDATE OF claims, expires ON sessions BEGIN
    INSERT INTO session_changes (id) VALUES (NEW.id);
END;
-- +goose StatementEnd

-- +goose Down
DROP TABLE session_changes;
DROP TABLE acts;
DROP TABLE ever_assigned;
DROP TABLE seen_claims;
DROP TABLE logout_tokens;
DROP TABLE revocations;
DROP TABLE sessions;
DROP TABLE flows;
DROP TABLE keys;

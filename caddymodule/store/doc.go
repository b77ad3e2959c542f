// Package store keeps what must outlive the process: sessions, sign-ins under
// way, claims seen at sign-in, revocations, tombstones of assignments, keys,
// and the record of administrative acts. It is one SQL database: embedded
// SQLite, opened by a DSN such as sqlite:///var/lib/postern/postern.db, or
// sqlite::memory: for trials and tests. Other databases are refused.
//
// The contract: every method is one transaction and safe for concurrent use.
// Secrets that a browser or an identity provider holds are kept as SHA-256
// only (session ids, state, flow cookies, token ids) or sealed with a key of
// the store's own (refresh and id tokens). Times are given by the caller, in
// milliseconds; rows past their time are never returned, whether or not the
// sweeper has been by. The file is readable by its owner alone.
//
// Records are plain struct types under an alias, so that the packages that
// declare the store they need (see signin.Store) and this one need not import
// each other.
//
// Start reading at Open; the tables are in migrations/.
package store

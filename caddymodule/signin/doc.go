// Package signin answers "who is it?": it is the OpenID Connect relying party
// of the gateway, and keeps the sessions of those who signed in.
//
// The contract. Session tells who a request comes from: a session, nobody, or
// an error that means "serve nothing". Challenge answers a request of somebody
// who is not signed in. ServeHTTP serves the package's own paths, all under
// one prefix (by default /.postern): choose, signin, signin/{provider},
// callback/{provider}, signout, signedout, backchannel/{provider}. Other paths
// are not its business: ask Handles.
//
// A sign-in is the authorization code flow with PKCE (S256). What ties its two
// halves together is kept in the store under the hash of state, and is good
// once, for ten minutes, in the browser that began it: a cookie made at the
// first sign-in under way is shared by all tabs. The way back is a path of
// this site, kept in the store too; no string of the client's ever gets into a
// Location header unchecked. A session is a row in the store under the hash of
// a 256-bit random id, which the browser holds in a __Host- cookie; a session
// id that a browser brings along is never adopted. Sessions end by idleness,
// age, sign-out, back-channel logout, Revoke, or a refresh that the provider
// refuses, and a session ended by any process that shares the store is over
// here within a second, also for a request under way (Session.Done).
//
// The answer of a provider comes by query, or, where Provider.FormPost asks for
// it, by a form, which is turned into a query (formpost.go): no cookie of ours is
// weaker than SameSite=Lax. The token endpoint knows us by a secret or by
// private_key_jwt (RFC 7523), in one way only.
//
// An API client may bring an access token in place of a cookie, where
// Provider.Bearer says so: a JWT (RFC 9068) for an audience of its own with the
// scopes that are asked for, checked by a verifier of its own. Its first use
// makes a session, which lasts as long as the token and ends as others do; what
// was issued before a viewer was revoked, or more than twelve hours ago, is
// refused. Both credentials at once are refused with 400. Back-channel logout of
// one browser session (sid) leaves access tokens alone, logout of a subject ends
// them.
//
// Clocks: exp has no grace; iat and nbf may be a minute ahead. A key set is
// read again after an hour, and when no key fits, which what anybody can send us
// may cause a few times only (keys.go).
//
// It refuses: tokens signed otherwise than by an asymmetric algorithm of its
// list with a key of the provider's key set; tokens with other issuer,
// audience, authorized party, nonce, hashes or age than they should have, with
// extensions (crit), or with claims in two readings; callbacks whose state is
// unknown, used, or another browser's; group claims that the provider left out
// because they are too many, or that are no list of strings; metadata in two
// readings, or that name PKCE without S256. A provider that can't be reached ends no session
// and admits nobody.
//
// What a provider says becomes a rules.Viewer. An address counts as verified
// only if email_verified is the boolean true beside it; groups are a list of
// strings, or none if nothing is there; what can't be read is unknown, and
// admits nobody. The claims of access tokens are not remembered for others'
// views: what an API client's token says of its subject may be less than what
// his sign-in does.
//
// Start reading at New, then RP.Challenge and RP.callback, and verifyIDToken
// in token.go.
package signin

// Package wikitest is a stand-in for Confluence Data Center, in the manner of
// net/http/httptest: an in-process server that speaks the wiki's HTTP surface
// for a [World], a small file of spaces, pages, people and restrictions.
//
// Its answers are modelled on recorded ones: page heads with their ajs metas,
// breadcrumbs, bylines, page trees, comments, user links, script templates and
// WRM data in HTML; content, space, user and search shapes in JSON; Atom feeds
// with escaped HTML inside. It is no part of the gateway; it exists so that
// the gateway can be shown and tested without a licence server. It knows
// nothing of the gateway and shares no code with it, so that both can't be
// wrong in the same way.
//
// Who asks is established as deployments do it behind a gateway: a bearer
// token names the account that the world gives it to, the header
// X-Remote-User names a user, and everything else is anonymous (a wrong token
// too, as in the original). Space permissions and page restrictions are
// enforced for that account.
package wikitest

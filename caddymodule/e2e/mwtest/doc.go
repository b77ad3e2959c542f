// Package mwtest runs the MediaWiki that Debian ships, unmodified, in a
// temporary folder, for tests: in the manner of net/http/httptest, [Start]
// installs it (SQLite), serves it by php-fpm and nginx on a loopback port, and
// fills it with a [World]; [Wiki.Close] ends the processes and removes the
// folder. System services and the installed package are not touched: the
// settings file is named by the environment, as the wiki itself provides for.
//
// A World is generated from a seed. Everything in it that has a name or a text
// bears a token of its own, a made-up word that stands nowhere else. Whether a
// token is a secret or something that must be there follows from who looks:
// see [World.Tokens].
package mwtest

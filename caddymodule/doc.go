// Package caddymodule makes Postern a Caddy module. It is glue, and the only
// package that imports Caddy: configuration in, packages called, metrics and
// logs out.
//
// A request's way, one step a call (gateway.Gateway.ServeHTTP):
//
//	canon    guard.Canon      one canonical form, or 400
//	signin   signin.Session   who is it? a viewer, or off to the IdP, or 401
//	guard    guard.Admit      what is asked? route, subjects, action; the view's verdict
//	         guard.Request    the upstream request, built anew
//	next     capture.Run      Caddy's reverse_proxy behind a writer that passes, holds or refuses
//	rewrite  rewrite.Rewrite  what may leave? decode, tape, edits, splice, tripwire, headers
//	audit    exchange.finish  one event, and the metrics
//
// Rule files, what they refer to, and the directory file are watched (package
// watch): a change is read aside, compiled, tried by the policy's own tests, and
// swapped in whole (gateway.Gateway.Reload). What was refused, and the line that
// would decide it, is gathered by pattern (gateway.Denied) and listed by the
// admin API and "postern denied".
//
// Module IDs: postern (the app, global option "postern"), http.handlers.postern
// (the directive "postern", ordered after "encode"), admin.api.postern.
//
// The grammar of the global option, everything that can be said:
//
//	postern {
//		site      <url>
//		rules     <glob>...
//		wiki      <url> {
//			aliases         <url>...
//			internal_hosts  <glob>...
//			sync_token      <token>
//			sync_every      <duration>
//			directory       <file>
//		}
//		store     <dsn>
//		prefix    <path>
//		hold      <size>
//		limits {
//			rate           <requests>/<s|m|h> | off
//			burst          <requests>
//			concurrent     <requests> | off
//			body           <size>
//			target         <size>
//			header_fields  <number>
//			parameters     <number>
//		}
//		deny_floor <duration>
//		claims_keep <duration> | off
//		pages {
//			templates  <folder>
//			title      <name>
//			logo       <file>
//			support    <mailto: or https: address>
//			accent     <colour>
//		}
//		provider  <name> {
//			title          <name>
//			issuer         <url>
//			client_id      <id>
//			client_secret  <secret>
//			scopes         <scope>...
//			claims {
//				email     <claim>
//				groups    <claim>
//				username  <claim>
//			}
//		}
//		upstream_identity <identity> [<value>]
//		upstream_identity {
//			<kind> <identity> [<value>]
//			<kind> header <name> {
//				jwt       <header>
//				key       <file>
//				audience  <name>
//				lifetime  <duration>
//			}
//		}
//	}
package caddymodule

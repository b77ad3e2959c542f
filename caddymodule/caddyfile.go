package caddymodule

import (
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/dustin/go-humanize"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("postern", parseApp)
	httpcaddyfile.RegisterHandlerDirective("postern", parseHandler)
	httpcaddyfile.RegisterDirectiveOrder("postern", httpcaddyfile.After, "encode")
}

// parseHandler reads the directive, which takes nothing: the site's one
// configuration is the global option.
func parseHandler(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	h.Next()
	if h.NextArg() {
		return nil, h.ArgErr()
	}
	for h.NextBlock(0) {
		return nil, h.Errf("the postern directive takes no block; configure the global option postern")
	}
	return new(Handler), nil
}

func parseApp(d *caddyfile.Dispenser, existing any) (any, error) {
	if existing != nil {
		return nil, d.Err("the global option postern stands here a second time")
	}
	app := new(App)
	if err := app.UnmarshalCaddyfile(d); err != nil {
		return nil, err
	}
	return httpcaddyfile.App{Name: "postern", Value: caddyconfig.JSON(app, nil)}, nil
}

// UnmarshalCaddyfile reads the global option; its grammar is in the package's
// documentation.
func (a *App) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() {
		return d.ArgErr()
	}
	seen := map[string]bool{}
	for d.NextBlock(0) {
		name := d.Val()
		if seen[name] && name != "provider" {
			return d.Errf("%s stands here a second time", name)
		}
		seen[name] = true
		var err error
		switch name {
		case "site":
			err = one(d, &a.Site)
		case "rules":
			err = many(d, &a.Rules)
		case "wiki":
			err = a.parseWiki(d)
		case "store":
			err = one(d, &a.Store)
		case "prefix":
			err = one(d, &a.Prefix)
		case "hold":
			err = parseSize(d, &a.Hold)
		case "limits":
			a.Limits = new(Limits)
			err = a.Limits.parse(d)
		case "deny_floor":
			err = parseDuration(d, &a.DenyFloor)
		case "claims_keep":
			err = parseKeep(d, &a.ClaimsKeep)
		case "pages":
			err = a.parsePages(d)
		case "provider":
			err = a.parseProvider(d)
		case "upstream_identity":
			err = a.parseIdentity(d)
		default:
			err = d.Errf("unknown option %q; known: site, rules, wiki, store, prefix, hold, limits, deny_floor, claims_keep, pages, provider, upstream_identity", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *App) parseWiki(d *caddyfile.Dispenser) error {
	a.Wiki = new(Wiki)
	if err := one(d, &a.Wiki.URL); err != nil {
		return err
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		switch name := d.Val(); name {
		case "aliases":
			err = many(d, &a.Wiki.Aliases)
		case "internal_hosts":
			err = many(d, &a.Wiki.InternalHosts)
		case "sync_token":
			err = one(d, &a.Wiki.SyncToken)
		case "directory":
			err = one(d, &a.Wiki.Directory)
		case "sync_every":
			var s string
			if err = one(d, &s); err == nil {
				dur, perr := caddy.ParseDuration(s)
				if perr != nil || dur < 0 {
					return d.Errf("sync_every: %q is not a duration such as 1m", s)
				}
				a.Wiki.SyncEvery = caddy.Duration(dur)
			}
		default:
			err = d.Errf("unknown option %q of wiki; known: aliases, internal_hosts, sync_token, sync_every, directory", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *App) parseProvider(d *caddyfile.Dispenser) error {
	p := new(Provider)
	if err := one(d, &p.Name); err != nil {
		return err
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		switch name := d.Val(); name {
		case "title":
			err = one(d, &p.Title)
		case "issuer":
			err = one(d, &p.Issuer)
		case "client_id":
			err = one(d, &p.ClientID)
		case "client_secret":
			err = one(d, &p.ClientSecret)
		case "scopes":
			err = many(d, &p.Scopes)
		case "claims":
			err = parseClaims(d, &p.Claims)
		case "client_auth":
			err = one(d, &p.ClientAuth)
		case "client_key":
			err = one(d, &p.ClientKey)
		case "client_key_id":
			err = one(d, &p.ClientKeyID)
		case "response_mode":
			err = one(d, &p.ResponseMode)
		case "bearer":
			p.Bearer = new(Bearer)
			err = p.Bearer.parse(d)
		default:
			err = d.Errf("unknown option %q of provider; known: title, issuer, client_id, client_secret, client_auth, client_key, client_key_id, response_mode, scopes, claims, bearer", name)
		}
		if err != nil {
			return err
		}
	}
	a.Providers = append(a.Providers, p)
	return nil
}

func parseClaims(d *caddyfile.Dispenser, c *Claims) error {
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		var err error
		switch name := d.Val(); name {
		case "email":
			err = one(d, &c.Email)
		case "groups":
			err = one(d, &c.Groups)
		case "username":
			err = one(d, &c.Username)
		default:
			err = d.Errf("unknown claim %q; known: email, groups, username", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *App) parseIdentity(d *caddyfile.Dispenser) error {
	a.UpstreamIdentity = map[string]*UpstreamIdentity{}
	if args := d.RemainingArgs(); len(args) > 0 {
		id, err := identityOf(d, args)
		a.UpstreamIdentity[""] = id
		return err
	}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		kind := d.Val()
		if a.UpstreamIdentity[kind] != nil {
			return d.Errf("upstream_identity %s stands here a second time", kind)
		}
		id, err := identityOf(d, d.RemainingArgs())
		if err != nil {
			return err
		}
		a.UpstreamIdentity[kind] = id
	}
	if len(a.UpstreamIdentity) == 0 {
		return d.ArgErr()
	}
	return nil
}

// identityOf reads IDENTITY [VALUE], and the block of a signed header.
func identityOf(d *caddyfile.Dispenser, args []string) (*UpstreamIdentity, error) {
	if len(args) == 0 || len(args) > 2 {
		return nil, d.ArgErr()
	}
	id := &UpstreamIdentity{Identity: args[0]}
	if len(args) > 1 {
		id.Value = args[1]
	}
	var jwt UserJWT
	if err := jwt.parse(d); err != nil {
		return nil, err
	}
	if jwt != (UserJWT{}) {
		id.JWT = &jwt
	}
	return id, nil
}

// one reads exactly one argument.
func one(d *caddyfile.Dispenser, into *string) error {
	if !d.Args(into) {
		return d.ArgErr()
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	return nil
}

// many reads one argument or more.
func many(d *caddyfile.Dispenser, into *[]string) error {
	args := d.RemainingArgs()
	if len(args) == 0 {
		return d.ArgErr()
	}
	*into = append(*into, args...)
	return nil
}

func parseDuration(d *caddyfile.Dispenser, into *caddy.Duration) error {
	name := d.Val()
	var s string
	if err := one(d, &s); err != nil {
		return err
	}
	dur, err := caddy.ParseDuration(s)
	if err != nil || dur > time.Second {
		return d.Errf("%s: %s is not a duration such as 50ms, up to 1s", name, strconv.Quote(s))
	}
	*into = caddy.Duration(dur)
	return nil
}

func parseSize(d *caddyfile.Dispenser, into *int64) error {
	var s string
	if err := one(d, &s); err != nil {
		return err
	}
	n, err := humanize.ParseBytes(s)
	if err != nil || n == 0 || n > 1<<30 {
		return d.Errf("hold: %s is not a size such as 16MiB, up to 1GiB", strconv.Quote(strings.TrimSpace(s)))
	}
	*into = int64(n)
	return nil
}

// parseKeep reads a duration such as 30d, or off.
func parseKeep(d *caddyfile.Dispenser, into *caddy.Duration) error {
	name := d.Val()
	var s string
	if err := one(d, &s); err != nil {
		return err
	}
	if s == "off" {
		*into = -1
		return nil
	}
	dur, err := caddy.ParseDuration(s)
	if err != nil || dur <= 0 || dur > 366*24*time.Hour {
		return d.Errf("%s: %s is not a duration such as 30d, up to 366d, or off", name, strconv.Quote(s))
	}
	*into = caddy.Duration(dur)
	return nil
}

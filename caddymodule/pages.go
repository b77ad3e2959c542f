package caddymodule

import (
	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/postern-gateway/postern/caddymodule/pages"
)

// Pages brand Postern's own pages: the choice of provider, errors, sign-out,
// the start page and all refusals. Placeholders such as {env.NAME} are filled
// in.
type Pages struct {
	// Templates is a folder with files that take the place of the shipped
	// layout.html, style.css, choose.html, confirm.html, signed-out.html,
	// error.html, answer.html and home.html. They are html/template files, read
	// and tried when the configuration is loaded; what they see is
	// pages.View. Scripts, style attributes and what loads from elsewhere are
	// refused.
	Templates string `json:"templates,omitempty"`
	// Title is the site's name, such as Acme Extranet.
	Title string `json:"title,omitempty"`
	// Logo is an SVG or PNG file of at most 64 KiB.
	Logo string `json:"logo,omitempty"`
	// Support is where people find help: a mailto: or https: address.
	Support string `json:"support,omitempty"`
	// Accent is the colour of links and buttons, such as 00aa55 (in a Caddyfile a
	// bare # would begin a comment); it is darkened, or lightened in dark mode,
	// until it can be read.
	Accent string `json:"accent,omitempty"`
}

// set reads what the configuration names.
func (p *Pages) set(prefix string, repl *caddy.Replacer) (*pages.Set, error) {
	o := pages.Options{Home: prefix + "/home"}
	if p != nil {
		o.Templates, o.Title, o.Logo = repl.ReplaceAll(p.Templates, ""), repl.ReplaceAll(p.Title, ""), repl.ReplaceAll(p.Logo, "")
		o.Support, o.Accent = repl.ReplaceAll(p.Support, ""), repl.ReplaceAll(p.Accent, "")
	}
	return pages.New(o) //nolint:wrapcheck // wrapped by the caller
}

func (a *App) parsePages(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	p := new(Pages)
	seen := map[string]bool{}
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		if seen[name] {
			return d.Errf("%s stands here a second time", name)
		}
		seen[name] = true
		into := map[string]*string{"templates": &p.Templates, "title": &p.Title, "logo": &p.Logo, "support": &p.Support, "accent": &p.Accent}[name]
		if into == nil {
			return d.Errf("unknown option %q of pages; known: templates, title, logo, support, accent", name)
		}
		if err := one(d, into); err != nil {
			return err
		}
	}
	if *p == (Pages{}) {
		return d.Err("pages is empty; it takes templates, title, logo, support, accent")
	}
	a.Pages = p
	return nil
}

package rewrite

import (
	"bytes"
	"strings"
	"time"

	"github.com/postern-gateway/postern/caddymodule/rewrite/textscan"
	"github.com/postern-gateway/postern/rules"
)

// Prepare builds the tripwire's dictionary of a generation. Call it off the
// path of requests before the generation is served; a request of a generation
// that was not prepared builds it and waits.
func (r *Rewriter) Prepare(f rules.Facts) { r.dictionary(f) }

// rebuildEvery is the least time between two dictionaries of one base.
const rebuildEvery = 10 * time.Second

// dictionary gives the dictionary of a generation. The last two are kept: a
// request that began before a swap ends with the generation it began with. A
// generation that look-ups made of an older one is served with the older one's
// dictionary, in which ids mean the same, while the new one is built.
func (r *Rewriter) dictionary(f rules.Facts) *textscan.Dictionary {
	d, fresh := r.known(f)
	if d == nil {
		return r.build(f)
	}
	if !fresh && r.catchUp.CompareAndSwap(false, true) {
		go func() {
			defer r.catchUp.Store(false)
			r.build(f)
		}()
	}
	return d
}

func (r *Rewriter) build(f rules.Facts) *textscan.Dictionary {
	r.dictsMu.Lock()
	defer r.dictsMu.Unlock()
	if d, fresh := r.known(f); d != nil && fresh {
		return d
	}
	d := textscan.Build(f, r.rule)
	if d.Truncated {
		r.log.Warn("the tripwire's dictionary is full, some titles are not in it")
	}
	next := []genDict{{f, d, time.Now()}}
	if p := r.dicts.Load(); p != nil && len(*p) > 0 {
		next = append(next, (*p)[0])
	}
	r.dicts.Store(&next)
	return d
}

// known finds a dictionary that serves a generation; fresh says that there is
// no reason to build another one now.
func (r *Rewriter) known(f rules.Facts) (d *textscan.Dictionary, fresh bool) {
	p := r.dicts.Load()
	if p == nil {
		return nil, false
	}
	for _, g := range *p {
		if g.facts == f {
			return g.dict, true
		}
	}
	for _, g := range *p {
		if sameBase(g.facts, f) {
			same := len(g.facts.Contents()) == len(f.Contents()) && len(g.facts.Users()) == len(f.Users()) && len(g.facts.Spaces()) == len(f.Spaces())
			return g.dict, same || time.Since(g.built) < rebuildEvery
		}
	}
	return nil, false
}

// sameBase says that look-ups made one of the generations of the other, or both
// of a third, so that their ids agree.
func sameBase(a, b rules.Facts) bool {
	type based interface{ Base() uint64 }
	x, ok1 := a.(based)
	y, ok2 := b.(based)
	return ok1 && ok2 && x.Base() == y.Base()
}

// scanOptions are the viewer's and the policy's.
func (w *work) scanOptions(static bool) textscan.Options {
	o := textscan.Options{
		Visible:         w.visible,
		Identities:      w.r.identities,
		VisibleIdentity: w.visibleIdentity,
		URLs:            w.r.urlsOf(w.ex.Site),
		VisibleURL:      w.visibleURL,
		Prose:           w.report.Prose,
		Echo:            w.ex.Request.Echo,
		Marks:           w.r.marks,
		KeysOnly:        static,
		Structure:       textscan.Redact,
		ProseMode:       textscan.Redact,
	}
	if p := w.view.Policy(); p != nil {
		o.Identities = w.r.identitiesOf(p)
		switch p.Tripwire.Structure {
		case "refuse":
			o.Structure = textscan.Refuse
		case "report":
			o.Structure = textscan.Report
		}
		if p.Tripwire.Prose == "report" || p.Tripwire.Prose != "redact" && w.proseWritable() {
			o.ProseMode = textscan.Report
		}
	}
	for _, t := range []string{"hidden_user", "hidden_page", "hidden_space", "self_name", "self_display", "self_email"} {
		if v := w.texts[t]; v != "" {
			o.Echo = append(o.Echo[:len(o.Echo):len(o.Echo)], v)
		}
	}
	return o
}

// identitiesOf adds to the profile's identities the e-mail addresses at the
// domains that the policy calls internal.
func (r *Rewriter) identitiesOf(p *rules.Policy) []textscan.Identity {
	if c := r.mails.Load(); c != nil && c.policy == p {
		return c.all
	}
	var domains []string
	for _, pr := range p.Providers {
		if pr.Internal {
			domains = append(domains, pr.Domains...)
		}
	}
	c := &policyIdentities{policy: p, all: r.identities}
	if id, ok := textscan.AtDomains(domains); ok {
		c.all = append(r.identities[:len(r.identities):len(r.identities)], id)
	}
	r.mails.Store(c)
	return c.all
}

// urlsOf is the shape of the site's URLs in text.
func (r *Rewriter) urlsOf(s *rules.Site) *textscan.URLShape {
	if c := r.urls.Load(); c != nil && c.site == s {
		return c.shape
	}
	c := &siteURLs{s, textscan.NewURLShape(s.Hosts(), r.profile.TextPaths)}
	r.urls.Store(c)
	return c.shape
}

// siteURLs are the URLs to look for on one site.
type siteURLs struct {
	site  *rules.Site
	shape *textscan.URLShape
}

// policyIdentities are the identities to look for under one policy.
type policyIdentities struct {
	policy *rules.Policy
	all    []textscan.Identity
}

// proseWritable reports whether an external may write in what this answer
// shows: in its space or, where it shows several, in any that is visible.
func (w *work) proseWritable() bool {
	if w.space != rules.NoID {
		return w.view.ProseWritable(w.space)
	}
	for _, s := range w.view.VisibleSpaces() {
		if w.view.ProseWritable(s) {
			return true
		}
	}
	return false
}

func (w *work) visible(k rules.EntityKind, id rules.ID) bool {
	switch k {
	case rules.User:
		return id == w.view.SelfUser() || w.view.User(id, rules.Context{Space: w.space}).Verdict == rules.Visible
	case rules.Group:
		return w.view.Group(id).Verdict == rules.Visible
	case rules.Space:
		return w.view.Space(id).Verdict == rules.Visible || w.view.SpaceLabel(id).Verdict == rules.Visible
	case rules.Content:
		return w.view.Content(id).Verdict == rules.Visible
	}
	return false
}

func (w *work) visibleIdentity(a rules.Attr, v string) bool {
	if strings.EqualFold(v, w.view.Viewer().Email) {
		return true
	}
	id, ok := w.view.Facts().FindUser(a, v)
	return ok && w.visible(rules.User, id)
}

// visibleURL judges a URL that is written in text as a link would be, but keeps
// it only if it is open and all that it names is visible: what nobody knows goes
// as what is hidden does.
func (w *work) visibleURL(raw string) bool {
	if strings.HasPrefix(raw, "/") {
		l := w.j.BelowBase(raw)
		return l.Fate != rules.FateHide // no route may lead there: an ordinary path
	}
	l := w.j.URL(raw)
	return l.Foreign || l.Fate == rules.FateKeep && l.Decision.Verdict == rules.Visible
}

// tripwire looks once more through what is about to leave.
func (w *work) tripwire(k kind, out []byte) ([]byte, error) {
	f := textscan.Text
	switch k.format {
	case "html":
		f = textscan.HTML
	case "xml":
		f = textscan.XML
	case "json":
		f = textscan.JSON
	}
	d := w.r.dictionary(w.view.Facts())
	out, hits, err := d.Scan(out, f, w.scanOptions(k.format == "css" || k.format == "js"))
	w.hits = append(w.hits, hits...)
	if err != nil {
		return nil, fail(ReasonTripwire, err)
	}
	if len(hits) > 0 {
		out = w.r.unmark(out)
	}
	return out, nil
}

// unmark takes highlight marks off what was cut: that a hidden name was a hit
// says what it is.
func (r *Rewriter) unmark(out []byte) []byte {
	for i := 0; i+1 < len(r.marks); i += 2 {
		for _, cut := range []string{"", textscan.Placeholder} {
			out = bytes.ReplaceAll(out, []byte(r.marks[i]+cut+r.marks[i+1]), []byte(cut))
		}
	}
	return out
}

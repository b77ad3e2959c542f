package gateway

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/pages"
	"github.com/postern-gateway/postern/rules"
)

// maxHome bounds the spaces that the start page lists.
const maxHome = 1000

// atHome says whether the request asks for Postern's own start page: the one
// way on for somebody whose wiki's main page is hidden from him. Each 404 links
// to it.
func (x *exchange) atHome() bool {
	return x.r.URL.EscapedPath() == x.g.cfg.Prefix+"/home" && (x.r.Method == http.MethodGet || x.r.Method == http.MethodHead)
}

// home lists the spaces that the viewer sees, by his view alone.
func (x *exchange) home() error {
	x.verdict, x.rule, x.status = "own", "home", http.StatusOK
	links := x.spaces()
	p := pages.Page{Kind: pages.Home, Status: x.status}
	if len(links) > maxHome {
		links = links[:maxHome]
		p.Message = "There are more; search for what you don't find here."
	}
	p.Links = links
	if rp := x.g.cfg.SignIn; rp != nil && x.viewer.Anonymous {
		p.SignIn = rp.SignInPath()
	} else if rp != nil {
		p.SignOut = rp.SignOutPath()
	}
	clear(x.w.Header())
	x.g.cfg.Pages.Render(x.w, x.r, p)
	return nil
}

// spaces names the visible spaces in order of their names, each with where it
// leads if that is open to the viewer.
func (x *exchange) spaces() []pages.Link {
	all, profile := x.view.Facts().Spaces(), x.view.Policy().Profile
	judge := rules.NewJudge(x.view, x.g.site, x.g.cfg.Site, rules.Context{})
	var links []pages.Link
	for _, id := range x.view.VisibleSpaces() {
		s := &all[id]
		link := pages.Link{Title: cmp.Or(s.Name, s.Key)}
		if at := profile.URLOfSpace(s); at != "" {
			at = strings.TrimSuffix(x.g.cfg.Site.EscapedPath(), "/") + at
			if got := judge.URL(at); got.Fate == rules.FateKeep && !got.Foreign {
				link.URL = cmp.Or(got.URL, at)
			}
		}
		links = append(links, link)
	}
	slices.SortFunc(links, func(a, b pages.Link) int { return cmp.Or(cmp.Compare(a.Title, b.Title), cmp.Compare(a.URL, b.URL)) })
	return links
}

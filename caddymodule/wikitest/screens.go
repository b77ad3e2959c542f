package wikitest

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"sort"
	"strings"
)

func (s *server) screens() {
	s.handle("GET /{$}", (*call).dashboard)
	s.handle("GET /index.action", (*call).dashboard)
	s.handle("GET /dashboard.action", (*call).dashboard)
	s.handle("GET /display/{key}", func(c *call) { c.spaceHome(c.r.PathValue("key")) })
	s.handle("GET /display/{key}/{title}", (*call).byTitle)
	s.handle("GET /display/{key}/{y}/{m}/{d}/{title}", func(c *call) {
		c.byDate(c.r.PathValue("key"), c.r.PathValue("y")+"/"+c.r.PathValue("m")+"/"+c.r.PathValue("d"), unplus(c.r.PathValue("title")))
	})
	s.handle("GET /spaces/{key}/pages/{id}", (*call).byPathID)
	s.handle("GET /spaces/{key}/pages/{id}/{title}", (*call).byPathID)
	s.handle("GET /spaces/{key}/blog/{y}/{m}/{d}/{id}/{title}", (*call).byPathID)
	s.handle("GET /spaces/{key}/overview", func(c *call) { c.spaceHome(c.r.PathValue("key")) })
	s.handle("GET /pages/viewpage.action", (*call).viewPage)
	s.handle("GET /x/{tiny}", (*call).short)
	s.handle("GET /pages/viewpreviousversions.action", (*call).history)
	s.handle("GET /pages/viewpageattachments.action", (*call).attachments)
	s.handle("GET /collector/pages.action", (*call).pageList)
	s.handle("GET /pages/listpages.action", (*call).pageList)
	s.handle("GET /pages/listpages-dirview.action", (*call).pageList)
	s.handle("GET /pages/listpages-alphaview.action", (*call).pageList)
	s.handle("GET /pages/recentlyupdated.action", (*call).pageList)
	s.handle("GET /pages/viewrecentblogposts.action", (*call).blogs)
	s.handle("GET /label/{key}/{label}", (*call).label)
	s.handle("GET /spacedirectory/view.action", (*call).spaceDirectory)
	s.handle("GET /browsepeople.action", (*call).people)
	s.handle("GET /peopledirectory.action", (*call).people)
	s.handle("GET /dopeopledirectorysearch.action", (*call).people)
	s.handle("GET /users/viewuserprofile.action", func(c *call) { c.profile(c.q.Get("username")) })
	s.handle("GET /users/userinfopopup.action", (*call).userPopup)
	s.handle("GET /dosearchsite.action", (*call).searchScreen)
	s.handle("GET /searchsite.action", (*call).searchScreen)
	s.handle("GET /plugins/pagetree/naturalchildren.action", (*call).naturalChildren)
	s.handle("GET /plugins/recently-updated/changes.action", (*call).changes)
	s.handle("GET /createrssfeed.action", (*call).feed)
	s.handle("GET /spaces/createrssfeed.action", (*call).feed)
	s.handle("GET /opensearch/osd.action", func(c *call) {
		c.send(200, "application/opensearchdescription+xml", []byte(`<?xml version="1.0" encoding="UTF-8"?>
<OpenSearchDescription xmlns="http://a9.com/-/spec/opensearch/1.1/"><ShortName>`+html.EscapeString(c.x.Site)+`</ShortName><Description>`+html.EscapeString(c.x.Site)+`</Description><Url type="text/html" template="`+html.EscapeString(c.base)+`/dosearchsite.action?queryString={searchTerms}"/></OpenSearchDescription>`))
	})
	// What a gateway must never let through. The stand-in answers it readily,
	// so that a hole shows.
	for _, p := range []string{"/admin/", "/pages/viewinfo.action", "/pages/diffpagesbyversion.action", "/plugins/viewsource/viewpagesrc.action", "/exportword", "/spaces/flyingpdf/pdfpageexport.action", "/spaces/spacepermissions.action", "/users/viewuserhistory.action", "/pages/editpage.action", "/pages/createpage.action"} {
		s.handle(p, (*call).everything)
	}
}

func unplus(s string) string { return strings.ReplaceAll(s, "+", " ") }

func (c *call) dashboard() {
	v := c.view("Dashboard", nil)
	v.Spaces = c.visibleSpaces()
	v.Updates = c.visiblePages()
	c.render(200, "dashboard", v)
}

func (c *call) spaceHome(key string) {
	if name, ok := strings.CutPrefix(key, "~"); ok && c.x.space(key) == nil {
		c.profile(name)
		return
	}
	s := c.x.space(key)
	if !c.seesSpace(s) {
		c.notFound("")
		return
	}
	if p := c.x.home(s); c.seesPage(p) {
		c.showPage(p)
		return
	}
	c.pageListOf(s)
}

func (c *call) byTitle() {
	key, title := c.r.PathValue("key"), unplus(c.r.PathValue("title"))
	p := c.x.titles[titleKey(key, title)]
	if !c.seesPage(p) {
		c.notFound(title)
		return
	}
	c.showPage(p)
}

func (c *call) byDate(key, date, title string) {
	for i := range c.x.Pages {
		p := &c.x.Pages[i]
		if p.Type == "blogpost" && strings.EqualFold(p.Space, key) && p.Date == date && strings.EqualFold(p.Title, title) && c.seesPage(p) {
			c.showPage(p)
			return
		}
	}
	c.notFound(title)
}

func (c *call) byPathID() { c.byID(parseID(c.r.PathValue("id"))) }

// byID shows whatever page an id belongs to: its own, a comment's, an
// attachment's or an old version's.
func (c *call) byID(id int64) {
	if p := c.x.pages[id]; c.seesPage(p) {
		c.showPage(p)
	} else if o, ok := c.x.old[id]; ok && c.seesPage(o.page) {
		c.showVersion(o.page, o.n)
	} else if r, ok := c.x.comments[id]; ok && c.seesPage(r.page) {
		c.redirect(withQuery(c.x.webui(r.page), fmt.Sprintf("focusedCommentId=%d#comment-%d", id, id)))
	} else if f, ok := c.x.files[id]; ok && c.seesPage(f.page) {
		c.redirect(withQuery(c.x.webui(f.page), "preview="+url.QueryEscape(fmt.Sprintf("/%d/%d/%s", f.page.ID, id, f.a.Name))))
	} else {
		c.notFound("")
	}
}

func (c *call) viewPage() {
	if id := c.q.Get("pageId"); id != "" {
		c.byID(parseID(id))
		return
	}
	key, title := c.q.Get("spaceKey"), c.q.Get("title")
	if d := c.q.Get("postingDay"); d != "" {
		c.byDate(key, d, title)
		return
	}
	p := c.x.titles[titleKey(key, title)]
	switch {
	case !c.seesPage(p):
		c.notFound(title)
	case c.q.Get("noRedirect") == "true" || strings.Contains(c.x.webui(p), "viewpage.action"):
		c.showPage(p)
	default:
		c.redirect(c.x.webui(p))
	}
}

func (c *call) short() {
	id, ok := untiny(c.r.PathValue("tiny"))
	if p := c.x.pages[id]; ok && c.seesPage(p) {
		c.redirect(c.x.webui(p))
		return
	}
	c.notFound("")
}

func (c *call) showPage(p *Page) { c.showVersion(p, len(p.Versions)-1) }

func (c *call) showVersion(p *Page, n int) {
	v := c.view(p.Title, c.x.space(p.Space))
	v.Page, v.Ancestors = p, c.x.ancestors(p)
	if !p.Aside {
		v.Parent = c.x.parent(p)
	}
	for _, a := range v.Ancestors {
		v.RestrictedAbove = v.RestrictedAbove || len(a.Restricted) > 0
	}
	v.First, v.Last, v.Prev = p.Versions[0], p.Versions[n], n
	r := c.renderer(p)
	v.Body = r.view(p.Versions[n].Body)
	for i := range p.Comments {
		depth := 0
		for at := p.Comments[i].ReplyTo; at > 0 && depth < 8; at = p.Comments[at-1].ReplyTo {
			depth++
		}
		v.Comments = append(v.Comments, shownComment{&p.Comments[i], r.view(p.Comments[i].Body), depth})
	}
	c.render(200, "page", v)
}

func (c *call) pageParam() *Page {
	p := c.x.pages[parseID(c.q.Get("pageId"))]
	if !c.seesPage(p) {
		c.notFound("")
		return nil
	}
	return p
}

func (c *call) history() {
	p := c.pageParam()
	if p == nil {
		return
	}
	v := c.view("Page History", c.x.space(p.Space))
	v.Title = p.Title + " - Page History - " + c.x.Site
	v.Page, v.Ancestors = p, c.x.ancestors(p)
	for i := len(p.Versions) - 1; i >= 0; i-- {
		v.Versions = append(v.Versions, shownVersion{i + 1, p.Versions[i], i == len(p.Versions)-1})
	}
	c.render(200, "history", v)
}

func (c *call) attachments() {
	if p := c.pageParam(); p != nil {
		v := c.view("Attachments", c.x.space(p.Space))
		v.Title = p.Title + " - Attachments - " + c.x.Site
		v.Page, v.Ancestors = p, c.x.ancestors(p)
		c.render(200, "attachments", v)
	}
}

func (c *call) pageList() {
	s := c.x.space(c.q.Get("key"))
	if !c.seesSpace(s) {
		c.notFound("")
		return
	}
	c.pageListOf(s)
}

func (c *call) pageListOf(s *Space) {
	v := c.view("Pages", s)
	v.Pages = c.pagesIn(s.Key)
	c.render(200, "pagelist", v)
}

// LastBy is the name of who changed the page last, for templates.
func (p *Page) LastBy() string { return p.last().By }

func (a account) pagesIn(key string) []*Page {
	var out []*Page
	for _, p := range a.visiblePages() {
		if strings.EqualFold(p.Space, key) {
			out = append(out, p)
		}
	}
	return out
}

func (c *call) blogs() {
	s := c.x.space(c.q.Get("key"))
	if !c.seesSpace(s) {
		c.notFound("")
		return
	}
	v := c.view("Blog", s)
	for _, p := range c.pagesIn(s.Key) {
		if p.Type == "blogpost" {
			v.Pages = append(v.Pages, p)
		}
	}
	c.render(200, "blogs", v)
}

func (c *call) label() {
	s := c.x.space(c.r.PathValue("key"))
	if !c.seesSpace(s) {
		c.notFound("")
		return
	}
	v := c.view("Content with label "+c.r.PathValue("label"), s)
	for _, p := range c.pagesIn(s.Key) {
		for _, l := range p.Labels {
			if l == c.r.PathValue("label") {
				v.Pages = append(v.Pages, p)
			}
		}
	}
	c.render(200, "pagelist", v)
}

func (c *call) spaceDirectory() {
	v := c.view("Space Directory", nil)
	v.Spaces = c.visibleSpaces()
	c.render(200, "spacedirectory", v)
}

func (c *call) people() {
	v := c.view("People", nil)
	if c.user != nil {
		q := strings.ToLower(c.q.Get("queryString"))
		for i := range c.x.Users {
			if u := &c.x.Users[i]; !u.Inactive && strings.Contains(strings.ToLower(u.Display), q) {
				v.People = append(v.People, u)
			}
		}
	}
	c.render(200, "people", v)
}

func (c *call) profile(name string) {
	u := c.x.users[name]
	if u == nil {
		v := c.view("User Not Found", nil)
		v.Text = "No user with the name " + name + " was found."
		c.render(http.StatusNotFound, "plain", v)
		return
	}
	v := c.view(u.Display, nil)
	v.User = u
	for _, p := range c.visiblePages() {
		if p.last().By == u.Name {
			v.Updates = append(v.Updates, p)
		}
	}
	c.render(200, "profile", v)
}

func (c *call) userPopup() {
	v := c.view("", nil)
	if v.User = c.x.users[c.q.Get("username")]; v.User == nil {
		c.notFound("")
		return
	}
	c.render(200, "userinfopopup", v)
}

// everything is the worst that a screen could do: it names all there is.
func (c *call) everything() {
	var b strings.Builder
	for i := range c.x.Spaces {
		b.WriteString(c.x.Spaces[i].Name + " / ")
	}
	for i := range c.x.Pages {
		b.WriteString(c.x.Pages[i].Title + " / ")
	}
	for i := range c.x.Users {
		b.WriteString(c.x.Users[i].Display + " / ")
	}
	v := c.view("Administration", nil)
	v.Text = b.String()
	c.render(200, "plain", v)
}

func filter[T any](in []T, keep func(T) bool) []T {
	var out []T
	for _, v := range in {
		if keep(v) {
			out = append(out, v)
		}
	}
	return out
}

func (c *call) likeSummary(names []string) string {
	sort.Strings(names)
	var links []string
	for _, n := range names {
		if u := c.x.users[n]; u != nil {
			links = append(links, fmt.Sprintf(`<a href="%s/display/~%s" class="confluence-userlink likes-user" data-username="%s">%s</a>`, c.x.Context, escapePath(u.Name), html.EscapeString(u.Name), html.EscapeString(u.Display)))
		}
	}
	if len(links) == 0 {
		return ""
	}
	return strings.Join(links, ", ") + " like this"
}

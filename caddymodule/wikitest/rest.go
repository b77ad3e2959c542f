package wikitest

import (
	"fmt"
	"net/url"
	"strings"
)

func (s *server) rest() {
	s.handle("GET /rest/api/content", (*call).contentList)
	s.handle("GET /rest/api/content/search", (*call).contentSearch)
	s.handle("GET /rest/api/content/{id}", (*call).contentOne)
	s.handle("GET /rest/api/content/{id}/history", func(c *call) {
		if p := c.restPage(); p != nil {
			c.json(200, c.history4(p, parseExpand("lastUpdated,previousVersion,contributors", c.q.Get("expand"))))
		}
	})
	s.handle("GET /rest/api/content/{id}/child", (*call).contentChild)
	s.handle("GET /rest/api/content/{id}/child/{type}", (*call).contentChild)
	s.handle("GET /rest/api/content/{id}/descendant/{type}", (*call).contentChild)
	s.handle("GET /rest/api/content/{id}/label", func(c *call) {
		if p := c.restPage(); p != nil {
			c.json(200, c.labels(p))
		}
	})
	s.handle("GET /rest/api/content/{id}/restriction", (*call).restrictions)
	s.handle("GET /rest/api/content/{id}/restriction/byOperation", (*call).restrictions)
	s.handle("GET /rest/api/search", (*call).restSearch)
	s.handle("GET /rest/api/space", (*call).spaceList)
	s.handle("GET /rest/api/space/{key}", func(c *call) {
		if s := c.restSpace(); s != nil {
			c.json(200, c.spaceJSON(s, parseExpand(c.q.Get("expand"))))
		}
	})
	s.handle("GET /rest/api/space/{key}/content", (*call).spaceContent)
	s.handle("GET /rest/api/space/{key}/content/{type}", (*call).spaceContent)
	s.handle("GET /rest/api/user", func(c *call) {
		u := c.x.users[c.q.Get("username")]
		if k := c.q.Get("key"); k != "" {
			u = c.x.userKeys[k]
		}
		if u == nil || c.user == nil {
			c.jsonNotFound("No user found with username : " + c.q.Get("username"))
			return
		}
		c.json(200, c.userJSON(u))
	})
	s.handle("GET /rest/api/user/current", func(c *call) { c.json(200, c.userJSON(c.user)) })
	s.handle("GET /rest/api/user/memberof", func(c *call) {
		u := c.x.users[c.q.Get("username")]
		if u == nil || c.user == nil {
			c.jsonNotFound("No user found")
			return
		}
		var gs list
		for _, g := range u.Groups {
			gs = append(gs, c.groupJSON(g))
		}
		c.page(gs, "/rest/api/user/memberof")
	})
	s.handle("GET /rest/api/user/list", func(c *call) { c.members("") })
	s.handle("GET /rest/api/group", func(c *call) {
		if !c.admin() {
			return
		}
		var gs list
		for _, g := range c.x.Groups {
			gs = append(gs, c.groupJSON(g.Name))
		}
		c.page(gs, "/rest/api/group")
	})
	s.handle("GET /rest/api/group/{name}/member", func(c *call) { c.members(c.r.PathValue("name")) })
	s.handle("/rest/", func(c *call) { c.jsonNotFound("null for uri: " + c.r.URL.Path) })
}

func (c *call) admin() bool {
	if c.user == nil || !c.user.SeesAll {
		c.json(403, obj{"statusCode", 403, "message", "Not permitted", "reason", "Forbidden"})
		return false
	}
	return true
}

func (c *call) members(group string) {
	if !c.admin() {
		return
	}
	var us list
	for i := range c.x.Users {
		u := &c.x.Users[i]
		in := group == ""
		for _, g := range u.Groups {
			in = in || g == group
		}
		if in {
			us = append(us, c.userJSON(u))
		}
	}
	c.page(us, c.r.URL.Path)
}

func (c *call) self(path string) string { return c.base + path }

// rel is a page's URL as REST links have it: below the base, without the
// context path.
func (c *call) rel(p *Page) string { return strings.TrimPrefix(c.x.webui(p), c.x.Context) }

// page answers with one page of a list, in the wiki's envelope.
func (c *call) page(all list, path string, extra ...any) {
	start, limit := c.int("start", 0), c.int("limit", 25)
	part := list{}
	for i := start; i < len(all) && i < start+limit; i++ {
		part = append(part, all[i])
	}
	links := obj{"self", c.self(path + "?" + c.r.URL.RawQuery)}
	turn := func(word string, at int) {
		q := url.Values{}
		for k, v := range c.q {
			if k != "start" && k != "limit" {
				q[k] = v
			}
		}
		q.Set("start", fmt.Sprint(at))
		q.Set("limit", fmt.Sprint(limit))
		links = append(links, word, path+"?"+q.Encode())
	}
	if start+limit < len(all) {
		turn("next", start+limit)
	}
	if start > 0 {
		turn("prev", max(0, start-limit))
	}
	links = append(links, "base", c.base, "context", c.x.Context)
	out := obj{"results", part, "start", start, "limit", limit, "size", len(part)}
	out = append(out, extra...)
	c.json(200, append(out, "_links", links))
}

func (c *call) restrictions() {
	if p := c.restPage(); p != nil {
		c.json(200, obj{"read", c.restriction(p), "_links", obj{"self", c.self(c.r.URL.Path), "base", c.base, "context", c.x.Context}})
	}
}

func (c *call) restPage() *Page {
	id := parseID(c.r.PathValue("id"))
	if p := c.x.pages[id]; c.seesPage(p) {
		return p
	}
	c.jsonNotFound(fmt.Sprintf("No content found with id: ContentId{id=%d}", id))
	return nil
}

func (c *call) restSpace() *Space {
	if s := c.x.space(c.r.PathValue("key")); c.seesSpace(s) {
		return s
	}
	c.jsonNotFound("No space with key : " + c.r.PathValue("key"))
	return nil
}

func (c *call) contentOne() {
	id := parseID(c.r.PathValue("id"))
	words := c.q.Get("expand")
	if !c.q.Has("expand") {
		words = "history,space,version"
	}
	e := parseExpand(words)
	base := func(o obj) { // the root's links name the base as well
		for i := 0; i < len(o); i += 2 {
			if o[i] == "_links" {
				o[i+1] = append(obj{"base", c.base, "context", c.x.Context, "collection", c.x.Context + "/rest/api/content"}, o[i+1].(obj)...)
			}
		}
		c.json(200, o)
	}
	if p := c.x.pages[id]; c.seesPage(p) {
		base(c.pageJSON(p, e))
	} else if m, ok := c.x.comments[id]; ok && c.seesPage(m.page) {
		base(c.commentJSON(m.page, m.c, e))
	} else if f, ok := c.x.files[id]; ok && c.seesPage(f.page) {
		base(c.attachmentJSON(f.page, f.a, e))
	} else {
		c.jsonNotFound(fmt.Sprintf("No content found with id: ContentId{id=%d}", id))
	}
}

func (c *call) contentList() {
	e := parseExpand(c.q.Get("expand"))
	all := list{}
	for _, p := range c.visiblePages() {
		if k := c.q.Get("spaceKey"); k != "" && !strings.EqualFold(k, p.Space) {
			continue
		}
		if t := c.q.Get("title"); t != "" && !strings.EqualFold(t, p.Title) {
			continue
		}
		if t := c.q.Get("type"); t != "" && t != p.Type || t == "" && p.Type != "page" {
			continue
		}
		if d := c.q.Get("postingDay"); d != "" && strings.ReplaceAll(d, "-", "/") != p.Date {
			continue
		}
		if st := c.q.Get("status"); st != "" && st != "any" && st != p.Status {
			continue
		}
		all = append(all, c.pageJSON(p, e))
	}
	c.page(all, "/rest/api/content")
}

func (c *call) childList(p *Page, kind string, e expansion) list {
	out := list{}
	switch kind {
	case "page":
		for _, k := range c.childrenOf(p) {
			out = append(out, c.pageJSON(k, e))
		}
	case "comment":
		for i := range p.Comments {
			out = append(out, c.commentJSON(p, &p.Comments[i], e))
		}
	case "attachment":
		for i := range p.Attachments {
			out = append(out, c.attachmentJSON(p, &p.Attachments[i], e))
		}
	}
	return out
}

func (c *call) contentChild() {
	p := c.restPage()
	if p == nil {
		return
	}
	path := "/rest/api/content/" + fmt.Sprint(p.ID) + "/child"
	e := parseExpand(c.q.Get("expand"))
	if t := c.r.PathValue("type"); t != "" {
		c.page(c.childList(p, t, e), path+"/"+t)
		return
	}
	o, ex := obj{}, obj{}
	for _, t := range []string{"page", "comment", "attachment"} {
		if e[t] {
			all := c.childList(p, t, e.under(t))
			o = append(o, t, obj{"results", all, "start", 0, "limit", 25, "size", len(all), "_links", obj{"self", c.self(path + "/" + t)}})
		} else {
			ex = append(ex, t, path+"/"+t)
		}
	}
	c.json(200, append(o, "_links", obj{"self", c.self(path), "base", c.base, "context", c.x.Context}, "_expandable", ex))
}

func (c *call) spaceList() {
	e := parseExpand(c.q.Get("expand"))
	all := list{}
	for _, s := range c.visibleSpaces() {
		if ks := c.q["spaceKey"]; len(ks) > 0 && !contains(ks, s.Key) {
			continue
		}
		if t := c.q.Get("type"); t != "" && t != s.Type {
			continue
		}
		if st := c.q.Get("status"); st != "" && !strings.EqualFold(st, s.Status) {
			continue
		}
		all = append(all, c.spaceJSON(s, e))
	}
	c.page(all, "/rest/api/space")
}

func contains(list []string, s string) bool {
	for _, e := range list {
		if strings.EqualFold(e, s) {
			return true
		}
	}
	return false
}

func (c *call) spaceContent() {
	s := c.restSpace()
	if s == nil {
		return
	}
	e := parseExpand(c.q.Get("expand"))
	by := map[string]list{"page": {}, "blogpost": {}}
	for _, p := range c.pagesIn(s.Key) {
		if c.q.Get("depth") == "root" && p.Parent != "" {
			continue
		}
		by[p.Type] = append(by[p.Type], c.pageJSON(p, e))
	}
	path := "/rest/api/space/" + escapePath(s.Key) + "/content"
	if t := c.r.PathValue("type"); t != "" {
		c.page(by[t], path+"/"+t)
		return
	}
	o := obj{}
	for _, t := range []string{"page", "blogpost"} {
		o = append(o, t, obj{"results", by[t], "start", 0, "limit", 1000, "size", len(by[t]), "_links", obj{"self", c.self(path + "/" + t)}})
	}
	c.json(200, append(o, "_links", obj{"base", c.base, "context", c.x.Context}))
}

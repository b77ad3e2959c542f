package wikitest

import (
	"fmt"
	"html"
	"strings"
)

// privateRest serves the resources that the wiki's own pages call.
func (s *server) privateRest() {
	s.handle("GET /rest/quicknav/1/search", (*call).quicknav)
	s.handle("GET /rest/prototype/1/search", (*call).prototypeSearch)
	s.handle("GET /rest/prototype/1/search/site", (*call).prototypeSearch)
	s.handle("GET /rest/prototype/1/search/name", (*call).prototypeSearch)
	s.handle("GET /rest/prototype/1/search/user", (*call).prototypeUsers)
	s.handle("GET /rest/prototype/1/search/user-or-group", (*call).prototypeUsers)
	s.handle("/rest/dashboardmacros/{v}/updates", (*call).dashboardUpdates)
	s.handle("GET /rest/likes/1.0/content/{id}/likes", (*call).likes)
	s.handle("GET /rest/inlinecomments/1.0/comments", (*call).inlineComments)
	s.handle("GET /rest/recentlyviewed/1.0/recent", (*call).recentlyViewed)
	s.handle("GET /rest/recentlyviewed/1.0/recent/spaces", func(c *call) {
		out := list{}
		for _, s := range c.visibleSpaces() {
			out = append(out, obj{"id", s.ID, "key", s.Key, "icon", c.x.Context + staticPrefix + "/images/logo/default-space-logo.svg", "name", s.Name})
		}
		c.json(200, out)
	})
	s.handle("GET /rest/spacedirectory/{v}/search", (*call).spaceDirectorySearch)
	s.handle("GET /rest/mywork/latest/status/notification/count", func(c *call) {
		c.json(200, obj{"count", len(c.x.Pages), "timeout", 60, "maxTimeout", 300})
	})
	s.handle("GET /rest/ui/1.0/content/{id}/labels", func(c *call) {
		if p := c.restPage(); p != nil {
			ls := list{}
			for _, l := range p.Labels {
				ls = append(ls, obj{"id", labelID(l), "name", l, "prefix", "global"})
			}
			c.json(200, ls)
		}
	})
}

func (c *call) quicknav() {
	q := c.q.Get("query")
	groups := map[string]list{}
	add := func(kind string, o obj) {
		if len(groups[kind]) < c.int("maxPerCategory", 6) {
			groups[kind] = append(groups[kind], o)
		}
	}
	if q != "" {
		for _, k := range c.candidates() {
			if !hasWords(k.title, q) {
				continue
			}
			name := html.EscapeString(k.title)
			switch k.kind {
			case "page", "blogpost":
				s := c.x.space(k.page.Space)
				add(k.kind, obj{"id", fmt.Sprint(k.page.ID), "className", "content-type-" + k.kind, "href", c.x.webui(k.page), "name", name, "spaceName", html.EscapeString(s.Name), "spaceKey", s.Key})
			case "attachment":
				s := c.x.space(k.page.Space)
				add("attachment", obj{"id", fmt.Sprint(k.file.ID), "className", "content-type-attachment-document", "href", withQuery(c.x.webui(k.page), fmt.Sprintf("preview=%%2F%d%%2F%d%%2F%s", k.page.ID, k.file.ID, escapePath(k.file.Name))), "name", name, "spaceName", html.EscapeString(s.Name), "spaceKey", s.Key})
			case "space":
				add("space", obj{"id", fmt.Sprint(k.space.ID), "className", "content-type-space", "href", c.x.Context + "/display/" + escapePath(k.space.Key), "icon", c.x.Context + staticPrefix + "/images/logo/default-space-logo.svg", "name", name, "spaceName", name, "spaceKey", k.space.Key})
			case "user":
				add("user", obj{"id", fmt.Sprint(k.user.AvatarID), "className", "content-type-userinfo", "href", c.x.Context + "/display/~" + escapePath(k.user.Name), "icon", c.x.avatar(k.user), "name", name, "username", k.user.Name})
			}
		}
	}
	out := list{}
	for _, k := range []string{"page", "blogpost", "attachment", "user", "space"} {
		if len(groups[k]) > 0 {
			out = append(out, groups[k])
		}
	}
	out = append(out, list{obj{"className", "search-for", "href", c.x.Context + "/dosearchsite.action?queryString=" + html.EscapeString(strings.ReplaceAll(q, " ", "+")), "name", "Search for &#39;" + html.EscapeString(q) + "&#39;"}})
	c.json(200, obj{"contentNameMatches", out, "query", q, "queryTokens", list{q}, "statusMessage", "", "totalSize", len(out) - 1})
}

func (c *call) prototypeSearch() {
	q := c.q.Get("query")
	out := list{}
	for _, k := range c.candidates() {
		if q == "" || !hasWords(k.title, q) || len(out) >= c.int("max-results", 10) {
			continue
		}
		switch {
		case k.user != nil:
			out = append(out, c.prototypeUser(k.user))
		case k.kind == "page" || k.kind == "blogpost":
			s := c.x.space(k.page.Space)
			out = append(out, obj{
				"id", fmt.Sprint(k.page.ID), "type", k.kind, "title", k.page.Title,
				"link",
				list{obj{"href", c.self(fmt.Sprintf("/rest/prototype/1/content/%d", k.page.ID)), "rel", "self"}, obj{"href", c.base + strings.TrimPrefix(c.x.webui(k.page), c.x.Context), "rel", "alternate", "type", "text/html"}},
				"space",
				obj{"key", s.Key, "name", s.Name, "title", s.Name, "type", "space"},
				"wikiLink", "[" + s.Key + ":" + k.page.Title + "]",
				"creator", c.prototypeUser(c.x.users[k.page.Versions[0].By]), "lastModifier", c.prototypeUser(c.x.users[k.page.last().By]),
				"lastModifiedDate",
				obj{"friendly", day(k.page.last().When), "date", stamp(k.page.last().When)},
			})
		}
	}
	c.json(200, obj{"result", out, "totalSize", len(out), "startIndex", 0})
}

func (c *call) prototypeUser(u *User) obj {
	return obj{
		"type", "user", "username", u.Name, "userKey", u.Key, "title", u.Display, "displayableEmail", u.Email,
		"thumbnailLink",
		obj{"href", c.base + strings.TrimPrefix(c.x.avatar(u), c.x.Context), "rel", "thumbnail", "type", "image/png"},
		"link",
		list{obj{"href", c.self("/rest/prototype/1/user/non-system/" + escapePath(u.Name)), "rel", "self"}},
	}
}

func (c *call) prototypeUsers() {
	out := list{}
	for i := range c.x.Users {
		u := &c.x.Users[i]
		if c.user != nil && !u.Inactive && hasWords(u.Display+" "+u.Name, c.q.Get("query")) {
			out = append(out, c.prototypeUser(u))
		}
	}
	c.json(200, obj{"result", out, "totalSize", len(out)})
}

func (c *call) dashboardUpdates() {
	pages := c.visiblePages()
	if keys := c.q.Get("spaces"); keys != "" {
		pages = filter(pages, func(p *Page) bool { return contains(strings.Split(keys, ","), p.Space) })
	}
	n := c.int("maxResults", 40)
	sets := list{}
	var by string
	var set list
	flush := func() {
		if u := c.x.users[by]; u != nil && len(set) > 0 {
			sets = append(sets, obj{"modifier", obj{"username", u.Name, "fullName", u.Display, "userKey", u.Key, "avatar", c.x.avatar(u), "anonymous", false}, "recentUpdates", set})
		}
		set = nil
	}
	for i, p := range pages {
		if i >= n {
			break
		}
		if p.last().By != by {
			flush()
			by = p.last().By
		}
		s := c.x.space(p.Space)
		set = append(set, obj{
			"id", p.ID, "title", p.Title, "urlPath", strings.TrimPrefix(c.x.webui(p), c.x.Context), "spaceName", s.Name, "spaceUrl", c.x.Context + "/display/" + escapePath(s.Key), "contentType", p.Type, "iconClass", "content-type-" + p.Type,
			"friendlyModificationDate", day(p.last().When), "lastModificationDate", stamp(p.last().When), "versionComment", p.last().Message, "description", "updated",
		})
	}
	flush()
	c.json(200, obj{"changeSets", sets, "moreUpdates", len(pages) > n, "nextPageOffset", n})
}

func (c *call) likes() {
	p := c.restPage()
	if p == nil {
		return
	}
	one := func(names []string) list {
		out := list{}
		for _, n := range names {
			if u := c.x.users[n]; u != nil {
				out = append(out, obj{"user", obj{"name", u.Name, "fullName", u.Display, "avatarUrl", c.x.avatar(u), "followedByRemoteUser", false}, "content_type", p.Type})
			}
		}
		return out
	}
	o := obj{"likes", one(p.Likes), "content_type", p.Type}
	if c.q.Get("commentLikes") == "true" {
		m := obj{}
		for i := range p.Comments {
			if k := &p.Comments[i]; len(k.Likes) > 0 {
				m = append(m, fmt.Sprint(k.ID), one(k.Likes))
			}
		}
		o = append(o, "commentLikes", m)
	}
	c.json(200, o)
}

func (c *call) inlineComments() {
	p := c.x.pages[parseID(c.q.Get("containerId"))]
	if !c.seesPage(p) {
		c.jsonNotFound("No content")
		return
	}
	out := list{}
	r := c.renderer(p)
	for i := range p.Comments {
		m := &p.Comments[i]
		if m.Selection == "" {
			continue
		}
		u := c.x.users[m.By]
		out = append(out, obj{
			"id", m.ID, "authorDisplayName", u.Display, "authorUserName", u.Name, "authorAvatarUrl", c.x.avatar(u), "body", r.view(m.Body), "originalSelection", m.Selection, "markerRef", fmt.Sprintf("b0b0-%d", m.ID),
			"lastModificationDate", day(m.When), "containerId", p.ID, "containerVersion", len(p.Versions), "hasDeletePermission", false, "hasEditPermission", false, "hasResolvePermission", false, "hasReplyPermission", false,
			"resolveProperties",
			obj{"resolved", false, "resolvedTime", 0, "resolvedUser", nil},
			"commentDateUrl", withQuery(c.x.webui(p), fmt.Sprintf("focusedCommentId=%d#comment-%d", m.ID, m.ID)), "deleted", false,
		})
	}
	c.json(200, out)
}

func (c *call) recentlyViewed() {
	out := list{}
	for i, p := range c.visiblePages() {
		if i >= c.int("limit", 20) {
			break
		}
		s := c.x.space(p.Space)
		out = append(out, obj{"id", p.ID, "title", p.Title, "space", s.Name, "spaceKey", s.Key, "type", p.Type, "contentType", p.Type, "url", c.x.webui(p), "lastSeen", p.last().When.UnixMilli(), "iconClass", "content-type-" + p.Type, "available", true})
	}
	c.json(200, out)
}

func (c *call) spaceDirectorySearch() {
	out := list{}
	for _, s := range c.visibleSpaces() {
		if q := c.q.Get("query"); q != "" && !hasWords(s.Name+" "+s.Key, q) {
			continue
		}
		ls := list{}
		for _, l := range s.Labels {
			ls = append(ls, obj{"namespace", "team", "name", l})
		}
		out = append(out, obj{
			"key", s.Key, "name", s.Name, "description", html.EscapeString(s.Description), "link",
			list{obj{"href", c.self("/rest/prototype/1/space/" + escapePath(s.Key)), "rel", "self"}, obj{"href", c.self("/display/" + escapePath(s.Key)), "rel", "alternate"}},
			"logo",
			obj{"href", c.base + "/images/logo/default-space-logo-48.png"},
			"favourite", false, "summary", "", "labels",
			obj{"label", ls},
		})
	}
	start, n := c.int("startIndex", 0), c.int("pageSize", 24)
	part := list{}
	for i := start; i < len(out) && i < start+n; i++ {
		part = append(part, out[i])
	}
	c.json(200, obj{"spaces", part, "totalSize", len(out), "startIndex", start})
}

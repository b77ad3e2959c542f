package wikitest

import (
	"fmt"
	"net/url"
	"strings"
)

func (c *call) userJSON(u *User) obj {
	if u == nil {
		return obj{
			"type", "anonymous", "profilePicture",
			obj{"path", c.x.Context + "/images/icons/profilepics/anonymous.svg", "width", 48, "height", 48, "isDefault", true},
			"displayName", "Anonymous", "_links",
			obj{"base", c.base, "context", c.x.Context, "self", c.self("/rest/api/user/anonymous")},
		}
	}
	return obj{
		"type", "known", "username", u.Name, "userKey", u.Key,
		"profilePicture",
		obj{"path", c.x.avatar(u), "width", 48, "height", 48, "isDefault", !u.Picture},
		"displayName", u.Display, "_links",
		obj{"self", c.self("/rest/api/user?key=" + u.Key)},
		"_expandable",
		obj{"status", ""},
	}
}

func (c *call) groupJSON(name string) obj {
	return obj{"type", "group", "name", name, "_links", obj{"self", c.self("/rest/api/group/" + url.PathEscape(name))}}
}

func (c *call) spaceJSON(s *Space, e expansion) obj {
	o := obj{"id", s.ID, "key", s.Key, "name", s.Name}
	ex := obj{}
	part := func(word, closed string, v func() any) {
		if e[word] {
			o = append(o, word, v())
		} else {
			ex = append(ex, word, closed)
		}
	}
	part("icon", "", func() any {
		return obj{"path", c.x.Context + "/images/logo/default-space-logo-256.png", "width", 48, "height", 48, "isDefault", true}
	})
	part("description", "", func() any {
		return obj{"plain", obj{"value", s.Description, "representation", "plain"}, "_expandable", obj{"view", ""}}
	})
	home := c.x.home(s)
	if home != nil {
		part("homepage", fmt.Sprintf("/rest/api/content/%d", home.ID), func() any { return c.pageJSON(home, e.under("homepage")) })
	}
	part("metadata", "", func() any {
		ls := list{}
		for _, l := range s.Labels {
			ls = append(ls, obj{"prefix", "team", "name", l, "id", labelID(l)})
		}
		return obj{"labels", obj{"results", ls, "start", 0, "limit", 200, "size", len(ls)}, "_expandable", obj{}}
	})
	ex = append(ex, "retentionPolicy", "")
	return append(o, "status", strings.ToUpper(s.Status), "type", s.Type,
		"_links", obj{"webui", "/display/" + escapePath(s.Key), "self", c.self("/rest/api/space/" + escapePath(s.Key))}, "_expandable", ex)
}

func (c *call) versionJSON(p *Page, n int) obj {
	v := p.Versions[n]
	return obj{
		"by", c.userJSON(c.x.users[v.By]), "when", stamp(v.When), "friendlyWhen", day(v.When), "message", v.Message, "number", n + 1, "minorEdit", v.Minor, "hidden", false,
		"syncRev", fmt.Sprintf("0.confluence$content$%d.%d", p.ID, n+3),
		"_links",
		obj{"self", c.self(fmt.Sprintf("/rest/experimental/content/%d/version/%d", p.ID, n+1))},
		"_expandable",
		obj{"content", fmt.Sprintf("/rest/api/content/%d", p.ID)},
	}
}

func (c *call) history4(p *Page, e expansion) obj {
	n := len(p.Versions) - 1
	o := obj{"latest", true, "createdBy", c.userJSON(c.x.users[p.Versions[0].By]), "createdDate", stamp(p.Created)}
	ex := obj{}
	part := func(word string, v func() any) {
		if e[word] {
			o = append(o, word, v())
		} else {
			ex = append(ex, word, "")
		}
	}
	part("lastUpdated", func() any { return c.versionJSON(p, n) })
	if n > 0 {
		part("previousVersion", func() any { return c.versionJSON(p, n-1) })
	}
	part("contributors", func() any {
		us, ks := list{}, list{}
		for _, name := range contributors(p) {
			u := c.x.users[name]
			us, ks = append(us, c.userJSON(u)), append(ks, u.Key)
		}
		return obj{"publishers", obj{"users", us, "userKeys", ks, "_links", obj{}, "_expandable", obj{}}}
	})
	ex = append(ex, "nextVersion", "")
	return append(o, "_links", obj{"self", c.self(fmt.Sprintf("/rest/api/content/%d/history", p.ID))}, "_expandable", ex)
}

func (c *call) pageJSON(p *Page, e expansion) obj {
	id := fmt.Sprint(p.ID)
	path := "/rest/api/content/" + id
	space := c.x.space(p.Space)
	o := obj{"id", id, "type", p.Type, "status", p.Status, "title", p.Title}
	ex := obj{}
	part := func(word, closed string, v func() any) {
		if e[word] {
			o = append(o, word, v())
		} else {
			ex = append(ex, word, closed)
		}
	}
	spacePath := "/rest/api/space/" + escapePath(space.Key)
	part("space", spacePath, func() any { return c.spaceJSON(space, e.under("space")) })
	part("container", spacePath, func() any { return c.spaceJSON(space, e.under("container")) })
	part("history", path+"/history", func() any { return c.history4(p, e.under("history")) })
	part("version", "", func() any { return c.versionJSON(p, len(p.Versions)-1) })
	part("ancestors", "", func() any {
		up := list{}
		for _, a := range c.x.ancestors(p) {
			up = append(up, c.pageJSON(a, e.under("ancestors")))
		}
		return up
	})
	part("children", path+"/child", func() any {
		k := obj{}
		kx := obj{}
		for _, t := range []string{"page", "comment", "attachment"} {
			if e["children."+t] {
				all := c.childList(p, t, e.under("children."+t))
				k = append(k, t, obj{"results", all, "start", 0, "limit", 25, "size", len(all), "_links", obj{"self", c.self(path + "/child/" + t)}})
			} else {
				kx = append(kx, t, path+"/child/"+t)
			}
		}
		return append(k, "_links", obj{"self", c.self(path + "/child")}, "_expandable", kx)
	})
	part("restrictions", path+"/restriction/byOperation", func() any {
		return obj{"read", c.restriction(p), "_links", obj{"self", c.self(path + "/restriction/byOperation")}, "_expandable", obj{"update", ""}}
	})
	part("metadata", "", func() any {
		m, mx := obj{}, obj{"currentuser", "", "properties", "", "frontend", "", "editorHtml", ""}
		if e["metadata.labels"] {
			m = append(m, "labels", c.labels(p))
		} else {
			mx = append(mx, "labels", "")
		}
		if e["metadata.likes"] {
			m = append(m, "likes", obj{"count", len(p.Likes)})
		}
		return append(m, "_expandable", mx)
	})
	part("body", "", func() any {
		b, bx := obj{}, obj{}
		r := c.renderer(p)
		for _, f := range []string{"storage", "view", "export_view", "styled_view", "editor", "anonymous_export_view"} {
			if !e["body."+f] {
				bx = append(bx, f, "")
				continue
			}
			v := ""
			switch f {
			case "storage", "editor":
				v = r.storage(p.last().Body)
			default:
				v = r.view(p.last().Body)
			}
			b = append(b, f, obj{"value", v, "representation", f, "_expandable", obj{"content", path}})
		}
		return append(b, "_expandable", bx)
	})
	ex = append(ex, "operations", "", "descendants", path+"/descendant", "relevantViewRestrictions", path+"/restriction/relevantViewRestrictions")
	return append(o, "extensions", obj{"position", "none"},
		"_links", obj{"webui", c.rel(p), "edit", "/pages/resumedraft.action?draftId=" + id + "&draftShareId=06e1f6b7-300e-4691-8b8a-" + fmt.Sprintf("%012d", p.ID), "tinyui", "/x/" + tiny(p.ID), "self", c.self(path)},
		"_expandable", ex)
}

func (c *call) commentJSON(p *Page, m *Comment, e expansion) obj {
	id := fmt.Sprint(m.ID)
	o := obj{"id", id, "type", "comment", "status", "current", "title", "Re: " + p.Title}
	ex := obj{"operations", "", "children", "/rest/api/content/" + id + "/child", "history", "/rest/api/content/" + id + "/history", "space", "/rest/api/space/" + escapePath(p.Space)}
	if e["container"] {
		o = append(o, "container", c.pageJSON(p, e.under("container")))
	} else {
		ex = append(ex, "container", fmt.Sprintf("/rest/api/content/%d", p.ID))
	}
	if e["history"] {
		o = append(o, "history", obj{"latest", true, "createdBy", c.userJSON(c.x.users[m.By]), "createdDate", stamp(m.When), "_links", obj{"self", c.self("/rest/api/content/" + id + "/history")}, "_expandable", obj{"lastUpdated", "", "contributors", ""}})
	}
	if e["version"] {
		o = append(o, "version", obj{"by", c.userJSON(c.x.users[m.By]), "when", stamp(m.When), "message", "", "number", 1, "minorEdit", false, "hidden", false, "_links", obj{"self", c.self("/rest/experimental/content/" + id + "/version/1")}, "_expandable", obj{"content", "/rest/api/content/" + id}})
	}
	if m.ReplyTo > 0 && e["ancestors"] {
		o = append(o, "ancestors", list{c.commentJSON(p, &p.Comments[m.ReplyTo-1], expansion{})})
	}
	if e["body.view"] || e["body.storage"] {
		r := c.renderer(p)
		b := obj{}
		if e["body.storage"] {
			b = append(b, "storage", obj{"value", r.storage(m.Body), "representation", "storage", "_expandable", obj{"content", "/rest/api/content/" + id}})
		}
		if e["body.view"] {
			b = append(b, "view", obj{"value", r.view(m.Body), "representation", "view", "_expandable", obj{"content", "/rest/api/content/" + id}})
		}
		o = append(o, "body", append(b, "_expandable", obj{"editor", ""}))
	}
	x := obj{"location", "footer"}
	if m.Selection != "" {
		x = obj{"location", "inline", "inlineProperties", obj{"originalSelection", m.Selection, "markerRef", fmt.Sprintf("b0b0-%d", m.ID)}, "resolution", obj{"status", "open"}}
	}
	return append(o, "extensions", x, "_links", obj{"webui", withQuery(c.rel(p), fmt.Sprintf("focusedCommentId=%s#comment-%s", id, id)), "self", c.self("/rest/api/content/" + id)}, "_expandable", ex)
}

func (c *call) attachmentJSON(p *Page, a *Attachment, e expansion) obj {
	id := fmt.Sprint(a.ID)
	o := obj{"id", id, "type", "attachment", "status", "current", "title", a.Name}
	ex := obj{"operations", "", "children", "/rest/api/content/" + id + "/child", "restrictions", "/rest/api/content/" + id + "/restriction/byOperation", "history", "/rest/api/content/" + id + "/history", "ancestors", "", "body", "", "descendants", "/rest/api/content/" + id + "/descendant", "space", "/rest/api/space/" + escapePath(p.Space)}
	if e["version"] {
		o = append(o, "version", obj{"by", c.userJSON(c.x.users[a.By]), "when", stamp(a.When), "message", a.Comment, "number", 1, "minorEdit", true, "hidden", false, "_links", obj{"self", c.self("/rest/experimental/content/" + id + "/version/1")}, "_expandable", obj{"content", "/rest/api/content/" + id}})
	}
	if e["container"] {
		o = append(o, "container", c.pageJSON(p, e.under("container")))
	} else {
		ex = append(ex, "container", fmt.Sprintf("/rest/api/content/%d", p.ID))
	}
	return append(o, "metadata", obj{"mediaType", a.MediaType, "comment", a.Comment}, "extensions", obj{"mediaType", a.MediaType, "fileSize", len(a.content()), "comment", a.Comment},
		"_links", obj{"download", strings.TrimPrefix(c.x.download(p, a), c.x.Context), "webui", withQuery(c.rel(p), "preview="+url.QueryEscape(fmt.Sprintf("/%d/%d/%s", p.ID, a.ID, a.Name))), "thumbnail", strings.Replace(strings.TrimPrefix(c.x.download(p, a), c.x.Context), "/attachments/", "/thumbnails/", 1), "self", c.self("/rest/api/content/" + id)}, "_expandable", ex)
}

func (c *call) labels(p *Page) obj {
	ls := list{}
	for _, l := range p.Labels {
		ls = append(ls, obj{"prefix", "global", "name", l, "id", labelID(l)})
	}
	return obj{"results", ls, "start", 0, "limit", 200, "size", len(ls), "_links", obj{"self", c.self(fmt.Sprintf("/rest/api/content/%d/label", p.ID))}}
}

func (c *call) restriction(p *Page) obj {
	us, gs := list{}, list{}
	for _, r := range p.Restricted {
		if g, ok := strings.CutPrefix(r, "group:"); ok {
			gs = append(gs, obj{"type", "group", "name", g})
		} else if u := c.x.users[r]; u != nil {
			us = append(us, c.userJSON(u))
		}
	}
	return obj{
		"operation", "read", "restrictions",
		obj{"user", obj{"results", us, "start", 0, "limit", 200, "size", len(us)}, "group", obj{"results", gs, "start", 0, "limit", 200, "size", len(gs)}, "_expandable", obj{}},
		"_links",
		obj{"self", c.self(fmt.Sprintf("/rest/api/content/%d/restriction/byOperation/read", p.ID))},
		"_expandable",
		obj{"content", fmt.Sprintf("/rest/api/content/%d", p.ID)},
	}
}

package wikitest

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// hit is a search result as the screens show it.
type hit struct {
	Kind, Title, Excerpt, URL string
	Space                     *Space
	By                        string
	When                      time.Time
	c                         *candidate
}

// candidates lists all that the account may find.
func (c *call) candidates() []*candidate {
	var out []*candidate
	for _, p := range c.visiblePages() {
		r := c.renderer(p)
		out = append(out, &candidate{kind: p.Type, page: p, title: p.Title, text: r.text(p.last().Body) + " " + strings.Join(p.Labels, " "), spaceKey: p.Space, by: p.Versions[0].By})
		for i := range p.Comments {
			m := &p.Comments[i]
			out = append(out, &candidate{kind: "comment", page: p, comment: m, title: "Re: " + p.Title, text: r.text(m.Body), spaceKey: p.Space, by: m.By})
		}
		for i := range p.Attachments {
			a := &p.Attachments[i]
			out = append(out, &candidate{kind: "attachment", page: p, file: a, title: a.Name, text: a.Comment, spaceKey: p.Space, by: a.By})
		}
	}
	for _, s := range c.visibleSpaces() {
		out = append(out, &candidate{kind: "space", space: s, title: s.Name, text: s.Description, spaceKey: s.Key})
	}
	if c.user != nil {
		for i := range c.x.Users {
			if u := &c.x.Users[i]; !u.Inactive {
				out = append(out, &candidate{kind: "user", user: u, title: u.Display, text: u.Name + " " + u.Email})
			}
		}
	}
	return out
}

func (c *call) find(m matcher) []hit {
	var out []hit
	for _, k := range c.candidates() {
		if !m(k) {
			continue
		}
		h := hit{Kind: k.kind, Title: k.title, Excerpt: clip(k.text), c: k, By: k.by}
		switch {
		case k.comment != nil:
			h.URL = withQuery(c.x.webui(k.page), fmt.Sprintf("focusedCommentId=%d#comment-%d", k.comment.ID, k.comment.ID))
			h.When = k.comment.When
		case k.file != nil:
			h.URL = withQuery(c.x.webui(k.page), "preview="+url.QueryEscape(fmt.Sprintf("/%d/%d/%s", k.page.ID, k.file.ID, k.file.Name)))
			h.When = k.file.When
		case k.page != nil:
			h.URL, h.By, h.When = c.x.webui(k.page), k.page.last().By, k.page.last().When
		case k.space != nil:
			h.URL = c.x.Context + "/display/" + escapePath(k.space.Key)
		case k.user != nil:
			h.URL = c.x.Context + "/display/~" + escapePath(k.user.Name)
		}
		if k.page != nil {
			h.Space = c.x.space(k.page.Space)
		}
		out = append(out, h)
	}
	return out
}

func clip(s string) string {
	if len(s) <= 180 {
		return s
	}
	return s[:strings.LastIndexByte(s[:180], ' ')+1] + "..."
}

func (c *call) badCQL(err error) {
	c.json(http.StatusBadRequest, obj{
		"statusCode", 400, "data",
		obj{"authorized", true, "valid", false, "errors", list{obj{"message", obj{"key", "cql.error", "args", list{c.q.Get("cql")}}}}, "successful", false},
		"message", "Could not parse cql : " + c.q.Get("cql") + ": " + err.Error(), "reason", "Bad Request",
	})
}

func (c *call) query() ([]hit, bool) {
	m, err := c.x.parseCQL(c.q.Get("cql"))
	if err != nil {
		c.badCQL(err)
		return nil, false
	}
	return c.find(m), true
}

// restSearch is GET /rest/api/search.
func (c *call) restSearch() {
	hits, ok := c.query()
	if !ok {
		return
	}
	e := parseExpand(c.q.Get("expand"))
	word := firstWord(c.q.Get("cql"))
	all := list{}
	for _, h := range hits {
		all = append(all, c.hitJSON(h, e, word))
	}
	c.page(all, "/rest/api/search", "totalSize", len(all), "cqlQuery", c.q.Get("cql"), "searchDuration", 17)
}

func (c *call) hitJSON(h hit, e expansion, word string) obj {
	k := h.c
	o := obj{}
	entity := "content"
	switch {
	case k.comment != nil:
		o = append(o, "content", c.commentJSON(k.page, k.comment, e.under("content")))
	case k.file != nil:
		o = append(o, "content", c.attachmentJSON(k.page, k.file, e.under("content")))
	case k.page != nil:
		o = append(o, "content", c.pageJSON(k.page, e.under("content")))
	case k.space != nil:
		o, entity = append(o, "space", c.spaceJSON(k.space, e.under("space"))), "space"
	case k.user != nil:
		o, entity = append(o, "user", c.userJSON(k.user)), "user"
	}
	o = append(o, "title", highlight(h.Title, word), "excerpt", highlight(h.Excerpt, word), "url", strings.TrimPrefix(h.URL, c.x.Context))
	if k.comment != nil || k.file != nil {
		o = append(o, "resultParentContainer", obj{"title", k.page.Title, "displayUrl", c.x.webui(k.page)})
	}
	if h.Space != nil {
		o = append(o, "resultGlobalContainer", obj{"title", h.Space.Name, "displayUrl", c.x.Context + "/display/" + escapePath(h.Space.Key)})
	}
	crumbs := list{}
	if k.page != nil && k.comment == nil && k.file == nil {
		for _, a := range c.x.ancestors(k.page) {
			crumbs = append(crumbs, obj{"label", a.Title, "url", c.x.webui(a), "separator", "/"})
		}
	}
	o = append(o, "breadcrumbs", crumbs)
	o = append(o, "entityType", entity, "iconCssClass", "aui-icon content-type-"+k.kind)
	if !h.When.IsZero() {
		o = append(o, "lastModified", stamp(h.When), "friendlyLastModified", day(h.When), "timestamp", h.When.UnixMilli())
	}
	return append(o, "score", 0)
}

// highlight marks a word as the wiki's index does: escaped text with marks.
func highlight(text, word string) string {
	if word == "" {
		return html.EscapeString(text)
	}
	var b strings.Builder
	low, w := strings.ToLower(text), strings.ToLower(word)
	if len(low) != len(text) {
		return html.EscapeString(text) // case changes its length: left unmarked
	}
	at := 0
	for {
		i := strings.Index(low[at:], w)
		if i < 0 {
			break
		}
		b.WriteString(html.EscapeString(text[at:at+i]) + "@@@hl@@@" + html.EscapeString(text[at+i:at+i+len(w)]) + "@@@endhl@@@")
		at += i + len(w)
	}
	return b.String() + html.EscapeString(text[at:])
}

func firstWord(cql string) string {
	if _, after, ok := strings.Cut(cql, "~"); ok {
		if w := strings.FieldsFunc(after, notWordCase); len(w) > 0 {
			return w[0]
		}
	}
	return ""
}

func notWordCase(r rune) bool { return notWord(r) && !(r >= 'A' && r <= 'Z') }

// contentSearch is GET /rest/api/content/search.
func (c *call) contentSearch() {
	hits, ok := c.query()
	if !ok {
		return
	}
	e := parseExpand(c.q.Get("expand"))
	all := list{}
	for _, h := range hits {
		switch k := h.c; {
		case k.comment != nil:
			all = append(all, c.commentJSON(k.page, k.comment, e))
		case k.file != nil:
			all = append(all, c.attachmentJSON(k.page, k.file, e))
		case k.page != nil:
			all = append(all, c.pageJSON(k.page, e))
		}
	}
	c.page(all, "/rest/api/content/search", "totalSize", len(all), "cqlQuery", c.q.Get("cql"), "searchDuration", 17)
}

func (c *call) searchScreen() {
	q := c.q.Get("queryString")
	var hits []hit
	if q != "" {
		hits = c.find(func(k *candidate) bool {
			return hasWords(k.title+" "+k.text, q) && (c.q.Get("where") == "" || strings.EqualFold(c.q.Get("where"), k.spaceKey)) &&
				(c.q.Get("type") == "" || c.q.Get("type") == k.kind)
		})
	}
	v := c.view("Search", nil)
	v.Query, v.Total, v.Spaces = q, len(hits), c.visibleSpaces()
	at := c.int("startIndex", 0)
	for i := at; i < len(hits) && i < at+10; i++ {
		h := hits[i]
		h.URL = html.EscapeString(h.URL)
		v.Hits = append(v.Hits, h)
	}
	v.From, v.To = at+1, at+len(v.Hits)
	if v.To < v.Total {
		v.Next = html.EscapeString(fmt.Sprintf("%s/dosearchsite.action?queryString=%s&startIndex=%d", c.x.Context, url.QueryEscape(q), v.To))
	}
	c.render(200, "search", v)
}

package wikitest

import (
	"fmt"
	"html"
	"net/url"
	"strings"
)

// tree renders nodes as the page tree plug-in does.
func (c *call) tree(nodes []*Page, id string, open map[int64]bool, current int64, under int64) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<ul class="plugin_pagetree_children_list" id="child_ul%d-%s">`, under, id)
	for _, p := range nodes {
		kids := c.childrenOf(p)
		b.WriteString("\n<li>\n<div class=\"plugin_pagetree_childtoggle_container\">")
		if len(kids) == 0 {
			b.WriteString(`<span class="no-children icon icon-square"></span>`)
		} else {
			fmt.Fprintf(&b, `<a id="plusminus%d-%s" class="plugin_pagetree_childtoggle icon icon-plus" href="#" data-page-id="%d" data-tree-id="%s" aria-label="Expand item %s"></a>`, p.ID, id, p.ID, id, html.EscapeString(p.Title))
		}
		mark := ""
		if p.ID == current {
			mark = " plugin_pagetree_current"
		}
		fmt.Fprintf(&b, "</div>\n<div class=\"plugin_pagetree_children_content\"><span class=\"plugin_pagetree_children_span%s\" id=\"childrenspan%d-%s\"><a href=\"%s\">%s</a></span></div>\n<div id=\"children%d-%s\" class=\"plugin_pagetree_children_container\">",
			mark, p.ID, id, html.EscapeString(c.x.webui(p)), html.EscapeString(p.Title), p.ID, id)
		if len(kids) > 0 && open[p.ID] {
			b.WriteString(c.tree(kids, id, open, current, p.ID))
		}
		b.WriteString("</div>\n</li>")
	}
	return b.String() + "\n</ul>"
}

func (c *call) sidebarTree(v *view) string {
	home := c.x.home(v.Space)
	if home == nil {
		return ""
	}
	open, current := map[int64]bool{home.ID: true}, int64(0)
	if v.Page != nil {
		current = v.Page.ID
		open[current] = true
		for _, a := range v.Ancestors {
			open[a.ID] = true
		}
	}
	return c.tree(c.childrenOf(home), "0", open, current, home.ID)
}

func (c *call) naturalChildren() {
	p := c.x.pages[parseID(c.q.Get("pageId"))]
	if !c.seesPage(p) {
		c.send(200, "text/html;charset=UTF-8", []byte(`<div class="error">The root page `+html.EscapeString(c.q.Get("pageId"))+` could not be found in space `+html.EscapeString(c.q.Get("spaceKey"))+`.</div>`))
		return
	}
	open := map[int64]bool{}
	for _, a := range append(c.q["ancestors"], c.q.Get("treePageId")) {
		open[parseID(a)] = true
	}
	id := c.q.Get("treeId")
	def(&id, "0")
	if parseID(id) == 0 && id != "0" {
		id = "0"
	}
	c.send(200, "text/html;charset=UTF-8", []byte(c.tree(c.childrenOf(p), id, open, parseID(c.q.Get("treePageId")), p.ID)))
}

// recentlyUpdated renders the macro's list; space is the key it is limited to.
func (r renderer) recentlyUpdated(pages []*Page, space string, n int) string {
	var b strings.Builder
	b.WriteString(`<div class="recently-updated recently-updated-concise conf-macro output-block" data-hasbody="false" data-macro-name="recently-updated">` + "\n")
	more := r.x.Context + "/plugins/recently-updated/changes.action?theme=concise&pageSize=" + fmt.Sprint(n) + "&spaceKeys=" + url.QueryEscape(space) + "&contentType=page,+comment,+blogpost,+spacedesc"
	fmt.Fprintf(&b, `<div class="hidden parameters"><input type="hidden" id="changesUrl" value="%s"></div>`+"\n", html.EscapeString(more))
	b.WriteString(`<div class="results-container">`)
	b.WriteString(r.updateItems(pages, 0, n))
	if len(pages) > n {
		fmt.Fprintf(&b, `<div class="more-link-container"><a class="more-link" href="%s">Show More</a><img class="waiting-image" alt="Please wait" src="%s/images/icons/wait.gif"></div>`, html.EscapeString(more+fmt.Sprintf("&startIndex=%d&searchToken=424985", n)), r.x.Context+staticPrefix)
	}
	b.WriteString("</div></div>")
	return b.String()
}

func (r renderer) updateItems(pages []*Page, from, n int) string {
	var b strings.Builder
	b.WriteString("<ul>\n")
	for i, p := range pages {
		if i < from || i >= from+n {
			continue
		}
		verb, diff := "created", ""
		if k := len(p.Versions); k > 1 {
			verb = "updated"
			diff = fmt.Sprintf(`<span class="separator"> &bull; </span><a class="changes-link" href="%s/pages/diffpagesbyversion.action?pageId=%d&amp;selectedPageVersions=%d&amp;selectedPageVersions=%d">view change</a>`, r.x.Context, p.ID, k, k-1)
		}
		u := r.x.users[p.last().By]
		fmt.Fprintf(&b, `<li class="update-item"><div class="update-item-icon"><span class="aui-icon content-type-%s"> </span></div><div class="update-item-content"><a href="%s" title="%s">%s</a><div class="update-item-meta">%s<span class="separator"> &bull; </span>%s by <a class="confluence-userlink url fn" data-username="%s" href="%s/display/~%s">%s</a>%s</div></div></li>`+"\n",
			p.Type, html.EscapeString(r.x.webui(p)), html.EscapeString(r.x.space(p.Space).Name), html.EscapeString(p.Title), day(p.last().When), verb,
			html.EscapeString(u.Name), r.x.Context, escapePath(u.Name), html.EscapeString(u.Display), diff)
	}
	return b.String() + "</ul>"
}

func (c *call) changes() {
	pages := c.visiblePages()
	if keys := c.q.Get("spaceKeys"); keys != "" {
		pages = filter(pages, func(p *Page) bool {
			for _, k := range strings.Split(keys, ",") {
				if strings.EqualFold(strings.TrimSpace(k), p.Space) {
					return true
				}
			}
			return false
		})
	}
	from, n := c.int("startIndex", 0), c.int("pageSize", 10)
	body := c.renderer(nil).updateItems(pages, from, n)
	if len(pages) > from+n {
		body += fmt.Sprintf(`<div class="more-link-container"><a class="more-link" href="%s/plugins/recently-updated/changes.action?theme=concise&amp;pageSize=%d&amp;startIndex=%d&amp;searchToken=424985&amp;spaceKeys=%s&amp;contentType=page,+comment,+blogpost,+spacedesc">Show More</a></div>`, c.x.Context, n, from+n, url.QueryEscape(c.q.Get("spaceKeys")))
	}
	c.send(200, "text/html;charset=UTF-8", []byte(body))
}

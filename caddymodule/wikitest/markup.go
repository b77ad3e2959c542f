package wikitest

import (
	"encoding/base64"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Bodies in a world file are HTML with marks in double braces:
//
//	{{page:KEY:Title|text}}  {{page:Title}}   a link; without a key, in the same space
//	{{tiny:KEY:Title}} {{abs:KEY:Title}} {{id:KEY:Title}}   the same by short URL, whole address, page id
//	{{user:NAME}} {{mail:NAME}} {{profile:NAME}} {{avatar:NAME}}
//	{{image:FILE}} {{file:FILE}} {{image:KEY:Title!FILE}}
//	{{include:KEY:Title}} {{children}} {{recently-updated}} {{contributors}} {{info|text}}
//	{{unread:words|html}}   markup as it is, of which the index knows the words alone
var mark = regexp.MustCompile(`\{\{([a-z-]+)(?::([^{}|]*))?(?:\|([^{}]*))?\}\}`)

type renderer struct {
	account
	page  *Page
	base  string // for absolute links, with context path
	depth int
}

// view renders a body as the wiki's view renderer does.
func (r renderer) view(body string) string {
	return replaceMarks(body, r.mark)
}

// replaceMarks replaces inner marks first, so that a text may hold marks.
func replaceMarks(body string, with func(kind, arg, text string) string) string {
	for range 3 {
		next := mark.ReplaceAllStringFunc(body, func(m string) string {
			g := mark.FindStringSubmatch(m)
			return with(g[1], g[2], g[3])
		})
		if next == body {
			break
		}
		body = next
	}
	return body
}

func (r renderer) target(ref string) (space, title string, p *Page) {
	space, title = r.page.Space, ref
	if k, t, ok := strings.Cut(ref, ":"); ok && r.x.space(k) != nil {
		space, title = k, t
	}
	return space, title, r.x.titles[titleKey(space, title)]
}

func (r renderer) mark(kind, arg, text string) string {
	x := r.x
	switch kind {
	case "page", "tiny", "abs", "id":
		space, title, p := r.target(arg)
		def(&text, title)
		if p == nil {
			return fmt.Sprintf(`<a class="createlink" href="%s/pages/createpage.action?spaceKey=%s&amp;title=%s&amp;linkCreation=true&amp;fromPageId=%d">%s</a>`,
				x.Context, url.QueryEscape(space), url.QueryEscape(title), r.page.ID, html.EscapeString(text))
		}
		href := x.webui(p)
		switch kind {
		case "tiny":
			href = x.Context + "/x/" + tiny(p.ID)
		case "abs":
			href = r.base + strings.TrimPrefix(href, x.Context)
			return fmt.Sprintf(`<a href="%s" class="external-link" rel="nofollow">%s</a>`, html.EscapeString(href), html.EscapeString(text))
		case "id":
			href = fmt.Sprintf("%s/pages/viewpage.action?pageId=%d", x.Context, p.ID)
		}
		return fmt.Sprintf(`<a href="%s">%s</a>`, html.EscapeString(href), html.EscapeString(text))
	case "user":
		u := x.users[arg]
		if u == nil {
			return `<a class="confluence-userlink user-mention broken-link">` + html.EscapeString("Unknown User ("+arg+")") + `</a>`
		}
		return fmt.Sprintf(`<a href="%s/display/~%s" class="confluence-userlink user-mention" data-username="%s" data-linked-resource-id="%d" data-linked-resource-version="1" data-linked-resource-type="userinfo" data-base-url="%s">%s</a>`,
			x.Context, escapePath(u.Name), html.EscapeString(u.Name), u.AvatarID, html.EscapeString(r.base), html.EscapeString(u.Display))
	case "mail":
		if u := x.users[arg]; u != nil {
			def(&text, u.Email)
			return fmt.Sprintf(`<a href="mailto:%s" class="external-link" rel="nofollow">%s</a>`, html.EscapeString(u.Email), html.EscapeString(text))
		}
	case "avatar":
		if u := x.users[arg]; u != nil {
			return fmt.Sprintf(`<a class="userLogoLink conf-macro output-inline" data-username="%s" href="%s/display/~%s" title="" data-hasbody="false" data-macro-name="profile-picture"><img class="userLogo logo" src="%s" alt="User icon: %s" title="%s"></a>`,
				html.EscapeString(u.Name), r.base, escapePath(u.Name), x.avatar(u), html.EscapeString(u.Name), html.EscapeString(u.Display))
		}
	case "profile":
		if u := x.users[arg]; u != nil {
			n, d, e := html.EscapeString(u.Name), html.EscapeString(u.Display), html.EscapeString(u.Email)
			return fmt.Sprintf(`<div class="profile-macro conf-macro output-block" data-hasbody="false" data-macro-name="profile"><div class="vcard"><a class="userLogoLink" data-username="%[1]s" href="%[4]s/display/~%[5]s"><img class="userLogo logo" src="%[6]s" alt="User icon: %[1]s" title="%[2]s"></a><div class="values"><h4><a href="%[4]s/display/~%[5]s" class="confluence-userlink" data-username="%[1]s">%[2]s</a></h4><a href="mailto:%[3]s" title="Send Email to %[2]s" class="email">%[3]s</a></div></div></div>`,
				n, d, e, x.Context, escapePath(u.Name), x.avatar(u))
		}
	case "image", "file":
		ref, name, ok := strings.Cut(arg, "!")
		p := r.page
		if ok {
			_, _, p = r.target(ref)
		} else {
			name = arg
		}
		return r.file(kind, p, name)
	case "include":
		_, title, p := r.target(arg)
		if p == nil || r.depth > 3 || !r.seesPage(p) {
			return fmt.Sprintf(`<div class="error"><span class="error">Unable to render {include} The included page %s could not be found.</span></div>`, html.EscapeString(title))
		}
		in := renderer{r.account, p, r.base, r.depth + 1}
		return `<div class="conf-macro output-block" data-hasbody="false" data-macro-name="include">` + in.view(p.last().Body) + `</div>`
	case "children":
		var b strings.Builder
		b.WriteString(`<ul class="childpages-macro conf-macro output-block" data-hasbody="false" data-macro-name="children">`)
		for _, c := range r.childrenOf(r.page) {
			fmt.Fprintf(&b, `<li><a href="%s">%s</a></li>`, html.EscapeString(x.webui(c)), html.EscapeString(c.Title))
		}
		return b.String() + `</ul>`
	case "recently-updated":
		return r.recentlyUpdated(r.pagesIn(r.page.Space), r.page.Space, 10)
	case "contributors":
		var b strings.Builder
		b.WriteString(`<span class="contributors conf-macro output-inline" data-hasbody="false" data-macro-name="contributors">`)
		for i, name := range contributors(r.page) {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(x.userLink(name))
		}
		return b.String() + `</span>`
	case "unread":
		return text
	case "info":
		return `<div class="confluence-information-macro confluence-information-macro-information conf-macro output-block" data-hasbody="true" data-macro-name="info"><span class="aui-icon aui-icon-small aui-iconfont-info confluence-information-macro-icon"> </span><div class="confluence-information-macro-body"><p>` + text + `</p></div></div>`
	}
	return `<div class="error"><span class="error">Unknown macro: '` + html.EscapeString(kind) + `'</span></div>`
}

func (r renderer) file(kind string, p *Page, name string) string {
	if p != nil {
		for i := range p.Attachments {
			a := &p.Attachments[i]
			if a.Name != name {
				continue
			}
			src := html.EscapeString(r.x.download(p, a))
			data := fmt.Sprintf(`data-linked-resource-id="%d" data-linked-resource-version="1" data-linked-resource-type="attachment" data-linked-resource-default-alias="%s" data-base-url="%s" data-linked-resource-content-type="%s" data-linked-resource-container-id="%d" data-linked-resource-container-version="%d"`,
				a.ID, html.EscapeString(a.Name), html.EscapeString(r.base), a.MediaType, p.ID, len(p.Versions))
			if kind == "file" {
				return fmt.Sprintf(`<a href="%s" %s>%s</a>`, src, data, html.EscapeString(a.Name))
			}
			thumb := strings.Replace(src, "/download/attachments/", "/download/thumbnails/", 1)
			return fmt.Sprintf(`<span class="confluence-embedded-file-wrapper"><img class="confluence-embedded-image" draggable="false" width="300" src="%s" data-image-src="%s" data-unresolved-comment-count="0" %s></span>`, thumb, src, data)
		}
	}
	return `<span class="unresolved">` + html.EscapeString(name) + `</span>`
}

// storage renders a body in the wiki's storage format.
func (r renderer) storage(body string) string {
	return replaceMarks(body, func(kind, arg, text string) string {
		switch kind {
		case "page", "tiny", "abs", "id":
			space, title, _ := r.target(arg)
			key := ""
			if space != r.page.Space {
				key = ` ri:space-key="` + html.EscapeString(space) + `"`
			}
			link := `<ri:page` + key + ` ri:content-title="` + html.EscapeString(title) + `" />`
			if text != "" {
				link += `<ac:plain-text-link-body><![CDATA[` + text + `]]></ac:plain-text-link-body>`
			}
			return `<ac:link>` + link + `</ac:link>`
		case "user":
			if u := r.x.users[arg]; u != nil {
				return `<ac:link><ri:user ri:userkey="` + u.Key + `" /></ac:link>`
			}
		case "image":
			return `<ac:image><ri:attachment ri:filename="` + html.EscapeString(arg) + `" /></ac:image>`
		case "file":
			return `<ac:link><ri:attachment ri:filename="` + html.EscapeString(arg) + `" /></ac:link>`
		case "mail":
			return r.mark(kind, arg, text)
		}
		param := ""
		if arg != "" {
			param = `<ac:parameter ac:name="">` + html.EscapeString(arg) + `</ac:parameter>`
		}
		if text != "" {
			param += `<ac:rich-text-body><p>` + text + `</p></ac:rich-text-body>`
		}
		return `<ac:structured-macro ac:name="` + kind + `" ac:schema-version="1">` + param + `</ac:structured-macro>`
	})
}

var tags = regexp.MustCompile(`<[^>]*>`)

// text is a body without marks and tags, as the wiki's index sees it.
func (r renderer) text(body string) string {
	plain := replaceMarks(body, func(kind, arg, text string) string {
		switch kind {
		case "page", "tiny", "abs", "id":
			if text != "" {
				return text
			}
			_, title, _ := r.target(arg)
			return title
		case "user":
			if u := r.x.users[arg]; u != nil {
				return u.Display
			}
		case "info":
			return text
		case "unread":
			return arg
		}
		return ""
	})
	return strings.Join(strings.Fields(html.UnescapeString(tags.ReplaceAllString(plain, " "))), " ")
}

func contributors(p *Page) []string {
	var out []string
	seen := map[string]bool{}
	for _, v := range p.Versions {
		if !seen[v.By] {
			seen[v.By] = true
			out = append(out, v.By)
		}
	}
	return out
}

// webui is a page's own URL, context path and all.
func (x *index) webui(p *Page) string {
	title := strings.ReplaceAll(url.PathEscape(p.Title), "%20", "+")
	switch {
	case x.Links != "spaces" && (strings.ContainsAny(p.Title, `?&/\;:%"+#<>`) || p.Title == "." || p.Title == ".."):
		return fmt.Sprintf("%s/pages/viewpage.action?pageId=%d", x.Context, p.ID)
	case p.Type == "blogpost" && x.Links != "spaces":
		return x.Context + "/display/" + escapePath(p.Space) + "/" + p.Date + "/" + title
	case p.Type == "blogpost":
		return fmt.Sprintf("%s/spaces/%s/blog/%s/%d/%s", x.Context, escapePath(p.Space), p.Date, p.ID, title)
	case x.Links == "spaces":
		return fmt.Sprintf("%s/spaces/%s/pages/%d/%s", x.Context, escapePath(p.Space), p.ID, title)
	}
	return x.Context + "/display/" + escapePath(p.Space) + "/" + title
}

// withQuery adds a query to a page's own URL, which may have one.
func withQuery(u, query string) string {
	if strings.Contains(u, "?") {
		return u + "&" + query
	}
	return u + "?" + query
}

func escapePath(s string) string { return url.PathEscape(s) }

func (x *index) avatar(u *User) string {
	if u.Picture {
		return fmt.Sprintf("%s/download/attachments/%d/user-avatar", x.Context, u.AvatarID)
	}
	return x.Context + "/images/icons/profilepics/default.svg"
}

func (x *index) download(p *Page, a *Attachment) string {
	return fmt.Sprintf("%s/download/attachments/%d/%s?version=1&modificationDate=%d&api=v2", x.Context, p.ID, url.PathEscape(a.Name), a.When.UnixMilli())
}

func (x *index) userLink(name string) string {
	u := x.users[name]
	if u == nil {
		return `<a class="url fn">Anonymous</a>`
	}
	return fmt.Sprintf(`<a href="    %s/display/~%s
" class="url fn confluence-userlink" data-username="%s">%s</a>`, x.Context, escapePath(u.Name), html.EscapeString(u.Name), html.EscapeString(u.Display))
}

func (x *index) userLogo(name string) string {
	u := x.users[name]
	if u == nil {
		return `<img class="userLogo logo anonymous" src="` + x.Context + `/images/icons/profilepics/anonymous.svg" alt="User icon: Anonymous" title="Anonymous">`
	}
	return fmt.Sprintf(`<a class="userLogoLink" data-username="%[1]s" href="%[2]s/display/~%[3]s" title=""><img class="userLogo logo" src="%[4]s" alt="User icon: %[1]s" title="%[1]s"></a>`,
		html.EscapeString(u.Name), x.Context, escapePath(u.Name), x.avatar(u))
}

// tiny is the wiki's short form of an id: little-endian bytes in base64
// without padding, in its own alphabet and without trailing A.
func tiny(id int64) string {
	var b []byte
	for n := uint64(id); n > 0; n >>= 8 {
		b = append(b, byte(n))
	}
	s := base64.RawStdEncoding.EncodeToString(b)
	s = strings.NewReplacer("/", "-", "+", "_").Replace(s)
	return strings.TrimRight(s, "A")
}

func untiny(s string) (int64, bool) {
	s = strings.NewReplacer("-", "/", "_", "+").Replace(s)
	for len(s) < 11 {
		s += "A"
	}
	b, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil || len(b) != 8 {
		return 0, false
	}
	var n uint64
	for i := 7; i >= 0; i-- {
		n = n<<8 | uint64(b[i])
	}
	return int64(n), true
}

func day(t time.Time) string   { return t.UTC().Format("Jan 02, 2006") }
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

package wikitest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash/crc32"
	"html"
	"image"
	"image/color"
	"image/png"
	"net/url"
	"strings"
)

// feed answers with an Atom feed as the wiki's syndication does: the body of
// each entry is escaped HTML that names author and page once more.
func (c *call) feed() {
	keys := c.q["spaces"]
	host := c.base
	if u, err := url.Parse(c.base); err == nil {
		host = u.Hostname()
	}
	abs := func(path string) string { return c.base + strings.TrimPrefix(path, c.x.Context) }
	var b strings.Builder
	title := c.q.Get("title")
	def(&title, c.x.Site)
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xmlns:dc="http://purl.org/dc/elements/1.1/">
  <title>%s</title>
  <link rel="alternate" href="%s" />
  <subtitle>Confluence Syndication Feed</subtitle>
  <id>%s</id>
`, html.EscapeString(title), c.base, c.base)
	n := 0
	for _, p := range c.visiblePages() {
		if n >= c.int("maxResults", 10) {
			break
		}
		if len(keys) > 0 && !contains(keys, "conf_all") && !contains(keys, p.Space) {
			continue
		}
		if ts := c.q["types"]; len(ts) > 0 && !contains(ts, p.Type) {
			continue
		}
		n++
		u, r := c.x.users[p.last().By], c.renderer(p)
		verb := "added"
		if len(p.Versions) > 1 {
			verb = "edited"
		}
		body := ""
		if c.q.Get("showContent") != "false" {
			body = r.view(p.last().Body)
		}
		summary := fmt.Sprintf("<div class=\"feed\">    <p>\n        %s\n            <b>%s</b> by\n                    <a href=\"    %s\n\">%s</a>\n            </p>\n        <div style=\"border-top: 1px solid #ddd; border-bottom: 1px solid #ddd; padding: 10px;\">\n        %s\n    </div>\n        <div style=\"padding: 10px 0;\">\n       <a href=\"%s\">View Online</a>\n                  </div>\n</div>",
			strings.ToUpper(p.Type[:1])+p.Type[1:], verb, html.EscapeString(abs("/display/~"+escapePath(u.Name))), html.EscapeString(u.Display), body, html.EscapeString(abs(c.x.webui(p))))
		fmt.Fprintf(&b, "  <entry>\n    <title>%s</title>\n    <link rel=\"alternate\" href=\"%s\" />\n", html.EscapeString(p.Title), html.EscapeString(abs(c.x.webui(p))))
		for _, l := range p.Labels {
			fmt.Fprintf(&b, "    <category term=\"%s\" />\n", html.EscapeString(l))
		}
		fmt.Fprintf(&b, "    <author>\n      <name>%s</name>\n    </author>\n    <id>tag:%s,2009:%s-%d-%d</id>\n    <updated>%s</updated>\n    <published>%s</published>\n    <summary type=\"html\">%s</summary>\n    <dc:creator>%s</dc:creator>\n    <dc:date>%s</dc:date>\n  </entry>\n",
			html.EscapeString(u.Display), host, p.Type, p.ID, len(p.Versions), p.last().When.UTC().Format("2006-01-02T15:04:05Z"), p.Created.UTC().Format("2006-01-02T15:04:05Z"), html.EscapeString(summary), html.EscapeString(u.Display), p.last().When.UTC().Format("2006-01-02T15:04:05Z"))
	}
	b.WriteString("</feed>\n")
	c.send(200, "application/atom+xml;charset=UTF-8", []byte(b.String()))
}

func (s *server) fileRoutes() {
	s.handle("GET /download/attachments/{id}/{name}", func(c *call) { c.download(false) })
	s.handle("GET /download/thumbnails/{id}/{name}", func(c *call) { c.download(true) })
	s.handle("GET /styles/site.css", func(c *call) { c.static("static/site.css", "text/css;charset=UTF-8") })
	s.handle("GET /styles/colors.css", func(c *call) {
		c.send(200, "text/css;charset=UTF-8", []byte(":root{--bar:#0747a6}\n"))
	})
	s.handle("GET /download/{kind}/{file...}", func(c *call) {
		switch c.r.PathValue("kind") {
		case "batch", "contextbatch", "superbatch", "resources":
			if strings.HasSuffix(c.r.URL.Path, ".css") {
				c.send(200, "text/css;charset=UTF-8", []byte("/* batch */\n"))
			} else {
				c.send(200, "application/javascript;charset=UTF-8", []byte("/* batch */\n"))
			}
		default:
			c.notFound("")
		}
	})
	s.handle("GET /favicon.ico", func(c *call) { c.send(200, "image/png", picture("favicon", 16)) })
	s.handle("GET /images/{file...}", func(c *call) {
		name := c.r.PathValue("file")
		if strings.HasSuffix(name, ".svg") {
			letter, fill := "W", "#0747a6"
			if strings.Contains(name, "profilepics") {
				letter, fill = "?", "#97a0af"
			}
			c.send(200, "image/svg+xml", fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><rect width="48" height="48" rx="10" fill="%s"/><text x="24" y="32" font-family="sans-serif" font-size="22" fill="#fff" text-anchor="middle">%s</text></svg>`, fill, letter))
			return
		}
		c.send(200, "image/png", picture(name, 48))
	})
}

func (c *call) static(name, contentType string) {
	data, err := files.ReadFile(name)
	if err != nil {
		c.notFound("")
		return
	}
	c.w.Header().Set("Cache-Control", "max-age=31536000, public")
	c.send(200, contentType, data)
}

func (c *call) download(thumb bool) {
	id, name := parseID(c.r.PathValue("id")), c.r.PathValue("name")
	if u := c.x.avatars[id]; u != nil && name == "user-avatar" && u.Picture {
		c.send(200, "image/png", picture("avatar "+u.Name, 48))
		return
	}
	if p := c.x.pages[id]; c.seesPage(p) {
		for i := range p.Attachments {
			a := &p.Attachments[i]
			if a.Name != unplus(name) && a.Name != name {
				continue
			}
			if thumb && strings.HasPrefix(a.MediaType, "image/") {
				c.send(200, "image/png", picture(a.Name, 120))
				return
			}
			how := "inline"
			if c.q.Get("download") == "true" {
				how = "attachment"
			}
			c.w.Header().Set("Content-Disposition", how+"; filename*=UTF-8''"+url.PathEscape(a.Name))
			c.send(200, a.MediaType, a.content())
			return
		}
	}
	c.notFound("")
}

// content is the file's bytes: what the world says, or something of the
// stated type made from the name.
func (a *Attachment) content() []byte {
	switch {
	case a.Text != "":
		return []byte(a.Text)
	case a.MediaType == "image/png":
		return picture(a.Name, 320)
	case a.MediaType == "application/pdf":
		return []byte("%PDF-1.4\n% " + a.Name + "\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n")
	}
	return []byte(a.Name + "\n")
}

// picture draws a quiet pattern that is the name's own.
func picture(name string, size int) []byte {
	sum := sha256.Sum256([]byte(name))
	img := image.NewRGBA(image.Rect(0, 0, size, size))
	fg := color.RGBA{60 + sum[0]/3, 80 + sum[1]/3, 110 + sum[2]/3, 255}
	bg := color.RGBA{225, 232, 240, 255}
	for y := 0; y < size; y++ {
		for x := 0; x < size; x++ {
			cx, cy := x*5/size, y*5/size
			if cx > 2 {
				cx = 4 - cx
			}
			if sum[4+cy*3+cx]&1 == 1 {
				img.SetRGBA(x, y, fg)
			} else {
				img.SetRGBA(x, y, bg)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return fmt.Appendf(nil, "%08x", crc32.ChecksumIEEE(sum[:]))
	}
	return b.Bytes()
}

package wikitest

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
)

// writeRest serves what changes the world: comments, pages, labels and likes.
// Each change makes a new world beside the one that others still read.
func (s *server) writeRest() {
	s.change("POST /rest/api/content", (*call).createContent)
	s.change("PUT /rest/api/content/{id}", (*call).updateContent)
	s.change("DELETE /rest/api/content/{id}", (*call).deleteContent)
	s.change("POST /rest/api/content/{id}/child/attachment", (*call).attach)
	s.change("POST /rest/api/content/{id}/child/attachment/{file}/data", (*call).attach)
	s.change("POST /rest/api/content/{id}/label", (*call).addLabels)
	s.change("DELETE /rest/api/content/{id}/label/{name}", (*call).removeLabel)
	s.change("POST /rest/likes/1.0/content/{id}/likes", func(c *call, w *World) { c.like(w, true) })
	s.change("DELETE /rest/likes/1.0/content/{id}/likes", func(c *call, w *World) { c.like(w, false) })
}

// clone copies all of a world that can be written to.
func (w *World) clone() *World {
	out := *w
	out.Pages = slices.Clone(w.Pages)
	for i := range out.Pages {
		p := &out.Pages[i]
		p.Labels, p.Likes, p.Versions = slices.Clone(p.Labels), slices.Clone(p.Likes), slices.Clone(p.Versions)
		p.Comments, p.Attachments = slices.Clone(p.Comments), slices.Clone(p.Attachments)
		for j := range p.Comments {
			p.Comments[j].Likes = slices.Clone(p.Comments[j].Likes)
		}
	}
	return &out
}

// change serves a request that writes. It wants a user and the header with which
// scripts get around the token of forms; f gets the world to write into.
func (s *server) change(pattern string, f func(*call, *World)) {
	s.handle(pattern, func(c *call) {
		if c.user == nil || c.user.Inactive || c.r.Header.Get("X-Atlassian-Token") != "no-check" {
			c.json(403, obj{"statusCode", 403, "message", "XSRF check failed", "reason", "Forbidden"})
			return
		}
		s.writing.Lock()
		defer s.writing.Unlock()
		c.x = s.x.Load() // as it is now
		w := c.x.World.clone()
		c.commit = func() *index {
			if err := w.Prepare(); err != nil {
				c.json(400, obj{"statusCode", 400, "message", err.Error(), "reason", "Bad Request"})
				return nil
			}
			x := newIndex(w)
			s.x.Store(x)
			c.x, c.user = x, x.users[c.user.Name]
			return x
		}
		f(c, w)
	})
}

// written is a content body as clients send it.
type written struct {
	Type, Title string
	Space       struct{ Key string }
	Container   struct{ ID textOrNumber }
	Ancestors   []struct{ ID textOrNumber }
	Version     struct {
		Number    int
		Message   string
		MinorEdit bool
	}
	Body struct {
		Storage struct{ Value, Representation string }
	}
}

// textOrNumber is an id, which clients send as either.
type textOrNumber string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *textOrNumber) UnmarshalJSON(b []byte) error {
	*t = textOrNumber(strings.Trim(string(b), `"`))
	return nil
}

// freshID is one that nothing of the world has.
func (w *World) freshID() int64 {
	last := int64(0)
	for i := range w.Pages {
		p := &w.Pages[i]
		last = max(last, p.ID)
		for j := range p.Versions {
			last = max(last, p.Versions[j].ID)
		}
		for j := range p.Comments {
			last = max(last, p.Comments[j].ID)
		}
		for j := range p.Attachments {
			last = max(last, p.Attachments[j].ID)
		}
	}
	return last + 1
}

func (c *call) readBody(into any) bool {
	if err := json.NewDecoder(c.r.Body).Decode(into); err != nil || c.r.Header.Get("Content-Type") != "application/json" {
		c.json(400, obj{"statusCode", 400, "message", "Could not parse the body", "reason", "Bad Request"})
		return false
	}
	return true
}

// pageIn finds a page of the world that is written to, if the account sees it.
func (c *call) pageIn(w *World, id string) *Page {
	n := parseID(id)
	if p := c.x.pages[n]; !c.seesPage(p) {
		c.jsonNotFound(fmt.Sprintf("No content found with id: ContentId{id=%s}", id))
		return nil
	}
	i := slices.IndexFunc(w.Pages, func(p Page) bool { return p.ID == n })
	return &w.Pages[i]
}

func (c *call) createContent(w *World) {
	var in written
	if !c.readBody(&in) {
		return
	}
	if in.Type == "comment" {
		c.createComment(w, &in)
		return
	}
	s := c.x.space(in.Space.Key)
	if !c.seesSpace(s) || in.Title == "" || in.Type != "page" && in.Type != "blogpost" {
		c.jsonNotFound("No space with key : " + in.Space.Key)
		return
	}
	p := Page{ID: w.freshID(), Space: s.Key, Title: in.Title, Type: in.Type, Author: c.user.Name, Body: c.fromStorage(in.Body.Storage.Value), Created: time.Now().UTC()}
	if p.Type == "blogpost" {
		p.Date = p.Created.Format("2006/01/02")
	}
	for _, a := range in.Ancestors {
		up := c.pageIn(w, string(a.ID))
		if up == nil {
			return
		}
		p.Parent = up.Title
	}
	w.Pages = append(w.Pages, p)
	if x := c.commit(); x != nil {
		c.json(200, c.pageJSON(&x.Pages[len(x.Pages)-1], parseExpand("space,version,ancestors,body.storage")))
	}
}

func (c *call) createComment(w *World, in *written) {
	p := c.pageIn(w, string(in.Container.ID))
	if p == nil {
		return
	}
	m := Comment{ID: w.freshID(), By: c.user.Name, Body: c.fromStorage(in.Body.Storage.Value), When: time.Now().UTC()}
	for _, a := range in.Ancestors {
		at := slices.IndexFunc(p.Comments, func(k Comment) bool { return k.ID == parseID(string(a.ID)) })
		if at < 0 {
			c.jsonNotFound("No such comment")
			return
		}
		m.ReplyTo = at + 1
	}
	id := p.ID
	p.Comments = append(p.Comments, m)
	if x := c.commit(); x != nil {
		page := x.pages[id]
		c.json(200, c.commentJSON(page, &page.Comments[len(page.Comments)-1], parseExpand("container,version,body.storage")))
	}
}

func (c *call) updateContent(w *World) {
	var in written
	if !c.readBody(&in) {
		return
	}
	id := parseID(c.r.PathValue("id"))
	if m, ok := c.x.comments[id]; ok {
		p := c.pageIn(w, fmt.Sprint(m.page.ID))
		if p == nil {
			return
		}
		at := slices.IndexFunc(p.Comments, func(k Comment) bool { return k.ID == id })
		if p.Comments[at].By != c.user.Name {
			c.json(403, obj{"statusCode", 403, "message", "Not your comment", "reason", "Forbidden"})
			return
		}
		p.Comments[at].Body = c.fromStorage(in.Body.Storage.Value)
		if x := c.commit(); x != nil {
			m = x.comments[id]
			c.json(200, c.commentJSON(m.page, m.c, parseExpand("container,version,body.storage")))
		}
		return
	}
	p := c.pageIn(w, c.r.PathValue("id"))
	if p == nil {
		return
	}
	if in.Version.Number != len(p.Versions)+1 || in.Type != p.Type {
		c.json(409, obj{"statusCode", 409, "message", "Version must be incremented on update. Current version is: " + fmt.Sprint(len(p.Versions)), "reason", "Conflict"})
		return
	}
	p.Versions[len(p.Versions)-1].ID = w.freshID()
	p.Versions = append(p.Versions, Version{By: c.user.Name, When: time.Now().UTC(), Message: in.Version.Message, Minor: in.Version.MinorEdit, Body: c.fromStorage(in.Body.Storage.Value)})
	for _, a := range in.Ancestors {
		up := c.pageIn(w, string(a.ID))
		if up == nil {
			return
		}
		p.Parent = up.Title
	}
	if in.Title != "" && in.Title != p.Title {
		for i := range w.Pages {
			if q := &w.Pages[i]; q.Space == p.Space && q.Parent == p.Title {
				q.Parent = in.Title
			}
		}
		p.Title = in.Title
	}
	if x := c.commit(); x != nil {
		c.json(200, c.pageJSON(x.pages[id], parseExpand("space,version,ancestors,body.storage")))
	}
}

func (c *call) deleteContent(w *World) {
	id := parseID(c.r.PathValue("id"))
	if m, ok := c.x.comments[id]; ok {
		p := c.pageIn(w, fmt.Sprint(m.page.ID))
		if p == nil {
			return
		}
		p.Comments = slices.DeleteFunc(p.Comments, func(k Comment) bool { return k.ID == id && k.By == c.user.Name })
	} else if p := c.pageIn(w, c.r.PathValue("id")); p == nil {
		return
	} else {
		p.Status = "trashed"
	}
	if c.commit() != nil {
		c.w.WriteHeader(204)
	}
}

// attach takes the files of a multipart form. One of a name that is there is a
// new version, which the world keeps only the last of.
func (c *call) attach(w *World) {
	p := c.pageIn(w, c.r.PathValue("id"))
	if p == nil {
		return
	}
	if err := c.r.ParseMultipartForm(1 << 20); err != nil {
		c.json(400, obj{"statusCode", 400, "message", "Could not parse the form", "reason", "Bad Request"})
		return
	}
	var ids []int64
	for _, fh := range c.r.MultipartForm.File["file"] {
		f, err := fh.Open()
		if err != nil {
			continue
		}
		data, _ := io.ReadAll(f) // what is missing shows in the download
		_ = f.Close()
		at := slices.IndexFunc(p.Attachments, func(a Attachment) bool {
			return a.Name == fh.Filename || fmt.Sprint(a.ID) == c.r.PathValue("file")
		})
		if at < 0 {
			at = len(p.Attachments)
			p.Attachments = append(p.Attachments, Attachment{ID: w.freshID(), Name: fh.Filename})
		}
		a := &p.Attachments[at]
		a.MediaType, a.By, a.When, a.Comment, a.Text = fh.Header.Get("Content-Type"), c.user.Name, time.Now().UTC(), c.r.FormValue("comment"), string(data)
		ids = append(ids, a.ID)
	}
	id, one := p.ID, c.r.PathValue("file") != ""
	x := c.commit()
	if x == nil {
		return
	}
	page, files := x.pages[id], list{}
	for i := range page.Attachments {
		if slices.Contains(ids, page.Attachments[i].ID) {
			files = append(files, c.attachmentJSON(page, &page.Attachments[i], parseExpand("version,container")))
		}
	}
	if one && len(files) == 1 {
		c.json(200, files[0])
		return
	}
	c.json(200, obj{"results", files, "size", len(files), "_links", obj{"base", c.self("")}})
}

func (c *call) addLabels(w *World) {
	var in []struct{ Prefix, Name string }
	p := c.pageIn(w, c.r.PathValue("id"))
	if p == nil || !c.readBody(&in) {
		return
	}
	for _, l := range in {
		if !slices.Contains(p.Labels, l.Name) {
			p.Labels = append(p.Labels, l.Name)
		}
	}
	if x := c.commit(); x != nil {
		c.json(200, c.labels(x.pages[p.ID]))
	}
}

func (c *call) removeLabel(w *World) {
	p := c.pageIn(w, c.r.PathValue("id"))
	if p == nil {
		return
	}
	p.Labels = slices.DeleteFunc(p.Labels, func(l string) bool { return l == c.r.PathValue("name") })
	if c.commit() != nil {
		c.w.WriteHeader(204)
	}
}

func (c *call) like(w *World, on bool) {
	p := c.pageIn(w, c.r.PathValue("id"))
	if p == nil {
		return
	}
	p.Likes = slices.DeleteFunc(p.Likes, func(n string) bool { return n == c.user.Name })
	if on {
		p.Likes = append(p.Likes, c.user.Name)
	}
	if c.commit() != nil {
		c.likes()
	}
}

var (
	storageUser  = regexp.MustCompile(`(?s)<ac:link[^>]*>\s*<ri:user ri:(userkey|username)="([^"]*)"\s*/>.*?</ac:link>`)
	storagePage  = regexp.MustCompile(`(?s)<ac:link[^>]*>\s*<ri:page(?: ri:space-key="([^"]*)")? ri:content-title="([^"]*)"(?: ri:space-key="([^"]*)")?\s*/>.*?</ac:link>`)
	storageInfo  = regexp.MustCompile(`(?s)<ac:structured-macro[^>]* ac:name="info"[^>]*>.*?<ac:rich-text-body>(?:<p>)?(.*?)(?:</p>)?</ac:rich-text-body></ac:structured-macro>`)
	storageMacro = regexp.MustCompile(`(?s)<ac:structured-macro[^>]* ac:name="(children|contributors|recently-updated)"[^>]*(?:/>|>.*?</ac:structured-macro>)`)
)

// fromStorage turns storage format into this package's own marks.
func (c *call) fromStorage(s string) string {
	s = storageUser.ReplaceAllStringFunc(s, func(m string) string {
		g := storageUser.FindStringSubmatch(m)
		name := html.UnescapeString(g[2])
		if u := c.x.userKeys[name]; g[1] == "userkey" && u != nil {
			name = u.Name
		}
		return "{{user:" + name + "}}"
	})
	s = storagePage.ReplaceAllStringFunc(s, func(m string) string {
		g := storagePage.FindStringSubmatch(m)
		key := g[1] + g[3]
		if key != "" {
			key += ":"
		}
		return "{{page:" + html.UnescapeString(key+g[2]) + "}}"
	})
	s = storageInfo.ReplaceAllString(s, "{{info|$1}}")
	return strings.TrimSpace(storageMacro.ReplaceAllString(s, "{{$1}}"))
}

package wikitest

import (
	"bytes"
	"embed"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"text/template"
)

//go:embed templates/*.html static/*
var files embed.FS

// Server is a stand-in wiki that listens on a loopback port, like
// [httptest.Server], which it wraps.
type Server struct {
	*httptest.Server
	World *World
}

// NewServer starts a server for a prepared world. The caller closes it.
func NewServer(w *World) *Server {
	return &Server{httptest.NewServer(New(w)), w}
}

// New returns a handler that serves a prepared world. The world must not be
// changed afterwards; what is written over REST goes into a copy.
func New(w *World) http.Handler {
	s := &server{}
	s.x.Store(newIndex(w))
	s.routes()
	return s
}

type server struct {
	x       atomic.Pointer[index]
	writing sync.Mutex
	mux     http.ServeMux
	logins  logins
}

// call is one request with who asks.
type call struct {
	account
	w      http.ResponseWriter
	r      *http.Request
	q      url.Values    // query and form
	base   string        // scheme, host and context path as the wiki believes them
	commit func() *index // puts the world in force that is written to
}

const staticPrefix = "/s/en_GB/9012/1b2c59262db6a7cd3dbeee6d1b1416b77c01706b/_"

// ServeHTTP implements [http.Handler].
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), s.x.Load().Context)
	if !ok || path != "" && path[0] != '/' {
		http.NotFound(w, r)
		return
	}
	if strings.HasPrefix(path, "/s/") {
		if _, rest, ok := strings.Cut(path, "/_/"); ok {
			path = "/" + rest
		}
	}
	// REST resources answer with a suffix for their format as well.
	if strings.HasPrefix(path, "/rest/") {
		path = strings.TrimSuffix(path, ".json")
	}
	if path == "" {
		path = "/"
	}
	u := *r.URL
	un, err := url.PathUnescape(path)
	if err != nil {
		http.Error(w, "bad path", http.StatusBadRequest)
		return
	}
	u.Path, u.RawPath = un, path
	r2 := r.Clone(r.Context())
	r2.URL = &u
	s.mux.ServeHTTP(w, r2)
}

func (s *server) handle(pattern string, f func(*call)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		if err := r.ParseForm(); err != nil {
			http.Error(w, "bad request", http.StatusBadRequest)
			return
		}
		x := s.x.Load()
		c := &call{account: s.identify(x, r), w: w, r: r, q: r.Form, base: x.Base + x.Context}
		if x.Base == "" {
			c.base = "http://" + r.Host + x.Context
		}
		name := "anonymous"
		if c.user != nil {
			name = c.user.Name
		}
		h := w.Header()
		h.Set("X-AUSERNAME", name)
		h.Set("X-ASEN", "SEN-L00000000")
		h.Set("X-Confluence-Request-Time", "1772442000000")
		h.Set("X-Seraph-LoginReason", "OK")
		h.Set("Cache-Control", "no-cache, must-revalidate")
		h.Set("X-Frame-Options", "SAMEORIGIN")
		f(c)
	})
}

func (s *server) routes() {
	s.screens()
	s.rest()
	s.privateRest()
	s.writeRest()
	s.fileRoutes()
	s.signIns()
	s.handle("/", func(c *call) { c.notFound("") })
}

// view is what templates see.
type view struct {
	World           *World
	Ctx, Base       string
	Title, Heading  string
	Token           string
	Me              *User
	Space           *Space
	Page, Parent    *Page
	Ancestors       []*Page
	RestrictedAbove bool
	First, Last     Version
	Prev            int
	Body            string
	Comments        []shownComment
	Spaces          []*Space
	People          []*User
	User            *User
	Pages           []*Page
	Updates         []*Page
	Versions        []shownVersion
	Query           string
	Hits            []hit
	Total, From, To int
	Next, Text      string
	c               *call
}

type shownComment struct {
	C     *Comment
	Body  string
	Depth int
}

type shownVersion struct {
	N       int
	V       Version
	Current bool
}

func (c *call) view(title string, s *Space) *view {
	v := &view{
		World: c.x.World, Ctx: c.x.Context, Base: strings.TrimSuffix(c.base, c.x.Context), Heading: title,
		Title: title + " - " + c.x.Site, Token: "4b827168534a82d21c6a7fc3f1726dec893e7e5a", Me: c.user, Space: s, c: c,
	}
	if s != nil {
		v.Title = title + " - " + s.Name + " - " + c.x.Site
	}
	return v
}

func (c *call) render(status int, name string, v *view) {
	x := c.x
	t := template.New("").Funcs(template.FuncMap{
		"h": html.EscapeString,
		"u": func(s string) string { return url.QueryEscape(s) },
		"js": func(s string) string {
			return strings.NewReplacer(`"`, `\\u0022`, `<`, `\\u003c`, `\`, `\\`).Replace(s)
		},
		"lower":    strings.ToLower,
		"tiny":     tiny,
		"day":      day,
		"stamp":    stamp,
		"webui":    func(p *Page) string { return html.EscapeString(x.webui(p)) },
		"under":    func(p *Page, query string) string { return html.EscapeString(withQuery(x.webui(p), query)) },
		"avatar":   func(u *User) string { return x.avatar(u) },
		"static":   func() string { return x.Context + staticPrefix },
		"home":     x.home,
		"tree":     c.sidebarTree,
		"ulink":    x.userLink,
		"logo":     x.userLogo,
		"likers":   c.likeSummary,
		"labelid":  labelID,
		"updates":  func(p []*Page, _ string) string { return c.renderer(nil).recentlyUpdated(p, "", 10) },
		"download": func(p *Page, a Attachment) string { return html.EscapeString(x.download(p, &a)) },
		"size":     func(a Attachment) string { return strconv.Itoa(len(a.content())) + " bytes" },
	})
	t, err := t.ParseFS(files, "templates/*.html")
	var b bytes.Buffer
	if err == nil {
		err = t.ExecuteTemplate(&b, name, v)
	}
	if err != nil {
		http.Error(c.w, "stand-in: "+err.Error(), http.StatusInternalServerError)
		return
	}
	c.send(status, "text/html;charset=UTF-8", b.Bytes())
}

func (c *call) send(status int, contentType string, body []byte) {
	c.w.Header().Set("Content-Type", contentType)
	c.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	c.w.WriteHeader(status)
	if c.r.Method != http.MethodHead {
		c.w.Write(body) //nolint:errcheck // the client went away
	}
}

func (c *call) redirect(to string) {
	c.w.Header().Set("Location", strings.TrimSuffix(c.base, c.x.Context)+to)
	c.w.WriteHeader(http.StatusFound)
}

func (c *call) renderer(p *Page) renderer {
	if p == nil {
		p = &Page{}
	}
	return renderer{account: c.account, page: p, base: strings.TrimSuffix(c.base, c.x.Context) + c.x.Context}
}

// notFound is the wiki's own "page not found", which names similar titles.
func (c *call) notFound(like string) {
	v := c.view("Page Not Found", nil)
	if like != "" {
		for _, p := range c.visiblePages() {
			if strings.Contains(strings.ToLower(p.Title), strings.ToLower(like)) && len(v.Pages) < 10 {
				v.Pages = append(v.Pages, p)
			}
		}
	}
	c.render(http.StatusNotFound, "notfound", v)
}

func (c *call) int(name string, otherwise int) int {
	n, err := strconv.Atoi(c.q.Get(name))
	if err != nil || n < 0 || n > 1000 {
		return otherwise
	}
	return n
}

func parseID(s string) int64 {
	n, err := strconv.ParseInt(strings.TrimPrefix(s, "att"), 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func labelID(name string) string {
	n := 0
	for _, r := range name {
		n = (n*31 + int(r)) % 100000
	}
	return fmt.Sprint(200000 + n)
}

package wikitest_test

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/caddymodule/rewrite"
	"github.com/postern-gateway/postern/caddymodule/upstream"
	"github.com/postern-gateway/postern/caddymodule/wikitest"
	"github.com/postern-gateway/postern/rules"
)

// pipeline is a gateway without its shell: guard, wiki and rewriter in a row,
// for one viewer.
type pipeline struct {
	t       *testing.T
	engine  func(rules.Facts) *rules.View
	dir     *directory.Directory
	guard   *guard.Guard
	rw      *rewrite.Rewriter
	site    *rules.Site
	wiki    http.Handler
	headers map[string]string // how the wiki knows the viewer
}

func newPipeline(t *testing.T, w *wikitest.World, policy []byte, who rules.Viewer) *pipeline {
	t.Helper()
	profile, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		t.Fatal(err)
	}
	p, err := rules.ParsePolicy(map[string][]byte{"demo.yaml": policy}, profile)
	if err != nil {
		t.Fatal(err)
	}
	srv := wikitest.NewServer(w)
	t.Cleanup(srv.Close)
	base, err := url.Parse(srv.URL + w.Context)
	if err != nil {
		t.Fatal(err)
	}
	client := upstream.New(upstream.Config{Base: base, Token: wikitest.DemoSyncToken, RatePerSecond: 10000})
	dir, err := directory.New(directory.Config{Profile: profile, Upstream: client})
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.SyncNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	rw, err := rewrite.New(profile, rewrite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	site := &rules.Site{Base: mustURL("https://extranet.example"), Aliases: []*url.URL{base, mustURL("http://wiki.corp.example" + w.Context)}}
	pl := &pipeline{
		t: t, dir: dir, rw: rw, site: site, wiki: wikitest.New(w),
		guard:   &guard.Guard{Profile: profile, Site: site, Wiki: base},
		headers: map[string]string{"Authorization": "Bearer " + wikitest.DemoReadToken},
	}
	pl.engine = func(f rules.Facts) *rules.View {
		e, err := rules.Bind(p, f, rules.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return e.View(who, time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC))
	}
	if pl.engine(dir.Facts()).Kind() == rules.Internal {
		pl.headers = map[string]string{"X-Remote-User": who.WikiUser}
	}
	return pl
}

func (p *pipeline) Resolve(ctx context.Context, refs []rules.Ref) (*rules.View, error) {
	changed, err := p.dir.Resolve(ctx, refs)
	if err != nil || !changed {
		return nil, err
	}
	return p.engine(p.dir.Facts()), nil
}

// get answers as the gateway would; 502 stands for "failed closed".
func (p *pipeline) get(target string) (int, http.Header, string) {
	p.t.Helper()
	r := httptest.NewRequest(http.MethodGet, "https://extranet.example"+target, nil)
	req, ref := p.guard.Canon(r)
	if ref != nil {
		return ref.Status, nil, ""
	}
	adm, ref := p.guard.Admit(p.t.Context(), req, p.engine(p.dir.Facts()), p, slog.New(slog.DiscardHandler))
	if ref != nil {
		return ref.Status, nil, ""
	}
	if adm.Empty {
		return 200, nil, ""
	}
	path, query, _ := adm.Match.Upstream()
	up := httptest.NewRequest(http.MethodGet, "http://wiki.corp.example"+p.guard.Wiki.Path+path+"?"+query, nil)
	for k, v := range p.headers {
		up.Header.Set(k, v)
	}
	rec := httptest.NewRecorder()
	p.wiki.ServeHTTP(rec, up)
	body, err := io.ReadAll(rec.Result().Body)
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := p.rw.Rewrite(p.t.Context(), rewrite.Exchange{
		Match: adm.Match, View: adm.View, Site: p.site, Request: rewrite.Request{Method: "GET", URL: r.URL, Header: r.Header},
		Response: rewrite.Response{Status: rec.Code, Header: rec.Header(), Body: body}, Resolve: p.Resolve,
	})
	var closed *rewrite.FailClosed
	switch {
	case errors.As(err, &closed):
		p.t.Errorf("%s: failed closed: %v", target, err)
		return 502, nil, ""
	case err != nil:
		return 404, nil, ""
	}
	for _, h := range res.Tripwire {
		p.t.Logf("%s: tripwire: %+v", target, h)
	}
	return res.Status, res.Header, string(res.Body)
}

// viewerOf is what sign-in makes of a demo account.
func viewerOf(name string) rules.Viewer {
	for _, a := range wikitest.DemoAccounts() {
		if a.Username == name {
			return rules.Viewer{Provider: "demo-idp", Subject: "demo-" + name, WikiUser: name, DisplayName: a.Display, Email: a.Email, EmailVerified: true, Groups: a.Groups}
		}
	}
	panic("no account " + name)
}

var escapes = strings.NewReplacer(`\u0022`, `"`, `\u003c`, "<", `\/`, "/", "+", " ", "@@@hl@@@", "", "@@@endhl@@@", "")

// decoded spells a body in the ways in which somebody might read it.
func decoded(body string) string {
	forms := []string{body}
	for range 3 {
		last := forms[len(forms)-1]
		next := escapes.Replace(html.UnescapeString(last))
		if u, err := url.PathUnescape(next); err == nil {
			next = u
		} else {
			next = percent.ReplaceAllStringFunc(next, func(s string) string {
				u, err := url.PathUnescape(s)
				if err != nil {
					return s
				}
				return u
			})
		}
		forms = append(forms, next)
	}
	return strings.ToLower(strings.Join(forms, "\n"))
}

var percent = regexp.MustCompile(`(%[0-9a-fA-F]{2})+`)

// secrets lists what must never reach a viewer: names, titles, ids and words
// of what he may not see.
func secrets(w *wikitest.World, spaces []string, users []string) map[string]bool {
	out := map[string]bool{}
	in := func(list []string, s string) bool {
		for _, e := range list {
			if e == s {
				return true
			}
		}
		return false
	}
	for i := range w.Spaces {
		if s := &w.Spaces[i]; !in(spaces, s.Key) {
			out[s.Name], out["/display/"+s.Key+"/"], out[`"`+s.Key+`"`] = true, true, true
		}
	}
	for i := range w.Users {
		if u := &w.Users[i]; !in(users, u.Name) {
			out[u.Display], out["~"+u.Name], out[u.Email], out[u.Key] = true, true, true, true
			out[`"`+u.Name+`"`], out[fmt.Sprintf("/%d/user-avatar", u.AvatarID)] = true, true
		}
	}
	for i := range w.Pages {
		p := &w.Pages[i]
		if in(spaces, p.Space) && len(p.Restricted) == 0 {
			continue
		}
		out[p.Title], out[fmt.Sprint(p.ID)] = true, true
		for j := range p.Attachments {
			out[p.Attachments[j].Name] = true
		}
	}
	// Words that stand in hidden titles and bodies only.
	for _, word := range []string{"osprey", "peregrine", "merlin", "skunkworks", "quillfeather", "moonshot"} {
		out[word] = true
	}
	return out
}

func TestPipeline(t *testing.T) {
	cases := []struct {
		viewer        string
		spaces, users []string
		reads         map[string]string // path -> text that must be there
		refused       []string
	}{
		{
			viewer: "ana", spaces: []string{"ACME", "HANDBOOK"}, users: []string{"ana", "mia", "ines"},
			reads: map[string]string{
				"/display/ACME":                                              "This space is shared between us and ACME",
				"/display/ACME/Project+Plan":                                 "The plan has three milestones",
				"/display/HANDBOOK/House+Rules":                              "ask before you share",
				"/":                                                          "Project Plan",
				"/dosearchsite.action?queryString=plan":                      "Project Plan",
				"/rest/api/search?cql=text+~+%22plan%22":                     "resultGlobalContainer",
				"/rest/quicknav/1/search?query=plan":                         "contentNameMatches",
				"/rest/api/space":                                            "ACME Partnership",
				"/rest/dashboardmacros/1.0/updates.json":                     "Meeting Notes",
				"/users/viewuserprofile.action?username=mia":                 "Mia (ACME manager)",
				"/createrssfeed.action?types=page&spaces=ACME&maxResults=20": "Project Plan",
				"/plugins/recently-updated/changes.action?theme=concise&pageSize=10": "Interface Specification",
			},
			refused: []string{
				"/display/ENG", "/display/GLOBEX", "/display/HR/Osprey+Redundancy+Plan", "/display/~nils.nightjar", "/admin/console.action", "/rest/api/group", "/browsepeople.action",
				"/display/ACME/Negotiation+Strategy", "/rest/api/user?username=hetty.harrier", "/display/ACME/No+Such+Page", "/pages/viewinfo.action?pageId=66600100", "/rest/api/user/current",
			},
		},
		{
			viewer: "mia", spaces: []string{"ACME", "HANDBOOK"}, users: []string{"ana", "mia", "ines"},
			reads: map[string]string{
				"/display/ACME/Meeting+Notes":                        "The plan was accepted",
				"/pages/viewpreviousversions.action?pageId=66600101": "v. 1",
			},
			refused: []string{"/display/ENG", "/display/GLOBEX/Price+List"},
		},
		{
			viewer: "gus", spaces: []string{"GLOBEX", "HANDBOOK"}, users: []string{"gus", "gina", "ines"},
			reads: map[string]string{
				"/display/GLOBEX/Price+List":  "List prices for this year",
				"/display/HANDBOOK/Contacts":  "Technical questions",
				"/rest/api/content?limit=100": "Price List",
			},
			refused: []string{"/display/ACME", "/display/ACME/Project+Plan", "/display/~ana", "/display/ENG"},
		},
	}
	for _, tc := range cases {
		t.Run(tc.viewer, func(t *testing.T) {
			w := wikitest.DemoWorld()
			p := newPipeline(t, w, wikitest.DemoPolicy, viewerOf(tc.viewer))
			for path, want := range tc.reads {
				if code, _, body := p.get(path); code != 200 || !strings.Contains(html.UnescapeString(body), want) {
					t.Errorf("%s: %d, without %q: %.600s", path, code, want, body)
				}
			}
			for _, path := range tc.refused {
				if code, _, _ := p.get(path); code != 404 {
					t.Errorf("%s: %d, want 404", path, code)
				}
			}
			hidden := secrets(w, tc.spaces, tc.users)
			seen := 0
			for _, path := range wikitest.Paths(w) {
				code, head, body := p.get(path)
				if code == 200 {
					seen++
				}
				all := decoded(body + "\n" + fmt.Sprint(head))
				for s := range hidden {
					if strings.Contains(all, strings.ToLower(s)) {
						at := strings.Index(all, strings.ToLower(s))
						t.Errorf("%s: %d, names %q: …%.160q", path, code, s, all[max(0, at-80):])
					}
				}
			}
			if seen < 60 {
				t.Errorf("only %d answers", seen)
			}
		})
	}
}

// An internal sees, under her own name, what the wiki lets her see.
func TestPipelineInternal(t *testing.T) {
	w := wikitest.DemoWorld()
	p := newPipeline(t, w, wikitest.DemoPolicy, viewerOf("ines"))
	for path, want := range map[string]string{
		"/display/ENG/Kestrel+Roadmap":                         "ACME must not know",
		"/display/ACME/Project+Plan":                           "Nils Nightjar",
		"/display/ACME/Negotiation+Strategy":                   "merlin threshold",
		"/rest/api/user/current":                               `"username":"ines"`,
		"/users/viewuserprofile.action?username=nils.nightjar": "Quillfeather Lab",
		"/browsepeople.action":                                 "Hetty Harrier",
	} {
		if code, _, body := p.get(path); code != 200 || !strings.Contains(html.UnescapeString(body), want) {
			t.Errorf("%s: %d, without %q: %.600s", path, code, want, body)
		}
	}
	if code, _, _ := p.get("/display/HR/Osprey+Redundancy+Plan"); code != 404 {
		t.Errorf("HR: %d, want the wiki's own refusal as 404", code)
	}
}

// What is hidden from a viewer may be anything: not a byte of what he gets
// depends on it.
func TestPipelineTwin(t *testing.T) {
	other := strings.NewReplacer(
		"Kestrel Roadmap", "Buzzard Almanack", "kestrel roadmap", "buzzard almanack", "kestrel", "buzzard", "Secret Peregrine Protocol", "Unheard Goshawk Ritual", "peregrine", "goshawk",
		"Osprey Redundancy Plan", "Bittern Expansion Scheme", "osprey", "bittern", "Osprey", "Bittern", "Skunkworks", "Moonbeam",
		"nils.nightjar", "karl.kite", "Nils Nightjar", "Karl Kite", "Nightjar Home", "Kite Home", "hetty.harrier", "hanna.hobby", "Hetty Harrier", "Hanna Hobby", "Harrier", "Hobby",
		"Negotiation Strategy", "Bargaining Doctrine", "merlin", "shrike", "Quillfeather", "Inkhorn")
	w1 := wikitest.DemoWorld()
	w2, err := wikitest.ParseWorld([]byte(other.Replace(wikitest.DemoSource)))
	if err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"ana", "mia", "gus"} {
		p1 := newPipeline(t, w1, wikitest.DemoPolicy, viewerOf(who))
		p2 := newPipeline(t, w2, wikitest.DemoPolicy, viewerOf(who))
		same := 0
		for _, path := range wikitest.Paths(w1) {
			if strings.HasPrefix(path, "/dosearchsite") {
				continue // pages of the wiki's own search screen are not filled up, see the README
			}
			c1, _, b1 := p1.get(path)
			c2, _, b2 := p2.get(other.Replace(path))
			if c1 != c2 || b1 != b2 {
				at := 0
				for at < len(b1) && at < len(b2) && b1[at] == b2[at] {
					at++
				}
				t.Errorf("%s: %s: %d or %d; at byte %d: %.200q or %.200q", who, path, c1, c2, at, b1[max(0, at-60):], b2[max(0, at-60):])
			} else if c1 == 200 {
				same++
			}
		}
		if same < 60 {
			t.Errorf("%s: only %d answers", who, same)
		}
	}
}

// The same behind a context path, with the newer form of page URLs.
func TestPipelineVariants(t *testing.T) {
	for _, v := range []struct{ name, context, links, page string }{
		{"spaces", "", "spaces", "/spaces/ACME/pages/66600101/Project+Plan"},
		{"context path", "/wiki", "display", "/wiki/display/ACME/Project+Plan"},
	} {
		t.Run(v.name, func(t *testing.T) {
			w := wikitest.DemoWorld()
			w.Context, w.Links = v.context, v.links
			p := newPipeline(t, w, wikitest.DemoPolicy, viewerOf("ana"))
			p.site.Base = mustURL("https://extranet.example" + v.context)
			for path, want := range map[string]string{
				v.page:                      "The plan has three milestones",
				v.context + "/display/ACME": "Welcome",
				v.context + "/rest/api/content?spaceKey=ACME&expand=ancestors,version": "webui",
				v.context + "/rest/api/user?username=mia":                              "Mia (ACME manager)",
			} {
				if code, _, body := p.get(path); code != 200 || !strings.Contains(html.UnescapeString(body), want) {
					t.Errorf("%s: %d, without %q: %.600s", path, code, want, body)
				}
			}
			hidden := secrets(w, []string{"ACME", "HANDBOOK"}, []string{"ana", "mia", "ines"})
			seen := 0
			for _, path := range wikitest.Paths(w) {
				if !strings.HasPrefix(path, v.context+"/") {
					path = v.context + path
				}
				code, head, body := p.get(path)
				if code == 200 {
					seen++
				}
				all := decoded(body + "\n" + fmt.Sprint(head))
				for s := range hidden {
					if strings.Contains(all, strings.ToLower(s)) {
						at := strings.Index(all, strings.ToLower(s))
						t.Errorf("%s: %d, names %q: …%.160q", path, code, s, all[max(0, at-80):])
					}
				}
			}
			if seen < 60 {
				t.Errorf("only %d answers", seen)
			}
		})
	}
}

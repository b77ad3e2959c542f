package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/e2e/mwtest"
)

// answer is what came of one request.
type answer struct {
	url    string
	status int
	header http.Header
	body   []byte
}

// get asks as a browser would and looks for secrets in head and body. Values
// of the request itself may be repeated.
func (s *scene) get(t *testing.T, c *http.Client, path string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.site+path, nil)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return answer{url: path}
	}
	req.Header.Set("Accept", "text/html,application/json,*/*")
	res, err := c.Do(req)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return answer{url: path}
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return answer{url: path}
	}
	a := answer{path, res.StatusCode, res.Header, body}
	s.look(t, a)
	return a
}

func (s *scene) look(t *testing.T, a answer) {
	t.Helper()
	var head strings.Builder
	for k, v := range a.header {
		if k != "Set-Cookie" {
			fmt.Fprintf(&head, "%s: %s\n", k, strings.Join(v, ", "))
		}
	}
	for _, l := range append(s.scan.Scan([]byte(head.String())), s.scan.Scan(a.body, a.url)...) {
		t.Errorf("LEAK %s (%d)\n\t%s", a.url, a.status, l)
	}
	if s.wiki.URL != s.site && strings.Contains(string(a.body), strings.TrimPrefix(s.wiki.URL, "http://")) {
		i := strings.Index(string(a.body), strings.TrimPrefix(s.wiki.URL, "http://"))
		t.Errorf("%s (%d): the wiki's own address leaves: …%s…", a.url, a.status, a.body[max(0, i-80):min(len(a.body), i+80)])
	}
}

// shows checks that the answer is there and holds all words.
func (a answer) shows(t *testing.T, words ...string) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Errorf("OVERBLOCKED %s: status %d, want 200", a.url, a.status)
		return
	}
	low := strings.ToLower(string(a.body))
	for _, w := range words {
		if w != "" && !strings.Contains(low, strings.ToLower(w)) {
			t.Errorf("OVERBLOCKED %s: %q is not shown", a.url, w)
		}
	}
}

// gone checks that the answer is the 404.
func (a answer) gone(t *testing.T) {
	t.Helper()
	if a.status != http.StatusNotFound {
		t.Errorf("%s: status %d, want 404", a.url, a.status)
	}
}

func path(title string) string {
	return "/wiki/" + strings.ReplaceAll(url.PathEscape(strings.ReplaceAll(title, " ", "_")), "%2F", "/")
}

func index(title, rest string) string {
	return "/w/index.php?title=" + url.QueryEscape(strings.ReplaceAll(title, " ", "_")) + rest
}

// titleWord is the token in a page's title, "" if it has none.
func titleWord(p *mwtest.Page) string {
	for _, k := range p.Tokens {
		if k.Kind == mwtest.TokenTitle {
			return k.Word
		}
	}
	return ""
}

// ids asks the wiki itself for the numbers of all pages.
func (s *scene) ids(t *testing.T) map[string][2]int {
	t.Helper()
	out := map[string][2]int{}
	var titles []string
	for _, p := range s.world.Pages {
		titles = append(titles, p.Title)
	}
	for len(titles) > 0 {
		n := min(len(titles), 50)
		res, err := http.Get(s.wiki.URL + "/w/api.php?action=query&prop=info&format=json&formatversion=2&titles=" + url.QueryEscape(strings.Join(titles[:n], "|")))
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Query struct {
				Pages []struct {
					Title     string
					PageID    int
					LastRevID int
				}
			}
		}
		err = json.NewDecoder(res.Body).Decode(&got)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range got.Query.Pages {
			if p.PageID > 0 {
				out[p.Title] = [2]int{p.PageID, p.LastRevID}
			}
		}
		titles = titles[n:]
	}
	return out
}

// TestPages fetches every page of the world in all forms.
func TestPages(t *testing.T) {
	s := theScene(t)
	c := s.signIn(t)
	ids := s.ids(t)
	var seen, lost atomic.Int32
	each(s.world.Pages, func(i int, p *mwtest.Page) {
		visible := s.world.Visible(p, s.sight) && !p.Deleted
		if visible {
			seen.Add(1)
			s.visiblePage(t, c, p, ids[p.Title])
			return
		}
		lost.Add(1)
		s.hiddenPage(t, c, p, ids[p.Title], i%5 == 0)
	})
	t.Logf("%d visible pages, %d hidden ones", seen.Load(), lost.Load())
}

// each calls f for all, a few at a time.
func each[T any](all []T, f func(int, T)) {
	var wg sync.WaitGroup
	busy := make(chan struct{}, 4)
	for i, v := range all {
		busy <- struct{}{}
		wg.Go(func() {
			defer func() { <-busy }()
			f(i, v)
		})
	}
	wg.Wait()
}

// views are the spellings of a page's view, by name and by number.
func views(p *mwtest.Page, id [2]int) (byName, byNumber []string) {
	byName = []string{path(p.Title), index(p.Title, ""), index(p.Title, "&action=view")}
	if id[0] > 0 {
		byNumber = []string{fmt.Sprintf("/w/index.php?curid=%d", id[0]), fmt.Sprintf("/w/index.php?oldid=%d", id[1]), index(p.Title, fmt.Sprintf("&oldid=%d", id[1]))}
	}
	return byName, byNumber
}

// others are a page's other forms, which a viewer may be refused.
func others(p *mwtest.Page, id [2]int) []string {
	out := []string{
		index(p.Title, "&action=raw"), index(p.Title, "&action=info"), index(p.Title, "&diff=prev"), index(p.Title, "&diff=cur&oldid=prev"),
		index(p.Title, "&action=edit"), index(p.Title, "&action=render"), "/w/index.php/" + strings.TrimPrefix(path(p.Title), "/wiki/"),
	}
	if id[0] > 0 {
		out = append(out, fmt.Sprintf("/w/index.php?diff=%d", id[1]))
	}
	return out
}

func (s *scene) visiblePage(t *testing.T, c *http.Client, p *mwtest.Page, id [2]int) {
	t.Helper()
	byName, byNumber := views(p, id)
	for i, v := range append(byName, byNumber...) {
		a := s.get(t, c, v)
		switch {
		case p.Redirect == "":
			a.shows(t, append([]string{titleWord(p)}, p.Shown...)...)
		case i < len(byName): // by number the wiki shows the redirect's own page
			a.shows(t, s.world.Page(p.Redirect).Shown...)
		}
	}
	h := s.get(t, c, index(p.Title, "&action=history"))
	h.shows(t, titleWord(p))
	for _, k := range p.Tokens {
		if k.Kind == mwtest.TokenSummary {
			h.shows(t, k.Word)
		}
	}
	for _, name := range p.Authors {
		if s.sight.Person(name) {
			h.shows(t, name)
		}
	}
	for _, o := range others(p, id) {
		s.get(t, c, o)
	}
}

func (s *scene) hiddenPage(t *testing.T, c *http.Client, p *mwtest.Page, id [2]int, all bool) {
	t.Helper()
	byName, byNumber := views(p, id)
	asked := append(append(byName[:1:1], byNumber...), index(p.Title, "&action=history"), index(p.Title, "&action=raw"), index(p.Title, "&action=info"))
	if all {
		asked = append(append(asked, byName[1:]...), others(p, id)...)
	}
	for _, v := range asked {
		s.get(t, c, v).gone(t)
	}
}

// TestLists fetches the lists, the feeds and the searches.
func TestLists(t *testing.T) {
	s := theScene(t)
	c := s.signIn(t)
	visible := s.visible()

	for _, q := range []string{"", "?limit=500&days=30", "?limit=50&days=7&hideminor=1", "?enhanced=1", "?namespace=3000&limit=500"} {
		s.get(t, c, "/wiki/Special:RecentChanges"+q).shows(t)
	}
	rc := s.get(t, c, "/wiki/Special:RecentChanges?limit=500&days=30")
	for _, p := range visible {
		if strings.HasSuffix(p.Title, " new place") {
			continue // its rows name where it came from
		}
		if p.Space == "ACME Portal" || p.Space == "Handbook" || p.Space == "" {
			rc.shows(t, titleWord(p))
		}
	}
	for ns, name := range map[string]string{"0": "", "3000": "ACME Portal", "3002": "Handbook"} {
		all := s.get(t, c, "/w/index.php?title=Special:AllPages&namespace="+ns)
		api := s.get(t, c, "/w/api.php?action=query&list=allpages&aplimit=500&format=json&formatversion=2&apnamespace="+ns)
		api1 := s.get(t, c, "/w/api.php?action=query&list=allpages&aplimit=500&format=json&apnamespace="+ns)
		for _, p := range visible {
			if p.Space == name {
				all.shows(t, titleWord(p))
				api.shows(t, titleWord(p))
				api1.shows(t, titleWord(p))
			}
		}
	}
	for _, n := range s.world.Namespaces[2:] {
		s.get(t, c, fmt.Sprintf("/w/index.php?title=Special:AllPages&namespace=%d", n.ID))
		s.get(t, c, fmt.Sprintf("/w/api.php?action=query&list=allpages&format=json&apnamespace=%d", n.ID))
		s.get(t, c, fmt.Sprintf("/w/api.php?action=query&list=recentchanges&format=json&rcnamespace=%d", n.ID))
	}
	for _, p := range []string{
		"/", "/wiki/", "/w/index.php", "/wiki/Special:AllPages", "/wiki/Special:PrefixIndex", "/wiki/Special:ListUsers", "/w/index.php?title=Special:ListUsers&limit=500", "/wiki/Special:ActiveUsers",
		"/wiki/Special:Categories", "/wiki/Special:NewPages", "/wiki/Special:NewPages?limit=500&namespace=all", "/wiki/Special:NewPages?limit=500&namespace=3000", "/wiki/Special:ListFiles", "/wiki/Special:Log", "/wiki/Special:Log?limit=500", "/wiki/Special:Log/move?limit=500",
		"/wiki/Special:SpecialPages", "/wiki/Special:Version", "/wiki/Special:Statistics", "/wiki/Special:LongPages", "/wiki/Special:WantedPages", "/wiki/Special:Random", "/wiki/Special:BlockList",
		"/wiki/Special:DoubleRedirects", "/wiki/Special:ListRedirects", "/wiki/Special:Export", "/wiki/Special:NewFiles", "/wiki/Special:MostLinkedPages", "/wiki/Special:UserLogin", "/wiki/Special:Tags",
		"/wiki/Special:ListGroupRights", "/wiki/Special:Watchlist", "/wiki/Special:Preferences", "/wiki/Special:Upload", "/w/thumb.php?f=x.png", "/w/img_auth.php/x.png", "/w/opensearch_desc.php",
		"/w/load.php?modules=startup&only=scripts&raw=1", "/w/load.php?lang=en&modules=mediawiki.base&skin=vector", "/w/load.php?lang=en&modules=mediawiki.widgets&skin=vector", "/w/load.php?lang=en&modules=site&skin=vector",
	} {
		s.get(t, c, p)
	}
	for _, f := range []string{
		"/w/index.php?title=Special:RecentChanges&feed=atom", "/w/api.php?action=feedrecentchanges&feedformat=rss", "/w/api.php?action=feedrecentchanges&feedformat=atom&limit=50&days=30",
		"/w/index.php?title=Special:NewPages&feed=rss", index("ACME Portal:Home", "&action=history&feed=atom"), index("ACME Portal:Home", "&action=history&feed=rss"),
		"/w/index.php?title=Special:Contributions/" + strings.ReplaceAll(s.me.Name, " ", "_") + "&feed=atom",
		"/w/api.php?action=feedcontributions&feedformat=rss&user=" + url.QueryEscape(s.me.Name), "/w/index.php?title=Special:RecentChangesLinked&target=ACME_Portal:Home&feed=atom",
	} {
		a := s.get(t, c, f)
		if a.status >= 300 && a.status < 400 {
			if to, err := url.Parse(a.header.Get("Location")); err == nil {
				s.get(t, c, to.RequestURI())
			}
		}
	}
	s.get(t, c, "/w/api.php?action=feedrecentchanges&feedformat=atom&limit=50&days=30&namespace=3000").shows(t, "<entry", titleWord(visible[len(visible)-1]))
	for _, p := range visible {
		for _, q := range []string{
			"/wiki/Special:WhatLinksHere/" + strings.TrimPrefix(path(p.Title), "/wiki/"), "/w/index.php?title=Special:WhatLinksHere&target=" + url.QueryEscape(p.Title),
			"/wiki/Special:RecentChangesLinked/" + strings.TrimPrefix(path(p.Title), "/wiki/"),
		} {
			s.get(t, c, q)
		}
	}
	s.whoLinks(t, c, visible)
	for _, p := range s.world.People {
		name := strings.ReplaceAll(p.Name, " ", "_")
		for _, q := range []string{"/wiki/User:" + name, "/wiki/User_talk:" + name, "/wiki/Special:Contributions/" + name, "/wiki/Special:Log/" + name, "/wiki/Special:Log?user=" + name, "/w/index.php?title=Special:NewPages&username=" + name} {
			a := s.get(t, c, q)
			if !s.sight.Person(p.Name) {
				a.gone(t)
			}
		}
	}
}

func (s *scene) visible() []*mwtest.Page {
	var out []*mwtest.Page
	for _, p := range s.world.Pages {
		if s.world.Visible(p, s.sight) && !p.Deleted {
			out = append(out, p)
		}
	}
	return out
}

// whoLinks checks that visible pages that link to a page are listed.
func (s *scene) whoLinks(t *testing.T, c *http.Client, visible []*mwtest.Page) {
	t.Helper()
	target := s.world.Page("ACME Portal:Home")
	a := s.get(t, c, "/wiki/Special:WhatLinksHere/ACME_Portal:Home?limit=500")
	api := s.get(t, c, "/w/api.php?action=query&list=backlinks&bllimit=500&format=json&bltitle=ACME_Portal:Home")
	for _, p := range visible {
		for _, l := range p.Links {
			if l == target.Title {
				a.shows(t, titleWord(p))
				api.shows(t, titleWord(p))
			}
		}
	}
}

// TestSearch searches for common words, visible ones and hidden ones.
func TestSearch(t *testing.T) {
	s := theScene(t)
	c := s.signIn(t)
	words := append([]string{}, s.world.Common...)
	shown := s.world.Page("ACME Portal:Home").Shown[1]
	words = append(words, shown, "page")
	for i, k := range s.world.Secrets(s.sight) {
		if i%25 == 0 {
			words = append(words, k.Word)
		}
	}
	for _, w := range words {
		q := url.QueryEscape(w)
		for _, u := range []string{
			"/w/index.php?title=Special:Search&profile=all&fulltext=1&search=" + q, "/w/index.php?search=" + q + "&title=Special:Search&fulltext=Search&ns0=1&ns3000=1&ns3002=1&limit=100",
			"/w/index.php?search=" + q + "&title=Special:Search&go=Go", "/w/index.php?title=Special:Search&search=" + q + "&ns3004=1",
			"/w/api.php?action=query&list=search&srwhat=text&format=json&srnamespace=*&srsearch=" + q, "/w/api.php?action=query&list=search&srwhat=text&srlimit=50&format=json&formatversion=2&srsearch=" + q,
			"/w/api.php?action=query&list=search&format=json&srsearch=" + q, "/w/api.php?action=opensearch&format=json&search=" + q, "/w/api.php?action=opensearch&format=json&namespace=*&search=" + q,
			"/w/api.php?action=query&list=prefixsearch&format=json&pssearch=" + q, "/w/rest.php/v1/search/page?q=" + q, "/w/rest.php/v1/search/title?q=" + q,
		} {
			s.get(t, c, u)
		}
	}
	s.get(t, c, "/w/index.php?title=Special:Search&fulltext=1&ns3000=1&search="+shown).shows(t, "ACME Portal:Home")
	s.get(t, c, "/w/api.php?action=query&list=search&srwhat=text&format=json&srnamespace=*&srsearch="+shown).shows(t, "ACME Portal:Home")
	first := titleWord(s.visibleIn("ACME Portal"))
	s.get(t, c, "/w/api.php?action=opensearch&format=json&namespace=3000&search="+first[:5]).shows(t, first)
}

func (s *scene) visibleIn(ns string) *mwtest.Page {
	for _, p := range s.visible() {
		if p.Space == ns && titleWord(p) != "" && !strings.Contains(p.Title, "/") {
			return p
		}
	}
	return nil
}

// TestAPI asks api.php and rest.php.
func TestAPI(t *testing.T) {
	s := theScene(t)
	c := s.signIn(t)
	for _, v := range []string{"", "&formatversion=2"} {
		q := "/w/api.php?action=query&format=json" + v
		for _, u := range []string{
			"&list=allpages", "&list=recentchanges&rclimit=500&rcprop=title|ids|user|userid|comment|parsedcomment|timestamp|sizes|loginfo|flags", "&list=recentchanges", "&list=allusers&aulimit=500&auprop=groups|editcount",
			"&list=users&ususers=" + url.QueryEscape(s.world.People[0].Name+"|"+s.world.People[20].Name), "&meta=siteinfo", "&meta=siteinfo&siprop=general|namespaces|namespacealiases", "&meta=siteinfo&siprop=statistics|usergroups",
			"&meta=userinfo&uiprop=*", "&meta=userinfo", "&list=logevents&lelimit=500", "&list=allcategories", "&list=allimages&ailimit=500", "&list=alllinks&allimit=500", "&list=blocks", "&list=protectedtitles",
			"&list=usercontribs&uclimit=500&ucuser=" + url.QueryEscape(s.me.Name), "&list=categorymembers&cmtitle=Category:X", "&list=random", "&meta=allmessages&amcustomised=modified",
			"&generator=allpages&gapnamespace=3000&gaplimit=500&prop=info|revisions|links|categories|templates|images&rvprop=ids|user|comment|content&rvslots=main&pllimit=500&inprop=url",
			"&generator=allpages&gapnamespace=3004&prop=info", "&list=allpages&apnamespace=3004", "&titles=Main_Page&export=1", "&titles=Main_Page&export=1&exportnowrap=1",
		} {
			s.get(t, c, q+u)
		}
		each(s.world.Pages, func(_ int, p *mwtest.Page) {
			title := url.QueryEscape(p.Title)
			visible := s.world.Visible(p, s.sight) && !p.Deleted
			info := s.get(t, c, q+"&prop=info|revisions|links|categories&inprop=url&rvprop=ids|timestamp|user|comment|content&rvslots=main&pllimit=500&titles="+title)
			revs := s.get(t, c, q+"&prop=revisions&rvlimit=50&rvprop=ids|user|comment&titles="+title)
			back := s.get(t, c, q+"&list=backlinks&bllimit=500&bltitle="+title)
			parse := s.get(t, c, "/w/api.php?action=parse&format=json"+v+"&page="+title)
			if visible && p.Redirect == "" {
				info.shows(t, titleWord(p))
				revs.shows(t, titleWord(p))
				back.shows(t)
				parse.shows(t, append([]string{titleWord(p)}, p.Shown...)...)
			}
			if v == "" {
				s.get(t, c, "/w/rest.php/v1/page/"+url.PathEscape(strings.ReplaceAll(p.Title, " ", "_")))
				s.get(t, c, "/w/rest.php/v1/page/"+url.PathEscape(strings.ReplaceAll(p.Title, " ", "_"))+"/html")
				s.get(t, c, "/w/rest.php/v1/page/"+url.PathEscape(strings.ReplaceAll(p.Title, " ", "_"))+"/history")
			}
		})
	}
	mixed := url.QueryEscape("ACME Portal:Home|" + s.hidden().Title + "|ACME Portal:Not there")
	s.get(t, c, "/w/api.php?action=query&format=json&prop=info&titles="+mixed).shows(t, "ACME Portal:Home")
	s.get(t, c, "/w/api.php?action=query&format=json&list=recentchanges&rclimit=500&rcprop=title|user|comment").shows(t, titleWord(s.visibleIn("ACME Portal")))
	me := s.get(t, c, "/w/api.php?action=query&format=json&list=usercontribs&uclimit=500&ucuser="+url.QueryEscape(s.me.Name))
	me.shows(t)
}

func (s *scene) hidden() *mwtest.Page {
	for _, p := range s.world.Pages {
		if !s.world.Visible(p, s.sight) && !p.Deleted && titleWord(p) != "" && p.Space == s.world.Namespaces[2].Name {
			return p
		}
	}
	return nil
}

// TestFiles fetches every file.
func TestFiles(t *testing.T) {
	s := theScene(t)
	c := s.signIn(t)
	res, err := http.Get(s.wiki.URL + "/w/api.php?action=query&list=allimages&ailimit=500&format=json&formatversion=2")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Query struct {
			AllImages []struct{ Name, URL, Title string }
		}
	}
	err = json.NewDecoder(res.Body).Decode(&got)
	res.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range got.Query.AllImages {
		u, _ := url.Parse(f.URL)
		p := s.world.Page(f.Title)
		a := s.get(t, c, u.Path)
		thumb := s.get(t, c, strings.Replace(u.Path, "/images/", "/images/thumb/", 1)+"/120px-"+f.Name)
		if s.world.Visible(p, s.sight) {
			a.shows(t)
		} else {
			a.gone(t)
			thumb.gone(t)
		}
	}
}

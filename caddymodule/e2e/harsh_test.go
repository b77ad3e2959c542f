package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/e2e/mwtest"
	"github.com/postern-gateway/postern/caddymodule/idptest"
)

// onlooker is one viewer of the harsh world.
type onlooker struct {
	*scene
	name   string
	client *http.Client
}

const harshSettings = `
wfLoadExtension( 'Poem' );
wfLoadExtension( 'ImageMap' );
wfLoadExtension( 'InputBox' );
wfLoadExtension( 'MultimediaViewer' );
wfLoadExtension( 'Interwiki' );
wfLoadSkin( 'MonoBook' );
wfLoadSkin( 'Timeless' );
`

// newHarsh starts a wiki with the harsh world, and a gateway for three viewers:
// two of different firms and one who belongs to nobody.
func newHarsh(t *testing.T) []*onlooker {
	t.Helper()
	if testing.Short() {
		t.Skip("installs and crawls a wiki; left out by -short")
	}
	seed := uint64(1)
	if n, err := strconv.ParseUint(os.Getenv("POSTERN_E2E_SEED"), 10, 64); err == nil {
		seed = n
	}
	base := &scene{world: mwtest.NewHarsh(seed, time.Now().Unix()), dir: t.TempDir()}
	if at := os.Getenv("POSTERN_E2E_HARSH"); at != "" {
		base.wiki = &mwtest.Wiki{URL: at, World: base.world}
	} else {
		w, err := mwtest.Start(context.Background(), mwtest.Options{World: base.world, Settings: harshSettings})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(w.Close)
		base.wiki = w
	}
	addr, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	base.site = "http://" + addr
	var out []*onlooker
	for _, v := range []struct {
		name, firm string
		open       []string
	}{
		{"acme", "acme", []string{mwtest.HarshAcme, mwtest.HarshBook, mwtest.HarshNews, "", "User"}},
		{"globex", "globex", []string{mwtest.HarshGlobex, mwtest.HarshBook, mwtest.HarshNews, "", "User"}},
		{"nobody", "", []string{mwtest.HarshNews}},
	} {
		s := *base
		s.sight = mwtest.Sight{
			Space: func(n string) bool { return slices.Contains(v.open, n) },
			Person: func(n string) bool {
				return slices.ContainsFunc(s.world.Firm(v.firm), func(p mwtest.Person) bool { return p.Name == n })
			},
			Hides: s.world.RuledOut,
		}
		s.me = mwtest.Person{Name: "Passer-by"}
		if v.firm != "" {
			s.me = s.world.Firm(v.firm)[1]
		}
		s.scan = mwtest.NewScanner(s.world.Secrets(s.sight))
		out = append(out, &onlooker{scene: &s, name: v.name})
	}
	var accounts []idptest.Account
	for i, o := range out {
		accounts = append(accounts, idptest.Account{Username: o.me.Name, Password: password, Sub: strconv.Itoa(i + 1), Name: o.me.Name, Email: o.name + "@partner.example", EmailVerified: true, Groups: []string{o.name + "-people"}})
	}
	base.idp = idptest.NewServer(idptest.Config{
		Accounts: accounts,
		Clients:  []idptest.Client{{ID: "postern", Secret: "client-secret", RedirectURIs: []string{base.site + "/.postern/callback/acme-idp"}}},
	})
	for _, o := range out {
		o.idp = base.idp
	}
	t.Cleanup(base.idp.Close)
	titles, labels, subtrees := base.world.Rules()
	var policy strings.Builder
	members := func(firm string) {
		fmt.Fprintf(&policy, "    members:\n      - group: acme-idp/%s-people\n", firm)
		for _, p := range base.world.Firm(firm) {
			fmt.Fprintf(&policy, "      - user: %q\n", "wiki/"+p.Name)
		}
	}
	fmt.Fprintf(&policy, "version: 1\nwiki: mediawiki\ninternal: {groups: [acme-idp/staff], mode: shared-spaces}\nspaces:\n  \"3000\":\n    hide: {titles: [%q, %q], labels: [%q], subtrees: [%q]}\n", titles[0], titles[1], labels[0], subtrees[0])
	members("acme")
	policy.WriteString("  GX:\n")
	members("globex")
	fmt.Fprintf(&policy, "  %q: {open_to: externals}\n  \"(Main)\": {open_to: externals}\n  User: {open_to: externals}\n  news: {open_to: public}\n", mwtest.HarshBook)
	if err := os.WriteFile(filepath.Join(base.dir, "policy.yaml"), []byte(policy.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := base.load(addr); err != nil {
		t.Fatal(err)
	}
	for _, o := range out {
		o.client = o.signInAt(t, "/wiki/Main_Page")
	}
	return out
}

// fetch asks once, and looks.
func (o *onlooker) fetch(t *testing.T, target string) (answer, error) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, o.site+target, nil)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Accept", "text/html,application/json,*/*")
	res, err := o.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{target, res.StatusCode, res.Header, body}
	o.look(t, a)
	if a.status >= 500 {
		t.Errorf("FAILED %s: status %d", target, a.status)
	}
	return a, nil
}

var linked = regexp.MustCompile(`(?:href|src|action|data-[a-z-]*url)=(?:"([^"]*)"|'([^']*)')|"((?:https?:\\?/\\?/[^"\\]|\\?/w)[^"]*)"|<(?:link|id|guid|comments)[^>]*>([^<]+)<|url\(['"]?([^'")]+)`)

// links gives what an answer leads to on this site, as paths.
func (o *onlooker) links(a answer) []string {
	at, err := url.Parse(o.site + a.url)
	if err != nil {
		return nil
	}
	var out []string
	add := func(raw string) {
		u, err := at.Parse(strings.TrimSpace(raw))
		if err != nil || "http://"+u.Host != o.site || strings.HasPrefix(u.Path, "/.postern") {
			return
		}
		u.Fragment = ""
		out = append(out, u.RequestURI())
	}
	for _, m := range linked.FindAllSubmatch(a.body, -1) {
		for i, g := range m[1:] {
			if len(g) == 0 {
				continue
			}
			s := html.UnescapeString(string(g))
			if i == 2 {
				s = strings.ReplaceAll(s, `\/`, "/")
				if un, err := strconv.Unquote(`"` + s + `"`); err == nil {
					s = un
				}
			}
			add(s)
		}
	}
	if l := a.header.Get("Location"); l != "" {
		add(l)
	}
	return out
}

// crawl goes through entries and all that they lead to, breadth first, up to a
// number of requests.
func (o *onlooker) crawl(t *testing.T, entries []string, bound int) map[int]int {
	seen := map[string]bool{}
	var level []string
	push := func(us []string) {
		for _, u := range us {
			if !seen[u] && len(seen) < bound {
				seen[u] = true
				level = append(level, u)
			}
		}
	}
	push(entries)
	statuses := map[int]int{}
	from := map[string]string{}
	for len(level) > 0 {
		now := level
		level = nil
		found := make([][]string, len(now))
		var mu sync.Mutex
		var wg sync.WaitGroup
		next := make(chan int)
		for range 4 {
			wg.Go(func() {
				for i := range next {
					a, err := o.fetch(t, now[i])
					if err != nil {
						t.Errorf("%s: %v", now[i], err)
						continue
					}
					mu.Lock()
					statuses[a.status]++
					if at := from[now[i]]; a.status >= 400 && at != "" && os.Getenv("POSTERN_E2E_BOUND") != "" {
						t.Logf("DANGLING %d %s\n\tfrom %s", a.status, now[i], at)
					}
					mu.Unlock()
					found[i] = o.links(a)
				}
			})
		}
		for i := range now {
			next <- i
		}
		close(next)
		wg.Wait()
		for i, f := range found {
			for _, u := range f {
				if from[u] == "" {
					from[u] = now[i]
				}
			}
			push(f)
		}
	}
	return statuses
}

// TestHarsh crawls the awkward world as each of its viewers.
func TestHarsh(t *testing.T) {
	for _, o := range newHarsh(t) {
		t.Run(o.name, func(t *testing.T) {
			began := time.Now()
			o.showsAll(t)
			t.Logf("pages: %s", time.Since(began).Round(time.Millisecond))
			if o.name == "acme" {
				o.known(t)
			}
			bound := 300
			if n, err := strconv.Atoi(os.Getenv("POSTERN_E2E_BOUND")); err == nil {
				bound = n
			}
			// What pages lead to, and then what nobody leads to.
			st := o.crawl(t, []string{"/wiki/Main_Page", "/wiki/Special:RecentChanges?limit=500&days=30"}, bound)
			t.Logf("by links: %v after %s", st, time.Since(began).Round(time.Millisecond))
			if os.Getenv("POSTERN_E2E_BFS") != "" {
				return
			}
			st = o.crawl(t, o.entries(t), 2*bound)
			t.Logf("%v after %s", st, time.Since(began).Round(time.Millisecond))
		})
	}
}

// known are cases that went wrong once.
func (o *onlooker) known(t *testing.T) {
	get := func(target string) answer {
		a, err := o.fetch(t, target)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for _, p := range o.world.Pages {
		if !strings.HasSuffix(p.Title, " once") {
			continue
		}
		// Its first version showed a hidden page.
		res, err := http.Get(o.wiki.URL + "/w/api.php?action=query&prop=revisions&rvlimit=9&rvprop=ids&format=json&formatversion=2&titles=" + url.QueryEscape(p.Title))
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Query struct {
				Pages []struct {
					Revisions []struct{ RevID int }
				}
			}
		}
		err = json.NewDecoder(res.Body).Decode(&got)
		res.Body.Close()
		if err != nil || len(got.Query.Pages) != 1 || len(got.Query.Pages[0].Revisions) != 2 {
			t.Fatalf("revisions of %s: %v, %v", p.Title, got, err)
		}
		revs := got.Query.Pages[0].Revisions
		for _, form := range []string{"/w/index.php?oldid=%d", "/w/index.php?diff=%d", "/w/api.php?action=parse&format=json&oldid=%d"} {
			get(fmt.Sprintf(form, revs[0].RevID)).shows(t, p.Shown...)
			get(fmt.Sprintf(form, revs[1].RevID)).gone(t)
		}
	}
	// Lists that the wiki answers with 404 when there is nothing in them.
	get("/wiki/Special:WhatLinksHere/Main_Page").shows(t)
	get("/wiki/Special:RecentChangesLinked/C%2B%2B_style").shows(t)
	// Feeds, by way of the wiki's redirect.
	a := get("/w/index.php?title=Special:RecentChanges&feed=atom")
	if to, err := url.Parse(a.header.Get("Location")); err != nil || a.status != http.StatusFound {
		t.Errorf("%s: %d, %v", a.url, a.status, err)
	} else {
		get(to.RequestURI()).shows(t, "<entry")
	}
	// The rows of a page that was moved to where it is hidden name its old title.
	get("/wiki/Special:Log?limit=500").shows(t, "data-mw-logid")
	get("/w/api.php?action=query&format=json&list=recentchanges&rclimit=500&rcprop=title%7Cuser%7Ccomment").shows(t, "recentchanges")
	get("/w/api.php?action=query&format=json&list=recentchanges&rclimit=500&rcshow=!bot&rctype=new&rcprop=title").shows(t, "recentchanges")
	get("/w/api.php?action=feedrecentchanges&feedformat=atom&limit=50&days=30&namespace=3000").shows(t, "<entry")
	get("/w/load.php?lang=en&skin=vector&modules=site.styles&only=styles")
	get("/w/load.php?lang=en&skin=vector&modules=site")
	get("/wiki/Special:Contributions").gone(t)
	get("/w/api.php?action=query&format=json&list=logevents&lelimit=500").shows(t, "logid")
	get("/w/api.php?action=query&format=json&list=logevents&lelimit=500&leprop=title%7Ccomment").shows(t, "logid")
}

// showsAll checks that every visible page is there, with its words, and that
// no hidden one is.
func (o *onlooker) showsAll(t *testing.T) {
	seen, lost := 0, 0
	for _, p := range o.world.Pages {
		visible := o.world.Visible(p, o.sight) && !p.Deleted
		a, err := o.fetch(t, path(p.Title))
		if err != nil {
			t.Fatal(err)
		}
		if !visible {
			lost++
			if a.status != 404 {
				t.Errorf("%s: status %d for a hidden page", a.url, a.status)
			}
			continue
		}
		seen++
		if a.status == http.StatusMovedPermanently || a.status == http.StatusFound {
			to, err := url.Parse(a.header.Get("Location"))
			if err != nil {
				t.Errorf("%s: %v", a.url, err)
				continue
			}
			if a, err = o.fetch(t, to.RequestURI()); err != nil {
				t.Fatal(err)
			}
		}
		if p.Redirect != "" {
			if to := o.world.Page(p.Redirect); to != nil {
				a.shows(t, to.Shown...)
			}
			continue
		}
		a.shows(t, p.Shown...)
	}
	t.Logf("%d visible pages, %d hidden", seen, lost)
}

// entries are the addresses to begin with: every page in every form, every
// list, every module.
func (o *onlooker) entries(t *testing.T) []string {
	out := []string{"/", "/wiki/Main_Page", "/wiki/", "/w/index.php", "/w/", "/wiki/Special:SpecialPages"}
	ids := o.ids(t)
	q := func(s string) string { return url.QueryEscape(s) }
	forms := func(p *mwtest.Page) []string {
		us := []string{
			index(p.Title, "&action=history"), index(p.Title, "&action=raw"), index(p.Title, "&action=info"), index(p.Title, "&diff=prev"),
			"/w/api.php?action=parse&format=json&page=" + q(p.Title), "/w/api.php?action=query&format=json&prop=revisions|info|links|templates|images|categories|extlinks&rvprop=content|user|comment|ids&rvslots=main&inprop=url&pllimit=500&titles=" + q(p.Title),
		}
		if id := ids[p.Title]; id[0] > 0 {
			us = append(us, fmt.Sprintf("/w/index.php?curid=%d", id[0]), fmt.Sprintf("/w/index.php?oldid=%d", id[1]), fmt.Sprintf("/w/index.php?diff=%d", id[1]))
		}
		return us
	}
	more := func(p *mwtest.Page) []string {
		t := strings.TrimPrefix(path(p.Title), "/wiki/")
		us := []string{
			index(p.Title, "&printable=yes"), index(p.Title, "&useskin=monobook"), index(p.Title, "&useskin=timeless"), index(p.Title, "&useskin=vector-2022"), index(p.Title, "&action=render"), index(p.Title, "&action=credits"), index(p.Title, "&action=edit"),
			"/w/index.php/" + t, "/wiki/" + strings.ToLower(t), "/wiki/" + strings.ReplaceAll(t, "_", "+"), "/wiki/" + t + "/", "/wiki/:" + t, "/wiki/Talk:" + t, "/wiki/Special:WhatLinksHere/" + t, "/wiki/Special:RecentChangesLinked/" + t,
			"/wiki/Special:PrefixIndex/" + t, "/wiki/Special:AllPages/" + t, "/wiki/Special:Log?page=" + t, "/wiki/Special:Search?search=" + t + "&go=Go", "/wiki/Special:Search/" + t, "/wiki/Special:MovePage/" + t, "/wiki/Special:FilePath/" + t, "/wiki/Special:PageInfo/" + t, "/wiki/Special:EditPage/" + t,
			"/wiki/Special:PageHistory/" + t, "/wiki/Special:CiteThisPage?page=" + t, "/wiki/Special:ComparePages?page1=" + t, "/wiki/Special:Export/" + t, "/wiki/Special:Redirect/page/1", index(p.Title, "&action=history&feed=atom"), index(p.Title, "&action=history&feed=rss"), index(p.Title, "&redirect=no"),
			"/w/api.php?action=query&list=backlinks&format=json&bllimit=500&bltitle=" + q(p.Title), "/w/api.php?action=query&list=embeddedin&format=json&formatversion=2&eilimit=500&eititle=" + q(p.Title),
			"/w/api.php?action=query&prop=linkshere|transcludedin|fileusage|redirects&format=json&lhlimit=500&titles=" + q(p.Title), "/w/api.php?action=query&generator=links&format=json&gpllimit=500&prop=info&titles=" + q(p.Title),
			"/w/api.php?action=query&generator=templates&format=json&gtllimit=500&prop=info&titles=" + q(p.Title), "/w/api.php?action=query&prop=contributors|extracts|pageimages&format=json&titles=" + q(p.Title),
			"/w/api.php?action=query&prop=extracts&explaintext=1&format=json&titles=" + q(p.Title),
			"/w/api.php?action=parse&format=json&formatversion=2&prop=text|sections|displaytitle|links|templates|images|externallinks|wikitext&page=" + q(p.Title), "/w/api.php?action=query&list=logevents&format=json&letitle=" + q(p.Title),
			"/w/rest.php/v1/page/" + url.PathEscape(strings.ReplaceAll(p.Title, " ", "_")), "/w/rest.php/v1/page/" + url.PathEscape(strings.ReplaceAll(p.Title, " ", "_")) + "/bare", "/w/rest.php/v1/page/" + url.PathEscape(strings.ReplaceAll(p.Title, " ", "_")) + "/html", "/w/rest.php/v1/page/" + url.PathEscape(strings.ReplaceAll(p.Title, " ", "_")) + "/links/media",
		}
		if id := ids[p.Title]; id[0] > 0 {
			us = append(us, fmt.Sprintf("/w/api.php?action=query&format=json&pageids=%d&prop=info", id[0]), fmt.Sprintf("/w/api.php?action=query&format=json&revids=%d&prop=revisions&rvprop=user|comment|content", id[1]),
				fmt.Sprintf("/w/api.php?action=parse&format=json&oldid=%d", id[1]), fmt.Sprintf("/w/api.php?action=compare&format=json&fromrev=%d&torelative=prev", id[1]), fmt.Sprintf("/wiki/Special:PermanentLink/%d", id[1]), fmt.Sprintf("/wiki/Special:Diff/%d", id[1]),
				fmt.Sprintf("/wiki/Special:Redirect/page/%d", id[0]), fmt.Sprintf("/w/index.php?diff=%d&oldid=%d", id[1], max(1, id[1]-1)))
		}
		return us
	}
	full := os.Getenv("POSTERN_E2E_BOUND") != ""
	// Visible pages first: a bounded crawl learns more from them.
	pages := slices.Clone(o.world.Pages)
	hidden := func(p *mwtest.Page) int {
		if o.world.Visible(p, o.sight) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(pages, func(a, b *mwtest.Page) int { return hidden(a) - hidden(b) })
	for i, p := range pages {
		if full || i%4 == 0 || strings.HasPrefix(p.Title, "File:") {
			out = append(out, forms(p)...)
		}
		if full || i%23 == 5 {
			out = append(out, more(p)...)
		}
	}
	for i, p := range o.world.People {
		n := strings.ReplaceAll(p.Name, " ", "_")
		us := []string{path("User:" + p.Name), path("Special:Contributions/" + p.Name), "/w/index.php?title=Special:Log&user=" + q(n)}
		us = append(us, path("User talk:"+p.Name), "/w/api.php?action=query&format=json&list=usercontribs&uclimit=50&ucuser="+q(p.Name), "/w/api.php?action=query&format=json&list=users&usprop=groups|editcount&ususers="+q(p.Name), "/w/api.php?action=feedcontributions&user="+q(p.Name),
			path("Special:ListUsers/"+p.Name), "/w/index.php?title=Special:ListUsers&username="+q(p.Name), path("Special:EmailUser/"+p.Name), path("Special:Block/"+p.Name), path("Special:Redirect/user/"+strconv.Itoa(i+2)), "/w/index.php?title=Special:ListFiles&user="+q(p.Name), "/w/index.php?title=Special:NewPages&username="+q(p.Name))
		if full || i%4 == 0 {
			out = append(out, us...)
		}
	}
	for _, sp := range strings.Fields("RecentChanges NewPages AllPages ListFiles NewFiles ListUsers ActiveUsers Log Statistics Version Categories CategoryTree Search SpecialPages LonelyPages UncategorizedPages WantedPages WantedCategories WantedFiles WantedTemplates MostLinked MostRevisions ShortPages LongPages OldestPages DeadendPages DoubleRedirects BrokenRedirects ListRedirects ProtectedPages ProtectedTitles BlockList ListGroupRights AllMessages Random RandomRedirect RandomInCategory Export ApiSandbox LinkSearch MIMESearch FileDuplicateSearch UserRights UserLogin CreateAccount PasswordReset Preferences Watchlist MyPage MyTalk MyContributions Undelete Import Interwiki TrackingCategories Tags BookSources Diff ComparePages PagesWithProp UnusedFiles UnusedTemplates UnusedCategories PrefixIndex RecentChangesLinked WhatLinksHere Contributions Upload Block ChangeEmail GadgetUsage MediaStatistics JavaScriptTest NewSection TalkPage Redirect AutoblockList Mute Contribute DeletedContributions MergeHistory ExpandTemplates") {
		out = append(out, "/wiki/Special:"+sp, "/w/index.php?limit=500&title=special:"+strings.ToLower(sp))
	}
	for _, u := range []string{
		"?limit=500&days=30", "?limit=500&days=30&enhanced=1", "?limit=500&days=30&hidebots=0&hidecategorization=0", "?namespace=3000&limit=500&days=30", "?namespace=3010", "?namespace=0%3B3000&limit=500&days=30", "?feed=atom", "?feed=rss", "?from=20200101000000&limit=500", "?limit=5&days=30",
	} {
		out = append(out, "/wiki/Special:RecentChanges"+u, "/wiki/Special:RecentChangesLinked/Main_Page"+u)
	}
	for _, n := range o.world.Namespaces {
		for _, sp := range []string{"AllPages", "PrefixIndex", "NewPages", "RecentChanges", "Log", "Contributions/" + url.PathEscape(o.me.Name), "WhatLinksHere/Main_Page"} {
			out = append(out, fmt.Sprintf("/wiki/Special:%s?namespace=%d", sp, n.ID))
		}
		for _, l := range []string{"list=allpages&aplimit=500&apnamespace", "generator=allpages&prop=info|revisions|categories&rvprop=user|comment|content&rvslots=main&gaplimit=50&gapnamespace", "list=recentchanges&rclimit=500&rcprop=title|user|comment|parsedcomment|ids|loginfo&rcnamespace", "list=search&srwhat=text&srlimit=50&srsearch=minutes&srnamespace", "list=logevents&lelimit=500&lenamespace", "list=prefixsearch&pssearch=A&psnamespace"} {
			out = append(out, fmt.Sprintf("/w/api.php?action=query&format=json&%s=%d", l, n.ID))
		}
		out = append(out, "/wiki/"+strings.ReplaceAll(url.PathEscape(n.Name), "%20", "_")+":", "/wiki/"+url.PathEscape(n.Alias)+":Home", "/wiki/"+strings.ReplaceAll(url.PathEscape(n.Name), "%20", "_")+"_talk:Home")
	}
	for _, v := range []string{"", "&formatversion=2"} {
		for _, l := range []string{
			"list=allpages&aplimit=3", "list=recentchanges&rclimit=3&rcprop=title|user|comment", "list=recentchanges&rclimit=500&rcprop=title|ids|user|userid|comment|parsedcomment|timestamp|sizes|loginfo|flags|redirect|tags", "list=allusers&aulimit=3", "list=allusers&aulimit=500&auprop=groups", "list=logevents&lelimit=3", "list=logevents&lelimit=500",
			"list=allimages&ailimit=500", "list=allimages&ailimit=1", "generator=allimages&gailimit=50&prop=imageinfo&iiprop=url|user|comment|metadata", "list=allcategories&aclimit=500", "list=alllinks&allimit=500", "list=alltransclusions", "list=allredirects", "list=allfileusages", "list=allrevisions&arvlimit=50", "list=alldeletedrevisions", "list=blocks", "list=exturlusage&eulimit=500", "list=protectedtitles", "list=querypage&qppage=Wantedpages", "list=random&rnlimit=10", "list=tags", "list=watchlist", "list=filearchive", "list=pagepropnames", "list=pageswithprop&pwppropname=defaultsort",
			"meta=siteinfo&siprop=general|namespaces|namespacealiases", "meta=siteinfo&siprop=statistics|usergroups|extensions|interwikimap|specialpagealiases", "meta=userinfo&uiprop=*", "meta=userinfo&uiprop=groups|rights", "meta=allmessages&amcustomised=modified", "meta=allmessages&ammessages=sidebar|sitenotice", "meta=tokens", "meta=filerepoinfo", "meta=languageinfo",
			"titles=Main_Page&export=1", "titles=Main_Page&prop=links&pllimit=5", "titles=Main_Page&prop=links&pllimit=500", "titles=Main_Page&prop=revisions&rvprop=content|user&rvslots=*", "titles=Main_Page&generator=links&gpllimit=500&prop=info|revisions|categories|extracts|pageimages&inprop=url", "titles=Main_Page&generator=links&gpllimit=5&prop=info", "generator=search&gsrsearch=minutes&prop=info", "generator=recentchanges&grclimit=50&prop=info", "generator=random&grnlimit=5", "list=categorymembers&cmtitle=Category:Not_for_partners", "list=search&srsearch=minutes&srlimit=5&srwhat=text", "list=search&srsearch=nobody&srwhat=text&srnamespace=*&srlimit=50", "list=backlinks&bltitle=Main_Page&bllimit=1",
		} {
			out = append(out, "/w/api.php?action=query&format=json&"+l+v)
		}
	}
	for _, u := range []string{
		"action=opensearch&search=A", "action=opensearch&search=acme&namespace=*", "action=opensearch&search=a&limit=100&namespace=0|3000|3010", "action=opensearch&search=A&format=xml", "action=feedrecentchanges", "action=feedrecentchanges&feedformat=atom&days=30&limit=50", "action=feedrecentchanges&feedformat=rss&days=30&limit=50&namespace=3000", "action=feedrecentchanges&target=Main_Page&limit=50&days=30", "action=feedwatchlist", "action=help", "action=paraminfo&modules=query", "action=rsd", "", "action=query&format=xml&list=allpages", "action=query&format=jsonfm&list=allpages", "action=query&format=php&list=allpages",
		"action=expandtemplates&text={{:ACME:Salary}}&prop=wikitext&format=json", "action=parse&text=x&format=json", "action=cirrus-config-dump", "action=sitematrix", "action=compare&fromtitle=Main_Page&totitle=ACME:Salary&format=json", "action=checktoken", "action=query&list=allpages&format=json&callback=x",
	} {
		out = append(out, "/w/api.php?"+strings.ReplaceAll(u, " ", "%20"))
	}
	for _, m := range []string{"site", "site.styles", "startup", "mediawiki.base|mediawiki.widgets", "jquery|mediawiki.util", "user", "user.styles", "user.options", "mediawiki.special.recentchanges|mediawiki.rcfilters.filters.ui", "skins.vector.styles", "mediawiki.Title|mediawiki.api", "mediawiki.page.ready|mediawiki.searchSuggest", "ext.categoryTree", "mmv", "mediawiki.jqueryMsg|mediawiki.language"} {
		out = append(out, "/w/load.php?lang=en&skin=vector&modules="+q(m), "/w/load.php?lang=en&skin=vector&only=scripts&modules="+q(m), "/w/load.php?lang=en&skin=vector&only=styles&modules="+q(m))
	}
	for i, p := range o.world.Pages {
		if i%6 == 0 && titleWord(p) != "" || i%40 == 0 {
			w := titleWord(p)
			if w == "" {
				w = "salary"
			}
			for _, u := range []string{"/w/index.php?title=Special:Search&fulltext=1&limit=100&search=", "/w/index.php?search=", "/w/index.php?title=Special:Search&profile=all&fulltext=1&search=", "/w/api.php?action=opensearch&format=json&search=", "/w/api.php?action=query&format=json&list=search&srwhat=text&srlimit=50&srsearch=", "/w/api.php?action=query&format=json&list=prefixsearch&pssearch=", "/w/rest.php/v1/search/title?q=", "/w/rest.php/v1/search/page?q="} {
				out = append(out, u+q(w))
			}
		}
	}
	for _, w := range []string{"trellised", "twinned", "minutes", "about", "nobody", "salary", "figures", "a", "the"} {
		out = append(out, "/w/index.php?title=Special:Search&fulltext=1&limit=100&search="+w, "/w/index.php?title=Special:Search&fulltext=1&ns0=1&ns3000=1&ns3010=1&search="+w, "/w/rest.php/v1/search/page?limit=100&q="+w, "/w/rest.php/v1/search/title?limit=100&q="+w)
	}
	out = append(out, o.images(t)...)
	out = append(out, "/w/opensearch_desc.php", "/w/thumb.php?f=Secret.png", "/w/img_auth.php/a/ab/x.png", "/w/images/", "/w/images/archive/", "/w/rest.php/v1/", "/w/rest.php", "/robots.txt", "/favicon.ico", "/w/resources/assets/wiki.png", "/w/extensions/", "/w/mw-config/", "/w/index.php?title=Special:Search&search=Main_Page&go=Go", "/w/load.php")
	// A bounded crawl takes a sample of all sorts.
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	for i, u := range out {
		out[i] = strings.ReplaceAll(strings.ReplaceAll(u, "|", "%7C"), " ", "_")
	}
	return out
}

// images are the addresses of all files and of their thumbnails.
func (o *onlooker) images(t *testing.T) []string {
	t.Helper()
	res, err := http.Get(o.wiki.URL + "/w/api.php?action=query&list=allimages&ailimit=500&format=json&formatversion=2")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var got struct {
		Query struct {
			AllImages []struct{ Name, URL, Title string }
		}
	}
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range got.Query.AllImages {
		u, err := url.Parse(f.URL)
		if err != nil {
			t.Fatal(err)
		}
		at := u.EscapedPath()
		out = append(out, at, strings.Replace(at, "/images/", "/images/thumb/", 1)+"/120px-"+url.PathEscape(f.Name))
		a, err := o.fetch(t, at)
		if err != nil {
			t.Fatal(err)
		}
		if p := o.world.Page(f.Title); o.world.Visible(p, o.sight) != (a.status == http.StatusOK) {
			t.Errorf("%s (%s): status %d", at, f.Title, a.status)
		}
	}
	sort.Strings(out)
	return out
}

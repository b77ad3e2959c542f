package gateway_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/wikitest"
)

// direct is W|v as the wiki itself gives it to its viewer: at the site's own
// address, without accounts that no person has. What is pulled in from another
// page is left out, as the rendered page does not say from which.
func direct(t *testing.T, r *wikitest.World) *wikitest.World {
	t.Helper()
	c := *r
	c.Base, c.Tokens = "https://site.example", nil
	c.Users = slices.DeleteFunc(slices.Clone(r.Users), func(u wikitest.User) bool { return u.SeesAll })
	pulled := func(b string) string {
		return twinMark.ReplaceAllStringFunc(b, func(m string) string {
			ref, ok := strings.CutPrefix(m, "{{include:")
			if !ok {
				return m
			}
			if p := (&restriction{w: r}).find(strings.TrimSuffix(ref, "}}")); p == nil || p.Type == "blogpost" {
				return "" // not found, and messages of macros go
			}
			return "{{unread:|" + placeholder("Restricted page") + "}}"
		})
	}
	c.Pages = slices.Clone(r.Pages)
	for i := range c.Pages {
		p := &c.Pages[i]
		p.Body, p.Versions, p.Comments = pulled(p.Body), slices.Clone(p.Versions), slices.Clone(p.Comments)
		for j := range p.Versions {
			p.Versions[j].Body = pulled(p.Versions[j].Body)
		}
		for j := range p.Comments {
			p.Comments[j].Body = pulled(p.Comments[j].Body)
		}
	}
	if err := c.Prepare(); err != nil {
		t.Fatal(err)
	}
	return &c
}

// closedToPartners are requests that the wiki answers and the gateway does not,
// whatever they are about: people's directories, the account's own state,
// expansions that nobody names, and, as a hidden space and a missing one are
// the same, lists of a space that is not there.
var closedToPartners = regexp.MustCompile(`^(/browsepeople|/rest/recentlyviewed/|/rest/api/user/current|/rest/api/content/\d+\?expand=.*restrictions|/.*[?&](spaceKeys|spaces)=ALPHA)`)

// change is one known difference: what is taken out of both answers.
type change struct {
	what *regexp.Regexp
	with string
}

// inText are the differences between what the wiki says of W|v and what the
// gateway lets through of W, in markup and in texts.
var inText = []change{
	// A hidden author is a text; the wiki's placeholder account has a page and a picture.
	{regexp.MustCompile(`(?s)<a [^>]*data-username="placeholder"[^>]*>(?:<img[^>]*>)?(Restricted user)?</a>`), "$1"},
	{regexp.MustCompile(`<span class="postern-hidden">Hidden user</span>|Restricted user`), "Hidden user"},
	// A line of names with a hidden one among them.
	{regexp.MustCompile(`(?s)<span class="contributors [^>]*>[^>]*Hidden user.*?</span>|<span class="contributors [^>]*>(?:<a[^>]*>[^<]*</a>(?:, )?)+Hidden user.*?</span>`), "Hidden user"},
	// Totals.
	{regexp.MustCompile(` data-totalsize="\d+"|<p class="search-results-count">.*</p>\n`), ""},
	// Tokens, and who the account is.
	{regexp.MustCompile(`(<meta [^>]*name="(?:atlassian-token|ajs-atl-token|ajs-current-user-avatar-uri-reference|ajs-num-attachments)" content=")[^"]*`), "$1"},
	{regexp.MustCompile(`(synchrony-user.user"\]=)".*";`), "$1"},
	{regexp.MustCompile(`\n?<li[^>]*><a id="(?:user-menu-link|view-user-history-link|logout-link)".*</li>`), ""},
	// Ways to what is closed.
	{regexp.MustCompile(`\n?<li[^>]*><a (?:id="(?:people-directory-link|quick-create-page-button|editPageLink|view-page-info-link|action-[a-z-]+)"|class="action-).*</li>`), ""},
	{regexp.MustCompile(`<a [^>]*(?:id="acs-[a-z-]+"|class="(?:add-comment|changes-link)")[^>]*>[^<]*</a>`), ""},
	{regexp.MustCompile(`<li class="comment-action-reply">.*?</li>|<a href="[^"]*revertpagebacktoversion[^"]*">Restore</a>| action="/pages/diffpages[^"]*"`), ""},
	{regexp.MustCompile(`<a(?: href="/pages/viewpage.action\?pageId=\d+")?>(v. \d+)</a>`), "$1"},
	{regexp.MustCompile(`<a class="createlink"[^>]*>([^<]*)</a>`), "$1"},
	{regexp.MustCompile(`<a class='last-modified'[^>]*>([^<]*)</a>`), "$1"},
	{regexp.MustCompile(`\n?<link rel="search"[^>]*>|\n?<input type="hidden" name="loginUrl"[^>]*>|(?s)\n?<script type="text/x-template" title="movePageDialog">.*?</script>`), ""},
	// Who likes a page, as a sentence.
	{regexp.MustCompile(`<span class="like-summary">.*?</span>`), ""},
	// What stands around an address in a feed, which is changed as the site's is another.
	{regexp.MustCompile(`href=&#34;\s*(.*?)\s*&#34;`), "href=&#34;$1&#34;"},
	// E-mail addresses that the directory does not know, as no listing of the wiki has them.
	{regexp.MustCompile(`<a href="mailto:[^>]*>[^<]*</a>|&lt;a href=&#34;mailto:.*?&lt;/a&gt;`), "Hidden user"},
	{regexp.MustCompile(`&lt;a href=&#34;[^&]*/~placeholder&#34;&gt;Hidden user&lt;/a&gt;|&lt;span class=&#34;postern-hidden&#34;&gt;Hidden user&lt;/span&gt;`), "Hidden user"},
	// The address that scripts put before those of static files: no file is there.
	{regexp.MustCompile(`(<meta name="ajs-static-resource-url-prefix" content=")[^"]*`), "$1"},
	// Where the list that goes on was looked for.
	{regexp.MustCompile(`spaceKeys=[^&"]*`), "spaceKeys="},
	// Where a link was followed from.
	{regexp.MustCompile(`(href="[^"]*?)(?:\?|&amp;)src=[a-z-]+`), "$1"},
}

// upToBoth takes the differences out of a text.
func upToBoth(s string) string {
	for _, d := range inText {
		s = d.what.ReplaceAllString(s, d.with)
	}
	return upTo(s)
}

// gone are the members of JSON objects that no answer of the gateway has, with
// the values that they have then.
var gone = []struct{ key, value *regexp.Regexp }{
	// Totals, and how long a search took.
	{regexp.MustCompile(`^(totalSize|searchDuration|cqlQuery|statusMessage|score|moreUpdates|nextPageOffset)$`), regexp.MustCompile(``)},
	// What nobody knows how to read, or what leads to what is closed.
	{regexp.MustCompile(`^(operations|restrictions|relevantViewRestrictions|retentionPolicy|editor|editorHtml|frontend|currentuser|properties|syncRev|position|edit|summary|displayableEmail)$`), regexp.MustCompile(``)},
	{regexp.MustCompile(`^(self|href)$`), regexp.MustCompile(`/rest/(experimental|prototype)/`)},
	// Pictures of commenters, which stand where nothing says whose they are, and
	// the placeholder's account.
	{regexp.MustCompile(`^(authorAvatarUrl|authorUserName)$`), regexp.MustCompile(`^/|^Hidden user$|^placeholder$`)},
	// The older REST has no form for nobody in particular.
	{regexp.MustCompile(`^(creator|lastModifier)$`), regexp.MustCompile(`^Hidden user$`)},
	// A next page is Postern's own, and the query in it says where it looked.
	{regexp.MustCompile(`^(self|next|prev)$`), regexp.MustCompile(`\?`)},
}

// plain is a JSON value without what the gateway leaves out.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		if v["username"] == "placeholder" || v["displayName"] == "Hidden user" || v["fullName"] == "Hidden user" || v["title"] == "Hidden user" {
			return "Hidden user"
		}
		for k, e := range v {
			e = plain(e)
			s, _ := e.(string)
			if slices.ContainsFunc(gone, func(g struct{ key, value *regexp.Regexp }) bool {
				return g.key.MatchString(k) && g.value.MatchString(s)
			}) {
				delete(v, k)
				continue
			}
			v[k] = e
		}
	case []any:
		v = slices.DeleteFunc(v, func(e any) bool { return e == placeholderUser.Key }) // a list of keys beside one of users
		for i := range v {
			v[i] = plain(v[i])
		}
		return v
	case string:
		return upToBoth(v)
	}
	return v
}

// plainly is an answer without the known differences.
func plainly(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	var v any
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		return upToBoth(w.Body.String())
	}
	if err := json.Unmarshal(w.Body.Bytes(), &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.MarshalIndent(plain(v), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestTwinDirect compares what comes out of a world with what the wiki itself
// would say if there were nothing else in it.
func TestTwinDirect(t *testing.T) {
	t.Parallel()
	forTwins(t, func(t *testing.T, w *wikitest.World, s sight, _ uint64, as string) {
		wiki := direct(t, restricted(t, w, s))
		compareDirect(t, wiki, newTwin(t, w, as), as)
	})
}

// people are lists of people, whom partners do not search for.
var people = []string{"/rest/prototype/1/search/user", "/rest/api/search?cql=type%3Duser"}

func compareDirect(t *testing.T, wiki *wikitest.World, tw *twin, as string) {
	t.Helper()
	handler := wikitest.New(wiki)
	for _, target := range twinPaths(wiki) {
		if strings.Contains(target, placeholderUser.Name) || strings.Contains(target, placeholderUser.Key) || isShorter(target) || slices.ContainsFunc(people, func(p string) bool { return strings.HasPrefix(target, p) }) {
			continue
		}
		r := httptest.NewRequest(http.MethodGet, "https://site.example"+target, nil)
		r.Header.Set("X-Remote-User", as)
		want, got := httptest.NewRecorder(), tw.get(target)
		handler.ServeHTTP(want, r)
		switch {
		case want.Code == http.StatusOK && got.Code == http.StatusNotFound && closedToPartners.MatchString(target):
		case want.Code != got.Code:
			t.Errorf("%s: %d, and through the gateway %d: %s", target, want.Code, got.Code, tw.event.Reason)
		case want.Code != http.StatusOK: // the one answer for what is not there
		default:
			if left, right := plainly(t, want), plainly(t, got); left != right {
				t.Errorf("%s\n%s", target, diff(left, right))
			}
		}
	}
}

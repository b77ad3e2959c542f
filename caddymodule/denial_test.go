package caddymodule

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/rules"
)

// oneDenial asks for all targets by every method and in every representation:
// the answers are the same bytes and header fields, and the wiki is not asked.
func (s *rawSite) oneDenial(t *testing.T, cookie string, targets []string) {
	t.Helper()
	for _, header := range [][]string{
		nil,
		{"Accept: text/html"},
		{"Accept: application/json"},
		{"Accept: application/atom+xml"},
		{"Accept: image/png"},
		{"Accept: */*"},
		{"Sec-Fetch-Dest: image"},
		{"Sec-Fetch-Dest: script"},
		{"Sec-Fetch-Dest: document"},
		{"Sec-Fetch-Dest: empty", "Accept: */*"},
		{"X-Requested-With: XMLHttpRequest"},
		{"Accept-Encoding: gzip", "Accept: text/html"},
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE"} {
			want, first := "", ""
			for _, target := range targets {
				got := s.send(t, s.request(method+" "+target, cookie, append([]string{sameOrigin, "Content-Length: 0"}, header...)...))
				if got.failed != nil || got.status != http.StatusNotFound {
					t.Errorf("%s %s %v: %d %v", method, target, header, got.status, got.failed)
					continue
				}
				if want == "" {
					want, first = got.String(), target
				}
				if d := cmp.Diff(want, got.String()); d != "" {
					t.Errorf("%s %v: %s and %s differ:\n%s", method, header, first, target, d)
				}
			}
		}
	}
	for _, u := range s.tap.take() {
		t.Errorf("a denial asks the wiki: %q", u.raw)
	}
}

// denied lists, by class of route, what is hidden, missing, closed, or of the
// wrong type.
var denied = map[string]map[rules.Class][]string{
	"confluence-dc": {
		rules.ClassContent: {
			"/display/HR/Osprey+Redundancy+Plan", "/display/HR/No+such+page", "/display/NOSUCH/x", "/display/ACME/No+such+page", "/pages/viewpage.action?pageId=99999999", "/pages/viewpage.action?pageId=x",
			"/x/zzzz", "/rest/api/content/1", "/rest/api/content/1/child/page", "/pages/viewpreviousversions.action?pageId=1", "/display/HR/2026/01/02/x",
		},
		rules.ClassSpace:  {"/display/HR", "/display/NOSUCH", "/rest/api/space/HR", "/rest/api/space/NOSUCH", "/rest/api/space/HR/content", "/pages/listpages.action?key=HR", "/label/HR/x"},
		rules.ClassUser:   {"/display/~hetty.harrier", "/display/~nobody", "/rest/api/user?username=hetty.harrier", "/rest/api/user?username=nobody", "/users/viewuserprofile.action?username=hetty.harrier"},
		rules.ClassFile:   {"/download/attachments/1/x.png", "/download/thumbnails/99999999/x.png", "/download/attachments/embedded-page/HR/x/y.png"},
		rules.ClassSearch: {"/rest/api/search?cql=nosuch=1", "/rest/api/search?cql=(", "/rest/api/content?spaceKey=HR", "/rest/api/content?spaceKey=NOSUCH", "/dosearchsite.action?where=HR", "/dosearchsite.action?where=NOSUCH", "/dosearchsite.action?nosuch=1"},
		rules.ClassFeed:   {"/createrssfeed.action?types=page&spaces=HR", "/createrssfeed.action?types=page&spaces=NOSUCH", "/createrssfeed.action?types=nosuch"},
		rules.ClassPicker: {"/rest/prototype/1/search/user.json?nosuch=1"},
		rules.ClassPeople: {"/browsepeople.action?nosuch=1"},
		rules.ClassAdmin:  {"/admin/console.action", "/pages/viewinfo.action?pageId=66600101", "/pages/viewinfo.action?pageId=1"},
		rules.ClassWrite:  {"/pages/createpage.action?spaceKey=HR", "/pages/createpage.action?spaceKey=NOSUCH", "/pages/editpage.action?pageId=1", "/pages/editpage.action?pageId=99999999"},
		rules.ClassPersonal: {
			"/users/viewmyprofile.action", "/rest/recentlyviewed/1.0/recent?nosuch=1",
		},
		"": {"/no/such/route", "/rest/api/nosuch", "/graphql", "/exportword?pageId=66600101", "/.posternx", "/.postern/nothing"},
	},
	"mediawiki": {
		rules.ClassContent: {
			"/wiki/HR:Salaries", "/wiki/HR:Nosuch", "/wiki/Nosuch:Page", "/wiki/ACME:Nosuch", "/wiki/ACME:Internal_notes", "/wiki/ACME:Internal_nosuch", "/w/index.php?curid=2001", "/w/index.php?curid=99999", "/w/index.php?oldid=2901",
			"/w/index.php?oldid=99999", "/w/index.php?title=HR:Salaries&action=history", "/w/index.php?title=HR:Salaries&action=raw", "/w/index.php?title=ACME:Nosuch&action=raw", "/w/rest.php/v1/page/HR:Salaries", "/w/rest.php/v1/page/ACME:Nosuch",
		},
		rules.ClassUser:   {"/wiki/Special:Contributions/Zq", "/wiki/Special:Contributions/Nobody"},
		rules.ClassFile:   {"/w/images/a/ab/Secret.png", "/w/images/thumb/a/ab/Secret.png/120px-Secret.png", "/w/thumb.php?f=Secret.png"},
		rules.ClassSearch: {"/w/api.php?action=query&list=search&srsearch=x&srnamespace=3010", "/w/api.php?action=query&list=search&srsearch=x&srnamespace=9999", "/wiki/Special:Search?search=x&ns3010=1", "/wiki/Special:Whatlinkshere/HR:Salaries", "/wiki/Special:Allpages?namespace=3010", "/wiki/Special:Allpages?namespace=9999"},
		rules.ClassFeed:   {"/wiki/Special:Log?page=HR:Salaries", "/wiki/Special:Log?page=HR:Nosuch", "/wiki/Special:Recentchangeslinked/HR:Salaries"},
		rules.ClassPeople: {"/wiki/Special:Listusers?nosuch=1"},
		rules.ClassAdmin:  {"/wiki/Special:Newimages", "/w/index.php?title=ACME:Plan&action=credits", "/w/index.php?title=HR:Salaries&action=credits"},
		rules.ClassExport: {"/w/index.php?title=ACME:Plan&action=render", "/w/index.php?title=HR:Salaries&action=render"},
		rules.ClassWrite:  {"/w/index.php?title=HR:Salaries&action=edit", "/w/index.php?title=HR:Nosuch&action=edit", "/w/index.php?title=HR:Salaries&action=delete"},
		rules.ClassPersonal: {
			"/w/index.php?title=HR:Salaries&action=watch", "/w/index.php?title=HR:Nosuch&action=watch",
		},
		"": {"/no/such/route", "/w/img_auth.php/x", "/wiki/Special:Nosuch", "/wiki/Special:Export/HR:Salaries", "/w/api.php?action=nosuch", "/.postern/nothing"},
	},
}

// openClasses have no denial of their own: what is static is the same for
// everybody, and what leads to signing in or out is Postern's.
var openClasses = []rules.Class{rules.ClassStatic, rules.ClassSession}

// TestOneDenialByClass is TestOneDenial over every class of both profiles.
func TestOneDenialByClass(t *testing.T) {
	for name, site := range map[string]func(testing.TB) *rawSite{"confluence-dc": newRawSite, "mediawiki": newMediaWikiSite} {
		t.Run(name, func(t *testing.T) {
			profile, err := rules.LoadProfile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range profile.RouteTable() {
				if len(denied[name][r.Class]) == 0 && !slices.Contains(openClasses, r.Class) {
					t.Errorf("nothing of class %s is asked for (%s)", r.Class, r.Pattern)
				}
			}
			s := site(t)
			ana := s.cookie(t, "ana", "acme-demo")
			var all []string
			for _, targets := range denied[name] {
				all = append(all, targets...)
			}
			slices.Sort(all)
			s.oneDenial(t, ana, all)
		})
	}
}

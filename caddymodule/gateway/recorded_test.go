package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/rules"
)

var (
	recordedTitle  = regexp.MustCompile(`/display/([A-Za-z0-9]+|~[A-Za-z0-9._@-]+)/([^"?#&\s\\<>]+)`)
	recordedSpace  = regexp.MustCompile(`(?:/display/|/rest/api/space/|key=|spaceKey=|space-key" content="|"key":\s*")([A-Za-z0-9]+|~[A-Za-z0-9._@-]+)\b`)
	recordedUser   = regexp.MustCompile(`(?:/display/~|data-username="|"username":\s*"|[?&]username=|User icon: |ajs-remote-user" content=")([A-Za-z0-9._@-]+)`)
	recordedKey    = regexp.MustCompile(`"username":\s*"([^"]+)",\s*"userKey":\s*"([^"]+)"`)
	recordedID     = regexp.MustCompile(`(?:[pP]ageId=|page-id" content="|ontent/|ancestorId" value="|rootPageId" value="|content-id="|childrenspan|container-id="|/attachments/|tag:[^:]*:page-|/thumbnails/|[a-z]-id="|"id":\s*"|openId=|page-id" content=")(?:att)?([0-9]{4,})`)
	recordedBase   = regexp.MustCompile(`(?:confluence-base-url" content="|data-base-url="|"base":\s*"|<link rel="alternate" href="|"self":\s*")(https?://[^/"]+(?:/confluence|/wiki/cf)?)`)
	recordedPage   = regexp.MustCompile(`ajs-page-id" content="([0-9]+)"`)
	recordedRef    = regexp.MustCompile(`<ri:page[^>]*ri:content-title="([^"]+)"[^>]*>`)
	recordedRefKey = regexp.MustCompile(`ri:space-key="([^"]+)"`)
	recordedIn     = regexp.MustCompile(`ajs-space-key" content="([^"]+)"`)
)

// recordedWorld makes a directory in which all that an answer names is there,
// and shared.
func recordedWorld(body string) (rules.Directory, string) {
	d := rules.Directory{Users: []rules.UserRecord{{Username: "eva", Email: "eva@acme.example", DisplayName: "Eva Acme"}}}
	keys := map[string]string{}
	for _, m := range recordedKey.FindAllStringSubmatch(body, -1) {
		keys[m[1]] = m[2]
	}
	seen := map[string]bool{"eva": true}
	for _, m := range recordedUser.FindAllStringSubmatch(body, -1) {
		if n := strings.ToLower(m[1]); !seen[n] {
			seen[n] = true
			d.Users = append(d.Users, rules.UserRecord{Username: m[1], Key: keys[m[1]], Email: m[1] + "@people.example"})
		}
	}
	home := ""
	if m := recordedIn.FindStringSubmatch(body); m != nil {
		home = m[1]
	}
	spaces := map[string]bool{}
	add := func(k string) {
		if !spaces[strings.ToLower(k)] {
			spaces[strings.ToLower(k)] = true
			d.Spaces = append(d.Spaces, rules.SpaceRecord{Key: k})
		}
	}
	if home != "" {
		add(home)
	}
	for _, m := range recordedSpace.FindAllStringSubmatch(body, -1) {
		add(m[1])
	}
	if len(d.Spaces) == 0 {
		add("ACME")
	}
	home = d.Spaces[0].Key
	titles := map[string]bool{}
	id := 900000000
	for _, m := range recordedTitle.FindAllStringSubmatch(body, -1) {
		t, err := url.PathUnescape(strings.ReplaceAll(html.UnescapeString(m[2]), "+", " "))
		if err != nil || titles[strings.ToLower(m[1]+"/"+t)] || t == "" || strings.Contains(t, "/") {
			continue
		}
		titles[strings.ToLower(m[1]+"/"+t)] = true
		id++
		d.Content = append(d.Content, rules.ContentRecord{ID: fmt.Sprint(id), Type: "page", Space: m[1], Title: t})
	}
	for _, m := range recordedRef.FindAllStringSubmatch(body, -1) {
		space := home
		if k := recordedRefKey.FindStringSubmatch(m[0]); k != nil {
			add(k[1])
			space = k[1]
		}
		if t := html.UnescapeString(m[1]); !titles[strings.ToLower(space+"/"+t)] {
			titles[strings.ToLower(space+"/"+t)] = true
			id++
			d.Content = append(d.Content, rules.ContentRecord{ID: fmt.Sprint(id), Type: "page", Space: space, Title: t})
		}
	}
	ids := map[string]bool{}
	for _, m := range recordedID.FindAllStringSubmatch(body, -1) {
		if !ids[m[1]] {
			ids[m[1]] = true
			d.Content = append(d.Content, rules.ContentRecord{ID: m[1], Type: "page", Space: home, Title: "Id " + m[1]})
		}
	}
	return d, home
}

// TestRecorded runs recorded answers, where they are at hand, through the whole
// gateway: what is all visible is read as before.
func TestRecorded(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("../../../shared/confluence/fixtures/*")
	if len(files) == 0 {
		t.Skip("no recorded answers here")
	}
	profile, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := filepath.Base(f)
		if strings.Contains(name, "cloud") || strings.Contains(name, "error") || strings.HasPrefix(name, "mock-v2") || strings.HasPrefix(name, "INDEX") || strings.Contains(name, "permissions") || strings.Contains(name, "restriction") {
			continue
		}
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			body := string(data)
			d, home := recordedWorld(body)
			base := "http://wiki.example"
			if m := recordedBase.FindStringSubmatch(body); m != nil {
				base = m[1]
			}
			page := ""
			if m := recordedPage.FindStringSubmatch(body); m != nil {
				page = m[1]
			}
			typ, target := "text/html;charset=UTF-8", ""
			switch {
			case strings.HasPrefix(name, "atom"):
				typ, target = "application/atom+xml;charset=UTF-8", "/createrssfeed.action?types=page&spaces="+home
			case strings.HasPrefix(name, "html-viewpage") && page != "":
				target = "/pages/viewpage.action?pageId=" + page
			case strings.HasPrefix(name, "html-naturalchildren"), strings.HasPrefix(name, "html-pagetree"):
				target = "/plugins/pagetree/naturalchildren.action?treeId=0"
			case strings.HasPrefix(name, "html-"), strings.HasPrefix(name, "storage-"):
				b, _ := json.Marshal(body)
				rep := "view"
				if strings.HasPrefix(name, "storage-") {
					rep = "storage"
				}
				if page == "" {
					page = "77770001"
					d.Content = append(d.Content, rules.ContentRecord{ID: page, Type: "page", Space: home, Title: "Holder of it"})
				}
				typ, target = "application/json", "/rest/api/content/"+page+"?expand=body."+rep
				body = `{"id":"` + page + `","type":"page","status":"current","title":"Holder of it","body":{"` + rep + `":{"value":` + string(b) + `,"representation":"` + rep + `"}}}`
			case strings.HasSuffix(name, ".json"):
				typ = "application/json"
				var m map[string]any
				if json.Unmarshal(data, &m) != nil {
					t.Skip("not an object")
				}
				switch {
				case m["entityType"] != nil:
					target, body = "/rest/api/search?cql=text~a", `{"results":[`+body+`],"start":0,"limit":25,"size":1}`
				case m["results"] != nil:
					target = "/rest/api/content?spaceKey=" + home
				case m["username"] != nil:
					target = "/rest/api/user?username=" + fmt.Sprint(m["username"])
				case m["contentNameMatches"] != nil:
					target = "/rest/quicknav/1/search?query=a"
				case m["id"] != nil:
					target = "/rest/api/content/" + strings.TrimPrefix(fmt.Sprint(m["id"]), "att")
				}
			}
			if target == "" {
				t.Skip("no route")
			}
			var spaces, members strings.Builder
			for _, u := range d.Users {
				fmt.Fprintf(&members, "{user: %q}, ", "wiki/"+u.Username)
			}
			for _, s := range d.Spaces {
				fmt.Fprintf(&spaces, "  %q: {members: [%s]}\n", s.Key, members.String())
			}
			policy, err := rules.ParsePolicy(map[string][]byte{"p.yaml": []byte("version: 1\nwiki: confluence-dc\ninternal: {groups: [staff]}\nspaces:\n" + spaces.String())}, profile)
			if err != nil {
				t.Fatal(err)
			}
			dir, err := directory.New(directory.Config{Profile: profile, Seed: d})
			if err != nil {
				t.Fatal(err)
			}
			site, err := url.Parse(base)
			if err != nil {
				t.Fatal(err)
			}
			if site.Path != "" {
				target = site.Path + target
			}
			var event gateway.Event
			gw, err := gateway.New(gateway.Config{
				Site: site, Wiki: &url.URL{Scheme: "http", Host: "wiki.internal", Path: site.Path}, Policy: policy, Directory: dir,
				As:      &rules.Viewer{Provider: "idp", Subject: "eva", Email: "eva@acme.example", EmailVerified: true, WikiUser: "eva"},
				Observe: func(e gateway.Event) { event = e },
			})
			if err != nil {
				t.Fatal(err)
			}
			r, err := http.NewRequest("GET", base+strings.TrimPrefix(target, site.Path), nil)
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			r.Host = site.Host
			if err := gw.ServeHTTP(w, r, upstream(200, typ, body)); err != nil {
				t.Fatal(err)
			}
			if w.Code != 200 {
				t.Fatalf("%s: status %d (%s: %s)", target, w.Code, event.Rule, event.Reason)
			}
			left := map[string]int{}
			for _, x := range textWords(w.Body.String()) {
				left[x]++
			}
			var lost []string
			for _, x := range textWords(body) {
				if left[x]--; left[x] < 0 {
					lost = append(lost, x)
				}
			}
			sort.Strings(lost)
			if len(lost) > 0 {
				t.Logf("lost: %.900q", lost)
			}
			if strings.Contains(w.Body.String(), "[…]") {
				t.Errorf("the tripwire cut: %s", around(w.Body.String(), "[…]"))
			}
			if n := strings.Count(w.Body.String(), "postern-hidden"); n > 0 {
				t.Errorf("%d placeholders: %s", n, around(w.Body.String(), "postern-hidden"))
			}
		})
	}
}

func around(s, mark string) string {
	i := strings.Index(s, mark)
	return s[max(0, i-150):min(len(s), i+150)]
}

func textWords(s string) []string {
	return strings.Fields(tagLike.ReplaceAllString(strings.NewReplacer(`\n`, " ", `\"`, `"`, "\\u003c", "<", "\\u003e", ">").Replace(s), " "))
}

package e2e

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// TestPaging goes through lists in small steps, by the API's tokens and by the
// links of pages. Every step is full and shows nothing hidden, and together
// they show what one large step shows.
func TestPaging(t *testing.T) {
	s := theScene(t)
	c := s.signIn(t)
	for _, base := range []string{
		"&list=allpages&apnamespace=3000&aplimit=%d", "&list=recentchanges&rcprop=title|ids&rclimit=%d", "&list=allusers&aulimit=%d",
	} {
		list := strings.TrimPrefix(regexp.MustCompile(`list=[a-z]+`).FindString(base), "list=")
		read := func(target string) (items []string, next map[string]string) {
			a := s.get(t, c, target)
			a.shows(t)
			var got struct {
				Continue map[string]string
				Query    map[string][]json.RawMessage
			}
			if err := json.Unmarshal(a.body, &got); err != nil {
				t.Fatalf("%s: %v:\n%s", target, err, a.body)
			}
			for _, raw := range got.Query[list] {
				items = append(items, string(raw))
			}
			return items, got.Continue
		}
		target := "/w/api.php?action=query&format=json" + base
		all, rest := read(fmt.Sprintf(target, 500))
		if len(rest) > 0 || len(all) < 4 {
			t.Fatalf("%s: %d items in one step, and it goes on with %v", base, len(all), rest)
		}
		var walked []string
		var next map[string]string
		for step := 0; ; step++ {
			q := url.Values{}
			for k, v := range next {
				q.Set(k, v)
			}
			var items []string
			items, next = read(fmt.Sprintf(target, 3) + "&" + q.Encode())
			walked = append(walked, items...)
			if want := min(3, len(all)-3*step); len(items) != want {
				t.Errorf("%s: step %d has %d items, want %d", base, step, len(items), want)
			}
			if len(next) == 0 || step > 400 {
				break
			}
		}
		if strings.Join(walked, "\n") != strings.Join(all, "\n") {
			t.Errorf("%s: %d items in small steps, %d in one", base, len(walked), len(all))
		}
	}
	more := regexp.MustCompile(`href="([^"]*[?&;](?:offset|from)=pc1[^"]*)"`)
	for _, first := range []string{"/wiki/Special:Log?limit=5", "/wiki/Special:Contributions/" + url.PathEscape(strings.ReplaceAll(s.me.Name, " ", "_")) + "?limit=2"} {
		a := s.get(t, c, first)
		for range 3 {
			m := more.FindSubmatch(a.body)
			if m == nil {
				t.Errorf("%s: no way on at %s", first, a.url)
				break
			}
			u, err := url.Parse(html.UnescapeString(string(m[1])))
			if err != nil {
				t.Fatal(err)
			}
			a = s.get(t, c, u.RequestURI())
			a.shows(t)
		}
	}
}

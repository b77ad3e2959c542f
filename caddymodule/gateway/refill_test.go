package gateway_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/rules"
)

// rowWiki serves a list in a certain spelling, by number or by title, and
// counts what it was asked.
type rowWiki struct {
	records []rules.ContentRecord
	asked   int
	// fail, if set, is the number of the request that fails.
	fail int
	body string
}

func (l *rowWiki) serve(w http.ResponseWriter, r *http.Request) error {
	l.asked++
	w.Header().Set("Content-Type", "application/json")
	if l.asked == l.fail {
		if l.body == "" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, err := w.Write([]byte(l.body))
		return err
	}
	q := r.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil {
		limit = 5
	}
	start, _ := strconv.Atoi(q.Get("start"))
	for start < len(l.records) && l.records[start].Title < q.Get("from") {
		start++
	}
	end := min(start+limit, len(l.records))
	var items []string
	for i := min(start, end); i < end; i++ {
		title, _ := json.Marshal(l.records[i].Title)
		items = append(items, fmt.Sprintf(`{ "title":%s, "id":"%s"}`, title, l.records[i].ID))
	}
	list := "[" + strings.Join(items, ", ") + "]"
	if strings.HasPrefix(r.URL.Path, "/api/more") {
		next := ""
		if end < len(l.records) {
			next = fmt.Sprintf(`"continue" : {"from":%q, "go":"-||"},`, l.records[end].Title)
		}
		_, err = fmt.Fprintf(w, "{%s\"items\": %s }", next, list)
		return err
	}
	var links []string
	href := func(at int) string {
		return fmt.Sprintf("/api/rows?limit=%d&start=%d", limit, at)
	}
	if end < len(l.records) {
		links = append(links, `"next":"`+href(end)+`"`)
	}
	if start > 0 {
		links = append(links, `"prev":"`+href(max(0, start-limit))+`"`)
	}
	_, err = fmt.Fprintf(w, "{\"items\" : %s, \"start\":%d, \"limit\":%d, \"size\":%d, \"links\":{%s}}", list, start, limit, end-min(start, end), strings.Join(links, ","))
	return err
}

// world makes a list; a rune of the pattern is an item: "." seen, "x" hidden.
func world(pattern string) (all, seen []rules.ContentRecord) {
	for i, c := range pattern {
		rec := rules.ContentRecord{ID: strconv.Itoa(100 + i), Space: "OPEN", Title: fmt.Sprintf("T%02d open", i)}
		if c == 'x' {
			rec.Space, rec.Title = "HR", fmt.Sprintf("T%02d canary", i)
		} else {
			seen = append(seen, rec)
		}
		all = append(all, rec)
	}
	return all, seen
}

// TestRefill: with what is hidden cut and the rest filled up, a list is, byte for
// byte, the one of a wiki that holds only what may be seen, tokens included.
func TestRefill(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{
		"", ".", "x", "........", "xxxxxxxx", ".x.x.x.x.x.x.x.", "x.x.x.x.x", "....xxxxxxxx", "xxxxxxx....", "...x.......", "xx..xx..xx..xx", ".....x", "..........xxxxx.",
	} {
		all, seen := world(pattern)
		gw := listGateway(t, "s1", all, true)
		twin := listGateway(t, "s1", seen, true)
		for _, limit := range []int{1, 3, 5, 50} {
			for target := "/api/rows?limit=" + strconv.Itoa(limit); target != ""; {
				wiki, other := &rowWiki{records: all}, &rowWiki{records: seen}
				got, want := serve(t, gw, "GET", target, wiki.serve), serve(t, twin, "GET", target, other.serve)
				if diff := cmp.Diff(want.Body.String(), got.Body.String()); diff != "" || got.Code != 200 {
					t.Fatalf("%q: %s: status %d (-twin +got):\n%s", pattern, target, got.Code, diff)
				}
				var answer struct{ Links struct{ Next string } }
				if err := json.Unmarshal(got.Body.Bytes(), &answer); err != nil {
					t.Fatal(err)
				}
				target = answer.Links.Next
			}
			more(t, pattern, gw, twin, all, seen, limit)
		}
	}
}

// more walks the list of sealed places.
func more(t *testing.T, pattern string, gw, twin *gateway.Gateway, all, seen []rules.ContentRecord, limit int) {
	t.Helper()
	var got []string
	first := "/api/more?limit=" + strconv.Itoa(limit)
	for target, left := first, len(seen); target != ""; left -= limit {
		wiki := &rowWiki{records: all}
		w := serve(t, gw, "GET", target, wiki.serve)
		body := w.Body.String()
		if diff := cmp.Diff(serve(t, twin, "GET", target, (&rowWiki{records: seen}).serve).Body.String(), body); diff != "" {
			t.Fatalf("%q: %s (-twin +got):\n%s", pattern, target, diff)
		}
		var answer struct {
			Items    []struct{ Title string }
			Continue map[string]string
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil || w.Code != 200 || strings.Contains(body, "canary") {
			t.Fatalf("%q: %s: status %d, %v:\n%s", pattern, target, w.Code, err, body)
		}
		if want := min(limit, left); len(answer.Items) != want || (len(answer.Continue) > 0) != (left > limit) {
			t.Fatalf("%q: %s: %d items and goes on %v, want %d of %d", pattern, target, len(answer.Items), answer.Continue, want, left)
		}
		for _, item := range answer.Items {
			got = append(got, item.Title)
		}
		target = ""
		if len(answer.Continue) > 0 {
			q := url.Values{"limit": {strconv.Itoa(limit)}}
			for k, v := range answer.Continue {
				q.Set(k, v)
			}
			target = "/api/more?" + q.Encode()
		}
	}
	var want []string
	for _, rec := range seen {
		want = append(want, rec.Title)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%q by %d (-want +got):\n%s", pattern, limit, diff)
	}
}

// TestRefillBounds: the scan bound ends a list, and nothing of a wiki that
// fails half way leaves.
func TestRefillBounds(t *testing.T) {
	t.Parallel()
	all, _ := world("..." + strings.Repeat("x", 300) + "..")
	gw := listGateway(t, "s1", all, true)
	for _, target := range []string{"/api/rows?limit=5", "/api/more?limit=5"} {
		wiki := &rowWiki{records: all}
		w := serve(t, gw, "GET", target, wiki.serve)
		if n := strings.Count(w.Body.String(), "open"); w.Code != 200 || n != 3 || strings.Contains(w.Body.String(), "from") || strings.Contains(w.Body.String(), "next") {
			t.Errorf("%s: status %d, %d items:\n%s", target, w.Code, n, w.Body)
		}
		if wiki.asked > 15 {
			t.Errorf("%s: the wiki was asked %d times", target, wiki.asked)
		}
		for _, body := range []string{"", "{", `{"items":[{"id":"1","id":"2"}]}`} {
			wiki := &rowWiki{records: all, fail: 2, body: body}
			w := serve(t, gw, "GET", target, wiki.serve)
			if w.Code != http.StatusBadGateway || strings.Contains(w.Body.String(), "open") {
				t.Errorf("%s: %q as a second answer: status %d\n%s", target, body, w.Code, w.Body)
			}
		}
		circle := &rowWiki{records: all, fail: 2, body: `{"items":[],"continue":{"from":"T05 canary","go":"-||"},"links":{"next":"/api/rows?limit=5&start=5"}}`}
		if w := serve(t, gw, "GET", target, circle.serve); w.Code != 200 || circle.asked > 20 {
			t.Errorf("%s: in a circle: status %d, asked %d times", target, w.Code, circle.asked)
		}
	}
}

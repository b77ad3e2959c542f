package gateway_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/rules"
)

const growProfile = `
profile: lists
versions: ">=1"
canon: {params: {sources: [query, form]}}
types: {id: digits}
show: {hidden_user: Somebody, hidden_page: Restricted page, avatar: /avatar.svg, image: /blank.png}
routes:
  - {match: "GET /page/{id}", class: content, params: {id: content.id}, evidence: {content: 'meta[name="id"]@content'}, response: {types: [html]}}
  - match: "GET /changes"
    class: feed
    params: {limit: int<=40, kind: text}
    page: {kind: grow, limit: limit, items: "li.row", list: "div.changes", stripes: [even, odd], total: {at: "b.count", rule: count}}
    response: {types: [html]}
  - match: "GET /search"
    class: search
    params: {start: int, query: plain}
    page: {kind: offset, start: start, items: "ol.hits > li", next: "li.next", prev: "li.prev", pager: "ul.pages", total: {at: "div.hits@data-total", rule: drop}, scan: 60}
    response: {types: [html]}
  - match: "GET /recent"
    class: feed
    params: {start: int, limit: int<=20}
    page: {kind: grow, start: start, limit: limit, items: "li.row", next: "div.more", scan: 60}
    response: {types: [html], fragment: true}
  - match: "GET /feed"
    class: feed
    params: {limit: int<=40, format: "enum(rss,atom)"}
    page: {kind: grow, limit: limit, items: entry}
    response: {types: [rss, atom]}
  - match: "GET /api/updates"
    class: feed
    params: {limit: int<=40}
    page: {kind: grow, limit: limit, items: "days.#.updates", list: days, size: size}
    response: {types: [json], fields: {days: walk, updates: walk, day: plain}}
  - match: "GET /log"
    class: feed
    params: {from: cursor, limit: int<=40, dir: enum(prev)}
    page: {kind: grow, start: from, limit: limit, items: "li.row", list: "ul.log", next: "a.older, a.oldest", prev: "a.newer", pager: "nav.pages", back: dir, off: span}
    response: {types: [html]}
fields: {id: plain, title: title}
shapes:
  - {entity: content, where: {has: [id, title]}, keys: {id: id}}
  - {entity: group, where: {has: [day, updates]}, drop_if_empty: updates}
html:
  - {select: "li.row, ol.hits > li", subject: [{url: "a@href"}], hidden: {remove: self, empties: ["div.changes ul", "div.changes h4"]}}
  - {select: "b.summary", always: true, hidden: {remove: self}}
feeds:
  - {entry: "item, entry", subject: [{url: link}], titles: [entry/title, item/title], undecided: drop, newest: [updated, pubDate]}
`

// growWiki serves the same records in many spellings of lists.
type growWiki struct {
	records []rules.ContentRecord
	asked   []string
	fail    int // the number of the request that is answered by body
	body    string
	kind    string // of that answer
}

func (g *growWiki) serve(w http.ResponseWriter, r *http.Request) error {
	g.asked = append(g.asked, r.URL.String())
	q := r.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	if err != nil {
		limit = 5
	}
	start, _ := strconv.Atoi(q.Get("start"))
	kind, body := "text/html; charset=utf-8", ""
	switch r.URL.Path {
	case "/changes":
		body = g.changes(limit)
	case "/search":
		body = g.search(start)
	case "/recent":
		body = g.recent(start, limit)
	case "/log":
		body = g.log(q.Get("from"), limit, q.Get("dir") == "prev")
	case "/api/updates":
		kind, body = "application/json", g.updates(limit)
	case "/feed":
		kind, body = "application/"+cmp.Or(q.Get("format"), "atom")+"+xml", g.feed(q.Get("format"), limit)
	}
	if len(g.asked) == g.fail {
		kind, body = cmp.Or(g.kind, kind), g.body
	}
	w.Header().Set("Content-Type", kind)
	_, err = fmt.Fprint(w, body)
	return err
}

func (g *growWiki) part(start, limit int) []rules.ContentRecord {
	start = min(start, len(g.records))
	return g.records[start:min(start+limit, len(g.records))]
}

func row(rec rules.ContentRecord, class string) string {
	return fmt.Sprintf("<li class=\"row%s\"><a href=\"/page/%s\">%s</a></li>", class, rec.ID, rec.Title)
}

// day is a heading of three rows.
func day(rec rules.ContentRecord) string {
	n, _ := strconv.Atoi(rec.ID)
	return fmt.Sprint("Day ", n/3)
}

func (g *growWiki) changes(limit int) string {
	var b strings.Builder
	rows := g.part(0, limit)
	fmt.Fprintf(&b, "<p>Last %d of <a href=\"?limit=50\">50</a></p><b class=count>%d changes</b><div class=\"changes\"><i>legend</i>", limit, len(rows))
	last := ""
	for i, rec := range rows {
		if d := day(rec); d != last {
			if last != "" {
				b.WriteString("</ul>\n")
			}
			last = d
			fmt.Fprintf(&b, "<h4>%s</h4>\n<ul>", d)
		}
		b.WriteString(row(rec, []string{" even", " odd"}[i%2]) + "\n")
	}
	if last != "" {
		b.WriteString("</ul>\n")
	}
	return b.String() + "</div><p>foot</p>"
}

func (g *growWiki) search(start int) string {
	const size = 4
	rows := g.part(start, size)
	var b strings.Builder
	fmt.Fprintf(&b, "<div class=\"hits\" data-total=\"%d\"><b class=summary>Showing %d - %d of %d</b>\n<ol class=\"hits\">\n", len(g.records), start+1, start+len(rows), len(g.records))
	for _, rec := range rows {
		b.WriteString(row(rec, "") + "\n")
	}
	b.WriteString("</ol>\n")
	var links []string
	if start > 0 {
		links = append(links, fmt.Sprintf("<li class=\"prev\"><a href=\"/search?start=%d\">Previous</a></li>", max(0, start-size)))
	}
	if start+size < len(g.records) {
		links = append(links, fmt.Sprintf("<li class=\"next\"><a href=\"/search?start=%d\">Next</a></li>", start+size))
	}
	if len(links) > 0 {
		fmt.Fprintf(&b, "<ul class=\"pages\">%s</ul>", strings.Join(links, ""))
	}
	return b.String() + "</div>"
}

func (g *growWiki) recent(start, limit int) string {
	var b strings.Builder
	b.WriteString("<ul>\n")
	for _, rec := range g.part(start, limit) {
		b.WriteString(row(rec, "") + "\n")
	}
	b.WriteString("</ul>")
	if start+limit < len(g.records) {
		fmt.Fprintf(&b, "<div class=\"more\"> <a class=\"more\" href=\"/recent?limit=%d&amp;start=%d\">Show more</a> </div>", limit, start+limit)
	}
	return b.String()
}

// log is a list by key: a page goes on behind the last row's, and back before
// the first one's. There are links if there are several pages.
func (g *growWiki) log(from string, limit int, back bool) string {
	var rows []rules.ContentRecord
	for _, rec := range g.records {
		if !back && rec.Title > from || back && (from == "" || rec.Title < from) {
			rows = append(rows, rec)
		}
	}
	older, newer := len(rows) > limit, from != ""
	if back {
		older, newer = newer, older
		rows = rows[max(0, len(rows)-limit):]
	} else {
		rows = rows[:min(limit, len(rows))]
	}
	var b strings.Builder
	if len(rows) > 0 && (older || newer) {
		link := func(there bool, class, query, text string) {
			if there {
				fmt.Fprintf(&b, "<a href=\"/log?limit=%d&amp;%s\" rel=x class=\"%s\">%s</a>", limit, query, class, text)
			} else {
				fmt.Fprintf(&b, "<span class=\"%s\">%s</span>", class, text)
			}
		}
		b.WriteString("<nav class=pages>")
		link(older, "oldest", "dir=prev", "oldest")
		link(newer, "newer", "dir=prev&amp;from="+url.QueryEscape(rows[0].Title), "newer")
		link(older, "older", "from="+url.QueryEscape(rows[len(rows)-1].Title), "older")
		b.WriteString("</nav>")
	}
	b.WriteString("<ul class=log>\n")
	for _, rec := range rows {
		b.WriteString(row(rec, "") + "\n")
	}
	return b.String() + "</ul>"
}

func (g *growWiki) updates(limit int) string {
	type group struct {
		Day     string           `json:"day"`
		Updates []map[string]any `json:"updates"`
	}
	groups := []group{}
	rows := g.part(0, limit)
	for _, rec := range rows {
		if n := len(groups); n == 0 || groups[n-1].Day != day(rec) {
			groups = append(groups, group{Day: day(rec)})
		}
		last := &groups[len(groups)-1]
		last.Updates = append(last.Updates, map[string]any{"id": rec.ID, "title": rec.Title})
	}
	body, _ := json.MarshalIndent(map[string]any{"days": groups, "size": len(rows)}, "", " ")
	return string(body)
}

func (g *growWiki) feed(format string, limit int) string {
	var b strings.Builder
	stamp := func(rec rules.ContentRecord) string { return "2026-01-01T00:00:" + rec.ID[1:] + "Z" }
	rows := g.part(0, limit)
	newest := "2026-02-01T00:00:00Z"
	if len(rows) > 0 {
		newest = stamp(slices.MaxFunc(rows, func(a, b rules.ContentRecord) int { return cmp.Compare(a.ID, b.ID) }))
	}
	if format == "rss" {
		fmt.Fprintf(&b, "<?xml version=\"1.0\"?>\n<rss version=\"2.0\"><channel><title>Wiki</title>\n")
		for _, rec := range rows {
			fmt.Fprintf(&b, "<item><title>%s</title><link>https://site.example/page/%s</link></item>\n", rec.Title, rec.ID)
		}
		return b.String() + "</channel></rss>"
	}
	fmt.Fprintf(&b, "<feed xmlns=\"http://www.w3.org/2005/Atom\">\n <title>Wiki</title>\n <updated>%s</updated>\n", newest)
	for _, rec := range rows {
		fmt.Fprintf(&b, " <entry>\n  <title>%s</title>\n  <link href=\"https://site.example/page/%s\"/>\n  <updated>%s</updated>\n </entry>\n", rec.Title, rec.ID, stamp(rec))
	}
	return b.String() + "</feed>\n"
}

// patterns of what is hidden, as of [world].
var hiddenPatterns = []string{
	"", ".", "x", "........", "xxxxxxxx", ".x.x.x.x.x.x.x.", "x.x.x.x.x", "....xxxxxxxx", "xxxxxxx....", "...x.......", "xx..xx..xx..xx", ".....x",
	"..........xxxxx.", "xxxxx", ".xxxxxxxxx.........", "xxx..........",
}

var onLink = regexp.MustCompile(`<a[^>]* href="([^"]*)"[^>]*>(?:Next|Show more|oldest|older|newer)</a>`)

// TestGrow: a list in HTML, in a feed, or in groups of JSON is, byte for byte,
// the one of a wiki that holds only what may be seen, whatever length is asked
// for, and so are those to which it leads.
func TestGrow(t *testing.T) {
	t.Parallel()
	for _, pattern := range hiddenPatterns {
		all, seen := world(pattern)
		gw := profileGateway(t, growProfile, "s1", all, true)
		twin := profileGateway(t, growProfile, "s1", seen, true)
		var targets []string
		for _, limit := range []int{1, 3, 5, 8, 40} {
			for _, path := range []string{"/changes", "/recent", "/feed?format=atom", "/feed?format=rss", "/api/updates", "/log", "/search"} {
				sep := "?"
				if strings.Contains(path, "?") {
					sep = "&"
				}
				switch {
				case path == "/search":
					targets = append(targets, fmt.Sprintf("/search?start=%d", limit-1))
				case limit == 5:
					targets = append(targets, path) // the wiki's own
				default:
					targets = append(targets, fmt.Sprintf("%s%slimit=%d", path, sep, limit))
				}
			}
			targets = append(targets, fmt.Sprintf("/recent?limit=%d&start=%d", limit, limit))
		}
		done := map[string]bool{}
		for len(targets) > 0 {
			target := targets[0]
			if targets = targets[1:]; done[target] {
				continue
			}
			done[target] = true
			wiki := &growWiki{records: all}
			got, want := serve(t, gw, "GET", target, wiki.serve), serve(t, twin, "GET", target, (&growWiki{records: seen}).serve)
			if diff := gocmp.Diff(want.Body.String(), got.Body.String()); diff != "" || got.Code != 200 || strings.Contains(got.Body.String(), "canary") {
				t.Errorf("%q: %s: status %d, asked %q (-twin +got):\n%s", pattern, target, got.Code, wiki.asked, diff)
			}
			if len(wiki.asked) > 25 {
				t.Errorf("%q: %s: the wiki was asked %d times", pattern, target, len(wiki.asked))
			}
			for _, m := range onLink.FindAllStringSubmatch(got.Body.String(), -1) {
				targets = append(targets, strings.TrimPrefix(html.UnescapeString(m[1]), "https://site.example"))
			}
		}
	}
}

// TestGrowBounds: bounds end a list, and nothing of a wiki that fails half way
// leaves. A list whose items stand apart stays as short as it is.
func TestGrowBounds(t *testing.T) {
	t.Parallel()
	all, _ := world("..." + strings.Repeat("x", 300) + "..")
	gw := profileGateway(t, growProfile, "s1", all, true)
	for _, target := range []string{"/changes?limit=5", "/search", "/recent?limit=5", "/feed?limit=5&format=atom", "/feed?limit=5&format=rss", "/api/updates?limit=5", "/log?limit=5"} {
		wiki := &growWiki{records: all}
		w := serve(t, gw, "GET", target, wiki.serve)
		body := w.Body.String()
		if n := max(strings.Count(body, "open"), strings.Count(body, "site.example/page/")); w.Code != 200 || n != 3 || strings.Contains(body, "canary") || onLink.MatchString(body) {
			t.Errorf("%s: status %d, %d items:\n%s", target, w.Code, n, body)
		}
		if len(wiki.asked) > 30 {
			t.Errorf("%s: the wiki was asked %d times", target, len(wiki.asked))
		}
		for _, bad := range []growWiki{{body: "{"}, {body: "<html", kind: "text/plain"}, {body: "", kind: "application/octet-stream"}} {
			wiki := &growWiki{records: all, fail: 2, body: bad.body, kind: cmp.Or(bad.kind, "image/png")}
			w := serve(t, gw, "GET", target, wiki.serve)
			if w.Code != http.StatusBadGateway || strings.Contains(w.Body.String(), "open") {
				t.Errorf("%s: %q as a second answer: status %d\n%s", target, bad.body, w.Code, w.Body)
			}
		}
	}
	// Without refill, as in a replay, what is hidden goes and no more.
	plain := profileGateway(t, growProfile, "s1", all, false)
	wiki := &growWiki{records: all}
	if w := serve(t, plain, "GET", "/changes?limit=5", wiki.serve); len(wiki.asked) != 1 || strings.Count(w.Body.String(), "open") != 3 {
		t.Errorf("asked %d times:\n%s", len(wiki.asked), w.Body)
	}
	apart := strings.Replace(growProfile, `, list: "div.changes"`, "", 1)
	wiki = &growWiki{records: all}
	w := serve(t, profileGateway(t, apart, "s1", all, true), "GET", "/changes?limit=5", wiki.serve)
	if w.Code != 200 || strings.Count(w.Body.String(), "open") != 3 || strings.Contains(w.Body.String(), "canary") {
		t.Errorf("items that stand apart: status %d:\n%s", w.Code, w.Body)
	}
}

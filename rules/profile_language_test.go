package rules

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// spacesProfile has the hard routes of a wiki whose URLs name spaces by key:
// prefixes that mean nothing, short ids, pages in five spellings, a query
// language, and lists within lists.
const spacesProfile = `
profile: spaces
language: 1
versions: ">=7.19 <10"
canon:
  refuse: [';', '//', '\', '%2f', '%5c', '%3b', '%00', dot-segments]
  strip: [{prefix: "/s/{**}/_", then: [static]}]
  params: {sources: [query, form], conflict: refuse, duplicate: refuse, separators: "&", list_separator: ","}
  drop_params: [os_username, _]
types: {build: "[0-9]{4}"}
routes:
- {match: "GET /download/{kind:enum(batch,resources)}/{build:build}/{file...}", class: static, response: {types: [css, js, svg, woff2]}}
- {match: "GET /styles/colors.css", class: static, params: {spaceKey: space.key}}
- {match: "GET /x/{id:tiny}", class: content, params: {id: content.id}, response: {types: [redirect]}}
- match: GET /pages/view.action
  class: content
  params: {pageId: content.id, spaceKey: space.key, title: content.title in spaceKey, postingDay: date, focusedCommentId: content.id,
           preview: "path(content.id, content.id, text)", pageVersion: int, noRedirect: flag, decorator: enum(printable), src: drop}
  need: [[pageId], [spaceKey, title]]
  agree: content
  deny: [{pageVersion: present, below: user}]
  evidence: {content: 'meta[name="page-id"]@content', space: 'meta[name="space-key"]@content'}
  response: {types: [html, redirect]}
- match: GET /rest/search
  also: [GET /rest/content/search]
  class: search
  params: {cql: cql, cqlcontext: "json(spaceKey: space.key, contentId: content.id)", excerpt: "enum(highlight,none)",
           expand: "words(content.space, content.version)", start: int, limit: int<=100, archived: enum(false), src: drop}
  narrow:
    cql: {and: {space: visible}, else: {over: 200, split: true}, order_by: [created, title],
          fields: {text: text, type: "enum(page,blogpost)", space: space.key, ancestor: content.id, creator: user, created: date}, functions: [now], other: refuse}
  page: {kind: offset, start: start, limit: limit, items: results, size: size, total: {at: totalSize, rule: drop}, next: _links.next, scan: 2000}
  response: {types: [json], drop: [cqlQuery]}
- match: "GET,POST /rest/updates/{v:enum(1,1.0,latest)}/{op:enum(updates,updates.json)}"
  class: feed
  read: true
  params: {maxResults: int<=50, tab: enum(all), spaces: list(space.key), users: list(user.name), types: "list(enum(page,comment))", spaceKey: space.key, category: drop, showPicture: flag}
  force: {headers: {Accept: application/json}}
  page: {kind: grow, limit: maxResults, items: "changeSets.#.recentUpdates"}
  response: {types: [json]}
shapes:
- entity: hit
  where: {has: [entityType]}
  decided_by: [content, space, user, {url: url}]
  also: [{url: container.url}, {url: "crumbs.#.url"}]
  prose: [title, excerpt]
  marks: ['@@@hl@@@', '@@@endhl@@@']
- {entity: content, where: {has: [urlPath, spaceName]}, keys: {id: id, title: title, url: urlPath, space_name: spaceName, space_url: spaceUrl}}
- {entity: group_of, where: {has: [modifier, recentUpdates]}, drop_if_empty: recentUpdates, fields: {modifier: user}}
`

// titlesWiki has those of a wiki whose titles carry their space: one script for
// all pages, an API of modules and parts, special pages, feeds.
const titlesWiki = `
profile: titles
canon: {params: {sources: [query, form], conflict: refuse}}
titles: {codec: mediawiki-title, namespaces: sync.siteinfo, none: "(Main)", talk: subject, follow: {User: user, File: usage, Category: members, MediaWiki: deny}}
routes:
- match: "GET,POST /w/index.php"
  also: ["GET /wiki/{title:mediawiki-title...}", "GET /w/index.php/{title:mediawiki-title...}"]
  params: {title: content.title, curid: content.id, oldid: revision.id, diff: "revision.id|enum(prev,next,cur)", useskin: drop}
  need_any: [title, curid, oldid, diff]
  agree: content
  specials: title
  by: {param: action, default: view}
  variants:
    view: {class: content, params: {redirect: enum(no)}, evidence: {content: 'json:CONF.articleId', also: ['json:CONF.pageName', 'link[rel=canonical]@href']}}
    history: {class: content, params: {offset: cursor, limit: int<=500, dir: enum(prev)}, page: {kind: cursor, items: 'li[data-rev]'}}
    raw: {class: content, params: {section: int}, response: {types: [text/x-wiki], codec: wikitext}}
    info: {class: content, deny: [{below: user}]}
    edit: {class: write, params: {section: int, redlink: drop, preload: content.title}}
    submit: {methods: [POST], class: write, body: {markup: text, codec: wikitext}}
- match: "GET,POST /w/api.php"
  read: true
  force: {format: json}
  by: {param: action, default: help}
  variants:
    query:
      class: search
      params: {titles: list(content.title), pageids: list(content.id), redirects: flag, continue: cursor, formatversion: "enum(1,2)"}
      mixed: missing
      parts: {list: "|", prop: "|", meta: "|", generator: one}
      part:
        list=recentchanges: {prefix: rc, params: {namespace: list(space.id), user: user.name, prop: "words(title,ids)", limit: int<=500, start: time, dir: "enum(older,newer)"},
                             narrow: {namespace: visible}, items: query.recentchanges, cursor: continue.rccontinue}
        list=search: {prefix: sr, params: {search: plain, namespace: list(space.id), limit: int<=50, offset: cursor},
                      narrow: {namespace: visible}, items: query.search, total: {at: query.searchinfo.totalhits, rule: drop}, drop: [suggestion]}
        generator=allpages: {prefix: gap, params: {namespace: space.id, prefix: text, limit: int<=500}, items: query.pages, cursor: continue.gapcontinue}
        prop=links: {prefix: pl, params: {limit: int<=500}, items: "query.pages.*.links", cursor: continue.plcontinue}
        meta=siteinfo: {prefix: si, params: {prop: "words(general,namespaces)"}, dict: {query.namespaces: space.id}}
      response: {types: [json], dict: {query.pages: content.id}, renumber: negative, parallel: []}
    opensearch: {class: search, params: {search: text, namespace: list(space.id), limit: int<=50}, response: {parallel: ["1", "2", "3"], subject: {url: "3"}}}
    parse: {class: content, params: {page: content.title, pageid: content.id, prop: "words(text,sections)"}, agree: content, evidence: {content: "body:parse.pageid"}}
    feedrecentchanges: {class: feed, params: {feedformat: "enum(rss,atom)", namespace: space.id, limit: int<=50, target: content.title}, response: {types: [rss, atom]}}
- match: "GET /w/load.php"
  class: static
  params: {modules: mediawiki-modules, only: "enum(styles,scripts)", skin: text, version: drop, raw: flag, user: self, debug: refuse}
  deny: [{modules: [user, user.options], identity: service, answer: empty}]
  response: {types: [css, js], js_json: {formattedNamespaces: dict(space.id), namespaceIds: dict_value(space.id)}}
specials:
  Recentchanges: {class: feed, params: {namespace: space.id, days: int<=90, limit: int<=500, hidebots: flag}, force: {enhanced: 0},
                  page: {kind: grow, limit: limit, items: "li.line"}}
html:
- {select: "li.line", subject: [{content: "@data-target-page"}, {url: "a.title@href"}], hidden: {remove: self, empties: ["ul.special", "h4"]}}
- {select: "li[data-log]", subject: [{url: "all a@href"}], hidden: {remove: self}}
- {select: "a.userlink", entity: {user: {name: "bdi"}}, hidden: {replace: "self..+.tools", with: $hidden_user}}
- {select: "@class", tokens: "ns{space.id}-{content.title:css}", hidden: {remove: token}}
- {select: "select[name=namespace] option, #searchoptions input", entity: {space: {id: "@value"}}, hidden: {remove: self}}
feeds:
- {entry: "item, entry", subject: [{url: link}, {url: guid}], user: ["dc:creator", "author/name"], html: [description, summary], url: [comments, id], undecided: drop,
   channel: {newest: [lastBuildDate, updated]}}
`

// The ten hardest routes: what they take, what they name, what they refuse.
func TestProfileLanguage(t *testing.T) {
	profiles := map[string]*Profile{"spaces": mustProfile(t, spacesProfile), "titles": mustProfile(t, titlesWiki)}
	for _, c := range []struct {
		wiki, req       string
		class           Class
		subjects        string
		parts           string
		upstream        string
		narrow, page    string
		refused, denied string
	}{
		{wiki: "spaces", req: "GET /download/batch/9012/a/b.css", class: "static"},
		{wiki: "spaces", req: "GET /s/en_GB/9012/abc/_/download/batch/9012/b.css", class: "static", upstream: "/download/batch/9012/b.css"},
		{wiki: "spaces", req: "GET /s/en_GB/_/x/_/download/batch/9012/b.css", refused: "no route"},
		{wiki: "spaces", req: "GET /s/en_GB/_/rest/search", refused: "prefix"},
		{wiki: "spaces", req: "GET /download/secret/9012/b.css", refused: "no route"},
		{wiki: "spaces", req: "GET /download/batch/x/b.css", refused: "build"},
		{wiki: "spaces", req: "GET /styles/colors.css?spaceKey=ACME", class: "static", subjects: "space.key=ACME"},
		{wiki: "spaces", req: "GET /styles/colors.css?spaceKey=ACME&x=1", refused: "x"},
		{wiki: "spaces", req: "GET /x/oRIV", class: "content", subjects: "content.id=1381025"},
		{wiki: "spaces", req: "GET /x/oR_/IV", refused: "no route"},
		{wiki: "spaces", req: "GET /pages/view.action?pageId=7&src=a&_=9", class: "content", subjects: "content.id=7", upstream: "/pages/view.action?pageId=7"},
		{wiki: "spaces", req: "GET /pages/view.action?spaceKey=A&title=Plan+B", class: "content", subjects: "space.key=A, content.title=Plan B in A"},
		{wiki: "spaces", req: "GET /pages/view.action?pageId=7&title=Plan", refused: "selectors"},
		{wiki: "spaces", req: "GET /pages/view.action?title=Plan", refused: "selectors"},
		{wiki: "spaces", req: "GET /pages/view.action?pageId=7&focusedCommentId=8&preview=/7/9/a.png", class: "content", subjects: "content.id=7, content.id=8, content.id=7, content.id=9"},
		{wiki: "spaces", req: "GET /pages/view.action?pageId=7&preview=/7/", refused: "preview"},
		{wiki: "spaces", req: "GET /pages/view.action?pageId=7&pageVersion=2", class: "content", subjects: "content.id=7", denied: "pageVersion below user"},
		{wiki: "spaces", req: "GET /pages/view.action?pageId=7&decorator=none", refused: "decorator"},
		{wiki: "spaces", req: "GET /pages/view.action?pageId=7&os_username=x;y", refused: "semicolon"},
		{wiki: "spaces", req: "GET /rest/search?cql=text~a&start=5&limit=900&expand=content.space", class: "search", narrow: "cql", page: "offset", upstream: "/rest/search?cql=text~a&expand=content.space&limit=100&start=5"},
		{wiki: "spaces", req: "GET /rest/content/search?cql=x&archived=false", class: "search", narrow: "cql", page: "offset"},
		{wiki: "spaces", req: "GET /rest/search?cql=x&archived=true", refused: "archived"},
		{wiki: "spaces", req: "GET /rest/search?cql=x&cqlcontext=%7B%22spaceKey%22:%22A%22%7D", class: "search", subjects: "space.key=A", narrow: "cql", page: "offset"},
		{wiki: "spaces", req: "GET /rest/search?cql=x&cqlcontext=%7B%22spaceKey%22:%5B%22A%22%5D%7D", refused: "cqlcontext"},
		{wiki: "spaces", req: "POST /rest/updates/1.0/updates.json spaces=A,B&users=bo&types=page", class: "feed", subjects: "space.key=A, space.key=B, user.name=bo", page: "grow"},
		{wiki: "spaces", req: "GET /rest/updates/latest/updates?maxResults=99&category=x", class: "feed", page: "grow", upstream: "/rest/updates/latest/updates?maxResults=50"},
		{wiki: "spaces", req: "GET /rest/updates/2/updates", refused: "no route"},
		{wiki: "spaces", req: "GET /rest/updates/1/updates?tab=popular", refused: "tab"},
		{wiki: "spaces", req: "GET /rest/updates/1/updates?types=draft", refused: "types"},

		{wiki: "titles", req: "GET /wiki/Talk:Plan_B", class: "content", subjects: "content.title=Plan B in Talk"},
		{wiki: "titles", req: "GET /w/index.php?curid=4&useskin=x", class: "content", subjects: "content.id=4", upstream: "/w/index.php?curid=4"},
		{wiki: "titles", req: "GET /w/index.php?diff=12&oldid=11", class: "content", subjects: "revision.id=12, revision.id=11"},
		{wiki: "titles", req: "GET /w/index.php?diff=prev", refused: "selector"},
		{wiki: "titles", req: "GET /w/index.php?title=A&action=history&limit=900", class: "content", subjects: "content.title=A in (Main)", page: "cursor", upstream: "/w/index.php?action=history&limit=500&title=A"},
		{wiki: "titles", req: "GET /w/index.php?title=A&action=info", class: "content", subjects: "content.title=A in (Main)", denied: " below user"},
		{wiki: "titles", req: "GET /w/index.php?title=A&action=submit", refused: "method"},
		{wiki: "titles", req: "POST /w/index.php?title=A&action=view", refused: "method"},
		{wiki: "titles", req: "POST /w/index.php?title=A&action=submit wpTextbox1=x", class: "write", subjects: "content.title=A in (Main)"},
		{wiki: "titles", req: "GET /w/index.php?title=A&action=delete", refused: "action"},
		{wiki: "titles", req: "POST /w/index.php?title=A title=B", refused: "query and form"},
		{wiki: "titles", req: "GET /w/api.php?action=query&titles=A%7CTalk:B&format=json", class: "search", subjects: "content.title=A in (Main), content.title=B in Talk", upstream: "/w/api.php?action=query&format=json&titles=A%7CTalk%3AB"},
		{wiki: "titles", req: "GET /w/api.php?action=query&titles=%1fA%1fB", class: "search", subjects: "content.title=A in (Main), content.title=B in (Main)"},
		{wiki: "titles", req: "GET /w/api.php?action=query&format=xml", refused: "format"},
		{wiki: "titles", req: "GET /w/api.php?format=json", refused: "action"},
		{
			wiki: "titles", req: "GET /w/api.php?action=query&list=recentchanges%7Csearch&rcnamespace=1&srsearch=a&rccontinue=z", class: "search", subjects: "space.id=1",
			parts: "list=recentchanges list=search", narrow: "rcnamespace srnamespace", page: "cursor cursor",
		},
		{wiki: "titles", req: "GET /w/api.php?action=query&list=recentchanges%7Cblocks", refused: "list"},
		{wiki: "titles", req: "GET /w/api.php?action=query&list=recentchanges&srsearch=a", refused: "srsearch"},
		{wiki: "titles", req: "GET /w/api.php?action=query&generator=allpages%7Clinks", refused: "generator"},
		{wiki: "titles", req: "GET /w/api.php?action=query&generator=allpages&gapnamespace=2&prop=links&plcontinue=x", class: "search", subjects: "space.id=2", parts: "generator=allpages prop=links", page: "cursor cursor"},
		{wiki: "titles", req: "GET /w/api.php?action=query&meta=siteinfo&siprop=general", class: "search", parts: "meta=siteinfo"},
		{wiki: "titles", req: "GET /w/api.php?action=query&meta=siteinfo&siprop=usergroups", refused: "siprop"},
		{wiki: "titles", req: "GET /w/api.php?action=opensearch&search=a&namespace=0", class: "search", subjects: "space.id=0", page: "none"},
		{wiki: "titles", req: "GET /w/api.php?action=parse&pageid=3", class: "content", subjects: "content.id=3"},
		{wiki: "titles", req: "GET /w/api.php?action=parse&text=x", refused: "text"},
		{wiki: "titles", req: "GET /w/api.php?action=feedrecentchanges&feedformat=atom&target=A", class: "feed", subjects: "content.title=A in (Main)", page: "none"},
		{wiki: "titles", req: "GET /w/load.php?modules=site,a&version=1&user=me", class: "static", upstream: "/w/load.php?modules=site%2Ca"},
		{wiki: "titles", req: "GET /w/load.php?modules=a%7Cuser.options", class: "static", denied: "modules "},
		{wiki: "titles", req: "GET /w/load.php?modules=a&debug=1", refused: "debug"},
		{wiki: "titles", req: "GET /wiki/Special:RecentChanges?limit=900&enhanced=0", class: "feed", page: "grow", upstream: "/wiki/Special:RecentChanges?enhanced=0&limit=500"},
		{wiki: "titles", req: "GET /wiki/Special:RecentChanges?enhanced=1", refused: "enhanced"},
		{wiki: "titles", req: "GET /wiki/Special:Block", refused: "special"},
	} {
		t.Run(c.wiki+" "+c.req, func(t *testing.T) {
			p := profiles[c.wiki]
			req, err := readRequest(p, c.req)
			var m *Match
			if err == nil {
				var r *Refusal
				if m, r = p.Match(req, nil); r != nil {
					err = r
				}
			}
			if c.refused != "" || err != nil {
				if err == nil || c.refused == "" || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("refused: %v, want %q", err, c.refused)
				}
				return
			}
			path, query, _ := m.Upstream()
			if query != "" {
				path += "?" + query
			}
			var pages, denied []string
			for _, page := range m.Pages {
				pages = append(pages, page.Kind)
			}
			for _, d := range m.Deny {
				denied = append(denied, strings.TrimSuffix(d.Param+" below "+d.Below, "below "))
			}
			got := []string{string(m.Class), strings.Join(subjectTexts(m), ", "), strings.Join(m.Parts, " "), strings.Join(sortedKeys(m.Narrow), " "), strings.Join(pages, " "), strings.Join(denied, ",")}
			if d := cmp.Diff([]string{string(c.class), c.subjects, c.parts, c.narrow, c.page, c.denied}, got); d != "" {
				t.Error(d)
			}
			if c.upstream != "" && path != c.upstream {
				t.Errorf("goes up as %s, want %s", path, c.upstream)
			}
		})
	}
}

// Short forms say what their long forms say.
func TestShortForms(t *testing.T) {
	p := mustProfile(t, titlesWiki)
	query := p.Routes[1].Variants["query"]
	want := &PageSpec{Kind: "cursor", Limit: "limit", Items: "query.recentchanges", Next: "continue"}
	if d := cmp.Diff(want, query.Part["list=recentchanges"].Page); d != "" {
		t.Error(d)
	}
	search := query.Part["list=search"]
	if search.Page.Start != "offset" || search.Page.Total.Rule != "drop" || !slices.Equal(search.Response.Drop, []string{"suggestion"}) {
		t.Errorf("page %+v, response %+v", search.Page, search.Response)
	}
	if got := p.HTML[0].Subject[0]; got != (Place{As: "content.title", At: "@data-target-page"}) {
		t.Errorf("subject %+v", got)
	}
	if got := p.Feeds[0].Newest; len(got) != 2 {
		t.Errorf("newest %v", got)
	}
	req, _ := readRequest(p, "GET /w/index.php?title=A&action=history")
	m, _ := p.Match(req, nil)
	if m == nil || len(m.Evidence["content"]) != 1 || m.Evidence["also"][0].Attr != "content.title" || m.Evidence["also"][1].Attr != "url" {
		t.Errorf("a variant without evidence has not the default variant's: %+v", m)
	}
	s := mustProfile(t, spacesProfile)
	if f := s.Shapes[0].Fields; f["excerpt"] != "prose" {
		t.Errorf("fields %v", f)
	}
	req, _ = readRequest(s, "GET /rest/search?cql=x")
	m, _ = s.Match(req, nil)
	if n := m.Narrow["cql"]; n.Codec != "cql" || n.None == "" || n.Fields["creator"] != "user.name" || n.Else.Over != 200 {
		t.Errorf("narrowed by %+v", n)
	}
}

// The blocks of the design's own document load as they stand there, with three
// things put in: a name, what an ellipsis leaves out, and evidence for the one
// route of class content that names none.
func TestLanguageDocument(t *testing.T) {
	data, err := os.ReadFile("../../shared/profile-language.md")
	if err != nil {
		t.Skip("the document is not here")
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(data), -1)
	if len(blocks) != 3 {
		t.Fatalf("%d blocks", len(blocks))
	}
	for i, b := range blocks {
		src := strings.ReplaceAll(b[1], ", …}", "}")
		if i > 0 {
			src = "profile: block\n" + src
		}
		src = regexp.MustCompile(`(?m)^(    parse: .*)agree: content\}`).ReplaceAllString(src, "${1}agree: content, evidence: {content: body:parse.pageid}}")
		if _, err := ParseProfile("profile-language.md", []byte(src)); err != nil {
			t.Errorf("block %d: %v", i+1, err)
		}
	}
}

func TestVersions(t *testing.T) {
	p := mustProfile(t, "profile: t\nversions: \">=7.19 <10\"\n")
	for v, want := range map[string]bool{"7.19": true, "7.18.3": false, "9.9.9": true, "10.0.0": false, "8.5.4": true, "": false, "newest": false} {
		if p.Supports(v) != want {
			t.Errorf("%q supported: %v", v, !want)
		}
	}
	for _, name := range ShippedProfiles() {
		if p, err := LoadProfile(name); err != nil || p.Versions == "" || p.Language != profileLanguage {
			t.Errorf("%s pins no version of the wiki, or none of the language: %v", name, err)
		}
	}
}

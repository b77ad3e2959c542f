package rules

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const titlesProfile = `
profile: titles
titles: {codec: mediawiki-title, none: "(Main)", talk: subject}
routes:
  - match: "GET,POST /w/index.php"
    also: ["GET /wiki/{title:mediawiki-title...}"]
    params: {title: content.title, curid: content.id, oldid: revision.id, diff: "revision.id|enum(prev,next)", useskin: drop}
    need_any: [title, curid, oldid, diff]
    agree: content
    specials: title
    by: {param: action, default: view}
    variants:
      view: {class: content, params: {redirect: enum(no)}, evidence: {content: "json:RLCONF.wgArticleId"}}
      raw: {class: content, params: {section: int}, response: {types: [text/x-wiki], codec: wikitext}}
      submit: {class: write, methods: [POST]}
      edit|purge: {class: write}
  - match: "GET,POST /w/api.php"
    read: true
    force: {format: json}
    by: {param: action, default: help}
    variants:
      query:
        class: search
        params: {titles: list(content.title), continue: cursor, redirects: flag}
        mixed: missing
        parts: {list: "|", prop: "|", generator: one}
        part:
          list=recentchanges: {prefix: rc, class: feed, params: {namespace: list(space.id), user: user.name, limit: int<=500}, narrow: {namespace: visible},
                               page: {kind: cursor, limit: limit, items: query.recentchanges}, response: {drop: [a]}}
          list=allusers: {prefix: au, class: people, params: {from: text}, page: {kind: cursor, items: query.allusers}}
          generator=links: {prefix: gpl, params: {limit: int<=500}, page: {kind: none}}
          prop=info: {prefix: in, params: {prop: "words(url,displaytitle)"}}
        response: {types: [json], drop: [b]}
  - {match: GET /w/load.php, class: static, params: {modules: mediawiki-modules}, deny: [{modules: [user, user.options], identity: service, answer: empty}]}
specials:
  Recentchanges: {also: [RecentChanges, RC list], class: feed, params: {namespace: space.id, limit: int<=500}, force: {enhanced: "0"}, page: {kind: none}}
  Whatlinkshere: {class: search, subpage: content.title, params: {target: content.title}, page: {kind: none}}
  Contributions: {class: user, subpage: user.name, evidence: {user: "json:RLCONF.wgRelevantUserName"}}
`

func TestMatchTitles(t *testing.T) {
	p := mustProfile(t, titlesProfile)
	for _, c := range []struct {
		req, pattern string
		class        Class
		subjects     string
		upstream     string
		refused      string
	}{
		{req: "GET /wiki/Main_Page", pattern: "GET /wiki/{title:mediawiki-title...} action=view", class: ClassContent, subjects: "content.title=Main Page in (Main)", upstream: "/wiki/Main_Page"},
		{req: "GET /wiki/help:a/b", pattern: "GET /wiki/{title:mediawiki-title...} action=view", class: ClassContent, subjects: "content.title=A/b in Help", upstream: "/wiki/help:a/b"},
		{req: "GET /w/index.php?title=Talk:X&curid=4&useskin=x", pattern: "GET,POST /w/index.php action=view", class: ClassContent, subjects: "content.title=X in Talk,content.id=4", upstream: "/w/index.php?curid=4&title=Talk%3AX"},
		{req: "GET /w/index.php?diff=prev&oldid=4", pattern: "GET,POST /w/index.php action=view", class: ClassContent, subjects: "revision.id=4", upstream: "/w/index.php?diff=prev&oldid=4"},
		{req: "GET /w/index.php?diff=9", pattern: "GET,POST /w/index.php action=view", class: ClassContent, subjects: "revision.id=9", upstream: "/w/index.php?diff=9"},
		{req: "GET /w/index.php", refused: "no selector"},
		{req: "GET /w/index.php?title=X&action=raw&section=2", pattern: "GET,POST /w/index.php action=raw", class: ClassContent, subjects: "content.title=X in (Main)", upstream: "/w/index.php?action=raw&section=2&title=X"},
		{req: "GET /w/index.php?title=X&action=delete", refused: "action"},
		{req: "GET /w/index.php?title=X&action=view&section=2", refused: "section"},
		{req: "GET /w/index.php?title=X&action=edit", pattern: "GET,POST /w/index.php action=edit|purge", class: ClassWrite, subjects: "content.title=X in (Main)", upstream: "/w/index.php?action=edit&title=X"},
		{req: "GET /w/index.php?title=X&action=submit", refused: "method"},
		{req: "POST /w/index.php?title=X&action=submit wpText=a", pattern: "GET,POST /w/index.php action=submit", class: ClassWrite, subjects: "content.title=X in (Main)", upstream: "/w/index.php?action=submit&title=X"},
		{req: "POST /w/index.php?title=X", refused: "method"},
		{req: "GET /wiki/A%7CB", refused: "title"},
		{req: "GET /wiki/X?title=Y", refused: "path and query"},
		{req: "GET /wiki/special:recentChanges?limit=9", pattern: "GET /wiki/{title:mediawiki-title...} special:Recentchanges", class: ClassFeed, upstream: "/wiki/special:recentChanges?enhanced=0&limit=9"},
		{req: "GET /wiki/Special:RC_list", pattern: "GET /wiki/{title:mediawiki-title...} special:Recentchanges", class: ClassFeed, upstream: "/wiki/Special:RC_list?enhanced=0"},
		{req: "GET /w/index.php?title=Special:Recentchanges&action=view&enhanced=0", pattern: "GET,POST /w/index.php special:Recentchanges", class: ClassFeed, upstream: "/w/index.php?action=view&enhanced=0&title=Special%3ARecentchanges"},
		{req: "GET /w/index.php?title=Special:Recentchanges&enhanced=1", refused: "enhanced"},
		{req: "GET /w/index.php?title=Special:Recentchanges&curid=5", refused: "curid"},
		{req: "GET /w/index.php?title=Special:Recentchanges&action=edit", refused: "action"},
		{req: "GET /wiki/Special:Recentchanges/x", refused: "subpage"},
		{req: "GET /wiki/Special:Export", refused: "special"},
		{req: "GET /wiki/Special:WhatLinksHere/Help:X", pattern: "GET /wiki/{title:mediawiki-title...} special:Whatlinkshere", class: ClassSearch, subjects: "content.title=X in Help", upstream: "/wiki/Special:WhatLinksHere/Help:X"},
		{req: "GET /wiki/Special:WhatLinksHere?target=Help:X", pattern: "GET /wiki/{title:mediawiki-title...} special:Whatlinkshere", class: ClassSearch, subjects: "content.title=X in Help", upstream: "/wiki/Special:WhatLinksHere?target=Help%3AX"},
		{
			req: "GET /w/api.php?action=query&list=recentchanges&rclimit=9999&rcnamespace=2%7C4", pattern: "GET,POST /w/api.php action=query list=recentchanges", class: ClassSearch,
			subjects: "space.id=2,space.id=4", upstream: "/w/api.php?action=query&format=json&list=recentchanges&rclimit=500&rcnamespace=2%7C4",
		},
		{
			req: "GET /w/api.php?action=query&list=recentchanges%7Callusers&prop=info&inprop=url", pattern: "GET,POST /w/api.php action=query list=recentchanges list=allusers prop=info", class: ClassPeople,
			upstream: "/w/api.php?action=query&format=json&inprop=url&list=recentchanges%7Callusers&prop=info",
		},
		{
			req: "GET /w/api.php?action=query&titles=%1FA%1FHelp:B", pattern: "GET,POST /w/api.php action=query", class: ClassSearch,
			subjects: "content.title=A in (Main),content.title=B in Help", upstream: "/w/api.php?action=query&format=json&titles=%1FA%1FHelp%3AB",
		},
		{req: "POST /w/api.php?action=query titles=A", pattern: "GET,POST /w/api.php action=query", class: ClassSearch, subjects: "content.title=A in (Main)", upstream: "/w/api.php?action=query&format=json titles=A"},
		{req: "GET /w/api.php?action=query&list=recentchanges%7Csecret", refused: "list"},
		{req: "GET /w/api.php?action=query&rclimit=1", refused: "rclimit"},
		{req: "GET /w/api.php?action=query&format=xml", refused: "format"},
		{req: "GET /w/api.php?action=query&titles=Special:Recentchanges", refused: "titles"},
		{req: "GET /w/api.php", refused: "action"},
	} {
		t.Run(c.req, func(t *testing.T) {
			req, err := readRequest(p, c.req)
			if err != nil {
				t.Fatal(err)
			}
			m, r := p.Match(req, nil)
			if c.refused != "" {
				if r == nil || !strings.Contains(r.Reason, c.refused) {
					t.Fatalf("got %v, want a refusal with %q", r, c.refused)
				}
				return
			}
			if r != nil {
				t.Fatal(r)
			}
			path, query, form := m.Upstream()
			up := path
			if query != "" {
				up += "?" + query
			}
			if form != "" {
				up += " " + form
			}
			got := []string{m.Pattern, string(m.Class), strings.Join(subjectTexts(m), ","), up}
			if d := cmp.Diff([]string{c.pattern, string(c.class), c.subjects, c.upstream}, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestMatchDetails(t *testing.T) {
	p := mustProfile(t, titlesProfile)
	match := func(line string) *Match {
		t.Helper()
		req, err := readRequest(p, line)
		if err != nil {
			t.Fatal(err)
		}
		m, r := p.Match(req, nil)
		if r != nil {
			t.Fatal(r)
		}
		return m
	}
	m := match("GET /w/api.php?action=query&list=recentchanges&rcnamespace=2%7C4&titles=A")
	want := []ListParam{{Param: "rcnamespace", Attr: SpaceID, Sep: "|", Values: []string{"2", "4"}}, {Param: "titles", Attr: ContentTitle, Sep: "|", Values: []string{"A"}}}
	if d := cmp.Diff(want, m.Lists, cmpopts.IgnoreUnexported(ListParam{})); d != "" {
		t.Error(d)
	}
	if m.Narrow["rcnamespace"].To != "visible" || m.Page == nil || m.Page.Limit != "rclimit" || m.Mixed != "missing" || !m.Read || m.IsWrite {
		t.Errorf("narrow %v, page %v, mixed %q", m.Narrow, m.Page, m.Mixed)
	}
	if !slices.Equal(m.Response.Drop, []string{"b", "a"}) {
		t.Errorf("drop %v", m.Response.Drop)
	}
	m.Restrict("rcnamespace", "2")
	m.Restrict("rctype", "edit")
	if _, q, _ := m.Upstream(); q != "action=query&format=json&list=recentchanges&rcnamespace=2&rctype=edit&titles=A" {
		t.Error(q)
	}

	for _, c := range []struct {
		query string
		deny  int
	}{{"modules=startup", 0}, {"modules=user.styles,options", 1}, {"modules=a%7Cuser", 1}, {"modules=user.x", 0}} {
		if m := match("GET /w/load.php?" + c.query); len(m.Deny) != c.deny {
			t.Errorf("%s: %d denials, want %d", c.query, len(m.Deny), c.deny)
		}
	}
	if m := match("GET /wiki/Help:X"); m.Global || m.ContextSpace.Kind != Content {
		t.Errorf("context %v", m.ContextSpace)
	}
	if m := match("GET /wiki/Special:Recentchanges"); !m.Global {
		t.Error("recent changes are global")
	}
	if k, ok := p.TitleKey(nil, "image:a b.png"); !ok || k != (Key{ContentTitle, "A b.png", "File"}) {
		t.Errorf("got %v %v", k, ok)
	}
	if _, ok := p.TitleKey(nil, "Special:Export"); ok {
		t.Error("a special page has no key")
	}
}

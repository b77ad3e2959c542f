package upstream

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/rules"
)

// pageSpec saves writing the anonymous struct of SyncStep.Page.
func paged(s rules.SyncStep, kind, start, limit string, size int, next string) rules.SyncStep {
	s.Page.Kind, s.Page.Start, s.Page.Limit, s.Page.Size, s.Page.Next = kind, start, limit, size, next
	return s
}

// newClient makes a client of a server that never waits.
func newClient(t testing.TB, h http.Handler, change ...func(*Config)) *Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	base, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Base: base, RatePerSecond: 100_000, Sleep: noSleep}
	for _, f := range change {
		f(&c)
	}
	return New(c)
}

// apiDialect speaks as api.php does: objects of parameters to continue with,
// properties that come in several answers, numbers of namespaces.
func apiDialect(t testing.TB) http.Handler {
	t.Helper()
	answers := map[string]string{
		"siprop=namespaces": `{"batchcomplete":true,"query":{"namespaces":{
			"-1":{"id":-1,"name":"Special","canonical":"Special"},"0":{"id":0,"case":"first-letter","name":"","content":true},
			"10":{"id":10,"name":"Template","canonical":"Template"},"3000":{"id":3000,"name":"ACME X"}}}}`,
		"siprop=namespacealiases": `{"query":{"namespacealiases":[{"id":3000,"alias":"AX"},{"id":10,"alias":"T"},{"id":77,"alias":"Nowhere"}]}}`,
		"list=allusers":           `{"continue":{"aufrom":"Kim","continue":"-||"},"query":{"allusers":[{"userid":1,"name":"Admin","groups":["*","user","sysop"]}]}}`,
		"aufrom=Kim":              `{"query":{"allusers":[{"userid":12,"name":"Kim","groups":["*","user"]}]}}`,
		"gapnamespace=0": `{"continue":{"clcontinue":"1|B","continue":"||info"},"query":{"pages":[
			{"pageid":1,"ns":0,"title":"Main: page","categories":[{"ns":14,"title":"Category:A: b"}],"templates":[{"ns":10,"title":"Template:Box"}]},
			{"pageid":2,"ns":0,"title":"Main: page/sub/deep"},{"pageid":3,"ns":0,"title":"Old name"}]}}`,
		"clcontinue=1%7CB": `{"query":{"pages":[{"pageid":1,"ns":0,"title":"Main: page","categories":[{"ns":14,"title":"Category:C"}]},
			{"pageid":2,"ns":0,"title":"Main: page/sub/deep"},{"pageid":3,"ns":0,"title":"Old name"}]}}`,
		"gapnamespace=10":   `{"query":{"pages":[{"pageid":7,"ns":10,"title":"Template:Box","transcludedin":[{"pageid":1,"ns":0,"title":"Main: page"}],"fileusage":[{"pageid":9}]}]}}`,
		"gapnamespace=3000": `{"batchcomplete":true}`,
		"pageids=1%7C55": `{"query":{"pages":[{"pageid":1,"ns":0,"title":"Main: page","categories":[{"title":"Category:C"}]},
			{"pageid":55,"missing":true}]}}`,
		"titles=ACME+X%3ANew%7CACME+X%3ARed": `{"query":{"pages":[{"ns":3000,"title":"ACME X:Red","missing":true},
			{"pageid":60,"ns":3000,"title":"ACME X:New"}]}}`,
		"revids=500%7C501": `{"query":{"badrevids":{"501":{"revid":501}},"pages":[{"pageid":1,"ns":0,"title":"x","revisions":[{"revid":500,"parentid":0}]}]}}`,
		"meta=userinfo":    `{"query":{"userinfo":{"id":0,"name":"127.0.0.1","anon":true}}}`,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/w/api.php" {
			http.NotFound(w, r)
			return
		}
		if c, err := r.Cookie("session"); err == nil && c.Value == "kim" {
			fmt.Fprint(w, `{"query":{"userinfo":{"id":12,"name":"Kim"}}}`)
			return
		}
		best, answer := "", `{"error":{"code":"unknown_action","info":"no such thing as you asked for"}}`
		for part, a := range answers {
			if strings.Contains("&"+r.URL.RawQuery+"&", "&"+part+"&") && (best == "" || strings.Contains(part, "cont") || strings.HasPrefix(part, "aufrom")) {
				best, answer = part, a
			}
		}
		fmt.Fprint(w, answer)
	})
}

func apiProfile() *rules.Profile {
	const api = "/w/api.php?action=query&format=json&formatversion=2&"
	content := map[string]string{
		"id": "pageid", "type": "=page", "space": "ns", "title.full": "title", "parent.path": "title",
		"labels": `categories.#.title ~ ^[^:]+:(.+)$`, "includes.title": "templates.#.title",
		"used_by": "[transcludedin.#.pageid,fileusage.#.pageid]|@flatten",
	}
	return &rules.Profile{
		Titles: &rules.Titles{Codec: "mediawiki-title"},
		Sync: &rules.Sync{Steps: []rules.SyncStep{
			{
				Into: "spaces", URL: api + "meta=siteinfo&siprop=namespaces", Items: "query.namespaces", Failed: "error.code",
				Record: map[string]string{"id": "id", "key": "name || =(Main)", "name": "name", "aliases": "[canonical]"},
			},
			{
				Into: "spaces", URL: api + "meta=siteinfo&siprop=namespacealiases", Items: "query.namespacealiases", Merge: true,
				Record: map[string]string{"id": "id", "aliases": "[alias]"},
			},
			paged(rules.SyncStep{
				Into: "users", URL: api + "list=allusers", Items: "query.allusers",
				Record: map[string]string{"username": "name", "key": "userid", "groups": "groups"},
			}, "cursor", "", "", 0, "continue"),
			paged(rules.SyncStep{
				Into: "content", Each: "spaces", EachIf: map[string]string{"id": `\d+`}, Optional: true, Failed: "error.code",
				URL: api + "generator=allpages&gapnamespace={space.id}", Items: "query.pages", Record: content,
			}, "cursor", "", "", 0, "continue"),
		}},
		Lookup: []rules.Lookup{
			{Attr: []string{"content.id"}, URL: api + "pageids={values}", Join: "|", Max: 50, Items: "query.pages", Record: content, Missing: "missing", Failed: "error.code"},
			{Attr: []string{"content.title"}, URL: api + "titles={values}", Join: "|", Max: 50, Items: "query.pages", Record: content, Missing: "missing", Failed: "error.code"},
			{
				Attr: []string{"revision.id"}, URL: api + "revids={values}", Join: "|", Max: 50, Items: "query.pages", Into: "aliases",
				Alias: map[string]string{"id": "revisions.#.revid", "of": "pageid"}, Failed: "error.code",
			},
		},
		WhoAmI: &rules.WhoAmI{URL: api + "meta=userinfo", User: "query.userinfo.name", Anonymous: "query.userinfo.anon"},
	}
}

// restDialect speaks as a REST API with links to the next page does, below a
// context path that those links leave out.
func restDialect(t testing.TB, base string) http.Handler {
	t.Helper()
	mux := http.NewServeMux()
	say := func(path, body string) {
		mux.HandleFunc("GET "+base+path, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer t0ken" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			fmt.Fprint(w, body)
		})
	}
	mux.HandleFunc("GET "+base+"/rest/api/space", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("start") == "" {
			fmt.Fprint(w, `{"results":[{"id":98305,"key":"ACME","name":"Acme","type":"global","homepage":{"id":"100"}}],"size":1,"_links":{"next":"/rest/api/space?limit=1&start=1"}}`)
			return
		}
		fmt.Fprint(w, `{"results":[{"id":98306,"key":"~kim","name":"Kim Li","type":"personal"}],"size":1,"_links":{}}`)
	})
	say("/rest/api/group", `{"results":[{"type":"group","name":"staff"},{"type":"group","name":"a/b c"}]}`)
	say("/rest/api/group/staff/member", `{"results":[{"username":"kim","userKey":"ff1","displayName":"Kim Li","profilePicture":{"path":"/download/attachments/1114116/user-avatar"}},
		{"username":"zq","userKey":"ff2","displayName":"Zelda Q","profilePicture":{"path":"/images/icons/default.svg"}}]}`)
	say("/rest/api/group/a%2Fb%20c/member", `{"results":[{"username":"kim","userKey":"ff1"}]}`)
	mux.HandleFunc("GET "+base+"/rest/api/content", func(w http.ResponseWriter, r *http.Request) {
		if title := r.FormValue("title"); title != "" {
			if title == "Plan & more" && r.FormValue("spaceKey") == "ACME" {
				fmt.Fprint(w, `{"results":[{"id":"102","type":"page","status":"current","title":"Plan & more","space":{"key":"ACME"}}]}`)
				return
			}
			fmt.Fprint(w, `{"results":[]}`)
			return
		}
		if r.FormValue("spaceKey") != "ACME" {
			fmt.Fprint(w, `{"results":[]}`)
			return
		}
		switch start, _ := strconv.Atoi(r.FormValue("start")); start {
		case 0:
			fmt.Fprint(w, `{"results":[{"id":"100","type":"page","status":"current","title":"Home","ancestors":[],"metadata":{"labels":{"results":[]}}},
				{"id":"101","type":"page","status":"current","title":"Secret","ancestors":[{"id":"99"},{"id":"100"}],
				"metadata":{"labels":{"results":[{"name":"internal-only"}]}},
				"restrictions":{"read":{"restrictions":{"user":{"results":[{"username":"zq"}]},"group":{"results":[{"name":"staff"}]}}}}}]}`)
		case 2:
			fmt.Fprint(w, `{"results":[{"id":"103","type":"blogpost","status":"current","title":"News","_links":{"webui":"/display/ACME/2024/01/05/News"}}]}`)
		default:
			t.Errorf("start=%d", start)
		}
	})
	say("/rest/api/content/100", `{"id":"100","type":"page","status":"current","title":"Home","space":{"key":"ACME"},"container":{"id":98305,"key":"ACME","type":"global"}}`)
	say("/rest/api/content/900", `{"id":"900","type":"comment","status":"current","title":"Re: Home","container":{"id":"100","type":"page"}}`)
	say("/rest/api/user", `{"username":"kim"}`)
	say("/rest/api/user/current", `{"username":"nobody-should-see-this"}`)
	return mux
}

func restProfile() *rules.Profile {
	content := map[string]string{
		"id": "id", "type": "type", "space": "space.key || ={space.key}", "title": "title", "status": "status", "parent": "ancestors.@reverse.0.id",
		"labels": "metadata.labels.results.#.name", "restricted_to.users": "restrictions.read.restrictions.user.results.#.username",
		"restricted_to.groups": "restrictions.read.restrictions.group.results.#.name", "date": `_links.webui ~ /(\d{4}/\d{2}/\d{2})/`,
	}
	lookup := map[string]string{}
	for k, v := range content {
		lookup[k] = strings.TrimSuffix(v, " || ={space.key}")
	}
	user := map[string]string{"username": "username", "key": "userKey", "display_name": "displayName", "avatar_ids": `[profilePicture.path] ~ /download/attachments/(\d+)/`}
	members := map[string]string{"groups": "={group.name}"}
	for k, v := range user {
		members[k] = v
	}
	return &rules.Profile{
		Sync: &rules.Sync{Steps: []rules.SyncStep{
			paged(rules.SyncStep{
				Into: "spaces", URL: "/rest/api/space?limit=1", Items: "results",
				Record: map[string]string{"key": "key", "id": "id", "name": "name", "type": "type", "home": "homepage.id", "owner": `key ~ ^~(.+)$`},
			}, "cursor", "", "", 0, "_links.next"),
			{Into: "groups", URL: "/rest/api/group", Items: "results", Record: map[string]string{"name": "name"}},
			{Into: "users", Each: "groups", URL: "/rest/api/group/{group.name}/member", Items: "results", Record: members},
			paged(rules.SyncStep{Into: "content", Each: "spaces", URL: "/rest/api/content?spaceKey={space.key}", Items: "results", Record: content}, "offset", "start", "limit", 2, ""),
		}},
		Lookup: []rules.Lookup{
			{
				Attr: []string{"content.id"}, URL: "/rest/api/content/{values}?expand=space,container", Into: "content", Record: lookup,
				Alias: map[string]string{"id": "id", "of": "container.id", "kind": "type ~ ^(comment|attachment)$"},
			},
			{Attr: []string{"content.title"}, URL: "/rest/api/content?spaceKey={space}&title={values}", Items: "results", Record: lookup},
			{Attr: []string{"user.name"}, URL: "/rest/api/user?username={values}", Into: "users", Record: user},
		},
		WhoAmI: &rules.WhoAmI{URL: "/rest/api/user/current", User: "username", Anonymous: "type ~ ^(anonymous)$"},
	}
}

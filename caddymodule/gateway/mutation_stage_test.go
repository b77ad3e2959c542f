package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/gateway"
	syncing "github.com/postern-gateway/postern/caddymodule/upstream"
	"github.com/postern-gateway/postern/caddymodule/wikitest"
	"github.com/postern-gateway/postern/rules"
)

// confluenceStage has the corpus, for all its viewers, and every request of the
// stand-in wiki as a partner.
func confluenceStage(t *testing.T) *stage {
	t.Helper()
	s := &stage{profile: "confluence-dc"}
	for _, c := range readCorpus(t) {
		if c.todo != "" {
			continue
		}
		s.trials = append(s.trials, &trial{
			name: c.file + "/" + c.name, as: c.as,
			serve:  func(gw *gateway.Gateway) *httptest.ResponseRecorder { return ask(gw, c.url, c.next()) },
			faults: c.faults,
		})
	}
	w := wikitest.DemoWorld()
	wiki, dir := wikitest.New(w), wikiDirectory(t, w)
	next := func(rw http.ResponseWriter, r *http.Request) error { wiki.ServeHTTP(rw, r); return nil }
	paths := wikitest.Paths(w)
	for _, p := range paths {
		s.trials = append(s.trials, &trial{
			name: "wiki" + p, as: "wiki:ana",
			serve: func(gw *gateway.Gateway) *httptest.ResponseRecorder { return ask(gw, p, next) },
		})
	}
	s.open = func(p *rules.Profile, as string, observe func(gateway.Event)) (*gateway.Gateway, error) {
		as, ok := strings.CutPrefix(as, "wiki:")
		if !ok {
			return corpusGatewayOf(p, as, "", "", observe)
		}
		return wikiGateway(p, dir, as, observe)
	}
	return s
}

// ask is one request, where there is no test to fail.
func ask(gw *gateway.Gateway, target string, next gateway.Next) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "https://site.example"+target, nil)
	r.Header.Set("Accept", "*/*")
	w := httptest.NewRecorder()
	if err := gw.ServeHTTP(w, r, next); err != nil {
		w.Code = 599
	}
	return w
}

// wikiDirectory is what a sync of the stand-in wiki finds, with what look-ups
// would add: whose comments and files there are.
func wikiDirectory(t *testing.T, w *wikitest.World) rules.Directory {
	t.Helper()
	srv := wikitest.NewServer(w)
	defer srv.Close()
	base, err := url.Parse(srv.URL + w.Context)
	if err != nil {
		t.Fatal(err)
	}
	p, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		t.Fatal(err)
	}
	d, err := syncing.New(syncing.Config{Base: base, Token: wikitest.DemoSyncToken, RatePerSecond: 10000}).Snapshot(t.Context(), p, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for i := range w.Pages {
		page := &w.Pages[i]
		of := fmt.Sprint(page.ID)
		for _, c := range page.Comments {
			d.Aliases = append(d.Aliases, rules.AliasRecord{ID: fmt.Sprint(c.ID), Of: of, Kind: "comment"})
		}
		for _, a := range page.Attachments {
			d.Aliases = append(d.Aliases, rules.AliasRecord{ID: fmt.Sprint(a.ID), Of: of, Kind: "attachment"})
		}
	}
	return d
}

// wikiGateway stands in front of the stand-in wiki, for one of its accounts.
func wikiGateway(p *rules.Profile, d rules.Directory, as string, observe func(gateway.Event)) (*gateway.Gateway, error) {
	policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": wikitest.DemoPolicy}, p)
	if err != nil {
		return nil, err
	}
	dir, err := directory.New(directory.Config{Profile: p, Seed: d})
	if err != nil {
		return nil, err
	}
	var v rules.Viewer
	for _, a := range wikitest.DemoAccounts() {
		if a.Username == as {
			v = rules.Viewer{Provider: "demo-idp", Subject: "demo-" + as, WikiUser: as, DisplayName: a.Display, Email: a.Email, EmailVerified: true, Groups: a.Groups}
		}
	}
	return gateway.New(gateway.Config{
		Site: &url.URL{Scheme: "https", Host: "site.example"}, Wiki: &url.URL{Scheme: "http", Host: "wiki.corp.example"},
		Identity: map[rules.ViewerKind]gateway.Identity{
			rules.External: {Kind: "service", Value: wikitest.DemoReadToken}, rules.Internal: {Kind: "header", Value: "X-Remote-User"},
		},
		Policy: policy, Directory: dir, As: &v, Observe: observe, Refill: true, Key: bytes.Repeat([]byte("k"), 32),
	})
}

// mediawikiAnswers says what the files in testdata/mediawiki answer.
var mediawikiAnswers = map[string]string{
	"view.html":          "/wiki/ACME_Portal:Home",
	"history.html":       "/w/index.php?title=ACME_Portal:Home&action=history",
	"diff.html":          "/w/index.php?title=ACME_Portal:Home&diff=prev&oldid=215",
	"info.html":          "/w/index.php?title=ACME_Portal:Home&action=info",
	"raw.txt":            "/w/index.php?title=ACME_Portal:Home&action=raw",
	"recentchanges.html": "/wiki/Special:RecentChanges?limit=30&days=30",
	"whatlinkshere.html": "/wiki/Special:WhatLinksHere/ACME_Portal:Home",
	"allpages.html":      "/w/index.php?title=Special:AllPages&namespace=3000",
	"search.html":        "/w/index.php?title=Special:Search&fulltext=1&limit=10&search=roadmap",
	"listusers.html":     "/wiki/Special:ListUsers",
	"recentchanges.atom": "/w/api.php?action=feedrecentchanges&feedformat=atom&limit=5",
	"history.rss":        "/w/index.php?title=ACME_Portal:Home&action=history&feed=rss",
	"allpages.json":      "/w/api.php?action=query&list=allpages&apnamespace=3000&format=json",
	"recentchanges.json": "/w/api.php?action=query&list=recentchanges&rclimit=20&format=json",
	"revisions.json":     "/w/api.php?action=query&prop=revisions&titles=ACME_Portal:Home&rvprop=ids%7Cuser%7Ccomment%7Ccontent&rvslots=main&format=json",
	"revisions.v2.json":  "/w/api.php?action=query&prop=revisions&titles=ACME_Portal:Home&rvprop=ids%7Cuser%7Ccomment%7Ccontent&rvslots=main&format=json&formatversion=2",
	"backlinks.json":     "/w/api.php?action=query&list=backlinks&bltitle=ACME_Portal:Home&format=json",
	"search.json":        "/w/api.php?action=query&list=search&srsearch=roadmap&srwhat=text&srnamespace=*&format=json",
	"siteinfo.json":      "/w/api.php?action=query&meta=siteinfo&siprop=general%7Cnamespaces%7Cnamespacealiases&format=json",
	"parse.json":         "/w/api.php?action=parse&page=ACME_Portal:Home&format=json",
	"opensearch.json":    "/w/api.php?action=opensearch&search=S&namespace=*&format=json",
	"rest-page.json":     "/w/rest.php/v1/page/ACME_Portal:Home",
	"load-widgets.js":    "/w/load.php?lang=en&modules=mediawiki.widgets&skin=vector&only=scripts",
}

var mediawikiTypes = map[string]string{
	".html": "text/html; charset=UTF-8", ".json": "application/json; charset=utf-8", ".txt": "text/x-wiki; charset=UTF-8",
	".atom": "application/atom+xml; charset=UTF-8", ".rss": "application/rss+xml; charset=UTF-8", ".js": "text/javascript; charset=utf-8",
}

const mediawikiPolicy = `version: 1
wiki: mediawiki
preset: recommended
internal: {groups: [acme-idp/staff], mode: shared-spaces}
extranet: {users_see: shared-space}
spaces:
  Handbook: {open_to: externals}
  ACME Portal: {members: [group: acme-idp/partners, user: Gooskstosgrer of Acme]}
  "(Main)": {open_to: externals}
`

// mediawikiStage has the answers that a real wiki gave, by the requests that
// they were given to.
func mediawikiStage(t *testing.T) *stage {
	t.Helper()
	dir := filepath.Join("..", "..", "testdata", "mediawiki")
	f, err := os.Open(filepath.Join(dir, "directory.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d, err := directory.ReadSnapshot(f)
	if err != nil {
		t.Fatal(err)
	}
	d.Aliases = append(d.Aliases, rules.AliasRecord{ID: "215", Of: "39", Kind: "revision"})
	hidden := map[string][]string{"eva": hiddenNames(t, d, "eva"), "ida": hiddenNames(t, d, "ida")}
	s := &stage{profile: "mediawiki"}
	for file, target := range mediawikiAnswers {
		body, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, as := range []string{"eva", "ida"} {
			s.trials = append(s.trials, &trial{
				name: file, as: as,
				faults: namesNothing(hidden[as]),
				serve: func(gw *gateway.Gateway) *httptest.ResponseRecorder {
					return ask(gw, target, upstream(http.StatusOK, mediawikiTypes[filepath.Ext(file)], string(body)))
				},
			})
		}
	}
	s.trials = append(s.trials, madeAnswers(t, dir, hidden)...)
	s.open = func(p *rules.Profile, as string, observe func(gateway.Event)) (*gateway.Gateway, error) {
		policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(mediawikiPolicy)}, p)
		if err != nil {
			return nil, err
		}
		known, err := directory.New(directory.Config{Profile: p, Seed: d})
		if err != nil {
			return nil, err
		}
		return gateway.New(gateway.Config{
			Site: &url.URL{Scheme: "https", Host: "site.example"}, Wiki: &url.URL{Scheme: "http", Host: "wiki.example"},
			Policy: policy, Directory: known, Observe: observe, Key: bytes.Repeat([]byte("k"), 32),
			As: mediawikiViewer(as),
		})
	}
	return s
}

// madeAnswers are those of made*.txtar, which no wiki gave: lines "key: value",
// an empty line, the body. Keys:
//
//	url      what was asked for
//	header   a field of the answer
//	upstream the answer's status; 200 if left out
//	in       a section NAME.wrap that the body is put into; a word behind it is its {{special}}
func madeAnswers(t *testing.T, dir string, hidden map[string][]string) []*trial {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "made*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatal("no made answers: ", err)
	}
	var out []*trial
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		wraps := map[string]string{}
		for _, f := range a.Files {
			if name, ok := strings.CutSuffix(f.Name, ".wrap"); ok {
				wraps[name] = string(f.Data)
				continue
			}
			target, c := madeAnswer(t, f, wraps)
			for _, as := range []string{"eva", "ida"} {
				out = append(out, &trial{
					name: f.Name, as: as,
					faults: namesNothing(hidden[as]),
					serve:  func(gw *gateway.Gateway) *httptest.ResponseRecorder { return ask(gw, target, c.next()) },
				})
			}
		}
	}
	return out
}

func madeAnswer(t *testing.T, f txtar.File, wraps map[string]string) (target string, c corpusCase) {
	t.Helper()
	c = corpusCase{typ: mediawikiTypes[filepath.Ext(f.Name)], upstream: http.StatusOK}
	head, body, _ := strings.Cut(string(f.Data), "\n\n")
	c.body = body
	for line := range strings.SplitSeq(head, "\n") {
		k, v, _ := strings.Cut(line, ": ")
		switch k {
		case "url":
			target = v
		case "header":
			n, val, _ := strings.Cut(v, ": ")
			c.header = append(c.header, [2]string{n, val})
		case "upstream":
			c.upstream, _ = strconv.Atoi(v)
		case "in":
			name, special, _ := strings.Cut(v, " ")
			if wraps[name] == "" {
				t.Fatalf("%s: no wrap %q", f.Name, name)
			}
			c.body = strings.NewReplacer("{{special}}", special, "{{}}", body).Replace(wraps[name])
		default:
			t.Fatalf("%s: unknown key %q", f.Name, k)
		}
	}
	return target, c
}

func mediawikiViewer(as string) *rules.Viewer {
	return &rules.Viewer{Provider: "acme-idp", Subject: as, Email: as + "@acme.example", EmailVerified: true, Groups: []string{map[string]string{"eva": "partners", "ida": "staff"}[as]}}
}

// hiddenNames are the names of what somebody does not see, of people, spaces
// and pages, save such as stand in a name that he sees.
func hiddenNames(t *testing.T, d rules.Directory, as string) []string {
	t.Helper()
	p, err := rules.LoadProfile("mediawiki")
	if err != nil {
		t.Fatal(err)
	}
	policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(mediawikiPolicy)}, p)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := directory.NewGeneration(d, directory.OptionsFor(p))
	if err != nil {
		t.Fatal(err)
	}
	v, err := rules.NewView(policy, facts, *mediawikiViewer(as), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	var hidden []string
	seen := ""
	add := func(name string, visible bool) {
		if visible {
			seen += strings.ToLower(name) + "\n"
		} else if len(name) > 5 {
			hidden = append(hidden, strings.ToLower(name))
		}
	}
	for i, r := range facts.Users() {
		add(r.Username, v.User(rules.ID(i), rules.Context{Space: rules.NoID}).Verdict == rules.Visible)
	}
	for i, r := range facts.Spaces() {
		add(r.Name, v.Space(rules.ID(i)).Verdict == rules.Visible)
	}
	for i, r := range facts.Contents() {
		add(r.Title, v.Content(rules.ID(i)).Verdict == rules.Visible)
	}
	return slices.DeleteFunc(hidden, func(n string) bool { return strings.Contains(seen, n) })
}

// namesNothing tells of names that stand in an answer, in any spelling.
func namesNothing(hidden []string) func(*httptest.ResponseRecorder, gateway.Event) []string {
	return func(w *httptest.ResponseRecorder, _ gateway.Event) []string {
		var out []string
		all := decodings(strings.ReplaceAll(w.Body.String(), "_", " "))
		for _, n := range hidden {
			if at := find(all, n); at != "" {
				out = append(out, at)
			}
		}
		return out
	}
}

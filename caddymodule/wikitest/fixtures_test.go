package wikitest_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/postern-gateway/postern/caddymodule/rewrite/htmlrewrite"
	"github.com/postern-gateway/postern/caddymodule/rewrite/jsonrewrite"
	"github.com/postern-gateway/postern/rules"
)

// everything is a directory in which all that is asked for is there.
type everything struct{}

func (everything) Generation() uint64                           { return 1 }
func (everything) FindUser(rules.Attr, string) (rules.ID, bool) { return 0, true }
func (everything) FindUsersByDisplay(string) []rules.ID         { return []rules.ID{0} }
func (everything) FindGroup(string, string) (rules.ID, bool)    { return 0, true }
func (everything) FindSpace(rules.Attr, string) (rules.ID, bool) {
	return 0, true
}
func (everything) FindSpaceByAnyName(string) (rules.ID, bool) { return 0, true }
func (everything) FindContent(rules.Attr, string, rules.ID) (rules.ID, bool) {
	return 0, true
}
func (everything) Absent(rules.Attr, string, rules.ID) bool { return false }
func (everything) Users() []rules.UserRecord {
	return []rules.UserRecord{{Username: "u", Key: "k", DisplayName: "U", Groups: []string{"g"}}}
}

func (everything) Groups() []rules.GroupRecord {
	return []rules.GroupRecord{{Name: "g", Source: "wiki"}}
}
func (everything) Spaces() []rules.SpaceRecord { return []rules.SpaceRecord{{Key: "S", ID: "1"}} }
func (everything) Contents() []rules.ContentRecord {
	return []rules.ContentRecord{{ID: "1", Space: "S", Title: "T"}}
}

// dropped are the members that go whoever looks: secrets, totals, ranks,
// the state of the account that asks, and what nobody can judge.
var dropped = strings.Fields(`edit editui edituiv2 position syncRev confRev ncsStepVersion ncsStepVersionSource cqlQuery searchDuration totalSize score
	operations restrictions permissions macroRenderedOutput childTypes editor webresource embeddedContent properties retentionPolicy timeZone`)

func seesAll(t *testing.T) (*rules.Profile, *rules.View) {
	t.Helper()
	p, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		t.Fatal(err)
	}
	policy, err := rules.ParsePolicy(map[string][]byte{"p.yaml": []byte("version: 1\nwiki: confluence-dc\ninternal: {groups: [staff], mode: unrestricted}\n")}, p)
	if err != nil {
		t.Fatal(err)
	}
	v, err := rules.NewView(policy, everything{}, rules.Viewer{Provider: "idp", Subject: "1", Groups: []string{"staff"}}, time.Unix(1772442000, 0))
	if err != nil {
		t.Fatal(err)
	}
	return p, v
}

// flat lists the scalars of a JSON value by path.
func flat(v any, at string, out map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			flat(e, at+"/"+k, out)
		}
	case []any:
		for i, e := range v {
			flat(e, fmt.Sprintf("%s/%d", at, i), out)
		}
	default:
		out[at] = fmt.Sprint(v)
	}
}

// Recorded answers, where they are at hand: whoever sees all loses nothing that
// a person would look at.
func TestRecordedJSON(t *testing.T) {
	p, v := seesAll(t)
	prog, err := jsonrewrite.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	pages, err := htmlrewrite.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob("../../../shared/confluence/fixtures/*.json")
	for _, name := range files {
		base := filepath.Base(name)
		// Cloud is another dialect, permissions and properties are closed.
		if !strings.HasPrefix(base, "dc") && !strings.HasPrefix(base, "mock-elastic-search") || strings.Contains(base, "permissions") {
			continue
		}
		t.Run(base, func(t *testing.T) {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var was any
			if err := json.Unmarshal(src, &was); err != nil {
				t.Fatal(err)
			}
			site := siteOf(was)
			judge := rules.NewJudge(v, site, site.Base, rules.Context{Space: rules.NoID})
			out, rep, err := prog.Rewrite(nil, src, jsonrewrite.Input{Judge: judge, Texts: v.Texts(), Inner: func(codec string, s []byte) ([]byte, error) {
				if codec != "html" {
					return s, nil
				}
				o, _, err := pages.Rewrite(nil, s, htmlrewrite.Input{Judge: judge, Fragment: true, Texts: v.Texts()})
				return o, err
			}})
			if err != nil || rep.RootHidden {
				t.Fatalf("%v, root hidden: %v", err, rep.RootHidden)
			}
			var is any
			if err := json.Unmarshal(out, &is); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			a, b := map[string]string{}, map[string]string{}
			flat(was, "", a)
			flat(is, "", b)
			for at, val := range a {
				if got, ok := b[at]; ok && (got == val || at == "/size") { // some are shortened
					continue
				}
				if slices.ContainsFunc(strings.Split(at, "/"), func(k string) bool { return slices.Contains(dropped, k) }) {
					continue
				}
				// A page by its title alone, as only a made-up answer has it: nobody
				// can judge it.
				if strings.HasPrefix(base, "mock-") && strings.HasSuffix(at, "/ancestors/0/title") {
					continue
				}
				// Links to what is closed go.
				if strings.Contains(at, "_links/") || strings.Contains(at, "_expandable/") {
					if strings.Contains(val, "/restriction") || strings.Contains(val, "/experimental/") || strings.HasSuffix(val, "/rest/api/content") || strings.Contains(val, "/settings") || strings.Contains(val, "/theme") {
						continue
					}
				}
				t.Errorf("%s: %.100q became %.100q", at, val, b[at])
			}
		})
	}
}

// siteOf reads from an answer which site it is of.
func siteOf(v any) *rules.Site {
	all := map[string]string{}
	flat(v, "", all)
	base := "http://wiki.example"
	for at, val := range all {
		if i := strings.Index(val, "/rest/"); strings.HasSuffix(at, "/self") && i > 0 {
			base = val[:i]
		}
	}
	u, _ := url.Parse(base)
	return &rules.Site{Base: u}
}

// visible is what a person reads on a page.
func visible(t *testing.T, src string) []string {
	t.Helper()
	n, err := html.Parse(strings.NewReader(src))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode {
			switch n.Data {
			case "script", "style", "head", "template", "noscript":
				return
			}
		}
		if n.Type == html.TextNode {
			out = append(out, strings.Fields(n.Data)...)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(n)
	return out
}

// The words of menus that lead to what is closed, and marks that go for all.
var menuWords = strings.Fields(`Page Information View Source Export to PDF Word in Hierarchy Log view change Feed Builder Comment
	Restrictions apply restrictions ( ) & nbsp; Person... Group... Me More Favourite People Personal Space Profile Show`)

func TestRecordedHTML(t *testing.T) {
	p, v := seesAll(t)
	pages, err := htmlrewrite.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob("../../../shared/confluence/fixtures/html-*.html")
	for _, name := range files {
		base := filepath.Base(name)
		if strings.Contains(base, "cloud") || strings.Contains(base, "error") {
			continue
		}
		t.Run(base, func(t *testing.T) {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			site := &rules.Site{Base: mustURL(htmlBase(string(src)))}
			judge := rules.NewJudge(v, site, site.Base, rules.Context{Space: rules.NoID})
			out, rep, err := pages.Rewrite(nil, src, htmlrewrite.Input{Judge: judge, Fragment: !strings.Contains(string(src), "<html"), Texts: v.Texts(), Class: rules.ClassContent})
			if err != nil || rep.RootHidden {
				t.Fatalf("%v, root hidden: %v", err, rep.RootHidden)
			}
			left := map[string]int{}
			for _, w := range visible(t, string(out)) {
				left[w]++
			}
			for _, w := range visible(t, string(src)) {
				if left[w]--; left[w] < 0 && !slices.Contains(menuWords, w) {
					t.Errorf("the word %q is lost", w)
				}
			}
		})
	}
}

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

// htmlBase is the address that a page says it has, or one made up.
func htmlBase(s string) string {
	for _, mark := range []string{`name="confluence-base-url" content="`, `data-base-url="`} {
		if _, rest, ok := strings.Cut(s, mark); ok {
			if base, _, ok := strings.Cut(rest, `"`); ok {
				return base
			}
		}
	}
	return "http://wiki.example"
}

package jsonrewrite_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/caddymodule/rewrite/jsonrewrite"
	"github.com/postern-gateway/postern/rules"
	"github.com/postern-gateway/postern/rules/codec/tiny"
)

// Sizes of answers.
var sizes = []struct {
	name  string
	bytes int
}{{"10KB", 10 << 10}, {"100KB", 100 << 10}, {"1MB", 1 << 20}, {"10MB", 10 << 20}}

// benchPages is how many pages the wiki of these benchmarks has; two of three
// are in a space that its viewer may see.
const benchPages = 2000

// shippedSearch is an answer of Confluence's search of about n bytes, with what
// clients have it expand: the page's space, history, version and ancestors.
func shippedSearch(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"results":[`)
	i := 0
	for ; b.Len() < n; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		writeHit(&b, i%benchPages)
	}
	fmt.Fprintf(&b, `],"start":0,"limit":%d,"size":%d,"totalSize":%d,"cqlQuery":"type = page","searchDuration":37,"_links":{"base":"https://wiki.example.com","context":"","self":"https://wiki.example.com/rest/api/search?cql=type=page"}}`, i, i, 7*i)
	return []byte(b.String())
}

func benchSpace(i int) string {
	if i%3 == 0 {
		return "STAFF"
	}
	return "OPEN"
}

func writeHit(b *strings.Builder, i int) {
	id, space, who := 6600000+i, benchSpace(i), i%40
	user := fmt.Sprintf(`{"type":"known","username":"user%d","userKey":"8ab28a638dd55254018dd5537bb6%04d","profilePicture":{"path":"/images/icons/profilepics/default.svg","width":48,"height":48,"isDefault":true},"displayName":"Person Number %d","_links":{"self":"https://wiki.example.com/rest/api/user?key=8ab28a638dd55254018dd5537bb6%04d"},"_expandable":{"status":""}}`, who, who, who, who)
	place := fmt.Sprintf(`{"id":%d,"key":"%s","name":"The space %s","type":"global","_links":{"webui":"/display/%s","self":"https://wiki.example.com/rest/api/space/%s"},"_expandable":{"metadata":"","icon":"","description":"","retentionPolicy":"","homepage":"/rest/api/content/%d"}}`, 1+i%3/2, space, space, space, space, 6600000+i%3)
	links := func(id int) string {
		return fmt.Sprintf(`"extensions":{"position":"none"},"_links":{"webui":"/display/%s/Page+Number+%d","edit":"/pages/resumedraft.action?draftId=%d","tinyui":"/x/%s","self":"https://wiki.example.com/rest/api/content/%d"},"_expandable":{"metadata":"","operations":"","children":"/rest/api/content/%d/child","restrictions":"/rest/api/content/%d/restriction/byOperation","descendants":"/rest/api/content/%d/descendant"}`,
			benchSpace(id-6600000), id-6600000, id, tiny.Encode(uint64(id)), id, id, id, id)
	}
	up := 6600000 + i%3
	fmt.Fprintf(b, `{"content":{"id":"%d","type":"page","status":"current","title":"Page Number %d","space":%s,"history":{"latest":true,"createdBy":%s,"createdDate":"2026-02-27T15:19:06.032+05:30","_links":{"self":"https://wiki.example.com/rest/api/content/%d/history"},"_expandable":{"lastUpdated":"","previousVersion":"","contributors":"","nextVersion":""}},`, id, i, place, user, id)
	fmt.Fprintf(b, `"version":{"by":%s,"when":"2026-02-28T09:01:44.120+05:30","friendlyWhen":"Feb 28, 2026","message":"typos","number":%d,"minorEdit":false,"hidden":false,"_links":{"self":"https://wiki.example.com/rest/experimental/content/%d/version/%d"},"_expandable":{"content":"/rest/api/content/%d"}},`, user, i%9+1, id, i%9+1, id)
	fmt.Fprintf(b, `"ancestors":[{"id":"%d","type":"page","status":"current","title":"Page Number %d",%s}],%s},`, up, i%3, links(up), links(id))
	fmt.Fprintf(b, `"title":"@@@hl@@@Page@@@endhl@@@ Number %d","excerpt":"Über die Lieferung: what was agreed with the suppliers in spring, \"as is\", and by when it is to be done &amp; checked, see the plan of the second quarter","url":"/display/%s/Page+Number+%d","resultGlobalContainer":{"title":"The space %s","displayUrl":"/display/%s"},"entityType":"content","iconCssClass":"aui-icon content-type-page","lastModified":"2026-02-28T09:01:44.120+05:30","friendlyLastModified":"Feb 28, 2026","timestamp":1772270000%03d}`,
		i, space, i, space, space, i%1000)
}

// quick is a judge that costs next to nothing: what it costs to judge is the
// view's matter. It hides every third page, by its number, and the space that
// it is in.
type quick struct{}

func (quick) hides(s string) bool {
	n := 0
	for i := 0; i < len(s); i++ {
		if c := s[i] - '0'; c <= 9 {
			n = n*10 + int(c)
		} else if s[i] == 'F' {
			return true
		}
	}
	return n > 6600000 && (n-6600000)%3 == 0
}

func (j quick) URL(raw string) rules.Link {
	if j.hides(raw) {
		return rules.Link{Fate: rules.FateHide, Kind: rules.Content}
	}
	return rules.Link{}
}

func (j quick) Entity(ref rules.Ref) rules.Decision {
	for i := range ref.Keys {
		if ref.Keys[i].Attr != rules.UserKey && j.hides(ref.Keys[i].Value) {
			return rules.Decision{Verdict: rules.Hidden}
		}
	}
	return rules.Decision{Verdict: rules.Visible}
}

// shipped is the shipped Confluence profile with a wiki of benchPages pages.
type shipped struct {
	profile *rules.Profile
	prog    *jsonrewrite.Program
	view    *rules.View
	match   *rules.Match
	site    *rules.Site
}

func newShipped(tb testing.TB) *shipped {
	tb.Helper()
	must := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	s := &shipped{site: &rules.Site{Base: &url.URL{Scheme: "https", Host: "wiki.example.com"}}}
	var err error
	s.profile, err = rules.LoadProfile("confluence-dc")
	must(err)
	s.prog, err = jsonrewrite.Compile(s.profile)
	must(err)
	policy, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(`
version: 1
wiki: confluence-dc
internal: {groups: [wiki/staff], mode: unrestricted}
extranet: {users_see: shared-space}
spaces:
  OPEN: {members: [{user: wiki/user1}, {user: wiki/user2}, {user: wiki/user5}]}
`)}, s.profile)
	must(err)
	d := rules.Directory{
		Groups: []rules.GroupRecord{{Name: "staff"}},
		Spaces: []rules.SpaceRecord{{Key: "STAFF", ID: "1", Name: "The space STAFF"}, {Key: "OPEN", ID: "2", Name: "The space OPEN"}},
	}
	for i := range 40 {
		d.Users = append(d.Users, rules.UserRecord{Username: fmt.Sprintf("user%d", i), Key: fmt.Sprintf("8ab28a638dd55254018dd5537bb6%04d", i), DisplayName: fmt.Sprintf("Person Number %d", i)})
	}
	for i := range benchPages {
		d.Content = append(d.Content, rules.ContentRecord{ID: fmt.Sprint(6600000 + i), Type: "page", Space: benchSpace(i), Title: fmt.Sprintf("Page Number %d", i)})
	}
	facts, err := directory.NewGeneration(d, directory.Options{})
	must(err)
	engine, err := rules.Bind(policy, facts, rules.Options{})
	must(err)
	s.view = engine.View(rules.Viewer{Provider: "corp", Subject: "1", WikiUser: "user1"}, time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC))
	req, err := s.profile.ReadTarget("/rest/api/search", "cql=type%3Dpage&limit=20")
	must(err)
	req.Method = "GET"
	m, refusal := s.profile.Match(req, facts)
	if m == nil {
		tb.Fatal(refusal)
	}
	s.match = m
	return s
}

// input is what a search is rewritten with, by this judge.
func (s *shipped) input(j edit.Judge) jsonrewrite.Input {
	return jsonrewrite.Input{
		Judge: j, Response: s.match.Response, Page: s.match.Page, Texts: s.view.Texts(),
		Inner: func(_ string, src []byte) ([]byte, error) { return src, nil },
		Space: s.view.Facts().FindSpaceByAnyName,
	}
}

func (s *shipped) judge() edit.Judge {
	return rules.NewJudge(s.view, s.site, s.site.Base, rules.Context{Space: rules.NoID})
}

// TestShippedSearch: the search of the benchmarks loses what it is meant to.
func TestShippedSearch(t *testing.T) {
	t.Parallel()
	s := newShipped(t)
	for name, j := range map[string]edit.Judge{"quick": quick{}, "view": s.judge()} {
		out, rep, err := s.prog.Rewrite(nil, shippedSearch(20<<10), s.input(j))
		if err != nil || !json.Valid(out) {
			t.Fatalf("%s: %v, %s", name, err, out)
		}
		visible := 0
		for i, v := range rep.Items {
			if v.Seen != (i%3 != 0) {
				t.Errorf("%s: item %d: visible %v", name, i, v.Seen)
			}
			if v.Seen {
				visible++
			}
		}
		if visible == 0 || strings.Contains(string(out), "STAFF") || strings.Contains(string(out), "draftId") || !strings.Contains(string(out), "suppliers") {
			t.Errorf("%s: %d visible in %s", name, visible, out)
		}
		if name == "view" && strings.Contains(string(out), "Person Number 7") {
			t.Errorf("names who is hidden: %s", out)
		}
	}
}

// BenchmarkShipped is the rewriter alone, with the shipped Confluence profile
// and a judge that costs nothing; BenchmarkShippedView has a viewer's own
// judge, made anew for each answer. BenchmarkEncodingJSON is their peer.
func BenchmarkShipped(b *testing.B) {
	s := newShipped(b)
	in := s.input(quick{})
	benchSizes(b, func(dst, src []byte) error {
		_, _, err := s.prog.Rewrite(dst, src, in)
		return err
	})
}

func BenchmarkShippedView(b *testing.B) {
	s := newShipped(b)
	benchSizes(b, func(dst, src []byte) error {
		_, _, err := s.prog.Rewrite(dst, src, s.input(s.judge()))
		return err
	})
}

func BenchmarkEncodingJSON(b *testing.B) {
	benchSizes(b, func(_, src []byte) error {
		var v any
		if err := json.Unmarshal(src, &v); err != nil {
			return err
		}
		_, err := json.Marshal(v)
		return err
	})
}

func benchSizes(b *testing.B, f func(dst, src []byte) error) {
	b.Helper()
	for _, size := range sizes {
		src := shippedSearch(size.bytes)
		dst := make([]byte, 0, len(src)+1024)
		b.Run(size.name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				if err := f(dst, src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

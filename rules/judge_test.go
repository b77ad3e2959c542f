package rules_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/rules"
)

const linkProfile = `
profile: links
canon:
  plus_is_space: [/display]
routes:
  - {match: "GET /", class: static}
  - {match: "GET /static/{file...}", class: static}
  - match: "GET /page"
    class: content
    params: {id: content.id, space: space.key, title: content.title in space, at: "content.id?", src: drop}
    need: [[id], [space, title]]
    evidence: {content: "meta@content"}
  - match: "GET /display/{key}/{title}"
    class: content
    params: {key: space.key, title: content.title in key}
    evidence: {content: "meta@content"}
  - {match: "GET /display/{key}", class: space, params: {key: space.key}, evidence: {space: "meta@content"}}
  - {match: "GET /people/{name}", class: user, params: {name: user.name}, evidence: {user: "meta@content"}}
  - {match: "GET /admin", class: admin}
  - {match: "GET /edit", class: write, params: {id: content.id, space: space.key, title: content.title in space}}
`

const linkPolicy = `
version: 1
wiki: links
internal: {groups: [wiki/staff]}
extranet: {users_see: shared-space}
spaces:
  ACME:
    members: [{user: wiki/eva}, {user: wiki/bo}]
`

func linkWorld() rules.Directory {
	return rules.Directory{
		Users: []rules.UserRecord{
			{Username: "eva", Email: "eva@acme.example"},
			{Username: "bo", Email: "bo@acme.example"},
			{Username: "zq", Email: "zq@corp.example", Groups: []string{"staff"}},
		},
		Groups: []rules.GroupRecord{{Name: "staff"}},
		Spaces: []rules.SpaceRecord{{Key: "ACME", ID: "1", Name: "Acme"}, {Key: "HR", ID: "2", Name: "Personnel"}},
		Content: []rules.ContentRecord{
			{ID: "11", Space: "ACME", Title: "Plan"}, {ID: "22", Space: "HR", Title: "Salaries"},
		},
	}
}

func newJudge(t testing.TB, site *rules.Site, page string) *rules.Judge {
	t.Helper()
	p, err := rules.ParseProfile("links.yaml", []byte(linkProfile))
	if err != nil {
		t.Fatal(err)
	}
	pol, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": []byte(linkPolicy)}, p)
	if err != nil {
		t.Fatal(err)
	}
	g, err := directory.NewGeneration(linkWorld(), directory.Options{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := rules.NewView(pol, g, rules.Viewer{Provider: "corp", Subject: "1", WikiUser: "eva"}, time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return rules.NewJudge(v, site, mustURL(t, page), rules.Context{Space: rules.NoID})
}

func mustURL(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func linkSite(t testing.TB) *rules.Site {
	return &rules.Site{
		Base: mustURL(t, "https://extranet.example"),
		Aliases: []*url.URL{
			mustURL(t, "http://wiki.corp.example:8090/confluence"), mustURL(t, "http://127.0.0.1:8090"),
			mustURL(t, "https://oldwiki.corp.example"),
		},
		InternalHosts: []string{"*.corp.example"},
	}
}

func TestJudgeURL(t *testing.T) {
	j := newJudge(t, linkSite(t), "https://extranet.example/display/ACME/Plan?x=1")
	type want struct {
		fate    rules.Fate
		kind    rules.EntityKind
		url     string
		foreign bool
	}
	keep, hide := want{}, want{fate: rules.FateHide, kind: rules.Content}
	space := want{fate: rules.FateHide, kind: rules.Space}
	user := want{fate: rules.FateHide, kind: rules.User}
	unwrap, drop, foreign := want{fate: rules.FateUnwrap}, want{fate: rules.FateDrop}, want{foreign: true}
	for _, c := range []struct {
		raw  string
		want want
	}{
		{"", keep},
		{"#frag", keep},
		{"/", keep},
		{"/page?id=11", keep},
		{"/page?id=11#x", keep},
		{"/page?id=22", hide},
		{"/page?id=99", hide},
		{"/page?id=11&src=nav", want{url: "/page?id=11"}},
		{"/page?src=Secret+Title&id=11#x", want{url: "/page?id=11#x"}},
		{"/page?id=11&src=12", keep},
		{"/page?id=11&nope=1", unwrap},
		{"/page?id=22&nope=1", hide},
		{"/page?space=ACME&title=Plan", keep},
		{"/page?space=HR&title=Salaries", space},
		{"Plan", keep},
		{"./Plan", keep},
		{"../HR/Salaries", space},
		{"../%2e%2E/display/HR", space},
		{`\display\HR`, space},
		{" \t/display/\nHR ", space},
		{"/display/HR/No+Such", space},
		{"/dis%70lay/H%52", space},
		{"/display/ACME", keep},
		{"?id=11", unwrap},
		{"/unknown?id=22", unwrap},
		{"/admin", unwrap},
		{"/edit?id=22", hide},
		{"/edit?id=11", unwrap},
		{"/people/bo", keep},
		{"/people/zq", user},
		{"https://extranet.example/page?id=11", keep},
		{"HTTPS://EXTRANET.example:443/page?id=22", hide},
		{"//extranet.example/page?id=22", hide},
		{"https:/page?id=22", hide},
		{"https:../../page?id=22", hide},
		{`https:\\extranet.example\page?id=22`, hide},
		{"http:extranet.example/page?id=22", hide},
		{"http://wiki.corp.example:8090/confluence/page?id=11#a", want{url: "https://extranet.example/page?id=11#a"}},
		{"http://wiki.corp.example:8090/confluence/page?id=22", hide},
		{"http://wiki.corp.example:8090/other", want{fate: rules.FateHide, kind: rules.Content}},
		{"/confluence/page?id=11", want{url: "/page?id=11"}},
		{"/confluence/page?id=22", hide},
		{"http://2130706433:8090/page?id=11", want{url: "https://extranet.example/page?id=11"}},
		{"http://0x7f.1:8090/page?id=22", hide},
		{"http://oldwiki.corp.example/page?id=11", want{url: "https://extranet.example/page?id=11"}},
		{"https://build.corp.example/x", hide},
		{"https://build.corp.example./x", hide},
		{"https://BUILD%2Ecorp.example/x", hide},
		{"https://foreign.example/page?id=22", foreign},
		{"//foreign.example/x", foreign},
		{"///foreign.example/x", foreign},
		{"https://u:p@extranet.example/page?id=11", drop},
		{"https://u@foreign.example/", foreign},
		{"http://127.0.0.1:9/", hide},
		{"http://127.1:9/", hide},
		{"https://extranet.example:8443/page?id=22", foreign},
		{"https://foreign.example:x/", drop},
		{"https://extra net.example/", drop},
		{"mailto:zq@corp.example", user},
		{"mailto:bo@acme.example?subject=x", keep},
		{"MAILTO:bo@acme.example?cc=zq@corp.example", user},
		// Nobody of the wiki, as far as the addresses of all its users say.
		{"mailto:help@vendor.example", keep},
		{"mailto:help@vendor.example?cc=zq@corp.example", user},
		// A link can do without what nobody knows, not with what is hidden.
		{"/page?id=11&at=99#c-99", want{url: "/page?id=11#c-99"}},
		{"/page?id=11&at=22", hide},
		{"/page?id=22&at=99", hide},
		{"/page?id=99", hide},
		{"mailto:", keep},
		{"mailto:bo@acme.example?attach=x", drop},
		{"data:image/png;base64,xx", keep},
		{"data:text/html,x", drop},
		{"javascript:alert(1)", drop},
		{"java\tscript:x", drop},
		{"vbscript:x", drop},
		{"blob:x", drop},
		// What has no single reading may name anything; where a looser one names
		// what is visible alone, the text stays.
		{"/page?id=%zz", hide},
		{"/page;x?id=11", unwrap},
		{"/page;x?id=22", hide},
		{"/page%2f?id=11", hide},
		{"/page?id=11&id=22", hide},
		{"/page//?id=11", unwrap},
		{"//display//HR", foreign},
		{"/display//HR", space},
		{"/display/HR;x=1/Salaries", space},
		{"/static/%252e%252e/admin", hide},
	} {
		l := j.URL(c.raw)
		got := want{l.Fate, l.Kind, l.URL, l.Foreign}
		if d := cmp.Diff(c.want, got, cmp.AllowUnexported(want{})); d != "" {
			t.Errorf("%q (%v): %s", c.raw, l.Decision.Reason, d)
		}
	}
	if d := cmp.Diff([]rules.Ref{{Kind: rules.Content, Keys: []rules.Key{{Attr: rules.ContentID, Value: "99"}}}}, j.Unknown()); d != "" {
		t.Errorf("unknown: %s", d)
	}
}

func TestJudgeURLFor(t *testing.T) {
	j := newJudge(t, linkSite(t), "https://extranet.example/display/ACME/Plan")
	for _, c := range []struct {
		raw, base string
		fate      rules.Fate
	}{
		{"page?id=22", "/", rules.FateHide},
		{"page?id=11", "https://extranet.example/", rules.FateKeep},
		{"/page?id=22", "https://foreign.example/", rules.FateKeep},
		{"Salaries", "/display/HR/", rules.FateHide},
		{"/page?id=22", "javascript:x", rules.FateDrop},
	} {
		if l := j.URLFor(c.raw, c.base); l.Fate != c.fate {
			t.Errorf("%q on %q: %s, want %s", c.raw, c.base, l.Fate, c.fate)
		}
	}
}

func TestJudgeContextPath(t *testing.T) {
	site := &rules.Site{Base: mustURL(t, "https://extranet.example/kb"), Aliases: []*url.URL{mustURL(t, "http://upstream:80/")}}
	j := newJudge(t, site, "https://extranet.example/kb/display/ACME")
	for _, c := range []struct {
		raw  string
		fate rules.Fate
		url  string
	}{
		{"/kb/page?id=22", rules.FateHide, ""},
		{"/kb/page?id=11", rules.FateKeep, ""},
		{"/page?id=11", rules.FateKeep, "/kb/page?id=11"},
		{"http://upstream/page?id=11", rules.FateKeep, "https://extranet.example/kb/page?id=11"},
		{"https://extranet.example/other", rules.FateUnwrap, ""},
	} {
		l := j.URL(c.raw)
		if l.Fate != c.fate || l.URL != c.url {
			t.Errorf("%q: %s %q, want %s %q", c.raw, l.Fate, l.URL, c.fate, c.url)
		}
	}
}

// FuzzJudgeURL: no panic, what is kept has no hidden subject, and what is
// rebased is kept again, unchanged.
func FuzzJudgeURL(f *testing.F) {
	for _, s := range []string{"/page?id=22", "//a@b:1/..;x", "http:\\\\x", "https://[::1]:99/%2e%2e/", "mailto:a,b?cc=c", "http://0x7f.1:8090/confluence/../page?id=11"} {
		f.Add(s)
	}
	j := newJudge(f, linkSite(f), "https://extranet.example/display/ACME/Plan?x=1")
	f.Fuzz(func(t *testing.T, raw string) {
		l := j.URL(raw)
		if l.Fate == rules.FateKeep {
			for _, s := range l.Subjects {
				if d := j.Entity(s); d.Verdict == rules.Hidden {
					t.Fatalf("%q is kept and names %v", raw, s)
				}
			}
		}
		if l.URL != "" {
			if again := j.URL(l.URL); again.Fate != rules.FateKeep || again.URL != "" {
				t.Fatalf("%q becomes %q, which is judged %v %q", raw, l.URL, again.Fate, again.URL)
			}
		}
	})
}

// BenchmarkJudgeURL judges a link that was not seen before; its peer is what
// net/url takes to parse it.
func BenchmarkJudgeURL(b *testing.B) {
	site := linkSite(b)
	b.Run("new", func(b *testing.B) {
		j := newJudge(b, site, "https://extranet.example/display/ACME/Plan")
		b.ReportAllocs()
		for i := range b.N {
			if i%4000 == 0 {
				j = j.In(rules.Context{Space: rules.ID(i)})
			}
			j.URLFor("/page?space=ACME&title=Plan&src=nav", "/")
		}
	})
	b.Run("seen", func(b *testing.B) {
		j := newJudge(b, site, "https://extranet.example/display/ACME/Plan")
		b.ReportAllocs()
		for b.Loop() {
			j.URL("/page?space=ACME&title=Plan&src=nav")
		}
	})
	b.Run("net/url", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			u, _ := url.Parse("/page?space=ACME&title=Plan&src=nav")
			_ = u.Query()
		}
	})
}

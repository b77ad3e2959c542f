package textscan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/caddymodule/rewrite/textscan"
	"github.com/postern-gateway/postern/rules"
)

// facts are records; nothing is looked up in them here.
type facts struct {
	rules.Facts
	users    []rules.UserRecord
	groups   []rules.GroupRecord
	spaces   []rules.SpaceRecord
	contents []rules.ContentRecord
}

func (f *facts) Users() []rules.UserRecord       { return f.users }
func (f *facts) Groups() []rules.GroupRecord     { return f.groups }
func (f *facts) Spaces() []rules.SpaceRecord     { return f.spaces }
func (f *facts) Contents() []rules.ContentRecord { return f.contents }
func (f *facts) FindContent(a rules.Attr, v string, _ rules.ID) (rules.ID, bool) {
	for i, c := range f.contents {
		if a == rules.ContentID && c.ID == v {
			return rules.ID(i), true
		}
	}
	return rules.NoID, false
}

var world = &facts{
	users: []rules.UserRecord{
		{Username: "zquill", Key: "ff8081815aa0001", Email: "zelda@corp.example", DisplayName: "Zelda Quill"},
		{Username: "bo", Key: "ff8081815aa0002", Email: "bo@acme.example", DisplayName: "Bo Visible"},
		{Username: "admin", DisplayName: "Administrator"},
		{Username: "özil", DisplayName: "Jürgen Groß"},
	},
	groups: []rules.GroupRecord{{Name: "board members"}, {Name: "falcon-crew"}},
	spaces: []rules.SpaceRecord{{Key: "FALCON77", Name: "Falcon Programme"}, {Key: "ACME", Name: "Acme"}},
	contents: []rules.ContentRecord{
		{ID: "1", Title: "Mikado Takeover"},
		{ID: "2", Title: "Meeting notes"},
		{ID: "3", Title: "Acme Mikado Takeover Plan", Space: "ACME"},
		{ID: "4", Title: "Home"},
		{ID: "5", Title: "2026-01-01 Meeting notes"},
		{ID: "6", Title: "Kestrelhold"},
		{ID: "7", Title: "Shared Gizmo"},
		{ID: "8", Title: "Shared gizmo", Space: "ACME"},
		{ID: "9", Title: "東京計画書"},
		{ID: "7000201", Title: "Pay"},
		{ID: "11", Title: `Quorum <Zorbax> R&D "Plan"`},
		{ID: "12", Title: "Quorum <b>Kestrel</b> Vault"},
		{ID: "13", Title: "Strategy B"},
	},
}

// visible: users 1, space 1, contents 2 and 7.
func visible(k rules.EntityKind, id rules.ID) bool {
	switch k {
	case rules.User, rules.Space:
		return id == 1
	case rules.Content:
		return id == 2 || id == 7
	}
	return false
}

func options() textscan.Options { return textscan.Options{Visible: visible} }

func TestScan(t *testing.T) {
	t.Parallel()
	d := textscan.Build(world, textscan.Rule{})
	tests := []struct {
		name string
		f    textscan.Format
		in   string
		want string // "": as it was
	}{
		{"plain", textscan.HTML, `<p>by Zelda Quill today</p>`, `<p>by […] today</p>`},
		{"angle brackets in a name", textscan.HTML, `<p>Quorum &lt;Zorbax&gt; R&amp;D "Plan", Quorum &lt;b&gt;Kestrel&lt;/b&gt; Vault</p>`, `<p>[…]", […]</p>`},
		{"the same in an attribute", textscan.HTML, `<p title="see Quorum &lt;Zorbax&gt; R&amp;D &#34;Plan">x</p>`, `<p title="see […]">x</p>`},
		{"the same in a string", textscan.JSON, `{"a":"Quorum <Zorbax> R\u0026amp;D \u0026quot;Plan\""}`, `{"a":"[…]\""}`},
		{"tags are not a name", textscan.JSON, `{"a":"<b>Strategy</b> of <b> Strategy"}`, ""},
		{"case and blanks", textscan.HTML, "<p>ZELDA\n  quill</p>", `<p>[…]</p>`},
		{"entities", textscan.HTML, `<p>Zel&#100;a&nbsp;Qu&#x69;ll</p>`, `<p>[…]</p>`},
		{"soft and zero-width", textscan.HTML, "<p>Zel\u00adda Qui\u200bll, Zel&shy;da Quill</p>", `<p>[…], […]</p>`},
		{"a reference of one digit without a semicolon", textscan.HTML, "<p>Zelda&#9Quill</p>", `<p>[…]</p>`},
		{"full width", textscan.HTML, "<p>Ｚｅｌｄａ Quill</p>", `<p>[…]</p>`},
		{"decomposed", textscan.HTML, "<p>Ju\u0308rgen Groß</p>", `<p>[…]</p>`},
		{"across inline tags", textscan.HTML, `<p>Zel<b class="x">da Qu</b>ill.</p>`, `<p>[…]<b class="x"></b>.</p>`},
		{"across a line break", textscan.HTML, `<p>Zelda<br/>Quill.</p>`, `<p>[…]<br/>.</p>`},
		{"not to one word across a line break", textscan.HTML, `<p>Kestrel<br>hold</p>`, ``},
		{"id for machines", textscan.HTML, `<p id="page-7000201" class="x content-7000201" data-ids="[7000201,7000202]" DATA-X=7000201>7000201</p>`, `<p id="page-[…]" class="x content-[…]" data-ids="[[…],7000202]" DATA-X=[…]>7000201</p>`},
		{"id glued to letters", textscan.HTML, `<p id="h7000201" aria-owns="node7000201x ab7000201c1"><a href="#p7000201">x</a><a href="https://a.example/#p7000201">x</a></p>`, `<p id="h[…]" aria-owns="node[…]x ab7000201c1"><a href="#p[…]">x</a><a href="https://a.example/#p7000201">x</a></p>`},
		{"short id", textscan.HTML, `<p data-x="9">x</p>`, ``},
		{"not across blocks", textscan.HTML, `<p>Zelda</p><p>Quill</p>`, ``},
		{"attribute", textscan.HTML, `<img alt="User icon: Zelda Quill" title='zelda&#64;corp.example'>`, `<img alt="User icon: […]" title='[…]'>`},
		{"beside a tag without a blank", textscan.HTML, `<p>see<a href="/x">Zelda Quill</a>and <b>by</b>Zelda<i>Quill</i>on`, `<p>see<a href="/x">[…]</a>and <b>by</b>[…]<i></i>on`},
		{"letters beyond ASCII beside a tag", textscan.HTML, `<p>Jürgen Groß<b>x</b> J&uuml;rgen Groß<i>y</i></p>`, `<p>[…]<b>x</b> […]<i>y</i></p>`},
		{"an address that a tag parts", textscan.HTML, `<p>z<wbr>elda@corp.example</p>`, `<p>[…]<wbr></p>`},
		{"unquoted attribute", textscan.HTML, `<a data-u=ff8081815aa0001>x</a>`, `<a data-u=[…]>x</a>`},
		{"percent", textscan.HTML, `<a href="/display/X/Mikado%20Takeover?q=Mikado+Takeover">x</a>`, `<a href="/display/X/[…]?q=[…]">x</a>`},
		{"comment", textscan.HTML, `<!-- Zelda Quill --><p>x</p>`, `<!-- […] --><p>x</p>`},
		{"script", textscan.HTML, `<script>var x="\u005aelda Quill</b>";</script>`, `<script>var x="[…]</b>";</script>`},
		{"heading id in one piece", textscan.HTML, `<h1 id="MikadoTakeover-Goal">x</h1>`, `<h1 id="[…]-Goal">x</h1>`},
		{"old anchor", textscan.HTML, `<span id="J.C3.BCrgen_Gro.C3.9F"></span><a href="#On_J.C3.BCrgen_Gro.C3.9F.3F">x</a> 1.10`, `<span id="[…]"></span><a href="#On_[…].3F">x</a> 1.10`},
		{"old anchor in json", textscan.JSON, `{"anchor":"J.C3.BCrgen_Gro.C3.9F"}`, `{"anchor":"[…]"}`},
		{"one distinctive word", textscan.HTML, `<p>the kestrelhold site</p>`, `<p>the […] site</p>`},
		{"edges of words", textscan.HTML, `<p>Kestrelholds prekestrelhold</p>`, ``},
		{"space key and name", textscan.HTML, `<p>falcon77 and the Falcon programme, falcon-crew</p>`, `<p>[…] and the […], […]</p>`},
		{"ordinary words", textscan.HTML, `<p>Meeting notes, Home, Administrator, admin, board members, 2026-01-01 Meeting notes</p>`, ``},
		{"short user names", textscan.HTML, `<p>özil bo</p>`, ``},
		{"within a visible name", textscan.HTML, `<p>Acme Mikado Takeover Plan</p>`, ``},
		{"beside a visible name", textscan.HTML, `<p>Acme Mikado Takeover Plans</p>`, `<p>Acme […] Plans</p>`},
		{"shared with something visible", textscan.HTML, `<p>Shared Gizmo</p>`, ``},
		{"visible person", textscan.HTML, `<p>Bo Visible bo@acme.example</p>`, ``},
		{"no blanks between words", textscan.HTML, `<p>これは東京計画書です</p>`, `<p>これは[…]です</p>`},
		{"json", textscan.JSON, `{"a":"by Zelda\u0020Quill","b":["Mikado&#32;Takeover",1],"Zelda Quill":"<b>Zel<i>da</i><\/b>"}`, `{"a":"by […]","b":["[…]",1],"[…]":"<b>Zel<i>da</i><\/b>"}`},
		{"html in json", textscan.JSON, `{"a":"<p title=\"Zelda Quill\">Zel<b>da<\/b> Quill<\/p>"}`, `{"a":"<p title=\"[…]\">[…]<b><\/b><\/p>"}`},
		{
			"quotes in an attribute of html in json", textscan.JSON, `{"a":"<a href=\"/w/X#the_&quot;mikado&quot;_takeover\">x</a>","b":"<a href=\"/w/%22Mikado%22_Takeover\">x</a>"}`,
			`{"a":"<a href=\"/w/X#the_&quot;[…]\">x</a>","b":"<a href=\"/w/%22[…]\">x</a>"}`,
		},
		{"quotes in an attribute of html in cdata", textscan.XML, `<t><![CDATA[<a href="/w/&quot;Mikado&quot;_Takeover">x</a>]]></t>`, `<t><![CDATA[<a href="/w/&quot;[…]">x</a>]]></t>`},
		{"quotes in an attribute of html in a script", textscan.HTML, `<script>x="<a href=\"/w/&quot;Mikado&quot;_Takeover\">x</a>"</script>`, `<script>x="<a href=\"/w/&quot;[…]\">x</a>"</script>`},
		{"escaped html in xml", textscan.XML, `<e><summary>&lt;b&gt;Zel&lt;i&gt;da&lt;/i&gt; Quill&lt;/b&gt;</summary><t><![CDATA[Mikado <b>Takeover</b>]]></t></e>`, `<e><summary>&lt;b&gt;[…]&lt;i&gt;&lt;/i&gt;&lt;/b&gt;</summary><t><![CDATA[[…]<b></b>]]></t></e>`},
		{"text", textscan.Text, "see\tZelda_Quill", "see\t[…]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, hits, err := d.Scan([]byte(tt.in), tt.f, options())
			if err != nil {
				t.Fatal(err)
			}
			want := tt.want
			if want == "" {
				want = tt.in
			}
			if diff := cmp.Diff(want, string(got)); diff != "" {
				t.Error(diff)
			}
			if (len(hits) > 0) != (tt.want != "") {
				t.Errorf("hits = %v", hits)
			}
		})
	}
}

func TestZones(t *testing.T) {
	t.Parallel()
	d := textscan.Build(world, textscan.Rule{})
	const in = `<p title="Zelda Quill">Zelda Quill</p><div>Zelda Quill</div>`
	prose := []edit.Span{{Start: 0, End: strings.Index(in, "<div>")}}
	t.Run("prose is reported", func(t *testing.T) {
		o := options()
		o.Prose, o.ProseMode = prose, textscan.Report
		got, hits, err := d.Scan([]byte(in), textscan.HTML, o)
		if err != nil || len(hits) != 3 {
			t.Fatalf("%v, %v", hits, err)
		}
		if diff := cmp.Diff(`<p title="[…]">Zelda Quill</p><div>[…]</div>`, string(got)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("structure is refused", func(t *testing.T) {
		o := options()
		o.Prose, o.Structure = prose, textscan.Refuse
		if _, _, err := d.Scan([]byte(in), textscan.HTML, o); !errors.Is(err, textscan.ErrRefused) {
			t.Errorf("err = %v", err)
		}
	})
	t.Run("echo", func(t *testing.T) {
		o := options()
		o.Echo = []string{"who is Zelda Quill"}
		got, hits, err := d.Scan([]byte(`<p>results for <i>who is zelda quill</i>: Zelda Quill</p>`), textscan.HTML, o)
		if err != nil || len(hits) != 1 || string(got) != `<p>results for <i>who is zelda quill</i>: […]</p>` {
			t.Errorf("%s, %v, %v", got, hits, err)
		}
	})
	t.Run("keys only", func(t *testing.T) {
		o := options()
		o.KeysOnly = true
		got, _, err := d.Scan([]byte(`var a="Mikado Takeover", b="ff8081815aa0001"`), textscan.Text, o)
		if err != nil || string(got) != `var a="Mikado Takeover", b="[…]"` {
			t.Errorf("%s, %v", got, err)
		}
	})
	t.Run("marks", func(t *testing.T) {
		o := options()
		o.Marks = []string{"@@@hl@@@", "@@@endhl@@@"}
		got, _, err := d.Scan([]byte(`{"t":"Mik@@@hl@@@ado@@@endhl@@@ Takeover."}`), textscan.JSON, o)
		if err != nil || bytes.Contains(got, []byte("Mik")) || !json.Valid(got) {
			t.Errorf("%s, %v", got, err)
		}
	})
}

func TestShape(t *testing.T) {
	t.Parallel()
	ids, err := textscan.CompileIdentities([]rules.IdentityPattern{
		{Name: "home", Match: `~([a-z.]+)`, Attr: "user.name"}, {Name: "mail", Match: `[a-z.]+@corp\.example`, Attr: "user.email"},
	})
	if err != nil {
		t.Fatal(err)
	}
	o := textscan.Options{Identities: ids, VisibleIdentity: func(a rules.Attr, v string) bool { return v == "bo" }}
	var none *textscan.Dictionary
	got, hits, err := none.Scan([]byte(`<a href="/display/%7Ejdoe">~bo x.y@corp.example</a>`), textscan.HTML, o)
	if err != nil || string(got) != `<a href="/display/%7E[…]">~bo […]</a>` || len(hits) != 2 {
		t.Errorf("%s, %v, %v", got, hits, err)
	}
	if _, err := textscan.CompileIdentities([]rules.IdentityPattern{{Match: "(", Attr: "user.name"}}); err == nil {
		t.Error("bad pattern taken")
	}
}

// decoded gives every reading of b that a canary might hide in.
func decoded(b []byte) string {
	s := string(b)
	return strings.ToLower(s + "\n" + html.UnescapeString(s) + "\n" + strings.NewReplacer("\u00ad", "", "\u200b", "").Replace(s))
}

func FuzzScan(f *testing.F) {
	d := textscan.Build(world, textscan.Rule{})
	f.Add([]byte(`<p title="Zelda Quill">Zel<b>da</b> Quill &amp; %41 <!-- x --><script>"\u005a"</script>`), uint8(1))
	f.Add([]byte(`{"a":"Zelda Quill \"<b>\" &lt;i&gt; Mikado Takeover"}`), uint8(3))
	f.Add([]byte("<![CDATA[ Mikado Takeover ]]>\xff\x00"), uint8(2))
	f.Fuzz(func(t *testing.T, src []byte, form uint8) {
		format := textscan.Format(form % 4)
		got, hits, err := d.Scan(src, format, options())
		if err != nil {
			t.Fatal(err)
		}
		if len(hits) == 0 && !bytes.Equal(got, src) {
			t.Fatal("changed without a hit")
		}
		if format == textscan.JSON && json.Valid(src) && !json.Valid(got) {
			t.Fatalf("%q became %q", src, got)
		}
		if format == textscan.Text && strings.Contains(" "+decoded(got)+" ", " zelda quill ") {
			t.Fatalf("%q left %q", src, got)
		}
	})
}

func BenchmarkScan(b *testing.B) {
	f := &facts{}
	for i := range 100000 {
		f.contents = append(f.contents, rules.ContentRecord{ID: fmt.Sprint(i), Title: fmt.Sprintf("Quarterly lorem %d ipsum report", i)})
	}
	d := textscan.Build(f, textscan.Rule{})
	src := []byte("<html><body>" + strings.Repeat(`<p class="x y">Lorem <b>ipsum</b> dolor sit &amp; amet, consectetur <a href="/display/ACME/Page+1">quarterly lorem</a></p>`, 1000) + "</body></html>")
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	o := options()
	o.URLs = textscan.NewURLShape([]string{"wiki.example", "*.corp.example"}, []string{"/display/", "/x/"})
	o.VisibleURL = func(string) bool { return true }
	for b.Loop() {
		if _, _, err := d.Scan(src, textscan.HTML, o); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBuild(b *testing.B) {
	f := &facts{}
	for i := range 100000 {
		f.contents = append(f.contents, rules.ContentRecord{ID: fmt.Sprint(i), Title: fmt.Sprintf("Quarterly lorem %d ipsum report", i)})
	}
	b.ReportAllocs()
	for b.Loop() {
		textscan.Build(f, textscan.Rule{})
	}
}

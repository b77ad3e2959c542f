package storage

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRefs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		src  string
		want []Ref
	}{
		{`plain text &nbsp; <p>and <strong>more</strong><br/></p>`, nil},
		{
			`<ac:link><ri:user ri:userkey="ff80"/></ac:link><ri:user ri:username="zq"/><ri:user ri:account-id="a:1"/>`,
			[]Ref{{Kind: User, Value: "ff80", Attr: "key"}, {Kind: User, Value: "zq", Attr: "name"}, {Kind: User, Value: "a:1", Attr: "account_id"}},
		},
		{
			`<ac:link ac:anchor="x"><ri:page ri:content-title="A &amp; B" ri:space-key="HR" ri:version-at-save="3"/><ac:plain-text-link-body><![CDATA[text]]></ac:plain-text-link-body></ac:link>`,
			[]Ref{{Kind: Page, Value: "A & B", Space: "HR"}, {Kind: Space, Value: "HR"}},
		},
		{`<ri:page ri:content-title="Here"/>`, []Ref{{Kind: Page, Value: "Here"}}},
		{
			`<ri:blog-post ri:content-title="News" ri:space-key="HR" ri:posting-day="2024/01/05"/>`,
			[]Ref{{Kind: BlogPost, Value: "News", Space: "HR", Date: "2024/01/05"}, {Kind: Space, Value: "HR"}},
		},
		{
			`<ac:image><ri:attachment ri:filename="a.png"><ri:page ri:content-title="P"/></ri:attachment></ac:image>`,
			[]Ref{{Kind: Attachment, Value: "a.png"}, {Kind: Page, Value: "P"}},
		},
		{
			`<ac:image><ri:url ri:value="https://wiki.example/x?a=1&amp;b=2"/></ac:image><a href="/display/HR/Pay">x</a><img src="i.png"/>`,
			[]Ref{{Kind: URL, Value: "https://wiki.example/x?a=1&b=2"}, {Kind: URL, Value: "/display/HR/Pay"}, {Kind: URL, Value: "i.png"}},
		},
		{`<ri:content-entity ri:content-id="123"/><ri:space ri:space-key="HR"/>`, []Ref{{Kind: Content, Value: "123"}, {Kind: Space, Value: "HR"}}},
		{
			`<ac:structured-macro ac:name="children" ac:schema-version="2"><ac:parameter ac:name="page"><ac:link><ri:page ri:content-title="P"/></ac:link></ac:parameter><ac:parameter ac:name="sort">creation</ac:parameter><ac:parameter ac:name="of"> title </ac:parameter></ac:structured-macro>`,
			[]Ref{{Kind: Macro, Value: "children"}, {Kind: Page, Value: "P"}, {Kind: MacroParam, Value: "title", Attr: "of", Macro: "children"}},
		},
		{
			`<ac:structured-macro ac:name="code"><ac:plain-text-body><![CDATA[a <b> c]]></ac:plain-text-body></ac:structured-macro>`,
			[]Ref{{Kind: Macro, Value: "code"}, {Kind: MacroBody, Value: "a <b> c", Macro: "code"}},
		},
		{ // what only says how a text looks names nothing
			`<ac:structured-macro ac:name="status"><ac:parameter ac:name="colour">Green</ac:parameter><ac:parameter ac:name="page">Pay</ac:parameter></ac:structured-macro>`,
			[]Ref{{Kind: Macro, Value: "status"}, {Kind: MacroParam, Value: "Pay", Attr: "page", Macro: "status"}},
		},
		{
			`<ac:adf-extension/><ri:shortcut ri:key="x"/><script>x</script><ri:user/><ri:user ri:new="1"/><!-- ff80 --><p data-user="zq" style="background: URL(x)"/>`,
			[]Ref{
				{Kind: Unknown, Value: "ac:adf-extension"},
				{Kind: Unknown, Value: "ri:shortcut"},
				{Kind: Unknown, Value: "script"},
				{Kind: Unknown, Value: "ri:user without name"},
				{Kind: Unknown, Value: "ri:user@ri:new"},
				{Kind: Unknown, Value: "comment"},
				{Kind: Unknown, Value: "p@style"},
				{Kind: Unknown, Value: "p@data-user"},
			},
		},
	} {
		got, err := Refs([]byte(tt.src))
		if err != nil {
			t.Errorf("Refs(%s): %v", tt.src, err)
			continue
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("Refs(%s): %s", tt.src, d)
		}
	}
}

func TestRefsRefuses(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		`<p>`, `</p>`, `<p></b>`, `<b><i></b></i>`, `<ri:user ri:userkey="a" ri:userkey="b"/>`, `<p a=b/>`, `a & b`, `&unknown;`, "a\xff",
		`<!DOCTYPE p>`, `<?php x ?>`, `<p`, `<ac:link><ri:user ri:userkey="x"></ac:link>`,
	} {
		if got, err := Refs([]byte(src)); !errors.Is(err, ErrMalformed) {
			t.Errorf("Refs(%q) = %v, %v, want ErrMalformed", src, got, err)
		}
	}
	for _, src := range []string{strings.Repeat("<p>", 300), strings.Repeat(" ", maxLen+1)} {
		if _, err := Refs([]byte(src)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("a body of %d bytes: %v", len(src), err)
		}
	}
}

// Bodies of a real wiki, where the corpus is at hand.
func TestRefsCorpus(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../../shared/confluence/fixtures/storage-*.xhtml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("no corpus here")
	}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		refs, err := Refs(src)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(f), err)
		}
		count := map[Kind]int{}
		for _, r := range refs {
			count[r.Kind]++
			if r.Kind == Unknown {
				t.Logf("%s: %s", filepath.Base(f), r.Value)
			}
		}
		t.Logf("%s: %v", filepath.Base(f), count)
	}
}

func FuzzRefs(f *testing.F) {
	for _, s := range []string{
		`<ac:link><ri:user ri:userkey="ff80"/></ac:link>`, `<ac:structured-macro ac:name="x"><ac:parameter ac:name="y">z</ac:parameter></ac:structured-macro>`,
		`<p>&nbsp;<![CDATA[x]]></p>`, `<!-- x -->`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		refs, err := Refs([]byte(src))
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTooLarge) {
				t.Fatal(err)
			}
			return
		}
		again, err := Refs([]byte(`<p>` + src + `</p><ri:user ri:userkey="canary"/>`))
		if err != nil {
			return
		}
		have := map[Ref]bool{}
		for _, r := range again {
			have[r] = true
		}
		for _, r := range append(refs, Ref{Kind: User, Value: "canary", Attr: "key"}) {
			if !have[r] {
				t.Fatalf("%+v is lost", r)
			}
		}
	})
}

func BenchmarkRefs(b *testing.B) {
	src := []byte(strings.Repeat(`<p>Some text with <ac:link><ri:page ri:content-title="Plan" ri:space-key="ACME"/></ac:link>.</p>`, 1000))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Refs(src); err != nil {
			b.Fatal(err)
		}
	}
}

package xmlrewrite

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
	"golang.org/x/tools/txtar"
)

// fakeJudge hides whatever has the word "secret" in it, knows no route for what
// has "closed" in it, and re-bases what begins with the alias. Its zero value
// shows everything.
type fakeJudge struct{ hide bool }

const fakeAlias = "https://old.example/wiki"

func (j fakeJudge) URL(raw string) rules.Link {
	v := strings.ToLower(strings.TrimSpace(raw))
	switch {
	case !j.hide:
		return rules.Link{}
	case strings.Contains(v, "secret"):
		return rules.Link{Fate: rules.FateHide, Kind: rules.Content}
	case strings.Contains(v, "closed"):
		return rules.Link{Fate: rules.FateUnwrap}
	case strings.HasPrefix(v, fakeAlias):
		return rules.Link{URL: "https://site.example" + v[len(fakeAlias):]}
	case strings.HasPrefix(v, "https://other."):
		return rules.Link{Foreign: true}
	}
	return rules.Link{}
}

func (j fakeJudge) URLFor(raw, _ string) rules.Link { return j.URL(raw) }

func (fakeJudge) Host(name string) (string, bool) {
	if name == "wiki.corp.example" {
		return "site.example", true
	}
	return name, name != "hidden.corp.example"
}

func (j fakeJudge) Entity(ref rules.Ref) rules.Decision {
	d := rules.Decision{Verdict: rules.Visible}
	for _, k := range ref.Keys {
		if j.hide && strings.Contains(strings.ToLower(k.Value), "secret") || j.hide && k.Value == "666" {
			d.Verdict = rules.Hidden
		}
	}
	return d
}

func fakeInput(hide bool) Input {
	return Input{
		Judge: fakeJudge{hide}, Texts: map[string]string{"hidden_user": "Hidden <person>"},
		Inner: func(_ string, src []byte) ([]byte, error) {
			if !hide {
				return src, nil
			}
			return bytes.ReplaceAll(src, []byte(`href="secret"`), []byte(`class="gone"`)), nil
		},
		Evidence: []string{"xml:channel/link", "xml:feed/id"},
	}
}

func fakeProgram(t testing.TB) *Program {
	t.Helper()
	p, err := Compile(&rules.Profile{Feeds: []rules.FeedRule{{
		Entry:   "item, entry",
		Subject: []rules.Place{{As: "url", At: "link"}, {As: "url", At: "guid"}, {As: "content.id", At: `id|^tag:[^,]*,\d+:\w+-(\d+)-`}},
		User:    []string{"dc:creator", "author/name"}, HTML: []string{"description", "summary"},
		URL: []string{"comments"}, Prose: []string{"title"}, Plain: []string{"dc:date"}, Titles: []string{"page"}, Drop: []string{"dropped"},
		Newest: []string{"lastBuildDate", "channel/pubDate", "feed/updated"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func rewriteOnce(p *Program, s string, in Input) (string, *run, error) {
	r := &run{in: &in, judge: in.Judge}
	out, err := r.document(p, nil, []byte(s))
	return string(out), r, err
}

// TestGolden runs testdata/rewrite/xml; see the html goldens for the form.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../testdata/rewrite/xml/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	p := fakeProgram(t)
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(f)
			if err != nil {
				t.Fatal(err)
			}
			part := map[string]string{}
			for _, af := range ar.Files {
				part[af.Name] = string(af.Data)
			}
			out, r, err := rewriteOnce(p, part["input"], fakeInput(true))
			switch strings.TrimSpace(part["expect"]) {
			case "":
			case "refuse malformed":
				if !errors.Is(err, edit.ErrMalformed) {
					t.Errorf("err = %v", err)
				}
				return
			case "refuse ambiguous":
				if !errors.Is(err, edit.ErrAmbiguous) {
					t.Errorf("err = %v", err)
				}
				return
			default:
				t.Fatalf("unknown expectation %q", part["expect"])
			}
			if err != nil {
				t.Fatal(err)
			}
			if os.Getenv("UPDATE_GOLDEN") != "" {
				for i := range ar.Files {
					if ar.Files[i].Name == "want" {
						ar.Files[i].Data = []byte(out)
					}
				}
				if err := os.WriteFile(f, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if diff := cmp.Diff(part["want"], out); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if w, ok := part["prose"]; ok {
				var lines []string
				for _, s := range r.rep.Prose {
					lines = append(lines, strings.TrimSpace(out[s.Start:s.End]))
				}
				if diff := cmp.Diff(strings.TrimSpace(w), strings.Join(lines, "\n")); diff != "" {
					t.Errorf("prose (-want +got)\n%s", diff)
				}
			}
			if w, ok := part["evidence"]; ok {
				var lines []string
				for at, vs := range r.rep.Evidence {
					lines = append(lines, at+" = "+strings.Join(vs, ", "))
				}
				slices.Sort(lines)
				if diff := cmp.Diff(strings.TrimSpace(w), strings.Join(lines, "\n")); diff != "" {
					t.Errorf("evidence (-want +got)\n%s", diff)
				}
			}
			checkInvariants(t, p, part["input"])
		})
	}
}

// checkInvariants: identity when all is visible, well-formed output without
// hidden URLs, twice is once.
func checkInvariants(t *testing.T, p *Program, s string) {
	t.Helper()
	out, r, err := rewriteOnce(p, s, fakeInput(false))
	if err == nil && r.always == 0 && out != s {
		t.Fatalf("all visible: %q became %q", s, out)
	}
	out, _, err = rewriteOnce(p, s, fakeInput(true))
	if err != nil {
		if !errors.Is(err, edit.ErrMalformed) && !errors.Is(err, edit.ErrAmbiguous) && !errors.Is(err, edit.ErrTooLarge) {
			t.Fatalf("%q: %v", s, err)
		}
		return
	}
	if u := hiddenURL(t, s, out); u != "" {
		t.Fatalf("%q became %q: %s", s, out, u)
	}
	again, _, err := rewriteOnce(p, out, fakeInput(true))
	if err != nil || again != out {
		t.Fatalf("%q became %q, then %q, %v", s, out, again, err)
	}
}

// hiddenURL reads the output by encoding/xml and looks for what must be gone.
func hiddenURL(t *testing.T, in, s string) string {
	d := xml.NewDecoder(strings.NewReader(s))
	inOK := readable(in)
	name := ""
	for {
		tok, err := d.Token()
		if err == io.EOF {
			return ""
		}
		if err != nil {
			if !inOK {
				return "" // encoding/xml refuses more than XML does
			}
			return err.Error()
		}
		switch v := tok.(type) {
		case xml.StartElement:
			name = v.Name.Local
			for _, a := range v.Attr {
				switch a.Name.Local {
				case "href", "src", "url", "resource":
					if strings.Contains(strings.ToLower(a.Value), "secret") {
						return a.Value
					}
				}
			}
		case xml.CharData:
			switch name {
			case "link", "guid", "comments", "creator", "name":
				if strings.Contains(strings.ToLower(string(v)), "secret") {
					return string(v)
				}
			}
		case xml.EndElement:
			name = ""
		}
	}
}

func readable(s string) bool {
	d := xml.NewDecoder(strings.NewReader(s))
	for {
		if _, err := d.Token(); err != nil {
			return err == io.EOF
		}
	}
}

var seeds = []string{
	`<rss version="2.0"><channel><title>T</title><link>https://old.example/wiki/x</link><lastBuildDate>Mon, 02 Feb 2026 10:00:00 GMT</lastBuildDate><item><title>A</title><link>/secret</link><pubDate>Mon, 02 Feb 2026 10:00:00 GMT</pubDate></item> <item><link>/a</link><pubDate>Sun, 01 Feb 2026 10:00:00 GMT</pubDate><dc:creator>secret</dc:creator><description>&lt;a href="secret"&gt;</description></item></channel></rss>`,
	`<?xml version="1.0" encoding="utf-8"?><feed xmlns="x"><id>https://x/</id><updated>2026-02-02T10:00:00Z</updated><entry><id>tag:h,2009:page-666-1</id></entry><entry><id>tag:h,2009:page-1-1</id><updated>2026-01-02T10:00:00Z</updated><summary type="html"><![CDATA[<a href="secret">]]></summary><author><name>Secret</name><email>a@b</email><uri>/~secret</uri></author><link href="/secret" rel="edit"/></entry></feed>`,
	`<OpenSearchDescription><ShortName>W</ShortName><Url type="text/html" template="https://old.example/wiki/s?q={searchTerms}&amp;n={count?}"/><Contact>secret</Contact></OpenSearchDescription>`,
	`<!DOCTYPE a><rss/>`, `<rss>&foo;</rss>`, `<rss a=1/>`, `<feed xml:base="/secret"><entry xml:base="x"/></feed>`, `<rss><x>y</x>z<!-- c --><?p i?></rss>`,
}

func FuzzRewrite(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	p := fakeProgram(f)
	f.Fuzz(func(t *testing.T, s string) { checkInvariants(t, p, s) })
}

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	for _, r := range []rules.FeedRule{
		{Entry: "a b"},
		{Entry: "item", UserAttr: "space.key"},
		{Entry: "item", Undecided: "maybe"},
		{Entry: "item", Subject: []rules.Place{{As: "nobody", At: "x"}}},
		{Entry: "item", Subject: []rules.Place{{As: "url", At: "x|("}}},
		{Entry: "item", Drop: []string{""}},
	} {
		if _, err := Compile(&rules.Profile{Feeds: []rules.FeedRule{r}}); err == nil {
			t.Errorf("%+v: no error", r)
		}
	}
	for _, name := range []string{"confluence-dc", "mediawiki"} {
		p, err := rules.LoadProfile(name)
		if err != nil {
			t.Logf("%s: %v", name, err)
			continue
		}
		if _, err := Compile(p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package htmlrewrite

import (
	"errors"
	"fmt"
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

var update = os.Getenv("UPDATE_GOLDEN") != ""

// TestGolden runs testdata/rewrite/html. An archive holds "input", "want" (or
// "expect", with a line "refuse ambiguous|malformed|toolarge" or "hidden"), and
// what else it wants to see: "evidence" (probe = value lines), "prose" (the
// zones of the output, one a line), "class". The profile is fakeProfile's, the
// viewer sees nothing that has "secret" in its name. Every case is also run
// twice, and with all visible.
func TestGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../testdata/rewrite/html/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	p := mustCompile(t)
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
			in := fakeInput(true)
			if c := strings.TrimSpace(part["class"]); c != "" {
				in.Class = rules.Class(c)
			}
			for at := range p.probes {
				in.Evidence = append(in.Evidence, at)
			}
			src := part["input"]
			out, r, err := rewriteOnce(p, src, in)
			if e := strings.TrimSpace(part["expect"]); e != "" {
				checkRefusal(t, e, r, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if update {
				for i := range ar.Files {
					if ar.Files[i].Name == "want" {
						ar.Files[i].Data = []byte(out)
					}
				}
				if err := os.WriteFile(f, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(part["want"], out); diff != "" && !update {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if w, ok := part["evidence"]; ok {
				var lines []string
				for at, vs := range r.rep.Evidence {
					for _, v := range vs {
						lines = append(lines, at+" = "+v)
					}
				}
				slices.Sort(lines)
				if diff := cmp.Diff(strings.TrimSpace(w), strings.Join(lines, "\n")); diff != "" {
					t.Errorf("evidence (-want +got)\n%s", diff)
				}
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
			if again, _, err := rewriteOnce(p, out, in); err != nil || again != out {
				t.Errorf("twice: %v\n%s", err, cmp.Diff(out, again))
			}
			if all, r, err := rewriteOnce(p, src, fakeInput(false)); err != nil {
				t.Errorf("all visible: %v", err)
			} else if r.always == 0 && all != src {
				t.Errorf("all visible\n%s", cmp.Diff(src, all))
			}
		})
	}
}

func checkRefusal(t *testing.T, want string, r run, err error) {
	t.Helper()
	sentinel := map[string]error{
		"refuse ambiguous": edit.ErrAmbiguous, "refuse malformed": edit.ErrMalformed, "refuse toolarge": edit.ErrTooLarge,
	}
	switch s := sentinel[want]; {
	case want == "hidden":
		if err != nil || !r.rep.RootHidden {
			t.Errorf("err = %v, root hidden = %v", err, r.rep.RootHidden)
		}
	case s == nil:
		t.Errorf("unknown expectation %q", want)
	case !errors.Is(err, s):
		t.Errorf("err = %v, want %v", err, s)
	}
}

// TestTree holds spans and parents on markup with implied ends.
func TestTree(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, elem, want string }{
		{`<ul><li>a<li>b</ul>c`, "li", `<li>a`},
		{`<p>a<div>b</div>`, "p", `<p>a`},
		{`<p>a<span><div>b</div></span>`, "p", `<p>a<span>`},
		{`<dl><dt>a<dd>b<dt>c</dl>`, "dd", `<dd>b`},
		{`<table><tr><td>a<td>b<tr><td>c</table>d`, "tr", `<tr><td>a<td>b`},
		{`<table><tr><td>a<table><tr><td>b</table>c<tr>`, "td", `<td>a<table><tr><td>b</table>c`},
		{`<select><option>a<option>b</select>`, "option", `<option>a`},
		{`<li><div></li>x</div>`, "div", `<div>`},
		{`<ul><li><ul><li>a</ul>b</ul>`, "li", `<li><ul><li>a</ul>b`},
		{`<span><div></span>x</div></span>y`, "span", `<span><div></span>x</div></span>`},
		{`<img src=x>y`, "img", `<img src=x>`},
		{`<p><button><p>a</button>b</p>c`, "p", `<p><button><p>a</button>b</p>`},
		{`<h2>a<h3>b</h2>`, "h2", `<h2>a`},
		{`<div><em>a</div>b`, "div", `<div><em>a</div>`},
		{`<svg><g><path/><div>x</div>`, "svg", `<svg><g><path/>`},
		{`<textarea><li></textarea>x`, "textarea", `<textarea><li></textarea>`},
		{`<script>a<!--<script></script>--></script>b`, "script", `<script>a<!--<script></script>--></script>`},
		{`<a>x<a>y</a>`, "a", `<a>x`},
		{`</p></li><b>x</b>`, "b", `<b>x</b>`},
		{`<li>open`, "li", `<li>open`},
	}
	for _, tt := range tests {
		tp, err := newTape(tt.in, testVoc)
		if err != nil {
			t.Errorf("%q: %v", tt.in, err)
			continue
		}
		got := "none"
		for i := range tp.nodes {
			if n := &tp.nodes[i]; tp.tagName(n) == tt.elem {
				got = tt.in[n.start:n.end]
				break
			}
		}
		if got != tt.want {
			t.Errorf("%q: first %s is %q, want %q", tt.in, tt.elem, got, tt.want)
		}
		tp.release()
	}
}

func TestSelectors(t *testing.T) {
	t.Parallel()
	const doc = `<div id=a class="x y"><p class=q data-k="one two"><b>1</b><i>2</i><b>3</b></p><em lang="en-GB"><b id=deep>4</b></em></div><p><b>5</b></p>`
	tests := []struct{ sel, want string }{
		{"b", "1 3 4 5"},
		{"#a b", "1 3 4"},
		{"#a > p > b", "1 3"},
		{"i + b", "3"},
		{"b ~ b", "3"},
		{"b ~ i", "2"},
		{".x.y i", "2"},
		{".x.z i", ""},
		{`[data-k~=two] i`, "2"},
		{`[data-k^="one"] > i`, "2"},
		{`[data-k$=two] i`, "2"},
		{`[data-k*="e t"] i`, "2"},
		{`[lang|=en] b`, "4"},
		{"b:not(#deep)", "1 3 5"},
		{"p:has(i) b", "1 3"},
		{"p:not(.q) b", "5"},
		{"div:has(> em) i", "2"},
		{"div:has(> i) b", ""},
		{"i, #deep", "2 4"},
		{"* > #deep", "4"},
		{"p:has(.none)", ""},
		{`[LANG="en-gb" i] b`, "4"},
	}
	for _, tt := range tests {
		voc := newVocabulary()
		set := newSelSet(voc)
		g, err := set.add(tt.sel)
		if err != nil {
			t.Errorf("%s: %v", tt.sel, err)
			continue
		}
		tp, m, err := set.read(doc)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range m.groups[g] {
			got = append(got, tp.textOf(i))
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: %q, want %q", tt.sel, s, tt.want)
		}
		m.release()
		tp.release()
	}
	for _, bad := range []string{"", "a,", "a >", "[x", "[x=", "a:hover", ":not(:has(a))", "a b)", "..x", "a:has(b, c)", `[x="y]`} {
		if _, err := newSelSet(newVocabulary()).add(bad); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	for _, h := range []rules.HTMLRule{
		{Select: "a:hover"},
		{Select: "a", Subject: []rules.Place{{As: "nobody", At: "@x"}}},
		{Select: "a", Tokens: "x"},
		{Select: "a", Hidden: rules.HTMLAction{Remove: "token"}},
		{Select: "a", Hidden: rules.HTMLAction{Remove: "everything"}},
		{Select: "a", Hidden: rules.HTMLAction{Empties: []string{">"}}},
		{Select: "a", Undecided: "maybe"},
	} {
		if _, err := Compile(&rules.Profile{HTML: []rules.HTMLRule{h}}); err == nil {
			t.Errorf("%+v: no error", h)
		}
	}
}

// TestBounds holds that hostile markup costs linear time and is refused where
// trees would differ.
func TestBounds(t *testing.T) {
	t.Parallel()
	p := mustCompile(t)
	many := func(s string, n int) string { return strings.Repeat(s, n) }
	tests := []struct {
		name, in string
		err      error
	}{
		{"deep", many("<div>", 513), edit.ErrAmbiguous},
		{"deep enough", many("<div>", 511), nil},
		{"attributes", "<a " + many("b ", maxAttrs+1) + ">", edit.ErrTooLarge},
		{"many attributes", "<a " + many("b=1 ", 300_000) + ">", nil},
		{"open quote", "<a " + many(`b="<a `, 200_000), nil},
		{"open comments", many("<!--", 200_000), nil},
		{"open scripts", many("<script>", 100_000), nil},
		{"siblings", many("<li class=row data-title=a><a class=t>", 50_000), nil},
		{"flat", many("<li class=row data-title=secret><a class=t></a></li>", 50_000), nil},
		{"users", many("<a class=user><bdi>secret</bdi></a>", 50_000), nil},
		{"cells", many("<table><tr>", 1) + many("<td><span class=cell>secret</span>", 50_000), nil},
		{"tokens", `<b class="` + many("ns1-secret ", 50_000) + `">`, nil},
		{"NUL", "a\x00b", edit.ErrMalformed},
		{"not UTF-8", "a\xffb", edit.ErrMalformed},
		{"plaintext", "<plaintext><a href=x>", edit.ErrAmbiguous},
		{"srcdoc in srcdoc", nestSrcdoc(6), edit.ErrAmbiguous},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := rewriteOnce(p, tt.in, fakeInput(true))
			if !errors.Is(err, tt.err) {
				t.Errorf("err = %v, want %v", err, tt.err)
			}
		})
	}
}

func nestSrcdoc(n int) string {
	s := "x"
	for range n {
		s = fmt.Sprintf(`<iframe srcdoc="%s"></iframe>`, escapeAttr(s, '"'))
	}
	return s
}

// TestShippedProfiles holds that what is shipped compiles.
func TestShippedProfiles(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"confluence-dc", "mediawiki"} {
		p, err := rules.LoadProfile(name)
		if err != nil {
			t.Logf("%s: %v", name, err) // that is a matter of package rules
			continue
		}
		if _, err := Compile(p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

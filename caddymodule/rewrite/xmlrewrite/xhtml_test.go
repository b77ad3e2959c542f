package xmlrewrite

import (
	"strings"
	"testing"

	"github.com/postern-gateway/postern/rules"
)

// atomEntry is a feed with one entry.
func atomEntry(attrs, inside string) string {
	return `<feed xmlns="http://www.w3.org/2005/Atom"><entry` + attrs + `><link href="/a"/>` + inside + `</entry></feed>`
}

func TestXHTML(t *testing.T) {
	t.Parallel()
	p := fakeProgram(t)
	const div = `<div xmlns="http://www.w3.org/1999/xhtml">`
	tests := []struct{ name, in, want string }{
		{"text", div + `<p>one <b title="t">two</b><br/></p></div>`, "same"},
		{"a link that may be seen", div + `<a href="/b">B</a></div>`, "same"},
		{"a hidden link", div + `<a href="/secret">S</a></div>`, div + `<a class="gone">S</a></div>`},
		{"a comment", div + `<p>a<!-- b --></p></div>`, "gone"},
		{"a section", div + `<p><![CDATA[<b>]]></p></div>`, "gone"},
		{"an empty element that HTML leaves open", div + `<p/></div>`, "gone"},
		{"another namespace", `<div xmlns="urn:x"><p>a</p></div>`, "gone"},
		{"a prefix", `<h:div xmlns:h="http://www.w3.org/1999/xhtml"><h:p>a</h:p></h:div>`, "gone"},
		{"a script", div + `<script>a</script></div>`, "gone"},
		{"raw text", div + `<style>a</style></div>`, "gone"},
	}
	for _, tt := range tests {
		in := fakeInput(true)
		in.Inner = func(_ string, src []byte) ([]byte, error) {
			return []byte(strings.ReplaceAll(string(src), `href="/secret"`, `class="gone"`)), nil
		}
		content := `<content type="xhtml">` + tt.in + `</content>`
		want := `<content type="xhtml">` + tt.want + `</content>`
		switch tt.want {
		case "same":
			want = content
		case "gone":
			want = ""
		}
		out, _, err := p.Rewrite(nil, []byte(atomEntry("", content)), in)
		if err != nil || string(out) != atomEntry("", want) {
			t.Errorf("%s: %s, %v", tt.name, out, err)
		}
	}
}

// basedJudge tells what it was asked for.
type basedJudge struct {
	fakeJudge
	asked *[]string
}

func (j basedJudge) URLFor(raw, base string) rules.Link {
	*j.asked = append(*j.asked, base+" "+raw)
	return j.URL(raw)
}

func TestBase(t *testing.T) {
	t.Parallel()
	var asked, inner []string
	in := fakeInput(true)
	in.Judge = basedJudge{fakeJudge{true}, &asked}
	in.Inner = func(_ string, src []byte) ([]byte, error) {
		inner = append(inner, string(src))
		return src, nil
	}
	const src = `<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://site.example/a/"><entry xml:base="b/"><link href="c"/>` +
		`<summary type="html" xml:base="d/">&lt;i></summary></entry><entry><link href="e"/></entry></feed>`
	out, _, err := fakeProgram(t).Rewrite(nil, []byte(src), in)
	if err != nil {
		t.Fatal(err)
	}
	if string(out) != src {
		t.Errorf("got %s\nwant %s", out, src)
	}
	all := strings.Join(asked, "\n")
	for _, want := range []string{"https://site.example/a/ b/", "https://site.example/a/b/ c", "https://site.example/a/b/ d/", "https://site.example/a/ e"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q was not asked for, but\n%s", want, all)
		}
	}
	if len(inner) != 1 || inner[0] != `<base href="https://site.example/a/b/d/"><i>` {
		t.Errorf("inside: %q", inner)
	}
}

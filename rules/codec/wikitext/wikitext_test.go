package wikitext

import (
	"bytes"
	"errors"
	"slices"
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
		{"plain ''text'' == head == {| class=x\n|}", nil},
		{"[[Plan]] [[acme x:Plan#top|text]]s [[:Category:A]]", []Ref{{Link, "Plan"}, {Link, "acme x:Plan#top"}, {Link, ":Category:A"}}},
		{"[[HR%3APay]] [[HR&#58;Pay2]]", []Ref{{Link, "HR:Pay"}, {Link, "HR:Pay2"}}},
		{"[[/Sub/]] [[../Other]]", []Ref{{Relative, "/Sub/"}, {Link, "/Sub/"}, {Relative, "../Other"}, {Link, "../Other"}}},
		{"[[File:A b.png|thumb|link=HR:Pay|see [[Plan]]]]", []Ref{{Link, "File:A b.png"}, {Link, "Plan"}, {Link, "HR:Pay"}}},
		{"#REDIRECT [[HR:Pay]]", []Ref{{Redirect, "HR:Pay"}, {Link, "HR:Pay"}}},
		{"{{Box|x=[[Plan]]|{{Inner}}}}", []Ref{{Link, "Plan"}, {Template, "Box"}, {Template, "Inner"}}},
		{"{{\n  Box\n | a }} {{HR:Pay}} {{:Plan}} {{subst:Hello}}", []Ref{{Template, "Box"}, {Template, "HR:Pay"}, {Link, "Plan"}, {Template, "Hello"}}},
		{"{{{1|{{{name|}}}}}} {{PAGENAME}} {{CURRENTYEAR}} {{lc:ABC}} {{!}}", nil},
		{
			"{{#ifexist: HR:Pay | a | b}} {{PAGESIZE:HR:Pay2}} {{#invoke:M|f}} {{Special:RecentChanges}} {{PAGESINCATEGORY:C}}",
			[]Ref{{Link, "HR:Pay"}, {Link, "HR:Pay2"}, {Unknown, "#invoke"}, {Template, "Special:RecentChanges"}, {Category, "C"}},
		},
		{"{{T{{x}}}} [[A{{x}}]] {{#if:1|{{HR:Pay}}}}", []Ref{{Unknown, "computed title"}, {Template, "x"}, {Template, "HR:Pay"}}},
		{"<gallery mode=packed>\nFile:A.png|x [[Plan]]\nB.png\n</gallery>", []Ref{{Link, "Plan"}, {File, "File:A.png"}, {File, "B.png"}}},
		{"{{#tag:ref|see [[Plan]]|name=x}} {{#TAG: nowiki |a}} {{#tag:gallery|A.png}} {{#tag:{{x}}|y}}", []Ref{{Link, "Plan"}, {Unknown, "#tag"}, {Template, "x"}}},
		{"<categorytree>HR</categorytree><b>x</b><DPL>y</DPL>", []Ref{{Unknown, "<categorytree>"}, {Unknown, "<dpl>"}}},
		{
			"<!-- [[HR:A]] --> <nowiki>[[HR:B]]</nowiki> [[HR<!-- x -->:C]] [[HR<nowiki/>:D]]",
			[]Ref{{Link, "HR:A"}, {Link, "HR:B"}, {Link, "HR<!-- x -->:C"}, {Link, "HR<nowiki/>:D"}, {Link, "HR:C"}, {Link, "HR:D"}},
		},
		{"{{HR<!-- open -->:E}}", []Ref{{Template, "HR<!-- open -->:E"}, {Template, "HR:E"}}},
		{
			"see https://wiki.example/wiki/HR:Pay, [//wiki.example/x y] <mailto:a@b.example>",
			[]Ref{{URL, "https://wiki.example/wiki/HR:Pay"}, {URL, "mailto:a@b.example"}, {URL, "//wiki.example/x"}},
		},
		{"--[[User:Zq|Zq]] ([[User talk:Zq|talk]])", []Ref{{Link, "User:Zq"}, {Link, "User talk:Zq"}}},
		{"[[Unclosed", []Ref{{Link, "Unclosed"}}},
	} {
		got, err := Refs([]byte(tt.src))
		if err != nil {
			t.Errorf("Refs(%q): %v", tt.src, err)
			continue
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("Refs(%q): %s", tt.src, d)
		}
	}
}

func TestRefsRefuses(t *testing.T) {
	t.Parallel()
	if _, err := Refs([]byte("a\xff")); !errors.Is(err, ErrMalformed) {
		t.Errorf("invalid UTF-8: %v", err)
	}
	if _, err := Refs(make([]byte, maxLen+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("large: %v", err)
	}
	var b bytes.Buffer
	for i := range maxRefs + 1 {
		b.WriteString("[[" + strings.Repeat("x", i%200+1) + string(rune('a'+i/200%26)) + string(rune('a'+i/5200)) + "]]")
	}
	if _, err := Refs(b.Bytes()); !errors.Is(err, ErrTooLarge) {
		t.Errorf("many: %v", err)
	}
}

// What wraps markup takes nothing out of what it names.
func FuzzRefs(f *testing.F) {
	for _, s := range []string{"[[A|b]]", "{{T|{{x}}}}", "<!-- [[A]] -->", "<gallery>\nA.png|x\n</gallery>", "#REDIRECT [[X]]", "{{{1|[[A]]}}}", "[[A<!--", "http://x/y"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		refs, err := Refs([]byte(src))
		if err != nil {
			return
		}
		have := map[Ref]bool{}
		for _, r := range refs {
			if r.Target == "" || have[r] {
				t.Fatalf("empty or repeated: %v", r)
			}
			have[r] = true
		}
		with, err := Refs([]byte("x [[Canary:One]]\n" + src + "\n[[Canary:Two|y]]{{Canary:Three}}"))
		if err != nil {
			return
		}
		// An open comment or tag swallows what follows only in one reading.
		for _, want := range []Ref{{Link, "Canary:One"}, {Link, "Canary:Two"}, {Template, "Canary:Three"}} {
			if !slices.Contains(with, want) {
				t.Fatalf("%v is lost in %q", want, src)
			}
		}
	})
}

func BenchmarkRefs(b *testing.B) {
	src := []byte(strings.Repeat("Some ''text'' with a [[Link|link]], {{Box|a=b}} and https://wiki.example/x.\n", 1300))
	b.SetBytes(int64(len(src)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Refs(src); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefsHostile(b *testing.B) {
	src := bytes.Repeat([]byte("[[{{|link=<b:"), 20_000)
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		_, _ = Refs(src)
	}
}

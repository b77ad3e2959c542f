package mwsearch_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/rules/codec/mwsearch"
)

// keys are those that the tests allow.
func keys(name string) (string, bool) {
	switch k := strings.ToLower(name); k {
	case "intitle", "incategory":
		return k, true
	}
	return "", false
}

// TestParse: what people type, and what an engine is told.
func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"plan", "plan"},
		{"project plan", "project plan"},
		{"  project\tplan\n", "project plan"},
		{`"project plan" -draft`, `"project plan" -draft`},
		{`"project plan`, `"project plan"`},
		{`"project plan"~2 x`, `"project plan" 2 x`},
		{"plan OR budget", "plan OR budget"},
		{"OR plan", "plan"},
		{"plan OR", "plan"},
		{"plan AND budget", "plan budget"},
		{"plan AND NOT budget", "plan -budget"},
		{"plan OR NOT budget", "plan OR -budget"},
		{"NOT plan", "-plan"},
		{"or and not", "or and not"},
		{"plan*", "plan*"},
		{"p*", "p"},
		{"*plan", "plan"},
		{"pl*n", "pl n"},
		{"pl?n", "pl n"},
		{"plan~", "plan~"},
		{"plan~2", "plan~"},
		{"~plan", "plan"},
		{"+plan >x <y", "plan x y"},
		{"--plan", "-plan"},
		{"!plan", "-plan"},
		{"- plan", "plan"},
		{"plan-b", "plan-b"},
		{"intitle:plan", "intitle:plan"},
		{"InTitle:plan", "intitle:plan"},
		{`intitle:"project plan"`, `intitle:"project plan"`},
		{`-intitle:"project plan"`, `-intitle:"project plan"`},
		{"intitle: plan", "intitle:plan"},
		{"incategory:Help:Plan_x", `incategory:"Help:Plan x"`},
		{"intitle:HR:", `intitle:"HR:"`},
		{`intitle:"a:b" c:d`, `intitle:"a:b" c d`},
		{"intitle:/pla.*/", `intitle:"/pla. /"`},
		{"intitle:pl*", "intitle:pl"},
		{"intitle:", ""},
		{`intitle:""`, ""},
		{"incategory:A|B", `incategory:"A|B"`},
		{`incategory:"A b|B"`, `incategory:"A b|B"`},
		// Namespaces in front, and keywords that nobody allows, become words.
		{"HR:Salaries", "HR Salaries"},
		{"HR: x", "HR x"},
		{"HR talk:x", "HR talk x"},
		{"all:x", "all x"},
		{":x", "x"},
		{"plan HR:x", "plan HR x"},
		{`"HR:Salaries"`, `"HR Salaries"`},
		{"\uff28R\uff1ax", "\uff28R x"},
		{"prefix:HR:Sal", "prefix HR Sal"},
		{"insource:/secret/", "insource secret"},
		{"insource:/a b/i", "insource a b i"},
		{`linksto:"HR:Salaries"`, `linksto "HR Salaries"`},
		{"morelike:A|B", "morelike A B"},
		{"xintitle:plan", "xintitle plan"},
		{"(plan OR budget) AND x", "plan OR budget x"},
		{"plan && budget || x", "plan budget x"},
		{"[a TO b]", "a to b"},
		{`a \"b`, `a "b"`},
		{"a^2", "a 2"},
		{"\u201eplan b\u201c", "plan b"},
		{"a\u200bb\u00a0c\u2028d", "a b c d"},
		{"intitle:a\u200bOR", "intitle:a"},
		{"\"a\x00b\"", `"a b"`},
		{"C# C++ .NET R&D", "C C .NET R D"},
	} {
		q, err := mwsearch.Parse(tt.in, keys)
		if err != nil {
			t.Errorf("%q: %v", tt.in, err)
			continue
		}
		if got := q.String(); got != tt.want {
			t.Errorf("%q is printed as %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"\xff", strings.Repeat("a", 3000), strings.Repeat("a ", 100)} {
		if _, err := mwsearch.Parse(in, keys); !errors.Is(err, mwsearch.ErrInvalid) {
			t.Errorf("%.20q: %v", in, err)
		}
	}
}

// FuzzParse: what is printed is read as the same, no operator is in it that was
// not allowed, and none stands where an engine would read a namespace.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`intitle:"a b" -c* OR d~ "e f`, "HR: x", "a:b:c", `-"x"`, "NOT NOT a", "a OR OR b", "--a!b", "intitle:intitle:x", "intitle:-x", "x~2y", `""`, "-OR", `intitle:"OR"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := mwsearch.Parse(s, keys)
		if err != nil {
			return
		}
		out := q.String()
		again, err := mwsearch.Parse(out, keys)
		if err != nil {
			if len(out) > 2000 {
				return // a blank more for each sign
			}
			t.Fatalf("%q is printed as %q: %v", s, out, err)
		}
		if d := cmp.Diff(q, again); d != "" {
			t.Fatalf("%q is printed as %q, which reads otherwise:\n%s", s, out, d)
		}
		if !utf8.ValidString(out) || strings.ContainsAny(out, "\\()[]{}<>=?^&+;#\x00\n\t_") {
			t.Fatalf("%q is printed as %q", s, out)
		}
		if before, _, colon := strings.Cut(out, ":"); colon && !strings.HasSuffix(before, "intitle") && !strings.HasSuffix(before, "incategory") {
			t.Fatalf("%q is printed as %q", s, out)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	const s = `"project plan" intitle:delivery -draft budget*`
	b.SetBytes(int64(len(s)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mwsearch.Parse(s, keys); err != nil {
			b.Fatal(err)
		}
	}
}

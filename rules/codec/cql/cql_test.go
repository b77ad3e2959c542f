package cql

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseAndPrint(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{`type=page`, `type = "page"`},
		{`type = page and space = "ACME"`, `type = "page" and space = "ACME"`},
		{
			`siteSearch ~ "a b" AND type IN (page, blogpost)  ORDER BY lastmodified DESC, title`,
			`siteSearch ~ "a b" and type in ("page", "blogpost") order by lastmodified desc, title`,
		},
		{`a = 1 or b = 2 and not c !~ x`, `a = 1 or (b = 2 and not c !~ "x")`},
		{`(a = 1 or b = 2) and c not in ('x')`, `(a = 1 or b = 2) and c not in ("x")`},
		{`((a=1))`, `a = 1`},
		{`not (a=1 and b=2)`, `not (a = 1 and b = 2)`},
		{`created >= startOfDay("-1w") and created<now()`, `created >= startOfDay("-1w") and created < now()`},
		{`contributor in (currentUser())`, `contributor in (currentUser())`},
		{`creator in membersOf("a b")`, `creator in membersOf("a b")`},
		{`title ~ "say \"hi\" \\ it\'s \u00e9"`, `title ~ "say \"hi\" \\ it's é"`},
		{`title ~ 'it\'s "so"'`, `title ~ "it's \"so\""`},
		{`order by created asc`, `order by created asc`},
		{`label = größe`, `label = "größe"`},
		{`id = 00012345678901234567890`, `id = "00012345678901234567890"`},
		{`space.key = -7`, `space.key = "-7"`},
		{"a\t=\n1", `a = 1`},
	} {
		q, err := Parse(tt.in)
		if err != nil {
			t.Errorf("Parse(%s): %v", tt.in, err)
			continue
		}
		if got := q.String(); got != tt.want {
			t.Errorf("Parse(%s) prints %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		``, ` `, `a`, `a =`, `= a`, `a = b c`, `a = (b)`, `a in b`, `a in ()`, `a in (b`, `a in (b,)`, `a in (b c)`, `(a = b`, `a = b)`,
		`a = "b`, `a = "b\`, `a = "\x"`, `a = "\u12"`, `a = "\ud800"`, `a = "\u0000"`, "a = \"\n\"", "a = \"\xff\"", `a = b and`, `and a = b`,
		`a = b or or c = d`, `not`, `a is null`, `a = empty`, `a = b && c = d`, `a = b | c`, `a == b`, `a = b; c`, `a = b order`, `a = b order by`,
		`a = b order by c d`, `a = b order by "c"`, `"a" = b`, `1a = b`, `é = b`, `a = f(g(h()))`, `a = f(`, `a ! b`, `a = b -- c`, `a = b # c`,
		`a = .b`, `a = b/c`, `a = ~b`, strings.Repeat("(", 40) + "a = b" + strings.Repeat(")", 40), strings.Repeat("not ", 50) + "a = b",
		strings.Repeat("a = b and ", 1100) + "a = b", `a in (` + strings.Repeat("1,", 600) + `1)`, "a = \"" + strings.Repeat("x", maxLen) + "\"",
	} {
		if q, err := Parse(s); !errors.Is(err, ErrSyntax) {
			t.Errorf("Parse(%.60s) = %v, %v, want ErrSyntax", s, q, err)
		}
	}
}

func TestNarrow(t *testing.T) {
	t.Parallel()
	spaces := OneOf("space", "ACME", `we"ird`)
	for in, want := range map[string]string{
		`a = 1`:                       `a = 1 and space in ("ACME", "we\"ird")`,
		`a = 1 or b = 2`:              `(a = 1 or b = 2) and space in ("ACME", "we\"ird")`,
		`a = 1 and b = 2 order by c`:  `(a = 1 and b = 2) and space in ("ACME", "we\"ird") order by c`,
		`order by c`:                  `space in ("ACME", "we\"ird") order by c`,
		`a = ") or (b" or c ~ "' or"`: `(a = ") or (b" or c ~ "' or") and space in ("ACME", "we\"ird")`,
	} {
		q, err := Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		n := Narrow(q, spaces, nil)
		if got := n.String(); got != want {
			t.Errorf("Narrow(%s) = %s, want %s", in, got, want)
		}
		again, err := Parse(n.String())
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(n, again); d != "" {
			t.Error(d)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	names := func(list ...string) func(string) (string, bool) {
		return func(s string) (string, bool) {
			i := slices.IndexFunc(list, func(w string) bool { return strings.EqualFold(w, s) })
			if i < 0 {
				return "", false
			}
			return list[i], true
		}
	}
	allow := Allow{
		Field: names("text", "space", "created"), Function: names("now"), OrderBy: names("created"),
		Clause: func(c *Clause) error {
			if c.Field == "space" && c.Values[0].Text == "HR" {
				return fmt.Errorf("%w: hidden", ErrRefused)
			}
			return nil
		},
	}
	for in, want := range map[string]string{
		`TEXT ~ "x" and not Created > NOW() order by CREATED`: `text ~ "x" and not created > now() order by created`,
		`creator = x`:                            "",
		`text ~ x order by title`:                "",
		`created > endOfDay()`:                   "",
		`text ~ x or (not (space = HR))`:         "",
		`space in ("A", evil())`:                 "",
		`space = A and space != "B" or text ~ y`: `(space = "A" and space != "B") or text ~ "y"`,
	} {
		q, err := Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		err = q.Check(allow)
		if (want == "") != errors.Is(err, ErrRefused) || want != "" && q.String() != want {
			t.Errorf("Check(%s): %v, %s", in, err, q)
		}
	}
	q, _ := Parse("a = 1")
	if err := q.Check(Allow{}); !errors.Is(err, ErrRefused) {
		t.Errorf("the empty allow list: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`type = page and (space in ("A",'b') or not title !~ "x\"\\\t") order by created desc, title`, `a in f("x", 1)`, `order by a`, `a=1 or b=2 and c=3`,
		`text ~ "\u00e9 ' "`, `not not a >= b`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := Parse(s)
		if err != nil {
			if !errors.Is(err, ErrSyntax) {
				t.Fatal(err)
			}
			return
		}
		printed := q.String()
		again, err := Parse(printed)
		if err != nil && len(printed) <= maxLen {
			t.Fatalf("%q prints as %q, which is refused: %v", s, printed, err)
		}
		if err == nil {
			if d := cmp.Diff(q, again); d != "" {
				t.Fatalf("%q prints as %q, another query: %s", s, printed, d)
			}
			if p := again.String(); p != printed {
				t.Fatalf("%q, then %q", printed, p)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(`siteSearch ~ "interface" and type in (page, blogpost) and space = "ACME" order by lastmodified desc`); err != nil {
			b.Fatal(err)
		}
	}
}

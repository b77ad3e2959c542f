package rewrite_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/caddymodule/rewrite/htmlrewrite"
	"github.com/postern-gateway/postern/caddymodule/rewrite/jsonrewrite"
	"github.com/postern-gateway/postern/caddymodule/rewrite/xmlrewrite"
	"github.com/postern-gateway/postern/rules"
)

// refusal is one row of testdata/refused.txt.
type refusal struct {
	format, item, reason, name string
	header                     [][2]string
	body                       []byte
}

func refusals(tb testing.TB) []refusal {
	tb.Helper()
	data, err := os.ReadFile("testdata/refused.txt")
	if err != nil {
		tb.Fatal(err)
	}
	var out []refusal
	var in refusal // of the section
	for n, line := range strings.Split(string(data), "\n") {
		switch {
		case line == "" || line[0] == '#':
			continue
		case line[0] == '[':
			in.format, in.item, _ = strings.Cut(strings.Trim(line, "[]"), ": ")
			continue
		}
		part := strings.SplitN(line, "; ", 3)
		if len(part) != 3 {
			tb.Fatalf("line %d: %q", n+1, line)
		}
		r := in
		r.reason, r.name = part[0], part[1]
		if r.format == "any" {
			fields, body, _ := strings.Cut(part[2], " || ")
			part[2] = body
			for f := range strings.SplitSeq(fields, " | ") {
				name, value, _ := strings.Cut(f, ": ")
				r.header = append(r.header, [2]string{name, value})
			}
		}
		if r.body, err = pieces(part[2]); err != nil {
			tb.Fatalf("line %d: %v", n+1, err)
		}
		out = append(out, r)
	}
	return out
}

// pieces puts a body together.
func pieces(s string) ([]byte, error) {
	var b []byte
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", s, err)
		}
		piece, _ := strconv.Unquote(quoted)
		s = s[len(quoted):]
		times := 1
		if rest, ok := strings.CutPrefix(s, "*"); ok {
			number, after, _ := strings.Cut(rest, " ")
			if times, err = strconv.Atoi(number); err != nil {
				return nil, fmt.Errorf("%q: %w", s, err)
			}
			s = after
		}
		before, after, numbered := strings.Cut(piece, "%d")
		for i := range times {
			b = append(b, before...)
			if numbered {
				b = strconv.AppendInt(b, int64(i), 10)
			}
			b = append(b, after...)
		}
	}
	return b, nil
}

// showsAll is a judge that hides nothing: what is refused is refused for its
// form alone.
type showsAll struct{}

func (showsAll) URL(string) rules.Link           { return rules.Link{} }
func (showsAll) Entity(rules.Ref) rules.Decision { return rules.Decision{Verdict: rules.Visible} }

// TestRefused: what is refused is refused for the reason that the list gives,
// and nothing of it leaves.
func TestRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		t.Fatal(err)
	}
	j, err := jsonrewrite.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	x, err := xmlrewrite.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	h, err := htmlrewrite.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	because := map[string]error{"malformed": edit.ErrMalformed, "ambiguous": edit.ErrAmbiguous, "too_large": edit.ErrTooLarge}
	for _, r := range refusals(t) {
		var out []byte
		var err error
		switch dst := []byte("dst"); r.format {
		case "any":
			ex := w.ask(t, "/view?id=11", "", r.body)
			for _, f := range r.header {
				ex.Response.Header.Add(f[0], f[1])
			}
			res, err := w.rewriter.Rewrite(context.Background(), ex)
			if reason(err) != r.reason || res.Body != nil {
				t.Errorf("%s: %s: err = %v, want %s; got %.40q", r.item, r.name, err, r.reason, res.Body)
			}
			continue
		case "json":
			out, _, err = j.Rewrite(dst, r.body, jsonrewrite.Input{Judge: showsAll{}})
		case "xml":
			out, _, err = x.Rewrite(dst, r.body, xmlrewrite.Input{Judge: showsAll{}})
		case "html":
			out, _, err = h.Rewrite(dst, r.body, htmlrewrite.Input{Judge: showsAll{}})
		}
		if !errors.Is(err, because[r.reason]) || string(out) != "dst" {
			t.Errorf("%s: %s: %s: err = %v, want %s; got %.40q", r.format, r.item, r.name, err, r.reason, out)
		}
	}
}

// TestRefusedDoc: the package's documentation names what the list has cases of,
// and nothing else.
func TestRefusedDoc(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, list, ok := strings.Cut(string(src), "// # What is refused\n")
	if !ok {
		t.Fatal("no such section")
	}
	formats := map[string]string{"every": "any", "JSON": "json", "XML": "xml", "HTML": "html"}
	said := map[string]bool{}
	format := ""
	for line := range strings.SplitSeq(list, "\n") {
		if of, ok := strings.CutPrefix(line, "// Of "); ok {
			word := of[:strings.IndexAny(of, " ,")]
			if format = formats[word]; format == "" {
				t.Errorf("format %q", word)
			}
		}
		if item, ok := strings.CutPrefix(line, "//   - "); ok {
			item, _, _ = strings.Cut(item, ": ")
			said[format+": "+item] = true
		}
	}
	tested := map[string]bool{}
	for _, r := range refusals(t) {
		tested[r.format+": "+r.item] = true
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(tested)), slices.Sorted(maps.Keys(said))); diff != "" {
		t.Errorf("the documentation (+) and testdata/refused.txt (-) differ:\n%s", diff)
	}
}

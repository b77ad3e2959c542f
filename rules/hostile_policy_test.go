package rules

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestHostilePolicies holds that no file of the size that is read takes long,
// whatever is in it. The bound is far above what is measured, and far below
// what one quadratic step would need.
func TestHostilePolicies(t *testing.T) {
	const head = "version: 1\nwiki: tables\n"
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'i'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 9), ","))
	}
	fill := func(s string) string { return strings.Repeat(s, (maxFileSize-len(head))/len(s)) }
	var spaces, globs, urls strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&spaces, "  S%d: {members: [{user: x, until: never}], open_to: nobody}\n", i)
	}
	for i := range 100_000 {
		fmt.Fprintf(&globs, "      - '{a,b}{a,b}{a,{b,{c,d}}}*%d'\n", i)
		fmt.Fprintf(&urls, "    - /a/{x%d}/{y...}\n", i)
	}
	for name, text := range map[string]string{
		"alias bomb":         head + bomb,
		"lists in lists":     head + "spaces: " + fill("["),
		"mappings":           head + "spaces: " + fill("{a: "),
		"sequences":          head + fill("- "),
		"questions":          head + fill("? "),
		"a million entries":  head + "suspended: [" + fill("x,"),
		"a million lines":    head + "suspended:\n" + fill("- x\n"),
		"comments":           head + fill("#\n"),
		"comments on items":  head + "suspended:\n" + fill("- #\n"),
		"keys":               head + "spaces:\n" + fill("  a: {}\n"),
		"long text":          head + "zone: " + fill("x"),
		"long key":           head + fill("x") + ": 1\n",
		"quotes":             head + "zone: " + fill("'"),
		"escapes":            head + `zone: "` + fill(`\x41`) + `"`,
		"anchors":            head + fill("&a "),
		"tags":               head + fill("!a "),
		"returns":            head + fill("\r"),
		"faults":             head + "spaces:\n" + spaces.String(),
		"globs":              head + "spaces:\n  A:\n    hide:\n      titles:\n" + globs.String(),
		"patterns":           head + "urls:\n  block:\n" + urls.String(),
		"condition":          head + "filters: [{name: f, hide: users, when: '" + strings.Repeat("!(", 2000) + "true'}]\n",
		"condition of ands":  head + "filters: [{name: f, hide: users, when: '" + strings.Repeat("user.active&&", 300) + "true'}]\n",
		"condition of lists": head + "filters: [{name: f, hide: users, when: '" + strings.Repeat("[", 4000) + "'}]\n",
		"condition of text":  head + "filters: [{name: f, hide: users, when: 'user.email.matches(\"" + strings.Repeat("(a{1000})", 400) + "\")'}]\n",
	} {
		t.Run(name, func(t *testing.T) {
			if len(text) > maxFileSize {
				text = text[:maxFileSize]
			}
			start := time.Now()
			_, err := policyOf(t, text)
			var es Errors
			if name != "condition of ands" && name != "returns" && (!errors.As(err, &es) || len(es) > 2*maxErrors) {
				t.Errorf("not refused as it should be: %.200v", err)
			}
			if d := time.Since(start); d > time.Minute {
				t.Errorf("took %v", d)
			}
		})
	}
}

// TestTitleGlobsAreLinear matches patterns on which searching with backtracking
// does not end.
func TestTitleGlobsAreLinear(t *testing.T) {
	title := strings.Repeat("a", 255)
	start := time.Now()
	for _, s := range []string{
		strings.Repeat("{a,b}", 100) + "c", strings.Repeat("{a*,a*}", 60) + "c", strings.Repeat("a*", 120) + "b",
		strings.Repeat("*", 500) + "b", strings.Repeat("[ab]*", 100) + "c", strings.Repeat("{a,", 8) + "b" + strings.Repeat("}", 8) + "c",
	} {
		g, err := compileGlob(s)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		if g.match(title) {
			t.Errorf("%s matches", s)
		}
	}
	if d := time.Since(start); d > time.Minute {
		t.Errorf("took %v", d)
	}
}

func TestTitleGlobs(t *testing.T) {
	for _, tc := range []struct{ pattern, yes, no string }{
		{"Internal *", "internal a/b", "Internal"},
		{"*draft*", "My_Draft (2)", "Draf"},
		{"a?c", "AéC", "ac"},
		{"[a-c]x", "Bx", "dx"},
		{"[!a-c]x", "dx", "bx"},
		{"[^a]x", "bx", "ax"},
		{"{plan,budget} 20[0-9][0-9]", "Budget 2027", "Budget 207"},
		{"{a,b{c,d}}", "bd", "b"},
		{`100\*`, "100*", "1000"},
		{`\[x\]`, "[x]", "x"},
		{"*", "anything", ""},
		{"a.b", "a.b", "axb"},
		{"a,b", "a,b", "a"},
		{"(x|y)+", "(x|y)+", "x"},
		{"[.*]", "*", "x"},
		{"Überblick*", "U\u0308BERBLICK 1", "Uberblick"},
	} {
		g, err := compileGlob(tc.pattern)
		if err != nil {
			t.Errorf("%s: %v", tc.pattern, err)
			continue
		}
		if !(titleGlobs{g}).match(tc.yes) || tc.no != "" && (titleGlobs{g}).match(tc.no) {
			t.Errorf("%s: %q %v, %q %v", tc.pattern, tc.yes, titleGlobs{g}.match(tc.yes), tc.no, titleGlobs{g}.match(tc.no))
		}
	}
}

// TestReadFilesRefuses holds that what is no ordinary file is not opened.
func TestReadFilesRefuses(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo.yaml")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	big := filepath.Join(dir, "big.yaml")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, 100<<20); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "empty"), 0o700); err != nil {
		t.Fatal(err)
	}
	for glob, want := range map[string]string{
		fifo:                           "not a regular file",
		"/dev/zero":                    "not a regular file",
		big:                            "larger than",
		filepath.Join(dir, "empty"):    "no rule file matches",
		filepath.Join(dir, "*.nope"):   "no rule file matches",
		filepath.Join(dir, "gone.yml"): "no rule file matches",
		"[":                            "reading rule files",
	} {
		if _, err := LoadPolicy(glob); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", glob, err, want)
		}
	}
	data, err := readBounded(big)
	if err != nil || len(data) != maxFileSize+1 {
		t.Errorf("read %d bytes of a large file: %v", len(data), err)
	}
}

func TestLoadPolicyFolderAndLinks(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte("version: 1\nwiki: mediawiki\nspaces: {A: {}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a.yaml", filepath.Join(dir, "b.yml")); err != nil {
		t.Fatal(err)
	}
	// A folder stands for its files, and a link to a file is that file.
	p, err := LoadPolicy(dir, filepath.Join(dir, "a.yaml"))
	if err != nil || len(p.Spaces) != 1 {
		t.Fatalf("%v", err)
	}
}

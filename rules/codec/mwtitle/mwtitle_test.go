package mwtitle

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func testNames() Names {
	n := Names{}
	n.Add(NSMedia, "Media")
	n.Add(NSSpecial, "Special", "Spezial")
	n.Add(NSTalk, "Talk")
	n.Add(NSUser, "User", "Benutzer")
	n.Add(NSUserTlk, "User talk")
	n.Add(4, "Project", "Our Wiki")
	n.Add(NSFile, "File", "Image")
	n.Add(8, "MediaWiki")
	n.Add(10, "Template")
	n.Add(3000, "ACME X", "Äcme")
	return n
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		raw   string
		ns    int
		local string
	}{
		{"Plan", 0, "Plan"},
		{"plan", 0, "Plan"},
		{"  plan__of \u00a0 work_ ", 0, "Plan of work"},
		{"élan", 0, "Élan"},
		{"e\u0301lan", 0, "Élan"},
		{"ßa", 0, "SSa"},
		{"acme_x:home", 3000, "Home"},
		{"ACME X_ : _home", 3000, "Home"},
		{"äCME:home", 3000, "Home"},
		{":acme x:home", 3000, "Home"},
		{": Plan", 0, "Plan"},
		{"Image:A b.png", 6, "A b.png"},
		{"Unknown:thing", 0, "Unknown:thing"},
		{"unknown : thing", 0, "Unknown : thing"},
		{"user:zq#Top", 2, "Zq"},
		{"Plan_#Top_of", 0, "Plan"},
		{"Pl\u200ean\u202e", 0, "Plan"},
		{"User:File:x", 2, "File:x"},
		{"spezial:whatLinksHere/acme_X:home", -1, "WhatLinksHere/acme X:home"},
		{"user:2001:db8::1", 2, "2001:DB8:0:0:0:0:0:1"},
		{"User:::1", 2, "0:0:0:0:0:0:0:1"},
		{"A/b/c", 0, "A/b/c"},
		{"C++", 0, "C++"},
		{"100%", 0, "100%"},
		{"A&B", 0, "A&B"},
		{"...", 0, "..."},
	} {
		ns, local, err := Parse(tt.raw, testNames())
		if err != nil || ns != tt.ns || local != tt.local {
			t.Errorf("Parse(%q) = %d, %q, %v, want %d, %q", tt.raw, ns, local, err, tt.ns, tt.local)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{
		"", " ", "_", ":", "::", "#top", "User:", "User:#x", "a\xffb", "a\ufffdb", "a[b", "a]b", "a{b", "a|b", "a<b", "a>b",
		"a\nb", "a\x00b", "a\x7fb", "a%41b", "a&amp;b", "a&é;", ".", "..", "./a", "../a", "a/./b", "a/../b", "a/..", "a/.",
		"a~~~b", "Talk:File:x", "Talk: user : x", ":::a", "User::a", "Special:",
		strings.Repeat("a", 256), strings.Repeat("a", 5000),
	} {
		if ns, local, err := Parse(raw, testNames()); !errors.Is(err, ErrInvalid) {
			t.Errorf("Parse(%q) = %d, %q, %v, want ErrInvalid", raw, ns, local, err)
		}
	}
}

func TestParseText(t *testing.T) {
	t.Parallel()
	ns, local, err := ParseText("acme&#32;x&#58;a &amp; b", testNames())
	if err != nil || ns != 3000 || local != "A & b" {
		t.Errorf("ParseText = %d, %q, %v", ns, local, err)
	}
	if ns, local, err = ParseIn("box", 10, testNames()); err != nil || ns != 10 || local != "Box" {
		t.Errorf("ParseIn = %d, %q, %v", ns, local, err)
	}
	if ns, local, err = ParseIn(":box", 10, testNames()); err != nil || ns != 0 || local != "Box" {
		t.Errorf("ParseIn with a colon = %d, %q, %v", ns, local, err)
	}
}

type sensitive struct{ Names }

func (sensitive) CaseSensitive(id int) bool { return id == 0 || id == NSUser }

func TestCaseSensitive(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{"iPod": "iPod", "User:zq": "Zq", "acme x:a": "A"} {
		if _, local, err := Parse(raw, sensitive{testNames()}); err != nil || local != want {
			t.Errorf("Parse(%q) = %q, %v, want %q", raw, local, err, want)
		}
	}
}

func TestSpecial(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		local, name, sub string
		has              bool
	}{
		{"Recentchanges", "recentchanges", "", false},
		{"What links_Here/ACME X:Home/a", "what links here", "ACME X:Home/a", true},
		{"Log/", "log", "", true},
	} {
		name, sub, has := Special(tt.local)
		if name != tt.name || sub != tt.sub || has != tt.has {
			t.Errorf("Special(%q) = %q, %q, %v", tt.local, name, sub, has)
		}
	}
}

func TestCSS(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"Main Page":     "Main_Page",
		"ACME X:Home":   "ACME_X_Home",
		"A. (b)/c!":     "A_b_c",
		"Ünter":         "Ünter",
		"1st":           "_st",
		"a\u00a0b":      "a_b",
		"Version 1.2.3": "Version_1_2_3",
	} {
		if got := CSS(title); got != want {
			t.Errorf("CSS(%q) = %q, want %q", title, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"plan", "acme_x : home", ":User:::1", "e\u0301", "Talk:File:x", "a&amp;b", "ǆ", "ŉa", "a\u200e\u0301", "#x"} {
		f.Add(s)
	}
	names := testNames()
	prefix := map[int]string{0: ":", -2: "Media:", -1: "Special:", 1: "Talk:", 2: "User:", 3: "User talk:", 4: "Project:", 6: "File:", 8: "MediaWiki:", 10: "Template:", 3000: "ACME X:"}
	f.Fuzz(func(t *testing.T, raw string) {
		ns, local, err := Parse(raw, names)
		if err != nil {
			return
		}
		if !utf8.ValidString(local) || strings.ContainsAny(local, "_#<>[]{}|\n") || strings.TrimSpace(local) != local {
			t.Fatalf("Parse(%q) gave %q", raw, local)
		}
		for _, again := range []string{prefix[ns] + local, strings.ToLower(prefix[ns]) + DBKey(local), " _" + prefix[ns] + " " + local + "#x"} {
			ns2, local2, err := Parse(again, names)
			if len(local) <= 255 && err != nil || err == nil && (ns2 != ns || local2 != local) {
				t.Fatalf("Parse(%q) = %d, %q; again as %q: %d, %q, %v", raw, ns, local, again, ns2, local2, err)
			}
		}
		if c := CSS(local); CSS(c) != c {
			t.Fatalf("CSS(%q) = %q, again %q", local, c, CSS(c))
		}
	})
}

func BenchmarkParse(b *testing.B) {
	names := testNames()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Parse("acme_x:Interface_specification", names); err != nil {
			b.Fatal(err)
		}
	}
}

package rules

import (
	"strings"
	"testing"
)

// FuzzTextType: the table takes what package regexp takes.
func FuzzTextType(f *testing.F) {
	for _, s := range [][2]string{
		{`(a|bc)(\.(a|bc)){0,4}`, "a.bc.a"},
		{`[A-Za-z0-9_.-]{0,64}`, "x_y"},
		{`1|1\.0|latest`, "1.0"},
		{`\d+|é*`, "é"},
		{`(?i)ab+$`, "ABb"},
		{`^x|$|y`, ""},
		{`$^`, ""},
		{`\bx`, "x"},
		{`(?m)^a$`, "a"},
		{`.*?(ab)*`, "a\nb"},
		{`[^a]`, "\xff"},
		{`[^\x00-\x{10FFFF}]`, "a"},
		{`(a*)*(b|)`, "aab"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, src, text string) {
		if len(src) > 60 || strings.Contains(src, "{") && len(src) > 30 {
			return
		}
		typ, err := newTextType(src)
		if err != nil {
			return
		}
		for _, s := range []string{text, "", src, text + "\n", strings.ToUpper(text)} {
			if got, want := typ.match(s), typ.re.MatchString(s); got != want {
				t.Errorf("%q of %q: %v, package regexp says %v", s, src, got, want)
			}
		}
	})
}

func TestTextTypeOfShippedProfiles(t *testing.T) {
	for _, name := range ShippedProfiles() {
		p, err := LoadProfile(name)
		if err != nil {
			t.Fatal(err)
		}
		for word, src := range p.Types {
			if src == "digits" {
				continue
			}
			typ, err := newTextType(src)
			if err != nil {
				t.Fatal(err)
			}
			if typ.next == nil && word != "thumb" { // sets of it are many
				t.Errorf("%s: the type %s has no table", name, word)
			}
			t.Logf("%s: %s: %d states of %d classes", name, word, len(typ.accept), typ.classes)
		}
	}
}

func BenchmarkTextType(b *testing.B) {
	p, err := LoadProfile("confluence-dc")
	if err != nil {
		b.Fatal(err)
	}
	typ, err := newTextType(p.Types["expand"])
	if err != nil {
		b.Fatal(err)
	}
	const text = "content.history.lastUpdated"
	b.Run("table", func(b *testing.B) {
		for b.Loop() {
			typ.match(text)
		}
	})
	b.Run("regexp", func(b *testing.B) {
		for b.Loop() {
			typ.re.MatchString(text)
		}
	})
	b.Run("build", func(b *testing.B) {
		for b.Loop() {
			_, _ = newTextType(p.Types["expand"])
		}
	})
}

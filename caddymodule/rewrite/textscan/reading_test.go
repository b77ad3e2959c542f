package textscan

import (
	"strings"
	"testing"

	"github.com/postern-gateway/postern/rules"
)

// TestWindow: where in a long text a name stands, and what it is beside, makes
// no difference.
func TestWindow(t *testing.T) {
	t.Parallel()
	d := Build(small, Rule{})
	o := Options{Visible: func(rules.EntityKind, rules.ID) bool { return false }}
	for _, name := range []string{"Zelda Quill", "KESTRELHOLD", "ff8081815aa0001", "Zel<b>da</b>\nQuill", "Zel&shy;da Quill", "J%C3%BCrgen Groß"} {
		for _, beside := range []string{" ", ". ", " & ", "/", "ü ", "<i> </i>"} {
			for n := range 2 * 64 {
				before, after := strings.Repeat("x", n%7)+strings.Repeat(" ab", n/3)+beside, " "+beside+strings.Repeat("cd, ", 40)
				got, hits, err := d.Scan([]byte("<p>"+before+name+after+"</p>"), HTML, o)
				if err != nil || len(hits) != 1 || !strings.HasPrefix(string(got), "<p>"+before+Placeholder) {
					t.Fatalf("%q after %q: %v, %v, %s", name, before, err, hits, got)
				}
			}
		}
	}
}

// TestWaiting: of many texts and attributes that wait together, those are read
// with care that hold something, in their order.
func TestWaiting(t *testing.T) {
	t.Parallel()
	d := Build(small, Rule{})
	o := Options{Visible: func(rules.EntityKind, rules.ID) bool { return false }}
	var in, want strings.Builder
	const n = 5 * maxWait
	for i := range n {
		name := []string{"Zelda Tulip", "Kestrelhold", "Zelda Quill"}[i%3]
		cut := []string{"Zelda Tulip", Placeholder, Placeholder}[i%3]
		in.WriteString(`<p title="` + name + `">a long <a href="/` + name + `">` + name + "</a></p>\n")
		want.WriteString(`<p title="` + cut + `">a long <a href="/` + cut + `">` + cut + "</a></p>\n")
	}
	got, hits, err := d.Scan([]byte(in.String()), HTML, o)
	if err != nil || string(got) != want.String() || len(hits) != maxHits {
		t.Errorf("%v, %d hits, %.300s", err, len(hits), got)
	}
	in.Reset()
	in.WriteString("<p>" + strings.Repeat("a word <i title=Kestrelhold>or</i> two ", 3*maxAsked) + "Zelda Quill")
	got, _, err = d.Scan([]byte(in.String()), HTML, o)
	if err != nil || strings.Contains(string(got), "Kestrelhold") || !strings.HasSuffix(string(got), "two "+Placeholder) {
		t.Errorf("%v, %.300s", err, got)
	}
}

// TestScanAllocates: no more for a large source than for a small one.
func TestScanAllocates(t *testing.T) {
	d := Build(small, Rule{})
	o := Options{Visible: func(rules.EntityKind, rules.ID) bool { return false }}
	allocs := func(n int) float64 {
		src := []byte(strings.Repeat(`<p class="a b">some text, <b>and</b> more</p>`, n))
		return testing.AllocsPerRun(20, func() { _, _, _ = d.Scan(src, HTML, o) })
	}
	if small, large := allocs(100), allocs(10_000); large > small+5 {
		t.Errorf("%v allocations, %v of what is a hundred times as large", small, large)
	}
}

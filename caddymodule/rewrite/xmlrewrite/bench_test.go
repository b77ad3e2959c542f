package xmlrewrite

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// quick is a judge that costs next to nothing. It hides what ends in "3" or
// has "=3" in it.
type quick struct{}

func (quick) hides(s string) bool { return strings.HasSuffix(s, "3") }

func (q quick) URL(raw string) rules.Link {
	if q.hides(raw) {
		return rules.Link{Fate: rules.FateHide, Kind: rules.Content}
	}
	return rules.Link{}
}

func (q quick) Entity(ref rules.Ref) rules.Decision {
	for i := range ref.Keys {
		if q.hides(ref.Keys[i].Value) {
			return rules.Decision{Verdict: rules.Hidden}
		}
	}
	return rules.Decision{Verdict: rules.Visible}
}

var sizes = []struct {
	name  string
	bytes int
}{{"10KB", 10 << 10}, {"100KB", 100 << 10}, {"1MB", 1 << 20}, {"10MB", 10 << 20}}

// bigFeed is a feed of about n bytes, as wikis write them: RSS with markup in
// strings.
func bigFeed(n int) []byte {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" +
		`<rss xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0"><channel><title>Pages</title><link>https://wiki.example.com</link><description>What is new</description><pubDate>Sun, 01 Feb 2026 10:00:00 GMT</pubDate>` + "\n")
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, `<item><title>Page Number %[1]d</title><link>https://wiki.example.com/pages/viewpage.action?spaceKey=OPEN&amp;pageId=%[1]d</link><pubDate>Sun, 01 Feb 2026 10:%02[2]d:00 GMT</pubDate><guid isPermaLink="false">https://wiki.example.com/pages/viewpage.action?spaceKey=OPEN&amp;pageId=%[1]d</guid><dc:creator>Person Number %[2]d</dc:creator><dc:date>2026-02-01T10:%02[2]d:00Z</dc:date>`+
			`<description>&lt;div class="feed"&gt;    &lt;p&gt;Page &lt;b&gt;edited&lt;/b&gt; by &lt;a href="https://wiki.example.com/display/~user%[2]d"&gt;Person Number %[2]d&lt;/a&gt;&lt;/p&gt;&lt;p&gt;What was agreed with the suppliers in spring, and by when it is to be done and checked; see the plan of the second quarter.&lt;/p&gt;&lt;/div&gt;</description></item>`+"\n", 66000+i, i%40)
	}
	b.WriteString(`</channel></rss>`)
	return []byte(b.String())
}

func quickInput() Input {
	return Input{
		Judge: quick{}, Texts: map[string]string{"hidden_user": "Hidden person"},
		Inner: func(_ string, src []byte) ([]byte, error) { return src, nil },
	}
}

func shipped(tb testing.TB) *Program {
	tb.Helper()
	profile, err := rules.LoadProfile("confluence-dc")
	if err != nil {
		tb.Fatal(err)
	}
	p, err := Compile(profile)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// BenchmarkShipped is the rewriter alone, with the shipped Confluence profile
// and a judge that costs nothing. BenchmarkEncodingXML is its peer, which only
// reads.
func BenchmarkShipped(b *testing.B) {
	p, in := shipped(b), quickInput()
	benchSizes(b, func(dst, src []byte) error {
		_, _, err := p.Rewrite(dst, src, in)
		return err
	})
}

func BenchmarkEncodingXML(b *testing.B) {
	benchSizes(b, func(_, src []byte) error {
		d := xml.NewDecoder(bytes.NewReader(src))
		for {
			if _, err := d.RawToken(); err != nil {
				return nil
			}
		}
	})
}

func benchSizes(b *testing.B, f func(dst, src []byte) error) {
	b.Helper()
	for _, size := range sizes {
		src := bigFeed(size.bytes)
		dst := make([]byte, 0, len(src)+1024)
		b.Run(size.name, func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				if err := f(dst, src); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// hostile are documents made to cost more than their size, n bytes or so each.
var hostile = []struct {
	name string
	make func(n int) string
}{
	{"entries within entries", func(n int) string {
		deep := strings.Repeat("<item>", 100) + strings.Repeat("</item>", 100)
		return `<rss version="2.0">` + strings.Repeat(deep, n/len(deep)+1) + `</rss>`
	}},
	{"empty elements", func(n int) string { return "<rss>" + strings.Repeat("<a/>", n/4) + "</rss>" }},
	{"comments", func(n int) string { return "<rss><channel>" + strings.Repeat("<!---->", n/7) + "</channel></rss>" }},
	{"sections", func(n int) string {
		return "<rss><item><link>/a</link><title>" + strings.Repeat("<![CDATA[a]]>", n/13) + "</title></item></rss>"
	}},
	{"ampersands", func(n int) string {
		return "<rss><item><link>/a</link><title>" + strings.Repeat("&amp;", n/5) + "</title></item></rss>"
	}},
	{"brackets", func(n int) string { return "<rss><title>" + strings.Repeat("]", n) + "</title></rss>" }},
	{"attributes", func(n int) string {
		var b strings.Builder
		for b.Len() < n {
			b.WriteString("<a")
			for i := range 200 {
				fmt.Fprintf(&b, " b%d='c'", i)
			}
			b.WriteString("/>")
		}
		return "<rss>" + b.String() + "</rss>"
	}},
	{"space before what goes", func(n int) string {
		return "<rss>" + strings.Repeat(" ", n/2) + "<a/>" + strings.Repeat(" ", n/2) + "<a/></rss>"
	}},
	{"persons", func(n int) string {
		return "<rss><author>" + strings.Repeat("<name>x3</name>", n/15) + "</author></rss>"
	}},
	{"an attribute that does not end", func(n int) string { return `<rss version="` + strings.Repeat("a", n) }},
}

// TestAllocations: a feed of any size costs the same few, a hostile document
// not many more.
func TestAllocations(t *testing.T) {
	p, in := shipped(t), quickInput()
	allocs := func(src []byte) float64 {
		dst := make([]byte, 0, 2*len(src)+1024)
		return testing.AllocsPerRun(4, func() { _, _, _ = p.Rewrite(dst, src, in) })
	}
	for _, size := range [...]int{10 << 10, 100 << 10, 1 << 20, 10 << 20} {
		if n := allocs(bigFeed(size)); n > 48 {
			t.Errorf("%d bytes: %v allocations", size, n)
		}
	}
	for _, h := range hostile {
		if small, large := allocs([]byte(h.make(8<<10))), allocs([]byte(h.make(128<<10))); large > small+96 {
			t.Errorf("%s: %v allocations for 8 KB, %v for 128 KB", h.name, small, large)
		}
	}
}

// BenchmarkHostile shows by its bytes per second that time grows as the size.
func BenchmarkHostile(b *testing.B) {
	p, in := shipped(b), quickInput()
	for _, h := range hostile {
		for _, n := range []int{10 << 10, 100 << 10, 1 << 20} {
			src := []byte(h.make(n))
			dst := make([]byte, 0, 2*len(src)+1024)
			b.Run(fmt.Sprintf("%s/%dKB", strings.ReplaceAll(h.name, " ", "-"), n>>10), func(b *testing.B) {
				b.SetBytes(int64(len(src)))
				for b.Loop() {
					_, _, _ = p.Rewrite(dst, src, in)
				}
			})
		}
	}
}

var _ edit.Judge = quick{}

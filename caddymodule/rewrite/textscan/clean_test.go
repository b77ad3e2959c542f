package textscan

import (
	"fmt"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/rules"
)

// linkedPage is realPage with what links of a wiki carry: the address of the
// site and the people of a team again and again, the ids and URLs of pages that
// differ.
func linkedPage(size int) []byte {
	var b strings.Builder
	text := strings.SplitAfter(string(realPage(size*9/10)), "\n")
	for i, line := range text {
		b.WriteString(line)
		if i%4 == 0 && i < len(text)-2 {
			fmt.Fprintf(&b, `<p><a class="userlink" data-username="bo%d" href="/display/~bo%d">Bo</a> wrote `, i%12, i%12)
			fmt.Fprintf(&b, `<a href="/pages/viewpage.action?pageId=%d" data-linked-resource-id="%d" data-base-url="https://wiki.example">one</a>`, 8000000+i, 8000000+i)
			fmt.Fprintf(&b, `, see https://wiki.example/display/ACME/Page+%d &amp; more.</p>`+"\n", i)
		}
	}
	return []byte(b.String())
}

// linkedOptions look for people and URLs as those of a wiki do.
func linkedOptions(tb testing.TB) Options {
	ids, err := CompileIdentities([]rules.IdentityPattern{
		{Name: "user-key", Match: `\b(ff80[0-9a-f]{28})\b`, Attr: "user.key"},
		{Name: "personal", Match: `/(?:display|spaces)/~([A-Za-z0-9._@+-]+)`, Attr: "user.name"},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return Options{
		Visible:    func(rules.EntityKind, rules.ID) bool { return true },
		Identities: ids, VisibleIdentity: func(_ rules.Attr, v string) bool { return v != "zquill" },
		URLs:       NewURLShape([]string{"wiki.example"}, []string{"/display/", "/x/"}),
		VisibleURL: func(url string) bool { return !strings.Contains(url, "/HR/") },
	}
}

// The memory that a scan takes doesn't grow with the answer.
func TestAllocations(t *testing.T) { // not parallel: it counts
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	d, o := Build(small, Rule{}), linkedOptions(t)
	allocs := func(size int) float64 {
		src := linkedPage(size)
		return testing.AllocsPerRun(20, func() {
			out, hits, err := d.Scan(src, HTML, o)
			if err != nil || len(hits) > 0 || &out[0] != &src[0] {
				t.Errorf("%d hits, %v", len(hits), err)
			}
		})
	}
	few, many := allocs(100_000), allocs(1_000_000)
	if many > few+64 {
		t.Errorf("%v allocations for 100 KB, %v for 1 MB", few, many)
	}
	t.Logf("%v allocations for 100 KB, %v for 1 MB", few, many)
}

// What is spelled as something that was found clean is only passed over where it
// is read in the same way.
func TestAgain(t *testing.T) {
	t.Parallel()
	d := Build(small, Rule{})
	tests := []struct {
		name string
		f    Format
		in   string
		want string
	}{
		{"an id, first where ids are not looked for", HTML, `<p title="7000201" data-x="7000201" title="7000201" data-y="7000201">7000201</p>`, `<p title="7000201" data-x="[…]" title="7000201" data-y="[…]">7000201</p>`},
		{"a person, each time", HTML, strings.Repeat(`<a href="/display/~bo">x</a><a href="/display/~zquill">y</a>`, 3), strings.Repeat(`<a href="/display/~bo">x</a><a href="/display/~[…]">y</a>`, 3)},
		{"a URL, each time", JSON, strings.Repeat(`"https://wiki.example/display/ACME/x","https://wiki.example/display/HR/x",`, 3), strings.Repeat(`"https://wiki.example/display/ACME/x","[…]",`, 3)},
		{"within another URL and by itself", JSON, `["https://wiki.example/login?to=\u003ca href='https://wiki.example/display/HR/x'>","https://wiki.example/display/HR/x"]`, `["https://wiki.example/login?to=\u003ca href='[…]'>","[…]"]`},
		{"as a comment and as a value", HTML, `<!--Zel&#100;a Quill--><p title="Zel&#100;a Quill">`, `<!--[…]--><p title="[…]">`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := linkedOptions(t)
			o.Visible = func(rules.EntityKind, rules.ID) bool { return false }
			got, _, err := d.Scan([]byte(tt.in), tt.f, o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// BenchmarkLinked scans pages with links, people and ids in them.
func BenchmarkLinked(b *testing.B) {
	d, o := Build(small, Rule{}), linkedOptions(b)
	for _, size := range []int{100_000, 1_000_000} {
		src := linkedPage(size)
		b.Run(fmt.Sprintf("%dKB", size/1000), func(b *testing.B) {
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := d.Scan(src, HTML, o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

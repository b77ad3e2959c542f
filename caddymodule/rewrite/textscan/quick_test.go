package textscan

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"github.com/postern-gateway/postern/rules"
)

type records struct {
	rules.Facts
	users    []rules.UserRecord
	contents []rules.ContentRecord
}

func (f *records) Users() []rules.UserRecord       { return f.users }
func (f *records) Groups() []rules.GroupRecord     { return nil }
func (f *records) Spaces() []rules.SpaceRecord     { return nil }
func (f *records) Contents() []rules.ContentRecord { return f.contents }
func (f *records) FindContent(_ rules.Attr, v string, _ rules.ID) (rules.ID, bool) {
	return 0, v == "7000201"
}

var small = &records{
	users: []rules.UserRecord{{Username: "zquill", Key: "ff8081815aa0001", Email: "zelda@corp.example", DisplayName: "Zelda Quill"}, {DisplayName: "Jürgen Groß"}},
	contents: []rules.ContentRecord{
		{ID: "7000201", Title: "Mikado Takeover"},
		{ID: "2", Title: "Gizmo"},
		{ID: "3", Title: "Gizmo Mikado Takeover Plan"},
		{ID: "4", Title: "東京計画書"},
		{ID: "5", Title: "Kestrelhold"},
		{ID: "6", Title: "a b c d e f g h i j k Kestrel m n"},
	},
}

// FuzzQuick: what is passed over is what careful reading finds nothing in.
func FuzzQuick(f *testing.F) {
	ids, err := CompileIdentities([]rules.IdentityPattern{
		{Name: "home", Match: `~([a-z.]+)`, Attr: "user.name"},
		{Name: "key", Match: `\b(ff80[0-9a-f]{11})\b`, Attr: "user.key"},
		{Name: "avatar", Match: `/files/([0-9]+)/user-avatar`, Attr: "user.avatar"},
	})
	if err != nil {
		f.Fatal(err)
	}
	mail, _ := AtDomains([]string{"corp.example"})
	d := Build(small, Rule{})
	urls := NewURLShape([]string{"wiki.example", "*.corp.example"}, []string{"/display/", "/x/"})
	for _, s := range []string{
		`<p title="Zelda Quill">Zel<b>da</b> Quill &amp; %41 <!-- x --><script>"\u005a"</script><br>J.C3.BCrgen_Gro.C3.9F`,
		`{"a":"Zelda Quill \"<b>\" &lt;i&gt; Mikado\nTakeover","b":"J.C3.BCrgen Gro.C3.9F \/files\/12\/user-avatar"}`,
		"<![CDATA[ Mikado Takeover ]]>\xff\x00 Zelda\u00a0QUILL これは東京計画書です", `<a data-id="7000201" href="/x/%7Ejdoe?a=zelda%40corp.example">ff8081815aa0001</a>`,
		"<p>" + strings.Repeat("a longer text, of words that nobody is called by. ", 3) + "Zelda <i title='Gizmo Mikado Takeover Plan'>Quill</i> &amp; " + strings.Repeat("and on it goes; ", 9),
		"a b c d e f g h i j k kestrel m", `<p title="see /x/ab">at https:&#47;&#47;wiki.example/<b>display</b>/X/%41 (//a.corp.example?x) <a href="/display/a">x</a>Zelda Quill</p>/display/Y`,
		`{"a":"https:\/\/wiki.example\/x\/ab, https%3A%2F%2Fwiki.example%2Fx","b":"<p>/display/X</p>"}`, "Ｚｅｌｄａ Qui\u00adll x@@@hl@@@y",
	} {
		f.Add([]byte(s), uint8(1))
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, src []byte, form uint8) {
		o := Options{
			Visible:    func(k rules.EntityKind, id rules.ID) bool { return k == rules.Content && id == 1 },
			Identities: append(ids, mail), Marks: []string{"@@@hl@@@"},
			VisibleIdentity: func(_ rules.Attr, v string) bool { return v == "bo" },
			URLs:            urls, VisibleURL: func(u string) bool { return len(u)%3 == 0 },
		}
		got, hits, err := d.Scan(src, Format(form%4), o)
		o.careful = true
		want, wantHits, wantErr := d.Scan(src, Format(form%4), o)
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("%v, with care %v", err, wantErr)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("with care (-), quickly (+):\n%s", diff)
		}
		if diff := cmp.Diff(wantHits, hits); diff != "" {
			t.Error(diff)
		}
	})
}

// vocabulary makes n different words; the first ones are short, and common.
func vocabulary(n int) []string {
	rnd := rand.New(rand.NewPCG(5, 6))
	out, seen := make([]string, 0, n), map[string]bool{}
	for len(out) < n {
		w := make([]byte, 2+rnd.IntN(3)+min(6, len(out)/100))
		for i := range w {
			w[i] = "etaoinshrdlucmfwypvbgk"[min(rnd.IntN(22), rnd.IntN(22))]
		}
		if !seen[string(w)] {
			seen[string(w)] = true
			out = append(out, string(w))
		}
	}
	return out
}

// large is a directory of 100,000 users and 1.1 million pages, 1.6 million
// identities, of words as they are distributed in texts. (A title is taken in a
// second time in one piece.)
func large() *records {
	rnd := rand.New(rand.NewPCG(1, 2))
	words := vocabulary(60000)
	zipf := rand.NewZipf(rnd, 1.1, 4, uint64(len(words)-1))
	f := &records{}
	for i := range 100_000 {
		first, last := words[zipf.Uint64()], words[rnd.IntN(len(words))]
		f.users = append(f.users, rules.UserRecord{
			Username: fmt.Sprintf("%s.%s%d", first, last, i), Key: fmt.Sprintf("ff8080810%023x", i), AccountID: fmt.Sprintf("557058:%08x-0000-4000-8000-%012x", i*7, i),
			Email: fmt.Sprintf("%s.%s%d@corp.example", first, last, i), DisplayName: first + " " + last,
		})
	}
	for i := range 1_100_000 {
		n := 2 + rnd.IntN(5)
		title := make([]string, n)
		for k := range title {
			title[k] = words[zipf.Uint64()]
		}
		title[rnd.IntN(n)] = words[rnd.IntN(len(words))] // what it is about
		if rnd.IntN(3) == 0 {
			title[n-1] = fmt.Sprint(rnd.IntN(100000))
		}
		f.contents = append(f.contents, rules.ContentRecord{ID: fmt.Sprint(i), Title: strings.Join(title, " ")})
	}
	return f
}

// realPage is a page of about size bytes, of the words that titles are of.
func realPage(size int) []byte {
	rnd := rand.New(rand.NewPCG(3, 4))
	words := vocabulary(60000)
	zipf := rand.NewZipf(rnd, 1.1, 4, uint64(len(words)-1))
	var b bytes.Buffer
	b.WriteString(`<!DOCTYPE html><html><head><title>x</title></head><body class="theme-default view">`)
	for b.Len() < size {
		switch rnd.IntN(6) {
		case 0:
			fmt.Fprintf(&b, `<li class="child-item"><span class="icon aui-icon content-type-page" title="Page"></span><a href="/display/ACME/%s+%s" data-linked-resource-type="page">%s %s</a></li>`+"\n",
				words[zipf.Uint64()], words[zipf.Uint64()], words[zipf.Uint64()], words[zipf.Uint64()])
		case 1:
			fmt.Fprintf(&b, `<tr><td class="confluenceTd">%s</td><td colspan="1" class="confluenceTd"><strong>%s</strong>&nbsp;</td></tr>`+"\n", words[zipf.Uint64()], words[zipf.Uint64()])
		default:
			b.WriteString("<p>")
			for range 20 + rnd.IntN(60) {
				b.WriteString(words[zipf.Uint64()])
				b.WriteString([]string{" ", " ", " ", ", ", ". ", " <em>", "</em> "}[rnd.IntN(7)])
			}
			b.WriteString("</p>\n")
		}
	}
	b.WriteString("</body></html>")
	return b.Bytes()
}

func BenchmarkLarge(b *testing.B) {
	f := large()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	d := Build(f, Rule{})
	runtime.GC()
	runtime.ReadMemStats(&after)
	perName := float64(after.HeapAlloc-before.HeapAlloc) / float64(d.Len())
	for _, hide := range []string{"all visible", "all hidden"} {
		o := Options{Visible: func(rules.EntityKind, rules.ID) bool { return hide == "all visible" }}
		for _, size := range []int{10 << 10, 100 << 10, 1 << 20} {
			src := realPage(size)
			b.Run(fmt.Sprintf("%s/%dKB", hide, size>>10), func(b *testing.B) {
				b.SetBytes(int64(len(src)))
				b.ReportAllocs()
				hits := 0
				for b.Loop() {
					_, h, err := d.Scan(src, HTML, o)
					if err != nil {
						b.Fatal(err)
					}
					hits = len(h)
				}
				b.ReportMetric(float64(hits), "hits")
				b.ReportMetric(perName, "B/name")
				b.ReportMetric(float64(d.Len()), "names")
			})
		}
	}
}

// BenchmarkPeer reads the pages of BenchmarkLarge in the ways that come to mind.
func BenchmarkPeer(b *testing.B) {
	src, known := realPage(100<<10), map[string]bool{"kestrel": true}
	b.Run("NetHTML", func(b *testing.B) {
		b.SetBytes(int64(len(src)))
		for b.Loop() {
			z := html.NewTokenizer(bytes.NewReader(src))
			for z.Next() != html.ErrorToken {
			}
		}
	})
	b.Run("FieldsMap", func(b *testing.B) {
		b.SetBytes(int64(len(src)))
		found := 0
		for b.Loop() {
			for w := range bytes.FieldsSeq(src) {
				if known[string(w)] {
					found++
				}
			}
		}
		b.ReportMetric(float64(found), "found")
	})
}

package edit

import (
	"html"
	"strings"
	"testing"
)

var (
	xmlText  = Escapes{Must: map[byte]string{'&': "&amp;", '<': "&lt;"}, Rather: map[byte]string{'>': "&gt;", '\r': "&#13;"}}
	htmlAttr = Escapes{Must: map[byte]string{'&': "&amp;", '"': "&quot;"}}
)

// TestRespell: what is left of a text is spelt as it was.
func TestRespell(t *testing.T) {
	for _, tt := range []struct {
		name, raw, v, want string
		esc                *Escapes
	}{
		{"as the escaper does", `&lt;p&gt;a&lt;/p&gt;&lt;i&gt;x`, "<p>a</p>", `&lt;p&gt;a&lt;/p&gt;`, &xmlText},
		{"quotes too", `&lt;a b=&quot;c&quot;&gt;`, `<a b="c">`, `&lt;a b=&quot;c&quot;&gt;`, &xmlText},
		{"quotes by number", `a=&#34;c&#34; it&#x27;s x`, `it's "c"`, `it&#x27;s &#34;c&#34;`, &xmlText},
		{"plain >", `&lt;p>a&lt;/p>x`, "<p>a</p>", `&lt;p>a&lt;/p>`, &xmlText},
		{"no end of CDATA", `a>]]x`, "]]>", `]]&gt;`, &xmlText},
		{"references beyond ASCII", `caf&#233; &#xe4; x`, "é ä", `&#233; &#xe4;`, &xmlText},
		{"numbers that HTML takes for others", `&#133;x`, "…", `…`, &xmlText},
		{"never plain", `a & b " <`, `& <"`, `&amp; <&quot;`, &htmlAttr},
		{"JSON in an attribute", `{&quot;a&quot;:1,&quot;b&quot;:2}`, `{"a":1}`, `{&quot;a&quot;:1}`, &htmlAttr},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(Respell(nil, tt.raw, tt.v, tt.esc)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// FuzzRespell: what is spelt anew is read as itself.
func FuzzRespell(f *testing.F) {
	f.Add("&lt;p>&amp;amp; &#233;é", "<é&>\"'")
	f.Fuzz(func(t *testing.T, raw, v string) {
		raw, v = strings.ToValidUTF8(raw, ""), strings.ToValidUTF8(v, "")
		got := string(Respell(nil, raw, v, &xmlText))
		if html.UnescapeString(got) != v {
			t.Errorf("%q, spelt as %q, is %q, read as %q", v, raw, got, html.UnescapeString(got))
		}
		if strings.ContainsAny(got, "<") {
			t.Errorf("%q holds markup", got)
		}
	})
}

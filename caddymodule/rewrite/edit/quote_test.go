package edit

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestRequote: a string of which something is cut is spelt as it was, so that
// its spelling does not tell.
func TestRequote(t *testing.T) {
	for _, tt := range []struct{ name, raw, v, want string }{
		{"raw markup", `<p>a</p><b>x</b>`, "<p>a</p>", `<p>a</p>`},
		{"escaped markup", `\u003cp\u003ea\u003c/p\u003e<`, "<p>a</p>", `\u003cp\u003ea\u003c/p\u003e`},
		{"capital digits", `\u003Cp>\u00E9\u003C/p>`, "<p>é</p>", `\u003Cp>\u00E9\u003C/p>`},
		{"slashes behind tags alone", `<a href=\"/x/y\">a<\/a><i><\/i>`, `<a href="/x/y">a</a>`, `<a href=\"/x/y\">a<\/a>`},
		{"all slashes", `<a href=\"\/x\">a<\/a>`, `<a href="/x">a</a>`, `<a href=\"\/x\">a<\/a>`},
		{"quotes by number", `\u0022a\u0022 b`, `"a"`, `\u0022a\u0022`},
		{"controls", `a\nb\tc\u000ad`, "a\nb\tc", `a\nb\tc`},
		{"beyond the basic plane", `\ud83d\ude00 x é`, "😀", `\ud83d\ude00`},
		{"plain beyond ASCII", `😀 x é`, "😀é", `😀é`},
		{"what stood nowhere", `abc`, "<&>\u2028\"", `\u003c\u0026\u003e\u2028\"`},
		{"no end of a script by cutting", `a<\u0000x</b>`, "a</script>", `a\u003c/script\u003e`},
		{"an end of a script that was there", `</script>x`, "</script>", `</script>`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := string(Requote(nil, []byte(tt.raw), []byte(tt.v)))
			if got != `"`+tt.want+`"` {
				t.Errorf("got %s, want \"%s\"", got, tt.want)
			}
			var back string
			if err := json.Unmarshal([]byte(got), &back); err != nil || back != tt.v {
				t.Errorf("%s is read as %q (%v), want %q", got, back, err, tt.v)
			}
		})
	}
}

// FuzzRequote: a value that is spelt anew is itself, and one from which nothing
// was cut is spelt as it stood, if that spelt everything in one way.
func FuzzRequote(f *testing.F) {
	f.Add(`<p>\u003c \/x "é`, "<p>x</p>")
	f.Add(`\ud83d\ude00\u000A`, "😀\n")
	f.Fuzz(func(t *testing.T, raw, v string) {
		var was string
		if strings.ContainsAny(raw, "\"\ufffd") || json.Unmarshal([]byte(`"`+raw+`"`), &was) != nil {
			raw = ""
		}
		v = strings.ToValidUTF8(v, "")
		var back string
		got := Requote(nil, []byte(raw), []byte(v))
		if err := json.Unmarshal(got, &back); err != nil || back != v {
			t.Errorf("%s is read as %q (%v), want %q", got, back, err, v)
		}
	})
}

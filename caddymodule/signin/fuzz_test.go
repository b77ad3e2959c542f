package signin

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzTarget: whatever comes in, what goes out is a path of the site that a
// browser reads as one, and reading it again changes nothing.
func FuzzTarget(f *testing.F) {
	for _, s := range []string{"/", "/a?b=c", "//x", `/\x`, "/%2f/x", "/a/../b", "/%5cx", "/.postern/x", "/a%00", "/?//", "https://x/", "/;@x"} {
		f.Add(s)
	}
	site, _ := url.Parse("https://extranet.acme.example/some/page")
	f.Fuzz(func(t *testing.T, raw string) {
		got := cleanTarget(raw, DefaultPrefix)
		if again := cleanTarget(got, DefaultPrefix); again != got {
			t.Errorf("%q became %q, then %q", raw, got, again)
		}
		u, err := site.Parse(got)
		if err != nil || u.Host != site.Host || u.Scheme != "https" || u.User != nil {
			t.Fatalf("%q became %q, which leads to %v", raw, got, u)
		}
		if !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t #") || strings.HasPrefix(u.Path, DefaultPrefix+"/") {
			t.Errorf("%q became %q", raw, got)
		}
	})
}

// FuzzFind compares our reading of cookies with the standard library's: what
// we take as ours, it takes too, once.
func FuzzFind(f *testing.F) {
	good := strings.Repeat("A", 43)
	for _, s := range []string{"", "postern=" + good, "a=b; postern=" + good, "postern=" + good + "; postern=x", "postern", ";;=;", " postern = " + good} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		h := http.Header{"Cookie": {line}}
		value, n := find(h, "postern")
		std := (&http.Request{Header: h}).CookiesNamed("postern")
		if len(std) > n {
			t.Errorf("%q: the library finds %d, we %d", line, len(std), n)
		}
		if value != "" && n == 1 && len(std) == 1 && std[0].Value != value {
			t.Errorf("%q: %q and %q", line, value, std[0].Value)
		}
		if value != "" && !isSecret(value) {
			t.Errorf("%q: value %q", line, value)
		}
	})
}

// FuzzClaims: claims that we read, the standard library reads to the same
// values; what it can't read, we refuse.
func FuzzClaims(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":1}`, `{"a":1,"a":2}`, `{"a":{"a":[null]}}`, `[]`, `{"a":1}x`, `{"a":1`, `{"\u0061":1,"a":2}`, "{\"\xff\":1}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := readClaims(b)
		var std map[string]json.RawMessage
		stdErr := json.Unmarshal(b, &std)
		if err != nil {
			return
		}
		if stdErr != nil {
			t.Fatalf("%q: we read what the library refuses: %v", b, stdErr)
		}
		if len(c) != len(std) {
			t.Fatalf("%q: %d claims, the library has %d", b, len(c), len(std))
		}
		for k, v := range std {
			if strings.TrimSpace(string(c[k])) != strings.TrimSpace(string(v)) {
				t.Errorf("%q: %q is %q and %q", b, k, c[k], v)
			}
		}
		if _, f := (ClaimNames{"email", "email_verified", "groups", "a.b", "name"}).identity("s", c, nil); f != nil && f.result != overageResult {
			t.Errorf("%q: %v", b, f)
		}
	})
}

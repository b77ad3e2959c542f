package textscan

import (
	"regexp"
	"testing"
)

// FuzzPrefilter: a text in which a pattern matches is never passed over.
func FuzzPrefilter(f *testing.F) {
	for _, p := range []string{`\b(2c9[0-9a-f]{29}|8a[8a-c][0-9a-f]{29})\b`, `/(?:display|spaces)/~([A-Za-z0-9._@+-]+)`, `(?i)user:([^|]+)`, `a|`, `x{2,5}y?`, `é+`, `(?i)[a-z]+@(?:corp\.example)`} {
		f.Add(p, "/display/~zq 2c9d42c604ecbf1c96a51b6267721834 USER:x é xxxy")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		re, err := regexp.Compile(pattern)
		if err != nil {
			t.Skip()
		}
		p, err := newPrefilter(pattern)
		if err != nil {
			t.Fatalf("%q compiles but has no prefilter: %v", pattern, err)
		}
		if re.MatchString(text) && !p.admits([]byte(text)) {
			t.Errorf("%q matches %q, and is passed over: %+v", pattern, text, p)
		}
	})
}

// TestPrefilterMail: addresses are looked for where there is an at sign.
func TestPrefilterMail(t *testing.T) {
	t.Parallel()
	for _, domains := range [][]string{{"corp.example"}, {"corp.example", "acme.test"}} {
		id, ok := AtDomains(domains)
		if !ok || string(id.pre.literal) != "@" {
			t.Errorf("%v: %q", domains, id.pre.literal)
		}
		if !id.pre.admits([]byte("X@CORP.EXAMPLE")) || id.pre.admits([]byte("a long text of words. And more")) {
			t.Errorf("%v: %+v", domains, id.pre)
		}
	}
}

package rules

import (
	"strings"
	"testing"
)

func TestURLOfSpace(t *testing.T) {
	t.Parallel()
	s := &SpaceRecord{Key: "~a/b?c", ID: "7", Name: "{key} & d"}
	for pattern, want := range map[string]string{
		"":                      "",
		"/display/{key}":        "/display/~a%2Fb%3Fc",
		"/w?title=x&n={id}":     "/w?title=x&n=7",
		"/w?n={name}":           "/w?n=%7Bkey%7D+%26+d",
		"/{id}/{key}?by={name}": "/7/~a%2Fb%3Fc?by=%7Bkey%7D+%26+d",
	} {
		p := &Profile{SpaceURL: pattern}
		if got := p.URLOfSpace(s); got != want {
			t.Errorf("%q: %q, want %q", pattern, got, want)
		}
		if got := p.URLOfSpace(&SpaceRecord{}); got != "" {
			t.Errorf("%q of a space without a name: %q", pattern, got)
		}
	}
	for _, bad := range []string{"display/{key}", "//evil.example/{key}", "/display", "/display/{keys}", "https://x/{key}", "/{key", "/{key}}"} {
		if _, err := ParseProfile("p.yaml", []byte("profile: p\nspace_url: \""+bad+"\"\n")); err == nil || !strings.Contains(err.Error(), "p.yaml:2") || !strings.Contains(err.Error(), "space_url") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

package mwtest

import (
	"encoding/base64"
	"testing"
)

func TestScanner(t *testing.T) {
	s := NewScanner([]Token{{Word: "vorqualdim", Kind: TokenTitle, Where: "x"}})
	for _, tt := range []struct {
		name, body string
		echo       []string
		want       bool
	}{
		{"plain", "a Vorqualdim b", nil, true},
		{"within", "page-ns_Vorqualdim_x", nil, true},
		{"entities", "Vor&#113;ualdim", nil, true},
		{"twice", "Vor&amp;#113;ualdim", nil, true},
		{"percent", "%56orqualdim", nil, true},
		{"percent in entities", "&#37;56orqualdim", nil, true},
		{"json", `"\u0056orqualdim"`, nil, true},
		{"tags", "Vor<ins class=x>qual</ins>dim", nil, true},
		{"soft", "Vor\u00adqualdim", nil, true},
		{"base64", base64.StdEncoding.EncodeToString([]byte("the Vorqualdim page")), nil, true},
		{"echo", "no hits for Vorqualdim", []string{"vorqualdim"}, false},
		{"clean", "nothing here", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := s.Scan([]byte(tt.body), tt.echo...); (len(got) > 0) != tt.want {
				t.Errorf("leaks = %v, want some: %v", got, tt.want)
			}
		})
	}
}

func TestWorldSize(t *testing.T) {
	w := NewWorld(7, 1_700_000_000)
	live := 0
	words := map[string]bool{}
	for _, p := range w.Pages {
		if !p.Deleted {
			live++
		}
		for _, k := range p.Tokens {
			if words[k.Word] {
				t.Errorf("token %q is borne twice", k.Word)
			}
			words[k.Word] = true
		}
	}
	if live < 150 || len(w.People) < 30 || len(w.Namespaces) < 8 {
		t.Errorf("%d pages, %d people, %d namespaces", live, len(w.People), len(w.Namespaces))
	}
	s := Sight{Space: func(n string) bool { return n == "" || n == "ACME Portal" || n == "Handbook" }, Person: func(string) bool { return false }}
	visible := 0
	for _, p := range w.Pages {
		if w.Visible(p, s) && !p.Deleted {
			visible++
		}
	}
	if visible < 40 || len(w.Secrets(s)) < 300 {
		t.Errorf("%d visible pages, %d secrets", visible, len(w.Secrets(s)))
	}
}

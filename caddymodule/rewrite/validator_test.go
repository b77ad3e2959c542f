package rewrite

import (
	"bytes"
	"testing"
)

// TestValidator: a validator says which key, type and bytes, and nothing else.
// The values are written down, since clients keep them for longer than a process
// or a version of this one lasts.
func TestValidator(t *testing.T) {
	key := bytes.Repeat([]byte("k"), 32)
	v, err := newValidator(key)
	if err != nil {
		t.Fatal(err)
	}
	other, err := newValidator(bytes.Repeat([]byte("l"), 32))
	if err != nil {
		t.Fatal(err)
	}
	slow, err := newValidator(key)
	if err != nil {
		t.Fatal(err)
	}
	slow.hash = nil // as where FIPS 140 modes alone are allowed
	page := bytes.Repeat([]byte("<p>fine</p>"), 9000)
	longer := append(bytes.Clone(page), 0)
	seen := map[string]string{}
	for _, c := range []struct {
		name string
		v    *validator
		typ  string
		body []byte
		want string
	}{
		{"empty", v, "", nil, `"jaa5-eO9evQbg5z4wpbIO3Lb"`},
		{"page", v, "text/html", page, `"Je84dJ4ah8ke01IBgvbH_rs6"`},
		{"without its hash", slow, "text/html", page, `"ZX9kStqKMnMunL-tUbak1R4u"`},
		{"of another type", v, "text/plain", page, ""},
		{"a zero longer", v, "text/html", longer, ""},
		{"a zero in its type", v, "text/html\x00", page, ""},
		{"by another key", other, "text/html", page, ""},
		{"without its hash, of another type", slow, "text/plain", page, ""},
	} {
		got := c.v.of(c.typ, c.body)
		if again := c.v.of(c.typ, c.body); again != got {
			t.Errorf("%s: %s, then %s", c.name, got, again)
		}
		if c.want != "" && got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		if as, ok := seen[got]; ok {
			t.Errorf("%s: as %s", c.name, as)
		}
		seen[got] = c.name
	}
	if n := testing.AllocsPerRun(100, func() { v.of("text/html", page) }); n > 1 {
		t.Errorf("%v allocations for one validator", n)
	}
}

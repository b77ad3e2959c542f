package cursor_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/cursor"
)

func newSealer(t testing.TB, key string) *cursor.Sealer {
	t.Helper()
	s, err := cursor.New([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	oneKey     = "0123456789abcdef0123456789abcdef"
	anotherKey = "0123456789abcdef0123456789abcdeg"
)

func seal(t testing.TB, s *cursor.Sealer, context, text string) string {
	t.Helper()
	token, ok := s.Seal(context, text)
	if !ok {
		t.Fatalf("%d bytes can't be sealed", len(text))
	}
	return token
}

// TestSeal: a token opens under its own context and key, and nowhere else.
func TestSeal(t *testing.T) {
	t.Parallel()
	s, other, twin := newSealer(t, oneKey), newSealer(t, anotherKey), newSealer(t, oneKey)
	for _, text := range []string{"", "0", "Plan", "Ünïcode|12", "with\x80mark\x00", strings.Repeat("x", 191), strings.Repeat("x", 192), strings.Repeat("x", cursor.MaxText)} {
		token := seal(t, s, "context", text)
		if got, err := twin.Open("context", token); err != nil || got != text {
			t.Errorf("%.20q: opened as %.20q, %v", text, got, err)
		}
		if !cursor.Is(token) {
			t.Errorf("%.20q: the token is not taken for one", text)
		}
		if again := seal(t, twin, "context", text); again != token {
			t.Errorf("%.20q: two tokens for one place", text)
		}
		if seal(t, s, "contexT", text) == token || seal(t, other, "context", text) == token {
			t.Errorf("%.20q: context or key makes no difference", text)
		}
		for name, open := range map[string]func() (string, error){
			"context": func() (string, error) { return s.Open("contexT", token) },
			"key":     func() (string, error) { return other.Open("context", token) },
			"cut":     func() (string, error) { return s.Open("context", token[:len(token)-1]) },
			"longer":  func() (string, error) { return s.Open("context", token+"A") },
			"line":    func() (string, error) { return s.Open("context", token[:20]+"\n"+token[20:]) },
			"version": func() (string, error) { return s.Open("context", "pc2."+token[4:]) },
			"plain":   func() (string, error) { return s.Open("context", text) },
		} {
			if got, err := open(); !errors.Is(err, cursor.ErrForeign) || got != "" {
				t.Errorf("%.20q: wrong %s: opened as %.20q, %v", text, name, got, err)
			}
		}
	}
}

// TestLength: tokens of short names are of one length.
func TestLength(t *testing.T) {
	t.Parallel()
	s := newSealer(t, oneKey)
	lengths := map[int]bool{}
	for n := range cursor.MaxText + 1 {
		lengths[len(seal(t, s, "", strings.Repeat("x", n)))] = true
	}
	if len(lengths) != 2 {
		t.Errorf("tokens have %d lengths", len(lengths))
	}
	if _, ok := s.Seal("", strings.Repeat("x", cursor.MaxText+1)); ok {
		t.Error("a text over the bound was sealed")
	}
}

// TestFlip: no bit of a token can be changed.
func TestFlip(t *testing.T) {
	t.Parallel()
	s := newSealer(t, oneKey)
	token := seal(t, s, "context", "Plan")
	for i := range token {
		b := []byte(token)
		b[i] = 'A'
		if string(b) == token {
			b[i] = 'B'
		}
		if _, err := s.Open("context", string(b)); err == nil {
			t.Errorf("byte %d changed, and it opens", i)
		}
	}
}

func TestContext(t *testing.T) {
	t.Parallel()
	seen := map[string][]string{}
	for _, parts := range [][]string{nil, {""}, {"", ""}, {"a", "b"}, {"ab"}, {"a", "", "b"}, {"ab", ""}, {"", "ab"}, {"a\x01b"}} {
		c := cursor.Context(parts...)
		if other, ok := seen[c]; ok {
			t.Errorf("%q and %q are one context", other, parts)
		}
		seen[c] = parts
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	if _, err := cursor.New([]byte("short")); err == nil {
		t.Error("a short key was taken")
	}
	a, b := newSealer(t, ""), newSealer(t, "")
	if seal(t, a, "", "x") == seal(t, b, "", "x") {
		t.Error("two random keys are one")
	}
}

// FuzzOpen: what is sealed opens to what it was; nothing else opens, and the
// one spelling of a token is the only one.
func FuzzOpen(f *testing.F) {
	s, err := cursor.New([]byte(oneKey))
	if err != nil {
		f.Fatal(err)
	}
	good, _ := s.Seal("c", "Plan")
	f.Add("c", "Plan", good)
	f.Add("", "", "")
	f.Add("c", strings.Repeat("x", 500), "pc1."+strings.Repeat("A", 278))
	f.Fuzz(func(t *testing.T, context, text, token string) {
		sealed, ok := s.Seal(context, text)
		if ok != (len(text) <= cursor.MaxText) {
			t.Fatalf("sealing %d bytes: %v", len(text), ok)
		}
		if ok {
			if got, err := s.Open(context, sealed); err != nil || got != text {
				t.Fatalf("opened as %q, %v", got, err)
			}
			if _, err := s.Open(context+"x", sealed); err == nil {
				t.Fatal("opened under another context")
			}
		}
		if got, err := s.Open(context, token); err == nil {
			if again, ok := s.Seal(context, got); !ok || again != token {
				t.Fatal("two tokens open to one text")
			}
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	s := newSealer(b, oneKey)
	for b.Loop() {
		s.Seal("context of a usual length, with a query in it", "A title|12")
	}
}

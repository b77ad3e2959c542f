package tiny

import (
	"errors"
	"math"
	"testing"
)

func TestKnownPairs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		id   uint64
		want string
	}{
		{1381025, "oRIV"},
		{7798799, "DwB3"},
		{148348821, "lZ-XC"},
		{1, "AQ"},
		{256, "AAE"},
		{65536, "AAAB"},
		{0, ""},
	} {
		if got := Encode(tt.id); got != tt.want {
			t.Errorf("Encode(%d) = %q, want %q", tt.id, got, tt.want)
		}
		if tt.want == "" {
			continue
		}
		if got, err := Decode(tt.want); err != nil || got != tt.id {
			t.Errorf("Decode(%q) = %d, %v, want %d", tt.want, got, err, tt.id)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"", "oRIVA", "oRIVAA", "oRIV=", "oRIV==", "lZ/XC", "o RIV", "A", "AAAA", "é", "oRI\x00",
		"____________", "zzzzzzzzzzz", "%6fRIV",
	} {
		if id, err := Decode(s); !errors.Is(err, ErrSyntax) {
			t.Errorf("Decode(%q) = %d, %v, want ErrSyntax", s, id, err)
		}
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, id := range []uint64{0, 1, 255, 256, 1381025, math.MaxInt64, math.MaxUint64} {
		f.Add(id, Encode(id))
	}
	f.Fuzz(func(t *testing.T, id uint64, s string) {
		if id != 0 {
			got, err := Decode(Encode(id))
			if err != nil || got != id {
				t.Fatalf("Decode(Encode(%d)) = %d, %v", id, got, err)
			}
		}
		if got, err := Decode(s); err == nil && Encode(got) != s {
			t.Fatalf("Decode(%q) = %d, which encodes to %q", s, got, Encode(got))
		}
	})
}

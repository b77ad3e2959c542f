package directory

import (
	"strconv"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/rules"
)

// FuzzFold: names that are equal under a fold have one hash, however they are
// written.
func FuzzFold(f *testing.F) {
	f.Add("Straße", "STRASSE")
	f.Add("ſ", "s")
	f.Add("a_b", "A b")
	f.Add(strings.Repeat("x", 70)+"ſ", strings.Repeat("X", 70)+"S")
	f.Add("\xff", "\ufffd")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, fold := range []Fold{FoldNone, FoldCase, FoldName, FoldFirst} {
			for _, other := range []string{b, strings.ToUpper(a), strings.ToLower(a), strings.ReplaceAll(a, " ", "_")} {
				if fold.equal(a, other) && strings.ToValidUTF8(a+other, "") == a+other && fold.hash(a, 1) != fold.hash(other, 1) {
					t.Errorf("fold %d: %q and %q are equal and have two hashes", fold, a, other)
				}
			}
		}
	})
}

func TestTableFindsAll(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 7, 8, 100, 5000} {
		var entries []entry
		for i := range n {
			entries = append(entries, entry{"Name " + strconv.Itoa(i), rules.ID(i % 3), rules.ID(i)})
		}
		table := newTable(FoldCase, entries)
		for i := range n {
			if id, ok := table.find("nAME "+strconv.Itoa(i), rules.ID(i%3)); !ok || id != rules.ID(i) {
				t.Fatalf("of %d, %d is found as %d", n, i, id)
			}
			if _, ok := table.find("Name "+strconv.Itoa(i), rules.ID(i%3+1)); ok {
				t.Fatalf("of %d, %d is found elsewhere", n, i)
			}
		}
		if _, ok := table.find("Name "+strconv.Itoa(n), 0); ok {
			t.Fatalf("of %d, one more is found", n)
		}
	}
}

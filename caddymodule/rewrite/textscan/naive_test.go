package textscan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"

	"github.com/postern-gateway/postern/rules"
)

// disguise writes a word in one of the ways in which it is still that word.
func disguise(rnd *rand.Rand, word string) string {
	runes := []rune(word)
	at := rnd.IntN(len(runes))
	before, r, after := string(runes[:at]), runes[at], string(runes[at+1:])
	switch rnd.IntN(24) {
	case 0:
		return strings.ToUpper(word)
	case 1:
		return before + fmt.Sprintf("&#x%x;", r) + after
	case 2:
		return before + string(r) + "\u00ad" + after
	case 3:
		return norm.NFD.String(word)
	case 4:
		if r >= 'a' && r <= 'z' {
			return before + string(r-'a'+'ａ') + after
		}
	case 5:
		return before + "<b>" + string(r) + "</b>" + after
	case 6:
		return before + string(r) + "<span class='x'></span>" + after
	case 7:
		return before + string(r) + "\u200b" + after
	case 8:
		return before + fmt.Sprintf("&#%d", r) + ";" + after
	}
	return word
}

// TestNaive: what is found in random texts is what comparing word after word
// finds, wherever it stands and however it is written.
func TestNaive(t *testing.T) {
	t.Parallel()
	vocabulary := strings.Fields("zul kestrel mikado größe quimbly жучок naïve überall orrin tamsin velda wexcombe yarrowby öl thistlewaite x9 brindlemoor fjordling sixteenletterish " + strings.Repeat("abcde", 7))
	between := []string{" ", " ", " ", " ", ", ", ". ", "\n", "&nbsp;", " &amp; ", " <em>", "</em> ", "<br>", "-", " (", "/", " <a href='/x'>", "</a> ", " <!-- a --> ", "\u2003", " 1.25 ", "<i></i> ", " > ", "<code> ", " €"}
	for seed := range uint64(150) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		pick := func() string { return vocabulary[min(rnd.IntN(len(vocabulary)), rnd.IntN(len(vocabulary)))] }
		f, names := &records{}, [][]string{}
		for i := range 1 + rnd.IntN(60) {
			var name []string
			for range 2 + rnd.IntN(4) {
				name = append(name, pick())
			}
			if len([]rune(strings.Join(name, ""))) < 10 {
				name = append(name, "wexcombe")
			}
			names = append(names, name)
			f.contents = append(f.contents, rules.ContentRecord{ID: fmt.Sprint(i), Title: strings.Join(name, " ")})
		}
		var words []string
		var starts []int
		var b strings.Builder
		b.WriteString("<p>")
		for range 50 + rnd.IntN(900) {
			w := pick()
			written := disguise(rnd, w)
			words, starts = append(words, w), append(starts, b.Len()+len(written)-len(strings.TrimPrefix(written, "<b>")))
			b.WriteString(written)
			sep := between[rnd.IntN(len(between))]
			b.WriteString(sep)
			if sep == " 1.25 " { // has words of its own
				words, starts = append(words, "1", "25"), append(starts, -1, -1)
			}
		}
		want, got := map[int]bool{}, map[int]bool{}
		for i := range words {
			for _, n := range names {
				if len(words)-i >= len(n) && slices.Equal(words[i:i+len(n)], n) {
					want[starts[i]] = true
				}
			}
		}
		_, hits, err := Build(f, Rule{}).Scan([]byte(b.String()), HTML, Options{Visible: func(rules.EntityKind, rules.ID) bool { return false }, ProseMode: Report, Structure: Report})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range hits {
			got[h.Start] = true
		}
		if diff := cmp.Diff(want, got); diff != "" && len(hits) < maxHits {
			t.Fatalf("seed %d: naively (-), by the scan (+):\n%s\n%.600s", seed, diff, b.String())
		}
	}
}

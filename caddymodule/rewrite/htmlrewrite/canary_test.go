package htmlrewrite

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/rules"
	"golang.org/x/net/html"
)

// underHidden gives the marks that stand, in the tree that x/net/html makes of
// s, inside a link to something hidden.
func underHidden(s string) []string {
	doc, err := html.Parse(strings.NewReader(s))
	if err != nil {
		return nil
	}
	j := fakeJudge{hide: true}
	var out []string
	var walk func(n *html.Node, hidden bool)
	walk = func(n *html.Node, hidden bool) {
		if n.Type == html.ElementNode && n.Data == "a" {
			for _, a := range n.Attr {
				hidden = hidden || a.Key == "href" && j.URL(a.Val).Fate == rules.FateHide
			}
		}
		if hidden && n.Type == html.TextNode {
			out = append(out, marks(n.Data)...)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c, hidden)
		}
	}
	walk(doc, false)
	return out
}

// marks finds texts of the form "mark12." in s.
func marks(s string) []string {
	var out []string
	for {
		i := strings.Index(s, "mark")
		if i < 0 {
			return out
		}
		s = s[i:]
		j := strings.IndexByte(s, '.')
		if j < 0 {
			return out
		}
		out = append(out, s[:j+1])
		s = s[j:]
	}
}

// TestRandomCanaries holds that the text of a hidden link goes, whatever the
// markup around it does to the link's reach.
func TestRandomCanaries(t *testing.T) {
	t.Parallel()
	p := mustCompile(t)
	r := rand.New(rand.NewPCG(3, 4))
	refused := 0
	const rounds = 10_000
	for range rounds {
		var b strings.Builder
		for k := range 2 + r.IntN(12) {
			fmt.Fprintf(&b, "%smark%d.", strings.ReplaceAll(pieces[r.IntN(len(pieces))], "_", " "), k)
			if r.IntN(3) == 0 {
				fmt.Fprintf(&b, "<a href=secret>mark%d.", 100+k)
			}
		}
		s := b.String()
		out, run, err := rewriteOnce(p, s, fakeInput(true))
		if err != nil || run.rep.RootHidden {
			refused++
			continue
		}
		for _, m := range underHidden(s) {
			if strings.Contains(out, m) {
				t.Fatalf("%s stays:\n%s\n%s", m, s, out)
			}
		}
	}
	if refused > rounds*3/4 {
		t.Errorf("%d of %d refused: the test looks at too little", refused, rounds)
	}
}

package mwtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Kinds of token: what bears it.
const (
	TokenSpace    = "space name"
	TokenTitle    = "page title"
	TokenText     = "page text"
	TokenSummary  = "edit summary"
	TokenUser     = "user name"
	TokenRealName = "real name"
	TokenEmail    = "e-mail"
	TokenReason   = "log reason"
	TokenGroup    = "group name"
	TokenBytes    = "file content"
)

// Token is a made-up word with what bears it.
type Token struct {
	Word  string // lower case letters only
	Kind  string
	Where string // the page, user or space, for messages
}

// coiner makes words that are no words: nine letters or more, each unlike any
// other and unlike anything that a wiki's own texts contain.
type coiner struct {
	r    *rand.Rand
	used map[string]bool
}

func newCoiner(seed uint64) *coiner {
	return &coiner{r: rand.New(rand.NewPCG(seed, 0x706f737465726e)), used: map[string]bool{}}
}

var (
	onsets = strings.Fields("b br d dr f fl g gl gr k kl kr m n p pl pr qu s sk sl sn st t tr v vl z zw")
	vowels = strings.Fields("a e i o u ai au oo")
	codas  = strings.Fields("b d g k l m n p r s t x z lk mp nk rv sk")
)

func (c *coiner) word() string {
	for {
		var b strings.Builder
		for range 3 {
			b.WriteString(onsets[c.r.IntN(len(onsets))])
			b.WriteString(vowels[c.r.IntN(len(vowels))])
			b.WriteString(codas[c.r.IntN(len(codas))])
		}
		w := b.String()
		if len(w) < 9 || len(w) > 14 {
			continue
		}
		if c.used[w] {
			continue
		}
		c.used[w] = true
		return w
	}
}

func title(w string) string { return strings.ToUpper(w[:1]) + w[1:] }

func (t Token) String() string { return fmt.Sprintf("%s (%s of %s)", t.Word, t.Kind, t.Where) }

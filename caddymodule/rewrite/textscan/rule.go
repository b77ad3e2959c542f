package textscan

import (
	"strings"
	"unicode"

	"github.com/postern-gateway/postern/rules"
)

// Rule tunes which names are distinctive. The zero value is the rule of the
// package's documentation.
type Rule struct {
	// Letters is how many letters a title, or a display name of one word, has
	// at least; 0: rules.DefaultLetters. A word that mixes letters and digits
	// needs five, or as many if that is less.
	Letters int
	// Ordinary are words that say nothing by themselves, beside those of
	// words.go.
	Ordinary []string
	// Distinctive are words, or sequences of words: a name that has one of them
	// in it is looked for, however short or ordinary it is.
	Distinctive []string
}

// judge says of names whether they are distinctive under a Rule.
type judge struct {
	letters  int
	ordinary map[uint64]bool
	always   map[uint64][][]word // by their first words
}

func newJudge(r Rule) judge {
	j := judge{letters: r.Letters, ordinary: make(map[uint64]bool, len(r.Ordinary)), always: map[uint64][][]word{}}
	if j.letters == 0 {
		j.letters = rules.DefaultLetters
	}
	for _, text := range r.Ordinary {
		for _, w := range split(nil, []byte(text), nil) {
			j.ordinary[w.hash] = true
		}
	}
	for _, text := range r.Distinctive {
		if ws := split(nil, []byte(text), nil); len(ws) > 0 {
			j.always[ws[0].hash] = append(j.always[ws[0].hash], ws)
		}
	}
	return j
}

// named says that the rule's own list has a part of the name.
func (j *judge) named(name []word) bool {
	if len(j.always) == 0 {
		return false
	}
	for i := range name {
		for _, ws := range j.always[name[i].hash] {
			if startsWith(name[i:], ws) {
				return true
			}
		}
	}
	return false
}

func startsWith(name, ws []word) bool {
	if len(ws) > len(name) {
		return false
	}
	for i := range ws {
		if name[i].hash != ws[i].hash {
			return false
		}
	}
	return true
}

// traits are what the rule asks of a name.
type traits struct {
	letters int
	dull    bool // nothing but ordinary words and numbers
	mixed   bool // a word of letters and digits
	digit   bool
}

// word adds what one word says.
func (t *traits) word(j *judge, h uint64, w []rune) {
	hasLetter, hasDigit := false, false
	for _, r := range w {
		digit := unicode.IsDigit(r)
		hasDigit, hasLetter = hasDigit || digit, hasLetter || !digit
	}
	t.letters += len(w)
	if len(w) == 1 && alone(w[0]) {
		t.letters++ // says as much as two letters, or more
	}
	t.mixed = t.mixed || hasLetter && hasDigit
	t.dull = t.dull && (!hasLetter || ordinary[h] || j.ordinary[h] || len(w) == 1 && w[0] < 0x80)
}

// distinctive gives the words by which a name is looked for, none if it says
// too little, and the number of its letters; its text in one piece is in whole.
func (b *builder) distinctive(text string, st strength) ([]word, int) {
	t := traits{dull: true, digit: strings.ContainsAny(text, "0123456789")}
	b.whole = b.whole[:0]
	b.words = split(b.words[:0], []byte(text), func(h uint64, w []rune) {
		t.word(&b.judge, h, w)
		b.whole = append(b.whole, w...)
	})
	ws := b.words
	if len(ws) == 0 || !b.judge.distinctive(st, len(ws), t) && !b.judge.named(ws) {
		return nil, 0
	}
	return ws[:min(len(ws), maxWords)], t.letters
}

func (j *judge) distinctive(st strength, words int, t traits) bool {
	switch st {
	case always:
		return t.letters >= 4
	case ident:
		return t.letters >= 4 && (t.digit || words > 1 || t.letters >= 8) && !t.dull
	case person:
		return !t.dull && (words > 1 && t.letters >= 4 || t.letters >= j.letters)
	}
	return !t.dull && (t.letters >= j.letters || t.mixed && t.letters >= min(5, j.letters))
}

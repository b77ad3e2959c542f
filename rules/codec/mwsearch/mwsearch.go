// Package mwsearch reads what people type into MediaWiki's search and prints it
// anew with nothing in it but words, phrases and the operators that the caller
// allows.
//
// Each search engine of the wiki has operators of its own: the one that comes
// with it reads a namespace in front of all ("Help: x", "all: x") and the signs
// - + < > ~ * and quotes (SearchEngine::parseNamespacePrefixes, SearchMySQL and
// SearchSqlite::parseQuery); CirrusSearch reads keywords such as intitle: and
// insource:, boolean words and signs, and regular expressions (Help:CirrusSearch).
// Here every text is read by all of them at once: what any would take for an
// operator is an operator that the caller judges, or becomes words.
package mwsearch

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ErrInvalid is wrapped by the errors of Parse.
var ErrInvalid = errors.New("not a search")

// Bounds on one search. The wiki's own is 300 characters.
const (
	maxText  = 2048
	maxTerms = 64
)

// Query is a search: all of the terms, save where one stands behind OR.
type Query struct{ Terms []Term }

// Term is a word, a phrase, or a keyword with its value.
type Term struct {
	Or     bool   // it stands behind OR
	Not    bool   // what it finds is left out
	Key    string // the keyword without its colon, "" for words and phrases
	Text   string // the word, or what stands in quotes or behind the keyword
	Phrase bool   // in quotes; a keyword's value may be too
	Begins bool   // the word is the beginning of words (*)
	Fuzzy  bool   // words like it (~)
}

// Parse reads a search. keys says which words in front of a colon are keywords,
// and gives their canonical spelling; all other colons separate words. A text
// of no words at all is an empty Query.
func Parse(s string, keys func(string) (string, bool)) (*Query, error) {
	if len(s) > maxText || !utf8.ValidString(s) {
		return nil, fmt.Errorf("%w: too long, or not UTF-8", ErrInvalid)
	}
	p := parser{rest: s, keys: keys}
	for p.term() {
		if len(p.q.Terms) > maxTerms {
			return nil, fmt.Errorf("%w: more than %d terms", ErrInvalid, maxTerms)
		}
	}
	return &p.q, nil
}

type parser struct {
	rest string
	keys func(string) (string, bool)
	q    Query
	or   bool // behind OR
	not  bool // behind NOT
}

// term reads one term, or what stands for none.
func (p *parser) term() bool {
	p.rest = strings.TrimLeftFunc(p.rest, blank)
	if p.rest == "" {
		return false
	}
	t := Term{Or: p.or, Not: p.not}
	for p.rest != "" && strings.IndexByte("-!", p.rest[0]) >= 0 {
		t.Not, p.rest = true, p.rest[1:]
	}
	switch {
	case strings.HasPrefix(p.rest, `"`):
		t.Phrase, t.Text = true, p.quoted("-")
	case p.keyword(&t):
	default:
		p.word(&t)
	}
	p.add(t)
	return true
}

// quoted reads a phrase: up to the next quote, or to the end.
func (p *parser) quoted(keep string) string {
	text, rest, _ := strings.Cut(p.rest[1:], `"`)
	p.rest = rest
	return phrase(text, keep)
}

// inValue are the signs that a keyword's value may hold: it is a title, or
// several between bars. A colon there stands behind that of the keyword, so that
// nobody takes what is before it for a namespace to look in.
const inValue = "-|/:"

// keyword reads intitle:word and intitle:"some words"; CirrusSearch lets blanks
// stand behind the colon.
func (p *parser) keyword(t *Term) bool {
	name, rest, ok := strings.Cut(p.rest, ":")
	if !ok || p.keys == nil {
		return false
	}
	if t.Key, ok = p.keys(name); !ok {
		t.Key = ""
		return false
	}
	p.rest = strings.TrimLeftFunc(rest, blank)
	if strings.HasPrefix(p.rest, `"`) {
		t.Phrase, t.Text = true, p.quoted(inValue)
		return true
	}
	end := strings.IndexFunc(p.rest, func(r rune) bool { return blank(r) && r != '_' || r == '"' })
	if end < 0 {
		end = len(p.rest)
	}
	t.Text, p.rest = phrase(p.rest[:end], inValue), p.rest[end:]
	// A value is a phrase wherever an engine could read something into it.
	t.Phrase = strings.ContainsFunc(t.Text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return true
}

// word reads up to what no word holds. Signs that an engine takes for an
// operator end it.
func (p *parser) word(t *Term) {
	end := strings.IndexFunc(p.rest, func(r rune) bool { return blank(r) || r == '"' || sign(r) })
	if end < 0 {
		end = len(p.rest)
	}
	if end == 0 {
		_, n := utf8.DecodeRuneInString(p.rest)
		p.rest = p.rest[n:] // a sign of its own says nothing
		t.Not = false
		return
	}
	t.Text, p.rest = strings.TrimLeft(p.rest[:end], "-+!"), p.rest[end:]
	after := strings.TrimLeft(p.rest, "*~0123456789")
	if marks := p.rest[:len(p.rest)-len(after)]; marks != "" && (after == "" || blankAt(after)) {
		switch {
		case marks == "*" && utf8.RuneCountInString(t.Text) > 1:
			t.Begins = true
		case marks == "~" || marks == "~1" || marks == "~2":
			t.Fuzzy = true
		}
		if marks[0] == '*' || marks[0] == '~' {
			p.rest = after
		}
	}
}

// add keeps a term, unless it says nothing or is a word that says how terms
// hang together.
func (p *parser) add(t Term) {
	if t.Key == "" && !t.Phrase && !t.Begins && !t.Fuzzy {
		switch t.Text {
		case "OR":
			p.or, p.not = len(p.q.Terms) > 0, false
			return
		case "AND":
			p.or, p.not = false, false
			return
		case "NOT":
			p.not = true
			return
		case "NEAR", "TO":
			t.Text = strings.ToLower(t.Text)
		}
	}
	if t.Text == "" {
		return
	}
	p.or, p.not = false, false
	p.q.Terms = append(p.q.Terms, t)
}

// phrase is a text as it may stand in quotes: words with single blanks, and no
// sign that an engine reads something into, save those to keep.
func phrase(s, keep string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return blank(r) || sign(r) && !strings.ContainsRune(keep, r)
	}), " ")
}

// blank is what separates words, wide and invisible ones among it.
func blank(r rune) bool {
	return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.In(r, unicode.Z, unicode.Cf) || r == '_' || r == utf8.RuneError
}

func blankAt(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return blank(r)
}

// sign is what some engine takes for an operator, or for a part of one.
func sign(r rune) bool {
	switch r {
	case '(', ')', '[', ']', '{', '}', '<', '>', '=', '*', '?', '~', '^', ':', '\\', '/', '|', '&', '+', '!', '"', ';', '#',
		'\u201c', '\u201d', '\u201e', '\u201f', '\u00ab', '\u00bb', '\uff02', // quotes of many scripts
		'\uff1a', '\u2236', '\ufe55', '\ua789', // colons
		'\uff0a', '\uff5e', '\uff01', '\uff0b', '\uff5c', '\uff08', '\uff09':
		return true
	}
	return false
}

// String prints the search, so that Parse reads the same and every engine too.
func (q *Query) String() string {
	var b strings.Builder
	for i := range q.Terms {
		t := &q.Terms[i]
		if i > 0 {
			b.WriteByte(' ')
			if t.Or {
				b.WriteString("OR ")
			}
		}
		if t.Not {
			b.WriteByte('-')
		}
		if t.Key != "" {
			b.WriteString(t.Key + ":")
		}
		if t.Phrase {
			b.WriteString(`"` + t.Text + `"`)
		} else {
			b.WriteString(t.Text)
		}
		switch {
		case t.Begins:
			b.WriteByte('*')
		case t.Fuzzy:
			b.WriteByte('~')
		}
	}
	return b.String()
}

package wikitest

import (
	"errors"
	"fmt"
	"strings"
)

// matcher says whether something is a hit of a query.
type matcher func(*candidate) bool

// candidate is what a query is asked about: a page, a space, a user, or a
// comment or attachment of a page.
type candidate struct {
	kind     string // page, blogpost, comment, attachment, space, user
	page     *Page
	comment  *Comment
	file     *Attachment
	space    *Space
	user     *User
	title    string
	text     string
	spaceKey string
	by       string
}

// parseCQL reads a subset of the wiki's query language: fields with =, !=, ~,
// !~, in, not in; and, or, not, brackets; a trailing order by is read and
// ignored.
func (x *index) parseCQL(s string) (matcher, error) {
	p := &cqlParser{x: x}
	if err := p.lex(s); err != nil {
		return nil, err
	}
	m, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.word("order") {
		if !p.word("by") {
			return nil, errors.New("expected by after order")
		}
		p.tok = p.tok[len(p.tok):]
	}
	if len(p.tok) > 0 {
		return nil, fmt.Errorf("unexpected %q", p.tok[0].s)
	}
	return m, nil
}

type cqlToken struct {
	s      string
	quoted bool
}

type cqlParser struct {
	x     *index
	tok   []cqlToken
	depth int
}

func (p *cqlParser) lex(s string) error {
	for i := 0; i < len(s); {
		switch ch := s[i]; {
		case ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r':
			i++
		case ch == '"' || ch == '\'':
			var b strings.Builder
			i++
			for i < len(s) && s[i] != ch {
				if s[i] == '\\' && i+1 < len(s) {
					i++
				}
				b.WriteByte(s[i])
				i++
			}
			if i == len(s) {
				return errors.New("open string")
			}
			i++
			p.tok = append(p.tok, cqlToken{b.String(), true})
		case strings.ContainsRune("(),", rune(ch)):
			p.tok = append(p.tok, cqlToken{string(ch), false})
			i++
		case strings.ContainsRune("=~!<>", rune(ch)):
			j := i + 1
			for j < len(s) && strings.ContainsRune("=~", rune(s[j])) {
				j++
			}
			p.tok = append(p.tok, cqlToken{s[i:j], false})
			i = j
		default:
			j := i
			for j < len(s) && !strings.ContainsRune(" \t\r\n\"'(),=~!<>", rune(s[j])) {
				j++
			}
			p.tok = append(p.tok, cqlToken{s[i:j], false})
			i = j
		}
	}
	return nil
}

func (p *cqlParser) peek(s string) bool {
	return len(p.tok) > 0 && !p.tok[0].quoted && strings.EqualFold(p.tok[0].s, s)
}

func (p *cqlParser) word(s string) bool {
	if p.peek(s) {
		p.tok = p.tok[1:]
		return true
	}
	return false
}

func (p *cqlParser) or() (matcher, error) {
	if p.depth++; p.depth > 50 {
		return nil, errors.New("too deep")
	}
	defer func() { p.depth-- }()
	l, err := p.and()
	for err == nil && p.word("or") {
		var r matcher
		if r, err = p.and(); err == nil {
			a := l
			l = func(c *candidate) bool { return a(c) || r(c) }
		}
	}
	return l, err
}

func (p *cqlParser) and() (matcher, error) {
	l, err := p.not()
	for err == nil && p.word("and") {
		var r matcher
		if r, err = p.not(); err == nil {
			a := l
			l = func(c *candidate) bool { return a(c) && r(c) }
		}
	}
	return l, err
}

func (p *cqlParser) not() (matcher, error) {
	if p.word("not") {
		m, err := p.not()
		return func(c *candidate) bool { return !m(c) }, err
	}
	if p.word("(") {
		m, err := p.or()
		if err == nil && !p.word(")") {
			err = errors.New("missing bracket")
		}
		return m, err
	}
	return p.term()
}

func (p *cqlParser) term() (matcher, error) {
	if len(p.tok) < 3 {
		return nil, errors.New("incomplete term")
	}
	field := strings.ToLower(p.tok[0].s)
	p.tok = p.tok[1:]
	negate := p.word("not")
	op := strings.ToLower(p.tok[0].s)
	p.tok = p.tok[1:]
	var values []string
	if op == "in" {
		if !p.word("(") {
			return nil, errors.New("expected a list after in")
		}
		for {
			if len(p.tok) == 0 {
				return nil, errors.New("open list")
			}
			values = append(values, p.tok[0].s)
			p.tok = p.tok[1:]
			if p.word(")") {
				break
			}
			if !p.word(",") {
				return nil, errors.New("expected a comma")
			}
		}
	} else {
		if len(p.tok) == 0 {
			return nil, errors.New("value missing")
		}
		v := p.tok[0]
		p.tok = p.tok[1:]
		if !v.quoted && p.word("(") { // a function: currentUser(), now("-1d")
			for len(p.tok) > 0 && !p.word(")") {
				p.tok = p.tok[1:]
			}
		}
		values = []string{v.s}
	}
	switch op {
	case "in", "=", "~", ">", ">=", "<", "<=":
	case "!=", "!~":
		negate = true
	default:
		return nil, fmt.Errorf("unknown operator %q", op)
	}
	ok, err := p.x.fieldMatcher(field, op)
	if err != nil {
		return nil, err
	}
	return func(c *candidate) bool {
		for _, v := range values {
			if ok(c, v) {
				return !negate
			}
		}
		return negate
	}, nil
}

func (x *index) fieldMatcher(field, op string) (func(*candidate, string) bool, error) {
	switch field {
	case "text", "sitesearch":
		return func(c *candidate, v string) bool { return hasWords(c.title+" "+c.text, v) }, nil
	case "title":
		if op == "=" || op == "!=" || op == "in" {
			return func(c *candidate, v string) bool { return strings.EqualFold(c.title, v) }, nil
		}
		return func(c *candidate, v string) bool { return hasWords(c.title, v) }, nil
	case "space", "space.key":
		return func(c *candidate, v string) bool { return strings.EqualFold(c.spaceKey, v) }, nil
	case "type":
		return func(c *candidate, v string) bool { return strings.EqualFold(c.kind, v) }, nil
	case "id", "content":
		return func(c *candidate, v string) bool { return c.page != nil && fmt.Sprint(c.page.ID) == v }, nil
	case "creator", "contributor":
		return func(c *candidate, v string) bool {
			return c.by == v || c.page != nil && field == "contributor" && contains(contributors(c.page), v)
		}, nil
	case "label":
		return func(c *candidate, v string) bool { return c.page != nil && contains(c.page.Labels, v) }, nil
	case "parent", "ancestor":
		return func(c *candidate, v string) bool {
			if c.page == nil {
				return false
			}
			up := x.ancestors(c.page)
			if field == "parent" && len(up) > 0 {
				up = up[len(up)-1:]
			}
			for _, a := range up {
				if fmt.Sprint(a.ID) == v {
					return true
				}
			}
			return false
		}, nil
	case "user.fullname", "user":
		return func(c *candidate, v string) bool { return c.user != nil && hasWords(c.user.Display, v) }, nil
	case "mention":
		return func(c *candidate, v string) bool {
			return c.page != nil && strings.Contains(c.page.last().Body, "{{user:"+v+"}}")
		}, nil
	case "created", "lastmodified":
		return func(*candidate, string) bool { return true }, nil
	}
	return nil, fmt.Errorf("unknown field %q", field)
}

// hasWords reports that every word of the query begins a word of the text.
func hasWords(text, query string) bool {
	words := strings.FieldsFunc(strings.ToLower(text), notWord)
	for _, q := range strings.FieldsFunc(strings.ToLower(query), notWord) {
		found := false
		for _, w := range words {
			if strings.HasPrefix(w, q) {
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

func notWord(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 127)
}

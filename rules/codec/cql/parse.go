package cql

import "strings"

// Parse reads a query. An empty one is an error.
func Parse(s string) (*Query, error) {
	toks, err := lex(s)
	if err != nil {
		return nil, err
	}
	p := &parser{toks: toks}
	q := &Query{}
	if !p.isWord("order") {
		if q.Where, err = p.or(0); err != nil {
			return nil, err
		}
	}
	if p.isWord("order") {
		if q.OrderBy, err = p.order(); err != nil {
			return nil, err
		}
	}
	if t := p.peek(); t.kind != end {
		return nil, syntax(t.at, "%v after the end of the query", t)
	}
	return q, nil
}

type parser struct {
	toks  []token
	i     int
	nodes int
}

func (p *parser) peek() token { return p.toks[p.i] }

// take returns the next token; the last one, the end, is never passed.
func (p *parser) take() token {
	t := p.toks[p.i]
	if t.kind != end {
		p.i++
	}
	return t
}

func (p *parser) isWord(w string) bool {
	t := p.peek()
	return t.kind == word && strings.EqualFold(t.text, w)
}

func (p *parser) isSymbol(s string) bool {
	t := p.peek()
	return t.kind == symbol && t.text == s
}

// reserved are the words that are neither fields nor values without quotes.
var reserved = map[string]bool{
	"and": true, "or": true, "not": true, "in": true, "order": true, "by": true, "asc": true, "desc": true,
	"is": true, "was": true, "null": true, "empty": true, "like": true,
}

func (p *parser) node() error {
	if p.nodes++; p.nodes > maxNodes {
		return syntax(p.peek().at, "too many parts")
	}
	return nil
}

func (p *parser) or(depth int) (Expr, error) {
	terms, err := p.terms("or", func() (Expr, error) { return p.and(depth) })
	if err != nil || len(terms) > 1 {
		return Or(terms), err
	}
	return terms[0], nil
}

func (p *parser) and(depth int) (Expr, error) {
	terms, err := p.terms("and", func() (Expr, error) { return p.unary(depth) })
	if err != nil || len(terms) > 1 {
		return And(terms), err
	}
	return terms[0], nil
}

// terms reads one term or more, with a word between them.
func (p *parser) terms(between string, term func() (Expr, error)) ([]Expr, error) {
	var out []Expr
	for {
		e, err := term()
		if err != nil {
			return nil, err
		}
		out = append(out, e)
		if !p.isWord(between) {
			return out, nil
		}
		p.take()
	}
}

func (p *parser) unary(depth int) (Expr, error) {
	if depth > maxDepth {
		return nil, syntax(p.peek().at, "nested too deep")
	}
	switch {
	case p.isWord("not"):
		p.take()
		e, err := p.unary(depth + 1)
		return Not{e}, err
	case p.isSymbol("("):
		p.take()
		e, err := p.or(depth + 1)
		if err != nil {
			return nil, err
		}
		if t := p.take(); t.kind != symbol || t.text != ")" {
			return nil, syntax(t.at, "%v where a bracket should close", t)
		}
		return e, nil
	}
	return p.clause()
}

// name reads the name of a field.
func (p *parser) name() (string, error) {
	t := p.take()
	if t.kind != word || reserved[strings.ToLower(t.text)] || !isIdent(t.text) {
		return "", syntax(t.at, "%v where a field was expected", t)
	}
	return t.text, nil
}

// isIdent says whether a word is an ASCII name, such as of a field.
func isIdent(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		if !letter && (i == 0 || !('0' <= c && c <= '9' || c == '.' || c == '-')) {
			return false
		}
	}
	return s != ""
}

func (p *parser) clause() (Expr, error) {
	if err := p.node(); err != nil {
		return nil, err
	}
	field, err := p.name()
	if err != nil {
		return nil, err
	}
	c := &Clause{Field: field}
	t := p.take()
	switch {
	case t.kind == symbol && t.text != "(" && t.text != ")" && t.text != ",":
		c.Op = Op(t.text)
	case t.kind == word && strings.EqualFold(t.text, "in"):
		c.Op = In
	case t.kind == word && strings.EqualFold(t.text, "not") && p.isWord("in"):
		p.take()
		c.Op = NotIn
	default:
		return nil, syntax(t.at, "%v where an operator was expected", t)
	}
	if (c.Op == In || c.Op == NotIn) && p.isSymbol("(") {
		c.List = true
		c.Values, err = p.list(0)
		if err == nil && len(c.Values) == 0 {
			err = syntax(t.at, "an empty list")
		}
		return c, err
	}
	v, err := p.value(0)
	if err == nil && (c.Op == In || c.Op == NotIn) && !v.Call {
		err = syntax(t.at, "no list behind %s", c.Op)
	}
	c.Values = []Value{v}
	return c, err
}

// list reads values in brackets.
func (p *parser) list(depth int) ([]Value, error) {
	p.take() // (
	var out []Value
	if p.isSymbol(")") {
		p.take()
		return nil, nil
	}
	for {
		v, err := p.value(depth)
		if err != nil {
			return nil, err
		}
		if out = append(out, v); len(out) > maxValues {
			return nil, syntax(p.peek().at, "too many values")
		}
		switch t := p.take(); {
		case t.kind == symbol && t.text == ")":
			return out, nil
		case t.kind != symbol || t.text != ",":
			return nil, syntax(t.at, "%v in a list", t)
		}
	}
}

func (p *parser) value(depth int) (Value, error) {
	if err := p.node(); err != nil {
		return Value{}, err
	}
	t := p.take()
	switch {
	case t.kind == text:
		return Text(t.text), nil
	case t.kind != word || reserved[strings.ToLower(t.text)]:
		return Value{}, syntax(t.at, "%v where a value was expected", t)
	case p.isSymbol("("):
		if !isIdent(t.text) || depth > 0 {
			return Value{}, syntax(t.at, "the function %v", t)
		}
		args, err := p.list(depth + 1)
		return Value{Text: t.text, Call: true, Args: args}, err
	}
	return Value{Text: t.text, Number: isNumber(t.text)}, nil
}

// isNumber says whether a word is a whole number as it may be printed again.
func isNumber(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && len(s) < 20
}

func (p *parser) order() ([]Order, error) {
	p.take() // order
	if t := p.take(); t.kind != word || !strings.EqualFold(t.text, "by") {
		return nil, syntax(t.at, "%v where \"by\" was expected", t)
	}
	var out []Order
	for {
		if err := p.node(); err != nil {
			return nil, err
		}
		field, err := p.name()
		if err != nil {
			return nil, err
		}
		o := Order{Field: field}
		for _, d := range []string{"asc", "desc"} {
			if p.isWord(d) {
				o.Direction = d
				p.take()
				break
			}
		}
		out = append(out, o)
		if !p.isSymbol(",") {
			return out, nil
		}
		p.take()
	}
}

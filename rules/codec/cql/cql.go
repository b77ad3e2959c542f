// Package cql reads and prints the query language of Confluence's search:
// clauses of field, operator and value, joined by and, or and not, with an
// order at the end.
//
// A query from a client is parsed, checked against an allow list (Check),
// narrowed (And), and printed anew (String): its text is never pasted into
// another query. What the parser does not know it refuses.
package cql

import (
	"errors"
	"fmt"
)

// ErrSyntax is wrapped by the errors of Parse, ErrRefused by those of Check.
var (
	ErrSyntax  = errors.New("not a query")
	ErrRefused = errors.New("query not allowed")
)

// The bounds of a query.
const (
	maxLen   = 16 << 10 // bytes
	maxDepth = 32       // of brackets and nots
	maxNodes = 1000     // clauses and values
)

// Query is a parsed query.
type Query struct {
	// Where is what results must meet; nil where only an order is given.
	Where Expr
	// OrderBy lists the fields to order by, first one first.
	OrderBy []Order
}

// Order is one field of the order.
type Order struct {
	Field string
	// Direction is "asc", "desc", or "" where none was given.
	Direction string
}

// Expr is a condition: And, Or, Not or *Clause.
type Expr interface{ expr() }

// And holds if all of its terms do; Or, if one does. They have two or more.
type (
	And []Expr
	Or  []Expr
)

// Not holds if its term does not.
type Not struct{ Term Expr }

// Clause is one comparison.
type Clause struct {
	Field string
	Op    Op
	// Values has one element, or those of the list in brackets.
	Values []Value
	// List says that the values stood in brackets.
	List bool
}

func (And) expr()     {}
func (Or) expr()      {}
func (Not) expr()     {}
func (*Clause) expr() {}

// Op is an operator in lower case.
type Op string

// The operators.
const (
	Is        Op = "="
	IsNot     Op = "!="
	Contains  Op = "~"
	Lacks     Op = "!~"
	Greater   Op = ">"
	Less      Op = "<"
	AtLeast   Op = ">="
	AtMost    Op = "<="
	In        Op = "in"
	NotIn     Op = "not in"
	maxValues    = 500
)

// Value is a text, a number, or the call of a function.
type Value struct {
	// Text is the decoded text, the digits of a number, or a function's name.
	Text string
	// Number says that Text is a number and stood without quotes.
	Number bool
	// Call says that Text names a function, of Args.
	Call bool
	Args []Value
}

// Text makes a text value.
func Text(s string) Value { return Value{Text: s} }

// OneOf makes a clause that the field is one of the given texts.
func OneOf(field string, texts ...string) *Clause {
	c := &Clause{Field: field, Op: In, List: true}
	for _, t := range texts {
		c.Values = append(c.Values, Text(t))
	}
	return c
}

// Narrow gives a query that meets q and all of the conditions as well. The
// order stays. q is not changed, but shares its parts with the result.
func Narrow(q *Query, more ...Expr) *Query {
	var terms And
	if q.Where != nil {
		terms = append(terms, q.Where)
	}
	for _, e := range more {
		if e != nil {
			terms = append(terms, e)
		}
	}
	out := &Query{OrderBy: q.OrderBy}
	switch len(terms) {
	case 0:
	case 1:
		out.Where = terms[0]
	default:
		out.Where = terms
	}
	return out
}

// Allow says what a query may contain. A nil function allows nothing.
type Allow struct {
	// Field, Function and OrderBy map a name, as written, to the name that is
	// sent; not ok refuses it.
	Field, Function, OrderBy func(name string) (canonical string, ok bool)
	// Clause judges a clause, and may change it. The names in it are canonical.
	Clause func(*Clause) error
}

// Check walks the query by the allow list, and puts the canonical names in.
// After an error the query must not be used.
func (q *Query) Check(a Allow) error {
	for i := range q.OrderBy {
		if err := rename(&q.OrderBy[i].Field, a.OrderBy, "order by"); err != nil {
			return err
		}
	}
	return Walk(q.Where, func(c *Clause) error {
		if err := rename(&c.Field, a.Field, "field"); err != nil {
			return err
		}
		if err := checkCalls(c.Values, a.Function); err != nil {
			return err
		}
		if a.Clause == nil {
			return fmt.Errorf("%w: clauses", ErrRefused)
		}
		return a.Clause(c)
	})
}

func rename(name *string, allowed func(string) (string, bool), what string) error {
	if allowed != nil {
		if canonical, ok := allowed(*name); ok {
			*name = canonical
			return nil
		}
	}
	return fmt.Errorf("%w: %s %q", ErrRefused, what, *name)
}

func checkCalls(values []Value, allowed func(string) (string, bool)) error {
	for i := range values {
		v := &values[i]
		if !v.Call {
			continue
		}
		if err := rename(&v.Text, allowed, "function"); err != nil {
			return err
		}
		if err := checkCalls(v.Args, allowed); err != nil {
			return err
		}
	}
	return nil
}

// Walk calls f with every clause of a condition, in order, until an error.
func Walk(e Expr, f func(*Clause) error) error {
	switch e := e.(type) {
	case nil:
		return nil
	case *Clause:
		return f(e)
	case Not:
		return Walk(e.Term, f)
	case And:
		return walkAll(e, f)
	case Or:
		return walkAll(e, f)
	}
	return fmt.Errorf("%w: a condition of type %T", ErrRefused, e)
}

func walkAll(list []Expr, f func(*Clause) error) error {
	for _, e := range list {
		if err := Walk(e, f); err != nil {
			return err
		}
	}
	return nil
}

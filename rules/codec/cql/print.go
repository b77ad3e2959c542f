package cql

import (
	"fmt"
	"strings"
)

// String prints the query anew, in one canonical form: what Parse reads from it
// is the same query.
func (q *Query) String() string {
	var b strings.Builder
	if q.Where != nil {
		printExpr(&b, q.Where, false)
	}
	for i, o := range q.OrderBy {
		switch {
		case i > 0:
			b.WriteString(", ")
		case q.Where != nil:
			b.WriteString(" order by ")
		default:
			b.WriteString("order by ")
		}
		b.WriteString(o.Field)
		if o.Direction != "" {
			b.WriteString(" " + o.Direction)
		}
	}
	return b.String()
}

// printExpr prints a condition, in brackets if it is a compound inside another.
func printExpr(b *strings.Builder, e Expr, inside bool) {
	switch e := e.(type) {
	case *Clause:
		printClause(b, e)
	case Not:
		b.WriteString("not ")
		printExpr(b, e.Term, true)
	case And:
		printTerms(b, e, " and ", inside)
	case Or:
		printTerms(b, e, " or ", inside)
	}
}

func printTerms(b *strings.Builder, terms []Expr, between string, inside bool) {
	if inside {
		b.WriteByte('(')
	}
	for i, t := range terms {
		if i > 0 {
			b.WriteString(between)
		}
		printExpr(b, t, true)
	}
	if inside {
		b.WriteByte(')')
	}
}

func printClause(b *strings.Builder, c *Clause) {
	b.WriteString(c.Field + " " + string(c.Op) + " ")
	if c.List {
		printList(b, c.Values)
		return
	}
	for _, v := range c.Values {
		printValue(b, v)
	}
}

func printList(b *strings.Builder, values []Value) {
	b.WriteByte('(')
	for i, v := range values {
		if i > 0 {
			b.WriteString(", ")
		}
		printValue(b, v)
	}
	b.WriteByte(')')
}

func printValue(b *strings.Builder, v Value) {
	switch {
	case v.Call:
		b.WriteString(v.Text)
		printList(b, v.Args)
	case v.Number:
		b.WriteString(v.Text)
	default:
		b.WriteByte('"')
		for _, r := range v.Text {
			switch {
			case r == '"' || r == '\\':
				b.WriteByte('\\')
				b.WriteRune(r)
			case r == '\t':
				b.WriteString(`\t`)
			case r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x2028 || r == 0x2029:
				fmt.Fprintf(b, `\u%04x`, r)
			default:
				b.WriteRune(r)
			}
		}
		b.WriteByte('"')
	}
}

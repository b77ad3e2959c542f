package guard

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/rules"
	"github.com/postern-gateway/postern/rules/codec/cql"
)

// errHiddenValue: the query names something that the viewer may not see. It
// has no hits then, as if the thing were not there.
var errHiddenValue = errors.New("query names something hidden")

// narrowCQL parses a client's query, holds every field, function, order and
// value against the profile's allow list, and prints it anew with the visible
// spaces and-ed in. A query that names something hidden, or that nothing
// visible could meet, becomes the profile's query without hits.
func narrowCQL(given string, spec rules.NarrowSpec, view *rules.View) (string, error) {
	q := &cql.Query{}
	if strings.TrimSpace(given) != "" {
		var err error
		if q, err = cql.Parse(given); err != nil {
			return "", fmt.Errorf("reading the query: %w", err)
		}
	}
	err := q.Check(cql.Allow{
		Field:    canonicalIn(keys(spec.Fields)),
		Function: canonicalIn(spec.Functions),
		OrderBy:  canonicalIn(spec.OrderBy),
		Clause:   func(c *cql.Clause) error { return judgeClause(c, spec.Fields[c.Field], view) },
	})
	if errors.Is(err, errHiddenValue) {
		return noHits(spec)
	}
	if err != nil {
		return "", fmt.Errorf("checking the query: %w", err)
	}
	for field, what := range spec.And {
		if what != "visible" {
			return "", fmt.Errorf("profile narrows %s by an unknown word %q", field, what)
		}
		var names []string
		for _, id := range view.VisibleSpaces() {
			names = append(names, view.Facts().Spaces()[id].Key)
		}
		if len(names) == 0 {
			return noHits(spec)
		}
		slices.Sort(names) // the query must not depend on the directory's order
		visible := oneOf(field, names, spec.Else)
		if visible == nil {
			return noHits(spec)
		}
		q = cql.Narrow(q, visible)
	}
	return q.String(), nil
}

// oneOf is the condition that the field is one of the names; over the profile's
// bound it is split into several lists, or nil. It depends on what is visible
// alone.
func oneOf(field string, names []string, bound *rules.NarrowElse) cql.Expr {
	if bound == nil || len(names) <= bound.Over {
		return cql.OneOf(field, names...)
	}
	if !bound.Split {
		return nil
	}
	var lists cql.Or
	for some := range slices.Chunk(names, bound.Over) {
		lists = append(lists, cql.OneOf(field, some...))
	}
	return lists
}

func noHits(spec rules.NarrowSpec) (string, error) {
	if spec.None == "" {
		return "", errHiddenValue
	}
	return spec.None, nil
}

// judgeClause holds a clause's values against the field's type.
func judgeClause(c *cql.Clause, typ string, view *rules.View) error {
	attr, entity := rules.ParseAttr(typ)
	allowed, enum := strings.CutPrefix(strings.TrimSuffix(typ, ")"), "enum(")
	for i := range c.Values {
		v := &c.Values[i]
		switch {
		case v.Call:
			if typ != "date" {
				return fmt.Errorf("%w: function %s as a value of %s", cql.ErrRefused, v.Text, c.Field)
			}
		case entity:
			if c.Op == cql.Contains || c.Op == cql.Lacks {
				return fmt.Errorf("%w: %s %s", cql.ErrRefused, c.Field, c.Op)
			}
			ref := rules.Ref{Kind: attr.Kind(), Keys: []rules.Key{{Attr: attr, Value: v.Text}}}
			if view.Entity(ref, rules.Context{Space: rules.NoID}).Verdict != rules.Visible {
				return errHiddenValue
			}
		case enum:
			if !slices.Contains(strings.Split(allowed, ","), v.Text) {
				return fmt.Errorf("%w: %q as a value of %s", cql.ErrRefused, v.Text, c.Field)
			}
		}
	}
	return nil
}

// canonicalIn allows the listed names, whatever their case, as they are listed.
func canonicalIn(names []string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for _, n := range names {
			if strings.EqualFold(n, name) {
				return n, true
			}
		}
		return "", false
	}
}

func keys(m map[string]string) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

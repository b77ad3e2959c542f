package htmlrewrite

import (
	"fmt"
	"strings"
)

// A selector list is compiled into chains of states, one a compound. A state
// holds at an element if its compound does and the state before it holds where
// the combinator says. All states of all selectors are run over the tape at
// once, in one pass and without backtracking.

// attrTest is one [name op "value"].
type attrTest struct {
	name  attrID
	value string
	op    byte // 0 present, '=', '^', '$', '*', '~', '|'
	fold  bool
}

// compound is a sequence of simple selectors about one element.
type compound struct {
	tag     tagID // tNone: any
	id      string
	classes []string
	attrs   []attrTest
	not     []compound
	has     []hasTest
}

// fails reports, of a value as it stands, that it can't begin as is asked: its
// first byte stands for itself. Most values need not be decoded then.
func (a *attrTest) fails(raw string) bool {
	return a.op == '^' && !a.fold && raw != "" && raw[0] != '&' && raw[0] != '\r' && a.value != "" && raw[0] != a.value[0]
}

// empty reports whether nothing is asked.
func (c *compound) empty() bool {
	return c.tag == tNone && c.id == "" && len(c.classes)+len(c.attrs)+len(c.not)+len(c.has) == 0
}

// hasTest is one :has(…): a group of the matcher's inner set.
type hasTest struct {
	group int
	child bool
}

// state is one compound of one complex selector.
type state struct {
	comp  compound
	comb  byte // to the state before: ' ', '>', '+', '~'; 0 for the first
	prev  int  // index of the state before, -1
	bit   int  // place in the bit sets, if a state follows; -1
	group int  // the group that is matched when this state holds; -1
}

// parser reads selectors.
type parser struct {
	s     string
	i     int
	voc   *vocabulary
	inner *selSet // where :has arguments go; nil inside :has and :not
}

func (p *parser) fail(format string, args ...any) error {
	return fmt.Errorf("selector %q: at %d: %s", p.s, p.i, fmt.Sprintf(format, args...))
}

func (p *parser) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

func (p *parser) space() bool {
	from := p.i
	for p.i < len(p.s) && isSpace(p.s[p.i]) {
		p.i++
	}
	return p.i > from
}

// step is one compound with the combinator before it.
type step struct {
	comb byte
	comp compound
}

// list reads a whole selector list.
func (p *parser) list() ([][]step, error) {
	var out [][]step
	for {
		steps, err := p.complex()
		if err != nil {
			return nil, err
		}
		out = append(out, steps)
		p.space()
		if p.i >= len(p.s) {
			return out, nil
		}
		if p.peek() != ',' {
			return nil, p.fail("unexpected %q", p.peek())
		}
		p.i++
	}
}

func (p *parser) complex() ([]step, error) {
	var steps []step
	p.space()
	comb := byte(0)
	for {
		c, err := p.compound()
		if err != nil {
			return nil, err
		}
		steps = append(steps, step{comb, c})
		spaced := p.space()
		switch c := p.peek(); {
		case c == '>' || c == '+' || c == '~':
			comb = c
			p.i++
			p.space()
		case spaced && c != 0 && c != ',' && c != ')':
			comb = ' '
		default:
			return steps, nil
		}
	}
}

func (p *parser) ident() (string, error) {
	var b strings.Builder
	for p.i < len(p.s) {
		c := p.s[p.i]
		switch {
		case isAlnum(c), c == '-', c == '_', c >= 0x80:
			b.WriteByte(c)
			p.i++
		case c == '\\' && p.i+1 < len(p.s) && !isHex(p.s[p.i+1]):
			b.WriteByte(p.s[p.i+1])
			p.i += 2
		default:
			if b.Len() == 0 {
				return "", p.fail("a name is missing")
			}
			return b.String(), nil
		}
	}
	if b.Len() == 0 {
		return "", p.fail("a name is missing")
	}
	return b.String(), nil
}

func (p *parser) compound() (compound, error) {
	var c compound
	from := p.i
	switch ch := p.peek(); {
	case ch == '*':
		p.i++
	case isAlpha(ch):
		name, err := p.ident()
		if err != nil {
			return c, err
		}
		c.tag = p.voc.tag(lower(name))
	}
	for {
		var err error
		switch p.peek() {
		case '#':
			p.i++
			if c.id != "" {
				return c, p.fail("two ids")
			}
			c.id, err = p.ident()
		case '.':
			p.i++
			var name string
			name, err = p.ident()
			c.classes = append(c.classes, name)
		case '[':
			err = p.attrTest(&c)
		case ':':
			err = p.pseudo(&c)
		default:
			if p.i == from {
				return c, p.fail("a selector is missing")
			}
			return c, nil
		}
		if err != nil {
			return c, err
		}
	}
}

func (p *parser) attrTest(c *compound) error {
	p.i++
	p.space()
	var b strings.Builder
	for p.i < len(p.s) && (isAlnum(p.s[p.i]) || strings.IndexByte("-_:", p.s[p.i]) >= 0) {
		b.WriteByte(p.s[p.i])
		p.i++
	}
	if b.Len() == 0 {
		return p.fail("an attribute's name is missing")
	}
	t := attrTest{name: p.voc.attr(lower(b.String()))}
	p.space()
	if ch := p.peek(); ch != ']' {
		t.op = ch
		p.i++
		if ch != '=' {
			if strings.IndexByte("^$*~|", ch) < 0 || p.peek() != '=' {
				return p.fail("unknown operator")
			}
			p.i++
		}
		p.space()
		if q := p.peek(); q == '"' || q == '\'' {
			j := strings.IndexByte(p.s[p.i+1:], q)
			if j < 0 {
				return p.fail("a quote is open")
			}
			t.value = p.s[p.i+1 : p.i+1+j]
			p.i += j + 2
		} else {
			v, err := p.ident()
			if err != nil {
				return err
			}
			t.value = v
		}
		if p.space() && (p.peek() == 'i' || p.peek() == 's') {
			t.fold = p.peek() == 'i'
			p.i++
			p.space()
		}
	}
	if p.peek() != ']' {
		return p.fail("a bracket is open")
	}
	p.i++
	c.attrs = append(c.attrs, t)
	return nil
}

func (p *parser) pseudo(c *compound) error {
	p.i++
	name, err := p.ident()
	if err != nil {
		return err
	}
	if p.peek() != '(' || name != "not" && name != "has" || p.inner == nil {
		return p.fail(":%s is not known here", name)
	}
	p.i++
	inner := p.inner
	p.inner = nil
	defer func() { p.inner = inner }()
	for {
		p.space()
		child := false
		if name == "has" && p.peek() == '>' {
			child = true
			p.i++
			p.space()
		}
		comp, err := p.compound()
		if err != nil {
			return err
		}
		if name == "not" {
			c.not = append(c.not, comp)
		} else {
			c.has = append(c.has, hasTest{inner.addSteps([][]step{{{0, comp}}}), child})
			if p.space(); p.peek() == ',' {
				return p.fail(":has takes one selector")
			}
		}
		p.space()
		switch p.peek() {
		case ',':
			p.i++
		case ')':
			p.i++
			return nil
		default:
			return p.fail("a bracket is open")
		}
	}
}

// holds tests an attribute's decoded value.
func (a *attrTest) holds(v string) bool {
	w := a.value
	if a.fold {
		v, w = lower(v), lower(w)
	}
	switch a.op {
	case 0:
		return true
	case '=':
		return v == w
	case '^':
		return w != "" && strings.HasPrefix(v, w)
	case '$':
		return w != "" && strings.HasSuffix(v, w)
	case '*':
		return w != "" && strings.Contains(v, w)
	case '~':
		return !strings.ContainsAny(w, " \t\n\r\f") && hasToken(v, w)
	case '|':
		return v == w || strings.HasPrefix(v, w) && v[len(w):] != "" && v[len(w)] == '-'
	}
	return false
}

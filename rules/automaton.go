package rules

import (
	"encoding/binary"
	"regexp"
	"regexp/syntax"
	"slices"
)

// Bounds of a textType's table: what is larger is left to package regexp.
const (
	maxStates      = 2048
	maxTransitions = 1 << 18
)

// textType is a regular expression of Profile.Types that a whole value must
// match. Texts of ASCII, which is nearly all that requests carry, go through a
// table with one look a byte; package regexp reads the rest, and is what the
// table is made from.
type textType struct {
	re      *regexp.Regexp
	class   [128]uint8 // bytes that no state tells apart are of one class
	classes int
	next    []uint16 // by state and class; state 0 takes nothing any more
	accept  []bool   // by state
}

// newTextType compiles an expression; it matches whole texts only.
func newTextType(src string) (*textType, error) {
	_, err := regexp.Compile(src) // by itself, so that its brackets are its own
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller names the type
	}
	re, err := regexp.Compile(`\A(?:` + src + `)\z`)
	if err != nil {
		return nil, err //nolint:wrapcheck // as above
	}
	t := &textType{re: re}
	if parsed, err := syntax.Parse(re.String(), syntax.Perl); err == nil {
		if prog, err := syntax.Compile(parsed.Simplify()); err == nil {
			t.build(prog)
		}
	}
	return t, nil
}

// match reports whether the whole text is of the type.
func (t *textType) match(s string) bool {
	if t.next == nil {
		return t.re.MatchString(s)
	}
	state := uint16(1)
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 128 {
			return t.re.MatchString(s)
		}
		if state = t.next[int(state)*t.classes+int(t.class[c])]; state == 0 {
			return false
		}
	}
	return t.accept[state]
}

// build makes the table by the subset construction, or leaves it out where the
// program looks at more than characters and the two ends, or is too large.
func (t *textType) build(prog *syntax.Prog) {
	begins := 0
	for i := range prog.Inst {
		if in := &prog.Inst[i]; in.Op == syntax.InstEmptyWidth {
			switch syntax.EmptyOp(in.Arg) {
			case syntax.EmptyBeginText:
				begins++
			case syntax.EmptyEndText:
			default:
				return
			}
		}
	}
	if begins != 1 {
		return // another than our own, in front of everything
	}
	t.classify(prog)
	b := subsets{prog: prog, of: map[string]uint16{}, mark: make([]int, len(prog.Inst))}
	b.state(nil)
	if b.state(b.closure([]uint32{uint32(prog.Start)}, true)) != 1 {
		return
	}
	next := make([]uint16, t.classes)
	for s := 1; s < len(b.states); s++ {
		row := slices.Repeat([]uint16{0}, t.classes)
		done := make([]bool, t.classes)
		for c := range rune(128) {
			if k := t.class[c]; !done[k] {
				done[k] = true
				row[k] = b.state(b.step(b.states[s], c))
			}
		}
		if len(b.states) > maxStates || len(next) > maxTransitions {
			return
		}
		next = append(next, row...)
	}
	t.next, t.accept = next, make([]bool, len(b.states))
	for s := range b.states {
		t.accept[s] = b.accepts(b.states[s])
	}
}

// classify gives each byte the class of those that the same instructions take.
func (t *textType) classify(prog *syntax.Prog) {
	seen := map[string]uint8{}
	key := make([]byte, (len(prog.Inst)+7)/8)
	for c := range rune(128) {
		clear(key)
		for i := range prog.Inst {
			if takes(&prog.Inst[i], c) {
				key[i/8] |= 1 << (i % 8)
			}
		}
		k, ok := seen[string(key)]
		if !ok {
			k = uint8(len(seen))
			seen[string(key)] = k
		}
		t.class[c] = k
	}
	t.classes = len(seen)
}

func takes(in *syntax.Inst, c rune) bool {
	switch in.Op {
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		return in.MatchRune(c)
	}
	return false
}

// subsets is the construction under way: each state is the sorted set of
// instructions that the program may be at.
type subsets struct {
	prog   *syntax.Prog
	states [][]uint32
	of     map[string]uint16
	mark   []int
	round  int
}

// state gives the number of a set; 0 is that of the empty one.
func (b *subsets) state(set []uint32) uint16 {
	key := make([]byte, 0, 4*len(set))
	for _, pc := range set {
		key = binary.LittleEndian.AppendUint32(key, pc)
	}
	n, ok := b.of[string(key)]
	if !ok {
		n = uint16(len(b.states))
		b.of[string(key)] = n
		b.states = append(b.states, set)
	}
	return n
}

// step is where the program may be after c.
func (b *subsets) step(from []uint32, c rune) []uint32 {
	var to []uint32
	for _, pc := range from {
		if in := &b.prog.Inst[pc]; takes(in, c) {
			to = append(to, in.Out)
		}
	}
	return b.closure(to, false)
}

// closure follows what takes no character, and keeps the instructions that take
// one, that end the match, or that wait for the end of the text.
func (b *subsets) closure(todo []uint32, begin bool) []uint32 {
	b.round++
	var set []uint32
	for len(todo) > 0 {
		pc := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if b.mark[pc] == b.round {
			continue
		}
		b.mark[pc] = b.round
		switch in := &b.prog.Inst[pc]; in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			todo = append(todo, in.Out, in.Arg)
		case syntax.InstCapture, syntax.InstNop:
			todo = append(todo, in.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg) == syntax.EmptyEndText {
				set = append(set, pc)
			} else if begin {
				todo = append(todo, in.Out)
			}
		case syntax.InstFail:
		default:
			set = append(set, pc)
		}
	}
	slices.Sort(set)
	return set
}

// accepts reports whether the program may end where the text does.
func (b *subsets) accepts(set []uint32) bool {
	b.round++
	todo := slices.Clone(set)
	for len(todo) > 0 {
		pc := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if b.mark[pc] == b.round {
			continue
		}
		b.mark[pc] = b.round
		switch in := &b.prog.Inst[pc]; in.Op {
		case syntax.InstMatch:
			return true
		case syntax.InstAlt, syntax.InstAltMatch:
			todo = append(todo, in.Out, in.Arg)
		case syntax.InstCapture, syntax.InstNop:
			todo = append(todo, in.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(in.Arg) == syntax.EmptyEndText {
				todo = append(todo, in.Out)
			}
		}
	}
	return false
}

package textscan

import (
	"bytes"
	"fmt"
	"regexp/syntax"
	"unicode"
)

// prefilter is what every match of a pattern has, by which most texts are
// passed over without running it.
type prefilter struct {
	min     int       // bytes
	literal []byte    // a part of every match, or nil
	ascii   [2]uint64 // the characters of literal that are no letters or digits
	run     int       // so many letters and digits of ASCII stand together
}

func newPrefilter(pattern string) (prefilter, error) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return prefilter{}, fmt.Errorf("reading the pattern: %w", err)
	}
	re = re.Simplify()
	p := prefilter{min: minLen(re), literal: []byte(mandatory(re)), run: minRun(re)}
	for _, c := range p.literal {
		if c < 0x80 && class[c] != isWord && class[c] != isBlank {
			p.ascii[c>>6] |= 1 << (c & 63)
		}
	}
	return p, nil
}

// admits reports whether the text could hold a match.
func (p prefilter) admits(text []byte) bool {
	return len(text) >= p.min && (len(p.literal) == 0 || bytes.Contains(text, p.literal))
}

// minLen is a lower bound of a match's length in bytes.
func minLen(re *syntax.Regexp) int {
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1
	case syntax.OpCapture, syntax.OpPlus:
		return minLen(re.Sub[0])
	case syntax.OpRepeat:
		return re.Min * minLen(re.Sub[0])
	case syntax.OpConcat:
		n := 0
		for _, sub := range re.Sub {
			n += minLen(sub)
		}
		return n
	case syntax.OpAlternate:
		n := minLen(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			n = min(n, minLen(sub))
		}
		return n
	}
	return 0
}

// mandatory is the longest literal that stands in every match, as it is.
func mandatory(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase == 0 {
			return string(re.Rune)
		}
		return caseless(re.Rune)
	case syntax.OpCapture, syntax.OpPlus:
		return mandatory(re.Sub[0])
	case syntax.OpConcat:
		best := ""
		for _, sub := range re.Sub {
			if s := mandatory(sub); len(s) > len(best) {
				best = s
			}
		}
		return best
	}
	return ""
}

// caseless is the longest part of a literal of characters that have no other case.
func caseless(literal []rune) string {
	best, from := literal[:0], 0
	for i, r := range literal {
		if unicode.SimpleFold(r) != r {
			from = i + 1
		} else if i+1-from > len(best) {
			best = literal[from : i+1]
		}
	}
	return string(best)
}

// minRun is how many letters and digits of ASCII stand together in every match.
func minRun(re *syntax.Regexp) int {
	if n := wordLen(re); n >= 0 {
		return n
	}
	switch re.Op {
	case syntax.OpCapture, syntax.OpPlus:
		return minRun(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return minRun(re.Sub[0])
		}
	case syntax.OpConcat:
		best, run := 0, 0
		for _, sub := range re.Sub {
			if n := wordLen(sub); n >= 0 {
				run += n
			} else {
				best, run = max(best, minRun(sub)), 0
			}
			best = max(best, run)
		}
		return best
	case syntax.OpAlternate:
		n := minRun(re.Sub[0])
		for _, sub := range re.Sub[1:] {
			n = min(n, minRun(sub))
		}
		return n
	}
	return 0
}

// wordLen is minLen of what matches letters and digits of ASCII only, else -1.
func wordLen(re *syntax.Regexp) int {
	word := func(lo, hi rune) bool {
		return lo >= '0' && hi <= '9' || lo >= 'a' && hi <= 'z' || lo >= 'A' && hi <= 'Z'
	}
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if !word(r, r) {
				return -1
			}
		}
	case syntax.OpCharClass:
		for i := 0; i < len(re.Rune); i += 2 {
			if !word(re.Rune[i], re.Rune[i+1]) {
				return -1
			}
		}
	case syntax.OpWordBoundary, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine, syntax.OpEmptyMatch:
	case syntax.OpCapture, syntax.OpPlus, syntax.OpStar, syntax.OpQuest, syntax.OpRepeat, syntax.OpConcat, syntax.OpAlternate:
		for _, sub := range re.Sub {
			if wordLen(sub) < 0 {
				return -1
			}
		}
	default:
		return -1
	}
	return minLen(re)
}

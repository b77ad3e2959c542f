package textscan

import (
	"bytes"
	"fmt"
	"regexp/syntax"
)

// prefilter is what every match of a pattern has, by which most texts are
// passed over without running it.
type prefilter struct {
	min     int    // bytes
	literal []byte // a part of every match, or nil
}

func newPrefilter(pattern string) (prefilter, error) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return prefilter{}, fmt.Errorf("reading the pattern: %w", err)
	}
	re = re.Simplify()
	return prefilter{min: minLen(re), literal: []byte(mandatory(re))}, nil
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

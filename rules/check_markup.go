package rules

import (
	"regexp"
	"slices"
)

// markupPiece is a piece of the markup that a profile may put in an answer: a
// tag without anything that leads anywhere or runs, text, or a character
// reference.
var markupPiece = regexp.MustCompile(`^(?:<(/?)(span|div|p|li|em|strong|i|b|td|tr|h[1-6])((?: (?:class|title|role|aria-[a-z]+)="[^"<>&]*")*)>|[^<>&\x00]+|&[a-z]+;)`)

// wikiMarkup checks an action's markup, which goes into answers as it stands.
func (c *profileCheck) wikiMarkup(at []any, a *HTMLAction) {
	if a.None != "" && (a.Remove != "self" || !wholeElements(a.None)) {
		c.fail(sub(at, "none"), "none is a run of whole elements with no attributes but class, title, role and aria-…, and wants remove: self")
	}
	if a.Once != "" && a.Replace != "self" {
		c.fail(sub(at, "once"), "once is of what is replaced: it wants replace: self")
	}
	if a.Markup == "" {
		return
	}
	at = sub(at, "markup")
	if a.Replace == "" || a.With != "" {
		c.fail(at, "markup stands in the place of something, and is not text: it wants replace:, and no with:")
	}
	if !wholeElements(a.Markup) {
		c.fail(at, "markup is a run of whole elements with no attributes but class, title, role and aria-…")
	}
}

// wholeElements reports whether s opens and closes elements in pairs.
func wholeElements(s string) bool {
	var open []string
	for s != "" {
		m := markupPiece.FindStringSubmatch(s)
		if m == nil {
			return false
		}
		s = s[len(m[0]):]
		switch last := len(open) - 1; {
		case m[2] == "":
		case m[1] == "" && (m[2] != "p" || !slices.Contains(open, "p")):
			open = append(open, m[2])
		case m[1] == "" || last < 0 || open[last] != m[2] || m[3] != "":
			return false
		default:
			open = open[:last]
		}
	}
	return len(open) == 0
}

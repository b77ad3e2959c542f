package rules

import (
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/text/unicode/norm"
)

// Title patterns are matched by doublestar with slashes put out of the way, so
// that * runs over the whole title: a pattern that hides "Internal *" is meant
// for "Internal a/b" as well.
const noSlash = "\x1f"

func foldGlob(s string) string { return strings.ReplaceAll(foldTitle(s), "/", noSlash) }

// foldTitle makes titles comparable as the most lenient of the wikis would:
// case, normal form, underscores and runs of blanks make no difference.
func foldTitle(s string) string {
	ascii, blank, clean := true, true, true
	for i := range len(s) {
		c := s[i]
		ascii = ascii && c < 0x80
		clean = clean && c != '_' && !(c >= 'A' && c <= 'Z') && c != '\t' && c != '\n' && !(c == ' ' && blank)
		blank = c == ' '
	}
	if ascii && clean && !strings.HasSuffix(s, " ") {
		return s
	}
	s = strings.ToLower(norm.NFC.String(s))
	return strings.Join(strings.Fields(strings.ReplaceAll(s, "_", " ")), " ")
}

// titleGlobs is a space's folded patterns.
type titleGlobs []string

func (g titleGlobs) match(title string) bool {
	if len(g) == 0 {
		return false
	}
	title = strings.ReplaceAll(foldTitle(title), "/", noSlash)
	for _, pat := range g {
		// Patterns were checked when the policy was loaded; an error hides.
		if ok, err := doublestar.Match(pat, title); ok || err != nil {
			return true
		}
	}
	return false
}

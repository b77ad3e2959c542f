package rules

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"golang.org/x/text/unicode/norm"
)

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

// maxGlob bounds a pattern's length, and maxGlobDepth the braces within braces.
const (
	maxGlob      = 512
	maxGlobDepth = 8
)

// titleGlob is a compiled pattern over folded titles. Matching takes time in
// proportion to the title, whatever the pattern: plain patterns are searched
// for part by part, all others are regular expressions of RE2.
type titleGlob struct {
	// parts are the texts between the stars, where nothing else is special.
	parts []string
	re    *regexp.Regexp
}

// titleGlobs is a space's patterns.
type titleGlobs []*titleGlob

// foldGlob compiles a pattern that was checked when the policy was loaded; what
// can't be compiled matches everything, since patterns hide.
func foldGlob(s string) *titleGlob {
	g, err := compileGlob(s)
	if err != nil {
		return &titleGlob{parts: []string{"", ""}}
	}
	return g
}

// compileGlob reads a pattern: * is any run of characters, ? is one, [a-z] and
// [!a-z] one of a class, {a,b} either, and \ takes the meaning off the next
// character. The pattern is folded as titles are.
func compileGlob(s string) (*titleGlob, error) {
	if len(s) > maxGlob {
		return nil, fmt.Errorf("longer than %d bytes", maxGlob)
	}
	s = foldTitle(s)
	if !strings.ContainsAny(s, `?[]{}\`) {
		return &titleGlob{parts: strings.Split(s, "*")}, nil
	}
	expr, err := globExpr(s)
	if err != nil {
		return nil, err
	}
	re, err := regexp.Compile(`(?s)\A(?:` + expr + `)\z`)
	if err != nil {
		return nil, errors.New("it is too complicated")
	}
	return &titleGlob{re: re}, nil
}

// globExpr rewrites a pattern as a regular expression of about the same length.
func globExpr(s string) (string, error) {
	var b strings.Builder
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '*':
			b.WriteString(".*")
			for i+1 < len(s) && s[i+1] == '*' {
				i++
			}
		case c == '?':
			b.WriteByte('.')
		case c == '\\':
			i++
			if i == len(s) {
				return "", errors.New("it ends in a backslash")
			}
			b.WriteString(quoteByte(s[i]))
		case c == '[':
			n, err := globClass(&b, s[i:])
			if err != nil {
				return "", err
			}
			i += n - 1
		case c == ']':
			return "", errors.New("a ] without its [")
		case c == '{':
			if depth++; depth > maxGlobDepth {
				return "", fmt.Errorf("braces deeper than %d", maxGlobDepth)
			}
			b.WriteString("(?:")
		case c == '}':
			if depth--; depth < 0 {
				return "", errors.New("a } without its {")
			}
			b.WriteByte(')')
		case c == ',' && depth > 0:
			b.WriteByte('|')
		default:
			b.WriteString(quoteByte(c))
		}
	}
	if depth > 0 {
		return "", errors.New("a { without its }")
	}
	return b.String(), nil
}

// quoteByte quotes what is special in regular expressions; bytes of longer
// characters pass.
func quoteByte(c byte) string {
	if strings.IndexByte(`\.+*?()|[]{}^$`, c) >= 0 {
		return `\` + string(rune(c))
	}
	return string([]byte{c})
}

// globClass writes a class and gives its length.
func globClass(b *strings.Builder, s string) (int, error) {
	rest := s[1:]
	not := rest != "" && (rest[0] == '!' || rest[0] == '^')
	if not {
		rest = rest[1:]
	}
	end := strings.IndexByte(rest, ']')
	for end > 0 && rest[end-1] == '\\' {
		next := strings.IndexByte(rest[end+1:], ']')
		if next < 0 {
			end = -1
			break
		}
		end += 1 + next
	}
	if end < 0 {
		return 0, errors.New("a [ without its ]")
	}
	body := []rune(rest[:end])
	if len(body) == 0 {
		return 0, errors.New("an empty class []")
	}
	b.WriteByte('[')
	if not {
		b.WriteByte('^')
	}
	for i := 0; i < len(body); i++ {
		switch {
		case body[i] == '-' && i > 0 && i+1 < len(body):
			if from, to := body[i-1], body[i+1]; from > to {
				return 0, fmt.Errorf("the class %q runs backwards", s[:len(s)-len(rest)+end+1])
			}
			b.WriteByte('-')
		case body[i] == '\\' && i+1 < len(body):
			i++
			b.WriteString(regexp.QuoteMeta(string(body[i])))
			if body[i] == '-' {
				return 0, errors.New("a - in a class stands first or last")
			}
		case body[i] < 0x80 && strings.ContainsRune(`\-[]^&~`, body[i]):
			b.WriteString(`\` + string(body[i]))
		default:
			b.WriteRune(body[i])
		}
	}
	b.WriteByte(']')
	return len(s) - len(rest) + end + 1, nil
}

func (g titleGlobs) match(title string) bool {
	if len(g) == 0 {
		return false
	}
	title = foldTitle(title)
	for _, one := range g {
		if one.match(title) {
			return true
		}
	}
	return false
}

// match compares with a folded title.
func (g *titleGlob) match(title string) bool {
	if g.re != nil {
		return g.re.MatchString(title)
	}
	first, last := g.parts[0], g.parts[len(g.parts)-1]
	if len(g.parts) == 1 {
		return title == first
	}
	if len(title) < len(first)+len(last) || !strings.HasPrefix(title, first) || !strings.HasSuffix(title, last) {
		return false
	}
	title = title[len(first) : len(title)-len(last)]
	for _, part := range g.parts[1 : len(g.parts)-1] {
		i := strings.Index(title, part)
		if i < 0 {
			return false
		}
		title = title[i+len(part):]
	}
	return true
}

// matchesAll reports a pattern of nothing but stars.
func (g *titleGlob) matchesAll() bool {
	return g.re == nil && len(g.parts) > 1 && strings.Join(g.parts, "") == ""
}

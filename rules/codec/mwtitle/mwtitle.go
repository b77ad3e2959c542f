// Package mwtitle reads page titles as MediaWiki does: it splits off the
// namespace, joins white space, brings the text into normal form C, raises the
// first letter, cuts the fragment and refuses what the wiki refuses.
//
// What the wiki would read as one page must come out as one (namespace, text)
// pair here, or a page could be asked for under a spelling that nobody judged.
// Where this package is stricter than the wiki it refuses.
package mwtitle

import (
	"errors"
	"fmt"
	"html"
	"net/netip"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// ErrInvalid is wrapped by every error of this package: the wiki has no page of
// that spelling.
var ErrInvalid = errors.New("not a page title")

// The namespaces whose numbers are fixed in every wiki.
const (
	NSMedia   = -2
	NSSpecial = -1
	NSMain    = 0
	NSTalk    = 1
	NSUser    = 2
	NSUserTlk = 3
	NSFile    = 6
)

const (
	maxRaw     = 4096 // bytes of a spelling that are looked at
	maxTitle   = 255  // bytes of a title, as in the wiki's database
	maxSpecial = 512
)

// Namespaces says which prefixes are names of namespaces. The name comes as it
// stands in the title, with single spaces, not folded; an implementation
// compares without regard to case, and knows every name: canonical, local,
// aliases. It must not take a number for a name.
type Namespaces interface {
	Namespace(name string) (id int, ok bool)
}

// Sensitive may be implemented by a Namespaces whose wiki keeps the first
// letter of titles as it is in some of its namespaces.
type Sensitive interface {
	CaseSensitive(id int) bool
}

// Names is a Namespaces held in a map from folded names (see Fold) to ids.
type Names map[string]int

// Namespace looks up a name after folding it.
func (n Names) Namespace(name string) (int, bool) {
	id, ok := n[Fold(name)]
	return id, ok
}

// Add names a namespace, once more if it has a name already.
func (n Names) Add(id int, names ...string) {
	for _, s := range names {
		n[Fold(s)] = id
	}
}

// Fold gives the form in which names of namespaces and of special pages are
// compared: lower case, normal form C, single spaces for underscores.
func Fold(name string) string {
	s := strings.ReplaceAll(name, "_", " ")
	if !isASCII(s) {
		s = norm.NFC.String(s)
		s = cases.Lower(language.Und).String(s)
		return norm.NFC.String(strings.Join(strings.Fields(s), " "))
	}
	return strings.ToLower(strings.Join(strings.Fields(s), " "))
}

// forbidden is what the wiki refuses in a title beyond single characters:
// percent-encoded bytes and character references.
var forbidden = regexp.MustCompile(`%[0-9A-Fa-f]{2}|&[A-Za-z0-9\x{80}-\x{10FFFF}]+;`)

// reference is a numeric character reference.
var reference = regexp.MustCompile(`&#(?:[0-9]+|[xX][0-9A-Fa-f]+);`)

// Parse splits a title that was decoded once (from a URL's path or query) into
// the namespace's number and the text of the title, in the wiki's form with
// spaces. A fragment is dropped. An empty title, a lone "#fragment" and
// everything that the wiki takes for no title are errors wrapping ErrInvalid.
// A nil ns knows no namespace but the main one.
func Parse(raw string, ns Namespaces) (nsID int, local string, err error) {
	return ParseIn(raw, NSMain, ns)
}

// ParseText is Parse for titles in wikitext and in those parameters where the
// wiki decodes character references first ("A&amp;B" for "A&B").
func ParseText(raw string, ns Namespaces) (nsID int, local string, err error) {
	return ParseIn(html.UnescapeString(raw), NSMain, ns)
}

// ParseIn is Parse for places where a title without a prefix belongs to
// another namespace than the main one, such as a template's.
func ParseIn(raw string, defaultNS int, ns Namespaces) (nsID int, local string, err error) {
	if len(raw) > maxRaw {
		return 0, "", fmt.Errorf("%w: too long", ErrInvalid)
	}
	if !utf8.ValidString(raw) || strings.ContainsRune(raw, utf8.RuneError) {
		return 0, "", fmt.Errorf("%w: invalid UTF-8", ErrInvalid)
	}
	if m := reference.FindString(raw); m != "" {
		// Before a fragment is looked for: the wiki reads the reference where it
		// takes a title as text, and a fragment elsewhere.
		return 0, "", fmt.Errorf("%w: a character reference", ErrInvalid)
	}
	nsID = defaultNS
	s := collapse(raw)
	if rest, ok := strings.CutPrefix(s, ":"); ok {
		nsID = NSMain
		s = strings.Trim(rest, "_")
	}
	if s == "" {
		return 0, "", fmt.Errorf("%w: empty", ErrInvalid)
	}
	if id, rest, ok := splitNamespace(s, ns); ok {
		nsID, s = id, rest
		if id == NSTalk {
			if _, _, again := splitNamespace(s, ns); again {
				return 0, "", fmt.Errorf("%w: two namespaces", ErrInvalid)
			}
		}
	}
	if i := strings.IndexByte(s, '#'); i >= 0 {
		s = strings.TrimRight(s[:i], "_")
	}
	if err := legal(s, nsID); err != nil {
		return 0, "", err
	}
	if !keepsCase(nsID, ns) {
		s = upperFirst(s)
	}
	if nsID == NSUser || nsID == NSUserTlk {
		s = canonicalIP(s)
	}
	switch {
	case s == "":
		return 0, "", fmt.Errorf("%w: empty", ErrInvalid)
	case s[0] == ':':
		return 0, "", fmt.Errorf("%w: colons at the start", ErrInvalid)
	}
	return nsID, strings.ReplaceAll(s, "_", " "), nil
}

// Special splits the text of a title in the Special namespace at its first
// slash: the folded name of the special page, and its subpage part as written.
func Special(local string) (name, subpage string, hasSubpage bool) {
	name, subpage, hasSubpage = strings.Cut(local, "/")
	return Fold(name), subpage, hasSubpage
}

// DBKey gives the form of a title that stands in URLs: underscores for spaces.
func DBKey(local string) string { return strings.ReplaceAll(local, " ", "_") }

// CSS gives the form that a title (with its prefix) takes in a class of the
// page's body: the wiki writes '_' for what a class can't carry, joins them and
// cuts those at the end. Several titles share one form.
func CSS(title string) string {
	var b strings.Builder
	b.Grow(len(title))
	under := false
	for i, r := range title {
		ugly := r <= 0x20 || r == 0xa0 || r == '_' || strings.ContainsRune("!\"#$%&'()*+,./:;<=>?@[]^`{|}~", r) ||
			i == 0 && (r == '-' || '0' <= r && r <= '9')
		switch {
		case !ugly:
			b.WriteRune(r)
		case !under:
			b.WriteByte('_')
		}
		under = ugly
	}
	return strings.TrimRight(b.String(), "_")
}

// collapse removes bidi marks, joins white space to one underscore, trims, and
// brings the rest into normal form C.
func collapse(raw string) string {
	if !isASCII(raw) {
		raw = norm.NFC.String(raw)
	}
	var b strings.Builder
	b.Grow(len(raw))
	space := false
	for _, r := range raw {
		switch {
		case isBidi(r):
			continue
		case isSpace(r):
			space = true
			continue
		case space && b.Len() > 0:
			b.WriteByte('_')
		}
		space = false
		b.WriteRune(r)
	}
	if s := b.String(); isASCII(s) || norm.NFC.IsNormalString(s) {
		return s
	}
	// A mark that was removed may have kept two characters apart.
	return norm.NFC.String(b.String())
}

func isBidi(r rune) bool { return r == 0x200e || r == 0x200f || r >= 0x202a && r <= 0x202e }

func isSpace(r rune) bool {
	switch {
	case r == ' ', r == '_', r == 0xa0, r == 0x1680, r == 0x180e, r >= 0x2000 && r <= 0x200a,
		r == 0x2028, r == 0x2029, r == 0x202f, r == 0x205f, r == 0x3000:
		return true
	}
	return false
}

// splitNamespace takes a namespace's name and colon off the front.
func splitNamespace(s string, ns Namespaces) (id int, rest string, ok bool) {
	if ns == nil || len(s) < 2 {
		return 0, "", false
	}
	// The prefix has at least one character, which may itself be a colon.
	_, size := utf8.DecodeRuneInString(s)
	i := strings.IndexByte(s[size:], ':')
	if i < 0 {
		return 0, "", false
	}
	i += size
	name := strings.TrimRight(s[:i], "_")
	if name == "" {
		return 0, "", false
	}
	id, ok = ns.Namespace(strings.ReplaceAll(name, "_", " "))
	if !ok {
		return 0, "", false
	}
	return id, strings.TrimLeft(s[i+1:], "_"), true
}

// legal refuses what may not stand in a title.
func legal(s string, nsID int) error {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c < 0x20, c == 0x7f, strings.IndexByte("#<>[]{}|", c) >= 0:
			return fmt.Errorf("%w: the character %q", ErrInvalid, c)
		}
	}
	if m := forbidden.FindString(s); m != "" {
		return fmt.Errorf("%w: an escape", ErrInvalid)
	}
	for part := range strings.SplitSeq(s, "/") {
		if (part == "." || part == "..") && strings.Contains(s, ".") {
			return fmt.Errorf("%w: a relative path", ErrInvalid)
		}
	}
	limit := maxTitle
	if nsID == NSSpecial {
		limit = maxSpecial
	}
	switch {
	case strings.Contains(s, "~~~"):
		return fmt.Errorf("%w: a signature", ErrInvalid)
	case len(s) > limit:
		return fmt.Errorf("%w: too long", ErrInvalid)
	}
	return nil
}

// keepsCase says whether the first letter stays. Special, user and interface
// pages are always raised.
func keepsCase(id int, ns Namespaces) bool {
	switch id {
	case NSSpecial, NSUser, NSUserTlk, 8, 9:
		return false
	}
	s, ok := ns.(Sensitive)
	return ok && s.CaseSensitive(id)
}

// upperFirst raises the first character, with its full mapping.
func upperFirst(s string) string {
	if s == "" {
		return s
	}
	if c := s[0]; c < utf8.RuneSelf {
		if 'a' <= c && c <= 'z' {
			return string(c-'a'+'A') + s[1:]
		}
		return s
	}
	_, size := utf8.DecodeRuneInString(s)
	up := cases.Upper(language.Und).String(s[:size])
	if up == s[:size] {
		return s
	}
	return norm.NFC.String(up + s[size:])
}

// canonicalIP gives the one form of the name of a user who edits from an
// address; other names stay as they are.
func canonicalIP(s string) string {
	addr, suffix, _ := strings.Cut(s, "/")
	ip, err := netip.ParseAddr(addr)
	if err != nil || !ip.Is6() || ip.Zone() != "" {
		return s
	}
	b := ip.As16()
	var out strings.Builder
	for i := 0; i < len(b); i += 2 {
		if i > 0 {
			out.WriteByte(':')
		}
		fmt.Fprintf(&out, "%X", uint(b[i])<<8|uint(b[i+1]))
	}
	if suffix != "" {
		out.WriteByte('/')
		out.WriteString(suffix)
	}
	return out.String()
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

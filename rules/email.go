package rules

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// E-mail addresses and domains have one canonical form, so that everything
// that is compared is compared as bytes: in policies, of providers, in claims
// and in directories.
//
// A domain is that of IDNA (RFC 5891, in the form of UTS 46): lower case, each
// label that is not ASCII as its xn-- form; both spellings are one domain. What
// only a mapping would make a domain (full-width letters, ideographic stops,
// invisible characters), a label that mixes scripts, a trailing dot, and an
// address literal are none. There are no patterns, and a domain says nothing
// about those below it.
//
// An address has exactly one @. Of its local part the letters A to Z are folded
// and nothing else (RFC 6531 leaves it to the domain; Unicode's case folding
// would make one of K and the Kelvin sign). Quoted local parts, blanks,
// control and invisible characters, and what is not in normal form C make it
// no address.

const (
	maxDomain = 253 // RFC 1035, section 2.3.4
	maxLocal  = 64  // RFC 5321, section 4.5.3.1.1
)

// domains checks labels and lengths, and maps nothing but case and normal form.
var domains = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(true), idna.BidiRule(), idna.VerifyDNSLength(true))

// canonDomain gives a domain's canonical form, or why it has none.
func canonDomain(s string) (string, error) {
	switch {
	case s == "":
		return "", fmt.Errorf("an empty text")
	case len(s) > 4*maxDomain:
		return "", fmt.Errorf("longer than %d bytes", maxDomain)
	case strings.HasSuffix(s, "."):
		return "", fmt.Errorf("no dot at the end")
	case plainDomain(s):
		return s, nil
	}
	ascii, err := domains.ToASCII(s)
	if err != nil {
		return "", fmt.Errorf("no valid name of a host")
	}
	unicodeForm, err := domains.ToUnicode(ascii)
	if err != nil {
		return "", fmt.Errorf("no valid name of a host")
	}
	// What is written is one of the two forms, case aside.
	if got := strings.ToLower(norm.NFC.String(s)); got != unicodeForm && got != ascii && !sameLabels(got, ascii, unicodeForm) {
		return "", fmt.Errorf("it holds characters that only look like %q", unicodeForm)
	}
	for label := range strings.SplitSeq(unicodeForm, ".") {
		if mixed(label) {
			return "", fmt.Errorf("the label %q mixes scripts", label)
		}
	}
	return ascii, nil
}

// plainDomain reports a domain that is canonical as it stands, which nearly all
// are: lower-case letters, digits and hyphens.
func plainDomain(s string) bool {
	if len(s) > maxDomain || strings.Contains(s, "--") {
		return false
	}
	start := 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || s[i] == '.' {
			label := s[start:i]
			if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
				return false
			}
			start = i + 1
			continue
		}
		if c := s[i]; c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// sameLabels reports whether each label is in one of the two forms.
func sameLabels(got, ascii, unicodeForm string) bool {
	g, a, u := strings.Split(got, "."), strings.Split(ascii, "."), strings.Split(unicodeForm, ".")
	if len(g) != len(a) || len(g) != len(u) {
		return false
	}
	for i := range g {
		if g[i] != a[i] && g[i] != u[i] {
			return false
		}
	}
	return true
}

// scriptSets are the scripts that one label may hold together (UTS 39, highly
// restrictive, without its mixtures with Latin).
var scriptSets = [][]*unicode.RangeTable{
	{unicode.Han, unicode.Hiragana, unicode.Katakana},
	{unicode.Han, unicode.Hangul},
	{unicode.Han, unicode.Bopomofo},
}

// mixed reports a label whose letters come from scripts that no language
// writes together.
func mixed(label string) bool {
	var seen []*unicode.RangeTable
	for _, r := range label {
		if r < utf8Self && !unicode.IsLetter(r) || unicode.In(r, unicode.Common, unicode.Inherited) {
			continue
		}
		t := scriptOf(r)
		if t == nil {
			return true
		}
		if !slices.Contains(seen, t) {
			seen = append(seen, t)
		}
	}
	if len(seen) < 2 {
		return false
	}
	return !slices.ContainsFunc(scriptSets, func(set []*unicode.RangeTable) bool {
		return !slices.ContainsFunc(seen, func(t *unicode.RangeTable) bool { return !slices.Contains(set, t) })
	})
}

const utf8Self = 0x80

func scriptOf(r rune) *unicode.RangeTable {
	if unicode.Is(unicode.Latin, r) {
		return unicode.Latin
	}
	for _, t := range unicode.Scripts {
		if unicode.Is(t, r) {
			return t
		}
	}
	return nil
}

// canonAddress gives an address in canonical form, with its domain.
func canonAddress(s string) (address, domain string, ok bool) {
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || len(local) > maxLocal || strings.ContainsFunc(local, badLocal) || !norm.NFC.IsNormalString(local) {
		return "", "", false
	}
	domain, err := canonDomain(domain)
	if err != nil {
		return "", "", false
	}
	local = strings.Map(asciiLower, local)
	if len(local)+1+len(domain) == len(s) && s[:len(local)] == local && s[len(local)+1:] == domain {
		return s, domain, true
	}
	return local + "@" + domain, domain, true
}

// badLocal tells what no local part holds unquoted (RFC 5322, atext), and what
// can't be seen.
func badLocal(r rune) bool {
	if r < utf8Self {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`"(),:;<>[\]`, r)
	}
	return r == unicode.ReplacementChar || !unicode.IsGraphic(r) || unicode.In(r, unicode.Zs, unicode.Other_Default_Ignorable_Code_Point)
}

func asciiLower(r rune) rune {
	if r >= 'A' && r <= 'Z' {
		return r + ('a' - 'A')
	}
	return r
}

// emailDomain gives what stands behind the only @, in canonical form.
func emailDomain(s string) (string, bool) {
	_, domain, ok := canonAddress(s)
	return domain, ok
}

// publicMail are providers of mail to anybody: whoever trusts such a domain
// trusts every one of their customers.
var publicMail = []string{
	"aol.com", "fastmail.com", "gmail.com", "gmx.at", "gmx.ch", "gmx.com", "gmx.de", "gmx.net", "googlemail.com", "hey.com",
	"hotmail.com", "icloud.com", "live.com", "mail.com", "mail.ru", "me.com", "msn.com", "outlook.com", "proton.me",
	"protonmail.com", "qq.com", "t-online.de", "tutanota.com", "web.de", "yahoo.com", "yandex.ru", "ymail.com", "zoho.com",
}

package mwtest

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Leak is a token that stands where it must not.
type Leak struct {
	Token Token
	// Form says how the bytes had to be decoded to show it.
	Form string
	// Around are the bytes about it, in that form.
	Around string
}

func (l Leak) String() string { return fmt.Sprintf("%s [%s]: …%s…", l.Token, l.Form, l.Around) }

// Scanner looks for tokens in every form in which a client might read them.
type Scanner struct {
	byStart map[string][]Token
}

const startLen = 7

// NewScanner makes a Scanner for tokens.
func NewScanner(tokens []Token) *Scanner {
	s := &Scanner{byStart: map[string][]Token{}}
	for _, t := range tokens {
		w := strings.ToLower(t.Word)
		if len(w) < startLen {
			continue
		}
		s.byStart[w[:startLen]] = append(s.byStart[w[:startLen]], t)
	}
	return s
}

// form is one way of reading bytes.
type form struct {
	name string
	read func(string) string
}

var forms = []form{
	{"entities", html.UnescapeString},
	{"percent", unpercent},
	{"json", unjson},
	{"text", untag},
	{"base64", unbase64},
}

// Scan gives the tokens found in body, each once, in the least decoded form. A
// token whose word is among echoed, the values of the request itself, is left
// out.
func (s *Scanner) Scan(body []byte, echoed ...string) []Leak {
	var leaks []Leak
	found := map[string]bool{}
	for _, e := range echoed {
		e = fold(unpercent(e))
		for _, ts := range s.byStart {
			for _, t := range ts {
				if w := strings.ToLower(t.Word); strings.Contains(e, w) {
					found[w] = true
				}
			}
		}
	}
	seen := map[string]bool{}
	var walk func(name, text string, depth int)
	walk = func(name, text string, depth int) {
		if text == "" || seen[text] {
			return
		}
		seen[text] = true
		s.scan(name, text, found, &leaks)
		if depth == 3 {
			return
		}
		for _, f := range forms {
			out := f.read(text)
			if out == text {
				continue
			}
			walk(strings.TrimPrefix(name+"+"+f.name, "+"), out, depth+1)
		}
	}
	walk("", string(body), 0)
	return leaks
}

func (s *Scanner) scan(name, text string, found map[string]bool, leaks *[]Leak) {
	low := fold(text)
	for i := 0; i+startLen <= len(low); i++ {
		for _, t := range s.byStart[low[i:i+startLen]] {
			w := strings.ToLower(t.Word)
			if found[w] || !strings.HasPrefix(low[i:], w) {
				continue
			}
			found[w] = true
			*leaks = append(*leaks, Leak{t, name, strings.ToValidUTF8(low[max(0, i-120):min(len(low), i+len(w)+60)], "?")})
		}
	}
}

// fold lowers the case, brings text into one normal form and takes out what
// does not show.
func fold(s string) string {
	ascii := true
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			ascii = false
			break
		}
	}
	if ascii {
		return strings.ToLower(s)
	}
	s = norm.NFKC.String(s)
	return strings.Map(func(r rune) rune {
		if r == '\u00ad' || r == '\u200b' || unicode.Is(unicode.Cf, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, s)
}

func unpercent(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func unjson(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 >= len(s) {
			b.WriteByte(s[i])
			continue
		}
		switch c := s[i+1]; c {
		case 'u', 'x':
			n := 4
			if c == 'x' {
				n = 2
			}
			if i+2+n <= len(s) {
				if v, err := strconv.ParseUint(s[i+2:i+2+n], 16, 32); err == nil {
					b.WriteRune(rune(v))
					i += 1 + n
					continue
				}
			}
			b.WriteByte(c)
		case 'n', 't', 'r':
			b.WriteByte(' ')
		default:
			b.WriteByte(c)
		}
		i++
	}
	return b.String()
}

var tag = regexp.MustCompile(`<[^<>]*>`)

// untag joins the text across tags, as a reader sees it.
func untag(s string) string { return tag.ReplaceAllString(s, "") }

var b64 = regexp.MustCompile(`[A-Za-z0-9+/_-]{16,}={0,2}`)

// unbase64 gives what could be base64 in s, decoded.
func unbase64(s string) string {
	var out bytes.Buffer
	for _, m := range b64.FindAllString(s, -1) {
		m = strings.TrimRight(m, "=")
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			if d, err := enc.DecodeString(m[:len(m)/4*4]); err == nil {
				out.Write(d)
				out.WriteByte(' ')
				break
			}
		}
	}
	if out.Len() == 0 {
		return s
	}
	return out.String()
}

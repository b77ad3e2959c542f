// Package wikitext finds what a piece of wiki markup names: links, templates
// and other transclusions, files, redirects, URLs, and whatever it can't read.
//
// It is a scan and no parser, and errs on the side of finding more: what stands
// in comments, in nowiki and in code counts too, since who reads the source
// reads it there. It does not know the wiki's namespaces; targets come as a
// title codec wants them.
package wikitext

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"
)

// ErrTooLarge says that the markup is over a bound, ErrMalformed that it is no
// text.
var (
	ErrTooLarge  = errors.New("markup too large")
	ErrMalformed = errors.New("not markup")
)

// The bounds of a scan.
const (
	maxLen    = 8 << 20
	maxRefs   = 20_000
	maxTarget = 1024 // bytes of a target; longer ones are unknown
)

// Kind says how a target is named.
type Kind uint8

// The kinds of reference.
const (
	Unknown  Kind = iota // something that may show anything; Target says what, as in "#invoke"
	Link                 // a full title: [[Title]], {{:Title}}, #ifexist
	Relative             // a title relative to the page itself: [[/Sub]], [[../Other]]
	Template             // a title in the template namespace, unless it has a prefix: {{Title}}
	File                 // a title in the file namespace, unless it has a prefix: gallery lines
	Category             // a title in the category namespace, unless it has a prefix
	Redirect             // a full title that the page redirects to
	URL                  // an absolute URL
)

// String gives the kind's name, for reasons and tests.
func (k Kind) String() string {
	return [...]string{"unknown", "link", "relative", "template", "file", "category", "redirect", "url"}[k]
}

// Ref is one thing that the markup names. Target is decoded: percent-encoding
// and character references are resolved, as the wiki does in links.
type Ref struct {
	Kind   Kind
	Target string
}

// Refs gives everything that the markup names, each thing once, in order.
func Refs(src []byte) ([]Ref, error) {
	switch {
	case len(src) > maxLen:
		return nil, ErrTooLarge
	case !utf8.Valid(src):
		return nil, fmt.Errorf("%w: invalid UTF-8", ErrMalformed)
	}
	s := &scan{seen: map[Ref]bool{}}
	s.all(src)
	// Read once more as the wiki does: without comments, and without the tags
	// that vanish, either of which may stand in the middle of a name.
	if plain := uncomment(src); len(plain) != len(src) {
		s.all(plain)
		src = plain
	}
	if plain := untag(src); len(plain) != len(src) {
		s.all(plain)
	}
	if s.full {
		return nil, ErrTooLarge
	}
	return s.refs, nil
}

var redirect = regexp.MustCompile(`(?i)\A\s*#[^\s\[\]{}:]+\s*:?\s*\[\[([^\]|\n]*)`)

// uncomment takes comments out; one without end reaches to the end of the text.
func uncomment(src []byte) []byte {
	if !bytes.Contains(src, []byte("<!--")) {
		return src
	}
	var out []byte
	for {
		before, rest, found := bytes.Cut(src, []byte("<!--"))
		out = append(out, before...)
		if !found {
			return out
		}
		if _, src, found = bytes.Cut(rest, []byte("-->")); !found {
			return out
		}
	}
}

// vanishing are the tags that leave nothing behind.
var vanishing = set("nowiki noinclude includeonly onlyinclude translate")

// untag takes the tags out that vanish.
func untag(src []byte) []byte {
	var out []byte
	last := 0
	eachTag(src, func(at int, name string, closing bool) {
		if !vanishing[name] || at < last {
			return
		}
		if end := bytes.IndexByte(src[at:min(len(src), at+maxTarget)], '>'); end >= 0 {
			out = append(out, src[last:at]...)
			last = at + end + 1
		}
	})
	if last == 0 {
		return src
	}
	return append(out, src[last:]...)
}

// eachTag calls f with the place and the lower-case name of every tag.
func eachTag(src []byte, f func(at int, name string, closing bool)) {
	for i := 0; ; {
		at := bytes.IndexByte(src[i:], '<')
		if at < 0 {
			return
		}
		at += i
		i = at + 1
		closing := i < len(src) && src[i] == '/'
		from := i
		if closing {
			from++
		}
		to := from
		for to < len(src) && to-from < 64 && (isLetter(src[to]) || to > from && (src[to] >= '0' && src[to] <= '9' || src[to] == '-' || src[to] == '_')) {
			to++
		}
		if to > from {
			f(at, strings.ToLower(string(src[from:to])), closing)
		}
	}
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

type scan struct {
	refs []Ref
	seen map[Ref]bool
	full bool
}

// add notes a reference.
func (s *scan) add(k Kind, raw string) {
	t := strings.TrimSpace(raw)
	if k == Link || k == Template || k == File || k == Category || k == Redirect || k == Relative {
		if len(t) > maxTarget || strings.Contains(t, "{{") || strings.Contains(t, "}}") {
			k, t = Unknown, "computed title"
		}
		t = decode(t)
	}
	if t == "" {
		return
	}
	r := Ref{k, t}
	if s.seen[r] || s.full {
		return
	}
	if len(s.refs) >= maxRefs {
		s.full = true
		return
	}
	s.seen[r] = true
	s.refs = append(s.refs, r)
}

// decode resolves percent-encoding, then character references. Where the
// encoding is broken the text stays, as in the wiki.
func decode(t string) string {
	if strings.Contains(t, "%") {
		if d, err := url.PathUnescape(t); err == nil && utf8.ValidString(d) {
			t = d
		}
	}
	if strings.Contains(t, "&") {
		t = html.UnescapeString(t)
	}
	return strings.TrimSpace(t)
}

func (s *scan) all(src []byte) {
	if m := redirect.FindSubmatch(src); m != nil {
		s.title(Redirect, string(m[1]))
	}
	s.links(src)
	s.braces(src)
	s.tags(src)
	s.linkOptions(src)
	s.urls(src)
}

// galleryLines files the lines of the gallery whose tag stands at a place, up
// to its end or that of the text, and returns that place.
func (s *scan) galleryLines(src []byte, at int) int {
	open := bytes.IndexByte(src[at:], '>')
	if open < 0 {
		return len(src)
	}
	at += open + 1
	for at < len(src) {
		line := src[at:]
		if nl := bytes.IndexByte(line, '\n'); nl >= 0 {
			line = line[:nl]
		}
		at += len(line) + 1
		last := false
		if i := bytes.Index(line, []byte("</")); i >= 0 {
			if rest := line[i+2:]; len(rest) >= 7 && bytes.EqualFold(rest[:7], []byte("gallery")) {
				line, last = line[:i], true
			}
		}
		name, _, _ := bytes.Cut(bytes.TrimSpace(line), []byte("|"))
		if !bytes.Contains(name, []byte("[[")) && !bytes.HasPrefix(name, []byte("<")) {
			s.add(File, string(name))
		}
		if last {
			break
		}
	}
	return min(at, len(src))
}

// title adds a title that may be relative to the page.
func (s *scan) title(k Kind, t string) {
	if trimmed := strings.TrimSpace(t); strings.HasPrefix(trimmed, "/") || strings.HasPrefix(trimmed, "../") || trimmed == ".." {
		// A title may begin with a slash, where there are no subpages.
		s.add(Relative, t)
	}
	s.add(k, t)
}

// links finds [[target|…]]. Ends are looked for on the line only, as titles
// have no line breaks.
func (s *scan) links(src []byte) {
	for i := 0; i+1 < len(src); {
		at := bytes.Index(src[i:], []byte("[["))
		if at < 0 {
			return
		}
		i += at + 2
		rest := src[i:min(len(src), i+2*maxTarget)]
		if nl := bytes.IndexByte(rest, '\n'); nl >= 0 {
			rest = rest[:nl]
		}
		if next := bytes.Index(rest, []byte("[[")); next >= 0 {
			rest = rest[:next]
		}
		target := rest
		if e := bytes.Index(target, []byte("]]")); e >= 0 {
			target = target[:e]
		}
		target, _, _ = bytes.Cut(target, []byte("|"))
		s.title(Link, string(target))
	}
}

// linkOptions finds |link=TITLE, an option of pictures, wherever it stands.
func (s *scan) linkOptions(src []byte) {
	for i := 0; ; {
		at := bytes.Index(src[i:], []byte("link"))
		if at < 0 {
			return
		}
		at += i
		i = at + len("link")
		value, ok := bytes.CutPrefix(bytes.TrimLeft(src[i:min(len(src), i+maxTarget)], " \t"), []byte("="))
		if !ok || !bytes.HasSuffix(bytes.TrimRight(src[max(0, at-64):at], " \t\n"), []byte("|")) {
			continue
		}
		if end := bytes.IndexAny(value, "|]}\n"); end >= 0 {
			value = value[:end]
		}
		s.title(Link, string(value))
	}
}

// schemes are those that the wiki makes links of.
var schemes = set(`http https mailto ftp ftps irc ircs news nntp sftp ssh tel gopher telnet urn xmpp git svn mms bitcoin magnet geo worldwind
	redis sip sips sms matrix`)

// urls finds absolute URLs, bare or in brackets, where the scheme may be left
// out.
func (s *scan) urls(src []byte) {
	for i := 0; ; {
		at := bytes.IndexByte(src[i:], ':')
		if at < 0 {
			break
		}
		at += i
		i = at + 1
		from := at
		for from > 0 && at-from < 16 && isLetter(src[from-1]) {
			from--
		}
		if from < at && schemes[strings.ToLower(string(src[from:at]))] {
			s.url(src, from)
		}
	}
	for i := 0; ; {
		at := bytes.Index(src[i:], []byte("[//"))
		if at < 0 {
			return
		}
		i += at + 1
		s.url(src, i)
	}
}

// url adds the URL that begins at a place.
func (s *scan) url(src []byte, at int) {
	end := at
	for end < len(src) && end-at < 2*maxTarget && !isURLEnd(src[end]) {
		end++
	}
	u := strings.TrimRight(string(src[at:end]), ".,;:!?)'")
	if _, rest, _ := strings.Cut(u, ":"); strings.HasPrefix(u, "//") || rest != "" {
		s.add(URL, html.UnescapeString(u))
	}
}

func isURLEnd(c byte) bool {
	return c <= ' ' || c == '[' || c == ']' || c == '<' || c == '>' || c == '"' || c == '|' || c == '{' || c == '}' || c == 0x7f
}

// tags flags elements that are neither markup nor known to show only what
// stands in them, and reads galleries.
func (s *scan) tags(src []byte) {
	read := 0 // up to here, as a gallery's lines
	eachTag(src, func(at int, name string, closing bool) {
		switch {
		case closing || schemes[name]: // <mailto:…>
		case !plainTags[name]:
			s.add(Unknown, "<"+name+">")
		case name == "gallery" && at >= read:
			read = s.galleryLines(src, at)
		}
	})
}

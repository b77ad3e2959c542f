package textscan

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// URLShape is what URLs of the wiki look like that are written out as text: by
// the hosts they are on, with a scheme or without, or by how a path begins.
type URLShape struct {
	hosts, paths []urlForm
	every        bool      // a host has no whole word to be found by
	first        [4]uint64 // by their lowest bits, the hashes of the forms' first words
}

// urlForm is a text that each URL of a form has in it, in lower case, and its
// words.
type urlForm struct {
	text  []byte
	words []uint64
}

// NewURLShape makes the shape of URLs on hosts, which may be globs with *, and
// of paths that begin with one of those given. It is nil for none.
func NewURLShape(hosts, paths []string) *URLShape {
	s := new(URLShape)
	for _, h := range hosts {
		if f, ok := hostForm(strings.ToLower(h)); !ok {
			s.every = true
		} else if !slices.ContainsFunc(s.hosts, func(g urlForm) bool { return bytes.Contains(f.text, g.text) }) {
			s.hosts = append(s.hosts, f)
		}
	}
	for _, p := range paths {
		if f := newForm(strings.ToLower(p)); len(f.words) > 0 {
			s.paths = append(s.paths, f)
		}
	}
	if len(s.hosts)+len(s.paths) == 0 && !s.every {
		return nil
	}
	for _, f := range slices.Concat(s.hosts, s.paths) {
		h := f.words[0]
		s.first[h>>6&3] |= 1 << (h & 63)
	}
	return s
}

func newForm(text string) urlForm {
	f := urlForm{text: []byte(text)}
	for _, w := range split(nil, f.text, nil) {
		f.words = append(f.words, w.hash)
	}
	return f
}

// hostForm is the longest part of a glob that stands between whole words; not
// ok if it has none.
func hostForm(glob string) (urlForm, bool) {
	parts, best := strings.Split(glob, "*"), ""
	for i, p := range parts {
		if i > 0 { // the first word may have begun before
			_, p, _ = strings.Cut(p, ".")
		}
		if i < len(parts)-1 {
			p = p[:strings.LastIndexByte(p, '.')+1]
		}
		if p = strings.Trim(p, "."); len(p) > len(best) {
			best = p
		}
	}
	f := newForm(best)
	return f, len(f.words) > 0
}

// among reports whether one of the shape's forms may stand among words.
func (s *URLShape) among(words []uint64, paths bool) bool {
	if s.every {
		return true
	}
	for i, h := range words {
		if s.first[h>>6&3]&(1<<(h&63)) == 0 {
			continue
		}
		if begins(s.hosts, words[i:]) || paths && begins(s.paths, words[i:]) {
			return true
		}
	}
	return false
}

// ofWiki reports whether a form stands between whole words of a URL.
func (s *scan) ofWiki(url []byte) bool {
	s.urlWord, s.urlHash = split(s.urlWord[:0], url, nil), s.urlHash[:0]
	for _, w := range s.urlWord {
		s.urlHash = append(s.urlHash, w.hash)
	}
	return s.o.URLs.among(s.urlHash, true)
}

func begins(forms []urlForm, words []uint64) bool {
	return slices.ContainsFunc(forms, func(f urlForm) bool {
		return len(f.words) <= len(words) && slices.Equal(f.words, words[:len(f.words)])
	})
}

// maxTextURL bounds what is judged as one URL; a longer one is none, and goes.
const maxTextURL = 4096

// urls looks for URLs of the wiki in a text, once for each level of escapes that
// can be undone: what is escaped within a URL is part of it, but a URL may have
// been escaped as a whole. A URL that was judged at one level is not judged
// again at the next, where it could seem to end sooner.
func (s *scan) urls(src *source, parts []part, of level, attr bool) {
	if s.o.URLs == nil || s.o.VisibleURL == nil || s.o.KeysOnly {
		return
	}
	u, v := s.units.get(), s.units.get()
	defer func() { s.units.put(u); s.units.put(v) }()
	u.reset()
	for _, p := range parts { // a link's text is not of one URL with what stands beside the link
		if p.from < p.to {
			u.decode(src, p.from, p.to, of)
		} else {
			u.blank(src, p.from)
		}
	}
	paths := !attr || !isPath(u.dec)
	for n := 0; ; n++ {
		s.urlsIn(u, paths)
		if n == maxNesting || s.err != nil || !u.escaped() {
			return
		}
		v.reset()
		v.raw(source{b: u.dec, pos: u.pos, end: u.end}, 0, len(u.dec))
		v.plainForms()
		if bytes.Equal(u.dec, v.dec) {
			return
		}
		u, v = v, u
	}
}

// isPath reports whether an attribute's value is a path, which was judged as a
// link is.
func isPath(value []byte) bool {
	return len(value) > 0 && value[0] == '/' && bytes.IndexByte(value, ' ') < 0
}

// blank appends one where nothing stands.
func (u *unit) blank(src *source, at int) {
	from, _ := src.at(at)
	u.dec, u.pos, u.end = append(u.dec, ' '), append(u.pos, from), append(u.end, from)
}

// escaped reports whether there may be something to undo.
func (u *unit) escaped() bool {
	return bytes.ContainsAny(u.dec, `&%\`) || slices.ContainsFunc(u.dec, func(c byte) bool { return c >= utf8.RuneSelf })
}

// plainForms puts ASCII in the place of its compatibility forms (UAX #15), and
// nothing in that of characters that are not seen, as a reader takes them.
func (u *unit) plainForms() {
	n := 0
	for i := 0; i < len(u.dec); {
		c, w := u.dec[i], 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, w = utf8.DecodeRune(u.dec[i:]); invisible(r) {
				i += w
				continue
			}
			if p := norm.NFKC.Bytes(u.dec[i : i+w]); len(p) == 1 && p[0] > ' ' {
				u.dec[n], u.pos[n], u.end[n] = p[0], u.pos[i], u.end[i+w-1]
				n, i = n+1, i+w
				continue
			}
		}
		copy(u.dec[n:], u.dec[i:i+w])
		copy(u.pos[n:], u.pos[i:i+w])
		copy(u.end[n:], u.end[i:i+w])
		n, i = n+w, i+w
	}
	u.dec, u.pos, u.end = u.dec[:n], u.pos[:n], u.end[:n]
}

// urlsIn cuts the URLs of a text that the viewer may not see.
func (s *scan) urlsIn(u *unit, paths bool) {
	if bytes.IndexByte(u.dec, '/') < 0 && bytes.IndexByte(u.dec, '?') < 0 {
		return
	}
	s.low = lowered(s.low[:0], u.dec)
	low, shape := s.low, s.o.URLs
	for i := range shape.hosts {
		s.eachURL(u, low, &shape.hosts[i], hostURL)
	}
	if shape.every {
		s.eachURL(u, low, &urlForm{text: []byte("//")}, hostURL)
	}
	if !paths {
		return
	}
	for i := range shape.paths {
		s.eachURL(u, low, &shape.paths[i], pathURL)
	}
}

// lowered appends a text with its ASCII letters in lower case, byte for byte.
func lowered(dst, b []byte) []byte {
	for _, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

// eachURL judges the URLs that have a form's text in them.
func (s *scan) eachURL(u *unit, low []byte, f *urlForm, find func(*unit, int, int) (edit.Span, string)) {
	for i := 0; i < len(low) && s.err == nil; {
		n := bytes.Index(low[i:], f.text)
		if n < 0 {
			return
		}
		at := i + n
		i = at + len(f.text)
		span, scheme := find(u, at, i)
		if span.Start >= span.End || s.judged[u.pos[at]] || !s.ofWiki(u.dec[span.Start:span.End]) {
			continue
		}
		s.judged[u.pos[at]] = true
		i = max(i, span.End)
		text := edit.Text(u.dec[span.Start:span.End])
		s.url = append(append(s.url[:0], scheme...), text...)
		if len(text) <= maxTextURL && s.o.VisibleURL(edit.Text(s.url)) || slices.ContainsFunc(s.o.Echo, func(e string) bool { return strings.Contains(e, text) }) {
			continue
		}
		s.hit(u, span.Start, span.End, rules.Content, "shape", Redact)
		s.gone = append(s.gone, edit.Span{Start: int(u.pos[span.Start]), End: int(u.end[span.End-1])})
	}
}

// hostURL is the URL around a part of a host at dec[from:to], and what it lacks
// of an absolute one.
func hostURL(u *unit, from, to int) (edit.Span, string) {
	b := u.dec
	for low := max(0, from-maxHost); from > low; {
		r, n := utf8.DecodeLastRune(b[:from])
		if !ofHost(r) {
			break
		}
		from -= n
	}
	for high := min(len(b), to+maxHost); to < high; {
		r, n := utf8.DecodeRune(b[to:])
		if !ofHost(r) {
			break
		}
		to += n
	}
	start, scheme := urlStart(b, from)
	if start < 0 {
		return edit.Span{}, ""
	}
	end := urlEnd(b, start, to)
	if scheme == "https://" && !hasPath(b[to:end]) {
		return edit.Span{}, "" // a host by itself
	}
	return edit.Span{Start: start, End: end}, scheme
}

// urlStart finds where the URL begins whose host begins at an offset; -1, it is
// the host of an address.
func urlStart(b []byte, host int) (start int, scheme string) {
	at := host
	if at > 0 && b[at-1] == '@' { // behind a name and password, or an address
		for at > 0 && host-at < 256 && !urlStop(b, at-1) && b[at-1] != '/' {
			at--
		}
		if at == 0 || b[at-1] != '/' {
			return -1, ""
		}
	}
	slashes := at
	for at > 0 && (b[at-1] == '/' || b[at-1] == '\\') {
		at--
	}
	if slashes-at < 2 {
		return host, "https://"
	}
	start = at
	if at > 0 && b[at-1] == ':' {
		for at--; at > 0 && start-at < 16 && (class[b[at-1]] == isWord || b[at-1] == '+' || b[at-1] == '-' || b[at-1] == '.'); {
			at--
		}
		if b[at] != ':' {
			return at, ""
		}
	}
	return start, "https:"
}

// hasPath reports whether what follows a host leads to something on it.
func hasPath(b []byte) bool {
	if len(b) > 0 && b[0] == ':' {
		for b = b[1:]; len(b) > 0 && b[0] >= '0' && b[0] <= '9'; {
			b = b[1:]
		}
	}
	return len(b) > 1 && (b[0] == '/' || b[0] == '?' || b[0] == '\\')
}

// pathURL is the path that begins at dec[from], if it stands by itself.
func pathURL(u *unit, from, to int) (edit.Span, string) {
	if from > 0 {
		if r, _ := utf8.DecodeLastRune(u.dec[:from]); unicode.IsLetter(r) || unicode.IsNumber(r) || strings.ContainsRune("/.-_~%:\\", r) {
			return edit.Span{}, ""
		}
	}
	return edit.Span{Start: from, End: urlEnd(u.dec, from, to)}, ""
}

// maxHost is how many bytes of a host are looked for around a part of it.
const maxHost = 256

func ofHost(r rune) bool {
	return r == '.' || r == '-' || r == '_' || r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.M, r))
}

// urlStop reports whether no URL goes on with what stands at an offset.
func urlStop(b []byte, at int) bool {
	switch c := b[at]; c {
	case '"', '<', '>', '`', '|', 0x7f:
		return true
	default:
		if c < utf8.RuneSelf {
			return c <= ' '
		}
	}
	r, _ := utf8.DecodeRune(b[at:])
	return unicode.IsSpace(r) || unicode.In(r, unicode.Pi, unicode.Pf, unicode.Ps, unicode.Pe)
}

// urlEnd finds where a URL ends that begins at an offset and goes on at least to
// another: at a blank, a quote or an angle bracket, and before the punctuation
// that closes a sentence or a bracket opened before it, as what makes links of
// texts does (GitHub Flavored Markdown, 6.9, "Extended autolink path
// validation").
func urlEnd(b []byte, start, at int) int {
	end, round := at, 0
	quoted := start > 0 && b[start-1] == '\''
	for end < len(b) && !urlStop(b, end) && !(quoted && b[end] == '\'') {
		end++
	}
	for _, c := range b[start:end] {
		round += balance(c)
	}
	for end > at {
		switch c := b[end-1]; c {
		case '.', ',', ':', ';', '!', '?', '\'', '*', '\\':
		case ')', ']', '}':
			if round >= 0 {
				return end
			}
			round++
		default:
			return end
		}
		end--
	}
	return end
}

func balance(c byte) int {
	switch c {
	case '(', '[', '{':
		return 1
	case ')', ']', '}':
		return -1
	}
	return 0
}

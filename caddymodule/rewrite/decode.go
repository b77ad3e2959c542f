package rewrite

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"golang.org/x/text/encoding/htmlindex"
)

// maxRatio is how much more a body may be decoded than coded, beyond ratioFree.
const (
	maxRatio  = 200
	ratioFree = 1 << 20
)

// decode undoes the coding, settles the charset, and leaves the body as UTF-8.
func (w *work) decode(k kind) error {
	body, err := w.r.uncode(w.ex)
	if err != nil {
		return err
	}
	if w.body, err = toUTF8(body, k); err != nil {
		return fail(ReasonCharset, err)
	}
	if err := sniff(w.body, k); err != nil {
		return fail(ReasonType, err)
	}
	return nil
}

// uncode undoes gzip; other and stacked codings are refused.
func (r *Rewriter) uncode(ex *Exchange) ([]byte, error) {
	body := ex.Response.Body
	if int64(len(body)) > r.max {
		return nil, fail(ReasonTooLarge, fmt.Errorf("body of %d bytes: %w", len(body), edit.ErrTooLarge))
	}
	ce := ex.Response.Header.Values("Content-Encoding")
	if len(ce) > 1 {
		return nil, fail(ReasonCoding, errors.New("several content codings"))
	}
	if len(ce) == 0 {
		return body, nil
	}
	switch strings.ToLower(strings.Trim(ce[0], " \t")) {
	case "", "identity":
		return body, nil
	case "gzip":
	default:
		return nil, fail(ReasonCoding, fmt.Errorf("content coding %q", ce[0]))
	}
	zr := gzips.Get().(*gzip.Reader)
	defer gzips.Put(zr)
	if err := zr.Reset(bytes.NewReader(body)); err != nil {
		return nil, fail(ReasonCoding, fmt.Errorf("reading gzip: %w", err))
	}
	limit := min(r.max, int64(len(body))*maxRatio+ratioFree)
	var out bytes.Buffer
	// The last four bytes say how long the last member is (RFC 1952, 2.3.1).
	// They are believed as far as nothing is lost if they lie.
	if said := int64(binary.LittleEndian.Uint32(body[len(body)-4:])); said <= min(limit, 16*int64(len(body))) {
		out.Grow(int(said) + bytes.MinRead)
	}
	n, err := io.Copy(&out, io.LimitReader(zr, limit+1)) // all members; checksums verified
	switch {
	case err != nil:
		return nil, fail(ReasonCoding, fmt.Errorf("reading gzip: %w", err))
	case n > limit:
		return nil, fail(ReasonTooLarge, fmt.Errorf("gzip of more than %d bytes: %w", limit, edit.ErrTooLarge))
	}
	return out.Bytes(), nil
}

var gzips = sync.Pool{New: func() any { return new(gzip.Reader) }}

var (
	metaCharset = regexp.MustCompile(`(?i)<meta\b[^>]*?charset\s*=\s*["']?\s*([a-z0-9_:.+-]+)`)
	xmlCharset  = regexp.MustCompile(`^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']`)
	cssCharset  = regexp.MustCompile(`^@charset "([^"]*)";`)
)

// charsetScan is how far a declaration of the charset is looked for.
const charsetScan = 4096

// toUTF8 settles the charset: header, byte order mark and the document's own
// declarations must agree. What is not UTF-8 is converted, and its declaration
// with it.
func toUTF8(body []byte, k kind) ([]byte, error) {
	for _, bom := range []string{"\xfe\xff", "\xff\xfe", "\x2b\x2f\x76"} {
		if bytes.HasPrefix(body, []byte(bom)) {
			return nil, errors.New("byte order mark of another charset than utf-8")
		}
	}
	var names []string
	if k.charset != "" {
		names = append(names, k.charset)
	}
	if bytes.HasPrefix(body, []byte("\xef\xbb\xbf")) {
		names = append(names, "utf-8")
	}
	head := body[:min(len(body), charsetScan)]
	var places [][2]int
	for _, m := range declarations(k.format, head) {
		names = append(names, string(head[m[0]:m[1]]))
		places = append(places, m)
	}
	charset := ""
	for _, n := range names {
		c, err := canonical(n)
		if err != nil {
			return nil, err
		}
		if charset == "" {
			charset = c
		}
		if c != charset && (c != "us-ascii" && charset != "us-ascii" || !ascii(body)) {
			return nil, fmt.Errorf("charsets %s and %s disagree", charset, c)
		}
	}
	switch {
	case charset == "" || charset == "utf-8":
		if !utf8.Valid(body) {
			return nil, errors.New("not utf-8")
		}
		return body, nil
	case charset == "us-ascii":
		if !ascii(body) {
			return nil, errors.New("not ascii")
		}
		return body, nil
	case k.format == "json":
		return nil, fmt.Errorf("json in %s", charset)
	}
	enc, err := htmlindex.Get(charset)
	if err != nil {
		return nil, fmt.Errorf("charset %s: %w", charset, err)
	}
	var list edit.List
	for _, p := range places {
		list.Replace(p[0], p[1], "utf-8")
	}
	edited, err := list.Apply(nil, body) // declarations are ASCII in all charsets that we read
	if err != nil {
		return nil, err
	}
	out, err := enc.NewDecoder().Bytes(edited)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", charset, err)
	}
	if bytes.ContainsRune(out, utf8.RuneError) {
		return nil, fmt.Errorf("not %s", charset)
	}
	return out, nil
}

// declarations finds where a document names its charset.
func declarations(format string, head []byte) [][2]int {
	switch format {
	case "html":
		return append(metaCharsets(head), matches(xmlCharset, head)...)
	case "xml":
		return matches(xmlCharset, head)
	case "css":
		return matches(cssCharset, head)
	}
	return nil
}

// matches gives the places of an expression's first group.
func matches(re *regexp.Regexp, src []byte) [][2]int {
	var out [][2]int
	for _, m := range re.FindAllSubmatchIndex(src, -1) {
		out = append(out, [2]int{m[2], m[3]})
	}
	return out
}

// metaCharsets gives the matches of metaCharset. Of a head full of meta
// elements the expression sees those alone that hold the word.
func metaCharsets(head []byte) [][2]int {
	var low [charsetScan]byte
	text := low[:copy(low[:], head)]
	for i, c := range text {
		if 'A' <= c && c <= 'Z' {
			text[i] = c + 'a' - 'A'
		}
	}
	var out [][2]int
	for at := 0; ; {
		i := bytes.Index(text[at:], []byte("<meta"))
		if i < 0 {
			return out
		}
		at += i
		end := len(text)
		if j := bytes.IndexByte(text[at:], '>'); j >= 0 {
			end = at + j
		}
		if bytes.Contains(text[at:end], []byte("charset")) {
			for _, m := range matches(metaCharset, head[at:end]) {
				if !inText(head[at:end], m[0]) {
					out = append(out, [2]int{at + m[0], at + m[1]})
				}
			}
		}
		at = end
	}
}

var (
	httpEquiv   = regexp.MustCompile(`(?i)[\s/"']http-equiv\s*=`)
	metaContent = regexp.MustCompile(`(?i)[\s/"']content\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]*)`)
)

// inText reports whether what stands at a place of a tag <meta … is a part of
// its text, and declares nothing: only beside http-equiv does it.
func inText(tag []byte, at int) bool {
	if httpEquiv.Match(tag) {
		return false
	}
	for _, m := range metaContent.FindAllSubmatchIndex(tag, -1) {
		if m[2] <= at && at < m[3] {
			return true
		}
	}
	return false
}

// canonical names a charset. Those are read in which a declaration is spelt as
// in ASCII and no text switches to another charset half-way.
func canonical(name string) (string, error) {
	switch n := strings.ToLower(strings.TrimSpace(name)); n {
	case "utf-8", "utf8":
		return "utf-8", nil
	case "us-ascii", "ascii":
		return "us-ascii", nil
	}
	e, err := htmlindex.Get(name)
	if err != nil {
		return "", fmt.Errorf("unknown charset %q", name)
	}
	c, err := htmlindex.Name(e)
	if err != nil {
		return "", fmt.Errorf("unknown charset %q", name)
	}
	if strings.HasPrefix(c, "windows-") || strings.HasPrefix(c, "iso-8859-") || strings.HasPrefix(c, "koi8-") {
		return c, nil
	}
	switch c {
	case "euc-jp", "euc-kr", "shift_jis", "gbk", "gb18030", "big5":
		return c, nil
	}
	return "", fmt.Errorf("charset %q is not read", name)
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// sniff refuses a body that is plainly something else than its type says.
func sniff(body []byte, k kind) error {
	b := bytes.TrimLeft(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")), " \t\r\n\f")
	if len(b) == 0 {
		return nil
	}
	low := strings.ToLower(string(b[:min(len(b), 64)]))
	switch k.format {
	case "html":
		if (b[0] == '{' || b[0] == '[') && json.Valid(b) {
			return errors.New("json labelled as html")
		}
		for _, p := range []string{"<rss", "<feed", "<rdf:rdf", "%pdf-", "<svg"} {
			if strings.HasPrefix(low, p) {
				return fmt.Errorf("%q labelled as html", p)
			}
		}
	case "xml":
		if b[0] != '<' || strings.HasPrefix(low, "<!doctype html") || strings.HasPrefix(low, "<html") {
			return errors.New("not xml")
		}
	case "json":
		if b[0] == '<' {
			return errors.New("markup labelled as json")
		}
	case "css", "js":
		if strings.HasPrefix(low, "<!doctype") || strings.HasPrefix(low, "<html") {
			return fmt.Errorf("html labelled as %s", k.format)
		}
	}
	return nil
}

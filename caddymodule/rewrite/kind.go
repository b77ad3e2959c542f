package rewrite

import (
	"fmt"
	"mime"
	"strings"

	"github.com/postern-gateway/postern/rules"
)

// kind is what an answer turned out to be.
type kind struct {
	format  string // html, json, xml, css, js, text, binary
	mime    string // the type as the wiki named it, lower case, without parameters
	charset string // as the wiki named it
	word    string // the route's word that admits it
}

// contentType is the type that goes out.
func (k kind) contentType() string {
	if k.format == "binary" {
		return k.mime
	}
	return k.mime + "; charset=utf-8"
}

// words gives the types that a route's word admits, and how they are read.
var words = map[string]struct {
	format string
	mimes  []string
}{
	"html":  {"html", []string{"text/html", "application/xhtml+xml"}},
	"json":  {"json", []string{"application/json", "text/json", "+json"}},
	"xml":   {"xml", []string{"text/xml", "application/xml", "+xml"}},
	"rss":   {"xml", []string{"application/rss+xml", "application/rdf+xml", "text/xml", "application/xml"}},
	"atom":  {"xml", []string{"application/atom+xml", "text/xml", "application/xml"}},
	"css":   {"css", []string{"text/css"}},
	"js":    {"js", []string{"text/javascript", "application/javascript", "application/x-javascript"}},
	"text":  {"text", []string{"text/plain"}},
	"png":   {"binary", []string{"image/png"}},
	"gif":   {"binary", []string{"image/gif"}},
	"jpg":   {"binary", []string{"image/jpeg"}},
	"jpeg":  {"binary", []string{"image/jpeg"}},
	"webp":  {"binary", []string{"image/webp"}},
	"svg":   {"binary", []string{"image/svg+xml"}},
	"ico":   {"binary", []string{"image/x-icon", "image/vnd.microsoft.icon"}},
	"woff":  {"binary", []string{"font/woff", "application/font-woff", "application/x-font-woff"}},
	"woff2": {"binary", []string{"font/woff2", "application/font-woff2"}},
	"ttf":   {"binary", []string{"font/ttf", "font/sfnt", "application/x-font-ttf", "application/font-sfnt"}},
	"otf":   {"binary", []string{"font/otf", "application/x-font-otf", "application/vnd.ms-opentype"}},
	"pdf":   {"binary", []string{"application/pdf"}},
	"map":   {"binary", []string{"application/json", "application/octet-stream"}},
	"eot":   {"binary", []string{"application/vnd.ms-fontobject"}},
	"image": {"binary", []string{"image/"}},
	"font":  {"binary", []string{"font/", "application/font-", "application/x-font-", "application/vnd.ms-fontobject", "application/vnd.ms-opentype"}},
	// binary is any type: what a browser would run leaves as a download.
	"binary": {"binary", []string{"/"}},
}

var (
	staticTypes = []string{"css", "js", "image", "font"}
	fileTypes   = []string{"binary"}
	feedTypes   = []string{"html", "rss", "atom"}
	otherTypes  = []string{"html"}
)

// kindOf holds the answer's type against what the route expects. A type that
// the route does not name is refused: no answer is read in a way that its
// viewer's browser would not.
func (r *Rewriter) kindOf(ex *Exchange) (kind, error) {
	types := ex.Response.Header.Values("Content-Type")
	file := ex.Match.Class == rules.ClassFile
	var k kind
	switch {
	case len(types) > 1:
		return k, fail(ReasonType, fmt.Errorf("%d content types", len(types)))
	case len(types) == 0 && file:
		k.mime = "application/octet-stream"
	case len(types) == 0:
		return k, fail(ReasonType, fmt.Errorf("no content type"))
	default:
		t, params, err := mime.ParseMediaType(types[0])
		if err != nil {
			return k, fail(ReasonType, fmt.Errorf("reading the content type: %w", err))
		}
		k.mime, k.charset = t, strings.ToLower(params["charset"])
	}
	want := []string(nil)
	if ex.Match.Response != nil {
		want = ex.Match.Response.Types
	}
	if only(want, "redirect") {
		want = append(want[:len(want):len(want)], defaults(ex.Match.Class)...)
	}
	for _, word := range want {
		if f, ok := admits(word, k.mime); ok {
			k.format, k.word = f, word
			if f == "html" {
				// XHTML leaves as what it was read as: a browser must not read it
				// by the rules of XML.
				k.mime = "text/html"
			}
			return k, nil
		}
	}
	return k, fail(ReasonType, fmt.Errorf("%s where %s is expected", k.mime, strings.Join(want, ", ")))
}

// only reports whether types names nothing else than w.
func only(types []string, w string) bool {
	for _, t := range types {
		if t != w {
			return false
		}
	}
	return true
}

func defaults(c rules.Class) []string {
	switch c {
	case rules.ClassStatic:
		return staticTypes
	case rules.ClassFile:
		return fileTypes
	case rules.ClassFeed:
		return feedTypes
	}
	return otherTypes
}

// admits reports whether a route's word covers a type, and how it is read.
func admits(word, mimeType string) (format string, ok bool) {
	if strings.Contains(word, "/") { // a full type, read as what it is
		if strings.ToLower(word) != mimeType {
			return "", false
		}
		for _, w := range []string{"html", "json", "css", "js"} {
			if f, ok := admits(w, mimeType); ok {
				return f, true
			}
		}
		switch {
		case mimeType == "image/svg+xml":
			return "binary", true
		case strings.HasSuffix(mimeType, "/xml") || strings.HasSuffix(mimeType, "+xml"):
			return "xml", true
		case strings.HasPrefix(mimeType, "text/"):
			return "text", true
		}
		return "binary", true
	}
	w, ok := words[word]
	if !ok {
		return "", false
	}
	for _, m := range w.mimes {
		switch {
		case m == "/", m == mimeType, strings.HasSuffix(m, "/") && strings.HasPrefix(mimeType, m),
			strings.HasSuffix(m, "-") && strings.HasPrefix(mimeType, m):
			return w.format, true
		case m[0] == '+' && strings.HasSuffix(mimeType, m) && mimeType != "image/svg+xml" && mimeType != "application/xhtml+xml":
			return w.format, true
		}
	}
	return "", false
}

// active reports whether a browser would run what a file of this type holds.
func active(mimeType string) bool {
	switch mimeType {
	case "text/html", "application/xhtml+xml", "image/svg+xml", "application/pdf", "text/xml", "application/xml",
		"text/javascript", "application/javascript", "application/x-javascript", "application/ecmascript", "text/ecmascript",
		"application/x-shockwave-flash", "multipart/related", "message/rfc822", "application/x-mimearchive", "text/css", "text/xsl":
		return true
	}
	return strings.HasSuffix(mimeType, "+xml") || strings.HasPrefix(mimeType, "multipart/")
}

// runnable reports whether a file of this type would act with the site's own
// authority if a page or an address bar loaded it.
func runnable(mimeType string) bool {
	switch mimeType {
	case "text/html", "application/xhtml+xml", "text/css", "text/xsl",
		"text/javascript", "application/javascript", "application/x-javascript", "application/ecmascript", "text/ecmascript":
		return true
	}
	return false
}

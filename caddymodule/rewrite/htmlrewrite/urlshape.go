package htmlrewrite

import "strings"

// urlUse says how an attribute carries a URL.
type urlUse uint8

const (
	uNone   urlUse = iota
	uLink          // one URL
	uForm          // one URL that a form is sent to
	uSet           // srcset
	uList          // URLs separated by white space
	uStyle         // a style sheet
	uDoc           // a document
	uPlain         // never a URL, whatever it looks like
	uAttach        // a URL beside the element's own: the attribute goes, not the element
)

// urlAttrs says it for the attributes that are known. Others are judged if
// their value looks like a URL.
var urlAttrs = map[string]urlUse{
	"href": uLink, "src": uLink, "xlink:href": uLink, "data": uLink,
	"action": uForm, "formaction": uForm,
	"poster": uAttach, "cite": uAttach, "background": uAttach, "longdesc": uAttach, "manifest": uAttach,
	"lowsrc": uAttach, "dynsrc": uAttach, "usemap": uAttach, "classid": uAttach, "codebase": uAttach,
	"profile": uAttach, "itemid": uAttach, "icon": uAttach, "about": uAttach, "resource": uAttach,
	"srcset": uSet, "imagesrcset": uSet,
	"ping": uList, "archive": uList,
	"style": uStyle, "srcdoc": uDoc,
	"class": uPlain, "id": uPlain, "width": uPlain, "height": uPlain, "type": uPlain, "name": uPlain,
	"for": uPlain, "lang": uPlain, "dir": uPlain, "rel": uPlain, "role": uPlain, "tabindex": uPlain,
	"accesskey": uPlain, "colspan": uPlain, "rowspan": uPlain, "d": uPlain, "viewbox": uPlain,
	"xmlns": uPlain, "xmlns:xlink": uPlain, "itemtype": uPlain, "prefix": uPlain, "vocab": uPlain,
}

// textAttrs hold text for people, which may begin with a slash.
var textAttrs = words("title alt placeholder summary label abbr aria-label aria-description aria-placeholder " +
	"aria-roledescription aria-valuetext content")

// looksLikeURL reports whether an attribute that is not known to carry a URL
// seems to carry one; text: it usually holds text for people.
func looksLikeURL(text bool, v string) bool {
	v = trimControls(v)
	if len(v) < 2 {
		return false
	}
	if text && strings.ContainsAny(v, " \n\t") && !hasPrefixFold(v, "http") {
		return false
	}
	switch v[0] {
	case '/', '\\':
		return true
	case '.':
		return strings.HasPrefix(v, "./") || strings.HasPrefix(v, "../")
	case 'h', 'H', 'm', 'M':
		return hasPrefixFold(v, "http:") || hasPrefixFold(v, "https:") || hasPrefixFold(v, "mailto:")
	}
	return false
}

// trimControls takes off what a browser takes off a URL before it reads it: see
// the basic URL parser of the URL standard.
func trimControls(v string) string {
	for v != "" && v[0] <= ' ' {
		v = v[1:]
	}
	for v != "" && v[len(v)-1] <= ' ' {
		v = v[:len(v)-1]
	}
	if strings.ContainsAny(v, "\t\n\r") {
		v = noBreaks.Replace(v)
	}
	return v
}

var noBreaks = strings.NewReplacer("\t", "", "\n", "", "\r", "")

// urlWithin reports whether an attribute's value, as written, may hold a URL
// behind its first character: of another scheme, in url(…), or spelt with
// character references.
func urlWithin(v string) bool {
	return strings.IndexByte(v, ':') > 0 || strings.IndexByte(v, '(') > 0 || strings.IndexByte(v, '&') > 0
}

// hasScheme reports whether a text is a URL of any scheme with a host, or
// around another URL, as in view-source:https://….
func hasScheme(v string) bool {
	i := strings.Index(v[:min(len(v), 64)], "://")
	if i <= 0 {
		return false
	}
	for k := range i {
		if c := v[k]; !isAlnum(c) && c != '+' && c != '-' && c != '.' && c != ':' {
			return false
		}
	}
	return true
}

// mayMatter says with which bytes a value may begin that looks like a URL or
// JSON, before it is decoded and trimmed.
var mayMatter = func() (tb [256]bool) {
	for c := range tb {
		tb[c] = c <= ' ' || c >= 0x80 || strings.IndexByte(`/\.hHmM{[&`, byte(c)) >= 0
	}
	return tb
}()

// looksLikeJSON reports whether v is an object, or an array that holds more
// than numbers.
func looksLikeJSON(v string) bool {
	v = strings.TrimSpace(v)
	if len(v) < 2 {
		return false
	}
	return v[0] == '{' && v[len(v)-1] == '}' && strings.ContainsAny(v, `":`) ||
		v[0] == '[' && v[len(v)-1] == ']' && strings.ContainsAny(v, `"{`)
}

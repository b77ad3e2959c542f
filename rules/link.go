package rules

import (
	"strings"
)

// Fate is what becomes of a URL that was found in an answer.
type Fate uint8

// The fates. The zero value keeps a URL, so that every judgement must be asked
// for; Judge never gives it by default.
const (
	FateKeep   Fate = iota
	FateHide        // a subject is hidden or unknown: the link becomes its placeholder
	FateUnwrap      // its class is closed, or it has no route: the link goes, its text stays
	FateDrop        // unreadable, or of a scheme that goes
)

// String gives a word for logs.
func (f Fate) String() string { return [...]string{"keep", "hide", "unwrap", "drop"}[f] }

// Link is the judgement of one URL.
type Link struct {
	Fate Fate
	Kind EntityKind // of the hidden subject, with FateHide
	// URL is the spelling to put in place of the one that was found; empty: the
	// one that was found.
	URL     string
	Foreign bool // leads away from the wiki
	// Hidden: what it leads to is hidden, although its text may stay, since
	// that names a person whom the viewer may see. A row about it goes.
	Hidden   bool
	Subjects []Ref
	Decision Decision
}

// splitURL is a URL taken apart as browsers do, without resolving it.
type splitURL struct {
	scheme           string // lower case; "" where the URL is relative
	hasHost          bool
	host, port       string
	path, query      string // as written; backslashes in the path are slashes
	hasQuery         bool
	fragment         string // with its "#"
	opaque           string // what follows the scheme, of schemes without a path
	userinfo, broken bool
}

// clean takes off what browsers take off: control characters and spaces at both
// ends, tabs and line breaks anywhere.
func cleanURL(raw string) string {
	raw = strings.TrimFunc(raw, func(r rune) bool { return r <= 0x20 })
	if strings.IndexByte(raw, '\t') >= 0 || strings.IndexByte(raw, '\n') >= 0 || strings.IndexByte(raw, '\r') >= 0 {
		raw = strings.Map(func(r rune) rune {
			if r == '\t' || r == '\n' || r == '\r' {
				return -1
			}
			return r
		}, raw)
	}
	return raw
}

func schemeOf(s string) (scheme, rest string) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
		case i > 0 && (c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.'):
		case i > 0 && c == ':':
			return strings.ToLower(s[:i]), s[i+1:]
		default:
			return "", s
		}
	}
	return "", s
}

// splitLenient takes a cleaned URL apart. baseScheme is that of the page: an
// http URL without slashes behind the same scheme is relative.
func splitLenient(s, baseScheme string) splitURL {
	var u splitURL
	u.scheme, s = schemeOf(s)
	switch u.scheme {
	case "", "http", "https":
	default:
		u.opaque = s
		return u
	}
	if i := strings.IndexByte(s, '#'); i >= 0 {
		s, u.fragment = s[:i], s[i:]
	}
	if i := strings.IndexByte(s, '?'); i >= 0 {
		s, u.query, u.hasQuery = s[:i], s[i+1:], true
	}
	if strings.IndexByte(s, '\\') >= 0 {
		s = strings.ReplaceAll(s, `\`, "/")
	}
	authority := strings.HasPrefix(s, "//")
	if u.scheme != "" && !authority {
		if u.scheme == baseScheme {
			u.scheme = "" // relative, by an old rule that browsers keep
		} else {
			authority = true
		}
	}
	if !authority {
		u.path = s
		return u
	}
	u.hasHost = true
	s = strings.TrimLeft(s, "/")
	host := s
	if i := strings.IndexByte(s, '/'); i >= 0 {
		host, u.path = s[:i], s[i:]
	}
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		u.userinfo = true
		host = host[i+1:]
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host, u.port = host[:i], host[i+1:]
		u.broken = u.port != "" && !allDigits(u.port)
	}
	canonical, ok := canonicalHost(host)
	u.host, u.broken = canonical, u.broken || !ok
	if u.path == "" {
		u.path = "/"
	}
	return u
}

// resolvePath puts a path behind the directory of base, if it is relative, and
// resolves dot segments, also escaped ones, as browsers do.
func resolvePath(base, path string) string {
	if !strings.HasPrefix(path, "/") {
		path = base[:strings.LastIndexByte(base, '/')+1] + path
	}
	if !strings.Contains(path, "/.") && !strings.Contains(path, "/%2") {
		return path
	}
	out := make([]string, 0, strings.Count(path, "/")+1)
	segs := strings.Split(path[1:], "/")
	for i, s := range segs {
		last := i == len(segs)-1
		switch dots(s) {
		case 1:
			if last {
				out = append(out, "")
			}
		case 2:
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
			if last {
				out = append(out, "")
			}
		default:
			out = append(out, s)
		}
	}
	return "/" + strings.Join(out, "/")
}

// dots counts the dots of a segment that is nothing else: 1, 2, or 0.
func dots(s string) int {
	n := 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '.':
		case s[i] == '%' && i+2 < len(s) && s[i+1] == '2' && (s[i+2] == 'e' || s[i+2] == 'E'):
			i += 2
		default:
			return 0
		}
		if n++; n > 2 {
			return 0
		}
	}
	return n
}

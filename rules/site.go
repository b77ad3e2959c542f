package rules

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// Site says which URLs are the wiki's.
type Site struct {
	// Base is the public address, with the context path if there is one.
	Base *url.URL
	// Aliases are every other base that the wiki has or had, the upstream's own
	// address among them, each with its context path.
	Aliases []*url.URL
	// InternalHosts are globs of hosts that no link may name.
	InternalHosts []string
	// Own is the path below which Postern's own pages are, such as /.postern;
	// empty, there are none, and links to sign in or out go.
	Own string
}

// Hosts are those that are the wiki's or inside, as they are written in URLs and
// as globs.
func (s *Site) Hosts() []string {
	var out []string
	for _, u := range append([]*url.URL{s.Base}, s.Aliases...) {
		if u == nil {
			continue
		}
		out = append(out, strings.ToLower(u.Hostname()))
		if canonical, ok := canonicalHost(u.Hostname()); ok {
			out = append(out, canonical)
		}
	}
	out = append(out, s.InternalHosts...)
	slices.Sort(out)
	return slices.Compact(out)
}

// place is where an absolute URL lies.
type urlPlace uint8

const (
	placeForeign  urlPlace = iota
	placeInternal          // inside, but not the wiki: hidden
	placeSite              // the public address
	placeAlias             // another base of the wiki
	placeOutside           // the public host, beside the context path
)

// siteBase is one base, compiled.
type siteBase struct {
	host    string
	port    string
	deflt   bool // the scheme's default port
	context string
}

type siteIndex struct {
	bases    []siteBase // the public one first
	internal []string
	public   string // scheme://host of the public base
	own      string // Site.Own
}

func newSiteIndex(s *Site) *siteIndex {
	ix := &siteIndex{}
	add := func(u *url.URL) {
		host, ok := canonicalHost(u.Hostname())
		if !ok {
			return
		}
		port, deflt := canonicalPort(strings.ToLower(u.Scheme), u.Port())
		ix.bases = append(ix.bases, siteBase{host, port, deflt, strings.TrimRight(u.EscapedPath(), "/")})
	}
	if s != nil && s.Base != nil {
		ix.public = s.Base.Scheme + "://" + s.Base.Host
		ix.own = s.Own
		add(s.Base)
	}
	if len(ix.bases) == 0 {
		ix.bases = append(ix.bases, siteBase{})
	}
	if s != nil {
		for _, a := range s.Aliases {
			add(a)
		}
		for _, h := range s.InternalHosts {
			ix.internal = append(ix.internal, strings.TrimSuffix(strings.ToLower(h), "."))
		}
	}
	return ix
}

// locate says where an absolute URL lies, and gives the base whose context path
// its path begins with.
func (ix *siteIndex) locate(scheme, host, port, path string) (urlPlace, *siteBase) {
	port, deflt := canonicalPort(scheme, port)
	var best *siteBase
	hostIs := placeForeign
	for i := range ix.bases {
		b := &ix.bases[i]
		if b.host == "" || b.host != host {
			continue
		}
		if b.port != port && !(b.deflt && deflt) {
			if i > 0 && hostIs == placeForeign && host != ix.bases[0].host {
				hostIs = placeInternal // something else on a host of the wiki's
			}
			continue
		}
		if i == 0 {
			hostIs = placeOutside
		} else if hostIs == placeForeign {
			hostIs = placeInternal
		}
		if under(path, b.context) && (best == nil || len(b.context) > len(best.context)) {
			best = b
		}
	}
	switch {
	case best == &ix.bases[0]:
		return placeSite, best
	case best != nil:
		return placeAlias, best
	case hostIs != placeForeign:
		return hostIs, nil
	}
	for _, glob := range ix.internal {
		if hostGlob(glob, host) {
			return placeInternal, nil
		}
	}
	return placeForeign, nil
}

// context gives the base whose context path a path without a host begins with:
// the longest; the site's own where two are equal.
func (ix *siteIndex) context(path string) *siteBase {
	var best *siteBase
	for i := range ix.bases {
		b := &ix.bases[i]
		if under(path, b.context) && (best == nil || len(b.context) > len(best.context)) {
			best = b
		}
	}
	return best
}

// under reports that path is context or below it.
func under(path, context string) bool {
	return strings.HasPrefix(path, context) && (len(path) == len(context) || path[len(context)] == '/')
}

// hostGlob matches a host against a pattern in which * stands for any run of
// characters.
func hostGlob(glob, host string) bool {
	prefix, rest, star := strings.Cut(glob, "*")
	if !star {
		return glob == host
	}
	if !strings.HasPrefix(host, prefix) {
		return false
	}
	host = host[len(prefix):]
	for {
		part, more, star := strings.Cut(rest, "*")
		if !star {
			return strings.HasSuffix(host, part)
		}
		i := strings.Index(host, part)
		if i < 0 {
			return false
		}
		host, rest = host[i+len(part):], more
	}
}

func canonicalPort(scheme, port string) (string, bool) {
	def := "80"
	if scheme == "https" {
		def = "443"
	}
	if n, err := strconv.Atoi(port); err == nil {
		port = strconv.Itoa(n)
	}
	if port == "" || port == def {
		return def, true
	}
	return port, false
}

// canonicalHost gives a host as a browser understands it: percent-decoded,
// lower case, ASCII, numbers as addresses.
func canonicalHost(h string) (string, bool) {
	if strings.IndexByte(h, '%') >= 0 {
		var b []byte
		for i := 0; i < len(h); i++ {
			if h[i] == '%' {
				v, ok := unhex(h, i)
				if !ok {
					return "", false
				}
				b = append(b, v)
				i += 2
				continue
			}
			b = append(b, h[i])
		}
		h = string(b)
	}
	if strings.HasPrefix(h, "[") || strings.Count(h, ":") > 1 {
		a, err := netip.ParseAddr(strings.Trim(h, "[]"))
		if err != nil {
			return "", false
		}
		return a.String(), true
	}
	for i := 0; i < len(h); i++ {
		if h[i] >= 0x80 {
			ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(h, "."))
			if err != nil {
				return "", false
			}
			h = ascii
			break
		}
	}
	h = strings.TrimSuffix(strings.ToLower(h), ".")
	if h == "" || strings.ContainsAny(h, " #/:<>?@[\\]^|%\x00\t\r\n") {
		return "", false
	}
	return numericHost(h)
}

// numericHost reads the ways in which browsers let an IPv4 address be written.
func numericHost(h string) (string, bool) {
	parts := strings.Split(h, ".")
	last := parts[len(parts)-1]
	if last == "" || !(last[0] >= '0' && last[0] <= '9') {
		return h, true
	}
	if _, ok := ipv4Number(last); !ok {
		return h, !allDigits(last)
	}
	if len(parts) > 4 {
		return "", false
	}
	var addr uint64
	for i, p := range parts {
		n, ok := ipv4Number(p)
		if !ok {
			return "", false
		}
		if i < len(parts)-1 {
			if n > 255 {
				return "", false
			}
			addr |= n << (8 * (3 - i))
			continue
		}
		if n >= 1<<(8*(5-len(parts))) {
			return "", false
		}
		addr |= n
	}
	a := netip.AddrFrom4([4]byte{byte(addr >> 24), byte(addr >> 16), byte(addr >> 8), byte(addr)})
	return a.String(), true
}

func ipv4Number(s string) (uint64, bool) {
	base := 10
	switch {
	case s == "":
		return 0, false
	case len(s) >= 2 && (s[:2] == "0x" || s[:2] == "0X"):
		s, base = s[2:], 16
	case len(s) >= 2 && s[0] == '0':
		s, base = s[1:], 8
	}
	if s == "" {
		return 0, true
	}
	n, err := strconv.ParseUint(s, base, 64)
	return n, err == nil && n <= 1<<32-1
}

package caddymodule

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// This file and those beside it (attack_*_test.go) attack the gateway as whoever
// knows the wikis, and not how the gateway works: classes of tricks are
// combined with addresses of what may be seen and what may not, sent as bytes,
// and judged by what arrives at the wiki, read as a servlet container, PHP, and
// a server that decodes twice would read it.

// attack is one request.
type attack struct {
	name string
	line string // method and target
	// header fields and body, as they stand on the wire
	header []string
	body   string
	// want lists the statuses that are right. Where 200 is among them the wiki
	// may be asked, for what arrived checks; else it must not be.
	want []int
}

// arrivedHeader lists what may stand in the head of a request to the wiki. All
// but Accept-Language and X-Requested-With are the gateway's own.
var arrivedHeader = []string{
	"Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Content-Length", "Content-Type", "Host", "Range", "User-Agent", "Via",
	"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Requested-With", "X-Atlassian-Token",
}

var (
	plainTarget = regexp.MustCompile(`^/[A-Za-z0-9._~!$&'()*+,=:@/%-]*(\?[A-Za-z0-9._~+=&%:$*-]*)?$`)
	dots        = regexp.MustCompile(`^\s*\.{1,2}\s*(;.*)?$`)
	goodMethod  = regexp.MustCompile(`^(GET|POST|PUT|DELETE)$`)
)

// arrived says what is wrong with a request that the wiki got to see; "" if
// nothing is.
func arrived(raw, body, host string) string {
	head, _, _ := strings.Cut(raw, "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	method, rest, _ := strings.Cut(lines[0], " ")
	target, version, _ := strings.Cut(rest, " ")
	if !goodMethod.MatchString(method) || version != "HTTP/1.1" || !plainTarget.MatchString(target) {
		return "the request line is " + lines[0]
	}
	path, query, _ := strings.Cut(target, "?")
	if why := arrivedPath(path); why != "" {
		return why
	}
	if why := arrivedPairs(query); why != "" {
		return "query: " + why
	}
	kind, seen := "", map[string]bool{}
	for _, l := range lines[1:] {
		name, value, ok := strings.Cut(l, ": ")
		if !ok || !slices.Contains(arrivedHeader, name) || seen[name] {
			return "the header field " + l
		}
		seen[name] = true
		switch name {
		case "Host":
			if value != host {
				return "the host " + value
			}
		case "Content-Type":
			kind = value
		case "Accept-Encoding":
			if value != "identity" {
				return "the coding " + value
			}
		}
	}
	if body != "" && kind == "application/x-www-form-urlencoded" {
		if why := arrivedPairs(body); why != "" {
			return "form: " + why
		}
	} else if body != "" && kind != "application/json" {
		return "a body of type " + kind
	}
	return ""
}

func arrivedPath(path string) string {
	segs := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, raw := range segs {
		seg, err := url.PathUnescape(raw)
		switch twice, err2 := url.PathUnescape(seg); {
		case err != nil || !utf8.ValidString(seg):
			return "a segment without a reading: " + raw
		case raw == "" && i < len(segs)-1:
			return "an empty segment"
		case dots.MatchString(seg):
			return "a dot segment"
		case strings.ContainsAny(seg, "/\\\x00\r\n") || strings.Contains(raw, ";"):
			return "a separator in " + raw
		case err2 == nil && twice != seg && strings.ContainsAny(twice, "/\\;.\x00"):
			return "another reading at the second decoding of " + raw
		}
	}
	return ""
}

// arrivedPairs reads names as PHP does, which puts an underscore for what a
// variable's name can't hold and makes arrays of brackets, and as frameworks do
// that fold case or reach into objects by dots.
func arrivedPairs(s string) string {
	if s == "" {
		return ""
	}
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(s, "&") {
		name, value, ok := strings.Cut(pair, "=")
		n, err1 := url.QueryUnescape(name)
		v, err2 := url.QueryUnescape(value)
		if !ok || err1 != nil || err2 != nil || !utf8.ValidString(n) || !utf8.ValidString(v) || n == "" {
			return "a pair without a reading: " + pair
		}
		folded := strings.NewReplacer(".", "_", " ", "_").Replace(strings.ToLower(n))
		if seen[folded] && name != "ancestors" {
			return "the name " + n + " twice"
		}
		seen[folded] = true
		if strings.ContainsAny(n, "[]();\x00 \"'<>%") {
			return "the name " + n
		}
		if strings.ContainsAny(v, "\x00") {
			return "a NUL in " + n
		}
	}
	return ""
}

// shows looks for a text in what arrived, decoded up to three times.
func shows(text string, words []string) string {
	for range 3 {
		low := strings.ToLower(text)
		for _, w := range words {
			if strings.Contains(low, w) {
				return w
			}
		}
		next, err := url.QueryUnescape(text)
		if err != nil {
			break
		}
		text = next
	}
	return ""
}

// play sends attacks and judges what becomes of each.
func (s *rawSite) play(t *testing.T, cookie string, attacks []attack, hidden []string) {
	t.Helper()
	seen := map[string]bool{}
	for _, a := range attacks {
		name := fmt.Sprintf("%s: %.120s %q", a.name, a.line, a.header)
		if seen[name+a.body] {
			t.Errorf("%s stands there twice", name)
		}
		seen[name+a.body] = true
		s.tap.take()
		got := s.send(t, s.request(a.line, cookie, a.header...)+a.body)
		if got.failed != nil || !slices.Contains(a.want, got.status) {
			t.Errorf("%s: status %d (%v), want one of %v", name, got.status, got.failed, a.want)
		}
		if w := shows(got.body, hidden); w != "" {
			t.Errorf("%s: the answer holds %q", name, w)
		}
		up := s.tap.take()
		if len(up) > 0 && !slices.Contains(a.want, 200) {
			t.Errorf("%s: the wiki is asked %q", name, up[0].raw)
		}
		for _, u := range up {
			if why := arrived(u.raw, u.body, s.host); why != "" {
				t.Errorf("%s: what arrives has %s\n%q", name, why, u.raw)
			}
			if w := shows(u.raw+u.body, hidden); w != "" {
				t.Errorf("%s: %q arrives: %q", name, w, u.raw)
			}
		}
	}
	t.Logf("%d attacks", len(attacks))
}

// Answers that are right for a trick.
var (
	noReading = []int{400}
	notThere  = []int{404}
	harmless  = []int{200}
	either    = []int{400, 404}
	notTaken  = []int{400, 403, 404}
)

// pathTricks write a path otherwise. What the gateway has to say is for a page
// that may be seen; for a hidden one nothing but a refusal is right.
var pathTricks = []struct {
	name string
	do   func(string) string
	want []int
}{
	{"dot segment before", func(p string) string { return "/." + p }, noReading},
	{"dot segment behind", func(p string) string { return p + "/." }, noReading},
	{"parent before", func(p string) string { return "/.." + p }, noReading},
	{"into a folder and back", func(p string) string { return "/login.action/.." + p }, noReading},
	{"into a static folder and back", func(p string) string { return "/images/.." + p }, noReading},
	{"escaped dots", func(p string) string { return "/images/%2e%2e" + p }, noReading},
	{"one dot escaped", func(p string) string { return "/images/.%2E" + p }, noReading},
	{"dots escaped twice", func(p string) string { return "/images/%252e%252e" + p }, noReading},
	{"dots escaped three times", func(p string) string { return "/images/%25252e%25252e" + p }, noReading},
	{"wide dots", func(p string) string { return "/images/%EF%BC%8E%EF%BC%8E" + p }, noReading},
	{"overlong dots", func(p string) string { return "/images/%C0%AE%C0%AE" + p }, noReading},
	{"parent with a parameter", func(p string) string { return "/images/..;/" + p[1:] }, noReading},
	{"parent with a named parameter", func(p string) string { return "/images/..;a=b" + p }, noReading},
	{"parent with a blank", func(p string) string { return "/images/..%20" + p }, noReading},
	{"parent with a NUL", func(p string) string { return "/images/..%00" + p }, noReading},
	{"parent behind a slash that is escaped", func(p string) string { return "/images%2f.." + p }, noReading},
	{"parent behind a backslash", func(p string) string { return "/images/..%5c" + p[1:] }, noReading},
	{"backslash", func(p string) string { return strings.Replace(p[1:], "/", `\`, 1) }, noReading},
	{"backslash for the first slash", func(p string) string { return `\` + p[1:] }, noReading},
	{"backslash behind the first slash", func(p string) string { return `/\` + p[1:] }, noReading},
	{"escaped backslash", func(p string) string { return "/" + strings.Replace(p[1:], "/", "%5C", 1) }, noReading},
	{"two slashes before", func(p string) string { return "/" + p }, noReading},
	{"two slashes within", func(p string) string { return "/" + strings.Replace(p[1:], "/", "//", 1) }, noReading},
	{"two slashes behind", func(p string) string { return p + "//" }, noReading},
	{"escaped slash", func(p string) string { return "/" + strings.Replace(p[1:], "/", "%2F", 1) }, noReading},
	{"escaped slash before", func(p string) string { return "/%2f" + p[1:] }, noReading},
	{"slash escaped twice", func(p string) string { return "/" + strings.Replace(p[1:], "/", "%252F", 1) }, noReading},
	{"overlong slash", func(p string) string { return "/" + strings.Replace(p[1:], "/", "%C0%AF", 1) }, noReading},
	{"overlong slash of three bytes", func(p string) string { return "/" + strings.Replace(p[1:], "/", "%E0%80%AF", 1) }, noReading},
	{"slash of UTF-7", func(p string) string { return "/" + strings.Replace(p[1:], "/", "+AC8-", 1) }, notThere},
	{"wide slash", func(p string) string { return "/" + strings.Replace(p[1:], "/", "%EF%BC%8F", 1) }, notThere},
	{"division slash", func(p string) string { return "/" + strings.Replace(p[1:], "/", "%E2%88%95", 1) }, notThere},
	{"session in the path", func(p string) string { return p + ";jsessionid=1" }, noReading},
	{"session in the path, upper case", func(p string) string { return p + ";JSESSIONID=1" }, noReading},
	{"parameter in the first segment", func(p string) string { return "/" + strings.Replace(p[1:], "/", ";x/", 1) }, noReading},
	{"empty parameter", func(p string) string { return p + ";" }, noReading},
	{"parameter before all", func(p string) string { return "/;" + p }, noReading},
	{"parameter with a path in it", func(p string) string { return p + ";/../admin" }, noReading},
	{"escaped parameter", func(p string) string { return p + "%3Bjsessionid=1" }, noReading},
	{"parameter that ends like a script", func(p string) string { return p + ";.css" }, noReading},
	{"NUL", func(p string) string { return p + "%00" }, noReading},
	{"NUL and an ending", func(p string) string { return p + "%00.css" }, noReading},
	{"NUL escaped twice", func(p string) string { return p + "%2500" }, noReading},
	{"overlong NUL", func(p string) string { return p + "%C0%80" }, noReading},
	{"line feed", func(p string) string { return p + "%0A" }, noReading},
	{"carriage return", func(p string) string { return p + "%0D%0AX-Remote-User:%20ines" }, noReading},
	{"tab", func(p string) string { return p + "%09" }, noReading},
	{"delete", func(p string) string { return p + "%7F" }, noReading},
	{"half an escape", func(p string) string { return p + "%" }, noReading},
	{"an escape cut short", func(p string) string { return p + "%2" }, noReading},
	{"no escape", func(p string) string { return p + "%zz" }, noReading},
	{"escape of UTF-16", func(p string) string { return p + "%u002f" }, noReading},
	{"a byte that is no UTF-8", func(p string) string { return p + "%FF" }, noReading},
	{"a surrogate", func(p string) string { return p + "%ED%A0%80" }, noReading},
	{"half a character", func(p string) string { return p + "%C3" }, noReading},
	{"beyond Unicode", func(p string) string { return p + "%F4%90%80%80" }, noReading},
	{"raw bytes above ASCII", func(p string) string { return p + "\xff" }, noReading},
	{"script behind", func(p string) string { return p + "/index.php" }, notThere},
	{"ending of a style", func(p string) string { return p + "/x.css" }, notThere},
	{"ending of a picture", func(p string) string { return p + "/x.png" }, notThere},
	{"static prefix", func(p string) string { return "/s/x/_" + p }, notThere},
	{"static prefix of more", func(p string) string { return "/s/en_GB/8804/x/_" + p }, notThere},
	{"static prefix twice", func(p string) string { return "/s/x/_/s/x/_" + p }, notThere},
	{"static prefix, parameter", func(p string) string { return "/s/x/_/;" + p }, noReading},
	{"own prefix before", func(p string) string { return "/.postern" + p }, notThere},
	{"own prefix and back", func(p string) string { return "/.postern/.." + p }, noReading},
	{"own prefix and back, escaped", func(p string) string { return "/.postern/%2e%2e" + p }, noReading},
	{"context path of others", func(p string) string { return "/confluence" + p }, notThere},
	{"upper case", strings.ToUpper, notThere},
	{"trailing dot", func(p string) string { return p + "." }, notThere},
	{"trailing blank", func(p string) string { return p + "%20" }, notThere},
	{"hard blank", func(p string) string { return p + "%C2%A0" }, notThere},
	{"zero width blank", func(p string) string { return p + "%E2%80%8B" }, notThere},
	{"direction mark", func(p string) string { return p + "%E2%80%8E" }, notThere},
	{"byte order mark", func(p string) string { return "/%EF%BB%BF" + p[1:] }, notThere},
	{"question mark that is escaped", func(p string) string { return p + "%3Fx=1" }, notThere},
	{"fragment", func(p string) string { return p + "#x" }, noReading},
	{"fragment that is escaped", func(p string) string { return p + "%23x" }, notThere},
}

// TestAttackPaths combines the tricks with addresses of each sort.
func TestAttackPaths(t *testing.T) {
	s := newRawSite(t)
	ana := s.cookie(t, "ana", "acme-demo")
	var all []attack
	for _, base := range []struct {
		path string
		free bool // the last segment is any file's name, of a page that may be seen
	}{
		{path: "/display/ACME/Project+Plan"},
		{path: "/display/ACME"},
		{path: "/pages/viewpage.action?pageId=66600101"},
		{path: "/rest/api/content/66600101"},
		{path: "/download/attachments/66600101/phases.bin", free: true},
		{path: "/display/HR/Osprey+Redundancy+Plan"},
		{path: "/rest/api/space/HR"},
		{path: "/admin/console.action"},
		{path: "/WEB-INF/web.xml"},
	} {
		path, query, _ := strings.Cut(base.path, "?")
		for _, trick := range pathTricks {
			a := attack{name: trick.name, line: "GET " + trick.do(path), want: trick.want}
			if query != "" && !strings.Contains(a.line, "#") {
				a.line += "?" + query
			}
			if base.free && strings.HasPrefix(a.line, "GET "+path) && slices.Equal(a.want, notThere) {
				a.want = []int{200, 404}
			}
			all = append(all, a)
		}
	}
	s.play(t, ana, all, []string{"osprey", "hetty", "negotiation"})
}

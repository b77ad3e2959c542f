package caddymodule

import (
	"fmt"
	"strings"
	"testing"
)

// queryTricks are put behind the query of a page that may be seen. Those that
// name a hidden page are beside it, not in its place.
var queryTricks = []struct {
	name, more string
	want       []int
}{
	{"same name, other value", "&pageId=66600201", noReading},
	{"same name, same value", "&pageId=66600101", noReading},
	{"same name, escaped", "&%70ageId=66600201", noReading},
	{"same name, other case", "&PageId=66600201", notThere},
	{"same name, upper case", "&PAGEID=66600201", notThere},
	{"array", "&pageId[]=66600201", noReading},
	{"array, escaped", "&pageId%5B%5D=66600201", noReading},
	{"array with an index", "&pageId[0]=66600201", noReading},
	{"array, open", "&pageId[=66600201", noReading},
	{"member", "&page.id=66600201", notThere},
	{"setter of a framework", "&page.space.key=HR", notThere},
	{"setter of a bean", "&pageId.class=x", notThere},
	{"class loader", "&class.classLoader.URLs[0]=x", noReading},
	{"blank in front", "&+pageId=66600201", noReading},
	{"blank behind", "&pageId+=66600201", noReading},
	{"NUL behind", "&pageId%00=66600201", noReading},
	{"NUL and more", "&pageId%00x=66600201", noReading},
	{"tab in front", "&%09pageId=66600201", noReading},
	{"line feed in front", "&%0ApageId=66600201", noReading},
	{"wide letters", "&%EF%BD%90ageId=66600201", noReading},
	{"long s", "&pa%C5%BFe=1", noReading},
	{"semicolon for the ampersand", ";pageId=66600201", noReading},
	{"semicolon, escaped", "%3BpageId=66600201", notThere},
	{"no name", "&=66600201", noReading},
	{"no pair at all", "&&&", harmless},
	{"bad escape in a name", "&a%=1", noReading},
	{"bad escape in a value", "&x=%zz", noReading},
	{"bad escape cut short", "&x=%2", noReading},
	{"escape of UTF-16", "&x=%u0041", noReading},
	{"overlong", "&x=%C0%AF", noReading},
	{"no UTF-8", "&x=%FF", noReading},
	{"surrogate", "&x=%ED%A0%80", noReading},
	{"unknown name", "&nosuch=1", notThere},
	{"question mark", "?pageId=66600201", notThere},
	{"charset of the form", "&_charset_=UTF-7", notThere},
	{"ie", "&ie=UTF-7", notThere},
	{"method", "&_method=DELETE", notThere},
	{"method, upper case", "&_METHOD=PUT", notThere},
	{"method of others", "&method:execute=1", notThere},
	{"action of a framework", "&action:admin=1", notThere},
	{"redirect of a framework", "&redirect:http://evil.example", noReading},
	{"redirect action of a framework", "&redirectAction:x=1", notThere},
	{"expression", "&queryString=${1%2B1}", notThere},
	{"expression of OGNL", "&x=%25%7B1%2B1%7D", notThere},
	{"decorator", "&decorator=none", notThere},
	{"printable", "&decorator=printable", []int{200, 404}},
	{"content only", "&contentOnly=true", notThere},
	{"navigator", "&navigatingVersions=true&pageVersion=1", notThere},
	{"wiki's password", "&os_username=ines&os_password=hunter2", noReading},
	{"wiki's user alone", "&os_username=ines", noReading},
	{"wiki's cookie", "&os_cookie=true", noReading},
	{"access token", "&access_token=x", noReading},
	{"OAuth", "&oauth_token=x", notThere},
	{"user to be", "&os_su=ines", notThere},
	{"callback", "&jsonp=alert", notThere},
	{"callback, other name", "&callback=alert", notThere},
	{"plus in a number", "&preview=%2F66600101%2F+1%2Fx", notThere},
	{"many, more than PHP reads", "&" + strings.Repeat("a=1&", 1000) + "pageId=66600201", []int{400, 414}},
	{"many, more than Go reads", "&" + strings.Repeat("&", 7000) + "pageId=66600201", []int{400, 414}},
	{"long name", "&" + strings.Repeat("a", 300) + "=1", noReading},
}

// idTricks are values for the id of a page.
var idTricks = []struct{ name, value string }{
	{"wide digits", "%EF%BC%96%EF%BC%96%EF%BC%96%EF%BC%900101"},
	{"Arabic digits", "%D9%A6%D9%A6%D9%A600101"},
	{"mathematical digits", "%F0%9D%9F%94660010%F0%9D%9F%8F"},
	{"superscript", "6660010%C2%B9"},
	{"blank in front", "+66600101"},
	{"blank behind", "66600101+"},
	{"hard blank", "66600101%C2%A0"},
	{"tab", "66600101%09"},
	{"line feed", "66600101%0A"},
	{"NUL", "66600101%00"},
	{"plus", "%2B66600101"},
	{"minus", "-66600101"},
	{"zeros in front", "00066600101"},
	{"hexadecimal", "0x3F83DB5"},
	{"octal", "0376037665"},
	{"exponent", "6.66600101e7"},
	{"decimal point", "66600101.0"},
	{"long suffix", "66600101L"},
	{"digits in groups", "66%2C600%2C101"},
	{"underscores", "66_600_101"},
	{"overflow of 64 bits", "18446744073776151717"},
	{"overflow of 32 bits", "4361567397"},
	{"list", "66600101,66600201"},
	{"list of bars", "66600101|66600201"},
	{"list of semicolons", "66600101;66600201"},
	{"empty", ""},
	{"null", "null"},
	{"quotes", "%2266600101%22"},
	{"comment", "66600101--"},
	{"expression", "66600101%27%20or%201%3D1"},
	{"negative zero", "-0"},
	{"not a number", "NaN"},
	{"braces", "%7B66600101%7D"},
	{"minus of Unicode", "%E2%88%9266600101"},
}

// TestAttackQueries puts tricks into queries and forms.
func TestAttackQueries(t *testing.T) {
	s := newRawSite(t)
	ana := s.cookie(t, "ana", "acme-demo")
	var all []attack
	for _, q := range queryTricks {
		all = append(all,
			attack{name: q.name, line: "GET /pages/viewpage.action?pageId=66600101" + q.more, want: q.want},
			attack{name: q.name + ", HEAD", line: "HEAD /pages/viewpage.action?pageId=66600101" + q.more, want: q.want},
		)
		if q.more[0] == '&' {
			body := "maxResults=3" + strings.ReplaceAll(strings.ReplaceAll(q.more, "pageId", "maxResults"), "%70ageId", "%6DaxResults")
			want := q.want
			if len(body) > 1000 {
				want = []int{400, 413}
			}
			all = append(all, attack{
				name: q.name + ", in a form", line: "POST /rest/dashboardmacros/1.0/updates", want: want, body: body,
				header: []string{sameOrigin, "Content-Type: application/x-www-form-urlencoded", fmt.Sprint("Content-Length: ", len(body))},
			})
		}
	}
	for _, v := range idTricks {
		for _, line := range []string{
			"GET /pages/viewpage.action?pageId=%s", "GET /pages/viewpreviousversions.action?pageId=%s", "GET /pages/viewpage.action?spaceKey=ACME&title=Project+Plan&pageId=%s",
			"GET /rest/api/content/%s", "GET /rest/api/content/%s/child/page", "GET /rest/likes/1.0/content/%s/likes", "GET /download/attachments/%s/x.png",
		} {
			value := v.value
			want := either
			switch {
			case value == "" && strings.Contains(line, "title="):
				want = []int{200, 302} // as if it were not there
			case !strings.Contains(line, "=%s"):
				if value = strings.ReplaceAll(value, "+", "%20"); value == "" {
					continue // another path
				}
			}
			all = append(all, attack{name: v.name, line: fmt.Sprintf(line, value), want: want})
		}
	}
	s.play(t, ana, all, []string{"osprey", "hetty", "negotiation", "66600201"})
}

// bodyTricks are bodies that a reading route and a route that takes none are
// sent.
var bodyTricks = []struct{ name, kind, body string }{
	{"JSON", "application/json", `{"a":1}`},
	{"JSON, no type", "", `{"a":1}`},
	{"duplicate keys", "application/json", `{"a":1,"a":2}`},
	{"duplicate keys, escaped", "application/json", `{"a":1,"\u0061":2}`},
	{"keys that differ in case", "application/json", `{"id":1,"ID":2}`},
	{"keys that fold to one: Kelvin sign", "application/json", `{"key":1,"` + "\u212aey" + `":2}`},
	{"keys that fold to one: long s", "application/json", `{"space":1,"` + "\u017fpace" + `":2}`},
	{"keys that fold to one: dotless i", "application/json", `{"id":1,"` + "\u0131d" + `":2}`},
	{"nested duplicates", "application/json", `{"a":[{"b":1,"b":2}]}`},
	{"two values", "application/json", `{"a":1}{"a":2}`},
	{"data behind", "application/json", `{"a":1} x`},
	{"comment", "application/json", `{"a":1/*x*/}`},
	{"trailing comma", "application/json", `{"a":1,}`},
	{"single quotes", "application/json", `{'a':1}`},
	{"byte order mark", "application/json", "\xef\xbb\xbf{\"a\":1}"},
	{"UTF-16", "application/json", "{\x00\"\x00a\x00\"\x00:\x001\x00}\x00"},
	{"UTF-16 by charset", "application/json; charset=utf-16", `{"a":1}`},
	{"UTF-7 by charset", "application/json; charset=utf-7", `{"a":1}`},
	{"no number", "application/json", `{"a":NaN}`},
	{"infinite", "application/json", `{"a":Infinity}`},
	{"leading zero", "application/json", `{"a":01}`},
	{"huge number", "application/json", `{"a":1e99999}`},
	{"lone surrogate", "application/json", `{"a":"\ud800"}`},
	{"control character", "application/json", "{\"a\":\"\x01\"}"},
	{"NUL", "application/json", "{\"a\":1}\x00"},
	{"no UTF-8", "application/json", "{\"a\":\"\xff\"}"},
	{"deep", "application/json", strings.Repeat(`[`, 5000) + strings.Repeat(`]`, 5000)},
	{"cut off", "application/json", `{"a":`},
	{"empty array", "application/json", `[]`},
	{"JSON of another name", "application/vnd.api+json", `{"a":1}`},
	{"JSON as text", "text/json", `{"a":1}`},
	{"JSON as a form of text", "text/plain", `{"a":"=1"}`},
	{"multipart", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--\r\n"},
	{"multipart, two boundaries", "multipart/form-data; boundary=x; boundary=y", "--x\r\n\r\n--x--"},
	{"multipart, quoted boundary", `multipart/form-data; boundary="x y"`, "--x y\r\n\r\n--x y--"},
	{"multipart, boundary of many lines", "multipart/form-data; boundary*0=x; boundary*1=y", "--xy--"},
	{"multipart, no boundary", "multipart/form-data", "--x--"},
	{"multipart in other case", "Multipart/Form-Data; Boundary=x", "--x--"},
	{"multipart of another sort", "multipart/mixed; boundary=x", "--x--"},
	{"form, no type", "", "a=1"},
	{"form as text", "text/plain", "a=1"},
	{"form, comma type", "text/plain, application/x-www-form-urlencoded", "a=1"},
	{"form, other charset", "application/x-www-form-urlencoded; charset=ibm037", "a=1"},
	{"form, charset twice", "application/x-www-form-urlencoded; charset=utf-8; charset=utf-7", "a=1"},
	{"SOAP", "text/xml", "<soap:Envelope/>"},
	{"SOAP of version 1.2", "application/soap+xml", "<soap:Envelope/>"},
	{"XML with an entity", "application/xml", `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`},
	{"serialised object", "application/x-java-serialized-object", "\xac\xed\x00\x05"},
	{"GraphQL", "application/graphql", "{me{id}}"},
	{"AMF", "application/x-amf", "\x00\x03"},
	{"YAML", "application/yaml", "a: !!x y"},
}

// TestAttackBodies sends bodies where none is taken: no such body goes up, and
// no route begins to exist by one.
func TestAttackBodies(t *testing.T) {
	s := newRawSite(t)
	ana := s.cookie(t, "ana", "acme-demo")
	var all []attack
	for _, b := range bodyTricks {
		header := []string{sameOrigin, fmt.Sprint("Content-Length: ", len(b.body))}
		if b.kind != "" {
			header = append(header, "Content-Type: "+b.kind)
		}
		for _, line := range []string{
			"POST /rest/dashboardmacros/1.0/updates", "POST /display/ACME/Project+Plan", "POST /display/HR/Osprey+Redundancy+Plan", "GET /display/ACME/Project+Plan",
			"PUT /rest/api/content/66600101", "DELETE /rest/api/content/66600101", "POST /rpc/xmlrpc", "POST /rpc/soap-axis/confluenceservice-v2", "POST /graphql", "POST /rest/tinymce/1/macro/preview",
			"PATCH /rest/api/content/66600101", "QUERY /rest/api/search",
		} {
			all = append(all, attack{name: b.name, line: line, header: header, body: b.body, want: notTaken})
		}
	}
	s.play(t, ana, all, []string{"osprey", "hetty", "negotiation"})
}

// TestAttackMethods: a method is part of a route, in its one spelling.
func TestAttackMethods(t *testing.T) {
	s := newRawSite(t)
	ana := s.cookie(t, "ana", "acme-demo")
	var all []attack
	methods := []string{
		"TRACE", "TRACK", "OPTIONS", "PUT", "DELETE", "PATCH", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "SEARCH", "REPORT", "MERGE", "PURGE", "LINK",
		"UNLINK", "DEBUG", "BREW", "get", "Get", "gET", "head", "post", "G", "GETX", "GET!", "ACL", "VIEW", "QUERY", "PRI", "SUBSCRIBE", "M-SEARCH", "INVOKE",
	}
	for _, m := range methods {
		for _, target := range []string{"/display/ACME/Project+Plan", "/display/HR", "/rest/api/content/66600101", "/rest/dashboardmacros/1.0/updates", "/", "/.postern/signout", "*"} {
			want := []int{400, 403, 404, 405}
			if m == "OPTIONS" && target == "*" {
				continue // net/http answers for the server as a whole
			}
			if strings.HasPrefix(target, "/.postern") {
				want = append(want, 302, 303) // its own pages answer for themselves
			}
			all = append(all, attack{name: "method", line: m + " " + target, header: []string{sameOrigin}, want: want})
		}
	}
	for _, over := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X_HTTP_METHOD_OVERRIDE", "_method"} {
		for _, m := range []string{"GET", "PUT", "DELETE", "PATCH"} {
			all = append(all, attack{name: "override", line: "POST /display/ACME/Project+Plan", header: []string{sameOrigin, over + ": " + m, "Content-Length: 0"}, want: notThere})
		}
	}
	s.play(t, ana, all, []string{"osprey", "hetty", "negotiation"})
}

// TestAttackTargets: other forms of a target, and of the host.
func TestAttackTargets(t *testing.T) {
	s := newRawSite(t)
	ana := s.cookie(t, "ana", "acme-demo")
	_, port, _ := strings.Cut(s.host, ":")
	const page = "/display/ACME/Project+Plan"
	var all []attack
	for _, target := range []string{
		"http://evil.example" + page, "https://" + s.host + page, "http://ines@" + s.host + page, "http://" + s.host + ".:80" + page, "//" + s.host + page, "///" + s.host + page,
		"http:" + page, "http:/" + page, "file://" + page, "javascript:alert(1)", "gopher://" + s.host + "/1", s.host, "evil.example:80", "*", "display/ACME", "?pageId=66600101", "#x", "%2Fdisplay/ACME",
		page + " HTTP/1.0", page + "\t", "\t" + page,
	} {
		all = append(all, attack{name: "target", line: "GET " + target, want: []int{400, 404}})
	}
	for _, host := range []string{
		"evil.example", "localhost:" + port, "127.0.0.1", "127.0.0.1.:" + port, "127.0.0.1:0" + port, "127.0.0.1:" + port + "0", "127.1:" + port, "2130706433:" + port, "0x7f.0.0.1:" + port,
		"[::ffff:127.0.0.1]:" + port, "ines@127.0.0.1:" + port, "127.0.0.1:" + port + "@evil.example", "127.0.0.1:" + port + "/x", "127.0.0.1:" + port + "?x", "127.0.0.1:" + port + "#x",
		"127.0.0.1:" + port + ", evil.example", "127.0.0.1:" + port + " evil.example", "", ":" + port, "127.0.0.1:", "127.0.0.1:" + port + "\x0b", "%31%32%37.0.0.1:" + port,
	} {
		all = append(all, attack{name: "host", line: "GET " + page, header: []string{"Host: " + host}, want: noReading})
	}
	for _, framing := range [][]string{
		{"Content-Length: 5", "Content-Length: 6"},
		{"Content-Length: 5, 5"},
		{"Content-Length: +5"},
		{"Content-Length: -1"},
		{"Content-Length: 0x5"},
		{"Content-Length: 5 "},
		{"Content-Length: 99999999999999999999"},
		{"Transfer-Encoding: chunked", "Transfer-Encoding: chunked"},
		{"Transfer-Encoding: chunked, identity"},
		{"Transfer-Encoding: identity"},
		{"Transfer-Encoding: \x0bchunked"},
		{"Transfer-Encoding: CHUNKED;x"},
		{"Transfer-Encoding : chunked"},
		{" Transfer-Encoding: chunked"},
		{"Transfer_Encoding: chunked"},
		{"X: y\rTransfer-Encoding: chunked"},
		{"Content-Encoding: gzip", "Content-Length: 12"},
		{"Content-Encoding: identity", "Content-Length: 12"},
		{"Content-Encoding: x, gzip", "Content-Length: 12"},
	} {
		all = append(all, attack{
			name: "framing", line: "POST /rest/dashboardmacros/1.0/updates", body: "maxResults=5",
			header: append([]string{sameOrigin, "Content-Type: application/x-www-form-urlencoded"}, framing...), want: []int{200, 400, 404, 413, 501},
		})
	}
	for _, body := range []string{
		"c\r\nmaxResults=5\r\n0\r\n\r\n", "0c\r\nmaxResults=5\r\n0\r\n\r\n", "c;a=b\r\nmaxResults=5\r\n0\r\n\r\n", "c \r\nmaxResults=5\r\n0\r\n\r\n", "0xc\r\nmaxResults=5\r\n0\r\n\r\n",
		"-1\r\n\r\n", "c\nmaxResults=5\n0\n\n", "1000000000000000c\r\nx", "c\r\nmaxResults=5XX0\r\n\r\n", "c\r\nmaxResults=5\r\n0\r\nX-Remote-User: ines\r\n\r\n",
		"c\r\nmaxResults=5\r\n0\r\nX_Remote_User: ines\r\nHost: evil.example\r\n\r\n", "c;" + strings.Repeat("a", 20000) + "\r\nmaxResults=5\r\n0\r\n\r\n",
	} {
		all = append(all, attack{
			name: "chunks", line: "POST /rest/dashboardmacros/1.0/updates", body: body,
			header: []string{sameOrigin, "Content-Type: application/x-www-form-urlencoded", "Transfer-Encoding: chunked"}, want: []int{200, 400},
		})
	}
	s.play(t, ana, all, []string{"osprey", "hetty", "negotiation", "remote-user", "evil"})
}

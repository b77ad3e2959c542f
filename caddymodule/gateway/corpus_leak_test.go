package gateway_test

import (
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/postern-gateway/postern/caddymodule/gateway"
)

var (
	tagLike  = regexp.MustCompile(`<[^>]*>`)
	uEscape  = regexp.MustCompile(`\\u([0-9a-fA-F]{4})`)
	xEscape  = regexp.MustCompile(`\\x([0-9a-fA-F]{2})`)
	percent  = regexp.MustCompile(`%([0-9a-fA-F]{2})`)
	nonWords = regexp.MustCompile(`[^\pL\pN]+`)
)

// decodings gives every way in which somebody might read a text.
func decodings(s string) []string {
	out := []string{s}
	cur := s
	for range 4 {
		cur = html.UnescapeString(cur)
		cur = uEscape.ReplaceAllStringFunc(cur, func(m string) string {
			n, _ := strconv.ParseUint(m[2:], 16, 32)
			return string(rune(n))
		})
		cur = xEscape.ReplaceAllStringFunc(cur, func(m string) string {
			n, _ := strconv.ParseUint(m[2:], 16, 32)
			return string(rune(n))
		})
		cur = percent.ReplaceAllStringFunc(cur, func(m string) string {
			n, _ := strconv.ParseUint(m[1:], 16, 32)
			return string([]byte{byte(n)})
		})
		cur = strings.NewReplacer(`\/`, "/", `\"`, `"`).Replace(cur)
		out = append(out, cur)
	}
	plain := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, cur)
	return append(out, plain, tagLike.ReplaceAllString(plain, ""), nonWords.ReplaceAllString(tagLike.ReplaceAllString(plain, ""), ""))
}

func find(all []string, needle string) string {
	for _, s := range all {
		if i := strings.Index(strings.ToLower(s), needle); i >= 0 {
			l := strings.ToLower(s)
			return fmt.Sprintf("…%s…", l[max(0, i-50):min(len(l), i+len(needle)+40)])
		}
	}
	return ""
}

var rooted = regexp.MustCompile(`(=["']|url=|, |url\(['"]?|action=["']|https://site\.example|http://wiki\.internal:8090|//site\.example|https://wiki\.corp\.example)/(display|pages|download|x/|users|plugins|spaces|label|collector|dosearchsite|rest|images|s/|createrss)`)

// TestCorpusContext is the corpus of pages where the wiki lies below a context
// path.
func TestCorpusContext(t *testing.T) {
	t.Parallel()
	for _, c := range readCorpus(t) {
		if !strings.HasPrefix(c.typ, "text/html") || c.todo != "" || c.status != 200 {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			c.body = strings.ReplaceAll(rooted.ReplaceAllString(c.body, "$1/confluence/$2"), `data-base-url="https://site.example"`, `data-base-url="https://site.example/confluence"`)
			var event gateway.Event
			gw := corpusGateway(t, c.as, "", "/confluence", func(e gateway.Event) { event = e })
			w := serve(t, gw, "GET", "/confluence"+c.url, c.next(), "Accept", "*/*")
			if w.Code != 200 {
				t.Fatalf("status %d (%s: %s)", w.Code, event.Rule, event.Reason)
			}
			var leaks []string
			if c.as != "ida" {
				leaks = canaries
			}
			all := decodings(w.Body.String())
			for _, n := range leaks {
				if at := find(all, n); at != "" {
					t.Errorf("leak of %q: %s", n, at)
				}
			}
			if got := middle(w.Body.String()); c.same && got != middle(c.body) {
				t.Errorf("changed:\n%s", diff(middle(c.body), got))
			}
		})
	}
}

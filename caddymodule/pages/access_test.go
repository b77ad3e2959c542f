package pages_test

import (
	"crypto/sha256"
	"encoding/base64"
	"math"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/postern-gateway/postern/caddymodule/pages"
)

// walk calls f with every element.
func walk(n *html.Node, f func(*html.Node)) {
	if n.Type == html.ElementNode {
		f(n)
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		walk(c, f)
	}
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var b strings.Builder
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		b.WriteString(text(c))
	}
	return b.String()
}

// TestAccessible: what can be told of a page's accessibility by its structure:
// a language, a title, one h1 in one main landmark, named navigation, links and
// buttons with a text, pictures with one, no tab order, zoom left alone.
func TestAccessible(t *testing.T) {
	for brand, s := range map[string]*pages.Set{"plain": pages.Default(), "branded": branded(t)} {
		for _, got := range everything(s) {
			if !strings.HasSuffix(got.name, ".html") {
				continue
			}
			doc, err := html.Parse(got.Body)
			if err != nil {
				t.Fatal(err)
			}
			count := map[string]int{}
			walk(doc, func(n *html.Node) {
				count[n.Data]++
				fault := ""
				switch n.Data {
				case "html":
					if attr(n, "lang") == "" {
						fault = "no lang"
					}
				case "title", "h1", "a", "button":
					if strings.TrimSpace(text(n)) == "" {
						fault = "no text"
					}
				case "nav":
					if attr(n, "aria-label") == "" {
						fault = "no name"
					}
				case "img":
					if !strings.Contains(html.EscapeString(attrs(n)), "alt") {
						fault = "no alt"
					}
				case "meta":
					if strings.Contains(attr(n, "content"), "scalable") || strings.Contains(attr(n, "content"), "maximum") {
						fault = "forbids zoom"
					}
				case "script", "link", "iframe", "base":
					fault = "should not be there"
				}
				for _, a := range n.Attr {
					if strings.HasPrefix(a.Key, "on") || a.Key == "tabindex" || a.Key == "autofocus" || a.Key == "style" {
						fault = "attribute " + a.Key
					}
					if (a.Key == "src" || a.Key == "href" || a.Key == "action") && strings.Contains(a.Val, "//") && !strings.HasPrefix(a.Val, "data:") {
						fault = "refers elsewhere: " + a.Val
					}
				}
				if fault != "" {
					t.Errorf("%s %s: <%s>: %s", brand, got.name, n.Data, fault)
				}
			})
			for name, want := range map[string]int{"h1": 1, "main": 1, "title": 1, "style": 1} {
				if count[name] != want {
					t.Errorf("%s %s: %d %s, want %d", brand, got.name, count[name], name, want)
				}
			}
		}
	}
}

func attrs(n *html.Node) string {
	var keys []string
	for _, a := range n.Attr {
		keys = append(keys, a.Key)
	}
	return strings.Join(keys, " ")
}

// TestPolicy: every page's policy allows its one style, by hash, and no script,
// frame or form but the page's own.
func TestPolicy(t *testing.T) {
	style := regexp.MustCompile(`(?s)<style>(.*?)</style>`)
	for _, s := range []*pages.Set{pages.Default(), branded(t)} {
		for _, got := range everything(s) {
			h := got.Header()
			if h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Cache-Control"), "no-store") || h.Get("Referrer-Policy") != "same-origin" {
				t.Errorf("%s: %v", got.name, h)
			}
			if !strings.HasSuffix(got.name, ".html") {
				continue
			}
			m := style.FindStringSubmatch(got.Body.String())
			if m == nil {
				t.Fatalf("%s: no style", got.name)
			}
			sum := sha256.Sum256([]byte(m[1]))
			form := "form-action 'none'"
			switch got.name {
			case "confirm.html":
				form = "form-action 'self' https://idp.example"
			case "wiki.html", "wiki-wrong.html":
				form = "form-action 'self'"
			}
			want := "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; base-uri 'none'; frame-ancestors 'none'; " + form
			if csp := h.Get("Content-Security-Policy"); csp != want {
				t.Errorf("%s: policy\n%s, want\n%s", got.name, csp, want)
			}
			if h.Get("Permissions-Policy") == "" || h.Get("X-Frame-Options") != "DENY" {
				t.Errorf("%s: %v", got.name, h)
			}
		}
	}
}

var (
	darkRule = regexp.MustCompile(`@media \(prefers-color-scheme: dark\) \{ :root \{([^}]*)\} \}`)
	property = regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6});`)
)

// scheme reads the style's colours, light or dark.
func scheme(t *testing.T, style string, dark bool) map[string]float64 {
	t.Helper()
	out := map[string]float64{}
	take := func(css string) {
		for _, m := range property.FindAllStringSubmatch(css, -1) {
			out[m[1]] = luminance(t, m[2])
		}
	}
	take(darkRule.ReplaceAllString(style, ""))
	if dark {
		for _, m := range darkRule.FindAllStringSubmatch(style, -1) {
			take(m[1])
		}
	}
	return out
}

// luminance is WCAG's, worked out apart from the package's own.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		v := float64(n) / 255
		if v > 0.04045 {
			v = math.Pow((v+0.055)/1.055, 2.4)
		} else {
			v /= 12.92
		}
		sum += weight * v
	}
	return sum
}

// TestContrast: WCAG 2.2 AA in light and in dark, whatever the accent: 4.5 for
// text, 3 for the edges of what can be clicked.
func TestContrast(t *testing.T) {
	for _, accent := range []string{"", "#fff", "#000", "#fd0", "#0a5", "#f00", "#0000ff", "#808080", "#1b1f26", "#abcdef"} {
		s, err := pages.New(pages.Options{Accent: accent})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		s.Answer(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusNotFound, "")
		for _, dark := range []bool{false, true} {
			c := scheme(t, w.Body.String(), dark)
			for _, pair := range []struct {
				a, b  string
				least float64
			}{
				{"text", "ground", 4.5},
				{"text", "around", 4.5},
				{"quiet", "ground", 4.5},
				{"quiet", "around", 4.5},
				{"accent", "ground", 4.5},
				{"accent", "around", 4.5},
				{"on-accent", "accent", 4.5},
				{"edge", "ground", 3},
			} {
				a, b := c[pair.a], c[pair.b]
				if ratio := (max(a, b) + .05) / (min(a, b) + .05); ratio < pair.least || len(c) < 8 {
					t.Errorf("accent %q, dark %v: %s on %s is %.2f, want %.1f (%d colours)", accent, dark, pair.a, pair.b, ratio, pair.least, len(c))
				}
			}
		}
	}
}

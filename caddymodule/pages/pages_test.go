package pages_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/caddymodule/pages"
)

var update = flag.Bool("update", false, "write the golden files")

const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8" fill="#0a5"/></svg>`

// write makes a folder of files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func branded(t *testing.T) *pages.Set {
	t.Helper()
	s, err := pages.New(pages.Options{
		Title: "Acme <Extranet>", Logo: filepath.Join(write(t, map[string]string{"logo.svg": svg}), "logo.svg"),
		Support: "mailto:help@acme.example", Accent: "#fd0", Home: "/.postern/home",
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// all are the pages that there are, by the name of their golden file.
func all() map[string]pages.Page {
	return map[string]pages.Page{
		"choose":     {Kind: pages.Choose, Status: 200, Links: []pages.Link{{Title: "Corp <1>", URL: "/.postern/signin/corp?flow=a&b"}, {Title: "Acme", URL: "javascript:alert(1)"}}},
		"confirm":    {Kind: pages.Confirm, Status: 200, Action: "/.postern/signout", FormTargets: []string{"https://idp.example"}},
		"signed-out": {Kind: pages.SignedOut, Status: 200},
		"error":      {Kind: pages.Failed, Status: 403, Message: "This account <may> not sign in here.", Incident: "0a1b2c"},
		"home":       {Kind: pages.Home, Status: 200, Links: []pages.Link{{Title: "Acme & Co", URL: "/display/ACME"}, {Title: "Handbook"}}, SignOut: "/.postern/signout"},
		"wiki":       {Kind: pages.Wiki, Status: 200, User: "eva", Action: "/.postern/wiki", SignOut: "/.postern/signout"},
		"wiki-wrong": {Kind: pages.Wiki, Status: 401, User: "eva", Action: "/.postern/wiki", SignOut: "/.postern/signout", Message: "The wiki did not take that password."},
		"wiki-none":  {Kind: pages.Wiki, Status: 403, SignOut: "/.postern/signout"},
		"home-empty": {Kind: pages.Home, Status: 200, SignOut: "/.postern/signout"},
		"home-open":  {Kind: pages.Home, Status: 200, Links: []pages.Link{{Title: "News", URL: "/display/NEWS"}}, SignIn: "/.postern/signin"},
	}
}

var statuses = []int{400, 401, 403, 404, 413, 414, 429, 431, 502, 503}

type rendered struct {
	name string
	*httptest.ResponseRecorder
}

// everything renders every page, and every answer in every representation.
func everything(s *pages.Set) []rendered {
	var out []rendered
	for name, p := range all() {
		w := httptest.NewRecorder()
		s.Render(w, httptest.NewRequest(http.MethodGet, "/", nil), p)
		out = append(out, rendered{name + ".html", w})
	}
	for _, status := range statuses {
		for rep, accept := range map[string]string{"html": "text/html", "json": "application/json", "xml": "application/xml", "empty": "image/png"} {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodGet, "/secret?q=<script>", nil)
			r.Header.Set("Accept", accept)
			incident := ""
			if status == 502 {
				incident = "INCIDENT"
			}
			s.Answer(w, r, status, incident)
			out = append(out, rendered{fmt.Sprintf("answer-%d.%s", status, rep), w})
		}
	}
	return out
}

// TestGolden: every page and answer as a whole, with its header.
func TestGolden(t *testing.T) {
	for brand, s := range map[string]*pages.Set{"plain": pages.Default(), "branded": branded(t)} {
		for _, got := range everything(s) {
			if brand == "branded" && strings.HasPrefix(got.name, "answer") && got.name != "answer-404.html" {
				continue // as the plain ones, in the other layout
			}
			var b strings.Builder
			fmt.Fprintf(&b, "%d\n", got.Code)
			_ = got.Header().Write(&b)
			text := strings.ReplaceAll(b.String(), "\r\n", "\n") + "\n" + got.Body.String()
			path := filepath.Join("testdata", brand, got.name)
			if *update {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), text); d != "" {
				t.Errorf("%s (run with -update if this is meant):\n%s", path, d)
			}
		}
	}
}

// TestAnswerAlike: an answer's bytes depend on status, representation and brand
// alone.
func TestAnswerAlike(t *testing.T) {
	s := branded(t)
	for _, accept := range []string{"text/html", "application/json", "text/xml", "image/*", "", "*/*"} {
		var want string
		for i, target := range []string{"/", "/display/HR", "/x?y=<script>", "/.postern/none"} {
			r := httptest.NewRequest(http.MethodGet, target, nil)
			r.Header.Set("Accept", accept)
			r.Header.Set("Referer", "https://evil.example/"+target)
			r.Header.Set("Accept-Language", fmt.Sprint("xx-", i))
			w := httptest.NewRecorder()
			s.Answer(w, r, http.StatusNotFound, "")
			got := fmt.Sprint(w.Code, w.Header(), w.Body)
			if i > 0 && got != want {
				t.Errorf("%s, Accept %s: differs:\n%s\n%s", target, accept, want, got)
			}
			want = got
			head := httptest.NewRecorder()
			r.Method = http.MethodHead
			s.Answer(head, r, http.StatusNotFound, "")
			if d := cmp.Diff(w.Header(), head.Header()); d != "" || head.Body.Len() > 0 {
				t.Errorf("HEAD %s: %d bytes, header %s", target, head.Body.Len(), d)
			}
		}
	}
}

// TestRepresentation: which form an answer has.
func TestRepresentation(t *testing.T) {
	for _, tt := range []struct{ dest, accept, want string }{
		{"", "", "text/html; charset=utf-8"},
		{"", "*/*", "text/html; charset=utf-8"},
		{"", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html; charset=utf-8"},
		{"", "application/xhtml+xml", "text/html; charset=utf-8"},
		{"", "application/json", "application/problem+json"},
		{"", "application/json, text/javascript, */*; q=0.01", "application/problem+json"},
		{"", "application/problem+json", "application/problem+json"},
		{"", "application/rss+xml, application/json", "application/problem+xml"},
		{"", "image/avif,image/webp,*/*", ""},
		{"image", "text/html", ""},
		{"script", "*/*", ""},
		{"document", "application/json", "text/html; charset=utf-8"},
		{"empty", "application/json", "application/problem+json"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept", tt.accept)
		r.Header.Set("Sec-Fetch-Dest", tt.dest)
		w := httptest.NewRecorder()
		pages.Default().Answer(w, r, http.StatusNotFound, "")
		if got := w.Header().Get("Content-Type"); got != tt.want {
			t.Errorf("Sec-Fetch-Dest %q, Accept %q: %q, want %q", tt.dest, tt.accept, got, tt.want)
		}
	}
}

// TestTemplates: a site's own templates take single pages' places.
func TestTemplates(t *testing.T) {
	dir := write(t, map[string]string{
		"choose.html": `{{define "title"}}Wo{{end}}{{define "main"}}<h1>Wo ist Ihr Konto?</h1>{{range .Links}}<a href="{{.URL}}">{{.Title}}</a>{{end}}{{end}}`,
		"style.css":   "body { color: #111; }",
		".gitignore":  "",
	})
	s, err := pages.New(pages.Options{Templates: dir})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	s.Render(w, httptest.NewRequest(http.MethodGet, "/", nil), all()["choose"])
	for _, want := range []string{"<title>Wo</title>", "<h1>Wo ist Ihr Konto?</h1>", "body { color: #111; }", "Corp &lt;1&gt;", `<a href="#ZgotmplZ">`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%q is missing:\n%s", want, w.Body)
		}
	}
	w = httptest.NewRecorder()
	s.Answer(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusNotFound, "")
	if !strings.Contains(w.Body.String(), "<h1>Not found</h1>") {
		t.Errorf("the shipped answer is gone:\n%s", w.Body)
	}
}

// TestFaults: what is wrong with a brand is said when it is loaded, and where.
func TestFaults(t *testing.T) {
	const fine = `{{define "title"}}T{{end}}{{define "main"}}%s{{end}}`
	for _, tt := range []struct {
		name  string
		files map[string]string
		opts  pages.Options
		want  string
	}{
		{"syntax", map[string]string{"choose.html": "{{define \"title\"}}T{{end}}\n{{define \"main\"}}{{if}}{{end}}"}, pages.Options{}, "choose.html:2: missing value for if"},
		{"layout syntax", map[string]string{"layout.html": "<p>\n{{end}}"}, pages.Options{}, "layout.html:2: unexpected {{end}}"},
		{"unknown field", map[string]string{"error.html": fmt.Sprintf(fine, "\n{{.Mesage}}")}, pages.Options{}, "error.html:2:2: executing"},
		{"no main", map[string]string{"home.html": `{{define "title"}}T{{end}}`}, pages.Options{}, `home.html: defines no "main"`},
		{"bad context", map[string]string{"home.html": fmt.Sprintf(fine, `<p {{if .Links}}title="{{end}}x>`)}, pages.Options{}, "home.html:1"},
		{"script", map[string]string{"choose.html": fmt.Sprintf(fine, "<script>1</script>")}, pages.Options{}, "choose.html: a page has a script element"},
		{"handler", map[string]string{"choose.html": fmt.Sprintf(fine, `<p onclick="x">`)}, pages.Options{}, "an attribute onclick"},
		{"style attribute", map[string]string{"choose.html": fmt.Sprintf(fine, `<p style="color: red">`)}, pages.Options{}, "an attribute style"},
		{"picture from elsewhere", map[string]string{"choose.html": fmt.Sprintf(fine, `<img src="https://cdn.example/x.png">`)}, pages.Options{}, "loads"},
		{"unknown file", map[string]string{"chose.html": ""}, pages.Options{}, "chose.html: no page is made from a file of this name"},
		{"style", map[string]string{"style.css": "</style><script>"}, pages.Options{}, "style.css"},
		{"no folder", nil, pages.Options{Templates: "/no/such/folder"}, "/no/such/folder"},
		{"accent", nil, pages.Options{Accent: "red"}, `accent: "red" is no colour`},
		{"accent signed", nil, pages.Options{Accent: "#+0000a"}, `is no colour`},
		{"support", nil, pages.Options{Support: "javascript:alert(1)"}, "support: "},
		{"support http", nil, pages.Options{Support: "http://help.example"}, "support: "},
		{"logo", nil, pages.Options{Logo: "/no/such.svg"}, "/no/such.svg"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.files != nil {
				tt.opts.Templates = write(t, tt.files)
			}
			_, err := pages.New(tt.opts)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
		})
	}
	dir := write(t, map[string]string{"big.svg": "<svg>" + strings.Repeat(" ", 65<<10), "text.svg": "hello"})
	for name, want := range map[string]string{"big.svg": "larger than 65536 bytes", "text.svg": "neither SVG nor PNG"} {
		if _, err := pages.New(pages.Options{Logo: filepath.Join(dir, name)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
}

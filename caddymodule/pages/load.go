package pages

import (
	"bytes"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

//go:embed templates
var shipped embed.FS

const (
	layoutName = "layout"
	styleFile  = "style.css"

	maxTemplate = 256 << 10 // of one file in Options.Templates, in bytes
	maxLogo     = 64 << 10
)

// Options brands a Set. The zero value makes plain pages.
type Options struct {
	// Templates is a folder whose files take the place of the shipped ones of
	// the same name: layout.html, style.css, and one for each kind of page:
	// choose, confirm, signed-out, error, answer and home, each with .html. A
	// page's file defines "title" and "main", which the layout brings in; each
	// sees a View. Other files in the folder are an error.
	Templates string
	// Title is the site's name.
	Title string
	// Logo is an SVG or PNG file of at most 64 KiB; it stands in each page.
	Logo string
	// Support is a mailto: or https: address where people find help.
	Support string
	// Accent is a colour, rgb or rrggbb in hexadecimal digits, with or without
	// a # before. Each page uses the shade of it that
	// is nearest and can be read in light, and another in dark.
	Accent string
	// Home is the path of the start page; empty: "/".
	Home string
}

// Default gives plain pages.
func Default() *Set {
	s, err := New(Options{})
	if err != nil {
		panic(err) // a fault of the shipped templates, which tests render
	}
	return s
}

// New reads what the options name and tries every page, so that what a template
// has wrong is said now, with file and line, and not to a viewer.
func New(o Options) (*Set, error) {
	s := &Set{templates: map[Kind]*template.Template{}, home: o.Home, brand: Brand{Title: o.Title}}
	if s.home == "" {
		s.home = "/"
	}
	var err error
	if s.brand.Logo, err = logo(o.Logo); err != nil {
		return nil, fmt.Errorf("logo: %w", err)
	}
	if s.brand.Support, err = support(o.Support); err != nil {
		return nil, err
	}
	if err := known(o.Templates); err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	style, name, err := source(o.Templates, styleFile)
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	colours, err := accents(o.Accent)
	if err != nil {
		return nil, err
	}
	style = colours + style
	if strings.Contains(style, "<") || strings.Contains(style, "\r") {
		return nil, fmt.Errorf("templates: %s: a style holds no \"<\", and no carriage return", name)
	}
	s.style, s.policy = template.CSS(style), policyFor(style) //nolint:gosec // the site's own style
	layout, layoutFile, err := source(o.Templates, layoutName+".html")
	if err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	for _, k := range kinds {
		if err := s.load(o.Templates, k, layout, layoutFile); err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
	}
	return s, nil
}

// load parses a kind's template and tries it.
func (s *Set) load(dir string, k Kind, layout, layoutFile string) error {
	text, name, err := source(dir, string(k)+".html")
	if err != nil {
		return err
	}
	t, err := template.New(layoutFile).Parse(layout)
	if err == nil {
		_, err = t.New(name).Parse(text)
	}
	if err != nil {
		return place(err)
	}
	// Errors name the file; the layout is executed by its file's name.
	for _, want := range []string{"title", "main"} {
		if t.Lookup(want) == nil {
			return fmt.Errorf("%s: defines no %q", name, want)
		}
	}
	if layoutFile != layoutName {
		if _, err := t.AddParseTree(layoutName, t.Lookup(layoutFile).Tree); err != nil {
			return place(err)
		}
	}
	s.templates[k] = t
	for _, p := range samples(k) {
		var b bytes.Buffer
		if err := s.execute(&b, p); err != nil {
			return place(err)
		}
		if err := harmless(b.Bytes()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// place takes the package's name off a template's error, so that it begins with
// file and line.
func place(err error) error {
	text := strings.TrimPrefix(err.Error(), "html/template:")
	return errors.New(strings.TrimPrefix(strings.TrimPrefix(text, "template: "), " "))
}

// samples are pages of a kind with everything, and with as little as there can
// be.
func samples(k Kind) []Page {
	full := Page{
		Kind: k, Status: 200, Title: "T", Message: "M", Incident: "i", Links: []Link{{"One", "/one"}, {"Two", ""}},
		Action: "/a", Home: "/", SignIn: "/in", SignOut: "/out",
	}
	return []Page{full, {Kind: k, Status: 404, Home: "/"}}
}

// source reads a template from the folder, or the shipped one.
func source(dir, name string) (text, from string, err error) {
	if dir != "" {
		from = filepath.Join(dir, name)
		b, err := readFile(from, maxTemplate)
		if err == nil {
			return string(b), from, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", "", err
		}
	}
	b, err := shipped.ReadFile("templates/" + name)
	if err != nil {
		return "", "", err //nolint:wrapcheck // names the file
	}
	return string(b), name, nil
}

func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err //nolint:wrapcheck // names the file
	}
	defer func() { _ = f.Close() }()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err //nolint:wrapcheck // names the file
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return b, nil
}

// known refuses files in the folder that take nothing's place: a template under
// a wrong name would quietly not be used.
func known(dir string) error {
	if dir == "" {
		return nil
	}
	names := []string{styleFile, layoutName + ".html"}
	for _, k := range kinds {
		names = append(names, string(k)+".html")
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return err //nolint:wrapcheck // names the folder
	}
	for _, f := range files {
		if !strings.HasPrefix(f.Name(), ".") && !slices.Contains(names, f.Name()) {
			return fmt.Errorf("%s: no page is made from a file of this name; there are %s", filepath.Join(dir, f.Name()), strings.Join(names, ", "))
		}
	}
	return nil
}

func logo(path string) (template.URL, error) {
	if path == "" {
		return "", nil
	}
	b, err := readFile(path, maxLogo)
	if err != nil {
		return "", err
	}
	kind := "image/svg+xml"
	if bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")) {
		kind = "image/png"
	} else if !bytes.Contains(b, []byte("<svg")) {
		return "", fmt.Errorf("%s is neither SVG nor PNG", path)
	}
	return template.URL("data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(b)), nil //nolint:gosec // of our making
}

func support(s string) (template.URL, error) {
	if s == "" {
		return "", nil
	}
	u, err := url.Parse(s)
	if err != nil || !(u.Scheme == "mailto" && strings.Contains(u.Opaque, "@") || u.Scheme == "https" && u.Host != "" && u.User == nil) {
		return "", fmt.Errorf("support: %q is no address like mailto:help@example.com or https://example.com/help", s)
	}
	return template.URL(u.String()), nil //nolint:gosec // of one of two harmless schemes
}

// loads are the attributes by which an element loads something.
var loads = []string{"src", "srcset", "data", "poster", "background", "formaction"}

// harmless says what in a page the Content-Security-Policy would not let be, so
// that nobody finds it out in a browser.
func harmless(page []byte) error {
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return nil
		case html.StartTagToken, html.SelfClosingTagToken:
			if err := harmlessTag(z.Token()); err != nil {
				return err
			}
		}
	}
}

func harmlessTag(t html.Token) error {
	const forbidden = "which the content security policy of these pages forbids"
	switch t.Data {
	case "script", "link", "base", "iframe", "object", "embed":
		return fmt.Errorf("a page has a %s element, %s", t.Data, forbidden)
	}
	for _, a := range t.Attr {
		switch {
		case a.Key == "style" || strings.HasPrefix(a.Key, "on"):
			return fmt.Errorf("an element %s has an attribute %s, %s (styles go into %s)", t.Data, a.Key, forbidden, styleFile)
		case slices.Contains(loads, a.Key) && !strings.HasPrefix(a.Val, "data:image/"):
			return fmt.Errorf("an element %s loads %q, %s (data: images can be)", t.Data, a.Val, forbidden)
		}
	}
	return nil
}

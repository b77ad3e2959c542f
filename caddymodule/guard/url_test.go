package guard_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/cursor"
	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/guard"
	"github.com/postern-gateway/postern/rules"
)

var update = flag.Bool("update", false, "write what the URL lists want anew")

// urlWorld is one folder of testdata/url: a policy, a directory, and eva of
// ACME who asks.
type urlWorld struct {
	guard *guard.Guard
	view  *rules.View
	facts rules.Facts
}

func newURLWorld(t testing.TB, dir string) *urlWorld {
	t.Helper()
	policy, err := rules.LoadPolicy(filepath.Join(dir, "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, "directory.json"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	snapshot, err := directory.ReadSnapshot(f)
	if err != nil {
		t.Fatal(err)
	}
	facts, err := directory.NewGeneration(snapshot, directory.OptionsFor(policy.Profile))
	if err != nil {
		t.Fatal(err)
	}
	engine, err := rules.Bind(policy, facts, rules.Options{
		Identity:  map[rules.ViewerKind]rules.UpstreamIdentity{rules.External: "service", rules.Internal: "service", rules.None: "service", rules.Anonymous: "service"},
		Providers: []string{"corp", "acme"},
	})
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := cursor.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	who := rules.Viewer{Provider: "acme", Subject: "1", Email: "eva@acme.example", EmailVerified: true}
	return &urlWorld{
		guard: &guard.Guard{
			Profile: policy.Profile, Cursors: sealer,
			Site: &rules.Site{Base: &url.URL{Scheme: "https", Host: "site.example"}}, Wiki: &url.URL{Scheme: "http", Host: "wiki.internal"},
		},
		view: engine.View(who, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)), facts: facts,
	}
}

// ask gives what becomes of a line: what goes to the wiki, or the refusal.
func (u *urlWorld) ask(line string) string {
	method, rest, ok := strings.Cut(line, " ")
	if !ok || strings.HasPrefix(method, "/") {
		method, rest = http.MethodGet, line
	}
	target, form, hasForm := strings.Cut(rest, " form ")
	raw := method + " " + target + " HTTP/1.1\r\nHost: site.example\r\n"
	if hasForm {
		raw += fmt.Sprintf("Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n", len(form))
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw + "\r\n" + form)))
	if err != nil {
		return "refuse 400"
	}
	r = r.WithContext(context.Background())
	req, ref := u.guard.Canon(r)
	if ref != nil {
		return fmt.Sprint("refuse ", ref.Status)
	}
	adm, ref := u.guard.Admit(context.Background(), req, u.view, nil, slog.New(slog.DiscardHandler))
	if ref != nil {
		return fmt.Sprint("refuse ", ref.Status)
	}
	switch {
	case adm.Leads != "":
		return "leads to " + adm.Leads
	case adm.Empty:
		return "empty"
	}
	up := u.guard.Request(r, adm, guard.Identity{})
	got := up.Method + " " + up.URL.RequestURI()
	if up.ContentLength > 0 {
		body, _ := io.ReadAll(up.Body)
		got += " form " + string(body)
	}
	return strings.TrimPrefix(got, "GET ")
}

// TestURLs: testdata/url has one request a line (a raw target, with a method
// before it and a form behind it if need be), what becomes of it (what goes to
// the wiki, or the refusal), and the trick. Lines "! word" name what is hidden:
// no request that goes to the wiki holds it in any decoding.
func TestURLs(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../testdata/url/*/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no lists: %v", err)
	}
	for _, file := range files {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir)+"/"+filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			w := newURLWorld(t, dir)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var hidden []string
			lines := strings.Split(string(data), "\n")
			for i, line := range lines {
				if word, ok := strings.CutPrefix(line, "! "); ok {
					hidden = append(hidden, strings.ToLower(word))
					continue
				}
				if line == "" || strings.HasPrefix(line, "# ") {
					continue
				}
				parts := strings.SplitN(line, "\t", 3)
				if len(parts) != 3 {
					t.Fatalf("%s:%d: want target, tab, what becomes of it, tab, the trick", file, i+1)
				}
				got := w.ask(parts[0])
				if *update {
					lines[i] = parts[0] + "\t" + got + "\t" + parts[2]
				} else if got != parts[1] {
					t.Errorf("%s:%d: %s (%s)\ngot  %s\nwant %s", file, i+1, parts[0], parts[2], got, parts[1])
				}
				if word, ok := names(got, hidden); ok {
					t.Errorf("%s:%d: %s\n%s goes to the wiki, and names %q", file, i+1, parts[0], got, word)
				}
				again(t, w, got)
			}
			if *update {
				if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// names looks for a hidden word in a text, decoded up to three times.
func names(text string, hidden []string) (string, bool) {
	if strings.HasPrefix(text, "refuse") {
		return "", false
	}
	for range 3 {
		low := strings.ToLower(strings.ReplaceAll(strings.ReplaceAll(text, "+", " "), "_", " "))
		for _, word := range hidden {
			if strings.Contains(low, word) {
				return word, true
			}
		}
		next, err := url.QueryUnescape(text)
		if err != nil {
			break
		}
		text = next
	}
	return "", false
}

// again: what goes to the wiki is itself a request that becomes the same.
func again(t *testing.T, w *urlWorld, got string) {
	t.Helper()
	if strings.HasPrefix(got, "refuse") || strings.HasPrefix(got, "leads") || got == "empty" || strings.Contains(got, "cql=") {
		return
	}
	if second := w.ask(got); second != got {
		t.Errorf("%s becomes %s when it is asked for itself", got, second)
	}
}

package rewrite_test

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/postern-gateway/postern/caddymodule/rewrite"
)

// hiddenWord stands in the golden world's hidden names alone; otherWord stands
// in its place in a world that is the same but for what is hidden.
var (
	hiddenWord = strings.NewReplacer("nightjar", "woodlark", "Nightjar", "Woodlark", "NIGHTJAR", "WOODLARK")
	otherWord  = "woodlark"
)

// twinWorlds are the golden world, and the same with other hidden names.
func twinWorlds(tb testing.TB) (w, other *world) {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join(goldens, "world.txtar"))
	if err != nil {
		tb.Fatal(err)
	}
	return worldOf(tb, txtar.Parse(data)), worldOf(tb, txtar.Parse([]byte(hiddenWord.Replace(string(data)))))
}

// fuzzTargets are requests of every kind of route that the golden world has.
var fuzzTargets = []string{"/page?id=11", "/view?id=11", "/raw?id=11", "/space/ACME", "/users/bo", "/search?q=x", "/suggest?q=x", "/file/11/a.svg", "/static/a.css", "/static/a.js"}

// FuzzExchange is the dispatcher on any body of any type in any coding, with
// any header. What must hold: an error leaves nothing to send; what comes out
// and goes in again comes out as it is; and an answer in which hidden names
// stand comes out as the same answer with other hidden names, in a wiki where
// these are hidden: what is cut depends on what is seen, and on structure.
func FuzzExchange(f *testing.F) {
	w, other := twinWorlds(f)
	files, err := filepath.Glob(filepath.Join(goldens, "*.txtar"))
	if err != nil || len(files) < 10 {
		f.Fatalf("%d goldens, %v", len(files), err)
	}
	for _, name := range files {
		if filepath.Base(name) == "world.txtar" {
			continue
		}
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		req, _, _ := message(f, file(f, a, "request"))
		_, h, body := message(f, file(f, a, "response"))
		_, target, _ := strings.Cut(req, " ")
		n := slices.Index(fuzzTargets, target)
		f.Add(body, uint8(max(n, 0)), h.Get("Content-Type"), "Link", h.Get("Link"), false)
	}
	f.Add([]byte(`<meta name="page-id" content="11"><p>by <a href="/users/nightjarz">Nightjar</a></p>`), uint8(1), "text/html", "Refresh", "5; url=/view?id=22", true)
	f.Fuzz(func(t *testing.T, body []byte, n uint8, typ, name, value string, zipped bool) {
		target := fuzzTargets[int(n)%len(fuzzTargets)]
		run := func(w *world, body []byte, value string) (rewrite.Result, error) {
			ex := w.ask(t, target, typ, body)
			if name != "" && !strings.EqualFold(name, "Content-Type") && !strings.EqualFold(name, "Content-Encoding") {
				ex.Response.Header[http.CanonicalHeaderKey(name)] = []string{value}
			}
			if zipped {
				ex.Response.Header.Set("Content-Encoding", "gzip")
				ex.Response.Body = zip(t, string(body))
			}
			return w.rewriter.Rewrite(context.Background(), ex)
		}
		res, err := run(w, body, value)
		if err != nil && (res.Body != nil || res.Header != nil || res.Status != 0) {
			t.Fatal("an error, and something to send")
		}
		if err == nil && res.Status == http.StatusOK && len(res.Body) > 0 {
			// What came out is in UTF-8, whatever went in, and no longer zipped.
			ex := w.ask(t, target, res.Header.Get("Content-Type"), res.Body)
			twice, err := w.rewriter.Rewrite(context.Background(), ex)
			if err != nil || !bytes.Equal(twice.Body, res.Body) {
				t.Fatalf("rewriting twice (%v):\n%q\n%q\n%q", err, body, res.Body, twice.Body)
			}
		}
		body2, value2 := hiddenWord.Replace(string(body)), hiddenWord.Replace(value)
		if given := decoded(string(body) + value); strings.Contains(given, otherWord) || strings.Contains(decoded(body2+value2), "nightjar") {
			return // spelt in a way that the replacement does not reach
		}
		res2, err2 := run(other, []byte(body2), value2)
		if reason(err) != reason(err2) {
			t.Fatalf("%v, and with other names %v\n%q", err, err2, body)
		}
		if err == nil && hiddenWord.Replace(string(res.Body)) != string(res2.Body) {
			t.Fatalf("hidden names matter:\n%q\n%q\n%q", body, res.Body, res2.Body)
		}
	})
}

package rewrite_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/rewrite"
	"github.com/postern-gateway/postern/rules"
)

var update = flag.Bool("update", false, "write golden files anew")

const goldens = "../../testdata/rewrite/json"

// world is what all cases share.
type world struct {
	rewriter *rewrite.Rewriter
	profile  *rules.Profile
	engine   *rules.Engine
	facts    rules.Facts
	site     *rules.Site
}

func file(tb testing.TB, a *txtar.Archive, name string) []byte {
	tb.Helper()
	for _, f := range a.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	a, err := txtar.ParseFile(filepath.Join(goldens, "world.txtar"))
	if err != nil {
		tb.Fatal(err)
	}
	return worldOf(tb, a)
}

// worldOf makes the world that an archive describes.
func worldOf(tb testing.TB, a *txtar.Archive) *world {
	tb.Helper()
	w := &world{}
	var err error
	if w.profile, err = rules.ParseProfile("profile.yaml", file(tb, a, "profile.yaml")); err != nil {
		tb.Fatal(err)
	}
	p, err := rules.ParsePolicy(map[string][]byte{"policy.yaml": file(tb, a, "policy.yaml")}, w.profile)
	if err != nil {
		tb.Fatal(err)
	}
	var d rules.Directory
	if err := json.Unmarshal(file(tb, a, "directory.json"), &d); err != nil {
		tb.Fatal(err)
	}
	if w.facts, err = directory.NewGeneration(d, directory.Options{}); err != nil {
		tb.Fatal(err)
	}
	if w.engine, err = rules.Bind(p, w.facts, rules.Options{}); err != nil {
		tb.Fatal(err)
	}
	if w.rewriter, err = rewrite.New(w.profile, rewrite.Options{Key: []byte("golden")}); err != nil {
		tb.Fatal(err)
	}
	base, _ := url.Parse("https://extranet.example.com")
	alias, _ := url.Parse("http://wiki.internal:8090")
	w.site = &rules.Site{Base: base, Aliases: []*url.URL{alias}, InternalHosts: []string{"*.corp.example"}}
	return w
}

func (w *world) view(who string) *rules.View {
	v := rules.Viewer{Anonymous: true}
	switch who {
	case "eva":
		v = rules.Viewer{Provider: "corp", Subject: "1", WikiUser: "eva"}
	case "zoe":
		v = rules.Viewer{Provider: "corp", Subject: "2", WikiUser: "nightjarz", WikiVouches: true}
	}
	return w.engine.View(v, time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC))
}

// exchange reads a case.
func (w *world) exchange(tb testing.TB, a *txtar.Archive, who string) rewrite.Exchange {
	tb.Helper()
	req, reqHeader, _ := message(tb, file(tb, a, "request"))
	method, target, _ := strings.Cut(req, " ")
	u, err := url.Parse("https://extranet.example.com" + target)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := w.profile.ReadTarget(u.EscapedPath(), u.RawQuery)
	if err != nil {
		tb.Fatal(err)
	}
	r.Method = http.MethodGet
	m, refusal := w.profile.Match(r, w.facts)
	if m == nil {
		tb.Fatalf("%s: no route: %v", target, refusal)
	}
	status, h, body := message(tb, file(tb, a, "response"))
	code, err := strconv.Atoi(status)
	if err != nil {
		tb.Fatal(err)
	}
	var echo []string
	for _, p := range r.Query {
		echo = append(echo, p.Value)
	}
	return rewrite.Exchange{
		Match: m, View: w.view(who), Site: w.site,
		Request:  rewrite.Request{Method: method, URL: u, Header: reqHeader, Echo: echo},
		Response: rewrite.Response{Status: code, Header: h, Body: body},
	}
}

// message reads a first line, headers, and what is behind a blank line.
func message(tb testing.TB, b []byte) (first string, h http.Header, body []byte) {
	tb.Helper()
	h = http.Header{}
	head, body, _ := bytes.Cut(b, []byte("\n\n"))
	sc := bufio.NewScanner(bytes.NewReader(head))
	sc.Scan()
	first = strings.TrimSpace(sc.Text())
	for sc.Scan() {
		n, v, ok := strings.Cut(sc.Text(), ": ")
		if !ok {
			tb.Fatalf("header %q", sc.Text())
		}
		h.Add(n, v)
	}
	return first, h, body
}

// show prints a result in the form of a case.
func show(res rewrite.Result, err error) string {
	var fc *rewrite.FailClosed
	switch {
	case errors.Is(err, rewrite.ErrNotFound):
		return "not found\n"
	case errors.As(err, &fc):
		return "fails closed: " + fc.Reason + "\n"
	case err != nil:
		return "error: " + err.Error() + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", res.Status)
	var names []string
	for n := range res.Header {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		for _, v := range res.Header[n] {
			if n == "Etag" {
				v = "(ours)"
			}
			fmt.Fprintf(&b, "%s: %s\n", n, v)
		}
	}
	return b.String() + "\n" + string(res.Body)
}

func section(a *txtar.Archive, name, data string) {
	if !strings.HasSuffix(data, "\n") {
		data += "\n"
	}
	for i := range a.Files {
		if a.Files[i].Name == name {
			a.Files[i].Data = []byte(data)
			return
		}
	}
	a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(data)})
}

func TestGolden(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	files, err := filepath.Glob(filepath.Join(goldens, "*.txtar"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d cases, %v", len(files), err)
	}
	for _, name := range files {
		if filepath.Base(name) == "world.txtar" {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			who := strings.TrimSpace(string(file(t, a, "as")))
			if who == "" {
				who = "eva"
			}
			ex := w.exchange(t, a, who)
			lent, over := spent(w, ex)
			res, err := w.rewriter.Rewrite(context.Background(), ex)
			got := show(res, err)
			if over && (show(lent, err) != got || !cmp.Equal(lent.Report, res.Report)) {
				t.Errorf("something of a body is kept that was written over since:\n%s", cmp.Diff(got, show(lent, err))+cmp.Diff(res.Report, lent.Report))
			}
			all, allErr := w.rewriter.Rewrite(context.Background(), w.exchange(t, a, "zoe"))
			if *update {
				section(a, "want", got)
				a.Files = slices.DeleteFunc(a.Files, func(f txtar.File) bool { return f.Name == "want-all" })
				if allErr == nil && all.Status == http.StatusOK && len(all.Body) > 0 && !bytes.Equal(all.Body, ex.Response.Body) {
					section(a, "want-all", string(all.Body))
				}
				if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(strings.TrimRight(string(file(t, a, "want")), "\n"), strings.TrimRight(got, "\n")); diff != "" {
				t.Error(diff)
			}
			if who == "eva" && strings.Contains(decoded(got), "nightjar") {
				t.Errorf("a canary got out:\n%s", got)
			}
			if err != nil {
				return
			}
			if res.Status == http.StatusOK && len(res.Body) > 0 {
				again := ex
				again.Response.Body = res.Body
				twice, err := w.rewriter.Rewrite(context.Background(), again)
				if err != nil {
					t.Fatalf("twice: %v", err)
				}
				if diff := cmp.Diff(string(res.Body), string(twice.Body)); diff != "" {
					t.Errorf("rewriting twice: %s", diff)
				}
			}
			if allErr == nil && all.Status == http.StatusOK && len(all.Body) > 0 {
				want := file(t, a, "want-all")
				if want == nil {
					want = ex.Response.Body
				}
				if diff := cmp.Diff(strings.TrimRight(string(want), "\n"), strings.TrimRight(string(all.Body), "\n")); diff != "" {
					t.Errorf("with all visible: %s", diff)
				}
			}
		})
	}
}

// spent rewrites a body that is written over afterwards, as those are whose
// memory is used again. Of a file the body itself is the result.
func spent(w *world, ex rewrite.Exchange) (rewrite.Result, bool) {
	ex.Response.Body = bytes.Clone(ex.Response.Body)
	res, err := w.rewriter.Rewrite(context.Background(), ex)
	if err != nil || res.Format == "binary" {
		return res, false
	}
	clear(ex.Response.Body)
	return res, true
}

// decoded puts every reading of s that hides a word behind it.
func decoded(s string) string {
	forms := []string{s, html.UnescapeString(s), html.UnescapeString(html.UnescapeString(s))}
	if u, err := url.PathUnescape(s); err == nil {
		forms = append(forms, u)
	}
	for i := 0; i+6 <= len(s); i++ {
		if s[i] == '\\' && s[i+1] == 'u' {
			if r, err := strconv.ParseUint(s[i+2:i+6], 16, 16); err == nil {
				forms = append(forms, s[:i]+string(rune(r))+s[i+6:])
			}
		}
	}
	return strings.ToLower(strings.NewReplacer("\u00ad", "", "\u200b", "", "@@@hl@@@", "", "@@@endhl@@@", "").Replace(strings.Join(forms, "\n")))
}

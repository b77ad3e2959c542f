package e2e

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

const wikiPassword = "a pass phrase of the wiki's own 7"

// TestPassthroughWrites: a partner signs in with the wiki itself, by Postern, and
// makes, changes, moves and takes away a page of his space, over the API and by
// the wiki's own form; what is hidden from him he neither touches nor names.
func TestPassthroughWrites(t *testing.T) {
	base := theScene(t)
	if base.wiki.Dir == "" {
		t.Skip("POSTERN_E2E_WIKI names a wiki whose passwords can't be set")
	}
	s := *base
	addr, err := freeAddr()
	if err != nil {
		t.Fatal(err)
	}
	if s.dir, err = os.MkdirTemp("", "postern-e2e-"); err != nil {
		t.Fatal(err)
	}
	s.site, s.role, s.identity, s.idp = "http://"+addr, "manager", "{\n\t\t\texternal passthrough\n\t\t}", nil
	if err := s.wiki.SetPassword(t.Context(), s.me.Name, wikiPassword); err != nil {
		t.Fatal(err)
	}
	if err := s.serve(addr, s.world.Firm("acme")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.idp.Close()
		_ = os.RemoveAll(s.dir)
	})
	c := s.signInAt(t, "/.postern/home")
	w := &writer{t, &s, c}

	w.want("the page that signs in", w.send("POST", "/.postern/wiki", url.Values{"password": {"no such pass phrase"}}), 401, "did not take")
	if got := w.send("POST", "/.postern/wiki", url.Values{"password": {wikiPassword}}); got.status != 303 {
		t.Fatalf("signing in with the wiki: %d\n%s", got.status, got.body)
	}
	who := w.send("GET", "/w/api.php?action=query&meta=userinfo%7Ctokens&type=csrf&format=json&formatversion=2", nil)
	token := gjson.Get(who.body, "query.tokens.csrftoken").String()
	if gjson.Get(who.body, "query.userinfo.name").String() != s.me.Name || len(token) < 10 || who.cookie != "" {
		t.Fatalf("who am I: %d %s, cookies %q", who.status, who.body, who.cookie)
	}

	const page = "ACME Portal:Written by a partner"
	hidden := s.hiddenTitle(t)
	api := func(form ...string) answered {
		v := url.Values{"format": {"json"}, "formatversion": {"2"}, "token": {token}}
		for i := 0; i+1 < len(form); i += 2 {
			v.Set(form[i], form[i+1])
		}
		return w.send("POST", "/w/api.php", v)
	}
	made := api("action", "edit", "title", page, "text", "Words of a partner. [[ACME Portal:Home]]", "summary", "first", "createonly", "1")
	w.want("a page made", made, 200, `"result":"Success"`)
	rev := gjson.Get(made.body, "edit.newrevid").String()
	w.want("its look", w.send("GET", "/wiki/ACME_Portal:Written_by_a_partner", nil), 200, "Words of a partner")
	w.want("made again, which the wiki refuses", api("action", "edit", "title", page, "text", "x", "createonly", "1"), 200, "articleexists")
	w.want("changed", api("action", "edit", "title", page, "text", "Other words.", "baserevid", rev), 200, `"result":"Success"`)
	w.want("changed from an old version", api("action", "edit", "title", page, "text", "x", "baserevid", rev), 409, "")
	w.want("appended, naming what is hidden", api("action", "edit", "title", page, "appendtext", "[["+hidden+"]]"), 404, "")
	w.want("appended, taking in what is hidden", api("action", "edit", "title", page, "appendtext", "{{:"+hidden+"}}"), 404, "")
	w.want("a hidden page changed", api("action", "edit", "title", hidden, "appendtext", "x"), 404, "")
	w.want("a page in a hidden space", api("action", "edit", "title", hidden+" and more", "text", "x", "createonly", "1"), 404, "")
	w.want("a false token", w.send("POST", "/w/api.php", url.Values{"action": {"edit"}, "format": {"json"}, "title": {page}, "appendtext": {"x"}, "token": {"abc+\\"}}), 200, "badtoken")

	form := w.send("GET", "/w/index.php?title=ACME_Portal:Written_by_a_partner&action=edit", nil)
	w.want("the form", form, 200, "Other words.")
	fields := url.Values{"wpTextbox1": {"Words of the form."}, "wpSummary": {"by form"}, "wpSave": {"Save"}}
	for _, m := range hiddenField.FindAllStringSubmatch(form.body, -1) {
		name, value := attribute(m[0], "name"), attribute(m[0], "value")
		switch name {
		case "wpEditToken", "wpUnicodeCheck", "wpSection", "wpStarttime", "wpEdittime", "editRevId", "parentRevId", "wpAutoSummary", "wpUltimateParam", "oldid", "wpAntispam":
			fields.Set(name, value)
		}
	}
	if got := w.send("POST", "/w/index.php?title=ACME_Portal:Written_by_a_partner&action=submit", fields); got.status != 302 {
		t.Errorf("the form sent: %d %v\n%.600s", got.status, fields, got.body)
	}
	w.want("its look", w.send("GET", "/wiki/ACME_Portal:Written_by_a_partner", nil), 200, "Words of the form.")
	w.want("its history", w.send("GET", "/w/index.php?title=ACME_Portal:Written_by_a_partner&action=history", nil), 200, s.me.Name)

	const moved = "ACME Portal:Moved by a partner"
	w.want("moved into a hidden space", api("action", "move", "from", page, "to", hidden+" too", "noredirect", "1"), 404, "")
	// Without a right to suppress redirects the wiki leaves one behind.
	w.want("moved", api("action", "move", "from", page, "to", moved, "reason", "a better name"), 200, "")
	w.want("at its new place", w.send("GET", "/wiki/ACME_Portal:Moved_by_a_partner", nil), 200, "Words of the form.")
	// Who may delete is the wiki's to say, and it lets administrators alone.
	gone := api("action", "delete", "title", moved, "reason", "no longer needed")
	w.want("taken away, which the wiki refuses", gone, 200, "permissiondenied")

	out := w.send("POST", "/.postern/signout", url.Values{})
	if out.status >= 400 {
		t.Errorf("sign-out: %d", out.status)
	}
	if got := w.send("GET", "/wiki/ACME_Portal:Home", nil); got.status == 200 {
		t.Errorf("after sign-out: %d", got.status)
	}
}

// hiddenTitle is a page that the viewer does not see.
func (s *scene) hiddenTitle(t *testing.T) string {
	t.Helper()
	for _, ns := range s.world.Namespaces {
		if !s.sight.Space(ns.Name) {
			return ns.Name + ":" + "Minutes"
		}
	}
	t.Fatal("nothing is hidden")
	return ""
}

var hiddenField = regexp.MustCompile(`<input[^>]*type="hidden"[^>]*>|<input[^>]*type='hidden'[^>]*>`)

func attribute(tag, name string) string {
	m := regexp.MustCompile(name + `=["']([^"']*)["']`).FindStringSubmatch(tag)
	if m == nil {
		return ""
	}
	return strings.NewReplacer("&quot;", `"`, "&#039;", "'", "&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(m[1])
}

type writer struct {
	t *testing.T
	s *scene
	c *http.Client
}

type answered struct {
	status       int
	body, cookie string
}

func (w *writer) send(method, target string, form url.Values) answered {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.s.site+target, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := w.c.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answered{res.StatusCode, string(body), res.Header.Get("Set-Cookie")}
}

func (w *writer) want(what string, got answered, status int, part string) {
	w.t.Helper()
	if got.status != status || !strings.Contains(got.body, part) {
		w.t.Errorf("%s: %d, want %d with %q\n%.800s", what, got.status, status, part, got.body)
	}
}

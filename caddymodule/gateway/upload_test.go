package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// parts writes a multipart form, a part an argument: header fields, an empty
// line, and what the part holds.
func parts(boundary string, parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		head, data, _ := strings.Cut(p, "\n\n")
		b.WriteString("--" + boundary + "\r\n" + strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + data + "\r\n")
	}
	return b.String() + "--" + boundary + "--\r\n"
}

const (
	aFile   = "Content-Disposition: form-data; name=\"file\"; filename=\"plan.txt\"\nContent-Type: text/plain\n\nThe plan."
	aNote   = "Content-Disposition: form-data; name=\"comment\"\n\nFirst draft"
	notKept = "Content-Disposition: form-data; name=\"hidden\"\n\ntrue"
)

// TestUpload: who may put a file on which page, and of what forms the wiki gets
// which bytes.
func TestUpload(t *testing.T) {
	t.Parallel()
	w := newWriters(t)
	home, plan, secret, hidden := w.id("ACME", "ACME Home"), w.id("ACME", "Project Plan"), w.id("ENG", "Kestrel Roadmap"), w.id("ACME", "Negotiation Strategy")
	price := w.id("GLOBEX", "Price List")
	const b = "xYzZY"
	tests := []struct {
		name, as, page, body string
		typ                  string // of the request; left out: multipart with b
		status               int
	}{
		{name: "a manager", body: parts(b, aFile, aNote), status: 200},
		{name: "a member with role user", as: "gus", page: price, body: parts(b, aFile), status: 200},
		{name: "an internal, as the wiki says", as: "ines", page: secret, body: parts(b, aFile), status: 200},
		{name: "a commenter", as: "ana", body: parts(b, aFile), status: 403},
		{name: "a commenter, with a form that is wrong as well", as: "ana", body: "--" + b + "x", status: 403},
		{name: "on a page with hidden references", page: plan, body: parts(b, aFile), status: 200},
		{name: "on a page of another partner", page: price, body: parts(b, aFile), status: 404},
		{name: "on a page of a secret space", page: secret, body: parts(b, aFile), status: 404},
		{name: "on a hidden page", as: "ana", page: hidden, body: parts(b, aFile), status: 404},
		{name: "on nothing", page: "99999999", body: parts(b, aFile), status: 404},
		{name: "two files", body: parts(b, aFile, strings.Replace(aFile, "plan.txt", "other.txt", 1)), status: 200},
		{name: "a name in another alphabet", body: parts(b, strings.Replace(aFile, "plan.txt", "Plän \u8a08\u5283.txt", 1)), status: 200},
		{name: "a binary transfer encoding", body: parts(b, strings.Replace(aFile, "\n\n", "\nContent-Transfer-Encoding: binary\n\n", 1)), status: 200},
		{name: "no file", body: parts(b, aNote), status: 404},
		{name: "a field that nobody knows", body: parts(b, aFile, notKept), status: 404},
		{name: "a file that nobody knows", body: parts(b, aFile, strings.Replace(aFile, `"file"`, `"other"`, 1)), status: 404},
		{name: "a path for a name", body: parts(b, strings.Replace(aFile, "plan.txt", "../plan.txt", 1)), status: 404},
		{name: "a name that turns around", body: parts(b, strings.Replace(aFile, "plan.txt", "a\u202etxt.exe", 1)), status: 404},
		{name: "a name of nothing", body: parts(b, strings.Replace(aFile, "plan.txt", "", 1)), status: 404},
		{name: "a note twice", body: parts(b, aFile, aNote, aNote), status: 400},
		{name: "a part without a name", body: parts(b, strings.Replace(aFile, `name="file"; `, "", 1)), status: 400},
		{name: "a part with two names", body: parts(b, strings.Replace(aFile, `name="file"`, `name="file"; name="comment"`, 1)), status: 400},
		{name: "a part with two dispositions", body: parts(b, "Content-Disposition: form-data; name=\"comment\"\n"+aFile), status: 400},
		{name: "a part that is none of a form", body: parts(b, strings.Replace(aFile, "form-data", "attachment", 1)), status: 400},
		{name: "a part with an override", body: parts(b, "X-HTTP-Method-Override: DELETE\n"+aFile), status: 400},
		{name: "base64", body: parts(b, strings.Replace(aFile, "\n\n", "\nContent-Transfer-Encoding: base64\n\n", 1)), status: 400},
		{name: "quoted-printable", body: parts(b, strings.Replace(aFile, "\n\n", "\nContent-Transfer-Encoding: quoted-printable\n\n", 1)), status: 400},
		{name: "a note in another charset", body: parts(b, aFile, strings.Replace(aNote, "\n\n", "\nContent-Type: text/plain; charset=utf-16\n\n", 1)), status: 400},
		{name: "a note that is not UTF-8", body: parts(b, aFile, aNote+"\xff"), status: 400},
		{name: "a note that is a page", body: parts(b, aFile, strings.Replace(aNote, "\n\n", "\nContent-Type: text/html\n\n", 1)), status: 400},
		{name: "text before the form", body: "x\r\n" + parts(b, aFile), status: 400},
		{name: "text behind the form", body: parts(b, aFile) + "x", status: 400},
		{name: "lines without CR", body: strings.ReplaceAll(parts(b, aFile), "\r\n", "\n"), status: 400},
		{name: "no end", body: strings.TrimSuffix(parts(b, aFile), "--\r\n"), status: 400},
		{name: "a boundary inside a file", body: parts(b, aFile+"\r\n--"+b+" \r\nContent-Disposition: form-data; name=\"hidden\"\r\n\r\nx\n--"+b), status: 400},
		{name: "a form inside a form", body: parts(b, "Content-Disposition: form-data; name=\"comment\"\nContent-Type: multipart/mixed; boundary=in\n\n--in--"), status: 400},
		{name: "too many parts", body: parts(b, append([]string{aFile}, strings.Split(strings.Repeat(aNote+"\x00", 300), "\x00")[:300]...)...), status: 413},
		{name: "no boundary", typ: "multipart/form-data", body: parts(b, aFile), status: 400},
		{name: "two boundaries", typ: "multipart/form-data; boundary=" + b + "; boundary=other", body: parts(b, aFile), status: 400},
		{name: "another boundary", typ: "multipart/form-data; boundary=other", body: parts(b, aFile), status: 400},
		{name: "another multipart type", typ: "multipart/mixed; boundary=" + b, body: parts(b, aFile), status: 404},
		{name: "a form of another kind", typ: "application/x-www-form-urlencoded", body: "file=x", status: 404},
		{name: "over the size", body: parts(b, aFile+strings.Repeat("x", 10<<20)), status: 413},
	}
	for _, tt := range tests {
		who, page, typ := tt.as, tt.page, tt.typ
		if who == "" {
			who = "mia"
		}
		if page == "" {
			page = home
		}
		if typ == "" {
			typ = "multipart/form-data; boundary=" + b
		}
		gw := w.as(who, "header")
		w.seen = nil
		rec := w.do(gw, "POST", "/rest/api/content/"+page+"/child/attachment", tt.body, "Content-Type", typ)
		if rec.Code != tt.status {
			t.Errorf("%s: %d, want %d: %s", tt.name, rec.Code, tt.status, rec.Body)
		}
		if tt.status != 200 {
			if w.seen != nil && w.seen.Method == http.MethodPost {
				t.Errorf("%s: went to the wiki", tt.name)
			}
			continue
		}
		if w.seen == nil || strings.Contains(w.body, b) || !strings.Contains(w.body, "The plan.") || w.seen.Header.Get("X-Atlassian-Token") == "" {
			t.Errorf("%s: the wiki got %q", tt.name, w.body)
		}
		if title := gjson.Get(rec.Body.String(), "results.0.title").String(); title == "" {
			t.Errorf("%s: the answer names no file: %s", tt.name, rec.Body)
		}
	}
	mia := w.as("mia", "header")
	got := w.do(mia, "GET", "/rest/api/content/"+home+"/child/attachment", "")
	if n := len(gjson.Get(got.Body.String(), "results").Array()); n < 3 {
		t.Errorf("the page has %d files: %s", n, got.Body)
	}
	file := strings.TrimPrefix(gjson.Get(got.Body.String(), `results.#(title="plan.txt").id`).String(), "att")
	one := func(page, file string) int {
		return w.do(mia, "POST", "/rest/api/content/"+page+"/child/attachment/"+file+"/data", parts(b, aFile), "Content-Type", "multipart/form-data; boundary="+b).Code
	}
	if got := one(home, file); got != 200 {
		t.Errorf("a new version of a file: %d", got)
	}
	if got := one(plan, file); got != 404 {
		t.Errorf("a new version of another page's file: %d", got)
	}
	if got := one(home, "99999999"); got != 404 {
		t.Errorf("a new version of nothing: %d", got)
	}
}

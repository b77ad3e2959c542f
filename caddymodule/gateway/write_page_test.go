package gateway_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

func pageBody(kind, title, markup, more string) string {
	return fmt.Sprintf(`{"type":%q,"title":%q,"body":{"storage":{"value":%q,"representation":"storage"}}%s}`, kind, title, markup, more)
}

// TestPages: pages are made, changed and taken away by whom the role allows it,
// in one space, and only where their source is wholly seen.
func TestPages(t *testing.T) {
	t.Parallel()
	w := newWriters(t)
	plan, home, notes, spec := w.id("ACME", "Project Plan"), w.id("ACME", "ACME Home"), w.id("ACME", "Meeting Notes"), w.id("ACME", "Interface Specification")
	odd, price, secret := w.id("ACME", "Budget: What? & Why/How"), w.id("GLOBEX", "Price List"), w.id("ENG", "Kestrel Roadmap")
	in := func(space string, parent ...string) string {
		more := `,"space":{"key":"` + space + `"}`
		for _, p := range parent {
			more += `,"ancestors":[{"id":"` + p + `"}]`
		}
		return more
	}
	moved := func(parent string) string { return `,"ancestors":[{"id":"` + parent + `"}]` }
	version := func(n int) string { return fmt.Sprintf(`,"version":{"number":%d}`, n) }
	tests := []struct {
		name, as, method, target, body string
		status                         int
		contains                       string
	}{
		{name: "a manager makes a page", body: pageBody("page", "New page", "<p>x</p>", in("ACME")), status: 200, contains: "New page"},
		{name: "below another", body: pageBody("page", "New child", "<p>x</p>", in("ACME", home)), status: 200},
		{name: "a blog post", body: pageBody("blogpost", "New post", "<p>x</p>", in("ACME")), status: 200},
		{name: "a commenter makes a page", as: "ana", body: pageBody("page", "By a commenter", "<p>x</p>", in("ACME")), status: 403},
		{name: "a commenter makes a page that names what is hidden", as: "ana", body: pageBody("page", "Internal x", `<p><a href="/pages/viewpage.action?pageId=`+secret+`">x</a></p>`, in("ACME")), status: 403},
		{name: "a commenter makes a page in a secret space", as: "ana", body: pageBody("page", "X", "<p>x</p>", in("ENG")), status: 404},
		{name: "in a secret space", body: pageBody("page", "X", "<p>x</p>", in("ENG")), status: 404},
		{name: "in a space that is not there", body: pageBody("page", "X", "<p>x</p>", in("NOPE")), status: 404},
		{name: "in a space that is only read", body: pageBody("page", "X", "<p>x</p>", in("HANDBOOK")), status: 403},
		{name: "below a page of another space", body: pageBody("page", "X", "<p>x</p>", in("ACME", w.id("HANDBOOK", "House Rules"))), status: 404},
		{name: "below a page of another partner", body: pageBody("page", "X", "<p>x</p>", in("ACME", price)), status: 404},
		{name: "below a secret page", body: pageBody("page", "X", "<p>x</p>", in("ACME", secret)), status: 404},
		{name: "under a title that is hidden", body: pageBody("page", "Internal plans", "<p>x</p>", in("ACME")), status: 404},
		{name: "under the title of a hidden page", body: pageBody("page", "Negotiation Strategy", "<p>x</p>", in("ACME")), status: 404},
		{name: "under a title that is taken", body: pageBody("page", "Project Plan", "<p>x</p>", in("ACME")), status: 409},
		{name: "with restrictions", body: pageBody("page", "X", "<p>x</p>", in("ACME")+`,"restrictions":{"read":{}}`), status: 404},
		{name: "with properties", body: pageBody("page", "X", "<p>x</p>", in("ACME")+`,"metadata":{"properties":{}}`), status: 404},
		{name: "that names a hidden page", body: pageBody("page", "X", `<p><ac:link><ri:page ri:content-title="Negotiation Strategy"/></ac:link></p>`, in("ACME")), status: 404},

		{name: "a change", method: "PUT", target: notesOf(odd), body: pageBody("page", "Budget: What? & Why/How", "<p>changed</p>", version(2)), status: 200, contains: "changed"},
		{name: "a change of an older version", method: "PUT", target: notesOf(odd), body: pageBody("page", "Budget: What? & Why/How", "<p>again</p>", version(2)), status: 409},
		{name: "a change without a version", method: "PUT", target: notesOf(odd), body: pageBody("page", "Budget: What? & Why/How", "<p>again</p>", ""), status: 404},
		{name: "a change by a commenter", as: "ana", method: "PUT", target: notesOf(odd), body: pageBody("page", "B", "<p>x</p>", version(3)), status: 403},
		{name: "a change by a commenter, as of a comment", as: "ana", method: "PUT", target: notesOf(odd), body: pageBody("comment", "B", "<p>x</p>", version(3)), status: 403},
		{name: "a change of what names a hidden page", method: "PUT", target: notesOf(plan), body: pageBody("page", "Project Plan", "<p>x</p>", version(4)), status: 403, contains: "Not editable"},
		{name: "a change of what names a hidden person", method: "PUT", target: notesOf(notes), body: pageBody("page", "Meeting Notes", "<p>x</p>", version(2)), status: 403, contains: "Not editable"},
		{name: "a change of what names a page of a secret space", method: "PUT", target: notesOf(spec), body: pageBody("page", "Interface Specification", "<p>x</p>", version(2)), status: 403, contains: "Not editable"},
		{name: "a move", method: "PUT", target: notesOf(odd), body: pageBody("page", "Budget: What? & Why/How", "<p>x</p>", version(3)+moved(home)), status: 200, contains: `"ancestors":[{"id":"` + home},
		{name: "a move by a commenter", as: "ana", method: "PUT", target: notesOf(odd), body: pageBody("page", "Budget: What? & Why/How", "<p>x</p>", version(4)+moved(home)), status: 403},
		{name: "a move by a user, who does not manage the space", as: "gus", method: "PUT", target: notesOf(price), body: pageBody("page", "Price List", "<p>x</p>", version(2)+moved(w.id("GLOBEX", "GLOBEX Home"))), status: 403},
		{name: "a move to another space", method: "PUT", target: notesOf(odd), body: pageBody("page", "Budget: What? & Why/How", "<p>x</p>", version(4)+moved(w.id("HANDBOOK", "House Rules"))), status: 404},
		{name: "a move below a secret page", method: "PUT", target: notesOf(odd), body: pageBody("page", "Budget: What? & Why/How", "<p>x</p>", version(4)+moved(secret)), status: 404},
		{name: "a move below a hidden page", method: "PUT", target: notesOf(odd), body: pageBody("page", "Budget: What? & Why/How", "<p>x</p>", version(4)+moved(w.id("ACME", "Negotiation Strategy"))), status: 404},
		{name: "a move below nothing", method: "PUT", target: notesOf(odd), body: pageBody("page", "Budget: What? & Why/How", "<p>x</p>", version(4)+moved("99999999")), status: 404},
		{name: "a change to a hidden title", method: "PUT", target: notesOf(odd), body: pageBody("page", "Internal budget", "<p>x</p>", version(4)), status: 404},
		{name: "a change of a hidden page", method: "PUT", target: notesOf(secret), body: pageBody("page", "X", "<p>x</p>", version(2)), status: 404},

		{name: "a label", method: "POST", target: notesOf(odd) + "/label", body: `[{"prefix":"global","name":"money"}]`, status: 200, contains: "money"},
		{name: "a label of one's own", method: "POST", target: notesOf(odd) + "/label", body: `[{"prefix":"my","name":"favourite"}]`, status: 404},
		{name: "a label of somebody's", method: "POST", target: notesOf(odd) + "/label", body: `[{"prefix":"global","name":"~hetty.harrier:x"}]`, status: 404},
		{name: "a label by a commenter", as: "ana", method: "POST", target: notesOf(odd) + "/label", body: `[{"prefix":"global","name":"money"}]`, status: 403},
		{name: "no label", method: "DELETE", target: notesOf(odd) + "/label/money", status: 204},
		{name: "a like", as: "ana", method: "POST", target: "/rest/likes/1.0/content/" + odd + "/likes", status: 200},
		{name: "a like with a body", as: "ana", method: "POST", target: "/rest/likes/1.0/content/" + odd + "/likes", body: `{"user":"mia"}`, status: 404},
		{name: "a page taken away by a commenter", as: "ana", method: "DELETE", target: notesOf(odd), status: 403},
		{name: "a page taken away", method: "DELETE", target: notesOf(odd), status: 204},
	}
	for _, tt := range tests {
		if tt.as == "" {
			tt.as = "mia"
		}
		if tt.method == "" {
			tt.method, tt.target = "POST", "/rest/api/content"
		}
		rec := w.do(w.as(tt.as, "header"), tt.method, tt.target, tt.body)
		if rec.Code != tt.status || !strings.Contains(rec.Body.String(), tt.contains) {
			t.Errorf("%s: %d, want %d with %q\n%s\n%s", tt.name, rec.Code, tt.status, tt.contains, tt.body, rec.Body)
		}
	}
}

func notesOf(id string) string { return "/rest/api/content/" + id }

// TestOwnComment: a commenter changes and takes away his own comments, which
// the wiki knows, and nothing else.
func TestOwnComment(t *testing.T) {
	t.Parallel()
	w := newWriters(t)
	home := w.id("ACME", "ACME Home")
	ana := w.as("ana", "header")
	rec := w.do(ana, "POST", "/rest/api/content", comment(home, "<p>first</p>"))
	id := gjson.Get(rec.Body.String(), "id").Str
	if rec.Code != 200 || id == "" {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	change := `{"type":"comment","version":{"number":2},"body":{"storage":{"value":"<p>second</p>","representation":"storage"}}}`
	if rec := w.do(ana, "PUT", notesOf(id), change); rec.Code != 200 || !strings.Contains(rec.Body.String(), "second") {
		t.Errorf("a change: %d %s", rec.Code, rec.Body)
	}
	if rec := w.do(w.as("mia", "header"), "PUT", notesOf(id), change); rec.Code != 404 {
		t.Errorf("a change by somebody else, whom the wiki refuses: %d %s", rec.Code, rec.Body)
	}
	if rec := w.do(w.as("gus", "header"), "DELETE", notesOf(id), ""); rec.Code != 404 {
		t.Errorf("taken away by another partner: %d", rec.Code)
	}
	if rec := w.do(ana, "DELETE", notesOf(id), ""); rec.Code != 204 {
		t.Errorf("taken away: %d %s", rec.Code, rec.Body)
	}
}

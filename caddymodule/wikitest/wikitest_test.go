package wikitest

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func get(t *testing.T, h http.Handler, target string, header ...string) (int, http.Header, string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	body, err := io.ReadAll(w.Result().Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Code, w.Header(), string(body)
}

func TestTiny(t *testing.T) {
	// Pairs recorded from real installations.
	for id, want := range map[int64]string{1381025: "oRIV", 148348821: "lZ-XC", 90379558: "JhVjBQ", 119239646: "3nMbBw", 388386405: "ZU4mFw", 248042769: "EdXIDg", 58582949: "ped9Aw", 1015810: "AoAP"} {
		if got := tiny(id); got != want {
			t.Errorf("tiny(%d) = %q, want %q", id, got, want)
		}
		if got, ok := untiny(want); !ok || got != id {
			t.Errorf("untiny(%q) = %d, %v, want %d", want, got, ok, id)
		}
	}
}

func TestIdentity(t *testing.T) {
	h := New(DemoWorld())
	tests := []struct {
		name, path string
		header     []string
		status     int
		has, lacks string
	}{
		{"service sees a hidden space", "/display/ENG", []string{"Authorization", "Bearer " + DemoReadToken}, 200, "moonshot lab", ""},
		{"staff sees it too", "/display/ENG", []string{"X-Remote-User", "ines"}, 200, "moonshot lab", ""},
		{"staff does not see HR", "/display/HR", []string{"X-Remote-User", "ines"}, 404, "Page Not Found", "People operations"},
		{"a partner does not", "/display/ENG", []string{"X-Remote-User", "ana"}, 404, "Page Not Found", "moonshot"},
		{"a wrong token is anonymous", "/rest/api/user/current", []string{"Authorization", "Bearer wrong"}, 200, `"type":"anonymous"`, "gateway"},
		{"anonymous reads what is public", "/display/HANDBOOK", nil, 200, "Everything that a partner needs", ""},
		{"restricted page", "/display/ACME/Negotiation+Strategy", []string{"X-Remote-User", "ana"}, 404, "", "merlin"},
		{"restricted page for staff", "/display/ACME/Negotiation+Strategy", []string{"X-Remote-User", "ines"}, 200, "merlin", ""},
		{"title of another case", "/display/acme/project%20plan", []string{"X-Remote-User", "ana"}, 200, "three milestones", ""},
		{"static prefix", staticPrefix + "/styles/site.css", nil, 200, "--ink", ""},
		{"groups are for administrators", "/rest/api/group", []string{"X-Remote-User", "ines"}, 403, "", "staff"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, _, body := get(t, h, tt.path, tt.header...)
			if code != tt.status || !strings.Contains(body, tt.has) || tt.lacks != "" && strings.Contains(body, tt.lacks) {
				t.Errorf("%s: status %d, body %.300q", tt.path, code, body)
			}
		})
	}
}

// Every answer of the service account is well formed.
func TestAnswersAreWellFormed(t *testing.T) {
	w := DemoWorld()
	h := New(w)
	for _, p := range Paths(w) {
		code, head, body := get(t, h, p, "Authorization", "Bearer "+DemoReadToken)
		if code != 200 && code != 302 && code != 404 || code == 404 && !strings.Contains(p, "~") {
			t.Errorf("%s: status %d: %.200s", p, code, body)
			continue
		}
		if strings.Contains(body, "{{") || strings.Contains(body, "%!") || strings.Contains(body, "Unknown macro") {
			t.Errorf("%s: a mark or format verb is left: %.200s", p, body[max(0, strings.Index(body, "{{")):])
		}
		switch ct := head.Get("Content-Type"); {
		case strings.HasPrefix(ct, "application/json"):
			if !json.Valid([]byte(body)) {
				t.Errorf("%s: not JSON: %.300s", p, body)
			}
		case strings.Contains(ct, "xml") && !strings.Contains(ct, "svg"):
			d := xml.NewDecoder(strings.NewReader(body))
			for {
				if _, err := d.Token(); err == io.EOF {
					break
				} else if err != nil {
					t.Errorf("%s: not XML: %v", p, err)
					break
				}
			}
		case strings.HasPrefix(ct, "text/html"):
			if strings.Contains(body, "<html") && !strings.Contains(body, "</html>") {
				t.Errorf("%s: page not finished", p)
			}
		}
	}
}

// Asked under his own name, a partner is told nothing of what the world hides
// from him, but for links and names in what he may read.
func TestEnforcesPermissions(t *testing.T) {
	w := DemoWorld()
	h := New(w)
	for _, path := range []string{"/rest/api/space", "/rest/api/content?limit=500", "/rest/api/search?cql=type%3Dpage&limit=500", "/rest/dashboardmacros/1.0/updates", "/spacedirectory/view.action"} {
		_, _, body := get(t, h, path, "X-Remote-User", "ana")
		for _, secret := range []string{"Kestrel Roadmap", "Osprey", "Skunkworks", "Price List", "Negotiation"} {
			if strings.Contains(body, secret) {
				t.Errorf("%s names %q to a partner", path, secret)
			}
		}
		if strings.Contains(path, "content") && !strings.Contains(body, "Project Plan") {
			t.Errorf("%s does not name what he may see", path)
		}
	}
}

func TestCQL(t *testing.T) {
	w := DemoWorld()
	h := New(w)
	tests := []struct{ cql, want string }{
		{`title ~ "project" and space = ACME`, "Project Plan"},
		{`type = page and space in (ACME, GLOBEX) and text ~ "milestones" and not title ~ "plan"`, "Price List"},
		{`(space = GLOBEX or space = HR) and title ~ "osprey" order by created desc`, "Osprey Redundancy Plan"},
		{`type = space and title ~ handbook`, "Partner Handbook"},
		{`creator = "mia" and type != comment`, "Meeting Notes"},
	}
	for _, tt := range tests {
		r := httptest.NewRequest(http.MethodGet, "/rest/api/search", nil)
		q := r.URL.Query()
		q.Set("cql", tt.cql)
		r.URL.RawQuery = q.Encode()
		r.Header.Set("Authorization", "Bearer "+DemoReadToken)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		plain := strings.NewReplacer("@@@hl@@@", "", "@@@endhl@@@", "").Replace(rec.Body.String())
		if rec.Code != 200 || !strings.Contains(plain, tt.want) {
			t.Errorf("%s: %d %.300s", tt.cql, rec.Code, plain)
		}
	}
	for _, bad := range []string{"", "title", "title ~", `title ~ "x`, "nonsense = 1", "(title ~ x", "title ~ x extra"} {
		if _, err := newIndex(w).parseCQL(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

func TestWorldErrors(t *testing.T) {
	for name, in := range map[string]string{
		"unknown key":   "sites: x\n",
		"no such space": "pages: [{space: X, title: A, author: a}]\n",
		"no such user":  "spaces: [{key: X}]\npages: [{space: X, title: A, author: a}]\n",
		"id twice":      "users: [{name: a}]\nspaces: [{key: X}]\npages: [{id: 5, space: X, title: A, author: a}, {id: 5, space: X, title: B, author: a}]\n",
		"two documents": "site: a\n---\nsite: b\n",
	} {
		if _, err := ParseWorld([]byte(in)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Taking things out of a prepared world keeps the ids of the rest.
func TestPrepareIsStable(t *testing.T) {
	w := DemoWorld()
	ids := map[string]int64{}
	for _, p := range w.Pages {
		ids[p.Space+p.Title] = p.ID
	}
	w.Pages = w.Pages[3:]
	if err := w.Prepare(); err != nil {
		t.Fatal(err)
	}
	for _, p := range w.Pages {
		if ids[p.Space+p.Title] != p.ID {
			t.Errorf("%s: id changed", p.Title)
		}
		if len(p.Versions) == 0 {
			t.Errorf("%s: no version", p.Title)
		}
	}
}

func FuzzParseCQL(f *testing.F) {
	f.Add(`title ~ "a" and (space in (A, B) or not type = page) order by created`)
	x := newIndex(DemoWorld())
	f.Fuzz(func(t *testing.T, s string) {
		if m, err := x.parseCQL(s); err == nil {
			m(&candidate{kind: "page", page: &x.Pages[0]})
		}
	})
}

package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/gateway"
	wikiclient "github.com/postern-gateway/postern/caddymodule/upstream"
	"github.com/postern-gateway/postern/rules"
)

const reloadProfile = `
profile: reloads
versions: ">=1"
canon: {params: {sources: [query, form]}}
types: {id: digits}
show: {hidden_user: Somebody, hidden_page: Restricted page, avatar: /avatar.svg, image: /blank.png}
routes:
  - {match: "GET /page/{id}", class: content, params: {id: content.id}, evidence: {content: 'meta[name="id"]@content'}, response: {types: [html]}}
  - {match: "GET /file/{id}", class: file, params: {id: content.id}, response: {types: [png]}}
  - match: "GET /api/pages"
    class: search
    params: {spaces: "list(space.id)", start: int, limit: int<=50}
    narrow: {spaces: visible}
    page: {kind: offset, start: start, limit: limit, items: items}
    response: {types: [json]}
fields: {id: plain, title: title, asked: plain}
shapes:
  - {entity: content, where: {has: [id, title]}, keys: {id: id}}
lookup:
  - {attr: [content.id], url: "/lookup/{values}", into: content, record: {id: id, type: type, space: space, title: title, status: status}}
`

// policyA shows SECOND to partners, policyB does not; both show OPEN.
const (
	policyA = `
version: 1
wiki: ./profile.yaml
internal: {groups: [wiki/staff]}
show: {hidden_page: "Withheld (A)"}
spaces:
  OPEN: {members: [{email_domain: acme.example}]}
  SECOND: {members: [{email_domain: acme.example}]}
`
	policyB = `
version: 1
wiki: ./profile.yaml
internal: {groups: [wiki/staff]}
show: {hidden_page: "Withheld (B)"}
spaces:
  OPEN: {members: [{email_domain: acme.example}]}
`
)

var reloadDirectory = rules.Directory{
	Users:  []rules.UserRecord{{Username: "eva", Email: "eva@acme.example"}, {Username: "ines", Groups: []string{"staff"}}},
	Spaces: []rules.SpaceRecord{{Key: "OPEN", ID: "1", Name: "Open"}, {Key: "HR", ID: "2", Name: "Human"}, {Key: "SECOND", ID: "3", Name: "Second"}},
	Content: []rules.ContentRecord{
		{ID: "10", Space: "OPEN", Title: "Plan"}, {ID: "20", Space: "HR", Title: "Salary"}, {ID: "30", Space: "SECOND", Title: "Title T"},
	},
}

// reloading is a gateway over rule files in a folder of its own.
type reloading struct {
	*gateway.Gateway
	t   *testing.T
	dir string
}

// newReloading begins with policy A, as eva of ACME.
func newReloading(t *testing.T, opts ...func(*gateway.Config)) *reloading {
	t.Helper()
	r := &reloading{t: t, dir: t.TempDir()}
	r.write("profile.yaml", reloadProfile)
	r.write("policy.yaml", policyA)
	profile, err := rules.LoadProfile(filepath.Join(r.dir, "profile.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := directory.New(directory.Config{Profile: profile, Seed: reloadDirectory})
	if err != nil {
		t.Fatal(err)
	}
	cfg := gateway.Config{
		Site: &url.URL{Scheme: "https", Host: "site.example"}, Wiki: &url.URL{Scheme: "http", Host: "wiki.internal"},
		Rules: []string{filepath.Join(r.dir, "policy.yaml")}, Directory: dir, Providers: []string{"idp"},
		As: &rules.Viewer{Provider: "idp", Subject: "s1", Email: "eva@acme.example", EmailVerified: true},
	}
	for _, o := range opts {
		o(&cfg)
	}
	if r.Gateway, err = gateway.New(cfg); err != nil {
		t.Fatal(err)
	}
	return r
}

// write puts a file in place by a rename, as a careful hand would.
func (r *reloading) write(name, text string) {
	r.t.Helper()
	tmp := filepath.Join(r.dir, "."+name+".new")
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(tmp, filepath.Join(r.dir, name)); err != nil {
		r.t.Fatal(err)
	}
}

// load writes a policy and loads it.
func (r *reloading) load(policy string) {
	r.t.Helper()
	r.write("policy.yaml", policy)
	if _, err := r.Reload(context.Background()); err != nil {
		r.t.Error(err)
	}
}

// TestReloadResults: what is valid is put in force, what is not is told with
// its place, and changes nothing.
func TestReloadResults(t *testing.T) {
	t.Parallel()
	count := &reloadCounts{counts: map[string]int{}}
	r := newReloading(t, func(c *gateway.Config) { c.Metrics = count })
	first := r.LastReload()
	if first.Result != gateway.ReloadSuccess || first.Before != "" || first.After == "" {
		t.Fatalf("the start is told as %+v", first)
	}
	step := func(name, wantResult, wantError string, change func()) gateway.Reloaded {
		t.Helper()
		before := r.Policy().Digest()
		change()
		got, err := r.Reload(t.Context())
		if got.Result != wantResult || got.Before != before || (err != nil) != (wantResult == gateway.ReloadFailure) || !strings.Contains(got.Error, wantError) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if diff := cmp.Diff(got, r.LastReload()); diff != "" {
			t.Errorf("%s: LastReload differs: %s", name, diff)
		}
		if got.After != r.Policy().Digest() || (got.After == before) == (wantResult == gateway.ReloadSuccess) {
			t.Errorf("%s: digest in force went from %s to %s, told is %s", name, before, r.Policy().Digest(), got.After)
		}
		return got
	}
	step("nothing", gateway.ReloadUnchanged, "", func() {})
	step("another policy", gateway.ReloadSuccess, "", func() { r.write("policy.yaml", policyB) })
	bad := step("a fault", gateway.ReloadFailure, "policy.yaml:4:1: ", func() { r.write("policy.yaml", strings.Replace(policyB, "internal:", "internol:", 1)) })
	if bad.Refused == "" || bad.Refused == bad.After {
		t.Errorf("refused digest is %q", bad.Refused)
	}
	step("no YAML", gateway.ReloadFailure, "policy.yaml:", func() { r.write("policy.yaml", "{{{") })
	step("no file", gateway.ReloadFailure, "", func() {
		if err := os.Remove(filepath.Join(r.dir, "policy.yaml")); err != nil {
			t.Fatal(err)
		}
	})
	step("back", gateway.ReloadUnchanged, "", func() { r.write("policy.yaml", policyB) })
	step("the profile beside it", gateway.ReloadSuccess, "", func() { r.write("profile.yaml", reloadProfile+"# another\n") })
	step("a faulty profile", gateway.ReloadFailure, "profile.yaml:", func() { r.write("profile.yaml", reloadProfile+"routs: []\n") })
	step("another wiki", gateway.ReloadFailure, "restart", func() {
		r.write("profile.yaml", strings.Replace(reloadProfile, "profile: reloads", "profile: others", 1))
	})
	r.write("profile.yaml", reloadProfile+"# another\n")
	r.write("directory.json", `{"users": [{"username": "eva", "email": "eva@acme.example"}], "spaces": [{"key": "SECOND"}, {"key": "OPEN"}]}`)
	test := func(want string) string {
		return "policy: [policy.yaml]\ndirectory: directory.json\ncases:\n  - {as: {email: eva@acme.example, provider: idp}, see: {space: SECOND}, want: " + want + "}\n"
	}
	step("its own test fails", gateway.ReloadFailure, "want hidden, got visible", func() {
		r.write("test.yaml", test("hidden"))
		r.write("policy.yaml", policyA+"tests: [test.yaml]\n")
	})
	if _, err := r.Reload(t.Context()); !errors.Is(err, gateway.ErrTests) {
		t.Errorf("the error is %v", err)
	}
	step("its own test passes", gateway.ReloadSuccess, "", func() { r.write("test.yaml", test("visible")) })
	step("the test fails later", gateway.ReloadFailure, "want hidden, got visible", func() { r.write("test.yaml", test("hidden")) })
	step("the test is gone", gateway.ReloadFailure, "test.yaml", func() {
		if err := os.Remove(filepath.Join(r.dir, "test.yaml")); err != nil {
			t.Fatal(err)
		}
	})
	want := map[string]int{gateway.ReloadSuccess: 4, gateway.ReloadUnchanged: 2, gateway.ReloadFailure: 9}
	if diff := cmp.Diff(want, count.counts); diff != "" {
		t.Errorf("counted: (-want +got)\n%s", diff)
	}
}

type reloadCounts struct {
	gateway.NopMetrics
	counts map[string]int
}

func (c *reloadCounts) Reload(result, _ string, _ time.Time) { c.counts[result]++ }

// wiki answers the routes of reloadProfile. The list says which spaces it was
// asked for and holds a page of each, whatever was asked.
func wiki(w http.ResponseWriter, r *http.Request) error {
	switch path := r.URL.Path; {
	case path == "/api/pages":
		return upstream200(w, "application/json", fmt.Sprintf(`{"asked":%q,"items":[{"id":"10","title":"Plan"},{"id":"30","title":"Title T"}]}`, r.URL.Query().Get("spaces")))
	default:
		return upstream200(w, "text/html; charset=utf-8", page(strings.TrimPrefix(path, "/page/"), `see <a href="/page/20">Salary</a>`))
	}
}

func upstream200(w http.ResponseWriter, kind, body string) error {
	w.Header().Set("Content-Type", kind)
	_, err := w.Write([]byte(body))
	return err
}

// TestReloadUnderLoad swaps two policies all the time while viewers ask. Each
// answer is whole: of one policy or of the other, in what was asked of the wiki
// and in what was made of its answer. None is lost.
func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	r := newReloading(t)
	stop := make(chan struct{})
	var swaps, served atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			r.load([]string{policyB, policyA}[i%2])
			swaps.Add(1)
		}
	})
	var sawA, sawB atomic.Bool
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				list := serveAt(t, r.Gateway, "/api/pages?limit=10", wiki)
				a := list == `200 {"asked":"1|3","items":[{"id":"10","title":"Plan"},{"id":"30","title":"Title T"}]}`
				b := list == `200 {"asked":"1","items":[{"id":"10","title":"Plan"}]}`
				if !a && !b {
					t.Errorf("the list is of no policy: %s", list)
				}
				p := serveAt(t, r.Gateway, "/page/30", wiki)
				shown, gone := strings.HasPrefix(p, "200 ") && strings.Contains(p, "Withheld (A)"), strings.HasPrefix(p, "404 ")
				if !shown && !gone || strings.Contains(p, "(B)") || strings.Contains(p, "Salary") {
					t.Errorf("the page is of no policy: %s", p)
				}
				if q := serveAt(t, r.Gateway, "/page/10", wiki); !strings.HasPrefix(q, "200 ") || strings.Contains(q, "(A)") == strings.Contains(q, "(B)") {
					t.Errorf("a page that both show: %s", q)
				}
				if a && shown {
					sawA.Store(true)
				}
				if b && gone {
					sawB.Store(true)
				}
				served.Add(3)
			}
		})
	}
	tried := func() bool { return sawA.Load() && sawB.Load() && swaps.Load() >= 10 }
	for began := time.Now(); time.Since(began) < 1500*time.Millisecond || !tried() && time.Since(began) < 30*time.Second; {
		time.Sleep(20 * time.Millisecond)
	}
	close(stop)
	wg.Wait()
	t.Logf("%d requests, %d reloads", served.Load(), swaps.Load())
	if !tried() {
		t.Errorf("A seen: %v, B seen: %v, %d reloads: the test tries nothing", sawA.Load(), sawB.Load(), swaps.Load())
	}
}

func serveAt(t *testing.T, gw *gateway.Gateway, target string, next gateway.Next) string {
	t.Helper()
	w := httptest.NewRecorder()
	if err := gw.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "https://site.example"+target, nil), next); err != nil {
		t.Error(err)
	}
	return fmt.Sprint(w.Code, " ", strings.TrimSpace(w.Body.String()))
}

// TestRequestKeepsPolicy loads another policy while a request waits for a
// look-up: the request is judged, to its end, by the one that it began with,
// and by what the look-up learnt.
func TestRequestKeepsPolicy(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, during, after string
		page, space         string
		want                []string
	}{
		// With B's view the page would be hidden; with A's that knows nothing it
		// would be unknown. Both are a lost request.
		{"both show it", policyA, policyA + "# again\n", "99", "OPEN", []string{"200 ", "Withheld (A)"}},
		// With the next policy's view what the first one hides would be shown.
		{"only the next shows it", policyB, policyA, "98", "SECOND", []string{"404 "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var r *reloading
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
				r.load(tt.after)
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprintf(w, `{"id":%q,"type":"page","space":%q,"title":"New","status":"current"}`, strings.TrimPrefix(req.URL.Path, "/lookup/"), tt.space)
			}))
			t.Cleanup(srv.Close)
			base, err := url.Parse(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			r = newReloading(t, func(c *gateway.Config) {
				profile, err := rules.ParseProfile("profile.yaml", []byte(reloadProfile))
				if err != nil {
					t.Fatal(err)
				}
				c.Directory, err = directory.New(directory.Config{Profile: profile, Seed: reloadDirectory, Upstream: wikiclient.New(wikiclient.Config{Base: base})})
				if err != nil {
					t.Fatal(err)
				}
			})
			r.load(tt.during)
			before := r.Policy().Digest()
			got := serveAt(t, r.Gateway, "/page/"+tt.page, wiki)
			if r.Policy().Digest() == before {
				t.Fatal("nothing was loaded while the request waited")
			}
			for _, w := range tt.want {
				if !strings.Contains(got, w) {
					t.Errorf("got %s\nwant %q in it", got, w)
				}
			}
		})
	}
}

package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/postern-gateway/postern/rules"
)

func noSleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

func TestSnapshotAPI(t *testing.T) {
	t.Parallel()
	var progress bytes.Buffer
	got, err := newClient(t, apiDialect(t)).Snapshot(t.Context(), apiProfile(), &progress)
	if err != nil {
		t.Fatal(err)
	}
	want := rules.Directory{
		Users: []rules.UserRecord{
			{Username: "Admin", Key: "1", Groups: []string{"*", "sysop", "user"}},
			{Username: "Kim", Key: "12", Groups: []string{"*", "user"}},
		},
		Spaces: []rules.SpaceRecord{
			{Key: "Special", ID: "-1", Name: "Special", Aliases: []string{"Special"}},
			{Key: "(Main)", ID: "0"},
			{Key: "Template", ID: "10", Name: "Template", Aliases: []string{"T", "Template"}},
			{Key: "ACME X", ID: "3000", Name: "ACME X", Aliases: []string{"AX"}},
		},
		Content: []rules.ContentRecord{
			{ID: "1", Type: "page", Space: "(Main)", Title: "Main: page", Labels: []string{"A: b", "C"}, Includes: []string{"7"}},
			{ID: "2", Type: "page", Space: "(Main)", Title: "Main: page/sub/deep", Parent: "1"},
			{ID: "3", Type: "page", Space: "(Main)", Title: "Old name"},
			{ID: "7", Type: "page", Space: "Template", Title: "Box", UsedBy: []string{"1", "9"}},
		},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if !strings.Contains(progress.String(), "step 4 of 4 (content): 4 new") {
		t.Errorf("progress: %s", progress.String())
	}
}

func TestSnapshotREST(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "/wiki"} {
		c := newClient(t, restDialect(t, base), func(c *Config) { c.Token = "t0ken"; c.Base.Path = base })
		got, err := c.Snapshot(t.Context(), restProfile(), nil)
		if err != nil {
			t.Fatal(err)
		}
		want := rules.Directory{
			Users: []rules.UserRecord{
				{Username: "kim", Key: "ff1", DisplayName: "Kim Li", AvatarIDs: []string{"1114116"}, Groups: []string{"a/b c", "staff"}},
				{Username: "zq", Key: "ff2", DisplayName: "Zelda Q", Groups: []string{"staff"}},
			},
			Groups: []rules.GroupRecord{{Name: "staff"}, {Name: "a/b c"}},
			Spaces: []rules.SpaceRecord{
				{Key: "ACME", ID: "98305", Name: "Acme", Type: "global", Home: "100"},
				{Key: "~kim", ID: "98306", Name: "Kim Li", Type: "personal", Owner: "kim"},
			},
			Content: []rules.ContentRecord{
				{ID: "100", Type: "page", Space: "ACME", Title: "Home", Status: "current"},
				{
					ID: "101", Type: "page", Space: "ACME", Title: "Secret", Status: "current", Parent: "100", Labels: []string{"internal-only"},
					RestrictedTo: &rules.Restriction{Users: []string{"zq"}, Groups: []string{"staff"}},
				},
				{ID: "103", Type: "blogpost", Space: "ACME", Title: "News", Status: "current", Date: "2024-01-05"},
			},
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("base %q: %s", base, d)
		}
	}
}

func one(url string) *rules.Profile {
	return &rules.Profile{Sync: &rules.Sync{Steps: []rules.SyncStep{
		paged(rules.SyncStep{Into: "users", URL: url, Items: "u", Record: map[string]string{"username": "n"}, Skip: map[string]string{"bot": "true"}}, "cursor", "", "", 0, "next"),
	}}}
}

func TestSnapshotFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		is      error
		want    string
	}{
		{"markup", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>sign in</html>") }, ErrMalformed, "sign-in page"},
		{"garbage", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"u":[`) }, ErrMalformed, "no JSON"},
		{"no items", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"x":[]}`) }, ErrMalformed, `no "u"`},
		{"no list", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"u":3}`) }, ErrMalformed, "is no list"},
		{"status", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(403) }, ErrStatus, "sync token"},
		{"server error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, ErrStatus, "500"},
		{"foreign redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://other.example/x", http.StatusFound)
		}, ErrForeign, ""},
		{"redirect to itself", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/list", http.StatusFound) }, ErrStatus, "redirect"},
		{"foreign next", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"u":[],"next":"//other.example/x"}`) }, ErrForeign, ""},
		{"circle", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"u":[],"next":"/list?a=1"}`) }, ErrMalformed, "circles"},
		{"endless", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"u":[{"n":"u%s"}],"next":{"a":"%sx"}}`, r.FormValue("a"), r.FormValue("a"))
		}, ErrLimit, "pages"},
		{"large", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"u":[],"x":%q}`, strings.Repeat("x", 5000))
		}, ErrLimit, "bytes"},
		{"many", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"u":[{"n":"0"}`)
			for i := range 60 {
				fmt.Fprintf(w, `,{"n":"u%d"}`, i)
			}
			fmt.Fprint(w, `]}`)
		}, ErrLimit, "records"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, tt.handler, func(c *Config) { c.Limits = Limits{Pages: 20, Bytes: 4000, Records: 50} })
			_, err := c.Snapshot(t.Context(), one("/list"), nil)
			if !errors.Is(err, tt.is) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "step 1 of 1 (users)") {
				t.Errorf("error %v, want %v and %q", err, tt.is, tt.want)
			}
		})
	}
}

func TestSnapshotBadProfiles(t *testing.T) {
	t.Parallel()
	c := newClient(t, http.NotFoundHandler())
	step := func(change func(*rules.SyncStep)) *rules.Profile {
		p := one("/list")
		change(&p.Sync.Steps[0])
		return p
	}
	for name, p := range map[string]*rules.Profile{
		"none":         {},
		"into":         step(func(s *rules.SyncStep) { s.Into = "people" }),
		"field":        step(func(s *rules.SyncStep) { s.Record["name"] = "n" }),
		"regexp":       step(func(s *rules.SyncStep) { s.Record["key"] = "n ~ (" }),
		"no group":     step(func(s *rules.SyncStep) { s.Record["key"] = "n ~ x" }),
		"each":         step(func(s *rules.SyncStep) { s.Each = "users" }),
		"page kind":    step(func(s *rules.SyncStep) { s.Page.Kind = "pages" }),
		"skip":         step(func(s *rules.SyncStep) { s.Skip["a"] = "(" }),
		"variable":     step(func(s *rules.SyncStep) { s.URL = "/list/{space.key}" }),
		"absolute URL": step(func(s *rules.SyncStep) { s.URL = "http://other.example/" }),
		"double slash": step(func(s *rules.SyncStep) { s.URL = "//other.example/" }),
	} {
		if _, err := c.Snapshot(t.Context(), p, nil); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	calls := 0
	var waits []time.Duration
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		switch calls {
		case 1:
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(429)
		case 2:
			w.Header().Set("Retry-After", now.Add(9*time.Second).Format(http.TimeFormat))
			w.WriteHeader(503)
		case 3:
			w.WriteHeader(502)
		default:
			fmt.Fprint(w, `{"u":[{"n":"a"},{"n":"b","bot":true}]}`)
		}
	})
	c := newClient(t, h, func(c *Config) {
		c.Now = func() time.Time { return now }
		c.Sleep = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
	})
	d, err := c.Snapshot(t.Context(), one("/list"), nil)
	if err != nil || len(d.Users) != 1 || d.Users[0].Username != "a" {
		t.Fatalf("%v, %v", d, err)
	}
	if want := []time.Duration{7 * time.Second, 9 * time.Second, 2 * time.Second}; !slices.Equal(waits, want) {
		t.Errorf("waits %v, want %v", waits, want)
	}
	calls = 0
	c = newClient(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(503)
	}))
	if _, err := c.Snapshot(t.Context(), one("/list"), nil); !errors.Is(err, ErrStatus) || calls != 1 {
		t.Errorf("after a long Retry-After: %v, %d calls", err, calls)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.NotFoundHandler())
	base, _ := url.Parse(srv.URL)
	srv.Close()
	c := New(Config{Base: base, Sleep: noSleep})
	_, err := c.Snapshot(t.Context(), one("/list?secret=1"), nil)
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Snapshot(ctx, one("/list"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestLookupAPI(t *testing.T) {
	t.Parallel()
	c := newClient(t, apiDialect(t))
	res, err := c.Lookup(t.Context(), apiProfile(), []rules.Key{
		{Attr: rules.ContentID, Value: "1"},
		{Attr: rules.ContentID, Value: "55"},
		{Attr: rules.ContentID, Value: "1"},
		{Attr: rules.ContentID, Value: "1|2"},
		{Attr: rules.ContentTitle, Value: "New", Space: "ACME X"},
		{Attr: rules.ContentTitle, Value: "Red", Space: "ACME X"},
		{Attr: rules.RevisionID, Value: "500"},
		{Attr: rules.RevisionID, Value: "501"},
		{Attr: rules.UserName, Value: "Kim"},
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(res.Absent, func(a, b rules.Key) int { return strings.Compare(a.Value, b.Value) })
	if d := cmp.Diff([]rules.Key{{Attr: rules.ContentID, Value: "55"}, {Attr: rules.ContentTitle, Value: "Red", Space: "ACME X"}}, res.Absent); d != "" {
		t.Error(d)
	}
	acme := rules.SpaceRecord{Key: "ACME X", ID: "3000", Name: "ACME X"}
	got := res.Directory(knownSpaces{"3000": acme, "ACME X": acme, "0": {Key: "(Main)", ID: "0"}})
	slices.SortFunc(got.Content, func(a, b rules.ContentRecord) int { return strings.Compare(a.ID, b.ID) })
	want := rules.Directory{
		Content: []rules.ContentRecord{
			{ID: "1", Type: "page", Space: "(Main)", Title: "Main: page", Labels: []string{"C"}},
			{ID: "60", Type: "page", Space: "ACME X", Title: "New"},
		},
		Aliases: []rules.AliasRecord{{ID: "500", Of: "1", Kind: "revision"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

type knownSpaces map[string]rules.SpaceRecord

func (k knownSpaces) Space(w string) (rules.SpaceRecord, bool)       { s, ok := k[w]; return s, ok }
func (k knownSpaces) ContentByFullTitle(string) (id string, ok bool) { return "", false }

func TestLookupREST(t *testing.T) {
	t.Parallel()
	c := newClient(t, restDialect(t, "/wiki"), func(c *Config) { c.Token = "t0ken"; c.Base.Path = "/wiki" })
	res, err := c.Lookup(t.Context(), restProfile(), []rules.Key{
		{Attr: rules.ContentID, Value: "100"},
		{Attr: rules.ContentID, Value: "900"},
		{Attr: rules.ContentID, Value: "404"},
		{Attr: rules.ContentTitle, Value: "Plan & more", Space: "ACME"},
		{Attr: rules.ContentTitle, Value: "None", Space: "ACME"},
		{Attr: rules.UserName, Value: "kim"},
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(res.Absent, func(a, b rules.Key) int { return strings.Compare(a.Value, b.Value) })
	if d := cmp.Diff([]rules.Key{{Attr: rules.ContentID, Value: "404"}, {Attr: rules.ContentTitle, Value: "None", Space: "ACME"}}, res.Absent); d != "" {
		t.Error(d)
	}
	if !res.Partial {
		t.Error("a user without his groups was taken for whole")
	}
	got := res.Directory(nil)
	slices.SortFunc(got.Content, func(a, b rules.ContentRecord) int { return strings.Compare(a.ID, b.ID) })
	want := rules.Directory{
		Content: []rules.ContentRecord{
			{ID: "100", Type: "page", Space: "ACME", Title: "Home", Status: "current"},
			{ID: "102", Type: "page", Space: "ACME", Title: "Plan & more", Status: "current"},
		},
		Aliases: []rules.AliasRecord{{ID: "900", Of: "100", Kind: "comment"}},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestLookupKeepsWhatWasAnswered(t *testing.T) {
	t.Parallel()
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("id") == "2" {
			w.WriteHeader(500)
			return
		}
		fmt.Fprintf(w, `{"id":%q,"space":"A"}`, r.FormValue("id"))
	})
	p := &rules.Profile{Lookup: []rules.Lookup{{Attr: []string{"content.id"}, URL: "/c?id={values}", Record: map[string]string{"id": "id", "space": "space"}}}}
	res, err := newClient(t, h).Lookup(t.Context(), p, []rules.Key{{Attr: rules.ContentID, Value: "1"}, {Attr: rules.ContentID, Value: "2"}})
	if !errors.Is(err, ErrStatus) || len(res.Directory(nil).Content) != 1 || len(res.Absent) != 0 {
		t.Errorf("%v, %v", res, err)
	}
}

func TestWhoAmI(t *testing.T) {
	t.Parallel()
	c := newClient(t, apiDialect(t), func(c *Config) { c.Token = "t0ken" })
	for _, tt := range []struct {
		cookies []*http.Cookie
		want    string
	}{
		{[]*http.Cookie{{Name: "session", Value: "kim"}}, "Kim"},
		{[]*http.Cookie{{Name: "session", Value: "stale"}}, ""},
		{nil, ""},
	} {
		got, err := c.WhoAmI(t.Context(), apiProfile(), tt.cookies)
		if err != nil || got != tt.want {
			t.Errorf("WhoAmI(%v) = %q, %v, want %q", tt.cookies, got, err, tt.want)
		}
	}
	// Without the token that dialect knows nobody: it must not have been sent.
	c = newClient(t, restDialect(t, ""), func(c *Config) { c.Token = "t0ken" })
	if got, err := c.WhoAmI(t.Context(), restProfile(), nil); got != "" || err != nil {
		t.Errorf("the client's own token was sent: %q, %v", got, err)
	}
}

func TestShippedProfiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../rules/profiles/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		p, err := rules.LoadProfile(f)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		if err := Check(p); err != nil {
			t.Errorf("%s: %v", f, err)
		}
		if p.Sync == nil {
			t.Errorf("%s: no sync", f)
		}
	}
	bad := one("/list")
	bad.Lookup = []rules.Lookup{{Attr: []string{"user.nick"}, URL: "/x?{values}"}, {URL: "/x"}}
	bad.WhoAmI = &rules.WhoAmI{User: "a ~ ("}
	if err := Check(bad); !errors.Is(err, ErrMalformed) || strings.Count(err.Error(), "\n") < 3 {
		t.Errorf("Check = %v", err)
	}
}

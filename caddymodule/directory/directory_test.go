package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/postern-gateway/postern/caddymodule/upstream"
	"github.com/postern-gateway/postern/rules"
)

// wiki is a wiki of an invented dialect: /list/{spaces,users,content} and
// /page?ids=1,2 with what was made since.
type wiki struct {
	lookups atomic.Int64
	down    atomic.Bool
	gate    chan struct{} // if set, look-ups wait for it
}

func (w *wiki) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if w.down.Load() {
		rw.WriteHeader(500)
		return
	}
	switch r.URL.Path {
	case "/list/spaces":
		fmt.Fprint(rw, `{"items":[{"key":"A","name":"Alpha"},{"key":"B"}]}`)
	case "/list/users":
		fmt.Fprint(rw, `{"items":[{"username":"zq","groups":["staff"]}]}`)
	case "/list/content":
		fmt.Fprint(rw, `{"items":[{"id":"1","space":"A","title":"One"}]}`)
	case "/page":
		w.lookups.Add(1)
		if w.gate != nil {
			<-w.gate
		}
		var out []string
		for id := range strings.SplitSeq(r.FormValue("ids"), ",") {
			switch id {
			case "2":
				out = append(out, `{"id":"2","space":"B","title":"Two"}`)
			case "3":
				out = append(out, `{"id":"3","none":true}`)
			}
		}
		fmt.Fprintf(rw, `{"items":[%s]}`, strings.Join(out, ","))
	default:
		http.NotFound(rw, r)
	}
}

func testProfile() *rules.Profile {
	all := func(into string, fields ...string) rules.SyncStep {
		s := rules.SyncStep{Into: into, URL: "/list/" + into, Items: "items", Record: map[string]string{}}
		for _, f := range fields {
			s.Record[f] = f
		}
		return s
	}
	return &rules.Profile{
		Sync: &rules.Sync{Steps: []rules.SyncStep{all("spaces", "key", "name"), all("users", "username", "groups"), all("content", "id", "space", "title")}},
		Lookup: []rules.Lookup{{
			Attr: []string{"content.id"}, URL: "/page?ids={values}", Join: ",", Max: 10, Items: "items",
			Record: map[string]string{"id": "id", "space": "space", "title": "title"}, Missing: "none",
		}},
	}
}

func client(t testing.TB, h http.Handler) *upstream.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	base, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	return upstream.New(upstream.Config{Base: base, RatePerSecond: 100_000, Sleep: func(context.Context, time.Duration) error { return nil }})
}

func directory(t testing.TB, c Config) *Directory {
	t.Helper()
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func content(id string) rules.Ref {
	return rules.Ref{Kind: rules.Content, Keys: []rules.Key{{Attr: rules.ContentID, Value: id}}}
}

func TestSyncAndResolve(t *testing.T) {
	t.Parallel()
	w := &wiki{}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	d := directory(t, Config{
		Profile: testProfile(), Upstream: client(t, w), Now: func() time.Time { return now },
		Seed: rules.Directory{Groups: []rules.GroupRecord{{Name: "partners", Source: "acme-idp"}}},
	})
	if d.Ready() {
		t.Error("ready before anything is known")
	}
	var swaps []uint64
	d.OnSwap(func(f rules.Facts) { swaps = append(swaps, f.Generation()) })
	if err := d.SyncNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !d.Ready() || len(swaps) != 1 {
		t.Errorf("ready %v after %d swaps", d.Ready(), len(swaps))
	}
	f := d.Facts()
	if _, ok := f.FindGroup("acme-idp", "partners"); !ok {
		t.Error("a provider's group of the seed is gone")
	}
	old := f
	changed, err := d.Resolve(t.Context(), []rules.Ref{content("1"), content("2"), content("3"), content("4"), {Kind: rules.User, Keys: []rules.Key{{Attr: rules.UserName, Value: "who"}}}})
	if err != nil || !changed || w.lookups.Load() != 1 {
		t.Fatalf("Resolve = %v, %v after %d look-ups", changed, err, w.lookups.Load())
	}
	f = d.Facts()
	if id, ok := f.FindContent(rules.ContentID, "2", rules.NoID); !ok || f.Contents()[id].Title != "Two" {
		t.Error("2 was not found")
	}
	if !f.Absent(rules.ContentID, "3", rules.NoID) || f.Absent(rules.ContentID, "4", rules.NoID) || old.Absent(rules.ContentID, "3", rules.NoID) {
		t.Error("3 should be absent, 4 unknown")
	}
	for range 3 {
		if changed, err = d.Resolve(t.Context(), []rules.Ref{content("3"), content("4")}); changed || err != nil {
			t.Errorf("again: %v, %v", changed, err)
		}
	}
	if n := w.lookups.Load(); n != 1 {
		t.Errorf("%d look-ups: misses are not remembered", n)
	}
	now = now.Add(time.Minute)
	if _, err = d.Resolve(t.Context(), []rules.Ref{content("4")}); err != nil || w.lookups.Load() != 2 {
		t.Errorf("after the time to forget: %v, %d", err, w.lookups.Load())
	}
	s := d.Stats()
	if s.Users != 1 || s.Content != 2 || s.Spaces != 2 || s.Syncs != 1 || s.Lookups[Lookup{rules.Content, "found"}] != 1 ||
		s.Lookups[Lookup{rules.Content, "absent"}] != 1 || s.Lookups[Lookup{rules.Content, "unknown"}] != 2 || s.Generation != d.Facts().Generation() {
		t.Errorf("stats %+v", s)
	}
	w.down.Store(true)
	if err := d.SyncNow(t.Context()); !errors.Is(err, upstream.ErrStatus) || d.Stats().SyncErrors["status"] != 1 || !d.Ready() {
		t.Errorf("sync while down: %v, %v", err, d.Stats().SyncErrors)
	}
	if changed, err = d.Resolve(t.Context(), []rules.Ref{content("5")}); err == nil || changed || d.Stats().Lookups[Lookup{rules.Content, "error"}] != 1 {
		t.Errorf("look-up while down: %v, %v", changed, err)
	}
}

func TestResolveTogether(t *testing.T) {
	t.Parallel()
	w := &wiki{gate: make(chan struct{})}
	d := directory(t, Config{Profile: testProfile(), Upstream: client(t, w), Seed: rules.Directory{Spaces: []rules.SpaceRecord{{Key: "B"}}}})
	var wg sync.WaitGroup
	var changes atomic.Int64
	for range 20 {
		wg.Go(func() {
			changed, err := d.Resolve(t.Context(), []rules.Ref{content("2")})
			if err != nil {
				t.Error(err)
			}
			if changed {
				changes.Add(1)
			}
		})
	}
	for w.lookups.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	close(w.gate)
	wg.Wait()
	if n := w.lookups.Load(); n != 1 || changes.Load() == 0 {
		t.Errorf("%d look-ups, %d changes", n, changes.Load())
	}
}

func TestOffline(t *testing.T) {
	t.Parallel()
	d := directory(t, Config{Profile: testProfile(), Seed: sample()})
	if !d.Ready() {
		t.Error("not ready although there is nothing to wait for")
	}
	if changed, err := d.Resolve(t.Context(), []rules.Ref{content("77")}); changed || err != nil {
		t.Errorf("Resolve = %v, %v", changed, err)
	}
	d.Run(t.Context()) // returns at once
	if _, err := New(Config{Seed: rules.Directory{Users: []rules.UserRecord{{}}}}); err == nil {
		t.Error("a bad seed was taken")
	}
}

func TestSeedFillsWhatSyncDoesNotTell(t *testing.T) {
	t.Parallel()
	d := directory(t, Config{Profile: testProfile(), Upstream: client(t, &wiki{}), Seed: rules.Directory{
		Users: []rules.UserRecord{{Username: "zq", Email: "zq@corp.example", Identities: []string{"corp/8f3"}, Groups: []string{"admins"}}, {Username: "gone"}},
	}})
	if err := d.SyncNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := d.Facts()
	id, ok := f.FindUser(rules.UserEmail, "zq@corp.example")
	if u := f.Users()[max(id, 0)]; !ok || len(u.Identities) != 1 || len(u.Groups) != 1 || u.Groups[0] != "staff" {
		t.Errorf("user %+v", u)
	}
	if _, ok := f.FindUser(rules.UserName, "gone"); ok {
		t.Error("the sync did not take away who is gone")
	}
}

// scripted is an Upstream of prepared answers.
type scripted struct {
	snaps []error
	mu    sync.Mutex
	calls []time.Time
}

func (s *scripted) seen() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

func (s *scripted) Snapshot(context.Context, *rules.Profile, io.Writer) (rules.Directory, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, time.Now())
	if n := len(s.calls); n <= len(s.snaps) && s.snaps[n-1] != nil {
		return rules.Directory{}, s.snaps[n-1]
	}
	return rules.Directory{Spaces: []rules.SpaceRecord{{Key: "A"}}}, nil
}

func (*scripted) Lookup(context.Context, *rules.Profile, []rules.Key) (upstream.LookupResult, error) {
	return upstream.LookupResult{Partial: true}, nil
}

func TestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		up := &scripted{snaps: []error{errors.New("down"), errors.New("down")}}
		d := directory(t, Config{Profile: testProfile(), Upstream: up, Every: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		start := time.Now()
		go d.Run(ctx)
		time.Sleep(time.Minute)
		synctest.Wait()
		// At once, after five seconds, and after ten more, each within a tenth.
		if calls := up.seen(); len(calls) != 3 || calls[2].Sub(start) > 17*time.Second || !d.Ready() {
			t.Fatalf("calls at %v", calls)
		}
		// A look-up that is not enough brings the next one forward.
		if _, err := d.Resolve(ctx, []rules.Ref{content("9")}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := len(up.seen()); n != 4 {
			t.Fatalf("%d syncs after a kick", n)
		}
		time.Sleep(70 * time.Minute)
		synctest.Wait()
		if n := len(up.seen()); n != 5 {
			t.Fatalf("%d syncs after an hour", n)
		}
		cancel()
		synctest.Wait()
	})
}

func TestEmptySyncIsAnError(t *testing.T) {
	t.Parallel()
	d := directory(t, Config{Profile: testProfile(), Upstream: client(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"items":[]}`)
	})), Seed: sample()})
	before := d.Facts()
	if err := d.SyncNow(t.Context()); !errors.Is(err, ErrEmptySync) || d.Facts() != before || d.Stats().SyncErrors["empty"] != 1 {
		t.Errorf("%v, %v", err, d.Stats().SyncErrors)
	}
}

// asked remembers what it was asked, and knows nothing.
type asked struct {
	scripted
	keys []rules.Key
}

func (a *asked) Lookup(_ context.Context, _ *rules.Profile, keys []rules.Key) (upstream.LookupResult, error) {
	a.keys = append(a.keys, keys...)
	return upstream.LookupResult{Absent: keys}, nil
}

func TestTitlesAreAskedForAsTheWikiWritesThem(t *testing.T) {
	t.Parallel()
	p, err := rules.ParseProfile("test.yaml", []byte("profile: test\ntitles: {codec: mediawiki-title, none: \"(Main)\"}\n"))
	if err != nil {
		t.Fatal(err)
	}
	p.Lookup = append(p.Lookup, rules.Lookup{Attr: []string{"content.title"}, URL: "/t?{values}"})
	up := &asked{}
	d := directory(t, Config{Profile: p, Upstream: up, Seed: sample()})
	title := func(value, space string) rules.Key {
		return rules.Key{Attr: rules.ContentTitle, Value: value, Space: space}
	}
	ref := rules.Ref{Kind: rules.Content, Keys: []rules.Key{
		title("red_link", "3000"), title("Red link", "acme_x"), title("other", "(Main)"), title("acme_X:third#top", ""), title("x", "nowhere"), title("a|b", "0"), title("plan", "3000"),
	}}
	if changed, err := d.Resolve(t.Context(), []rules.Ref{ref}); err != nil || !changed {
		t.Fatalf("Resolve = %v, %v", changed, err)
	}
	if diff := cmp.Diff([]rules.Key{title("Red link", "ACME X"), title("Other", ""), title("Third", "ACME X")}, up.keys); diff != "" {
		t.Error(diff)
	}
	if f := d.Facts(); !f.Absent(rules.ContentTitle, "red_link", 1) || !f.Absent(rules.ContentTitle, "other", 0) {
		t.Error("the absent are not known as such")
	}
	t.Run("written since", func(t *testing.T) {
		up.keys = nil
		swaps := 0
		d.OnSwap(func(rules.Facts) { swaps++ })
		written := rules.Ref{Kind: rules.Content, Keys: []rules.Key{title("Red_link", "acme_x"), title("never asked", "3000")}}
		d.Forget([]rules.Ref{written})
		if f := d.Facts(); f.Absent(rules.ContentTitle, "red_link", 1) || !f.Absent(rules.ContentTitle, "other", 0) || swaps != 1 {
			t.Errorf("after Forget, in %d swaps", swaps)
		}
		d.Forget([]rules.Ref{written})
		if _, err := d.Resolve(t.Context(), []rules.Ref{{Kind: rules.Content, Keys: written.Keys[:1]}}); err != nil || len(up.keys) != 1 || swaps != 2 {
			t.Errorf("asked for %v, in %d swaps: %v", up.keys, swaps, err)
		}
	})
}

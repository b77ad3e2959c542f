package wikisession

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-gateway/postern/rules"
)

const testProfile = `
profile: t
headers: {cookies: [SESSION, "x.*"]}
who_am_i: {url: /me, user: name, anonymous: anon}
login:
  in:
    - {get: /token, take: {token: form.token}}
    - {post: /in, form: {name: "{user}", word: "{password}", token: "{token}", back: "{site}"}}
  out: [{get: /out}]
`

// wiki takes the password "right" and gives every session a number.
type wiki struct {
	mu    sync.Mutex
	owner map[string]string
	next  int
	asked atomic.Int64 // for whose a session is
	outs  atomic.Int64
	form  url.Values
}

func (w *wiki) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	session := ""
	if c, err := r.Cookie("SESSION"); err == nil {
		session = c.Value
	}
	switch r.URL.Path {
	case "/token":
		http.SetCookie(rw, &http.Cookie{Name: "SESSION", Value: "before"})
		_, _ = io.WriteString(rw, `{"form":{"token":"abc"}}`)
	case "/in":
		_ = r.ParseForm()
		w.form = r.PostForm
		if session != "before" || r.PostForm.Get("word") != "right" {
			return
		}
		w.next++
		id := fmt.Sprint("s", w.next)
		w.owner[id] = r.PostForm.Get("name")
		http.SetCookie(rw, &http.Cookie{Name: "SESSION", Value: id, Domain: "elsewhere.example", Path: "/deep"})
		http.SetCookie(rw, &http.Cookie{Name: "other", Value: "never kept"})
		rw.WriteHeader(http.StatusFound)
	case "/me":
		w.asked.Add(1)
		if name := w.owner[session]; name != "" {
			_, _ = fmt.Fprintf(rw, `{"name":%q}`, name)
			return
		}
		_, _ = io.WriteString(rw, `{"anon":true}`)
	case "/out":
		w.outs.Add(1)
		delete(w.owner, session)
	}
}

type clock struct{ ns atomic.Int64 }

func (c *clock) now() time.Time { return time.Unix(1_800_000_000, c.ns.Load()) }

func newTest(t *testing.T, most int) (*wiki, *Member, *rules.Profile, *clock) {
	t.Helper()
	p, err := rules.ParseProfile("t.yaml", []byte(testProfile))
	if err != nil {
		t.Fatal(err)
	}
	w := &wiki{owner: map[string]string{}}
	srv := httptest.NewServer(w)
	base, _ := url.Parse(srv.URL)
	c := &clock{}
	k := New(Config{Base: base, Site: "https://site.example", Most: most, Now: c.now})
	t.Cleanup(func() {
		k.Close()
		srv.Close()
	})
	return w, k.Join(), p, c
}

func same(a, b string) bool { return strings.EqualFold(a, b) }

// TestSession: who gets a session, how long the wiki's word holds for it, and
// what ends it.
func TestSession(t *testing.T) {
	t.Parallel()
	w, m, p, c := newTest(t, 0)
	ctx := context.Background()
	done := make(chan struct{})
	eva := Viewer{ID: "1", User: "eva", Done: done}
	if _, err := m.Open(ctx, eva, p, same); !errors.Is(err, ErrNone) {
		t.Fatalf("before sign-in: %v", err)
	}
	if err := m.SignIn(ctx, eva, p, "wrong", same); !errors.Is(err, ErrRefused) || m.Count() != 0 {
		t.Fatalf("a wrong password: %v", err)
	}
	if err := m.SignIn(ctx, eva, p, "right", same); err != nil {
		t.Fatal(err)
	}
	if w.form.Get("token") != "abc" || w.form.Get("name") != "eva" || w.form.Get("back") != "https://site.example" {
		t.Errorf("the form: %v", w.form)
	}
	asked := w.asked.Load()
	s, err := m.Open(ctx, eva, p, same)
	if err != nil || w.asked.Load() != asked {
		t.Fatalf("right after sign-in: %v, asked %d times more", err, w.asked.Load()-asked)
	}
	if got := fmt.Sprint(s.Cookies()); got != "[SESSION=s1]" {
		t.Errorf("cookies %s", got)
	}
	t.Run("asked again", func(t *testing.T) {
		for _, change := range []func(){
			func() { c.ns.Add(int64(6 * time.Minute)) },
			func() { c.ns.Add(-int64(time.Hour)) },
			func() { s.Took(200, http.Header{"Set-Cookie": {"x.more=1"}}) },
			func() { s.Took(403, http.Header{}) },
		} {
			asked = w.asked.Load()
			change()
			if _, err := m.Open(ctx, eva, p, same); err != nil || w.asked.Load() != asked+1 {
				t.Errorf("%v, asked %d times", err, w.asked.Load()-asked)
			}
		}
		asked = w.asked.Load()
		s.Took(200, http.Header{"Set-Cookie": {"x.more=1", "unknown=2"}})
		if _, err := m.Open(ctx, eva, p, same); err != nil || w.asked.Load() != asked {
			t.Errorf("the same cookies: %v, asked %d times", err, w.asked.Load()-asked)
		}
	})
	t.Run("linked to somebody else since", func(t *testing.T) {
		if _, err := m.Open(ctx, Viewer{ID: "1", User: "bo"}, p, same); !errors.Is(err, ErrOther) || m.Count() != 0 {
			t.Errorf("%v", err)
		}
	})
	if err := m.SignIn(ctx, eva, p, "right", same); err != nil {
		t.Fatal(err)
	}
	close(done)
	for end := time.Now().Add(10 * time.Second); m.Count() > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if m.Count() != 0 {
		t.Error("the session outlived Postern's")
	}
}

// TestOther: a session that the wiki takes for somebody else's is nobody's.
func TestOther(t *testing.T) {
	t.Parallel()
	w, m, p, _ := newTest(t, 0)
	ctx := context.Background()
	eva := Viewer{ID: "1", User: "eva"}
	if err := m.SignIn(ctx, eva, p, "right", same); err != nil {
		t.Fatal(err)
	}
	s, _ := m.Open(ctx, eva, p, same)
	w.mu.Lock()
	w.owner["stolen"] = "bo"
	w.mu.Unlock()
	s.Took(200, http.Header{"Set-Cookie": {"SESSION=stolen"}})
	if _, err := m.Open(ctx, eva, p, same); !errors.Is(err, ErrOther) {
		t.Fatalf("%v", err)
	}
	if _, err := m.Open(ctx, eva, p, same); !errors.Is(err, ErrNone) {
		t.Fatalf("after it: %v", err)
	}
}

// TestMembers: a configuration that ends leaves sessions to the next one.
func TestMembers(t *testing.T) {
	t.Parallel()
	w, m, p, _ := newTest(t, 0)
	ctx := context.Background()
	old, next := make(chan struct{}), make(chan struct{})
	if err := m.SignIn(ctx, Viewer{ID: "1", User: "eva", Done: old}, p, "right", same); err != nil {
		t.Fatal(err)
	}
	newer := m.Join()
	if _, err := newer.Open(ctx, Viewer{ID: "1", User: "eva", Done: next}, p, same); err != nil {
		t.Fatal(err)
	}
	m.Leave()
	close(old)
	time.Sleep(20 * time.Millisecond)
	if _, err := newer.Open(ctx, Viewer{ID: "1", User: "eva", Done: next}, p, same); err != nil || w.outs.Load() != 0 {
		t.Fatalf("%v, signed out %d times", err, w.outs.Load())
	}
	close(next)
	for end := time.Now().Add(10 * time.Second); newer.Count() > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if newer.Count() != 0 {
		t.Error("nobody waits for the session's end any more")
	}
}

// TestMany: at most so many are held, and all end at the close; parallel use
// asks the wiki once.
func TestMany(t *testing.T) {
	t.Parallel()
	w, m, p, c := newTest(t, 3)
	ctx := context.Background()
	for i := range 5 {
		if err := m.SignIn(ctx, Viewer{ID: fmt.Sprint(i), User: "eva"}, p, "right", same); err != nil {
			t.Fatal(err)
		}
	}
	if m.Count() != 3 {
		t.Errorf("%d held", m.Count())
	}
	c.ns.Add(int64(time.Hour))
	asked := w.asked.Load()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := m.Open(ctx, Viewer{ID: "4", User: "eva"}, p, same); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := w.asked.Load() - asked; n != 1 {
		t.Errorf("asked %d times", n)
	}
	m.Close()
	if m.Count() != 0 || w.outs.Load() != 5 {
		t.Errorf("%d held, %d signed out", m.Count(), w.outs.Load())
	}
}

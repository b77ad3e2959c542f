package signin_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/signin"
)

// BenchmarkSession is the check of a session that every request pays for:
// from memory, and beside it what reading a cookie by the standard library
// alone costs.
func BenchmarkSession(b *testing.B) {
	h := newHostile(b)
	s := newSite(b, nil, provider("corp", h.URL))
	br := signedIn(b, h, s)
	r := s.request(br)
	b.Run("memory", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if sess, err := s.rp.Session(r); sess == nil || err != nil {
				b.Fatal(sess, err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if sess, err := s.rp.Session(r); sess == nil || err != nil {
					b.Error(sess, err)
				}
			}
		})
	})
	b.Run("peer-cookie-only", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := r.Cookie("postern"); err != nil {
				b.Fatal(err)
			}
		}
	})
	anonymous, _ := http.NewRequestWithContext(b.Context(), http.MethodGet, s.URL, nil)
	b.Run("no-cookie", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if sess, err := s.rp.Session(anonymous); sess != nil || err != nil {
				b.Fatal(sess, err)
			}
		}
	})
}

func TestSessionAllocates(t *testing.T) {
	h := newHostile(t)
	s := newSite(t, nil, provider("corp", h.URL))
	r := s.request(signedIn(t, h, s))
	if _, err := s.rp.Session(r); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(200, func() { _, _ = s.rp.Session(r) }); n > 1 {
		t.Errorf("a session check from memory allocates %v times", n)
	}
}

// BenchmarkSessionPeer is what a hand-made check would be: net/http's cookie
// parser, and a map under a lock. It knows of no ending, sweeping or refreshing.
func BenchmarkSessionPeer(b *testing.B) {
	h := newHostile(b)
	s := newSite(b, nil, provider("corp", h.URL))
	r := s.request(signedIn(b, h, s))
	c, err := r.Cookie("postern")
	if err != nil {
		b.Fatal(err)
	}
	var mu sync.RWMutex
	sessions := map[string]*signin.Session{}
	if sessions[c.Value], err = s.rp.Session(r); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		c, err := r.Cookie("postern")
		if err != nil {
			b.Fatal(err)
		}
		mu.RLock()
		sess := sessions[c.Value]
		mu.RUnlock()
		if sess == nil {
			b.Fatal("no session")
		}
	}
}

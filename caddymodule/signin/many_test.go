package signin_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/signin"
	"github.com/postern-gateway/postern/caddymodule/store"
)

// resident is the process's memory in MiB, or 0 where the system does not tell.
func resident() float64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }()
	for sc := bufio.NewScanner(f); sc.Scan(); {
		var kib float64
		if n, _ := fmt.Sscanf(sc.Text(), "VmRSS: %f kB", &kib); n == 1 {
			return kib / 1024
		}
	}
	return 0
}

// cookieOf is the cookie of the n-th of many sessions.
func cookieOf(n int) string {
	var b [32]byte
	binary.BigEndian.PutUint64(b[:], uint64(n)+1)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// manySessions fills a store with sessions as they are after sign-in: claims
// with ten groups, an ID token, a refresh token.
func manySessions(b *testing.B, st *store.Store, n int) {
	b.Helper()
	now := time.Now()
	for i := range n {
		sub := fmt.Sprintf("subject-%08d", i)
		id := signin.Identity{Subject: sub, Username: sub, Name: "Somebody " + sub, Email: sub + "@acme.example", EmailVerified: true}
		for g := range 10 {
			id.Groups = append(id.Groups, fmt.Sprintf("partners-of-project-%d", (i+g)%200))
		}
		claims, _ := json.Marshal(id)
		hash := sha256.Sum256([]byte(cookieOf(i)))
		ok, err := st.CreateSession(b.Context(), store.SessionRecord{
			ID: hash[:], Provider: "corp", Subject: sub, SID: sub, Claims: claims,
			RefreshToken: strings.Repeat("r", 64), IDToken: strings.Repeat("i", 1200), Created: now, Seen: now, Expires: now.Add(time.Hour),
		}, now, nil)
		if !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

// BenchmarkManySessions: 100,000 sessions in one file, each of them used. What
// is resident is the whole process, SQLite's caches included; the ceiling is
// 200 MiB.
func BenchmarkManySessions(b *testing.B) {
	const many = 100_000
	st, err := store.Open(b.Context(), "sqlite://"+filepath.Join(b.TempDir(), "postern.db"), store.Options{SweepEvery: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = st.Close() })
	manySessions(b, st, many)
	s := newSite(b, func(c *signin.Config) { c.Store, c.Now = st, time.Now }, provider("corp", "http://127.0.0.1:1"))
	r := httptest.NewRequest(http.MethodGet, s.URL+"/", nil)
	check := func(i int) {
		r.Header["Cookie"] = []string{"postern=" + cookieOf(i)}
		if sess, err := s.rp.Session(r); sess == nil || err != nil {
			b.Fatal(i, sess, err)
		}
	}
	began := time.Now()
	for i := range many {
		check(i)
	}
	b.Logf("%d sessions read once in %v", many, time.Since(began).Round(time.Millisecond))
	if mib := resident(); mib > 200 {
		b.Errorf("%.0f MiB resident", mib)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		check(i * 7919 % many)
		i++
	}
	b.ReportMetric(resident(), "MiB-resident")
	// The sweep of all of them at once, in steps that let sign-ins between.
	worst := make(chan time.Duration)
	stop := make(chan struct{})
	go func() {
		var most time.Duration
		for {
			select {
			case <-stop:
				worst <- most
				return
			default:
			}
			began := time.Now()
			_ = st.EndSession(b.Context(), []byte("none"))
			most = max(most, time.Since(began))
		}
	}()
	began = time.Now()
	if err := st.Sweep(b.Context(), time.Now().Add(2*time.Hour)); err != nil {
		b.Fatal(err)
	}
	took := time.Since(began)
	close(stop)
	b.Logf("all swept in %v; a write waited %v at most", took.Round(time.Millisecond), (<-worst).Round(time.Millisecond))
}

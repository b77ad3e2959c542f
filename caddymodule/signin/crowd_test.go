package signin_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/idptest"
	"github.com/postern-gateway/postern/caddymodule/signin"
	"github.com/postern-gateway/postern/caddymodule/store"
)

// newCrowd makes a site whose store is a file, as in service, and a provider
// with n accounts.
func newCrowd(t testing.TB, n int) (*site, *idptest.Server) {
	t.Helper()
	accounts := make([]idptest.Account, n)
	for i := range accounts {
		name := fmt.Sprintf("user%d", i)
		accounts[i] = idptest.Account{Username: name, Password: "p", Sub: name, Email: name + "@acme.example", EmailVerified: true, Groups: []string{"partners"}}
	}
	idp := idptest.NewServer(idptest.Config{Accounts: accounts})
	t.Cleanup(idp.Close)
	st, err := store.Open(t.Context(), "sqlite://"+filepath.Join(t.TempDir(), "postern.db"), store.Options{SweepEvery: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	s := newSite(t, func(c *signin.Config) { c.Store = st }, provider("corp", idp.Issuer()))
	s.store = st
	register(idp, s, "corp")
	return s, idp
}

// signInAs goes the whole way of one person, with a browser of his own.
func (s *site) signInAs(t testing.TB, i int) error {
	b := newBrowser(t, true)
	b.Transport = crowdTransport
	name := fmt.Sprintf("user%d", i)
	p := b.fill(b.get(s.URL+"/wanted?n="+fmt.Sprint(i)), name, "p")
	if p.StatusCode != http.StatusOK || p.Request.URL.Path != "/wanted" || b.cookie(s.URL, "postern") == "" {
		return fmt.Errorf("%s: %s at %s: %.300s", name, p.Status, p.Request.URL, p.body)
	}
	return nil
}

var crowdTransport = &http.Transport{MaxIdleConnsPerHost: 64, MaxConnsPerHost: 128}

// TestCrowd: 500 people sign in at once, over real HTTP, through a provider and
// a store of one file, while the sweeper runs and the sessions are watched. Not
// one fails.
func TestCrowd(t *testing.T) {
	crowd := 500
	if testing.Short() {
		crowd = 50
	}
	s, _ := newCrowd(t, crowd)
	t.Cleanup(crowdTransport.CloseIdleConnections)
	start := make(chan struct{})
	errs := make(chan error, crowd)
	var wg sync.WaitGroup
	for i := range crowd {
		wg.Go(func() {
			<-start
			if err := s.signInAs(t, i); err != nil {
				errs <- err
			}
		})
	}
	began := time.Now()
	close(start)
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
	took := time.Since(began)
	if t.Failed() {
		for line := range strings.Lines(s.counts.logged()) {
			if strings.Contains(line, "sign-in failed") {
				t.Logf("such as: %s", line)
				break
			}
		}
	}
	t.Logf("%d sign-ins in %v, %.0f a second, the provider and %d browsers in the same process on %d processors",
		crowd, took.Round(time.Millisecond), float64(crowd)/took.Seconds(), crowd, runtime.GOMAXPROCS(0))
	if n, err := s.store.CountSessions(t.Context(), time.Now()); n != crowd || err != nil {
		t.Errorf("%d sessions, %v; want %d", n, err, crowd)
	}
	seen := 0
	if err := s.store.SeenClaims(t.Context(), time.Now(), func(store.ClaimsRecord) error { seen++; return nil }); seen != crowd || err != nil {
		t.Errorf("claims of %d people are kept, %v; want %d", seen, err, crowd)
	}
}

package gateway_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/gateway"
)

// streaming lets a test send a file bit by bit.
type streaming struct {
	header chan struct{} // closed when the answer has begun
	more   chan struct{} // one bit each,
	wrote  chan struct{} // once it is out
}

func newStreaming() *streaming {
	return &streaming{make(chan struct{}), make(chan struct{}), make(chan struct{})}
}

func (s *streaming) send() {
	s.more <- struct{}{}
	<-s.wrote
}

// next sends a bit at once and one for each that is asked for, until it may not
// or the test closes more.
func (s *streaming) next(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "image/png")
	w.WriteHeader(http.StatusOK)
	bit := []byte("\x89PNG\r\n\x1a\n" + strings.Repeat("x", 4096))
	_, err := w.Write(bit)
	close(s.header)
	for range s.more {
		if err == nil {
			_, err = w.Write(bit)
		}
		s.wrote <- struct{}{}
	}
	return err
}

// download runs a request for a file and tells whether it was cut.
func download(gw *gateway.Gateway, target string, s *streaming) (cut chan bool, sent *httptest.ResponseRecorder) {
	cut, sent = make(chan bool, 1), httptest.NewRecorder()
	go func() {
		defer func() {
			p := recover()
			if p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
			cut <- p != nil
		}()
		_ = gw.ServeHTTP(sent, httptest.NewRequest(http.MethodGet, "https://site.example"+target, nil), s.next)
	}()
	return cut, sent
}

// TestDownloadCut: a download under way ends when the policy comes to hide what
// is downloaded, or who downloads is out; what both policies show goes on.
func TestDownloadCut(t *testing.T) {
	t.Parallel()
	until := strings.Replace(policyA, "SECOND: {members: [{email_domain: acme.example}]}", "SECOND: {members: [{email_domain: acme.example, until: 2030-01-01}]}", 1)
	tests := []struct {
		name, begins, target string
		meanwhile            func(*reloading, *atomic.Int64)
		cut                  bool
	}{
		{"the space is withdrawn", policyA, "/file/30", func(r *reloading, _ *atomic.Int64) { r.load(policyB) }, true},
		{"another space is withdrawn", policyA, "/file/10", func(r *reloading, _ *atomic.Int64) { r.load(policyB) }, false},
		{"the viewer is suspended", policyA, "/file/10", func(r *reloading, _ *atomic.Int64) {
			r.load(policyA + "suspended: [{user: eva@acme.example}]\n")
		}, true},
		{"somebody else is suspended", policyA, "/file/10", func(r *reloading, _ *atomic.Int64) {
			r.load(policyA + "suspended: [{user: mal@acme.example}]\n")
		}, false},
		{"the URL is blocked", policyA, "/file/10", func(r *reloading, _ *atomic.Int64) {
			r.load(policyA + "urls: {block: [{match: \"/file/{rest...}\"}]}\n")
		}, true},
		{"a faulty policy", policyA, "/file/30", func(r *reloading, _ *atomic.Int64) {
			r.write("policy.yaml", "nonsense: true\n")
			_, _ = r.Reload(context.Background())
		}, false},
		{"the assignment ends", until, "/file/30", func(_ *reloading, now *atomic.Int64) {
			now.Store(time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC).UnixNano())
		}, true},
		{"time passes", until, "/file/30", func(_ *reloading, now *atomic.Int64) {
			now.Store(time.Date(2029, 12, 31, 23, 59, 59, 0, time.UTC).UnixNano())
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var now atomic.Int64
			now.Store(time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
			var last atomic.Pointer[gateway.Event]
			r := newReloading(t, func(c *gateway.Config) {
				c.Now = func() time.Time { return time.Unix(0, now.Load()) }
				c.Observe = func(e gateway.Event) { last.Store(&e) }
			})
			r.load(tt.begins)
			s := newStreaming()
			cut, sent := download(r.Gateway, tt.target, s)
			select {
			case <-s.header:
			case <-cut:
				t.Fatalf("not begun: %d %+v", sent.Code, last.Load())
			}
			s.send()
			before := sent.Body.Len()
			tt.meanwhile(r, &now)
			s.send()
			close(s.more)
			if got := <-cut; got != tt.cut {
				t.Errorf("cut: %v, want %v", got, tt.cut)
			}
			verdict := map[bool]string{true: "cut", false: "visible"}[tt.cut]
			if e := last.Load(); e.Verdict != verdict || tt.cut && e.Rule != "withdrawn" {
				t.Errorf("told as %+v, want %s", e, verdict)
			}
			if grown := sent.Body.Len() - before; tt.cut && grown > 0 {
				t.Errorf("%d bytes went out after the change", grown)
			}
		})
	}
}

// TestHeldAnswerWithdrawn: an answer that is held while the policy changes
// leaves only if its viewer may still ask for it.
func TestHeldAnswerWithdrawn(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ target, policy, want string }{
		{"/page/30", policyB, "404 "},
		{"/page/10", policyB, "200 "},
		{"/page/10", policyA + "suspended: [{user: eva@acme.example}]\n", "404 "},
		// The list that was asked for under the first policy is an answer of its.
		{"/api/pages?limit=10", policyB, `200 {"asked":"1|3","items":[{"id":"10","title":"Plan"},{"id":"30","title":"Title T"}]}`},
	} {
		r := newReloading(t)
		got := serveAt(t, r.Gateway, tt.target, func(w http.ResponseWriter, req *http.Request) error {
			r.load(tt.policy)
			return wiki(w, req)
		})
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: got %s\nwant %s", tt.target, got, tt.want)
		}
		if strings.Contains(got, "(B)") {
			t.Errorf("%s: two policies in one answer: %s", tt.target, got)
		}
	}
}

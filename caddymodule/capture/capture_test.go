package capture_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/capture"
)

func hold(int, http.Header) (capture.Mode, http.Header) { return capture.Hold, nil }

func pass(_ int, h http.Header) (capture.Mode, http.Header) {
	return capture.Pass, http.Header{"Content-Type": h["Content-Type"]}
}

// TestRun is the table of response semantics: what the upstream does, and what
// of it comes out in each state.
func TestRun(t *testing.T) {
	t.Parallel()
	type handler = func(http.ResponseWriter, *http.Request) error
	write := func(s string) handler {
		return func(w http.ResponseWriter, _ *http.Request) error { _, err := io.WriteString(w, s); return err }
	}
	tests := []struct {
		name     string
		method   string
		cfg      capture.Config
		serve    handler
		wantErr  error
		status   int
		held     string
		sent     string // what the client has got when Run returns
		sentHdr  string // "Name: value" that the client must have
		noHeader string // a header that must not have reached the client
	}{
		{name: "held body stays here", cfg: capture.Config{Decide: hold}, serve: write("secret"), status: 200, held: "secret"},
		{name: "status is kept", cfg: capture.Config{Decide: hold}, status: 302, serve: func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Location", "/x")
			w.WriteHeader(302)
			return nil
		}, noHeader: "Location"},
		{name: "1xx and its header are dropped", cfg: capture.Config{Decide: hold}, status: 200, held: "b", serve: func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Link", "</secret>; rel=preload")
			w.WriteHeader(103)
			_, err := io.WriteString(w, "b")
			return err
		}, noHeader: "Link"},
		{name: "trailers do not leave", cfg: capture.Config{Decide: pass}, status: 200, sent: "b", serve: func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Trailer", "X-Title")
			_, err := io.WriteString(w, "b")
			w.Header().Set(http.TrailerPrefix+"X-Title", "secret")
			return err
		}, noHeader: "X-Title"},
		{name: "switching protocols is refused", cfg: capture.Config{Decide: pass}, status: 101, wantErr: capture.ErrUpgrade, serve: func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(101)
			return nil
		}},
		{name: "hijack is refused", cfg: capture.Config{Decide: pass}, wantErr: capture.ErrUpgrade, serve: func(w http.ResponseWriter, _ *http.Request) error {
			_, _, err := http.NewResponseController(w).Hijack()
			if !errors.Is(err, capture.ErrUpgrade) {
				return errors.New("hijack was let through")
			}
			return nil
		}},
		{name: "over the cap", cfg: capture.Config{Decide: hold, Limit: 4}, serve: func(w http.ResponseWriter, _ *http.Request) error {
			if _, err := io.WriteString(w, "12345"); err == nil {
				return errors.New("the copier was not told to stop")
			}
			return nil
		}, status: 200, wantErr: capture.ErrTooLarge},
		{name: "exactly the cap", cfg: capture.Config{Decide: hold, Limit: 4}, serve: write("1234"), status: 200, held: "1234"},
		{name: "nothing written", cfg: capture.Config{Decide: hold}, serve: func(http.ResponseWriter, *http.Request) error { return nil }, wantErr: capture.ErrNothing},
		{name: "upstream dies while held", cfg: capture.Config{Decide: hold}, serve: func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = io.WriteString(w, "half")
			panic(http.ErrAbortHandler)
		}, status: 200, held: "half", wantErr: capture.ErrAborted},
		{name: "refused at the header", cfg: capture.Config{Decide: func(int, http.Header) (capture.Mode, http.Header) { return capture.Refuse, nil }}, serve: func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = io.WriteString(w, "x")
			return nil
		}, status: 200, wantErr: capture.ErrRefused},
		{name: "pass without a header refuses", cfg: capture.Config{Decide: func(int, http.Header) (capture.Mode, http.Header) { return capture.Pass, nil }}, serve: func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = io.WriteString(w, "x")
			return nil
		}, status: 200, wantErr: capture.ErrRefused},
		{name: "passing body and chosen header", cfg: capture.Config{Decide: pass}, status: 200, sent: "png", sentHdr: "Content-Type: image/png", noHeader: "Etag", serve: func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Type", "image/png")
			w.Header().Set("Etag", `"upstream"`)
			_, err := io.WriteString(w, "png")
			return err
		}},
		{name: "io.Copy can't go round Write", cfg: capture.Config{Decide: hold}, status: 200, held: "copied", serve: func(w http.ResponseWriter, _ *http.Request) error {
			_, err := io.Copy(w, strings.NewReader("copied"))
			return err
		}},
		{name: "flush while holding sends nothing", cfg: capture.Config{Decide: hold}, status: 200, held: "ab", serve: func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = io.WriteString(w, "a")
			if err := http.NewResponseController(w).Flush(); err != nil {
				return err
			}
			_, err := io.WriteString(w, "b")
			return err
		}},
		{name: "HEAD holds no body", method: "HEAD", cfg: capture.Config{Decide: hold}, serve: write("x"), status: 200},
		{name: "HEAD of what passes ends behind the first piece", method: "HEAD", cfg: capture.Config{Decide: pass, Head: true}, status: 200, sent: "first", sentHdr: "Content-Type: image/png", serve: func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Type", "image/png")
			if _, err := io.WriteString(w, "first"); err == nil {
				return errors.New("the copier was not told to stop")
			}
			panic(http.ErrAbortHandler) // what a proxy does then
		}},
		{name: "HEAD of what is held keeps the body", method: "GET", cfg: capture.Config{Decide: hold, Head: true}, status: 200, held: "body", serve: write("body")},
		{name: "HEAD of an empty file", cfg: capture.Config{Decide: pass, Head: true}, status: 200, serve: func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(200)
			return nil
		}},
		{name: "204", cfg: capture.Config{Decide: hold}, status: 204, serve: func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(204)
			return nil
		}},
		{name: "304", cfg: capture.Config{Decide: hold}, status: 304, noHeader: "Etag", serve: func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Etag", `"upstream"`)
			w.WriteHeader(304)
			return nil
		}},
		{name: "206 passes with the header chosen", cfg: capture.Config{Decide: pass}, status: 206, sent: "part", noHeader: "Content-Range", serve: func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Range", "bytes 0-3/9")
			w.WriteHeader(206)
			_, err := io.WriteString(w, "part")
			return err
		}},
		{name: "the first final status counts", cfg: capture.Config{Decide: hold}, status: 404, serve: func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(404)
			w.WriteHeader(200)
			return nil
		}},
		{name: "a flush of what passes goes through", cfg: capture.Config{Decide: pass}, status: 200, sent: "data: x", serve: func(w http.ResponseWriter, _ *http.Request) error {
			_, _ = io.WriteString(w, "data: x")
			return http.NewResponseController(w).Flush()
		}},
		{name: "there is no way past the writer", cfg: capture.Config{Decide: hold}, status: 200, held: "x", serve: func(w http.ResponseWriter, _ *http.Request) error {
			if _, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
				return errors.New("there is a way past the writer")
			}
			if _, ok := w.(io.ReaderFrom); ok {
				return errors.New("there is a way past Write")
			}
			_, err := io.WriteString(w, "x")
			return err
		}},
		{name: "a cut download ends", cfg: capture.Config{Decide: pass, Cut: func() bool { return true }}, serve: func(w http.ResponseWriter, _ *http.Request) error {
			w.Header().Set("Content-Type", "image/png")
			if _, err := io.WriteString(w, "x"); err == nil {
				return errors.New("went on")
			}
			return nil
		}, status: 200, wantErr: capture.ErrAborted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			method := tt.method
			if method == "" {
				method = "GET"
			}
			rec := httptest.NewRecorder()
			var held atomic.Int64
			tt.cfg.Held = &held
			out, err := capture.Run(rec, httptest.NewRequest(method, "/", nil), tt.cfg, tt.serve)
			if err != nil {
				t.Fatalf("serve: %v", err)
			}
			if !errors.Is(out.Err, tt.wantErr) {
				t.Errorf("Err = %v, want %v", out.Err, tt.wantErr)
			}
			if out.Status != tt.status {
				t.Errorf("Status = %d, want %d", out.Status, tt.status)
			}
			if got := string(out.Body); got != tt.held {
				t.Errorf("held %q, want %q", got, tt.held)
			}
			if held.Load() != int64(len(tt.held)) {
				t.Errorf("held gauge = %d, want %d", held.Load(), len(tt.held))
			}
			if got := rec.Body.String(); got != tt.sent {
				t.Errorf("client got %q, want %q", got, tt.sent)
			}
			if tt.noHeader != "" && rec.Result().Header.Get(tt.noHeader) != "" {
				t.Errorf("client got header %s: %s", tt.noHeader, rec.Result().Header.Get(tt.noHeader))
			}
			if name, value, ok := strings.Cut(tt.sentHdr, ": "); ok && rec.Header().Get(name) != value {
				t.Errorf("header %s = %q, want %q", name, rec.Header().Get(name), value)
			}
			out.Release()
			if held.Load() != 0 {
				t.Errorf("after Release the gauge is %d", held.Load())
			}
		})
	}
}

// TestRunPieces: a body is the same in whatever pieces it comes.
func TestRunPieces(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	body := strings.Repeat("0123456789abcdef", 5000)
	for name, piece := range map[string]func() int{
		"bytes":  func() int { return 1 },
		"random": func() int { return 1 + r.IntN(5000) },
		"whole":  func() int { return len(body) },
	} {
		for state, decide := range map[string]func(int, http.Header) (capture.Mode, http.Header){"hold": hold, "pass": pass} {
			rec := httptest.NewRecorder()
			out, err := capture.Run(rec, httptest.NewRequest("GET", "/", nil), capture.Config{Decide: decide}, func(w http.ResponseWriter, _ *http.Request) error {
				for rest := body; rest != ""; {
					n := min(len(rest), piece())
					if _, err := io.WriteString(w, rest[:n]); err != nil {
						return err
					}
					rest = rest[n:]
				}
				return nil
			})
			if err != nil || out.Err != nil {
				t.Fatalf("%s, %s: %v, %v", name, state, err, out.Err)
			}
			if got := string(out.Body) + rec.Body.String(); got != body || out.Passed != (state == "pass") {
				t.Errorf("%s, %s: %d bytes, want %d", name, state, len(got), len(body))
			}
			out.Release()
		}
	}
}

// TestRunPanics: a passing body that aborts must cut the connection, and a
// panic that is not net/http's own must never be swallowed.
func TestRunPanics(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		decide func(int, http.Header) (capture.Mode, http.Header)
		value  any
	}{
		"abort while passing": {pass, http.ErrAbortHandler},
		"foreign panic":       {hold, "boom"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var held atomic.Int64
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
				if held.Load() != 0 {
					t.Errorf("held gauge = %d after a panic", held.Load())
				}
			}()
			_, _ = capture.Run(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil), capture.Config{Decide: tt.decide, Held: &held}, func(w http.ResponseWriter, _ *http.Request) error {
				w.Header().Set("Content-Type", "image/png")
				_, _ = io.WriteString(w, "x")
				panic(tt.value)
			})
		})
	}
}

// TestDeadlinesReachTheConnection: without Unwrap, deadlines must still work.
func TestDeadlinesReachTheConnection(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, err := capture.Run(w, r, capture.Config{Decide: hold}, func(w http.ResponseWriter, _ *http.Request) error {
			rc := http.NewResponseController(w)
			if err := rc.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
				return err
			}
			if err := rc.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
				return err
			}
			_, err := io.WriteString(w, "ok")
			return err
		})
		if err != nil {
			http.Error(w, err.Error(), 500)
			return
		}
		_, _ = w.Write(out.Body)
		out.Release()
	}))
	defer srv.Close()
	resp, err := http.Get(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "ok" {
		t.Errorf("got %d %q", resp.StatusCode, b)
	}
}

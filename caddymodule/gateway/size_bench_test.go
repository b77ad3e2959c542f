package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/gateway"
)

// sized is the answer of a page of about n bytes: text, lists and links, one in
// ten of which leads to what is hidden.
func sized(n int) string {
	head, tail, _ := strings.Cut(wirePage, "<p>fine")
	var b strings.Builder
	b.WriteString(head)
	for i := 0; b.Len() < n; i++ {
		to := "/display/ACME/Plan"
		if i%10 == 9 {
			to = "/display/HR/Salaryx+Bands"
		}
		fmt.Fprintf(&b, "<h2 id=\"s%d\">Section %d</h2><p>Some <strong>ordinary</strong> text with a <a href=\"%s\">link</a> in it.</p><ul><li>one</li><li>two</li></ul>\n", i, i, to)
	}
	return b.String() + "<p>fine" + tail
}

// BenchmarkServe is one request without a wire, of pages of growing length.
func BenchmarkServe(b *testing.B) {
	gw := corpusGateway(b, "eva", "", "", func(gateway.Event) {})
	for _, n := range []int{10_000, 100_000, 1_000_000, 3_500_000} {
		page := sized(n)
		b.Run(fmt.Sprintf("%dKB", n/1000), func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			for b.Loop() {
				if w := served(gw, page); w.status != http.StatusOK {
					b.Fatal(w.status)
				}
			}
		})
	}
	if n := gw.Held.Load(); n != 0 {
		b.Errorf("%d bytes are held afterwards", n)
	}
}

// nothing takes an answer and counts it.
type nothing struct {
	header http.Header
	status int
	n      int
}

func (w *nothing) Header() http.Header         { return w.header }
func (w *nothing) WriteHeader(status int)      { w.status = status }
func (w *nothing) Write(p []byte) (int, error) { w.n += len(p); return len(p), nil }

// served sends one request for the page through the gateway, in the pieces in
// which a proxy copies.
func served(gw *gateway.Gateway, page string) *nothing {
	w := &nothing{header: http.Header{}}
	r := httptest.NewRequest(http.MethodGet, "https://site.example/display/ACME/Plan", nil)
	_ = gw.ServeHTTP(w, r, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "text/html;charset=UTF-8")
		for rest := page; rest != ""; {
			n := min(len(rest), 32<<10)
			if _, err := io.WriteString(w, rest[:n]); err != nil {
				return err //nolint:wrapcheck // the test's own
			}
			rest = rest[n:]
		}
		return nil
	})
	return w
}

// TestHeld: what is held of answers is counted while it is, up to the limit of
// each, and given back.
func TestHeld(t *testing.T) {
	gw := corpusGateway(t, "eva", "", "", func(gateway.Event) {})
	page := sized(300_000)
	var most int64
	r := httptest.NewRequest(http.MethodGet, "https://site.example/display/ACME/Plan", nil)
	w := &nothing{header: http.Header{}}
	err := gw.ServeHTTP(w, r, func(w http.ResponseWriter, _ *http.Request) error {
		w.Header().Set("Content-Type", "text/html;charset=UTF-8")
		_, err := io.WriteString(w, page)
		most = gw.Held.Load()
		return err //nolint:wrapcheck // the test's own
	})
	if err != nil || w.status != http.StatusOK || most != int64(len(page)) || gw.Held.Load() != 0 {
		t.Errorf("%d (%v): %d bytes held of %d, %d afterwards", w.status, err, most, len(page), gw.Held.Load())
	}
	if w := served(gw, page+strings.Repeat(" ", 32<<20)); w.status != http.StatusBadGateway || gw.Held.Load() != 0 {
		t.Errorf("over the limit: %d, and %d bytes held afterwards", w.status, gw.Held.Load())
	}
}

package mwtest

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// TestStart installs, fills and reads a wiki. With MWTEST_KEEP it stays up
// until the file named by it appears, for looking around by hand.
func TestStart(t *testing.T) {
	if testing.Short() {
		t.Skip("installs a wiki; left out by -short")
	}
	world := NewWorld(1, time.Now().Unix())
	began := time.Now()
	w, err := Start(t.Context(), Options{World: world})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	t.Logf("up after %s: %s, %d pages, %d acts", time.Since(began).Round(time.Millisecond), w.URL, len(world.Pages), len(world.acts))
	for _, p := range world.Pages {
		if p.Deleted || p.Redirect != "" || p.Space == "MediaWiki" {
			continue
		}
		res, err := http.Get(w.URL + "/wiki/" + url.PathEscape(strings.ReplaceAll(p.Title, " ", "_")))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		for _, s := range p.Shown {
			if !strings.Contains(strings.ToLower(string(body)), s) {
				t.Errorf("%s (%s): %q is not shown", p.Title, res.Status, s)
			}
		}
	}
	if stop := os.Getenv("MWTEST_KEEP"); stop != "" {
		os.WriteFile(stop+".url", []byte(w.URL+" "+w.Dir), 0o644)
		for {
			if _, err := os.Stat(stop); err == nil {
				return
			}
			time.Sleep(time.Second)
		}
	}
}

package e2e

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// browser finds Debian's browser.
func browser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if p, err := exec.LookPath(name); err == nil {
			return p
		}
	}
	t.Fatal("this test drives a browser, and there is none: apt-get install --no-install-recommends chromium")
	return ""
}

// traffic gathers the bodies of all responses that a tab gets.
type traffic struct {
	mu     sync.Mutex
	wg     sync.WaitGroup
	urls   map[network.RequestID]string
	bodies map[string][]byte
	seen   int
}

func (f *traffic) listen(ctx context.Context) error {
	f.urls, f.bodies = map[network.RequestID]string{}, map[string][]byte{}
	return chromedp.Listen(ctx, func(ev any) {
		switch ev := ev.(type) {
		case *network.EventResponseReceived:
			f.mu.Lock()
			f.urls[ev.RequestID] = ev.Response.URL
			f.seen++
			f.mu.Unlock()
		case *network.EventLoadingFinished:
			f.wg.Add(1)
			go func() {
				defer f.wg.Done()
				f.keep(ctx, ev.RequestID)
			}()
		}
	})
}

func (f *traffic) keep(ctx context.Context, id network.RequestID) {
	got, err := chromedp.Call(ctx, network.GetResponseBody, network.GetResponseBodyParams{RequestID: id})
	if err != nil {
		return // a redirect, or of a page that is gone by now
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bodies[f.urls[id]] = append(f.bodies[f.urls[id]], got.Body...)
}

// tab is the browser's one tab, with the test that it is driven for.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func (b tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
}

func ask[T any](b tab, a chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, a)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

const heading = chromedp.ID("firstHeading")

// TestBrowser signs in by clicking, reads pages, and looks at what the browser
// shows and at all that it was sent. The picture of the page goes to the folder
// named by POSTERN_ARTIFACTS, or the test's own.
func TestBrowser(t *testing.T) {
	s := theScene(t)
	bin := browser(t)
	alloc, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(bin), chromedp.UserDataDir(t.TempDir()), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.WindowSize(1280, 900))...)
	defer cancel()
	ctx, cancel := chromedp.NewContext(alloc)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	b := tab{t, ctx}
	b.do("opening a tab")
	var net traffic
	if err := net.listen(ctx); err != nil {
		t.Fatalf("listening to the browser: %v", err)
	}
	total, each := int64(64<<20), int64(16<<20)
	if _, err := chromedp.Call(ctx, network.Enable, network.EnableParams{MaxTotalBufferSize: &total, MaxResourceBufferSize: &each}); err != nil {
		t.Fatalf("watching the network: %v", err)
	}

	b.do("signing in", chromedp.Navigate(s.site+"/wiki/ACME_Portal:Home"),
		chromedp.WaitVisible(chromedp.ID("username")),
		chromedp.SendKeys(chromedp.ID("username"), s.me.Name),
		chromedp.SendKeys(chromedp.ID("password"), password),
		chromedp.Click(chromedp.CSS("button[type=submit]")),
		chromedp.WaitVisible(heading))
	html := chromedp.OuterHTML(chromedp.CSS("html"))
	where, page := ask(b, chromedp.Location()), ask(b, html)
	if where != s.site+"/wiki/ACME_Portal:Home" {
		t.Errorf("after signing in the browser is at %s", where)
	}
	pages := map[string]string{where: page}
	for _, w := range s.world.Page("ACME Portal:Home").Shown {
		if !strings.Contains(strings.ToLower(page), w) {
			t.Errorf("the page does not show %q", w)
		}
	}
	// On through a link, and to lists whose pages are full of scripts.
	b.do("following a link", chromedp.Click(chromedp.CSS(".mw-parser-output li a")), chromedp.Sleep(time.Second), chromedp.WaitVisible(heading))
	pages[ask(b, chromedp.Location())] = ask(b, html)
	for _, p := range []string{
		"/wiki/Special:RecentChanges?limit=50&days=30", "/w/index.php?title=Special:Search&profile=all&fulltext=1&search=" + s.world.Common[0],
		"/w/index.php?title=ACME_Portal:Home&action=history",
	} {
		b.do(p, chromedp.Navigate(s.site+p), chromedp.WaitVisible(heading), chromedp.Sleep(2*time.Second))
		pages[p] = ask(b, html)
		if text := ask(b, chromedp.Text(chromedp.CSS("body"))); !strings.Contains(text, "ACME Portal:") {
			t.Errorf("%s shows no visible page:\n%s", p, text)
		}
	}
	b.do("going back to the page", chromedp.Navigate(s.site+"/wiki/ACME_Portal:Home"), chromedp.WaitVisible(heading), chromedp.Sleep(time.Second))
	shot := ask(b, chromedp.CaptureScreenshot())
	dir := os.Getenv("POSTERN_ARTIFACTS")
	if dir == "" {
		dir = t.ArtifactDir()
	}
	file := filepath.Join(dir, "acme-home.png")
	if err := os.WriteFile(file, shot, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Logf("picture: %s (%d bytes)", file, len(shot))

	done := make(chan struct{})
	go func() { net.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
	}
	for at, dom := range pages {
		for _, l := range s.scan.Scan([]byte(dom), at) {
			t.Errorf("LEAK in the document at %s: %s", at, l)
		}
	}
	net.mu.Lock()
	defer net.mu.Unlock()
	t.Logf("%d responses, %d with bodies", net.seen, len(net.bodies))
	if len(net.bodies) < 5 {
		t.Errorf("only %d responses were seen", len(net.bodies))
	}
	for at, body := range net.bodies {
		for _, l := range s.scan.Scan(body, at) {
			t.Errorf("LEAK in the response of %s: %s", at, l)
		}
	}
}

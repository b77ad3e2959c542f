package watch_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/watch"
)

const settle = 20 * time.Millisecond

// watching runs a watcher and gives the channel of what it tells.
func watching(t *testing.T, c watch.Config) (changes chan struct{}) {
	t.Helper()
	changes = make(chan struct{}, 100)
	c.OnChange = func(context.Context) { changes <- struct{}{} }
	if c.Settle == 0 {
		c.Settle = settle
	}
	if c.Poll == 0 {
		c.Poll = time.Hour // events alone
	}
	w := watch.New(c)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Error("the watcher did not end with its context")
		}
	})
	return changes
}

func want(t *testing.T, changes chan struct{}, what string) {
	t.Helper()
	select {
	case <-changes:
	case <-time.After(10 * time.Second):
		t.Fatalf("%s: not told", what)
	}
}

func quiet(t *testing.T, changes chan struct{}, what string) {
	t.Helper()
	select {
	case <-changes:
		t.Fatalf("%s: told of a change", what)
	case <-time.After(15 * settle):
	}
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// started waits until the watcher surely follows its folders, since a change
// made before that is found by a look and not by an event. It makes one change:
// a second might come while the first is being told.
func started(t *testing.T, changes chan struct{}, file string) {
	t.Helper()
	write(t, file, "start")
	want(t, changes, "the start")
	quiet(t, changes, "after the start")
}

// TestChanges goes through what editors, deployments and people do to files.
func TestChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	write(t, file, "one")
	changes := watching(t, watch.Config{Globs: []string{filepath.Join(dir, "*.yaml")}})
	started(t, changes, file)

	write(t, file, "written in place")
	want(t, changes, "write")

	tmp := filepath.Join(dir, ".a.yaml.swp")
	write(t, tmp, "renamed over")
	must(t, os.Rename(tmp, file))
	want(t, changes, "rename over")
	quiet(t, changes, "rename over")

	must(t, os.Remove(file))
	want(t, changes, "delete")
	write(t, file, "renamed over")
	want(t, changes, "recreate")

	fresh := filepath.Join(dir, "b.yaml")
	write(t, fresh, "new")
	want(t, changes, "new file")
	must(t, os.Rename(fresh, filepath.Join(dir, "b.off")))
	want(t, changes, "renamed away")

	now := time.Now().Add(time.Hour)
	must(t, os.Chtimes(file, now, now))
	must(t, os.Chmod(file, 0o400))
	write(t, filepath.Join(dir, "notes.txt"), "none of ours")
	quiet(t, changes, "touch, chmod and a neighbour")
}

// TestBurst: many writes are one change, whole.
func TestBurst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	write(t, file, "one")
	changes := watching(t, watch.Config{Globs: []string{file}, Settle: 100 * time.Millisecond})
	started(t, changes, file)
	for i := range 60 {
		write(t, file, strings.Repeat("line\n", i))
		write(t, filepath.Join(dir, fmt.Sprint("other", i)), "x")
	}
	want(t, changes, "burst")
	select {
	case <-changes:
		t.Error("a burst was told twice")
	case <-time.After(500 * time.Millisecond):
	}
}

// TestNeverStill: a folder in which something always happens holds up nobody.
func TestNeverStill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	write(t, file, "one")
	changes := watching(t, watch.Config{Globs: []string{file}})
	started(t, changes, file)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				_ = os.WriteFile(filepath.Join(dir, "log"), []byte(fmt.Sprint(i)), 0o600)
			}
		}
	}()
	write(t, file, "two")
	want(t, changes, "a change in a busy folder")
	close(stop)
	<-done
}

// TestConfigMap swaps a link as Kubernetes does when a ConfigMap changes.
func TestConfigMap(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	version := func(name, text string) {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o700))
		write(t, filepath.Join(dir, name, "a.yaml"), text)
		must(t, os.Symlink(name, filepath.Join(dir, "..data_tmp")))
		must(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	version("..2026_01", "one")
	must(t, os.Symlink(filepath.Join("..data", "a.yaml"), filepath.Join(dir, "a.yaml")))
	changes := watching(t, watch.Config{Globs: []string{filepath.Join(dir, "*.yaml")}})
	started(t, changes, filepath.Join(dir, "..2026_01", "a.yaml"))
	version("..2026_02", "two")
	want(t, changes, "swap of ..data")
	must(t, os.RemoveAll(filepath.Join(dir, "..2026_01")))
	quiet(t, changes, "the old version's end")
	version("..2026_03", "three")
	want(t, changes, "second swap of ..data")
}

// TestFolders: folders come and go, deep ones too.
func TestFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := filepath.Join(dir, "first.yaml")
	write(t, first, "one")
	changes := watching(t, watch.Config{Globs: []string{first, filepath.Join(dir, "rules", "**", "*.yaml")}})
	started(t, changes, first)
	deep := filepath.Join(dir, "rules", "partners", "acme")
	must(t, os.MkdirAll(deep, 0o700))
	write(t, filepath.Join(deep, "a.yaml"), "one")
	want(t, changes, "new folders")
	time.Sleep(5 * settle) // for the new folders to be followed; the poll is off
	write(t, filepath.Join(deep, "a.yaml"), "two")
	want(t, changes, "a change below them")
	must(t, os.RemoveAll(filepath.Join(dir, "rules")))
	want(t, changes, "folders removed")
}

// TestAlso: what the files refer to is watched, and asked for again when they
// change.
func TestAlso(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	file, extra := filepath.Join(dir, "a.yaml"), filepath.Join(other, "test.yaml")
	write(t, file, extra)
	write(t, extra, "one")
	var asked atomic.Int32
	changes := watching(t, watch.Config{Globs: []string{file}, Also: func() []string {
		asked.Add(1)
		name, _ := os.ReadFile(file)
		return []string{string(name)}
	}})
	time.Sleep(5 * settle)
	write(t, extra, "two")
	want(t, changes, "a referred file")
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times for files that only one version refers to", n)
	}
	next := filepath.Join(other, "next.yaml")
	write(t, file, next)
	want(t, changes, "another reference")
	write(t, next, "one") // it was not there before
	want(t, changes, "the newly referred file")
}

// TestLinks: a link is swapped anywhere on the way to the file.
func TestLinks(t *testing.T) {
	t.Parallel()
	one, two, at := t.TempDir(), t.TempDir(), t.TempDir()
	write(t, filepath.Join(one, "a.yaml"), "one")
	write(t, filepath.Join(two, "a.yaml"), "two")
	folder, chain := filepath.Join(at, "folder"), filepath.Join(at, "chain")
	must(t, os.Symlink(one, folder))
	must(t, os.Symlink(folder, chain))
	changes := watching(t, watch.Config{Globs: []string{filepath.Join(chain, "*.yaml")}})
	started(t, changes, filepath.Join(one, "a.yaml"))
	must(t, os.Remove(folder))
	must(t, os.Symlink(two, folder))
	want(t, changes, "a swap in the middle of a chain")
	write(t, filepath.Join(one, "a.yaml"), "nobody's now")
	quiet(t, changes, "what was linked to before")
	write(t, filepath.Join(two, "a.yaml"), "three")
	want(t, changes, "a write behind the new link")
}

// TestFolder: a folder's name stands for what is in it.
func TestFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	write(t, file, "one")
	changes := watching(t, watch.Config{Globs: []string{dir}})
	started(t, changes, file)
	write(t, filepath.Join(dir, "b.yaml"), "new")
	want(t, changes, "a new file")
}

// TestPoll: without events a change is found all the same.
func TestPoll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	write(t, file, "one")
	changes := watching(t, watch.Config{Globs: []string{file}, Poll: 5 * settle, Settle: settle, NoEvents: true})
	write(t, file, "two")
	want(t, changes, "a write")
	write(t, file, "six")
	want(t, changes, "another of the same size")
}

// TestNoLeak: watchers leave nothing behind.
func TestNoLeak(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a.yaml"), "one")
	before := runtime.NumGoroutine()
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		w := watch.New(watch.Config{Globs: []string{filepath.Join(dir, "*.yaml")}, OnChange: func(context.Context) {}})
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.Run(ctx)
		}()
		cancel()
		<-done
	}
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before+2 {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

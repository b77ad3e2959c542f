// Package watch tells when files change: those that globs match, new ones
// included, and others that belong to them. It knows nothing of what the files
// say.
//
// The folders that hold the files are watched with fsnotify, never the files
// themselves: an editor that renames over a file, and a symbolic link that is
// swapped (Kubernetes does so with a ConfigMap's ..data), leave a watched inode
// behind. What counts is what the files hold, compared by digest, so that a
// touch, a chmod or a neighbour's change is none of ours. Beside the events
// there is a slow poll, since network file systems send none.
//
// A change is told once it has settled: no event for a moment, and the same
// digest twice in a row. A file that is half written is read by nobody.
//
// Start reading at New, then Watcher.Run.
package watch

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Config is what to watch and whom to tell.
type Config struct {
	// Globs are patterns of files; ** crosses folders, and a folder stands for
	// the files in it.
	Globs []string
	// Also lists further files, or globs of them, that those which the globs
	// match refer to. It is asked when what they hold has changed; nil: none.
	Also func() []string
	// OnChange is called after each change, one call at a time, in Run.
	OnChange func(context.Context)
	// Settle is how long nothing may happen before a change counts as whole;
	// 0: 200 ms. Where something always happens, files are looked at every ten
	// times that.
	Settle time.Duration
	// Poll is the time between two looks without an event; 0: 10 s.
	Poll time.Duration
	// NoEvents polls only, as for network file systems.
	NoEvents bool
	Log      *slog.Logger
}

// Watcher watches files. New makes one.
type Watcher struct {
	c     Config
	files reader
	known digest
	// followed are the folders watched, as they were then: a path may come to
	// lead to another one.
	followed map[string]fs.FileInfo
	told     bool // of a watch that failed
}

// New looks at the files as they are: Run tells of every change from now on.
func New(c Config) *Watcher {
	if c.Settle <= 0 {
		c.Settle = 200 * time.Millisecond
	}
	if c.Poll <= 0 {
		c.Poll = 10 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	w := &Watcher{c: c, files: reader{globs: c.Globs, also: c.Also}, followed: map[string]fs.FileInfo{}}
	w.known = w.files.digest()
	return w
}

// Run watches until ctx ends. Where the system gives no events it polls.
func (w *Watcher) Run(ctx context.Context) {
	if w.c.NoEvents {
		w.poll(ctx)
		return
	}
	events, err := fsnotify.NewBufferedWatcher(64)
	if err != nil {
		w.c.Log.WarnContext(ctx, "files can't be watched; they are polled", "error", err, "every", w.c.Poll)
		w.poll(ctx)
		return
	}
	defer events.Close()
	tick := time.NewTicker(w.c.Poll)
	defer tick.Stop()
	for {
		if w.follow(ctx, events) {
			w.look(ctx) // something may have come in before it was followed
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-events.Events:
			w.quiet(ctx, events)
		case <-events.Errors: // an overflow: something happened
			w.quiet(ctx, events)
		}
		w.look(ctx)
	}
}

func (w *Watcher) poll(ctx context.Context) {
	tick := time.NewTicker(w.c.Poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			w.look(ctx)
		}
	}
}

// quiet waits until nothing has happened for a while, though not for ever.
func (w *Watcher) quiet(ctx context.Context, events *fsnotify.Watcher) {
	enough := time.NewTimer(10 * w.c.Settle)
	defer enough.Stop()
	still := time.NewTimer(w.c.Settle)
	defer still.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-enough.C:
			return
		case <-still.C:
			return
		case <-events.Events:
		case <-events.Errors:
		}
		still.Reset(w.c.Settle)
	}
}

// look compares the files with what is known of them, and tells of a change
// that is whole. One that goes on being made is left to the next look.
func (w *Watcher) look(ctx context.Context) {
	now := w.files.digest()
	for range 10 {
		if now == w.known || ctx.Err() != nil {
			return
		}
		if !pause(ctx, w.c.Settle/2) {
			return
		}
		again := w.files.digest()
		if again == now {
			w.known = now
			w.c.OnChange(ctx)
			return
		}
		now = again
	}
}

func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// follow watches the folders in which the files are now, and no others. It
// reports whether one is new.
func (w *Watcher) follow(ctx context.Context, events *fsnotify.Watcher) (added bool) {
	want := w.files.folders()
	for _, dir := range events.WatchList() {
		if want[dir] != nil && w.followed[dir] != nil && os.SameFile(want[dir], w.followed[dir]) {
			delete(want, dir)
			continue
		}
		_ = events.Remove(dir) // it may be gone already, or another now stand in its place
		delete(w.followed, dir)
	}
	for dir, info := range want {
		if err := events.Add(dir); err != nil {
			if !w.told {
				w.told = true
				w.c.Log.WarnContext(ctx, "a folder can't be watched; its files are polled", "folder", dir, "error", err, "every", w.c.Poll)
			}
			continue
		}
		w.followed[dir], added = info, true
	}
	return added
}

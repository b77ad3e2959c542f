package caddymodule

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/caddymodule/watch"
	"github.com/postern-gateway/postern/rules"
)

// reloads is what reloads have to remember of the directory file.
type reloads struct {
	mu    sync.Mutex // one reload at a time
	sum   [sha256.Size]byte
	fault atomic.Pointer[string] // empty: none
}

// watchFiles begins to watch the rule files, what they refer to, and the
// directory file.
func (a *App) watchFiles() {
	a.watcher = watch.New(watch.Config{
		Globs: a.Rules,
		Also: func() []string {
			var also []string
			if files, err := rules.ReadFiles(a.Rules...); err == nil {
				also = rules.RelatedFiles(files)
			}
			if a.Wiki.Directory != "" {
				also = append(also, a.Wiki.Directory)
			}
			return also
		},
		OnChange: func(ctx context.Context) {
			_, _ = a.reload(ctx) // logged, counted and kept for the status
		},
		Log: a.log,
	})
}

// reload reads the directory file, the keys that sign, and the rule files again. Each is kept as it
// was where the new one is faulty.
func (a *App) reload(ctx context.Context) (gateway.Reloaded, error) {
	a.reloads.mu.Lock()
	defer a.reloads.mu.Unlock()
	fault := errors.Join(a.reseed(ctx), a.rekey(ctx))
	got, err := a.gateway.Reload(ctx)
	if err == nil && got.Result == gateway.ReloadSuccess && a.rp != nil {
		a.rp.Relink() // who a person is in the wiki is the policy's to say
	}
	return got, errors.Join(fault, err)
}

// reseed reads the directory file again if it has changed.
func (a *App) reseed(ctx context.Context) error {
	if a.Wiki.Directory == "" {
		return nil
	}
	err := a.reloads.reseed(a.Wiki.Directory, a.dir)
	fault := ""
	if err != nil {
		err = fmt.Errorf("directory file: %w", err)
		fault = err.Error()
		a.log.ErrorContext(ctx, "directory file refused; what was known stays", "error", err)
	}
	a.reloads.fault.Store(&fault)
	return err
}

func (r *reloads) reseed(name string, dir *directory.Directory) error {
	f, err := os.Open(name)
	if err != nil {
		return err //nolint:wrapcheck // names the file
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	_ = f.Close() // read only
	if err != nil || [sha256.Size]byte(h.Sum(nil)) == r.sum {
		return err //nolint:wrapcheck // names the file
	}
	seed, sum, err := sumDirectory(name)
	if err != nil {
		return err
	}
	if err := dir.Reseed(seed); err != nil {
		return err //nolint:wrapcheck // says what failed
	}
	r.sum = sum
	return nil
}

// directoryFault says what was wrong with the directory file when it was read
// last, if anything was.
func (r *reloads) directoryFault() string {
	if fault := r.fault.Load(); fault != nil {
		return *fault
	}
	return ""
}

// sumDirectory reads a directory file, with the digest of what it read.
func sumDirectory(name string) (d rules.Directory, sum [sha256.Size]byte, err error) {
	f, err := os.Open(name)
	if err != nil {
		return d, sum, fmt.Errorf("opening the directory file: %w", err)
	}
	defer f.Close()
	h := sha256.New()
	if d, err = directory.ReadSnapshot(io.TeeReader(f, h)); err != nil {
		return d, sum, fmt.Errorf("reading the directory file %s: %w", name, err)
	}
	return d, [sha256.Size]byte(h.Sum(nil)), nil
}

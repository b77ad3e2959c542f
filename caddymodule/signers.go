package caddymodule

import (
	"context"
	"errors"
	"fmt"

	"github.com/postern-gateway/postern/caddymodule/gateway"
	"github.com/postern-gateway/postern/caddymodule/watch"
)

// signer is a file with a private key, and what signs by it.
type signer struct {
	file   string
	tokens *gateway.UserTokens
}

// watchKeys reads the keys that sign names again when their files change, until
// ctx ends. It looks at them once before, as they may have changed since the
// configuration was read.
func (a *App) watchKeys(ctx context.Context) {
	if len(a.signers) == 0 {
		return
	}
	var files []string
	for _, s := range a.signers {
		files = append(files, s.file)
	}
	w := watch.New(watch.Config{Globs: files, OnChange: func(ctx context.Context) { _ = a.rekey(ctx) }, Log: a.log})
	_ = a.rekey(ctx) // logged
	w.Run(ctx)
}

// rekey reads the keys again. One that can't be read leaves the last one in
// force.
func (a *App) rekey(ctx context.Context) error {
	var errs []error
	for _, s := range a.signers {
		key, err := readPrivateKey(s.file)
		if err == nil {
			var other bool
			if other, err = s.tokens.Rekey(key); other {
				a.log.InfoContext(ctx, "another key signs the names of users from now on", "file", s.file)
			}
		}
		if err != nil {
			a.log.ErrorContext(ctx, "key refused; the last one goes on signing the names of users", "file", s.file, "error", err)
			errs = append(errs, fmt.Errorf("key of upstream_identity: %w", err))
		}
	}
	return errors.Join(errs...)
}

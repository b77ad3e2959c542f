package directory

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/postern-gateway/postern/caddymodule/upstream"
	"github.com/postern-gateway/postern/rules"
)

// Lookup labels a count of looked-up spellings: of which kind, and with which
// result (found, absent, unknown, error).
type Lookup struct {
	Kind   rules.EntityKind
	Result string
}

// Stats are the numbers behind the directory's metrics.
type Stats struct {
	Generation                              uint64
	Users, Groups, Spaces, Content, Aliases int
	LastSync                                time.Time         // zero: never
	Syncs                                   uint64            // that succeeded
	SyncErrors                              map[string]uint64 // by reason: status, malformed, limit, foreign, timeout, empty, other
	Lookups                                 map[Lookup]uint64
}

func newStats() Stats {
	return Stats{SyncErrors: map[string]uint64{}, Lookups: map[Lookup]uint64{}}
}

// Stats gives the numbers as they are now; the maps are copies.
func (d *Directory) Stats() Stats {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.stats
	s.SyncErrors, s.Lookups = maps.Clone(s.SyncErrors), maps.Clone(s.Lookups)
	g := d.current.Load()
	s.Generation = g.number
	s.Users, s.Groups, s.Spaces, s.Content, s.Aliases = len(g.users), len(g.groups), len(g.spaces), len(g.contents), g.aliases
	return s
}

// reason puts an error of a sync into a closed set.
func reason(err error) string {
	switch {
	case errors.Is(err, upstream.ErrStatus):
		return "status"
	case errors.Is(err, upstream.ErrMalformed):
		return "malformed"
	case errors.Is(err, upstream.ErrLimit):
		return "limit"
	case errors.Is(err, upstream.ErrForeign):
		return "foreign"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, ErrEmptySync):
		return "empty"
	}
	return "other"
}

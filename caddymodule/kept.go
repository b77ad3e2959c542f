package caddymodule

import (
	"context"
	"slices"
	"time"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/signin"
	"github.com/postern-gateway/postern/caddymodule/store"
	"github.com/postern-gateway/postern/rules"
)

const (
	// keptSoon is how long sign-ins are gathered before what they said of
	// groups is put in force for others' views: each change binds the policy
	// anew.
	keptSoon = 10 * time.Second
	// keptEvery is when claims that have become too old go at the latest, and
	// what other replicas have seen comes.
	keptEvery = 10 * time.Minute
)

// claimsStore is the store as sign-in sees it: it says when claims came.
type claimsStore struct {
	*store.Store
	came chan<- struct{}
}

// RememberClaims implements signin.Store.
func (s claimsStore) RememberClaims(ctx context.Context, r signin.ClaimsRecord) error {
	err := s.Store.RememberClaims(ctx, r)
	tell(s.came)
	return err //nolint:wrapcheck // transparent
}

func tell(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// onNewBase tells of generations that a sync has made anew, in which more people
// may be known, or fewer; not those that a look-up has added to.
func onNewBase(came chan<- struct{}) func(rules.Facts) {
	var last uint64
	return func(f rules.Facts) {
		if g, ok := f.(interface{ Base() uint64 }); ok && g.Base() != last {
			last = g.Base()
			tell(came)
		}
	}
}

// keepClaims feeds the groups that people were in when they last signed in to
// the directory, for others' views (never for their own: see
// rules.Linker and rules.Engine), until ctx ends.
func (a *App) keepClaims(ctx context.Context, st *store.Store, dir *directory.Directory, came <-chan struct{}) {
	every := time.NewTicker(keptEvery)
	defer every.Stop()
	for {
		kept, linked, err := keptGroups(ctx, st, a.linker(dir), time.Now())
		if err == nil {
			dir.Keep(kept)
			a.links.taken.Store(&linked)
		} else if ctx.Err() == nil {
			a.log.Error("claims seen at sign-in not read; others' views stay as they are", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		case <-came:
			select {
			case <-ctx.Done():
				return
			case <-time.After(keptSoon):
			}
		}
	}
}

// keptGroups gives the groups, written PROVIDER/NAME, of every user of the wiki
// whom link knows a person of the kept claims to be, and names all of these.
func keptGroups(ctx context.Context, st *store.Store, link func(string, signin.Identity) string, now time.Time) (kept map[string][]string, linked map[string]struct{}, err error) {
	kept, linked = map[string][]string{}, map[string]struct{}{}
	err = st.SeenClaims(ctx, now, func(r store.ClaimsRecord) error {
		id, err := signin.ReadClaims(r)
		if err != nil {
			return nil // unreadable is unknown
		}
		user := link(r.Provider, id)
		if user == "" {
			return nil
		}
		linked[user] = struct{}{}
		for _, g := range id.Groups {
			kept[user] = append(kept[user], r.Provider+"/"+g)
		}
		return nil
	})
	for user, groups := range kept {
		slices.Sort(groups)
		kept[user] = slices.Compact(groups)
	}
	return kept, linked, err //nolint:wrapcheck // the store names the operation
}

var _ signin.Store = claimsStore{}

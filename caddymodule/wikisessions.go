package caddymodule

import (
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"

	"github.com/postern-gateway/postern/caddymodule/wikisession"
	"github.com/postern-gateway/postern/rules"
)

// wikiSessions are shared by the configurations of one site, as stores are.
var wikiSessions = caddy.NewUsagePool()

type pooledKeeper struct{ *wikisession.Keeper }

// Destruct signs everybody out with the wiki.
func (k pooledKeeper) Destruct() error {
	k.Close()
	return nil
}

func (a *App) wikiSessionsKey() string { return a.site.String() + " " + a.wiki.String() }

// keepWikiSessions joins those who keep viewers' sessions with the wiki, if a
// kind of viewer is known to it by one.
func (a *App) keepWikiSessions() error {
	if !a.passesThrough() {
		return nil
	}
	if len(a.providers) == 0 {
		return errors.New("upstream_identity passthrough: wants a provider, since sessions with the wiki go with sessions here")
	}
	got, _, err := wikiSessions.LoadOrNew(a.wikiSessionsKey(), func() (caddy.Destructor, error) {
		return pooledKeeper{wikisession.New(wikisession.Config{Base: a.wiki, Site: a.site.String(), Log: a.log})}, nil
	})
	if err != nil {
		return fmt.Errorf("keeping sessions with the wiki: %w", err)
	}
	a.wikiSessions = got.(pooledKeeper).Join()
	return nil
}

func (a *App) passesThrough() bool {
	for _, id := range a.identity {
		if id.Kind == rules.IdentityPassthrough {
			return true
		}
	}
	return false
}

func (a *App) leaveWikiSessions() {
	if a.wikiSessions == nil {
		return
	}
	a.wikiSessions.Leave()
	_, _ = wikiSessions.Delete(a.wikiSessionsKey()) // Destruct does not fail
}

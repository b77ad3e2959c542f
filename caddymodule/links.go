package caddymodule

import (
	"errors"
	"sync/atomic"

	"github.com/postern-gateway/postern/caddymodule/directory"
	"github.com/postern-gateway/postern/caddymodule/signin"
	"github.com/postern-gateway/postern/rules"
)

// links is what is known of who is whom in the wiki.
type links struct {
	index rules.Linker
	taken atomic.Pointer[map[string]struct{}] // users of the wiki whom people are who have signed in; nil: not known yet
}

// linker says which wiki user a person is: the one that bears his identity, or
// that his name names at a provider trusted to say who is internal, or that has
// his verified address in a domain that the provider is trusted for.
func (a *App) linker(dir *directory.Directory) func(string, signin.Identity) string {
	return func(provider string, id signin.Identity) string {
		who := rules.Viewer{Provider: provider, Subject: id.Subject, Email: id.Email, EmailVerified: id.EmailVerified}
		user, _ := a.links.index.User(a.currentPolicy(), dir.Facts(), who, id.Username)
		return user
	}
}

// currentPolicy is the policy as it was last loaded.
func (a *App) currentPolicy() *rules.Policy {
	select {
	case <-a.ready:
		return a.gateway.Policy()
	default:
		return a.policy
	}
}

// admit keeps people out whom the wiki has deactivated (G23), and those who come
// by an address that is another's here (G27).
func (a *App) admit(dir *directory.Directory) func(rules.Viewer) error {
	return func(v rules.Viewer) error {
		facts := dir.Facts()
		if v.WikiUser == "" {
			return a.uncontested(facts, v)
		}
		id, ok := facts.FindUser(rules.UserName, v.WikiUser)
		if ok && facts.Users()[id].Active != nil && !*facts.Users()[id].Active {
			return errors.New("the wiki has deactivated this user")
		}
		return nil
	}
}

// uncontested refuses the second of two identities that say by a verified
// address to be one user of the wiki, unless its provider is trusted to say so
// (then it is linked). The first is one that the user's record bears, or that
// has signed in and was linked, for as long as claims are kept. An address
// that nobody else came by refuses nobody: it merely does not link him.
func (a *App) uncontested(facts rules.Facts, v rules.Viewer) error {
	user, taken := a.currentPolicy().Contested(facts, v)
	if linked := a.links.taken.Load(); !taken && user != "" && linked != nil {
		_, taken = (*linked)[user]
	}
	if !taken {
		return nil
	}
	a.log.Warn("sign-in refused: another identity is linked to the wiki user of this address already, and the provider is not trusted for the address's domain; name the domain at the provider in the policy if it is",
		"provider", v.Provider, "subject", v.Subject, "wiki_user", user)
	return errors.New("another identity is linked to this wiki user")
}

// Package wikisession keeps the sessions that viewers have with the wiki
// itself, where it is to know them by one (upstream identity passthrough). The
// wiki's cookies are held here, beside the viewer's own session, and go nowhere
// but to the wiki: a client neither gets them nor can bring any.
//
// A session is bound to the user that the viewer is linked to: the wiki is asked
// whom it takes the cookies for when they are new, whenever they changed, and
// every few minutes. One that it takes for somebody else ends.
//
// Nothing is written down: after a restart viewers sign in with the wiki anew.
//
// Start reading at Member.Open.
package wikisession

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/postern-gateway/postern/caddymodule/upstream"
	"github.com/postern-gateway/postern/rules"
)

// The errors of Open and SignIn, apart from those of asking the wiki.
var (
	// ErrNone: the viewer has no session with the wiki, or it is over.
	ErrNone = errors.New("no session with the wiki")
	// ErrRefused: the wiki did not take name and password.
	ErrRefused = errors.New("the wiki does not take them")
	// ErrOther: the wiki takes the session for somebody else's. It is over.
	ErrOther = errors.New("the wiki takes the session for somebody else's")
)

// Config says which wiki.
type Config struct {
	Base *url.URL // as the gateway reaches it
	Site string   // Postern's own address
	HTTP *http.Client
	// Recheck is how often the wiki is asked whom it takes a session for;
	// default 5 minutes.
	Recheck time.Duration
	// Most is how many sessions are held; over it the one that was not used for
	// the longest ends. Default 50,000.
	Most int
	Log  *slog.Logger
	Now  func() time.Time
}

// Keeper holds sessions, by the id of Postern's own. It may be used by several
// goroutines.
type Keeper struct {
	conf   Config
	client *upstream.Client

	mu   sync.Mutex
	held *simplelru.LRU[string, *Session]

	ending sync.WaitGroup
}

// timeout bounds each question to the wiki.
const timeout = 10 * time.Second

// New makes a Keeper.
func New(conf Config) *Keeper {
	if conf.Recheck <= 0 {
		conf.Recheck = 5 * time.Minute
	}
	if conf.Most <= 0 {
		conf.Most = 50_000
	}
	if conf.Log == nil {
		conf.Log = slog.New(slog.DiscardHandler)
	}
	if conf.Now == nil {
		conf.Now = time.Now
	}
	k := &Keeper{conf: conf, client: upstream.New(upstream.Config{
		Base: conf.Base, HTTP: conf.HTTP, RatePerSecond: 1000, Log: conf.Log, Limits: upstream.Limits{Timeout: timeout, Attempts: 1, Bytes: 1 << 20},
	})}
	k.held, _ = simplelru.NewLRU(conf.Most, func(_ string, s *Session) { // fails on a size below one only
		k.end(s)
	})
	return k
}

// Session is one viewer's session with the wiki.
type Session struct {
	keeper  *Keeper
	user    string
	profile *rules.Profile

	check   sync.Mutex // one question at a time
	mu      sync.Mutex
	cookies upstream.Cookies
	checked time.Time // when the wiki said last whose it is; zero: it is to be asked
	ended   chan struct{}
	end     sync.Once
	watched <-chan struct{} // the end of Postern's session that is waited for
}

// Cookies are those to send to the wiki.
func (s *Session) Cookies() []*http.Cookie {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cookies.List()
}

// Took takes the cookies that an answer of the wiki's sets. With others than
// before, or where the wiki refuses, it is asked anew whose the session is.
func (s *Session) Took(status int, h http.Header) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed, err := s.cookies.Update(s.profile, h)
	if err != nil {
		s.keeper.conf.Log.Warn("cookies of the wiki's not taken", "error", err)
	}
	if changed || status == http.StatusUnauthorized || status == http.StatusForbidden {
		s.checked = time.Time{}
	}
}

// Viewer is who asks, as far as his session goes.
type Viewer struct {
	ID   string          // of Postern's session
	User string          // whom he is linked to in the wiki
	Done <-chan struct{} // closed when Postern's session ends
}

// Same says whether two names are one user's, as the wiki reads names.
type Same func(a, b string) bool

// Member is the use that one gateway makes of a Keeper. Several may share one:
// a new configuration takes over what an old one has.
type Member struct {
	*Keeper
	left  chan struct{}
	leave sync.Once
}

// Join makes a member.
func (k *Keeper) Join() *Member { return &Member{Keeper: k, left: make(chan struct{})} }

// Leave ends the member, and no session.
func (m *Member) Leave() { m.leave.Do(func() { close(m.left) }) }

// Open gives the viewer's session, once it is sure that it is his. The error is
// ErrNone, ErrOther, or that the wiki could not be asked.
func (m *Member) Open(ctx context.Context, v Viewer, p *rules.Profile, same Same) (*Session, error) {
	m.mu.Lock()
	s, ok := m.held.Get(v.ID)
	m.mu.Unlock()
	if !ok {
		return nil, ErrNone
	}
	if err := m.sure(ctx, s, v.User, p, same); err != nil {
		if errors.Is(err, ErrNone) || errors.Is(err, ErrOther) {
			m.drop(v.ID, s)
		}
		return nil, err
	}
	m.watch(v, s)
	return s, nil
}

// sure asks the wiki whose the session is, if it has not said so lately.
func (m *Member) sure(ctx context.Context, s *Session, user string, p *rules.Profile, same Same) error {
	if s.user != user {
		return ErrOther // he was linked to somebody else since
	}
	if m.fresh(s) {
		return nil
	}
	s.check.Lock()
	defer s.check.Unlock()
	if m.fresh(s) {
		return nil // another request has just asked
	}
	s.mu.Lock()
	cookies, began := maps.Clone(s.cookies), m.conf.Now()
	s.mu.Unlock()
	name, err := m.client.WhoAmI(context.WithoutCancel(ctx), p, cookies.List())
	switch {
	case err != nil:
		return fmt.Errorf("asking whose the session is: %w", err)
	case name == "":
		return ErrNone
	case !same(name, user):
		m.conf.Log.WarnContext(ctx, "the wiki takes a session for somebody else's than the viewer's; it was ended")
		return ErrOther
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if maps.Equal(s.cookies, cookies) {
		s.checked = began
	}
	return nil
}

func (m *Member) fresh(s *Session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	age := m.conf.Now().Sub(s.checked)
	return !s.checked.IsZero() && age >= 0 && age < m.conf.Recheck
}

// SignIn signs the viewer in with the wiki. The error is ErrRefused, ErrOther,
// or that the wiki could not be asked; it holds nothing of the password.
func (m *Member) SignIn(ctx context.Context, v Viewer, p *rules.Profile, password string, same Same) error {
	cookies, err := m.client.SignIn(ctx, p, m.conf.Site, v.User, password)
	if err != nil {
		return fmt.Errorf("signing in with the wiki: %w", err)
	}
	s := &Session{keeper: m.Keeper, user: v.User, profile: p, cookies: cookies, ended: make(chan struct{})}
	switch err := m.sure(ctx, s, v.User, p, same); {
	case errors.Is(err, ErrNone):
		return ErrRefused
	case err != nil:
		m.end(s)
		return err
	}
	m.mu.Lock()
	old, had := m.held.Peek(v.ID)
	m.held.Add(v.ID, s) // in place of one that is there, of which the LRU tells nobody
	m.mu.Unlock()
	if had {
		m.end(old)
	}
	m.watch(v, s)
	return nil
}

// watch ends the session with Postern's own.
func (m *Member) watch(v Viewer, s *Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.Done == nil || s.watched == v.Done {
		return
	}
	s.watched = v.Done
	go func() {
		select {
		case <-v.Done:
		case <-m.left:
			return
		case <-s.ended:
			return
		}
		select {
		case <-m.left: // the configuration ended, not the session
		default:
			m.drop(v.ID, s)
		}
	}()
}

// End ends the session that goes with one of Postern's.
func (k *Keeper) End(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held.Remove(id)
}

// drop ends a session, if it is still the one that goes with Postern's.
func (k *Keeper) drop(id string, s *Session) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if held, ok := k.held.Peek(id); ok && held == s {
		k.held.Remove(id)
	}
}

func (k *Keeper) end(s *Session) { k.ending.Go(func() { k.over(s) }) }

// over signs out with the wiki, as far as that can be had.
func (k *Keeper) over(s *Session) {
	s.end.Do(func() {
		close(s.ended)
		s.mu.Lock()
		cookies := maps.Clone(s.cookies)
		s.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), timeout)
		defer cancel()
		if err := k.client.SignOut(ctx, s.profile, k.conf.Site, cookies); err != nil {
			k.conf.Log.Info("signing out with the wiki failed; its session ends by itself", "error", err)
		}
	})
}

// Close ends all sessions, and waits until the wiki knows, or can't be told.
func (k *Keeper) Close() {
	k.mu.Lock()
	k.held.Purge() // tells over of each
	k.mu.Unlock()
	k.ending.Wait()
}

// Count is how many sessions are held.
func (k *Keeper) Count() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.held.Len()
}

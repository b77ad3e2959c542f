// Package limit bounds how often, and how often at once, each client may ask.
// It counts by a key of the caller's choice and holds a bounded number of keys,
// whatever clients do.
//
// Start reading at Limiter.Enter.
package limit

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// Config says how much a client may ask. What is zero takes the default, what
// is negative is not limited.
type Config struct {
	// Rate is how many requests a second are answered on and on. A wiki's page
	// asks for about sixty things when nothing is in the browser's cache.
	Rate float64
	// Burst is how many are answered at once before Rate counts.
	Burst int
	// Concurrent is how many are in work at the same time.
	Concurrent int
	// Clients is how many clients are held in mind. The one that was quiet for
	// the longest is forgotten for a new one, and may begin anew then.
	Clients int
}

// Defaults stop floods, not work: an office of hundreds behind one address opens
// its pages in the morning, nothing in the cache, and gets them.
const (
	DefaultRate       = 1000
	DefaultBurst      = 60_000
	DefaultConcurrent = 1024
	DefaultClients    = 100_000
)

func (c Config) withDefaults() Config {
	if c.Rate == 0 {
		c.Rate = DefaultRate
	}
	if c.Burst == 0 {
		c.Burst = DefaultBurst
	}
	if c.Concurrent == 0 {
		c.Concurrent = DefaultConcurrent
	}
	if c.Clients <= 0 {
		c.Clients = DefaultClients
	}
	return c
}

// Limiter counts what clients ask. It may be used by several goroutines.
type Limiter struct {
	conf Config
	mu   sync.Mutex
	// clients is an LRU without times of its own: a client that was forgotten
	// early gains no more than one burst.
	clients *simplelru.LRU[Key, *client]
}

// Key says who a client is: a viewer, or an address where nobody is signed in.
type Key struct{ Kind, Name, Of string }

// client is what is known of one key.
type client struct {
	bucket *rate.Limiter // nil: not limited
	inWork atomic.Int64
}

// New makes a Limiter.
func New(conf Config) *Limiter {
	l := &Limiter{conf: conf.withDefaults()}
	l.clients, _ = simplelru.NewLRU[Key, *client](l.conf.Clients, nil) // fails on a size below one only
	return l
}

// Ticket is the right to be answered; Leave gives it back.
type Ticket struct{ c *client }

// Leave ends what Enter began. It must be called once.
func (t Ticket) Leave() {
	if t.c != nil {
		t.c.inWork.Add(-1)
	}
}

// Enter asks for one request of a client to be answered. If it is not to be,
// retry is how long the client had better wait, and more than zero.
func (l *Limiter) Enter(key Key, now time.Time) (t Ticket, retry time.Duration) {
	if l.conf.Rate < 0 && l.conf.Concurrent < 0 {
		return Ticket{}, 0
	}
	c := l.client(key)
	if n := c.inWork.Add(1); l.conf.Concurrent > 0 && n > int64(l.conf.Concurrent) {
		c.inWork.Add(-1)
		return Ticket{}, time.Second // whenever one of them is done
	}
	if c.bucket == nil || c.bucket.AllowN(now, 1) {
		return Ticket{c}, 0
	}
	c.inWork.Add(-1)
	r := c.bucket.ReserveN(now, 1) // what AllowN did not take; for its delay only
	defer r.CancelAt(now)
	return Ticket{}, max(r.DelayFrom(now), time.Millisecond)
}

func (l *Limiter) client(key Key) *client {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c, ok := l.clients.Get(key); ok {
		return c
	}
	c := new(client)
	if l.conf.Rate > 0 {
		c.bucket = rate.NewLimiter(rate.Limit(l.conf.Rate), max(l.conf.Burst, 1))
	}
	l.clients.Add(key, c)
	return c
}

// Clients is how many are held in mind.
func (l *Limiter) Clients() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.clients.Len()
}

// Address is the key of a client that is known by its address only, which may
// carry a port and a zone. Addresses of IPv6 count by the network of 64 bits
// that one subscriber has at least (RFC 6177, section 2), or he had as many
// buckets as he likes.
func Address(addr string) Key {
	ip, err := netip.ParseAddr(addr)
	if err != nil {
		ap, err := netip.ParseAddrPort(addr)
		if err != nil {
			return Key{Kind: "address"} // all that have none share one
		}
		ip = ap.Addr()
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		p, err := ip.Prefix(64)
		if err == nil {
			ip = p.Addr()
		}
	}
	return Key{Kind: "address", Name: ip.String()}
}

package limit_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/postern-gateway/postern/caddymodule/limit"
)

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func key(name string) limit.Key { return limit.Key{Kind: "viewer", Name: name} }

// TestRate: a burst at once, then as many as the rate says, each told when to
// come again; a client's bucket is its own.
func TestRate(t *testing.T) {
	t.Parallel()
	l := limit.New(limit.Config{Rate: 10, Burst: 5})
	enter := func(who string, at time.Duration) time.Duration {
		ticket, retry := l.Enter(key(who), start.Add(at))
		if retry == 0 {
			ticket.Leave()
		}
		return retry
	}
	for i := range 5 {
		if retry := enter("eva", 0); retry != 0 {
			t.Fatalf("request %d of the burst has to wait %v", i, retry)
		}
	}
	for range 3 { // asking in vain costs nothing
		if retry := enter("eva", 0); retry != 100*time.Millisecond {
			t.Fatalf("over the burst: wait %v, want 100ms", retry)
		}
	}
	if retry := enter("bo", 0); retry != 0 {
		t.Errorf("another client has to wait %v", retry)
	}
	if retry := enter("eva", 100*time.Millisecond); retry != 0 {
		t.Errorf("after the wait: %v", retry)
	}
	if retry := enter("eva", 100*time.Millisecond); retry == 0 {
		t.Error("two requests for one wait")
	}
}

// TestConcurrent: no more at the same time than are allowed, and a place again
// for each that ends.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	l := limit.New(limit.Config{Rate: -1, Concurrent: 8})
	var wg sync.WaitGroup
	tickets := make(chan limit.Ticket, 100)
	for range 100 {
		wg.Go(func() {
			if ticket, retry := l.Enter(key("eva"), start); retry == 0 {
				tickets <- ticket
			}
		})
	}
	wg.Wait()
	if len(tickets) != 8 {
		t.Fatalf("%d at the same time, want 8", len(tickets))
	}
	if _, retry := l.Enter(key("eva"), start); retry != time.Second {
		t.Errorf("over the limit: wait %v", retry)
	}
	(<-tickets).Leave()
	if _, retry := l.Enter(key("eva"), start); retry != 0 {
		t.Errorf("a place is free: wait %v", retry)
	}
}

// TestForgets: many clients take no more room than a few, and one that was
// forgotten while its request was in work does no harm when that ends.
func TestForgets(t *testing.T) {
	t.Parallel()
	l := limit.New(limit.Config{Rate: 1, Burst: 1, Concurrent: 1, Clients: 100})
	first, _ := l.Enter(key("eva"), start)
	for i := range 10_000 {
		ticket, retry := l.Enter(key(fmt.Sprint(i)), start)
		if retry != 0 {
			t.Fatalf("client %d has to wait", i)
		}
		ticket.Leave()
	}
	if l.Clients() != 100 {
		t.Errorf("%d clients in mind, want 100", l.Clients())
	}
	again, retry := l.Enter(key("eva"), start)
	if retry != 0 {
		t.Fatal("who was forgotten begins anew")
	}
	first.Leave()
	if _, retry := l.Enter(key("eva"), start.Add(time.Hour)); retry == 0 {
		t.Error("the end of a forgotten request gave a place")
	}
	again.Leave()
}

func TestOff(t *testing.T) {
	t.Parallel()
	l := limit.New(limit.Config{Rate: -1, Concurrent: -1})
	for range 10_000 {
		if _, retry := l.Enter(key("eva"), start); retry != 0 {
			t.Fatal("nothing is limited, and yet it is")
		}
	}
	if l.Clients() != 0 {
		t.Error("clients are held in mind for nothing")
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for _, same := range [][2]string{
		{"192.0.2.1", "192.0.2.1:4711"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"2001:db8::1", "[2001:db8::2]:443"},
		{"fe80::1%eth0", "fe80::1"},
		{"", "nonsense"},
	} {
		if a, b := limit.Address(same[0]), limit.Address(same[1]); a != b {
			t.Errorf("%q is %v, %q is %v", same[0], a, same[1], b)
		}
	}
	for _, other := range [][2]string{{"192.0.2.1", "192.0.2.2"}, {"2001:db8::1", "2001:db8:0:1::1"}} {
		if a, b := limit.Address(other[0]), limit.Address(other[1]); a == b {
			t.Errorf("%q and %q are both %v", other[0], other[1], a)
		}
	}
}

// TestEnterAllocates: a request of a known client costs no memory.
func TestEnterAllocates(t *testing.T) {
	l := limit.New(limit.Config{Rate: 1e9, Burst: 1 << 30})
	k := key("eva")
	if n := testing.AllocsPerRun(1000, func() {
		ticket, _ := l.Enter(k, start)
		ticket.Leave()
	}); n > 0 {
		t.Errorf("%v allocations a request", n)
	}
}

// BenchmarkEnter is one request of each of many clients.
func BenchmarkEnter(b *testing.B) {
	l := limit.New(limit.Config{Rate: 1e9, Burst: 1 << 30})
	keys := make([]limit.Key, 1000)
	for i := range keys {
		keys[i] = key(fmt.Sprint(i))
	}
	b.ReportAllocs()
	for i := range b.N {
		ticket, _ := l.Enter(keys[i%len(keys)], start)
		ticket.Leave()
	}
}

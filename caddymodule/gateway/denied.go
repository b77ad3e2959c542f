package gateway

import (
	"cmp"
	"container/heap"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Denied is one kind of request that was not let through, with what would
// decide it otherwise. It holds nothing of any request: routes are patterns,
// and paths and parameters without a route are outlines (rules.Outline).
type Denied struct {
	// Pattern is the route's, or the request's outline where it has no route.
	Pattern string `json:"pattern"`
	Class   string `json:"class,omitempty"`
	Kind    string `json:"kind"`   // of viewer
	Status  int    `json:"status"` // that he got
	Rule    string `json:"rule"`   // closed set
	Reason  string `json:"reason"`
	Count   uint64 `json:"count"`
	First   string `json:"first"` // RFC 3339
	Last    string `json:"last"`
	// Referrer is the route of the page that the last one came from, "outside"
	// if it came from elsewhere.
	Referrer string `json:"referrer,omitempty"`
	// Decides is the file and line that decided, as file:line.
	Decides string `json:"decides,omitempty"`
	// Change is what would decide otherwise: a line to add, or why there is none.
	Change string `json:"change,omitempty"`
}

// DeniedReport is the list of what a gateway denied since it started, or since
// the list was cleared.
type DeniedReport struct {
	Since   time.Time `json:"since"`
	Denied  []Denied  `json:"denied"` // the most frequent first
	Dropped uint64    `json:"dropped"`
}

const (
	// maxDenied bounds the list.
	maxDenied = 1000
	// maxDeniedOf bounds what one viewer adds to it while the list is full:
	// whoever tries addresses out pushes out his own finds, and nobody else's.
	maxDeniedOf = 100
)

// deniedKey is what makes two denials the same line.
type deniedKey struct {
	pattern, kind, rule, detail string
	status                      int
}

// deniedLine is one line, with how often it happened.
type deniedLine struct {
	Denied
	key         deniedKey
	owner       viewKey // who made the line
	first, last time.Time
	seq         uint64 // of its last occurrence
	at          int    // in its owner's heap
}

// rarest is a heap of one viewer's lines: the rarest first, the oldest of those.
type rarest []*deniedLine

func (h rarest) Len() int { return len(h) }
func (h rarest) Less(i, j int) bool {
	return h[i].Count < h[j].Count || h[i].Count == h[j].Count && h[i].seq < h[j].seq
}

func (h rarest) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].at, h[j].at = i, j
}

// Push implements heap.Interface.
func (h *rarest) Push(x any) {
	l := x.(*deniedLine)
	l.at = len(*h)
	*h = append(*h, l)
}

// Pop implements heap.Interface.
func (h *rarest) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return l
}

// deniedTable gathers denials. It is asked for refused requests only, and holds
// its lock for a map look-up and a step or two in a heap.
type deniedTable struct {
	mu      sync.Mutex
	lines   map[deniedKey]*deniedLine
	owned   map[viewKey]*rarest
	since   time.Time
	dropped uint64
	seq     uint64
}

func newDeniedTable(now time.Time) *deniedTable {
	t := &deniedTable{}
	t.clear(now)
	return t
}

func (t *deniedTable) clear(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines, t.owned, t.since, t.dropped = map[deniedKey]*deniedLine{}, map[viewKey]*rarest{}, now, 0
}

// add counts a denial of a viewer's. What describes it is asked for once per
// line.
func (t *deniedTable) add(key deniedKey, owner viewKey, referrer string, now time.Time, describe func() Denied) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seq++
	l := t.lines[key]
	if l == nil {
		t.makeRoom(owner)
		l = &deniedLine{Denied: describe(), key: key, owner: owner, first: now, seq: t.seq}
		t.lines[key] = l
		if t.owned[owner] == nil {
			t.owned[owner] = new(rarest)
		}
		heap.Push(t.owned[owner], l)
	}
	l.Count++
	l.last, l.seq = now, t.seq
	if referrer != "" {
		l.Referrer = referrer
	}
	heap.Fix(t.owned[l.owner], l.at)
}

// makeRoom drops a line if the list is full: the rarest of this viewer's, if he
// has made his share of the list; else of the viewer's who has made most of it.
func (t *deniedTable) makeRoom(owner viewKey) {
	if len(t.lines) < maxDenied {
		return
	}
	from := t.owned[owner]
	if from == nil || from.Len() < maxDeniedOf {
		for _, other := range t.owned {
			if from == nil || other.Len() > from.Len() {
				from = other
			}
		}
	}
	out := heap.Pop(from).(*deniedLine)
	delete(t.lines, out.key)
	t.dropped++
	if from.Len() == 0 {
		delete(t.owned, out.owner)
	}
}

func (t *deniedTable) report() DeniedReport {
	t.mu.Lock()
	r := DeniedReport{Since: t.since, Dropped: t.dropped, Denied: make([]Denied, 0, len(t.lines))}
	for _, l := range t.lines {
		d := l.Denied
		d.First, d.Last = l.first.UTC().Format(time.RFC3339), l.last.UTC().Format(time.RFC3339)
		r.Denied = append(r.Denied, d)
	}
	t.mu.Unlock()
	slices.SortFunc(r.Denied, func(a, b Denied) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Pattern, b.Pattern), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Status, b.Status))
	})
	return r
}

// Denied lists what the gateway has denied, by pattern.
func (g *Gateway) Denied() DeniedReport { return g.denied.report() }

// ClearDenied begins the list anew.
func (g *Gateway) ClearDenied() { g.denied.clear(g.cfg.Now()) }

func place(file string, line int) string {
	if file == "" || line == 0 {
		return ""
	}
	return file + ":" + strconv.Itoa(line)
}

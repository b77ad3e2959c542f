package rules

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// Difference is what changes when one policy takes the place of another, over
// the same directory, at one moment: in the JSON form of `postern diff`. It is
// exact: for every viewer and everything that there is, it is what the two
// policies' views say.
//
// Viewers are all users of the directory, the anonymous viewer, and whom the
// rules cover without the directory's knowing: the addresses and identities
// that they name, and one person for every e-mail domain and every provider's
// group ("anybody of acme.example"), who has nothing besides.
type Difference struct {
	At      time.Time `json:"at"`
	Viewers int       `json:"viewers"` // how many were compared
	// Kinds are viewers who become something else: internal, external, none,
	// or suspended.
	Kinds ChangeList `json:"kinds"`
	// Users is sight of people in the global context: directories, search,
	// profiles, dashboards.
	Users SightChange `json:"users"`
	// Spaces is sight of spaces themselves: home, tree, lists, search.
	Spaces SightChange `json:"spaces"`
	// Content is sight of pages, blog posts, files, templates, categories.
	Content SightChange `json:"content"`
	// Roles are changes of role in a space, or on a page that a page rule
	// shares. Who merely gains or loses a space or page as a reader is not
	// among them.
	Roles ChangeList `json:"roles"`
}

// Empty reports that nothing changes for anybody.
func (d *Difference) Empty() bool {
	return d.Kinds.Viewers == 0 && d.Roles.Viewers == 0 && d.Users.Empty() && d.Spaces.Empty() && d.Content.Empty()
}

// SightChange is who gains and who loses sight of entities of one kind.
type SightChange struct {
	Gained SightList `json:"gained"`
	Lost   SightList `json:"lost"`
}

// Empty reports that nobody gains or loses anything.
func (c *SightChange) Empty() bool { return c.Gained.Viewers == 0 && c.Lost.Viewers == 0 }

// SightList counts one direction of change, and names it up to the limit.
type SightList struct {
	Viewers  int   `json:"viewers"`  // how many have a change
	Entities int   `json:"entities"` // how many it is about, each once
	Pairs    int64 `json:"pairs"`    // viewer and entity
	Groups   int   `json:"groups"`   // sets of viewers who have the same change
	// Changes names the first groups, by their first viewer's name.
	Changes []SightGroup `json:"changes"`
}

// SightGroup is a set of viewers with the very same change. Its lists are cut
// at the limit; its counts are not.
type SightGroup struct {
	Viewers  int      `json:"viewers"`
	Who      []string `json:"who"`
	Entities int      `json:"entities"`
	What     []string `json:"what"` // usernames, space keys, or "ID SPACE/Title"
}

// ChangeList counts changes from one word to another, and names them up to the
// limit.
type ChangeList struct {
	Viewers int      `json:"viewers"` // how many have a change
	Total   int      `json:"total"`   // how many sorts of change there are
	Changes []Change `json:"changes"`
}

// Change is a set of viewers who go from one word to another.
type Change struct {
	What    string   `json:"what,omitempty"` // of a role: "space KEY", or "page ID SPACE/Title"
	From    string   `json:"from"`
	To      string   `json:"to"`
	Viewers int      `json:"viewers"`
	Who     []string `json:"who"`
}

// errOtherFacts: the engines were not made of one directory.
var errOtherFacts = errors.New("comparing policies: they were bound to different directories")

// Compare says who gains and who loses what when the policy of to takes the
// place of that of from. Names are given up to limit in each list; 0 is no
// limit.
//
// What is compared is what the views answer. A view is asked only once for all
// viewers who must get the same answer (see sightTables), so that the cost
// grows with what changes hands, not with viewers times entities.
func Compare(from, to *Engine, now time.Time, limit int) (*Difference, error) {
	if !sameRecords(from.f, to.f) {
		return nil, errOtherFacts
	}
	order := newOrder(from)
	c := &comparison{
		limit: limit, order: order, from: newSide(from, order, unixNano(now)), to: newSide(to, order, unixNano(now)),
		users: newSightCollector(limit, len(order.users), order.userName),
		space: newSightCollector(limit, len(order.spaces), order.spaceName),
		pages: newSightCollector(limit, len(order.contents), order.contentName),
		kinds: newChangeCollector(limit), roles: newChangeCollector(limit),
	}
	d := &Difference{At: now.UTC()}
	others := append(from.otherParties(), to.otherParties()...)
	slices.SortFunc(others, compareParties)
	for _, parties := range [][]party{from.userParties(), slices.Compact(others)} {
		for _, p := range parties {
			a, ok1 := p.viewer(from.p, from.f)
			b, ok2 := p.viewer(to.p, to.f)
			if !ok1 || !ok2 {
				continue
			}
			d.Viewers++
			c.viewer(p.label(), from.View(a, now), to.View(b, now))
		}
	}
	d.Kinds, d.Roles = c.kinds.list(), c.roles.list()
	d.Users, d.Spaces, d.Content = c.users.change(), c.space.change(), c.pages.change()
	return d, nil
}

// sameRecords reports that an ID means the same in both.
func sameRecords(a, b Facts) bool {
	if sameFacts(a, b) {
		return true
	}
	return slices.EqualFunc(a.Users(), b.Users(), func(x, y UserRecord) bool { return x.Username == y.Username }) &&
		slices.EqualFunc(a.Spaces(), b.Spaces(), func(x, y SpaceRecord) bool { return x.Key == y.Key }) &&
		slices.EqualFunc(a.Contents(), b.Contents(), func(x, y ContentRecord) bool { return x.ID == y.ID })
}

type comparison struct {
	limit               int
	order               *entityOrder
	from, to            *side
	users, space, pages *sightCollector
	kinds, roles        *changeCollector
}

// viewer compares everything for one viewer.
func (c *comparison) viewer(who string, a, b *View) {
	if x, y := a.standing(), b.standing(); x != y {
		c.kinds.add("", x, y, who)
	}
	sa, sb := c.from.sight(a), c.to.sight(b)
	c.users.add(who, sa.users(), sb.users())
	c.space.add(who, c.from.spaces.sight(sa), c.to.spaces.sight(sb))
	c.pages.add(who, c.from.pages.sight(sa), c.to.pages.sight(sb))
	c.changedRoles(who, a, b)
}

// standing is what a viewer is, in a word.
func (v *View) standing() string {
	if v.suspended != nil {
		return "suspended"
	}
	return v.kind.String()
}

// changedRoles compares the roles in all spaces that either policy assigns the
// viewer to, and on all pages that it grants him. Elsewhere a role says no
// more than sight does.
func (c *comparison) changedRoles(who string, a, b *View) {
	spaces, pages := map[ID]bool{}, map[ID]bool{}
	for _, v := range []*View{a, b} {
		for _, t := range v.targets() {
			if t >= 0 {
				spaces[ID(t)] = true
			} else if page := v.e.grants[-1-t].page; page != NoID {
				pages[page] = true
			}
		}
	}
	record := func(what string, x, y Role) {
		if x != y && max(x, y) > Reader {
			c.roles.add(what, x.String(), y.String(), who)
		}
	}
	for id := range spaces {
		record("space "+c.from.e.f.Spaces()[id].Key, a.Role(id), b.Role(id))
	}
	for id := range pages {
		record("page "+c.from.e.contentLabel(id), a.contentRole(id), b.contentRole(id))
	}
}

// targets lists what the viewer is assigned to now: the ids of spaces, and
// page grants as grantTarget numbers them.
func (v *View) targets() []int32 {
	return v.held.targets()
}

// contentLabel names a page for people: its id, and where it stands.
func (e *Engine) contentLabel(id ID) string {
	c := &e.f.Contents()[id]
	return c.ID + " " + c.Space + "/" + c.Title
}

// entityOrder numbers everything in the order in which it is named.
type entityOrder struct {
	e                              *Engine
	users, spaces, contents        []ID    // by rank
	userRank, spaceRank, pageRanks []int32 // by ID
}

func newOrder(e *Engine) *entityOrder {
	o := &entityOrder{e: e}
	users, spaces, contents := e.f.Users(), e.f.Spaces(), e.f.Contents()
	o.users, o.userRank = ranked(len(users), func(a, b ID) int { return strings.Compare(users[a].Username, users[b].Username) })
	o.spaces, o.spaceRank = ranked(len(spaces), func(a, b ID) int { return strings.Compare(spaces[a].Key, spaces[b].Key) })
	o.contents, o.pageRanks = ranked(len(contents), func(a, b ID) int {
		x, y := &contents[a], &contents[b]
		// The space as it resolves comes first: side wants a space's content
		// in one piece.
		return cmp.Or(cmp.Compare(o.rankOf(e.contents[a].space), o.rankOf(e.contents[b].space)),
			strings.Compare(x.Title, y.Title), strings.Compare(x.ID, y.ID))
	})
	return o
}

func (o *entityOrder) rankOf(space ID) int32 {
	if space == NoID {
		return -1
	}
	return o.spaceRank[space]
}

// ranked sorts the ids below n; equal ones keep the directory's order.
func ranked(n int, compare func(a, b ID) int) (order []ID, rank []int32) {
	order, rank = make([]ID, n), make([]int32, n)
	for i := range order {
		order[i] = ID(i)
	}
	slices.SortStableFunc(order, compare)
	for r, id := range order {
		rank[id] = int32(r)
	}
	return order, rank
}

func (o *entityOrder) userName(r int) string    { return o.e.f.Users()[o.users[r]].Username }
func (o *entityOrder) spaceName(r int) string   { return o.e.f.Spaces()[o.spaces[r]].Key }
func (o *entityOrder) contentName(r int) string { return o.e.contentLabel(o.contents[r]) }

// sightCollector gathers the viewers' gains and losses of one kind of entity.
type sightCollector struct {
	gained, lost sightGatherer
	scratch      bitset
}

func newSightCollector(limit, n int, name func(int) string) *sightCollector {
	g := func() sightGatherer {
		return sightGatherer{limit: limit, name: name, all: newBitset(n), groups: map[[sha256.Size]byte]int{}}
	}
	return &sightCollector{gained: g(), lost: g(), scratch: newBitset(n)}
}

func (c *sightCollector) add(who string, before, after bitset) {
	for _, d := range []struct {
		g    *sightGatherer
		a, b bitset
	}{{&c.gained, before, after}, {&c.lost, after, before}} {
		any := uint64(0)
		for i := range c.scratch {
			c.scratch[i] = d.b[i] &^ d.a[i]
			any |= c.scratch[i]
		}
		if any != 0 {
			d.g.add(who, c.scratch)
		}
	}
}

func (c *sightCollector) change() SightChange {
	return SightChange{Gained: c.gained.finish(), Lost: c.lost.finish()}
}

// sightGatherer groups viewers by what they gain, or lose. Only groups that
// will be named are kept; of the others a digest tells whether they are new.
type sightGatherer struct {
	limit  int
	name   func(int) string
	all    bitset
	out    SightList
	groups map[[sha256.Size]byte]int
	key    []byte
}

func (g *sightGatherer) add(who string, set bitset) {
	n := set.count()
	g.out.Viewers++
	g.out.Pairs += int64(n)
	g.all.or(set)
	g.key = set.appendKey(g.key[:0])
	digest := sha256.Sum256(g.key)
	at, ok := g.groups[digest]
	if !ok {
		at = len(g.groups)
		g.groups[digest] = at
		if within(at, g.limit) {
			group := SightGroup{Entities: n}
			for i := range set.each {
				if !within(len(group.What), g.limit) {
					break
				}
				group.What = append(group.What, g.name(i))
			}
			g.out.Changes = append(g.out.Changes, group)
		}
	}
	if at < len(g.out.Changes) {
		group := &g.out.Changes[at]
		if group.Viewers++; within(len(group.Who), g.limit) {
			group.Who = append(group.Who, who)
		}
	}
}

func (g *sightGatherer) finish() SightList {
	g.out.Entities, g.out.Groups = g.all.count(), len(g.groups)
	if g.out.Changes == nil {
		g.out.Changes = []SightGroup{}
	}
	return g.out
}

// within reports whether a list of n may take one more.
func within(n, limit int) bool { return limit <= 0 || n < limit }

// changeCollector gathers changes from one word to another.
type changeCollector struct {
	limit   int
	viewers int
	last    string // the viewer who was added last
	changes map[changeKey]*Change
}

type changeKey struct{ what, from, to string }

func newChangeCollector(limit int) *changeCollector {
	return &changeCollector{limit: limit, changes: map[changeKey]*Change{}}
}

// add notes one change of a viewer; all of a viewer's come one after another.
func (c *changeCollector) add(what, from, to, who string) {
	if who != c.last {
		c.viewers, c.last = c.viewers+1, who
	}
	k := changeKey{what, from, to}
	ch := c.changes[k]
	if ch == nil {
		ch = &Change{What: what, From: from, To: to}
		c.changes[k] = ch
	}
	if ch.Viewers++; within(len(ch.Who), c.limit) {
		ch.Who = append(ch.Who, who)
	}
}

func (c *changeCollector) list() ChangeList {
	keys := slices.SortedFunc(maps.Keys(c.changes), func(a, b changeKey) int {
		return cmp.Or(strings.Compare(a.what, b.what), strings.Compare(a.from, b.from), strings.Compare(a.to, b.to))
	})
	out := ChangeList{Viewers: c.viewers, Total: len(keys), Changes: []Change{}}
	for _, k := range keys {
		if !within(len(out.Changes), c.limit) {
			break
		}
		out.Changes = append(out.Changes, *c.changes[k])
	}
	return out
}

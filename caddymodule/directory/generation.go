// Package directory holds what Postern knows of the wiki: its users, groups,
// spaces and content. A Generation is one immutable state of that knowledge
// and implements rules.Facts; a Directory keeps the newest one, filled from a
// snapshot, by sync, and by look-ups of what the last sync did not see.
//
// What is not in a generation is unknown, and unknown is hidden.
package directory

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/postern-gateway/postern/rules"
)

// Options say how the wiki compares names.
type Options struct {
	Titles Fold // titles of content
	Users  Fold // sign-in names
	Spaces Fold // keys, names and aliases of spaces
}

// mediawikiTitle is the codec of titles whose first letter alone has no case.
const mediawikiTitle = "mediawiki-title"

// OptionsFor reads the options off a profile: a wiki with the mediawiki-title
// codec folds the first letter of titles and user names, others all letters.
func OptionsFor(p *rules.Profile) Options {
	if p != nil && p.Titles != nil && p.Titles.Codec == mediawikiTitle {
		return Options{Titles: FoldFirst, Users: FoldFirst, Spaces: FoldName}
	}
	return Options{Titles: FoldCase, Users: FoldCase, Spaces: FoldName}
}

// absence is a spelling that the wiki is known not to have.
type absence struct {
	attr  rules.Attr
	value string // folded
	space rules.ID
}

// Generation is one immutable state of the directory.
type Generation struct {
	number  uint64
	base    uint64 // the generation of the sync or snapshot that it grew from
	options Options

	users    []rules.UserRecord
	kept     map[int][]string // groups of users that keep added
	groups   []rules.GroupRecord
	spaces   []rules.SpaceRecord
	contents []rules.ContentRecord
	aliases  int
	added    int // records and aliases that look-ups added

	userName, userKey, userAccount, userEmail, userAvatar layers
	display                                               layers // to an index of bearers
	bearers                                               [][]rules.ID
	groupName                                             layers // scope: index into sources
	sources                                               map[string]rules.ID
	spaceKey, spaceID, spaceName                          layers
	contentID, contentTitle, revision                     layers
	absent                                                map[absence]struct{}
}

var generations atomic.Uint64

var _ rules.Facts = (*Generation)(nil)

// NewGeneration makes a generation of a directory. Records without their
// naming field and records of the same name are errors. Groups and spaces that
// are only mentioned are made; membership in wiki groups is closed over nested
// groups.
func NewGeneration(d rules.Directory, o Options) (*Generation, error) {
	g := &Generation{
		number: generations.Add(1), options: o,
		users: slices.Clone(d.Users), groups: slices.Clone(d.Groups), spaces: slices.Clone(d.Spaces),
		// Room to add what look-ups find without copying the rest.
		contents: append(make([]rules.ContentRecord, 0, len(d.Content)+len(d.Content)/64+1024), d.Content...),
		sources:  map[string]rules.ID{},
		absent:   map[absence]struct{}{},
	}
	if err := g.check(d.Aliases); err != nil {
		return nil, err
	}
	g.intern()
	g.mention()
	g.closeGroups()
	g.indexUsers()
	g.indexGroups()
	g.indexSpaces()
	g.indexContent(d.Aliases)
	g.base = g.number
	return g, nil
}

// check refuses records without name, and two of one name.
func (g *Generation) check(aliases []rules.AliasRecord) error {
	users := make(map[string]struct{}, len(g.users))
	for i := range g.users {
		if err := once(users, "users", i, "username", g.users[i].Username); err != nil {
			return err
		}
	}
	groups := make(map[string]struct{}, len(g.groups))
	for i := range g.groups {
		r := &g.groups[i]
		if r.Source == "" {
			r.Source = wikiSource
		}
		if r.Name == "" {
			return fmt.Errorf("groups[%d]: name is missing", i)
		}
		if err := once(groups, "groups", i, "name", r.Source+"/"+r.Name); err != nil {
			return err
		}
	}
	keys := make(map[string]struct{}, len(g.spaces))
	for i := range g.spaces {
		if err := once(keys, "spaces", i, "key", g.spaces[i].Key); err != nil {
			return err
		}
	}
	ids := make(map[string]struct{}, len(g.contents))
	for i := range g.contents {
		if err := once(ids, "content", i, "id", g.contents[i].ID); err != nil {
			return err
		}
		if g.contents[i].Space == "" {
			return fmt.Errorf("content[%d]: space is missing", i)
		}
	}
	for i, a := range aliases {
		if a.ID == "" || a.Of == "" {
			return fmt.Errorf("aliases[%d]: id or of is missing", i)
		}
	}
	return nil
}

func once(seen map[string]struct{}, list string, i int, field, value string) error {
	if value == "" {
		return fmt.Errorf("%s[%d]: %s is missing", list, i, field)
	}
	if _, dup := seen[value]; dup {
		return fmt.Errorf("%s[%d]: %s %q is there twice", list, i, field, value)
	}
	seen[value] = struct{}{}
	return nil
}

const wikiSource = "wiki"

// intern keeps one copy of the words that many records share.
func (g *Generation) intern() {
	words := map[string]string{}
	one := func(s *string) {
		if w, ok := words[*s]; ok {
			*s = w
		} else if len(words) < 100_000 {
			words[*s] = *s
		}
	}
	for i := range g.spaces {
		one(&g.spaces[i].Key)
	}
	for i := range g.contents {
		c := &g.contents[i]
		one(&c.Space)
		one(&c.Type)
		one(&c.Status)
	}
}

// mention makes the groups and spaces that records name and no record is. A
// group written SOURCE/NAME is a claim of that source, not a group of the wiki:
// a wiki's own group of such a name has a record of its own.
func (g *Generation) mention() {
	groups := make(map[string]struct{}, len(g.groups))
	for _, r := range g.groups {
		if r.Source == wikiSource {
			groups[r.Name] = struct{}{}
		}
	}
	mention := func(names []string) {
		for _, n := range names {
			if _, ok := groups[n]; !ok && n != "" && !strings.Contains(n, "/") {
				groups[n] = struct{}{}
				g.groups = append(g.groups, rules.GroupRecord{Name: n, Source: wikiSource})
			}
		}
	}
	for i := range g.users {
		mention(g.users[i].Groups)
	}
	for i, n := 0, len(g.groups); i < n; i++ {
		if g.groups[i].Source == wikiSource {
			mention(g.groups[i].Groups)
		}
	}
	spaces := make(map[string]struct{}, len(g.spaces))
	for _, r := range g.spaces {
		spaces[r.Key] = struct{}{}
	}
	for i := range g.contents {
		key := g.contents[i].Space
		if _, ok := spaces[key]; !ok {
			spaces[key] = struct{}{}
			g.spaces = append(g.spaces, rules.SpaceRecord{Key: key})
		}
	}
}

// closeGroups makes every user a member of the groups around his groups.
func (g *Generation) closeGroups() {
	around := map[string][]string{}
	for _, r := range g.groups {
		if r.Source != wikiSource {
			continue
		}
		for _, inner := range r.Groups {
			around[inner] = append(around[inner], r.Name)
		}
	}
	if len(around) == 0 {
		return
	}
	closed := map[string][]string{}
	closure := func(name string) []string {
		if all, ok := closed[name]; ok {
			return all
		}
		all := []string{name}
		seen := map[string]struct{}{name: {}}
		for i := 0; i < len(all); i++ {
			for _, outer := range around[all[i]] {
				if _, ok := seen[outer]; !ok {
					seen[outer] = struct{}{}
					all = append(all, outer)
				}
			}
		}
		closed[name] = all
		return all
	}
	for i := range g.users {
		g.users[i].Groups = expand(g.users[i].Groups, closure)
	}
}

func expand(names []string, closure func(string) []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, closure(n)...)
	}
	slices.Sort(out)
	return slices.Clip(slices.Compact(out))
}

func userEntries(users []rules.UserRecord, from int) (name, key, account, email, avatar []entry) {
	none := rules.NoID
	for i := from; i < len(users); i++ {
		u, id := &users[i], rules.ID(i)
		name = put(name, u.Username, none, id)
		key = put(key, u.Key, none, id)
		account = put(account, u.AccountID, none, id)
		email = put(email, u.Email, none, id)
		for _, a := range u.AvatarIDs {
			avatar = put(avatar, a, none, id)
		}
	}
	return
}

func put(l []entry, key string, scope, id rules.ID) []entry {
	if key == "" {
		return l
	}
	return append(l, entry{key, scope, id})
}

func (g *Generation) indexUsers() {
	name, key, account, email, avatar := userEntries(g.users, 0)
	g.userName = layers{base: newTable(g.options.Users, name)}
	g.userKey = layers{base: newTable(FoldNone, key)}
	g.userAccount = layers{base: newTable(FoldNone, account)}
	g.userEmail = layers{base: newTable(FoldCase, email)}
	g.userAvatar = layers{base: newTable(FoldNone, avatar)}
	g.indexDisplay()
}

// indexDisplay groups users by full name: a name stands for all its bearers.
func (g *Generation) indexDisplay() {
	byName := map[string]int{}
	g.bearers = nil
	var entries []entry
	for i := range g.users {
		name := foldString(FoldName, g.users[i].DisplayName)
		if name == "" {
			continue
		}
		at, ok := byName[name]
		if !ok {
			at = len(g.bearers)
			byName[name] = at
			g.bearers = append(g.bearers, nil)
			entries = append(entries, entry{g.users[i].DisplayName, rules.NoID, rules.ID(at)})
		}
		g.bearers[at] = append(g.bearers[at], rules.ID(i))
	}
	g.display = layers{base: newTable(FoldName, entries)}
}

// foldString makes the folded form of a name; for building only.
func foldString(f Fold, s string) string {
	s = normal(s)
	out := make([]rune, 0, len(s))
	for i, r := range s {
		out = append(out, f.rune(r, i))
	}
	return string(out)
}

func (g *Generation) indexGroups() {
	var entries []entry
	for i := range g.groups {
		r := &g.groups[i]
		scope, ok := g.sources[r.Source]
		if !ok {
			scope = rules.ID(len(g.sources))
			g.sources[r.Source] = scope
		}
		entries = put(entries, r.Name, scope, rules.ID(i))
	}
	g.groupName = layers{base: newTable(FoldCase, entries)}
}

func (g *Generation) indexSpaces() {
	var keys, ids, names []entry
	for i := range g.spaces {
		s, id := &g.spaces[i], rules.ID(i)
		keys = put(keys, s.Key, rules.NoID, id)
		ids = put(ids, s.ID, rules.NoID, id)
		names = put(names, s.Name, rules.NoID, id)
		for _, a := range s.Aliases {
			names = put(names, a, rules.NoID, id)
		}
	}
	g.spaceKey = layers{base: newTable(g.options.Spaces, keys)}
	g.spaceID = layers{base: newTable(FoldNone, ids)}
	g.spaceName = layers{base: newTable(g.options.Spaces, names)}
}

func (g *Generation) indexContent(aliases []rules.AliasRecord) {
	ids := make([]entry, 0, len(g.contents)+len(aliases))
	titles := make([]entry, 0, len(g.contents))
	for i := range g.contents {
		c := &g.contents[i]
		ids = put(ids, c.ID, rules.NoID, rules.ID(i))
		space, ok := g.spaceKey.base.find(c.Space, rules.NoID)
		if ok && titled(c) {
			titles = put(titles, c.Title, space, rules.ID(i))
		}
	}
	// Ids of records first: an alias never takes the place of a record.
	base := newTable(FoldNone, slices.Clone(ids))
	var revisions []entry
	for _, a := range aliases {
		of, ok := base.find(a.Of, rules.NoID)
		if !ok || of == rules.NoID {
			continue
		}
		g.aliases++
		ids, revisions = putAlias(ids, revisions, a, of, base)
	}
	if len(ids) > len(base.entries) {
		base = newTable(FoldNone, ids)
	}
	g.contentID = layers{base: base}
	g.contentTitle = layers{base: newTable(g.options.Titles, titles)}
	g.revision = layers{base: newTable(FoldNone, revisions)}
}

// titled says whether a piece of content can be asked for by its title: drafts
// and what lies in the trash leave the title to others.
func titled(c *rules.ContentRecord) bool {
	switch c.Status {
	case "", "current", "archived":
		return true
	}
	return false
}

// putAlias files an alias by its kind. Revisions have numbers of their own;
// drafts are nobody's to ask for.
func putAlias(ids, revisions []entry, a rules.AliasRecord, of rules.ID, known *table) (newIDs, newRevisions []entry) {
	switch a.Kind {
	case "revision":
		return ids, put(revisions, a.ID, rules.NoID, of)
	case "draft":
		return ids, revisions
	}
	if _, taken := known.find(a.ID, rules.NoID); taken {
		return ids, revisions
	}
	return put(ids, a.ID, rules.NoID, of), revisions
}

package upstream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/postern-gateway/postern/rules"
	"github.com/tidwall/gjson"
)

// builder gathers records; records of the same id add up.
type builder struct {
	dir     rules.Directory
	users   map[string]int
	groups  map[string]int
	byKey   map[string]int // spaces
	byID    map[string]int
	content map[string]int
	aliases map[string]int
	full    map[string]string // full title -> content id, for what this builder holds
	later   []later           // what needs the whole picture
	records int
	max     int
}

// later is a reference by full title, or from the other end.
type later struct {
	content string // id
	field   string
	values  []string
}

func newBuilder(maxRecords int) *builder {
	return &builder{
		users: map[string]int{}, groups: map[string]int{}, byKey: map[string]int{}, byID: map[string]int{},
		content: map[string]int{}, aliases: map[string]int{}, full: map[string]string{}, max: maxRecords,
	}
}

// add makes a record of an item. With merge it only adds to what is there.
func (b *builder) add(into string, m mapping, item gjson.Result, v vars, merge bool) error {
	r := &row{m: m, item: item, v: v}
	switch into {
	case "users":
		b.addUser(r, merge)
	case "groups":
		b.addGroup(r, merge)
	case "spaces":
		b.addSpace(r, merge)
	case "content":
		b.addContent(r, merge)
	case "aliases":
		b.addAlias(r)
	}
	if r.err != nil {
		return r.err
	}
	if b.records > b.max {
		return fmt.Errorf("%w: more than %d records", ErrLimit, b.max)
	}
	return nil
}

// slot gives the record of that id in list, making one unless merge is set.
func slot[T any](b *builder, list *[]T, index map[string]int, id string, merge bool) *T {
	if id == "" {
		return nil
	}
	i, ok := index[id]
	if !ok {
		if merge {
			return nil
		}
		i = len(*list)
		index[id] = i
		*list = append(*list, *new(T))
		b.records++
	}
	return &(*list)[i]
}

// fill sets an empty field.
func fill(dst *string, s string) {
	if *dst == "" {
		*dst = s
	}
}

func fillAll(dst *map[string]string, src map[string]string) {
	if *dst == nil {
		*dst = src
		return
	}
	for k, v := range src {
		if (*dst)[k] == "" {
			(*dst)[k] = v
		}
	}
}

func (b *builder) addUser(r *row, merge bool) {
	name := r.one("username")
	u := slot(b, &b.dir.Users, b.users, name, merge)
	if u == nil {
		return
	}
	u.Username = name
	fill(&u.Key, r.one("key"))
	fill(&u.AccountID, r.one("account_id"))
	fill(&u.Email, r.one("email"))
	fill(&u.DisplayName, r.one("display_name"))
	if u.Active == nil {
		u.Active = r.active()
	}
	u.AvatarIDs = append(u.AvatarIDs, r.list("avatar_ids")...)
	u.Identities = append(u.Identities, r.list("identities")...)
	u.Groups = append(u.Groups, r.list("groups")...)
	fillAll(&u.Attributes, r.attributes())
}

func (b *builder) addGroup(r *row, merge bool) {
	name, source := r.one("name"), r.one("source")
	g := slot(b, &b.dir.Groups, b.groups, source+"/"+name, merge)
	if g == nil || name == "" {
		return
	}
	g.Name, g.Source = name, source
	g.Groups = append(g.Groups, r.list("groups")...)
}

func (b *builder) addSpace(r *row, merge bool) {
	key, id := r.one("key"), r.one("id")
	i, ok := b.byID[id]
	if !ok || id == "" {
		if i, ok = b.byKey[key]; !ok || key == "" {
			if merge || key == "" {
				return
			}
			i = len(b.dir.Spaces)
			b.dir.Spaces = append(b.dir.Spaces, rules.SpaceRecord{})
			b.records++
		}
	}
	s := &b.dir.Spaces[i]
	fill(&s.Key, key)
	fill(&s.ID, id)
	fill(&s.Name, r.one("name"))
	fill(&s.Type, r.one("type"))
	fill(&s.Status, r.one("status"))
	fill(&s.Owner, r.one("owner"))
	fill(&s.Home, r.one("home"))
	s.Aliases = append(s.Aliases, r.list("aliases")...)
	b.byKey[s.Key] = i
	if s.ID != "" {
		b.byID[s.ID] = i
	}
}

func (b *builder) addContent(r *row, merge bool) {
	id := r.one("id")
	c := slot(b, &b.dir.Content, b.content, id, merge)
	if c == nil {
		return
	}
	c.ID = id
	fill(&c.Type, r.one("type"))
	fill(&c.Space, r.one("space"))
	fill(&c.Title, r.one("title"))
	fill(&c.Parent, r.one("parent"))
	fill(&c.Status, r.one("status"))
	fill(&c.Date, strings.ReplaceAll(r.one("date"), "/", "-"))
	fill(&c.Redirect, r.one("redirect"))
	c.Labels = append(c.Labels, r.list("labels")...)
	c.Includes = append(c.Includes, r.list("includes")...)
	c.UsedBy = append(c.UsedBy, r.list("used_by")...)
	fillAll(&c.Attributes, r.attributes())
	users, groups := r.list("restricted_to.users"), r.list("restricted_to.groups")
	if len(users)+len(groups) > 0 {
		if c.RestrictedTo == nil {
			c.RestrictedTo = &rules.Restriction{}
		}
		c.RestrictedTo.Users = append(c.RestrictedTo.Users, users...)
		c.RestrictedTo.Groups = append(c.RestrictedTo.Groups, groups...)
	}
	for _, f := range []string{"title.full", "parent.title", "parent.path", "includes.title", "used_by.title", "redirect.title", "redirected_from"} {
		vals := r.list(f)
		if len(vals) == 0 {
			continue
		}
		if f == "title.full" {
			b.full[vals[0]] = id
		}
		b.later = append(b.later, later{id, f, vals})
	}
}

func (b *builder) addAlias(r *row) {
	of, kind := r.one("of"), r.one("kind")
	for _, id := range r.list("id") {
		if of == "" {
			continue
		}
		if a := slot(b, &b.dir.Aliases, b.aliases, kind+"/"+id, false); a != nil {
			*a = rules.AliasRecord{ID: id, Of: of, Kind: kind}
		}
	}
}

// Known is what the rest of the directory knows, for records that came alone.
type Known interface {
	// Space finds a space by key or id.
	Space(word string) (rules.SpaceRecord, bool)
	// ContentByFullTitle finds content by its space's name, a colon, and its
	// title (the title alone, where the space's name is empty).
	ContentByFullTitle(full string) (id string, ok bool)
}

// finish resolves what waited for the whole picture, and cleans up.
func (b *builder) finish(known Known) rules.Directory {
	space := func(word string) (rules.SpaceRecord, bool) {
		if i, ok := b.byKey[word]; ok {
			return b.dir.Spaces[i], true
		}
		if i, ok := b.byID[word]; ok {
			return b.dir.Spaces[i], true
		}
		if known != nil {
			return known.Space(word)
		}
		return rules.SpaceRecord{}, false
	}
	byTitle := func(full string) (string, bool) {
		if id, ok := b.full[full]; ok {
			return id, true
		}
		if known != nil {
			return known.ContentByFullTitle(full)
		}
		return "", false
	}
	for i := range b.dir.Content {
		c := &b.dir.Content[i]
		if s, ok := space(c.Space); ok {
			c.Space = s.Key
		}
	}
	for _, l := range b.later {
		b.resolve(l, space, byTitle)
	}
	for i := range b.dir.Users {
		u := &b.dir.Users[i]
		u.AvatarIDs, u.Groups, u.Identities = unique(u.AvatarIDs), unique(u.Groups), unique(u.Identities)
	}
	for i := range b.dir.Spaces {
		b.dir.Spaces[i].Aliases = unique(b.dir.Spaces[i].Aliases)
	}
	for i := range b.dir.Content {
		c := &b.dir.Content[i]
		c.Labels, c.Includes, c.UsedBy = unique(c.Labels), unique(c.Includes), unique(c.UsedBy)
		if rt := c.RestrictedTo; rt != nil {
			rt.Users, rt.Groups = unique(rt.Users), unique(rt.Groups)
		}
	}
	return b.dir
}

func (b *builder) resolve(l later, space func(string) (rules.SpaceRecord, bool), byTitle func(string) (string, bool)) {
	c := &b.dir.Content[b.content[l.content]]
	ids := func() []string {
		var out []string
		for _, full := range l.values {
			if id, ok := byTitle(full); ok {
				out = append(out, id)
			}
		}
		return out
	}
	switch l.field {
	case "title.full":
		title := l.values[0]
		if s, ok := space(c.Space); ok && s.Name != "" {
			title = strings.TrimPrefix(title, s.Name+":")
		}
		fill(&c.Title, title)
	case "parent.title":
		if p := ids(); len(p) > 0 {
			fill(&c.Parent, p[0])
		}
	case "parent.path":
		for path := l.values[0]; ; {
			i := strings.LastIndexByte(path, '/')
			if i <= 0 {
				break
			}
			path = path[:i]
			if id, ok := byTitle(path); ok && id != c.ID {
				fill(&c.Parent, id)
				break
			}
		}
	case "includes.title":
		c.Includes = append(c.Includes, ids()...)
	case "used_by.title":
		c.UsedBy = append(c.UsedBy, ids()...)
	case "redirect.title":
		if p := ids(); len(p) > 0 {
			fill(&c.Redirect, p[0])
		}
	case "redirected_from":
		for _, id := range l.values {
			if i, ok := b.content[id]; ok {
				fill(&b.dir.Content[i].Redirect, c.ID)
			}
		}
	}
}

// unique sorts a list and takes repetitions out.
func unique(l []string) []string {
	if len(l) < 2 {
		return l
	}
	slices.Sort(l)
	return slices.Clip(slices.Compact(l))
}

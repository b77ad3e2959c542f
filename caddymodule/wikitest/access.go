package wikitest

import (
	"net/http"
	"slices"
	"sort"
	"strings"
)

// index is a prepared world with its look-ups; immutable once made.
type index struct {
	*World
	users    map[string]*User // by name
	userKeys map[string]*User
	avatars  map[int64]*User
	spaces   map[string]*Space // by lower-case key
	pages    map[int64]*Page
	old      map[int64]oldVersion // by the old version's id
	comments map[int64]commentRef
	files    map[int64]fileRef
	titles   map[string]*Page // lower-case space, NUL, lower-case title: pages only
	children map[int64][]*Page
}

type oldVersion struct {
	page *Page
	n    int // 0-based
}
type commentRef struct {
	page *Page
	c    *Comment
}
type fileRef struct {
	page *Page
	a    *Attachment
}

func newIndex(w *World) *index {
	x := &index{
		World: w, users: map[string]*User{}, userKeys: map[string]*User{}, avatars: map[int64]*User{},
		spaces: map[string]*Space{}, pages: map[int64]*Page{}, old: map[int64]oldVersion{},
		comments: map[int64]commentRef{}, files: map[int64]fileRef{}, titles: map[string]*Page{}, children: map[int64][]*Page{},
	}
	for i := range w.Users {
		u := &w.Users[i]
		x.users[u.Name], x.userKeys[u.Key], x.avatars[u.AvatarID] = u, u, u
	}
	for i := range w.Spaces {
		x.spaces[strings.ToLower(w.Spaces[i].Key)] = &w.Spaces[i]
	}
	for i := range w.Pages {
		p := &w.Pages[i]
		x.pages[p.ID] = p
		for j := range p.Versions[:len(p.Versions)-1] {
			x.old[p.Versions[j].ID] = oldVersion{p, j}
		}
		for j := range p.Comments {
			x.comments[p.Comments[j].ID] = commentRef{p, &p.Comments[j]}
		}
		for j := range p.Attachments {
			x.files[p.Attachments[j].ID] = fileRef{p, &p.Attachments[j]}
		}
		if p.Type == "page" {
			x.titles[titleKey(p.Space, p.Title)] = p
		}
	}
	for i := range w.Pages {
		if p := &w.Pages[i]; p.Parent != "" && p.Type == "page" && !p.Aside {
			if up := x.titles[titleKey(p.Space, p.Parent)]; up != nil {
				x.children[up.ID] = append(x.children[up.ID], p)
			}
		}
	}
	return x
}

func titleKey(space, title string) string {
	return strings.ToLower(space) + "\x00" + strings.ToLower(title)
}

func (x *index) space(key string) *Space { return x.spaces[strings.ToLower(key)] }

func (x *index) parent(p *Page) *Page {
	if p.Parent == "" {
		return nil
	}
	return x.titles[titleKey(p.Space, p.Parent)]
}

// ancestors lists the pages above p, outermost first.
func (x *index) ancestors(p *Page) []*Page {
	var up []*Page
	for a := x.parent(p); a != nil && !slices.Contains(up, a); a = x.parent(a) {
		up = append(up, a)
	}
	slices.Reverse(up)
	return up
}

func (x *index) home(s *Space) *Page { return x.titles[titleKey(s.Key, s.Home)] }

// account is who asks; a nil user is anonymous.
type account struct {
	x    *index
	user *User
}

// identify says who asks: by a token, by the wiki's own session, or by a trusted
// header.
func (s *server) identify(x *index, r *http.Request) account {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return account{x, x.users[x.Tokens[token]]}
	}
	if u := x.users[s.logins.of(r)]; u != nil {
		return account{x, u}
	}
	return account{x, x.users[r.Header.Get("X-Remote-User")]}
}

func (a account) in(list []string) bool {
	for _, e := range list {
		if e == "anyone" {
			return true
		}
		if a.user == nil {
			continue
		}
		if g, ok := strings.CutPrefix(e, "group:"); ok && slices.Contains(a.user.Groups, g) || e == a.user.Name {
			return true
		}
	}
	return false
}

func (a account) seesSpace(s *Space) bool {
	if s == nil {
		return false
	}
	if a.user != nil && (a.user.SeesAll || s.Owner != "" && s.Owner == a.user.Name) {
		return true
	}
	return a.in(s.Readers)
}

func (a account) seesPage(p *Page) bool {
	if p == nil || p.Status == "trashed" || p.Status == "draft" || !a.seesSpace(a.x.space(p.Space)) {
		return false
	}
	if a.user != nil && a.user.SeesAll {
		return true
	}
	for _, q := range append(a.x.ancestors(p), p) {
		if len(q.Restricted) > 0 && !a.in(q.Restricted) {
			return false
		}
	}
	return true
}

func (a account) visibleSpaces() []*Space {
	var out []*Space
	for i := range a.x.Spaces {
		if a.seesSpace(&a.x.Spaces[i]) {
			out = append(out, &a.x.Spaces[i])
		}
	}
	return out
}

// visiblePages lists what the account sees, newest change first.
func (a account) visiblePages() []*Page {
	var out []*Page
	for i := range a.x.Pages {
		if a.seesPage(&a.x.Pages[i]) {
			out = append(out, &a.x.Pages[i])
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].last().When.After(out[j].last().When) })
	return out
}

func (p *Page) last() *Version { return &p.Versions[len(p.Versions)-1] }

func (a account) childrenOf(p *Page) []*Page {
	var out []*Page
	for _, c := range a.x.children[p.ID] {
		if a.seesPage(c) {
			out = append(out, c)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].Title < out[j].Title })
	return out
}

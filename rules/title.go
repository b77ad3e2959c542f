package rules

import (
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/postern-gateway/postern/rules/codec/mwtitle"
)

// namespaces is what titles need to be read: names of spaces to their numbers,
// and the spaces' keys.
type namespaces struct {
	names mwtitle.Names
	keys  map[int]string
}

// namespaceCache holds the names of the generation that was asked for last.
type namespaceCache struct {
	last atomic.Pointer[cachedNames]
}

type cachedNames struct {
	facts Facts
	ns    *namespaces
}

// of gives the names that f's spaces have.
func (c *namespaceCache) of(f Facts, none string) *namespaces {
	if l := c.last.Load(); l != nil && sameFacts(l.facts, f) {
		return l.ns
	}
	ns := newNamespaces(f, none)
	c.last.Store(&cachedNames{f, ns})
	return ns
}

// sameFacts compares two generations, which may be of a type that does not
// compare.
func sameFacts(a, b Facts) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return reflect.TypeOf(a).Comparable() && reflect.TypeOf(b).Comparable() && a == b
}

// builtin are the names that every wiki understands whose titles carry their
// namespace, whatever its language.
var builtin = []string{
	0: "", 1: "Talk", 2: "User", 3: "User talk", 4: "Project", 5: "Project talk", 6: "File", 7: "File talk",
	8: "MediaWiki", 9: "MediaWiki talk", 10: "Template", 11: "Template talk", 12: "Help", 13: "Help talk", 14: "Category", 15: "Category talk",
}

func newNamespaces(f Facts, none string) *namespaces {
	ns := &namespaces{names: mwtitle.Names{}, keys: map[int]string{0: none}}
	ns.names.Add(mwtitle.NSSpecial, "Special")
	ns.names.Add(mwtitle.NSMedia, "Media")
	ns.names.Add(mwtitle.NSFile, "Image")
	ns.names.Add(mwtitle.NSFile+1, "Image talk")
	for id, name := range builtin[1:] {
		ns.names.Add(id+1, name)
		ns.keys[id+1] = name
	}
	if f == nil {
		return ns
	}
	for _, s := range f.Spaces() {
		id, err := strconv.Atoi(s.ID)
		if err != nil {
			continue
		}
		ns.keys[id] = s.Key
		if id == mwtitle.NSMain {
			continue
		}
		for _, name := range append([]string{s.Key, s.Name}, s.Aliases...) {
			if name != "" {
				ns.names.Add(id, name)
			}
		}
	}
	return ns
}

// title is a title, read.
type title struct {
	raw   string
	ns    int
	local string
	ok    bool
}

func (ns *namespaces) read(raw string) title {
	id, local, err := mwtitle.Parse(raw, ns.names)
	return title{raw, id, local, err == nil}
}

// key names the page that t is the title of, if it is that of a page.
func (t title) key(ns *namespaces) (Key, bool) {
	id := t.ns
	if id == mwtitle.NSMedia {
		id = mwtitle.NSFile
	}
	space, ok := ns.keys[id]
	if !t.ok || !ok || id < 0 {
		return Key{}, false
	}
	return Key{Attr: ContentTitle, Value: t.local, Space: space}, true
}

// special gives the folded name and the subpage of a special page's title.
func (t title) special() (name, sub string, ok bool) {
	if !t.ok || t.ns != mwtitle.NSSpecial {
		return "", "", false
	}
	name, sub, _ = mwtitle.Special(t.local)
	return name, sub, true
}

// title reads a title, once where the same one is asked for twice in a row.
func (x *matcher) title(raw string) title {
	if x.last.raw != raw || raw == "" {
		x.last = x.namespaces().read(raw)
	}
	return x.last
}

func (x *matcher) namespaces() *namespaces {
	if x.ns == nil {
		x.ns = x.t.names.of(x.f, x.t.none)
	}
	return x.ns
}

// TitleKey reads the full title of a page, such as "ACME:Plan", into a key that
// names the space apart. It reports false for what is no title of a page, and
// where the profile's titles do not carry their space.
func (p *Profile) TitleKey(f Facts, raw string) (Key, bool) {
	if !p.routes().titles {
		return Key{}, false
	}
	ns := p.routes().names.of(f, p.routes().none)
	return ns.read(raw).key(ns)
}

// SpecialTitle judges the title of a special page that stands in source as the
// link that it makes: the page's route is to be open, and whom or what the title
// names visible. It reports false for every other title.
func (j *Judge) SpecialTitle(raw string) (d Decision, ok bool) {
	if j.profile.Titles == nil || j.profile.Titles.URL == "" || !j.profile.routes().titles {
		return Decision{}, false
	}
	if _, _, ok := j.titles().read(raw).special(); !ok {
		return Decision{}, false
	}
	path := (&url.URL{Path: mwtitle.DBKey(strings.TrimLeft(raw, ": "))}).EscapedPath()
	switch l := j.BelowBase(strings.Replace(j.profile.Titles.URL, "{title}", path, 1)); {
	case l.Fate == FateKeep:
		return visible(reasonBodyVisible), true
	case l.Decision.Verdict == Visible:
		return hidden(whyNoRoute), true
	default:
		return l.Decision, true
	}
}

package xmlrewrite

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/postern-gateway/postern/caddymodule/rewrite/edit"
	"github.com/postern-gateway/postern/rules"
)

// Program is a profile's feed rules, compiled. It is immutable and safe for
// concurrent use.
type Program struct {
	feeds []feed
	names map[string]uint16 // of elements, numbered from 1
	known []known           // by number
}

// Input is what one document is rewritten with.
type Input struct {
	// Judge decides about URLs and references.
	Judge edit.Judge
	// Title makes a key of a raw title that carries its space in itself; nil:
	// the raw title is the key's value.
	Title func(raw string) (rules.Key, bool)
	// Texts are the placeholders (rules.View.Texts).
	Texts map[string]string
	// Evidence are probes of the form "xml:PLACE", such as "xml:channel/link".
	Evidence []string
	// Inner rewrites a document inside an element; codec is "html". Without it
	// such elements go.
	Inner func(codec string, src []byte) ([]byte, error)
	// Window, if set, cuts the entries to a part.
	Window *edit.Window
	// Charset is the legacy charset that the document was converted from, in
	// lower case; empty for UTF-8. A declaration that says so is set to UTF-8,
	// one that says otherwise is refused.
	Charset string
}

// use is what an element is.
type use uint8

const (
	unknown use = iota
	container
	plain
	prose
	markup
	link
	user
	title
	drop
)

// pattern names elements, or an attribute of theirs: "name", "parent/name",
// "name@attr".
type pattern struct{ parent, name, attr string }

func parsePattern(s string) (pattern, error) {
	var p pattern
	s = strings.TrimSpace(s)
	s, p.attr, _ = strings.Cut(s, "@")
	if i := strings.LastIndexByte(s, '/'); i >= 0 {
		p.parent, s = s[:i], s[i+1:]
	}
	p.name = s
	if p.name == "" || strings.ContainsAny(p.name+p.parent+p.attr, " ,|/@<>") {
		return p, fmt.Errorf("%q is no element", s)
	}
	return p, nil
}

// matches reports whether element i is meant.
func (p pattern) matches(t *tape, i int32) bool {
	n := &t.nodes[i]
	return t.name(i) == p.name && (p.parent == "" || n.parent >= 0 && t.name(n.parent) == p.parent)
}

// subject is a place in an entry that says what it is about.
type subject struct {
	pattern
	url bool
	key rules.Attr
	re  *regexp.Regexp
}

// feed is one compiled FeedRule.
type feed struct {
	entry    []pattern
	subjects []subject
	uses     []usePattern
	attrUses []usePattern // those of attributes
	keep     bool         // undecided entries
	userAttr rules.Attr
	newest   []pattern
}

type usePattern struct {
	pattern
	use use
}

var shortAttrs = map[string]rules.Attr{
	"user": rules.UserName, "content": rules.ContentTitle, "space": rules.SpaceKey, "group": rules.GroupName,
}

// Compile makes a program of the profile's feed rules.
func Compile(p *rules.Profile) (*Program, error) {
	pr := &Program{}
	for i := range p.Feeds {
		f, err := compileFeed(&p.Feeds[i])
		if err != nil {
			return nil, p.Fault("feeds", i, err) //nolint:wrapcheck // has its place
		}
		pr.feeds = append(pr.feeds, f)
	}
	return pr, pr.nameElements()
}

func compileFeed(r *rules.FeedRule) (f feed, err error) {
	f.userAttr = rules.UserName
	if r.UserAttr != "" {
		a, ok := rules.ParseAttr(r.UserAttr)
		if !ok || a.Kind() != rules.User {
			return f, fmt.Errorf("user_attr: %q is no attribute of a user", r.UserAttr)
		}
		f.userAttr = a
	}
	switch r.Undecided {
	case "", "drop":
	case "keep":
		f.keep = true
	default:
		return f, fmt.Errorf("undecided: %q is neither drop nor keep", r.Undecided)
	}
	for _, s := range strings.Split(r.Entry, ",") {
		p, err := parsePattern(s)
		if err != nil {
			return f, fmt.Errorf("entry: %w", err)
		}
		f.entry = append(f.entry, p)
	}
	for _, s := range r.Subject {
		at, re, found := strings.Cut(s.At, "|")
		su := subject{url: s.As == "url" || s.As == ""}
		if su.pattern, err = parsePattern(at); err != nil {
			return f, fmt.Errorf("subject: %w", err)
		}
		if found {
			if su.re, err = regexp.Compile(re); err != nil {
				return f, fmt.Errorf("subject %q: %w", s.At, err)
			}
		}
		if a, ok := rules.ParseAttr(s.As); ok {
			su.key = a
		} else if su.key = shortAttrs[s.As]; su.key == rules.NoAttr && !su.url {
			return f, fmt.Errorf("subject %q: %q is no attribute of an entity", s.At, s.As)
		}
		f.subjects = append(f.subjects, su)
	}
	// The first to name an element wins: what hides most comes first.
	for _, l := range []struct {
		use   use
		names []string
	}{{drop, r.Drop}, {user, r.User}, {title, r.Titles}, {markup, r.HTML}, {link, r.URL}, {prose, r.Prose}, {plain, r.Plain}} {
		for _, s := range l.names {
			p, err := parsePattern(s)
			if err != nil {
				return f, err
			}
			f.uses = append(f.uses, usePattern{p, l.use})
		}
	}
	for _, s := range r.Newest {
		p, err := parsePattern(s)
		if err != nil {
			return f, fmt.Errorf("newest: %w", err)
		}
		f.newest = append(f.newest, p)
	}
	return f, nil
}

// standard says what the elements of the feed formats are, where the profile
// does not.
var standard = map[string]use{
	"rss": container, "channel": container, "feed": container, "rdf:RDF": container, "image": container,
	"author": container, "contributor": container, "source": container, "items": container, "rdf:Seq": container,
	"rdf:li": link, "textInput": drop, "cloud": drop, "managingEditor": drop, "webMaster": drop, "media:group": drop,

	"title": prose, "subtitle": prose, "description": markup, "summary": markup, "content": markup,
	"content:encoded": markup, "tagline": prose, "category": prose,
	"link": link, "url": link, "comments": link, "guid": link, "id": link, "uri": link, "icon": link, "logo": link,
	"enclosure": link, "docs": link, "atom:link": link, "wfw:commentRss": link,
	"name": user, "email": user, "dc:creator": user, "creator": user,

	"pubDate": plain, "lastBuildDate": plain, "updated": plain, "published": plain, "dc:date": plain, "ttl": plain,
	"language": plain, "dc:language": plain, "generator": plain, "copyright": plain, "rights": plain,
	"width": plain, "height": plain, "skipHours": container, "skipDays": container, "hour": plain, "day": plain,
	"slash:comments": drop, "thr:total": drop,
	"sy:updatePeriod": plain, "sy:updateFrequency": plain, "sy:updateBase": plain,
}

// openSearch says the same for OpenSearch descriptions.
var openSearch = map[string]use{
	"OpenSearchDescription": container, "ShortName": plain, "LongName": plain, "Description": plain, "Tags": plain,
	"Contact": drop, "Developer": drop, "Attribution": plain, "SyndicationRight": plain, "AdultContent": plain,
	"Language": plain, "InputEncoding": plain, "OutputEncoding": plain, "Url": link, "Image": link, "Query": drop,
	"moz:SearchForm": link, "SearchForm": link,
}

// attrUse says what attributes are; others go.
var attrUse = map[string]use{
	"href": link, "url": link, "src": link, "uri": link, "rdf:about": link, "rdf:resource": link, "scheme": link,
	"template": link, "resource": link, "domain": link,
	"version": plain, "rel": plain, "type": plain, "isPermaLink": plain, "length": plain, "hreflang": plain,
	"xml:lang": plain, "xml:space": plain, "method": plain, "indexOffset": plain, "pageOffset": plain,
	"width": plain, "height": plain, "term": prose, "label": prose, "title": prose, "rdf:parseType": plain,
}

func isNamespace(name string) bool { return name == "xmlns" || strings.HasPrefix(name, "xmlns:") }

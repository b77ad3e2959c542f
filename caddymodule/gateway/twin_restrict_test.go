package gateway_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/postern-gateway/postern/caddymodule/wikitest"
)

// placeholderUser is the account that has written, in a restricted world, what
// somebody wrote whom the viewer does not see. Nobody finds it.
var placeholderUser = wikitest.User{Name: "placeholder", Key: "2c9d0000000000000000000000000000", AvatarID: 1, Display: "Restricted user", Inactive: true}

// restricted is W|v: the world in which nothing is that somebody does not see.
// Who wrote what he sees, and is not seen himself, is the placeholder; a link
// to what is not there is the placeholder's text; a page below one that is not
// there keeps the ancestors that are, and is nobody's child.
func restricted(t *testing.T, w *wikitest.World, s sight) *wikitest.World {
	t.Helper()
	r := restriction{sight: s, w: w}
	c := *w
	c.Users = []wikitest.User{placeholderUser}
	for _, u := range w.Users {
		if s.user[u.Name] || u.SeesAll {
			c.Users = append(c.Users, u)
		}
	}
	c.Groups = slices.DeleteFunc(slices.Clone(w.Groups), func(g wikitest.Group) bool {
		return !slices.ContainsFunc(c.Users, func(u wikitest.User) bool { return slices.Contains(u.Groups, g.Name) })
	})
	c.Spaces = slices.DeleteFunc(slices.Clone(w.Spaces), func(sp wikitest.Space) bool { return !s.space[sp.Key] })
	c.Pages = nil
	for _, p := range w.Pages {
		if s.page[p.ID] {
			c.Pages = append(c.Pages, r.page(p))
		}
	}
	if err := c.Prepare(); err != nil {
		t.Fatal(err)
	}
	return &c
}

type restriction struct {
	sight
	w *wikitest.World
}

func (r *restriction) by(name string) string {
	if r.user[name] {
		return name
	}
	return placeholderUser.Name
}

func (r *restriction) seen(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !r.user[n] })
}

// find is the page that a reference KEY:Title names.
func (r *restriction) find(ref string) *wikitest.Page {
	space, title, _ := strings.Cut(ref, ":")
	for i := range r.w.Pages {
		if p := &r.w.Pages[i]; p.Space == space && p.Title == title {
			return p
		}
	}
	return nil
}

func (r *restriction) page(p wikitest.Page) wikitest.Page {
	for up := r.find(p.Space + ":" + p.Parent); up != nil && !r.sight.page[up.ID]; up = r.find(p.Space + ":" + p.Parent) {
		p.Parent, p.Aside = up.Parent, true
	}
	p.Author, p.Likes, p.Body = r.by(p.Author), r.seen(p.Likes), r.body(p.Body)
	p.Versions, p.Comments, p.Attachments = slices.Clone(p.Versions), slices.Clone(p.Comments), slices.Clone(p.Attachments)
	for i := range p.Versions {
		v := &p.Versions[i]
		v.By, v.Body = r.by(v.By), r.body(v.Body)
	}
	for i := range p.Comments {
		c := &p.Comments[i]
		c.By, c.Body, c.Likes = r.by(c.By), r.body(c.Body), r.seen(c.Likes)
	}
	for i := range p.Attachments {
		p.Attachments[i].By = r.by(p.Attachments[i].By)
	}
	return p
}

// body is a text in which the placeholder stands for what is not there. What
// the index made of it is not what the page shows: the text that somebody gave
// a link is found, and stands in excerpts, whether the link is there or not.
func (r *restriction) body(b string) string {
	return twinMark.ReplaceAllStringFunc(b, func(m string) string {
		x := twinMark.FindStringSubmatch(m)
		kind, arg, text := x[1], x[2], strings.TrimPrefix(x[3], "|")
		show := ""
		switch kind {
		case "user", "mail":
			if !r.user[arg] {
				show = placeholder("Hidden user")
			}
		case "avatar", "profile":
			if !r.user[arg] {
				return ""
			}
		default:
			ref, _, _ := strings.Cut(arg, "!")
			switch p := r.find(ref); {
			case p == nil || r.sight.page[p.ID]:
			case kind == "image":
				show = noImage
			case kind == "include" && p.Type == "blogpost": // not found, and messages of macros go
				return ""
			default:
				show = placeholder("Restricted page")
			}
		}
		if show == "" {
			return m
		}
		return "{{unread:" + text + "|" + show + "}}"
	})
}

func placeholder(text string) string { return `<span class="postern-hidden">` + text + `</span>` }

// noImage is what is left of a picture that is not there.
const noImage = `<span class="confluence-embedded-file-wrapper"><img class="confluence-embedded-image" draggable="false" src="data:image/gif;base64,R0lGODlhAQABAIAAAMLCwgAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="></span>`

// knownDifferences are those between a world and what is left of it, each with
// its line in the README.
var knownDifferences = []change{
	// Words cut from prose.
	{regexp.MustCompile(` *\[…\]`), ""},
	// What follows of them.
	{regexp.MustCompile(`Content-Length:\[\d+\] |Etag:\["[^"]*"\] `), ""},
}

// shorter are lists that come out shorter than asked for.
var shorter = []string{"/rest/spacedirectory/1/search?pageSize=1"}

func isShorter(target string) bool {
	return slices.ContainsFunc(shorter, func(p string) bool { return strings.HasPrefix(target, p) })
}

// upTo takes the known differences out of an answer.
func upTo(s string) string {
	for _, d := range knownDifferences {
		s = d.what.ReplaceAllString(s, d.with)
	}
	return s
}

// TestTwinRestricted is the promise itself: what comes out of a world is what
// would come out of a world that has nothing else in it.
func TestTwinRestricted(t *testing.T) {
	t.Parallel()
	forTwins(t, func(t *testing.T, w *wikitest.World, s sight, _ uint64, as string) {
		r := restricted(t, w, s)
		paths := slices.DeleteFunc(twinPaths(w, r), isShorter)
		compareTwins(t, newTwin(t, w, as), newTwin(t, r, as), paths, upTo)
	})
}

package wikitest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// World is everything that the stand-in serves. The zero value of most fields
// is filled in by [World.Prepare]: ids, keys, dates and first versions.
type World struct {
	// Site is the wiki's name, as it stands in page titles.
	Site string `yaml:"site"`
	// Base is the address that the wiki believes it has; left out, the one it
	// is asked at.
	Base string `yaml:"base"`
	// Context is the context path, such as "/confluence", or empty.
	Context string `yaml:"context"`
	// Version and Build are what the wiki says of itself.
	Version string `yaml:"version"`
	Build   string `yaml:"build"`
	// Links is the form of page URLs: "display" (default) or "spaces".
	Links string `yaml:"links"`
	// Tokens maps bearer tokens to user names.
	Tokens map[string]string `yaml:"tokens"`

	Users  []User  `yaml:"users"`
	Groups []Group `yaml:"groups"`
	Spaces []Space `yaml:"spaces"`
	Pages  []Page  `yaml:"pages"`
}

// User is a person or a technical account.
type User struct {
	Name       string            `yaml:"name"`
	Key        string            `yaml:"key"`
	Display    string            `yaml:"display"`
	Email      string            `yaml:"email"`
	Groups     []string          `yaml:"groups"`
	AvatarID   int64             `yaml:"avatar_id"`
	Picture    bool              `yaml:"picture"` // has a picture of his own
	Inactive   bool              `yaml:"inactive"`
	SeesAll    bool              `yaml:"sees_all"` // an account that no permission binds
	Attributes map[string]string `yaml:"attributes"`
}

// Group is a group of users; membership stands with the users.
type Group struct {
	Name string `yaml:"name"`
}

// Space is a space and who may read it.
type Space struct {
	Key         string   `yaml:"key"`
	ID          int64    `yaml:"id"`
	Name        string   `yaml:"name"`
	Type        string   `yaml:"type"`   // global (default) or personal
	Status      string   `yaml:"status"` // current (default) or archived
	Owner       string   `yaml:"owner"`
	Description string   `yaml:"description"`
	Home        string   `yaml:"home"`    // title of the home page; left out, the space's first page
	Readers     []string `yaml:"readers"` // user names, "group:NAME", or "anyone"
	Labels      []string `yaml:"labels"`
}

// Page is a page or blog post with all that hangs on it.
type Page struct {
	ID          int64        `yaml:"id"`
	Space       string       `yaml:"space"`
	Title       string       `yaml:"title"`
	Type        string       `yaml:"type"` // page (default) or blogpost
	Date        string       `yaml:"date"` // blog posts: YYYY/MM/DD
	Parent      string       `yaml:"parent"`
	Aside       bool         `yaml:"aside"`  // below its parent, but nobody's child
	Status      string       `yaml:"status"` // current (default), archived, trashed, draft
	Labels      []string     `yaml:"labels"`
	Author      string       `yaml:"author"`
	Created     time.Time    `yaml:"created"`
	Body        string       `yaml:"body"`
	Versions    []Version    `yaml:"versions"` // later versions, oldest first; the last one's body is shown
	Restricted  []string     `yaml:"restricted"`
	Comments    []Comment    `yaml:"comments"`
	Attachments []Attachment `yaml:"attachments"`
	Likes       []string     `yaml:"likes"`
}

// Version is one state of a page.
type Version struct {
	ID      int64     `yaml:"id"` // old versions have ids of their own
	By      string    `yaml:"by"`
	When    time.Time `yaml:"when"`
	Message string    `yaml:"message"`
	Minor   bool      `yaml:"minor"`
	Body    string    `yaml:"body"` // left out: as before
}

// Comment is a footer or inline comment.
type Comment struct {
	ID        int64     `yaml:"id"`
	By        string    `yaml:"by"`
	When      time.Time `yaml:"when"`
	Body      string    `yaml:"body"`
	ReplyTo   int       `yaml:"reply_to"`  // 1-based number of the comment answered
	Selection string    `yaml:"selection"` // inline comments: the text commented on
	Likes     []string  `yaml:"likes"`
}

// Attachment is a file on a page.
type Attachment struct {
	ID        int64     `yaml:"id"`
	Name      string    `yaml:"name"`
	MediaType string    `yaml:"media_type"`
	By        string    `yaml:"by"`
	When      time.Time `yaml:"when"`
	Comment   string    `yaml:"comment"`
	Text      string    `yaml:"text"` // the file's content; left out, one is made up
}

// ParseWorld reads a world file, YAML or JSON, and prepares it.
func ParseWorld(data []byte) (*World, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	w := new(World)
	if err := dec.Decode(w); err != nil {
		return nil, fmt.Errorf("world: %w", err)
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("world: more than one document")
	}
	if err := w.Prepare(); err != nil {
		return nil, err
	}
	return w, nil
}

// LoadWorld reads a world file from disk.
func LoadWorld(path string) (*World, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("world: %w", err)
	}
	return ParseWorld(data)
}

// Prepare fills in what was left out and checks that names resolve. What it
// fills in depends on nothing but order and names, and what is set stays: a
// prepared world from which things are taken keeps the ids of the rest.
func (w *World) Prepare() error {
	def(&w.Site, "Wiki")
	def(&w.Version, "8.5.6")
	def(&w.Build, "9012")
	def(&w.Links, "display")
	w.Context = strings.TrimSuffix(w.Context, "/")
	w.Base = strings.TrimSuffix(w.Base, "/")
	users := map[string]bool{}
	for i := range w.Users {
		u := &w.Users[i]
		if u.Name == "" || users[u.Name] {
			return fmt.Errorf("world: user %d: no name, or one used twice: %q", i, u.Name)
		}
		users[u.Name] = true
		def(&u.Display, u.Name)
		def(&u.Key, userKey(u.Name))
		if u.AvatarID == 0 {
			u.AvatarID = 1114116 + int64(i)*7
		}
	}
	spaces := map[string]bool{}
	for i := range w.Spaces {
		s := &w.Spaces[i]
		if s.Key == "" || spaces[strings.ToLower(s.Key)] {
			return fmt.Errorf("world: space %d: no key, or one used twice: %q", i, s.Key)
		}
		spaces[strings.ToLower(s.Key)] = true
		def(&s.Name, s.Key)
		def(&s.Type, "global")
		def(&s.Status, "current")
		if s.ID == 0 {
			s.ID = 98305 + int64(i)*5
		}
	}
	ids, titles := map[int64]bool{}, map[string]bool{}
	next := int64(66600100)
	claim := func(id *int64) error {
		if *id == 0 {
			for ids[next] {
				next++
			}
			*id = next
		}
		if ids[*id] {
			return fmt.Errorf("world: id %d used twice", *id)
		}
		ids[*id] = true
		return nil
	}
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for i := range w.Pages {
		p := &w.Pages[i]
		where := fmt.Sprintf("world: page %q in %q", p.Title, p.Space)
		if p.Title == "" || !spaces[strings.ToLower(p.Space)] {
			return fmt.Errorf("%s: no title, or no such space", where)
		}
		def(&p.Type, "page")
		def(&p.Status, "current")
		t := strings.ToLower(p.Space + "\x00" + p.Type + "\x00" + p.Date + "\x00" + p.Title)
		if titles[t] {
			return fmt.Errorf("%s: title used twice", where)
		}
		titles[t] = true
		if p.Created.IsZero() {
			p.Created = start.Add(time.Duration(i) * 37 * time.Minute)
		}
		if len(p.Versions) == 0 || p.Versions[0].When != p.Created {
			p.Versions = append([]Version{{By: p.Author, When: p.Created, Body: p.Body}}, p.Versions...)
		}
		for j := range p.Versions {
			v := &p.Versions[j]
			def(&v.By, p.Author)
			if v.When.IsZero() {
				v.When = p.Created.Add(time.Duration(j) * 26 * time.Hour)
			}
			if j > 0 {
				def(&v.Body, p.Versions[j-1].Body)
			}
		}
		if err := claim(&p.ID); err != nil {
			return err
		}
		for j := range p.Versions {
			v := &p.Versions[j]
			if j == len(p.Versions)-1 {
				v.ID = p.ID
			} else if err := claim(&v.ID); err != nil {
				return err
			}
			if !users[v.By] {
				return fmt.Errorf("%s: version %d by nobody known: %q", where, j+1, v.By)
			}
		}
		for j := range p.Comments {
			c := &p.Comments[j]
			if c.When.IsZero() {
				c.When = p.Created.Add(time.Duration(j+1) * 5 * time.Hour)
			}
			if err := claim(&c.ID); err != nil {
				return err
			}
			if !users[c.By] || c.ReplyTo > j {
				return fmt.Errorf("%s: comment %d: by nobody known, or an answer to a later one", where, j+1)
			}
		}
		for j := range p.Attachments {
			a := &p.Attachments[j]
			def(&a.By, p.Author)
			def(&a.MediaType, mediaType(a.Name))
			if a.When.IsZero() {
				a.When = p.Created.Add(time.Duration(j+1) * time.Hour)
			}
			if err := claim(&a.ID); err != nil {
				return err
			}
			if a.Name == "" || !users[a.By] {
				return fmt.Errorf("%s: attachment %d: no name, or by nobody known", where, j+1)
			}
		}
	}
	for i := range w.Spaces {
		s := &w.Spaces[i]
		if s.Home == "" {
			for j := range w.Pages {
				if strings.EqualFold(w.Pages[j].Space, s.Key) && w.Pages[j].Type == "page" {
					s.Home = w.Pages[j].Title
					break
				}
			}
		}
	}
	for _, name := range w.Tokens {
		if !users[name] {
			return fmt.Errorf("world: token of nobody known: %q", name)
		}
	}
	return nil
}

func def(s *string, v string) {
	if *s == "" {
		*s = v
	}
}

func userKey(name string) string {
	sum := sha256.Sum256([]byte("user " + name))
	return "2c9d" + hex.EncodeToString(sum[:14])
}

func mediaType(name string) string {
	switch name[strings.LastIndexByte(name, '.')+1:] {
	case "png":
		return "image/png"
	case "svg":
		return "image/svg+xml"
	case "pdf":
		return "application/pdf"
	case "txt":
		return "text/plain"
	case "csv":
		return "text/csv"
	}
	return "application/octet-stream"
}

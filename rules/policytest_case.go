package rules

import (
	"errors"
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"
)

// TestFile is a policy test: who, looking at what, gets which verdict.
type TestFile struct {
	// Policy names the rule files, and Directory the snapshot, beside the test.
	Policy    textList `yaml:"policy"`
	Directory string   `yaml:"directory"`
	// Identity sets the upstream identity of a kind of viewer (internal,
	// external, none, anonymous); left out, that of Options.
	Identity map[string]string `yaml:"identity"`
	Cases    []TestCase        `yaml:"cases"`
}

// TestCase is one row.
type TestCase struct {
	Pos     Pos      `yaml:"-"`
	Name    string   `yaml:"name"` // for people
	As      TestWho  `yaml:"as"`
	See     Question `yaml:"see"`
	In      string   `yaml:"in"`
	Action  Action   `yaml:"action"`
	Method  string   `yaml:"method"`
	At      string   `yaml:"at"`      // as ParseAt reads it; left out: now
	Want    string   `yaml:"want"`    // visible, hidden, forbidden, unknown
	Because string   `yaml:"because"` // a part of the reason, or of the chain behind it
}

// TestWho is the viewer of a case: a name as ViewerFor takes it, or claims.
type TestWho struct {
	Name      string   `yaml:"-"`
	User      string   `yaml:"user"` // the wiki user that he is linked to
	Email     string   `yaml:"email"`
	Groups    textList `yaml:"groups"`
	Provider  string   `yaml:"provider"`
	Subject   string   `yaml:"subject"`
	Anonymous bool     `yaml:"anonymous"`
	// Unverified drops the claim that the e-mail is verified.
	Unverified bool `yaml:"unverified"`
}

// textList is a list of texts, of which one may stand alone.
type textList []string

// UnmarshalNode reads the list or the single text.
func (l *textList) UnmarshalNode(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		*l = textList{""}
		return decodeNode(n, &(*l)[0])
	}
	return decodeNode(n, (*[]string)(l))
}

// UnmarshalNode reads the bare name or the mapping.
func (w *TestWho) UnmarshalNode(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return decodeNode(n, &w.Name)
	}
	type long TestWho
	return decodeNode(n, (*long)(w))
}

// String says who looks, for results.
func (w *TestWho) String() string {
	if w.Anonymous {
		return "anonymous"
	}
	if len(w.Groups) > 0 && w.Name == "" && w.User == "" && w.Email == "" && w.Subject == "" {
		return "somebody of " + w.Groups[0]
	}
	return firstOf(w.Name, w.User, w.Email, w.Subject, "somebody")
}

func (w *TestWho) viewer(p *Policy, f Facts) (Viewer, error) {
	switch {
	case w.Anonymous:
		return Viewer{Anonymous: true}, nil
	case w.Name != "":
		return ViewerFor(p, f, w.Name)
	case w.User == "" && w.Email == "" && len(w.Groups) == 0 && w.Subject == "":
		return Viewer{}, errors.New("as: a viewer needs a user, an email, groups or a subject; or write anonymous")
	}
	if w.Provider != "" && !p.knowsSource(w.Provider) {
		return Viewer{}, fmt.Errorf("as: %q is no provider of the policy%s", w.Provider, suggest(w.Provider, p.sourceNames()))
	}
	id, known := f.FindUser(UserName, w.User)
	if !known {
		id, known = f.FindUser(UserEmail, w.User)
	}
	if known && w.Email == "" && len(w.Groups) == 0 && w.Subject == "" && w.Provider == "" {
		v := p.viewerOf(&f.Users()[id]) // nothing is claimed: as the bare name
		v.EmailVerified = !w.Unverified
		return v, nil
	}
	v := Viewer{Provider: w.Provider, Subject: w.Subject, Email: w.Email, EmailVerified: !w.Unverified, Groups: w.Groups}
	var identities []string
	if known {
		u := &f.Users()[id]
		v.WikiUser, v.DisplayName, identities = u.Username, u.DisplayName, u.Identities
	} else if w.User != "" && v.Subject == "" {
		v.Subject = w.User
	}
	if v.Provider == "" {
		v.Provider, _ = p.guessProvider(w.Email, identities)
	}
	v.WikiVouches = v.Provider == wikiSource
	return v, nil
}

func (t *TestFile) check(file string) error {
	var errs Errors
	c := checker{errs: &errs, file: file}
	if len(t.Policy) == 0 {
		c.fail(Pos{1, 1}, "policy: name the rule files")
	}
	if t.Directory == "" {
		c.fail(Pos{1, 1}, "directory: name the snapshot")
	}
	for kind, id := range t.Identity {
		c.word(Pos{1, 1}, "identity", kind, "internal", "external", "none", "anonymous")
		c.word(Pos{1, 1}, "identity", id, "anonymous", "service", "header", "passthrough")
	}
	for i := range t.Cases {
		k := &t.Cases[i]
		if k.Want == "" {
			c.fail(k.Pos, "want: say which verdict is expected")
		}
		c.word(k.Pos, "want", k.Want, "visible", "hidden", "forbidden", "unknown")
		c.word(k.Pos, "action", string(k.Action), words(actions)...)
		if k.At != "" {
			if _, err := ParseAt(k.At, time.UTC); err != nil {
				c.errs.add(file, k.Pos, fmt.Errorf("at: %w", err))
			}
		}
	}
	return errs.err()
}

func (t *TestFile) options() Options {
	o, _ := IdentityOptions(t.Identity) // checked
	return o
}

// IdentityOptions are the options of offline commands that say how kinds of
// viewer are known to the wiki: a kind's word to an identity's.
func IdentityOptions(words map[string]string) (Options, error) {
	o := Options{Identity: map[ViewerKind]UpstreamIdentity{}}
	for k := Anonymous; k <= Internal; k++ {
		if id := words[k.String()]; id != "" {
			o.Identity[k] = UpstreamIdentity(id)
		}
	}
	for w := range words {
		if w != Anonymous.String() && w != None.String() && w != External.String() && w != Internal.String() {
			return o, fmt.Errorf("%q is none of internal, external, none, anonymous", w)
		}
	}
	return o, nil
}

// atForms are the spellings of a moment that people and YAML files use.
var atForms = []string{time.RFC3339, time.DateOnly, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02T15:04Z07:00"}

// ParseAt reads the moment of a question: a time as RFC 3339 has it, or a date,
// which is its first instant. What names no zone is in loc; nil: UTC.
func ParseAt(s string, loc *time.Location) (time.Time, error) {
	if loc == nil {
		loc = time.UTC
	}
	for _, form := range atForms {
		if t, err := time.ParseInLocation(form, s, loc); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time such as 2027-02-01T00:00:00Z and no date such as 2027-02-01", s)
}

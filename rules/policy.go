package rules

import (
	"reflect"
	"strings"
	"time"
	_ "time/tzdata" // a policy's zone must mean the same on every machine

	"go.yaml.in/yaml/v3"
)

// Policy is the rule files of one site, merged, with every default filled in:
// who is internal, what is shared with whom, what else is hidden or blocked.
// LoadPolicy and ParsePolicy make it; it does not change afterwards.
type Policy struct {
	Version int    `yaml:"version"` // 1
	Wiki    string `yaml:"wiki"`    // the profile: a shipped name, one given beside the policy, or a path
	Preset  string `yaml:"preset"`  // recommended (default) or strict: what is meant by what is left out
	Zone    string `yaml:"zone"`    // the time zone of dates in until; UTC if left out

	// Providers says whom to trust for what. Left out, the one provider that
	// there is is trusted for everything.
	Providers map[string]Provider `yaml:"providers"`
	// Sources is what a bare group name may mean: providers, or "wiki".
	Sources  []string     `yaml:"sources"`
	Internal InternalSpec `yaml:"internal"`
	Extranet ExtranetSpec `yaml:"extranet"`
	// Spaces is Extranet.Spaces, written at the top. After loading it holds
	// both, and Extranet.Spaces is empty.
	Spaces    SpaceRules   `yaml:"spaces"`
	Pages     []PageRule   `yaml:"pages"`
	Filters   []Filter     `yaml:"filters"`
	URLs      URLRules     `yaml:"urls"`
	Suspended []Member     `yaml:"suspended"`
	Show      Show         `yaml:"show"`
	Tripwire  TripwireSpec `yaml:"tripwire"`
	// Tests names policy test files, relative to the file that lists them;
	// after loading they are paths as RunTests takes them.
	Tests []string `yaml:"tests"`
	// UnsafeServiceIdentity permits internal mode "unrestricted" where
	// internals reach the wiki through a shared account.
	UnsafeServiceIdentity bool `yaml:"unsafe_service_identity"`

	// Profile is the wiki's dialect, compiled.
	Profile *Profile `yaml:"-"`

	Pos  Pos    `yaml:"-"`
	file string // the one that names the wiki
	// text holds the files, so that Lint and Check can say where things stand.
	text         map[string][]byte
	missingTests []string
	// modeByPreset: nobody wrote internal.mode.
	modeByPreset bool
	mentioned    []string // the providers that rules speak of
	digest       string
	location     *time.Location
}

// Provider says what an OpenID provider is trusted for.
type Provider struct {
	Pos      Pos      `yaml:"-"`
	Internal bool     `yaml:"internal"` // it may say who is internal
	Domains  []string `yaml:"domains"`  // e-mail domains that it vouches for
}

// InternalSpec says who is internal and what internals see of each other.
type InternalSpec struct {
	Pos    Pos         `yaml:"-"`
	Groups []Principal `yaml:"groups"`
	// Mode is unrestricted or shared-spaces. Left out, it is the preset's, but
	// shared-spaces where internals have no identity of their own in the wiki;
	// written out, unrestricted is refused under identity service.
	Mode     string `yaml:"mode"`
	Unrouted string `yaml:"unrouted"` // refuse (default), pass: URLs of no route, own identity only
}

// ExtranetSpec is what holds for externals everywhere.
type ExtranetSpec struct {
	Pos            Pos        `yaml:"-"`
	UsersSee       string     `yaml:"users_see"`       // shared-space, shared-space-or-internal, shared-space-or-unassigned
	ManagersAssign string     `yaml:"managers_assign"` // everyone, shared-space
	People         string     `yaml:"people"`          // none, filtered
	DefaultRole    string     `yaml:"default_role"`    // reader, commenter, user, manager
	Archived       string     `yaml:"archived"`        // hidden, visible
	Spaces         SpaceRules `yaml:"spaces"`
}

// SpaceRules is the spaces mapping, in the order of the file.
type SpaceRules []SpaceRule

// SpaceRule is one entry of the spaces mapping: a space by any of its names,
// and what is shared of it with whom.
type SpaceRule struct {
	Name     string   `yaml:"-"`
	Pos      Pos      `yaml:"-"`
	File     string   `yaml:"-"`
	Members  []Member `yaml:"members"`
	Mentions string   `yaml:"mentions"` // members, nobody
	Mark     bool     `yaml:"mark"`     // zone banner
	Hide     HideSpec `yaml:"hide"`
	OpenTo   string   `yaml:"open_to"` // externals, public; left out: members only
}

// UnmarshalNode keeps the mapping's order and the places of its keys.
func (s *SpaceRules) UnmarshalNode(n *yaml.Node) error {
	var d decoder
	switch {
	case isNull(n):
		return nil
	case n.Kind != yaml.MappingNode:
		d.fail(n, "want a mapping of spaces, got %s", describe(n))
		return d.errs.err()
	}
	d.pairs(n, func(key, val *yaml.Node) {
		r := SpaceRule{}
		if err := decodeNode(val, &r); err != nil {
			d.errs.add("", Pos{}, err)
		}
		r.Name, r.Pos = key.Value, Pos{key.Line, key.Column}
		*s = append(*s, r)
	})
	return d.errs.err()
}

// HideSpec hides parts of a shared space from everyone but internals.
type HideSpec struct {
	Pos    Pos      `yaml:"-"`
	Labels []string `yaml:"labels"` // pages that bear one of these
	// Titles are patterns over the whole title, without regard to case:
	// * stands for any run of characters (slashes too), ? for one,
	// [a-z] for one of a class, {a,b} for either.
	Titles   []string `yaml:"titles"`
	Subtrees []string `yaml:"subtrees"` // pages, by title or id, with all below them

	globs titleGlobs // Titles, compiled
}

// Member assigns people to a space or a page. Exactly one of Group,
// EmailDomain and User is set. A bare e-mail address is short for User.
type Member struct {
	Pos         Pos       `yaml:"-"`
	File        string    `yaml:"-"`
	Group       Principal `yaml:"group"`
	EmailDomain string    `yaml:"email_domain"`
	User        Principal `yaml:"user"`
	Role        string    `yaml:"role"`  // left out: extranet.default_role
	Until       string    `yaml:"until"` // a date (to the end of that day) or an RFC 3339 time

	principal principal
	role      Role
	until     time.Time // zero: for ever
}

// UnmarshalNode reads the mapping or the short form.
func (m *Member) UnmarshalNode(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "@") {
		m.Pos = Pos{n.Line, n.Column}
		m.User = Principal{Pos: m.Pos, Name: n.Value}
		return nil
	}
	type long Member
	var d decoder
	d.value(n, reflect.ValueOf((*long)(m)).Elem())
	// An empty text is no way to say "for ever", or "as the others".
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if v := n.Content[i+1]; v.Kind == yaml.ScalarNode && v.Value == "" && !isNull(v) {
			d.fail(v, "%s: an empty text; leave the key out", n.Content[i].Value)
		}
	}
	return d.errs.err()
}

// Principal is a group or user as written, with its place.
type Principal struct {
	Pos  Pos
	File string
	Name string
}

// UnmarshalNode reads the bare text.
func (p *Principal) UnmarshalNode(n *yaml.Node) error {
	p.Pos = Pos{n.Line, n.Column}
	return decodeNode(n, &p.Name)
}

// PageRule shares single pages of a space that is not shared itself.
type PageRule struct {
	Pos     Pos      `yaml:"-"`
	File    string   `yaml:"-"`
	Content string   `yaml:"content"` // SPACE/Title, or a content id
	With    string   `yaml:"with"`    // subtree: all pages below as well
	Members []Member `yaml:"members"`
}

// Filter hides what a CEL condition says. An error in evaluating, such as an
// absent attribute, hides too.
type Filter struct {
	Pos  Pos    `yaml:"-"`
	File string `yaml:"-"`
	Name string `yaml:"name"`
	Hide string `yaml:"hide"` // users, content, spaces
	When string `yaml:"when"` // over user.…, content.… or space.…
	// Contexts limits a filter of users to "global" or "space"; left out, both.
	Contexts []string `yaml:"contexts"`
	// OneWay: between two externals of whom one is filtered, only that one is
	// hidden from the other. Left out, neither sees the other.
	OneWay bool `yaml:"one_way"`

	global, space bool
	program       *condition
}

// URLRules closes URLs to externals, or opens classes that are closed.
type URLRules struct {
	Pos   Pos       `yaml:"-"`
	Block []URLRule `yaml:"block"`
	Allow []URLRule `yaml:"allow"`
}

// URLRule is a pattern over method and path. A bare string is short for Match.
type URLRule struct {
	Pos   Pos    `yaml:"-"`
	File  string `yaml:"-"`
	Match string `yaml:"match"` // "GET,POST /plugins/{name}/{rest...}"; without a method, all
	// ExceptRoles lifts a block for those who have one of these roles in the
	// space that the URL names.
	ExceptRoles []string `yaml:"except_roles"`

	pattern *urlPattern
	except  [Manager + 1]bool
}

// UnmarshalNode reads the mapping or the short form.
func (u *URLRule) UnmarshalNode(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		u.Pos = Pos{n.Line, n.Column}
		return decodeNode(n, &u.Match)
	}
	type long URLRule
	return decodeNode(n, (*long)(u))
}

// TripwireSpec says what a hit of the last scan does, and which names it looks
// for.
type TripwireSpec struct {
	Pos       Pos    `yaml:"-"`
	Structure string `yaml:"structure"` // redact, refuse, report
	Prose     string `yaml:"prose"`     // auto, redact, report
	// Letters is how many letters a title, or a name of one word, has at least
	// to be looked for; 0: DefaultLetters.
	Letters int `yaml:"letters"`
	// Ordinary are words that say nothing by themselves, beside those that
	// are so everywhere: a name of nothing else is not looked for.
	Ordinary []string `yaml:"ordinary"`
	// Distinctive are words, or sequences of words: a name with one of them in
	// it is looked for, however short or ordinary it is.
	Distinctive []string `yaml:"distinctive"`
}

// DefaultLetters is TripwireSpec.Letters where no file says it.
const DefaultLetters = 8

// Digest identifies the rule files' content, for logs and metrics.
func (p *Policy) Digest() string { return p.digest }

// Archived reports whether archived spaces are visible to externals.
func (p *Policy) showArchived() bool { return p.Extranet.Archived == "visible" }

// preset is what a policy means by what it leaves out.
type preset struct {
	mode, usersSee, managersAssign, people, defaultRole, archived, mentions, structure, prose string
}

var presets = map[string]preset{
	"recommended": {
		mode: "unrestricted", usersSee: "shared-space", managersAssign: "everyone", people: "none", defaultRole: "reader",
		archived: "hidden", mentions: "members", structure: "redact", prose: "auto",
	},
	"strict": {
		mode: "shared-spaces", usersSee: "shared-space", managersAssign: "shared-space", people: "none", defaultRole: "reader",
		archived: "hidden", mentions: "nobody", structure: "refuse", prose: "redact",
	},
}

// applyPreset fills in what the files leave out.
func (p *Policy) applyPreset() {
	if p.Preset == "" {
		p.Preset = "recommended"
	}
	d := presets[p.Preset]
	p.modeByPreset = p.Internal.Mode == ""
	set := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	set(&p.Internal.Mode, d.mode)
	set(&p.Internal.Unrouted, "refuse")
	set(&p.Extranet.UsersSee, d.usersSee)
	set(&p.Extranet.ManagersAssign, d.managersAssign)
	set(&p.Extranet.People, d.people)
	set(&p.Extranet.DefaultRole, d.defaultRole)
	set(&p.Extranet.Archived, d.archived)
	set(&p.Tripwire.Structure, d.structure)
	set(&p.Tripwire.Prose, d.prose)
	if p.Tripwire.Letters == 0 {
		p.Tripwire.Letters = DefaultLetters
	}
	for i := range p.Spaces {
		set(&p.Spaces[i].Mentions, d.mentions)
	}
}
